/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack.h - one network stack, whole: every floor's struct, put together.
 *
 * A stack is owned by one thread. It takes time, randomness and memory from who makes it, and has
 * no thread, no fd and no global of its own: a simulation runs many side by side.
 */
#ifndef STACK_H
#define STACK_H

#include "diag/diag.h"
#include "ip/ip.h"
#include "nic/nic.h"
#include "netlink/netlink.h"
#include "nic/qdisc.h"
#include "packet/pool.h"
#include "pfpacket/pfpacket.h"
#include "raw/raw.h"
#include "socket/socket.h"
#include "tcp/tcp.h"
#include "time/env.h"
#include "udp/udp.h"

struct stack_config {
	uint64_t now;				/* ns */
	struct random random;
	struct log log;
	uint64_t memory;			/* bytes for packets and buffers; 0 = 256 MiB */
	const struct qdisc_kinds *qdiscs;	/* may be NULL: no qdisc by name */
	const struct congestion_ops *congestion;	/* the default; needed for TCP */
	const void *congestion_params;
};

struct stack {
	struct env env;
	struct packet_pool pool;
	struct nics nics;
	struct ip ip;
	struct udp udp;
	struct raw raw;
	struct pfpacket pfpacket;
	struct tcp tcp;
	struct netlink netlink;
	struct diag diag;
	struct nic *lo;				/* made with the stack: 127.0.0.1/8, ::1/128 */
};

struct stack *stack_create(const struct stack_config *c, struct weir_error *e);
/* Closes what is still open with RST, frees everything. */
void stack_destroy(struct stack *s);
/* One turn at time now; and when the next is due (ns, TIMER_NEVER, 0 = at once). */
void stack_run(struct stack *s, uint64_t now);
uint64_t stack_next(const struct stack *s);

#endif
