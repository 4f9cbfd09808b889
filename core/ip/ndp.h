/* SPDX-License-Identifier: Apache-2.0 */
/* ndp.h - neighbour discovery for IPv6 (RFC 4861) under the neighbour table ip->ndp. */
#ifndef IP_NDP_H
#define IP_NDP_H

#include "ip/ip.h"

#define NDP_ROUTER_SOLICIT	133u
#define NDP_ROUTER_ADVERT	134u
#define NDP_SOLICIT		135u
#define NDP_ADVERT		136u
#define NDP_REDIRECT		137u

#define NDP_HOP_LIMIT	255u		/* what has passed a router has less, and is refused */

#define NDP_OPT_SOURCE_LL	1u
#define NDP_OPT_TARGET_LL	2u
#define NDP_OPT_PREFIX		3u
#define NDP_OPT_MTU		5u
#define NDP_OPT_NONCE		14u	/* RFC 3971 section 5.3.2 */
#define NDP_OPT_LL_LEN		8u	/* of a link address of six bytes */
#define NDP_NONCE_LEN		6u

extern const struct neighbour_ops ndp_neighbour_ops;	/* arg: struct ip */

/* An ICMPv6 message of type 133 to 137, checksum verified, data at its type, at least eight bytes
 * linear. Checks all else of RFC 4861 section 7.1, the hop limit among it. False: malformed. p
 * stays the caller's. */
bool ndp_input(struct ip *ip, struct packet *p, const struct ip_meta *m);

/*
 * Send a message of len bytes, its checksum still to be written. ll: the link address to send to;
 * NULL: it has to be found out, or follows from the group.
 */
void ndp_send(struct ip *ip, struct nic *nic, const struct ip_addr *src, const struct ip_addr *dst,
	      const uint8_t *ll, const uint8_t *msg, uint32_t len);
/* A solicitation of duplicate address detection. */
void ndp_send_probe(struct ip *ip, struct nic *nic, const struct ip_addr *target,
		    const uint8_t nonce[NDP_NONCE_LEN]);
/* Write nic's link address as an option; its length. */
uint32_t ndp_put_lladdr(uint8_t *at, uint8_t type, const struct nic *nic);

/* Are the options [at, at+len) well formed (RFC 4861 section 4.6)? */
bool ndp_options_ok(const uint8_t *at, uint32_t len);
/* The next option of this type and of at least size bytes; NULL: none. *at moves behind it. */
const uint8_t *ndp_option_next(const uint8_t **at, const uint8_t *end, uint8_t type,
			       uint32_t size);
/* The link address in the first option of this type; NULL: none that can be one. */
const uint8_t *ndp_option_lladdr(const uint8_t *at, const uint8_t *end, uint8_t type);

struct ip_addr ndp_solicited_node(const struct ip_addr *a);	/* RFC 4291 section 2.7.1 */

#endif
