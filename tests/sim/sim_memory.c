/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_memory.c - more connections than memory: thousands whose readers do not read while their
 * writers write.
 *
 * A seed decides the family, GSO and GRO, how much each writes at a time and the marks on the
 * memory of all connections ([tcp] memory). Then must hold, at every step and on both sides:
 *
 *	memory	is at most the third mark and what core/tcp/memory.c lets each connection have in any case: one packet for
 *		its reader, one write for its writer
 *	a new connection, whose reader reads, goes on in the middle of it
 *	half of the readers begin to read: every byte is there
 *	the others close: nothing is left, and who listens still gets connections
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "embed/internal.h"
#include "flow.h"
#include "runner.h"

#define PORT	80
#define CONNS	2000
#define WAVE	200			/* connect at once */
#define BYTES	12000u			/* of each */
#define HELD	(1800 * SEC)		/* nobody reads: longer than TCP tries without an answer */
#define LOOK	(500 * MSEC)		/* how often programs look what they can do */
#define LIMIT	(2 * 3600 * SEC)
#define BUF_SMALL 2048u			/* what a packet of the wire comes in, and the smallest buffer for a write */
#define OVERHEAD 1024ull		/* of a packet, beside its buffer */

static const char *const addrs[2][2] = { { "10.0.0.1", "10.0.0.2" }, { "fd00::1", "fd00::2" } };

struct conn {
	struct weir_sock *from, *to;
	uint32_t sent, received;
	bool shut, eof;
};

struct world {
	struct sim sim;
	struct weir_sock *listener;
	struct conn conns[CONNS + 2];	/* and two later ones */
	int n;
	bool six;
	uint32_t chunk;			/* most of one write */
	uint64_t bound;			/* bytes */
	uint8_t bytes[CONNS + 2 + BYTES];
};

/* The stream of a connection from off on: known at every offset, and another for each. */
static const uint8_t *stream(const struct world *w, int conn, uint32_t off)
{
	return w->bytes + conn + off;
}

/* ---- the programs ---- */

static void write_some(struct world *w, int i)
{
	struct conn *c = &w->conns[i];
	ssize_t n = 0;

	while (c->sent < BYTES) {
		uint32_t len = BYTES - c->sent < w->chunk ? BYTES - c->sent : w->chunk;

		n = weir_send(c->from, stream(w, i, c->sent), len, 0);
		if (n < 0)
			break;
		c->sent += (uint32_t)n;
	}
	if (n < 0 && n != -EAGAIN && n != -ENOBUFS)
		sim_fail(&w->sim, "connection %d: send: %s after %u", i, strerror((int)-n), c->sent);
	if (c->sent == BYTES && !c->shut)
		c->shut = weir_shutdown(c->from, SHUT_WR) == 0;
}

static void read_some(struct world *w, int i)
{
	struct conn *c = &w->conns[i];
	uint8_t data[4096];
	ssize_t n;

	while ((n = weir_recv(c->to, data, sizeof(data), 0)) > 0) {
		if (c->received + (uint32_t)n > BYTES || memcmp(data, stream(w, i, c->received), (size_t)n))
			sim_fail(&w->sim, "connection %d: wrong bytes from %u on", i, c->received);
		c->received += (uint32_t)n;
	}
	c->eof = n == 0;
	if (n < 0 && n != -EAGAIN)
		sim_fail(&w->sim, "connection %d: recv: %s after %u", i, strerror((int)-n), c->received);
}

static void check_memory(struct world *w)
{
	struct weir_stats st = { .size = sizeof(st) };

	for (int i = 0; i < 2; i++) {
		weir_stats_get(w->sim.hosts[i].stack, &st);
		if (st.memory_peak > w->bound)
			sim_fail(&w->sim, "host %d held %llu bytes, more than %llu", i,
				 (unsigned long long)st.memory_peak, (unsigned long long)w->bound);
	}
}

/* ns pass, or until done(); connections [from, n) are read, every step-th. */
static void run_until(struct world *w, uint64_t ns, bool (*done)(struct world *w), int from, int step)
{
	uint64_t end = w->sim.now + ns, next = w->sim.now;

	while (!w->sim.failure[0] && w->sim.now < end && !(done && done(w))) {
		if (w->sim.now >= next) {
			for (int i = 0; i < w->n; i++)
				if (w->conns[i].from && !w->conns[i].shut)
					write_some(w, i);
			for (int i = from; i < w->n; i += step)
				if (w->conns[i].to && !w->conns[i].eof)
					read_some(w, i);
			next = w->sim.now + LOOK;
		}
		sim_step(&w->sim, next < end ? next : end);
	}
	check_memory(w);
}

/* ---- the world ---- */

static void set_marks(struct sim_host *h, uint64_t max)
{
	struct tcp *tcp = &h->stack->stack->tcp;

	tcp_set_memory(tcp, &tcp->rmem, &tcp->wmem, &(struct tcp_marks){ max / 2, max / 4 * 3, max });
}

static void open_world(struct world *w, uint64_t seed)
{
	static const uint32_t chunks[] = { 1448, 100, 4096, 3000 };
	uint64_t max = (uint64_t)(4 << (seed / 4 % 3)) << 20;
	struct sim_segment *cable = sim_segment_add(&w->sim);
	struct sockaddr_storage at;
	struct sim_nic *n[2];
	char text[32];

	w->six = seed % 2;
	w->chunk = chunks[seed / 2 % 4];
	w->bound = max + CONNS * ((w->chunk > BUF_SMALL ? 8192 : BUF_SMALL) + OVERHEAD);
	random_bytes(&w->sim.random, w->bytes, sizeof(w->bytes));
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%s/24", addrs[w->six][i]);
		n[i] = sim_nic_add(sim_host_add(&w->sim), cable, text, 1500, seed / 2 % 2 ? SIM_GRO : 0);
		n[i]->wire.delay = MSEC;
		n[i]->wire.rate = 125000000;	/* frames that wait for a turn are no connection's */
		n[i]->wire.queue = 64u << 20;
		n[i]->wire.keep_order = true;
		set_marks(n[i]->host, max);
	}
	for (int i = 0; i < 2; i++)
		sim_know(n[i], addrs[w->six][!i], n[!i]);
	at = sim_sockaddr(addrs[w->six][1], PORT);
	if (weir_socket(w->sim.hosts[1].stack, at.ss_family, SOCK_STREAM, 0, &w->listener) < 0 ||
	    weir_bind(w->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    weir_listen(w->listener, 2 * WAVE) < 0)
		sim_fail(&w->sim, "no listener");
}

static int port_of(const struct sockaddr_storage *sa)
{
	return ntohs(((const struct sockaddr_in *)sa)->sin_port);	/* where sin6_port is */
}

/* The next one connects from FLOW_PORT + its number. */
static void connect_one(struct world *w)
{
	struct conn *c = &w->conns[w->n];
	struct sockaddr_storage to = sim_sockaddr(addrs[w->six][1], PORT);
	struct sockaddr_storage any = sim_sockaddr(w->six ? "::" : "0.0.0.0", (uint16_t)(FLOW_PORT + w->n));

	if (weir_socket(w->sim.hosts[0].stack, to.ss_family, SOCK_STREAM, 0, &c->from) < 0 ||
	    weir_bind(c->from, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    weir_connect(c->from, (struct sockaddr *)&to, sizeof(to)) != -EINPROGRESS)
		sim_fail(&w->sim, "connection %d: cannot begin", w->n);
	w->n++;
}

static bool accepted(struct world *w)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct weir_sock *sk;

	while (weir_accept(w->listener, &sk, (struct sockaddr *)&from, &len) == 0) {
		w->conns[port_of(&from) - FLOW_PORT].to = sk;
		len = sizeof(from);
	}
	for (int i = 0; i < w->n; i++)
		if (w->conns[i].from && !w->conns[i].to)
			return false;
	return true;
}

static bool last_done(struct world *w)
{
	return w->conns[w->n - 1].eof && w->conns[w->n - 1].received == BYTES;
}

static bool even_done(struct world *w)
{
	for (int i = 0; i < CONNS; i += 2)
		if (!w->conns[i].eof || w->conns[i].received != BYTES)
			return false;
	return true;
}

/* Another one, from the handshake to its last byte. */
static void one_more(struct world *w, const char *when)
{
	connect_one(w);
	run_until(w, LIMIT, accepted, w->n, 1);
	run_until(w, LIMIT, last_done, w->n - 1, 1);
	if (!last_done(w))
		sim_fail(&w->sim, "%s a new connection has delivered %u bytes", when,
			 w->conns[w->n - 1].received);
}

static void live(struct world *w)
{
	while (w->n < CONNS && !w->sim.failure[0]) {
		for (int i = 0; i < WAVE; i++)
			connect_one(w);
		run_until(w, 60 * SEC, accepted, w->n, 1);
		if (!accepted(w))
			sim_fail(&w->sim, "not all of %d connections came", w->n);
	}
	run_until(w, HELD, NULL, w->n, 1);
	one_more(w, "while memory is short");
	run_until(w, LIMIT, even_done, 0, 2);
	if (!even_done(w))
		sim_fail(&w->sim, "connections that are read are not complete after %llu s", LIMIT / SEC);
	for (int i = 1; i < CONNS; i += 2) {
		weir_abort(w->conns[i].from);
		weir_abort(w->conns[i].to);
		w->conns[i].from = w->conns[i].to = NULL;
	}
	one_more(w, "afterwards");
}

static void finish(struct world *w)
{
	for (int i = 0; i < w->n; i++) {
		if (w->conns[i].from)
			weir_close(w->conns[i].from);
		if (w->conns[i].to)
			weir_close(w->conns[i].to);
	}
	weir_close(w->listener);
	sim_settle(&w->sim);
}

static void report(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		const struct tcp_stats *t = &w->sim.hosts[i].stack->stack->tcp.stats;
		struct weir_stats st = { .size = sizeof(st) };

		weir_stats_get(w->sim.hosts[i].stack, &st);
		printf("host %d: %.1f s, memory at most %llu of %llu, refused %llu; squeezes %llu, collapsed %llu, "
		       "pruned %llu, timeouts %llu, aborted %llu\n", i, (double)(w->sim.now - 1000 * SEC) / SEC,
		       (unsigned long long)st.memory_peak, (unsigned long long)w->bound,
		       (unsigned long long)st.memory_failures, (unsigned long long)t->memory_squeezes,
		       (unsigned long long)t->rcv_collapsed, (unsigned long long)t->rcv_pruned,
		       (unsigned long long)t->timeouts, (unsigned long long)t->abort_on_memory);
	}
}

static bool run(uint64_t seed, bool verbose, char *failure, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	sim_init(&w->sim, seed);
	open_world(w, seed);
	live(w);
	if (verbose)
		report(w);
	if (!w->sim.failure[0])
		finish(w);
	snprintf(failure, size, "%s", w->sim.failure);
	sim_fini(&w->sim);
	free(w);
	return !failure[0];
}

int main(int argc, char **argv)
{
	static const struct scenario sc = { .name = "sim_memory", .seeds = 8, .run = run };

	return run_scenario(&sc, argc, argv);
}
