/* SPDX-License-Identifier: Apache-2.0 */
/*
 * takeover_priv.h - what takeover.c reads, giveback.c removes and restores, and taken.c
 * explains. The kernel's headers and the stack's have names in common, so the files on the
 * kernel's side include none of the stack.
 */
#ifndef INTERCEPT_TAKEOVER_PRIV_H
#define INTERCEPT_TAKEOVER_PRIV_H

#include <limits.h>
#include <net/if.h>

#include "intercept/rtnl.h"
#include "intercept/takeover.h"

#define TAKEOVER_QUIETS	3	/* switches of a device that keep the kernel quiet, giveback.c */
#define SYSCTL_MAX	16

struct device {
	struct list node;		/* takeover->devices */
	unsigned int index;
	char name[IF_NAMESIZE];
	int gen_mode;			/* IFLA_INET6_ADDR_GEN_MODE, -1 = no IPv6 */
	char saved[TAKEOVER_QUIETS][SYSCTL_MAX];	/* "" = there is no such switch */
};

struct takeover {
	int netns_fd, lock_fd;
	char name[PATH_MAX];		/* as the user wrote it */
	uint64_t read_at;		/* s of takeover_clock(): lifetimes count from here */
	struct list devices;
	struct list addrs, routes, neighs;	/* struct rtnl_msg */
};

const struct device *takeover_device(const struct takeover *t, unsigned int index);
uint64_t takeover_clock(void);		/* s, suspended time included */
/* Read the switches of a device as they are now; inside the namespace. */
void takeover_read_quiets(struct device *d);
/* The routes of our devices as they are now, made into requests. */
int takeover_read_routes(const struct takeover *t, struct mnl_socket *nl, struct list *out);

#endif
