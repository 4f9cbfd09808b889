/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng.c - blocks of pcapng, in this machine's byte order, which a section begins with. */
#include <string.h>

#include "cmd/pcapng.h"

#define BLOCK_SECTION	0x0a0d0d0au
#define BLOCK_INTERFACE	1u
#define BLOCK_FRAME	6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define OPTION_COMMENT	1u
#define OPTION_TSRESOL	9u
#define NANOSECONDS	9u

static void put16(FILE *f, uint16_t v)
{
	fwrite(&v, sizeof(v), 1, f);
}

static void put32(FILE *f, uint32_t v)
{
	fwrite(&v, sizeof(v), 1, f);
}

static uint32_t padded(uint32_t n)
{
	return (n + 3) & ~3u;
}

static void put_bytes(FILE *f, const void *data, uint32_t n)
{
	static const char zeros[4];

	fwrite(data, 1, n, f);
	fwrite(zeros, 1, padded(n) - n, f);
}

void pcapng_start(FILE *f, uint16_t linktype, uint32_t snaplen)
{
	const uint32_t section = 28, interface = 32;
	const uint8_t resolution = NANOSECONDS;

	put32(f, BLOCK_SECTION);
	put32(f, section);
	put32(f, BYTE_ORDER_MAGIC);
	put16(f, 1);			/* version 1.0 */
	put16(f, 0);
	put32(f, UINT32_MAX);		/* its length is not known: 64 bits of ones */
	put32(f, UINT32_MAX);
	put32(f, section);

	put32(f, BLOCK_INTERFACE);
	put32(f, interface);
	put16(f, linktype);
	put16(f, 0);
	put32(f, snaplen);
	put16(f, OPTION_TSRESOL);
	put16(f, sizeof(resolution));
	put_bytes(f, &resolution, sizeof(resolution));
	put32(f, 0);			/* end of options */
	put32(f, interface);
}

void pcapng_frame(FILE *f, uint64_t time, const void *data, uint32_t caplen, uint32_t len,
		  const char *comment)
{
	uint32_t text = (uint32_t)strlen(comment);
	uint32_t total = 32 + padded(caplen) + 4 + padded(text) + 4;

	put32(f, BLOCK_FRAME);
	put32(f, total);
	put32(f, 0);			/* the interface */
	put32(f, (uint32_t)(time >> 32));
	put32(f, (uint32_t)time);
	put32(f, caplen);
	put32(f, len);
	put_bytes(f, data, caplen);
	put16(f, OPTION_COMMENT);
	put16(f, (uint16_t)text);
	put_bytes(f, comment, text);
	put32(f, 0);
	put32(f, total);
}
