/* SPDX-License-Identifier: Apache-2.0 */
/* stuck.c - a module with a mistake: a hook that never returns. test_stuck.sh says which; -DCONSTRUCTOR: its loading. */
#include <weir/module.h>

enum hook { NOWHERE, INIT, CHANGE, ENQUEUE, DEQUEUE, PEEK, RESET, DESTROY, STATS };

struct stuck_params {
	uint32_t at;
};

static const char *const hooks[] = {
	"nowhere", "init", "change", "enqueue", "dequeue", "peek", "reset", "destroy", "stats", NULL
};

static const struct param stuck_param[] = {
	{ .name = "at", .type = PARAM_ENUM, .offset = offsetof(struct stuck_params, at), .choices = hooks,
	  .def = "nowhere", .help = "the hook that never returns" },
	{ }
};

struct stuck {
	struct packet_queue queue;
	enum hook at;
};

static void for_ever(void)
{
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static void here(struct qdisc *q, enum hook at)
{
	const struct stuck *s = qdisc_priv(q);

	if (s->at == at)
		for_ever();
}

static int stuck_init(struct qdisc *q, const void *params, struct weir_error *e)
{
	struct stuck *s = qdisc_priv(q);

	(void)e;
	s->at = ((const struct stuck_params *)params)->at;
	here(q, INIT);
	return 0;
}

static int stuck_change(struct qdisc *q, const void *params, struct weir_error *e)
{
	here(q, CHANGE);
	return stuck_init(q, params, e);
}

static int stuck_enqueue(struct qdisc *q, struct packet *p)
{
	struct stuck *s = qdisc_priv(q);

	here(q, ENQUEUE);
	return qdisc_list_enqueue(q, &s->queue, p);
}

static struct packet *stuck_dequeue(struct qdisc *q)
{
	struct stuck *s = qdisc_priv(q);

	here(q, DEQUEUE);
	return s->queue.head ? qdisc_list_dequeue(q, &s->queue) : NULL;
}

static struct packet *stuck_peek(struct qdisc *q)
{
	struct stuck *s = qdisc_priv(q);

	here(q, PEEK);
	return s->queue.head;
}

static void stuck_reset(struct qdisc *q)
{
	struct stuck *s = qdisc_priv(q);

	here(q, RESET);
	qdisc_list_reset(q, &s->queue);
}

static void stuck_destroy(struct qdisc *q)
{
	here(q, DESTROY);
}

static int stuck_stats(struct qdisc *q, struct qdisc_xstat *x, int max)
{
	(void)x;
	(void)max;
	here(q, STATS);
	return 0;
}

static const struct qdisc_ops stuck_qdisc = {
	.name = "stuck", .priv_size = sizeof(struct stuck), .params = stuck_param,
	.params_size = sizeof(struct stuck_params), .init = stuck_init, .change = stuck_change,
	.reset = stuck_reset, .destroy = stuck_destroy, .enqueue = stuck_enqueue, .dequeue = stuck_dequeue,
	.peek = stuck_peek, .stats = stuck_stats,
};

/* A window that never changes, until the first ACK. */
static uint64_t stuck_ssthresh(struct congestion *c, enum congestion_event why)
{
	(void)why;
	return c->ssthresh;
}

static void stuck_ack(struct congestion *c, const struct congestion_ack *a)
{
	(void)c;
	(void)a;
	for_ever();
}

static const struct congestion_ops stuck_congestion = {
	.name = "stuck", .ssthresh = stuck_ssthresh, .ack = stuck_ack,
};

#ifdef CONSTRUCTOR
static void __attribute__((constructor)) stuck_load(void)
{
	for_ever();
}
#endif

WEIR_MODULE("stuck", "never returns", WEIR_QDISC(stuck_qdisc), WEIR_CONGESTION(stuck_congestion));
