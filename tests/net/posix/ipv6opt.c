/* SPDX-License-Identifier: Apache-2.0 */
/* ipv6opt.c - options of AF_INET6 sockets, of their level and of IPv4's: bounds, errors, what is
 * read back. */
#include "check.h"

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif
#ifndef IPV6_AUTOFLOWLABEL
#define IPV6_AUTOFLOWLABEL 70
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

/* Of any socket. */
static const struct ask both[] = {
	{ IPV6_V6ONLY, 0, 1, 0, 1 },
	{ IPV6_V6ONLY, 0, -5, 0, 1 },
	{ IPV6_UNICAST_HOPS, 64, 1, 0, 1 },
	{ IPV6_UNICAST_HOPS, 64, 255, 0, 255 },
	{ IPV6_UNICAST_HOPS, 64, 256, -EINVAL, 64 },
	{ IPV6_UNICAST_HOPS, 64, -1, 0, 64 },
	{ IPV6_UNICAST_HOPS, 64, -2, -EINVAL, 64 },
	{ IPV6_MINHOPCOUNT, 0, 255, 0, 255 },
	{ IPV6_MINHOPCOUNT, 0, 256, -EINVAL, 0 },
	{ IPV6_MINHOPCOUNT, 0, -1, -EINVAL, 0 },
	{ IPV6_UNICAST_IF, 0, 0x01000000, 0, 0x01000000 },	/* in network byte order: lo */
	{ IPV6_UNICAST_IF, 0, 1, -EADDRNOTAVAIL, 0 },
	{ IPV6_TCLASS, 0, 0x28, 0, 0x28 },
	{ IPV6_TCLASS, 0, 256, -EINVAL, 0 },
	{ IPV6_TCLASS, 0, -1, 0, 0 },
	{ IPV6_TCLASS, 0, -2, -EINVAL, 0 },
	{ IPV6_MTU_DISCOVER, 1, 0, 0, 0 },
	{ IPV6_MTU_DISCOVER, 1, 5, 0, 5 },
	{ IPV6_MTU_DISCOVER, 1, 6, -EINVAL, 1 },
	{ IPV6_MTU_DISCOVER, 1, -1, -EINVAL, 1 },
	{ IPV6_MTU, -ENOTCONN, 1279, -EINVAL, -ENOTCONN },
	{ IPV6_MTU, -ENOTCONN, 0, 0, -ENOTCONN },
	{ IPV6_RECVERR, 0, 1, 0, 1 },
	{ IPV6_RECVPKTINFO, 0, 3, 0, 1 },
	{ IPV6_RECVHOPLIMIT, 0, 1, 0, 1 },
	{ IPV6_RECVTCLASS, 0, 1, 0, 1 },
	{ IPV6_DONTFRAG, 0, 1, 0, 1 },
	{ IPV6_AUTOFLOWLABEL, 1, 0, 0, 0 },
	{ IPV6_FREEBIND, 0, 1, 0, 1 },
	{ IPV6_MULTICAST_LOOP, 1, 0, 0, 0 },
	{ IPV6_MULTICAST_LOOP, 1, 2, -EINVAL, 1 },
	{ IPV6_MULTICAST_ALL, 1, 0, 0, 0 },
	{ 9999, -ENOPROTOOPT, 1, -ENOPROTOOPT, -ENOPROTOOPT },
};

/* A stream goes to no group, and has its ECN bits to itself. */
static const struct ask stream[] = {
	{ IPV6_TCLASS, 0, 255, 0, 252 },
	{ IPV6_MULTICAST_HOPS, 1, 3, -ENOPROTOOPT, 1 },
	{ IPV6_MULTICAST_IF, 0, 1, -ENOPROTOOPT, 0 },
};

static const struct ask datagram[] = {
	{ IPV6_TCLASS, 0, 255, 0, 255 },
	{ IPV6_MULTICAST_HOPS, 1, 0, 0, 0 },
	{ IPV6_MULTICAST_HOPS, 1, 255, 0, 255 },
	{ IPV6_MULTICAST_HOPS, 1, 256, -EINVAL, 1 },
	{ IPV6_MULTICAST_HOPS, 1, -1, 0, 1 },
	{ IPV6_MULTICAST_IF, 0, 1, 0, 1 },
	{ IPV6_MULTICAST_IF, 0, 4242, -ENODEV, 0 },
};

/* IPv4's, of what such a socket sends and gets by IPv4. */
static const struct ask ipv4[] = {
	{ IP_TTL, 64, 33, 0, 33 },
	{ IP_TTL, 64, 0, -EINVAL, 64 },
	{ IP_MINTTL, 0, 255, 0, 255 },
	{ IP_MINTTL, 0, 256, -EINVAL, 0 },
	{ IP_MINTTL, 0, -1, -EINVAL, 0 },
	{ IP_UNICAST_IF, 0, 0x01000000, 0, 0x01000000 },
	{ IP_UNICAST_IF, 0, 1, -EADDRNOTAVAIL, 0 },
	{ IP_TOS, 0, 0x10, 0, 0x10 },
	{ IP_MTU_DISCOVER, 1, 2, 0, 2 },
	{ IP_RECVERR, 0, 1, 0, 1 },
	{ IP_PKTINFO, 0, 1, 0, 1 },
	{ IP_RECVTTL, 0, 1, 0, 1 },
	{ IP_RECVTOS, 0, 1, 0, 1 },
	{ IP_MULTICAST_LOOP, 1, 0, 0, 0 },
	{ IP_MULTICAST_ALL, 0, 1, 0, 1 },
	{ 9999, -ENOPROTOOPT, 1, -ENOPROTOOPT, -ENOPROTOOPT },
};

#define ASK(level, type, asks) ask_all(level, AF_INET6, type, asks, sizeof(asks) / sizeof((asks)[0]))

/* Levels that a socket has nothing of. */
static void levels(void)
{
	int t4 = socket(AF_INET, SOCK_STREAM, 0), t6 = socket(AF_INET6, SOCK_STREAM, 0),
	    u4 = socket(AF_INET, SOCK_DGRAM, 0), u6 = socket(AF_INET6, SOCK_DGRAM, 0);

	IS(get_int(t4, IPPROTO_UDP, 1), -EOPNOTSUPP);
	IS(set_int(t4, IPPROTO_UDP, 1, 1), -ENOPROTOOPT);
	IS(get_int(u4, IPPROTO_TCP, TCP_NODELAY), -EOPNOTSUPP);
	IS(set_int(u4, IPPROTO_TCP, TCP_NODELAY, 1), -ENOPROTOOPT);
	IS(get_int(t6, IPPROTO_UDP, 1), -ENOPROTOOPT);
	IS(set_int(t6, IPPROTO_UDP, 1, 1), -ENOPROTOOPT);
	IS(get_int(u6, IPPROTO_TCP, TCP_NODELAY), -ENOPROTOOPT);
	IS(get_int(u6, 99, 1), -ENOPROTOOPT);
	for (size_t i = 0; i < 4; i++)
		close((int[]){ t4, t6, u4, u6 }[i]);
}

void test_ipv6opt(void)
{
	ASK(IPPROTO_IPV6, SOCK_STREAM, both);
	ASK(IPPROTO_IPV6, SOCK_DGRAM, both);
	ASK(IPPROTO_IPV6, SOCK_STREAM, stream);
	ASK(IPPROTO_IPV6, SOCK_DGRAM, datagram);
	ASK(IPPROTO_IP, SOCK_STREAM, ipv4);
	ASK(IPPROTO_IP, SOCK_DGRAM, ipv4);
	levels();
}
