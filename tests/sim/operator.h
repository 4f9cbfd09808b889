/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator.h - somebody at the controls of a simulated world, while its programs run: swaps the
 * root qdiscs (fifo, none, tbf) and the default congestion control (reno, cubic, bbr, one of its
 * own): the real modules.
 */
#ifndef OPERATOR_H
#define OPERATOR_H

#include "sim.h"

struct operator {
	struct sim *sim;
	uint64_t swaps;
	bool done;			/* leaves the world alone from now on */
};

void operator_begin(struct operator *op, struct sim *s);
void operator_end(struct operator *op);
/* When all is over: no qdisc has dropped anything, and nobody holds the test's own congestion
 * control. */
void operator_check(const struct operator *op);

#endif
