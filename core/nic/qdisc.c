/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qdisc.c - the core's side of queueing disciplines: their life, their statistics, their wake-ups.
 *
 * Theory of operation
 *
 * A NIC has a root qdisc, which may hold a child, which may hold another: a path. A packet waits in
 * exactly one of them, and that one tells the core when it comes and goes. The core counts it there
 * and in every qdisc above, so that at any time, for every qdisc,
 *
 *	backlog = the sum of wire_len over the packets in it and below it,
 *
 * also when a child drops on its own account (as CoDel does in dequeue) without its parent knowing.
 *
 * All of a NIC's qdiscs share one timer. A shaper asks for the time it needs, the earliest request
 * wins; a wake-up too early costs one dequeue that answers NULL and asks again.
 *
 * A qdisc is rebuilt on new code (qdisc_reload) in steps of which only the first can fail: build
 * the new one; take all packets out of the old; exchange the two children; put the packets into the
 * new; switch the pointer that leads to it; destroy the old, by now with the new's empty child.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "module/params.h"
#include "nic/qdisc.h"

#define HANDLE_FIRST 0x80010000u	/* 8001:, where Linux begins; */
#define HANDLE_LAST 0xfffe0000u		/* ffff: is the ingress's */
#define CHILD_PARAMS 16		/* most parameters that qdisc_create_child passes on */

/* ---- what a qdisc may ask ---- */

void *qdisc_priv(struct qdisc *q)
{
	return q->priv;
}

uint64_t qdisc_now(const struct qdisc *q)
{
	return q->nic->nics->env->now;
}

uint32_t qdisc_mtu_len(const struct qdisc *q)
{
	return q->nic->mtu + nic_header_len(q->nic);
}

const char *qdisc_nic_name(const struct qdisc *q)
{
	return q->nic->name;
}

struct qdisc_stats *qdisc_stats(struct qdisc *q)
{
	return &q->stats;
}

uint32_t qdisc_random(struct qdisc *q)
{
	return random_u32(&q->nic->nics->env->random);
}

bool qdisc_is_first(const struct qdisc *q)
{
	return !q->nic->root;
}

void qdisc_watchdog(struct qdisc *q, uint64_t at)
{
	struct nic *nic = q->nic;

	if (timer_armed(&nic->watchdog) && nic->watchdog.at <= at)
		return;		/* asked for already: every enqueue comes by here */
	q->stats.overlimits++;
	timer_arm(&nic->nics->env->timers, &nic->watchdog, at);
}

/* ---- statistics ---- */

static void count_sent(struct qdisc *q, const struct packet *p)
{
	for (; q; q = q->parent) {
		q->stats.bytes += p->wire_len;
		q->stats.packets += packet_segs(p);
	}
}

static void count_gone(struct qdisc *q, const struct packet *p)
{
	for (; q; q = q->parent) {
		q->stats.backlog -= p->wire_len;
		q->stats.qlen--;
	}
}

void qdisc_queued(struct qdisc *q, const struct packet *p)
{
	for (; q; q = q->parent) {
		q->stats.backlog += p->wire_len;
		q->stats.qlen++;
	}
}

void qdisc_dequeued(struct qdisc *q, const struct packet *p)
{
	count_gone(q, p);
	count_sent(q, p);
}

void qdisc_count_drop(struct qdisc *q)
{
	q->nic->qdisc_drops++;
	for (; q; q = q->parent)
		q->stats.drops++;
}

static int drop(struct qdisc *q, struct packet *p, const char *why)
{
	list_for_each(pos, &q->nic->nics->taps) {
		struct nic_tap *t = list_entry(pos, struct nic_tap, node);

		if (t->drop)
			t->drop(t, q, p, why);
	}
	qdisc_count_drop(q);
	packet_free(p);
	return QDISC_DROPPED;
}

int qdisc_drop(struct qdisc *q, struct packet *p)
{
	return drop(q, p, "refused");
}

void qdisc_drop_queued(struct qdisc *q, struct packet *p)
{
	count_gone(q, p);
	drop(q, p, "dropped from the queue");
}

/* ---- packets ---- */

/* The ring is bounded, as nothing else bounds a qdisc without a queue. */
int qdisc_transmit(struct qdisc *q, struct packet *p)
{
	struct nic *nic = q->nic;

	if (nic->ring.len >= NIC_RING) {
		nic->ring_drops++;
		return drop(q, p, "the ring of the link is full");
	}
	count_sent(q, p);
	packet_queue_push(&nic->ring, p);
	work_defer(nic->nics->env, &nic->work);
	return QDISC_QUEUED;
}

int qdisc_list_enqueue(struct qdisc *q, struct packet_queue *list, struct packet *p)
{
	qdisc_queued(q, p);
	packet_queue_push(list, p);
	return QDISC_QUEUED;
}

struct packet *qdisc_list_dequeue(struct qdisc *q, struct packet_queue *list)
{
	struct packet *p = packet_queue_pop(list);

	if (p)
		qdisc_dequeued(q, p);
	return p;
}

void qdisc_list_reset(struct qdisc *q, struct packet_queue *list)
{
	struct packet *p;

	while ((p = packet_queue_pop(list)))
		qdisc_drop_queued(q, p);
}

int qdisc_enqueue_segments(struct qdisc *q, struct packet *p,
			   int (*enqueue)(struct qdisc *q, struct packet *p))
{
	struct packet_queue segments = { 0 };
	int ret = QDISC_DROPPED;

	if (packet_segment(p, &segments) < 0) {
		qdisc_count_drop(q);
		return QDISC_DROPPED;
	}
	while ((p = packet_queue_pop(&segments)))
		if (enqueue(q, p) == QDISC_QUEUED)
			ret = QDISC_QUEUED;
	return ret;
}

int qdisc_enqueue(struct qdisc *q, struct packet *p)
{
	return q->ops->enqueue(q, p);
}

struct packet *qdisc_dequeue(struct qdisc *q)
{
	return q->ops->dequeue(q);
}

struct packet *qdisc_peek(struct qdisc *q)
{
	return q->ops->peek(q);
}

/* Whoever held the packet has counted it as sent, there and above. It was not: take that back. */
struct packet *qdisc_drain(struct qdisc *q)
{
	uint64_t bytes = q->stats.bytes, packets = q->stats.packets;
	struct packet *p = q->ops->drain ? q->ops->drain(q) : q->ops->dequeue(q);

	bytes = q->stats.bytes - bytes;
	packets = q->stats.packets - packets;
	for (; q; q = q->parent) {
		q->stats.bytes -= bytes;
		q->stats.packets -= packets;
	}
	return p;
}

void qdisc_reset(struct qdisc *q)
{
	if (q->ops->reset)
		q->ops->reset(q);
}

void qdisc_move(struct qdisc *from, struct qdisc *to)
{
	struct packet *p;

	while ((p = qdisc_drain(from))) {
		to->stats.requeues++;
		qdisc_enqueue(to, p);
	}
}

/* ---- life ---- */

static void put_module(struct nic *nic, struct module *m)
{
	if (m)
		nic->nics->kinds->put(nic->nics->kinds->arg, m);
}

static struct qdisc *build(struct nic *nic, struct qdisc *parent, const struct qdisc_ops *ops,
			   struct module *m, const void *params, struct weir_error *e)
{
	struct qdisc *q;

	if (!ops->enqueue || !ops->dequeue || !ops->peek) {
		weir_fail(e, EINVAL, "qdisc %s has no enqueue, dequeue or peek; mend the module",
			  ops->name);
		goto err_module;
	}
	q = calloc(1, sizeof(*q) + ops->priv_size);
	if (!q)
		goto err_memory;
	q->ops = ops;
	q->module = m;
	q->nic = nic;
	q->parent = parent;
	if (ops->params_size) {
		q->params = malloc(ops->params_size);
		if (!q->params)
			goto err_qdisc;
		memcpy(q->params, params, ops->params_size);
	}
	if (ops->init && ops->init(q, q->params, e) < 0)
		goto err_params;
	return q;

err_params:
	free(q->params);
	free(q);
	put_module(nic, m);
	return NULL;
err_qdisc:
	free(q);
err_memory:
	weir_fail(e, ENOMEM, "no memory for qdisc %s", ops->name);
err_module:
	put_module(nic, m);
	return NULL;
}

static const struct qdisc_ops *find_kind(struct nic *nic, const char *kind, struct module **m,
					 struct weir_error *e)
{
	const struct qdisc_kinds *kinds = nic->nics->kinds;

	if (!kinds) {
		weir_fail(e, ENOENT, "qdisc %s: this stack has no modules to take it from", kind);
		return NULL;
	}
	return kinds->get(kinds->arg, kind, m, e);
}

struct qdisc *qdisc_create_ops(struct nic *nic, const struct qdisc_ops *ops, struct module *m,
			       const void *params, struct weir_error *e)
{
	return build(nic, NULL, ops, m, params, e);
}

struct qdisc *qdisc_create(struct nic *nic, const char *kind, const void *params,
			   struct weir_error *e)
{
	struct module *m = NULL;
	const struct qdisc_ops *ops = find_kind(nic, kind, &m, e);

	return ops ? build(nic, NULL, ops, m, params, e) : NULL;
}

struct qdisc *qdisc_create_child(struct qdisc *parent, const char *kind, const char *const *params,
				 struct weir_error *e)
{
	struct setting s[CHILD_PARAMS];
	struct module *m = NULL;
	const struct qdisc_ops *ops;
	struct qdisc *child = NULL;
	void *blob = NULL;
	size_t n;

	for (n = 0; params && params[2 * n]; n++) {
		if (n == CHILD_PARAMS) {
			weir_fail(e, E2BIG, "qdisc %s: more than %d parameters for a child", kind,
				  CHILD_PARAMS);
			return NULL;
		}
		s[n] = (struct setting){ .name = params[2 * n], .value = params[2 * n + 1] };
	}
	ops = find_kind(parent->nic, kind, &m, e);
	if (!ops)
		return NULL;
	if (ops->params_size) {
		blob = calloc(1, ops->params_size);
		if (!blob) {
			weir_fail(e, ENOMEM, "no memory for qdisc %s", kind);
			goto err_module;
		}
		if (params_parse(ops->params, s, n, NULL, blob, ops->params_size, e) < 0) {
			weir_error_prefix(e, "qdisc %s", kind);
			goto err_blob;
		}
	}
	child = build(parent->nic, parent, ops, m, blob, e);
	free(blob);
	return child;

err_blob:
	free(blob);
err_module:
	put_module(parent->nic, m);
	return NULL;
}

void qdisc_destroy(struct qdisc *q)
{
	if (!q)
		return;
	qdisc_reset(q);
	if (q->ops->destroy)
		q->ops->destroy(q);
	put_module(q->nic, q->module);		/* its code may be gone after this */
	free(q->params);
	free(q);
}

int qdisc_change(struct qdisc *q, const void *params, struct weir_error *e)
{
	int err;

	if (!q->ops->change)
		return weir_fail(e, EOPNOTSUPP, "qdisc %s cannot be changed; replace it instead",
				 q->ops->name);
	err = q->ops->change(q, params, e);
	if (err < 0)
		return err;
	if (q->ops->params_size)
		memcpy(q->params, params, q->ops->params_size);
	work_defer(q->nic->nics->env, &q->nic->work);	/* more may be allowed to leave by now */
	nic_qdisc_changed(q->nic);
	return 0;
}

/* ---- children and handles ---- */

struct qdisc *qdisc_leaf(const struct qdisc *q)
{
	return q->ops->leaf ? q->ops->leaf((struct qdisc *)(uintptr_t)q) : NULL;
}

struct qdisc *qdisc_find(const struct nic *nic, uint32_t handle)
{
	struct qdisc *q = nic->root;

	while (q && q->handle != handle)
		q = qdisc_leaf(q);
	return q;
}

void qdisc_number(struct qdisc *q)
{
	uint32_t handle;

	do
		handle = HANDLE_FIRST + ((uint32_t)q->nic->handles++ << 16);
	while (handle < HANDLE_FIRST || handle > HANDLE_LAST || qdisc_find(q->nic, handle));
	q->handle = handle;
}

/* What it is given goes past its parent, and what bounds it there. */
static int refuse_without_queue(const struct qdisc_ops *ops, struct weir_error *e)
{
	if (ops->enqueue != qdisc_transmit)
		return 0;
	return weir_fail(e, EINVAL, "qdisc %s has no queue, so it cannot be put into a class", ops->name);
}

int qdisc_graft(struct qdisc *parent, struct qdisc *child, struct weir_error *e)
{
	static const char *const unbounded[] = { "limit", "0", NULL };
	struct qdisc *old = qdisc_leaf(parent);

	if (!old)
		return weir_fail(e, EOPNOTSUPP, "qdisc %s has no classes", parent->ops->name);
	if (!child)
		child = qdisc_create_child(parent, "fifo", unbounded, e);
	if (!child)
		return -ENOENT;
	if (refuse_without_queue(child->ops, e))
		return -EINVAL;
	child->parent = parent;
	qdisc_move(old, child);
	qdisc_destroy(parent->ops->graft(parent, child));
	work_defer(parent->nic->nics->env, &parent->nic->work);
	nic_qdisc_changed(parent->nic);
	return 0;
}

/* ---- reload ---- */

static void exchange_children(struct qdisc *a, struct qdisc *b)
{
	struct qdisc *of_a, *of_b;

	if (!a->ops->leaf || !a->ops->graft || !b->ops->leaf || !b->ops->graft)
		return;
	of_a = a->ops->leaf(a);
	of_b = b->ops->leaf(b);
	if (!of_a || !of_b)
		return;
	a->ops->graft(a, of_b);
	b->ops->graft(b, of_a);
	of_a->parent = b;
	of_b->parent = a;
}

static void refill(struct qdisc *q, struct packet_queue *packets)
{
	struct packet *p;

	while ((p = packet_queue_pop(packets))) {
		q->stats.requeues++;
		qdisc_enqueue(q, p);
	}
}

int qdisc_reload(struct qdisc *old, const struct qdisc_ops *ops, struct module *m,
		 struct weir_error *e)
{
	struct packet_queue packets = { 0 };
	struct qdisc *q, *parent = old->parent;
	struct packet *p;

	if (parent && !parent->ops->graft) {
		put_module(old->nic, m);
		return weir_fail(e, EOPNOTSUPP, "qdisc %s cannot be reloaded: %s above it has no "
				 "graft", ops->name, parent->ops->name);
	}
	if (ops->params_size != old->ops->params_size) {
		put_module(old->nic, m);
		return weir_fail(e, EINVAL,
				 "qdisc %s: the new code takes other parameters than the old; "
				 "replace the qdisc instead of reloading it", ops->name);
	}
	q = build(old->nic, parent, ops, m, old->params, e);
	if (!q)
		return -EINVAL;

	while ((p = qdisc_drain(old)))
		packet_queue_push(&packets, p);
	exchange_children(old, q);
	q->handle = old->handle;
	q->stats = old->stats;
	old->stats = (struct qdisc_stats){ 0 };	/* its counters live on in q */
	refill(q, &packets);
	if (parent)
		qdisc_destroy(parent->ops->graft(parent, q));
	else
		nic_set_root(old->nic, q);
	return 0;
}
