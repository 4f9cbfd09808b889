/* SPDX-License-Identifier: Apache-2.0 */
/* plain_qdisc.h - a list without limits, for tests that need some qdisc and load no module. */
#ifndef PLAIN_QDISC_H
#define PLAIN_QDISC_H

#include <weir/qdisc.h>

extern const struct qdisc_ops plain_qdisc;

#endif
