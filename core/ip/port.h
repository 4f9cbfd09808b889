/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - the port space of a transport: who is bound to what, with Linux's rules for
 * SO_REUSEADDR and SO_REUSEPORT, whose a packet is, and ephemeral ports by RFC 6056 algorithm 4
 * (double hash).
 */
#ifndef IP_PORT_H
#define IP_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/siphash.h"
#include "ip/addr.h"
#include "time/env.h"

#define PORT_EPHEMERAL_MIN 32768u
#define PORT_EPHEMERAL_MAX 60999u
#define PORT_DESTS	   256u		/* RFC 6056 3.3.4's table: a power of two */

struct sock;
struct nic;

/* What is asked of a use of a port. Uses that are alike in all of this are of one kind. */
struct port_traits {
	struct ip_addr addr;
	const struct nic *nic;		/* NULL: any */
	uint32_t uid;			/* with reuseport */
	uint16_t number;		/* 0: the use is none */
	bool reuseaddr, reuseport;
	bool v6only, v6;
	bool by_connect;		/* chosen by port_connect */
	bool listens;
	bool connected;			/* a socket of datagrams that has a peer */
	bool closed;			/* sock->closed */
	bool lingers;			/* a TIME-WAIT entry, which has no socket */
};

enum port_by { PORT_BY_NUMBER, PORT_BY_NAME, PORT_BY_PEER, PORT_RINGS };

/* The uses of one kind, the oldest of which stands for them in a table. */
struct port_ring {
	struct hash_node node;		/* the first's, in table->by[] */
	struct list same;		/* all of them, as they came */
	bool first;
};

/* One user of a port: embedded in struct sock and in what outlives it (a TIME-WAIT entry). */
struct port_use {
	struct port_table *table;	/* while traits.number is set */
	struct sock *sk;		/* NULL: a TIME-WAIT entry */
	struct port_traits traits;	/* as they were when port_requalify() was last called */
	struct port_ring ring[PORT_RINGS];
	struct port_row *row;		/* of a name's first, with SO_REUSEPORT: those that share the load */
	uint32_t row_at;		/* the place there */
	uint64_t seq;			/* the later bound, the higher */
};

struct port_dest {			/* peers whose hash is the same */
	uint32_t counter;
	uint64_t full;			/* the hash of the last of them for which there was no port, */
	uint64_t full_until;		/* ns; 0 = none */
	uint64_t full_releases;		/* table->releases then */
};

struct port_table {
	struct env *env;
	struct hash_table by[PORT_RINGS];
	uint64_t used[65536 / 64];	/* a bit for each port that somebody uses */
	uint64_t seq, releases;
	struct siphash_key key;		/* RFC 6056's secret, and that of the tables */
	struct port_dest dests[PORT_DESTS];
	bool listening;			/* what comes is for sockets that listen (TCP) */
	bool one_family;		/* ping: none for an IPv6 socket that came by IPv4; peers do not count */
};

struct port_names {			/* of what came, as who receives it sees them */
	struct ip_addr src, dst;
	uint16_t sport, dport;
	const struct nic *nic;		/* NULL: not known */
};

/* ---- port.c ---- */

int port_table_init(struct port_table *t, struct env *env);
void port_table_destroy(struct port_table *t);

/*
 * Bind sk to address a and port (0: an ephemeral one, or none yet with IP_BIND_ADDRESS_NO_PORT).
 * Sets sk->local, lport, bound_addr, bound_port. -EADDRINUSE; whether a is an address
 * of ours, and whether the program may have a low port, is judged by who calls.
 */
int port_bind(struct port_table *t, struct sock *sk, const struct ip_addr *a, uint16_t port);
/* Give sk, bound to sk->local, an ephemeral port (listen or send without bind). -EADDRINUSE. */
int port_autobind(struct port_table *t, struct sock *sk);
/* sk is about to listen on the port that it has: -EADDRINUSE when another one does. */
int port_listen(const struct sock *sk);
/*
 * Choose a local port for a connection from sk->local to the remote named: usable(arg, port) says
 * whether the four-tuple is free. A port in use by other connections may be shared. -EADDRNOTAVAIL.
 */
int port_connect(struct port_table *t, struct sock *sk, const struct ip_addr *remote,
		 uint16_t rport, bool (*usable)(void *arg, uint16_t port), void *arg);
/* A child of a listener shares its port. */
void port_inherit(struct port_table *t, struct sock *child, const struct sock *parent);
/* tw takes the place of sk, which has no port afterwards. No-op when sk has none. */
void port_timewait(struct port_use *tw, struct sock *sk);
void port_use_release(struct port_use *use);	/* harmless when it holds none */
void port_release(struct sock *sk);		/* lport becomes 0 */

/* ---- port_use.c ---- */

int port_uses_init(struct port_table *t);
void port_uses_destroy(struct port_table *t);
static inline bool port_used(const struct port_table *t, uint16_t number)
{
	return t->used[number / 64] >> number % 64 & 1;
}
/* Its sk, number and by_connect are set, and with sk NULL all traits. */
void port_use_add(struct port_table *t, struct port_use *use, uint16_t number, bool by_connect);
void port_use_del(struct port_use *use);
/* sk's names, its options (devices, SO_REUSEADDR ...) or whether it listens have changed. */
void port_requalify(struct sock *sk);
void port_set_listens(struct sock *sk, bool listens);

/* A use of a kind that asks(arg, traits) says yes to, of port number and of a name that overlaps a, but not
 * sk's own; NULL: none. Asked is once for each kind. */
struct port_use *port_use_find(const struct port_table *t, uint16_t number, const struct ip_addr *a,
			       const struct sock *sk, bool (*asks)(const void *arg, const struct port_traits *u),
			       const void *arg);
/* Is some use of the port by another way than port_connect? */
bool port_pinned(const struct port_table *t, uint16_t number);

/* Whose is what came for one? NULL: nobody's. */
struct sock *port_receiver(const struct port_table *t, const struct port_names *n);
/* All for whom it is, when it came for all. fn may not change uses of ports. */
void port_receivers(const struct port_table *t, const struct port_names *n,
		    void (*fn)(void *arg, struct sock *sk), void *arg);

#endif
