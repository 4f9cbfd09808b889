/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - addresses and routes, from the configuration's form to the stack's (parts.h). */
#include "control/parts.h"
#include <linux/rtnetlink.h>		/* after nic/neighbour.h: they share names, and values */

struct ifaddr_spec ifaddr_spec_of(const struct config_address *a)
{
	return (struct ifaddr_spec){
		.addr = ip_addr_of_param(&a->addr), .prefix = a->addr.prefix,
		.preferred = SPEC_FOREVER, .valid = SPEC_FOREVER,
	};
}

struct route_spec route_spec_of(const struct config_route *r)
{
	return (struct route_spec){
		.dst = ip_addr_of_param(&r->dst), .prefix = r->dst.prefix,
		.gateway = ip_addr_of_param(&r->gateway), .prefsrc = ip_addr_of_param(&r->src),
		.metric = r->metric, .mtu = r->mtu, .onlink = r->onlink,
		.protocol = RTPROT_STATIC,
	};
}

struct route route_of(const struct route_spec *r, struct nic *nic)
{
	return (struct route){
		.dst = r->dst, .prefix = r->prefix, .gateway = r->gateway, .prefsrc = r->prefsrc,
		.nic = nic, .metric = r->metric, .mtu = r->mtu, .onlink = r->onlink,
		.protocol = r->protocol,
	};
}
