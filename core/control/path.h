/* SPDX-License-Identifier: Apache-2.0 */
/* path.h - where sandboxes are known by name: their control sockets and ledgers (client.c). */
#ifndef CONTROL_PATH_H
#define CONTROL_PATH_H

#include <stddef.h>

#include <weir/error.h>

/* Where the control socket of an instance is, or (name NULL) the folder of all of them: /run/weir,
 * for another user than root $XDG_RUNTIME_DIR/weir. */
int control_path(const char *name, char *path, size_t size, struct weir_error *e);

#endif
