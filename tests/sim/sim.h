/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - a world of stacks on virtual time, joined by links that do to frames what networks do.
 *
 * Hosts are stacks of weir/weir.h, made and used as any program would. Their NICs hang on segments:
 * a segment of two is a cable, one of more a switch, which brings a frame to the port whose address
 * it names, or to all. What a NIC sends passes its wire first. Programs are callbacks: of sockets
 * (weir_set_event) and of the world's own events (sim_at).
 *
 * Everything that happens follows from the seed; no clock is read.
 */
#ifndef SIM_H
#define SIM_H

#include <weir/weir.h>

#include "base/random.h"

#define USEC 1000ull
#define MSEC 1000000ull
#define SEC  1000000000ull
#define SIM_NEVER UINT64_MAX
#define SIM_HOSTS 8
#define SIM_NICS  3

struct sim;
struct sim_host;

struct sim_wire {			/* one direction: from a NIC to its segment */
	uint64_t rate;			/* bytes/s; 0 = infinitely fast */
	uint64_t queue;			/* most bytes that wait for it; then frames are dropped */
	uint64_t delay, jitter;		/* ns; jitter reorders unless keep_order */
	bool keep_order;
	uint32_t loss, dup, corrupt;	/* of 10,000 frames */
	uint32_t reorder;		/* of 10,000: held back by reorder_by ns */
	uint64_t reorder_by;
	/* Gilbert-Elliott: into and out of the bad state, of 10,000 frames, and the loss in it. It
	 * ends after 300 ms all the same, or a lone sender's back-off would see no end of it. */
	uint32_t burst_in, burst_out, burst_loss;
	bool split;			/* super-segments are cut on the way */
	/*
	 * The narrowest link behind it, bytes of IP, 0 = none is narrower than the NIC: what is
	 * longer, and not to be fragmented, is dropped by a router, which says so (RFC 1191, RFC
	 * 8201) unless it is silent (RFC 2923).
	 */
	uint32_t mtu;
	bool silent;
	/* state */
	uint64_t free_at, last_at, bad_until;
	uint64_t down_until;		/* the cable is out: frames are lost */
	uint64_t frames, lost, too_big;
	uint64_t too_big_still;		/* sent when the router's word had arrived */
	uint32_t told;			/* the MTU that the sender has been told; 0: none */
};

struct sim_nic {
	struct sim_host *host;
	struct weir_nic *nic;
	struct sim_segment *segment;
	uint8_t mac[LINK_ADDR_LEN];
	uint32_t kind;			/* SIM_GSO ... */
	struct sim_wire wire;
};

enum sim_nic_kind {
	SIM_GSO = 1,			/* takes super-segments, and checksums that are left to it */
	SIM_GRO = 2,			/* merges what its wire delivers */
	SIM_L3 = 4,			/* without Ethernet */
};

struct sim_host {
	struct sim *sim;
	int index;
	struct weir_stack *stack;
	struct random_seeded seed;
	struct sim_nic nics[SIM_NICS];
	int nnics;
	bool due;			/* its turn comes in this step */
};

struct sim_segment {
	struct sim_nic *ports[SIM_HOSTS];
	int n;
};

struct sim_event {
	uint64_t at, seq;		/* of two at one time the older comes first */
	void (*fn)(struct sim *s, void *arg);
	void *arg;
};

struct sim {
	uint64_t now;
	struct random_seeded seed;
	struct random random;
	struct weir_modules *modules;
	struct sim_host hosts[SIM_HOSTS];
	struct sim_segment segments[SIM_HOSTS];
	int nhosts, nsegments;
	struct sim_event *heap;		/* the next one first */
	size_t nevents, room;
	uint64_t seq, steps;
	struct sim_frame *frames, *spare;	/* on their way; free ones */
	bool trace;			/* print every frame that is sent */
	char failure[256];		/* the first thing that went wrong; empty: nothing */
};

/* Ops tables that are linked in: reno. Shared by all worlds of a process. */
struct weir_modules *sim_modules(void);

void sim_init(struct sim *s, uint64_t seed);
void sim_fini(struct sim *s);
uint32_t sim_below(struct sim *s, uint32_t n);		/* uniform in [0, n) */
bool sim_chance(struct sim *s, uint32_t of_10000);
/* Something is not as it must be: the first such is kept. */
void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct sim_host *sim_host_add(struct sim *s);
struct sim_segment *sim_segment_add(struct sim *s);
/* A NIC of h on seg, with address addr ("10.0.0.1/24"); kind: a mask. It has no qdisc to speak
 * of. */
struct sim_nic *sim_nic_add(struct sim_host *h, struct sim_segment *seg, const char *addr,
			    uint32_t mtu, uint32_t kind);
/* ARP gives up after three losses in a row, which is not what is tested where frames are lost: n
 * knows addr to be at peer, for good. */
void sim_know(struct sim_nic *n, const char *addr, const struct sim_nic *peer);
/* The path behind n is narrower from now on. */
void sim_narrow(struct sim_nic *n, uint32_t mtu);

/* fn(s, arg) at time at. */
void sim_at(struct sim *s, uint64_t at, void (*fn)(struct sim *s, void *arg), void *arg);
/* One step: what is due next, not later than until. False: nothing was. */
bool sim_step(struct sim *s, uint64_t until);
/* Steps until over() or until; false: it is time, or something failed. */
bool sim_run(struct sim *s, uint64_t until, bool (*over)(struct sim *s, void *arg), void *arg);
/*
 * All programs are done: wait until every stack and the wires are quiet, at most 1,800 s, in which
 * orphans, TIME-WAIT and neighbours end. Then nothing may be left: packets, buffers, timers,
 * sockets.
 */
void sim_settle(struct sim *s);

#endif
