/* SPDX-License-Identifier: Apache-2.0 */
/* stack_world.h - one stack on virtual time and sockets of it, for tests of what is told of them. */
#ifndef TESTS_STACK_WORLD_H
#define TESTS_STACK_WORLD_H

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <weir/module.h>

#include "stack.h"

#define SEC 1000000000ull

extern const struct weir_module weir_module;	/* reno, linked in */

static struct random_seeded seed;
static struct stack *s;

static inline void world_create(void)
{
	struct stack_config c = {
		.now = SEC, .random = { random_from_seed, &seed },
		.congestion = weir_module.entries[0].ops,
	};

	random_seed(&seed, 1);
	s = stack_create(&c, NULL);
	ck_assert_ptr_nonnull(s);
}

static inline void settle(void)
{
	for (int i = 0; i < 10; i++)
		env_run(&s->env, s->env.now + 1000000);
}

static inline struct sockaddr_in name(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static inline struct sock *open_sock(int family, int type, int protocol)
{
	int err;
	struct sock *sk = socket_create(s, family, type, protocol, true, &err);

	ck_assert_ptr_nonnull(sk);
	return sk;
}

static inline struct sock *bound(int type, uint16_t port)
{
	struct sockaddr_in n = name(port);
	struct sock *sk = open_sock(AF_INET, type, 0);

	ck_assert_int_eq(socket_bind(sk, &n, sizeof(n)), 0);
	return sk;
}

static inline struct sock *listener(uint16_t port)
{
	struct sock *sk = bound(SOCK_STREAM, port);

	ck_assert_int_eq(socket_listen(sk, 8), 0);
	return sk;
}

static inline struct sock *client(uint16_t port)
{
	struct sockaddr_in n = name(port);
	struct sock *sk = open_sock(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(socket_connect(sk, &n, sizeof(n)), -EINPROGRESS);
	settle();
	return sk;
}

#endif
