/* SPDX-License-Identifier: Apache-2.0 */
/* capabilities.h - what a process of the sandbox may still do as root. Sets of capabilities are masks: bit N is number N. */
#ifndef INTERCEPT_CAPABILITIES_H
#define INTERCEPT_CAPABILITIES_H

#include <stdint.h>

#include <weir/error.h>

#define CAPABILITY(name)	(1ull << CAP_##name)

/* What this process could have at most: its bounding set. */
uint64_t capabilities_bound(void);
/* Take all others out of the bounding set: no program that is executed can get them back, set-user-ID or not. */
int capabilities_keep_bound(uint64_t mask, struct weir_error *e);
/* Keep these of what this process has, in effect and at hand; inherit none. */
int capabilities_keep(uint64_t mask, struct weir_error *e);

#endif
