/* SPDX-License-Identifier: Apache-2.0 */
/* test_udp.c - UDP sockets over loopback and over a captured link. */
#include <time.h>		/* before errqueue.h, which needs struct timespec */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/udp.h>

#include "dgramnet.h"

static int events;

static void count_event(void *arg)
{
	(void)arg;
	events++;
}

/* ---- over loopback ---- */

START_TEST(datagrams_keep_bounds_and_names)
{
	struct sock *a = open_udp(), *b = open_udp();
	struct sockaddr_in from;
	char buf[16];

	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, "one", 3), 3);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, "", 0), 0);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, "three", 5), 5);
	ck_assert_int_eq(receive(b), -EAGAIN);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive_from(b, &from, buf, sizeof(buf)), 3);
	ck_assert_mem_eq(buf, "one", 3);
	ck_assert_uint_eq(ntohs(from.sin_port), a->lport);
	ck_assert_uint_eq(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	ck_assert_int_eq(receive(b), 0);
	ck_assert_int_eq(receive(b), 5);
	ck_assert_int_eq(receive(b), -EAGAIN);
	ck_assert_uint_eq(udp.stats.out_datagrams, 3);
	ck_assert_uint_eq(udp.stats.in_datagrams, 3);
}
END_TEST

START_TEST(largest_datagram)
{
	static char data[65508], buf[65536];
	struct sock *a = open_udp(), *b = open_udp();

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + i / 251;
	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, data, 65507), 65507);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, data, 65508), -EMSGSIZE);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive_from(b, NULL, buf, sizeof(buf)), 65507);
	ck_assert_mem_eq(buf, data, 65507);
}
END_TEST

START_TEST(sends_that_cannot_be)
{
	struct sock *a = open_udp();
	struct sockaddr_in sin = name_of("127.0.0.1", 0);

	ck_assert_int_eq(send_to(a, NULL, 0, "x", 1), -EDESTADDRREQ);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 0, "x", 1), -EINVAL);
	ck_assert_int_eq(send_to(a, "0.0.0.0", 0, "x", 1), -EINVAL);
	ck_assert_int_eq(send_to(a, "192.0.2.1", 9, "x", 1), -ENETUNREACH);
	ck_assert_int_eq(socket_sendmsg(a, payload("x", 1), &sin, 4, NULL, 0, 0), -EINVAL);
	sin.sin_family = AF_INET6;
	ck_assert_int_eq(socket_sendmsg(a, payload("x", 1), &sin, sizeof(sin), NULL, 0, 0),
			 -EAFNOSUPPORT);
	ck_assert_int_eq(socket_sendmsg(a, payload("x", 1), NULL, 0, NULL, 0, MSG_OOB),
			 -EOPNOTSUPP);
	ck_assert_int_eq(connect_to(a, "127.0.0.1", 9), 0);
	ck_assert_int_eq(socket_shutdown(a, SHUT_WR), 0);
	ck_assert_int_eq(send_to(a, NULL, 0, "x", 1), -EPIPE);
}
END_TEST

START_TEST(the_best_match_wins)
{
	struct sock *any = open_udp(), *bound = open_udp(), *peer = open_udp(), *a = open_udp();
	struct sock *b = open_udp();

	any->reuseaddr = bound->reuseaddr = peer->reuseaddr = true;
	ck_assert_int_eq(bind_to(a, "127.0.0.1", 6000), 0);
	ck_assert_int_eq(bind_to(peer, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(bind_to(bound, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(bind_to(any, "0.0.0.0", 5000), 0);
	ck_assert_int_eq(connect_to(peer, "127.0.0.1", 6000), 0);
	send_to(a, "127.0.0.1", 5000, "1", 1);
	send_to(b, "127.0.0.1", 5000, "22", 2);
	send_to(b, "127.0.0.2", 5000, "333", 3);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(peer), 1);
	ck_assert_int_eq(receive(bound), 2);
	ck_assert_int_eq(receive(any), 3);
	ck_assert_int_eq(receive(peer), -EAGAIN);
	ck_assert_int_eq(receive(bound), -EAGAIN);
}
END_TEST

START_TEST(reuseport_spreads_flows_and_keeps_each)
{
	struct sock *s[4];
	int got[4] = { 0 };

	for (int i = 0; i < 4; i++) {
		s[i] = open_udp();
		s[i]->reuseport = true;
		ck_assert_int_eq(bind_to(s[i], "0.0.0.0", 5000), 0);
	}
	for (int i = 0; i < 200; i++) {
		struct sock *a = open_udp();
		int receivers = 0;

		send_to(a, "127.0.0.1", 5000, "x", 1);
		send_to(a, "127.0.0.1", 5000, "x", 1);
		testnet_run(&tn, 0);
		for (int j = 0; j < 4; j++) {
			int n = 0;

			while (receive(s[j]) == 1)
				n++;
			got[j] += n;
			receivers += n > 0;
		}
		ck_assert_int_eq(receivers, 1);
		socket_close(a);
	}
	for (int j = 0; j < 4; j++)
		ck_assert_int_gt(got[j], 40);
}
END_TEST

START_TEST(nobody_there_is_connection_refused)
{
	struct sock *connected = open_udp(), *free_one = open_udp();

	socket_set_event(connected, count_event, NULL);
	events = 0;
	ck_assert_int_eq(connect_to(connected, "127.0.0.1", 9), 0);
	ck_assert_int_eq(send_to(connected, NULL, 0, "x", 1), 1);
	ck_assert_int_eq(send_to(free_one, "127.0.0.1", 9, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_int_gt(events, 0);
	ck_assert(socket_poll(connected) & POLLERR);
	ck_assert_int_eq(receive(connected), -ECONNREFUSED);
	ck_assert_int_eq(receive(connected), -EAGAIN);
	ck_assert_int_eq(receive(free_one), -EAGAIN);
	ck_assert_uint_eq(udp.stats.no_ports, 2);
	ck_assert_int_eq(send_to(connected, NULL, 0, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(send_to(connected, NULL, 0, "x", 1), -ECONNREFUSED);
	ck_assert_int_eq(get_int(connected, SOL_SOCKET, SO_ERROR), 0);
}
END_TEST

START_TEST(disconnect_forgets_what_connect_chose)
{
	struct sock *a = open_udp(), *b = open_udp();
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	ck_assert_int_eq(connect_to(a, "127.0.0.1", 9), 0);
	ck_assert_uint_ne(a->lport, 0);
	ck_assert(!ip_addr_is_any(&a->local));
	ck_assert_int_eq(socket_connect(a, &unspec, sizeof(unspec)), 0);
	ck_assert_uint_eq(a->lport, 0);
	ck_assert(ip_addr_is_any(&a->local));
	ck_assert_int_eq(send_to(a, NULL, 0, "x", 1), -EDESTADDRREQ);
	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(connect_to(b, "127.0.0.1", 9), 0);
	ck_assert_int_eq(socket_connect(b, &unspec, sizeof(unspec)), 0);
	ck_assert_uint_eq(b->lport, 5000);
	ck_assert(!ip_addr_is_any(&b->local));
}
END_TEST

START_TEST(receive_queue_is_bounded_in_memory)
{
	struct sock *a = open_udp(), *b = open_udp();
	int got = 0;

	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	set_int(b, SOL_SOCKET, SO_RCVBUF, 10000);
	for (int i = 0; i < 500; i++) {
		send_to(a, "127.0.0.1", 5000, "x", 1);
		testnet_run(&tn, 0);
	}
	while (receive(b) == 1)
		got++;
	ck_assert_int_ge(got, 2);
	ck_assert_int_lt(got, 100);
	ck_assert_uint_eq(udp.stats.rcvbuf_errors, 500 - got);
	send_to(a, "127.0.0.1", 5000, "x", 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), 1);
}
END_TEST

START_TEST(shutdown_for_reading_is_end_of_file)
{
	struct sock *a = open_udp();

	ck_assert_int_eq(socket_shutdown(a, 3), -EINVAL);
	ck_assert_int_eq(socket_shutdown(a, SHUT_RD), -ENOTCONN);
	ck_assert(socket_poll(a) & POLLIN);
	ck_assert_int_eq(receive(a), 0);
}
END_TEST

/* ---- over a link ---- */

/* One UDP datagram from the peer, its header as given; sum 1: the right one. */
static void feed_udp(struct nic *nic, uint16_t dport, uint16_t ulen, uint16_t sum,
		     const char *dst, const void *data, uint32_t len)
{
	uint8_t segment[1500], packet[1600];
	struct ip_addr s = testnet_addr(PEER), d = testnet_addr(dst);
	struct udphdr uh = { .uh_sport = htons(7), .uh_dport = htons(dport),
			     .uh_ulen = htons(ulen) };
	uint32_t total = sizeof(uh) + len, pseudo;

	memcpy(segment, &uh, sizeof(uh));
	memcpy(segment + sizeof(uh), data, len);
	pseudo = checksum_pseudo(&s.w[3], &d.w[3], 4, IPPROTO_UDP, total);
	uh.uh_sum = sum == 1 ? checksum_fold(checksum_partial(segment, total, pseudo)) : htons(sum);
	memcpy(segment, &uh, sizeof(uh));
	total = testnet_ipv4(packet, PEER, dst, IPPROTO_UDP, 1, 0, segment, total);
	testnet_feed_ip(&tn, nic, NULL, packet, total);
}

START_TEST(checksums_and_lengths_from_outside)
{
	struct nic *nic = open_eth();
	struct sock *b = open_udp();

	ck_assert_int_eq(bind_to(b, US, 5000), 0);
	feed_udp(nic, 5000, 12, 1, US, "good", 4);
	ck_assert_int_eq(receive(b), 4);
	feed_udp(nic, 5000, 12, 0, US, "none", 4);
	ck_assert_int_eq(receive(b), 4);
	feed_udp(nic, 5000, 10, 0, US, "short", 5);	/* what is behind its length is not data */
	ck_assert_int_eq(receive(b), 2);
	feed_udp(nic, 5000, 12, 0x1234, US, "evil", 4);
	feed_udp(nic, 5000, 13, 0, US, "long", 4);
	feed_udp(nic, 5000, 7, 0, US, "tiny", 4);
	feed_udp(nic, 5000, 0, 0, US, "zero", 4);
	ck_assert_int_eq(receive(b), -EAGAIN);
	ck_assert_uint_eq(udp.stats.in_csum_errors, 1);
	ck_assert_uint_eq(udp.stats.in_errors, 4);
	ck_assert_uint_eq(testnet_captured(nic), 0);
}
END_TEST

START_TEST(no_socket_is_port_unreachable)
{
	struct nic *nic = open_eth();
	uint8_t f[200];

	feed_udp(nic, 5000, 12, 1, US, "data", 4);
	ck_assert_uint_ge(testnet_take_bytes(nic, f, sizeof(f)), ETH_LEN + 20 + 8 + 20 + 8);
	ck_assert_uint_eq(f[ETH_LEN + 9], IPPROTO_ICMP);
	ck_assert_uint_eq(f[ETH_LEN + 20], ICMP_DEST_UNREACH);
	ck_assert_uint_eq(f[ETH_LEN + 21], ICMP_PORT_UNREACH);
	feed_udp(nic, 5000, 12, 1, "10.0.0.255", "data", 4);
	ck_assert_uint_eq(testnet_captured(nic), 0);
}
END_TEST

START_TEST(wire_format)
{
	struct nic *nic = open_eth();
	struct sock *a = open_udp();
	struct ip_addr s = testnet_addr(US), d = testnet_addr(PEER);
	struct udphdr uh;
	uint8_t f[200];

	ck_assert_int_eq(bind_to(a, "0.0.0.0", 4000), 0);
	set_int(a, IPPROTO_IP, IP_TOS, 0x28);
	set_int(a, IPPROTO_IP, IP_TTL, 7);
	ck_assert_int_eq(send_to(a, PEER, 53, "hello", 5), 5);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_take_bytes(nic, f, sizeof(f)), ETH_LEN + 20 + 8 + 5);
	ck_assert_uint_eq(f[ETH_LEN + 1], 0x28);
	ck_assert_uint_eq(f[ETH_LEN + 8], 7);
	ck_assert_uint_eq(f[ETH_LEN + 6] & 0x40, 0x40);		/* DF: the path's MTU is discovered */
	memcpy(&uh, f + ETH_LEN + 20, sizeof(uh));
	ck_assert_uint_eq(ntohs(uh.uh_sport), 4000);
	ck_assert_uint_eq(ntohs(uh.uh_dport), 53);
	ck_assert_uint_eq(ntohs(uh.uh_ulen), 13);
	ck_assert_uint_ne(uh.uh_sum, 0);
	ck_assert_uint_eq(checksum_fold(checksum_partial(f + ETH_LEN + 20, 13,
			  checksum_pseudo(&s.w[3], &d.w[3], 4, IPPROTO_UDP, 13))), 0);
}
END_TEST

START_TEST(too_large_is_fragmented_or_refused)
{
	static char data[4000];
	struct nic *nic = open_eth();
	struct sock *a = open_udp();
	uint8_t f[1600];

	ck_assert_int_eq(send_to(a, PEER, 53, data, 1472), 1472);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(nic), 1);
	testnet_discard(nic);
	ck_assert_int_eq(send_to(a, PEER, 53, data, 4000), 4000);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(nic), 3);
	testnet_take_bytes(nic, f, sizeof(f));
	ck_assert_uint_eq(f[ETH_LEN + 6] & 0x60, 0x20);		/* more fragments, no DF */
	testnet_discard(nic);
	set_int(a, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	ck_assert_int_eq(send_to(a, PEER, 53, data, 1472), 1472);
	ck_assert_int_eq(send_to(a, PEER, 53, data, 1473), -EMSGSIZE);
	testnet_run(&tn, 0);
	testnet_discard(nic);
	ck_assert_uint_eq(a->wmem, 0);
}
END_TEST

START_TEST(a_too_large_send_is_told_in_the_error_queue)
{
	static char data[2000];
	union { struct cmsghdr h; uint8_t b[256]; } control;
	struct sock_extended_err ee;
	size_t controllen = sizeof(control);
	struct sock *a;
	struct sockaddr_in to;
	socklen_t tolen = sizeof(to);
	int flags = MSG_ERRQUEUE, err;
	struct packet *p;

	open_eth();
	a = open_udp();
	set_int(a, IPPROTO_IP, IP_RECVERR, 1);
	set_int(a, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	ck_assert_int_eq(send_to(a, PEER, 53, data, 2000), -EMSGSIZE);
	ck_assert(socket_poll(a) & POLLERR);
	p = socket_recvmsg(a, &to, &tolen, &control, &controllen, &flags, &err);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(flags, MSG_ERRQUEUE);
	ck_assert_uint_eq(ntohs(to.sin_port), 53);
	ck_assert_int_eq(control.h.cmsg_type, IP_RECVERR);
	memcpy(&ee, CMSG_DATA(&control.h), sizeof(ee));
	ck_assert_uint_eq(ee.ee_errno, EMSGSIZE);
	ck_assert_uint_eq(ee.ee_origin, SO_EE_ORIGIN_LOCAL);
	ck_assert_uint_eq(ee.ee_info, 1500);
	packet_free(p);
	ck_assert(!(socket_poll(a) & POLLERR));
}
END_TEST

START_TEST(sndbuf_bounds_what_is_below)
{
	struct nic *nic = open_eth();
	struct sock *a = open_udp();
	int sent = 0;

	set_int(a, SOL_SOCKET, SO_SNDBUF, 20000);
	socket_set_event(a, count_event, NULL);
	testnet_link_room(nic, 0);
	while (send_to(a, PEER, 53, "x", 1) == 1) {
		testnet_run(&tn, 0);
		ck_assert_int_lt(++sent, 1000);
	}
	ck_assert_int_gt(sent, 4);
	ck_assert_int_eq(send_to(a, PEER, 53, "x", 1), -EAGAIN);
	ck_assert(!(socket_poll(a) & POLLOUT));
	events = 0;
	testnet_link_room(nic, -1);
	nic_writable(nic);
	testnet_run(&tn, 0);
	testnet_discard(nic);
	ck_assert_int_eq(events, 1);
	ck_assert(socket_poll(a) & POLLOUT);
	ck_assert_uint_eq(a->wmem, 0);
}
END_TEST

START_TEST(closed_with_packets_below)
{
	struct nic *nic = open_eth();
	struct sock *a = open_udp();

	ck_assert_int_eq(send_to(a, PEER, 53, "x", 1), 1);
	testnet_run(&tn, 0);
	socket_close(a);
	ck_assert_uint_eq(testnet_captured(nic), 1);
	testnet_discard(nic);			/* frees the socket: ASan and the teardown are the judges */
}
END_TEST

START_TEST(broadcast_needs_leave_and_reaches_all)
{
	struct nic *nic = open_eth();
	struct sock *a = open_udp(), *b = open_udp(), *c = open_udp(), *unicast = open_udp();

	ck_assert_int_eq(send_to(a, "10.0.0.255", 5000, "x", 1), -EACCES);
	set_int(a, SOL_SOCKET, SO_BROADCAST, 1);
	ck_assert_int_eq(send_to(a, "10.0.0.255", 5000, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(nic), 1);
	b->reuseaddr = c->reuseaddr = unicast->reuseaddr = true;
	ck_assert_int_eq(bind_to(b, "0.0.0.0", 5000), 0);
	ck_assert_int_eq(bind_to(unicast, US, 5000), 0);
	ck_assert_int_eq(bind_to(c, "10.0.0.255", 5000), 0);
	feed_udp(nic, 5000, 12, 1, "10.0.0.255", "data", 4);
	ck_assert_int_eq(receive(b), 4);
	ck_assert_int_eq(receive(c), 4);
	ck_assert_int_eq(receive(unicast), -EAGAIN);
}
END_TEST

/* Who sends a broadcast is one of those that it is for. */
START_TEST(own_broadcasts_come_back)
{
	static uint8_t big[3000];
	struct nic *nic = open_eth();
	struct sock *a = open_udp(), *b = open_udp(), *device = open_udp(), *unicast = open_udp();
	struct sockaddr_in from;
	char data[4];

	set_int(a, SOL_SOCKET, SO_BROADCAST, 1);
	b->reuseaddr = device->reuseaddr = unicast->reuseaddr = true;
	device->bound_nic = nic;
	ck_assert_int_eq(bind_to(b, "0.0.0.0", 5000), 0);
	ck_assert_int_eq(bind_to(device, "0.0.0.0", 5000), 0);
	ck_assert_int_eq(bind_to(unicast, US, 5000), 0);
	ck_assert_int_eq(send_to(a, "10.0.0.255", 5000, "data", 4), 4);
	ck_assert_int_eq(receive(b), -EAGAIN);		/* at the end of the turn */
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive_from(b, &from, data, sizeof(data)), 4);
	ck_assert_mem_eq(data, "data", 4);
	ck_assert_uint_eq(from.sin_addr.s_addr, htonl(0x0a000001));
	ck_assert_uint_eq(ntohs(from.sin_port), a->lport);
	ck_assert_int_eq(receive(device), 4);
	ck_assert_int_eq(receive(unicast), -EAGAIN);
	ck_assert_uint_eq(testnet_captured(nic), 1);
	ck_assert_int_eq(send_to(a, "10.0.0.255", 5000, big, sizeof(big)), sizeof(big));
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(nic), 4);	/* fragments, but whole to us */
	ck_assert_int_eq(receive(b), sizeof(big));
	testnet_discard(nic);
	ck_assert_int_eq(send_to(a, "10.0.0.255", 5000, "x", 1), 1);
	nic_set_up(nic, false);				/* nothing comes by a NIC that is down */
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), -EAGAIN);
}
END_TEST

START_TEST(loopback_has_broadcasts)
{
	struct sock *a = open_udp(), *b = open_udp(), *c = open_udp(), *u = open_udp();

	b->reuseaddr = c->reuseaddr = u->reuseaddr = true;
	ck_assert_int_eq(bind_to(b, "0.0.0.0", 5000), 0);
	ck_assert_int_eq(bind_to(c, "127.255.255.255", 5000), 0);
	ck_assert_int_eq(bind_to(u, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(send_to(a, "127.255.255.255", 5000, "x", 1), -EACCES);
	ck_assert_int_eq(connect_to(a, "127.255.255.255", 5000), -EACCES);
	set_int(a, SOL_SOCKET, SO_BROADCAST, 1);
	ck_assert_int_eq(send_to(a, "127.255.255.255", 5000, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), 1);
	ck_assert_int_eq(receive(c), 1);
	ck_assert_int_eq(receive(u), -EAGAIN);
	ck_assert_int_eq(send_to(a, "127.255.255.254", 5000, "x", 1), 1);	/* unicast */
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), 1);
	ck_assert_int_eq(receive(c), -EAGAIN);
}
END_TEST

START_TEST(dontroute_stays_on_the_link)
{
	struct route r = { .dst = testnet_addr("192.0.2.0"), .prefix = 24,
			   .gateway = testnet_addr(PEER), .prefsrc = ip_addr_v4(0) };
	struct sockaddr_in far = name_of("192.0.2.1", 7), near = name_of(PEER, 7);
	struct nic *nic = open_eth();
	struct sock *a = open_udp();

	ck_assert_int_eq(route_add(&tn.ip, &r, NULL), 0);
	ck_assert_int_eq(send_to(a, "192.0.2.1", 7, "x", 1), 1);
	ck_assert_int_eq(socket_sendmsg(a, payload("x", 1), &far, sizeof(far), NULL, 0,
					MSG_DONTROUTE), -ENETUNREACH);
	ck_assert_int_eq(socket_sendmsg(a, payload("x", 1), &near, sizeof(near), NULL, 0,
					MSG_DONTROUTE), 1);
	ck_assert_int_eq(send_to(a, "192.0.2.1", 7, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(nic), 3);
}
END_TEST

/* IP_UNICAST_IF: where it goes when nothing else says so */
START_TEST(unicast_if_chooses_the_nic)
{
	struct nic *eth0 = open_eth(), *eth1;
	struct sock *a = open_udp();
	uint32_t be;

	eth1 = testnet_nic(&tn, &(struct testnet_link_config){ .name = "eth1" });
	be = htonl(eth1->index);
	ck_assert_int_eq(socket_setsockopt(a, IPPROTO_IP, IP_UNICAST_IF, &be, 3), -EINVAL);
	ck_assert_int_eq(socket_setsockopt(a, IPPROTO_IP, IP_UNICAST_IF, &be, sizeof(be)), 0);
	ck_assert_int_eq(send_to(a, PEER, 7, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(eth0), 0);
	ck_assert_uint_eq(testnet_captured(eth1), 1);	/* who has it there? */
	be = htonl(eth0->index);
	ck_assert_int_eq(socket_setsockopt(a, IPPROTO_IP, IP_UNICAST_IF, &be, sizeof(be)), 0);
	ck_assert_int_eq(send_to(a, PEER, 7, "x", 1), 1);
	ck_assert_int_eq(socket_setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4), 0);
	ck_assert_int_eq(socket_setsockopt(a, IPPROTO_IP, IP_UNICAST_IF, &be, sizeof(be)), -EINVAL);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(eth0), 1);
	ck_assert_uint_eq(testnet_captured(eth1), 1);
}
END_TEST

START_TEST(udp_segment_cuts)
{
	static char data[2500];
	struct nic *nic = open_eth();
	struct sock *a = open_udp();
	uint8_t f[1600];

	set_int(a, IPPROTO_UDP, 103, 1000);
	ck_assert_int_eq(send_to(a, PEER, 53, data, 2500), 2500);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(nic), 3);
	ck_assert_uint_eq(testnet_take_bytes(nic, f, sizeof(f)), ETH_LEN + 28 + 1000);
	ck_assert_uint_eq(testnet_take_bytes(nic, f, sizeof(f)), ETH_LEN + 28 + 1000);
	ck_assert_uint_eq(testnet_take_bytes(nic, f, sizeof(f)), ETH_LEN + 28 + 500);
	set_int(a, IPPROTO_UDP, 103, 1473);
	ck_assert_int_eq(send_to(a, PEER, 53, data, 2500), -EINVAL);
	set_int(a, IPPROTO_UDP, 103, 1);
	ck_assert_int_eq(send_to(a, PEER, 53, data, 129), -EINVAL);
}
END_TEST

/* The peer's ICMP answer to what we last sent. */
static void feed_error(struct nic *nic, uint8_t type, uint8_t code)
{
	uint8_t frame[1600], icmp[600] = { type, code }, packet[700];
	uint32_t n = testnet_take_bytes(nic, frame, sizeof(frame)) - ETH_LEN;
	uint16_t sum;

	n = n > 500 ? 500 : n;
	memcpy(icmp + 8, frame + ETH_LEN, n);
	sum = checksum_fold(checksum_partial(icmp, n + 8, 0));
	memcpy(icmp + 2, &sum, 2);
	n = testnet_ipv4(packet, PEER, US, IPPROTO_ICMP, 1, 0, icmp, n + 8);
	testnet_feed_ip(&tn, nic, NULL, packet, n);
}

START_TEST(icmp_errors_by_kind)
{
	struct nic *nic = open_eth();
	struct sock *a = open_udp();

	ck_assert_int_eq(connect_to(a, PEER, 53), 0);
	send_to(a, NULL, 0, "x", 1);
	testnet_run(&tn, 0);
	feed_error(nic, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH);	/* soft: may pass */
	ck_assert_int_eq(receive(a), -EAGAIN);
	send_to(a, NULL, 0, "x", 1);
	testnet_run(&tn, 0);
	feed_error(nic, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH);
	ck_assert_int_eq(receive(a), -ECONNREFUSED);
	set_int(a, IPPROTO_IP, IP_RECVERR, 1);
	send_to(a, NULL, 0, "x", 1);
	testnet_run(&tn, 0);
	feed_error(nic, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH);
	ck_assert_int_eq(receive(a), -EHOSTUNREACH);
	ck_assert(socket_poll(a) & POLLERR);			/* the queue still holds it */
}
END_TEST

START_TEST(the_error_queue_is_bounded)
{
	struct nic *nic = open_eth();
	struct sock *a = open_udp();
	int n = 0, err;

	set_int(a, IPPROTO_IP, IP_RECVERR, 1);
	ck_assert_int_eq(connect_to(a, PEER, 53), 0);
	for (int i = 0; i < 1000; i++) {
		a->error = 0;
		ck_assert_int_eq(send_to(a, NULL, 0, "x", 1), 1);
		testnet_run(&tn, 0);
		feed_error(nic, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH);
	}
	for (;; n++) {
		int flags = MSG_ERRQUEUE;
		struct packet *p = socket_recvmsg(a, NULL, NULL, NULL, NULL, &flags, &err);

		if (!p)
			break;
		packet_free(p);
	}
	ck_assert_int_gt(n, 10);
	ck_assert_int_le(n, 256);
	ck_assert_int_eq(a->error, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("udp");
	TCase *tc = tcase_create("udp");

	tcase_add_checked_fixture(tc, dgramnet_setup, dgramnet_teardown);
	tcase_add_test(tc, datagrams_keep_bounds_and_names);
	tcase_add_test(tc, largest_datagram);
	tcase_add_test(tc, sends_that_cannot_be);
	tcase_add_test(tc, the_best_match_wins);
	tcase_add_test(tc, reuseport_spreads_flows_and_keeps_each);
	tcase_add_test(tc, nobody_there_is_connection_refused);
	tcase_add_test(tc, disconnect_forgets_what_connect_chose);
	tcase_add_test(tc, receive_queue_is_bounded_in_memory);
	tcase_add_test(tc, shutdown_for_reading_is_end_of_file);
	tcase_add_test(tc, checksums_and_lengths_from_outside);
	tcase_add_test(tc, no_socket_is_port_unreachable);
	tcase_add_test(tc, wire_format);
	tcase_add_test(tc, too_large_is_fragmented_or_refused);
	tcase_add_test(tc, a_too_large_send_is_told_in_the_error_queue);
	tcase_add_test(tc, sndbuf_bounds_what_is_below);
	tcase_add_test(tc, closed_with_packets_below);
	tcase_add_test(tc, broadcast_needs_leave_and_reaches_all);
	tcase_add_test(tc, own_broadcasts_come_back);
	tcase_add_test(tc, loopback_has_broadcasts);
	tcase_add_test(tc, dontroute_stays_on_the_link);
	tcase_add_test(tc, unicast_if_chooses_the_nic);
	tcase_add_test(tc, udp_segment_cuts);
	tcase_add_test(tc, icmp_errors_by_kind);
	tcase_add_test(tc, the_error_queue_is_bounded);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
