/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bbr.c - BBR version 1 on the ABI: the machine of
 * draft-cardwell-iccrg-bbr-congestion-control-00 (section numbers are that draft's), step by step
 * on a path of 1 MB/s and 100 ms.
 */
#include <math.h>

#include "cc_world.h"
#include "plugins/bbr/bbr.h"
#include "tests/suite.h"

#define BW	1000000ull		/* bytes/s */
#define RTT	(100 * MSEC)
#define BDP	(BW / 10)

static struct bbr *state(struct cc_world *w)
{
	return bbr_priv(&w->c);
}

/*
 * An ACK of n bytes with a rate sample, rtt after the last; the flight is then in_flight. Less than
 * a round trip after the last it tells of none.
 */
static void feed(struct cc_world *w, uint64_t n, uint64_t rate, uint64_t rtt, uint64_t in_flight)
{
	struct congestion_ack a = { .acked = n, .rtt = rtt < RTT ? 0 : rtt, .rate = rate,
				    .delivered = n, .interval = rtt, .prior_in_flight = in_flight + n,
				    .prior_delivered = w->c.delivered };

	w->c.now += rtt;
	w->c.srtt = w->c.min_rtt = RTT;
	w->c.delivered += n;
	w->c.in_flight = in_flight;
	w->ops->ack(&w->c, &a);
}

/* A round of a window: the path delivers no faster than it can. */
static void round_trip(struct cc_world *w)
{
	uint64_t n = w->c.cwnd < BDP ? w->c.cwnd : BDP;

	feed(w, n, n * SEC / RTT, RTT, w->c.cwnd > n ? w->c.cwnd - n : 0);
}

static void into_probe_bw(struct cc_world *w)
{
	for (int i = 0; i < 40 && state(w)->mode != BBR_PROBE_BW; i++) {
		round_trip(w);
		if (state(w)->mode == BBR_DRAIN)
			feed(w, BDP, BW, RTT, BDP / 2);
	}
	ck_assert_int_eq(state(w)->mode, BBR_PROBE_BW);
	ck_assert_uint_eq(state(w)->bw.best[0].v, BW);
}

static double pacing(const struct cc_world *w)
{
	return (double)w->c.pacing_rate / BW;
}

/* 4.3.2: doubles cwnd and rate each round; 4.3.2.2: full when three rounds bring less than 25% */
START_TEST(startup_and_drain)
{
	struct cc_world w;
	int at_full = 0;

	cc_open(&w, "bbr", NULL);
	for (int i = 1; i <= 3; i++) {
		round_trip(&w);
		ck_assert_int_eq(state(&w)->mode, BBR_STARTUP);
		ck_assert_uint_eq(w.c.cwnd, (10ull << i) * MSS);
	}
	/* 80 segments a round were 800 kB/s; the path has 1 MB/s. */
	while (state(&w)->mode == BBR_STARTUP && at_full < 10) {
		round_trip(&w);
		at_full++;
		if (state(&w)->mode == BBR_STARTUP)
			ck_assert(fabs(pacing(&w) - 0.99 * 2.89 * fmin(1, 1)) < 0.03 || at_full < 2);
	}
	ck_assert_int_eq(state(&w)->mode, BBR_DRAIN);
	ck_assert_int_ge(at_full, 3);
	ck_assert_int_le(at_full, 5);
	ck_assert(fabs(pacing(&w) - 0.99 / 2.89) < 0.01);	/* 4.3.3 */
	feed(&w, BDP, BW, RTT, BDP);
	ck_assert_int_eq(state(&w)->mode, BBR_PROBE_BW);
	cc_close(&w);
}
END_TEST

/* 4.3.4.1, 4.3.4.2: 5/4, 3/4 and six times 1; each for a min_rtt */
START_TEST(gain_cycle)
{
	static const double gains[] = { 1.25, 0.75, 1, 1, 1, 1, 1, 1 };
	struct cc_world w;
	int seen[8] = { 0 };

	cc_open(&w, "bbr", NULL);
	into_probe_bw(&w);
	for (int i = 0; i < 32; i++) {
		uint8_t before = state(&w)->cycle;

		/* Enough in flight for the probe to end, too much for the draining phase to. */
		feed(&w, BDP / 2, BW, RTT + 1, 3 * BDP);
		ck_assert_uint_eq(state(&w)->cycle, (before + 1) % 8);
		seen[state(&w)->cycle]++;
		ck_assert_msg(fabs(pacing(&w) - 0.99 * gains[state(&w)->cycle]) < 0.01,
			      "phase %u: %.3f", state(&w)->cycle, pacing(&w));
	}
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(seen[i], 4);
	while (state(&w)->cycle != 0)
		feed(&w, BDP / 2, BW, RTT + 1, 3 * BDP);
	feed(&w, BDP / 2, BW, RTT + 1, BDP / 2);	/* the probe has not had its effect yet */
	ck_assert_uint_eq(state(&w)->cycle, 0);
	feed(&w, BDP / 2, BW, RTT + 1, 3 * BDP);
	ck_assert_uint_eq(state(&w)->cycle, 1);
	feed(&w, BDP / 2, BW, MSEC, BDP / 2);		/* drained: on at once */
	ck_assert_uint_eq(state(&w)->cycle, 2);
	cc_close(&w);
}
END_TEST

/* 4.3.4.3: the first phase is drawn, and is never the draining one; a seed repeats itself */
START_TEST(random_phase)
{
	int seen[8] = { 0 };

	for (uint64_t seed = 0; seed < 200; seed++) {
		uint8_t first[2];

		for (int again = 0; again < 2; again++) {
			struct cc_world w;

			cc_open(&w, "bbr", NULL);
			w.c.random = seed * 0x123456789abcdefull;
			into_probe_bw(&w);
			first[again] = state(&w)->cycle;
			cc_close(&w);
		}
		ck_assert_uint_eq(first[0], first[1]);
		seen[first[0]]++;
	}
	for (int i = 0; i < 8; i++)
		ck_assert_msg(i == 1 ? !seen[i] : seen[i] > 10, "phase %d: %d of 200", i, seen[i]);
}
END_TEST

/* 4.2.3: cwnd is two BDP and three bursts */
START_TEST(cwnd_target)
{
	struct cc_world w;

	cc_open(&w, "bbr", NULL);
	into_probe_bw(&w);
	state(&w)->extra_acked[0] = state(&w)->extra_acked[1] = 0;
	state(&w)->epoch_acked = 0;
	state(&w)->epoch_at = w.c.now;
	state(&w)->cycle = 3;
	for (int i = 0; i < 60; i++)
		feed(&w, BDP / 20, BW, RTT / 20, 2 * BDP);
	ck_assert_uint_ge(w.c.cwnd, 2 * BDP + 3 * w.c.burst);
	ck_assert_uint_le(w.c.cwnd, 2 * BDP + 3 * w.c.burst + 4 * MSS + BDP / 20);
	cc_close(&w);
}
END_TEST

/* Aggregation: half a BDP that comes at once, each 50 ms, is room that cwnd gets on top */
START_TEST(aggregated_acks)
{
	struct cc_world w;
	uint64_t base;

	cc_open(&w, "bbr", NULL);
	into_probe_bw(&w);
	base = 2 * BDP + 3 * w.c.burst;
	for (int i = 0; i < 60; i++) {
		feed(&w, BDP / 2 + BDP / 4, BW, RTT / 2, 2 * BDP);
		feed(&w, BDP / 4, BW, RTT / 2, 2 * BDP);
	}
	ck_assert_uint_ge(w.c.cwnd, base + BDP / 5);
	ck_assert_uint_le(w.c.cwnd, base + BDP + 4 * MSS);
	cc_close(&w);
}
END_TEST

/* 4.1.1.4: a maximum over ten rounds; samples that the user limited only raise it */
START_TEST(bandwidth_filter)
{
	struct congestion_ack a = { .acked = MSS, .delivered = MSS, .interval = RTT };
	struct cc_world w;

	cc_open(&w, "bbr", NULL);
	into_probe_bw(&w);
	for (int i = 0; i < 20; i++) {
		a.app_limited = true;
		a.rate = BW / 10;
		a.prior_delivered = w.c.delivered;
		w.c.now += RTT;
		w.c.delivered += MSS;
		w.ops->ack(&w.c, &a);
		ck_assert_uint_eq(state(&w)->bw.best[0].v, BW);
	}
	a.rate = 2 * BW;
	w.ops->ack(&w.c, &a);
	ck_assert_uint_eq(state(&w)->bw.best[0].v, 2 * BW);
	for (int i = 0; i < 10; i++) {
		feed(&w, BDP, BW, RTT, BDP);
		ck_assert_uint_eq(state(&w)->bw.best[0].v, 2 * BW);
	}
	feed(&w, BDP, BW, RTT, BDP);
	ck_assert_uint_eq(state(&w)->bw.best[0].v, BW);
	cc_close(&w);
}
END_TEST

/* 4.3.5: four segments for 200 ms and a round when min_rtt is ten seconds old, then as before */
START_TEST(probe_rtt)
{
	struct cc_world w;
	uint64_t cwnd, begun;

	cc_open(&w, "bbr", NULL);
	into_probe_bw(&w);
	for (int i = 0; i < 95; i++) {		/* a queue: no round trip is as short */
		feed(&w, BDP, BW, RTT + 10 * MSEC, BDP);
		if (state(&w)->mode == BBR_PROBE_RTT)
			break;
		cwnd = w.c.cwnd;
	}
	ck_assert_int_eq(state(&w)->mode, BBR_PROBE_RTT);
	ck_assert_uint_eq(w.c.cwnd, 4 * MSS);
	begun = w.c.now;
	feed(&w, 4 * MSS, BW / 25, RTT, 4 * MSS);	/* drained: the 200 ms begin */
	ck_assert_uint_eq(state(&w)->min_rtt, RTT);
	feed(&w, 4 * MSS, BW / 25, RTT, 4 * MSS);
	ck_assert_int_eq(state(&w)->mode, BBR_PROBE_RTT);
	feed(&w, 4 * MSS, BW / 25, RTT, 4 * MSS);
	feed(&w, 4 * MSS, BW / 25, RTT, 4 * MSS);
	ck_assert_int_eq(state(&w)->mode, BBR_PROBE_BW);
	ck_assert_uint_le(w.c.now - begun, 200 * MSEC + 2 * RTT);
	ck_assert_uint_ge(w.c.cwnd, cwnd - 4 * MSS);
	ck_assert_uint_eq(state(&w)->bw.best[0].v, BW);	/* what was slow there says nothing */
	cc_close(&w);
}
END_TEST

/* 4.2.4.1: in recovery, at first, no more than is delivered; afterwards cwnd as before */
START_TEST(recovery)
{
	struct congestion_ack a = { .acked = 2 * MSS, .lost = 3 * MSS, .delivered = 2 * MSS,
				    .interval = RTT, .rate = BW };
	struct cc_world w;
	uint64_t before;

	cc_open(&w, "bbr", NULL);
	into_probe_bw(&w);
	for (int i = 0; i < 10; i++)
		feed(&w, BDP, BW, RTT, BDP);
	before = w.c.cwnd;
	ck_assert_uint_eq(w.ops->ssthresh(&w.c, CONGESTION_ENTER_RECOVERY), w.c.ssthresh);
	w.c.state = CONGESTION_RECOVERY;
	cc_event(&w, CONGESTION_ENTER_RECOVERY);
	w.c.in_flight = 60 * MSS;
	w.c.delivered += 2 * MSS;
	w.c.now += MSEC;
	a.prior_delivered = w.c.delivered - BDP;
	w.ops->ack(&w.c, &a);
	ck_assert_uint_eq(w.c.cwnd, 62 * MSS);
	a.lost = 0;
	for (int i = 0; i < 5; i++) {
		w.c.delivered += 2 * MSS;
		w.c.in_flight = w.c.cwnd - 2 * MSS;
		a.prior_delivered = w.c.delivered - BDP;
		w.ops->ack(&w.c, &a);
		ck_assert_uint_eq(w.c.cwnd, 62 * MSS);
	}
	a.prior_delivered = w.c.delivered;	/* the next round: grows again */
	w.c.delivered += 2 * MSS;
	w.ops->ack(&w.c, &a);
	ck_assert_uint_eq(w.c.cwnd, 64 * MSS);
	w.c.state = CONGESTION_OPEN;
	w.c.delivered += 2 * MSS;
	w.ops->ack(&w.c, &a);
	ck_assert_uint_ge(w.c.cwnd, before);
	cc_close(&w);
}
END_TEST

/* The same after a timeout, where the core makes cwnd one segment */
START_TEST(timeout)
{
	struct cc_world w;
	uint64_t before;

	cc_open(&w, "bbr", NULL);
	into_probe_bw(&w);
	for (int i = 0; i < 10; i++)
		feed(&w, BDP, BW, RTT, BDP);
	before = w.c.cwnd;
	w.ops->ssthresh(&w.c, CONGESTION_RTO);
	cc_event(&w, CONGESTION_RTO);
	w.c.state = CONGESTION_LOSS;
	w.c.cwnd = MSS;
	feed(&w, 4 * MSS, BW, RTT, MSS);
	ck_assert_uint_lt(w.c.cwnd, 10 * MSS);
	w.c.state = CONGESTION_OPEN;
	feed(&w, 4 * MSS, BW, RTT, MSS);
	ck_assert_uint_ge(w.c.cwnd, before - 4 * MSS);
	cc_close(&w);
}
END_TEST

/* Linux's long-term sampling: two intervals with a third lost and one rate are a policer's */
START_TEST(policer)
{
	const uint64_t policed = BW / 4;
	struct cc_world w;
	int rounds;

	cc_open(&w, "bbr", NULL);
	into_probe_bw(&w);
	for (rounds = 0; rounds < 40 && !state(&w)->policer.in_use; rounds++) {
		struct congestion_ack a = { .acked = policed / 10, .lost = policed / 30,
					    .delivered = policed / 10, .interval = RTT, .rate = BW,
					    .rtt = RTT, .prior_delivered = w.c.delivered };

		w.c.now += RTT;
		w.c.delivered += a.acked;
		w.c.lost += a.lost;
		w.c.in_flight = BDP;
		w.ops->ack(&w.c, &a);
	}
	ck_assert_int_lt(rounds, 14);
	ck_assert(fabs((double)state(&w)->policer.bw / policed - 1) < 0.05);
	feed(&w, policed / 10, BW, RTT, BDP);
	ck_assert(fabs(pacing(&w) - 0.99 / 4) < 0.02);
	for (rounds = 0; rounds < 60 && state(&w)->policer.in_use; rounds++)
		feed(&w, policed / 10, BW, RTT, BDP);
	ck_assert_int_ge(rounds, 46);			/* of 48 */
	ck_assert_int_le(rounds, 48);
	cc_close(&w);
}
END_TEST

/* 4.2.1, 4.3.4.4: after idleness at bw, without a probe; min_rtt is not measured by that */
START_TEST(restart_from_idle)
{
	struct cc_world w;

	cc_open(&w, "bbr", NULL);
	into_probe_bw(&w);
	while (state(&w)->cycle != 0)
		feed(&w, BDP / 2, BW, RTT + 1, 3 * BDP);
	ck_assert(pacing(&w) > 1.2);
	w.c.now += 60 * SEC;
	w.c.app_limited = true;
	w.c.in_flight = 0;
	cc_event(&w, CONGESTION_TX_START);
	ck_assert(fabs(pacing(&w) - 0.99) < 0.01);
	feed(&w, MSS, BW / 100, RTT + 1, 0);
	ck_assert_int_eq(state(&w)->mode, BBR_PROBE_BW);
	cc_close(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bbr");
	TCase *t = tcase_create("bbr");

	tcase_add_test(t, startup_and_drain);
	tcase_add_test(t, gain_cycle);
	tcase_add_test(t, random_phase);
	tcase_add_test(t, cwnd_target);
	tcase_add_test(t, aggregated_acks);
	tcase_add_test(t, bandwidth_filter);
	tcase_add_test(t, probe_rtt);
	tcase_add_test(t, recovery);
	tcase_add_test(t, timeout);
	tcase_add_test(t, policer);
	tcase_add_test(t, restart_from_idle);
	suite_add_tcase(s, t);
	return run_suite(s);
}
