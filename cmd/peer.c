/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.c - which process connected a socket (peer.h).
 *
 * Theory of operation
 *
 * Linux 6.5 has SO_PEERPIDFD, which names the process and no other, ever. Before there is its number (SO_PEERCRED),
 * which is given to another process once it has ended; and who can start processes can have all numbers in turn within
 * seconds. So who has the number now must be as old as the connection: it has started before that was accepted, and
 * with the pidfd open nobody else gets the number any more. Left is the time between connect and accept, a turn of the
 * server: within that the number would have to come round.
 *
 * A start is known to a clock tick. Where /proc hides processes (hidepid) it is not known at all, and the number has to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/pidfd.h"
#include "cmd/peer.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define START_FIELD	22		/* of /proc/PID/stat: clock ticks since boot */

static pid_t number(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) || cred.pid <= 0 ? -1 : cred.pid;
}

/* When a process started, in clock ticks; -ENOENT: nobody shows it. */
static int started(pid_t pid, uint64_t *ticks)
{
	char path[32], text[1024], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -errno : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return (int)(fd < 0 ? n : -EIO);
	text[n] = '\0';
	at = strrchr(text, ')');	/* the name, field 2, may hold others */
	for (int field = 2; at && field < START_FIELD; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -EIO;
	*ticks = strtoull(at, NULL, 10);
	return 0;
}

static bool as_old(pid_t pid, uint64_t accepted)
{
	uint64_t ticks = 0, hz = (uint64_t)sysconf(_SC_CLK_TCK);
	int err = started(pid, &ticks);

	if (err)
		return err == -ENOENT;
	return ticks <= accepted / 1000000000u * hz + accepted % 1000000000u * hz / 1000000000u;
}

int peer_open_by_number(int fd, uint64_t accepted, pid_t *pid)
{
	int pidfd;

	*pid = number(fd);
	pidfd = *pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, *pid, 0);
	/* last: is what was read of the number about this process? */
	if (pidfd >= 0 && as_old(*pid, accepted) && pidfd_pid(pidfd, NULL) == *pid)
		return pidfd;
	if (pidfd >= 0)
		close(pidfd);
	return -1;
}

int peer_open(int fd, uint64_t accepted, pid_t *pid)
{
	socklen_t len = sizeof(int);
	int pidfd;

	*pid = number(fd);
	if (*pid < 0)
		return -1;
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len))
		return pidfd;
	return errno == ENOPROTOOPT ? peer_open_by_number(fd, accepted, pid) : -1;
}
