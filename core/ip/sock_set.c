/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock_set.c - the sockets of one kind (sock_set.h).
 *
 * Theory of operation. A row of pointers, to which new ones are appended. Who leaves makes a hole. Once
 * three quarters of the row are holes, it is closed up: that is a walk, but one for every so many
 * removals, and one over pointers. So adding, removing, counting and finding the next take a few steps
 * each, however many there are.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "ip/sock.h"
#include "ip/sock_set.h"

#define ROOM_MIN 64u

static void close_up(struct sock_set *set)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < set->end; i++) {
		struct sock *sk = set->row[i];

		if (!sk)
			continue;
		set->row[n] = sk;
		sk->set_at = n++;
	}
	set->end = n;
}

int sock_set_add(struct sock_set *set, struct sock *sk)
{
	if (set->end == set->room && set->count < set->end / 2) {
		close_up(set);
	} else if (set->end == set->room) {
		uint32_t room = set->room ? 2 * set->room : ROOM_MIN;
		struct sock **row = room > set->room ? realloc(set->row, room * sizeof(*row)) : NULL;

		if (!row)
			return -ENOBUFS;
		set->row = row;
		set->room = room;
	}
	sk->set = set;
	sk->set_at = set->end;
	set->row[set->end++] = sk;
	set->count++;
	set->count6 += sk->family == AF_INET6;
	return 0;
}

void sock_set_del(struct sock *sk)
{
	struct sock_set *set = sk->set;

	if (!set)
		return;
	sk->set = NULL;
	set->row[sk->set_at] = NULL;
	set->count--;
	set->count6 -= sk->family == AF_INET6;
	if (!set->count)
		set->end = 0;
	else if (set->end > ROOM_MIN && set->count < set->end / 4)
		close_up(set);
}

void sock_set_free(struct sock_set *set)
{
	free(set->row);
	*set = (struct sock_set){ .row = NULL };
}

struct sock *sock_set_next(const struct sock_set *set, uint64_t *at)
{
	while (*at < set->end && !set->row[*at])
		++*at;
	return *at < set->end ? set->row[*at] : NULL;
}
