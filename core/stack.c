/* SPDX-License-Identifier: Apache-2.0 */
/* stack.c - the floors of one stack, put together from the bottom up and taken apart from the top
 * down. */
#include <errno.h>
#include <stdlib.h>

#include "ip/group.h"
#include "stack.h"

#define STACK_MEMORY	(256ull << 20)

static int loopback_start(struct stack *s, struct weir_error *e)
{
	struct ip_addr localhost = ip_addr_v4(htonl(INADDR_LOOPBACK));
	int err;

	s->lo = nic_create_loopback(&s->nics, e);
	if (!s->lo)
		return -ENOMEM;
	err = ip_addr_add(&s->ip, s->lo, &localhost, 8, e);
	return err ? err : ip_addr_add(&s->ip, s->lo, &ip_addr_localhost6, 128, e);
}

struct stack *stack_create(const struct stack_config *c, struct weir_error *e)
{
	struct stack *s = calloc(1, sizeof(*s));

	if (!s)
		goto err;
	env_init(&s->env, c->now, &c->random, &c->log);
	packet_pool_init(&s->pool, c->memory ? c->memory : STACK_MEMORY);
	s->env.pool = &s->pool;
	nics_init(&s->nics, &s->env);
	s->nics.kinds = c->qdiscs;
	if (ip_init(&s->ip, &s->env, &s->nics) < 0)
		goto err_nics;
	if (udp_init(&s->udp, &s->env, &s->ip) < 0)
		goto err_ip;
	if (raw_init(&s->raw, &s->env, &s->ip) < 0)
		goto err_udp;
	pfpacket_init(&s->pfpacket, &s->env, &s->ip);
	if (tcp_init(&s->tcp, &s->env, &s->ip) < 0)
		goto err_raw;
	if (netlink_init(&s->netlink, &s->env, &s->ip) < 0)
		goto err_tcp;
	diag_init(&s->diag, &s->netlink, &s->tcp, &s->udp, &s->raw);
	s->tcp.congestion = c->congestion;
	s->tcp.congestion_params = c->congestion_params;
	if (loopback_start(s, e) < 0) {
		stack_destroy(s);
		return NULL;
	}
	return s;

err_tcp:
	tcp_destroy(&s->tcp);
err_raw:
	raw_destroy(&s->raw);
err_udp:
	udp_destroy(&s->udp);
err_ip:
	ip_destroy(&s->ip);
err_nics:
	nics_destroy(&s->nics);
	packet_pool_destroy(&s->pool);
	free(s);
err:
	weir_fail(e, ENOMEM, "no memory for a network stack; free some, or lower [weir] memory");
	return NULL;
}

void stack_destroy(struct stack *s)
{
	if (!s)
		return;
	netlink_destroy(&s->netlink);
	tcp_destroy(&s->tcp);
	pfpacket_destroy(&s->pfpacket);
	raw_destroy(&s->raw);
	udp_destroy(&s->udp);
	/* The last words of connections, and to the routers of groups. */
	groups_farewell(s->ip.groups);
	list_for_each(pos, &s->nics.list)
		nic_run_queue(list_entry(pos, struct nic, node));
	ip_destroy(&s->ip);
	nics_destroy(&s->nics);
	packet_pool_destroy(&s->pool);
	free(s);
}

void stack_run(struct stack *s, uint64_t now)
{
	env_run(&s->env, now);
}

uint64_t stack_next(const struct stack *s)
{
	return env_next(&s->env);
}
