/* SPDX-License-Identifier: Apache-2.0 */
/* route_table.h - the routes of a stack, found by what they lead to, by gateway and by source (route_table.c). */
#ifndef IP_ROUTE_TABLE_H
#define IP_ROUTE_TABLE_H

#include "ip/ip.h"

int route_table_init(struct ip *ip);			/* -ENOMEM */
void route_table_destroy(struct ip *ip);

/* The route that a takes, of those that may be used by a flow that is bound to a NIC (NULL: to none); NULL: none. */
struct route *route_match(struct ip *ip, const struct ip_addr *a, const struct nic *bound);
/* The first without a gateway that a takes by nic (NULL: any). */
struct route *route_direct(struct ip *ip, const struct nic *nic, const struct ip_addr *a);
/* The first to exactly this network with at least this metric, in the order of metrics; and the one after it. */
struct route *route_to(struct ip *ip, const struct ip_addr *dst, uint8_t prefix, uint32_t metric);
struct route *route_to_next(const struct route *r);
/* Does a route by nic, which no router told of, name this gateway? */
bool route_names_gateway(struct ip *ip, const struct nic *nic, const struct ip_addr *gateway);

#endif
