/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump_stream.c - moves the bytes of a connection between the program and the stack.
 *
 * Theory of operation
 *
 * Out: as much as the send queue has room for is read into a 64 KiB buffer, and the queue,
 * retransmissions and the qdisc refer to that buffer. Small writes of many sockets share one. While
 * the send queue is full, the program's bytes stay where they are, and the program blocks, or sees
 * EAGAIN. While epoll watches the stack's end for bytes, only epoll starts a read; and a read that
 * left room in the buffer took all that there was. So hardly any read is in vain. In: the receive
 * queue's bytes are written to the program's end from where they lie, and taken from the queue as
 * far as the program's end took them; that opens the window.
 *
 * The end of a direction follows its last byte: EOF read from the program is shutdown(SHUT_WR) of
 * the stack's socket; the peer's FIN is shutdown(SHUT_WR) of the stack's end. EPOLLHUP at the
 * stack's end means that the program has closed, unless both sides have shut down: then witness.c
 * tells. A program that closes with unread bytes leaves an error (EPOLLERR) there, and as with Linux's
 * TCP that is a RST.
 *
 * A close or shutdown(SHUT_WR) takes effect when it happens, not when the peer has made room for what
 * lies in the pair: FIN-WAIT-1, and the patience with a peer that takes nothing, are TCP's to bound.
 * So these bytes, which are the last and at most what a pair holds, go into the send queue at once,
 * whatever its size (sk->ending). There they are counted, shown and sent by who knows how. Where memory
 * is scarce they are not taken; a connection whose program is gone is then reset, as Linux resets
 * orphans. Also before a RST they go to TCP first, and what it may send of them leaves: on Linux that
 * had happened before close().
 *
 * Urgent data: AF_UNIX has it, too, with TCP's meaning. So MSG_OOB, SO_OOBINLINE, the mark,
 * EPOLLPRI and SIGURG are the kernel's own work at the program's end, and the pump has to carry the
 * byte across with its place in the stream: both the stack's end and the stack's socket are read
 * inline, in pieces that end at the mark. A kernel without it (CONFIG_AF_UNIX_OOB) refuses the
 * program's MSG_OOB with EOPNOTSUPP, and gets the peer's urgent bytes as plain ones.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "intercept/isock.h"

#define PUMP_TURN	4	/* reads a turn: one socket must not starve the others */
#define PUMP_IOV	32
#define PUMP_READ	65536u

/* Watch the stack's end for what can be acted upon, and for nothing else. */
static void stream_interest(struct isock *is)
{
	uint32_t events = EPOLLHUP;

	if (is->fd < 0 || !is->io.loop)
		return;
	if (is->state == ISOCK_CONNECTED) {
		if (!is->eof_out && !is->rest_len && list_empty(&is->hungry) && socket_space(is->sk))
			events |= EPOLLIN | EPOLLPRI;
		if (is->blocked)
			events |= EPOLLOUT;
	}
	loop_mod(&is->io, events);
}

/* ---- program to stack ---- */

/* Hand over what the stack did not take at first. True: all is handed over. */
static bool stream_rest(struct isock *is)
{
	ssize_t n;

	while (is->rest_len) {
		/* an error is left there for stream_fate */
		n = is->sk->error ? -EPIPE : socket_write(is->sk, is->rest, is->rest_off, is->rest_len,
							  is->urgent ? MSG_OOB : 0);
		if (n == -ENOBUFS || n == -ENOMEM)
			isock_hungry(is);
		if (n == -EAGAIN || n == -ENOBUFS || n == -ENOMEM || n == 0)
			return false;
		if (n < 0)
			n = is->rest_len;	/* broken: these bytes go nowhere */
		is->rest_off += (uint32_t)n;
		is->rest_len -= (uint32_t)n;
	}
	buf_put(is->rest);
	is->rest = NULL;
	is->urgent = false;
	return true;
}

/* Is the next byte of the program urgent? */
static bool stream_at_mark(const struct isock *is)
{
	int mark = 0;

	return !ioctl(is->fd, SIOCATMARK, &mark) && mark;
}

/*
 * After shutdown(SHUT_WR) the program's bytes end with a byte that carries a descriptor
 * (isock_shut): it is no data, and the one behind it stays unread. There is no room for descriptors,
 * which MSG_CTRUNC tells: one that the program had sent would be ours to close, and could make us wait.
 */
static ssize_t stream_read_last(struct isock *is, void *dst, size_t len)
{
	struct iovec iov = { dst, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (is->last)
		return 0;
	n = recvmsg(is->fd, &m, MSG_DONTWAIT);
	if (n <= 0 || !(m.msg_flags & MSG_CTRUNC))
		return n;
	is->last = true;
	return n - 1;
}

/*
 * One read: bytes, 0 at the end of data, -EAGAIN when there is nothing or nowhere to put it. *all:
 * there was no more.
 */
static ssize_t stream_read(struct isock *is, bool marks, bool *all)
{
	struct intercept *ic = is->ic;
	uint32_t want = socket_space(is->sk), room;
	bool urgent = marks && stream_at_mark(is);
	struct buf *b;
	ssize_t n;

	if (!want)
		return -EAGAIN;
	if (want > PUMP_READ)
		want = PUMP_READ;
	b = intercept_buf(ic, want, &room);
	if (!b) {
		isock_hungry(is);
		return -EAGAIN;
	}
	if (want > room)
		want = room;
	if (urgent)
		want = 1;
	n = is->prog_shut ? stream_read_last(is, b->data + ic->buf_off, want) :
			    recv(is->fd, b->data + ic->buf_off, want, MSG_DONTWAIT);
	if (n < 0 && errno == ECONNRESET) {
		is->unread_left = true;
		n = 0;			/* it is told behind the last byte */
	}
	if (n <= 0)
		return n < 0 ? -errno : 0;
	is->rest = buf_get(b);
	is->rest_off = ic->buf_off;
	is->rest_len = (uint32_t)n;
	ic->buf_off += (uint32_t)n;
	is->urgent = urgent;
	grant_wrote(is, (uint32_t)n);
	*all = (uint32_t)n < want;
	return n;
}

/* Before epoll tells. */
static bool stream_hung_up(const struct isock *is)
{
	struct pollfd p = { .fd = is->fd };

	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

/* Its data has ended: by a close? How that ends TCP is another matter. */
static bool stream_closed(const struct isock *is)
{
	return is->gone || is->unread_left || (!is->prog_shut && stream_hung_up(is));
}

/*
 * True: there may be more, and room for it. marks: the first byte may be urgent; a read ends in
 * front of one.
 */
static bool stream_out(struct isock *is, bool marks)
{
	bool all = false;
	ssize_t n;

	if (is->eof_out || !stream_rest(is))
		return false;
	for (int i = 0; i < PUMP_TURN || is->gone; i++) {	/* who is gone writes no more */
		n = stream_read(is, marks || i, &all);
		if (n < 0)
			return false;
		if (n == 0) {
			is->eof_out = true;
			if (!stream_closed(is))
				socket_shutdown(is->sk, SHUT_WR);
			return false;
		}
		if (!stream_rest(is))
			return false;
		if (all && is->io.loop)		/* the end of data is told by epoll as well */
			return false;
	}
	return true;
}

/* ---- stack to program ---- */

static void stream_in(struct isock *is)
{
	struct iovec iov[PUMP_IOV];
	struct msghdr m = { .msg_iov = iov };
	ssize_t n;
	int used;

	is->blocked = false;
	while ((used = socket_peek(is->sk, iov, PUMP_IOV)) > 0) {
		bool urgent = socket_mark(is->sk) == 0;

		if (urgent) {
			iov[0].iov_len = 1;
			used = 1;
		}
		if (is->discard) {
			for (int i = 0; i < used; i++)
				socket_consume(is->sk, (uint32_t)iov[i].iov_len);
			continue;
		}
		m.msg_iovlen = (size_t)used;
		unread_room(is);
		n = sendmsg(is->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL | (urgent ? MSG_OOB : 0));
		if (n < 0 && errno == EOPNOTSUPP && urgent)
			n = sendmsg(is->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			is->blocked = true;
			return;
		}
		if (n < 0 && stream_hung_up(is))
			return;			/* closed: for TCP this is unread */
		if (n < 0) {
			is->discard = true;
			continue;
		}
		socket_consume(is->sk, (uint32_t)n);
		unread_add(is, (uint32_t)n);
	}
}

/* All that the peer sent was passed on: now what became of the connection. */
static void stream_fate(struct isock *is)
{
	uint32_t poll = socket_poll(is->sk);

	if (poll & EPOLLERR && is->sk->done) {
		isock_finish(is, socket_take_error(is->sk));
	} else if (poll & EPOLLERR) {
		isock_reset(is, socket_take_error(is->sk), -1);
	} else if ((poll & EPOLLRDHUP) && !is->eof_in) {
		is->eof_in = true;
		shutdown(is->fd, SHUT_WR);
	}
}

/* ---- connecting ---- */

static void stream_connecting(struct isock *is)
{
	uint32_t poll = socket_poll(is->sk);
	int err;

	if (is->errands & ERRAND_GROW)
		return;			/* it stands; what became of it since is told behind its bytes */
	if (poll & (EPOLLERR | EPOLLHUP)) {
		err = socket_take_error(is->sk);
		if (!err)
			err = ECONNREFUSED;
		isock_reset(is, err, -1);
		is->again = true;	/* once connect() or SO_ERROR has told it */
	} else if (poll & EPOLLOUT) {
		isock_unblock(is);
	}
}

/* ---- what happens ---- */

/* With Fast Open, what the SYN did not carry has to wait until the connection stands. */
static bool stream_opening(const struct isock *is)
{
	int state = socket_stream_state(is->sk);

	return state == TCP_SYN_SENT || state == TCP_SYN_RECV;
}

/*
 * The program has closed, and the stack has what it wrote. If not all, there was no memory for it, and a
 * FIN would call it all. True: the socket is no more.
 */
static bool stream_closing(struct isock *is)
{
	bool left = is->state == ISOCK_CONNECTED && !is->eof_out;

	if (left && !is->unread_left && stream_opening(is))
		return false;
	isock_release(is, left || is->unread_left);
	return true;
}

static void stream_move(struct isock *is, bool readable, bool marks)
{
	bool more = false;

	if (is->state != ISOCK_CONNECTED)
		return;
	if (readable)
		more = stream_out(is, marks);
	if (is->gone)			/* what it will never read is for TCP to know */
		return;
	stream_in(is);
	if (!is->blocked)
		stream_fate(is);
	/* while the stack's end is watched, epoll says that there is more */
	if (more && !is->io.loop && is->state == ISOCK_CONNECTED)
		work_defer(is->ic->env, &is->work);
}

static void stream_work(struct isock *is, bool readable, bool marks)
{
	is->sk->ending |= is->gone;
	if (is->state == ISOCK_CONNECTING)
		stream_connecting(is);
	stream_move(is, readable, marks);
	if (is->gone) {
		if (stream_closing(is))
			return;
	} else {
		call_wake(is);
	}
	stream_interest(is);
}

void pump_stream_work(struct isock *is)
{
	stream_work(is, !(is->io.events & EPOLLIN), true);	/* else epoll says when */
}

/* Have both sides shut down, so that EPOLLHUP does not tell whether the program has closed as
 * well? */
static bool stream_ambiguous(const struct isock *is)
{
	return is->state == ISOCK_CONNECTED && is->prog_shut && (is->eof_in || is->discard);
}

void pump_stream_io(struct isock *is, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR)) {
		loop_del(&is->io);
		is->unread_left |= (events & EPOLLERR) != 0;
		if (!is->unread_left && stream_ambiguous(is))
			witness_watch(is);
		else
			is->gone = true;
	}
	stream_work(is, events & (EPOLLIN | EPOLLPRI | EPOLLHUP | EPOLLERR),
		    events & (EPOLLPRI | EPOLLHUP | EPOLLERR));
}
