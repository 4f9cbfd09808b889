/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp_listen.c - listeners under load: SYN cookies (RFC 4987), the two queues and their
 * counters as Linux has them, TCP_DEFER_ACCEPT, TCP_SYNCNT of a listener.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tcp_script.h"
#include "tests/suite.h"

/* A SYN of another port, which nobody will complete. */
static void forged_syn(struct script *t, uint16_t port)
{
	t->peer_port = port;
	peer_sends(t, TCPH_SYN, 0, 0, 0);
	testnet_discard(t->nic);
	t->peer_port = PEER_PORT;
}

static void fill_syn_queue(struct script *t, uint16_t from)
{
	for (uint16_t i = 0; tcp_sock(t->listener)->nsyn <= tcp_sock(t->listener)->backlog; i++)
		forged_syn(t, (uint16_t)(from + i));
}

static struct sock *accepted(struct script *t)
{
	int err;

	return t->listener->ops->accept(t->listener, &err);
}

static void abort_sock(struct script *t, struct sock *sk)
{
	ck_assert_ptr_nonnull(sk);
	sk->ops->close(sk, true);
	testnet_run(&t->net, 0);
	testnet_discard(t->nic);
}

static void set(struct sock *sk, int name, int v)
{
	ck_assert_int_eq(sk->ops->setsockopt(sk, IPPROTO_TCP, name, &v, sizeof(v)), 0);
}

/*
 * RFC 4987 3.6: a million forged SYNs leave nothing behind but a full queue, and an honest
 * client still connects; without timestamps by MSS alone
 */
START_TEST(flood)
{
	struct script t;
	uint64_t used;

	script_init(&t);
	script_listen(&t, 128);
	fill_syn_queue(&t, 10000);
	ck_assert_uint_eq(tcp_sock(t.listener)->nsyn, 129);
	used = t.net.pool.used;
	for (uint32_t i = 0; i < 1000000; i++)
		forged_syn(&t, (uint16_t)(20000 + i % 40000));
	ck_assert_uint_eq(tcp_sock(t.listener)->nsyn, 129);
	ck_assert_uint_eq(t.tcp.established.count, 129);
	ck_assert_uint_eq(t.net.pool.used, used);
	ck_assert_uint_eq(t.tcp.stats.syncookies_sent, 1000000);
	ck_assert_uint_eq(t.tcp.stats.listen_drops, 0);
	ck_assert_int_eq(t.net.logged, 1);

	t.mss = 1400;
	script_accepts(&t);
	ck_assert_uint_eq(t.tcp.stats.syncookies_recv, 1);
	ck_assert_uint_eq(tcp_sock(t.sk)->mss, 1300);		/* the table's next below */
	ck_assert(!tcp_sock(t.sk)->wscale_ok);
	peer_sends(&t, TCPH_ACK, 1, 1, 100);
	expect(&t, TCPH_ACK, 1, 101, 0);
	ck_assert_uint_eq(script_read(&t), 100);
	script_fini(&t);
}
END_TEST

/* The options come back from the timestamp, and the client's data may ride on the ACK. */
START_TEST(cookie_options)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 3);
	fill_syn_queue(&t, 10000);
	t.ts = true;
	t.wscale = 9;
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	ck_assert(t.got.has_wscale && t.got.has_ts);
	ck_assert_uint_eq(t.got.mss, 1460);
	ck_assert_uint_eq(t.got.tsecr, t.tsval);
	t.wscale = 0;
	t.wnd = 100;
	peer_sends(&t, TCPH_ACK | TCPH_PSH, 1, 1, 50);
	expect(&t, TCPH_ACK, 1, 51, 0);
	t.sk = accepted(&t);
	ck_assert_ptr_nonnull(t.sk);
	ck_assert_uint_eq(tcp_sock(t.sk)->snd_wscale, 9);
	ck_assert_uint_eq(tcp_sock(t.sk)->snd_wnd, 100u << 9);
	ck_assert(tcp_sock(t.sk)->ts_ok);
	ck_assert_uint_eq(tcp_sock(t.sk)->mss, 1460 - 12);
	ck_assert_uint_eq(script_read(&t), 50);
	script_fini(&t);
}
END_TEST

/* A cookie is of one four-tuple and one sequence number, and good for two minutes at most. */
START_TEST(cookie_forged)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 3);
	fill_syn_queue(&t, 10000);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	for (uint32_t i = 2; i < 2000; i++) {			/* guessed */
		peer_sends(&t, TCPH_ACK, 1, i << 8, 0);
		expect(&t, TCPH_RST, i << 8, 0, 0);
	}
	t.peer_port++;
	peer_sends(&t, TCPH_ACK, 1, 1, 0);			/* of another */
	expect(&t, TCPH_RST, 1, 0, 0);
	t.peer_port--;
	peer_sends(&t, TCPH_ACK, 2, 1, 0);			/* of another sequence number */
	expect(&t, TCPH_RST, 1, 0, 0);
	ck_assert_uint_eq(t.tcp.stats.syncookies_failed, 2000);
	wait_ms(&t, 119000);
	testnet_discard(t.nic);
	fill_syn_queue(&t, 12000);
	forged_syn(&t, 9999);					/* the flood goes on */
	wait_ms(&t, 2000);
	testnet_discard(t.nic);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);			/* two minutes old */
	expect(&t, TCPH_RST, 1, 0, 0);
	ck_assert_ptr_null(accepted(&t));
	script_fini(&t);
}
END_TEST

/* No cookie is believed when none was sent of late. */
START_TEST(cookie_without_flood)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 3);
	fill_syn_queue(&t, 10000);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	wait_ms(&t, 121000);
	testnet_discard(t.nic);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	expect(&t, TCPH_RST, 1, 0, 0);
	ck_assert_uint_eq(t.tcp.stats.syncookies_failed, 0);	/* not even looked at */
	script_fini(&t);
}
END_TEST

/* Linux's tcp_syncookies = 0 drops, 2 always sends them. */
START_TEST(cookie_modes)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 3);
	t.tcp.syn_cookies = 0;
	fill_syn_queue(&t, 10000);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.stats.req_q_full_drop, 1);
	ck_assert_uint_eq(t.tcp.stats.listen_drops, 1);
	script_fini(&t);

	script_init(&t);
	t.tcp.syn_cookies = 2;
	script_accepts(&t);
	ck_assert_uint_eq(t.tcp.stats.syncookies_sent, 1);
	ck_assert_uint_eq(t.tcp.stats.syncookies_recv, 1);
	script_fini(&t);
}
END_TEST

/* A full accept queue: ListenOverflows and ListenDrops, for SYNs, ACKs and ACKs with cookies. */
START_TEST(accept_queue)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 1);
	for (uint16_t i = 0; i < 3; i++) {
		t.peer_port = (uint16_t)(5000 + i);
		peer_sends(&t, TCPH_SYN, 0, 0, 0);
		if (i == 2)
			break;
		expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
		peer_sends(&t, TCPH_ACK, 1, 1, 0);
	}
	ck_assert_uint_eq(tcp_sock(t.listener)->naccept, 2);
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.stats.listen_overflows, 1);
	ck_assert_uint_eq(t.tcp.stats.listen_drops, 1);

	abort_sock(&t, accepted(&t));
	peer_sends(&t, TCPH_SYN, 0, 0, 0);		/* one place: two begin, the later one loses */
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	forged_syn(&t, 6000);
	t.peer_port = 6000;
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	t.peer_port = 5002;
	t.iss = 0;
	ck_assert_uint_eq(tcp_sock(t.listener)->naccept, 2);
	wait_ms(&t, 1100);				/* 5002's SYN-ACK again */
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.stats.listen_overflows, 2);
	abort_sock(&t, accepted(&t));
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	ck_assert_uint_eq(tcp_sock(t.listener)->naccept, 2);
	script_fini(&t);
}
END_TEST

/* TCP_SYNCNT of a listener bounds its SYN-ACKs, as in Linux; 5 without it. */
START_TEST(synack_count)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 5);
	set(t.listener, TCP_SYNCNT, 2);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	wait_ms(&t, 200000);
	for (int i = 0; i < 3; i++)
		expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	expect_nothing(&t);
	ck_assert_uint_eq(tcp_sock(t.listener)->nsyn, 0);
	script_fini(&t);
}
END_TEST

/* With most places taken by those who do not answer, they are given up early. */
START_TEST(synack_pressure)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 100);
	for (uint16_t i = 0; i < 90; i++)
		forged_syn(&t, (uint16_t)(10000 + i));
	wait_ms(&t, 7500);		/* 1, 2 and 4 s: two retransmissions, then the end */
	ck_assert_uint_eq(tcp_sock(t.listener)->nsyn, 50);
	wait_ms(&t, 60000);		/* the other half have their five */
	ck_assert_uint_eq(tcp_sock(t.listener)->nsyn, 0);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* TCP_DEFER_ACCEPT: the bare ACK is ignored, data makes the connection. */
START_TEST(defer_accept)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 5);
	set(t.listener, TCP_DEFER_ACCEPT, 5);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	ck_assert_ptr_null(accepted(&t));
	ck_assert_uint_eq(t.tcp.stats.defer_accept_drop, 1);
	wait_ms(&t, 2500);
	expect_nothing(&t);		/* it has answered: no SYN-ACK again */
	peer_sends(&t, TCPH_ACK, 1, 1, 10);
	t.sk = accepted(&t);
	ck_assert_ptr_nonnull(t.sk);
	ck_assert_uint_eq(script_read(&t), 10);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* Without data: at the end of the period SYN-ACK again, whose ACK is enough. */
START_TEST(defer_accept_ends)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 5);
	set(t.listener, TCP_DEFER_ACCEPT, 5);		/* 1 + 2 + 4 s: three SYN-ACKs */
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	wait_ms(&t, 6900);
	expect_nothing(&t);
	wait_ms(&t, 200);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	t.sk = accepted(&t);
	ck_assert_ptr_nonnull(t.sk);
	script_fini(&t);
}
END_TEST

/* What chi-square of n bins stays below in 999 of 1000 cases (n - 1 degrees of freedom). */
static double chi_bound(int n)
{
	static const double bounds[] = { [2] = 10.83, [3] = 13.82, [4] = 16.27, [7] = 22.46 };

	return bounds[n];
}

/* SO_REUSEPORT: connections spread evenly over the listeners, whatever their number */
START_TEST(reuseport_spread)
{
	static const int counts[] = { 2, 3, 4, 7 };

	for (int c = 0; c < 4; c++) {
		struct ip_meta m = { .src = testnet_addr("10.0.0.2"),
				     .dst = testnet_addr("10.0.0.1") };
		struct ip_addr any = ip_addr_v4(0);
		int n = counts[c], got[7] = { 0 };
		struct sock *l[7];
		double chi = 0, mean = 20000.0 / n;
		struct script t;

		script_init(&t);
		m.nic = t.nic;
		for (int i = 0; i < n; i++) {
			l[i] = script_sock(&t);
			l[i]->reuseport = true;
			ck_assert_int_eq(l[i]->ops->bind(l[i], &any, STACK_PORT), 0);
			ck_assert_int_eq(l[i]->ops->listen(l[i], 5), 0);
		}
		for (uint16_t port = 1024; port < 21024; port++) {
			struct tcp_sock *to = tcp_listener_find(&t.tcp, &m, port, STACK_PORT);

			for (int i = 0; i < n; i++)
				got[i] += to == tcp_sock(l[i]);
		}
		for (int i = 0; i < n; i++)
			chi += (got[i] - mean) * (got[i] - mean) / mean;
		ck_assert_msg(chi < chi_bound(n), "%d listeners: chi-square %.1f", n, chi);
		for (int i = 0; i < n; i++)
			l[i]->ops->close(l[i], true);
		script_fini(&t);
	}
}
END_TEST

/* ... and among listeners of different addresses the closest ones only */
START_TEST(listener_choice)
{
	struct ip_meta m = { .src = testnet_addr("10.0.0.2"), .dst = testnet_addr("10.0.0.1") };
	struct ip_addr any = ip_addr_v4(0), one = testnet_addr("10.0.0.1");
	struct sock *l[3];
	struct script t;

	script_init(&t);
	m.nic = t.nic;
	for (int i = 0; i < 3; i++) {
		l[i] = script_sock(&t);
		l[i]->reuseport = true;
		ck_assert_int_eq(l[i]->ops->bind(l[i], i == 1 ? &one : &any, STACK_PORT), 0);
		ck_assert_int_eq(l[i]->ops->listen(l[i], 5), 0);
	}
	for (uint16_t port = 1024; port < 1224; port++)
		ck_assert_ptr_eq(tcp_listener_find(&t.tcp, &m, port, STACK_PORT), tcp_sock(l[1]));
	for (int i = 0; i < 3; i++)
		l[i]->ops->close(l[i], true);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp listen");
	TCase *t = tcase_create("listen");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, flood);
	tcase_add_test(t, cookie_options);
	tcase_add_test(t, cookie_forged);
	tcase_add_test(t, cookie_without_flood);
	tcase_add_test(t, cookie_modes);
	tcase_add_test(t, accept_queue);
	tcase_add_test(t, synack_count);
	tcase_add_test(t, synack_pressure);
	tcase_add_test(t, defer_accept);
	tcase_add_test(t, defer_accept_ends);
	tcase_add_test(t, reuseport_spread);
	tcase_add_test(t, listener_choice);
	suite_add_tcase(s, t);
	return run_suite(s);
}
