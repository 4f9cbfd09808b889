/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_vnet.c - a frame with offload metadata from a hostile sender: packet_from_vnet, then
 * everything that trusts what it took over.
 *
 * Input: struct virtio_net_hdr (10 bytes), then the frame. What must hold: metadata that is
 * accepted can be given back unchanged; a super-segment cut in software has the length that was
 * announced to qdiscs, the same payload, and right checksums by a sum of another kind; no memory is
 * left.
 */
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/gso.h"
#include "packet/pool.h"
#include "tests/fuzz/fuzz.h"

/* RFC 1071 byte by byte; 0 when the sum over all, the checksum included, is right. */
static uint16_t naive(const uint8_t *at, size_t n, uint64_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? at[i] : (uint64_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint64_t pseudo(const struct gso_headers *h, const uint8_t *ip, uint32_t len)
{
	const uint8_t *at = ip + (h->ip6 ? 8 : 12);
	uint64_t sum = len + (h->tcp ? IPPROTO_TCP : IPPROTO_UDP);

	for (int i = 0; i < (h->ip6 ? 32 : 8); i += 2)
		sum += get_be16(at + i);
	return sum;
}

static void check_segment(const struct packet *s, const struct gso_headers *h, bool unsummed)
{
	static uint8_t flat[PACKET_MAX_LEN + 65536];
	const uint8_t *ip = flat + h->ip, *th = flat + h->transport;
	uint32_t len = s->len - h->transport;

	packet_copy_out(s, 0, flat, s->len);
	fuzz_check(s->csum == PACKET_CSUM_NONE && !s->gso_size && s->wire_len == s->len);
	if (!h->ip6) {
		fuzz_check(naive(ip, h->transport - h->ip, 0) == 0);
		fuzz_check(get_be16(ip + 2) == s->len - h->ip);
	}
	fuzz_check(unsummed || naive(th, len, pseudo(h, ip, len)) == 0);
}

static void check_cut(struct packet *p)
{
	struct packet_queue out = { 0 };
	struct packet *whole = packet_clone(p), *s;
	uint32_t wire = packet_wire_len(p), off, n;
	struct gso_headers h;
	bool unsummed;

	if (!whole) {
		packet_free(p);
		return;
	}
	fuzz_check(gso_headers(p, &h));
	unsummed = !h.tcp && p->csum != PACKET_CSUM_PARTIAL;
	off = h.payload;
	if (packet_segment(p, &out) == 0) {
		fuzz_check(out.bytes == wire && out.len > 1);
		while ((s = packet_queue_pop(&out))) {
			static uint8_t a[PACKET_MAX_LEN], b[PACKET_MAX_LEN];

			check_segment(s, &h, unsummed);
			n = s->len - h.payload;
			fuzz_check(n <= whole->len - off);
			packet_copy_out(s, h.payload, a, n);
			packet_copy_out(whole, off, b, n);
			fuzz_check(memcmp(a, b, n) == 0);
			off += n;
			packet_free(s);
		}
		fuzz_check(off == whole->len);
	}
	fuzz_check(!out.len && !out.bytes);
	packet_free(whole);
}

static void check_given_back(const struct packet *p, const struct virtio_net_hdr *in)
{
	struct virtio_net_hdr out;
	/* UDP has no ECN that a device would have to see to: the bit means nothing. */
	uint8_t type = in->gso_type & (p->gso_type == PACKET_GSO_UDP ? ~VIRTIO_NET_HDR_GSO_ECN : 0xff);

	packet_to_vnet(p, &out);
	fuzz_check(out.flags == (in->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM));
	if (out.flags)
		fuzz_check(out.csum_start == in->csum_start && out.csum_offset == in->csum_offset);
	if (p->gso_size)
		fuzz_check(out.gso_type == type && out.gso_size == in->gso_size);
	else
		fuzz_check(out.gso_type == VIRTIO_NET_HDR_GSO_NONE);
}

/* The sum over all from csum_start on, and what the field held before (the pseudo-header's), is
 * right. */
static void check_finish(struct packet *p)
{
	uint32_t start = p->csum_start - (uint32_t)(p->data - p->base);
	bool partial = p->csum == PACKET_CSUM_PARTIAL;
	static uint8_t flat[PACKET_MAX_LEN];
	uint16_t before = 0;

	if (partial)
		before = get_be16(p->base + p->csum_start + p->csum_offset);
	packet_checksum_finish(p);
	fuzz_check(p->csum != PACKET_CSUM_PARTIAL);
	/* A field at an odd offset is nowhere in the Internet protocols; it only must do no
	 * harm. */
	if (partial && p->csum_offset % 2 == 0) {
		packet_copy_out(p, start, flat, p->len - start);
		fuzz_check(naive(flat, p->len - start, before) == 0);
	}
	packet_free(p);
}

static void take_frame(struct packet_pool *pool, const struct virtio_net_hdr *h,
		       const uint8_t *frame, uint32_t n)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(pool, iov);
	uint32_t first = n < iov[0].iov_len ? n : (uint32_t)iov[0].iov_len;

	memcpy(iov[0].iov_base, frame, first);
	if (n > first)
		memcpy(iov[1].iov_base, frame + first, n - first);
	packet_rx_finish(p, n);
	if (packet_from_vnet(p, h) < 0) {
		packet_free(p);
		return;
	}
	check_given_back(p, h);
	if (p->gso_size)
		check_cut(p);
	else
		check_finish(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_net_hdr h;
	struct packet_pool pool;

	if (size < sizeof(h) || size > sizeof(h) + PACKET_MAX_LEN)
		return 0;
	memcpy(&h, data, sizeof(h));
	packet_pool_init(&pool, 4u << 20);
	take_frame(&pool, &h, data + sizeof(h), (uint32_t)(size - sizeof(h)));
	fuzz_check(pool.used == 0 && pool.packets == 0 && pool.bufs == 0);
	packet_pool_destroy(&pool);
	return 0;
}
