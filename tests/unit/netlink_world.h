/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink_world.h - a stack with one silent NIC and a program's netlink socket, for tests that ask over
 * rtnetlink: requests, acknowledgements, dumps.
 */
#ifndef TESTS_NETLINK_WORLD_H
#define TESTS_NETLINK_WORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <sys/epoll.h>
#include <weir/module.h>

#include "netlink/netlink.h"
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include "nic/ethernet.h"
#include "stack.h"
#include "tests/silent_link.h"
#include "tests/suite.h"

#define SEC 1000000000ull
#define BUFFER 65536

extern const struct weir_module weir_module;	/* reno, linked in */

struct world {
	struct random_seeded seed;
	struct stack *s;
	struct nic *eth;
	struct sock *sk;		/* with CAP_NET_ADMIN */
	uint32_t seq;
	_Alignas(8) uint8_t out[BUFFER], in[BUFFER];
};

static inline struct sock *open_netlink(struct world *w, bool privileged)
{
	int err;
	struct sock *sk = socket_create(w->s, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, privileged, &err);

	ck_assert_ptr_nonnull(sk);
	return sk;
}

static inline struct ip_addr v4(const char *text)
{
	return ip_addr_v4(inet_addr(text));
}

static inline void world_init(struct world *w)
{
	struct stack_config c = {
		.now = SEC, .random = { random_from_seed, &w->seed },
		.congestion = weir_module.entries[0].ops,
	};
	struct link l = { .name = "eth0", .ops = &silent, .fd = -1, .mtu = 1500, .addr = { 2, 0, 0, 0, 0, 1 } };
	struct ip_addr a = v4("10.0.0.1");

	memset(w, 0, sizeof(*w));
	random_seed(&w->seed, 1);
	w->s = stack_create(&c, NULL);
	ck_assert_ptr_nonnull(w->s);
	l.pool = &w->s->pool;
	w->eth = nic_create(&w->s->nics, &l, true, NULL);
	ck_assert_ptr_nonnull(w->eth);
	ck_assert_int_eq(ip_addr_add(&w->s->ip, w->eth, &a, 24, NULL), 0);
	w->sk = open_netlink(w, true);
}

static inline void world_end(struct world *w)
{
	if (w->sk)
		socket_close(w->sk);
	stack_destroy(w->s);
	free(w);
}

static inline struct world *world(void)
{
	struct world *w = malloc(sizeof(*w));

	ck_assert_ptr_nonnull(w);
	world_init(w);
	return w;
}

/* ---- talking ---- */

static inline struct nlmsghdr *message(struct world *w, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(w->out);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++w->seq;
	return nlh;
}

static inline int send_bytes(struct sock *sk, const void *data, size_t len)
{
	struct packet *p = packet_alloc(sk->ip->env->pool, PACKET_HEADROOM);

	ck_assert_int_eq(packet_copy_in(p, data, (uint32_t)len), 0);
	return (int)socket_sendmsg(sk, p, NULL, 0, NULL, 0, 0);
}

/* The next datagram, into w->in: its bytes, 0 = none, -errno. */
static inline int receive(struct world *w, struct sock *sk)
{
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	struct packet *p;
	int err, n;

	p = socket_recvmsg(sk, &from, &len, NULL, NULL, NULL, &err);
	if (!p)
		return err == -EAGAIN ? 0 : err;
	ck_assert_int_eq(len, sizeof(from));
	ck_assert(from.nl_family == AF_NETLINK && from.nl_pid == 0);
	n = (int)p->len;
	packet_copy_out(p, 0, w->in, p->len);
	packet_free(p);
	return n;
}

/* Send what is in w->out and read the acknowledgement: 0 or -errno. */
static inline int talk(struct world *w, struct sock *sk)
{
	struct nlmsghdr *nlh = (void *)w->out;
	const struct nlmsghdr *ack = (const void *)w->in;
	const struct nlmsgerr *e;

	nlh->nlmsg_flags |= NLM_F_ACK;
	ck_assert_int_eq(send_bytes(sk, nlh, nlh->nlmsg_len), nlh->nlmsg_len);
	ck_assert_int_gt(receive(w, sk), 0);
	ck_assert_int_eq(ack->nlmsg_type, NLMSG_ERROR);
	ck_assert_int_eq(ack->nlmsg_seq, w->seq);
	e = mnl_nlmsg_get_payload(ack);
	return e->error;
}

struct table {				/* what a dump gave */
	int n, pieces;
	bool interrupted, done;
	size_t longest;
	void (*see)(const struct nlmsghdr *nlh, void *arg);
	void *arg;
};

static inline void take_piece(struct world *w, struct table *t, int n)
{
	const struct nlmsghdr *nlh = (const void *)w->in;

	t->pieces++;
	t->longest = (size_t)n > t->longest ? (size_t)n : t->longest;
	for (; mnl_nlmsg_ok(nlh, n); nlh = mnl_nlmsg_next(nlh, &n)) {
		ck_assert(nlh->nlmsg_flags & NLM_F_MULTI);
		ck_assert_int_eq(nlh->nlmsg_seq, w->seq);
		t->interrupted |= !!(nlh->nlmsg_flags & NLM_F_DUMP_INTR);
		if (nlh->nlmsg_type == NLMSG_DONE) {
			t->done = true;
			continue;
		}
		t->n++;
		if (t->see)
			t->see(nlh, t->arg);
	}
	ck_assert_int_eq(n, 0);
}

static inline void dump_start(struct world *w, struct sock *sk, uint16_t type, const void *header, size_t len)
{
	struct nlmsghdr *nlh = message(w, type, NLM_F_DUMP);

	memcpy(mnl_nlmsg_put_extra_header(nlh, len), header, len);
	ck_assert_int_eq(send_bytes(sk, nlh, nlh->nlmsg_len), nlh->nlmsg_len);
}

static inline void dump_rest(struct world *w, struct sock *sk, struct table *t)
{
	int n;

	while (!t->done && (n = receive(w, sk)) > 0)
		take_piece(w, t, n);
	ck_assert(t->done);
	ck_assert_int_eq(receive(w, sk), 0);
}

static inline int dump(struct world *w, uint16_t type, const void *header, size_t len)
{
	struct table t = { 0 };

	dump_start(w, w->sk, type, header, len);
	dump_rest(w, w->sk, &t);
	return t.n;
}

#endif
