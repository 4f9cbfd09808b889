/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cc_world.h - a congestion control module on the ABI alone: the test is the core, and the path a
 * clock. Modules are loaded as weir loads them.
 */
#ifndef CC_WORLD_H
#define CC_WORLD_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <weir/congestion.h>

#include "module/params.h"
#include "module/registry.h"

#define MSEC 1000000ull
#define SEC  1000000000ull
#define MSS  1000u

struct cc_world {
	struct registry registry;
	struct log log;
	struct module *module;
	const struct congestion_ops *ops;
	void *params;
	struct congestion c;
};

/* Settings are pairs of name and value, closed by NULL. */
static inline void cc_open(struct cc_world *w, const char *name, const char *const *settings)
{
	const char *path = getenv("WEIR_MODULE_PATH");
	struct weir_error e = { "" };
	struct setting set[8];
	size_t n = 0;

	memset(w, 0, sizeof(*w));
	ck_assert_int_eq(registry_init(&w->registry, path ? path : ".libs", &w->log, &e), 0);
	w->ops = registry_get(&w->registry, WEIR_KIND_CONGESTION, name, &w->module, &e);
	ck_assert_msg(w->ops != NULL, "%s", e.text);
	w->params = calloc(1, w->ops->params_size + 1);
	for (; settings && *settings; settings += 2)
		set[n++] = (struct setting){ settings[0], settings[1], NULL };
	ck_assert_msg(!params_parse(w->ops->params, set, n, NULL, w->params, w->ops->params_size, &e),
		      "%s", e.text);
	w->c.now = 1000 * SEC;
	w->c.mss = MSS;
	w->c.burst = 2 * MSS;
	w->c.cwnd = 10 * MSS;
	w->c.ssthresh = CONGESTION_SSTHRESH_INF;
	w->c.cwnd_limited = true;
	w->c.random = 1;
	if (w->ops->init)
		w->ops->init(&w->c, w->params);
}

static inline void cc_close(struct cc_world *w)
{
	if (w->ops->release)
		w->ops->release(&w->c);
	free(w->params);
	module_put(w->module);
	registry_destroy(&w->registry);
}

static inline void cc_event(struct cc_world *w, enum congestion_event ev)
{
	if (w->ops->event)
		w->ops->event(&w->c, ev);
}

/* What the core does for a module of ssthresh: a reduction in one go. */
static inline void cc_reduce(struct cc_world *w, enum congestion_event why)
{
	w->c.ssthresh = w->ops->ssthresh(&w->c, why);
	cc_event(w, why);
	if (why == CONGESTION_RTO) {
		w->c.cwnd = MSS;
		return;
	}
	w->c.cwnd = w->c.ssthresh;
	cc_event(w, CONGESTION_EXIT_RECOVERY);
}

/* One segment is acknowledged. */
static inline void cc_ack(struct cc_world *w, uint64_t rtt)
{
	struct congestion_ack a = { .acked = MSS, .rtt = rtt, .prior_in_flight = w->c.cwnd };

	w->c.srtt = rtt;
	if (!w->c.min_rtt || rtt < w->c.min_rtt)
		w->c.min_rtt = rtt;
	w->c.snd_una += MSS;
	w->c.snd_nxt = w->c.snd_una + w->c.cwnd;
	w->c.delivered += MSS;
	w->ops->ack(&w->c, &a);
}

/* A round trip in which a full window is acknowledged, at its end. */
static inline void cc_burst(struct cc_world *w, uint64_t rtt)
{
	uint64_t n = w->c.cwnd / MSS;

	w->c.now += rtt;
	for (uint64_t i = 0; i < n; i++)
		cc_ack(w, rtt);
}

/* A round trip in which a full window is acknowledged, evenly. */
static inline void cc_round(struct cc_world *w, uint64_t rtt)
{
	uint64_t n = w->c.cwnd / MSS, start = w->c.now;

	for (uint64_t i = 1; i <= n; i++) {
		w->c.now = start + rtt * i / n;
		cc_ack(w, rtt);
	}
}

#endif
