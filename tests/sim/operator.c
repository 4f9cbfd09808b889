/* SPDX-License-Identifier: Apache-2.0 */
/* operator.c - somebody at the controls (operator.h). */
#include <stdio.h>
#include <stdlib.h>

#include "module/params.h"
#include "nic/qdisc.h"
#include "operator.h"

/*
 * With AddressSanitizer: every module has its own weir_module, and reno's is linked in, which is not
 * the violation that it looks like.
 */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_odr_violation=0";
}

/* ---- another congestion control: a fixed window, paced ---- */

int operator_cc_users;

static void fixed_window(struct congestion *c)
{
	c->cwnd = 16ull * c->mss;
	c->pacing_rate = 20000000;
}

static void fixed_init(struct congestion *c, const void *params)
{
	(void)params;
	if (c->priv[0])			/* the promise: zeroed */
		abort();
	c->priv[0] = 1;
	operator_cc_users++;
	fixed_window(c);
}

static void fixed_release(struct congestion *c)
{
	if (!c->priv[0])
		abort();
	c->priv[0] = 0;
	operator_cc_users--;
}

static uint64_t fixed_ssthresh(struct congestion *c)
{
	return c->cwnd / 2;
}

static void fixed_ack(struct congestion *c, const struct congestion_ack *a)
{
	(void)a;
	fixed_window(c);
}

static const struct congestion_ops fixed = {
	.name = "fixed", .init = fixed_init, .release = fixed_release,
	.ssthresh = fixed_ssthresh, .ack = fixed_ack,
};

static void swap_congestion(struct operator *op, struct sim_host *h)
{
	struct tcp *tcp = &h->stack->tcp;
	bool other = tcp->congestion == op->cc[0];

	tcp_congestion_switch(tcp, op->cc[!other], op->cc[other], NULL);
}

/* ---- qdiscs ---- */

static struct qdisc *make(struct operator *op, struct sim *s, struct sim_host *h)
{
	static const char *const kinds[] = { "fifo", "none", "tbf" };
	const char *kind = kinds[sim_below(s, 3)];
	char rate[24], burst[24];
	struct setting set[] = { { .name = "rate", .value = rate },
				 { .name = "burst", .value = burst } };
	struct weir_error e = { "" };
	struct module *m;
	const struct qdisc_ops *ops = op->kinds.get(op->kinds.arg, kind, &m, &e);
	struct qdisc *q;
	void *blob;

	snprintf(rate, sizeof(rate), "%u", 200000 + sim_below(s, 20000000));
	snprintf(burst, sizeof(burst), "%u", 10000 + sim_below(s, 50000));
	blob = ops ? calloc(1, ops->params_size + 1) : NULL;
	if (!blob || params_parse(ops->params, set, *kind == 't' ? 2 : 0, NULL, blob,
				  ops->params_size, &e) < 0)
		goto fail;
	q = qdisc_create(h->nic, kind, blob, &e);
	if (!q)
		goto fail;
	op->kinds.put(op->kinds.arg, m);
	free(blob);
	return q;
fail:
	fprintf(stderr, "sim_tcp: %s\n", e.text);
	abort();
}

static void swap_qdisc(struct operator *op, struct sim *s, struct sim_host *h)
{
	struct qdisc *q = make(op, s, h);

	op->drops += h->nic->root->stats.drops;
	nic_set_root(h->nic, q);
	op->swaps++;
}

uint64_t operator_drops(const struct operator *op, const struct sim *s)
{
	uint64_t n = op->drops;

	for (int i = 0; i < 2; i++)
		n += s->host[i].nic->root->stats.drops + s->host[i].nic->tx_drops;
	return n;
}

/* ---- */

void operator_init(struct operator *op)
{
	const char *path = getenv("WEIR_MODULE_PATH");
	struct weir_error e = { "" };

	*op = (struct operator){ 0 };
	if (registry_init(&op->registry, path ? path : ".libs", &op->log, &e) < 0) {
		fprintf(stderr, "sim_tcp: %s\n", e.text);
		abort();
	}
	registry_qdisc_kinds(&op->registry, &op->kinds);
}

void operator_fini(struct operator *op)
{
	registry_destroy(&op->registry);
}

void operator_begin(struct operator *op, struct sim *s)
{
	op->next = s->now;
	op->swaps = op->drops = 0;
	op->cc[0] = s->host[0].stack->tcp.congestion;
	op->cc[1] = &fixed;
	for (int i = 0; i < 2; i++)
		s->host[i].stack->nics.kinds = &op->kinds;
}

void operator_act(struct operator *op, struct sim *s)
{
	if (s->now < op->next)
		return;
	op->next = s->now + sim_below(s, 100) * MSEC;
	if (sim_below(s, 3))
		swap_qdisc(op, s, &s->host[sim_below(s, 2)]);
	else
		swap_congestion(op, &s->host[sim_below(s, 2)]);
}
