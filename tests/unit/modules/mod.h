/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod.h - the test modules of test_module.c: one source compiled many ways. Each is the
 * smallest qdisc there can be, with one thing wrong, which the file that includes this one
 * picks.
 */
#ifndef TEST_MOD_H
#define TEST_MOD_H

#include <weir/module.h>

#ifndef MOD_LIMIT
#define MOD_LIMIT "1"
#endif

struct mod_params {
	uint64_t limit;
};

static const struct param mod_params[] = {
	{ .name = "limit", .type = PARAM_U64, .offset = offsetof(struct mod_params, limit),
	  .def = MOD_LIMIT, .help = "which of the modules this is" },
	{ }
};

static int mod_enqueue(struct qdisc *q, struct packet *p)
{
	(void)q;
	(void)p;
	return QDISC_DROPPED;
}

static struct packet *mod_dequeue(struct qdisc *q)
{
	(void)q;
	return NULL;
}

static void mod_reset(struct qdisc *q)
{
	(void)q;
}

#define MOD_QDISC(var, qname)							\
	static const struct qdisc_ops var = {					\
		.name = qname, .params = mod_params,				\
		.params_size = sizeof(struct mod_params), .enqueue = mod_enqueue, \
		.dequeue = mod_dequeue, .peek = mod_dequeue, .reset = mod_reset,	\
	}

#endif
