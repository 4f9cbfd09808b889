/* SPDX-License-Identifier: Apache-2.0 */
/* procfs.h - /proc/net in the sandbox: mounted by its init, served by the stack process. */
#ifndef INTERCEPT_PROCFS_H
#define INTERCEPT_PROCFS_H

#include <weir/error.h>

#include "stack.h"
#include "time/loop.h"

#define PROCFS_OPEN_MAX	256u		/* files that programs have open at once */

/*
 * procmount.c: in a mount and PID namespace of the sandbox's own, whose /proc is new and whose PID 1 is the
 * caller. fd: of procfs_device. whole: the rest of /proc is not to be covered. 0, and fd is to be served, or
 * -errno; then /proc/net is as it was, and e says why and what to do.
 */
int procfs_mount(int fd, bool whole, struct weir_error *e);
int procfs_device(struct weir_error *e);	/* /dev/fuse, or -errno */

/* Serve fd, which is taken over. NULL: it could not be. */
struct procfs *procfs_create(struct stack *s, struct loop *l, int fd, struct weir_error *e);
void procfs_destroy(struct procfs *p);		/* who still reads gets ENOTCONN; p may be NULL */

#endif
