/* SPDX-License-Identifier: Apache-2.0 */
/* test_base.c - hash tables, SipHash, randomness, log. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/random.h"
#include "base/siphash.h"
#include "tests/suite.h"

/* ---- SipHash ---- */

/* The authors' vectors: key 00 01 .. 0f, messages of 0 to 15 bytes 00 01 02 ... */
static const uint64_t sip_vectors[16] = {
	0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
	0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
	0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
	0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
};

START_TEST(siphash_vectors)
{
	struct siphash_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	uint8_t message[16];

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t len = 0; len < 16; len++)
		ck_assert_uint_eq(siphash(&key, message, len), sip_vectors[len]);
}
END_TEST

/* ---- hash table ---- */

struct item {
	struct hash_node node;
	unsigned int number;
	unsigned int seen;
};

#define ITEMS 5000u

static void fill(struct hash_table *t, struct item *items, uint64_t hash_mask)
{
	ck_assert_int_eq(hash_init(t, 4), 0);
	memset(items, 0, ITEMS * sizeof(*items));
	for (unsigned int i = 0; i < ITEMS; i++) {
		items[i].number = i;
		hash_add(t, &items[i].node, (i * UINT64_C(0x9e3779b97f4a7c15)) & hash_mask);
	}
}

static struct item *lookup(const struct hash_table *t, unsigned int number, uint64_t hash_mask)
{
	struct hash_node *n = hash_find(t, (number * UINT64_C(0x9e3779b97f4a7c15)) & hash_mask);

	while (n && list_entry(n, struct item, node)->number != number)
		n = hash_find_next(n);
	return n ? list_entry(n, struct item, node) : NULL;
}

START_TEST(hash_finds_every_node)
{
	/* The second round has many nodes of equal hash. */
	const uint64_t masks[] = { UINT64_MAX, 0xff };
	static struct item items[ITEMS];
	struct hash_table t;

	for (int round = 0; round < 2; round++) {
		fill(&t, items, masks[round]);
		ck_assert_uint_eq(t.count, ITEMS);
		ck_assert_uint_ge(t.mask + 1, ITEMS / 2);
		for (unsigned int i = 0; i < ITEMS; i++)
			ck_assert_ptr_eq(lookup(&t, i, masks[round]), &items[i]);
		for (unsigned int i = 0; i < ITEMS; i += 2)
			hash_del(&t, &items[i].node);
		hash_del(&t, &items[0].node);	/* not there any more: harmless */
		ck_assert_uint_eq(t.count, ITEMS / 2);
		for (unsigned int i = 0; i < ITEMS; i++)
			ck_assert_ptr_eq(lookup(&t, i, masks[round]), i % 2 ? &items[i] : NULL);
		hash_free(&t);
	}
}
END_TEST

START_TEST(hash_walks_see_each_node_once)
{
	static struct item items[ITEMS];
	struct hash_table t;
	unsigned int seen = 0;

	fill(&t, items, UINT64_MAX);
	hash_for_each(pos, &t)
		list_entry(pos, struct item, node)->seen++;
	for (unsigned int i = 0; i < ITEMS; i++)
		ck_assert_uint_eq(items[i].seen, 1);
	hash_for_each_safe(pos, &t) {
		hash_del(&t, pos);
		memset(pos, 0xee, sizeof(*pos));
		seen++;
	}
	ck_assert_uint_eq(seen, ITEMS);
	ck_assert_uint_eq(t.count, 0);
	ck_assert_ptr_null(hash_walk(&t, NULL));
	hash_free(&t);
}
END_TEST

/* One that grew at once would move them all within somebody's call. */
START_TEST(hash_grows_a_little_with_each_addition)
{
	static struct item items[ITEMS];
	unsigned int rounds = 0, seen;
	struct hash_table t;

	ck_assert_int_eq(hash_init(&t, 4), 0);
	for (unsigned int i = 0; i < ITEMS; i++) {
		size_t mask = t.mask, moved = t.moved;
		bool growing = t.old;

		hash_add(&t, &items[i].node, i * UINT64_C(0x9e3779b97f4a7c15));
		if (growing && t.old)
			ck_assert_uint_le(t.moved - moved, 2);
		ck_assert(t.mask == mask || !t.moved);
		rounds += t.mask != mask;
		if (i % 97)
			continue;
		seen = 0;
		for (size_t slot = 0; slot <= t.mask; slot++)
			for (struct hash_node *n = hash_slot_next(&t, slot, NULL); n; n = hash_slot_next(&t, slot, n))
				seen++;
		ck_assert_uint_eq(seen, i + 1);
		seen = 0;
		hash_for_each(pos, &t)
			seen++;
		ck_assert_uint_eq(seen, i + 1);
	}
	ck_assert_uint_ge(rounds, 10);
	hash_free(&t);
}
END_TEST

/* ---- randomness ---- */

START_TEST(seeded_is_xoshiro256ss)
{
	/* From the authors' C code with the state 1, 2, 3, 4. */
	static const uint64_t expected[] = { 11520, 0, 1509978240, 1215971899390074240 };
	struct random_seeded state = { { 1, 2, 3, 4 } };
	struct random r = { random_from_seed, &state };

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_uint_eq(random_u64(&r), expected[i]);
}
END_TEST

START_TEST(seed_is_spread_by_splitmix64)
{
	struct random_seeded a, b;

	random_seed(&a, 0);
	ck_assert_uint_eq(a.s[0], 0xe220a8397b1dcdaf);	/* splitmix64's first outputs for 0 */
	ck_assert_uint_eq(a.s[1], 0x6e789e6aa1b965f4);
	random_seed(&b, 0);
	ck_assert_mem_eq(&a, &b, sizeof(a));
	random_seed(&b, 1);
	ck_assert_mem_ne(&a, &b, sizeof(a));
}
END_TEST

START_TEST(below_is_uniform)
{
	struct random_seeded state;
	struct random r = { random_from_seed, &state };
	unsigned int counts[7] = { 0 };

	random_seed(&state, 42);
	for (int i = 0; i < 70000; i++) {
		uint32_t v = random_below(&r, 7);

		ck_assert_uint_lt(v, 7);
		counts[v]++;
	}
	for (int i = 0; i < 7; i++) {
		ck_assert_uint_gt(counts[i], 9500);
		ck_assert_uint_lt(counts[i], 10500);
	}
	ck_assert_uint_eq(random_below(&r, 1), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_lt(random_below(&r, 0x80000001u), 0x80000001u);
}
END_TEST

static bool all_zero(const uint8_t *at, size_t n)
{
	while (n--)
		if (at[n])
			return false;
	return true;
}

START_TEST(system_randomness_never_repeats_its_buffer)
{
	static struct random_buffer buffer;
	struct random r = { random_system, &buffer };
	static uint8_t large[sizeof(buffer) + 100];
	uint64_t seen[512];

	for (size_t i = 0; i < 512; i++) {
		seen[i] = random_u64(&r);
		ck_assert(all_zero(buffer.bytes, sizeof(buffer.bytes) - buffer.left));
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_ne(seen[i], seen[j]);
	}
	random_bytes(&r, large, sizeof(large));
	ck_assert(!all_zero(large + sizeof(large) - 32, 32));
	r.arg = NULL;
	ck_assert_uint_ne(random_u64(&r), random_u64(&r));
}
END_TEST

/* ---- log ---- */

static void capture(void *arg, enum log_level level, const char *text)
{
	(void)level;
	snprintf(arg, 2048, "%s", text);
}

START_TEST(log_filters_and_cleans)
{
	char text[2048] = "";
	struct log log = { .write = capture, .arg = text, .level = LOG_WARN };
	char large[1500];

	log_write(&log, LOG_INFO, "too low");
	ck_assert_str_eq(text, "");
	errno = EBUSY;
	log_write(&log, LOG_WARN, "program %s: %d", "evil\n\x1b[2J", 7);
	ck_assert_str_eq(text, "program evil??[2J: 7");
	ck_assert_int_eq(errno, EBUSY);
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = 0;
	log_write(&log, LOG_ERROR, "%s", large);
	ck_assert_uint_eq(strlen(text), 1023);
	log.write = NULL;
	log_write(&log, LOG_ERROR, "silent");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base");
	TCase *tc = tcase_create("base");

	tcase_add_test(tc, siphash_vectors);
	tcase_add_test(tc, hash_finds_every_node);
	tcase_add_test(tc, hash_walks_see_each_node_once);
	tcase_add_test(tc, hash_grows_a_little_with_each_addition);
	tcase_add_test(tc, seeded_is_xoshiro256ss);
	tcase_add_test(tc, seed_is_spread_by_splitmix64);
	tcase_add_test(tc, below_is_uniform);
	tcase_add_test(tc, system_randomness_never_repeats_its_buffer);
	tcase_add_test(tc, log_filters_and_cleans);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
