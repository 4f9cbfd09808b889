/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_embed.c - the embedding API (weir/weir.h), by its contract: two stacks joined by callbacks
 * on virtual time, and nothing but that header.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <weir/module.h>
#include <weir/weir.h>

#include "tests/suite.h"

#define MSEC 1000000ull
#define SEC  1000000000ull

extern const struct weir_module weir_module;	/* reno, linked in */

struct host {
	struct weir_stack *s;
	struct weir_nic *nic, *peer;
	int busy;			/* transmit answers this */
	int frames, lines, solicitations;	/* of IPv6 */
	size_t largest;
};

static struct weir_modules *modules;
static struct host host[2];
static uint64_t now;

static int transmit(void *arg, const struct iovec *iov, int n, size_t len,
		    const struct virtio_net_hdr *vnet)
{
	static uint8_t frame[70000];
	struct host *h = arg;
	size_t at = 0;

	if (h->busy)
		return h->busy;
	for (int i = 0; i < n; i++) {
		memcpy(frame + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	ck_assert_uint_eq(at, len);
	h->frames++;
	h->solicitations += len > 54 && frame[12] == 0x86 && frame[20] == IPPROTO_ICMPV6 && frame[54] == 135;
	h->largest = len > h->largest ? len : h->largest;
	if (h->peer)
		weir_nic_input(h->peer, frame, len, vnet);
	return 0;
}

static void count_line(void *arg, enum weir_log_level level, const char *text)
{
	(void)level;
	(void)text;
	((struct host *)arg)->lines++;
}

static void start_gro(uint32_t caps, bool gro)
{
	struct weir_error e = { "" };

	now = 1000 * SEC;
	modules = weir_modules_create(NULL, &e);
	ck_assert_msg(modules != NULL, "%s", e.text);
	ck_assert_int_eq(weir_modules_add(modules, &weir_module, &e), 0);
	memset(host, 0, sizeof(host));
	for (int i = 0; i < 2; i++) {
		struct weir_config c = {
			.size = sizeof(c), .now = now, .modules = modules, .memory = 32 << 20,
			.congestion = "reno", .log = count_line, .log_arg = &host[i],
			.log_level = WEIR_LOG_INFO,
		};
		struct weir_link_config l = {
			.size = sizeof(l), .name = "eth0", .caps = caps, .transmit = transmit,
			.arg = &host[i], .addr = { 2, 0, 0, 0, 0, (uint8_t)(i + 1) }, .gro = gro,
		};

		host[i].s = weir_create(&c, &e);
		ck_assert_msg(host[i].s != NULL, "%s", e.text);
		host[i].nic = weir_nic_create(host[i].s, &l, &e);
		ck_assert_msg(host[i].nic != NULL, "%s", e.text);
		ck_assert_int_eq(weir_addr_add(host[i].nic, i ? "10.0.0.2/24" : "10.0.0.1/24", &e), 0);
	}
	host[0].peer = host[1].nic;
	host[1].peer = host[0].nic;
}

static void start(uint32_t caps)
{
	start_gro(caps, false);
}

static void stop(void)
{
	for (int i = 0; i < 2; i++) {
		weir_destroy(host[i].s);
		host[!i].peer = NULL;
	}
	weir_modules_destroy(modules);
}

/* Let time pass, turn by turn. */
static void run(uint64_t ns)
{
	uint64_t end = now + ns;

	for (;;) {
		uint64_t a = weir_next(host[0].s), b = weir_next(host[1].s), at = a < b ? a : b;

		if (at > end)
			break;
		now = at > now ? at : now;
		weir_run(host[0].s, now);
		weir_run(host[1].s, now);
	}
	now = end;
	weir_run(host[0].s, now);
	weir_run(host[1].s, now);
}

static struct sockaddr_in at(const char *addr, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	ck_assert_int_eq(inet_pton(AF_INET, addr, &sin.sin_addr), 1);
	return sin;
}

static struct weir_sock *sock(int i, int type, uint16_t port)
{
	struct sockaddr_in any = at("0.0.0.0", port);
	struct weir_sock *sk;

	ck_assert_int_eq(weir_socket(host[i].s, AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, &sk), 0);
	if (port)
		ck_assert_int_eq(weir_bind(sk, (struct sockaddr *)&any, sizeof(any)), 0);
	return sk;
}

static void connected(struct weir_sock **client, struct weir_sock **server)
{
	struct weir_sock *l = sock(1, SOCK_STREAM, 80);
	struct sockaddr_in to = at("10.0.0.2", 80), from;
	socklen_t len = sizeof(from);

	ck_assert_int_eq(weir_listen(l, 4), 0);
	*client = sock(0, SOCK_STREAM, 0);
	ck_assert_int_eq(weir_connect(*client, (struct sockaddr *)&to, sizeof(to)), -EINPROGRESS);
	ck_assert_int_eq(weir_accept(l, server, NULL, NULL), -EAGAIN);
	ck_assert_ptr_null(*server);
	run(10 * MSEC);
	ck_assert_uint_eq(weir_poll(l), EPOLLIN | EPOLLRDNORM);
	ck_assert_int_eq(weir_accept(l, server, (struct sockaddr *)&from, &len), 0);
	ck_assert_uint_eq(from.sin_addr.s_addr, at("10.0.0.1", 0).sin_addr.s_addr);
	weir_close(l);
}

/* ---- links ---- */

static const uint32_t caps[] = {
	0, LINK_CSUM, LINK_CSUM | LINK_GSO_TCP4, LINK_L3, LINK_L3 | LINK_CSUM | LINK_GSO_TCP4,
};

/* Bulk both ways over links of every kind, with GRO and without; frames are as large as the
 * offloads allow. */
START_TEST(every_kind_of_link)
{
	static uint8_t data[300000], got[300000];
	struct weir_sock *c, *s;
	size_t sent = 0, received = 0;
	uint32_t header, kind = caps[_i / 2];

	start_gro(kind, _i & 1);
	header = kind & LINK_L3 ? 0 : 14;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	connected(&c, &s);
	while (received < sizeof(data)) {
		ssize_t n = weir_send(c, data + sent, sizeof(data) - sent, 0);

		ck_assert(n >= 0 || n == -EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
		run(MSEC);
		n = weir_recv(s, got + received, sizeof(got) - received, 0);
		ck_assert(n > 0 || n == -EAGAIN);
		received += n > 0 ? (size_t)n : 0;
	}
	ck_assert_int_eq(memcmp(data, got, sizeof(data)), 0);
	if (kind & LINK_GSO_TCP4)
		ck_assert_uint_gt(host[0].largest, 2 * 1514);
	else
		ck_assert_uint_eq(host[0].largest, 1500 + header);
	weir_close(c);
	weir_close(s);
}
END_TEST

/* With gro what comes for one turn is merged, for a socket that asks; without it packets are left
 * as they are. */
START_TEST(merged_input)
{
	struct sockaddr_in to = at("10.0.0.2", 9);
	struct weir_nic_stats st = { .size = sizeof(st) };
	struct weir_sock *u, *s;
	char b[400];
	int on = 1;

	start_gro(LINK_L3, _i);
	u = sock(0, SOCK_DGRAM, 0);
	s = sock(1, SOCK_DGRAM, 9);
	ck_assert_int_eq(weir_setsockopt(s, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(weir_sendto(u, "0123456789", 10, 0, (struct sockaddr *)&to, sizeof(to)), 10);
	run(MSEC);
	ck_assert_int_eq(host[0].frames, 3);
	weir_nic_stats_get(host[1].nic, &st);
	ck_assert_uint_eq(st.rx_packets, 3);
	ck_assert_int_eq(weir_recv(s, b, sizeof(b), 0), _i ? 30 : 10);
	weir_close(u);
	weir_close(s);
}
END_TEST

/* RFC 6093, as Linux has it: one byte beside the stream, or, with SO_OOBINLINE, in it; reads end at
 * the mark. */
START_TEST(urgent_data)
{
	struct weir_sock *c, *s;
	int on = 1, mark = -1;
	char got[16];

	start(0);
	connected(&c, &s);
	ck_assert_int_eq(weir_recv(s, got, 1, MSG_OOB), -EINVAL);
	for (int inline_too = 0; inline_too < 2; inline_too++) {
		if (inline_too)
			ck_assert_int_eq(weir_setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)), 0);
		ck_assert_int_eq(weir_send(c, "abc!", 4, MSG_OOB), 4);
		ck_assert_int_eq(weir_send(c, "def", 3, 0), 3);
		run(100 * MSEC);
		ck_assert_uint_ne(weir_poll(s) & EPOLLPRI, 0);
		if (inline_too) {
			ck_assert_int_eq(weir_recv(s, got, 1, MSG_OOB), -EINVAL);
		} else {
			ck_assert_int_eq(weir_recv(s, got, 1, MSG_OOB | MSG_PEEK), 1);
			ck_assert_int_eq(weir_recv(s, got, sizeof(got), MSG_OOB), 1);
			ck_assert_int_eq(got[0], '!');
			ck_assert_int_eq(weir_recv(s, got, 1, MSG_OOB), -EINVAL);
		}
		ck_assert_int_eq(weir_ioctl(s, SIOCATMARK, &mark, sizeof(mark)), 0);
		ck_assert_int_eq(mark, 0);
		ck_assert_int_eq(weir_recv(s, got, sizeof(got), 0), 3);
		ck_assert_mem_eq(got, "abc", 3);
		ck_assert_int_eq(weir_ioctl(s, SIOCATMARK, &mark, sizeof(mark)), 0);
		ck_assert_int_eq(mark, 1);
		ck_assert_int_eq(weir_recv(s, got, sizeof(got), 0), 3 + inline_too);
		ck_assert_mem_eq(got, inline_too ? "!def" : "def", 3 + (size_t)inline_too);
		ck_assert_int_eq(weir_recv(s, got, 1, 0), -EAGAIN);
	}
	weir_close(c);
	weir_close(s);
}
END_TEST

START_TEST(busy_link)
{
	struct weir_nic_stats st = { .size = sizeof(st) };
	struct sockaddr_in to = at("10.0.0.2", 9);
	struct weir_sock *u;
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 2 };

	start(0);
	u = sock(0, SOCK_DGRAM, 0);
	ck_assert_int_eq(weir_neighbour_add(host[0].nic, "10.0.0.2", mac, NULL), 0);
	host[0].busy = -EAGAIN;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(weir_sendto(u, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	run(MSEC);
	ck_assert_int_eq(host[0].frames, 0);
	host[0].busy = 0;
	run(MSEC);
	ck_assert_int_eq(host[0].frames, 0);	/* nobody said that the link was free */
	weir_nic_writable(host[0].nic);
	ck_assert_int_eq(host[0].frames, 3);
	run(SEC);				/* the peer has asked for us, and said that nobody listens */
	host[0].busy = -EIO;
	weir_sendto(u, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	run(MSEC);
	weir_nic_stats_get(host[0].nic, &st);
	ck_assert_uint_eq(st.tx_drops, 1);
	weir_close(u);
}
END_TEST

/* What nobody takes in does not pile up. */
START_TEST(input_is_bounded)
{
	struct virtio_net_hdr lie = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 100 };
	uint8_t frame[60] = { 2, 0, 0, 0, 0, 1 };
	static uint8_t large[70000];
	int n = 0, err;

	start(0);
	while ((err = weir_nic_input(host[0].nic, frame, sizeof(frame), NULL)) == 0)
		n++;
	ck_assert_int_eq(err, -ENOBUFS);
	ck_assert_int_eq(n, 4096);
	ck_assert_uint_eq(weir_next(host[0].s), 0);
	run(0);
	ck_assert_uint_ne(weir_next(host[0].s), 0);
	ck_assert_int_eq(weir_nic_input(host[0].nic, frame, sizeof(frame), &lie), -EINVAL);
	ck_assert_int_eq(weir_nic_input(host[0].nic, large, sizeof(large), NULL), -EINVAL);
}
END_TEST

START_TEST(nic_down_and_up)
{
	struct weir_sock *c, *s;
	int frames;
	char b[8];

	start(LINK_L3);
	connected(&c, &s);
	weir_nic_set_up(host[0].nic, false);
	frames = host[0].frames;
	ck_assert_int_eq(weir_send(c, "hello", 5, 0), 5);
	run(SEC);
	ck_assert_int_eq(host[0].frames, frames);
	weir_nic_set_up(host[0].nic, true);
	run(3 * SEC);
	ck_assert_int_eq(weir_recv(s, b, sizeof(b), 0), 5);
	weir_close(c);
	weir_close(s);
}
END_TEST

/* ---- streams ---- */

START_TEST(stream_calls)
{
	struct iovec iov[3] = { { (char []){ 'a', 'b' }, 2 }, { NULL, 0 }, { (char []){ 'c', 'd', 'e' }, 3 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	struct weir_sock *c, *s;
	char b[16] = "";
	int v = 0;

	start(0);
	connected(&c, &s);
	ck_assert_int_eq(weir_recv(s, b, sizeof(b), 0), -EAGAIN);
	ck_assert_int_eq(weir_sendmsg(c, &m, 0), 5);
	ck_assert_int_eq(weir_send(c, b, 0, 0), 0);
	run(10 * MSEC);
	ck_assert_uint_ne(weir_poll(s) & EPOLLIN, 0);
	ck_assert_int_eq(weir_ioctl(s, SIOCINQ, &v, sizeof(v)), 0);
	ck_assert_int_eq(v, 5);
	ck_assert_int_eq(weir_recv(s, b, 3, MSG_PEEK), 3);
	ck_assert_int_eq(weir_recv(s, b, 2, MSG_TRUNC), 2);	/* tcp(7): thrown away */
	iov[0] = (struct iovec){ b, 1 };
	iov[2] = (struct iovec){ b + 1, 8 };
	ck_assert_int_eq(weir_recvmsg(s, &m, 0), 3);
	ck_assert_int_eq(memcmp(b, "cde", 3), 0);
	ck_assert_int_eq(weir_getpeername(c, (struct sockaddr *)&name, &len), 0);
	ck_assert_uint_eq(ntohs(name.sin_port), 80);
	ck_assert_int_eq(weir_getsockname(s, (struct sockaddr *)&name, &len), 0);
	ck_assert_uint_eq(ntohs(name.sin_port), 80);
	len = sizeof(v);
	ck_assert_int_eq(weir_getsockopt(c, SOL_SOCKET, SO_ERROR, &v, &len), 0);
	ck_assert_int_eq(v, 0);
	/* The end of one direction, then of the other. */
	ck_assert_int_eq(weir_shutdown(c, SHUT_WR), 0);
	ck_assert_int_eq(weir_send(c, "x", 1, 0), -EPIPE);
	run(10 * MSEC);
	ck_assert_int_eq(weir_recv(s, b, sizeof(b), 0), 0);
	ck_assert_int_eq(weir_send(s, "y", 1, 0), 1);
	run(10 * MSEC);
	ck_assert_int_eq(weir_recv(c, b, sizeof(b), 0), 1);
	weir_abort(s);
	run(10 * MSEC);
	ck_assert_uint_ne(weir_poll(c) & EPOLLERR, 0);
	ck_assert_int_eq(weir_recv(c, b, sizeof(b), 0), -ECONNRESET);
	ck_assert_int_eq(weir_recv(c, b, sizeof(b), 0), 0);
	weir_close(c);
}
END_TEST

/* TCP_INFO: segments as the family has them */
START_TEST(segment_sizes)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	struct weir_error e = { "" };
	struct weir_sock *c, *l;
	struct tcp_info i;
	socklen_t len = sizeof(i);

	start(0);
	ck_assert_int_eq(weir_addr_add(host[0].nic, "fd00::1/64", &e), 0);
	ck_assert_int_eq(weir_addr_add(host[1].nic, "fd00::2/64", &e), 0);
	ck_assert_int_eq(inet_pton(AF_INET6, _i ? "fd00::2" : "::ffff:10.0.0.2", &to.sin6_addr), 1);
	ck_assert_int_eq(weir_socket(host[1].s, AF_INET6, SOCK_STREAM, 0, &l), 0);
	ck_assert_int_eq(weir_bind(l, (struct sockaddr *)&(struct sockaddr_in6){ .sin6_family = AF_INET6,
				   .sin6_port = htons(80) }, sizeof(to)), 0);
	ck_assert_int_eq(weir_listen(l, 4), 0);
	ck_assert_int_eq(weir_socket(host[0].s, AF_INET6, SOCK_STREAM, 0, &c), 0);
	ck_assert_int_eq(weir_connect(c, (struct sockaddr *)&to, sizeof(to)), -EINPROGRESS);
	run(SEC);
	ck_assert_int_eq(weir_getsockopt(c, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	ck_assert_uint_eq(i.tcpi_state, TCP_ESTABLISHED);
	ck_assert_uint_eq(i.tcpi_pmtu, 1500);
	ck_assert_uint_eq(i.tcpi_advmss, _i ? 1428 : 1448);	/* less the timestamps */
	ck_assert_uint_eq(i.tcpi_snd_mss, _i ? 1428 : 1448);
	weir_close(c);
	weir_close(l);
}
END_TEST

/* RFC 4861 7.3.1: ACKs that make progress confirm the neighbour, whatever its state; nobody asks */
START_TEST(progress_confirms)
{
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	struct weir_error e = { "" };
	struct weir_sock *c, *s, *l;
	char b[8];

	start(0);
	ck_assert_int_eq(weir_addr_add(host[0].nic, "fd00::1/64", &e), 0);
	ck_assert_int_eq(weir_addr_add(host[1].nic, "fd00::2/64", &e), 0);
	ck_assert_int_eq(inet_pton(AF_INET6, "fd00::2", &at6.sin6_addr), 1);
	ck_assert_int_eq(weir_socket(host[1].s, AF_INET6, SOCK_STREAM, 0, &l), 0);
	ck_assert_int_eq(weir_bind(l, (struct sockaddr *)&at6, sizeof(at6)), 0);
	ck_assert_int_eq(weir_listen(l, 4), 0);
	ck_assert_int_eq(weir_socket(host[0].s, AF_INET6, SOCK_STREAM, 0, &c), 0);
	ck_assert_int_eq(weir_connect(c, (struct sockaddr *)&at6, sizeof(at6)), -EINPROGRESS);
	run(SEC);
	ck_assert_int_eq(weir_accept(l, &s, NULL, NULL), 0);
	ck_assert_int_eq(host[0].solicitations, 1);
	for (int i = 0; i < 100; i++) {		/* REACHABLE stays, for much longer than it lasts */
		ck_assert_int_eq(weir_send(c, "x", 1, 0), 1);
		run(2 * SEC);
		ck_assert_int_eq(weir_recv(s, b, sizeof(b), 0), 1);
	}
	for (int i = 0; i < 5; i++) {		/* STALE, then DELAY, and no PROBE */
		run(100 * SEC);
		ck_assert_int_eq(weir_send(c, "x", 1, 0), 1);
		run(20 * SEC);
		ck_assert_int_eq(weir_recv(s, b, sizeof(b), 0), 1);
	}
	ck_assert_int_eq(host[0].solicitations, 1);
	weir_close(c);
	weir_close(s);
	weir_close(l);
}
END_TEST

START_TEST(stream_errors)
{
	struct sockaddr_in nobody = at("10.0.0.2", 81);
	struct weir_sock *c, *l;
	socklen_t len = sizeof(int);
	int v = 0;
	char b;

	start(0);
	c = sock(0, SOCK_STREAM, 0);
	l = sock(0, SOCK_STREAM, 80);
	ck_assert_int_eq(weir_listen(l, 1), 0);
	ck_assert_int_eq(weir_recv(c, &b, 1, 0), -ENOTCONN);
	ck_assert_int_eq(weir_recv(l, &b, 1, 0), -ENOTCONN);
	ck_assert_int_eq(weir_send(c, "x", 1, 0), -EPIPE);
	ck_assert_int_eq(weir_connect(c, (struct sockaddr *)&nobody, sizeof(nobody)), -EINPROGRESS);
	ck_assert_int_eq(weir_recv(c, &b, 1, 0), -EAGAIN);
	run(10 * MSEC);
	ck_assert_int_eq(weir_getsockopt(c, SOL_SOCKET, SO_ERROR, &v, &len), 0);
	ck_assert_int_eq(v, ECONNREFUSED);
	ck_assert_int_eq(weir_socket(host[0].s, AF_INET, 77, 0, &c), -EINVAL);
	ck_assert_ptr_null(c);
	ck_assert_int_eq(weir_socket(host[0].s, AF_UNIX, SOCK_STREAM, 0, &c), -EAFNOSUPPORT);
}
END_TEST

/* ---- datagrams ---- */

START_TEST(datagram_calls)
{
	struct sockaddr_in to = at("10.0.0.2", 53), from;
	struct weir_sock *c, *s;
	socklen_t len = sizeof(from);
	union { char b[256]; struct cmsghdr h; } control;
	char b[8];
	struct iovec iov = { b, sizeof(b) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov,
			    .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	int on = 1;

	start(0);
	c = sock(0, SOCK_DGRAM, 5000);
	s = sock(1, SOCK_DGRAM, 53);
	ck_assert_int_eq(weir_send(c, "x", 1, 0), -EDESTADDRREQ);
	ck_assert_int_eq(weir_sendto(c, "hello world", 11, 0, (struct sockaddr *)&to, sizeof(to)), 11);
	ck_assert_int_eq(weir_sendto(c, NULL, 0, 0, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(weir_setsockopt(s, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)), 0);
	run(10 * MSEC);
	ck_assert_int_eq(weir_recvfrom(s, b, 8, MSG_PEEK, (struct sockaddr *)&from, &len), 8);
	ck_assert_uint_eq(ntohs(from.sin_port), 5000);
	ck_assert_int_eq(weir_recv(s, b, 8, MSG_PEEK | MSG_TRUNC), 11);
	ck_assert_int_eq(weir_recvmsg(s, &m, 0), 8);
	ck_assert_int_eq(memcmp(b, "hello wo", 8), 0);
	ck_assert_int_eq(m.msg_flags, MSG_TRUNC);
	ck_assert_uint_eq(m.msg_namelen, sizeof(from));
	ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&m));
	ck_assert_int_eq(CMSG_FIRSTHDR(&m)->cmsg_type, IP_PKTINFO);
	ck_assert_int_eq(weir_recv(s, b, 8, 0), 0);		/* the empty one */
	ck_assert_int_eq(weir_recv(s, b, 8, 0), -EAGAIN);
	weir_close(c);
	weir_close(s);
}
END_TEST

START_TEST(error_queue)
{
	struct sockaddr_in to = at("10.0.0.2", 54);
	union { char b[256]; struct cmsghdr h; } control;
	struct sock_extended_err ee;
	char b[8];
	struct iovec iov = { b, sizeof(b) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct weir_sock *c;
	int on = 1;

	start(0);
	c = sock(0, SOCK_DGRAM, 0);
	ck_assert_int_eq(weir_setsockopt(c, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)), 0);
	ck_assert_int_eq(weir_sendto(c, "ping", 4, 0, (struct sockaddr *)&to, sizeof(to)), 4);
	run(10 * MSEC);
	ck_assert_uint_ne(weir_poll(c) & EPOLLERR, 0);
	ck_assert_int_eq(weir_recvmsg(c, &m, MSG_ERRQUEUE), 4);
	ck_assert_int_eq(m.msg_flags, MSG_ERRQUEUE);
	memcpy(&ee, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(ee));
	ck_assert_uint_eq(ee.ee_errno, ECONNREFUSED);
	ck_assert_int_eq(weir_recvmsg(c, &m, MSG_ERRQUEUE), -EAGAIN);
	weir_close(c);
}
END_TEST

/* ---- events ---- */

static int events;
static uint32_t last;

static void on_event(struct weir_sock *sk, uint32_t ev, void *arg)
{
	char b[8];

	ck_assert_ptr_eq(arg, &events);
	events++;
	last = ev;
	if (ev & EPOLLIN && weir_recv(sk, b, sizeof(b), 0) == 0)
		weir_close(sk);		/* from inside its own callback */
}

START_TEST(callbacks)
{
	struct weir_sock *c, *s;

	start(0);
	events = 0;
	connected(&c, &s);
	weir_set_event(s, on_event, &events);
	ck_assert_int_eq(events, 0);		/* not from the call itself */
	ck_assert_uint_eq(weir_next(host[1].s), 0);
	run(MSEC);
	ck_assert_int_eq(events, 1);
	ck_assert_uint_eq(last & (EPOLLIN | EPOLLOUT), EPOLLOUT);
	weir_send(c, "x", 1, 0);
	run(MSEC);
	ck_assert_int_ge(events, 2);
	ck_assert_uint_ne(last & EPOLLIN, 0);
	weir_set_event(s, NULL, NULL);
	events = 0;
	weir_send(c, "x", 1, 0);
	run(MSEC);
	ck_assert_int_eq(events, 0);
	weir_set_event(s, on_event, &events);
	weir_close(c);
	run(MSEC);
	run(70 * SEC);
	ck_assert_int_gt(events, 0);
}
END_TEST

/* ---- qdiscs, congestion controls, routes ---- */

START_TEST(swaps)
{
	static const char *const good[] = { "rate", "8mbit", "burst", "10000", NULL };
	static const char *const bad[] = { "rate", "8mbit", "burst", "10", NULL };
	static const char *const odd[] = { "rate", NULL };
	struct weir_error e = { "" };
	struct weir_sock *c, *s;
	static uint8_t data[100000];
	size_t got = 0;
	ssize_t n;
	uint64_t began;

	start(0);
	connected(&c, &s);
	ck_assert_int_lt(weir_nic_set_qdisc(host[0].nic, "tbf", bad, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "burst: 10 bytes"));
	ck_assert_int_lt(weir_nic_set_qdisc(host[0].nic, "tbf", odd, &e), 0);
	ck_assert_int_lt(weir_nic_set_qdisc(host[0].nic, "nosuch", NULL, &e), 0);
	ck_assert_int_eq(weir_nic_set_qdisc(host[0].nic, "tbf", good, &e), 0);
	ck_assert_int_lt(weir_nic_change_qdisc(host[0].nic, bad, &e), 0);
	ck_assert_int_eq(weir_nic_change_qdisc(host[0].nic, (const char *const []){ "rate", "4mbit", NULL }, &e), 0);
	ck_assert_int_lt(weir_set_congestion(host[0].s, "nosuch", NULL, &e), 0);
	ck_assert_int_eq(weir_set_congestion(host[0].s, "reno", NULL, &e), 0);
	began = now;
	ck_assert_int_eq(weir_send(c, data, 50000, 0), 50000);
	while (got < 50000) {
		run(MSEC);
		n = weir_recv(s, data, sizeof(data), 0);
		got += n > 0 ? (size_t)n : 0;
	}
	/* 500,000 bytes/s from an empty bucket. */
	ck_assert_uint_ge(now - began, 100 * MSEC);
	ck_assert_uint_le(now - began, 200 * MSEC);
	weir_close(c);
	weir_close(s);
}
END_TEST

START_TEST(names)
{
	struct weir_route all = { .size = sizeof(all), .dst = "0.0.0.0/0", .gateway = "10.0.0.2" };
	struct sockaddr_in far = at("192.0.2.1", 9);
	struct weir_error e = { "" };
	struct weir_sock *u;

	start(0);
	u = sock(0, SOCK_DGRAM, 0);
	ck_assert_int_eq(weir_sendto(u, "x", 1, 0, (struct sockaddr *)&far, sizeof(far)), -ENETUNREACH);
	ck_assert_int_eq(weir_route_add(host[0].s, &all, &e), 0);
	ck_assert_int_eq(weir_route_add(host[0].s, &all, &e), -EEXIST);
	ck_assert_int_eq(weir_sendto(u, "x", 1, 0, (struct sockaddr *)&far, sizeof(far)), 1);
	ck_assert_int_eq(weir_route_del(host[0].s, &all, &e), 0);
	ck_assert_int_lt(weir_addr_add(host[0].nic, "10.0.0.999/24", &e), 0);
	ck_assert_int_eq(weir_addr_add(host[0].nic, "10.0.0.1/24", &e), -EEXIST);
	ck_assert_int_eq(weir_addr_del(host[0].nic, "10.0.0.1/24", &e), 0);
	ck_assert_int_eq(weir_neighbour_del(host[0].nic, "10.0.0.7", &e), -ENOENT);
	weir_close(u);
}
END_TEST

/* A gateway outside the NIC's subnets, as in clouds: only where the program says whose link it is
 * on. */
START_TEST(onlink_gateway)
{
	static const char *const gateways[] = { "192.168.9.1", "fd09::1" };
	const char *gw = gateways[_i];
	struct weir_route r = { .size = sizeof(r), .dst = _i ? "::/0" : "0.0.0.0/0", .gateway = gw };
	struct sockaddr_in far = at("192.0.2.1", 9);
	struct sockaddr_in6 far6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct sockaddr *to = _i ? (struct sockaddr *)&far6 : (struct sockaddr *)&far;
	socklen_t len = _i ? sizeof(far6) : sizeof(far);
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 2 };
	struct weir_error e = { "" };
	struct weir_sock *u;

	start(0);
	ck_assert_int_eq(inet_pton(AF_INET6, "2001:db8::1", &far6.sin6_addr), 1);
	ck_assert_int_eq(weir_addr_add(host[0].nic, "fd00::1/64", &e), 0);
	ck_assert_int_eq(weir_neighbour_add(host[0].nic, gw, mac, &e), 0);
	ck_assert_int_eq(weir_socket(host[0].s, _i ? AF_INET6 : AF_INET, SOCK_DGRAM, 0, &u), 0);
	r.nic = host[0].nic;
	ck_assert_int_lt(weir_route_add(host[0].s, &r, &e), 0);
	r.onlink = true;
	r.nic = NULL;				/* whose? */
	ck_assert_int_lt(weir_route_add(host[0].s, &r, &e), 0);
	r.nic = host[0].nic;
	r.size = offsetof(struct weir_route, onlink);	/* a program that does not know it */
	ck_assert_int_lt(weir_route_add(host[0].s, &r, &e), 0);
	r.size = sizeof(r);
	ck_assert_msg(weir_route_add(host[0].s, &r, &e) == 0, "%s", e.text);
	ck_assert_int_eq(weir_sendto(u, "x", 1, 0, to, len), 1);
	run(MSEC);
	ck_assert_int_eq(host[0].frames, 1);
	ck_assert_int_eq(weir_route_del(host[0].s, &r, &e), 0);
	ck_assert_int_eq(weir_sendto(u, "x", 1, 0, to, len), -ENETUNREACH);
	weir_close(u);
}
END_TEST

/* ---- structs of another size, bad configurations, what is left ---- */

START_TEST(versions)
{
	struct { struct weir_config c; uint64_t newer; } later = {
		.c = { .size = sizeof(later), .now = 1, .modules = NULL }, .newer = 1,
	};
	struct weir_config none = { .size = sizeof(none) };
	struct weir_stats st = { .size = offsetof(struct weir_stats, packets), .packets = 77 };
	struct weir_error e = { "" };
	struct weir_stack *s;

	start(0);
	later.c.modules = modules;
	s = weir_create(&later.c, &e);		/* of a program that knows more */
	ck_assert_msg(s != NULL, "%s", e.text);
	weir_stats_get(s, &st);			/* and one that knows less */
	ck_assert_uint_eq(st.packets, 77);
	ck_assert_uint_eq(st.memory_limit, 256 << 20);
	weir_destroy(s);
	ck_assert_ptr_null(weir_create(&none, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "now"));
	ck_assert_int_lt(weir_modules_add(modules, &weir_module, &e), 0);	/* twice */
}
END_TEST

START_TEST(nothing_is_left)
{
	struct weir_stats st = { .size = sizeof(st) };
	struct weir_sock *c, *s;

	start(0);
	connected(&c, &s);
	weir_send(c, "hello", 5, 0);
	run(MSEC);
	weir_stats_get(host[1].s, &st);
	ck_assert_uint_eq(st.sockets, 1);
	ck_assert_uint_eq(st.tcp_established, 1);
	weir_close(c);
	weir_close(s);
	run(600 * SEC);
	for (int i = 0; i < 2; i++) {
		weir_stats_get(host[i].s, &st);
		ck_assert_uint_eq(st.sockets + st.tcp_sockets + st.tcp_time_waits, 0);
		ck_assert_uint_eq(st.packets + st.buffers + st.memory + st.timers, 0);
		ck_assert_uint_gt(st.memory_peak, 0);
		ck_assert_uint_eq(weir_next(host[i].s), WEIR_NEVER);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("embed");
	TCase *tc = tcase_create("embed");

	tcase_add_checked_fixture(tc, NULL, stop);
	tcase_add_loop_test(tc, every_kind_of_link, 0, 2 * sizeof(caps) / sizeof(caps[0]));
	tcase_add_loop_test(tc, merged_input, 0, 2);
	tcase_add_test(tc, urgent_data);
	tcase_add_test(tc, busy_link);
	tcase_add_test(tc, input_is_bounded);
	tcase_add_test(tc, nic_down_and_up);
	tcase_add_test(tc, stream_calls);
	tcase_add_loop_test(tc, segment_sizes, 0, 2);
	tcase_add_test(tc, progress_confirms);
	tcase_add_test(tc, stream_errors);
	tcase_add_test(tc, datagram_calls);
	tcase_add_test(tc, error_queue);
	tcase_add_test(tc, callbacks);
	tcase_add_test(tc, swaps);
	tcase_add_test(tc, names);
	tcase_add_loop_test(tc, onlink_gateway, 0, 2);
	tcase_add_test(tc, versions);
	tcase_add_test(tc, nothing_is_left);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
