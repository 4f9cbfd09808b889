/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - what may be sent now, and sending it.
 *
 * Theory of operation. A data segment leaves when all of these allow it:
 *	the peer's window	SND.UNA + SND.WND
 *	congestion control	pipe + segment <= cwnd (RFC 5681 3.1); pipe: what is in the network
 *	Nagle (RFC 9293 3.7.4)	a small segment waits while another small one is unacknowledged
 *				(Minshall's variant, as in Linux); TCP_NODELAY ends that
 *	cork, MSG_MORE		a small segment waits for more, at most until the probe timer
 *	silly windows		less than a segment only when that is half of the largest window
 *				that the peer ever offered (RFC 9293 3.8.6.2.1)
 *	pacing			not before pace_next, when the module sets a rate
 *	small queues (TSQ)	bytes handed down and not yet freed by the link are at most two
 *				packets, or 1 ms at the current rate; the packet's destructor calls
 *				back. So the queue of a slow link stays here, where it costs
 *				nobody latency.
 * Super-segments are sized so that one takes about 1 ms at the current rate, at least two
 * segments, at most what the NIC takes.
 *
 * Lost segments come before new ones. One that still waits in a queue of this host is not sent
 * again: it is late, not lost.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "packet/checksum.h"
#include "tcp/sock.h"

#define IPV4_HEADER 20u
#define IPV6_HEADER 40u
#define IP_PACKET_MAX 65535u

/* ---- routes and sizes ---- */

static uint32_t ip_header(const struct tcp_sock *tp)
{
	return ip_addr_is_v4(&tp->end.remote) ? IPV4_HEADER : IPV6_HEADER;
}

/* Loopback's MTU is larger than an IP packet can be. */
static uint32_t path_mtu(const struct tcp_sock *tp)
{
	uint32_t mtu = tp->sk.dst.mtu ? tp->sk.dst.mtu : 576;

	return mtu < IP_PACKET_MAX ? mtu : IP_PACKET_MAX;
}

/* The payload of a full segment: path MTU, the peer's option, the user's; options taken off. */
void tcp_sync_mss(struct tcp_sock *tp)
{
	uint32_t headers = ip_header(tp) + TCP_HEADER_LEN;
	uint32_t mtu = path_mtu(tp);
	uint32_t mss = mtu > headers + TCP_MSS_FLOOR ? mtu - headers : TCP_MSS_FLOOR;

	tp->pmtu = tp->sk.dst.mtu;
	if (mss > tp->peer_mss)
		mss = tp->peer_mss;
	if (tp->user_mss && mss > tp->user_mss)
		mss = tp->user_mss;
	if (tp->ts_ok)
		mss -= TCP_TS_LEN;
	tp->mss = mss;
}

int tcp_sync_route(struct tcp_sock *tp)
{
	int err;

	if (dst_valid(tp->sk.ip, &tp->sk.dst) && tp->pmtu == tp->sk.dst.mtu)
		return 0;
	err = sock_route(&tp->sk);
	if (!err && tp->pmtu != tp->sk.dst.mtu)
		tcp_sync_mss(tp);
	return err;
}

/* Payload of the largest packet that the NIC takes: a multiple of mss, or mss. */
uint32_t tcp_size_goal(struct tcp_sock *tp)
{
	struct nic *nic = tp->sk.dst.nic;
	uint32_t max = nic ? nic->gso_max : 0, headers = ip_header(tp) + TCP_HEADER_MAX;

	if (max > IP_PACKET_MAX)
		max = IP_PACKET_MAX;
	if (max < headers + 2 * tp->mss)
		return tp->mss;
	return (max - headers) / tp->mss * tp->mss;
}

/* What leaves in 1 ms: at what the window lets go, but not beyond twice what is seen to arrive. */
static uint64_t current_rate(const struct tcp_sock *tp)
{
	uint64_t rate = tcp_cc_rate(tp);

	return tp->rate && rate > 2 * tp->rate ? 2 * tp->rate : rate;
}

/* Payload of about 1 ms at the rate that arrives, at least two segments. */
static uint32_t burst_size(struct tcp_sock *tp, uint64_t rate)
{
	uint64_t want = rate / 2000 / tp->mss * tp->mss;
	uint32_t goal = tcp_size_goal(tp);

	if (want < 2 * tp->mss)
		want = 2 * tp->mss;
	return want < goal ? (uint32_t)want : goal;
}

/* ---- the window that we offer ---- */

/*
 * The edge never moves back, and forward by at least a segment or half of the buffer (RFC 9293
 * 3.8.6.2.2). A window that is kept is rounded up to the scale where there is room for that:
 * otherwise a peer that sends a byte at a time would get the rounding each time, for ever. Then it
 * is rounded down, and what was promised before is still taken (RFC 7323 2.4).
 */
uint32_t tcp_select_window(struct tcp_sock *tp)
{
	uint32_t now = seq_lt(tp->rcv_nxt, tp->rcv_adv) ? tp->rcv_adv - tp->rcv_nxt : 0;
	uint32_t half = recvq_full_window(tp) / 2, wnd = recvq_window(tp);
	uint32_t step = half < tp->rcv_mss ? half : tp->rcv_mss;
	uint32_t unit = 1u << tp->rcv_wscale;
	uint32_t max = tp->wscale_ok ? 65535u << tp->rcv_wscale : 65535u;

	if (step < unit)
		step = unit;		/* rounded down it must not be less than now */
	if (wnd < now + step) {
		uint32_t up = (now + unit - 1) / unit * unit;

		wnd = up <= wnd ? up : now / unit * unit;
	}
	return wnd < max ? wnd : max;
}

/* ---- segments onto the wire ---- */

static void charge_put(struct tcp_charge *c)
{
	if (!--c->refs)
		free(c);
}

void tcp_charge_release(struct tcp_sock *tp)
{
	if (!tp->charge)
		return;
	tp->charge->tp = NULL;
	charge_put(tp->charge);
	tp->charge = NULL;
}

static void charge_free(struct packet *p)
{
	struct tcp_charge *c = p->owner;

	c->left += p->charged;
	if (c->tp && c->tp->tsq_stopped)
		work_defer(c->tp->tcp->env, &c->tp->output_work);
	charge_put(c);
}

static void charge_packet(struct tcp_sock *tp, struct packet *p)
{
	p->destructor = charge_free;
	p->owner = tp->charge;
	p->charged = p->len;
	tp->charge->handed += p->len;
	tp->charge->refs++;
}

static void finish_packet(struct packet *p, uint8_t *h, const struct ip_addr *src,
			  const struct ip_addr *dst, uint32_t mss)
{
	bool v4 = ip_addr_is_v4(dst);
	size_t off = v4 ? 12 : 0, alen = v4 ? 4 : 16;
	uint32_t payload = p->len - (uint32_t)(h[12] >> 4) * 4;
	uint16_t sum;

	sum = (uint16_t)~checksum_fold(checksum_pseudo(src->b + off, dst->b + off, alen,
						       IPPROTO_TCP, p->len));
	memcpy(h + TCP_CSUM_OFFSET, &sum, sizeof(sum));
	p->csum = PACKET_CSUM_PARTIAL;
	p->transport = p->csum_start = (uint16_t)(p->data - p->base);
	p->csum_offset = TCP_CSUM_OFFSET;
	if (mss && payload > mss) {
		p->gso_type = v4 ? PACKET_GSO_TCP4 : PACKET_GSO_TCP6;
		p->gso_size = (uint16_t)mss;
		p->gso_segs = (uint16_t)((payload + mss - 1) / mss);
	}
}

static void syn_options(struct tcp_sock *tp, struct tcp_segment *s)
{
	uint32_t mss = path_mtu(tp) - ip_header(tp) - TCP_HEADER_LEN;
	bool answer = tp->end.state == TCPS_SYN_RECEIVED;

	if (tp->user_mss && mss > tp->user_mss)
		mss = tp->user_mss;
	s->mss = (uint16_t)mss;
	s->has_ts = !answer || tp->ts_ok;
	s->has_wscale = !answer || tp->wscale_ok;
	s->wscale = tp->rcv_wscale;
}

/* What every segment with ACK tells, and what is then settled. */
static void ack_fields(struct tcp_sock *tp, struct tcp_segment *s)
{
	uint32_t wnd = tcp_select_window(tp);
	uint8_t shift = s->flags & TCPH_SYN ? 0 : tp->rcv_wscale;

	if (wnd > 65535u << shift)
		wnd = 65535u << shift;
	s->wnd = wnd >> shift;
	tp->rcv_adv = seq_max(tp->rcv_adv, tp->rcv_nxt + (s->wnd << shift));
	if (!(s->flags & TCPH_ACK))
		return;
	s->ack = tp->rcv_nxt;
	tp->rcv_wup = tp->rcv_nxt;
	tp->ack_now = tp->ack_pending = false;
	timer_cancel(&tp->tcp->env->timers, &tp->delack_timer);
}

static int xmit(struct tcp_sock *tp, const struct packet *payload, uint32_t seq, uint8_t flags)
{
	struct tcp_segment s = { .sport = tp->end.lport, .dport = tp->end.rport, .seq = seq,
				 .flags = flags, .has_ts = tp->ts_ok };
	struct packet *p = packet_alloc(tp->tcp->env->pool, PACKET_HEADROOM);
	struct flow f;
	uint8_t *h;

	if (!p)
		return -ENOBUFS;
	if (flags & TCPH_SYN)
		syn_options(tp, &s);
	if (s.has_ts) {
		s.tsval = tcp_ts(tp);
		s.tsecr = flags & TCPH_ACK ? tp->ts_recent : 0;
	}
	ack_fields(tp, &s);
	h = packet_put(p, tcp_segment_size(&s));
	tcp_segment_emit(&s, h);
	if (payload) {
		for (uint32_t i = 0; i < payload->nfrags; i++)
			if (!packet_append(p, payload->frags[i].buf, payload->frags[i].off,
					   payload->frags[i].len)) {
				packet_free(p);
				return -ENOBUFS;
			}
		charge_packet(tp, p);
	}
	finish_packet(p, h, &tp->end.local, &tp->end.remote, tp->mss);
	tp->tcp->stats.out_segs += p->gso_size ? p->gso_segs : 1;
	sock_flow(&tp->sk, &f);
	return ip_output(tp->sk.ip, p, &f, &tp->sk.dst);
}

void tcp_send_control(struct tcp_sock *tp, uint32_t seq, uint8_t flags)
{
	if (tcp_sync_route(tp) == 0)
		xmit(tp, NULL, seq, flags);
}

void tcp_send_syn(struct tcp_sock *tp)
{
	uint8_t flags = tp->end.state == TCPS_SYN_RECEIVED ? TCPH_SYN | TCPH_ACK : TCPH_SYN;

	tcp_send_control(tp, tp->iss, flags);
	tp->last_sent = tcp_now(tp);
	tcp_arm_rto(tp);
}

/* Without memory it is tried again soon. */
void tcp_send_ack(struct tcp_sock *tp)
{
	if (tcp_sync_route(tp) == 0 && xmit(tp, NULL, tp->snd_nxt, TCPH_ACK) == -ENOBUFS) {
		tp->ack_pending = true;
		tcp_arm_delack(tp);
	}
}

/* Outside of the peer's window by one, so that it must answer (RFC 1122 4.2.3.6). */
void tcp_send_probe(struct tcp_sock *tp)
{
	tcp_send_control(tp, tp->snd_una - 1, TCPH_ACK);
}

void tcp_send_rst(struct tcp_sock *tp)
{
	tp->tcp->stats.out_rsts++;
	tcp_send_control(tp, tp->snd_nxt, TCPH_RST | TCPH_ACK);
}

/* ---- answers without a connection ---- */

static void reply(struct tcp *tcp, struct tcp_segment *s, const struct ip_meta *m)
{
	struct flow f = { .src = m->dst, .dst = m->src, .proto = IPPROTO_TCP, .df = true };
	struct packet *p;
	struct dst d;
	uint8_t *h;

	if (route_lookup(tcp->ip, &f, &d) < 0)
		return;
	p = packet_alloc(tcp->env->pool, PACKET_HEADROOM);
	if (!p)
		return;
	h = packet_put(p, tcp_segment_size(s));
	tcp_segment_emit(s, h);
	finish_packet(p, h, &f.src, &f.dst, 0);
	tcp->stats.out_segs++;
	ip_output(tcp->ip, p, &f, &d);
}

void tcp_reply_rst(struct tcp *tcp, const struct ip_meta *m, const struct tcp_segment *s)
{
	struct tcp_segment r = { .sport = s->dport, .dport = s->sport, .flags = TCPH_RST };

	if (s->flags & TCPH_RST)
		return;
	if (s->flags & TCPH_ACK) {
		r.seq = s->ack;
	} else {
		r.flags |= TCPH_ACK;
		r.ack = s->end;
	}
	tcp->stats.out_rsts++;
	reply(tcp, &r, m);
}

void tcp_reply_ack(struct tcp *tcp, const struct tcp_timewait *tw, const struct ip_meta *m)
{
	struct tcp_segment r = { .sport = tw->end.lport, .dport = tw->end.rport,
				 .flags = TCPH_ACK, .seq = tw->snd_nxt, .ack = tw->rcv_nxt,
				 .has_ts = tw->ts_ok, .tsecr = tw->ts_recent };

	r.tsval = (uint32_t)(tcp->env->now / NSEC_PER_MSEC) + tw->ts_offset;
	r.wnd = tw->rcv_wnd >> tw->rcv_wscale;
	if (r.wnd > 65535)
		r.wnd = 65535;
	reply(tcp, &r, m);
}

/* ---- data ---- */

/* Send p of the send queue, for the first time or again. */
int tcp_send_data(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_seg *seg = seg_of(p);
	uint8_t flags = TCPH_ACK | (seg->flags & TCPH_FIN);
	int err;

	if (!p->next)
		flags |= TCPH_PSH;
	if (!p->len)
		flags &= (uint8_t)~TCPH_PSH;
	if (tp->snd_nxt == tp->snd_una)
		tp->delivered_at = tcp_now(tp);	/* the pipe was empty: the sample begins here */
	seg->delivered = tp->delivered;
	seg->delivered_at = tp->delivered_at;
	seg->app_limited = tp->app_limited;
	err = xmit(tp, p, seg->seq, flags);
	if (err == -ENOBUFS)		/* out of memory: nothing has left */
		return err;
	seg->sent = tp->last_sent = tcp_now(tp);
	seg->handed = tp->charge->handed;
	tp->bytes_sent += p->len;
	if (tp->cc.pacing_rate)
		tp->pace_next = (tp->pace_next > tcp_now(tp) ? tp->pace_next : tcp_now(tp)) +
			p->len * NSEC_PER_SEC / tp->cc.pacing_rate;
	return 0;
}

/* Small queues: may more be handed down? Sets the mark that makes charge_free call back. */
static bool queue_full(struct tcp_sock *tp, uint64_t rate, uint32_t burst)
{
	uint64_t limit = rate / 1000, least = 2ull * (burst + 256);

	if (limit < least)
		limit = least;
	if (limit > TCP_TSQ_MAX)
		limit = TCP_TSQ_MAX;
	tp->tsq_stopped = tp->charge->handed - tp->charge->left >= limit;
	return tp->tsq_stopped;
}

static bool paced(struct tcp_sock *tp)
{
	if (!tp->cc.pacing_rate || tp->pace_next <= tcp_now(tp))
		return false;
	timer_arm(&tp->tcp->env->timers, &tp->pace_timer, tp->pace_next);
	return true;
}

/* Bytes that congestion control leaves; with nothing in the network always a segment. */
static uint32_t cwnd_quota(const struct tcp_sock *tp)
{
	uint32_t pipe = tcp_pipe(tp);

	if (!pipe)
		return tp->cc.cwnd > tp->mss ? (uint32_t)tp->cc.cwnd : tp->mss;
	return tp->cc.cwnd > pipe ? (uint32_t)(tp->cc.cwnd - pipe) : 0;
}

/*
 * Send what is lost again, as far as cwnd allows; force: the first of them in any case (RFC 6582
 * 3.2 steps 2 and 5). True: nothing lost waits any more.
 */
static bool retransmit(struct tcp_sock *tp, bool force)
{
	uint64_t rate = current_rate(tp);
	uint32_t burst = burst_size(tp, rate);
	struct packet *p;

	while ((p = sendq_next_lost(tp))) {
		struct tcp_seg *seg = seg_of(p);
		uint32_t n = cwnd_quota(tp);

		if (force && n < tp->mss)
			n = tp->mss;
		if (n > burst)
			n = burst;
		if (sendq_in_host(tp, p) ||
		    (!force && (paced(tp) || queue_full(tp, rate, burst)))) {
			tp->tsq_stopped = true;
			return false;
		}
		if (p->len > n) {
			n -= n % tp->mss;
			if (!n || !sendq_split(tp, p, n))
				return false;
		}
		if (tcp_send_data(tp, p) < 0)
			return false;
		if (!seg->retrans) {
			seg->retrans = true;
			tp->retrans_out += seg->end - seg->seq;
		}
		if (seg->rexmits < UINT8_MAX)
			seg->rexmits++;
		if (tp->undo_armed && !tp->rexmit_ts)
			tp->rexmit_ts = tcp_ts(tp) ? tcp_ts(tp) : 1;
		tp->bytes_retrans += p->len;
		tp->tcp->stats.retrans_segs++;
		force = false;
	}
	return true;
}

bool tcp_retransmit(struct tcp_sock *tp)
{
	bool ok = tcp_sync_route(tp) == 0 && retransmit(tp, true);

	if (!timer_armed(&tp->rexmit_timer) && tp->snd_una != tp->snd_nxt)
		tcp_arm_rto(tp);
	return ok;
}

/* Minshall: is a small segment of ours unacknowledged? */
static bool small_in_flight(const struct tcp_sock *tp)
{
	return seq_lt(tp->snd_una, tp->snd_sml) && seq_le(tp->snd_sml, tp->snd_nxt);
}

static bool may_send_small(const struct tcp_sock *tp, struct packet *p)
{
	if (p->next || seg_of(p)->flags & TCPH_FIN || tp->pushed)
		return true;
	if (tp->cork || tp->more)
		return false;
	return tp->nodelay || !small_in_flight(tp);
}

/* How many bytes of p, unsent, may leave now? 0 with *whole false: none. */
static uint32_t sendable(struct tcp_sock *tp, struct packet *p, uint32_t burst, bool *whole)
{
	struct tcp_seg *seg = seg_of(p);
	uint32_t edge = tp->snd_una + tp->snd_wnd;
	uint32_t wnd = seq_lt(seg->seq, edge) ? edge - seg->seq : 0;
	uint32_t quota = cwnd_quota(tp), limit = quota < wnd ? quota : wnd, tail;

	*whole = false;
	if (limit > burst)
		limit = burst;
	if (p->len <= limit) {
		if (seg->end - seg->seq > wnd)		/* the FIN must wait */
			return p->len;
		tail = p->len % tp->mss;
		*whole = !tail || may_send_small(tp, p);
		if (*whole || !p->len)
			return p->len;
		return p->len - tail;
	}
	if (quota < p->len && quota < tp->mss)
		tp->cwnd_limited = true;
	if (p->len > limit && limit >= tp->mss) {
		if (quota == limit)
			tp->cwnd_limited = true;
		return limit - limit % tp->mss;
	}
	/*
	 * The window is smaller than a segment: worth it when that is half of the largest. As in
	 * Linux this counts as a full segment, which Nagle does not hold back: waiting for the
	 * ACK of one half before the other would wait for a delayed ACK each time.
	 */
	if (wnd && wnd <= quota && wnd < tp->mss && wnd >= tp->max_window / 2)
		return wnd < p->len ? wnd : p->len;
	return 0;
}

/*
 * Not cwnd but the local link limits the flight: a larger cwnd would only make tcp_cc_rate() too
 * optimistic. In slow start it may be twice the flight, as in Linux's tcp_is_cwnd_limited().
 */
static bool may_double(const struct tcp_sock *tp)
{
	return tp->cc.cwnd < tp->cc.ssthresh && tp->cc.cwnd < 2ull * tcp_pipe(tp);
}

static void send_new(struct tcp_sock *tp)
{
	uint64_t rate = current_rate(tp);
	uint32_t burst = burst_size(tp, rate);
	struct packet *p;
	bool whole;

	tp->cwnd_limited = tp->app_limited = false;
	while ((p = tp->send_next)) {
		struct tcp_seg *seg = seg_of(p);
		uint32_t n;

		if (paced(tp) || queue_full(tp, rate, burst)) {
			tp->cwnd_limited = may_double(tp);
			return;
		}
		n = sendable(tp, p, burst, &whole);
		if (!n && !whole)
			return;
		if (!whole && n < seg->end - seg->seq && !sendq_split(tp, p, n))
			return;
		if (tcp_send_data(tp, p) < 0)
			return;
		tp->snd_nxt = seg->end;
		tp->send_next = p->next;
		if (p->len % tp->mss)
			tp->snd_sml = seg->end;
		if (!timer_armed(&tp->rexmit_timer) || tp->probing)
			tcp_arm_rto(tp);
	}
	tp->pushed = false;
	tp->app_limited = tcp_pipe(tp) < tp->cc.cwnd;
}

#define SENDING_STATES (TCPS_BIT(TCPS_ESTABLISHED) | TCPS_BIT(TCPS_CLOSE_WAIT) | \
	TCPS_BIT(TCPS_FIN_WAIT_1) | TCPS_BIT(TCPS_CLOSING) | TCPS_BIT(TCPS_LAST_ACK))

/* The user has closed, but there was no memory for the packet that bears the FIN. */
static bool fin_due(const struct tcp_sock *tp)
{
	return !tp->fin_queued && tcp_in(tp, SENDING_STATES & ~(TCPS_BIT(TCPS_ESTABLISHED) |
								TCPS_BIT(TCPS_CLOSE_WAIT)));
}

void tcp_output(struct tcp_sock *tp)
{
	if (!tcp_in(tp, SENDING_STATES))
		return;
	tp->tsq_stopped = false;
	if (tcp_sync_route(tp) == 0) {
		if (fin_due(tp))
			sendq_fin(tp);
		tcp_cc_idle(tp);
		if (retransmit(tp, false))
			send_new(tp);
	}
	if (tp->snd_una == tp->snd_nxt && (tp->sendq || fin_due(tp)))
		tcp_arm_probe(tp);
}

void tcp_output_work(struct work *w)
{
	tcp_output(container_of(w, struct tcp_sock, output_work));
}
