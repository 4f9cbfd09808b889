/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.c - a packet socket's ring (PACKET_RX_RING) in a program that maps it.
 *
 * Theory of operation
 *
 * The program maps a ring through the socket's descriptor, and an AF_UNIX socket cannot be mapped.
 * So when it asks for a ring, the ring's memfd takes the place of the program's end under that
 * number, mmap() is the kernel's own work, and the next call about the socket (bind, in every
 * program that follows packet_mmap.rst, and in libpcap) finds the socket in its place again.
 * Meanwhile the stack holds the program's end.
 *
 * poll() tells that the ring is readable by a datagram of one byte in the program's end, which
 * nobody reads. While it is there, a timer looks whether the program has given back what was
 * filled, and then takes the byte back through a copy of the program's end: a program that polls
 * once more before that finds nothing in its ring, as it may after any spurious wake-up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intercept/isock.h"
#include <linux/if_packet.h>	/* after weir/packet.h: they share names, and values */

#define RING_LOOK 2000000ull	/* ns */

/* Put src under the caller's number of the socket. */
static int ring_swap(struct call *c, int src, bool cloexec)
{
	struct seccomp_notif_addfd add = {
		.id = c->id, .flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = (uint32_t)src,
		.newfd = (uint32_t)c->args[0], .newfd_flags = cloexec ? O_CLOEXEC : 0,
	};

	return ioctl(c->listener->fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

/* Is the caller's descriptor closed by exec? "flags:\t02000002" in its fdinfo. */
static bool ring_cloexec(const struct call *c)
{
	unsigned int flags = 0;
	char path[64], line[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)c->tid, (int)c->args[0]);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	fclose(f);
	return flags & O_CLOEXEC;
}

static void ring_look(struct timer *t);

int64_t ring_set(struct call *c, const void *value, socklen_t len)
{
	struct isock *is = c->is;
	int err = socket_setsockopt(is->sk, SOL_PACKET, PACKET_RX_RING, value, len), fd;
	struct stat st;

	fd = pfpacket_ring_fd(is->sk);
	if (err || fd < 0)
		return err;
	is->held = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
	if (is->held >= 0 && fds_left(c->ic, is->held, false) && !fstat(fd, &st) &&
	    !ring_swap(c, fd, ring_cloexec(c))) {
		is->ring_inode = st.st_ino;
		list_add_tail(&is->ringed, &c->ic->ringed);
		timer_init(&is->ring_timer, ring_look);
		return 0;
	}
	if (is->held >= 0)
		close(is->held);
	is->held = -1;
	socket_setsockopt(is->sk, SOL_PACKET, PACKET_RX_RING, &(struct tpacket_req){ 0 },
			  sizeof(struct tpacket_req));
	return -ENOMEM;
}

bool ring_restore(struct call *c)
{
	struct stat st;

	if (fstat(c->fd, &st))
		return false;
	list_for_each(n, &c->ic->ringed) {
		struct isock *is = list_entry(n, struct isock, ringed);

		if (is->ring_inode != st.st_ino || !S_ISREG(st.st_mode))
			continue;
		if (ring_swap(c, is->held, ring_cloexec(c)))
			return false;
		list_del(&is->ringed);
		is->ring_inode = 0;
		close(c->fd);
		c->fd = is->held;	/* the same file */
		is->held = -1;
		return true;
	}
	return false;
}

/* ---- poll ---- */

void ring_work(struct isock *is)
{
	if (is->sk->family != AF_PACKET || pfpacket_ring_fd(is->sk) < 0 || is->ring_marked ||
	    is->fd < 0 || !(socket_poll(is->sk) & EPOLLIN))
		return;
	if (send(is->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1)
		return;
	is->ring_marked = true;
	timer_arm(&is->ic->env->timers, &is->ring_timer, is->ic->env->now + RING_LOOK);
}

static void ring_look(struct timer *t)
{
	struct isock *is = container_of(t, struct isock, ring_timer);
	char byte;
	int fd;

	if (!(socket_poll(is->sk) & EPOLLIN)) {
		fd = isock_borrow(is);
		if (fd >= 0 && recv(fd, &byte, 1, MSG_DONTWAIT) == 1)
			is->ring_marked = false;
		if (fd >= 0)
			close(fd);
	}
	if (is->ring_marked)
		timer_arm(&is->ic->env->timers, t, is->ic->env->now + RING_LOOK);
	else
		work_defer(is->ic->env, &is->work);	/* something may have come meanwhile */
}

void ring_release(struct isock *is)
{
	list_del(&is->ringed);
	timer_cancel(&is->ic->env->timers, &is->ring_timer);
}
