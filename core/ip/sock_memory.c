/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock_memory.c - one bound for all sockets without connections (sock_memory.h).
 *
 * Theory of operation
 *
 * SO_RCVBUF bounds one socket. A thousand whose programs do not read, or one datagram for a group that
 * ten thousand are in, would take all memory of the stack. So what is queued is charged (truesize,
 * which counts shared buffers for each who holds them, as Linux does) to one account with three marks:
 *
 *	below low	nothing happens
 *	pressure	reached once, and until it is below low again: a socket may hold its share of
 *			max, which is divided among those that hold anything
 *	max		only who holds less than SOCK_MEMORY_LEAST gets more, so that who reads what he
 *			gets is not starved by those who do not
 *
 * and nobody gets more while the pool's reserve is in use. A packet carries its charge until it is freed,
 * wherever its reader keeps it meanwhile. Rings of packet sockets and datagrams that are being put
 * together (UDP_CORK) count, too.
 */
#include <errno.h>

#include "ip/sock_memory.h"
#include "packet/pool.h"
#include "time/env.h"

static uint64_t mark(const struct sock_memory *mem, uint64_t set, unsigned int of_16)
{
	return set ? set : mem->env->pool->limit / 16 * of_16;
}

struct sock_marks sock_memory_marks(const struct sock_memory *mem)
{
	return (struct sock_marks){
		.low = mark(mem, mem->marks.low, 2),
		.pressure = mark(mem, mem->marks.pressure, 3),
		.max = mark(mem, mem->marks.max, 4),
	};
}

static bool pressed(struct sock_memory *mem, const struct sock_marks *m)
{
	if (mem->used > m->pressure) {
		mem->pressures += !mem->pressed;
		mem->pressed = true;
	} else if (mem->used <= m->low) {
		mem->pressed = false;
	}
	return mem->pressed;
}

static bool allows(struct sock_memory *mem, uint64_t held, uint32_t size)
{
	const struct sock_marks m = sock_memory_marks(mem);

	if (packet_pool_short(mem->env->pool))
		return false;
	if (!pressed(mem, &m) || held < SOCK_MEMORY_LEAST)
		return true;
	return mem->used + size <= m.max && held + size <= m.max / (mem->holders ? mem->holders : 1);
}

bool sock_memory_has(struct sock_memory *mem, uint64_t held, uint32_t size)
{
	bool ok = allows(mem, held, size);

	mem->refused += !ok;
	return ok;
}

int sock_memory_take(struct sock_memory *mem, uint64_t size)
{
	const struct sock_marks m = sock_memory_marks(mem);

	if (size > m.max || mem->used > m.max - size) {
		mem->refused++;
		return -ENOMEM;
	}
	mem->used += size;
	return 0;
}

void sock_memory_give(struct sock_memory *mem, uint64_t size)
{
	mem->used -= size;
}

static void uncharge(struct packet *p)
{
	struct sock_memory *mem = p->owner;

	mem->used -= p->charged;
}

void sock_memory_charge(struct sock_memory *mem, struct packet *p)
{
	p->owner = mem;
	p->charged = p->truesize;
	p->destructor = uncharge;
	mem->used += p->charged;
}
