/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipv6.h - the IPv6 header (RFC 8200 section 3), fields in network order, at any alignment.
 */
#ifndef IP_IPV6_H
#define IP_IPV6_H

#include <arpa/inet.h>

#include "ip/ip.h"

#define IPV6_HEADER_LEN	40u
#define IPV6_MAX_LEN	(IPV6_HEADER_LEN + 65535u)
#define IPV6_MTU_MIN	1280u		/* RFC 8200 section 5: what every link carries */
#define IPV6_FLOWLABEL	0x000fffffu

struct ipv6_header {
	uint32_t ver_tc_flow;		/* 4 bits of version, 8 of traffic class, 20 of flow label */
	uint16_t payload_len;
	uint8_t next, hop_limit;
	uint8_t src[16], dst[16];
} __attribute__((packed));

_Static_assert(sizeof(struct ipv6_header) == IPV6_HEADER_LEN, "the header as on the wire");

static inline struct ipv6_header *ipv6_header(const struct packet *p)
{
	return (struct ipv6_header *)(p->base + p->network);
}

static inline uint8_t ipv6_tclass(const struct ipv6_header *h)
{
	return (uint8_t)(ntohl(h->ver_tc_flow) >> 20);
}

void ipv6_input(struct ip *ip, struct nic *nic, struct packet *p);
void ipv6_input_echo(struct ip *ip, struct packet *p);	/* a packet of our own to a group */
/* What the header says, for who takes the packet in, or for a quoted one. proto is the first next
 * header. */
void ipv6_meta(const struct ipv6_header *h, struct ip_meta *m);
/* The label of the flow that p, data at the transport header, belongs to (RFC 6437). */
uint32_t flowlabel(struct ip *ip, const struct packet *p, const struct flow *f,
		   const struct dst *d);
/* Put the header in front of p, data at what follows it; sets network and transport. */
void ipv6_push(struct packet *p, const struct ip_addr *src, const struct ip_addr *dst,
	       uint8_t next, uint8_t tclass, uint8_t hop_limit, uint32_t flowlabel);

#endif
