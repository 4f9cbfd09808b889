/* SPDX-License-Identifier: Apache-2.0 */
/* userns.h - a sandbox in a user namespace of its own: its root is a user of the host without any right. */
#ifndef INTERCEPT_USERNS_H
#define INTERCEPT_USERNS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/error.h>

#define USERNS_NOBODY	65534u	/* what the kernel calls a user that has no number there */
#define USERNS_NAME	32	/* "user:[4026531837]" */

/* Users and groups 0 to count - 1 inside are first and so on outside. count 0: no namespace of its own. */
struct userns {
	uint32_t first, count;
};

/* Give the namespace of a process that was cloned into it its users and groups. */
int userns_map(int pidfd, const struct userns *u, struct weir_error *e);
/* Its name, which it has as long as it is there. pid: in the PID namespace of our /proc. */
int userns_name(pid_t pid, char name[USERNS_NAME]);
/* In a process of it: be its root, and in no group of the host's. Then it is not dumpable. */
int userns_root(struct weir_error *e);

#endif
