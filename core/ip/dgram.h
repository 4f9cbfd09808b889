/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dgram.h - what sockets that keep message boundaries share (udp, raw, ping): a receive queue
 * bounded in memory, an error queue, and the route to the last destination.
 */
#ifndef IP_DGRAM_H
#define IP_DGRAM_H

#include "ip/errqueue.h"
#include "ip/sock.h"

struct dgram_sock {
	struct sock sk;			/* first */
	struct packet_queue rcvq;	/* cb: struct datagram */
	uint32_t rmem;			/* truesize of rcvq */
	uint64_t drops;			/* for want of room */
	struct errqueue errq;
	struct flow routed;		/* what sk.dst was looked up for */
};

static inline struct dgram_sock *dgram_sk(struct sock *sk) { return (struct dgram_sock *)sk; }

/*
 * Queue p (data: what the program gets) with d. p is freed in any case. -ENOMEM: SO_RCVBUF is full;
 * -ENOBUFS: all sockets together have too much (sock_memory.h).
 */
int dgram_deliver(struct dgram_sock *ds, struct packet *p, const struct datagram *d);
/* The same for what is no datagram: cb gets n bytes at from. Back: dgram_take(). */
int dgram_queue(struct dgram_sock *ds, struct packet *p, const void *from, size_t n);
struct packet *dgram_take(struct dgram_sock *ds, void *to, size_t n);
/*
 * Asked before p is copied for one of many sockets: would the copy find room? The same errors; a refusal counts as
 * a drop. 0 where there is a filter: that is asked first. Who reads the socket can say for how long there is no room:
 * full_until.
 */
int dgram_room(struct dgram_sock *ds, const struct packet *p);
/* Everything but what concerns ports: queues are purged, and the socket is freed. */
void dgram_free(struct dgram_sock *ds);

/*
 * The start of a send: fills in the flow, with the peer's address when d names none.
 * -EDESTADDRREQ, -EPIPE, the pending error, -EAGAIN when sndbuf is full.
 */
int dgram_begin(struct dgram_sock *ds, const struct datagram *d, struct flow *f);
/* Route f; f->src is set to the route's choice when it was open. The result is in sk->dst. */
int dgram_route(struct dgram_sock *ds, struct flow *f);
/* Settle DF for an IP packet of len bytes. -EMSGSIZE (queued as a local error with IP_RECVERR). */
int dgram_fits(struct dgram_sock *ds, struct flow *f, uint32_t len, uint16_t dport);
/* An ICMP error for the socket: to its queue with IP_RECVERR, and to SO_ERROR as Linux does. */
void dgram_icmp_error(struct dgram_sock *ds, const struct ip_meta *quoted,
		      const struct ip_error *e, uint16_t dport, const void *payload, uint32_t len);

/* The peer of connect(): route, source address. The port is the transport's. */
int dgram_connect(struct sock *sk, const struct ip_addr *a, uint16_t port);

/* For transport_ops. */
int dgram_disconnect(struct sock *sk);
/* Linux's udp_abort: the program is told err, and the socket has no peer any more. */
void dgram_abort(struct sock *sk, int err);
struct packet *dgram_recv(struct sock *sk, struct datagram *d);
void dgram_unrecv(struct sock *sk, struct packet *p);	/* the last dgram_recv never was */
struct packet *dgram_recverr(struct sock *sk);
uint32_t dgram_pending(struct sock *sk);
uint32_t dgram_poll(struct sock *sk);
uint32_t dgram_unsent(struct sock *sk);
bool dgram_connected(const struct sock *sk);
int dgram_shutdown(struct sock *sk, int how);

#endif
