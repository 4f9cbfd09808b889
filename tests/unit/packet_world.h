/* SPDX-License-Identifier: Apache-2.0 */
/* packet_world.h - a pool that is empty again after every test, and super-segments, for tests of
 * packets. */
#ifndef TESTS_PACKET_WORLD_H
#define TESTS_PACKET_WORLD_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "packet/checksum.h"
#include "packet/pool.h"
#include "tests/suite.h"

#define ETH	14u

static struct packet_pool pool;
static struct random_seeded state;
static struct random rnd = { random_from_seed, &state };
static uint8_t bytes[PACKET_MAX_LEN];	/* what payloads are made of */

static inline void setup(void)
{
	packet_pool_init(&pool, 64u << 20);
	random_seed(&state, 7);
	random_bytes(&rnd, bytes, sizeof(bytes));
}

/* Every test ends here: nothing may be left handed out. */
static inline void teardown(void)
{
	ck_assert_uint_eq(pool.packets, 0);
	ck_assert_uint_eq(pool.bufs, 0);
	ck_assert_uint_eq(pool.used, 0);
	packet_pool_destroy(&pool);
	ck_assert_uint_eq(pool.cached, 0);
}

static inline struct packet *new_packet(void)
{
	struct packet *p = packet_alloc(&pool, PACKET_HEADROOM);

	ck_assert_ptr_nonnull(p);
	return p;
}

/* The packet's bytes are exactly these. */
static inline void holds_bytes(const struct packet *p, const uint8_t *expected, uint32_t n)
{
	static uint8_t copy[2 * PACKET_MAX_LEN];

	ck_assert_uint_eq(p->len, n);
	packet_copy_out(p, 0, copy, n);
	ck_assert_int_eq(memcmp(copy, expected, n), 0);
}

/* By the letter of RFC 1071: byte by byte, big endian. */
static inline uint16_t naive(const uint8_t *at, size_t n, uint64_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? at[i] : (uint64_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline void count_call(struct packet *p)
{
	++*(unsigned int *)p->owner;
}

/* ---- super-segments ---- */

struct shape {
	bool ip6, udp;
	uint32_t options;	/* bytes of TCP options */
	uint32_t payload, gso_size;
	uint32_t in_head;	/* payload bytes in the linear part */
};

#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u
#define TCP_CWR 0x80u

static inline uint32_t ip_len(const struct shape *s)
{
	return s->ip6 ? 40 : 20;
}

static inline uint32_t transport_len(const struct shape *s)
{
	return s->udp ? 8 : 20 + s->options;
}

static inline uint32_t header_len(const struct shape *s)
{
	return ETH + ip_len(s) + transport_len(s);
}

static inline void write_ip(const struct shape *s, uint8_t *ip, uint32_t len)
{
	uint8_t proto = s->udp ? 17 : 6;

	memset(ip, 0, ip_len(s));
	ip[0] = s->ip6 ? 0x60 : 0x45;
	memcpy(ip + (s->ip6 ? 8 : 12), bytes + 500, s->ip6 ? 32 : 8);
	if (s->ip6) {
		put_be16(ip + 4, (uint16_t)len);
		ip[6] = proto;
		return;
	}
	put_be16(ip + 2, (uint16_t)(20 + len));
	put_be16(ip + 4, 0xfffe);
	ip[8] = 64;
	ip[9] = proto;
	put_be16(ip + 10, naive(ip, 20, 0));
}

static inline uint32_t pseudo(const struct shape *s, const uint8_t *ip, uint32_t len)
{
	uint32_t alen = s->ip6 ? 16 : 4;
	const uint8_t *src = ip + (s->ip6 ? 8 : 12);

	return checksum_pseudo(src, src + alen, alen, s->udp ? 17 : 6, len);
}

/* A super-segment as TCP or UDP hand it down: link header on, sum left to the device. */
static inline struct packet *super(const struct shape *s)
{
	struct packet *p = new_packet();
	uint32_t len = transport_len(s) + s->payload;
	uint8_t *eth, *ip, *th;
	uint16_t sum;

	eth = packet_put(p, header_len(s) + s->in_head);
	memcpy(eth, bytes, ETH);
	put_be16(eth + 12, s->ip6 ? 0x86dd : 0x0800);
	ip = eth + ETH;
	th = ip + ip_len(s);
	write_ip(s, ip, len);
	memset(th, 1, transport_len(s));
	put_be16(th, 4000);
	put_be16(th + 2, 80);
	if (s->udp) {
		put_be16(th + 4, (uint16_t)len);
	} else {
		put_be32(th + 4, 0xfffffff0u);
		th[12] = (uint8_t)((transport_len(s) / 4) << 4);
		th[13] = TCP_CWR | TCP_ACK | TCP_PSH | TCP_FIN;
	}
	sum = (uint16_t)~checksum_fold(pseudo(s, ip, len));
	memcpy(th + (s->udp ? 6 : 16), &sum, 2);
	memcpy(th + transport_len(s), bytes, s->in_head);
	ck_assert_int_eq(packet_copy_in(p, bytes + s->in_head, s->payload - s->in_head), 0);
	p->network = (uint16_t)(ip - p->base);
	p->transport = p->csum_start = (uint16_t)(th - p->base);
	p->csum_offset = s->udp ? 6 : 16;
	p->csum = PACKET_CSUM_PARTIAL;
	p->gso_type = s->udp ? PACKET_GSO_UDP : s->ip6 ? PACKET_GSO_TCP6 : PACKET_GSO_TCP4;
	p->gso_size = (uint16_t)s->gso_size;
	p->gso_segs = (uint16_t)((s->payload + s->gso_size - 1) / s->gso_size);
	p->wire_len = packet_wire_len(p);
	return p;
}

static const struct shape shapes[] = {
	{ .payload = 65000, .gso_size = 1448, .options = 12 },
	{ .payload = 2896, .gso_size = 1448 },
	{ .payload = 1000, .gso_size = 1448 },
	{ .payload = 30001, .gso_size = 999, .options = 40, .in_head = 1 },
	{ .payload = 65000, .gso_size = 1428, .options = 12, .ip6 = true },
	{ .payload = 5000, .gso_size = 7, .ip6 = true, .in_head = 3 },
	{ .payload = 12000, .gso_size = 1200, .udp = true },
	{ .payload = 12001, .gso_size = 1201, .udp = true, .ip6 = true, .in_head = 20 },
};

#define NSHAPES	((int)(sizeof(shapes) / sizeof(shapes[0])))

#endif
