/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message_dgram.c - messages on datagram sockets.
 *
 * A datagram to be sent goes to the stack at once, after what waits in the pair; a received one is
 * taken from the program's end, with its name from the list beside it (pump_dgram.c).
 */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "intercept/message.h"

#define DATAGRAM_MAX	65535u

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

int64_t message_dgram_send_act(struct call *c, struct isock *is, struct message *m, struct room *r)
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
	if (!unread_settle(is))
		return call_wait(c, 0);
	p = dgram_packet(c, r);
	if (!p)
		return -ENOBUFS;
	n = socket_sendmsg(is->sk, p, m->namelen ? &m->name : NULL, m->namelen, m->control,
			   m->controllen, m->flags);
	return n == -EAGAIN && !m->nonblock ? call_wait(c, is->sndtimeo) : n;
}

int64_t message_dgram_send(struct call *c, struct message *m, struct room *r)
{
	return room_use(c, m, r, dgram_send_packet);
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
int64_t message_dgram_recv_begin(struct call *c, struct isock *is, struct message *m, int fd)
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

int64_t message_dgram_recv(struct call *c, struct message *m, int fd, uint32_t seen)
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
int64_t message_dgram_recv_finish(struct call *c, struct message *m, size_t n)
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
