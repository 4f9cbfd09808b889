/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tc.c - tbf as tc-tbf(8) speaks of it.
 *
 * tc counts a bucket as the time that it lasts at its rate, and since Linux 3.13 also in bytes, which is what
 * is taken if it is there. What tc calls latency is a limit by the time it reaches us.
 */
#include <errno.h>
#include <linux/pkt_sched.h>

#include "tbf.h"

static uint64_t bytes_of(uint64_t rate, uint32_t ticks)
{
	return (uint64_t)((unsigned __int128)rate * tc_ns(ticks) / NS);
}

static uint32_t ticks_of(uint64_t rate, uint64_t bytes)
{
	return rate ? tc_ticks((uint64_t)((unsigned __int128)bytes * NS / rate)) : 0;
}

/* Bytes that a packet is counted longer by. */
static bool plain(const struct tc_ratespec *r)
{
	return !r->overhead && !r->mpu && (r->linklayer & TC_LINKLAYER_MASK) <= TC_LINKLAYER_ETHERNET;
}

static int tbf_read(const struct tc_options *o, void *params, struct weir_error *e)
{
	struct tc_attr tb[TCA_TBF_MAX + 1];
	struct tbf_params *p = params;
	struct tc_tbf_qopt opt;
	uint32_t burst, mtu;
	int err = tc_attrs(o->data, o->len, tb, TCA_TBF_MAX, e);

	if (err)
		return err;
	if (!tc_get(&tb[TCA_TBF_PARMS], &opt, sizeof(opt)))
		return weir_fail(e, EINVAL, "rate and burst are missing; give both");
	if (!plain(&opt.rate) || !plain(&opt.peakrate))
		return weir_fail(e, EOPNOTSUPP, "overhead, mpu and linklayer are not there; leave them out");
	p->rate = tc_rate(opt.rate.rate, &tb[TCA_TBF_RATE64]);
	p->burst = tc_get(&tb[TCA_TBF_BURST], &burst, sizeof(burst)) ? burst : bytes_of(p->rate, opt.buffer);
	p->limit = opt.limit;
	p->latency = 0;
	p->peakrate = tc_rate(opt.peakrate.rate, &tb[TCA_TBF_PRATE64]);
	p->mtu = !p->peakrate ? 0 :
		 tc_get(&tb[TCA_TBF_PBURST], &mtu, sizeof(mtu)) ? mtu : bytes_of(p->peakrate, opt.mtu);
	return 0;
}

static struct tc_ratespec spec_of(uint64_t rate)
{
	return (struct tc_ratespec){ .linklayer = TC_LINKLAYER_ETHERNET, .rate = tc_u32(rate) };
}

static void tbf_write(const struct qdisc *q, const void *params, struct tc_out *out)
{
	const struct tbf *t = qdisc_priv((struct qdisc *)(uintptr_t)q);
	uint64_t rate = t->rate.rate, peak = t->peak.rate;
	struct tc_tbf_qopt opt = {
		.limit = tc_u32(t->limit), .buffer = ticks_of(rate, t->rate.size / NS),
		.mtu = ticks_of(peak, t->peak.size / NS),
	};

	(void)params;
	opt.rate = spec_of(rate);
	if (peak)
		opt.peakrate = spec_of(peak);
	tc_put(out, TCA_TBF_PARMS, &opt, sizeof(opt));
	if (rate > UINT32_MAX)
		tc_put(out, TCA_TBF_RATE64, &rate, sizeof(rate));
	if (peak > UINT32_MAX)
		tc_put(out, TCA_TBF_PRATE64, &peak, sizeof(peak));
}

const struct qdisc_tc tbf_tc[] = {
	{ "tbf", NULL, tbf_read, tbf_write },
	{ }
};
