/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hardclose.c - a close that is a RST: with input unread (RFC 2525 2.17), or with SO_LINGER of 0.
 *
 * Theory of operation. On Linux write() itself sends. Where the path is short, a loopback or a veth,
 * even the ACKs come back within that system call and send more: by the time of close() the peer has
 * what it has room for, and only the rest is dropped. Here a program's bytes come a little after its
 * write(), with the close maybe right behind them. So a hard close first does what would have been done
 * by then: it sends what the windows allow, past pacing and small queues, which would only put it off;
 * and while the peer may be about to allow more, the RST waits, but no longer than GRACE in all. One
 * whose window has been shut for longer than that gets it at once. It stands behind all that was sent.
 *
 * The program has nothing to do with that: from its close on the connection is an orphan like others.
 * What the peer sends meanwhile is for nobody, and is not acknowledged.
 */
#include "tcp/sock.h"

#define GRACE	(50 * NSEC_PER_MSEC)

#define OPEN_STATES (TCPS_BIT(TCPS_ESTABLISHED) | TCPS_BIT(TCPS_CLOSE_WAIT) | \
		     TCPS_BIT(TCPS_FIN_WAIT_1) | TCPS_BIT(TCPS_CLOSING) | TCPS_BIT(TCPS_LAST_ACK))
/* Where the peer waits for a RST; in the second both have said goodbye, and it does only for more. */
#define RESET_STATES (TCPS_BIT(TCPS_SYN_RECEIVED) | TCPS_BIT(TCPS_ESTABLISHED) | \
		      TCPS_BIT(TCPS_CLOSE_WAIT) | TCPS_BIT(TCPS_FIN_WAIT_1) | TCPS_BIT(TCPS_FIN_WAIT_2))
#define GOODBYE_STATES (TCPS_BIT(TCPS_CLOSING) | TCPS_BIT(TCPS_LAST_ACK))

/* Linux's tcp_need_reset and what stands beside it. */
static bool wants_reset(const struct tcp_sock *tp, bool input_lost)
{
	return tcp_in(tp, RESET_STATES) ||
	       (tcp_in(tp, GOODBYE_STATES) && (input_lost || tp->snd_nxt != tp->write_seq));
}

static void end(struct tcp_sock *tp)
{
	if (wants_reset(tp, tp->hard_close == TCP_HARD_INPUT))
		tcp_send_rst(tp);
	tcp_done(tp);
}

void tcp_hard_close_end(struct tcp_sock *tp)
{
	tcp_output_last(tp);
	end(tp);
}

/* Is there more to send, and an ACK to come, or not long ago one without room? */
static bool waits(const struct tcp_sock *tp)
{
	return tp->send_next && tcp_in(tp, OPEN_STATES) &&
	       (tp->snd_una != tp->snd_nxt || tcp_now(tp) - tp->last_ack_recv < GRACE);
}

/* An ACK has come, or the close. */
void tcp_hard_close_on(struct tcp_sock *tp)
{
	tcp_output_last(tp);
	if (!waits(tp))
		end(tp);
}

void tcp_hard_close(struct tcp_sock *tp, bool input_lost)
{
	tp->hard_close = input_lost ? TCP_HARD_INPUT : TCP_HARD_LINGER;
	port_use_release(&tp->sk.port_use);	/* the port is free, as after the RST */
	tcp_arm_keep(tp, GRACE);
	tcp_hard_close_on(tp);
}
