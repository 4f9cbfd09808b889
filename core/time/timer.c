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
 */
#include "time/timer.h"

#define SLOT_BITS	6
#define SLOT_MASK	(TIMER_SLOTS - 1u)
#define TICK_MAX	((UINT64_C(1) << (SLOT_BITS * TIMER_LEVELS)) - 1)	/* 146 years */
#define LEVEL_DUE	TIMER_LEVELS	/* not in the wheel: waiting for its call */

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
	ts->pending[t->level] |= UINT64_C(1) << t->slot;
	list_add_tail(&t->node, &ts->slots[t->level][t->slot]);
}

/* Empty a slot into a list. */
static void wheel_take(struct timers *ts, unsigned int level, unsigned int slot, struct list *to)
{
	list_splice_tail(&ts->slots[level][slot], to);
	ts->pending[level] &= ~(UINT64_C(1) << slot);
}

static void collect_due(struct timers *ts, struct list *due)
{
	struct list now;

	list_init(&now);
	wheel_take(ts, 0, digit(ts->tick, 0), &now);
	list_for_each(pos, &now)
		list_entry(pos, struct timer, node)->level = LEVEL_DUE;
	list_splice_tail(&now, due);
}

/* The next occupied slot: its level, and the tick at which it begins. False: none. */
static bool wheel_next(const struct timers *ts, unsigned int *level, uint64_t *tick)
{
	for (unsigned int l = 0; l < TIMER_LEVELS; l++) {
		unsigned int shift = SLOT_BITS * l;

		if (!ts->pending[l])
			continue;
		*level = l;
		*tick = (ts->tick >> shift & ~(uint64_t)SLOT_MASK) |
			(uint64_t)__builtin_ctzll(ts->pending[l]);
		*tick <<= shift;
		return true;
	}
	return false;
}

/* Advance to the given tick; what becomes due goes to the list, in the order of its ticks. */
static void wheel_advance(struct timers *ts, uint64_t target, struct list *due)
{
	unsigned int level;
	uint64_t tick;

	while (wheel_next(ts, &level, &tick) && tick <= target) {
		struct list slot;

		list_init(&slot);
		ts->tick = tick;
		if (level > 0) {
			wheel_take(ts, level, digit(tick, level), &slot);
			list_for_each_safe(pos, &slot)
				wheel_add(ts, list_entry(pos, struct timer, node));
		}
		collect_due(ts, due);
	}
	ts->tick = target;
}

void timers_init(struct timers *ts, uint64_t now)
{
	ts->now = now;
	ts->tick = tick_at(now);
	ts->count = 0;
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
	if (t->armed && t->at == at && t->level != LEVEL_DUE)
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
	if (t->level != LEVEL_DUE && list_empty(&ts->slots[t->level][t->slot]))
		ts->pending[t->level] &= ~(UINT64_C(1) << t->slot);
	t->armed = false;
	ts->count--;
}

void timers_run(struct timers *ts, uint64_t now)
{
	struct list due;

	if (now < ts->now)	/* time does not go back */
		now = ts->now;
	list_init(&due);
	collect_due(ts, &due);
	wheel_advance(ts, tick_at(now), &due);
	ts->now = now;
	while (!list_empty(&due)) {
		struct timer *t = list_first(&due, struct timer, node);

		timer_cancel(ts, t);
		t->fn(t);
	}
}

uint64_t timers_next(const struct timers *ts)
{
	unsigned int level;
	uint64_t tick;

	return wheel_next(ts, &level, &tick) ? tick << TIMER_TICK_SHIFT : TIMER_NEVER;
}
