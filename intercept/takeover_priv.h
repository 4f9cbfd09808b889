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
#include "intercept/taken.h"
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
	HEED_PROMOTE_SECONDARIES4, HEED_ALL_PROMOTE_SECONDARIES4,
	TAKEOVER_HEEDS
};

struct device {
	struct list node;		/* takeover->devices */
	unsigned int index;
	char name[IF_NAMESIZE];
	uint8_t mac[6];			/* zeros: it has none */
	bool lost;			/* index is another device now, giveback.c */
	bool quiet;			/* the kernel is kept from speaking on it */
	int gen_mode;			/* IFLA_INET6_ADDR_GEN_MODE, -1 = no IPv6 */
	char saved[TAKEOVER_QUIETS][SYSCTL_MAX];	/* "" = there is no such switch */
	char heeds[TAKEOVER_HEEDS][SYSCTL_MAX];		/* likewise */
};

struct takeover {
	int netns_fd, lock_fd;
	int ledger_fd;			/* the ledger's folder, locked; -1 = there is none (ledger.h) */
	char ledger[64];		/* its name: the sandbox's */
	char name[PATH_MAX];		/* as the user wrote it */
	uint64_t cookie;		/* the namespace's SO_NETNS_COOKIE; 0 = this kernel has none */
	uint64_t read_at;		/* s of CLOCK_BOOTTIME: lifetimes count from here */
	struct list devices;
	struct list addrs, routes, neighs;	/* struct rtnl_msg */
};

struct takeover *takeover_new(const char *netns);	/* empty; NULL: no memory */
/* Enter the namespace and lock it: netns_enter's answer, or -errno with e; -EBUSY: another weir has. */
int takeover_enter(struct takeover *t, struct weir_error *e);
struct device *takeover_device(const struct takeover *t, unsigned int index);
/* What is left of a lifetime of s seconds that was read with the namespace. */
uint32_t takeover_left(const struct takeover *t, uint32_t s);
/* A device as it is now, the last of the list; inside the namespace. NULL: no memory. */
struct device *takeover_device_new(struct takeover *t, const struct nlmsghdr *nlh);
/* Read the switches of a device as they are now; inside the namespace. */
void takeover_read_switches(struct device *d);
/* Is the message, as it came or as it is kept, whole, and about one of our devices? kind: not
 * TAKEN_DEVICE. */
bool takeover_wants(const struct takeover *t, enum taken_kind kind, const struct nlmsghdr *nlh);
/* Of a link: could it be taken? */
bool takeover_link_usable(const struct nlmsghdr *nlh);
/* Inside the namespace: find the devices that are not what they were, and forget what was theirs. */
int takeover_compare(struct takeover *t);
/* What the kernel's message says, as the stack can use it; false: nothing that it can use. m as it is
 * kept, kind not TAKEN_DEVICE. */
bool taken_read(const struct takeover *t, enum taken_kind kind, const struct rtnl_msg *m, struct taken *x);
/* What its kernel was told of a device. */
void taken_device(const struct device *d, struct taken *x);
/* The names of the switches as a ledger has them. */
const char *takeover_quiet_name(enum takeover_quiet q);
/* The routes and neighbours of our devices as they are now, made into requests. */
int takeover_read_routes(const struct takeover *t, struct list *out);
int takeover_read_neighs(const struct takeover *t, struct list *out);
/* One of the kernel's messages, made into a request; NULL: no memory, or the kernel makes such itself. */
struct rtnl_msg *takeover_route_request(const struct nlmsghdr *nlh);
bool takeover_route_same(const struct rtnl_msg *a, const struct rtnl_msg *b);
bool takeover_route_in(const struct rtnl_msg *m, const struct list *routes);

/* ---- what comes later, while it is taken: inside the namespace (takeover_more.c) ---- */

/*
 * Every address that there is on our devices by now, to be given back with the others: noted,
 * removed from the kernel's devices, appended to addrs as it is kept. The kernel cannot have some
 * routes without: they are given back with the others, too, and appended to routes. 0 or -errno
 * with e.
 */
int takeover_more(struct takeover *t, struct list *addrs, struct list *routes, struct weir_error *e);
/* Routes that were set while an address was taken: those that have gone with it are put back, and what cannot be is appended to
 * routes, as above. Takes over the messages of set. */
int takeover_put_routes(struct takeover *t, struct list *set, struct list *routes, struct weir_error *e);
/*
 * A usable device that is there by now, in RTM_NEWLINK's words, is one of ours from now on, and noted as it is; then
 * takeover_more has something to do. What its kernel was told is in x. Another one that had its number is forgotten.
 */
int takeover_adopt(struct takeover *t, const struct nlmsghdr *nlh, struct taken *x, struct weir_error *e);
/* It is gone, and nothing is to be given back to it. */
void takeover_forget(struct takeover *t, unsigned int index);
/* Add to the kernel what can be added, and take it out of missing: how many. err: why not others. */
unsigned int takeover_add_routes(struct mnl_socket *nl, struct list *missing, int *err);
/* Quiet all devices and take these addresses off them (giveback.c). */
int takeover_remove_addrs(const struct takeover *t, const struct list *addrs);
/* Of all messages, forget those that are about none of our devices (giveback.c). */
void takeover_forget_lost(struct takeover *t);
/* A device's link address is another one now. */
void takeover_set_mac(struct takeover *t, unsigned int index, const uint8_t mac[6]);

#endif
