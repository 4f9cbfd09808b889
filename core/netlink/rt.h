/* SPDX-License-Identifier: Apache-2.0 */
/* rt.h - NETLINK_ROUTE (rtnetlink(7)): its files' handlers, and what they share. */
#ifndef NETLINK_RT_H
#define NETLINK_RT_H

#include "netlink/netlink.h"
#include <linux/rtnetlink.h>		/* after nic/neighbour.h: they share names, and values */

extern const struct netlink_handler rt_handlers[];	/* rt.c */

/* What programs may add to, and what they find there counts: the operator is not bound by it. */
#define RT_ADDRS_MAX	1024u		/* of a NIC */
#define RT_ROUTES_MAX	4096u		/* of the stack, those that come with addresses included */

/* Tell who listens of what changes from now on. */
void rt_watch(struct netlink *nl);

/* The NIC of an index; NULL, and e says so. */
struct nic *rt_nic(const struct netlink_request *rq, uint32_t index);
static inline bool rt_family_is(uint8_t family, const struct ip_addr *a)
{
	return family == AF_UNSPEC || family == (ip_addr_is_v4(a) ? AF_INET : AF_INET6);
}

/* A message about one thing; type: RTM_NEWLINK or RTM_DELLINK, and so on. */
struct rt_about {
	uint16_t type;
	const void *what;		/* struct nic, qdisc, ifaddr, route, neighbour */
	uint64_t now;			/* ns */
};
bool rt_link_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *about);
bool rt_addr_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *about);
bool rt_route_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *about);

/* IFA_F_*. */
uint32_t rt_addr_flags(const struct ifaddr *ia);

int rt_link_get(struct netlink_request *rq);
int rt_link_dump(struct netlink_dump *d, struct nlbuf *nb);
int rt_link_change(struct netlink_request *rq);
int rt_addr_get(struct netlink_request *rq);
int rt_addr_dump(struct netlink_dump *d, struct nlbuf *nb);
int rt_addr_change(struct netlink_request *rq);
int rt_route_get(struct netlink_request *rq);
int rt_route_dump(struct netlink_dump *d, struct nlbuf *nb);
int rt_route_change(struct netlink_request *rq);
int rt_neigh_get(struct netlink_request *rq);
int rt_neigh_dump(struct netlink_dump *d, struct nlbuf *nb);
int rt_neigh_change(struct netlink_request *rq);
/* tc's name of it where there is one; of none, NULL: "noqueue". */
const char *rt_qdisc_name(const struct qdisc *q);
bool rt_qdisc_fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *about);
int rt_qdisc_get(struct netlink_request *rq);
int rt_qdisc_dump(struct netlink_dump *d, struct nlbuf *nb);
int rt_qdisc_change(struct netlink_request *rq);
int rt_qdisc_del(struct netlink_request *rq);
int rt_class_dump(struct netlink_dump *d, struct nlbuf *nb);
int rt_filter_dump(struct netlink_dump *d, struct nlbuf *nb);
int rt_rule_dump(struct netlink_dump *d, struct nlbuf *nb);

#endif
