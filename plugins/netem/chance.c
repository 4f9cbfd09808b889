/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chance.c - what netem leaves to chance.
 *
 * Theory of operation
 *
 * Draws are 64-bit numbers of splitmix64 (Steele, Lea and Flood, 2014), whose state is one word: a
 * qdisc of its own seed repeats a run whatever else draws from the stack.
 *
 * Correlation. With the chance rho a draw is the previous one again, otherwise it is fresh. So each
 * is uniform still, whatever rho is, and any function of the draws (was the packet lost? by how
 * much was it delayed?) has rho^k as its autocorrelation at the distance k. (Linux takes the
 * weighted mean of the last and a fresh draw instead, which is not uniform: the middle becomes
 * likelier, so that a loss of 1% with a correlation of 25% loses much less.)
 *
 * Distributions. A table holds the quantiles of a distribution at the middles of equal shares of
 * [0, 1], scaled to have exactly the mean 0 and the variance 1; a draw picks one. So jitter is the
 * standard deviation, as with Linux's tables.
 *
 *	normal		by integrating dx/du = sqrt(2 pi) exp(x^2 / 2) from the middle outwards
 *	pareto		u^(-1/3), shape 3: the heaviest tail that has a variance
 *	paretonormal	a quarter of the one and three quarters of the other, quantile by quantile
 */
#include <math.h>
#include <stdlib.h>

#include <weir/param.h>

#include "chance.h"

#define STEPS	8		/* of the integration, in each share */

const char *const distribution_names[] = { "uniform", "normal", "pareto", "paretonormal", "table", NULL };

uint64_t rng_u64(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* The high half of draw * n: off from uniform by at most n / 2^64. */
static uint64_t scale_draw(uint64_t draw, uint64_t n)
{
	return (uint64_t)((unsigned __int128)draw * n >> 64);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	return scale_draw(rng_u64(r), n);
}

bool rng_hits(struct rng *r, uint32_t share)
{
	return rng_below(r, PARAM_PERCENT_ALL) < share;
}

uint64_t draws_next(struct draws *d, struct rng *r)
{
	if (!d->any || !d->rho || !rng_hits(r, d->rho))
		d->last = rng_u64(r);
	d->any = true;
	return d->last;
}

bool draws_hit(struct draws *d, struct rng *r, uint32_t share)
{
	return share && scale_draw(draws_next(d, r), PARAM_PERCENT_ALL) < share;
}

/* ---- distributions ---- */

static double slope(double x)
{
	return sqrt(2 * M_PI) * exp(x * x / 2);
}

/* One step of du by the classic Runge-Kutta method. */
static double step(double x, double du)
{
	double a = slope(x), b = slope(x + a * du / 2), c = slope(x + b * du / 2);

	return x + du / 6 * (a + 2 * b + 2 * c + slope(x + c * du));
}

static void fill_normal(float *t)
{
	double x = 0, share = 1.0 / TABLE_SIZE;

	/* The first value lies half a share above the middle. */
	for (unsigned int i = 0; i < TABLE_SIZE / 2; i++) {
		double du = (i ? share : share / 2) / STEPS;

		for (int k = 0; k < STEPS; k++)
			x = step(x, du);
		t[TABLE_SIZE / 2 + i] = (float)x;
		t[TABLE_SIZE / 2 - 1 - i] = (float)-x;
	}
}

static void fill_pareto(float *t)
{
	for (unsigned int i = 0; i < TABLE_SIZE; i++)
		t[i] = (float)(1 / cbrt(1 - (i + 0.5) / TABLE_SIZE));
}

static void normalize(float *t)
{
	double sum = 0, squares = 0, mean, deviation;

	for (unsigned int i = 0; i < TABLE_SIZE; i++)
		sum += (double)t[i];
	mean = sum / TABLE_SIZE;
	for (unsigned int i = 0; i < TABLE_SIZE; i++)
		squares += ((double)t[i] - mean) * ((double)t[i] - mean);
	deviation = sqrt(squares / TABLE_SIZE);
	for (unsigned int i = 0; i < TABLE_SIZE; i++)
		t[i] = (float)(((double)t[i] - mean) / deviation);
}

static void mix(float *t)
{
	float normal[TABLE_SIZE];

	fill_normal(normal);
	normalize(normal);
	fill_pareto(t);
	normalize(t);
	for (unsigned int i = 0; i < TABLE_SIZE; i++)
		t[i] = 0.25f * normal[i] + 0.75f * t[i];
}

float *table_create(enum distribution d, const int16_t *given)
{
	float *t = malloc(TABLE_SIZE * sizeof(*t));

	if (!t)
		return NULL;
	if (d == DIST_TABLE) {		/* as it is: Linux does not normalize it either */
		for (unsigned int i = 0; i < TABLE_SIZE; i++)
			t[i] = (float)given[i] / TABLE_ONE;
		return t;
	}
	if (d == DIST_NORMAL)
		fill_normal(t);
	else if (d == DIST_PARETO)
		fill_pareto(t);
	else
		mix(t);
	normalize(t);
	return t;
}

uint64_t spread(uint64_t mean, uint64_t jitter, const float *table, uint64_t draw)
{
	double off;
	uint64_t up;

	if (!jitter)
		return mean;
	if (table) {
		off = (double)table[draw >> (64 - TABLE_BITS)] * (double)jitter;
		if (off < 0)
			return (double)mean + off > 0 ? mean - (uint64_t)-off : 0;
		return mean + (uint64_t)off;
	}
	up = mean + scale_draw(draw, 2 * jitter + 1);
	return up > jitter ? up - jitter : 0;
}
