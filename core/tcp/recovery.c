/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recovery.c - the states of loss recovery (RFC 5681, 6582, 6675, 8985; Linux's
 * tcp_fastretrans_alert and tcp_process_loss).
 *
 * Theory of operation
 *
 *	OPEN		nothing is dubious
 *	DISORDER	duplicate ACKs or SACKs, or something was sent again: may be reordering
 *	CWR		congestion was echoed, or a probe repaired a loss: cwnd goes down
 *	RECOVERY	something is lost: it is sent again, cwnd goes down
 *	LOSS		the RTO expired: everything is lost, slow start
 *
 * The last three last until all is acknowledged that was sent when they began (recover). Marking is
 * RACK's where the peer has SACK. Without it each duplicate ACK stands for a segment that has
 * left the network (sacked_out; so two of them let new segments go, RFC 3042); the third, or fewer
 * when fewer are out (RFC 5827), marks the first segment, a partial ACK the next (RFC 6582), and
 * the state is left only when something beyond recover is acknowledged, so that old duplicates
 * do not begin it again.
 *
 * After a timeout F-RTO (RFC 5682 3.1) asks whether it was needless: the first ACK that advances
 * lets new data be sent instead of retransmissions. When then an original is acknowledged that was
 * never sent again, everything was only late.
 *
 * What is marked is sent again by tcp_output(), as cwnd allows.
 */
#include "tcp/sock.h"

static bool anything_retransmitted(const struct tcp_sock *tp)
{
	return tp->retrans_out || (tp->sendq && tp->sendq != tp->send_next &&
				   seg_of(tp->sendq)->rexmits);
}

static void forget_rexmit_ts(struct tcp_sock *tp)
{
	if (!anything_retransmitted(tp))
		tp->rexmit_ts = 0;
}

void tcp_try_open(struct tcp_sock *tp)
{
	uint8_t state = CONGESTION_OPEN;

	if (tp->sacked_out || tp->lost_out || anything_retransmitted(tp))
		state = CONGESTION_DISORDER;
	if (tp->ca_state == state)
		return;
	tp->ca_state = state;
	tp->recover = tp->snd_nxt;
}

/* ---- without SACK ---- */

/* Not more segments than are out, but for one that is missing. */
static void limit_reno_sacked(struct tcp_sock *tp)
{
	uint32_t out = tp->snd_nxt - tp->snd_una;
	uint32_t holes = tp->lost_out > tp->mss ? tp->lost_out : tp->mss;

	if (tp->sacked_out > out - (holes < out ? holes : out))
		tp->sacked_out = out - (holes < out ? holes : out);
}

static void count_duplicate(struct tcp_sock *tp, struct tcp_acked *a)
{
	uint32_t before = tp->sacked_out;

	if (tp->sack_ok || !a->duplicate)
		return;
	tp->sacked_out += tp->mss;
	limit_reno_sacked(tp);
	if (tp->sacked_out > before)
		a->delivered += tp->sacked_out - before;
}

/* One segment of what is acknowledged filled the hole; the others were counted before. */
static void uncount_duplicates(struct tcp_sock *tp, struct tcp_acked *a)
{
	uint32_t counted = a->acked > tp->mss ? a->acked - tp->mss : 0;

	if (tp->sack_ok)
		return;
	if (counted > tp->sacked_out)
		counted = tp->sacked_out;
	tp->sacked_out -= counted;
	a->delivered -= counted < a->delivered ? counted : a->delivered;
	limit_reno_sacked(tp);
}

static void reset_duplicates(struct tcp_sock *tp)
{
	if (!tp->sack_ok)
		tp->sacked_out = 0;
	tp->dupacks = 0;
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

/* The first segment is lost: one mss of it, for that is what is known. */
static void mark_head_lost(struct tcp_sock *tp)
{
	struct packet *p = tp->sendq;

	if (!p || p == tp->send_next || seg_of(p)->lost)
		return;
	if (p->len > tp->mss && !sendq_split(tp, p, tp->mss))
		return;
	sendq_mark_lost(tp, p);
}

static void reno_mark_lost(struct tcp_sock *tp, const struct tcp_acked *a)
{
	if (tp->ca_state == CONGESTION_RECOVERY ? a->acked :
	    tp->ca_state < CONGESTION_RECOVERY && tp->dupacks >= dup_threshold(tp))
		mark_head_lost(tp);
}

/* ---- entering ---- */

static void find_losses(struct tcp_sock *tp, struct tcp_acked *a)
{
	uint32_t retrans = tp->retrans_out;

	if (tp->snd_una == tp->snd_nxt)
		return;
	if (!tp->sack_ok) {
		reno_mark_lost(tp, a);
		return;
	}
	a->timer_set = tcp_rack_mark_lost(tp);
	a->lost_retrans = tp->retrans_out < retrans;
}

void tcp_enter_recovery(struct tcp_sock *tp, bool ece)
{
	if (tp->sack_ok)
		tp->tcp->stats.sack_recovery++;
	else
		tp->tcp->stats.reno_recovery++;
	tp->tcp->stats.fast_retrans++;
	tp->undo_ssthresh = 0;
	tcp_undo_arm(tp);
	if (!tcp_in_reduction(tp)) {
		if (!ece)
			tcp_undo_keep(tp);
		tcp_prr_begin(tp, CONGESTION_ENTER_RECOVERY);
	}
	tp->ca_state = CONGESTION_RECOVERY;
	tcp_cc_event(tp, CONGESTION_ENTER_RECOVERY);
}

/* What is marked was lost, but not by congestion: it goes again, and cwnd stays. */
static void resend_uncongested(struct tcp_sock *tp)
{
	reset_duplicates(tp);
	tp->undo_armed = tp->frto = tp->frto_new = false;
	if (tp->ca_state != CONGESTION_LOSS) {
		tp->ca_state = CONGESTION_LOSS;
		tp->recover = tp->snd_nxt;
	}
	tcp_retransmit_head(tp);
}

/* A probe of the path MTU that did not pass is no congestion (RFC 4821 7.6.2). */
static void enter_unless_probe(struct tcp_sock *tp, bool ece)
{
	if (!plpmtud_lost(tp)) {
		tcp_enter_recovery(tp, ece);
		return;
	}
	for (struct packet *p = tp->sendq; p && p != tp->send_next &&
	     seq_lt(seg_of(p)->seq, tp->mtu.end); p = p->next)	/* it may be in pieces by now */
		sendq_mark_lost(tp, p);
	resend_uncongested(tp);
}

/* Congestion was echoed (RFC 3168 6.1.2), or a probe repaired a loss. What was sent until now may
 * bring more echoes of it. */
void tcp_enter_cwr(struct tcp_sock *tp)
{
	tp->undo_ssthresh = 0;
	tp->undo_armed = false;
	tcp_prr_begin(tp, CONGESTION_ENTER_CWR);
	tp->ca_state = CONGESTION_CWR;
	tcp_cc_event(tp, CONGESTION_ENTER_CWR);
}

/* Everything is lost that RACK does not expect yet; the peer's SACKs hold, if they can be true. */
static void mark_flight_lost(struct tcp_sock *tp)
{
	struct packet *head = tp->sendq;
	bool reneged = head && head != tp->send_next && seg_of(head)->sacked;

	if (reneged)
		tcp_sack_forget(tp);
	else
		reset_duplicates(tp);
	for (struct packet *p = head; p && p != tp->send_next; p = p->next)
		if (!tp->sack_ok || reneged || p == head || tcp_rack_expired(tp, seg_of(p)))
			sendq_mark_lost(tp, p);
}

/* The retransmission timer expired (RFC 6298 5.4; RFC 5681 3.1). */
void tcp_enter_loss(struct tcp_sock *tp)
{
	bool fresh = tp->ca_state < CONGESTION_RECOVERY;

	mark_flight_lost(tp);
	/* RFC 5681 (4): once for one loss */
	if (tp->ca_state <= CONGESTION_DISORDER || seq_le(tp->recover, tp->snd_una) ||
	    (tp->ca_state == CONGESTION_LOSS && tp->retries <= 1)) {
		tcp_undo_keep(tp);
		tp->cc.ssthresh = tcp_cc_ssthresh(tp, CONGESTION_RTO);
		tcp_undo_arm(tp);
	}
	tp->ca_state = CONGESTION_LOSS;
	tp->recover = tp->snd_nxt;
	tp->tlp_out = false;
	tp->ecn_cwr_due = tp->ecn_ok;
	tcp_cc_event(tp, CONGESTION_RTO);
	tp->cc.cwnd = tcp_pipe(tp) + tp->mss;
	tp->frto = fresh || tp->retries > 1;
	tp->frto_new = false;
}

/* ---- leaving ---- */

/* What was sent when the state began is acknowledged. True: the state is held on to. */
static bool undo_or_end(struct tcp_sock *tp, const struct tcp_segment *s)
{
	struct tcp_stats *stats = &tp->tcp->stats;

	if (tcp_undo_possible(tp, s)) {
		if (tp->ca_state == CONGESTION_LOSS)
			stats->loss_undo++;
		else
			stats->full_undo++;
		tcp_undo(tp, false);
	} else {
		tcp_rack_recovered(tp);
	}
	if (!tp->sack_ok && tp->snd_una == tp->recover) {
		forget_rexmit_ts(tp);
		return true;
	}
	return false;
}

static void end_reduction(struct tcp_sock *tp)
{
	tcp_prr_end(tp);
	tp->ca_state = CONGESTION_OPEN;
}

/* The hole was filled by an original that was late, before all of it was acknowledged. */
static bool undo_partial(struct tcp_sock *tp, const struct tcp_segment *s,
			 const struct tcp_acked *a)
{
	if (!tp->undo_armed || !tcp_undo_delayed(tp, s))
		return false;
	tcp_sack_reordering(tp, a->prior_una, tcp_fack(tp));
	if (tp->retrans_out)	/* the ACKs of what was sent again are still to come */
		return true;
	forget_rexmit_ts(tp);
	tp->tcp->stats.partial_undo++;
	tcp_undo(tp, true);
	tcp_try_open(tp);
	return true;
}

static bool undo_dsack(struct tcp_sock *tp)
{
	if (!tp->undo_armed || tp->undo_retrans)
		return false;
	tp->tcp->stats.dsack_undo++;
	tcp_undo(tp, false);
	return true;
}

static bool undo_loss(struct tcp_sock *tp, const struct tcp_segment *s, bool spurious)
{
	if (!spurious && !tcp_undo_possible(tp, s))
		return false;
	tcp_undo(tp, true);
	tp->tcp->stats.loss_undo++;
	if (spurious)
		tp->tcp->stats.spurious_rtos++;
	tp->retries = tp->backoff = 0;
	if (!tp->sack_ok && !spurious && tp->snd_una == tp->recover)
		return true;
	tp->frto_new = false;
	tp->ca_state = CONGESTION_OPEN;
	tcp_try_open(tp);
	return true;
}

/* ---- each state's ACK ---- */

static bool may_send_new(const struct tcp_sock *tp)
{
	return tp->send_next && seq_lt(tp->snd_nxt, tp->snd_una + tp->snd_wnd);
}

static void loss_ack(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a)
{
	bool recovered = seq_le(tp->recover, tp->snd_una);

	tp->frto_new = false;
	if (a->acked && undo_loss(tp, s, false))
		return;
	if (tp->frto) {
		/* Step 3b: what was never sent again has arrived. */
		if (a->original && undo_loss(tp, s, true))
			return;
		if (seq_lt(tp->recover, tp->snd_nxt)) {
			if (a->sacked || a->duplicate)
				tp->frto = false;	/* step 3a: the loss is real */
		} else if (a->acked && !recovered) {
			tp->recover = tp->snd_nxt;
			tp->frto_new = may_send_new(tp);	/* step 2b */
			if (!tp->frto_new)
				tp->frto = false;
			else
				return;
		}
	}
	if (recovered) {
		if (!undo_or_end(tp, s)) {
			tp->frto = false;
			tp->ca_state = CONGESTION_OPEN;
			tcp_try_open(tp);
		}
		return;
	}
	if (!tp->sack_ok && a->acked)
		reset_duplicates(tp);
	else if (seq_lt(tp->recover, tp->snd_nxt))
		count_duplicate(tp, a);
}

static void recovery_ack(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a)
{
	if (!a->acked)
		count_duplicate(tp, a);
	else if (undo_partial(tp, s, a))
		return;
	else
		uncount_duplicates(tp, a);
	if (undo_dsack(tp))
		tcp_try_open(tp);
	find_losses(tp, a);
	if (tp->ca_state != CONGESTION_RECOVERY && tp->lost_out)
		enter_unless_probe(tp, a->ece);
}

static void calm_ack(struct tcp_sock *tp, struct tcp_acked *a)
{
	if (a->acked)
		reset_duplicates(tp);
	count_duplicate(tp, a);
	if (tp->ca_state <= CONGESTION_DISORDER)
		undo_dsack(tp);
	find_losses(tp, a);
	if (tp->lost_out) {
		enter_unless_probe(tp, a->ece);
		return;
	}
	forget_rexmit_ts(tp);
	if (a->ece && tp->ca_state < CONGESTION_CWR)
		tcp_enter_cwr(tp);
	if (tp->ca_state != CONGESTION_CWR)
		tcp_try_open(tp);
}

/* Everything that was sent when the state began is acknowledged. True: there is nothing to add. */
static bool maybe_leave(struct tcp_sock *tp, const struct tcp_segment *s)
{
	if (!seq_le(tp->recover, tp->snd_una))
		return false;
	switch (tp->ca_state) {
	case CONGESTION_CWR:	/* until something beyond, so that CWR has reached the peer */
		if (tp->snd_una != tp->recover)
			end_reduction(tp);
		return false;
	case CONGESTION_RECOVERY:
		reset_duplicates(tp);
		if (undo_or_end(tp, s))
			return true;
		end_reduction(tp);
		return false;
	default:
		return false;
	}
}

/* An ACK while something is dubious, or that makes it so. */
void tcp_recovery_ack(struct tcp_sock *tp, const struct tcp_segment *s, struct tcp_acked *a)
{
	if (a->ece)
		tp->undo_ssthresh = 0;
	if (maybe_leave(tp, s))
		return;
	switch (tp->ca_state) {
	case CONGESTION_RECOVERY:
		recovery_ack(tp, s, a);
		break;
	case CONGESTION_LOSS:
		loss_ack(tp, s, a);
		find_losses(tp, a);
		if (tp->ca_state == CONGESTION_LOSS && !a->lost_retrans)
			break;
		/* fall through */
	default:
		calm_ack(tp, a);
	}
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
	for (struct packet *p = tp->sendq; p && p != tp->send_next; p = p->next)
		sendq_mark_lost(tp, p);
	resend_uncongested(tp);
}
