/* SPDX-License-Identifier: Apache-2.0 */
/*
 * congestion.c - congestion controls of an instance: a name becomes a module's ops and its
 * parameters.
 *
 * Connections keep referring to the parameters that they were given, so every set that was ever
 * parsed stays until the stack is gone; there is one for each module, and one more for each
 * change.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/parts.h"

struct instance_congestion *instance_congestion_params(struct instance *inst,
						       const struct congestion_ops *ops,
						       const struct setting *s, size_t n,
						       struct weir_error *e)
{
	struct instance_congestion *cc = calloc(1, sizeof(*cc));

	if (!cc)
		goto no_memory;
	cc->ops = ops;
	cc->params = calloc(1, ops->params_size + 1);
	if (!cc->params)
		goto no_memory;
	if (params_parse(ops->params, s, n, NULL, cc->params, ops->params_size, e))
		goto fail;
	list_add_tail(&cc->node, &inst->congestions);
	return cc;
no_memory:
	weir_fail(e, ENOMEM, "out of memory");
fail:
	if (cc)
		free(cc->params);
	free(cc);
	return NULL;
}

struct instance_congestion *instance_congestion_get(struct instance *inst, const char *name,
						    const struct setting *s, size_t n,
						    struct module **m, struct weir_error *e)
{
	const struct congestion_ops *ops = registry_get(&inst->registry, WEIR_KIND_CONGESTION, name,
							m, e);
	struct instance_congestion *cc;

	if (!ops)
		return NULL;
	cc = instance_congestion_params(inst, ops, s, n, e);
	if (!cc) {
		weir_error_prefix(e, "[tcp] congestion = %s", name);
		module_put(*m);
		*m = NULL;
	}
	return cc;
}

/* TCP_CONGESTION of a program: the configured parameters for the configured one, otherwise its
 * defaults. */
static const struct congestion_ops *kind_get(void *arg, const char *name, struct module **m,
					     const void **params)
{
	struct instance *inst = arg;
	const struct congestion_ops *ops = registry_get(&inst->registry, WEIR_KIND_CONGESTION, name,
							m, NULL);
	struct instance_congestion *cc;

	if (!ops)
		return NULL;
	for (struct list *pos = inst->congestions.prev; pos != &inst->congestions; pos = pos->prev) {
		cc = list_entry(pos, struct instance_congestion, node);
		if (cc->ops == ops) {
			*params = cc->params;
			return ops;
		}
	}
	cc = instance_congestion_params(inst, ops, NULL, 0, NULL);
	if (!cc) {
		module_put(*m);
		return NULL;
	}
	*params = cc->params;
	return ops;
}

static void kind_put(void *arg, struct module *m)
{
	(void)arg;
	module_put(m);
}

void instance_congestion_kinds(struct instance *inst, struct tcp_congestion_kinds *kinds)
{
	*kinds = (struct tcp_congestion_kinds){ .arg = inst, .get = kind_get, .put = kind_put };
}

void instance_congestion_forget(struct instance *inst, const struct module *m)
{
	list_for_each_safe(pos, &inst->congestions) {
		struct instance_congestion *cc = list_entry(pos, struct instance_congestion, node);

		for (unsigned int i = 0; i < m->nops; i++)
			if (cc->ops == &m->ops[i].congestion) {
				list_del(pos);
				free(cc->params);
				free(cc);
				break;
			}
	}
}

void instance_congestion_free(struct instance *inst)
{
	list_for_each_safe(pos, &inst->congestions) {
		struct instance_congestion *cc = list_entry(pos, struct instance_congestion, node);

		list_del(pos);
		free(cc->params);
		free(cc);
	}
}
