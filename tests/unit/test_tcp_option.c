/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp_option.c - what options of the level IPPROTO_TCP do on the wire and tell in TCP_INFO.
 * Their bounds and errors are in tests/net/posix, where the kernel answers, too.
 */
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>

#include "tcp_script.h"
#include "tests/suite.h"

static void set(struct sock *sk, int name, int v)
{
	ck_assert_int_eq(sk->ops->setsockopt(sk, IPPROTO_TCP, name, &v, sizeof(v)), 0);
}

static int get(struct sock *sk, int name)
{
	socklen_t len = sizeof(int);
	int v = -77;

	ck_assert_int_eq(sk->ops->getsockopt(sk, IPPROTO_TCP, name, &v, &len), 0);
	return v;
}

static struct tcp_info info(struct sock *sk)
{
	struct tcp_info i;
	socklen_t len = sizeof(i);

	ck_assert_int_eq(sk->ops->getsockopt(sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	return i;
}

static void start_connect(struct script *t)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);

	ck_assert_int_eq(t->sk->ops->bind(t->sk, &any, STACK_PORT), 0);
	ck_assert_int_eq(t->sk->ops->connect(t->sk, &peer, PEER_PORT), -EINPROGRESS);
	testnet_run(&t->net, 0);
	expect(t, TCPH_SYN, 0, 0, 0);
}

/* RFC 5482 and Linux: TCP_USER_TIMEOUT ends an attempt to connect as well */
START_TEST(user_timeout_syn_sent)
{
	struct script t;

	script_init(&t);
	t.sk = script_sock(&t);
	set(t.sk, TCP_USER_TIMEOUT, 5000);
	start_connect(&t);
	wait_ms(&t, 4990);
	expect(&t, TCPH_SYN, 0, 0, 0);		/* after 1 and 3 s */
	expect(&t, TCPH_SYN, 0, 0, 0);
	expect_nothing(&t);
	ck_state(&t, TCPS_SYN_SENT);
	wait_ms(&t, 20);
	ck_assert_int_eq(script_error(&t), ETIMEDOUT);
	script_fini(&t);
}
END_TEST

/* tcp(7): TCP_SYNCNT; the value stays for the next attempt */
START_TEST(syncnt)
{
	struct script t;

	script_init(&t);
	t.sk = script_sock(&t);
	ck_assert_int_eq(get(t.sk, TCP_SYNCNT), 6);
	set(t.sk, TCP_SYNCNT, 1);
	start_connect(&t);
	wait_ms(&t, 2900);
	expect(&t, TCPH_SYN, 0, 0, 0);
	expect_nothing(&t);
	wait_ms(&t, 200);
	ck_assert_int_eq(script_error(&t), ETIMEDOUT);
	script_fini(&t);
}
END_TEST

/* RFC 5482 4.2, RFC 1122 4.2.3.6: with TCP_USER_TIMEOUT the count of probes means nothing */
START_TEST(user_timeout_keepalive)
{
	struct script t;
	int on = 1;

	script_init(&t);
	script_accepts(&t);
	set(t.sk, TCP_KEEPIDLE, 10);
	set(t.sk, TCP_KEEPINTVL, 10);
	set(t.sk, TCP_KEEPCNT, 1);
	set(t.sk, TCP_USER_TIMEOUT, 35000);
	t.sk->keepalive = true;
	t.sk->ops->setsockopt(t.sk, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	wait_ms(&t, 31000);
	for (int i = 0; i < 3; i++)
		expect(&t, TCPH_ACK, 0, 1, 0);
	expect_nothing(&t);
	wait_ms(&t, 10000);		/* the first moment after 35 s when it looks */
	expect(&t, TCPH_RST | TCPH_ACK, 1, 1, 0);
	ck_assert_int_eq(script_error(&t), ETIMEDOUT);
	script_fini(&t);
}
END_TEST

/* TCP_KEEPIDLE of an idle connection counts from when the peer was last heard of */
START_TEST(keepidle_elapsed)
{
	struct script t;
	int on = 1;

	script_init(&t);
	script_accepts(&t);
	t.sk->keepalive = true;
	t.sk->ops->setsockopt(t.sk, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	wait_ms(&t, 50000);
	set(t.sk, TCP_KEEPIDLE, 60);
	wait_ms(&t, 9900);
	expect_nothing(&t);
	wait_ms(&t, 200);
	expect(&t, TCPH_ACK, 0, 1, 0);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.8.6.1 lets a peer keep its window shut for ever; TCP_USER_TIMEOUT does not */
START_TEST(user_timeout_zero_window)
{
	struct script t;

	script_init(&t);
	t.wnd = 0;
	script_accepts(&t);
	set(t.sk, TCP_USER_TIMEOUT, 3000);
	script_write(&t, 100);
	for (int i = 0; i < 10 && script_state(&t) == TCPS_ESTABLISHED; i++) {
		wait_ms(&t, 500);
		testnet_discard(t.nic);
		peer_sends(&t, TCPH_ACK, 1, 1, 0);
	}
	testnet_discard(t.nic);
	ck_state(&t, TCPS_CLOSED);
	ck_assert_int_eq(script_error(&t), ETIMEDOUT);
	script_fini(&t);
}
END_TEST

/* TCP_MAXSEG before: in our SYN, and bounds what we send; after: changes nothing */
START_TEST(maxseg)
{
	struct script t;

	script_init(&t);
	t.sk = script_sock(&t);
	ck_assert_int_eq(get(t.sk, TCP_MAXSEG), 536);
	set(t.sk, TCP_MAXSEG, 700);
	ck_assert_int_eq(get(t.sk, TCP_MAXSEG), 700);
	start_connect(&t);
	ck_assert_uint_eq(t.got.mss, 700);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	expect(&t, TCPH_ACK, 1, 1, 0);
	ck_assert_int_eq(get(t.sk, TCP_MAXSEG), 700);
	set(t.sk, TCP_MAXSEG, 200);
	ck_assert_int_eq(get(t.sk, TCP_MAXSEG), 700);
	ip_pmtu_update(&t.net.ip, &t.sk->remote, 1400);
	script_write(&t, 1400);
	expect(&t, TCPH_ACK, 1, 1, 700);
	expect(&t, TCPH_ACK, 701, 1, 700);
	script_fini(&t);
}
END_TEST

/* of a listener: in the SYN-ACK and for its children */
START_TEST(maxseg_listener)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 5);
	set(t.listener, TCP_MAXSEG, 600);
	ck_assert_int_eq(get(t.listener, TCP_MAXSEG), 600);
	script_accepts(&t);
	ck_assert_uint_eq(t.got.mss, 600);
	ck_assert_int_eq(get(t.sk, TCP_MAXSEG), 600);
	script_fini(&t);
}
END_TEST

/* TCP_NOTSENT_LOWAT: EPOLLOUT when less than half of it waits, a write refused at all of it */
START_TEST(notsent_lowat)
{
	struct script t;

	script_init(&t);
	t.wnd = 0;
	script_accepts(&t);
	set(t.sk, TCP_NOTSENT_LOWAT, 1000);
	ck_assert(t.sk->ops->poll(t.sk) & EPOLLOUT);
	script_write(&t, 499);
	ck_assert(t.sk->ops->poll(t.sk) & EPOLLOUT);
	script_write(&t, 1);
	ck_assert(!(t.sk->ops->poll(t.sk) & EPOLLOUT));
	ck_assert_int_gt(script_write(&t, 500), 0);
	ck_assert_int_eq(script_write(&t, 1), -EAGAIN);
	t.wnd = 65535;
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	ck_assert(t.sk->ops->poll(t.sk) & EPOLLOUT);	/* sent, though not acknowledged */
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* TCP_WINDOW_CLAMP bounds the window that is offered */
START_TEST(window_clamp)
{
	struct script t;

	script_init(&t);
	script_listen(&t, 5);
	set(t.listener, TCP_WINDOW_CLAMP, 1);
	ck_assert_int_eq(get(t.listener, TCP_WINDOW_CLAMP), 1152);	/* SOCK_MIN_RCVBUF / 2 */
	set(t.listener, TCP_WINDOW_CLAMP, 3000);
	script_accepts(&t);
	ck_assert_uint_eq(t.got.wnd, 2920);
	peer_sends(&t, TCPH_ACK, 1, 1, 1000);
	expect(&t, TCPH_ACK, 1, 1001, 0);
	ck_assert_uint_le(t.got.wnd, 2000);
	script_fini(&t);
}
END_TEST

/* TCP_SAVE_SYN: both headers of the SYN, once */
START_TEST(save_syn)
{
	uint8_t b[100];
	socklen_t len = 10;
	struct script t;

	script_init(&t);
	script_listen(&t, 5);
	set(t.listener, TCP_SAVE_SYN, 1);
	script_accepts(&t);
	ck_assert_int_eq(t.sk->ops->getsockopt(t.sk, IPPROTO_TCP, TCP_SAVED_SYN, b, &len), -EINVAL);
	ck_assert_uint_eq(len, 20 + 24);
	len = sizeof(b);
	ck_assert_int_eq(t.sk->ops->getsockopt(t.sk, IPPROTO_TCP, TCP_SAVED_SYN, b, &len), 0);
	ck_assert_uint_eq(len, 44);
	ck_assert_uint_eq(b[0], 0x45);
	ck_assert_uint_eq(b[9], IPPROTO_TCP);
	ck_assert_uint_eq(b[20 + 13], TCPH_SYN);
	ck_assert_uint_eq(b[20] << 8 | b[21], PEER_PORT);
	len = sizeof(b);
	ck_assert_int_eq(t.sk->ops->getsockopt(t.sk, IPPROTO_TCP, TCP_SAVED_SYN, b, &len), 0);
	ck_assert_uint_eq(len, 0);
	script_fini(&t);
}
END_TEST

/* RFC 4898 in TCP_INFO: segments and bytes by direction */
START_TEST(info_counts)
{
	struct tcp_info i;
	struct script t;

	script_init(&t);
	t.wscale = 2;
	script_accepts(&t);
	t.wscale = 0;
	t.wnd = 1000;
	i = info(t.sk);
	ck_assert_uint_eq(i.tcpi_segs_out, 1);
	ck_assert_uint_eq(i.tcpi_segs_in, 2);
	ck_assert_uint_eq(i.tcpi_data_segs_in + i.tcpi_data_segs_out, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 100);
	peer_sends(&t, TCPH_ACK, 201, 1, 100);		/* a gap */
	testnet_discard(t.nic);
	script_write(&t, 50);
	testnet_discard(t.nic);
	i = info(t.sk);
	ck_assert_uint_eq(i.tcpi_data_segs_in, 2);
	ck_assert_uint_eq(i.tcpi_segs_in, 4);
	ck_assert_uint_eq(i.tcpi_rcv_ooopack, 1);
	ck_assert_uint_eq(i.tcpi_data_segs_out, 1);
	ck_assert_uint_eq(i.tcpi_segs_out, 4);
	ck_assert_uint_eq(i.tcpi_snd_wnd, 4000);
	ck_assert_uint_eq(i.tcpi_bytes_received, 100);
	ck_assert_uint_eq(i.tcpi_bytes_sent, 50);
	ck_assert_uint_eq(i.tcpi_unacked, 1);
	ck_assert(i.tcpi_options & TCPI_OPT_WSCALE);
	ck_assert(!(i.tcpi_options & TCPI_OPT_TIMESTAMPS));
	peer_sends(&t, TCPH_ACK, 101, 51, 0);
	ck_assert_uint_eq(info(t.sk).tcpi_bytes_acked, 50);
	ck_assert_uint_eq(info(t.sk).tcpi_delivered, 2);	/* the SYN-ACK, too */
	script_fini(&t);
}
END_TEST

/* Retransmissions are counted, however small they are. */
START_TEST(info_retransmissions)
{
	struct tcp_info i;
	struct script t;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 10);
	for (int n = 0; n < 40; n++) {
		testnet_discard(t.nic);
		wait_ms(&t, 100);
	}
	testnet_discard(t.nic);
	i = info(t.sk);
	ck_assert_uint_ge(i.tcpi_total_retrans, 2);
	ck_assert_uint_eq(i.tcpi_total_retrans * 10, i.tcpi_bytes_retrans);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, i.tcpi_total_retrans);
	script_fini(&t);
}
END_TEST

/* Small segments count as segments: under way, SACKed, lost, sent again, arrived, arrived twice */
START_TEST(info_small_segments)
{
	struct tcp_info i;
	struct script t;

	script_init(&t);
	t.sack = true;
	t.rtt = 20;
	script_accepts(&t);
	set(t.sk, TCP_NODELAY, 1);
	for (uint32_t n = 0; n < 8; n++) {
		script_write(&t, 10);
		testnet_run(&t.net, 0);
	}
	testnet_discard(t.nic);
	ck_assert_uint_eq(info(t.sk).tcpi_unacked, 8);
	wait_ms(&t, 20);
	peer_sacks(&t, 11, 0);
	i = info(t.sk);
	ck_assert_uint_eq(i.tcpi_unacked, 7);
	ck_assert_uint_eq(i.tcpi_delivered, 2);
	peer_sacks(&t, 11, 1, 21, 61);			/* 4 that become one packet */
	wait_ms(&t, 10);
	i = info(t.sk);
	ck_assert_uint_eq(i.tcpi_unacked, 7);
	ck_assert_uint_eq(i.tcpi_sacked, 4);
	ck_assert_uint_eq(i.tcpi_lost, 1);
	ck_assert_uint_eq(i.tcpi_retrans, 1);
	ck_assert_uint_eq(i.tcpi_delivered, 6);
	script_check_marks(&t);
	peer_sacks(&t, 61, 0);
	peer_sacks(&t, 61, 1, 11, 21);			/* needlessly */
	i = info(t.sk);
	ck_assert_uint_eq(i.tcpi_unacked, 2);
	ck_assert_uint_eq(i.tcpi_sacked + i.tcpi_lost + i.tcpi_retrans, 0);
	ck_assert_uint_eq(i.tcpi_delivered, 8);
	ck_assert_uint_eq(i.tcpi_dsack_dups, 1);
	peer_sacks(&t, 81, 0);
	ck_assert_uint_eq(info(t.sk).tcpi_delivered, 10);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* A super-segment counts for its wire segments, however it is acknowledged. */
START_TEST(info_super_segments)
{
	struct tcp_info i;
	struct script t;

	script_init_gso(&t);
	script_accepts(&t);
	script_write(&t, 2 * 1460 + 5);
	testnet_run(&t.net, 0);
	testnet_discard(t.nic);
	ck_assert_uint_eq(info(t.sk).tcpi_unacked, 3);
	peer_sends(&t, TCPH_ACK, 1, 1461, 0);
	i = info(t.sk);
	ck_assert_uint_eq(i.tcpi_unacked, 2);
	ck_assert_uint_eq(i.tcpi_delivered, 2);
	peer_sends(&t, TCPH_ACK, 1, 1461 + 1000, 0);	/* some of one */
	i = info(t.sk);
	ck_assert_uint_eq(i.tcpi_unacked, 2);
	ck_assert_uint_eq(i.tcpi_delivered, 2);
	script_check_marks(&t);
	peer_sends(&t, TCPH_ACK, 1, 2 * 1460 + 6, 0);
	ck_assert_uint_eq(info(t.sk).tcpi_unacked, 0);
	ck_assert_uint_eq(info(t.sk).tcpi_delivered, 4);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 4898: how long the sender was busy, held up by the window, by its buffer */
START_TEST(info_chrono)
{
	struct tcp_info i;
	struct script t;

	script_init(&t);
	t.wnd = 2000;
	script_accepts(&t);
	wait_ms(&t, 100);
	script_write(&t, 1000);
	wait_ms(&t, 50);
	testnet_discard(t.nic);
	peer_sends(&t, TCPH_ACK, 1, 1001, 0);
	i = info(t.sk);
	ck_assert_uint_eq(i.tcpi_busy_time, 50000);
	ck_assert_uint_eq(i.tcpi_rwnd_limited, 0);
	wait_ms(&t, 30);
	ck_assert_uint_eq(info(t.sk).tcpi_busy_time, 50000);
	script_write(&t, 5000);				/* 2000 may leave */
	wait_ms(&t, 70);
	i = info(t.sk);
	ck_assert_uint_eq(i.tcpi_rwnd_limited, 70000);
	ck_assert_uint_eq(i.tcpi_busy_time, 120000);
	ck_assert_uint_eq(i.tcpi_sndbuf_limited, 0);
	testnet_discard(t.nic);
	script_fini(&t);

	script_init(&t);
	script_accepts(&t);
	t.sk->sndbuf = 3000;
	t.sk->sndbuf_locked = true;
	script_write(&t, 3000);
	ck_assert_int_eq(script_write(&t, 1), -EAGAIN);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	wait_ms(&t, 40);
	ck_assert_uint_eq(info(t.sk).tcpi_sndbuf_limited, 40000);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp option");
	TCase *t = tcase_create("option");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, user_timeout_syn_sent);
	tcase_add_test(t, syncnt);
	tcase_add_test(t, user_timeout_keepalive);
	tcase_add_test(t, keepidle_elapsed);
	tcase_add_test(t, user_timeout_zero_window);
	tcase_add_test(t, maxseg);
	tcase_add_test(t, maxseg_listener);
	tcase_add_test(t, notsent_lowat);
	tcase_add_test(t, window_clamp);
	tcase_add_test(t, save_syn);
	tcase_add_test(t, info_counts);
	tcase_add_test(t, info_retransmissions);
	tcase_add_test(t, info_small_segments);
	tcase_add_test(t, info_super_segments);
	tcase_add_test(t, info_chrono);
	suite_add_tcase(s, t);
	return run_suite(s);
}
