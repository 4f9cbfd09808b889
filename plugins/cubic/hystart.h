/* SPDX-License-Identifier: Apache-2.0 */
/* hystart.h - HyStart++ (RFC 9406) and ACK trains: when slow start has found the path's capacity.
 * See hystart.c. */
#ifndef CUBIC_HYSTART_H
#define CUBIC_HYSTART_H

#include <weir/congestion.h>

struct hystart {
	uint64_t window_end;		/* stream offset: the round ends when it is acknowledged */
	uint64_t last_min, min;		/* ns: the smallest RTT of the last and of this round; 0 = none */
	uint64_t path_min;		/* of all rounds */
	uint64_t baseline;		/* min when CSS began; 0 = not in CSS */
	uint64_t train_from, train_to;	/* ns: the first ACK of this round, the last one without a gap */
	uint32_t samples;		/* of this round */
	uint32_t css_rounds;
};

void hystart_reset(struct hystart *h, const struct congestion *c);
/* An ACK in the initial slow start. True: the capacity is found, slow start is over. */
bool hystart_ack(struct hystart *h, const struct congestion *c, uint64_t rtt);
/* What of n acknowledged bytes slow start may add now. */
uint64_t hystart_growth(const struct hystart *h, uint64_t n);

#endif
