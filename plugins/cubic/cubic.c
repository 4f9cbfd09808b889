/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cubic.c - CUBIC congestion control (RFC 9438), with HyStart++ (RFC 9406, hystart.c).
 *
 * Theory of operation. Between two losses the window is a function of time, not of the round-trip
 * time (4.2). After a reduction at W_max it comes back there in K seconds, slows down around it,
 * and then looks for more:
 *
 *	W(t) = C * (t - K)^3 + W_max	segments; C = 0.4, t: seconds in congestion avoidance
 *	K    = cbrt((W_max - cwnd at its beginning) / C)
 *
 * Each ACK moves cwnd towards W(t + RTT), by the fraction of cwnd that it acknowledges; the target
 * is held within cwnd and 1.5 cwnd. Where Reno would be faster (short round trips, small windows),
 * cwnd follows what Reno would have reached, W_est (4.3):
 *
 *	W_est += alpha * acked / cwnd	alpha = 3 (1 - beta) / (1 + beta) until W_est has come to the
 *					window of the last reduction, 1 from then on
 *
 * Reduction (4.6): ssthresh = beta * cwnd; W_max = cwnd, or, when the last W_max was not reached,
 * cwnd * (1 + beta) / 2: a flow that is losing ground makes room (fast convergence, 4.7). An ECN
 * echo is a weaker sign than a loss, for a queue that marks is short (RFC 8511): a beta of its own.
 *
 * After a timeout (4.8), and when slow start ends without a loss (4.10), congestion avoidance
 * begins with W_max = cwnd and K = 0.
 *
 * The cubic is flat where it begins. After a slow start without a loss that is no place to be
 * careful: nobody knows the path's limit, and flows that go on looking for it take its share. Until
 * the first loss the window grows by at least a twentieth in a round trip, as Linux's does.
 *
 * Time in which the user and not cwnd limits the flight does not count (4.2, 5.8): the epoch's
 * begin moves along, and cwnd stays. A reduction that was needless is taken back whole, with W_max
 * and the epoch (4.9).
 *
 * The window is kept in bytes, time in milliseconds and K in the same: all products fit 64 bits, or
 * are made in 128.
 */
#include <weir/module.h>

#include "hystart.h"

#define NSEC_PER_MSEC	 1000000ull
#define RESTART_SEGMENTS 10u		/* RFC 6928 section 3 */
#define TIME_MAX	 1000000u	/* ms from K that the cube is taken of */
#define PROBE_DIVISOR	 20u		/* of the window, a round trip, while no limit is known */

struct cubic_params {
	uint32_t beta, ecn_beta;	/* percent */
	bool hystart, fast_convergence;
};

struct growth {				/* what a spurious reduction has to give back */
	uint64_t w_max;			/* bytes, before the last reduction */
	uint64_t cwnd_prior;		/* cwnd at the last reduction */
	uint64_t epoch;			/* ns: congestion avoidance began; 0 = it has not */
	uint64_t origin;		/* bytes: W_max of this epoch */
	uint64_t k;			/* ms */
	uint64_t w_est;			/* bytes */
	uint64_t est_credit;		/* fraction of a byte of w_est, in units of 1 / cwnd */
	uint64_t credit;		/* the same of cwnd */
	bool flat;			/* the next epoch begins with K = 0 (4.8, 4.10) */
};

struct cubic {
	struct growth now, undo;
	struct hystart hystart;
	uint64_t last_ack;		/* ns */
	uint32_t beta, ecn_beta;
	bool use_hystart, fast_convergence;
};
_Static_assert(sizeof(struct cubic) <= CONGESTION_PRIV, "struct cubic must fit into priv");

static struct cubic *cubic_priv(struct congestion *c)
{
	return (struct cubic *)(void *)c->priv;
}

static void cubic_init(struct congestion *c, const void *params)
{
	const struct cubic_params *p = params;
	struct cubic *cu = cubic_priv(c);

	cu->beta = p->beta;
	cu->ecn_beta = p->ecn_beta;
	cu->use_hystart = p->hystart;
	cu->fast_convergence = p->fast_convergence;
	cu->last_ack = c->now;
	cu->now.flat = true;
	hystart_reset(&cu->hystart, c);
}

/* ---- the curve ---- */

/* The integer cube root: bit by bit, from the highest that a root of 64 bits can have. */
static uint64_t cube_root(uint64_t x)
{
	uint64_t y = 0;

	for (int s = 63; s >= 0; s -= 3) {
		uint64_t b;

		y *= 2;
		b = 3 * y * (y + 1) + 1;
		if (x >> s >= b) {
			x -= b << s;
			y++;
		}
	}
	return y;
}

/* ms from W below by diff bytes to the plateau: cbrt(diff / mss / 0.4 * (1000 ms)^3) */
static uint64_t time_to_plateau(uint64_t diff, uint32_t mss)
{
	return cube_root((uint64_t)((unsigned __int128)diff * 2500000000u / mss));
}

/* W(t) in bytes, t in ms: 0.4 * mss * (ms / 1000)^3 from the origin */
static uint64_t curve(const struct growth *g, uint64_t t, uint32_t mss)
{
	uint64_t d = t > g->k ? t - g->k : g->k - t, off;

	if (d > TIME_MAX)
		d = TIME_MAX;
	off = (uint64_t)((unsigned __int128)(d * d * d) * mss / 2500000000u);
	if (t > g->k)
		return g->origin + off;
	return g->origin > off ? g->origin - off : 0;
}

static void epoch_begin(struct congestion *c, struct growth *g)
{
	g->epoch = c->now;
	g->w_est = c->cwnd;
	g->est_credit = g->credit = 0;
	if (g->flat || c->cwnd >= g->w_max) {
		g->origin = c->cwnd;
		g->k = 0;
	} else {
		g->origin = g->w_max;
		g->k = time_to_plateau(g->w_max - c->cwnd, c->mss);
	}
	g->flat = false;
}

/* What Reno's window would be (4.3): alpha segments for each cwnd of acknowledged bytes. */
static void reno_estimate(struct congestion *c, struct growth *g, uint64_t acked)
{
	uint32_t beta = cubic_priv(c)->beta;
	uint64_t add = acked * c->mss;

	if (g->w_est < g->cwnd_prior)
		add = add * 3 * (100 - beta) / (100 + beta);
	add += g->est_credit;
	g->w_est += add / c->cwnd;
	g->est_credit = add % c->cwnd;
}

/* Towards W(t + RTT), by as much of the way as acked is of cwnd. */
static uint64_t cubic_growth(struct congestion *c, struct growth *g, uint64_t t, uint64_t acked)
{
	uint64_t target = curve(g, t + c->srtt / NSEC_PER_MSEC, c->mss), add;

	if (target > c->cwnd + c->cwnd / 2)
		target = c->cwnd + c->cwnd / 2;
	if (target <= c->cwnd)
		return 0;
	add = (target - c->cwnd) * acked + g->credit;
	g->credit = add % c->cwnd;
	return add / c->cwnd;
}

static void avoid_congestion(struct congestion *c, uint64_t acked)
{
	struct growth *g = &cubic_priv(c)->now;
	uint64_t t, add, least;

	if (!g->epoch)
		epoch_begin(c, g);
	if (acked > c->cwnd)
		acked = c->cwnd;	/* one round trip has acknowledged no more */
	t = (c->now - g->epoch) / NSEC_PER_MSEC;
	reno_estimate(c, g, acked);
	if (curve(g, t, c->mss) < g->w_est)
		add = g->w_est > c->cwnd ? g->w_est - c->cwnd : 0;
	else
		add = cubic_growth(c, g, t, acked);
	least = g->w_max ? 0 : acked / PROBE_DIVISOR;
	c->cwnd += add > least ? add : least;
}

/* ---- acknowledgements ---- */

/* In the first slow start: the bytes that may be added. Ends it when the capacity is found. */
static uint64_t careful_growth(struct congestion *c, const struct congestion_ack *a)
{
	struct cubic *cu = cubic_priv(c);

	if (!cu->use_hystart || c->ssthresh != CONGESTION_SSTHRESH_INF)
		return a->acked;
	if (hystart_ack(&cu->hystart, c, a->rtt)) {
		c->ssthresh = c->cwnd;
		cu->now.flat = true;
	}
	return hystart_growth(&cu->hystart, a->acked);
}

static void cubic_ack(struct congestion *c, const struct congestion_ack *a)
{
	struct cubic *cu = cubic_priv(c);
	uint64_t acked = a->acked, room;

	if (c->cwnd < c->ssthresh)
		acked = careful_growth(c, a);
	if (!c->cwnd_limited && cu->now.epoch)
		cu->now.epoch += c->now - cu->last_ack;
	cu->last_ack = c->now;
	if (!c->cwnd_limited || !acked)
		return;
	if (c->cwnd < c->ssthresh) {
		room = c->ssthresh - c->cwnd;
		c->cwnd += acked < room ? acked : room;
		acked = acked > room ? acked - room : 0;
	}
	if (c->cwnd >= c->ssthresh && acked)
		avoid_congestion(c, acked);
}

/* ---- reductions ---- */

static uint64_t cubic_ssthresh(struct congestion *c, enum congestion_event why)
{
	struct cubic *cu = cubic_priv(c);
	struct growth *g = &cu->now;
	uint32_t beta = why == CONGESTION_ENTER_CWR ? cu->ecn_beta : cu->beta;
	uint64_t cwnd = c->cwnd, ssthresh = cwnd * beta / 100;

	if (c->state != CONGESTION_RECOVERY && c->state != CONGESTION_LOSS)
		cu->undo = *g;
	if (cwnd < g->w_max && cu->fast_convergence)
		g->w_max = cwnd * (100 + beta) / 200;
	else
		g->w_max = cwnd;
	g->cwnd_prior = cwnd;
	g->epoch = 0;
	g->flat = why == CONGESTION_RTO;
	return ssthresh > 2ull * c->mss ? ssthresh : 2ull * c->mss;
}

/*
 * Idle for an RTO, once for each (RFC 5681 4.1, as Linux softens it): half, not below the restart
 * window; and slow start back to three quarters, which were safe.
 */
static void restart(struct congestion *c)
{
	uint64_t least = (uint64_t)RESTART_SEGMENTS * c->mss, safe = c->cwnd / 4 * 3;

	if (c->cwnd <= least)
		return;
	if (c->ssthresh < safe)
		c->ssthresh = safe;
	c->cwnd = c->cwnd / 2 > least ? c->cwnd / 2 : least;
}

static void cubic_event(struct congestion *c, enum congestion_event ev)
{
	struct cubic *cu = cubic_priv(c);

	switch (ev) {
	case CONGESTION_TX_START:	/* nothing was in flight since the last ACK */
		if (cu->now.epoch)
			cu->now.epoch += c->now - cu->last_ack;
		cu->last_ack = c->now;
		break;
	case CONGESTION_IDLE:
		restart(c);
		break;
	case CONGESTION_UNDO:
		cu->now = cu->undo;
		break;
	default:
		break;
	}
}

static const struct param cubic_param[] = {
	{ .name = "beta", .type = PARAM_U32, .offset = offsetof(struct cubic_params, beta),
	  .min = 50, .max = 95, .def = "70",
	  .help = "percent of the window that is kept after a loss" },
	{ .name = "ecn-beta", .type = PARAM_U32, .offset = offsetof(struct cubic_params, ecn_beta),
	  .min = 50, .max = 95, .def = "85",
	  .help = "percent of the window that is kept after an ECN echo (RFC 8511)" },
	{ .name = "hystart", .type = PARAM_BOOL, .offset = offsetof(struct cubic_params, hystart),
	  .def = "on", .help = "leave slow start when round trips grow longer (RFC 9406)" },
	{ .name = "fast-convergence", .type = PARAM_BOOL,
	  .offset = offsetof(struct cubic_params, fast_convergence), .def = "on",
	  .help = "make room for new flows while losing ground" },
	{ }
};

static const struct congestion_ops cubic = {
	.name = "cubic",
	.params = cubic_param,
	.params_size = sizeof(struct cubic_params),
	.init = cubic_init,
	.ssthresh = cubic_ssthresh,
	.ack = cubic_ack,
	.event = cubic_event,
};

WEIR_MODULE("cubic", "CUBIC congestion control (RFC 9438), with HyStart++ (RFC 9406)",
	    WEIR_CONGESTION(cubic));
