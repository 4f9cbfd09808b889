/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch.c - the sandbox's processes (docs/ARCHITECTURE.md, "Processes of weir run").
 *
 * Theory of operation
 *
 * Init is PID 1 of a PID namespace inside the stack process's own, in new mount and network
 * namespaces; the network namespace is empty, with loopback down. It starts the program, reaps what
 * is orphaned, tells the front when the program stops or exits, and then ends, which ends all that
 * is left in its namespace.
 *
 * Under the filter sendmsg is a notification that nobody answers yet, so the program cannot send
 * its listener away. It tells its number through a pipe (write is no notification), and init, which
 * is not filtered, takes a copy with pidfd_getfd. The program execs once the stack process says so.
 *
 * The program stays in the front's process group and session: the terminal treats it as if it had
 * been started by the shell.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/pidfd.h"
#include "intercept/intercept.h"
#include "intercept/launch.h"
#include "intercept/procfs.h"

/* From init to the stack process, when the program waits. The descriptors that there are come along, in this
 * order. */
struct launch_ready {
	bool listener, procfs;
	char no_procfs[512];
};

/* From a child that is to become the program, on its pipe. */
struct launch_up {
	int listener;			/* its number there; -1: no filter */
	char failed[512];		/* why it cannot become the program */
};

#define NOBODY 65534u

/* ---- messages ---- */

int launch_send(int sock, const void *data, size_t len, const int *fds, int nfds)
{
	char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c = (struct cmsghdr *)control;

	if (nfds) {
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

ssize_t launch_receive(int sock, void *data, size_t len, int *fds, int *nfds, int flags)
{
	char control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec iov = { data, len };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	ssize_t n;

	*nfds = 0;
	do
		n = recvmsg(sock, &m, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		*nfds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), (size_t)*nfds * sizeof(int));
	}
	return n;
}

/* ---- the program ---- */

static void launch_fail(const char *what, int err, int status)
{
	fprintf(stderr, "weir: cannot run %s: %s\n", what, strerror(err));
	_exit(status);
}

void launch_impossible(const struct weir_error *e, int up)
{
	struct launch_up said = { .listener = -1 };

	memcpy(said.failed, e->text, sizeof(said.failed));
	(void)!write(up, &said, sizeof(said));
	_exit(LAUNCH_WEIR);
}

void launch_exec(const struct launch *l, int up, int go)
{
	struct launch_up said = { .listener = -1 };
	struct weir_error e = { "" };
	int err = 0;
	char byte;

	if (l->intercept)
		said.listener = err = filter_install(&e);
	/* from here on: no call that the filter traps */
	if (err >= 0)
		err = confine_program(&l->confine, &e);
	if (err < 0)
		launch_impossible(&e, up);
	if (write(up, &said, sizeof(said)) != sizeof(said) || read(go, &byte, 1) != 1)
		_exit(LAUNCH_WEIR);
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	sigprocmask(SIG_SETMASK, &l->mask, NULL);
	execvp(l->argv[0], l->argv);
	err = errno;
	launch_fail(l->argv[0], err, err == ENOENT || err == ENOTDIR ? LAUNCH_MISSING : LAUNCH_DENIED);
	__builtin_unreachable();
}

int launch_nobody(struct weir_error *e)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return weir_fail(e, errno, "cannot become the user nobody (%u): %s", NOBODY, strerror(errno));
	return 0;
}

int launch_listener(int up, pid_t child, struct weir_error *e)
{
	struct launch_up said;
	int pidfd, fd, err;
	ssize_t n;

	do
		n = read(up, &said, sizeof(said));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(said))
		return weir_fail(e, ECHILD, "the program was ended before it began");
	said.failed[sizeof(said.failed) - 1] = '\0';
	if (said.failed[0])
		return weir_fail(e, ECHILD, "%s", said.failed);
	if (said.listener < 0)
		return -ENOENT;		/* no filter */
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, said.listener, 0);
	err = errno;
	if (pidfd >= 0)
		close(pidfd);
	return fd >= 0 ? fd : weir_fail(e, err, "cannot take the seccomp listener: %s", strerror(err));
}

/* ---- reports ---- */

static void report(int sock, int kind, int status, int fd)
{
	struct launch_report r = { .kind = (typeof(r.kind))kind, .status = status };

	launch_send(sock, &r, sizeof(r), &fd, fd >= 0);
}

/* ---- init ---- */

static void init_failed(const struct launch *l, const char *text)
{
	struct launch_report r = { .kind = LAUNCH_FAILED };

	snprintf(r.text, sizeof(r.text), "%s", text);
	launch_send(l->report, &r, sizeof(r), NULL, 0);
	_exit(LAUNCH_WEIR);
}

static void init_failed_at(const struct launch *l, const char *what)
{
	struct weir_error e;

	weir_fail(&e, errno, "cannot %s: %s", what, strerror(errno));
	init_failed(l, e.text);
}

/* Close all but the standard descriptors and these, which are sorted. */
static void init_close(const int *keep, int n)
{
	unsigned int from = 3;

	for (int i = 0; i < n; i++) {
		if (keep[i] < 0)
			continue;
		if ((unsigned int)keep[i] > from)
			close_range(from, (unsigned int)keep[i] - 1, 0);
		if ((unsigned int)keep[i] >= from)
			from = (unsigned int)keep[i] + 1;
	}
	close_range(from, ~0u, 0);
}

static int init_compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The stack process has given this user namespace its users when it says so. */
static void init_users(const struct launch *l, int channel)
{
	struct weir_error e = { "" };
	int fds[4], nfds;
	char byte;

	if (!l->confine.users.count)
		return;
	if (launch_receive(channel, &byte, 1, fds, &nfds, 0) != 1)
		_exit(LAUNCH_WEIR);
	/* dumpable, or the descriptors of the program that is to be could not be taken; nobody else is here yet */
	if (userns_root(&e) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		init_failed(l, e.text);
}

static void init_namespaces(const struct launch *l)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		init_failed_at(l, "detach from the host's mounts");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		init_failed_at(l, "mount /proc");
}

/* /proc/net is the stack's where its sockets are; then the rest of /proc. */
static int init_files(const struct launch *l, int fd, struct launch_ready *ready)
{
	struct weir_error e = { "" };

	if (fd >= 0 && procfs_mount(fd, confine_whole(&l->confine), &e)) {
		snprintf(ready->no_procfs, sizeof(ready->no_procfs), "%s", e.text);
		close(fd);
		fd = -1;
	}
	ready->procfs = fd >= 0;
	if (confine_files(&l->confine, &e))
		init_failed(l, e.text);
	return fd;
}

static void init_send_ready(const struct launch *l, int channel, struct launch_ready *ready, int listener,
			    int procfs)
{
	int fds[2], n = 0;

	ready->listener = listener >= 0;
	if (listener >= 0)
		fds[n++] = listener;
	if (procfs >= 0)
		fds[n++] = procfs;
	if (launch_send(channel, ready, sizeof(*ready), fds, n))
		init_failed_at(l, "send the seccomp listener");
	while (n)
		close(fds[--n]);
}

/* The program's input and output are not ours to hold open. */
static void init_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		if (fd >= 0)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static void init_wait(const struct launch *l, pid_t program)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, WUNTRACED);
		if (pid < 0 && errno != EINTR)
			break;
		if (pid != program)
			continue;
		if (WIFSTOPPED(status)) {
			report(l->report, LAUNCH_STOPPED, status, -1);
			continue;
		}
		report(l->report, LAUNCH_EXITED, status, -1);
		break;
	}
	_exit(0);
}

/* channel: to the stack process; go: the program's end of that pipe. */
static void init_main(const struct launch *l, int channel, int go)
{
	int keep[] = { l->report, channel, go }, up[2], listener = -1, procfs, pidfd;
	struct launch_ready ready = { 0 };
	struct weir_error e = { "" };
	pid_t program;

	prctl(PR_SET_NAME, "weir-init");
	qsort(keep, 3, sizeof(keep[0]), init_compare);
	init_close(keep, 3);
	procfs = l->intercept ? procfs_device(&e) : -1;
	snprintf(ready.no_procfs, sizeof(ready.no_procfs), "%s", e.text);
	init_users(l, channel);
	init_namespaces(l);
	procfs = init_files(l, procfs, &ready);
	if (pipe2(up, O_CLOEXEC))
		init_failed_at(l, "make a pipe");
	program = fork();
	if (program < 0) {
		limits_process_failed(&e, errno, "start the program");
		init_failed(l, e.text);
	}
	if (!program) {
		close(up[0]);
		close(channel);
		close(l->report);
		if (procfs >= 0)
			close(procfs);
		launch_exec(l, up[1], go);
	}
	close(up[1]);
	close(go);
	listener = launch_listener(up[0], program, &e);
	if (listener < 0 && listener != -ENOENT)
		init_failed(l, e.text);
	close(up[0]);
	pidfd = (int)syscall(SYS_pidfd_open, program, 0);
	if (pidfd < 0)
		init_failed_at(l, "open a pidfd of the program");
	init_stdio();
	if (confine_init(&l->confine, &e))
		init_failed(l, e.text);
	/* from here on: no call that is not on init's list */
	report(l->report, LAUNCH_STARTED, 0, pidfd);
	init_send_ready(l, channel, &ready, listener, procfs);
	close(pidfd);
	close(channel);
	init_wait(l, program);
}

static int launch_receive_listener(int channel, const struct launch *l, struct launched *out,
				   struct weir_error *e)
{
	struct launch_ready ready;
	int fds[4], nfds;

	if (launch_receive(channel, &ready, sizeof(ready), fds, &nfds, 0) != sizeof(ready) ||
	    nfds != ready.listener + ready.procfs)
		return weir_fail(e, ECHILD, "the sandbox could not be started");
	out->listener = ready.listener ? fds[0] : -1;
	out->procfs = ready.procfs ? fds[nfds - 1] : -1;
	memcpy(out->no_procfs, ready.no_procfs, sizeof(out->no_procfs));
	if (l->intercept && !ready.listener)
		return weir_fail(e, ECHILD, "the sandbox sent no seccomp listener");
	return 0;
}

static int launch_users(const struct launch *l, struct launched *out, int channel, struct weir_error *e)
{
	int err = l->confine.users.count ? userns_map(out->init_pidfd, &l->confine.users, e) : 0;

	if (err)
		return err;
	err = userns_name(pidfd_pid(out->init_pidfd, NULL), out->user_ns);
	if (err)
		return weir_fail(e, -err, "/proc does not tell of the sandbox's init: %s", strerror(-err));
	return l->confine.users.count ? launch_send(channel, "", 1, NULL, 0) : 0;
}

int launch_sandbox(const struct launch *l, struct launched *out, struct weir_error *e)
{
	unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | (l->intercept ? CLONE_NEWNET : 0) |
			      (l->confine.users.count ? CLONE_NEWUSER : 0);
	struct clone_args args = { .exit_signal = SIGCHLD };
	int channel[2], go[2], err;

	/* here, not in init: in a user namespace it could not. This process leaves it when it is locked down. */
	if (l->netns_fd >= 0 && setns(l->netns_fd, CLONE_NEWNET))
		return weir_fail(e, errno, "cannot enter the network namespace: %s", strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel))
		return weir_fail(e, errno, "cannot make a socket pair: %s", strerror(errno));
	if (pipe2(go, O_CLOEXEC)) {
		err = errno;
		goto no_pipe;
	}
	args.flags = flags | CLONE_PIDFD;
	args.pidfd = (uint64_t)(uintptr_t)&out->init_pidfd;
	out->init = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (out->init < 0) {
		err = errno;
		goto no_clone;
	}
	if (!out->init)
		init_main(l, channel[1], go[0]);
	close(channel[1]);
	close(go[0]);
	out->go = go[1];
	err = launch_users(l, out, channel[0], e);
	if (!err)
		err = launch_receive_listener(channel[0], l, out, e);
	close(channel[0]);
	return err;
no_clone:
	close(go[0]);
	close(go[1]);
no_pipe:
	close(channel[0]);
	close(channel[1]);
	return limits_process_failed(e, err, "make the sandbox's namespaces");
}

void launch_go(struct launched *l, int sock)
{
	report(sock, LAUNCH_RUNS, 0, -1);
	(void)!write(l->go, "", 1);
	close(l->go);
	l->go = -1;
}
