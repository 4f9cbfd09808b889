/* SPDX-License-Identifier: Apache-2.0 */
/* kinds.c - the module registry as nic/ asks for it: a qdisc's ops by kind. */
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
