/* SPDX-License-Identifier: Apache-2.0 */
/* modules.h - weir's modules for a harness of texts that name them. */
#ifndef FUZZ_MODULES_H
#define FUZZ_MODULES_H

#include "module/registry.h"

/* The registry. Loading what texts name takes a hundred times longer than reading them: weir's own
 * modules stay loaded until the end. */
struct registry *fuzz_modules(void);

#endif
