/* SPDX-License-Identifier: Apache-2.0 */
/* swap.c - a running instance's qdiscs and mode, replaced and changed (instance.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/instance.h"
#include "control/parts.h"
#include "nic/qdisc.h"

struct nic *instance_nic_find(const struct instance *inst, const char *name,
			      struct weir_error *e)
{
	struct nic *nic = nic_find(&inst->stack->nics, name);
	char names[256] = "";
	size_t used = 0;

	if (nic && !nic->loopback)
		return nic;
	/* One that was renamed with its device, or whose device is gone, is known by its old name. */
	list_for_each(pos, &inst->nics) {
		const struct instance_nic *n = list_entry(pos, struct instance_nic, node);

		if (!nic && n->nic && !strcmp(n->link.name, name))
			return n->nic;
	}
	if (nic) {
		weir_fail(e, EINVAL, "%s is loopback: it has no link and no qdisc", name);
		return NULL;
	}
	list_for_each(pos, &inst->nics) {
		const struct instance_nic *n = list_entry(pos, struct instance_nic, node);

		if (used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", n->link.name);
	}
	weir_fail(e, ENODEV, "there is no NIC %.32s; there %s %s", name,
		  strchr(names, ',') ? "are" : "is only", *names ? names : "loopback");
	return NULL;
}

int instance_check_qdiscs(const struct instance *inst, const struct config *c,
			  struct weir_error *e)
{
	if (list_empty(&inst->nics) && !inst->mode->intercept)
		return 0;		/* the host's own stack: no NIC, and no qdisc is asked for one */
	for (size_t i = 0; i < c->nqdiscs; i++) {
		const struct config_qdisc *q = &c->qdiscs[i];

		if (!q->nic[0] || instance_nic_find(inst, q->nic, e))
			continue;
		weir_error_prefix(e, "%s%s[qdisc %s]", q->origin ? q->origin : "",
				  q->origin ? ": " : "", q->nic);
		return -ENODEV;
	}
	return 0;
}

int instance_qdisc_replace(struct instance *inst, const char *name, const char *kind,
			   const struct setting *s, size_t n, struct weir_error *e)
{
	struct nic *nic = instance_nic_find(inst, name, e);
	struct qdisc *q = nic ? qdisc_build(&inst->registry, nic, kind, s, n, e) : NULL;

	if (!q)
		return -EINVAL;
	qdisc_number(q);
	nic_set_root(nic, q);
	return 0;
}

int instance_qdisc_change(struct instance *inst, const char *name, const struct setting *s,
			  size_t n, struct weir_error *e)
{
	struct nic *nic = instance_nic_find(inst, name, e);

	return nic ? qdisc_change_settings(nic->root, s, n, e) : -ENODEV;
}

/* ---- mode ---- */

bool mode_allows(const struct mode_ops *mode, const struct nic *nic)
{
	return nic->loopback || !mode->nic_allowed || mode->nic_allowed(nic->name);
}

const struct mode_ops *instance_mode_get(struct instance *inst, const char *name,
					 struct module **m, struct weir_error *e)
{
	const struct mode_ops *mode = registry_get(&inst->registry, WEIR_KIND_MODE, name, m, e);

	if (!mode || mode->intercept == inst->mode->intercept)
		return mode;
	weir_fail(e, EOPNOTSUPP, "mode %s: a running program cannot be moved from mode %s, since only one of the two has the program's calls go to weir's stack; start it anew with --mode %s",
		  name, inst->mode->name, name);
	module_put(*m);
	return NULL;
}

void instance_mode_apply(struct instance *inst, const struct mode_ops *mode, struct module *m)
{
	struct module *old = inst->mode_module;

	inst->mode = mode;
	inst->mode_module = m;
	module_put(old);
	list_for_each(pos, &inst->nics) {
		struct instance_nic *n = list_entry(pos, struct instance_nic, node);

		nic_set_up(n->nic, !n->down && mode_allows(mode, n->nic));
	}
}

int instance_set_mode(struct instance *inst, const char *name, struct weir_error *e)
{
	struct module *m = NULL;
	const struct mode_ops *mode = instance_mode_get(inst, name, &m, e);

	if (!mode)
		return -EINVAL;
	instance_mode_apply(inst, mode, m);
	return 0;
}
