/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netem.c - a bad network: delay, jitter, loss, duplication, corruption, reordering, a slow link.
 *
 * Theory of operation
 *
 * What a packet meets, in this order:
 *
 *	duplicate	a second one enters beside it and goes its own way from here on; it is not
 *			duplicated again
 *	loss		it is gone (loss.c); with ecn = on one of an ECN-capable transport is marked
 *			instead
 *	corrupt		one of its bits is turned over (wire.c)
 *	limit		it is gone when so many wait already
 *	delay		it waits for delay, give or take jitter (chance.c), unless reorder picks it:
 *			then it does not wait at all and overtakes those that do. With jitter,
 *			packets overtake each other too
 *	rate		in the order in which their delays end packets pass a link that carries one at
 *			a time, each for its length divided by rate
 *
 * The names and the meaning are those of tc-netem(8), on the sending side of one NIC. Different
 * are:
 *
 *	Super-segments. A wire has none. So where anything but a constant delay is asked for, they
 *	are cut before they meet it: each segment is lost, delayed and paced by itself, and limit
 *	counts segments. (Linux cuts for corruption alone; its 1% of loss takes 64 KiB at once.)
 *
 *	rate is exact: what is left over when a time is rounded to nanoseconds is carried to the
 *	next packet, and a wake-up that comes late shifts nothing. It comes after the delay, not
 *	before it; a packet that reorder picks is not excused from it.
 *
 *	Correlation keeps the chance that was asked for (chance.c).
 *
 * What is lost by chance is counted as a drop, as on Linux, but the sender is told that the packet
 * was queued: it has been sent.
 *
 * Randomness comes from the stack, or from seed: then the same packets meet the same fate.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include <weir/module.h>

#include "chance.h"
#include "delay_line.h"
#include "loss.h"
#include "netem.h"
#include "wire.h"

#define NS		1000000000u
#define RATE_MAX	1000000000000u		/* bytes/s: 8 tbit/s */
#define TIME_MAX	(3600ull * NS)		/* of a delay */

struct netem {
	struct netem_params params;
	bool cut;			/* super-segments */
	struct rng rng;
	struct draws delay, duplicate, corrupt, reorder;
	struct loss loss;
	float *table;			/* of the distribution; NULL: uniform */
	uint32_t passed;		/* delayed since one was let overtake */

	struct delay_line line;
	struct packet *sending;		/* on the slow link, until free_at */
	uint64_t free_at;		/* ns: when the link has sent all that it was given */
	uint64_t rest;			/* of free_at, in ns / rate */
	uint32_t waiting;		/* packets on the wire, of line and sending */

	uint64_t lost, marked, duplicated, corrupted, reordered, splits;
};

#define OFF(member)	.offset = offsetof(struct netem_params, member)
#define PERCENT(n, member, text) { .name = n, .type = PARAM_PERCENT, OFF(member), .help = text }
#define CORRELATION(n, member) \
	PERCENT(n, member, "chance that the draw before decides again")

static const struct param netem_param[] = {
	{ .name = "limit", .type = PARAM_U32, OFF(limit), .min = 1, .max = 1u << 24, .def = "1000",
	  .help = "most packets that wait, delayed ones included" },
	{ .name = "delay", .type = PARAM_DURATION, OFF(delay), .max = TIME_MAX,
	  .help = "how long a packet takes" },
	{ .name = "jitter", .type = PARAM_DURATION, OFF(jitter), .max = TIME_MAX,
	  .help = "how far delay varies: the most (uniform) or the standard deviation" },
	CORRELATION("delay-correlation", delay_correlation),
	{ .name = "distribution", .type = PARAM_ENUM, OFF(distribution),
	  .choices = distribution_names, .def = "uniform",
	  .help = "how the jitter is distributed; table: one that was given by tc" },
	PERCENT("loss", loss, "share of packets lost, each independently"),
	CORRELATION("loss-correlation", loss_correlation),
	PERCENT("gemodel-p", ge_p, "loss in bursts (Gilbert-Elliott): from the good to the bad state"),
	PERCENT("gemodel-r", ge_r, "back from the bad to the good state; default 100% - p"),
	{ .name = "gemodel-1-h", .type = PARAM_PERCENT, OFF(ge_h1), .def = "100%",
	  .help = "loss in the bad state" },
	PERCENT("gemodel-1-k", ge_k1, "loss in the good state"),
	PERCENT("state-p13", p13, "loss by four states: from a gap to a loss within a burst"),
	PERCENT("state-p31", p31, "from a loss within a burst to a gap; default 100% - p13"),
	PERCENT("state-p32", p32, "from a loss within a burst to a packet that passes in it"),
	{ .name = "state-p23", .type = PARAM_PERCENT, OFF(p23), .def = "100%",
	  .help = "from a packet that passes in a burst to a loss in it" },
	PERCENT("state-p14", p14, "from a gap to a single loss"),
	{ .name = "ecn", .type = PARAM_BOOL, OFF(ecn), .def = "off",
	  .help = "mark what loss picks, where its transport is ECN-capable" },
	PERCENT("duplicate", duplicate, "share of packets that come twice"),
	CORRELATION("duplicate-correlation", duplicate_correlation),
	PERCENT("corrupt", corrupt, "share of packets of which one bit is turned over"),
	CORRELATION("corrupt-correlation", corrupt_correlation),
	PERCENT("reorder", reorder, "share of packets that are not delayed"),
	CORRELATION("reorder-correlation", reorder_correlation),
	{ .name = "gap", .type = PARAM_U32, OFF(gap),
	  .help = "reorder may pick every gap-th packet only; default 1" },
	{ .name = "rate", .type = PARAM_RATE, OFF(rate), .max = RATE_MAX,
	  .help = "of the link behind the delay; none: as fast as the NIC's" },
	{ .name = "overhead", .type = PARAM_U32, OFF(overhead), .max = 1u << 16,
	  .help = "bytes that each packet is longer on that link" },
	{ .name = "cell", .type = PARAM_U32, OFF(cell), .max = 1u << 16,
	  .help = "bytes of a cell, of which that link carries whole ones" },
	{ .name = "cell-overhead", .type = PARAM_U32, OFF(cell_overhead), .max = 1u << 16,
	  .help = "bytes that each cell is longer" },
	{ .name = "seed", .type = PARAM_U64, OFF(seed),
	  .help = "the same packets meet the same fate; default: the stack's randomness" },
	{ }
};

/* ---- parameters ---- */

static int check_chain(const char *from, uint32_t a, uint32_t b, struct weir_error *e)
{
	if ((uint64_t)a + b <= ALL)
		return 0;
	return weir_fail(e, EINVAL, "%s are more than 100%% together; lower one of them", from);
}

static int check_loss(const struct netem_params *p, struct weir_error *e)
{
	int models = !!p->loss + !!p->ge_p + !!(p->p13 | p->p14);

	if (models > 1)
		return weir_fail(e, EINVAL, "loss, gemodel-p and state-p13 are three ways to lose "
				 "packets; give one of them");
	if (p->loss_correlation && !p->loss)
		return weir_fail(e, EINVAL, "loss-correlation: there is no loss to correlate; give "
				 "loss");
	if (p->ecn && !models)
		return weir_fail(e, EINVAL, "ecn: there is no loss to turn into marks; give loss");
	if (check_chain("state-p13 and state-p14", p->p13, p->p14, e) < 0 ||
	    check_chain("state-p31 and state-p32", p->p31, p->p32, e) < 0)
		return -EINVAL;
	return 0;
}

/* What the table alone cannot tell; fills in what depends on another parameter. */
static int check(struct netem_params *p, struct weir_error *e)
{
	if (check_loss(p, e) < 0)
		return -EINVAL;
	if (p->gap && !p->reorder)
		return weir_fail(e, EINVAL, "gap: %u has no effect without reorder; give reorder, "
				 "100%% for every one", p->gap);
	if (p->reorder && !p->delay && !p->jitter)
		return weir_fail(e, EINVAL, "reorder: without a delay there is nothing to overtake; "
				 "give delay");
	if ((p->overhead | p->cell) && !p->rate)
		return weir_fail(e, EINVAL, "overhead and cell are lengths on the link of rate, and "
				 "there is none; give rate");
	if (p->cell_overhead && !p->cell)
		return weir_fail(e, EINVAL, "cell-overhead: there are no cells; give cell");
	if (p->distribution == DIST_TABLE && !p->given)
		return weir_fail(e, EINVAL, "distribution: a table of your own can be given by tc only; choose normal, "
				 "pareto or paretonormal");
	if (p->reorder && !p->gap)
		p->gap = 1;
	if (p->ge_p && !p->ge_r)
		p->ge_r = ALL - p->ge_p;
	if (p->p13 && !p->p31)
		p->p31 = ALL - (p->p13 > p->p32 ? p->p13 : p->p32);
	return 0;
}

static void set_loss(struct loss *l, const struct netem_params *p)
{
	uint32_t model = p->loss ? LOSS_RANDOM : p->ge_p ? LOSS_GE :
			 p->p13 | p->p14 ? LOSS_STATE : LOSS_NONE;

	if (model != l->model)
		l->state = 0;
	l->model = model;
	l->share = p->loss;
	l->draws.rho = p->loss_correlation;
	l->p = p->ge_p;
	l->r = p->ge_r;
	l->h1 = p->ge_h1;
	l->k1 = p->ge_k1;
	l->p13 = p->p13;
	l->p31 = p->p31;
	l->p32 = p->p32;
	l->p23 = p->p23;
	l->p14 = p->p14;
}

static void set(struct netem *n, const struct netem_params *p)
{
	n->delay.rho = p->delay_correlation;
	n->duplicate.rho = p->duplicate_correlation;
	n->corrupt.rho = p->corrupt_correlation;
	n->reorder.rho = p->reorder_correlation;
	set_loss(&n->loss, p);
	n->cut = n->loss.model != LOSS_NONE || p->jitter || p->duplicate || p->corrupt ||
		 p->reorder || p->rate;
	if (p->rate != n->params.rate)
		n->rest = 0;
	n->params = *p;
}

/* ---- in ---- */

static uint32_t wire_packets(const struct packet *p)
{
	return p->gso_size && p->gso_segs ? p->gso_segs : 1;
}

/* May this one overtake? Counts those that were not to. */
static bool overtakes(struct netem *n)
{
	if (!n->params.gap || n->passed < n->params.gap - 1 ||
	    !draws_hit(&n->reorder, &n->rng, n->params.reorder)) {
		n->passed++;
		return false;
	}
	n->passed = 0;
	return true;
}

static uint64_t delay_of(struct netem *n)
{
	if (overtakes(n)) {
		n->reordered++;
		return 0;
	}
	return spread(n->params.delay, n->params.jitter, n->table,
		      n->params.jitter ? draws_next(&n->delay, &n->rng) : 0);
}

static int admit(struct qdisc *q, struct packet *p)
{
	struct netem *n = qdisc_priv(q);

	if (loss_next(&n->loss, &n->rng)) {
		if (!n->params.ecn || !wire_mark(p)) {
			n->lost++;
			qdisc_drop(q, p);
			return QDISC_QUEUED;
		}
		n->marked++;
	}
	if (draws_hit(&n->corrupt, &n->rng, n->params.corrupt) && wire_corrupt(&p, &n->rng))
		n->corrupted++;
	if (n->waiting + wire_packets(p) > n->params.limit)
		return qdisc_drop(q, p);
	if (delay_line_push(&n->line, p, qdisc_now(q) + delay_of(n)) < 0)
		return qdisc_drop(q, p);
	n->waiting += wire_packets(p);
	qdisc_queued(q, p);
	return QDISC_QUEUED;
}

static int enqueue_one(struct qdisc *q, struct packet *p)
{
	struct netem *n = qdisc_priv(q);
	struct packet *copy = NULL;
	int ret;

	if (draws_hit(&n->duplicate, &n->rng, n->params.duplicate))
		copy = packet_clone(p);
	ret = admit(q, p);
	if (copy) {
		n->duplicated++;
		admit(q, copy);
	}
	return ret;
}

static int netem_enqueue(struct qdisc *q, struct packet *p)
{
	struct netem *n = qdisc_priv(q);

	if (!n->cut || !p->gso_size)
		return enqueue_one(q, p);
	n->splits++;
	return qdisc_enqueue_segments(q, p, enqueue_one);
}

/* ---- out ---- */

static uint64_t link_bytes(const struct netem_params *p, uint32_t len)
{
	uint64_t bytes = (uint64_t)len + p->overhead;

	if (p->cell)
		bytes = (bytes + p->cell - 1) / p->cell * (p->cell + p->cell_overhead);
	return bytes;
}

/* The link takes the next packet, at, or as soon as it has sent the one before. */
static void start_sending(struct netem *n, uint64_t at)
{
	struct packet *p = delay_line_pop(&n->line);
	uint64_t cost;

	if (at > n->free_at) {
		n->free_at = at;
		n->rest = 0;
	}
	n->sending = p;
	if (!n->params.rate)
		return;
	cost = link_bytes(&n->params, p->wire_len) * NS + n->rest;
	n->free_at += cost / n->params.rate;
	n->rest = cost % n->params.rate;
}

static struct packet *take(struct qdisc *q, struct packet *p)
{
	struct netem *n = qdisc_priv(q);

	n->waiting -= wire_packets(p);
	qdisc_dequeued(q, p);
	return p;
}

static struct packet *netem_dequeue(struct qdisc *q)
{
	struct netem *n = qdisc_priv(q);
	const struct delayed *next = delay_line_peek(&n->line);
	uint64_t now = qdisc_now(q);
	struct packet *p;

	if (!n->sending && next && next->at <= now)
		start_sending(n, next->at);
	if (n->sending && n->free_at <= now) {
		p = n->sending;
		n->sending = NULL;
		return take(q, p);
	}
	if (n->sending)
		qdisc_watchdog(q, n->free_at);
	else if (next)
		qdisc_watchdog(q, next->at);
	return NULL;
}

static struct packet *netem_peek(struct qdisc *q)
{
	struct netem *n = qdisc_priv(q);
	const struct delayed *next = delay_line_peek(&n->line);

	return n->sending ? n->sending : next ? next->p : NULL;
}

static struct packet *pop(struct netem *n)
{
	struct packet *p = n->sending;

	n->sending = NULL;
	return p ? p : delay_line_pop(&n->line);
}

static struct packet *netem_drain(struct qdisc *q)
{
	struct packet *p = pop(qdisc_priv(q));

	return p ? take(q, p) : NULL;
}

/* ---- life ---- */

static int new_table(const struct netem_params *p, float **table, struct weir_error *e)
{
	*table = NULL;
	if (!p->jitter || p->distribution == DIST_UNIFORM)
		return 0;
	*table = table_create(p->distribution, p->table);
	return *table ? 0 : weir_fail(e, ENOMEM, "no memory for the distribution %s",
				      distribution_names[p->distribution]);
}

static int netem_change(struct qdisc *q, const void *params, struct weir_error *e)
{
	struct netem_params p = *(const struct netem_params *)params;
	struct netem *n = qdisc_priv(q);
	float *table;

	if (check(&p, e) < 0 || new_table(&p, &table, e) < 0)
		return -EINVAL;
	free(n->table);
	n->table = table;
	if (p.seed && p.seed != n->params.seed)
		n->rng.state = p.seed;
	set(n, &p);
	return 0;
}

static int netem_init(struct qdisc *q, const void *params, struct weir_error *e)
{
	struct netem *n = qdisc_priv(q);

	n->rng.state = (uint64_t)qdisc_random(q) << 32 | qdisc_random(q);
	return netem_change(q, params, e);
}

static void netem_reset(struct qdisc *q)
{
	struct netem *n = qdisc_priv(q);
	struct packet *p;

	while ((p = pop(n)))
		qdisc_drop_queued(q, p);
	n->waiting = 0;
	n->free_at = n->rest = 0;
}

static void netem_destroy(struct qdisc *q)
{
	struct netem *n = qdisc_priv(q);

	delay_line_free(&n->line);
	free(n->table);
}

static int netem_stats(struct qdisc *q, struct qdisc_xstat *x, int max)
{
	const struct netem *n = qdisc_priv(q);
	const struct qdisc_xstat all[] = {
		{ "lost", n->lost }, { "marked", n->marked }, { "duplicated", n->duplicated },
		{ "corrupted", n->corrupted }, { "reordered", n->reordered },
		{ "splits", n->splits },
	};
	int i;

	for (i = 0; i < max && i < (int)(sizeof(all) / sizeof(all[0])); i++)
		x[i] = all[i];
	return i;
}

const struct netem_params *netem_effective(const struct qdisc *q)
{
	const struct netem *n = qdisc_priv((struct qdisc *)(uintptr_t)q);

	return &n->params;
}

static const struct qdisc_ops netem = {
	.name = "netem", .priv_size = sizeof(struct netem),
	.params = netem_param, .params_size = sizeof(struct netem_params),
	.init = netem_init, .change = netem_change, .reset = netem_reset,
	.destroy = netem_destroy,
	.enqueue = netem_enqueue, .dequeue = netem_dequeue, .peek = netem_peek,
	.drain = netem_drain, .stats = netem_stats, .tc = netem_tc,
};

WEIR_MODULE("netem", "a bad network: delay, loss, duplication, corruption, reordering, rate",
	    WEIR_QDISC(netem));
