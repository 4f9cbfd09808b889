/* SPDX-License-Identifier: Apache-2.0 */
/* suite.h - how every Check program ends: run the suite, say how it went. */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/* main's return value. CK_NORMAL, or what CK_VERBOSITY in the environment asks for. Frees s. */
static inline int run_suite(Suite *s)
{
	SRunner *sr = srunner_create(s);
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
