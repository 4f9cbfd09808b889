/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock_memory.h - the memory that waits in sockets without connections: UDP, raw, ping, packet and
 * netlink sockets of one stack together, as Linux's udp_mem bounds UDP's.
 */
#ifndef IP_SOCK_MEMORY_H
#define IP_SOCK_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/packet.h>

struct env;

#define SOCK_MEMORY_LEAST 4096u		/* of one socket, as Linux's udp_rmem_min */

struct sock_marks {
	uint64_t low, pressure, max;	/* bytes; 0: a share of the pool */
};

struct sock_memory {
	struct env *env;
	struct sock_marks marks;
	uint64_t used;			/* truesize of what is charged */
	uint32_t holders;		/* sockets whose queues are not empty: told by their owners */
	bool pressed;
	uint64_t pressures, refused;	/* counters: pressure began; packets that found no room */
};

/* May a socket that holds so many bytes take size more? A refusal counts. */
bool sock_memory_has(struct sock_memory *mem, uint64_t held, uint32_t size);
/* p, which is nobody's, is charged until it is freed or orphaned. */
void sock_memory_charge(struct sock_memory *mem, struct packet *p);
/* Memory that is no packet's: -ENOMEM beyond max. And back. */
int sock_memory_take(struct sock_memory *mem, uint64_t size);
void sock_memory_give(struct sock_memory *mem, uint64_t size);
/* The marks in effect. */
struct sock_marks sock_memory_marks(const struct sock_memory *mem);

#endif
