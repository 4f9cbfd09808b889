/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw.h - sockets below transports: SOCK_RAW (IPPROTO_ICMP and others) and Linux's SOCK_DGRAM
 * "ping" sockets, whose identifier is the socket's port.
 */
#ifndef RAW_RAW_H
#define RAW_RAW_H

#include "ip/port.h"
#include "ip/sock.h"

struct raw {
	struct env *env;
	struct ip *ip;
	struct port_table ids;		/* of ping sockets */
	struct list socks;		/* SOCK_RAW */
	struct list by_proto[IP_PROTO_MAX];	/* the same, each by its protocol */
	struct list pings;
	struct sock_set set, ping_set;
	uint32_t transport_socks;	/* SOCK_RAW of protocols whose transport is here */
};

extern const struct transport_ops raw_ops;	/* SOCK_RAW */
extern const struct transport_ops ping_ops;	/* SOCK_DGRAM, IPPROTO_ICMP */

/* The socket of family for proto whose names do not contradict a packet with m's. */
struct sock *raw_find(const struct raw *raw, int family, uint8_t proto, const struct ip_meta *m);

int raw_init(struct raw *raw, struct env *env, struct ip *ip);
void raw_destroy(struct raw *raw);

#endif
