/* SPDX-License-Identifier: Apache-2.0 */
/* netem.h - netem's parameters: netem.c works by them, tc.c tells tc of them. */
#ifndef NETEM_NETEM_H
#define NETEM_NETEM_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/qdisc.h>

#include "chance.h"

#define ALL		PARAM_PERCENT_ALL

struct netem_params {
	uint32_t limit;
	uint64_t delay, jitter;
	uint32_t delay_correlation, distribution;
	uint32_t loss, loss_correlation;
	uint32_t ge_p, ge_r, ge_h1, ge_k1;
	uint32_t p13, p31, p32, p23, p14;
	bool ecn;
	uint32_t duplicate, duplicate_correlation;
	uint32_t corrupt, corrupt_correlation;
	uint32_t reorder, reorder_correlation, gap;
	uint64_t rate;
	uint32_t overhead, cell, cell_overhead;
	uint64_t seed;
	bool given;			/* table was, by tc */
	int16_t table[TABLE_SIZE];	/* quantiles, in units of jitter / TABLE_ONE */
};

/* With what depends on other parameters filled in. */
const struct netem_params *netem_effective(const struct qdisc *q);

extern const struct qdisc_tc netem_tc[];	/* tc.c */

#endif
