/* SPDX-License-Identifier: Apache-2.0 */
/* test_packet.c - packets, pools, queues, receiving. */
#include "packet_world.h"

/* ---- the pool ---- */

START_TEST(pool_limit_holds_and_recovers)
{
	struct buf *bufs[64];
	int n = 0;

	packet_pool_init(&pool, 100000);
	while ((bufs[n] = buf_alloc(&pool, 8192)))
		n++;
	ck_assert_int_eq(n, 10);
	ck_assert_uint_eq(pool.failures, 1);
	ck_assert(!packet_pool_short(&pool));
	bufs[n] = buf_alloc_for(&pool, POOL_LAST, 8192);	/* the reserve is for this */
	ck_assert_ptr_nonnull(bufs[n]);
	n++;
	ck_assert(!packet_pool_short(&pool));		/* a quarter of it is not */
	pool.used += 4000;
	ck_assert(packet_pool_short(&pool));
	pool.used -= 4000;
	ck_assert_ptr_null(buf_alloc_for(&pool, POOL_PASSING, 8192));
	ck_assert_ptr_null(buf_alloc_for(&pool, POOL_LAST, PACKET_MAX_LEN));
	ck_assert_uint_le(pool.used, pool.limit);
	ck_assert_uint_eq(pool.peak, pool.used);
	while (n)
		buf_put(bufs[--n]);
	ck_assert_uint_le(pool.used + pool.cached, pool.limit);
	bufs[0] = buf_alloc(&pool, PACKET_MAX_LEN);	/* what is cached must not be in the way */
	ck_assert_ptr_nonnull(bufs[0]);
	ck_assert_uint_le(pool.used + pool.cached, pool.limit);
	ck_assert_ptr_null(buf_alloc(&pool, PACKET_MAX_LEN + 1));
	buf_put(bufs[0]);
	buf_put(NULL);
}
END_TEST

/* What is shared is neither copied nor freed before its last reader lets go. */
START_TEST(share_copies_headers_only)
{
	struct packet *p, *c[100];
	struct iovec iov[2];
	uint8_t byte;
	uint64_t used;

	packet_pool_init(&pool, 4u << 20);
	p = packet_rx_prepare(&pool, iov);
	for (uint32_t i = 0; i < 1400; i++)
		((uint8_t *)iov[0].iov_base)[i] = (uint8_t)(i * 7);
	packet_rx_finish(p, 1400);
	packet_pull(p, 42);
	used = pool.used;
	for (int i = 0; i < 100; i++) {
		c[i] = packet_share(p);
		ck_assert_ptr_nonnull(c[i]);
		ck_assert_uint_eq(c[i]->len, 1400 - 42);
		ck_assert_uint_eq(c[i]->truesize, p->truesize);
	}
	ck_assert_uint_eq(pool.used - used, 100 * sizeof(*p));
	packet_push(c[1], 42);				/* the headers are its own */
	packet_free(p);
	for (uint32_t i = 0; i < 1400 - 42; i++) {
		packet_copy_out(c[i % 100], i + (i % 100 == 1 ? 42 : 0), &byte, 1);
		ck_assert_uint_eq(byte, (uint8_t)((i + 42) * 7));
	}
	for (int i = 0; i < 100; i++)
		packet_free(c[i]);
	ck_assert_uint_eq(pool.used, 0);
}
END_TEST

START_TEST(pool_cache_is_bounded)
{
	static struct packet *packets[4000];

	packet_pool_init(&pool, 4u << 20);
	for (int i = 0; i < 4000; i++)
		packets[i] = packet_alloc(&pool, 0);
	for (int i = 0; i < 4000; i++)
		packet_free(packets[i]);
	ck_assert_uint_le(pool.cached, pool.cache_limit);
	ck_assert_uint_le(pool.cache_limit, 1u << 20);
	packet_free(NULL);
}
END_TEST

START_TEST(pool_failure_anywhere_leaks_nothing)
{
	/* The same work with every limit from none to enough: it fails at every point in turn. */
	for (uint64_t limit = 0; limit < 300000; limit += 700) {
		struct packet_queue out = { 0 };
		struct packet *p, *c;
		struct iovec iov[2];

		packet_pool_init(&pool, limit);
		p = packet_rx_prepare(&pool, iov);
		if (p) {
			memset(iov[0].iov_base, 0x55, iov[0].iov_len);
			memset(iov[1].iov_base, 0x55, 4000);
			packet_rx_finish(p, (uint32_t)iov[0].iov_len + 4000);
			c = packet_clone(p);
			if (c)
				packet_need(c, 3000);
			packet_free(c);
			if (packet_copy_in(p, bytes, 50000))
				ck_assert_uint_eq(p->len, iov[0].iov_len + 4000);
			p->gso_size = 1000;
			packet_segment(p, &out);
			packet_queue_purge(&out);
		}
		ck_assert_uint_eq(pool.used, 0);
		ck_assert_uint_eq(pool.packets + pool.bufs, 0);
		packet_pool_destroy(&pool);
	}
}
END_TEST

/* ---- packets ---- */

START_TEST(packet_fields_start_clean)
{
	struct packet *p = new_packet();
	unsigned int calls = 0;

	memset(&p->tstamp, 0xff, sizeof(*p) - offsetof(struct packet, tstamp));
	p->nfrags = 0;
	p->gso_size = 7;
	p->destructor = count_call;
	p->owner = &calls;
	packet_free(p);
	ck_assert_uint_eq(calls, 1);
	p = new_packet();
	ck_assert_uint_eq(p->len + p->linear + p->nfrags + p->gso_size + p->charged, 0);
	ck_assert_uint_eq(p->tstamp, 0);
	ck_assert_ptr_null(p->destructor);
	ck_assert_ptr_eq(p->data, p->head + PACKET_HEADROOM);
	ck_assert_uint_eq(p->truesize, sizeof(*p));
	packet_free(p);
}
END_TEST

/* Random cuts and growths, against a flat copy. */
START_TEST(packet_operations_agree_with_flat_bytes)
{
	static uint8_t flat[1 << 20];

	for (int round = 0; round < 300; round++) {
		struct packet *p = new_packet(), *c;
		uint8_t *at = flat;
		uint32_t n = 0, part;

		for (int step = 0; step < 40; step++) {
			switch (random_below(&rnd, 8)) {
			case 0:
				part = random_below(&rnd, 9000);
				if (packet_copy_in(p, bytes, part))
					break;
				memcpy(at + n, bytes, part);
				n += part;
				break;
			case 1:
				part = random_below(&rnd, n / 3 + 1);
				packet_skip(p, part);
				at += part;
				n -= part;
				break;
			case 2:
				n -= random_below(&rnd, n / 3 + 1);
				packet_trim(p, n);
				break;
			case 3:
				part = random_below(&rnd, 3000);
				if (packet_need(p, part))
					ck_assert_uint_ge(p->linear, part);
				else
					ck_assert_uint_lt(n, part);
				break;
			case 4:
				if (p->nfrags || p->linear + (p->data - p->base) + 9 > p->room)
					break;
				memcpy(packet_put(p, 9), bytes + 99, 9);
				memcpy(at + n, bytes + 99, 9);
				n += 9;
				break;
			case 5:
				if (p->data - p->base < 5 || at - flat < 5)
					break;
				memcpy(packet_push(p, 5), bytes + 7, 5);
				at -= 5;
				memcpy(at, bytes + 7, 5);
				n += 5;
				break;
			case 6:
				c = packet_clone(p);
				ck_assert_ptr_nonnull(c);
				ck_assert_int_eq(c->network, p->network);
				packet_free(p);
				p = c;
				break;
			default:
				c = packet_alloc(&pool, 0);
				part = random_below(&rnd, n + 1);
				ck_assert_int_eq(packet_append_from(c, p, part, n - part), 0);
				holds_bytes(c, at + part, n - part);
				packet_free(c);
			}
			holds_bytes(p, at, n);
		}
		packet_free(p);
	}
}
END_TEST

START_TEST(packet_append_joins_and_is_bounded)
{
	struct packet *p = new_packet(), *copy = new_packet();
	struct buf *b = buf_alloc(&pool, 2048);
	struct iovec iov[4];

	memcpy(b->data, bytes, 2048);
	ck_assert(packet_append(p, b, 0, 100));
	ck_assert(packet_append(p, b, 100, 100));
	ck_assert_uint_eq(p->nfrags, 1);
	ck_assert_uint_eq(b->refs, 2);
	for (uint32_t i = 1; i < PACKET_FRAGS; i++)
		ck_assert(packet_append(p, b, 200 + 2 * i, 1));
	ck_assert(!packet_append(p, b, 300, 1));
	ck_assert(packet_append(p, b, 300, 0));
	ck_assert_int_eq(packet_copy_in(p, bytes, 1), -ENOMEM);
	ck_assert_uint_eq(b->refs, 1 + PACKET_FRAGS);
	ck_assert_int_eq(packet_iov(p, 150, 51, iov, 4), 2);
	ck_assert_uint_eq(iov[0].iov_len, 50);
	ck_assert_int_eq(packet_iov(p, 0, p->len, iov, 4), 4);
	/* As a second fragment these are 19: then they are copied. */
	memset(packet_put(copy, 1), 0, 1);
	ck_assert(packet_append(copy, b, 1000, 1));
	ck_assert_int_eq(packet_append_from(copy, p, 0, p->len), 0);
	ck_assert_uint_eq(copy->nfrags, 2);
	packet_free(copy);
	packet_free(p);
	ck_assert_uint_eq(b->refs, 1);
	buf_put(b);
}
END_TEST

START_TEST(packet_need_leaves_shared_bytes_alone)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&pool, iov), *other = new_packet();

	memcpy(iov[0].iov_base, bytes, 1000);
	packet_rx_finish(p, 1000);
	ck_assert_int_eq(packet_append_from(other, p, 0, 1000), 0);
	packet_trim(p, 500);
	ck_assert_int_eq(packet_copy_in(p, bytes + 2000, 100), 0);
	ck_assert(packet_need(p, 600));
	holds_bytes(other, bytes, 1000);
	packet_free(p);
	packet_free(other);
}
END_TEST

START_TEST(queue_counts)
{
	struct packet_queue q = { 0 };
	struct packet *p[3];

	for (uint32_t i = 0; i < 3; i++) {
		p[i] = new_packet();
		p[i]->wire_len = 100 + i;
	}
	packet_queue_push(&q, p[1]);
	packet_queue_push(&q, p[2]);
	packet_queue_push_front(&q, p[0]);
	ck_assert_uint_eq(q.len, 3);
	ck_assert_uint_eq(q.bytes, 303);
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_eq(packet_queue_pop(&q), p[i]);
		ck_assert_ptr_null(p[i]->next);
	}
	ck_assert_ptr_null(packet_queue_pop(&q));
	ck_assert_ptr_null(q.tail);
	for (int i = 0; i < 3; i++)
		packet_queue_push_front(&q, p[i]);
	packet_queue_purge(&q);
	ck_assert_uint_eq(q.len + q.bytes, 0);
}
END_TEST

/* ---- receiving ---- */

START_TEST(rx_sizes)
{
	static const uint32_t sizes[] = { 0, 1, 60, 1514, 1982, 1983, 3000, 9014, 20000, 65549 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct iovec iov[2];
		struct packet *p = packet_rx_prepare(&pool, iov);
		uint32_t first = sizes[i] < iov[0].iov_len ? sizes[i] : (uint32_t)iov[0].iov_len;

		ck_assert_uint_ge(iov[0].iov_len, 1522);
		ck_assert_uint_ge(iov[0].iov_len + iov[1].iov_len, PACKET_MAX_LEN);
		ck_assert_uint_eq((uintptr_t)((uint8_t *)iov[0].iov_base + ETH) % 4, 0);
		memcpy(iov[0].iov_base, bytes, first);
		memcpy(iov[1].iov_base, bytes + first, sizes[i] - first);
		packet_rx_finish(p, sizes[i]);
		holds_bytes(p, bytes, sizes[i]);
		ck_assert_uint_eq(p->truesize, pool.used);	/* honest */
		if (sizes[i] <= iov[0].iov_len)
			ck_assert_uint_eq(pool.bufs, 1);
		if (sizes[i] == 3000)
			ck_assert_uint_lt(p->truesize, 6000);
		packet_free(p);
	}
}
END_TEST

START_TEST(rx_unused_is_freed)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&pool, iov);

	ck_assert_uint_eq(p->len, 0);
	ck_assert_uint_eq(p->truesize, pool.used);
	packet_free(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("packet");
	TCase *tc = tcase_create("packet");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, pool_limit_holds_and_recovers);
	tcase_add_test(tc, share_copies_headers_only);
	tcase_add_test(tc, pool_cache_is_bounded);
	tcase_add_test(tc, pool_failure_anywhere_leaks_nothing);
	tcase_add_test(tc, packet_fields_start_clean);
	tcase_add_test(tc, packet_operations_agree_with_flat_bytes);
	tcase_add_test(tc, packet_append_joins_and_is_bounded);
	tcase_add_test(tc, packet_need_leaves_shared_bytes_alone);
	tcase_add_test(tc, queue_counts);
	tcase_add_test(tc, rx_sizes);
	tcase_add_test(tc, rx_unused_is_freed);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
