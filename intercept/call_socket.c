/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_socket.c - socket, bind, connect, shutdown, getsockname, getpeername.
 *
 * A stream's connect also gives the program's end its other end (door.c).
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
		return remote_capable(c->tid, CAP_NET_ADMIN, c->ic->user_ns);
	return (type == SOCK_RAW || family == AF_PACKET) && remote_capable(c->tid, CAP_NET_RAW, c->ic->user_ns);
}

static void socket_undo(struct call *c, struct isock *is)
{
	(void)c;
	isock_release(is, true);
}

struct wanted {			/* the socket that is asked for */
	int family, type;
	bool privileged;
	uid_t uid;
};

static int64_t socket_act(struct call *c, const struct wanted *w)
{
	struct sock *sk;
	struct isock *is;
	int err;

	sk = socket_create(c->ic->stack, w->family, w->type & 0xf, (int)c->args[2], w->privileged, &err);
	if (!sk)
		return err;
	sk->operator = c->listener->operator;
	if (w->family == AF_NETLINK)
		sk->uid = w->uid;
	is = isock_create(c->ic, sk, (w->type & 0xf) == SOCK_STREAM ? ISOCK_NEW : ISOCK_DATAGRAM, w->type & 0xf,
			  w->type & SOCK_NONBLOCK, &err);
	if (!is) {
		socket_abort(sk);
		return err;
	}
	call_take_gift(c, is);
	return 0;
}

int64_t call_socket(struct call *c)
{
	struct wanted w = { .family = (int)c->args[0], .type = (int)c->args[1] };
	int64_t result;

	if (w.family == AF_UNIX)
		return CALL_CONTINUE;
	if (w.family != AF_INET && w.family != AF_INET6 && w.family != AF_PACKET && w.family != AF_NETLINK)
		return -EAFNOSUPPORT;
	if (w.type & ~(0xf | SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	w.privileged = privileged(c, w.family, w.type & 0xf);
	if (w.family == AF_NETLINK)
		w.uid = remote_uid(c->tid, &c->ic->users);
	turn_take(c->ic);
	result = socket_act(c, &w);
	turn_give(c->ic);
	return result ? result : call_give(c, w.type & SOCK_CLOEXEC, socket_undo);
}

/*
 * The port may be in use by a socket that has been closed already, which the stack has not heard of
 * yet: closing is no notification. So a refusal is put off for a moment.
 */
int64_t call_bind(struct call *c)
{
	struct sockaddr_storage name;
	int err = call_read_name(c, c->args[1], c->args[2], &name);
	int64_t result;
	struct isock *is = call_enter(c, err, &result);

	if (!is)
		return result;
	result = socket_bind(is->sk, &name, (socklen_t)c->args[2]);
	if (result == -EADDRINUSE && !c->expired)
		result = call_wait(c, BIND_PATIENCE);
	call_leave(c);
	return result;
}

struct target {			/* of a connect */
	struct sockaddr_storage name;
	int err;			/* of reading it: told only where the name is needed */
	bool nonblock;
	bool renew;			/* the socket is as new: it needs a new end */
	bool broken;			/* because it connects to nobody */
};

/* The program's end gets its other end. */
static int64_t connect_join(struct call *c, struct isock *is)
{
	int err = isock_join(is, c->fd);

	if (!err)
		return 0;
	socket_shutdown(is->sk, SHUT_RDWR);
	return err == -ENFILE || err == -ENOMEM ? -ENOBUFS : err;
}

static bool connect_to_nobody(const struct target *t)
{
	return !t->err && t->name.ss_family == AF_UNSPEC;
}

/* Of a stream: it is as new, and bound as before. */
static int64_t connect_break(struct call *c, struct isock *is, struct target *t)
{
	int err = socket_connect(is->sk, &t->name, (socklen_t)c->args[2]);

	if (err || (is->state == ISOCK_NEW && !is->early_rd && !is->early_wr))
		return err;
	listen_stop(is);
	isock_reset(is, is->state == ISOCK_CONNECTED || is->state == ISOCK_CONNECTING ? ECONNRESET : 0, c->fd);
	is->again = is->told = t->renew = t->broken = true;
	call_wake(is);
	return 0;
}

static int64_t connect_start(struct call *c, struct isock *is, const struct target *t)
{
	int err = t->err;
	int64_t joined;

	if (err)
		return err;
	if (is->state == ISOCK_DATAGRAM)
		pump_dgram_out(is);	/* what was sent before goes to where it was sent */
	err = socket_connect(is->sk, &t->name, (socklen_t)c->args[2]);
	if (is->type != SOCK_STREAM)
		return err;
	if (err && err != -EINPROGRESS)
		return err;
	joined = connect_join(c, is);
	if (joined)
		return joined;
	is->error = 0;			/* of what went before */
	if (!err) {			/* TCP_FASTOPEN_CONNECT: the first write makes the SYN */
		is->state = ISOCK_CONNECTED;
		is->small = false;
		c->grow = is->sndbuf;
		work_defer(c->ic->env, &is->work);
		return 0;
	}
	isock_block(is, c->fd);
	is->state = ISOCK_CONNECTING;
	c->done = 1;
	work_defer(c->ic->env, &is->work);
	return t->nonblock ? -EINPROGRESS : call_wait(c, is->sndtimeo);
}

/* CALL_GO: it needs a new end first. */
static int64_t connect_act(struct call *c, struct isock *is, struct target *t)
{
	int64_t result;

	if (is->type == SOCK_STREAM && !c->waits && connect_to_nobody(t))
		return connect_break(c, is, t);
	switch (is->state) {
	case ISOCK_LISTENING:
		return -EISCONN;
	case ISOCK_CONNECTED:
		result = is->unreported ? 0 : -EISCONN;
		is->unreported = false;
		return result;
	case ISOCK_CONNECTING:
		if (t->nonblock)
			return -EALREADY;
		result = call_wait(c, is->sndtimeo);
		return result == -EAGAIN ? (c->done ? -EINPROGRESS : -EALREADY) : result;
	case ISOCK_DEAD:
		if (!is->again)
			return -EISCONN;
		if (is->told && !c->waits)
			return CALL_GO;
		is->told = t->renew = true;
		result = isock_take_error(is);
		return result ? -result : -ECONNABORTED;
	case ISOCK_NEW:
		if (c->waits || is->unheard) {
			is->unheard = false;
			result = isock_take_error(is);
			return result ? -result : -ECONNABORTED;
		}
		break;
	case ISOCK_DATAGRAM:
		break;
	}
	return connect_start(c, is, t);
}

int64_t call_connect(struct call *c)
{
	struct target t = { 0 };
	int64_t result;

	if (!c->waits)
		t.err = call_read_name(c, c->args[1], c->args[2], &t.name);
	t.nonblock = call_nonblock(c);
	do {
		struct isock *is = call_enter(c, 0, &result);

		if (!is)
			return result;
		result = connect_act(c, is, &t);
		call_leave(c);
		if (t.renew)		/* or else the next one does; who waits here does not wait by epoll */
			isock_renew(c, t.nonblock || t.broken);
		if (result != CALL_GO)
			return result;
		result = isock_renew(c, true);
	} while (!result);
	return result;
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
		is->unheard = is->state == ISOCK_NEW;
		is->told = false;
	}
}

static int64_t call_name(struct call *c, int (*ask)(struct sock *sk, void *name, socklen_t *len))
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	int64_t result;
	struct isock *is = call_enter(c, 0, &result);

	if (!is)
		return result;
	result = ask(is->sk, &name, &len);
	call_leave(c);
	return result ? result : call_write_name(c, c->args[1], c->args[2], &name, len);
}

int64_t call_getsockname(struct call *c)
{
	return call_name(c, socket_getsockname);
}

int64_t call_getpeername(struct call *c)
{
	return call_name(c, socket_getpeername);
}

/*
 * The program's end is shut down for the program's own reads and writes; the pump passes the end of
 * data on once it has moved all bytes before it.
 */
struct shutting {
	int how;
	bool end;			/* the program's end is shut down, too */
	bool mark;			/* what the program wrote ends here: isock_shut() */
};

/*
 * Without a peer Linux refuses, and shuts the socket down all the same: that wakes its readers. The
 * stack's socket is shut down for sending by the pump, behind what was sent before.
 */
static int64_t shutdown_datagrams(struct isock *is, struct shutting *s)
{
	int err = socket_may_shutdown(is->sk);

	if (err && err != -ENOTCONN)
		return err;
	if (s->how != SHUT_WR) {
		socket_shutdown(is->sk, SHUT_RD);
		is->discard = true;
	}
	is->prog_shut |= s->how != SHUT_RD;
	s->end = true;
	return err;
}

/*
 * Linux refuses, and shuts the socket down all the same; a connection that it gets later is shut down
 * from the start, and its peer hears nothing of that. AF_UNIX sockets do the same.
 */
static void shutdown_early(struct isock *is, struct shutting *s)
{
	is->early_rd |= s->how != SHUT_WR;
	is->early_wr |= s->how != SHUT_RD;
	s->end = true;
}

/* The socket is as new; its end is not. */
static void shutdown_renews(struct isock *is, struct shutting *s, int error)
{
	s->how = SHUT_RDWR;
	s->end = true;
	is->child_rd = is->child_wr = false;
	listen_stop(is);
	isock_reset(is, error, -1);
	is->again = is->told = true;
	call_wake(is);			/* who waits in accept() gets EINVAL */
}

static int64_t shutdown_act(struct isock *is, struct shutting *s)
{
	int err;

	if (is->state == ISOCK_CONNECTED) {
		s->mark = s->how != SHUT_RD && !is->prog_shut;
		is->prog_shut |= s->mark;
		err = s->how == SHUT_WR ? 0 : socket_shutdown(is->sk, SHUT_RD);
		is->discard |= s->how != SHUT_WR && !err;
		s->end = !err;
		return err;
	}
	if (is->state == ISOCK_DATAGRAM)
		return shutdown_datagrams(is, s);
	err = socket_shutdown(is->sk, s->how);
	if (is->state == ISOCK_NEW)
		shutdown_early(is, s);
	else if (is->state == ISOCK_LISTENING && s->how != SHUT_WR)
		shutdown_renews(is, s, 0);
	else if (is->state == ISOCK_CONNECTING)
		shutdown_renews(is, s, ECONNRESET);
	else if (is->state == ISOCK_DEAD && is->again) {	/* as new, and its end is shut down already */
		is->child_rd |= s->how != SHUT_WR;
		is->child_wr |= s->how != SHUT_RD;
	}
	return err;
}

int64_t call_shutdown(struct call *c)
{
	struct shutting s = { .how = (int)c->args[1] };
	int64_t result, later;
	struct isock *is = call_enter(c, 0, &result);

	if (!is)
		return result;
	if (s.how != SHUT_RD && s.how != SHUT_WR && s.how != SHUT_RDWR)
		result = -EINVAL;
	else
		result = shutdown_act(is, &s);
	call_leave(c);
	if (s.mark)
		isock_shut(c->ic, c->fd);
	if (!s.end)
		return result;
	shutdown(c->fd, s.how);
	is = call_enter(c, 0, &later);
	if (is) {
		is->sk->ending |= s.mark;
		work_defer(c->ic->env, &is->work);
		call_leave(c);
	}
	return result;
}
