/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prr.c - how cwnd goes down while data is lost or congestion is echoed (RFC 6937, PRR).
 *
 * Theory of operation. The module says where cwnd is to be at the end of it (ssthresh). On the way
 * there each ACK lets a part of what it tells to have arrived be sent:
 *
 *	pipe > ssthresh		in proportion: ssthresh / cwnd before of it, so that sending goes on
 *				evenly over the round trip instead of pausing for half of it
 *	pipe <= ssthresh	all of it (the conservative bound, PRR-CRB); while ACKs advance and
 *				nothing more is found lost one segment more, which grows back what
 *				heavy losses took (the slow start bound, as RFC 6937bis and Linux)
 *
 * cwnd is expressed as pipe plus that, so that the rest of TCP need not know. The first
 * retransmission is always allowed.
 *
 * A module with CONGESTION_CONTROLS sets cwnd itself: for it only the state changes.
 */
#include "tcp/sock.h"

void tcp_prr_begin(struct tcp_sock *tp, enum congestion_event why)
{
	tp->recover = tp->snd_nxt;
	tp->tlp_out = false;
	tp->prr_delivered = tp->prr_out = 0;
	tp->prr_cwnd = tp->cc.cwnd;
	tp->cc.ssthresh = tcp_cc_ssthresh(tp, why);
	tp->ecn_cwr_due = tp->ecn_ok;
}

/* delivered bytes have arrived, lost bytes were found lost. */
void tcp_prr_ack(struct tcp_sock *tp, uint32_t delivered, uint64_t lost, bool advanced)
{
	uint64_t pipe = tcp_pipe(tp), ssthresh = tp->cc.ssthresh, send = 0;

	if (!delivered || !tp->prr_cwnd)
		return;
	tp->prr_delivered += delivered;
	if (pipe > ssthresh) {
		uint64_t may = (tp->prr_delivered * ssthresh + tp->prr_cwnd - 1) / tp->prr_cwnd;

		if (may > tp->prr_out)
			send = may - tp->prr_out;
	} else {
		if (tp->prr_delivered > tp->prr_out)
			send = tp->prr_delivered - tp->prr_out;
		if (send < delivered)
			send = delivered;
		if (advanced && !lost)
			send += tp->mss;
		if (send > ssthresh - pipe)
			send = ssthresh - pipe;
	}
	if (!tp->prr_out && send < tp->mss)
		send = tp->mss;
	tp->cc.cwnd = pipe + send;
}

void tcp_prr_end(struct tcp_sock *tp)
{
	if (!tcp_cc_controls(tp) && tp->cc.ssthresh < CONGESTION_SSTHRESH_INF &&
	    (tp->ca_state == CONGESTION_CWR || tp->undo_armed))
		tp->cc.cwnd = tp->cc.ssthresh;
	tcp_cc_event(tp, CONGESTION_EXIT_RECOVERY);
}
