/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ending.c - how datagram sockets end: what was sent before a close() or a shutdown() arrives,
 * empty datagrams too, and nothing else does; who waits is woken.
 */
#include <linux/icmp.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>

#include "check.h"

#define PROTO_TEST	253		/* RFC 3692 */
#define ETHER_TEST	0x88b5		/* IEEE: local experiments */
#define LO		1
#define QUIET_MS	30		/* what nobody sent would have come by then */

/* ---- the sorts ---- */

struct sort {
	int (*make)(void), (*receiver)(void);	/* bound */
	int header;			/* bytes that a receiver sees before the payload */
	int least;			/* payload */
	bool named;			/* has to be connected */
	const char *text;		/* of which a payload is the first bytes */
};

static int raw_socket(void)
{
	union name a = here(0);
	int fd = socket(family->domain, SOCK_RAW, PROTO_TEST);

	IS(fd >= 0, 1);
	DID(bind(fd, NAME(a)), 0);
	return fd;
}

static int frame_socket(int type)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_ifindex = LO, .sll_protocol = htons(ETHER_TEST),
	};
	int fd = socket(AF_PACKET, type, 0);

	IS(fd >= 0, 1);
	DID(bind(fd, SA(&ll), sizeof(ll)), 0);
	return fd;
}

static int frame_sender(void)
{
	return frame_socket(SOCK_DGRAM);
}

static int frame_receiver(void)
{
	return frame_socket(SOCK_RAW);
}

/* Who may have one is told by net.ipv4.ping_group_range. */
static int ping_socket(void)
{
	bool six = family->domain == AF_INET6;
	int fd = socket(family->domain, SOCK_DGRAM, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	union name a = here(0);

	IS(fd >= 0, 1);
	DID(bind(fd, NAME(a)), 0);
	return fd;
}

/* Sees the requests; their answers go to who asks. */
static int ping_receiver(void)
{
	uint32_t four = ~(1u << ICMP_ECHO);
	struct icmp6_filter six;
	int fd;

	if (family->domain == AF_INET) {
		fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
		DID(setsockopt(fd, SOL_RAW, ICMP_FILTER, &four, sizeof(four)), 0);
		return fd;
	}
	fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	ICMP6_FILTER_SETBLOCKALL(&six);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REQUEST, &six);
	DID(setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &six, sizeof(six)), 0);
	return fd;
}

static const struct sort udp = { udp_socket, udp_socket, 0, 0, true, "xyz" };

/* ---- what arrives ---- */

/* A receiver that does not wait for ever, with room for all. */
static int counter(const struct sort *s)
{
	struct timeval patience = { 10, 0 };
	int fd = s->receiver();

	set_int(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20);
	DID(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

static int sender(const struct sort *s, int to)
{
	int fd = s->make();

	if (s->named) {
		union name n = name_of(to);

		DID(connect(fd, NAME(n)), 0);
	}
	return fd;
}

/* Each third is empty where that can be, the first and maybe the last among them. */
static int size_of(const struct sort *s, int i)
{
	return s->least + i % 3;
}

static int send_all(const struct sort *s, int fd, int n)
{
	int sent = 0;

	for (int i = 0; i < n; i++)
		sent += send(fd, s->text, (size_t)size_of(s, i), 0) == size_of(s, i);
	return sent;
}

static void arrive(const struct sort *s, int fd, int n)
{
	char text[64];
	int right = 0;

	for (int i = 0; i < n; i++)
		right += recv(fd, text, sizeof(text), 0) == s->header + size_of(s, i);
	IS(right, n);
	IS(poll_now(fd, POLLIN, QUIET_MS), 0);
}

static void closed(const struct sort *s, int n)
{
	int to = counter(s), from = sender(s, to);

	IS(send_all(s, from, n), n);
	close(from);
	arrive(s, to, n);
	close(to);
}

static void shut(const struct sort *s, int n, int how)
{
	int to = counter(s), from = sender(s, to);

	IS(send_all(s, from, n), n);
	DID(shutdown(from, how), 0);
	DID(send(from, "", 0, 0), -EPIPE);
	DID(send(from, "more", 4, 0), -EPIPE);
	arrive(s, to, n);
	close(from);
	arrive(s, to, 0);
	close(to);
}

/* With something unread. */
static void unread(const struct sort *s, int n)
{
	int to = counter(s), from = sender(s, to);
	union name self = name_of(from);

	DID(sendto(to, "unread", 6, 0, NAME(self)), 6);
	IS(poll_now(from, POLLIN, 5000), POLLIN);
	IS(send_all(s, from, n), n);
	close(from);
	arrive(s, to, n);
	close(to);
}

/* A process that is gone without a word. */
static void killed(const struct sort *s, int n)
{
	int to = counter(s), ready[2];
	char byte = 0;
	pid_t pid;

	DID(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		int from = sender(s, to);

		close(to);
		byte = send_all(s, from, n) == n;
		(void)!write(ready[1], &byte, 1);
		pause();
		_exit(0);
	}
	DID(read(ready[0], &byte, 1), 1);
	IS(byte, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	arrive(s, to, n);
	close(to);
	close(ready[0]);
	close(ready[1]);
}

/* Less than the stack takes at a time, as many, and more. */
static void ends(const struct sort *s)
{
	static const int counts[] = { 1, 2, 63, 64, 65, 130, 250 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		closed(s, counts[i]);
		killed(s, counts[i]);
		if (s != &udp)
			continue;
		shut(s, counts[i], SHUT_WR);
		shut(s, counts[i], SHUT_RDWR);
		unread(s, counts[i]);
	}
}

static void vector(int fd, int n)
{
	struct iovec iov = { (void *)(uintptr_t)"x", 1 };
	struct mmsghdr m[64] = { 0 };

	for (int i = 0; i < n; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	DID(sendmmsg(fd, m, (unsigned int)n, 0), n);
}

/* Closed at the very moment in which something comes in. */
static void crossing(void)
{
	int to = counter(&udp), strange = 0;
	char text[8];

	for (int round = 0; round < 100; round++) {
		int from = sender(&udp, to);
		union name self = name_of(from);

		vector(from, 8);
		DID(sendto(to, "y", 1, 0, NAME(self)), 1);
		close(from);
		for (int i = 0; i < 8; i++)
			strange += recv(to, text, sizeof(text), 0) != 1;
	}
	IS(strange, 0);
	arrive(&udp, to, 0);
	close(to);
}

/* Two that are connected to each other go at once. */
static void both(void)
{
	for (int round = 0; round < 50; round++) {
		int a = udp_socket(), b = sender(&udp, a);
		union name n = name_of(b);

		DID(connect(a, NAME(n)), 0);
		vector(a, 64);
		close(a);
		close(b);
	}
}

/* ---- who waits ---- */

enum wait { RECV, READ, RECVFROM, RECVMSG, RECVMMSG, POLL, EPOLL, WAITS };

struct reader {
	int fd;
	enum wait wait;
	long result;
};

#define POLL_ALL (POLLIN | POLLOUT | POLLRDHUP | POLLPRI)

static long epoll_events(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP };
	int ep = epoll_create1(0);

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	ev.events = 0;
	epoll_wait(ep, &ev, 1, 10000);
	close(ep);
	return ev.events;
}

static void *reader_run(void *arg)
{
	struct reader *r = arg;
	char text[8];
	struct iovec iov = { text, sizeof(text) };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };
	union name from;
	socklen_t len = sizeof(from);

	errno = 0;
	switch (r->wait) {
	case RECV: r->result = did(recv(r->fd, text, sizeof(text), 0)); break;
	case READ: r->result = did(read(r->fd, text, sizeof(text))); break;
	case RECVFROM: r->result = did(recvfrom(r->fd, text, sizeof(text), 0, SA(&from), &len)); break;
	case RECVMSG: r->result = did(recvmsg(r->fd, &m.msg_hdr, 0)); break;
	case RECVMMSG: r->result = did(recvmmsg(r->fd, &m, 1, 0, NULL)); break;
	case POLL: r->result = poll_now(r->fd, POLLIN | POLLRDHUP, 10000); break;
	case EPOLL: r->result = epoll_events(r->fd); break;
	default: break;
	}
	return NULL;
}

/* A reader that nobody wakes is woken by SO_RCVTIMEO in the end, and has another result. */
static void woken(const struct sort *s, bool connected, enum wait wait, int how)
{
	int fd = counter(s), other = connected ? counter(s) : -1;
	int hup = how == SHUT_RDWR ? POLLHUP : 0;
	struct reader r = { .fd = fd, .wait = wait, .result = -1 };
	pthread_t t;

	if (connected) {
		union name n = name_of(other);

		DID(connect(fd, NAME(n)), 0);
	}
	pthread_create(&t, NULL, reader_run, &r);
	usleep(10000);			/* it waits by now, or finds the end there */
	DID(shutdown(fd, how), connected ? 0 : -ENOTCONN);
	pthread_join(t, NULL);
	IS(r.result, wait >= POLL ? POLLIN | POLLRDHUP | hup : wait == RECVMMSG ? 1 : 0);
	DID(recv(fd, &r, 1, 0), 0);
	IS(poll_now(fd, POLL_ALL, 0), POLLIN | POLLOUT | POLLRDHUP | hup);
	close(fd);
	if (other >= 0)
		close(other);
}

/* What has come before is still read, and sending is another matter. */
static void shut_reading(void)
{
	int fd = counter(&udp), other = counter(&udp);
	union name self = name_of(fd), to = name_of(other), from;
	socklen_t len = sizeof(from);
	char text[64];

	DID(sendto(other, "ab", 2, 0, NAME(self)), 2);
	DID(sendto(other, "abc", 3, 0, NAME(self)), 3);
	IS(poll_now(fd, POLLIN, 5000), POLLIN);
	DID(shutdown(fd, SHUT_RD), -ENOTCONN);
	DID(recv(fd, text, sizeof(text), 0), 2);
	DID(recvfrom(fd, text, sizeof(text), 0, SA(&from), &len), 3);
	IS(len, family->size);
	DID(recv(fd, text, sizeof(text), 0), 0);
	len = sizeof(from);
	DID(recvfrom(fd, text, sizeof(text), 0, SA(&from), &len), 0);
	IS(len, 0);
	len = sizeof(from);
	DID(recvfrom(fd, text, sizeof(text), MSG_DONTWAIT, SA(&from), &len), -EAGAIN);
	IS(poll_now(fd, POLL_ALL, 0), POLLIN | POLLOUT | POLLRDHUP);
	DID(sendto(fd, "still", 5, 0, NAME(to)), 5);
	DID(recv(other, text, sizeof(text), 0), 5);
	IS(so_error(fd), 0);
	close(fd);
	close(other);
}

static void shut_writing(void)
{
	int fd = counter(&udp), other = counter(&udp);
	union name self = name_of(fd), to = name_of(other);
	char text[64];

	DID(shutdown(fd, 3), -EINVAL);
	DID(shutdown(fd, SHUT_WR), -ENOTCONN);
	DID(sendto(fd, "no", 2, 0, NAME(to)), -EPIPE);
	DID(sendto(other, "ab", 2, 0, NAME(self)), 2);
	DID(recv(fd, text, sizeof(text), 0), 2);
	IS(poll_now(fd, POLL_ALL, 0), POLLOUT);
	DID(connect(fd, NAME(to)), 0);
	DID(send(fd, "no", 2, 0), -EPIPE);
	DID(sendto(fd, "no", 2, 0, NAME(to)), -EPIPE);
	DID(shutdown(fd, SHUT_RD), 0);
	DID(recv(fd, text, sizeof(text), 0), 0);
	IS(poll_now(fd, POLL_ALL, 0), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	close(fd);
	close(other);
}

static void wakes(const struct sort *s)
{
	for (enum wait w = 0; w < WAITS; w++) {
		for (int connected = 0; connected < 2; connected++) {
			woken(s, connected, w, SHUT_RD);
			woken(s, connected, w, SHUT_RDWR);
		}
	}
}

/* An empty message is none, and no end: what follows it is sent. A plain send of it is refused; under weir
 * it is as if thrown away (docs/interception.md). */
static void no_message(int fd, int err)
{
	struct iovec iov = { NULL, 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	long n = did(send(fd, "", 0, 0));

	IS(n == 0 || n == err, 1);
	DID(sendmsg(fd, &m, 0), err);
}

static void ended_between(const struct sort *s)
{
	int to = counter(s), from = sender(s, to);

	for (int i = 0; i < 3; i++) {
		DID(send(from, s->text, (size_t)size_of(s, i), 0), size_of(s, i));
		no_message(from, -EINVAL);
	}
	arrive(s, to, 3);
	no_message(from, -EINVAL);
	close(from);
	arrive(s, to, 0);
	close(to);
}

/* Messages of the links up to the one that ends the dump; what that is. */
static int dumped(int fd)
{
	_Alignas(struct nlmsghdr) char text[16384];
	ssize_t n = 1;
	int type = RTM_NEWLINK;

	while (type == RTM_NEWLINK && n > 0) {
		struct nlmsghdr *h = (struct nlmsghdr *)(void *)text;
		ssize_t left = n = recv(fd, text, sizeof(text), 0);

		for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			type = h->nlmsg_type;
	}
	return type;
}

/* A dump is asked for with an empty message before it and behind it. */
static void netlink(void)
{
	struct { struct nlmsghdr h; struct ifinfomsg i; } ask = {
		{ .nlmsg_len = sizeof(ask), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		{ .ifi_family = AF_UNSPEC },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	IS(fd >= 0, 1);
	for (int i = 0; i < 3; i++) {
		no_message(fd, -ENODATA);
		DID(send(fd, &ask, sizeof(ask), 0), sizeof(ask));
		no_message(fd, -ENODATA);
		IS(dumped(fd), NLMSG_DONE);
	}
	IS(poll_now(fd, POLL_ALL, QUIET_MS), POLLOUT);
	no_message(fd, -ENODATA);
	close(fd);
}

static void no_shutdown(int fd)
{
	char byte;

	for (int how = SHUT_RD; how <= SHUT_RDWR; how++)
		DID(shutdown(fd, how), -EOPNOTSUPP);
	DID(recv(fd, &byte, 1, MSG_DONTWAIT), -EAGAIN);
	close(fd);
}

void test_ending(void)
{
	const int ip = family->domain == AF_INET ? 20 : 0;
	const struct sort raw = { raw_socket, raw_socket, ip, 0, true, "xyz" };
	const struct sort frame = { frame_sender, frame_receiver, 14, 1, false, "xyz" };
	const struct sort ping = { ping_socket, ping_receiver, ip, 8, true, ip ? "\10\0\0\0\0\0\0\1xy" : "\200\0\0\0\0\0\0\1xy" };
	const struct sort answers = { ping_socket, ping_socket, 0, 8, true, ping.text };

	ends(&udp);
	crossing();
	both();
	wakes(&udp);
	shut_reading();
	shut_writing();
	if (family->level == IPPROTO_IP && family->domain == AF_INET6)
		return;				/* raw sockets have no mapped names */
	ends(&raw);
	wakes(&raw);
	ends(&frame);
	ends(&ping);
	ended_between(&ping);
	wakes(&answers);
	netlink();
	no_shutdown(frame_sender());
	no_shutdown(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
}
