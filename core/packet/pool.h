/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - where packets and buffers come from: slabs with free lists, one pool a stack, with a
 * limit on all of its memory.
 */
#ifndef PACKET_POOL_H
#define PACKET_POOL_H

#include <stdint.h>

#include <weir/packet.h>

#define PACKET_POOL_CLASSES 4	/* buffer sizes: 2 KiB, 8 KiB, 32 KiB, 64 KiB + headers */

struct packet_pool {
	uint64_t used, limit;		/* bytes handed out; the limit */
	uint64_t peak;
	uint64_t packets, bufs;		/* handed out now: zero when a stack is torn down */
	uint64_t failures;		/* allocations refused by the limit */
	struct packet *free_packets;
	void *free_bufs[PACKET_POOL_CLASSES];
	uint64_t cached;		/* bytes on the free lists, bounded */
};

void packet_pool_init(struct packet_pool *pool, uint64_t limit);
void packet_pool_destroy(struct packet_pool *pool);

#endif
