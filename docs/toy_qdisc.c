/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toy_qdisc.c - two bands by DSCP: a whole qdisc module, outside the tree. docs/writing-a-module.md walks
 * through it.
 *
 * Theory of operation
 *
 * A packet whose DSCP (RFC 2474: the upper six bits of IPv4's second byte) is Expedited Forwarding,
 * 46 (RFC 3246), goes into the first band, every other packet into the second. dequeue takes from the first
 * band while there is anything in it: strict priority. Each band holds at most `limit` packets,
 * so that the first cannot take all memory; it can starve the second, which is what strict means.
 *
 * Build it, from anywhere:
 *	cc -std=gnu17 -shared -fPIC $(pkg-config --cflags weir) toy_qdisc.c -o toy.so
 */
#include <weir/module.h>

#define BANDS		2
#define ETHERNET_HEADER	14u
#define ETHERTYPE_IPV4	0x0800

/* What a user can set. The core fills it from text, by the table below. */
struct toy_params {
	uint32_t limit;
	uint32_t dscp;
};

static const struct param toy_param[] = {
	{ .name = "limit", .type = PARAM_U32, .offset = offsetof(struct toy_params, limit),
	  .min = 1, .max = 100000, .def = "500", .help = "most packets that wait in each band" },
	{ .name = "dscp", .type = PARAM_U32, .offset = offsetof(struct toy_params, dscp),
	  .max = 63, .def = "46", .help = "the DSCP that goes first" },
	{ }
};

/* One instance's state: the core gives us priv_size zeroed bytes for it. */
struct toy {
	struct packet_queue band[BANDS];
	uint32_t limit, dscp;
	uint64_t first;			/* packets that went first */
};

/* init and change: the parameters are within their bounds already. What only the module can judge
 * would be refused here, with weir_fail, before anything is changed. */
static int toy_change(struct qdisc *q, const void *params, struct weir_error *e)
{
	const struct toy_params *p = params;
	struct toy *t = qdisc_priv(q);

	(void)e;
	t->limit = p->limit;
	t->dscp = p->dscp;
	return 0;
}

/* data is at the Ethernet header. Never read a byte that may not be there: packet_need says whether it is. */
static int toy_band(const struct toy *t, struct packet *p)
{
	if (p->protocol != ETHERTYPE_IPV4 || !packet_need(p, ETHERNET_HEADER + 2))
		return 1;
	return (uint32_t)(p->data[ETHERNET_HEADER + 1] >> 2) == t->dscp ? 0 : 1;
}

/* The packet is ours now: queue it, or drop it and have it counted. */
static int toy_enqueue(struct qdisc *q, struct packet *p)
{
	struct toy *t = qdisc_priv(q);
	int band = toy_band(t, p);

	if (t->band[band].len >= t->limit)
		return qdisc_drop(q, p);
	t->first += band == 0;
	return qdisc_list_enqueue(q, &t->band[band], p);
}

static struct packet *toy_dequeue(struct qdisc *q)
{
	struct toy *t = qdisc_priv(q);

	for (int i = 0; i < BANDS; i++)
		if (t->band[i].head)
			return qdisc_list_dequeue(q, &t->band[i]);
	return NULL;
}

static struct packet *toy_peek(struct qdisc *q)
{
	struct toy *t = qdisc_priv(q);

	return t->band[0].head ? t->band[0].head : t->band[1].head;
}

static void toy_reset(struct qdisc *q)
{
	struct toy *t = qdisc_priv(q);

	for (int i = 0; i < BANDS; i++)
		qdisc_list_reset(q, &t->band[i]);
}

/* A line of our own in `weir ctl NAME qdisc show`; the usual counters are the core's. */
static int toy_stats(struct qdisc *q, struct qdisc_xstat *x, int max)
{
	struct toy *t = qdisc_priv(q);

	if (max < 1)
		return 0;
	x[0] = (struct qdisc_xstat){ "first", t->first };
	return 1;
}

static const struct qdisc_ops toy_qdisc = {
	.name = "toy",
	.priv_size = sizeof(struct toy),
	.params = toy_param,
	.params_size = sizeof(struct toy_params),
	.init = toy_change,
	.change = toy_change,
	.reset = toy_reset,
	.enqueue = toy_enqueue,
	.dequeue = toy_dequeue,
	.peek = toy_peek,
	.stats = toy_stats,
};

WEIR_MODULE("toy", "two bands by DSCP, strict priority", WEIR_QDISC(toy_qdisc));
