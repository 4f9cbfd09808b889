/* SPDX-License-Identifier: Apache-2.0 */
/* A module as it should be. */
#include "mod.h"

MOD_QDISC(toy, "toy");
WEIR_MODULE("toy", "a test module", WEIR_QDISC(toy));
