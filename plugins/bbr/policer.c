/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policer.c - the rate that a policer lets through.
 *
 * Theory of operation. A token bucket that drops what exceeds its rate lets a burst pass first: the
 * largest bandwidth of the last rounds is then that of the burst, which the filter keeps for ten
 * rounds, and much of what is sent by it is lost. So the loss itself is looked at: an interval from
 * one loss to another, of 4 to 16 rounds, in which a fifth or more was lost, has the rate delivered
 * / time. Two intervals in a row with about the same rate are a policer's, and its rate is used for
 * 48 rounds in place of the maximum; then the path is asked again.
 */
#include "bbr.h"

#define INTERVAL_MIN	4u		/* rounds; at most four times of that */
#define LOSS_THRESH	50u		/* lost of 256 delivered */
#define SAME_RATIO	8u		/* an eighth apart, or less: the same rate */
#define SAME_DIFF	500u		/* bytes/s; likewise */

static void interval_begin(struct policer *p, const struct congestion *c)
{
	p->since = c->now;
	p->delivered = c->delivered;
	p->lost = c->lost;
	p->rounds = 0;
}

void policer_reset(struct policer *p, const struct congestion *c)
{
	p->bw = 0;
	p->sampling = p->in_use = false;
	interval_begin(p, c);
}

static void interval_end(struct policer *p, const struct congestion *c, uint64_t bw)
{
	uint64_t diff = bw > p->bw ? bw - p->bw : p->bw - bw;

	if (p->bw && (diff <= p->bw / SAME_RATIO || diff <= SAME_DIFF)) {
		p->bw = (p->bw + bw) / 2;
		p->in_use = true;
		p->rounds = 0;
		return;
	}
	p->bw = bw;
	interval_begin(p, c);
}

void policer_sample(struct policer *p, const struct congestion *c, uint64_t lost, bool limited,
		    bool round_start)
{
	uint64_t delivered, time;

	if (!p->sampling) {
		if (!lost)
			return;
		interval_begin(p, c);
		p->sampling = true;
	}
	if (limited) {			/* less than the path could take: no rate of a policer */
		policer_reset(p, c);
		return;
	}
	p->rounds += round_start;
	if (p->rounds < INTERVAL_MIN)
		return;
	if (p->rounds > 4 * INTERVAL_MIN) {
		policer_reset(p, c);
		return;
	}
	if (!lost)
		return;			/* an interval ends with a loss: the bucket is empty again */
	delivered = c->delivered - p->delivered;
	if (!delivered || (c->lost - p->lost) * 256 < LOSS_THRESH * delivered)
		return;
	time = c->now - p->since;
	if (time < NSEC_PER_MSEC)
		return;
	interval_end(p, c, (uint64_t)((unsigned __int128)delivered * NSEC_PER_SEC / time));
}
