/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_socket.c - socket, bind, connect, shutdown, getsockname, getpeername.
 *
 * connect, as Linux: the call that starts it answers EINPROGRESS, or waits; another one meanwhile
 * EALREADY, or waits; the first one after it has succeeded 0, all later ones EISCONN. So a connect
 * that a signal interrupted gets its result when it is made again. The first one after it has
 * failed tells the error, or ECONNABORTED when SO_ERROR has told it; the next one begins anew.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "intercept/isock.h"

#define BIND_PATIENCE 5000000ull	/* ns */

/* Has the caller the capability that such a socket is good for? */
static bool privileged(const struct call *c, int family, int type)
{
	if (c->listener->operator)
		return true;
	if (family == AF_NETLINK)
		return remote_capable(c->tid, CAP_NET_ADMIN);
	return (type == SOCK_RAW || family == AF_PACKET) && remote_capable(c->tid, CAP_NET_RAW);
}

int64_t call_socket(struct call *c)
{
	int family = (int)c->args[0], type = (int)c->args[1], err, tfd;
	struct sock *sk;
	struct isock *is;
	int64_t result;

	if (family == AF_UNIX)
		return CALL_CONTINUE;
	if (family != AF_INET && family != AF_INET6 && family != AF_PACKET && family != AF_NETLINK)
		return -EAFNOSUPPORT;
	if (type & ~(0xf | SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	sk = socket_create(c->ic->stack, family, type & 0xf, (int)c->args[2],
			   privileged(c, family, type & 0xf), &err);
	if (!sk)
		return err;
	sk->operator = c->listener->operator;
	if (family == AF_NETLINK)
		sk->uid = remote_uid(c->tid);
	is = isock_create(c->ic, sk, type & 0xf, type & SOCK_NONBLOCK, &err);
	if (!is) {
		socket_abort(sk);
		return err;
	}
	result = call_answer_fd(c, is->held, type & SOCK_CLOEXEC, &tfd);
	if (tfd < 0)
		isock_release(is, true);
	else
		isock_delivered(is, c->tid, tfd);
	return result;
}

/*
 * The port may be in use by a socket that has been closed already, which the stack has not heard of
 * yet: closing is no notification. So a refusal is put off for a moment.
 */
int64_t call_bind(struct call *c)
{
	struct sockaddr_storage name;
	int err;

	err = call_read_name(c, c->args[1], c->args[2], &name);
	if (err)
		return err;
	err = socket_bind(c->is->sk, &name, (socklen_t)c->args[2]);
	if (err == -EADDRINUSE && !c->expired) {
		if (!c->waits)		/* or it might be reaped itself */
			call_reap(c->ic);
		return call_wait(c, BIND_PATIENCE, 0);
	}
	return err;
}

static int64_t connect_start(struct call *c)
{
	struct sockaddr_storage name;
	struct isock *is = c->is;
	int err;

	err = call_read_name(c, c->args[1], c->args[2], &name);
	if (err)
		return err;
	if (is->state == ISOCK_DATAGRAM)
		pump_dgram_out(is);	/* what was sent before goes to where it was sent */
	err = socket_connect(is->sk, &name, (socklen_t)c->args[2]);
	if (is->type != SOCK_STREAM)
		return err;
	if (err && err != -EINPROGRESS)
		return err;
	if (!err) {			/* TCP_FASTOPEN_CONNECT: the first write makes the SYN */
		is->state = ISOCK_CONNECTED;
		work_defer(c->ic->env, &is->work);
		return 0;
	}
	isock_block(is, c->fd);
	is->state = ISOCK_CONNECTING;
	c->done = 1;
	work_defer(c->ic->env, &is->work);
	return call_nonblock(c) ? -EINPROGRESS : call_wait(c, is->sndtimeo, 0);
}

int64_t call_connect(struct call *c)
{
	struct isock *is = c->is;
	int64_t result;

	switch (is->state) {
	case ISOCK_LISTENING:
		return -EISCONN;
	case ISOCK_CONNECTED:
		result = is->unreported ? 0 : -EISCONN;
		is->unreported = false;
		return result;
	case ISOCK_CONNECTING:
		if (!c->waits && call_nonblock(c))
			return -EALREADY;
		result = call_wait(c, is->sndtimeo, 0);
		return result == -EAGAIN ? (c->done ? -EINPROGRESS : -EALREADY) : result;
	case ISOCK_DEAD:
		if (!is->refused)
			return -EISCONN;
		if (!is->told) {
			is->told = true;
			result = isock_take_error(is);
			return result ? -result : -ECONNABORTED;
		}
		result = isock_renew(is, c);
		if (result)
			return result;
		break;
	case ISOCK_NEW:
		if (c->waits || is->error) {
			result = isock_take_error(is);
			return result ? -result : -ECONNABORTED;
		}
		break;
	case ISOCK_DATAGRAM:
		break;
	}
	return connect_start(c);
}

void call_connect_undo(struct call *c, int64_t result)
{
	struct isock *is = c->is;

	if (is->type != SOCK_STREAM)
		return;
	if (!result)
		is->unreported = true;
	else if (is->state == ISOCK_NEW || is->state == ISOCK_DEAD) {
		is->error = (int)-result;
		is->told = false;
	}
}

int64_t call_getsockname(struct call *c)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	int err = socket_getsockname(c->is->sk, &name, &len);

	return err ? err : call_write_name(c, c->args[1], c->args[2], &name, len);
}

int64_t call_getpeername(struct call *c)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	int err = socket_getpeername(c->is->sk, &name, &len);

	return err ? err : call_write_name(c, c->args[1], c->args[2], &name, len);
}

/*
 * The program's end is shut down for the program's own reads and writes; the pump passes the end of
 * data on once it has moved all bytes before it.
 */
int64_t call_shutdown(struct call *c)
{
	struct isock *is = c->is;
	int how = (int)c->args[1], err;

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return -EINVAL;
	if (is->state == ISOCK_CONNECTED) {
		if (how != SHUT_RD && !is->prog_shut) {
			isock_shut(is, c->fd);
			is->prog_shut = true;
		}
		if (how != SHUT_WR) {
			err = socket_shutdown(is->sk, SHUT_RD);
			if (err)
				return err;
			is->discard = true;
		}
		shutdown(c->fd, how);
		work_defer(c->ic->env, &is->work);
		return 0;
	}
	if (is->state == ISOCK_DATAGRAM)
		pump_dgram_out(is);
	err = socket_shutdown(is->sk, how);
	if (err)
		return err;
	if (is->state == ISOCK_DATAGRAM) {
		is->prog_shut |= how != SHUT_RD;
		shutdown(c->fd, how);
	} else if (is->state == ISOCK_LISTENING && how != SHUT_WR) {
		isock_reset(is, 0);
		call_wake(is);		/* who waits in accept() gets EINVAL */
	}
	return 0;
}
