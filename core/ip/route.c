/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.c - where a packet goes.
 *
 * Theory of operation
 *
 * The table (route_table.c) has the route. Sockets keep the answer (struct dst) as long as ip->generation stays the
 * same: whatever could change an answer bumps it.
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
#include <string.h>

#include "ip/ip6_link.h"
#include "ip/ipv6.h"
#include "ip/pmtu.h"
#include "ip/route_table.h"

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
	struct route *r = nic ? NULL : route_match(ip, &f->dst, NULL);
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
	r = route_match(ip, &f->dst, nic);
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
	r = route_match(ip, &f->dst, f->bound);
	if (r && r->local)
		return dst_loopback(ip, f, &f->dst, &r->prefsrc, out);
	if (r)
		return dst_remote(ip, f, r, r->nic, out);
	if (f->bound)
		return f->bound->loopback ? -ENETUNREACH : dst_remote(ip, f, NULL, f->bound, out);
	return -ENETUNREACH;
}
