/* SPDX-License-Identifier: Apache-2.0 */
/* sock.h - a UDP socket, and the functions that udp's files share. */
#ifndef UDP_SOCK_H
#define UDP_SOCK_H

#include "ip/dgram.h"
#include "udp/udp.h"

#define UDP_HEADER_LEN	 8u
#define UDP_MAX_SEGMENTS 128u	/* of one super-packet, either way: as Linux */

struct udp_sock {
	struct dgram_sock ds;		/* first */
	uint16_t gso_size;		/* UDP_SEGMENT */
};

static inline struct udp_sock *udp_sk(struct sock *sk) { return (struct udp_sock *)sk; }
static inline struct udp *udp_of(const struct sock *sk) { return sk->table; }

/* output.c */
int udp_send(struct sock *sk, struct packet *p, const struct datagram *d);
/* input.c */
bool udp_input(void *arg, struct packet *p, const struct ip_meta *m);
void udp_error(void *arg, const struct ip_meta *quoted, const uint8_t *transport, uint32_t len,
	       const struct ip_error *e);

#endif
