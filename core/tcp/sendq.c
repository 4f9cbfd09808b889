/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendq.c - the send queue: what the user wrote, from SND.UNA on.
 *
 * Theory of operation: a list of packets that hold payload only, as references into the buffers
 * that the user's bytes were read into. Each is a super-segment as large as the route takes, or
 * one segment where GSO is off. A transmission is a fresh packet with a header on references to
 * the same bytes, so the queue keeps everything until it is acknowledged and copies nothing.
 *
 *	sendq           send_next                  sendq_tail
 *	 | sent, not acked  | not sent yet, write appends |
 *	SND.UNA          SND.NXT                        write_seq
 *
 * A packet is split where less of it may be sent, or less of it is lost, than the whole, so that
 * sent time and the marks are always true for all of a packet. lost and retrans are summed up in
 * the connection; every change of a mark goes through here.
 */
#include <errno.h>

#include "tcp/sock.h"

#define GATHER_MAX 256u		/* bytes of a write that copying is cheap for */
#define GATHER_BUF 8192u

static uint32_t seg_len(struct packet *p)
{
	return seg_of(p)->end - seg_of(p)->seq;
}

static struct packet *sendq_add(struct tcp_sock *tp)
{
	struct packet *p = packet_alloc(tp->tcp->env->pool, PACKET_HEADROOM);
	struct tcp_seg *seg;

	if (!p)
		return NULL;
	seg = seg_of(p);
	memset(seg, 0, sizeof(*seg));
	seg->seq = seg->end = tp->write_seq;
	p->next = NULL;
	if (tp->sendq_tail)
		tp->sendq_tail->next = p;
	else
		tp->sendq = p;
	tp->sendq_tail = p;
	if (!tp->send_next)
		tp->send_next = p;
	return p;
}

static bool joins(const struct packet *p, const struct buf *b, uint32_t off)
{
	const struct packet_frag *last = p->nfrags ? &p->frags[p->nfrags - 1] : NULL;

	return last && last->buf == b && last->off + last->len == off;
}

/*
 * Small writes that come in buffers of their own would use up a packet's fragments: their bytes
 * are copied together. b and off name the copy afterwards; without memory they stay, which is
 * right, too.
 */
static void gather(struct tcp_sock *tp, struct buf **b, uint32_t *off, uint32_t len)
{
	struct buf *to = tp->tx_buf;

	if (!to || to->size - tp->tx_used < len) {
		to = buf_alloc(tp->tcp->env->pool, GATHER_BUF);
		if (!to)
			return;
		buf_put(tp->tx_buf);
		tp->tx_buf = to;
		tp->tx_used = 0;
	}
	memcpy(to->data + tp->tx_used, (*b)->data + *off, len);
	*b = to;
	*off = tp->tx_used;
	tp->tx_used += len;
}

static bool append(struct tcp_sock *tp, struct packet *p, struct buf *b, uint32_t off, uint32_t len)
{
	if (len <= GATHER_MAX && !joins(p, b, off))
		gather(tp, &b, &off, len);
	if (!packet_append(p, b, off, len))
		return false;
	seg_of(p)->end += len;
	tp->write_seq += len;
	tp->queued += len;
	return true;
}

ssize_t sendq_write(struct tcp_sock *tp, struct buf *b, uint32_t off, uint32_t len)
{
	uint32_t goal = tcp_size_goal(tp), done = 0;

	while (done < len) {
		struct packet *p = tp->send_next ? tp->sendq_tail : NULL;
		uint32_t n = len - done;

		if (p && p->len < goal) {
			n = n < goal - p->len ? n : goal - p->len;
			if (append(tp, p, b, off + done, n)) {
				done += n;
				continue;
			}
			n = len - done;
		}
		p = sendq_add(tp);
		if (!p)
			break;
		n = n < goal ? n : goal;
		if (!append(tp, p, b, off + done, n))
			break;		/* cannot be: a new packet has room for fragments */
		done += n;
	}
	return done ? (ssize_t)done : -ENOBUFS;
}

/* FIN takes the place in sequence after the last byte: on the last packet, if that was not sent. */
int sendq_fin(struct tcp_sock *tp)
{
	struct packet *p = tp->send_next ? tp->sendq_tail : sendq_add(tp);

	if (!p)
		return -ENOBUFS;
	seg_of(p)->flags |= TCPH_FIN;
	seg_of(p)->end++;
	tp->write_seq++;
	tp->fin_queued = true;
	return 0;
}

/* Cut p after its first n bytes of payload, 0 < n < p->len; the rest follows it, marked alike. */
bool sendq_split(struct tcp_sock *tp, struct packet *p, uint32_t n)
{
	struct packet *q = packet_clone(p);
	struct tcp_seg *a = seg_of(p), *b;

	if (!q)
		return false;
	b = seg_of(q);
	*b = *a;
	packet_skip(q, n);
	packet_trim(p, n);
	b->seq = a->end = a->seq + n;
	a->flags &= (uint8_t)~(TCPH_FIN | TCPH_PSH);
	q->next = p->next;
	p->next = q;
	if (tp->sendq_tail == p)
		tp->sendq_tail = q;
	return true;
}

void sendq_unmark(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_seg *seg = seg_of(p);

	if (seg->lost)
		tp->lost_out -= seg_len(p);
	if (seg->retrans)
		tp->retrans_out -= seg_len(p);
	seg->lost = seg->retrans = false;
}

/* Deemed lost, and not yet sent again (any more). */
void sendq_mark_lost(struct tcp_sock *tp, struct packet *p)
{
	sendq_unmark(tp, p);
	seg_of(p)->lost = true;
	tp->lost_out += seg_len(p);
	tp->rexmit = NULL;
}

void sendq_mark_all_lost(struct tcp_sock *tp)
{
	for (struct packet *p = tp->sendq; p && p != tp->send_next; p = p->next)
		sendq_mark_lost(tp, p);
}

void sendq_unmark_all(struct tcp_sock *tp)
{
	if (!tp->lost_out && !tp->retrans_out)
		return;
	for (struct packet *p = tp->sendq; p && p != tp->send_next; p = p->next)
		sendq_unmark(tp, p);
}

/*
 * The first that is lost and not under way again. The hint moves forward only, until it is
 * reset.
 */
struct packet *sendq_next_lost(struct tcp_sock *tp)
{
	struct packet *p = tp->rexmit ? tp->rexmit : tp->sendq;

	if (tp->lost_out == tp->retrans_out)
		return NULL;
	for (; p && p != tp->send_next; p = p->next) {
		tp->rexmit = p;
		if (seg_of(p)->lost && !seg_of(p)->retrans)
			return p;
	}
	return NULL;
}

void sendq_pop(struct tcp_sock *tp)
{
	struct packet *p = tp->sendq;

	sendq_unmark(tp, p);
	tp->queued -= p->len;
	tp->sendq = p->next;
	if (!tp->sendq)
		tp->sendq_tail = NULL;
	if (tp->send_next == p)
		tp->send_next = p->next;
	if (tp->rexmit == p)
		tp->rexmit = NULL;
	p->next = NULL;
	packet_free(p);
}

void sendq_trim(struct tcp_sock *tp, uint32_t n)
{
	struct packet *p = tp->sendq;
	struct tcp_seg *seg = seg_of(p);

	if (seg->lost)
		tp->lost_out -= n;
	if (seg->retrans)
		tp->retrans_out -= n;
	seg->seq += n;
	n = n < p->len ? n : p->len;
	packet_skip(p, n);
	tp->queued -= n;
}

void sendq_purge(struct tcp_sock *tp)
{
	while (tp->sendq)
		sendq_pop(tp);
	buf_put(tp->tx_buf);
	tp->tx_buf = NULL;
}
