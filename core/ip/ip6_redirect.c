/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip6_redirect.c - redirects as IPv6 writes them (RFC 4861 section 8).
 *
 * Theory of operation
 *
 *	0      1      2          4          8        24            40
 *	| 137  | code | checksum | reserved | target | destination | options
 *
 * The target is a better first hop for the destination, a router, or (both the same) the
 * destination is on the link itself. What comes of it is redirect.c's.
 */
#include "ip/ip6_link.h"
#include "ip/ndp.h"

#define REDIRECT_LEN	40u

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
	struct flow f = { .proto = IPPROTO_ICMPV6 };
	struct ip6_link *l = m->nic->ip6;
	struct ip_addr target;
	const uint8_t *ll;
	bool direct;

	ip->ip6_stats.in_redirects++;
	if (!ip_addr_is_linklocal(&m->src) || m->multicast || p->len < REDIRECT_LEN ||
	    !ndp_options_ok(p->data + REDIRECT_LEN, p->len - REDIRECT_LEN))
		goto malformed;
	target = ip_addr_read(p->data + 8);
	f.dst = ip_addr_read(p->data + 24);
	direct = ip_addr_eq(&target, &f.dst);
	if (ip_addr_is_multicast(&f.dst) || (!direct && !ip_addr_is_linklocal(&target)))
		goto malformed;
	if (!l || !l->config.enabled || !l->config.accept_redirects ||
	    !redirects_believe(&l->redirects, &f, &m->src))
		return true;
	ll = ndp_option_lladdr(p->data + REDIRECT_LEN, p->data + p->len, NDP_OPT_TARGET_LL);
	if (lookup_target(l, &target, ll, !direct))
		redirects_follow(&l->redirects, &f.dst, &target);
	return true;

malformed:
	ip->ip6_stats.in_errors++;
	return false;
}
