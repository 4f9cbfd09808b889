/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - a world of two stacks on virtual time, joined by a link that does to frames what
 * networks do.
 *
 * Frames leave a stack through a link driver that puts them into the world's event queue, as bytes
 * with a virtio_net_hdr, and enter the other stack when their time has come. Everything that
 * happens follows from the seed.
 */
#ifndef SIM_H
#define SIM_H

#include <weir/module.h>

#include "stack.h"

#define MSEC 1000000ull
#define SEC  1000000000ull
#define SIM_NEVER UINT64_MAX

struct sim;

struct sim_wire {			/* one direction */
	uint64_t rate;			/* bytes/s; 0 = infinitely fast */
	uint64_t delay, jitter;		/* ns; jitter reorders unless keep_order */
	bool keep_order;
	uint32_t loss, dup, corrupt;	/* of 10,000 frames */
	uint64_t queue;			/* most bytes that wait; then frames are dropped */
	bool split;			/* super-segments are cut on the way */
	/* state */
	uint64_t free_at, last_at;
	uint64_t frames, lost;
};

struct sim_host {
	struct sim *sim;
	struct stack *stack;
	struct random_seeded seed;
	struct nic *nic;
	struct ip_addr addr;
	struct sim_wire wire;		/* what it sends on */
};

struct sim {
	uint64_t now;
	struct random_seeded seed;
	struct random random;
	struct sim_host host[2];
	bool trace;			/* print every frame that is sent */
	struct list events;		/* frames on their way, by time */
};

struct sim_config {
	uint64_t seed;
	bool gso[2];			/* each side's NIC takes and gives super-segments */
	uint32_t mtu;
};

uint32_t sim_below(struct sim *s, uint32_t n);
void sim_init(struct sim *s, const struct sim_config *c);
void sim_fini(struct sim *s);
/* One step: the next frame or timer, not later than until. False: nothing happened before until. */
bool sim_step(struct sim *s, uint64_t until);

#endif
