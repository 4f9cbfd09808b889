/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testnet.h - a stack's lower floors on virtual time, for tests: env, pool, NICs with captured
 * links, and ip.
 *
 * What the stack transmits is captured, frame by frame, and taken with testnet_take; what it is to
 * receive is given with testnet_feed. Time moves only by testnet_run. A transport is put on top
 * with its own init function: udp_init(&udp, &tn->env, &tn->ip).
 */
#ifndef TESTNET_H
#define TESTNET_H

#include "base/random.h"
#include "ip/ip.h"
#include "nic/ethernet.h"
#include "nic/nic.h"
#include "packet/pool.h"

#define MSEC	1000000ull
#define SEC	1000000000ull

/* An address as text. Aborts when it is none. */
struct ip_addr testnet_addr(const char *text);

struct testnet {
	struct env env;
	struct random_seeded seed;
	struct packet_pool pool;
	struct nics nics;
	struct ip ip;
	struct nic *lo;
	int logged;			/* lines that the stack logged */
};

/* lo has 127.0.0.1/8 and ::1/128. Time starts at one hour. */
void testnet_init(struct testnet *tn, uint64_t seed);
/* Tears down; every packet and buffer must have been given back. */
void testnet_fini(struct testnet *tn);

struct testnet_link_config {
	const char *name;		/* NULL: eth0 */
	uint8_t addr[LINK_ADDR_LEN];	/* all zero: 02:00:00:00:00:01 */
	uint32_t mtu;			/* 0: 1500 */
	uint32_t caps, gso_max;
};

/* A NIC with a captured link and a plain unlimited root qdisc. */
struct nic *testnet_nic(struct testnet *tn, const struct testnet_link_config *c);
/* The same by defaults, with an address of text and prefix. */
struct nic *testnet_eth(struct testnet *tn, const char *addr, uint8_t prefix);
/* The link takes at most n packets from now on, in all; -1 = any number. */
void testnet_link_room(struct nic *nic, int n);

/* The next captured frame, data at the Ethernet header; NULL: none. The caller frees it. */
struct packet *testnet_take(struct nic *nic);
/* The next one copied to frame[size]: its length, 0 = none. */
uint32_t testnet_take_bytes(struct nic *nic, void *frame, uint32_t size);
uint32_t testnet_captured(const struct nic *nic);	/* frames that wait to be taken */
void testnet_discard(struct nic *nic);			/* forget them */

/* A frame comes in; then the turn ends. */
void testnet_feed(struct testnet *tn, struct nic *nic, const void *frame, uint32_t len);
/* An IP packet of either family comes in from the station at mac (NULL: 02:00:00:00:00:02), to
 * us. */
void testnet_feed_ip(struct testnet *tn, struct nic *nic, const uint8_t *mac, const void *ip,
		     uint32_t len);
/* Let ns pass: timers and work run when they are due. 0 ends the turn. */
void testnet_run(struct testnet *tn, uint64_t ns);
/* Make addr known at 02:00:00:00:00:02, for good. */
void testnet_neighbour(struct testnet *tn, struct nic *nic, const char *addr);

/* Write an IPv4 header without options in front of len bytes of payload; returns all of its length.
 * frag: as in the header, host order (0x2000 = more fragments). */
uint32_t testnet_ipv4(uint8_t *at, const char *src, const char *dst, uint8_t proto, uint16_t id,
		      uint16_t frag, const void *payload, uint32_t len);
/* The same of IPv6, hop limit 64. */
uint32_t testnet_ipv6(uint8_t *at, const char *src, const char *dst, uint8_t next,
		      const void *payload, uint32_t len);
/* Make the checksum of an ICMPv6 message right, in a packet of len bytes without extension
 * headers. */
void testnet_icmp6_sum(uint8_t *ip, uint32_t len);
void testnet_ipv4_sum(uint8_t *ip);	/* the header was changed: make its checksum right */

#endif
