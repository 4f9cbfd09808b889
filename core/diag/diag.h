/* SPDX-License-Identifier: Apache-2.0 */
/* diag.h - NETLINK_SOCK_DIAG (sock_diag(7)): the stack's sockets for ss. */
#ifndef DIAG_DIAG_H
#define DIAG_DIAG_H

#include "netlink/netlink.h"
#include "raw/raw.h"
#include "tcp/tcp.h"
#include "udp/udp.h"

struct inet_diag_req_v2;

struct diag {
	struct netlink_table table;
	struct tcp *tcp;
	struct udp *udp;
	struct raw *raw;
};

/* From now on nl answers for these; they and d live as long as it does. */
void diag_init(struct diag *d, struct netlink *nl, struct tcp *tcp, struct udp *udp, struct raw *raw);

/* inet_diag(7)'s number of a timer of struct tcp_row; 0: none. */
#define DIAG_TIMER_KEEPALIVE 2
#define DIAG_TIMER_PERSIST   4
uint8_t diag_timer(const char *name);

/* A socket as a row of ss. */
struct diag_row {
	int family;
	uint8_t state;			/* TCP_ESTABLISHED, ... */
	uint8_t timer, retries;		/* inet_diag(7)'s numbers */
	uint64_t expires;		/* of the timer: ns from now */
	struct ip_addr local, remote;
	uint16_t lport, rport;
	uint32_t recv_q, send_q;
	struct sock *sk;		/* NULL: there is no socket any more (TIME-WAIT) */
};

void diag_row_tcp(const struct tcp_row *t, struct diag_row *r);
void diag_row_datagram(struct sock *sk, struct diag_row *r);
/* The message that tells of r, as req wishes. False: there is no room left. */
bool diag_row_fill(struct nlbuf *nb, const struct nlbuf_to *to, const struct inet_diag_req_v2 *req,
		   const struct diag_row *r);

/* one.c: handlers of requests that name one socket. */
int diag_get(struct netlink_request *rq);
int diag_destroy(struct netlink_request *rq);

/*
 * filter.c: the conditions of a dump, as ss compiles them ("sport = :80 and dst 10/8"). diag_filter
 * says whether a row is wanted; what is malformed wants none, and diag_filter_check finds it first:
 * -EINVAL.
 */
int diag_filter_check(const void *code, size_t len);
bool diag_filter(const void *code, size_t len, const struct diag_row *r);

#endif
