/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - where packets and buffers come from: free lists, one pool a stack, with a limit on all
 * of its memory.
 */
#ifndef PACKET_POOL_H
#define PACKET_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/packet.h>

#define PACKET_POOL_CLASSES 4	/* buffer sizes: 2 KiB, 8 KiB, 32 KiB, 64 KiB + headers */
#define PACKET_BUF_SMALL    2048u
#define PACKET_BUF_LARGE    PACKET_MAX_LEN

/*
 * What memory is asked for, which tells how much of it is left for others. Nothing that frees memory, or
 * says that it will be, may fail because others hold it all.
 */
enum pool_use {
	POOL_KEPT,		/* what programs and peers have waiting: all but the reserve */
	POOL_PASSING,		/* what comes from the link, and what TCP sends: half of the reserve, too */
	POOL_LAST,		/* ACK, FIN and RST, ARP and NDP: all that there is */
};

struct packet_pool {
	uint64_t used, limit;		/* bytes handed out; the limit on these and cached together */
	uint64_t peak;			/* of used */
	uint64_t packets, bufs;		/* handed out now: zero when a stack is torn down */
	uint64_t failures;		/* allocations refused by the limit */
	struct packet *free_packets;
	void *free_bufs[PACKET_POOL_CLASSES];
	uint64_t cached, cache_limit;	/* bytes on the free lists, bounded */
};

void packet_pool_init(struct packet_pool *pool, uint64_t limit);
/* Gives the cached memory back. What is still handed out stays valid but must not be freed any
 * more. */
void packet_pool_destroy(struct packet_pool *pool);

/* Of limit, what is not for POOL_KEPT. */
uint64_t packet_pool_reserve(const struct packet_pool *pool);
/* Is more than a quarter of the reserve in use? What comes in then must not be kept. */
bool packet_pool_short(const struct packet_pool *pool);

/* packet_alloc() and buf_alloc() are for POOL_KEPT. */
struct packet *packet_alloc_for(struct packet_pool *pool, enum pool_use use, uint32_t headroom);
struct buf *buf_alloc_for(struct packet_pool *pool, enum pool_use use, uint32_t size);
/*
 * A packet for one more reader of p, as packet_clone, but all bytes that its header area has no room for
 * are shared: it must not be written to, and neither must p. Its truesize is p's.
 */
struct packet *packet_share(const struct packet *p);

/* For packet.c: a struct packet without contents; and back. */
struct packet *packet_pool_get(struct packet_pool *pool, enum pool_use use);
void packet_pool_put(struct packet *p);
/* The bytes that a buffer takes from the pool. */
uint32_t buf_truesize(const struct buf *b);

#endif
