/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink.h - AF_NETLINK sockets that ask the stack what they would ask a kernel (netlink(7)), and
 * how the parts of the stack answer them.
 *
 * A part has a table of handlers, one for each type of message that it knows. A request that wants
 * one thing done or told (get) is answered at once; one that wants a table (dump) piece by piece,
 * as the reader takes them, so that a table of any size takes no more memory than a piece.
 */
#ifndef NETLINK_NETLINK_H
#define NETLINK_NETLINK_H

#include "ip/sock.h"
#include "netlink/nlbuf.h"

#define NETLINK_REQUEST_MAX	16384u	/* bytes of one message of a program */
#define NETLINK_DUMP_MAX	4096u	/* of one that asks for a table: it is kept meanwhile */

struct netlink_handler;

/* Handlers of one family (NETLINK_ROUTE, ...). Tables of the same family stand side by side. */
struct netlink_table {
	struct list node;		/* netlink->tables */
	int family;
	const struct netlink_handler *handlers;		/* closed by one without a name */
	void *arg;
};

struct netlink {
	struct env *env;
	struct ip *ip;
	struct list socks;
	struct list members;		/* those that are in groups */
	struct sock_set set;
	struct hash_table ports;	/* those that have one */
	struct list tables;
	struct netlink_table route;	/* links, addresses, routes, neighbours, rules */
	uint32_t port;			/* the last one that was given */
};

/* One message of a program. */
struct netlink_request {
	struct netlink *nl;
	struct netlink_sock *ns;
	const struct nlmsghdr *nlh;	/* a copy; whole, and its family header is there */
	void *arg;			/* the table's */
	uint32_t uid;			/* who asks */
	bool operator;			/* from outside: may change what bounds the sandbox */
	struct weir_error *e;		/* what goes wrong, in words: for who asks for them */
};

struct netlink_dump {
	struct netlink *nl;
	void *arg;
	struct nlmsghdr *nlh;		/* the request, a copy */
	const struct netlink_handler *handler;
	struct nlbuf_to to;
	uint64_t at[4];			/* where the next piece begins: the handler's to count, 0 at first */
	uint32_t generation;		/* ip->generation when it began */
};

#define NETLINK_LATER 2

struct netlink_handler {
	const char *name;		/* as in the manual: "RTM_GETLINK"; for the log and for tests */
	uint16_t type;
	uint16_t header;		/* bytes of the family's header that a request must have */
	bool changes;			/* needs CAP_NET_ADMIN */
	/* 0 or -errno, both of which become the request's acknowledgement. NULL: there are dumps
	 * only, and the other way round. */
	int (*get)(struct netlink_request *rq);
	/* Write messages from d->at on, as many as there is room for. 1: there are more; 0: these
	 * were the last; -errno. NETLINK_LATER: enough was looked at in this turn. */
	int (*dump)(struct netlink_dump *d, struct nlbuf *nb);
};

extern const struct transport_ops netlink_raw_ops, netlink_dgram_ops;

int netlink_init(struct netlink *nl, struct env *env, struct ip *ip);
void netlink_destroy(struct netlink *nl);
/* t is the caller's, and filled but for node; it goes before the stack does. */
void netlink_add(struct netlink *nl, struct netlink_table *t);
/* Has anybody a table for this protocol of AF_NETLINK? */
bool netlink_has(const struct netlink *nl, int protocol);

/*
 * Answers and notifications: fill writes one message, or what it writes does not fit (false).
 * reply: to who asked; -ENOBUFS. notify: to every member of a group (RTNLGRP_*) of a family.
 */
typedef bool (*netlink_fill)(struct nlbuf *nb, const struct nlbuf_to *to, const void *arg);
int netlink_reply(struct netlink_request *rq, netlink_fill fill, const void *arg);
void netlink_notify(struct netlink *nl, int family, uint32_t group, netlink_fill fill, const void *arg);

/* ---- for socket/ ---- */

int netlink_send(struct sock *sk, struct packet *p, const void *name, socklen_t len);
/* The next message or piece of a dump, from whom (always the kernel), and to which group. NULL:
 * none. */
struct packet *netlink_recv(struct sock *sk, struct sockaddr_nl *from, struct nl_pktinfo *info);
bool netlink_wants_pktinfo(const struct sock *sk);

#endif
