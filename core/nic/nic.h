/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nic.h - network interfaces: a link, a root qdisc in front of it, and the way in.
 *
 * Out: ip -> (neighbour) -> nic_output -> root qdisc -> nic_run_queue -> ring -> link transmit.
 * The ring holds what the link did not take yet; while it is not empty, the qdisc is not asked.
 * In: nic_receive, once the link is readable or, in a simulation, whenever the test says.
 * Loopback has no link and no qdisc: nic_output turns the packet round at the end of the turn.
 */
#ifndef NIC_NIC_H
#define NIC_NIC_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/link.h>
#include <weir/qdisc.h>

#include "base/hash.h"
#include "base/list.h"
#include "packet/gro.h"
#include "time/env.h"

#define NIC_RING	(1024u + LINK_BATCH)	/* packets the ring may hold: only qdisc_transmit fills it
					 * beyond a batch; a full fifo finds room when it is swapped */
#define NIC_MTU_LOOPBACK 65536u
#define NIC_MTU_MIN	68u	/* RFC 791: what every internet module must be able to forward */
#define NIC_LOOPBACK_QUEUE 4096u	/* packets on their way round */
#define NIC_LOOPBACK_TURN 256u	/* of these, taken in at once */

struct nics;
struct ip4_link;
struct ip6_link;

struct nic {
	struct list node;		/* nics->list, in order of index */
	struct nics *nics;
	unsigned int index;		/* 1 is lo */
	char name[LINK_NAME_MAX];
	bool loopback;
	bool l3;			/* frames are IP packets: no link header, no link addresses; loopback
					 * is one of these */
	bool gro;			/* merge what the link delivers packet by packet */
	bool up;			/* IFF_UP: the mode allows it, and its device is set up. nic_set_up() changes it */
	bool carrier;			/* there is somebody at the other end; nic_set_carrier() changes it */
	bool gone;			/* its device was deleted: programs do not see it; nic_set_gone() */
	uint8_t operstate;		/* IF_OPER_* as its device's kernel told it; 0 = what up and carrier come to */
	uint8_t addr[LINK_ADDR_LEN];
	uint32_t mtu;			/* bytes of IP */
	uint32_t caps;			/* LINK_*: what transports may leave to this NIC; loopback: all */
	uint32_t gso_max;		/* bytes; 0 = no super-segments */
	struct link link;		/* unused for loopback */
	struct qdisc *root;		/* NULL for loopback */
	uint16_t handles;		/* given to qdiscs: qdisc_number() */
	struct packet_queue ring;
	struct packet_queue received;	/* from the link, and not taken in yet */
	bool link_busy;			/* the link refused a packet: wait until fd is writable */
	void (*want_write)(struct nic *nic, bool on);	/* set by who watches the fd; may be NULL */
	void *watcher;
	struct work work;		/* takes in what is received, runs the queue; or loopback's turn */
	struct timer watchdog;
	struct list addrs;		/* struct ifaddr, by ip/ ... */
	struct hash_table addrs_by_name, addrs_by_broadcast;	/* ... likewise */
	struct ip4_link *ip4;		/* IPv4 and IPv6 on it, by ip/; NULL: not started */
	struct ip6_link *ip6;
	uint64_t rx_packets, rx_bytes;	/* taken in, in wire packets, whoever merged them */
	uint64_t rx_drops;		/* not a frame, or down */
	struct gro_stats gro_stats;	/* what was merged here */
	uint64_t tx_packets, tx_bytes;	/* given to the link, in wire packets: a super-segment counts
					 * all of its segments (link.stats counts it once) */
	uint64_t tx_drops;		/* down, or without a qdisc */
	uint64_t qdisc_drops;		/* by every qdisc it has had: a swap hides none */
	struct qdisc_stats qdisc_past;	/* of its root qdiscs before this one; drops are above */
	uint64_t ring_drops;		/* qdisc_transmit found the ring full */
};

enum nic_event {
	NIC_UP, NIC_DOWN, NIC_GONE,
	NIC_CARRIER,		/* came or went */
	NIC_MTU, NIC_ADDR,	/* is another now */
	NIC_SHOWN,		/* something that only is shown: its name, its operstate */
	NIC_HIDDEN,		/* it was set down before, and nobody is to see it any more */
	NIC_QDISC,		/* one of them was changed */
};

/*
 * Somebody who is shown frames: p->data at the link header, on loopback at the network header; p stays
 * the caller's. frame: every one in and out. drop: every one that a qdisc drops. event: of a NIC. Each
 * may be NULL.
 */
struct nic_tap {
	struct list node;		/* nics->taps */
	void (*frame)(struct nic_tap *t, struct nic *nic, const struct packet *p, bool out);
	void (*drop)(struct nic_tap *t, const struct qdisc *q, const struct packet *p,
		     const char *why);
	void (*event)(struct nic_tap *t, struct nic *nic, enum nic_event ev);
};

struct nics {
	struct env *env;
	struct list list;
	unsigned int next_index;
	/* What ip/ takes in: p->data at the network header, p->protocol set. */
	void (*input)(void *arg, struct nic *nic, struct packet *p);
	void *input_arg;
	struct list taps;		/* struct nic_tap: empty as long as nobody listens */
	/* Is there a receiver of datagrams in bulk? Set by transports, NULL: none anywhere. */
	gro_udp_wanted gro_udp;
	void *gro_udp_arg;
	/* Something changed about a NIC; NIC_GONE comes before it is freed. Set by ip/. */
	void (*event)(void *arg, struct nic *nic, enum nic_event ev);
	void *event_arg;
	const struct qdisc_kinds *kinds;	/* how qdisc_create finds a kind: the module registry */
};

void nics_init(struct nics *nics, struct env *env);
void nics_destroy(struct nics *nics);			/* destroys every NIC */

/* A NIC around an opened and attached link (copied; the NIC owns it now: nic_destroy detaches, but
 * leaves fd to who opened it). gso off clears caps and gso_max. The root qdisc comes with
 * nic_set_root. */
struct nic *nic_create(struct nics *nics, const struct link *link, bool gso, struct weir_error *e);
/* Give it another index, unless one that is seen has that. */
void nic_set_index(struct nic *nic, unsigned int index);
struct nic *nic_create_loopback(struct nics *nics, struct weir_error *e);
void nic_destroy(struct nic *nic);
/* Let it carry traffic or not (a mode's decision, or its device's state). Going down drops what is
 * queued. */
void nic_set_up(struct nic *nic, bool up);
/* What a device of the kernel may go through. Without a carrier what is sent is dropped. */
void nic_set_carrier(struct nic *nic, bool carrier);
void nic_set_mtu(struct nic *nic, uint32_t mtu);
void nic_set_addr(struct nic *nic, const uint8_t addr[LINK_ADDR_LEN]);
void nic_set_shown(struct nic *nic, const char *name, uint8_t operstate);
/* Down for good; the NIC stays for those who hold it, and for who commands the stack. */
void nic_set_gone(struct nic *nic);
/* Those that are gone are not found. */
struct nic *nic_find(struct nics *nics, const char *name);
struct nic *nic_find_index(struct nics *nics, unsigned int index);
struct nic *nic_first(struct nics *nics);	/* that is up and not loopback; NULL: none */

/* How Linux would describe it: IFF_*, ARPHRD_*. */
unsigned int nic_flags(const struct nic *nic);
uint16_t nic_hatype(const struct nic *nic);

/* p->data at the link header (Ethernet NICs) or at the network header (l3). Consumes p. */
void nic_output(struct nic *nic, struct packet *p);
/* Move packets from the qdisc to the link as far as both allow. */
void nic_run_queue(struct nic *nic);
void nic_writable(struct nic *nic);			/* the fd is writable again */
void nic_receive(struct nic *nic);			/* take in all that the link has (bounded a turn) */
void nic_input(struct nic *nic, struct packet *p);	/* one frame, data at the link header */

/*
 * Swap the root qdisc: packets queued in the old one move to the new one in order; what its limit
 * refuses is dropped and counted there. The old one is destroyed. Cannot fail: the new one is
 * built.
 */
void nic_set_root(struct nic *nic, struct qdisc *q);
void nic_qdisc_changed(struct nic *nic);		/* tell who follows: for qdisc.c */

/* Bytes in front of the network header, of every frame. */
uint32_t nic_header_len(const struct nic *nic);
/* Bits of a NIC's caps that p's super-segment needs; 0 when it is none. */
uint32_t packet_gso_cap(const struct packet *p);
/* Packets on the wire that p stands for: what NICs and qdiscs count. */
static inline uint32_t packet_segs(const struct packet *p)
{
	return p->gso_size && p->gso_segs ? p->gso_segs : 1;
}

/* Show a frame to who listens. */
void nic_show(struct nic *nic, const struct packet *p, bool out);
static inline void nic_tap(struct nic *nic, const struct packet *p, bool out)
{
	if (__builtin_expect(!list_empty(&nic->nics->taps), 0))
		nic_show(nic, p, out);
}

/* Within nic/: a NIC of this name at the end of the list, and loopback's way round. */
struct nic *nic_add(struct nics *nics, const char *name, struct weir_error *e);
void loopback_output(struct nic *nic, struct packet *p);

#endif
