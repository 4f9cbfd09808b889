/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipv4.c - IPv4 in and out: header checks, options, martians, fragments both ways,
 * super-segments. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ip/fragment.h"
#include "packet/checksum.h"
#include "testnet.h"
#include "tests/suite.h"

#define PROTO 253u	/* for experiments, RFC 3692 */

static struct testnet tn;
static struct nic *eth;
static int inputs;
static struct ip_meta last;		/* of the last packet delivered, */
static uint8_t got[65536];		/* its payload */
static uint32_t got_len;
static uint16_t got_gso;

static bool take_in(void *arg, struct packet *p, const struct ip_meta *m)
{
	(void)arg;
	inputs++;
	last = *m;
	got_len = p->len;
	got_gso = p->gso_size;
	ck_assert_uint_le(p->len, sizeof(got));
	ck_assert_ptr_eq(p->data, p->base + p->transport);
	packet_copy_out(p, 0, got, p->len);
	packet_free(p);
	return true;
}

static const struct ip_protocol experiment = { .input = take_in };

static void setup(void)
{
	testnet_init(&tn, 1);
	eth = testnet_eth(&tn, "10.0.0.1", 24);
	testnet_neighbour(&tn, eth, "10.0.0.2");
	ip_register(&tn.ip, PROTO, &experiment, NULL);
	ip_register(&tn.ip, IPPROTO_TCP, &experiment, NULL);
	inputs = 0;
}

static void teardown(void)
{
	testnet_fini(&tn);
}

static const uint8_t hello[16] = "fifteen letters";

static void feed(const uint8_t *ip, uint32_t len)
{
	testnet_feed_ip(&tn, eth, NULL, ip, len);
}

/* ---- in ---- */

START_TEST(delivers)
{
	uint8_t ip[100];
	uint32_t n = testnet_ipv4(ip, "10.0.0.2", "10.0.0.1", PROTO, 1, 0, hello, sizeof(hello));

	ip[1] = 0x20;
	testnet_ipv4_sum(ip);
	memset(ip + n, 0xee, 20);
	feed(ip, n + 20);		/* with padding behind */
	ck_assert_int_eq(inputs, 1);
	ck_assert_uint_eq(got_len, sizeof(hello));
	ck_assert_int_eq(memcmp(got, hello, sizeof(hello)), 0);
	ck_assert_uint_eq(last.proto, PROTO);
	ck_assert_uint_eq(last.ttl, 64);
	ck_assert_uint_eq(last.tos, 0x20);
	ck_assert_uint_eq(last.header_len, 20);
	ck_assert_ptr_eq(last.nic, eth);
	ck_assert(!last.broadcast && !last.multicast);
}
END_TEST

START_TEST(bad_headers)
{
	uint8_t good[64], ip[64];
	uint32_t n = testnet_ipv4(good, "10.0.0.2", "10.0.0.1", PROTO, 1, 0, hello, sizeof(hello));

	for (uint32_t len = 0; len < n; len++)		/* cut off anywhere */
		feed(good, len);
	for (uint32_t bit = 0; bit < 160; bit++) {	/* any bit of the header */
		memcpy(ip, good, n);
		ip[bit / 8] ^= (uint8_t)(1 << bit % 8);
		feed(ip, n);
	}
	ck_assert_int_eq(inputs, 0);
	memcpy(ip, good, n);
	ip[0] = 0x65;
	testnet_ipv4_sum(ip);
	feed(ip, n);
	ip[0] = 0x44;
	put_be16(ip + 10, 0);
	feed(ip, n);
	memcpy(ip, good, n);
	put_be16(ip + 2, 19);				/* shorter than its header */
	testnet_ipv4_sum(ip);
	feed(ip, n);
	put_be16(ip + 2, 0);
	testnet_ipv4_sum(ip);
	feed(ip, n);
	ck_assert_int_eq(inputs, 0);
	feed(good, n);
	ck_assert_int_eq(inputs, 1);
	ck_assert_uint_ge(tn.ip.stats.in_csum_errors, 120);
}
END_TEST

/* A packet with these bytes of options; was it delivered? */
static bool with_options(const uint8_t *opt, uint32_t n)
{
	uint8_t ip[128];
	int before = inputs;
	uint32_t len = testnet_ipv4(ip, "10.0.0.2", "10.0.0.1", PROTO, 1, 0, hello,
				    sizeof(hello));

	memmove(ip + 20 + n, ip + 20, len - 20);
	memcpy(ip + 20, opt, n);
	ip[0] = (uint8_t)(0x40 | (20 + n) / 4);
	put_be16(ip + 2, (uint16_t)(len + n));
	testnet_ipv4_sum(ip);
	feed(ip, len + n);
	return inputs > before;
}

START_TEST(options)
{
	static const uint8_t nops[40] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 99, 99, 99 };

	ck_assert(with_options((uint8_t[]){ 1, 1, 1, 0 }, 4));
	ck_assert_uint_eq(last.header_len, 24);
	ck_assert_int_eq(memcmp(got, hello, sizeof(hello)), 0);
	ck_assert(with_options((uint8_t[]){ 7, 7, 4, 0, 0, 0, 0, 0 }, 8));	/* record route */
	ck_assert(with_options((uint8_t[]){ 148, 4, 0, 0 }, 4));		/* router alert */
	ck_assert(with_options(nops, 40));
	ck_assert_uint_eq(last.header_len, 60);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	/* source routes: refused without an answer */
	ck_assert(!with_options((uint8_t[]){ 131, 7, 4, 10, 0, 0, 3, 0 }, 8));
	ck_assert(!with_options((uint8_t[]){ 1, 137, 7, 4, 10, 0, 0, 3 }, 8));
	ck_assert_uint_eq(testnet_captured(eth), 0);
	/* lengths that lie: a parameter problem */
	ck_assert(!with_options((uint8_t[]){ 7, 0, 0, 0 }, 4));
	ck_assert(!with_options((uint8_t[]){ 7, 1, 0, 0 }, 4));
	ck_assert(!with_options((uint8_t[]){ 7, 5, 0, 0 }, 4));
	ck_assert(!with_options((uint8_t[]){ 1, 1, 1, 7 }, 4));
	ck_assert_uint_eq(testnet_captured(eth), 4);
	testnet_discard(eth);
}
END_TEST

START_TEST(martians)
{
	static const struct { const char *src, *dst; int in; } rows[] = {
		{ "10.0.0.2", "10.0.0.1", 1 },
		{ "192.168.1.1", "10.0.0.1", 1 },
		{ "10.0.0.2", "10.0.0.255", 1 },
		{ "10.0.0.2", "255.255.255.255", 1 },
		{ "0.0.0.0", "255.255.255.255", 1 },	/* DHCP */
		{ "10.0.0.2", "224.0.0.1", 1 },
		{ "127.0.0.1", "10.0.0.1", 0 },
		{ "10.0.0.2", "127.0.0.1", 0 },
		{ "10.0.0.1", "10.0.0.1", 0 },		/* from ourselves */
		{ "10.7.0.1", "10.0.0.1", 0 },		/* also of another NIC */
		{ "10.0.0.255", "10.0.0.1", 0 },
		{ "255.255.255.255", "10.0.0.1", 0 },
		{ "224.0.0.1", "10.0.0.1", 0 },
		{ "0.0.0.0", "10.0.0.1", 0 },
		{ "0.1.2.3", "10.0.0.1", 0 },
		{ "10.0.0.2", "10.0.0.3", 0 },		/* not ours: we do not forward */
		{ "10.0.0.2", "10.7.0.1", 0 },		/* ours, but not here: strong host */
		{ "10.0.0.2", "0.0.0.0", 0 },
	};
	struct nic *eth1 = testnet_nic(&tn, &(struct testnet_link_config){
		.name = "eth1", .addr = { 2, 0, 0, 0, 1, 1 } });
	struct ip_addr a = testnet_addr("10.7.0.1");

	ip_addr_add(&tn.ip, eth1, &a, 24, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t ip[64];
		uint32_t n = testnet_ipv4(ip, rows[i].src, rows[i].dst, PROTO, 1, 0, hello,
					  sizeof(hello));
		int before = inputs;

		feed(ip, n);
		ck_assert_msg(inputs - before == rows[i].in, "%s > %s", rows[i].src, rows[i].dst);
	}
	ck_assert_uint_eq(tn.ip.stats.in_martians, 8);
	testnet_discard(eth);
}
END_TEST

/* RFC 1122 section 3.3.6: a packet for one host in a frame for all. */
START_TEST(unicast_in_broadcast_frame)
{
	uint8_t f[80];
	uint32_t n = testnet_ipv4(f + 14, "10.0.0.2", "10.0.0.1", PROTO, 1, 0, hello,
				  sizeof(hello));

	memset(f, 0xff, 6);
	memcpy(f + 6, (uint8_t[]){ 2, 0, 0, 0, 0, 2, 8, 0 }, 8);
	testnet_feed(&tn, eth, f, 14 + n);
	ck_assert_int_eq(inputs, 0);
	testnet_ipv4(f + 14, "10.0.0.2", "10.0.0.255", PROTO, 1, 0, hello, sizeof(hello));
	testnet_feed(&tn, eth, f, 14 + n);
	ck_assert_int_eq(inputs, 1);
	ck_assert(last.broadcast);
}
END_TEST

/* ---- reassembly ---- */

#define PIECE 64u
#define PIECES 5u
static uint8_t whole[PIECE * PIECES];

static void piece(uint16_t id, uint32_t off, uint32_t len, bool more)
{
	static uint8_t ip[65600];
	uint32_t n = testnet_ipv4(ip, "10.0.0.2", "10.0.0.1", PROTO, id,
				  (uint16_t)(off / 8 | (more ? 0x2000 : 0)), whole, 0);
	static uint8_t zeros[65536];

	memcpy(ip + n, off + len <= sizeof(whole) ? whole + off : zeros, len);
	put_be16(ip + 2, (uint16_t)(20 + len));
	testnet_ipv4_sum(ip);
	feed(ip, 20 + len);
}

static void numbered(uint16_t id, uint32_t i)
{
	piece(id, i * PIECE, PIECE, i + 1 < PIECES);
}

static void whole_arrived(void)
{
	ck_assert_int_eq(inputs, 1);
	ck_assert_uint_eq(got_len, sizeof(whole));
	ck_assert_int_eq(memcmp(got, whole, sizeof(whole)), 0);
	ck_assert_uint_eq(last.header_len, 20);
	ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
	inputs = 0;
}

static void fill_whole(void)
{
	for (uint32_t i = 0; i < sizeof(whole); i++)
		whole[i] = (uint8_t)(i * 7 + i / 256);
}

/* All 120 orders, each with the piece k repeated at the end of the first four. */
START_TEST(every_order)
{
	uint16_t id = 1;

	fill_whole();
	for (uint32_t n = 0; n < 120; n++, id++) {
		uint32_t left[PIECES] = { 0, 1, 2, 3, 4 }, r = n;

		for (uint32_t k = 0; k < PIECES; k++) {
			uint32_t j = r % (PIECES - k), i = left[j];

			r /= PIECES - k;
			for (; j + 1 < PIECES - k; j++)
				left[j] = left[j + 1];
			ck_assert_int_eq(inputs, 0);
			numbered(id, i);
			if (k + 1 < PIECES)
				numbered(id, i);	/* a duplicate */
		}
		whole_arrived();
	}
	ck_assert_uint_eq(tn.ip.stats.reasm_oks, 120);
	ck_assert_uint_eq(tn.ip.stats.reasm_fails, 0);
}
END_TEST

START_TEST(largest_datagram)
{
	static uint8_t last_bytes[3];

	for (uint32_t off = 0; off < 65512; off += 1480)
		piece(7, off, off + 1480 < 65515 ? 1480 : 65515 - off, off + 1480 < 65515);
	ck_assert_int_eq(inputs, 1);
	ck_assert_uint_eq(got_len, 65515);
	(void)last_bytes;
	piece(8, 65504, 16, false);		/* ends at 65,520: with its header beyond 65,535 */
	piece(9, 65528, 100, false);		/* the ping of death */
	ck_assert_uint_eq(tn.ip.stats.reasm_fails, 2);
	ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
}
END_TEST

START_TEST(overlaps)
{
	static const struct { uint32_t off, len; bool more; } bad[] = {
		{ 56, 16, true },	/* over the end of the first */
		{ 48, 64, true },
		{ 0, 80, true },	/* more than the first */
		{ 120, 16, true },	/* over the start of the third */
		{ 64, 72, true },	/* the hole, and more */
		{ 8, 312, false },	/* everything else */
		{ 64, 40, false },	/* the last, before what is there */
		{ 320, 8, true },	/* behind the end, see below */
	};
	uint16_t id = 100;

	fill_whole();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++, id++) {
		uint64_t fails = tn.ip.stats.reasm_fails;

		numbered(id, 0);
		numbered(id, 2);
		if (bad[i].off == 320)
			numbered(id, 4);
		piece(id, bad[i].off, bad[i].len, bad[i].more);
		ck_assert_msg(tn.ip.stats.reasm_fails == fails + 1, "row %zu", i);
		ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
	}
	/* Two ends. */
	piece(200, 64, 64, false);
	piece(200, 64, 32, false);		/* within what is there: a duplicate */
	piece(200, 0, 64, true);
	ck_assert_int_eq(inputs, 1);
	piece(201, 64, 64, false);
	piece(201, 192, 64, false);
	ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
	ck_assert_int_eq(inputs, 1);
}
END_TEST

START_TEST(tiny_and_crooked)
{
	uint8_t ip[64];
	uint64_t fails = 0;

	piece(1, 0, 20, true);			/* a middle not of 8s */
	ck_assert_uint_eq(tn.ip.stats.reasm_fails, ++fails);
	piece(1, 8, 0, true);			/* nothing */
	ck_assert_uint_eq(tn.ip.stats.reasm_fails, ++fails);
	/* TCP whose flags are in the second piece (RFC 1858, RFC 3128) */
	feed(ip, testnet_ipv4(ip, "10.0.0.2", "10.0.0.1", IPPROTO_TCP, 5, 0x2000, hello, 8));
	feed(ip, testnet_ipv4(ip, "10.0.0.2", "10.0.0.1", IPPROTO_TCP, 5, 1, hello, 16));
	fails += 2;
	ck_assert_uint_eq(tn.ip.stats.reasm_fails, fails);
	ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
	/* more than 128 pieces */
	for (uint32_t i = 0; i <= FRAGMENTS_PER_PACKET; i++)
		piece(6, i * 8, 8, true);
	ck_assert_uint_eq(tn.ip.stats.reasm_fails, ++fails);
	ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
}
END_TEST

START_TEST(timeout_is_told)
{
	uint8_t f[600];
	uint32_t n;

	numbered(1, 0);
	numbered(2, 1);
	ck_assert_uint_gt(fragments_memory(tn.ip.fragments), 0);
	testnet_run(&tn, FRAGMENTS_TIMEOUT_NS - SEC);
	ck_assert_uint_gt(fragments_memory(tn.ip.fragments), 0);
	testnet_run(&tn, 2 * SEC);
	ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
	ck_assert_uint_eq(tn.ip.stats.reasm_timeout, 2);
	n = testnet_take_bytes(eth, f, sizeof(f));	/* only for the one whose first piece came */
	ck_assert_uint_eq(n, 14 + 20 + 8 + 20 + PIECE);
	ck_assert_uint_eq(f[34], 11);
	ck_assert_uint_eq(f[35], 1);
	ck_assert_uint_eq(testnet_captured(eth), 0);
}
END_TEST

START_TEST(memory_is_shared_fairly)
{
	uint8_t ip[1600];
	static uint8_t payload[1480];
	uint32_t n;

	/* One station starts thousands of datagrams; another one's survives. */
	n = testnet_ipv4(ip, "10.0.0.3", "10.0.0.1", PROTO, 1, 0x2000, payload, 64);
	feed(ip, n);
	for (uint16_t id = 0; id < 5000; id++) {
		n = testnet_ipv4(ip, "10.0.0.2", "10.0.0.1", PROTO, id, 0x2000, payload,
				 sizeof(payload));
		feed(ip, n);
		ck_assert_uint_le(fragments_memory(tn.ip.fragments),
				  FRAGMENTS_MEMORY_SOURCE + 8192);
	}
	n = testnet_ipv4(ip, "10.0.0.3", "10.0.0.1", PROTO, 1, 8, payload, 64);
	feed(ip, n);
	ck_assert_int_eq(inputs, 1);
	/* A thousand stations together stay within the whole. */
	for (uint32_t i = 0; i < 4000; i++) {
		char src[20];

		snprintf(src, sizeof(src), "10.9.%u.%u", i / 250, 1 + i % 250);
		n = testnet_ipv4(ip, src, "10.0.0.1", PROTO, 1, 0x2000, payload, sizeof(payload));
		feed(ip, n);
		ck_assert_uint_le(fragments_memory(tn.ip.fragments), FRAGMENTS_MEMORY);
	}
	nic_set_up(eth, false);
	ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
	testnet_discard(eth);
}
END_TEST

START_TEST(ecn_of_fragments)
{
	uint8_t ip[128];
	static const struct { uint8_t a, b; int want; } rows[] = {
		{ 0, 0, 0 }, { 2, 2, 2 }, { 2, 3, 3 }, { 3, 2, 3 }, { 0, 3, -1 }, { 2, 0, -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int before = inputs;
		uint32_t n = testnet_ipv4(ip, "10.0.0.2", "10.0.0.1", PROTO, (uint16_t)i, 0x2000,
					  hello, 16);

		ip[1] = rows[i].a;
		testnet_ipv4_sum(ip);
		feed(ip, n);
		testnet_ipv4(ip, "10.0.0.2", "10.0.0.1", PROTO, (uint16_t)i, 2, hello, 16);
		ip[1] = rows[i].b;
		testnet_ipv4_sum(ip);
		feed(ip, n);
		ck_assert_int_eq(inputs - before, rows[i].want >= 0);
		if (rows[i].want >= 0)
			ck_assert_int_eq(last.tos, rows[i].want);
	}
}
END_TEST

/* ---- out ---- */

static struct packet *payload_packet(uint32_t len)
{
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	static uint8_t bytes[65536];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 11 + i / 251);
	ck_assert_int_eq(packet_copy_in(p, bytes, len), 0);
	return p;
}

static int send_packet(struct packet *p, struct flow f, const char *dst)
{
	struct dst d;
	int err;

	f.dst = testnet_addr(dst);
	f.src = testnet_addr("0.0.0.0");
	if (!f.proto)
		f.proto = PROTO;
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	err = ip_output(&tn.ip, p, &f, &d);
	testnet_run(&tn, 0);
	return err;
}

START_TEST(output_header)
{
	uint8_t f[200];

	ck_assert_int_eq(send_packet(payload_packet(100), (struct flow){
		.tos = 0x10, .ttl = 9, .df = true }, "10.0.0.2"), 0);
	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), 134);
	ck_assert_int_eq(memcmp(f, (uint8_t[]){ 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 }, 14), 0);
	ck_assert_int_eq(memcmp(f + 14, (uint8_t[]){ 0x45, 0x10, 0, 120, 0, 0, 0x40, 0, 9, PROTO },
				10), 0);
	ck_assert_int_eq(memcmp(f + 26, (uint8_t[]){ 10, 0, 0, 1, 10, 0, 0, 2 }, 8), 0);
	ck_assert_uint_eq(checksum_fold(checksum_partial(f + 14, 20, 0)), 0);
	ck_assert_uint_eq(f[34 + 99], (uint8_t)(99 * 11));
	ck_assert_int_eq(send_packet(payload_packet(1), (struct flow){ .df = false }, "10.0.0.2"),
			 0);
	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), 35);
	ck_assert_uint_eq(f[22], 64);
	ck_assert_uint_eq(f[20], 0);
}
END_TEST

START_TEST(groups_need_no_neighbour)
{
	uint8_t f[64];

	send_packet(payload_packet(8), (struct flow){ .broadcast_ok = true }, "10.0.0.255");
	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), 42);
	ck_assert_int_eq(memcmp(f, eth_broadcast, 6), 0);
	send_packet(payload_packet(8), (struct flow){ .bound = eth }, "239.129.2.3");
	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), 42);
	ck_assert_int_eq(memcmp(f, (uint8_t[]){ 1, 0, 0x5e, 1, 2, 3 }, 6), 0);
	ck_assert_uint_eq(f[22], 1);
}
END_TEST

START_TEST(fragments_fit_and_add_up)
{
	uint8_t f[1600];
	static uint8_t sum[65536];
	uint32_t n, total = 0, frames = 0;
	uint16_t id = 0;
	bool more = true;

	ck_assert_int_eq(send_packet(payload_packet(20000), (struct flow){ .df = false },
				     "10.0.0.2"), 0);
	while ((n = testnet_take_bytes(eth, f, sizeof(f)))) {
		uint32_t off = (get_be16(f + 20) & 0x1fffu) * 8, len = n - 34;

		ck_assert_uint_le(n - 14, 1500);
		ck_assert_uint_eq(get_be16(f + 16), n - 14);
		ck_assert_uint_eq(checksum_fold(checksum_partial(f + 14, 20, 0)), 0);
		ck_assert_uint_eq(off, total);
		if (frames++)
			ck_assert_uint_eq(get_be16(f + 18), id);
		id = get_be16(f + 18);
		more = get_be16(f + 20) & 0x2000;
		memcpy(sum + off, f + 34, len);
		total += len;
	}
	ck_assert(!more);
	ck_assert_uint_eq(total, 20000);
	ck_assert_uint_eq(frames, 14);
	for (uint32_t i = 0; i < total; i++)
		ck_assert_uint_eq(sum[i], (uint8_t)(i * 11 + i / 251));
	ck_assert_uint_eq(tn.ip.stats.frag_creates, 14);
	ck_assert_uint_eq(tn.ip.stats.frag_oks, 1);
}
END_TEST

static int released;

static void release(struct packet *p)
{
	(void)p;
	released++;
}

START_TEST(too_big)
{
	struct packet *p = payload_packet(1481);

	released = 0;
	p->destructor = release;
	ck_assert_int_eq(send_packet(p, (struct flow){ .df = true }, "10.0.0.2"), -EMSGSIZE);
	ck_assert_int_eq(released, 1);
	ck_assert_int_eq(send_packet(payload_packet(65516), (struct flow){ .df = false },
				     "10.0.0.2"), -EMSGSIZE);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	/* The charge goes with the last fragment. */
	p = payload_packet(4000);
	p->destructor = release;
	released = 0;
	send_packet(p, (struct flow){ .df = false }, "10.0.0.2");
	ck_assert_uint_eq(testnet_captured(eth), 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(released, 0);
		packet_free(testnet_take(eth));
	}
	ck_assert_int_eq(released, 1);
}
END_TEST

/* A TCP super-segment of n bytes of payload, checksum left open. */
static struct packet *super_segment(uint32_t n, uint16_t mss)
{
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	static const uint8_t src[4] = { 10, 0, 0, 1 }, dst[4] = { 10, 0, 0, 2 };
	uint8_t *t = packet_put(p, 20);
	static uint8_t bytes[65536];
	uint16_t sum;

	memset(t, 0, 20);
	t[12] = 0x50;
	t[13] = 0x18;
	packet_copy_in(p, bytes, n);
	sum = (uint16_t)~checksum_fold(checksum_pseudo(src, dst, 4, IPPROTO_TCP, p->len));
	memcpy(t + 16, &sum, 2);
	p->csum = PACKET_CSUM_PARTIAL;
	p->csum_start = (uint16_t)(p->data - p->base);
	p->csum_offset = 16;
	p->gso_type = PACKET_GSO_TCP4;
	p->gso_size = mss;
	p->gso_segs = (uint16_t)((n + mss - 1) / mss);
	return p;
}

START_TEST(super_segments)
{
	struct nic *big = testnet_nic(&tn, &(struct testnet_link_config){
		.name = "eth1", .addr = { 2, 0, 0, 0, 1, 1 }, .gso_max = 65535,
		.caps = LINK_CSUM | LINK_GSO_TCP4 });
	struct ip_addr a = testnet_addr("10.7.0.1");
	struct flow f = { .proto = IPPROTO_TCP, .df = true };
	uint8_t frame[1600];
	struct packet *p;
	uint32_t n, total = 0;

	ip_addr_add(&tn.ip, big, &a, 24, NULL);
	testnet_neighbour(&tn, big, "10.7.0.2");
	/* cut for a link that cannot */
	ck_assert_int_eq(send_packet(super_segment(10000, 1460), f, "10.0.0.2"), 0);
	while ((n = testnet_take_bytes(eth, frame, sizeof(frame)))) {
		uint32_t sum = checksum_pseudo(frame + 26, frame + 30, 4, IPPROTO_TCP, n - 34);

		ck_assert_uint_eq(checksum_fold(checksum_partial(frame + 34, n - 34, sum)), 0);
		ck_assert_uint_eq(get_be32(frame + 38), total);
		total += n - 54;
	}
	ck_assert_uint_eq(total, 10000);
	/* whole for one that can */
	ck_assert_int_eq(send_packet(super_segment(60000, 1460), f, "10.7.0.2"), 0);
	p = testnet_take(big);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->gso_size, 1460);
	ck_assert_uint_eq(p->csum, PACKET_CSUM_PARTIAL);
	ck_assert_uint_eq(p->len, 14 + 40 + 60000);
	ck_assert_uint_eq(p->wire_len, 60000 + 42 * 54);
	packet_free(p);
	ck_assert_ptr_null(testnet_take(big));
	ck_assert_uint_eq(big->tx_packets, 42);
	/* segments larger than the path: refused whole */
	ck_assert_int_eq(send_packet(super_segment(10000, 1461), f, "10.7.0.2"), -EMSGSIZE);
	/* round at loopback, as it is */
	ck_assert_int_eq(send_packet(super_segment(60000, 1460), f, "10.7.0.1"), 0);
	ck_assert_int_eq(inputs, 1);
	ck_assert_uint_eq(got_len, 60020);
	ck_assert_uint_eq(got_gso, 1460);
	ck_assert_ptr_eq(last.nic, tn.lo);
}
END_TEST

START_TEST(checksum_for_links_without)
{
	struct packet *p = super_segment(100, 1460);
	uint8_t f[200];
	uint32_t sum;

	p->gso_size = p->gso_segs = 0;
	p->gso_type = PACKET_GSO_NONE;
	send_packet(p, (struct flow){ .proto = IPPROTO_TCP, .df = true }, "10.0.0.2");
	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), 154);
	sum = checksum_pseudo(f + 26, f + 30, 4, IPPROTO_TCP, 120);
	ck_assert_uint_eq(checksum_fold(checksum_partial(f + 34, 120, sum)), 0);
}
END_TEST

START_TEST(stale_route_is_refreshed)
{
	struct flow f = { .proto = PROTO, .src = testnet_addr("0.0.0.0"),
			  .dst = testnet_addr("10.0.0.2") };
	struct dst d;

	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	nic_destroy(eth);
	ck_assert_int_eq(ip_output(&tn.ip, payload_packet(10), &f, &d), -ENETUNREACH);
	ck_assert_uint_eq(tn.ip.stats.out_no_routes, 1);
}
END_TEST

START_TEST(raw_header)
{
	uint8_t ip[64], frame[64];
	uint32_t n = testnet_ipv4(ip, "0.0.0.0", "10.0.0.2", PROTO, 0, 0, hello, sizeof(hello));
	struct flow f = { .proto = PROTO, .src = testnet_addr("0.0.0.0"),
			  .dst = testnet_addr("10.0.0.2") };
	struct dst d;
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);

	route_lookup(&tn.ip, &f, &d);
	put_be16(ip + 2, 999);
	packet_copy_in(p, ip, n);
	ck_assert_int_eq(ip_output_raw(&tn.ip, p, &f, &d), 0);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 14 + n);
	ck_assert_uint_eq(get_be16(frame + 16), n);
	ck_assert_uint_eq(get_be32(frame + 26), 0x0a000001);
	ck_assert_uint_eq(checksum_fold(checksum_partial(frame + 14, 20, 0)), 0);
	for (uint32_t cut = 0; cut < 20; cut++) {
		p = packet_alloc(&tn.pool, PACKET_HEADROOM);
		packet_copy_in(p, ip, cut);
		ck_assert_int_eq(ip_output_raw(&tn.ip, p, &f, &d), -EINVAL);
	}
	p = payload_packet(1501);
	packet_need(p, 1);
	p->data[0] = 0x45;
	ck_assert_int_eq(ip_output_raw(&tn.ip, p, &f, &d), -EMSGSIZE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipv4");
	TCase *tc = tcase_create("ipv4");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, delivers);
	tcase_add_test(tc, bad_headers);
	tcase_add_test(tc, options);
	tcase_add_test(tc, martians);
	tcase_add_test(tc, unicast_in_broadcast_frame);
	tcase_add_test(tc, every_order);
	tcase_add_test(tc, largest_datagram);
	tcase_add_test(tc, overlaps);
	tcase_add_test(tc, tiny_and_crooked);
	tcase_add_test(tc, timeout_is_told);
	tcase_add_test(tc, memory_is_shared_fairly);
	tcase_add_test(tc, ecn_of_fragments);
	tcase_add_test(tc, output_header);
	tcase_add_test(tc, groups_need_no_neighbour);
	tcase_add_test(tc, fragments_fit_and_add_up);
	tcase_add_test(tc, too_big);
	tcase_add_test(tc, super_segments);
	tcase_add_test(tc, checksum_for_links_without);
	tcase_add_test(tc, stale_route_is_refreshed);
	tcase_add_test(tc, raw_header);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
