/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tc.h - qdiscs by the names and options that tc(8) has for them: the core's side of weir/tc.h.
 */
#ifndef NIC_TC_H
#define NIC_TC_H

#include <weir/tc.h>

#include "nic/qdisc.h"

#define TC_OPTIONS_MAX	1024u		/* bytes of what tc_write writes */

/* What q is to tc; NULL: tc has no name for it. */
const struct qdisc_tc *tc_of(const struct qdisc *q);
/* The one of ops' kinds that tc calls by this name. */
const struct qdisc_tc *tc_find(const struct qdisc_ops *ops, const char *kind);
/* A qdisc built for nic, not in its place yet. NULL: see e, and *err: -ENOENT for an unknown kind. */
struct qdisc *tc_create(struct nic *nic, const char *kind, const struct tc_options *o, int *err,
			struct weir_error *e);
/* As qdisc_change: all or nothing. */
int tc_change(struct qdisc *q, const struct tc_options *o, struct weir_error *e);
/* q's options into data (size bytes, aligned to 4): how many; 0 = it has none. */
size_t tc_write(const struct qdisc *q, void *data, size_t size);

#endif
