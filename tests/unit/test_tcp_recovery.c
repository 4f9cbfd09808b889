/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_recovery.c - what follows from losses, and its undoing. Each test names RFC and
 * section. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tcp_script.h"
#include "tests/suite.h"

#define MSS 1460u
#define S(n) (1 + (n) * MSS)
#define RTT 40				/* ms */

static struct tcp_sock *tp_of(struct script *t)
{
	return tcp_sock(t->sk);
}

static void begin(struct script *t, bool sack)
{
	script_init(t);
	t->sack = sack;
	t->wscale = 4;
	t->rtt = RTT;
	script_accepts(t);
}

/* cwnd as given, and a flight of n segments that fills it; more data waits. */
static void fill(struct script *t, uint32_t n)
{
	tp_of(t)->cc.cwnd = n * MSS;
	t->sk->sndbuf = 4 * n * MSS;
	script_sends(t, 3 * n * MSS, 1, n, MSS);
	expect_nothing(t);
	wait_ms(t, RTT);
}

/* RFC 6937 3: sending goes on, about one segment for two that arrive, down to ssthresh */
START_TEST(prr_proportional)
{
	struct script t;
	uint32_t sum = 0;

	begin(&t, true);
	fill(&t, 40);
	peer_sacks(&t, S(0), 1, S(1), S(4));
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	expect_nothing(&t);
	ck_assert_uint_eq(tp_of(&t)->cc.ssthresh, 20 * MSS);
	for (uint32_t i = 5; i <= 39; i++) {
		uint32_t n;

		peer_sacks(&t, S(0), 1, S(1), S(i));
		n = script_drain(&t, 0);
		ck_assert_uint_le(n, 1);
		sum += n;
		if (i == 22)
			ck_assert(sum >= 8 && sum <= 10);
		ck_assert_uint_le(tcp_pipe(tp_of(&t)), 40 * MSS);
	}
	ck_assert(sum >= 16 && sum <= 19);
	peer_sacks(&t, S(40), 0);
	ck_assert_uint_eq(tp_of(&t)->ca_state, CONGESTION_OPEN);
	ck_assert_uint_eq(tp_of(&t)->cc.cwnd, 20 * MSS);
	script_drain(&t, 0);
	script_fini(&t);
}
END_TEST

/* RFC 6937 3, 6937bis: more was lost than cwnd is to go down: what arrives is sent, and a little
 * more */
START_TEST(prr_heavy_loss)
{
	struct script t;

	begin(&t, true);
	fill(&t, 40);
	peer_sacks(&t, S(0), 1, S(35), S(38));		/* 35 of 40 are lost */
	ck_assert_uint_eq(script_drain(&t, 0), 3);		/* as many as arrived */
	peer_sacks(&t, S(0), 1, S(35), S(40));
	ck_assert_uint_eq(script_drain(&t, 0), 2);
	wait_ms(&t, 10);
	peer_sacks(&t, S(1), 1, S(35), S(40));
	ck_assert_uint_eq(script_drain(&t, 0), 2);		/* it advances: slow start */
	peer_sacks(&t, S(2), 1, S(35), S(40));
	ck_assert_uint_eq(script_drain(&t, 0), 2);
	script_check_marks(&t);
	script_fini(&t);
}
END_TEST

/* RFC 3042: without SACK the first two duplicate ACKs each let a new segment go */
START_TEST(limited_transmit)
{
	struct script t;

	begin(&t, false);
	fill(&t, 10);
	peer_sacks(&t, S(0), 0);
	expect(&t, TCPH_ACK, S(10), 1, MSS);
	peer_sacks(&t, S(0), 0);
	expect(&t, TCPH_ACK, S(11), 1, MSS);
	expect_nothing(&t);
	peer_sacks(&t, S(0), 0);
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	expect_nothing(&t);
	script_fini(&t);
}
END_TEST

/* RFC 6582 3.2, 4.1: without SACK old duplicates after the end do not begin recovery again */
START_TEST(newreno_once)
{
	struct script t;

	begin(&t, false);
	fill(&t, 10);
	for (int i = 0; i < 3; i++)
		peer_sacks(&t, S(0), 0);
	testnet_discard(t.nic);
	peer_sacks(&t, S(12), 0);
	testnet_discard(t.nic);
	ck_assert_uint_eq(t.tcp.stats.reno_recovery, 1);
	for (int i = 0; i < 4; i++)
		peer_sacks(&t, S(12), 0);
	ck_assert_uint_eq(t.tcp.stats.reno_recovery, 1);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, 1);
	script_drain(&t, 0);
	script_fini(&t);
}
END_TEST

/* RFC 5681 3.1 (4), RFC 6675 5.1: after a timeout what the peer has is not sent again */
START_TEST(timeout_keeps_sacked)
{
	struct script t;
	struct tcp_sock *tp;

	begin(&t, true);
	tp = tp_of(&t);
	fill(&t, 10);
	peer_sacks(&t, S(0), 1, S(8), S(9));
	script_drain(&t, 2000);
	ck_assert_uint_ge(t.tcp.stats.timeouts, 1);
	ck_assert_uint_eq(tp->ca_state, CONGESTION_LOSS);
	ck_assert_uint_eq(tp->sacked_out, MSS);
	script_check_marks(&t);
	script_drain(&t, 0);
	script_fini(&t);
}
END_TEST

/* RFC 5682 3.1: the flight was only late: after one retransmission nothing more is sent again */
START_TEST(frto_spurious)
{
	for (int sack = 0; sack < 2; sack++) {
		struct script t;
		struct tcp_sock *tp;
		uint64_t cwnd;

		begin(&t, sack);
		tp = tp_of(&t);
		fill(&t, 10);
		cwnd = tp->cc.cwnd;
		wait_ms(&t, 80);
		testnet_discard(t.nic);			/* the probe of new data, with SACK */
		wait_ms(&t, 350);
		expect(&t, TCPH_ACK, S(0), 1, MSS);
		expect_nothing(&t);
		ck_assert_uint_eq(tp->ca_state, CONGESTION_LOSS);
		peer_sacks(&t, S(1), 0);		/* late: of the original */
		ck_assert_uint_eq(tp->frto_new, true);
		ck_assert_uint_ge(script_drain(&t, 0), 1);	/* new data, step 2b */
		ck_assert_uint_eq(t.tcp.stats.retrans_segs, 1);
		peer_sacks(&t, S(2), 0);		/* step 3b: never sent again */
		ck_assert_uint_eq(t.tcp.stats.spurious_rtos, 1);
		ck_assert_uint_eq(t.tcp.stats.retrans_segs, 1);
		ck_assert_uint_ge(tp->cc.cwnd, cwnd);
		ck_assert_uint_eq(tp->lost_out, 0);
		script_check_marks(&t);
		testnet_discard(t.nic);
		script_fini(&t);
	}
}
END_TEST

/* RFC 5682 3.1 step 3a: the new data brings a duplicate ACK: the loss is real */
START_TEST(frto_real)
{
	struct script t;
	struct tcp_sock *tp;

	begin(&t, true);
	tp = tp_of(&t);
	fill(&t, 10);
	wait_ms(&t, 430);
	testnet_discard(t.nic);
	ck_assert_uint_eq(tp->ca_state, CONGESTION_LOSS);
	peer_sacks(&t, S(1), 0);
	testnet_discard(t.nic);
	peer_sacks(&t, S(1), 1, S(11), S(12));
	ck_assert_uint_eq(t.tcp.stats.spurious_rtos, 0);
	expect(&t, TCPH_ACK, S(1), 1, MSS);
	script_check_marks(&t);
	script_drain(&t, 0);
	script_fini(&t);
}
END_TEST

/* RFC 3708 3, RFC 2883: all that was sent again is reported to have come twice */
START_TEST(dsack_undo)
{
	struct script t;
	struct tcp_sock *tp;

	begin(&t, true);
	tp = tp_of(&t);
	fill(&t, 10);
	peer_sacks(&t, S(0), 1, S(2), S(5));		/* 0 and 1 are late */
	testnet_discard(t.nic);
	peer_sacks(&t, S(0), 1, S(2), S(7));
	testnet_discard(t.nic);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, 2);
	ck_assert_uint_eq(tp->cc.ssthresh, 5 * MSS);
	peer_sacks(&t, S(7), 0);
	testnet_discard(t.nic);
	peer_sacks(&t, S(7), 1, S(0), S(1));
	ck_assert_uint_eq(t.tcp.stats.dsack_undo, 0);
	peer_sacks(&t, S(7), 1, S(1), S(2));
	ck_assert_uint_eq(t.tcp.stats.dsack_undo, 1);
	ck_assert_uint_ge(tp->cc.cwnd, 10 * MSS);
	ck_assert_uint_ge(tp->cc.ssthresh, 7 * MSS);
	script_drain(&t, 0);
	script_fini(&t);
}
END_TEST

/* RFC 3522 3.2, RFC 4015: the ACK echoes the original's timestamp, in recovery and after
 * timeouts */
START_TEST(eifel)
{
	struct script t;
	struct tcp_sock *tp;
	uint32_t echo;

	script_init(&t);
	t.sack = t.ts = true;
	t.rtt = RTT;
	script_accepts(&t);
	tp = tp_of(&t);
	script_sends(&t, 10 * tp->mss, 1, 10, tp->mss);
	echo = t.tsecr;
	wait_ms(&t, RTT);
	t.tsval++;
	peer_sacks(&t, 1, 1, 1 + tp->mss, 1 + 4 * tp->mss);
	expect(&t, TCPH_ACK, 1, 1, tp->mss);
	ck_assert_uint_eq(tp->ca_state, CONGESTION_RECOVERY);
	wait_ms(&t, 2);
	t.tsecr = echo;
	t.tsval++;
	peer_sacks(&t, 1 + 10 * tp->mss, 0);
	ck_assert_uint_eq(t.tcp.stats.full_undo, 1);
	ck_assert_uint_ge(tp->cc.cwnd, 10 * tp->mss);
	ck_assert_uint_eq(tp->ca_state, CONGESTION_OPEN);
	script_fini(&t);
}
END_TEST

/* RFC 6298 5.5, 5.7 and RFC 5681 3.1: each timeout doubles; ssthresh is halved for the first
 * only */
START_TEST(backoff)
{
	struct script t;
	struct tcp_sock *tp;
	uint64_t ssthresh;

	begin(&t, true);
	tp = tp_of(&t);
	fill(&t, 10);
	script_drain(&t, 600);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 1);
	ssthresh = tp->cc.ssthresh;
	ck_assert_uint_eq(ssthresh, 5 * MSS);
	script_drain(&t, 400);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 2);
	script_drain(&t, 1000);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 3);
	ck_assert_uint_eq(tp->cc.ssthresh, ssthresh);
	ck_assert_uint_le(tp->cc.cwnd, 2 * MSS);
	script_drain(&t, 0);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp recovery");
	TCase *t = tcase_create("recovery");

	tcase_add_test(t, prr_proportional);
	tcase_add_test(t, prr_heavy_loss);
	tcase_add_test(t, limited_transmit);
	tcase_add_test(t, newreno_once);
	tcase_add_test(t, timeout_keeps_sacked);
	tcase_add_test(t, frto_spurious);
	tcase_add_test(t, frto_real);
	tcase_add_test(t, dsack_undo);
	tcase_add_test(t, eifel);
	tcase_add_test(t, backoff);
	suite_add_tcase(s, t);
	return run_suite(s);
}
