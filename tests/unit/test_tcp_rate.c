/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp_rate.c - delivery rate samples (draft-cheng-iccrg-delivery-rate-estimation-02): what a
 * congestion control is told of each ACK. A module that records it stands in for one that acts.
 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

#include "tcp_script.h"
#include "tests/suite.h"

#define MSS 1460u
#define FLIGHT (10 * MSS)

static struct congestion_ack last;
static struct congestion seen;
static int rounds;

static uint64_t keep_ssthresh(struct congestion *c, enum congestion_event why)
{
	(void)why;
	return c->cwnd;
}

static void record(struct congestion *c, const struct congestion_ack *a)
{
	last = *a;
	seen = *c;
	rounds += a->round_start;
}

static const struct congestion_ops recorder = {
	.name = "recorder", .flags = CONGESTION_CONTROLS, .ssthresh = keep_ssthresh, .ack = record,
};

static void begin(struct script *t)
{
	script_init(t);
	t->tcp.congestion = &recorder;
	rounds = 0;
	script_accepts(t);
}

/* The link takes what was sent, and ms pass. */
static void pass(struct script *t, uint64_t ms)
{
	while (testnet_captured(t->nic)) {
		testnet_discard(t->nic);
		testnet_run(&t->net, 0);	/* small queues: there is room for more */
	}
	wait_ms(t, ms);
}

static struct tcp_info info(struct script *t)
{
	struct tcp_info i;
	socklen_t len = sizeof(i);

	ck_assert_int_eq(t->sk->ops->getsockopt(t->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	return i;
}

/* 3.2: delivered over the ACK phase, when the send phase is shorter */
START_TEST(ack_phase)
{
	struct script t;

	begin(&t);
	script_write(&t, FLIGHT);
	pass(&t, 100);
	peer_sends(&t, TCPH_ACK, 1, 1 + FLIGHT, 0);
	ck_assert_uint_eq(last.acked, FLIGHT);
	ck_assert_uint_eq(last.delivered, FLIGHT);
	ck_assert_uint_eq(last.interval, 100 * MSEC);
	ck_assert_uint_eq(last.rate, FLIGHT * 10);
	ck_assert_uint_eq(last.prior_delivered, 0);
	ck_assert_uint_eq(last.prior_in_flight, FLIGHT);
	ck_assert_uint_eq(seen.delivered, FLIGHT);
	ck_assert_uint_eq(info(&t).tcpi_delivery_rate, FLIGHT * 10);
	script_fini(&t);
}
END_TEST

/* 3.2: the sender took 50 ms for what ACKs, compressed, tell of in 10: the longer phase counts */
START_TEST(send_phase)
{
	struct script t;

	begin(&t);
	script_write(&t, 2 * MSS);			/* sent at 0 */
	pass(&t, 50);
	script_write(&t, 2 * MSS);			/* sent at 50 */
	pass(&t, 50);
	peer_sends(&t, TCPH_ACK, 1, 1 + 2 * MSS, 0);	/* 100 */
	ck_assert_uint_eq(last.interval, 100 * MSEC);
	pass(&t, 2);
	script_write(&t, 2 * MSS);			/* 102, its copy of delivered is of 100 */
	pass(&t, 8);
	peer_sends(&t, TCPH_ACK, 1, 1 + 4 * MSS, 0);	/* 110, of what was sent at 50 */
	ck_assert_uint_eq(last.interval, 110 * MSEC);
	ck_assert_uint_eq(last.delivered, 4 * MSS);
	pass(&t, 92);
	peer_sends(&t, TCPH_ACK, 1, 1 + 6 * MSS, 0);	/* 202: ACK phase 102, send phase 102 */
	ck_assert_uint_eq(last.delivered, 4 * MSS);
	ck_assert_uint_eq(last.interval, 102 * MSEC);
	/* Two more, sent 60 ms apart; both ACKs come within 1 ms. */
	script_write(&t, MSS);				/* 202 */
	pass(&t, 60);
	script_write(&t, MSS);				/* 262 */
	pass(&t, 90);
	peer_sends(&t, TCPH_ACK, 1, 1 + 7 * MSS, 0);	/* 352 */
	script_write(&t, MSS);				/* 352 */
	pass(&t, 1);
	peer_sends(&t, TCPH_ACK, 1, 1 + 8 * MSS, 0);	/* 353 */
	pass(&t, 99);
	peer_sends(&t, TCPH_ACK, 1, 1 + 9 * MSS, 0);	/* 452: ACK phase 100, send phase 150 */
	ck_assert_uint_eq(last.delivered, 2 * MSS);
	ck_assert_uint_eq(last.interval, 150 * MSEC);
	ck_assert_uint_eq(last.rate, 2 * MSS * 1000 / 150);
	script_fini(&t);
}
END_TEST

/* 3.3: a bubble marks what is sent until it has passed; a limited sample never lowers the
 * estimate */
START_TEST(app_limited)
{
	struct script t;
	uint64_t full;

	begin(&t);
	script_write(&t, 3 * FLIGHT);
	pass(&t, 100);
	peer_sends(&t, TCPH_ACK, 1, 1 + FLIGHT, 0);
	ck_assert(last.app_limited);			/* nothing was there before the first write */
	ck_assert(!seen.app_limited);			/* but that has passed */
	pass(&t, 100);
	peer_sends(&t, TCPH_ACK, 1, 1 + 2 * FLIGHT, 0);
	ck_assert(!last.app_limited);
	full = last.rate;
	ck_assert_uint_eq(full, FLIGHT * 10);
	pass(&t, 100);
	peer_sends(&t, TCPH_ACK, 1, 1 + 3 * FLIGHT, 0);
	ck_assert(!last.app_limited);
	pass(&t, 0);
	script_write(&t, MSS);				/* after a pause */
	ck_assert(tcp_sock(t.sk)->app_limited != 0);
	pass(&t, 100);
	peer_sends(&t, TCPH_ACK, 1, 1 + 3 * FLIGHT + MSS, 0);
	ck_assert(last.app_limited);
	ck_assert_uint_lt(last.rate, full);
	ck_assert_uint_eq(info(&t).tcpi_delivery_rate, full);
	ck_assert(!info(&t).tcpi_delivery_rate_app_limited);
	script_fini(&t);
}
END_TEST

/* 3.4: a writer that waits for room in the send buffer has more to send: that is no bubble */
START_TEST(sndbuf_is_no_app_limit)
{
	struct script t;

	for (int waits = 0; waits < 2; waits++) {
		begin(&t);
		script_write(&t, FLIGHT);
		pass(&t, 100);
		peer_sends(&t, TCPH_ACK, 1, 1 + FLIGHT, 0);
		script_write(&t, FLIGHT - MSS);	/* less than cwnd, all of it out */
		tcp_sock(t.sk)->app_limited = 0;
		tcp_sock(t.sk)->writer_waits = waits;
		pass(&t, 100);
		peer_sends(&t, TCPH_ACK, 1, 1 + FLIGHT + MSS, 0);
		ck_assert_int_eq(tcp_sock(t.sk)->app_limited != 0, !waits);
		script_fini(&t);
	}
}
END_TEST

/* Nor is the time between that it is told of room and that it writes. */
START_TEST(told_of_room)
{
	struct script t;
	struct tcp_sock *tp;

	begin(&t);
	tp = tcp_sock(t.sk);
	script_write(&t, FLIGHT);
	pass(&t, 100);
	peer_sends(&t, TCPH_ACK, 1, 1 + FLIGHT, 0);
	t.sk->sndbuf = FLIGHT;
	t.sk->sndbuf_locked = true;
	script_write(&t, FLIGHT);
	ck_assert_uint_eq(tcp_space(t.sk), 0);
	tp->app_limited = 0;
	pass(&t, 100);
	peer_sends(&t, TCPH_ACK, 1, 1 + FLIGHT + FLIGHT / 2, 0);
	ck_assert(!tp->nospace);
	peer_sends(&t, TCPH_ACK, 1, 1 + FLIGHT + FLIGHT / 2 + MSS, 0);
	ck_assert_uint_eq(tp->app_limited, 0);
	script_write(&t, 1);			/* that is all it has */
	pass(&t, 10);
	peer_sends(&t, TCPH_ACK, 1, 1 + FLIGHT + FLIGHT / 2 + 2 * MSS, 0);
	ck_assert_uint_ne(tp->app_limited, 0);
	script_fini(&t);
}
END_TEST

/*
 * The peer's window is what a connection can have; but one that a hole keeps shut tells nothing of
 * the path. (The kernel's BBR takes it for a full pipe, too, and crawls from then on.)
 */
START_TEST(window_shut_by_a_hole)
{
	struct script t;

	for (int hole = 0; hole < 2; hole++) {
		script_init(&t);
		t.tcp.congestion = &recorder;
		t.sack = true;
		t.wnd = 10 * MSS;
		script_accepts(&t);
		script_write(&t, 40 * MSS);
		pass(&t, 100);
		if (hole)
			peer_sacks(&t, 1, 1, 1 + MSS, 1 + 6 * MSS);
		else
			peer_sends(&t, TCPH_ACK, 1, 1 + 6 * MSS, 0);
		pass(&t, 10);
		tcp_sock(t.sk)->app_limited = 0;
		if (hole)
			peer_sacks(&t, 1, 1, 1 + MSS, 1 + 8 * MSS);
		else
			peer_sends(&t, TCPH_ACK, 1, 1 + 8 * MSS, 0);
		ck_assert_int_eq(tcp_sock(t.sk)->app_limited != 0, hole);
		script_fini(&t);
	}
}
END_TEST

/* A round ends with the first segment that was sent after it began (draft-cardwell 4.1.1.3) */
START_TEST(rounds_by_delivered)
{
	struct script t;

	begin(&t);
	script_write(&t, 3 * FLIGHT);
	testnet_discard(t.nic);
	for (uint32_t i = 1; i <= 10; i++) {
		pass(&t, 10);
		peer_sends(&t, TCPH_ACK, 1, 1 + i * MSS, 0);
		ck_assert_int_eq(last.round_start, i == 1);
	}
	for (uint32_t i = 11; i <= 20; i++) {
		pass(&t, 10);
		peer_sends(&t, TCPH_ACK, 1, 1 + i * MSS, 0);
		ck_assert_int_eq(last.round_start, i == 11);	/* sent when 1 was acknowledged */
	}
	ck_assert_int_eq(rounds, 2);
	script_fini(&t);
}
END_TEST

/* 3.2: an ACK sooner than any round trip is of a retransmission whose original had arrived */
START_TEST(no_sample_of_spurious)
{
	struct script t;
	int err;

	script_init(&t);
	t.tcp.congestion = &recorder;
	script_listen(&t, 1);
	peer_sends(&t, TCPH_SYN, 0, 0, 0);
	expect(&t, TCPH_SYN | TCPH_ACK, 0, 1, 0);
	pass(&t, 100);					/* min_rtt */
	peer_sends(&t, TCPH_ACK, 1, 1, 0);
	t.sk = t.listener->ops->accept(t.listener, &err);
	script_write(&t, 6 * MSS);
	pass(&t, 100);
	for (int i = 0; i < 3; i++)
		peer_sends(&t, TCPH_ACK, 1, 1, 0);	/* reordered: the first is sent again */
	pass(&t, 1);
	peer_sends(&t, TCPH_ACK, 1, 1 + MSS, 0);	/* its original; the second is sent again */
	pass(&t, 1);
	ck_assert_uint_eq(t.tcp.stats.retrans_segs, 2);
	last = (struct congestion_ack){ 0 };
	peer_sends(&t, TCPH_ACK, 1, 1 + 2 * MSS, 0);
	ck_assert_uint_eq(last.acked, MSS);
	ck_assert_uint_eq(last.rate, 0);
	ck_assert_uint_eq(last.interval, 0);
	pass(&t, 0);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("delivery rate");
	TCase *t = tcase_create("samples");

	tcase_add_test(t, ack_phase);
	tcase_add_test(t, send_phase);
	tcase_add_test(t, app_limited);
	tcase_add_test(t, sndbuf_is_no_app_limit);
	tcase_add_test(t, told_of_room);
	tcase_add_test(t, window_shut_by_a_hole);
	tcase_add_test(t, rounds_by_delivered);
	tcase_add_test(t, no_sample_of_spurious);
	suite_add_tcase(s, t);
	return run_suite(s);
}
