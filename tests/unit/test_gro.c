/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_gro.c - merging received packets: what may be merged, and that nothing is lost by it.
 *
 * The yardstick is Linux's GRO: a merged packet that is cut again gives the packets that came.
 */
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "packet/checksum.h"
#include "packet/gro.h"
#include "packet/pool.h"
#include "tests/suite.h"

#define ETH	14u
#define MAX_FRAME 9100u

static struct packet_pool pool;
static struct random_seeded state;
static struct random rnd = { random_from_seed, &state };
static struct gro_stats stats;
static uint32_t link_len;		/* of the frames: 14, or 0 for links without */

static void setup(void)
{
	packet_pool_init(&pool, 64u << 20);
	random_seed(&state, 1);
	stats = (struct gro_stats){ 0 };
	link_len = ETH;
}

static void teardown(void)
{
	ck_assert_uint_eq(pool.packets, 0);
	ck_assert_uint_eq(pool.bufs, 0);
	packet_pool_destroy(&pool);
}

/* A frame that a test can spoil before its checksums are filled in. */
struct frame {
	bool ip6, tcp;
	uint32_t ip, th, payload, len;	/* offsets; len of all */
	uint8_t b[MAX_FRAME];
};

static void frame_make(struct frame *f, bool ip6, bool tcp, uint32_t seq, uint32_t n)
{
	uint32_t options = tcp ? 12 : 0;

	memset(f->b, 0, ETH + 40 + 40);
	f->ip6 = ip6;
	f->tcp = tcp;
	f->ip = link_len;
	f->th = link_len + (ip6 ? 40 : 20);
	f->payload = f->th + (tcp ? 20 : 8) + options;
	f->len = f->payload + n;
	if (link_len) {
		memcpy(f->b, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
		put_be16(f->b + 12, ip6 ? 0x86dd : 0x0800);
	}
	f->b[f->ip] = ip6 ? 0x60 : 0x45;
	if (ip6) {
		f->b[f->ip + 6] = tcp ? IPPROTO_TCP : IPPROTO_UDP;
		f->b[f->ip + 7] = 64;
		memset(f->b + f->ip + 8, 0x20, 16);
		memset(f->b + f->ip + 24, 0x30, 16);
	} else {
		f->b[f->ip + 6] = 0x40;		/* DF */
		f->b[f->ip + 8] = 64;
		f->b[f->ip + 9] = tcp ? IPPROTO_TCP : IPPROTO_UDP;
		memcpy(f->b + f->ip + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
	}
	put_be16(f->b + f->th, 1000);
	put_be16(f->b + f->th + 2, 80);
	if (tcp) {
		put_be32(f->b + f->th + 4, seq);
		put_be32(f->b + f->th + 8, 77);
		f->b[f->th + 12] = 8 << 4;
		f->b[f->th + 13] = 0x10;
		put_be16(f->b + f->th + 14, 500);
		memcpy(f->b + f->th + 20, "\1\1\x08\x0a\0\0\1\0\0\0\2\0", 12);
	}
	for (uint32_t i = 0; i < n; i++)
		f->b[f->payload + i] = (uint8_t)((seq + i) * 31);
}

static void frame_sum(struct frame *f)
{
	uint8_t *ip = f->b + f->ip, *th = f->b + f->th;
	uint32_t len = f->len - f->th, alen = f->ip6 ? 16 : 4, sum;
	const uint8_t *a = ip + (f->ip6 ? 8 : 12);
	uint8_t *field = th + (f->tcp ? 16 : 6);
	uint16_t csum;

	if (f->ip6) {
		put_be16(ip + 4, (uint16_t)len);
	} else {
		put_be16(ip + 2, (uint16_t)(f->len - f->ip));
		put_be16(ip + 10, 0);
		csum = checksum_fold(checksum_partial(ip, (ip[0] & 15) * 4u, 0));
		memcpy(ip + 10, &csum, 2);
	}
	if (!f->tcp)
		put_be16(th + 4, (uint16_t)len);
	put_be16(field, 0);
	sum = checksum_pseudo(a, a + alen, alen, f->tcp ? IPPROTO_TCP : IPPROTO_UDP, len);
	csum = checksum_fold(checksum_partial(th, len, sum));
	if (!csum)
		csum = 0xffff;		/* the same, and how we write it */
	memcpy(field, &csum, 2);
}

static struct packet *receive(const struct frame *f)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&pool, iov);
	size_t first = f->len < iov[0].iov_len ? f->len : iov[0].iov_len;

	ck_assert_ptr_nonnull(p);
	memcpy(iov[0].iov_base, f->b, first);
	memcpy(iov[1].iov_base, f->b + first, f->len - first);
	packet_rx_finish(p, f->len);
	return p;
}

static bool wants_all(void *arg, const struct gro_names *n)
{
	(void)arg;
	return n->dport == 80;
}

static void free_all(struct packet **batch, int n)
{
	for (int i = 0; i < n; i++)
		packet_free(batch[i]);
}

/* ---- what is merged looks as if it had been sent so ---- */

START_TEST(segments_become_one)
{
	bool ip6 = _i & 1, tcp = _i & 2;
	struct packet *batch[10];
	uint32_t before = 0, sum;
	struct frame f;

	link_len = _i & 4 ? 0 : ETH;

	for (int i = 0; i < 10; i++) {
		frame_make(&f, ip6, tcp, 100 + 1000 * (uint32_t)i, i < 9 ? 1000 : 10);
		if (i == 9 && tcp)
			f.b[f.th + 13] |= 0x09;
		frame_sum(&f);
		batch[i] = receive(&f);
		before += batch[i]->truesize - (uint32_t)sizeof(struct packet);
	}
	ck_assert_int_eq(gro_merge(batch, 10, link_len, wants_all, NULL, &stats), 1);
	ck_assert_uint_eq(batch[0]->len, f.payload + 9010);
	ck_assert_uint_eq(batch[0]->gso_size, 1000);
	ck_assert_uint_eq(batch[0]->gso_segs, 10);
	ck_assert_uint_eq(batch[0]->gso_type, !tcp ? PACKET_GSO_UDP : ip6 ? PACKET_GSO_TCP6 :
			  PACKET_GSO_TCP4);
	ck_assert_uint_eq(packet_wire_len(batch[0]), 10 * f.payload + 9010);
	/* the memory of all ten is the one's now */
	ck_assert_uint_eq(batch[0]->truesize, before + sizeof(struct packet));
	ck_assert_uint_eq(pool.used, batch[0]->truesize);
	/* FIN and PSH of the last are its own */
	if (tcp)
		ck_assert_uint_eq(batch[0]->data[f.th + 13], 0x19);
	packet_checksum_finish(batch[0]);
	sum = checksum_pseudo(batch[0]->data + f.ip + (ip6 ? 8 : 12),
			      batch[0]->data + f.ip + (ip6 ? 24 : 16), ip6 ? 16 : 4,
			      tcp ? IPPROTO_TCP : IPPROTO_UDP, batch[0]->len - f.th);
	ck_assert_uint_eq(checksum_fold(checksum_packet(batch[0], f.th, batch[0]->len - f.th, sum)),
			  0);
	ck_assert_uint_eq(get_be16(batch[0]->data + f.ip + (ip6 ? 4 : 2)),
			  batch[0]->len - (ip6 ? f.th : f.ip));
	ck_assert_uint_eq(stats.merged_packets, 1);
	ck_assert_uint_eq(stats.merged_segs, 10);
	free_all(batch, 1);
}
END_TEST

/* ---- the rules, one spoiled thing each ---- */

enum which { FIRST = 1, SECOND = 2, BOTH = 3 };

struct rule {
	const char *what;
	enum which on;			/* of two frames, the third follows them */
	bool ip6, udp;
	int from_ip, from_th;		/* where: the one that is not -1, */
	uint8_t flip;			/* xor'ed there, before checksums */
	int left;			/* packets of three */
};

static const struct rule rules[] = {
	{ "nothing", BOTH, false, false, -1, -1, 0, 1 },
	{ "TOS differs", SECOND, false, false, 1, -1, 4, 3 },
	{ "TTL differs", SECOND, false, false, 8, -1, 1, 3 },
	{ "DF differs", SECOND, false, false, 6, -1, 0x40, 3 },
	{ "identification under DF (RFC 6864 4.1)", SECOND, false, false, 5, -1, 9, 1 },
	{ "identification without DF does not count up", BOTH, false, false, 6, -1, 0x40, 2 },
	{ "a fragment", SECOND, false, false, 6, -1, 0x20, 3 },
	{ "another source address", SECOND, false, false, 15, -1, 8, 3 },
	{ "traffic class differs", SECOND, true, false, 1, -1, 0x10, 3 },
	{ "flow label differs", SECOND, true, false, 3, -1, 1, 3 },
	{ "hop limit differs", SECOND, true, false, 7, -1, 1, 3 },
	{ "another port", SECOND, false, false, -1, 1, 1, 3 },
	{ "the sequence has a gap", SECOND, false, false, -1, 6, 0x40, 3 },
	{ "acknowledgment differs", SECOND, false, false, -1, 11, 1, 3 },
	{ "window differs", SECOND, false, false, -1, 15, 1, 3 },
	{ "time stamp differs", SECOND, false, false, -1, 27, 1, 3 },
	{ "PSH at the first", FIRST, false, false, -1, 13, 8, 2 },
	{ "PSH at the second", SECOND, false, false, -1, 13, 8, 2 },
	{ "FIN at the second", SECOND, false, false, -1, 13, 1, 2 },
	{ "SYN", SECOND, false, false, -1, 13, 2, 3 },
	{ "RST", SECOND, false, false, -1, 13, 4, 3 },
	{ "URG", SECOND, false, false, -1, 13, 0x20, 3 },
	{ "ECE differs", SECOND, false, false, -1, 13, 0x40, 3 },
	{ "CWR at the head", FIRST, false, false, -1, 13, 0x80, 1 },
	{ "CWR at the second", SECOND, false, false, -1, 13, 0x80, 2 },
	{ "no ACK", SECOND, false, false, -1, 13, 0x10, 3 },
	{ "another link header", SECOND, false, false, -8, -1, 1, 3 },
	{ "UDP", BOTH, false, true, -1, -1, 0, 1 },
	{ "UDP over IPv6", BOTH, true, true, -1, -1, 0, 1 },
	{ "UDP, nobody asks", BOTH, false, true, -1, 3, 1, 3 },
	{ "UDP, another port", SECOND, false, true, -1, 1, 1, 2 },
};

static int merge_spoiled(const struct rule *r, struct packet **batch)
{
	struct frame f;

	for (int i = 0; i < 3; i++) {
		frame_make(&f, r->ip6, !r->udp, 100 + 1000 * (uint32_t)i, 1000);
		if ((r->on == BOTH || r->on == (enum which)(i + 1)) && r->from_th >= 0)
			f.b[f.th + (uint32_t)r->from_th] ^= r->flip;
		else if ((r->on == BOTH || r->on == (enum which)(i + 1)) && r->from_ip != -1)
			f.b[(int)f.ip + r->from_ip] ^= r->flip;
		if (r->on == BOTH && r->from_ip == 6)
			put_be16(f.b + f.ip + 4, (uint16_t)(i < 2 ? 7 + i : 20));
		frame_sum(&f);
		batch[i] = receive(&f);
	}
	return gro_merge(batch, 3, link_len, wants_all, NULL, &stats);
}

START_TEST(rule_holds)
{
	const struct rule *r = &rules[_i];
	struct packet *batch[3];
	int left = merge_spoiled(r, batch);

	ck_assert_msg(left == r->left, "%s: %d packets left, not %d", r->what, left, r->left);
	free_all(batch, left);
}
END_TEST

/* A packet with a wrong checksum stays alone, for its transport to count. */
START_TEST(bad_checksum_stays_alone)
{
	struct packet *batch[4];
	struct frame f;

	for (int i = 0; i < 4; i++) {
		frame_make(&f, _i & 1, _i & 2, 100 + 1000 * (uint32_t)i, 1000);
		frame_sum(&f);
		f.b[f.payload + 999] ^= i == 1;
		batch[i] = receive(&f);
	}
	ck_assert_int_eq(gro_merge(batch, 4, link_len, wants_all, NULL, &stats), 3);
	ck_assert_uint_eq(batch[1]->csum, PACKET_CSUM_NONE);
	ck_assert_uint_eq(batch[1]->gso_segs, 0);
	ck_assert_uint_eq(batch[2]->gso_segs, 2);
	free_all(batch, 3);
}
END_TEST

/* IPv4 header checksum, padding behind the packet, IP options, UDP without a checksum (RFC 768). */
START_TEST(others_stay_alone)
{
	struct packet *batch[2];
	struct frame f;

	for (int what = 0; what < 4; what++) {
		for (int i = 0; i < 2; i++) {
			frame_make(&f, false, what != 3, 100 + 1000 * (uint32_t)i, 1000);
			if (what == 1)
				f.len -= 6;
			if (what == 2) {
				memmove(f.b + f.th + 4, f.b + f.th, f.len - f.th);
				memset(f.b + f.th, 1, 4);
				f.b[f.ip]++;
				f.th += 4;
				f.len += 4;
			}
			frame_sum(&f);
			if (what == 1)
				f.len += 6;
			f.b[f.ip + 10] ^= what == 0;
			if (what == 3)
				put_be16(f.b + f.th + 6, 0);
			batch[i] = receive(&f);
		}
		ck_assert_int_eq(gro_merge(batch, 2, link_len, wants_all, NULL, &stats), 2);
		free_all(batch, 2);
	}
}
END_TEST

/* A pure acknowledgment between two segments keeps its place. */
START_TEST(order_within_a_flow)
{
	static const uint32_t lens[] = { 1000, 0, 1000, 1000, 1200 };
	struct packet *batch[5];
	struct frame f;
	uint32_t seq = 1;

	for (int i = 0; i < 5; i++) {
		frame_make(&f, false, true, seq, lens[i]);
		frame_sum(&f);
		batch[i] = receive(&f);
		seq += lens[i];
	}
	ck_assert_int_eq(gro_merge(batch, 5, link_len, NULL, NULL, &stats), 4);
	ck_assert_uint_eq(batch[1]->len, f.payload);
	ck_assert_uint_eq(batch[2]->gso_segs, 2);
	ck_assert_uint_eq(batch[3]->len, f.len);	/* longer than the first: begins anew */
	free_all(batch, 4);
}
END_TEST

START_TEST(references_bound_a_merge)
{
	struct packet *batch[64];
	struct frame f;
	int left;

	for (uint32_t i = 0; i < 64; i++) {
		frame_make(&f, false, true, 1 + i, 1);
		frame_sum(&f);
		batch[i] = receive(&f);
	}
	left = gro_merge(batch, 64, link_len, NULL, NULL, &stats);
	ck_assert_int_eq(left, (64 + PACKET_FRAGS) / (PACKET_FRAGS + 1));
	ck_assert_uint_eq(batch[0]->gso_segs, PACKET_FRAGS + 1);
	free_all(batch, left);
}
END_TEST

/* ---- nothing is lost ---- */

struct stream {
	uint32_t seq;
	uint16_t id;
	bool ip6, tcp;
};

static void random_frame(struct frame *f, struct stream *s, uint32_t flow)
{
	static const uint32_t lens[] = { 0, 1, 5, 500, 1448, 1448, 1448, 1448, 3000 };
	uint32_t n = lens[random_below(&rnd, 9)];

	frame_make(f, s->ip6, s->tcp, s->seq, n);
	f->b[f->th + 1] ^= (uint8_t)flow;	/* a port each */
	if (!s->ip6 && flow & 4) {
		f->b[f->ip + 6] = 0;		/* no DF: every identification counts */
		put_be16(f->b + f->ip + 4, s->id++);
	}
	if (s->tcp && !random_below(&rnd, 8))
		f->b[f->th + 13] |= (uint8_t)(1u << random_below(&rnd, 8));
	if (s->tcp && !random_below(&rnd, 20))
		f->b[f->th + 10] ^= 1;		/* another acknowledgment */
	frame_sum(f);
	s->seq += n;
}

/* The frames of one flow in the order in which they come out of the merged packets, cut again. */
static void check_same(const struct frame *in, const int *flows, int n, struct packet **out,
		       int left)
{
	static uint8_t b[MAX_FRAME];
	struct packet_queue q = { 0 };
	struct packet *p;
	bool *seen = calloc((size_t)n, sizeof(*seen));

	for (int i = 0; i < left; i++)
		ck_assert_int_eq(packet_segment(out[i], &q), 0);
	while ((p = packet_queue_pop(&q))) {
		int i;

		packet_copy_out(p, 0, b, p->len);
		for (i = 0; i < n; i++) {
			const struct frame *f = &in[i];

			if (seen[i] || f->len != p->len)
				continue;
			if (!f->ip6 && f->b[20] & b[20] & 0x40) {	/* atomic: any identification */
				memcpy(b + 18, f->b + 18, 2);
				memcpy(b + 24, f->b + 24, 2);
			}
			if (!memcmp(b, f->b, f->len))
				break;
		}
		ck_assert_msg(i < n, "a packet that never came");
		for (int j = 0; j < i; j++)
			ck_assert_msg(seen[j] || flows[j] != flows[i], "a flow lost its order");
		seen[i] = true;
		packet_free(p);
	}
	for (int i = 0; i < n; i++)
		ck_assert_msg(seen[i], "a packet was lost");
	free(seen);
}

START_TEST(merging_loses_nothing)
{
	static struct frame in[64];
	struct packet *batch[64];
	struct stream s[12];
	int flows[64], n, left;

	for (int round = 0; round < 500; round++) {
		for (uint32_t i = 0; i < 12; i++)
			s[i] = (struct stream){ random_u32(&rnd), (uint16_t)random_u32(&rnd), i & 1,
						i & 2 };
		n = 1 + (int)random_below(&rnd, 64);
		for (int i = 0; i < n; i++) {
			flows[i] = (int)random_below(&rnd, round & 1 ? 12 : 2);
			random_frame(&in[i], &s[flows[i]], (uint32_t)flows[i]);
			batch[i] = receive(&in[i]);
		}
		left = gro_merge(batch, n, link_len, wants_all, NULL, &stats);
		check_same(in, flows, n, batch, left);
	}
	ck_assert_uint_gt(stats.merged_packets, 1000);
}
END_TEST

/* Bytes of nobody's making: what is read lies in the packet. */
START_TEST(random_bytes_are_harmless)
{
	struct packet *batch[16];
	struct frame f;
	int left;

	for (int round = 0; round < 20000; round++) {
		int n = 2 + (int)random_below(&rnd, 14);

		for (int i = 0; i < n; i++) {
			frame_make(&f, round & 1, round & 2, 1000 * (uint32_t)i, 1000);
			frame_sum(&f);
			f.b[random_below(&rnd, f.payload)] ^= (uint8_t)random_u32(&rnd);
			if (!random_below(&rnd, 4))
				f.len = random_below(&rnd, f.len);
			batch[i] = receive(&f);
		}
		left = gro_merge(batch, n, link_len, wants_all, NULL, &stats);
		free_all(batch, left);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gro");
	TCase *t = tcase_create("gro");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, segments_become_one, 0, 8);
	tcase_add_loop_test(t, rule_holds, 0, (int)(sizeof(rules) / sizeof(rules[0])));
	tcase_add_loop_test(t, bad_checksum_stays_alone, 0, 4);
	tcase_add_test(t, others_stay_alone);
	tcase_add_test(t, order_within_a_flow);
	tcase_add_test(t, references_bound_a_merge);
	tcase_add_test(t, merging_loses_nothing);
	tcase_add_test(t, random_bytes_are_harmless);
	suite_add_tcase(s, t);
	return run_suite(s);
}
