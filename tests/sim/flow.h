/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.h - a TCP connection with a program at each end, in a simulated world. Both write a stream
 * that is known at every offset and check the one they read; how they write, read, pause and end is
 * drawn from the seed.
 */
#ifndef SIM_FLOW_H
#define SIM_FLOW_H

#include <netinet/in.h>

#include "sim.h"

enum flow_close {			/* how an end goes, once it has sent all */
	FLOW_HALF,			/* shutdown(SHUT_WR), read to the end, close */
	FLOW_CLOSE_AT_END,		/* read to the end first, then close */
	FLOW_CLOSE,			/* close at once: what the peer still sends is not wanted */
	FLOW_RESET,			/* RST, after some bytes, or at once when all is sent */
};

struct flow_end {
	struct sim_flow *flow;
	struct sim_host *host;
	struct weir_sock *sk;
	uint64_t key_out, key_in;	/* of the streams */
	uint64_t to_send, sent, received;
	uint32_t chunk, read_max;
	uint32_t pause_chance;		/* of 100 calls */
	enum flow_close how;
	uint64_t reset_after;		/* FLOW_RESET: bytes moved */
	bool connected, shut, eof, closed, paused, error;
	int pending_wakes;
};

struct sim_flow {
	struct sim *sim;
	struct flow_end end[2];		/* [0] connects, [1] accepts */
	struct flow_listener *listener;
	uint64_t key;
	bool fair;			/* both ends stay until all is read: nothing else may happen */
	bool closed;			/* both */
	bool refused;			/* nobody was there */
};

struct flow_listener {
	struct sim *sim;
	struct sim_host *host;
	struct weir_sock *sk;
	struct sockaddr_storage addr;	/* where clients connect to */
	struct sim_flow *flows;		/* who may come, found by the client's port */
	int nflows, accepted;
	struct sim_host *client;	/* for who wants to remember */
};

#define FLOW_PORT 2000		/* flow i connects from FLOW_PORT + i */

/* The programs of a flow, by the seed. ends: how it may end, as a mask of enum flow_close. */
void flow_init(struct sim *s, struct sim_flow *f, uint32_t key, uint32_t ends);
/* Listens at addr and accepts for flows[0..n). backlog as in listen(2), rcvbuf 0: the default. */
void flow_listen(struct flow_listener *l, struct sim_host *h, const struct sockaddr_storage *addr,
		 int backlog, uint32_t rcvbuf, struct sim_flow *flows, int n);
/* flows[i] of l connects from h. */
void flow_connect(struct flow_listener *l, int i, struct sim_host *h);
void flow_unlisten(struct flow_listener *l);

/* "10.0.0.1", "fd00::1", "::ffff:10.0.0.1"; its family is that of the sockets that use it. */
struct sockaddr_storage sim_sockaddr(const char *addr, uint16_t port);

#endif
