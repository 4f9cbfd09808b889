/* SPDX-License-Identifier: Apache-2.0 */
/* taken.h - what was read of a namespace, as the stack can use it. */
#ifndef INTERCEPT_TAKEN_H
#define INTERCEPT_TAKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "ip/addr.h"

struct takeover;

#define TAKEN_FOREVER UINT32_MAX

struct taken {
	const char *device;
	unsigned int index;		/* of the device */
	struct ip_addr addr;		/* an address, a route's destination, a neighbour */
	uint8_t prefix;
	uint32_t preferred, valid;	/* of an address: s from now; TAKEN_FOREVER */
	bool dynamic, temporary;	/* of an IPv6 address: RFC 4862, RFC 8981 */
	bool no_prefix_route, no_broadcast, no_dad;	/* as struct ifaddr's */
	struct ip_addr gateway, prefsrc;	/* of a route; any = none */
	uint32_t metric, mtu;
	uint8_t protocol;		/* RTPROT_*: who made the route */
	bool onlink;			/* of a route: its gateway is, whatever the addresses say */
	uint32_t expires;		/* of a route: s from now that a router promised; 0 = it does not end */
	uint8_t lladdr[6];		/* of a neighbour */
	struct taken_ip4 {		/* of a device: how its kernel was told to speak IPv4 */
		bool no_redirects;
		bool secure_redirects;		/* and media are not shared, so it means something */
		bool promote_secondaries;
	} ip4;
	struct taken_ip6 {		/* of a device: how its kernel was told to speak IPv6 */
		bool off;
		bool no_ra, no_redirects;	/* also because it is a router itself */
		bool eui64;			/* interface identifiers from the link address */
		bool has_secret;		/* RFC 7217's, for the others */
		uint8_t secret[16];
	} ip6;
};

enum taken_kind { TAKEN_DEVICE, TAKEN_ADDR, TAKEN_ROUTE, TAKEN_NEIGH };

/* Call fn for each, in order, until it answers other than 0; that answer. */
int taken_each(const struct takeover *t, enum taken_kind kind,
	       int (*fn)(void *arg, const struct taken *x), void *arg);

#endif
