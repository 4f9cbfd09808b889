/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.c - the names that programs pass: sockaddr_in and sockaddr_in6.
 *
 * Theory of operation. An AF_INET6 socket's names of IPv4 are the mapped ones (RFC 4038 section
 * 4.2), which is what struct ip_addr holds anyway; its datagrams may be sent, and it may be
 * connected, to a sockaddr_in as well. A name on one link (fe80::/10) belongs to the NIC that its
 * scope names or that the socket is bound to (RFC 4007 section 11); the two may not differ.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "socket/internal.h"

#define SIN6_LEN_MIN offsetof(struct sockaddr_in6, sin6_scope_id)	/* RFC 2133's, which had no scope */

static int name4(const void *sa, socklen_t len, struct sock_name *n)
{
	struct sockaddr_in sin;

	if (len < sizeof(sin))
		return -EINVAL;
	memcpy(&sin, sa, sizeof(sin));
	if (sin.sin_family != AF_INET)
		return -EAFNOSUPPORT;
	n->addr = ip_addr_v4(sin.sin_addr.s_addr);
	n->port = ntohs(sin.sin_port);
	return 0;
}

static int name6(const struct sock *sk, const void *sa, socklen_t len, struct sock_name *n)
{
	struct sockaddr_in6 sin6 = { .sin6_scope_id = 0 };

	if (len < SIN6_LEN_MIN)
		return -EINVAL;
	memcpy(&sin6, sa, len < sizeof(sin6) ? len : sizeof(sin6));
	if (sin6.sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	n->addr = ip_addr_read(&sin6.sin6_addr);
	n->port = ntohs(sin6.sin6_port);
	if (!ip_addr_needs_nic(&n->addr))
		return 0;
	n->nic = sk->bound_nic;
	if (!sin6.sin6_scope_id)
		return 0;
	n->nic = nic_find_index(sk->ip->nics, sin6.sin6_scope_id);
	if (!n->nic)
		return -ENODEV;
	return sk->bound_nic && sk->bound_nic != n->nic ? -EINVAL : 0;
}

int socket_name(const struct sock *sk, const void *sa, socklen_t len, bool either,
		struct sock_name *n)
{
	sa_family_t family = AF_UNSPEC;

	*n = (struct sock_name){ .nic = NULL };
	if (len < sizeof(family))
		return -EINVAL;
	memcpy(&family, sa, sizeof(family));
	if (sk->family == AF_INET6 && !(either && family == AF_INET))
		return name6(sk, sa, len, n);
	return name4(sa, len, n);
}

int socket_peer_name(const struct sock *sk, const void *sa, socklen_t len, bool either,
		     struct sock_name *n)
{
	int err = socket_name(sk, sa, len, either, n);

	return err == -ENODEV ? -ENETUNREACH : err;
}
