/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routes.c - /proc/net/route and ipv6_route.
 *
 * As on Linux, route is IPv4's table main, and ipv6_route all of IPv6's. The list has the longest prefixes
 * first; it is told from its end, so that the default route leads, as it does there. There are 4,096 at
 * most (netlink/rt.h), so that finding one's place again is no work to speak of.
 */
#include <net/route.h>

#include "procnet/procnet.h"

/* <linux/ipv6_route.h> does not go with <net/route.h>. */
#define RTF6_DEFAULT	0x00010000u
#define RTF6_ADDRCONF	0x00040000u
#define RTF6_NONEXTHOP	0x00200000u
#define RTF6_LOCAL	0x80000000u

#define ROUTE_WIDTH	127

static unsigned int flags_v4(const struct route *r)
{
	return RTF_UP | (ip_addr_is_any(&r->gateway) ? 0u : RTF_GATEWAY) | (r->prefix == 32 ? RTF_HOST : 0u);
}

static bool route_v4(const struct route *r, struct procnet_out *out)
{
	uint32_t mask = r->prefix ? htonl(~0u << (32 - r->prefix)) : 0;

	if (r->local)
		return procnet_skip(out);
	return procnet_line(out, ROUTE_WIDTH, "%s\t%08X\t%08X\t%04X\t%d\t%u\t%u\t%08X\t%d\t%u\t%u", r->nic->name,
			    ip_addr_to_v4(&r->dst), ip_addr_to_v4(&r->gateway), flags_v4(r), 0, 0,
			    route_metric(r), mask, 0, 0, 0);
}

static unsigned int flags_v6(const struct route *r)
{
	unsigned int flags = RTF_UP;

	if (!ip_addr_is_any(&r->gateway))
		flags |= RTF_GATEWAY;
	if (r->local)
		return flags | RTF6_LOCAL | RTF6_NONEXTHOP;
	if (r->prefix == 128)
		flags |= RTF_HOST;
	if (r->dynamic)
		flags |= RTF6_ADDRCONF | (r->prefix ? 0 : RTF6_DEFAULT);
	return flags;
}

static bool route_v6(const struct route *r, struct procnet_out *out)
{
	static const struct ip_addr none;
	char dst[PROCNET_HEX6], gateway[PROCNET_HEX6], src[PROCNET_HEX6];
	const struct ip_addr *via = ip_addr_is_any(&r->gateway) ? &none : &r->gateway;

	return procnet_line(out, 0, "%s %02x %s 00 %s %08x %08x %08x %08x %8s", procnet_hex6(&r->dst, dst),
			    r->prefix, procnet_hex6(&none, src), procnet_hex6(via, gateway), route_metric(r), 1,
			    0, flags_v6(r), r->nic->name);
}

/* at: the header; how many have been passed. */
static bool routes(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		   struct procnet_out *out)
{
	uint64_t n = 0;

	if (f->header && !procnet_header(f, c, out, ROUTE_WIDTH))
		return false;
	for (const struct list *pos = s->ip.routes.prev; pos != &s->ip.routes; pos = pos->prev) {
		const struct route *r = list_entry(pos, struct route, node);
		bool v4 = ip_addr_is_v4(&r->dst);

		if (n++ < c->at[1])
			continue;
		if (v4 != (f->family == AF_INET) ? !procnet_skip(out) :
		    v4 ? !route_v4(r, out) : !route_v6(r, out))
			return false;
		c->at[1] = n;
	}
	return true;
}

const struct procnet_file procnet_routes[] = {
	{ .name = "route", .write = routes, .family = AF_INET, .header =
		"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT" },
	{ .name = "ipv6_route", .write = routes, .family = AF_INET6 },
	{ }
};
