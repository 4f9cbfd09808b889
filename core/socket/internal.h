/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of core/socket/ share. */
#ifndef SOCKET_INTERNAL_H
#define SOCKET_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "ip/dgram.h"
#include "ip/sock.h"


struct sock_name {
	struct ip_addr addr;
	uint16_t port;
	struct nic *nic;		/* of an address that is a name on one link; NULL: not said */
};

/* A name that a program passed to sk. either: an AF_INET6 socket takes a sockaddr_in, too. -EINVAL,
 * -EAFNOSUPPORT, -ENODEV. */
int socket_name(const struct sock *sk, const void *sa, socklen_t len, bool either,
		struct sock_name *n);
/* The same of whom to talk to: nothing leads over a NIC that there is not, -ENETUNREACH. */
int socket_peer_name(const struct sock *sk, const void *sa, socklen_t len, bool either,
		     struct sock_name *n);

/* sockopt.c, ipopt.c: -ENOPROTOOPT for what they do not know. */
int sol_socket_set(struct sock *sk, int name, const void *v, socklen_t len);
int sol_socket_get(struct sock *sk, int name, void *v, socklen_t *len);
int sol_ip_set(struct sock *sk, int name, const void *v, socklen_t len);
int sol_ip_get(struct sock *sk, int name, void *v, socklen_t *len);
int sol_ipv6_set(struct sock *sk, int name, const void *v, socklen_t len);	/* ipv6opt.c */
int sol_ipv6_get(struct sock *sk, int name, void *v, socklen_t *len);

/* IP_UNICAST_IF and IPV6_UNICAST_IF: *index is the socket's, the value in network byte order. */
int set_unicast_if(struct sock *sk, unsigned int *index, const void *v, socklen_t len);

/* What the values of most options are. */
#define MTU_DISCOVER_MAX 5	/* IP_PMTUDISC_OMIT, IPV6_PMTUDISC_OMIT */

static inline int set_flag(bool *flag, int v)
{
	*flag = v != 0;
	return 0;
}

static inline int set_ranged(uint8_t *to, int v, int min, int max)
{
	if (v < min || v > max)
		return -EINVAL;
	*to = (uint8_t)v;
	return 0;
}

/* mcastopt.c: memberships and source filters. family is that of the level. -ENOPROTOOPT. */
int mcast_set(struct sock *sk, int family, int name, const void *v, socklen_t len);
int mcast_get(struct sock *sk, int family, int name, void *v, socklen_t *len);
int mcast_ip6_set(struct sock *sk, int name, const void *v, socklen_t len);
int mcast_ip6_get(struct sock *sk, int name, void *v, socklen_t *len);
int mcast_ip_set(struct sock *sk, int name, const void *v, socklen_t len);
int mcast_ip_get(struct sock *sk, int name, void *v, socklen_t *len);

/* cmsg.c */

/* Control messages being written, as Linux's put_cmsg: the last one may be cut. */
struct control {
	uint8_t *data;			/* NULL: nobody wants any */
	size_t size, used;
	bool truncated;			/* MSG_CTRUNC */
};

/* What a program's control messages ask of a datagram. -EINVAL, -ENODEV. */
int control_parse(struct sock *sk, const void *control, size_t len, struct datagram *d);
/* What the socket's options want to tell about a received datagram. */
void control_fill(struct control *c, struct sock *sk, const struct datagram *d);
struct pfpacket_frame;
struct sock_extended_err;
void control_fill_frame(struct control *c, struct sock *sk, const struct pfpacket_frame *f,
			uint32_t snaplen);
void control_fill_error(struct control *c, struct sock *sk, const struct sock_err *e);
/* What both families tell of an error, but for its sender. */
struct sock_extended_err control_error(const struct sock_err *e);
void control_put(struct control *c, int level, int type, const void *data, size_t len);
/* cmsg6.c: what of them is AF_INET6's. */
int control_parse6(struct sock *sk, int type, const uint8_t *data, size_t len,
		   struct datagram *d);
void control_fill6(struct control *c, struct sock *sk, const struct datagram *d);
void control_fill_error6(struct control *c, const struct sock_err *e);
/* Time of day of a time of the stack's clock. */
uint64_t control_wall(const struct sock *sk, uint64_t tstamp);

#endif
