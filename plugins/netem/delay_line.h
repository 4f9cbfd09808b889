/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delay_line.h - packets that wait for a time each, given out by it: those of equal times in the
 * order in which they came. A binary heap: as long as times only rise, adding costs one comparison.
 */
#ifndef NETEM_DELAY_LINE_H
#define NETEM_DELAY_LINE_H

#include <weir/packet.h>

struct delayed {
	uint64_t at;		/* ns */
	uint64_t seq;		/* of arrival */
	struct packet *p;
};

struct delay_line {
	struct delayed *heap;	/* [0] is the earliest */
	size_t len, room;
	uint64_t seq;
};

/* -ENOMEM: p is still the caller's. */
int delay_line_push(struct delay_line *d, struct packet *p, uint64_t at);
/* The earliest; NULL: none. Valid until the next push or pop. */
const struct delayed *delay_line_peek(const struct delay_line *d);
struct packet *delay_line_pop(struct delay_line *d);
void delay_line_free(struct delay_line *d);		/* its memory; no packet is in it any more */

#endif
