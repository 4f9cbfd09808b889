/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_exhaust.c - when others hold all memory: whatever ends memory's use still works, and who holds
 * little is served. Buffers that the test takes stand for what others hold.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "tests/suite.h"

#include "stack_world.h"

#include "ip/dgram.h"

/* after weir/packet.h, whose enum has names that these define */
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>

#define HOGS	 40000
#define MEMORY	 (16u << 20)

static struct buf **hog;
static int hogs;

static void begin(void)
{
	world_create();
	s->pool.limit = MEMORY;
	hog = calloc(HOGS, sizeof(*hog));
	ck_assert_ptr_nonnull(hog);
	hogs = 0;
}

/* Nothing that anybody wants to keep finds room any more. */
static void take_all(void)
{
	struct packet *p;

	while (hogs < HOGS && (hog[hogs] = buf_alloc(&s->pool, 1)))
		hogs++;
	ck_assert_int_lt(hogs, HOGS);
	p = packet_alloc(&s->pool, 0);		/* what fits beside the buffers is no matter */
	packet_free(p);
}

static void end(void)
{
	while (hogs)
		buf_put(hog[--hogs]);
	free(hog);
	ck_assert_uint_eq(s->pool.used, 0);
	stack_destroy(s);
}

static int send_some(struct sock *sk, uint16_t port, uint32_t len)
{
	struct packet *p = packet_alloc(&s->pool, PACKET_HEADROOM);
	struct sockaddr_in to = name(port);
	static const uint8_t zeros[1000];

	if (!p)
		return -ENOBUFS;
	if (packet_copy_in(p, zeros, len)) {
		packet_free(p);
		return -ENOBUFS;
	}
	return (int)socket_sendmsg(sk, p, &to, sizeof(to), NULL, 0, 0);
}

static bool reads_one(struct sock *sk)
{
	struct packet *p;
	int err;

	p = socket_recvmsg(sk, NULL, NULL, NULL, NULL, NULL, &err);
	packet_free(p);
	return p;
}

/* ---- what ends ---- */

struct pair {
	struct sock *listener, *client, *server;
};

static struct pair connected(uint16_t port)
{
	struct sockaddr_in n = name(port);
	struct pair p;
	int err;

	p.listener = bound(SOCK_STREAM, port);
	ck_assert_int_eq(socket_listen(p.listener, 8), 0);
	p.client = open_sock(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(socket_connect(p.client, &n, sizeof(n)), -EINPROGRESS);
	settle();
	p.server = socket_accept(p.listener, &err);
	ck_assert_ptr_nonnull(p.server);
	return p;
}

static bool polls(struct sock *sk, uint32_t mask)
{
	return socket_poll(sk) & mask;
}

/* RST, FIN and what answers them arrive though nobody can keep a byte. */
START_TEST(connections_end_without_memory)
{
	struct pair fin, rst, half;

	begin();
	fin = connected(1000);
	rst = connected(1001);
	half = connected(1002);
	take_all();
	socket_close(fin.client);
	socket_abort(rst.client);
	ck_assert_int_eq(socket_shutdown(half.client, SHUT_WR), 0);
	settle();
	ck_assert(polls(fin.server, EPOLLRDHUP));
	ck_assert(polls(rst.server, EPOLLHUP));
	ck_assert_int_eq(socket_take_error(rst.server), ECONNRESET);
	ck_assert(polls(half.server, EPOLLRDHUP));
	socket_close(fin.server);
	socket_close(rst.server);
	socket_close(half.server);
	settle();
	ck_assert(polls(half.client, EPOLLHUP));
	socket_close(half.client);
	socket_close(fin.listener);
	socket_close(rst.listener);
	socket_close(half.listener);
	settle();
	ck_assert(list_empty(&s->tcp.socks));
	end();
}
END_TEST

static void ask_netlink(struct sock *sk)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} rq = {
		.h = { .nlmsg_len = sizeof(rq), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST },
		.i = { .ifi_index = 1 },
	};
	struct packet *p = packet_alloc(&s->pool, PACKET_HEADROOM);

	ck_assert_int_eq(packet_copy_in(p, &rq, sizeof(rq)), 0);
	ck_assert_int_ge(socket_sendmsg(sk, p, NULL, 0, NULL, 0, 0), 0);
}

/* Each sort of socket that has something unread gives it back. */
START_TEST(unread_sockets_end_without_memory)
{
	struct tpacket_req ring = { 4096, 16, 2048, 32 };
	struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct sock *sk[7];
	uint64_t used;

	begin();
	sk[0] = bound(SOCK_DGRAM, 2000);
	sk[1] = open_sock(AF_INET, SOCK_RAW, IPPROTO_UDP);
	sk[2] = open_sock(AF_PACKET, SOCK_RAW, 0);
	sk[3] = open_sock(AF_PACKET, SOCK_DGRAM, 0);
	sk[4] = open_sock(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	sk[5] = open_sock(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	sk[6] = open_sock(AF_INET6, SOCK_DGRAM, 0);
	ck_assert_int_eq(socket_setsockopt(sk[3], SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)), 0);
	ck_assert_int_eq(socket_bind(sk[2], &all, sizeof(all)), 0);
	ck_assert_int_eq(socket_bind(sk[3], &all, sizeof(all)), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_ge(send_some(sk[0], 2000, 1000), 0);
	ask_netlink(sk[4]);
	settle();
	ck_assert_uint_gt(dgram_sk(sk[0])->rcvq.len, 5);
	ck_assert_uint_gt(dgram_sk(sk[1])->rcvq.len, 5);
	ck_assert_uint_gt(dgram_sk(sk[2])->rcvq.len, 5);
	ck_assert_uint_gt(dgram_sk(sk[4])->rcvq.len, 0);
	ck_assert_uint_gt(s->ip.sock_memory.used, 4096 * 16);
	take_all();
	used = (uint64_t)hogs * (sizeof(struct buf) + PACKET_BUF_SMALL);
	for (size_t i = 0; i < sizeof(sk) / sizeof(sk[0]); i++) {
		socket_shutdown(sk[i], SHUT_RDWR);
		socket_close(sk[i]);
	}
	settle();
	ck_assert_uint_eq(s->pool.used, used);
	ck_assert_uint_eq(s->ip.sock_memory.used, 0);
	ck_assert_uint_eq(s->ip.sock_memory.holders, 0);
	end();
}
END_TEST

/* ---- who holds little ---- */

#define SLEEPERS 2000

/* Thousands that do not read get their share of the common bound, and who reads gets everything. */
START_TEST(readers_are_not_starved_by_sleepers)
{
	static struct sock *sleeper[SLEEPERS];
	struct sock *reader, *sender;
	struct sock_marks m;

	begin();
	m = sock_memory_marks(&s->ip.sock_memory);
	sender = open_sock(AF_INET, SOCK_DGRAM, 0);
	reader = bound(SOCK_DGRAM, 60000);
	for (uint16_t i = 0; i < SLEEPERS; i++)
		sleeper[i] = bound(SOCK_DGRAM, (uint16_t)(10000 + i));
	for (int round = 0; round < 20; round++) {
		for (uint16_t i = 0; i < SLEEPERS; i++) {
			ck_assert_int_ge(send_some(sender, (uint16_t)(10000 + i), 1000), 0);
			if (i % 16)
				continue;
			ck_assert_int_ge(send_some(sender, 60000, 1000), 0);
			settle();
			ck_assert(reads_one(reader));
		}
	}
	ck_assert_uint_gt(s->ip.sock_memory.refused, 0);
	ck_assert_uint_eq(s->udp.stats.rcvbuf_errors, 0);
	ck_assert_uint_gt(s->udp.stats.mem_errors, 0);
	/* above max each may have what makes it hold SOCK_MEMORY_LEAST */
	ck_assert_uint_le(s->ip.sock_memory.used, m.max + SLEEPERS * (SOCK_MEMORY_LEAST + 4096));
	ck_assert(!packet_pool_short(&s->pool));
	for (uint16_t i = 0; i < SLEEPERS; i++)
		socket_close(sleeper[i]);
	ck_assert_uint_eq(s->ip.sock_memory.used, 0);
	ck_assert_int_ge(send_some(sender, 60000, 1000), 0);
	settle();
	ck_assert(reads_one(reader));
	socket_close(reader);
	socket_close(sender);
	end();
}
END_TEST

static void join(struct sock *sk)
{
	struct ip_mreqn q = { .imr_multiaddr.s_addr = inet_addr("239.1.1.1"), .imr_ifindex = 1 };
	const int on = 1;
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(9999) };

	ck_assert_int_eq(socket_setsockopt(sk, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	ck_assert_int_eq(socket_bind(sk, &any, sizeof(any)), 0);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, IP_ADD_MEMBERSHIP, &q, sizeof(q)), 0);
}

/* One datagram for a group of thousands: each refers to its bytes, and all together are bounded. */
START_TEST(group_shares_a_datagram)
{
	static struct sock *member[SLEEPERS];
	struct ip_mreqn via = { .imr_ifindex = 1 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9999) };
	struct sock *sender, *other;
	struct packet *p;

	begin();
	to.sin_addr.s_addr = inet_addr("239.1.1.1");
	sender = open_sock(AF_INET, SOCK_DGRAM, 0);
	other = bound(SOCK_DGRAM, 60000);
	ck_assert_int_eq(socket_setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &via, sizeof(via)), 0);
	for (int i = 0; i < SLEEPERS; i++) {
		member[i] = open_sock(AF_INET, SOCK_DGRAM, 0);
		join(member[i]);
	}
	for (int n = 0; n < 300; n++) {
		p = packet_alloc(&s->pool, PACKET_HEADROOM);
		ck_assert_ptr_nonnull(p);
		ck_assert_int_eq(packet_copy_in(p, "x", 1), 0);
		ck_assert_int_ge(socket_sendmsg(sender, p, &to, sizeof(to), NULL, 0, 0), 0);
		settle();
		ck_assert(!packet_pool_short(&s->pool));
	}
	for (int i = 0; i < SLEEPERS; i++)
		ck_assert_uint_gt(dgram_sk(member[i])->rcvq.len, 0);
	ck_assert_int_ge(send_some(sender, 60000, 1000), 0);
	settle();
	ck_assert(reads_one(other));
	for (int i = 0; i < SLEEPERS; i++)
		socket_close(member[i]);
	socket_close(sender);
	socket_close(other);
	settle();
	end();
}
END_TEST

/* A walk meets everybody who stays, once and in order, and no more holes than there may be. */
START_TEST(set_of_sockets_has_few_holes)
{
	static struct sock *sk[SLEEPERS];
	const struct sock_set *set;
	uint64_t at = 0;
	uint32_t met = 0;

	begin();
	set = &s->udp.set;
	for (int i = 0; i < SLEEPERS; i++)
		sk[i] = open_sock(i % 2 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	ck_assert_uint_eq(set->count, SLEEPERS);
	ck_assert_uint_eq(set->count6, SLEEPERS / 2);
	for (int i = 0; i < SLEEPERS; i++) {
		if (i % 10)
			socket_close(sk[i]);
		ck_assert_uint_le(set->end, 4 * set->count + 64);
	}
	for (struct sock *one; (one = sock_set_next(set, &at)); at++, met++)
		ck_assert_ptr_eq(one, sk[10 * met]);
	ck_assert_uint_eq(met, SLEEPERS / 10);
	ck_assert_uint_eq(set->count6, 0);
	for (int i = 0; i < SLEEPERS; i += 10)
		socket_close(sk[i]);
	ck_assert_uint_eq(set->end, 0);
	end();
}
END_TEST

#define ORPHANS	4u

static void write_all(struct sock *sk, uint32_t *written)
{
	struct buf *b = buf_alloc(&s->pool, 4096);

	ck_assert_ptr_nonnull(b);
	memset(b->data, 'x', 4096);
	for (ssize_t n; (n = socket_write(sk, b, 0, 4096, 0)) > 0; settle())
		*written += (uint32_t)n;
	buf_put(b);
}

static uint32_t read_some(struct sock *sk)
{
	struct iovec iov[16];
	int parts = socket_peek(sk, iov, 16);
	uint32_t n = 0;

	for (int i = 0; i < parts; i++)
		n += (uint32_t)iov[i].iov_len;
	if (n)
		socket_consume(sk, n);
	settle();
	return n;
}

/* One too many: the connection goes whose peer has acknowledged nothing for longest, not who has just said goodbye. */
START_TEST(goodbyes_among_orphans)
{
	struct pair slow, stuck[ORPHANS], last;
	uint32_t written = 0, n, got = 0, bytes = 0;

	begin();
	s->tcp.max_orphans = ORPHANS;
	slow = connected(1000);
	write_all(slow.client, &written);
	socket_close(slow.client);
	for (unsigned int i = 0; i < ORPHANS - 1; i++) {
		stuck[i] = connected((uint16_t)(1001 + i));
		socket_close(stuck[i].client);
		settle();
	}
	ck_assert_uint_eq(s->tcp.orphans, ORPHANS);
	for (unsigned int i = 0; i < 4; i++)
		got += read_some(slow.server);
	last = connected(2000);
	write_all(last.client, &bytes);
	while ((n = read_some(last.server)))
		bytes -= n;
	socket_close(last.client);
	settle();
	ck_assert_uint_eq(bytes, 0);
	ck_assert(!polls(last.server, EPOLLHUP));
	ck_assert_int_eq(socket_take_error(last.server), 0);
	ck_assert_int_eq(socket_take_error(stuck[0].server), EPIPE);
	ck_assert_int_eq(socket_take_error(stuck[1].server), 0);
	ck_assert_uint_eq(s->tcp.orphans, ORPHANS);
	while ((n = read_some(slow.server)))
		got += n;
	ck_assert_int_eq(socket_take_error(slow.server), 0);
	ck_assert_uint_eq(got, written);
	for (unsigned int i = 0; i < ORPHANS - 1; i++) {
		socket_close(stuck[i].server);
		socket_close(stuck[i].listener);
	}
	socket_close(slow.server);
	socket_close(slow.listener);
	socket_close(last.server);
	socket_close(last.listener);
	settle();
	ck_assert_uint_eq(s->tcp.orphans, 0);
	end();
}
END_TEST

/* No memory: first the one goes that has got nowhere for longest, and no more than have to. */
START_TEST(orphans_go_in_order)
{
	struct pair last, slow, other;
	uint32_t written = 0;

	begin();
	last = connected(1000);
	slow = connected(1001);
	other = connected(1002);
	write_all(slow.client, &written);
	socket_close(slow.client);
	socket_close(last.client);
	settle();
	ck_assert_uint_eq(s->tcp.orphans, 2);
	while (s->pool.used <= s->pool.limit / 16 * 14)
		hog[hogs++] = buf_alloc(&s->pool, 1);
	socket_shutdown(other.client, SHUT_WR);
	settle();
	ck_assert_uint_eq(s->tcp.stats.abort_on_memory, 1);
	ck_assert_uint_eq(s->tcp.orphans, 1);
	ck_assert_int_eq(socket_take_error(last.server), 0);
	socket_close(last.server);
	socket_close(slow.server);
	socket_close(other.server);
	socket_close(other.client);
	socket_close(last.listener);
	socket_close(slow.listener);
	socket_close(other.listener);
	settle();
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("exhaust");
	TCase *tc = tcase_create("exhaust");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, connections_end_without_memory);
	tcase_add_test(tc, unread_sockets_end_without_memory);
	tcase_add_test(tc, readers_are_not_starved_by_sleepers);
	tcase_add_test(tc, group_shares_a_datagram);
	tcase_add_test(tc, set_of_sockets_has_few_holes);
	tcase_add_test(tc, goodbyes_among_orphans);
	tcase_add_test(tc, orphans_go_in_order);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
