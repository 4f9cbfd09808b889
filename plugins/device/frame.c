/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - packets as the kernel reads and writes them (frame.h). */
#include "frame.h"

void frame_describe(struct frame_tx *f, const struct packet *p)
{
	packet_to_vnet(p, &f->vnet);
	f->iov[0] = (struct iovec){ &f->vnet, sizeof(f->vnet) };
	f->niov = 1 + packet_iov(p, 0, p->len, f->iov + 1, FRAME_TX_IOV - 1);
}

bool frame_prepare(struct frame_rx *f, struct packet_pool *pool)
{
	if (f->p)
		return true;
	f->p = packet_rx_prepare(pool, f->iov + 1);
	f->iov[0] = (struct iovec){ &f->vnet, sizeof(f->vnet) };
	return f->p;
}

static int describe(struct packet *p, const struct virtio_net_hdr *h, const struct link *l)
{
	return l->caps & LINK_L3 ? packet_from_vnet_l3(p, h) : packet_from_vnet(p, h);
}

struct packet *frame_finish(struct frame_rx *f, size_t n, struct link *l)
{
	struct link_stats *s = &l->stats;
	struct packet *p = f->p;

	if (n < sizeof(f->vnet)) {
		s->rx_errors++;
		return NULL;
	}
	f->p = NULL;
	packet_rx_finish(p, (uint32_t)(n - sizeof(f->vnet)));
	if (describe(p, &f->vnet, l) < 0) {
		s->rx_errors++;
		packet_free(p);
		return NULL;
	}
	s->rx_packets++;
	s->rx_bytes += p->len;
	return p;
}

void frame_release(struct frame_rx *f)
{
	packet_free(f->p);
	f->p = NULL;
}
