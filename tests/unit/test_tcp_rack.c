/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_rack.c - loss detection by time and tail loss probes. Each test names RFC and
 * section. */
#include <linux/tcp.h>

#include <netinet/in.h>

#include "tcp_script.h"
#include "tests/suite.h"

#define MSS 1460u
#define S(n) (1 + (n) * MSS)
#define RTT 40				/* ms, of the handshake and of what follows */

static struct tcp_sock *tp_of(struct script *t)
{
	return tcp_sock(t->sk);
}

static void begin(struct script *t)
{
	script_init(t);
	t->sack = true;
	t->rtt = RTT;
	script_accepts(t);
}

static void send_segments(struct script *t, uint32_t n)
{
	script_sends(t, n * MSS, 1, n, MSS);
	expect_nothing(t);
	wait_ms(t, RTT);
}

/* RFC 8985 6.2 step 4: three SACKed and no reordering ever: no waiting */
START_TEST(no_window_after_three)
{
	struct script t;

	begin(&t);
	send_segments(&t, 10);
	peer_sacks(&t, S(0), 1, S(1), S(4));
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	expect_nothing(&t);
	ck_assert_uint_eq(tp_of(&t)->ca_state, CONGESTION_RECOVERY);
	script_fini(&t);
}
END_TEST

/* RFC 8985 6.2 step 5: fewer, and a quarter of the round trip passes before it is sent again */
START_TEST(reordering_timer)
{
	struct script t;

	begin(&t);
	send_segments(&t, 10);
	peer_sacks(&t, S(0), 1, S(1), S(3));
	expect_nothing(&t);
	wait_ms(&t, RTT / 4 - 1);
	expect_nothing(&t);
	wait_ms(&t, 2);
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	expect_nothing(&t);
	script_check_marks(&t);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 0);
	script_fini(&t);
}
END_TEST

/* RFC 8985 6.3, RFC 6298: whatever RACK waits for, the retransmission timeout comes in time */
START_TEST(timeout_before_reordering)
{
	struct script t;

	begin(&t);
	send_segments(&t, 10);
	peer_sacks(&t, S(0), 1, S(1), S(3));
	tp_of(&t)->rack.rtt = 10 * NSEC_PER_SEC;	/* as if that had been a very late one */
	wait_ms(&t, RTT);
	expect_nothing(&t);
	wait_ms(&t, 500);
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 1);
	script_check_marks(&t);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 8985 6.2 step 3: once delivery was seen out of order three SACKs alone are no loss */
START_TEST(reordering_seen)
{
	struct tcp_info info;
	struct script t;

	begin(&t);
	send_segments(&t, 10);
	peer_sacks(&t, S(0), 1, S(1), S(3));
	peer_sacks(&t, S(3), 0);		/* the original was only late */
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.stats.sack_reorder, 1);
	tcp_info_fill(tp_of(&t), &info);
	ck_assert_uint_eq(info.tcpi_reord_seen, 1);
	ck_assert_uint_eq(info.tcpi_dsack_dups, 0);
	peer_sacks(&t, S(3), 1, S(4), S(9));
	expect_nothing(&t);
	wait_ms(&t, RTT / 4 - 1);
	expect_nothing(&t);
	peer_sacks(&t, S(9), 0);		/* late again: nothing was sent again needlessly */
	expect_nothing(&t);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, 0);
	ck_assert_uint_ge(tp_of(&t)->reordering, 5);
	script_fini(&t);
}
END_TEST

/* RFC 8985 3.1, 6.2: what was sent again and is lost again is found without a timeout */
START_TEST(lost_retransmission)
{
	struct script t;

	begin(&t);
	script_sends(&t, 30 * MSS, 1, 10, MSS);
	wait_ms(&t, RTT);
	peer_sacks(&t, S(0), 1, S(1), S(5));
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	wait_ms(&t, 1);
	peer_sacks(&t, S(0), 1, S(1), S(10));
	expect(&t, TCPH_ACK, S(10), 1, MSS);	/* new data, after the retransmission */
	script_drain(&t, 0);
	wait_ms(&t, RTT);
	peer_sacks(&t, S(0), 1, S(1), S(11));
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	ck_assert_uint_eq(t.tcp.stats.lost_retransmit, 1);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 0);
	script_check_marks(&t);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/*
 * RFC 8985 6.2 step 2: beyond a hole a timestamp does not tell which transmission has arrived (RFC
 * 7323 4.3); what was sent again and is SACKed shows that an earlier retransmission is lost.
 */
START_TEST(lost_retransmission_timestamps)
{
	struct script t;
	uint32_t echo, mss;

	script_init(&t);
	t.sack = t.ts = true;
	t.rtt = RTT;
	script_accepts(&t);
	mss = tp_of(&t)->mss;
	script_sends(&t, 10 * mss, 1, 10, mss);
	echo = t.tsecr;
	wait_ms(&t, RTT);
	peer_sacks(&t, 1, 1, 1 + mss, 1 + 4 * mss);
	expect(&t, TCPH_ACK, 1, 1, mss);
	wait_ms(&t, 2);
	t.tsecr = echo;
	peer_sacks(&t, 1, 2, 1 + 5 * mss, 1 + 10 * mss, 1 + mss, 1 + 4 * mss);
	expect(&t, TCPH_ACK, 1 + 4 * mss, 1, mss);
	wait_ms(&t, RTT);
	t.tsecr = echo;
	peer_sacks(&t, 1, 1, 1 + mss, 1 + 10 * mss);
	expect(&t, TCPH_ACK, 1, 1, mss);
	ck_assert_uint_eq(t.tcp.stats.lost_retransmit, 1);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 0);
	script_check_marks(&t);
	script_fini(&t);
}
END_TEST

/* RFC 8985 6.2: ACKs in order show no reordering, and three SACKs are a loss at once */
START_TEST(no_reordering_seen)
{
	struct tcp_info info;
	struct script t;

	begin(&t);
	send_segments(&t, 10);
	peer_sacks(&t, S(1), 0);
	peer_sacks(&t, S(3), 0);
	tcp_info_fill(tp_of(&t), &info);
	ck_assert_uint_eq(info.tcpi_reord_seen, 0);
	ck_assert_uint_eq(info.tcpi_reordering, 3);
	ck_assert_uint_eq(t.tcp.stats.sack_reorder, 0);
	peer_sacks(&t, S(3), 1, S(4), S(7));
	expect(&t, TCPH_ACK, S(3), 1, MSS);
	script_check_marks(&t);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 8985 6.2 step 4: a D-SACK makes the window larger, by one multiple a round trip */
START_TEST(dsack_widens)
{
	struct tcp_info info;
	struct script t;

	begin(&t);
	send_segments(&t, 10);
	peer_sacks(&t, S(0), 1, S(1), S(4));
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	peer_sacks(&t, S(10), 0);
	wait_ms(&t, RTT);
	peer_sacks(&t, S(10), 1, S(0), S(1));
	ck_assert_uint_eq(tp_of(&t)->rack.reo_wnd_mult, 2);
	ck_assert_uint_eq(t.tcp.stats.dsack_recv, 1);
	tcp_info_fill(tp_of(&t), &info);
	ck_assert_uint_eq(info.tcpi_dsack_dups, 1);
	peer_sacks(&t, S(10), 1, S(0), S(1));	/* more than was sent again: it was the network */
	ck_assert_uint_eq(tp_of(&t)->rack.reo_wnd_mult, 2);
	script_fini(&t);
}
END_TEST

/* RFC 8985 7.3: two round trips after the last segment the last one goes again */
START_TEST(probe_of_the_tail)
{
	struct script t;

	begin(&t);
	send_segments(&t, 4);			/* RTT has passed */
	wait_ms(&t, RTT);
	expect_nothing(&t);
	wait_ms(&t, 4);
	expect(&t, TCPH_ACK, S(3), 1, MSS);
	ck_assert_uint_eq(t.tcp.stats.loss_probes, 1);
	wait_ms(&t, RTT);
	peer_sacks(&t, S(0), 1, S(3), S(4));	/* 0 to 2 are lost: found at once */
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	expect_nothing(&t);
	peer_sacks(&t, S(1), 1, S(3), S(4));
	expect(&t, TCPH_ACK, S(1), 1, MSS);
	expect(&t, TCPH_ACK, S(2), 1, MSS);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 0);
	script_check_marks(&t);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

/* RFC 8985 7.3: new data, if there is any, though cwnd would not allow it */
START_TEST(probe_of_new_data)
{
	struct script t;

	begin(&t);
	script_sends(&t, 20 * MSS, 1, 10, MSS);
	expect_nothing(&t);
	wait_ms(&t, 2 * RTT + 4);
	expect(&t, TCPH_ACK, S(10), 1, MSS);
	expect_nothing(&t);
	wait_ms(&t, 5);
	ck_assert_uint_eq(t.tcp.stats.loss_probes, 1);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, 0);
	script_fini(&t);
}
END_TEST

/* RFC 8985 7.2: a delayed ACK of a single segment is waited for */
START_TEST(probe_waits_for_delayed_ack)
{
	struct script t;

	begin(&t);
	script_write(&t, 100);
	expect(&t, TCPH_ACK, 1, 1, 100);
	wait_ms(&t, 200);
	expect_nothing(&t);
	peer_sacks(&t, 101, 0);
	wait_ms(&t, 2000);
	expect_nothing(&t);
	script_fini(&t);
}
END_TEST

/* RFC 8985 7.4.2: the probe repaired the loss of the last segment itself: cwnd goes down */
START_TEST(probe_repairs)
{
	struct script t;
	uint64_t cwnd;

	begin(&t);
	send_segments(&t, 4);
	cwnd = tp_of(&t)->cc.cwnd;
	peer_sacks(&t, S(3), 0);
	wait_ms(&t, 2 * RTT + 204);
	expect(&t, TCPH_ACK, S(3), 1, MSS);
	peer_sacks(&t, S(4), 0);
	script_write(&t, 100);
	expect(&t, TCPH_ACK, S(4), 1, 100);
	peer_sacks(&t, S(4) + 100, 0);
	ck_assert_uint_eq(t.tcp.stats.loss_probe_recovery, 1);
	ck_assert_uint_lt(tp_of(&t)->cc.cwnd, cwnd);
	script_fini(&t);
}
END_TEST

/* RFC 8985 7.4.2: a D-SACK says that the original had arrived: cwnd stays */
START_TEST(needless_probe)
{
	struct script t;
	uint64_t cwnd;

	begin(&t);
	send_segments(&t, 4);
	wait_ms(&t, RTT + 4);
	expect(&t, TCPH_ACK, S(3), 1, MSS);
	cwnd = tp_of(&t)->cc.cwnd;
	peer_sacks(&t, S(4), 0);
	peer_sacks(&t, S(4), 1, S(3), S(4));
	script_write(&t, 100);
	expect(&t, TCPH_ACK, S(4), 1, 100);
	peer_sacks(&t, S(4) + 100, 0);
	ck_assert_uint_eq(t.tcp.stats.loss_probe_recovery, 0);
	ck_assert_uint_ge(tp_of(&t)->cc.cwnd, cwnd);
	ck_assert_uint_eq(tp_of(&t)->rack.reo_wnd_mult, 1);
	script_fini(&t);
}
END_TEST

/* RFC 8985 7.3: one probe, then the timeout */
START_TEST(probe_then_timeout)
{
	struct script t;

	begin(&t);
	send_segments(&t, 3);
	wait_ms(&t, RTT + 4);
	expect(&t, TCPH_ACK, S(2), 1, MSS);
	wait_ms(&t, 200);
	expect_nothing(&t);
	wait_ms(&t, 80);
	expect(&t, TCPH_ACK, S(0), 1, MSS);
	ck_assert_uint_eq(t.tcp.stats.timeouts, 1);
	ck_assert_uint_eq(t.tcp.stats.loss_probes, 1);
	testnet_discard(t.nic);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp rack");
	TCase *t = tcase_create("rack");

	tcase_add_test(t, no_window_after_three);
	tcase_add_test(t, reordering_timer);
	tcase_add_test(t, timeout_before_reordering);
	tcase_add_test(t, reordering_seen);
	tcase_add_test(t, lost_retransmission);
	tcase_add_test(t, lost_retransmission_timestamps);
	tcase_add_test(t, no_reordering_seen);
	tcase_add_test(t, dsack_widens);
	tcase_add_test(t, probe_of_the_tail);
	tcase_add_test(t, probe_of_new_data);
	tcase_add_test(t, probe_waits_for_delayed_ack);
	tcase_add_test(t, probe_repairs);
	tcase_add_test(t, needless_probe);
	tcase_add_test(t, probe_then_timeout);
	suite_add_tcase(s, t);
	return run_suite(s);
}
