/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_sack.c - selective acknowledgement, both sides. Each test names its RFC and section. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tcp_script.h"
#include "tests/suite.h"

#define MSS 1460u
#define S(n) (1 + (n) * MSS)		/* where the peer's segment n begins, from 0 on */

static void begin(struct script *t)
{
	script_init(t);
	t->sack = true;
	t->rtt = 20;
	script_accepts(t);
}

/* The stack sends n segments; the script has taken them. */
static void send_segments(struct script *t, uint32_t n)
{
	script_sends(t, n * MSS, 1, n, MSS);
	expect_nothing(t);
	wait_ms(t, 20);
}

static struct tcp_sock *tp_of(struct script *t)
{
	return tcp_sock(t->sk);
}

/* RFC 2018 2: SACK-permitted is offered, and accepted only when it was */
START_TEST(negotiation)
{
	for (int i = 0; i < 4; i++) {
		bool peer = i & 1, we = i & 2;
		struct script t;

		script_init(&t);
		t.tcp.sack = we;
		t.sack = peer;
		script_listen(&t, 5);
		peer_sends(&t, TCPH_SYN, 0, 0, 0);
		expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
		ck_assert_int_eq(t.got.sack_ok, peer && we);
		script_fini(&t);
		script_init(&t);
		t.tcp.sack = we;
		t.sack = peer;
		script_connects(&t);
		ck_assert_int_eq(tp_of(&t)->sack_ok, peer && we);
		script_fini(&t);
	}
}
END_TEST

/* RFC 2018 2, 3: the option's place, with and without timestamps; what we emit we parse */
START_TEST(wire_format)
{
	for (int i = 0; i < 8; i++) {
		struct tcp_segment s = { .flags = i & 4 ? TCPH_SYN : TCPH_ACK, .has_ts = i & 1 }, r;
		uint8_t h[TCP_HEADER_MAX];

		s.sack_ok = i & 4;
		s.nsacks = i & 4 ? 0 : i & 1 ? 3 : 4;
		for (uint32_t k = 0; k < s.nsacks; k++)
			s.sack[k] = (struct tcp_sack_block){ 0xfffffff0u + 100 * k, 50 + 100 * k };
		ck_assert_uint_le(tcp_segment_size(&s), TCP_HEADER_MAX);
		ck_assert_uint_eq(tcp_segment_size(&s) % 4, 0);
		tcp_segment_emit(&s, h);
		ck_assert_uint_eq(tcp_segment_header_len(h), tcp_segment_size(&s));
		tcp_segment_parse(h, tcp_segment_size(&s), &r);
		ck_assert_int_eq(r.sack_ok, s.sack_ok);
		ck_assert_int_eq(r.has_ts, s.has_ts);
		ck_assert_uint_eq(r.nsacks, s.nsacks);
		ck_assert_int_eq(memcmp(r.sack, s.sack, s.nsacks * sizeof(s.sack[0])), 0);
	}
}
END_TEST

/* ---- the receiver ---- */

static void ck_block(const struct script *t, int i, uint32_t start, uint32_t end)
{
	ck_assert_int_lt(i, t->got.nsacks);
	ck_assert_uint_eq(t->got.sack[i].start - PEER_ISN, start);
	ck_assert_uint_eq(t->got.sack[i].end - PEER_ISN, end);
}

/* RFC 2018 4: the block that changed last comes first; as many as there is room for */
START_TEST(latest_block_first)
{
	for (int ts = 0; ts < 2; ts++) {
		struct script t;
		uint32_t most = ts ? 3 : 4;

		script_init(&t);
		t.sack = true;
		t.ts = ts;
		script_accepts(&t);
		for (uint32_t i = 1; i <= 6; i++) {
			peer_sends(&t, TCPH_ACK, 1 + i * 200, 1, 100);
			expect(&t, TCPH_ACK, 1, 1, 0);
			ck_assert_uint_eq(t.got.nsacks, i < most ? i : most);
			for (uint32_t k = 0; k < t.got.nsacks; k++)
				ck_block(&t, (int)k, 1 + (i - k) * 200, 101 + (i - k) * 200);
		}
		peer_sends(&t, TCPH_ACK, 1101, 1, 100);		/* joins the fifth and the sixth */
		expect(&t, TCPH_ACK, 1, 1, 0);
		ck_block(&t, 0, 1001, 1301);
		ck_block(&t, 1, 801, 901);
		peer_sends(&t, TCPH_ACK, 1, 1, 200);		/* RCV.NXT reaches the first */
		expect(&t, TCPH_ACK, 1, 301, 0);
		ck_block(&t, 0, 1001, 1301);
		peer_sends(&t, TCPH_ACK, 301, 1, 700);		/* and all */
		expect(&t, TCPH_ACK, 1, 1301, 0);
		ck_assert_uint_eq(t.got.nsacks, 0);
		ck_assert_uint_eq(script_read(&t), 1300);
		testnet_discard(t.nic);
		script_fini(&t);
	}
}
END_TEST

/* RFC 2883 4.1: a segment that came before, below the ACK and above it; told once */
START_TEST(dsack_sent)
{
	struct script t;

	begin(&t);
	peer_sends(&t, TCPH_ACK, 1, 1, 500);
	expect(&t, TCPH_ACK, 1, 501, 0);
	ck_assert_uint_eq(t.got.nsacks, 0);
	peer_sends(&t, TCPH_ACK, 101, 1, 100);		/* wholly old */
	expect(&t, TCPH_ACK, 1, 501, 0);
	ck_block(&t, 0, 101, 201);
	ck_assert_uint_eq(t.got.nsacks, 1);
	peer_sends(&t, TCPH_ACK, 401, 1, 100);		/* up to RCV.NXT exactly */
	expect(&t, TCPH_ACK, 1, 501, 0);
	ck_block(&t, 0, 401, 501);
	peer_sends(&t, TCPH_ACK, 401, 1, 200);		/* half of it is new */
	expect(&t, TCPH_ACK, 1, 601, 0);
	ck_block(&t, 0, 401, 501);
	peer_sends(&t, TCPH_ACK, 701, 1, 200);		/* out of order */
	expect(&t, TCPH_ACK, 1, 601, 0);
	ck_assert_uint_eq(t.got.nsacks, 1);
	ck_block(&t, 0, 701, 901);
	peer_sends(&t, TCPH_ACK, 751, 1, 50);		/* the same, within (4.2) */
	expect(&t, TCPH_ACK, 1, 601, 0);
	ck_block(&t, 0, 751, 801);
	ck_block(&t, 1, 701, 901);
	peer_sends(&t, TCPH_ACK, 801, 1, 200);		/* and half of it (4.2.3) */
	expect(&t, TCPH_ACK, 1, 601, 0);
	ck_block(&t, 0, 801, 901);
	ck_block(&t, 1, 701, 1001);
	peer_sends(&t, TCPH_ACK, 601, 1, 100);
	expect(&t, TCPH_ACK, 1, 1001, 0);
	ck_assert_uint_eq(t.got.nsacks, 0);
	ck_assert_uint_eq(t.tcp.stats.dsack_old_sent, 3);
	ck_assert_uint_eq(t.tcp.stats.dsack_ofo_sent, 2);
	ck_assert_uint_eq(script_read(&t), 1000);
	script_fini(&t);
}
END_TEST

/* RFC 6691 4: options are taken off the payload; data that bears blocks is not longer than the
 * MTU */
START_TEST(blocks_beside_data)
{
	struct script t;
	uint32_t off = 1;

	begin(&t);
	peer_sends(&t, TCPH_ACK, 101, 1, 100);
	peer_sends(&t, TCPH_ACK, 301, 1, 100);
	testnet_discard(t.nic);
	script_write(&t, 2 * MSS);
	for (int i = 0; i < 3; i++) {
		uint32_t n = i & 1 ? 20 : MSS - 20;	/* two blocks: 4 + 2 * 8 bytes */

		expect(&t, TCPH_ACK, off, 1, n);
		ck_assert_uint_eq(t.got.nsacks, 2);
		ck_assert_uint_le(t.got.header_len + t.got.len, 1480);
		off += n;
		wait_ms(&t, 0);
	}
	expect_nothing(&t);
	script_check_marks(&t);
	script_fini(&t);
}
END_TEST

/* RFC 2018 8: what was promised is not promised any more once memory makes the receiver drop it */
START_TEST(pruned_is_not_reported)
{
	struct script t;
	uint32_t off = 201;

	begin(&t);
	t.sk->rcvbuf = 8192;
	t.sk->rcvbuf_locked = true;
	for (int i = 0; i < 200 && !t.tcp.stats.rcv_pruned; i++, off += 2)
		peer_sends(&t, TCPH_ACK, off, 1, 1);
	ck_assert_uint_ge(t.tcp.stats.rcv_pruned, 1);
	ck_assert_uint_eq(tp_of(&t)->nrcv_sack, 0);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* ---- the sender ---- */

/* RFC 6675 5, RFC 8985 6.2: holes are sent again, and nothing else */
START_TEST(only_holes_again)
{
	struct script t;

	begin(&t);
	send_segments(&t, 10);
	peer_sacks(&t, S(0), 1, S(1), S(3));
	peer_sacks(&t, S(0), 2, S(4), S(5), S(1), S(3));	/* 0 and 3 are missing */
	script_check_marks(&t);
	peer_sacks(&t, S(0), 2, S(4), S(8), S(1), S(3));
	script_check_marks(&t);
	ck_assert_uint_eq(tp_of(&t)->sacked_out, 6 * MSS);
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	expect(&t, TCPH_ACK, S(3), 1, MSS);
	expect_nothing(&t);
	wait_ms(&t, 10);
	peer_sacks(&t, S(3), 1, S(4), S(10));
	script_check_marks(&t);
	expect_nothing(&t);
	peer_sacks(&t, S(10), 0);
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, 2);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 0);
	ck_assert_uint_eq(tp_of(&t)->ca_state, CONGESTION_OPEN);
	script_fini(&t);
}
END_TEST

/* RFC 2018 3: a super-segment is cut at the edges of blocks, and joined where they meet */
START_TEST(cuts_super_segments)
{
	struct script t;
	struct tcp_sock *tp;

	script_init_gso(&t);
	t.sack = true;
	script_accepts(&t);
	tp = tp_of(&t);
	script_write(&t, 10 * MSS);
	testnet_discard(t.nic);
	wait_ms(&t, 10);
	ck_assert_uint_le(tp->nsegs, 2);
	peer_sacks(&t, S(0), 1, S(2), S(3));
	script_check_marks(&t);
	ck_assert_uint_eq(tp->sacked_out, MSS);
	peer_sacks(&t, S(0), 1, S(2) + 7, S(5) - 7);	/* no peer does: whole segments count */
	script_check_marks(&t);
	ck_assert_uint_eq(tp->sacked_out, 2 * MSS);
	peer_sacks(&t, S(0), 2, S(8), S(9), S(2), S(5));
	script_check_marks(&t);
	ck_assert_uint_eq(tp->sacked_out, 4 * MSS);
	testnet_discard(t.nic);
	peer_sacks(&t, S(0), 1, S(1), S(10));
	script_check_marks(&t);
	ck_assert_uint_eq(tp->sacked_out, 9 * MSS);
	ck_assert_uint_le(tp->nsegs, 4);
	peer_sacks(&t, S(10), 0);
	ck_assert_uint_eq(tp->nsegs, 0);
	script_fini(&t);
}
END_TEST

/* RFC 2018 4, RFC 5961 5: blocks outside of what is under way mean nothing */
START_TEST(impossible_blocks)
{
	struct script t;

	begin(&t);
	send_segments(&t, 6);
	peer_sacks(&t, S(0), 1, S(2), S(9));		/* never sent */
	peer_sacks(&t, S(0), 1, S(4), S(3));		/* backwards */
	peer_sacks(&t, S(0), 1, S(4), S(4));
	peer_sacks(&t, S(0), 1, S(1) + 0x7fffffffu, S(2) + 0x7fffffffu);
	script_check_marks(&t);
	ck_assert_uint_eq(tp_of(&t)->sacked_out, 0);
	ck_assert_uint_ge(t.tcp.stats.sack_discard, 3);
	expect_nothing(&t);
	script_fini(&t);
}
END_TEST

/* RFC 2018 8: the peer may drop what it SACKed: after the timeout everything goes again */
START_TEST(reneging)
{
	struct script t;
	struct tcp_sock *tp;

	begin(&t);
	tp = tp_of(&t);
	send_segments(&t, 4);
	peer_sacks(&t, S(0), 1, S(1), S(4));
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	peer_sacks(&t, S(1), 0);			/* it has dropped the rest */
	ck_assert_uint_eq(tp->sacked_out, 3 * MSS);
	expect_nothing(&t);
	wait_ms(&t, 300);
	ck_assert_uint_eq(t.tcp.stats.sack_renegs, 1);
	ck_assert_uint_eq(tp->sacked_out, 0);
	expect(&t, TCPH_ACK, S(1), 1, MSS);
	script_check_marks(&t);
	peer_sacks(&t, S(2), 0);
	expect(&t, TCPH_ACK, S(2), 1, MSS);
	expect(&t, TCPH_ACK, S(3), 1, MSS);
	peer_sacks(&t, S(4), 0);
	ck_assert_uint_eq(tp->nsegs, 0);
	script_fini(&t);
}
END_TEST

/* CVE-2019-11477, 11478, 11479: small segments and blocks that cut at each of them */
START_TEST(bounded_cuts)
{
	struct script t;
	struct tcp_sock *tp;
	uint32_t mss, n;

	script_init_gso(&t);
	t.sack = true;
	t.mss = 8;			/* raised to the floor */
	t.wscale = 14;
	script_accepts(&t);
	tp = tp_of(&t);
	mss = tp->mss;
	ck_assert_uint_ge(mss - tcp_sack_size(4), 48);
	tp->cc.cwnd = 1 << 20;
	t.sk->sndbuf = 1 << 20;
	for (int i = 0; i < 10; i++)
		script_write(&t, 50000);
	for (int i = 0; i < 2000 && tp->send_next; i++)
		wait_ms(&t, 1);
	testnet_discard(t.nic);
	n = (tp->snd_nxt - tp->snd_una) / mss;
	ck_assert_uint_ge(n, 5000);
	for (uint32_t i = 1; i + 8 < n; i += 8) {
		peer_sacks(&t, 1, 4, 1 + i * mss, 1 + (i + 1) * mss, 1 + (i + 2) * mss,
			   1 + (i + 3) * mss, 1 + (i + 4) * mss, 1 + (i + 5) * mss,
			   1 + (i + 6) * mss, 1 + (i + 7) * mss);
		testnet_discard(t.nic);
	}
	ck_assert_uint_le(tp->nsegs * sizeof(struct packet), 4u << 20);
	ck_assert_uint_gt(tp->sacked_out, 0);
	peer_sacks(&t, 1 + n * mss, 0);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

static uint32_t edge(struct script *t)
{
	struct tcp_sock *tp = tp_of(t);
	uint32_t out = tp->snd_nxt - tp->snd_una;
	uint32_t at = out ? random_below(&t->net.env.random, out + 3) : 0;

	if (random_below(&t->net.env.random, 4))
		at -= at % MSS;
	if (!random_below(&t->net.env.random, 16))
		at = random_u32(&t->net.env.random);
	return tp->snd_una - t->iss + at;
}

/* A peer that SACKs at random, lies and reneges: the sums always are those of the marks */
START_TEST(hostile_blocks)
{
	struct script t;

	for (int round = 0; round < 24; round++) {
		if (round & 1)
			script_init_gso(&t);
		else
			script_init(&t);
		random_seed(&t.net.seed, (uint64_t)round);
		t.sack = true;
		t.ts = round & 2;
		script_accepts(&t);
		for (int i = 0; i < 300 && script_state(&t) != TCPS_CLOSED; i++) {
			uint32_t r = random_u32(&t.net.env.random), ack;
			struct tcp_sock *tp = tp_of(&t);

			t.tsval += r & 1;
			ack = tp->snd_una - t.iss;
			if (!(r & 0x1e))
				ack = edge(&t);
			if (r & 0x20)
				script_write(&t, 1 + random_below(&t.net.env.random, 60000));
			peer_sacks(&t, ack, (int)(r >> 8 & 3), edge(&t), edge(&t), edge(&t),
				   edge(&t), edge(&t), edge(&t));
			if (!(r & 0x7000))
				wait_ms(&t, random_below(&t.net.env.random, 400));
			else
				wait_ms(&t, r >> 15 & 3);
			if (testnet_captured(t.nic) > 200)
				testnet_discard(t.nic);
			script_check_marks(&t);
		}
		testnet_discard(t.nic);
		script_fini(&t);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp sack");
	TCase *t = tcase_create("sack");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, negotiation);
	tcase_add_test(t, wire_format);
	tcase_add_test(t, latest_block_first);
	tcase_add_test(t, dsack_sent);
	tcase_add_test(t, blocks_beside_data);
	tcase_add_test(t, pruned_is_not_reported);
	tcase_add_test(t, only_holes_again);
	tcase_add_test(t, cuts_super_segments);
	tcase_add_test(t, impossible_blocks);
	tcase_add_test(t, reneging);
	tcase_add_test(t, bounded_cuts);
	tcase_add_test(t, hostile_blocks);
	suite_add_tcase(s, t);
	return run_suite(s);
}
