/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - the port space of a transport: who is bound to what, with Linux's rules for
 * SO_REUSEADDR and SO_REUSEPORT, and ephemeral ports by RFC 6056 algorithm 3 (double hash is 4).
 */
#ifndef IP_PORT_H
#define IP_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/siphash.h"
#include "ip/sock.h"

#define PORT_EPHEMERAL_MIN 32768u
#define PORT_EPHEMERAL_MAX 60999u

struct port {			/* one port with sockets bound to it */
	struct hash_node node;
	uint16_t number;
	struct list socks;	/* struct port_use */
};

struct port_table {
	struct env *env;
	struct hash_table ports;
	struct siphash_key key;	/* RFC 6056 3.3.3's secret */
	uint32_t counter;
};

int port_table_init(struct port_table *t, struct env *env);
void port_table_destroy(struct port_table *t);
/* Bind sk to address a and port (0: an ephemeral one). Sets sk->local, lport. -EADDRINUSE, -EADDRNOTAVAIL, -EACCES.
 * listening: called for a socket that is in LISTEN (reuseaddr does not help against one). */
int port_bind(struct port_table *t, struct sock *sk, const struct ip_addr *a, uint16_t port,
	      bool (*listening)(const struct sock *));
/*
 * Choose a local port for a connection from sk->local to the remote named: usable(arg, port) says
 * whether the four-tuple is free. A port in use by other connections may be shared. -EADDRNOTAVAIL.
 */
int port_connect(struct port_table *t, struct sock *sk, const struct ip_addr *remote,
		 uint16_t rport, bool (*usable)(void *arg, uint16_t port), void *arg);
/* A child of a listener, or a TIME-WAIT entry's heir, shares its port. */
int port_inherit(struct port_table *t, struct sock *child, const struct sock *parent);
void port_release(struct sock *sk);

#endif
