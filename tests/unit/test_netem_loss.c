/* SPDX-License-Identifier: Apache-2.0 */
/* test_netem_loss.c - what netem loses: singly, in bursts, by four states, of super-segments. */
#include "netem_world.h"
#include "tests/suite.h"

/* Which of n packets came? Checks that what came is in order and the rest is counted. */
static bool *send_and_see(uint32_t n)
{
	bool *came = calloc(n, sizeof(*came));

	send_paced(n);
	for (size_t i = 0; i < w->nout; i++) {
		ck_assert(i == 0 || w->out[i].id > w->out[i - 1].id);
		came[w->out[i].id] = true;
	}
	ck_assert_uint_eq(w->nout + world_xstat(w, "lost"), n);
	ck_assert_uint_eq(world_stats(w)->drops, world_xstat(w, "lost"));
	ck_assert_uint_eq(w->freed, n);
	return came;
}

/* How many of n packets were lost. */
static double count_lost(uint32_t n)
{
	bool *came = send_and_see(n);
	double lost = 0;

	for (uint32_t i = 0; i < n; i++)
		lost += !came[i];
	free(came);
	return lost;
}

START_TEST(loss_is_independent)
{
	static const double rates[] = { 0.001, 0.01, 0.05, 0.5, 1 };
	const uint32_t n = 100000;
	double lost = 0, pairs = 0;
	char text[32];
	bool *came;

	snprintf(text, sizeof(text), "loss=%.1f%%", rates[_i] * 100);
	world_set(w, "netem", text);
	came = send_and_see(n);
	for (uint32_t i = 0; i < n; i++) {
		lost += !came[i];
		pairs += i > 0 && !came[i] && !came[i - 1];
	}
	check_share("lost", lost, n, rates[_i]);
	check_share("two in a row", pairs, n - 1, rates[_i] * rates[_i]);
	free(came);
}
END_TEST

/* Correlation changes the runs, not the share. */
START_TEST(loss_correlation_keeps_the_share)
{
	const uint32_t n = 100000;
	const double p = 0.1, rho = 0.5;
	double lost = 0, pairs = 0;
	bool *came;

	world_set(w, "netem", "loss=10% loss-correlation=50%");
	came = send_and_see(n);
	for (uint32_t i = 0; i < n; i++) {
		lost += !came[i];
		pairs += i > 0 && !came[i] && !came[i - 1];
	}
	/* Draws repeat: the count's variance is larger by (1 + rho) / (1 - rho). */
	ck_assert_double_le(fabs(lost - n * p), 5 * sqrt(3 * n * p * (1 - p)));
	ck_assert_double_le(fabs(pairs / lost - (rho + (1 - rho) * p)), 5 * sqrt(0.25 / lost) * 1.5);
	free(came);
}
END_TEST

/* Gilbert-Elliott: p/(p+r) of all are lost, in geometric runs of the mean 1/r. */
START_TEST(bursts_are_geometric)
{
	const uint32_t n = 150000;
	const double p = 0.01, r = 0.25;
	double lost = 0, runs = 0, ones = 0;
	uint32_t run = 0;
	bool *came;

	world_set(w, "netem", "gemodel-p=1% gemodel-r=25%");
	came = send_and_see(n);
	for (uint32_t i = 0; i < n; i++) {
		if (!came[i]) {
			lost++;
			run++;
			continue;
		}
		runs += run > 0;
		ones += run == 1;
		run = 0;
	}
	/* A run's length has the deviation sqrt(1 - r) / r, and the runs are independent. */
	ck_assert_double_le(fabs(lost / runs - 1 / r), 5 * sqrt(1 - r) / r / sqrt(runs));
	check_share("runs of one", ones, runs, r);
	/* The share: its variance grows by (1 + rho) / (1 - rho), rho = 1 - p - r. */
	ck_assert_double_le(fabs(lost / n - p / (p + r)),
			    5 * sqrt(p * r / (p + r) / (p + r) * (2 - p - r) / (p + r) / n));
	free(came);
}
END_TEST

/* Loss in both states, neither of them certain. */
START_TEST(bursts_with_partial_loss)
{
	const uint32_t n = 150000;
	const double p = 0.02, r = 0.2, bad = 0.6, good = 0.005;
	double share = (p * bad + r * good) / (p + r), lost;

	world_set(w, "netem", "gemodel-p=2% gemodel-r=20% gemodel-1-h=60% gemodel-1-k=0.5%");
	lost = count_lost(n);
	ck_assert_double_le(fabs(lost / n - share), 5 * sqrt(share * (1 - share) * 9 / n));
}
END_TEST

/* p and nothing else: r is 100% - p, so every packet has the same chance. */
START_TEST(bursts_by_default_are_none)
{
	const uint32_t n = 50000;
	double lost;

	world_set(w, "netem", "gemodel-p=5%");
	lost = count_lost(n);
	check_share("lost", lost, n, 0.05);
}
END_TEST

/* The shares of the four states are what their balance says. */
START_TEST(four_states)
{
	const uint32_t n = 150000;
	const double p13 = 0.02, p31 = 0.3, p32 = 0.2, p23 = 0.5, p14 = 0.01;
	double burst_lost = p13 / p31, burst = burst_lost * p32 / p23;
	double share = (burst_lost + p14) / (1 + burst_lost + burst + p14), lost;

	world_set(w, "netem", "state-p13=2% state-p31=30% state-p32=20% state-p23=50% state-p14=1%");
	lost = count_lost(n);
	ck_assert_double_le(fabs(lost / n - share), 5 * sqrt(share * (1 - share) * 6 / n));
}
END_TEST

/* p13 alone: by the defaults of the others, independent loss. */
START_TEST(four_states_by_default)
{
	const uint32_t n = 50000;
	double lost;

	world_set(w, "netem", "state-p13=5%");
	lost = count_lost(n);
	check_share("lost", lost, n, 0.05);
}
END_TEST

/* The sender is not told: the packet was sent. */
START_TEST(loss_is_no_refusal)
{
	struct qdisc *q = world_set(w, "netem", "loss=100%");
	struct packet *p = world_packet(w, SMALL, 1);

	p->wire_len = p->len;
	ck_assert_int_eq(qdisc_enqueue(q, p), QDISC_QUEUED);
	ck_assert_uint_eq(world_stats(w)->drops, 1);
	ck_assert_uint_eq(world_stats(w)->qlen, 0);
	ck_assert_uint_eq(w->freed, 1);
}
END_TEST

/* On a wire each segment is lost by itself: 1% of 44 is not all or nothing. */
START_TEST(segments_are_lost_one_by_one)
{
	const uint32_t n = 300, segs = 44;
	uint64_t came = 0;

	world_set(w, "netem", "loss=1% limit=100000");
	for (uint32_t i = 0; i < n; i++) {
		world_send(w, segs * MSS, i);
		world_run(w, w->env.now + MS);
	}
	for (size_t i = 0; i < w->nout; i++) {
		ck_assert(!w->out[i].gso);
		ck_assert_uint_eq(w->out[i].len, MTU_FRAME);
		came++;
	}
	check_share("lost segments", (double)(n * segs - came), n * segs, 0.01);
	ck_assert_uint_eq(world_xstat(w, "splits"), n);
	ck_assert_uint_eq(came + world_stats(w)->drops, n * segs);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("netem loss");
	TCase *t = tcase_create("loss");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, loss_is_independent, 0, 5);
	tcase_add_test(t, loss_correlation_keeps_the_share);
	tcase_add_test(t, bursts_are_geometric);
	tcase_add_test(t, bursts_with_partial_loss);
	tcase_add_test(t, bursts_by_default_are_none);
	tcase_add_test(t, four_states);
	tcase_add_test(t, four_states_by_default);
	tcase_add_test(t, loss_is_no_refusal);
	tcase_add_test(t, segments_are_lost_one_by_one);
	suite_add_tcase(s, t);
	return run_suite(s);
}
