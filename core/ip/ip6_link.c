/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip6_link.c - IPv6 on one NIC: its beginning, its end, and the time in between.
 *
 * Theory of operation
 *
 * All that routers say has an end, and so may addresses. One timer of the NIC is armed for the
 * earliest of these; when it fires, what has ended is taken away, and the next is found by looking
 * at all of them: they are few, and their number is bounded (ip6_link.h).
 *
 * A NIC that goes down forgets its routers, prefixes, redirects and the addresses made from them.
 * When it comes up again, on what may be another link, the addresses that it kept are tentative
 * until no duplicate was found (RFC 4862 section 5.4).
 *
 * As on Linux nothing is said before there is a carrier; one that goes and comes back changes
 * nothing. With an MTU that is too small for IPv6 (RFC 8200 section 5) the NIC has none: no address,
 * no route. Another MTU of the device also takes the place of the one that a router gave.
 */
#include <errno.h>
#include <stdlib.h>

#include "ip/ip6_link.h"
#include "ip/ipv6.h"

uint64_t ip6_until(const struct ip6_link *l, uint32_t s)
{
	return s == UINT32_MAX ? IFADDR_FOREVER : l->ip->env->now + s * 1000000000ull;
}

/* ---- lifetimes ---- */

static void earliest(uint64_t *next, uint64_t at)
{
	if (at < *next)
		*next = at;
}

static void addrs_expire(struct ip6_link *l, uint64_t *next)
{
	uint64_t now = l->ip->env->now;

	list_for_each_safe(pos, &l->nic->addrs) {
		struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (ip_addr_is_v4(&ia->addr))
			continue;
		if (ia->valid_until <= now) {
			ip_addr_del(l->ip, l->nic, &ia->addr, ia->prefix, NULL);
			continue;
		}
		earliest(next, ia->valid_until);
		if (ia->preferred_until > now)
			earliest(next, ia->preferred_until);
		else if (ia->state == IFADDR_PREFERRED)
			ifaddr_set_state(l->ip, ia, IFADDR_DEPRECATED);
	}
}

static void life_timer(struct timer *t)
{
	struct ip6_link *l = container_of(t, struct ip6_link, life);
	uint64_t next = IFADDR_FOREVER;

	ip6_routers_expire(l, &next);
	addrs_expire(l, &next);
	if (next != IFADDR_FOREVER)
		timer_arm(&l->ip->env->timers, t, next);
}

void ip6_link_schedule(struct ip6_link *l)
{
	timer_arm(&l->ip->env->timers, &l->life, l->ip->env->now);
}

/* ---- up and down ---- */

static bool works(const struct ip6_link *l)
{
	return l->config.enabled && l->nic->up && l->nic->carrier && !l->nic->l3 && l->nic->mtu >= IPV6_MTU_MIN;
}

static void link_up(struct ip6_link *l)
{
	if (!works(l))
		return;
	l->ready = true;
	ip6_addr_linklocal(l);
	ip6_solicit_start(l);
}

static void link_down(struct ip6_link *l)
{
	struct timers *timers = &l->ip->env->timers;

	l->ready = false;
	timer_cancel(timers, &l->solicit);
	timer_cancel(timers, &l->life);
	ip6_routers_flush(l);
	redirects_flush(&l->redirects, NULL);
	list_for_each_safe(pos, &l->nic->addrs) {
		struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (ip_addr_is_v4(&ia->addr))
			continue;
		if (ia->dynamic)
			ip_addr_del(l->ip, l->nic, &ia->addr, ia->prefix, NULL);
		else
			ip6_dad_stop(l->ip, ia);
	}
	l->hop_limit = 0;
	l->mtu = 0;
	l->reachable_ms = 0;
	l->times = l->ip->ndp.times;
}

int ip6_link_start(struct ip *ip, struct nic *nic, const struct ip6_config *c)
{
	struct ip6_link *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->ip = ip;
	l->nic = nic;
	l->config = *c;
	l->times = ip->ndp.times;
	list_init(&l->routers);
	list_init(&l->prefixes);
	redirects_init(&l->redirects, ip, nic);
	timer_init(&l->life, life_timer);
	ip6_router_init(l);
	nic->ip6 = l;
	link_up(l);
	ip6_link_schedule(l);
	return 0;
}

void ip6_link_free(struct nic *nic)
{
	struct ip6_link *l = nic->ip6;

	if (!l)
		return;
	link_down(l);
	nic->ip6 = NULL;
	free(l);
}

/* Up, or with a carrier, or an MTU, that was missing. */
static void link_begin(struct ip6_link *l)
{
	if (!works(l) || l->ready)
		return;
	list_for_each(pos, &l->nic->addrs) {
		struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (!ip_addr_is_v4(&ia->addr) && !ia->no_dad)
			ip6_dad_start(l, ia);
	}
	link_up(l);
	ip6_link_schedule(l);
}

void ip6_addrs_remove(struct ip *ip, struct nic *nic)
{
	list_for_each_safe(pos, &nic->addrs) {
		const struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (!ip_addr_is_v4(&ia->addr))
			ip_addr_del(ip, nic, &ia->addr, ia->prefix, NULL);
	}
}

static void mtu_changed(struct ip6_link *l)
{
	l->mtu = 0;
	if (l->nic->mtu >= IPV6_MTU_MIN) {
		link_begin(l);
		return;
	}
	link_down(l);
	ip6_addrs_remove(l->ip, l->nic);
	route_flush_remote(l->ip, l->nic, true);
}

void ip6_link_event(struct nic *nic, enum nic_event ev)
{
	struct ip6_link *l = nic->ip6;

	if (!l)
		return;
	if (ev == NIC_GONE)
		ip6_link_free(nic);
	else if (ev == NIC_DOWN)
		link_down(l);
	else if (ev == NIC_UP || ev == NIC_CARRIER)
		link_begin(l);
	else if (ev == NIC_MTU)
		mtu_changed(l);
}
