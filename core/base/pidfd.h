/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfd.h - what /proc tells of the process that a pidfd names. A number stands for a process only while that is
 * there; a pidfd for as long as it is open.
 */
#ifndef BASE_PIDFD_H
#define BASE_PIDFD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The process's number in our PID namespace, and in *depth (may be NULL) in how many nested ones it has one, ours
 * included: 1 is a process of our own namespace. -ESRCH: it is gone, or is in no namespace that is ours or below.
 * Another -errno: /proc does not tell.
 */
pid_t pidfd_pid(int pidfd, int *depth);
/* Is it stopped by a signal, or by one that traces it? */
bool pidfd_stopped(int pidfd);

#endif
