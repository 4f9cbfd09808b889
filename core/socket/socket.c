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

int socket_name(const void *sa, socklen_t len, struct ip_addr *a, uint16_t *port)
{
	struct sockaddr_in sin;

	if (len < sizeof(sin))
		return -EINVAL;
	memcpy(&sin, sa, sizeof(sin));
	if (sin.sin_family != AF_INET)
		return -EAFNOSUPPORT;
	*a = ip_addr_v4(sin.sin_addr.s_addr);
	*port = ntohs(sin.sin_port);
	return 0;
}

/* AF_UNSPEC with 0.0.0.0 is an old way to say AF_INET that Linux still takes. */
static int bind_name(const void *sa, socklen_t len, struct ip_addr *a, uint16_t *port)
{
	struct sockaddr_in sin;
	int err = socket_name(sa, len, a, port);

	if (err != -EAFNOSUPPORT)
		return err;
	memcpy(&sin, sa, sizeof(sin));
	if (sin.sin_family != AF_UNSPEC || sin.sin_addr.s_addr != htonl(INADDR_ANY))
		return err;
	*a = ip_addr_v4(0);
	*port = ntohs(sin.sin_port);
	return 0;
}

int socket_bind(struct sock *sk, const void *sa, socklen_t len)
{
	struct ip_addr a;
	uint16_t port;
	int err = bind_name(sa, len, &a, &port);

	if (err)
		return err;
	err = sock_check_local(sk, &a);
	if (err)
		return err;
	if (sk->lport && sk->ops->type != SOCK_RAW)
		return -EINVAL;
	if (ip_addr_is_any(&a))
		a = ip_addr_v4(0);
	sock_reroute(sk);
	return sk->ops->bind(sk, &a, port);
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
	struct ip_addr a;
	uint16_t port;
	int err;

	if (len < sizeof(sa_family_t))
		return -EINVAL;
	if (name_family(sa) == AF_UNSPEC)
		return sk->ops->disconnect ? sk->ops->disconnect(sk) : -EOPNOTSUPP;
	err = socket_name(sa, len, &a, &port);
	return err ? err : sk->ops->connect(sk, &a, port);
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

int socket_getsockname(struct sock *sk, void *sa, socklen_t *len)
{
	if (*len > INT_MAX)
		return -EINVAL;
	ip_addr_to_sockaddr(&sk->local, sk->lport, sk->family, sa, len);
	return 0;
}

int socket_getpeername(struct sock *sk, void *sa, socklen_t *len)
{
	int state = socket_stream_state(sk);

	if (!sk->rport || state == TCP_CLOSE || state == TCP_SYN_SENT)
		return -ENOTCONN;
	if (*len > INT_MAX)
		return -EINVAL;
	ip_addr_to_sockaddr(&sk->remote, sk->rport, sk->family, sa, len);
	return 0;
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
