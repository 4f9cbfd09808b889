/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.c - what bounds a program of the sandbox (confine.h).
 *
 * Theory of operation
 *
 * Whoever could use another process's privilege has it. So of those whom a program can name, none has any: init, the only
 * one that is not a program, gives up all capabilities, is not dumpable (so that a program with the same user cannot
 * trace it, read its memory or take its descriptors) and is under an allow-list of what it still does. A program
 * that may trace all the same, by --cap-add, gains a process that can report, and the front believes no report that
 * it cannot check.
 *
 * A program is in the process group of the front, since it must be in the terminal's. A signal to the whole group
 * reaches the front, too, which handles all but SIGSTOP and SIGKILL. SIGKILL ends the sandbox, as it is meant; SIGSTOP
 * would leave an operator with a front that no SIGTERM ends, so a program cannot send it to its group. Nor can it type
 * into the terminal that it shares.
 *
 * The files under /proc and /sys that control the host belong to root, which the program may be, and no capability
 * is needed to write them. Docker's lists say which. They are covered, so a program without CAP_SYS_ADMIN that makes
 * namespaces of its own cannot have a new /proc: the kernel does not show again what was covered. In a user namespace
 * none of that is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intercept/allowlist.h"
#include "intercept/capabilities.h"
#include "intercept/confine.h"

#define FLAGS	(MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* ---- files ---- */

static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
	"/sys/firmware",
};

static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static int confine_fail(const char *what, const char *path, struct weir_error *e)
{
	return weir_fail(e, errno, "cannot %s %s inside the sandbox: %s; with --privileged it stays as it is", what, path,
			 strerror(errno));
}

static int mask(const char *path, struct weir_error *e)
{
	struct stat st;
	int err;

	if (stat(path, &st))
		return 0;		/* this kernel has none */
	err = S_ISDIR(st.st_mode) ? mount("weir", path, "tmpfs", FLAGS | MS_RDONLY, "mode=0555,size=4k,nr_inodes=2")
				  : mount("/dev/null", path, NULL, MS_BIND, NULL);
	return err ? confine_fail("cover", path, e) : 0;
}

static int make_read_only(const char *path, struct weir_error *e)
{
	if (access(path, F_OK))
		return 0;
	if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) ||
	    mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | FLAGS, NULL))
		return confine_fail("make read-only", path, e);
	return 0;
}

/* With all that is mounted below it: control groups, fusectl, debugfs. */
static int make_sys_read_only(struct weir_error *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	if (access("/sys", F_OK))
		return 0;
	if (syscall(SYS_mount_setattr, AT_FDCWD, "/sys", AT_RECURSIVE, &attr, sizeof(attr)) && errno != EINVAL)
		return confine_fail("make read-only", "/sys", e);
	return 0;			/* EINVAL: nothing is mounted there */
}

/* Root of a user namespace owns none of these files. */
bool confine_whole(const struct confine *c)
{
	return c->privileged || c->users.count;
}

static int hide(const struct confine *c, struct weir_error *e)
{
	/* who has CAP_SYS_ADMIN may run a weir inside, whose sockets are its own */
	const char *options = c->privileged ? "mode=0755,size=1m" : "mode=0555,size=4k,nr_inodes=2";

	if (!c->hidden || access(c->hidden, F_OK))
		return 0;
	if (mount("weir", c->hidden, "tmpfs", FLAGS | (c->privileged ? 0 : MS_RDONLY), options))
		return weir_fail(e, errno, "cannot cover %s inside the sandbox: %s", c->hidden, strerror(errno));
	return 0;
}

int confine_files(const struct confine *c, struct weir_error *e)
{
	bool as_it_is = confine_whole(c);
	int err = hide(c, e);

	for (size_t i = 0; !err && !as_it_is && i < sizeof(masked) / sizeof(masked[0]); i++)
		err = mask(masked[i], e);
	for (size_t i = 0; !err && !as_it_is && i < sizeof(read_only) / sizeof(read_only[0]); i++)
		err = make_read_only(read_only[i], e);
	return err || as_it_is ? err : make_sys_read_only(e);
}

/* ---- the program ---- */

/* Arguments of 32 bits: the kernel ignores what is above them. */
#define IS(n, value)	SCMP_CMP(n, SCMP_CMP_MASKED_EQ, 0xffffffffu, (value))

static int guard_rules(scmp_filter_ctx ctx)
{
	int err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);

	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	if (!err && seccomp_arch_native() == SCMP_ARCH_X86_64)	/* without interception i386 programs run, too */
		err = seccomp_arch_add(ctx, SCMP_ARCH_X86);
	if (!err && seccomp_arch_native() == SCMP_ARCH_X86_64)
		err = seccomp_arch_add(ctx, SCMP_ARCH_X32);
	if (!err && seccomp_arch_native() == SCMP_ARCH_AARCH64)
		err = seccomp_arch_add(ctx, SCMP_ARCH_ARM);
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(kill), 2, IS(0, 0), IS(1, SIGSTOP));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, IS(1, TIOCSTI));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, IS(1, TIOCLINUX));
	return err;
}

static int guard_install(struct weir_error *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int err = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1) : -ENOMEM;

	if (!err)
		err = guard_rules(ctx);
	if (!err)
		err = seccomp_load(ctx);
	if (err == -EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))	/* not root */
		err = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return err ? weir_fail(e, -err, "cannot install the program's seccomp filter: %s", strerror(-err)) : 0;
}

int confine_program(const struct confine *c, struct weir_error *e)
{
	int err = guard_install(e);

	if (!err)
		err = capabilities_keep_bound(c->caps, e);
	return err ? err : capabilities_keep(c->caps, e);
}

/* ---- init ---- */

static const int init_calls[] = {
	SCMP_SYS(wait4), SCMP_SYS(sendmsg), SCMP_SYS(close), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

int confine_init(const struct confine *c, struct weir_error *e)
{
	static const struct allowlist list = {
		.who = "the sandbox's init's", .calls = init_calls,
		.ncalls = sizeof(init_calls) / sizeof(init_calls[0]),
	};
	int err = capabilities_keep_bound(c->caps, e);

	if (!err)
		err = capabilities_keep(0, e);
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return weir_fail(e, errno, "cannot give up init's privileges: %s", strerror(errno));
	return allowlist_install(&list, e);
}
