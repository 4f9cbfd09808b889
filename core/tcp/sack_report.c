/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sack_report.c - the receiver's side of SACK: which blocks an ACK bears (RFC 2018, RFC 2883).
 *
 * Theory of operation. rcv_sack[] holds the blocks that lie in the out-of-order queue, the one that
 * changed last first (RFC 2018 section 4): so each is told of several times, in several ACKs,
 * before it falls off the end. A block that grows, or that a segment joins to another, moves to the
 * front. What came twice is told once, before all others (RFC 2883 section 4): by it the sender
 * learns of needless retransmissions.
 *
 * sack_len is what the option takes of each segment; the sender's mss is smaller by it meanwhile
 * (tcp_mss_now()), as all options are taken off the mss.
 *
 *	with timestamps 40 - 12 bytes hold three blocks, without four
 */
#include "tcp/sock.h"

static uint32_t blocks_max(const struct tcp_sock *tp)
{
	return tp->ts_ok ? TCP_SACK_BLOCKS - 1 : TCP_SACK_BLOCKS;
}

static void update_len(struct tcp_sock *tp)
{
	uint32_t n = tp->nrcv_sack + tp->has_dsack, max = blocks_max(tp);

	tp->sack_len = (uint8_t)tcp_sack_size(n < max ? n : max);
}

static void block_remove(struct tcp_sock *tp, uint32_t i)
{
	tp->nrcv_sack--;
	memmove(&tp->rcv_sack[i], &tp->rcv_sack[i + 1],
		(tp->nrcv_sack - i) * sizeof(tp->rcv_sack[0]));
}

/* Do they overlap or touch? Then a becomes both. */
static bool block_join(struct tcp_sack_block *a, const struct tcp_sack_block *b)
{
	if (seq_lt(b->end, a->start) || seq_lt(a->end, b->start))
		return false;
	if (seq_lt(b->start, a->start))
		a->start = b->start;
	a->end = seq_max(a->end, b->end);
	return true;
}

/* [start, end) has come into the out-of-order queue. */
void tcp_report_sack(struct tcp_sock *tp, uint32_t start, uint32_t end)
{
	struct tcp_sack_block b = { start, end };

	if (!tp->sack_ok)
		return;
	/* Joined, it may touch one that it did not touch before. */
	for (uint32_t i = 0; i < tp->nrcv_sack;) {
		if (block_join(&b, &tp->rcv_sack[i])) {
			block_remove(tp, i);
			i = 0;
		} else {
			i++;
		}
	}
	if (tp->nrcv_sack == TCP_SACK_BLOCKS)
		tp->nrcv_sack--;
	memmove(&tp->rcv_sack[1], &tp->rcv_sack[0], tp->nrcv_sack * sizeof(b));
	tp->rcv_sack[0] = b;
	tp->nrcv_sack++;
	update_len(tp);
}

/* [start, end) came, and we had it. */
void tcp_report_dsack(struct tcp_sock *tp, uint32_t start, uint32_t end)
{
	struct tcp_sack_block b = { start, end };

	if (!tp->sack_ok || !seq_lt(start, end))
		return;
	if (seq_lt(start, tp->rcv_nxt))
		tp->tcp->stats.dsack_old_sent++;
	else
		tp->tcp->stats.dsack_ofo_sent++;
	if (!tp->has_dsack || !block_join(&tp->dsack, &b))
		tp->dsack = b;
	tp->has_dsack = true;
	update_len(tp);
}

/* What RCV.NXT has reached is acknowledged, not SACKed. */
void tcp_report_trim(struct tcp_sock *tp)
{
	if (!tp->nrcv_sack)
		return;
	for (uint32_t i = 0; i < tp->nrcv_sack;) {
		if (tree_empty(&tp->ofo) || seq_le(tp->rcv_sack[i].start, tp->rcv_nxt))
			block_remove(tp, i);
		else
			i++;
	}
	update_len(tp);
}

/* Some of the queue was given up: nothing is promised any more. */
void tcp_report_reset(struct tcp_sock *tp)
{
	tp->nrcv_sack = 0;
	update_len(tp);
}

/* The blocks of the next ACK, into s. */
void tcp_report_emit(struct tcp_sock *tp, struct tcp_segment *s)
{
	uint32_t max = blocks_max(tp), n = 0;

	if (tp->has_dsack)
		s->sack[n++] = tp->dsack;
	for (uint32_t i = 0; i < tp->nrcv_sack && n < max; i++)
		s->sack[n++] = tp->rcv_sack[i];
	s->nsacks = (uint8_t)n;
	tp->has_dsack = false;
	update_len(tp);
}
