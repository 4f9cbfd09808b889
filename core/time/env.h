/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env.h - what a stack is given: time, randomness, memory, a log; and the work put off to the
 * end of a turn. Every floor of one stack points at the same env.
 */
#ifndef TIME_ENV_H
#define TIME_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/log.h"
#include "base/random.h"
#include "base/siphash.h"
#include "time/timer.h"

struct packet_pool;

/* Something to do once at the end of the turn, however often it was asked for. */
struct work {
	struct list node;
	void (*fn)(struct work *w);
};

struct env {
	uint64_t now;			/* ns, monotonic; set once a turn, and by env_refresh */
	uint64_t (*clock)(void);	/* real time; NULL: now is all there is (simulation) */
	int64_t wall_offset;		/* ns to add for the time of day; 0 in a simulation */
	struct timers timers;
	struct random random;
	struct siphash_key key;		/* for hash tables: drawn at start */
	struct log log;
	struct packet_pool *pool;
	struct list works;
};

void env_init(struct env *env, uint64_t now, const struct random *r, const struct log *log);
/* Where the age of now matters within a turn (shaping): read the clock again. */
void env_refresh(struct env *env);
/* For what may take long in one go: note when it began; and has it had its share of the turn? */
uint64_t env_begin(const struct env *env);
bool env_spent(const struct env *env, uint64_t began);
void work_init(struct work *w, void (*fn)(struct work *w));
void work_defer(struct env *env, struct work *w);	/* harmless when it waits already */
void work_cancel(struct work *w);
/* Take a turn: advance to now, run due timers, then deferred work; a bounded share of each. What is left
 * is for the next turn, which env_next then wants at once. */
void env_run(struct env *env, uint64_t now);
/* When the next turn is due without outside events, ns; 0 = now: work waits. */
uint64_t env_next(const struct env *env);

#endif
