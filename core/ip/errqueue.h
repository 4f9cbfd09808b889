/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errqueue.h - the error queue of a socket (IP_RECVERR, MSG_ERRQUEUE; ip(7)): ICMP errors and local
 * ones, each with the start of the packet it is about.
 */
#ifndef IP_ERRQUEUE_H
#define IP_ERRQUEUE_H

#include "ip/sock.h"

/* In the cb of a queued packet, whose bytes are those of the packet that failed. */
struct sock_err {
	struct ip_addr dst;		/* where that packet went */
	struct ip_addr offender;	/* who told; any for a local error */
	uint64_t tstamp;
	uint32_t err, info;		/* ee_errno, ee_info: the MTU with EMSGSIZE */
	uint16_t dport;
	uint8_t origin, type, code;	/* SO_EE_ORIGIN_ICMP, _ICMP6, _LOCAL */
};

struct errqueue {
	struct packet_queue q;
	uint32_t truesize;		/* bounded by the socket's rcvbuf */
};

static inline const struct sock_err *sock_err_of(const struct packet *p)
{
	return (const struct sock_err *)p->cb;
}

/* An ICMP error; payload: what of the quoted packet the program is shown. */
void errqueue_icmp(struct errqueue *eq, struct sock *sk, const struct ip_meta *quoted,
		   const struct ip_error *e, uint16_t dport, const void *payload, uint32_t len);
/* A packet to dst was refused here. */
void errqueue_local(struct errqueue *eq, struct sock *sk, const struct ip_addr *dst,
		    uint16_t dport, int err, uint32_t info);
/* The oldest one; SO_ERROR becomes what the next one says. NULL: none. */
struct packet *errqueue_pop(struct errqueue *eq, struct sock *sk);
static inline bool errqueue_empty(const struct errqueue *eq) { return !eq->q.head; }
void errqueue_purge(struct errqueue *eq);

#endif
