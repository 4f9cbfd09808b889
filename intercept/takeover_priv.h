/* SPDX-License-Identifier: Apache-2.0 */
/*
 * takeover_priv.h - what takeover.c reads, giveback.c removes and restores, and taken.c
 * explains. The kernel's headers and the stack's have names in common, so of the stack the
 * files on the kernel's side include the addresses alone (taken.h).
 */
#ifndef INTERCEPT_TAKEOVER_PRIV_H
#define INTERCEPT_TAKEOVER_PRIV_H

#include <limits.h>
#include <net/if.h>

#include "intercept/rtnl.h"
#include "intercept/takeover.h"

#define SYSCTL_MAX	48		/* an IPv6 address */

enum takeover_quiet {		/* switches of a device that keep the kernel quiet, giveback.c */
	QUIET_DISABLE_IPV6, QUIET_ARP_IGNORE, QUIET_FORWARDING,
	TAKEOVER_QUIETS
};

enum takeover_heed {		/* what the kernel was told of a device, and the stack heeds */
	HEED_FORWARDING, HEED_ACCEPT_RA, HEED_ACCEPT_REDIRECTS, HEED_STABLE_SECRET,	/* of net.ipv6 */
	HEED_ACCEPT_REDIRECTS4, HEED_SECURE_REDIRECTS4, HEED_SHARED_MEDIA4,	/* of net.ipv4 */
	HEED_ALL_ACCEPT_REDIRECTS4, HEED_ALL_SECURE_REDIRECTS4, HEED_ALL_SHARED_MEDIA4,
	TAKEOVER_HEEDS
};

struct device {
	struct list node;		/* takeover->devices */
	unsigned int index;
	char name[IF_NAMESIZE];
	int gen_mode;			/* IFLA_INET6_ADDR_GEN_MODE, -1 = no IPv6 */
	char saved[TAKEOVER_QUIETS][SYSCTL_MAX];	/* "" = there is no such switch */
	char heeds[TAKEOVER_HEEDS][SYSCTL_MAX];		/* likewise */
};

struct takeover {
	int netns_fd, lock_fd;
	char name[PATH_MAX];		/* as the user wrote it */
	uint64_t read_at;		/* s of CLOCK_BOOTTIME: lifetimes count from here */
	struct list devices;
	struct list addrs, routes, neighs;	/* struct rtnl_msg */
};

const struct device *takeover_device(const struct takeover *t, unsigned int index);
/* What is left of a lifetime of s seconds that was read with the namespace. */
uint32_t takeover_left(const struct takeover *t, uint32_t s);
/* Read the switches of a device as they are now; inside the namespace. */
void takeover_read_switches(struct device *d);
/* The routes of our devices as they are now, made into requests. */
int takeover_read_routes(const struct takeover *t, struct list *out);

#endif
