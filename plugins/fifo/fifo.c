/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fifo.c - first in, first out, with a limit in packets or in bytes.
 *
 * One list. A packet that finds the list full is dropped, those that wait are left alone ("tail
 * drop"). After a change to a lower limit, what waits stays; nothing is added until there is room.
 */
#include <errno.h>
#include <stddef.h>

#include <linux/pkt_sched.h>
#include <weir/module.h>

struct fifo {
	struct packet_queue list;
	uint64_t packets, bytes;	/* limits */
};

struct fifo_params {
	uint32_t limit;
	uint64_t limit_bytes;
};

static const struct param fifo_param[] = {
	{ .name = "limit", .type = PARAM_U32, .offset = offsetof(struct fifo_params, limit),
	  .def = "1000",
	  .help = "most packets that wait, 0: no limit; has no effect when limit-bytes is given" },
	{ .name = "limit-bytes", .type = PARAM_SIZE,
	  .offset = offsetof(struct fifo_params, limit_bytes),
	  .help = "most bytes that wait, link headers included" },
	{ }
};

static int fifo_change(struct qdisc *q, const void *params, struct weir_error *e)
{
	struct fifo *f = qdisc_priv(q);
	const struct fifo_params *p = params;

	if (p->limit_bytes && p->limit_bytes < qdisc_mtu_len(q))
		return weir_fail(e, EINVAL, "limit-bytes: %llu bytes is smaller than the largest "
				 "packet %s can send (%u bytes); raise limit-bytes",
				 (unsigned long long)p->limit_bytes, qdisc_nic_name(q),
				 qdisc_mtu_len(q));
	f->packets = p->limit_bytes || !p->limit ? UINT64_MAX : p->limit;
	f->bytes = p->limit_bytes ? p->limit_bytes : UINT64_MAX;
	return 0;
}

static int fifo_enqueue(struct qdisc *q, struct packet *p)
{
	struct fifo *f = qdisc_priv(q);

	if (f->list.len >= f->packets || f->list.bytes + p->wire_len > f->bytes)
		return qdisc_drop(q, p);
	return qdisc_list_enqueue(q, &f->list, p);
}

static struct packet *fifo_dequeue(struct qdisc *q)
{
	struct fifo *f = qdisc_priv(q);

	return qdisc_list_dequeue(q, &f->list);
}

static struct packet *fifo_peek(struct qdisc *q)
{
	struct fifo *f = qdisc_priv(q);

	return f->list.head;
}

static void fifo_reset(struct qdisc *q)
{
	struct fifo *f = qdisc_priv(q);

	qdisc_list_reset(q, &f->list);
}

/* ---- as tc's pfifo and bfifo ---- */

#define TC_PACKETS	1000u		/* an interface's txqueuelen, which Linux takes without options */

static bool counts_packets(const void *params)
{
	return !((const struct fifo_params *)params)->limit_bytes;
}

/* A limit of zero drops everything on Linux, and is none here: it is not taken for the other. */
static int tc_limit(const struct tc_options *o, uint32_t *limit, struct weir_error *e)
{
	struct tc_fifo_qopt opt;

	if (o->data && !tc_get(&(struct tc_attr){ o->data, o->len }, &opt, sizeof(opt)))
		return weir_fail(e, EINVAL, "its option is a limit of 4 bytes, this has %zu", o->len);
	if (o->data && !opt.limit)
		return weir_fail(e, EINVAL, "a limit of 0 drops every packet; give more");
	if (o->data)
		*limit = opt.limit;
	return 0;
}

static int pfifo_read(const struct tc_options *o, void *params, struct weir_error *e)
{
	struct fifo_params *p = params;

	*p = (struct fifo_params){ .limit = TC_PACKETS };
	return tc_limit(o, &p->limit, e);
}

static int bfifo_read(const struct tc_options *o, void *params, struct weir_error *e)
{
	struct fifo_params *p = params;
	uint32_t limit = TC_PACKETS * o->mtu_len;
	int err = tc_limit(o, &limit, e);

	*p = (struct fifo_params){ .limit = TC_PACKETS, .limit_bytes = limit };
	return err;
}

static void tc_write(const struct qdisc *q, const void *params, struct tc_out *out)
{
	const struct fifo_params *p = params;
	const struct tc_fifo_qopt opt = {
		p->limit_bytes ? tc_u32(p->limit_bytes) : p->limit ? p->limit : UINT32_MAX,
	};

	(void)q;
	tc_append(out, &opt, sizeof(opt));
}

static const struct qdisc_tc fifo_tc[] = {
	{ "pfifo", counts_packets, pfifo_read, tc_write },
	{ "bfifo", NULL, bfifo_read, tc_write },
	{ }
};

static const struct qdisc_ops fifo = {
	.name = "fifo", .priv_size = sizeof(struct fifo),
	.params = fifo_param, .params_size = sizeof(struct fifo_params),
	.init = fifo_change, .change = fifo_change, .reset = fifo_reset,
	.enqueue = fifo_enqueue, .dequeue = fifo_dequeue, .peek = fifo_peek, .tc = fifo_tc,
};

WEIR_MODULE("fifo", "first in, first out", WEIR_QDISC(fifo));
