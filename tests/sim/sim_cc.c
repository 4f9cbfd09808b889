/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_cc.c - congestion control modules on a bottleneck of 100 Mbit/s and 50 ms, on virtual time,
 * by IPv4 and by IPv6 in turn.
 *
 *	fills		cubic and bbr, alone: at least 95% of the link
 *	random_loss	bbr through 1% of loss: at least 90%
 *	fairness	two flows of one kind that begin five seconds apart: Jain's index at least 0.9
 *	standing_queue	bbr leaves a large buffer empty where cubic fills it
 *	swaps		one flow, handed from module to module while it runs: it loses nothing and goes on
 *	pacing_limit	SO_MAX_PACING_RATE holds over any 100 ms
 *	small_queues	a tbf holds at most 1 ms or two segments of a connection
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "embed/internal.h"
#include "flow.h"
#include "tcp/sock.h"
#include "tests/suite.h"

#define PORT	80
#define CHUNK	65000u
#define FLOWS	2
#define RATE	12500000ull		/* bytes/s */
#define RTT	(50 * MSEC)
#define BDP	(RATE / 1000 * 50)

struct transfer {
	struct weir_sock *from, *to;
	uint64_t received, begun_at;	/* bytes; of received when the measurement began */
};

struct bench {
	struct sim sim;
	bool six;
	struct sim_nic *nic[2];
	struct weir_sock *listener;
	struct transfer flow[FLOWS];
	int flows;
	/* the bottleneck's queue, sampled at each step: bytes * ns */
	double queue_integral;
	uint64_t queue_max, measured_from, last_step;
};

static const char *const addrs[2][2] = { { "10.0.0.1", "10.0.0.2" }, { "fd00::1", "fd00::2" } };
static const char *const kinds[] = { "cubic", "bbr", "reno" };
enum { CUBIC, BBR, RENO };

/* ---- the world ---- */

static void use(struct bench *b, int kind)
{
	struct weir_error e = { "" };

	ck_assert_msg(weir_set_congestion(b->sim.hosts[0].stack, kinds[kind], NULL, &e) == 0, "%s",
		      e.text);
}

static struct tcp_sock *tcp_of(struct weir_sock *sk)
{
	return tcp_sock(sk->sk);
}

static struct weir_sock *new_sock(struct bench *b, int host)
{
	struct weir_sock *sk;

	ck_assert_int_eq(weir_socket(b->sim.hosts[host].stack, b->six ? AF_INET6 : AF_INET, SOCK_STREAM,
				     0, &sk), 0);
	return sk;
}

static struct sockaddr_storage server(const struct bench *b)
{
	return sim_sockaddr(addrs[b->six][1], PORT);
}

static void bench_open(struct bench *b, bool six, int kind, uint64_t queue, uint32_t loss)
{
	struct sim_segment *cable;
	struct sockaddr_storage at;
	struct sim_wire *wire;
	char text[32];

	memset(b, 0, sizeof(*b));
	b->six = six;
	at = server(b);
	sim_init(&b->sim, 7);
	cable = sim_segment_add(&b->sim);
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%s/24", addrs[six][i]);
		b->nic[i] = sim_nic_add(sim_host_add(&b->sim), cable, text, 1500, i ? 0 : SIM_GSO);
	}
	for (int i = 0; i < 2; i++)
		sim_know(b->nic[i], addrs[six][!i], b->nic[!i]);
	wire = &b->nic[0]->wire;
	wire->rate = RATE;
	wire->delay = b->nic[1]->wire.delay = RTT / 2;
	wire->queue = queue;
	wire->loss = loss;
	b->nic[1]->wire.keep_order = wire->keep_order = true;
	use(b, kind);
	b->listener = new_sock(b, 1);
	ck_assert_int_eq(weir_bind(b->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(weir_listen(b->listener, FLOWS), 0);
	b->measured_from = b->last_step = b->sim.now;
}

static void measure(struct bench *b)
{
	b->queue_integral = 0;
	b->queue_max = 0;
	b->measured_from = b->sim.now;
	for (int i = 0; i < b->flows; i++)
		b->flow[i].begun_at = b->flow[i].received;
}

static void sample_queue(struct bench *b)
{
	uint64_t free_at = b->nic[0]->wire.free_at, now = b->sim.now;
	uint64_t bytes = free_at > now ? (free_at - now) * RATE / SEC : 0;

	b->queue_integral += (double)bytes * (double)(now - b->last_step);
	b->last_step = now;
	if (bytes > b->queue_max)
		b->queue_max = bytes;
}

static void pump(struct transfer *f)
{
	static uint8_t data[CHUNK];
	ssize_t n;

	while (weir_send(f->from, data, CHUNK, 0) > 0)
		;
	n = f->to ? weir_recv(f->to, NULL, INT32_MAX, MSG_TRUNC) : 0;
	f->received += n > 0 ? (uint64_t)n : 0;
}

static void run(struct bench *b, uint64_t ns)
{
	uint64_t end = b->sim.now + ns;

	while (b->sim.now < end) {
		for (int i = 0; i < b->flows; i++)
			pump(&b->flow[i]);
		sim_step(&b->sim, end);
		sample_queue(b);
	}
}

static struct transfer *begin(struct bench *b)
{
	struct sockaddr_storage at = server(b);
	struct transfer *f = &b->flow[b->flows];
	uint64_t end = b->sim.now + 60 * SEC;

	f->from = new_sock(b, 0);
	ck_assert_int_eq(weir_connect(f->from, (struct sockaddr *)&at, sizeof(at)), -EINPROGRESS);
	while (weir_accept(b->listener, &f->to, NULL, NULL) < 0 && b->sim.now < end)
		run(b, MSEC);
	ck_assert_ptr_nonnull(f->to);
	b->flows++;
	return f;
}

static double measured_seconds(const struct bench *b)
{
	return (double)(b->sim.now - b->measured_from) / SEC;
}

/* Of what the link can carry in payload. */
static double share(const struct bench *b, const struct transfer *f)
{
	double payload = b->six ? 1428 : 1448;		/* of a frame of 1514 bytes */

	return (double)(f->received - f->begun_at) / measured_seconds(b) / (RATE * payload / 1514);
}

static double mean_queue(const struct bench *b)
{
	return b->queue_integral / (double)(b->sim.now - b->measured_from);
}

static void bench_close(struct bench *b)
{
	for (int i = 0; i < b->flows; i++) {
		weir_abort(b->flow[i].from);
		weir_abort(b->flow[i].to);
	}
	weir_close(b->listener);
	sim_settle(&b->sim);
	ck_assert_msg(!b->sim.failure[0], "%s", b->sim.failure);
	sim_fini(&b->sim);
}

static void say(const struct bench *b, const char *what)
{
	if (!getenv("SIM_VERBOSE"))
		return;
	printf("%s:", what);
	for (int i = 0; i < b->flows; i++)
		printf(" %.1f%%", 100 * share(b, &b->flow[i]));
	printf(", queue %.2f BDP, at most %.2f; %llu segments sent again\n", mean_queue(b) / BDP,
	       (double)b->queue_max / BDP,
	       (unsigned long long)b->sim.hosts[0].stack->stack->tcp.stats.retrans_segs);
}

/* ---- the tests ---- */

START_TEST(fills)
{
	struct bench b;

	bench_open(&b, _i % 2, _i / 2, BDP, 0);
	begin(&b);
	run(&b, 3 * SEC);
	measure(&b);
	run(&b, 10 * SEC);
	say(&b, kinds[_i / 2]);
	ck_assert_msg(share(&b, &b.flow[0]) >= 0.95, "%s: %.3f of the link", kinds[_i / 2],
		      share(&b, &b.flow[0]));
	bench_close(&b);
}
END_TEST

/* draft-cardwell 1: loss that is not of congestion does not slow it down; it does slow cubic
 * down */
START_TEST(random_loss)
{
	struct bench b;

	bench_open(&b, _i % 2, _i / 2, BDP, 100);
	begin(&b);
	run(&b, 3 * SEC);
	measure(&b);
	run(&b, 15 * SEC);
	say(&b, "1% of loss");
	if (_i / 2 == BBR)
		ck_assert_msg(share(&b, &b.flow[0]) >= 0.9, "%.3f of the link",
			      share(&b, &b.flow[0]));
	else
		ck_assert_msg(share(&b, &b.flow[0]) < 0.5, "%.3f of the link",
			      share(&b, &b.flow[0]));
	bench_close(&b);
}
END_TEST

/*
 * RFC 9438 5.1, 5.6: two flows come to the same share. The way's delay varies by the time of a few
 * packets: otherwise a full queue can drop one flow's in each round and none of the other's.
 */
START_TEST(fairness)
{
	struct bench b;
	double x, y, jain;

	bench_open(&b, _i % 2, _i / 2, BDP, 0);
	b.nic[0]->wire.jitter = b.nic[1]->wire.jitter = MSEC / 2;
	begin(&b);
	run(&b, 5 * SEC);
	begin(&b);
	run(&b, 25 * SEC);
	measure(&b);
	run(&b, 30 * SEC);
	say(&b, "fairness");
	x = share(&b, &b.flow[0]);
	y = share(&b, &b.flow[1]);
	jain = (x + y) * (x + y) / (2 * (x * x + y * y));
	ck_assert_msg(jain >= 0.9, "%s: %.3f and %.3f of the link: %.3f", kinds[_i / 2], x, y, jain);
	ck_assert_msg(x + y >= 0.95, "%s: %.3f and %.3f of the link", kinds[_i / 2], x, y);
	bench_close(&b);
}
END_TEST

/* draft-cardwell 1: about one BDP in flight, whatever the buffer holds */
START_TEST(standing_queue)
{
	struct bench b;

	bench_open(&b, _i % 2, _i / 2, 8 * BDP, 0);
	begin(&b);
	run(&b, 5 * SEC);
	measure(&b);
	run(&b, 10 * SEC);
	say(&b, kinds[_i / 2]);
	ck_assert(share(&b, &b.flow[0]) >= 0.95);
	if (_i / 2 == BBR)
		ck_assert_msg(mean_queue(&b) < 0.25 * BDP && b.queue_max < 1.5 * BDP,
			      "%.2f BDP queued, at most %.2f", mean_queue(&b) / BDP,
			      (double)b.queue_max / BDP);
	else		/* or the test could not fail */
		ck_assert_msg(mean_queue(&b) > BDP, "%.2f BDP queued", mean_queue(&b) / BDP);
	bench_close(&b);
}
END_TEST

/* Each swap keeps the connection and its window; what is new takes over within a second or two. */
START_TEST(swaps)
{
	static const int order[] = { BBR, CUBIC, RENO, BBR, RENO, CUBIC };
	struct bench b;
	int now;

	bench_open(&b, _i, CUBIC, 8 * BDP, 0);
	begin(&b);
	run(&b, 3 * SEC);
	for (int i = 0; i < 6; i++) {
		now = order[i];
		use(&b, now);
		run(&b, SEC);
		measure(&b);
		run(&b, 2 * SEC);
		say(&b, kinds[now]);
		ck_assert_str_eq(tcp_of(b.flow[0].from)->cc_ops->name, kinds[now]);
		ck_assert_msg(share(&b, &b.flow[0]) >= 0.9, "%s: %.3f of the link", kinds[now],
			      share(&b, &b.flow[0]));
	}
	ck_assert_uint_eq(tcp_of(b.flow[0].to)->bytes_received,
			  b.flow[0].received + tcp_of(b.flow[0].to)->recv_bytes);
	bench_close(&b);
}
END_TEST

/* SO_MAX_PACING_RATE, with and without a module that paces */
START_TEST(pacing_limit)
{
	const uint64_t limit = 2500000;
	struct bench b;
	struct transfer *f;

	bench_open(&b, _i % 2, _i / 2, BDP, 0);
	f = begin(&b);
	f->from->sk->max_pacing_rate = limit;
	run(&b, 2 * SEC);
	measure(&b);
	for (int i = 0; i < 50; i++) {
		uint64_t sent = tcp_of(f->from)->bytes_sent;

		run(&b, 100 * MSEC);
		sent = tcp_of(f->from)->bytes_sent - sent;
		ck_assert_msg(sent <= limit / 10 + 3 * 1448,
			      "%llu bytes in 100 ms", (unsigned long long)sent);
	}
	/* BBR takes what it measures for the path's rate, and probes with 3/4 of it, too. */
	ck_assert_msg(share(&b, f) * RATE >= (_i / 2 == BBR ? 0.85 : 0.98) * (double)limit,
		      "%.0f bytes/s", share(&b, f) * RATE);
	bench_close(&b);
}
END_TEST

/* DESIGN: a shaped link has no standing queue inside weir */
START_TEST(small_queues)
{
	static const char *const rates[] = { "1mbit", "10mbit", "100mbit", "1gbit" };
	static const uint64_t bytes_per_ms[] = { 125, 1250, 12500, 125000 };
	const char *const tbf[] = { "rate", rates[_i % 4], "burst", "128kb", NULL };
	struct weir_nic_stats st = { .size = sizeof(st) };
	uint64_t most = 0, limit = bytes_per_ms[_i % 4];
	struct weir_error e = { "" };
	struct bench b;
	uint64_t end;

	bench_open(&b, (_i ^ _i / 4) & 1, _i / 4 ? BBR : CUBIC, 64 * BDP, 0);
	b.nic[0]->wire.rate = 0;
	b.nic[0]->wire.delay = b.nic[1]->wire.delay = 2 * MSEC;
	ck_assert_msg(weir_nic_set_qdisc(b.nic[0]->nic, "tbf", tbf, &e) == 0, "%s", e.text);
	begin(&b);
	run(&b, 5 * SEC);
	measure(&b);
	for (end = b.sim.now + 5 * SEC; b.sim.now < end;) {
		pump(&b.flow[0]);
		sim_step(&b.sim, end);
		weir_nic_stats_get(b.nic[0]->nic, &st);
		most = st.backlog > most ? st.backlog : most;
	}
	if (getenv("SIM_VERBOSE"))
		printf("%s: at most %llu bytes queued, %.0f bytes/s\n", rates[_i % 4],
		       (unsigned long long)most, share(&b, &b.flow[0]) * RATE);
	if (limit < 2 * 1514)
		limit = 2 * 1514;
	ck_assert_msg(most <= limit + limit / 4, "%llu bytes queued at %s",
		      (unsigned long long)most, rates[_i % 4]);
	ck_assert(share(&b, &b.flow[0]) * RATE >= 0.9 * (double)bytes_per_ms[_i % 4] * 1000);
	bench_close(&b);
}
END_TEST

/* _i: kind and family; of small_queues also the rate. */
int main(void)
{
	Suite *s = suite_create("congestion control");
	TCase *t = tcase_create("bottleneck");

	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, fills, 0, 4);
	tcase_add_loop_test(t, random_loss, 0, 4);
	tcase_add_loop_test(t, fairness, 2 * CUBIC, 2 * CUBIC + 2);
	tcase_add_loop_test(t, standing_queue, 0, 4);
	tcase_add_loop_test(t, swaps, 0, 2);
	tcase_add_loop_test(t, pacing_limit, 0, 4);
	tcase_add_loop_test(t, small_queues, 0, 8);
	suite_add_tcase(s, t);
	return run_suite(s);
}
