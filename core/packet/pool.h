/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - where packets and buffers come from: free lists, one pool a stack, with a limit on all
 * of its memory.
 */
#ifndef PACKET_POOL_H
#define PACKET_POOL_H

#include <stdint.h>

#include <weir/packet.h>

#define PACKET_POOL_CLASSES 4	/* buffer sizes: 2 KiB, 8 KiB, 32 KiB, 64 KiB + headers */
#define PACKET_BUF_SMALL    2048u
#define PACKET_BUF_LARGE    PACKET_MAX_LEN

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

/* For packet.c: a struct packet without contents; and back. */
struct packet *packet_pool_get(struct packet_pool *pool);
void packet_pool_put(struct packet *p);
/* The bytes that a buffer takes from the pool. */
uint32_t buf_truesize(const struct buf *b);

#endif
