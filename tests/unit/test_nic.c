/* SPDX-License-Identifier: Apache-2.0 */
/* test_nic.c - NICs: batches, a busy link, what becomes of a device, their numbers, Ethernet framing, loopback. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "testnet.h"
#include "tests/suite.h"

static struct testnet tn;
static struct nic *eth;
static int wanted;

static void setup(void)
{
	testnet_init(&tn, 1);
	eth = testnet_eth(&tn, "10.0.0.1", 24);
	wanted = 0;
}

static void teardown(void)
{
	testnet_fini(&tn);
}

static void want_write(struct nic *nic, bool on)
{
	(void)nic;
	wanted = on ? 1 : -1;
}

/* A frame numbered n, of 60 bytes. */
static void send_frame(uint8_t n)
{
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);

	memset(packet_put(p, 46), n, 46);
	p->protocol = ETH_TYPE_IPV4;
	ethernet_output(eth, p, eth_broadcast);
}

static uint8_t take_number(void)
{
	uint8_t frame[64];

	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 60);
	return frame[20];
}

START_TEST(output_frames)
{
	uint8_t frame[64];

	send_frame(7);
	ck_assert_uint_eq(testnet_captured(eth), 0);	/* not before the end of the turn */
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 60);
	ck_assert_int_eq(memcmp(frame, eth_broadcast, 6), 0);
	ck_assert_int_eq(memcmp(frame + 6, eth->addr, 6), 0);
	ck_assert_uint_eq(frame[12], 8);
	ck_assert_uint_eq(frame[13], 0);
	ck_assert_uint_eq(frame[14], 7);
	ck_assert_uint_eq(eth->tx_packets, 1);
	ck_assert_uint_eq(eth->tx_bytes, 60);
}
END_TEST

/* What the link refuses stays in order, and the qdisc is not asked for more than a batch. */
START_TEST(busy_link)
{
	eth->want_write = want_write;
	testnet_link_room(eth, 10);
	for (int i = 0; i < 200; i++)
		send_frame((uint8_t)i);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(eth), 10);
	ck_assert_int_eq(wanted, 1);
	ck_assert_uint_eq(eth->ring.len, LINK_BATCH - 10);
	ck_assert_uint_eq(eth->tx_packets, 10);
	testnet_run(&tn, SEC);
	ck_assert_uint_eq(testnet_captured(eth), 10);
	testnet_link_room(eth, 3);
	nic_writable(eth);
	ck_assert_uint_eq(testnet_captured(eth), 13);
	ck_assert_int_eq(wanted, 1);
	testnet_link_room(eth, -1);
	nic_writable(eth);
	ck_assert_int_eq(wanted, -1);
	ck_assert_uint_eq(testnet_captured(eth), 200);
	ck_assert_uint_eq(eth->tx_packets, 200);
	ck_assert_uint_eq(eth->tx_bytes, 200 * 60);
	for (int i = 0; i < 200; i++)
		ck_assert_uint_eq(take_number(), i);
}
END_TEST

START_TEST(down_drops)
{
	testnet_link_room(eth, 0);
	for (int i = 0; i < 100; i++)
		send_frame(0);
	testnet_run(&tn, 0);
	nic_set_up(eth, false);
	ck_assert_uint_eq(eth->ring.len, 0);
	ck_assert_uint_eq(tn.pool.packets, 0);
	send_frame(0);
	ck_assert_uint_eq(eth->tx_drops, LINK_BATCH + 1);
	nic_set_up(eth, true);
	testnet_link_room(eth, -1);
	nic_writable(eth);
	send_frame(9);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(take_number(), 9);
	ck_assert_ptr_null(testnet_take(eth));
}
END_TEST

START_TEST(without_root)
{
	testnet_link_room(eth, 0);
	send_frame(0);
	nic_set_root(eth, NULL);
	ck_assert_uint_eq(tn.pool.packets, 0);
	send_frame(0);
	ck_assert_uint_eq(eth->tx_drops, 1);
	testnet_run(&tn, 0);
}
END_TEST

static int inputs;

static void count_input(void *arg, struct nic *nic, struct packet *p)
{
	(void)arg;
	(void)nic;
	inputs++;
	packet_free(p);
}

START_TEST(ethernet_filter)
{
	static const struct { uint8_t dst[6], src[6]; uint16_t type; int in; } rows[] = {
		{ { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 }, 0x0800, 1 },
		{ { 255, 255, 255, 255, 255, 255 }, { 2, 0, 0, 0, 0, 2 }, 0x0806, 1 },
		{ { 1, 0, 0x5e, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 }, 0x0800, 1 },
		{ { 2, 0, 0, 0, 0, 3 }, { 2, 0, 0, 0, 0, 2 }, 0x0800, 0 },	/* another's */
		{ { 2, 0, 0, 0, 0, 1 }, { 3, 0, 0, 0, 0, 2 }, 0x0800, 0 },	/* from a group */
		{ { 255, 255, 255, 255, 255, 255 }, { 2, 0, 0, 0, 0, 1 }, 0x0800, 0 }, /* our own */
		{ { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 }, 46, 0 },		/* 802.3 */
	};

	inputs = 0;
	tn.nics.input = count_input;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t frame[60] = { 0 };
		int before = inputs;

		memcpy(frame, rows[i].dst, 6);
		memcpy(frame + 6, rows[i].src, 6);
		frame[12] = (uint8_t)(rows[i].type >> 8);
		frame[13] = (uint8_t)rows[i].type;
		testnet_feed(&tn, eth, frame, sizeof(frame));
		ck_assert_msg(inputs - before == rows[i].in, "row %zu", i);
	}
	ck_assert_uint_eq(eth->rx_drops, 4);
	for (uint32_t len = 0; len < ETH_HEADER_LEN; len++)
		testnet_feed(&tn, eth, (uint8_t[16]){ 2, 0, 0, 0, 0, 1 }, len);
	ck_assert_int_eq(inputs, 3);
}
END_TEST

static int released;

static void release(struct packet *p)
{
	released++;
	ck_assert_ptr_eq(p->owner, &released);
}

START_TEST(loopback_turns_round)
{
	inputs = released = 0;
	tn.nics.input = count_input;
	for (unsigned int i = 0; i < NIC_LOOPBACK_QUEUE + 5; i++) {
		struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);

		packet_put(p, 20);
		p->owner = &released;
		p->destructor = release;
		nic_output(tn.lo, p);
	}
	ck_assert_int_eq(inputs, 0);
	ck_assert_int_eq(released, 5);		/* beyond the bound */
	ck_assert_uint_eq(tn.lo->tx_drops, 5);
	testnet_run(&tn, 0);
	ck_assert_int_eq(inputs, NIC_LOOPBACK_QUEUE);
	ck_assert_int_eq(released, NIC_LOOPBACK_QUEUE + 5);
}
END_TEST

START_TEST(bad_links)
{
	struct link l = { .name = "eth0", .mtu = 1500 };
	struct weir_error e = { "" };

	ck_assert_ptr_null(nic_create(&tn.nics, &l, true, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "eth0"));
	strcpy(l.name, "eth1");
	l.mtu = 67;
	ck_assert_ptr_null(nic_create(&tn.nics, &l, true, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "67"));
	l.mtu = 1500;
	l.addr[0] = 1;
	ck_assert_ptr_null(nic_create(&tn.nics, &l, true, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "multicast"));
	l.addr[0] = 0;
	l.name[0] = 0;
	ck_assert_ptr_null(nic_create(&tn.nics, &l, true, &e));
	memset(l.name, 'x', sizeof(l.name));
	ck_assert_ptr_null(nic_create(&tn.nics, &l, true, &e));
}
END_TEST

START_TEST(gso_off)
{
	struct link l = {
		.name = "eth1", .mtu = 1500, .caps = LINK_CSUM | LINK_GSO_TCP4, .gso_max = 65535,
	};
	struct nic *nic = nic_create(&tn.nics, &l, false, NULL);

	ck_assert_uint_eq(nic->caps, LINK_CSUM);
	ck_assert_uint_eq(nic->gso_max, 0);
	ck_assert_ptr_eq(nic_find(&tn.nics, "eth1"), nic);
	ck_assert_ptr_eq(nic_find_index(&tn.nics, nic->index), nic);
	ck_assert_uint_eq(tn.lo->index, 1);
}
END_TEST

/* ---- what becomes of a device, as who listens is told of it ---- */

static enum nic_event told[16];
static unsigned int ntold;

static void tell(struct nic_tap *t, struct nic *nic, enum nic_event ev)
{
	(void)t;
	ck_assert_ptr_eq(nic, eth);
	ck_assert_uint_lt(ntold, 16);
	told[ntold++] = ev;
}

static struct nic_tap listener = { .event = tell };

/* What has been told since the last time is this, and no more. */
static void ck_told(const enum nic_event *events, unsigned int n)
{
	ck_assert_uint_eq(ntold, n);
	for (unsigned int i = 0; i < n; i++)
		ck_assert_int_eq(told[i], events[i]);
	ntold = 0;
}

#define CK_TOLD(...) \
	ck_told((const enum nic_event[]){ __VA_ARGS__ }, sizeof((const enum nic_event[]){ __VA_ARGS__ }) / sizeof(enum nic_event))

static void listen_to(void)
{
	ntold = 0;
	list_add_tail(&listener.node, &tn.nics.taps);
}

START_TEST(up_and_down)
{
	listen_to();
	send_frame(1);			/* waits for the end of the turn */
	nic_set_up(eth, false);
	CK_TOLD(NIC_DOWN);
	nic_set_up(eth, false);
	ck_told(NULL, 0);
	send_frame(2);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	nic_set_up(eth, true);
	CK_TOLD(NIC_UP);
	send_frame(3);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(take_number(), 3);	/* the others have gone with it */
	ck_assert_uint_eq(testnet_captured(eth), 0);
	list_del(&listener.node);
}
END_TEST

START_TEST(carrier)
{
	unsigned int naddrs = 0;

	listen_to();
	send_frame(1);
	nic_set_carrier(eth, false);
	CK_TOLD(NIC_CARRIER);
	nic_set_carrier(eth, false);
	ck_told(NULL, 0);
	send_frame(2);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	list_for_each(pos, &eth->addrs)
		naddrs++;
	ck_assert_uint_eq(naddrs, 1);		/* it keeps its addresses */
	nic_set_carrier(eth, true);
	CK_TOLD(NIC_CARRIER);
	send_frame(3);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(take_number(), 3);
	list_del(&listener.node);
}
END_TEST

START_TEST(mtu_and_link_address)
{
	static const uint8_t other[LINK_ADDR_LEN] = { 2, 0, 0, 0, 0, 0x77 };
	uint8_t frame[64];

	listen_to();
	nic_set_mtu(eth, eth->mtu);
	nic_set_addr(eth, eth->addr);
	ck_told(NULL, 0);
	nic_set_mtu(eth, 1400);
	CK_TOLD(NIC_MTU);
	ck_assert_uint_eq(eth->mtu, 1400);
	ck_assert_uint_eq(eth->link.mtu, 1400);		/* what a reloaded driver finds */
	nic_set_addr(eth, other);
	CK_TOLD(NIC_ADDR);
	send_frame(1);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 60);
	ck_assert_mem_eq(frame + 6, other, sizeof(other));
	nic_set_shown(eth, eth->name, eth->operstate);
	ck_told(NULL, 0);
	nic_set_shown(eth, "lan0", 6);
	CK_TOLD(NIC_SHOWN);
	ck_assert_ptr_eq(nic_find(&tn.nics, "lan0"), eth);
	list_del(&listener.node);
}
END_TEST

START_TEST(deleted)
{
	unsigned int index = eth->index;
	char name[LINK_NAME_MAX];

	strcpy(name, eth->name);
	listen_to();
	send_frame(1);
	nic_set_gone(eth);
	CK_TOLD(NIC_DOWN, NIC_HIDDEN);
	nic_set_gone(eth);
	ck_told(NULL, 0);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert(list_empty(&eth->addrs));
	ck_assert_ptr_null(nic_find(&tn.nics, name));
	ck_assert_ptr_null(nic_find_index(&tn.nics, index));
	list_del(&listener.node);
}
END_TEST

START_TEST(numbers)
{
	struct link l = { .mtu = 1500 };
	struct nic *a, *b, *c;
	unsigned int last = 0;

	strcpy(l.name, "a");
	a = nic_create(&tn.nics, &l, true, NULL);
	nic_set_index(a, 9);
	ck_assert_uint_eq(a->index, 9);
	strcpy(l.name, "b");
	b = nic_create(&tn.nics, &l, true, NULL);
	ck_assert_uint_eq(b->index, 10);
	nic_set_index(b, 9);			/* another's */
	ck_assert_uint_eq(b->index, 10);
	nic_set_index(b, 5);			/* a device's, which came with a smaller one */
	ck_assert_uint_eq(b->index, 5);
	nic_set_gone(a);
	strcpy(l.name, "a");
	c = nic_create(&tn.nics, &l, true, NULL);
	ck_assert_uint_eq(c->index, 11);
	nic_set_index(c, 9);			/* it is free again */
	ck_assert_ptr_eq(nic_find_index(&tn.nics, 9), c);
	list_for_each(pos, &tn.nics.list) {	/* who shows them goes by their numbers */
		const struct nic *nic = list_entry(pos, struct nic, node);

		ck_assert_uint_ge(nic->index, last);
		last = nic->index;
	}
	ck_assert_uint_eq(last, 9);
	ck_assert_uint_eq(tn.nics.next_index, 12);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nic");
	TCase *tc = tcase_create("nic");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, output_frames);
	tcase_add_test(tc, busy_link);
	tcase_add_test(tc, down_drops);
	tcase_add_test(tc, without_root);
	tcase_add_test(tc, ethernet_filter);
	tcase_add_test(tc, loopback_turns_round);
	tcase_add_test(tc, bad_links);
	tcase_add_test(tc, gso_off);
	tcase_add_test(tc, up_and_down);
	tcase_add_test(tc, carrier);
	tcase_add_test(tc, mtu_and_link_address);
	tcase_add_test(tc, deleted);
	tcase_add_test(tc, numbers);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
