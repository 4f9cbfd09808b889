/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.c - port spaces.
 *
 * Theory of operation. A table holds the uses of ports, sorted by kind (port_use.c). Two
 * uses of one port are in conflict when (Linux's inet_csk_bind_conflict and udp_lib_lport_inuse)
 *
 *	their devices overlap (either has none, or both have the same), and
 *	their addresses overlap (either is the wildcard, or they are equal; IPv6's wildcard is
 *	one of IPv4 as well, unless its socket is IPV6_V6ONLY), and
 *	not both have SO_REUSEADDR with the older one not listening, and
 *	not both have SO_REUSEPORT and belong to one user.
 *
 * A port asked for by number may be taken when no use is in conflict; an ephemeral one only when
 * no use overlaps at all, so that SO_REUSEADDR never hands out somebody's port by chance.
 *
 * Connections choose ephemeral ports by RFC 6056 section 3.3.4 (double hash):
 *
 *	offset = F(local, remote, remote port, secret)
 *	bucket = G(local, remote, remote port, secret)
 *	port   = min + (offset + counter[bucket]++) mod range
 *
 * F and G are the halves of one SipHash. Towards one peer ports go up one by one, which keeps a
 * port in TIME-WAIT out of use as long as can be; an observer of one peer learns nothing about the
 * others. A port that only connections chose is shared between connections with different
 * four-tuples; one that came by bind() is not. bind() to port 0 knows no peer: it starts at a
 * random port (RFC 6056 section 3.3.1) and searches upwards.
 *
 * A search, when the first ports it looks at will not do, takes the next one that nobody uses at all: a map
 * tells 64 of them in one step. Only when every ephemeral port is in use it asks, port by port, for one that may be
 * shared; and which peer there was none for is remembered for a moment, so that a program that tries again and
 * again does not cost a search each time.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/random.h"
#include "ip/port.h"
#include "ip/sock.h"

#define PORT_RANGE (PORT_EPHEMERAL_MAX - PORT_EPHEMERAL_MIN + 1)
#define IN_ORDER   32u			/* ports that a connection asks for one by one, first */
#define FULL_NS	   100000000u	/* an entry in TIME-WAIT may be reused meanwhile, which nobody tells */

int port_table_init(struct port_table *t, struct env *env)
{
	*t = (struct port_table){ .env = env };
	random_bytes(&env->random, &t->key, sizeof(t->key));
	for (size_t i = 0; i < PORT_DESTS; i++)
		random_bytes(&env->random, &t->dests[i].counter, sizeof(t->dests[i].counter));
	return port_uses_init(t);
}

void port_table_destroy(struct port_table *t)
{
	port_uses_destroy(t);
}

void port_use_release(struct port_use *use)
{
	if (use->traits.number)
		port_use_del(use);
}

void port_release(struct sock *sk)
{
	port_use_release(&sk->port_use);
	sk->lport = 0;
}

static bool addresses_overlap(const struct ip_addr *a, bool a_only, const struct ip_addr *b,
			      bool b_only)
{
	bool v4 = ip_addr_is_v4(a);

	if (v4 == ip_addr_is_v4(b))
		return ip_addr_is_any(a) || ip_addr_is_any(b) || ip_addr_eq(a, b);
	return v4 ? ip_addr_is_any(b) && !b_only : ip_addr_is_any(a) && !a_only;
}

/* What a socket wants of a port: for port_use_find(). */
struct wish {
	const struct sock *sk;
	const struct ip_addr *addr;
};

static bool overlaps(const void *wish, const struct port_traits *u)
{
	const struct wish *w = wish;

	if (u->nic && w->sk->bound_nic && u->nic != w->sk->bound_nic)
		return false;
	return addresses_overlap(&u->addr, u->v6only, w->addr, w->sk->v6.only);
}

/* Nobody can take connections from an entry in TIME-WAIT: any user may follow it. */
static bool is_in_the_way(const void *wish, const struct port_traits *u)
{
	const struct sock *sk = ((const struct wish *)wish)->sk;

	return !u->closed && overlaps(wish, u) && !(u->reuseaddr && sk->reuseaddr && !u->listens) &&
	       !(u->reuseport && sk->reuseport && (u->lingers || u->uid == sk->uid));
}

/* One that is found to be closed is of another kind from then on. */
static bool port_conflicts(const struct port_table *t, uint16_t number, const struct sock *sk, const struct ip_addr *a)
{
	const struct wish w = { sk, a };
	struct port_use *u;

	do
		u = port_use_find(t, number, a, sk, is_in_the_way, &w);
	while (u && u->sk && !sock_lives(u->sk));
	return u;
}

/* The first ephemeral port from number on that nobody uses, after the last comes the first; 0: there is none. */
static uint16_t port_unused(const struct port_table *t, uint32_t number)
{
	uint32_t n = 0;

	while (n < PORT_RANGE) {
		uint32_t at = PORT_EPHEMERAL_MIN + (number - PORT_EPHEMERAL_MIN + n) % PORT_RANGE;
		uint64_t unused = ~t->used[at / 64] >> at % 64;
		uint32_t steps = unused ? (uint32_t)__builtin_ctzll(unused) : 64 - at % 64;

		if (unused && at + steps <= PORT_EPHEMERAL_MAX)
			return (uint16_t)(at + steps);
		n += at + steps <= PORT_EPHEMERAL_MAX ? steps : PORT_EPHEMERAL_MAX - at + 1;
	}
	return 0;
}

/* An ephemeral port that nobody's use overlaps; 0: there is none. */
static uint16_t port_pick(struct port_table *t, const struct sock *sk, const struct ip_addr *a)
{
	uint32_t start = random_below(&t->env->random, PORT_RANGE);
	uint16_t number = port_unused(t, PORT_EPHEMERAL_MIN + start);
	const struct wish w = { sk, a };

	for (uint32_t i = 0; i < PORT_RANGE && !number; i++) {
		uint16_t at = PORT_EPHEMERAL_MIN + (start + i) % PORT_RANGE;

		if (!port_use_find(t, at, a, sk, overlaps, &w))
			number = at;
	}
	return number;
}

static void port_take(struct port_table *t, struct sock *sk, const struct ip_addr *a, uint16_t number)
{
	sk->local = *a;
	sk->lport = number;
	port_use_add(t, &sk->port_use, number, false);
}

int port_autobind(struct port_table *t, struct sock *sk)
{
	uint16_t number = port_pick(t, sk, &sk->local);

	if (!number)
		return -EADDRINUSE;
	port_take(t, sk, &sk->local, number);
	return 0;
}

int port_bind(struct port_table *t, struct sock *sk, const struct ip_addr *a, uint16_t port)
{
	struct ip_addr before = sk->local, any;
	int err = 0;

	if (port && port_conflicts(t, port, sk, a))
		return -EADDRINUSE;
	sk->local = *a;
	if (port)
		port_take(t, sk, a, port);
	else if (!sk->bind_no_port)
		err = port_autobind(t, sk);
	if (err) {
		sk->local = before;
		return err;
	}
	any = sock_any(sk);		/* IPv4's, mapped, is a choice: of the family */
	sk->bound_addr = !ip_addr_eq(a, &any);
	sk->bound_port = port != 0;
	return 0;
}

int port_listen(const struct sock *sk)
{
	const struct port_use *u = &sk->port_use;

	return u->traits.number && !port_conflicts(u->table, u->traits.number, sk, &sk->local) ? 0 : -EADDRINUSE;
}

/* ---- connections ---- */

struct choice {				/* of a port for a connection */
	uint32_t start;			/* counted from the first ephemeral one */
	bool (*usable)(void *arg, uint16_t port);
	void *arg;
};

/* The nth from the start on. */
static uint16_t choice_port(const struct choice *c, uint32_t nth)
{
	return PORT_EPHEMERAL_MIN + (c->start + nth) % PORT_RANGE;
}

/* The first of the choice from the nth up to the endth; PORT_RANGE: none of them. */
static uint32_t choose_among(const struct port_table *t, const struct choice *c, uint32_t n, uint32_t end)
{
	for (; n < end; n++) {
		uint16_t number = choice_port(c, n);

		if (!port_pinned(t, number) && c->usable(c->arg, number))
			return n;
	}
	return PORT_RANGE;
}

/* The first that nobody uses. It may all the same be that of a connection which is being reset. */
static uint32_t choose_unused(const struct port_table *t, const struct choice *c)
{
	for (uint32_t n = 0; n < PORT_RANGE; n++) {
		uint16_t from = choice_port(c, n), number = port_unused(t, from);

		n += (number + PORT_RANGE - from) % PORT_RANGE;
		if (!number || n >= PORT_RANGE)
			break;
		if (c->usable(c->arg, number))
			return n;
	}
	return PORT_RANGE;
}

/* How many steps from the start is the port that is to be taken? PORT_RANGE: there is none. */
static uint32_t choose(const struct port_table *t, const struct choice *c)
{
	uint32_t n = choose_among(t, c, 0, IN_ORDER);

	if (n == PORT_RANGE)
		n = choose_unused(t, c);
	return n < PORT_RANGE ? n : choose_among(t, c, IN_ORDER, PORT_RANGE);
}

static bool is_full(const struct port_table *t, const struct port_dest *d, uint64_t hash)
{
	return d->full == hash && d->full_releases == t->releases && t->env->now < d->full_until;
}

int port_connect(struct port_table *t, struct sock *sk, const struct ip_addr *remote,
		 uint16_t rport, bool (*usable)(void *arg, uint16_t port), void *arg)
{
	struct {
		struct ip_addr local, remote;
		uint64_t rport;
	} key = { sk->local, *remote, rport };
	uint64_t h = siphash(&t->key, &key, sizeof(key));
	struct port_dest *d = &t->dests[(h >> 32) & (PORT_DESTS - 1)];
	struct choice c = { ((uint64_t)(uint32_t)h + d->counter) % PORT_RANGE, usable, arg };
	uint32_t steps = is_full(t, d, h) ? PORT_RANGE : choose(t, &c);

	if (steps == PORT_RANGE) {
		if (!is_full(t, d, h))
			d->full_until = t->env->now + FULL_NS;
		d->full = h;
		d->full_releases = t->releases;
		return -EADDRNOTAVAIL;
	}
	d->counter += steps + 1;
	sk->lport = choice_port(&c, steps);
	port_use_add(t, &sk->port_use, sk->lport, true);
	return 0;
}

void port_inherit(struct port_table *t, struct sock *child, const struct sock *parent)
{
	child->lport = parent->lport;
	port_use_add(t, &child->port_use, parent->lport, parent->port_use.traits.by_connect);
}

void port_timewait(struct port_use *tw, struct sock *sk)
{
	struct port_use *use = &sk->port_use;
	struct port_table *t = use->table;

	*tw = (struct port_use){ .traits = use->traits };
	if (!use->traits.number)
		return;
	tw->traits.listens = false;
	tw->traits.lingers = true;
	tw->traits.uid = 0;
	port_use_add(t, tw, use->traits.number, use->traits.by_connect);
	port_release(sk);
}
