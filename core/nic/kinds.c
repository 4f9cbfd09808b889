/* SPDX-License-Identifier: Apache-2.0 */
/* kinds.c - qdiscs by the names of their kind and of their parameters, from the module registry. */
#include <errno.h>
#include <stdlib.h>

#include "module/params.h"
#include "module/registry.h"
#include "nic/qdisc.h"

static const struct qdisc_ops *kinds_get(void *arg, const char *kind, struct module **m,
					 struct weir_error *e)
{
	return registry_get(arg, WEIR_KIND_QDISC, kind, m, e);
}

static void kinds_put(void *arg, struct module *m)
{
	(void)arg;
	module_put(m);
}

void registry_qdisc_kinds(struct registry *r, struct qdisc_kinds *kinds)
{
	*kinds = (struct qdisc_kinds){ .arg = r, .get = kinds_get, .put = kinds_put };
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
