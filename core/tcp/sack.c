/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sack.c - the sender's scoreboard: what the peer tells that it holds (RFC 2018, 2883, 6675).
 *
 * Theory of operation. The scoreboard is the send queue itself: a packet that the peer holds is
 * marked. A super-segment is cut at a block's edges, at the ends of wire segments only, as nothing
 * smaller travels: an edge elsewhere is taken for the segment around it that is complete. Marked
 * neighbours become one packet again, so that the queue stays about as long as there are holes.
 *
 * What one ACK costs. An ACK repeats blocks that the one before had; those are done (seen[]), and
 * only what is new in a block is looked at. The search for it begins where an earlier one ended: at
 * the end of the farthest block, where a flight's blocks grow, or at the end of the last block
 * below it, where a retransmission closed a hole; only otherwise at the head. Hostile blocks defeat
 * this, so an ACK may also look at no more than WALK_MAX packets. What it did not reach stays
 * unmarked, which costs a needless retransmission and nothing else.
 *
 * Blocks are believed only within [SND.UNA, SND.NXT). The first block is a D-SACK when it lies
 * below the ACK, or within the second (RFC 2883 4.3). It does not mark anything. It is believed
 * only as long as not more segments were reported twice than were sent twice: beyond that the
 * network duplicates, or the peer lies.
 *
 * A peer may drop what it has SACKed (RFC 2018 section 8). Marks are therefore never a reason to
 * free data, and tcp_sack_forget() takes all of them back when a timeout finds the first segment
 * marked.
 */
#include "tcp/sock.h"

#define WALK_MAX 8192u

struct walk {
	struct tcp_acked *a;
	uint32_t left;			/* packets that may still be looked at */
	bool complete;			/* every byte of every block is marked */
};

/* ---- D-SACK ---- */

static bool is_dsack(const struct tcp_segment *s)
{
	const struct tcp_sack_block *b = s->sack;

	if (seq_lt(b[0].start, s->ack))
		return true;
	return s->nsacks > 1 && seq_le(b[1].start, b[0].start) && seq_le(b[0].end, b[1].end);
}

/* Before the ACK is taken: does it tell of something that came twice? */
void tcp_sack_dsack(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a)
{
	uint32_t start = s->sack[0].start, end = s->sack[0].end, n = end - start, dups;

	if (!is_dsack(s))
		return;
	a->dsack_block = true;
	if (!seq_lt(start, end) || seq_lt(tp->snd_nxt, end) || n > tp->max_window ||
	    (int32_t)(tp->snd_una - start) > (int32_t)tp->max_window) {
		tp->tcp->stats.dsack_ignored++;
		return;
	}
	if (seq_lt(start, s->ack))
		tp->tcp->stats.dsack_recv++;
	else
		tp->tcp->stats.dsack_ofo_recv++;
	dups = n > tp->mss ? (n + tp->mss - 1) / tp->mss : 1;
	tp->dsack_dups += dups;
	if (tp->dsack_dups > tp->total_retrans)
		return;
	a->segs += dups;
	if (tp->tlp_out && tp->tlp_is_retrans && end == tp->tlp_end_seq && n <= tp->mss)
		a->dsack_tlp = true;
	else
		a->dsack = true;
	tcp_undo_dsack(tp, end, n);
}

/* ---- marking ---- */

static void mark(struct tcp_sock *tp, struct packet *p, struct tcp_acked *a)
{
	struct tcp_seg *seg = seg_of(p);
	uint32_t fack = tcp_fack(tp);

	if (!seg->rexmits) {
		if (seq_lt(seg->seq, fack) && seq_lt(seg->seq, a->reord))
			a->reord = seg->seq;
		if (seq_le(seg->end, tp->recover))
			a->original = true;
		if (!a->sack_first)
			a->sack_first = seg->sent;
		a->sack_last = seg->sent;
	}
	a->sacked += seg->end - seg->seq;
	tcp_note_delivered(tp, p, seg->end - seg->seq, a);
	tp->snd_fack = seq_max(fack, seg->end);
	sendq_mark_sacked(tp, p);
}

enum cut { CUT_TAKE, CUT_BEFORE, CUT_PART };

/* Make p lie within [start, end) or before it, if whole wire segments of it do. */
static enum cut cut(struct tcp_sock *tp, struct packet *p, uint32_t start, uint32_t end)
{
	struct tcp_seg *seg = seg_of(p);
	uint32_t n;

	if (seq_lt(seg->seq, start)) {
		n = start - seg->seq;
		n = (n + seg->mss - 1) / seg->mss * seg->mss;
		if (n >= p->len || !sendq_may_split(tp) || !sendq_split(tp, p, n))
			return CUT_PART;
		return CUT_BEFORE;
	}
	if (seq_lt(end, seg->end)) {
		n = end - seg->seq;
		n -= n % seg->mss;
		if (!n || n >= p->len || !sendq_may_split(tp) || !sendq_split(tp, p, n))
			return CUT_PART;
	}
	return CUT_TAKE;
}

static bool is_sacked(const struct tcp_sock *tp, struct packet *p)
{
	return p && p != tp->send_next && seg_of(p)->sacked;
}

/* Marked neighbours become one packet. The packet that p is in then. */
static struct packet *join(struct tcp_sock *tp, struct packet *prev, struct packet *p)
{
	if (is_sacked(tp, prev) && sendq_join(tp, prev))
		p = prev;
	if (is_sacked(tp, p->next))
		sendq_join(tp, p);
	return p;
}

/* The hint that is nearest before start; -1: none is. */
static int nearest(const struct tcp_sock *tp, uint32_t start)
{
	int best = -1;

	for (int i = 0; i < 2; i++) {
		struct packet *p = tp->sack_hint[i];

		if (p && seq_le(seg_of(p)->seq, start) &&
		    (best < 0 || seq_lt(seg_of(tp->sack_hint[best])->seq, seg_of(p)->seq)))
			best = i;
	}
	return best;
}

static void mark_range(struct tcp_sock *tp, uint32_t start, uint32_t end, struct walk *w)
{
	int hint = nearest(tp, start);
	struct packet *p = hint < 0 ? tp->sendq : tp->sack_hint[hint], *prev = NULL;

	for (; p && p != tp->send_next && seq_lt(seg_of(p)->seq, end); prev = p, p = p->next) {
		if (!w->left) {
			w->complete = false;
			break;
		}
		w->left--;
		if (seq_le(seg_of(p)->end, start) || seg_of(p)->sacked)
			continue;
		switch (cut(tp, p, start, end)) {
		case CUT_PART:
			w->complete = false;
			break;
		case CUT_BEFORE:
			break;
		case CUT_TAKE:
			mark(tp, p, w->a);
			p = join(tp, prev, p);
		}
	}
	if (prev)
		tp->sack_hint[hint >= 0 ? hint : !seq_lt(end, tcp_fack(tp))] = prev;
}

/* What is in [start, end) and not in a block of the last ACK. */
static void mark_new(struct tcp_sock *tp, uint32_t start, uint32_t end, struct walk *w)
{
	for (uint32_t i = 0; i < tp->nseen && seq_lt(start, end); i++) {
		const struct tcp_sack_block *b = &tp->seen[i];

		if (seq_le(b->end, start))
			continue;
		if (seq_le(end, b->start))
			break;
		if (seq_lt(start, b->start))
			mark_range(tp, start, b->start, w);
		start = b->end;
	}
	if (seq_lt(start, end))
		mark_range(tp, start, end, w);
}

/* ---- the blocks of an ACK ---- */

/* Those that can be, sorted. How many. */
static uint32_t blocks_take(struct tcp_sock *tp, const struct tcp_segment *s, bool dsack,
			    struct tcp_sack_block *to)
{
	uint32_t n = 0, k;

	for (uint32_t i = dsack; i < s->nsacks; i++) {
		const struct tcp_sack_block *b = &s->sack[i];

		if (seq_le(b->end, tp->snd_una) && seq_lt(b->start, b->end))
			continue;		/* an ACK that was overtaken */
		if (!seq_lt(b->start, b->end) || seq_lt(b->start, tp->snd_una) ||
		    seq_lt(tp->snd_nxt, b->end)) {
			tp->tcp->stats.sack_discard++;
			continue;
		}
		for (k = n++; k && seq_lt(b->start, to[k - 1].start); k--)
			to[k] = to[k - 1];
		to[k] = *b;
	}
	return n;
}

/* SND.UNA is up to date. */
void tcp_sack_input(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a)
{
	struct walk w = { .a = a, .left = WALK_MAX, .complete = true };
	struct tcp_sack_block b[TCP_SACK_BLOCKS];
	uint32_t n = blocks_take(tp, s, a->dsack_block, b);

	for (uint32_t i = 0; i < n; i++)
		mark_new(tp, b[i].start, b[i].end, &w);
	tp->nseen = w.complete ? (uint8_t)n : 0;
	memcpy(tp->seen, b, n * sizeof(b[0]));
}

void tcp_sack_forget(struct tcp_sock *tp)
{
	sendq_unmark_sacked(tp);
	tp->nseen = 0;
	tp->sack_hint[0] = tp->sack_hint[1] = NULL;
	tp->tcp->stats.sack_renegs++;
}

/* An original at low was delivered after others that were sent later (RFC 8985 6.2, step 3). */
void tcp_sack_reordering(struct tcp_sock *tp, uint32_t low, uint32_t fack)
{
	uint32_t distance;

	if (!seq_lt(low, fack))
		return;
	distance = (fack - low + tp->mss - 1) / tp->mss;
	if (distance > tp->reordering)
		tp->reordering = distance < TCP_REORDERING_MAX ? distance : TCP_REORDERING_MAX;
	tp->reord_seen++;
	tp->tcp->stats.sack_reorder++;
}
