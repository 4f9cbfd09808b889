/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intercept.h - the workload's side of a stack process: programs whose socket calls are answered
 * by a stack.
 *
 * filter.c	the seccomp filter that the program runs under; gives a listener fd
 * notify.c	reads notifications from listeners and dispatches each to the file of its family of calls
 * worker.c	the threads that do so, watchdog.c: what is done about calls that hold one of them
 * call.c	a call's turn of the stack, its waiting, its answer
 * notif.c, remote.c	the caller as the kernel shows it: its notification, its memory, its descriptors
 * pump*.c	moves bytes between the program's AF_UNIX ends and the stack's sockets
 * door.c	an end of the stack's for a program's socket that connects
 * witness.c	which programs' ends are closed, where no hangup tells
 * launch.c	namespaces, the sandbox's init, the program
 * procmount.c, procfs.c	/proc/net: mounted by init, served by the stack process
 * lockdown.c	what the stack process gives up once it is set up
 * takeover.c	addresses and routes of a namespace's devices: read, removed, given back
 */
#ifndef INTERCEPT_INTERCEPT_H
#define INTERCEPT_INTERCEPT_H

#include <weir/error.h>

#include "stack.h"
#include "intercept/userns.h"
#include "time/loop.h"

struct intercept;

struct intercept_stats {
	uint64_t notifications, continued, interrupted, unknown_options, sockets,
		 unread_drops,		/* datagrams, while too much lay unread (unread.c); those that come at once after one
					 * are drops of their sockets */
		 waiting,		/* calls, for their socket */
		 workers,		/* threads that answer calls */
		 stuck;			/* calls that could not be served in time: watchdog.c */
};

struct intercept *intercept_create(struct stack *s, struct loop *l, struct weir_error *e);
/* What memory cgroups allow, in bytes (base/cgroup.h): sockets take no more than 5/16 of it. Without, they are bounded
 * by RLIMIT_NOFILE alone. */
void intercept_set_memory(struct intercept *ic, uint64_t allowed);
/* Capabilities over the network, and users' numbers, are those in this user namespace; at first our own. */
void intercept_set_user_ns(struct intercept *ic, const char *name, const struct userns *users);
int intercept_door(const struct intercept *ic);		/* for lockdown() to give it its name */
/* The loop's turns are shared from intercept_create on, and calls are answered from intercept_start on: once
 * the process has given up what it does not need. */
int intercept_start(struct intercept *ic, struct weir_error *e);
/* False: a thread still waits for a program or for its file server, and nothing was freed; exit then. */
bool intercept_destroy(struct intercept *ic);
/* Serve one more seccomp listener (takes the fd): the first program's, and each `weir exec`'s. operator: its
 * programs run outside of the sandbox and may change what bounds it. */
int intercept_add_listener(struct intercept *ic, int fd, bool operator, struct weir_error *e);
/* Programs have ended: what they left open is closed now, though nothing may have told (witness.c). */
void intercept_ended(struct intercept *ic);
void intercept_stats(const struct intercept *ic, struct intercept_stats *s);

/* Install the filter in the calling process (single-threaded, about to exec): the listener fd, or
 * -errno. */
int filter_install(struct weir_error *e);

#endif
