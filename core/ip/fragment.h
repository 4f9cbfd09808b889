/* SPDX-License-Identifier: Apache-2.0 */
/* fragment.h - reassembly of IPv4 fragments (RFC 791, RFC 815), within limits. */
#ifndef IP_FRAGMENT_H
#define IP_FRAGMENT_H

#include "ip/ip.h"

#define FRAGMENTS_MEMORY	(4u << 20)	/* bytes; Linux's ipfrag_high_thresh */
#define FRAGMENTS_MEMORY_SOURCE	(1u << 20)	/* of them, for one source address */
#define FRAGMENTS_PER_PACKET	128u		/* 65,535 bytes at an MTU of 552 */
#define FRAGMENTS_TIMEOUT_NS	30000000000ull	/* Linux's ipfrag_time */

struct fragments *fragments_create(struct ip *ip);
void fragments_destroy(struct fragments *fs);
void fragments_flush(struct fragments *fs, const struct nic *nic);
uint32_t fragments_memory(const struct fragments *fs);	/* bytes held now */

/* Take a fragment in, data at its checked IP header. The whole packet when it was the missing
 * one. */
struct packet *fragment_input(struct fragments *fs, struct packet *p, const struct ip_meta *m);

#endif
