/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp_open.c - handshakes, listeners, resets and attacks on them. Each test names its RFC
 * and section.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "tcp_script.h"
#include "tests/suite.h"

/* RFC 9293 3.5, figure 6 */
START_TEST(active_open)
{
	struct script t;

	script_init(&t);
	script_connects(&t);
	ck_assert(t.sk->ops->poll(t.sk) & EPOLLOUT);
	script_fini(&t);
}
END_TEST

START_TEST(passive_open)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	ck_assert_uint_eq(t.tcp.stats.curr_estab, 1);
	script_fini(&t);
}
END_TEST

/*
 * Linux's tcp_timestamps, tcp_sack, tcp_window_scaling: what is off is neither offered nor accepted
 * (RFC 7323 1.3, RFC 2018 2), also where a SYN cookie answers
 */
START_TEST(options_off)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);
	bool on = _i & 1, cookie = _i & 2;
	struct script t;

	script_init(&t);
	t.tcp.timestamps = t.tcp.sack = t.tcp.window_scaling = on;
	t.tcp.syn_cookies = cookie ? 2 : 1;
	t.ts = t.sack = true;
	t.wscale = 7;
	script_listen(&t, 5);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	ck_assert(t.got.has_ts == on && t.got.sack_ok == on && t.got.has_wscale == on);
	script_fini(&t);

	script_init(&t);
	t.tcp.timestamps = t.tcp.sack = t.tcp.window_scaling = on;
	t.sk = script_sock(&t);
	t.sk->ops->bind(t.sk, &any, STACK_PORT);
	t.sk->ops->connect(t.sk, &peer, PEER_PORT);
	testnet_run(&t.net, 0);
	expect(&t, TCPH_SYN, 0, 0, 0);
	ck_assert(t.got.has_ts == on && t.got.sack_ok == on && t.got.has_wscale == on);
	t.ts = t.sack = true;			/* a peer that answers what was not asked */
	t.wscale = 7;
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	expect(&t, TCPH_ACK, 1, 1, 0);
	ck_assert(t.got.has_ts == on);
	ck_assert(tcp_sock(t.sk)->sack_ok == on && tcp_sock(t.sk)->wscale_ok == on);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.5, figure 7: both send SYN, then SYN-ACK */
START_TEST(simultaneous_open)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);
	struct script t;

	script_init(&t);
	t.sk = script_sock(&t);
	t.sk->ops->bind(t.sk, &any, STACK_PORT);
	t.sk->ops->connect(t.sk, &peer, PEER_PORT);
	testnet_run(&t.net, 0);
	expect(&t, TCPH_SYN, 0, 0, 0);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	ck_state(&t, TCPS_SYN_RECEIVED);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	ck_state(&t, TCPS_ESTABLISHED);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.10.7.3: RST in answer to our SYN */
START_TEST(refused)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);
	struct script t;

	script_init(&t);
	t.sk = script_sock(&t);
	t.sk->ops->bind(t.sk, &any, STACK_PORT);
	t.sk->ops->connect(t.sk, &peer, PEER_PORT);
	testnet_run(&t.net, 0);
	expect(&t, TCPH_SYN, 0, 0, 0);
	peer_sends(&t, TCPH_RST | TCPH_ACK, 0, 0, 0);		/* wrong ACK: not believed */
	ck_state(&t, TCPS_SYN_SENT);
	peer_sends(&t, TCPH_RST | TCPH_ACK, 0, 1, 0);
	ck_state(&t, TCPS_CLOSED);
	ck_assert_uint_ne(t.sk->ops->poll(t.sk) & EPOLLERR, 0);
	ck_assert_int_eq(script_error(&t), ECONNREFUSED);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.10.7.3: an ACK of something never sent is answered with RST */
START_TEST(syn_ack_of_another)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);
	struct script t;

	script_init(&t);
	t.sk = script_sock(&t);
	t.sk->ops->bind(t.sk, &any, STACK_PORT);
	t.sk->ops->connect(t.sk, &peer, PEER_PORT);
	testnet_run(&t.net, 0);
	expect(&t, TCPH_SYN, 0, 0, 0);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 77, 0);
	expect(&t, TCPH_RST, 77, 0, 0);
	ck_state(&t, TCPS_SYN_SENT);
	script_fini(&t);
}
END_TEST

/* RFC 6298 5.5, 5.7 and Linux's tcp_syn_retries: 1, 2, 4 ... s, then ETIMEDOUT */
START_TEST(syn_retransmission)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);
	struct script t;

	script_init(&t);
	t.sk = script_sock(&t);
	t.sk->ops->bind(t.sk, &any, STACK_PORT);
	t.sk->ops->connect(t.sk, &peer, PEER_PORT);
	testnet_run(&t.net, 0);
	expect(&t, TCPH_SYN, 0, 0, 0);
	wait_ms(&t, 5);
	for (uint64_t ms = 1000; ms <= 32000; ms *= 2) {
		wait_ms(&t, ms - 10);
		expect_nothing(&t);
		wait_ms(&t, 10);
		expect(&t, TCPH_SYN, 0, 0, 0);
	}
	wait_ms(&t, 65000);
	expect_nothing(&t);
	ck_assert_int_eq(script_error(&t), ETIMEDOUT);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.10.7.1: no listener */
START_TEST(closed_port)
{
	struct script t;

	script_init(&t);
	t.iss = 0;
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_RST | TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 5, 99, 0);
	expect(&t, TCPH_RST, 99, 0, 0);
	peer_sends(&t, TCPH_RST, 5, 0, 0);
	expect_nothing(&t);
	script_fini(&t);
}
END_TEST

/* Linux: accept queue of backlog + 1; a SYN beyond it is not answered */
START_TEST(listen_overflow)
{
	struct script t;
	struct sock *a;
	int err;

	script_init(&t);
	script_listen(&t, 0);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	t.peer_port++;
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.stats.listen_drops, 1);
	a = t.listener->ops->accept(t.listener, &err);
	ck_assert_ptr_nonnull(a);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	a->ops->close(a, true);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* A flood of SYNs: the half-open children are bounded, and an honest one still gets in */
START_TEST(syn_flood)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 5);
	for (uint16_t i = 0; i < 1000; i++) {
		t.peer_port = (uint16_t)(10000 + i);
		peer_sends(&t, TCPH_SYN, 0, 0, 0);
	}
	ck_assert_uint_le(t.tcp.established.count, 128);
	testnet_discard(t.nic);
	t.peer_port = PEER_PORT;
	script_accepts(&t);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.10.7.2, 3.10.7.4: data in a SYN comes again; a SYN again; RST of a half-open one */
START_TEST(half_open)
{
	struct script t;
	uint32_t iss;

	script_init(&t);
	script_listen(&t, 5);
	peer_sends(&t, TCPH_SYN, 0, 0, 100);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	iss = t.iss;
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	ck_assert_uint_eq(t.iss, iss);
	ck_assert_uint_eq(tcp_sock(t.listener)->nsyn, 1);
	peer_sends(&t, TCPH_RST, 1, 0, 0);
	ck_assert_uint_eq(tcp_sock(t.listener)->nsyn, 0);
	ck_assert_uint_eq(t.tcp.established.count, 0);
	wait_ms(&t, 10000);
	expect_nothing(&t);
	script_fini(&t);
}
END_TEST


/* SYN-ACKs that nobody answers: five times again, then forgotten */
START_TEST(syn_ack_retransmission)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 5);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	wait_ms(&t, 200000);
	for (int i = 0; i < 6; i++)
		expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.established.count, 0);
	script_fini(&t);
}
END_TEST

/* RFC 5961 3.2: only a RST at RCV.NXT resets; one elsewhere in the window is challenged */
START_TEST(rst_in_window)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_RST, 100, 0, 0);
	expect(&t, TCPH_ACK, 1, 1, 0);
	ck_state(&t, TCPS_ESTABLISHED);
	peer_sends(&t, TCPH_RST, 70000, 0, 0);		/* outside: nothing */
	expect_nothing(&t);
	peer_sends(&t, TCPH_RST, 1, 0, 0);
	ck_state(&t, TCPS_CLOSED);
	ck_assert_int_eq(script_error(&t), ECONNRESET);
	script_fini(&t);
}
END_TEST

/* RFC 5961 4.2: a SYN in the window is challenged; 7: not more than the limit */
START_TEST(syn_in_window)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_SYN, 100, 0, 0);
	expect(&t, TCPH_ACK, 1, 1, 0);
	peer_sends(&t, TCPH_SYN, 100, 0, 0);
	expect_nothing(&t);
	wait_ms(&t, 600);
	peer_sends(&t, TCPH_SYN, 100, 0, 0);
	expect(&t, TCPH_ACK, 1, 1, 0);
	ck_state(&t, TCPS_ESTABLISHED);
	script_fini(&t);
}
END_TEST

/* RFC 5961 5.2: ACKs far in the past or of what was never sent */
START_TEST(ack_out_of_range)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_ACK, 1, 5000, 10);
	expect(&t, TCPH_ACK, 1, 1, 0);
	wait_ms(&t, 600);
	peer_sends(&t, TCPH_ACK, 1, (uint32_t)-100000, 10);
	expect(&t, TCPH_ACK, 1, 1, 0);
	ck_assert_uint_eq(script_read(&t), 0);
	script_fini(&t);
}
END_TEST

/*
 * RFC 7323 5.3: a segment with an older timestamp is acknowledged and dropped; 3.2: one without
 * is dropped
 */
START_TEST(paws)
{
	struct script t;

	script_init(&t);
	t.ts = true;
	script_accepts(&t);
	t.tsval = 6000;
	peer_sends(&t, TCPH_ACK, 1, 1, 10);
	expect(&t, TCPH_ACK, 1, 11, 0);
	t.tsval = 5500;
	peer_sends(&t, TCPH_ACK, 11, 1, 10);
	expect(&t, TCPH_ACK, 1, 11, 0);
	ck_assert_uint_eq(t.tcp.stats.paws_drops, 1);
	t.ts = false;
	peer_sends(&t, TCPH_ACK, 11, 1, 10);
	expect_nothing(&t);
	ck_assert_uint_eq(script_read(&t), 10);
	t.ts = true;
	t.tsval = 1000;
	peer_sends(&t, TCPH_RST, 11, 0, 0);		/* RFC 7323 5.2: not for RST */
	ck_state(&t, TCPS_CLOSED);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.7.1: the peer's MSS bounds our segments; a silly one is raised to 88 */
START_TEST(mss)
{
	struct script t;

	script_init(&t);
	t.mss = 1;
	script_accepts(&t);
	script_write(&t, 100);
	expect(&t, TCPH_ACK, 1, 1, 88);
	script_fini(&t);
	script_init(&t);
	t.mss = 0;
	script_accepts(&t);
	script_write(&t, 1000);
	expect(&t, TCPH_ACK, 1, 1, 536);
	script_fini(&t);
}
END_TEST

/* A SYN offers whole segments, as with Linux: at both ends, and by a cookie. */
START_TEST(syn_window)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);
	struct script t;

	script_init(&t);
	t.sk = script_sock(&t);
	t.sk->ops->bind(t.sk, &any, STACK_PORT);
	t.sk->ops->connect(t.sk, &peer, PEER_PORT);
	testnet_run(&t.net, 0);
	expect(&t, TCPH_SYN, 0, 0, 0);
	ck_assert_uint_eq(t.got.wnd, 44 * 1460);
	script_fini(&t);
	for (int cookies = 1; cookies <= 2; cookies++) {
		script_init(&t);
		t.tcp.syn_cookies = cookies;
		script_listen(&t, 5);
		peer_sends(&t, TCPH_SYN, 0, 0, 0);
		expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
		ck_assert_uint_eq(t.got.wnd, 44 * 1460);
		t.ts = true;
		t.peer_port++;
		peer_sends(&t, TCPH_SYN, 0, 0, 0);
		expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
		ck_assert_uint_eq(t.got.wnd, 45 * 1448);
		script_fini(&t);
	}
}
END_TEST

/*
 * RFC 6528: numbers of one four-tuple grow, those of different ones have nothing to do with
 * each other
 */
START_TEST(isn)
{
	struct script t;
	struct tcp_end e = { .lport = 1, .rport = 2 };
	uint32_t a, b;

	script_init(&t);
	a = tcp_isn(&t.tcp, &e);
	wait_ms(&t, 10);
	b = tcp_isn(&t.tcp, &e);
	ck_assert(seq_lt(a, b));
	ck_assert_uint_lt(b - a, 200000);
	e.rport = 3;
	ck_assert_uint_gt((uint32_t)abs((int32_t)(tcp_isn(&t.tcp, &e) - b)), 200000);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp open");
	TCase *t = tcase_create("open");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, active_open);
	tcase_add_test(t, passive_open);
	tcase_add_loop_test(t, options_off, 0, 4);
	tcase_add_test(t, simultaneous_open);
	tcase_add_test(t, refused);
	tcase_add_test(t, syn_ack_of_another);
	tcase_add_test(t, syn_retransmission);
	tcase_add_test(t, closed_port);
	tcase_add_test(t, listen_overflow);
	tcase_add_test(t, syn_flood);
	tcase_add_test(t, half_open);
	tcase_add_test(t, syn_ack_retransmission);
	tcase_add_test(t, rst_in_window);
	tcase_add_test(t, syn_in_window);
	tcase_add_test(t, ack_out_of_range);
	tcase_add_test(t, paws);
	tcase_add_test(t, mss);
	tcase_add_test(t, syn_window);
	tcase_add_test(t, isn);
	suite_add_tcase(s, t);
	return run_suite(s);
}
