/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - bytes between an embedding program's memory and the stack's (weir/weir.h).
 *
 * What is sent is copied once, into large buffers that all sockets of the stack share, one behind
 * the other; the send queue and every transmission refer to it there. What was received is copied
 * once, out of where it arrived.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "embed/internal.h"

#define TX_BUF	PACKET_BUF_LARGE
#define PEEKS	64

/* A place in an iovec. */
struct cursor {
	const struct iovec *iov;
	size_t n, off;
	uint64_t left;
};

/* -EINVAL: more than a call can answer; -EMSGSIZE: more entries than Linux takes. */
static int cursor_init(struct cursor *c, const struct iovec *iov, size_t n)
{
	*c = (struct cursor){ .iov = iov, .n = n };
	if (n > IOV_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < n; i++) {
		if (iov[i].iov_len > (size_t)INT_MAX - c->left)
			return -EINVAL;
		c->left += iov[i].iov_len;
	}
	return 0;
}

/* The next bytes, n of them or less; *got how many. */
static uint8_t *cursor_next(struct cursor *c, size_t n, size_t *got)
{
	uint8_t *at;

	while (c->n && c->off == c->iov->iov_len) {
		c->iov++;
		c->n--;
		c->off = 0;
	}
	if (!c->n) {
		*got = 0;
		return NULL;
	}
	*got = n < c->iov->iov_len - c->off ? n : c->iov->iov_len - c->off;
	at = (uint8_t *)c->iov->iov_base + c->off;
	c->off += *got;
	c->left -= *got;
	return at;
}

static void gather(struct cursor *c, uint8_t *to, size_t n)
{
	while (n) {
		size_t got;
		const uint8_t *at = cursor_next(c, n, &got);

		memcpy(to, at, got);
		to += got;
		n -= got;
	}
}

static void scatter(struct cursor *c, const uint8_t *from, size_t n)
{
	while (n) {
		size_t got;
		uint8_t *at = cursor_next(c, n, &got);

		memcpy(at, from, got);
		from += got;
		n -= got;
	}
}

struct buf *embed_tx(struct weir_stack *s, size_t want, uint32_t *room)
{
	uint32_t left = s->tx ? s->tx->size - s->tx_used : 0;

	if (left < want && left < TX_BUF / 4) {
		buf_put(s->tx);
		s->tx = buf_alloc(&s->stack->pool, TX_BUF);
		s->tx_used = 0;
		left = s->tx ? s->tx->size : 0;
	}
	*room = left;
	return s->tx;
}

/* ---- send ---- */

static ssize_t stream_send(struct weir_sock *ws, struct cursor *c, int flags)
{
	struct weir_stack *s = ws->stack;
	ssize_t done = 0, n;

	if (!c->left)
		return socket_write(ws->sk, NULL, 0, 0, flags);
	do {
		uint32_t room, want = socket_space(ws->sk);
		struct buf *b;

		want = want ? want : 1;		/* there is none: let the transport say why */
		want = want < c->left ? want : (uint32_t)c->left;
		b = embed_tx(s, want, &room);
		if (!b)
			return done ? done : -ENOBUFS;
		want = want < room ? want : room;
		gather(c, b->data + s->tx_used, want);
		n = socket_write(ws->sk, b, s->tx_used, want, flags);
		if (n < 0)
			break;
		s->tx_used += (uint32_t)n;
		done += n;
		if ((uint32_t)n < want)
			break;
	} while (c->left);
	return done ? done : n;
}

static struct packet *copy_datagram(struct weir_stack *s, struct cursor *c)
{
	struct packet *p = packet_alloc(&s->stack->pool, PACKET_HEADROOM);

	while (p && c->left) {
		uint32_t room, n = (uint32_t)c->left;
		struct buf *b = embed_tx(s, n, &room);

		n = b && room < n ? room : n;
		if (!b || !packet_append(p, b, s->tx_used, n)) {
			packet_free(p);
			return NULL;
		}
		gather(c, b->data + s->tx_used, n);
		s->tx_used += n;
	}
	return p;
}

ssize_t weir_sendmsg(struct weir_sock *ws, const struct msghdr *msg, int flags)
{
	struct cursor c;
	struct packet *p;
	int err = cursor_init(&c, msg->msg_iov, msg->msg_iovlen);

	if (err)
		return err;
	if (ws->sk->ops->type == SOCK_STREAM)
		return stream_send(ws, &c, flags);
	if (c.left > UINT16_MAX)
		return -EMSGSIZE;
	p = copy_datagram(ws->stack, &c);
	if (!p)
		return -ENOBUFS;
	return socket_sendmsg(ws->sk, p, msg->msg_name, msg->msg_namelen, msg->msg_control,
			      msg->msg_control ? msg->msg_controllen : 0, flags);
}

ssize_t weir_sendto(struct weir_sock *sk, const void *data, size_t len, int flags,
		    const struct sockaddr *to, socklen_t tolen)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr m = {
		.msg_name = (void *)(uintptr_t)to, .msg_namelen = to ? tolen : 0,
		.msg_iov = &iov, .msg_iovlen = 1,
	};

	return weir_sendmsg(sk, &m, flags);
}

ssize_t weir_send(struct weir_sock *sk, const void *data, size_t len, int flags)
{
	return weir_sendto(sk, data, len, flags, NULL, 0);
}

/* ---- receive ---- */

/* Bytes of one peek; how many. Without scatter (MSG_TRUNC), they are only counted. */
static size_t take_peeked(struct cursor *c, const struct iovec *iov, int n, bool copy)
{
	size_t took = 0, part;

	for (int i = 0; i < n && c->left; i++) {
		part = iov[i].iov_len < c->left ? iov[i].iov_len : c->left;
		if (copy)
			scatter(c, iov[i].iov_base, part);
		else
			c->left -= part;
		took += part;
	}
	return took;
}

/* The byte beside the stream, as recv(2) with MSG_OOB; with SO_OOBINLINE there is none. */
static ssize_t stream_recv_oob(struct weir_sock *ws, struct msghdr *m, struct cursor *c, int flags)
{
	uint8_t byte;
	int n = socket_recv_oob(ws->sk, &byte, flags);

	if (n <= 0)
		return n;
	m->msg_flags = c->left ? MSG_OOB : MSG_OOB | MSG_TRUNC;
	n = c->left ? 1 : 0;
	if (!(flags & MSG_TRUNC))
		scatter(c, &byte, (size_t)n);
	return n;
}

/* One call reads up to the mark of urgent data, so that sockatmark(3) can tell where it is. */
static ssize_t stream_recv(struct weir_sock *ws, struct cursor *c, int flags)
{
	uint64_t want = c->left;
	struct iovec iov[PEEKS];
	ssize_t done = 0;
	size_t took;

	do {
		took = take_peeked(c, iov, socket_peek(ws->sk, iov, PEEKS), !(flags & MSG_TRUNC));
		done += (ssize_t)took;
		if (took && !(flags & MSG_PEEK))
			socket_consume(ws->sk, (uint32_t)took);
	} while (took && c->left && !(flags & MSG_PEEK) && socket_mark(ws->sk) != 0);
	return done || !want ? done : socket_recv_none(ws->sk);
}

/* msg_name and what belongs to it stay the program's where it gave none. */
static ssize_t datagram_recv(struct weir_sock *ws, struct msghdr *m, struct cursor *c, int flags)
{
	socklen_t namelen = m->msg_name ? m->msg_namelen : 0;
	size_t controllen = m->msg_control ? m->msg_controllen : 0;
	int told = flags & MSG_ERRQUEUE, err;
	struct packet *p;
	ssize_t n;

	p = socket_recvmsg(ws->sk, m->msg_name, m->msg_name ? &namelen : NULL, m->msg_control,
			   &controllen, &told, &err);
	m->msg_controllen = controllen;
	m->msg_flags = told;
	if (!p)
		return err;
	if (m->msg_name)
		m->msg_namelen = namelen;
	n = p->len < c->left ? p->len : (ssize_t)c->left;
	for (uint32_t off = 0, part; off < (uint32_t)n; off += part) {
		size_t got;
		uint8_t *at = cursor_next(c, (uint32_t)n - off, &got);

		part = (uint32_t)got;
		packet_copy_out(p, off, at, part);
	}
	if ((uint32_t)n < p->len) {
		m->msg_flags |= MSG_TRUNC;
		n = flags & MSG_TRUNC ? (ssize_t)p->len : n;
	}
	if (flags & MSG_PEEK && !(flags & MSG_ERRQUEUE))
		socket_unrecv(ws->sk, p);
	else
		packet_free(p);
	return n;
}

ssize_t weir_recvmsg(struct weir_sock *ws, struct msghdr *m, int flags)
{
	struct cursor c;
	int err = cursor_init(&c, m->msg_iov, m->msg_iovlen);

	if (err)
		return err;
	if (ws->sk->ops->type != SOCK_STREAM || flags & MSG_ERRQUEUE)
		return datagram_recv(ws, m, &c, flags);
	m->msg_controllen = 0;
	m->msg_flags = 0;
	if (flags & MSG_OOB)
		return stream_recv_oob(ws, m, &c, flags);
	return stream_recv(ws, &c, flags);
}

ssize_t weir_recvfrom(struct weir_sock *sk, void *data, size_t len, int flags,
		      struct sockaddr *from, socklen_t *fromlen)
{
	struct iovec iov = { data, len };
	struct msghdr m = {
		.msg_name = fromlen ? from : NULL, .msg_namelen = fromlen ? *fromlen : 0,
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	ssize_t n = weir_recvmsg(sk, &m, flags);

	if (n >= 0 && m.msg_name)
		*fromlen = m.msg_namelen;
	return n;
}

ssize_t weir_recv(struct weir_sock *sk, void *data, size_t len, int flags)
{
	return weir_recvfrom(sk, data, len, flags, NULL, NULL);
}
