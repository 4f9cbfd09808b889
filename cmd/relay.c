/* SPDX-License-Identifier: Apache-2.0 */
/* relay.c - signals, the terminal and the exit status between a command and its program
 * (relay.h). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/relay.h"

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

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
	if (s.ssi_signo != SIGCHLD && s.ssi_code != SI_KERNEL && r->program >= 0)
		syscall(SYS_pidfd_send_signal, r->program, s.ssi_signo, NULL, 0);
	return (int)s.ssi_signo;
}

bool relay_asks_to_end(const struct relay *r, int sig)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends[i] == sig)
			return !sigismember(&r->ignored, sig);
	return false;
}

void relay_stop(void)
{
	kill(getpid(), SIGSTOP);
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
