/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - the port space of a transport: who is bound to what, with Linux's rules for
 * SO_REUSEADDR and SO_REUSEPORT, and ephemeral ports by RFC 6056 algorithm 4 (double hash).
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
#define PORT_COUNTERS	   256u		/* RFC 6056 3.3.4's table: a power of two */

struct sock;
struct nic;

struct port {				/* one port that is in use */
	struct hash_node node;
	struct port_table *table;
	uint16_t number;
	uint32_t pinned;		/* uses that came by bind(): no connection may share the port */
	struct list uses;		/* struct port_use */
};

/* One user of a port: embedded in struct sock and in what outlives it (a TIME-WAIT entry). */
struct port_use {
	struct list node;		/* port->uses */
	struct port *port;		/* NULL: none */
	struct sock *sk;		/* NULL: a TIME-WAIT entry, which has what it needs below */
	bool by_connect;		/* chosen by port_connect */
	bool reuseaddr, reuseport;
	struct ip_addr addr;
	struct nic *nic;
};

struct port_table {
	struct env *env;
	struct hash_table ports;
	struct siphash_key key;		/* RFC 6056's secret */
	uint32_t counters[PORT_COUNTERS];
};

int port_table_init(struct port_table *t, struct env *env);
void port_table_destroy(struct port_table *t);
/* The port, when somebody uses it. Demultiplexing walks its uses. */
struct port *port_find(const struct port_table *t, uint16_t number);

/*
 * Bind sk to address a and port (0: an ephemeral one, or none yet with IP_BIND_ADDRESS_NO_PORT).
 * Sets sk->local, lport, bound_addr, bound_port. -EADDRINUSE, -ENOMEM; whether a is an address
 * of ours, and whether the program may have a low port, is judged by who calls.
 * listening: true for a socket in LISTEN (SO_REUSEADDR does not help against one); may be NULL.
 */
int port_bind(struct port_table *t, struct sock *sk, const struct ip_addr *a, uint16_t port,
	      bool (*listening)(const struct sock *));
/* Give sk, bound to sk->local, an ephemeral port (listen or send without bind). -EADDRINUSE,
 * -ENOMEM. */
int port_autobind(struct port_table *t, struct sock *sk);
/* sk is about to listen on the port that it has: -EADDRINUSE when another one does. */
int port_listen(const struct sock *sk, bool (*listening)(const struct sock *));
/*
 * Choose a local port for a connection from sk->local to the remote named: usable(arg, port) says
 * whether the four-tuple is free. A port in use by other connections may be shared. -EADDRNOTAVAIL.
 */
int port_connect(struct port_table *t, struct sock *sk, const struct ip_addr *remote,
		 uint16_t rport, bool (*usable)(void *arg, uint16_t port), void *arg);
/* A child of a listener shares its port. */
int port_inherit(struct port_table *t, struct sock *child, const struct sock *parent);
/* tw takes the place of sk, which has no port afterwards. No-op when sk has none. */
void port_timewait(struct port_use *tw, struct sock *sk);
void port_use_release(struct port_use *use);	/* harmless when it holds none */
void port_release(struct sock *sk);		/* lport becomes 0 */

#endif
