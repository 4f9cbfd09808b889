/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lockdown.c - what the stack process gives up once it is set up.
 *
 * Theory of operation
 *
 * The stack process reads what strangers send. A mistake in that code must stay inside the sandbox,
 * so it keeps only what it works with: descriptors that are open, memory, time, and the programs of
 * its own PID namespace.
 *
 * - Files: its root is a read-only tmpfs, empty but for the name of its own AF_UNIX socket (door.c) and a /proc of its own PID namespace, which tells of programs (capabilities of
 *   one that opens a raw socket) and of itself (dlopen of a memfd).
 * - Privilege: of all capabilities only CAP_SYS_PTRACE and CAP_KILL, for pidfd_getfd, process_vm_readv and SIGPIPE on programs
 *   that have changed their user. It names no process outside its PID namespace. no_new_privs; not dumpable.
 * - System calls: the list below. Another one ends the process; its last words name the call.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "intercept/allowlist.h"
#include "intercept/capabilities.h"
#include "intercept/launch.h"
#include "intercept/lockdown.h"

#define LOCKDOWN_SO_PASSPIDFD 76	/* of Linux 6.5; SO_PEERPIDFD is the next */

void lockdown_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* ---- files ---- */

/* In what will be the root. */
static int lockdown_door(int door)
{
	static const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "/proc" LOCKDOWN_DOOR };

	return door < 0 ? 0 : bind(door, (const struct sockaddr *)&name, sizeof(name)) ||
	       chmod(name.sun_path, 0600) || listen(door, SOMAXCONN);
}

static int lockdown_root(int door, struct weir_error *e)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS))
		return weir_fail(e, errno, "cannot leave the host's namespaces: %s", strerror(errno));
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("weir", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0500,size=64k") ||
	    lockdown_door(door) || mkdir("/proc/proc", 0500) ||
	    mount("proc", "/proc/proc", "proc", MS_NOSUID | MS_NODEV, NULL) ||
	    chdir("/proc") || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) ||
	    chdir("/"))
		return weir_fail(e, errno, "cannot make the stack process's own root: %s",
				 strerror(errno));
	return 0;
}

/* ---- privilege ---- */

static int lockdown_capabilities(struct weir_error *e)
{
	const uint64_t kept = CAPABILITY(SYS_PTRACE) | CAPABILITY(KILL);
	int err = capabilities_keep_bound(kept, e);

	if (err)
		return err;
	if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
		  SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
		  SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED, 0, 0, 0))
		return weir_fail(e, errno, "cannot set securebits: %s", strerror(errno));
	err = capabilities_keep(kept, e);
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return weir_fail(e, errno, "cannot give up privileges: %s", strerror(errno));
	/* last, for a change of credentials may clear it; a pipe tells of a front that went
	 * before */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

/* ---- system calls ---- */

static const int lockdown_calls[] = {
	/* moving bytes: the pump, the links, the control socket, the log */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
	SCMP_SYS(pwrite64), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg),
	SCMP_SYS(recvmmsg), SCMP_SYS(sendmmsg),
	/* programs' sockets, and clients of the control socket */
	SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(shutdown), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(close),
	SCMP_SYS(fcntl),
	/* callers of notifications */
	SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	/* the thread of epoll_move.c, with a table of its own */
	SCMP_SYS(dup3), SCMP_SYS(getdents64),
	/* the loop */
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(eventfd2),
	SCMP_SYS(getrandom), SCMP_SYS(restart_syscall),
	/* memory, and dlopen of a memfd */
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
	SCMP_SYS(brk), SCMP_SYS(memfd_create), SCMP_SYS(ftruncate), SCMP_SYS(lseek), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access),
	SCMP_SYS(readlink), SCMP_SYS(getcwd),
	/* the C library, signals, the end */
	SCMP_SYS(futex), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

#define LOCKDOWN_CLONE	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define LOCKDOWN_NEW	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
			 CLONE_NEWNET)

/* These with one argument only. */
static const struct allowlist_argument lockdown_arguments[] = {
	/* no SO_PASSPIDFD, SO_PEERPIDFD: CAP_SYS_PTRACE reaches all that a pidfd names, an operator's client, too */
	{ SCMP_SYS(getsockopt), SCMP_A2(SCMP_CMP_LT, LOCKDOWN_SO_PASSPIDFD, 0) },
	{ SCMP_SYS(setsockopt), SCMP_A2(SCMP_CMP_LT, LOCKDOWN_SO_PASSPIDFD, 0) },
	/* descriptors: all, in a table of its own or one that is to become so */
	{ SCMP_SYS(close_range), SCMP_A0(SCMP_CMP_EQ, 0, 0) },
	/* files are only ever read */
	{ SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY) },
	{ SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY) },
	{ SCMP_SYS(socketpair), SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0) },
	{ SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0) },
	/* programs' ends, to be connected and to listen: too short a name to lead through /proc to another socket */
	{ SCMP_SYS(bind), SCMP_A2(SCMP_CMP_LE, LOCKDOWN_NAME_MAX, 0) },
	{ SCMP_SYS(connect), SCMP_A2(SCMP_CMP_LE, LOCKDOWN_NAME_MAX, 0) },
	{ SCMP_SYS(listen), SCMP_A1(SCMP_CMP_LE, SOMAXCONN, 0) },
	/* of notifications, sockets and devices; none that could type into the user's terminal */
	{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00u, SECCOMP_IOC_MAGIC << 8) },
	{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffff00u, 0x8900u) },
	{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD, 0) },
	{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, TIOCOUTQ, 0) },
	{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONBIO, 0) },
	{ SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, TCGETS, 0) },
	/* a program that wrote where nobody reads; abort */
	{ SCMP_SYS(tkill), SCMP_A1(SCMP_CMP_EQ, SIGPIPE, 0) },
	{ SCMP_SYS(tgkill), SCMP_A2(SCMP_CMP_EQ, SIGABRT, 0) },
	{ SCMP_SYS(tgkill), SCMP_A2(SCMP_CMP_EQ, 0, 0) },
	{ SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_EQ, 0, 0) },
	/* the threads of worker.c; no process, no namespace */
	{ SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, LOCKDOWN_CLONE | LOCKDOWN_NEW, LOCKDOWN_CLONE) },
};

/* The call was not made. Tell which it was, and end. */
static void lockdown_violation(int sig, siginfo_t *info, void *context)
{
	char text[128];
	int n;

	(void)sig;
	(void)context;
	n = snprintf(text, sizeof(text), "weir: the stack process made system call %d, which is not for it\n",
		     info->si_syscall);
	(void)!write(STDERR_FILENO, text, (size_t)n);
	_exit(LAUNCH_WEIR);
}

static int lockdown_seccomp(struct weir_error *e)
{
	static const struct allowlist list = {
		.who = "the stack process's", .trap = true,
		.calls = lockdown_calls, .ncalls = sizeof(lockdown_calls) / sizeof(lockdown_calls[0]),
		.arguments = lockdown_arguments,
		.narguments = sizeof(lockdown_arguments) / sizeof(lockdown_arguments[0]),
		.absent = SCMP_SYS(clone3),	/* its flags are behind a pointer: the C library takes clone instead */
	};
	struct sigaction violation = { .sa_sigaction = lockdown_violation, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &violation, NULL);
	return allowlist_install(&list, e);
}

int lockdown(int door, struct weir_error *e)
{
	int err = lockdown_root(door, e);

	if (!err)
		err = lockdown_capabilities(e);
	return err ? err : lockdown_seccomp(e);
}
