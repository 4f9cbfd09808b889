/* SPDX-License-Identifier: Apache-2.0 */
/* sock.h - a netlink socket, as netlink.c and option.c share it. */
#ifndef NETLINK_SOCK_H
#define NETLINK_SOCK_H

#include "ip/dgram.h"
#include "netlink/netlink.h"

#define NETLINK_GROUPS 64u	/* those of NETLINK_ROUTE are fewer */

struct netlink_sock {
	struct dgram_sock ds;		/* first */
	uint32_t port;			/* nl_pid; 0: not bound yet */
	uint64_t groups;		/* membership: bit 0 is group 1 */
	struct netlink_dump *dump;	/* under way, or NULL */
	bool ext_ack, cap_ack, strict, no_enobufs, pktinfo;
};

static inline struct netlink_sock *netlink_sk(struct sock *sk)
{
	return (struct netlink_sock *)sk;
}

/* option.c */
int netlink_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len);
int netlink_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len);

#endif
