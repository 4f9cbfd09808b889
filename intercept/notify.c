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
	{ SYS_bind, true, call_bind, NULL },
	{ SYS_connect, true, call_connect, call_connect_undo },
	{ SYS_listen, true, call_listen, NULL },
	{ SYS_accept, true, call_accept, NULL },
	{ SYS_accept4, true, call_accept, NULL },
	{ SYS_getsockname, true, call_getsockname, NULL },
	{ SYS_getpeername, true, call_getpeername, NULL },
	{ SYS_getsockopt, true, call_getsockopt, NULL },
	{ SYS_setsockopt, true, call_setsockopt, NULL },
	{ SYS_shutdown, true, call_shutdown, NULL },
	{ SYS_ioctl, true, call_ioctl, NULL },
	{ SYS_sendto, true, call_sendto, NULL },
	{ SYS_recvfrom, true, call_recvfrom, NULL },
	{ SYS_sendmsg, true, call_sendmsg, NULL },
	{ SYS_recvmsg, true, call_recvmsg, NULL },
	{ SYS_sendmmsg, true, call_sendmmsg, NULL },
	{ SYS_recvmmsg, true, call_recvmmsg, NULL },
};

static const struct call_kind *call_kind(int nr)
{
	for (size_t i = 0; i < sizeof(call_kinds) / sizeof(call_kinds[0]); i++)
		if (call_kinds[i].nr == nr)
			return &call_kinds[i];
	return NULL;
}

static void listener_close(struct listener *l)
{
	call_drop_all(l->ic, l);
	witness_look(l->ic);
	loop_del(&l->io);
	close(l->fd);
	list_del(&l->node);
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

static void listener_io(struct loop_io *io, uint32_t events)
{
	struct listener *l = container_of(io, struct listener, io);
	const struct call_kind *kind;
	struct notif n;
	struct call *c;

	if (!(events & EPOLLIN)) {
		listener_close(l);	/* nobody is left under this filter */
		return;
	}
	if (notif_recv(l->fd, &n))
		return;			/* the caller was killed in between */
	intercept_count(&l->ic->notifications);
	kind = call_kind(n.nr);
	c = kind ? calloc(1, sizeof(*c)) : NULL;
	if (!kind)
		notif_continue(l->fd, n.id);
	else if (!c)
		notif_answer(l->fd, n.id, -ENOBUFS);
	if (!c)
		return;
	c->ic = l->ic;
	c->listener = l;
	c->worker = &l->ic->worker;
	c->kind = kind;
	c->id = n.id;
	c->tid = n.tid;
	c->nr = n.nr;
	memcpy(c->args, n.args, sizeof(c->args));
	c->fd = -1;
	c->deadline = TIMER_NEVER;
	list_init(&c->node);
	list_init(&c->wait_node);
	timer_init(&c->timer, call_expired);
	call_run(c);
}

static void run_ready(struct work *w)
{
	struct intercept *ic = container_of(w, struct intercept, run_ready);

	while (!list_empty(&ic->ready)) {
		struct call *c = list_first(&ic->ready, struct call, wait_node);

		list_del(&c->wait_node);
		c->worker = &ic->worker;
		call_run(c);
	}
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
	work_init(&ic->run_ready, run_ready);
	list_init(&ic->hungry);
	list_init(&ic->ringed);
	list_init(&ic->free_names);
	unread_init(ic);
	timer_init(&ic->collect, call_collect);
	witness_init(ic);
	timer_init(&ic->feed, isock_feed);
	userns_name(getpid(), ic->user_ns);
	remote_init(&ic->remote);
	remote_init(&ic->worker.remote);
	ic->nofile = getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur > INT_MAX ? INT_MAX : (int)r.rlim_cur;
	ic->scratch = malloc(ISOCK_SCRATCH);
	ic->worker.ic = ic;
	ic->worker.scratch = malloc(ISOCK_SCRATCH);
	if (!ic->scratch || !ic->worker.scratch || hash_init(&ic->isocks, 64) || hash_init(&ic->waiters, 64))
		goto no_memory;
	ic->asker = -1;
	ic->mark = eventfd(0, EFD_CLOEXEC);
	if (ic->mark >= 0 && !door_open(ic))
		return ic;
	weir_fail(e, errno, "cannot make an eventfd or a socket: %s", strerror(errno));
	if (ic->mark >= 0)
		close(ic->mark);
	hash_free(&ic->waiters);
	hash_free(&ic->isocks);
	free(ic->worker.scratch);
	free(ic->scratch);
	free(ic);
	return NULL;
no_memory:
	weir_fail(e, ENOMEM, "out of memory");
	if (ic) {
		hash_free(&ic->isocks);
		free(ic->worker.scratch);
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
	timer_cancel(&ic->env->timers, &ic->collect);
	work_cancel(&ic->run_ready);
	witness_close(ic);
	timer_cancel(&ic->env->timers, &ic->feed);
	while (!list_empty(&ic->free_names)) {
		struct isock_name *name = list_first(&ic->free_names, struct isock_name, node);

		list_del(&name->node);
		free(name);
	}
	buf_put(ic->buf);
	remote_close(&ic->remote);
	remote_close(&ic->worker.remote);
	free(ic->worker.scratch);
	close(ic->mark);
	close(ic->door);
	if (ic->asker >= 0)
		close(ic->asker);
	hash_free(&ic->waiters);
	hash_free(&ic->isocks);
	free(ic->scratch);
	free(ic);
}

void intercept_stats(const struct intercept *ic, struct intercept_stats *s)
{
	*s = ic->stats;
	s->notifications = __atomic_load_n(&ic->notifications, __ATOMIC_RELAXED);
	s->continued = __atomic_load_n(&ic->continued, __ATOMIC_RELAXED);
}
