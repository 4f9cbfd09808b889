/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_netlink.c - a hostile program's netlink messages.
 *
 * Input: records of a kind (1 byte), a length (2 bytes, big endian) and that many bytes, which are
 * sent as one datagram. The kind's bits: 1, by a program with CAP_NET_ADMIN; 2, to NETLINK_SOCK_DIAG;
 * 4, the length in the first message's header is made right; 8, the program reads up to four
 * datagrams; 16, all that there are; 32, it is the operator's program, and talks NETLINK_ROUTE. The last record
 * may be cut off.
 *
 * What must hold: every datagram that is read is a row of whole messages of a bounded length, with
 * attributes that lie within them; what waits unread is bounded; nothing is left when the stack is
 * gone; a program without the capability has changed nothing, and one that is not the operator's no qdisc.
 * The stack has a listener on 127.0.0.1:80, a connection to it from port 81, a UDP socket on port 53 and one for
 * ICMP, for NETLINK_SOCK_DIAG to tell of and to destroy.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

#include <weir/module.h>

#include "base/bytes.h"
#include "module/params.h"
#include "netlink/netlink.h"
#include <linux/rtnetlink.h>
#include "nic/qdisc.h"
#include "stack.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/modules.h"
#include "tests/silent_link.h"

#define SEC		1000000000ull
#define DATAGRAM_MAX	(NETLINK_REQUEST_MAX + 4096u)
#define UNREAD_MAX	(2u << 20)	/* of four sockets, with what the queues may go beyond SO_RCVBUF */

extern const struct weir_module weir_module;	/* reno, linked in */

enum { LISTENER, CLIENT, SERVER, UDP, RAW, SOCKS };

struct world {
	struct random_seeded seed;
	struct stack *s;
	struct nic *eth;
	struct sock *sk[2][2];		/* of a family, by privilege */
	struct sock *operator;
	struct sock *socks[SOCKS];	/* to be told of */
	struct qdisc_kinds kinds;
	uint32_t generation;		/* the tables', before an unprivileged message */
};

static const int families[2] = { NETLINK_ROUTE, NETLINK_SOCK_DIAG };

static void addr_add(struct world *w, const char *text, uint8_t prefix)
{
	static const struct param p = { .name = "address", .type = PARAM_ADDRESS };
	struct param_address a;
	struct ip_addr ip;

	fuzz_check(param_parse(&p, text, &a, NULL) == 0);
	ip = ip_addr_of_param(&a);
	fuzz_check(ip_addr_add(&w->s->ip, w->eth, &ip, prefix, NULL) == 0);
}

static struct sock *named(struct world *w, int type, int protocol, uint16_t port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int err;
	struct sock *sk = socket_create(w->s, AF_INET, type, protocol, true, &err);

	fuzz_check(sk && !socket_bind(sk, &name, sizeof(name)));
	return sk;
}

static void socks_init(struct world *w)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int err;

	w->socks[LISTENER] = named(w, SOCK_STREAM, 0, 80);
	fuzz_check(!socket_listen(w->socks[LISTENER], 4));
	w->socks[CLIENT] = named(w, SOCK_STREAM, 0, 81);
	fuzz_check(socket_connect(w->socks[CLIENT], &to, sizeof(to)) == -EINPROGRESS);
	for (int i = 0; i < 10; i++)
		env_run(&w->s->env, w->s->env.now + 1000000);
	w->socks[SERVER] = socket_accept(w->socks[LISTENER], &err);
	fuzz_check(w->socks[SERVER]);
	w->socks[UDP] = named(w, SOCK_DGRAM, 0, 53);
	w->socks[RAW] = named(w, SOCK_RAW, IPPROTO_ICMP, 0);
}

/* A bit for each that has an error, as what was destroyed has. */
static unsigned int broken(const struct world *w)
{
	unsigned int bits = 0;

	for (int i = 0; i < SOCKS; i++)
		bits |= (unsigned int)!!w->socks[i]->error << i;
	return bits;
}

static void world_init(struct world *w)
{
	struct stack_config c = {
		.now = SEC, .random = { random_from_seed, &w->seed }, .memory = 8u << 20,
		.congestion = weir_module.entries[0].ops,
	};
	struct link l = { .name = "eth0", .ops = &silent, .fd = -1, .mtu = 1500, .addr = { 2, 0, 0, 0, 0, 1 } };
	int err, on = 1;

	random_seed(&w->seed, 1);
	w->s = stack_create(&c, NULL);
	fuzz_check(w->s);
	l.pool = &w->s->pool;
	w->eth = nic_create(&w->s->nics, &l, true, NULL);
	fuzz_check(w->eth);
	registry_qdisc_kinds(fuzz_modules(), &w->kinds);
	w->s->nics.kinds = &w->kinds;
	nic_set_root(w->eth, qdisc_build(fuzz_modules(), w->eth, "fifo", NULL, 0, NULL));
	fuzz_check(w->eth->root);
	addr_add(w, "10.0.0.1", 24);
	addr_add(w, "2001:db8::1", 64);
	for (int f = 0; f < 2; f++) {
		for (int p = 0; p < 2; p++) {
			w->sk[f][p] = netlink_has(&w->s->netlink, families[f]) ?
				socket_create(w->s, AF_NETLINK, SOCK_RAW, families[f], p, &err) : NULL;
			if (w->sk[f][p])
				socket_setsockopt(w->sk[f][p], SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
		}
	}
	w->operator = socket_create(w->s, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, true, &err);
	w->operator->operator = true;
	socks_init(w);
	for (int g = RTNLGRP_LINK; g <= RTNLGRP_IPV6_ROUTE; g++)
		socket_setsockopt(w->sk[0][0], SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &g, sizeof(g));
}

static void world_end(struct world *w)
{
	for (int i = 0; i < 4; i++)
		if (w->sk[i / 2][i % 2])
			socket_close(w->sk[i / 2][i % 2]);
	socket_close(w->operator);
	for (int i = 0; i < SOCKS; i++)
		socket_close(w->socks[i]);
	stack_destroy(w->s);
}

static void check_message(const struct nlmsghdr *nlh, int len)
{
	fuzz_check(mnl_nlmsg_ok(nlh, len));
	fuzz_check(nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR ||
		   nlh->nlmsg_type >= NLMSG_MIN_TYPE);
}

static bool read_one(struct sock *sk)
{
	static _Alignas(8) uint8_t data[DATAGRAM_MAX];
	int flags = 0, err, left;
	struct packet *p = socket_recvmsg(sk, NULL, NULL, NULL, NULL, &flags, &err);
	const struct nlmsghdr *nlh = (const void *)data;

	if (!p)
		return false;
	fuzz_check(p->len <= DATAGRAM_MAX);
	left = (int)p->len;
	packet_copy_out(p, 0, data, p->len);
	packet_free(p);
	for (; left > 0; nlh = mnl_nlmsg_next(nlh, &left))
		check_message(nlh, left);
	fuzz_check(left <= 0);
	return true;
}

static void record(struct world *w, uint8_t kind, const uint8_t *at, uint32_t n)
{
	bool privileged = kind & 33;
	struct sock *sk = kind & 32 ? w->operator : w->sk[kind >> 1 & 1][kind & 1];
	const struct qdisc *root = w->eth->root;
	uint32_t before = w->s->ip.generation, len = n;
	unsigned int errors = broken(w);
	struct packet *p;

	if (!sk)
		return;
	p = packet_alloc(&w->s->pool, PACKET_HEADROOM);
	if (!p)
		return;
	if (kind & 4 && n >= sizeof(len)) {
		if (packet_copy_in(p, &len, sizeof(len)) < 0 ||
		    packet_copy_in(p, at + sizeof(len), n - (uint32_t)sizeof(len)) < 0) {
			packet_free(p);
			return;
		}
	} else if (packet_copy_in(p, at, n) < 0) {
		packet_free(p);
		return;
	}
	socket_sendmsg(sk, p, NULL, 0, NULL, 0, 0);
	fuzz_check(privileged || w->s->ip.generation == before);
	fuzz_check(privileged || broken(w) == errors);
	fuzz_check(kind & 32 || w->eth->root == root);
	for (int i = 0; kind & 24 && (i < 4 || kind & 16); i++)
		if (!read_one(sk))
			break;
	env_run(&w->s->env, w->s->env.now + SEC / 10);
	fuzz_check(w->s->pool.used <= UNREAD_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { 0 };

	world_init(&w);
	while (size >= 3) {
		uint32_t n = get_be16(data + 1);

		n = n < size - 3 ? n : (uint32_t)size - 3;
		record(&w, data[0], data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
	world_end(&w);
	return 0;
}
