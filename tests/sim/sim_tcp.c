/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_tcp.c - TCP against networks of every kind, a seed each.
 *
 * A seed decides the network (rate, delay, loss, reordering, duplication, corruption, MTU), the
 * sockets' options and how the two programs write, read and pause. Both send a stream that is
 * known at every offset, shut down, read to the end and close. Then must hold:
 *
 *	every byte arrives once and in order, and the end after the last
 *	in every third world somebody swaps qdiscs and congestion controls: no qdisc drops anything
 *	a network that loses, reorders and crowds nothing sees no retransmission
 *	after TIME-WAIT no socket, port, packet or buffer is left on either side
 *
 * In another third sequence numbers or timestamps pass 2^32 on the way.
 *
 * Seeds go through all four pairs of GSO on and off. A failure prints the line that replays it:
 *	tests/sim/sim_tcp --seed N
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/random.h"
#include "operator.h"
#include "sim.h"
#include "tcp/sock.h"

#define SEEDS	2000u
#define CONNS	3
#define PORT	80
#define TIME_LIMIT (4 * 3600 * SEC)

struct end {				/* a program with one connection */
	struct sim_host *host;
	struct sock *sk;
	uint64_t key_out, key_in;	/* of the streams */
	uint64_t to_send, sent, received, expect;
	uint32_t chunk, read_max;
	uint32_t pause_chance;		/* of 100 steps */
	uint64_t paused_until;
	bool connected, shut, eof, closed, ready;
};

struct world {
	struct sim sim;
	struct end end[2][CONNS];	/* [0] connects, [1] accepts */
	struct sock *listener;
	int conns, accepted;
	bool lossless;
	struct operator *op;		/* somebody at the controls, or NULL */
	char failure[256];
};

static bool verbose;

#define FAIL(w, ...) do {							\
	if (!(w)->failure[0])							\
		snprintf((w)->failure, sizeof((w)->failure), __VA_ARGS__);	\
} while (0)

static uint8_t stream_byte(uint64_t key, uint64_t off)
{
	uint64_t x = key + off / 8 * 0x9e3779b97f4a7c15ull;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ull;
	return (uint8_t)(x >> (off % 8 * 8));
}

static void on_event(void *arg)
{
	((struct end *)arg)->ready = true;
}

/* ---- the programs ---- */

static void end_write(struct world *w, struct end *e)
{
	while (e->sent < e->to_send) {
		uint32_t space = e->sk->ops->space(e->sk), n;
		struct buf *b;
		ssize_t r;

		if (!space)
			return;
		n = 1 + sim_below(&w->sim, e->chunk);
		n = n < space ? n : space;
		n = e->to_send - e->sent < n ? (uint32_t)(e->to_send - e->sent) : n;
		b = buf_alloc(&e->host->stack->pool, n);
		for (uint32_t i = 0; i < n; i++)
			b->data[i] = stream_byte(e->key_out, e->sent + i);
		r = e->sk->ops->write(e->sk, b, 0, n,
				      n < e->to_send - e->sent && sim_below(&w->sim, 8) == 0 ?
				      MSG_MORE : 0);
		buf_put(b);
		if (r < 0) {
			if (r != -EAGAIN)
				FAIL(w, "write after %llu bytes: %s",
				     (unsigned long long)e->sent, strerror((int)-r));
			return;
		}
		e->sent += (uint64_t)r;
		if (sim_below(&w->sim, 100) < e->pause_chance) {
			e->paused_until = w->sim.now + sim_below(&w->sim, 200) * MSEC;
			return;
		}
	}
}

static void end_read(struct world *w, struct end *e)
{
	struct iovec iov[16];
	uint32_t took = 0;
	int n = e->sk->ops->peek(e->sk, iov, 16);

	for (int i = 0; i < n && took < e->read_max; i++) {
		const uint8_t *b = iov[i].iov_base;

		for (size_t k = 0; k < iov[i].iov_len && took < e->read_max; k++, took++) {
			if (b[k] != stream_byte(e->key_in, e->received + took)) {
				FAIL(w, "byte %llu is wrong",
				     (unsigned long long)e->received + took);
				return;
			}
		}
	}
	e->received += took;
	if (took) {
		e->sk->ops->consume(e->sk, took);
		e->ready = true;
	} else if (e->sk->shut & SOCK_SHUT_RD) {
		e->eof = true;
	}
	if (e->received > e->expect)
		FAIL(w, "more bytes than were sent");
}

static void end_step(struct world *w, struct end *e)
{
	uint32_t ev;

	e->ready = false;
	ev = e->sk->ops->poll(e->sk);
	if (ev & EPOLLERR) {
		FAIL(w, "socket error: %s after %llu sent, %llu received", strerror(e->sk->error),
		     (unsigned long long)e->sent, (unsigned long long)e->received);
		return;
	}
	if (ev & EPOLLOUT)
		e->connected = true;
	if (!e->connected)
		return;
	if (!e->eof)
		end_read(w, e);
	if (!e->shut)
		end_write(w, e);
	if (!e->shut && e->sent == e->to_send) {
		e->shut = true;
		if (!e->eof || sim_below(&w->sim, 2))
			e->sk->ops->shutdown(e->sk, SHUT_WR);
	}
	if (e->shut && e->eof) {
		if (e->received != e->expect)
			FAIL(w, "the end came after %llu of %llu bytes",
			     (unsigned long long)e->received, (unsigned long long)e->expect);
		e->closed = true;
		e->sk->ops->close(e->sk, false);
		e->sk = NULL;
	}
	if (sim_below(&w->sim, 100) < e->pause_chance)
		e->paused_until = w->sim.now + sim_below(&w->sim, 300) * MSEC;
}

/* ---- setting up ---- */

static void set_opt(struct sock *sk, int name, int v)
{
	sk->ops->setsockopt(sk, IPPROTO_TCP, name, &v, sizeof(v));
}

static void end_options(struct world *w, struct end *e)
{
	if (sim_below(&w->sim, 3) == 0)
		set_opt(e->sk, TCP_NODELAY, 1);
	if (sim_below(&w->sim, 5) == 0) {
		e->sk->sndbuf = 4096 + sim_below(&w->sim, 65536);
		e->sk->sndbuf_locked = true;
	}
	if (sim_below(&w->sim, 10) == 0)
		set_opt(e->sk, TCP_CORK, 1);
}

static uint64_t stream_length(struct world *w)
{
	switch (sim_below(&w->sim, 8)) {
	case 0:
		return 0;
	case 1:
		return 1 + sim_below(&w->sim, 100);
	case 2:
		return sim_below(&w->sim, 800000);
	default:
		return sim_below(&w->sim, 60000);
	}
}

static void end_init(struct world *w, int side, int i)
{
	static const uint32_t chunks[] = { 1, 100, 1448, 9000, 65000 };
	struct end *e = &w->end[side][i];

	e->host = &w->sim.host[side];
	e->to_send = stream_length(w);
	e->chunk = chunks[sim_below(&w->sim, 5)];
	if (e->chunk < 100 && e->to_send > 3000)
		e->to_send = 3000;
	e->read_max = 1 + sim_below(&w->sim, 4) * sim_below(&w->sim, 40000) + 500;
	e->pause_chance = sim_below(&w->sim, 2) ? 0 : sim_below(&w->sim, 20);
	e->key_out = (uint64_t)(side * CONNS + i + 1) << 32;
	e->key_in = (uint64_t)(!side * CONNS + i + 1) << 32;
}

static struct sock *new_sock(struct sim_host *h)
{
	int err;
	struct sock *sk = sock_create(&h->stack->ip, &h->stack->tcp, &tcp_ops, AF_INET,
				      IPPROTO_TCP, &err);

	if (!sk)
		abort();
	return sk;
}

static void start(struct world *w)
{
	struct ip_addr any = ip_addr_v4(0);
	struct sim_host *server = &w->sim.host[1];
	/* A full accept queue ignores ACKs, which are then sent again. */
	int backlog = w->lossless ? CONNS : (int)sim_below(&w->sim, 5);

	w->listener = new_sock(server);
	if (sim_below(&w->sim, 4) == 0) {
		w->listener->rcvbuf = 4608 + sim_below(&w->sim, 20000);
		w->listener->rcvbuf_locked = true;
	}
	if (w->listener->ops->bind(w->listener, &any, PORT) < 0 ||
	    w->listener->ops->listen(w->listener, backlog) < 0)
		FAIL(w, "bind or listen failed");
	for (int i = 0; i < w->conns; i++) {
		struct end *e = &w->end[0][i];
		uint16_t lport = (uint16_t)(2000 + i);

		end_init(w, 0, i);
		end_init(w, 1, i);
		w->end[0][i].expect = w->end[1][i].to_send;
		w->end[1][i].expect = w->end[0][i].to_send;
		e->sk = new_sock(e->host);
		e->sk->event = on_event;
		e->sk->event_arg = e;
		end_options(w, e);
		e->sk->ops->bind(e->sk, &any, lport);
		if (e->sk->ops->connect(e->sk, &server->addr, PORT) != -EINPROGRESS)
			FAIL(w, "connect failed");
	}
}

static void accept_all(struct world *w)
{
	struct sock *sk;
	int err;

	while (w->listener && (sk = w->listener->ops->accept(w->listener, &err))) {
		struct end *e = &w->end[1][sk->rport - 2000];

		if (sk->rport < 2000 || sk->rport >= 2000 + w->conns || e->sk) {
			FAIL(w, "a connection from nowhere, port %u", sk->rport);
			return;
		}
		e->sk = sk;
		sk->event = on_event;
		sk->event_arg = e;
		end_options(w, e);
		e->ready = true;
		w->accepted++;
	}
}

static uint32_t rare(struct world *w, uint32_t max)
{
	return sim_below(&w->sim, 2) ? 0 : sim_below(&w->sim, max);
}

static void network(struct world *w)
{
	bool bad = sim_below(&w->sim, 4) != 0;
	uint32_t loss = 0, dup = 0, corrupt = 0;

	w->lossless = true;
	if (bad) {
		loss = rare(w, 800);
		dup = rare(w, 500);
		corrupt = rare(w, 300);
	}
	for (int i = 0; i < 2; i++) {
		struct sim_wire *wire = &w->sim.host[i].wire;

		wire->delay = sim_below(&w->sim, 3) ? sim_below(&w->sim, 2000) * 1000ull :
			sim_below(&w->sim, 100) * MSEC;
		wire->rate = sim_below(&w->sim, 3) ? 125000 + sim_below(&w->sim, 12500000) : 0;
		wire->queue = bad && sim_below(&w->sim, 2) ? 20000 + sim_below(&w->sim, 200000) :
			16u << 20;
		wire->keep_order = !bad || sim_below(&w->sim, 2);
		wire->jitter = bad ? rare(w, 10) * MSEC : 0;
		wire->loss = loss;
		wire->dup = dup;
		wire->corrupt = corrupt;
		if (bad && sim_below(&w->sim, 2))
			wire->split = true;
	}
	/* Flows that share a slow wire delay each other by more than an RTO foresees. */
	if (bad || (w->conns > 1 && (w->sim.host[0].wire.rate || w->sim.host[1].wire.rate)))
		w->lossless = false;
	if (w->op)
		w->lossless = false;	/* its qdiscs are slow without warning */
}

/* Idle until the first connection's numbers are about to pass 2^32. */
static void near_wrap(struct world *w, uint64_t seed)
{
	int side = seed / 3 % 2;
	struct sim_host *h = &w->sim.host[side];
	struct tcp_end e = { .local = h->addr, .remote = w->sim.host[!side].addr,
			     .lport = side ? PORT : 2000, .rport = side ? 2000 : PORT };
	const struct tcp *tcp = &h->stack->tcp;
	uint64_t wait;

	if (seed / 6 % 2)
		wait = (uint64_t)(0u - sim_below(&w->sim, 60000) - tcp_isn(tcp, &e)) << 6;
	else
		wait = (0u - sim_below(&w->sim, 500) - tcp_ts_offset(tcp, &e) -
			(uint32_t)(w->sim.now / MSEC)) * MSEC;
	wait += w->sim.now;
	while (w->sim.now < wait && sim_step(&w->sim, wait))
		;
}

/* ---- running ---- */

static bool all_closed(const struct world *w)
{
	for (int side = 0; side < 2; side++)
		for (int i = 0; i < w->conns; i++)
			if (!w->end[side][i].closed)
				return false;
	return true;
}

/* Let every program that may run do so. When is the next pause over? */
static uint64_t run_programs(struct world *w)
{
	uint64_t next = w->sim.now + 60 * SEC;

	accept_all(w);
	for (int side = 0; side < 2; side++) {
		for (int i = 0; i < w->conns; i++) {
			struct end *e = &w->end[side][i];

			if (!e->sk || e->closed)
				continue;
			if (e->paused_until > w->sim.now) {
				next = e->paused_until < next ? e->paused_until : next;
				continue;
			}
			if (e->ready || e->paused_until) {
				e->paused_until = 0;
				end_step(w, e);
			}
			if (!e->closed && (e->ready || e->paused_until))
				next = e->paused_until > w->sim.now ? e->paused_until < next ?
					e->paused_until : next : w->sim.now;
		}
	}
	return next;
}

static void check_left(struct world *w, int i)
{
	struct stack *s = w->sim.host[i].stack;

	if (!list_empty(&s->tcp.socks) || s->tcp.established.count || s->tcp.listeners.count)
		FAIL(w, "host %d: a socket is left", i);
	if (s->tcp.time_waits || s->tcp.orphans || s->tcp.stats.curr_estab)
		FAIL(w, "host %d: counters: %u time-waits, %u orphans, %llu established", i,
		     s->tcp.time_waits, s->tcp.orphans,
		     (unsigned long long)s->tcp.stats.curr_estab);
	if (s->tcp.ports.ports.count)
		FAIL(w, "host %d: a port is left", i);
	if (s->pool.packets || s->pool.bufs)
		FAIL(w, "host %d: %llu packets and %llu buffers are left", i,
		     (unsigned long long)s->pool.packets, (unsigned long long)s->pool.bufs);
	if (w->lossless && (s->tcp.stats.retrans_segs || s->tcp.stats.timeouts))
		FAIL(w, "host %d: %llu needless retransmissions", i,
		     (unsigned long long)s->tcp.stats.retrans_segs);
}

static void report(struct world *w, int i)
{
	struct tcp_stats *t = &w->sim.host[i].stack->tcp.stats;
	struct sim_wire *wire = &w->sim.host[i].wire;

	printf("host %d: out %llu in %llu retrans %llu fast %llu timeouts %llu dupacks %llu "
	       "ofo %llu probes %llu; wire: rate %llu delay %llu frames %llu lost %llu\n", i,
	       (unsigned long long)t->out_segs, (unsigned long long)t->in_segs,
	       (unsigned long long)t->retrans_segs, (unsigned long long)t->fast_retrans,
	       (unsigned long long)t->timeouts, (unsigned long long)t->dup_acks,
	       (unsigned long long)t->ofo_queued, (unsigned long long)t->zero_window_probes,
	       (unsigned long long)wire->rate, (unsigned long long)wire->delay,
	       (unsigned long long)wire->frames, (unsigned long long)wire->lost);
}

static void check_operator(struct world *w)
{
	uint64_t drops = operator_drops(w->op, &w->sim);

	if (drops)
		FAIL(w, "qdiscs dropped %llu packets in %llu swaps", (unsigned long long)drops,
		     (unsigned long long)w->op->swaps);
	if (operator_cc_users)
		FAIL(w, "%d connections hold a congestion control", operator_cc_users);
}

static bool run_seed(uint64_t seed, struct operator *op)
{
	struct sim_config c = { .seed = seed, .gso = { seed & 1, seed & 2 }, .mtu = 1500 };
	struct world *w = calloc(1, sizeof(*w));
	uint64_t start_at, limit;
	bool ok;

	if (seed % 5 == 4)
		c.mtu = 576 + (uint32_t)(seed * 7919 % 8000);
	sim_init(&w->sim, &c);
	w->sim.trace = verbose;
	if (seed % 3 == 0) {
		w->op = op;
		operator_begin(op, &w->sim);
	} else if (seed % 3 == 1) {
		near_wrap(w, seed);
	}
	start_at = w->sim.now;
	limit = start_at + TIME_LIMIT;
	w->conns = 1 + (int)sim_below(&w->sim, CONNS);
	network(w);
	start(w);
	while (!w->failure[0] && !all_closed(w)) {
		uint64_t next = run_programs(w);

		if (w->failure[0] || all_closed(w))
			break;
		if (w->op)
			operator_act(w->op, &w->sim);
		sim_step(&w->sim, next);
		if (w->sim.now > limit)
			FAIL(w, "not over after %llu s",
			     (unsigned long long)(TIME_LIMIT / SEC));
	}
	if (verbose)
		printf("closed after %.3f s\n", (double)(w->sim.now - start_at) / SEC);
	if (!w->failure[0]) {
		w->listener->ops->close(w->listener, false);
		w->listener = NULL;
		limit = w->sim.now + 1800 * SEC;
		while (w->sim.now < limit && sim_step(&w->sim, limit))
			;
		check_left(w, 0);
		check_left(w, 1);
		if (w->op)
			check_operator(w);
	}
	if (verbose) {
		report(w, 0);
		report(w, 1);
	}
	ok = !w->failure[0];
	if (!ok)
		fprintf(stderr, "sim_tcp: %s; replay: tests/sim/sim_tcp --seed %llu\n", w->failure,
			(unsigned long long)seed);
	sim_fini(&w->sim);
	free(w);
	return ok;
}

static void run_pair(uint64_t pair)
{
	struct operator op;
	int failures = 0;

	operator_init(&op);
	for (uint64_t seed = pair; seed < SEEDS && failures < 5; seed += 4)
		failures += !run_seed(seed, &op);
	operator_fini(&op);
	ck_assert_msg(!failures, "%d seeds failed", failures);
}

START_TEST(gso_pair)
{
	run_pair((uint64_t)_i);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *s;
	SRunner *r;
	TCase *t;
	int failed;

	if (argc == 3 && !strcmp(argv[1], "--seed")) {
		struct operator op;

		verbose = true;
		operator_init(&op);
		failed = !run_seed(strtoull(argv[2], NULL, 0), &op);
		operator_fini(&op);
		return failed;
	}
	s = suite_create("tcp simulation");
	t = tcase_create("pairs of GSO on and off");
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, gso_pair, 0, 4);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
