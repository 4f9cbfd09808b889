/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer.c - what happens when nothing happens.
 *
 * Theory of operation. One timer (rexmit_timer) drives everything that is sent until it is
 * answered:
 *	SYN, SYN-ACK	again after 1, 2, 4 ... s; 6 and 5 times
 *	data, FIN	RFC 6298: again after RTO, doubled each time up to 120 s; up after 15 times
 *			(RFC 1122 4.2.3.5's R2), or TCP_USER_TIMEOUT (RFC 5482), or 8 for an orphan
 *	probes		nothing is out and the window is closed: RFC 9293 3.8.6.1; same intervals, for
 *			as long as the peer answers. The same timer ends a cork after 200 ms.
 * probing tells the last from the others. delack_timer bounds the wait of an ACK (RFC 9293
 * 3.8.6.3); keep_timer is keepalive (3.8.4), and ends FIN-WAIT-2 of a closed socket;
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

	if (tp->user_timeout && tp->retries && end > tcp_now(tp) && end < at)
		at = end;
	tp->probing = false;
	timer_arm(timers(tp), &tp->rexmit_timer, at);
}

void tcp_arm_probe(struct tcp_sock *tp)
{
	if (tp->probing && timer_armed(&tp->rexmit_timer))
		return;
	tp->probing = true;
	timer_arm(timers(tp), &tp->rexmit_timer, tcp_now(tp) + backed_off(tp));
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

void tcp_arm_keepalive(struct tcp_sock *tp)
{
	if (tp->sk.keepalive && tcp_in(tp, TCPS_BIT(TCPS_ESTABLISHED) | TCPS_BIT(TCPS_CLOSE_WAIT) |
				       TCPS_BIT(TCPS_FIN_WAIT_1) | TCPS_BIT(TCPS_FIN_WAIT_2) |
				       TCPS_BIT(TCPS_CLOSING) | TCPS_BIT(TCPS_LAST_ACK)))
		tcp_arm_keep(tp, tp->keepidle * NSEC_PER_SEC);
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

/* One more timeout: true when that is too many. */
static bool exhausted(struct tcp_sock *tp, uint32_t limit)
{
	if (!tp->retries)
		tp->retries_since = tcp_now(tp) - backed_off(tp);
	tp->retries++;
	return tp->user_timeout && tcp_in(tp, ~TCPS_BIT(TCPS_SYN_SENT)) ? past_user_timeout(tp) :
		tp->retries > limit;
}

static void syn_timeout(struct tcp_sock *tp)
{
	bool child = tp->listener;
	uint32_t limit = tp->syncnt;

	if (tp->end.state == TCPS_SYN_RECEIVED)
		limit = tp->syncnt < TCP_SYNACK_RETRIES ? tp->syncnt : TCP_SYNACK_RETRIES;
	if (exhausted(tp, limit)) {
		if (child)
			tcp_done(tp);
		else
			timed_out(tp);
		return;
	}
	tp->backoff++;
	tp->tcp->stats.timeouts++;
	tp->tcp->stats.retrans_segs++;
	tcp_send_syn(tp);
}

static void data_timeout(struct tcp_sock *tp)
{
	uint32_t limit = tp->orphan ? TCP_ORPHAN_RETRIES : TCP_RETRIES2;

	if (!tp->sendq || tp->snd_una == tp->snd_nxt)
		return;
	/* A peer that answers but keeps its window shut is alive (RFC 9293 3.8.6.1). */
	if (!tp->snd_wnd && tcp_now(tp) - tp->last_ack_recv < TCP_RTO_MAX && !tp->orphan) {
		tp->retries = 0;
	} else if (exhausted(tp, limit)) {
		timed_out(tp);
		return;
	}
	/* Not even sent: the link is slow, or stuck. Time goes on, but nothing was lost. */
	if (!sendq_in_host(tp, tp->sendq)) {
		tp->tcp->stats.timeouts++;
		tcp_enter_loss(tp);
		tcp_retransmit(tp);
	}
	tp->backoff++;
	tcp_arm_rto(tp);
}

static void probe_timeout(struct tcp_sock *tp)
{
	tp->probing = false;
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
	if (tp->probes > (tp->orphan ? TCP_ORPHAN_RETRIES : TCP_RETRIES2) ||
	    (tp->user_timeout && tp->probes && tcp_now(tp) - tp->last_ack_recv >=
	     tp->user_timeout * NSEC_PER_MSEC)) {
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

	if (tcp_in(tp, TCPS_BIT(TCPS_SYN_SENT) | TCPS_BIT(TCPS_SYN_RECEIVED)))
		syn_timeout(tp);
	else if (tp->probing)
		probe_timeout(tp);
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
	uint64_t last = tp->last_data > tp->last_ack_recv ? tp->last_data : tp->last_ack_recv;
	uint64_t idle = tcp_now(tp) - last, wait = tp->keepidle * NSEC_PER_SEC;

	if (!tp->sk.keepalive)
		return;
	if (tp->snd_una != tp->snd_nxt || tp->send_next || idle < wait) {
		tcp_arm_keep(tp, idle < wait ? wait - idle : wait);
		return;
	}
	if (tp->user_timeout ? tp->keep_probes && idle >= tp->user_timeout * NSEC_PER_MSEC :
	    tp->keep_probes >= tp->keepcnt) {		/* RFC 5482 4.2 */
		tcp_send_rst(tp);
		timed_out(tp);
		return;
	}
	tp->keep_probes++;
	tp->tcp->stats.keepalive_probes++;
	tcp_send_probe(tp);
	tcp_arm_keep(tp, tp->keepintvl * NSEC_PER_SEC);
}

static void keep_fire(struct timer *t)
{
	struct tcp_sock *tp = container_of(t, struct tcp_sock, keep_timer);

	if (tp->orphan && tp->end.state == TCPS_FIN_WAIT_2)
		tcp_done(tp);
	else
		keepalive(tp);
}

static void pace_fire(struct timer *t)
{
	tcp_output(container_of(t, struct tcp_sock, pace_timer));
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
