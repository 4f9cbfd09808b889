/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scale.c - what an operation costs with 10, 1,000 and 19,000 objects of its sort.
 *
 *	bench/scale
 *
 * A stack of its own, on virtual time and loopback. Each row is an operation; its columns are user-space
 * instructions an operation (perf_event_open), or ns where the kernel counts none. A row that grows with its
 * columns is a sweep. Routes to one network and groups stop at the 4,096, and addresses at the 1,024, that a program
 * may add.
 */
#include <arpa/inet.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <weir/module.h>

#include "ip/group.h"
#include "procnet/procnet.h"
#include "stack.h"
#include "tcp/sock.h"

#define TRIES 50u
#define BATCHES 10u			/* the best of them counts: others run, too */
#define COUNTS 3

extern const struct weir_module weir_module;	/* reno, linked in */

static const uint32_t counts[COUNTS] = { 10, 1000, 19000 };

struct bench {
	struct random_seeded seed;
	struct stack *s;
	int counter;			/* of instructions; -1: none */
	struct sock *socks[28232];
	struct timer timers[19000];
	struct sock *probe;		/* what an operation needs besides */
	struct membership *members;
	uint32_t n;			/* objects */
};

#define LOOPBACK(i) (0x7f000002 + (i))	/* as many addresses of ours as wanted */
#define RANGE	    28232u		/* ephemeral ports */

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "scale: %s failed\n", what);
	exit(1);
}

static uint64_t read_cost(const struct bench *b)
{
	struct timespec t;
	uint64_t n;

	if (b->counter >= 0 && read(b->counter, &n, sizeof(n)) == sizeof(n))
		return n;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_counter(void)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(a), .config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1, .exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0ul);
}

static void settle(struct bench *b)
{
	for (int i = 0; i < 3 || !stack_next(b->s); i++)
		stack_run(b->s, b->s->env.now + 1000000);
}

static struct sockaddr_in name(uint32_t addr, uint32_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(addr) };
}

static struct sock *sock_open(struct bench *b, int type)
{
	int err;
	struct sock *sk = socket_create(b->s, AF_INET, type, 0, true, &err);

	must(sk, "socket");
	return sk;
}

static struct sock *bound(struct bench *b, int type, uint32_t port)
{
	struct sockaddr_in sin = name(INADDR_LOOPBACK, port);
	struct sock *sk = sock_open(b, type);

	must(!socket_bind(sk, &sin, sizeof(sin)), "bind");
	return sk;
}

static struct sock *bound_to(struct bench *b, int type, uint32_t addr, uint32_t port, bool reuseaddr)
{
	struct sockaddr_in sin = name(addr, port);
	struct sock *sk = sock_open(b, type);
	int on = reuseaddr;

	must(!socket_setsockopt(sk, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	must(!socket_bind(sk, &sin, sizeof(sin)), "bind");
	return sk;
}

static struct ip_addr addr_of(uint32_t a)
{
	return ip_addr_v4(htonl(a));
}

/* ---- rows: fill makes b->n objects, once() is what is measured, the i-th time ---- */

static void fill_none(struct bench *b)
{
	b->n = 0;
}

static void fill_udp(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		b->socks[i] = bound(b, SOCK_DGRAM, 2000 + i);
}

static void fill_tcp(struct bench *b)
{
	struct sockaddr_in sin = name(INADDR_LOOPBACK, 80);
	struct sock *l = bound(b, SOCK_STREAM, 80);
	int err;

	must(!socket_listen(l, 4096), "listen");
	b->socks[b->n] = l;
	for (uint32_t i = 0; i < b->n; i += 2) {
		b->socks[i] = sock_open(b, SOCK_STREAM);
		socket_connect(b->socks[i], &sin, sizeof(sin));
		settle(b);
		b->socks[i + 1] = socket_accept(l, &err);
		must(b->socks[i + 1], "accept");
	}
	b->n++;
}

/* One port, each socket with an address of its own. */
static void fill_udp_addrs(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		b->socks[i] = bound_to(b, SOCK_DGRAM, LOOPBACK(i), 53, true);
	b->probe = bound(b, SOCK_DGRAM, 2000);
}

/* One port and address, each socket with a peer of its own. */
static void fill_udp_peers(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct sockaddr_in to = name(LOOPBACK(i), 2000);

		b->socks[i] = bound_to(b, SOCK_DGRAM, INADDR_LOOPBACK, 53, true);
		must(!socket_connect(b->socks[i], &to, sizeof(to)), "connect");
	}
	b->probe = sock_open(b, SOCK_DGRAM);
}

static void fill_udp_shared(struct bench *b)
{
	int on = 1;

	for (uint32_t i = 0; i < b->n; i++) {
		struct sockaddr_in sin = name(INADDR_LOOPBACK, 53);

		b->socks[i] = sock_open(b, SOCK_DGRAM);
		must(!socket_setsockopt(b->socks[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), "SO_REUSEPORT");
		must(!socket_bind(b->socks[i], &sin, sizeof(sin)), "bind");
	}
	b->probe = bound(b, SOCK_DGRAM, 2000);
}

static void fill_listeners(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		b->socks[i] = bound_to(b, SOCK_STREAM, LOOPBACK(i), 80, false);
		must(!socket_listen(b->socks[i], 4), "listen");
	}
	b->socks[b->n++] = bound(b, SOCK_STREAM, 80);
	must(!socket_listen(b->socks[b->n - 1], 4096), "listen");
}

/* All ephemeral ports but as many. */
static void fill_range(struct bench *b)
{
	uint32_t left = b->n == 10 ? RANGE - 10 : b->n == 1000 ? RANGE - 1000 : RANGE - 19000;

	for (b->n = 0; b->n < left; b->n++)
		b->socks[b->n] = bound(b, SOCK_DGRAM, 0);
}

static void fill_full_range(struct bench *b)
{
	(void)b;
	for (uint32_t i = 0; i < RANGE; i++)
		b->socks[i] = bound(b, SOCK_STREAM, 0);
	b->n = RANGE;
}

static void fill_netlink(struct bench *b)
{
	int err;

	for (uint32_t i = 0; i < b->n; i++) {
		b->socks[i] = socket_create(b->s, AF_NETLINK, SOCK_RAW, 0, true, &err);
		must(b->socks[i], "netlink socket");
	}
}

static void once_udp_life(struct bench *b, uint32_t i)
{
	(void)i;
	socket_close(bound(b, SOCK_DGRAM, 1000));
}

/* Everybody's address, of a port that has many. */
static void once_wildcard(struct bench *b, uint32_t i)
{
	(void)i;
	socket_close(bound_to(b, SOCK_DGRAM, INADDR_ANY, 53, true));
}

static void send_to(struct bench *b, uint32_t addr, uint32_t port)
{
	struct sockaddr_in to = name(addr, port);
	struct packet *p = packet_alloc(&b->s->pool, PACKET_HEADROOM);

	must(p && !packet_copy_in(p, "x", 1), "a packet");
	socket_sendmsg(b->probe, p, &to, sizeof(to), NULL, 0, 0);
	stack_run(b->s, b->s->env.now);
}

static bool receives(struct sock *sk)
{
	int err;
	struct packet *p = socket_recvmsg(sk, NULL, NULL, NULL, NULL, NULL, &err);

	packet_free(p);
	return p;
}

static void once_to_addr(struct bench *b, uint32_t i)
{
	send_to(b, LOOPBACK(i % b->n), 53);
	must(receives(b->socks[i % b->n]), "a datagram's way");
}

static void once_from_peer(struct bench *b, uint32_t i)
{
	struct sock *sk = b->probe;

	b->probe = bound_to(b, SOCK_DGRAM, LOOPBACK(i % b->n), 2000, false);
	send_to(b, INADDR_LOOPBACK, 53);
	must(receives(b->socks[i % b->n]), "a datagram's way");
	socket_close(b->probe);
	b->probe = sk;
}

static void once_shared(struct bench *b, uint32_t i)
{
	(void)i;
	send_to(b, INADDR_LOOPBACK, 53);
}

static void once_no_port(struct bench *b, uint32_t i)
{
	struct sockaddr_in sin = name(INADDR_LOOPBACK, 80);
	struct sock *sk = sock_open(b, SOCK_STREAM);

	(void)i;
	must(socket_connect(sk, &sin, sizeof(sin)) != 0, "a refusal");
	socket_close(sk);
}

static void once_autobind(struct bench *b, uint32_t i)
{
	(void)i;
	socket_close(bound(b, SOCK_DGRAM, 0));
}

static void once_datagram(struct bench *b, uint32_t i)
{
	struct sockaddr_in to = name(INADDR_LOOPBACK, 2000 + i % b->n);
	struct packet *p = packet_alloc(&b->s->pool, PACKET_HEADROOM);
	int err;

	must(p && !packet_copy_in(p, "x", 1), "a packet");
	socket_sendmsg(b->socks[0], p, &to, sizeof(to), NULL, 0, 0);
	stack_run(b->s, b->s->env.now);
	p = socket_recvmsg(b->socks[i % b->n], NULL, NULL, NULL, NULL, NULL, &err);
	must(p, "a datagram's way");
	packet_free(p);
}

static void once_connection(struct bench *b, uint32_t i)
{
	struct sockaddr_in sin = name(INADDR_LOOPBACK, 80);
	struct sock *c = sock_open(b, SOCK_STREAM), *a;
	int err;

	(void)i;
	socket_connect(c, &sin, sizeof(sin));
	for (int turn = 0; turn < 4; turn++)
		stack_run(b->s, b->s->env.now);
	a = socket_accept(b->socks[b->n - 1], &err);
	must(a, "accept");
	socket_abort(c);
	socket_abort(a);
	stack_run(b->s, b->s->env.now);
}

static void once_netlink(struct bench *b, uint32_t i)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	int err;
	struct sock *sk = socket_create(b->s, AF_NETLINK, SOCK_RAW, 0, true, &err);

	(void)i;
	must(sk && !socket_bind(sk, &sa, sizeof(sa)), "netlink bind");
	socket_close(sk);
}

static void join(struct sock *sk, bool on)
{
	struct ip_mreqn q = { .imr_multiaddr.s_addr = inet_addr("239.1.1.1"), .imr_ifindex = 1 };

	must(!socket_setsockopt(sk, IPPROTO_IP, on ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &q, sizeof(q)),
	     "membership");
}

static void fill_members(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		join(b->socks[i] = sock_open(b, SOCK_DGRAM), true);
	b->socks[b->n++] = sock_open(b, SOCK_DGRAM);
}

static void once_member(struct bench *b, uint32_t i)
{
	(void)i;
	join(b->socks[b->n - 1], true);
	join(b->socks[b->n - 1], false);
}

static void never(struct timer *t)
{
	(void)t;
}

static void fill_timers(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		timer_init(&b->timers[i], never);
		timer_arm(&b->s->env.timers, &b->timers[i], b->s->env.now + 3600000000000ull + i);
	}
}

static void once_timer(struct bench *b, uint32_t i)
{
	struct timer t;

	timer_init(&t, never);
	timer_arm(&b->s->env.timers, &t, b->s->env.now + 1000000000ull + i);
	must(stack_next(b->s) <= t.at + 1000000, "timers_next");
	timer_cancel(&b->s->env.timers, &t);
}

static void drop_timers(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		timer_cancel(&b->s->env.timers, &b->timers[i]);
	b->n = 0;
}

static void at_most(struct bench *b, uint32_t max)
{
	if (b->n > max)
		b->n = max;
}

static struct route a_route(struct bench *b, uint32_t i)
{
	return (struct route){ .dst = addr_of(0x0a000000 + (i << 8)), .prefix = 24, .nic = b->s->lo,
			       .gateway = addr_of(0), .prefsrc = addr_of(0) };
}

static void fill_routes(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct route r = a_route(b, i);

		must(!route_add(&b->s->ip, &r, NULL), "route");
	}
}

static void fill_metrics(struct bench *b)
{
	at_most(b, 4096);
	for (uint32_t i = 0; i < b->n; i++) {
		struct route r = a_route(b, 0);

		r.metric = i + 1;
		must(!route_add(&b->s->ip, &r, NULL), "route");
	}
}

static void once_route(struct bench *b, uint32_t i)
{
	struct flow f = { .dst = addr_of(0x0a000001 + ((b->n - 1 - i % 10) << 8)), .proto = IPPROTO_UDP };
	struct dst d;

	must(!route_lookup(&b->s->ip, &f, &d), "route_lookup");
}

static void once_metric(struct bench *b, uint32_t i)
{
	struct flow f = { .dst = addr_of(0x0a000001), .proto = IPPROTO_UDP };
	struct dst d;

	(void)i;
	must(!route_lookup(&b->s->ip, &f, &d), "route_lookup");
}

static void once_route_change(struct bench *b, uint32_t i)
{
	struct route r = a_route(b, 30000);

	(void)i;
	must(!route_add(&b->s->ip, &r, NULL) && !route_del(&b->s->ip, &r, NULL), "a route's life");
}

static void once_metric_change(struct bench *b, uint32_t i)
{
	struct route r = a_route(b, 0);

	(void)i;
	r.metric = 30000;
	must(!route_add(&b->s->ip, &r, NULL) && !route_del(&b->s->ip, &r, NULL), "a route's life");
}

static void fill_addrs(struct bench *b)
{
	at_most(b, 1024);
	for (uint32_t i = 0; i < b->n; i++) {
		struct ip_addr a = addr_of(0x0a000000 + i);

		must(!ip_addr_add(&b->s->ip, b->s->lo, &a, 32, NULL), "an address");
	}
}

static void once_whose(struct bench *b, uint32_t i)
{
	struct ip_addr a = addr_of(0x0a000000 + b->n - 1 - i % 2), none = addr_of(0x0b000000);
	struct ip_meta m;

	must(ip_addr_accepts(&b->s->ip, b->s->lo, &a, &m) && !ip_addr_accepts(&b->s->ip, b->s->lo, &none, &m), "whose");
}

static const uint8_t station[6] = { 2, 0, 0, 0, 0, 7 };

static void meet(struct bench *b, uint32_t addr)
{
	struct ip_addr a = addr_of(addr);

	neighbour_update(&b->s->ip.arp, b->s->lo, a.b, station, true, true, true);
}

/* All of them reachable. */
static void fill_neighbours(struct bench *b)
{
	b->s->ip.arp.max = b->n;
	for (uint32_t i = 0; i < b->n; i++)
		meet(b, 0x0a000000 + i);
}

static void once_neighbour(struct bench *b, uint32_t i)
{
	meet(b, 0x0b000000 + i);
}

static void fill_groups(struct bench *b)
{
	at_most(b, GROUPS_MAX - 1);
	b->members = calloc(b->n + 1, sizeof(*b->members));
	must(b->members, "memory");
	for (uint32_t i = 0; i < b->n; i++) {
		struct ip_addr a = addr_of(0xef000100 + i);

		must(!group_join(&b->s->ip, b->s->lo, &a, &b->members[i]), "group_join");
	}
}

static void once_group(struct bench *b, uint32_t i)
{
	struct ip_addr a = addr_of(0xee000000 + i);

	must(!group_join(&b->s->ip, b->s->lo, &a, &b->members[b->n]), "group_join");
	group_leave(&b->members[b->n]);
	stack_run(b->s, b->s->env.now);
}

static void drop_groups(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		group_leave(&b->members[i]);
	free(b->members);
}

static void set_source(struct sock *sk, int name, uint32_t src)
{
	struct ip_mreq_source m = {
		.imr_multiaddr.s_addr = inet_addr("239.1.1.1"), .imr_interface.s_addr = htonl(INADDR_LOOPBACK),
		.imr_sourceaddr.s_addr = htonl(src),
	};

	must(!socket_setsockopt(sk, IPPROTO_IP, name, &m, sizeof(m)), "a source");
}

static void fill_sources(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		set_source(b->socks[i] = sock_open(b, SOCK_DGRAM), IP_ADD_SOURCE_MEMBERSHIP, 0x0a000000 + i % 100);
	b->socks[b->n++] = sock_open(b, SOCK_DGRAM);
}

static void once_source(struct bench *b, uint32_t i)
{
	(void)i;
	set_source(b->socks[b->n - 1], IP_ADD_SOURCE_MEMBERSHIP, 0x0a000001);
	set_source(b->socks[b->n - 1], IP_DROP_SOURCE_MEMBERSHIP, 0x0a000001);
}

/* What is done at once; the rest is as much a turn. */
static void once_sizes(struct bench *b, uint32_t i)
{
	struct tcp *tcp = &b->s->tcp;
	struct tcp_sizes rmem = TCP_RMEM, wmem = TCP_WMEM;
	struct tcp_marks mem = { 0 };

	(void)i;
	tcp_set_memory(tcp, &rmem, &wmem, &mem);
}

static void once_switch(struct bench *b, uint32_t i)
{
	struct tcp *tcp = &b->s->tcp;
	struct tcp_switch sw = { .from = tcp->congestion, .to = tcp->congestion, .params = &counts[i % 2] };

	tcp_congestion_switch(tcp, &sw);
	tcp_renew_end(tcp);
}

/* The piece in the middle of /proc/net/udp, and the counts of sockstat. */
static void once_dump(struct bench *b, uint32_t i)
{
	const struct procnet_file *udp = procnet_sockets;
	struct procnet_cursor c = { .at = { 1, b->n / 2, b->n / 2 } };
	static char text[4096];
	struct procnet_out out = { .to = text, .room = sizeof(text), .rows = 4 };

	(void)i;
	while (strcmp(udp->name, "udp"))
		udp++;
	udp->write(udp, b->s, &c, &out);
	must(out.len, "a piece");
}

static void once_sockstat(struct bench *b, uint32_t i)
{
	const struct procnet_file *f = procnet_sockets;
	struct procnet_cursor c = { .at = { 0 } };
	static char text[4096];
	struct procnet_out out = { .to = text, .room = sizeof(text), .rows = 128 };

	(void)i;
	while (strcmp(f->name, "sockstat"))
		f++;
	must(f->write(f, b->s, &c, &out), "sockstat");
}

static void close_socks(struct bench *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		socket_abort(b->socks[i]);
}

static void close_all(struct bench *b)
{
	close_socks(b);
	socket_abort(b->probe);
}

static const struct row {
	const char *what;
	void (*fill)(struct bench *b);
	void (*once)(struct bench *b, uint32_t i);
	void (*drop)(struct bench *b);
} rows[] = {
	{ "UDP socket, bind, close", fill_udp, once_udp_life, close_socks },
	{ "UDP socket, port by itself, close", fill_udp, once_autobind, close_socks },
	{ "the same, n ephemeral ports free", fill_range, once_autobind, close_socks },
	{ "TCP connect, no ephemeral port free", fill_full_range, once_no_port, close_socks },
	{ "UDP bind to all of a port's addresses", fill_udp_addrs, once_wildcard, close_all },
	{ "datagram, port of many addresses", fill_udp_addrs, once_to_addr, close_all },
	{ "datagram, port of many peers", fill_udp_peers, once_from_peer, close_all },
	{ "datagram, SO_REUSEPORT", fill_udp_shared, once_shared, close_all },
	{ "one datagram over loopback", fill_udp, once_datagram, close_socks },
	{ "a piece of /proc/net/udp", fill_udp, once_dump, close_socks },
	{ "sockstat", fill_tcp, once_sockstat, close_socks },
	{ "TCP connect, accept, reset", fill_tcp, once_connection, close_socks },
	{ "the same, listeners of many addresses", fill_listeners, once_connection, close_socks },
	{ "netlink socket, bind, close", fill_netlink, once_netlink, close_socks },
	{ "group join and leave", fill_members, once_member, close_socks },
	{ "the same, each of one source", fill_sources, once_source, close_socks },
	{ "group join and leave, n groups", fill_groups, once_group, drop_groups },
	{ "neighbour met, a full table in use", fill_neighbours, once_neighbour, fill_none },
	{ "whose is an address", fill_addrs, once_whose, fill_none },
	{ "TCP sizes of n sockets, the first turn", fill_tcp, once_sizes, close_socks },
	{ "TCP congestion control, the same", fill_tcp, once_switch, close_socks },
	{ "timer arm, next, cancel", fill_timers, once_timer, drop_timers },
	{ "route lookup", fill_routes, once_route, fill_none },
	{ "route add and delete", fill_routes, once_route_change, fill_none },
	{ "route lookup, n metrics of one network", fill_metrics, once_metric, fill_none },
	{ "route add and delete, the same", fill_metrics, once_metric_change, fill_none },
};

static uint64_t measure(struct bench *b, const struct row *r, uint32_t n)
{
	struct stack_config c = {
		.now = 1000000000, .random = { random_from_seed, &b->seed }, .memory = 1ull << 30,
		.congestion = weir_module.entries[0].ops,
	};
	uint64_t before, best = UINT64_MAX;

	random_seed(&b->seed, 1);
	b->s = stack_create(&c, NULL);
	must(b->s, "stack_create");
	b->n = n;
	r->fill(b);
	settle(b);
	for (uint32_t i = 0; i < 10; i++)
		r->once(b, i);
	for (uint32_t batch = 0; batch < BATCHES; batch++) {
		before = read_cost(b);
		for (uint32_t i = 0; i < TRIES; i++)
			r->once(b, batch * TRIES + i);
		before = read_cost(b) - before;
		best = before < best ? before : best;
	}
	r->drop(b);
	settle(b);
	stack_destroy(b->s);
	return best / TRIES;
}

int main(void)
{
	static struct bench b;

	b.counter = open_counter();
	printf("%-40s", b.counter >= 0 ? "instructions an operation, of" : "ns an operation, of");
	for (int i = 0; i < COUNTS; i++)
		printf("%10u", counts[i]);
	putchar('\n');
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		printf("%-40s", rows[r].what);
		for (int i = 0; i < COUNTS; i++) {
			printf("%10llu", (unsigned long long)measure(&b, &rows[r], counts[i]));
			fflush(stdout);
		}
		putchar('\n');
	}
	return 0;
}
