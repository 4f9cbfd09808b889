/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message_stream.c - messages on streams.
 *
 * A stream's bytes go through the program's own end, so that they keep their order with what plain
 * reads and writes move. A call that asks for nothing but bytes is left to the kernel
 * (CALL_CONTINUE) once it would not wait, for only the kernel moves bytes and answers in one step:
 * an answer of ours may be thrown away although it was taken (call.c), and bytes would be lost
 * with it, or go twice. Whatever another thread makes of the message meanwhile, what the kernel
 * then does to that end send() and recv() could do as well. Calls with more to them (a name,
 * control data, MSG_TRUNC, Fast Open) are done here, through a copy of the program's end.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "intercept/message.h"

#define FASTOPEN_DATA	4096u		/* more never fits on a SYN */

static int64_t stream_broken(struct call *c, struct isock *is, int err)
{
	int pending = isock_take_error(is);

	if (c->done)
		return (int64_t)c->done;
	return -(pending ? pending : err);
}

/* Nothing can be sent any more. */
static int64_t stream_unsent(struct call *c, struct isock *is, const struct message *m, int err)
{
	bool shut = err == EPIPE && is->state != ISOCK_NEW && is->state != ISOCK_LISTENING && !is->again;
	int64_t result = stream_broken(c, is, err);

	if (result != -EPIPE)
		return result;
	/* the program's end is shut for good: whatever the message is, the kernel gives EPIPE and
	 * the signal at once */
	if (shut)
		return CALL_CONTINUE;
	c->sigpipe = !(m->flags & MSG_NOSIGNAL);
	return result;
}

bool message_stream_fastopens(const struct call *c, const struct isock *is, const struct message *m)
{
	return m->flags & MSG_FASTOPEN && !c->waits && !c->connects && is->state == ISOCK_NEW &&
	       m->namelen && !is->error;
}

static int64_t fastopen_act(struct call *c, struct isock *is, struct message *m, const struct room *r)
{
	ssize_t n;
	int err;

	if (!message_stream_fastopens(c, is, m))	/* another thread was quicker */
		return -EALREADY;
	n = socket_fastopen(is->sk, &m->name, m->namelen, r->buf, r->off, r->len);
	if (n < 0 && n != -EINPROGRESS)
		return n;
	err = isock_join(is, c->fd);
	if (err) {
		socket_shutdown(is->sk, SHUT_RDWR);
		return err == -ENFILE || err == -ENOMEM ? -ENOBUFS : err;
	}
	is->error = 0;
	isock_block(is, c->fd);
	is->state = ISOCK_CONNECTING;
	work_defer(c->ic->env, &is->work);
	if (n > 0)
		c->done = (size_t)n;
	c->connects = true;
	return m->nonblock ? n : call_wait(c, is->sndtimeo);
}

/*
 * MSG_FASTOPEN: connect and send in one call. What the SYN carries is sent by the stack itself; the
 * rest goes the usual way once the connection stands, for which a call that may block waits.
 */
int64_t message_stream_fastopen(struct call *c, struct message *m, struct room *r)
{
	return room_use(c, m, r, fastopen_act);
}

/* The second half of it, for a call that waits. 0: connected, go on. */
static int64_t stream_fastopen_wait(struct call *c, struct isock *is)
{
	int64_t wait;

	if (is->state == ISOCK_CONNECTING) {
		wait = call_wait(c, is->sndtimeo);
		return wait == -EAGAIN ? c->done ? (int64_t)c->done : -EINPROGRESS : wait;
	}
	if (is->state != ISOCK_CONNECTED) {
		is->told |= is->again;
		return stream_broken(c, is, ECONNREFUSED);
	}
	is->unreported = false;
	c->connects = false;
	return 0;
}

/* Can the kernel send it as send() would? Not when there may be a truer error to tell than it
 * knows. */
static bool stream_plain(const struct call *c, const struct isock *is, const struct message *m)
{
	struct pollfd p = { .fd = c->fd };

	return is->state == ISOCK_CONNECTED && !is->error && !is->prog_shut && !c->done && !m->namelen &&
	       !m->controllen && c->fd >= 0 && poll(&p, 1, 0) == 0;
}

/* CALL_GO: bytes are to be moved, or with MSG_FASTOPEN read into room. */
int64_t message_stream_send_act(struct call *c, struct isock *is, struct message *m, struct room *r)
{
	int64_t wait;

	if (c->connects) {
		wait = stream_fastopen_wait(c, is);
		if (wait)
			return wait;
	} else if (message_stream_fastopens(c, is, m)) {
		wait = room_reserve(c->ic, r, m->total < FASTOPEN_DATA ? (uint32_t)m->total : FASTOPEN_DATA,
				    true);
		return wait ? wait : CALL_GO;
	} else if (m->flags & MSG_FASTOPEN && !c->waits && m->namelen) {
		if (is->state != ISOCK_NEW || !is->error)
			return is->state == ISOCK_CONNECTING ? -EALREADY : -EISCONN;
	}
	if (is->state != ISOCK_CONNECTED && is->state != ISOCK_CONNECTING)
		return stream_unsent(c, is, m, EPIPE);
	return stream_plain(c, is, m) ? CALL_CONTINUE : CALL_GO;
}

/* 0: all is moved, or -errno: -EAGAIN, its end is full; EPIPE and the like are not told before the
 * stack has been asked. */
static int stream_send_bytes(struct call *c, struct message *m, int fd)
{
	while (c->done < m->total) {
		size_t want = m->total - c->done < ISOCK_SCRATCH ? m->total - c->done : ISOCK_SCRATCH;
		int err = remote_gather(c->tid, m->iov, m->niov, c->done, c->worker->scratch, want);
		bool last = c->done + want == m->total;
		ssize_t n;

		if (!call_valid(c))
			return -EINTR;		/* whose memory was that? */
		if (err)
			return -EFAULT;
		n = send(fd, c->worker->scratch, want, MSG_DONTWAIT | MSG_NOSIGNAL |
			 (last ? m->flags & MSG_OOB : 0));
		if (n < 0)
			return -errno;
		c->done += (size_t)n;
	}
	return 0;
}

static int64_t stream_send_full(struct call *c, struct isock *is, const struct message *m, uint32_t seen)
{
	int64_t wait;

	if (!m->nonblock && is->wakes != seen)
		return CALL_GO;		/* it may have room again */
	wait = m->nonblock ? -EAGAIN : call_wait(c, is->sndtimeo);
	return wait == -EAGAIN && c->done ? (int64_t)c->done : wait;
}

int64_t message_stream_send(struct call *c, struct message *m, uint32_t seen)
{
	struct isock *is;
	int64_t result;
	int err;

	for (;;) {
		int fd = call_fd(c);

		err = fd < 0 ? fd : stream_send_bytes(c, m, fd);
		if (!err || err == -EINTR || err == -EFAULT)
			return c->done || !err ? (int64_t)c->done : err;
		is = call_enter(c, 0, &result);
		if (!is)
			return result;
		if (err == -EAGAIN)
			result = stream_send_full(c, is, m, seen);
		else
			result = stream_unsent(c, is, m, -err);
		seen = is->wakes;
		call_leave(c);
		if (result != CALL_GO)
			return result;
	}
}

/* Never waits, as with Linux's TCP. */
static int64_t stream_recv_oob(struct call *c, struct message *m, int fd)
{
	ssize_t n = recv(fd, c->worker->scratch, 1, MSG_DONTWAIT | MSG_OOB | (m->flags & MSG_PEEK));

	if (n < 0)
		return -errno;
	if (m->total && !(m->flags & MSG_TRUNC) &&
	    remote_scatter(c->tid, m->iov, m->niov, 0, c->worker->scratch, (size_t)n))
		return -EFAULT;
	m->flags_out |= m->total ? MSG_OOB : MSG_OOB | MSG_TRUNC;
	return m->total ? n : 0;
}

/* MSG_TRUNC: bytes are thrown away. */
static int stream_recv_trunc(struct call *c, struct message *m, int fd)
{
	ssize_t n;
	size_t want;

	do {
		want = m->total - c->done < ISOCK_SCRATCH ? m->total - c->done : ISOCK_SCRATCH;
		n = recv(fd, c->worker->scratch, want, MSG_DONTWAIT | (m->flags & MSG_PEEK));
		if (n < 0)
			return -errno;
		c->done += (size_t)n;
	} while (n > 0 && c->done < m->total && (m->flags & MSG_WAITALL) && !(m->flags & MSG_PEEK));
	return 0;
}

/* Is there something to receive? Then the kernel moves it. -errno */
static int stream_recv_look(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 ? -errno : 0;
}

static int64_t stream_recv_none(struct call *c, struct isock *is, const struct message *m, int err,
				uint32_t seen)
{
	bool waits = !m->nonblock && (!c->done || (m->flags & MSG_WAITALL));
	int64_t wait = -EAGAIN;

	if (err != -EAGAIN)
		return stream_broken(c, is, -err);
	if (waits && is->wakes != seen)
		return CALL_GO;
	if (waits)
		wait = call_wait(c, is->rcvtimeo);
	return wait == -EAGAIN && c->done ? (int64_t)c->done : wait;
}

int64_t message_stream_recv(struct call *c, struct message *m, uint32_t seen)
{
	bool trunc = m->flags & MSG_TRUNC;
	struct isock *is;
	int64_t result;

	for (;;) {
		int fd = call_fd(c), err;

		if (fd < 0)
			return fd;
		if (m->flags & MSG_OOB)
			return stream_recv_oob(c, m, fd);
		err = trunc ? stream_recv_trunc(c, m, fd) : stream_recv_look(fd);
		if (!err)
			return trunc ? (int64_t)c->done : CALL_CONTINUE;
		is = call_enter(c, 0, &result);
		if (!is)
			return result;
		result = stream_recv_none(c, is, m, err, seen);
		seen = is->wakes;
		call_leave(c);
		if (result != CALL_GO)
			return result;
	}
}

int64_t message_stream_recv_act(const struct isock *is, const struct message *m)
{
	if (m->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (is->state == ISOCK_NEW && is->early_rd)
		return 0;
	if (is->state == ISOCK_NEW || is->state == ISOCK_LISTENING || (is->again && is->told))
		return -ENOTCONN;
	return CALL_GO;
}
