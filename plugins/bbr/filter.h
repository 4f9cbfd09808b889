/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - the maximum over a window of rounds, in constant space (Kathleen Nichols' algorithm,
 * as in Linux's lib/win_minmax.c).
 *
 * Three candidates are kept, each the largest since the one before it: best[0] is the maximum. When
 * it leaves the window, the next takes its place. So that the second and third are not all of
 * the same moment, they are taken anew after a quarter and half of the window.
 */
#ifndef BBR_FILTER_H
#define BBR_FILTER_H

#include <stdint.h>

struct max_filter {
	struct max_sample {
		uint64_t v;
		uint64_t t;
	} best[3];
};

static inline void max_filter_reset(struct max_filter *f, uint64_t t, uint64_t v)
{
	f->best[0] = f->best[1] = f->best[2] = (struct max_sample){ v, t };
}

/* A sample at t, not before the last one; samples older than window count no more. */
static inline void max_filter_update(struct max_filter *f, uint64_t window, uint64_t t, uint64_t v)
{
	struct max_sample *b = f->best, s = { v, t };

	if (v >= b[0].v || t - b[2].t > window) {
		max_filter_reset(f, t, v);
		return;
	}
	if (v >= b[1].v)
		b[2] = b[1] = s;
	else if (v >= b[2].v)
		b[2] = s;
	if (t - b[0].t > window) {
		b[0] = b[1];
		b[1] = b[2];
		b[2] = s;
		if (t - b[0].t > window) {
			b[0] = b[1];
			b[1] = b[2];
		}
	} else if (b[1].t == b[0].t && t - b[0].t > window / 4) {
		b[2] = b[1] = s;
	} else if (b[2].t == b[1].t && t - b[0].t > window / 2) {
		b[2] = s;
	}
}

#endif
