/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - the mode `host`: the program uses the host's own stack; nothing is intercepted. */
#include <weir/module.h>

static bool no_nic(const char *nic)
{
	(void)nic;
	return false;
}

static const struct mode_ops host = { .name = "host", .intercept = false, .nic_allowed = no_nic };

WEIR_MODULE("host", "the host's network stack", WEIR_MODE(host));
