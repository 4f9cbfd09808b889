/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checksum.c - the Internet checksum (checksum.h).
 *
 * Theory of operation
 *
 * The checksum is the one's complement sum of 16-bit words (RFC 1071). That
 * sum has three properties which make it fast: words may be added in any grouping, so 32 bits at a
 * time into 64-bit accumulators, where four thousand million carries find room, folded once at the
 * end; byte order does not matter as long as the result is stored in the order in which the words
 * were read; and a piece that starts at an odd offset has its sum with the two bytes swapped.
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

#define BLOCK	32u

/* Two 64-bit accumulators in one: SSE2 and NEON, which every amd64 and arm64 has. */
typedef uint64_t lanes __attribute__((vector_size(16)));

/* Whole blocks; the two 32-bit halves of every word apart. */
static uint64_t sum_blocks(const uint8_t *at, size_t blocks)
{
	lanes low = { 0 }, high = { 0 }, a, b;

	for (; blocks; at += BLOCK, blocks--) {
		memcpy(&a, at, sizeof(a));
		memcpy(&b, at + sizeof(a), sizeof(b));
		low += (a & UINT32_MAX) + (b & UINT32_MAX);
		high += (a >> 32) + (b >> 32);
	}
	low += high;
	return low[0] + low[1];
}

uint32_t checksum_partial(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *at = data;
	uint64_t acc = sum + sum_blocks(at, len / BLOCK);

	at += len - len % BLOCK;
	for (len %= BLOCK; len >= 4; at += 4, len -= 4) {
		uint32_t word;

		memcpy(&word, at, sizeof(word));
		acc += word;
	}
	if (len)
		acc += sum_tail(at, len);
	return fold64(acc);
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
