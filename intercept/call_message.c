/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_message.c - sendto and recvfrom with an address, sendmsg, recvmsg, sendmmsg, recvmmsg.
 *
 * A stream's bytes go through the program's own end, so that they keep their order with what plain
 * reads and writes move. A call that asks for nothing but bytes is left to the kernel
 * (CALL_CONTINUE) once it would not wait, for only the kernel moves bytes and answers in one step:
 * an answer of ours may be thrown away although it was taken (notify.c), and bytes would be lost
 * with it, or go twice. Whatever another thread makes of the message meanwhile, what the kernel
 * then does to that end send() and recv() could do as well. Calls with more to them (a name,
 * control data, MSG_TRUNC, Fast Open) are done here, through a copy of the program's end.
 *
 * A datagram to be sent goes to the stack at once, after what waits in the pair; a received one is
 * taken from the program's end, with its name from the list beside it (pump_dgram.c).
 *
 * What is done here reads the caller's structures once, and uses what was read. recvmmsg and
 * sendmmsg of datagrams wait for the first message only: they return early rather than wait for the
 * later ones.
 */
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "intercept/isock.h"

#define MESSAGE_IOV	1024u
#define MESSAGE_CONTROL	1024u
#define MESSAGE_VLEN	1024u
#define DATAGRAM_MAX	65535u
#define FASTOPEN_DATA	4096u		/* more never fits on a SYN */

struct message {			/* a struct msghdr of the caller's, read */
	struct iovec iov[MESSAGE_IOV];
	size_t niov, total;
	struct sockaddr_storage name;
	socklen_t namelen;		/* bytes in name; 0 = none */
	uint64_t at;			/* of the struct msghdr; 0 = none */
	struct msghdr hdr;
	_Alignas(8) uint8_t control[MESSAGE_CONTROL];
	size_t controllen;
	int flags;
	int flags_out;			/* receiving: msg_flags */
	bool nonblock;
	bool later;			/* of a vector call, and not the first of it */
	bool take;			/* MSG_PEEK has found what is not to be seen */
};

static void message_reset(struct message *m, int flags)
{
	m->flags = flags;
	m->flags_out = 0;
	m->namelen = 0;
	m->controllen = 0;
	m->later = m->take = false;
}

/* ---- the caller's structures ---- */

static int message_iov(struct call *c, struct message *m)
{
	int err;

	m->niov = m->hdr.msg_iovlen;
	if (m->niov > MESSAGE_IOV)
		return -EMSGSIZE;
	err = call_read(c, (uint64_t)(uintptr_t)m->hdr.msg_iov, m->iov, m->niov * sizeof(m->iov[0]));
	if (err)
		return err;
	m->total = 0;
	for (size_t i = 0; i < m->niov; i++) {
		if (m->iov[i].iov_len > SSIZE_MAX)
			return -EINVAL;
		if (m->iov[i].iov_len > INT_MAX - m->total)
			m->iov[i].iov_len = INT_MAX - m->total;
		m->total += m->iov[i].iov_len;
	}
	return 0;
}

static int message_read(struct call *c, struct message *m, uint64_t at, int flags, bool sending)
{
	int err;

	message_reset(m, flags);
	m->at = at;
	m->niov = m->total = 0;
	err = call_read(c, at, &m->hdr, sizeof(m->hdr));
	if (err)
		return err;
	err = message_iov(c, m);
	if (err || !sending)
		return err;
	if (m->hdr.msg_name) {
		m->namelen = m->hdr.msg_namelen;
		err = call_read_name(c, (uint64_t)(uintptr_t)m->hdr.msg_name, m->namelen, &m->name);
		if (err)
			return err;
	}
	if (!m->hdr.msg_control || !m->hdr.msg_controllen)
		return 0;
	if (m->hdr.msg_controllen > MESSAGE_CONTROL)
		return -ENOBUFS;
	m->controllen = m->hdr.msg_controllen;
	return call_read(c, (uint64_t)(uintptr_t)m->hdr.msg_control, m->control, m->controllen);
}

/* What recvmsg tells beside the bytes. */
static int message_write(struct call *c, struct message *m, const void *name, socklen_t namelen,
			 const void *control, size_t controllen, int flags)
{
	int err = 0;

	if (namelen && m->hdr.msg_name)
		err = call_write(c, (uint64_t)(uintptr_t)m->hdr.msg_name, name,
				 namelen < m->hdr.msg_namelen ? namelen : m->hdr.msg_namelen);
	if (err)
		return err;
	if (controllen > m->hdr.msg_controllen || !m->hdr.msg_control) {
		flags |= controllen ? MSG_CTRUNC : 0;
		controllen = m->hdr.msg_control ? m->hdr.msg_controllen : 0;
	}
	err = call_write(c, (uint64_t)(uintptr_t)m->hdr.msg_control, control, controllen);
	if (err)
		return err;
	m->hdr.msg_namelen = namelen;
	m->hdr.msg_controllen = controllen;
	m->hdr.msg_flags = flags;
	if (!m->hdr.msg_name)		/* the kernel leaves the length alone then */
		return call_write(c, m->at + offsetof(struct msghdr, msg_controllen),
				  &m->hdr.msg_controllen,
				  sizeof(m->hdr) - offsetof(struct msghdr, msg_controllen));
	return call_write(c, m->at, &m->hdr, sizeof(m->hdr));
}

/* ---- room for what is read from the program ---- */

/*
 * n bytes of the buffer that programs' bytes are read into; what is too long for it goes through the
 * worker's scratch. Reserved in one turn of the stack, filled outside of it, used up in another one.
 */
struct room {
	struct buf *buf;		/* NULL: scratch */
	uint32_t off, len;
};

static int room_reserve(struct intercept *ic, struct room *r, uint32_t n, bool part)
{
	uint32_t left = 0;
	struct buf *b = intercept_buf(ic, n ? n : 1, &left);

	if (!b)
		return -ENOBUFS;
	if (part && n > left)
		n = left;
	*r = (struct room){ .off = ic->buf_off, .len = n };
	if (n > left)
		return 0;
	r->buf = buf_get(b);
	ic->buf_off += n;
	return 0;
}

static int room_fill(struct call *c, const struct message *m, const struct room *r)
{
	int err = remote_gather(c->tid, m->iov, m->niov, 0,
				r->buf ? r->buf->data + r->off : c->worker->scratch, r->len);

	return err ? -EFAULT : call_valid(c) ? 0 : -EINTR;
}

static void room_release(struct call *c, struct room *r)
{
	turn_take(c->ic);
	buf_put(r->buf);
	turn_give(c->ic);
}

/* ---- streams ---- */

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

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

static bool stream_fastopens(const struct call *c, const struct isock *is, const struct message *m)
{
	return m->flags & MSG_FASTOPEN && !c->waits && !c->connects && is->state == ISOCK_NEW &&
	       m->namelen && !is->error;
}

static int64_t fastopen_act(struct call *c, struct isock *is, struct message *m, const struct room *r)
{
	ssize_t n;
	int err;

	if (!stream_fastopens(c, is, m))	/* another thread was quicker */
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
static int64_t stream_fastopen(struct call *c, struct message *m, struct room *r)
{
	int err = room_fill(c, m, r);
	int64_t result;
	struct isock *is = call_enter(c, err, &result);

	if (!is) {
		room_release(c, r);
		return result;
	}
	result = fastopen_act(c, is, m, r);
	buf_put(r->buf);
	call_leave(c);
	return result;
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
static int64_t stream_send_act(struct call *c, struct isock *is, struct message *m, struct room *r)
{
	int64_t wait;

	if (c->connects) {
		wait = stream_fastopen_wait(c, is);
		if (wait)
			return wait;
	} else if (stream_fastopens(c, is, m)) {
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

static int64_t stream_send(struct call *c, struct message *m, uint32_t seen)
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

static int64_t stream_recv(struct call *c, struct message *m, uint32_t seen)
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

/* ---- datagrams ---- */

static struct packet *dgram_packet(struct call *c, const struct room *r)
{
	struct packet *p = packet_alloc(&c->ic->stack->pool, PACKET_HEADROOM);

	if (!p || !r->len)
		return p;
	if (r->buf) {
		packet_append(p, r->buf, r->off, r->len);
	} else if (packet_copy_in(p, c->worker->scratch, r->len)) {
		packet_free(p);
		return NULL;
	}
	return p;
}

static int64_t dgram_send_act(struct call *c, struct isock *is, struct message *m, struct room *r)
{
	int64_t err;

	if (m->total > DATAGRAM_MAX)
		return -EMSGSIZE;
	if (is->error) {
		err = is->error;
		is->error = 0;
		return -err;
	}
	err = room_reserve(c->ic, r, (uint32_t)m->total, false);
	return err ? err : CALL_GO;
}

static int64_t dgram_send_packet(struct call *c, struct isock *is, struct message *m, const struct room *r)
{
	struct packet *p;
	int64_t n;

	pump_dgram_out(is);
	if (is->prog_shut)
		return -EPIPE;		/* the stack's socket may have some to send yet */
	p = dgram_packet(c, r);
	if (!p)
		return -ENOBUFS;
	n = socket_sendmsg(is->sk, p, m->namelen ? &m->name : NULL, m->namelen, m->control,
			   m->controllen, m->flags);
	return n == -EAGAIN && !m->nonblock ? call_wait(c, is->sndtimeo) : n;
}

static int64_t dgram_send(struct call *c, struct message *m, struct room *r)
{
	int err = room_fill(c, m, r);
	int64_t result;
	struct isock *is = call_enter(c, err, &result);

	if (!is) {
		room_release(c, r);
		return result;
	}
	result = dgram_send_packet(c, is, m, r);
	buf_put(r->buf);
	call_leave(c);
	return result;
}

/* Drop the names that plain reads have passed by: the later ones' lengths add up to what is
 * left. */
static void dgram_sync(struct isock *is, int fd)
{
	uint64_t sum = 0;
	int left = 0;

	if (ioctl(fd, SIOCINQ, &left))
		return;
	list_for_each(n, &is->names)
		sum += list_entry(n, struct isock_name, node)->len;
	while (!list_empty(&is->names) && sum > (uint64_t)left) {
		struct isock_name *name = list_first(&is->names, struct isock_name, node);

		sum -= name->len;
		pump_name_drop(is, name);
	}
}

/* The name of a datagram of n bytes that has just been taken; empty ones before it had been
 * read. */
static struct isock_name *dgram_name(struct isock *is, uint32_t n)
{
	while (!list_empty(&is->names)) {
		struct isock_name *name = list_first(&is->names, struct isock_name, node);

		if (name->len == n)
			return name;
		pump_name_drop(is, name);
	}
	return NULL;
}

/* What was sent and came back with an error (IP_RECVERR). Never waits. */
static int64_t dgram_recv_errqueue(struct call *c, struct isock *is, struct message *m)
{
	int flags = MSG_ERRQUEUE, err;
	struct packet *p;
	size_t copy;

	m->namelen = sizeof(m->name);
	m->controllen = sizeof(m->control);
	p = socket_recvmsg(is->sk, &m->name, &m->namelen, m->control, &m->controllen, &flags, &err);
	if (!p)
		return err ? err : -EAGAIN;
	is->error = 0;		/* who reads the queue has been told; the socket has what is next in it */
	copy = p->len < m->total ? p->len : m->total;
	if (copy < p->len)
		flags |= MSG_TRUNC;
	packet_copy_out(p, 0, c->worker->scratch, (uint32_t)copy);
	packet_free(p);
	m->flags_out = flags;
	m->flags &= ~MSG_TRUNC;
	return (int64_t)copy;
}

/*
 * Who takes a datagram keeps others away until it has the name, too: they would be given each other's.
 * CALL_GO: that is us now. To wait for one's turn is not to wait for a datagram, so who must not do that
 * may do this.
 */
static int64_t dgram_recv_begin(struct call *c, struct isock *is, struct message *m, int fd)
{
	if (m->flags & MSG_ERRQUEUE)
		return dgram_recv_errqueue(c, is, m);
	if (is->receiving)
		return m->later ? -EAGAIN : call_queue(c);
	is->receiving = true;
	dgram_sync(is, fd);
	return CALL_GO;
}

static void dgram_recv_end(struct isock *is)
{
	is->receiving = false;
	call_next(is);
}

static int64_t dgram_recv_none(struct call *c, struct isock *is, struct message *m, int err)
{
	if (err != -EAGAIN)
		return err;
	err = isock_take_error(is);
	if (err)
		return -err;
	return m->nonblock ? -EAGAIN : call_wait_one(c, is->rcvtimeo);
}

/* n bytes of it are in scratch: what else there is to tell. */
static int64_t dgram_recv_named(struct isock *is, struct message *m, struct isock_name *name, size_t n)
{
	if (!name)
		return (int64_t)n;
	m->namelen = name->namelen;
	m->controllen = name->controllen;
	memcpy(&m->name, name->name, name->namelen);
	memcpy(m->control, name->control, name->controllen);
	if (!(m->flags & MSG_PEEK))
		pump_name_drop(is, name);
	return (int64_t)n;
}

/* What was taken out of the program's end, or why nothing was. CALL_GO: look again. */
static int64_t dgram_recv_took(struct call *c, struct isock *is, struct message *m, ssize_t n, uint32_t seen)
{
	struct isock_name *name;
	int err;

	if (n == -EAGAIN && is->wakes != seen)
		return CALL_GO;
	if (n < 0)
		return dgram_recv_none(c, is, m, (int)n);
	name = dgram_name(is, (uint32_t)n);
	if (!n && !name && is->discard && m->nonblock)
		return -EAGAIN;		/* only who would have to wait learns of SHUT_RD */
	if (!name || !name->error)
		return dgram_recv_named(is, m, name, (size_t)n);
	/* the news that an error waits, no datagram: it goes, also when it was only to be looked at */
	m->take = m->flags & MSG_PEEK && !m->take;
	if (m->take)
		return CALL_GO;
	pump_name_drop(is, name);
	err = isock_take_error(is);
	return err ? -err : CALL_GO;
}

static int64_t dgram_recv(struct call *c, struct message *m, int fd, uint32_t seen)
{
	int64_t result = CALL_GO;

	while (result == CALL_GO) {
		ssize_t n = recv(fd, c->worker->scratch, ISOCK_SCRATCH,
				 MSG_DONTWAIT | MSG_TRUNC | (m->take ? 0 : m->flags & MSG_PEEK));
		int err = errno;
		struct isock *is = call_enter(c, 0, &result);

		if (!is)
			return result;
		if (n > (ssize_t)ISOCK_SCRATCH)
			n = ISOCK_SCRATCH;
		result = dgram_recv_took(c, is, m, n < 0 ? -err : n, seen);
		seen = is->wakes;
		if (result == CALL_GO)
			dgram_sync(is, fd);
		else
			dgram_recv_end(is);
		call_leave(c);
	}
	return result;
}

/* n bytes in scratch, and what goes with them, for the caller. */
static int64_t dgram_recv_finish(struct call *c, struct message *m, size_t n)
{
	size_t copy = n < m->total ? n : m->total;
	int err;

	if (copy < n)
		m->flags_out |= MSG_TRUNC;
	err = remote_scatter(c->tid, m->iov, m->niov, 0, c->worker->scratch, copy);
	if (!err && m->at)
		err = message_write(c, m, &m->name, m->namelen, m->control, m->controllen, m->flags_out);
	else if (!err && c->args[4])
		err = call_write_name(c, c->args[4], c->args[5], &m->name, m->namelen);
	if (err)
		return err;
	return (int64_t)(m->flags & MSG_TRUNC ? n : copy);
}

/* ---- calls ---- */

/* err: of reading the message */
static int64_t message_send(struct call *c, struct message *m, int err)
{
	struct room r = { 0 };
	int64_t result;
	struct isock *is;
	uint32_t seen;
	bool stream, syn;

	m->nonblock = (m->flags & MSG_DONTWAIT) || call_nonblock(c);
	is = call_enter(c, err, &result);
	if (!is)
		return result;
	seen = is->wakes;
	stream = is->type == SOCK_STREAM;
	syn = stream && stream_fastopens(c, is, m);
	result = stream ? stream_send_act(c, is, m, &r) : dgram_send_act(c, is, m, &r);
	call_leave(c);
	if (result != CALL_GO)
		return result;
	if (syn)
		return stream_fastopen(c, m, &r);
	return stream ? stream_send(c, m, seen) : dgram_send(c, m, &r);
}

static int64_t stream_recv_act(const struct isock *is, const struct message *m)
{
	if (m->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (is->state == ISOCK_NEW || is->state == ISOCK_LISTENING || (is->again && is->told))
		return -ENOTCONN;
	return CALL_GO;
}

static int64_t message_recv(struct call *c, struct message *m, int err)
{
	int fd = call_fd(c);
	int64_t result;
	struct isock *is;
	uint32_t seen;
	bool stream;

	if (fd < 0)
		return fd;
	m->nonblock = (m->flags & MSG_DONTWAIT) || call_nonblock(c);
	is = call_enter(c, err, &result);
	if (!is)
		return result;
	seen = is->wakes;
	stream = is->type == SOCK_STREAM;
	result = stream ? stream_recv_act(is, m) : dgram_recv_begin(c, is, m, fd);
	call_leave(c);
	if (result == CALL_GO)
		result = stream ? stream_recv(c, m, seen) : dgram_recv(c, m, fd, seen);
	if (result < 0)
		return result;
	if (!stream)
		return dgram_recv_finish(c, m, (size_t)result);
	/* a stream has no names */
	if (m->at)
		err = message_write(c, m, "", 0, "", 0, m->flags_out);
	else
		err = c->args[4] ? call_write_name(c, c->args[4], c->args[5], "", 0) : 0;
	return err ? err : result;
}

static struct message *message_new(int64_t *result)
{
	struct message *m = malloc(sizeof(*m));

	*result = m ? 0 : -ENOBUFS;
	if (!m)
		return NULL;
	m->at = 0;
	message_reset(m, 0);
	return m;
}

/* sendto and recvfrom are messages of one piece. */
static struct message *message_plain(struct call *c, int64_t *result)
{
	struct message *m = message_new(result);

	if (!m)
		return NULL;
	m->iov[0].iov_base = (void *)(uintptr_t)c->args[1];
	m->iov[0].iov_len = c->args[2] < INT_MAX ? c->args[2] : INT_MAX;
	m->niov = 1;
	m->total = m->iov[0].iov_len;
	m->flags = (int)c->args[3];
	return m;
}

int64_t call_sendto(struct call *c)
{
	int64_t result;
	struct message *m = message_plain(c, &result);
	int err;

	if (!m)
		return result;
	m->namelen = (socklen_t)c->args[5];
	err = call_read_name(c, c->args[4], c->args[5], &m->name);
	result = message_send(c, m, err);
	free(m);
	return result;
}

int64_t call_recvfrom(struct call *c)
{
	int64_t result;
	struct message *m = message_plain(c, &result);

	if (m)
		result = message_recv(c, m, 0);
	free(m);
	return result;
}

static int64_t message_one(struct call *c, bool sending)
{
	int64_t result;
	struct message *m = message_new(&result);
	int err;

	if (!m)
		return result;
	err = message_read(c, m, c->args[1], (int)c->args[2], sending);
	result = sending ? message_send(c, m, err) : message_recv(c, m, err);
	free(m);
	return result;
}

int64_t call_sendmsg(struct call *c)
{
	return message_one(c, true);
}

int64_t call_recvmsg(struct call *c)
{
	return message_one(c, false);
}

/* Both of the vector calls: how many messages were done, or the first one's result. */
static int64_t message_vector(struct call *c, bool sending)
{
	uint32_t vlen = (uint32_t)c->args[2] < MESSAGE_VLEN ? (uint32_t)c->args[2] : MESSAGE_VLEN, len;
	int flags = (int)c->args[3], err;
	int64_t result;
	struct message *m = message_new(&result);
	uint32_t i;

	for (i = 0; m && i < vlen; i++) {
		uint64_t at = c->args[1] + i * sizeof(struct mmsghdr);

		err = message_read(c, m, at, i ? flags | MSG_DONTWAIT : flags, sending);
		m->later = i > 0;
		result = sending ? message_send(c, m, err) : message_recv(c, m, err);
		if (result < 0)
			break;
		len = (uint32_t)result;
		c->done = 0;
		result = call_write(c, at + offsetof(struct mmsghdr, msg_len), &len, sizeof(len));
		if (result)
			break;
	}
	free(m);
	return i ? i : result;
}

int64_t call_sendmmsg(struct call *c)
{
	return message_vector(c, true);
}

int64_t call_recvmmsg(struct call *c)
{
	return message_vector(c, false);
}
