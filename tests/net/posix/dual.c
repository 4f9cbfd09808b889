/* SPDX-License-Identifier: Apache-2.0 */
/* dual.c - sockets of IPv6 that speak both families, IPV6_V6ONLY, scopes; whatever has no
 * counterpart in IPv4. */
#include "check.h"

static const int only = 1;

static union name v4(const char *addr, uint16_t port)
{
	return name_at(AF_INET, addr, port);
}

static union name v6(const char *addr, uint16_t port)
{
	return name_at(AF_INET6, addr, port);
}

static union name scoped(const char *addr, uint32_t scope)
{
	union name n = v6(addr, 0);

	n.in6.sin6_scope_id = scope;
	return n;
}

static int socket6(int type)
{
	int fd = socket(AF_INET6, type, 0);

	IS(fd >= 0, 1);
	return fd;
}

static int socket6_only(int type)
{
	int fd = socket6(type);

	DID(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
	return fd;
}

static long bind_now(int fd, union name n)
{
	return did(bind(fd, NAME(n)));
}

static long connect_now(int fd, union name n)
{
	return did(connect(fd, NAME(n)));
}

static bool named(union name got, union name want)
{
	return same_name(&got, &want);
}

/* What a socket may be bound to, and when IPV6_V6ONLY may change. */
static void bounds(void)
{
	static const struct { const char *addr; uint32_t scope; int tcp, udp, only; } asks[] = {
		{ "::1", 0, 0, 0, 0 },
		{ "::1", 1, 0, 0, 0 },
		{ "::1", 4242, 0, 0, 0 },
		{ "::ffff:127.0.0.1", 0, 0, 0, -EINVAL },
		{ "::ffff:0.0.0.0", 0, 0, 0, -EINVAL },
		{ "::ffff:198.51.100.1", 0, -EADDRNOTAVAIL, -EADDRNOTAVAIL, -EINVAL },
		{ "::127.0.0.1", 0, -EADDRNOTAVAIL, -EADDRNOTAVAIL, -EADDRNOTAVAIL },
		{ "2001:db8::1", 0, -EADDRNOTAVAIL, -EADDRNOTAVAIL, -EADDRNOTAVAIL },
		{ "fe80::1", 0, -EINVAL, -EINVAL, -EINVAL },
		{ "fe80::1", 1, -EADDRNOTAVAIL, -EADDRNOTAVAIL, -EADDRNOTAVAIL },
		{ "fe80::1", 4242, -ENODEV, -ENODEV, -ENODEV },
		{ "ff02::1", 0, -EINVAL, -EINVAL, -EINVAL },
		{ "ff02::1", 1, -EINVAL, 0, -EINVAL },
		{ "ff05::1", 0, -EINVAL, 0, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		union name n = scoped(asks[i].addr, asks[i].scope);
		int failed = check_failures, t = socket6(SOCK_STREAM), u = socket6(SOCK_DGRAM),
		    o = socket6_only(SOCK_STREAM);

		IS(bind_now(t, n), asks[i].tcp);
		IS(bind_now(u, n), asks[i].udp);
		IS(bind_now(o, n), asks[i].only);
		if (check_failures != failed)
			printf("  %s%%%u\n", asks[i].addr, asks[i].scope);
		close(t);
		close(u);
		close(o);
	}
}

static void lengths(void)
{
	union name n = v6("::1", 0), n4 = v4("127.0.0.1", 0);
	int fd = socket6(SOCK_STREAM), fd4 = socket(AF_INET, SOCK_STREAM, 0), off = 0, v;
	socklen_t len = sizeof(v);

	DID(bind(fd, &n.sa, 23), -EINVAL);
	DID(bind(fd, NAME(n4)), -EINVAL);		/* too short to be one of IPv6 */
	DID(bind(fd, &n4.sa, sizeof(n4)), -EAFNOSUPPORT);
	DID(bind(fd4, NAME(n)), -EAFNOSUPPORT);
	DID(connect(fd, NAME(n4)), -EINVAL);
	DID(connect(fd, &n4.sa, sizeof(n4)), -EAFNOSUPPORT);
	DID(connect(fd4, NAME(n)), -EAFNOSUPPORT);
	DID(setsockopt(fd4, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), -ENOPROTOOPT);
	DID(getsockopt(fd4, IPPROTO_IPV6, IPV6_V6ONLY, &v, &len), -EOPNOTSUPP);
	DID(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v, &len), 0);
	IS(v, 0);
	DID(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, 3), -EINVAL);
	DID(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
	DID(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v, &len), 0);
	IS(v, 1);
	DID(bind(fd, &n.sa, 24), 0);			/* without scope, as RFC 2133 has it */
	DID(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), -EINVAL);
	close(fd);
	fd = socket6(SOCK_STREAM);
	DID(bind(fd, NAME(n)), 0);
	DID(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v, &len), 0);
	IS(v, 1);
	close(fd);
	close(fd4);
}

/* A client of each family comes to a listener of both; each sees names of its own family. */
static void both(void)
{
	union name n = v6("::", 0);
	int l = bound_socket(&n, 0), c4, c6, s, v;
	uint16_t port = port_of(l);
	socklen_t len = sizeof(v);

	DID(listen(l, 2), 0);
	c4 = socket(AF_INET, SOCK_STREAM, 0);
	IS(connect_now(c4, v4("127.0.0.1", port)), 0);
	s = accept(l, SA(&n), (socklen_t[]){ sizeof(n) });
	IS(named(n, v6("::ffff:127.0.0.1", port_of(c4))), 1);
	IS(named(name_of(s), v6("::ffff:127.0.0.1", port)), 1);
	IS(named(peer_of(s), v6("::ffff:127.0.0.1", port_of(c4))), 1);
	IS(named(peer_of(c4), v4("127.0.0.1", port)), 1);
	DID(getsockopt(s, SOL_SOCKET, SO_DOMAIN, &v, &len), 0);
	IS(v, AF_INET6);
	close(c4);
	close(s);
	c6 = socket6(SOCK_STREAM);
	IS(connect_now(c6, v6("::1", port)), 0);
	s = accept(l, SA(&n), (socklen_t[]){ sizeof(n) });
	IS(named(n, v6("::1", port_of(c6))), 1);
	IS(named(name_of(s), v6("::1", port)), 1);
	close(c6);
	close(s);
	close(l);
}

/* A listener of one family is not there for the other. */
static void one(void)
{
	static const struct { int domain; const char *addr; int only, by4, by6, by_mapped; } asks[] = {
		{ AF_INET6, "::", 1, -ECONNREFUSED, 0, -ECONNREFUSED },
		{ AF_INET6, "::1", 0, -ECONNREFUSED, 0, -ECONNREFUSED },
		{ AF_INET6, "::ffff:127.0.0.1", 0, 0, -ECONNREFUSED, 0 },
		{ AF_INET6, "::ffff:0.0.0.0", 0, 0, -ECONNREFUSED, 0 },
		{ AF_INET, "0.0.0.0", 0, 0, -ECONNREFUSED, 0 },
	};

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		union name n = name_at(asks[i].domain, asks[i].addr, 0);
		int failed = check_failures, l = bound_socket(&n, asks[i].only ? V6ONLY : 0),
		    c4 = socket(AF_INET, SOCK_STREAM, 0), c6 = socket6(SOCK_STREAM), m = socket6(SOCK_STREAM);
		uint16_t port = port_of(l);

		DID(listen(l, 3), 0);
		IS(connect_now(c4, v4("127.0.0.1", port)), asks[i].by4);
		IS(connect_now(c6, v6("::1", port)), asks[i].by6);
		IS(connect_now(m, v6("::ffff:127.0.0.1", port)), asks[i].by_mapped);
		if (check_failures != failed)
			printf("  a listener on %s\n", asks[i].addr);
		close(c4);
		close(c6);
		close(m);
		close(l);
	}
}

/* What a socket that is bound may connect to, and its own name then. */
static void connects(int type)
{
	static const struct { const char *from; int only; const char *to, *local; int tcp, udp; } asks[] = {
		{ "::", 1, "::ffff:127.0.0.1", "::", -ENETUNREACH, -ENETUNREACH },
		{ "::", 1, "::1", "::1", 0, 0 },
		{ "::", 0, "::ffff:127.0.0.1", "::ffff:127.0.0.1", 0, 0 },
		{ "::1", 0, "::ffff:127.0.0.1", "::1", -ENETUNREACH, -ENETUNREACH },
		{ "::ffff:127.0.0.1", 0, "::1", "::ffff:127.0.0.1", -EAFNOSUPPORT, -EAFNOSUPPORT },
		{ "::ffff:127.0.0.1", 0, "::ffff:127.0.0.2", "::ffff:127.0.0.1", 0, 0 },
		{ "::ffff:127.0.0.1", 0, "::", "::ffff:127.0.0.1", 0, 0 },
		{ "::ffff:0.0.0.0", 0, "::", "::ffff:127.0.0.1", 0, 0 },
		{ "::ffff:0.0.0.0", 0, "::1", "::ffff:0.0.0.0", -EAFNOSUPPORT, -EAFNOSUPPORT },
		{ "::", 0, "::", "::1", 0, 0 },
		{ "::", 0, "::ffff:0.0.0.0", "::ffff:127.0.0.1", 0, 0 },
		{ "::", 0, "fe80::1", "::", -EINVAL, -EINVAL },
		{ "::", 0, "ff02::1", "::", -ENETUNREACH, -EINVAL },
		{ "::", 0, "ff05::1", "::", -ENETUNREACH, -ENETUNREACH },
		{ "::", 0, "2001:db8::1", "::", -ENETUNREACH, -ENETUNREACH },
	};

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		union name all = v6("::", 0);
		int failed = check_failures, l = bound_socket(&all, 0), fd = socket6(type);

		DID(listen(l, 3), 0);
		if (asks[i].only)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
		IS(bind_now(fd, v6(asks[i].from, 0)), 0);
		IS(connect_now(fd, v6(asks[i].to, port_of(l))), type == SOCK_STREAM ? asks[i].tcp : asks[i].udp);
		IS(named(name_of(fd), v6(asks[i].local, port_of(fd))), 1);
		if (check_failures != failed)
			printf("  type %d from %s to %s\n", type, asks[i].from, asks[i].to);
		close(fd);
		close(l);
	}
}

static long send_to(int fd, const union name *n, socklen_t len)
{
	return did(sendto(fd, "x", 1, 0, n ? &n->sa : NULL, len));
}

static void datagrams(void)
{
	union name n = v6("::", 0), n4, from;
	int u = socket6(SOCK_DGRAM), u4 = socket(AF_INET, SOCK_DGRAM, 0), o = socket6_only(SOCK_DGRAM),
	    u6 = socket6(SOCK_DGRAM);
	socklen_t len = sizeof(from);
	struct sockaddr_storage none = { .ss_family = AF_UNSPEC };
	char c;

	IS(bind_now(u, n), 0);
	IS(bind_now(u4, v4("127.0.0.1", 0)), 0);
	n4 = name_of(u4);
	DID(sendto(u4, "a", 1, 0, NAME(*(union name[]){ v4("127.0.0.1", port_of(u)) })), 1);
	DID(recvfrom(u, &c, 1, 0, SA(&from), &len), 1);
	IS(named(from, v6("::ffff:127.0.0.1", port_of(u4))), 1);
	DID(sendto(u, "b", 1, 0, NAME(from)), 1);
	len = sizeof(from);
	DID(recvfrom(u4, &c, 1, 0, SA(&from), &len), 1);
	IS(named(from, v4("127.0.0.1", port_of(u))), 1);
	IS(send_to(u, &n4, sizeof(n4.in)), 1);		/* a name of IPv4's does as well */
	DID(recv(u4, &c, 1, 0), 1);
	IS(send_to(u, &n4, 15), -EINVAL);
	n = v6("::1", 9);
	IS(send_to(u, &n, 23), -EINVAL);
	IS(send_to(u4, &n, sizeof(n)), -EAFNOSUPPORT);
	IS(send_to(u, (union name *)&none, sizeof(none)), -EDESTADDRREQ);
	IS(send_to(o, &n4, sizeof(n4.in)), -ENETUNREACH);
	n = v6("::ffff:127.0.0.1", 9);
	IS(send_to(o, &n, sizeof(n)), -ENETUNREACH);
	DID(connect(o, NAME(n)), -ENETUNREACH);
	DID(connect(o, NAME(n4)), -EAFNOSUPPORT);
	DID(connect(u, NAME(n4)), 0);
	IS(named(peer_of(u), v6("::ffff:127.0.0.1", port_of(u4))), 1);
	DID(connect(u, SA(&none), sizeof(none)), 0);
	IS(named(name_of(u), v6("::", 0)), 1);	/* its port was not asked for by number */
	IS(bind_now(u6, v6("::1", 0)), 0);
	n = name_of(u6);
	DID(connect(u, NAME(n)), 0);
	IS(send_to(u, (union name *)&none, sizeof(none)), 1);
	DID(recv(u6, &c, 1, 0), 1);
	DID(connect(u, SA(&none), sizeof(none)), 0);
	n = v6("fe80::1", 9);
	IS(send_to(u, &n, sizeof(n)), -ENETUNREACH);
	n.in6.sin6_scope_id = 4242;
	IS(send_to(u, &n, sizeof(n)), -ENETUNREACH);
	DID(connect(u, NAME(n)), -ENETUNREACH);
	close(u);
	close(u4);
	close(u6);
	close(o);
}

/* The socket with the closer name gets it. */
static void closer(void)
{
	union name n = v6("::", 0);
	int dual = socket6(SOCK_DGRAM), u4, u6, c4 = socket(AF_INET, SOCK_DGRAM, 0), c6 = socket6(SOCK_DGRAM), one = 1;
	uint16_t port;
	char c;

	setsockopt(dual, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	IS(bind_now(dual, n), 0);
	port = port_of(dual);
	u4 = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(u4, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	IS(bind_now(u4, v4("0.0.0.0", port)), 0);
	u6 = socket6(SOCK_DGRAM);
	setsockopt(u6, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	IS(bind_now(u6, v6("::1", port)), 0);
	n = v4("127.0.0.1", port);
	IS(send_to(c4, &n, sizeof(n.in)), 1);
	n = v6("::1", port);
	IS(send_to(c6, &n, sizeof(n)), 1);
	n = v6("::ffff:127.0.0.1", port);
	IS(send_to(c6, &n, sizeof(n)), 1);
	DID(recv(u6, &c, 1, 0), 1);
	DID(recv(u6, &c, 1, MSG_DONTWAIT), -EAGAIN);
	DID(recv(u4, &c, 1, 0), 1);
	DID(recv(u4, &c, 1, 0), 1);
	DID(recv(dual, &c, 1, MSG_DONTWAIT), -EAGAIN);
	close(u4);
	close(u6);
	close(c4);
	close(c6);
	close(dual);
}

void test_dual(void)
{
	bounds();
	lengths();
	both();
	one();
	connects(SOCK_STREAM);
	connects(SOCK_DGRAM);
	datagrams();
	closer();
}
