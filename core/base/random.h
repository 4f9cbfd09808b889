/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.h - randomness is given to a stack: getrandom(2) in production, a seed in tests.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
	void (*fill)(void *arg, void *dst, size_t n);
	void *arg;
};

void random_bytes(const struct random *r, void *dst, size_t n);
uint32_t random_u32(const struct random *r);
uint64_t random_u64(const struct random *r);
/* Uniform in [0, n), n > 0, without modulo bias. */
uint32_t random_below(const struct random *r, uint32_t n);

/*
 * getrandom(2). arg: NULL, or a struct random_buffer (zeroed at first) that saves system calls. A
 * buffer belongs to one thread, and must not cross a fork: both sides would draw the same bytes.
 */
struct random_buffer {
	uint32_t left;		/* unused bytes, at the end */
	uint8_t bytes[508];
};
void random_system(void *arg, void *dst, size_t n);

/* xoshiro256**: reproducible from its seed. For tests only: it is predictable. */
struct random_seeded {
	uint64_t s[4];
};
void random_seed(struct random_seeded *state, uint64_t seed);
void random_from_seed(void *arg, void *dst, size_t n);	/* arg: struct random_seeded */

#endif
