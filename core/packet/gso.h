/* SPDX-License-Identifier: Apache-2.0 */
/* gso.h - where the headers of a super-segment are. */
#ifndef PACKET_GSO_H
#define PACKET_GSO_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/packet.h>

struct gso_headers {
	uint32_t ip;		/* offsets from data */
	uint32_t transport;
	uint32_t payload;	/* = length of all headers, link header included */
	bool ip6, tcp;
};

/* Read and check the headers by p's offsets and gso_type. False: they are not what gso_type
 * says. */
bool gso_headers(const struct packet *p, struct gso_headers *h);

#endif
