/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of core/socket/ share. */
#ifndef SOCKET_INTERNAL_H
#define SOCKET_INTERNAL_H

#include "ip/dgram.h"
#include "ip/sock.h"

/* TCP_ESTABLISHED ... of <netinet/tcp.h>; 0: no stream. */
int socket_stream_state(struct sock *sk);
/* A sockaddr_in that a program passed. -EINVAL, -EAFNOSUPPORT. */
int socket_name(const void *sa, socklen_t len, struct ip_addr *a, uint16_t *port);

/* sockopt.c, ipopt.c: -ENOPROTOOPT for what they do not know. */
int sol_socket_set(struct sock *sk, int name, const void *v, socklen_t len);
int sol_socket_get(struct sock *sk, int name, void *v, socklen_t *len);
int sol_ip_set(struct sock *sk, int name, const void *v, socklen_t len);
int sol_ip_get(struct sock *sk, int name, void *v, socklen_t *len);

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
void control_fill_error(struct control *c, struct sock *sk, const struct sock_err *e);
/* Time of day of a time of the stack's clock. */
uint64_t control_wall(const struct sock *sk, uint64_t tstamp);

#endif
