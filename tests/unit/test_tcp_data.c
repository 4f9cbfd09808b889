/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp_data.c - transfer: retransmission, windows, Nagle, acknowledgements. Each test names
 * its RFC and section.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "tcp_script.h"
#include "tests/suite.h"

#define MSS 1460u

static void set(struct script *t, int name, int v)
{
	ck_assert_int_eq(t->sk->ops->setsockopt(t->sk, IPPROTO_TCP, name, &v, sizeof(v)), 0);
}

/* RFC 6298 5.4-5.6: after the RTO, doubled each time */
START_TEST(rto_backoff)
{
	struct script t;
	uint64_t ms = 200;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 100);
	expect(&t, TCPH_ACK, 1, 1, 100);
	wait_ms(&t, 5);
	for (int i = 0; i < 5; i++, ms *= 2) {
		wait_ms(&t, ms - 10);
		expect_nothing(&t);
		wait_ms(&t, 10);
		expect(&t, TCPH_ACK, 1, 1, 100);
	}
	ck_assert_uint_eq(t.tcp.stats.timeouts, 5);
	peer_sends(&t, TCPH_ACK, 1, 101, 0);
	wait_ms(&t, 10000);
	expect_nothing(&t);
	script_fini(&t);
}
END_TEST

/* Let s seconds pass in which the link takes everything: frames. */
static uint32_t seconds_of_silence(struct script *t, int s)
{
	uint32_t frames = testnet_captured(t->nic);

	testnet_discard(t->nic);
	for (s *= 10; s; s--) {
		wait_ms(t, 100);
		frames += testnet_captured(t->nic);
		testnet_discard(t->nic);
	}
	return frames;
}

/* RFC 1122 4.2.3.5: R2; a connection whose peer is gone ends with ETIMEDOUT */
START_TEST(gives_up)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 100);
	ck_assert_uint_eq(seconds_of_silence(&t, 920), 16);
	ck_state(&t, TCPS_ESTABLISHED);
	ck_assert_uint_eq(seconds_of_silence(&t, 10), 0);
	ck_state(&t, TCPS_CLOSED);
	ck_assert_int_eq(script_error(&t), ETIMEDOUT);
	script_fini(&t);
}
END_TEST

/* RFC 5482: TCP_USER_TIMEOUT ends it earlier */
START_TEST(user_timeout)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	set(&t, TCP_USER_TIMEOUT, 2000);
	script_write(&t, 100);
	seconds_of_silence(&t, 5);
	ck_assert_int_eq(script_error(&t), ETIMEDOUT);
	script_fini(&t);
}
END_TEST

/* RFC 1122 4.2.3.5: the same when it is our own link that takes nothing any more */
START_TEST(stuck_link_gives_up)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	testnet_link_room(t.nic, 0);
	script_write(&t, 100);
	wait_ms(&t, 920000);
	ck_state(&t, TCPS_ESTABLISHED);
	wait_ms(&t, 10000);
	ck_state(&t, TCPS_CLOSED);
	ck_assert_int_eq(script_error(&t), ETIMEDOUT);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, 0);
	script_fini(&t);
}
END_TEST

/* RFC 5482 3: the user's limit is kept, not the next RTO after it; with a stuck link, too */
START_TEST(stuck_link_user_timeout)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	set(&t, TCP_USER_TIMEOUT, 5000);
	testnet_link_room(t.nic, 0);
	script_write(&t, 100);
	wait_ms(&t, 4990);
	ck_state(&t, TCPS_ESTABLISHED);
	wait_ms(&t, 20);
	ck_state(&t, TCPS_CLOSED);
	ck_assert_int_eq(script_error(&t), ETIMEDOUT);
	script_fini(&t);
}
END_TEST

/* RFC 6298 5.5: a link that wakes up late; what waited in it is not sent twice, and all is well */
START_TEST(slow_link)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	testnet_link_room(t.nic, 0);
	script_write(&t, 100);
	wait_ms(&t, 30000);
	testnet_link_room(t.nic, -1);
	nic_writable(t.nic);
	wait_ms(&t, 1);
	expect(&t, TCPH_ACK, 1, 1, 100);
	expect_nothing(&t);
	peer_sends(&t, TCPH_ACK, 1, 101, 0);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 0);
	script_write(&t, 100);
	expect(&t, TCPH_ACK, 101, 1, 100);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.8.4, RFC 5482 4.2: keepalive ends a connection over a stuck link, too */
START_TEST(stuck_link_keepalive)
{
	struct script t;
	int on = 1;

	for (int limit = 0; limit < 2; limit++) {
		script_init(&t);
		script_accepts(&t);
		set(&t, TCP_KEEPIDLE, 10);
		set(&t, TCP_KEEPINTVL, 5);
		set(&t, TCP_KEEPCNT, 3);
		if (limit)
			set(&t, TCP_USER_TIMEOUT, 12000);
		t.sk->keepalive = true;
		t.sk->ops->setsockopt(t.sk, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		testnet_link_room(t.nic, 0);
		wait_ms(&t, limit ? 14900 : 24900);
		ck_state(&t, TCPS_ESTABLISHED);
		wait_ms(&t, 200);
		ck_state(&t, TCPS_CLOSED);
		ck_assert_int_eq(script_error(&t), ETIMEDOUT);
		script_fini(&t);
	}
}
END_TEST

/* RFC 6582 3.2: fast retransmit is there after any number of bytes without loss */
START_TEST(recover_wraps)
{
	struct script t;
	struct tcp_sock *tp;

	script_init(&t);
	script_accepts(&t);
	tp = tcp_sock(t.sk);
	tp->recover = tp->snd_una - 0x80000000u + 2 * MSS;	/* the last loss: 2 GiB ago */
	script_write(&t, 10 * MSS);
	testnet_discard(t.nic);
	for (uint32_t i = 1; i <= 4; i++)
		peer_sends(&t, TCPH_ACK, 1, 1 + i * MSS, 0);
	for (int i = 0; i < 3; i++)
		peer_sends(&t, TCPH_ACK, 1, 1 + 4 * MSS, 0);
	expect(&t, TCPH_ACK, 1 + 4 * MSS, 1, MSS);
	ck_assert_uint_eq(t.tcp.stats.fast_retrans, 1);
	script_fini(&t);
}
END_TEST

/* RFC 7323 2.4: rounding to the scale gives a peer that sends byte by byte no endless window */
START_TEST(window_rounding)
{
	struct script t;
	struct tcp_sock *tp;

	script_init(&t);
	t.wscale = 7;
	script_listen(&t, 5);
	t.listener->rcvbuf = 16384;
	script_accepts(&t);
	tp = tcp_sock(t.sk);
	ck_assert_uint_eq(tp->rcv_wscale, 7);
	for (uint32_t seq = 1; seq <= 10000; seq++) {
		peer_sends(&t, TCPH_ACK, seq, 1, 1);
		testnet_discard(t.nic);
	}
	ck_assert_uint_le(tp->recv_bytes, t.sk->rcvbuf / 2);
	ck_assert_uint_gt(tp->recv_bytes, t.sk->rcvbuf / 2 - 256);
	ck_assert_uint_le(tp->rmem, 2 * t.sk->rcvbuf);
	ck_assert_uint_eq(script_read(&t), tp->rcv_nxt - PEER_ISN - 1);
	script_fini(&t);
}
END_TEST

/*
 * RFC 1122 4.2.2.16: a reader that sleeps costs its own window and no more. The stack's memory
 * runs out: what a reader waits for is taken, nothing else, and ACKs are still sent.
 */
START_TEST(memory_runs_out)
{
	struct script t;
	uint64_t limit;

	script_init(&t);
	script_accepts(&t);
	limit = t.net.pool.limit;
	peer_sends(&t, TCPH_ACK, 1, 1, 1000);
	testnet_discard(t.nic);
	t.net.pool.limit = 16u << 20;
	t.net.pool.used += 29u << 19;
	peer_sends(&t, TCPH_ACK, 1001, 1, 1000);	/* the reader has something to read */
	expect(&t, TCPH_ACK, 1, 1001, 0);
	ck_assert_uint_ge(t.tcp.stats.rcv_pruned, 1);
	ck_assert_uint_eq(script_read(&t), 1000);
	testnet_discard(t.nic);
	peer_sends(&t, TCPH_ACK, 1001, 1, 1000);
	expect(&t, TCPH_ACK, 1, 2001, 0);
	ck_assert_uint_eq(script_read(&t), 1000);
	testnet_discard(t.nic);
	ck_assert_int_eq(script_write(&t, 100), 100);	/* the first is always taken */
	expect(&t, TCPH_ACK, 1, 2001, 100);
	ck_assert_uint_eq(t.sk->ops->space(t.sk), 0);	/* more is not: its ACK will tell */
	ck_assert_uint_eq(t.sk->ops->poll(t.sk) & EPOLLOUT, 0);
	peer_sends(&t, TCPH_ACK, 2001, 101, 0);
	ck_assert_uint_ne(t.sk->ops->poll(t.sk) & EPOLLOUT, 0);
	t.net.pool.used -= 29u << 19;
	t.net.pool.limit = limit;
	script_fini(&t);
}
END_TEST

/*
 * RFC 5681 3.2, RFC 6582: three duplicate ACKs send the first segment again; a partial ACK the
 * next hole
 */
START_TEST(fast_retransmit)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 10 * MSS);
	for (uint32_t i = 0; i < 10; i++)
		expect(&t, TCPH_ACK, 1 + i * MSS, 1, MSS);
	peer_sends(&t, TCPH_ACK, 1, 1 + MSS, 0);		/* 2 and 5 are lost */
	peer_sends(&t, TCPH_ACK, 1, 1 + MSS, 0);
	peer_sends(&t, TCPH_ACK, 1, 1 + MSS, 0);
	expect_nothing(&t);
	peer_sends(&t, TCPH_ACK, 1, 1 + MSS, 0);
	expect(&t, TCPH_ACK, 1 + MSS, 1, MSS);
	expect_nothing(&t);
	peer_sends(&t, TCPH_ACK, 1, 1 + 4 * MSS, 0);		/* partial */
	expect(&t, TCPH_ACK, 1 + 4 * MSS, 1, MSS);
	peer_sends(&t, TCPH_ACK, 1, 1 + 10 * MSS, 0);		/* full */
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, 2);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 0);
	ck_assert_uint_le(tcp_sock(t.sk)->cc.cwnd, 6 * MSS);
	script_fini(&t);
}
END_TEST

/* RFC 3042: the first two duplicate ACKs each let a new segment go */
START_TEST(limited_transmit)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 20 * MSS);
	for (uint32_t i = 0; i < 10; i++)
		expect(&t, TCPH_ACK, 1 + i * MSS, 1, MSS);
	expect_nothing(&t);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	expect(&t, TCPH_ACK, 1 + 10 * MSS, 1, MSS);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	expect(&t, TCPH_ACK, 1 + 11 * MSS, 1, MSS);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	expect(&t, TCPH_ACK, 1, 1, MSS);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 3522: a timeout that the echoed timestamp proves needless is undone */
START_TEST(eifel_undo)
{
	struct script t;
	uint64_t cwnd;
	uint32_t echo;

	script_init(&t);
	t.ts = true;
	script_accepts(&t);
	cwnd = tcp_sock(t.sk)->cc.cwnd;
	script_write(&t, 4000);
	expect(&t, TCPH_ACK, 1, 1, 1448);
	expect(&t, TCPH_ACK, 1449, 1, 1448);
	expect(&t, TCPH_ACK, 2897, 1, 1104);
	echo = t.tsecr;
	wait_ms(&t, 260);
	expect(&t, TCPH_ACK, 1, 1, 1448);
	ck_assert_uint_eq(tcp_sock(t.sk)->cc.cwnd, 1448);
	t.tsecr = echo;
	t.tsval++;
	peer_sends(&t, TCPH_ACK, 1, 2897, 0);
	ck_assert_uint_ge(tcp_sock(t.sk)->cc.cwnd, cwnd);
	expect_nothing(&t);		/* the rest is not sent again */
	script_fini(&t);
}
END_TEST

/*
 * RFC 9293 3.8.6.1: a closed window is probed, less and less often, for as long as the peer
 * answers
 */
START_TEST(zero_window)
{
	struct script t;
	uint64_t ms = 200;

	script_init(&t);
	t.wnd = 100;
	script_accepts(&t);
	script_write(&t, 300);
	expect(&t, TCPH_ACK, 1, 1, 100);
	t.wnd = 0;
	peer_sends(&t, TCPH_ACK, 1, 101, 0);
	wait_ms(&t, 5);
	for (int i = 0; i < 4; i++, ms *= 2) {
		wait_ms(&t, ms - 10);
		expect_nothing(&t);
		wait_ms(&t, 10);
		expect(&t, TCPH_ACK, 100, 1, 0);
		peer_sends(&t, TCPH_ACK, 1, 101, 0);
	}
	t.wnd = 1000;
	peer_sends(&t, TCPH_ACK, 1, 101, 0);
	expect(&t, TCPH_ACK, 101, 1, 200);
	ck_assert_uint_eq(t.tcp.stats.zero_window_probes, 4);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.8.6.2.2: our window closes without shrinking, and is offered again in useful steps */
START_TEST(receiver_window)
{
	struct script t;
	uint32_t full = 65536, off;		/* without window scaling */

	script_init(&t);
	script_accepts(&t);
	for (off = 1; off - 1 < full; off += full / 64)
		peer_sends(&t, TCPH_ACK, off, 1, full / 64);
	ck_assert_uint_eq(tcp_sock(t.sk)->recv_bytes, full);
	testnet_discard(t.nic);
	peer_sends(&t, TCPH_ACK, off, 1, 100);		/* beyond the window: refused */
	expect(&t, TCPH_ACK, 1, off, 0);
	ck_assert_uint_eq(t.got.wnd, 0);
	t.sk->ops->consume(t.sk, 100);
	testnet_run(&t.net, 0);
	expect_nothing(&t);				/* too little to tell of */
	t.sk->ops->consume(t.sk, full / 2);
	testnet_run(&t.net, 0);
	expect(&t, TCPH_ACK, 1, off, 0);
	ck_assert_uint_ge(t.got.wnd, full / 2);
	script_fini(&t);
}
END_TEST

/*
 * RFC 9293 3.7.4, Minshall: a small segment waits for the ACK of the one before; TCP_NODELAY
 * does not
 */
START_TEST(nagle)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 10);
	expect(&t, TCPH_ACK, 1, 1, 10);
	script_write(&t, 10);
	script_write(&t, 10);
	expect_nothing(&t);
	peer_sends(&t, TCPH_ACK, 1, 11, 0);
	expect(&t, TCPH_ACK, 11, 1, 20);
	script_write(&t, 10);
	expect_nothing(&t);
	set(&t, TCP_NODELAY, 1);
	testnet_run(&t.net, 0);
	expect(&t, TCPH_ACK, 31, 1, 10);
	script_write(&t, 5);
	expect(&t, TCPH_ACK, 41, 1, 5);
	script_fini(&t);
}
END_TEST

/* tcp(7) TCP_CORK: no partial segment, for 200 ms at most */
START_TEST(cork)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	set(&t, TCP_CORK, 1);
	script_write(&t, 10);
	expect_nothing(&t);
	wait_ms(&t, 195);
	expect_nothing(&t);
	wait_ms(&t, 10);
	expect(&t, TCPH_ACK, 1, 1, 10);
	peer_sends(&t, TCPH_ACK, 1, 11, 0);
	script_write(&t, 10);
	set(&t, TCP_CORK, 0);
	testnet_run(&t.net, 0);
	expect(&t, TCPH_ACK, 11, 1, 10);
	script_fini(&t);
}
END_TEST

/* RFC 5681 4.2: out-of-order data is acknowledged at once, and so is what fills the gap */
START_TEST(out_of_order)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_ACK, 101, 1, 100);
	expect(&t, TCPH_ACK, 1, 1, 0);
	peer_sends(&t, TCPH_ACK, 151, 1, 100);		/* overlaps */
	expect(&t, TCPH_ACK, 1, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 120);
	expect(&t, TCPH_ACK, 1, 251, 0);
	ck_assert_uint_eq(script_read(&t), 250);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.8.6.3: every second full segment at once, a single one after 40 ms */
START_TEST(delayed_ack)
{
	struct script t;
	uint32_t off = 1;

	script_init(&t);
	script_accepts(&t);
	for (uint32_t i = 0; i < TCP_QUICKACKS; i++, off += 1000) {
		peer_sends(&t, TCPH_ACK, off, 1, 1000);
		expect(&t, TCPH_ACK, 1, off + 1000, 0);
	}
	script_read(&t);
	testnet_discard(t.nic);
	peer_sends(&t, TCPH_ACK, off, 1, 1000);
	expect_nothing(&t);
	peer_sends(&t, TCPH_ACK, off + 1000, 1, 1000);
	expect(&t, TCPH_ACK, 1, off + 2000, 0);
	peer_sends(&t, TCPH_ACK, off + 2000, 1, 1000);
	wait_ms(&t, 38);
	expect_nothing(&t);
	wait_ms(&t, 4);
	expect(&t, TCPH_ACK, 1, off + 3000, 0);
	script_fini(&t);
}
END_TEST

/* A peer that sends single bytes, in order and with gaps, holds no more than twice rcvbuf */
START_TEST(tiny_segments)
{
	struct script t;
	uint32_t rcvbuf;

	script_init(&t);
	script_accepts(&t);
	rcvbuf = t.sk->rcvbuf;
	for (uint32_t i = 0; i < 20000; i++)
		peer_sends(&t, TCPH_ACK, 1 + i, 1, 1);
	testnet_discard(t.nic);
	ck_assert_uint_eq(tcp_sock(t.sk)->recv_bytes, 20000);
	ck_assert_uint_le(t.net.pool.used, 2 * rcvbuf);
	for (uint32_t i = 0; i < 20000; i++)
		peer_sends(&t, TCPH_ACK, 20003 + 2 * i, 1, 1);
	testnet_discard(t.nic);
	ck_assert_uint_le(t.net.pool.used, 2 * rcvbuf);
	ck_assert_uint_eq(script_read(&t), 20000);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.8.4: keepalive probes an idle peer, and gives it up */
START_TEST(keepalive)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	t.sk->keepalive = true;
	set(&t, TCP_KEEPIDLE, 10);
	set(&t, TCP_KEEPINTVL, 5);
	set(&t, TCP_KEEPCNT, 2);
	wait_ms(&t, 9900);
	expect_nothing(&t);
	wait_ms(&t, 200);
	expect(&t, TCPH_ACK, 0, 1, 0);
	peer_sends(&t, TCPH_ACK, 1, 1, 0);		/* alive */
	wait_ms(&t, 10200);
	expect(&t, TCPH_ACK, 0, 1, 0);
	wait_ms(&t, 5000);
	expect(&t, TCPH_ACK, 0, 1, 0);
	wait_ms(&t, 5000);
	expect(&t, TCPH_RST | TCPH_ACK, 1, 1, 0);
	ck_assert_int_eq(script_error(&t), ETIMEDOUT);
	script_fini(&t);
}
END_TEST

/* RFC 1122 4.2.3.6: the peer's keepalive, with and without a byte of garbage, is answered */
START_TEST(answers_keepalive)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	peer_sends(&t, TCPH_ACK, 0, 1, 0);
	expect(&t, TCPH_ACK, 1, 1, 0);
	peer_sends(&t, TCPH_ACK, 0, 1, 1);
	expect(&t, TCPH_ACK, 1, 1, 0);
	ck_assert_uint_eq(script_read(&t), 0);
	script_fini(&t);
}
END_TEST

static void frag_needed(struct script *t, uint32_t seq, uint16_t mtu)
{
	struct ip_meta q = { .src = testnet_addr("10.0.0.1"), .dst = testnet_addr("10.0.0.2"),
			     .nic = t->nic, .proto = IPPROTO_TCP };
	struct ip_error e = { .err = EMSGSIZE, .type = 3, .code = 4, .mtu = mtu };
	uint32_t s = htonl(t->iss + seq);
	uint8_t th[8] = { 0, STACK_PORT, PEER_PORT >> 8, PEER_PORT & 0xff };

	memcpy(th + 4, &s, 4);
	tcp_icmp_error(&t->tcp, &q, th, sizeof(th), &e);
	testnet_run(&t->net, 0);
}

/* RFC 1191, RFC 5927 4.1 and 7.2: believed only of what is under way; then sent again, smaller */
START_TEST(path_mtu)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 2 * MSS);
	expect(&t, TCPH_ACK, 1, 1, MSS);
	expect(&t, TCPH_ACK, 1 + MSS, 1, MSS);
	frag_needed(&t, 900000, 1000);
	expect_nothing(&t);
	frag_needed(&t, 1, 1000);
	expect(&t, TCPH_ACK, 1, 1, 960);
	ck_assert_uint_eq(tcp_sock(t.sk)->mss, 960);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

static void count_event(void *arg)
{
	(*(int *)arg)++;
}

/* Over loopback, MTU 65536: the largest segment is what an IP packet can hold (RFC 9293 3.7.1) */
START_TEST(loopback)
{
	struct ip_addr lo = testnet_addr("127.0.0.1");
	struct script t;
	struct sock *c;
	uint32_t sum = 0;
	int err, events = 0;

	script_init(&t);
	script_listen(&t, 5);
	c = t.sk = script_sock(&t);
	c->event = count_event;
	c->event_arg = &events;
	ck_assert_int_eq(c->ops->connect(c, &lo, STACK_PORT), -EINPROGRESS);
	testnet_run(&t.net, 1);
	ck_state(&t, TCPS_ESTABLISHED);
	ck_assert_int_ge(events, 1);
	ck_assert_uint_eq(tcp_sock(c)->mss, 65535 - 40 - 12);
	t.sk = t.listener->ops->accept(t.listener, &err);
	ck_assert_ptr_nonnull(t.sk);
	for (int i = 0; i < 2000 && sum < 1000000; i++) {
		struct sock *s = t.sk;

		t.sk = c;
		if (c->ops->space(c))
			script_write(&t, 60000);
		t.sk = s;
		sum += script_read(&t);
		testnet_run(&t.net, 1000);
	}
	ck_assert_uint_ge(sum, 1000000);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, 0);
	c->ops->close(c, false);
	script_fini(&t);
}
END_TEST

/*
 * A hostile peer: segments of every kind in and around the window. Nothing breaks, memory stays
 * bounded.
 */
START_TEST(hostile)
{
	static const uint8_t flags[] = {
		TCPH_ACK, TCPH_ACK, TCPH_ACK, TCPH_ACK | TCPH_FIN, TCPH_SYN, TCPH_SYN | TCPH_ACK,
		TCPH_RST, TCPH_RST | TCPH_ACK, TCPH_FIN, 0, TCPH_SYN | TCPH_FIN, 0xff,
	};
	struct script t;

	for (int round = 0; round < 60; round++) {
		script_init(&t);
		random_seed(&t.net.seed, (uint64_t)round);
		t.ts = round & 1;
		script_accepts(&t);
		for (int i = 0; i < 1000 && script_state(&t) != TCPS_CLOSED; i++) {
			uint32_t r = random_u32(&t.net.env.random);
			uint8_t f = flags[r % 24 < 12 ? r % 12 : 0];
			uint32_t seq = tcp_sock(t.sk)->rcv_nxt - PEER_ISN;
			uint32_t ack = tcp_sock(t.sk)->snd_nxt - t.iss;

			if (r & 0x100)
				seq += random_below(&t.net.env.random, 3000) - 1500;
			if (r & 0x200)
				ack -= random_below(&t.net.env.random, 3000);
			if (f & TCPH_RST && r & 0xc00)
				continue;
			t.wnd = r & 0x1000 ? 65535 : (uint16_t)(r >> 16);
			t.tsval += random_below(&t.net.env.random, 3);
			peer_sends(&t, f, seq, ack,
				   r & 0x2000 ? random_below(&t.net.env.random, 1460) : 0);
			if (r & 0x4000)
				script_write(&t, 1 + random_below(&t.net.env.random, 20000));
			if (r & 0x8000)
				script_read(&t);
			if (!(r & 0x70000))
				wait_ms(&t, random_below(&t.net.env.random, 300));
			testnet_discard(t.nic);
			ck_assert_uint_le(tcp_sock(t.sk)->rmem, 2 * t.sk->rcvbuf);
			if (script_state(&t) != TCPS_CLOSED)
				ck_assert_uint_le(tcp_pipe(tcp_sock(t.sk)),
						  tcp_sock(t.sk)->queued + 1);
		}
		script_fini(&t);
	}
}
END_TEST

/* tcp(7): options by name; what is unknown is refused */
START_TEST(congestion_by_name)
{
	struct script t;
	char name[16];
	socklen_t len = sizeof(name);

	script_init(&t);
	script_accepts(&t);
	ck_assert_int_eq(t.sk->ops->getsockopt(t.sk, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
	ck_assert_str_eq(name, "reno");
	ck_assert_int_eq(t.sk->ops->setsockopt(t.sk, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6),
			 -ENOENT);
	ck_assert_int_eq(t.sk->ops->setsockopt(t.sk, IPPROTO_TCP, 250, name, sizeof(int)),
			 -ENOPROTOOPT);
	script_fini(&t);
}
END_TEST

/* tcp(7): chosen before connect or listen, it holds for the connection, and for what is accepted */
static const struct congestion_ops *other_kind(void *arg, const char *name, struct module **m,
					       const void **params)
{
	static struct congestion_ops other;

	if (strcmp(name, "other"))
		return NULL;
	other = *((struct script *)arg)->tcp.congestion;
	other.name = "other";
	*m = NULL;
	*params = NULL;
	return &other;
}

static void put_kind(void *arg, struct module *m)
{
	(void)arg;
	(void)m;
}

START_TEST(congestion_inherited)
{
	struct tcp_congestion_kinds kinds = { NULL, other_kind, put_kind };
	struct script t;

	script_init(&t);
	kinds.arg = &t;
	t.tcp.kinds = &kinds;
	script_listen(&t, 5);
	ck_assert_int_eq(t.listener->ops->setsockopt(t.listener, IPPROTO_TCP, TCP_CONGESTION, "other", 5), 0);
	script_accepts(&t);
	ck_assert_str_eq(tcp_sock(t.sk)->cc_ops->name, "other");
	ck_assert_uint_eq(tcp_sock(t.sk)->cc.cwnd, TCP_INIT_CWND * MSS);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp data");
	TCase *t = tcase_create("data");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, rto_backoff);
	tcase_add_test(t, gives_up);
	tcase_add_test(t, user_timeout);
	tcase_add_test(t, stuck_link_gives_up);
	tcase_add_test(t, stuck_link_user_timeout);
	tcase_add_test(t, stuck_link_keepalive);
	tcase_add_test(t, slow_link);
	tcase_add_test(t, recover_wraps);
	tcase_add_test(t, window_rounding);
	tcase_add_test(t, memory_runs_out);
	tcase_add_test(t, fast_retransmit);
	tcase_add_test(t, limited_transmit);
	tcase_add_test(t, eifel_undo);
	tcase_add_test(t, zero_window);
	tcase_add_test(t, receiver_window);
	tcase_add_test(t, nagle);
	tcase_add_test(t, cork);
	tcase_add_test(t, out_of_order);
	tcase_add_test(t, delayed_ack);
	tcase_add_test(t, tiny_segments);
	tcase_add_test(t, keepalive);
	tcase_add_test(t, answers_keepalive);
	tcase_add_test(t, path_mtu);
	tcase_add_test(t, loopback);
	tcase_add_test(t, hostile);
	tcase_add_test(t, congestion_by_name);
	tcase_add_test(t, congestion_inherited);
	suite_add_tcase(s, t);
	return run_suite(s);
}
