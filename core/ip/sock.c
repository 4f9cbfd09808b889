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
#include <net/if_arp.h>
#include <stdlib.h>

#include "ip/group.h"
#include "ip/sock.h"
#include "packet/bpf.h"

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
	sk->local = sk->remote = sock_any(sk);
	list_init(&sk->all);
	sk->port_use.sk = sk;
	sk->rcvbuf = sk->sndbuf = SOCK_BUF_DEFAULT;
	sk->rcvlowat = 1;
	sk->max_pacing_rate = UINT64_MAX;
	sk->mtu_discover = sk->v6.mtu_discover = IP_PMTUDISC_WANT;
	sk->mc_ttl = sk->mc6_hops = 1;
	sk->mc_loop = sk->mc6_loop = sk->mc6_all = true;
	sk->mc_all = family != AF_INET6;	/* as Linux has it */
	list_init(&sk->memberships);
	sk->mc_src = ip_addr_v4(0);
	*err = ops->init ? ops->init(sk) : 0;
	if (*err) {
		free(sk);
		return NULL;
	}
	return sk;
}

int sock_enlist(struct sock *sk, struct list *all, struct sock_set *set)
{
	int err = sock_set_add(set, sk);

	if (!err)
		list_add_tail(&sk->all, all);
	return err;
}

void sock_free(struct sock *sk)
{
	group_sock_close(sk);
	port_release(sk);
	list_del(&sk->all);
	sock_set_del(sk);
	bpf_free(sk->filter);
	sk->filter = NULL;
	sk->event = NULL;
	sk->dead = true;
	if (!sk->wmem)
		free(sk);
}

int sock_no_bind(struct sock *sk, const struct ip_addr *a, uint16_t port)
{
	(void)sk, (void)a, (void)port;
	return -EOPNOTSUPP;
}

int sock_no_shutdown(struct sock *sk, int how)
{
	(void)sk, (void)how;
	return -EOPNOTSUPP;
}

struct packet *sock_no_recv(struct sock *sk, struct datagram *d)
{
	(void)sk, (void)d;
	return NULL;
}

void sock_event(struct sock *sk)
{
	if (sk->event)
		sk->event(sk->event_arg);
}

void sock_queues(const struct sock *sk, uint32_t *recv_q, uint32_t *send_q)
{
	uint32_t unread = 0, unsent = 0;

	if (!sk->event || !sk->owner)
		return;
	sk->owner->queues(sk->event_arg, &unread, &unsent);
	*recv_q += unread;
	*send_q += unsent;
}

uint32_t sock_uid(const struct sock *sk)
{
	return sk->event && sk->owner ? sk->owner->uid(sk->event_arg) : sk->uid;
}

bool sock_lives(struct sock *sk)
{
	if (!sk->closed && sk->event && sk->owner && sk->owner->lives)
		sk->closed = !sk->owner->lives(sk->event_arg);
	if (sk->closed != sk->port_use.traits.closed)
		port_requalify(sk);
	return !sk->closed;
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

struct ip_addr sock_this_host(const struct sock *sk, const struct ip_addr *a)
{
	if (!ip_addr_is_any(&sk->local) && !sk->local_group)
		return sk->local;
	/* A socket that is bound to IPv4's any has that family, however "any" was written. */
	if (ip_addr_is_v4(a) || (ip_addr_is_v4(&sk->local) && !sk->local_group))
		return ip_addr_v4(htonl(INADDR_LOOPBACK));
	return ip_addr_localhost6;
}

int sock_check_peer(const struct sock *sk, const struct ip_addr *a)
{
	bool v4 = ip_addr_is_v4(a);

	if (sk->family != AF_INET6)
		return 0;
	if (v4 && (sk->v6.only || !(ip_addr_is_any(&sk->local) || ip_addr_is_v4(&sk->local))))
		return -ENETUNREACH;
	return !v4 && ip_addr_is_v4(&sk->local) ? -EAFNOSUPPORT : 0;
}

static bool sets_df(const struct sock *sk, const struct ip_addr *dst)
{
	uint8_t discover = sock_mtu_discover(sk, dst);

	return discover == IP_PMTUDISC_WANT || discover == IP_PMTUDISC_DO ||
	       discover == IP_PMTUDISC_PROBE;
}

void sock_flow_to(const struct sock *sk, const struct ip_addr *dst, struct flow *f)
{
	bool v4 = ip_addr_is_v4(dst);

	*f = (struct flow) {
		.src = sk->local_group ? sock_any(sk) : sk->local,
		.dst = *dst,
		.proto = sk->protocol,
		.tos = v4 ? sk->tos : sk->v6.tclass,
		.ttl = v4 ? sk->ttl : sk->v6.hops,
		.no_flowlabel = sk->v6.no_flowlabel,
		.df = sets_df(sk, dst),
		.broadcast_ok = sk->broadcast,
		.bound = sk->bound_nic,
	};
	if (!ip_addr_is_multicast(dst)) {
		unsigned int index = v4 ? sk->uc_index : sk->v6.uc_index;

		if (index && !f->bound && sk->ops->type != SOCK_STREAM)
			f->bound = nic_find_index(sk->ip->nics, index);
		return;
	}
	f->ttl = v4 ? sk->mc_ttl : sk->mc6_hops;
	f->host_only = !f->ttl;
	f->mc_loop = v4 ? sk->mc_loop : sk->mc6_loop;
	if (!f->bound && sk->mc_index)
		f->bound = nic_find_index(sk->ip->nics, sk->mc_index);
	if (ip_addr_is_any(&f->src) && v4)
		f->src = sk->mc_src;
}

void sock_flow(const struct sock *sk, struct flow *f)
{
	sock_flow_to(sk, &sk->remote, f);
}

int sock_lookup(const struct sock *sk, const struct flow *f, struct dst *out)
{
	uint8_t discover = sock_mtu_discover(sk, &f->dst);
	int err = route_lookup(sk->ip, f, out);

	if (err)
		return err;
	if (sk->dontroute && !out->local && !out->broadcast && !out->multicast &&
	    !ip_addr_eq(&out->nexthop, &f->dst))
		return -ENETUNREACH;
	/* These two are there to try what the path's MTU is, not to believe what was learned. */
	if (discover == IP_PMTUDISC_PROBE || discover == IP_PMTUDISC_INTERFACE ||
	    discover == IP_PMTUDISC_OMIT)
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

int sock_check_local(struct sock *sk, const struct ip_addr *a, const struct nic *nic)
{
	sk->local_group = false;
	if (ip_addr_is_linklocal(a)) {
		const struct ifaddr *ia = nic ? ifaddr_find(nic, a) : NULL;

		return (ia && ifaddr_usable(ia)) || sk->freebind ? 0 : -EADDRNOTAVAIL;
	}
	if (ip_addr_is_any(a) || ip_addr_find(sk->ip, a))
		return 0;
	sk->local_group = ip_addr_is_multicast(a) || is_group_address(sk->ip, a);
	return sk->local_group || sk->freebind ? 0 : -EADDRNOTAVAIL;
}

bool sock_filter(const struct sock *sk, struct packet *p, uint32_t keep)
{
	struct bpf_view v = {
		.p = p, .pkttype = p->type, .ifindex = p->nic ? p->nic->index : 0,
		.hatype = p->nic && p->nic->loopback ? ARPHRD_LOOPBACK : ARPHRD_ETHER,
		.random = &sk->ip->env->random,
	};
	uint32_t n;

	if (!sk->filter)
		return true;
	n = bpf_run(sk->filter, &v);
	if (!n)
		return false;
	if (n < keep)
		n = keep;
	if (n < p->len)
		packet_trim(p, n);
	return true;
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
	p->priority = sk->priority;
	p->mark = sk->mark;
	p->destructor = sock_uncharge;
	sk->wmem += p->charged;
}

bool sock_may_send(struct sock *sk)
{
	if (sk->wmem < sk->sndbuf || sk->ending)
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
