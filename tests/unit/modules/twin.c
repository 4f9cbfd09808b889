/* SPDX-License-Identifier: Apache-2.0 */
/* Another module that offers the same qdisc. */
#include "mod.h"

MOD_QDISC(toy, "toy");
WEIR_MODULE("twin", "a test module", WEIR_QDISC(toy));
