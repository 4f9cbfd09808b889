/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch.h - the sandbox's processes: its init, and programs that start under the filter.
 */
#ifndef INTERCEPT_LAUNCH_H
#define INTERCEPT_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "intercept/confine.h"

#include <weir/error.h>

#define LAUNCH_WEIR	125	/* weir failed; the program never ran */
#define LAUNCH_DENIED	126	/* the program cannot be executed */
#define LAUNCH_MISSING	127	/* there is no such program */

/*
 * What the front is told, one SEQPACKET message each. STARTED comes from init, RUNS from the stack process: up to there
 * nothing of the program has run, and what is said is weir's own. What comes after it may be forged.
 */
struct launch_report {
	enum { LAUNCH_STARTED, LAUNCH_RUNS, LAUNCH_STOPPED, LAUNCH_EXITED, LAUNCH_FAILED } kind;
	int status;			/* EXITED: as waitpid gives it */
	char text[512];			/* FAILED: the sentence */
};					/* STARTED carries a pidfd of the program */

struct launch {
	char *const *argv;
	bool intercept;			/* under the filter, in a network namespace of its own */
	int netns_fd;			/* not intercepted: the namespace to run in; -1 = this one */
	struct confine confine;
	sigset_t mask;			/* the program's signal mask */
	int report;			/* to the front */
};

struct launched {
	pid_t init;
	int init_pidfd;
	int listener;			/* the program's seccomp listener; -1 */
	int procfs;			/* of /dev/fuse: /proc/net, to be served (procfs.h); -1 */
	char user_ns[USERNS_NAME];	/* the name of its user namespace */
	char no_procfs[512];		/* why there is none, where one is wanted */
	int go;				/* the program waits for a byte from here */
};

/* Start the sandbox: init as PID 1 of new namespaces, and under it the program, which waits for
 * launch_go, which tells the front on its socket before. */
int launch_sandbox(const struct launch *l, struct launched *out, struct weir_error *e);
void launch_go(struct launched *l, int report);

/* In a child that is to become the program: install the filter (intercept), confine it, tell the listener's
 * number on up, wait for a byte from go, exec with descriptors 0 to 2. Never returns. */
void launch_exec(const struct launch *l, int up, int go) __attribute__((noreturn));
/* It cannot: who waits for it learns why. */
void launch_impossible(const struct weir_error *e, int up) __attribute__((noreturn));
/* In such a child before that, where it runs outside of the sandbox: become nobody, for good. The stack
 * process, which strangers talk to, can read and write the memory of every program that it serves; of this one
 * it would gain nothing. */
int launch_nobody(struct weir_error *e);
/* The listener that a child of launch_exec has announced on up: its descriptor here, or -errno. */
int launch_listener(int up, pid_t child, struct weir_error *e);
/* Send a message with descriptors over a SEQPACKET socket, and receive one. 0 or -errno. */
int launch_send(int sock, const void *data, size_t len, const int *fds, int nfds);
ssize_t launch_receive(int sock, void *data, size_t len, int *fds, int *nfds, int flags);

#endif
