/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecn.c - explicit congestion notification (RFC 3168).
 *
 * Theory of operation. Both ends agree in the handshake: a SYN with ECE and CWR asks, a SYN-ACK
 * with ECE alone agrees. By tcp->ecn we never do (0), ask and agree (1), or agree only (2, as
 * Linux). A path that drops such SYNs, or a peer that resets them, gets the next one without
 * (6.1.1.1).
 *
 *	sender		new data leaves as ECT(0); what is sent again, ACKs and SYNs do not (6.1.4,
 *			6.1.5). An echo (ECE) is a loss without anything lost: cwnd goes down once a
 *			round trip, by CWR in recovery.c, and the next new segment bears CWR.
 *	receiver	data marked CE: every ACK bears ECE, until data with CWR comes (6.1.3).
 *
 * Whenever cwnd is reduced for another reason the peer is told by CWR, too, and undo takes it back.
 */
#include "tcp/sock.h"

#define ECN_FLAGS (TCPH_ECE | TCPH_CWR)

/* The flags of the SYN or SYN-ACK that leaves. */
uint8_t tcp_ecn_syn_flags(struct tcp_sock *tp)
{
	if (tp->end.state == TCPS_SYN_RECEIVED)
		return tp->ecn_ok ? TCPH_ECE : 0;
	if (tp->tcp->ecn != 1 || tp->retries || tp->ecn_refused)
		return 0;
	tp->ecn_asked = true;	/* also when the answer is to a later SYN: it knows the first */
	return ECN_FLAGS;
}

/* The peer's SYN or SYN-ACK. A SYN that is itself ECT comes of no known sender: it may be a
 * test. */
void tcp_ecn_learn(struct tcp_sock *tp, const struct tcp_segment *s)
{
	uint8_t flags = s->flags & ECN_FLAGS;

	if (s->flags & TCPH_ACK)
		tp->ecn_ok = tp->ecn_asked && flags == TCPH_ECE;
	else
		tp->ecn_ok = tp->tcp->ecn && flags == ECN_FLAGS && s->ecn == ECN_NOT_ECT;
}

/* Data has come. */
void tcp_ecn_data(struct tcp_sock *tp, const struct tcp_segment *s)
{
	if (!tp->ecn_ok)
		return;
	if (s->flags & TCPH_CWR) {
		tp->ecn_echo = false;
		tp->ack_now = true;	/* the peer's cwnd may be as small as one segment */
	}
	if (s->ecn != ECN_NOT_ECT)
		tp->ecn_seen = true;
	if (s->ecn != ECN_CE)
		return;
	if (!tp->ecn_echo)
		tp->ack_now = true;
	tp->ecn_echo = true;
}

bool tcp_ecn_echoed(const struct tcp_sock *tp, const struct tcp_segment *s)
{
	return tp->ecn_ok && (s->flags & (TCPH_ECE | TCPH_SYN)) == TCPH_ECE;
}

/* A segment leaves: its flags, and the codepoint of its packet. */
uint8_t tcp_ecn_send(struct tcp_sock *tp, struct tcp_segment *s, bool new_data)
{
	if (!tp->ecn_ok || s->flags & (TCPH_SYN | TCPH_RST))
		return ECN_NOT_ECT;
	if (tp->ecn_echo)
		s->flags |= TCPH_ECE;
	if (!new_data)
		return ECN_NOT_ECT;
	if (tp->ecn_cwr_due)
		s->flags |= TCPH_CWR;
	tp->ecn_cwr_due = false;
	return ECN_ECT0;
}
