/* SPDX-License-Identifier: Apache-2.0 */
/* test_logger.c - the log of weir run, with a stderr that somebody reads, and with one that nobody does. */
#include <check.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/logger.h"
#include "tests/suite.h"

#define LINES 5000			/* more than two pipes hold */

static int out[2];

/* stderr is a pipe; full: of what somebody else wrote. */
static void take_stderr(bool full)
{
	char byte[4096] = { 0 };

	ck_assert_int_eq(pipe(out), 0);
	if (full) {
		ck_assert_int_eq(fcntl(out[1], F_SETFL, O_NONBLOCK), 0);
		while (write(out[1], byte, sizeof(byte)) > 0)
			;
		ck_assert_int_eq(fcntl(out[1], F_SETFL, 0), 0);
	}
	ck_assert_int_eq(dup2(out[1], STDERR_FILENO), STDERR_FILENO);
	close(out[1]);
}

START_TEST(lines)
{
	char text[4096];
	struct logger l;
	ssize_t n;

	take_stderr(false);
	logger_start(&l);
	logger_write(&l, LOG_WARN, "one");
	logger_write(&l, LOG_WARN, "two");
	logger_stop(&l);
	n = read(out[0], text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_str_eq(text, "weir: one\nweir: two\n");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);	/* nobody is left */
}
END_TEST

/* Nothing waits; the writer is ended. */
START_TEST(nobody_reads)
{
	struct logger l;

	take_stderr(true);
	logger_start(&l);
	for (int i = 0; i < LINES; i++)
		logger_write(&l, LOG_WARN, "a line that is long enough to fill a pipe with some thousands of it");
	ck_assert_uint_gt(l.lost, 0);
	logger_stop(&l);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

/* True: it was lost. */
static bool say(struct logger *l, const char *text)
{
	unsigned long before = l->lost;

	logger_write(l, LOG_WARN, text);
	return l->lost > before;
}

/* Who reads later is told how many there were. */
START_TEST(lost_lines)
{
	static char text[1 << 20];
	unsigned long lost = 0, told = 0;
	struct logger l;
	size_t got = 0;
	ssize_t n;

	take_stderr(true);
	logger_start(&l);
	for (int i = 0; i < LINES; i++)
		lost += say(&l, "a line that is long enough to fill a pipe with some thousands of it");
	ck_assert_uint_gt(l.lost, 0);
	while (l.lost) {		/* until there is room again */
		n = read(out[0], text + got, 1024);
		ck_assert_int_gt(n, 0);
		got += (size_t)n;
		lost += say(&l, "the last");
		ck_assert_uint_lt(got, sizeof(text) / 2);
	}
	close(STDERR_FILENO);
	close(l.fd);
	while ((n = read(out[0], text + got, sizeof(text) - 1 - got)) > 0)
		got += (size_t)n;
	for (size_t i = 0; i < got; i++)
		text[i] = text[i] ? text[i] : ' ';
	for (char *at = strstr(text, "weir: "); at; at = strstr(at + 1, "weir: "))
		if (at[6] >= '0' && at[6] <= '9')
			told += strtoul(at + 6, NULL, 10);
	ck_assert_uint_eq(told, lost);
	ck_assert_ptr_nonnull(strstr(text, "weir: the last\n"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("logger");
	TCase *t = tcase_create("logger");

	tcase_add_test(t, lines);
	tcase_add_test(t, nobody_reads);
	tcase_add_test(t, lost_lines);
	suite_add_tcase(s, t);
	return run_suite(s);
}
