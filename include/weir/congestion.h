/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/congestion.h - congestion control (RFC 5681 section 3, after Linux's tcp_congestion_ops).
 *
 * TCP decides what was acknowledged, what was lost and what may be sent; the module decides how
 * much may be outstanding (cwnd) and how fast it may leave (pacing_rate). All window variables are
 * bytes.
 *
 * Two kinds of module:
 *	by ssthresh	(reno, cubic) While the core reduces cwnd towards ssthresh, by proportional
 *			rate reduction (RFC 6937), the module's ack is not called; it hears of
 *			acknowledgements again when recovery ends.
 *	by itself	(bbr, CONGESTION_CONTROLS) ack is called for every acknowledgement in every
 *			state, and what it sets is what holds.
 */
#ifndef WEIR_CONGESTION_H
#define WEIR_CONGESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/param.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONGESTION_PRIV	256u			/* bytes of state a module may keep per connection */
#define CONGESTION_SSTHRESH_INF	UINT64_MAX

enum congestion_state {		/* of loss recovery, as Linux's tcp_ca_state */
	CONGESTION_OPEN,	/* nothing dubious */
	CONGESTION_DISORDER,	/* duplicate ACKs or SACKs, nothing deemed lost yet */
	CONGESTION_CWR,		/* cwnd goes down for an ECN echo; nothing is lost */
	CONGESTION_RECOVERY,	/* something is lost and sent again; cwnd goes down */
	CONGESTION_LOSS,	/* after a retransmission timeout */
};

struct congestion {			/* one connection, as its module sees it */
	/* the core's, to read */
	uint64_t now;			/* ns, of this call */
	uint32_t mss;			/* bytes of payload in a full segment */
	uint32_t burst;			/* bytes that leave at once at the present rate: a super-segment */
	uint8_t state;			/* enum congestion_state */
	bool cwnd_limited;		/* since the last ACK sending stopped for want of cwnd */
	bool app_limited;		/* there was too little to send, and that is not past */
	uint64_t in_flight;		/* bytes sent and neither acknowledged nor deemed lost */
	uint64_t delivered;		/* bytes acknowledged so far, by SACK too */
	uint64_t lost;			/* bytes deemed lost so far */
	uint64_t srtt, min_rtt;		/* ns; 0 before the first sample */
	uint64_t snd_nxt, snd_una;	/* as 64-bit stream offsets that never wrap */
	uint64_t random;		/* the state of congestion_random() */
	/* the module's, to write */
	uint64_t cwnd;			/* bytes, at least one mss */
	uint64_t ssthresh;		/* bytes */
	uint64_t pacing_rate;		/* bytes/s; 0 = not paced */
	/* the module's own */
	uint8_t priv[CONGESTION_PRIV] __attribute__((aligned(8)));
};

/*
 * What one acknowledgement told. delivered, interval and prior_delivered are a delivery rate sample
 * (draft-cheng-iccrg-delivery-rate-estimation) of the most recently sent segment that it covers.
 */
struct congestion_ack {
	uint64_t acked;			/* bytes newly acknowledged (cumulatively or by SACK) */
	uint64_t lost;			/* bytes newly deemed lost */
	uint64_t prior_in_flight;	/* bytes in flight before it */
	uint64_t rtt;			/* ns, 0 = no valid sample (Karn) */
	uint64_t delivered;		/* bytes, over the sample's interval */
	uint64_t interval;		/* ns: the longer of the sending and the ACK phase; 0 = no sample */
	uint64_t prior_delivered;	/* congestion.delivered when the segment was sent */
	uint64_t rate;			/* delivered / interval, bytes/s; 0 = no sample */
	bool app_limited;		/* the segment was sent while the sender had too little to send */
	bool ece;			/* the peer echoed congestion (RFC 3168) */
	bool round_start;		/* the first acknowledgement of a new round trip */
};

enum congestion_event {
	CONGESTION_ENTER_RECOVERY,	/* loss was detected by ACKs */
	CONGESTION_ENTER_CWR,		/* the peer echoed congestion (RFC 3168 6.1.2) */
	CONGESTION_EXIT_RECOVERY,	/* from either of these */
	CONGESTION_RTO,			/* the retransmission timer expired; cwnd becomes one mss */
	CONGESTION_IDLE,		/* about to send after an idle RTO, once for each that passed
					 * (RFC 5681 section 4.1) */
	CONGESTION_TX_START,		/* about to send with nothing in flight */
	CONGESTION_UNDO,		/* the last reduction proved spurious: cwnd and ssthresh are restored */
};

#define CONGESTION_CONTROLS 0x1u	/* sets cwnd and pacing_rate itself in every state */

struct congestion_ops {
	const char *name;
	const struct param *params;	/* NULL: takes none; shared by all connections */
	size_t params_size;
	uint32_t flags;			/* CONGESTION_CONTROLS */

	/* priv is zeroed; cwnd and ssthresh hold the core's initial values, or, when a
	 * connection is switched over live, those of the module before. May be NULL. */
	void (*init)(struct congestion *c, const void *params);
	void (*release)(struct congestion *c);		/* may be NULL */
	/* The new ssthresh after a loss or an ECN echo; called before the event `why`, one of
	 * ENTER_RECOVERY, ENTER_CWR and RTO (RFC 5681 (4)), in the state before it. */
	uint64_t (*ssthresh)(struct congestion *c, enum congestion_event why);
	void (*ack)(struct congestion *c, const struct congestion_ack *a);
	void (*event)(struct congestion *c, enum congestion_event ev);	/* may be NULL */
};

/*
 * Uniform in [0, n), n > 0. A generator of the connection's own (splitmix64), seeded by the stack's
 * randomness when the module is attached: a run with the same seed is the same run. Not for
 * secrets.
 */
static inline uint32_t congestion_random(struct congestion *c, uint32_t n)
{
	uint64_t z = c->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(((z ^ z >> 31) >> 32) * n >> 32);
}

#ifdef __cplusplus
}
#endif

#endif
