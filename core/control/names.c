/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - addresses and routes, from the configuration's form to the stack's (parts.h). */
#include "control/parts.h"

struct ip_addr ip_addr_of_param(const struct param_address *a)
{
	struct ip_addr ip;
	uint32_t v4;

	if (a->family == AF_INET6) {
		memcpy(ip.b, a->addr, sizeof(ip.b));
		return ip;
	}
	memcpy(&v4, a->addr, sizeof(v4));
	return ip_addr_v4(a->family == AF_INET ? v4 : 0);
}

struct ifaddr_spec ifaddr_spec_of(const struct config_address *a)
{
	return (struct ifaddr_spec){ ip_addr_of_param(&a->addr), a->addr.prefix };
}

struct route_spec route_spec_of(const struct config_route *r)
{
	return (struct route_spec){
		.dst = ip_addr_of_param(&r->dst), .prefix = r->dst.family ? r->dst.prefix : 0,
		.gateway = ip_addr_of_param(&r->gateway), .prefsrc = ip_addr_v4(0),
	};
}

struct route route_of(const struct route_spec *r, struct nic *nic)
{
	return (struct route){
		.dst = r->dst, .prefix = r->prefix, .gateway = r->gateway, .prefsrc = r->prefsrc,
		.nic = nic, .metric = r->metric, .mtu = r->mtu,
	};
}
