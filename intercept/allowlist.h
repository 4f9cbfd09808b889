/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allowlist.h - a process of weir's own may make these system calls, and no other.
 *
 * Sanitizers need calls that nobody can list, so a build with them has no lists.
 */
#ifndef INTERCEPT_ALLOWLIST_H
#define INTERCEPT_ALLOWLIST_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>

#include <weir/error.h>

struct allowlist {
	const char *who;		/* "the stack process's" */
	const int *calls;
	size_t ncalls;
	const struct allowlist_argument {	/* these with one argument only */
		int call;
		struct scmp_arg_cmp arg;
	} *arguments;
	size_t narguments;
	int absent;			/* this one fails with ENOSYS; 0: none does */
	bool trap;			/* another call raises SIGSYS; otherwise it ends the process at once */
};

int allowlist_install(const struct allowlist *a, struct weir_error *e);

#endif
