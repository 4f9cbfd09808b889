/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket.c - the calls of a socket's life: names, listening, closing. Checks are in the order of
 * Linux's inet_bind, inet_stream_connect and their like, so that a program with two mistakes sees
 * the same error.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>

#include "socket/internal.h"
#include "socket/socket.h"

#define SOMAXCONN_DEFAULT 4096	/* net.core.somaxconn */

/* The state in which a stream is, as tcp_info and ss number them; 0: no stream. */
int socket_stream_state(struct sock *sk)
{
	uint8_t state = 0;
	socklen_t len = sizeof(state);

	if (sk->ops->type != SOCK_STREAM ||
	    sk->ops->getsockopt(sk, IPPROTO_TCP, TCP_INFO, &state, &len))
		return 0;
	return state;
}

void socket_close(struct sock *sk)
{
	bool abort = sk->linger_on && sk->linger_s == 0;

	sk->event = NULL;
	sk->ops->close(sk, abort);
}

void socket_abort(struct sock *sk)
{
	sk->event = NULL;
	sk->ops->close(sk, true);
}

void socket_set_event(struct sock *sk, void (*event)(void *arg), void *arg)
{
	sk->event = event;
	sk->event_arg = arg;
}

static sa_family_t name_family(const void *sa)
{
	sa_family_t family;

	memcpy(&family, sa, sizeof(family));
	return family;
}

/* AF_UNSPEC with 0.0.0.0 is an old way to say AF_INET that Linux still takes. */
static int bind_name(const struct sock *sk, const void *sa, socklen_t len, struct sock_name *n)
{
	struct sockaddr_in sin;
	int err = socket_name(sk, sa, len, false, n);

	if (err != -EAFNOSUPPORT || sk->family != AF_INET)
		return err;
	memcpy(&sin, sa, sizeof(sin));
	if (sin.sin_family != AF_UNSPEC || sin.sin_addr.s_addr != htonl(INADDR_ANY))
		return err;
	n->addr = ip_addr_v4(0);
	n->port = ntohs(sin.sin_port);
	return 0;
}

static bool is_group6(const struct ip_addr *a)
{
	return !ip_addr_is_v4(a) && ip_addr_is_multicast(a);
}

/* Names on one link need a NIC, which the socket is then bound to (RFC 4007). That no stream leads
 * to a group is for TCP to say. */
static int bind_scope(struct sock *sk, const struct sock_name *n)
{
	if (!ip_addr_needs_nic(&n->addr) || (sk->ops->type == SOCK_STREAM && is_group6(&n->addr)))
		return 0;
	if (!n->nic)
		return -EINVAL;
	sk->bound_nic = n->nic;
	return 0;
}

int socket_bind(struct sock *sk, const void *sa, socklen_t len)
{
	struct sock_name n;
	int err;

	if (sk->ops->bind_name)
		return sk->ops->bind_name(sk, sa, len);
	err = bind_name(sk, sa, len, &n);
	if (err)
		return err;
	if (sk->v6.only && ip_addr_is_v4(&n.addr))
		return -EINVAL;
	if (sk->ops->type == SOCK_STREAM && is_group6(&n.addr))
		return -EINVAL;
	err = sock_check_local(sk, &n.addr, n.nic);
	if (err)
		return ip_addr_is_linklocal(&n.addr) && !n.nic ? -EINVAL : err;
	if (sk->lport && sk->ops->type != SOCK_RAW)
		return -EINVAL;
	err = bind_scope(sk, &n);
	if (err)
		return err;
	if (ip_addr_is_any(&n.addr) && sk->family == AF_INET)
		n.addr = ip_addr_v4(0);
	sock_reroute(sk);
	err = sk->ops->bind(sk, &n.addr, n.port);
	if (!err && sk->ops->type != SOCK_RAW && !ip_addr_is_v4(&n.addr) && !ip_addr_is_any(&n.addr))
		sk->v6.only = true;		/* as Linux has it: IPv4 has no address like this */
	return err;
}

int socket_listen(struct sock *sk, int backlog)
{
	if (!sk->ops->listen)
		return -EOPNOTSUPP;
	if (backlog < 0 || backlog > SOMAXCONN_DEFAULT)
		backlog = SOMAXCONN_DEFAULT;
	return sk->ops->listen(sk, backlog);
}

int socket_connect(struct sock *sk, const void *sa, socklen_t len)
{
	bool stream = sk->ops->type == SOCK_STREAM;
	struct sock_name n;
	int err;

	if (sk->ops->bind_name)
		return -EOPNOTSUPP;
	if (len < sizeof(sa_family_t))
		return -EINVAL;
	if (name_family(sa) == AF_UNSPEC)
		return sk->ops->disconnect ? sk->ops->disconnect(sk) : -EOPNOTSUPP;
	if (!stream && sk->v6.only && name_family(sa) == AF_INET)
		return -EAFNOSUPPORT;
	err = socket_peer_name(sk, sa, len, !stream, &n);
	if (!err && !n.nic && is_group6(&n.addr) && sk->mc_index)	/* IPV6_MULTICAST_IF has said it */
		n.nic = nic_find_index(sk->ip->nics, sk->mc_index);
	if (!err)
		err = bind_scope(sk, &n);
	return err ? err : sk->ops->connect(sk, &n.addr, n.port);
}

struct sock *socket_accept(struct sock *sk, int *err)
{
	if (!sk->ops->accept) {
		*err = -EOPNOTSUPP;
		return NULL;
	}
	return sk->ops->accept(sk, err);
}

int socket_shutdown(struct sock *sk, int how)
{
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	return sk->ops->shutdown(sk, how);
}

int socket_may_shutdown(const struct sock *sk)
{
	if (sk->ops->shutdown == sock_no_shutdown)
		return -EOPNOTSUPP;
	return sk->ops->type == SOCK_STREAM || dgram_connected(sk) ? 0 : -ENOTCONN;
}

static uint32_t scope(const struct sock *sk)
{
	return sk->bound_nic ? sk->bound_nic->index : 0;
}

int socket_getsockname(struct sock *sk, void *sa, socklen_t *len)
{
	if (*len > INT_MAX)
		return -EINVAL;
	if (sk->ops->sock_name)
		return sk->ops->sock_name(sk, sa, len);
	ip_addr_to_sockaddr(&sk->local, sk->lport, sk->family, scope(sk), sa, len);
	return 0;
}

int socket_getpeername(struct sock *sk, void *sa, socklen_t *len)
{
	int state = socket_stream_state(sk);

	if (sk->ops->sock_name)
		return -EOPNOTSUPP;
	if (!sk->rport || state == TCP_CLOSE || state == TCP_SYN_SENT)
		return -ENOTCONN;
	if (*len > INT_MAX)
		return -EINVAL;
	socket_peer(sk, sa, len);
	return 0;
}

void socket_peer(const struct sock *sk, void *sa, socklen_t *len)
{
	ip_addr_to_sockaddr(&sk->remote, sk->rport, sk->family, scope(sk), sa, len);
}

uint32_t socket_poll(struct sock *sk)
{
	return sk->ops->poll(sk);
}

int socket_take_error(struct sock *sk)
{
	return sock_take_error(sk);
}

uint32_t socket_space(struct sock *sk)
{
	return sk->ops->space ? sk->ops->space(sk) : 0;
}

ssize_t socket_write(struct sock *sk, struct buf *b, uint32_t off, uint32_t len, int flags)
{
	return sk->ops->write ? sk->ops->write(sk, b, off, len, flags) : -EOPNOTSUPP;
}

int socket_peek(struct sock *sk, struct iovec *iov, int max)
{
	return sk->ops->peek ? sk->ops->peek(sk, iov, max) : 0;
}

void socket_consume(struct sock *sk, uint32_t n)
{
	if (sk->ops->consume)
		sk->ops->consume(sk, n);
}

/* In the order of Linux's tcp_recvmsg. */
int socket_recv_none(struct sock *sk)
{
	int state = socket_stream_state(sk);

	if (state == TCP_LISTEN)
		return -ENOTCONN;
	if (sk->done)
		return 0;
	if (sk->error)
		return -sock_take_error(sk);
	if (sk->shut & SOCK_SHUT_RD)
		return 0;
	return state == TCP_CLOSE ? -ENOTCONN : -EAGAIN;
}

int64_t socket_mark(struct sock *sk)
{
	return sk->ops->mark ? sk->ops->mark(sk) : -1;
}

int socket_recv_oob(struct sock *sk, uint8_t *byte, int flags)
{
	return sk->ops->recv_oob ? sk->ops->recv_oob(sk, byte, flags) : -EOPNOTSUPP;
}

ssize_t socket_fastopen(struct sock *sk, const void *sa, socklen_t salen, struct buf *b,
			uint32_t off, uint32_t len)
{
	struct sock_name n;
	int err;

	if (!sk->ops->fastopen)
		return -EOPNOTSUPP;
	if (salen >= sizeof(sa_family_t) && name_family(sa) == AF_UNSPEC)
		return -EOPNOTSUPP;
	err = socket_peer_name(sk, sa, salen, false, &n);
	if (!err)
		err = bind_scope(sk, &n);
	return err ? err : sk->ops->fastopen(sk, &n.addr, n.port, b, off, len);
}
