/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gro.h - merging received packets into super-segments, for links that do not (generic receive
 * offload).
 */
#ifndef PACKET_GRO_H
#define PACKET_GRO_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/packet.h>

struct gro_stats {			/* names as ethtool's for drivers that aggregate */
	uint64_t merged_packets;	/* super-segments that were made */
	uint64_t merged_segs;		/* wire packets that they stand for */
};

struct gro_names {			/* of a datagram, as on the wire */
	const uint8_t *src, *dst;	/* alen bytes each */
	uint32_t alen;			/* 4 or 16 */
	uint16_t sport, dport;		/* host order */
};

/* Does the socket that the datagram will reach want many in one (UDP_GRO)? */
typedef bool (*gro_udp_wanted)(void *arg, const struct gro_names *n);

/*
 * Merge what can be merged of n received frames, whose IP header follows link bytes of link header
 * (14 or 0), in order of arrival. Answers how many are left in batch; a frame that became part of
 * another is consumed. Frames of one flow keep their order. udp NULL: no datagram is merged.
 */
int gro_merge(struct packet **batch, int n, uint32_t link, gro_udp_wanted udp, void *udp_arg,
	      struct gro_stats *stats);

#endif
