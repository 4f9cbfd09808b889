/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/tc.h - a qdisc as tc(8) speaks of it: rtnetlink's TCA_KIND and TCA_OPTIONS, whose structs and
 * attributes are in <linux/pkt_sched.h>.
 *
 * A qdisc that has a counterpart in tc lists it in qdisc_ops.tc, under the name that tc has for it (one
 * qdisc may be several of tc's: fifo is pfifo and bfifo), and translates between tc's options and its own
 * struct of parameters. Nothing else about it has to know tc: what was read is checked by the table of
 * parameters and by init or change, as every other value is.
 */
#ifndef WEIR_TC_H
#define WEIR_TC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct qdisc;

struct tc_options {			/* TCA_OPTIONS' payload, as it came: nothing in it is checked */
	const void *data;		/* NULL: there is none */
	size_t len;			/* bytes */
	uint32_t mtu_len;		/* wire bytes of an MTU-sized packet of the NIC */
};

struct tc_attr {			/* one attribute; data NULL: it was not there */
	const void *data;
	size_t len;
};

struct tc_out;				/* a payload being written */

/* qdisc_ops.tc points at an array of these that is closed by one without a kind. */
struct qdisc_tc {
	const char *kind;		/* tc's name: "pfifo" */
	/* Is a qdisc of these parameters one of this kind? NULL: always. The first that says so is
	 * shown. */
	bool (*is)(const void *params);
	/*
	 * Options into params (qdisc_ops.params_size bytes), which hold the defaults, or, for a change,
	 * what the qdisc has. -EINVAL: malformed; -EOPNOTSUPP: asks for what the qdisc cannot do.
	 * NULL: takes no options.
	 */
	int (*read)(const struct tc_options *o, void *params, struct weir_error *e);
	/* The qdisc's options as they are. NULL: it has none. */
	void (*write)(const struct qdisc *q, const void *params, struct tc_out *out);
};

/* ---- reading ---- */

/* The attributes in len bytes at data by their type, up to max; others are left out. -EINVAL: their lengths
 * are wrong, and e says so. */
WEIR_API int tc_attrs(const void *data, size_t len, struct tc_attr *tb, unsigned int max, struct weir_error *e);
/* Copy size bytes out of it. False, and v is left as it is: it is not there, or shorter. */
WEIR_API bool tc_get(const struct tc_attr *a, void *v, size_t size);

/* ---- writing ---- */

/* What does not fit makes the whole be left out. */
WEIR_API void tc_append(struct tc_out *out, const void *data, size_t len);	/* a bare struct, first of all */
WEIR_API void tc_put(struct tc_out *out, uint16_t type, const void *data, size_t len);
WEIR_API size_t tc_nest(struct tc_out *out, uint16_t type);
WEIR_API void tc_nest_end(struct tc_out *out, size_t nest);

/* ---- units ---- */

/* Times are told in ticks of 64 ns (/proc/net/psched). */
static inline uint32_t tc_ticks(uint64_t ns)
{
	return ns >> 6 < UINT32_MAX ? (uint32_t)(ns >> 6) : UINT32_MAX;
}

static inline uint64_t tc_ns(uint32_t ticks)
{
	return (uint64_t)ticks << 6;
}

static inline uint32_t tc_u32(uint64_t v)
{
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

/* A rate is told in 32 bits, and again in 64 where these are too few. */
static inline uint64_t tc_rate(uint32_t narrow, const struct tc_attr *wide)
{
	uint64_t rate;

	return tc_get(wide, &rate, sizeof(rate)) && rate > narrow ? rate : narrow;
}

#ifdef __cplusplus
}
#endif

#endif
