/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isn.c - initial sequence numbers and timestamp offsets.
 *
 * Theory of operation (RFC 6528 3): ISN = M + F(local, lport, remote, rport, secret). M is a
 * clock of 64 ns, so that a new connection between the same ends starts beyond what the old one
 * sent (at up to 15 MB/s of mean rate; above it PAWS helps); F is SipHash, so that nobody off
 * the path can tell one connection's numbers from another's. RFC 7323 5.4 wants the same of
 * timestamps: a clock of 1 ms plus an offset of each four-tuple, which keeps them growing from
 * one connection of a four-tuple to the next.
 */
#include "tcp/sock.h"

#define ISN_CLOCK_SHIFT 6

static uint64_t end_hash(const struct siphash_key *key, const struct tcp_end *e)
{
	struct {
		struct ip_addr local, remote;
		uint16_t lport, rport;
		uint32_t zero;
	} in = { e->local, e->remote, e->lport, e->rport, 0 };

	return siphash(key, &in, sizeof(in));
}

uint32_t tcp_isn(const struct tcp *tcp, const struct tcp_end *e)
{
	return (uint32_t)(end_hash(&tcp->isn_key, e) + (tcp->env->now >> ISN_CLOCK_SHIFT));
}

uint32_t tcp_ts_offset(const struct tcp *tcp, const struct tcp_end *e)
{
	return (uint32_t)end_hash(&tcp->ts_key, e);
}
