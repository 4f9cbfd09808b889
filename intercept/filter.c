/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - the seccomp filter that a program runs under.
 *
 * Theory of operation
 *
 * Calls that only a network stack can answer become notifications (SECCOMP_RET_USER_NOTIF); all
 * others run in the kernel as ever. What moves bytes (read, write, send, recv, sendto and recvfrom
 * without an address, splice, sendfile) or waits for them (poll, select, epoll) is never a
 * notification: a program's socket is an AF_UNIX socket, and the kernel serves it. The filter
 * cannot follow pointers, but it can compare one with NULL: that is how send() and sendto() are
 * told apart, which are one system call.
 *
 * io_uring would make socket calls behind the filter's back, so it does not exist (ENOSYS). Neither
 * do the i386 and x32 calls: their numbers mean other calls than the filter thinks. None of this is
 * what confines the program: its own network namespace does. A call that slips by meets a kernel
 * without devices.
 *
 * SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is not used: a signal must be able to interrupt accept,
 * connect and recvmsg. Nor would it spare the other calls every EINTR: what interrupts one before its notification
 * was received still does (docs/interception.md). Root installs the filter without no_new_privs, so that sudo, ping and sshd
 * find their set-user-ID bits working.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intercept/intercept.h"

#define FILTER_MAX_BYTES (64u * 1024u)

/* Always a notification. */
static const int filter_calls[] = {
	SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg),
	SCMP_SYS(shutdown),
};

static const int filter_absent[] = {
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
};

static int filter_rules(scmp_filter_ctx ctx)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(filter_calls) / sizeof(filter_calls[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, filter_calls[i], 0);
	for (size_t i = 0; !err && i < sizeof(filter_absent) / sizeof(filter_absent[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), filter_absent[i], 0);
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(sendto), 1,
				       SCMP_A4(SCMP_CMP_NE, 0, 0));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(recvfrom), 1,
				       SCMP_A4(SCMP_CMP_NE, 0, 0));
	/* SIOC*: 0x8900 to 0x89ff; the request is 32 bits wide, whatever is above them */
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffff00u, 0x8900u));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, SIOCOUTQ));
	return err;
}

static int filter_build(scmp_filter_ctx *out)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!ctx)
		return -ENOMEM;
	err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);	/* a binary tree */
	if (!err)
		err = filter_rules(ctx);
	if (err) {
		seccomp_release(ctx);
		return err;
	}
	*out = ctx;
	return 0;
}

/* The filter as the kernel takes it. libseccomp writes it to a file. */
static int filter_export(scmp_filter_ctx ctx, struct sock_filter **code, unsigned short *len)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), err = -EINVAL;
	ssize_t n;

	if (fd < 0)
		return -errno;
	*code = malloc(FILTER_MAX_BYTES);
	if (!*code) {
		close(fd);
		return -ENOMEM;
	}
	err = seccomp_export_bpf(ctx, fd);
	if (!err) {
		n = pread(fd, *code, FILTER_MAX_BYTES, 0);
		if (n > 0 && n < (ssize_t)FILTER_MAX_BYTES && n % sizeof(**code) == 0)
			*len = (unsigned short)((size_t)n / sizeof(**code));
		else
			err = -EINVAL;
	}
	close(fd);
	if (err)
		free(*code);
	return err;
}

int filter_install(struct weir_error *e)
{
	struct sock_fprog prog = { 0 };
	scmp_filter_ctx ctx = NULL;
	int err, fd;

	err = filter_build(&ctx);
	if (err)
		return weir_fail(e, -err, "cannot build the seccomp filter: %s", strerror(-err));
	err = filter_export(ctx, &prog.filter, &prog.len);
	seccomp_release(ctx);
	if (err)
		return weir_fail(e, -err, "cannot build the seccomp filter: %s", strerror(-err));
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &prog);
	if (fd < 0 && errno == EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				  SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	err = errno;
	free(prog.filter);
	if (fd < 0)
		return weir_fail(e, err, "cannot install the seccomp filter: %s%s", strerror(err),
				 err == EBUSY ? "; a filter with a listener is there already: "
						"weir cannot run inside a weir sandbox" : "");
	return fd;
}
