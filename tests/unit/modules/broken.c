/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broken.c - a module with one thing wrong, picked by the build: BROKEN is the member of struct
 * weir_module, BROKEN_QDISC that of the qdisc_ops, and BROKEN_OPS the entry, that is other than
 * it should be.
 */
#include "mod.h"

/* An initialiser overrides an earlier one of the same member: that is the point. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

#ifndef BROKEN
#define BROKEN .help = "a test module"
#endif
#ifndef BROKEN_QDISC
#define BROKEN_QDISC .drain = NULL
#endif
#ifndef BROKEN_OPS
#define BROKEN_OPS(o) WEIR_QDISC(o)
#endif

static const struct qdisc_ops toy __attribute__((used)) = {
	.name = "toy", .params = mod_params, .params_size = sizeof(struct mod_params),
	.enqueue = mod_enqueue, .dequeue = mod_dequeue, .peek = mod_dequeue, .reset = mod_reset,
	BROKEN_QDISC
};

static const struct weir_entry entries[] = { BROKEN_OPS(toy), { WEIR_KIND_END, 0, NULL } };

extern WEIR_API const struct weir_module weir_module;
const struct weir_module weir_module = {
	.magic = WEIR_MODULE_MAGIC, .abi_major = WEIR_ABI_MAJOR, .abi_minor = WEIR_ABI_MINOR,
	.size = sizeof(struct weir_module), .entry_size = sizeof(struct weir_entry),
	.packet_size = sizeof(struct packet), .link_size = sizeof(struct link),
	.congestion_size = sizeof(struct congestion),
	.name = "toy", .help = "a test module", .entries = entries,
	BROKEN
};
