/* SPDX-License-Identifier: Apache-2.0 */
/* taken.h - what was read of a namespace, as the stack can use it: IPv4. */
#ifndef INTERCEPT_TAKEN_H
#define INTERCEPT_TAKEN_H

#include <stdint.h>

struct takeover;

struct taken {
	const char *device;
	uint32_t addr;			/* an address, a route's destination, a neighbour; network order */
	uint8_t prefix;
	uint32_t gateway, prefsrc;	/* of a route; 0 = none */
	uint32_t metric, mtu;
	uint8_t lladdr[6];		/* of a neighbour */
};

enum taken_kind { TAKEN_DEVICE, TAKEN_ADDR, TAKEN_ROUTE, TAKEN_NEIGH };

/* Call fn for each, in order, until it answers other than 0; that answer. */
int taken_each(const struct takeover *t, enum taken_kind kind,
	       int (*fn)(void *arg, const struct taken *x), void *arg);

#endif
