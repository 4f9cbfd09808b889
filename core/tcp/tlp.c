/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlp.c - tail loss probes (RFC 8985 section 7).
 *
 * Theory of operation. When the last segments of a flight are lost nothing comes that would tell,
 * and the sender would wait for its RTO. Two round trips after the last transmission or ACK it
 * therefore sends one segment more: a new one, or the last one again. The ACK that this elicits
 * lets RACK find what is missing.
 *
 *	PTO = 2 * srtt, + 2 ms for timers; + 200 ms when so little is under way that the peer may
 *	      delay its ACK; 1 s without a sample; never later than RTO
 *
 * A transmission moves the end of PTO, but not the timer, which is armed by ACKs: when it expires
 * too early for the last transmission it is armed for the rest.
 *
 * One probe is out at a time (tlp_out), until what was sent up to it is acknowledged. When the last
 * segment was sent again, and its ACK comes without a sign of two copies having arrived (a D-SACK,
 * or a second, bare ACK), the probe has itself repaired a loss: cwnd is reduced as for any other.
 *
 * Not without SACK, and not while anything is dubious: then RACK or RTO is at work.
 */
#include "tcp/sock.h"

#define PTO_INIT	NSEC_PER_SEC
#define PTO_SLACK	(2 * NSEC_PER_MSEC)

static uint64_t probe_timeout(const struct tcp_sock *tp)
{
	if (!tp->srtt)
		return PTO_INIT;
	return 2 * tp->srtt + (tp->snd_nxt - tp->snd_una <= tp->mss ? TCP_DELACK_MAX : PTO_SLACK);
}

static bool allowed(const struct tcp_sock *tp)
{
	return tp->sack_ok && !tp->sacked_out && !tp->tlp_out && !tp->retries &&
	       (tp->ca_state == CONGESTION_OPEN || tp->ca_state == CONGESTION_CWR);
}

bool tcp_tlp_arm(struct tcp_sock *tp)
{
	uint64_t wait = probe_timeout(tp);

	if (!allowed(tp))
		return false;
	tcp_arm_use(tp, TCP_TIMER_TLP, wait < tp->rto ? wait : tp->rto);
	return true;
}

static void arm_within_rto(struct tcp_sock *tp, uint64_t wait)
{
	uint64_t left = tcp_rto_left(tp);

	tcp_arm_use(tp, TCP_TIMER_TLP, wait < left ? wait : left);
}

void tcp_tlp_sent(struct tcp_sock *tp)
{
	uint64_t wait;

	if (!allowed(tp) || tp->rexmit_for > TCP_TIMER_TLP)
		return;
	wait = probe_timeout(tp);
	if (tp->rexmit_for != TCP_TIMER_TLP || tp->rexmit_timer.at > tcp_now(tp) + wait)
		arm_within_rto(tp, wait);
}

/* The last segment that was sent, of at most one mss; NULL: it cannot be had. */
static struct packet *last_sent(struct tcp_sock *tp)
{
	struct packet *p = tp->sendq, *last = NULL;
	uint32_t n;

	/* by_time has the one that was sent last at its end: as nothing is dubious, it is that. */
	if (!list_empty(&tp->by_time))
		last = seg_packet(list_last(&tp->by_time, struct tcp_seg, by_time));
	if (!last || seg_of(last)->end != tp->snd_nxt) {
		for (last = NULL; p && p != tp->send_next; p = p->next)
			last = p;
	}
	if (!last || last->len <= tp->mss)
		return last;
	n = last->len - (last->len % tp->mss ? last->len % tp->mss : tp->mss);
	return sendq_split(tp, last, n) ? last->next : NULL;
}

void tcp_tlp_timeout(struct tcp_sock *tp)
{
	struct packet *p;
	uint64_t due;
	bool sent;

	if (tp->snd_una == tp->snd_nxt)
		return;
	due = tp->last_sent + probe_timeout(tp);
	if (allowed(tp) && due > tcp_now(tp) && tcp_rto_left(tp) > 1) {
		arm_within_rto(tp, due - tcp_now(tp));
		return;
	}
	if (tp->tlp_out || tp->lost_out) {
		tcp_rearm_rto(tp);
		return;
	}
	tp->tlp_is_retrans = false;
	sent = tcp_send_beyond_cwnd(tp);
	if (!sent && (p = last_sent(tp)) && !seg_of(p)->sacked && !sendq_in_host(tp, p)) {
		sent = tcp_resend(tp, p);
		tp->tlp_is_retrans = sent;
	}
	if (sent) {
		tp->tlp_out = true;
		tp->tlp_end_seq = tp->snd_nxt;
		tp->tcp->stats.loss_probes++;
		tcp_arm_rto(tp);
	} else {
		tcp_rearm_rto(tp);
	}
}

/* Section 7.4.2. */
void tcp_tlp_ack(struct tcp_sock *tp, const struct tcp_acked *a)
{
	if (seq_lt(tp->snd_una, tp->tlp_end_seq))
		return;
	if (!tp->tlp_is_retrans || a->dsack_tlp) {
		tp->tlp_out = false;
	} else if (seq_lt(tp->tlp_end_seq, tp->snd_una)) {
		tp->tcp->stats.loss_probe_recovery++;
		tcp_enter_cwr(tp);
		tcp_prr_end(tp);
		tcp_try_open(tp);
	} else if (a->duplicate) {
		tp->tlp_out = false;	/* a second ACK: both copies arrived */
	}
}
