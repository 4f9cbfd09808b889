/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer.c - the timer wheel (timer.h).
 *
 * Theory of operation
 *
 * A tick number is read as eight digits of six bits, one a level. A timer's
 * tick is its time rounded up, so it is never early and less than a tick late. It is filed by the
 * highest digit in which its tick differs from the present one: level = that digit's place, slot =
 * that digit of its own tick. Hence, at every level:
 *  - every occupied slot is ahead of the present digit, there is no wrapping round;
 *  - every timer of a level is due before every timer of the level above.
 * So the next slot to look at is the lowest set bit of the lowest level that has one. When time
 * reaches it, its timers are filed again, each at least one level lower; those that differ in no
 * digit are due. A timer is refiled at most seven times, and a jump over hours costs only the
 * slots in use.
 *
 * The slot of the present tick on level 0 would be empty; it holds the timers that were overdue
 * when they were armed, for the next call of timers_run.
 *
 * A slot of a coarse level begins long before its timers are due. Nobody has to wake up for that: each
 * slot knows a tick before which none of its timers is due, and timers_next answers with that of the
 * next slot. It is not raised when a timer is cancelled, which would take a walk; so a cancelled timer
 * may cost one wake-up a slot, on which the others are filed again.
 *
 * Thousands of timers may stand in one slot. It is emptied by a splice, whatever it holds, into one of
 * two lists: moving, from which timers are filed again, and due, from which they are called. What one
 * call does of either is bounded. Time stands still (tick lags behind now) until moving is empty.
 */
#include "time/timer.h"

#define SLOT_BITS	6
#define SLOT_MASK	(TIMER_SLOTS - 1u)
#define TICK_MAX	((UINT64_C(1) << (SLOT_BITS * TIMER_LEVELS)) - 1)	/* 146 years */

_Static_assert(TIMER_SLOTS == 1 << SLOT_BITS, "a slot is a digit");

static uint64_t tick_at(uint64_t ns)
{
	uint64_t tick = ns >> TIMER_TICK_SHIFT;

	return tick < TICK_MAX ? tick : TICK_MAX;
}

static unsigned int digit(uint64_t tick, unsigned int level)
{
	return tick >> (SLOT_BITS * level) & SLOT_MASK;
}

/* The tick of a timer: rounded up, never in the past; the present one when it is overdue. */
static uint64_t timer_tick(const struct timers *ts, const struct timer *t)
{
	uint64_t tick = tick_at(t->at);

	if (t->at <= ts->now)
		return ts->tick;
	if (t->at & ((1u << TIMER_TICK_SHIFT) - 1) && tick < TICK_MAX)
		tick++;
	return tick > ts->tick ? tick : ts->tick;
}

static void wheel_add(struct timers *ts, struct timer *t)
{
	uint64_t tick = timer_tick(ts, t);
	uint64_t differs = tick ^ ts->tick;

	t->level = differs ? (uint8_t)((63 - __builtin_clzll(differs)) / SLOT_BITS) : 0;
	t->slot = (uint8_t)digit(tick, t->level);
	if (list_empty(&ts->slots[t->level][t->slot]) || tick < ts->earliest[t->level][t->slot])
		ts->earliest[t->level][t->slot] = tick;
	ts->pending[t->level] |= UINT64_C(1) << t->slot;
	list_add_tail(&t->node, &ts->slots[t->level][t->slot]);
}

/* Empty a slot into a list. */
static void wheel_take(struct timers *ts, unsigned int level, unsigned int slot, struct list *to)
{
	list_splice_tail(&ts->slots[level][slot], to);
	ts->pending[level] &= ~(UINT64_C(1) << slot);
}

static void collect_due(struct timers *ts)
{
	wheel_take(ts, 0, digit(ts->tick, 0), &ts->due);
}

/* The next occupied slot: its level and number. False: none. */
static bool wheel_next(const struct timers *ts, unsigned int *level, unsigned int *slot)
{
	for (unsigned int l = 0; l < TIMER_LEVELS; l++) {
		if (!ts->pending[l])
			continue;
		*level = l;
		*slot = (unsigned int)__builtin_ctzll(ts->pending[l]);
		return true;
	}
	return false;
}

/* The tick at which a slot that is ahead begins. */
static uint64_t slot_begins(const struct timers *ts, unsigned int level, unsigned int slot)
{
	unsigned int shift = SLOT_BITS * level;

	return ((ts->tick >> shift & ~(uint64_t)SLOT_MASK) | slot) << shift;
}

/* File again what moves. False: *budget did not suffice. */
static bool move(struct timers *ts, unsigned int *budget)
{
	for (; !list_empty(&ts->moving); --*budget) {
		struct timer *t = list_first(&ts->moving, struct timer, node);

		if (!*budget)
			return false;
		list_del(&t->node);
		wheel_add(ts, t);
	}
	return true;
}

/* Advance to the given tick, or as far as the bound allows; what becomes due is collected, in the
 * order of its ticks. */
static void wheel_advance(struct timers *ts, uint64_t target)
{
	unsigned int budget = TIMERS_MOVED, level, slot;

	while (move(ts, &budget)) {
		collect_due(ts);
		if (!wheel_next(ts, &level, &slot) || slot_begins(ts, level, slot) > target) {
			ts->tick = target;
			return;
		}
		ts->tick = slot_begins(ts, level, slot);
		if (level > 0)
			wheel_take(ts, level, slot, &ts->moving);
	}
}

void timers_init(struct timers *ts, uint64_t now)
{
	ts->now = now;
	ts->tick = tick_at(now);
	ts->count = 0;
	list_init(&ts->moving);
	list_init(&ts->due);
	for (int l = 0; l < TIMER_LEVELS; l++) {
		ts->pending[l] = 0;
		for (int s = 0; s < TIMER_SLOTS; s++)
			list_init(&ts->slots[l][s]);
	}
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	list_init(&t->node);
	t->at = 0;
	t->fn = fn;
	t->level = t->slot = 0;
	t->armed = false;
}

void timer_arm(struct timers *ts, struct timer *t, uint64_t at)
{
	if (t->armed && t->at == at && at > ts->now)
		return;
	timer_cancel(ts, t);
	t->at = at;
	t->armed = true;
	ts->count++;
	wheel_add(ts, t);
}

void timer_cancel(struct timers *ts, struct timer *t)
{
	if (!t->armed)
		return;
	list_del(&t->node);
	/* one that moves or is due has left its slot, whose bit is right already */
	if (list_empty(&ts->slots[t->level][t->slot]))
		ts->pending[t->level] &= ~(UINT64_C(1) << t->slot);
	t->armed = false;
	ts->count--;
}

void timers_run(struct timers *ts, uint64_t now)
{
	if (now < ts->now)	/* time does not go back */
		now = ts->now;
	wheel_advance(ts, tick_at(now));
	ts->now = now;
	for (unsigned int n = 0; n < TIMERS_FIRED && !list_empty(&ts->due); n++) {
		struct timer *t = list_first(&ts->due, struct timer, node);

		timer_cancel(ts, t);
		t->fn(t);
	}
}

uint64_t timers_next(const struct timers *ts)
{
	unsigned int level, slot;

	if (!list_empty(&ts->due) || !list_empty(&ts->moving))
		return ts->now;
	return wheel_next(ts, &level, &slot) ? ts->earliest[level][slot] << TIMER_TICK_SHIFT
					     : TIMER_NEVER;
}
