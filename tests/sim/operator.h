/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator.h - somebody at the controls of a simulated world, while its programs run: swaps the root
 * qdiscs (fifo, none, tbf: the real modules) and the default congestion control.
 */
#ifndef OPERATOR_H
#define OPERATOR_H

#include "module/registry.h"
#include "sim.h"

struct operator {
	struct log log;
	struct registry registry;
	struct qdisc_kinds kinds;
	const struct congestion_ops *cc[2];	/* what the stacks start with, and another */
	/* one world */
	uint64_t next;
	uint64_t swaps, drops;		/* drops: of qdiscs that are gone */
};

void operator_init(struct operator *op);
void operator_fini(struct operator *op);
void operator_begin(struct operator *op, struct sim *s);
void operator_act(struct operator *op, struct sim *s);	/* when it is time */
/* Packets that any qdisc has dropped so far. */
uint64_t operator_drops(const struct operator *op, const struct sim *s);
/* Connections that have the other congestion control now: none when all are gone. */
extern int operator_cc_users;

#endif
