/* SPDX-License-Identifier: Apache-2.0 */
/* pidfd.c - what /proc tells of the process that a pidfd names (pidfd.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pidfd.h"

static int read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = '\0';
	return 0;
}

/* "NSpid:\t17\t1\n": how many numbers. */
static int count(const char *line)
{
	int n = 0;

	for (; *line && *line != '\n'; line++)
		n += *line == '\t';
	return n;
}

pid_t pidfd_pid(int pidfd, int *depth)
{
	char path[48], text[1024];
	const char *pid, *all;
	int err;
	long n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	err = read_file(path, text, sizeof(text));
	if (err)
		return err;
	pid = strstr(text, "\nPid:\t");
	all = strstr(text, "\nNSpid:\t");
	if (!pid || (depth && !all))
		return -EINVAL;
	n = strtol(pid + 6, NULL, 10);
	if (depth)
		*depth = count(all + 1);
	return n > 0 ? (pid_t)n : -ESRCH;
}

bool pidfd_stopped(int pidfd)
{
	char path[32], text[1024], *state;
	pid_t pid = pidfd_pid(pidfd, NULL);

	if (pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_file(path, text, sizeof(text)))
		return false;
	state = strrchr(text, ')');		/* the name may hold others */
	/* the number was this process's if the process is still there */
	return state && (state[2] == 'T' || state[2] == 't') && pidfd_pid(pidfd, NULL) == pid;
}
