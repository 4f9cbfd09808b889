/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.c - port spaces.
 *
 * Theory of operation. A table holds the ports that are in use, a port the list of its uses. Two
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
 */
#include <errno.h>
#include <stdlib.h>

#include "base/random.h"
#include "ip/port.h"
#include "ip/sock.h"

#define PORT_RANGE (PORT_EPHEMERAL_MAX - PORT_EPHEMERAL_MIN + 1)

int port_table_init(struct port_table *t, struct env *env)
{
	t->env = env;
	random_bytes(&env->random, &t->key, sizeof(t->key));
	random_bytes(&env->random, t->counters, sizeof(t->counters));
	return hash_init(&t->ports, 64);
}

void port_table_destroy(struct port_table *t)
{
	hash_free(&t->ports);
}

/* Every key is one of 65536 numbers and is its own hash: nobody can make two of them meet. */
struct port *port_find(const struct port_table *t, uint16_t number)
{
	struct hash_node *n = hash_find(&t->ports, number);

	return n ? container_of(n, struct port, node) : NULL;
}

static struct port *port_get(struct port_table *t, uint16_t number)
{
	struct port *p = port_find(t, number);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->table = t;
	p->number = number;
	list_init(&p->uses);
	hash_add(&t->ports, &p->node, number);
	return p;
}

static void use_add(struct port *p, struct port_use *use, bool by_connect)
{
	use->port = p;
	use->by_connect = by_connect;
	if (!by_connect)
		p->pinned++;
	list_add_tail(&use->node, &p->uses);
}

void port_use_release(struct port_use *use)
{
	struct port *p = use->port;

	if (!p)
		return;
	list_del(&use->node);
	use->port = NULL;
	if (!use->by_connect)
		p->pinned--;
	if (list_empty(&p->uses)) {
		hash_del(&p->table->ports, &p->node);
		free(p);
	}
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

static bool use_overlaps(const struct port_use *u, const struct sock *sk, const struct ip_addr *a)
{
	const struct nic *nic = u->sk ? u->sk->bound_nic : u->nic;

	if (nic && sk->bound_nic && nic != sk->bound_nic)
		return false;
	return addresses_overlap(u->sk ? &u->sk->local : &u->addr, u->sk && u->sk->v6.only, a,
				 sk->v6.only);
}

static bool use_tolerates(const struct port_use *u, const struct sock *sk,
			  bool (*listening)(const struct sock *))
{
	bool reuseaddr = u->sk ? u->sk->reuseaddr : u->reuseaddr;
	bool reuseport = u->sk ? u->sk->reuseport : u->reuseport;
	bool listens = u->sk && listening && listening(u->sk);
	/* nobody can take connections from an entry in TIME-WAIT: any user may follow it */
	bool same_user = !u->sk || u->sk->uid == sk->uid;

	return (reuseaddr && sk->reuseaddr && !listens) ||
	       (reuseport && sk->reuseport && same_user);
}

/* exclusive: any overlap is a conflict. Otherwise one that is closed already is none. */
static bool port_conflicts(const struct port *p, const struct sock *sk, const struct ip_addr *a,
			   bool exclusive, bool (*listening)(const struct sock *))
{
	list_for_each(n, &p->uses) {
		const struct port_use *u = list_entry(n, struct port_use, node);

		if (u->sk == sk || !use_overlaps(u, sk, a))
			continue;
		if (exclusive)
			return true;
		if (!use_tolerates(u, sk, listening) && (!u->sk || sock_lives(u->sk)))
			return true;
	}
	return false;
}

/* An ephemeral port that nobody's use overlaps; 0: there is none. */
static uint16_t port_pick(struct port_table *t, const struct sock *sk, const struct ip_addr *a)
{
	uint32_t start = random_below(&t->env->random, PORT_RANGE);

	for (uint32_t i = 0; i < PORT_RANGE; i++) {
		uint16_t number = PORT_EPHEMERAL_MIN + (start + i) % PORT_RANGE;
		const struct port *p = port_find(t, number);

		if (!p || !port_conflicts(p, sk, a, true, NULL))
			return number;
	}
	return 0;
}

static int port_take(struct port_table *t, struct sock *sk, const struct ip_addr *a,
		     uint16_t number)
{
	struct port *p = port_get(t, number);

	if (!p)
		return -ENOMEM;
	sk->local = *a;
	sk->lport = number;
	use_add(p, &sk->port_use, false);
	return 0;
}

int port_autobind(struct port_table *t, struct sock *sk)
{
	uint16_t number = port_pick(t, sk, &sk->local);

	return number ? port_take(t, sk, &sk->local, number) : -EADDRINUSE;
}

int port_bind(struct port_table *t, struct sock *sk, const struct ip_addr *a, uint16_t port,
	      bool (*listening)(const struct sock *))
{
	const struct port *p = port ? port_find(t, port) : NULL;
	struct ip_addr before = sk->local, any;
	int err = 0;

	if (p && port_conflicts(p, sk, a, false, listening))
		return -EADDRINUSE;
	sk->local = *a;
	if (port)
		err = port_take(t, sk, a, port);
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

int port_listen(const struct sock *sk, bool (*listening)(const struct sock *))
{
	const struct port *p = sk->port_use.port;

	if (!p || port_conflicts(p, sk, &sk->local, false, listening))
		return -EADDRINUSE;
	return 0;
}

int port_connect(struct port_table *t, struct sock *sk, const struct ip_addr *remote,
		 uint16_t rport, bool (*usable)(void *arg, uint16_t port), void *arg)
{
	struct {
		struct ip_addr local, remote;
		uint64_t rport;
	} key = { sk->local, *remote, rport };
	uint64_t h = siphash(&t->key, &key, sizeof(key));
	uint32_t *counter = &t->counters[(h >> 32) & (PORT_COUNTERS - 1)];
	uint64_t start = (uint64_t)(uint32_t)h + *counter;

	for (uint32_t i = 0; i < PORT_RANGE; i++) {
		uint16_t number = PORT_EPHEMERAL_MIN + (start + i) % PORT_RANGE;
		struct port *p = port_find(t, number);

		if ((p && p->pinned) || !usable(arg, number))
			continue;
		p = port_get(t, number);
		if (!p)
			return -ENOMEM;
		*counter += i + 1;
		sk->lport = number;
		use_add(p, &sk->port_use, true);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

int port_inherit(struct port_table *t, struct sock *child, const struct sock *parent)
{
	struct port *p = parent->port_use.port ? parent->port_use.port
					       : port_get(t, parent->lport);

	if (!p)
		return -ENOMEM;
	child->lport = p->number;
	use_add(p, &child->port_use, parent->port_use.by_connect);
	return 0;
}

void port_timewait(struct port_use *tw, struct sock *sk)
{
	struct port_use *use = &sk->port_use;

	tw->port = NULL;
	list_init(&tw->node);
	if (!use->port)
		return;
	tw->sk = NULL;
	tw->reuseaddr = sk->reuseaddr;
	tw->reuseport = sk->reuseport;
	tw->addr = sk->local;
	tw->nic = sk->bound_nic;
	use_add(use->port, tw, use->by_connect);
	port_release(sk);
}
