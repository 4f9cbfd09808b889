/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_ecn.c - explicit congestion notification. Each test names RFC 3168 and the section. */
#include <linux/tcp.h>

#include <errno.h>
#include <netinet/in.h>

#include "tcp_script.h"
#include "tests/suite.h"

#define MSS 1460u
#define S(n) (1 + (n) * MSS)
#define ASK (TCPH_ECE | TCPH_CWR)

static struct tcp_sock *tp_of(struct script *t)
{
	return tcp_sock(t->sk);
}

/* A connection that a peer with ECN has opened. */
static void begin(struct script *t)
{
	int err;

	script_init(t);
	t->sack = true;
	script_listen(t, 5);
	peer_sends(t, TCPH_SYN | ASK, 0, 0, 0);
	expect(t, TCPH_SYN | TCPH_ACK | TCPH_ECE, 0, 1, 0);
	ck_assert_uint_eq(t->got.ecn, ECN_NOT_ECT);
	wait_ms(t, 40);
	peer_sends(t, TCPH_ACK, 1, 1, 0);
	t->sk = t->listener->ops->accept(t->listener, &err);
	ck_assert(tp_of(t)->ecn_ok);
}

/* 6.1.1: who is asked agrees, unless the operator forbids it, or the SYN itself is marked */
START_TEST(passive)
{
	for (int i = 0; i < 8; i++) {
		uint8_t ecn = (uint8_t)(i & 1 ? 2 : 0), mark = i & 2 ? ECN_ECT0 : ECN_NOT_ECT;
		uint8_t ask = i & 4 ? ASK : TCPH_ECE;
		bool agree = ecn && !mark && ask == ASK;
		struct script t;

		script_init(&t);
		t.tcp.ecn = ecn;
		t.ecn = mark;
		script_listen(&t, 5);
		peer_sends(&t, TCPH_SYN | ask, 0, 0, 0);
		expect(&t, TCPH_SYN | TCPH_ACK | (agree ? TCPH_ECE : 0), 0, 1, 0);
		script_fini(&t);
	}
}
END_TEST

static void connects(struct script *t, uint8_t flags)
{
	struct ip_addr peer = testnet_addr("10.0.0.2"), any = ip_addr_v4(0);

	t->sk = script_sock(t);
	ck_assert_int_eq(t->sk->ops->bind(t->sk, &any, STACK_PORT), 0);
	ck_assert_int_eq(t->sk->ops->connect(t->sk, &peer, PEER_PORT), -EINPROGRESS);
	testnet_run(&t->net, 0);
	expect(t, TCPH_SYN | flags, 0, 0, 0);
	ck_assert_uint_eq(t->got.ecn, ECN_NOT_ECT);
}

/* 6.1.1: who asks believes ECE alone; by default nobody asks */
START_TEST(active)
{
	static const uint8_t answers[] = { 0, TCPH_ECE, ASK, TCPH_CWR };

	for (int i = 0; i < 8; i++) {
		struct script t;

		script_init(&t);
		t.tcp.ecn = i & 4 ? 1 : 2;
		connects(&t, i & 4 ? ASK : 0);
		peer_sends(&t, TCPH_SYN | TCPH_ACK | answers[i & 3], 0, 1, 0);
		expect(&t, TCPH_ACK, 1, 1, 0);
		ck_assert_int_eq(tp_of(&t)->ecn_ok, (i & 4) && (i & 3) == 1);
		script_fini(&t);
	}
}
END_TEST

/* 6.1.1.1: a path that drops such SYNs gets one without; a peer that resets them, too, once */
START_TEST(fallback)
{
	struct script t;

	script_init(&t);
	t.tcp.ecn = 1;
	connects(&t, ASK);
	wait_ms(&t, 1100);
	expect(&t, TCPH_SYN, 0, 0, 0);
	peer_sends(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	expect(&t, TCPH_ACK, 1, 1, 0);
	ck_assert(!tp_of(&t)->ecn_ok);
	script_fini(&t);

	script_init(&t);
	t.tcp.ecn = 1;
	connects(&t, ASK);
	peer_sends(&t, TCPH_RST | TCPH_ACK, 0, 1, 0);
	expect(&t, TCPH_SYN, 0, 0, 0);
	ck_state(&t, TCPS_SYN_SENT);
	peer_sends(&t, TCPH_RST | TCPH_ACK, 0, 1, 0);
	expect_nothing(&t);
	ck_state(&t, TCPS_CLOSED);
	ck_assert_int_eq(script_error(&t), ECONNREFUSED);
	script_fini(&t);
}
END_TEST

/* 6.1.4, 6.1.5: new data is ECT(0); ACKs, and what is sent again, are not */
START_TEST(codepoints)
{
	struct script t;

	begin(&t);
	t.sk->tos = 0x03;			/* the user's bits are not for these */
	script_write(&t, MSS);
	expect(&t, TCPH_ACK, 1, 1, MSS);
	ck_assert_uint_eq(t.got.ecn, ECN_ECT0);
	peer_sends(&t, TCPH_ACK, 1, 1, 100);
	expect(&t, TCPH_ACK, S(1), 101, 0);
	ck_assert_uint_eq(t.got.ecn, ECN_NOT_ECT);
	wait_ms(&t, 600);
	expect(&t, TCPH_ACK, 1, 101, MSS);
	ck_assert_uint_eq(t.got.ecn, ECN_NOT_ECT);
	script_drain(&t, 0);
	script_fini(&t);
}
END_TEST

/* 6.1.2: an echo halves cwnd, once a round trip, loses nothing, and is answered by CWR, once */
START_TEST(reaction)
{
	struct tcp_info info;
	struct script t;
	struct tcp_sock *tp;

	begin(&t);
	tp = tp_of(&t);
	script_sends(&t, 30 * MSS, 1, 10, MSS);
	wait_ms(&t, 40);
	peer_sends(&t, TCPH_ACK | TCPH_ECE, 1, S(1), 0);
	ck_assert_uint_eq(tp->ca_state, CONGESTION_CWR);
	ck_assert_uint_eq(tp->cc.ssthresh, 5 * MSS);
	expect(&t, TCPH_ACK | TCPH_CWR, S(10), 1, MSS);
	ck_assert_uint_eq(t.got.ecn, ECN_ECT0);
	wait_ms(&t, 0);
	for (uint32_t i = 2; i <= 10; i++) {
		peer_sends(&t, TCPH_ACK | TCPH_ECE, 1, S(i), 0);
		while (testnet_captured(t.nic)) {
			expect(&t, TCPH_ACK, t.got.seq - t.iss + MSS, 1, MSS);
			wait_ms(&t, 0);
		}
	}
	ck_assert_uint_eq(tp->cc.ssthresh, 5 * MSS);
	peer_sends(&t, TCPH_ACK, 1, t.got.seq - t.iss + MSS, 0);
	ck_assert_uint_eq(tp->ca_state, CONGESTION_OPEN);
	ck_assert_uint_ge(tp->cc.cwnd, 5 * MSS);
	ck_assert_uint_le(tp->cc.cwnd, 7 * MSS);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, 0);
	tcp_info_fill(tp, &info);
	ck_assert_uint_eq(info.tcpi_delivered_ce, 10);
	ck_assert(info.tcpi_options & TCPI_OPT_ECN && !(info.tcpi_options & TCPI_OPT_ECN_SEEN));
	script_drain(&t, 0);
	script_fini(&t);
}
END_TEST

/* 6.1.3: CE is echoed on every ACK until CWR comes */
START_TEST(echo)
{
	struct tcp_info info;
	struct script t;

	begin(&t);
	t.ecn = ECN_ECT0;
	peer_sends(&t, TCPH_ACK, 1, 1, 100);
	expect(&t, TCPH_ACK, 1, 101, 0);
	t.ecn = ECN_CE;
	peer_sends(&t, TCPH_ACK, 101, 1, 100);
	expect(&t, TCPH_ACK | TCPH_ECE, 1, 201, 0);
	t.ecn = ECN_ECT0;
	peer_sends(&t, TCPH_ACK, 201, 1, 100);
	expect(&t, TCPH_ACK | TCPH_ECE, 1, 301, 0);
	script_write(&t, 10);
	expect(&t, TCPH_ACK | TCPH_ECE, 1, 301, 10);
	peer_sends(&t, TCPH_ACK | TCPH_CWR, 301, 11, 100);
	expect(&t, TCPH_ACK, 11, 401, 0);
	t.ecn = ECN_CE;
	peer_sends(&t, TCPH_ACK | TCPH_CWR, 401, 11, 100);	/* marked again, behind the CWR */
	expect(&t, TCPH_ACK | TCPH_ECE, 11, 501, 0);
	tcp_info_fill(tp_of(&t), &info);
	ck_assert(info.tcpi_options & TCPI_OPT_ECN_SEEN);
	ck_assert_uint_eq(script_read(&t), 500);
	script_drain(&t, 0);
	script_fini(&t);
}
END_TEST

/* 5, 6.1: without agreement marks and flags mean nothing */
START_TEST(not_agreed)
{
	struct script t;

	script_init(&t);
	script_accepts(&t);
	t.ecn = ECN_CE;
	peer_sends(&t, TCPH_ACK, 1, 1, 100);
	expect(&t, TCPH_ACK, 1, 101, 0);
	script_write(&t, 10);
	expect(&t, TCPH_ACK, 1, 101, 10);
	ck_assert_uint_eq(t.got.ecn, ECN_NOT_ECT);
	peer_sends(&t, TCPH_ACK | TCPH_ECE, 101, 11, 0);
	ck_assert_uint_eq(tp_of(&t)->ca_state, CONGESTION_OPEN);
	script_fini(&t);
}
END_TEST

/* 6.1.2: a loss is told to the peer by CWR, too; a reduction is not made twice for it */
START_TEST(loss_with_echo)
{
	struct script t;
	struct tcp_sock *tp;

	begin(&t);
	tp = tp_of(&t);
	script_sends(&t, 20 * MSS, 1, 10, MSS);
	wait_ms(&t, 40);
	peer_sacks(&t, S(0), 1, S(1), S(4));
	expect(&t, TCPH_ACK, 1, 1, MSS);
	ck_assert_uint_eq(t.got.ecn, ECN_NOT_ECT);
	ck_assert_uint_eq(tp->cc.ssthresh, 5 * MSS);
	peer_sends(&t, TCPH_ACK | TCPH_ECE, 1, S(4), 0);
	ck_assert_uint_eq(tp->cc.ssthresh, 5 * MSS);
	ck_assert_uint_eq(tp->ca_state, CONGESTION_RECOVERY);
	script_drain(&t, 0);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp ecn");
	TCase *t = tcase_create("ecn");

	tcase_add_test(t, passive);
	tcase_add_test(t, active);
	tcase_add_test(t, fallback);
	tcase_add_test(t, codepoints);
	tcase_add_test(t, reaction);
	tcase_add_test(t, echo);
	tcase_add_test(t, not_agreed);
	tcase_add_test(t, loss_with_echo);
	suite_add_tcase(s, t);
	return run_suite(s);
}
