/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.c - listening sockets: SYN in, connection out (RFC 9293 3.10.7.2), with Linux's limits.
 *
 * Theory of operation. A SYN makes a child in SYN-RECEIVED, which answers it and waits for the
 * ACK among the listener's children. The ACK moves it to the accept queue. backlog is what
 * listen() was given, at most 4096, and bounds both:
 *
 *	accept queue > backlog	SYNs are not answered, and an ACK that would complete a handshake
 *				is ignored: the child stays and its SYN-ACK is sent again, so the
 *				client's data brings it back once there is room
 *	children > backlog	SYNs are answered with cookies and nothing is kept (syncookie.c); a
 *				flood of forged SYNs costs no memory and shuts nobody out. With
 *				cookies switched off they are dropped
 *
 * While more than half of the places are taken, children that nobody answered give up after fewer
 * SYN-ACKs, down to two, so that they leave room for those who do answer.
 *
 * TCP_DEFER_ACCEPT: the bare ACK of the handshake is ignored, data makes the connection; at
 * the end of the time the SYN-ACK is sent once more, and then its ACK is enough.
 *
 * Several listeners of one port (SO_REUSEPORT) share its connections (ip/port_use.c).
 */
#include <errno.h>

#include "nic/ethernet.h"
#include "tcp/sock.h"

int tcp_listen(struct sock *sk, int backlog)
{
	struct tcp_sock *tp = tcp_sock(sk);
	struct tcp *tcp = tp->tcp;
	int err;

	if (backlog < 0 || backlog > TCP_SOMAXCONN)
		backlog = TCP_SOMAXCONN;
	if (tcp->fastopen.flags & FASTOPEN_SERVER && tcp->fastopen.flags & FASTOPEN_ALL_LISTENERS &&
	    !tp->tfo && fastopen_set_max(tp, backlog) < 0)
		return -ENOBUFS;
	if (tp->end.state == TCPS_LISTEN) {
		tp->backlog = (uint32_t)backlog;
		return 0;
	}
	if (tp->end.state != TCPS_CLOSED)
		return -EINVAL;
	err = sk->port_use.traits.number ? port_listen(sk)
					 : port_autobind(&tcp->ports, sk);
	if (err)
		return err;
	sk->remote = sock_any(sk);	/* a connection that failed before has left it */
	sk->rport = 0;
	tp->backlog = (uint32_t)backlog;
	tp->nsyn = tp->nyoung = tp->naccept = 0;
	sk->shut = 0;
	tcp_set_state(tp, TCPS_LISTEN);
	hash_add(&tcp->listeners, &tp->end.node, sk->port_use.seq);	/* any number: it is for dumps */
	tp->end.hashed = true;
	return 0;
}

/* Of those that are closed already, and do not know it yet, each is asked once. */
struct tcp_sock *tcp_listener_find(struct tcp *tcp, const struct ip_meta *m, uint16_t sport,
				   uint16_t dport)
{
	const struct port_names n = { .src = m->src, .dst = m->dst, .sport = sport, .dport = dport, .nic = m->nic };
	struct sock *sk;

	do
		sk = port_receiver(&tcp->ports, &n);
	while (sk && !sock_lives(sk));
	return sk ? tcp_sock(sk) : NULL;
}

/* ---- children ---- */

static void inherit(struct tcp_sock *c, struct tcp_sock *l)
{
	const struct sock *p = &l->sk;
	struct sock *k = &c->sk;

	k->reuseaddr = p->reuseaddr;
	k->reuseport = p->reuseport;
	k->uid = p->uid;
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
	k->min_ttl = p->min_ttl;
	k->priority = p->priority;
	k->max_pacing_rate = p->max_pacing_rate;
	k->mark = p->mark;
	k->mtu_discover = p->mtu_discover;
	k->v6 = p->v6;
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
	c->window_clamp = l->window_clamp;
	tcp_cc_inherit(c, l);
}

static bool accept_full(const struct tcp_sock *l)
{
	return l->naccept > l->backlog;
}

static bool syn_full(const struct tcp_sock *l)
{
	return l->nsyn > l->backlog;
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
	c->rcv_wscale = tcp_choose_wscale(c);
	sk->local = m->dst;
	sk->remote = m->src;
	sk->rport = s->sport;
	port_inherit(&c->tcp->ports, sk, &l->sk);
	if (sock_route(sk) < 0) {
		tcp_done(c);
		return NULL;
	}
	c->listener = l;
	c->segs_in = 1;			/* the SYN */
	list_add_tail(&c->sibling, &l->children);
	l->nsyn++;
	l->nyoung++;
	tcp_set_state(c, TCPS_SYN_RECEIVED);
	tcp_hash_in(c);
	return c;
}

static void child_isn(struct tcp_sock *c, uint32_t isn)
{
	c->iss = isn;
	c->snd_una = c->recover = c->snd_sml = c->iss;
	c->snd_nxt = c->write_seq = c->iss + 1;
}

static void listen_drop(struct tcp_sock *l)
{
	l->tcp->stats.listen_drops++;
}

static void listen_overflow(struct tcp_sock *l)
{
	l->tcp->stats.listen_overflows++;
	listen_drop(l);
}

/* Is this SYN to be answered with a cookie? Sets *drop when not even with that. */
static bool wants_cookie(struct tcp_sock *l, bool *drop)
{
	struct tcp *tcp = l->tcp;
	uint32_t quarter = tcp->max_syn_backlog / 4;

	*drop = false;
	if (tcp->syn_cookies < 2 && !syn_full(l)) {
		/* without cookies the last quarter is for peers that are known, which none is */
		*drop = !tcp->syn_cookies && l->nsyn > tcp->max_syn_backlog - quarter;
		return false;
	}
	if (tcp->syn_cookies) {
		tcp->stats.req_q_full_do_cookies++;
		if (!tcp->syn_overflow)
			log_write(&tcp->env->log, LOG_INFO, "port %u: many half-open connections: "
				  "sending SYN cookies", l->sk.lport);
		tcp->syn_overflow = tcp->env->now;
		return true;
	}
	tcp->stats.req_q_full_drop++;
	*drop = true;
	return false;
}

/* TCP_SAVE_SYN: the SYN's headers, for who accepts. */
static void save_syn(struct tcp_sock *c, const struct tcp_sock *l, const struct packet *p,
		     const struct tcp_segment *s, const struct ip_meta *m)
{
	uint32_t link = l->save_syn == 2 && p->network >= ETH_HEADER_LEN ? ETH_HEADER_LEN : 0;
	uint32_t n = link + m->header_len + s->header_len;

	if (!l->save_syn || (size_t)(p->data - p->base) < p->network + n - link)
		return;
	c->saved_syn = malloc(n);
	if (!c->saved_syn)
		return;
	memcpy(c->saved_syn, p->base + p->network - link, n);
	c->saved_syn_len = n;
}

void tcp_forget_syn(struct tcp_sock *tp)
{
	free(tp->saved_syn);
	tp->saved_syn = NULL;
	tp->saved_syn_len = 0;
}

/* The child is the program's from now on. */
static void enqueue(struct tcp_sock *c)
{
	struct tcp_sock *l = c->listener;

	list_del(&c->sibling);
	l->nsyn--;
	l->nyoung -= !c->retries;
	list_add_tail(&c->sibling, &l->accept_queue);
	l->naccept++;
	c->in_accept = true;
}

/* Consumes p. */
static void syn_input(struct tcp_sock *l, struct packet *p, struct tcp_segment *s,
		      const struct ip_meta *m, uint32_t isn)
{
	enum fastopen_verdict open = FASTOPEN_NONE;
	bool drop, cookie = wants_cookie(l, &drop);
	struct tcp_sock *c;

	tcp_syn_filter(l->tcp, s);
	if (!drop && accept_full(l)) {
		listen_overflow(l);
		goto free;
	}
	if (cookie) {
		syncookie_send(l, m, s);
		goto free;
	}
	if (!drop)
		open = fastopen_check(l, m, s);
	c = drop ? NULL : child_create(l, s, m);
	if (!c) {
		listen_drop(l);
		goto free;
	}
	child_isn(c, isn ? isn : tcp_isn(l->tcp, &c->end));
	tcp_learn_syn(c, s);
	save_syn(c, l, p, s, m);
	l->tcp->stats.passive_opens++;
	c->tfo_give = open == FASTOPEN_GIVE || open == FASTOPEN_OPEN_GIVE;
	if (open < FASTOPEN_OPEN) {
		packet_free(p);		/* data in a SYN is sent again after the handshake */
		tcp_send_syn(c);
		return;
	}
	enqueue(c);
	fastopen_child(c, l, p, s);
	tcp_send_syn(c);
	sock_event(&l->sk);
	return;
free:
	packet_free(p);
}

/* An ACK for which there is no child: does it bear a cookie? */
static void ack_input(struct tcp_sock *l, struct packet *p, struct tcp_segment *s,
		      const struct ip_meta *m)
{
	struct tcp_segment syn;
	struct tcp_sock *c;

	if (s->flags & TCPH_SYN || !syncookie_read(l, m, s, &syn)) {
		/* data may be that of a cookie's client whose first segment was lost */
		if (s->flags & TCPH_SYN || s->end == s->seq || !syncookie_expected(l))
			tcp_reply_rst(l->tcp, m, s);
		goto drop;
	}
	if (accept_full(l)) {
		listen_overflow(l);
		goto drop;
	}
	c = child_create(l, &syn, m);
	if (!c) {
		listen_drop(l);
		goto drop;
	}
	child_isn(c, s->ack - 1);
	tcp_learn_syn(c, &syn);
	c->rcv_adv = c->rcv_nxt + syncookie_window(l);
	l->tcp->stats.passive_opens++;
	tcp_process(c, p, s, m);
	if (c->end.state == TCPS_SYN_RECEIVED)	/* there is no SYN-ACK that it could wait for */
		tcp_done(c);
	return;
drop:
	packet_free(p);
}

void tcp_listen_input(struct tcp_sock *l, struct packet *p, struct tcp_segment *s,
		      const struct ip_meta *m, uint32_t isn)
{
	if (!(s->flags & TCPH_RST)) {
		if (s->flags & TCPH_ACK) {
			ack_input(l, p, s, m);
			return;
		}
		if ((s->flags & (TCPH_SYN | TCPH_FIN)) == TCPH_SYN) {
			syn_input(l, p, s, m, isn);
			return;
		}
	}
	packet_free(p);
}

/* ---- SYN-ACKs that wait for their ACK ---- */

/* How many SYN-ACKs may go unanswered: fewer while the queue is mostly of those. */
static uint32_t synack_retries(const struct tcp_sock *l)
{
	uint32_t n = l->syncnt ? l->syncnt : l->tcp->synack_retries;
	uint32_t young = l->nyoung * 2, busy = l->backlog > 8 ? l->backlog : 8;

	if (l->nsyn * 2 <= busy)
		return n;
	while (n > 2 && l->nsyn >= young) {
		n--;
		young *= 2;
	}
	return n;
}

bool tcp_synack_due(struct tcp_sock *c, bool *resend)
{
	struct tcp_sock *l = c->listener;
	uint32_t max = synack_retries(l), defer = l->defer_accept;
	bool expired = c->retries >= max;

	*resend = true;
	if (defer) {
		expired = expired && (!c->acked || c->retries >= defer);
		*resend = !c->acked || c->retries + 1 >= defer;
	}
	if (expired)
		return false;
	if (!c->retries)
		l->nyoung--;
	c->retries++;
	return true;
}

/* The child is gone before it was accepted, or is accepted now. */
void tcp_listen_leave(struct tcp_sock *c)
{
	struct tcp_sock *l = c->listener;

	if (!l)
		return;
	list_del(&c->sibling);
	if (c->in_accept) {
		l->naccept--;
	} else {
		l->nsyn--;
		l->nyoung -= !c->retries;
	}
	c->in_accept = false;
	c->listener = NULL;
}

/* The handshake's ACK, s, is here, the state still SYN-RECEIVED. */
bool tcp_listen_established(struct tcp_sock *c, const struct tcp_segment *s)
{
	struct tcp_sock *l = c->listener;

	if (!l || c->in_accept)
		return true;		/* a simultaneous open, or Fast Open */
	if (c->retries < l->defer_accept && s->end == c->rcv_nxt) {
		c->acked = true;
		c->tcp->stats.defer_accept_drop++;
		return false;
	}
	if (accept_full(l)) {
		c->acked = true;
		listen_overflow(l);
		return false;
	}
	enqueue(c);
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
