/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option.c - options of the level SOL_NETLINK (netlink(7)).
 *
 * NETLINK_GET_STRICT_CHK makes dumps obey the filters in their requests; weir's always do.
 */
#include <errno.h>
#include <string.h>

#include "netlink/sock.h"

static bool *flag(struct netlink_sock *ns, int name)
{
	switch (name) {
	case NETLINK_EXT_ACK:		return &ns->ext_ack;
	case NETLINK_CAP_ACK:		return &ns->cap_ack;
	case NETLINK_GET_STRICT_CHK:	return &ns->strict;
	case NETLINK_NO_ENOBUFS:	return &ns->no_enobufs;
	case NETLINK_PKTINFO:		return &ns->pktinfo;
	default:			return NULL;
	}
}

static int membership(struct netlink_sock *ns, unsigned int group, bool join)
{
	if (!group || group > NETLINK_GROUPS)
		return -EINVAL;
	if (join)
		netlink_set_groups(ns, ns->groups | 1ull << (group - 1));
	else
		netlink_set_groups(ns, ns->groups & ~(1ull << (group - 1)));
	return 0;
}

int netlink_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len)
{
	struct netlink_sock *ns = netlink_sk(sk);
	bool *f = flag(ns, name);
	unsigned int value;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len < sizeof(value))
		return -EINVAL;
	memcpy(&value, v, sizeof(value));
	if (name == NETLINK_ADD_MEMBERSHIP || name == NETLINK_DROP_MEMBERSHIP)
		return membership(ns, value, name == NETLINK_ADD_MEMBERSHIP);
	if (!f)
		return -ENOPROTOOPT;
	*f = value != 0;
	return 0;
}

/* As many words of the set as fit; the length becomes what there would be. */
static int list_memberships(const struct netlink_sock *ns, void *v, socklen_t *len)
{
	socklen_t there = *len / sizeof(uint32_t) * sizeof(uint32_t);

	memcpy(v, &ns->groups, there < sizeof(ns->groups) ? there : sizeof(ns->groups));
	*len = sizeof(ns->groups);
	return 0;
}

int netlink_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len)
{
	struct netlink_sock *ns = netlink_sk(sk);
	const bool *f = flag(ns, name);
	int value;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (name == NETLINK_LIST_MEMBERSHIPS)
		return list_memberships(ns, v, len);
	if (!f)
		return -ENOPROTOOPT;
	if (*len < sizeof(value))
		return -EINVAL;
	value = *f;
	memcpy(v, &value, sizeof(value));
	*len = sizeof(value);
	return 0;
}

bool netlink_wants_pktinfo(const struct sock *sk)
{
	return ((const struct netlink_sock *)sk)->pktinfo;
}
