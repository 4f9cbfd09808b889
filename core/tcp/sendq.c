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
 * A packet is split where less of it may be sent, is lost or is SACKed than the whole, so that sent
 * time and the marks are always true for all of a packet; SACKed neighbours become one again. The
 * marks, of what was sent:
 *
 *	sacked		the peer holds it: the other two are off
 *	lost		deemed lost
 *	retrans		sent again, and that is under way: with lost, or as a probe
 *
 * are summed up in the connection; every change of a mark goes through here. What may still arrive,
 * that is what is neither sacked nor lost without retrans, is also in the list by_time, in the
 * order of its last transmission.
 *
 * Where the cuts fall is the peer's choice, and a packet costs far more memory than a segment of
 * few bytes (CVE-2019-11478): sendq_may_split() bounds them.
 */
#include <errno.h>

#include "packet/pool.h"
#include "tcp/sock.h"

#define GATHER_MAX 256u		/* bytes of a write that copying is cheap for */
#define GATHER_BUF 8192u
#define SPLIT_MIN  128u		/* packets that cuts may always make */
#define JOIN_MAX   65535u	/* bytes */
#define PROBE_SEGMENTS 4u

static uint32_t seg_len(struct packet *p)
{
	return seg_of(p)->end - seg_of(p)->seq;
}

static uint32_t wire_segments(uint32_t payload, uint32_t mss)
{
	return payload > mss ? (payload + mss - 1) / mss : 1;
}

/* Wire segments that end within the first n bytes of p; the last ends with p. */
uint32_t sendq_segs(struct packet *p, uint32_t n)
{
	const struct tcp_seg *seg = seg_of(p);
	uint32_t full;

	if (n >= seg_len(p) || !seg->segs)
		return seg->segs;
	full = n / seg->mss;
	return full < seg->segs ? full : seg->segs - 1;
}

/* The first n bytes of p, with its marks, come in (sign 1) or go out of the sums. */
static void sum_marks(struct tcp_sock *tp, struct packet *p, uint32_t n, int sign)
{
	const struct tcp_seg *seg = seg_of(p);
	uint32_t segs = sendq_segs(p, n) * (uint32_t)sign;

	n *= (uint32_t)sign;
	tp->segs.out += segs;
	if (seg->sacked) {
		tp->sacked_out += n;
		tp->segs.sacked += segs;
	}
	if (seg->lost) {
		tp->lost_out += n;
		tp->segs.lost += segs;
	}
	if (seg->retrans) {
		tp->retrans_out += n;
		tp->segs.retrans += segs;
	}
	if (seg->lost && !seg->retrans)
		tp->rexmit_due += n;
}

static struct packet *sendq_add(struct tcp_sock *tp, enum pool_use use)
{
	struct packet *p = packet_alloc_for(tp->tcp->env->pool, use, PACKET_HEADROOM);
	struct tcp_seg *seg;

	if (!p)
		return NULL;
	seg = seg_of(p);
	memset(seg, 0, sizeof(*seg));
	seg->seq = seg->end = tp->write_seq;
	list_init(&seg->by_time);
	p->next = NULL;
	if (tp->sendq_tail)
		tp->sendq_tail->next = p;
	else
		tp->sendq = p;
	tp->sendq_tail = p;
	tp->nsegs++;
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
 * Small writes that come in buffers of their own would use up a packet's fragments: their bytes are
 * copied together. Where memory is scarce all are copied, into no more than they need: a part of a
 * large buffer would hold all of it, for as long as the peer does not read. b and off name the copy
 * afterwards; without memory they stay, which is right, too.
 */
static void gather(struct tcp_sock *tp, struct buf **b, uint32_t *off, uint32_t len)
{
	struct buf *to = tp->tx_buf;

	if (!to || to->size - tp->tx_used < len) {
		to = buf_alloc(tp->tcp->env->pool, tcp_memory_scarce(tp->tcp) ? len : GATHER_BUF);
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
	if ((len <= GATHER_MAX || tcp_memory_scarce(tp->tcp)) && !joins(p, b, off))
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
	/* A probe of the path MTU is more than a segment, and must be cut from one packet. */
	uint32_t goal = tcp_size_goal(tp), done = 0;

	if (tp->mtu.enabled && goal < PROBE_SEGMENTS * tp->mss)
		goal = PROBE_SEGMENTS * tp->mss;
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
		p = sendq_add(tp, POOL_KEPT);
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
	struct packet *p = tp->send_next ? tp->sendq_tail : sendq_add(tp, POOL_LAST);

	if (!p)
		return -ENOBUFS;
	seg_of(p)->flags |= TCPH_FIN;
	seg_of(p)->end++;
	tp->write_seq++;
	tp->fin_queued = true;
	return 0;
}

/*
 * Memory that cuts may take: as much as the send buffer, and enough for a queue of full segments. A
 * cut that is refused costs no more than a needless retransmission.
 */
bool sendq_may_split(const struct tcp_sock *tp)
{
	uint64_t most = tp->sk.sndbuf / sizeof(struct packet) + tp->queued / TCP_MSS_ASSUMED;

	return tp->nsegs < most + SPLIT_MIN;
}

/* Cut p after its first n bytes of payload, 0 < n < p->len; the rest follows it, marked alike. */
bool sendq_split(struct tcp_sock *tp, struct packet *p, uint32_t n)
{
	struct packet *q = packet_clone(p);
	struct tcp_seg *a = seg_of(p), *b;

	if (!q)
		return false;
	sum_marks(tp, p, seg_len(p), -1);
	b = seg_of(q);
	*b = *a;
	packet_skip(q, n);
	packet_trim(p, n);
	b->seq = a->end = a->seq + n;
	a->flags &= (uint8_t)~(TCPH_FIN | TCPH_PSH);
	if (a->segs) {
		a->segs = wire_segments(n, a->mss);
		b->segs = b->segs > a->segs ? b->segs - a->segs : 1;
	}
	sum_marks(tp, p, seg_len(p), 1);
	sum_marks(tp, q, seg_len(q), 1);
	if (list_empty(&a->by_time))
		list_init(&b->by_time);
	else
		list_add(&b->by_time, &a->by_time);
	q->next = p->next;
	p->next = q;
	if (tp->sendq_tail == p)
		tp->sendq_tail = q;
	tp->nsegs++;
	return true;
}

/* A packet goes: nothing may point at it any more. */
static void forget(struct tcp_sock *tp, struct packet *p, struct packet *instead)
{
	if (tp->rexmit == p)
		tp->rexmit = instead;
	for (int i = 0; i < 2; i++)
		if (tp->sack_hint[i] == p)
			tp->sack_hint[i] = instead;
	tp->nsegs--;
}

/* False: their payload does not fit into one packet. */
bool sendq_join(struct tcp_sock *tp, struct packet *p)
{
	struct packet *q = p->next;
	uint32_t frags = p->nfrags + q->nfrags;

	if (q->nfrags && joins(p, q->frags[0].buf, q->frags[0].off))
		frags--;
	if (frags > PACKET_FRAGS || p->len + q->len > JOIN_MAX)
		return false;
	for (uint32_t i = 0; i < q->nfrags; i++)
		packet_append(p, q->frags[i].buf, q->frags[i].off, q->frags[i].len);
	seg_of(p)->end = seg_of(q)->end;
	seg_of(p)->segs += seg_of(q)->segs;
	seg_of(p)->flags |= seg_of(q)->flags;
	seg_of(p)->rexmits |= seg_of(q)->rexmits;
	if (seg_of(p)->handed < seg_of(q)->handed)
		seg_of(p)->handed = seg_of(q)->handed;
	p->next = q->next;
	if (tp->sendq_tail == q)
		tp->sendq_tail = p;
	forget(tp, q, p);
	q->next = NULL;
	packet_free(q);
	return true;
}

/* ---- marks ---- */

/* p has just left. What was sent before is under way again. */
void sendq_sent(struct tcp_sock *tp, struct packet *p, uint32_t mss)
{
	struct tcp_seg *seg = seg_of(p);

	sum_marks(tp, p, seg_len(p), -1);
	seg->mss = (uint16_t)mss;
	seg->segs = wire_segments(p->len, mss);
	seg->retrans = seg->sent;
	sum_marks(tp, p, seg_len(p), 1);
	if (seg->sent && seg->rexmits < UINT8_MAX)
		seg->rexmits++;
	list_del(&seg->by_time);
	list_add_tail(&seg->by_time, &tp->by_time);
}

/* Deemed lost: the original, or what was sent again of it. */
void sendq_mark_lost(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_seg *seg = seg_of(p);

	if (seg->sacked || (seg->lost && !seg->retrans))
		return;
	tp->lost += seg_len(p);
	sum_marks(tp, p, seg_len(p), -1);
	seg->lost = true;
	seg->retrans = false;
	sum_marks(tp, p, seg_len(p), 1);
	list_del(&seg->by_time);
	if (tp->rexmit && seq_lt(seg->seq, seg_of(tp->rexmit)->seq))
		tp->rexmit = p;
}

void sendq_mark_sacked(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_seg *seg = seg_of(p);

	sum_marks(tp, p, seg_len(p), -1);
	seg->sacked = true;
	seg->lost = seg->retrans = false;
	sum_marks(tp, p, seg_len(p), 1);
	list_del(&seg->by_time);
}

/*
 * All that is deemed lost is awaited again. It was sent before what is awaited anyway, or it would
 * not have been found lost.
 */
void sendq_unmark_lost(struct tcp_sock *tp)
{
	struct list *pos = tp->by_time.next;

	if (!tp->lost_out)
		return;
	for (struct packet *p = tp->sendq; p && p != tp->send_next; p = p->next) {
		struct tcp_seg *seg = seg_of(p);

		if (!seg->lost)
			continue;
		if (!seg->retrans) {
			while (pos != &tp->by_time &&
			       list_entry(pos, struct tcp_seg, by_time)->sent <= seg->sent)
				pos = pos->next;
			list_add_before(&seg->by_time, pos);
		}
		sum_marks(tp, p, seg_len(p), -1);
		seg->lost = false;
		sum_marks(tp, p, seg_len(p), 1);
	}
}

/* The peer may have dropped what it had SACKed. */
void sendq_unmark_sacked(struct tcp_sock *tp)
{
	for (struct packet *p = tp->sendq; p && p != tp->send_next; p = p->next) {
		struct tcp_seg *seg = seg_of(p);

		if (!seg->sacked)
			continue;
		sum_marks(tp, p, seg_len(p), -1);
		seg->sacked = false;
		sum_marks(tp, p, seg_len(p), 1);
	}
}

/*
 * The first that is lost and not under way again. The hint moves forward only, until something
 * before it is lost.
 */
struct packet *sendq_next_lost(struct tcp_sock *tp)
{
	struct packet *p = tp->rexmit ? tp->rexmit : tp->sendq;

	if (!tp->rexmit_due)
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
	struct tcp_seg *seg = seg_of(p);

	sum_marks(tp, p, seg_len(p), -1);
	list_del(&seg->by_time);
	tp->queued -= p->len;
	tp->sendq = p->next;
	if (!tp->sendq)
		tp->sendq_tail = NULL;
	if (tp->send_next == p)
		tp->send_next = p->next;
	forget(tp, p, NULL);
	p->next = NULL;
	packet_free(p);
}

void sendq_trim(struct tcp_sock *tp, uint32_t n)
{
	struct packet *p = tp->sendq;
	struct tcp_seg *seg = seg_of(p);

	sum_marks(tp, p, n, -1);
	seg->segs -= sendq_segs(p, n);
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
