/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ack.c - what an acknowledgement tells, in the order in which it is asked.
 *
 *	is it acceptable?			RFC 9293 3.10.7.4, RFC 5961 5
 *	the peer's window			RFC 9293 3.10.7.4
 *	what came twice				sack.c
 *	what is acknowledged, what is SACKed	here, sack.c: marks, delivery rate, RACK, RTT
 *	did the probe repair a loss?		tlp.c
 *	is something lost, or found not to be?	recovery.c, if anything is dubious at all
 *	cwnd					the module, or prr.c while it goes down
 *	the retransmission timer		timer.c
 *
 * What then may be sent, again or for the first time, tcp_output() sends when the segment has been
 * dealt with.
 */
#include "tcp/sock.h"

/* ---- what an ACK takes off the send queue ---- */

/* n bytes of p have arrived: nobody had told of them before. */
void tcp_note_delivered(struct tcp_sock *tp, struct packet *p, uint32_t n, struct tcp_acked *a)
{
	a->delivered += n;
	a->segs += sendq_segs(p, n);
	rate_delivered(tp, p, n, &a->rate);
	if (tp->sack_ok)
		tcp_rack_delivered(tp, seg_of(p), a->s);
}

static void note_acked(struct tcp_sock *tp, struct packet *p, uint32_t n, struct tcp_acked *a)
{
	struct tcp_seg *seg = seg_of(p);

	if (seg->rexmits)
		a->retransmitted = true;
	if (seg->sacked)
		return;
	tcp_note_delivered(tp, p, n, a);
	if (seg->rexmits)
		return;
	if (!a->first_sent)
		a->first_sent = seg->sent;
	a->last_sent = seg->sent;
	if (seq_lt(seg->seq, a->prior_fack) && seq_lt(seg->seq, a->reord))
		a->reord = seg->seq;		/* behind what the peer had before */
	if (seq_le(seg->end, tp->recover))
		a->original = true;
}

static void take_acked(struct tcp_sock *tp, uint32_t ack, struct tcp_acked *a)
{
	struct packet *p;

	a->acked = ack - tp->snd_una;
	while ((p = tp->sendq) && p != tp->send_next && seq_lt(seg_of(p)->seq, ack)) {
		struct tcp_seg *seg = seg_of(p);

		if (seq_lt(ack, seg->end)) {
			uint32_t n = ack - seg->seq;

			note_acked(tp, p, n, a);
			sendq_trim(tp, n);
			break;
		}
		note_acked(tp, p, seg->end - seg->seq, a);
		sendq_pop(tp);
	}
	/* Without SACK nobody knows whether the retransmission filled the hole. */
	if (!tp->sack_ok && a->retransmitted)
		a->original = false;
	tp->bytes_acked += a->acked;
	tp->snd_una = ack;
	tp->dupacks = 0;
	tp->backoff = tp->retries = 0;
	tp->soft_error = 0;
	tcp_orphan_progress(tp);
}

/* ---- the peer's window ---- */

static void update_window(struct tcp_sock *tp, const struct tcp_segment *s)
{
	uint32_t wnd = s->flags & TCPH_SYN ? s->wnd : s->wnd << tp->snd_wscale;

	/*
	 * RFC 9293 3.10.7.4: only from segments that are newer than the last that was used. One of
	 * the same age may be older: it opens the window, or closes it for want of memory (Linux
	 * since 6.6).
	 */
	if (!seq_lt(tp->snd_una, s->ack) && !seq_lt(tp->snd_wl1, s->seq) &&
	    !(tp->snd_wl1 == s->seq && (seq_lt(tp->snd_wl2, s->ack) || wnd > tp->snd_wnd || !wnd)))
		return;
	tp->snd_wnd = wnd;
	tp->snd_wl1 = s->seq;
	tp->snd_wl2 = s->ack;
	if (wnd > tp->max_window)
		tp->max_window = wnd;
	if (wnd)
		tp->probes_since = 0;
}

static void confirm_neighbour(struct tcp_sock *tp)
{
	struct dst *d = &tp->sk.dst;

	if (tcp_now(tp) - tp->confirmed < NSEC_PER_SEC || !dst_valid(tp->sk.ip, d) ||
	    d->local || d->nic->loopback)
		return;
	tp->confirmed = tcp_now(tp);
	neighbour_confirm(ip_neighbours(tp->sk.ip, &d->nexthop), d->nic, d->nexthop.b);
}

/* ---- what follows ---- */

static void sample_rtt(struct tcp_sock *tp, const struct tcp_segment *s, const struct tcp_acked *a)
{
	uint64_t rtt = 0;

	if (!a->retransmitted && a->first_sent)
		rtt = tcp_now(tp) - a->first_sent;
	else if (a->sack_first)
		rtt = tcp_now(tp) - a->sack_first;
	else if (a->acked)
		rtt = tcp_timestamp_rtt(tp, s);
	if (rtt)
		tcp_rtt_sample(tp, rtt);
}

/* What the module is told. */
static void congestion_sample(struct tcp_sock *tp, const struct tcp_acked *a,
			      struct congestion_ack *c)
{
	uint64_t last = a->retransmitted ? 0 : a->last_sent;

	if (a->sack_last > last)
		last = a->sack_last;
	rate_sample(tp, &a->rate, c);
	if (last)
		c->rtt = tcp_now(tp) - last;
	c->ece = a->ece;
}

/* With much reordering about, SACKs are progress as good as ACKs (Linux's tcp_may_raise_cwnd). */
static bool may_raise_cwnd(const struct tcp_sock *tp, const struct tcp_acked *a)
{
	return a->acked || (tp->reordering > TCP_DUPTHRESH && a->sacked);
}

static void control_congestion(struct tcp_sock *tp, const struct tcp_acked *a)
{
	struct congestion_ack c = { 0 };

	congestion_sample(tp, a, &c);
	if (tp->ca_state == CONGESTION_LOSS)
		tp->cwnd_limited = true;	/* slow start is what it is there for */
	if (!tcp_cc_controls(tp) && tcp_in_reduction(tp))
		tcp_prr_ack(tp, a->delivered, c.lost, a->acked);
	else if (tcp_cc_controls(tp) || may_raise_cwnd(tp, a))
		tcp_cc_ack(tp, &c);
}

/*
 * From now when the ACK advances; also when it SACKs what was sent before the first segment was
 * sent (again): that one cannot be overdue yet.
 */
static void restart_timer(struct tcp_sock *tp, const struct tcp_acked *a)
{
	if (a->timer_set)
		return;
	if (tp->snd_una == tp->snd_nxt)
		timer_cancel(&tp->tcp->env->timers, &tp->rexmit_timer);
	else if (a->acked || (a->sack_first && a->sack_first < seg_of(tp->sendq)->sent))
		tcp_arm_loss_timer(tp);
}

static bool dubious(const struct tcp_sock *tp, const struct tcp_acked *a)
{
	return tp->ca_state != CONGESTION_OPEN || a->sacked || a->duplicate || a->dsack ||
	       a->ece || tp->sacked_out || tp->lost_out;
}

/* SACK blocks, of an old ACK too. */
static void take_sacks(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a)
{
	tcp_sack_input(tp, s, a);
	if (a->dsack)
		tcp_rack_dsack(tp);
}

static void act(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a)
{
	if (tp->sack_ok)
		tcp_sack_reordering(tp, a->reord, seq_max(a->prior_fack, tcp_fack(tp)));
	if (tp->tlp_out)
		tcp_tlp_ack(tp, a);
	if (a->acked || a->sacked)
		sample_rtt(tp, s, a);
	tp->segs_delivered += a->segs;
	if (a->ece) {
		tp->segs_delivered_ce += a->segs;
		tp->tcp->stats.delivered_ce += a->segs;
	}
	if (dubious(tp, a))
		tcp_recovery_ack(tp, s, a);
	control_congestion(tp, a);
	restart_timer(tp, a);
}

/* Does s repeat what the last ACK said (RFC 5681 section 2)? */
static bool duplicate(const struct tcp_sock *tp, const struct tcp_segment *s, uint32_t prior_wnd)
{
	return s->ack == tp->snd_una && tp->snd_una != tp->snd_nxt && !s->len &&
	       prior_wnd == tp->snd_wnd && !(s->flags & (TCPH_SYN | TCPH_FIN));
}

/* Overtaken by a later one. False: drop the segment; its data may still be new otherwise. */
static bool old_ack(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a)
{
	if (tp->snd_una - s->ack > (tp->max_window > 65535 ? tp->max_window : 65535)) {
		tcp_challenge_ack(tp);
		return false;
	}
	if (tp->sack_ok && s->nsacks && tp->snd_una != tp->snd_nxt) {
		tcp_sack_dsack(tp, s, a);
		take_sacks(tp, s, a);
		if (a->sacked || a->dsack)
			act(tp, s, a);
	}
	return true;
}

static void probe_answered(struct tcp_sock *tp)
{
	tp->backoff = 0;
	timer_cancel(&tp->tcp->env->timers, &tp->rexmit_timer);
	tp->rexmit_for = TCP_TIMER_RTO;
}

/*
 * The ACK field of an acceptable segment in a synchronised state. False: drop the segment; an
 * answer, where one is due, has been sent (RFC 9293 3.10.7.4, RFC 5961 section 5).
 */
bool tcp_ack(struct tcp_sock *tp, const struct tcp_segment *s)
{
	struct tcp_acked a = {
		.s = s, .prior_una = tp->snd_una, .prior_fack = tcp_fack(tp),
		.reord = tp->snd_nxt,
	};
	bool sacks = s->nsacks && tp->sack_ok;
	uint32_t prior_wnd = tp->snd_wnd;

	if (seq_lt(tp->snd_nxt, s->ack)) {
		tcp_challenge_ack(tp);
		return false;
	}
	rate_begin(tp, &a.rate);
	if (seq_lt(s->ack, tp->snd_una))
		return old_ack(tp, s, &a);
	tp->last_ack_recv = tcp_now(tp);
	tp->probes = tp->keep_probes = 0;
	update_window(tp, s);
	a.duplicate = duplicate(tp, s, prior_wnd);
	a.ece = tcp_ecn_echoed(tp, s);
	if (a.duplicate) {
		tp->dupacks++;
		tp->tcp->stats.dup_acks++;
	}
	if (sacks)
		tcp_sack_dsack(tp, s, &a);
	if (s->ack != tp->snd_una)
		take_acked(tp, s->ack, &a);
	if (sacks)
		take_sacks(tp, s, &a);
	if (a.acked || sacks || a.duplicate || a.ece || tp->ca_state != CONGESTION_OPEN)
		act(tp, s, &a);
	if (a.acked) {
		plpmtud_acked(tp);
		confirm_neighbour(tp);
		tcp_grow_sndbuf(tp);
		tcp_write_space(tp);
	}
	if (tp->rexmit_for == TCP_TIMER_PERSIST && timer_armed(&tp->rexmit_timer) && tp->snd_wnd)
		probe_answered(tp);
	return true;
}
