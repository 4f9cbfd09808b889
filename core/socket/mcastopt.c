/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mcastopt.c - the options with which a socket joins groups and picks sources: ip(7)'s, and those
 * of RFC 3678 for either family (MCAST_JOIN_GROUP ...). Which error comes first is Linux's order
 * (ip_sockglue.c, igmp.c; ipv6_sockglue.c, mcast.c).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "ip/group.h"
#include "socket/internal.h"

/* A group on a NIC as a program names it. */
struct request {
	struct ip_addr group, src;
	struct ip_addr via;		/* IPv4: an address of the NIC; any: not said */
	uint32_t index;			/* 0: not said */
};

/* An index, else an address of ours, else the way packets to the group would go. NULL: none. */
static struct nic *request_nic(struct sock *sk, const struct request *r)
{
	struct flow f = { .src = ip_addr_v4(0), .dst = r->group, .proto = IPPROTO_UDP };
	struct ifaddr *ia;
	struct dst d;

	if (r->index)
		return nic_find_index(sk->ip->nics, r->index);
	if (!ip_addr_is_any(&r->via)) {
		ia = ip_addr_find(sk->ip, &r->via);
		return ia ? ia->nic : NULL;
	}
	if (!route_lookup(sk->ip, &f, &d))
		return d.nic;
	/* IPv6's groups are on every link: one that we cannot speak to yet can be listened to */
	return ip_addr_is_v4(&r->group) ? NULL : nic_first(sk->ip->nics);
}

static int join(struct sock *sk, const struct request *r, bool exclude)
{
	struct nic *nic;

	if (!ip_addr_is_multicast(&r->group))
		return -EINVAL;
	nic = request_nic(sk, r);
	return nic ? group_sock_join(sk, nic, &r->group, &r->via, exclude) : -ENODEV;
}

/* An address that is ours no more still names what was joined by it. */
static int leave(struct sock *sk, const struct request *r)
{
	struct nic *nic = request_nic(sk, r);

	if (!ip_addr_is_v4(&r->group) && !r->index)
		nic = NULL;		/* the first that was joined */
	else if (!nic && !r->index && ip_addr_is_any(&r->via))
		return -ENODEV;
	if (!nic && r->index)
		return -EADDRNOTAVAIL;
	return group_sock_leave(sk, nic, &r->group, &r->via);
}

static int change_source(struct sock *sk, const struct request *r, bool exclude, bool add)
{
	struct nic *nic;

	if (!ip_addr_is_multicast(&r->group))
		return -EINVAL;
	nic = request_nic(sk, r);
	return nic ? group_sock_source(sk, nic, &r->group, &r->src, exclude, add) : -ENODEV;
}

static int join_source(struct sock *sk, const struct request *r)
{
	int err = join(sk, r, false);

	return err && err != -EADDRINUSE ? err : change_source(sk, r, false, true);
}

static int source_option(struct sock *sk, int name, const struct request *r)
{
	switch (name) {
	case IP_ADD_SOURCE_MEMBERSHIP:
	case MCAST_JOIN_SOURCE_GROUP:	return join_source(sk, r);
	case IP_DROP_SOURCE_MEMBERSHIP:
	case MCAST_LEAVE_SOURCE_GROUP:	return change_source(sk, r, false, false);
	case IP_BLOCK_SOURCE:
	case MCAST_BLOCK_SOURCE:	return change_source(sk, r, true, true);
	default:			return change_source(sk, r, true, false);
	}
}

/* Set a whole filter; f is taken over. */
static int set_filter(struct sock *sk, const struct request *r, struct source_filter *f)
{
	struct nic *nic;
	int err = -EINVAL;

	if (!ip_addr_is_multicast(&r->group))
		goto out;
	nic = request_nic(sk, r);
	err = -ENODEV;
	if (!nic)
		goto out;
	if (!source_filter_none(f))
		return group_sock_filter(sk, nic, &r->group, f);
	err = leave(sk, r);		/* to include nothing is to leave */
out:
	source_filter_free(f);
	return err;
}

static int find_filter(struct sock *sk, const struct request *r, const struct source_filter **f)
{
	struct membership *m;
	struct nic *nic;

	if (!ip_addr_is_multicast(&r->group))
		return -EINVAL;
	nic = request_nic(sk, r);
	if (!nic)
		return -ENODEV;
	m = group_sock_find(sk, nic, &r->group);
	if (!m)
		return -EADDRNOTAVAIL;
	*f = &m->filter;
	return 0;
}

static int filter_mode(uint32_t mode, struct source_filter *f)
{
	*f = (struct source_filter){ .exclude = mode == MCAST_EXCLUDE };
	return mode == MCAST_EXCLUDE || mode == MCAST_INCLUDE ? 0 : -EINVAL;
}

/* A source named twice counts once. */
static int filter_append(struct source_filter *f, const struct ip_addr *src)
{
	return source_filter_has(f, src) || source_filter_add(f, src) ? 0 : -ENOBUFS;
}

/* ---- struct ip_mreq and its like: IPv4 ---- */

static int membership_option(struct sock *sk, int name, const void *val, socklen_t len)
{
	struct ip_mreqn m = { .imr_ifindex = 0 };
	struct request r = { .index = 0 };

	if (sk->ops->type == SOCK_STREAM)
		return -EPROTO;
	if (len < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(&m, val, len >= sizeof(m) ? sizeof(m) : sizeof(struct ip_mreq));
	r.group = ip_addr_v4(m.imr_multiaddr.s_addr);
	r.via = ip_addr_v4(m.imr_address.s_addr);
	r.index = (uint32_t)m.imr_ifindex;
	return name == IP_ADD_MEMBERSHIP ? join(sk, &r, true) : leave(sk, &r);
}

static int v4_source_option(struct sock *sk, int name, const void *val, socklen_t len)
{
	struct ip_mreq_source m;
	struct request r = { .index = 0 };

	if (len != sizeof(m))
		return -EINVAL;
	memcpy(&m, val, sizeof(m));
	r.group = ip_addr_v4(m.imr_multiaddr.s_addr);
	r.via = ip_addr_v4(m.imr_interface.s_addr);
	r.src = ip_addr_v4(m.imr_sourceaddr.s_addr);
	return source_option(sk, name, &r);
}

static int set_v4_filter(struct sock *sk, const void *val, socklen_t len)
{
	const uint8_t *at = (const uint8_t *)val + IP_MSFILTER_SIZE(0);
	struct source_filter f = { .exclude = false };
	struct ip_msfilter m;
	struct request r = { .index = 0 };
	int err;

	if (len < IP_MSFILTER_SIZE(0))
		return -EINVAL;
	memcpy(&m, val, IP_MSFILTER_SIZE(0));
	if (m.imsf_numsrc > GROUP_MSF_MAX_V4)
		return -ENOBUFS;
	if (len < IP_MSFILTER_SIZE(m.imsf_numsrc))
		return -EINVAL;
	r.group = ip_addr_v4(m.imsf_multiaddr.s_addr);
	r.via = ip_addr_v4(m.imsf_interface.s_addr);
	err = filter_mode(m.imsf_fmode, &f);
	for (uint32_t i = 0; i < m.imsf_numsrc && !err; i++, at += 4) {
		uint32_t be;
		struct ip_addr src;

		memcpy(&be, at, sizeof(be));
		src = ip_addr_v4(be);
		err = filter_append(&f, &src);
	}
	if (!err)
		return set_filter(sk, &r, &f);
	source_filter_free(&f);
	return err;
}

/* As many sources as the program has room for; the number tells how many there are. */
static int get_v4_filter(struct sock *sk, void *val, socklen_t *len)
{
	const struct source_filter *f;
	struct ip_msfilter m;
	struct request r = { .index = 0 };
	uint8_t *at = (uint8_t *)val + IP_MSFILTER_SIZE(0);
	uint32_t room;
	int err;

	if (*len < IP_MSFILTER_SIZE(0))
		return -EINVAL;
	memcpy(&m, val, IP_MSFILTER_SIZE(0));
	r.group = ip_addr_v4(m.imsf_multiaddr.s_addr);
	r.via = ip_addr_v4(m.imsf_interface.s_addr);
	err = find_filter(sk, &r, &f);
	if (err)
		return err;
	room = (uint32_t)(*len - IP_MSFILTER_SIZE(0)) / 4;
	if (room > m.imsf_numsrc)
		room = m.imsf_numsrc;
	if (room > f->n)
		room = f->n;
	m.imsf_fmode = f->exclude ? MCAST_EXCLUDE : MCAST_INCLUDE;
	m.imsf_numsrc = f->n;
	memcpy(val, &m, IP_MSFILTER_SIZE(0));
	for (uint32_t i = 0; i < room; i++)
		memcpy(at + 4 * i, &f->src[i].w[3], 4);
	*len = (socklen_t)IP_MSFILTER_SIZE(room);
	return 0;
}

/* ---- struct group_req and its like: either family (RFC 3678 section 5) ---- */

/* A sockaddr of the level's family. */
static bool read_name(int family, const struct sockaddr_storage *ss, struct ip_addr *a)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)ss;

	if (ss->ss_family != family)
		return false;
	if (family == AF_INET)
		*a = ip_addr_v4(sin->sin_addr.s_addr);
	else
		memcpy(a->b, &sin6->sin6_addr, sizeof(a->b));
	return true;
}

static void write_name(int family, const struct ip_addr *a, struct sockaddr_storage *ss)
{
	socklen_t len = sizeof(*ss);

	memset(ss, 0, sizeof(*ss));
	ip_addr_to_sockaddr(a, 0, family, 0, ss, &len);
}

static int group_option(struct sock *sk, int family, int name, const void *val, socklen_t len)
{
	struct request r = { .via = ip_addr_v4(0) };
	struct group_req g;

	if (len < sizeof(g))
		return -EINVAL;
	memcpy(&g, val, sizeof(g));
	if (!read_name(family, &g.gr_group, &r.group))
		return family == AF_INET ? -EINVAL : -EADDRNOTAVAIL;
	r.index = g.gr_interface;
	return name == MCAST_JOIN_GROUP ? join(sk, &r, true) : leave(sk, &r);
}

static int group_source_option(struct sock *sk, int family, int name, const void *val,
			       socklen_t len)
{
	struct request r = { .via = ip_addr_v4(0) };
	struct group_source_req g;

	if (len < sizeof(g))
		return -EINVAL;
	memcpy(&g, val, sizeof(g));
	if (!read_name(family, &g.gsr_group, &r.group) ||
	    !read_name(family, &g.gsr_source, &r.src))
		return -EADDRNOTAVAIL;
	r.index = g.gsr_interface;
	return source_option(sk, name, &r);
}

static uint32_t filter_max(int family)
{
	return family == AF_INET ? GROUP_MSF_MAX_V4 : GROUP_MSF_MAX_V6;
}

#define FILTER_HEADER offsetof(struct group_filter, gf_slist)

static int set_group_filter(struct sock *sk, int family, const void *val, socklen_t len)
{
	const uint8_t *at = (const uint8_t *)val + FILTER_HEADER;
	struct request r = { .via = ip_addr_v4(0) };
	struct source_filter f = { .exclude = false };
	struct sockaddr_storage ss;
	struct group_filter g;
	int err;

	if (len < FILTER_HEADER)
		return -EINVAL;
	memcpy(&g, val, FILTER_HEADER);
	if (g.gf_numsrc > filter_max(family))
		return -ENOBUFS;
	if (len < FILTER_HEADER + g.gf_numsrc * sizeof(ss))
		return -EINVAL;
	if (!read_name(family, &g.gf_group, &r.group))
		return -EADDRNOTAVAIL;
	r.index = g.gf_interface;
	err = filter_mode(g.gf_fmode, &f);
	for (uint32_t i = 0; i < g.gf_numsrc && !err; i++, at += sizeof(ss)) {
		memcpy(&ss, at, sizeof(ss));
		err = read_name(family, &ss, &r.src) ? filter_append(&f, &r.src)
						     : -EADDRNOTAVAIL;
	}
	if (!err)
		return set_filter(sk, &r, &f);
	source_filter_free(&f);
	return err;
}

static int get_group_filter(struct sock *sk, int family, void *val, socklen_t *len)
{
	uint8_t *at = (uint8_t *)val + FILTER_HEADER;
	struct request r = { .via = ip_addr_v4(0) };
	const struct source_filter *f;
	struct sockaddr_storage ss;
	struct group_filter g;
	uint32_t room;
	int err;

	if (*len < FILTER_HEADER)
		return -EINVAL;
	memcpy(&g, val, FILTER_HEADER);
	if (!read_name(family, &g.gf_group, &r.group))
		return -EADDRNOTAVAIL;
	r.index = g.gf_interface;
	err = find_filter(sk, &r, &f);
	if (err)
		return err;
	room = (uint32_t)((*len - FILTER_HEADER) / sizeof(ss));
	if (room > g.gf_numsrc)
		room = g.gf_numsrc;
	if (room > f->n)
		room = f->n;
	g.gf_fmode = f->exclude ? MCAST_EXCLUDE : MCAST_INCLUDE;
	g.gf_numsrc = f->n;
	memcpy(val, &g, FILTER_HEADER);
	for (uint32_t i = 0; i < room; i++, at += sizeof(ss)) {
		write_name(family, &f->src[i], &ss);
		memcpy(at, &ss, sizeof(ss));
	}
	*len = (socklen_t)(FILTER_HEADER + room * sizeof(ss));
	return 0;
}

/* ---- by level ---- */

int mcast_set(struct sock *sk, int family, int name, const void *val, socklen_t len)
{
	switch (name) {
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		return group_option(sk, family, name, val, len);
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		return group_source_option(sk, family, name, val, len);
	case MCAST_MSFILTER:
		return set_group_filter(sk, family, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

int mcast_get(struct sock *sk, int family, int name, void *val, socklen_t *len)
{
	return name == MCAST_MSFILTER ? get_group_filter(sk, family, val, len) : -ENOPROTOOPT;
}

int mcast_ip_set(struct sock *sk, int name, const void *val, socklen_t len)
{
	switch (name) {
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
		return membership_option(sk, name, val, len);
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP:
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
		return v4_source_option(sk, name, val, len);
	case IP_MSFILTER:
		return set_v4_filter(sk, val, len);
	default:
		return mcast_set(sk, AF_INET, name, val, len);
	}
}

/* ---- IPv6's own ---- */

static int membership6_option(struct sock *sk, int name, const void *val, socklen_t len)
{
	struct request r = { .via = ip_addr_v4(0) };
	struct ipv6_mreq m;

	if (len < sizeof(m))
		return -EINVAL;
	if (sk->ops->type == SOCK_STREAM)
		return -EPROTO;
	memcpy(&m, val, sizeof(m));
	memcpy(r.group.b, &m.ipv6mr_multiaddr, sizeof(r.group.b));
	r.index = m.ipv6mr_interface;
	if (ip_addr_is_v4(&r.group) || !ip_addr_is_multicast(&r.group))
		return -EINVAL;
	return name == IPV6_JOIN_GROUP ? join(sk, &r, true) : leave(sk, &r);
}

static int set_multicast_if6(struct sock *sk, int index)
{
	if (index && !nic_find_index(sk->ip->nics, (unsigned int)index))
		return -ENODEV;
	if (index && sk->bound_nic && sk->bound_nic->index != (unsigned int)index)
		return -EINVAL;
	sk->mc_index = (unsigned int)index;
	return 0;
}

static int set_hops6(struct sock *sk, int v)
{
	if (v < -1 || v > 255)
		return -EINVAL;
	sk->mc6_hops = v == -1 ? 1 : (uint8_t)v;
	return 0;
}

/* Those whose value is an int. */
static int set_int6(struct sock *sk, int name, int v)
{
	switch (name) {
	case IPV6_MULTICAST_IF:
		return sk->ops->type == SOCK_STREAM ? -ENOPROTOOPT : set_multicast_if6(sk, v);
	case IPV6_MULTICAST_HOPS:
		return sk->ops->type == SOCK_STREAM ? -ENOPROTOOPT : set_hops6(sk, v);
	case IPV6_MULTICAST_LOOP:
		if (v != 0 && v != 1)
			return -EINVAL;
		sk->mc6_loop = v;
		return 0;
	default:
		sk->mc6_all = v != 0;
		return 0;
	}
}

int mcast_ip6_set(struct sock *sk, int name, const void *val, socklen_t len)
{
	int v;

	switch (name) {
	case IPV6_JOIN_GROUP:
	case IPV6_LEAVE_GROUP:
		return membership6_option(sk, name, val, len);
	case IPV6_MULTICAST_IF:
	case IPV6_MULTICAST_HOPS:
	case IPV6_MULTICAST_LOOP:
	case IPV6_MULTICAST_ALL:
		if (len < sizeof(v))
			return -EINVAL;
		memcpy(&v, val, sizeof(v));
		return set_int6(sk, name, v);
	default:
		return mcast_set(sk, AF_INET6, name, val, len);
	}
}

int mcast_ip6_get(struct sock *sk, int name, void *val, socklen_t *len)
{
	int v;

	switch (name) {
	case IPV6_MULTICAST_IF:		v = (int)sk->mc_index; break;
	case IPV6_MULTICAST_HOPS:	v = sk->mc6_hops; break;
	case IPV6_MULTICAST_LOOP:	v = sk->mc6_loop; break;
	case IPV6_MULTICAST_ALL:	v = sk->mc6_all; break;
	default:
		return mcast_get(sk, AF_INET6, name, val, len);
	}
	if (*len > sizeof(v))
		*len = sizeof(v);
	memcpy(val, &v, *len);
	return 0;
}

int mcast_ip_get(struct sock *sk, int name, void *val, socklen_t *len)
{
	return name == IP_MSFILTER ? get_v4_filter(sk, val, len)
				   : mcast_get(sk, AF_INET, name, val, len);
}
