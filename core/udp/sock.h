/* SPDX-License-Identifier: Apache-2.0 */
/* sock.h - a UDP socket, and the functions that udp's files share. */
#ifndef UDP_SOCK_H
#define UDP_SOCK_H

#include "ip/dgram.h"
#include "udp/udp.h"

/* <netinet/udp.h> may be older than these, and <linux/udp.h> does not go with it. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT	 103
#endif
#ifndef UDP_GRO
#define UDP_GRO		 104
#endif
#ifndef UDP_NO_CHECK6_TX
#define UDP_NO_CHECK6_TX 101
#define UDP_NO_CHECK6_RX 102
#endif

#define UDP_HEADER_LEN	 8u
#define UDP_MAX_SEGMENTS 128u	/* of one super-packet, either way: as Linux */

struct udp_sock {
	struct dgram_sock ds;		/* first */
	uint16_t gso_size;		/* UDP_SEGMENT */
	bool gro;			/* UDP_GRO: datagrams of one flow come many in one */
	bool no_check6_tx, no_check6_rx;
	bool cork;			/* UDP_CORK */
	struct packet *corked;		/* a datagram under way (UDP_CORK, MSG_MORE), */
	struct datagram corked_to;	/* and what its first part said */
};

static inline struct udp_sock *udp_sk(struct sock *sk) { return (struct udp_sock *)sk; }
static inline struct udp *udp_of(const struct sock *sk) { return sk->table; }

/* output.c */
/* Send what is corked, if anything is. */
int udp_push(struct sock *sk);
int udp_send(struct sock *sk, struct packet *p, const struct datagram *d);
/* input.c */
/* UDP_GRO; the NICs are told whether any socket wants datagrams in bulk. */
void udp_set_gro(struct sock *sk, bool on);
bool udp_input(void *arg, struct packet *p, const struct ip_meta *m);
void udp_error(void *arg, const struct ip_meta *quoted, const uint8_t *transport, uint32_t len,
	       const struct ip_error *e);

#endif
