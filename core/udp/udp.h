/* SPDX-License-Identifier: Apache-2.0 */
/* udp.h - the User Datagram Protocol (RFC 768, RFC 1122 4.1, RFC 8085). */
#ifndef UDP_UDP_H
#define UDP_UDP_H

#include "ip/port.h"
#include "ip/sock.h"

struct udp_stats {
	uint64_t in_datagrams, no_ports, in_errors, out_datagrams, rcvbuf_errors, sndbuf_errors, mem_errors,
		 in_csum_errors;
};

struct udp {
	struct env *env;
	struct ip *ip;
	struct port_table ports;
	struct list socks;
	struct sock_set set;
	uint32_t gro_socks;		/* those with UDP_GRO */
	struct udp_stats stats;
};

extern const struct transport_ops udp_ops;

/* Whose is a unicast datagram with these names? */
struct sock *udp_find(struct udp *udp, const struct port_names *n);

int udp_init(struct udp *udp, struct env *env, struct ip *ip);
void udp_destroy(struct udp *udp);

#endif
