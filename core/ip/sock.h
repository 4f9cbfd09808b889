/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock.h - what every transport's sockets share: names, options of the SOL_SOCKET and IP
 * levels, pending errors, and the operations the socket floor calls.
 *
 * Everything is non-blocking. When what socket_poll() would answer may have changed, the
 * transport calls sock_event(); the owner's callback runs at once and must only note it (a work).
 */
#ifndef IP_SOCK_H
#define IP_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <weir/packet.h>

#include "base/hash.h"
#include "base/list.h"
#include "ip/ip.h"

struct sock;

/* What came or goes with a datagram. */
struct datagram {
	struct ip_addr src, dst;	/* received: both; to send: dst, and src where PKTINFO chose */
	uint16_t sport, dport;		/* host order */
	struct nic *nic;
	uint8_t ttl, tos;		/* to send: 0 ttl = the socket's */
	bool has_tos;
	uint16_t gso_size;		/* UDP_SEGMENT, 0 = none */
	uint64_t tstamp;
};

struct transport_ops {
	int type, protocol;		/* SOCK_STREAM, IPPROTO_TCP */
	size_t size;			/* of the transport's struct, struct sock first */
	int (*init)(struct sock *sk);
	/* The owner lets go: the transport closes in its own time and frees sk. abort: with RST. */
	void (*close)(struct sock *sk, bool abort);

	int (*bind)(struct sock *sk, const struct ip_addr *a, uint16_t port);
	int (*connect)(struct sock *sk, const struct ip_addr *a, uint16_t port);
	int (*disconnect)(struct sock *sk);		/* connect to AF_UNSPEC */
	int (*listen)(struct sock *sk, int backlog);
	struct sock *(*accept)(struct sock *sk, int *err);	/* err: -EAGAIN, -EINVAL ... */
	int (*shutdown)(struct sock *sk, int how);
	uint32_t (*poll)(struct sock *sk);		/* EPOLLIN | EPOLLOUT | ... */

	/* Streams. space: bytes the send queue would take now. */
	uint32_t (*space)(struct sock *sk);
	/* Append bytes of a buffer (a reference is taken). flags: MSG_MORE, MSG_OOB. Bytes taken or -errno. */
	ssize_t (*write)(struct sock *sk, struct buf *b, uint32_t off, uint32_t len, int flags);
	/* The received bytes in order, as iovecs: entries used, 0 = none yet or EOF (poll tells). */
	int (*peek)(struct sock *sk, struct iovec *iov, int max);
	void (*consume)(struct sock *sk, uint32_t n);	/* n bytes were read */
	uint32_t (*unsent)(struct sock *sk);		/* SIOCOUTQ: bytes not acknowledged */

	/* Datagrams. send consumes p (data: payload) whatever it answers. */
	int (*send)(struct sock *sk, struct packet *p, const struct datagram *d);
	struct packet *(*recv)(struct sock *sk, struct datagram *d);	/* NULL: none */

	/* -ENOPROTOOPT for what the transport does not know; the socket floor has tried its own first. */
	int (*setsockopt)(struct sock *sk, int level, int name, const void *v, socklen_t len);
	int (*getsockopt)(struct sock *sk, int level, int name, void *v, socklen_t *len);
};

struct sock {
	const struct transport_ops *ops;
	struct ip *ip;
	void *table;			/* the transport's struct of the stack: struct tcp, udp, raw */
	struct list all;		/* in the transport's list of all sockets, for dumps */
	struct hash_node bind_node;	/* port.h */
	struct port *port;
	int family;			/* AF_INET, AF_INET6: how names are shown */
	uint8_t protocol;
	struct ip_addr local, remote;	/* any until bound / connected */
	uint16_t lport, rport;		/* host order; 0 = none */
	bool bound_addr, bound_port;	/* by bind(), as opposed to chosen on connect */
	struct dst dst;
	uint64_t inode;			/* shown in dumps; the interceptor's number for it */

	/* options */
	bool reuseaddr, reuseport, broadcast, keepalive, oobinline, dontroute;
	bool linger_on;
	int linger_s;
	uint32_t rcvbuf, sndbuf;	/* bytes, as set by the core (getsockopt shows twice what was set) */
	bool rcvbuf_locked, sndbuf_locked;	/* set by the program: no auto-tuning */
	uint32_t rcvlowat;
	uint8_t ttl, tos;		/* ttl 0 = default */
	uint32_t priority, mark;
	uint8_t mtu_discover;		/* IP_PMTUDISC_* */
	bool recverr, pktinfo, recvttl, recvtos, hdrincl, timestamp;
	struct nic *bound_nic;

	int error;			/* SO_ERROR: pending, positive errno; read clears it */
	uint8_t shut;			/* 1 = RCV_SHUTDOWN, 2 = SEND_SHUTDOWN */

	void (*event)(void *arg);	/* the owner's; NULL when nobody owns it */
	void *event_arg;
};

#define SOCK_SHUT_RD 1u
#define SOCK_SHUT_WR 2u

/* A zeroed transport sock with defaults; ops->init has run. */
struct sock *sock_create(struct ip *ip, void *table, const struct transport_ops *ops, int family,
			 int protocol, int *err);
void sock_free(struct sock *sk);	/* unbinds its port; the transport has let go of everything else */
void sock_event(struct sock *sk);
/* Set SO_ERROR and tell. */
void sock_error(struct sock *sk, int err);
/* The flow of this socket's options and names. */
void sock_flow(const struct sock *sk, struct flow *f);
/* sk->dst, looked up again when it is out of date. 0 or -errno. */
int sock_route(struct sock *sk);

#endif
