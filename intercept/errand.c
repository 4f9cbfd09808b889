/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errand.c - what has to be done at a program's end between its calls.
 *
 * Theory of operation
 *
 * The stack has no copy of a program's end; a call brings one. Where one is needed and no call is there, it is
 * looked for where the program last used it: pidfd_getfd, which waits for a program that executes another
 * one, and that may wait for a file server of its own. What is then done to the end may wait, too: SO_SNDBUF
 * for the lock of that socket, a read for another reader (worker.c). So a worker runs the errand, without the
 * turn: borrows, does what was asked for, closes its copy, and only then takes the turn and reports. What
 * the program is to see of it happens with the report, so that the copy is gone when it looks.
 *
 * Meanwhile the socket may be closed, or have got another end: it is found again by the cookie of the end
 * that the errand was about. An end that is not found is reported, too, and the socket goes on without it.
 *
 * What is asked for are bits of the socket, and the socket is what stands in the queue: it takes no memory, and
 * has one entry for each socket at most. A process that has its share of the workers (worker.c) is left in a
 * queue of its own kind (late), which who ends some work looks into; so it holds up nobody but itself.
 *
 * System calls: pidfd_getfd fcntl setsockopt sendto recvfrom shutdown ioctl close; those of ring_seek.c
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intercept/isock.h"

#define ERRAND_LATE_LOOK 64u

struct errand {
	uint64_t cookie;
	pid_t tid, tgid;
	int tfd;
	int held;			/* a copy that was at hand; -1 */
	unsigned int kinds;
	uint32_t sndbuf;
	struct ring_place ring;		/* ERRAND_RING */
	bool ring_there;
	bool taken;			/* ERRAND_TAKE: there was a byte */
	int unread;			/* ERRAND_COUNT: bytes */
};

/* ---- the queues, in the stack's turn ---- */

static void queue(struct isock *is, struct list *list)
{
	list_add_tail(&is->errand, list);
	__atomic_add_fetch(&is->ic->pool.nerrands, 1, __ATOMIC_ACQ_REL);
}

static void unqueue(struct isock *is)
{
	if (list_empty(&is->errand))
		return;
	list_del(&is->errand);
	__atomic_sub_fetch(&is->ic->pool.nerrands, 1, __ATOMIC_ACQ_REL);
}

void errand_ask(struct isock *is, unsigned int kinds)
{
	is->errands |= (uint8_t)kinds;
	if (is->errand_out || is->given || !list_empty(&is->errand))
		return;			/* isock_delivered() asks again */
	queue(is, &is->ic->errands);
	work_defer(is->ic->env, &is->ic->run_ready);
}

void errand_forget(struct isock *is)
{
	unqueue(is);
	if (is->errands & ERRAND_COUNT)
		unread_counted(is, false, 0);
	is->errands = 0;
	is->errand_out = false;
	is->errand_tgid = 0;
}

/* Of those whose process had its share one for which that is over. The others get behind those not looked at. */
static struct isock *late_next(struct intercept *ic)
{
	for (unsigned int i = 0; i < ERRAND_LATE_LOOK && !list_empty(&ic->late_errands); i++) {
		struct isock *is = list_first(&ic->late_errands, struct isock, errand);

		if (!pool_has_share(&ic->pool, is->errand_tgid))
			return is;
		list_del(&is->errand);
		list_add_tail(&is->errand, &ic->late_errands);
	}
	return NULL;
}

static bool errand_next(struct intercept *ic, struct errand *e)
{
	struct isock *is = list_empty(&ic->errands) ? late_next(ic) :
			   list_first(&ic->errands, struct isock, errand);

	if (!is)
		return false;
	unqueue(is);
	is->errand_out = true;
	*e = (struct errand){
		.cookie = is->cookie, .tid = is->tid, .tgid = is->errand_tgid, .tfd = is->tfd, .held = -1,
		.kinds = is->errands, .sndbuf = is->sndbuf_next, .ring = is->ring,
	};
	if (is->held >= 0 && e->kinds & ~ERRAND_RING)
		e->held = fcntl(is->held, F_DUPFD_CLOEXEC, 0);
	return true;
}

/* ---- a worker's part ---- */

/* Has its process its share of the workers? As for calls, nobody asks as long as few work. */
static bool errand_late(struct worker *w, struct errand *e)
{
	struct intercept *ic = w->ic;
	struct isock *is;

	if (e->held >= 0 || !pool_is_busy(&ic->pool))
		return false;
	if (!e->tgid)
		e->tgid = remote_tgid(e->tid);
	if (!e->tgid || !pool_has_share(&ic->pool, e->tgid))
		return false;
	turn_take(ic);
	is = isock_find(ic, e->cookie);
	if (is) {
		is->errand_out = false;
		is->errand_tgid = e->tgid;
		queue(is, &ic->late_errands);
	}
	turn_give(ic);
	return true;
}

static int borrow(struct worker *w, const struct errand *e)
{
	bool known;
	int fd;

	if (!(e->kinds & ~ERRAND_RING))
		return -ENOENT;
	if (e->held >= 0)
		return e->held;
	fd = remote_getfd(&w->remote, e->tid, e->tfd, &known);
	if (fd < 0 || isock_cookie(fd) == e->cookie)
		return fd;
	close(fd);
	return -ESTALE;
}

static void at_end(struct errand *e, int fd)
{
	char byte;

	if (e->kinds & ERRAND_GROW)
		isock_grow(e->sndbuf, fd);
	if (e->kinds & ERRAND_RESET)
		(void)!send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (e->kinds & ERRAND_SHUT)
		shutdown(fd, SHUT_RDWR);
	if (e->kinds & ERRAND_TAKE)
		e->taken = recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
	if (e->kinds & ERRAND_COUNT && ioctl(fd, SIOCINQ, &e->unread))
		e->unread = 0;
}

static void report(struct intercept *ic, const struct errand *e, bool found)
{
	struct isock *is = isock_find(ic, e->cookie);

	if (!is)
		return;
	is->errand_out = false;
	is->errand_tgid = 0;
	is->errands &= (uint8_t)~e->kinds;
	if (is->errands)
		errand_ask(is, is->errands);
	if (e->kinds & ERRAND_GROW) {
		grant_done(is, e->sndbuf, found);
		isock_grown(is, found);
	}
	if (e->kinds & ERRAND_TAKE)
		ring_taken(is, e->taken);
	if (e->kinds & ERRAND_COUNT)
		unread_counted(is, found, (uint32_t)e->unread);
	if (e->kinds & ERRAND_RESET)
		isock_show_reset(is);
	if (e->kinds & ERRAND_RING)
		ring_sought(is, &e->ring, e->ring_there);
}

bool errand_run(struct worker *w)
{
	struct intercept *ic = w->ic;
	struct errand e;
	bool any;
	int fd;

	turn_take(ic);
	any = errand_next(ic, &e);
	if (any && __atomic_load_n(&ic->pool.nerrands, __ATOMIC_ACQUIRE))
		work_defer(ic->env, &ic->run_ready);	/* another worker may take the next one */
	turn_give(ic);
	if (!any || errand_late(w, &e))
		return any;
	__atomic_store_n(&w->tgid, e.tgid, __ATOMIC_RELAXED);
	if (e.kinds & ERRAND_RING)
		e.ring_there = ring_seek(&e.ring);
	fd = borrow(w, &e);
	if (fd >= 0) {
		at_end(&e, fd);
		close(fd);
	}
	__atomic_store_n(&w->tgid, 0, __ATOMIC_RELAXED);
	turn_take(ic);
	report(ic, &e, fd >= 0);
	ic->looks = true;		/* at the calls that this has woken */
	turn_give(ic);
	return true;
}
