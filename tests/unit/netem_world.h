/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netem_world.h - a bad network on virtual time and from seeds, for the tests of netem.
 *
 * Where chance decides, the bound is five standard deviations of what is measured: of a thousand
 * such checks not one fails by chance, and with the seeds given none does.
 */
#ifndef TESTS_NETEM_WORLD_H
#define TESTS_NETEM_WORLD_H

#include <math.h>

#include "packet/checksum.h"
#include "qdisc_world.h"

#define TICK	(1u << TIMER_TICK_SHIFT)	/* how late a timer may be */
#define SMALL	8u				/* bytes of payload, where only the number counts */

static struct world *w;	/* of the test that runs */

static inline void setup(void)
{
	w = world_create(1);
}

static inline void teardown(void)
{
	world_destroy(w);
}

/* n packets with the numbers from first on, at once. */
static inline void send_burst(uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		world_send(w, SMALL, first + i);
}

/* n packets, one a microsecond: numbers 0 to n - 1. The rest of what waits gets a minute. */
static inline void send_paced(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		world_send(w, SMALL, i);
		world_run(w, w->env.now + 1000);
	}
	world_run(w, w->env.now + 60 * SEC);
}

/* Is the share of hits in n trials of the chance p within five deviations? */
static inline void check_share(const char *what, double hits, double n, double p)
{
	double deviation = sqrt(n * p * (1 - p));

	ck_assert_msg(fabs(hits - n * p) <= 5 * deviation + 1, "%s: %.0f of %.0f, not %.1f +- %.1f",
		      what, hits, n, n * p, deviation);
}

#endif
