/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket.c - sockets of an embedding program (weir/weir.h), but for their messages: the calls of
 * socket/socket.h behind a handle that has the program's callback.
 *
 * A transport tells of an event in the middle of its own work. The callback is therefore put off to
 * the end of the turn, when it may call anything.
 */
#include <errno.h>
#include <stdlib.h>

#include "embed/internal.h"

static void note_event(void *arg)
{
	struct weir_sock *sk = arg;

	if (sk->event)
		work_defer(&sk->stack->stack->env, &sk->work);
}

static void call_event(struct work *w)
{
	struct weir_sock *sk = container_of(w, struct weir_sock, work);

	if (sk->event)
		sk->event(sk, socket_poll(sk->sk), sk->event_arg);
}

static struct weir_sock *new_handle(struct weir_stack *s)
{
	struct weir_sock *sk = calloc(1, sizeof(*sk));

	if (!sk)
		return NULL;
	sk->stack = s;
	list_init(&sk->node);
	work_init(&sk->work, call_event);
	return sk;
}

static void give_handle(struct weir_sock *handle, struct sock *sk)
{
	handle->sk = sk;
	socket_set_event(sk, note_event, handle);
	list_add_tail(&handle->node, &handle->stack->socks);
	handle->stack->nsocks++;
}

static void free_handle(struct weir_sock *sk)
{
	struct weir_stack *s = sk->stack;

	list_del(&sk->node);
	work_cancel(&sk->work);
	free(sk);
	if (--s->nsocks)
		return;
	buf_put(s->tx);
	s->tx = NULL;
}

int weir_socket(struct weir_stack *s, int family, int type, int protocol, struct weir_sock **out)
{
	struct weir_sock *handle = new_handle(s);
	int err = -ENOBUFS;
	struct sock *sk;

	*out = NULL;
	if (!handle)
		return err;
	sk = socket_create(s->stack, family, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), protocol,
			   true, &err);
	if (!sk) {
		free(handle);
		return err;
	}
	give_handle(handle, sk);
	*out = handle;
	return 0;
}

int weir_bind(struct weir_sock *sk, const struct sockaddr *sa, socklen_t len)
{
	return socket_bind(sk->sk, sa, len);
}

int weir_listen(struct weir_sock *sk, int backlog)
{
	return socket_listen(sk->sk, backlog);
}

int weir_accept(struct weir_sock *sk, struct weir_sock **out, struct sockaddr *sa, socklen_t *len)
{
	struct weir_sock *handle = new_handle(sk->stack);
	int err = -ENOBUFS;
	struct sock *new;

	*out = NULL;
	if (!handle)
		return err;
	new = socket_accept(sk->sk, &err);
	if (!new) {
		free(handle);
		return err;
	}
	give_handle(handle, new);
	*out = handle;
	if (sa && len)		/* of a peer that is gone again, too */
		ip_addr_to_sockaddr(&new->remote, new->rport, new->family,
				    new->bound_nic ? new->bound_nic->index : 0, sa, len);
	return 0;
}

int weir_connect(struct weir_sock *sk, const struct sockaddr *sa, socklen_t len)
{
	return socket_connect(sk->sk, sa, len);
}

int weir_shutdown(struct weir_sock *sk, int how)
{
	return socket_shutdown(sk->sk, how);
}

int weir_getsockname(struct weir_sock *sk, struct sockaddr *sa, socklen_t *len)
{
	return socket_getsockname(sk->sk, sa, len);
}

int weir_getpeername(struct weir_sock *sk, struct sockaddr *sa, socklen_t *len)
{
	return socket_getpeername(sk->sk, sa, len);
}

int weir_setsockopt(struct weir_sock *sk, int level, int name, const void *value, socklen_t len)
{
	return socket_setsockopt(sk->sk, level, name, value, len);
}

int weir_getsockopt(struct weir_sock *sk, int level, int name, void *value, socklen_t *len)
{
	return socket_getsockopt(sk->sk, level, name, value, len);
}

int weir_ioctl(struct weir_sock *sk, unsigned long request, void *arg, size_t len)
{
	return socket_ioctl(sk->sk, request, arg, len);
}

void weir_close(struct weir_sock *sk)
{
	if (!sk)
		return;
	socket_close(sk->sk);
	free_handle(sk);
}

void weir_abort(struct weir_sock *sk)
{
	if (!sk)
		return;
	socket_abort(sk->sk);
	free_handle(sk);
}

uint32_t weir_poll(struct weir_sock *sk)
{
	return socket_poll(sk->sk);
}

void weir_set_event(struct weir_sock *sk,
		    void (*fn)(struct weir_sock *sk, uint32_t events, void *arg), void *arg)
{
	sk->event = fn;
	sk->event_arg = arg;
	note_event(sk);		/* what is so already, it hears as well */
}
