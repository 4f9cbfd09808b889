/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer.h - a hierarchical timer wheel on nanoseconds.
 *
 * Eight levels of 64 slots; a tick is 2^14 ns (16.4 us). Arming and cancelling are O(1). A timer
 * never fires early, and at most one tick late as far as the wheel is concerned. One call does a
 * bounded share of what is due; timers_next then says "now".
 * Time is what timers_run is told: real or virtual.
 */
#ifndef TIME_TIMER_H
#define TIME_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define TIMER_TICK_SHIFT 14
#define TIMER_LEVELS	 8
#define TIMER_SLOTS	 64
#define TIMER_NEVER	 UINT64_MAX
#define TIMERS_FIRED	 512u	/* callbacks in one timers_run, at most */
#define TIMERS_MOVED	 2048u	/* timers that it files again, at most */

struct timer {
	struct list node;
	uint64_t at;			/* ns; meaningful while armed */
	void (*fn)(struct timer *t);	/* disarmed when called; may arm itself again or be freed */
	uint8_t level, slot;
	bool armed;
};

struct timers {
	uint64_t now;			/* ns, as timers_run was last told */
	uint64_t tick;			/* the tick that now is in: the last one that was run */
	uint64_t pending[TIMER_LEVELS];	/* bit set: the slot is not empty */
	struct list slots[TIMER_LEVELS][TIMER_SLOTS];
	uint64_t earliest[TIMER_LEVELS][TIMER_SLOTS];	/* no timer of an occupied slot has an
							 * earlier tick */
	struct list moving;		/* of a slot that time has reached: to be filed again */
	struct list due;		/* waiting for their calls */
	uint32_t count;			/* armed timers */
};

void timers_init(struct timers *ts, uint64_t now);
void timer_init(struct timer *t, void (*fn)(struct timer *t));
void timer_arm(struct timers *ts, struct timer *t, uint64_t at);	/* re-arms an armed one */
void timer_cancel(struct timers *ts, struct timer *t);			/* harmless when not armed */
static inline bool timer_armed(const struct timer *t) { return t->armed; }
/* Run what is due at now, TIMERS_FIRED timers at most, in the order of their ticks. Timers armed by a
 * callback for now or earlier run in the next call. */
void timers_run(struct timers *ts, uint64_t now);
/* When timers_run should be called next, ns; TIMER_NEVER with none armed, ts->now when it has left
 * something. Not later than the earliest timer's tick; earlier only where a timer that was cancelled
 * or armed anew stood before it in its slot. */
uint64_t timers_next(const struct timers *ts);

#endif
