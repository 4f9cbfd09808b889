/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - what goes and comes with datagrams: control messages (cmsg(3)), and the queue of
 * errors. */
#include "check.h"
#include <linux/errqueue.h>

/* The options of one thing about a packet, and the message that tells it or asks for it. */
struct about {
	int level, option, receive, message;
	size_t size;				/* of the received message */
};

static struct about hops(void)
{
	if (speaks_v4())
		return (struct about){ IPPROTO_IP, IP_TTL, IP_RECVTTL, IP_TTL, 4 };
	return (struct about){ IPPROTO_IPV6, IPV6_UNICAST_HOPS, IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT, 4 };
}

static struct about class(void)
{
	if (speaks_v4())
		return (struct about){ IPPROTO_IP, IP_TOS, IP_RECVTOS, IP_TOS, 1 };
	return (struct about){ IPPROTO_IPV6, IPV6_TCLASS, IPV6_RECVTCLASS, IPV6_TCLASS, 4 };
}

/* It came to this address, by lo. */
static void is_info(struct cmsghdr *c, const union name *to)
{
	struct in6_pktinfo info6;
	struct in_pktinfo info;

	if (family->domain == AF_INET) {
		IS(c->cmsg_level, IPPROTO_IP);
		IS(c->cmsg_type, IP_PKTINFO);
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		IS(info.ipi_addr.s_addr, to->in.sin_addr.s_addr);
		IS(info.ipi_ifindex, 1);
	} else {
		IS(c->cmsg_level, IPPROTO_IPV6);
		IS(c->cmsg_type, IPV6_PKTINFO);
		memcpy(&info6, CMSG_DATA(c), sizeof(info6));
		IS(memcmp(&info6.ipi6_addr, &to->in6.sin6_addr, sizeof(info6.ipi6_addr)), 0);
		IS(info6.ipi6_ifindex, 1);
	}
}

static void info(void)
{
	int a = udp_socket(), b = udp_socket(), one = 1;
	union name to = name_of(b);
	char text[8], space[128];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space),
	};

	if (family->domain == AF_INET)
		DID(setsockopt(b, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)), 0);
	else
		DID(setsockopt(b, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)), 0);
	DID(sendto(a, "info", 4, 0, NAME(to)), 4);
	DID(recvmsg(b, &m, 0), 4);
	IS(CMSG_FIRSTHDR(&m) != NULL, 1);
	if (CMSG_FIRSTHDR(&m))
		is_info(CMSG_FIRSTHDR(&m), &to);
	DID(sendto(a, "info", 4, 0, NAME(to)), 4);
	m.msg_controllen = 4;
	DID(recvmsg(b, &m, 0), 4);
	IS(m.msg_flags & MSG_CTRUNC, MSG_CTRUNC);
	close(a);
	close(b);
}

/* Sends one byte with a control message. */
static long send_with(int fd, union name to, int level, int type, const void *data, size_t len)
{
	union { struct cmsghdr h; char b[128]; } space = {
		.h = { .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(len) },
	};
	struct iovec iov = { (char[]){ 'x' }, 1 };
	struct msghdr m = {
		.msg_name = &to, .msg_namelen = name_size(&to), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &space, .msg_controllen = CMSG_SPACE(len),
	};

	memcpy(CMSG_DATA(&space.h), data, len);
	return did(sendmsg(fd, &m, 0));
}

/* What the next datagram's only control message says, or -1: it has none, or another. */
static int told(int fd, const struct about *a)
{
	union { struct cmsghdr h; char b[128]; } space;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof(space) };
	int v = 0;

	IS(poll_now(fd, POLLIN, 1000), POLLIN);
	DID(recvmsg(fd, &m, MSG_DONTWAIT), 1);
	if (m.msg_controllen != CMSG_SPACE(a->size) || space.h.cmsg_level != a->level ||
	    space.h.cmsg_type != a->message || space.h.cmsg_len != CMSG_LEN(a->size))
		return -1;
	memcpy(&v, CMSG_DATA(&space.h), a->size);
	return v;
}

/* A number of the packet's header: by default, by the socket's option, by a message of its own. */
static void header(const struct about *a, int by_default)
{
	int from = udp_socket(), to = udp_socket(), on = 1, v = 40, bad = 256;
	union name n = name_of(to);

	DID(setsockopt(to, a->level, a->receive, &on, sizeof(on)), 0);
	DID(sendto(from, "x", 1, 0, NAME(n)), 1);
	IS(told(to, a), by_default);
	DID(setsockopt(from, a->level, a->option, &v, sizeof(v)), 0);
	DID(sendto(from, "x", 1, 0, NAME(n)), 1);
	IS(told(to, a), 40);
	v = 80;
	IS(send_with(from, n, a->level, a->message, &v, sizeof(v)), 1);
	IS(told(to, a), 80);
	IS(send_with(from, n, a->level, a->message, &bad, sizeof(bad)), -EINVAL);
	IS(send_with(from, n, a->level, a->message, &v, 2), -EINVAL);
	IS(send_with(from, n, a->level, 9999, &v, sizeof(v)), -EINVAL);
	DID(sendto(from, "x", 1, 0, NAME(n)), 1);
	IS(told(to, a), 40);
	close(from);
	close(to);
}

static long send_from(int fd, const union name *to, const char *src, int nic)
{
	struct in_pktinfo info = { .ipi_ifindex = nic };
	struct in6_pktinfo info6 = { .ipi6_ifindex = (unsigned int)nic };

	if (family->domain == AF_INET6) {
		inet_pton(AF_INET6, src, &info6.ipi6_addr);
		return send_with(fd, *to, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	}
	inet_pton(AF_INET, src, &info.ipi_spec_dst);
	return send_with(fd, *to, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

/* Of which address of ours, and over which NIC. */
static void source(void)
{
	static const char *const others[] = { "127.0.0.2", "::1", "::ffff:127.0.0.2" };
	const char *other = others[family->domain == AF_INET ? 0 : speaks_v4() ? 2 : 1];
	union name all = name_at(family->domain, family->domain == AF_INET ? "0.0.0.0" : "::", 0), from, to;
	int a = socket(family->domain, SOCK_DGRAM, 0), b = udp_socket();
	socklen_t len = sizeof(from);
	char c;

	DID(bind(a, NAME(all)), 0);
	to = name_of(b);
	IS(send_from(a, &to, other, 0), 1);
	IS(poll_now(b, POLLIN, 1000), POLLIN);
	DID(recvfrom(b, &c, 1, 0, SA(&from), &len), 1);
	all = name_at(family->domain, other, port_of(a));
	IS(same_name(&from, &all), 1);
	IS(send_from(a, &to, family->any, 1), 1);
	IS(poll_now(b, POLLIN, 1000), POLLIN);
	DID(recvfrom(b, &c, 1, 0, SA(&from), &len), 1);
	all = here(port_of(a));
	IS(same_name(&from, &all), 1);
	IS(send_from(a, &to, family->away, 0), speaks_v4() ? -ENETUNREACH : -EINVAL);
	IS(send_from(a, &to, family->any, 4242), -ENODEV);
	close(a);
	close(b);
}

/* Nobody is there: the queue tells who said so of what; the error comes once, the queue's end is
 * EAGAIN. */
static void errors(void)
{
	int a = udp_socket(), b = udp_socket(), on = 1;
	union { struct cmsghdr h; char b[256]; } space;
	union name to = name_of(b), name, offender;
	struct sock_extended_err ee;
	char text[8] = "";
	struct iovec iov = { text, sizeof(text) };
	struct msghdr m = {
		.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &space, .msg_controllen = sizeof(space),
	};

	close(b);
	usleep(20000);
	DID(setsockopt(a, family->level, speaks_v4() ? IP_RECVERR : IPV6_RECVERR, &on, sizeof(on)), 0);
	DID(recvmsg(a, &m, MSG_ERRQUEUE), -EAGAIN);
	DID(sendto(a, "gone", 4, 0, NAME(to)), 4);
	IS(poll_now(a, POLLIN, 1000) != 0, 1);
	DID(recvmsg(a, &m, MSG_ERRQUEUE), 4);
	IS(memcmp(text, "gone", 4), 0);
	IS(m.msg_flags & MSG_ERRQUEUE, MSG_ERRQUEUE);
	IS(m.msg_namelen, family->size);
	IS(same_name(&name, &to), 1);
	IS(space.h.cmsg_level, family->domain == AF_INET ? IPPROTO_IP : IPPROTO_IPV6);
	IS(space.h.cmsg_type, family->domain == AF_INET ? IP_RECVERR : IPV6_RECVERR);
	IS(space.h.cmsg_len, CMSG_LEN(sizeof(ee) + family->size));
	memcpy(&ee, CMSG_DATA(&space.h), sizeof(ee));
	IS(ee.ee_errno, ECONNREFUSED);
	IS(ee.ee_origin, speaks_v4() ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6);
	IS(ee.ee_type, speaks_v4() ? 3 : 1);		/* destination unreachable, */
	IS(ee.ee_code, speaks_v4() ? 3 : 4);		/* port unreachable */
	memcpy(&offender, CMSG_DATA(&space.h) + sizeof(ee), family->size);
	name = here(0);
	IS(same_name(&offender, &name), 1);
	IS(so_error(a), 0);				/* whoever reads the queue has been told */
	DID(recvmsg(a, &m, MSG_ERRQUEUE), -EAGAIN);
	close(a);
}

void test_message(void)
{
	struct about h = hops(), c = class();

	info();
	header(&h, 64);
	header(&c, 0);
	source();
	errors();
}
