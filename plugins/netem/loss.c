/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss.c - models of loss.
 *
 * Theory of operation
 *
 * Random: each packet with the same chance, optionally correlated with the one before.
 *
 * Gilbert-Elliott (Gilbert 1960, Elliott 1963): a chain of a good and a bad state. A packet that
 * finds the bad one is lost with the chance 1-h, one that finds the good one with 1-k; after it the
 * chain goes from good to bad with the chance p and back with r. With 1-h = 100% and 1-k = 0 the
 * runs of lost packets are geometric with the mean 1/r, and p/(p+r) of all are lost.
 *
 * Four states (Salsano, Ludovici, Ordine and Giannuzzi, 2012), as tc's "loss state": gaps, in which
 * only single packets are lost, and bursts, in which some get through.
 *
 *	GAP		passes	-> BURST_LOST by p13, GAP_LOST by p14
 *	BURST		passes	-> BURST_LOST by p23
 *	BURST_LOST	lost	-> BURST by p32, GAP by p31
 *	GAP_LOST	lost	-> GAP always
 *
 * Here the packet meets the state that it leads to, so that p13 + p14 is the chance that the first
 * one is lost.
 */
#include <weir/param.h>

#include "loss.h"

enum { GOOD, BAD };
enum { GAP, BURST, BURST_LOST, GAP_LOST };

static bool gilbert_elliott(struct loss *l, struct rng *r)
{
	bool bad = l->state == BAD;
	bool lost = rng_hits(r, bad ? l->h1 : l->k1);

	if (rng_hits(r, bad ? l->r : l->p))
		l->state = bad ? GOOD : BAD;
	return lost;
}

static bool four_states(struct loss *l, struct rng *r)
{
	uint64_t x = rng_below(r, PARAM_PERCENT_ALL);

	switch (l->state) {
	case GAP:
		if (x < l->p14)
			l->state = GAP_LOST;
		else if (x < (uint64_t)l->p14 + l->p13)
			l->state = BURST_LOST;
		break;
	case BURST:
		if (x < l->p23)
			l->state = BURST_LOST;
		break;
	case BURST_LOST:
		if (x < l->p32)
			l->state = BURST;
		else if (x < (uint64_t)l->p32 + l->p31)
			l->state = GAP;
		break;
	default:
		l->state = GAP;
	}
	return l->state == BURST_LOST || l->state == GAP_LOST;
}

bool loss_next(struct loss *l, struct rng *r)
{
	switch (l->model) {
	case LOSS_RANDOM:
		return draws_hit(&l->draws, r, l->share);
	case LOSS_GE:
		return gilbert_elliott(l, r);
	case LOSS_STATE:
		return four_states(l, r);
	default:
		return false;
	}
}
