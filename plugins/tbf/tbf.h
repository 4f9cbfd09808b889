/* SPDX-License-Identifier: Apache-2.0 */
/* tbf.h - a tbf's state and parameters: tbf.c works by them, tc.c tells tc of them. */
#ifndef TBF_TBF_H
#define TBF_TBF_H

#include <weir/qdisc.h>

#define NS		1000000000u

struct bucket {
	uint64_t rate;		/* bytes/s; 0 = there is no such bucket */
	uint64_t size;		/* 10^-9 bytes, like tokens */
	uint64_t tokens;
	uint64_t seen;		/* ns: when tokens was true */
};

struct tbf {
	struct bucket rate, peak;
	uint64_t limit;			/* bytes of backlog */
	uint64_t largest;		/* bytes: a larger packet is cut, or dropped */
	uint64_t splits;		/* super-segments that were cut */
	struct qdisc *child;
};

struct tbf_params {
	uint64_t rate, burst;
	uint64_t limit, latency;
	uint64_t peakrate, mtu;
};

extern const struct qdisc_tc tbf_tc[];		/* tc.c */

#endif
