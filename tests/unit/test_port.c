/* SPDX-License-Identifier: Apache-2.0 */
/* test_port.c - port spaces: Linux's conflict rules, ephemeral ports, sharing, TIME-WAIT. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>

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
	ck_assert_uint_eq(table.ports.count, 0);
	port_table_destroy(&table);
}

static struct ip_addr addr(const char *text)
{
	return ip_addr_v4(inet_addr(text));
}

/* A socket that is a listener has the backlog of its test in error. */
static bool listening(const struct sock *sk)
{
	return sk->error;
}

static void sock_make(struct sock *sk)
{
	*sk = (struct sock) { .local = ip_addr_v4(0), .remote = ip_addr_v4(0) };
	list_init(&sk->port_use.node);
	sk->port_use.sk = sk;
}

static int bind_to(struct sock *sk, const char *a, uint16_t port)
{
	struct ip_addr ia = addr(a);

	return port_bind(&table, sk, &ia, port, listening);
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
	a.error = c->a.listens;
	b.reuseaddr = c->b.reuseaddr;
	b.reuseport = c->b.reuseport;
	b.bound_nic = c->b.nic;
	ck_assert_int_eq(bind_to(&a, c->a.addr, 80), 0);
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
	ck_assert_int_eq(port_listen(&a, listening), 0);
	a.error = 1;
	ck_assert_int_eq(port_listen(&b, listening), -EADDRINUSE);
	port_release(&a);
	ck_assert_int_eq(port_listen(&b, listening), 0);
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
	ck_assert_int_eq(port_inherit(&table, &child, &listener), 0);
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
	tcase_add_test(tc, time_wait_holds_the_port);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
