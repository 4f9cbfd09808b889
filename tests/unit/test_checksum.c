/* SPDX-License-Identifier: Apache-2.0 */
/* test_checksum.c - the Internet checksum (RFC 1071) against a naive one. */
#include "packet_world.h"

static uint16_t ours(uint32_t sum)
{
	uint16_t stored = checksum_fold(sum);

	return get_be16(&stored);
}

START_TEST(checksum_is_the_naive_one)
{
	for (uint32_t n = 0; n < 300; n++) {
		uint32_t off = random_below(&rnd, 1000);

		ck_assert_uint_eq(ours(checksum_partial(bytes + off, n, 0)),
				  naive(bytes + off, n, 0));
	}
	for (int i = 0; i < 100; i++) {
		uint32_t n = random_below(&rnd, sizeof(bytes) + 1);

		ck_assert_uint_eq(ours(checksum_partial(bytes, n, 0)), naive(bytes, n, 0));
	}
}
END_TEST

START_TEST(checksum_carries_are_kept)
{
	static uint8_t ones[PACKET_MAX_LEN];

	memset(ones, 0xff, sizeof(ones));
	for (uint32_t n = 1; n < 200; n++)
		ck_assert_uint_eq(ours(checksum_partial(ones, n, UINT32_MAX)),
				  naive(ones, n, UINT32_MAX));
	ck_assert_uint_eq(ours(checksum_partial(ones, sizeof(ones), UINT32_MAX)), 0);
}
END_TEST

START_TEST(checksum_crosses_fragments_at_any_parity)
{
	for (int round = 0; round < 500; round++) {
		struct packet *p = new_packet();
		uint32_t n = random_below(&rnd, 64), off, len;

		memcpy(packet_put(p, n), bytes, n);
		for (uint32_t i = random_below(&rnd, PACKET_FRAGS); i; i--) {
			uint32_t part = 1 + random_below(&rnd, 50);

			ck_assert_int_eq(packet_copy_in(p, bytes + n, part), 0);
			n += part;
		}
		holds_bytes(p, bytes, n);
		off = random_below(&rnd, n + 1);
		len = random_below(&rnd, n - off + 1);
		ck_assert_uint_eq(ours(checksum_packet(p, off, len, 0)),
				  naive(bytes + off, len, 0));
		packet_free(p);
	}
}
END_TEST

START_TEST(checksum_pseudo_header)
{
	uint8_t flat[40] = { 0 };

	memcpy(flat, bytes, 32);
	put_be32(flat + 32, 70000);
	flat[39] = 6;
	ck_assert_uint_eq(ours(checksum_pseudo(bytes, bytes + 16, 16, 6, 70000)),
			  naive(flat, 40, 0));
	memset(flat, 0, sizeof(flat));
	memcpy(flat, bytes, 8);
	flat[9] = 17;
	put_be16(flat + 10, 4321);
	ck_assert_uint_eq(ours(checksum_pseudo(bytes, bytes + 4, 4, 17, 4321)),
			  naive(flat, 12, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("checksum");
	TCase *tc = tcase_create("checksum");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, checksum_is_the_naive_one);
	tcase_add_test(tc, checksum_carries_are_kept);
	tcase_add_test(tc, checksum_crosses_fragments_at_any_parity);
	tcase_add_test(tc, checksum_pseudo_header);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
