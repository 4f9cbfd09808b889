/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket.h - BSD socket semantics over the transports, always non-blocking.
 *
 * The names and errors are those of Linux's system calls of the same names; results are 0 or a
 * count, or a negative errno. Addresses are struct sockaddr bytes as the program passed them,
 * already copied; their length is checked here.
 */
#ifndef SOCKET_SOCKET_H
#define SOCKET_SOCKET_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "ip/sock.h"

struct stack;

/* type without SOCK_NONBLOCK and SOCK_CLOEXEC. NULL: *err is -EAFNOSUPPORT, -ESOCKTNOSUPPORT,
 * -EPROTONOSUPPORT, -ENOBUFS or -EPERM (raw without leave). privileged: with CAP_NET_RAW,
 * of AF_NETLINK with CAP_NET_ADMIN. */
struct sock *socket_create(struct stack *s, int family, int type, int protocol, bool privileged,
			   int *err);
void socket_close(struct sock *sk);			/* with SO_LINGER's meaning of 0 seconds: RST */
void socket_abort(struct sock *sk);
void socket_set_event(struct sock *sk, void (*event)(void *arg), void *arg);

int socket_bind(struct sock *sk, const void *sa, socklen_t len);
int socket_listen(struct sock *sk, int backlog);
int socket_connect(struct sock *sk, const void *sa, socklen_t len);	/* -EINPROGRESS: poll for OUT */
struct sock *socket_accept(struct sock *sk, int *err);
int socket_shutdown(struct sock *sk, int how);
/* What that would answer for SHUT_WR: for who has to send first what came before. */
int socket_may_shutdown(const struct sock *sk);
int socket_getsockname(struct sock *sk, void *sa, socklen_t *len);
int socket_getpeername(struct sock *sk, void *sa, socklen_t *len);
void socket_peer(const struct sock *sk, void *sa, socklen_t *len);	/* that it has or had, for accept() */
uint32_t socket_poll(struct sock *sk);
int socket_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len);
int socket_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len);
int socket_stream_state(struct sock *sk);	/* TCP_ESTABLISHED ... of <netinet/tcp.h>; 0: no stream */
int socket_take_error(struct sock *sk);			/* SO_ERROR: positive errno, cleared */
/* SIOCGIF*, SIOCINQ, SIOCOUTQ ...; arg is a copy of the program's struct, len its size. */
int socket_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len);
/* Those that no socket is needed for. */
int socket_nics_ioctl(struct nics *nics, unsigned long request, void *arg, size_t len);

/* Streams: see transport_ops. */
uint32_t socket_space(struct sock *sk);
ssize_t socket_write(struct sock *sk, struct buf *b, uint32_t off, uint32_t len, int flags);
int socket_peek(struct sock *sk, struct iovec *iov, int max);
void socket_consume(struct sock *sk, uint32_t n);
/* What recv(2) answers when socket_peek has nothing: 0 where the peer has ended the stream, else the
 * pending error, 0 after shutdown(), -ENOTCONN, -EAGAIN. */
int socket_recv_none(struct sock *sk);
int64_t socket_mark(struct sock *sk);
/* connect to a name with data in the SYN (MSG_FASTOPEN): see transport_ops. */
ssize_t socket_fastopen(struct sock *sk, const void *sa, socklen_t salen, struct buf *b,
			uint32_t off, uint32_t len);
int socket_recv_oob(struct sock *sk, uint8_t *byte, int flags);

/*
 * Datagrams. p holds the payload behind PACKET_HEADROOM bytes and is consumed. name NULL: the
 * connected peer. control: cmsg bytes (IP_PKTINFO, IP_TTL, IP_TOS, UDP_SEGMENT). Answers the bytes
 * taken or -errno; -EAGAIN means no room in SO_SNDBUF, and the packet is lost: poll for OUT first.
 */
ssize_t socket_sendmsg(struct sock *sk, struct packet *p, const void *name, socklen_t namelen,
		       const void *control, size_t controllen, int flags);
/*
 * The next datagram (its bytes in p, whole: the caller cuts them to the program's buffer), NULL
 * with *err -EAGAIN, a pending error, or 0 after shutdown(SHUT_RD). name and control are filled up
 * to *len, which becomes what was filled (control) or what there would be (name). *flags:
 * MSG_ERRQUEUE asks for the error queue; answered are MSG_CTRUNC and MSG_ERRQUEUE. MSG_PEEK is
 * socket_unrecv() afterwards. name, control and flags may be NULL.
 */
struct packet *socket_recvmsg(struct sock *sk, void *name, socklen_t *namelen, void *control,
			      size_t *controllen, int *flags, int *err);
/* p was only looked at: the next socket_recvmsg gives it again. Not for the error queue's. */
void socket_unrecv(struct sock *sk, struct packet *p);

#endif
