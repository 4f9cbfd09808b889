/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.c - TCP of one stack: its tables, and a connection's birth and death. The map of the rest:
 *
 *	segment.c	the wire format
 *	user.c		calls from above		input.c		segments from below
 *	listen.c	passive open			ack.c		what an ACK tells
 *	syncookie.c	the same under a flood		fastopen.c	data in the SYN
 *	sendq.c		send queue			recvq.c		receive queues
 *	rate.c		how fast data arrives
 *	sack.c		what the peer has		sack_report.c	what we have, to tell it
 *	rack.c tlp.c	finding losses			recovery.c	what follows from them
 *	prr.c		cwnd while it goes down		undo.c		it was needless
 *	rtt.c		round-trip time, RTO		ecn.c		congestion that routers tell of
 *	output.c	what may be sent		timer.c		what time brings
 *	timewait.c	TIME-WAIT			isn.c		initial numbers
 *	urgent.c	urgent data			plpmtud.c	the path MTU by probes
 *	congestion.c	the module's side		option.c	socket options
 *	info.c		TCP_INFO			dump.c		what ss would show
 *	abort.c		what ss -K destroys		hardclose.c	a close that is a RST
 *	memory.c	buffers, and all of them together
 *	orphan.c	what close() leaves to TCP	renew.c		what an operator changes of all
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/random.h"
#include "packet/pool.h"
#include "tcp/sock.h"

#define REAP_TURN	256u	/* sockets that are freed at once */
#define MAX_ORPHANS	4096u
#define MAX_TIME_WAITS	32768u
#define CHALLENGE_LIMIT	1000u
#define MAX_SYN_BACKLOG	4096u

/* ---- the table of four-tuples ---- */

uint64_t tcp_hash(const struct tcp *tcp, const struct ip_addr *local, uint16_t lport,
		  const struct ip_addr *remote, uint16_t rport)
{
	struct {
		struct ip_addr local, remote;
		uint16_t lport, rport;
		uint32_t zero;
	} key = { *local, *remote, lport, rport, 0 };

	return siphash(&tcp->env->key, &key, sizeof(key));
}

struct tcp_end *tcp_end_find(const struct tcp *tcp, const struct ip_addr *local, uint16_t lport,
			     const struct ip_addr *remote, uint16_t rport)
{
	uint64_t h = tcp_hash(tcp, local, lport, remote, rport);

	for (struct hash_node *n = hash_find(&tcp->established, h); n; n = hash_find_next(n)) {
		struct tcp_end *e = container_of(n, struct tcp_end, node);

		if (e->lport == lport && e->rport == rport && ip_addr_eq(&e->local, local) &&
		    ip_addr_eq(&e->remote, remote))
			return e;
	}
	return NULL;
}

void tcp_end_add(struct tcp *tcp, struct tcp_end *e)
{
	hash_add(&tcp->established, &e->node,
		 tcp_hash(tcp, &e->local, e->lport, &e->remote, e->rport));
	e->hashed = true;
}

void tcp_end_del(struct tcp *tcp, struct tcp_end *e)
{
	if (!e->hashed)
		return;
	hash_del(e->state == TCPS_LISTEN ? &tcp->listeners : &tcp->established, &e->node);
	e->hashed = false;
}

void tcp_hash_in(struct tcp_sock *tp)
{
	tp->end.local = tp->sk.local;
	tp->end.remote = tp->sk.remote;
	tp->end.lport = tp->sk.lport;
	tp->end.rport = tp->sk.rport;
	tp->ts_offset = tcp_ts_offset(tp->tcp, &tp->end);
	tcp_end_add(tp->tcp, &tp->end);
}

/* ---- birth ---- */

/* The scale that lets the window grow to what rmem allows (RFC 7323 2.2). */
uint8_t tcp_choose_wscale(const struct tcp_sock *tp)
{
	uint32_t max = tp->sk.rcvbuf_locked ? tp->sk.rcvbuf : tp->tcp->rmem.max;
	uint8_t shift = 0;

	if (!tp->tcp->window_scaling)
		return 0;
	while (shift < TCP_WSCALE_MAX && max >> shift > 65535)
		shift++;
	return shift;
}

/* As new, but for options and names: a socket may connect again after it failed. */
int tcp_reinit(struct tcp_sock *tp)
{
	size_t from = offsetof(struct tcp_sock, iss), to = offsetof(struct tcp_sock, rexmit_timer);

	tcp_charge_release(tp);
	recvq_purge(tp);
	memset((char *)tp + from, 0, to - from);
	tp->charge = calloc(1, sizeof(*tp->charge));
	if (!tp->charge)
		return -ENOBUFS;
	list_init(&tp->by_time);
	tp->charge->refs = 1;
	tp->charge->tp = tp;
	tp->rto = TCP_RTO_INIT;
	tp->ato = TCP_ATO_MIN;
	tp->mss = tp->peer_mss = tp->rcv_mss = TCP_MSS_ASSUMED;
	tp->peer_mss = 65535;
	tp->quickacks = TCP_QUICKACKS;
	tp->rcv_wscale = tcp_choose_wscale(tp);
	tp->probes = tp->keep_probes = 0;
	tp->rexmit_for = TCP_TIMER_RTO;
	tp->reordering = TCP_DUPTHRESH;
	tp->delivery_app_limited = true;	/* there is no sample yet */
	tp->rack.reo_wnd_mult = 1;
	tp->probes_since = 0;
	tp->soft_error = 0;
	tp->oow_last = 0;
	tp->sk.shut = 0;
	tp->sk.done = tp->sk.ending = false;
	return 0;
}

static int tcp_sock_init(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sock(sk);
	int err;

	tp->tcp = sk->table;
	tp->end.state = TCPS_CLOSED;
	list_init(&tp->dead);
	list_init(&tp->orphan_node);
	list_init(&tp->children);
	list_init(&tp->accept_queue);
	list_init(&tp->sibling);
	list_init(&tp->tfo_node);
	tcp_timers_init(tp);
	sk->rcvbuf = tp->tcp->rmem.initial;
	sk->sndbuf = tp->tcp->wmem.initial;
	err = tcp_reinit(tp);
	if (err)
		return err;
	err = tcp_cc_init(tp);
	if (err) {
		tcp_charge_release(tp);
		return err;
	}
	err = sock_enlist(sk, &tp->tcp->socks, &tp->tcp->set);
	if (err) {
		tcp_cc_release(tp);
		tcp_charge_release(tp);
	}
	return err;
}

/* ---- death ---- */

static bool counts_as_established(uint32_t state)
{
	return state == TCPS_ESTABLISHED || state == TCPS_CLOSE_WAIT;
}

void tcp_set_state(struct tcp_sock *tp, enum tcp_state s)
{
	struct tcp_stats *stats = &tp->tcp->stats;

	if (counts_as_established(s) && !counts_as_established(tp->end.state))
		stats->curr_estab++;
	if (!counts_as_established(s) && counts_as_established(tp->end.state))
		stats->curr_estab--;
	if (tp->end.state != TCPS_CLOSED)
		tp->tcp->states[tp->end.state][tp->sk.family == AF_INET6]--;
	if (s != TCPS_CLOSED)
		tp->tcp->states[s][tp->sk.family == AF_INET6]++;
	if ((s == TCPS_LISTEN) != (tp->end.state == TCPS_LISTEN))
		port_set_listens(&tp->sk, s == TCPS_LISTEN);
	tp->end.state = (uint8_t)s;
}

void tcp_done(struct tcp_sock *tp)
{
	struct tcp *tcp = tp->tcp;

	if (tp->listener && !tp->in_accept)
		tcp_listen_leave(tp);
	fastopen_leave(tp, false);
	tcp_orphan_end(tp);
	tp->syn_pending = tp->tsq_stopped = false;
	tcp_timers_cancel(tp);
	sendq_purge(tp);
	tcp_end_del(tcp, &tp->end);
	tcp_set_state(tp, TCPS_CLOSED);
	tp->sk.shut = SOCK_SHUT_RD | SOCK_SHUT_WR;
	if (!tp->sk.bound_port)
		port_use_release(&tp->sk.port_use);	/* lport stays, to be shown */
	/* One that waits to be accepted still is: accept() shows its end. */
	if (!tp->orphan || tp->listener) {
		sock_event(&tp->sk);
		return;
	}
	if (list_empty(&tp->dead)) {
		list_add_tail(&tp->dead, &tcp->dead);
		work_defer(tcp->env, &tcp->reap);
	}
}

void tcp_reset(struct tcp_sock *tp, int err)
{
	tp->sk.error = err;
	tcp_done(tp);
}

static void tcp_sock_free(struct tcp_sock *tp)
{
	list_del(&tp->dead);
	tcp_timers_cancel(tp);		/* nothing that was asked for since tcp_done() may find it */
	recvq_purge(tp);
	tcp_forget_syn(tp);
	fastopen_leave(tp, false);
	fastopen_free(tp);
	tcp_cc_release(tp);
	tcp_charge_release(tp);
	sock_free(&tp->sk);
}

static void reap(struct work *w)
{
	struct tcp *tcp = container_of(w, struct tcp, reap);

	for (unsigned int n = 0; n < REAP_TURN && !list_empty(&tcp->dead); n++)
		tcp_sock_free(list_first(&tcp->dead, struct tcp_sock, dead));
	if (!list_empty(&tcp->dead))
		work_defer(tcp->env, &tcp->reap);
}

/* ---- the stack's TCP ---- */

static const struct ip_protocol tcp_protocol = {
	.input = tcp_input,
	.error = tcp_icmp_error,
};

const struct transport_ops tcp_ops = {
	.type = SOCK_STREAM,
	.protocol = IPPROTO_TCP,
	.size = sizeof(struct tcp_sock),
	.init = tcp_sock_init,
	.close = tcp_close,
	.bind = tcp_bind,
	.connect = tcp_connect,
	.disconnect = tcp_disconnect,
	.listen = tcp_listen,
	.accept = tcp_accept,
	.shutdown = tcp_shutdown,
	.poll = tcp_poll,
	.space = tcp_space,
	.write = tcp_write,
	.peek = tcp_peek,
	.consume = tcp_consume,
	.mark = tcp_mark,
	.recv_oob = tcp_recv_oob,
	.fastopen = tcp_fastopen,
	.pending = tcp_inq,
	.unsent = tcp_unsent,
	.setsockopt = tcp_setsockopt,
	.getsockopt = tcp_getsockopt,
};

int tcp_init(struct tcp *tcp, struct env *env, struct ip *ip)
{
	memset(tcp, 0, sizeof(*tcp));
	tcp->env = env;
	tcp->ip = ip;
	list_init(&tcp->socks);
	list_init(&tcp->dead);
	list_init(&tcp->orphan_list);
	list_init(&tcp->time_wait);
	work_init(&tcp->reap, reap);
	tcp_renew_init(tcp);
	timer_init(&tcp->time_wait_timer, timewait_expire);
	random_bytes(&env->random, &tcp->isn_key, sizeof(tcp->isn_key));
	random_bytes(&env->random, &tcp->ts_key, sizeof(tcp->ts_key));
	random_bytes(&env->random, &tcp->cookie_key, sizeof(tcp->cookie_key));
	tcp->rmem = TCP_RMEM;
	tcp->wmem = TCP_WMEM;
	tcp->sack = true;
	tcp->ecn = 2;
	tcp->max_orphans = MAX_ORPHANS;
	tcp->max_time_waits = MAX_TIME_WAITS;
	tcp->tw_reuse = 2;
	tcp->syn_cookies = 1;
	tcp->timestamps = tcp->window_scaling = true;
	tcp->max_syn_backlog = MAX_SYN_BACKLOG;
	tcp->syn_retries = TCP_SYN_RETRIES;
	tcp->fin_timeout = TCP_FIN_TIMEOUT;
	tcp->keepidle = TCP_KEEPIDLE_S;
	tcp->keepintvl = TCP_KEEPINTVL_S;
	tcp->keepcnt = TCP_KEEPCNT_N;
	tcp->synack_retries = TCP_SYNACK_RETRIES;
	tcp->challenge_limit = CHALLENGE_LIMIT;
	tcp->challenge_count = CHALLENGE_LIMIT;
	if (port_table_init(&tcp->ports, env) < 0)
		return -ENOMEM;
	tcp->ports.listening = true;
	if (hash_init(&tcp->established, 256) < 0)
		goto err_ports;
	if (hash_init(&tcp->listeners, 16) < 0)
		goto err_established;
	if (fastopen_init(tcp) < 0)
		goto err_listeners;
	ip_register(ip, IPPROTO_TCP, &tcp_protocol, tcp);
	return 0;

err_listeners:
	hash_free(&tcp->listeners);
err_established:
	hash_free(&tcp->established);
err_ports:
	port_table_destroy(&tcp->ports);
	return -ENOMEM;
}

void tcp_destroy(struct tcp *tcp)
{
	list_for_each(pos, &tcp->socks) {
		struct tcp_sock *tp = tcp_sock(list_entry(pos, struct sock, all));

		if (!tp->orphan)
			tcp_close(&tp->sk, true);
		else if (!tp->listener)
			tcp_done(tp);
		if (tp->hard_close && tp->end.state != TCPS_CLOSED)
			tcp_hard_close_end(tp);		/* there is no later */
	}
	while (!list_empty(&tcp->dead))
		reap(&tcp->reap);
	work_cancel(&tcp->reap);
	tcp_renew_end(tcp);
	sock_set_free(&tcp->set);
	timewait_purge(tcp);
	fastopen_destroy(tcp);
	hash_free(&tcp->listeners);
	hash_free(&tcp->established);
	port_table_destroy(&tcp->ports);
}

const char *tcp_state_name(const struct sock *sk)
{
	static const char *const names[] = {
		[TCPS_ESTABLISHED] = "ESTAB", [TCPS_SYN_SENT] = "SYN-SENT",
		[TCPS_SYN_RECEIVED] = "SYN-RECV", [TCPS_FIN_WAIT_1] = "FIN-WAIT-1",
		[TCPS_FIN_WAIT_2] = "FIN-WAIT-2", [TCPS_TIME_WAIT] = "TIME-WAIT",
		[TCPS_CLOSED] = "UNCONN", [TCPS_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCPS_LAST_ACK] = "LAST-ACK", [TCPS_LISTEN] = "LISTEN", [TCPS_CLOSING] = "CLOSING",
	};

	return names[((const struct tcp_sock *)sk)->end.state];
}
