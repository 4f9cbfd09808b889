/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.c - connections, listeners and TIME-WAIT entries, in the terms of ss.
 *
 * Recv-Q is what the reader has not taken, Send-Q what the peer has not acknowledged (a SYN and a
 * FIN count one, as in sequence space); of a listener the connections that wait to be accepted,
 * and how many may.
 */
#include "tcp/sock.h"

static void row_timer(struct tcp_row *r, const struct tcp *tcp, const char *name,
		      const struct timer *t, uint32_t retries)
{
	if (r->timer || !timer_armed(t))
		return;
	r->timer = name;
	r->expires = t->at > tcp->env->now ? t->at - tcp->env->now : 0;
	r->retries = retries;
}

static void sock_row(const struct tcp *tcp, struct sock *sk, struct tcp_row *r)
{
	const struct tcp_sock *tp = tcp_sock(sk);
	bool persist = tp->rexmit_for == TCP_TIMER_PERSIST;

	*r = (struct tcp_row){ .state = tcp_state_name(sk), .local = sk->local,
			       .remote = sk->remote, .lport = sk->lport, .rport = sk->rport,
			       .sk = sk };
	if (tp->end.state == TCPS_LISTEN) {
		r->recv_q = tp->naccept;
		r->send_q = tp->backlog;
		return;
	}
	r->recv_q = tp->recv_bytes;
	r->send_q = tp->write_seq - tp->snd_una;
	row_timer(r, tcp, persist ? "persist" : "on", &tp->rexmit_timer,
		  persist ? tp->probes : tp->retries);
	row_timer(r, tcp, tp->orphan && tp->end.state == TCPS_FIN_WAIT_2 ? "timewait" :
		  "keepalive", &tp->keep_timer, tp->keep_probes);
}

void tcp_dump(const struct tcp *tcp, void (*fn)(void *arg, const struct tcp_row *r), void *arg)
{
	struct tcp_row r;

	list_for_each(pos, &tcp->socks) {
		struct sock *sk = list_entry(pos, struct sock, all);

		if (tcp_sock(sk)->end.state == TCPS_CLOSED)
			continue;		/* ss knows none of these, either */
		sock_row(tcp, sk, &r);
		fn(arg, &r);
	}
	list_for_each(pos, &tcp->time_wait) {
		const struct tcp_timewait *tw = list_entry(pos, struct tcp_timewait, node);

		r = (struct tcp_row){ .state = "TIME-WAIT", .local = tw->end.local,
				      .remote = tw->end.remote, .lport = tw->end.lport,
				      .rport = tw->end.rport, .timer = "timewait" };
		r.expires = tw->until > tcp->env->now ? tw->until - tcp->env->now : 0;
		fn(arg, &r);
	}
}
