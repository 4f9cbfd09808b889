/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_bulk.c - long and slow transfers over a perfect network, on virtual time.
 *
 *	four_gib	more than sequence numbers can count (RFC 9293 3.4): every comparison wraps
 *	slow_reader	a reader that never stops needs no zero-window probe: window updates come in
 *			time (RFC 9293 3.8.6.2), whatever the segment size, GSO, buffer and step
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include <netinet/in.h>

#include "sim.h"
#include "tcp/sock.h"

#define PORT	80
#define CHUNK	65000u

struct flow_test {
	struct sim sim;
	struct sock *listener, *from, *to;
	struct buf *data;
	uint64_t sent, received;
};

static struct sock *new_sock(struct sim_host *h)
{
	int err;
	struct sock *sk = sock_create(&h->stack->ip, &h->stack->tcp, &tcp_ops, AF_INET,
				      IPPROTO_TCP, &err);

	ck_assert_ptr_nonnull(sk);
	return sk;
}

static void flow_open(struct flow_test *t, const struct sim_config *c, uint32_t rcvbuf)
{
	struct ip_addr any = ip_addr_v4(0);
	int err;

	sim_init(&t->sim, c);
	t->sent = t->received = 0;
	t->sim.host[0].wire.delay = t->sim.host[1].wire.delay = 100000;
	t->listener = new_sock(&t->sim.host[1]);
	if (rcvbuf) {
		t->listener->rcvbuf = rcvbuf;
		t->listener->rcvbuf_locked = true;
	}
	ck_assert_int_eq(tcp_bind(t->listener, &any, PORT), 0);
	ck_assert_int_eq(tcp_listen(t->listener, 1), 0);
	t->from = new_sock(&t->sim.host[0]);
	ck_assert_int_eq(tcp_connect(t->from, &t->sim.host[1].addr, PORT), -EINPROGRESS);
	sim_step(&t->sim, SIM_NEVER);
	while (!(t->to = tcp_accept(t->listener, &err)))
		ck_assert(sim_step(&t->sim, t->sim.now + SEC));
	t->data = buf_alloc(&t->sim.host[0].stack->pool, CHUNK);
	memset(t->data->data, 'x', CHUNK);
}

static void flow_close(struct flow_test *t)
{
	uint64_t end = t->sim.now + 100 * SEC;

	buf_put(t->data);
	tcp_close(t->from, true);
	tcp_close(t->to, true);
	tcp_close(t->listener, false);
	while (t->sim.now < end && sim_step(&t->sim, end))
		;
	sim_fini(&t->sim);
}

static void flow_write(struct flow_test *t)
{
	ssize_t n;

	while ((n = tcp_write(t->from, t->data, 0, CHUNK, 0)) > 0)
		t->sent += (uint64_t)n;
	ck_assert_int_eq(n, -EAGAIN);
}

static void flow_read(struct flow_test *t, uint32_t most)
{
	uint32_t n = tcp_sock(t->to)->recv_bytes;

	n = n < most ? n : most;
	if (!n)
		return;
	tcp_consume(t->to, n);
	t->received += n;
}

START_TEST(four_gib)
{
	struct sim_config c = { .seed = (uint64_t)_i, .gso = { true, true }, .mtu = 1500 };
	struct flow_test t;

	flow_open(&t, &c, 0);
	while (t.received < (4ull << 30) + (300u << 20)) {
		flow_write(&t);
		ck_assert(sim_step(&t.sim, t.sim.now + SEC));
		flow_read(&t, UINT32_MAX);
	}
	ck_assert_uint_eq(t.sim.host[0].stack->tcp.stats.retrans_segs, 0);
	ck_assert_uint_eq(t.sim.host[0].stack->tcp.stats.zero_window_probes, 0);
	ck_assert_uint_eq(tcp_sock(t.to)->bytes_received, t.received +
			  tcp_sock(t.to)->recv_bytes);
	flow_close(&t);
}
END_TEST

static void slow_read(uint64_t seed)
{
	static const uint32_t mtus[] = { 576, 1500, 9000, 65535 };
	struct sim_config c = { .seed = seed, .gso = { seed & 1, seed & 2 },
				.mtu = mtus[seed / 4 % 4] };
	uint32_t rcvbuf = seed / 16 % 2 ? 0 : 8192 + (uint32_t)(seed * 7919 % 300000), step;
	struct flow_test t;
	uint64_t next, pause;

	flow_open(&t, &c, rcvbuf);
	step = t.to->rcvbuf / 2 / (2 + sim_below(&t.sim, 20));
	pause = (1 + sim_below(&t.sim, 5)) * MSEC;
	next = t.sim.now;
	for (int i = 0; i < 300; i++) {
		for (next += pause; t.sim.now < next;) {
			flow_write(&t);
			sim_step(&t.sim, next);
		}
		flow_read(&t, step);
	}
	ck_assert_msg(!t.sim.host[0].stack->tcp.stats.zero_window_probes,
		      "seed %llu: mtu %u rcvbuf %u step %u: %llu probes", (unsigned long long)seed,
		      c.mtu, t.to->rcvbuf, step,
		      (unsigned long long)t.sim.host[0].stack->tcp.stats.zero_window_probes);
	ck_assert_msg(t.received >= 290ull * step / 2, "seed %llu: mtu %u rcvbuf %u step %u: read %llu",
		      (unsigned long long)seed, c.mtu, t.to->rcvbuf, step,
		      (unsigned long long)t.received);
	flow_close(&t);
}

START_TEST(slow_reader)
{
	for (uint64_t seed = 0; seed < 320; seed++)
		slow_read(seed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp bulk");
	TCase *t = tcase_create("bulk");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, four_gib, 0, 1);
	tcase_add_test(t, slow_reader);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
