/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_tcp.c - TCP between two hosts over networks of every kind, a seed each.
 *
 * A seed decides the network (rate, delay, loss, reordering, duplication, corruption, MTU), the
 * sockets' options and how the two programs write, read and pause. Both send a stream that is
 * known at every offset, shut down, read to the end and close. Then must hold:
 *
 *	every byte arrives once and in order, and the end after the last
 *	in every third world somebody swaps qdiscs and congestion controls: no qdisc drops anything
 *	a network that loses, reorders and crowds nothing sees no retransmission, but for probes of
 *	the tail where the wire is slow
 *	a path that is narrower than its first link, or becomes so, is found by what routers say (RFC 1191, RFC 8201), and
 *	nothing longer is sent once they have; by probing (RFC 8899) where they are silent
 *	after TIME-WAIT no socket, port, packet, buffer or timer is left on either side
 *
 * In another third sequence numbers or timestamps pass 2^32 on the way. Seeds go through all four
 * pairs of GSO on and off, and of GRO; each side has SACK or not. They go by IPv4, by IPv6, or by
 * IPv4 with a socket of IPv6 at one end; over Ethernet, or over links without it.
 */
#include <stdio.h>
#include <string.h>

#include "embed/internal.h"
#include "flow.h"
#include "ip/ipv6.h"
#include "ip/pmtu.h"
#include "operator.h"
#include "runner.h"
#include "tcp/sock.h"

#define FLOWS	3
#define PORT	80
#define PROBE_BASE	1100u	/* bytes of IP: plpmtud.c's, and options */
#define TIME_LIMIT (4 * 3600 * SEC)

static const char *const addrs[2][2] = { { "10.0.0.1", "10.0.0.2" }, { "fd00::1", "fd00::2" } };

/* How a seed's programs name the server: where it listens, and where they connect to. */
static const struct family {
	bool six;
	const char *listen, *connect;
} families[] = {
	{ false, "10.0.0.2", "10.0.0.2" },
	{ true, "fd00::2", "fd00::2" },
	{ false, "::", "10.0.0.2" },
	{ true, "::", "fd00::2" },
	{ false, "0.0.0.0", "::ffff:10.0.0.2" },
};

static const struct family *family_of(uint64_t seed)
{
	return &families[seed / 4 % (sizeof(families) / sizeof(families[0]))];
}

struct world {
	struct sim sim;
	struct sim_flow flows[FLOWS];
	struct flow_listener listener;
	int nflows;
	bool lossless;
	struct narrow_path {
		struct sim_nic *nic;
		uint32_t mtu;
	} paths[2];
};

static struct tcp *tcp_of(struct world *w, int i)
{
	return &w->sim.hosts[i].stack->stack->tcp;
}

static uint32_t rare(struct sim *s, uint32_t max)
{
	return sim_below(s, 2) ? 0 : sim_below(s, max);
}

static void network(struct world *w, bool operated)
{
	struct sim *s = &w->sim;
	bool bad = sim_below(s, 4) != 0;
	uint32_t loss = 0, dup = 0, corrupt = 0;

	w->lossless = true;
	if (bad) {
		loss = rare(s, 800);
		dup = rare(s, 500);
		corrupt = rare(s, 300);
	}
	for (int i = 0; i < 2; i++) {
		struct sim_wire *wire = &s->hosts[i].nics[0].wire;

		tcp_of(w, i)->sack = sim_below(s, 8) != 0;
		wire->delay = sim_below(s, 3) ? sim_below(s, 2000) * USEC : sim_below(s, 100) * MSEC;
		wire->rate = sim_below(s, 3) ? 125000 + sim_below(s, 12500000) : 0;
		wire->queue = bad && sim_below(s, 2) ? 20000 + sim_below(s, 200000) : 16u << 20;
		wire->keep_order = !bad || sim_below(s, 2);
		wire->jitter = bad ? rare(s, 10) * MSEC : 0;
		wire->loss = loss;
		wire->dup = dup;
		wire->corrupt = corrupt;
		wire->split = bad && sim_below(s, 2);
	}
	/* Flows that share a slow wire delay each other by more than an RTO foresees. */
	if (bad || (w->nflows > 1 &&
		    (s->hosts[0].nics[0].wire.rate || s->hosts[1].nics[0].wire.rate)))
		w->lossless = false;
	if (operated)
		w->lossless = false;	/* its qdiscs are slow without warning */
}

static void narrow(struct sim *s, void *arg)
{
	struct narrow_path *p = arg;

	(void)s;
	sim_narrow(p->nic, p->mtu);
}

/* Behind some NICs the path is narrower, from the beginning or soon. */
static void paths(struct world *w, uint64_t seed)
{
	uint32_t least = family_of(seed)->six ? IPV6_MTU_MIN : PMTU_MIN;
	bool silent = seed % 7 == 2;
	struct sim *s = &w->sim;

	if (seed % 7 > 2)
		return;
	/* Below the size that probing begins with, who has closed gives up before the search ends,
	 * and its peer never knows. */
	if (silent && least < PROBE_BASE)
		least = PROBE_BASE;
	w->lossless = false;
	for (int i = 0; i < 2; i++) {
		struct narrow_path *p = &w->paths[i];

		p->nic = &s->hosts[i].nics[0];
		p->mtu = p->nic->nic->nic->mtu;
		if (p->mtu <= least || sim_below(s, 4) == 0)
			continue;
		p->mtu = least + sim_below(s, p->mtu - least);
		p->nic->wire.silent = silent;
		tcp_of(w, i)->mtu_probing = silent;
		sim_at(s, s->now + (sim_below(s, 2) ? 0 : sim_below(s, 2000) * MSEC), narrow, p);
	}
}

/* Idle until the first connection's numbers are about to pass 2^32. */
static void near_wrap(struct world *w, uint64_t seed)
{
	bool six = family_of(seed)->six;
	struct ip_addr addr[2] = {
		six ? (struct ip_addr){ .b = { 0xfd, [15] = 1 } } : ip_addr_v4(htonl(0x0a000001u)),
		six ? (struct ip_addr){ .b = { 0xfd, [15] = 2 } } : ip_addr_v4(htonl(0x0a000002u)),
	};
	struct sim *s = &w->sim;
	int side = seed / 3 % 2;
	struct tcp_end e = { .local = addr[side], .remote = addr[!side],
			     .lport = side ? PORT : FLOW_PORT, .rport = side ? FLOW_PORT : PORT };
	const struct tcp *tcp = tcp_of(w, side);
	uint64_t wait;

	if (seed / 6 % 2)
		wait = (uint64_t)(0u - sim_below(s, 60000) - tcp_isn(tcp, &e)) << 6;
	else
		wait = (0u - sim_below(s, 500) - tcp_ts_offset(tcp, &e) -
			(uint32_t)(s->now / MSEC)) * MSEC;
	sim_run(s, s->now + wait, NULL, NULL);
}

static void start(struct world *w, const struct family *f)
{
	struct sim *s = &w->sim;
	struct sockaddr_storage server = sim_sockaddr(f->listen, PORT);
	/* A full accept queue ignores ACKs, which are then sent again. */
	int backlog = w->lossless ? FLOWS : (int)sim_below(s, 5);
	uint32_t rcvbuf = sim_below(s, 4) ? 0 : 2304 + sim_below(s, 10000);

	for (int i = 0; i < w->nflows; i++)
		flow_init(s, &w->flows[i], (uint32_t)i, 1u << FLOW_HALF | 1u << FLOW_CLOSE_AT_END);
	flow_listen(&w->listener, &s->hosts[1], &server, backlog, rcvbuf, w->flows, w->nflows);
	w->listener.addr = sim_sockaddr(f->connect, PORT);
	for (int i = 0; i < w->nflows; i++)
		flow_connect(&w->listener, i, &s->hosts[0]);
}

static bool all_closed(struct sim *s, void *arg)
{
	const struct world *w = arg;

	(void)s;
	for (int i = 0; i < w->nflows; i++)
		if (!w->flows[i].closed)
			return false;
	return true;
}

static void check_tcp(struct world *w, int i, bool operated)
{
	const struct sim_wire *wire = &w->sim.hosts[i].nics[0].wire;
	const struct tcp *tcp = tcp_of(w, i);
	uint64_t probes = 0;

	if (tcp->established.count || tcp->listeners.count || tcp->orphans || tcp->ports.by[PORT_BY_NUMBER].count)
		sim_fail(&w->sim, "host %d: %zu connections, %zu listeners, %u orphans, %zu ports are left",
			 i, tcp->established.count, tcp->listeners.count, tcp->orphans,
			 tcp->ports.by[PORT_BY_NUMBER].count);
	/* ACKs behind data on a slow wire are later than a probe of the tail foresees. */
	if (w->sim.hosts[i].nics[0].wire.rate || w->sim.hosts[!i].nics[0].wire.rate)
		probes = tcp->stats.loss_probes;
	if (w->lossless && (tcp->stats.retrans_segs > probes || tcp->stats.timeouts))
		sim_fail(&w->sim, "host %d: %llu needless retransmissions", i,
			 (unsigned long long)tcp->stats.retrans_segs);
	/* No qdisc had them before, and it was believed: an answer about what has been acknowledged
	 * is not (RFC 5927). */
	if (!operated && !tcp->stats.out_of_window_icmps && wire->too_big_still)
		sim_fail(&w->sim, "host %d: %llu packets longer than %u, which is known to be the path's MTU",
			 i, (unsigned long long)wire->too_big_still, wire->mtu);
	if (tcp->stats.sack_renegs && !tcp_of(w, !i)->stats.rcv_pruned)
		sim_fail(&w->sim, "host %d: the peer took back what it had SACKed", i);
}

static void report(struct world *w, int i)
{
	const struct tcp_stats *t = &tcp_of(w, i)->stats;
	const struct sim_wire *wire = &w->sim.hosts[i].nics[0].wire;

	printf("host %d: SACK: recoveries %llu, probes of the tail %llu repaired %llu, D-SACKs %llu, "
	       "undone %llu, spurious timeouts %llu\n", i, (unsigned long long)t->sack_recovery,
	       (unsigned long long)t->loss_probes, (unsigned long long)t->loss_probe_recovery,
	       (unsigned long long)(t->dsack_recv + t->dsack_ofo_recv),
	       (unsigned long long)(t->full_undo + t->partial_undo + t->dsack_undo + t->loss_undo),
	       (unsigned long long)t->spurious_rtos);
	printf("host %d: out %llu in %llu retrans %llu fast %llu timeouts %llu dupacks %llu "
	       "ofo %llu probes %llu; wire: rate %llu delay %llu frames %llu lost %llu too big %llu\n", i,
	       (unsigned long long)t->out_segs, (unsigned long long)t->in_segs,
	       (unsigned long long)t->retrans_segs, (unsigned long long)t->fast_retrans,
	       (unsigned long long)t->timeouts, (unsigned long long)t->dup_acks,
	       (unsigned long long)t->ofo_queued, (unsigned long long)t->zero_window_probes,
	       (unsigned long long)wire->rate, (unsigned long long)wire->delay,
	       (unsigned long long)wire->frames, (unsigned long long)wire->lost,
	       (unsigned long long)wire->too_big);
}

static void build(struct world *w, uint64_t seed)
{
	uint32_t mtu = seed % 5 == 4 ? 576 + (uint32_t)(seed * 7919 % 8000) : 1500;
	struct sim_segment *cable = sim_segment_add(&w->sim);
	const struct family *f = family_of(seed);
	uint32_t l3 = seed / 20 % 4 == 0 ? SIM_L3 : 0;
	struct sim_nic *n[2];

	if (f->six && mtu < 1280)	/* RFC 8200 section 5 */
		mtu = 1280;
	for (int i = 0; i < 2; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "%s/24", addrs[f->six][i]);
		n[i] = sim_nic_add(sim_host_add(&w->sim), cable, addr, mtu,
				   (seed >> i & 1 ? SIM_GSO : 0) | (seed / 80 >> i & 1 ? SIM_GRO : 0) | l3);
	}
	for (int i = 0; i < 2 && !l3; i++)
		sim_know(n[i], addrs[f->six][!i], n[!i]);
}

static bool run(uint64_t seed, bool verbose, char *failure, size_t size)
{
	bool operated = seed % 3 == 0;
	struct operator op;
	struct world w;
	uint64_t began;

	memset(&w, 0, sizeof(w));
	sim_init(&w.sim, seed);
	w.sim.trace = verbose;
	build(&w, seed);
	if (seed % 3 == 1)
		near_wrap(&w, seed);
	began = w.sim.now;
	w.nflows = 1 + (int)sim_below(&w.sim, FLOWS);
	network(&w, operated);
	paths(&w, seed);
	if (operated)
		operator_begin(&op, &w.sim);
	start(&w, family_of(seed));
	if (!sim_run(&w.sim, began + TIME_LIMIT, all_closed, &w))
		sim_fail(&w.sim, "not over after %llu s", TIME_LIMIT / SEC);
	if (operated)
		operator_end(&op);
	if (verbose)
		printf("closed after %.3f s\n", (double)(w.sim.now - began) / SEC);
	flow_unlisten(&w.listener);
	sim_settle(&w.sim);
	check_tcp(&w, 0, operated);
	check_tcp(&w, 1, operated);
	if (operated)
		operator_check(&op);
	if (verbose) {
		report(&w, 0);
		report(&w, 1);
	}
	snprintf(failure, size, "%s", w.sim.failure);
	sim_fini(&w.sim);
	return !failure[0];
}

int main(int argc, char **argv)
{
	static const struct scenario sc = { .name = "sim_tcp", .seeds = 4000, .run = run };

	return run_scenario(&sc, argc, argv);
}
