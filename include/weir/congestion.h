/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/congestion.h - congestion control (RFC 5681 section 3, after Linux's tcp_congestion_ops).
 *
 * TCP decides what was acknowledged, what was lost and what may be sent; the module decides how
 * much may be outstanding (cwnd) and how fast it may leave (pacing_rate). All
 * window variables are bytes. During fast recovery the core holds cwnd (RFC 6582); the module
 * hears of acknowledgements again when recovery ends.
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

#define CONGESTION_PRIV	128u			/* bytes of state a module may keep per connection */
#define CONGESTION_SSTHRESH_INF	UINT64_MAX

struct congestion {			/* one connection, as its module sees it */
	/* the core's, to read */
	uint64_t now;			/* ns, of this call */
	uint32_t mss;			/* bytes of payload in a full segment */
	uint64_t in_flight;		/* bytes sent and neither acknowledged nor deemed lost */
	uint64_t delivered;		/* bytes acknowledged so far */
	uint64_t srtt, min_rtt;		/* ns; 0 before the first sample */
	uint64_t snd_nxt, snd_una;	/* as 64-bit stream offsets that never wrap */
	/* the module's, to write */
	uint64_t cwnd;			/* bytes, at least one mss */
	uint64_t ssthresh;		/* bytes */
	uint64_t pacing_rate;		/* bytes/s; 0 = not paced */
	/* the module's own */
	_Alignas(8) uint8_t priv[CONGESTION_PRIV];
};

struct congestion_ack {			/* what one acknowledgement told */
	uint64_t acked;			/* bytes newly acknowledged (cumulatively or by SACK) */
	uint64_t lost;			/* bytes newly deemed lost */
	uint64_t prior_in_flight;	/* bytes in flight before it */
	uint64_t rtt;			/* ns, 0 = no valid sample (Karn) */
	uint64_t rate;			/* delivery rate, bytes/s, 0 = no sample */
	bool app_limited;		/* the sender had nothing more to send: cwnd was not the limit */
	bool ece;			/* the peer echoed congestion (RFC 3168) */
	bool round_start;		/* the first acknowledgement of a new round trip */
};

enum congestion_event {
	CONGESTION_ENTER_RECOVERY,	/* loss was detected by duplicate acknowledgements */
	CONGESTION_EXIT_RECOVERY,
	CONGESTION_RTO,			/* the retransmission timer expired; cwnd becomes one mss */
	CONGESTION_IDLE,		/* about to send after an idle RTO (RFC 5681 section 4.1) */
	CONGESTION_UNDO,		/* the last reduction proved spurious: cwnd and ssthresh are restored */
};

struct congestion_ops {
	const char *name;
	const struct param *params;	/* NULL: takes none; shared by all connections */
	size_t params_size;

	/* priv is zeroed; cwnd and ssthresh hold the core's initial values, or, when a
	 * connection is switched over live, those of the module before. May be NULL. */
	void (*init)(struct congestion *c, const void *params);
	void (*release)(struct congestion *c);		/* may be NULL */
	/* The new ssthresh after a loss; called before ENTER_RECOVERY and RTO (RFC 5681 (4)). */
	uint64_t (*ssthresh)(struct congestion *c);
	void (*ack)(struct congestion *c, const struct congestion_ack *a);
	void (*event)(struct congestion *c, enum congestion_event ev);	/* may be NULL */
};

#ifdef __cplusplus
}
#endif

#endif
