/* SPDX-License-Identifier: Apache-2.0 */
/* test_diag.c - NETLINK_SOCK_DIAG (sock_diag(7)): which sockets ss is told of, and its conditions. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <weir/module.h>

#include "stack.h"
#include "tests/suite.h"

#define SEC 1000000000ull
#define ALL UINT32_MAX

extern const struct weir_module weir_module;	/* reno, linked in */

static struct random_seeded seed;
static struct stack *s;
static struct sock *nl;

static void setup(void)
{
	struct stack_config c = {
		.now = SEC, .random = { random_from_seed, &seed },
		.congestion = weir_module.entries[0].ops,
	};
	int err;

	random_seed(&seed, 1);
	s = stack_create(&c, NULL);
	ck_assert_ptr_nonnull(s);
	nl = socket_create(s, AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG, false, &err);
	ck_assert_ptr_nonnull(nl);
}

static void teardown(void)
{
	socket_close(nl);
	stack_destroy(s);
}

static void settle(void)
{
	for (int i = 0; i < 10; i++)
		env_run(&s->env, s->env.now + 1000000);
}

static struct sockaddr_in name(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static struct sock *open_sock(int family, int type, int protocol)
{
	int err;
	struct sock *sk = socket_create(s, family, type, protocol, true, &err);

	ck_assert_ptr_nonnull(sk);
	return sk;
}

static struct sock *listener(uint16_t port)
{
	struct sockaddr_in n = name(port);
	struct sock *sk = open_sock(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(socket_bind(sk, &n, sizeof(n)), 0);
	ck_assert_int_eq(socket_listen(sk, 8), 0);
	return sk;
}

static struct sock *client(uint16_t port)
{
	struct sockaddr_in n = name(port);
	struct sock *sk = open_sock(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(socket_connect(sk, &n, sizeof(n)), -EINPROGRESS);
	settle();
	return sk;
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

static struct answer ask(int family, int protocol, uint32_t states, const void *code, size_t len)
{
	_Alignas(8) uint8_t out[1024] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(out);
	struct inet_diag_req_v2 *r = mnl_nlmsg_put_extra_header(nlh, sizeof(*r));
	struct packet *p = packet_alloc(&s->pool, PACKET_HEADROOM);
	static struct answer a;
	int err;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*r = (struct inet_diag_req_v2){ .sdiag_family = (uint8_t)family, .sdiag_protocol = (uint8_t)protocol,
					.idiag_states = states, .idiag_ext = 0xff };
	if (code)
		mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, len, code);
	ck_assert_int_eq(packet_copy_in(p, out, nlh->nlmsg_len), 0);
	ck_assert_int_eq(socket_sendmsg(nl, p, NULL, 0, NULL, 0, 0), nlh->nlmsg_len);
	a = (struct answer){ 0 };
	while ((p = socket_recvmsg(nl, NULL, NULL, NULL, NULL, NULL, &err))) {
		uint32_t n = p->len;

		ck_assert_uint_le(n, 4096);
		packet_copy_out(p, 0, in, n);
		packet_free(p);
		take(&a, (int)n);
	}
	return a;
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
	tcase_add_loop_test(t, condition, 0, sizeof(conditions) / sizeof(conditions[0]));
	tcase_add_test(t, conditions_are_obeyed);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}
