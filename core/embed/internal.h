/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what is behind the handles of weir/weir.h. Everything here is a thin layer: what a
 * handle adds to the core's own object is the program's callbacks, and what has to go with it.
 */
#ifndef EMBED_INTERNAL_H
#define EMBED_INTERNAL_H

#include <weir/weir.h>

#include "module/params.h"
#include "module/registry.h"
#include "stack.h"
#include "tcp/kinds.h"

struct weir_modules {
	struct registry registry;
	struct log log;			/* of the stack that they are the own ones of */
};

struct weir_stack {
	struct stack *stack;
	struct weir_modules *modules;
	bool own_modules;
	struct random_buffer random;	/* getrandom's, where the program has none */
	void (*log)(void *arg, enum weir_log_level level, const char *text);
	void *log_arg;
	struct qdisc_kinds qdiscs;
	struct congestion_sets congestions;
	struct tcp_congestion_kinds congestion_kinds;
	struct module *congestion_module;	/* of the default */
	struct list nics, socks;	/* struct weir_nic, struct weir_sock */
	uint64_t nsocks;
	struct buf *tx;			/* what the next bytes to be sent are copied into */
	uint32_t tx_used;
};

struct weir_nic {
	struct list node;
	struct weir_stack *stack;
	struct nic *nic;
	int (*transmit)(void *arg, const struct iovec *iov, int n, size_t len,
			const struct virtio_net_hdr *vnet);
	void *arg;
	struct packet_queue rx;		/* given to weir_nic_input, for the next turn */
	/* Of a driver module's; NULL: the link is the callbacks. */
	struct module *module;
	struct link opened;		/* as open left it, for close */
	void *params;
};

struct weir_sock {
	struct list node;
	struct weir_stack *stack;
	struct sock *sk;
	void (*event)(struct weir_sock *sk, uint32_t events, void *arg);
	void *event_arg;
	struct work work;		/* calls it */
};

/* name, value, ..., NULL as settings; how many, or -E2BIG. */
int embed_settings(const char *const *params, struct setting s[PARAM_TABLE_MAX],
		   struct weir_error *e);
/* Frames that wait for a turn; take them in. */
bool embed_rx_pending(const struct weir_stack *s);
void embed_rx(struct weir_stack *s);
/* Bytes in the buffer s->tx, which has at least one, or NULL without memory. */
struct buf *embed_tx(struct weir_stack *s, size_t want, uint32_t *room);

#endif
