/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cubic.c - CUBIC (RFC 9438), HyStart++ (RFC 9406) and Reno (RFC 5681): the window over time,
 * against the RFCs' formulas in floating point.
 */
#include <math.h>

#include "cc_world.h"
#include "tests/suite.h"

#define C 0.4

static double segments(const struct cc_world *w)
{
	return (double)w->c.cwnd / MSS;
}

static double seconds_since(const struct cc_world *w, uint64_t start)
{
	return (double)(w->c.now - start) / SEC;
}

static void near(double a, double b, double by)
{
	ck_assert_msg(fabs(a - b) <= by, "%.2f segments, expected %.2f", a, b);
}

/* A flow in congestion avoidance whose window was segs when it lost. */
static void lose_at(struct cc_world *w, uint32_t segs, enum congestion_event why)
{
	w->c.cwnd = (uint64_t)segs * MSS;
	if (w->c.ssthresh == CONGESTION_SSTHRESH_INF)
		w->c.ssthresh = w->c.cwnd;
	cc_reduce(w, why);
}

/* 4.2, 4.4, 4.5: W(t) = C (t - K)^3 + W_max, below and beyond the plateau; 4.6: beta = 0.7 */
START_TEST(concave_and_convex)
{
	struct cc_world w;
	double k = cbrt(30 / C), rtt = 0.2, t;
	uint64_t start;

	cc_open(&w, "cubic", NULL);
	lose_at(&w, 100, CONGESTION_ENTER_RECOVERY);
	ck_assert_uint_eq(w.c.ssthresh, 70 * MSS);
	cc_ack(&w, 200 * MSEC);			/* congestion avoidance begins */
	start = w.c.now;
	for (int i = 0; i < 40; i++) {
		cc_round(&w, 200 * MSEC);
		t = seconds_since(&w, start);
		/* The target is a round trip ahead, and is reached within one. */
		ck_assert_msg(segments(&w) >= C * pow(t - k, 3) + 100 - 0.5 &&
			      segments(&w) <= C * pow(t + rtt - k, 3) + 100 + 0.5,
			      "at %.1f s: %.2f segments", t, segments(&w));
	}
	ck_assert(t > 1.8 * k);
	cc_close(&w);
}
END_TEST

/* 4.3: where Reno is faster: alpha = 3 (1 - beta) / (1 + beta) a round up to cwnd_prior, then 1 */
START_TEST(reno_friendly)
{
	struct cc_world w;
	double alpha = 3 * 0.3 / 1.7;

	cc_open(&w, "cubic", NULL);
	lose_at(&w, 40, CONGESTION_ENTER_RECOVERY);
	for (int i = 1; i <= 20; i++) {
		cc_round(&w, 10 * MSEC);
		near(segments(&w), 28 + alpha * i, 1);
	}
	w.c.cwnd = 41 * MSS;		/* as if it had come there */
	lose_at(&w, 41, CONGESTION_ENTER_RECOVERY);
	while (segments(&w) < 41)
		cc_round(&w, 10 * MSEC);
	for (int i = 1; i <= 10; i++) {
		double before = segments(&w);

		cc_round(&w, 10 * MSEC);
		near(segments(&w), before + 1, 0.1);
	}
	cc_close(&w);
}
END_TEST

/* 4.2: the target is at most 1.5 cwnd, however long the time */
START_TEST(target_bounded)
{
	struct cc_world w;

	cc_open(&w, "cubic", NULL);
	lose_at(&w, 100, CONGESTION_ENTER_RECOVERY);
	cc_ack(&w, 50 * MSEC);
	w.c.now += 3600 * SEC;			/* acknowledged, somehow, an hour later */
	cc_round(&w, 50 * MSEC);
	near(segments(&w), 70 * 1.5, 0.1);
	cc_close(&w);
}
END_TEST

/* 4.7: a loss below W_max lowers the next W_max further */
START_TEST(fast_convergence)
{
	static const char *const off[] = { "fast-convergence", "off", NULL };
	const char *const *how[] = { NULL, off };
	double w_max[] = { 80 * 1.7 / 2, 80 };

	for (int i = 0; i < 2; i++) {
		struct cc_world w;
		uint64_t start;
		double k;

		cc_open(&w, "cubic", how[i]);
		lose_at(&w, 100, CONGESTION_ENTER_RECOVERY);
		lose_at(&w, 80, CONGESTION_ENTER_RECOVERY);
		near(segments(&w), 56, 0);
		k = cbrt((w_max[i] - 56) / C);
		cc_ack(&w, 200 * MSEC);
		start = w.c.now;
		while (seconds_since(&w, start) < k)
			cc_round(&w, 200 * MSEC);
		near(segments(&w), w_max[i], 1);
		cc_close(&w);
	}
}
END_TEST

/* RFC 8511 3.1: an ECN echo costs less than a loss */
START_TEST(ecn_beta)
{
	static const char *const set[] = { "beta", "60", "ecn-beta", "90", NULL };
	struct cc_world w;

	cc_open(&w, "cubic", NULL);
	lose_at(&w, 100, CONGESTION_ENTER_CWR);
	near(segments(&w), 85, 0);
	cc_close(&w);
	cc_open(&w, "cubic", set);
	lose_at(&w, 100, CONGESTION_ENTER_CWR);
	near(segments(&w), 90, 0);
	lose_at(&w, 100, CONGESTION_ENTER_RECOVERY);
	near(segments(&w), 60, 0);
	cc_close(&w);
}
END_TEST

/* 4.8: after a timeout slow start to ssthresh, then W_max = cwnd and K = 0 */
START_TEST(after_rto)
{
	struct cc_world w;
	uint64_t start;

	cc_open(&w, "cubic", NULL);
	lose_at(&w, 100, CONGESTION_RTO);
	ck_assert_uint_eq(w.c.ssthresh, 70 * MSS);
	for (int i = 0; i < 7 && w.c.cwnd < w.c.ssthresh; i++)
		cc_round(&w, 200 * MSEC);
	near(segments(&w), 70, 2);
	cc_ack(&w, 200 * MSEC);
	start = w.c.now;
	for (int i = 0; i < 30; i++) {
		double t, lo, hi;

		cc_round(&w, 200 * MSEC);
		t = seconds_since(&w, start);
		lo = 70 + C * pow(t - 0.2, 3);
		hi = 70 + C * pow(t + 0.4, 3);
		if (lo < 70 + 0.53 * t / 0.2)	/* Reno's estimate leads at first */
			lo = 70;
		if (hi < 72 + 0.53 * t / 0.2)
			hi = 72 + 0.53 * t / 0.2;
		ck_assert_msg(segments(&w) >= lo - 1 && segments(&w) <= hi + 1,
			      "at %.1f s: %.2f, not in [%.2f, %.2f]", t, segments(&w), lo, hi);
	}
	cc_close(&w);
}
END_TEST

/* 4.2, 5.8: neither an idle time nor one that the user limits moves the curve */
START_TEST(epoch_shift)
{
	double at[3];

	for (int how = 0; how < 3; how++) {
		struct cc_world w;

		cc_open(&w, "cubic", NULL);
		lose_at(&w, 100, CONGESTION_ENTER_RECOVERY);
		for (int i = 0; i < 5; i++)
			cc_round(&w, 200 * MSEC);
		if (how == 1) {
			w.c.now += 100 * SEC;
			cc_event(&w, CONGESTION_TX_START);
		} else if (how == 2) {
			uint64_t before = w.c.cwnd;

			w.c.cwnd_limited = false;
			for (int i = 0; i < 50; i++)
				cc_round(&w, 200 * MSEC);
			ck_assert_uint_eq(w.c.cwnd, before);
			w.c.cwnd_limited = true;
		}
		for (int i = 0; i < 5; i++)
			cc_round(&w, 200 * MSEC);
		at[how] = segments(&w);
		cc_close(&w);
	}
	near(at[1], at[0], 0.5);
	near(at[2], at[0], 0.5);
}
END_TEST

/* 4.9: a needless reduction leaves no trace */
START_TEST(undo)
{
	double at[2];

	for (int spurious = 0; spurious < 2; spurious++) {
		struct cc_world w;

		cc_open(&w, "cubic", NULL);
		lose_at(&w, 100, CONGESTION_ENTER_RECOVERY);
		for (int i = 0; i < 10; i++)
			cc_round(&w, 200 * MSEC);
		if (spurious) {
			uint64_t cwnd = w.c.cwnd, ssthresh = w.c.ssthresh;

			w.c.ssthresh = w.ops->ssthresh(&w.c, CONGESTION_ENTER_RECOVERY);
			w.c.state = CONGESTION_RECOVERY;
			cc_event(&w, CONGESTION_ENTER_RECOVERY);
			w.c.ssthresh = w.ops->ssthresh(&w.c, CONGESTION_RTO);
			cc_event(&w, CONGESTION_RTO);
			w.c.state = CONGESTION_OPEN;
			w.c.cwnd = cwnd;
			w.c.ssthresh = ssthresh;
			cc_event(&w, CONGESTION_UNDO);
		}
		for (int i = 0; i < 20; i++)
			cc_round(&w, 200 * MSEC);
		at[spurious] = segments(&w);
		cc_close(&w);
	}
	near(at[1], at[0], 0.01);
}
END_TEST

/* ---- HyStart++ (RFC 9406) ---- */

/* 4.2: 4 ms at least, an eighth of the round trip, 16 ms at most */
START_TEST(hystart_threshold)
{
	static const uint32_t rtt[] = { 10, 100, 400 }, thresh[] = { 4000, 12500, 16000 };

	for (int i = 0; i < 3; i++) {
		for (int over = 0; over < 2; over++) {
			uint64_t base = rtt[i] * MSEC;
			uint64_t raised = base + thresh[i] * 1000ull - (over ? 0 : 1000);
			struct cc_world w;
			double before;

			cc_open(&w, "cubic", NULL);
			cc_burst(&w, base);
			cc_burst(&w, base);
			cc_burst(&w, raised);		/* eight samples of it are enough */
			before = segments(&w);
			cc_burst(&w, raised);
			near(segments(&w), over ? before * 1.25 : before * 2, 2);
			cc_close(&w);
		}
	}
}
END_TEST

/* 4.2: five rounds of CSS, then congestion avoidance at the window that was found */
START_TEST(hystart_ends_slow_start)
{
	struct cc_world w;
	int rounds = 0;

	cc_open(&w, "cubic", NULL);
	cc_burst(&w, 100 * MSEC);
	cc_burst(&w, 100 * MSEC);
	while (w.c.ssthresh == CONGESTION_SSTHRESH_INF && rounds < 20) {
		cc_burst(&w, 120 * MSEC);
		rounds++;
	}
	ck_assert_int_ge(rounds, 5);
	ck_assert_int_le(rounds, 7);
	ck_assert_uint_le(w.c.ssthresh, w.c.cwnd);
	ck_assert_uint_le(segments(&w), 40 * 1.25 * 1.25 * 1.25 * 1.25 * 1.25 * 1.25 * 1.25);
	cc_close(&w);
}
END_TEST

/* Where slow start ended without a loss: at least a twentieth a round trip, until a loss tells the
 * limit. */
START_TEST(probe_until_loss)
{
	struct cc_world w;
	double before;

	cc_open(&w, "cubic", NULL);
	w.c.cwnd = w.c.ssthresh = 100ull * MSS;
	cc_round(&w, 100 * MSEC);
	before = segments(&w);
	for (int i = 0; i < 10; i++)
		cc_round(&w, 100 * MSEC);
	ck_assert(segments(&w) >= before * pow(1.05, 10) - 1);
	near(segments(&w), before * pow(1.05, 10), 5);	/* a round grows by what it acknowledges */
	lose_at(&w, 100, CONGESTION_ENTER_RECOVERY);
	cc_round(&w, 100 * MSEC);
	before = segments(&w);
	cc_round(&w, 100 * MSEC);
	ck_assert(segments(&w) > before);
	ck_assert(segments(&w) < before * 1.04);
	cc_close(&w);
}
END_TEST

/* 4.2: a round trip below the baseline again: it was jitter, slow start goes on */
START_TEST(hystart_jitter)
{
	struct cc_world w;
	double before;

	cc_open(&w, "cubic", NULL);
	cc_burst(&w, 100 * MSEC);
	cc_burst(&w, 100 * MSEC);
	cc_burst(&w, 120 * MSEC);
	cc_burst(&w, 120 * MSEC);
	cc_burst(&w, 100 * MSEC);
	before = segments(&w);
	cc_burst(&w, 100 * MSEC);
	near(segments(&w), before * 2, 1);
	ck_assert_uint_eq(w.c.ssthresh, CONGESTION_SSTHRESH_INF);
	cc_close(&w);
}
END_TEST

/* No CSS where a whole round trip is longer by a quarter, or by 8 ms: it would overflow the
 * queue */
START_TEST(hystart_sure)
{
	static const uint32_t rtt[] = { 20, 100 }, more[] = { 8, 25 };

	for (int i = 0; i < 2; i++) {
		for (uint32_t less = 0; less < 2; less++) {
			struct cc_world w;

			cc_open(&w, "cubic", NULL);
			cc_burst(&w, rtt[i] * MSEC);
			cc_burst(&w, rtt[i] * MSEC);
			cc_burst(&w, (rtt[i] + more[i] - less) * MSEC);
			ck_assert_int_eq(w.c.ssthresh == CONGESTION_SSTHRESH_INF, less);
			if (!less)
				ck_assert_uint_le(segments(&w), 52);	/* of 40, not of 80 */
			cc_close(&w);
		}
	}
}
END_TEST

/* A train of ACKs of half a round trip: slow start ends between one and one and a half of the
 * path's window */
START_TEST(ack_train)
{
	enum { TRAIN, GAP, UNLIMITED, KINDS };

	for (int kind = 0; kind < KINDS; kind++) {
		struct cc_world w;

		cc_open(&w, "cubic", NULL);
		for (int i = 0; i < 3; i++)
			cc_burst(&w, 100 * MSEC);
		near(segments(&w), 80, 1);
		w.c.now += 100 * MSEC;
		w.c.cwnd_limited = kind != UNLIMITED;
		for (int i = 0; i < 80; i++) {
			w.c.now += i == 30 && kind == GAP ? 3 * MSEC : 1250000;
			cc_ack(&w, 100 * MSEC);
		}
		ck_assert_int_eq(w.c.ssthresh != CONGESTION_SSTHRESH_INF, kind == TRAIN);
		if (kind == TRAIN)
			near((double)w.c.ssthresh / MSS, 80 + 45, 5);
		cc_close(&w);
	}
}
END_TEST

START_TEST(hystart_off)
{
	static const char *const off[] = { "hystart", "off", NULL };
	struct cc_world w;

	cc_open(&w, "cubic", off);
	for (int i = 0; i < 6; i++)
		cc_burst(&w, (100 + 50 * (uint64_t)i) * MSEC);
	near(segments(&w), 640, 1);
	cc_close(&w);
}
END_TEST

/* RFC 5681 4.1: half of the window for each RTO of idleness, not below the restart window */
START_TEST(restart_after_idle)
{
	static const char *const names[] = { "cubic", "reno" };
	struct cc_world w;

	cc_open(&w, names[_i], NULL);
	lose_at(&w, 100, CONGESTION_ENTER_RECOVERY);
	w.c.cwnd = 64 * MSS;
	w.c.ssthresh = 30 * MSS;
	cc_event(&w, CONGESTION_IDLE);
	near(segments(&w), 32, 0);
	ck_assert_uint_eq(w.c.ssthresh, 48 * MSS);
	for (int i = 0; i < 5; i++)
		cc_event(&w, CONGESTION_IDLE);
	near(segments(&w), 10, 0);
	w.c.cwnd = 4 * MSS;
	cc_event(&w, CONGESTION_IDLE);
	near(segments(&w), 4, 0);
	cc_close(&w);
}
END_TEST

/* ---- Reno ---- */

/* RFC 5681 3.1: cwnd doubles each round up to ssthresh, then grows by a segment a round; (4):
 * half */
START_TEST(reno)
{
	struct cc_world w;

	cc_open(&w, "reno", NULL);
	for (int i = 1; i <= 3; i++) {
		cc_round(&w, 100 * MSEC);
		near(segments(&w), 10 << i, 0);
	}
	cc_reduce(&w, CONGESTION_ENTER_RECOVERY);
	near(segments(&w), 40, 0);
	for (int i = 1; i <= 10; i++) {
		cc_round(&w, 100 * MSEC);
		near(segments(&w), 40 + i, 1);
	}
	cc_reduce(&w, CONGESTION_RTO);
	ck_assert_uint_eq(w.c.ssthresh / MSS, 25);
	w.c.cwnd_limited = false;
	cc_round(&w, 100 * MSEC);
	near(segments(&w), 1, 0);
	cc_close(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cubic");
	TCase *t = tcase_create("cubic");

	tcase_add_test(t, concave_and_convex);
	tcase_add_test(t, reno_friendly);
	tcase_add_test(t, target_bounded);
	tcase_add_test(t, fast_convergence);
	tcase_add_test(t, ecn_beta);
	tcase_add_test(t, after_rto);
	tcase_add_test(t, epoch_shift);
	tcase_add_test(t, undo);
	tcase_add_test(t, hystart_threshold);
	tcase_add_test(t, hystart_ends_slow_start);
	tcase_add_test(t, probe_until_loss);
	tcase_add_test(t, hystart_jitter);
	tcase_add_test(t, hystart_sure);
	tcase_add_test(t, ack_train);
	tcase_add_test(t, hystart_off);
	tcase_add_loop_test(t, restart_after_idle, 0, 2);
	tcase_add_test(t, reno);
	suite_add_tcase(s, t);
	return run_suite(s);
}
