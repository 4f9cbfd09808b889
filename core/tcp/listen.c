/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.c - listening sockets: SYN in, connection out (RFC 9293 3.10.7.2, and Linux's backlog).
 *
 * Theory of operation. A SYN makes a child in SYN-RECEIVED, which answers it and waits for the
 * ACK among the listener's children. The ACK moves it to the accept queue, whose length is
 * min(backlog, 4096) + 1. While that queue is full SYNs are not answered, and an ACK that would
 * complete a handshake is ignored: the child stays and its SYN-ACK is sent again, so the
 * client's data brings it back once there is room.
 *
 * Half-open children are bounded, too. When there are too many, the oldest makes room:
 * in a flood of forged SYNs an honest client has as long as it takes to fill the queue once.
 *
 * Several listeners of one port (SO_REUSEPORT) share its connections by hash of the four-tuple.
 */
#include <errno.h>

#include "base/siphash.h"
#include "tcp/sock.h"

#define SYN_QUEUE_MIN 128u	/* half-open children, whatever the backlog */

bool tcp_is_listening(const struct sock *sk)
{
	return ((const struct tcp_sock *)sk)->end.state == TCPS_LISTEN;
}

int tcp_listen(struct sock *sk, int backlog)
{
	struct tcp_sock *tp = tcp_sock(sk);
	struct tcp *tcp = tp->tcp;
	int err;

	if (backlog < 0 || backlog > TCP_SOMAXCONN)
		backlog = TCP_SOMAXCONN;
	if (tp->end.state == TCPS_LISTEN) {
		tp->backlog = (uint32_t)backlog;
		return 0;
	}
	if (tp->end.state != TCPS_CLOSED)
		return -EINVAL;
	err = sk->port_use.port ? port_listen(sk, tcp_is_listening)
				: port_autobind(&tcp->ports, sk);
	if (err)
		return err;
	tp->backlog = (uint32_t)backlog;
	tp->nsyn = tp->naccept = 0;
	sk->shut = 0;
	tcp_set_state(tp, TCPS_LISTEN);
	hash_add(&tcp->listeners, &tp->end.node, sk->lport);
	tp->end.hashed = true;
	return 0;
}

/* How well does l fit a segment? 0: not at all. */
static int listener_score(const struct tcp_sock *l, const struct ip_meta *m)
{
	int score = 1;

	if (l->sk.bound_nic) {
		if (l->sk.bound_nic != m->nic)
			return 0;
		score += 2;
	}
	if (ip_addr_is_any(&l->sk.local))
		return score;
	return ip_addr_eq(&l->sk.local, &m->dst) ? score + 4 : 0;
}

struct tcp_sock *tcp_listener_find(struct tcp *tcp, const struct ip_meta *m, uint16_t sport,
				   uint16_t dport)
{
	uint64_t h = tcp_hash(tcp, &m->dst, dport, &m->src, sport);
	struct tcp_sock *best = NULL;
	uint32_t alike = 0;
	int best_score = 0;

	for (struct hash_node *n = hash_find(&tcp->listeners, dport); n;
	     n = hash_find_next(n)) {
		struct tcp_sock *l = container_of(n, struct tcp_sock, end.node);
		int score = listener_score(l, m);

		if (score > best_score) {
			best = l;
			best_score = score;
			alike = 1;
		} else if (score && score == best_score && ++alike && h % alike == 0) {
			best = l;
		}
	}
	return best;
}

/* ---- children ---- */

static void inherit(struct tcp_sock *c, const struct tcp_sock *l)
{
	const struct sock *p = &l->sk;
	struct sock *k = &c->sk;

	k->reuseaddr = p->reuseaddr;
	k->reuseport = p->reuseport;
	k->keepalive = p->keepalive;
	k->oobinline = p->oobinline;
	k->dontroute = p->dontroute;
	k->linger_on = p->linger_on;
	k->linger_s = p->linger_s;
	k->rcvbuf = p->rcvbuf;
	k->sndbuf = p->sndbuf;
	k->rcvbuf_locked = p->rcvbuf_locked;
	k->sndbuf_locked = p->sndbuf_locked;
	k->rcvtimeo = p->rcvtimeo;
	k->sndtimeo = p->sndtimeo;
	k->rcvlowat = p->rcvlowat;
	k->ttl = p->ttl;
	k->tos = p->tos;
	k->priority = p->priority;
	k->mark = p->mark;
	k->mtu_discover = p->mtu_discover;
	k->bound_nic = p->bound_nic;
	k->privileged = p->privileged;
	c->nodelay = l->nodelay;
	c->cork = l->cork;
	c->user_mss = l->user_mss;
	c->notsent_lowat = l->notsent_lowat;
	c->keepidle = l->keepidle;
	c->keepintvl = l->keepintvl;
	c->keepcnt = l->keepcnt;
	c->syncnt = l->syncnt;
	c->linger2 = l->linger2;
	c->user_timeout = l->user_timeout;
	tcp_cc_inherit(c, l);
}

static uint32_t syn_queue_max(const struct tcp_sock *l)
{
	return l->backlog > SYN_QUEUE_MIN ? l->backlog : SYN_QUEUE_MIN;
}

static bool accept_full(const struct tcp_sock *l)
{
	return l->naccept > l->backlog;
}

static struct tcp_sock *child_create(struct tcp_sock *l, const struct tcp_segment *s,
				     const struct ip_meta *m)
{
	struct sock *sk;
	struct tcp_sock *c;
	int err;

	sk = sock_create(l->sk.ip, l->tcp, l->sk.ops, l->sk.family, l->sk.protocol, &err);
	if (!sk)
		return NULL;
	c = tcp_sock(sk);
	c->orphan = true;	/* until accept() */
	inherit(c, l);
	sk->local = m->dst;
	sk->remote = m->src;
	sk->rport = s->sport;
	if (port_inherit(&c->tcp->ports, sk, &l->sk) < 0 || sock_route(sk) < 0) {
		tcp_done(c);
		return NULL;
	}
	c->listener = l;
	list_add_tail(&c->sibling, &l->children);
	l->nsyn++;
	return c;
}

void tcp_listen_input(struct tcp_sock *l, struct packet *p, struct tcp_segment *s,
		      const struct ip_meta *m, uint32_t isn)
{
	struct tcp *tcp = l->tcp;
	struct tcp_sock *c;

	packet_free(p);			/* data in a SYN is sent again after the handshake */
	if (s->flags & TCPH_RST)
		return;
	if (s->flags & TCPH_ACK) {
		tcp_reply_rst(tcp, m, s);
		return;
	}
	if (!(s->flags & TCPH_SYN) || s->flags & TCPH_FIN)
		return;
	if (accept_full(l)) {
		tcp->stats.listen_drops++;
		return;
	}
	if (l->nsyn >= syn_queue_max(l)) {
		tcp->stats.listen_drops++;
		tcp_done(list_first(&l->children, struct tcp_sock, sibling));
	}
	c = child_create(l, s, m);
	if (!c) {
		tcp->stats.listen_drops++;
		return;
	}
	tcp_set_state(c, TCPS_SYN_RECEIVED);
	tcp_hash_in(c);
	c->iss = isn ? isn : tcp_isn(tcp, &c->end);
	c->snd_una = c->recover = c->snd_sml = c->iss;
	c->snd_nxt = c->write_seq = c->iss + 1;
	tcp_learn_syn(c, s);
	tcp->stats.passive_opens++;
	tcp_send_syn(c);
}

/* The child is gone before it was accepted, or is accepted now. */
void tcp_listen_leave(struct tcp_sock *c)
{
	struct tcp_sock *l = c->listener;

	if (!l)
		return;
	list_del(&c->sibling);
	if (c->end.state == TCPS_SYN_RECEIVED)
		l->nsyn--;
	else
		l->naccept--;
	c->listener = NULL;
}

/* The handshake's ACK is here, the state still SYN-RECEIVED. */
bool tcp_listen_established(struct tcp_sock *c)
{
	struct tcp_sock *l = c->listener;

	if (!l)
		return true;		/* a simultaneous open */
	if (accept_full(l)) {
		c->tcp->stats.listen_drops++;
		return false;
	}
	list_del(&c->sibling);
	l->nsyn--;
	list_add_tail(&c->sibling, &l->accept_queue);
	l->naccept++;
	return true;
}

struct sock *tcp_accept(struct sock *sk, int *err)
{
	struct tcp_sock *l = tcp_sock(sk), *c;

	*err = -EINVAL;
	if (l->end.state != TCPS_LISTEN)
		return NULL;
	*err = -EAGAIN;
	if (list_empty(&l->accept_queue))
		return NULL;
	c = list_first(&l->accept_queue, struct tcp_sock, sibling);
	tcp_listen_leave(c);
	c->orphan = false;
	*err = 0;
	return &c->sk;
}

void tcp_listen_close(struct tcp_sock *l)
{
	while (!list_empty(&l->children))
		tcp_done(list_first(&l->children, struct tcp_sock, sibling));
	while (!list_empty(&l->accept_queue)) {
		struct tcp_sock *c = list_first(&l->accept_queue, struct tcp_sock, sibling);

		tcp_listen_leave(c);
		if (c->end.state != TCPS_CLOSED)
			tcp_send_rst(c);
		tcp_done(c);
	}
}
