/* SPDX-License-Identifier: Apache-2.0 */
/* test_raw.c - raw and ping sockets over loopback and over a captured link. */
#include <time.h>		/* before errqueue.h, which needs struct timespec */
#include <linux/errqueue.h>
#include <linux/icmp.h>

#include "dgramnet.h"

struct echo {
	struct icmphdr h;
	char data[8];
};

static struct echo echo_of(uint8_t type, uint16_t id, uint16_t seq)
{
	struct echo e = { .h = { .type = type }, .data = "payload" };

	e.h.un.echo.id = htons(id);
	e.h.un.echo.sequence = htons(seq);
	e.h.checksum = checksum_fold(checksum_partial(&e, sizeof(e), 0));
	return e;
}

static struct icmphdr icmp_at(const uint8_t *at)
{
	struct icmphdr h;

	memcpy(&h, at, sizeof(h));
	return h;
}

/* ---- ping sockets ---- */

START_TEST(ping_over_loopback)
{
	struct sock *a = open_raw(&ping_ops, IPPROTO_ICMP), *b = open_raw(&ping_ops, IPPROTO_ICMP);
	struct echo e = echo_of(ICMP_ECHO, 0xbeef, 3);
	struct sockaddr_in from;
	uint8_t buf[100];

	e.h.checksum = 0;			/* ours to compute */
	ck_assert_int_eq(bind_to(b, "0.0.0.0", 77), 0);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 0, &e, sizeof(e)), sizeof(e));
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive_from(a, &from, buf, sizeof(buf)), sizeof(e));
	ck_assert_uint_eq(icmp_at(buf).type, ICMP_ECHOREPLY);
	ck_assert_uint_eq(ntohs(icmp_at(buf).un.echo.id), a->lport);
	ck_assert_uint_ne(a->lport, 0xbeef);
	ck_assert_uint_eq(ntohs(icmp_at(buf).un.echo.sequence), 3);
	ck_assert_mem_eq(buf + 8, "payload", 8);
	ck_assert_uint_eq(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	ck_assert_int_eq(receive(a), -EAGAIN);
	ck_assert_int_eq(receive(b), -EAGAIN);	/* not its identifier */
}
END_TEST

START_TEST(ping_sends_nothing_else)
{
	struct sock *a = open_raw(&ping_ops, IPPROTO_ICMP);
	struct echo e = echo_of(ICMP_DEST_UNREACH, 1, 1);

	ck_assert_int_eq(send_to(a, "127.0.0.1", 0, &e, sizeof(e)), -EINVAL);
	e = echo_of(ICMP_ECHOREPLY, 1, 1);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 0, &e, sizeof(e)), -EINVAL);
	e = echo_of(ICMP_ECHO, 1, 1);
	e.h.code = 1;
	ck_assert_int_eq(send_to(a, "127.0.0.1", 0, &e, sizeof(e)), -EINVAL);
	e.h.code = 0;
	ck_assert_int_eq(send_to(a, "127.0.0.1", 0, &e, 7), -EINVAL);
	ck_assert_int_eq(send_to(a, NULL, 0, &e, sizeof(e)), -EDESTADDRREQ);
}
END_TEST

START_TEST(ping_identifiers_are_exclusive)
{
	struct sock *a = open_raw(&ping_ops, IPPROTO_ICMP), *b = open_raw(&ping_ops, IPPROTO_ICMP);

	ck_assert_int_eq(bind_to(a, "0.0.0.0", 77), 0);
	ck_assert_int_eq(bind_to(b, "0.0.0.0", 77), -EADDRINUSE);
	socket_close(a);
	ck_assert_int_eq(bind_to(b, "0.0.0.0", 77), 0);
}
END_TEST

/* ---- raw sockets ---- */

START_TEST(raw_icmp_gets_the_ip_header_and_filters)
{
	struct sock *a = open_raw(&raw_ops, IPPROTO_ICMP);
	struct echo e = echo_of(ICMP_ECHO, 5, 1);
	uint32_t filter = ~(1u << ICMP_ECHOREPLY), back = 0;
	socklen_t len = sizeof(back);
	uint8_t buf[100];

	ck_assert_int_eq(send_to(a, "127.0.0.1", 0, &e, sizeof(e)), sizeof(e));
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive_from(a, NULL, buf, sizeof(buf)), 20 + sizeof(e));
	ck_assert_uint_eq(buf[0], 0x45);
	ck_assert_uint_eq(buf[3], 20 + sizeof(e));
	ck_assert_uint_eq(icmp_at(buf + 20).type, ICMP_ECHO);
	ck_assert_int_eq(receive_from(a, NULL, buf, sizeof(buf)), 20 + sizeof(e));
	ck_assert_uint_eq(icmp_at(buf + 20).type, ICMP_ECHOREPLY);
	ck_assert_int_eq(socket_setsockopt(a, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)), 0);
	ck_assert_int_eq(socket_getsockopt(a, SOL_RAW, ICMP_FILTER, &back, &len), 0);
	ck_assert_uint_eq(back, filter);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 0, &e, sizeof(e)), sizeof(e));
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive_from(a, NULL, buf, sizeof(buf)), 20 + sizeof(e));
	ck_assert_uint_eq(icmp_at(buf + 20).type, ICMP_ECHOREPLY);
	ck_assert_int_eq(receive(a), -EAGAIN);
}
END_TEST

START_TEST(raw_names_choose)
{
	struct sock *any = open_raw(&raw_ops, 99), *bound = open_raw(&raw_ops, 99);
	struct sock *peer = open_raw(&raw_ops, 99), *other = open_raw(&raw_ops, 98);

	ck_assert_int_eq(bind_to(bound, "127.0.0.2", 0), 0);
	ck_assert_int_eq(connect_to(peer, "127.0.0.3", 0), 0);
	ck_assert_int_eq(send_to(any, "127.0.0.1", 0, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(any), 21);
	ck_assert_int_eq(receive(bound), -EAGAIN);
	ck_assert_int_eq(receive(peer), -EAGAIN);
	ck_assert_int_eq(receive(other), -EAGAIN);
	ck_assert_int_eq(send_to(any, "127.0.0.2", 0, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(any), 21);
	ck_assert_int_eq(receive(bound), 21);
}
END_TEST

START_TEST(a_protocol_is_known_while_a_socket_is_there)
{
	struct nic *nic = open_eth();
	struct sock *a = open_raw(&raw_ops, 99), *b = open_raw(&raw_ops, 99);
	uint8_t packet[100], f[200];
	uint32_t n = testnet_ipv4(packet, PEER, US, 99, 1, 0, "data", 4);

	testnet_feed_ip(&tn, nic, NULL, packet, n);
	ck_assert_uint_eq(testnet_captured(nic), 0);
	ck_assert_int_eq(receive(a), 24);
	ck_assert_int_eq(receive(b), 24);
	socket_close(a);
	testnet_feed_ip(&tn, nic, NULL, packet, n);
	ck_assert_uint_eq(testnet_captured(nic), 0);
	ck_assert_int_eq(receive(b), 24);
	socket_close(b);
	testnet_feed_ip(&tn, nic, NULL, packet, n);
	ck_assert_uint_gt(testnet_take_bytes(nic, f, sizeof(f)), 0);
	ck_assert_uint_eq(f[ETH_LEN + 20], ICMP_DEST_UNREACH);
	ck_assert_uint_eq(f[ETH_LEN + 21], ICMP_PROT_UNREACH);
}
END_TEST

START_TEST(transports_packets_are_seen_too)
{
	struct sock *u = open_udp(), *a = open_udp(), *raw_udp, *raw_tcp;
	uint8_t buf[100];

	ck_assert_int_eq(bind_to(u, "127.0.0.1", 5000), 0);
	ck_assert(!tn.ip.raw_tap);
	raw_udp = open_raw(&raw_ops, IPPROTO_UDP);
	raw_tcp = open_raw(&raw_ops, IPPROTO_TCP);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, "data", 4), 4);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(u), 4);		/* its owner gets it as well */
	ck_assert_int_eq(receive_from(raw_udp, NULL, buf, sizeof(buf)), 20 + 8 + 4);
	ck_assert_uint_eq(buf[0], 0x45);
	ck_assert_uint_eq(buf[9], IPPROTO_UDP);
	ck_assert_mem_eq(buf + 28, "data", 4);
	ck_assert_int_eq(receive(raw_tcp), -EAGAIN);
	socket_close(raw_udp);
	ck_assert(tn.ip.raw_tap);
	socket_close(raw_tcp);
	ck_assert(!tn.ip.raw_tap);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, "data", 4), 4);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(u), 4);
	socket_close(a);
	socket_close(u);
}
END_TEST

START_TEST(header_included)
{
	static uint8_t large[1501];
	struct nic *nic = open_eth();
	struct sock *a = open_raw(&raw_ops, IPPROTO_RAW);
	uint8_t packet[100], f[200];
	uint32_t n = testnet_ipv4(packet, US, PEER, 99, 7, 0, "data", 4);

	ck_assert(a->hdrincl);
	packet[8] = 3;					/* TTL */
	memset(packet + 2, 0, 2);			/* length and source are filled in */
	memset(packet + 12, 0, 4);
	ck_assert_int_eq(send_to(a, PEER, 0, packet, n), n);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_take_bytes(nic, f, sizeof(f)), ETH_LEN + n);
	ck_assert_uint_eq(f[ETH_LEN + 8], 3);
	ck_assert_uint_eq(f[ETH_LEN + 3], n);
	ck_assert_uint_eq(f[ETH_LEN + 5], 7);
	ck_assert_uint_eq(f[ETH_LEN + 15], 1);
	ck_assert_uint_eq(checksum_fold(checksum_partial(f + ETH_LEN, 20, 0)), 0);
	ck_assert_int_eq(send_to(a, PEER, 0, packet, 19), -EINVAL);
	packet[0] = 0x4f;
	ck_assert_int_eq(send_to(a, PEER, 0, packet, n), -EINVAL);
	large[0] = 0x45;
	ck_assert_int_eq(send_to(a, PEER, 0, large, sizeof(large)), -EMSGSIZE);
}
END_TEST

START_TEST(filter_is_for_icmp_only)
{
	struct sock *a = open_raw(&raw_ops, 99);
	uint32_t filter = 0;

	ck_assert_int_eq(socket_setsockopt(a, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)),
			 -EOPNOTSUPP);
	ck_assert_int_eq(socket_setsockopt(a, SOL_RAW, 2, &filter, sizeof(filter)), -ENOPROTOOPT);
}
END_TEST

/* What iputils' ping prints as "From 10.0.0.9 icmp_seq=1 Destination Host Unreachable". */
START_TEST(unreachable_is_told_with_who_said_so)
{
	union { struct cmsghdr h; uint8_t b[256]; } control;
	const struct transport_ops *ops = _i ? &raw_ops : &ping_ops;
	struct nic *nic = open_eth();
	struct sock *a = open_raw(ops, IPPROTO_ICMP);
	struct echo e = echo_of(ICMP_ECHO, 5, 1);
	struct { struct sock_extended_err ee; struct sockaddr_in from; } m;
	uint8_t frame[200], icmp[100] = { ICMP_DEST_UNREACH, ICMP_HOST_UNREACH }, packet[200];
	size_t controllen = sizeof(control);
	int flags = MSG_ERRQUEUE, err;
	struct sockaddr_in to;
	socklen_t tolen = sizeof(to);
	struct packet *p;
	uint32_t n;
	uint16_t sum;

	set_int(a, IPPROTO_IP, IP_RECVERR, 1);
	ck_assert_int_eq(send_to(a, PEER, 0, &e, sizeof(e)), sizeof(e));
	testnet_run(&tn, 0);
	n = testnet_take_bytes(nic, frame, sizeof(frame)) - ETH_LEN;
	memcpy(icmp + 8, frame + ETH_LEN, n);
	sum = checksum_fold(checksum_partial(icmp, n + 8, 0));
	memcpy(icmp + 2, &sum, 2);
	n = testnet_ipv4(packet, "10.0.0.9", US, IPPROTO_ICMP, 1, 0, icmp, n + 8);
	testnet_feed_ip(&tn, nic, NULL, packet, n);
	ck_assert(socket_poll(a) & POLLERR);
	p = socket_recvmsg(a, &to, &tolen, &control, &controllen, &flags, &err);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(to.sin_addr.s_addr, inet_addr(PEER));
	ck_assert_uint_eq(controllen, CMSG_SPACE(sizeof(m)));
	ck_assert_int_eq(control.h.cmsg_level, IPPROTO_IP);
	ck_assert_int_eq(control.h.cmsg_type, IP_RECVERR);
	memcpy(&m, CMSG_DATA(&control.h), sizeof(m));
	ck_assert_uint_eq(m.ee.ee_errno, EHOSTUNREACH);
	ck_assert_uint_eq(m.ee.ee_origin, SO_EE_ORIGIN_ICMP);
	ck_assert_uint_eq(m.ee.ee_type, ICMP_DEST_UNREACH);
	ck_assert_uint_eq(m.ee.ee_code, ICMP_HOST_UNREACH);
	ck_assert_uint_eq(m.from.sin_addr.s_addr, inet_addr("10.0.0.9"));
	packet_copy_out(p, 0, icmp, sizeof(struct icmphdr));	/* the echo that failed */
	ck_assert_uint_eq(icmp_at(icmp).type, ICMP_ECHO);
	ck_assert_uint_eq(ntohs(icmp_at(icmp).un.echo.sequence), 1);
	packet_free(p);
	ck_assert_int_eq(a->error, 0);
	flags = MSG_ERRQUEUE;
	ck_assert_ptr_null(socket_recvmsg(a, NULL, NULL, NULL, NULL, &flags, &err));
	ck_assert_int_eq(err, -EAGAIN);
}
END_TEST

/* Linux's raw_icmp_error: an error about a UDP datagram concerns raw sockets for UDP, too. */
START_TEST(errors_about_other_transports)
{
	uint8_t frame[200], icmp[100] = { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH }, packet[200];
	struct nic *nic = open_eth();
	struct sock *a = open_udp(), *r = open_raw(&raw_ops, IPPROTO_UDP),
		    *tcp = open_raw(&raw_ops, IPPROTO_TCP);
	int flags = MSG_ERRQUEUE, err;
	struct packet *p;
	uint32_t n;
	uint16_t sum;

	set_int(r, IPPROTO_IP, IP_RECVERR, 1);
	set_int(r, IPPROTO_IP, IP_HDRINCL, _i);
	set_int(tcp, IPPROTO_IP, IP_RECVERR, 1);
	ck_assert_int_eq(connect_to(a, PEER, 53), 0);
	ck_assert_int_eq(send_to(a, NULL, 0, "x", 1), 1);
	testnet_run(&tn, 0);
	n = testnet_take_bytes(nic, frame, sizeof(frame)) - ETH_LEN;
	memcpy(icmp + 8, frame + ETH_LEN, n);
	sum = checksum_fold(checksum_partial(icmp, n + 8, 0));
	memcpy(icmp + 2, &sum, 2);
	n = testnet_ipv4(packet, PEER, US, IPPROTO_ICMP, 1, 0, icmp, n + 8);
	testnet_feed_ip(&tn, nic, NULL, packet, n);
	ck_assert_int_eq(a->error, ECONNREFUSED);
	p = socket_recvmsg(r, NULL, NULL, NULL, NULL, &flags, &err);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sock_err_of(p)->err, ECONNREFUSED);
	ck_assert_uint_eq(p->len, _i ? 29 : 9);		/* from the header on that the program makes */
	packet_free(p);
	ck_assert(!(socket_poll(tcp) & POLLERR));
}
END_TEST

/* Nobody answers ARP: our own host says so, and that reaches the socket, too. */
START_TEST(a_silent_neighbour_is_host_unreachable)
{
	struct sock *a;
	struct echo e = echo_of(ICMP_ECHO, 5, 1);
	int flags = MSG_ERRQUEUE, err;
	struct packet *p;

	open_eth();
	a = open_raw(&ping_ops, IPPROTO_ICMP);
	set_int(a, IPPROTO_IP, IP_RECVERR, 1);
	ck_assert_int_eq(send_to(a, "10.0.0.77", 0, &e, sizeof(e)), sizeof(e));
	for (int i = 0; i < 10; i++)
		testnet_run(&tn, SEC);
	p = socket_recvmsg(a, NULL, NULL, NULL, NULL, &flags, &err);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sock_err_of(p)->err, EHOSTUNREACH);
	packet_free(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("raw");
	TCase *tc = tcase_create("raw");

	tcase_add_checked_fixture(tc, dgramnet_setup, dgramnet_teardown);
	tcase_add_test(tc, ping_over_loopback);
	tcase_add_test(tc, ping_sends_nothing_else);
	tcase_add_test(tc, ping_identifiers_are_exclusive);
	tcase_add_test(tc, raw_icmp_gets_the_ip_header_and_filters);
	tcase_add_test(tc, raw_names_choose);
	tcase_add_test(tc, a_protocol_is_known_while_a_socket_is_there);
	tcase_add_test(tc, transports_packets_are_seen_too);
	tcase_add_test(tc, header_included);
	tcase_add_test(tc, filter_is_for_icmp_only);
	tcase_add_loop_test(tc, unreachable_is_told_with_who_said_so, 0, 2);
	tcase_add_loop_test(tc, errors_about_other_transports, 0, 2);
	tcase_add_test(tc, a_silent_neighbour_is_host_unreachable);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
