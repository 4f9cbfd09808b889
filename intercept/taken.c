/* SPDX-License-Identifier: Apache-2.0 */
/* taken.c - the kernel's messages read as IPv4 addresses, routes and neighbours (taken.h). */
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <string.h>

#include "intercept/taken.h"
#include "intercept/takeover_priv.h"

static bool attr_v4(const struct nlattr *a, uint32_t *be)
{
	if (!a || mnl_attr_get_payload_len(a) != sizeof(*be))
		return false;
	memcpy(be, mnl_attr_get_payload(a), sizeof(*be));
	return true;
}

static bool set_device(const struct takeover *t, unsigned int index, struct taken *x)
{
	const struct device *d = takeover_device(t, index);

	x->device = d ? d->name : NULL;
	return d != NULL;
}

static bool taken_addr(const struct takeover *t, const struct nlmsghdr *nlh, struct taken *x)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_LOCAL + 1];

	rtnl_attrs(nlh, sizeof(*ifa), tb, IFA_LOCAL);
	x->prefix = ifa->ifa_prefixlen;
	return ifa->ifa_family == AF_INET && set_device(t, ifa->ifa_index, x) &&
		attr_v4(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], &x->addr);
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
		if (nh->rtnh_len >= RTNH_LENGTH(MNL_ATTR_HDRLEN + sizeof(x->gateway)) &&
		    mnl_attr_get_type(a) == RTA_GATEWAY)
			attr_v4(a, &x->gateway);
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
	const struct nlattr *tb[RTA_TABLE + 1];

	rtnl_attrs(nlh, sizeof(*rtm), tb, RTA_TABLE);
	if (rtm->rtm_family != AF_INET || rtm->rtm_table != RT_TABLE_MAIN ||
	    rtm->rtm_type != RTN_UNICAST || rtm->rtm_protocol == RTPROT_KERNEL)
		return false;
	if (tb[RTA_OIF]) {
		if (!set_device(t, mnl_attr_get_u32(tb[RTA_OIF]), x))
			return false;
		attr_v4(tb[RTA_GATEWAY], &x->gateway);
	} else if (!tb[RTA_MULTIPATH] || !multipath_hop(t, tb[RTA_MULTIPATH], x)) {
		return false;
	}
	attr_v4(tb[RTA_DST], &x->addr);
	attr_v4(tb[RTA_PREFSRC], &x->prefsrc);
	x->prefix = rtm->rtm_dst_len;
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
	    !attr_v4(tb[NDA_DST], &x->addr) || !tb[NDA_LLADDR] ||
	    mnl_attr_get_payload_len(tb[NDA_LLADDR]) != sizeof(x->lladdr))
		return false;
	memcpy(x->lladdr, mnl_attr_get_payload(tb[NDA_LLADDR]), sizeof(x->lladdr));
	return true;
}

static int each_device(const struct takeover *t, int (*fn)(void *arg, const struct taken *x),
		       void *arg)
{
	int rc = 0;

	list_for_each(pos, &t->devices) {
		struct taken x = { .device = list_entry(pos, struct device, node)->name };

		rc = rc ? rc : fn(arg, &x);
	}
	return rc;
}

int taken_each(const struct takeover *t, enum taken_kind kind,
	       int (*fn)(void *arg, const struct taken *x), void *arg)
{
	static bool (*const read[])(const struct takeover *, const struct nlmsghdr *,
				    struct taken *) = {
		[TAKEN_ADDR] = taken_addr, [TAKEN_ROUTE] = taken_route, [TAKEN_NEIGH] = taken_neigh,
	};
	const struct list *lists[] = {
		[TAKEN_ADDR] = &t->addrs, [TAKEN_ROUTE] = &t->routes, [TAKEN_NEIGH] = &t->neighs,
	};
	int rc = 0;

	if (kind == TAKEN_DEVICE)
		return each_device(t, fn, arg);
	list_for_each(pos, lists[kind]) {
		const struct rtnl_msg *m = list_entry(pos, struct rtnl_msg, node);
		struct taken x = { 0 };

		if (rc == 0 && read[kind](t, &m->nlh, &x))
			rc = fn(arg, &x);
	}
	return rc;
}
