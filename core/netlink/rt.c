/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rt.c - NETLINK_ROUTE: which message is whose, and the groups that are told of changes.
 *
 * What there is to see is the stack's own state, read when it is asked for: nothing is kept twice.
 * What a program may change, given CAP_NET_ADMIN, is addresses, routes and neighbours; links and
 * qdiscs are the operator's.
 */
#include <errno.h>

#include "netlink/rt.h"
#include <linux/fib_rules.h>
#include <linux/net_namespace.h>		/* after it, as <linux/rtnetlink.h> */

/* No other network namespace has a number here. */
static bool nsid_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *arg)
{
	const struct rtgenmsg g = { AF_UNSPEC };

	(void)arg;
	nlbuf_begin(nb, to, RTM_NEWNSID, &g, sizeof(g));
	nlbuf_u32(nb, NETNSA_NSID, (uint32_t)NETNSA_NSID_NOT_ASSIGNED);
	return nlbuf_end(nb);
}

static int nsid_get(struct netlink_request *rq)
{
	return netlink_reply(rq, nsid_fill, NULL);
}

static int nsid_dump(struct netlink_dump *d, struct nlbuf *nb)
{
	(void)d, (void)nb;
	return 0;
}

const struct netlink_handler rt_handlers[] = {
	{ .name = "RTM_GETLINK", RTM_GETLINK, sizeof(struct ifinfomsg), .get = rt_link_get, .dump = rt_link_dump },
	{ .name = "RTM_NEWLINK", RTM_NEWLINK, sizeof(struct ifinfomsg), true, .get = rt_link_change },
	{ .name = "RTM_SETLINK", RTM_SETLINK, sizeof(struct ifinfomsg), true, .get = rt_link_change },
	{ .name = "RTM_DELLINK", RTM_DELLINK, sizeof(struct ifinfomsg), true, .get = rt_link_change },
	{ .name = "RTM_GETADDR", RTM_GETADDR, sizeof(struct ifaddrmsg), .get = rt_addr_get, .dump = rt_addr_dump },
	{ .name = "RTM_NEWADDR", RTM_NEWADDR, sizeof(struct ifaddrmsg), true, .get = rt_addr_change },
	{ .name = "RTM_DELADDR", RTM_DELADDR, sizeof(struct ifaddrmsg), true, .get = rt_addr_change },
	{ .name = "RTM_GETROUTE", RTM_GETROUTE, sizeof(struct rtmsg), .get = rt_route_get, .dump = rt_route_dump },
	{ .name = "RTM_NEWROUTE", RTM_NEWROUTE, sizeof(struct rtmsg), true, .get = rt_route_change },
	{ .name = "RTM_DELROUTE", RTM_DELROUTE, sizeof(struct rtmsg), true, .get = rt_route_change },
	{ .name = "RTM_GETNEIGH", RTM_GETNEIGH, sizeof(struct ndmsg), .get = rt_neigh_get, .dump = rt_neigh_dump },
	{ .name = "RTM_NEWNEIGH", RTM_NEWNEIGH, sizeof(struct ndmsg), true, .get = rt_neigh_change },
	{ .name = "RTM_DELNEIGH", RTM_DELNEIGH, sizeof(struct ndmsg), true, .get = rt_neigh_change },
	{ .name = "RTM_GETQDISC", RTM_GETQDISC, sizeof(struct tcmsg), .get = rt_qdisc_get, .dump = rt_qdisc_dump },
	{ .name = "RTM_NEWQDISC", RTM_NEWQDISC, sizeof(struct tcmsg), true, .get = rt_qdisc_change },
	{ .name = "RTM_DELQDISC", RTM_DELQDISC, sizeof(struct tcmsg), true, .get = rt_qdisc_del },
	{ .name = "RTM_GETTCLASS", RTM_GETTCLASS, sizeof(struct tcmsg), .dump = rt_class_dump },
	{ .name = "RTM_GETTFILTER", RTM_GETTFILTER, sizeof(struct tcmsg), .dump = rt_filter_dump },
	{ .name = "RTM_GETNSID", RTM_GETNSID, sizeof(struct rtgenmsg), .get = nsid_get, .dump = nsid_dump },
	{ .name = "RTM_GETRULE", RTM_GETRULE, sizeof(struct fib_rule_hdr), .dump = rt_rule_dump },
	{ }
};

struct nic *rt_nic(const struct netlink_request *rq, uint32_t index)
{
	struct nic *nic = nic_find_index(rq->nl->ip->nics, index);

	if (!nic)
		weir_fail(rq->e, ENODEV, "there is no link %u", index);
	return nic;
}

/* ---- what changes ---- */

static uint32_t group_of(const struct rt_about *a)
{
	switch (a->type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return RTNLGRP_LINK;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return ip_addr_is_v4(&((const struct ifaddr *)a->what)->addr) ? RTNLGRP_IPV4_IFADDR
									       : RTNLGRP_IPV6_IFADDR;
	case RTM_NEWQDISC:
		return RTNLGRP_TC;
	default:
		return ip_addr_is_v4(&((const struct route *)a->what)->dst) ? RTNLGRP_IPV4_ROUTE
									     : RTNLGRP_IPV6_ROUTE;
	}
}

static void changed(void *arg, enum ip_change what, const void *object)
{
	static const struct {
		uint16_t type;
		netlink_fill fill;
	} messages[] = {
		[IP_LINK_NEW] = { RTM_NEWLINK, rt_link_fill },
		[IP_LINK_DEL] = { RTM_DELLINK, rt_link_fill },
		[IP_QDISC_NEW] = { RTM_NEWQDISC, rt_qdisc_fill },
		[IP_ADDR_NEW] = { RTM_NEWADDR, rt_addr_fill },
		[IP_ADDR_DEL] = { RTM_DELADDR, rt_addr_fill },
		[IP_ROUTE_NEW] = { RTM_NEWROUTE, rt_route_fill },
		[IP_ROUTE_DEL] = { RTM_DELROUTE, rt_route_fill },
	};
	struct netlink *nl = arg;
	struct rt_about about = { messages[what].type, object, nl->env->now };

	if (what == IP_QDISC_NEW)
		about.what = ((const struct nic *)object)->root;

	netlink_notify(nl, NETLINK_ROUTE, group_of(&about), messages[what].fill, &about);
}

void rt_watch(struct netlink *nl)
{
	nl->ip->changed = changed;
	nl->ip->changed_arg = nl;
}
