/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock.c - what every transport's sockets share.
 *
 * Sent packets are charged to their socket until they are freed, wherever that is (a qdisc, the
 * link's ring, a neighbour's queue), so that SO_SNDBUF bounds what one socket has below it. The
 * destructor is the only thing that may run after the transport has let go of the socket: it
 * touches nothing but the sock itself.
 */
#include <errno.h>
#include <stdlib.h>

#include "ip/sock.h"

struct sock *sock_create(struct ip *ip, void *table, const struct transport_ops *ops, int family,
			 int protocol, int *err)
{
	struct sock *sk = calloc(1, ops->size);

	if (!sk) {
		*err = -ENOBUFS;
		return NULL;
	}
	sk->ops = ops;
	sk->ip = ip;
	sk->table = table;
	sk->family = family;
	sk->protocol = protocol;
	sk->local = sk->remote = ip_addr_v4(0);
	list_init(&sk->all);
	list_init(&sk->port_use.node);
	sk->port_use.sk = sk;
	sk->rcvbuf = sk->sndbuf = SOCK_BUF_DEFAULT;
	sk->rcvlowat = 1;
	sk->mtu_discover = IP_PMTUDISC_WANT;
	sk->mc_ttl = 1;
	sk->mc_loop = true;
	sk->mc_src = ip_addr_v4(0);
	*err = ops->init ? ops->init(sk) : 0;
	if (*err) {
		free(sk);
		return NULL;
	}
	return sk;
}

void sock_free(struct sock *sk)
{
	port_release(sk);
	list_del(&sk->all);
	sk->event = NULL;
	sk->dead = true;
	if (!sk->wmem)
		free(sk);
}

void sock_event(struct sock *sk)
{
	if (sk->event)
		sk->event(sk->event_arg);
}

void sock_error(struct sock *sk, int err)
{
	sk->error = err;
	sock_event(sk);
}

int sock_take_error(struct sock *sk)
{
	int err = sk->error;

	sk->error = 0;
	return err;
}

static bool sets_df(const struct sock *sk)
{
	return sk->mtu_discover == IP_PMTUDISC_WANT || sk->mtu_discover == IP_PMTUDISC_DO ||
	       sk->mtu_discover == IP_PMTUDISC_PROBE;
}

void sock_flow_to(const struct sock *sk, const struct ip_addr *dst, struct flow *f)
{
	*f = (struct flow) {
		.src = sk->local_group ? ip_addr_v4(0) : sk->local,
		.dst = *dst,
		.proto = sk->protocol,
		.tos = sk->tos,
		.ttl = sk->ttl,
		.df = sets_df(sk),
		.broadcast_ok = sk->broadcast,
		.bound = sk->bound_nic,
	};
	if (!ip_addr_is_multicast(dst))
		return;
	f->ttl = sk->mc_ttl;
	if (!f->bound)
		f->bound = sk->mc_nic;
	if (ip_addr_is_any(&f->src))
		f->src = sk->mc_src;
}

void sock_flow(const struct sock *sk, struct flow *f)
{
	sock_flow_to(sk, &sk->remote, f);
}

int sock_lookup(const struct sock *sk, const struct flow *f, struct dst *out)
{
	int err = route_lookup(sk->ip, f, out);

	if (err)
		return err;
	if (sk->dontroute && !out->local && !out->broadcast && !out->multicast &&
	    !ip_addr_eq(&out->nexthop, &f->dst))
		return -ENETUNREACH;
	/* These two are there to try what the path's MTU is, not to believe what was learned. */
	if (sk->mtu_discover == IP_PMTUDISC_PROBE || sk->mtu_discover == IP_PMTUDISC_INTERFACE ||
	    sk->mtu_discover == IP_PMTUDISC_OMIT)
		out->mtu = out->nic->mtu;
	return 0;
}

int sock_route(struct sock *sk)
{
	struct flow f;

	if (dst_valid(sk->ip, &sk->dst))
		return 0;
	sock_flow(sk, &f);
	return sock_lookup(sk, &f, &sk->dst);
}

static bool is_group_address(struct ip *ip, const struct ip_addr *a)
{
	list_for_each(n, &ip->nics->list) {
		struct ip_meta m = { .dst = *a };

		if (ip_addr_accepts(ip, list_entry(n, struct nic, node), a, &m) &&
		    (m.broadcast || m.multicast))
			return true;
	}
	return false;
}

int sock_check_local(struct sock *sk, const struct ip_addr *a)
{
	sk->local_group = false;
	if (ip_addr_is_any(a) || ip_addr_find(sk->ip, a))
		return 0;
	sk->local_group = ip_addr_is_multicast(a) || is_group_address(sk->ip, a);
	return sk->local_group || sk->freebind ? 0 : -EADDRNOTAVAIL;
}

static void sock_uncharge(struct packet *p)
{
	struct sock *sk = p->owner;

	sk->wmem -= p->charged;
	if (sk->dead) {
		if (!sk->wmem)
			free(sk);
	} else if (sk->wfull && sk->wmem <= sk->sndbuf / 2) {
		sk->wfull = false;
		sock_event(sk);
	}
}

void sock_charge(struct sock *sk, struct packet *p)
{
	sock_orphan(p);
	p->owner = sk;
	p->charged = p->truesize;
	p->destructor = sock_uncharge;
	sk->wmem += p->charged;
}

bool sock_may_send(struct sock *sk)
{
	if (sk->wmem < sk->sndbuf)
		return true;
	sk->wfull = true;
	return false;
}

void sock_orphan(struct packet *p)
{
	if (p->destructor)
		p->destructor(p);
	p->destructor = NULL;
	p->owner = NULL;
	p->charged = 0;
}
