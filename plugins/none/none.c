/* SPDX-License-Identifier: Apache-2.0 */
/*
 * none.c - nothing, twice.
 *
 * The qdisc `none` has no queue: a packet goes straight to the link, whose own queue is all there
 * is. The mode `none` has no network: the program's sockets are the stack's, which has loopback
 * only.
 */
#include <weir/module.h>

static struct packet *no_packet(struct qdisc *q)
{
	(void)q;
	return NULL;
}

static void nothing(struct qdisc *q)
{
	(void)q;
}

static bool no_nic(const char *nic)
{
	(void)nic;
	return false;
}

static const struct qdisc_tc none_tc[] = { { .kind = "noqueue" }, { } };

static const struct qdisc_ops none_qdisc = {
	.name = "none",
	.reset = nothing,
	.enqueue = qdisc_transmit, .dequeue = no_packet, .peek = no_packet, .tc = none_tc,
};

static const struct mode_ops none_mode = {
	.name = "none", .intercept = true, .nic_allowed = no_nic,
};

WEIR_MODULE("none", "no queue; no network", WEIR_QDISC(none_qdisc), WEIR_MODE(none_mode));
