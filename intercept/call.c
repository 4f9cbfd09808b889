/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.c - one system call of a program: its turn, its waiting, its answer, and what becomes of an
 * answer that finds nobody.
 *
 * Theory of operation
 *
 * A call that can be answered is answered at once. One that must wait (a blocking accept, connect,
 * recvmsg, sendmsg) is kept, and its handler runs again from the start whenever the thing it waits
 * for may have come: whatever happens to a socket or to what lies in its pair is the stack's doing,
 * so the stack wakes it (call_wake), or its time-out. A handler that looks at the program's end does
 * so outside of the stack's turn; when is->wakes has changed meanwhile, it looks again before it waits.
 *
 * A waiting call is a struct call and nothing else. It holds no copy of the program's end: nobody tells
 * when a waiting caller is interrupted by a signal, and the program may close the socket then, which
 * must be a close. So where another thread closes a socket that one waits for, it is closed, and the one
 * that waits gets EBADF; on Linux it goes on waiting.
 *
 * Its notification's id is no longer valid, that is all that tells of an interrupted or killed caller. So
 * a waiting call asks before it takes anything. What is left of calls whose callers are gone is memory
 * only; a look now and then (call_collect) frees it, and the thread's next call does. A call interrupted
 * between that question and the answer finds its answer refused (ENOENT). The kernel restarts the call then, or
 * the program makes it again after EINTR. A question (getsockopt, getsockname, ioctl) is answered again. What has
 * changed something is undone; where it cannot be, its result is remembered, and the same call with the same
 * arguments gets that result.
 *
 * One moment is left: a caller that a signal has just woken up is still there for us, the answer is
 * taken, and the kernel restarts the call all the same. Nobody can tell that from a program that
 * makes the same call twice. So what must not happen twice or be lost is given in one step with the
 * answer: descriptors by SECCOMP_ADDFD_FLAG_SEND, bytes of streams by the kernel itself
 * (message_stream.c). A datagram may be lost or doubled, as datagrams may; connect may say EISCONN,
 * bind EINVAL.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intercept/isock.h"

#define COLLECT_INTERVAL 1000000000ull	/* ns; twice as long after each round that found nothing, up to */
#define COLLECT_LONGEST	(600 * COLLECT_INTERVAL)
#define COLLECT_SLICE	64u
#define MEMORY_TIME 1000000000ull	/* ns; a call is made again as soon as the handler has returned */

/* ---- results that found nobody ---- */

static void call_remember(struct call *c, int64_t result)
{
	struct call_memory *m = &c->ic->memory[c->ic->memory_next++ % CALL_REMEMBERED];

	m->tid = c->tid;
	m->cookie = c->cookie;
	m->until = c->ic->env->now + MEMORY_TIME;
	m->nr = c->nr;
	memcpy(m->args, c->args, sizeof(m->args));
	m->result = result;
}

/*
 * The result that waits for this call. The same call with other arguments means that the thread
 * gave up; other calls mean nothing, for the signal's handler may have made them.
 */
static bool call_recall(const struct call *c, int64_t *result)
{
	for (size_t i = 0; i < CALL_REMEMBERED; i++) {
		struct call_memory *m = &c->ic->memory[i];

		if (m->tid != c->tid || m->nr != c->nr || m->args[0] != c->args[0])
			continue;
		m->tid = 0;
		if (m->cookie != c->cookie || m->until < c->ic->env->now ||
		    memcmp(m->args, c->args, sizeof(m->args)))
			continue;
		*result = m->result;
		return true;
	}
	return false;
}

/* Nobody is there any more to take the result. What the call has moved by then, it has moved. */
static void call_lost(struct call *c, int64_t result)
{
	c->ic->stats.interrupted++;
	if (result == CALL_CONTINUE || result == -EAGAIN || result == -EINTR) {
		if (!c->done || (c->nr != SYS_sendmsg && c->nr != SYS_sendto &&
				 c->nr != SYS_recvmsg && c->nr != SYS_recvfrom))
			return;
		result = (int64_t)c->done;
	}
	/* a descriptor that is bad, or not ours, or a socket that is no more: there is nothing to undo */
	c->is = isock_find(c->ic, c->cookie);
	if (!c->is)
		return;
	if (c->kind->undo)
		c->kind->undo(c, result);
	else
		call_remember(c, result);
	c->is = NULL;
}

void call_asks(struct call *c, int64_t result)
{
	(void)c;
	(void)result;
}

/* It may have been woken in the place of others: whatever has become of it, the next one looks. */
static void call_pass_on(const struct call *c)
{
	struct isock *is = isock_find(c->ic, c->cookie);

	if (is && is->state == ISOCK_LISTENING)
		work_defer(c->ic->env, &is->work);
	else if (is)
		call_wake(is);
}

static void call_free(struct call *c)
{
	struct intercept *ic = c->ic;

	if (c->one)
		call_pass_on(c);
	if (c->waits) {
		list_del(&c->node);
		list_del(&c->wait_node);
		hash_del(&ic->waiters, &c->by_tid);
		timer_cancel(&ic->env->timers, &c->timer);
	}
	listener_put(c->listener);
	free(c);
}

/* ---- the stack's turn ---- */

void turn_take(struct intercept *ic)
{
	loop_enter(ic->loop);
	ic->looks = false;
}

void turn_give(struct intercept *ic)
{
	loop_leave(ic->loop);
}

/* A thread makes one call at a time: one that still seems to wait was interrupted. */
static void call_superseded(const struct call *now)
{
	for (struct hash_node *n = hash_find(&now->ic->waiters, (uint64_t)now->tid), *next; n; n = next) {
		struct call *c = container_of(n, struct call, by_tid);

		next = hash_find_next(n);
		if (c == now || c->worker)
			continue;
		call_lost(c, -EINTR);
		call_free(c);
	}
}

/* The first time: whose call is it? False: that answers it. */
static bool call_find(struct call *c, int64_t *result)
{
	struct isock *is;

	c->found = true;
	call_superseded(c);
	is = c->is = isock_find(c->ic, c->cookie);
	if (!is) {
		*result = CALL_CONTINUE;
		c->cookie = 0;
		return false;
	}
	if (call_recall(c, result))
		return false;
	is->tid = c->tid;
	is->tfd = (int)c->args[0];
	if (is->small && is->state == ISOCK_CONNECTED) {
		is->small = false;
		c->grow = is->sndbuf;
	}
	return true;
}

/* The caller's own descriptor, and its own memory? */
static int call_sure(struct call *c)
{
	int fd = c->found ? 0 : call_fd(c);

	if (fd >= 0 && !c->found && !c->cookie)
		ring_restore(c);
	if (fd >= 0 && c->unsure && !call_valid(c))
		return -EINTR;
	c->unsure = false;
	return fd < 0 ? fd : 0;
}

struct isock *call_enter(struct call *c, int err, int64_t *result)
{
	bool found = c->found;

	*result = call_sure(c);
	if (*result)
		return NULL;
	turn_take(c->ic);
	*result = c->gone ? -c->gone : -EBADF;
	if (found)
		c->is = isock_find(c->ic, c->cookie);
	if (found ? c->is != NULL : call_find(c, result)) {
		*result = err;
		if (!err)
			return c->is;
	}
	c->is = NULL;
	turn_give(c->ic);
	return NULL;
}

/* Its handler runs again. */
static void call_ready(struct call *c)
{
	if (c->postponed)	/* it will run as it is */
		return;
	list_del(&c->wait_node);
	if (c->kind->quick)
		list_add(&c->wait_node, &c->ic->ready);
	else
		list_add_tail(&c->wait_node, &c->ic->ready);
	work_defer(c->ic->env, &c->ic->run_ready);
}

void call_expired(struct timer *t)
{
	struct call *c = container_of(t, struct call, timer);

	c->expired = true;
	if (!c->worker)
		call_ready(c);
}

/* From here on nobody works on it, until something happens. */
static void call_park(struct call *c)
{
	struct intercept *ic = c->ic;
	bool late = worker_rest(c->worker);

	list_add_tail(&c->wait_node, c->queues ? &c->is->queued : &c->is->waiters);
	c->parks = false;
	c->worker = NULL;
	c->is = NULL;
	if (!c->waits) {
		c->waits = true;
		list_add_tail(&c->node, &ic->waiting);
		hash_add(&ic->waiters, &c->by_tid, (uint64_t)c->tid);
		ic->collect_pause = COLLECT_INTERVAL;
	}
	if (c->deadline != TIMER_NEVER)
		timer_arm(&ic->env->timers, &c->timer, c->deadline);
	else
		timer_cancel(&ic->env->timers, &c->timer);
	if (!timer_armed(&ic->collect))
		timer_arm(&ic->env->timers, &ic->collect, ic->env->now + COLLECT_INTERVAL);
	if (late)		/* nobody waits for it: it finds out, and is freed */
		call_ready(c);
}

/* No copy is left when the program has its answer: it may close, and that must be the end of the file. */
static void call_close(int copy, uint32_t grow)
{
	if (copy < 0)
		return;
	if (grow)
		isock_grow(grow, copy);
	close(copy);
}

void call_leave(struct call *c)
{
	struct intercept *ic = c->ic;
	uint32_t grow = 0;
	int copy = -1;

	if (c->parks) {
		copy = c->fd;
		grow = c->grow;
		c->grow = 0;
		c->fd = -1;
		call_park(c);
		if (!grow) {		/* once the turn is given, another worker may answer */
			call_close(copy, 0);
			copy = -1;
		}
		ic->looks = true;	/* its worker has nothing else to do now */
	} else {
		c->is = NULL;
	}
	turn_give(ic);
	call_close(copy, grow);
}

static int64_t wait_for(struct call *c, uint64_t timeout, bool one, bool queues)
{
	if (c->expired)
		return -EAGAIN;
	if (!c->waits)
		c->since = c->ic->env->now;
	c->deadline = timeout ? c->since + timeout : TIMER_NEVER;
	c->one = one;
	c->queues = queues;
	c->parks = true;
	return CALL_WAIT;
}

int64_t call_wait(struct call *c, uint64_t timeout)
{
	return wait_for(c, timeout, false, false);
}

int64_t call_wait_one(struct call *c, uint64_t timeout)
{
	return wait_for(c, timeout, true, false);
}

int64_t call_queue(struct call *c)
{
	return wait_for(c, 0, false, true);
}

void call_next(struct isock *is)
{
	if (!list_empty(&is->queued))
		call_ready(list_first(&is->queued, struct call, wait_node));
}

void call_wake(struct isock *is)
{
	bool one = false;

	is->wakes++;
	list_for_each_safe(n, &is->waiters) {
		struct call *c = list_entry(n, struct call, wait_node);

		if (!c->one || !one)
			call_ready(c);
		one |= c->one;
	}
}

/* What the one that waits is told: accept() and the like learn of a shutdown() also when the socket
 * was closed right behind it. */
static int call_gone(const struct call *c, const struct isock *is)
{
	return (c->nr == SYS_accept || c->nr == SYS_accept4) && is->state == ISOCK_DEAD ? EINVAL : EBADF;
}

static void abandon(struct isock *is, struct list *calls)
{
	list_for_each_safe(n, calls) {
		struct call *c = list_entry(n, struct call, wait_node);

		c->gone = call_gone(c, is);
		call_ready(c);
	}
}

void call_abandon(struct isock *is)
{
	abandon(is, &is->waiters);
	abandon(is, &is->queued);
}

/*
 * A slice of the waiting calls, the one looked at longest ago first. A round that found nobody gone makes
 * the next one later; what waits anew makes it soon.
 */
void call_collect(struct timer *t)
{
	struct intercept *ic = container_of(t, struct intercept, collect);
	bool any = false;

	for (unsigned int i = 0; i < COLLECT_SLICE && !list_empty(&ic->waiting); i++) {
		struct call *c = list_first(&ic->waiting, struct call, node);

		list_del(&c->node);
		list_add_tail(&c->node, &ic->waiting);
		if (c->worker || call_valid(c))
			continue;
		any = true;
		call_lost(c, -EINTR);
		call_free(c);
	}
	if (any || ic->collect_pause < COLLECT_INTERVAL)
		ic->collect_pause = COLLECT_INTERVAL;
	if (!list_empty(&ic->waiting))
		timer_arm(&ic->env->timers, t, ic->env->now + ic->collect_pause);
	if (ic->collect_pause < COLLECT_LONGEST)
		ic->collect_pause *= 2;
}

void call_drop_all(struct intercept *ic, const struct listener *l)
{
	list_for_each_safe(n, &ic->waiting) {
		struct call *c = list_entry(n, struct call, node);

		if (c->listener == l && !c->worker)
			call_free(c);
	}
}

/* ---- descriptors ---- */

int call_fd(struct call *c)
{
	uint64_t cookie;
	bool known;
	int fd;

	if (c->fd >= 0)
		return c->fd;
	fd = remote_getfd(&c->worker->remote, c->tid, (int)c->args[0], &known);
	if (fd < 0)
		return fd == -EMFILE || fd == -ENFILE ? -ENOBUFS :
		       fd == -ESRCH && !call_valid(c) ? -EINTR : -EBADF;
	cookie = isock_cookie(fd);
	/* By its id a task was found: it was the caller, if the caller still waits, or if the task was known before
	 * this call was received. What was read by the id before was the same one's. */
	c->unsure = false;
	known &= !c->waits && !c->delayed;
	if (!known && !call_valid(c)) {
		close(fd);
		return -EINTR;		/* which nobody hears, and which is not remembered */
	}
	if (c->found && cookie != c->cookie) {
		close(fd);
		return -EBADF;
	}
	c->cookie = cookie;
	return c->fd = fd;
}

bool call_nonblock(struct call *c)
{
	int flags;

	if (!c->waits && call_fd(c) >= 0) {
		flags = fcntl(c->fd, F_GETFL);
		c->nonblock = flags >= 0 && (flags & O_NONBLOCK);
	}
	return c->nonblock;
}

void call_take_gift(struct call *c, struct isock *is)
{
	c->gift = is->cookie;
	c->gift_fd = is->held;
	is->held = -1;
	is->given = true;
}

/* What nobody took. undo NULL: it is closed. */
static void call_back_gift(struct call *c, void (*undo)(struct call *c, struct isock *is))
{
	struct isock *is = isock_find(c->ic, c->gift);

	c->gift = 0;
	if (!is) {
		close(c->gift_fd);
		return;
	}
	is->held = c->gift_fd;
	is->given = false;
	if (is->errands)
		errand_ask(is, is->errands);
	if (undo)
		undo(c, is);
	else
		isock_release(is, true);
}

void call_refuse_gift(struct call *c, void (*undo)(struct call *c, struct isock *is))
{
	turn_take(c->ic);
	call_back_gift(c, undo);
	turn_give(c->ic);
}

int64_t call_give(struct call *c, bool cloexec, void (*undo)(struct call *c, struct isock *is))
{
	struct intercept *ic = c->ic;
	struct isock *is;
	bool late, full;
	int tfd;

	call_close(c->fd, c->grow);	/* this is the answer */
	c->fd = -1;
	late = worker_rest(c->worker);
	tfd = late ? -ENOENT : notif_give(c->listener->fd, c->id, c->gift_fd, cloexec);
	full = tfd == -EMFILE || tfd == -ENFILE || tfd == -ENOMEM;
	if (tfd >= 0)		/* the program may have closed it already: it must not be us who keep it open */
		close(c->gift_fd);
	turn_take(ic);
	is = tfd < 0 ? NULL : isock_find(ic, c->gift);
	if (tfd < 0) {
		call_back_gift(c, undo);
	} else if (is) {
		isock_delivered(is, c->tid, tfd);
		call_wake(is);
		work_defer(ic->env, &is->work);
	}
	ic->stats.interrupted += tfd < 0 && !full;
	turn_give(ic);
	return full ? tfd : CALL_ANSWERED;
}

int call_replace_fd(struct call *c, int fd)
{
	if (worker_rest(c->worker))
		return -EINTR;
	return notif_replace(c->listener->fd, c->id, fd, (int)c->args[0],
			     remote_cloexec(c->tid, (int)c->args[0]));
}

/* ---- the caller's memory ---- */

bool call_valid(const struct call *c)
{
	return notif_valid(c->listener->fd, c->id);
}

int call_read(struct call *c, uint64_t addr, void *dst, size_t n)
{
	c->unsure = true;
	return remote_read(c->tid, addr, dst, n) ? -EFAULT : 0;
}

int call_write(struct call *c, uint64_t addr, const void *src, size_t n)
{
	return remote_write(c->tid, addr, src, n) ? -EFAULT : 0;
}

int call_read_name(struct call *c, uint64_t addr, uint64_t len, struct sockaddr_storage *name)
{
	if ((int)len < 0 || (int)len > (int)sizeof(*name))
		return -EINVAL;
	memset(name, 0, sizeof(*name));
	return call_read(c, addr, name, (size_t)(int)len);
}

int call_write_name(struct call *c, uint64_t addr, uint64_t lenp, const void *name, socklen_t len)
{
	int room, err;

	err = call_read(c, lenp, &room, sizeof(room));
	if (!call_valid(c))
		return -EINTR;
	c->unsure = false;
	if (err)
		return err;
	if (room < 0)
		return -EINVAL;
	err = call_write(c, addr, name, (size_t)room < len ? (size_t)room : len);
	return err ? err : call_write(c, lenp, &len, sizeof(len));
}

/* ---- from notification to answer ---- */

static void call_end(struct call *c, int64_t result)
{
	bool late = worker_rest(c->worker);
	struct intercept *ic = c->ic;
	int err = 0;

	if (late)
		err = -ENOENT;
	else if (result == CALL_CONTINUE)
		err = notif_continue(c->listener->fd, c->id);
	else if (result != CALL_ANSWERED)
		err = notif_answer(c->listener->fd, c->id, result);
	if (!err && c->sigpipe)		/* not before: it would interrupt the call */
		syscall(SYS_tkill, c->tid, SIGPIPE);
	if (!err && result == CALL_CONTINUE)
		intercept_count(&ic->continued);
	if (err != -ENOENT && !c->waits) {
		listener_put(c->listener);
		free(c);
		return;
	}
	turn_take(ic);
	if (err == -ENOENT)
		call_lost(c, late ? -EINTR : result);
	call_free(c);
	turn_give(ic);
}

void call_refuse(struct call *c, int err)
{
	notif_answer(c->listener->fd, c->id, err);
	call_free(c);
}

bool call_run(struct call *c)
{
	int64_t result = c->waits && !call_valid(c) ? -EINTR : c->kind->fn(c);

	if (result == CALL_WAIT)
		return true;
	call_close(c->fd, c->grow);
	call_end(c, result);
	return false;
}
