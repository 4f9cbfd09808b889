/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.c - the process of weir run that knows the operator from the programs of sandboxes.
 *
 * Theory of operation
 *
 * A program in a sandbox can be root, and the file of another sandbox's control socket may be within its reach: by
 * another mount of /run, by a descriptor. What it can never leave is its PID namespace, which is below that of
 * whoever started its weir. So one rule holds: who commands is in the very PID namespace where this weir was
 * started. A program in any sandbox of any weir is below it or beside it, a container with a PID namespace of its own
 * is too; another network, mount or user namespace makes no difference. Who started a weir inside a sandbox, and all
 * beside it there, command that one.
 *
 * The stack process cannot tell: it sees its own namespace only, and must not get a pidfd of anybody outside, since
 * its CAP_SYS_PTRACE would reach that. So it asks here. Here is no privilege: no capability, an allow-list of
 * calls, nothing open but the way to the stack process.
 *
 * Numbers of processes come round, a socket can be inherited or passed on, and its peer may be gone. So:
 * - Who connected is known by a pidfd and is there still (peer.c).
 * - Who says something is told by the kernel with each message (SCM_CREDENTIALS), whoever holds the socket; a plain
 *   look at it (MSG_PEEK) consumes nothing, and one read never joins what two have said. It must be the number of the
 *   one who connected: nobody else has had that number, for that one has been there all the time.
 * - The room for the look is too small for descriptors that come along: none is installed here.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/pidfd.h"
#include "cmd/gate.h"
#include "cmd/peer.h"
#include "control/gate.h"
#include "intercept/allowlist.h"
#include "intercept/capabilities.h"

/* Who said what can be read next: its number here; 0: then the verdict is that. */
static pid_t speaker(int fd, enum gate_verdict *otherwise)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} room;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &room,
			    .msg_controllen = sizeof(room.bytes) };
	const struct cmsghdr *c;
	struct ucred cred;
	ssize_t n = recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT);

	*otherwise = n < 0 && (errno == EAGAIN || errno == EINTR) ? GATE_NOTHING : GATE_STRANGER;
	if (n == 0)
		*otherwise = GATE_OPERATOR;	/* the end, which nobody can take back: the server will see */
	if (n <= 0)
		return 0;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS || c->cmsg_len != CMSG_LEN(sizeof(cred)))
		return 0;
	memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	return cred.pid;
}

static enum gate_verdict judge(int fd, uint64_t accepted, int own_depth)
{
	enum gate_verdict verdict = GATE_STRANGER, otherwise;
	int depth = 0, pidfd;
	pid_t pid, said;

	pidfd = peer_open(fd, accepted, &pid);
	if (pidfd < 0)
		return GATE_STRANGER;
	if (pidfd_pid(pidfd, &depth) > 0 && depth == own_depth) {
		said = speaker(fd, &otherwise);
		if (!said)
			verdict = otherwise;
		else if (said == pid && pidfd_pid(pidfd, NULL) > 0)
			verdict = GATE_OPERATOR;
	}
	close(pidfd);
	return verdict;
}

static int own_depth(void)
{
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0), depth = 0;

	if (self >= 0) {
		pidfd_pid(self, &depth);
		close(self);
	}
	return depth ? depth : -1;	/* /proc does not tell: then nobody may command */
}

static const int gate_calls[] = {
	SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(getsockopt), SCMP_SYS(pidfd_open), SCMP_SYS(read), SCMP_SYS(close),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
};
static const struct allowlist_argument gate_arguments[] = {
	{ SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY) },
};

static int give_up(struct weir_error *e)
{
	static const struct allowlist list = {
		.who = "the gate's", .calls = gate_calls, .ncalls = sizeof(gate_calls) / sizeof(gate_calls[0]),
		.arguments = gate_arguments, .narguments = 1,
	};
	int err = capabilities_keep_bound(0, e);

	if (!err)
		err = capabilities_keep(0, e);
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return weir_fail(e, errno, "cannot give up the gate's privileges: %s", strerror(errno));
	return allowlist_install(&list, e);
}

static void gate_main(int sock)
{
	struct gate_answer a = { 0 };
	struct gate_question q;
	struct weir_error e = { "" };
	int depth, fd;

	prctl(PR_SET_NAME, "weir-gate");
	setsid();			/* a program in the front's group is not to stop us */
	dup2(sock, 0);
	close_range(1, 1, 0);
	close_range(3, ~0u, 0);
	depth = own_depth();
	if (give_up(&e)) {
		(void)!write(STDERR_FILENO, "weir: ", 6);
		(void)!write(STDERR_FILENO, e.text, strlen(e.text));
		_exit(1);
	}
	while (!gate_question(0, &q, &fd)) {
		a.client = q.client;
		a.verdict = (uint32_t)judge(fd, q.accepted, depth);
		close(fd);
		if (gate_answer(0, &a))
			break;
	}
	_exit(0);
}

int gate_start(struct gate *g, struct weir_error *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return weir_fail(e, errno, "cannot make a socket pair: %s", strerror(errno));
	g->pid = fork();
	if (g->pid < 0) {
		int err = errno;

		close(pair[0]);
		close(pair[1]);
		return limits_process_failed(e, err, "start the gate");
	}
	if (!g->pid)
		gate_main(pair[0]);
	close(pair[0]);
	g->sock = pair[1];
	return 0;
}

void gate_stop(struct gate *g)
{
	if (g->sock >= 0)
		close(g->sock);
	if (g->pid > 0) {
		kill(g->pid, SIGKILL);
		waitpid(g->pid, NULL, 0);
	}
}
