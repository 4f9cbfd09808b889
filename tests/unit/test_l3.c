/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_l3.c - NICs whose frames are IP packets (LINK_L3): no link header in any length, no ARP, and
 * offload metadata that counts from the IP header.
 */
#include <check.h>
#include <errno.h>
#include <linux/icmp.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ip/ipv4.h"
#include "module/params.h"
#include "module/registry.h"
#include "nic/qdisc.h"
#include "testnet.h"
#include "tests/suite.h"

#define MTU 1500u

static struct testnet tn;
static struct nic *tun;

static struct nic *l3_nic(const char *name, bool gso)
{
	struct testnet_link_config c = {
		.name = name, .caps = LINK_L3 | LINK_CSUM | LINK_GSO_TCP4, .gso_max = gso ? 65535 : 0,
	};

	return testnet_nic(&tn, &c);
}

static void setup(void)
{
	struct ip_addr a = testnet_addr("10.9.0.2");

	testnet_init(&tn, 1);
	tun = l3_nic("tun0", true);
	ck_assert_int_eq(ip_addr_add(&tn.ip, tun, &a, 24, NULL), 0);
}

static void teardown(void)
{
	testnet_fini(&tn);
}

/* An echo request from 10.9.0.1, and what is answered: an IP packet, at once, and nothing else. */
START_TEST(answers_without_link_header)
{
	uint8_t in[64], out[128], echo[12] = { ICMP_ECHO, 0, 0, 0, 1, 2, 3, 4, 'w', 'e', 'i', 'r' };
	uint16_t sum = checksum_fold(checksum_partial(echo, sizeof(echo), 0));
	uint32_t n, len;

	memcpy(echo + 2, &sum, sizeof(sum));
	n = testnet_ipv4(in, "10.9.0.1", "10.9.0.2", IPPROTO_ICMP, 7, 0, echo, sizeof(echo));
	testnet_feed(&tn, tun, in, n);
	len = testnet_take_bytes(tun, out, sizeof(out));
	ck_assert_uint_eq(len, n);
	ck_assert_uint_eq(out[0], 0x45);
	ck_assert_uint_eq(out[IPV4_HEADER_LEN], ICMP_ECHOREPLY);
	ck_assert_int_eq(memcmp(out + len - 4, "weir", 4), 0);
	ck_assert_uint_eq(testnet_captured(tun), 0);	/* nobody was asked for */
	ck_assert_uint_eq(tn.ip.arp.table.count, 0);
	ck_assert_uint_eq(tun->tx_bytes, n);
}
END_TEST

START_TEST(other_frames_are_dropped)
{
	uint8_t frame[64] = { 0 };

	for (int version = 0; version < 16; version++) {
		frame[0] = (uint8_t)(version << 4 | 5);
		testnet_feed(&tn, tun, frame, sizeof(frame));
	}
	testnet_feed(&tn, tun, frame, 0);
	ck_assert_uint_eq(tun->rx_packets, 17);
	ck_assert_uint_eq(tun->rx_drops, 15);		/* 4 and 6 are IP's to refuse */
	ck_assert_uint_eq(tn.pool.packets, 0);
}
END_TEST

START_TEST(has_no_link_addresses)
{
	const uint8_t mac[LINK_ADDR_LEN] = { 2, 0, 0, 0, 0, 9 };
	struct ip_addr a = testnet_addr("10.9.0.1");
	struct nic *plain = l3_nic("tun1", false);

	ck_assert_int_eq(neighbour_set_permanent(&tn.ip.arp, tun, a.b, mac), -EOPNOTSUPP);
	ck_assert(plain->l3);		/* gso = off forbids offloads, not what the device is */
	ck_assert_uint_eq(plain->caps, LINK_CSUM);
	ck_assert_uint_eq(nic_header_len(plain), 0);
	ck_assert_uint_eq(tun->caps, LINK_CSUM | LINK_GSO_TCP4);
}
END_TEST

/* A super-segment, data at the IP header. */
static struct packet *super(uint32_t payload, uint16_t size)
{
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	uint8_t *ip = packet_put(p, 40);
	static uint8_t bytes[65536];

	memset(ip, 0, 40);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(40 + payload));
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	memcpy(ip + 12, (uint8_t[]){ 10, 9, 0, 2, 10, 9, 0, 1 }, 8);
	ipv4_header_sum((struct ipv4_header *)ip);
	ip[20 + 12] = 5 << 4;
	ck_assert_int_eq(packet_copy_in(p, bytes, payload), 0);
	p->network = (uint16_t)(p->data - p->base);
	p->transport = p->csum_start = (uint16_t)(p->network + 20);
	p->csum = PACKET_CSUM_PARTIAL;
	p->csum_offset = 16;
	p->gso_type = PACKET_GSO_TCP4;
	p->gso_size = size;
	p->gso_segs = (uint16_t)((payload + size - 1) / size);
	return p;
}

START_TEST(vnet_counts_from_the_ip_header)
{
	struct packet *p = super(4000, 1460), *r;
	struct packet_queue cut = { 0 };
	struct virtio_net_hdr h;
	struct iovec iov[2];

	ck_assert_uint_eq(packet_wire_len(p), 4000 + 3 * 40);
	packet_to_vnet(p, &h);
	ck_assert_uint_eq(h.hdr_len, 40);
	ck_assert_uint_eq(h.csum_start, 20);
	r = packet_rx_prepare(&tn.pool, iov);
	packet_copy_out(p, 0, iov[0].iov_base, (uint32_t)iov[0].iov_len);
	packet_copy_out(p, (uint32_t)iov[0].iov_len, iov[1].iov_base,
			p->len - (uint32_t)iov[0].iov_len);
	packet_rx_finish(r, p->len);
	ck_assert_int_eq(packet_from_vnet(r, &h), -EINVAL);	/* there is no Ethernet in it */
	ck_assert_int_eq(packet_from_vnet_l3(r, &h), 0);
	ck_assert_uint_eq(r->gso_segs, 3);
	ck_assert_uint_eq(r->csum_start - (uint32_t)(r->data - r->base), 20);
	ck_assert_uint_eq(packet_wire_len(r), 4000 + 3 * 40);
	ck_assert_int_eq(packet_segment(r, &cut), 0);
	ck_assert_uint_eq(cut.len, 3);
	ck_assert_uint_eq(cut.bytes, 4000 + 3 * 40);
	packet_queue_purge(&cut);
	packet_free(p);
}
END_TEST

/* Lengths that qdiscs see and limits that they are checked against have no Ethernet in them. */
START_TEST(tbf_counts_ip_bytes)
{
	struct setting s[] = { { .name = "rate", .value = "8000" },
			       { .name = "burst", .value = "1499" } };
	const char *path = getenv("WEIR_MODULE_PATH");
	struct weir_error e = { "" };
	struct qdisc_kinds kinds;
	const struct qdisc_ops *ops;
	struct log log = { 0 };
	_Alignas(16) uint8_t params[256];
	struct registry r;
	struct module *m;
	struct qdisc *q;

	ck_assert_int_eq(registry_init(&r, path ? path : ".libs", &log, &e), 0);
	registry_qdisc_kinds(&r, &kinds);
	tn.nics.kinds = &kinds;
	ops = kinds.get(kinds.arg, "tbf", &m, &e);
	ck_assert_msg(ops && ops->params_size <= sizeof(params), "%s", e.text);
	ck_assert_int_eq(params_parse(ops->params, s, 2, NULL, params, ops->params_size, &e), 0);
	ck_assert_ptr_null(qdisc_create(tun, "tbf", params, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "(1500 bytes"));
	s[1].value = "1500";
	ck_assert_int_eq(params_parse(ops->params, s, 2, NULL, params, ops->params_size, &e), 0);
	q = qdisc_create(tun, "tbf", params, &e);
	ck_assert_msg(q != NULL, "%s", e.text);
	kinds.put(kinds.arg, m);
	nic_set_root(tun, q);
	for (int i = 0; i < 3; i++) {	/* 1,000 bytes each, at 8,000 bytes/s */
		struct packet *p = super(960, 1460);

		p->gso_size = p->gso_segs = 0;
		p->gso_type = PACKET_GSO_NONE;
		nic_output(tun, p);
	}
	ck_assert_uint_eq(q->stats.backlog, 3000);
	for (uint32_t i = 0; i < 3; i++) {	/* the bucket is empty: another qdisc was here before */
		testnet_run(&tn, 124 * MSEC);
		ck_assert_uint_eq(testnet_captured(tun), i);
		testnet_run(&tn, MSEC + MSEC / 10);	/* and a tick of the wheel */
		ck_assert_uint_eq(testnet_captured(tun), i + 1);
	}
	nic_set_root(tun, NULL);
	registry_destroy(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("l3");
	TCase *tc = tcase_create("l3");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, answers_without_link_header);
	tcase_add_test(tc, other_frames_are_dropped);
	tcase_add_test(tc, has_no_link_addresses);
	tcase_add_test(tc, vnet_counts_from_the_ip_header);
	tcase_add_test(tc, tbf_counts_ip_bytes);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
