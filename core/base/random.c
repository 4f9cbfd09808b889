/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.c - where randomness comes from (random.h).
 *
 * Theory of operation
 *
 * The seeded generator is xoshiro256** 1.0 (Blackman and Vigna, 2018), its 256
 * bits of state filled from the seed by splitmix64, as its authors advise. random_below is
 * Lemire's multiply-and-reject (2019): the high half of x * n is uniform in [0, n) once the few
 * low halves under 2^32 mod n are rejected.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/random.h"

void random_bytes(const struct random *r, void *dst, size_t n)
{
	r->fill(r->arg, dst, n);
}

uint32_t random_u32(const struct random *r)
{
	uint32_t v;

	r->fill(r->arg, &v, sizeof(v));
	return v;
}

uint64_t random_u64(const struct random *r)
{
	uint64_t v;

	r->fill(r->arg, &v, sizeof(v));
	return v;
}

uint32_t random_below(const struct random *r, uint32_t n)
{
	uint32_t reject = -n % n;	/* 2^32 mod n */
	uint64_t product;

	do {
		product = (uint64_t)random_u32(r) * n;
	} while ((uint32_t)product < reject);
	return (uint32_t)(product >> 32);
}

static void system_fill(void *dst, size_t n)
{
	uint8_t *at = dst;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			abort();	/* predictable sequence numbers would be worse */
		}
		at += got;
		n -= (size_t)got;
	}
}

void random_system(void *arg, void *dst, size_t n)
{
	struct random_buffer *b = arg;
	uint8_t *at;

	if (!b || n > sizeof(b->bytes)) {
		system_fill(dst, n);
		return;
	}
	if (b->left < n) {
		system_fill(b->bytes, sizeof(b->bytes));
		b->left = sizeof(b->bytes);
	}
	at = b->bytes + sizeof(b->bytes) - b->left;
	memcpy(dst, at, n);
	explicit_bzero(at, n);		/* what was given out cannot be read back later */
	b->left -= (uint32_t)n;
}

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void random_seed(struct random_seeded *state, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		state->s[i] = splitmix64(&seed);
}

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static uint64_t xoshiro256ss(uint64_t s[4])
{
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

void random_from_seed(void *arg, void *dst, size_t n)
{
	struct random_seeded *state = arg;
	uint8_t *at = dst;

	while (n) {
		uint64_t v = xoshiro256ss(state->s);
		size_t part = n < sizeof(v) ? n : sizeof(v);

		memcpy(at, &v, part);
		at += part;
		n -= part;
	}
}
