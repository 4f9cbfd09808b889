/* SPDX-License-Identifier: Apache-2.0 */
/* operator.c - somebody at the controls (operator.h). */
#include <stdio.h>
#include <stdlib.h>

#include <weir/module.h>

#include "operator.h"

/* ---- another congestion control: a fixed window, paced ---- */

static int fixed_users;

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
	fixed_users++;
	fixed_window(c);
}

static void fixed_release(struct congestion *c)
{
	if (!c->priv[0])
		abort();
	c->priv[0] = 0;
	fixed_users--;
}

static uint64_t fixed_ssthresh(struct congestion *c, enum congestion_event why)
{
	(void)why;
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

WEIR_MODULE_STATIC(fixed_module, "fixed", "a fixed window", WEIR_CONGESTION(fixed));

/* ---- what is swapped ---- */

static void swap_congestion(struct operator *op, struct sim_host *h)
{
	static const char *const names[] = { "reno", "fixed", "cubic", "bbr" };
	struct weir_error e = { "" };

	if (weir_set_congestion(h->stack, names[sim_below(op->sim, 4)], NULL, &e) < 0)
		sim_fail(op->sim, "%s", e.text);
}

static void swap_qdisc(struct operator *op, struct sim_nic *n)
{
	static const char *const kinds[] = { "fifo", "none", "tbf" };
	const char *kind = kinds[sim_below(op->sim, 3)];
	char rate[24], burst[24];
	const char *const params[] = { "rate", rate, "burst", burst, NULL };
	struct weir_error e = { "" };

	snprintf(rate, sizeof(rate), "%u", 200000 + sim_below(op->sim, 20000000));
	snprintf(burst, sizeof(burst), "%u", 10000 + sim_below(op->sim, 50000));
	if (weir_nic_set_qdisc(n->nic, kind, *kind == 't' ? params : NULL, &e) < 0)
		sim_fail(op->sim, "%s", e.text);
	op->swaps++;
}

static void act(struct sim *s, void *arg)
{
	struct operator *op = arg;
	struct sim_host *h = &s->hosts[sim_below(s, (uint32_t)s->nhosts)];

	if (op->done)
		return;
	if (sim_below(s, 3))
		swap_qdisc(op, &h->nics[sim_below(s, (uint32_t)h->nnics)]);
	else
		swap_congestion(op, h);
	sim_at(s, s->now + sim_below(s, 100) * MSEC, act, op);
}

void operator_begin(struct operator *op, struct sim *s)
{
	static bool known;
	struct weir_error e = { "" };

	*op = (struct operator){ .sim = s };
	if (!known && weir_modules_add(sim_modules(), &fixed_module, &e) < 0)
		sim_fail(s, "%s", e.text);
	known = true;
	sim_at(s, s->now, act, op);
}

void operator_end(struct operator *op)
{
	op->done = true;
}

void operator_check(const struct operator *op)
{
	struct sim *s = op->sim;

	for (int i = 0; i < s->nhosts; i++) {
		for (int k = 0; k < s->hosts[i].nnics; k++) {
			struct weir_nic_stats st = { .size = sizeof(st) };

			weir_nic_stats_get(s->hosts[i].nics[k].nic, &st);
			if (st.qdisc_drops || st.tx_drops)
				sim_fail(s, "host %d: qdiscs dropped %llu packets, its NIC %llu, in %llu swaps",
					 i, (unsigned long long)st.qdisc_drops,
					 (unsigned long long)st.tx_drops,
					 (unsigned long long)op->swaps);
		}
	}
	if (fixed_users)
		sim_fail(s, "%d connections hold a congestion control", fixed_users);
}
