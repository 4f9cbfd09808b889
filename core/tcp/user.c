/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user.c - the user's calls (RFC 9293 3.10.1 to 3.10.6), with Linux's answers.
 *
 * Nothing here waits. A call that puts something to be sent asks for output at the end of
 * the turn, so that what a turn writes leaves together.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "tcp/sock.h"

#define ENDING_ROOM (1u << 20)	/* more than lies between a program and the stack */

static void output_later(struct tcp_sock *tp)
{
	work_defer(tp->tcp->env, &tp->output_work);
}

/* ---- open ---- */

int tcp_bind(struct sock *sk, const struct ip_addr *a, uint16_t port)
{
	struct tcp_sock *tp = tcp_sock(sk);

	if (tp->end.state != TCPS_CLOSED || sk->port_use.traits.number)
		return -EINVAL;
	return port_bind(&tp->tcp->ports, sk, a, port);
}

/* Is the four-tuple free, or held by a TIME-WAIT entry that may be taken over? */
static bool tuple_free(const struct tcp_sock *tp, uint16_t port, bool chosen)
{
	struct tcp_end *e = tcp_end_find(tp->tcp, &tp->sk.local, port, &tp->sk.remote,
					 tp->sk.rport);

	return !e || (e->state == TCPS_TIME_WAIT &&
		      timewait_reusable(tp->tcp, container_of(e, struct tcp_timewait, end),
					chosen));
}

static bool tuple_usable(void *arg, uint16_t port)
{
	return tuple_free(arg, port, true);
}

/* The first sequence number; beyond those of the TIME-WAIT entry that is taken over. */
static uint32_t choose_isn(struct tcp_sock *tp)
{
	struct sock *sk = &tp->sk;
	struct tcp_end *e = tcp_end_find(tp->tcp, &sk->local, sk->lport, &sk->remote, sk->rport);
	uint32_t isn, next;

	tp->end.local = sk->local;
	tp->end.remote = sk->remote;
	tp->end.lport = sk->lport;
	tp->end.rport = sk->rport;
	isn = tcp_isn(tp->tcp, &tp->end);
	if (!e)
		return isn;
	next = container_of(e, struct tcp_timewait, end)->snd_nxt + 65535 + 2;
	timewait_free(tp->tcp, container_of(e, struct tcp_timewait, end));
	return seq_lt(isn, next) ? next : isn;
}

static int connect_names(struct tcp_sock *tp, const struct ip_addr *a, uint16_t port)
{
	struct sock *sk = &tp->sk;
	int err;

	if (!sk->bound_addr)
		sk->local = sock_any(sk);
	sk->remote = ip_addr_is_any(a) ? sock_this_host(sk, a) : *a;
	sk->rport = port;
	sk->dst.nic = NULL;
	err = sock_check_peer(sk, &sk->remote);
	if (!err)
		err = sock_route(sk);
	if (!err && (sk->dst.broadcast || sk->dst.multicast))
		err = -ENETUNREACH;
	if (err)
		return err;
	if (ip_addr_is_any(&sk->local))
		sk->local = sk->dst.src;
	port_requalify(sk);
	if (!sk->port_use.traits.number)
		return port_connect(&tp->tcp->ports, sk, &sk->remote, port, tuple_usable, tp);
	return tuple_free(tp, sk->lport, false) ? 0 : -EADDRNOTAVAIL;
}

int tcp_connect_prepare(struct tcp_sock *tp, const struct ip_addr *a, uint16_t port)
{
	struct sock *sk = &tp->sk;
	int err;

	if (tcp_in(tp, TCPS_BIT(TCPS_SYN_SENT) | TCPS_BIT(TCPS_SYN_RECEIVED)))
		return -EALREADY;
	if (tp->end.state != TCPS_CLOSED)
		return -EISCONN;
	err = tcp_reinit(tp);
	if (err)
		return err;
	err = connect_names(tp, a, port);
	if (err) {
		sk->remote = sock_any(sk);
		sk->rport = 0;
		sk->dst.nic = NULL;
		if (!sk->bound_addr)
			sk->local = sock_any(sk);
		port_requalify(sk);
		return err;
	}
	tp->iss = choose_isn(tp);
	tp->snd_una = tp->recover = tp->snd_sml = tp->iss;
	tp->snd_nxt = tp->write_seq = tp->iss + 1;
	tcp_sync_mss(tp);
	tcp_set_state(tp, TCPS_SYN_SENT);
	tcp_hash_in(tp);
	tp->tcp->stats.active_opens++;
	return 0;
}

int tcp_connect(struct sock *sk, const struct ip_addr *a, uint16_t port)
{
	struct tcp_sock *tp = tcp_sock(sk);
	int err = tcp_connect_prepare(tp, a, port);

	if (err)
		return err;
	err = fastopen_defer(tp);
	if (err)
		tcp_send_syn(tp);
	return err;
}

/* ---- close ---- */

void tcp_arm_fin_wait_2(struct tcp_sock *tp)
{
	if (tp->linger2 == TCP_LINGER2_NONE) {
		tp->tcp->stats.abort_on_linger++;
		tcp_send_rst(tp);
		tcp_done(tp);
		return;
	}
	tcp_arm_keep(tp, tp->linger2 ? tp->linger2 * NSEC_PER_SEC : tp->tcp->fin_timeout);
}

/* Our side is done: the state that follows, and FIN behind what is queued. */
static void send_fin(struct tcp_sock *tp)
{
	switch (tp->end.state) {
	case TCPS_SYN_RECEIVED:
	case TCPS_ESTABLISHED:
		tcp_set_state(tp, TCPS_FIN_WAIT_1);
		break;
	case TCPS_CLOSE_WAIT:
		tcp_set_state(tp, TCPS_LAST_ACK);
		break;
	default:
		return;
	}
	sendq_fin(tp);			/* without memory, tcp_output tries again */
	output_later(tp);
}

void tcp_close(struct sock *sk, bool abort_it)
{
	struct tcp_sock *tp = tcp_sock(sk);
	struct tcp *tcp = tp->tcp;
	bool hard = sk->linger_on && !sk->linger_s;
	bool input_lost = tp->recv_bytes || (abort_it && !hard);

	if (tp->end.state == TCPS_LISTEN)
		tcp_listen_close(tp);
	sk->event = NULL;
	sk->shut = SOCK_SHUT_RD | SOCK_SHUT_WR;
	tp->orphan = true;
	recvq_purge(tp);
	if (tp->end.state == TCPS_CLOSED || tcp_in(tp, TCPS_BIT(TCPS_LISTEN) |
						   TCPS_BIT(TCPS_SYN_SENT))) {
		tcp_done(tp);
		return;
	}
	tcp_orphan_begin(tp);
	if (tp->end.state == TCPS_CLOSED)
		return;
	if (tcp_no_memory(tp)) {
		tcp_orphan_abort(tp);
	} else if (input_lost || hard) {
		if (input_lost)
			tcp->stats.abort_on_close++;
		else
			tcp->stats.abort_on_data++;	/* Linux's name for SO_LINGER of 0 */
		tcp_hard_close(tp, input_lost);
	} else if (tp->end.state == TCPS_FIN_WAIT_2) {
		tcp_arm_fin_wait_2(tp);
	} else {
		send_fin(tp);
	}
}

int tcp_disconnect(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sock(sk);

	if (tp->end.state == TCPS_LISTEN)
		tcp_listen_close(tp);
	tcp_hard_close_end(tp);
	recvq_purge(tp);
	sk->remote = sock_any(sk);
	sk->rport = 0;
	sk->dst.nic = NULL;
	sk->shut = 0;
	sk->error = 0;
	if (!sk->bound_addr)
		sk->local = sock_any(sk);
	port_requalify(sk);
	return tcp_reinit(tp);
}

int tcp_shutdown(struct sock *sk, int how)
{
	struct tcp_sock *tp = tcp_sock(sk);

	switch (tp->end.state) {
	case TCPS_CLOSED:
		return -ENOTCONN;
	case TCPS_LISTEN:
		if (how == SHUT_WR)
			return 0;
		/* fall through */
	case TCPS_SYN_SENT:
		return tcp_disconnect(sk);
	}
	if (how != SHUT_WR)
		sk->shut |= SOCK_SHUT_RD;
	if (how != SHUT_RD && !(sk->shut & SOCK_SHUT_WR)) {
		sk->shut |= SOCK_SHUT_WR;
		send_fin(tp);
	}
	sock_event(sk);
	return 0;
}

/* ---- state for poll ---- */

static uint32_t unsent_bytes(const struct tcp_sock *tp)
{
	return tp->write_seq - tp->snd_nxt;
}

/*
 * While memory is scarce a connection has one write under way: its ACK makes room for the next. Who has
 * ended its stream cannot wait for room: what it wrote before is taken whatever SO_SNDBUF says, or the
 * FIN would wait for the peer's window outside of TCP, where nothing bounds its patience. Linux holds
 * those bytes in the send queue, too. Memory does bound it, as it does orphans.
 */
static uint32_t room(const struct tcp_sock *tp)
{
	uint32_t most = tcp_memory_sndbuf(tp);

	if (tp->sk.ending)
		return tcp_no_memory(tp) ? 0 : ENDING_ROOM;
	if (tp->queued >= most || (tp->queued && tcp_memory_scarce(tp->tcp)))
		return 0;
	if (tp->notsent_lowat && unsent_bytes(tp) >= tp->notsent_lowat)
		return 0;
	return most - tp->queued;
}

/* Linux tells a writer when half of TCP_NOTSENT_LOWAT is free, not for every byte. */
static bool writable(const struct tcp_sock *tp)
{
	uint32_t most;

	if (tp->notsent_lowat && 2ull * unsent_bytes(tp) >= tp->notsent_lowat)
		return false;
	most = tcp_memory_sndbuf(tp);
	return room(tp) >= (most > 3 ? most / 3 : 1);
}

static uint32_t poll_listen(const struct tcp_sock *tp)
{
	return list_empty(&tp->accept_queue) ? 0 : EPOLLIN | EPOLLRDNORM;
}

uint32_t tcp_poll(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sock(sk);
	bool opening = tcp_in(tp, TCPS_BIT(TCPS_SYN_SENT) | TCPS_BIT(TCPS_SYN_RECEIVED)) &&
		       !tp->syn_pending;
	uint32_t ev = sk->error ? EPOLLERR : 0;
	uint32_t low = sk->rcvlowat > 1 ? sk->rcvlowat : 1;

	if (tp->end.state == TCPS_LISTEN)
		return ev | poll_listen(tp);
	if (sk->shut == (SOCK_SHUT_RD | SOCK_SHUT_WR) || tp->end.state == TCPS_CLOSED)
		ev |= EPOLLHUP;
	if (sk->shut & SOCK_SHUT_RD)
		ev |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (opening)		/* a write makes the SYN of a deferred connect */
		return tp->tfo_deferred ? ev | EPOLLOUT | EPOLLWRNORM : ev;
	if (low > recvq_full_window(tp))
		low = recvq_full_window(tp);
	if (urgent_readable(tp) >= low)
		ev |= EPOLLIN | EPOLLRDNORM;
	if (tp->urg_state == TCP_URG_VALID)
		ev |= EPOLLPRI;
	if (sk->shut & SOCK_SHUT_WR || writable(tp))
		ev |= EPOLLOUT | EPOLLWRNORM;
	else
		tp->nospace = true;
	return ev;
}

/* ---- send ---- */

static bool may_write(const struct tcp_sock *tp)
{
	return tp->syn_pending || tcp_in(tp, TCPS_BIT(TCPS_ESTABLISHED) |
					     TCPS_BIT(TCPS_CLOSE_WAIT));
}

uint32_t tcp_space(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sock(sk);
	uint32_t n;

	if (tp->tfo_deferred)
		return sk->sndbuf;
	if (!may_write(tp) || sk->shut & SOCK_SHUT_WR)
		return 0;
	n = room(tp);
	if (!n)
		tp->nospace = tp->writer_waits = true;
	return n;
}

void tcp_write_space(struct tcp_sock *tp)
{
	if (!tp->nospace || !writable(tp))
		return;
	tp->nospace = false;
	sock_event(&tp->sk);
}

ssize_t tcp_write(struct sock *sk, struct buf *b, uint32_t off, uint32_t len, int flags)
{
	struct tcp_sock *tp = tcp_sock(sk);
	uint32_t space;
	ssize_t n;

	if (sk->error)
		return -sock_take_error(sk);
	if (sk->shut & SOCK_SHUT_WR)
		return -EPIPE;
	if (tp->tfo_deferred)
		return fastopen_write(tp, b, off, len);
	if (!may_write(tp))
		return tcp_in(tp, TCPS_BIT(TCPS_SYN_SENT) | TCPS_BIT(TCPS_SYN_RECEIVED)) ?
		       -EAGAIN : -EPIPE;
	if (!len)
		return 0;
	space = tcp_space(sk);
	if (!space)
		return -EAGAIN;
	rate_check_app_limited(tp);
	tp->writer_waits = len > space;
	if (tcp_memory_pressure(tp->tcp))
		tcp_shrink_buffers(tp);
	n = sendq_write(tp, b, off, len < space ? len : space);
	if (n <= 0)
		return n;
	tp->more = flags & MSG_MORE;
	if (flags & MSG_OOB)
		urgent_mark(tp);
	output_later(tp);
	return n;
}

uint32_t tcp_unsent(struct sock *sk)
{
	return tcp_sock(sk)->queued;
}

/* ---- receive ---- */

/* The reader made room: tell the peer when that is worth a segment (RFC 9293 3.8.6.2.2). */
void tcp_consume(struct sock *sk, uint32_t n)
{
	struct tcp_sock *tp = tcp_sock(sk);
	uint32_t now, wnd;

	recvq_consumed(tp, n);
	urgent_passed(tp);
	if (!tcp_in(tp, TCPS_BIT(TCPS_ESTABLISHED) | TCPS_BIT(TCPS_FIN_WAIT_1) |
			TCPS_BIT(TCPS_FIN_WAIT_2)))
		return;
	now = seq_lt(tp->rcv_nxt, tp->rcv_adv) ? tp->rcv_adv - tp->rcv_nxt : 0;
	wnd = tcp_select_window(tp);
	if (wnd >= 2 * now && wnd > now + (1u << tp->rcv_wscale))
		tcp_send_ack(tp);
}
