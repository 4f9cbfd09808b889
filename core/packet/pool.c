/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - memory of packets and buffers (pool.h).
 *
 * Theory of operation
 *
 * Five kinds of objects: packets and four classes of buffers. A freed object
 * goes to the free list of its kind, last in first out, so that the next one is warm in the cache
 * of the processor; nothing is allocated per packet after warm-up. The lists hold at most
 * cache_limit bytes, what is more goes back to the C library.
 *
 * used + cached <= limit always holds. When only cached memory of other kinds is in the way, that
 * is given back first, so that a cache never makes an allocation fail.
 *
 * The last sixteenth of limit is a reserve (RESERVE_MIN, or an eighth of a small pool, at least): what
 * waits for somebody, POOL_KEPT, must not take it. Half of it is open to what only passes: a packet read
 * from the link, a segment on its way out. So ACKs are read when others' queues hold everything, and
 * answered from the rest. Who is
 * to keep some of what passes asks packet_pool_short() before; that leaves a quarter of the reserve for
 * those who have nothing else.
 *
 * Under AddressSanitizer nothing is cached, so that it sees every use after free.
 */
#include <stdlib.h>
#include <string.h>

#include "packet/pool.h"

#ifdef __has_feature
#define CLANG_ASAN __has_feature(address_sanitizer)
#else
#define CLANG_ASAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || CLANG_ASAN
#define CACHE_MAX UINT64_C(0)
#else
#define CACHE_MAX (UINT64_C(16) << 20)
#endif

#define RESERVE_MIN	(UINT64_C(512) << 10)
#define RESERVE_MAX	(UINT64_C(16) << 20)

static const uint32_t class_size[PACKET_POOL_CLASSES] = {
	PACKET_BUF_SMALL, 8192, 32768, PACKET_BUF_LARGE,
};

/* The first bytes of a cached buffer. */
struct cached {
	struct cached *next;
};

void packet_pool_init(struct packet_pool *pool, uint64_t limit)
{
	*pool = (struct packet_pool){ .limit = limit };
	pool->cache_limit = limit / 4;
	if (pool->cache_limit > CACHE_MAX)
		pool->cache_limit = CACHE_MAX;
}

/* Give cached memory back until at most keep bytes are left; the largest objects first. */
static void shrink_cache(struct packet_pool *pool, uint64_t keep)
{
	for (int class = PACKET_POOL_CLASSES - 1; class >= 0; class--) {
		while (pool->cached > keep && pool->free_bufs[class]) {
			struct cached *c = pool->free_bufs[class];

			pool->free_bufs[class] = c->next;
			pool->cached -= sizeof(struct buf) + class_size[class];
			free(c);
		}
	}
	while (pool->cached > keep && pool->free_packets) {
		struct packet *p = pool->free_packets;

		pool->free_packets = p->next;
		pool->cached -= sizeof(*p);
		free(p);
	}
}

void packet_pool_destroy(struct packet_pool *pool)
{
	shrink_cache(pool, 0);
}

uint64_t packet_pool_reserve(const struct packet_pool *pool)
{
	uint64_t reserve = pool->limit / 16, least = pool->limit / 8;

	if (least > RESERVE_MIN)
		least = RESERVE_MIN;
	if (reserve < least)
		reserve = least;
	return reserve < RESERVE_MAX ? reserve : RESERVE_MAX;
}

bool packet_pool_short(const struct packet_pool *pool)
{
	return pool->used > pool->limit - packet_pool_reserve(pool) / 4 * 3;
}

/* May size more bytes be handed out? */
static bool may_have(struct packet_pool *pool, enum pool_use use, uint64_t size)
{
	uint64_t reserve = packet_pool_reserve(pool);
	uint64_t most = pool->limit - (use == POOL_KEPT ? reserve : use == POOL_PASSING ? reserve / 2 : 0);

	if (most >= size && pool->used <= most - size)
		return true;
	pool->failures++;
	return false;
}

/* Memory that was not cached; may_have() has said yes. */
static void *pool_malloc(struct packet_pool *pool, uint64_t size)
{
	void *object;

	if (pool->cached > pool->limit - size - pool->used)
		shrink_cache(pool, pool->limit - size - pool->used);
	object = malloc(size);
	if (!object)
		pool->failures++;
	return object;
}

static void account_get(struct packet_pool *pool, uint64_t size)
{
	pool->used += size;
	if (pool->used > pool->peak)
		pool->peak = pool->used;
}

/* Take the bytes off; whether the object is to be cached. */
static bool account_put(struct packet_pool *pool, uint64_t size)
{
	pool->used -= size;
	if (pool->cached + size > pool->cache_limit)
		return false;
	pool->cached += size;
	return true;
}

struct packet *packet_pool_get(struct packet_pool *pool, enum pool_use use)
{
	struct packet *p = pool->free_packets;

	if (!may_have(pool, use, sizeof(*p)))
		return NULL;
	if (p) {
		pool->free_packets = p->next;
		pool->cached -= sizeof(*p);
	} else {
		p = pool_malloc(pool, sizeof(*p));
		if (!p)
			return NULL;
	}
	account_get(pool, sizeof(*p));
	pool->packets++;
	return p;
}

void packet_pool_put(struct packet *p)
{
	struct packet_pool *pool = p->pool;

	pool->packets--;
	if (!account_put(pool, sizeof(*p))) {
		free(p);
		return;
	}
	p->next = pool->free_packets;
	pool->free_packets = p;
}

static int class_of(uint32_t size)
{
	int class = 0;

	while (class < PACKET_POOL_CLASSES && size > class_size[class])
		class++;
	return class;
}

uint32_t buf_truesize(const struct buf *b)
{
	return (uint32_t)sizeof(*b) + b->size;
}

struct buf *buf_alloc_for(struct packet_pool *pool, enum pool_use use, uint32_t size)
{
	int class = class_of(size);
	struct cached *c;
	struct buf *b;

	if (class == PACKET_POOL_CLASSES || !may_have(pool, use, sizeof(*b) + class_size[class]))
		return NULL;
	c = pool->free_bufs[class];
	if (c) {
		pool->free_bufs[class] = c->next;
		pool->cached -= sizeof(*b) + class_size[class];
		b = (struct buf *)c;
	} else {
		b = pool_malloc(pool, sizeof(*b) + class_size[class]);
		if (!b)
			return NULL;
	}
	*b = (struct buf){ .refs = 1, .size = class_size[class], .pool = pool };
	account_get(pool, buf_truesize(b));
	pool->bufs++;
	return b;
}

struct buf *buf_alloc(struct packet_pool *pool, uint32_t size)
{
	return buf_alloc_for(pool, POOL_KEPT, size);
}

struct buf *buf_get(struct buf *b)
{
	b->refs++;
	return b;
}

void buf_put(struct buf *b)
{
	struct packet_pool *pool;
	struct cached *c;
	int class;

	if (!b || --b->refs)
		return;
	pool = b->pool;
	pool->bufs--;
	class = class_of(b->size);
	if (!account_put(pool, buf_truesize(b))) {
		free(b);
		return;
	}
	c = (struct cached *)b;
	c->next = pool->free_bufs[class];
	pool->free_bufs[class] = c;
}
