/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_table.c - the routes of a stack.
 *
 * Theory of operation
 *
 * Routes stand in one list, IPv4's first, longest prefix first, then lowest metric: that is the order in which they
 * match and are shown. A program may add thousands, of its choice, so nothing that happens often walks the list:
 *
 *	a place in the list	is found in a tree of the same order
 *	a network's routes	stand in a tree of their own, by metric; a hash table knows the networks. A packet asks
 *				for each length of prefix that any route has, the longest first
 *	a gateway's, a source's	stand in lists, which another hash table knows: of those a router's redirect asks,
 *				and an address that goes
 *
 * A walk over a network's routes passes by those that may not be used, since their NIC is down or another one than
 * the flow is bound to; Linux does the same.
 */
#include <errno.h>
#include <stdlib.h>

#include "ip/route_table.h"

struct route_net {			/* a network that routes lead to */
	struct hash_node node;		/* ip->route_nets */
	struct ip_addr dst;
	uint8_t prefix;
	struct tree routes;		/* struct route, by metric, then by age */
	uint32_t direct;		/* of them those to others without a gateway */
};

struct route_name {			/* a gateway or a source that routes name */
	struct hash_node node;		/* ip->route_names */
	struct ip_addr addr;
	enum route_named_as as;
	struct list routes;
};

/* ---- networks ---- */

/* Who chooses a network chooses for himself, but a program may. */
static uint64_t net_hash(const struct ip *ip, const struct ip_addr *net, uint8_t prefix)
{
	return ip_addr_hash(&ip->env->key, net, prefix);
}

static struct route_net *net_find(const struct ip *ip, const struct ip_addr *dst, uint8_t prefix)
{
	struct hash_node *n = hash_find(&ip->route_nets, net_hash(ip, dst, prefix));

	for (; n; n = hash_find_next(n)) {
		struct route_net *net = container_of(n, struct route_net, node);

		if (net->prefix == prefix && ip_addr_eq(&net->dst, dst))
			return net;
	}
	return NULL;
}

static struct route_net *net_get(struct ip *ip, const struct ip_addr *dst, uint8_t prefix)
{
	struct route_net *net = net_find(ip, dst, prefix);

	if (net)
		return net;
	net = calloc(1, sizeof(*net));
	if (!net)
		return NULL;
	net->dst = *dst;
	net->prefix = prefix;
	hash_add(&ip->route_nets, &net->node, net_hash(ip, dst, prefix));
	ip->prefixes[!ip_addr_is_v4(dst)][prefix]++;
	return net;
}

static void net_put(struct ip *ip, struct route_net *net)
{
	if (!net || !tree_empty(&net->routes))
		return;
	hash_del(&ip->route_nets, &net->node);
	ip->prefixes[!ip_addr_is_v4(&net->dst)][net->prefix]--;
	free(net);
}

/* The longest network with routes that a is in and that is shorter than *prefix bits, whose length that is then. */
static struct route_net *next_net(const struct ip *ip, const struct ip_addr *a, int *prefix)
{
	const uint16_t *prefixes = ip->prefixes[!ip_addr_is_v4(a)];

	while (--*prefix >= 0) {
		struct ip_addr dst;
		struct route_net *net;

		if (!prefixes[*prefix])
			continue;
		dst = ip_addr_mask(a, (uint8_t)*prefix);
		net = net_find(ip, &dst, (uint8_t)*prefix);
		if (net)
			return net;
	}
	return NULL;
}

static struct route *in_net(struct tree_node *n)
{
	return n ? container_of(n, struct route, in_net) : NULL;
}

struct route *route_to_next(const struct route *r)
{
	return in_net(tree_next(&r->in_net));
}

static struct route *first_of(const struct route_net *net, uint32_t metric)
{
	struct tree_node *n = net ? net->routes.root : NULL, *first = NULL;

	while (n) {
		if (in_net(n)->metric < metric) {
			n = n->right;
		} else {
			first = n;
			n = n->left;
		}
	}
	return in_net(first);
}

struct route *route_to(struct ip *ip, const struct ip_addr *dst, uint8_t prefix, uint32_t metric)
{
	return first_of(net_find(ip, dst, prefix), metric);
}

static bool usable(const struct route *r, const struct nic *bound)
{
	return (r->nic->up || r->local) && (!bound || r->nic == bound || (r->local && r->nic->loopback));
}

struct route *route_match(struct ip *ip, const struct ip_addr *a, const struct nic *bound)
{
	int prefix = ip_addr_bits(a) + 1;
	struct route_net *net;

	while ((net = next_net(ip, a, &prefix)))
		for (struct route *r = in_net(net->routes.first); r; r = route_to_next(r))
			if (usable(r, bound))
				return r;
	return NULL;
}

static bool is_direct(const struct route *r)
{
	return !r->local && ip_addr_is_any(&r->gateway);
}

struct route *route_direct(struct ip *ip, const struct nic *nic, const struct ip_addr *a)
{
	int prefix = ip_addr_bits(a) + 1;
	struct route_net *net;

	while ((net = next_net(ip, a, &prefix)))
		for (struct route *r = net->direct ? in_net(net->routes.first) : NULL; r; r = route_to_next(r))
			if (is_direct(r) && (!nic || r->nic == nic))
				return r;
	return NULL;
}

bool ip_on_link(struct ip *ip, const struct nic *nic, const struct ip_addr *a)
{
	return route_direct(ip, nic, a);
}

/* ---- gateways and sources ---- */

static uint64_t name_hash(const struct ip *ip, const struct ip_addr *a, enum route_named_as as)
{
	return ip_addr_hash(&ip->env->key, a, as);
}

static struct route_name *name_find(const struct ip *ip, const struct ip_addr *a, enum route_named_as as)
{
	struct hash_node *n = hash_find(&ip->route_names, name_hash(ip, a, as));

	for (; n; n = hash_find_next(n)) {
		struct route_name *name = container_of(n, struct route_name, node);

		if (name->as == as && ip_addr_eq(&name->addr, a))
			return name;
	}
	return NULL;
}

static const struct ip_addr *named(const struct route *r, enum route_named_as as)
{
	return as == ROUTE_GATEWAY ? &r->gateway : &r->prefsrc;
}

/* r is put to those with the same name, if it has one. */
static int name_add(struct ip *ip, struct route *r, enum route_named_as as)
{
	const struct ip_addr *a = named(r, as);
	struct route_name *name;

	list_init(&r->named[as]);
	r->name[as] = NULL;
	if (ip_addr_is_any(a))
		return 0;
	name = name_find(ip, a, as);
	if (!name) {
		name = calloc(1, sizeof(*name));
		if (!name)
			return -ENOMEM;
		name->addr = *a;
		name->as = as;
		list_init(&name->routes);
		hash_add(&ip->route_names, &name->node, name_hash(ip, a, as));
	}
	list_add_tail(&r->named[as], &name->routes);
	r->name[as] = name;
	return 0;
}

static void name_del(struct ip *ip, struct route *r, enum route_named_as as)
{
	struct route_name *name = r->name[as];

	list_del(&r->named[as]);
	if (!name || !list_empty(&name->routes))
		return;
	hash_del(&ip->route_names, &name->node);
	free(name);
}

bool route_names_gateway(struct ip *ip, const struct nic *nic, const struct ip_addr *gateway)
{
	const struct route_name *name = name_find(ip, gateway, ROUTE_GATEWAY);

	if (!name)
		return false;
	list_for_each(pos, &name->routes) {
		const struct route *r = list_entry(pos, struct route, named[ROUTE_GATEWAY]);

		if (r->nic == nic && !r->dynamic)
			return true;
	}
	return false;
}

/* ---- what may be added ---- */

static struct nic *gateway_nic(struct ip *ip, const struct ip_addr *gateway)
{
	const struct route *r = route_direct(ip, NULL, gateway);

	return r ? r->nic : NULL;
}

static bool gateway_is_ours(struct ip *ip, const struct route *r)
{
	if (ip_addr_is_linklocal(&r->gateway))
		return r->nic && ifaddr_find(r->nic, &r->gateway);
	return ip_addr_find(ip, &r->gateway);
}

static int route_check(struct ip *ip, struct route *r, struct weir_error *e)
{
	struct ip_addr masked;
	char dst[IP_ADDR_TEXT], gw[IP_ADDR_TEXT];

	ip_addr_text(&r->dst, dst);
	ip_addr_text(&r->gateway, gw);
	if (r->prefix > ip_addr_bits(&r->dst))
		return weir_fail(e, EINVAL, "route %s/%u: not a network; write one like 10.1.0.0/16 or 2001:db8::/32",
				 dst, r->prefix);
	masked = ip_addr_mask(&r->dst, r->prefix);
	if (!ip_addr_eq(&masked, &r->dst))
		return weir_fail(e, EINVAL, "route %s/%u: bits are set behind the prefix; clear them, or write /%u",
				 dst, r->prefix, ip_addr_bits(&r->dst));
	if (ip_addr_is_any(&r->gateway)) {
		if (!r->nic)
			return weir_fail(e, EINVAL, "route %s/%u: give a gateway or a NIC", dst,
					 r->prefix);
	} else {
		if (ip_addr_is_v4(&r->gateway) != ip_addr_is_v4(&r->dst) ||
		    ip_addr_is_multicast(&r->gateway) || gateway_is_ours(ip, r))
			return weir_fail(e, EINVAL, "route %s/%u: %s cannot be a gateway; use a neighbour's address",
					 dst, r->prefix, gw);
		if (!r->nic && ip_addr_is_linklocal(&r->gateway))
			return weir_fail(e, EINVAL, "route %s/%u: %s is a name on one link only; say which NIC's",
					 dst, r->prefix, gw);
		if (!r->nic)
			r->nic = gateway_nic(ip, &r->gateway);
		if (!r->nic || !(r->onlink || ip_addr_is_linklocal(&r->gateway) ||
				 ip_on_link(ip, r->nic, &r->gateway)))
			return weir_fail(e, ENETUNREACH, "route %s/%u: the gateway %s is on no link of ours; "
					 "add an address of its subnet or a route to it first%s",
					 dst, r->prefix, gw,
					 r->onlink ? ", or say whose link it is on" : "");
	}
	if (!ip_addr_is_any(&r->prefsrc) && !r->automatic && !ip_addr_find(ip, &r->prefsrc))
		return weir_fail(e, EINVAL, "route %s/%u: its source is no address of ours; add that first",
				 dst, r->prefix);
	return 0;
}

static bool route_before(const struct route *a, const struct route *b)
{
	bool v4 = ip_addr_is_v4(&a->dst);

	if (v4 != ip_addr_is_v4(&b->dst))
		return v4;
	return a->prefix > b->prefix || (a->prefix == b->prefix && a->metric < b->metric);
}

/* Two NICs may be in one subnet; otherwise a network and a metric name one route. */
static bool is_there(struct ip *ip, const struct route *r)
{
	const struct route *other = route_to(ip, &r->dst, r->prefix, r->metric);

	for (; other && other->metric == r->metric; other = route_to_next(other))
		if (!other->automatic || !r->automatic || (other->nic == r->nic && other->local == r->local))
			return true;
	return false;
}

/* ---- the table ---- */

/* Nobody who chooses routes can foresee the shape of a tree. */
static uint32_t priority(const struct ip *ip, const struct route *r)
{
	return (uint32_t)siphash(&ip->env->key, &r->seq, sizeof(r->seq));
}

static struct route *in_order(struct tree_node *n)
{
	return n ? container_of(n, struct route, in_order) : NULL;
}

/* Behind those that come before it and those like it. */
static void put_in_order(struct ip *ip, struct route *r)
{
	struct tree_node *prev = NULL, *n = ip->routes_in_order.root;

	while (n) {
		if (route_before(r, in_order(n))) {
			n = n->left;
		} else {
			prev = n;
			n = n->right;
		}
	}
	tree_insert(&ip->routes_in_order, &r->in_order, prev, priority(ip, r));
	list_add(&r->node, prev ? &in_order(prev)->node : &ip->routes);
}

static void put_in_net(const struct ip *ip, struct route *r)
{
	struct tree_node *prev = NULL, *n = r->net->routes.root;

	while (n) {
		if (r->metric < in_net(n)->metric) {
			n = n->left;
		} else {
			prev = n;
			n = n->right;
		}
	}
	tree_insert(&r->net->routes, &r->in_net, prev, priority(ip, r));
	r->net->direct += is_direct(r);
}

int route_add(struct ip *ip, const struct route *route, struct weir_error *e)
{
	struct route *r, copy = *route;
	char text[IP_ADDR_TEXT];
	int err;

	if (copy.gateway.w[2] == 0 && ip_addr_is_any(&copy.gateway))
		copy.gateway = ip_addr_v4(0);
	err = route_check(ip, &copy, e);
	if (err)
		return err;
	if (is_there(ip, &copy))
		return weir_fail(e, EEXIST, "route %s/%u is there already; delete it or give another metric",
				 ip_addr_text(&copy.dst, text), copy.prefix);
	r = malloc(sizeof(*r));
	if (!r)
		return weir_fail(e, ENOMEM, "no memory for a route");
	*r = copy;
	r->in_order = r->in_net = (struct tree_node){ 0 };
	r->seq = ip->route_seq++;
	r->net = net_get(ip, &r->dst, r->prefix);
	if (!r->net || name_add(ip, r, ROUTE_GATEWAY))
		goto no_memory;
	if (name_add(ip, r, ROUTE_SOURCE)) {
		name_del(ip, r, ROUTE_GATEWAY);
		goto no_memory;
	}
	put_in_net(ip, r);
	put_in_order(ip, r);
	ip->nroutes++;
	ip->generation++;
	ip_changed(ip, IP_ROUTE_NEW, r);
	return 0;
no_memory:
	net_put(ip, r->net);
	free(r);
	return weir_fail(e, ENOMEM, "no memory for a route");
}

static void route_remove(struct ip *ip, struct route *r)
{
	list_del(&r->node);
	tree_del(&ip->routes_in_order, &r->in_order);
	tree_del(&r->net->routes, &r->in_net);
	r->net->direct -= is_direct(r);
	net_put(ip, r->net);
	name_del(ip, r, ROUTE_GATEWAY);
	name_del(ip, r, ROUTE_SOURCE);
	ip->nroutes--;
	ip->generation++;
	ip_changed(ip, IP_ROUTE_DEL, r);
	free(r);
}

/* Is r, of the right network, the one that is meant? */
static bool is_meant(const struct route *r, const struct route *by)
{
	return r->automatic == by->automatic && (!by->automatic || r->local == by->local) &&
	       r->dynamic == by->dynamic &&
	       (!by->nic || r->nic == by->nic) && (!by->metric || r->metric == by->metric) &&
	       (ip_addr_is_any(&by->gateway) || ip_addr_eq(&r->gateway, &by->gateway));
}

int route_del(struct ip *ip, const struct route *by, struct weir_error *e)
{
	struct route *r = route_to(ip, &by->dst, by->prefix, by->metric);
	char text[IP_ADDR_TEXT];

	for (; r && (!by->metric || r->metric == by->metric); r = route_to_next(r))
		if (is_meant(r, by)) {
			route_remove(ip, r);
			return 0;
		}
	return weir_fail(e, ESRCH, "there is no route %s/%u of that kind; `ctl route` lists what there is",
			 ip_addr_text(&by->dst, text), by->prefix);
}

void route_flush(struct ip *ip, const struct nic *nic)
{
	list_for_each_safe(pos, &ip->routes) {
		struct route *r = list_entry(pos, struct route, node);

		if (!nic || r->nic == nic)
			route_remove(ip, r);
	}
}

void route_flush_remote(struct ip *ip, const struct nic *nic, bool v6)
{
	list_for_each_safe(pos, &ip->routes) {
		struct route *r = list_entry(pos, struct route, node);

		if (r->nic == nic && !r->local && !(v6 && ip_addr_is_v4(&r->dst)))
			route_remove(ip, r);
	}
}

void route_flush_source(struct ip *ip, const struct ip_addr *a)
{
	struct route_name *name;

	while ((name = name_find(ip, a, ROUTE_SOURCE)))
		route_remove(ip, list_first(&name->routes, struct route, named[ROUTE_SOURCE]));
}

/* Nothing is allocated: the name itself becomes the heir's, if that has none. */
void route_inherit(struct ip *ip, const struct nic *nic, const struct ip_addr *from, const struct ip_addr *heir)
{
	struct route_name *name = name_find(ip, from, ROUTE_SOURCE), *to = name_find(ip, heir, ROUTE_SOURCE);
	struct list guard, heirs;

	if (!name)
		return;
	list_init(&heirs);
	list_add_tail(&guard, &name->routes);	/* the name is to stay */
	while (name->routes.next != &guard) {
		struct route *r = list_first(&name->routes, struct route, named[ROUTE_SOURCE]);

		if (!r->automatic || r->nic != nic) {
			route_remove(ip, r);
			continue;
		}
		list_del(&r->named[ROUTE_SOURCE]);
		list_add_tail(&r->named[ROUTE_SOURCE], &heirs);
	}
	list_del(&guard);
	hash_del(&ip->route_names, &name->node);
	if (to || list_empty(&heirs)) {
		free(name);
	} else {
		to = name;
		to->addr = *heir;
		hash_add(&ip->route_names, &to->node, name_hash(ip, heir, ROUTE_SOURCE));
	}
	while (!list_empty(&heirs)) {
		struct route *r = list_first(&heirs, struct route, named[ROUTE_SOURCE]);

		list_del(&r->named[ROUTE_SOURCE]);
		list_add_tail(&r->named[ROUTE_SOURCE], &to->routes);
		ip_changed(ip, IP_ROUTE_DEL, r);
		r->prefsrc = *heir;
		r->name[ROUTE_SOURCE] = to;
		ip_changed(ip, IP_ROUTE_NEW, r);
	}
	ip->generation++;
}

uint32_t route_metric(const struct route *r)
{
	if (r->metric || ip_addr_is_v4(&r->dst) || r->local)
		return r->metric;
	return r->automatic ? ROUTE_METRIC_KERNEL6 : ROUTE_METRIC_USER6;
}

int route_table_init(struct ip *ip)
{
	list_init(&ip->routes);
	if (hash_init(&ip->route_nets, 64) < 0)
		return -ENOMEM;
	if (hash_init(&ip->route_names, 64) < 0) {
		hash_free(&ip->route_nets);
		return -ENOMEM;
	}
	return 0;
}

void route_table_destroy(struct ip *ip)
{
	route_flush(ip, NULL);
	hash_free(&ip->route_nets);
	hash_free(&ip->route_names);
}
