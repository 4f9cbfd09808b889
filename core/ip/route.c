/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.c - where a packet goes.
 *
 * Theory of operation
 *
 * Routes stand in one list, IPv4's first, longest prefix first, then lowest metric: that is the order
 * in which they match and are shown. A lookup does not walk it: for each length of prefix that any route
 * has, the longest first, it asks a hash table of networks. Sockets keep the answer (struct dst) as long as
 * ip->generation stays the same: whatever could change an answer bumps it.
 *
 * The answer follows Linux: an address of ours leads to loopback; 255.255.255.255 and multicast
 * leave by the NIC that the socket is bound to, or that has the source address, or that the
 * table names; a socket bound to a NIC takes every destination without a route to be on its link.
 *
 * IPv6 differs in this: a group whose NIC nobody names leaves by the first one that is up; the
 * names of one link (fe80::/10) lead out of the NIC that the flow is bound to, or that has the
 * source; and sources are chosen by RFC 6724 (addrsel.c), from an address of the right scope or not
 * at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "ip/ip6_link.h"
#include "ip/ipv6.h"
#include "ip/pmtu.h"

static uint8_t addr_bits(const struct ip_addr *a)
{
	return ip_addr_is_v4(a) ? 32 : 128;
}

static bool route_matches(const struct route *r, const struct ip_addr *a)
{
	struct ip_addr masked;

	if (ip_addr_is_v4(a) != ip_addr_is_v4(&r->dst))
		return false;
	masked = ip_addr_mask(a, r->prefix);
	return ip_addr_eq(&masked, &r->dst);
}

/* Of a network: who chooses one chooses for himself, but a program may. */
static uint64_t net_hash(const struct ip *ip, const struct ip_addr *net, uint8_t prefix)
{
	struct {
		struct ip_addr net;
		uint64_t prefix;
	} key = { *net, prefix };

	return siphash(&ip->env->key, &key, sizeof(key));
}

static bool route_before(const struct route *a, const struct route *b);

/* The first route to the network in the list's order that may be used; NULL: none. */
static struct route *net_find(struct ip *ip, const struct ip_addr *net, uint8_t prefix, const struct nic *bound)
{
	struct hash_node *n = hash_find(&ip->routes_by_net, net_hash(ip, net, prefix));
	struct route *best = NULL;

	for (; n; n = hash_find_next(n)) {
		struct route *r = container_of(n, struct route, by_net);

		if (r->prefix != prefix || !ip_addr_eq(&r->dst, net))
			continue;
		if ((!r->nic->up && !r->local) || (bound && r->nic != bound && !(r->local && r->nic->loopback)))
			continue;
		if (!best || route_before(r, best) || (!route_before(best, r) && r->seq < best->seq))
			best = r;
	}
	return best;
}

static struct route *route_find(struct ip *ip, const struct ip_addr *a, const struct nic *bound)
{
	const uint16_t *prefixes = ip->prefixes[!ip_addr_is_v4(a)];

	for (int prefix = addr_bits(a); prefix >= 0; prefix--) {
		struct ip_addr net;
		struct route *r;

		if (!prefixes[prefix])
			continue;
		net = ip_addr_mask(a, (uint8_t)prefix);
		r = net_find(ip, &net, (uint8_t)prefix, bound);
		if (r)
			return r;
	}
	return NULL;
}

bool ip_on_link(struct ip *ip, const struct nic *nic, const struct ip_addr *a)
{
	list_for_each(pos, &ip->routes) {
		struct route *r = list_entry(pos, struct route, node);

		if (r->nic == nic && !r->local && ip_addr_is_any(&r->gateway) && route_matches(r, a))
			return true;
	}
	return false;
}

/* ---- the table ---- */

static struct nic *gateway_nic(struct ip *ip, const struct ip_addr *gateway)
{
	list_for_each(pos, &ip->routes) {
		struct route *r = list_entry(pos, struct route, node);

		if (!r->local && ip_addr_is_any(&r->gateway) && route_matches(r, gateway))
			return r->nic;
	}
	return NULL;
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
	if (r->prefix > addr_bits(&r->dst))
		return weir_fail(e, EINVAL, "route %s/%u: not a network; write one like 10.1.0.0/16 or 2001:db8::/32",
				 dst, r->prefix);
	masked = ip_addr_mask(&r->dst, r->prefix);
	if (!ip_addr_eq(&masked, &r->dst))
		return weir_fail(e, EINVAL, "route %s/%u: bits are set behind the prefix; clear them, or write /%u",
				 dst, r->prefix, addr_bits(&r->dst));
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
static bool route_same(const struct route *a, const struct route *b)
{
	if (!ip_addr_eq(&a->dst, &b->dst) || a->prefix != b->prefix || a->metric != b->metric)
		return false;
	return !(a->automatic && b->automatic) || (a->nic == b->nic && a->local == b->local);
}

int route_add(struct ip *ip, const struct route *route, struct weir_error *e)
{
	struct list *place = &ip->routes;
	struct route *r, copy = *route;
	char text[IP_ADDR_TEXT];
	int err;

	if (copy.gateway.w[2] == 0 && ip_addr_is_any(&copy.gateway))
		copy.gateway = ip_addr_v4(0);
	err = route_check(ip, &copy, e);
	if (err)
		return err;
	list_for_each(pos, &ip->routes) {
		struct route *other = list_entry(pos, struct route, node);

		if (route_same(other, &copy))
			return weir_fail(e, EEXIST, "route %s/%u is there already; delete it or give another metric",
					 ip_addr_text(&copy.dst, text), copy.prefix);
		if (place == &ip->routes && route_before(&copy, other))
			place = pos;
	}
	r = malloc(sizeof(*r));
	if (!r)
		return weir_fail(e, ENOMEM, "no memory for a route");
	*r = copy;
	list_add_before(&r->node, place);
	r->seq = ip->route_seq++;
	hash_add(&ip->routes_by_net, &r->by_net, net_hash(ip, &r->dst, r->prefix));
	ip->prefixes[!ip_addr_is_v4(&r->dst)][r->prefix]++;
	ip->generation++;
	ip_changed(ip, IP_ROUTE_NEW, r);
	return 0;
}

static void route_remove(struct ip *ip, struct route *r)
{
	list_del(&r->node);
	hash_del(&ip->routes_by_net, &r->by_net);
	ip->prefixes[!ip_addr_is_v4(&r->dst)][r->prefix]--;
	ip->generation++;
	ip_changed(ip, IP_ROUTE_DEL, r);
	free(r);
}

static bool route_named(const struct route *r, const struct route *by)
{
	return ip_addr_eq(&r->dst, &by->dst) && r->prefix == by->prefix &&
	       r->automatic == by->automatic && (!by->automatic || r->local == by->local) &&
	       r->dynamic == by->dynamic &&
	       (!by->nic || r->nic == by->nic) && (!by->metric || r->metric == by->metric) &&
	       (ip_addr_is_any(&by->gateway) || ip_addr_eq(&r->gateway, &by->gateway));
}

int route_del(struct ip *ip, const struct route *by, struct weir_error *e)
{
	char text[IP_ADDR_TEXT];

	list_for_each(pos, &ip->routes) {
		struct route *r = list_entry(pos, struct route, node);

		if (route_named(r, by)) {
			route_remove(ip, r);
			return 0;
		}
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
	list_for_each_safe(pos, &ip->routes) {
		struct route *r = list_entry(pos, struct route, node);

		if (ip_addr_eq(&r->prefsrc, a))
			route_remove(ip, r);
	}
}

/* ---- lookup ---- */

static const struct ip_addr localhost = { .b = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 } };

static bool is_limited_broadcast(const struct ip_addr *a)
{
	return ip_addr_is_v4(a) && ip_addr_to_v4(a) == INADDR_BROADCAST;
}

/* May f go to the group that out is, if it is one? */
static int group_allowed(const struct flow *f, const struct dst *out)
{
	if ((out->multicast || out->broadcast) && f->proto == IPPROTO_TCP)
		return -ENETUNREACH;
	return out->broadcast && !f->broadcast_ok ? -EACCES : 0;
}

static int dst_loopback(struct ip *ip, const struct flow *f, const struct ip_addr *to,
			const struct ip_addr *src, struct dst *out)
{
	struct nic *lo = ip_loopback(ip);

	if (!lo)
		return -ENETUNREACH;
	out->nic = lo;
	out->local = true;
	out->nexthop = *to;
	out->src = ip_addr_is_any(&f->src) ? *src : f->src;
	out->mtu = lo->mtu;
	out->broadcast = ip_addr_is_broadcast(lo, to);
	return group_allowed(f, out);
}

/* An address to send from when the route names none: the NIC's own, or any other of ours. */
static struct ip_addr choose_source(struct ip *ip, const struct nic *nic, const struct flow *f,
				    const struct ip_addr *to)
{
	struct ip_addr a;

	if (!ip_addr_is_v4(&f->dst))
		return ip_addr_select6(ip, nic, &f->dst);
	a = ip_addr_select(nic, to);
	list_for_each(pos, &ip->nics->list) {
		const struct nic *other = list_entry(pos, struct nic, node);

		if (!ip_addr_is_any(&a))
			break;
		if (!other->loopback)
			a = ip_addr_select(other, to);
	}
	return a;
}

/* The NIC for a destination that the table need not know. */
static struct nic *group_nic(struct ip *ip, const struct flow *f)
{
	struct ifaddr *ia = ip_addr_is_any(&f->src) ? NULL : ip_addr_find(ip, &f->src);

	if (f->bound)
		return f->bound;
	return ia ? ia->nic : NULL;
}

static int dst_remote(struct ip *ip, const struct flow *f, const struct route *r, struct nic *nic,
		      struct dst *out)
{
	uint32_t learned, link_mtu = ip_addr_is_v4(&f->dst) ? nic->mtu : ip6_mtu(nic);
	int err;

	if (!nic->up || (!ip_addr_is_v4(&f->dst) && nic->mtu < IPV6_MTU_MIN))
		return -ENETUNREACH;
	out->nic = nic;
	out->multicast = ip_addr_is_multicast(&f->dst);
	out->broadcast = ip_addr_is_broadcast(nic, &f->dst);
	err = group_allowed(f, out);
	if (err)
		return err;
	out->nexthop = f->dst;
	if (r && !ip_addr_is_any(&r->gateway) && !out->multicast && !out->broadcast)
		out->nexthop = r->gateway;
	out->src = f->src;
	if (ip_addr_is_any(&out->src))
		out->src = r && !ip_addr_is_any(&r->prefsrc) ? r->prefsrc :
			   choose_source(ip, nic, f, &out->nexthop);
	if (!ip_addr_is_v4(&f->dst) && ip_addr_is_any(&out->src))
		return -EADDRNOTAVAIL;
	if (ip_addr_is_loopback(&out->src) && !nic->loopback)
		return -EINVAL;
	out->mtu = r && r->mtu && r->mtu < link_mtu ? r->mtu : link_mtu;
	learned = pmtu_find(ip->pmtu, &f->dst);
	if (learned && learned < out->mtu)
		out->mtu = learned;
	return 0;
}

/* The NIC that an address with a scope of one link, or a group, is to be looked for on. */
static struct nic *scope_nic(struct ip *ip, const struct flow *f)
{
	if (f->bound)
		return f->bound;
	if (!ip_addr_is_any(&f->src) && ip_addr_is_linklocal(&f->src))
		return group_nic(ip, f);
	return NULL;
}

/* Groups: ff02::/16 and wider leave by a NIC; ff01::/16 never leaves the host. */
static int lookup_group6(struct ip *ip, const struct flow *f, struct dst *out)
{
	struct nic *nic = group_nic(ip, f);
	struct route *r = nic ? NULL : route_find(ip, &f->dst, NULL);
	int err;

	if ((f->dst.b[1] & 0xf) == IP_SCOPE_HOST) {
		err = dst_loopback(ip, f, &f->dst, &ip_addr_localhost6, out);
		out->multicast = true;
		return err ? err : group_allowed(f, out);
	}
	if (!nic)
		nic = r ? r->nic : nic_first(ip->nics);
	return nic ? dst_remote(ip, f, r, nic, out) : -ENETUNREACH;
}

static int lookup6(struct ip *ip, const struct flow *f, struct dst *out)
{
	struct nic *nic;
	struct route *r;

	if (ip_addr_is_any(&f->dst)) {
		const struct ip_addr *to = ip_addr_is_any(&f->src) ? &ip_addr_localhost6 : &f->src;

		return dst_loopback(ip, f, to, to, out);
	}
	if (ip_addr_is_multicast(&f->dst))
		return lookup_group6(ip, f, out);
	nic = ip_addr_is_linklocal(&f->dst) ? scope_nic(ip, f) : f->bound;
	r = route_find(ip, &f->dst, nic);
	if (r && r->local)
		return dst_loopback(ip, f, &f->dst, &f->dst, out);
	if (r)
		return dst_remote(ip, f, r, r->nic, out);
	if (nic)
		return nic->loopback ? -ENETUNREACH : dst_remote(ip, f, NULL, nic, out);
	return -ENETUNREACH;
}

int route_lookup(struct ip *ip, const struct flow *f, struct dst *out)
{
	struct nic *nic = NULL;
	struct route *r;

	memset(out, 0, sizeof(*out));
	out->generation = ip->generation;
	if (f->bound && f->bound->gone)
		return ip_addr_is_v4(&f->dst) ? -ENODEV : -ENETUNREACH;
	if (!ip_addr_is_v4(&f->dst))
		return lookup6(ip, f, out);
	if (ip_addr_is_any(&f->dst)) {	/* "this host": ourselves */
		const struct ip_addr *to = ip_addr_is_any(&f->src) ? &localhost : &f->src;

		return dst_loopback(ip, f, to, to, out);
	}
	if (f->dst.b[12] == 0)
		return -EINVAL;
	if (is_limited_broadcast(&f->dst) || ip_addr_is_multicast(&f->dst)) {
		nic = group_nic(ip, f);
		if (nic)
			return dst_remote(ip, f, NULL, nic, out);
	}
	r = route_find(ip, &f->dst, f->bound);
	if (r && r->local)
		return dst_loopback(ip, f, &f->dst,
				    r->nic->loopback ? &r->prefsrc : &f->dst, out);
	if (r)
		return dst_remote(ip, f, r, r->nic, out);
	if (f->bound)
		return f->bound->loopback ? -ENETUNREACH : dst_remote(ip, f, NULL, f->bound, out);
	return -ENETUNREACH;
}

uint32_t route_metric(const struct route *r)
{
	if (r->metric || ip_addr_is_v4(&r->dst) || r->local)
		return r->metric;
	return r->automatic ? ROUTE_METRIC_KERNEL6 : ROUTE_METRIC_USER6;
}
