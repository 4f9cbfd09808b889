/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconfigure.c - another configuration for a running instance.
 *
 * Theory of operation
 *
 * What the new configuration asks for is compared with what is in force. What cannot change while a
 * program runs (which links there are, and how they were opened) is refused. Then everything
 * that can fail is done where it is not seen yet: new qdiscs are built beside the old, the mode
 * and the congestion control are found. Addresses and routes are changed one by one, each noted,
 * so that a refusal takes them back in reverse order; all within one turn of the loop, so no
 * packet sees a state in between. What is left cannot fail.
 *
 * A qdisc that is asked for as it is stays untouched, also when `weir ctl` had put it there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/instance.h"
#include "control/parts.h"
#include "nic/qdisc.h"

struct step {				/* one address or route, added or deleted */
	struct nic *nic;
	bool is_route, added;
	struct ifaddr_spec addr;
	struct route_spec route;
};

struct change {
	struct instance *inst;
	struct config *config;		/* the new one */
	struct qdisc **qdiscs;		/* by place in inst->nics; NULL = stays */
	size_t nqdiscs;
	struct step *steps;
	size_t nsteps;
	const struct mode_ops *mode;	/* NULL = stays */
	struct module *mode_module;
	struct congestion_set *congestion;	/* NULL = stays */
	struct module *congestion_module;
};

/* ---- what cannot change ---- */

static const struct config_link *link_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nlinks; i++)
		if (!strcmp(c->links[i].name, name))
			return &c->links[i];
	return NULL;
}

static int check_driver(const struct instance_nic *n, const struct config_link *was,
			const struct config_link *c, struct weir_error *e)
{
	const struct link_ops *ops = n->nic->link.ops;
	void *params;
	int rc;

	if (strcmp(c->driver, ops->name))
		return weir_fail(e, EOPNOTSUPP, "driver = %s: the link runs on %s, and a link cannot change its driver while it is used; start a new sandbox",
				 c->driver, ops->name);
	if (was && was->mtu != c->mtu)
		return weir_fail(e, EOPNOTSUPP, "mtu: it cannot change from %u to %u while the link is used; start a new sandbox",
				 was->mtu, c->mtu);
	if (was && (memcmp(&was->ip4, &c->ip4, sizeof(c->ip4)) ||
		    memcmp(&was->ip6, &c->ip6, sizeof(c->ip6))))
		return weir_fail(e, EOPNOTSUPP, "ipv6, accept-ra, accept-redirects, secure-redirects, addr-gen and stable-secret cannot change while the link is used; start a new sandbox");
	params = calloc(1, ops->params_size + 1);
	if (!params)
		return weir_fail(e, ENOMEM, "out of memory");
	rc = params_parse(ops->params, c->settings, c->nsettings, NULL, params, ops->params_size, e);
	if (rc == 0 && memcmp(params, n->params, ops->params_size))
		rc = weir_fail(e, EOPNOTSUPP, "the driver's parameters cannot change while the link is used; start a new sandbox");
	free(params);
	return rc;
}

static int check_links(const struct change *ch, struct weir_error *e)
{
	size_t running = 0;

	list_for_each(pos, &ch->inst->nics) {
		const struct instance_nic *n = list_entry(pos, struct instance_nic, node);
		const struct config_link *c = link_find(ch->config, n->link.name);
		int rc;

		running++;
		if (!c)
			return weir_fail(e, EOPNOTSUPP, "[link %s] is gone: a link cannot be taken away while it is used; start a new sandbox",
					 n->link.name);
		rc = check_driver(n, link_find(&ch->inst->config, n->link.name), c, e);
		if (rc) {
			weir_error_prefix(e, "[link %s]", c->name);
			return rc;
		}
	}
	if (ch->inst->mode->intercept && running != ch->config->nlinks)
		return weir_fail(e, EOPNOTSUPP, "there is a new [link]: a link cannot be added to a running sandbox, which may open none; start a new one");
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && !strcmp(a, b));
}

static int check_fixed(const struct change *ch, struct weir_error *e)
{
	if (!same_text(ch->inst->config.module_path, ch->config->module_path))
		return weir_fail(e, EOPNOTSUPP, "[weir] module-path cannot change while a program runs; start a new sandbox, or use `weir ctl %s module load FILE`",
				 ch->inst->name);
	if (instance_check_qdiscs(ch->inst, ch->config, e))
		return -ENODEV;
	return check_links(ch, e);
}

/* ---- what is built first ---- */

static int build_qdisc(struct change *ch, const struct instance_nic *n, struct qdisc **out,
		       struct weir_error *e)
{
	const struct config_qdisc *c = config_qdisc(ch->config, n->link.name);
	struct qdisc *q = qdisc_build(&ch->inst->registry, n->nic, c->kind, c->settings,
					       c->nsettings, e);
	const struct qdisc *root = n->nic->root;

	if (!q) {
		weir_error_prefix(e, "%s", c->origin ? c->origin : "[qdisc]");
		return -EINVAL;
	}
	if (q->ops == root->ops && (!q->ops->params_size ||
				    !memcmp(q->params, root->params, q->ops->params_size))) {
		qdisc_destroy(q);
		q = NULL;
	}
	if (q && c->origin)
		qdisc_number(q);
	*out = q;
	return 0;
}

static int build_qdiscs(struct change *ch, struct weir_error *e)
{
	size_t n = 0;
	int rc = 0;

	list_for_each(pos, &ch->inst->nics)
		n++;
	ch->qdiscs = calloc(n + 1, sizeof(struct qdisc *));
	if (!ch->qdiscs)
		return weir_fail(e, ENOMEM, "out of memory");
	ch->nqdiscs = n;
	n = 0;
	list_for_each(pos, &ch->inst->nics)
		if (rc == 0)
			rc = build_qdisc(ch, list_entry(pos, struct instance_nic, node),
					 &ch->qdiscs[n++], e);
	return rc;
}

static bool same_settings(const struct setting *a, size_t na, const struct setting *b, size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (strcmp(a[i].name, b[i].name) || strcmp(a[i].value, b[i].value))
			return false;
	return true;
}

static int find_modules(struct change *ch, struct weir_error *e)
{
	const struct config *was = &ch->inst->config, *c = ch->config;

	if (strcmp(c->mode, ch->inst->mode->name)) {
		ch->mode = instance_mode_get(ch->inst, c->mode, &ch->mode_module, e);
		if (!ch->mode)
			return -EINVAL;
	}
	if (!strcmp(c->congestion, was->congestion) &&
	    same_settings(c->congestion_settings, c->ncongestion_settings,
			  was->congestion_settings, was->ncongestion_settings))
		return 0;
	ch->congestion = congestion_set_get(&ch->inst->congestions, c->congestion,
					    c->congestion_settings, c->ncongestion_settings,
					    &ch->congestion_module, e);
	if (!ch->congestion)
		weir_error_prefix(e, "[tcp] congestion = %s", c->congestion);
	return ch->congestion ? 0 : -EINVAL;
}

/* ---- addresses and routes, noted ---- */

static int step_do(struct instance *inst, const struct step *s, bool add, struct weir_error *e)
{
	struct ip *ip = &inst->stack->ip;

	if (s->is_route) {
		struct route r = route_of(&s->route, s->nic);

		return add ? route_add(ip, &r, e) : route_del(ip, &r, e);
	}
	return add ? ip_addr_add(ip, s->nic, &s->addr.addr, s->addr.prefix, e)
		   : ip_addr_del_alone(ip, s->nic, &s->addr.addr, s->addr.prefix, e);
}

/* Done already, or undone, by `weir ctl`: as good. */
static bool step_moot(int rc)
{
	return rc == -EEXIST || rc == -ENOENT || rc == -ESRCH || rc == -EADDRNOTAVAIL;
}

static int step(struct change *ch, struct step s, struct weir_error *e)
{
	int rc = step_do(ch->inst, &s, s.added, e);

	if (rc == 0)
		ch->steps[ch->nsteps++] = s;
	return step_moot(rc) ? 0 : rc;
}

static void steps_undo(struct change *ch)
{
	while (ch->nsteps > 0) {
		const struct step *s = &ch->steps[--ch->nsteps];

		if (step_do(ch->inst, s, !s->added, NULL))
			log_write(&ch->inst->log, LOG_ERROR,
				  "%s: an address or route could not be put back", s->nic->name);
	}
}

static bool has_addr(const struct config_link *c, const struct ifaddr_spec *a)
{
	for (size_t i = 0; c && i < c->naddrs; i++) {
		struct ifaddr_spec b = ifaddr_spec_of(&c->addrs[i]);

		if (ip_addr_eq(&a->addr, &b.addr) && a->prefix == b.prefix)
			return true;
	}
	return false;
}

static bool has_route(const struct config_link *c, const struct route_spec *r)
{
	for (size_t i = 0; c && i < c->nroutes; i++) {
		struct route_spec b = route_spec_of(&c->routes[i]);

		if (ip_addr_eq(&r->dst, &b.dst) && r->prefix == b.prefix &&
		    ip_addr_eq(&r->gateway, &b.gateway) && ip_addr_eq(&r->prefsrc, &b.prefsrc) &&
		    r->metric == b.metric && r->mtu == b.mtu && r->onlink == b.onlink)
			return true;
	}
	return false;
}

/* The addresses (or routes) of one link that are in from and not in but: added or deleted. */
static int steps_addrs(struct change *ch, struct nic *nic, const struct config_link *from,
		       const struct config_link *but, bool add, struct weir_error *e)
{
	int rc = 0;

	for (size_t i = 0; from && i < from->naddrs && rc == 0; i++) {
		struct step s = { .nic = nic, .added = add,
				  .addr = ifaddr_spec_of(&from->addrs[i]) };

		if (!has_addr(but, &s.addr))
			rc = step(ch, s, e);
	}
	return rc;
}

static int steps_routes(struct change *ch, struct nic *nic, const struct config_link *from,
			const struct config_link *but, bool add, struct weir_error *e)
{
	int rc = 0;

	for (int pass = 0; pass < 2; pass++)	/* a gateway needs the way to it first */
		for (size_t i = 0; from && i < from->nroutes && rc == 0; i++) {
			struct step s = { .nic = nic, .added = add, .is_route = true,
					  .route = route_spec_of(&from->routes[i]) };

			if (ip_addr_is_any(&s.route.gateway) == (pass == 0) &&
			    !has_route(but, &s.route))
				rc = step(ch, s, e);
		}
	return rc;
}

static int change_names(struct change *ch, struct weir_error *e)
{
	const struct config *was = &ch->inst->config, *c = ch->config;
	size_t max = 1;
	int rc = 0;

	for (size_t i = 0; i < was->nlinks; i++)
		max += was->links[i].naddrs + was->links[i].nroutes;
	for (size_t i = 0; i < c->nlinks; i++)
		max += c->links[i].naddrs + c->links[i].nroutes;
	ch->steps = calloc(max, sizeof(*ch->steps));
	if (!ch->steps)
		return weir_fail(e, ENOMEM, "out of memory");
	list_for_each(pos, &ch->inst->nics) {
		const struct instance_nic *n = list_entry(pos, struct instance_nic, node);
		const struct config_link *l1 = link_find(was, n->link.name);
		const struct config_link *l2 = link_find(c, n->link.name);

		if (rc == 0)
			rc = steps_routes(ch, n->nic, l1, l2, false, e);
		if (rc == 0)
			rc = steps_addrs(ch, n->nic, l1, l2, false, e);
		if (rc == 0)
			rc = steps_addrs(ch, n->nic, l2, l1, true, e);
		if (rc == 0)
			rc = steps_routes(ch, n->nic, l2, l1, true, e);
		if (rc) {
			weir_error_prefix(e, "[link %s]", n->link.name);
			return rc;
		}
	}
	return 0;
}

/* ---- the rest cannot fail ---- */

static void apply_gso(struct instance *inst, bool gso)
{
	list_for_each(pos, &inst->nics) {
		const struct instance_nic *n = list_entry(pos, struct instance_nic, node);
		struct nic *nic = n->nic;

		nic->link.caps = gso ? n->link.caps : n->link.caps & LINK_CSUM;
		nic->link.gso_max = gso ? n->link.gso_max : 0;
		nic->caps = nic->link.caps;
		nic->gso_max = nic->link.gso_max;
	}
	inst->stack->ip.generation++;	/* connections look at their NIC again */
}

static void apply_gro(struct instance *inst, bool gro)
{
	list_for_each(pos, &inst->nics)
		list_entry(pos, struct instance_nic, node)->nic->gro = gro;
}

static void apply_congestion(struct change *ch)
{
	struct instance *inst = ch->inst;
	struct tcp *tcp = &inst->stack->tcp;

	congestion_set_move(ch->congestion, tcp, tcp->congestion, inst->congestion_module, ch->congestion_module);
	module_put(inst->congestion_module);
	inst->congestion_module = ch->congestion_module;
	ch->congestion_module = NULL;
}

static void apply(struct change *ch)
{
	struct instance *inst = ch->inst;
	struct config *c = ch->config;
	size_t i = 0;

	list_for_each(pos, &inst->nics) {
		const struct instance_nic *n = list_entry(pos, struct instance_nic, node);

		if (ch->qdiscs[i])
			nic_set_root(n->nic, ch->qdiscs[i]);
		ch->qdiscs[i++] = NULL;
	}
	if (ch->congestion)
		apply_congestion(ch);
	if (c->gso != inst->config.gso)
		apply_gso(inst, c->gso);
	apply_gro(inst, c->gro);
	inst->log.level = inst->stack->env.log.level = c->log_level;
	inst->stack->pool.limit = instance_pool(inst, c);
	instance_transports_apply(inst, c);
	if (ch->mode)
		instance_mode_apply(inst, ch->mode, ch->mode_module);
	ch->mode_module = NULL;
	config_free(&inst->config);
	inst->config = *c;
	config_init(c);
}

int instance_reconfigure(struct instance *inst, struct config *c, struct weir_error *e)
{
	struct change ch = { .inst = inst, .config = c };
	int rc = check_fixed(&ch, e);

	if (rc == 0)
		rc = build_qdiscs(&ch, e);
	if (rc == 0)
		rc = find_modules(&ch, e);
	if (rc == 0)
		rc = change_names(&ch, e);
	if (rc == 0)
		apply(&ch);
	else
		steps_undo(&ch);
	for (size_t i = 0; i < ch.nqdiscs; i++)
		qdisc_destroy(ch.qdiscs[i]);
	if (ch.mode_module)
		module_put(ch.mode_module);
	if (ch.congestion_module)
		module_put(ch.congestion_module);
	free(ch.qdiscs);
	free(ch.steps);
	return rc;
}
