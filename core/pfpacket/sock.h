/* SPDX-License-Identifier: Apache-2.0 */
/* sock.h - a packet socket, and the functions that pfpacket's files and socket/ share. */
#ifndef PFPACKET_SOCK_H
#define PFPACKET_SOCK_H

#include "ip/dgram.h"
#include "pfpacket/pfpacket.h"
#include <linux/if_packet.h>		/* after weir/packet.h: they share names, and values */

#define PFPACKET_ADDR_MIN offsetof(struct sockaddr_ll, sll_addr)

/* What is known of a frame beside its bytes; in the cb of a queued one. */
struct pfpacket_frame {
	struct sockaddr_ll name;
	uint32_t status;		/* TP_STATUS_* */
	uint32_t len;			/* on the link; what is there may be less */
	uint32_t net;			/* offset of the network header */
	uint64_t tstamp;
};

struct pfpacket_ring {			/* PACKET_RX_RING: frames in memory that the program maps */
	uint8_t *mem;			/* NULL: there is none */
	size_t size;
	int fd;				/* a sealed memfd; the program maps it */
	uint32_t block_size, frame_size, frames, frames_per_block;
	uint32_t next;			/* the frame that is filled next */
};

struct pfpacket_sock {
	struct dgram_sock ds;		/* first */
	struct list listens;		/* pfpacket->listeners */
	uint16_t proto;			/* EtherType, ETH_P_ALL; 0: nothing is received */
	uint32_t ifindex;		/* 0 = all */
	uint8_t version;		/* enum tpacket_versions */
	bool auxdata, origdev, ignore_outgoing;
	uint32_t reserve, tstamp_source;
	uint32_t packets, dropped;	/* since PACKET_STATISTICS was read */
	struct pfpacket_ring ring;
};

static inline struct pfpacket_sock *pfpacket_sk(struct sock *sk)
{
	return (struct pfpacket_sock *)sk;
}

/* Names, as the calls give them; 0 or -errno. */
int pfpacket_bind(struct sock *sk, const void *sa, socklen_t len);
int pfpacket_name(struct sock *sk, void *sa, socklen_t *len);
/* Consumes p. name NULL: to where the socket is bound. */
int pfpacket_send(struct sock *sk, struct packet *p, const void *name, socklen_t len);
/* The next frame; NULL: none. */
struct packet *pfpacket_recv(struct sock *sk, struct pfpacket_frame *f);
void pfpacket_auxdata(const struct pfpacket_frame *f, uint32_t snaplen, struct tpacket_auxdata *aux);
/* option.c */
int pfpacket_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len);
int pfpacket_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len);

/* ring.c */
int pfpacket_ring_set(struct pfpacket_sock *ps, const struct tpacket_req *req);
void pfpacket_ring_free(struct pfpacket_sock *ps);
/* Bytes of a frame's header in a ring; 0: no such version. */
uint32_t pfpacket_ring_header(uint8_t version);
/* False: the ring is full. p stays the caller's. */
bool pfpacket_ring_put(struct pfpacket_sock *ps, const struct packet *p,
		       const struct pfpacket_frame *f);
bool pfpacket_ring_readable(const struct pfpacket_sock *ps);

#endif
