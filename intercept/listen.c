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
	call_wake(is);
	if (is->fd < 0 || !listen_pending(is) || is->bytes >= LISTEN_BYTES_MAX)
		return;
	if (send(is->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		is->bytes++;
}

/* So many of the bytes are to be taken back, now that a connection fewer waits. */
static uint32_t listen_taken(struct isock *is)
{
	uint32_t n = is->bytes;

	if (n && listen_pending(is))
		n = n > 1;
	is->bytes -= n;
	return n;
}

int64_t call_listen(struct call *c)
{
	int64_t result;
	struct isock *is = call_enter(c, 0, &result);

	if (!is)
		return result;
	result = socket_listen(is->sk, (int)c->args[1]);
	if (!result && is->state == ISOCK_NEW) {
		is->state = ISOCK_LISTENING;
		isock_block(is, c->fd);
		work_defer(c->ic->env, &is->work);
	}
	call_leave(c);
	return result;
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

/* Nobody took it: it waits in front of the others. */
static void accept_undo(struct call *c, struct isock *child)
{
	struct isock *is = isock_find(c->ic, c->cookie);

	if (!is || is->state != ISOCK_LISTENING) {
		isock_release(child, true);
		return;
	}
	list_add(&child->list, &is->ready);
	work_defer(is->ic->env, &is->work);
}

struct accepted {
	int flags;
	bool nonblock;
	uint32_t bytes;			/* to be taken back */
	struct sockaddr_storage name;
	socklen_t namelen;
};

/* CALL_GO: a connection, or bytes to be taken back first. */
static int64_t accept_act(struct call *c, struct isock *is, struct accepted *a)
{
	struct isock *child;
	int err = 0;

	if (a->flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (is->type != SOCK_STREAM)
		return -EOPNOTSUPP;
	if (is->state != ISOCK_LISTENING)
		return -EINVAL;
	child = accept_next(is, &err);
	if (!child && err != -EAGAIN)
		return err;
	a->bytes = listen_taken(is);
	if (child) {
		a->namelen = sizeof(a->name);
		socket_peer(child->sk, &a->name, &a->namelen);	/* also of a connection that has ended by now */
		call_take_gift(c, child);
		return CALL_GO;
	}
	if (a->bytes)
		return CALL_GO;
	return a->nonblock ? -EAGAIN : call_wait_one(c, is->rcvtimeo);
}

static void accept_take_back(struct call *c, const struct accepted *a)
{
	uint8_t bytes[LISTEN_BYTES_MAX];
	int fd = call_fd(c);

	if (a->bytes && fd >= 0)
		recv(fd, bytes, a->bytes, MSG_DONTWAIT);
}

/* Give the connection to the program. */
static int64_t accept_finish(struct call *c, const struct accepted *a)
{
	int err = c->args[1] ? call_write_name(c, c->args[1], c->args[2], &a->name, a->namelen) : 0;

	if (err) {
		call_refuse_gift(c, err == -EINTR ? accept_undo : NULL);
		return err;
	}
	fcntl(c->gift_fd, F_SETFL, O_RDWR | (a->flags & SOCK_NONBLOCK ? O_NONBLOCK : 0));
	return call_give(c, a->flags & SOCK_CLOEXEC, accept_undo);
}

int64_t call_accept(struct call *c)
{
	struct accepted a = {
		.flags = c->nr == SYS_accept4 ? (int)c->args[3] : 0, .nonblock = call_nonblock(c),
	};
	int64_t result;

	do {
		struct isock *is = call_enter(c, 0, &result);

		if (!is)
			return result;
		result = accept_act(c, is, &a);
		call_leave(c);
		if (result != CALL_GO)
			return result;
		accept_take_back(c, &a);	/* before the program can look again */
	} while (!c->gift);
	return accept_finish(c, &a);
}
