/* SPDX-License-Identifier: Apache-2.0 */
/*
 * neighbour.h - neighbour unreachability detection, RFC 4861 section 7.3, shared by ARP and NDP.
 */
#ifndef NIC_NEIGHBOUR_H
#define NIC_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "nic/nic.h"

#define NEIGHBOUR_MAX		1024u		/* entries; Linux's gc_thresh3 */
#define NEIGHBOUR_QUEUE		101u		/* packets that may wait for one neighbour */
#define NEIGHBOUR_QUEUE_BYTES	212992u		/* their memory; Linux's unres_qlen_bytes */
#define NEIGHBOUR_PROBES	3u
#define NEIGHBOUR_RETRANS_NS	1000000000ull
#define NEIGHBOUR_DELAY_NS	5000000000ull
#define NEIGHBOUR_REACHABLE_NS	30000000000ull	/* base: 0.5 to 1.5 of it are drawn */

enum nud_state {			/* with the values of <linux/neighbour.h> */
	NUD_INCOMPLETE = 0x01, NUD_REACHABLE = 0x02, NUD_STALE = 0x04, NUD_DELAY = 0x08,
	NUD_PROBE = 0x10, NUD_FAILED = 0x20, NUD_PERMANENT = 0x80,
};

struct neighbour_table;

struct neighbour {
	struct hash_node node;
	struct list by_use;		/* table->idle or ->busy; a permanent one is in none */
	struct neighbour_table *table;
	struct nic *nic;
	uint8_t ip[16];			/* key; IPv4 in v4-mapped form */
	uint8_t addr[LINK_ADDR_LEN];
	bool router;			/* NDP: says that it is one */
	enum nud_state state;
	unsigned int probes;
	uint64_t confirmed, used, updated;	/* ns */
	struct timer timer;
	struct packet_queue waiting;	/* at most NEIGHBOUR_QUEUE packets and bytes; oldest dropped */
	uint32_t waiting_bytes;		/* their truesize */
};

/* The times of a NIC's neighbours, ns. */
struct nud_times {
	uint64_t reachable;		/* drawn from 0.5..1.5 of what a router said, RFC 4861 6.3.2 */
	uint64_t retrans;
};

/* What differs between ARP and NDP. */
struct neighbour_ops {
	/* Ask for n's address: unicast to dst when given, otherwise broadcast or multicast. */
	void (*solicit)(void *arg, struct neighbour *n, const uint8_t *dst);
	/* n failed; p waited for it: tell its sender (host unreachable). Consumes p. */
	void (*unreachable)(void *arg, struct neighbour *n, struct packet *p);
	/* n does not answer any more. May be NULL. */
	void (*failed)(void *arg, struct neighbour *n);
	/* What routers said of nic; NULL, also as a function: the table's own. */
	const struct nud_times *(*times)(void *arg, const struct nic *nic);
};

struct neighbour_table {
	struct env *env;
	const struct neighbour_ops *ops;
	void *arg;
	struct hash_table table;
	struct list idle;		/* STALE and FAILED, who has been so for longest first */
	struct list busy;		/* others but PERMANENT, least recently used first */
	uint32_t max;			/* entries; one that is idle makes room */
	struct nud_times times;
	uint64_t failures, evictions, queue_drops;
};

int neighbour_table_init(struct neighbour_table *t, struct env *env,
			 const struct neighbour_ops *ops, void *arg);
void neighbour_table_destroy(struct neighbour_table *t);
/* Forget those of nic, the permanent ones as well or not. */
void neighbour_flush(struct neighbour_table *t, struct nic *nic, bool permanent);
struct neighbour *neighbour_find(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16]);
/* Send p (data at the network header) to the neighbour, resolving it first if need be. Consumes
 * p. */
void neighbour_output(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16],
		      struct packet *p);
/* Something was heard of the neighbour: RFC 4861 7.2.5's rules for solicited, override.
 * create: make an entry when there is none. */
void neighbour_update(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16],
		      const uint8_t addr[LINK_ADDR_LEN], bool solicited, bool override,
		      bool create);
/* Forward progress of an upper layer confirms reachability (RFC 4861 7.3.1). */
void neighbour_confirm(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16]);
int neighbour_set_permanent(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16],
			    const uint8_t addr[LINK_ADDR_LEN]);
int neighbour_delete(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16]);
/* A reachable time for a base of so many ns, RFC 4861 section 6.3.2. */
uint64_t nud_draw_reachable(struct env *env, uint64_t base);
const char *nud_name(enum nud_state s);			/* "REACHABLE", as iproute2 prints */

#endif
