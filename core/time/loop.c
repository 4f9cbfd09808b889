/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - the event loop (loop.h).
 *
 * Theory of operation
 *
 * epoll, level triggered unless a caller says otherwise. A turn works through
 * one batch of events; a handler may remove any descriptor, also one whose event waits further on
 * in the batch: that event is voided, since the struct loop_io may be gone by then.
 *
 * A descriptor whose events are 0 is taken out of epoll, because epoll reports EPOLLHUP and
 * EPOLLERR even when nothing was asked for.
 *
 * System calls: epoll_create1 epoll_ctl epoll_pwait2 epoll_pwait clock_gettime close
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "time/loop.h"

#define NSEC_PER_SEC	UINT64_C(1000000000)
#define NSEC_PER_MSEC	UINT64_C(1000000)
#define BATCH		128	/* events in one turn */

static uint64_t clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t clock_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* Read every turn: the time of day may be set at any moment. */
static uint64_t clock_wall(void)
{
	return clock_read(CLOCK_REALTIME);
}

int loop_init(struct loop *l, struct env *env, struct weir_error *e)
{
	*l = (struct loop){ .env = env };
	env->clock = clock_now;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0)
		return weir_fail(e, errno, "cannot create an epoll instance: %s; raise the limit "
				 "on open files (ulimit -n)", strerror(errno));
	return 0;
}

void loop_close(struct loop *l)
{
	if (l->epfd >= 0)
		close(l->epfd);
	l->epfd = -1;
}

static int control(struct loop_io *io, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	return epoll_ctl(io->loop->epfd, op, io->fd, &ev) < 0 ? -errno : 0;
}

int loop_add(struct loop *l, struct loop_io *io, int fd, uint32_t events,
	     void (*fn)(struct loop_io *, uint32_t))
{
	int ret;

	*io = (struct loop_io){ .fd = fd, .fn = fn, .loop = l };
	ret = loop_mod(io, events);
	if (ret < 0)
		io->loop = NULL;
	return ret;
}

int loop_mod(struct loop_io *io, uint32_t events)
{
	int op, ret;

	if (!io->loop)
		return -EINVAL;
	if (events == io->events)
		return 0;
	op = !events ? EPOLL_CTL_DEL : io->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	ret = control(io, op, events);
	if (!ret)
		io->events = events;
	return ret;
}

static void void_events(struct loop *l, const struct loop_io *io)
{
	struct epoll_event *ready = l->ready;

	for (int i = l->iready; i < l->nready; i++)
		if (ready[i].data.ptr == io)
			ready[i].data.ptr = NULL;
}

void loop_del(struct loop_io *io)
{
	if (!io->loop)
		return;
	if (io->events)
		control(io, EPOLL_CTL_DEL, 0);
	void_events(io->loop, io);
	io->events = 0;
	io->loop = NULL;
}

static int wait_ns(struct loop *l, struct epoll_event *ready, uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_nsec = (long)(ns % NSEC_PER_SEC),
	};

	return epoll_pwait2(l->epfd, ready, BATCH, ns == TIMER_NEVER ? NULL : &ts, NULL);
}

/* Rounded up: waking early would only mean waiting again. */
static int wait_ms(struct loop *l, struct epoll_event *ready, uint64_t ns)
{
	uint64_t ms = ns / NSEC_PER_MSEC + (ns % NSEC_PER_MSEC != 0);
	int timeout = ms < INT_MAX ? (int)ms : INT_MAX;

	return epoll_wait(l->epfd, ready, BATCH, ns == TIMER_NEVER ? -1 : timeout);
}

static int loop_wait(struct loop *l, struct epoll_event *ready)
{
	uint64_t next = env_next(l->env), now = next && next != TIMER_NEVER ? clock_now() : 0;
	uint64_t ns = next == TIMER_NEVER ? TIMER_NEVER : next > now ? next - now : 0;
	int n;

	if (!l->coarse) {
		n = wait_ns(l, ready, ns);
		if (n >= 0 || errno != ENOSYS)
			return n;
		l->coarse = true;
	}
	return wait_ms(l, ready, ns);
}

static void beat(struct loop *l, bool working)
{
	if (l->heartbeat)
		atomic_store_explicit(&l->heartbeat->beats, 2 * l->turns + working, memory_order_relaxed);
}

void loop_turn(struct loop *l)
{
	struct epoll_event ready[BATCH];

	l->turns++;
	beat(l, false);
	l->nready = loop_wait(l, ready);	/* a failure is EINTR: a turn without events */
	beat(l, true);
	l->ready = ready;
	l->env->now = clock_now();
	l->env->wall_offset = (int64_t)(clock_wall() - l->env->now);
	for (l->iready = 0; l->iready < l->nready;) {
		const struct epoll_event *ev = &ready[l->iready++];
		struct loop_io *io = ev->data.ptr;

		if (io)
			io->fn(io, ev->events);
	}
	l->ready = NULL;
	l->nready = l->iready = 0;
	env_run(l->env, l->env->now);
}

void loop_run(struct loop *l)
{
	while (!l->stop)
		loop_turn(l);
}
