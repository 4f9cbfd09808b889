/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_net.c - several hosts, many connections, datagrams: a seed each.
 *
 * A seed decides the topology, the networks, who talks to whom and how they part:
 *
 *	lan	two to five hosts on a switch
 *	chain	hosts with a NIC on each of two cables, of which one has no Ethernet (LINK_L3)
 *	pair	two hosts with two cables between them, and a route that prefers one
 *
 * Each NIC has GSO, GRO, both or neither. TCP flows go between hosts that share a segment: ends
 * close in every order, half, both at once, or with RST; some find nobody listening. UDP clients
 * ask until they are answered. Cables are pulled out for a while, and NICs set down and up. Then
 * must hold:
 *
 *	no byte is wrong; a flow whose ends both stay is complete; others end with an error of theirs
 *	every question is answered, once, with what was asked
 *	nothing is left: no socket, packet, buffer, timer
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/bytes.h"
#include "flow.h"
#include "runner.h"

#define FLOWS		12
#define LISTENERS	8
#define CLIENTS		4
#define TIME_LIMIT	(4 * 3600 * SEC)
#define ASK_AGAIN	(500 * MSEC)
#define ASK_MAX		200
#define PORT		80
#define UDP_PORT	53

struct world;

struct client {				/* asks questions by UDP, one after the other */
	struct world *w;
	struct sim_host *host;
	struct weir_sock *sk;
	struct sockaddr_storage server;
	uint32_t questions, answered, asked;
	uint32_t len;			/* of the question under way */
	bool over;
};

struct server {				/* answers them */
	struct world *w;
	struct weir_sock *sk;
};

struct sight {				/* hosts a and b see each other: a at addr_a */
	struct sim_host *a, *b;
	char addr_a[16], addr_b[16];
};

struct world {
	struct sim sim;
	struct sim_flow flows[FLOWS];
	struct flow_listener listeners[LISTENERS];
	struct client clients[CLIENTS];
	struct server servers[SIM_HOSTS];
	struct sight links[32];
	int nflows, nlisteners, nclients, nlinks;
	bool lossy;
	bool six;			/* all of it by IPv6 */
};

/* ---- topologies ---- */

static void add_link(struct world *w, struct sim_host *a, const char *addr_a, struct sim_host *b,
		     const char *addr_b)
{
	struct sight *l = &w->links[w->nlinks++];

	l->a = a;
	l->b = b;
	snprintf(l->addr_a, sizeof(l->addr_a), "%.15s", addr_a);
	snprintf(l->addr_b, sizeof(l->addr_b), "%.15s", addr_b);
}

/* All hosts on a segment, with addresses 10.0.NET.1, or fd00:NET::1, and on. */
static void join(struct world *w, struct sim_host **hosts, int n, int net, uint32_t l3, uint32_t mtu)
{
	struct sim_segment *seg = sim_segment_add(&w->sim);
	struct sim_nic *nics[SIM_HOSTS];
	char addr[SIM_HOSTS][16], text[20];

	for (int i = 0; i < n; i++) {
		snprintf(addr[i], sizeof(addr[i]), w->six ? "fd00:%d::%d" : "10.0.%d.%d", net & 255,
			 (i + 1) & 255);
		snprintf(text, sizeof(text), "%s/%d", addr[i], w->six ? 64 : 24);
		nics[i] = sim_nic_add(hosts[i], seg, text, mtu,
				      sim_below(&w->sim, 4) /* GSO x GRO */ | l3);
	}
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < n; k++) {
			if (k == i)
				continue;
			if (w->lossy && !l3)
				sim_know(nics[i], addr[k], nics[k]);
			if (k > i)
				add_link(w, hosts[i], addr[i], hosts[k], addr[k]);
		}
	}
}

static void topology(struct world *w)
{
	struct sim *s = &w->sim;
	uint32_t mtu = sim_below(s, 3) ? 1500 : 576 + sim_below(s, 8500);
	struct sim_host *h[SIM_HOSTS];
	int n = 2 + (int)sim_below(s, 4);

	w->six = sim_below(s, 2);
	if (w->six && mtu < 1280)	/* RFC 8200 section 5 */
		mtu = 1280;
	for (int i = 0; i < n; i++)
		h[i] = sim_host_add(s);
	switch (sim_below(s, 3)) {
	case 0:
		join(w, h, n, 0, 0, mtu);
		break;
	case 1:
		for (int i = 0; i + 1 < n; i++)
			join(w, h + i, 2, i, i % 2 ? SIM_L3 : 0, mtu);
		break;
	default:
		join(w, h, 2, 0, 0, mtu);
		join(w, h, 2, 1, sim_below(s, 2) ? SIM_L3 : 0, mtu);
	}
}

/* ---- networks ---- */

static uint32_t rare(struct sim *s, uint32_t max)
{
	return sim_below(s, 2) ? 0 : sim_below(s, max);
}

static void spoil(struct sim *s, struct sim_wire *wire)
{
	wire->queue = sim_below(s, 2) ? 20000 + sim_below(s, 200000) : 16u << 20;
	wire->keep_order = sim_below(s, 2);
	wire->jitter = rare(s, 10) * MSEC;
	wire->dup = rare(s, 500);
	wire->corrupt = rare(s, 300);
	wire->reorder = rare(s, 500);
	wire->reorder_by = sim_below(s, 30) * MSEC;
	wire->split = sim_below(s, 2);
	if (sim_below(s, 3)) {
		wire->loss = rare(s, 500);
	} else {
		wire->burst_in = 1 + sim_below(s, 100);
		wire->burst_out = 1000 + sim_below(s, 5000);
		wire->burst_loss = 5000 + sim_below(s, 5001);
	}
}

static void pull_cable(struct sim *s, void *arg)
{
	struct sim_nic *n = arg;

	n->wire.down_until = s->now + sim_below(s, 3000) * MSEC;
}

static void nic_up(struct sim *s, void *arg)
{
	(void)s;
	weir_nic_set_up(((struct sim_nic *)arg)->nic, true);
}

static void nic_down(struct sim *s, void *arg)
{
	struct sim_nic *n = arg;

	weir_nic_set_up(n->nic, false);
	sim_at(s, s->now + sim_below(s, 2000) * MSEC, nic_up, n);
}

static void flap(struct world *w, struct sim_nic *n)
{
	struct sim *s = &w->sim;
	uint64_t at = s->now + sim_below(s, 5000) * MSEC;

	/* A NIC that goes down forgets its neighbours, those that it was told as well. */
	sim_at(s, at, w->lossy && !(n->kind & SIM_L3) ? pull_cable : nic_down, n);
}

static void networks(struct world *w)
{
	struct sim *s = &w->sim;

	for (int i = 0; i < s->nhosts; i++) {
		for (int k = 0; k < s->hosts[i].nnics; k++) {
			struct sim_nic *n = &s->hosts[i].nics[k];

			n->wire.keep_order = true;
			n->wire.queue = 16u << 20;
			n->wire.delay = sim_below(s, 3) ? sim_below(s, 2000) * USEC :
				sim_below(s, 100) * MSEC;
			n->wire.rate = sim_below(s, 3) ? 125000 + sim_below(s, 12500000) : 0;
			if (w->lossy)
				spoil(s, &n->wire);
			if (sim_below(s, 5) == 0)
				flap(w, n);
		}
	}
}

/* ---- questions and answers by UDP: number, sum of what follows, bytes ---- */

static uint32_t sum_of(const uint8_t *b, uint32_t n)
{
	uint32_t sum = 2166136261u;

	for (uint32_t i = 0; i < n; i++)
		sum = (sum ^ b[i]) * 16777619u;
	return sum;
}

static void ask(struct client *c)
{
	uint8_t q[4000];
	uint32_t n = 8 + c->len;

	put_be32(q, c->answered);
	for (uint32_t i = 8; i < n; i++)
		q[i] = (uint8_t)(c->answered * 31 + i * 7);
	put_be32(q + 4, sum_of(q + 8, c->len));
	weir_sendto(c->sk, q, n, 0, (struct sockaddr *)&c->server, sizeof(c->server));
}

static void ask_again(struct sim *s, void *arg)
{
	struct client *c = arg;

	if (c->over)
		return;
	if (c->asked++ > ASK_MAX) {
		sim_fail(s, "no answer to %u questions", ASK_MAX);
		return;
	}
	ask(c);
	sim_at(s, s->now + ASK_AGAIN + sim_below(s, 100) * MSEC, ask_again, c);
}

static void client_next(struct client *c)
{
	c->asked = 0;
	c->len = sim_below(&c->w->sim, 4) ? sim_below(&c->w->sim, 1000) :
		 sim_below(&c->w->sim, 3900);
	if (c->answered < c->questions) {
		ask(c);
		return;
	}
	weir_close(c->sk);
	c->sk = NULL;
	c->over = true;
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *in = (const void *)a, *with = (const void *)b;
	const struct sockaddr_in6 *in6 = (const void *)a, *with6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	return a->ss_family == AF_INET ? in->sin_addr.s_addr == with->sin_addr.s_addr :
					 !memcmp(&in6->sin6_addr, &with6->sin6_addr, 16);
}

static void on_answer(struct weir_sock *sk, uint32_t events, void *arg)
{
	struct client *c = arg;
	struct sockaddr_storage from;
	uint8_t a[4096];
	socklen_t len;
	ssize_t n;

	(void)events;
	do {
		len = sizeof(from);
		n = weir_recvfrom(sk, a, sizeof(a), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			continue;	/* an ICMP error of a NIC that was down: ask again in time */
		if (n < 8 || !same_host(&from, &c->server) ||
		    get_be32(a + 4) != sum_of(a + 8, (uint32_t)n - 8))
			sim_fail(&c->w->sim, "an answer of %zd bytes is wrong", n);
		else if (get_be32(a) > c->answered)
			sim_fail(&c->w->sim, "an answer to no question");
		else if (get_be32(a) == c->answered) {
			if ((uint32_t)n != 8 + c->len)
				sim_fail(&c->w->sim, "an answer of %zd bytes, not %u", n, 8 + c->len);
			c->answered++;
			client_next(c);
		}			/* else the network, or we, sent it twice */
	} while (n != -EAGAIN && !c->over);
}

static void on_question(struct weir_sock *sk, uint32_t events, void *arg)
{
	struct server *sv = arg;
	struct sockaddr_storage from;
	uint8_t q[4096];
	socklen_t len;
	ssize_t n;

	(void)events;
	do {
		len = sizeof(from);
		n = weir_recvfrom(sk, q, sizeof(q), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			continue;
		if (n < 8 || get_be32(q + 4) != sum_of(q + 8, (uint32_t)n - 8))
			sim_fail(&sv->w->sim, "a question of %zd bytes is wrong", n);
		else
			weir_sendto(sk, q, (size_t)n, 0, (struct sockaddr *)&from, len);
	} while (n != -EAGAIN);
}

static void udp_start(struct world *w)
{
	struct sim *s = &w->sim;
	struct sockaddr_storage any = sim_sockaddr("::", UDP_PORT);	/* of both families */

	for (int i = 0; i < s->nhosts; i++) {
		struct server *sv = &w->servers[i];

		sv->w = w;
		if (weir_socket(s->hosts[i].stack, AF_INET6, SOCK_DGRAM, 0, &sv->sk) < 0 ||
		    weir_bind(sv->sk, (struct sockaddr *)&any, sizeof(any)) < 0)
			sim_fail(s, "no UDP server");
		weir_set_event(sv->sk, on_question, sv);
	}
	w->nclients = (int)sim_below(s, CLIENTS + 1);
	for (int i = 0; i < w->nclients; i++) {
		struct client *c = &w->clients[i];
		const struct sight *l = &w->links[sim_below(s, (uint32_t)w->nlinks)];

		c->w = w;
		c->host = l->a;
		c->server = sim_sockaddr(l->addr_b, UDP_PORT);
		c->questions = 1 + sim_below(s, 20);
		if (weir_socket(c->host->stack, w->six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0, &c->sk) < 0)
			sim_fail(s, "no UDP client");
		weir_set_event(c->sk, on_answer, c);
		client_next(c);
		sim_at(s, s->now + ASK_AGAIN, ask_again, c);
	}
}

/* ---- TCP ---- */

static void tcp_start(struct world *w)
{
	struct sim *s = &w->sim;
	bool tidy = sim_below(s, 2);	/* everybody stays to the end */
	uint32_t ends = tidy ? 1u << FLOW_HALF | 1u << FLOW_CLOSE_AT_END : 15u;

	w->nflows = 1 + (int)sim_below(s, FLOWS);
	w->nlisteners = 1 + (int)sim_below(s, LISTENERS);
	for (int i = 0; i < w->nflows; i++)
		flow_init(s, &w->flows[i], (uint32_t)i, ends);
	/* All clients begin at once, and what finds no place in a queue comes again with all
	 * others: a backlog that takes them all within the seven tries of a SYN. */
	for (int i = 0; i < w->nlisteners; i++) {
		const struct sight *l = &w->links[sim_below(s, (uint32_t)w->nlinks)];
		struct sockaddr_storage at = sim_sockaddr(l->addr_b, (uint16_t)(PORT + i));

		flow_listen(&w->listeners[i], l->b, &at, 3 + (int)sim_below(s, 8),
			    sim_below(s, 4) ? 0 : 2304 + sim_below(s, 10000), w->flows, w->nflows);
		w->listeners[i].client = l->a;
	}
	for (int i = 0; i < w->nflows; i++) {
		struct flow_listener *l = &w->listeners[sim_below(s, (uint32_t)w->nlisteners)];

		flow_connect(l, i, l->client);
	}
}

/* ---- one world ---- */

static bool over(struct sim *s, void *arg)
{
	const struct world *w = arg;

	(void)s;
	for (int i = 0; i < w->nflows; i++)
		if (!w->flows[i].closed)
			return false;
	for (int i = 0; i < w->nclients; i++)
		if (!w->clients[i].over)
			return false;
	return true;
}

static void finish(struct world *w)
{
	for (int i = 0; i < w->nlisteners; i++)
		flow_unlisten(&w->listeners[i]);
	for (int i = 0; i < w->sim.nhosts; i++)
		weir_close(w->servers[i].sk);
	for (int i = 0; i < w->nflows; i++)	/* who was accepted when nobody waited any more */
		if (w->flows[i].end[1].sk)
			weir_abort(w->flows[i].end[1].sk);
}

static void report(const struct world *w)
{
	for (int i = 0; i < w->nflows; i++) {
		const struct sim_flow *f = &w->flows[i];

		for (int k = 0; k < 2; k++) {
			const struct flow_end *e = &f->end[k];

			printf("flow %d end %d of host %d: how %d, sent %llu of %llu, received %llu%s%s%s%s%s\n",
			       i, k, e->host ? e->host->index : -1, (int)e->how,
			       (unsigned long long)e->sent, (unsigned long long)e->to_send,
			       (unsigned long long)e->received, e->connected ? ", connected" : "",
			       e->shut ? ", shut" : "", e->eof ? ", eof" : "",
			       e->closed ? ", closed" : "", e->error ? ", broken" : "");
		}
	}
	for (int i = 0; i < w->nclients; i++)
		printf("client %d of host %d: %u of %u answered\n", i, w->clients[i].host->index,
		       w->clients[i].answered, w->clients[i].questions);
}

static bool run(uint64_t seed, bool verbose, char *failure, size_t size)
{
	struct world w;

	memset(&w, 0, sizeof(w));
	sim_init(&w.sim, seed);
	w.sim.trace = verbose;
	w.lossy = sim_below(&w.sim, 4) != 0;
	topology(&w);
	networks(&w);
	udp_start(&w);
	tcp_start(&w);
	if (!sim_run(&w.sim, w.sim.now + TIME_LIMIT, over, &w))
		sim_fail(&w.sim, "not over after %llu s", TIME_LIMIT / SEC);
	if (verbose)
		report(&w);
	if (!w.sim.failure[0]) {
		finish(&w);
		sim_settle(&w.sim);
	}
	snprintf(failure, size, "%s", w.sim.failure);
	sim_fini(&w.sim);
	return !failure[0];
}

int main(int argc, char **argv)
{
	static const struct scenario sc = { .name = "sim_net", .seeds = 6000, .run = run };

	return run_scenario(&sc, argc, argv);
}
