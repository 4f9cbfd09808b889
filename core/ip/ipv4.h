/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipv4.h - the IPv4 header (RFC 791 section 3.1), fields in network order, at any alignment.
 */
#ifndef IP_IPV4_H
#define IP_IPV4_H

#include <arpa/inet.h>

#include "ip/ip.h"
#include "packet/checksum.h"

#define IPV4_HEADER_LEN	20u
#define IPV4_MAX_LEN	65535u
#define IPV4_DF		0x4000u
#define IPV4_MF		0x2000u
#define IPV4_OFFSET	0x1fffu		/* in units of 8 bytes */

struct ipv4_header {
	uint8_t version_ihl, tos;
	uint16_t total_len, id, frag_off;
	uint8_t ttl, proto;
	uint16_t checksum;
	uint32_t src, dst;
} __attribute__((packed));

_Static_assert(sizeof(struct ipv4_header) == IPV4_HEADER_LEN, "the header as on the wire");

static inline uint32_t ipv4_header_len(const struct ipv4_header *h)
{
	return (h->version_ihl & 0xfu) * 4;
}

static inline struct ipv4_header *ipv4_header(const struct packet *p)
{
	return (struct ipv4_header *)(p->base + p->network);
}

static inline void ipv4_header_sum(struct ipv4_header *h)
{
	h->checksum = 0;
	h->checksum = checksum_fold(checksum_partial(h, ipv4_header_len(h), 0));
}

void ipv4_input(struct ip *ip, struct nic *nic, struct packet *p);
void ipv4_input_echo(struct ip *ip, struct packet *p);	/* a packet of our own to a group */
/* What the header says, for who takes the packet in, or for a quoted one. */
void ipv4_meta(const struct ipv4_header *h, struct ip_meta *m);

#endif
