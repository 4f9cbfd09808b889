/* SPDX-License-Identifier: Apache-2.0 */
/* notif.c - a seccomp listener, as the kernel gives it (notif.h). */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "intercept/notif.h"

int notif_recv(int listener, struct notif *n)
{
	union {
		struct seccomp_notif n;
		char room[256];		/* for a kernel that has more to say */
	} u;

	memset(&u, 0, sizeof(u));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &u.n))
		return -errno;
	n->id = u.n.id;
	n->tid = (pid_t)u.n.pid;
	n->nr = u.n.data.nr;
	for (int i = 0; i < 6; i++)
		n->args[i] = u.n.data.args[i];
	return 0;
}

bool notif_valid(int listener, uint64_t id)
{
	return !ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

static int notif_send(int listener, const struct seccomp_notif_resp *resp)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, resp) ? -errno : 0;
}

int notif_answer(int listener, uint64_t id, int64_t result)
{
	struct seccomp_notif_resp resp = { .id = id };

	if (result < 0)
		resp.error = (int32_t)result;
	else
		resp.val = result;
	return notif_send(listener, &resp);
}

int notif_continue(int listener, uint64_t id)
{
	struct seccomp_notif_resp resp = { .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	return notif_send(listener, &resp);
}

static int notif_addfd(int listener, struct seccomp_notif_addfd *add, bool cloexec)
{
	int fd;

	add->newfd_flags = cloexec ? O_CLOEXEC : 0;
	fd = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, add);
	return fd < 0 ? -errno : fd;
}

int notif_give(int listener, uint64_t id, int fd, bool cloexec)
{
	struct seccomp_notif_addfd add = {
		.id = id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd,
	};

	return notif_addfd(listener, &add, cloexec);
}

int notif_replace(int listener, uint64_t id, int fd, int at, bool cloexec)
{
	struct seccomp_notif_addfd add = {
		.id = id, .flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = (uint32_t)fd, .newfd = (uint32_t)at,
	};
	int err = notif_addfd(listener, &add, cloexec);

	return err < 0 ? err : 0;
}
