/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.c - signals, the terminal and the exit status between a command and its program (relay.h).
 *
 * A shell learns that its job has stopped by its child, which is us: so we stop, too. But who is stopped takes no
 * signals, and a program can stop whenever it likes. So while we are stopped a child of ours, the watcher, looks a few
 * times a second whether there is a reason to go on, and continues us.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pidfd.h"
#include "cmd/relay.h"

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define WATCH_MS	100

int relay_open(struct relay *r, struct weir_error *e)
{
	struct sigaction sa;
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	r->program = -1;
	sigemptyset(&r->ignored);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!sigaction(ends[i], NULL, &sa) && sa.sa_handler == SIG_IGN)
			sigaddset(&r->ignored, ends[i]);
	sigprocmask(SIG_SETMASK, &all, &r->mask);
	r->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signals < 0)
		return weir_fail(e, errno, "cannot make a signalfd: %s", strerror(errno));
	r->terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	r->foreground = r->terminal < 0 ? -1 : tcgetpgrp(r->terminal);
	if (r->terminal >= 0 && r->foreground != getpgrp()) {
		close(r->terminal);
		r->terminal = -1;
	}
	return 0;
}

int relay_signal(struct relay *r)
{
	struct signalfd_siginfo s;

	if (read(r->signals, &s, sizeof(s)) != sizeof(s))
		return 0;
	if (s.ssi_signo != SIGCHLD && s.ssi_code != SI_KERNEL && r->program >= 0) {
		syscall(SYS_pidfd_send_signal, r->program, s.ssi_signo, NULL, 0);
		if (s.ssi_signo == SIGTERM && pidfd_stopped(r->program))
			syscall(SYS_pidfd_send_signal, r->program, SIGCONT, NULL, 0);
	}
	return (int)s.ssi_signo;
}

bool relay_asks_to_end(const struct relay *r, int sig)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends[i] == sig)
			return !sigismember(&r->ignored, sig);
	return false;
}

static bool asked_to_end(pid_t pid)
{
	char path[32], line[256];
	unsigned long long pending = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "SigPnd:", 7) || !strncmp(line, "ShdPnd:", 7))
			pending |= strtoull(line + 7, NULL, 16);
	if (f)
		fclose(f);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (pending >> (ends[i] - 1) & 1)
			return true;
	return false;
}

/* Until our parent is gone, or ends us because it goes on. */
static void watch(pid_t parent, int program)
{
	struct pollfd p = { .fd = program, .events = POLLIN };

	prctl(PR_SET_NAME, "weir-watch");
	setsid();			/* ^Z is not for us */
	if (program > 3)
		close_range(3, (unsigned int)program - 1, 0);
	close_range((unsigned int)program + 1, ~0u, 0);
	while (getppid() == parent) {
		if (poll(&p, 1, WATCH_MS) > 0) {
			poll(NULL, 0, WATCH_MS);	/* it has ended; not to spin */
			kill(parent, SIGCONT);
		} else if (asked_to_end(parent) || !pidfd_stopped(program)) {
			kill(parent, SIGCONT);
		}
	}
	_exit(0);
}

void relay_stop(const struct relay *r)
{
	pid_t self = getpid(), watcher = fork();

	if (watcher < 0)
		return;			/* better not stopped than for good */
	if (!watcher)
		watch(self, r->program);
	kill(self, SIGSTOP);
	kill(watcher, SIGKILL);
	waitpid(watcher, NULL, 0);
}

void relay_close(struct relay *r)
{
	/* SIGTTOU is blocked, so this does not stop us */
	if (r->terminal >= 0 && tcgetpgrp(r->terminal) != r->foreground)
		tcsetpgrp(r->terminal, r->foreground);
	if (r->terminal >= 0)
		close(r->terminal);
	if (r->program >= 0)
		close(r->program);
	if (r->signals >= 0)
		close(r->signals);
}

int relay_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
