/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what raw.c and ping.c share. */
#ifndef RAW_INTERNAL_H
#define RAW_INTERNAL_H

#include "ip/dgram.h"
#include "raw/raw.h"

static inline struct raw *raw_of(const struct sock *sk) { return sk->table; }

/* ping.c: an ICMP message came; an ICMP message of ours met an error. */
void ping_input(struct raw *raw, const struct packet *p, const struct ip_meta *m);
void ping_error(struct raw *raw, const struct ip_meta *quoted, const uint8_t *icmp, uint32_t len,
		const struct ip_error *e);

#endif
