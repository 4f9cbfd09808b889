/* SPDX-License-Identifier: Apache-2.0 */
/*
 * abort.c - one connection by its names, and its end at the operator's wish (Linux's tcp_abort).
 *
 * The peer is told by a RST, the program by the error, as if the connection had failed by itself:
 * what had arrived before can still be read. Three kinds go without a word, since nothing at this
 * end is a connection any more or yet: a TIME-WAIT entry; one in FIN-WAIT-2 that its program has
 * closed, which is a TIME-WAIT entry on Linux; and a half-open one, whose peer is answered with a
 * RST once it goes on. In LAST-ACK and CLOSING both have said goodbye: there is no RST either. A
 * listener goes with all that wait to be accepted.
 */
#include <errno.h>

#include "tcp/sock.h"

#define RESET_STATES (TCPS_BIT(TCPS_ESTABLISHED) | TCPS_BIT(TCPS_CLOSE_WAIT) | \
		      TCPS_BIT(TCPS_FIN_WAIT_1) | TCPS_BIT(TCPS_FIN_WAIT_2) | \
		      TCPS_BIT(TCPS_SYN_RECEIVED))

struct tcp_end *tcp_find(struct tcp *tcp, const struct ip_meta *m, uint16_t sport, uint16_t dport)
{
	struct tcp_end *end = tcp_end_find(tcp, &m->dst, dport, &m->src, sport);
	struct tcp_sock *l = end ? NULL : tcp_listener_find(tcp, m, sport, dport);

	return l ? &l->end : end;
}

static bool is_half_open(const struct tcp_sock *tp)
{
	return tp->end.state == TCPS_SYN_RECEIVED && tp->listener && !tp->in_accept;
}

static bool wants_reset(const struct tcp_sock *tp)
{
	return tcp_in(tp, RESET_STATES) && !is_half_open(tp) &&
	       !(tp->orphan && tp->end.state == TCPS_FIN_WAIT_2);
}

int tcp_abort(struct tcp *tcp, struct tcp_end *end, int err)
{
	struct tcp_sock *tp;

	if (end->state == TCPS_TIME_WAIT) {
		timewait_free(tcp, container_of(end, struct tcp_timewait, end));
		return 0;
	}
	tp = container_of(end, struct tcp_sock, end);
	if (tp->end.state == TCPS_CLOSED)
		return -ENOENT;
	if (tp->end.state == TCPS_LISTEN)
		tcp_listen_close(tp);
	if (tcp_in(tp, TCPS_BIT(TCPS_ESTABLISHED) | TCPS_BIT(TCPS_CLOSE_WAIT)))
		tcp->stats.estab_resets++;
	if (wants_reset(tp))
		tcp_send_rst(tp);
	tcp_reset(tp, err);
	return 0;
}
