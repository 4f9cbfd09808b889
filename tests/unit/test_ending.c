/* SPDX-License-Identifier: Apache-2.0 */
/* test_ending.c - how long a sandbox may take to end, and what its front sees of a stack process that stands still. */
#include <check.h>

#include "cmd/ending.h"
#include "cmd/watchdog.h"
#include "tests/suite.h"

#define S UINT64_C(1000000000)

START_TEST(unasked)
{
	struct ending e = { 0 };

	ck_assert_uint_eq(ending_due(&e, true, 0), UINT64_MAX);
	ck_assert_uint_eq(ending_due(&e, true, 5 * S), UINT64_MAX);	/* the program runs: nobody may */
	ending_exited(&e, 100 * S);
	ck_assert_uint_eq(ending_due(&e, true, 0), UINT64_MAX);		/* the drain is the stack process's */
	ck_assert_uint_eq(ending_due(&e, true, 5 * S), 100 * S + ENDING_UNASKED);
	ck_assert_uint_eq(ending_due(&e, true, 102 * S), 102 * S + ENDING_UNASKED);
}
END_TEST

START_TEST(before_the_start)
{
	struct ending e = { 0 };

	ending_signal(&e, SIGTERM, 3 * S);
	ck_assert_uint_eq(ending_due(&e, false, 1 * S), 3 * S);
	ck_assert_uint_eq(ending_due(&e, false, 0), 3 * S);
}
END_TEST

/* The program may take its time; then what it sent has a second. */
START_TEST(drain)
{
	struct ending e = { 0 };

	ending_signal(&e, SIGTERM, 3 * S);
	ck_assert_uint_eq(ending_due(&e, true, 0), UINT64_MAX);
	ending_exited(&e, 500 * S);
	ck_assert_uint_eq(ending_due(&e, true, 0), 501 * S);
	ending_signal(&e, SIGTERM, 500 * S + S / 2);	/* and a second thought ends it */
	ck_assert_uint_eq(ending_due(&e, true, 0), 500 * S + S / 2);
}
END_TEST

START_TEST(stuck)
{
	struct ending e = { 0 };

	ending_signal(&e, SIGTERM, 100 * S);
	ck_assert_uint_eq(ending_due(&e, true, 20 * S), 100 * S + ENDING_STUCK);
	ck_assert_uint_eq(ending_due(&e, true, 101 * S), 101 * S + ENDING_STUCK);
	ending_exited(&e, 101 * S);
	ck_assert_uint_eq(ending_due(&e, true, 20 * S), 102 * S);
}
END_TEST

/* A daemon reads its configuration again, a shell its next line; they end another day by themselves. */
START_TEST(meant)
{
	static const int others[] = { SIGHUP, SIGINT, SIGQUIT };

	for (int i = 0; i < 3; i++) {
		struct ending e = { 0 };

		ending_signal(&e, others[i], 100 * S);
		ck_assert_uint_eq(ending_due(&e, true, 105 * S), 105 * S + ENDING_STUCK);
		ck_assert_uint_eq(ending_due(&e, true, 111 * S), UINT64_MAX);
		ending_exited(&e, 109 * S);
		ck_assert_uint_eq(ending_due(&e, true, 0), 110 * S);
		e = (struct ending){ 0 };
		ending_signal(&e, others[i], 100 * S);
		ending_exited(&e, 111 * S);
		ck_assert_uint_eq(ending_due(&e, true, 0), UINT64_MAX);
	}
}
END_TEST

START_TEST(looks)
{
	struct watchdog w = { 0 };

	ck_assert_int_eq(watchdog_open(&w), 0);
	ck_assert_uint_eq(watchdog_look(&w, 1 * S), 1 * S);	/* set-up has begun */
	ck_assert_uint_eq(watchdog_look(&w, 9 * S), 1 * S);
	w.told = true;
	atomic_store(&w.heartbeat->beats, 2);
	ck_assert_uint_eq(watchdog_look(&w, 10 * S), 0);	/* it waits, for as long as it likes */
	ck_assert_uint_eq(watchdog_look(&w, 90 * S), 0);
	atomic_store(&w.heartbeat->beats, 3);
	ck_assert_uint_eq(watchdog_look(&w, 91 * S), 91 * S);
	ck_assert(!w.told);
	atomic_store(&w.heartbeat->beats, 5);
	ck_assert_uint_eq(watchdog_look(&w, 92 * S), 92 * S);	/* another turn */
	ck_assert_uint_eq(watchdog_look(&w, 93 * S), 92 * S);
	watchdog_close(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ending");
	TCase *t = tcase_create("ending");

	tcase_add_test(t, unasked);
	tcase_add_test(t, before_the_start);
	tcase_add_test(t, drain);
	tcase_add_test(t, stuck);
	tcase_add_test(t, meant);
	tcase_add_test(t, looks);
	suite_add_tcase(s, t);
	return run_suite(s);
}
