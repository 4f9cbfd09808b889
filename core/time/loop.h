/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - the event loop of a stack process: epoll around env_run.
 *
 * One turn: wait for readiness or the next timer (epoll_pwait2, nanoseconds), read the clock, call
 * the handlers that are ready, then env_run. With loop_share(), other threads take turns between those.
 */
#ifndef TIME_LOOP_H
#define TIME_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/error.h>

#include "base/list.h"
#include "time/env.h"
#include "time/heartbeat.h"
#include "time/turn.h"

struct loop_io {
	int fd;
	uint32_t events;	/* EPOLLIN ..., as last set; 0 = added but not wanted: not even
				 * EPOLLHUP and EPOLLERR, which would make an idle loop spin */
	void (*fn)(struct loop_io *io, uint32_t events);
	struct loop *loop;	/* NULL while not added */
	uint32_t number;	/* no other one has had it for long */
};

struct loop {
	int epfd;
	uint64_t turns;		/* so many were begun */
	struct env *env;
	struct heartbeat *heartbeat;	/* NULL: nobody looks */
	bool stop;
	bool coarse;		/* the kernel has no epoll_pwait2 (before 5.11): milliseconds */
	struct loop_io **ios;	/* by descriptor */
	int nios;
	uint32_t number;	/* of the last one added */
	bool shared;
	struct turn turn;	/* who holds it owns the env, and all that hangs off it */
	uint64_t sleeps_until;	/* ns: what the loop waits for at the latest */
	struct loop_io kick;	/* an eventfd: something is due earlier than that */
};

int loop_init(struct loop *l, struct env *env, struct weir_error *e);
void loop_close(struct loop *l);
int loop_add(struct loop *l, struct loop_io *io, int fd, uint32_t events,
	     void (*fn)(struct loop_io *, uint32_t));
int loop_mod(struct loop_io *io, uint32_t events);	/* no system call when nothing changes */
/* Safe inside a handler, for any io. Before its fd is closed: epoll knows the file, not the
 * number. */
void loop_del(struct loop_io *io);
void loop_turn(struct loop *l);				/* one turn */
void loop_run(struct loop *l);				/* until stop */
void loop_serve(struct loop *l);			/* the handlers of what is ready; no waiting, no time */
/*
 * From now on other threads may take a turn, too, while the loop waits; its own thread owns the env
 * until then, and for the length of its turns.
 */
int loop_share(struct loop *l, struct weir_error *e);
void loop_enter(struct loop *l);			/* env->now is set */
void loop_leave(struct loop *l);			/* what was deferred in it is done first */
uint64_t clock_now(void);				/* CLOCK_MONOTONIC, ns */

#endif
