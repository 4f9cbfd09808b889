/* SPDX-License-Identifier: Apache-2.0 */
/* plain_qdisc.c - plain_qdisc.h */
#include "tests/unit/plain_qdisc.h"

static int plain_enqueue(struct qdisc *q, struct packet *p)
{
	return qdisc_list_enqueue(q, qdisc_priv(q), p);
}

static struct packet *plain_dequeue(struct qdisc *q)
{
	return qdisc_list_dequeue(q, qdisc_priv(q));
}

static struct packet *plain_peek(struct qdisc *q)
{
	return ((struct packet_queue *)qdisc_priv(q))->head;
}

static void plain_reset(struct qdisc *q)
{
	qdisc_list_reset(q, qdisc_priv(q));
}

const struct qdisc_ops plain_qdisc = {
	.name = "plain", .priv_size = sizeof(struct packet_queue),
	.enqueue = plain_enqueue, .dequeue = plain_dequeue, .peek = plain_peek,
	.reset = plain_reset,
};
