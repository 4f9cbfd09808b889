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
 * Meanwhile the stack holds the program's end, and looks whether the program has the ring still (ring_seek.c).
 *
 * poll() tells that the ring is readable by a datagram of one byte in the program's end, which
 * nobody reads. While it is there, a timer looks whether the program has given back what was
 * filled, and then takes the byte back through the program's end (errand.c): a program that polls
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

static void ring_look(struct timer *t);

/* The ring's memory, as its descriptor; the program's end is kept by the stack from now on. -errno */
static int ring_begin(struct call *c, const void *value, socklen_t len, int *fd)
{
	int64_t result;
	struct isock *is = call_enter(c, 0, &result);
	int err;

	if (!is)
		return (int)result;
	err = socket_setsockopt(is->sk, SOL_PACKET, PACKET_RX_RING, value, len);
	*fd = pfpacket_ring_fd(is->sk);
	if (!err && *fd >= 0) {
		*fd = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
		err = *fd < 0 ? -ENOMEM : 0;
	}
	call_leave(c);
	return err;
}

static int64_t ring_swapped(struct call *c, int end, const struct stat *st, int err)
{
	int64_t result;
	struct isock *is = call_enter(c, 0, &result);

	if (!is || err) {
		close(end);
		if (!is)
			return result;
		socket_setsockopt(is->sk, SOL_PACKET, PACKET_RX_RING, &(struct tpacket_req){ 0 },
				  sizeof(struct tpacket_req));
		call_leave(c);
		return -ENOMEM;
	}
	is->held = end;
	is->ring = (struct ring_place){
		.dev = st->st_dev, .inode = st->st_ino, .tid = c->tid, .tfd = (int)c->args[0],
	};
	ring_seek_new(is);
	timer_init(&is->ring_timer, ring_look);
	call_leave(c);
	return 0;
}

int64_t ring_set(struct call *c, const void *value, socklen_t len)
{
	int fd = -1, end, err;
	struct stat st;

	ring_seek_some(c->ic);
	err = ring_begin(c, value, len, &fd);
	if (err || fd < 0)
		return err;
	end = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
	if (end < 0 || !fds_left(c->ic, end) || fstat(fd, &st))
		err = -ENOMEM;
	else
		err = call_replace_fd(c, fd);
	close(fd);		/* the ring is the program's and its socket's */
	return ring_swapped(c, end, &st, err);
}

/* The end that waits for its place, taken out of its socket; -1: c->fd is not a ring. */
static int ring_take(struct call *c, const struct stat *st, uint64_t *cookie, struct ring_place *ring)
{
	struct intercept *ic = c->ic;
	int end = -1;

	turn_take(ic);
	list_for_each_safe(n, &ic->ringed) {
		struct isock *is = list_entry(n, struct isock, ringed);

		if (is->ring.inode != st->st_ino || is->ring.dev != st->st_dev)
			continue;
		list_del(&is->ringed);
		*ring = is->ring;
		is->ring.inode = 0;
		end = is->held;
		is->held = -1;
		*cookie = is->cookie;
		break;
	}
	turn_give(ic);
	return end;
}

/* Nobody took it: the next call will. */
static void ring_put_back(struct call *c, int end, const struct ring_place *ring, uint64_t cookie)
{
	struct isock *is;

	turn_take(c->ic);
	is = isock_find(c->ic, cookie);
	if (is) {
		is->held = end;
		is->ring = *ring;
		ring_seek_new(is);
	}
	turn_give(c->ic);
	if (!is)
		close(end);
}

void ring_restore(struct call *c)
{
	struct ring_place ring;
	uint64_t cookie = 0;
	struct stat st;
	int end;

	if (fstat(c->fd, &st) || !S_ISREG(st.st_mode))
		return;
	end = ring_take(c, &st, &cookie, &ring);
	if (end < 0)
		return;
	if (call_replace_fd(c, end)) {
		ring_put_back(c, end, &ring, cookie);
		return;
	}
	close(c->fd);		/* that was the ring; the end is the same file as the program's now */
	c->fd = end;
	c->cookie = cookie;
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

	if (socket_poll(is->sk) & EPOLLIN)
		timer_arm(&is->ic->env->timers, t, is->ic->env->now + RING_LOOK);
	else
		errand_ask(is, ERRAND_TAKE);
}

void ring_taken(struct isock *is, bool taken)
{
	is->ring_marked = !taken;
	if (taken)
		work_defer(is->ic->env, &is->work);	/* something may have come meanwhile */
	else
		timer_arm(&is->ic->env->timers, &is->ring_timer, is->ic->env->now + RING_LOOK);
}

void ring_release(struct isock *is)
{
	list_del(&is->ringed);
	timer_cancel(&is->ic->env->timers, &is->ring_timer);
}
