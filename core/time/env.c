/* SPDX-License-Identifier: Apache-2.0 */
/* env.c - a turn: timers, then the work they and the handlers left (env.h). */
#include <stddef.h>

#include "time/env.h"

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

void env_run(struct env *env, uint64_t now)
{
	if (now > env->now)
		env->now = now;
	timers_run(&env->timers, env->now);
	while (!list_empty(&env->works)) {
		struct work *w = list_first(&env->works, struct work, node);

		list_del(&w->node);	/* it may be asked for again, or be freed */
		w->fn(w);
	}
}

uint64_t env_next(const struct env *env)
{
	return list_empty(&env->works) ? timers_next(&env->timers) : 0;
}
