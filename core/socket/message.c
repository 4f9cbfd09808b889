/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - datagrams between a program and its transport: names and control messages in both
 * directions.
 */
#include <errno.h>
#include <string.h>

#include "socket/internal.h"
#include "socket/socket.h"

/* The flags that change nothing here, for they are honoured by who calls, or only advice. */
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CONFIRM | MSG_DONTROUTE | MSG_EOR)

/* Linux reads a name of family AF_UNSPEC as AF_INET here, for old programs' sake. */
static int send_name(const void *name, socklen_t len, struct datagram *d)
{
	struct sockaddr_in sin;

	if (len < sizeof(sin))
		return -EINVAL;
	memcpy(&sin, name, sizeof(sin));
	if (sin.sin_family == AF_UNSPEC)
		sin.sin_family = AF_INET;
	d->named = true;
	return socket_name(&sin, sizeof(sin), &d->dst, &d->dport);
}

/* MSG_DONTROUTE is SO_DONTROUTE for one packet. */
static int send_unrouted(struct sock *sk, struct packet *p, const struct datagram *d)
{
	bool before = sk->dontroute;
	int err;

	sk->dontroute = true;
	sock_reroute(sk);
	err = sk->ops->send(sk, p, d);
	sk->dontroute = before;
	sock_reroute(sk);
	return err;
}

ssize_t socket_sendmsg(struct sock *sk, struct packet *p, const void *name, socklen_t namelen,
		       const void *control, size_t controllen, int flags)
{
	struct datagram d = { .src = ip_addr_v4(0), .dst = ip_addr_v4(0) };
	ssize_t len = p->len;
	int err = 0;

	if (!sk->ops->send || (flags & ~SEND_FLAGS))
		err = -EOPNOTSUPP;
	if (!err && name)
		err = send_name(name, namelen, &d);
	if (!err && controllen)
		err = control_parse(sk, control, controllen, &d);
	if (err) {
		packet_free(p);
		return err;
	}
	err = flags & MSG_DONTROUTE ? send_unrouted(sk, p, &d) : sk->ops->send(sk, p, &d);
	return err ? err : len;
}

static void fill_name(const struct sock *sk, const struct ip_addr *a, uint16_t port, void *name,
		      socklen_t *namelen)
{
	if (name && namelen)
		ip_addr_to_sockaddr(a, port, sk->family, name, namelen);
}

static struct packet *receive(struct sock *sk, void *name, socklen_t *namelen, struct control *c,
			      int *err)
{
	struct datagram d;
	struct packet *p;

	if (!sk->ops->recv) {
		*err = -EOPNOTSUPP;
		return NULL;
	}
	if (sk->error) {
		*err = -sock_take_error(sk);
		return NULL;
	}
	p = sk->ops->recv(sk, &d);
	if (!p) {
		*err = sk->shut & SOCK_SHUT_RD ? 0 : -EAGAIN;
		return NULL;
	}
	sk->last_tstamp = d.tstamp;
	fill_name(sk, &d.src, d.sport, name, namelen);
	control_fill(c, sk, &d);
	return p;
}

static struct packet *receive_error(struct sock *sk, void *name, socklen_t *namelen,
				    struct control *c, int *flags, int *err)
{
	struct packet *p = sk->ops->recverr ? sk->ops->recverr(sk) : NULL;

	if (!p) {
		*err = -EAGAIN;
		return NULL;
	}
	*flags |= MSG_ERRQUEUE;
	fill_name(sk, &sock_err_of(p)->dst, sock_err_of(p)->dport, name, namelen);
	control_fill_error(c, sk, sock_err_of(p));
	return p;
}

struct packet *socket_recvmsg(struct sock *sk, void *name, socklen_t *namelen, void *control,
			      size_t *controllen, int *flags, int *err)
{
	struct control c = { .data = control, .size = control && controllen ? *controllen : 0 };
	bool errors = flags && (*flags & MSG_ERRQUEUE);
	struct packet *p;
	int out = 0;

	*err = 0;
	p = errors ? receive_error(sk, name, namelen, &c, &out, err)
		   : receive(sk, name, namelen, &c, err);
	if (c.truncated)
		out |= MSG_CTRUNC;
	if (controllen)
		*controllen = c.used;
	if (flags)
		*flags = out;
	return p;
}
