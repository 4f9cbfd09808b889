/* SPDX-License-Identifier: Apache-2.0 */
/* bbr.h - one connection's model of its path. See bbr.c. */
#ifndef BBR_BBR_H
#define BBR_BBR_H

#include <weir/congestion.h>

#include "filter.h"

#define NSEC_PER_MSEC	1000000ull
#define NSEC_PER_SEC	1000000000ull
#define GAIN_UNIT	256u

enum bbr_mode { BBR_STARTUP, BBR_DRAIN, BBR_PROBE_BW, BBR_PROBE_RTT };

struct bbr_params {
	uint64_t min_rtt_window, probe_rtt;	/* ns */
};

struct policer {			/* the rate that a policer lets through, policer.c */
	uint64_t bw;			/* bytes/s, of the last interval; 0 = none */
	uint64_t since, delivered, lost;	/* of the connection when the interval began */
	uint8_t rounds;
	bool sampling, in_use;
};

struct bbr {
	/* the path */
	struct max_filter bw;		/* bytes/s, over rounds */
	uint64_t min_rtt;		/* ns; UINT64_MAX = unknown */
	uint64_t min_rtt_at;
	/* rounds */
	uint64_t rounds;
	uint64_t next_round;		/* delivered at which the next one begins */
	uint64_t limited_until;		/* samples of what was sent until here say nothing of the path */
	/* the machine */
	uint64_t cycle_at;		/* ns: this phase of PROBE_BW began */
	uint64_t probe_rtt_end;		/* ns; 0 = the pipe is not drained yet */
	uint64_t full_bw;		/* bytes/s: STARTUP's last gain */
	uint64_t prior_cwnd;		/* before recovery or PROBE_RTT */
	struct policer policer;
	/* ACKs that come in bulk */
	uint64_t epoch_at, epoch_acked;	/* ns, bytes: ACKs faster than bw since then */
	uint32_t extra_acked[2];	/* bytes beyond bw: maxima of two windows of rounds */
	uint16_t pacing_gain, cwnd_gain;	/* of GAIN_UNIT */
	uint8_t mode, cycle;		/* enum bbr_mode; phase of PROBE_BW */
	uint8_t full_bw_rounds;		/* without a gain */
	uint8_t extra_rounds, extra_window;
	uint8_t prev_state;		/* enum congestion_state of the last ACK */
	bool round_start, full_bw_reached, conserve, idle_restart, probe_rtt_round_done, seen_rtt;
	uint64_t min_rtt_window, probe_rtt;	/* parameters, ns */
};
_Static_assert(sizeof(struct bbr) <= CONGESTION_PRIV, "struct bbr must fit into priv");

static inline struct bbr *bbr_priv(struct congestion *c)
{
	return (struct bbr *)(void *)c->priv;
}

/* ---- policer.c ---- */
void policer_reset(struct policer *p, const struct congestion *c);
/* An ACK with a rate sample, or a timeout. lost: bytes of it; limited: the user's, not the
 * path's. */
void policer_sample(struct policer *p, const struct congestion *c, uint64_t lost, bool limited,
		    bool round_start);

#endif
