/* SPDX-License-Identifier: Apache-2.0 */
/* logger.c - the log of weir run, written by a process of its own (logger.h). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/logger.h"

#define STOP_WAIT	1000		/* ms */
#define LOOK		1000		/* ms between two looks whether anybody is left who writes */

/* ---- the writer ---- */

/* stderr takes something. False: nobody is left who waits for that. */
static bool writable(int pipe)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT }, in = { .fd = pipe };

	while (poll(&out, 1, LOOK) == 0)
		if (poll(&in, 1, 0) > 0 && in.revents & POLLHUP)
			return false;
	return true;
}

static void writer_main(int pipe)
{
	char buf[4096];
	ssize_t n;

	prctl(PR_SET_NAME, "weir-log");
	while ((n = read(pipe, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0, done = 0; at < n; at += done) {
			if (!writable(pipe))
				_exit(0);
			done = write(STDERR_FILENO, buf + at, (size_t)(n - at));
			if (done < 0)	/* nobody will read it: go on taking what is said */
				break;
		}
	_exit(0);
}

/* Of what the caller has it keeps stderr only, and no signal that is meant for the others ends it. */
static void writer(int in, int out)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	close(out);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	writer_main(in);
}

/* ---- those who log ---- */

void logger_start(struct logger *l)
{
	int fds[2];

	*l = (struct logger){ .fd = -1, .pidfd = -1 };
	if (pipe2(fds, O_CLOEXEC))
		return;
	l->pid = fork();
	if (!l->pid)
		writer(fds[0], fds[1]);
	close(fds[0]);
	if (l->pid < 0 || fcntl(fds[1], F_SETFL, O_NONBLOCK)) {
		close(fds[1]);
		return;
	}
	l->fd = fds[1];
	l->pidfd = (int)syscall(SYS_pidfd_open, l->pid, 0);
}

void logger_write(void *arg, enum log_level level, const char *text)
{
	struct logger *l = arg;
	char line[2048];
	int n = 0;

	if (l->fd < 0) {
		log_to_stderr(NULL, level, text);
		return;
	}
	if (l->lost)
		n = snprintf(line, sizeof(line), "weir: %lu lines of the log are lost: stderr did not take them\n",
			     l->lost);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "weir: %.1800s\n", text);
	if (write(l->fd, line, (size_t)n) == n)		/* whole or not at all: less than PIPE_BUF */
		l->lost = 0;
	else
		l->lost++;
}

void logger_stop(struct logger *l)
{
	struct pollfd end = { .fd = l->pidfd, .events = POLLIN };

	if (l->fd < 0)
		return;
	close(l->fd);
	l->fd = -1;
	if (l->pidfd < 0 || poll(&end, 1, STOP_WAIT) <= 0)
		kill(l->pid, SIGKILL);
	if (l->pidfd >= 0 && poll(&end, 1, STOP_WAIT) > 0)	/* else it waits in the kernel, without us */
		waitpid(l->pid, NULL, 0);
	if (l->pidfd >= 0)
		close(l->pidfd);
}
