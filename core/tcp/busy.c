/* SPDX-License-Identifier: Apache-2.0 */
/*
 * busy.c - which connections carry most, for who watches.
 *
 * Theory of operation. A connection counts the bytes that arrived, its peer's and its own; how fast they do is
 * the difference between two looks. Nothing is done for each packet: whoever looks leaves behind when it was and
 * what the counters said. A look within TCP_BUSY_MIN after the last leaves nothing, so several who watch at a time
 * do not take each other's interval away. The rate is smoothed by half, so that a connection that stops for
 * one interval is not gone from the list, and one that has been still for a few is.
 *
 * At the first look there is nothing to compare with: all that arrived so far counts as if in one second, which
 * is true of a new connection, and for others until the second look.
 */
#include "tcp/sock.h"

#define TCP_BUSY_MIN	(NSEC_PER_SEC / 4)
#define TCP_BUSY_MAX	(10 * NSEC_PER_SEC)	/* nobody looked for so long: the old rate says nothing */

/* a * NSEC_PER_SEC / ns, for what a connection carries between two looks. */
static uint64_t per_second(uint64_t bytes, uint64_t ns)
{
	return (uint64_t)((unsigned __int128)bytes * NSEC_PER_SEC / ns);
}

uint64_t tcp_busy(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sock(sk);
	struct tcp_busy *b = &tp->busy;
	uint64_t now = tcp_now(tp), bytes = tp->bytes_acked + tp->bytes_received, rate;

	if (tp->end.state == TCPS_LISTEN)
		return 0;
	if (!b->at) {
		*b = (struct tcp_busy){ .at = now, .bytes = bytes, .rate = bytes };
		return b->rate;
	}
	if (now - b->at < TCP_BUSY_MIN)
		return b->rate;
	rate = per_second(bytes - b->bytes, now - b->at);
	if (!b->again || now - b->at > TCP_BUSY_MAX)
		b->rate = rate;
	else
		b->rate = b->rate / 2 + rate / 2;
	b->at = now;
	b->bytes = bytes;
	b->again = true;
	return b->rate;
}
