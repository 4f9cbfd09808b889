/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - the threads that answer calls. They may wait for programs; the thread that forwards never
 * does. Private to intercept/.
 */
#ifndef INTERCEPT_WORKER_H
#define INTERCEPT_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/error.h>

#include "base/list.h"
#include "intercept/remote.h"

#define WORKERS_FIRST	2u
#define WORKERS_SOON	16u	/* started as soon as all are busy; more only when they stay so */
#define WORKERS_MAX	128u
#define WORKERS_SHARE	4u	/* of one process, once so many work at all */

struct call;
struct intercept;
struct listener;
struct pool;

/* What one call at a time is worked on with. */
struct worker {
	struct list node;		/* pool->workers */
	struct intercept *ic;
	pthread_t thread;
	uint8_t *scratch;		/* ISOCK_SCRATCH bytes */
	struct remote remote;
	/* Of the call under way. Others look at these: state last when they are set, see watchdog.c. */
	uint64_t state;			/* counts; and WORKER_... in the lowest bits */
	uint64_t id;
	int listener;			/* its descriptor */
	pid_t tid, tgid;		/* tgid: 0: nobody has asked */
	/* the watchdog's own */
	uint64_t seen, seen_at;
};

#define WORKER_IDLE	0u
#define WORKER_BUSY	1u
#define WORKER_OVERDUE	2u		/* the watchdog has answered its call */
#define WORKER_STATES	4u

struct pool {
	struct intercept *ic;
	int epfd;			/* listeners, and: */
	int ready;			/* an eventfd: some of ic->ready are to run */
	pthread_mutex_t lock;		/* workers, stop, watched; answering by the watchdog */
	struct list workers;
	uint32_t nworkers, nbusy;	/* atomic */
	bool stop;
	/* in the stack's turn */
	struct list postponed;		/* calls of processes that have their share of workers */
	uint32_t npostponed;		/* atomic */
	uint32_t nerrands;		/* atomic: sockets that stand in ic->errands and ic->late_errands */
	/* watchdog.c */
	pthread_t watchdog;
	pthread_cond_t wake;
	bool watched;			/* atomic: it looks, every now and then */
	bool started;
	uint64_t stuck;			/* atomic: calls that it has answered */
	pid_t logged[16];		/* processes whose stuck calls were logged */
	unsigned int nlogged;
};

int pool_init(struct pool *p, struct intercept *ic, struct weir_error *e);
/* After the process has given up what it does not need: threads have what the one has that makes them. */
int pool_start(struct pool *p, struct weir_error *e);
/* False: a worker still waits for a program, and may look at what is the pool's and the intercept's. */
bool pool_stop(struct pool *p);
void pool_free(struct pool *p);
int pool_watch(struct pool *p, struct listener *l);
void pool_kick(struct pool *p);			/* ic->ready is not empty */

/* The call of this worker is about to be answered, or waits: the watchdog has nothing to do with it any
 * more. True: it has answered it. */
bool worker_rest(struct worker *w);

/* Do so many work that a process has a share of the workers, and no more? Has this one it? */
bool pool_is_busy(struct pool *p);
bool pool_has_share(struct pool *p, pid_t tgid);

/* With the pool's lock: one more, if all are busy and there are fewer than most. */
void pool_grow(struct pool *p, uint32_t most);

/* watchdog.c */
void *watchdog_run(void *pool);
void watchdog_wake(struct pool *p);

#endif
