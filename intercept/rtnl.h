/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnl.h - rtnetlink as takeover.c needs it: dump a table, keep its messages, send one and hear
 * the answer.
 */
#ifndef INTERCEPT_RTNL_H
#define INTERCEPT_RTNL_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct mnl_socket;

/* One message of the kernel's, kept in order to be compared, deleted or sent back. */
struct rtnl_msg {
	struct list node;
	struct nlmsghdr nlh;		/* its payload follows; nlmsg_len bytes in all */
};

/* A socket of the current network namespace; NULL with errno. */
struct mnl_socket *rtnl_open(void);
void rtnl_close(struct mnl_socket *nl);

/*
 * Every message of a table (RTM_GETLINK, ...) that keep() wants, appended to out in the kernel's
 * order, of the current network namespace. ndm_flags: of RTM_GETNEIGH only. 0 or -errno, out as it
 * was.
 */
int rtnl_dump(uint16_t type, uint8_t family, uint8_t ndm_flags,
	      bool (*keep)(const struct nlmsghdr *nlh, void *arg), void *arg, struct list *out);
/* Send nlh with these flags added, wait for the kernel's answer: 0 or -errno. */
int rtnl_talk(struct mnl_socket *nl, struct nlmsghdr *nlh, uint16_t type, uint16_t flags);

struct rtnl_msg *rtnl_msg_new(const struct nlmsghdr *nlh);
void rtnl_msg_purge(struct list *msgs);

/* The attributes of a message by number, [0..max]; hdr: the family header's size. */
void rtnl_attrs(const struct nlmsghdr *nlh, size_t hdr, const struct nlattr **tb, uint16_t max);

/* Is there one more hop of a multipath route? RTNH_OK reads its length before it looks at left. */
static inline bool rtnl_hop_ok(const struct rtnexthop *nh, int left)
{
	return left >= (int)sizeof(*nh) && RTNH_OK(nh, left);
}

#endif
