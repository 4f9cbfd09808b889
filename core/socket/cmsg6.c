/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmsg6.c - control messages of AF_INET6 sockets (RFC 3542 sections 4 and 6). What came by IPv4 is
 * told of with mapped addresses, and has neither hop limit nor traffic class here.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>		/* before errqueue.h, which needs struct timespec */
#include <linux/errqueue.h>

#include "socket/internal.h"

void control_fill6(struct control *c, struct sock *sk, const struct datagram *d)
{
	int hops = d->ttl, tclass = d->tos;

	if (sk->v6.pktinfo) {
		struct in6_pktinfo info = { .ipi6_ifindex = d->nic ? d->nic->index : 0 };

		memcpy(&info.ipi6_addr, d->dst.b, sizeof(d->dst.b));
		control_put(c, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
	if (ip_addr_is_v4(&d->dst))
		return;
	if (sk->v6.recvhops)
		control_put(c, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof(hops));
	if (sk->v6.recvtclass)
		control_put(c, IPPROTO_IPV6, IPV6_TCLASS, &tclass, sizeof(tclass));
}

void control_fill_error6(struct control *c, const struct sock_err *e)
{
	struct {
		struct sock_extended_err ee;
		struct sockaddr_in6 offender;
	} m = { .ee = control_error(e) };

	if (e->origin != SO_EE_ORIGIN_LOCAL) {
		m.offender.sin6_family = AF_INET6;
		memcpy(&m.offender.sin6_addr, e->offender.b, sizeof(e->offender.b));
	}
	control_put(c, IPPROTO_IPV6, IPV6_RECVERR, &m, sizeof(m));
}

static int parse_pktinfo(struct sock *sk, const uint8_t *data, size_t len, struct datagram *d)
{
	struct in6_pktinfo info;

	if (len < sizeof(info))
		return -EINVAL;
	memcpy(&info, data, sizeof(info));
	if (info.ipi6_ifindex) {
		d->nic = nic_find_index(sk->ip->nics, info.ipi6_ifindex);
		if (!d->nic)
			return -ENODEV;
		if (sk->bound_nic && sk->bound_nic != d->nic)
			return -EINVAL;
	}
	d->src = ip_addr_read(&info.ipi6_addr);
	if (ip_addr_is_any(&d->src) || sk->freebind)
		return 0;
	if (ip_addr_is_linklocal(&d->src))
		return d->nic && ifaddr_find(d->nic, &d->src) ? 0 : -EINVAL;
	if (ip_addr_find(sk->ip, &d->src))
		return 0;
	return ip_addr_is_v4(&d->src) ? -ENETUNREACH : -EINVAL;
}

/* An int from min to 255; -1 is the socket's own. */
static int parse_int(const uint8_t *data, size_t len, int *v)
{
	if (len != sizeof(*v))
		return -EINVAL;
	memcpy(v, data, sizeof(*v));
	return *v < -1 || *v > 255 ? -EINVAL : 0;
}

int control_parse6(struct sock *sk, int type, const uint8_t *data, size_t len,
		   struct datagram *d)
{
	int v;

	if (type == IPV6_PKTINFO)
		return parse_pktinfo(sk, data, len, d);
	if (type != IPV6_HOPLIMIT && type != IPV6_TCLASS)
		return -EINVAL;
	if (parse_int(data, len, &v))
		return -EINVAL;
	if (type == IPV6_HOPLIMIT) {
		d->ttl = v == -1 ? 0 : (uint8_t)v;
	} else if (v != -1) {
		d->tos = (uint8_t)v;
		d->has_tos = true;
	}
	return 0;
}
