/* SPDX-License-Identifier: Apache-2.0 */
/* sock.h - a netlink socket, as netlink.c and option.c share it. */
#ifndef NETLINK_SOCK_H
#define NETLINK_SOCK_H

#include "ip/dgram.h"
#include "netlink/netlink.h"

#define NETLINK_GROUPS 64u	/* those of NETLINK_ROUTE are fewer */

struct netlink_sock {
	struct dgram_sock ds;		/* first */
	struct hash_node by_port;	/* netlink->ports */
	uint32_t port;			/* nl_pid; 0: not bound yet */
	struct list member;		/* netlink->members */
	uint64_t groups;		/* membership: bit 0 is group 1. netlink_set_groups() */
	struct netlink_dump *dump;	/* under way, or NULL */
	bool ext_ack, cap_ack, strict, no_enobufs, pktinfo;
};

static inline struct netlink_sock *netlink_sk(struct sock *sk)
{
	return (struct netlink_sock *)sk;
}

void netlink_set_groups(struct netlink_sock *ns, uint64_t groups);

/* option.c */
int netlink_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len);
int netlink_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len);

#endif
