/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - notifications: received, handed to the file of their family of calls, answered.
 *
 * Theory of operation
 *
 * A call that can be answered is answered at once. One that must wait (a blocking accept, connect,
 * recvmsg, sendmsg) is kept, and its handler runs again from the start whenever the thing it waits
 * for may have come: an event of the stack's socket, readiness of the program's end, or its
 * time-out.
 *
 * Nobody tells when a waiting caller is interrupted by a signal or killed: its notification's id is
 * no longer valid, that is all. So a waiting call asks before it takes anything, and from time to
 * time waiting calls are looked through. A call interrupted between that question and the answer
 * finds its answer refused (ENOENT); then it is undone, or, where it cannot be, its result is
 * remembered: the kernel restarts the call, or the program makes it again after EINTR, with the
 * same arguments, and gets the result that is waiting for it.
 *
 * One moment is left: a caller that a signal has just woken up is still there for us, the answer is
 * taken, and the kernel restarts the call all the same. Nobody can tell that from a program that
 * makes the same call twice. So what must not happen twice or be lost is given in one step with the
 * answer: descriptors by SECCOMP_ADDFD_FLAG_SEND, bytes of streams by the kernel itself
 * (call_message.c). A datagram may be lost or doubled, as datagrams may; connect may say EISCONN.
 *
 * CALL_CONTINUE lets the kernel do a call on a socket that is not ours. That is decided from the
 * descriptor, and another thread may put one of ours in its place before the kernel looks. The
 * kernel then does the call on an AF_UNIX socket, or on a socket of the program's own namespace,
 * which has no devices: harmless. Nothing is allowed because of what was read through a pointer and
 * then left to the kernel to read again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intercept/isock.h"

#define REAP_INTERVAL 50000000ull	/* ns */
#define MEMORY_TIME 1000000000ull	/* ns; a call is made again as soon as the handler has returned */

static const struct call_kind call_kinds[] = {
	{ SYS_socket, false, call_socket, NULL, NULL },
	{ SYS_bind, true, call_bind, NULL, NULL },
	{ SYS_connect, true, call_connect, call_connect_undo, NULL },
	{ SYS_listen, true, call_listen, NULL, NULL },
	{ SYS_accept, true, call_accept, NULL, NULL },
	{ SYS_accept4, true, call_accept, NULL, NULL },
	{ SYS_getsockname, true, call_getsockname, NULL, NULL },
	{ SYS_getpeername, true, call_getpeername, NULL, NULL },
	{ SYS_getsockopt, true, call_getsockopt, NULL, NULL },
	{ SYS_setsockopt, true, call_setsockopt, NULL, NULL },
	{ SYS_shutdown, true, call_shutdown, NULL, NULL },
	{ SYS_ioctl, true, call_ioctl, NULL, call_ioctl_other },
	{ SYS_sendto, true, call_sendto, NULL, NULL },
	{ SYS_recvfrom, true, call_recvfrom, NULL, NULL },
	{ SYS_sendmsg, true, call_sendmsg, NULL, NULL },
	{ SYS_recvmsg, true, call_recvmsg, NULL, NULL },
	{ SYS_sendmmsg, true, call_sendmmsg, NULL, NULL },
	{ SYS_recvmmsg, true, call_recvmmsg, NULL, NULL },
};

static const struct call_kind *call_kind(int nr)
{
	for (size_t i = 0; i < sizeof(call_kinds) / sizeof(call_kinds[0]); i++)
		if (call_kinds[i].nr == nr)
			return &call_kinds[i];
	return NULL;
}

/* ---- results that found nobody ---- */

static void call_remember(struct call *c, int64_t result)
{
	struct call_memory *m = &c->ic->memory[c->ic->memory_next++ % CALL_REMEMBERED];

	m->tid = c->tid;
	m->cookie = c->is->cookie;
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
		if (m->cookie != c->is->cookie || m->until < c->ic->env->now ||
		    memcmp(m->args, c->args, sizeof(m->args)))
			continue;
		*result = m->result;
		return true;
	}
	return false;
}

/* ---- answers ---- */

bool call_valid(const struct call *c)
{
	return !ioctl(c->listener->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->id);
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
	if (c->kind->undo)
		c->kind->undo(c, result);
	else if (c->is)
		call_remember(c, result);
}

static void call_answer(struct call *c, int64_t result)
{
	struct seccomp_notif_resp resp = { .id = c->id };
	struct intercept *ic = c->ic;

	if (result == CALL_ANSWERED)
		return;
	if (result == CALL_CONTINUE) {
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ic->stats.continued++;
	} else if (result < 0) {
		resp.error = (int32_t)result;
	} else {
		resp.val = result;
	}
	if (!ioctl(c->listener->fd, SECCOMP_IOCTL_NOTIF_SEND, &resp)) {
		if (c->sigpipe)		/* not before: it would interrupt the call */
			syscall(SYS_tkill, c->tid, SIGPIPE);
		return;
	}
	if (errno == ENOENT)
		call_lost(c, result);
}

int64_t call_answer_fd(struct call *c, int fd, bool cloexec, int *tfd)
{
	struct seccomp_notif_addfd add = {
		.id = c->id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};

	*tfd = ioctl(c->listener->fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	if (*tfd >= 0)
		return CALL_ANSWERED;
	*tfd = -1;
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		return -errno;
	c->ic->stats.interrupted++;
	return CALL_ANSWERED;
}

int call_replace_fd(struct call *c, int fd)
{
	struct seccomp_notif_addfd add = {
		.id = c->id, .flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = (uint32_t)fd,
		.newfd = (uint32_t)c->args[0],
		.newfd_flags = remote_cloexec(c->tid, (int)c->args[0]) ? O_CLOEXEC : 0,
	};

	return ioctl(c->listener->fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

/* ---- waiting ---- */

int64_t call_wait(struct call *c, uint64_t timeout, uint32_t events)
{
	if (c->expired)
		return -EAGAIN;
	if (!c->waits)
		c->deadline = timeout ? c->ic->env->now + timeout : TIMER_NEVER;
	c->events = events;
	return CALL_WAIT;
}

static void call_drop(struct call *c)
{
	c->is->ncalls--;
	list_del(&c->node);
	hash_del(&c->ic->waiters, &c->by_tid);
	list_del(&c->wait_node);
	timer_cancel(&c->ic->env->timers, &c->timer);
	if (c->io.loop)
		loop_del(&c->io);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

/* Its caller waits no more. */
static void call_interrupted(struct call *c)
{
	call_lost(c, -EINTR);
	call_drop(c);
}

/* A thread makes one call at a time: one that still seems to wait was interrupted. */
static void call_superseded(const struct call *now)
{
	for (struct hash_node *n = hash_find(&now->ic->waiters, (uint64_t)now->tid), *next; n; n = next) {
		next = hash_find_next(n);
		call_interrupted(container_of(n, struct call, by_tid));
	}
}

static void call_again(struct call *c)
{
	int64_t result;

	if (!call_valid(c)) {
		call_interrupted(c);
		return;
	}
	result = c->kind->fn(c);
	if (result == CALL_WAIT)
		return;
	call_answer(c, result);
	call_drop(c);
}

static void call_ready(struct loop_io *io, uint32_t events)
{
	(void)events;
	call_again(container_of(io, struct call, io));
}

static void call_expired(struct timer *t)
{
	struct call *c = container_of(t, struct call, timer);

	c->expired = true;
	call_again(c);
}

void call_abandon(struct isock *is)
{
	list_for_each_safe(n, &is->ic->waiting) {
		struct call *c = list_entry(n, struct call, node);

		if (c->is != is)
			continue;
		call_answer(c, -EBADF);
		call_drop(c);
	}
}

void call_wake(struct isock *is)
{
	struct list turn;

	list_init(&turn);
	list_splice_tail(&is->waiters, &turn);
	while (!list_empty(&turn)) {
		struct call *c = list_first(&turn, struct call, wait_node);

		list_del(&c->wait_node);
		list_add_tail(&c->wait_node, &is->waiters);
		call_again(c);
	}
}

static void call_keep(const struct call *now)
{
	struct intercept *ic = now->ic;
	struct call *c = fds_left(ic, now->fd, true) ? malloc(sizeof(*c)) : NULL;

	if (!c) {
		call_answer((struct call *)(uintptr_t)now, -ENOBUFS);
		if (now->fd >= 0)
			close(now->fd);
		return;
	}
	*c = *now;
	c->waits = true;
	list_init(&c->wait_node);
	c->is->ncalls++;
	list_add_tail(&c->node, &ic->waiting);
	hash_add(&ic->waiters, &c->by_tid, (uint64_t)c->tid);
	timer_init(&c->timer, call_expired);
	if (c->deadline != TIMER_NEVER)
		timer_arm(&ic->env->timers, &c->timer, c->deadline);
	if (!c->events || loop_add(ic->loop, &c->io, c->fd, c->events, call_ready))
		list_add_tail(&c->wait_node, &c->is->waiters);
	if (!timer_armed(&ic->reap))
		timer_arm(&ic->env->timers, &ic->reap, ic->env->now + REAP_INTERVAL);
}

bool call_reap(struct intercept *ic)
{
	bool any = false;

	list_for_each_safe(n, &ic->waiting) {
		struct call *c = list_entry(n, struct call, node);

		if (call_valid(c))
			continue;
		call_interrupted(c);
		any = true;
	}
	return any;
}

static void intercept_reap(struct timer *t)
{
	struct intercept *ic = container_of(t, struct intercept, reap);

	call_reap(ic);
	if (!list_empty(&ic->waiting))
		timer_arm(&ic->env->timers, &ic->reap, ic->env->now + REAP_INTERVAL);
}

/* ---- the caller's memory ---- */

int call_read(struct call *c, uint64_t addr, void *dst, size_t n)
{
	int err = remote_read(c->tid, addr, dst, n);

	return err ? -EFAULT : call_valid(c) ? 0 : -EINTR;
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
	if (err)
		return err;
	if (room < 0)
		return -EINVAL;
	err = call_write(c, addr, name, (size_t)room < len ? (size_t)room : len);
	return err ? err : call_write(c, lenp, &len, sizeof(len));
}

bool call_nonblock(const struct call *c)
{
	int flags = fcntl(c->fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK);
}

/* ---- notifications ---- */

/* Find whose call it is. False: answered by *result. */
static bool call_find(struct call *c, int64_t *result)
{
	int err;

	c->fd = remote_getfd(&c->ic->remote, c->tid, (int)c->args[0]);
	if (c->fd < 0) {
		*result = c->fd == -EMFILE || c->fd == -ENFILE ? -ENOBUFS :
			  c->fd == -ESRCH && !call_valid(c) ? -EINTR : -EBADF;
		return false;
	}
	/* by its number a task was found: it was the caller, if the caller still waits */
	*result = -EINTR;
	if (!call_valid(c))
		return false;
	c->is = isock_find(c->ic, c->fd, &err);
	if (!c->is && !list_empty(&c->ic->ringed) && ring_restore(c))
		c->is = isock_find(c->ic, c->fd, &err);
	if (!c->is) {
		*result = c->kind->other ? c->kind->other(c) : CALL_CONTINUE;
		return false;
	}
	c->is->tid = c->tid;
	c->is->tfd = (int)c->args[0];
	if (c->is->small && c->is->state == ISOCK_CONNECTED)
		isock_restore(c->is, c->fd);
	return true;
}

static int64_t call_dispatch(struct call *c)
{
	int64_t result;

	c->kind = call_kind(c->nr);
	if (!c->kind)
		return CALL_CONTINUE;
	if (c->kind->socket) {
		call_superseded(c);
		if (!call_find(c, &result) || call_recall(c, &result))
			return result;
	}
	return c->kind->fn(c);
}

static void listener_close(struct listener *l)
{
	struct intercept *ic = l->ic;

	list_for_each_safe(n, &ic->waiting)
		if (list_entry(n, struct call, node)->listener == l)
			call_drop(list_entry(n, struct call, node));
	loop_del(&l->io);
	close(l->fd);
	list_del(&l->node);
	free(l);
}

static void listener_io(struct loop_io *io, uint32_t events)
{
	struct listener *l = container_of(io, struct listener, io);
	union {
		struct seccomp_notif n;
		char room[256];		/* for a kernel that has more to say */
	} u;
	struct call c = { .ic = l->ic, .listener = l, .fd = -1, .deadline = TIMER_NEVER };
	int64_t result;

	if (!(events & EPOLLIN)) {
		listener_close(l);	/* nobody is left under this filter */
		return;
	}
	memset(&u, 0, sizeof(u));
	if (ioctl(l->fd, SECCOMP_IOCTL_NOTIF_RECV, &u.n))
		return;			/* the caller was killed in between */
	l->ic->stats.notifications++;
	c.id = u.n.id;
	c.tid = (pid_t)u.n.pid;
	c.nr = u.n.data.nr;
	for (int i = 0; i < 6; i++)
		c.args[i] = u.n.data.args[i];
	result = call_dispatch(&c);
	if (result == CALL_WAIT) {
		call_keep(&c);
		return;
	}
	call_answer(&c, result);
	if (c.fd >= 0)
		close(c.fd);
}

int intercept_add_listener(struct intercept *ic, int fd, bool operator, struct weir_error *e)
{
	struct listener *l = calloc(1, sizeof(*l));
	int err = l ? 0 : -ENOMEM;

	if (!err) {
		l->ic = ic;
		l->fd = fd;
		l->operator = operator;
		err = loop_add(ic->loop, &l->io, fd, EPOLLIN, listener_io);
	}
	if (err) {
		free(l);
		close(fd);
		return weir_fail(e, -err, "cannot watch the seccomp listener: %s", strerror(-err));
	}
	list_add_tail(&l->node, &ic->listeners);
	return 0;
}

struct intercept *intercept_create(struct stack *s, struct loop *l, struct weir_error *e)
{
	struct intercept *ic = calloc(1, sizeof(*ic));
	struct rlimit r;

	if (!ic)
		goto no_memory;
	ic->stack = s;
	ic->env = &s->env;
	ic->loop = l;
	list_init(&ic->listeners);
	list_init(&ic->waiting);
	list_init(&ic->ghosts);
	list_init(&ic->hungry);
	list_init(&ic->ringed);
	list_init(&ic->free_names);
	unread_init(ic);
	timer_init(&ic->reap, intercept_reap);
	timer_init(&ic->sweep, isock_sweep);
	timer_init(&ic->feed, isock_feed);
	remote_init(&ic->remote);
	ic->nofile = getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur > INT_MAX ? INT_MAX : (int)r.rlim_cur;
	ic->scratch = malloc(ISOCK_SCRATCH);
	if (!ic->scratch || hash_init(&ic->isocks, 64) || hash_init(&ic->waiters, 64))
		goto no_memory;
	ic->witness = epoll_create1(EPOLL_CLOEXEC);
	if (ic->witness >= 0)
		return ic;
	weir_fail(e, errno, "cannot make an epoll set: %s", strerror(errno));
	hash_free(&ic->waiters);
	hash_free(&ic->isocks);
	free(ic->scratch);
	free(ic);
	return NULL;
no_memory:
	weir_fail(e, ENOMEM, "out of memory");
	if (ic) {
		hash_free(&ic->isocks);
		free(ic->scratch);
	}
	free(ic);
	return NULL;
}

void intercept_destroy(struct intercept *ic)
{
	struct hash_node *n;

	if (!ic)
		return;
	while (!list_empty(&ic->listeners))
		listener_close(list_first(&ic->listeners, struct listener, node));
	while ((n = hash_walk(&ic->isocks, NULL)))
		isock_release(container_of(n, struct isock, node), false);
	timer_cancel(&ic->env->timers, &ic->reap);
	timer_cancel(&ic->env->timers, &ic->sweep);
	timer_cancel(&ic->env->timers, &ic->feed);
	while (!list_empty(&ic->free_names)) {
		struct isock_name *name = list_first(&ic->free_names, struct isock_name, node);

		list_del(&name->node);
		free(name);
	}
	buf_put(ic->buf);
	remote_close(&ic->remote);
	close(ic->witness);
	hash_free(&ic->waiters);
	hash_free(&ic->isocks);
	free(ic->scratch);
	free(ic);
}

const struct intercept_stats *intercept_stats(const struct intercept *ic)
{
	return &ic->stats;
}
