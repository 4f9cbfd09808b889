/* SPDX-License-Identifier: Apache-2.0 */
/* test_gso.c - super-segments: their length, cutting them, completing checksums. */
#include "packet_world.h"

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

int main(void)
{
	Suite *s = suite_create("gso");
	TCase *tc = tcase_create("gso");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, segments_are_the_bytes_with_right_headers, 0, NSHAPES);
	tcase_add_test(tc, segments_of_a_received_packet);
	tcase_add_test(tc, segment_refuses_wrong_headers);
	tcase_add_test(tc, segment_without_memory_leaves_nothing);
	tcase_add_test(tc, udp_without_checksum_stays_without);
	tcase_add_test(tc, finish_is_complete_and_never_zero);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
