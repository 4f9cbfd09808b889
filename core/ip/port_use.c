/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port_use.c - who uses which port, and whose a packet is.
 *
 * Theory of operation. Ten thousand sockets may have one port: connections of a listener, sockets of a reuseport
 * group, sockets each with an address or a peer of its own. Neither a bind() nor a packet may walk them. Most are
 * alike: whatever decides between two uses of a port, an address, a device, a user, SO_REUSEADDR, is the same for
 * them (struct port_traits). So uses of one kind are linked to a ring, and its first stands for all of
 * them in a hash table. Rules are asked once a kind. The kinds are found
 *
 *	by number	of a port, whatever the address: for who binds to every address. Of addresses only family
 *			and "any" count here, so that there are a few kinds however many addresses there are
 *	by name		address and port: for who binds to one address, and for packets. Linux's hash2, lhash2
 *	by peer		the four-tuple, of sockets of datagrams that are connected: Linux's hash4
 *
 * A packet is for a socket that is connected to its source; otherwise for one that is bound to its destination; otherwise
 * for one that is bound to none. Among these one that is bound to its device is preferred, then one of its own family.
 * Equals with SO_REUSEPORT stand in a row as well, of which a hash of the four-tuple picks one, so that a flow stays
 * with its socket; of other equals the last bound wins. All as on Linux.
 *
 * What a use is counted as is what it was when it was last looked at: who changes an option or a name of a
 * socket calls port_requalify().
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "ip/port.h"
#include "ip/sock.h"

#define NO_PLACE UINT32_MAX

/* Those of a name that share what comes. Who goes leaves his place to the last one, as on Linux. */
struct port_row {
	uint32_t n, room;
	struct port_use *use[];
};

int port_uses_init(struct port_table *t)
{
	for (int by = 0; by < PORT_RINGS; by++) {
		if (!hash_init(&t->by[by], 64))
			continue;
		port_uses_destroy(t);
		return -ENOMEM;
	}
	return 0;
}

void port_uses_destroy(struct port_table *t)
{
	for (int by = 0; by < PORT_RINGS; by++)
		hash_free(&t->by[by]);
}

/* ---- kinds ---- */

static unsigned int address_class(const struct ip_addr *a)
{
	return 2u * ip_addr_is_v4(a) + ip_addr_is_any(a);
}

/* Names without an address are a few for each port, and nobody chooses them: number and class are their own hash. */
static uint64_t name_hash(const struct port_table *t, const struct ip_addr *a, uint16_t number)
{
	return ip_addr_is_any(a) ? number * 4ull + address_class(a) : ip_addr_hash(&t->key, a, number);
}

static uint64_t peer_hash(const struct port_table *t, const struct port_names *n)
{
	struct {
		struct ip_addr src, dst;
		uint64_t ports;
	} key = { n->src, n->dst, (uint64_t)n->sport << 16 | n->dport };

	return siphash(&t->key, &key, sizeof(key));
}

static struct port_names names_of(const struct port_use *u)
{
	return (struct port_names){ .src = u->sk->remote, .dst = u->traits.addr,
				    .sport = u->sk->rport, .dport = u->traits.number };
}

static uint64_t ring_hash(const struct port_use *u, enum port_by by)
{
	struct port_names n;

	if (by == PORT_BY_NUMBER)
		return u->traits.number;
	if (by == PORT_BY_NAME)
		return name_hash(u->table, &u->traits.addr, u->traits.number);
	n = names_of(u);
	return peer_hash(u->table, &n);
}

static bool same_traits(const struct port_traits *a, const struct port_traits *b)
{
	return a->number == b->number && a->nic == b->nic && a->uid == b->uid && a->reuseaddr == b->reuseaddr &&
	       a->reuseport == b->reuseport && a->v6only == b->v6only && a->v6 == b->v6 &&
	       a->by_connect == b->by_connect && a->listens == b->listens && a->connected == b->connected &&
	       a->closed == b->closed && a->lingers == b->lingers;
}

static bool same_kind(const struct port_use *a, const struct port_use *b, enum port_by by)
{
	if (!same_traits(&a->traits, &b->traits))
		return false;
	if (by == PORT_BY_NUMBER)
		return address_class(&a->traits.addr) == address_class(&b->traits.addr);
	return ip_addr_eq(&a->traits.addr, &b->traits.addr) &&
	       (by == PORT_BY_NAME || (a->sk->rport == b->sk->rport && ip_addr_eq(&a->sk->remote, &b->sk->remote)));
}

static struct port_use *of_node(struct hash_node *n, enum port_by by)
{
	return n ? container_of(n, struct port_use, ring[by].node) : NULL;
}

static struct port_use *first_kind(const struct port_table *t, uint64_t hash, enum port_by by)
{
	return of_node(hash_find(&t->by[by], hash), by);
}

static struct port_use *next_kind(const struct port_use *first, enum port_by by)
{
	return of_node(hash_find_next(&first->ring[by].node), by);
}

/* The one that came after u; after the last comes the first. */
static struct port_use *ring_next(const struct port_use *u, enum port_by by)
{
	return container_of(u->ring[by].same.next, struct port_use, ring[by].same);
}

static struct port_use *ring_last(const struct port_use *first, enum port_by by)
{
	return container_of(first->ring[by].same.prev, struct port_use, ring[by].same);
}

/* The first of u's kind; NULL: u is the only one. u is in no ring. */
static struct port_use *ring_first(const struct port_use *u, enum port_by by, uint64_t hash)
{
	struct port_use *first = first_kind(u->table, hash, by);

	while (first && !same_kind(first, u, by))
		first = next_kind(first, by);
	return first;
}

/* ---- rows ---- */

static bool shares(const struct port_use *u)
{
	return u->sk && u->traits.reuseport && !u->traits.connected && !u->traits.closed &&
	       u->traits.listens == u->table->listening;
}

/* Without memory u gets no share: others serve. */
static void row_add(struct port_use *first, struct port_use *u)
{
	struct port_row *row = first->row;

	u->row_at = NO_PLACE;
	if (!shares(u))
		return;
	if (!row || row->n == row->room) {
		uint32_t room = row ? 2 * row->room : 4;

		row = realloc(row, sizeof(*row) + room * sizeof(row->use[0]));
		if (!row)
			return;
		row->n = first->row ? row->n : 0;
		row->room = room;
		first->row = row;
	}
	u->row_at = row->n;
	row->use[row->n++] = u;
}

static void row_del(struct port_use *first, const struct port_use *u)
{
	struct port_row *row = first->row;
	struct port_use *last = row->use[--row->n];

	row->use[u->row_at] = last;
	last->row_at = u->row_at;
}

/* ---- rings ---- */

static void ring_add(struct port_use *u, enum port_by by)
{
	struct port_ring *r = &u->ring[by];
	uint64_t hash = ring_hash(u, by);
	struct port_use *first = ring_first(u, by, hash);

	list_init(&r->same);
	r->first = !first;
	if (first) {
		list_add_before(&r->same, &first->ring[by].same);
	} else {
		first = u;
		hash_add(&u->table->by[by], &r->node, hash);
	}
	if (by == PORT_BY_NAME)
		row_add(first, u);
}

/* u, which goes, was the first of its ring: the next one, if there is any, takes over. */
static void ring_pass_on(struct port_use *u, enum port_by by)
{
	struct port_ring *r = &u->ring[by];
	struct port_use *next = ring_next(u, by);

	hash_del(&u->table->by[by], &r->node);
	if (next != u) {
		next->ring[by].first = true;
		hash_add(&u->table->by[by], &next->ring[by].node, r->node.hash);
	}
	if (by != PORT_BY_NAME)
		return;
	if (next != u)
		next->row = u->row;
	else
		free(u->row);
	u->row = NULL;
}

static void ring_del(struct port_use *u, enum port_by by)
{
	struct port_ring *r = &u->ring[by];

	if (by == PORT_BY_NAME && u->row_at != NO_PLACE)
		row_del(r->first ? u : ring_first(u, by, ring_hash(u, by)), u);
	if (r->first)
		ring_pass_on(u, by);
	list_del(&r->same);
}

/* ---- uses ---- */

static struct port_traits traits_of(const struct port_use *u)
{
	const struct sock *sk = u->sk;

	return (struct port_traits) {
		.addr = sk->local, .nic = sk->bound_nic, .uid = sk->reuseport ? sk->uid : 0, .number = u->traits.number,
		.reuseaddr = sk->reuseaddr, .reuseport = sk->reuseport, .v6only = sk->v6.only,
		.v6 = sk->family == AF_INET6, .by_connect = u->traits.by_connect, .listens = u->traits.listens,
		.connected = !u->table->listening && !u->table->one_family && !ip_addr_is_any(&sk->remote), .closed = sk->closed,
	};
}

static void use_link(struct port_use *u)
{
	u->row = NULL;
	ring_add(u, PORT_BY_NUMBER);
	ring_add(u, PORT_BY_NAME);
	if (u->traits.connected)
		ring_add(u, PORT_BY_PEER);
}

static void use_unlink(struct port_use *u)
{
	ring_del(u, PORT_BY_NUMBER);
	ring_del(u, PORT_BY_NAME);
	if (u->traits.connected)
		ring_del(u, PORT_BY_PEER);
}

void port_use_add(struct port_table *t, struct port_use *u, uint16_t number, bool by_connect)
{
	u->table = t;
	u->seq = t->seq++;
	u->traits.number = number;
	u->traits.by_connect = by_connect;
	if (u->sk) {
		u->traits.listens = false;
		u->traits = traits_of(u);
	}
	t->used[number / 64] |= 1ull << number % 64;
	use_link(u);
}

void port_use_del(struct port_use *u)
{
	struct port_table *t = u->table;
	uint16_t number = u->traits.number;

	use_unlink(u);
	u->traits.number = 0;
	u->table = NULL;
	t->releases++;
	if (!hash_find(&t->by[PORT_BY_NUMBER], number))
		t->used[number / 64] &= ~(1ull << number % 64);
}

/* The peer of one that is connected may be another than before: that is not among the traits. */
static void requalify(struct port_use *u, bool listens)
{
	struct port_traits now;

	if (!u->traits.number)
		return;
	now = traits_of(u);
	now.listens = listens;
	if (!now.connected && ip_addr_eq(&now.addr, &u->traits.addr) && same_traits(&now, &u->traits))
		return;
	use_unlink(u);
	u->traits = now;
	u->seq = u->table->seq++;
	use_link(u);
	u->table->releases++;
}

void port_requalify(struct sock *sk)
{
	requalify(&sk->port_use, sk->port_use.traits.listens);
}

void port_set_listens(struct sock *sk, bool listens)
{
	requalify(&sk->port_use, listens);
}

/* ---- who is in the way ---- */

/* The kinds with this hash. Of a ring with sk in it, another one. */
static struct port_use *find_among(const struct port_table *t, enum port_by by, uint64_t hash, uint16_t number,
				   const struct sock *sk, bool (*asks)(const void *arg, const struct port_traits *u),
				   const void *arg)
{
	struct port_use *first = first_kind(t, hash, by);

	for (; first; first = next_kind(first, by)) {
		struct port_use *u = first->sk && first->sk == sk ? ring_next(first, by) : first;

		if (first->traits.number == number && (!u->sk || u->sk != sk) && asks(arg, &u->traits))
			return u;
	}
	return NULL;
}

struct port_use *port_use_find(const struct port_table *t, uint16_t number, const struct ip_addr *a,
			       const struct sock *sk, bool (*asks)(const void *arg, const struct port_traits *u),
			       const void *arg)
{
	const struct ip_addr names[] = { *a, ip_addr_v4(0), ip_addr_any(AF_INET6) };
	struct port_use *u = NULL;

	if (!port_used(t, number))
		return NULL;
	if (ip_addr_is_any(a))
		return find_among(t, PORT_BY_NUMBER, number, number, sk, asks, arg);
	for (int i = 0; i < 3 && !u; i++)
		u = find_among(t, PORT_BY_NAME, name_hash(t, &names[i], number), number, sk, asks, arg);
	return u;
}

bool port_pinned(const struct port_table *t, uint16_t number)
{
	struct port_use *first = port_used(t, number) ? first_kind(t, number, PORT_BY_NUMBER) : NULL;

	while (first && first->traits.by_connect)
		first = next_kind(first, PORT_BY_NUMBER);
	return first;
}

/* ---- who gets what comes ---- */

/* -1: none of this kind. */
static int score(const struct port_use *u, const struct port_names *n)
{
	const struct port_traits *k = &u->traits;
	bool v4 = ip_addr_is_v4(&n->dst);

	if (k->lingers || k->closed || k->listens != u->table->listening || k->number != n->dport)
		return -1;
	if (k->nic && n->nic && k->nic != n->nic)
		return -1;
	if (k->v6 && v4 && (u->table->one_family || (ip_addr_is_any(&k->addr) && !ip_addr_is_v4(&k->addr) && k->v6only)))
		return -1;
	return (k->nic && n->nic ? 2 : 0) + (k->v6 != v4);
}

struct best {
	int score;
	struct port_use *last;		/* the one that was bound last */
	uint32_t share;			/* how many share the load */
};

static bool is_of_name(const struct port_use *first, const struct ip_addr *a)
{
	return !first->traits.connected && ip_addr_eq(&first->traits.addr, a);
}

static void best_of_name(const struct port_table *t, const struct port_names *n, const struct ip_addr *a, struct best *b)
{
	struct port_use *first = first_kind(t, name_hash(t, a, n->dport), PORT_BY_NAME);

	for (; first; first = next_kind(first, PORT_BY_NAME)) {
		struct port_use *last = ring_last(first, PORT_BY_NAME);
		int s = is_of_name(first, a) ? score(first, n) : -1;

		if (s < 0 || s < b->score)
			continue;
		if (s > b->score)
			*b = (struct best){ .score = s };
		if (!b->last || last->seq > b->last->seq)
			b->last = last;
		b->share += first->row ? first->row->n : 0;
	}
}

/* The which-th of those that share the load; NULL: not so many are of this name. */
static struct port_use *one_of_name(const struct port_table *t, const struct port_names *n, const struct ip_addr *a,
				    int best, uint32_t *which)
{
	struct port_use *first = first_kind(t, name_hash(t, a, n->dport), PORT_BY_NAME);

	for (; first; first = next_kind(first, PORT_BY_NAME)) {
		if (!first->row || !is_of_name(first, a) || score(first, n) != best)
			continue;
		if (*which < first->row->n)
			return first->row->use[*which];
		*which -= first->row->n;
	}
	return NULL;
}

static bool is_of_peer(const struct port_use *first, const struct port_names *n)
{
	return first->sk->rport == n->sport && ip_addr_eq(&first->traits.addr, &n->dst) &&
	       ip_addr_eq(&first->sk->remote, &n->src);
}

static struct sock *best_peer(const struct port_table *t, const struct port_names *n)
{
	struct port_use *first = first_kind(t, peer_hash(t, n), PORT_BY_PEER), *best = NULL;
	int best_score = -1;

	for (; first; first = next_kind(first, PORT_BY_PEER)) {
		struct port_use *last = ring_last(first, PORT_BY_PEER);
		int s = is_of_peer(first, n) ? score(first, n) : -1;

		if (s < 0 || s < best_score)
			continue;
		if (s > best_score || last->seq > best->seq)
			best = last;
		best_score = s;
	}
	return best ? best->sk : NULL;
}

/* IPv6's sockets without an address take what comes by IPv4, too. */
static const struct ip_addr *wildcards(const struct port_names *n, int *count)
{
	static const struct ip_addr any[] = { { .b = { [10] = 0xff, [11] = 0xff } }, { .b = { 0 } } };

	*count = ip_addr_is_v4(&n->dst) ? 2 : 1;
	return *count == 2 ? any : any + 1;
}

struct sock *port_receiver(const struct port_table *t, const struct port_names *n)
{
	struct best b = { .score = -1 };
	const struct ip_addr *any;
	struct port_use *u = NULL;
	struct sock *sk = NULL;
	uint32_t which;
	bool by_name;
	int nany;

	if (!port_used(t, n->dport))
		return NULL;
	if (t->by[PORT_BY_PEER].count)
		sk = best_peer(t, n);
	if (sk)
		return sk;
	best_of_name(t, n, &n->dst, &b);
	by_name = b.last;
	any = wildcards(n, &nany);
	for (int i = 0; i < nany && !by_name; i++)
		best_of_name(t, n, &any[i], &b);
	if (!b.last || b.share < 2 || !b.last->traits.reuseport)
		return b.last ? b.last->sk : NULL;
	which = (uint32_t)((peer_hash(t, n) >> 32) * b.share >> 32);
	if (by_name)
		u = one_of_name(t, n, &n->dst, b.score, &which);
	for (int i = 0; i < nany && !by_name && !u; i++)
		u = one_of_name(t, n, &any[i], b.score, &which);
	return u ? u->sk : b.last->sk;
}

static void each_of_ring(struct port_use *first, enum port_by by, void (*fn)(void *arg, struct sock *sk), void *arg)
{
	struct port_use *u = first;

	do {
		fn(arg, u->sk);
		u = ring_next(u, by);
	} while (u != first);
}

static void each_of_name(const struct port_table *t, const struct port_names *n, const struct ip_addr *a,
			 void (*fn)(void *arg, struct sock *sk), void *arg)
{
	struct port_use *first = first_kind(t, name_hash(t, a, n->dport), PORT_BY_NAME);

	for (; first; first = next_kind(first, PORT_BY_NAME))
		if (is_of_name(first, a) && score(first, n) >= 0)
			each_of_ring(first, PORT_BY_NAME, fn, arg);
}

static void each_of_peer(const struct port_table *t, const struct port_names *n,
			 void (*fn)(void *arg, struct sock *sk), void *arg)
{
	struct port_use *first = first_kind(t, peer_hash(t, n), PORT_BY_PEER);

	for (; first; first = next_kind(first, PORT_BY_PEER))
		if (is_of_peer(first, n) && score(first, n) >= 0)
			each_of_ring(first, PORT_BY_PEER, fn, arg);
}

void port_receivers(const struct port_table *t, const struct port_names *n,
		    void (*fn)(void *arg, struct sock *sk), void *arg)
{
	const struct ip_addr *any;
	int nany;

	if (!port_used(t, n->dport))
		return;
	each_of_peer(t, n, fn, arg);
	each_of_name(t, n, &n->dst, fn, arg);
	any = wildcards(n, &nany);
	for (int i = 0; i < nany; i++)
		each_of_name(t, n, &any[i], fn, arg);
}
