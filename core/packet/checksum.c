/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checksum.c - the Internet checksum (checksum.h).
 *
 * Theory of operation
 * The checksum is the one's complement sum of 16-bit words (RFC 1071). That sum has three properties which
 * make it fast: words may be added in any grouping, so 32 bits at a time into 64-bit accumulators, where
 * four thousand million carries find room, folded once at the end; byte order does not matter as long
 * as the result is stored in the order in which the words were read; and a piece that starts at an odd
 * offset has its sum with the two bytes swapped.
 */
#include <arpa/inet.h>
#include <string.h>

#include "packet/checksum.h"

/* 64 bits to 32, keeping the one's complement sum. */
static uint32_t fold64(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	return (uint32_t)sum + (uint32_t)(sum >> 32);
}

static uint16_t fold32(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/* The bytes after the last whole 32 bits, padded with zeros. */
static uint32_t sum_tail(const uint8_t *at, size_t len)
{
	uint32_t word = 0;

	memcpy(&word, at, len);
	return word;
}

uint32_t checksum_partial(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *at = data;
	uint64_t low = sum, high = 0;

	for (; len >= 32; at += 32, len -= 32) {
		uint64_t w[4];

		memcpy(w, at, sizeof(w));
		low += (w[0] & UINT32_MAX) + (w[1] & UINT32_MAX);
		high += (w[0] >> 32) + (w[1] >> 32);
		low += (w[2] & UINT32_MAX) + (w[3] & UINT32_MAX);
		high += (w[2] >> 32) + (w[3] >> 32);
	}
	for (; len >= 4; at += 4, len -= 4) {
		uint32_t word;

		memcpy(&word, at, sizeof(word));
		low += word;
	}
	if (len)
		low += sum_tail(at, len);
	return fold64(low + high);
}

uint16_t checksum_fold(uint32_t sum)
{
	return (uint16_t)~fold32(sum);
}

static uint32_t add32(uint32_t a, uint32_t b)
{
	return fold64((uint64_t)a + b);
}

/* Add a piece's sum to that of the bytes before it. */
static uint32_t add_piece(uint32_t sum, uint32_t piece, bool odd)
{
	return add32(sum, odd ? __builtin_bswap16(fold32(piece)) : piece);
}

uint32_t checksum_packet(const struct packet *p, uint32_t off, uint32_t len, uint32_t sum)
{
	struct iovec iov[PACKET_FRAGS + 1];
	int n = packet_iov(p, off, len, iov, PACKET_FRAGS + 1);
	bool odd = false;

	for (int i = 0; i < n; i++) {
		sum = add_piece(sum, checksum_partial(iov[i].iov_base, iov[i].iov_len, 0), odd);
		odd ^= iov[i].iov_len & 1;
	}
	return sum;
}

uint32_t checksum_pseudo(const void *src, const void *dst, size_t alen, uint8_t proto, uint32_t len)
{
	uint32_t tail[2] = { htonl(len), htonl(proto) };	/* RFC 8200 section 8.1; the same for IPv4 */
	uint32_t sum = checksum_partial(src, alen, 0);

	sum = checksum_partial(dst, alen, sum);
	return checksum_partial(tail, sizeof(tail), sum);
}

void packet_checksum_finish(struct packet *p)
{
	uint32_t data = (uint32_t)(p->data - p->base), start;
	uint32_t field = (uint32_t)p->csum_start + p->csum_offset;
	uint16_t csum;

	if (p->csum != PACKET_CSUM_PARTIAL)
		return;
	p->csum = PACKET_CSUM_NONE;
	if (p->csum_start < data || field + 2 > data + p->linear)
		return;		/* trimmed by then: there is no field left to fill */
	start = p->csum_start - data;
	csum = checksum_fold(checksum_packet(p, start, p->len - start, 0));
	if (!csum)
		csum = 0xffff;	/* the same number; for UDP, 0 would mean "no checksum" (RFC 768) */
	memcpy(p->base + field, &csum, sizeof(csum));
}
