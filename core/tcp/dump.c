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

	*r = (struct tcp_row){ .state = tcp_state_name(sk), .number = tp->end.state,
			       .local = sk->local,
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

static void timewait_row(const struct tcp *tcp, const struct tcp_timewait *tw, struct tcp_row *r)
{
	*r = (struct tcp_row){ .state = "TIME-WAIT", .number = TCPS_TIME_WAIT,
			       .local = tw->end.local, .remote = tw->end.remote,
			       .lport = tw->end.lport, .rport = tw->end.rport, .timer = "timewait" };
	r->expires = tw->until > tcp->env->now ? tw->until - tcp->env->now : 0;
}

void tcp_end_row(const struct tcp *tcp, struct tcp_end *end, struct tcp_row *r)
{
	if (end->state == TCPS_TIME_WAIT)
		timewait_row(tcp, container_of(end, struct tcp_timewait, end), r);
	else
		sock_row(tcp, &container_of(end, struct tcp_sock, end)->sk, r);
}

static bool lives(struct hash_node *listener)
{
	return sock_lives(&container_of(listener, struct tcp_sock, end.node)->sk);
}

bool tcp_dump(const struct tcp *tcp, struct tcp_cursor *c,
	      bool (*fn)(void *arg, const struct tcp_row *r), void *arg)
{
	const struct hash_table *const tables[] = { &tcp->listeners, &tcp->established };
	struct tcp_row r;

	for (; c->table < 2; c->table++, c->slot = 0) {
		const struct hash_table *t = tables[c->table];

		for (; c->slot <= t->mask; c->slot++, c->done = 0) {
			size_t at = 0;

			for (struct hash_node *n = hash_slot_next(t, c->slot, NULL); n; n = hash_slot_next(t, c->slot, n)) {
				if (at++ < c->done)
					continue;
				if (!c->table && !lives(n))
					continue;
				tcp_end_row(tcp, container_of(n, struct tcp_end, node), &r);
				if (!fn(arg, &r))
					return false;
				c->done = at;
			}
		}
	}
	return true;
}
