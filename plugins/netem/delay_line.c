/* SPDX-License-Identifier: Apache-2.0 */
/* delay_line.c - delay_line.h */
#include <errno.h>
#include <stdlib.h>

#include "delay_line.h"

#define FIRST_ROOM 64u

static bool earlier(const struct delayed *a, const struct delayed *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static int grow(struct delay_line *d)
{
	size_t room = d->room ? 2 * d->room : FIRST_ROOM;
	struct delayed *heap = reallocarray(d->heap, room, sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	d->heap = heap;
	d->room = room;
	return 0;
}

int delay_line_push(struct delay_line *d, struct packet *p, uint64_t at)
{
	struct delayed e = { .at = at, .seq = d->seq, .p = p };
	size_t i = d->len;

	if (d->len == d->room && grow(d) < 0)
		return -ENOMEM;
	d->seq++;
	d->len++;
	for (; i && earlier(&e, &d->heap[(i - 1) / 2]); i = (i - 1) / 2)
		d->heap[i] = d->heap[(i - 1) / 2];
	d->heap[i] = e;
	return 0;
}

const struct delayed *delay_line_peek(const struct delay_line *d)
{
	return d->len ? &d->heap[0] : NULL;
}

struct packet *delay_line_pop(struct delay_line *d)
{
	struct packet *p;
	struct delayed last;
	size_t i = 0, child;

	if (!d->len)
		return NULL;
	p = d->heap[0].p;
	last = d->heap[--d->len];
	while ((child = 2 * i + 1) < d->len) {
		if (child + 1 < d->len && earlier(&d->heap[child + 1], &d->heap[child]))
			child++;
		if (earlier(&last, &d->heap[child]))
			break;
		d->heap[i] = d->heap[child];
		i = child;
	}
	if (d->len)
		d->heap[i] = last;
	return p;
}

void delay_line_free(struct delay_line *d)
{
	free(d->heap);
	*d = (struct delay_line){ 0 };
}
