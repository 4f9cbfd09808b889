/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip6_redirect.c - redirects (RFC 4861 section 8).
 *
 * Theory of operation
 *
 *	0      1      2          4          8        24            40
 *	| 137  | code | checksum | reserved | target | destination | options
 *
 * A router tells of a better first hop, or (target and destination the same) that the destination
 * is on the link itself. It is believed only when it is the first hop that we use for that
 * destination now, whatever it may have been once. Each becomes a host's route. They are bounded,
 * the oldest making room; they end after ten minutes, when the router that they were away from is
 * asked again, or as soon as the better hop does not answer.
 */
#include <stdlib.h>

#include "ip/ip6_link.h"
#include "ip/ndp.h"

#define REDIRECT_LEN	40u

static struct route redirect_route(const struct ip6_link *l, const struct ip6_redirect *r)
{
	bool direct = ip_addr_eq(&r->dst, &r->gateway);

	return (struct route) {
		.dst = r->dst, .prefix = 128, .nic = l->nic, .metric = IP6_METRIC_REDIRECT,
		.gateway = direct ? ip_addr_any(AF_INET6) : r->gateway, .dynamic = true,
	};
}

static void redirect_free(struct ip6_link *l, struct ip6_redirect *r)
{
	struct route route = redirect_route(l, r);

	route_del(l->ip, &route, NULL);
	list_del(&r->node);
	l->nredirects--;
	free(r);
}

static void redirect_forget(struct ip6_link *l, const struct ip_addr *dst)
{
	list_for_each_safe(pos, &l->redirects) {
		struct ip6_redirect *r = list_entry(pos, struct ip6_redirect, node);

		if (ip_addr_eq(&r->dst, dst))
			redirect_free(l, r);
	}
}

static void redirect_follow(struct ip6_link *l, const struct ip_addr *dst,
			    const struct ip_addr *target)
{
	struct ip6_redirect *r;
	struct route route;

	redirect_forget(l, dst);
	if (l->nredirects >= IP6_REDIRECTS_MAX) {
		l->ip->ip6_stats.limits++;
		redirect_free(l, list_first(&l->redirects, struct ip6_redirect, node));
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	r->dst = *dst;
	r->gateway = *target;
	r->until = l->ip->env->now + IP6_REDIRECT_NS;
	route = redirect_route(l, r);
	if (route_add(l->ip, &route, NULL) < 0) {
		free(r);
		return;
	}
	list_add_tail(&r->node, &l->redirects);
	l->nredirects++;
	ip6_link_schedule(l);
}

/* Is from the first hop to dst, by this NIC? */
static bool is_first_hop(const struct ip6_link *l, const struct ip_addr *dst,
			 const struct ip_addr *from)
{
	struct flow f = { .dst = *dst, .proto = IPPROTO_ICMPV6 };
	struct dst d;

	return !route_lookup(l->ip, &f, &d) && d.nic == l->nic && !d.local &&
	       ip_addr_eq(&d.nexthop, from);
}

static bool lookup_target(struct ip6_link *l, const struct ip_addr *target, const uint8_t *ll,
			  bool router)
{
	struct neighbour *n;

	if (ifaddr_find(l->nic, target))
		return false;
	if (ll)
		neighbour_update(&l->ip->ndp, l->nic, target->b, ll, false, true, true);
	n = neighbour_find(&l->ip->ndp, l->nic, target->b);
	if (n && router)
		n->router = true;
	return true;
}

/* Section 8.1. Without our having started IPv6 here there are no routers to be redirected from. */
bool ip6_redirect_input(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	struct ip6_link *l = m->nic->ip6;
	struct ip_addr target, dst;
	const uint8_t *ll;
	bool direct;

	ip->ip6_stats.in_redirects++;
	if (!ip_addr_is_linklocal(&m->src) || m->multicast || p->len < REDIRECT_LEN ||
	    !ndp_options_ok(p->data + REDIRECT_LEN, p->len - REDIRECT_LEN))
		goto malformed;
	target = ip_addr_read(p->data + 8);
	dst = ip_addr_read(p->data + 24);
	direct = ip_addr_eq(&target, &dst);
	if (ip_addr_is_multicast(&dst) || (!direct && !ip_addr_is_linklocal(&target)))
		goto malformed;
	if (!l || !l->config.enabled || !l->config.accept_redirects ||
	    !is_first_hop(l, &dst, &m->src))
		return true;
	ll = ndp_option_lladdr(p->data + REDIRECT_LEN, p->data + p->len, NDP_OPT_TARGET_LL);
	if (lookup_target(l, &target, ll, !direct))
		redirect_follow(l, &dst, &target);
	return true;

malformed:
	ip->ip6_stats.in_errors++;
	return false;
}

void ip6_redirects_expire(struct ip6_link *l, uint64_t *next)
{
	uint64_t now = l->ip->env->now;

	list_for_each_safe(pos, &l->redirects) {
		struct ip6_redirect *r = list_entry(pos, struct ip6_redirect, node);

		if (r->until <= now)
			redirect_free(l, r);
		else if (r->until < *next)
			*next = r->until;
	}
}

void ip6_redirects_flush(struct ip6_link *l, const struct ip_addr *gateway)
{
	list_for_each_safe(pos, &l->redirects) {
		struct ip6_redirect *r = list_entry(pos, struct ip6_redirect, node);

		if (!gateway || ip_addr_eq(&r->gateway, gateway))
			redirect_free(l, r);
	}
}
