/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hystart.c - HyStart++ (RFC 9406), and the ACK train of the first HyStart.
 *
 * Theory of operation. Slow start that ends with a loss has sent up to twice what the path holds,
 * and loses up to half of it. But before a queue overflows it grows, and with it the round-trip
 * time. So in every round the smallest RTT of at least eight samples is compared with that of the
 * round before (section 4.2):
 *
 *	slow start --- min >= last_min + thresh ---> CSS, conservative slow start
 *	     ^                                         |    |
 *	     '------ min < baseline: it was jitter ----'    '-- five rounds: congestion avoidance
 *
 *	thresh = last_min / 8, within 4 and 16 ms
 *
 * CSS is for doubt. In five rounds it makes the window three times as large, which overflows a
 * queue of one BDP, the usual size, whenever there was none. So it ends at once where there is no
 * doubt: when the smallest RTT of a round is longer by a quarter, and by 8 ms, than any before it
 * of the path. (Linux's older HyStart has no CSS, and ends slow start at an eighth.)
 *
 * The RTT speaks too late when a round begins on an empty queue: the window sent in one burst then
 * fills it within the round, and the smallest RTT is still the path's. But ACKs come at the rate R
 * of the bottleneck, without gaps as far as the window reaches (Ha and Rhee, Taming the elephants,
 * 2011, section 4.1):
 *
 *	a train of T = RTT/2 acknowledges R * T of a window W that is at least as large;
 *	slow start has made it W + R * T by then, so at least 2 * R * T = R * RTT, the BDP,
 *
 * while it is no longer than that with a window of half a BDP. So such a train ends slow start,
 * too, with one BDP at least and hardly more than one and a half. RFC 9406 leaves it out, since
 * ACKs that were gathered on the way are no train; a gap of 2 ms ends one, and Linux, whose cubic
 * has it, shows that it pays.
 *
 * In CSS the window grows by a quarter of what slow start would add. The bound of L segments an
 * ACK is that of a paced sender, none: bursts are bounded by small queues and by pacing.
 */
#include "hystart.h"

#define NSEC_PER_MSEC		1000000ull
#define MIN_RTT_THRESH		(4 * NSEC_PER_MSEC)
#define MAX_RTT_THRESH		(16 * NSEC_PER_MSEC)
#define MIN_RTT_DIVISOR		8u
#define N_RTT_SAMPLE		8u
#define CSS_GROWTH_DIVISOR	4u
#define CSS_ROUNDS		5u
#define SURE_DIVISOR		4u			/* of the path's smallest RTT */
#define SURE_MIN		(2 * MIN_RTT_THRESH)
#define TRAIN_GAP		(2 * NSEC_PER_MSEC)
#define TRAIN_SLACK		(NSEC_PER_MSEC / 2)	/* a super-segment is acknowledged as it was built */
#define TRAIN_WINDOW		16u			/* segments; fewer are no train */

static void round_begin(struct hystart *h, const struct congestion *c)
{
	h->window_end = c->snd_nxt;
	h->last_min = h->min;
	h->min = 0;
	h->samples = 0;
	h->train_from = h->train_to = c->now;
}

/* Do ACKs come without a gap since the round began, for half a round trip? */
static bool train(struct hystart *h, const struct congestion *c)
{
	if (c->now - h->train_to > TRAIN_GAP)
		return false;
	h->train_to = c->now;
	return h->path_min && c->now - h->train_from > h->path_min / 2 + TRAIN_SLACK &&
	       c->cwnd >= (uint64_t)TRAIN_WINDOW * c->mss && c->cwnd_limited;
}

void hystart_reset(struct hystart *h, const struct congestion *c)
{
	*h = (struct hystart){ .window_end = c->snd_nxt, .train_from = c->now, .train_to = c->now };
}

static uint64_t rtt_thresh(const struct hystart *h)
{
	uint64_t t = h->last_min / MIN_RTT_DIVISOR;

	return t < MIN_RTT_THRESH ? MIN_RTT_THRESH : t > MAX_RTT_THRESH ? MAX_RTT_THRESH : t;
}

/* No jitter makes each of so many round trips so much longer: that is a queue. */
static bool sure(const struct hystart *h)
{
	uint64_t more = h->path_min / SURE_DIVISOR;

	return h->last_min && h->min >= h->path_min + (more > SURE_MIN ? more : SURE_MIN);
}

/* Enough samples of this round: into CSS, or out of it again? */
static void judge(struct hystart *h)
{
	if (h->baseline) {
		if (h->min < h->baseline)
			h->baseline = 0;
	} else if (h->last_min && h->min >= h->last_min + rtt_thresh(h)) {
		h->baseline = h->min;
		h->css_rounds = 0;
	}
}

bool hystart_ack(struct hystart *h, const struct congestion *c, uint64_t rtt)
{
	/* not at window_end itself: the last ACK of a round may be long before the first of the
	 * next */
	if (c->snd_una > h->window_end) {
		if (h->baseline && ++h->css_rounds >= CSS_ROUNDS)
			return true;
		round_begin(h, c);
	} else if (train(h, c)) {
		return true;
	}
	if (!rtt)
		return false;
	if (!h->min || rtt < h->min)
		h->min = rtt;
	if (!h->path_min || rtt < h->path_min)
		h->path_min = rtt;
	if (++h->samples < N_RTT_SAMPLE)
		return false;
	judge(h);
	return sure(h);
}

uint64_t hystart_growth(const struct hystart *h, uint64_t n)
{
	return h->baseline ? n / CSS_GROWTH_DIVISOR : n;
}
