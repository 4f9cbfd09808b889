/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redirect.c - redirects, once a family has read them (RFC 1122 section 3.2.2.2, RFC 4861 section
 * 8).
 *
 * Theory of operation
 *
 * A router tells of a better first hop, or that the destination is on the link itself. It is
 * believed only when it is the first hop that we use for that destination now, whatever it may have
 * been once. Each becomes a host's route. They are bounded, the oldest making room; they end after
 * ten minutes, when the router that they were away from is asked again, or as soon as the better
 * hop does not answer. All live equally long, so the oldest is the first to end.
 */
#include <stdlib.h>

#include "ip/redirect.h"
#include <linux/rtnetlink.h>		/* after nic/neighbour.h: they share names, and values */

struct redirect {
	struct list node;
	struct ip_addr dst, gateway;	/* the gateway is dst: on link */
	uint64_t until;			/* ns */
};

static struct route redirect_route(const struct redirects *rs, const struct redirect *r)
{
	bool direct = ip_addr_eq(&r->dst, &r->gateway);

	return (struct route) {
		.dst = r->dst, .prefix = ip_addr_bits(&r->dst), .nic = rs->nic,
		.metric = REDIRECT_METRIC,
		.gateway = direct ? ip_addr_v4(0) : r->gateway, .dynamic = true,
		.protocol = RTPROT_REDIRECT,
	};
}

static struct redirect *redirect_oldest(struct redirects *rs)
{
	return list_first(&rs->list, struct redirect, node);
}

static void redirect_free(struct redirects *rs, struct redirect *r)
{
	struct route route = redirect_route(rs, r);

	route_del(rs->ip, &route, NULL);
	list_del(&r->node);
	rs->count--;
	free(r);
}

static void redirects_arm(struct redirects *rs)
{
	struct timers *timers = &rs->ip->env->timers;

	if (rs->count)
		timer_arm(timers, &rs->timer, redirect_oldest(rs)->until);
	else
		timer_cancel(timers, &rs->timer);
}

static void redirects_expire(struct timer *t)
{
	struct redirects *rs = container_of(t, struct redirects, timer);

	while (rs->count && redirect_oldest(rs)->until <= rs->ip->env->now)
		redirect_free(rs, redirect_oldest(rs));
	redirects_arm(rs);
}

void redirects_init(struct redirects *rs, struct ip *ip, struct nic *nic)
{
	*rs = (struct redirects){ .ip = ip, .nic = nic };
	list_init(&rs->list);
	timer_init(&rs->timer, redirects_expire);
}

bool redirects_believe(const struct redirects *rs, const struct flow *f,
		       const struct ip_addr *from)
{
	struct dst d;

	return !route_lookup(rs->ip, f, &d) && d.nic == rs->nic && !d.local &&
	       ip_addr_eq(&d.nexthop, from);
}

static void redirects_forget(struct redirects *rs, const struct ip_addr *dst)
{
	list_for_each_safe(pos, &rs->list) {
		struct redirect *r = list_entry(pos, struct redirect, node);

		if (ip_addr_eq(&r->dst, dst))
			redirect_free(rs, r);
	}
}

void redirects_follow(struct redirects *rs, const struct ip_addr *dst,
		      const struct ip_addr *gateway)
{
	struct redirect *r;
	struct route route;

	redirects_forget(rs, dst);
	if (rs->count >= REDIRECTS_MAX) {
		(ip_addr_is_v4(dst) ? &rs->ip->icmp_stats : &rs->ip->icmp6_stats)->redirect_limits++;
		redirect_free(rs, redirect_oldest(rs));
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	r->dst = *dst;
	r->gateway = *gateway;
	r->until = rs->ip->env->now + REDIRECT_NS;
	route = redirect_route(rs, r);
	if (route_add(rs->ip, &route, NULL) < 0) {
		free(r);
	} else {
		list_add_tail(&r->node, &rs->list);
		rs->count++;
	}
	redirects_arm(rs);
}

void redirects_flush(struct redirects *rs, const struct ip_addr *gateway)
{
	list_for_each_safe(pos, &rs->list) {
		struct redirect *r = list_entry(pos, struct redirect, node);

		if (!gateway || ip_addr_eq(&r->gateway, gateway))
			redirect_free(rs, r);
	}
	redirects_arm(rs);
}
