/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - what ipv4_output.c and ipv6_output.c share (output.c), and what they give it. */
#ifndef IP_OUTPUT_H
#define IP_OUTPUT_H

#include "ip/ip.h"

static inline struct ip_stats *ip_stats_of(struct ip *ip, const struct ip_addr *a)
{
	return ip_addr_is_v4(a) ? &ip->stats : &ip->stats6;
}

/* The link address of a group, of either family. */
void ip_group_lladdr(const struct ip_addr *a, uint8_t ll[LINK_ADDR_LEN]);
/* A complete packet, data at its IP header, goes down. Consumes p. */
void ip_send(struct ip *ip, struct packet *p, const struct dst *d);
/* The same for a super-segment that the NIC does not take: cut here. 0 or -ENOBUFS. */
int ip_send_segments(struct ip *ip, struct packet *p, const struct dst *d);
/* A group's packet, complete: a copy comes back to members here. True: that was all (TTL 0), and p
 * is gone. */
bool ip_echo(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d);
bool ip_nic_takes(const struct nic *nic, const struct packet *p);
/* Bytes of the largest IP packet that p becomes on the wire. */
uint32_t ip_largest(const struct packet *p);

/* One fragment: headers, and bytes [off, off+len) of what p carries behind its own. */
typedef struct packet *ip_fragment_make(struct packet *p, const void *arg, uint32_t off,
					uint32_t len, bool more);
/* Cut p, which carries payload bytes, into fragments of chunk (a multiple of 8) each. All or
 * nothing: 0 or -ENOBUFS. Consumes p. */
int ip_send_fragments(struct ip *ip, struct packet *p, uint32_t payload, uint32_t chunk,
		      ip_fragment_make *make, const void *arg, const struct dst *d);
/* Count and free it; returns err. */
int ip_drop(struct ip_stats *stats, struct packet *p, int err);

/* ip_output() and ip_output_raw() of one family; d is fresh. */
int ipv4_output(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d);
int ipv4_output_raw(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d);
int ipv6_output(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d);
int ipv6_output_raw(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d);

#endif
