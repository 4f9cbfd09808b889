/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp_memory.c - the sizes of buffers, and what happens when all connections together take too
 * much. Memory that the test holds itself stands for that of others.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "packet/pool.h"
#include "tcp_script.h"
#include "tests/suite.h"

#define MSS	1460u
#define MB	(1024u * 1024u)
#define HOGS	256

static struct buf *hog[HOGS];
static int hogs;

/* Use memory until n bytes of the pool are used; or give back. */
static void use_memory(struct script *t, uint64_t n)
{
	struct packet_pool *pool = &t->net.pool;

	while (hogs && pool->used > n)
		buf_put(hog[--hogs]);
	while (pool->used < n) {
		ck_assert_int_lt(hogs, HOGS);
		hog[hogs] = buf_alloc(pool, 65536);
		ck_assert_ptr_nonnull(hog[hogs++]);
	}
}

static void begin(struct script *t)
{
	script_init(t);
	t->tcp.mem = (struct tcp_marks){ 1 * MB, 2 * MB, 4 * MB };
	hogs = 0;
}

static void end(struct script *t)
{
	use_memory(t, 0);
	script_fini(t);
}

/* RFC 7323 2.2, 2.3: a scale for the largest buffer there can be; 14 for 1 GiB */
START_TEST(window_scale)
{
	static const uint32_t max[] = { 65536, 131072, 6 * MB, 64 * MB, 1024 * MB };
	static const uint8_t scale[] = { 1, 2, 7, 11, 14 };
	struct script t;

	begin(&t);
	t.tcp.rmem.max = max[_i];
	script_connects(&t);
	ck_assert_uint_eq(tcp_sock(t.sk)->rcv_wscale, 0);	/* the peer has none */
	end(&t);
	begin(&t);
	t.tcp.rmem.max = max[_i];
	t.wscale = 7;
	script_connects(&t);
	ck_assert_uint_eq(tcp_sock(t.sk)->rcv_wscale, scale[_i]);
	end(&t);
}
END_TEST

/* The send buffer follows cwnd, up to its maximum; three times cwnd for a module that controls */
START_TEST(sndbuf_grows)
{
	struct script t;
	struct tcp_sock *tp;

	begin(&t);
	script_accepts(&t);
	tp = tcp_sock(t.sk);
	ck_assert_uint_eq(t.sk->sndbuf, TCP_WMEM.initial);
	tp->cc.cwnd = 100 * MSS;
	tcp_grow_sndbuf(tp);
	ck_assert_uint_eq(t.sk->sndbuf, 202 * MSS);
	tp->cc.cwnd = 10 * MSS;
	tcp_grow_sndbuf(tp);
	ck_assert_uint_eq(t.sk->sndbuf, 202 * MSS);
	tp->cc.cwnd = 1u << 30;
	tcp_grow_sndbuf(tp);
	ck_assert_uint_eq(t.sk->sndbuf, 6 * MB);
	t.sk->sndbuf_locked = true;
	t.tcp.wmem.max = 10 * MB;
	tcp_grow_sndbuf(tp);
	ck_assert_uint_eq(t.sk->sndbuf, 6 * MB);
	end(&t);
}
END_TEST

/* Pressure begins at its mark, and ends only below low */
START_TEST(hysteresis)
{
	struct script t;

	begin(&t);
	use_memory(&t, 3 * MB / 2);
	ck_assert(!tcp_memory_pressure(&t.tcp));
	use_memory(&t, 2 * MB + 65536);
	ck_assert(tcp_memory_pressure(&t.tcp));
	use_memory(&t, 3 * MB / 2);
	ck_assert(tcp_memory_pressure(&t.tcp));
	use_memory(&t, MB - 65536);
	ck_assert(!tcp_memory_pressure(&t.tcp));
	ck_assert_uint_eq(t.tcp.stats.memory_pressures, 1);
	ck_assert(!tcp_memory_scarce(&t.tcp));
	t.tcp.mem = (struct tcp_marks){ 0, 0, 0 };	/* shares of the pool */
	t.net.pool.limit = 16 * MB;
	use_memory(&t, 9 * MB);
	ck_assert(tcp_memory_pressure(&t.tcp) && !tcp_memory_scarce(&t.tcp));
	use_memory(&t, 29 * MB / 2);
	ck_assert(tcp_memory_scarce(&t.tcp));
	end(&t);
}
END_TEST

/* Under pressure: empty buffers shrink, the window opens by little, what was promised is kept */
START_TEST(pressure_shrinks)
{
	struct script t;
	struct tcp_sock *tp;
	uint32_t edge, seq = 1;

	begin(&t);
	script_accepts(&t);
	tp = tcp_sock(t.sk);
	edge = tp->rcv_adv;
	use_memory(&t, 3 * MB);
	peer_sends(&t, TCPH_ACK, seq, 1, 1000);
	seq += 1000;
	ck_assert_uint_lt(t.sk->rcvbuf, TCP_RMEM.initial / 2);
	ck_assert_uint_ge(t.sk->rcvbuf, TCP_RMEM.min);
	while (seq + 1000 < edge - tp->irs) {		/* all that was promised is taken */
		peer_sends(&t, TCPH_ACK, seq, 1, 1000);
		seq += 1000;
	}
	ck_assert_uint_eq(tp->recv_bytes, seq - 1);
	ck_assert_uint_eq(tp->rcv_adv, edge);		/* and no more is */
	testnet_discard(t.nic);
	script_read(&t);
	ck_assert_uint_le(tp->rcv_adv - tp->rcv_nxt, 4 * tp->rcv_mss + 1000);
	ck_assert_uint_gt(tp->rcv_adv, edge);
	script_write(&t, 5000);
	ck_assert_uint_lt(t.sk->sndbuf, TCP_WMEM.initial / 2);
	testnet_discard(t.nic);
	end(&t);
}
END_TEST

/* It is over: buffers grow again as they did */
START_TEST(grows_again)
{
	struct script t;
	struct tcp_sock *tp;
	uint32_t seq = 1;

	begin(&t);
	script_accepts(&t);
	tp = tcp_sock(t.sk);
	use_memory(&t, 3 * MB);
	peer_sends(&t, TCPH_ACK, seq, 1, 1000);
	script_read(&t);
	use_memory(&t, 0);
	tp->drs_rtt = MSEC;
	for (seq += 1000; seq < 2000000 && t.sk->rcvbuf < TCP_RMEM.initial;) {
		for (uint32_t n = tp->rcv_adv - tp->irs; seq + 1000 <= n; seq += 1000)
			peer_sends(&t, TCPH_ACK, seq, 1, 1000);
		wait_ms(&t, 2);
		script_read(&t);
		testnet_discard(t.nic);
	}
	ck_assert_uint_ge(t.sk->rcvbuf, TCP_RMEM.initial);
	end(&t);
}
END_TEST

/* At the maximum what is out of order goes first: it comes again */
START_TEST(squeeze_out_of_order)
{
	struct script t;
	struct tcp_sock *tp;

	begin(&t);
	script_accepts(&t);
	tp = tcp_sock(t.sk);
	for (uint32_t i = 1; i <= 5; i++)
		peer_sends(&t, TCPH_ACK, 1 + i * 1000, 1, 1000);
	ck_assert(!tree_empty(&tp->ofo));
	use_memory(&t, 5 * MB);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	ck_assert(tree_empty(&tp->ofo));
	ck_assert_uint_eq(tp->rmem, 0);
	ck_assert_uint_eq(t.tcp.stats.memory_squeezes, 1);
	ck_assert_uint_eq(t.tcp.stats.ofo_drops, 5);
	peer_sends(&t, TCPH_ACK, 3001, 1, 1000);	/* none is taken now */
	ck_assert(tree_empty(&tp->ofo));
	for (uint32_t i = 0; i <= 5; i++) {		/* but what is next, for who reads it */
		peer_sends(&t, TCPH_ACK, 1 + i * 1000, 1, 1000);
		ck_assert_uint_eq(script_read(&t), 1000);
	}
	testnet_discard(t.nic);
	end(&t);
}
END_TEST

static void check_bytes(struct script *t, uint32_t len)
{
	struct iovec iov[64];
	uint32_t at = 0, wrong = 0;

	for (int n = t->sk->ops->peek(t->sk, iov, 64), i = 0; i < n; i++)
		for (size_t k = 0; k < iov[i].iov_len; k++, at++)
			wrong += ((const uint8_t *)iov[i].iov_base)[k] != (uint8_t)(at + 1);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(at, len);
}

/* Then what readers have not read is copied together: the same bytes in less memory */
START_TEST(squeeze_unread)
{
	struct script t;
	struct tcp_sock *tp;
	uint32_t before;

	begin(&t);
	script_accepts(&t);
	tp = tcp_sock(t.sk);
	for (uint32_t i = 0; i < 50; i++)
		peer_sends(&t, TCPH_ACK, 1 + i * 1000, 1, 1000);
	before = tp->rmem;
	ck_assert_uint_gt(before, 100000);
	check_bytes(&t, 50000);
	use_memory(&t, 5 * MB);
	peer_sends(&t, TCPH_ACK, 50001, 1, 0);
	ck_assert_uint_lt(tp->rmem, 75000);
	ck_assert_uint_eq(t.tcp.stats.rcv_collapsed, 1);
	check_bytes(&t, 50000);
	ck_assert_uint_eq(script_read(&t), 50000);
	ck_assert_uint_eq(tp->rmem, 0);
	testnet_discard(t.nic);
	end(&t);
}
END_TEST

/* One packet of a wire is no smaller when it is copied: it stays */
START_TEST(squeeze_takes_nothing)
{
	struct script t;
	uint32_t before;

	begin(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_ACK, 1, 1, 1000);
	before = tcp_sock(t.sk)->rmem;
	use_memory(&t, 5 * MB);
	peer_sends(&t, TCPH_ACK, 1001, 1, 0);
	ck_assert_uint_ge(t.tcp.stats.memory_squeezes, 1);
	ck_assert_uint_eq(tcp_sock(t.sk)->rmem, before);
	check_bytes(&t, 1000);
	testnet_discard(t.nic);
	end(&t);
}
END_TEST

/* What is refused for want of memory is answered with a window of 0, which opens when it was
 * read */
START_TEST(scarce_closes_window)
{
	struct script t;

	begin(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_ACK, 1, 1, 1000);
	wait_ms(&t, 300);
	testnet_discard(t.nic);
	use_memory(&t, 5 * MB);
	if (_i)			/* nearly scarce: without the packet there is room */
		t.tcp.mem.max = t.net.pool.used + 10000;
	peer_sends(&t, TCPH_ACK, 1001, 1, 20000);
	expect(&t, TCPH_ACK, 1, 1001, 0);
	ck_assert_uint_eq(t.got.wnd, 0);
	t.tcp.mem.max = 4 * MB;
	wait_ms(&t, 1000);
	peer_sends(&t, TCPH_ACK, 1000, 1, 0);		/* its probes are answered: it stays */
	expect(&t, TCPH_ACK, 1, 1001, 0);
	ck_assert_uint_eq(t.got.wnd, 0);
	ck_assert_uint_eq(script_read(&t), 1000);
	expect(&t, TCPH_ACK, 1, 1001, 0);
	ck_assert_uint_gt(t.got.wnd, 1000);
	peer_sends(&t, TCPH_ACK, 1001, 1, 1000);
	ck_assert_uint_eq(script_read(&t), 1000);
	testnet_discard(t.nic);
	end(&t);
}
END_TEST

/* And so does the peer: its window closes though it acknowledges nothing new; nothing times out */
START_TEST(peer_closes_window)
{
	struct script t;
	uint32_t n = 0;

	begin(&t);
	script_accepts(&t);
	script_write(&t, 3000);
	testnet_discard(t.nic);
	t.wnd = 0;
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	ck_assert_uint_eq(tcp_sock(t.sk)->snd_wnd, 0);
	for (uint32_t i = 0; i < 40 * 60; i++) {	/* longer than 15 time-outs */
		wait_ms(&t, 1000);
		n += testnet_captured(t.nic);
		if (testnet_captured(t.nic)) {
			testnet_discard(t.nic);
			peer_sends(&t, TCPH_ACK, 1, 1, 0);
		}
	}
	ck_assert_uint_gt(n, 15);
	ck_state(&t, TCPS_ESTABLISHED);
	end(&t);
}
END_TEST

/* RFC 9293 3.8.6.2.1 (4): a window that stays smaller than a segment is used, after a while */
START_TEST(small_window)
{
	struct script t;

	begin(&t);
	script_accepts(&t);
	script_sends(&t, 100, 1, 1, 100);
	t.wnd = 500;
	peer_sends(&t, TCPH_ACK, 1, 101, 0);
	script_write(&t, 5000);
	expect_nothing(&t);
	for (int i = 0; i < 100 && !testnet_captured(t.nic); i++)
		wait_ms(&t, 100);
	expect(&t, TCPH_ACK, 101, 1, 500);
	expect_nothing(&t);
	end(&t);
}
END_TEST

/* And orphans are reset; but not while there is enough */
START_TEST(squeeze_orphans)
{
	struct script t;

	begin(&t);
	script_accepts(&t);
	script_write(&t, 2 * MSS);
	t.sk->ops->close(t.sk, false);
	t.sk = NULL;
	testnet_run(&t.net, 0);
	testnet_discard(t.nic);
	peer_sends(&t, TCPH_ACK, 1, 1 + MSS, 0);
	ck_assert_uint_eq(t.tcp.orphans, 1);
	use_memory(&t, 5 * MB);
	wait_ms(&t, 20);
	testnet_discard(t.nic);
	peer_sends(&t, TCPH_ACK, 1, 1 + MSS, 0);
	ck_assert_uint_eq(t.tcp.orphans, 0);
	ck_assert_uint_eq(t.tcp.stats.abort_on_memory, 1);
	expect(&t, TCPH_RST | TCPH_ACK, 2 + 2 * MSS, 1, 0);
	testnet_discard(t.nic);
	end(&t);
}
END_TEST

/* Nor does a connection become an orphan with much to send (Linux's tcp_check_oom) */
START_TEST(no_new_orphans)
{
	struct script t;

	begin(&t);
	script_accepts(&t);
	script_write(&t, 5 * MSS);
	testnet_discard(t.nic);
	use_memory(&t, 5 * MB);
	t.sk->ops->close(t.sk, false);
	t.sk = NULL;
	testnet_run(&t.net, 0);
	ck_assert_uint_eq(t.tcp.orphans, 0);
	ck_assert_uint_eq(t.tcp.stats.abort_on_memory, 1);
	testnet_discard(t.nic);
	end(&t);
}
END_TEST

/* A new configuration: larger buffers shrink to what is allowed now */
START_TEST(new_sizes)
{
	struct tcp_sizes small = { 4096, 16384, 32768 };
	struct tcp_marks none = { 0, 0, 0 };
	struct script t;

	begin(&t);
	script_accepts(&t);
	tcp_set_memory(&t.tcp, &small, &small, &none);
	ck_assert_uint_eq(t.sk->rcvbuf, 32768);
	ck_assert_uint_eq(t.sk->sndbuf, 32768);
	end(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp memory");
	TCase *t = tcase_create("memory");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, window_scale, 0, 5);
	tcase_add_test(t, sndbuf_grows);
	tcase_add_test(t, hysteresis);
	tcase_add_test(t, pressure_shrinks);
	tcase_add_test(t, grows_again);
	tcase_add_test(t, squeeze_out_of_order);
	tcase_add_test(t, squeeze_unread);
	tcase_add_test(t, squeeze_takes_nothing);
	tcase_add_loop_test(t, scarce_closes_window, 0, 2);
	tcase_add_test(t, peer_closes_window);
	tcase_add_test(t, small_window);
	tcase_add_test(t, squeeze_orphans);
	tcase_add_test(t, no_new_orphans);
	tcase_add_test(t, new_sizes);
	suite_add_tcase(s, t);
	return run_suite(s);
}
