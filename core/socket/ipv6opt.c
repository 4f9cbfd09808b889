/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipv6opt.c - options of the level IPPROTO_IPV6 (ipv6(7), RFC 3493, RFC 3542), of AF_INET6 sockets.
 * Those of multicast are in mcastopt.c. Values are ints.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

#include "ip/ipv6.h"
#include "socket/internal.h"

#ifndef IPV6_AUTOFLOWLABEL
#define IPV6_AUTOFLOWLABEL 70
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

/* A socket that has a name keeps its kind. */
static int set_only(struct sock *sk, int v)
{
	if (sk->lport && sk->ops->type != SOCK_RAW)
		return -EINVAL;
	return set_flag(&sk->v6.only, v);
}

/* -1 is the default, which is stored as 0. */
static int set_hops(struct sock *sk, int v)
{
	return set_ranged(&sk->v6.hops, v == -1 ? 0 : v, 0, 255);
}

/* The ECN bits of a stream are TCP's. */
static int set_tclass(struct sock *sk, int v)
{
	if (v < -1 || v > 255)
		return -EINVAL;
	if (v == -1)
		v = 0;
	if (sk->ops->type == SOCK_STREAM)
		v = (v & ~3) | (sk->v6.tclass & 3);
	sk->v6.tclass = (uint8_t)v;
	return 0;
}

/* An upper bound that lowers the path's MTU for this socket would be one more source of it. */
static int set_mtu(int v)
{
	return v && v < (int)IPV6_MTU_MIN ? -EINVAL : v ? -ENOPROTOOPT : 0;
}

int sol_ipv6_set(struct sock *sk, int name, const void *val, socklen_t len)
{
	int v, err = mcast_ip6_set(sk, name, val, len);

	if (err != -ENOPROTOOPT)
		return err;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	switch (name) {
	case IPV6_V6ONLY:	return set_only(sk, v);
	case IPV6_UNICAST_HOPS:	return set_hops(sk, v);
	case IPV6_MINHOPCOUNT:	return set_ranged(&sk->v6.min_hops, v, 0, 255);
	case IPV6_UNICAST_IF:	return set_unicast_if(sk, &sk->v6.uc_index, val, len);
	case IPV6_TCLASS:	return set_tclass(sk, v);
	case IPV6_MTU_DISCOVER:	return set_ranged(&sk->v6.mtu_discover, v, 0, MTU_DISCOVER_MAX);
	case IPV6_MTU:		return set_mtu(v);
	case IPV6_RECVERR:	return set_flag(&sk->v6.recverr, v);
	case IPV6_RECVPKTINFO:	return set_flag(&sk->v6.pktinfo, v);
	case IPV6_RECVHOPLIMIT:	return set_flag(&sk->v6.recvhops, v);
	case IPV6_RECVTCLASS:	return set_flag(&sk->v6.recvtclass, v);
	case IPV6_DONTFRAG:	return set_flag(&sk->v6.dontfrag, v);
	case IPV6_AUTOFLOWLABEL: return set_flag(&sk->v6.no_flowlabel, !v);
	case IPV6_FREEBIND:	return set_flag(&sk->freebind, v);
	case IPV6_TRANSPARENT:	return v ? -EPERM : 0;
	default:		return -ENOPROTOOPT;
	}
}

static int get_mtu(struct sock *sk, int *v)
{
	if (!dgram_connected(sk) || sock_route(sk))
		return -ENOTCONN;
	*v = (int)sk->dst.mtu;
	return 0;
}

static int get_int(struct sock *sk, int name, int *v)
{
	switch (name) {
	case IPV6_V6ONLY:	*v = sk->v6.only; break;
	case IPV6_UNICAST_HOPS:	*v = sk->v6.hops ? sk->v6.hops : sk->ip->ttl; break;
	case IPV6_MINHOPCOUNT:	*v = sk->v6.min_hops; break;
	case IPV6_UNICAST_IF:	*v = (int)htonl(sk->v6.uc_index); break;
	case IPV6_TCLASS:	*v = sk->v6.tclass; break;
	case IPV6_MTU_DISCOVER:	*v = sk->v6.mtu_discover; break;
	case IPV6_MTU:		return get_mtu(sk, v);
	case IPV6_RECVERR:	*v = sk->v6.recverr; break;
	case IPV6_RECVPKTINFO:	*v = sk->v6.pktinfo; break;
	case IPV6_RECVHOPLIMIT:	*v = sk->v6.recvhops; break;
	case IPV6_RECVTCLASS:	*v = sk->v6.recvtclass; break;
	case IPV6_DONTFRAG:	*v = sk->v6.dontfrag; break;
	case IPV6_AUTOFLOWLABEL: *v = !sk->v6.no_flowlabel; break;
	case IPV6_FREEBIND:	*v = sk->freebind; break;
	case IPV6_TRANSPARENT:	*v = 0; break;
	default:		return -ENOPROTOOPT;
	}
	return 0;
}

static int get_pathmtu(struct sock *sk, void *val, socklen_t *len)
{
	struct ip6_mtuinfo info = { .ip6m_addr.sin6_family = AF_INET6 };
	int mtu;

	if (*len < sizeof(info))
		return -EINVAL;
	if (get_mtu(sk, &mtu))
		return -ENOTCONN;
	memcpy(&info.ip6m_addr.sin6_addr, sk->remote.b, sizeof(sk->remote.b));
	info.ip6m_mtu = (uint32_t)mtu;
	*len = sizeof(info);
	memcpy(val, &info, sizeof(info));
	return 0;
}

int sol_ipv6_get(struct sock *sk, int name, void *val, socklen_t *len)
{
	int v, err = mcast_ip6_get(sk, name, val, len);

	if (err != -ENOPROTOOPT)
		return err;
	if (name == IPV6_PATHMTU)
		return get_pathmtu(sk, val, len);
	err = get_int(sk, name, &v);
	if (err)
		return err;
	if (*len > sizeof(v))
		*len = sizeof(v);
	memcpy(val, &v, *len);
	return 0;
}
