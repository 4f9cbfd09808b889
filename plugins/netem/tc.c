/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tc.c - netem as tc-netem(8) speaks of it.
 *
 * The options begin with a bare struct tc_netem_qopt, whose members are all there is to say when a qdisc is
 * changed: each of them is set. What the attributes behind it are about stays as it is where they are
 * missing, as on Linux; a loss model takes the place of the one before.
 */
#include <errno.h>
#include <string.h>
#include <linux/pkt_sched.h>

#include "netem.h"

#define PRNG_SEED	14		/* TCA_NETEM_PRNG_SEED, Linux 6.6 */
#define ATTRS_MAX	PRNG_SEED
#define DIST_MAX	16384u		/* Linux's NETEM_DIST_MAX */

/* tc's chances are parts of 2^32 - 1. */
static uint32_t parts_of(uint32_t chance)
{
	return (uint32_t)(((uint64_t)chance * ALL + UINT32_MAX / 2) / UINT32_MAX);
}

static uint32_t chance_of(uint32_t parts)
{
	return (uint32_t)(((uint64_t)parts * UINT32_MAX + ALL / 2) / ALL);
}

/* ---- reading ---- */

static void read_base(const struct tc_netem_qopt *opt, const struct tc_attr *tb, struct netem_params *p)
{
	int64_t ns;

	p->delay = tc_get(&tb[TCA_NETEM_LATENCY64], &ns, sizeof(ns)) && ns >= 0 ? (uint64_t)ns
									      : tc_ns(opt->latency);
	p->jitter = tc_get(&tb[TCA_NETEM_JITTER64], &ns, sizeof(ns)) && ns >= 0 ? (uint64_t)ns
									      : tc_ns(opt->jitter);
	p->limit = opt->limit;
	p->duplicate = parts_of(opt->duplicate);
	p->gap = opt->gap;
	p->loss = parts_of(opt->loss);
	p->ge_p = p->p13 = p->p14 = 0;
}

static void read_chances(const struct tc_attr *tb, struct netem_params *p)
{
	struct tc_netem_reorder reorder;
	struct tc_netem_corrupt corrupt;
	struct tc_netem_corr corr;
	uint32_t ecn;

	if (tc_get(&tb[TCA_NETEM_CORR], &corr, sizeof(corr))) {
		p->delay_correlation = parts_of(corr.delay_corr);
		p->loss_correlation = parts_of(corr.loss_corr);
		p->duplicate_correlation = parts_of(corr.dup_corr);
	}
	if (tc_get(&tb[TCA_NETEM_REORDER], &reorder, sizeof(reorder))) {
		p->reorder = parts_of(reorder.probability);
		p->reorder_correlation = parts_of(reorder.correlation);
	} else if (p->gap && !p->reorder) {
		p->reorder = ALL;	/* what a gap alone meant before there was a chance */
	}
	if (!p->gap)
		p->reorder = p->reorder_correlation = 0;
	if (tc_get(&tb[TCA_NETEM_CORRUPT], &corrupt, sizeof(corrupt))) {
		p->corrupt = parts_of(corrupt.probability);
		p->corrupt_correlation = parts_of(corrupt.correlation);
	}
	if (tc_get(&tb[TCA_NETEM_ECN], &ecn, sizeof(ecn)))
		p->ecn = ecn;
}

static int read_loss(const struct tc_attr *a, struct netem_params *p, struct weir_error *e)
{
	struct tc_attr tb[NETEM_LOSS_MAX + 1];
	struct tc_netem_gimodel gi;
	struct tc_netem_gemodel ge;
	int err;

	if (!a->data)
		return 0;
	err = tc_attrs(a->data, a->len, tb, NETEM_LOSS_MAX, e);
	if (err)
		return err;
	p->loss = p->loss_correlation = 0;
	if (tc_get(&tb[NETEM_LOSS_GI], &gi, sizeof(gi))) {
		p->p13 = parts_of(gi.p13);
		p->p31 = parts_of(gi.p31);
		p->p32 = parts_of(gi.p32);
		p->p14 = parts_of(gi.p14);
		p->p23 = parts_of(gi.p23);
	} else if (tc_get(&tb[NETEM_LOSS_GE], &ge, sizeof(ge))) {
		p->ge_p = parts_of(ge.p);
		p->ge_r = parts_of(ge.r);
		p->ge_h1 = ALL - parts_of(ge.h);	/* tc writes 1-h, and sends h */
		p->ge_k1 = parts_of(ge.k1);
	} else {
		return weir_fail(e, EOPNOTSUPP, "loss by a model that is neither state nor gemodel");
	}
	return 0;
}

static int read_rate(const struct tc_attr *tb, struct netem_params *p, struct weir_error *e)
{
	struct tc_netem_rate rate;

	if (!tc_get(&tb[TCA_NETEM_RATE], &rate, sizeof(rate)))
		return 0;
	if (rate.packet_overhead < 0 || rate.cell_overhead < 0)
		return weir_fail(e, EOPNOTSUPP, "rate: an overhead of %d bytes: packets cannot be counted shorter than they are",
				 rate.packet_overhead < 0 ? rate.packet_overhead : rate.cell_overhead);
	p->rate = tc_rate(rate.rate, &tb[TCA_NETEM_RATE64]);
	p->overhead = (uint32_t)rate.packet_overhead;
	p->cell = rate.cell_size;
	p->cell_overhead = (uint32_t)rate.cell_overhead;
	return 0;
}

/* As many quantiles as there are, of which ours are the nearest. */
static int read_table(const struct tc_attr *a, struct netem_params *p, struct weir_error *e)
{
	size_t n = a->len / sizeof(int16_t);

	if (!a->data)
		return 0;
	if (!n || n > DIST_MAX)
		return weir_fail(e, EINVAL, "distribution: a table of %zu values; it has 1 to %u", n, DIST_MAX);
	for (size_t i = 0; i < TABLE_SIZE; i++)
		memcpy(&p->table[i], (const uint8_t *)a->data + i * n / TABLE_SIZE * sizeof(int16_t), sizeof(int16_t));
	p->distribution = DIST_TABLE;
	p->given = true;
	return 0;
}

static int netem_read(const struct tc_options *o, void *params, struct weir_error *e)
{
	struct tc_attr tb[ATTRS_MAX + 1];
	struct netem_params *p = params;
	struct tc_netem_qopt opt;
	int err;

	if (!tc_get(&(struct tc_attr){ o->data, o->len }, &opt, sizeof(opt)))
		return weir_fail(e, EINVAL, "its options begin with %zu bytes, these have %zu", sizeof(opt), o->len);
	err = tc_attrs((const uint8_t *)o->data + sizeof(opt), o->len - sizeof(opt), tb, ATTRS_MAX, e);
	if (err)
		return err;
	if (tb[TCA_NETEM_SLOT].data || tb[TCA_NETEM_SLOT_DIST].data)
		return weir_fail(e, EOPNOTSUPP, "slot is not there; leave it out");
	read_base(&opt, tb, p);
	read_chances(tb, p);
	tc_get(&tb[PRNG_SEED], &p->seed, sizeof(p->seed));
	err = read_loss(&tb[TCA_NETEM_LOSS], p, e);
	if (!err)
		err = read_rate(tb, p, e);
	return err ? err : read_table(&tb[TCA_NETEM_DELAY_DIST], p, e);
}

/* ---- writing ---- */

static void write_loss(struct tc_out *out, const struct netem_params *p)
{
	const struct tc_netem_gimodel gi = {
		chance_of(p->p13), chance_of(p->p31), chance_of(p->p32), chance_of(p->p14), chance_of(p->p23),
	};
	const struct tc_netem_gemodel ge = {
		chance_of(p->ge_p), chance_of(p->ge_r), UINT32_MAX - chance_of(p->ge_h1), chance_of(p->ge_k1),
	};
	size_t nest;

	if (!p->ge_p && !p->p13 && !p->p14)
		return;
	nest = tc_nest(out, TCA_NETEM_LOSS);
	if (p->ge_p)
		tc_put(out, NETEM_LOSS_GE, &ge, sizeof(ge));
	else
		tc_put(out, NETEM_LOSS_GI, &gi, sizeof(gi));
	tc_nest_end(out, nest);
}

static void write_rate(struct tc_out *out, const struct netem_params *p)
{
	const struct tc_netem_rate rate = {
		tc_u32(p->rate), (int32_t)p->overhead, p->cell, (int32_t)p->cell_overhead,
	};

	tc_put(out, TCA_NETEM_RATE, &rate, sizeof(rate));
	if (p->rate > UINT32_MAX)
		tc_put(out, TCA_NETEM_RATE64, &p->rate, sizeof(p->rate));
}

static void netem_write(const struct qdisc *q, const void *params, struct tc_out *out)
{
	const struct netem_params *p = netem_effective(q);
	const struct tc_netem_qopt opt = {
		tc_ticks(p->delay), p->limit, chance_of(p->loss), p->gap,
		chance_of(p->duplicate), tc_ticks(p->jitter),
	};
	const struct tc_netem_corr corr = {
		chance_of(p->delay_correlation), chance_of(p->loss_correlation), chance_of(p->duplicate_correlation),
	};
	const struct tc_netem_reorder reorder = { chance_of(p->reorder), chance_of(p->reorder_correlation) };
	const struct tc_netem_corrupt corrupt = { chance_of(p->corrupt), chance_of(p->corrupt_correlation) };
	const uint32_t ecn = p->ecn;

	(void)params;
	tc_append(out, &opt, sizeof(opt));
	tc_put(out, TCA_NETEM_LATENCY64, &p->delay, sizeof(p->delay));
	tc_put(out, TCA_NETEM_JITTER64, &p->jitter, sizeof(p->jitter));
	tc_put(out, TCA_NETEM_CORR, &corr, sizeof(corr));
	tc_put(out, TCA_NETEM_REORDER, &reorder, sizeof(reorder));
	tc_put(out, TCA_NETEM_CORRUPT, &corrupt, sizeof(corrupt));
	write_rate(out, p);
	if (ecn)
		tc_put(out, TCA_NETEM_ECN, &ecn, sizeof(ecn));
	write_loss(out, p);
	if (p->seed)
		tc_put(out, PRNG_SEED, &p->seed, sizeof(p->seed));
}

const struct qdisc_tc netem_tc[] = {
	{ "netem", NULL, netem_read, netem_write },
	{ }
};
