/* SPDX-License-Identifier: Apache-2.0 */
/* kinds.c - congestion controls by name (kinds.h). */
#include <errno.h>
#include <stdlib.h>

#include "tcp/kinds.h"

static void set_free(struct congestion_set *set)
{
	list_del(&set->node);
	free(set->params);
	free(set);
}

void congestion_sets_init(struct congestion_sets *cs, struct registry *r)
{
	cs->registry = r;
	list_init(&cs->list);
}

void congestion_sets_free(struct congestion_sets *cs)
{
	list_for_each_safe(pos, &cs->list)
		set_free(list_entry(pos, struct congestion_set, node));
}

struct congestion_set *congestion_set_add(struct congestion_sets *cs,
					  const struct congestion_ops *ops, const struct setting *s,
					  size_t n, struct weir_error *e)
{
	struct congestion_set *set = calloc(1, sizeof(*set));

	if (!set)
		goto no_memory;
	list_init(&set->node);
	set->sets = cs;
	set->ops = ops;
	set->params = calloc(1, ops->params_size + 1);
	if (!set->params)
		goto no_memory;
	if (params_parse(ops->params, s, n, NULL, set->params, ops->params_size, e))
		goto fail;
	list_add_tail(&set->node, &cs->list);
	return set;
no_memory:
	weir_fail(e, ENOMEM, "out of memory");
fail:
	if (set)
		set_free(set);
	return NULL;
}

struct congestion_set *congestion_set_get(struct congestion_sets *cs, const char *name,
					  const struct setting *s, size_t n, struct module **m,
					  struct weir_error *e)
{
	const struct congestion_ops *ops = registry_get(cs->registry, WEIR_KIND_CONGESTION, name, m,
							e);
	struct congestion_set *set;

	if (!ops)
		return NULL;
	set = congestion_set_add(cs, ops, s, n, e);
	if (!set) {
		module_put(*m);
		*m = NULL;
	}
	return set;
}

struct congestion_set *congestion_set_find(const struct congestion_sets *cs,
					   const struct congestion_ops *ops)
{
	for (struct list *pos = cs->list.prev; pos != &cs->list; pos = pos->prev) {
		struct congestion_set *set = list_entry(pos, struct congestion_set, node);

		if (set->ops == ops)
			return set;
	}
	return NULL;
}

static void moved(struct tcp_switch *sw)
{
	struct congestion_set *to = container_of(sw, struct congestion_set, move);
	struct module *modules[] = { to->from, to->to };

	if (to->from->stale)
		list_for_each_safe(pos, &to->sets->list) {
			struct congestion_set *set = list_entry(pos, struct congestion_set, node);

			if (set->ops == sw->from)
				set_free(set);
		}
	module_put(modules[0]);
	module_put(modules[1]);
}

void congestion_set_move(struct congestion_set *set, struct tcp *tcp, const struct congestion_ops *ops,
			 struct module *from, struct module *to)
{
	module_get(from);
	module_get(to);
	set->from = from;
	set->to = to;
	set->move = (struct tcp_switch){ .from = ops, .to = set->ops, .params = set->params, .done = moved };
	tcp_congestion_switch(tcp, &set->move);
}

static const struct congestion_ops *kind_get(void *arg, const char *name, struct module **m,
					     const void **params)
{
	struct congestion_sets *cs = arg;
	const struct congestion_ops *ops = registry_get(cs->registry, WEIR_KIND_CONGESTION, name, m,
							NULL);
	struct congestion_set *set;

	if (!ops)
		return NULL;
	set = congestion_set_find(cs, ops);
	if (!set)
		set = congestion_set_add(cs, ops, NULL, 0, NULL);
	if (!set) {
		module_put(*m);
		return NULL;
	}
	*params = set->params;
	return ops;
}

static void kind_put(void *arg, struct module *m)
{
	(void)arg;
	module_put(m);
}

void congestion_sets_kinds(struct congestion_sets *cs, struct tcp_congestion_kinds *kinds)
{
	*kinds = (struct tcp_congestion_kinds){ .arg = cs, .get = kind_get, .put = kind_put };
}

void congestion_sets_forget(struct congestion_sets *cs, const struct module *m)
{
	list_for_each_safe(pos, &cs->list) {
		struct congestion_set *set = list_entry(pos, struct congestion_set, node);

		for (unsigned int i = 0; i < m->nops; i++)
			if (set->ops == &m->ops[i].congestion) {
				set_free(set);
				break;
			}
	}
}
