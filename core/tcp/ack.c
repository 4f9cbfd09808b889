/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ack.c - what an acknowledgement tells: data delivered, round-trip time, loss, the peer's window.
 *
 * Theory of operation. Loss recovery is NewReno (RFC 6582) in the form that counts what is in the
 * network, so that SACK and RACK only have to mark segments better:
 *
 *	pipe = SND.NXT - SND.UNA - reno_sacked - lost_out + retrans_out
 *
 * Each duplicate ACK says that one segment has left the network (reno_sacked), which
 * is RFC 6582's inflation of cwnd turned round, and is limited transmit (RFC 3042) before recovery
 * begins. On the third (or fewer, when fewer are out: early retransmit, RFC 5827) the first
 * segment is marked lost and sent again, and cwnd becomes the module's ssthresh. A partial ACK
 * marks the next hole; the ACK of all that was out when recovery began ends it.
 *
 * When the timer expires everything is marked lost and goes out again under slow start.
 *
 * Undo: when the ACK that ends doubt echoes a timestamp from before the first
 * retransmission, the original had arrived and the reduction was needless (Eifel, RFC 3522).
 *
 * RTT: from the time a segment was sent, if it was sent once (Karn); otherwise from the
 * echoed timestamp. RTO by RFC 6298 with Linux's bounds.
 */
#include "tcp/sock.h"

/* ---- round-trip time (RFC 6298 section 2) ---- */

void tcp_rtt_sample(struct tcp_sock *tp, uint64_t rtt)
{
	uint64_t var;

	if (!rtt)
		rtt = 1;
	if (!tp->min_rtt || rtt < tp->min_rtt)
		tp->min_rtt = rtt;
	if (!tp->srtt) {
		tp->srtt = rtt;
		tp->rttvar = rtt / 2;
	} else {
		uint64_t diff = tp->srtt > rtt ? tp->srtt - rtt : rtt - tp->srtt;

		tp->rttvar = (3 * tp->rttvar + diff) / 4;
		tp->srtt = (7 * tp->srtt + rtt) / 8;
	}
	/* Linux bounds the variance, not the sum: RTO is at least srtt + 200 ms. */
	var = 4 * tp->rttvar;
	if (var < TCP_RTO_MIN)
		var = TCP_RTO_MIN;
	tp->rto = tp->srtt + var;
	if (tp->rto > TCP_RTO_MAX)
		tp->rto = TCP_RTO_MAX;
}

/* From the echoed timestamp, in its resolution. 0: none. */
static uint64_t timestamp_rtt(const struct tcp_sock *tp, const struct tcp_segment *s)
{
	uint32_t ms;

	if (!tp->ts_ok || !s->has_ts || !s->tsecr)
		return 0;
	ms = tcp_ts(tp) - s->tsecr;
	if (ms > TCP_RTO_MAX / NSEC_PER_MSEC)
		return 0;
	return (ms ? ms : 1) * NSEC_PER_MSEC;
}

/* ---- what an ACK takes off the send queue ---- */

struct acked {
	uint32_t bytes;			/* of sequence space */
	uint64_t first_sent;		/* of the oldest segment that was sent once */
	uint64_t last_sent;		/* of the youngest */
	bool retransmitted;		/* one of them was sent more than once */
	uint64_t rate;
};

static void note_acked(struct tcp_sock *tp, struct packet *p, uint32_t n, struct acked *a)
{
	struct tcp_seg *seg = seg_of(p);
	uint64_t interval = tcp_now(tp) - seg->delivered_at;

	a->bytes += n;
	tp->delivered += n;
	if (seg->rexmits) {
		a->retransmitted = true;
		return;
	}
	if (!a->first_sent)
		a->first_sent = seg->sent;
	a->last_sent = seg->sent;
	if (interval && !seg->app_limited)
		a->rate = (uint64_t)((unsigned __int128)(tp->delivered - seg->delivered) *
				     NSEC_PER_SEC / interval);
}

static void take_acked(struct tcp_sock *tp, uint32_t ack, struct acked *a)
{
	struct packet *p;

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
	tp->delivered_at = tcp_now(tp);
}

/* ---- recovery ---- */

static void undo_arm(struct tcp_sock *tp)
{
	tp->undo_armed = true;
	tp->undo_cwnd = tp->cc.cwnd;
	tp->undo_ssthresh = tp->cc.ssthresh;
	tp->rexmit_ts = 0;
}

static void recovery_end(struct tcp_sock *tp)
{
	tp->ca_state = TCP_CA_OPEN;
	tp->reno_sacked = tp->dupacks = 0;
	tp->undo_armed = false;
	sendq_unmark_all(tp);
}

/* The peer got the original: restore what was taken (RFC 3522 3.2, RFC 4015). */
static bool undo_try(struct tcp_sock *tp, const struct tcp_segment *s)
{
	if (!tp->undo_armed || !tp->rexmit_ts || !tp->ts_ok || !s->has_ts || !s->tsecr ||
	    !seq_lt(s->tsecr, tp->rexmit_ts))
		return false;
	if (tp->cc.cwnd < tp->undo_cwnd)
		tp->cc.cwnd = tp->undo_cwnd;
	tp->cc.ssthresh = tp->undo_ssthresh;
	recovery_end(tp);
	tcp_cc_event(tp, CONGESTION_UNDO);
	return true;
}

/* The first segment is lost: one mss of it, for that is what is known. */
static void mark_head_lost(struct tcp_sock *tp)
{
	struct packet *p = tp->sendq;

	if (!p || p == tp->send_next)
		return;
	if (p->len > tp->mss && !sendq_split(tp, p, tp->mss))
		return;
	sendq_mark_lost(tp, p);
}

static void enter_recovery(struct tcp_sock *tp)
{
	undo_arm(tp);
	tp->cc.ssthresh = tcp_cc_ssthresh(tp);
	tp->ca_state = TCP_CA_RECOVERY;
	tp->recover = tp->snd_nxt;
	mark_head_lost(tp);
	tcp_cc_event(tp, CONGESTION_ENTER_RECOVERY);
	tp->cc.cwnd = tp->cc.ssthresh;
	tp->tcp->stats.fast_retrans++;
	tcp_retransmit(tp);
}

/* The retransmission timer expired (RFC 5681 3.1, RFC 6582 3.2 after a timeout). */
void tcp_enter_loss(struct tcp_sock *tp)
{
	if (tp->ca_state == TCP_CA_OPEN)
		undo_arm(tp);
	if (tp->retries <= 1)		/* RFC 5681 (4): once for one loss */
		tp->cc.ssthresh = tcp_cc_ssthresh(tp);
	tp->ca_state = TCP_CA_LOSS;
	tp->recover = tp->snd_nxt;
	tp->reno_sacked = tp->dupacks = 0;
	tcp_cc_event(tp, CONGESTION_RTO);
	tp->cc.cwnd = tp->mss;
	sendq_mark_all_lost(tp);
}

/* A full ACK: deflate so that no burst follows (RFC 6582 3.2 step 5, option 1). */
static void exit_recovery(struct tcp_sock *tp)
{
	uint64_t pipe;

	recovery_end(tp);
	pipe = tcp_pipe(tp) > tp->mss ? tcp_pipe(tp) : tp->mss;
	if (tp->cc.cwnd > tp->cc.ssthresh)
		tp->cc.cwnd = tp->cc.ssthresh;
	if (tp->cc.cwnd > pipe + 3ull * tp->mss)
		tp->cc.cwnd = pipe + 3ull * tp->mss;
	tcp_cc_event(tp, CONGESTION_EXIT_RECOVERY);
}

static void partial_ack(struct tcp_sock *tp, uint32_t acked)
{
	/* One segment of it filled the hole; the others were counted by duplicate ACKs. */
	uint32_t counted = acked > tp->mss ? acked - tp->mss : 0;

	tp->reno_sacked -= counted < tp->reno_sacked ? counted : tp->reno_sacked;
	mark_head_lost(tp);
	tcp_retransmit(tp);
}

/* Duplicate ACKs that it takes: three, or fewer when fewer segments are out (RFC 5827 3.2). */
static uint32_t dup_threshold(struct tcp_sock *tp)
{
	struct packet *p = tp->sendq;
	uint32_t n = 0;

	if (tp->send_next)
		return TCP_DUPTHRESH;
	for (; p && n <= TCP_DUPTHRESH; p = p->next)
		n += 1 + (p->len > 0 ? (p->len - 1) / tp->mss : 0);
	return n > TCP_DUPTHRESH ? TCP_DUPTHRESH : n > 2 ? n - 1 : 1;
}

static void duplicate_ack(struct tcp_sock *tp)
{
	uint32_t out = tp->snd_nxt - tp->snd_una;

	tp->dupacks++;
	tp->tcp->stats.dup_acks++;
	if (tp->ca_state == TCP_CA_LOSS)
		return;		/* they answer what was sent again needlessly */
	tp->reno_sacked += tp->mss;
	if (tp->reno_sacked + tp->mss > out)
		tp->reno_sacked = out > tp->mss ? out - tp->mss : 0;
	if (tp->ca_state == TCP_CA_OPEN && tp->dupacks >= dup_threshold(tp) &&
	    seq_lt(tp->recover, tp->snd_una))
		enter_recovery(tp);
}

static void new_ack(struct tcp_sock *tp, const struct tcp_segment *s, struct acked *a,
		    uint32_t prior_pipe)
{
	struct congestion_ack c = { .acked = a->bytes, .prior_in_flight = prior_pipe,
				    .app_limited = !tp->cwnd_limited, .rate = a->rate };
	bool full = seq_le(tp->recover, s->ack);

	tp->dupacks = 0;
	if (a->rate > tp->rate)		/* the highest of late: one ACK alone may be delayed */
		tp->rate = a->rate;
	else if (a->rate)
		tp->rate -= (tp->rate - a->rate) / 8;
	if (!a->retransmitted && a->last_sent)
		c.rtt = tcp_now(tp) - a->last_sent;
	if (seq_le(tp->round_end, s->ack)) {
		c.round_start = true;
		tp->round_end = tp->snd_nxt;
	}
	if (tp->ca_state != TCP_CA_OPEN && undo_try(tp, s))
		full = false;
	switch (tp->ca_state) {
	case TCP_CA_OPEN:
		tp->reno_sacked = 0;
		if (seq_lt(tp->recover, s->ack))	/* or it would lie ahead after 2 GiB */
			tp->recover = s->ack - 1;
		break;
	case TCP_CA_RECOVERY:
		if (full)
			exit_recovery(tp);
		else
			partial_ack(tp, a->bytes);
		return;
	case TCP_CA_LOSS:
		if (full)
			recovery_end(tp);
		c.app_limited = false;
		break;
	}
	tcp_cc_ack(tp, &c);
}

/* ---- the peer's window ---- */

static void update_window(struct tcp_sock *tp, const struct tcp_segment *s)
{
	uint32_t wnd = s->flags & TCPH_SYN ? s->wnd : s->wnd << tp->snd_wscale;

	/* RFC 9293 3.10.7.4: only from segments that are newer than the last that was used */
	if (!seq_lt(tp->snd_una, s->ack) && !seq_lt(tp->snd_wl1, s->seq) &&
	    !(tp->snd_wl1 == s->seq && (seq_lt(tp->snd_wl2, s->ack) || wnd > tp->snd_wnd)))
		return;
	tp->snd_wnd = wnd;
	tp->snd_wl1 = s->seq;
	tp->snd_wl2 = s->ack;
	if (wnd > tp->max_window)
		tp->max_window = wnd;
}

static void confirm_neighbour(struct tcp_sock *tp)
{
	struct dst *d = &tp->sk.dst;

	if (tcp_now(tp) - tp->confirmed < NSEC_PER_SEC || !dst_valid(tp->sk.ip, d) ||
	    d->local || d->nic->loopback)
		return;
	tp->confirmed = tcp_now(tp);
	neighbour_confirm(&tp->sk.ip->arp, d->nic, d->nexthop.b);
}

static void grow_sndbuf(struct tcp_sock *tp)
{
	uint64_t want = 2 * tp->cc.cwnd + 2ull * tcp_size_goal(tp);

	if (want > tp->tcp->wmem_max)
		want = tp->tcp->wmem_max;
	if (!tp->sk.sndbuf_locked && want > tp->sk.sndbuf && !tcp_memory_pressure(tp->tcp))
		tp->sk.sndbuf = (uint32_t)want;
}

static void forward_progress(struct tcp_sock *tp, const struct tcp_segment *s,
			     struct acked *a)
{
	uint64_t rtt = !a->retransmitted && a->first_sent ? tcp_now(tp) - a->first_sent :
		timestamp_rtt(tp, s);

	if (rtt)
		tcp_rtt_sample(tp, rtt);
	tp->backoff = tp->retries = 0;
	tp->soft_error = 0;
	if (tp->snd_una == tp->snd_nxt)
		timer_cancel(&tp->tcp->env->timers, &tp->rexmit_timer);
	else
		tcp_arm_rto(tp);
	confirm_neighbour(tp);
}

/*
 * The ACK field of an acceptable segment in a synchronised state. False: drop the segment; an
 * answer, where one is due, has been sent (RFC 9293 3.10.7.4, RFC 5961 section 5).
 */
bool tcp_ack(struct tcp_sock *tp, const struct tcp_segment *s)
{
	uint32_t prior_pipe = tcp_pipe(tp), prior_wnd = tp->snd_wnd;
	bool was_probing = tp->probing;
	struct acked a = { 0 };

	if (seq_lt(tp->snd_nxt, s->ack)) {
		tcp_challenge_ack(tp);
		return false;
	}
	if (seq_lt(s->ack, tp->snd_una)) {
		if (tp->snd_una - s->ack > (tp->max_window > 65535 ? tp->max_window : 65535)) {
			tcp_challenge_ack(tp);
			return false;
		}
		return true;			/* old: its data may still be new */
	}
	tp->last_ack_recv = tcp_now(tp);
	tp->probes = tp->keep_probes = 0;
	update_window(tp, s);
	if (s->ack != tp->snd_una) {
		take_acked(tp, s->ack, &a);
		tp->bytes_acked += s->ack - tp->snd_una;
		tp->snd_una = s->ack;
		forward_progress(tp, s, &a);
		new_ack(tp, s, &a, prior_pipe);
		grow_sndbuf(tp);
		tcp_write_space(tp);
	} else if (tp->snd_una != tp->snd_nxt && !s->len && prior_wnd == tp->snd_wnd &&
		   !(s->flags & (TCPH_SYN | TCPH_FIN))) {
		duplicate_ack(tp);
	}
	if (was_probing && tp->snd_wnd) {
		tp->backoff = 0;
		timer_cancel(&tp->tcp->env->timers, &tp->rexmit_timer);
		tp->probing = false;
	}
	return true;
}

/*
 * The path MTU shrank: what is under way in larger segments is lost, but not by congestion
 * (Linux's tcp_simple_retransmit). All of it goes again in the new size; cwnd stays.
 */
void tcp_path_mtu(struct tcp_sock *tp)
{
	uint32_t old = tp->mss;

	if (tcp_sync_route(tp) < 0 || tp->mss >= old || tp->snd_una == tp->snd_nxt)
		return;
	sendq_mark_all_lost(tp);
	tp->reno_sacked = tp->dupacks = 0;
	tp->undo_armed = false;
	if (tp->ca_state == TCP_CA_OPEN) {
		tp->ca_state = TCP_CA_LOSS;
		tp->recover = tp->snd_nxt;
	}
	tcp_retransmit(tp);
}
