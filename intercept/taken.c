/* SPDX-License-Identifier: Apache-2.0 */
/* taken.c - the kernel's messages read as addresses, routes and neighbours (taken.h). */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "intercept/taken.h"
#include "intercept/takeover_priv.h"

static bool attr_addr(const struct nlattr *a, struct ip_addr *addr)
{
	uint32_t be;

	if (a && mnl_attr_get_payload_len(a) == sizeof(be)) {
		memcpy(&be, mnl_attr_get_payload(a), sizeof(be));
		*addr = ip_addr_v4(be);
		return true;
	}
	if (!a || mnl_attr_get_payload_len(a) != sizeof(addr->b))
		return false;
	*addr = ip_addr_read(mnl_attr_get_payload(a));
	return true;
}

static bool set_device(const struct takeover *t, unsigned int index, struct taken *x)
{
	const struct device *d = takeover_device(t, index);

	x->device = d ? d->name : NULL;
	x->index = index;
	return d != NULL;
}

static void addr_lifetimes(const struct takeover *t, const struct nlattr *cacheinfo, struct taken *x)
{
	const struct ifa_cacheinfo *ci = cacheinfo ? mnl_attr_get_payload(cacheinfo) : NULL;

	x->preferred = x->valid = TAKEN_FOREVER;
	if (ci && mnl_attr_get_payload_len(cacheinfo) >= sizeof(*ci)) {
		x->preferred = takeover_left(t, ci->ifa_prefered);
		x->valid = takeover_left(t, ci->ifa_valid);
	}
}

static bool taken_addr(const struct takeover *t, const struct nlmsghdr *nlh, struct taken *x)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_FLAGS + 1];
	uint32_t flags;

	rtnl_attrs(nlh, sizeof(*ifa), tb, IFA_FLAGS);
	flags = tb[IFA_FLAGS] ? mnl_attr_get_u32(tb[IFA_FLAGS]) : ifa->ifa_flags;
	if (flags & IFA_F_DADFAILED)
		return false;
	x->prefix = ifa->ifa_prefixlen;
	addr_lifetimes(t, tb[IFA_CACHEINFO], x);
	x->dynamic = ifa->ifa_family == AF_INET6 && !(flags & IFA_F_PERMANENT);
	x->temporary = ifa->ifa_family == AF_INET6 && (flags & IFA_F_TEMPORARY);
	x->no_prefix_route = flags & IFA_F_NOPREFIXROUTE;
	x->no_broadcast = !tb[IFA_BROADCAST];
	x->no_dad = ifa->ifa_family == AF_INET6 && flags & IFA_F_NODAD;
	return (ifa->ifa_family == AF_INET || ifa->ifa_family == AF_INET6) && x->valid &&
	       set_device(t, ifa->ifa_index, x) &&
	       attr_addr(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], &x->addr);
}

/* The first hop of a multipath route that leaves through one of our devices. */
static bool multipath_hop(const struct takeover *t, const struct nlattr *mp, struct taken *x)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(mp);
	int left = (int)mnl_attr_get_payload_len(mp);

	for (; rtnl_hop_ok(nh, left); left -= RTNH_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh)) {
		const struct nlattr *a = (const void *)RTNH_DATA(nh);

		if (!set_device(t, (unsigned int)nh->rtnh_ifindex, x))
			continue;
		x->onlink = nh->rtnh_flags & RTNH_F_ONLINK;
		if (nh->rtnh_len >= RTNH_LENGTH(MNL_ATTR_HDRLEN) && a->nla_len >= MNL_ATTR_HDRLEN &&
		    nh->rtnh_len >= RTNH_LENGTH(a->nla_len) && mnl_attr_get_type(a) == RTA_GATEWAY)
			attr_addr(a, &x->gateway);
		return true;
	}
	return false;
}

static uint32_t route_mtu(const struct nlattr *metrics)
{
	const struct nlattr *a;

	if (metrics)
		mnl_attr_for_each_nested(a, metrics)
			if (mnl_attr_get_type(a) == RTAX_MTU)
				return mnl_attr_get_u32(a);
	return 0;
}

/* Unicast routes of the main table; connected ones come with their address. A route by nexthop
 * object was kept without its way out, and the stack goes without it. */
static bool taken_route(const struct takeover *t, const struct nlmsghdr *nlh, struct taken *x)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_EXPIRES + 1];

	rtnl_attrs(nlh, sizeof(*rtm), tb, RTA_EXPIRES);
	if ((rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) ||
	    rtm->rtm_table != RT_TABLE_MAIN || rtm->rtm_type != RTN_UNICAST || rtm->rtm_protocol == RTPROT_KERNEL)
		return false;
	x->addr = x->gateway = x->prefsrc = ip_addr_any(rtm->rtm_family);
	if (tb[RTA_OIF]) {
		if (!set_device(t, mnl_attr_get_u32(tb[RTA_OIF]), x))
			return false;
		attr_addr(tb[RTA_GATEWAY], &x->gateway);
		x->onlink = rtm->rtm_flags & RTNH_F_ONLINK;
	} else if (!tb[RTA_MULTIPATH] || !multipath_hop(t, tb[RTA_MULTIPATH], x)) {
		return false;
	}
	attr_addr(tb[RTA_DST], &x->addr);
	attr_addr(tb[RTA_PREFSRC], &x->prefsrc);
	if (tb[RTA_EXPIRES]) {		/* as takeover.c wrote it: s */
		x->expires = takeover_left(t, mnl_attr_get_u32(tb[RTA_EXPIRES]));
		if (!x->expires)
			return false;
	}
	x->prefix = rtm->rtm_dst_len;
	x->protocol = rtm->rtm_protocol;
	x->metric = tb[RTA_PRIORITY] ? mnl_attr_get_u32(tb[RTA_PRIORITY]) : 0;
	x->mtu = route_mtu(tb[RTA_METRICS]);
	return true;
}

static bool taken_neigh(const struct takeover *t, const struct nlmsghdr *nlh, struct taken *x)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[NDA_LLADDR + 1];

	rtnl_attrs(nlh, sizeof(*nd), tb, NDA_LLADDR);
	if ((nd->ndm_flags & NTF_PROXY) || !set_device(t, (unsigned int)nd->ndm_ifindex, x) ||
	    !attr_addr(tb[NDA_DST], &x->addr) || !tb[NDA_LLADDR] ||
	    mnl_attr_get_payload_len(tb[NDA_LLADDR]) != sizeof(x->lladdr))
		return false;
	memcpy(x->lladdr, mnl_attr_get_payload(tb[NDA_LLADDR]), sizeof(x->lladdr));
	return true;
}

/* A switch as a number, or what holds without it: a kernel without IPv6 said nothing of it. */
static int switch_value(const char text[SYSCTL_MAX], int missing)
{
	return *text ? atoi(text) : missing;
}

/* Linux: conf/all and the device's are alternatives, but a router follows redirects only with
 * both. */
static struct taken_ip4 device_ip4(const struct device *d)
{
	bool router = switch_value(d->saved[QUIET_FORWARDING], 0);
	bool own = switch_value(d->heeds[HEED_ACCEPT_REDIRECTS4], 1);
	bool all = switch_value(d->heeds[HEED_ALL_ACCEPT_REDIRECTS4], 1);
	bool secure = switch_value(d->heeds[HEED_SECURE_REDIRECTS4], 1) ||
		      switch_value(d->heeds[HEED_ALL_SECURE_REDIRECTS4], 1);
	bool shared = switch_value(d->heeds[HEED_SHARED_MEDIA4], 1) ||
		      switch_value(d->heeds[HEED_ALL_SHARED_MEDIA4], 1);
	bool promote = switch_value(d->heeds[HEED_PROMOTE_SECONDARIES4], 0) ||
		       switch_value(d->heeds[HEED_ALL_PROMOTE_SECONDARIES4], 0);

	return (struct taken_ip4) {
		.no_redirects = router ? !(own && all) : !(own || all),
		.secure_redirects = secure && !shared,
		.promote_secondaries = promote,
	};
}

/* Linux: a router believes advertisements only with accept_ra = 2, and redirects never. */
static struct taken_ip6 device_ip6(const struct device *d)
{
	bool router = switch_value(d->heeds[HEED_FORWARDING], 0);
	int ra = switch_value(d->heeds[HEED_ACCEPT_RA], 1);

	struct taken_ip6 x = {
		.off = switch_value(d->saved[QUIET_DISABLE_IPV6], 0),
		.no_ra = router ? ra != 2 : !ra,
		.no_redirects = router || !switch_value(d->heeds[HEED_ACCEPT_REDIRECTS], 1),
		.eui64 = d->gen_mode == IN6_ADDR_GEN_MODE_EUI64,
	};

	x.has_secret = inet_pton(AF_INET6, d->heeds[HEED_STABLE_SECRET], x.secret) == 1;
	return x;
}

void taken_device(const struct device *d, struct taken *x)
{
	*x = (struct taken){ .device = d->name, .index = d->index, .ip4 = device_ip4(d), .ip6 = device_ip6(d) };
}

static int each_device(const struct takeover *t, int (*fn)(void *arg, const struct taken *x),
		       void *arg)
{
	int rc = 0;

	list_for_each(pos, &t->devices) {
		const struct device *d = list_entry(pos, struct device, node);
		struct taken x;

		taken_device(d, &x);
		rc = rc ? rc : fn(arg, &x);
	}
	return rc;
}

bool taken_read(const struct takeover *t, enum taken_kind kind, const struct rtnl_msg *m, struct taken *x)
{
	static bool (*const read[])(const struct takeover *, const struct nlmsghdr *,
				    struct taken *) = {
		[TAKEN_ADDR] = taken_addr, [TAKEN_ROUTE] = taken_route, [TAKEN_NEIGH] = taken_neigh,
	};

	memset(x, 0, sizeof(*x));
	return read[kind](t, &m->nlh, x);
}

int taken_each(const struct takeover *t, enum taken_kind kind,
	       int (*fn)(void *arg, const struct taken *x), void *arg)
{
	const struct list *lists[] = {
		[TAKEN_ADDR] = &t->addrs, [TAKEN_ROUTE] = &t->routes, [TAKEN_NEIGH] = &t->neighs,
	};
	int rc = 0;

	if (kind == TAKEN_DEVICE)
		return each_device(t, fn, arg);
	list_for_each(pos, lists[kind]) {
		const struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);
		struct taken x;

		if (rc == 0 && taken_read(t, kind, m, &x))
			rc = fn(arg, &x);
	}
	return rc;
}
