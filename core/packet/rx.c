/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rx.c - packets for a driver to read into (weir/packet.h).
 *
 * Theory of operation
 *
 * The length of a frame is known only once it has been read. So a driver reads
 * into two buffers: a small one that becomes the linear part, and a large one, kept as fragment 0
 * with no bytes, for what does not fit. Afterwards a small frame gives the large buffer back. A
 * spill that is small for the large buffer is copied into one of its size: otherwise a peer could
 * pin 64 KiB with every 3 KiB frame.
 */
#include <string.h>

#include "packet/pool.h"

/* The IP header lands on a multiple of four; a few bytes are left to prepend. */
#define RX_HEADROOM	66u

/* Spills up to here are copied: cheap against the read itself, and the rest uses a quarter at
 * least. */
#define RX_COPY_MAX	16384u

struct packet *packet_rx_prepare(struct packet_pool *pool, struct iovec iov[2])
{
	struct packet *p = packet_alloc_for(pool, POOL_PASSING, 0);
	struct buf *small, *large;

	if (!p)
		return NULL;
	small = buf_alloc_for(pool, POOL_PASSING, PACKET_BUF_SMALL);
	if (!small)
		goto no_small;
	large = buf_alloc_for(pool, POOL_PASSING, PACKET_BUF_LARGE);
	if (!large)
		goto no_large;

	p->linear_buf = small;
	p->base = small->data;
	p->data = small->data + RX_HEADROOM;
	p->room = small->size;
	p->frags[0] = (struct packet_frag){ .buf = large };
	p->nfrags = 1;
	p->truesize += buf_truesize(small) + buf_truesize(large);
	iov[0] = (struct iovec){ p->data, p->room - RX_HEADROOM };
	iov[1] = (struct iovec){ large->data, large->size };
	return p;

no_large:
	buf_put(small);
no_small:
	packet_free(p);
	return NULL;
}

/* The large buffer for another one, or for none. */
static void replace_spill(struct packet *p, struct buf *b)
{
	p->truesize -= buf_truesize(p->frags[0].buf);
	buf_put(p->frags[0].buf);
	p->frags[0].buf = b;
	p->nfrags = b ? 1 : 0;
	if (b)
		p->truesize += buf_truesize(b);
}

void packet_rx_finish(struct packet *p, uint32_t n)
{
	uint32_t room = p->room - RX_HEADROOM, spill;
	struct buf *b;

	if (n > room + PACKET_BUF_LARGE)
		n = room + PACKET_BUF_LARGE;
	p->len = n;
	p->linear = n < room ? n : room;
	spill = n - p->linear;
	if (!spill) {
		replace_spill(p, NULL);
		return;
	}
	p->frags[0].len = spill;
	b = spill <= RX_COPY_MAX ? buf_alloc_for(p->pool, POOL_PASSING, spill) : NULL;
	if (b) {
		memcpy(b->data, p->frags[0].buf->data, spill);
		replace_spill(p, b);
	}
}
