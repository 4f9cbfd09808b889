/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pfpacket.h - packet sockets (packet(7)): frames as NICs see them, for tcpdump, arping and DHCP
 * clients.
 */
#ifndef PFPACKET_PFPACKET_H
#define PFPACKET_PFPACKET_H

#include "ip/sock.h"
#include "nic/nic.h"

struct pfpacket {
	struct env *env;
	struct ip *ip;
	struct list socks;
	struct list listeners;		/* those that are bound to a protocol */
	struct sock_set set;
	struct nic_tap tap;		/* among the NICs' while a socket listens */
};

extern const struct transport_ops pfpacket_raw_ops;	/* SOCK_RAW: with the link header */
extern const struct transport_ops pfpacket_dgram_ops;	/* SOCK_DGRAM: without */

void pfpacket_init(struct pfpacket *pf, struct env *env, struct ip *ip);
void pfpacket_destroy(struct pfpacket *pf);
/* socket()'s protocol, in host order. */
void pfpacket_set_proto(struct sock *sk, uint16_t proto);
/* The memory that the program is to map (PACKET_RX_RING), or -1. It stays the socket's. */
int pfpacket_ring_fd(struct sock *sk);
#define PFPACKET_RING_NAME "ring"	/* as memfd_create() has it */

#endif
