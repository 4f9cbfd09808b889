/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness.c - how the stack learns that a program has closed a socket where no hangup tells.
 *
 * Theory of operation
 *
 * Mostly the stack's end tells: EPOLLHUP. Not so where the stack has no end: it was closed to show a
 * reset. And not where both sides have shut down, for then EPOLLHUP is there already.
 *
 * A witness is an epoll set that programs' ends are added to when they are made, while there is a
 * descriptor of them. An epoll set holds no reference: the kernel takes an entry out when the file is
 * gone. All the sockets in question poll EPOLLHUP at the program's end, and epoll, level triggered,
 * reports that of each that is still open, in one call. So one that is not reported was closed; of a
 * listening one listen.c knows. A set
 * gets WITNESS_MEMBERS members and never another one, so that it is known to be reported whole, and a
 * look at one socket costs little however many there are. It is closed when the last of its sockets
 * is no more.
 *
 * When to look: where both sides have shut down, the stack's end has one more event, edge triggered,
 * when the program's is released. Where there is no stack's end (silent sockets), nothing tells. They
 * are looked at as a garbage collector looks at memory: when there are a quarter more than the last look
 * left; by a timer that backs off, so that an idle sandbox sleeps; and when the sandbox ends. A look
 * takes WITNESS_SLICE sets a turn of the loop. A single one is looked at when somebody asks for its port
 * (isock_lives).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "intercept/isock.h"

#define WITNESS_MEMBERS	128
#define WITNESS_SLICE	4
#define LOOK_SILENT	64u		/* so many may come between two looks, at least */
#define LOOK_SOON	1000000000ull	/* ns */
#define LOOK_LATE	60000000000ull

struct witness {
	struct list node;		/* ic->silent_sets, or ic->looking; none without silent members */
	int fd;
	uint32_t added, users;
	struct list silent;		/* struct isock */
};

static void look(struct timer *t);

void witness_init(struct intercept *ic)
{
	list_init(&ic->silent_sets);
	list_init(&ic->looking);
	timer_init(&ic->look, look);
	ic->look_pause = LOOK_SOON;
}

void witness_put(struct witness *w)
{
	if (--w->users)
		return;
	list_del(&w->node);
	close(w->fd);
	free(w);
}

/* No more members for the set that is being filled. */
static void fill_end(struct intercept *ic)
{
	if (ic->filling)
		witness_put(ic->filling);
	ic->filling = NULL;
}

static int fill_begin(struct intercept *ic)
{
	struct witness *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->fd < 0) {
		free(w);
		return errno == EMFILE ? -ENFILE : -errno;
	}
	w->users = 1;
	list_init(&w->node);
	list_init(&w->silent);
	ic->filling = w;
	return 0;
}

void witness_close(struct intercept *ic)
{
	fill_end(ic);
	timer_cancel(&ic->env->timers, &ic->look);
}

int witness_add(struct intercept *ic, uint64_t cookie, int fd, struct witness **w)
{
	struct epoll_event ev = { .data.u64 = cookie };
	int err = ic->filling ? 0 : fill_begin(ic);

	if (err)
		return err;
	*w = ic->filling;
	if (epoll_ctl((*w)->fd, EPOLL_CTL_ADD, fd, &ev))
		return -errno;
	(*w)->users++;
	if (++(*w)->added == WITNESS_MEMBERS)
		fill_end(ic);
	return 0;
}

void witness_leave(struct isock *is)
{
	witness_heard(is);
	loop_del(&is->end);
	if (is->witness)
		witness_put(is->witness);
	is->witness = NULL;
}

/* ---- a look at one set ---- */

/* Mark the sockets in question whose program's end is open. False: nobody knows. */
static bool mark_seen(struct intercept *ic, const struct witness *w)
{
	struct epoll_event ev[WITNESS_MEMBERS];
	int n = epoll_wait(w->fd, ev, WITNESS_MEMBERS, 0);

	for (int i = 0; i < n; i++) {
		struct hash_node *found = hash_find(&ic->isocks, ev[i].data.u64);

		if (found)
			container_of(found, struct isock, node)->seen = true;
	}
	return n >= 0;
}

/* The program has closed it. */
static void gone(struct isock *is)
{
	if (is->fd < 0) {
		isock_release(is, false);
		return;
	}
	witness_heard(is);
	loop_del(&is->end);
	is->gone = true;		/* what it wrote goes out first */
	work_defer(is->ic->env, &is->work);
}

bool witness_sees(struct isock *is)
{
	is->seen = false;
	return !mark_seen(is->ic, is->witness) || is->seen;
}

/* A listening socket that goes takes those with it that wait to be accepted, of this set or of another. */
static void look_at(struct intercept *ic, struct witness *w)
{
	unsigned int left = 0;

	list_for_each(n, &w->silent) {
		list_entry(n, struct isock, silent)->seen = false;
		left++;
	}
	if (!mark_seen(ic, w))
		return;
	w->users++;			/* it is to outlive its sockets for the moment */
	for (; left && !list_empty(&w->silent); left--) {
		struct isock *is = list_first(&w->silent, struct isock, silent);

		list_del(&is->silent);
		list_add_tail(&is->silent, &w->silent);
		if (is->seen || is->errands || (is->state == ISOCK_LISTENING && listen_lives(is)))
			continue;
		ic->look_pause = LOOK_SOON / 2;
		gone(is);
	}
	witness_put(w);
}

/* ---- silent sockets ---- */

static void look_later(struct intercept *ic)
{
	if (ic->nsilent)
		timer_arm(&ic->env->timers, &ic->look, ic->env->now + ic->look_pause);
}

static void look(struct timer *t)
{
	struct intercept *ic = container_of(t, struct intercept, look);

	if (list_empty(&ic->looking))
		list_splice_tail(&ic->silent_sets, &ic->looking);
	for (int i = 0; i < WITNESS_SLICE && !list_empty(&ic->looking); i++) {
		struct witness *w = list_first(&ic->looking, struct witness, node);

		list_del(&w->node);
		list_add_tail(&w->node, &ic->silent_sets);
		look_at(ic, w);
	}
	if (!list_empty(&ic->looking)) {
		timer_arm(&ic->env->timers, t, ic->env->now);
		return;
	}
	ic->silent_left = ic->nsilent;
	ic->look_pause = ic->look_pause < LOOK_LATE / 2 ? 2 * ic->look_pause : LOOK_LATE;
	look_later(ic);
}

void witness_look(struct intercept *ic)
{
	if (ic->nsilent)
		timer_arm(&ic->env->timers, &ic->look, ic->env->now);
}

void witness_silent(struct isock *is)
{
	struct intercept *ic = is->ic;

	loop_del(&is->end);
	if (!list_empty(&is->silent))
		return;
	list_add_tail(&is->silent, &is->witness->silent);
	if (list_empty(&is->witness->node))
		list_add_tail(&is->witness->node, &ic->silent_sets);
	ic->nsilent++;
	if (!list_empty(&ic->looking))
		return;			/* a look is under way */
	if (ic->nsilent > ic->silent_left + ic->silent_left / 4 + LOOK_SILENT) {
		witness_look(ic);
	} else if (!timer_armed(&ic->look) || ic->look_pause > LOOK_SOON) {
		ic->look_pause = LOOK_SOON;
		look_later(ic);
	}
}

void witness_heard(struct isock *is)
{
	if (list_empty(&is->silent))
		return;
	list_del(&is->silent);
	if (list_empty(&is->witness->silent))
		list_del(&is->witness->node);
	is->ic->nsilent--;
}

/* ---- both sides have shut down ---- */

static void end_io(struct loop_io *io, uint32_t events)
{
	struct isock *is = container_of(io, struct isock, end);

	is->unread_left |= (events & EPOLLERR) != 0;
	if (is->unread_left || !witness_sees(is))
		gone(is);
}

void witness_watch(struct isock *is)
{
	if (loop_add(is->ic->loop, &is->end, is->fd, EPOLLHUP | EPOLLET, end_io))
		witness_silent(is);	/* no memory for it */
}
