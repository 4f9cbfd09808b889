/* SPDX-License-Identifier: Apache-2.0 */
/* fragment.h - reassembly of fragments of both families (RFC 791, RFC 815, RFC 8200 section 4.5),
 * within limits. */
#ifndef IP_FRAGMENT_H
#define IP_FRAGMENT_H

#include "ip/ip.h"

#define FRAGMENTS_MEMORY	(4u << 20)	/* bytes; Linux's ipfrag_high_thresh */
#define FRAGMENTS_MEMORY_SOURCE	(1u << 20)	/* of them, for one source address */
#define FRAGMENTS_PER_PACKET	128u		/* 65,535 bytes at an MTU of 552 */
#define FRAGMENTS_TIMEOUT_NS	30000000000ull	/* Linux's ipfrag_time */
#define FRAGMENTS_TIMEOUT6_NS	60000000000ull	/* RFC 8200 section 4.5 */
#define FRAGMENTS_HEADERS_MAX	PACKET_HEADROOM	/* bytes of headers that each fragment repeats */

struct fragments *fragments_create(struct ip *ip);
void fragments_destroy(struct fragments *fs);
void fragments_flush(struct fragments *fs, const struct nic *nic);
uint32_t fragments_memory(const struct fragments *fs);	/* bytes held now */

/* What the wire says of a fragment; offsets from data, which is at the IP header. */
struct fragment {
	uint32_t id;
	uint32_t start;			/* of its bytes in the payload of the whole */
	bool more;
	uint32_t headers;		/* bytes of headers that the whole will have */
	uint32_t payload;		/* where its own bytes begin */
	uint32_t next_at;		/* IPv6: the field that is to name what is fragmented */
	uint8_t next;			/* IPv6: and its name */
};

/* Take a fragment in, data at its checked IP header, with at least one byte of its own. The whole
 * packet when it was the missing one. */
struct packet *fragment_input(struct fragments *fs, struct packet *p, const struct ip_meta *m,
			      const struct fragment *f);

#endif
