/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_bulk.c - long and slow transfers over a perfect network.
 *
 *	seed 0		more than sequence numbers can count (RFC 9293 3.4): every comparison wraps
 *	other seeds	a reader that never stops needs no zero-window probe: window updates come in
 *			time (RFC 9293 3.8.6.2), whatever the family, segment size, GSO, GRO, buffer and step
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "flow.h"
#include "runner.h"
#include "tcp/sock.h"
#include "embed/internal.h"

#define PORT	80
#define CHUNK	65000u
#define ROUNDS	300

struct bulk {
	struct sim sim;
	bool six;
	struct weir_sock *listener, *from, *to;
	uint64_t sent, received;
};

static struct weir_sock *new_sock(struct bulk *b, int host)
{
	struct weir_sock *sk = NULL;

	if (weir_socket(b->sim.hosts[host].stack, b->six ? AF_INET6 : AF_INET, SOCK_STREAM, 0, &sk) < 0)
		sim_fail(&b->sim, "no socket");
	return sk;
}

static const struct tcp_stats *sender(struct bulk *b)
{
	return &b->sim.hosts[0].stack->stack->tcp.stats;
}

static void bulk_open(struct bulk *b, uint64_t seed, uint32_t mtu, int rcvbuf)
{
	static const char *const names[2][2] = { { "10.0.0.1", "10.0.0.2" }, { "fd00::1", "fd00::2" } };
	const char *const *name = names[seed % 3 == 1];
	struct sockaddr_storage addr = sim_sockaddr(name[1], PORT);
	char text[32];
	struct sim_segment *cable;
	struct sim_nic *n[2];

	memset(b, 0, sizeof(*b));
	sim_init(&b->sim, seed);
	b->six = seed % 3 == 1;
	cable = sim_segment_add(&b->sim);
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%s/24", name[i]);
		n[i] = sim_nic_add(sim_host_add(&b->sim), cable, text,
				   b->six && mtu < 1280 ? 1280 : mtu,
				   (seed >> i & 1 ? SIM_GSO : 0) | (seed / 32 >> i & 1 ? SIM_GRO : 0));
		n[i]->wire.delay = 100 * USEC;
	}
	sim_know(n[0], name[1], n[1]);
	sim_know(n[1], name[0], n[0]);
	b->listener = new_sock(b, 1);
	b->from = new_sock(b, 0);
	if (rcvbuf)
		weir_setsockopt(b->listener, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (weir_bind(b->listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    weir_listen(b->listener, 1) ||
	    weir_connect(b->from, (struct sockaddr *)&addr, sizeof(addr)) != -EINPROGRESS)
		sim_fail(&b->sim, "no connection");
	while (!b->sim.failure[0] && weir_accept(b->listener, &b->to, NULL, NULL) == -EAGAIN)
		if (!sim_step(&b->sim, b->sim.now + SEC))
			sim_fail(&b->sim, "no connection after a second");
}

static bool bulk_close(struct bulk *b, char *failure, size_t size)
{
	weir_abort(b->from);
	weir_abort(b->to);
	weir_close(b->listener);
	sim_settle(&b->sim);
	snprintf(failure, size, "%s", b->sim.failure);
	sim_fini(&b->sim);
	return !failure[0];
}

static void bulk_write(struct bulk *b)
{
	static uint8_t data[CHUNK];
	ssize_t n;

	while ((n = weir_send(b->from, data, CHUNK, 0)) > 0)
		b->sent += (uint64_t)n;
	if (n != -EAGAIN)
		sim_fail(&b->sim, "send: %s", strerror((int)-n));
}

static void bulk_read(struct bulk *b, uint32_t most)
{
	ssize_t n = weir_recv(b->to, NULL, most, MSG_TRUNC);

	if (n > 0)
		b->received += (uint64_t)n;
	else if (n != -EAGAIN)
		sim_fail(&b->sim, "recv: %s", strerror((int)-n));
}

static bool four_gib(char *failure, size_t size)
{
	struct bulk b;

	bulk_open(&b, 3, 1500, 0);
	while (!b.sim.failure[0] && b.received < (4ull << 30) + (300u << 20)) {
		bulk_write(&b);
		if (!sim_step(&b.sim, b.sim.now + SEC))
			sim_fail(&b.sim, "stuck after %llu bytes", (unsigned long long)b.received);
		bulk_read(&b, INT32_MAX);
	}
	if (sender(&b)->retrans_segs || sender(&b)->zero_window_probes)
		sim_fail(&b.sim, "%llu retransmissions, %llu probes of a perfect network",
			 (unsigned long long)sender(&b)->retrans_segs,
			 (unsigned long long)sender(&b)->zero_window_probes);
	return bulk_close(&b, failure, size);
}

static bool slow_reader(uint64_t seed, char *failure, size_t size)
{
	static const uint32_t mtus[] = { 576, 1500, 9000, 65535 };
	int rcvbuf = seed / 16 % 2 ? 0 : 4096 + (int)(seed * 7919 % 150000);
	uint32_t mtu = mtus[seed / 4 % 4], step;
	struct bulk b;
	uint64_t next, pause;

	bulk_open(&b, seed, mtu, rcvbuf);
	rcvbuf = b.to ? (int)b.to->sk->rcvbuf : 0;
	step = (uint32_t)rcvbuf / 2 / (2 + sim_below(&b.sim, 20));
	pause = (1 + sim_below(&b.sim, 5)) * MSEC;
	next = b.sim.now;
	for (int i = 0; i < ROUNDS && !b.sim.failure[0]; i++) {
		for (next += pause; b.sim.now < next && !b.sim.failure[0];) {
			bulk_write(&b);
			sim_step(&b.sim, next);
		}
		bulk_read(&b, step);
	}
	if (sender(&b)->zero_window_probes)
		sim_fail(&b.sim, "mtu %u rcvbuf %d step %u: %llu probes", mtu, rcvbuf, step,
			 (unsigned long long)sender(&b)->zero_window_probes);
	if (b.received < (ROUNDS - 10) * (uint64_t)step / 2)
		sim_fail(&b.sim, "mtu %u rcvbuf %d step %u: read %llu", mtu, rcvbuf, step,
			 (unsigned long long)b.received);
	return bulk_close(&b, failure, size);
}

static bool run(uint64_t seed, bool verbose, char *failure, size_t size)
{
	(void)verbose;
	return seed ? slow_reader(seed, failure, size) : four_gib(failure, size);
}

int main(int argc, char **argv)
{
	static const struct scenario sc = { .name = "sim_bulk", .seeds = 320, .run = run };

	return run_scenario(&sc, argc, argv);
}
