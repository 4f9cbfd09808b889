/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp_attack.c - who is not on the path and guesses (RFC 5961, RFC 5927, RFC 1337): what comes
 * of it, and what it costs. Every attack is many packets that hit all places in sequence but the
 * exact one; the connection must go on, nothing may be learned from how many answers there are.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/checksum.h"
#include "tcp_script.h"
#include "tests/suite.h"

#define TRIES 5000u

static uint32_t answers(struct script *t)
{
	uint32_t n = testnet_captured(t->nic);

	testnet_discard(t->nic);
	return n;
}

static void goes_on_at(struct script *t, uint32_t seq, uint32_t ack)
{
	ck_state(t, TCPS_ESTABLISHED);
	testnet_discard(t->nic);
	peer_sends(t, TCPH_ACK, seq, ack, 10);
	expect(t, TCPH_ACK, tcp_sock(t->sk)->snd_nxt - t->iss, seq + 10, 0);
	ck_assert_uint_eq(script_read(t), 10);
}

static void goes_on(struct script *t, uint32_t seq)
{
	goes_on_at(t, seq, 1);
}

/* RFC 5961 3.2: blind RST, all over the sequence space: only RCV.NXT itself resets */
START_TEST(blind_rst)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	for (uint32_t i = 0; i < TRIES; i++) {
		uint32_t seq = i * (UINT32_MAX / TRIES);

		peer_sends(&t, TCPH_RST, seq == 1 ? 2 : seq, 0, 0);
		peer_sends(&t, TCPH_RST, 2 + i, 0, 0);			/* in the window */
	}
	/* one challenge at a time and connection: two a second (RFC 5961 7) */
	ck_assert_uint_le(answers(&t), 1);
	ck_assert_uint_eq(t.tcp.stats.challenge_acks, 1);
	ck_assert_uint_eq(t.tcp.stats.estab_resets, 0);
	goes_on(&t, 1);
	script_fini(&t);
}
END_TEST

/* RFC 5961 4.2: blind SYN, wherever, is challenged, within the limit */
START_TEST(blind_syn)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	for (uint32_t i = 0; i < TRIES; i++)
		peer_sends(&t, TCPH_SYN, i * (UINT32_MAX / TRIES), 0, 0);
	ck_assert_uint_le(answers(&t), 1);
	goes_on(&t, 1);
	script_fini(&t);
}
END_TEST

/* RFC 5961 5.2: blind data: with an ACK far from what is under way it is not taken */
START_TEST(blind_data)
{
	struct script t;
	uint32_t taken = 0;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 100);
	testnet_discard(t.nic);
	for (uint32_t i = 0; i < TRIES; i++) {
		/* the right place in sequence, but a guessed ACK: 5961's range is 65535 wide */
		uint32_t ack = 102 + i * ((UINT32_MAX - 65535 - 200) / TRIES);

		peer_sends(&t, TCPH_ACK, 1, ack, 100);
		taken += script_read(&t);
	}
	ck_assert_uint_eq(taken, 0);
	ck_assert_uint_le(answers(&t), 2);
	for (uint32_t i = 0; i < TRIES; i++)		/* a good ACK, a guessed place */
		peer_sends(&t, TCPH_ACK, 70000 + i * ((UINT32_MAX - 140000) / TRIES), 1, 100);
	ck_assert_uint_eq(script_read(&t), 0);
	ck_assert(tree_empty(&tcp_sock(t.sk)->ofo));
	goes_on(&t, 1);
	script_fini(&t);
}
END_TEST

/* RFC 5961 7, CVE-2016-5696: the limit of a second is not the same each time */
START_TEST(challenge_limit)
{
	struct script t;
	uint32_t first = 0, differ = 0;

	script_init(&t);
	t.tcp.challenge_limit = 100;
	script_accepts(&t);
	for (int second = 0; second < 20; second++) {
		uint64_t before = t.tcp.stats.challenge_acks;

		for (int i = 0; i < 400; i++) {
			tcp_sock(t.sk)->oow_last = 0;	/* as if of many connections */
			tcp_challenge_ack(tcp_sock(t.sk));
		}
		before = t.tcp.stats.challenge_acks - before;
		ck_assert_uint_ge(before, 50);
		ck_assert_uint_le(before, 150);
		first = first ? first : (uint32_t)before;
		differ += first != before;
		wait_ms(&t, 1000);
		testnet_discard(t.nic);
	}
	ck_assert_uint_gt(differ, 10);
	script_fini(&t);
}
END_TEST

/* An ICMP error that quotes a segment of ours from seq on. */
static void icmp(struct script *t, uint8_t type, uint8_t code, uint32_t seq, uint16_t mtu)
{
	uint8_t q[28], b[8 + sizeof(q)], ip[200];
	struct tcp_segment s = { .sport = STACK_PORT, .dport = PEER_PORT, .seq = t->iss + seq };
	uint8_t tcp[TCP_HEADER_LEN];
	uint16_t sum;

	tcp_segment_emit(&s, tcp);
	testnet_ipv4(q, "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 7, 0, tcp, 8);
	q[2] = 1500 >> 8;
	q[3] = 1500 & 255;
	q[6] = 0x40;			/* DF */
	testnet_ipv4_sum(q);
	memset(b, 0, 8);
	b[0] = type;
	b[1] = code;
	b[6] = (uint8_t)(mtu >> 8);
	b[7] = (uint8_t)mtu;
	memcpy(b + 8, q, sizeof(q));
	sum = checksum_fold(checksum_partial(b, sizeof(b), 0));
	memcpy(b + 2, &sum, 2);
	testnet_feed_ip(&t->net, t->nic, NULL, ip,
			testnet_ipv4(ip, "10.0.0.9", "10.0.0.1", IPPROTO_ICMP, 0, 0, b, sizeof(b)));
}

/* RFC 5927 4.1, 5.2, 7.2: ICMP that quotes nothing that is under way changes nothing; hard errors
 * of an established connection only count when it dies by itself */
START_TEST(blind_icmp)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	script_write(&t, 1000);
	testnet_discard(t.nic);
	for (uint32_t i = 0; i < TRIES; i++) {
		uint32_t seq = 1002 + i * ((UINT32_MAX - 2000) / TRIES);

		icmp(&t, 3, 4, seq, 600);
		icmp(&t, 3, 3, seq, 0);
	}
	ck_assert_uint_eq(tcp_sock(t.sk)->mss, 1460);
	ck_assert_int_eq(tcp_sock(t.sk)->soft_error, 0);
	ck_assert_uint_eq(t.tcp.stats.out_of_window_icmps, 2 * TRIES);
	icmp(&t, 3, 3, 1, 0);	/* a hit: remembered, no more */
	ck_state(&t, TCPS_ESTABLISHED);
	ck_assert_int_ne(tcp_sock(t.sk)->soft_error, 0);
	ck_assert_int_eq(script_error(&t), 0);
	peer_sends(&t, TCPH_ACK, 1, 1001, 0);
	goes_on_at(&t, 1, 1001);
	script_fini(&t);
}
END_TEST

/* RFC 1337: a RST, and old data, do not end TIME-WAIT */
START_TEST(time_wait)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	t.sk->ops->close(t.sk, false);
	t.sk = NULL;
	testnet_run(&t.net, 0);
	expect(&t, TCPH_FIN | TCPH_ACK, 1, 1, 0);
	peer_sends(&t, TCPH_FIN | TCPH_ACK, 1, 2, 0);
	expect(&t, TCPH_ACK, 2, 2, 0);
	ck_assert_uint_eq(t.tcp.time_waits, 1);
	for (uint32_t i = 0; i < TRIES; i++)
		peer_sends(&t, TCPH_RST, i * (UINT32_MAX / TRIES), 0, 0);
	peer_sends(&t, TCPH_RST, 2, 0, 0);
	ck_assert_uint_eq(answers(&t), 0);
	ck_assert_uint_eq(t.tcp.time_waits, 1);
	for (uint32_t i = 0; i < TRIES; i++)
		peer_sends(&t, TCPH_ACK, i, 2, 0);
	ck_assert_uint_le(answers(&t), 2);
	ck_assert_uint_eq(t.tcp.time_waits, 1);
	script_fini(&t);
}
END_TEST

/* RFC 9293 3.10.7.4: out of the window: one answer, and two a second without data */
START_TEST(out_of_window)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	for (int i = 0; i < 1000; i++)
		peer_sends(&t, TCPH_ACK, 1000000, 1, 0);
	ck_assert_uint_eq(answers(&t), 1);
	wait_ms(&t, 600);
	peer_sends(&t, TCPH_ACK, 1000000, 1, 0);
	ck_assert_uint_eq(answers(&t), 1);
	goes_on(&t, 1);
	script_fini(&t);
}
END_TEST

/* ---- CVE-2018-5390: many tiny segments with gaps: each is a search among all before ---- */

#define TINY 4096u	/* a power of two, so that a stride that is odd visits all */

enum order { DESCENDING, ASCENDING, SHUFFLED, ORDERS };

/* The ith of TINY places. */
static uint32_t place(enum order order, uint32_t i)
{
	if (order == DESCENDING)
		return TINY - 1 - i;
	return order == ASCENDING ? i : (i * 2654435761u ^ 0x5a5) % TINY;
}

/* Read all: the bytes must be what peer_sends sends from sequence number 1 on. */
static uint32_t read_in_sequence(struct script *t)
{
	struct iovec iov[64];
	uint32_t at = 1, wrong = 0;

	for (int n; (n = t->sk->ops->peek(t->sk, iov, 64)) > 0;) {
		uint32_t from = at;

		for (int i = 0; i < n; i++)
			for (size_t k = 0; k < iov[i].iov_len; k++, at++)
				wrong += ((const uint8_t *)iov[i].iov_base)[k] != (uint8_t)at;
		t->sk->ops->consume(t->sk, at - from);
	}
	ck_assert_uint_eq(wrong, 0);
	return at - 1;
}

/* Every second byte, then the others but the first, then that: nothing is lost or mixed up */
START_TEST(tiny_segments)
{
	struct script t;
	struct tcp_sock *tp;
	uint32_t queued;

	script_init(&t);
	t.net.pool.limit = 1024u << 20;
	script_accepts(&t);
	tp = tcp_sock(t.sk);
	t.sk->rcvbuf = 128u << 20;
	for (uint32_t i = 0; i < TINY; i++) {
		peer_sends(&t, TCPH_ACK, 2 + 2 * place((enum order)_i, i), 1, 1);
		testnet_discard(t.nic);
	}
	queued = (uint32_t)t.tcp.stats.ofo_queued;
	ck_assert_uint_eq(queued, TINY);		/* each is a place of its own */
	for (uint32_t i = 0; i < TINY; i++) {
		uint32_t at = place((enum order)_i, i);

		if (at)
			peer_sends(&t, TCPH_ACK, 1 + 2 * at, 1, 1);
		testnet_discard(t.nic);
	}
	ck_assert_uint_eq(t.tcp.stats.ofo_queued, 2 * TINY - 1);
	ck_assert_uint_eq(t.tcp.stats.ofo_drops, 0);
	ck_assert_uint_eq(tp->rcv_nxt, tp->irs + 1);
	peer_sends(&t, TCPH_ACK, 1, 1, 1);
	ck_assert_uint_eq(tp->rcv_nxt, tp->irs + 1 + 2 * TINY);
	ck_assert_uint_eq(read_in_sequence(&t), 2 * TINY);
	ck_assert_uint_eq(tp->rmem, 0);
	peer_sends(&t, TCPH_ACK, 1 + 2 * TINY, 1, 10);
	ck_assert_uint_eq(script_read(&t), 10);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp attack");
	TCase *t = tcase_create("attack");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, blind_rst);
	tcase_add_test(t, blind_syn);
	tcase_add_test(t, blind_data);
	tcase_add_test(t, challenge_limit);
	tcase_add_test(t, blind_icmp);
	tcase_add_test(t, time_wait);
	tcase_add_test(t, out_of_window);
	tcase_add_loop_test(t, tiny_segments, 0, ORDERS);
	suite_add_tcase(s, t);
	return run_suite(s);
}
