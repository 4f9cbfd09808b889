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
	socklen_t namelen;		/* sending: bytes in name; 0 = none */
	uint64_t at;			/* of the struct msghdr; 0 = none */
	struct msghdr hdr;
	_Alignas(8) uint8_t control[MESSAGE_CONTROL];
	size_t controllen;
	int flags;
	int flags_out;			/* receiving: msg_flags of a stream */
	bool nonblock;
};

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
	int err = call_read(c, at, &m->hdr, sizeof(m->hdr));

	if (err)
		return err;
	m->at = at;
	m->flags = flags;
	m->flags_out = 0;
	m->namelen = 0;
	m->controllen = 0;
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

/* ---- streams ---- */

static int64_t stream_broken(struct call *c, int err)
{
	int pending = isock_take_error(c->is);

	if (c->done)
		return (int64_t)c->done;
	return -(pending ? pending : err);
}

/* Nothing can be sent any more. */
static int64_t stream_unsent(struct call *c, const struct message *m, int err)
{
	bool shut = err == EPIPE && c->is->state != ISOCK_NEW && c->is->state != ISOCK_LISTENING;
	int64_t result = stream_broken(c, err);

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

/* What the SYN is to carry: read as far as a buffer has room. */
static ssize_t stream_fastopen_syn(struct call *c, struct message *m)
{
	struct intercept *ic = c->ic;
	uint32_t room = 0, n = m->total < FASTOPEN_DATA ? (uint32_t)m->total : FASTOPEN_DATA;
	struct buf *b = intercept_buf(ic, n ? n : 1, &room);
	int err;

	if (!b)
		return -ENOBUFS;
	n = n < room ? n : room;
	err = remote_gather(c->tid, m->iov, m->niov, 0, b->data + ic->buf_off, n);
	if (err)
		return -EFAULT;
	if (!call_valid(c))
		return -EINTR;
	ic->buf_off += n;
	return socket_fastopen(c->is->sk, &m->name, m->namelen, b, ic->buf_off - n, n);
}

/*
 * MSG_FASTOPEN: connect and send in one call. What the SYN carries is sent by the stack itself; the
 * rest goes the usual way once the connection stands, for which a call that may block waits.
 */
static int64_t stream_fastopen(struct call *c, struct message *m)
{
	struct isock *is = c->is;
	ssize_t n;

	n = stream_fastopen_syn(c, m);
	if (n < 0 && n != -EINPROGRESS)
		return n;
	isock_block(is, c->fd);
	is->state = ISOCK_CONNECTING;
	work_defer(c->ic->env, &is->work);
	if (n > 0)
		c->done = (size_t)n;
	c->connects = true;
	return m->nonblock ? n : call_wait(c, is->sndtimeo, 0);
}

/* The second half of it, for a call that waits. 0: connected, go on. */
static int64_t stream_fastopen_wait(struct call *c)
{
	struct isock *is = c->is;
	int64_t wait;

	if (is->state == ISOCK_CONNECTING) {
		wait = call_wait(c, is->sndtimeo, 0);
		return wait == -EAGAIN ? c->done ? (int64_t)c->done : -EINPROGRESS : wait;
	}
	if (is->state != ISOCK_CONNECTED)
		return stream_broken(c, ECONNREFUSED);
	is->unreported = false;
	c->connects = false;
	return 0;
}

/* Can the kernel send it as send() would? Not when there may be a truer error to tell than it
 * knows. */
static bool stream_plain(const struct call *c, const struct message *m)
{
	const struct isock *is = c->is;
	struct pollfd p = { .fd = c->fd };

	return is->state == ISOCK_CONNECTED && !is->error && !is->prog_shut && !c->done && !m->namelen &&
	       !m->controllen && poll(&p, 1, 0) == 0;
}

static int64_t stream_send(struct call *c, struct message *m)
{
	struct isock *is = c->is;
	int64_t wait;
	ssize_t n;
	size_t want;
	bool last;
	int err;

	if (c->connects) {
		wait = stream_fastopen_wait(c);
		if (wait)
			return wait;
	} else if (m->flags & MSG_FASTOPEN && !c->waits) {
		if (is->state == ISOCK_NEW && m->namelen && !is->error)
			return stream_fastopen(c, m);
		if (m->namelen)
			return is->state == ISOCK_CONNECTING ? -EALREADY : -EISCONN;
	}
	if (is->state != ISOCK_CONNECTED && is->state != ISOCK_CONNECTING)
		return stream_unsent(c, m, EPIPE);
	if (stream_plain(c, m))
		return CALL_CONTINUE;
	while (c->done < m->total) {
		want = m->total - c->done < ISOCK_SCRATCH ? m->total - c->done : ISOCK_SCRATCH;
		err = remote_gather(c->tid, m->iov, m->niov, c->done, c->ic->scratch, want);
		if (!call_valid(c))
			return c->done ? (int64_t)c->done : -EINTR;	/* whose memory was that? */
		if (err)
			return c->done ? (int64_t)c->done : -EFAULT;
		last = c->done + want == m->total;
		n = send(c->fd, c->ic->scratch, want, MSG_DONTWAIT | MSG_NOSIGNAL |
			 (last ? m->flags & MSG_OOB : 0));
		if (n >= 0) {
			c->done += (size_t)n;
			continue;
		}
		if (errno != EAGAIN)
			return stream_unsent(c, m, errno);
		wait = m->nonblock ? -EAGAIN : call_wait(c, is->sndtimeo, EPOLLOUT);
		return wait == -EAGAIN && c->done ? (int64_t)c->done : wait;
	}
	return (int64_t)c->done;
}

static int64_t stream_recv_wait(struct call *c, struct message *m)
{
	int64_t wait = -EAGAIN;

	if (!m->nonblock && (!c->done || (m->flags & MSG_WAITALL)))
		wait = call_wait(c, c->is->rcvtimeo, EPOLLIN);
	return wait == -EAGAIN && c->done ? (int64_t)c->done : wait;
}

/* Once there are some, the kernel moves them. */
static int64_t stream_recv_plain(struct call *c, struct message *m)
{
	char byte;

	if (recv(c->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0)
		return CALL_CONTINUE;
	return errno == EAGAIN ? stream_recv_wait(c, m) : stream_broken(c, errno);
}

/* Never waits, as with Linux's TCP. */
static int64_t stream_recv_oob(struct call *c, struct message *m)
{
	ssize_t n = recv(c->fd, c->ic->scratch, 1, MSG_DONTWAIT | MSG_OOB | (m->flags & MSG_PEEK));

	if (n < 0)
		return -errno;
	if (m->total && !(m->flags & MSG_TRUNC) &&
	    remote_scatter(c->tid, m->iov, m->niov, 0, c->ic->scratch, (size_t)n))
		return -EFAULT;
	m->flags_out |= m->total ? MSG_OOB : MSG_OOB | MSG_TRUNC;
	return m->total ? n : 0;
}

/* MSG_TRUNC: bytes are thrown away. */
static int64_t stream_recv_trunc(struct call *c, struct message *m)
{
	ssize_t n;
	size_t want;

	do {
		want = m->total - c->done < ISOCK_SCRATCH ? m->total - c->done : ISOCK_SCRATCH;
		n = recv(c->fd, c->ic->scratch, want, MSG_DONTWAIT | (m->flags & MSG_PEEK));
		if (n < 0)
			return errno == EAGAIN ? stream_recv_wait(c, m) : stream_broken(c, errno);
		c->done += (size_t)n;
	} while (n > 0 && c->done < m->total && (m->flags & MSG_WAITALL) && !(m->flags & MSG_PEEK));
	return (int64_t)c->done;
}

static int64_t stream_recv(struct call *c, struct message *m)
{
	if (m->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (c->is->state == ISOCK_NEW || c->is->state == ISOCK_LISTENING)
		return -ENOTCONN;
	if (m->flags & MSG_OOB)
		return stream_recv_oob(c, m);
	return m->flags & MSG_TRUNC ? stream_recv_trunc(c, m) : stream_recv_plain(c, m);
}

/* ---- datagrams ---- */

static struct packet *dgram_packet(struct call *c, const struct message *m, int *err)
{
	struct intercept *ic = c->ic;
	uint32_t room = 0, n = (uint32_t)m->total;
	struct packet *p = packet_alloc(&ic->stack->pool, PACKET_HEADROOM);
	struct buf *b = p ? intercept_buf(ic, n, &room) : NULL;
	bool straight = room >= n;

	*err = -ENOBUFS;
	if (!b)
		goto fail;
	*err = remote_gather(c->tid, m->iov, m->niov, 0,
			     straight ? b->data + ic->buf_off : ic->scratch, n);
	if (!*err && !call_valid(c))
		*err = -EINTR;
	if (*err || !n)
		goto done;
	if (straight) {
		packet_append(p, b, ic->buf_off, n);
		ic->buf_off += n;
	} else {
		*err = packet_copy_in(p, ic->scratch, n) ? -ENOBUFS : 0;
	}
done:
	if (!*err)
		return p;
fail:
	packet_free(p);
	return NULL;
}

static int64_t dgram_send(struct call *c, struct message *m)
{
	struct isock *is = c->is;
	struct packet *p;
	int64_t n;
	int err;

	if (m->total > DATAGRAM_MAX)
		return -EMSGSIZE;
	if (is->error) {
		err = is->error;
		is->error = 0;
		return -err;
	}
	pump_dgram_out(is);
	p = dgram_packet(c, m, &err);
	if (!p)
		return err;
	n = socket_sendmsg(is->sk, p, m->namelen ? &m->name : NULL, m->namelen, m->control,
			   m->controllen, m->flags);
	if (n == -EAGAIN && !m->nonblock)
		return call_wait(c, is->sndtimeo, 0);
	return n;
}

/* Drop the names that plain reads have passed by: the later ones' lengths add up to what is
 * left. */
static void dgram_sync(struct call *c)
{
	struct isock *is = c->is;
	uint64_t sum = 0;
	int left = 0;

	if (ioctl(c->fd, SIOCINQ, &left))
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

static int64_t dgram_recv_none(struct call *c, struct message *m)
{
	int err = isock_take_error(c->is);

	if (err)
		return -err;
	return m->nonblock ? -EAGAIN : call_wait(c, c->is->rcvtimeo, EPOLLIN);
}

/* The news that an error waits, not a datagram. 0: there was none after all. */
static int dgram_recv_error(struct call *c, const struct message *m, struct isock_name *name)
{
	if (m->flags & MSG_PEEK)
		(void)!recv(c->fd, c->ic->scratch, 1, MSG_DONTWAIT);
	pump_name_drop(c->is, name);
	return -isock_take_error(c->is);
}

static int64_t dgram_recv_done(struct call *c, struct message *m, struct isock_name *name, size_t n)
{
	size_t copy = n < m->total ? n : m->total;
	int flags = copy < n ? MSG_TRUNC : 0, err;

	err = remote_scatter(c->tid, m->iov, m->niov, 0, c->ic->scratch, copy);
	if (!err && m->at)
		err = message_write(c, m, name ? name->name : NULL, name ? name->namelen : 0,
				    name ? name->control : NULL, name ? name->controllen : 0, flags);
	else if (!err && c->args[4])
		err = call_write_name(c, c->args[4], c->args[5], name ? name->name : NULL,
				      name ? name->namelen : 0);
	if (name && !(m->flags & MSG_PEEK))
		pump_name_drop(c->is, name);
	if (err)
		return err;
	return (int64_t)(m->flags & MSG_TRUNC ? n : copy);
}

/* What was sent and came back with an error (IP_RECVERR). Never waits. */
static int64_t dgram_recv_errqueue(struct call *c, struct message *m)
{
	socklen_t namelen = sizeof(m->name);
	int flags = MSG_ERRQUEUE, err;
	struct packet *p;
	size_t copy;

	m->controllen = sizeof(m->control);
	p = socket_recvmsg(c->is->sk, &m->name, &namelen, m->control, &m->controllen, &flags, &err);
	if (!p)
		return err ? err : -EAGAIN;
	c->is->error = 0;		/* who reads the queue has been told; the socket has what is next in it */
	copy = p->len < m->total ? p->len : m->total;
	if (copy < p->len)
		flags |= MSG_TRUNC;
	packet_copy_out(p, 0, c->ic->scratch, (uint32_t)copy);
	packet_free(p);
	err = remote_scatter(c->tid, m->iov, m->niov, 0, c->ic->scratch, copy);
	if (!err && m->at)
		err = message_write(c, m, &m->name, namelen, m->control, m->controllen, flags);
	return err ? err : (int64_t)copy;
}

static int64_t dgram_recv(struct call *c, struct message *m)
{
	struct isock_name *name;
	ssize_t n;
	int err;

	if (m->flags & MSG_ERRQUEUE)
		return dgram_recv_errqueue(c, m);
	for (;;) {
		dgram_sync(c);
		n = recv(c->fd, c->ic->scratch, ISOCK_SCRATCH,
			 MSG_DONTWAIT | MSG_TRUNC | (m->flags & MSG_PEEK));
		if (n < 0)
			return errno == EAGAIN ? dgram_recv_none(c, m) : -errno;
		if (n > (ssize_t)ISOCK_SCRATCH)
			n = ISOCK_SCRATCH;
		name = dgram_name(c->is, (uint32_t)n);
		if (!name || !name->error)
			return dgram_recv_done(c, m, name, (size_t)n);
		err = dgram_recv_error(c, m, name);
		if (err)
			return err;
	}
}

/* ---- calls ---- */

static int64_t message_send(struct call *c, struct message *m)
{
	m->nonblock = (m->flags & MSG_DONTWAIT) || call_nonblock(c);
	return c->is->type == SOCK_STREAM ? stream_send(c, m) : dgram_send(c, m);
}

static int64_t message_recv(struct call *c, struct message *m)
{
	int64_t n;
	int err;

	m->nonblock = (m->flags & MSG_DONTWAIT) || call_nonblock(c);
	if (c->is->type != SOCK_STREAM)
		return dgram_recv(c, m);
	n = stream_recv(c, m);
	if (n < 0)
		return n;
	/* a stream has no names */
	if (m->at)
		err = message_write(c, m, "", 0, "", 0, m->flags_out);
	else
		err = c->args[4] ? call_write_name(c, c->args[4], c->args[5], "", 0) : 0;
	return err ? err : n;
}

static struct message *message_new(int64_t *result)
{
	struct message *m = malloc(sizeof(*m));

	*result = m ? 0 : -ENOBUFS;
	if (!m)
		return NULL;
	m->at = 0;
	m->flags_out = 0;
	m->namelen = 0;
	m->controllen = 0;
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

	if (!m)
		return result;
	m->namelen = (socklen_t)c->args[5];
	result = call_read_name(c, c->args[4], c->args[5], &m->name);
	if (!result)
		result = message_send(c, m);
	free(m);
	return result;
}

int64_t call_recvfrom(struct call *c)
{
	int64_t result;
	struct message *m = message_plain(c, &result);

	if (m)
		result = message_recv(c, m);
	free(m);
	return result;
}

int64_t call_sendmsg(struct call *c)
{
	int64_t result;
	struct message *m = message_new(&result);

	if (m)
		result = message_read(c, m, c->args[1], (int)c->args[2], true);
	if (m && !result)
		result = message_send(c, m);
	free(m);
	return result;
}

int64_t call_recvmsg(struct call *c)
{
	int64_t result;
	struct message *m = message_new(&result);

	if (m)
		result = message_read(c, m, c->args[1], (int)c->args[2], false);
	if (m && !result)
		result = message_recv(c, m);
	free(m);
	return result;
}

/* Both of the vector calls: how many messages were done, or the first one's result. */
static int64_t message_vector(struct call *c, bool sending)
{
	uint32_t vlen = (uint32_t)c->args[2] < MESSAGE_VLEN ? (uint32_t)c->args[2] : MESSAGE_VLEN, len;
	int flags = (int)c->args[3];
	int64_t result;
	struct message *m = message_new(&result);
	uint32_t i;

	for (i = 0; m && i < vlen; i++) {
		uint64_t at = c->args[1] + i * sizeof(struct mmsghdr);

		result = message_read(c, m, at, i ? flags | MSG_DONTWAIT : flags, sending);
		if (!result)
			result = sending ? message_send(c, m) : message_recv(c, m);
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
