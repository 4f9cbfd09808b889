/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chance.h - what netem leaves to chance: draws, correlated draws, distributions of delay.
 */
#ifndef NETEM_CHANCE_H
#define NETEM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;		/* any value is a seed */
};

uint64_t rng_u64(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n);		/* uniform in [0, n) */
bool rng_hits(struct rng *r, uint32_t share);		/* with the chance share / PARAM_PERCENT_ALL */

/* Draws of which each is, with the chance rho, the one before again. */
struct draws {
	uint32_t rho;		/* in parts of PARAM_PERCENT_ALL */
	bool any;		/* there has been one */
	uint64_t last;
};

uint64_t draws_next(struct draws *d, struct rng *r);
bool draws_hit(struct draws *d, struct rng *r, uint32_t share);	/* share 0 draws nothing */

enum distribution { DIST_UNIFORM, DIST_NORMAL, DIST_PARETO, DIST_PARETONORMAL, DIST_TABLE };
extern const char *const distribution_names[];		/* by enum distribution, NULL-terminated */

/* 2^12 equally likely values with the mean 0 and the variance 1. */
#define TABLE_BITS	12
#define TABLE_SIZE	(1u << TABLE_BITS)

#define TABLE_ONE	8192		/* Linux's unit in tables that are given: NETEM_DIST_SCALE */

/* d other than DIST_UNIFORM; given: of DIST_TABLE. NULL: no memory. The caller frees it. */
float *table_create(enum distribution d, const int16_t *given);

/* A time in ns about mean, from a draw: by the table, or, without one, uniform in mean +- jitter.
 * Never below 0. */
uint64_t spread(uint64_t mean, uint64_t jitter, const float *table, uint64_t draw);

#endif
