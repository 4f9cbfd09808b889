/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - datagrams between a program and its transport: names and control messages in both
 * directions.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "netlink/netlink.h"
#include "pfpacket/sock.h"
#include "socket/internal.h"
#include "socket/socket.h"

/* The flags that change nothing here, for they are honoured by who calls, or only advice. */
#define SEND_FLAGS \
	(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CONFIRM | MSG_DONTROUTE | MSG_EOR | MSG_MORE)

/* UDP over IPv6 takes sockaddr_in as well, and has rules of its own for families that are no
 * name's. */
static bool is_udp6(const struct sock *sk)
{
	return sk->family == AF_INET6 && sk->ops->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP;
}

/* Linux reads a name of family AF_UNSPEC as the socket's here, for old programs' sake; as none in
 * UDP over IPv6, which calls other families invalid. */
static int send_name(const struct sock *sk, const void *name, socklen_t len, struct datagram *d)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	struct sock_name n;
	int err;

	memcpy(&ss, name, len < sizeof(ss) ? len : sizeof(ss));
	if (ss.ss_family == AF_UNSPEC && is_udp6(sk) && len >= sizeof(ss.ss_family))
		return 0;
	if (ss.ss_family == AF_UNSPEC)
		ss.ss_family = (sa_family_t)sk->family;
	err = socket_peer_name(sk, &ss, len, is_udp6(sk), &n);
	if (err == -EAFNOSUPPORT && is_udp6(sk))
		return -EINVAL;
	d->named = true;
	d->dst = n.addr;
	d->dport = n.port;
	d->nic = n.nic;
	return err;
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
	struct datagram d = { .src = sock_any(sk), .dst = sock_any(sk), .more = flags & MSG_MORE };
	ssize_t len = p->len;
	int err = 0;

	if (sk->family == AF_PACKET) {
		err = pfpacket_send(sk, p, name, namelen);
		return err ? err : len;
	}
	if (sk->family == AF_NETLINK) {
		err = netlink_send(sk, p, name, namelen);
		return err ? err : len;
	}
	if (!sk->ops->send || (flags & ~SEND_FLAGS))
		err = -EOPNOTSUPP;
	if (!err && name)
		err = send_name(sk, name, namelen, &d);
	if (!err && controllen)
		err = control_parse(sk, control, controllen, &d);
	if (err) {
		packet_free(p);
		return err;
	}
	err = flags & MSG_DONTROUTE ? send_unrouted(sk, p, &d) : sk->ops->send(sk, p, &d);
	return err ? err : len;
}

static void fill_name(const struct sock *sk, const struct ip_addr *a, uint16_t port,
		      const struct nic *nic, void *name, socklen_t *namelen)
{
	if (name && namelen)
		ip_addr_to_sockaddr(a, port, sk->family, nic ? nic->index : 0, name, namelen);
}

/* A name that is no internet address. */
static void copy_name(const void *from, socklen_t len, void *name, socklen_t *namelen)
{
	if (!name || !namelen)
		return;
	memcpy(name, from, *namelen < len ? *namelen : len);
	*namelen = len;
}

static struct packet *receive_frame(struct sock *sk, void *name, socklen_t *namelen,
				    struct control *c, int *err)
{
	struct pfpacket_frame f;
	struct packet *p;

	if (sk->error) {
		*err = -sock_take_error(sk);
		return NULL;
	}
	p = pfpacket_recv(sk, &f);
	if (!p) {
		*err = -EAGAIN;
		return NULL;
	}
	sk->last_tstamp = f.tstamp;
	copy_name(&f.name, sizeof(f.name), name, namelen);
	control_fill_frame(c, sk, &f, p->len);
	return p;
}

static struct packet *receive_netlink(struct sock *sk, void *name, socklen_t *namelen,
				      struct control *c, int *err)
{
	struct nl_pktinfo info;
	struct sockaddr_nl from;
	struct packet *p;

	if (sk->error) {
		*err = -sock_take_error(sk);
		return NULL;
	}
	p = netlink_recv(sk, &from, &info);
	if (!p) {
		*err = -EAGAIN;
		return NULL;
	}
	copy_name(&from, sizeof(from), name, namelen);
	if (netlink_wants_pktinfo(sk))
		control_put(c, SOL_NETLINK, NETLINK_PKTINFO, &info, sizeof(info));
	return p;
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
	fill_name(sk, &d.src, d.sport, d.nic, name, namelen);
	control_fill(c, sk, &d);
	return p;
}

void socket_unrecv(struct sock *sk, struct packet *p)
{
	dgram_unrecv(sk, p);
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
	fill_name(sk, &sock_err_of(p)->dst, sock_err_of(p)->dport, sk->bound_nic, name, namelen);
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
	if (sk->family == AF_PACKET)
		p = errors ? NULL : receive_frame(sk, name, namelen, &c, err);
	else if (sk->family == AF_NETLINK)
		p = errors ? NULL : receive_netlink(sk, name, namelen, &c, err);
	else
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
