/* SPDX-License-Identifier: Apache-2.0 */
/* arp.h - the Address Resolution Protocol (RFC 826) under the neighbour table. */
#ifndef IP_ARP_H
#define IP_ARP_H

#include "ip/ip.h"

extern const struct neighbour_ops arp_neighbour_ops;	/* arg: struct ip */

void arp_input(struct ip *ip, struct nic *nic, struct packet *p);

#endif
