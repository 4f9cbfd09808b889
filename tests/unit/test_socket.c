/* SPDX-License-Identifier: Apache-2.0 */
/* test_socket.c - the socket floor: which sockets there are, names, options, control messages,
 * ioctls. */
#include <net/if_arp.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <weir/module.h>

#include "dgramnet.h"
#include "stack.h"

/* ---- socket(2) ---- */

static struct random_seeded stack_seed;

extern const struct weir_module weir_module;	/* reno, linked in */

static struct stack *stack_make(void)
{
	struct stack_config c = {
		.now = SEC,
		.random = { random_from_seed, &stack_seed },
		.congestion = weir_module.entries[0].ops,
	};
	struct stack *s;

	random_seed(&stack_seed, 1);
	s = stack_create(&c, NULL);
	ck_assert_ptr_nonnull(s);
	return s;
}

static const struct creation {
	int family, type, protocol;
	bool privileged;
	int err, shown;		/* errno; or SO_PROTOCOL */
} creations[] = {
	{ AF_INET, SOCK_STREAM, 0, false, 0, IPPROTO_TCP },
	{ AF_INET, SOCK_STREAM, IPPROTO_TCP, false, 0, IPPROTO_TCP },
	{ AF_INET, SOCK_STREAM, IPPROTO_UDP, false, -EPROTONOSUPPORT, 0 },
	{ AF_INET, SOCK_STREAM, 262, false, -EPROTONOSUPPORT, 0 },	/* MPTCP */
	{ AF_INET, SOCK_DGRAM, 0, false, 0, IPPROTO_UDP },
	{ AF_INET, SOCK_DGRAM, IPPROTO_UDP, false, 0, IPPROTO_UDP },
	{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP, false, 0, IPPROTO_ICMP },
	{ AF_INET, SOCK_DGRAM, IPPROTO_TCP, false, -EPROTONOSUPPORT, 0 },
	{ AF_INET, SOCK_RAW, IPPROTO_ICMP, true, 0, IPPROTO_ICMP },
	{ AF_INET, SOCK_RAW, IPPROTO_ICMP, false, -EPERM, 0 },
	{ AF_INET, SOCK_RAW, 0, true, -EPROTONOSUPPORT, 0 },
	{ AF_INET, SOCK_SEQPACKET, 0, true, -ESOCKTNOSUPPORT, 0 },
	{ AF_INET, 77, 0, true, -EINVAL, 0 },
	{ AF_INET, SOCK_RAW, -1, true, -EPROTONOSUPPORT, 0 },
	{ AF_INET6, SOCK_STREAM, 0, false, 0, IPPROTO_TCP },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, false, 0, IPPROTO_ICMPV6 },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMP, false, -EPROTONOSUPPORT, 0 },
	{ AF_INET, SOCK_DGRAM, IPPROTO_ICMPV6, false, -EPROTONOSUPPORT, 0 },
	{ AF_APPLETALK, SOCK_DGRAM, 0, true, -EAFNOSUPPORT, 0 },
};

START_TEST(which_sockets_there_are)
{
	const struct creation *c = &creations[_i];
	struct stack *s = stack_make();
	int err = 1;
	struct sock *sk = socket_create(s, c->family, c->type, c->protocol, c->privileged, &err);

	ck_assert_int_eq(err, c->err);
	ck_assert_int_eq(sk == NULL, c->err != 0);
	if (sk) {
		ck_assert_int_eq(get_int(sk, SOL_SOCKET, SO_TYPE), c->type);
		ck_assert_int_eq(get_int(sk, SOL_SOCKET, SO_DOMAIN), c->family);
		ck_assert_int_eq(get_int(sk, SOL_SOCKET, SO_PROTOCOL), c->shown);
		ck_assert_int_eq(get_int(sk, SOL_SOCKET, SO_ACCEPTCONN), 0);
		socket_close(sk);
	}
	stack_destroy(s);
}
END_TEST

START_TEST(a_listener_says_so)
{
	struct sockaddr_in sin = name_of("127.0.0.1", 80);
	struct stack *s = stack_make();
	socklen_t len = sizeof(sin);
	int err;
	struct sock *sk = socket_create(s, AF_INET, SOCK_STREAM, 0, false, &err);

	ck_assert_int_eq(socket_bind(sk, &sin, sizeof(sin)), 0);
	ck_assert_int_eq(socket_listen(sk, 5), 0);
	ck_assert_int_eq(get_int(sk, SOL_SOCKET, SO_ACCEPTCONN), 1);
	ck_assert_int_eq(socket_getpeername(sk, &sin, &len), -ENOTCONN);
	ck_assert_ptr_null(socket_accept(sk, &err));
	ck_assert_int_eq(err, -EAGAIN);
	socket_close(sk);
	stack_destroy(s);
}
END_TEST

/* ---- names ---- */

START_TEST(bind_checks_in_order)
{
	struct sockaddr_in sin = name_of("127.0.0.1", 5000);
	struct sock *a = open_udp(), *b = open_udp();

	ck_assert_int_eq(socket_bind(a, &sin, sizeof(sin) - 1), -EINVAL);
	sin.sin_family = AF_UNIX;
	ck_assert_int_eq(socket_bind(a, &sin, sizeof(sin)), -EAFNOSUPPORT);
	sin.sin_family = AF_UNSPEC;
	ck_assert_int_eq(socket_bind(a, &sin, sizeof(sin)), -EAFNOSUPPORT);
	sin.sin_addr.s_addr = 0;
	ck_assert_int_eq(socket_bind(a, &sin, sizeof(sin)), 0);
	ck_assert_int_eq(bind_to(a, "127.0.0.1", 5001), -EINVAL);
	ck_assert_int_eq(bind_to(b, "192.0.2.1", 5001), -EADDRNOTAVAIL);
	set_int(b, IPPROTO_IP, IP_FREEBIND, 1);
	ck_assert_int_eq(bind_to(b, "192.0.2.1", 5001), 0);
}
END_TEST

START_TEST(connect_checks_in_order)
{
	struct sockaddr_in sin = name_of("127.0.0.1", 5000);
	struct sock *a = open_udp();

	ck_assert_int_eq(socket_connect(a, &sin, 1), -EINVAL);
	ck_assert_int_eq(socket_connect(a, &sin, 8), -EINVAL);
	sin.sin_family = AF_UNIX;
	ck_assert_int_eq(socket_connect(a, &sin, sizeof(sin)), -EAFNOSUPPORT);
	ck_assert_int_eq(connect_to(a, "192.0.2.1", 5000), -ENETUNREACH);
	ck_assert_int_eq(socket_listen(a, 1), -EOPNOTSUPP);
}
END_TEST

START_TEST(names_are_cut_but_their_length_is_told)
{
	struct sockaddr_in sin;
	struct sock *a = open_udp();
	socklen_t len = sizeof(sin);

	ck_assert_int_eq(socket_getpeername(a, &sin, &len), -ENOTCONN);
	ck_assert_int_eq(bind_to(a, "127.0.0.1", 5000), 0);
	memset(&sin, 0xaa, sizeof(sin));
	len = 4;
	ck_assert_int_eq(socket_getsockname(a, &sin, &len), 0);
	ck_assert_uint_eq(len, sizeof(sin));
	ck_assert_uint_eq(ntohs(sin.sin_port), 5000);
	ck_assert_uint_eq(sin.sin_addr.s_addr, 0xaaaaaaaa);
	ck_assert_int_eq(connect_to(a, "127.0.0.1", 7), 0);
	len = sizeof(sin);
	ck_assert_int_eq(socket_getpeername(a, &sin, &len), 0);
	ck_assert_uint_eq(ntohs(sin.sin_port), 7);
	len = UINT32_MAX;
	ck_assert_int_eq(socket_getsockname(a, &sin, &len), -EINVAL);
}
END_TEST

/* ---- options ---- */

static const struct { int level, name, set, get; } kept[] = {
	{ SOL_SOCKET, SO_REUSEADDR, 7, 1 },	{ SOL_SOCKET, SO_REUSEPORT, 1, 1 },
	{ SOL_SOCKET, SO_BROADCAST, 1, 1 },	{ SOL_SOCKET, SO_KEEPALIVE, 1, 1 },
	{ SOL_SOCKET, SO_OOBINLINE, 1, 1 },	{ SOL_SOCKET, SO_DONTROUTE, 1, 1 },
	{ SOL_SOCKET, SO_RCVBUF, 5000, 10000 },	{ SOL_SOCKET, SO_RCVBUF, 1, 2304 },
	{ SOL_SOCKET, SO_SNDBUF, 5000, 10000 },	{ SOL_SOCKET, SO_SNDBUF, 1, 4608 },
	{ SOL_SOCKET, SO_RCVBUF, 1 << 30, 425984 }, { SOL_SOCKET, SO_SNDBUF, -1, 4608 },
	{ SOL_SOCKET, SO_RCVLOWAT, 9, 9 },	{ SOL_SOCKET, SO_RCVLOWAT, 0, 1 },
	{ SOL_SOCKET, SO_PRIORITY, 6, 6 },	{ SOL_SOCKET, SO_TIMESTAMP, 1, 1 },
	{ SOL_SOCKET, SO_TIMESTAMPNS, 1, 1 },
	{ IPPROTO_IP, IP_TOS, 0x10, 0x10 },	{ IPPROTO_IP, IP_TTL, 3, 3 },
	{ IPPROTO_IP, IP_TTL, -1, 64 },		{ IPPROTO_IP, IP_MTU_DISCOVER, 2, 2 },
	{ IPPROTO_IP, IP_RECVERR, 1, 1 },	{ IPPROTO_IP, IP_PKTINFO, 1, 1 },
	{ IPPROTO_IP, IP_RECVTTL, 1, 1 },	{ IPPROTO_IP, IP_RECVTOS, 1, 1 },
	{ IPPROTO_IP, IP_RETOPTS, 1, 1 },	{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, 1 },
	{ IPPROTO_IP, IP_MULTICAST_TTL, 9, 9 },	{ IPPROTO_IP, IP_MULTICAST_TTL, -1, 1 },
	{ IPPROTO_IP, IP_MULTICAST_LOOP, 0, 0 },
};

START_TEST(options_are_kept)
{
	struct sock *a = open_udp();

	set_int(a, kept[_i].level, kept[_i].name, kept[_i].set);
	ck_assert_int_eq(get_int(a, kept[_i].level, kept[_i].name), kept[_i].get);
}
END_TEST

static const struct { int level, name, value; socklen_t len; int err; } refused[] = {
	{ SOL_SOCKET, SO_REUSEADDR, 1, 3, -EINVAL },
	{ SOL_SOCKET, SO_TYPE, 1, 4, -ENOPROTOOPT },
	{ SOL_SOCKET, SO_ERROR, 1, 4, -ENOPROTOOPT },
	{ SOL_SOCKET, SO_SNDLOWAT, 1, 4, -ENOPROTOOPT },
	{ SOL_SOCKET, SO_PEEK_OFF, 1, 4, -ENOPROTOOPT },
	{ SOL_SOCKET, 4242, 1, 4, -ENOPROTOOPT },
	{ SOL_SOCKET, SO_LINGER, 1, 4, -EINVAL },
	{ SOL_SOCKET, SO_RCVTIMEO, 1, 8, -EINVAL },
	{ SOL_SOCKET, SO_RCVBUFFORCE, 1, 4, -EPERM },
	{ SOL_SOCKET, SO_MARK, 1, 4, -EPERM },
	{ SOL_SOCKET, SO_PRIORITY, 7, 4, -EPERM },
	{ IPPROTO_IP, IP_TTL, 0, 4, -EINVAL },
	{ IPPROTO_IP, IP_TTL, 256, 4, -EINVAL },
	{ IPPROTO_IP, IP_TTL, 1, 0, -EINVAL },
	{ IPPROTO_IP, IP_MTU_DISCOVER, 6, 4, -EINVAL },
	{ IPPROTO_IP, IP_HDRINCL, 1, 4, -ENOPROTOOPT },
	{ IPPROTO_IP, IP_TRANSPARENT, 1, 4, -EPERM },
	{ IPPROTO_IP, IP_ADD_MEMBERSHIP, 1, 4, -EINVAL },
	{ IPPROTO_IP, IP_MULTICAST_TTL, 256, 4, -EINVAL },
	{ IPPROTO_IP, 4242, 1, 4, -ENOPROTOOPT },
	{ IPPROTO_TCP, TCP_NODELAY, 1, 4, -ENOPROTOOPT },
	{ 4242, 1, 1, 4, -ENOPROTOOPT },
};

START_TEST(options_are_refused)
{
	struct sock *a = open_udp();
	int64_t v[2] = { refused[_i].value, 0 };

	ck_assert_int_eq(socket_setsockopt(a, refused[_i].level, refused[_i].name, v,
					   refused[_i].len), refused[_i].err);
}
END_TEST

START_TEST(option_lengths)
{
	struct sock *a = open_udp();
	uint8_t byte = 9, b[16] = { 0 };
	socklen_t len = 1;

	ck_assert_int_eq(socket_setsockopt(a, IPPROTO_IP, IP_TTL, &byte, 1), 0);
	ck_assert_int_eq(socket_getsockopt(a, IPPROTO_IP, IP_TTL, b, &len), 0);
	ck_assert_uint_eq(len, 1);
	ck_assert_uint_eq(b[0], 9);
	len = sizeof(b);
	ck_assert_int_eq(socket_getsockopt(a, IPPROTO_IP, IP_TTL, b, &len), 0);
	ck_assert_uint_eq(len, 4);
	len = 2;
	ck_assert_int_eq(socket_getsockopt(a, SOL_SOCKET, SO_TYPE, b, &len), 0);
	ck_assert_uint_eq(len, 2);
	len = 0;
	ck_assert_int_eq(socket_getsockopt(a, SOL_SOCKET, SO_TYPE, b, &len), 0);
	ck_assert_uint_eq(len, 0);
	len = UINT32_MAX;
	ck_assert_int_eq(socket_getsockopt(a, SOL_SOCKET, SO_TYPE, b, &len), -EINVAL);
}
END_TEST

START_TEST(linger_and_timeouts)
{
	struct sock *a = open_udp();
	struct linger l = { 1, 5 }, lback;
	struct timeval tv = { 2, 500000 }, back;
	socklen_t len = sizeof(lback);

	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	ck_assert_int_eq(socket_getsockopt(a, SOL_SOCKET, SO_LINGER, &lback, &len), 0);
	ck_assert_mem_eq(&l, &lback, sizeof(l));
	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	ck_assert_uint_eq(a->rcvtimeo, 2500000000ull);
	len = sizeof(back);
	ck_assert_int_eq(socket_getsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &back, &len), 0);
	ck_assert_mem_eq(&tv, &back, sizeof(tv));
	tv.tv_usec = 1000000;
	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), -EDOM);
	tv = (struct timeval) { INT64_MAX, 0 };
	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	ck_assert_uint_eq(a->sndtimeo, 0);
	tv = (struct timeval) { -1, 0 };
	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	ck_assert_uint_eq(a->sndtimeo, 1);
}
END_TEST

START_TEST(bind_to_device)
{
	struct sock *a = open_udp();
	char name[IFNAMSIZ];
	socklen_t len = sizeof(name);

	open_eth();
	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, "eth9", 5), -ENODEV);
	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4), 0);
	ck_assert_int_eq(socket_getsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
	ck_assert_str_eq(name, "eth0");
	ck_assert_uint_eq(len, 5);
	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), -EPERM);
	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, "", 0), -EPERM);
	a->privileged = true;
	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, "", 0), 0);
	ck_assert_ptr_null(a->bound_nic);
}
END_TEST

START_TEST(path_mtu_is_shown_to_who_is_connected)
{
	struct sock *a = open_udp();
	socklen_t len = sizeof(int);
	int v;

	open_eth();
	ck_assert_int_eq(socket_getsockopt(a, IPPROTO_IP, IP_MTU, &v, &len), -ENOTCONN);
	ck_assert_int_eq(connect_to(a, PEER, 7), 0);
	ck_assert_int_eq(get_int(a, IPPROTO_IP, IP_MTU), 1500);
}
END_TEST

/* ---- control messages ---- */

START_TEST(received_control_messages)
{
	union { struct cmsghdr h; uint8_t b[256]; } control;
	struct msghdr m = { .msg_control = &control };
	struct sock *a = open_udp(), *b = open_udp();
	size_t len = sizeof(control);
	int seen = 0, flags = 0, err, ttl;
	struct in_pktinfo info;
	struct timeval tv;
	struct packet *p;

	ck_assert_int_eq(bind_to(b, "0.0.0.0", 5000), 0);
	set_int(a, IPPROTO_IP, IP_TTL, 9);
	set_int(b, IPPROTO_IP, IP_PKTINFO, 1);
	set_int(b, IPPROTO_IP, IP_RECVTTL, 1);
	set_int(b, IPPROTO_IP, IP_RECVTOS, 1);
	set_int(b, SOL_SOCKET, SO_TIMESTAMP, 1);
	tn.env.wall_offset = 1000 * SEC;
	ck_assert_int_eq(send_to(a, "127.0.0.5", 5000, "x", 1), 1);
	testnet_run(&tn, 0);
	p = socket_recvmsg(b, NULL, NULL, &control, &len, &flags, &err);
	ck_assert_ptr_nonnull(p);
	packet_free(p);
	ck_assert_int_eq(flags, 0);
	m.msg_controllen = len;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c), seen++) {
		if (c->cmsg_level == SOL_SOCKET) {
			ck_assert_int_eq(c->cmsg_type, SO_TIMESTAMP);
			memcpy(&tv, CMSG_DATA(c), sizeof(tv));
			ck_assert_int_eq(tv.tv_sec, 4600);
		} else if (c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ck_assert_int_eq(info.ipi_ifindex, tn.lo->index);
			ck_assert_uint_eq(info.ipi_addr.s_addr, inet_addr("127.0.0.5"));
		} else if (c->cmsg_type == IP_TTL) {
			memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
			ck_assert_int_eq(ttl, 9);
		} else {
			ck_assert_int_eq(c->cmsg_type, IP_TOS);
			ck_assert_uint_eq(c->cmsg_len, CMSG_LEN(1));
		}
	}
	ck_assert_int_eq(seen, 4);
}
END_TEST

START_TEST(control_is_cut_and_says_so)
{
	struct sock *a = open_udp(), *b = open_udp();

	ck_assert_int_eq(bind_to(b, "0.0.0.0", 5000), 0);
	set_int(b, IPPROTO_IP, IP_PKTINFO, 1);
	set_int(b, IPPROTO_IP, IP_RECVTTL, 1);
	for (size_t size = 0; size <= 60; size++) {
		uint8_t *control = malloc(size);	/* its own block: ASan is the judge */
		size_t len = size;
		int flags = 0, err;
		struct packet *p;

		ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, "x", 1), 1);
		testnet_run(&tn, 0);
		p = socket_recvmsg(b, NULL, NULL, size ? control : NULL, &len, &flags, &err);
		ck_assert_ptr_nonnull(p);
		packet_free(p);
		ck_assert_uint_le(len, size);
		ck_assert_int_eq(flags & MSG_CTRUNC, size < 52 ? MSG_CTRUNC : 0);
		free(control);
	}
}
END_TEST

static ssize_t send_control(struct sock *sk, const void *control, size_t len)
{
	struct sockaddr_in sin = name_of("127.0.0.1", 5000);

	return socket_sendmsg(sk, payload("x", 1), &sin, sizeof(sin), control, len, 0);
}

START_TEST(sent_control_messages)
{
	union { struct cmsghdr h; uint8_t b[64]; } c = { .h = { .cmsg_len = CMSG_LEN(4),
		.cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL } };
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = inet_addr("127.0.0.9") };
	struct sock *a = open_udp(), *b = open_udp();
	struct sockaddr_in from;
	uint8_t buf[8];
	int v = 3;

	ck_assert_int_eq(bind_to(b, "0.0.0.0", 5000), 0);
	memcpy(CMSG_DATA(&c.h), &v, sizeof(v));
	ck_assert_int_eq(send_control(a, &c, CMSG_LEN(4)), 1);
	v = 0;
	memcpy(CMSG_DATA(&c.h), &v, sizeof(v));
	ck_assert_int_eq(send_control(a, &c, CMSG_LEN(4)), -EINVAL);
	for (size_t n = 0; n < sizeof(c); n++) {	/* every lie about its length */
		c.h.cmsg_len = n;
		if (n != CMSG_LEN(4))
			ck_assert_int_eq(send_control(a, &c, CMSG_LEN(4)), -EINVAL);
	}
	c.h.cmsg_len = SIZE_MAX;
	ck_assert_int_eq(send_control(a, &c, CMSG_LEN(4)), -EINVAL);
	c.h.cmsg_len = SIZE_MAX - 3;
	ck_assert_int_eq(send_control(a, &c, sizeof(c)), -EINVAL);
	c.h = (struct cmsghdr) { .cmsg_len = CMSG_LEN(sizeof(info)), .cmsg_level = IPPROTO_IP,
				 .cmsg_type = IP_PKTINFO };
	memcpy(CMSG_DATA(&c.h), &info, sizeof(info));
	ck_assert_int_eq(send_control(a, &c, c.h.cmsg_len), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), 1);
	ck_assert_int_eq(receive_from(b, &from, buf, sizeof(buf)), 1);
	ck_assert_uint_eq(from.sin_addr.s_addr, inet_addr("127.0.0.9"));
	info.ipi_spec_dst.s_addr = inet_addr("192.0.2.1");
	memcpy(CMSG_DATA(&c.h), &info, sizeof(info));
	ck_assert_int_eq(send_control(a, &c, c.h.cmsg_len), -ENETUNREACH);
	info.ipi_spec_dst.s_addr = inet_addr("224.0.0.1");
	memcpy(CMSG_DATA(&c.h), &info, sizeof(info));
	ck_assert_int_eq(send_control(a, &c, c.h.cmsg_len), -EINVAL);
}
END_TEST

/* ---- ioctl ---- */

static int ifreq_ioctl(struct sock *sk, unsigned long request, const char *name, struct ifreq *r)
{
	memset(r, 0, sizeof(*r));
	strncpy(r->ifr_name, name, IFNAMSIZ - 1);
	return socket_ioctl(sk, request, r, sizeof(*r));
}

START_TEST(interfaces_by_ioctl)
{
	struct sock *a = open_udp();
	struct sockaddr_in sin;
	struct ifreq r, rs[2];
	struct ifconf ifc = { .ifc_len = 0 };

	open_eth();
	ck_assert_int_eq(ifreq_ioctl(a, SIOCGIFADDR, "eth0", &r), 0);
	memcpy(&sin, &r.ifr_addr, sizeof(sin));
	ck_assert_uint_eq(sin.sin_addr.s_addr, inet_addr(US));
	ck_assert_int_eq(ifreq_ioctl(a, SIOCGIFNETMASK, "eth0", &r), 0);
	memcpy(&sin, &r.ifr_addr, sizeof(sin));
	ck_assert_uint_eq(sin.sin_addr.s_addr, inet_addr("255.255.255.0"));
	ck_assert_int_eq(ifreq_ioctl(a, SIOCGIFMTU, "eth0", &r), 0);
	ck_assert_int_eq(r.ifr_mtu, 1500);
	ck_assert_int_eq(ifreq_ioctl(a, SIOCGIFFLAGS, "lo", &r), 0);
	ck_assert_int_eq(r.ifr_flags, IFF_UP | IFF_LOOPBACK | IFF_RUNNING);
	ck_assert_int_eq(ifreq_ioctl(a, SIOCGIFHWADDR, "eth0", &r), 0);
	ck_assert_int_eq(r.ifr_hwaddr.sa_family, ARPHRD_ETHER);
	ck_assert_int_eq(ifreq_ioctl(a, SIOCGIFINDEX, "lo", &r), 0);
	ck_assert_int_eq(r.ifr_ifindex, 1);
	ck_assert_int_eq(socket_ioctl(a, SIOCGIFNAME, &r, sizeof(r)), 0);
	ck_assert_str_eq(r.ifr_name, "lo");
	ck_assert_int_eq(ifreq_ioctl(a, SIOCGIFADDR, "eth9", &r), -ENODEV);
	ck_assert_int_eq(ifreq_ioctl(a, SIOCSIFADDR, "eth0", &r), -EPERM);
	ck_assert_int_eq(ifreq_ioctl(a, 0x89ef, "eth0", &r), -ENOTTY);
	ck_assert_int_eq(socket_ioctl(a, SIOCGIFADDR, &r, 8), -EINVAL);
	ck_assert_int_eq(socket_ioctl(a, SIOCGIFCONF, &ifc, sizeof(ifc)), 0);
	ck_assert_int_eq(ifc.ifc_len, 2 * sizeof(struct ifreq));
	ifc.ifc_req = rs;
	ifc.ifc_len = sizeof(rs) - 1;
	ck_assert_int_eq(socket_ioctl(a, SIOCGIFCONF, &ifc, sizeof(ifc)), 0);
	ck_assert_int_eq(ifc.ifc_len, sizeof(struct ifreq));
	ck_assert_str_eq(rs[0].ifr_name, "lo");
}
END_TEST

START_TEST(bytes_and_stamps_by_ioctl)
{
	struct sock *a = open_udp(), *b = open_udp();
	struct timeval tv;
	int n = -1;

	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(socket_ioctl(b, FIONREAD, &n, sizeof(n)), 0);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(socket_ioctl(b, SIOCGSTAMP_OLD, &tv, sizeof(tv)), -ENOENT);
	send_to(a, "127.0.0.1", 5000, "four", 4);
	send_to(a, "127.0.0.1", 5000, "x", 1);
	ck_assert_int_eq(socket_ioctl(a, SIOCOUTQ, &n, sizeof(n)), 0);
	ck_assert_int_gt(n, 0);
	testnet_run(&tn, 0);
	ck_assert_int_eq(socket_ioctl(a, SIOCOUTQ, &n, sizeof(n)), 0);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(socket_ioctl(b, FIONREAD, &n, sizeof(n)), 0);
	ck_assert_int_eq(n, 4);			/* of the next datagram */
	ck_assert_int_eq(receive(b), 4);
	ck_assert_int_eq(socket_ioctl(b, SIOCGSTAMP_OLD, &tv, sizeof(tv)), 0);
	ck_assert_int_eq(tv.tv_sec, 3600);
}
END_TEST

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("socket");
	TCase *whole = tcase_create("stack"), *tc = tcase_create("socket");

	tcase_add_loop_test(whole, which_sockets_there_are, 0, COUNT(creations));
	tcase_add_test(whole, a_listener_says_so);
	suite_add_tcase(s, whole);
	tcase_add_checked_fixture(tc, dgramnet_setup, dgramnet_teardown);
	tcase_add_test(tc, bind_checks_in_order);
	tcase_add_test(tc, connect_checks_in_order);
	tcase_add_test(tc, names_are_cut_but_their_length_is_told);
	tcase_add_loop_test(tc, options_are_kept, 0, COUNT(kept));
	tcase_add_loop_test(tc, options_are_refused, 0, COUNT(refused));
	tcase_add_test(tc, option_lengths);
	tcase_add_test(tc, linger_and_timeouts);
	tcase_add_test(tc, bind_to_device);
	tcase_add_test(tc, path_mtu_is_shown_to_who_is_connected);
	tcase_add_test(tc, received_control_messages);
	tcase_add_test(tc, control_is_cut_and_says_so);
	tcase_add_test(tc, sent_control_messages);
	tcase_add_test(tc, interfaces_by_ioctl);
	tcase_add_test(tc, bytes_and_stamps_by_ioctl);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
