/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unread.c - how much lies between the stack and programs: handed over and not read, written and not
 * taken.
 *
 * Theory of operation
 *
 * What the pump has written to a program's end is no longer in the stack's memory, but it is memory
 * that strangers fill, up to SO_SNDBUF (208 KiB) of each socket whose program does not read. Nothing
 * tells when a program reads; SIOCOUTQ does when asked, which is one more system call for each write.
 *
 * So the sum of what was written counts, with the kernel's own for each message, each socket's no higher
 * than its buffer; and only when that sum is beyond an eighth of [weir] memory, sockets are asked: the one
 * that is to be written to, and some of those that were asked longest ago. While the true sum is beyond it, streams are
 * written to through the smallest buffer that the kernel has, and datagrams for a socket that has
 * some are dropped: the next ones at once, without a question, for a while that grows with the sockets that have
 * something unread, since one datagram may be for all of them. Others wait in the stack, whose own bounds hold.
 *
 * The other way the program's own SO_SNDBUF bounds it: grant.c.
 *
 * SIOCOUTQ tells memory, and that is enough here. Recv-Q of a dump is to be bytes: SIOCINQ of the program's
 * end tells these, to an errand (errand.c). So a question of NETLINK_SOCK_DIAG waits until those that may have some
 * are counted, COUNT_SLICE of them, and for COUNT_PATIENCE. Otherwise, and for ctl and /proc/net, what was
 * written since the last count stands for it, or the memory where that is less.
 */
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intercept/isock.h"

#define UNREAD_ASKED	16u	/* others, ... */
#define UNREAD_PAUSE	100000u	/* ... once in so many ns */
#define UNREAD_REFUSED	10000u	/* ns: of all that have some unread, one is asked so often for a datagram in vain */
#define UNREAD_MESSAGE	768u	/* what the kernel takes for the smallest message, at least */
#define COUNT_SLICE	256u
#define COUNT_PATIENCE	100000000u	/* ns */
#define UNREAD_LEAST	4608u	/* Linux's smallest SO_SNDBUF, as it counts */

static void settle_late(struct timer *t);

void unread_init(struct intercept *ic)
{
	int pair[2], size = 0;

	list_init(&ic->unread_socks);
	list_init(&ic->grants);
	list_init(&ic->settling);
	timer_init(&ic->settle, settle_late);
	ic->sndbuf = 212992;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return;
	if (!getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, &(socklen_t){ sizeof(size) }) && size > 0)
		ic->sndbuf = size;
	close(pair[0]);
	close(pair[1]);
}

static void set(struct isock *is, uint32_t n)
{
	struct intercept *ic = is->ic;

	ic->unread = ic->unread - is->unread + n;
	ic->nunread += !!n - !!is->unread;
	is->unread = n;
	if (!n)
		is->unread_bytes = 0;
	list_del(&is->unread_node);
	if (n)
		list_add_tail(&is->unread_node, &ic->unread_socks);
}

void unread_add(struct isock *is, uint32_t n)
{
	uint32_t most = (uint32_t)is->ic->sndbuf;

	is->unread_bytes = n < UINT32_MAX - is->unread_bytes ? is->unread_bytes + n : UINT32_MAX;
	n += UNREAD_MESSAGE;
	if (is->unread && is->unread < most) {		/* its place in the row is as good as any */
		n = n < most - is->unread ? n : most - is->unread;
		is->unread += n;
		is->ic->unread += n;
	} else if (!is->unread) {
		set(is, n < most ? n : most);
	}
}

/* An eighth of [weir] memory, of which the pool is three quarters. */
static uint64_t share(const struct intercept *ic)
{
	return ic->stack->pool.limit / 6;
}

void unread_forget(struct isock *is)
{
	set(is, 0);
}

static void ask(struct isock *is)
{
	int n = 0;

	if (is->fd >= 0 && !ioctl(is->fd, SIOCOUTQ, &n) && n >= 0)
		set(is, (uint32_t)n);
}

static void set_tight(struct isock *is, bool tight)
{
	int size = tight ? 1 : is->ic->sndbuf / 2;	/* the kernel doubles it, and knows its least */

	if (is->tight == tight || is->type != SOCK_STREAM)
		return;
	is->tight = tight;
	setsockopt(is->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* Once a moment: one datagram may be for thousands of sockets that hold some. */
static void ask_others(struct intercept *ic)
{
	if (ic->env->now < ic->unread_asked + UNREAD_PAUSE)
		return;
	ic->unread_asked = ic->env->now;
	for (unsigned int i = 0; i < UNREAD_ASKED && !list_empty(&ic->unread_socks); i++)
		ask(list_first(&ic->unread_socks, struct isock, unread_node));
}

bool unread_room(struct isock *is)
{
	struct intercept *ic = is->ic;
	bool over = ic->unread > share(ic);

	if (over) {
		ask(is);
		ask_others(ic);
		over = ic->unread > share(ic);
	}
	set_tight(is, over);
	if (ic->nnames > ISOCK_NAMES_ALL && is->nnames >= ISOCK_NAMES_LEAST)
		return false;
	if (!over || is->unread < UNREAD_LEAST)
		return true;
	is->sk->full_until = ic->env->now + (uint64_t)ic->nunread * UNREAD_REFUSED;
	return false;
}

static uint32_t bytes_in(int fd)
{
	int n = 0;

	return fd >= 0 && !ioctl(fd, SIOCINQ, &n) && n > 0 ? (uint32_t)n : 0;
}

static uint32_t bytes_unread(struct isock *is)
{
	ask(is);
	return is->unread < is->unread_bytes ? is->unread : is->unread_bytes;
}

/* ---- counting ---- */

static void settle(struct intercept *ic)
{
	while (!list_empty(&ic->settling)) {
		struct isock *is = list_first(&ic->settling, struct isock, settles);

		list_del(&is->settles);
		work_defer(ic->env, &is->work);
	}
}

static void settle_late(struct timer *t)
{
	settle(container_of(t, struct intercept, settle));
}

void unread_counted(struct isock *is, bool known, uint32_t bytes)
{
	struct intercept *ic = is->ic;

	if (known)
		is->unread_bytes = bytes;
	if (!--ic->counting)
		settle(ic);
}

static void count(struct isock *is)
{
	ask(is);
	if (!is->unread || is->errands & ERRAND_COUNT)
		return;
	is->ic->counting++;
	errand_ask(is, ERRAND_COUNT);
}

bool unread_settle(struct isock *is)
{
	struct intercept *ic = is->ic;

	if (is->sk->family != AF_NETLINK || is->sk->protocol != NETLINK_SOCK_DIAG)
		return true;
	for (unsigned int i = 0; !is->settle_until && i < COUNT_SLICE && !list_empty(&ic->unread_socks); i++)
		count(list_first(&ic->unread_socks, struct isock, unread_node));
	if (!is->settle_until)
		is->settle_until = ic->env->now + COUNT_PATIENCE;
	list_del(&is->settles);
	if (ic->counting && ic->env->now < is->settle_until) {
		list_add_tail(&is->settles, &ic->settling);
		timer_arm(&ic->env->timers, &ic->settle, is->settle_until);
		return false;
	}
	is->settle_until = 0;
	return true;
}

/* What shutdown() has written behind the program's bytes (isock_shut) is not the program's. */
static uint32_t bytes_unsent(const struct isock *is)
{
	uint32_t n = bytes_in(is->fd), marks = !is->prog_shut || is->type != SOCK_STREAM ? 0 : is->last ? 1 : 2;

	return is->rest_len + (n > marks ? n - marks : 0);
}

void unread_queues(void *isock, uint32_t *unread, uint32_t *unsent)
{
	struct isock *is = isock;

	*unread = *unsent = 0;
	if (is->fd < 0 || (is->state != ISOCK_CONNECTED && is->state != ISOCK_DATAGRAM))
		return;
	*unread = bytes_unread(is) + (is->packet ? is->packet->len : 0);
	*unsent = bytes_unsent(is);
}
