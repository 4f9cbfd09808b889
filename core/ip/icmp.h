/* SPDX-License-Identifier: Apache-2.0 */
/* icmp.h - the Internet Control Message Protocol (RFC 792). icmp_send_error() is in ip.h. */
#ifndef IP_ICMP_H
#define IP_ICMP_H

#include "ip/ip.h"

#define ICMP_HEADER_LEN	8u
#define ICMP_QUOTE_MAX	548u	/* bytes quoted: 576 in all (RFC 1812 section 4.3.2.3) */

struct icmp *icmp_create(struct ip *ip);	/* registers the protocol */
void icmp_destroy(struct icmp *icmp);
/* May an error go to this host now? Takes it from both buckets. Serves both families. */
bool icmp_allowed(struct icmp *icmp, const struct ip_addr *to);
/* An error about what was sent, of either family, of which n bytes are quoted from the IP header
 * on: to raw sockets and to its transport. */
void icmp_error_deliver(struct ip *ip, const struct ip_meta *m, const uint8_t *quote, uint32_t n,
			const struct ip_error *e);
/* An error about a packet of our own, p, that this host could not send: to its transport. p stays
 * the caller's. */
void icmp_local_error(struct ip *ip, const struct packet *p, uint8_t type, uint8_t code,
		      uint32_t mtu);

#endif
