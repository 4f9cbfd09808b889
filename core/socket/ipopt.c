/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipopt.c - options of the level IPPROTO_IP (ip(7)). As with Linux their values may be ints or
 * single bytes, whichever the program passes; most take an empty value for zero.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "socket/internal.h"

/* -1 is the default, which is stored as 0. */
static int set_ttl(struct sock *sk, int v)
{
	return v == -1 ? set_ranged(&sk->ttl, 0, 0, 0) : set_ranged(&sk->ttl, v, 1, 255);
}

/* What a type of service means for queues (tc-prio(8), Linux's ip_tos2prio): TC_PRIO_*. */
static const uint8_t tos_priority[16] = { 0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4 };

/* The ECN bits of a stream are TCP's. */
static int set_tos(struct sock *sk, int v)
{
	if (sk->ops->type == SOCK_STREAM)
		v = (v & ~3) | (sk->tos & 3);
	sk->tos = v;
	sk->priority = tos_priority[v >> 1 & 15];
	return 0;
}

static int set_multicast_if(struct sock *sk, const void *val, socklen_t len)
{
	struct ip_mreqn m = { .imr_ifindex = 0 };
	const struct ifaddr *ifa;
	struct ip_addr a;
	struct nic *nic;

	if (sk->ops->type == SOCK_STREAM || len < sizeof(struct in_addr))
		return -EINVAL;
	if (len >= sizeof(m))
		memcpy(&m, val, sizeof(m));
	else if (len >= sizeof(struct ip_mreq))
		memcpy(&m, val, sizeof(struct ip_mreq));
	else
		memcpy(&m.imr_address, val, sizeof(struct in_addr));
	a = ip_addr_v4(m.imr_address.s_addr);
	if (m.imr_ifindex) {
		nic = nic_find_index(sk->ip->nics, m.imr_ifindex);
	} else if (ip_addr_is_any(&a)) {
		sk->mc_index = 0;
		sk->mc_src = a;
		return 0;
	} else {
		ifa = ip_addr_find(sk->ip, &a);
		nic = ifa ? ifa->nic : NULL;
	}
	if (!nic)
		return -EADDRNOTAVAIL;
	if (sk->bound_nic && sk->bound_nic != nic)
		return -EINVAL;
	sk->mc_index = nic->index;
	sk->mc_src = a;
	return 0;
}

int set_unicast_if(struct sock *sk, unsigned int *index, const void *val, socklen_t len)
{
	uint32_t be;

	if (len != sizeof(be))
		return -EINVAL;
	memcpy(&be, val, sizeof(be));
	if (be && !nic_find_index(sk->ip->nics, ntohl(be)))
		return -EADDRNOTAVAIL;
	if (be && sk->bound_nic)
		return -EINVAL;
	*index = ntohl(be);
	sock_reroute(sk);
	return 0;
}

static int set_multicast_ttl(struct sock *sk, int v)
{
	if (sk->ops->type == SOCK_STREAM)
		return -EINVAL;
	return set_ranged(&sk->mc_ttl, v == -1 ? 1 : v, 0, 255);
}

static int set_multicast_all(struct sock *sk, int v)
{
	return v == 0 || v == 1 ? set_flag(&sk->mc_all, v) : -EINVAL;
}

static int set_hdrincl(struct sock *sk, int v)
{
	return sk->ops->type == SOCK_RAW ? set_flag(&sk->hdrincl, v) : -ENOPROTOOPT;
}

/* About connection tracking, which there is not: what was asked for is so already. */
static int set_nodefrag(struct sock *sk, int v)
{
	return sk->ops->type == SOCK_RAW ? set_flag(&sk->nodefrag, v) : -ENOPROTOOPT;
}

/* Options are not sent; none is what every socket has. */
static int set_options(socklen_t len)
{
	return len ? -ENOPROTOOPT : 0;
}

/* Where an empty value is a mistake, not a zero. */
static bool needs_value(int name)
{
	return name == IP_TTL || name == IP_MINTTL || name == IP_HDRINCL ||
	       name == IP_MULTICAST_TTL || name == IP_MULTICAST_LOOP || name == IP_MULTICAST_ALL ||
	       name == IP_FREEBIND || name == IP_TRANSPARENT;
}

int sol_ip_set(struct sock *sk, int name, const void *val, socklen_t len)
{
	int v = 0;

	if (len >= sizeof(v))
		memcpy(&v, val, sizeof(v));
	else if (len)
		v = *(const uint8_t *)val;
	else if (needs_value(name))
		return -EINVAL;
	switch (name) {
	case IP_TOS:		return set_tos(sk, v);
	case IP_TTL:		return set_ttl(sk, v);
	case IP_MINTTL:		return set_ranged(&sk->min_ttl, v, 0, 255);
	case IP_UNICAST_IF:	return set_unicast_if(sk, &sk->uc_index, val, len);
	case IP_MTU_DISCOVER:	return set_ranged(&sk->mtu_discover, v, 0, MTU_DISCOVER_MAX);
	case IP_RECVERR:	return set_flag(&sk->recverr, v);
	case IP_PKTINFO:	return set_flag(&sk->pktinfo, v);
	case IP_RECVTTL:	return set_flag(&sk->recvttl, v);
	case IP_RECVTOS:	return set_flag(&sk->recvtos, v);
	case IP_RECVOPTS:	return set_flag(&sk->recvopts, v);
	case IP_RETOPTS:	return set_flag(&sk->retopts, v);
	case IP_HDRINCL:	return set_hdrincl(sk, v);
	case IP_RECVORIGDSTADDR: return set_flag(&sk->recvorigdst, v);
	case IP_NODEFRAG:	return set_nodefrag(sk, v);
	case IP_FREEBIND:	return set_flag(&sk->freebind, v);
	case IP_BIND_ADDRESS_NO_PORT: return set_flag(&sk->bind_no_port, v);
	case IP_TRANSPARENT:	return v ? -EPERM : 0;
	case IP_MULTICAST_TTL:	return set_multicast_ttl(sk, v);
	case IP_MULTICAST_LOOP:	return set_flag(&sk->mc_loop, v);
	case IP_MULTICAST_IF:	return set_multicast_if(sk, val, len);
	case IP_MULTICAST_ALL:	return set_multicast_all(sk, v);
	case IP_OPTIONS:	return set_options(len);
	default:		return mcast_ip_set(sk, name, val, len);
	}
}

static int get_mtu(struct sock *sk, int *v)
{
	if (!dgram_connected(sk) || sock_route(sk))
		return -ENOTCONN;
	*v = sk->dst.mtu;
	return 0;
}

static int get_multicast_if(const struct sock *sk, void *val, socklen_t *len)
{
	struct in_addr a = { .s_addr = ip_addr_to_v4(&sk->mc_src) };

	if (*len > sizeof(a))
		*len = sizeof(a);
	memcpy(val, &a, *len);
	return 0;
}

static int get_int(struct sock *sk, int name, int *v)
{
	switch (name) {
	case IP_TOS:		*v = sk->tos; break;
	case IP_TTL:		*v = sk->ttl ? sk->ttl : sk->ip->ttl; break;
	case IP_MINTTL:		*v = sk->min_ttl; break;
	case IP_UNICAST_IF:	*v = (int)htonl(sk->uc_index); break;
	case IP_MTU_DISCOVER:	*v = sk->mtu_discover; break;
	case IP_MTU:		return get_mtu(sk, v);
	case IP_RECVERR:	*v = sk->recverr; break;
	case IP_PKTINFO:	*v = sk->pktinfo; break;
	case IP_RECVTTL:	*v = sk->recvttl; break;
	case IP_RECVTOS:	*v = sk->recvtos; break;
	case IP_RECVOPTS:	*v = sk->recvopts; break;
	case IP_RETOPTS:	*v = sk->retopts; break;
	case IP_HDRINCL:	*v = sk->hdrincl; break;
	case IP_RECVORIGDSTADDR: *v = sk->recvorigdst; break;
	case IP_NODEFRAG:	*v = sk->nodefrag; break;
	case IP_FREEBIND:	*v = sk->freebind; break;
	case IP_BIND_ADDRESS_NO_PORT: *v = sk->bind_no_port; break;
	case IP_TRANSPARENT:	*v = 0; break;
	case IP_MULTICAST_TTL:	*v = sk->mc_ttl; break;
	case IP_MULTICAST_LOOP:	*v = sk->mc_loop; break;
	case IP_MULTICAST_ALL:	*v = sk->mc_all; break;
	default:		return -ENOPROTOOPT;
	}
	return 0;
}

int sol_ip_get(struct sock *sk, int name, void *val, socklen_t *len)
{
	uint8_t byte;
	int v, err = mcast_ip_get(sk, name, val, len);

	if (err != -ENOPROTOOPT)
		return err;
	if (name == IP_OPTIONS) {
		*len = 0;
		return 0;
	}
	if (name == IP_MULTICAST_IF)
		return get_multicast_if(sk, val, len);
	err = get_int(sk, name, &v);
	if (err)
		return err;
	if (*len < sizeof(v) && *len && v >= 0 && v <= 255) {
		byte = v;
		*len = 1;
		memcpy(val, &byte, 1);
		return 0;
	}
	if (*len > sizeof(v))
		*len = sizeof(v);
	memcpy(val, &v, *len);
	return 0;
}
