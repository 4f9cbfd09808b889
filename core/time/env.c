/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env.c - a turn: timers, then the work they and the handlers left (env.h).
 *
 * Theory of operation
 *
 * Work asks for more work, and some asks for itself again: what waits for room, or for its share of
 * something. So a turn ends after so many pieces of work, or after so much time, whether or not some
 * is left; env_next then says "now", and descriptors and timers get their turn before the rest. Work
 * is done in the order in which it was asked for, so each piece that waits has others before it only
 * once.
 */
#include <stddef.h>

#include "time/env.h"

#define TURN_WORKS	512u
#define SHARE_NS	UINT64_C(2000000)

void env_init(struct env *env, uint64_t now, const struct random *r, const struct log *log)
{
	env->now = now;
	env->clock = NULL;
	env->wall_offset = 0;
	env->random = *r;
	env->log = *log;
	env->pool = NULL;
	random_bytes(r, &env->key, sizeof(env->key));
	timers_init(&env->timers, now);
	list_init(&env->works);
}

void env_refresh(struct env *env)
{
	uint64_t now = env->clock ? env->clock() : env->now;

	if (now > env->now)
		env->now = now;
}

void work_init(struct work *w, void (*fn)(struct work *w))
{
	list_init(&w->node);
	w->fn = fn;
}

void work_defer(struct env *env, struct work *w)
{
	if (list_empty(&w->node))
		list_add_tail(&w->node, &env->works);
}

void work_cancel(struct work *w)
{
	list_del(&w->node);
}

/* In a simulation no time passes within a turn. */
uint64_t env_begin(const struct env *env)
{
	return env->clock ? env->clock() : 0;
}

bool env_spent(const struct env *env, uint64_t began)
{
	return env->clock && env->clock() - began > SHARE_NS;
}

void env_run(struct env *env, uint64_t now)
{
	uint64_t began = env_begin(env);

	if (now > env->now)
		env->now = now;
	timers_run(&env->timers, env->now);
	for (unsigned int n = 0; n < TURN_WORKS && !list_empty(&env->works); n++) {
		struct work *w = list_first(&env->works, struct work, node);

		list_del(&w->node);	/* it may be asked for again, or be freed */
		w->fn(w);
		if (env_spent(env, began))
			return;
	}
}

uint64_t env_next(const struct env *env)
{
	return list_empty(&env->works) ? timers_next(&env->timers) : 0;
}
