/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bbr.c - BBR congestion control, version 1 (draft-cardwell-iccrg-bbr-congestion-control-00, with
 * what Linux's tcp_bbr.c added: the policer's rate, and room for aggregated ACKs).
 *
 * Theory of operation. Loss does not say that a path is full, and a full buffer says it too late.
 * So the path is measured: bw, the largest delivery rate of the last ten rounds, and min_rtt, the
 * smallest round trip of the last ten seconds. With as much as bw * min_rtt (the BDP) in flight,
 * sent at bw, the bottleneck is never idle and has no queue. But both cannot be seen at once: a
 * full pipe hides min_rtt, one that is not full hides bw. Hence the machine:
 *
 *	STARTUP		double the rate each round (gain 2/ln 2) until three rounds brought less than 25% more
 *	DRAIN		the inverse gain, until what STARTUP queued is gone
 *	PROBE_BW	phases of one min_rtt: 5/4 bw to see if there is more, 3/4 to drain that
 *			again, six times bw. It begins anywhere but in the draining phase, at random, so
 *			that flows do not probe together
 *	PROBE_RTT	when min_rtt has not been seen for ten seconds: four segments in flight for
 *			200 ms and a round, which empties the queue, also for the other flows
 *
 *	pacing_rate = pacing_gain * bw, less 1% so that what is queued drains
 *	cwnd        = cwnd_gain * BDP + what ACKs were seen to come in bulk beyond bw + three bursts
 *
 * Loss: cwnd goes down by what was lost. In the first round of recovery as much is sent as is
 * delivered (packet conservation), since the path may have changed; afterwards the model holds
 * again, and cwnd comes back at the end.
 *
 * All is bytes, bytes/s and ns. Gains are fractions of 256.
 */
#include <weir/module.h>

#include "bbr.h"

#define BW_ROUNDS	10u
#define CYCLE_LEN	8u
#define CYCLE_RAND	7u		/* the phases to begin with */
#define HIGH_GAIN	(GAIN_UNIT * 2885 / 1000 + 1)
#define DRAIN_GAIN	(GAIN_UNIT * 1000 / 2885)
#define CWND_GAIN	(2 * GAIN_UNIT)
#define FULL_BW_ROUNDS	3u
#define CWND_MIN	4u		/* segments */
#define CWND_INIT	10u
#define PACING_MARGIN	1u		/* percent */
#define BURSTS		3u		/* of the sender, in flight: being built, sent, and acknowledged */
#define POLICER_ROUNDS	48u
#define EXTRA_ROUNDS	5u		/* of each of two windows */
#define EXTRA_MAX	(100 * NSEC_PER_MSEC)	/* of bw */
#define EPOCH_MAX	(1u << 30)	/* bytes */
#define RTT_UNKNOWN	UINT64_MAX

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* bytes at rate bytes/s in ns */
static uint64_t bytes_in(uint64_t rate, uint64_t ns)
{
	return (uint64_t)((unsigned __int128)rate * ns / NSEC_PER_SEC);
}

static uint64_t scale(uint64_t v, uint32_t gain)
{
	return (uint64_t)((unsigned __int128)v * gain / GAIN_UNIT);
}

static uint64_t max_bw(const struct bbr *b)
{
	return b->bw.best[0].v;
}

static uint64_t bandwidth(const struct bbr *b)
{
	return b->policer.in_use ? b->policer.bw : max_bw(b);
}

/* ---- what goes out: pacing_rate and cwnd ---- */

static void pacing_from_rtt(struct congestion *c, struct bbr *b)
{
	uint64_t rtt = c->srtt ? c->srtt : NSEC_PER_MSEC;

	b->seen_rtt = c->srtt != 0;
	c->pacing_rate = scale((uint64_t)((unsigned __int128)c->cwnd * NSEC_PER_SEC / rtt),
			       HIGH_GAIN);
}

static void set_pacing(struct congestion *c, struct bbr *b, uint32_t gain)
{
	uint64_t rate = scale(bandwidth(b), gain) / 100 * (100 - PACING_MARGIN);

	if (!b->seen_rtt && c->srtt)
		pacing_from_rtt(c, b);
	if (b->full_bw_reached || rate > c->pacing_rate)
		c->pacing_rate = max_u64(rate, 1);
}

static uint64_t bdp(const struct congestion *c, const struct bbr *b, uint64_t bw, uint32_t gain)
{
	if (b->min_rtt == RTT_UNKNOWN)
		return (uint64_t)CWND_INIT * c->mss;
	return scale(bytes_in(bw, b->min_rtt), gain) + 1;
}

/* Room for super-segments, an even number of segments for delayed ACKs, and for a probe to be
 * seen. */
static uint64_t with_bursts(const struct congestion *c, const struct bbr *b, uint64_t cwnd)
{
	uint64_t two = 2ull * c->mss;

	cwnd += (uint64_t)BURSTS * c->burst;
	cwnd = (cwnd + two - 1) / two * two;
	if (b->mode == BBR_PROBE_BW && b->cycle == 0)
		cwnd += two;
	return cwnd;
}

static uint64_t target_inflight(const struct congestion *c, const struct bbr *b, uint32_t gain)
{
	return with_bursts(c, b, bdp(c, b, max_bw(b), gain));
}

static uint64_t aggregation_cwnd(const struct bbr *b)
{
	if (!b->full_bw_reached)
		return 0;
	return min_u64(max_u64(b->extra_acked[0], b->extra_acked[1]),
		       bytes_in(bandwidth(b), EXTRA_MAX));
}

static void save_cwnd(const struct congestion *c, struct bbr *b)
{
	if (b->prev_state < CONGESTION_RECOVERY && b->mode != BBR_PROBE_RTT)
		b->prior_cwnd = c->cwnd;
	else
		b->prior_cwnd = max_u64(b->prior_cwnd, c->cwnd);
}

/* True: the rule of recovery has set cwnd. */
static bool recover_or_restore(struct congestion *c, struct bbr *b, const struct congestion_ack *a)
{
	uint8_t was = b->prev_state;

	if (a->lost)
		c->cwnd = c->cwnd > a->lost + c->mss ? c->cwnd - a->lost : c->mss;
	if (c->state == CONGESTION_RECOVERY && was != CONGESTION_RECOVERY) {
		b->conserve = true;
		b->next_round = c->delivered;
		c->cwnd = c->in_flight + a->acked;
	} else if (was >= CONGESTION_RECOVERY && c->state < CONGESTION_RECOVERY) {
		c->cwnd = max_u64(c->cwnd, b->prior_cwnd);
		b->conserve = false;
	}
	b->prev_state = c->state;
	if (b->conserve)
		c->cwnd = max_u64(c->cwnd, c->in_flight + a->acked);
	return b->conserve;
}

static void set_cwnd(struct congestion *c, struct bbr *b, const struct congestion_ack *a)
{
	uint64_t target;

	if (a->acked && !recover_or_restore(c, b, a)) {
		target = with_bursts(c, b, bdp(c, b, bandwidth(b), b->cwnd_gain) +
				     aggregation_cwnd(b));
		if (b->full_bw_reached)
			c->cwnd = min_u64(c->cwnd + a->acked, target);
		else if (c->cwnd < target || c->delivered < (uint64_t)CWND_INIT * c->mss)
			c->cwnd += a->acked;
		c->cwnd = max_u64(c->cwnd, (uint64_t)CWND_MIN * c->mss);
	}
	if (b->mode == BBR_PROBE_RTT)
		c->cwnd = min_u64(c->cwnd, (uint64_t)CWND_MIN * c->mss);
}

/* ---- what comes in: bandwidth, aggregation ---- */

static bool sampled(const struct congestion_ack *a)
{
	return a->interval && a->delivered;
}

static void enter_probe_bw(struct congestion *c, struct bbr *b);

static void police(struct congestion *c, struct bbr *b, uint64_t lost, bool limited)
{
	if (!b->policer.in_use) {
		policer_sample(&b->policer, c, lost, limited, b->round_start);
		return;
	}
	if (b->mode == BBR_PROBE_BW && b->round_start && ++b->policer.rounds >= POLICER_ROUNDS) {
		policer_reset(&b->policer, c);
		enter_probe_bw(c, b);
	}
}

static void update_bw(struct congestion *c, struct bbr *b, const struct congestion_ack *a)
{
	bool limited = a->app_limited || a->prior_delivered < b->limited_until;

	b->round_start = false;
	if (!sampled(a))
		return;
	if (a->prior_delivered >= b->next_round) {
		b->next_round = c->delivered;
		b->rounds++;
		b->round_start = true;
		b->conserve = false;
	}
	police(c, b, a->lost, limited);
	if (!limited || a->rate >= max_bw(b))
		max_filter_update(&b->bw, BW_ROUNDS, b->rounds, a->rate);
}

/*
 * Links that gather packets (Wi-Fi, GRO, stretch ACKs) acknowledge in bulk: with only 2 BDP in
 * flight the sender would stall between. How much more than bw * time has come at once?
 */
static void update_aggregation(struct congestion *c, struct bbr *b, const struct congestion_ack *a)
{
	uint64_t expected, extra;

	if (!a->acked || !sampled(a))
		return;
	if (b->round_start && ++b->extra_rounds >= EXTRA_ROUNDS) {
		b->extra_rounds = 0;
		b->extra_window ^= 1;
		b->extra_acked[b->extra_window] = 0;
	}
	expected = bytes_in(bandwidth(b), c->now - b->epoch_at);
	if (b->epoch_acked <= expected || b->epoch_acked + a->acked >= EPOCH_MAX) {
		b->epoch_acked = expected = 0;
		b->epoch_at = c->now;
	}
	b->epoch_acked = min_u64(b->epoch_acked + a->acked, EPOCH_MAX);
	extra = min_u64(b->epoch_acked - expected, min_u64(c->cwnd, UINT32_MAX));
	if (extra > b->extra_acked[b->extra_window])
		b->extra_acked[b->extra_window] = (uint32_t)extra;
}

/* ---- the machine ---- */

static uint32_t cycle_gain(uint8_t cycle)
{
	return cycle == 0 ? GAIN_UNIT * 5 / 4 : cycle == 1 ? GAIN_UNIT * 3 / 4 : GAIN_UNIT;
}

static void next_phase(const struct congestion *c, struct bbr *b)
{
	b->cycle = (b->cycle + 1) % CYCLE_LEN;
	b->cycle_at = c->now;
}

static void enter_probe_bw(struct congestion *c, struct bbr *b)
{
	b->mode = BBR_PROBE_BW;
	b->cycle = (uint8_t)(CYCLE_LEN - 1 - congestion_random(c, CYCLE_RAND));
	next_phase(c, b);
}

/*
 * A phase takes min_rtt; the probing one until the higher rate had its effect, or loss; the
 * draining one no longer than until the queue is gone.
 */
static bool phase_is_over(const struct congestion *c, const struct bbr *b,
			  const struct congestion_ack *a)
{
	bool full = c->now - b->cycle_at > b->min_rtt;

	if (b->pacing_gain > GAIN_UNIT)
		return full && (a->lost ||
				a->prior_in_flight >= target_inflight(c, b, b->pacing_gain));
	if (b->pacing_gain < GAIN_UNIT)
		return full || a->prior_in_flight <= target_inflight(c, b, GAIN_UNIT);
	return full;
}

static void check_full_bw(struct bbr *b, const struct congestion_ack *a)
{
	if (b->full_bw_reached || !b->round_start || a->app_limited)
		return;
	if (max_bw(b) >= b->full_bw + b->full_bw / 4) {
		b->full_bw = max_bw(b);
		b->full_bw_rounds = 0;
		return;
	}
	b->full_bw_reached = ++b->full_bw_rounds >= FULL_BW_ROUNDS;
}

static void check_drain(struct congestion *c, struct bbr *b)
{
	if (b->mode == BBR_STARTUP && b->full_bw_reached) {
		b->mode = BBR_DRAIN;
		c->ssthresh = target_inflight(c, b, GAIN_UNIT);
	}
	if (b->mode == BBR_DRAIN && c->in_flight <= target_inflight(c, b, GAIN_UNIT))
		enter_probe_bw(c, b);
}

static void end_probe_rtt(struct congestion *c, struct bbr *b)
{
	if (!b->probe_rtt_end || c->now <= b->probe_rtt_end)
		return;
	b->min_rtt_at = c->now;
	c->cwnd = max_u64(c->cwnd, b->prior_cwnd);
	if (b->full_bw_reached)
		enter_probe_bw(c, b);
	else
		b->mode = BBR_STARTUP;
}

static void in_probe_rtt(struct congestion *c, struct bbr *b)
{
	b->limited_until = c->delivered + c->in_flight;
	if (!b->probe_rtt_end) {
		if (c->in_flight > (uint64_t)CWND_MIN * c->mss)
			return;
		b->probe_rtt_end = c->now + b->probe_rtt;
		b->probe_rtt_round_done = false;
		b->next_round = c->delivered;
		return;
	}
	if (b->round_start)
		b->probe_rtt_round_done = true;
	if (b->probe_rtt_round_done)
		end_probe_rtt(c, b);
}

static void update_min_rtt(struct congestion *c, struct bbr *b, const struct congestion_ack *a)
{
	bool expired = c->now - b->min_rtt_at > b->min_rtt_window;

	if (a->rtt && (a->rtt < b->min_rtt || expired)) {
		b->min_rtt = a->rtt;
		b->min_rtt_at = c->now;
	}
	if (expired && b->probe_rtt && !b->idle_restart && b->mode != BBR_PROBE_RTT) {
		save_cwnd(c, b);
		b->mode = BBR_PROBE_RTT;
		b->probe_rtt_end = 0;
	}
	if (b->mode == BBR_PROBE_RTT)
		in_probe_rtt(c, b);
	if (sampled(a))
		b->idle_restart = false;
}

static void set_gains(struct bbr *b)
{
	switch (b->mode) {
	case BBR_STARTUP:
		b->pacing_gain = b->cwnd_gain = HIGH_GAIN;
		break;
	case BBR_DRAIN:
		b->pacing_gain = DRAIN_GAIN;
		b->cwnd_gain = HIGH_GAIN;
		break;
	case BBR_PROBE_BW:
		b->pacing_gain = (uint16_t)(b->policer.in_use ? GAIN_UNIT : cycle_gain(b->cycle));
		b->cwnd_gain = CWND_GAIN;
		break;
	case BBR_PROBE_RTT:
		b->pacing_gain = b->cwnd_gain = GAIN_UNIT;
		break;
	}
}

/* ---- the module ---- */

static void bbr_ack(struct congestion *c, const struct congestion_ack *a)
{
	struct bbr *b = bbr_priv(c);

	update_bw(c, b, a);
	update_aggregation(c, b, a);
	if (b->mode == BBR_PROBE_BW && phase_is_over(c, b, a))
		next_phase(c, b);
	check_full_bw(b, a);
	check_drain(c, b);
	update_min_rtt(c, b, a);
	set_gains(b);
	set_pacing(c, b, b->pacing_gain);
	set_cwnd(c, b, a);
}

static uint64_t bbr_ssthresh(struct congestion *c, enum congestion_event why)
{
	(void)why;
	save_cwnd(c, bbr_priv(c));
	return c->ssthresh;
}

static void bbr_event(struct congestion *c, enum congestion_event ev)
{
	struct bbr *b = bbr_priv(c);

	switch (ev) {
	case CONGESTION_RTO:
		b->prev_state = CONGESTION_LOSS;
		b->full_bw = 0;
		b->round_start = true;
		police(c, b, c->mss, false);
		break;
	case CONGESTION_UNDO:		/* the loss that ended STARTUP's gain was none */
		b->full_bw = 0;
		b->full_bw_rounds = 0;
		policer_reset(&b->policer, c);
		break;
	case CONGESTION_TX_START:
		if (!c->app_limited)
			break;
		b->idle_restart = true;
		b->epoch_at = c->now;
		b->epoch_acked = 0;
		if (b->mode == BBR_PROBE_BW)
			set_pacing(c, b, GAIN_UNIT);	/* at bw, without a probe */
		else if (b->mode == BBR_PROBE_RTT)
			end_probe_rtt(c, b);
		break;
	default:
		break;
	}
}

static void bbr_init(struct congestion *c, const void *params)
{
	const struct bbr_params *p = params;
	struct bbr *b = bbr_priv(c);

	b->min_rtt_window = p->min_rtt_window;
	b->probe_rtt = p->probe_rtt;
	b->next_round = c->delivered;
	b->min_rtt = c->min_rtt ? c->min_rtt : RTT_UNKNOWN;
	b->min_rtt_at = b->epoch_at = b->cycle_at = c->now;
	b->mode = BBR_STARTUP;
	c->ssthresh = CONGESTION_SSTHRESH_INF;
	policer_reset(&b->policer, c);
	set_gains(b);
	pacing_from_rtt(c, b);
}

static const struct param bbr_param[] = {
	{ .name = "min-rtt-window", .type = PARAM_DURATION,
	  .offset = offsetof(struct bbr_params, min_rtt_window), .min = NSEC_PER_SEC,
	  .max = 600 * NSEC_PER_SEC, .def = "10s",
	  .help = "a round trip that is older than this is measured again" },
	{ .name = "probe-rtt", .type = PARAM_DURATION, .offset = offsetof(struct bbr_params, probe_rtt),
	  .max = 10 * NSEC_PER_SEC, .def = "200ms",
	  .help = "how long the queue is kept empty for that; 0: never" },
	{ }
};

static const struct congestion_ops bbr = {
	.name = "bbr",
	.params = bbr_param,
	.params_size = sizeof(struct bbr_params),
	.flags = CONGESTION_CONTROLS,
	.init = bbr_init,
	.ssthresh = bbr_ssthresh,
	.ack = bbr_ack,
	.event = bbr_event,
};

WEIR_MODULE("bbr", "BBR version 1: by bandwidth and round-trip time, not by loss",
	    WEIR_CONGESTION(bbr));
