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
 *	pacing			not before pace_next, when the module or SO_MAX_PACING_RATE sets a rate
 *	small queues (TSQ)	bytes handed down and not yet freed by the link are at most what
 *				leaves in 1 ms at the current rate, or two segments; the packet's
 *				destructor calls back. So the queue of a slow link stays here,
 *				where it costs nobody latency.
 * Super-segments are sized so that one takes about 1 ms at the current rate, at least two
 * segments, at most what the NIC takes.
 *
 * Pacing: a packet moves pace_next on by its length at the rate; the timer wheel wakes us then.
 * Linux without fq is woken by an interrupt, and grants half a packet's time for being late. We are
 * a process and late by milliseconds on a busy machine: that would lower the rate by a third and
 * more, and BBR, which takes the rate that comes of it for the path's, would never see more. So
 * lateness is made up for in full, up to PACE_LATE, but only of who did wait for the timer: an idle
 * time earns half a packet's, as on Linux. The first window is not paced (RFC 6928).
 *
 * Lost segments come before new ones. One that still waits in a queue of this host is not sent
 * again: it is late, not lost.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "packet/checksum.h"
#include "packet/pool.h"
#include "tcp/sock.h"

#define IP_PACKET_MAX 65535u
#define PACE_LATE (10 * NSEC_PER_MSEC)	/* made up for at most, when pacing's wake-up came late */
#define PRESSURE_SEGMENTS 4u	/* of the window, while memory is short */

/* ---- routes and sizes ---- */

static uint32_t ip_header(const struct tcp_sock *tp)
{
	return ip_header_len(&tp->end.remote);
}

/* Loopback's MTU is larger than an IP packet can be. */
static uint32_t path_mtu(const struct tcp_sock *tp)
{
	uint32_t mtu = tp->sk.dst.mtu ? tp->sk.dst.mtu : 576;

	return mtu < IP_PACKET_MAX ? mtu : IP_PACKET_MAX;
}

/* The payload of a full segment: path MTU, the peer's option; options taken off. */
void tcp_sync_mss(struct tcp_sock *tp)
{
	uint32_t headers = ip_header(tp) + TCP_HEADER_LEN;
	uint32_t mtu = path_mtu(tp);
	uint32_t mss = mtu > headers + TCP_MSS_FLOOR ? mtu - headers : TCP_MSS_FLOOR;

	tp->pmtu = tp->sk.dst.mtu;
	if (mss > tp->peer_mss)
		mss = tp->peer_mss;
	mss = plpmtud_limit(tp, mss);
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

/* What leaves in 1 ms: at what pacing or the window lets go, but not beyond what is seen to
 * arrive. */
static uint64_t current_rate(const struct tcp_sock *tp)
{
	uint64_t rate = tcp_cc_rate(tp);

	return !tp->cc.pacing_rate && tp->rate && rate > tp->rate ? tp->rate : rate;
}

static uint64_t millisecond(const struct tcp_sock *tp)
{
	return current_rate(tp) / 1000;
}

uint32_t tcp_burst_size(struct tcp_sock *tp)
{
	uint64_t want = millisecond(tp) / tp->mss * tp->mss;
	uint32_t goal = tcp_size_goal(tp);

	if (want < 2 * tp->mss)
		want = 2 * tp->mss;
	return want < goal ? (uint32_t)want : goal;
}

/* ---- the window that we offer ---- */

/*
 * The edge never moves back, but where memory is scarce (recvq.c), and forward by at least a
 * segment or half of the buffer (RFC 9293 3.8.6.2.2). A window that is kept is rounded up to the
 * scale where there is room for that: otherwise a peer that sends a byte at a time would get the
 * rounding each time, for ever. Then it is rounded down, and what was promised before is still
 * taken (RFC 7323 2.4).
 */
uint32_t tcp_select_window(struct tcp_sock *tp)
{
	uint32_t now = seq_lt(tp->rcv_nxt, tp->rcv_adv) ? tp->rcv_adv - tp->rcv_nxt : 0;
	uint32_t half = recvq_full_window(tp) / 2, wnd = recvq_window(tp);
	uint32_t step = half < tp->rcv_mss ? half : tp->rcv_mss;
	uint32_t unit = 1u << tp->rcv_wscale;
	uint32_t max = tp->wscale_ok ? 65535u << tp->rcv_wscale : 65535u;

	if (tcp_memory_pressure(tp->tcp) && wnd > PRESSURE_SEGMENTS * tp->rcv_mss)
		wnd = PRESSURE_SEGMENTS * tp->rcv_mss;
	if (tp->recvq && wnd > now && (tp->refused || tcp_memory_scarce(tp->tcp)))
		wnd = now;
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
	p->priority = tp->sk.priority;
	p->mark = tp->sk.mark;
	p->owner = tp->charge;
	p->charged = p->len;
	tp->charge->handed += p->len;
	tp->charge->refs++;
}

static void finish_packet(struct packet *p, uint8_t *h, const struct ip_addr *src,
			  const struct ip_addr *dst, uint32_t mss)
{
	uint32_t payload = p->len - (uint32_t)(h[12] >> 4) * 4;
	uint16_t sum;

	sum = (uint16_t)~checksum_fold(ip_pseudo(src, dst, IPPROTO_TCP, p->len));
	memcpy(h + TCP_CSUM_OFFSET, &sum, sizeof(sum));
	p->csum = PACKET_CSUM_PARTIAL;
	p->transport = p->csum_start = (uint16_t)(p->data - p->base);
	p->csum_offset = TCP_CSUM_OFFSET;
	if (mss && payload > mss) {
		p->gso_type = ip_addr_is_v4(dst) ? PACKET_GSO_TCP4 : PACKET_GSO_TCP6;
		p->gso_size = (uint16_t)mss;
		p->gso_segs = (uint16_t)((payload + mss - 1) / mss);
	}
}

/* The payload of a segment that we can take: what the MSS option of a SYN says. */
uint32_t tcp_advmss(const struct tcp_sock *tp)
{
	uint32_t mss = path_mtu(tp) - ip_header(tp) - TCP_HEADER_LEN;

	return tp->user_mss && mss > tp->user_mss ? tp->user_mss : mss;
}

static void syn_options(struct tcp_sock *tp, struct tcp_segment *s)
{
	bool answer = tp->end.state != TCPS_SYN_SENT;

	s->mss = (uint16_t)tcp_advmss(tp);
	s->has_ts = answer ? tp->ts_ok : tp->tcp->timestamps;
	s->sack_ok = answer ? tp->sack_ok : tp->tcp->sack;
	s->has_wscale = answer ? tp->wscale_ok : tp->tcp->window_scaling;
	s->wscale = tp->rcv_wscale;
	if (answer)
		fastopen_give(tp, s);
	else
		fastopen_syn_option(tp, s);
}

/* What the SYN s offers of wnd: whole segments, as Linux does, where there is room for one. */
static uint32_t syn_window(const struct tcp_segment *s, uint32_t wnd)
{
	uint32_t mss = s->mss - (s->flags & TCPH_ACK && s->has_ts ? TCP_TS_LEN : 0);

	if (wnd > 65535)
		wnd = 65535;		/* never scaled in a SYN */
	return wnd > mss ? wnd - wnd % mss : wnd;
}

/* What every segment with ACK tells, and what is then settled. */
static void ack_fields(struct tcp_sock *tp, struct tcp_segment *s)
{
	uint32_t wnd = tcp_select_window(tp);
	uint8_t shift = s->flags & TCPH_SYN ? 0 : tp->rcv_wscale;

	if (s->flags & TCPH_SYN)
		wnd = syn_window(s, wnd);
	else if (wnd > 65535u << shift)
		wnd = 65535u << shift;
	s->wnd = wnd >> shift;
	tp->rcv_adv = seq_max(tp->rcv_adv, tp->rcv_nxt + (s->wnd << shift));
	if (!(s->flags & TCPH_ACK))
		return;
	s->ack = tp->rcv_nxt;
	if (tp->sack_len && !(s->flags & TCPH_RST))
		tcp_report_emit(tp, s);
	tp->rcv_wup = tp->rcv_nxt;
	tp->ack_now = tp->ack_pending = tp->refused = false;
	timer_cancel(&tp->tcp->env->timers, &tp->delack_timer);
}

static int xmit(struct tcp_sock *tp, const struct packet *payload, uint32_t seq, uint8_t flags)
{
	struct tcp_segment s = { .sport = tp->end.lport, .dport = tp->end.rport, .seq = seq,
				 .flags = flags, .has_ts = tp->ts_ok };
	enum pool_use use = payload && payload->len ? POOL_PASSING : POOL_LAST;
	struct packet *p = packet_alloc_for(tp->tcp->env->pool, use, PACKET_HEADROOM);
	uint32_t mss = tcp_mss_now(tp);
	struct flow f;
	uint8_t ecn;
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
	ecn = tcp_ecn_send(tp, &s, payload && payload->len && !seq_lt(seq, tp->snd_nxt));
	urgent_stamp(tp, &s);
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
	finish_packet(p, h, &tp->end.local, &tp->end.remote,
		      payload && plpmtud_is_probe(tp, seq, payload->len) ? 0 : mss);
	tp->segs_out += p->gso_size ? p->gso_segs : 1;
	if (payload && payload->len)
		tp->data_segs_out += p->gso_size ? p->gso_segs : 1;
	tp->tcp->stats.out_segs += p->gso_size ? p->gso_segs : 1;
	p->ecn = p->gso_size && s.flags & TCPH_CWR;
	sock_flow(&tp->sk, &f);
	f.tos = (uint8_t)((f.tos & ~ECN_MASK) | ecn);	/* these bits are TCP's (RFC 3168 5) */
	return ip_output(tp->sk.ip, p, &f, &tp->sk.dst);
}

void tcp_send_control(struct tcp_sock *tp, uint32_t seq, uint8_t flags)
{
	if (tcp_sync_route(tp) == 0)
		xmit(tp, NULL, seq, flags);
}

/* Its data counts as sent; when the SYN has to be sent again it goes without. */
void tcp_send_syn_data(struct tcp_sock *tp)
{
	struct packet *p = tp->sendq;
	struct tcp_seg *seg = seg_of(p);

	tp->last_sent = tcp_now(tp);
	if (tcp_sync_route(tp) == 0)
		xmit(tp, p, tp->iss, TCPH_SYN);
	sendq_sent(tp, p, p->len);
	seg->sent = tcp_now(tp);
	seg->handed = tp->charge->handed;
	seg->delivered_at = tp->delivered_at = tcp_now(tp);
	tp->snd_nxt = seg->end;
	tp->send_next = NULL;
	tp->bytes_sent += p->len;
	tcp_arm_rto(tp);
}

void tcp_send_syn(struct tcp_sock *tp)
{
	uint8_t flags = tp->end.state == TCPS_SYN_SENT ? TCPH_SYN : TCPH_SYN | TCPH_ACK;

	tcp_send_control(tp, tp->iss, flags | tcp_ecn_syn_flags(tp));
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
	tcp_send_control(tp, tp->snd_una - !urgent_sending(tp, tp->snd_una), TCPH_ACK);
}

/*
 * With the number that the peer takes: SND.NXT; the edge of its window where it has drawn that back
 * behind what was sent before (Linux's tcp_acceptable_seq).
 */
void tcp_send_rst(struct tcp_sock *tp)
{
	uint32_t edge = tp->snd_una + tp->snd_wnd, beyond = tp->snd_nxt - edge;
	bool inside = seq_le(tp->snd_nxt, edge) || (tp->wscale_ok && beyond < 1u << tp->rcv_wscale);

	tp->tcp->stats.out_rsts++;
	tcp_send_control(tp, inside ? tp->snd_nxt : edge, TCPH_RST | TCPH_ACK);
}

/* ---- answers without a connection ---- */

static void reply_to(struct tcp *tcp, struct tcp_segment *s, const struct flow *f,
		     const struct dst *d)
{
	struct packet *p = packet_alloc_for(tcp->env->pool, POOL_LAST, PACKET_HEADROOM);
	uint8_t *h;

	if (!p)
		return;
	h = packet_put(p, tcp_segment_size(s));
	tcp_segment_emit(s, h);
	finish_packet(p, h, &f->src, &f->dst, 0);
	tcp->stats.out_segs++;
	ip_output(tcp->ip, p, f, d);
}

static void reply(struct tcp *tcp, struct tcp_segment *s, const struct ip_meta *m)
{
	struct flow f = { .src = m->dst, .dst = m->src, .proto = IPPROTO_TCP, .df = true };
	struct dst d;

	if (route_lookup(tcp->ip, &f, &d) == 0)
		reply_to(tcp, s, &f, &d);
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

void tcp_reply_synack(struct tcp_sock *l, struct tcp_segment *r, const struct ip_meta *m)
{
	struct flow f = { .src = m->dst, .dst = m->src, .proto = IPPROTO_TCP, .df = true,
			  .tos = l->sk.tos, .ttl = l->sk.ttl, .bound = l->sk.bound_nic };
	uint32_t headers = ip_header_len(&m->dst) + TCP_HEADER_LEN;
	uint32_t mtu;
	struct dst d;

	if (route_lookup(l->tcp->ip, &f, &d) < 0)
		return;
	mtu = d.mtu < IP_PACKET_MAX ? d.mtu : IP_PACKET_MAX;
	r->mss = (uint16_t)(mtu > headers + TCP_MSS_FLOOR ? mtu - headers : TCP_MSS_FLOOR);
	if (l->user_mss && r->mss > l->user_mss)
		r->mss = (uint16_t)l->user_mss;
	r->wnd = syn_window(r, r->wnd);
	reply_to(l->tcp, r, &f, &d);
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

/* n bytes have left: when may the next packet? */
static void pace(struct tcp_sock *tp, uint32_t n)
{
	bool wanted = tp->cc.pacing_rate || tp->sk.max_pacing_rate != UINT64_MAX;
	uint64_t rate = wanted ? tcp_cc_rate(tp) : 0, now = tcp_now(tp), wait, most;

	if (!rate || tp->bytes_sent <= (uint64_t)TCP_INIT_CWND * tp->mss) {
		tp->pace_next = 0;
		return;
	}
	wait = n * NSEC_PER_SEC / rate;
	most = tp->pace_waited ? PACE_LATE : wait / 2;
	if (!tp->pace_next || tp->pace_next + most < now)
		tp->pace_next = now - (tp->pace_next ? most : 0);
	tp->pace_next += wait;
	tp->pace_waited = tp->pace_waited && tp->pace_next < now;	/* not made up for yet */
}

/* Send p of the send queue, for the first time or again. */
int tcp_send_data(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_seg *seg = seg_of(p);
	uint8_t flags = TCPH_ACK | (seg->flags & TCPH_FIN);
	uint32_t mss = tcp_mss_now(tp);
	int err;

	if (tp->snd_nxt == tp->snd_una)
		tcp_cc_event(tp, CONGESTION_TX_START);
	if (!p->next)
		flags |= TCPH_PSH;
	if (!p->len)
		flags &= (uint8_t)~TCPH_PSH;
	err = xmit(tp, p, seg->seq, flags);
	if (err == -ENOBUFS)		/* out of memory: nothing has left */
		return err;
	sendq_sent(tp, p, mss);
	if (tcp_in_reduction(tp))
		tp->prr_out += seg->end - seg->seq;
	seg->sent = tp->last_sent = tcp_now(tp);
	seg->handed = tp->charge->handed;
	rate_sent(tp, p);
	tp->bytes_sent += p->len;
	pace(tp, p->len);
	return 0;
}

/* Small queues: may n more be handed down? Sets the mark that makes charge_free call back. */
static bool queue_full(struct tcp_sock *tp, uint32_t n, uint32_t burst)
{
	uint64_t limit = millisecond(tp), below = tp->charge->handed - tp->charge->left;

	if (limit < burst)
		limit = burst;
	if (limit > TCP_TSQ_MAX)
		limit = TCP_TSQ_MAX;
	if (n > burst)
		n = burst;
	tp->tsq_stopped = below && below + n > limit;
	return tp->tsq_stopped;
}

static bool paced(struct tcp_sock *tp)
{
	if (tp->pace_next <= tcp_now(tp))
		return false;
	tp->pace_waited = true;
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

void tcp_count_retransmission(struct tcp_sock *tp, uint32_t segments)
{
	tp->total_retrans += segments;
	tp->tcp->stats.retrans_segs += segments;
}

/* p of the queue again, now. */
bool tcp_resend(struct tcp_sock *tp, struct packet *p)
{
	if (tcp_sync_route(tp) < 0 || tcp_send_data(tp, p) < 0)
		return false;
	tcp_undo_retransmitted(tp, seg_of(p)->end - seg_of(p)->seq);
	tp->bytes_retrans += p->len;
	tcp_count_retransmission(tp, seg_of(p)->segs);
	return true;
}

/*
 * Send what is lost again, as far as cwnd allows; force: the first of them in any case. True:
 * nothing lost waits any more.
 */
static bool retransmit(struct tcp_sock *tp, bool force)
{
	uint32_t burst = tcp_burst_size(tp), mss = tcp_mss_now(tp);
	struct packet *p;

	while ((p = sendq_next_lost(tp))) {
		uint32_t n = cwnd_quota(tp);

		if (force && n < mss)
			n = mss;
		if (n > burst)
			n = burst;
		if (n > tp->mss && urgent_sending(tp, seg_of(p)->seq))
			n = tp->mss;
		if (sendq_in_host(tp, p) ||
		    (!force && (paced(tp) || queue_full(tp, p->len, burst)))) {
			tp->tsq_stopped = true;
			return false;
		}
		if (p->len > n) {
			n -= n % mss;
			if (!n || !sendq_split(tp, p, n))
				return false;
		}
		if (!tcp_resend(tp, p))
			return false;
		if (p == tp->sendq && tp->rexmit_for != TCP_TIMER_REO)
			tcp_arm_rto(tp);
		force = false;
	}
	return true;
}

bool tcp_retransmit_head(struct tcp_sock *tp)
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
	if (p->next || seg_of(p)->flags & TCPH_FIN || tp->pushed ||
	    urgent_sending(tp, seg_of(p)->seq))
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
	uint32_t mss = tcp_mss_now(tp);

	*whole = false;
	if (limit > burst)
		limit = burst;
	if (limit > tp->mss && urgent_sending(tp, seg->seq))
		limit = tp->mss;
	if (p->len <= limit) {
		if (seg->end - seg->seq > wnd)		/* the FIN must wait */
			return p->len;
		tail = p->len % mss;
		*whole = !tail || may_send_small(tp, p);
		if (*whole || !p->len)
			return p->len;
		return p->len - tail;
	}
	if (quota < p->len && quota < mss)
		tp->cwnd_limited = true;
	if (p->len > limit && limit >= mss) {
		if (quota == limit)
			tp->cwnd_limited = true;
		return limit - limit % mss;
	}
	/*
	 * The window is smaller than a segment: worth it when that is half of the largest, or when
	 * that has been waited for in vain (RFC 9293 3.8.6.2.1 (4)): the peer's buffer may have
	 * shrunk for good. As in Linux this counts as a full segment, which Nagle does not hold
	 * back: waiting for the ACK of one half before the other would wait for a delayed ACK each
	 * time.
	 */
	if (wnd && wnd <= quota && wnd < mss && (wnd >= tp->max_window / 2 || tp->pushed))
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

/* Make the first unsent packet a probe of the path MTU, when that is due. */
static bool make_probe(struct tcp_sock *tp, struct packet *p, bool *wait)
{
	uint32_t n = plpmtud_probe(tp, wait);

	if (!n || p->len < n || (p->len > n && !sendq_split(tp, p, n)))
		return false;
	plpmtud_sent(tp, seg_of(p)->seq, n);
	return true;
}

/* p is the first that was never sent. */
static bool send_first(struct tcp_sock *tp, struct packet *p)
{
	if (tcp_send_data(tp, p) < 0)
		return false;
	tp->snd_nxt = seg_of(p)->end;
	tp->send_next = p->next;
	if (p->len % seg_of(p)->mss)
		tp->snd_sml = tp->snd_nxt;
	if (!timer_armed(&tp->rexmit_timer) || tp->rexmit_for == TCP_TIMER_PERSIST)
		tcp_arm_rto(tp);
	return true;
}

bool tcp_send_beyond_cwnd(struct tcp_sock *tp)
{
	struct packet *p = tp->send_next;
	uint32_t edge = tp->snd_una + tp->snd_wnd, n = tcp_mss_now(tp);

	if (!p || tcp_sync_route(tp) < 0)
		return false;
	if (p->len < n)
		n = p->len;
	if (seq_lt(edge, n < p->len ? seg_of(p)->seq + n : seg_of(p)->end))
		return false;
	if (n < p->len && !sendq_split(tp, p, n))
		return false;
	return send_first(tp, p);
}

/* False: something stands in the way. last: there is no later. */
static bool send_queued(struct tcp_sock *tp, bool last)
{
	uint32_t burst = tcp_burst_size(tp);
	struct packet *p;
	bool whole, wait = false;

	tp->cwnd_limited = false;
	while ((p = tp->send_next)) {
		struct tcp_seg *seg = seg_of(p);
		uint32_t n;

		if (!last && (paced(tp) || queue_full(tp, p->len, burst))) {
			tp->cwnd_limited = may_double(tp);
			return false;
		}
		whole = !last && make_probe(tp, p, &wait);
		if (!last && wait) {
			tp->cwnd_limited = true;
			return false;
		}
		n = whole ? p->len : sendable(tp, p, burst, &whole);
		if (!n && !whole)
			return false;
		if (!whole && n < seg->end - seg->seq && !sendq_split(tp, p, n))
			return false;
		if (!send_first(tp, p))
			return false;
	}
	return true;
}

static void send_new(struct tcp_sock *tp)
{
	uint32_t before = tp->snd_nxt;

	if (send_queued(tp, false)) {
		tp->pushed = false;
		tp->pace_waited = false;	/* from here on it is the writer who is late */
	}
	if (tp->snd_nxt != before)
		tcp_tlp_sent(tp);
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
	if (!tcp_in(tp, SENDING_STATES) && !tp->syn_pending)
		return;
	tp->tsq_stopped = false;
	if (tcp_sync_route(tp) == 0) {
		if (fin_due(tp))
			sendq_fin(tp);
		tcp_cc_idle(tp);
		if (tp->frto_new)
			send_new(tp);
		if (tp->frto_new && tp->snd_nxt == tp->recover)
			tp->frto = tp->frto_new = false;	/* nothing new could go */
		if (!tp->frto_new && retransmit(tp, false))
			send_new(tp);
	}
	if (tp->snd_una == tp->snd_nxt && (tp->sendq || fin_due(tp)))
		tcp_arm_probe(tp);
	tcp_chrono_update(tp);
}

/*
 * The connection is to be reset: what may leave leaves now. Pacing and small queues do not hold it up:
 * they put off, and after the RST there is nobody who would send it.
 */
void tcp_output_last(struct tcp_sock *tp)
{
	if (tcp_in(tp, SENDING_STATES) && tcp_sync_route(tp) == 0)
		send_queued(tp, true);
}

void tcp_output_work(struct work *w)
{
	tcp_output(container_of(w, struct tcp_sock, output_work));
}
