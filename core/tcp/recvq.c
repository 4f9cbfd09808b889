/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recvq.c - what was received: in order for the reader, out of order until the gap is filled.
 *
 * Theory of operation: recvq holds bytes up to RCV.NXT that the reader has not taken; ofo holds
 * what came beyond RCV.NXT, sorted, without overlaps. It is a treap (base/tree.h): a peer that
 * sends tiny segments with gaps, in whatever order, makes each cost a search of O(log n) expected
 * steps (a list costs a walk over it: CVE-2018-5390). Priorities are hashes under the stack's key,
 * of a number that never comes again, so that nobody else knows them. Nearly every segment belongs
 * at the end: that is looked at first.
 *
 * Memory: half of rcvbuf is the window, the other half pays for overhead, as Linux counts. What
 * is really held is rmem. A peer that sends tiny segments, or small ones in large buffers,
 * costs far more memory than payload; therefore a packet that wastes more than two thirds of
 * its memory is copied behind its predecessor when one waits (a reader that keeps up costs no
 * copy), and ofo gives up its farthest packets when rmem exceeds the limit. So rmem stays below
 * twice rcvbuf whatever arrives.
 *
 * When the memory of the whole stack is scarce, data is taken only for a reader that has nothing to
 * read: each goes on, one packet at a time, and what the others hold drains. To what is refused the
 * answer is a window of 0, against what was promised (RFC 9293 3.8.6 lets a sender expect that;
 * Linux does it since 6.6): otherwise the peer would send into silence, and give the connection up
 * after a quarter of an hour.
 *
 * Right-sizing (after Linux's tcp_rcv_space_adjust): what the reader took in one round trip
 * is what a sender that is limited by our window can send in one; the buffer grows
 * to twice of that, so that slow start is never held up, up to rmem's maximum.
 */
#include "packet/pool.h"
#include "tcp/sock.h"

#define WASTE		3u	/* memory per payload from which on copying pays */
#define COLLAPSE_SMALL	8192u
#define COLLAPSE_LARGE	32768u

uint32_t recvq_full_window(const struct tcp_sock *tp)
{
	uint32_t full = tp->sk.rcvbuf / 2;

	return tp->window_clamp && tp->window_clamp < full ? tp->window_clamp : full;
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

static bool collapse_buf(struct tcp_sock *tp, struct packet *to, uint32_t len, uint32_t room)
{
	if (tp->rx_buf && tp->rx_buf->size - tp->rx_used >= len)
		return true;
	buf_put(tp->rx_buf);
	tp->rx_buf = buf_alloc(tp->tcp->env->pool, room);
	tp->rx_used = 0;
	if (!tp->rx_buf || tp->rx_buf->size < len)
		return false;
	rx_of(to)->charge += tp->rx_buf->size;
	tp->rmem += tp->rx_buf->size;
	return true;
}

/* The size of a new buffer for a packet of len bytes, when all together n are to be copied. */
static uint32_t collapse_room(uint32_t len, uint32_t n)
{
	if (len > COLLAPSE_SMALL || n >= COLLAPSE_LARGE)
		return COLLAPSE_LARGE;
	return n > PACKET_BUF_SMALL ? COLLAPSE_SMALL : PACKET_BUF_SMALL;
}

/* Copy p's payload behind the last packet, into a new buffer of room bytes where there is none.
 * True: p is consumed. */
static bool join_tail(struct tcp_sock *tp, struct packet *p, uint32_t room)
{
	struct packet *tail = tp->recvq_tail;

	if (!tail || p->len > COLLAPSE_LARGE)
		return false;
	if (tail->nfrags >= PACKET_FRAGS || !collapse_buf(tp, tail, p->len, room))
		return false;
	packet_copy_out(p, 0, tp->rx_buf->data + tp->rx_used, p->len);
	if (!packet_append(tail, tp->rx_buf, tp->rx_used, p->len))
		return false;
	tp->rx_used += p->len;
	tp->rmem -= rx_of(p)->charge;
	packet_free(p);
	return true;
}

/* Most of its memory is not payload. */
static bool wasteful(const struct packet *p)
{
	return rx_of((struct packet *)p)->charge / WASTE > p->len;
}

/* A packet to join others to. */
static void append_empty(struct tcp_sock *tp)
{
	struct packet *p = packet_alloc(tp->tcp->env->pool, 0);

	if (!p)
		return;
	*rx_of(p) = (struct tcp_rx){ .charge = p->truesize };
	tp->rmem += p->truesize;
	recvq_append(tp, p);
}

/* p begins at RCV.NXT; its memory is charged. */
static void recvq_take(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_rx *rx = rx_of(p);
	bool fin = rx->fin;

	tp->rcv_nxt = rx->end;
	tp->recv_bytes += p->len;
	tp->bytes_received += p->len + fin;	/* FIN is a byte, as on Linux */
	if (!p->len) {
		tp->rmem -= rx->charge;
		packet_free(p);
	} else if (!wasteful(p) || !join_tail(tp, p, p->len > COLLAPSE_SMALL ? COLLAPSE_LARGE :
								COLLAPSE_SMALL)) {
		recvq_append(tp, p);
	}
	if (fin)
		tcp_fin_received(tp);
}

/* ---- the out-of-order queue ---- */

/* The packet of a node of ofo; NULL for none. */
static struct packet *ofo_packet(struct tree_node *n)
{
	struct tcp_rx *rx = n ? container_of(n, struct tcp_rx, node) : NULL;

	return rx ? container_of((uint8_t (*)[PACKET_CB])(void *)rx, struct packet, cb) : NULL;
}

static struct packet *ofo_first(const struct tcp_sock *tp)
{
	return ofo_packet(tp->ofo.first);
}

static struct packet *ofo_last(const struct tcp_sock *tp)
{
	return ofo_packet(tp->ofo.last);
}

static struct packet *ofo_next(struct packet *p)
{
	return ofo_packet(tree_next(&rx_of(p)->node));
}

static struct packet *ofo_prev(struct packet *p)
{
	return ofo_packet(tree_prev(&rx_of(p)->node));
}

/* The last packet that begins at seq or before; NULL: none does. */
static struct packet *ofo_find(const struct tcp_sock *tp, uint32_t seq)
{
	struct packet *p = ofo_last(tp), *found = NULL;

	if (!p || seq_le(rx_of(p)->seq, seq))
		return p;
	p = ofo_packet(tp->ofo.root);
	while (p) {
		struct tree_node *n = &rx_of(p)->node;

		if (seq_le(rx_of(p)->seq, seq)) {
			found = p;
			n = n->right;
		} else {
			n = n->left;
		}
		p = ofo_packet(n);
	}
	return found;
}

static void ofo_link(struct tcp_sock *tp, struct packet *p, struct packet *prev)
{
	uint64_t number = tp->tcp->stats.ofo_queued++;

	tree_insert(&tp->ofo, &rx_of(p)->node, prev ? &rx_of(prev)->node : NULL,
		    (uint32_t)siphash(&tp->tcp->env->key, &number, sizeof(number)));
}

static void ofo_unlink(struct tcp_sock *tp, struct packet *p)
{
	tree_del(&tp->ofo, &rx_of(p)->node);
}

static void ofo_drop(struct tcp_sock *tp, struct packet *p)
{
	ofo_unlink(tp, p);
	tp->rmem -= rx_of(p)->charge;
	packet_free(p);
}

static void ofo_clear(struct tcp_sock *tp)
{
	while (!tree_empty(&tp->ofo))
		ofo_drop(tp, ofo_first(tp));
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

/* Drop the farthest until no more than keep bytes of memory are held: they come again. */
static void ofo_give_up(struct tcp_sock *tp, uint32_t keep)
{
	struct packet *last;

	if (!tree_empty(&tp->ofo))
		tcp_report_reset(tp);
	while (tp->rmem > keep && (last = ofo_last(tp))) {
		ofo_drop(tp, last);
		tp->tcp->stats.ofo_drops++;
	}
}

static void ofo_prune(struct tcp_sock *tp)
{
	if (tp->rmem <= tp->sk.rcvbuf + tp->sk.rcvbuf / 2)
		return;
	tp->tcp->stats.rcv_pruned++;
	ofo_give_up(tp, tp->sk.rcvbuf);
}

/* p is in its place: a block of it and the neighbours that it touches. */
static void ofo_report(struct tcp_sock *tp, struct packet *p)
{
	struct packet *prev = ofo_prev(p), *next = ofo_next(p);
	uint32_t start = rx_of(p)->seq, end = rx_of(p)->end;

	if (prev && rx_of(prev)->end == start)
		start = rx_of(prev)->seq;
	if (next && rx_of(next)->seq == end)
		end = rx_of(next)->end;
	tcp_report_sack(tp, start, end);
}

static void ofo_insert(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_rx *rx = rx_of(p);
	struct packet *prev = ofo_find(tp, rx->seq), *next;

	if (prev && seq_le(rx->end, rx_of(prev)->end)) {	/* nothing new */
		tcp_report_dsack(tp, rx->seq, rx->end);
		packet_free(p);
		return;
	}
	if (prev && seq_lt(rx->seq, rx_of(prev)->end)) {
		tcp_report_dsack(tp, rx->seq, rx_of(prev)->end);
		rx_skip(p, rx_of(prev)->end - rx->seq);
	}
	while ((next = prev ? ofo_next(prev) : ofo_first(tp)) &&
	       seq_le(rx_of(next)->end, rx->end)) {
		tcp_report_dsack(tp, rx_of(next)->seq, rx_of(next)->end);
		ofo_drop(tp, next);
	}
	if (next && seq_lt(rx_of(next)->seq, rx->end)) {
		uint32_t keep = rx_of(next)->seq - rx->seq;

		tcp_report_dsack(tp, rx_of(next)->seq, rx->end);
		if (keep < p->len)
			packet_trim(p, keep);
		rx->end = rx_of(next)->seq;
		rx->fin = false;
	}
	p = ofo_compact(tp, p);
	tp->rmem += rx_of(p)->charge;
	ofo_link(tp, p, prev);
	ofo_report(tp, p);
	ofo_prune(tp);
}

/* RCV.NXT has moved: what it reached is in order now. */
static void ofo_drain(struct tcp_sock *tp)
{
	struct packet *p;

	while ((p = ofo_first(tp)) && !tp->fin_received && seq_le(rx_of(p)->seq, tp->rcv_nxt)) {
		if (seq_le(rx_of(p)->end, tp->rcv_nxt)) {
			ofo_drop(tp, p);
			continue;
		}
		ofo_unlink(tp, p);
		rx_skip(p, tp->rcv_nxt - rx_of(p)->seq);
		recvq_take(tp, p);
	}
	if (tp->fin_received)		/* nothing can follow a FIN */
		ofo_clear(tp);
	tcp_report_trim(tp);
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
	p->next = NULL;
	if (seq_lt(rx->seq, tp->rcv_nxt)) {
		tcp_report_dsack(tp, rx->seq, tp->rcv_nxt);
		rx_skip(p, tp->rcv_nxt - rx->seq);
	}
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
	if (tcp_memory_pressure(tp->tcp))
		tcp_shrink_buffers(tp);
	if (p->len && tcp_memory_scarce(tp->tcp) &&
	    (tp->recvq || rx->seq != tp->rcv_nxt || packet_pool_short(tp->tcp->env->pool))) {
		tp->tcp->stats.rcv_pruned++;
		packet_free(p);
		if (tp->recvq) {		/* the ACK says so, though there is room again without it */
			tp->rcv_adv = tp->rcv_nxt;
			tp->refused = true;
		}
		return;
	}
	if (rx->seq != tp->rcv_nxt) {
		tp->rcv_ooopack += s->segs;
		ofo_insert(tp, p);
		return;
	}
	tp->rmem += rx->charge;
	recvq_take(tp, p);
	if (!tree_empty(&tp->ofo))
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
	ofo_clear(tp);
	tcp_report_reset(tp);
	buf_put(tp->rx_buf);
	tp->rx_buf = NULL;
}

/* Memory is scarce: the peer still has what is out of order, and sends it again. */
void recvq_prune(struct tcp_sock *tp)
{
	if (tree_empty(&tp->ofo))
		return;
	tp->tcp->stats.rcv_pruned++;
	ofo_give_up(tp, 0);
}

/* A third or more of it is not payload, and it can be copied. */
static bool may_collapse(struct packet *p)
{
	return rx_of(p)->charge > p->len + p->len / 2 && p->len <= COLLAPSE_LARGE;
}

/* Payload that copying would join; 0: it would take as much memory as it gives back. */
static uint32_t worth_collapsing(const struct tcp_sock *tp)
{
	uint64_t before = 0, after = sizeof(struct packet);
	uint32_t bytes = 0, left, room = 0;

	for (struct packet *p = tp->recvq; p; p = p->next) {
		if (may_collapse(p)) {
			bytes += p->len;
			before += rx_of(p)->charge;
		}
	}
	left = bytes;
	for (struct packet *p = tp->recvq; p && after < before; p = p->next) {
		if (!may_collapse(p))
			continue;
		if (room < p->len) {
			room = collapse_room(p->len, left);
			after += sizeof(struct buf) + room;
		}
		room -= p->len;
		left -= p->len;
	}
	return after < before ? bytes : 0;
}

/*
 * Memory is scarce: packets of which a third or more is not payload are copied together, one by
 * one, so that it never takes more than a buffer before it gives back. Without memory the rest
 * stays as it is.
 */
void recvq_collapse(struct tcp_sock *tp)
{
	struct packet *p = tp->recvq, *next;
	uint32_t left;

	if (tp->rmem <= tp->recv_bytes + tp->recv_bytes / 2)
		return;
	left = worth_collapsing(tp);
	if (!left)
		return;
	tp->tcp->stats.rcv_collapsed++;
	tp->recvq = tp->recvq_tail = NULL;
	buf_put(tp->rx_buf);
	tp->rx_buf = NULL;
	for (; p; p = next) {
		uint32_t len = p->len;

		next = p->next;
		if (!may_collapse(p)) {
			recvq_append(tp, p);
			continue;
		}
		if (!tp->recvq_tail || tp->recvq_tail->nfrags >= PACKET_FRAGS)
			append_empty(tp);
		if (!join_tail(tp, p, collapse_room(len, left)))
			recvq_append(tp, p);
		left -= len;
	}
}

int tcp_peek(struct sock *sk, struct iovec *iov, int max)
{
	struct tcp_sock *tp = tcp_sock(sk);
	uint32_t left = urgent_read(tp);
	int n = 0;

	for (struct packet *p = tp->recvq; p && left && n < max; p = p->next) {
		uint32_t take = p->len < left ? p->len : left;

		n += packet_iov(p, 0, take, iov + n, max - n);
		left -= take;
	}
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
		if (want > tp->tcp->rmem.max)
			want = tp->tcp->rmem.max;
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
