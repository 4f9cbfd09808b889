/* SPDX-License-Identifier: Apache-2.0 */
/* A module that calls what no weir has. */
#include "mod.h"

void weir_of_the_future(void);

MOD_QDISC(toy, "toy");
WEIR_MODULE("undefined", "a test module", WEIR_QDISC(toy));

WEIR_API void call(void);

void call(void)
{
	weir_of_the_future();
}
