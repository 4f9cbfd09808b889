/* SPDX-License-Identifier: Apache-2.0 */
/* ops.h - what a module claims to be, checked and copied before anything of it is called. */
#ifndef MODULE_OPS_H
#define MODULE_OPS_H

#include "module/registry.h"

/* Is desc a module of this ABI? Prints both sides when not. */
int module_check_abi(const struct weir_module *desc, struct weir_error *e);
/* Full-sized, zero-filled copies of the ops tables that desc lists, each checked. -errno leaves
 * m as it was. */
int module_copy_ops(struct module *m, const struct weir_module *desc, struct weir_error *e);
/* Every function that a module may call (abi.c). */
extern void (*const module_abi[])(void);

#endif
