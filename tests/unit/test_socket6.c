/* SPDX-License-Identifier: Apache-2.0 */
/* test_socket6.c - AF_INET6 sockets: names, dual stack, options, control messages (RFC 3493, 3542,
 * 4007). */
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <weir/module.h>

#include "dgramnet.h"
#include "tcp/tcp.h"

#define OURS "2001:db8::1"
#define LL "fe80::1"

static struct tcp tcp;
static struct nic *eth;

extern const struct weir_module weir_module;	/* reno, linked in */

static void setup(void)
{
	struct ip_addr ll = testnet_addr(LL), v4 = testnet_addr("10.0.0.1");

	dgramnet_setup();
	ck_assert_int_eq(tcp_init(&tcp, &tn.env, &tn.ip), 0);
	tcp.congestion = weir_module.entries[0].ops;
	eth = testnet_eth(&tn, OURS, 64);
	ck_assert_int_eq(ip_addr_add(&tn.ip, eth, &v4, 24, NULL), 0);
	if (!ifaddr_find(eth, &ll))
		ck_assert_int_eq(ip_addr_add(&tn.ip, eth, &ll, 64, NULL), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
}

static void teardown(void)
{
	tcp_destroy(&tcp);
	dgramnet_teardown();
}

static struct sock *open6(const struct transport_ops *ops, void *table, int protocol)
{
	int err;
	struct sock *sk = sock_create(&tn.ip, table, ops, AF_INET6, protocol, &err);

	ck_assert_ptr_nonnull(sk);
	return sk;
}

static struct sockaddr_in6 name6(const char *addr, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(port),
				   .sin6_scope_id = scope };

	ck_assert_int_eq(inet_pton(AF_INET6, addr, &sa.sin6_addr), 1);
	return sa;
}

static int bind6(struct sock *sk, const char *addr, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 sa = name6(addr, port, scope);

	return socket_bind(sk, &sa, sizeof(sa));
}

static int connect6(struct sock *sk, const char *addr, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 sa = name6(addr, port, scope);

	return socket_connect(sk, &sa, sizeof(sa));
}

static int send6(struct sock *sk, const char *addr, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 sa = name6(addr, port, scope);
	int err = (int)socket_sendmsg(sk, payload("hi", 2), &sa, sizeof(sa), NULL, 0, 0);

	testnet_run(&tn, 0);
	return err;
}

static int set(struct sock *sk, int name, int v)
{
	return socket_setsockopt(sk, IPPROTO_IPV6, name, &v, sizeof(v));
}

static int get(struct sock *sk, int name)
{
	socklen_t len = sizeof(int);
	int v = 0;

	ck_assert_int_eq(socket_getsockopt(sk, IPPROTO_IPV6, name, &v, &len), 0);
	return v;
}

static void expect_name(const struct sockaddr_in6 *sa, const char *addr, uint16_t port)
{
	struct in6_addr want;

	ck_assert_int_eq(inet_pton(AF_INET6, addr, &want), 1);
	ck_assert_int_eq(sa->sin6_family, AF_INET6);
	ck_assert_mem_eq(&sa->sin6_addr, &want, sizeof(want));
	ck_assert_uint_eq(ntohs(sa->sin6_port), port);
}

/* The next datagram came from addr. */
static void expect_from(struct sock *sk, const char *addr, uint16_t port)
{
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);
	int flags = 0, err;
	struct packet *p = socket_recvmsg(sk, &sa, &len, NULL, NULL, &flags, &err);

	ck_assert_msg(p != NULL, "nothing from %s: %d", addr, err);
	packet_free(p);
	ck_assert_uint_eq(len, sizeof(sa));
	expect_name(&sa, addr, port);
}

/* RFC 3493 section 3.7: one socket for both families, IPv4's names mapped. */
START_TEST(dual_stack_udp)
{
	struct sock *s = open6(&udp_ops, &udp, IPPROTO_UDP), *c = open6(&udp_ops, &udp, IPPROTO_UDP);
	struct sock *c4 = open_udp();

	ck_assert_int_eq(bind6(s, "::", 53, 0), 0);
	ck_assert_int_eq(bind6(c, "::", 1000, 0), 0);
	ck_assert_int_eq(bind_to(c4, "10.0.0.1", 1001), 0);
	ck_assert_int_eq(send6(c, "::1", 53, 0), 2);
	expect_from(s, "::1", 1000);
	ck_assert_int_eq(send6(c, "::ffff:10.0.0.1", 53, 0), 2);
	expect_from(s, "::ffff:10.0.0.1", 1000);
	ck_assert_int_eq(send6(s, "::ffff:10.0.0.1", 1001, 0), 2);
	ck_assert_ptr_nonnull(c4->ops->recv);
	ck_assert_uint_eq(c4->ops->pending(c4), 2);
	socket_close(s);
	socket_close(c);
	socket_close(c4);
}
END_TEST

/* RFC 3493 section 5.3. */
START_TEST(v6only)
{
	struct sock *s = open6(&udp_ops, &udp, IPPROTO_UDP), *c4 = open_udp();

	ck_assert_int_eq(set(s, IPV6_V6ONLY, 1), 0);
	ck_assert_int_eq(bind6(s, "::ffff:10.0.0.1", 53, 0), -EINVAL);
	ck_assert_int_eq(bind6(s, "::", 53, 0), 0);
	ck_assert_int_eq(set(s, IPV6_V6ONLY, 0), -EINVAL);
	ck_assert_int_eq(send6(s, "::ffff:10.0.0.1", 9, 0), -ENETUNREACH);
	ck_assert_int_eq(bind_to(c4, "0.0.0.0", 53), 0);	/* no conflict */
	ck_assert_int_eq(send6(s, "::1", 53, 0), 2);
	expect_from(s, "::1", 53);
	ck_assert_uint_eq(c4->ops->pending(c4), 0);
	socket_close(s);
	socket_close(c4);
}
END_TEST

/* Linux's ipv6_rcv_saddr_equal: :: is 0.0.0.0 as well, an address of the other family is not. */
START_TEST(bind_conflicts)
{
	struct sock *s = open6(&udp_ops, &udp, IPPROTO_UDP), *t = open6(&udp_ops, &udp, IPPROTO_UDP);
	struct sock *c4 = open_udp();

	ck_assert_int_eq(bind6(s, "::", 53, 0), 0);
	ck_assert_int_eq(bind_to(c4, "10.0.0.1", 53), -EADDRINUSE);
	ck_assert_int_eq(bind_to(c4, "0.0.0.0", 53), -EADDRINUSE);
	ck_assert_int_eq(bind6(t, OURS, 53, 0), -EADDRINUSE);
	ck_assert_int_eq(bind6(t, OURS, 54, 0), 0);
	ck_assert_int_eq(bind_to(c4, "0.0.0.0", 54), 0);
	socket_close(s);
	socket_close(t);
	socket_close(c4);
}
END_TEST

/* RFC 4007 section 11: a name on one link needs the link. */
START_TEST(scopes)
{
	struct sock *s = open6(&udp_ops, &udp, IPPROTO_UDP), *t = open6(&udp_ops, &udp, IPPROTO_UDP);
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);

	ck_assert_int_eq(bind6(s, LL, 53, 0), -EINVAL);
	ck_assert_int_eq(bind6(s, LL, 53, 99), -ENODEV);
	ck_assert_int_eq(bind6(s, LL, 53, tn.lo->index), -EADDRNOTAVAIL);
	ck_assert_int_eq(bind6(s, LL, 53, eth->index), 0);
	ck_assert_int_eq(socket_getsockname(s, &sa, &len), 0);
	expect_name(&sa, LL, 53);
	ck_assert_uint_eq(sa.sin6_scope_id, eth->index);
	ck_assert_int_eq(connect6(t, "fe80::9", 53, 0), -EINVAL);
	ck_assert_int_eq(connect6(t, "fe80::9", 53, eth->index), 0);
	len = sizeof(sa);
	ck_assert_int_eq(socket_getsockname(t, &sa, &len), 0);
	expect_name(&sa, LL, t->lport);
	ck_assert_int_eq(send6(s, "fe80::9", 53, tn.lo->index), -EINVAL);
	socket_close(s);
	socket_close(t);
}
END_TEST

START_TEST(bad_names)
{
	struct sock *s = open6(&udp_ops, &udp, IPPROTO_UDP), *t = open6(&tcp_ops, &tcp, IPPROTO_TCP);
	struct sockaddr_in sin = name_of("10.0.0.9", 5);
	struct sockaddr_in6 sa = name6("::1", 5, 0);

	ck_assert_int_eq(socket_bind(s, &sin, sizeof(sin)), -EINVAL);		/* too short */
	ck_assert_int_eq(socket_bind(s, &sa, 23), -EINVAL);
	sa.sin6_family = AF_INET;
	ck_assert_int_eq(socket_bind(s, &sa, sizeof(sa)), -EAFNOSUPPORT);
	ck_assert_int_eq(bind6(s, "2001:db8::77", 5, 0), -EADDRNOTAVAIL);
	ck_assert_int_eq(socket_connect(s, &sin, sizeof(sin)), 0);	/* datagrams take IPv4's */
	ck_assert_int_eq(socket_connect(t, &sin, sizeof(sin)), -EINVAL);
	socket_close(s);
	socket_close(t);
}
END_TEST

/* Linux's tcp_v6_connect, ip6_datagram_connect and udpv6_sendmsg, which have errors of their
 * own. */
START_TEST(peer_names)
{
	struct sock *u = open6(&udp_ops, &udp, IPPROTO_UDP), *t = open6(&tcp_ops, &tcp, IPPROTO_TCP);
	struct sock *r = open6(&raw_ops, &raw, 200);
	struct sockaddr_in sin = name_of("10.0.0.1", 5);
	struct sockaddr_in6 none = { .sin6_family = AF_UNSPEC }, odd = { .sin6_family = 77 };

	ck_assert_int_eq(connect6(u, "fe80::9", 53, 99), -ENETUNREACH);
	ck_assert_int_eq(send6(u, "fe80::9", 53, 99), -ENETUNREACH);
	ck_assert_int_eq(connect6(u, "ff02::9", 53, 0), -EINVAL);
	ck_assert_int_eq(set(u, IPV6_MULTICAST_IF, (int)eth->index), 0);
	ck_assert_int_eq(connect6(u, "ff02::9", 53, 0), 0);
	ck_assert_int_eq(connect6(t, "ff02::9", 53, 0), -ENETUNREACH);
	ck_assert_int_eq(bind6(t, "ff05::9", 53, 0), -EINVAL);	/* no stream has a group's name */
	socket_close(u);
	u = open6(&udp_ops, &udp, IPPROTO_UDP);
	ck_assert_int_eq(socket_sendmsg(u, payload("x", 1), &none, sizeof(none), NULL, 0, 0), -EDESTADDRREQ);
	ck_assert_int_eq(socket_sendmsg(u, payload("x", 1), &odd, sizeof(odd), NULL, 0, 0), -EINVAL);
	ck_assert_int_eq(socket_sendmsg(u, payload("x", 1), &sin, sizeof(sin), NULL, 0, 0), 1);
	ck_assert_int_eq(socket_sendmsg(r, payload("x", 1), &sin, sizeof(sin), NULL, 0, 0), -EINVAL);
	ck_assert_int_eq(connect6(u, "::1", 53, 0), 0);
	ck_assert_int_eq(socket_sendmsg(u, payload("x", 1), &none, sizeof(none), NULL, 0, 0), 1);
	socket_close(u);
	socket_close(t);
	socket_close(r);
}
END_TEST

/* What an address tells of the family: one of IPv6 ends IPv4, IPv4's unspecified one ends IPv6. */
START_TEST(family_by_address)
{
	struct sock *s = open6(&udp_ops, &udp, IPPROTO_UDP), *t = open6(&tcp_ops, &tcp, IPPROTO_TCP);
	struct sockaddr_in sin = name_of("10.0.0.9", 5);
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);

	ck_assert_int_eq(bind6(s, "::1", 53, 0), 0);
	ck_assert_int_eq(get(s, IPV6_V6ONLY), 1);
	ck_assert_int_eq(socket_connect(s, &sin, sizeof(sin)), -EAFNOSUPPORT);
	ck_assert_int_eq(connect6(s, "::ffff:10.0.0.9", 5, 0), -ENETUNREACH);
	ck_assert_int_eq(bind6(t, "::ffff:0.0.0.0", 53, 0), 0);
	ck_assert_int_eq(get(t, IPV6_V6ONLY), 0);
	ck_assert_int_eq(connect6(t, "::1", 5, 0), -EAFNOSUPPORT);
	ck_assert_int_eq(socket_getsockname(t, &sa, &len), 0);
	expect_name(&sa, "::ffff:0.0.0.0", 53);
	socket_close(s);
	socket_close(t);
}
END_TEST

START_TEST(options)
{
	struct sock *s = open6(&udp_ops, &udp, IPPROTO_UDP), *s4 = open_udp();
	socklen_t len = sizeof(int);
	int v = 1;

	ck_assert_int_eq(get(s, IPV6_UNICAST_HOPS), 64);
	ck_assert_int_eq(set(s, IPV6_UNICAST_HOPS, 256), -EINVAL);
	ck_assert_int_eq(set(s, IPV6_UNICAST_HOPS, 9), 0);
	ck_assert_int_eq(get(s, IPV6_UNICAST_HOPS), 9);
	ck_assert_int_eq(set(s, IPV6_TCLASS, 0x28), 0);
	ck_assert_int_eq(get(s, IPV6_TCLASS), 0x28);
	ck_assert_int_eq(get(s, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_WANT);
	ck_assert_int_eq(set(s, IPV6_MTU_DISCOVER, 6), -EINVAL);
	ck_assert_int_eq(set(s, 9999, 1), -ENOPROTOOPT);
	ck_assert_int_eq(socket_setsockopt(s, IPPROTO_IPV6, IPV6_TCLASS, &v, 1), -EINVAL);
	ck_assert_int_eq(socket_setsockopt(s4, IPPROTO_IPV6, IPV6_TCLASS, &v, sizeof(v)),
			 -ENOPROTOOPT);
	ck_assert_int_eq(socket_getsockopt(s4, IPPROTO_IPV6, IPV6_TCLASS, &v, &len), -EOPNOTSUPP);
	ck_assert_int_eq(socket_getsockopt(s4, IPPROTO_UDP, 9999, &v, &len), -ENOPROTOOPT);
	ck_assert_int_eq(socket_getsockopt(s, 99, 1, &v, &len), -ENOPROTOOPT);
	socket_close(s);
	socket_close(s4);
}
END_TEST

static const void *find_cmsg(const uint8_t *control, size_t len, int type)
{
	struct msghdr m = { .msg_control = (void *)(uintptr_t)control, .msg_controllen = len };

	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == type)
			return CMSG_DATA(h);
	return NULL;
}

/* RFC 3542 section 6: what comes, and what is to be sent. */
START_TEST(control_messages)
{
	struct sock *s = open6(&udp_ops, &udp, IPPROTO_UDP), *c = open6(&udp_ops, &udp, IPPROTO_UDP);
	struct sockaddr_in6 to = name6("::1", 53, 0);
	uint8_t control[256] = { 0 };
	struct msghdr m = { .msg_control = control, .msg_controllen = CMSG_SPACE(4) * 2 +
			    CMSG_SPACE(sizeof(struct in6_pktinfo)) };
	struct in6_pktinfo info = { .ipi6_ifindex = 0 };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	size_t len = sizeof(control);
	int flags = 0, err, hops = 7, tclass = 0x40;
	struct packet *p;

	ck_assert_int_eq(bind6(s, "::", 53, 0), 0);
	ck_assert_int_eq(set(s, IPV6_RECVPKTINFO, 1), 0);
	ck_assert_int_eq(set(s, IPV6_RECVHOPLIMIT, 1), 0);
	ck_assert_int_eq(set(s, IPV6_RECVTCLASS, 1), 0);
	memcpy(&info.ipi6_addr, testnet_addr(OURS).b, 16);
	*h = (struct cmsghdr){ CMSG_LEN(sizeof(info)), IPPROTO_IPV6, IPV6_PKTINFO };
	memcpy(CMSG_DATA(h), &info, sizeof(info));
	h = (struct cmsghdr *)(control + CMSG_SPACE(sizeof(info)));
	*h = (struct cmsghdr){ CMSG_LEN(4), IPPROTO_IPV6, IPV6_HOPLIMIT };
	memcpy(CMSG_DATA(h), &hops, 4);
	h = (struct cmsghdr *)(control + CMSG_SPACE(sizeof(info)) + CMSG_SPACE(4));
	*h = (struct cmsghdr){ CMSG_LEN(4), IPPROTO_IPV6, IPV6_TCLASS };
	memcpy(CMSG_DATA(h), &tclass, 4);
	ck_assert_int_eq(socket_sendmsg(c, payload("hi", 2), &to, sizeof(to), control,
					m.msg_controllen, 0), 2);
	testnet_run(&tn, 0);
	p = socket_recvmsg(s, &to, &(socklen_t){ sizeof(to) }, control, &len, &flags, &err);
	ck_assert_ptr_nonnull(p);
	packet_free(p);
	expect_name(&to, OURS, c->lport);
	ck_assert_ptr_nonnull(find_cmsg(control, len, IPV6_PKTINFO));
	memcpy(&info, find_cmsg(control, len, IPV6_PKTINFO), sizeof(info));
	ck_assert_mem_eq(&info.ipi6_addr, testnet_addr("::1").b, 16);
	ck_assert_uint_eq(info.ipi6_ifindex, tn.lo->index);
	ck_assert_int_eq(*(const int *)find_cmsg(control, len, IPV6_HOPLIMIT), 7);
	ck_assert_int_eq(*(const int *)find_cmsg(control, len, IPV6_TCLASS), 0x40);
	socket_close(s);
	socket_close(c);
}
END_TEST

/* Streams over ::1, and IPv4's to a listener of both, with names as Linux shows them. */
START_TEST(streams)
{
	static const char *const peers[] = { "::1", "::ffff:127.0.0.1", OURS };
	struct sock *l = open6(&tcp_ops, &tcp, IPPROTO_TCP);

	ck_assert_int_eq(bind6(l, "::", 80, 0), 0);
	ck_assert_int_eq(socket_listen(l, 5), 0);
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		struct sock *c = open6(&tcp_ops, &tcp, IPPROTO_TCP), *a;
		struct sockaddr_in6 sa;
		socklen_t len = sizeof(sa);
		int err;

		ck_assert_int_eq(connect6(c, peers[i], 80, 0), -EINPROGRESS);
		testnet_run(&tn, 10 * MSEC);
		ck_assert_uint_ne(socket_poll(c) & EPOLLOUT, 0);
		a = socket_accept(l, &err);
		ck_assert_ptr_nonnull(a);
		ck_assert_int_eq(socket_getpeername(a, &sa, &len), 0);
		expect_name(&sa, peers[i], c->lport);
		len = sizeof(sa);
		ck_assert_int_eq(socket_getsockname(c, &sa, &len), 0);
		expect_name(&sa, peers[i], c->lport);
		socket_abort(a);
		socket_abort(c);
		testnet_run(&tn, 10 * MSEC);
	}
	socket_close(l);
}
END_TEST

/* RFC 3542 section 3: raw ICMPv6 has its checksum made, its header not shown, and a filter. */
START_TEST(raw_and_ping)
{
	struct icmp6_hdr echo = { .icmp6_type = ICMP6_ECHO_REQUEST, .icmp6_id = 5 };
	struct sock *s = open6(&raw_ops, &raw, IPPROTO_ICMPV6);
	struct sock *ping = open6(&ping_ops, &raw, IPPROTO_ICMPV6);
	struct sockaddr_in6 to = name6("::1", 0, 0);
	struct icmp6_filter f;
	struct packet *p;
	int err;

	ICMP6_FILTER_SETBLOCKALL(&f);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &f);
	ck_assert_int_eq(socket_setsockopt(s, IPPROTO_ICMPV6, ICMP6_FILTER, &f, sizeof(f)), 0);
	ck_assert_int_eq(socket_sendmsg(s, payload(&echo, sizeof(echo)), &to, sizeof(to), NULL, 0,
					0), sizeof(echo));
	testnet_run(&tn, 0);
	p = socket_recvmsg(s, NULL, NULL, NULL, NULL, NULL, &err);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->len, sizeof(echo));
	packet_copy_out(p, 0, &echo, sizeof(echo));
	ck_assert_uint_eq(echo.icmp6_type, ICMP6_ECHO_REPLY);
	packet_free(p);
	ck_assert_ptr_null(socket_recvmsg(s, NULL, NULL, NULL, NULL, NULL, &err));
	echo.icmp6_type = ICMP6_ECHO_REQUEST;
	ck_assert_int_eq(socket_sendmsg(ping, payload(&echo, sizeof(echo)), &to, sizeof(to), NULL, 0,
					0), sizeof(echo));
	testnet_run(&tn, 0);
	p = socket_recvmsg(ping, NULL, NULL, NULL, NULL, NULL, &err);
	ck_assert_ptr_nonnull(p);
	packet_free(p);
	socket_close(s);
	socket_close(ping);
}
END_TEST

/* RFC 4443 section 3.1: port unreachable. */
START_TEST(refused)
{
	struct sock *c = open6(&udp_ops, &udp, IPPROTO_UDP);

	ck_assert_int_eq(connect6(c, "::1", 9, 0), 0);
	ck_assert_int_eq(socket_sendmsg(c, payload("x", 1), NULL, 0, NULL, 0, 0), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(socket_take_error(c), ECONNREFUSED);
	socket_close(c);
}
END_TEST

/* UDP_SEGMENT and UDP_GRO (udp(7)): what was sent in bulk stays so for who asks, and is cut for who
 * does not. */
START_TEST(udp_in_bulk)
{
	static const char bytes[3500];
	struct sock *a = open6(&udp_ops, &udp, IPPROTO_UDP), *b = open6(&udp_ops, &udp, IPPROTO_UDP);
	struct sockaddr_in6 to = name6("::1", 9, 0);
	int size = 1000;

	ck_assert_int_eq(bind6(b, "::1", 9, 0), 0);
	ck_assert_int_eq(socket_setsockopt(a, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	for (int gro = 0; gro < 2; gro++) {
		ck_assert_int_eq(socket_setsockopt(b, IPPROTO_UDP, UDP_GRO, &gro, sizeof(gro)), 0);
		ck_assert_int_eq(socket_sendmsg(a, payload(bytes, sizeof(bytes)), &to, sizeof(to), NULL, 0, 0),
				 sizeof(bytes));
		testnet_run(&tn, 0);
		if (gro)
			ck_assert_int_eq(receive(b), sizeof(bytes));
		else
			for (int i = 0; i < 4; i++)
				ck_assert_int_eq(receive(b), i < 3 ? 1000 : 500);
		ck_assert_int_eq(receive(b), -EAGAIN);
	}
	ck_assert_uint_eq(udp.stats.in_datagrams, 8);
	socket_close(a);
	socket_close(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("socket6");
	TCase *tc = tcase_create("socket6");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, dual_stack_udp);
	tcase_add_test(tc, v6only);
	tcase_add_test(tc, bind_conflicts);
	tcase_add_test(tc, scopes);
	tcase_add_test(tc, bad_names);
	tcase_add_test(tc, peer_names);
	tcase_add_test(tc, family_by_address);
	tcase_add_test(tc, options);
	tcase_add_test(tc, control_messages);
	tcase_add_test(tc, streams);
	tcase_add_test(tc, raw_and_ping);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, udp_in_bulk);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
