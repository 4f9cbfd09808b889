/* SPDX-License-Identifier: Apache-2.0 */
/* test_packet.c - packets, pools, checksums, segmentation, virtio_net_hdr. */
#include <check.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "packet/checksum.h"
#include "packet/pool.h"

#define ETH	14u

static struct packet_pool pool;
static struct random_seeded state;
static struct random rnd = { random_from_seed, &state };
static uint8_t bytes[PACKET_MAX_LEN];	/* what payloads are made of */

static void setup(void)
{
	packet_pool_init(&pool, 64u << 20);
	random_seed(&state, 7);
	random_bytes(&rnd, bytes, sizeof(bytes));
}

/* Every test ends here: nothing may be left handed out. */
static void teardown(void)
{
	ck_assert_uint_eq(pool.packets, 0);
	ck_assert_uint_eq(pool.bufs, 0);
	ck_assert_uint_eq(pool.used, 0);
	packet_pool_destroy(&pool);
	ck_assert_uint_eq(pool.cached, 0);
}

static struct packet *new_packet(void)
{
	struct packet *p = packet_alloc(&pool, PACKET_HEADROOM);

	ck_assert_ptr_nonnull(p);
	return p;
}

/* The packet's bytes are exactly these. */
static void holds_bytes(const struct packet *p, const uint8_t *expected, uint32_t n)
{
	static uint8_t copy[2 * PACKET_MAX_LEN];

	ck_assert_uint_eq(p->len, n);
	packet_copy_out(p, 0, copy, n);
	ck_assert_int_eq(memcmp(copy, expected, n), 0);
}

/* ---- checksums ---- */

/* By the letter of RFC 1071: byte by byte, big endian. */
static uint16_t naive(const uint8_t *at, size_t n, uint64_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? at[i] : (uint64_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint16_t ours(uint32_t sum)
{
	uint16_t stored = checksum_fold(sum);

	return get_be16(&stored);
}

START_TEST(checksum_is_the_naive_one)
{
	for (uint32_t n = 0; n < 300; n++) {
		uint32_t off = random_below(&rnd, 1000);

		ck_assert_uint_eq(ours(checksum_partial(bytes + off, n, 0)),
				  naive(bytes + off, n, 0));
	}
	for (int i = 0; i < 100; i++) {
		uint32_t n = random_below(&rnd, sizeof(bytes) + 1);

		ck_assert_uint_eq(ours(checksum_partial(bytes, n, 0)), naive(bytes, n, 0));
	}
}
END_TEST

START_TEST(checksum_carries_are_kept)
{
	static uint8_t ones[PACKET_MAX_LEN];

	memset(ones, 0xff, sizeof(ones));
	for (uint32_t n = 1; n < 200; n++)
		ck_assert_uint_eq(ours(checksum_partial(ones, n, UINT32_MAX)),
				  naive(ones, n, UINT32_MAX));
	ck_assert_uint_eq(ours(checksum_partial(ones, sizeof(ones), UINT32_MAX)), 0);
}
END_TEST

START_TEST(checksum_crosses_fragments_at_any_parity)
{
	for (int round = 0; round < 500; round++) {
		struct packet *p = new_packet();
		uint32_t n = random_below(&rnd, 64), off, len;

		memcpy(packet_put(p, n), bytes, n);
		for (uint32_t i = random_below(&rnd, PACKET_FRAGS); i; i--) {
			uint32_t part = 1 + random_below(&rnd, 50);

			ck_assert_int_eq(packet_copy_in(p, bytes + n, part), 0);
			n += part;
		}
		holds_bytes(p, bytes, n);
		off = random_below(&rnd, n + 1);
		len = random_below(&rnd, n - off + 1);
		ck_assert_uint_eq(ours(checksum_packet(p, off, len, 0)),
				  naive(bytes + off, len, 0));
		packet_free(p);
	}
}
END_TEST

START_TEST(checksum_pseudo_header)
{
	uint8_t flat[40] = { 0 };

	memcpy(flat, bytes, 32);
	put_be32(flat + 32, 70000);
	flat[39] = 6;
	ck_assert_uint_eq(ours(checksum_pseudo(bytes, bytes + 16, 16, 6, 70000)),
			  naive(flat, 40, 0));
	memset(flat, 0, sizeof(flat));
	memcpy(flat, bytes, 8);
	flat[9] = 17;
	put_be16(flat + 10, 4321);
	ck_assert_uint_eq(ours(checksum_pseudo(bytes, bytes + 4, 4, 17, 4321)),
			  naive(flat, 12, 0));
}
END_TEST

/* ---- the pool ---- */

START_TEST(pool_limit_holds_and_recovers)
{
	struct buf *bufs[64];
	int n = 0;

	packet_pool_init(&pool, 100000);
	while ((bufs[n] = buf_alloc(&pool, 8192)))
		n++;
	ck_assert_int_eq(n, 12);
	ck_assert_uint_eq(pool.failures, 1);
	ck_assert_uint_le(pool.used, pool.limit);
	ck_assert_uint_eq(pool.peak, pool.used);
	while (n)
		buf_put(bufs[--n]);
	ck_assert_uint_le(pool.used + pool.cached, pool.limit);
	bufs[0] = buf_alloc(&pool, PACKET_MAX_LEN);	/* what is cached must not be in the way */
	ck_assert_ptr_nonnull(bufs[0]);
	ck_assert_uint_le(pool.used + pool.cached, pool.limit);
	ck_assert_ptr_null(buf_alloc(&pool, PACKET_MAX_LEN + 1));
	buf_put(bufs[0]);
	buf_put(NULL);
}
END_TEST

START_TEST(pool_cache_is_bounded)
{
	static struct packet *packets[4000];

	packet_pool_init(&pool, 4u << 20);
	for (int i = 0; i < 4000; i++)
		packets[i] = packet_alloc(&pool, 0);
	for (int i = 0; i < 4000; i++)
		packet_free(packets[i]);
	ck_assert_uint_le(pool.cached, pool.cache_limit);
	ck_assert_uint_le(pool.cache_limit, 1u << 20);
	packet_free(NULL);
}
END_TEST

START_TEST(pool_failure_anywhere_leaks_nothing)
{
	/* The same work with every limit from none to enough: it fails at every point in turn. */
	for (uint64_t limit = 0; limit < 300000; limit += 700) {
		struct packet_queue out = { 0 };
		struct packet *p, *c;
		struct iovec iov[2];

		packet_pool_init(&pool, limit);
		p = packet_rx_prepare(&pool, iov);
		if (p) {
			memset(iov[0].iov_base, 0x55, iov[0].iov_len);
			memset(iov[1].iov_base, 0x55, 4000);
			packet_rx_finish(p, (uint32_t)iov[0].iov_len + 4000);
			c = packet_clone(p);
			if (c)
				packet_need(c, 3000);
			packet_free(c);
			if (packet_copy_in(p, bytes, 50000))
				ck_assert_uint_eq(p->len, iov[0].iov_len + 4000);
			p->gso_size = 1000;
			packet_segment(p, &out);
			packet_queue_purge(&out);
		}
		ck_assert_uint_eq(pool.used, 0);
		ck_assert_uint_eq(pool.packets + pool.bufs, 0);
		packet_pool_destroy(&pool);
	}
}
END_TEST

/* ---- packets ---- */

static void count_call(struct packet *p)
{
	++*(unsigned int *)p->owner;
}

START_TEST(packet_fields_start_clean)
{
	struct packet *p = new_packet();
	unsigned int calls = 0;

	memset(&p->tstamp, 0xff, sizeof(*p) - offsetof(struct packet, tstamp));
	p->nfrags = 0;
	p->gso_size = 7;
	p->destructor = count_call;
	p->owner = &calls;
	packet_free(p);
	ck_assert_uint_eq(calls, 1);
	p = new_packet();
	ck_assert_uint_eq(p->len + p->linear + p->nfrags + p->gso_size + p->charged, 0);
	ck_assert_uint_eq(p->tstamp + p->depart, 0);
	ck_assert_ptr_null(p->destructor);
	ck_assert_ptr_eq(p->data, p->head + PACKET_HEADROOM);
	ck_assert_uint_eq(p->truesize, sizeof(*p));
	packet_free(p);
}
END_TEST

/* Random cuts and growths, against a flat copy. */
START_TEST(packet_operations_agree_with_flat_bytes)
{
	static uint8_t flat[1 << 20];

	for (int round = 0; round < 300; round++) {
		struct packet *p = new_packet(), *c;
		uint8_t *at = flat;
		uint32_t n = 0, part;

		for (int step = 0; step < 40; step++) {
			switch (random_below(&rnd, 8)) {
			case 0:
				part = random_below(&rnd, 9000);
				if (packet_copy_in(p, bytes, part))
					break;
				memcpy(at + n, bytes, part);
				n += part;
				break;
			case 1:
				part = random_below(&rnd, n / 3 + 1);
				packet_skip(p, part);
				at += part;
				n -= part;
				break;
			case 2:
				n -= random_below(&rnd, n / 3 + 1);
				packet_trim(p, n);
				break;
			case 3:
				part = random_below(&rnd, 3000);
				if (packet_need(p, part))
					ck_assert_uint_ge(p->linear, part);
				else
					ck_assert_uint_lt(n, part);
				break;
			case 4:
				if (p->nfrags || p->linear + (p->data - p->base) + 9 > p->room)
					break;
				memcpy(packet_put(p, 9), bytes + 99, 9);
				memcpy(at + n, bytes + 99, 9);
				n += 9;
				break;
			case 5:
				if (p->data - p->base < 5 || at - flat < 5)
					break;
				memcpy(packet_push(p, 5), bytes + 7, 5);
				at -= 5;
				memcpy(at, bytes + 7, 5);
				n += 5;
				break;
			case 6:
				c = packet_clone(p);
				ck_assert_ptr_nonnull(c);
				ck_assert_int_eq(c->network, p->network);
				packet_free(p);
				p = c;
				break;
			default:
				c = packet_alloc(&pool, 0);
				part = random_below(&rnd, n + 1);
				ck_assert_int_eq(packet_append_from(c, p, part, n - part), 0);
				holds_bytes(c, at + part, n - part);
				packet_free(c);
			}
			holds_bytes(p, at, n);
		}
		packet_free(p);
	}
}
END_TEST

START_TEST(packet_append_joins_and_is_bounded)
{
	struct packet *p = new_packet(), *copy = new_packet();
	struct buf *b = buf_alloc(&pool, 2048);
	struct iovec iov[4];

	memcpy(b->data, bytes, 2048);
	ck_assert(packet_append(p, b, 0, 100));
	ck_assert(packet_append(p, b, 100, 100));
	ck_assert_uint_eq(p->nfrags, 1);
	ck_assert_uint_eq(b->refs, 2);
	for (uint32_t i = 1; i < PACKET_FRAGS; i++)
		ck_assert(packet_append(p, b, 200 + 2 * i, 1));
	ck_assert(!packet_append(p, b, 300, 1));
	ck_assert(packet_append(p, b, 300, 0));
	ck_assert_int_eq(packet_copy_in(p, bytes, 1), -ENOMEM);
	ck_assert_uint_eq(b->refs, 1 + PACKET_FRAGS);
	ck_assert_int_eq(packet_iov(p, 150, 51, iov, 4), 2);
	ck_assert_uint_eq(iov[0].iov_len, 50);
	ck_assert_int_eq(packet_iov(p, 0, p->len, iov, 4), 4);
	/* As a second fragment these are 19: then they are copied. */
	memset(packet_put(copy, 1), 0, 1);
	ck_assert(packet_append(copy, b, 1000, 1));
	ck_assert_int_eq(packet_append_from(copy, p, 0, p->len), 0);
	ck_assert_uint_eq(copy->nfrags, 2);
	packet_free(copy);
	packet_free(p);
	ck_assert_uint_eq(b->refs, 1);
	buf_put(b);
}
END_TEST

START_TEST(packet_need_leaves_shared_bytes_alone)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&pool, iov), *other = new_packet();

	memcpy(iov[0].iov_base, bytes, 1000);
	packet_rx_finish(p, 1000);
	ck_assert_int_eq(packet_append_from(other, p, 0, 1000), 0);
	packet_trim(p, 500);
	ck_assert_int_eq(packet_copy_in(p, bytes + 2000, 100), 0);
	ck_assert(packet_need(p, 600));
	holds_bytes(other, bytes, 1000);
	packet_free(p);
	packet_free(other);
}
END_TEST

START_TEST(queue_counts)
{
	struct packet_queue q = { 0 };
	struct packet *p[3];

	for (uint32_t i = 0; i < 3; i++) {
		p[i] = new_packet();
		p[i]->wire_len = 100 + i;
	}
	packet_queue_push(&q, p[1]);
	packet_queue_push(&q, p[2]);
	packet_queue_push_front(&q, p[0]);
	ck_assert_uint_eq(q.len, 3);
	ck_assert_uint_eq(q.bytes, 303);
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_eq(packet_queue_pop(&q), p[i]);
		ck_assert_ptr_null(p[i]->next);
	}
	ck_assert_ptr_null(packet_queue_pop(&q));
	ck_assert_ptr_null(q.tail);
	for (int i = 0; i < 3; i++)
		packet_queue_push_front(&q, p[i]);
	packet_queue_purge(&q);
	ck_assert_uint_eq(q.len + q.bytes, 0);
}
END_TEST

/* ---- receiving ---- */

START_TEST(rx_sizes)
{
	static const uint32_t sizes[] = { 0, 1, 60, 1514, 1982, 1983, 3000, 9014, 20000, 65549 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct iovec iov[2];
		struct packet *p = packet_rx_prepare(&pool, iov);
		uint32_t first = sizes[i] < iov[0].iov_len ? sizes[i] : (uint32_t)iov[0].iov_len;

		ck_assert_uint_ge(iov[0].iov_len, 1522);
		ck_assert_uint_ge(iov[0].iov_len + iov[1].iov_len, PACKET_MAX_LEN);
		ck_assert_uint_eq((uintptr_t)((uint8_t *)iov[0].iov_base + ETH) % 4, 0);
		memcpy(iov[0].iov_base, bytes, first);
		memcpy(iov[1].iov_base, bytes + first, sizes[i] - first);
		packet_rx_finish(p, sizes[i]);
		holds_bytes(p, bytes, sizes[i]);
		ck_assert_uint_eq(p->truesize, pool.used);	/* honest */
		if (sizes[i] <= iov[0].iov_len)
			ck_assert_uint_eq(pool.bufs, 1);
		if (sizes[i] == 3000)
			ck_assert_uint_lt(p->truesize, 6000);
		packet_free(p);
	}
}
END_TEST

START_TEST(rx_unused_is_freed)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&pool, iov);

	ck_assert_uint_eq(p->len, 0);
	ck_assert_uint_eq(p->truesize, pool.used);
	packet_free(p);
}
END_TEST

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

static uint32_t ip_len(const struct shape *s)
{
	return s->ip6 ? 40 : 20;
}

static uint32_t transport_len(const struct shape *s)
{
	return s->udp ? 8 : 20 + s->options;
}

static uint32_t header_len(const struct shape *s)
{
	return ETH + ip_len(s) + transport_len(s);
}

static void write_ip(const struct shape *s, uint8_t *ip, uint32_t len)
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

static uint32_t pseudo(const struct shape *s, const uint8_t *ip, uint32_t len)
{
	uint32_t alen = s->ip6 ? 16 : 4;
	const uint8_t *src = ip + (s->ip6 ? 8 : 12);

	return checksum_pseudo(src, src + alen, alen, s->udp ? 17 : 6, len);
}

/* A super-segment as TCP or UDP hand it down: link header on, sum left to the device. */
static struct packet *super(const struct shape *s)
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

/* The transport's checksum over a flat copy, by the naive sum. */
static void checksum_holds(const struct shape *s, const uint8_t *ip, uint32_t len)
{
	static uint8_t flat[40 + PACKET_MAX_LEN];
	uint32_t alen = s->ip6 ? 16 : 4;

	memset(flat, 0, 40);
	memcpy(flat, ip + (s->ip6 ? 8 : 12), 2 * alen);
	put_be32(flat + 32, len);
	flat[39] = s->udp ? 17 : 6;
	memcpy(flat + 40, ip + ip_len(s), len);
	ck_assert_uint_eq(naive(flat, 40 + len, 0), 0);
	if (!s->ip6)
		ck_assert_uint_eq(naive(ip, 20, 0), 0);
}

static void check_flags(const uint8_t *th, uint32_t i, uint32_t count)
{
	ck_assert_uint_eq(!!(th[13] & TCP_CWR), i == 0);
	ck_assert_uint_eq(!!(th[13] & TCP_FIN), i == count - 1);
	ck_assert_uint_eq(!!(th[13] & TCP_PSH), i == count - 1);
	ck_assert_uint_ne(th[13] & TCP_ACK, 0);
}

static void check_segment(const struct shape *s, const struct packet *p, uint32_t i, uint32_t count)
{
	static uint8_t flat[PACKET_MAX_LEN];
	uint32_t off = i * s->gso_size, left = s->payload - off;
	uint32_t n = left < s->gso_size ? left : s->gso_size, len = transport_len(s) + n;
	const uint8_t *ip = flat + ETH, *th = ip + ip_len(s);

	ck_assert_uint_eq(p->len, header_len(s) + n);
	ck_assert_uint_eq(p->wire_len, p->len);
	ck_assert_uint_eq(p->csum, PACKET_CSUM_NONE);
	ck_assert_uint_eq(p->gso_size, 0);
	ck_assert_uint_eq(p->base + p->network - p->data, ETH);
	ck_assert_uint_eq(p->base + p->transport - p->data, ETH + ip_len(s));
	packet_copy_out(p, 0, flat, p->len);
	ck_assert_int_eq(memcmp(th + transport_len(s), bytes + off, n), 0);
	if (s->ip6) {
		ck_assert_uint_eq(get_be16(ip + 4), len);
	} else {
		ck_assert_uint_eq(get_be16(ip + 2), 20 + len);
		ck_assert_uint_eq(get_be16(ip + 4), (uint16_t)(0xfffe + i));
	}
	if (s->udp) {
		ck_assert_uint_eq(get_be16(th + 4), len);
	} else {
		ck_assert_uint_eq(get_be32(th + 4), 0xfffffff0u + off);
		check_flags(th, i, count);
	}
	checksum_holds(s, ip, len);
}

static struct shape shapes[] = {
	{ .payload = 65000, .gso_size = 1448, .options = 12 },
	{ .payload = 2896, .gso_size = 1448 },
	{ .payload = 1000, .gso_size = 1448 },
	{ .payload = 30001, .gso_size = 999, .options = 40, .in_head = 1 },
	{ .payload = 65000, .gso_size = 1428, .options = 12, .ip6 = true },
	{ .payload = 5000, .gso_size = 7, .ip6 = true, .in_head = 3 },
	{ .payload = 12000, .gso_size = 1200, .udp = true },
	{ .payload = 12001, .gso_size = 1201, .udp = true, .ip6 = true, .in_head = 20 },
};

START_TEST(segments_are_the_bytes_with_right_headers)
{
	const struct shape *s = &shapes[_i];
	uint32_t count = (s->payload + s->gso_size - 1) / s->gso_size, wire;
	struct packet_queue out = { 0 };
	struct packet *p = super(s);
	unsigned int calls = 0;

	p->destructor = count_call;
	p->owner = &calls;
	p->charged = 77;
	p->tstamp = 5;
	wire = p->wire_len;
	ck_assert_uint_eq(wire, s->payload + count * header_len(s));
	ck_assert_int_eq(packet_segment(p, &out), 0);
	ck_assert_uint_eq(out.len, count);
	ck_assert_uint_eq(out.bytes, wire);
	for (uint32_t i = 0; i < count; i++) {
		p = packet_queue_pop(&out);
		ck_assert_uint_eq(p->tstamp, 5);
		ck_assert_uint_eq(p->charged, i == count - 1 ? 77 : 0);
		check_segment(s, p, i, count);
		ck_assert_uint_eq(calls, 0);
		packet_free(p);
	}
	ck_assert_uint_eq(calls, 1);
}
END_TEST

/* A received super-segment has payload in the linear buffer: referred to, not copied. */
START_TEST(segments_of_a_received_packet)
{
	const struct shape *s = &shapes[0];
	uint32_t count = (s->payload + s->gso_size - 1) / s->gso_size;
	struct packet_queue out = { 0 };
	struct packet *p = super(s), *r;
	struct iovec iov[2];
	uint32_t len = p->len, first;

	r = packet_rx_prepare(&pool, iov);
	first = (uint32_t)iov[0].iov_len;
	packet_copy_out(p, 0, iov[0].iov_base, first);
	packet_copy_out(p, first, iov[1].iov_base, len - first);
	packet_rx_finish(r, len);
	r->network = (uint16_t)(r->data - r->base + ETH);
	r->transport = r->network + 20;
	r->gso_type = p->gso_type;
	r->gso_size = p->gso_size;
	packet_free(p);
	ck_assert_int_eq(packet_segment(r, &out), 0);
	ck_assert_uint_eq(pool.bufs, 2);
	ck_assert_uint_eq(out.len, count);
	for (uint32_t i = 0; i < count; i++) {
		p = packet_queue_pop(&out);
		check_segment(s, p, i, count);
		packet_free(p);
	}
}
END_TEST

START_TEST(segment_refuses_wrong_headers)
{
	for (int wrong = 0; wrong < 7; wrong++) {
		struct packet_queue out = { 0 };
		struct packet *p = super(&shapes[0]);
		uint8_t *ip = p->base + p->network, *th = p->base + p->transport;

		switch (wrong) {
		case 0: ip[0] = 0x65; break;
		case 1: ip[0] = 0x4f; break;
		case 2: th[12] = 0x40; break;
		case 3: th[12] = 0xf0; p->data[0] = 0; packet_trim(p, ETH + 40); break;
		case 4: p->network = 0; break;
		case 5: p->transport = p->network; break;
		case 6: p->gso_type = PACKET_GSO_TCP6; break;
		}
		ck_assert_uint_eq(packet_wire_len(p), p->len);
		ck_assert_int_eq(packet_segment(p, &out), -EINVAL);
		ck_assert_uint_eq(out.len, 0);
	}
}
END_TEST

START_TEST(segment_without_memory_leaves_nothing)
{
	struct packet_queue out = { 0 };
	struct packet *p = super(&shapes[0]), *before = new_packet();

	packet_queue_push(&out, before);
	pool.limit = pool.used + 10 * sizeof(*p);
	ck_assert_int_eq(packet_segment(p, &out), -ENOMEM);
	ck_assert_uint_eq(out.len, 1);
	ck_assert_ptr_eq(packet_queue_pop(&out), before);
	packet_free(before);
}
END_TEST

START_TEST(udp_without_checksum_stays_without)
{
	const struct shape *s = &shapes[6];
	struct packet_queue out = { 0 };
	struct packet *p = super(s);
	uint8_t *th = p->base + p->transport;

	p->csum = PACKET_CSUM_NONE;
	put_be16(th + 6, 0);
	ck_assert_int_eq(packet_segment(p, &out), 0);
	while ((p = packet_queue_pop(&out))) {
		ck_assert_uint_eq(get_be16(p->base + p->transport + 6), 0);
		packet_free(p);
	}
}
END_TEST

START_TEST(finish_is_complete_and_never_zero)
{
	/* UDP over IPv4 whose sum comes out as zero for one of the values of the last word. */
	const struct shape s = { .payload = 2, .gso_size = 1000, .udp = true };
	unsigned int all_ones = 0;

	for (uint32_t v = 0; v < 0x10000; v++) {
		struct packet *p = super(&s);
		uint8_t *th = p->base + p->transport;

		p->gso_size = 0;
		p->frags[0].buf->data[0] = (uint8_t)(v >> 8);
		p->frags[0].buf->data[1] = (uint8_t)v;
		packet_checksum_finish(p);
		if (p->csum != PACKET_CSUM_NONE || !get_be16(th + 6))
			ck_abort_msg("unfinished for %u", v);
		all_ones += get_be16(th + 6) == 0xffff;
		packet_free(p);
	}
	ck_assert_uint_eq(all_ones, 1);
}
END_TEST

/* ---- virtio_net_hdr ---- */

/* The packet as a device would give it back, with the header it was sent with. */
static struct packet *receive(const struct packet *p, struct virtio_net_hdr *h)
{
	struct iovec iov[2];
	struct packet *r = packet_rx_prepare(&pool, iov);
	uint32_t first = p->len < iov[0].iov_len ? p->len : (uint32_t)iov[0].iov_len;

	packet_to_vnet(p, h);
	packet_copy_out(p, 0, iov[0].iov_base, first);
	packet_copy_out(p, first, iov[1].iov_base, p->len - first);
	packet_rx_finish(r, p->len);
	return r;
}

START_TEST(vnet_round_trip)
{
	const struct shape *s = &shapes[_i];
	struct virtio_net_hdr h;
	struct packet *p = super(s), *r;
	bool one = s->payload <= s->gso_size;

	p->ecn = !s->udp;
	r = receive(p, &h);
	ck_assert_uint_eq(h.hdr_len, header_len(s));
	ck_assert_uint_eq(h.gso_size, s->gso_size);
	ck_assert_uint_eq(!!(h.gso_type & VIRTIO_NET_HDR_GSO_ECN), !s->udp);
	ck_assert_int_eq(packet_from_vnet(r, &h), 0);
	ck_assert_uint_eq(r->csum, PACKET_CSUM_PARTIAL);
	ck_assert_uint_eq(r->gso_type, one ? PACKET_GSO_NONE : p->gso_type);
	ck_assert_uint_eq(r->gso_size, one ? 0 : p->gso_size);
	ck_assert_uint_eq(r->gso_segs, one ? 0 : p->gso_segs);
	ck_assert_uint_eq(r->ecn, one ? 0 : p->ecn);
	ck_assert_uint_eq(r->base + r->csum_start - r->data, p->base + p->csum_start - p->data);
	ck_assert_uint_eq(packet_wire_len(r), one ? p->len : p->wire_len);
	packet_free(r);
	packet_free(p);
}
END_TEST

START_TEST(vnet_plain_packets)
{
	struct virtio_net_hdr h = { 0 };
	struct packet *p = super(&shapes[2]);

	p->gso_size = 0;
	p->gso_type = PACKET_GSO_NONE;
	p->csum = PACKET_CSUM_NONE;
	packet_to_vnet(p, &h);
	ck_assert_uint_eq(h.flags | h.gso_type | h.gso_size | h.csum_start | h.hdr_len, 0);
	ck_assert_int_eq(packet_from_vnet(p, &h), 0);
	ck_assert_uint_eq(p->csum, PACKET_CSUM_NONE);
	h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	ck_assert_int_eq(packet_from_vnet(p, &h), 0);
	ck_assert_uint_eq(p->csum, PACKET_CSUM_VERIFIED);
	packet_free(p);
}
END_TEST

struct lie {
	size_t off;		/* field of virtio_net_hdr */
	uint16_t value;
	uint8_t size;
};

#define LIE(field, v) { offsetof(struct virtio_net_hdr, field), (v), \
			sizeof(((struct virtio_net_hdr *)0)->field) }

static const struct lie lies[] = {
	LIE(csum_start, 0), LIE(csum_start, 13), LIE(csum_start, 33), LIE(csum_start, 35),
	LIE(csum_start, 1970), LIE(csum_start, 65535), LIE(csum_offset, 65535),
	LIE(csum_offset, 6), LIE(csum_offset, 15), LIE(csum_offset, 17),
	LIE(gso_size, 0), LIE(gso_type, 2), LIE(gso_type, 3), LIE(gso_type, 4), LIE(gso_type, 5),
	LIE(gso_type, 6), LIE(gso_type, 0x7f), LIE(gso_type, 0xff), LIE(gso_type, 0x80),
	LIE(hdr_len, 65535), LIE(flags, 4), LIE(flags, 0xff),
};

START_TEST(vnet_lies_are_refused)
{
	struct packet *p = super(&shapes[0]), *r;
	struct virtio_net_hdr h;

	r = receive(p, &h);
	memcpy((uint8_t *)&h + lies[_i].off, &lies[_i].value, lies[_i].size);
	ck_assert_int_eq(packet_from_vnet(r, &h), -EINVAL);
	ck_assert_uint_eq(r->csum, PACKET_CSUM_NONE);
	ck_assert_uint_eq(r->gso_size | r->gso_type | r->gso_segs, 0);
	packet_free(r);
	packet_free(p);
}
END_TEST

/* Without GSO there is no transport header to compare with: only the place counts. */
START_TEST(vnet_checksum_field_lies_in_the_headers)
{
	static const struct {
		uint16_t start, offset;
		int expected;
	} places[] = {
		{ 0, 16, -EINVAL }, { 13, 16, -EINVAL }, { 14, 0, 0 }, { 34, 16, 0 },
		{ 34, 1946, 0 }, { 34, 1947, -EINVAL }, { 3000, 16, -EINVAL },
		{ 65535, 65535, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct packet *p = super(&shapes[0]), *r;
		struct virtio_net_hdr h;

		r = receive(p, &h);
		ck_assert_uint_eq(r->linear, 1982);
		h.gso_type = VIRTIO_NET_HDR_GSO_NONE;
		h.csum_start = places[i].start;
		h.csum_offset = places[i].offset;
		ck_assert_int_eq(packet_from_vnet(r, &h), places[i].expected);
		packet_checksum_finish(r);
		packet_free(r);
		packet_free(p);
	}
}
END_TEST

/* They are cut when received: a frame must not become more packets than a sender on Linux can ask for. */
START_TEST(vnet_udp_segments_are_bounded)
{
	for (uint32_t size = 93; size <= 94; size++) {
		const struct shape s = { .payload = 12000, .gso_size = size, .udp = true };
		struct packet *p = super(&s), *r;
		struct virtio_net_hdr h;

		r = receive(p, &h);
		ck_assert_int_eq(packet_from_vnet(r, &h), size == 94 ? 0 : -EINVAL);
		packet_free(r);
		packet_free(p);
	}
}
END_TEST

/* Headers whose own bytes do not bear out what the metadata says. */
START_TEST(vnet_disagreeing_packets_are_refused)
{
	for (int wrong = 0; wrong < 9; wrong++) {
		struct packet *p = super(&shapes[0]), *r;
		struct virtio_net_hdr h;
		uint8_t *ip;

		r = receive(p, &h);
		ip = r->data + ETH;
		switch (wrong) {
		case 0: ip[-1] = 6; break;		/* an ARP frame */
		case 1: ip[0] = 0x55; break;
		case 2: ip[0] = 0x44; break;
		case 3: ip[0] = 0x4f; break;
		case 4: ip[9] = 17; break;
		case 5: ip[6] = 0x20; break;		/* a fragment */
		case 6: ip[20 + 12] = 0x40; break;
		case 7: put_be16(ip + 2, 65535); break;
		case 8: put_be16(ip + 2, 30); break;
		}
		ck_assert_int_eq(packet_from_vnet(r, &h), -EINVAL);
		packet_free(r);
		packet_free(p);
	}
}
END_TEST

/* Any header on any truncation of a frame: no access outside (ASan), and what is taken is true. */
START_TEST(vnet_random_headers_and_lengths)
{
	for (int round = 0; round < 20000; round++) {
		const struct shape *s = &shapes[random_below(&rnd, 8)];
		struct packet_queue out = { 0 };
		struct virtio_net_hdr h;
		struct iovec iov[2];
		struct packet *p, *r = packet_rx_prepare(&pool, iov);
		uint32_t n;

		p = super(s);
		packet_to_vnet(p, &h);
		n = random_below(&rnd, 4) ? p->len : random_below(&rnd, 200);
		n = n < iov[0].iov_len ? n : (uint32_t)iov[0].iov_len;
		packet_copy_out(p, 0, iov[0].iov_base, n);
		for (uint32_t i = random_below(&rnd, 4); i; i--)
			((uint8_t *)&h)[random_below(&rnd, sizeof(h))] = (uint8_t)random_u32(&rnd);
		for (uint32_t i = random_below(&rnd, 3); i && n; i--)
			((uint8_t *)iov[0].iov_base)[ETH + random_below(&rnd, 60)] =
				(uint8_t)random_u32(&rnd);
		packet_rx_finish(r, n);
		packet_free(p);
		if (packet_from_vnet(r, &h) || (r->gso_size && r->gso_size < 10)) {
			packet_free(r);
			continue;
		}
		n = packet_wire_len(r);
		if (packet_segment(r, &out))
			ck_abort_msg("accepted, but cannot be cut");
		if (out.bytes != n)
			ck_abort_msg("wire length %u, cut %llu", n, (unsigned long long)out.bytes);
		packet_queue_purge(&out);
	}
}
END_TEST

static void add_packet_tests(TCase *tc)
{
	tcase_add_test(tc, packet_fields_start_clean);
	tcase_add_test(tc, packet_operations_agree_with_flat_bytes);
	tcase_add_test(tc, packet_append_joins_and_is_bounded);
	tcase_add_test(tc, packet_need_leaves_shared_bytes_alone);
	tcase_add_test(tc, queue_counts);
	tcase_add_test(tc, rx_sizes);
	tcase_add_test(tc, rx_unused_is_freed);
	tcase_add_test(tc, pool_limit_holds_and_recovers);
	tcase_add_test(tc, pool_cache_is_bounded);
	tcase_add_test(tc, pool_failure_anywhere_leaks_nothing);
}

static void add_offload_tests(TCase *tc)
{
	const int nshapes = sizeof(shapes) / sizeof(shapes[0]);
	const int nlies = sizeof(lies) / sizeof(lies[0]);

	tcase_add_test(tc, checksum_is_the_naive_one);
	tcase_add_test(tc, checksum_carries_are_kept);
	tcase_add_test(tc, checksum_crosses_fragments_at_any_parity);
	tcase_add_test(tc, checksum_pseudo_header);
	tcase_add_loop_test(tc, segments_are_the_bytes_with_right_headers, 0, nshapes);
	tcase_add_test(tc, segments_of_a_received_packet);
	tcase_add_test(tc, segment_refuses_wrong_headers);
	tcase_add_test(tc, segment_without_memory_leaves_nothing);
	tcase_add_test(tc, udp_without_checksum_stays_without);
	tcase_add_test(tc, finish_is_complete_and_never_zero);
	tcase_add_loop_test(tc, vnet_round_trip, 0, nshapes);
	tcase_add_test(tc, vnet_plain_packets);
	tcase_add_loop_test(tc, vnet_lies_are_refused, 0, nlies);
	tcase_add_test(tc, vnet_checksum_field_lies_in_the_headers);
	tcase_add_test(tc, vnet_udp_segments_are_bounded);
	tcase_add_test(tc, vnet_disagreeing_packets_are_refused);
	tcase_add_test(tc, vnet_random_headers_and_lengths);
}

int main(void)
{
	Suite *s = suite_create("packet");
	TCase *packets = tcase_create("packets"), *offloads = tcase_create("offloads");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(packets, setup, teardown);
	tcase_set_timeout(packets, 60);
	add_packet_tests(packets);
	suite_add_tcase(s, packets);
	tcase_add_checked_fixture(offloads, setup, teardown);
	tcase_set_timeout(offloads, 60);
	add_offload_tests(offloads);
	suite_add_tcase(s, offloads);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
