/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.c - listening sockets: listen and accept.
 *
 * Theory of operation
 *
 * A listening socket polls readable while a connection waits. The program's end does so because
 * bytes lie in it that mean nothing: one is written whenever the stack reports a connection (so
 * that an edge-triggered epoll has its edge), and accept takes one back, the last one only with the
 * last connection. The program's end is filled besides, and so never polls writable.
 *
 * A connection that was taken from the stack, but whose caller was gone or had no descriptor
 * left, waits in the listener's ready list, in front of all others.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intercept/isock.h"

#define LISTEN_BYTES_MAX 64u

static bool listen_pending(struct isock *is)
{
	return !list_empty(&is->ready) || (socket_poll(is->sk) & EPOLLIN);
}

/* The operator has closed it (SOCK_DESTROY), and with it all that waits. */
static void listen_reset(struct isock *is)
{
	list_for_each_safe(n, &is->ready)
		isock_release(list_entry(n, struct isock, list), true);
	isock_reset(is, socket_take_error(is->sk));
}

void listen_work(struct isock *is)
{
	if (is->fd >= 0 && socket_poll(is->sk) & EPOLLERR)
		listen_reset(is);
	if (!list_empty(&is->waiters))
		call_wake(is);
	if (is->fd < 0 || !listen_pending(is) || is->bytes >= LISTEN_BYTES_MAX)
		return;
	if (send(is->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		is->bytes++;
}

/* One connection fewer waits; fd is a copy of the program's end. */
static void listen_taken(struct isock *is, int fd)
{
	uint8_t bytes[LISTEN_BYTES_MAX];
	uint32_t n = is->bytes;

	if (n && listen_pending(is))
		n = n > 1;
	if (n)
		recv(fd, bytes, n, MSG_DONTWAIT);
	is->bytes -= n;
}

int64_t call_listen(struct call *c)
{
	struct isock *is = c->is;
	int err = socket_listen(is->sk, (int)c->args[1]);

	if (!err && is->state == ISOCK_NEW) {
		is->state = ISOCK_LISTENING;
		isock_block(is, c->fd);
		work_defer(c->ic->env, &is->work);
	}
	return err;
}

static void accept_begin(const struct isock *is, struct isock *child)
{
	int on = 1;

	child->state = ISOCK_CONNECTED;
	child->oobinline = is->oobinline;
	if (is->oobinline)
		setsockopt(child->held, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
}

static struct isock *accept_next(struct isock *is, int *err)
{
	struct isock *child;
	struct sock *sk;

	if (!list_empty(&is->ready)) {
		child = list_first(&is->ready, struct isock, list);
		list_del(&child->list);
		return child;
	}
	sk = socket_accept(is->sk, err);
	if (!sk)
		return NULL;
	child = isock_create(is->ic, sk, SOCK_STREAM, false, err);
	if (!child)
		socket_abort(sk);
	else
		accept_begin(is, child);
	return child;
}

static int accept_name(struct call *c, struct isock *child)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	if (!c->args[1])
		return 0;
	socket_peer(child->sk, &name, &len);	/* also of a connection that has ended by now */
	return call_write_name(c, c->args[1], c->args[2], &name, len);
}

/* Nobody took it: it waits in front of the others. */
static void accept_undo(struct isock *is, struct isock *child)
{
	list_add(&child->list, &is->ready);
	work_defer(is->ic->env, &is->work);
}

/* Give the connection to the program. */
static int64_t accept_deliver(struct call *c, struct isock *child, int flags)
{
	int64_t result;
	int tfd;

	fcntl(child->held, F_SETFL, O_RDWR | (flags & SOCK_NONBLOCK ? O_NONBLOCK : 0));
	result = call_answer_fd(c, child->held, flags & SOCK_CLOEXEC, &tfd);
	if (tfd < 0) {
		accept_undo(c->is, child);
		return result;
	}
	isock_delivered(child, c->tid, tfd);
	work_defer(c->ic->env, &child->work);
	return result;
}

int64_t call_accept(struct call *c)
{
	int flags = c->nr == SYS_accept4 ? (int)c->args[3] : 0, err = 0;
	struct isock *is = c->is, *child;

	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (is->type != SOCK_STREAM)
		return -EOPNOTSUPP;
	if (is->state != ISOCK_LISTENING)
		return -EINVAL;
	child = accept_next(is, &err);
	if (!child) {
		if (err != -EAGAIN)
			return err;
		listen_taken(is, c->fd);
		return call_nonblock(c) ? -EAGAIN : call_wait(c, is->rcvtimeo, 0);
	}
	listen_taken(is, c->fd);	/* before the program can look again */
	err = accept_name(c, child);
	if (!err)
		return accept_deliver(c, child, flags);
	if (err == -EINTR)
		accept_undo(is, child);
	else
		isock_release(child, true);
	return err;
}
