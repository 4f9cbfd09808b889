/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - a packet as the kernel reads and writes it on an AF_PACKET socket or a TAP device: a
 * virtio_net_hdr, which carries the offload metadata, and the Ethernet frame, or, with LINK_L3, the
 * IP packet.
 */
#ifndef DEVICE_FRAME_H
#define DEVICE_FRAME_H

#include <sys/uio.h>

#include <linux/virtio_net.h>

#include <weir/link.h>

/* What both devices do with an unfinished packet, and the largest they take. */
#define FRAME_CAPS	(LINK_CSUM | LINK_GSO_TCP4 | LINK_GSO_TCP6)
#define FRAME_GSO_MAX	65535u
#define FRAME_TX_IOV	(2 + PACKET_FRAGS)

struct frame_tx {
	struct virtio_net_hdr vnet;
	struct iovec iov[FRAME_TX_IOV];		/* vnet, then the packet's bytes where they are */
	int niov;
};

/* Room for a frame to come. It waits for as long as nothing comes, and is prepared once a frame. */
struct frame_rx {
	struct packet *p;			/* NULL: not prepared */
	struct virtio_net_hdr vnet;
	struct iovec iov[3];
};

void frame_describe(struct frame_tx *f, const struct packet *p);

/* Harmless when it is prepared already. False: no memory. */
bool frame_prepare(struct frame_rx *f, struct packet_pool *pool);
/* n bytes have been read, vnet included. NULL: malformed; freed and counted. */
struct packet *frame_finish(struct frame_rx *f, size_t n, struct link *l);
void frame_release(struct frame_rx *f);

#endif
