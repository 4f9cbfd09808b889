/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.h - numbers in network order at any alignment: how headers are read and written. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>

static inline uint16_t get_be16(const void *at)
{
	const uint8_t *b = at;

	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t get_be32(const void *at)
{
	return (uint32_t)get_be16(at) << 16 | get_be16((const uint8_t *)at + 2);
}

static inline void put_be16(void *at, uint16_t v)
{
	uint8_t *b = at;

	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static inline void put_be32(void *at, uint32_t v)
{
	put_be16(at, (uint16_t)(v >> 16));
	put_be16((uint8_t *)at + 2, (uint16_t)v);
}

#endif
