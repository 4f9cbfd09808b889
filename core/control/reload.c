/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload.c - new code for a module, while everything that uses it runs on.
 *
 * Theory of operation
 *
 * The new code is loaded beside the old. What could be in the way is looked for first: a mode or a
 * congestion control that the new code lacks or cannot take the parameters of. Then the users
 * that can refuse move, one by one: qdiscs, rebuilt with the same parameters, and links,
 * attached anew to the same descriptor. When one refuses, those before it move back to the old
 * code. What is left cannot fail: the mode, and the connections' congestion control, which takes as many turns as
 * there are thousands of connections. With its last user the old code is unloaded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/instance.h"
#include "control/parts.h"
#include "nic/qdisc.h"

struct reload {
	struct instance *inst;
	struct module *from, *to;
	const struct mode_ops *mode;	/* the new one; NULL = the instance's is not of this module */
};

/* ---- qdiscs ---- */

/* A NIC's qdiscs are a path: its root, the root's child, ... */
static struct qdisc *qdisc_at(const struct nic *nic, unsigned int depth)
{
	struct qdisc *q = nic->root;

	while (q && depth--)
		q = q->ops->leaf ? q->ops->leaf(q) : NULL;
	return q;
}

static int move_qdisc(struct qdisc *q, struct module *to, struct weir_error *e)
{
	const struct qdisc_ops *ops = module_ops_find(to, WEIR_KIND_QDISC, q->ops->name);
	const char *nic = q->nic->name;
	int rc;

	if (!ops)
		return weir_fail(e, ENOENT, "the new code has no qdisc %s, which %s uses; replace that first",
				 q->ops->name, nic);
	module_get(to);
	rc = qdisc_reload(q, ops, to, e);
	if (rc)
		weir_error_prefix(e, "qdisc %s on %s", ops->name, nic);
	return rc;
}

static int move_qdiscs(struct instance *inst, struct module *from, struct module *to,
		       struct weir_error *e)
{
	list_for_each(pos, &inst->nics) {
		const struct instance_nic *n = list_entry(pos, struct instance_nic, node);
		struct qdisc *q;

		for (unsigned int depth = 0; (q = qdisc_at(n->nic, depth)); depth++) {
			int rc = q->module == from ? move_qdisc(q, to, e) : 0;

			if (rc)
				return rc;
		}
	}
	return 0;
}

/* ---- links ---- */

static int move_link(struct instance_nic *n, struct module *to, struct weir_error *e)
{
	struct link *link = &n->nic->link, new;
	const struct link_ops *old = link->ops;
	const struct link_ops *ops = module_ops_find(to, WEIR_KIND_LINK, old->name);
	int rc;

	if (!ops)
		return weir_fail(e, ENOENT, "the new code has no link driver %s, which %s uses",
				 old->name, n->link.name);
	if (old->detach)
		old->detach(link);
	new = *link;
	new.ops = ops;
	new.priv = calloc(1, ops->priv_size + 1);
	if (!new.priv)
		rc = weir_fail(e, ENOMEM, "out of memory");
	else
		rc = ops->attach ? ops->attach(&new, e) : 0;
	if (rc) {
		weir_error_prefix(e, "link %s", n->link.name);
		free(new.priv);
		if (old->attach && old->attach(link, NULL))
			log_write(&n->instance->log, LOG_ERROR,
				  "link %s: its driver could not go on after a failed reload",
				  n->link.name);
		return rc;
	}
	free(link->priv);
	*link = new;
	n->link.ops = ops;
	n->link.priv = new.priv;
	module_get(to);
	module_put(n->module);
	n->module = to;
	return 0;
}

static int move_links(struct instance *inst, struct module *from, struct module *to,
		      struct weir_error *e)
{
	list_for_each(pos, &inst->nics) {
		struct instance_nic *n = list_entry(pos, struct instance_nic, node);
		int rc = n->module == from ? move_link(n, to, e) : 0;

		if (rc)
			return rc;
	}
	return 0;
}

/* ---- modes and congestion controls ---- */

static int check_mode(struct reload *r, struct weir_error *e)
{
	struct instance *inst = r->inst;

	if (inst->mode_module != r->from)
		return 0;
	r->mode = module_ops_find(r->to, WEIR_KIND_MODE, inst->mode->name);
	if (!r->mode || r->mode->intercept != inst->mode->intercept)
		return weir_fail(e, EINVAL, "the new code has no mode %s, which is in use, or one that answers the program's calls another way",
				 inst->mode->name);
	return 0;
}

/* Every congestion control of the old code that was ever used must be in the new, and its
 * parameters too. */
static int check_congestion(struct reload *r, struct weir_error *e)
{
	struct instance *inst = r->inst;
	const struct config *c = &inst->config;

	for (unsigned int i = 0; i < r->from->nops; i++) {
		const struct module_ops *o = &r->from->ops[i];
		const struct congestion_ops *ops;
		bool configured = !strcmp(o->name, c->congestion);

		if (o->kind != WEIR_KIND_CONGESTION || !congestion_set_find(&inst->congestions, &o->congestion))
			continue;
		ops = module_ops_find(r->to, WEIR_KIND_CONGESTION, o->name);
		if (!ops)
			return weir_fail(e, ENOENT, "the new code has no congestion control %s, which is in use",
					 o->name);
		if (!congestion_set_add(&inst->congestions, ops,
					configured ? c->congestion_settings : NULL,
					configured ? c->ncongestion_settings : 0, e))
			return -EINVAL;
	}
	return 0;
}

static void move_congestion(struct reload *r)
{
	struct instance *inst = r->inst;
	struct tcp *tcp = &inst->stack->tcp;

	for (unsigned int i = 0; i < r->from->nops; i++) {
		const struct module_ops *o = &r->from->ops[i];
		struct congestion_set *cc;

		if (o->kind != WEIR_KIND_CONGESTION || !congestion_set_find(&inst->congestions, &o->congestion))
			continue;
		cc = congestion_set_find(&inst->congestions,
					 module_ops_find(r->to, WEIR_KIND_CONGESTION, o->name));
		congestion_set_move(cc, tcp, &o->congestion, r->from, r->to);
	}
	if (inst->congestion_module == r->from) {
		module_get(r->to);
		module_put(r->from);
		inst->congestion_module = r->to;
	}
}

/* ---- all of it ---- */

static int move_all(struct reload *r, struct weir_error *e)
{
	int rc = check_mode(r, e);

	if (rc == 0)
		rc = check_congestion(r, e);
	if (rc)
		return rc;
	rc = move_qdiscs(r->inst, r->from, r->to, e);
	if (rc == 0)
		rc = move_links(r->inst, r->from, r->to, e);
	if (rc) {
		if (move_links(r->inst, r->to, r->from, NULL) ||
		    move_qdiscs(r->inst, r->to, r->from, NULL))
			log_write(&r->inst->log, LOG_ERROR,
				  "module %s: part of it could not go back to the old code",
				  r->from->desc->name);
		return rc;
	}
	if (r->mode) {
		module_get(r->to);
		instance_mode_apply(r->inst, r->mode, r->to);
	}
	move_congestion(r);
	return 0;
}

int instance_module_reload(struct instance *inst, const char *name, int fd, const char *path,
			   struct weir_error *e)
{
	struct reload r = { .inst = inst };
	int rc;

	r.to = module_load_beside(&inst->registry, fd, path, &r.from, e);
	if (!r.to)
		return -EINVAL;
	if (strcmp(r.to->desc->name, name))
		rc = weir_fail(e, EINVAL, "%s holds module %s, not %s", path, r.to->desc->name,
			       name);
	else
		rc = move_all(&r, e);
	if (rc) {
		congestion_sets_forget(&inst->congestions, r.to);
		weir_error_prefix(e, "module %s stays as it was", name);
		module_revert(r.to, r.from);
		return rc;
	}
	module_put(r.from);
	return 0;
}
