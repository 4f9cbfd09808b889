/* SPDX-License-Identifier: Apache-2.0 */
/* The same module, rebuilt: only the default tells it from good.c. */
#define MOD_LIMIT "2"
#include "mod.h"

MOD_QDISC(toy, "toy");
WEIR_MODULE("toy", "a test module, newer", WEIR_QDISC(toy));
