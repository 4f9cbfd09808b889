/* SPDX-License-Identifier: Apache-2.0 */
/*
 * undo.c - a reduction of cwnd that proves needless is taken back.
 *
 * Theory of operation. Before a reduction cwnd and ssthresh are kept. Then two things may tell that
 * nothing was lost after all:
 *
 *	Eifel (RFC 3522, 4015)	an ACK echoes a timestamp from before the first retransmission: the
 *				original had arrived
 *	D-SACK (RFC 3708)	every byte that was sent again is reported to have arrived twice
 *
 * (F-RTO, RFC 5682, is the third, after a timeout: recovery.c.) undo_retrans counts the bytes sent
 * again for which no such report has come.
 */
#include "tcp/sock.h"

/* As Linux: while cwnd grows slowly anyway, three quarters of it are a fair ssthresh. */
static uint64_t current_ssthresh(const struct tcp_sock *tp)
{
	uint64_t most = tp->cc.cwnd / 4 * 3;

	if (tcp_in_reduction(tp) || tp->cc.ssthresh > most)
		return tp->cc.ssthresh;
	return most;
}

/* The windows as they are now are what an undo restores. */
void tcp_undo_keep(struct tcp_sock *tp)
{
	tp->undo_ssthresh = current_ssthresh(tp);
	tp->undo_cwnd = tp->cc.cwnd;
}

void tcp_undo_arm(struct tcp_sock *tp)
{
	tp->undo_armed = true;
	tp->undo_marker = tp->snd_una;
	tp->undo_retrans = tp->retrans_out ? (int64_t)tp->retrans_out : -1;
}

/* n bytes up to end came twice. */
void tcp_undo_dsack(struct tcp_sock *tp, uint32_t end, uint32_t n)
{
	if (!tp->undo_armed || tp->undo_retrans <= 0 || !seq_lt(tp->undo_marker, end))
		return;
	tp->undo_retrans -= n < tp->undo_retrans ? (int64_t)n : tp->undo_retrans;
}

void tcp_undo_retransmitted(struct tcp_sock *tp, uint32_t n)
{
	if (!tp->rexmit_ts)
		tp->rexmit_ts = tcp_ts(tp) ? tcp_ts(tp) : 1;
	if (tp->undo_retrans < 0)
		tp->undo_retrans = 0;
	tp->undo_retrans += n;
}

/* Eifel: the original of what was sent again has arrived. */
bool tcp_undo_delayed(const struct tcp_sock *tp, const struct tcp_segment *s)
{
	return tp->rexmit_ts && tp->ts_ok && s->has_ts && s->tsecr &&
	       seq_lt(s->tsecr, tp->rexmit_ts);
}

bool tcp_undo_possible(const struct tcp_sock *tp, const struct tcp_segment *s)
{
	return tp->undo_armed && (!tp->undo_retrans || tcp_undo_delayed(tp, s));
}

void tcp_undo(struct tcp_sock *tp, bool unmark_lost)
{
	if (unmark_lost)
		sendq_unmark_lost(tp);
	tp->undo_armed = false;
	tp->rack.advanced = true;		/* look again at what is still missing */
	if (!tp->undo_ssthresh)			/* congestion was echoed: it stays */
		return;
	if (!tcp_cc_controls(tp) && tp->cc.cwnd < tp->undo_cwnd)
		tp->cc.cwnd = tp->undo_cwnd;
	if (tp->cc.ssthresh < tp->undo_ssthresh) {
		tp->cc.ssthresh = tp->undo_ssthresh;
		tp->ecn_cwr_due = false;
	}
	tcp_cc_event(tp, CONGESTION_UNDO);
}
