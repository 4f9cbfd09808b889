/* SPDX-License-Identifier: Apache-2.0 */
/* test_vnet.c - virtio_net_hdr, both ways, and the lies that may be in it. */
#include <linux/virtio_net.h>

#include "packet_world.h"

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

/* They are cut when received: a frame must not become more packets than a sender on Linux can ask
 * for. */
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

int main(void)
{
	Suite *s = suite_create("vnet");
	TCase *tc = tcase_create("vnet");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, vnet_round_trip, 0, NSHAPES);
	tcase_add_test(tc, vnet_plain_packets);
	tcase_add_loop_test(tc, vnet_lies_are_refused, 0, (int)(sizeof(lies) / sizeof(lies[0])));
	tcase_add_test(tc, vnet_checksum_field_lies_in_the_headers);
	tcase_add_test(tc, vnet_udp_segments_are_bounded);
	tcase_add_test(tc, vnet_disagreeing_packets_are_refused);
	tcase_add_test(tc, vnet_random_headers_and_lengths);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
