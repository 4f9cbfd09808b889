/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_pacing.c - the rate of a paced sender, also of one that is woken late. */
#include <errno.h>
#include <string.h>

#include "packet/checksum.h"
#include "tcp_script.h"
#include "tests/suite.h"

#define RATE	1000000u		/* bytes/s */
#define MSS	1460u

/* Payload bytes of all frames that wait. */
static uint32_t take_all(struct script *t)
{
	uint32_t n = 0;
	struct packet *p;

	while ((p = testnet_take(t->nic))) {
		n += p->len - ETH_HEADER_LEN - 40;
		packet_free(p);
	}
	return n;
}

/* The link takes all that comes, at once. */
static uint32_t flush(struct script *t)
{
	uint32_t n = 0, part;

	while ((part = take_all(t))) {
		n += part;
		env_run(&t->net.env, t->net.env.now);
	}
	return n;
}

/* A connection beyond its first window, which is not paced, with a megabyte to send. */
static uint32_t start(struct script *t)
{
	uint32_t sent = 0;

	script_init(t);
	script_accepts(t);
	t->wnd = 65535;
	script_write(t, 20 * MSS);
	while (sent < 20 * MSS) {
		sent += take_all(t);
		peer_sends(t, TCPH_ACK, 1, 1 + sent, 0);
		wait_ms(t, 1);
	}
	t->sk->max_pacing_rate = RATE;
	return sent;
}

/* The stack gets a turn each late ns only; what it has sent by then is acknowledged. Bytes in a
 * second. */
static uint32_t second(struct script *t, uint32_t sent, uint64_t late)
{
	uint32_t from = sent;

	for (uint64_t end = t->net.env.now + SEC; t->net.env.now < end; ) {
		while (script_write(t, 30000) > 0)
			;
		env_run(&t->net.env, t->net.env.now + late);
		sent += flush(t);
		peer_sends(t, TCPH_ACK, 1, 1 + sent, 0);
		sent += flush(t);
	}
	return sent - from;
}

/* What a late wake-up keeps back is sent with it: the rate holds, whatever the machine does. */
START_TEST(late_wake_ups_do_not_lower_the_rate)
{
	static const uint64_t lateness[] = { 100000, 1000000, 3000000, 5000000, 9000000 };
	struct script t;
	uint32_t n = start(&t);

	n = second(&t, n, lateness[_i]);
	ck_assert_uint_ge(n, RATE - RATE / 50);
	ck_assert_uint_le(n, RATE + RATE / 50);
	script_fini(&t);
}
END_TEST

/* But an idle time is not late: it saves nothing up. */
START_TEST(an_idle_time_earns_no_burst)
{
	struct script t;
	uint32_t n = start(&t), got;

	n += second(&t, n, 1000000);
	for (got = 1; got; n += got) {		/* until all that was written has left */
		wait_ms(&t, 10);
		got = flush(&t);
		peer_sends(&t, TCPH_ACK, 1, 1 + n + got, 0);
	}
	wait_ms(&t, 50);
	script_write(&t, 10 * MSS);
	got = flush(&t);
	ck_assert_uint_gt(got, 0);
	ck_assert_uint_le(got, 4 * MSS);
	script_fini(&t);
}
END_TEST

/* Small queues: packets leave the NIC between a connection's end and its memory's. Nobody is woken
 * any more. */
START_TEST(packets_that_outlive_their_connection)
{
	struct packet *held[64], *p;
	struct script t;
	uint32_t n = 0;

	start(&t);
	while (script_write(&t, 30000) > 0)
		;
	wait_ms(&t, 100);
	while (n < 64 && (p = testnet_take(t.nic)))
		held[n++] = p;
	ck_assert_uint_gt(n, 0);
	ck_assert(tcp_sock(t.sk)->tsq_stopped);
	t.sk->ops->close(t.sk, false);
	tcp_reset(tcp_sock(t.sk), ECONNRESET);
	while (n)
		packet_free(held[--n]);
	ck_assert(list_empty(&tcp_sock(t.sk)->output_work.node));
	t.sk = NULL;
	env_run(&t.net.env, t.net.env.now);
	script_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp pacing");
	TCase *t = tcase_create("pacing");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, late_wake_ups_do_not_lower_the_rate, 0, 5);
	tcase_add_test(t, an_idle_time_earns_no_burst);
	tcase_add_test(t, packets_that_outlive_their_connection);
	suite_add_tcase(s, t);
	return run_suite(s);
}
