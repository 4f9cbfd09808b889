/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.c - the mode `sandbox`: the program's sockets are the stack's, which has every NIC. */
#include <weir/module.h>

static const struct mode_ops sandbox = { .name = "sandbox", .intercept = true };

WEIR_MODULE("sandbox", "a network stack of its own", WEIR_MODE(sandbox));
