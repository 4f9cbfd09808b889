/* SPDX-License-Identifier: Apache-2.0 */
/* test_port.c - port spaces: Linux's conflict rules, ephemeral ports, sharing, TIME-WAIT. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ip/port.h"
#include "ip/sock.h"
#include "tests/suite.h"

static struct env env;
static struct random_seeded seed;
static struct port_table table;
static struct nic nic_a, nic_b;

static void setup(void)
{
	struct random r = { random_from_seed, &seed };
	struct log log = { 0 };

	random_seed(&seed, 7);
	env_init(&env, 0, &r, &log);
	ck_assert_int_eq(port_table_init(&table, &env), 0);
}

static void teardown(void)
{
	ck_assert_uint_eq(table.by[PORT_BY_NUMBER].count, 0);
	port_table_destroy(&table);
}

static struct ip_addr addr(const char *text)
{
	return ip_addr_v4(inet_addr(text));
}

static void sock_make(struct sock *sk)
{
	*sk = (struct sock) { .local = ip_addr_v4(0), .remote = ip_addr_v4(0) };
	sk->port_use.sk = sk;
}

static int bind_to(struct sock *sk, const char *a, uint16_t port)
{
	struct ip_addr ia = addr(a);

	return port_bind(&table, sk, &ia, port);
}

static const struct conflict {
	struct { const char *addr; bool reuseaddr, reuseport, listens; struct nic *nic; } a, b;
	int err;
} conflicts[] = {
	{ { .addr = "0.0.0.0" }, { .addr = "0.0.0.0" }, -EADDRINUSE },
	{ { .addr = "0.0.0.0" }, { .addr = "10.0.0.1" }, -EADDRINUSE },
	{ { .addr = "10.0.0.1" }, { .addr = "0.0.0.0" }, -EADDRINUSE },
	{ { .addr = "10.0.0.1" }, { .addr = "10.0.0.1" }, -EADDRINUSE },
	{ { .addr = "10.0.0.1" }, { .addr = "10.0.0.2" }, 0 },
	{ { .addr = "0.0.0.0", .reuseaddr = true }, { .addr = "0.0.0.0" }, -EADDRINUSE },
	{ { .addr = "0.0.0.0" }, { .addr = "0.0.0.0", .reuseaddr = true }, -EADDRINUSE },
	{ { .addr = "0.0.0.0", .reuseaddr = true }, { .addr = "0.0.0.0", .reuseaddr = true }, 0 },
	{ { .addr = "0.0.0.0", .reuseaddr = true, .listens = true }, { .addr = "0.0.0.0", .reuseaddr = true },
	  -EADDRINUSE },
	{ { .addr = "10.0.0.1", .reuseaddr = true, .listens = true }, { .addr = "10.0.0.2" }, 0 },
	{ { .addr = "0.0.0.0", .reuseaddr = true, .listens = true }, { .addr = "10.0.0.2", .reuseaddr = true },
	  -EADDRINUSE },
	{ { .addr = "0.0.0.0", .reuseport = true }, { .addr = "0.0.0.0" }, -EADDRINUSE },
	{ { .addr = "0.0.0.0", .reuseport = true }, { .addr = "0.0.0.0", .reuseport = true }, 0 },
	{ { .addr = "0.0.0.0", .reuseport = true, .listens = true }, { .addr = "0.0.0.0", .reuseport = true }, 0 },
	{ { .addr = "0.0.0.0", .reuseaddr = true }, { .addr = "0.0.0.0", .reuseport = true }, -EADDRINUSE },
	{ { .addr = "0.0.0.0", .nic = &nic_a }, { .addr = "0.0.0.0", .nic = &nic_b }, 0 },
	{ { .addr = "0.0.0.0", .nic = &nic_a }, { .addr = "0.0.0.0", .nic = &nic_a }, -EADDRINUSE },
	{ { .addr = "0.0.0.0", .nic = &nic_a }, { .addr = "0.0.0.0" }, -EADDRINUSE },
};

START_TEST(conflict_rules)
{
	const struct conflict *c = &conflicts[_i];
	struct sock a, b;

	sock_make(&a);
	sock_make(&b);
	a.reuseaddr = c->a.reuseaddr;
	a.reuseport = c->a.reuseport;
	a.bound_nic = c->a.nic;
	b.reuseaddr = c->b.reuseaddr;
	b.reuseport = c->b.reuseport;
	b.bound_nic = c->b.nic;
	ck_assert_int_eq(bind_to(&a, c->a.addr, 80), 0);
	port_set_listens(&a, c->a.listens);
	ck_assert_int_eq(bind_to(&b, c->b.addr, 80), c->err);
	ck_assert_uint_eq(b.lport, c->err ? 0 : 80);
	ck_assert(c->err == 0 || ip_addr_is_any(&b.local));
	port_release(&a);
	port_release(&b);
}
END_TEST

static bool says(void *lives)
{
	return *(bool *)lives;
}

static void woken(void *arg)
{
	(void)arg;
}

/* Its owner is asked, and once it has said so, never again. */
START_TEST(a_closed_one_is_in_nobodys_way)
{
	static const struct sock_owner owner = { .lives = says };
	bool lives = true;
	struct sock a, b, c;

	sock_make(&a);
	sock_make(&b);
	sock_make(&c);
	a.event = woken;
	a.owner = &owner;
	a.event_arg = &lives;
	ck_assert_int_eq(bind_to(&a, "10.0.0.1", 80), 0);
	ck_assert_int_eq(bind_to(&b, "10.0.0.1", 80), -EADDRINUSE);
	lives = false;
	ck_assert_int_eq(bind_to(&b, "10.0.0.1", 80), 0);
	lives = true;
	ck_assert(!sock_lives(&a));
	ck_assert_int_eq(bind_to(&c, "10.0.0.1", 80), -EADDRINUSE);	/* for b lives */
	port_release(&a);
	port_release(&b);
}
END_TEST

START_TEST(second_listener_is_refused)
{
	struct sock a, b;

	sock_make(&a);
	sock_make(&b);
	a.reuseaddr = b.reuseaddr = true;
	ck_assert_int_eq(bind_to(&a, "0.0.0.0", 80), 0);
	ck_assert_int_eq(bind_to(&b, "0.0.0.0", 80), 0);
	ck_assert_int_eq(port_listen(&a), 0);
	port_set_listens(&a, true);
	ck_assert_int_eq(port_listen(&b), -EADDRINUSE);
	port_release(&a);
	ck_assert_int_eq(port_listen(&b), 0);
	port_release(&b);
}
END_TEST

START_TEST(ephemeral_ports_are_distinct_until_none_is_left)
{
	uint32_t range = PORT_EPHEMERAL_MAX - PORT_EPHEMERAL_MIN + 1;
	struct sock *socks = calloc(range + 1, sizeof(*socks));
	uint8_t *seen = calloc(65536, 1);

	for (uint32_t i = 0; i < range; i++) {
		sock_make(&socks[i]);
		socks[i].reuseaddr = true;	/* must not hand out a port twice */
		ck_assert_int_eq(bind_to(&socks[i], "0.0.0.0", 0), 0);
		ck_assert_uint_ge(socks[i].lport, PORT_EPHEMERAL_MIN);
		ck_assert_uint_le(socks[i].lport, PORT_EPHEMERAL_MAX);
		ck_assert(!seen[socks[i].lport]++);
		ck_assert(!socks[i].bound_port);
	}
	sock_make(&socks[range]);
	ck_assert_int_eq(bind_to(&socks[range], "0.0.0.0", 0), -EADDRINUSE);
	for (uint32_t i = 0; i < range; i++)
		port_release(&socks[i]);
	free(socks);
	free(seen);
}
END_TEST

START_TEST(bind_address_no_port_waits_for_connect)
{
	struct sock sk;

	sock_make(&sk);
	sk.bind_no_port = true;
	ck_assert_int_eq(bind_to(&sk, "10.0.0.1", 0), 0);
	ck_assert_uint_eq(sk.lport, 0);
	ck_assert(sk.bound_addr);
	ck_assert_int_eq(port_autobind(&table, &sk), 0);
	ck_assert_uint_ne(sk.lport, 0);
	port_release(&sk);
}
END_TEST

/* ---- connections ---- */

#define LIVES 20000	/* connections for which a four-tuple stays in TIME-WAIT */

struct server {
	uint8_t busy[65536];
};

static bool usable(void *arg, uint16_t port)
{
	struct server *s = arg;

	return !s->busy[port];
}

static int connect_to(struct sock *sk, struct server *s, const char *remote)
{
	struct ip_addr to = addr(remote);
	int err = port_connect(&table, sk, &to, 80, usable, s);

	if (!err)
		s->busy[sk->lport] = 1;
	return err;
}

START_TEST(a_hundred_thousand_short_connections)
{
	struct port_use *waiting = calloc(LIVES, sizeof(*waiting));
	uint16_t *ports = calloc(LIVES, sizeof(*ports));
	struct server *s = calloc(1, sizeof(*s));

	for (int i = 0; i < 100000; i++) {
		struct sock sk;
		int slot = i % LIVES;

		if (i >= LIVES) {
			port_use_release(&waiting[slot]);
			s->busy[ports[slot]] = 0;
		}
		sock_make(&sk);
		sk.local = addr("10.0.0.1");
		ck_assert_int_eq(connect_to(&sk, s, "10.0.0.2"), 0);
		ports[slot] = sk.lport;
		port_timewait(&waiting[slot], &sk);
		ck_assert_uint_eq(sk.lport, 0);
	}
	for (int i = 0; i < LIVES; i++)
		port_use_release(&waiting[i]);
	free(waiting);
	free(ports);
	free(s);
}
END_TEST

START_TEST(connections_to_one_peer_go_up_by_one)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sock sk[3];

	for (int i = 0; i < 3; i++) {
		sock_make(&sk[i]);
		sk[i].local = addr("10.0.0.1");
		ck_assert_int_eq(connect_to(&sk[i], s, "10.0.0.2"), 0);
	}
	for (int i = 1; i < 3; i++)
		ck_assert(sk[i].lport == sk[i - 1].lport + 1 ||
			  sk[i].lport == PORT_EPHEMERAL_MIN);
	for (int i = 0; i < 3; i++)
		port_release(&sk[i]);
	free(s);
}
END_TEST

START_TEST(peers_share_ports_and_start_apart)
{
	struct server *s = calloc(2, sizeof(*s));
	uint32_t range = PORT_EPHEMERAL_MAX - PORT_EPHEMERAL_MIN + 1;
	struct sock a, b, *all = calloc(range, sizeof(*all));

	sock_make(&a);
	sock_make(&b);
	ck_assert_int_eq(connect_to(&a, &s[0], "10.0.0.2"), 0);
	ck_assert_int_eq(connect_to(&b, &s[1], "10.0.0.3"), 0);
	ck_assert_uint_ne(a.lport, b.lport);	/* by this seed */
	/* Every port towards one peer, though one of them is in use towards the other. */
	for (uint32_t i = 0; i < range - 1; i++) {
		sock_make(&all[i]);
		ck_assert_int_eq(connect_to(&all[i], &s[0], "10.0.0.2"), 0);
	}
	sock_make(&all[range - 1]);
	ck_assert_int_eq(connect_to(&all[range - 1], &s[0], "10.0.0.2"), -EADDRNOTAVAIL);
	for (uint32_t i = 0; i < range - 1; i++)
		port_release(&all[i]);
	port_release(&a);
	port_release(&b);
	free(all);
	free(s);
}
END_TEST

START_TEST(a_bound_port_is_never_shared)
{
	uint32_t range = PORT_EPHEMERAL_MAX - PORT_EPHEMERAL_MIN + 1;
	struct server *s = calloc(1, sizeof(*s));
	struct sock bound, *all = calloc(range, sizeof(*all));

	sock_make(&bound);
	ck_assert_int_eq(bind_to(&bound, "0.0.0.0", 40000), 0);
	for (uint32_t i = 0; i < range - 1; i++) {
		sock_make(&all[i]);
		ck_assert_int_eq(connect_to(&all[i], s, "10.0.0.2"), 0);
		ck_assert_uint_ne(all[i].lport, 40000);
	}
	for (uint32_t i = 0; i < range - 1; i++)
		port_release(&all[i]);
	port_release(&bound);
	free(all);
	free(s);
}
END_TEST

START_TEST(time_wait_holds_the_port)
{
	struct sock listener, child, plain, reuse;
	struct port_use tw;

	sock_make(&listener);
	sock_make(&child);
	sock_make(&plain);
	sock_make(&reuse);
	listener.reuseaddr = child.reuseaddr = reuse.reuseaddr = true;
	ck_assert_int_eq(bind_to(&listener, "0.0.0.0", 80), 0);
	child.local = addr("10.0.0.1");
	port_inherit(&table, &child, &listener);
	ck_assert_uint_eq(child.lport, 80);
	port_release(&listener);
	port_timewait(&tw, &child);
	ck_assert_int_eq(bind_to(&plain, "0.0.0.0", 80), -EADDRINUSE);
	ck_assert_int_eq(bind_to(&plain, "10.0.0.2", 80), 0);
	ck_assert_int_eq(bind_to(&reuse, "10.0.0.1", 80), 0);
	port_use_release(&tw);
	port_use_release(&tw);
	port_release(&plain);
	port_release(&reuse);
}
END_TEST

/* A port that is not found at once is not searched for again and again; one that is released is found at once. */
START_TEST(none_is_left_for_a_peer)
{
	uint32_t range = PORT_EPHEMERAL_MAX - PORT_EPHEMERAL_MIN + 1;
	struct sock *all = calloc(range + 1, sizeof(*all));
	struct server *to = calloc(1, sizeof(*to));

	for (uint32_t i = 0; i <= range; i++) {
		sock_make(&all[i]);
		ck_assert_int_eq(connect_to(&all[i], to, "10.0.0.2"), i < range ? 0 : -EADDRNOTAVAIL);
	}
	memset(to->busy, 0, sizeof(to->busy));	/* nobody tells */
	ck_assert_int_eq(connect_to(&all[range], to, "10.0.0.2"), -EADDRNOTAVAIL);
	ck_assert_int_eq(connect_to(&all[range], to, "10.0.0.3"), 0);
	port_release(&all[range]);
	env.now += 100000000;
	ck_assert_int_eq(connect_to(&all[range], to, "10.0.0.2"), 0);
	port_release(&all[range]);
	for (uint32_t i = 0; i < range; i++)
		to->busy[all[i].lport] = 1;
	ck_assert_int_eq(connect_to(&all[range], to, "10.0.0.2"), -EADDRNOTAVAIL);
	to->busy[all[7].lport] = 0;
	port_release(&all[7]);
	ck_assert_int_eq(connect_to(&all[range], to, "10.0.0.2"), 0);
	for (uint32_t i = 0; i <= range; i++)
		port_release(&all[i]);
	free(all);
	free(to);
}
END_TEST

/* ---- many uses of one port ---- */

#define MANY 10000

static bool counts(const void *times, const struct port_traits *u)
{
	(void)u;
	++**(unsigned int *const *)times;
	return false;
}

/* How often is asked when somebody binds to this address? */
static unsigned int asked(const char *a, uint16_t port)
{
	struct ip_addr ia = addr(a);
	unsigned int n = 0, *times = &n;

	ck_assert_ptr_null(port_use_find(&table, port, &ia, NULL, counts, &times));
	return n;
}

START_TEST(a_bind_asks_each_kind_once)
{
	struct sock *all = calloc(MANY, sizeof(*all)), same[3];

	for (uint32_t i = 0; i < MANY; i++) {
		struct ip_addr a = ip_addr_v4(htonl(0x0a000000 + i));

		sock_make(&all[i]);
		all[i].reuseaddr = true;
		ck_assert_int_eq(port_bind(&table, &all[i], &a, 80), 0);
	}
	for (int i = 0; i < 3; i++) {
		sock_make(&same[i]);
		same[i].reuseaddr = true;
		ck_assert_int_eq(bind_to(&same[i], "10.0.0.7", 80), 0);
	}
	ck_assert_uint_eq(asked("0.0.0.0", 80), 1);
	ck_assert_uint_eq(asked("10.0.0.7", 80), 1);
	ck_assert_uint_eq(asked("10.0.0.7", 81), 0);
	all[MANY / 2].reuseaddr = false;	/* now it is another kind, and in the way */
	port_requalify(&all[MANY / 2]);
	ck_assert_uint_eq(asked("0.0.0.0", 80), 2);
	port_release(&same[0]);
	ck_assert_int_eq(bind_to(&same[0], "0.0.0.0", 80), -EADDRINUSE);
	port_release(&all[MANY / 2]);
	ck_assert_int_eq(bind_to(&same[0], "0.0.0.0", 80), 0);
	for (int i = 0; i < 3; i++)
		port_release(&same[i]);
	for (uint32_t i = 0; i < MANY; i++)
		port_release(&all[i]);
	free(all);
}
END_TEST

/* ---- whose is it ---- */

static struct sock *receiver(const char *src, uint16_t sport, const char *dst, const struct nic *nic)
{
	struct port_names n = { .src = addr(src), .dst = addr(dst), .sport = sport, .dport = 53, .nic = nic };

	return port_receiver(&table, &n);
}

static void bound_as(struct sock *sk, int family, const char *a, struct nic *nic)
{
	sock_make(sk);
	sk->family = family;
	sk->reuseaddr = true;
	sk->bound_nic = nic;
	if (family == AF_INET6 && !a) {
		struct ip_addr any = ip_addr_any(AF_INET6);

		ck_assert_int_eq(port_bind(&table, sk, &any, 53), 0);
	} else {
		ck_assert_int_eq(bind_to(sk, a, 53), 0);
	}
}

static void set_peer(struct sock *sk, const char *a, uint16_t port)
{
	sk->remote = a ? addr(a) : ip_addr_v4(0);
	sk->rport = port;
	port_requalify(sk);
}

/* Linux's order: the peer, the address, then the device, then the family; of equals the last. */
START_TEST(the_closest_receives)
{
	struct sock any6, any, again, nic, local, peer;

	ck_assert_ptr_null(receiver("10.0.0.9", 7, "10.0.0.1", &nic_a));
	bound_as(&any6, AF_INET6, NULL, NULL);
	ck_assert_ptr_eq(receiver("10.0.0.9", 7, "10.0.0.1", &nic_a), &any6);
	any6.v6.only = true;
	port_requalify(&any6);
	ck_assert_ptr_null(receiver("10.0.0.9", 7, "10.0.0.1", &nic_a));
	any6.v6.only = false;
	bound_as(&any, AF_INET, "0.0.0.0", NULL);
	port_requalify(&any6);			/* the last, but of the other family */
	ck_assert_ptr_eq(receiver("10.0.0.9", 7, "10.0.0.1", &nic_a), &any);
	bound_as(&again, AF_INET, "0.0.0.0", NULL);
	ck_assert_ptr_eq(receiver("10.0.0.9", 7, "10.0.0.1", &nic_a), &again);
	bound_as(&nic, AF_INET, "0.0.0.0", &nic_a);
	ck_assert_ptr_eq(receiver("10.0.0.9", 7, "10.0.0.1", &nic_a), &nic);
	ck_assert_ptr_eq(receiver("10.0.0.9", 7, "10.0.0.1", &nic_b), &again);
	bound_as(&local, AF_INET, "10.0.0.1", NULL);
	ck_assert_ptr_eq(receiver("10.0.0.9", 7, "10.0.0.1", &nic_a), &local);
	bound_as(&peer, AF_INET, "10.0.0.1", NULL);
	set_peer(&peer, "10.0.0.9", 7);
	ck_assert_ptr_eq(receiver("10.0.0.9", 7, "10.0.0.1", &nic_a), &peer);
	ck_assert_ptr_eq(receiver("10.0.0.9", 8, "10.0.0.1", &nic_a), &local);
	set_peer(&peer, "10.0.0.9", 8);		/* another one, without a break */
	ck_assert_ptr_eq(receiver("10.0.0.9", 7, "10.0.0.1", &nic_a), &local);
	ck_assert_ptr_eq(receiver("10.0.0.9", 8, "10.0.0.1", &nic_a), &peer);
	set_peer(&peer, NULL, 0);
	ck_assert_ptr_eq(receiver("10.0.0.9", 9, "10.0.0.1", &nic_a), &peer);
	peer.closed = true;
	port_requalify(&peer);
	ck_assert_ptr_eq(receiver("10.0.0.9", 9, "10.0.0.1", &nic_a), &local);
	ck_assert_ptr_eq(receiver("10.0.0.9", 9, "10.0.0.2", &nic_b), &again);
	port_release(&peer);
	port_release(&local);
	port_release(&nic);
	port_release(&any);
	port_release(&again);
	port_release(&any6);
}
END_TEST

struct seen {
	uint32_t n;
	struct sock *last;
};

static void see(void *arg, struct sock *sk)
{
	struct seen *s = arg;

	s->n++;
	s->last = sk;
}

/* What is for all is for those that fit, each once. */
START_TEST(all_that_fit_receive)
{
	struct port_names n = { .src = addr("10.0.0.9"), .dst = addr("10.0.0.255"), .sport = 7, .dport = 53, .nic = &nic_a };
	struct sock any[5], other, group, peer, elsewhere;
	struct seen s = { 0 };

	for (int i = 0; i < 5; i++)
		bound_as(&any[i], AF_INET, "0.0.0.0", i == 4 ? &nic_b : NULL);
	bound_as(&other, AF_INET, "10.0.0.1", NULL);
	bound_as(&group, AF_INET, "10.0.0.255", NULL);
	bound_as(&peer, AF_INET, "10.0.0.255", NULL);
	set_peer(&peer, "10.0.0.9", 7);
	bound_as(&elsewhere, AF_INET, "10.0.0.255", NULL);
	set_peer(&elsewhere, "10.0.0.9", 8);
	port_receivers(&table, &n, see, &s);
	ck_assert_uint_eq(s.n, 6);
	for (int i = 0; i < 5; i++)
		port_release(&any[i]);
	port_release(&other);
	port_release(&group);
	port_release(&peer);
	port_release(&elsewhere);
}
END_TEST

/* Each of a group gets its part, a flow stays with its socket, and who leaves gets nothing more. */
START_TEST(a_group_shares)
{
	struct sock *sk = calloc(100, sizeof(*sk)), *to[2000];
	unsigned int got[100] = { 0 }, served = 0;

	for (int i = 0; i < 100; i++) {
		sock_make(&sk[i]);
		sk[i].reuseport = true;
		sk[i].reuseaddr = i % 2;	/* which makes two kinds of one group */
		ck_assert_int_eq(bind_to(&sk[i], "10.0.0.1", 53), 0);
	}
	for (uint16_t i = 0; i < 2000; i++) {
		to[i] = receiver("10.0.0.9", i, "10.0.0.1", NULL);
		ck_assert_ptr_eq(receiver("10.0.0.9", i, "10.0.0.1", NULL), to[i]);
		got[to[i] - sk]++;
	}
	for (int i = 0; i < 100; i++)
		ck_assert_msg(got[i] > 2 && got[i] < 60, "%u", got[i]);
	port_release(&sk[0]);			/* the first of its ring */
	port_release(&sk[50]);
	for (uint16_t i = 0; i < 2000; i++) {
		ck_assert_ptr_ne(receiver("10.0.0.9", i, "10.0.0.1", NULL), &sk[0]);
		ck_assert_ptr_ne(receiver("10.0.0.9", i, "10.0.0.1", NULL), &sk[50]);
	}
	for (int i = 99; i > 0; i--) {
		port_release(&sk[i]);
		served += receiver("10.0.0.9", 7, "10.0.0.1", NULL) != NULL;
	}
	ck_assert_uint_eq(served, 98);
	free(sk);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("port");
	TCase *tc = tcase_create("port");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, conflict_rules, 0, sizeof(conflicts) / sizeof(conflicts[0]));
	tcase_add_test(tc, second_listener_is_refused);
	tcase_add_test(tc, a_closed_one_is_in_nobodys_way);
	tcase_add_test(tc, ephemeral_ports_are_distinct_until_none_is_left);
	tcase_add_test(tc, bind_address_no_port_waits_for_connect);
	tcase_add_test(tc, a_hundred_thousand_short_connections);
	tcase_add_test(tc, connections_to_one_peer_go_up_by_one);
	tcase_add_test(tc, peers_share_ports_and_start_apart);
	tcase_add_test(tc, a_bound_port_is_never_shared);
	tcase_add_test(tc, none_is_left_for_a_peer);
	tcase_add_test(tc, a_bind_asks_each_kind_once);
	tcase_add_test(tc, the_closest_receives);
	tcase_add_test(tc, all_that_fit_receive);
	tcase_add_test(tc, a_group_shares);
	tcase_add_test(tc, time_wait_holds_the_port);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
