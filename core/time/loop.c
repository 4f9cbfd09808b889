/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - the event loop (loop.h).
 *
 * Theory of operation
 *
 * epoll, level triggered unless a caller says otherwise. A turn works through
 * one batch of events; a handler may remove any descriptor, also one whose event waits further on
 * in the batch. So an event tells a descriptor and a number, and it is for who was added under that
 * number and still is there; the struct loop_io of another one may be gone.
 *
 * A descriptor whose events are 0 is taken out of epoll, because epoll reports EPOLLHUP and
 * EPOLLERR even when nothing was asked for.
 *
 * Shared turns (loop_share): there is one owner of the env at a time, who holds `turn`. The
 * loop's thread holds it but while it waits. Another thread that takes a turn leaves nothing undone:
 * deferred work runs before it gives the turn back, and only if a timer is due earlier than what the loop
 * sleeps for, the loop is woken. What an idle stack is asked for so costs no switch to the loop's thread. A
 * turn is handed over to who waits for it (turn.c), so a loop with much to do cannot keep others from theirs.
 *
 * System calls: epoll_create1 epoll_ctl epoll_pwait2 epoll_pwait clock_gettime close eventfd2 write
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
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
	if (l->shared) {
		loop_del(&l->kick);
		close(l->kick.fd);
		turn_unlock(&l->turn);
	}
	l->shared = false;
	if (l->epfd >= 0)
		close(l->epfd);
	l->epfd = -1;
	free(l->ios);
	l->ios = NULL;
	l->nios = 0;
}

static int control(struct loop_io *io, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = (uint64_t)io->number << 32 | (uint32_t)io->fd };

	return epoll_ctl(io->loop->epfd, op, io->fd, &ev) < 0 ? -errno : 0;
}

static int make_room(struct loop *l, int fd)
{
	struct loop_io **ios;
	int n = l->nios ? l->nios : 64;

	while (n <= fd)
		n *= 2;
	if (fd < l->nios)
		return 0;
	ios = realloc(l->ios, (size_t)n * sizeof(*ios));
	if (!ios)
		return -ENOMEM;
	memset(ios + l->nios, 0, (size_t)(n - l->nios) * sizeof(*ios));
	l->ios = ios;
	l->nios = n;
	return 0;
}

int loop_add(struct loop *l, struct loop_io *io, int fd, uint32_t events,
	     void (*fn)(struct loop_io *, uint32_t))
{
	int ret = make_room(l, fd);

	*io = (struct loop_io){ .fd = fd, .fn = fn, .loop = ret ? NULL : l, .number = ++l->number };
	if (ret)
		return ret;
	ret = loop_mod(io, events);
	if (ret < 0)
		io->loop = NULL;
	else
		l->ios[fd] = io;
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

void loop_del(struct loop_io *io)
{
	if (!io->loop)
		return;
	if (io->events)
		control(io, EPOLL_CTL_DEL, 0);
	if (io->fd < io->loop->nios)
		io->loop->ios[io->fd] = NULL;
	io->events = 0;
	io->loop = NULL;
}

static void beat(struct loop *l, bool working)
{
	if (l->heartbeat)
		atomic_store_explicit(&l->heartbeat->beats, 2 * l->turns + working, memory_order_relaxed);
}

/* ---- shared turns ---- */

/* Edge triggered: it is never read. */
static void loop_kicked(struct loop_io *io, uint32_t events)
{
	(void)io;
	(void)events;
}

int loop_share(struct loop *l, struct weir_error *e)
{
	int err, fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return weir_fail(e, errno, "cannot create an eventfd: %s", strerror(errno));
	err = -loop_add(l, &l->kick, fd, EPOLLIN | EPOLLET, loop_kicked);
	if (err) {
		close(fd);
		return weir_fail(e, err, "cannot share the loop's turns: %s", strerror(err));
	}
	turn_lock(&l->turn);
	l->shared = true;
	return 0;
}

void loop_enter(struct loop *l)
{
	turn_lock(&l->turn);
	l->turns++;
	beat(l, true);
	env_refresh(l->env);
	l->env->wall_offset = (int64_t)(clock_wall() - l->env->now);
}

void loop_leave(struct loop *l)
{
	static const uint64_t one = 1;

	if (env_next(l->env) <= l->env->now)
		env_run(l->env, l->env->now);
	if (l->stop || env_next(l->env) < l->sleeps_until) {
		l->sleeps_until = 0;		/* it is awake then: once is enough */
		(void)!write(l->kick.fd, &one, sizeof(one));
	}
	l->turns++;
	beat(l, false);
	turn_unlock(&l->turn);
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

static int wait_until(struct loop *l, struct epoll_event *ready, uint64_t next)
{
	uint64_t now = next && next != TIMER_NEVER ? clock_now() : 0;
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

static int loop_wait(struct loop *l, struct epoll_event *ready)
{
	uint64_t next = env_next(l->env);
	int n;

	if (!l->shared)
		return wait_until(l, ready, next);
	l->sleeps_until = next;
	turn_unlock(&l->turn);
	n = wait_until(l, ready, next);
	turn_lock(&l->turn);
	return n;
}

static void dispatch(struct loop *l, const struct epoll_event *ev)
{
	int fd = (int)(uint32_t)ev->data.u64;
	struct loop_io *io = fd < l->nios ? l->ios[fd] : NULL;

	if (io && io->number == ev->data.u64 >> 32)
		io->fn(io, ev->events);
}

static void dispatch_all(struct loop *l, const struct epoll_event *ready, int n)
{
	for (int i = 0; i < n; i++)
		dispatch(l, &ready[i]);
}

void loop_serve(struct loop *l)
{
	struct epoll_event ready[BATCH];

	dispatch_all(l, ready, epoll_wait(l->epfd, ready, BATCH, 0));
}

void loop_turn(struct loop *l)
{
	struct epoll_event ready[BATCH];
	int n;

	l->turns++;
	beat(l, false);
	n = loop_wait(l, ready);	/* a failure is EINTR: a turn without events */
	beat(l, true);
	l->env->now = clock_now();
	l->env->wall_offset = (int64_t)(clock_wall() - l->env->now);
	dispatch_all(l, ready, n);
	env_run(l->env, l->env->now);
}

void loop_run(struct loop *l)
{
	while (!l->stop)
		loop_turn(l);
}
