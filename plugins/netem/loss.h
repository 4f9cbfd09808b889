/* SPDX-License-Identifier: Apache-2.0 */
/* loss.h - which packets netem loses: independently, in bursts, or by a chain of four states. */
#ifndef NETEM_LOSS_H
#define NETEM_LOSS_H

#include "chance.h"

enum loss_model { LOSS_NONE, LOSS_RANDOM, LOSS_GE, LOSS_STATE };

/* All shares in parts of PARAM_PERCENT_ALL. */
struct loss {
	uint32_t model;			/* enum loss_model */
	uint32_t share;			/* LOSS_RANDOM */
	struct draws draws;		/* likewise */
	uint32_t p, r, h1, k1;		/* LOSS_GE: into and out of the bad state, loss in the bad and in
					 * the good one (1-h, 1-k) */
	uint32_t p13, p31, p32, p23, p14;	/* LOSS_STATE */
	uint32_t state;			/* of the chain, 0 at first */
};

/* Is the next packet lost? */
bool loss_next(struct loss *l, struct rng *r);

#endif
