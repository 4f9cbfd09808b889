/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_lines.c - a line a NIC and interval, for a program that reads or a terminal that can do no more.
 *
 * The columns are a promise (docs/observing.md): one may be added at the end, none changes its meaning.
 */
#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>

#include "cmd/watch.h"

static const struct column {
	const char *name;
	int width;
} columns[] = {
	{ "uptime_ns", 15 }, { "interval_ns", 11 }, { "nic", -8 }, { "qdiscs", -16 },
	{ "in_bytes/s", 11 }, { "in_packets/s", 12 }, { "out_bytes/s", 11 }, { "out_packets/s", 13 },
	{ "in_drops", 8 }, { "out_drops", 9 }, { "backlog_bytes", 13 }, { "backlog_packets", 15 },
	{ "in_bytes", 14 }, { "out_bytes", 14 }, { }
};

/* What was not written is given up, so that nothing waits for the reader at the end. */
static void flush(struct watch *w)
{
	if (!w->error && fflush(stdout))
		w->error = errno;
	if (w->error)
		__fpurge(stdout);
}

static int start(struct watch *w, struct weir_error *e)
{
	(void)e;
	for (const struct column *c = columns; c->name; c++)
		printf("%s%*s", c == columns ? "" : " ", c->width, c->name);
	putchar('\n');
	flush(w);
	return 0;
}

static void put_number(const struct column *c, uint64_t n)
{
	if (n == WATCH_NONE)
		printf("%s%*s", c == columns ? "" : " ", c->width, "-");
	else
		printf("%s%*llu", c == columns ? "" : " ", c->width, (unsigned long long)n);
}

static void line(const struct watch *w, const struct watch_nic *n)
{
	const struct column *c = columns;
	char chain[256];

	watch_model_chain(&w->model, n->name, chain, sizeof(chain));
	put_number(c++, w->model.now.uptime);
	put_number(c++, watch_model_interval(&w->model));
	printf(" %*s", (c++)->width, n->name);
	printf(" %*s", (c++)->width, chain);
	put_number(c++, n->rate[WATCH_IN_BYTES]);
	put_number(c++, n->rate[WATCH_IN_PACKETS]);
	put_number(c++, n->rate[WATCH_OUT_BYTES]);
	put_number(c++, n->rate[WATCH_OUT_PACKETS]);
	put_number(c++, n->more[WATCH_IN_DROPS]);
	put_number(c++, n->more[WATCH_OUT_DROPS]);
	put_number(c++, n->backlog);
	put_number(c++, n->qlen);
	put_number(c++, n->total[WATCH_IN_BYTES]);
	put_number(c++, n->total[WATCH_OUT_BYTES]);
	putchar('\n');
}

static void show(struct watch *w)
{
	if (!watch_model_interval(&w->model))
		return;			/* the first: nothing to compare with */
	for (unsigned int i = 0; i < w->model.now.nnics; i++)
		if (watch_wants(w, w->model.now.nics[i].name))
			line(w, &w->model.now.nics[i]);
	flush(w);
}

static void stop(struct watch *w)
{
	flush(w);
}

const struct watch_view watch_lines = { .start = start, .show = show, .stop = stop };
