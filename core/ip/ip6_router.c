/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip6_router.c - router discovery (RFC 4861 section 6.3).
 *
 * Theory of operation
 *
 *	0      1      2          4           5       6          8           12        16
 *	| 134  | code | checksum | hop limit | M,O,p | lifetime | reachable | retrans | options
 *
 * Once the link-local address is ours, routers are solicited, ever more rarely, until one answers
 * that it is a default router (RFC 7559): a router that was not there at first is found when it
 * comes, though nobody heard its first words.
 *
 * The default routers of a NIC are ranked: those that answer before those that were found
 * unreachable (section 6.3.6), then by preference (RFC 4191), then by age. Each has a route to
 * everywhere, the better the lower its metric, so that the table always names the best. When
 * the ranks change, all of these routes are made anew.
 *
 * A prefix that is on the link has a route without a gateway. Addresses from prefixes are
 * ip6_addr.c's. More specific routes (RFC 4191's type C hosts) and name servers are not taken, the
 * former as Linux does by default.
 *
 * Whoever is on the link can be a router. All that he can make us remember is bounded
 * (ip6_link.h), and what is beyond is counted.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ip/ip6_link.h"
#include "ip/ipv6.h"
#include "ip/ndp.h"

#define RA_LEN		16u
#define RS_LEN		8u
#define PREFIX_LEN	32u		/* of the option */
#define MTU_LEN		8u

#define MS_NS		1000000ull
#define REACHABLE_MAX_MS 3600000u	/* RFC 4861 section 6.2.1 */
#define RETRANS_MIN_MS	10u		/* no router may make us send faster */
#define RETRANS_MAX_MS	3600000u

/* RFC 7559 section 2, RFC 4861 section 10. */
#define SOLICIT_DELAY_NS 1000000000ull
#define SOLICIT_FIRST_NS 4000000000ull
#define SOLICIT_MAX_NS	3600000000000ull

static const struct ip_addr all_routers = { .b = { 0xff, 2, [15] = 2 } };
static const struct ip_addr everywhere = { .b = { 0 } };

/* ---- solicitations ---- */

static const struct ifaddr *linklocal(const struct nic *nic)
{
	list_for_each(pos, &nic->addrs) {
		const struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (ip_addr_is_linklocal(&ia->addr) && ifaddr_usable(ia))
			return ia;
	}
	return NULL;
}

/* ns, or up to a tenth more or less: RFC 7559's RAND. */
static uint64_t roughly(struct env *env, uint64_t ns)
{
	return ns - ns / 10 + random_below(&env->random, 2001) * (ns / 10 / 1000);
}

static uint64_t next_wait(struct env *env, uint64_t before)
{
	uint64_t wait = before ? before + roughly(env, before) : roughly(env, SOLICIT_FIRST_NS);

	return wait > SOLICIT_MAX_NS ? roughly(env, SOLICIT_MAX_NS) : wait;
}

static void solicit_timer(struct timer *t)
{
	struct ip6_link *l = container_of(t, struct ip6_link, solicit);
	const struct ifaddr *from = linklocal(l->nic);
	uint8_t msg[RS_LEN + NDP_OPT_LL_LEN] = { NDP_ROUTER_SOLICIT };
	struct env *env = l->ip->env;

	if (!from)
		return;
	ndp_put_lladdr(msg + RS_LEN, NDP_OPT_SOURCE_LL, l->nic);
	l->ip->ip6_stats.out_solicits++;
	ndp_send(l->ip, l->nic, &from->addr, &all_routers, NULL, msg, sizeof(msg));
	l->solicit_wait = next_wait(env, l->solicit_wait);
	timer_arm(&env->timers, t, env->now + l->solicit_wait);
}

void ip6_router_init(struct ip6_link *l)
{
	timer_init(&l->solicit, solicit_timer);
}

void ip6_solicit_start(struct ip6_link *l)
{
	struct env *env = l->ip->env;

	if (!l->config.accept_ra || l->nrouters || timer_armed(&l->solicit) || !linklocal(l->nic))
		return;
	l->solicit_wait = 0;
	timer_arm(&env->timers, &l->solicit,
		  env->now + random_u64(&env->random) % SOLICIT_DELAY_NS);
}

/* ---- default routers ---- */

static struct ip6_router *router_find(const struct ip6_link *l, const struct ip_addr *a)
{
	list_for_each(pos, &l->routers) {
		struct ip6_router *r = list_entry(pos, struct ip6_router, node);

		if (ip_addr_eq(&r->addr, a))
			return r;
	}
	return NULL;
}

static struct route router_route(const struct ip6_link *l, const struct ip6_router *r,
				 uint32_t metric)
{
	return (struct route) {
		.dst = everywhere, .gateway = r->addr, .nic = l->nic, .metric = metric,
		.dynamic = true,
	};
}

static void route_off(struct ip6_link *l, struct ip6_router *r)
{
	struct route route = router_route(l, r, r->metric);

	if (r->metric)
		route_del(l->ip, &route, NULL);
	r->metric = 0;
}

static bool router_before(const struct ip6_router *a, const struct ip6_router *b)
{
	if (a->failed != b->failed)
		return b->failed;
	return a->preference > b->preference;
}

/* Where another NIC or the operator has a metric already, the next one is tried. */
static void route_on(struct ip6_link *l, struct ip6_router *r, uint32_t *metric)
{
	for (uint32_t tries = 0; tries < 4 * IP6_ROUTERS_MAX && !r->metric; tries++) {
		struct route route = router_route(l, r, (*metric)++);

		if (!route_add(l->ip, &route, NULL))
			r->metric = route.metric;
	}
}

static void routers_rank(struct ip6_link *l)
{
	struct list sorted, *place;
	uint32_t metric = IP6_METRIC_RA;

	list_init(&sorted);
	list_for_each_safe(pos, &l->routers) {
		struct ip6_router *r = list_entry(pos, struct ip6_router, node);

		route_off(l, r);
		place = &sorted;
		list_for_each(at, &sorted) {
			if (router_before(r, list_entry(at, struct ip6_router, node))) {
				place = at;
				break;
			}
		}
		list_del(&r->node);
		list_add_before(&r->node, place);
	}
	list_splice_tail(&sorted, &l->routers);
	list_for_each(pos, &l->routers)
		route_on(l, list_entry(pos, struct ip6_router, node), &metric);
}

static void router_free(struct ip6_link *l, struct ip6_router *r)
{
	route_off(l, r);
	redirects_flush(&l->redirects, &r->addr);
	list_del(&r->node);
	l->nrouters--;
	free(r);
}

void ip6_router_lost(struct ip6_link *l, const struct ip_addr *a)
{
	struct ip6_router *r = router_find(l, a);

	if (!r)
		return;
	router_free(l, r);
	routers_rank(l);
	ip6_solicit_start(l);
}

void ip6_router_failed(struct ip6_link *l, const struct ip_addr *a, bool failed)
{
	struct ip6_router *r = router_find(l, a);

	if (!r || r->failed == failed)
		return;
	r->failed = failed;
	routers_rank(l);
}

static struct ip6_router *router_new(struct ip6_link *l, const struct ip_addr *a)
{
	struct ip6_router *r = l->nrouters < IP6_ROUTERS_MAX ? calloc(1, sizeof(*r)) : NULL;

	if (!r) {
		l->ip->ip6_stats.limits++;
		return NULL;
	}
	r->addr = *a;
	list_add_tail(&r->node, &l->routers);
	l->nrouters++;
	return r;
}

/* RFC 4191 section 2.1: two bits, signed; the fourth value means medium. */
static int preference(uint8_t flags)
{
	static const int of[] = { 0, 1, 0, -1 };

	return of[flags >> 3 & 3];
}

static void router_heard(struct ip6_link *l, const struct ip_addr *a, uint16_t lifetime,
			 uint8_t flags)
{
	struct ip6_router *r = router_find(l, a);
	int pref = preference(flags);
	bool rank;

	if (!lifetime) {
		ip6_router_lost(l, a);
		return;
	}
	timer_cancel(&l->ip->env->timers, &l->solicit);
	rank = !r || r->preference != pref;
	if (!r)
		r = router_new(l, a);
	if (!r)
		return;
	r->until = ip6_until(l, lifetime);
	r->preference = pref;
	if (rank)
		routers_rank(l);
}

void ip6_router_take(struct ip6_link *l, const struct ip_addr *a, uint32_t s)
{
	struct ip6_router *r = router_find(l, a) ? NULL : router_new(l, a);

	if (!r)
		return;
	r->until = ip6_until(l, s);
	routers_rank(l);
	ip6_link_schedule(l);
}

/* ---- prefixes on the link ---- */

static struct ip6_prefix *prefix_find(const struct ip6_link *l, const struct ip_addr *a,
				      uint8_t len)
{
	list_for_each(pos, &l->prefixes) {
		struct ip6_prefix *x = list_entry(pos, struct ip6_prefix, node);

		if (x->len == len && ip_addr_eq(&x->addr, a))
			return x;
	}
	return NULL;
}

static struct route prefix_route(const struct ip6_link *l, const struct ip_addr *a, uint8_t len)
{
	return (struct route) {
		.dst = *a, .prefix = len, .nic = l->nic, .metric = IP6_METRIC_PREFIX,
		.dynamic = true,
	};
}

static void prefix_free(struct ip6_link *l, struct ip6_prefix *x)
{
	struct route route = prefix_route(l, &x->addr, x->len);

	route_del(l->ip, &route, NULL);
	list_del(&x->node);
	l->nprefixes--;
	free(x);
}

static struct ip6_prefix *prefix_new(struct ip6_link *l, const struct ip_addr *a, uint8_t len)
{
	struct route route = prefix_route(l, a, len);
	struct ip6_prefix *x = l->nprefixes < IP6_PREFIXES_MAX ? calloc(1, sizeof(*x)) : NULL;

	if (!x || route_add(l->ip, &route, NULL) < 0) {
		l->ip->ip6_stats.limits++;
		free(x);
		return NULL;
	}
	x->addr = *a;
	x->len = len;
	list_add_tail(&x->node, &l->prefixes);
	l->nprefixes++;
	return x;
}

static void prefix_on_link(struct ip6_link *l, const struct ip6_ra_option_prefix *o)
{
	struct ip6_prefix *x = prefix_find(l, &o->addr, o->len);

	if (!o->valid) {
		if (x)
			prefix_free(l, x);
		return;
	}
	if (!x)
		x = prefix_new(l, &o->addr, o->len);
	if (x)
		x->until = ip6_until(l, o->valid);
}

/* RFC 4861 section 6.3.4, RFC 4862 section 5.5.3. */
static void prefix_heard(struct ip6_link *l, const uint8_t *option)
{
	struct ip6_ra_option_prefix o = {
		.len = option[2],
		.on_link = option[3] & 0x80,
		.autonomous = option[3] & 0x40,
		.valid = get_be32(option + 4),
		.preferred = get_be32(option + 8),
		.addr = ip_addr_read(option + 16),
	};

	if (o.len > 128 || ip_addr_is_linklocal(&o.addr) || ip_addr_is_multicast(&o.addr))
		return;
	o.addr = ip_addr_mask(&o.addr, o.len);
	if (o.on_link)
		prefix_on_link(l, &o);
	if (o.autonomous)
		ip6_addr_prefix(l, &o);
}

/* ---- advertisements ---- */

static void times_heard(struct ip6_link *l, uint32_t reachable, uint32_t retrans)
{
	struct env *env = l->ip->env;

	if (reachable && reachable <= REACHABLE_MAX_MS && reachable != l->reachable_ms) {
		l->reachable_ms = reachable;
		l->times.reachable = nud_draw_reachable(env, reachable * MS_NS);
	}
	if (retrans && retrans <= RETRANS_MAX_MS)
		l->times.retrans = (retrans < RETRANS_MIN_MS ? RETRANS_MIN_MS : retrans) * MS_NS;
}

static void mtu_heard(struct ip6_link *l, uint32_t mtu)
{
	if (mtu < IPV6_MTU_MIN || mtu > l->nic->mtu || mtu == l->mtu)
		return;
	l->mtu = mtu;
	l->ip->generation++;
}

static void lladdr_heard(struct ip6_link *l, const struct ip_addr *from, const uint8_t *ll)
{
	struct neighbour_table *t = &l->ip->ndp;
	struct neighbour *n;

	if (ll)
		neighbour_update(t, l->nic, from->b, ll, false, true, true);
	n = neighbour_find(t, l->nic, from->b);
	if (n)
		n->router = true;
	ip6_router_failed(l, from, false);	/* it may answer again: see whether it does */
}

static void advert_heard(struct ip6_link *l, const struct packet *p, const struct ip_addr *from)
{
	const uint8_t *b = p->data, *end = b + p->len, *at = b + RA_LEN, *option;

	if (b[4])
		l->hop_limit = b[4];
	times_heard(l, get_be32(b + 8), get_be32(b + 12));
	lladdr_heard(l, from, ndp_option_lladdr(at, end, NDP_OPT_SOURCE_LL));
	router_heard(l, from, get_be16(b + 6), b[5]);
	option = ndp_option_next(&at, end, NDP_OPT_MTU, MTU_LEN);
	if (option)
		mtu_heard(l, get_be32(option + 4));
	at = b + RA_LEN;
	while ((option = ndp_option_next(&at, end, NDP_OPT_PREFIX, PREFIX_LEN)))
		prefix_heard(l, option);
	ip6_link_schedule(l);
}

/* Section 6.1.2; hop limit, code and checksum were checked before. */
bool ip6_advert_input(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	struct ip6_link *l = m->nic->ip6;

	ip->ip6_stats.in_adverts++;
	if (!ip_addr_is_linklocal(&m->src) || p->len < RA_LEN ||
	    !ndp_options_ok(p->data + RA_LEN, p->len - RA_LEN)) {
		ip->ip6_stats.in_errors++;
		return false;
	}
	if (l && l->config.enabled && l->config.accept_ra)
		advert_heard(l, p, &m->src);
	return true;
}

/* ---- ends ---- */

static void earliest(uint64_t *next, uint64_t at)
{
	if (at < *next)
		*next = at;
}

void ip6_routers_expire(struct ip6_link *l, uint64_t *next)
{
	uint64_t now = l->ip->env->now;
	uint32_t before = l->nrouters;

	list_for_each_safe(pos, &l->routers) {
		struct ip6_router *r = list_entry(pos, struct ip6_router, node);

		if (r->until <= now)
			router_free(l, r);
		else
			earliest(next, r->until);
	}
	if (l->nrouters != before) {
		routers_rank(l);
		ip6_solicit_start(l);
	}
	list_for_each_safe(pos, &l->prefixes) {
		struct ip6_prefix *x = list_entry(pos, struct ip6_prefix, node);

		if (x->until <= now)
			prefix_free(l, x);
		else
			earliest(next, x->until);
	}
}

void ip6_routers_flush(struct ip6_link *l)
{
	list_for_each_safe(pos, &l->routers)
		router_free(l, list_entry(pos, struct ip6_router, node));
	list_for_each_safe(pos, &l->prefixes)
		prefix_free(l, list_entry(pos, struct ip6_prefix, node));
}
