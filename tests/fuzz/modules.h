/* SPDX-License-Identifier: Apache-2.0 */
/* modules.h - weir's modules for a harness of texts that name them: linked with it, not loaded. */
#ifndef FUZZ_MODULES_H
#define FUZZ_MODULES_H

#include "module/registry.h"

/* A registry of them. */
struct registry *fuzz_modules(void);
/* Add them to one that is initialised. They stay, whatever an input says: fuzz_modules_put lets them go. */
void fuzz_modules_add(struct registry *r);
void fuzz_modules_put(struct registry *r);

#endif
