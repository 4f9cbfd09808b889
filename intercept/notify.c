/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - notifications: received, and handed to the file of their family of calls.
 *
 * Theory of operation
 *
 * What becomes of a call from here to its answer is told in call.c.
 *
 * CALL_CONTINUE lets the kernel do a call on a socket that is not ours. That is decided from the
 * descriptor, and another thread may put one of ours in its place before the kernel looks. The
 * kernel then does the call on an AF_UNIX socket, or on a socket of the program's own namespace,
 * which has no devices: harmless. Nothing is allowed because of what was read through a pointer and
 * then left to the kernel to read again.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intercept/isock.h"

static const struct call_kind call_kinds[] = {
	{ SYS_socket, false, call_socket, NULL },
	{ SYS_bind, false, call_bind, NULL },
	{ SYS_connect, true, call_connect, call_connect_undo },
	{ SYS_listen, false, call_listen, NULL },
	{ SYS_accept, false, call_accept, NULL },
	{ SYS_accept4, false, call_accept, NULL },
	{ SYS_getsockname, false, call_getsockname, call_asks },
	{ SYS_getpeername, false, call_getpeername, call_asks },
	{ SYS_getsockopt, false, call_getsockopt, call_getsockopt_undo },
	{ SYS_setsockopt, false, call_setsockopt, NULL },
	{ SYS_shutdown, false, call_shutdown, NULL },
	{ SYS_ioctl, false, call_ioctl, call_asks },
	{ SYS_sendto, false, call_sendto, NULL },
	{ SYS_recvfrom, false, call_recvfrom, NULL },
	{ SYS_sendmsg, false, call_sendmsg, NULL },
	{ SYS_recvmsg, false, call_recvmsg, NULL },
	{ SYS_sendmmsg, false, call_sendmmsg, NULL },
	{ SYS_recvmmsg, false, call_recvmmsg, NULL },
};

static const struct call_kind *call_kind(int nr)
{
	for (size_t i = 0; i < sizeof(call_kinds) / sizeof(call_kinds[0]); i++)
		if (call_kinds[i].nr == nr)
			return &call_kinds[i];
	return NULL;
}

void listener_put(struct listener *l)
{
	if (__atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL))
		return;
	close(l->fd);
	free(l);
}

int intercept_door(const struct intercept *ic)
{
	return ic->door;
}

void intercept_ended(struct intercept *ic)
{
	witness_look(ic);
}

/* In the stack's turn. */
static void listener_forget(struct listener *l)
{
	call_drop_all(l->ic, l);
	witness_look(l->ic);
	list_del(&l->node);
	listener_put(l);
}

void listener_close(struct listener *l)
{
	struct intercept *ic = l->ic;

	turn_take(ic);
	listener_forget(l);
	turn_give(ic);
}

static struct call *call_new(struct worker *w, struct listener *l, const struct notif *n)
{
	const struct call_kind *kind = call_kind(n->nr);
	struct call *c = kind ? calloc(1, sizeof(*c)) : NULL;

	if (!kind)
		notif_continue(l->fd, n->id);
	else if (!c)
		notif_answer(l->fd, n->id, -ENOBUFS);
	if (!c)
		return NULL;
	__atomic_add_fetch(&l->refs, 1, __ATOMIC_ACQ_REL);
	c->ic = l->ic;
	c->listener = l;
	c->worker = w;
	c->kind = kind;
	c->id = n->id;
	c->tid = n->tid;
	c->nr = n->nr;
	memcpy(c->args, n->args, sizeof(c->args));
	c->fd = -1;
	c->deadline = TIMER_NEVER;
	list_init(&c->node);
	list_init(&c->wait_node);
	timer_init(&c->timer, call_expired);
	return c;
}

/* The next notification. The listener is given to another worker before anything is done about it. */
struct call *notify_receive(struct worker *w, struct listener *l)
{
	struct notif n;
	struct call *c;
	int err = notif_recv(l->fd, &n);

	/* a new one keeps the listener: once it is armed, another worker may see its end */
	c = err ? NULL : call_new(w, l, &n);	/* else the caller was killed in between */
	pool_watch(&w->ic->pool, l);
	if (!err)
		intercept_count(&w->ic->notifications);
	return c;
}

/* Those whose wait is over are for a worker, and errands: once a turn, so that many of them make one wake-up. */
static void run_ready(struct work *w)
{
	struct intercept *ic = container_of(w, struct intercept, run_ready);

	if ((!list_empty(&ic->ready) || !list_empty(&ic->errands)) && !ic->looks)
		pool_kick(&ic->pool);
	ic->looks = false;
}

int intercept_add_listener(struct intercept *ic, int fd, bool operator, struct weir_error *e)
{
	struct listener *l = calloc(1, sizeof(*l));
	int err = l ? 0 : -ENOMEM;

	if (!err) {
		l->ic = ic;
		l->fd = fd;
		l->operator = operator;
		l->refs = 1;
		list_add_tail(&l->node, &ic->listeners);
		err = pool_watch(&ic->pool, l);
	}
	if (!err) {
		l->watched = true;
		return 0;
	}
	if (l)
		list_del(&l->node);
	free(l);
	close(fd);
	return weir_fail(e, -err, "cannot watch the seccomp listener: %s", strerror(-err));
}

void intercept_set_user_ns(struct intercept *ic, const char *name, const struct userns *users)
{
	ic->users = *users;
	strncpy(ic->user_ns, name, sizeof(ic->user_ns) - 1);
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
	list_init(&ic->ready);
	list_init(&ic->errands);
	list_init(&ic->late_errands);
	work_init(&ic->run_ready, run_ready);
	list_init(&ic->hungry);
	ring_seek_init(ic);
	list_init(&ic->free_names);
	unread_init(ic);
	timer_init(&ic->collect, call_collect);
	witness_init(ic);
	timer_init(&ic->feed, isock_feed);
	userns_name(getpid(), ic->user_ns);
	ic->nofile = getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur > INT_MAX ? INT_MAX : (int)r.rlim_cur;
	intercept_set_memory(ic, UINT64_MAX);
	ic->scratch = malloc(ISOCK_SCRATCH);
	if (!ic->scratch || hash_init(&ic->isocks, 64) || hash_init(&ic->waiters, 64))
		goto no_memory;
	ic->asker = -1;
	ic->mark = eventfd(0, EFD_CLOEXEC);
	if (ic->mark < 0 || door_open(ic)) {
		weir_fail(e, errno, "cannot make an eventfd or a socket: %s", strerror(errno));
		goto no_door;
	}
	if (pool_init(&ic->pool, ic, e))
		goto no_pool;
	if (!loop_share(l, e))
		return ic;
	pool_free(&ic->pool);
no_pool:
	close(ic->door);
no_door:
	if (ic->mark >= 0)
		close(ic->mark);
	goto fail;
no_memory:
	weir_fail(e, ENOMEM, "out of memory");
	if (!ic)
		return NULL;
fail:
	hash_free(&ic->waiters);
	hash_free(&ic->isocks);
	free(ic->scratch);
	free(ic);
	return NULL;
}

int intercept_start(struct intercept *ic, struct weir_error *e)
{
	return pool_start(&ic->pool, e);
}

/* The workers' last calls need turns. */
static bool stop_workers(struct intercept *ic)
{
	bool stopped;

	turn_give(ic);
	stopped = pool_stop(&ic->pool);
	turn_take(ic);
	return stopped;
}

bool intercept_destroy(struct intercept *ic)
{
	struct hash_node *n;

	if (!ic)
		return true;
	if (!stop_workers(ic))
		return false;
	while (!list_empty(&ic->pool.postponed))
		call_refuse(list_first(&ic->pool.postponed, struct call, wait_node), -EINTR);
	while (!list_empty(&ic->listeners))
		listener_forget(list_first(&ic->listeners, struct listener, node));
	while ((n = hash_walk(&ic->isocks, NULL)))
		isock_release(container_of(n, struct isock, node), false);
	timer_cancel(&ic->env->timers, &ic->collect);
	ring_seek_stop(ic);
	work_cancel(&ic->run_ready);
	witness_close(ic);
	timer_cancel(&ic->env->timers, &ic->feed);
	timer_cancel(&ic->env->timers, &ic->settle);
	while (!list_empty(&ic->free_names)) {
		struct isock_name *name = list_first(&ic->free_names, struct isock_name, node);

		list_del(&name->node);
		free(name);
	}
	buf_put(ic->buf);
	pool_free(&ic->pool);
	close(ic->mark);
	close(ic->door);
	if (ic->asker >= 0)
		close(ic->asker);
	hash_free(&ic->waiters);
	hash_free(&ic->isocks);
	free(ic->scratch);
	free(ic);
	return true;
}

void intercept_stats(const struct intercept *ic, struct intercept_stats *s)
{
	*s = ic->stats;
	s->notifications = __atomic_load_n(&ic->notifications, __ATOMIC_RELAXED);
	s->continued = __atomic_load_n(&ic->continued, __ATOMIC_RELAXED);
	s->stuck = __atomic_load_n(&ic->pool.stuck, __ATOMIC_RELAXED);
	s->waiting = ic->waiters.count;
	s->workers = __atomic_load_n(&ic->pool.nworkers, __ATOMIC_RELAXED);
}
