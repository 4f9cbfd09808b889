/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer.c - what happens when nothing happens.
 *
 * Theory of operation. One timer (rexmit_timer) drives everything that is sent until it is
 * answered:
 *	SYN, SYN-ACK	again after 1, 2, 4 ... s; 6 and 5 times, or as struct tcp says
 *	data, FIN	RFC 6298: again after RTO, doubled each time up to 120 s; up after 15 times
 *			(RFC 1122 4.2.3.5's R2), or TCP_USER_TIMEOUT (RFC 5482), or 8 for an orphan
 *	probes		nothing is out and the window is closed: RFC 9293 3.8.6.1; same intervals, for
 *			as long as the peer answers, but see probed_enough(). The same timer ends a cork
 *			after 200 ms.
 *	tail loss	two round trips after the last transmission: tlp.c
 *	reordering	what is too young to be deemed lost: rack.c
 * rexmit_for tells for which of them it is armed. The last two are earlier than RTO, so it is
 * theirs to arm that again. delack_timer bounds the wait of an ACK (RFC 9293 3.8.6.3); keep_timer
 * is keepalive (3.8.4), and ends FIN-WAIT-2 of a closed socket and the grace of hardclose.c;
 * pace_timer continues a paced sender.
 */
#include <errno.h>

#include "tcp/sock.h"

static struct timers *timers(struct tcp_sock *tp)
{
	return &tp->tcp->env->timers;
}

static uint64_t backed_off(const struct tcp_sock *tp)
{
	uint64_t rto = tp->rto;

	for (uint32_t i = 0; i < tp->backoff && rto < TCP_RTO_MAX; i++)
		rto *= 2;
	return rto < TCP_RTO_MAX ? rto : TCP_RTO_MAX;
}

/* Not beyond the end that TCP_USER_TIMEOUT sets (RFC 5482 3). */
void tcp_arm_rto(struct tcp_sock *tp)
{
	uint64_t at = tcp_now(tp) + backed_off(tp);
	uint64_t end = tp->retries_since + tp->user_timeout * NSEC_PER_MSEC;

	if (tp->user_timeout && tp->retries && end < at)
		at = end > tcp_now(tp) ? end : tcp_now(tp) + NSEC_PER_MSEC;
	tp->rexmit_for = TCP_TIMER_RTO;
	timer_arm(timers(tp), &tp->rexmit_timer, at);
}

void tcp_arm_use(struct tcp_sock *tp, enum tcp_timer_use use, uint64_t wait)
{
	tp->rexmit_for = use;
	timer_arm(timers(tp), &tp->rexmit_timer, tcp_now(tp) + wait);
}

uint64_t tcp_rto_left(const struct tcp_sock *tp)
{
	uint64_t end = seg_of(tp->sendq)->sent + backed_off(tp);

	return end > tcp_now(tp) ? end - tcp_now(tp) : 1;
}

void tcp_arm_reo(struct tcp_sock *tp, uint64_t wait)
{
	uint64_t left = tcp_rto_left(tp);

	/* A peer that SACKs what is very old makes RACK wait longer than the timeout would. */
	if (wait < left)
		tcp_arm_use(tp, TCP_TIMER_REO, wait);
	else
		tcp_arm_use(tp, TCP_TIMER_RTO, left);
}

void tcp_rearm_rto(struct tcp_sock *tp)
{
	if (tp->snd_una != tp->snd_nxt)
		tcp_arm_use(tp, TCP_TIMER_RTO, tcp_rto_left(tp));
}

void tcp_arm_loss_timer(struct tcp_sock *tp)
{
	if (!tcp_tlp_arm(tp))
		tcp_arm_rto(tp);
}

void tcp_arm_probe(struct tcp_sock *tp)
{
	uint64_t at = tcp_now(tp) + backed_off(tp);
	uint64_t end = tp->probes_since + tp->user_timeout * NSEC_PER_MSEC;

	if (tp->rexmit_for == TCP_TIMER_PERSIST && timer_armed(&tp->rexmit_timer))
		return;
	if (tp->user_timeout && tp->probes_since && end < at)
		at = end > tcp_now(tp) ? end : tcp_now(tp);
	tcp_arm_use(tp, TCP_TIMER_PERSIST, at - tcp_now(tp));
}

/* Not longer than a round trip, so that no sender's RTO (srtt and 200 ms, or more) is near. */
void tcp_arm_delack(struct tcp_sock *tp)
{
	uint64_t most = tp->srtt > TCP_ATO_MIN ? tp->srtt : TCP_ATO_MIN;
	uint64_t wait = tp->ato < most ? tp->ato : most;

	if (timer_armed(&tp->delack_timer))
		return;
	if (wait > TCP_DELACK_MAX)
		wait = TCP_DELACK_MAX;
	timer_arm(timers(tp), &tp->delack_timer, tcp_now(tp) + wait);
}

void tcp_arm_keep(struct tcp_sock *tp, uint64_t delay)
{
	timer_arm(timers(tp), &tp->keep_timer, tcp_now(tp) + delay);
}

/* Since the peer was last heard of. */
static uint64_t keep_idle(const struct tcp_sock *tp)
{
	return tcp_now(tp) - (tp->last_data > tp->last_ack_recv ? tp->last_data : tp->last_ack_recv);
}

static uint64_t keep_left(const struct tcp_sock *tp)
{
	uint64_t idle = keep_idle(tp), wait = tcp_keepidle(tp) * NSEC_PER_SEC;

	return idle < wait ? wait - idle : 0;
}

void tcp_arm_keepalive(struct tcp_sock *tp)
{
	if (tp->sk.keepalive && tcp_in(tp, TCPS_BIT(TCPS_ESTABLISHED) | TCPS_BIT(TCPS_CLOSE_WAIT) |
				       TCPS_BIT(TCPS_FIN_WAIT_1) | TCPS_BIT(TCPS_FIN_WAIT_2) |
				       TCPS_BIT(TCPS_CLOSING) | TCPS_BIT(TCPS_LAST_ACK)))
		tcp_arm_keep(tp, keep_left(tp));
}

/* ---- retransmission ---- */

static void timed_out(struct tcp_sock *tp)
{
	tp->tcp->stats.abort_on_timeout++;
	tcp_reset(tp, tp->soft_error ? tp->soft_error : ETIMEDOUT);
}

static bool past_user_timeout(const struct tcp_sock *tp)
{
	return tp->user_timeout && tp->retries &&
	       tcp_now(tp) - tp->retries_since >= tp->user_timeout * NSEC_PER_MSEC;
}

/*
 * One more timeout: true when that is too many. TCP_USER_TIMEOUT takes the place of the limit, or
 * comes before it while the connection opens; as in Linux one retransmission is made in any case.
 */
static bool exhausted(struct tcp_sock *tp, uint32_t limit)
{
	bool opening = tcp_in(tp, TCPS_BIT(TCPS_SYN_SENT) | TCPS_BIT(TCPS_SYN_RECEIVED));
	bool past = past_user_timeout(tp);

	if (!tp->retries)
		tp->retries_since = tcp_now(tp) - backed_off(tp);
	tp->retries++;
	return past || ((opening || !tp->user_timeout) && tp->retries > limit);
}

/* A listener's child waits for the ACK of its SYN-ACK. */
static void synack_timeout(struct tcp_sock *tp)
{
	bool resend;

	if (!tcp_synack_due(tp, &resend)) {
		tcp_done(tp);
		return;
	}
	tp->backoff++;
	tp->tcp->stats.timeouts++;
	if (!resend) {
		tcp_arm_rto(tp);
		return;
	}
	tcp_count_retransmission(tp, 1);
	tcp_send_syn(tp);
}

/* The same for one that is in use already: nothing else is sent again before. */
static void fastopen_synack_timeout(struct tcp_sock *tp)
{
	if (tp->retries >= (tp->syncnt ? tp->syncnt : tp->tcp->synack_retries + 1)) {
		timed_out(tp);
		return;
	}
	tp->retries++;
	tp->backoff++;
	tp->tcp->stats.timeouts++;
	tcp_count_retransmission(tp, 1);
	if (tp->retries == 1)
		tcp_enter_loss(tp);
	tcp_send_syn(tp);
}

static void syn_timeout(struct tcp_sock *tp)
{
	bool over = exhausted(tp, tcp_syncnt(tp));

	fastopen_timeout(tp, over);
	if (over) {
		timed_out(tp);
		return;
	}
	tp->backoff++;
	tp->tcp->stats.timeouts++;
	tcp_count_retransmission(tp, 1);
	tcp_send_syn(tp);
}

/* Its program is gone, and so is it, when others need what it takes (Linux's tcp_out_of_resources). */
static bool orphan_too_large(struct tcp_sock *tp)
{
	if (list_empty(&tp->orphan_node) || !tcp_no_memory(tp))
		return false;
	tcp_orphan_abort(tp);
	return true;
}

static void data_timeout(struct tcp_sock *tp)
{
	uint32_t limit = tp->orphan ? TCP_ORPHAN_RETRIES : TCP_RETRIES2;
	bool over;

	if (!tp->sendq || tp->snd_una == tp->snd_nxt || orphan_too_large(tp))
		return;
	/* A peer that answers but keeps its window shut is alive (RFC 9293 3.8.6.1). */
	if (!tp->snd_wnd && tcp_now(tp) - tp->last_ack_recv < TCP_RTO_MAX && !tp->orphan) {
		tp->retries = 0;
	} else {
		over = exhausted(tp, limit);
		fastopen_timeout(tp, over);
		if (over) {
			timed_out(tp);
			return;
		}
	}
	/* Not even sent: the link is slow, or stuck. Time goes on, but nothing was lost. */
	if (!sendq_in_host(tp, tp->sendq)) {
		tp->tcp->stats.timeouts++;
		plpmtud_timeout(tp);
		tcp_enter_loss(tp);
		tcp_retransmit_head(tp);
	}
	tp->backoff++;
	tcp_arm_rto(tp);
}

/*
 * A peer that answers each probe may keep its window shut for ever, but for the user, and but for an
 * orphan: nobody is left who could lose patience. That has eight probes that nobody answers, and ends
 * when the time between two, which answers do not shorten, has reached its longest: after some five
 * minutes (Linux's tcp_probe_timer, with tcp_orphan_retries as it is by default).
 */
static bool probed_enough(const struct tcp_sock *tp)
{
	if (tp->user_timeout &&
	    tcp_now(tp) - tp->probes_since >= tp->user_timeout * NSEC_PER_MSEC)
		return true;
	if (!tp->orphan)
		return tp->probes >= TCP_RETRIES2;
	return tp->probes >= TCP_ORPHAN_RETRIES || backed_off(tp) >= TCP_RTO_MAX;
}

static void probe_timeout(struct tcp_sock *tp)
{
	tp->rexmit_for = TCP_TIMER_RTO;
	if (tp->snd_una != tp->snd_nxt)
		return;
	if (!tp->sendq) {		/* a FIN that there was no memory for */
		tcp_output(tp);
		return;
	}
	if (tp->snd_wnd) {		/* corked, or a segment that waited for a larger window */
		tp->pushed = true;
		tcp_output(tp);
		if (tp->snd_una != tp->snd_nxt)
			return;
	}
	if (!tp->probes_since)
		tp->probes_since = tcp_now(tp);
	if (orphan_too_large(tp))
		return;
	if (probed_enough(tp)) {
		timed_out(tp);
		return;
	}
	tp->probes++;
	tp->backoff++;
	tp->tcp->stats.zero_window_probes++;
	tcp_send_probe(tp);
	tcp_arm_probe(tp);
}

static void rexmit_fire(struct timer *t)
{
	struct tcp_sock *tp = container_of(t, struct tcp_sock, rexmit_timer);

	if (tp->syn_pending)
		fastopen_synack_timeout(tp);
	else if (tp->end.state == TCPS_SYN_RECEIVED && tp->listener)
		synack_timeout(tp);
	else if (tcp_in(tp, TCPS_BIT(TCPS_SYN_SENT) | TCPS_BIT(TCPS_SYN_RECEIVED)))
		syn_timeout(tp);
	else if (tp->rexmit_for == TCP_TIMER_PERSIST)
		probe_timeout(tp);
	else if (tp->rexmit_for == TCP_TIMER_TLP)
		tcp_tlp_timeout(tp);
	else if (tp->rexmit_for == TCP_TIMER_REO && tp->snd_una != tp->snd_nxt)
		tcp_rack_timeout(tp);
	else
		data_timeout(tp);
}

/* ---- the others ---- */

static void delack_fire(struct timer *t)
{
	struct tcp_sock *tp = container_of(t, struct tcp_sock, delack_timer);

	if (!tp->ack_pending)
		return;

	tp->ato = TCP_ATO_MIN;
	tp->tcp->stats.delayed_acks++;
	tcp_send_ack(tp);
}

static void keepalive(struct tcp_sock *tp)
{
	uint64_t idle = keep_idle(tp), wait = tcp_keepidle(tp) * NSEC_PER_SEC;

	if (!tp->sk.keepalive)
		return;
	if (tp->snd_una != tp->snd_nxt || tp->send_next || idle < wait) {
		tcp_arm_keep(tp, idle < wait ? wait - idle : wait);
		return;
	}
	if (tp->user_timeout ? tp->keep_probes && idle >= tp->user_timeout * NSEC_PER_MSEC :
	    tp->keep_probes >= tcp_keepcnt(tp)) {		/* RFC 5482 4.2 */
		tcp_send_rst(tp);
		timed_out(tp);
		return;
	}
	tp->keep_probes++;
	tp->tcp->stats.keepalive_probes++;
	tcp_send_probe(tp);
	tcp_arm_keep(tp, tcp_keepintvl(tp) * NSEC_PER_SEC);
}

static void keep_fire(struct timer *t)
{
	struct tcp_sock *tp = container_of(t, struct tcp_sock, keep_timer);

	if (tp->hard_close)
		tcp_hard_close_end(tp);
	else if (tp->orphan && tp->end.state == TCPS_FIN_WAIT_2)
		tcp_done(tp);
	else
		keepalive(tp);
}

static void pace_fire(struct timer *t)
{
	struct tcp_sock *tp = container_of(t, struct tcp_sock, pace_timer);

	tcp_output(tp);
	if (!timer_armed(t) && !tp->tsq_stopped)
		tp->pace_waited = false;	/* what stops it now is not pacing */
}

void tcp_timers_init(struct tcp_sock *tp)
{
	timer_init(&tp->rexmit_timer, rexmit_fire);
	timer_init(&tp->delack_timer, delack_fire);
	timer_init(&tp->keep_timer, keep_fire);
	timer_init(&tp->pace_timer, pace_fire);
	work_init(&tp->output_work, tcp_output_work);
}

void tcp_timers_cancel(struct tcp_sock *tp)
{
	timer_cancel(timers(tp), &tp->rexmit_timer);
	timer_cancel(timers(tp), &tp->delack_timer);
	timer_cancel(timers(tp), &tp->keep_timer);
	timer_cancel(timers(tp), &tp->pace_timer);
	work_cancel(&tp->output_work);
}
