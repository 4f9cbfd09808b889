/* SPDX-License-Identifier: Apache-2.0 */
/* kinds.c - qdiscs by the names of their kind and of their parameters, from the module registry. */
#include <errno.h>
#include <stdlib.h>

#include "module/params.h"
#include "module/registry.h"
#include "nic/tc.h"

static const struct qdisc_ops *kinds_get(void *arg, const char *kind, struct module **m,
					 struct weir_error *e)
{
	return registry_get(arg, WEIR_KIND_QDISC, kind, m, e);
}

/* Several of tc's kinds may be one of ours, so a name that no module has is not looked for in files: who
 * serves tc has loaded what is to be had. */
static const struct qdisc_ops *kinds_get_tc(void *arg, const char *kind, struct module **m,
					    struct weir_error *e)
{
	struct registry *r = arg;

	list_for_each(pos, &r->modules) {
		struct module *mod = list_entry(pos, struct module, node);

		for (unsigned int i = 0; i < mod->nops && !mod->stale; i++) {
			if (mod->ops[i].kind != WEIR_KIND_QDISC || !tc_find(&mod->ops[i].qdisc, kind))
				continue;
			module_get(mod);
			*m = mod;
			return &mod->ops[i].qdisc;
		}
	}
	weir_fail(e, ENOENT, "no module that is loaded offers what tc calls %.32s; load one that does with `weir ctl NAME module load`",
		  kind);
	return NULL;
}

static void kinds_put(void *arg, struct module *m)
{
	(void)arg;
	module_put(m);
}

void registry_qdisc_kinds(struct registry *r, struct qdisc_kinds *kinds)
{
	*kinds = (struct qdisc_kinds){ .arg = r, .get = kinds_get, .get_tc = kinds_get_tc, .put = kinds_put };
}

struct qdisc *qdisc_build(struct registry *r, struct nic *nic, const char *kind,
			  const struct setting *s, size_t n, struct weir_error *e)
{
	struct module *m = NULL;
	const struct qdisc_ops *ops = registry_get(r, WEIR_KIND_QDISC, kind, &m, e);
	struct qdisc *q = NULL;
	void *params;

	if (!ops)
		return NULL;
	params = calloc(1, ops->params_size + 1);
	if (!params) {
		weir_fail(e, ENOMEM, "out of memory");
		module_put(m);
	} else if (params_parse(ops->params, s, n, NULL, params, ops->params_size, e)) {
		weir_error_prefix(e, "qdisc %s", kind);
		module_put(m);
	} else {
		q = qdisc_create_ops(nic, ops, m, params, e);	/* with the use of m, come what may */
	}
	free(params);
	return q;
}

int qdisc_change_settings(struct qdisc *q, const struct setting *s, size_t n, struct weir_error *e)
{
	const struct qdisc_ops *ops = q->ops;
	void *params = calloc(1, ops->params_size + 1);
	int err;

	if (!params)
		return weir_fail(e, ENOMEM, "out of memory");
	err = params_parse(ops->params, s, n, q->params, params, ops->params_size, e);
	if (err)
		weir_error_prefix(e, "qdisc %s", ops->name);
	else
		err = qdisc_change(q, params, e);
	free(params);
	return err;
}
