/* SPDX-License-Identifier: Apache-2.0 */
/* exthdr.h - IPv6 extension headers (RFC 8200 section 4), of packets taken in and of quoted
 * ones. */
#ifndef IP_EXTHDR_H
#define IP_EXTHDR_H

#include "ip/ip.h"

#define EXTHDR_MAX		8u	/* headers of one packet */
#define EXTHDR_OPTIONS_MAX	8u	/* options of one header; Linux's max_dst_opts_number */
#define EXTHDR_FRAGMENT_LEN	8u

enum exthdr_verdict {
	EXTHDR_DELIVER,		/* m->proto and m->header_len say what follows and where */
	EXTHDR_FRAGMENT,	/* a fragment header that is not atomic is at m->header_len */
	EXTHDR_DROP,		/* its sender has been told, where that is due */
};

/* Is this the number of a header that exthdr_walk() knows? */
bool exthdr_is(uint8_t proto);
/*
 * Walk the headers of p, data at its IPv6 header. m: by ipv6_meta(); proto and header_len move
 * along. next_at: the offset of the field that names m->proto (a Parameter Problem points there).
 */
enum exthdr_verdict exthdr_walk(struct ip *ip, struct packet *p, struct ip_meta *m,
				uint32_t *next_at);
/*
 * The same, without a word, over the first len bytes of a packet: the offset of what is behind the
 * extension headers, which may lie beyond them, and its protocol. 0: the chain is not whole here,
 * or it is a fragment other than the first.
 */
uint32_t exthdr_skip(const uint8_t *ip, uint32_t len, uint8_t *proto);

#endif
