/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.h - the caller of a notification: its memory and its descriptors.
 *
 * A task is named by its thread id. Ids are used again, so nothing that was learned under one is
 * to be trusted before notify_valid() has said that the caller still waits.
 */
#ifndef INTERCEPT_REMOTE_H
#define INTERCEPT_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "intercept/userns.h"

#define REMOTE_CACHE 16u	/* of each worker */

/*
 * Descriptors of tasks, kept for the next call of the same one. A pidfd stands for one task for
 * ever: when its number has gone to another task, using it gives ESRCH, and it is opened anew.
 * Where it names the whole process (leader), it is asked whether the task is still of that process.
 */
struct remote {
	struct remote_task { pid_t tid, leader; int pidfd; } cache[REMOTE_CACHE];
	bool by_leader;		/* the kernel has no PIDFD_THREAD (before 6.9) */
};

void remote_init(struct remote *r);
void remote_close(struct remote *r);
/*
 * A copy of the task's fd, or -errno. *known: it was found by a pidfd from before this call, and is the
 * task that the id has meant all the time since then.
 */
int remote_getfd(struct remote *r, pid_t tid, int fd, bool *known);
/* Has it this effective capability in the user namespace of that name? */
bool remote_capable(pid_t tid, int cap, const char *user_ns);
bool remote_cloexec(pid_t tid, int fd);				/* is its descriptor closed on exec? */
uid_t remote_uid(pid_t tid, const struct userns *users);	/* as the sandbox sees it; -1: unknown */
pid_t remote_tgid(pid_t tid);					/* its process; 0: unknown */

/* All n bytes, or -EFAULT (-ESRCH: the task is gone). */
int remote_read(pid_t tid, uint64_t addr, void *dst, size_t n);
int remote_write(pid_t tid, uint64_t addr, const void *src, size_t n);
/* Between src/dst and bytes [skip, skip + n) of what the task's iov describes. */
int remote_gather(pid_t tid, const struct iovec *iov, size_t niov, size_t skip, void *dst, size_t n);
int remote_scatter(pid_t tid, const struct iovec *iov, size_t niov, size_t skip, const void *src,
		   size_t n);

#endif
