/* SPDX-License-Identifier: Apache-2.0 */
/* stuck.c - a module with a mistake: a hook that never returns. test_stuck.sh says which; -DCONSTRUCTOR: its loading. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <weir/module.h>

enum hook { NOWHERE, INIT, CHANGE, ENQUEUE, DEQUEUE, PEEK, RESET, DESTROY, STATS, TIMER };
enum link_hook { LINK_NOWHERE, LINK_OPEN, LINK_ATTACH, LINK_TRANSMIT, LINK_RECEIVE, LINK_DETACH };

struct stuck_params {
	uint32_t at;
};

static const char *const hooks[] = {
	"nowhere", "init", "change", "enqueue", "dequeue", "peek", "reset", "destroy", "stats", "timer", NULL
};

static const struct param stuck_param[] = {
	{ .name = "at", .type = PARAM_ENUM, .offset = offsetof(struct stuck_params, at), .choices = hooks,
	  .def = "nowhere", .help = "the hook that never returns" },
	{ }
};

struct stuck {
	struct packet_queue queue;
	enum hook at;
	bool asked;
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
	s->asked = false;
	return qdisc_list_enqueue(q, &s->queue, p);
}

static struct packet *stuck_dequeue(struct qdisc *q)
{
	struct stuck *s = qdisc_priv(q);

	here(q, DEQUEUE);
	if (s->at == TIMER && s->queue.head) {	/* asked again when the time has come */
		if (s->asked)
			for_ever();
		s->asked = true;
		qdisc_watchdog(q, qdisc_now(q) + 1000000);
		return NULL;
	}
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

/* A device that takes all that is sent, and has nothing to give. */
struct stuck_link_params {
	uint32_t at;
};

static const char *const link_hooks[] = { "nowhere", "open", "attach", "transmit", "receive", "detach", NULL };

static const struct param stuck_link_param[] = {
	{ .name = "at", .type = PARAM_ENUM, .offset = offsetof(struct stuck_link_params, at), .choices = link_hooks,
	  .def = "nowhere", .help = "the hook that never returns", .flags = PARAM_FIXED },
	{ }
};

/* attach has no parameters: where it is to stand is in the link address. */
static void link_here(const struct link *l, enum link_hook at)
{
	if (l->addr[5] == at)
		for_ever();
}

static int stuck_open(struct link *l, const void *params, struct weir_error *e)
{
	l->addr[0] = 2;
	l->addr[5] = (uint8_t)((const struct stuck_link_params *)params)->at;
	link_here(l, LINK_OPEN);
	l->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);	/* readable */
	l->mtu = 1500;
	return l->fd < 0 ? weir_fail(e, errno, "no eventfd") : 0;
}

static int stuck_attach(struct link *l, struct weir_error *e)
{
	(void)e;
	link_here(l, LINK_ATTACH);
	return 0;
}

static void stuck_detach(struct link *l)
{
	link_here(l, LINK_DETACH);
}

static void stuck_close(struct link *l)
{
	close(l->fd);
}

static int stuck_transmit(struct link *l, struct packet **batch, int n)
{
	link_here(l, LINK_TRANSMIT);
	for (int i = 0; i < n; i++)
		packet_free(batch[i]);
	return n;
}

static int stuck_receive(struct link *l, struct packet **batch, int max)
{
	uint64_t count;

	(void)batch;
	(void)max;
	link_here(l, LINK_RECEIVE);
	(void)!read(l->fd, &count, sizeof(count));
	return 0;
}

static const struct link_ops stuck_link = {
	.name = "stuck", .params = stuck_link_param, .params_size = sizeof(struct stuck_link_params),
	.open = stuck_open, .attach = stuck_attach, .detach = stuck_detach, .close = stuck_close,
	.transmit = stuck_transmit, .receive = stuck_receive,
};

#ifdef CONSTRUCTOR
static void __attribute__((constructor)) stuck_load(void)
{
	for_ever();
}
#endif

WEIR_MODULE("stuck", "never returns", WEIR_QDISC(stuck_qdisc), WEIR_CONGESTION(stuck_congestion), WEIR_LINK(stuck_link));
