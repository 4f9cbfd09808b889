/* SPDX-License-Identifier: Apache-2.0 */
/*
 * neighbour.c - neighbour unreachability detection (RFC 4861 section 7.3), for ARP and NDP.
 *
 * Theory of operation
 *
 *	            packet                     answer
 *	 (none) ------------> INCOMPLETE --------------------> REACHABLE
 *	                        | 3 asked, no answer               | reachable time without confirmation
 *	                        v                                  v
 *	                      FAILED <----- PROBE <---- DELAY <--- STALE
 *	                           3 asked        5 s       packet
 *
 * INCOMPLETE asks everybody (broadcast), PROBE asks the neighbour alone, each three times a second
 * apart. While INCOMPLETE, packets wait, in a bounded queue whose oldest gives way; when
 * it FAILS their senders are told. The next packet for a FAILED neighbour starts afresh. An
 * answer to what we asked, or progress of a transport (neighbour_confirm), makes REACHABLE;
 * an unasked announcement only makes STALE, so that forged ones are found out by use.
 *
 * The table is bounded. When it is full, the entry that nobody has relied on for longest (STALE or FAILED) makes
 * room, then the least recently used one of any state but PERMANENT: strangers who announce themselves in masses push
 * out one another, never a neighbour in use. Each of both has its list, so that nobody is looked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nic/ethernet.h"
#include "nic/neighbour.h"

static uint64_t neighbour_hash(const struct neighbour_table *t, const struct nic *nic,
			       const uint8_t ip[16])
{
	uint8_t key[16 + sizeof(nic->index)];

	memcpy(key, ip, 16);
	memcpy(key + 16, &nic->index, sizeof(nic->index));
	return siphash(&t->env->key, key, sizeof(key));
}

const char *nud_name(enum nud_state s)
{
	static const char *const names[] = {
		[NUD_INCOMPLETE] = "INCOMPLETE", [NUD_REACHABLE] = "REACHABLE",
		[NUD_STALE] = "STALE", [NUD_DELAY] = "DELAY", [NUD_PROBE] = "PROBE",
		[NUD_FAILED] = "FAILED", [NUD_PERMANENT] = "PERMANENT",
	};

	return names[s];
}

uint64_t nud_draw_reachable(struct env *env, uint64_t base)
{
	return base / 2 + (uint64_t)random_below(&env->random, 1000001) * (base / 1000000);
}

static bool nud_has_address(enum nud_state s)
{
	return s != NUD_INCOMPLETE && s != NUD_FAILED;
}

/* ---- the table ---- */

int neighbour_table_init(struct neighbour_table *t, struct env *env,
			 const struct neighbour_ops *ops, void *arg)
{
	memset(t, 0, sizeof(*t));
	t->env = env;
	t->ops = ops;
	t->arg = arg;
	t->max = NEIGHBOUR_MAX;
	t->times.retrans = NEIGHBOUR_RETRANS_NS;
	t->times.reachable = nud_draw_reachable(env, NEIGHBOUR_REACHABLE_NS);
	list_init(&t->idle);
	list_init(&t->busy);
	return hash_init(&t->table, 64);
}

static void neighbour_free(struct neighbour *n)
{
	struct neighbour_table *t = n->table;

	timer_cancel(&t->env->timers, &n->timer);
	hash_del(&t->table, &n->node);
	list_del(&n->by_use);
	packet_queue_purge(&n->waiting);
	free(n);
}

/* Remove every entry of nic (NULL: all) that the caller wants gone. */
static void neighbour_remove_all(struct neighbour_table *t, struct nic *nic, bool permanent)
{
	struct hash_node *node = hash_walk(&t->table, NULL);

	while (node) {
		struct neighbour *n = container_of(node, struct neighbour, node);

		node = hash_walk(&t->table, node);
		if ((!nic || n->nic == nic) && (permanent || n->state != NUD_PERMANENT))
			neighbour_free(n);
	}
}

void neighbour_table_destroy(struct neighbour_table *t)
{
	neighbour_remove_all(t, NULL, true);
	hash_free(&t->table);
}

void neighbour_flush(struct neighbour_table *t, struct nic *nic, bool permanent)
{
	neighbour_remove_all(t, nic, permanent);
}

struct neighbour *neighbour_find(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16])
{
	struct hash_node *node = hash_find(&t->table, neighbour_hash(t, nic, ip));

	for (; node; node = hash_find_next(node)) {
		struct neighbour *n = container_of(node, struct neighbour, node);

		if (n->nic == nic && !memcmp(n->ip, ip, 16))
			return n;
	}
	return NULL;
}

/* Make room for one more. False: only permanent entries are left. */
static bool neighbour_evict(struct neighbour_table *t)
{
	struct list *from = list_empty(&t->idle) ? &t->busy : &t->idle;

	if (list_empty(from))
		return false;
	t->evictions++;
	neighbour_free(list_first(from, struct neighbour, by_use));
	return true;
}

/* n, which is used or has another state, goes behind those like it. */
static void neighbour_requeue(struct neighbour *n)
{
	bool idle = n->state == NUD_STALE || n->state == NUD_FAILED;

	list_del(&n->by_use);
	if (n->state != NUD_PERMANENT)
		list_add_tail(&n->by_use, idle ? &n->table->idle : &n->table->busy);
}

static void neighbour_timer(struct timer *timer);

static struct neighbour *neighbour_create(struct neighbour_table *t, struct nic *nic,
					  const uint8_t ip[16])
{
	struct neighbour *n;

	if (t->table.count >= t->max && !neighbour_evict(t))
		return NULL;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->table = t;
	n->nic = nic;
	n->state = NUD_FAILED;
	n->used = t->env->now;
	memcpy(n->ip, ip, sizeof(n->ip));
	timer_init(&n->timer, neighbour_timer);
	list_init(&n->by_use);
	neighbour_requeue(n);
	hash_add(&t->table, &n->node, neighbour_hash(t, nic, ip));
	return n;
}

/* ---- states ---- */

static const struct nud_times *nud_times(const struct neighbour *n)
{
	const struct neighbour_table *t = n->table;
	const struct nud_times *times = t->ops->times ? t->ops->times(t->arg, n->nic) : NULL;

	return times ? times : &t->times;
}

static void neighbour_arm(struct neighbour *n, uint64_t at)
{
	timer_arm(&n->table->env->timers, &n->timer, at);
}

static void neighbour_ask(struct neighbour *n)
{
	struct neighbour_table *t = n->table;

	n->probes++;
	neighbour_arm(n, t->env->now + nud_times(n)->retrans);
	t->ops->solicit(t->arg, n, n->state == NUD_PROBE ? n->addr : NULL);
}

/* Enter a state and do what comes with it. */
static void neighbour_enter(struct neighbour *n, enum nud_state state)
{
	struct neighbour_table *t = n->table;

	n->state = state;
	neighbour_requeue(n);
	timer_cancel(&t->env->timers, &n->timer);
	switch (state) {
	case NUD_INCOMPLETE:
	case NUD_PROBE:
		n->probes = 0;
		neighbour_ask(n);
		break;
	case NUD_REACHABLE:
		n->confirmed = t->env->now;
		neighbour_arm(n, n->confirmed + nud_times(n)->reachable);
		break;
	case NUD_DELAY:
		neighbour_arm(n, t->env->now + NEIGHBOUR_DELAY_NS);
		break;
	case NUD_STALE:
	case NUD_FAILED:
	case NUD_PERMANENT:
		break;
	}
}

static void neighbour_fail(struct neighbour *n)
{
	struct neighbour_table *t = n->table;
	struct packet_queue waiting = n->waiting;
	struct packet *p;

	n->waiting = (struct packet_queue){ 0 };
	n->waiting_bytes = 0;
	t->failures++;
	neighbour_enter(n, NUD_FAILED);
	if (t->ops->failed)
		t->ops->failed(t->arg, n);
	while ((p = packet_queue_pop(&waiting)))	/* from here on n may be gone */
		t->ops->unreachable(t->arg, n, p);
}

static void neighbour_timer(struct timer *timer)
{
	struct neighbour *n = container_of(timer, struct neighbour, timer);
	struct neighbour_table *t = n->table;

	switch (n->state) {
	case NUD_REACHABLE:
		/* Confirmations only note the time; the timer follows. */
		if (n->confirmed + nud_times(n)->reachable > t->env->now)
			neighbour_arm(n, n->confirmed + nud_times(n)->reachable);
		else
			neighbour_enter(n, NUD_STALE);
		break;
	case NUD_DELAY:
		neighbour_enter(n, NUD_PROBE);
		break;
	case NUD_INCOMPLETE:
	case NUD_PROBE:
		if (n->probes < NEIGHBOUR_PROBES)
			neighbour_ask(n);
		else
			neighbour_fail(n);
		break;
	case NUD_STALE:
	case NUD_FAILED:
	case NUD_PERMANENT:
		break;
	}
}

/* ---- packets ---- */

static void neighbour_wait(struct neighbour *n, struct packet *p)
{
	p->wire_len = p->len;
	n->waiting_bytes += p->truesize;
	packet_queue_push(&n->waiting, p);
	while (n->waiting.len > 1 && (n->waiting.len > NEIGHBOUR_QUEUE ||
				      n->waiting_bytes > NEIGHBOUR_QUEUE_BYTES)) {
		struct packet *old = packet_queue_pop(&n->waiting);

		n->waiting_bytes -= old->truesize;
		n->table->queue_drops++;
		packet_free(old);
	}
}

static void neighbour_flush_waiting(struct neighbour *n)
{
	struct packet *p;

	n->waiting_bytes = 0;
	while ((p = packet_queue_pop(&n->waiting)))
		ethernet_output(n->nic, p, n->addr);
}

void neighbour_output(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16],
		      struct packet *p)
{
	struct neighbour *n = neighbour_find(t, nic, ip);

	if (!n)
		n = neighbour_create(t, nic, ip);
	if (!n) {
		t->queue_drops++;
		packet_free(p);
		return;
	}
	n->used = t->env->now;
	neighbour_requeue(n);
	if (n->state == NUD_STALE)
		neighbour_enter(n, NUD_DELAY);
	if (nud_has_address(n->state)) {
		ethernet_output(nic, p, n->addr);
		return;
	}
	neighbour_wait(n, p);
	if (n->state == NUD_FAILED)
		neighbour_enter(n, NUD_INCOMPLETE);
}

/* ---- what is heard ---- */

static void neighbour_set_address(struct neighbour *n, const uint8_t addr[LINK_ADDR_LEN])
{
	memcpy(n->addr, addr, LINK_ADDR_LEN);
	n->updated = n->table->env->now;
}

void neighbour_update(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16],
		      const uint8_t addr[LINK_ADDR_LEN], bool solicited, bool override,
		      bool create)
{
	struct neighbour *n = neighbour_find(t, nic, ip);
	bool same;

	if (!n && create)
		n = neighbour_create(t, nic, ip);
	if (!n || n->state == NUD_PERMANENT)
		return;
	if (!nud_has_address(n->state)) {
		neighbour_set_address(n, addr);
		neighbour_enter(n, solicited ? NUD_REACHABLE : NUD_STALE);
		if (n->waiting.head && n->state == NUD_STALE)
			neighbour_enter(n, NUD_DELAY);
		neighbour_flush_waiting(n);
		return;
	}
	same = !memcmp(n->addr, addr, LINK_ADDR_LEN);
	if (!same && !override) {
		if (n->state == NUD_REACHABLE)
			neighbour_enter(n, NUD_STALE);
		return;
	}
	if (!same)
		neighbour_set_address(n, addr);
	if (solicited)
		neighbour_enter(n, NUD_REACHABLE);
	else if (!same)
		neighbour_enter(n, NUD_STALE);
}

void neighbour_confirm(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16])
{
	struct neighbour *n = neighbour_find(t, nic, ip);

	if (!n || !nud_has_address(n->state) || n->state == NUD_PERMANENT)
		return;
	if (n->state == NUD_REACHABLE)
		n->confirmed = t->env->now;
	else
		neighbour_enter(n, NUD_REACHABLE);
}

int neighbour_set_permanent(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16],
			    const uint8_t addr[LINK_ADDR_LEN])
{
	struct neighbour *n = neighbour_find(t, nic, ip);

	if (addr[0] & 1)
		return -EINVAL;
	if (nic->l3)
		return -EOPNOTSUPP;
	if (!n)
		n = neighbour_create(t, nic, ip);
	if (!n)
		return -ENOMEM;
	neighbour_set_address(n, addr);
	neighbour_enter(n, NUD_PERMANENT);
	neighbour_flush_waiting(n);
	return 0;
}

int neighbour_delete(struct neighbour_table *t, struct nic *nic, const uint8_t ip[16])
{
	struct neighbour *n = neighbour_find(t, nic, ip);

	if (!n)
		return -ENOENT;
	neighbour_free(n);
	return 0;
}
