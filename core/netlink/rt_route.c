/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rt_route.c - routes over rtnetlink.
 *
 * Linux has a table of what is local and one of what is not; weir has one, whose routes know what
 * they are (struct route's local), and shows them as the two. Routes of other tables, types and
 * of several hops there are none.
 *
 * In IPv6 Linux gives a route without a metric one: 256 where it makes the route itself, else 1024.
 */
#include <errno.h>
#include <string.h>

#include "ip/ip6_link.h"
#include "ip/route_table.h"
#include "netlink/rt.h"

static uint8_t scope_shown(const struct route *r)
{
	if (!ip_addr_is_v4(&r->dst))
		return RT_SCOPE_UNIVERSE;
	if (r->local)
		return RT_SCOPE_HOST;
	return ip_addr_is_any(&r->gateway) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

static uint8_t protocol_shown(const struct route *r)
{
	if (r->protocol)
		return r->protocol;
	return r->automatic ? RTPROT_KERNEL : r->dynamic ? RTPROT_RA : RTPROT_BOOT;
}

/* Without a carrier a route stays and is tried. */
static unsigned int state_shown(const struct route *r)
{
	if (r->local)
		return 0;
	return !r->nic->up ? RTNH_F_DEAD : r->nic->carrier ? 0 : RTNH_F_LINKDOWN;
}

/* What only IPv6's have. */
static void put_six(struct nlbuf *nb)
{
	const struct rta_cacheinfo times = { 0 };

	nlbuf_put(nb, RTA_CACHEINFO, &times, sizeof(times));
	nlbuf_u8(nb, RTA_PREF, 0);
}

static void put_mtu(struct nlbuf *nb, uint32_t mtu)
{
	struct nlattr *metrics = nlbuf_nest(nb, RTA_METRICS);

	nlbuf_u32(nb, RTAX_MTU, mtu);
	nlbuf_nest_end(nb, metrics);
}

bool rt_route_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *about)
{
	const struct rt_about *a = about;
	const struct route *r = a->what;
	bool v4 = ip_addr_is_v4(&r->dst);
	const struct rtmsg rtm = {
		.rtm_family = v4 ? AF_INET : AF_INET6, .rtm_dst_len = r->prefix,
		.rtm_table = r->local ? RT_TABLE_LOCAL : RT_TABLE_MAIN,
		.rtm_protocol = protocol_shown(r), .rtm_scope = scope_shown(r),
		.rtm_type = r->local ? RTN_LOCAL : RTN_UNICAST,
		.rtm_flags = (r->onlink ? RTNH_F_ONLINK : 0u) | state_shown(r),
	};

	nlbuf_begin(nb, to, a->type, &rtm, sizeof(rtm));
	nlbuf_u32(nb, RTA_TABLE, rtm.rtm_table);
	if (r->prefix)
		nlbuf_addr(nb, RTA_DST, &r->dst);
	if (route_metric(r) || !v4)
		nlbuf_u32(nb, RTA_PRIORITY, route_metric(r));
	if (!ip_addr_is_any(&r->prefsrc) && (v4 || !r->automatic))
		nlbuf_addr(nb, RTA_PREFSRC, &r->prefsrc);
	if (!ip_addr_is_any(&r->gateway))
		nlbuf_addr(nb, RTA_GATEWAY, &r->gateway);
	nlbuf_u32(nb, RTA_OIF, r->nic->index);
	if (r->mtu)
		put_mtu(nb, r->mtu);
	if (!v4)
		put_six(nb);
	return nlbuf_end(nb);
}

static bool wanted(const struct netlink_dump *d, const struct route *r)
{
	const struct rtmsg *rtm = (const void *)(d->nlh + 1);
	const struct nlattr *tb[RTA_TABLE + 1];
	uint32_t table = rtm->rtm_table, oif = 0;

	if (nlattrs(d->nlh, sizeof(*rtm), tb, RTA_TABLE))
		return false;
	if (tb[RTA_TABLE])
		nlattr_get(tb[RTA_TABLE], &table, sizeof(table));
	if (tb[RTA_OIF])
		nlattr_get(tb[RTA_OIF], &oif, sizeof(oif));
	return rt_family_is(rtm->rtm_family, &r->dst) && !(rtm->rtm_flags & RTM_F_CLONED) &&
	       (!table || table == (r->local ? RT_TABLE_LOCAL : RT_TABLE_MAIN)) &&
	       (!oif || oif == r->nic->index);
}

/* at: how many have been told. */
int rt_route_dump(struct netlink_dump *d, struct nlbuf *nb)
{
	uint64_t at = 0;

	list_for_each(pos, &d->nl->ip->routes) {
		const struct route *r = list_entry(pos, struct route, node);
		const struct rt_about about = { RTM_NEWROUTE, r, d->nl->env->now };

		if (at++ < d->at[0])
			continue;
		if (wanted(d, r) && !rt_route_fill(nb, &d->to, &about))
			return 1;
		d->at[0] = at;
	}
	return 0;
}

/* ---- where one packet would go ---- */

struct way {
	const struct flow *f;
	const struct dst *d;
	uint32_t uid;
};

static uint8_t way_type(const struct dst *d)
{
	if (d->local)
		return RTN_LOCAL;
	return d->broadcast ? RTN_BROADCAST : d->multicast ? RTN_MULTICAST : RTN_UNICAST;
}

static bool way_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *arg)
{
	const struct way *w = arg;
	bool v4 = ip_addr_is_v4(&w->f->dst);
	const struct rta_cacheinfo times = { 0 };
	const struct rtmsg rtm = {
		.rtm_family = v4 ? AF_INET : AF_INET6, .rtm_dst_len = v4 ? 32 : 128,
		.rtm_table = w->d->local ? RT_TABLE_LOCAL : RT_TABLE_MAIN,
		.rtm_type = way_type(w->d), .rtm_flags = RTM_F_CLONED,
	};

	nlbuf_begin(nb, to, RTM_NEWROUTE, &rtm, sizeof(rtm));
	nlbuf_u32(nb, RTA_TABLE, rtm.rtm_table);
	nlbuf_addr(nb, RTA_DST, &w->f->dst);
	nlbuf_u32(nb, RTA_OIF, w->d->nic->index);
	nlbuf_addr(nb, RTA_PREFSRC, &w->d->src);
	if (rtm.rtm_type == RTN_UNICAST && !ip_addr_eq(&w->d->nexthop, &w->f->dst))
		nlbuf_addr(nb, RTA_GATEWAY, &w->d->nexthop);
	if (!w->d->local && w->d->mtu != w->d->nic->mtu)
		put_mtu(nb, w->d->mtu);
	nlbuf_u32(nb, RTA_UID, w->uid);
	nlbuf_put(nb, RTA_CACHEINFO, &times, sizeof(times));
	return nlbuf_end(nb);
}

int rt_route_get(struct netlink_request *rq)
{
	const struct rtmsg *rtm = (const void *)(rq->nlh + 1);
	const struct nlattr *tb[RTA_UID + 1];
	struct flow f = { .src = ip_addr_any(rtm->rtm_family), .broadcast_ok = true, .tos = rtm->rtm_tos };
	struct dst d;
	uint32_t oif = 0;
	int err = nlattrs(rq->nlh, sizeof(*rtm), tb, RTA_UID);

	if (err)
		return err;
	if (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (!tb[RTA_DST] || !nlattr_addr(tb[RTA_DST], rtm->rtm_family, &f.dst))
		return weir_fail(rq->e, EINVAL, "there is no destination in the message");
	if (tb[RTA_SRC] && !nlattr_addr(tb[RTA_SRC], rtm->rtm_family, &f.src))
		return -EINVAL;
	if (!ip_addr_is_any(&f.src) && !ip_addr_find(rq->nl->ip, &f.src))
		return rtm->rtm_family == AF_INET ? -EINVAL : -ENETUNREACH;
	if (tb[RTA_OIF] && nlattr_get(tb[RTA_OIF], &oif, sizeof(oif)) && oif) {
		f.bound = rt_nic(rq, oif);
		if (!f.bound)
			return -ENODEV;
	}
	err = route_lookup(rq->nl->ip, &f, &d);
	return err ? err : netlink_reply(rq, way_fill, &(const struct way){ &f, &d, rq->uid });
}

/* ---- changes ---- */

static int read_mtu(struct netlink_request *rq, const struct nlattr *metrics, uint32_t *mtu)
{
	const struct nlattr *tb[RTAX_MAX + 1];
	int err = nlattrs_nested(metrics, tb, RTAX_MAX);

	for (int i = 0; !err && i <= RTAX_MAX; i++)
		if (tb[i] && i != RTAX_MTU && i != RTAX_LOCK)
			return weir_fail(rq->e, EOPNOTSUPP, "of a route's metrics weir has the MTU only");
	if (!err && tb[RTAX_MTU] && !nlattr_get(tb[RTAX_MTU], mtu, sizeof(*mtu)))
		err = -EINVAL;
	return err;
}

/* What weir has no way to do, said before anything is done. */
static int check_kind(struct netlink_request *rq, const struct nlattr **tb)
{
	const struct rtmsg *rtm = (const void *)(rq->nlh + 1);
	uint32_t table = rtm->rtm_table;

	if (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (tb[RTA_TABLE] && !nlattr_get(tb[RTA_TABLE], &table, sizeof(table)))
		return -EINVAL;
	if (table != RT_TABLE_MAIN && table != RT_TABLE_UNSPEC)
		return weir_fail(rq->e, EOPNOTSUPP, "weir has the table main only, not %u", table);
	if (rtm->rtm_type > RTN_UNICAST)
		return weir_fail(rq->e, EOPNOTSUPP, "weir's routes lead somewhere: there are none of type %u", rtm->rtm_type);
	if (tb[RTA_MULTIPATH] || tb[RTA_NH_ID] || tb[RTA_VIA] || tb[RTA_ENCAP] || rtm->rtm_tos || rtm->rtm_src_len)
		return weir_fail(rq->e, EOPNOTSUPP, "weir's routes have one next hop, of their own family, for every source and TOS");
	return 0;
}

static int read_addr(const struct nlattr *a, int family, struct ip_addr *addr)
{
	return !a || nlattr_addr(a, family, addr) ? 0 : -EINVAL;
}

static int read_u32(const struct nlattr *a, uint32_t *v)
{
	return !a || nlattr_get(a, v, sizeof(*v)) ? 0 : -EINVAL;
}

static int read_route(struct netlink_request *rq, struct route *r)
{
	const struct rtmsg *rtm = (const void *)(rq->nlh + 1);
	const struct nlattr *tb[RTA_NH_ID + 1];
	uint32_t oif = 0;
	int err = nlattrs(rq->nlh, sizeof(*rtm), tb, RTA_NH_ID);

	if (!err)
		err = check_kind(rq, tb);
	if (err)
		return err;
	*r = (struct route){
		.dst = ip_addr_any(rtm->rtm_family), .prefix = rtm->rtm_dst_len,
		.gateway = ip_addr_v4(0), .prefsrc = ip_addr_v4(0), .protocol = rtm->rtm_protocol,
		.onlink = rtm->rtm_flags & RTNH_F_ONLINK,
	};
	if (!tb[RTA_DST] && r->prefix)
		return weir_fail(rq->e, EINVAL, "there is no destination in the message");
	if (read_addr(tb[RTA_DST], rtm->rtm_family, &r->dst) ||
	    read_addr(tb[RTA_GATEWAY], rtm->rtm_family, &r->gateway) ||
	    read_addr(tb[RTA_PREFSRC], rtm->rtm_family, &r->prefsrc) ||
	    read_u32(tb[RTA_PRIORITY], &r->metric) || read_u32(tb[RTA_OIF], &oif))
		return weir_fail(rq->e, EINVAL, "an attribute of the route has a wrong length");
	if (ip_addr_is_any(&r->gateway))
		r->gateway = ip_addr_v4(0);
	if (oif) {
		r->nic = rt_nic(rq, oif);
		if (!r->nic)
			return -ENODEV;
	}
	return tb[RTA_METRICS] ? read_mtu(rq, tb[RTA_METRICS], &r->mtu) : 0;
}

/* One to the same network with the same metric, which a replacement takes the place of. */
static const struct route *same(struct ip *ip, const struct route *by)
{
	const uint32_t metrics[] = { 0, by->metric, route_metric(by) };	/* 0 is shown as another one */

	for (int i = 0; i < 3; i++) {
		const struct route *r = route_to(ip, &by->dst, by->prefix, metrics[i]);

		for (; r && r->metric == metrics[i]; r = route_to_next(r))
			if (!r->local && !r->automatic && route_metric(r) == route_metric(by))
				return r;
	}
	return NULL;
}

static int add(struct netlink_request *rq, const struct route *r)
{
	if (rq->nl->ip->nroutes >= RT_ROUTES_MAX)
		return weir_fail(rq->e, ENOSPC, "there are %u routes, which is the most; delete one",
				 RT_ROUTES_MAX);
	return route_add(rq->nl->ip, r, rq->e);
}

static int route_new(struct netlink_request *rq, struct route *r)
{
	const struct route *there = same(rq->nl->ip, r);
	struct route old;
	int err;

	if (!there && !(rq->nlh->nlmsg_flags & NLM_F_CREATE))
		return -ENOENT;
	if (there && !(rq->nlh->nlmsg_flags & NLM_F_REPLACE))
		return -EEXIST;
	if (!there)
		return add(rq, r);
	old = *there;
	route_del(rq->nl->ip, &old, NULL);
	err = route_add(rq->nl->ip, r, rq->e);
	if (err)
		route_add(rq->nl->ip, &old, NULL);
	return err;
}

/* Of all that fit: a program's own first, then one that came with an address or from a router. */
static int route_remove(struct netlink_request *rq, struct route *r)
{
	struct ip *ip = rq->nl->ip;

	if (!ip_addr_is_v4(&r->dst) && (r->metric == ROUTE_METRIC_USER6 || r->metric == ROUTE_METRIC_KERNEL6) &&
	    !route_del(ip, &(struct route){ .dst = r->dst, .prefix = r->prefix, .gateway = r->gateway,
					    .nic = r->nic, .automatic = r->metric == ROUTE_METRIC_KERNEL6 }, NULL))
		return 0;
	if (!route_del(ip, r, NULL))
		return 0;
	r->automatic = true;
	if (!route_del(ip, r, NULL))
		return 0;
	r->automatic = false;
	r->dynamic = true;
	return route_del(ip, r, rq->e);
}

int rt_route_change(struct netlink_request *rq)
{
	struct route r;
	int err = read_route(rq, &r);

	if (err)
		return err;
	return rq->nlh->nlmsg_type == RTM_NEWROUTE ? route_new(rq, &r) : route_remove(rq, &r);
}
