/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock_set.h - the sockets of one kind: how many there are, and a place in the row of them that is a
 * number, so that a dump can go on there without a walk.
 */
#ifndef IP_SOCK_SET_H
#define IP_SOCK_SET_H

#include <stdint.h>

struct sock;

struct sock_set {
	struct sock **row;		/* in the order of their making; NULL where one is gone */
	uint32_t end, room;
	uint32_t count, count6;		/* all of them; of AF_INET6 */
	uint32_t connected;		/* of sockets without connections: those that have a peer */
};

int sock_set_add(struct sock_set *set, struct sock *sk);	/* -ENOBUFS */
void sock_set_del(struct sock *sk);				/* harmless when it is in none */
void sock_set_free(struct sock_set *set);			/* an empty one */
/*
 * The first one at place *at or behind it, whose place *at is then; NULL: there is none. Places stay good
 * but for removals, after which some may be missed.
 */
struct sock *sock_set_next(const struct sock_set *set, uint64_t *at);

#endif
