/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.c - listening sockets: listen and accept.
 *
 * Theory of operation
 *
 * The end of a program that listens is a listening AF_UNIX socket: it fails reads and writes as TCP's
 * does, and polls readable while a connection of AF_UNIX waits. Such a token means nothing but that: one
 * is put there, by a socket that is closed at once, whenever the stack reports a connection (so that an
 * edge-triggered epoll has its edge), and accept takes one back through a copy of the program's end, the
 * last one only with the last connection. While somebody waits in accept(), who is woken and takes it,
 * there is none; what becomes of that call, its end looks again (call.c).
 *
 * So the end has a name, drawn at random, in the stack process' own network namespace. It serves for
 * another thing: nothing tells when an idle listener is closed, but binding to its name succeeds then,
 * and only then. Whether it is still open is asked when the answer matters (isock_lives).
 *
 * The kernel's own accept on that end is bounded by SO_RCVTIMEO, so a token that somebody else took (a
 * program's call that was left to the kernel) makes nobody wait. For the program's SO_RCVTIMEO there is
 * is->rcvtimeo.
 *
 * A shutdown() before listen() is nothing to the listener, but its connections are shut down from the start, as on
 * Linux; one of the listener itself ends that.
 *
 * A connection that was taken from the stack, but whose caller was gone or had no descriptor
 * left, waits in the listener's ready list, in front of all others.
 *
 * System calls: socket bind connect listen accept4 setsockopt close
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/random.h"
#include "intercept/isock.h"

#define LISTEN_TOKENS_MAX 64u
#define LISTEN_BACKLOG	128		/* of tokens: more than there are */
#define LISTEN_NAMES	8		/* tries */

/* ---- the program's end ---- */

static socklen_t listen_name(const struct isock *is, struct sockaddr_un *a)
{
	a->sun_family = AF_UNIX;
	a->sun_path[0] = '\0';		/* no path */
	memcpy(a->sun_path + 1, &is->name, sizeof(is->name));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + sizeof(is->name));
}

static int listen_bind(struct isock *is, int fd)
{
	struct sockaddr_un a;
	socklen_t len;

	for (int i = 0; i < LISTEN_NAMES; i++) {
		random_bytes(&is->ic->env->random, &is->name, sizeof(is->name));
		len = listen_name(is, &a);
		if (!bind(fd, (struct sockaddr *)&a, len))
			return 0;
		if (errno != EADDRINUSE)
			break;
	}
	return -errno;
}

void listen_quick(int fd)
{
	struct timeval least = { 0, 1 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &least, sizeof(least));
}

/* fd is a copy of it. */
static int listen_begin(struct isock *is, int fd)
{
	int err = listen_bind(is, fd);

	if (err)
		return err;
	if (listen(fd, LISTEN_BACKLOG))
		return -errno;
	is->state = ISOCK_LISTENING;
	is->tokens = 0;
	work_defer(is->ic->env, &is->work);
	return 0;
}

bool listen_lives(struct isock *is)
{
	struct intercept *ic = is->ic;
	struct sockaddr_un a;
	socklen_t len = listen_name(is, &a);

	if (ic->asker < 0)
		ic->asker = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ic->asker < 0 || bind(ic->asker, (struct sockaddr *)&a, len))
		return true;
	close(ic->asker);		/* it has a name now */
	ic->asker = -1;
	return false;
}

static int token_put(struct isock *is)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;
	struct sockaddr_un a;
	socklen_t len = listen_name(is, &a);

	if (fd < 0)
		return -errno;
	err = connect(fd, (struct sockaddr *)&a, len) ? -errno : 0;
	close(fd);
	return err;
}

/* How many of n are still there, as far as one can tell. */
static uint32_t tokens_take(int fd, uint32_t n)
{
	for (; n; n--) {
		int token = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (token < 0)
			return errno == EAGAIN ? 0 : n;
		close(token);
	}
	return 0;
}

/* ---- what waits ---- */

static bool listen_pending(struct isock *is)
{
	return !list_empty(&is->ready) || (socket_poll(is->sk) & EPOLLIN);
}

void listen_stop(struct isock *is)
{
	list_for_each_safe(n, &is->ready)
		isock_release(list_entry(n, struct isock, list), true);
}

/* The operator has closed it (SOCK_DESTROY), and with it all that waits. */
static void listen_reset(struct isock *is)
{
	listen_stop(is);
	isock_reset(is, socket_take_error(is->sk), -1);
	errand_ask(is, ERRAND_SHUT);
	call_wake(is);
}

void listen_work(struct isock *is)
{
	bool woken;
	int err;

	if (is->gone) {
		isock_release(is, false);
		return;
	}
	if (socket_poll(is->sk) & EPOLLERR) {
		listen_reset(is);
		return;
	}
	woken = !list_empty(&is->waiters);
	call_wake(is);
	if (woken || !listen_pending(is) || is->tokens >= LISTEN_TOKENS_MAX)
		return;
	err = token_put(is);
	if (!err)
		is->tokens++;
	else if (err == -ECONNREFUSED)	/* the program has closed it */
		isock_release(is, false);
	else if (!is->tokens)
		isock_hungry(is);
}

/* So many of the tokens are to be taken back, now that a connection fewer waits. */
static uint32_t listen_taken(struct isock *is)
{
	uint32_t n = is->tokens;

	if (n && listen_pending(is))
		n = n > 1;
	is->tokens -= n;
	return n;
}

static int64_t listen_act(struct call *c, struct isock *is)
{
	int err;

	if (is->given)		/* who gave it has its copy yet, so the program's close would be none */
		return call_wait(c, 0);
	if (is->state == ISOCK_NEW && (is->early_rd || is->early_wr)) {
		is->child_rd |= is->early_rd;
		is->child_wr |= is->early_wr;
		isock_reset(is, 0, -1);	/* that is nothing to a listener; its end would be one that cannot listen */
		is->again = is->told = true;
	}
	if (is->state == ISOCK_DEAD)
		return is->again && is->told ? CALL_GO : -EINVAL;
	err = socket_listen(is->sk, (int)c->args[1]);
	if (err || is->state != ISOCK_NEW)
		return err;
	err = listen_begin(is, c->fd);
	if (err)
		socket_shutdown(is->sk, SHUT_RDWR);
	return err;
}

int64_t call_listen(struct call *c)
{
	int64_t result;

	do {
		int fd = c->waits ? call_fd(c) : 0;	/* who has waited has no copy any more */
		struct isock *is = call_enter(c, fd < 0 ? fd : 0, &result);

		if (!is)
			return result;
		result = listen_act(c, is);
		call_leave(c);
		if (!result)
			listen_quick(c->fd);
		if (result != CALL_GO)
			return result;
		result = isock_renew(c, true);
	} while (!result);
	return result;
}

/* ---- accept ---- */

static void accept_begin(const struct isock *is, struct isock *child)
{
	int on = 1;

	child->oobinline = is->oobinline;
	if (is->oobinline)
		setsockopt(child->held, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	if (is->child_wr) {		/* its peer hears the end at once */
		isock_shut(is->ic, child->held);
		shutdown(child->held, SHUT_WR);
		child->prog_shut = child->sk->ending = true;
	}
	if (is->child_rd) {
		socket_shutdown(child->sk, SHUT_RD);
		shutdown(child->held, SHUT_RD);
		child->discard = true;
	}
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
	child = isock_create(is->ic, sk, ISOCK_CONNECTED, SOCK_STREAM, false, err);
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
	uint32_t tokens;		/* to be taken back */
	bool stuck;			/* they cannot be: no descriptor is left for it */
	struct sockaddr_storage name;
	socklen_t namelen;
};

/* CALL_GO: a connection, or tokens to be taken back first. */
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
	a->tokens = a->stuck ? 0 : listen_taken(is);
	if (child) {
		a->namelen = sizeof(a->name);
		socket_peer(child->sk, &a->name, &a->namelen);	/* also of a connection that has ended by now */
		call_take_gift(c, child);
		return CALL_GO;
	}
	if (a->tokens)
		return CALL_GO;
	return a->nonblock ? -EAGAIN : call_wait_one(c, is->rcvtimeo);
}

static void accept_take_back(struct call *c, struct accepted *a)
{
	int fd = a->tokens ? call_fd(c) : -1;
	uint32_t left = fd < 0 ? a->tokens : tokens_take(fd, a->tokens);
	struct isock *is;

	a->stuck = left;
	if (!left)
		return;
	turn_take(c->ic);
	is = isock_find(c->ic, c->cookie);
	if (is)
		is->tokens += left;	/* the next accept() takes them */
	turn_give(c->ic);
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
