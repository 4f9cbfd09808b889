/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump_dgram.c - moves datagrams between the program and the stack.
 *
 * Theory of operation
 *
 * A SOCK_SEQPACKET pair keeps boundaries. A received datagram's bytes wait in the program's end, so
 * that poll is true and a plain recv() takes them; its sender, length and control messages wait in
 * the names list. A recvfrom or recvmsg that wants these is a notification and takes the bytes
 * through a copy of the program's end (message_dgram.c); SIOCINQ tells how many bytes are left
 * there, hence which names a plain recv() has passed by. The list never needs more entries than
 * datagrams fit in the program's end.
 *
 * An error about something sent (ICMP) cannot be put into an AF_UNIX socket. An empty datagram is:
 * it wakes who polls or waits, and a recvfrom or recvmsg gives the error in its place.
 *
 * What a plain send() writes goes to the connected peer. While the stack has no room for it, it
 * stays in the pair; but once the program has closed it goes at once, for it is the last, and at most
 * what a pair holds: the socket and its port are not to wait for a slow link.
 *
 * The end of data and an empty datagram are both a read of 0 bytes, and SHUT_WR or close() may come
 * right behind an empty datagram: no question asked afterwards tells which it was. So the stack's
 * end has SO_TIMESTAMP on (isock.c). Each message then comes with a control message, which there is
 * no room for here, and the kernel says so (MSG_CTRUNC); the end of data comes without.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "intercept/isock.h"

#define DGRAM_TURN	64	/* datagrams a turn */
#define DGRAM_IOV	((int)PACKET_FRAGS + 1)
#define DGRAM_LINEAR	2048u
#define FORGET_NAMES	32u	/* between two questions whether they are needed still */

/* ---- names ---- */

static struct isock_name *pump_name_new(struct intercept *ic)
{
	struct isock_name *name;

	if (list_empty(&ic->free_names)) {
		name = malloc(sizeof(*name));
	} else {
		name = list_first(&ic->free_names, struct isock_name, node);
		list_del(&name->node);
		ic->nfree_names--;
	}
	if (!name)
		return NULL;
	ic->nnames++;
	list_init(&name->node);
	name->error = false;
	name->len = 0;
	name->namelen = 0;
	name->controllen = 0;
	return name;
}

static void pump_name_put(struct intercept *ic, struct isock_name *name)
{
	ic->nnames--;
	if (ic->nfree_names >= ISOCK_NAMES) {
		free(name);
		return;
	}
	ic->nfree_names++;
	list_add(&name->node, &ic->free_names);
}

void pump_name_drop(struct isock *is, struct isock_name *name)
{
	list_del(&name->node);
	is->nnames--;
	pump_name_put(is->ic, name);
}

void pump_names_free(struct isock *is)
{
	while (!list_empty(&is->names))
		pump_name_drop(is, list_first(&is->names, struct isock_name, node));
}

static void pump_name_add(struct isock *is, struct isock_name *name)
{
	if (is->nnames >= ISOCK_NAMES)
		pump_name_drop(is, list_first(&is->names, struct isock_name, node));
	list_add_tail(&name->node, &is->names);
	is->nnames++;
	is->names_new++;
}

/* ---- stack to program ---- */

/* The next datagram into is->packet. An error that lies before it is kept for the program. */
static bool dgram_next(struct isock *is)
{
	struct isock_name *name = pump_name_new(is->ic);
	socklen_t namelen = sizeof(name->name);
	size_t controllen = sizeof(name->control);
	struct packet *p;
	int err;

	if (!name) {
		isock_hungry(is);
		return false;
	}
	while (!(p = socket_recvmsg(is->sk, name->name, &namelen, name->control, &controllen, NULL,
				    &err)) && err && err != -EAGAIN) {
		is->error = -err;
		namelen = sizeof(name->name);
		controllen = sizeof(name->control);
	}
	if (!p) {
		pump_name_put(is->ic, name);
		return false;
	}
	name->len = p->len;
	name->namelen = namelen < sizeof(name->name) ? namelen : sizeof(name->name);
	name->controllen = (uint16_t)controllen;
	is->packet = p;
	is->packet_name = name;
	return true;
}

/* Into the program's end: 0, -EAGAIN when that is full, another -errno when nobody will get it. */
static int dgram_write(struct isock *is)
{
	struct iovec iov[DGRAM_IOV];
	struct msghdr m = { .msg_iov = iov };
	ssize_t n;

	if (!unread_room(is)) {
		is->ic->stats.unread_drops++;
		return -ENOMEM;
	}
	m.msg_iovlen = (size_t)packet_iov(is->packet, 0, is->packet->len, iov, DGRAM_IOV);
	n = sendmsg(is->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == ENOBUFS ? -EAGAIN : -errno;
	unread_add(is, (uint32_t)n);
	return 0;
}

/* False: the program's end is full. */
static bool dgram_deliver(struct isock *is)
{
	int err = dgram_write(is);

	if (err == -EAGAIN) {
		is->blocked = true;
		return false;
	}
	if (err)
		pump_name_put(is->ic, is->packet_name);
	else
		pump_name_add(is, is->packet_name);
	packet_free(is->packet);
	is->packet = NULL;
	is->packet_name = NULL;
	return true;
}

/* Wake who waits, once an error is pending. */
static void dgram_mark(struct isock *is)
{
	struct isock_name *name;

	if (is->marked || !(socket_poll(is->sk) & EPOLLERR))
		return;
	name = pump_name_new(is->ic);
	if (!name)
		return;
	name->error = true;
	if (send(is->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		pump_name_put(is->ic, name);
		return;
	}
	pump_name_add(is, name);
	is->marked = true;
}

/* Names of datagrams that plain reads have taken: all, once nothing lies in the program's end. */
static void dgram_forget(struct isock *is)
{
	int unread;

	if (is->names_new < FORGET_NAMES)
		return;
	is->names_new = 0;
	if (!ioctl(is->fd, SIOCOUTQ, &unread) && !unread)
		pump_names_free(is);
}

static void dgram_in(struct isock *is)
{
	dgram_forget(is);
	dgram_mark(is);		/* first: recvmsg may take the error, too */
	is->blocked = false;
	while (is->packet || dgram_next(is))
		if (!dgram_deliver(is))
			return;
}

/* ---- program to stack ---- */

/*
 * No memory for what a program wrote before it ended: that is lost, as datagrams may be. The end behind it
 * must be seen all the same, since it is what frees memory. 0: this was the end.
 */
static ssize_t dgram_lose(struct isock *is)
{
	struct iovec iov = { is->ic->scratch, ISOCK_SCRATCH };
	struct msghdr m;
	ssize_t n;

	do {
		m = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
		n = recvmsg(is->fd, &m, MSG_DONTWAIT);
	} while (n > 0 || (!n && m.msg_flags & MSG_CTRUNC));
	return n;
}

/* A message of the program as a packet: in the shared buffer, what is too long for it in scratch. At
 * the end of data: none, and *n is 0. */
static struct packet *dgram_read(struct isock *is, ssize_t *n)
{
	struct intercept *ic = is->ic;
	struct packet *p = packet_alloc(&ic->stack->pool, PACKET_HEADROOM);
	uint32_t room = 0, head;
	struct buf *b = p ? intercept_buf(ic, DGRAM_LINEAR, &room) : NULL;
	struct iovec iov[2];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	*n = -ENOBUFS;
	if (!b) {
		if (is->gone)
			*n = dgram_lose(is);
		else
			isock_hungry(is);
		goto fail;
	}
	iov[0] = (struct iovec){ b->data + ic->buf_off, room };
	iov[1] = (struct iovec){ ic->scratch, ISOCK_SCRATCH };
	*n = recvmsg(is->fd, &m, MSG_DONTWAIT);
	if (*n < 0) {
		*n = -errno;
		goto fail;
	}
	if (!*n && !(m.msg_flags & MSG_CTRUNC))
		goto fail;		/* no message */
	head = (uint32_t)*n < room ? (uint32_t)*n : room;
	if (head)
		packet_append(p, b, ic->buf_off, head);
	ic->buf_off += head;
	if ((uint32_t)*n == head)
		return p;
	if (!packet_copy_in(p, ic->scratch, (uint32_t)*n - head))
		return p;
fail:
	packet_free(p);
	return NULL;
}

static bool dgram_room(const struct isock *is)
{
	return is->gone || socket_poll(is->sk) & EPOLLOUT;
}

/* A question about sockets waits until it can be answered: unread.c */
static bool dgram_asks(struct isock *is)
{
	int n = 0;

	return is->sk->family == AF_NETLINK && !ioctl(is->fd, SIOCINQ, &n) && n;
}

/* True: there may be more, which is not waited for but has its turn later. */
bool pump_dgram_out(struct isock *is)
{
	struct packet *p;
	ssize_t n;
	int err;

	for (int i = 0; i < DGRAM_TURN && !is->eof_out && dgram_room(is); i++) {
		if (dgram_asks(is) && !unread_settle(is))
			return false;
		p = dgram_read(is, &n);
		if (!p && n)
			return false;
		if (!p) {
			is->eof_out = true;
			socket_shutdown(is->sk, SHUT_WR);
			return false;
		}
		err = (int)socket_sendmsg(is->sk, p, NULL, 0, NULL, 0, 0);
		/* an empty netlink message goes nowhere: nobody waits for that news */
		if (err < 0 && err != -EAGAIN && err != -ENODATA)
			is->error = -err;
	}
	return !is->eof_out && dgram_room(is);
}

/* ---- what happens ---- */

static void dgram_interest(struct isock *is)
{
	uint32_t events = EPOLLHUP;

	if (!is->io.loop)
		return;
	if (!is->eof_out && list_empty(&is->hungry) && list_empty(&is->settles) && dgram_room(is))
		events |= EPOLLIN;
	if (is->blocked)
		events |= EPOLLOUT;
	loop_mod(&is->io, events);
}

/* What the program writes makes its end readable; only an end that is not watched has to be looked at besides. */
static bool dgram_unwatched(const struct isock *is)
{
	return is->gone || !is->io.loop;
}

static void dgram_work(struct isock *is, bool out)
{
	bool more;

	is->sk->ending |= is->gone;
	more = out && pump_dgram_out(is);
	if (is->gone) {
		if (is->eof_out)
			isock_release(is, false);
		else if (list_empty(&is->hungry))
			work_defer(is->ic->env, &is->work);
		return;
	}
	dgram_in(is);
	ring_work(is);
	call_wake(is);
	dgram_interest(is);
	if (more && dgram_unwatched(is))
		work_defer(is->ic->env, &is->work);
}

void pump_dgram_work(struct isock *is)
{
	dgram_work(is, dgram_unwatched(is));
}

void pump_dgram_io(struct isock *is, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR)) {
		loop_del(&is->io);
		/* both sides are shut: that looks like a close */
		if (is->prog_shut && is->discard && !(events & EPOLLERR))
			witness_watch(is);
		else
			is->gone = true;
	}
	dgram_work(is, events & EPOLLIN || dgram_unwatched(is));
}
