/* SPDX-License-Identifier: Apache-2.0 */
/* test_diag.c - NETLINK_SOCK_DIAG (sock_diag(7)): which sockets ss is told of, and its conditions. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <weir/module.h>

#include "ip/dgram.h"
#include "stack.h"
#include "tcp/sock.h"
#include "tests/suite.h"
#include "stack_world.h"

#define ALL UINT32_MAX

static struct sock *nl, *admin;		/* without and with CAP_NET_ADMIN */

static void setup(void)
{
	int err;

	world_create();
	nl = socket_create(s, AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG, false, &err);
	ck_assert_ptr_nonnull(nl);
	admin = socket_create(s, AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG, true, &err);
	ck_assert_ptr_nonnull(admin);
}

static void teardown(void)
{
	socket_close(nl);
	socket_close(admin);
	stack_destroy(s);
}

/* ---- asking ---- */

struct answer {
	uint32_t states;		/* a bit for each that there was */
	int n, error;
	uint16_t ports[2000];		/* local ones */
	struct inet_diag_msg last;
	const struct nlattr *tb[INET_DIAG_MAX + 1];
};

static _Alignas(8) uint8_t in[65536];

static void take(struct answer *a, int n)
{
	const struct nlmsghdr *nlh = (const void *)in;

	for (; mnl_nlmsg_ok(nlh, n); nlh = mnl_nlmsg_next(nlh, &n)) {
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
			memcpy(&a->error, mnl_nlmsg_get_payload(nlh), sizeof(a->error));
			continue;
		}
		ck_assert_int_eq(nlh->nlmsg_type, SOCK_DIAG_BY_FAMILY);
		memcpy(&a->last, mnl_nlmsg_get_payload(nlh), sizeof(a->last));
		ck_assert_int_eq(nlattrs(nlh, sizeof(a->last), a->tb, INET_DIAG_MAX), 0);
		a->states |= 1u << a->last.idiag_state;
		ck_assert_int_lt(a->n, 2000);
		a->ports[a->n++] = ntohs(a->last.id.idiag_sport);
	}
}

static struct answer talk(struct sock *by, const struct nlmsghdr *nlh)
{
	struct packet *p = packet_alloc(&s->pool, PACKET_HEADROOM);
	static struct answer a;
	int err;

	ck_assert_int_eq(packet_copy_in(p, nlh, nlh->nlmsg_len), 0);
	ck_assert_int_eq(socket_sendmsg(by, p, NULL, 0, NULL, 0, 0), nlh->nlmsg_len);
	a = (struct answer){ 0 };
	while ((p = socket_recvmsg(by, NULL, NULL, NULL, NULL, NULL, &err))) {
		uint32_t n = p->len;

		ck_assert_uint_le(n, 4096);
		packet_copy_out(p, 0, in, n);
		packet_free(p);
		take(&a, (int)n);
	}
	return a;
}

static struct answer ask(int family, int protocol, uint32_t states, const void *code, size_t len)
{
	_Alignas(8) uint8_t out[1024] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(out);
	struct inet_diag_req_v2 *r = mnl_nlmsg_put_extra_header(nlh, sizeof(*r));

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*r = (struct inet_diag_req_v2){ .sdiag_family = (uint8_t)family, .sdiag_protocol = (uint8_t)protocol,
					.idiag_states = states, .idiag_ext = 0xff };
	if (code)
		mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, len, code);
	return talk(nl, nlh);
}

/* What a dump tells of sk, as ss takes it for SOCK_DESTROY. */
static struct inet_diag_req_v2 id_of(const struct sock *sk)
{
	struct inet_diag_req_v2 r = {
		.sdiag_family = (uint8_t)sk->family, .sdiag_protocol = sk->ops->type == SOCK_RAW ? IPPROTO_RAW : sk->protocol,
		.idiag_ext = 0xff,
		.id = { .idiag_sport = htons(sk->lport), .idiag_dport = htons(sk->rport) },
	};

	r.id.idiag_if = sk->bound_nic ? sk->bound_nic->index : 0;
	memcpy(r.id.idiag_cookie, &sk->cookie, sizeof(sk->cookie));
	if (sk->family == AF_INET) {
		r.id.idiag_src[0] = ip_addr_to_v4(&sk->local);
		r.id.idiag_dst[0] = ip_addr_to_v4(&sk->remote);
	} else {
		memcpy(r.id.idiag_src, sk->local.b, sizeof(r.id.idiag_src));
		memcpy(r.id.idiag_dst, sk->remote.b, sizeof(r.id.idiag_dst));
	}
	return r;
}

static struct answer one(struct sock *by, uint16_t type, const struct inet_diag_req_v2 *r, size_t len)
{
	_Alignas(8) uint8_t out[128] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(out);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | (type == SOCK_DESTROY ? NLM_F_ACK : 0);
	memcpy(mnl_nlmsg_put_extra_header(nlh, len), r, len);
	return talk(by, nlh);
}

static struct answer get(struct inet_diag_req_v2 r)
{
	return one(nl, SOCK_DIAG_BY_FAMILY, &r, sizeof(r));
}

static int destroy(struct inet_diag_req_v2 r)
{
	return one(admin, SOCK_DESTROY, &r, sizeof(r)).error;
}

#define BIT(state) (1u << (state))

START_TEST(every_state)
{
	struct sock *l = listener(80), *established = client(80), *half = client(80), *over = client(80), *accepted[3];
	struct sockaddr_in far = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct answer a;
	int err;

	for (int i = 0; i < 3; i++)
		accepted[i] = socket_accept(l, &err);
	socket_shutdown(half, SHUT_WR);
	settle();
	socket_close(over);
	settle();
	socket_close(accepted[2]);
	settle();
	a = ask(AF_INET, IPPROTO_TCP, ALL, NULL, 0);
	ck_assert_int_eq(a.error, 0);
	ck_assert_uint_eq(a.states, BIT(TCP_LISTEN) | BIT(TCP_ESTABLISHED) | BIT(TCP_FIN_WAIT2) |
				    BIT(TCP_CLOSE_WAIT) | BIT(TCP_TIME_WAIT));
	a = ask(AF_INET, IPPROTO_TCP, BIT(TCP_LISTEN), NULL, 0);
	ck_assert_int_eq(a.n, 1);
	ck_assert_uint_eq(ntohs(a.last.id.idiag_sport), 80);
	ck_assert_uint_eq(a.last.idiag_wqueue, 8);
	ck_assert_uint_eq(a.last.id.idiag_src[0], far.sin_addr.s_addr);
	ck_assert_int_eq(ask(AF_INET6, IPPROTO_TCP, ALL, NULL, 0).n, 0);
	ck_assert_int_eq(ask(AF_INET, IPPROTO_UDP, ALL, NULL, 0).n, 0);
	socket_close(l);
	socket_close(established);
	socket_close(half);
	socket_close(accepted[0]);
	socket_close(accepted[1]);
}
END_TEST

START_TEST(what_is_told_of_a_connection)
{
	struct sock *l = listener(80), *c = client(80), *accepted;
	struct tcp_info info;
	struct answer a;
	int err;

	accepted = socket_accept(l, &err);
	c->inode = 4711;
	c->cookie = 0x123456789abcull;
	a = ask(AF_INET, IPPROTO_TCP, BIT(TCP_ESTABLISHED), NULL, 0);
	ck_assert_int_eq(a.n, 2);
	for (int i = 0; i < 2 && a.last.idiag_inode != 4711; i++)	/* either may come last */
		a = ask(AF_INET, IPPROTO_TCP, BIT(TCP_ESTABLISHED),
			&(struct { struct inet_diag_bc_op op, port; }){ { INET_DIAG_BC_D_EQ, 8, 12 }, { 0, 0, 80 } }, 8);
	ck_assert_uint_eq(a.last.idiag_inode, 4711);
	ck_assert_uint_eq(a.last.id.idiag_cookie[0], 0x56789abc);
	ck_assert_uint_eq(a.last.id.idiag_cookie[1], 0x1234);
	ck_assert_str_eq(mnl_attr_get_str(a.tb[INET_DIAG_CONG]), "reno");
	memset(&info, 0, sizeof(info));
	memcpy(&info, mnl_attr_get_payload(a.tb[INET_DIAG_INFO]), mnl_attr_get_payload_len(a.tb[INET_DIAG_INFO]));
	ck_assert_uint_eq(info.tcpi_state, TCP_ESTABLISHED);
	ck_assert_uint_gt(info.tcpi_snd_mss, 1000);
	ck_assert_ptr_nonnull(a.tb[INET_DIAG_SKMEMINFO]);
	socket_close(l);
	socket_close(c);
	socket_close(accepted);
}
END_TEST

/* More than fit into a piece: each once, whatever the tables' order is. */
START_TEST(many)
{
	static bool seen[65536];
	struct sock *l[700];
	struct answer a;

	for (uint16_t i = 0; i < 700; i++)
		l[i] = listener((uint16_t)(1000 + i));
	a = ask(AF_INET, IPPROTO_TCP, ALL, NULL, 0);
	ck_assert_int_eq(a.n, 700);
	for (int i = 0; i < a.n; i++) {
		ck_assert(a.ports[i] >= 1000 && a.ports[i] < 1700 && !seen[a.ports[i]]);
		seen[a.ports[i]] = true;
	}
	for (int i = 0; i < 700; i++)
		socket_close(l[i]);
}
END_TEST

/* Connections lie in a hash table whose slots may hold several. */
START_TEST(many_connections)
{
	struct sock *l = listener(80), *c[400];
	static bool seen[65536];
	struct answer a;

	l->ops->listen(l, 1000);
	for (int i = 0; i < 400; i++)
		c[i] = client(80);
	a = ask(AF_INET, IPPROTO_TCP, BIT(TCP_ESTABLISHED), NULL, 0);
	ck_assert_int_eq(a.n, 800);
	for (int i = 0; i < a.n; i++) {
		ck_assert(a.ports[i] == 80 || !seen[a.ports[i]]);
		seen[a.ports[i]] = true;
	}
	socket_close(l);
	for (int i = 0; i < 400; i++)
		socket_close(c[i]);
}
END_TEST

START_TEST(many_datagrams)
{
	struct sock *u[300];
	struct answer a;

	for (uint16_t i = 0; i < 300; i++) {
		struct sockaddr_in n = name((uint16_t)(2000 + i));

		u[i] = open_sock(AF_INET, SOCK_DGRAM, 0);
		ck_assert_int_eq(socket_bind(u[i], &n, sizeof(n)), 0);
	}
	a = ask(AF_INET, IPPROTO_UDP, ALL, NULL, 0);
	ck_assert_int_eq(a.n, 300);
	for (int i = 0; i < 300; i++) {
		ck_assert_uint_eq(a.ports[i], 2000 + i);
		socket_close(u[i]);
	}
}
END_TEST

START_TEST(datagrams)
{
	struct sockaddr_in n = name(53), peer = name(54);
	struct sockaddr_in6 n6 = { .sin6_family = AF_INET6, .sin6_port = htons(55) };
	struct sock *u = open_sock(AF_INET, SOCK_DGRAM, 0), *u6 = open_sock(AF_INET6, SOCK_DGRAM, 0),
		    *nowhere = open_sock(AF_INET, SOCK_DGRAM, 0), *r = open_sock(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	struct answer a;

	ck_assert_int_eq(socket_bind(u, &n, sizeof(n)), 0);
	ck_assert_int_eq(socket_bind(u6, &n6, sizeof(n6)), 0);
	a = ask(AF_INET, IPPROTO_UDP, ALL, NULL, 0);
	ck_assert(a.n == 1 && a.states == BIT(TCP_CLOSE) && a.ports[0] == 53);
	ck_assert_int_eq(socket_connect(u, &peer, sizeof(peer)), 0);
	a = ask(AF_INET, IPPROTO_UDP, ALL, NULL, 0);
	ck_assert(a.states == BIT(TCP_ESTABLISHED) && ntohs(a.last.id.idiag_dport) == 54);
	a = ask(AF_INET6, IPPROTO_UDP, ALL, NULL, 0);
	ck_assert(a.n == 1 && a.ports[0] == 55);
	ck_assert_uint_eq(mnl_attr_get_u8(a.tb[INET_DIAG_SKV6ONLY]), 0);
	a = ask(AF_INET, IPPROTO_RAW, ALL, NULL, 0);
	ck_assert(a.n == 1 && a.ports[0] == IPPROTO_ICMP);
	ck_assert_int_eq(ask(AF_UNIX, 0, ALL, NULL, 0).error, -ENOENT);
	ck_assert_int_eq(ask(AF_INET, IPPROTO_SCTP, ALL, NULL, 0).error, -ENOENT);
	socket_close(u);
	socket_close(u6);
	socket_close(nowhere);
	socket_close(r);
}
END_TEST

/* ---- one socket ---- */

static struct inet_diag_req_v2 any_cookie(struct inet_diag_req_v2 r)
{
	r.id.idiag_cookie[0] = r.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return r;
}

static struct inet_diag_req_v2 other_cookie(struct inet_diag_req_v2 r)
{
	r.id.idiag_cookie[1]++;
	return r;
}

/* Of UDP, who asks names the peer as the source. */
static struct inet_diag_req_v2 swapped(struct inet_diag_req_v2 r)
{
	struct inet_diag_req_v2 t = r;

	t.id.idiag_sport = r.id.idiag_dport;
	t.id.idiag_dport = r.id.idiag_sport;
	memcpy(t.id.idiag_src, r.id.idiag_dst, sizeof(t.id.idiag_src));
	memcpy(t.id.idiag_dst, r.id.idiag_src, sizeof(t.id.idiag_dst));
	return t;
}

START_TEST(one_of_tcp)
{
	struct sock *l = listener(80), *c = client(80), *a;
	struct inet_diag_req_v2 r;
	struct answer got;
	int err;

	a = socket_accept(l, &err);
	c->cookie = 0x1234567890ull;
	c->inode = 4711;
	l->cookie = 7;
	got = get(id_of(c));
	ck_assert(!got.error && got.n == 1 && got.states == BIT(TCP_ESTABLISHED));
	ck_assert_uint_eq(got.last.idiag_inode, 4711);
	ck_assert_uint_eq(ntohs(got.last.id.idiag_dport), 80);
	ck_assert_ptr_nonnull(got.tb[INET_DIAG_INFO]);
	ck_assert_int_eq(get(any_cookie(id_of(c))).n, 1);
	ck_assert_int_eq(get(other_cookie(id_of(c))).error, -ENOENT);
	got = get(id_of(a));
	ck_assert(got.n == 1 && got.ports[0] == 80 && got.states == BIT(TCP_ESTABLISHED));
	got = get(id_of(l));
	ck_assert(got.n == 1 && got.ports[0] == 80 && got.states == BIT(TCP_LISTEN));
	r = any_cookie(id_of(a));
	r.id.idiag_dport = htons(9);		/* no such connection, but whose would it be? */
	ck_assert_uint_eq(get(r).states, BIT(TCP_LISTEN));
	r = id_of(l);
	r.id.idiag_sport = htons(81);
	ck_assert_int_eq(get(r).error, -ENOENT);
	r = id_of(l);
	r.id.idiag_if = 99;			/* it is bound to none, so this means nothing */
	ck_assert_int_eq(get(r).n, 1);
	c->bound_nic = list_first(&s->nics.list, struct nic, node);
	ck_assert_int_eq(get(id_of(c)).n, 1);
	r = id_of(c);
	r.id.idiag_if = 0;
	ck_assert_int_eq(get(r).error, -ENOENT);
	c->bound_nic = NULL;
	socket_close(c);
	settle();
	socket_close(a);
	settle();
	r.id.idiag_if = 0;
	r.id.idiag_cookie[0]++;			/* of TIME-WAIT there is none */
	ck_assert_int_eq(get(r).error, -ENOENT);
	ck_assert_uint_eq(get(any_cookie(r)).states, BIT(TCP_TIME_WAIT));
	socket_close(l);
}
END_TEST

START_TEST(one_of_datagrams)
{
	struct sockaddr_in n = name(53), peer = name(54);
	struct sockaddr_in6 n6 = { .sin6_family = AF_INET6, .sin6_port = htons(55), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sock *u = open_sock(AF_INET, SOCK_DGRAM, 0), *u6 = open_sock(AF_INET6, SOCK_DGRAM, 0),
		    *raw = open_sock(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	struct inet_diag_req_v2 r;
	struct answer got;

	u->cookie = 0x700000001ull;
	ck_assert_int_eq(socket_bind(u, &n, sizeof(n)), 0);
	ck_assert_int_eq(socket_bind(u6, &n6, sizeof(n6)), 0);
	got = get(swapped(id_of(u)));
	ck_assert(got.n == 1 && got.ports[0] == 53 && got.states == BIT(TCP_CLOSE));
	ck_assert_int_eq(get(id_of(u)).error, -ENOENT);
	ck_assert_int_eq(get(swapped(other_cookie(id_of(u)))).error, -ESTALE);
	ck_assert_int_eq(socket_connect(u, &peer, sizeof(peer)), 0);
	ck_assert_uint_eq(get(swapped(id_of(u))).states, BIT(TCP_ESTABLISHED));
	got = get(swapped(id_of(u6)));
	ck_assert(got.n == 1 && got.ports[0] == 55 && got.last.idiag_family == AF_INET6);
	r = id_of(raw);
	r.pad = IPPROTO_ICMP;
	got = get(r);
	ck_assert(got.n == 1 && got.ports[0] == IPPROTO_ICMP);
	ck_assert_uint_eq(mnl_attr_get_u8(got.tb[INET_DIAG_PROTOCOL]), IPPROTO_ICMP);
	ck_assert_int_eq(get(other_cookie(r)).error, -ENOENT);
	r.pad = IPPROTO_IGMP;
	ck_assert_int_eq(get(r).error, -ENOENT);
	r.sdiag_protocol = IPPROTO_SCTP;
	ck_assert_int_eq(get(r).error, -ENOENT);
	r.sdiag_family = AF_UNIX;
	ck_assert_int_eq(get(r).error, -ENOENT);
	r.sdiag_family = 255;
	ck_assert_int_eq(get(r).error, -EINVAL);
	ck_assert_int_eq(one(nl, SOCK_DIAG_BY_FAMILY, &r, sizeof(r) - 4).error, -EINVAL);
	ck_assert_int_eq(one(admin, SOCK_DESTROY, &r, sizeof(r) - 4).error, -EINVAL);
	socket_close(u);
	socket_close(u6);
	socket_close(raw);
}
END_TEST

START_TEST(destroying_needs_the_capability)
{
	struct sock *l = listener(80), *c = client(80), *u = open_sock(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in n = name(53);
	struct inet_diag_req_v2 r[] = { id_of(l), id_of(c), { 0 } };

	ck_assert_int_eq(socket_bind(u, &n, sizeof(n)), 0);
	r[2] = id_of(u);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(one(nl, SOCK_DESTROY, &r[i], sizeof(r[i])).error, -EPERM);
	ck_assert(tcp_sock(l)->end.state == TCPS_LISTEN && !c->error && !u->error);
	socket_close(l);
	socket_close(c);
	socket_close(u);
}
END_TEST

/* ---- SOCK_DESTROY ---- */

struct three {				/* a connection and its listener */
	struct sock *l, *c, *a;
	uint64_t rsts;			/* sent before */
};

static struct three three(void)
{
	struct three t = { .l = listener(80) };
	int err;

	t.c = client(80);
	t.a = socket_accept(t.l, &err);
	ck_assert_ptr_nonnull(t.a);
	t.rsts = s->tcp.stats.out_rsts;
	return t;
}

static uint8_t state_of(struct sock *sk)
{
	return tcp_sock(sk)->end.state;
}

/* sk is destroyed, in this state, and its program told so; RSTs are sent as Linux sends them. */
static void destroyed(struct three *t, struct sock *sk, uint8_t state, uint64_t rsts)
{
	struct inet_diag_req_v2 r = id_of(sk);

	ck_assert_uint_eq(state_of(sk), state);
	ck_assert_int_eq(destroy(other_cookie(r)), -ENOENT);
	ck_assert_uint_eq(state_of(sk), state);
	ck_assert_int_eq(destroy(r), 0);
	ck_assert_uint_eq(state_of(sk), TCP_CLOSE);
	ck_assert_int_eq(sk->error, ECONNABORTED);
	ck_assert_uint_eq(s->tcp.stats.out_rsts - t->rsts, rsts);
	ck_assert(socket_poll(sk) & EPOLLERR && socket_poll(sk) & EPOLLHUP);
	settle();
}

static void close_three(struct three *t)
{
	socket_close(t->l);
	socket_close(t->c);
	socket_close(t->a);
	settle();
}

START_TEST(destroy_established)
{
	struct three t = three();
	struct inet_diag_req_v2 r = id_of(t.c);

	destroyed(&t, t.c, TCP_ESTABLISHED, 1);
	ck_assert_int_eq(t.a->error, ECONNRESET);
	ck_assert_int_eq(destroy(r), -ENOENT);
	ck_assert_uint_eq(s->tcp.stats.curr_estab, 0);
	close_three(&t);
}
END_TEST

START_TEST(destroy_while_closing)
{
	struct three t = three();

	socket_shutdown(t.c, SHUT_WR);
	destroyed(&t, t.c, TCP_FIN_WAIT1, 1);
	close_three(&t);
	t = three();
	socket_shutdown(t.c, SHUT_WR);
	settle();
	ck_assert_uint_eq(state_of(t.a), TCP_CLOSE_WAIT);
	destroyed(&t, t.c, TCP_FIN_WAIT2, 1);
	ck_assert_int_ne(t.a->error, 0);
	close_three(&t);
	t = three();
	socket_shutdown(t.c, SHUT_WR);
	settle();
	destroyed(&t, t.a, TCP_CLOSE_WAIT, 1);
	ck_assert_int_eq(t.c->error, ECONNRESET);
	close_three(&t);
	t = three();
	socket_shutdown(t.c, SHUT_WR);
	settle();
	socket_shutdown(t.a, SHUT_WR);
	destroyed(&t, t.a, TCP_LAST_ACK, 0);
	close_three(&t);
	t = three();
	tcp_set_state(tcp_sock(t.c), TCPS_CLOSING);
	destroyed(&t, t.c, TCP_CLOSING, 0);
	close_three(&t);
}
END_TEST

/* Nobody owns it any more: it is gone. */
START_TEST(destroy_orphans)
{
	struct three t = three();
	struct inet_diag_req_v2 r = id_of(t.c);

	socket_close(t.c);
	settle();
	ck_assert_uint_eq(get(r).states, BIT(TCP_FIN_WAIT2));
	ck_assert_int_eq(destroy(r), 0);
	ck_assert_uint_eq(s->tcp.stats.out_rsts, t.rsts);	/* on Linux this is a TIME-WAIT entry */
	settle();
	ck_assert_uint_eq(s->tcp.orphans, 0);
	ck_assert_int_eq(t.a->error, 0);
	socket_close(t.a);
	socket_close(t.l);
	settle();
	t = three();
	r = id_of(t.c);
	socket_close(t.c);
	ck_assert_int_eq(destroy(r), 0);			/* FIN-WAIT-1 */
	ck_assert_uint_eq(s->tcp.stats.out_rsts, t.rsts + 1);
	settle();
	ck_assert_uint_eq(s->tcp.orphans, 0);
	ck_assert_int_eq(t.a->error, ECONNRESET);
	socket_close(t.a);
	socket_close(t.l);
}
END_TEST

START_TEST(destroy_time_wait)
{
	struct three t = three();
	struct inet_diag_req_v2 r = any_cookie(id_of(t.c));

	socket_close(t.c);
	settle();
	socket_close(t.a);
	settle();
	ck_assert_uint_eq(get(r).states, BIT(TCP_TIME_WAIT));
	ck_assert_uint_eq(s->tcp.time_waits, 1);
	ck_assert_int_eq(destroy(r), 0);
	ck_assert_uint_eq(s->tcp.time_waits, 0);
	ck_assert_uint_eq(s->tcp.stats.out_rsts, t.rsts);
	ck_assert_int_eq(get(r).error, -ENOENT);
	env_run(&s->env, s->env.now + 100 * SEC);		/* its timer finds nothing */
	socket_close(t.l);
}
END_TEST

START_TEST(destroy_one_that_connects)
{
	struct three t = three();
	struct sockaddr_in n = name(80);
	struct inet_diag_req_v2 r;

	socket_close(t.c);
	t.c = open_sock(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(socket_connect(t.c, &n, sizeof(n)), -EINPROGRESS);
	r = id_of(t.c);
	t.rsts = s->tcp.stats.out_rsts;
	destroyed(&t, t.c, TCP_SYN_SENT, 0);
	close_three(&t);
	ck_assert_int_eq(destroy(r), -ENOENT);
}
END_TEST

/* The client believes that it is connected; the listener waits for its first data. */
START_TEST(destroy_half_open)
{
	struct sock *l = open_sock(AF_INET, SOCK_STREAM, 0), *c;
	struct sockaddr_in n = name(80);
	struct inet_diag_req_v2 r;
	uint64_t rsts;
	int secs = 10;

	ck_assert_int_eq(socket_setsockopt(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, &secs, sizeof(secs)), 0);
	ck_assert_int_eq(socket_bind(l, &n, sizeof(n)), 0);
	ck_assert_int_eq(socket_listen(l, 8), 0);
	c = client(80);
	r = any_cookie(swapped(id_of(c)));
	ck_assert_uint_eq(get(r).states, BIT(TCP_SYN_RECV));
	rsts = s->tcp.stats.out_rsts;
	ck_assert_int_eq(destroy(r), 0);
	ck_assert_uint_eq(s->tcp.stats.out_rsts, rsts);
	ck_assert_uint_eq(tcp_sock(l)->nsyn, 0);
	ck_assert_uint_eq(get(r).states, BIT(TCP_LISTEN));
	settle();
	socket_close(c);
	socket_close(l);
}
END_TEST

START_TEST(destroy_a_listener)
{
	struct three t = three();
	struct sock *waiting = client(80);
	struct inet_diag_req_v2 r = id_of(t.l);
	int err;

	t.rsts = s->tcp.stats.out_rsts;
	destroyed(&t, t.l, TCP_LISTEN, 1);
	ck_assert_int_eq(waiting->error, ECONNRESET);
	ck_assert_int_eq(t.c->error, 0);
	ck_assert(!socket_accept(t.l, &err) && err == -EINVAL);
	ck_assert_int_eq(destroy(r), -ENOENT);
	socket_close(waiting);
	close_three(&t);
}
END_TEST

START_TEST(destroy_one_that_waits_to_be_accepted)
{
	struct three t = three();
	struct sock *waiting = client(80);
	int err;

	ck_assert_int_eq(destroy(any_cookie(swapped(id_of(waiting)))), 0);
	ck_assert_uint_eq(s->tcp.stats.out_rsts, t.rsts + 1);
	settle();
	ck_assert_int_eq(waiting->error, ECONNRESET);
	socket_close(t.a);
	t.a = socket_accept(t.l, &err);
	ck_assert_int_eq(t.a->error, ECONNABORTED);
	socket_close(waiting);
	close_three(&t);
}
END_TEST

START_TEST(destroy_datagrams)
{
	struct sockaddr_in n = name(53), peer = name(54);
	struct sock *u = open_sock(AF_INET, SOCK_DGRAM, 0), *v = open_sock(AF_INET, SOCK_DGRAM, 0),
		    *raw = open_sock(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	struct inet_diag_req_v2 r;

	ck_assert_int_eq(socket_bind(u, &n, sizeof(n)), 0);
	ck_assert_int_eq(socket_connect(u, &peer, sizeof(peer)), 0);
	ck_assert_int_eq(socket_connect(v, &peer, sizeof(peer)), 0);
	ck_assert_int_eq(destroy(other_cookie(id_of(u))), -ENOENT);
	ck_assert_int_eq(destroy(swapped(id_of(u))), -ENOENT);
	ck_assert_int_eq(u->error, 0);
	ck_assert_int_eq(destroy(id_of(u)), 0);
	ck_assert_int_eq(u->error, ECONNABORTED);
	ck_assert(!u->rport && ip_addr_is_any(&u->remote) && u->lport == 53);
	ck_assert_int_eq(v->error, 0);
	r = id_of(v);
	ck_assert_int_eq(destroy(r), 0);
	ck_assert(v->error == ECONNABORTED && !v->lport && !v->rport);
	ck_assert_int_eq(destroy(r), -ENOENT);
	ck_assert_int_eq(destroy(id_of(u)), 0);		/* it is there still */
	r = id_of(raw);
	r.pad = IPPROTO_ICMP;
	ck_assert_int_eq(destroy(r), 0);
	ck_assert_int_eq(raw->error, ECONNABORTED);
	socket_close(u);
	socket_close(v);
	socket_close(raw);
}
END_TEST

/* ---- what the owner knows ---- */

static int asked;

static void queues(void *arg, uint32_t *unread, uint32_t *unsent)
{
	(void)arg;
	asked++;
	*unread = 1000;
	*unsent = 50;
}

static uint32_t uid(void *arg)
{
	ck_assert_ptr_eq(arg, &asked);
	return 1234;
}

static void nothing(void *arg)
{
	(void)arg;
}

START_TEST(the_owner_is_asked)
{
	static const struct sock_owner owner = { .queues = queues, .uid = uid };
	const uint8_t port[] = { INET_DIAG_BC_S_EQ, 8, 12, 0, 0, 0, 99, 0 };
	struct three t = three();
	struct answer a;

	t.c->owner = &owner;
	socket_set_event(t.c, nothing, &asked);
	asked = 0;
	a = get(id_of(t.c));
	ck_assert(a.last.idiag_rqueue == 1000 && a.last.idiag_wqueue == 50 && a.last.idiag_uid == 1234);
	ck_assert_int_eq(asked, 1);
	ck_assert_int_eq(ask(AF_INET, IPPROTO_TCP, BIT(TCP_ESTABLISHED), NULL, 0).n, 2);
	ck_assert_int_eq(asked, 2);
	ask(AF_INET, IPPROTO_TCP, BIT(TCP_LISTEN), NULL, 0);	/* not of rows that nobody wants */
	ask(AF_INET, IPPROTO_TCP, ALL, port, sizeof(port));
	ck_assert_int_eq(asked, 2);
	socket_set_event(t.c, NULL, NULL);			/* it has let go */
	a = get(id_of(t.c));
	ck_assert(a.last.idiag_rqueue == 0 && a.last.idiag_uid == 0 && asked == 2);
	close_three(&t);
}
END_TEST

/* ---- conditions ---- */

#define OP(code, yes, no) code, yes, (no) & 0xff, (no) >> 8
#define PORT(n) OP(0, 0, n)
#define HOST(family, prefix, port) family, prefix, 0, 0, (port) & 0xff, (port) >> 8 & 0xff, (port) >> 16 & 0xff, (port) >> 24 & 0xff

static const struct condition {
	const char *what;
	uint8_t code[40];
	size_t len;
	bool wanted;			/* is 10.1.2.3:1234 -> 10.9.8.7:80 */
	int check;
} conditions[] = {
	{ "nothing", { 0 }, 0, true, 0 },
	{ "sport = 1234", { OP(INET_DIAG_BC_S_EQ, 8, 12), PORT(1234) }, 8, true, 0 },
	{ "sport = 80", { OP(INET_DIAG_BC_S_EQ, 8, 12), PORT(80) }, 8, false, 0 },
	{ "dport = 80", { OP(INET_DIAG_BC_D_EQ, 8, 12), PORT(80) }, 8, true, 0 },
	{ "sport >= 1234", { OP(INET_DIAG_BC_S_GE, 8, 12), PORT(1234) }, 8, true, 0 },
	{ "sport >= 1235", { OP(INET_DIAG_BC_S_GE, 8, 12), PORT(1235) }, 8, false, 0 },
	{ "dport <= 79", { OP(INET_DIAG_BC_D_LE, 8, 12), PORT(79) }, 8, false, 0 },
	{ "not dport = 80", { OP(INET_DIAG_BC_D_EQ, 8, 12), PORT(80), OP(INET_DIAG_BC_JMP, 4, 8) }, 12, false, 0 },
	{ "not dport = 81", { OP(INET_DIAG_BC_D_EQ, 8, 12), PORT(81), OP(INET_DIAG_BC_JMP, 4, 8) }, 12, true, 0 },
	{ "src 10.1/16", { OP(INET_DIAG_BC_S_COND, 16, 20), HOST(AF_INET, 16, -1), 10, 1, 0, 0 }, 16, true, 0 },
	{ "src 10.2/16", { OP(INET_DIAG_BC_S_COND, 16, 20), HOST(AF_INET, 16, -1), 10, 2, 0, 0 }, 16, false, 0 },
	{ "dst 10.9.8.7:80", { OP(INET_DIAG_BC_D_COND, 16, 20), HOST(AF_INET, 32, 80), 10, 9, 8, 7 }, 16, true, 0 },
	{ "dst 10.9.8.7:81", { OP(INET_DIAG_BC_D_COND, 16, 20), HOST(AF_INET, 32, 81), 10, 9, 8, 7 }, 16, false, 0 },
	{ "dst :80", { OP(INET_DIAG_BC_D_COND, 12, 16), HOST(AF_UNSPEC, 0, 80) }, 12, true, 0 },
	{ "dst 2001::/16", { OP(INET_DIAG_BC_D_COND, 28, 32), HOST(AF_INET6, 16, -1), 0x20, 1 }, 28, false, 0 },
	{ "autobound", { OP(INET_DIAG_BC_AUTO, 4, 8) }, 4, true, 0 },
	{ "dev 3", { OP(INET_DIAG_BC_DEV_COND, 8, 12), 3, 0, 0, 0 }, 8, false, 0 },
	{ "no dev", { OP(INET_DIAG_BC_DEV_COND, 8, 12), 0, 0, 0, 0 }, 8, true, 0 },
	{ "half an operation", { 1, 2 }, 2, false, -EINVAL },
	{ "an unknown one", { OP(99, 4, 8) }, 4, false, -EINVAL },
	{ "no argument", { OP(INET_DIAG_BC_S_EQ, 8, 12) }, 4, false, -EINVAL },
	{ "half an address", { OP(INET_DIAG_BC_S_COND, 14, 20), HOST(AF_INET, 16, -1), 10, 1 }, 14, false, -EINVAL },
	{ "a prefix too long", { OP(INET_DIAG_BC_S_COND, 16, 20), HOST(AF_INET, 33, -1), 10, 1, 0, 0 }, 16, false, -EINVAL },
	{ "a loop", { OP(INET_DIAG_BC_NOP, 0, 0) }, 4, false, 0 },
};

START_TEST(condition)
{
	const struct condition *c = &conditions[_i];
	const struct diag_row r = {
		.family = AF_INET, .state = TCP_ESTABLISHED, .local = ip_addr_v4(inet_addr("10.1.2.3")),
		.remote = ip_addr_v4(inet_addr("10.9.8.7")), .lport = 1234, .rport = 80,
	};

	uint8_t *code = malloc(c->len ? c->len : 1);	/* nothing lies behind it that could be read */

	ck_assert_ptr_nonnull(code);
	memcpy(code, c->code, c->len);
	ck_assert_msg(diag_filter_check(code, c->len) == c->check, "%s", c->what);
	ck_assert_msg(diag_filter(code, c->len, &r) == c->wanted, "%s", c->what);
	free(code);
}
END_TEST

START_TEST(conditions_are_obeyed)
{
	const uint8_t odd[] = { 99, 0, 0, 0 }, port[] = { OP(INET_DIAG_BC_S_EQ, 8, 12), PORT(81) };
	struct sock *a = listener(80), *b = listener(81);
	struct answer got = ask(AF_INET, IPPROTO_TCP, ALL, port, sizeof(port));

	ck_assert(got.n == 1 && got.ports[0] == 81);
	got = ask(AF_INET, IPPROTO_TCP, ALL, odd, sizeof(odd));
	ck_assert(got.n == 0 && got.error == -EINVAL);
	socket_close(a);
	socket_close(b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("diag");
	TCase *t = tcase_create("diag");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_state);
	tcase_add_test(t, what_is_told_of_a_connection);
	tcase_add_test(t, many);
	tcase_add_test(t, many_connections);
	tcase_add_test(t, many_datagrams);
	tcase_add_test(t, datagrams);
	tcase_add_test(t, one_of_tcp);
	tcase_add_test(t, one_of_datagrams);
	tcase_add_test(t, destroying_needs_the_capability);
	tcase_add_test(t, destroy_established);
	tcase_add_test(t, destroy_while_closing);
	tcase_add_test(t, destroy_orphans);
	tcase_add_test(t, destroy_time_wait);
	tcase_add_test(t, destroy_one_that_connects);
	tcase_add_test(t, destroy_half_open);
	tcase_add_test(t, destroy_a_listener);
	tcase_add_test(t, destroy_one_that_waits_to_be_accepted);
	tcase_add_test(t, destroy_datagrams);
	tcase_add_test(t, the_owner_is_asked);
	tcase_add_loop_test(t, condition, 0, sizeof(conditions) / sizeof(conditions[0]));
	tcase_add_test(t, conditions_are_obeyed);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
