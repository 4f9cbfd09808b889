/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notif.h - a seccomp listener, as the kernel gives it: what is asked of it and told to it, and nothing
 * that knows of sockets. With remote.h it is all that a call has to do with its caller, so a test can
 * put both in the place of a kernel.
 */
#ifndef INTERCEPT_NOTIF_H
#define INTERCEPT_NOTIF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct notif {			/* one system call of a program */
	uint64_t id;
	pid_t tid;
	int nr;
	uint64_t args[6];
};

/* The next one; -ENOENT: its caller was killed meanwhile. Waits when there is none. */
int notif_recv(int listener, struct notif *n);
bool notif_valid(int listener, uint64_t id);		/* does its caller still wait? */
/* The end of a call; -ENOENT: its caller waits no more. */
int notif_answer(int listener, uint64_t id, int64_t result);
int notif_continue(int listener, uint64_t id);		/* the kernel does the call */
/*
 * A descriptor for the caller. All of these wait until its thread has run, and that may be long: a
 * stopped one, one whose cgroup has used up its share.
 */
int notif_give(int listener, uint64_t id, int fd, bool cloexec);	/* and that is the answer: its number */
int notif_replace(int listener, uint64_t id, int fd, int at, bool cloexec);	/* under the number at */

#endif
