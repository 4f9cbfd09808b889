/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_udp_bulk.c - UDP beyond one datagram a call (udp(7)): many in one (UDP_SEGMENT, UDP_GRO),
 * one of many parts (UDP_CORK, MSG_MORE); and what goes with datagrams: filters, stamps, counts of
 * losses, priorities.
 */
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <netinet/udp.h>
#include <time.h>

#include "dgramnet.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static uint8_t data[65536];

static void setup(void)
{
	dgramnet_setup();
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
}

static struct packet *take(struct sock *sk, uint8_t *control, size_t *controllen)
{
	int flags = 0, err;

	return socket_recvmsg(sk, NULL, NULL, control, controllen, &flags, &err);
}

/* The value of a control message, copied; false: it is not there. */
static bool control_value(const uint8_t *control, size_t len, int level, int type, void *v, size_t n)
{
	struct cmsghdr h;

	while (len >= sizeof(h)) {
		memcpy(&h, control, sizeof(h));
		if (h.cmsg_level == level && h.cmsg_type == type) {
			ck_assert_uint_eq(h.cmsg_len, CMSG_LEN(n));
			memcpy(v, control + sizeof(h), n);
			return true;
		}
		if (CMSG_ALIGN(h.cmsg_len) >= len)
			break;
		control += CMSG_ALIGN(h.cmsg_len);
		len -= CMSG_ALIGN(h.cmsg_len);
	}
	return false;
}

static ssize_t send_flags(struct sock *sk, uint16_t port, const void *bytes, uint32_t len, int flags)
{
	struct sockaddr_in sin = name_of("127.0.0.1", port);

	return socket_sendmsg(sk, payload(bytes, len), &sin, sizeof(sin), NULL, 0, flags);
}

/* ---- many in one ---- */

/* Over loopback the super-packet stays whole for who asks, with the length of each in a message. */
START_TEST(gro_takes_many_in_one)
{
	struct sock *a = open_udp(), *b = open_udp();
	uint8_t control[256], got[4000];
	size_t len = sizeof(control);
	struct packet *p;
	int size;

	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	set_int(b, IPPROTO_UDP, UDP_GRO, 1);
	ck_assert_int_eq(get_int(b, IPPROTO_UDP, UDP_GRO), 1);
	set_int(a, IPPROTO_UDP, UDP_SEGMENT, 1000);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, data, 3500), 3500);
	testnet_run(&tn, 0);
	p = take(b, control, &len);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->len, 3500);
	packet_copy_out(p, 0, got, 3500);
	ck_assert_int_eq(memcmp(got, data, 3500), 0);
	packet_free(p);
	ck_assert(control_value(control, len, IPPROTO_UDP, UDP_GRO, &size, sizeof(size)));
	ck_assert_int_eq(size, 1000);
	ck_assert_uint_eq(udp.stats.in_datagrams, 4);
	/* a single datagram says nothing */
	ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, data, 1000), 1000);
	testnet_run(&tn, 0);
	len = sizeof(control);
	p = take(b, control, &len);
	ck_assert_uint_eq(len, 0);
	packet_free(p);
}
END_TEST

START_TEST(without_gro_they_come_one_by_one)
{
	static const uint32_t lens[] = { 1000, 1000, 1000, 500 };
	struct sock *a = open_udp(), *b = open_udp(), *seen = open_raw(&raw_ops, IPPROTO_UDP);
	uint8_t got[4000];

	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	set_int(a, IPPROTO_UDP, UDP_SEGMENT, 1000);
	ck_assert_int_eq(send_to(a, "127.0.0.1", 5000, data, 3500), 3500);
	testnet_run(&tn, 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(receive_from(b, NULL, got, sizeof(got)), lens[i]);
		ck_assert_int_eq(memcmp(got, data + 1000 * i, lens[i]), 0);
	}
	ck_assert_int_eq(receive(b), -EAGAIN);
	ck_assert_uint_eq(udp.stats.in_datagrams, 4);
	/* a raw socket sees it as it came */
	ck_assert_int_eq(receive(seen), 3528);
}
END_TEST

/* Frames of one flow from the link become one message; of another flow, or for another socket, they
 * do not. */
static uint32_t udp_frame(uint8_t *f, struct nic *nic, uint16_t sport, uint16_t dport, const void *bytes,
			  uint32_t n)
{
	uint8_t th[2000] = { 0 };
	uint16_t sum;
	uint32_t len;

	th[0] = (uint8_t)(sport >> 8);
	th[1] = (uint8_t)sport;
	th[2] = (uint8_t)(dport >> 8);
	th[3] = (uint8_t)dport;
	th[4] = (uint8_t)((n + 8) >> 8);
	th[5] = (uint8_t)(n + 8);
	memcpy(th + 8, bytes, n);
	memset(f, 0, ETH_LEN);
	memcpy(f, nic->addr, 6);
	f[6] = 2;
	f[11] = 2;
	f[12] = 8;
	len = testnet_ipv4(f + ETH_LEN, PEER, US, IPPROTO_UDP, 0, 0x4000, th, n + 8);
	sum = checksum_fold(checksum_partial(f + ETH_LEN + 20, n + 8,
			    checksum_pseudo(f + ETH_LEN + 12, f + ETH_LEN + 16, 4, IPPROTO_UDP, n + 8)));
	memcpy(f + ETH_LEN + 26, &sum, 2);
	return ETH_LEN + len;
}

static struct packet *rx(const uint8_t *f, uint32_t n)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&tn.pool, iov);

	memcpy(iov[0].iov_base, f, n);
	packet_rx_finish(p, n);
	return p;
}

START_TEST(gro_merges_for_who_asks)
{
	struct nic *nic = open_eth();
	struct sock *b = open_udp(), *c = open_udp();
	struct packet *batch[6];
	uint8_t f[2000];
	int left;

	ck_assert_int_eq(bind_to(b, US, 5000), 0);
	ck_assert_int_eq(bind_to(c, US, 5001), 0);
	ck_assert_ptr_null(tn.nics.gro_udp);
	set_int(b, IPPROTO_UDP, UDP_GRO, 1);
	ck_assert_ptr_nonnull(tn.nics.gro_udp);
	for (int i = 0; i < 6; i++)
		batch[i] = rx(f, udp_frame(f, nic, 9, i & 1 ? 5001 : 5000, data + 100 * i, 100));
	left = gro_merge(batch, 6, ETH_LEN, tn.nics.gro_udp, tn.nics.gro_udp_arg, &nic->gro_stats);
	ck_assert_int_eq(left, 4);
	for (int i = 0; i < left; i++)
		nic_input(nic, batch[i]);
	ck_assert_int_eq(receive(b), 300);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(receive(c), 100);
	ck_assert_uint_eq(nic->rx_packets, 6);
	ck_assert_uint_eq(nic->rx_bytes, 6 * 142);
	ck_assert_uint_eq(udp.stats.in_datagrams, 6);
	socket_close(b);
	ck_assert_ptr_null(tn.nics.gro_udp);
}
END_TEST

/* ---- one of many parts ---- */

START_TEST(more_makes_one_datagram)
{
	struct sock *a = open_udp(), *b = open_udp();
	uint8_t got[4000];

	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(send_flags(a, 5000, data, 10, MSG_MORE), 10);
	ck_assert_int_eq(send_flags(a, 5001, data + 10, 20, MSG_MORE), 20);	/* the name means nothing now */
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), -EAGAIN);
	ck_assert_int_eq(send_flags(a, 5000, data + 30, 5, 0), 5);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive_from(b, NULL, got, sizeof(got)), 35);
	ck_assert_int_eq(memcmp(got, data, 35), 0);
	/* and the next one is for itself */
	ck_assert_int_eq(send_flags(a, 5000, data, 1, 0), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), 1);
}
END_TEST

START_TEST(cork_holds_until_it_is_drawn)
{
	struct sock *a = open_udp(), *b = open_udp();

	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(connect_to(a, "127.0.0.1", 5000), 0);
	set_int(a, IPPROTO_UDP, UDP_CORK, 1);
	ck_assert_int_eq(get_int(a, IPPROTO_UDP, UDP_CORK), 1);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(send_to(a, NULL, 0, data, 7), 7);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), -EAGAIN);
	set_int(a, IPPROTO_UDP, UDP_CORK, 0);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), 21);
	set_int(a, IPPROTO_UDP, UDP_CORK, 0);		/* nothing there */
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), -EAGAIN);
}
END_TEST

/* What is wrong with the destination is told at once; a part too many loses all; close forgets the
 * rest. */
START_TEST(cork_that_fails)
{
	struct sock *a = open_udp(), *b = open_udp(), *r = open_raw(&raw_ops, IPPROTO_ICMP);
	struct sockaddr_in sin = name_of("127.0.0.1", 0);

	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(socket_sendmsg(a, payload("x", 1), NULL, 0, NULL, 0, MSG_MORE), -EDESTADDRREQ);
	ck_assert_int_eq(send_flags(a, 5000, data, 60000, MSG_MORE), 60000);
	ck_assert_int_eq(send_flags(a, 5000, data, 6000, MSG_MORE), -EMSGSIZE);
	ck_assert_int_eq(send_flags(a, 5000, data, 3, 0), 3);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), 3);
	ck_assert_int_eq(send_flags(a, 5000, data, 1000, MSG_MORE), 1000);
	socket_close(a);
	ck_assert_int_eq(socket_sendmsg(r, payload("12345678", 8), &sin, sizeof(sin), NULL, 0, MSG_MORE),
			 -EOPNOTSUPP);
}
END_TEST

/* ---- what goes with datagrams ---- */

/* socket(7): a filter sees the UDP header; what it cuts is payload. */
START_TEST(filter_begins_at_the_udp_header)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'k', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 10), BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog f = { .len = 4, .filter = insns };
	struct sock *a = open_udp(), *b = open_udp();
	char got[16] = "";

	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	ck_assert_int_eq(socket_setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof(f)), 0);
	send_to(a, "127.0.0.1", 5000, "drop", 4);
	send_to(a, "127.0.0.1", 5000, "keep", 4);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive_from(b, NULL, got, sizeof(got)), 2);
	ck_assert_str_eq(got, "ke");
	ck_assert_int_eq(receive(b), -EAGAIN);
	ck_assert_uint_eq(udp.stats.in_errors, 1);
	ck_assert_uint_eq(udp.stats.in_datagrams, 1);
}
END_TEST

/* ip(7), IP_RECVORIGDSTADDR; SO_TIMESTAMPING (Documentation/networking/timestamping.rst). */
START_TEST(told_with_a_datagram)
{
	struct sock *a = open_udp(), *b = open_udp();
	struct timespec ts[3];
	struct sockaddr_in to;
	uint8_t control[256];
	size_t len = sizeof(control);
	int tx = SOF_TIMESTAMPING_TX_SOFTWARE;

	ck_assert_int_eq(bind_to(b, "0.0.0.0", 5000), 0);
	set_int(b, IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
	set_int(b, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
	ck_assert_int_eq(socket_setsockopt(b, SOL_SOCKET, SO_TIMESTAMPING, &tx, sizeof(tx)), -EINVAL);
	tn.env.wall_offset = 1000000 * SEC;
	send_to(a, "127.0.0.7", 5000, "x", 1);
	testnet_run(&tn, 0);
	packet_free(take(b, control, &len));
	ck_assert(control_value(control, len, IPPROTO_IP, IP_RECVORIGDSTADDR, &to, sizeof(to)));
	ck_assert_uint_eq(to.sin_port, htons(5000));
	ck_assert_uint_eq(to.sin_addr.s_addr, inet_addr("127.0.0.7"));
	ck_assert(control_value(control, len, SOL_SOCKET, SO_TIMESTAMPING, ts, sizeof(ts)));
	ck_assert_int_eq(ts[0].tv_sec, 1000000 + (time_t)(tn.env.now / SEC));
	ck_assert_int_eq(ts[2].tv_sec, 0);
}
END_TEST

START_TEST(losses_are_told)
{
	struct sock *a = open_udp(), *b = open_udp();
	uint8_t control[256];
	size_t len = sizeof(control);
	uint32_t drops = 0;
	int sent = 0;

	ck_assert_int_eq(bind_to(b, "127.0.0.1", 5000), 0);
	set_int(b, SOL_SOCKET, SO_RXQ_OVFL, 1);
	b->rcvbuf = 4000;
	send_to(a, "127.0.0.1", 5000, "x", 1);
	testnet_run(&tn, 0);
	packet_free(take(b, control, &len));
	ck_assert_uint_eq(len, 0);		/* of none nothing is said */
	for (; sent < 100; sent++) {
		send_to(a, "127.0.0.1", 5000, "x", 1);
		testnet_run(&tn, 0);
	}
	len = sizeof(control);
	packet_free(take(b, control, &len));
	ck_assert(control_value(control, len, SOL_SOCKET, SO_RXQ_OVFL, &drops, sizeof(drops)));
	while (receive(b) >= 0)
		sent--;
	ck_assert_uint_eq(drops, sent - 1);
	ck_assert_uint_eq(udp.stats.rcvbuf_errors, drops);
}
END_TEST

/* SO_PRIORITY and SO_MARK go with the packet, through cutting, too; IP_TOS sets the priority
 * (ip(7)). */
START_TEST(priority_and_mark_reach_the_link)
{
	struct nic *nic = open_eth();
	struct sock *a = open_udp();
	struct packet *p;

	a->privileged = true;
	set_int(a, SOL_SOCKET, SO_PRIORITY, 5);
	set_int(a, SOL_SOCKET, SO_MARK, 77);
	set_int(a, IPPROTO_UDP, UDP_SEGMENT, 100);
	send_to(a, PEER, 53, data, 250);
	testnet_run(&tn, 0);
	for (int i = 0; i < 3; i++) {
		p = testnet_take(nic);
		ck_assert_uint_eq(p->priority, 5);
		ck_assert_uint_eq(p->mark, 77);
		packet_free(p);
	}
	set_int(a, IPPROTO_IP, IP_TOS, 0x10);		/* low delay: interactive, TC_PRIO_INTERACTIVE */
	ck_assert_int_eq(get_int(a, SOL_SOCKET, SO_PRIORITY), 6);
	set_int(a, IPPROTO_IP, IP_TOS, 0);
	ck_assert_int_eq(get_int(a, SOL_SOCKET, SO_PRIORITY), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("udp in bulk");
	TCase *t = tcase_create("udp in bulk");

	tcase_add_checked_fixture(t, setup, dgramnet_teardown);
	tcase_add_test(t, gro_takes_many_in_one);
	tcase_add_test(t, without_gro_they_come_one_by_one);
	tcase_add_test(t, gro_merges_for_who_asks);
	tcase_add_test(t, more_makes_one_datagram);
	tcase_add_test(t, cork_holds_until_it_is_drawn);
	tcase_add_test(t, cork_that_fails);
	tcase_add_test(t, filter_begins_at_the_udp_header);
	tcase_add_test(t, told_with_a_datagram);
	tcase_add_test(t, losses_are_told);
	tcase_add_test(t, priority_and_mark_reach_the_link);
	suite_add_tcase(s, t);
	return run_suite(s);
}
