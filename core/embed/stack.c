/* SPDX-License-Identifier: Apache-2.0 */
/* stack.c - stacks of an embedding program (weir/weir.h): their life, their turns, their
 * counters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "embed/internal.h"

/* A struct that the program knows size bytes of, in one of ours: what it does not know is 0. */
static bool take_struct(void *to, size_t have, const void *from, size_t size)
{
	if (size < sizeof(size_t))
		return false;
	memset(to, 0, have);
	memcpy(to, from, size < have ? size : have);
	return true;
}

static void write_log(void *arg, enum log_level level, const char *text)
{
	struct weir_stack *s = arg;

	s->log(s->log_arg, (enum weir_log_level)level, text);
}

static int get_congestion(struct weir_stack *s, const char *name, const char *const *params,
			  struct congestion_set **set, struct module **m, struct weir_error *e)
{
	struct setting settings[PARAM_TABLE_MAX];
	int n = embed_settings(params, settings, e);

	if (n < 0)
		return n;
	*set = congestion_set_get(&s->congestions, name, settings, (size_t)n, m, e);
	if (*set)
		return 0;
	weir_error_prefix(e, "congestion control %s", name);
	return -EINVAL;
}

static int create(struct weir_stack *s, const struct weir_config *c, struct weir_error *e)
{
	struct stack_config sc = {
		.now = c->now, .memory = c->memory, .qdiscs = &s->qdiscs,
		.random = { c->random ? c->random : random_system,
			    c->random ? c->random_arg : &s->random },
		.log = { c->log ? write_log : NULL, s, (enum log_level)c->log_level },
	};
	struct congestion_set *set;
	int err = get_congestion(s, c->congestion ? c->congestion : CONFIG_CONGESTION,
				 c->congestion_params, &set, &s->congestion_module, e);

	if (err)
		return err;
	sc.congestion = set->ops;
	sc.congestion_params = set->params;
	s->stack = stack_create(&sc, e);
	if (!s->stack)
		return -ENOMEM;
	s->stack->tcp.kinds = &s->congestion_kinds;
	s->stack->env.wall_offset = c->wall_offset;
	return 0;
}

struct weir_stack *weir_create(const struct weir_config *config, struct weir_error *e)
{
	struct weir_stack *s = calloc(1, sizeof(*s));
	struct weir_config c;

	if (!s) {
		weir_fail(e, ENOMEM, "no memory for a network stack");
		return NULL;
	}
	list_init(&s->nics);
	list_init(&s->socks);
	congestion_sets_init(&s->congestions, NULL);
	if (!take_struct(&c, sizeof(c), config, config->size) || !c.now) {
		weir_fail(e, EINVAL, "struct weir_config: set size to its size, and now to the time");
		goto fail;
	}
	s->log = c.log;
	s->log_arg = c.log_arg;
	s->modules = c.modules ? c.modules : weir_modules_create(NULL, e);
	s->own_modules = !c.modules;
	if (!s->modules)
		goto fail;
	registry_qdisc_kinds(&s->modules->registry, &s->qdiscs);
	congestion_sets_init(&s->congestions, &s->modules->registry);
	congestion_sets_kinds(&s->congestions, &s->congestion_kinds);
	if (create(s, &c, e) == 0)
		return s;
fail:
	weir_destroy(s);
	return NULL;
}

void weir_destroy(struct weir_stack *s)
{
	if (!s)
		return;
	list_for_each_safe(pos, &s->socks)
		weir_abort(list_entry(pos, struct weir_sock, node));
	if (s->stack)		/* what that had to say */
		weir_run(s, s->stack->env.now);
	list_for_each_safe(pos, &s->nics)
		weir_nic_destroy(list_entry(pos, struct weir_nic, node));
	stack_destroy(s->stack);
	congestion_sets_free(&s->congestions);
	if (s->congestion_module)
		module_put(s->congestion_module);
	if (s->own_modules)
		weir_modules_destroy(s->modules);
	free(s);
}

void weir_set_now(struct weir_stack *s, uint64_t now)
{
	if (now > s->stack->env.now)
		s->stack->env.now = now;
}

void weir_run(struct weir_stack *s, uint64_t now)
{
	weir_set_now(s, now);
	embed_rx(s);			/* before timers: what has come in time is not late */
	stack_run(s->stack, s->stack->env.now);
}

uint64_t weir_next(const struct weir_stack *s)
{
	return embed_rx_pending(s) ? 0 : stack_next(s->stack);
}

uint64_t weir_now(const struct weir_stack *s)
{
	return s->stack->env.now;
}

int weir_set_congestion(struct weir_stack *s, const char *name, const char *const *params,
			struct weir_error *e)
{
	struct tcp *tcp = &s->stack->tcp;
	struct congestion_set *set;
	struct module *m;
	int err = get_congestion(s, name, params, &set, &m, e);

	if (err)
		return err;
	congestion_set_move(set, tcp, tcp->congestion, s->congestion_module, m);
	module_put(s->congestion_module);
	s->congestion_module = m;
	return 0;
}

void weir_stats_get(const struct weir_stack *s, struct weir_stats *stats)
{
	const struct stack *st = s->stack;
	const struct packet_pool *pool = &st->pool;
	const struct tcp_stats *tcp = &st->tcp.stats;
	const struct udp_stats *udp = &st->udp.stats;
	const struct ip_stats *ip = &st->ip.stats;
	struct weir_stats full = {
		.size = stats->size,
		.memory = pool->used, .memory_peak = pool->peak, .memory_limit = pool->limit,
		.memory_failures = pool->failures,
		.packets = pool->packets, .buffers = pool->bufs,
		.timers = st->env.timers.count,
		.sockets = s->nsocks,
		.tcp_sockets = st->tcp.set.count, .tcp_time_waits = st->tcp.time_waits,
		.tcp_established = tcp->curr_estab,
		.tcp_in_segs = tcp->in_segs, .tcp_out_segs = tcp->out_segs,
		.tcp_retrans_segs = tcp->retrans_segs, .tcp_timeouts = tcp->timeouts,
		.udp_in = udp->in_datagrams, .udp_out = udp->out_datagrams,
		.udp_no_ports = udp->no_ports, .udp_rcvbuf_errors = udp->rcvbuf_errors,
		.ip_in = ip->in_receives, .ip_out = ip->out_requests,
		.ip_in_errors = ip->in_hdr_errors + ip->in_addr_errors,
		.ip_discards = ip->in_discards + ip->out_discards,
		.csum_errors = ip->in_csum_errors + st->ip.icmp_stats.in_csum_errors +
			       tcp->in_csum_errors + udp->in_csum_errors,
	};

	memcpy(stats, &full, stats->size < sizeof(full) ? stats->size : sizeof(full));
}
