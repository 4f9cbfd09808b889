/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recvq.c - what was received: in order for the reader, out of order until the gap is filled.
 *
 * Theory of operation: recvq holds bytes up to RCV.NXT that the reader has not taken; ofo holds
 * what came beyond RCV.NXT, sorted, without overlaps. Insertion into ofo searches from its end,
 * where nearly every segment belongs.
 *
 * Memory: half of rcvbuf is the window, the other half pays for overhead, as Linux counts. What
 * is really held is rmem. A peer that sends tiny segments, or small ones in large buffers,
 * costs far more memory than payload; therefore a packet that wastes more than two thirds of
 * its memory is copied behind its predecessor when one waits (a reader that keeps up costs no
 * copy), and ofo gives up its farthest packets when rmem exceeds the limit. So rmem stays below
 * twice rcvbuf whatever arrives.
 *
 * When the memory of the whole stack is scarce, data is taken only for a reader that has nothing to
 * read: each goes on, one packet at a time, and what the others hold drains.
 *
 * Right-sizing (after Linux's tcp_rcv_space_adjust): what the reader took in one round trip
 * is what a sender that is limited by our window can send in one; the buffer grows
 * to twice of that, so that slow start is never held up, up to rmem_max.
 */
#include "tcp/sock.h"

#define WASTE		3u	/* memory per payload from which on copying pays */
#define COLLAPSE_SMALL	8192u
#define COLLAPSE_LARGE	32768u

uint32_t recvq_full_window(const struct tcp_sock *tp)
{
	return tp->sk.rcvbuf / 2;
}

uint32_t recvq_window(const struct tcp_sock *tp)
{
	uint32_t full = recvq_full_window(tp);

	return tp->recv_bytes < full ? full - tp->recv_bytes : 0;
}

/* ---- the in-order queue ---- */

static void recvq_append(struct tcp_sock *tp, struct packet *p)
{
	p->next = NULL;
	if (tp->recvq_tail)
		tp->recvq_tail->next = p;
	else
		tp->recvq = p;
	tp->recvq_tail = p;
}

static bool collapse_buf(struct tcp_sock *tp, struct packet *to, uint32_t len)
{
	if (tp->rx_buf && tp->rx_buf->size - tp->rx_used >= len)
		return true;
	buf_put(tp->rx_buf);
	tp->rx_buf = buf_alloc(tp->tcp->env->pool, len > COLLAPSE_SMALL ? COLLAPSE_LARGE :
			       COLLAPSE_SMALL);
	tp->rx_used = 0;
	if (!tp->rx_buf || tp->rx_buf->size < len)
		return false;
	rx_of(to)->charge += tp->rx_buf->size;
	tp->rmem += tp->rx_buf->size;
	return true;
}

/* Copy p's payload behind the last packet, if p is wasteful. True: p is consumed. */
static bool recvq_collapse(struct tcp_sock *tp, struct packet *p)
{
	struct packet *tail = tp->recvq_tail;

	if (!tail || rx_of(p)->charge / WASTE <= p->len || p->len > COLLAPSE_LARGE)
		return false;
	if (tail->nfrags >= PACKET_FRAGS || !collapse_buf(tp, tail, p->len))
		return false;
	packet_copy_out(p, 0, tp->rx_buf->data + tp->rx_used, p->len);
	if (!packet_append(tail, tp->rx_buf, tp->rx_used, p->len))
		return false;
	tp->rx_used += p->len;
	tp->rmem -= rx_of(p)->charge;
	packet_free(p);
	return true;
}

/* p begins at RCV.NXT; its memory is charged. */
static void recvq_take(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_rx *rx = rx_of(p);
	bool fin = rx->fin;

	tp->rcv_nxt = rx->end;
	tp->recv_bytes += p->len;
	tp->bytes_received += p->len;
	if (!p->len) {
		tp->rmem -= rx->charge;
		packet_free(p);
	} else if (!recvq_collapse(tp, p)) {
		recvq_append(tp, p);
	}
	if (fin)
		tcp_fin_received(tp);
}

/* ---- the out-of-order queue ---- */

static void ofo_unlink(struct tcp_sock *tp, struct packet *p)
{
	struct packet *prev = rx_of(p)->prev;

	if (prev)
		prev->next = p->next;
	else
		tp->ofo = p->next;
	if (p->next)
		rx_of(p->next)->prev = prev;
	else
		tp->ofo_tail = prev;
	p->next = NULL;
}

static void ofo_drop(struct tcp_sock *tp, struct packet *p)
{
	ofo_unlink(tp, p);
	tp->rmem -= rx_of(p)->charge;
	packet_free(p);
}

static void ofo_link(struct tcp_sock *tp, struct packet *p, struct packet *prev)
{
	struct packet *next = prev ? prev->next : tp->ofo;

	rx_of(p)->prev = prev;
	p->next = next;
	if (prev)
		prev->next = p;
	else
		tp->ofo = p;
	if (next)
		rx_of(next)->prev = p;
	else
		tp->ofo_tail = p;
}

/* Drop the first n bytes of p's place in sequence. */
static void rx_skip(struct packet *p, uint32_t n)
{
	rx_of(p)->seq += n;
	packet_skip(p, n < p->len ? n : p->len);
}

/* A private copy of a small payload that sits in a large buffer. */
static struct packet *ofo_compact(struct tcp_sock *tp, struct packet *p)
{
	struct packet *q;

	if (rx_of(p)->charge / WASTE <= p->len || !p->len || p->truesize < 2 * COLLAPSE_LARGE)
		return p;
	q = packet_alloc(tp->tcp->env->pool, 0);
	if (!q)
		return p;
	for (uint32_t off = 0; off < p->len;) {
		uint32_t n = p->len - off < COLLAPSE_SMALL ? p->len - off : COLLAPSE_SMALL;
		struct buf *b = buf_alloc(tp->tcp->env->pool, n);

		if (!b) {
			packet_free(q);
			return p;
		}
		packet_copy_out(p, off, b->data, n);
		packet_append(q, b, 0, n);
		buf_put(b);
		off += n;
	}
	*rx_of(q) = *rx_of(p);
	rx_of(q)->charge = q->truesize;
	packet_free(p);
	return q;
}

static void ofo_prune(struct tcp_sock *tp)
{
	if (tp->rmem <= tp->sk.rcvbuf + tp->sk.rcvbuf / 2)
		return;
	tp->tcp->stats.rcv_pruned++;
	while (tp->ofo_tail && tp->rmem > tp->sk.rcvbuf) {
		ofo_drop(tp, tp->ofo_tail);
		tp->tcp->stats.ofo_drops++;
	}
}

static void ofo_insert(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_rx *rx = rx_of(p);
	struct packet *prev = tp->ofo_tail, *next;

	while (prev && seq_lt(rx->seq, rx_of(prev)->seq))
		prev = rx_of(prev)->prev;
	if (prev && seq_le(rx->end, rx_of(prev)->end)) {	/* nothing new */
		packet_free(p);
		return;
	}
	if (prev && seq_lt(rx->seq, rx_of(prev)->end))
		rx_skip(p, rx_of(prev)->end - rx->seq);
	for (next = prev ? prev->next : tp->ofo; next && seq_le(rx_of(next)->end, rx->end);
	     next = prev ? prev->next : tp->ofo)
		ofo_drop(tp, next);
	if (next && seq_lt(rx_of(next)->seq, rx->end)) {
		uint32_t keep = rx_of(next)->seq - rx->seq;

		if (keep < p->len)
			packet_trim(p, keep);
		rx->end = rx_of(next)->seq;
		rx->fin = false;
	}
	p = ofo_compact(tp, p);
	tp->rmem += rx_of(p)->charge;
	ofo_link(tp, p, prev);
	tp->tcp->stats.ofo_queued++;
	ofo_prune(tp);
}

/* RCV.NXT has moved: what it reached is in order now. */
static void ofo_drain(struct tcp_sock *tp)
{
	struct packet *p;

	while ((p = tp->ofo) && !tp->fin_received && seq_le(rx_of(p)->seq, tp->rcv_nxt)) {
		if (seq_le(rx_of(p)->end, tp->rcv_nxt)) {
			ofo_drop(tp, p);
			continue;
		}
		ofo_unlink(tp, p);
		rx_skip(p, tp->rcv_nxt - rx_of(p)->seq);
		recvq_take(tp, p);
	}
	if (tp->fin_received)		/* nothing can follow a FIN */
		while (tp->ofo)
			ofo_drop(tp, tp->ofo);
}

/* ---- */

/*
 * A segment with payload or FIN that overlaps the window; p->data is at the payload. What lies
 * outside of the window is cut off. Consumes p.
 */
void recvq_input(struct tcp_sock *tp, struct packet *p, struct tcp_segment *s)
{
	struct tcp_rx *rx = rx_of(p);
	uint32_t edge = seq_max(tp->rcv_adv, tp->rcv_nxt);

	rx->seq = s->seq;
	rx->end = s->end;
	rx->fin = s->flags & TCPH_FIN;
	rx->charge = p->truesize;
	rx->prev = NULL;
	p->next = NULL;
	if (seq_lt(rx->seq, tp->rcv_nxt))
		rx_skip(p, tp->rcv_nxt - rx->seq);
	/* A FIN alone at the edge takes no memory and may pass it. */
	if (seq_lt(edge, rx->seq + p->len)) {
		if (seq_le(edge, rx->seq)) {
			packet_free(p);
			return;
		}
		packet_trim(p, edge - rx->seq);
		rx->end = edge;
		rx->fin = false;
	}
	if (p->len && tcp_memory_scarce(tp->tcp) && (tp->recvq || rx->seq != tp->rcv_nxt)) {
		tp->tcp->stats.rcv_pruned++;
		packet_free(p);
		return;
	}
	if (rx->seq != tp->rcv_nxt) {
		ofo_insert(tp, p);
		return;
	}
	tp->rmem += rx->charge;
	recvq_take(tp, p);
	if (tp->ofo)
		ofo_drain(tp);
	ofo_prune(tp);
}

void recvq_purge(struct tcp_sock *tp)
{
	struct packet *p;

	while ((p = tp->recvq)) {
		tp->recvq = p->next;
		p->next = NULL;
		tp->rmem -= rx_of(p)->charge;
		packet_free(p);
	}
	tp->recvq_tail = NULL;
	tp->recv_bytes = 0;
	while (tp->ofo)
		ofo_drop(tp, tp->ofo);
	buf_put(tp->rx_buf);
	tp->rx_buf = NULL;
}

int tcp_peek(struct sock *sk, struct iovec *iov, int max)
{
	struct tcp_sock *tp = tcp_sock(sk);
	int n = 0;

	for (struct packet *p = tp->recvq; p && n < max; p = p->next)
		n += packet_iov(p, 0, p->len, iov + n, max - n);
	return n;
}

/* Once a round trip: did the reader take more than in any before? */
static void right_size(struct tcp_sock *tp)
{
	uint64_t rtt = tp->drs_rtt ? tp->drs_rtt : tp->srtt, want;

	if (!rtt || tcp_now(tp) - tp->drs_start < rtt)
		return;
	if (tp->drs_copied > tp->drs_space) {
		tp->drs_space = tp->drs_copied;
		want = 2 * (2 * (uint64_t)tp->drs_copied + 16 * tp->rcv_mss);
		if (want > tp->tcp->rmem_max)
			want = tp->tcp->rmem_max;
		if (!tp->sk.rcvbuf_locked && want > tp->sk.rcvbuf && !tcp_memory_pressure(tp->tcp))
			tp->sk.rcvbuf = (uint32_t)want;
	}
	tp->drs_copied = 0;
	tp->drs_start = tcp_now(tp);
}

/* n bytes were taken by the reader. */
void recvq_consumed(struct tcp_sock *tp, uint32_t n)
{
	struct packet *p;

	while (n && (p = tp->recvq)) {
		uint32_t take = n < p->len ? n : p->len;

		n -= take;
		tp->recv_bytes -= take;
		tp->drs_copied += take;
		if (take < p->len) {
			packet_skip(p, take);
			break;
		}
		tp->recvq = p->next;
		if (!tp->recvq)
			tp->recvq_tail = NULL;
		p->next = NULL;
		tp->rmem -= rx_of(p)->charge;
		packet_free(p);
	}
	if (!tp->recvq && tp->rx_buf) {
		buf_put(tp->rx_buf);
		tp->rx_buf = NULL;
	}
	right_size(tp);
}
