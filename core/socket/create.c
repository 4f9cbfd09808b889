/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create.c - which transport a socket gets. The one file of this floor that sees the whole stack,
 * for it is where a program's socket() enters it.
 */
#include <errno.h>
#include <netinet/in.h>

#include "stack.h"

#define SOCK_TYPE_MAX 11	/* Linux's SOCK_MAX: a larger type is nonsense, not merely unknown */

/* protocol becomes what 0 stands for. */
static const struct transport_ops *pick(struct stack *s, int family, int type, int *protocol,
					void **table, int *err)
{
	int icmp = family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	*err = -EPROTONOSUPPORT;
	switch (type) {
	case SOCK_STREAM:
		if (*protocol && *protocol != IPPROTO_TCP)
			return NULL;
		*protocol = IPPROTO_TCP;
		*table = &s->tcp;
		return &tcp_ops;
	case SOCK_DGRAM:
		if (*protocol == icmp) {
			*table = &s->raw;
			return &ping_ops;
		}
		if (*protocol && *protocol != IPPROTO_UDP)
			return NULL;
		*protocol = IPPROTO_UDP;
		*table = &s->udp;
		return &udp_ops;
	case SOCK_RAW:
		if (!*protocol)
			return NULL;
		*table = &s->raw;
		return &raw_ops;
	default:
		*err = -ESOCKTNOSUPPORT;
		return NULL;
	}
}

/* protocol: an EtherType in network order. */
static struct sock *create_packet(struct stack *s, int type, int protocol, bool privileged, int *err)
{
	const struct transport_ops *ops = type == SOCK_RAW ? &pfpacket_raw_ops : &pfpacket_dgram_ops;
	struct sock *sk;

	*err = !privileged ? -EPERM : type == SOCK_RAW || type == SOCK_DGRAM ? 0 : -ESOCKTNOSUPPORT;
	if (*err)
		return NULL;
	sk = sock_create(&s->ip, &s->pfpacket, ops, AF_PACKET, 0, err);
	if (!sk)
		return NULL;
	sk->privileged = privileged;
	pfpacket_set_proto(sk, ntohs((uint16_t)protocol));
	return sk;
}

static struct sock *create_netlink(struct stack *s, int type, int protocol, bool privileged, int *err)
{
	const struct transport_ops *ops = type == SOCK_RAW ? &netlink_raw_ops : &netlink_dgram_ops;
	struct sock *sk;

	*err = type != SOCK_RAW && type != SOCK_DGRAM ? -ESOCKTNOSUPPORT :
	       netlink_has(&s->netlink, protocol) ? 0 : -EPROTONOSUPPORT;
	if (*err)
		return NULL;
	sk = sock_create(&s->ip, &s->netlink, ops, AF_NETLINK, protocol, err);
	if (sk)
		sk->privileged = privileged;
	return sk;
}

struct sock *socket_create(struct stack *s, int family, int type, int protocol, bool privileged,
			   int *err)
{
	const struct transport_ops *ops;
	struct sock *sk;
	void *table;

	if (type < 0 || type >= SOCK_TYPE_MAX || protocol < 0 ||
	    (protocol >= IP_PROTO_MAX && family != AF_PACKET)) {
		*err = type < 0 || type >= SOCK_TYPE_MAX ? -EINVAL : -EPROTONOSUPPORT;
		return NULL;
	}
	if (family == AF_PACKET)
		return create_packet(s, type, protocol, privileged, err);
	if (family == AF_NETLINK)
		return create_netlink(s, type, protocol, privileged, err);
	if (family != AF_INET && family != AF_INET6) {
		*err = -EAFNOSUPPORT;
		return NULL;
	}
	ops = pick(s, family, type, &protocol, &table, err);
	if (!ops)
		return NULL;
	if (type == SOCK_RAW && !privileged) {
		*err = -EPERM;
		return NULL;
	}
	sk = sock_create(&s->ip, table, ops, family, protocol, err);
	if (sk)
		sk->privileged = privileged;
	return sk;
}
