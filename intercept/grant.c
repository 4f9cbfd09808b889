/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant.c - how much each program's end may hold of what it has written and the stack has not taken.
 *
 * Theory of operation
 *
 * The program's own SO_SNDBUF bounds that: 208 KiB as the kernel makes it. A program that answers three thousand peers
 * with closed windows would have 600 MB there. So sockets are granted their sizes, and the sum of these is an eighth of
 * [weir] memory. A socket is made with the kernel's size as long as that leaves room; then with an eighth of it,
 * for half as much again; then with the least. A small buffer is slow, since the program and the stack take turns for
 * each part: what is written in one go comes in pieces of 2 KiB, at a fifth of the speed.
 *
 * Most sockets are idle, though. So who fills a small buffer, and whose bytes the stack takes, is granted the
 * kernel's size, if necessary from sockets that have not written for 100 ms and have nothing
 * there: they get the least, and more again when they need it. Both is an errand at the program's end (errand.c); what
 * a buffer may hold counts until it is smaller, and from before it is larger.
 *
 * A socket of datagrams has always room for the largest one: a smaller buffer refuses it with EMSGSIZE.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "intercept/isock.h"

#define GRANT_LEAST	4608u		/* Linux's smallest SO_SNDBUF, as it counts */
#define GRANT_DATAGRAM	66560u		/* with what Linux counts besides */
#define GRANT_IDLE	100000000u	/* ns */
#define GRANT_LOOK	8u		/* idle sockets that are looked for at once */
#define GRANT_SOON	1000000u	/* ns: when others have been asked for theirs */
#define GRANT_LATER	100000000u	/* ns: when an end was not found */

/* An eighth of [weir] memory, of which the pool is three quarters. */
static uint64_t share(const struct intercept *ic)
{
	return ic->stack->pool.limit / 6;
}

/* Its place among those with something to give, who wrote last at the end. */
static void enlist(struct isock *is)
{
	list_del(&is->grant_node);
	if (is->type == SOCK_STREAM && is->sndbuf > GRANT_LEAST)
		list_add_tail(&is->grant_node, &is->ic->grants);
}

static void account(struct isock *is, uint32_t size)
{
	is->ic->granted = is->ic->granted - is->sndbuf + size;
	is->sndbuf = size;
}

void grant_make(struct isock *is)
{
	struct intercept *ic = is->ic;
	uint64_t most = share(ic);
	uint32_t size = (uint32_t)ic->sndbuf;

	if (ic->granted + size > most)
		size = ic->granted < most + most / 2 ? size / 8 : GRANT_LEAST;
	if (is->type != SOCK_STREAM && size < GRANT_DATAGRAM)
		size = GRANT_DATAGRAM;
	account(is, size);
	is->sndbuf_is = is->sndbuf_next = size;
	is->wrote = ic->env->now;
	enlist(is);
	if (size < (uint32_t)ic->sndbuf && !is->small)
		isock_grow(size, is->held);
}

void grant_end(struct isock *is)
{
	account(is, 0);
	list_del(&is->grant_node);
}

static bool can_change(const struct isock *is)
{
	return !is->small && !(is->errands & ERRAND_GROW) && is->type == SOCK_STREAM;
}

/* One has not written for long, and all that it wrote was taken? */
static bool is_idle(const struct isock *is)
{
	int n = 0;

	return can_change(is) && is->state == ISOCK_CONNECTED && is->fd >= 0 && !ioctl(is->fd, SIOCINQ, &n) && !n;
}

static void take_from_idle(struct intercept *ic)
{
	for (unsigned int i = 0; i < GRANT_LOOK && !list_empty(&ic->grants); i++) {
		struct isock *is = list_first(&ic->grants, struct isock, grant_node);

		if (ic->env->now < is->wrote + GRANT_IDLE)
			break;
		is->wrote = ic->env->now;	/* it is not asked again so soon, whatever it says */
		enlist(is);
		if (!is_idle(is))
			continue;
		is->sndbuf_next = GRANT_LEAST;
		errand_ask(is, ERRAND_GROW);
	}
}

void grant_wrote(struct isock *is, uint32_t n)
{
	struct intercept *ic = is->ic;
	uint32_t most = (uint32_t)ic->sndbuf;
	uint64_t sum = ic->granted - is->sndbuf + most;

	is->wrote = ic->env->now;
	enlist(is);
	if (is->sndbuf >= most || n < is->sndbuf / 4 || ic->env->now < is->grant_after || !can_change(is))
		return;
	if (sum > share(ic)) {
		take_from_idle(ic);
		is->grant_after = ic->env->now + GRANT_SOON;
		return;
	}
	account(is, most);
	is->sndbuf_next = most;
	errand_ask(is, ERRAND_GROW);
}

/* The buffer has its new size; or the end was not found, and it is as it was. */
void grant_done(struct isock *is, uint32_t size, bool found)
{
	if (found)
		is->sndbuf_is = size;
	else
		is->grant_after = is->ic->env->now + GRANT_LATER;
	is->sndbuf_next = is->sndbuf_is;
	account(is, is->sndbuf_is);
	enlist(is);
}

/* There is another end, which is small yet. */
void grant_renew(struct isock *is)
{
	is->sndbuf_is = is->sndbuf_next = is->sndbuf;
}
