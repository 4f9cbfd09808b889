/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/link.h - link drivers: how frames leave and enter.
 *
 * A driver's life has two steps, because the stack process gives up its privilege in between. open
 * runs once, with privilege: it finds or creates the device and fills in the struct link, above
 * all fd. attach runs in the stack, with no privilege at all, and works from fd alone; it also
 * runs when the module is reloaded, on the fd that the old code had. detach undoes attach and
 * leaves fd and the device as they are; close undoes open.
 *
 * The core watches fd. When it is readable the core calls receive until it gives fewer packets
 * than asked; when transmit took fewer packets than offered, the core keeps the rest and calls
 * again once fd is writable.
 */
#ifndef WEIR_LINK_H
#define WEIR_LINK_H

#include <weir/packet.h>
#include <weir/param.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LINK_NAME_MAX	16u
#define LINK_ADDR_LEN	6u
#define LINK_BATCH	64	/* most packets in one transmit or receive */

/* What the device does with a packet that is handed to it unfinished. */
#define LINK_CSUM	0x1u	/* sums what PACKET_CSUM_PARTIAL leaves open */
#define LINK_GSO_TCP4	0x2u	/* cuts TCP super-segments over IPv4 */
#define LINK_GSO_TCP6	0x4u
#define LINK_GSO_UDP	0x8u
/* What the device is, not what it does for a packet: its frames are IP packets, without a link
 * header, and it has no link addresses. Of a point-to-point device, as TUN is. */
#define LINK_L3		0x10u
/* host_device is the other end of the cable, as of TAP: is it set down, this end has no carrier. */
#define LINK_FAR	0x20u

struct link_stats {
	uint64_t rx_packets, rx_bytes;	/* frames as received; a GSO frame is one here */
	uint64_t tx_packets, tx_bytes;
	uint64_t rx_drops, rx_errors;
	uint64_t tx_drops, tx_errors;	/* refused by the device for good: freed and counted */
};

struct link_ops;

struct link {
	char name[LINK_NAME_MAX];	/* the NIC's name in the stack: eth0 */
	const struct link_ops *ops;
	void *priv;			/* priv_size bytes, zeroed */
	struct packet_pool *pool;	/* where received packets come from; set before attach */
	int fd;				/* readiness; set by open, -1 when there is none */
	uint32_t caps;			/* LINK_* that the device has; the core clears what gso = off forbids */
	uint32_t mtu;			/* bytes of IP */
	uint32_t gso_max;		/* bytes of a super-segment's IP packet; 0 = none */
	uint8_t addr[LINK_ADDR_LEN];	/* of the stack's end; none with LINK_L3 */
	char host_device[LINK_NAME_MAX]; /* the kernel's device behind it, "" when none */
	bool created;			/* open created the device, close removes it */
	struct link_stats stats;
};

struct link_ops {
	const char *name;
	size_t priv_size;
	const struct param *params;
	size_t params_size;

	int (*open)(struct link *l, const void *params, struct weir_error *e);
	int (*attach)(struct link *l, struct weir_error *e);
	void (*detach)(struct link *l);
	void (*close)(struct link *l);

	/* Send batch[0..n) in order. Answers how many were taken (and freed, or will be); fewer
	 * than n means "not now". A packet that can never be sent is freed and counted in
	 * tx_errors, and counts as taken. */
	int (*transmit)(struct link *l, struct packet **batch, int n);
	/* Fill batch with at most max packets, data at the Ethernet header (LINK_L3: at the IP
	 * header). */
	int (*receive)(struct link *l, struct packet **batch, int max);
};

#ifdef __cplusplus
}
#endif

#endif
