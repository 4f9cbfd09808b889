/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fastopen.c - TCP Fast Open (RFC 7413): data in the SYN.
 *
 * Theory of operation. A client that was at a server before has a cookie from it, which proves that
 * SYNs from its address are no forgeries. With it, data of the first write rides on the SYN, and
 * the server gives it to the program before the handshake is complete.
 *
 * Server: a listener with a queue for it (TCP_FASTOPEN) and tcp->fastopen's server bit. The cookie
 * is SipHash of both addresses under a key of the stack or the listener, so nothing is kept of the
 * clients. With a good cookie the child goes to the accept queue at once, in SYN-RECEIVED, and may
 * already send (syn_pending). At most max_qlen children are in that state, and those that a RST
 * took away stay in the count for a minute more: a forger with one cookie fills that queue, not the
 * listener (RFC 7413 5.1).
 *
 * Client: sendmsg with MSG_FASTOPEN, or TCP_FASTOPEN_CONNECT, which puts the SYN off until the
 * first write. Without a cookie the SYN asks for one. What a SYN carried is in the send queue as
 * sent; the SYN-ACK tells whether it arrived, otherwise it is sent again as if lost, without blame
 * on the network. A SYN that is sent again goes plain, for a middle box may drop the other kind:
 * that alone opens such paths, at the price of a time-out. After three time-outs in a row of a
 * connection with Fast Open the client stops using it for blackhole_s seconds (0, as in Linux:
 * never), doubled each time, until a SYN's data arrives again.
 *
 * Cookies are kept by destination, the least recently used one goes first.
 */
#include <errno.h>

#include "base/random.h"
#include "tcp/fastopen.h"
#include "tcp/sock.h"

#define COOKIE_LEN	8u		/* of ours */
#define CACHE_MAX	1024u
#define HELD_NS		(60 * NSEC_PER_SEC)
#define DISABLE_SHIFT	6u

struct fastopen_peer {
	struct hash_node node;
	struct list age;		/* the least recently used first */
	struct ip_addr addr;
	uint16_t mss;			/* what it named last */
	uint8_t len;
	uint8_t cookie[TCP_TFO_MAX];
};

/* ---- the cache of cookies ---- */

int fastopen_init(struct tcp *tcp)
{
	struct fastopen *f = &tcp->fastopen;

	f->flags = FASTOPEN_CLIENT;
	list_init(&f->ages);
	random_bytes(&tcp->env->random, &f->keys[0], sizeof(f->keys[0]));
	f->nkeys = 1;
	return hash_init(&f->peers, 16);
}

static void peer_free(struct fastopen *f, struct fastopen_peer *p)
{
	hash_del(&f->peers, &p->node);
	list_del(&p->age);
	free(p);
}

void fastopen_destroy(struct tcp *tcp)
{
	struct fastopen *f = &tcp->fastopen;

	list_for_each_safe(pos, &f->ages)
		peer_free(f, list_entry(pos, struct fastopen_peer, age));
	hash_free(&f->peers);
}

static struct fastopen_peer *peer_find(struct tcp *tcp, const struct ip_addr *a)
{
	uint64_t h = siphash(&tcp->env->key, a, sizeof(*a));

	for (struct hash_node *n = hash_find(&tcp->fastopen.peers, h); n; n = hash_find_next(n)) {
		struct fastopen_peer *p = container_of(n, struct fastopen_peer, node);

		if (ip_addr_eq(&p->addr, a)) {
			list_del(&p->age);
			list_add_tail(&p->age, &tcp->fastopen.ages);
			return p;
		}
	}
	return NULL;
}

static void peer_learn(struct tcp *tcp, const struct ip_addr *a, const struct tcp_segment *s)
{
	struct fastopen *f = &tcp->fastopen;
	struct fastopen_peer *p = peer_find(tcp, a);

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return;
		if (f->peers.count >= CACHE_MAX)
			peer_free(f, list_first(&f->ages, struct fastopen_peer, age));
		p->addr = *a;
		hash_add(&f->peers, &p->node, siphash(&tcp->env->key, a, sizeof(*a)));
		list_add_tail(&p->age, &f->ages);
	}
	p->mss = s->mss;
	p->len = s->tfo_len;
	memcpy(p->cookie, s->tfo, s->tfo_len);
}

/* ---- client ---- */

static bool paused(const struct tcp *tcp)
{
	const struct fastopen *f = &tcp->fastopen;
	uint32_t shift;

	if (!f->blackhole_s || !f->disabled_times)
		return false;
	shift = f->disabled_times - 1 < DISABLE_SHIFT ? f->disabled_times - 1 : DISABLE_SHIFT;
	return tcp->env->now - f->disabled_at < (f->blackhole_s * NSEC_PER_SEC) << shift;
}

static bool needs_no_cookie(const struct tcp_sock *tp, uint32_t flag)
{
	return tp->tfo_no_cookie || tp->tcp->fastopen.flags & flag;
}

/* May data ride on the SYN? Otherwise whether to ask for a cookie is in tfo_ask. */
static bool cookie_ready(struct tcp_sock *tp)
{
	struct tcp *tcp = tp->tcp;
	struct fastopen_peer *p = peer_find(tcp, &tp->sk.remote);

	tp->tfo_ask = false;
	if (paused(tcp))
		return false;
	if (needs_no_cookie(tp, FASTOPEN_CLIENT_NO_COOKIE) || (p && p->len))
		return true;
	tp->tfo_ask = true;
	tp->tfo_fail = FASTOPEN_NO_COOKIE;
	return false;
}

/* Bytes that fit on the SYN: less than a segment, for middle boxes add options of their own. */
static uint32_t syn_room(struct tcp_sock *tp)
{
	struct fastopen_peer *p = peer_find(tp->tcp, &tp->sk.remote);
	uint32_t mss = tp->mss, options = TCP_HEADER_MAX - TCP_HEADER_LEN;

	if (p && p->mss && p->mss < mss)
		mss = p->mss;
	return mss > options ? mss - options : 0;
}

/* The SYN, with as much of the data as fits. Bytes taken, or -errno. */
static ssize_t syn_with_data(struct tcp_sock *tp, struct buf *b, uint32_t off, uint32_t len)
{
	uint32_t room = syn_room(tp), n = len < room ? len : room;
	ssize_t taken = n ? sendq_write(tp, b, off, n) : 0;

	tp->tfo_deferred = false;
	tp->tfo_used = true;
	if (taken > 0)
		tcp_send_syn_data(tp);
	else
		tcp_send_syn(tp);
	return taken > 0 ? taken : 0;
}

int fastopen_defer(struct tcp_sock *tp)
{
	if (!tp->tfo_connect)
		return -EINPROGRESS;
	tp->tfo_used = true;
	if (!cookie_ready(tp))
		return -EINPROGRESS;
	tp->tfo_deferred = true;
	return 0;
}

ssize_t fastopen_write(struct tcp_sock *tp, struct buf *b, uint32_t off, uint32_t len)
{
	ssize_t n = syn_with_data(tp, b, off, len);

	return n ? n : -EAGAIN;
}

ssize_t tcp_fastopen(struct sock *sk, const struct ip_addr *a, uint16_t port, struct buf *b,
		     uint32_t off, uint32_t len)
{
	struct tcp_sock *tp = tcp_sock(sk);
	ssize_t n;
	int err;

	if (!(tp->tcp->fastopen.flags & FASTOPEN_CLIENT))
		return -EOPNOTSUPP;
	err = tcp_connect_prepare(tp, a, port);
	if (err)
		return err;
	tp->tfo_used = true;
	if (!cookie_ready(tp)) {
		tcp_send_syn(tp);
		return -EINPROGRESS;
	}
	n = syn_with_data(tp, b, off, len);
	return n ? n : -EINPROGRESS;
}

/* For tcp_send_syn_data and the first plain SYN: the option, where there is one. */
void fastopen_syn_option(struct tcp_sock *tp, struct tcp_segment *s)
{
	struct fastopen_peer *p;

	if (!tp->tfo_used || tp->retries)
		return;			/* sent again it goes plain */
	if (tp->tfo_ask) {
		s->has_tfo = true;
		return;
	}
	p = peer_find(tp->tcp, &tp->sk.remote);
	if (!p || !p->len || needs_no_cookie(tp, FASTOPEN_CLIENT_NO_COOKIE) || paused(tp->tcp))
		return;
	s->has_tfo = true;
	s->tfo_len = p->len;
	memcpy(s->tfo, p->cookie, p->len);
}

/* The connection is established by a segment that acknowledges the SYN, up to ack: with the data
 * that was on it? What was not taken is lost. */
bool fastopen_taken(struct tcp_sock *tp, uint32_t ack)
{
	struct tcp *tcp = tp->tcp;

	if (!tp->tfo_used || !tp->sendq)
		return false;
	if (ack == tp->iss + 1) {
		tp->tfo_fail = tp->syn_retried ? FASTOPEN_SYN_AGAIN : FASTOPEN_NOT_ACKED;
		tcp->stats.fastopen_active_fail++;
		for (struct packet *p = tp->sendq; p && p != tp->send_next; p = p->next)
			sendq_mark_lost(tp, p);
		return false;
	}
	tp->tfo_acked = true;
	tcp->stats.fastopen_active++;
	tcp->fastopen.disabled_times = 0;
	return true;
}

/* The SYN-ACK is here, and the connection established up to the SYN. */
void fastopen_synack(struct tcp_sock *tp, const struct tcp_segment *s)
{
	if (tp->tfo_used && s->has_tfo && s->tfo_len)
		peer_learn(tp->tcp, &tp->end.remote, s);
	if (!fastopen_taken(tp, s->ack))
		return;
	tcp_ack(tp, s);
	if (tp->segs_delivered > 1)
		tp->segs_delivered--;	/* SYN and data were one segment */
}

void fastopen_timeout(struct tcp_sock *tp, bool last)
{
	struct fastopen *f = &tp->tcp->fastopen;

	if (!tp->tfo_used || !(tp->retries == 3 || (tp->retries < 3 && last)) || !f->blackhole_s)
		return;
	f->disabled_times++;
	f->disabled_at = tp->tcp->env->now;
	tp->tcp->stats.fastopen_blackhole++;
}

/* ---- server ---- */

static void cookie_make(const struct siphash_key *key, const struct ip_addr *client,
			const struct ip_addr *server, uint8_t cookie[COOKIE_LEN])
{
	struct ip_addr in[2] = { *client, *server };
	uint64_t h = siphash(key, in, sizeof(in));

	memcpy(cookie, &h, COOKIE_LEN);
}

const struct siphash_key *fastopen_keys(const struct tcp_sock *l, uint32_t *n)
{
	const struct fastopen *f = &l->tcp->fastopen;
	bool own = l->tfo && l->tfo->nkeys;

	*n = own ? l->tfo->nkeys : f->nkeys;
	return own ? l->tfo->keys : f->keys;
}

struct fastopen_queue *fastopen_queue(struct tcp_sock *tp)
{
	if (tp->tfo)
		return tp->tfo;
	tp->tfo = calloc(1, sizeof(*tp->tfo));
	if (tp->tfo)
		list_init(&tp->tfo->children);
	return tp->tfo;
}

int fastopen_set_max(struct tcp_sock *tp, int max)
{
	if (!fastopen_queue(tp))
		return -ENOBUFS;
	tp->tfo->max = max < TCP_SOMAXCONN ? (uint32_t)max : TCP_SOMAXCONN;
	return 0;
}

/* Which key made the cookie of s: 1 the first, 2 the one before it; 0: none did. */
static uint32_t cookie_key(const struct tcp_sock *l, const struct ip_meta *m,
			   const struct tcp_segment *s)
{
	uint8_t cookie[COOKIE_LEN];
	const struct siphash_key *keys;
	uint32_t n;

	keys = fastopen_keys(l, &n);
	for (uint32_t i = 0; i < n && s->tfo_len == COOKIE_LEN; i++) {
		uint8_t differ = 0;

		cookie_make(&keys[i], &m->src, &m->dst, cookie);
		for (uint32_t j = 0; j < COOKIE_LEN; j++)
			differ |= cookie[j] ^ s->tfo[j];
		if (!differ)
			return i + 1;
	}
	return 0;
}

/* Those that a RST took away are forgotten after a minute. */
static uint32_t pending(struct fastopen_queue *q, uint64_t now)
{
	while (q->held && q->until[q->first] <= now) {
		q->first = (q->first + 1) % FASTOPEN_HELD;
		q->held--;
	}
	return q->pending + q->held;
}

enum fastopen_verdict fastopen_check(struct tcp_sock *l, const struct ip_meta *m,
				     const struct tcp_segment *s)
{
	struct tcp *tcp = l->tcp;
	uint32_t key;

	if (s->has_tfo && !s->tfo_len)
		tcp->stats.fastopen_cookie_reqd++;
	if (!(tcp->fastopen.flags & FASTOPEN_SERVER) || !l->tfo || !l->tfo->max ||
	    (!s->has_tfo && !s->len))
		return FASTOPEN_NONE;
	if (pending(l->tfo, tcp_now(l)) >= l->tfo->max) {
		tcp->stats.fastopen_listen_overflow++;
		return FASTOPEN_NONE;
	}
	if (needs_no_cookie(l, FASTOPEN_SERVER_NO_COOKIE))
		return FASTOPEN_OPEN;
	if (!s->has_tfo)
		return FASTOPEN_NONE;
	if (!s->tfo_len)
		return FASTOPEN_GIVE;
	key = cookie_key(l, m, s);
	if (!key) {
		tcp->stats.fastopen_passive_fail++;
		return FASTOPEN_GIVE;
	}
	return key == 1 ? FASTOPEN_OPEN : FASTOPEN_OPEN_GIVE;
}

/* The SYN-ACK of c gives the client a cookie. */
void fastopen_give(const struct tcp_sock *c, struct tcp_segment *s)
{
	const struct siphash_key *keys;
	uint32_t n;

	if (!c->tfo_give || !c->listener)
		return;
	keys = fastopen_keys(c->listener, &n);
	s->has_tfo = true;
	s->tfo_len = COOKIE_LEN;
	cookie_make(&keys[0], &c->end.remote, &c->end.local, s->tfo);
}

/* The SYN's data goes to the child, which counts in the queue until the handshake is complete. */
void fastopen_child(struct tcp_sock *c, struct tcp_sock *l, struct packet *p,
		    const struct tcp_segment *s)
{
	struct tcp_segment data = *s;

	c->syn_pending = true;
	c->tfo_acked = s->len > 0;
	c->tfo_of = l->tfo;
	list_add_tail(&c->tfo_node, &l->tfo->children);
	l->tfo->pending++;
	c->tcp->stats.fastopen_passive++;
	tcp_cc_start(c);
	data.seq++;
	data.flags &= (uint8_t)~TCPH_SYN;
	c->rcv_adv = c->rcv_nxt + syncookie_window(l);
	if (s->len)
		recvq_input(c, p, &data);
	else
		packet_free(p);
}

/* The handshake of a child is complete, or never will be. reset: by a RST. */
void fastopen_leave(struct tcp_sock *c, bool reset)
{
	struct fastopen_queue *q = c->tfo_of;

	if (!q)
		return;
	list_del(&c->tfo_node);
	c->tfo_of = NULL;
	q->pending--;
	if (reset && q->held < FASTOPEN_HELD)
		q->until[(q->first + q->held++) % FASTOPEN_HELD] = tcp_now(c) + HELD_NS;
}

void fastopen_free(struct tcp_sock *tp)
{
	if (!tp->tfo)
		return;
	list_for_each_safe(pos, &tp->tfo->children)
		fastopen_leave(list_entry(pos, struct tcp_sock, tfo_node), false);
	free(tp->tfo);
	tp->tfo = NULL;
}
