/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/packet.h - packets and the buffers their payload lives in.
 *
 * A packet is a linear part, where headers are read and written, followed by fragments that
 * refer to reference-counted buffers. Payload lives once: the send queue, a retransmission
 * and the packet waiting in a qdisc hold references to the same buffer.
 *
 *	base            data                 data+linear
 *	 |   headroom    |      linear        |  tailroom |     frags[0] frags[1] ...
 *	                 |<------------------- len ---------------------------------->|
 *
 * base is the packet's own small header area, or, for a received packet, a buffer.
 *
 * Offload metadata is virtio_net_hdr's. A packet with gso_size != 0 is a super-segment: its
 * payload becomes gso_segs wire packets of at most gso_size payload bytes each.
 *
 * Ownership: whoever holds a struct packet * owns it and hands it on or frees it.
 * A packet belongs to the thread of its pool.
 */
#ifndef WEIR_PACKET_H
#define WEIR_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct packet_pool;
struct nic;

#define PACKET_HEADROOM		192u	/* bytes in front of a transport header, at least */
#define PACKET_HEAD_SIZE	320u	/* the packet's own header area */
#define PACKET_FRAGS		18u
#define PACKET_CB		96u	/* scratch bytes for whoever holds the packet */
#define PACKET_MAX_LEN		(65536u + 256u)	/* of one packet, headers included */

struct buf {			/* payload storage; opaque but for its bytes */
	uint32_t refs;
	uint32_t size;		/* bytes in data[] */
	struct packet_pool *pool;
	uint8_t data[];
};

struct packet_frag {
	struct buf *buf;	/* one reference held */
	uint32_t off, len;	/* bytes of buf->data */
};

enum packet_csum {
	PACKET_CSUM_NONE,	/* as on the wire: complete when sent, to be verified when received */
	PACKET_CSUM_PARTIAL,	/* pseudo-header sum stored at csum_start+csum_offset; the device or
				 * packet_checksum_finish() sums from csum_start to the end. Received:
				 * the peer is on this host, the bytes are good */
	PACKET_CSUM_VERIFIED,	/* received: someone below has checked it */
};

enum packet_gso {
	PACKET_GSO_NONE,
	PACKET_GSO_TCP4,
	PACKET_GSO_TCP6,
	PACKET_GSO_UDP,		/* UDP_SEGMENT: equal datagrams */
};

enum packet_type { PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST };

struct packet {
	struct packet *next;		/* the queue it is in */
	struct packet_pool *pool;
	struct nic *nic;		/* received: where from. sent: where to */
	uint8_t *base, *data;
	struct buf *linear_buf;		/* the buffer base points into, or NULL: head[] */
	uint32_t room;			/* bytes at base */
	uint32_t linear;		/* bytes at data */
	uint32_t len;			/* all bytes: linear and fragments */
	uint32_t truesize;		/* bytes of memory it holds, for accounting: itself, the buffers it
					 * alone holds (received), its share of those it refers to.
					 * Skipping and trimming leave it as it is */
	uint16_t network, transport;	/* header offsets from base */
	uint16_t protocol;		/* EtherType, host order */
	uint8_t type;			/* enum packet_type */
	uint8_t csum;			/* enum packet_csum */
	uint16_t csum_start;		/* offset from base, CSUM_PARTIAL */
	uint16_t csum_offset;		/* offset from csum_start */
	uint8_t gso_type;		/* enum packet_gso */
	uint8_t ecn;			/* GSO of a segment with CWR set */
	uint16_t gso_size;		/* payload bytes a segment; 0 = no super-segment */
	uint16_t gso_segs;
	uint32_t wire_len;		/* packet_wire_len() as counted at enqueue */
	uint64_t tstamp;		/* ns, stack clock: arrival, or entry into the qdisc */
	void (*destructor)(struct packet *p);	/* called by packet_free: gives back what owner was
						 * charged; cleared by packet_clone */
	void *owner;
	uint32_t charged;		/* bytes charged to owner */
	uint32_t nfrags;
	struct packet_frag frags[PACKET_FRAGS];
	uint8_t cb[PACKET_CB] __attribute__((aligned(8)));
	uint32_t priority, mark;	/* SO_PRIORITY (or what IP_TOS makes of it) and SO_MARK of who
					 * sent it; 0 = none. For qdiscs that classify */
	uint8_t head[PACKET_HEAD_SIZE] __attribute__((aligned(8)));
};

/* ---- packets ---- */

/*
 * A new, empty packet whose data starts headroom bytes into its own header area.
 * NULL when the pool's memory limit is reached: the caller drops or waits, and counts it.
 */
WEIR_API struct packet *packet_alloc(struct packet_pool *pool, uint32_t headroom);
WEIR_API void packet_free(struct packet *p);		/* NULL is allowed */

/* A second packet on the same payload: fragments by reference, the linear part copied. NULL as
 * packet_alloc. */
WEIR_API struct packet *packet_clone(const struct packet *p);

/* Grow at the front / take from the front of the linear part / grow it at its end.
 * The first and the last abort when there is no room: that is the core's own mistake,
 * never a packet's; packet_pull of more than linear bytes likewise. Check len first. */
WEIR_API uint8_t *packet_push(struct packet *p, uint32_t n);
WEIR_API uint8_t *packet_pull(struct packet *p, uint32_t n);
WEIR_API uint8_t *packet_put(struct packet *p, uint32_t n);

/*
 * Make sure that n bytes from data on are linear, copying from fragments when they are not.
 * False: the packet is shorter, or there is no room. Call it before reading any header.
 */
WEIR_API bool packet_need(struct packet *p, uint32_t n);

/* Like packet_pull, over fragments too. n <= len. */
WEIR_API void packet_skip(struct packet *p, uint32_t n);
/* Cut the packet to its first n bytes. n <= len. */
WEIR_API void packet_trim(struct packet *p, uint32_t n);
/* Add bytes of a buffer at the end (takes a reference of its own; joins the last fragment where
 * they touch). False when there is no fragment left. */
WEIR_API bool packet_append(struct packet *p, struct buf *b, uint32_t off, uint32_t len);
/* Add bytes [off, off+len) of another packet at the end: by reference where they are in buffers,
 * copied where they are in its header area or fragments run out. -ENOMEM leaves both as they
 * were. */
WEIR_API int packet_append_from(struct packet *p, const struct packet *src, uint32_t off,
				uint32_t len);
/* Copy n bytes from offset off on. off + n <= len. */
WEIR_API void packet_copy_out(const struct packet *p, uint32_t off, void *dst, uint32_t n);
/* Copy n bytes to the end of the packet, into new buffers. -ENOMEM (no memory, or no fragment left)
 * leaves it as it was. */
WEIR_API int packet_copy_in(struct packet *p, const void *src, uint32_t n);
/* Describe bytes [off, off+n) as an iovec of at most max entries; how many were used. */
WEIR_API int packet_iov(const struct packet *p, uint32_t off, uint32_t n, struct iovec *iov,
			int max);

/*
 * Bytes on the wire: link header included, where the link has one; for a super-segment, with the
 * headers of every segment it will become (as Linux's qdisc_pkt_len_init). What qdiscs count. Valid
 * once the link header is there (nic_output sets wire_len from it).
 */
WEIR_API uint32_t packet_wire_len(const struct packet *p);

/* Fold the checksum that was left to the device. Linear or not; CSUM_NONE afterwards. */
WEIR_API void packet_checksum_finish(struct packet *p);

/* ---- queues of packets ---- */

struct packet_queue {
	struct packet *head, *tail;
	uint32_t len;		/* packets */
	uint64_t bytes;		/* sum of wire_len */
};

WEIR_API void packet_queue_push(struct packet_queue *q, struct packet *p);
WEIR_API void packet_queue_push_front(struct packet_queue *q, struct packet *p);
WEIR_API struct packet *packet_queue_pop(struct packet_queue *q);
WEIR_API void packet_queue_purge(struct packet_queue *q);	/* frees what is in it */

/*
 * Software GSO: cut a super-segment into wire packets of at most one segment each, appended to out
 * with their wire_len set, checksums complete; p is consumed. The destructor's charge moves to the
 * last of them. A packet that needs no cutting is only completed. -ENOMEM, or -EINVAL when its
 * headers are not those of gso_type: p is freed, out as it was.
 */
WEIR_API int packet_segment(struct packet *p, struct packet_queue *out);

/* ---- buffers ---- */

/* A buffer of at least size bytes (size classes up to 64 KiB + headers), one reference. */
WEIR_API struct buf *buf_alloc(struct packet_pool *pool, uint32_t size);
WEIR_API struct buf *buf_get(struct buf *b);		/* one more reference */
WEIR_API void buf_put(struct buf *b);			/* one less; NULL is allowed */

/* ---- for link drivers ---- */

/*
 * Receiving: packet_rx_prepare gives a packet and two iovecs to read a frame into, a small one
 * that holds every frame of a common MTU and a large one for the rest; packet_rx_finish says how
 * many bytes came. After it, small frames hold a small buffer only. A prepared packet that was not
 * used is freed with packet_free or prepared again with packet_rx_finish never called.
 */
WEIR_API struct packet *packet_rx_prepare(struct packet_pool *pool, struct iovec iov[2]);
WEIR_API void packet_rx_finish(struct packet *p, uint32_t n);

/*
 * virtio_net_hdr (10 bytes, little endian as the host of x86 and arm64 has it), both ways; data is
 * at the Ethernet header, or, for a link with LINK_L3, at the IP header. What a received header
 * says is the sender's claim: it is checked against the packet, -EINVAL otherwise (the packet is
 * still the caller's). hdr_len is only bounded: it is a hint, and Linux gives the length of its own
 * linear part there.
 */
struct virtio_net_hdr;
WEIR_API void packet_to_vnet(const struct packet *p, struct virtio_net_hdr *h);
WEIR_API int packet_from_vnet(struct packet *p, const struct virtio_net_hdr *h);
WEIR_API int packet_from_vnet_l3(struct packet *p, const struct virtio_net_hdr *h);

#ifdef __cplusplus
}
#endif

#endif
