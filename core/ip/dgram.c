/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dgram.c - sockets that keep message boundaries.
 *
 * Both directions are bounded in memory (truesize), not in payload, so that a flood of tiny
 * datagrams cannot take more than SO_RCVBUF either. As with Linux, a receive queue that has any
 * room takes one more datagram whole.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "ip/dgram.h"

_Static_assert(sizeof(struct datagram) <= PACKET_CB, "a datagram's names fit the scratch bytes");

/* What the receive queue holds. */
static void hold(struct dgram_sock *ds, uint32_t rmem)
{
	struct sock_memory *mem = &ds->sk.ip->sock_memory;

	mem->holders -= ds->rmem != 0;
	ds->rmem = rmem;
	mem->holders += ds->rmem != 0;
}

static int room(struct dgram_sock *ds, uint32_t truesize)
{
	int err = 0;

	if (ds->rmem >= ds->sk.rcvbuf || ds->sk.ip->env->now < ds->sk.full_until)
		err = -ENOMEM;
	else if (!sock_memory_has(&ds->sk.ip->sock_memory, ds->rmem, truesize))
		err = -ENOBUFS;
	ds->drops += err != 0;
	return err;
}

int dgram_room(struct dgram_sock *ds, const struct packet *p)
{
	return ds->sk.filter ? 0 : room(ds, p->truesize);
}

int dgram_queue(struct dgram_sock *ds, struct packet *p, const void *from, size_t n)
{
	int err;

	sock_orphan(p);
	err = room(ds, p->truesize);
	if (err) {
		packet_free(p);
		return err;
	}
	sock_memory_charge(&ds->sk.ip->sock_memory, p);
	hold(ds, ds->rmem + p->truesize);
	memcpy(p->cb, from, n);
	packet_queue_push(&ds->rcvq, p);
	sock_event(&ds->sk);
	return 0;
}

struct packet *dgram_take(struct dgram_sock *ds, void *to, size_t n)
{
	struct packet *p = packet_queue_pop(&ds->rcvq);

	if (!p)
		return NULL;
	hold(ds, ds->rmem - p->charged);
	memcpy(to, p->cb, n);
	return p;
}

int dgram_deliver(struct dgram_sock *ds, struct packet *p, const struct datagram *d)
{
	return dgram_queue(ds, p, d, sizeof(*d));
}

static void set_peer(struct sock *sk, const struct ip_addr *a)
{
	sk->set->connected -= dgram_connected(sk);
	sk->remote = *a;
	sk->set->connected += dgram_connected(sk);
}

void dgram_free(struct dgram_sock *ds)
{
	struct ip_addr none = sock_any(&ds->sk);

	packet_queue_purge(&ds->rcvq);
	hold(ds, 0);
	errqueue_purge(&ds->errq);
	set_peer(&ds->sk, &none);
	sock_free(&ds->sk);
}

bool dgram_connected(const struct sock *sk)
{
	return !ip_addr_is_any(&sk->remote);
}

int dgram_begin(struct dgram_sock *ds, const struct datagram *d, struct flow *f)
{
	struct sock *sk = &ds->sk;
	struct ip_addr to = d->named ? d->dst : sk->remote;
	int err;

	if (d->more)			/* UDP alone puts datagrams together, before it comes here */
		return -EOPNOTSUPP;
	if (!d->named && !dgram_connected(sk))
		return -EDESTADDRREQ;
	if (sk->error)
		return -sock_take_error(sk);
	if (sk->shut & SOCK_SHUT_WR)
		return -EPIPE;
	if (!sock_may_send(sk))
		return -EAGAIN;
	if (ip_addr_is_any(&to))
		to = sock_this_host(sk, &to);
	err = sock_check_peer(sk, &to);
	if (err)
		return err;
	sock_flow_to(sk, &to, f);
	if (!ip_addr_is_any(&d->src))
		f->src = d->src;
	if (d->ttl) {
		f->ttl = d->ttl;
		f->host_only = false;
	}
	if (d->has_tos)
		f->tos = d->tos;
	if (d->nic && !f->bound)
		f->bound = d->nic;
	if (d->nic && f->bound != d->nic && ip_addr_needs_nic(&to))
		return -EINVAL;
	return 0;
}

static bool same_route(const struct flow *a, const struct flow *b)
{
	return ip_addr_eq(&a->dst, &b->dst) && ip_addr_eq(&a->src, &b->src) &&
	       a->bound == b->bound && a->broadcast_ok == b->broadcast_ok;
}

int dgram_route(struct dgram_sock *ds, struct flow *f)
{
	struct sock *sk = &ds->sk;
	int err;

	if (!dst_valid(sk->ip, &sk->dst) || !same_route(f, &ds->routed)) {
		err = sock_lookup(sk, f, &sk->dst);
		if (err) {
			sock_reroute(sk);
			return err;
		}
		ds->routed = *f;
	}
	if (ip_addr_is_any(&f->src))
		f->src = sk->dst.src;
	return 0;
}

int dgram_fits(struct dgram_sock *ds, struct flow *f, uint32_t len, uint16_t dport)
{
	struct sock *sk = &ds->sk;
	uint8_t discover = sock_mtu_discover(sk, &f->dst);

	if (len <= sk->dst.mtu)
		return 0;
	if (discover == IP_PMTUDISC_DO || discover == IP_PMTUDISC_PROBE ||
	    discover == IP_PMTUDISC_INTERFACE || (sk->v6.dontfrag && !ip_addr_is_v4(&f->dst))) {
		if (sock_recverr(sk, &f->dst))
			errqueue_local(&ds->errq, sk, &f->dst, dport, EMSGSIZE, sk->dst.mtu);
		return -EMSGSIZE;
	}
	f->df = false;
	return 0;
}

void dgram_icmp_error(struct dgram_sock *ds, const struct ip_meta *quoted,
		      const struct ip_error *e, uint16_t dport, const void *payload, uint32_t len)
{
	struct sock *sk = &ds->sk;
	bool hard = e->hard;

	if (e->mtu) {			/* fragmentation needed: for who discovers the path's MTU */
		if (sock_mtu_discover(sk, &quoted->dst) == IP_PMTUDISC_DONT)
			return;
		hard = true;
	}
	if (sock_recverr(sk, &quoted->dst))
		errqueue_icmp(&ds->errq, sk, quoted, e, dport, payload, len);
	else if (!hard || !dgram_connected(sk))
		return;
	sock_error(sk, e->err);
}

int dgram_connect(struct sock *sk, const struct ip_addr *a, uint16_t port)
{
	struct dgram_sock *ds = dgram_sk(sk);
	struct ip_addr to = ip_addr_is_any(a) ? sock_this_host(sk, a) : *a;
	struct flow f;
	int err = sock_check_peer(sk, &to);

	if (err)
		return err;
	sock_flow_to(sk, &to, &f);
	err = dgram_route(ds, &f);
	if (err)
		return err;
	if (ip_addr_is_any(&sk->local))
		sk->local = f.src;
	set_peer(sk, &to);
	sk->rport = port;
	port_requalify(sk);
	return 0;
}

/* Linux's __udp_disconnect, which forgets the device, too. */
int dgram_disconnect(struct sock *sk)
{
	struct ip_addr none = sock_any(sk);

	set_peer(sk, &none);
	sk->rport = 0;
	sk->bound_nic = NULL;
	sock_reroute(sk);
	if (!sk->bound_addr)
		sk->local = sock_any(sk);
	if (!sk->bound_port)
		port_release(sk);
	port_requalify(sk);
	return 0;
}

void dgram_abort(struct sock *sk, int err)
{
	sk->ops->disconnect(sk);
	sock_error(sk, err);
}

struct packet *dgram_recv(struct sock *sk, struct datagram *d)
{
	return dgram_take(dgram_sk(sk), d, sizeof(*d));
}

void dgram_unrecv(struct sock *sk, struct packet *p)
{
	struct dgram_sock *ds = dgram_sk(sk);

	hold(ds, ds->rmem + p->charged);
	packet_queue_push_front(&ds->rcvq, p);
}

struct packet *dgram_recverr(struct sock *sk)
{
	return errqueue_pop(&dgram_sk(sk)->errq, sk);
}

uint32_t dgram_pending(struct sock *sk)
{
	const struct packet *p = dgram_sk(sk)->rcvq.head;

	return p ? p->len : 0;
}

uint32_t dgram_unsent(struct sock *sk)
{
	return sk->wmem;
}

uint32_t dgram_poll(struct sock *sk)
{
	struct dgram_sock *ds = dgram_sk(sk);
	uint32_t mask = 0;

	if (sk->error || !errqueue_empty(&ds->errq))
		mask |= EPOLLERR;
	if (sk->shut & SOCK_SHUT_RD)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (sk->shut == (SOCK_SHUT_RD | SOCK_SHUT_WR))
		mask |= EPOLLHUP;
	if (ds->rcvq.head)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (sk->wmem <= sk->sndbuf / 2)
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	else
		sk->wfull = true;
	return mask;
}

/* Linux refuses on a socket without peer, and shuts it down all the same, to wake its readers. */
int dgram_shutdown(struct sock *sk, int how)
{
	if (how == SHUT_RD || how == SHUT_RDWR)
		sk->shut |= SOCK_SHUT_RD;
	if (how == SHUT_WR || how == SHUT_RDWR)
		sk->shut |= SOCK_SHUT_WR;
	sock_event(sk);
	return dgram_connected(sk) ? 0 : -ENOTCONN;
}
