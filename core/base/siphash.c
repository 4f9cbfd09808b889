/* SPDX-License-Identifier: Apache-2.0 */
/*
 * siphash.c - SipHash-2-4 (siphash.h).
 *
 * Theory of operation
 *
 * Four words of state, set from the key. Every eight bytes of message m
 * (little endian): v3 ^= m, two rounds, v0 ^= m. The last word holds the remaining bytes and, on
 * top, the length mod 256. Then v2 ^= 0xff, four rounds, and the four words are xored together. A
 * round is fourteen additions, rotations and xors.
 */
#include <endian.h>
#include <string.h>

#include "base/siphash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len)
{
	struct sip s = {
		.v0 = 0x736f6d6570736575u ^ key->k[0],
		.v1 = 0x646f72616e646f6du ^ key->k[1],
		.v2 = 0x6c7967656e657261u ^ key->k[0],
		.v3 = 0x7465646279746573u ^ key->k[1],
	};
	const uint8_t *at = data;
	uint64_t m, last = 0;
	size_t rest = len;

	for (; rest >= 8; at += 8, rest -= 8) {
		memcpy(&m, at, 8);
		sip_word(&s, le64toh(m));
	}
	if (rest)
		memcpy(&last, at, rest);
	sip_word(&s, le64toh(last) | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
