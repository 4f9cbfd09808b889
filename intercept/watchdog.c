/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchdog.c - calls that cannot be served in time.
 *
 * Theory of operation
 *
 * A worker that waits for what a program chose (worker.c) waits for as long as the program likes, and cannot be
 * called back. Its caller is answered after a while, in its place: EFAULT, as for memory that is not there.
 * The worker finds the answer given when it comes back. A worker that waits until its caller takes a
 * descriptor is left alone: that caller does not run, which is no fault of its, and it gets what it asked
 * for once it does.
 *
 * Where all workers are busy still, more are started.
 *
 * The watchdog sleeps as long as no call is worked on. The first one wakes it; from then on it looks
 * now and then, and sleeps again when it finds nobody at work. It keeps the time itself: who works on the
 * same call as long ago as the deadline was then is late. So calls need not read the clock.
 *
 * worker->state is what decides between it and the worker: BUSY becomes OVERDUE here, or IDLE there. Who
 * comes second does not answer; and a worker that comes second waits until this one has, because the
 * listener's descriptor is used for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "intercept/isock.h"

#define WATCH_INTERVAL	100000000u	/* ns */
#define WATCH_DEADLINE	2000000000ull	/* ns */
#define WATCH_GROWS	4u		/* workers more, each time that all are busy */
#define POSTPONED_SLICE	256u

void watchdog_wake(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	__atomic_store_n(&p->watched, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

/* One line a process. */
static void log_stuck(struct pool *p, pid_t tgid)
{
	size_t room = sizeof(p->logged) / sizeof(p->logged[0]);

	for (size_t i = 0; i < room && i < p->nlogged; i++)
		if (p->logged[i] == tgid)
			return;
	p->logged[p->nlogged++ % room] = tgid;
	log_write(&p->ic->env->log, LOG_WARN, "process %d makes calls that cannot be served: its memory or its "
		  "descriptors cannot be had within %u s; they are answered with EFAULT", (int)tgid,
		  (unsigned int)(WATCH_DEADLINE / 1000000000u));
}

/* Answer in the place of a worker. With the pool's lock, so that the worker does not go on meanwhile. */
static void overdue(struct pool *p, struct worker *w, uint64_t state)
{
	uint64_t late = state - WORKER_BUSY + WORKER_OVERDUE;
	pid_t tgid = remote_tgid(__atomic_load_n(&w->tid, __ATOMIC_RELAXED));	/* while it is there for sure */

	if (!__atomic_compare_exchange_n(&w->state, &state, late, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	notif_answer(__atomic_load_n(&w->listener, __ATOMIC_RELAXED),
		     __atomic_load_n(&w->id, __ATOMIC_RELAXED), -EFAULT);
	__atomic_fetch_add(&p->stuck, 1, __ATOMIC_RELAXED);
	log_stuck(p, tgid);
}

static void look_at(struct pool *p, struct worker *w, uint64_t now)
{
	uint64_t state = __atomic_load_n(&w->state, __ATOMIC_ACQUIRE);

	if (state % WORKER_STATES == WORKER_IDLE)
		return;
	if (state != w->seen) {
		w->seen = state;
		w->seen_at = now;
	} else if (state % WORKER_STATES == WORKER_BUSY && now - w->seen_at >= WATCH_DEADLINE) {
		overdue(p, w, state);
	}
}

/* Has this process workers that are stuck for good? */
static bool is_stuck(struct pool *p, pid_t tgid)
{
	bool stuck = false;

	pthread_mutex_lock(&p->lock);
	list_for_each(n, &p->workers) {
		struct worker *w = list_entry(n, struct worker, node);

		stuck |= __atomic_load_n(&w->tgid, __ATOMIC_RELAXED) == tgid &&
			 __atomic_load_n(&w->state, __ATOMIC_ACQUIRE) % WORKER_STATES == WORKER_OVERDUE;
	}
	pthread_mutex_unlock(&p->lock);
	return stuck;
}

/* What waits for a worker of its process's share, and all of these are stuck: it will not be served. */
static void look_at_postponed(struct pool *p, uint64_t now)
{
	turn_take(p->ic);
	for (unsigned int i = 0; i < POSTPONED_SLICE && !list_empty(&p->postponed); i++) {
		struct call *c = list_first(&p->postponed, struct call, wait_node);

		if (now - c->postponed < WATCH_DEADLINE)
			break;
		list_del(&c->wait_node);
		if (!is_stuck(p, c->tgid)) {
			c->postponed = now;
			list_add_tail(&c->wait_node, &p->postponed);
			continue;
		}
		__atomic_fetch_add(&p->stuck, 1, __ATOMIC_RELAXED);
		call_refuse(c, -EFAULT);
	}
	turn_give(p->ic);
}

/* With the pool's lock. */
static void watch(struct pool *p)
{
	uint64_t now = clock_now();
	bool busy = __atomic_load_n(&p->nbusy, __ATOMIC_ACQUIRE) > 0 ||
		    __atomic_load_n(&p->npostponed, __ATOMIC_ACQUIRE) > 0;

	list_for_each(n, &p->workers)
		look_at(p, list_entry(n, struct worker, node), now);
	for (unsigned int i = 0; i < WATCH_GROWS; i++)
		pool_grow(p, WORKERS_MAX);
	__atomic_store_n(&p->watched, busy, __ATOMIC_RELAXED);
}

void *watchdog_run(void *arg)
{
	struct pool *p = arg;
	struct timespec at;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		while (!p->watched && !p->stop)
			pthread_cond_wait(&p->wake, &p->lock);
		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_nsec += WATCH_INTERVAL;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		while (!p->stop && pthread_cond_timedwait(&p->wake, &p->lock, &at) != ETIMEDOUT)
			;
		if (p->stop)
			break;
		watch(p);
		if (!__atomic_load_n(&p->npostponed, __ATOMIC_ACQUIRE))
			continue;
		pthread_mutex_unlock(&p->lock);
		look_at_postponed(p, clock_now());
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}
