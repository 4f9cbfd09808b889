/* SPDX-License-Identifier: Apache-2.0 */
/* test_qdisc.c - the core's side of qdiscs, fifo, none, and swaps among them. */
#include "qdisc_world.h"
#include "tests/suite.h"

static struct world *w;

static void setup(void)
{
	w = world_create(1);
}

static void teardown(void)
{
	world_destroy(w);
}

START_TEST(fifo_keeps_order)
{
	world_set(w, "fifo", "");
	for (uint32_t i = 0; i < 500; i++)
		world_send(w, i % 3 ? MSS : 40000, i);
	ck_assert_uint_eq(world_stats(w)->qlen, 500);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, 500);
	for (uint32_t i = 0; i < 500; i++)
		ck_assert_uint_eq(w->out[i].id, i);
}
END_TEST

START_TEST(fifo_counts)
{
	uint32_t segs = (40000 + MSS - 1) / MSS;

	world_set(w, "fifo", "");
	w->closed = true;
	world_send(w, 100, 0);
	world_send(w, 40000, 1);
	ck_assert_uint_eq(world_stats(w)->backlog, world_wire_len(100) + world_wire_len(40000));
	ck_assert_uint_eq(world_stats(w)->qlen, 2);
	ck_assert_uint_eq(world_stats(w)->packets, 0);
	world_run(w, w->env.now);
	ck_assert_uint_eq(world_stats(w)->backlog, 0);
	ck_assert_uint_eq(world_stats(w)->qlen, 0);
	ck_assert_uint_eq(world_stats(w)->packets, 1 + segs);
	ck_assert_uint_eq(world_stats(w)->bytes, 100 + HEADERS + 40000 + segs * HEADERS);
	ck_assert_uint_eq(world_stats(w)->drops, 0);
}
END_TEST

START_TEST(fifo_drops_the_newest)
{
	world_set(w, "fifo", "limit=10");
	for (uint32_t i = 0; i < 25; i++)
		world_send(w, 100, i);
	ck_assert_uint_eq(world_stats(w)->qlen, 10);
	ck_assert_uint_eq(world_stats(w)->drops, 15);
	ck_assert_uint_eq(w->freed, 15);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, 10);
	ck_assert_uint_eq(w->out[9].id, 9);
}
END_TEST

START_TEST(fifo_limit_in_bytes)
{
	world_set(w, "fifo", "limit-bytes=3000 limit=1");
	for (uint32_t i = 0; i < 3; i++)
		world_send(w, 1000 - HEADERS, i);
	ck_assert_uint_eq(world_stats(w)->backlog, 3000);
	ck_assert_uint_eq(world_stats(w)->drops, 0);
	world_send(w, 1, 3);
	ck_assert_uint_eq(world_stats(w)->drops, 1);
}
END_TEST

START_TEST(fifo_default_limit)
{
	world_set(w, "fifo", "");
	for (uint32_t i = 0; i < 1001; i++)
		world_send(w, 100, i);
	ck_assert_uint_eq(world_stats(w)->qlen, 1000);
	ck_assert_uint_eq(world_stats(w)->drops, 1);
}
END_TEST

START_TEST(fifo_without_limit)
{
	world_set(w, "fifo", "limit=0");
	for (uint32_t i = 0; i < 1500; i++)
		world_send(w, 100, i);
	ck_assert_uint_eq(world_stats(w)->qlen, 1500);
	ck_assert_uint_eq(world_stats(w)->drops, 0);
}
END_TEST

START_TEST(fifo_change)
{
	struct weir_error e = { "" };

	world_set(w, "fifo", "limit=10");
	for (uint32_t i = 0; i < 10; i++)
		world_send(w, 100, i);
	ck_assert_int_eq(world_change(w, "limit=5", &e), 0);
	ck_assert_uint_eq(world_stats(w)->qlen, 10);
	world_send(w, 100, 10);
	ck_assert_uint_eq(world_stats(w)->drops, 1);
	ck_assert_int_eq(world_change(w, "limit-bytes=1000", &e), -EINVAL);
	ck_assert_str_eq(e.text, "limit-bytes: 1000 bytes is smaller than the largest packet eth0 "
			 "can send (1514 bytes); raise limit-bytes");
	ck_assert_int_eq(world_change(w, "limit=11", &e), 0);
	world_send(w, 100, 11);
	ck_assert_uint_eq(world_stats(w)->qlen, 11);
}
END_TEST

START_TEST(none_passes)
{
	world_set(w, "none", "");
	for (uint32_t i = 0; i < 300; i++)
		world_send(w, MSS, i);
	ck_assert_uint_eq(world_stats(w)->qlen, 0);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, 300);
	for (uint32_t i = 0; i < 300; i++)
		ck_assert_uint_eq(w->out[i].id, i);
	ck_assert_uint_eq(world_stats(w)->packets, 300);
	ck_assert_uint_eq(world_stats(w)->bytes, 300ull * MTU_FRAME);
}
END_TEST

/* Nothing else bounds it while the link is stuck. */
START_TEST(none_is_bounded)
{
	world_set(w, "none", "");
	w->closed = true;
	for (uint32_t i = 0; i < 3 * NIC_RING; i++)
		world_send(w, 100, i);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nic->ring.len, NIC_RING);
	ck_assert_uint_eq(w->nic->ring_drops, 2 * NIC_RING);
	ck_assert_uint_eq(world_stats(w)->drops, 2 * NIC_RING);
	w->closed = false;
	nic_writable(w->nic);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, NIC_RING);
	ck_assert_uint_eq(world_stats(w)->packets, NIC_RING);
}
END_TEST

START_TEST(unknown_kind)
{
	struct weir_error e = { "" };

	ck_assert_ptr_null(qdisc_create(w->nic, "nonesuch", NULL, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "nonesuch"));
	w->nics.kinds = NULL;
	ck_assert_ptr_null(qdisc_create(w->nic, "fifo", NULL, &e));
	ck_assert_str_eq(e.text, "qdisc fifo: this stack has no modules to take it from");
	w->nics.kinds = &w->kinds;
}
END_TEST

START_TEST(none_cannot_change)
{
	struct weir_error e = { "" };

	world_set(w, "none", "");
	ck_assert_int_eq(qdisc_change(w->nic->root, NULL, &e), -EOPNOTSUPP);
	ck_assert_str_eq(e.text, "qdisc none cannot be changed; replace it instead");
}
END_TEST

/* Among all kinds, under load, the link stuck now and then: nothing is lost or reordered. */
START_TEST(swaps_lose_nothing)
{
	static const char *const kinds[][2] = {
		{ "fifo", "limit=100000" },
		{ "tbf", "rate=1gbit burst=100kb limit=1g" },
		{ "tbf", "rate=100mbit burst=2000 limit=1g peakrate=200mbit" },
		{ "fifo", "limit-bytes=1g" },
		{ "none", "" },
		{ "netem", "delay=300us limit=100000" },
		{ "netem", "delay=100us rate=300mbit limit=100000" },
	};
	struct random r = { .fill = random_from_seed, .arg = &w->seed };
	uint32_t sent = 0;

	random_seed(&w->seed, (uint64_t)_i + 1);
	world_set(w, "fifo", "");
	for (int round = 0; round < 200; round++) {
		int k = (int)random_below(&r, sizeof(kinds) / sizeof(kinds[0]));
		uint32_t burst = random_below(&r, 12);

		while (burst--)
			world_send(w, random_below(&r, MSS - 4) + 4, sent++);
		w->closed = random_below(&r, 4) == 0;
		if (!w->closed)
			nic_writable(w->nic);
		world_run(w, w->env.now + random_below(&r, 200000));
		world_set(w, kinds[k][0], kinds[k][1]);
		ck_assert_uint_eq(w->nic->root->stats.drops, 0);
	}
	w->closed = false;
	nic_writable(w->nic);
	world_set(w, "fifo", "limit=100000");
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, sent);
	for (uint32_t i = 0; i < sent; i++)
		ck_assert_uint_eq(w->out[i].id, i);
}
END_TEST

START_TEST(swap_drops_what_does_not_fit)
{
	world_set(w, "fifo", "");
	w->closed = true;
	for (uint32_t i = 0; i < 100; i++)
		world_send(w, 100, i);
	world_set(w, "fifo", "limit=30");
	ck_assert_uint_eq(world_stats(w)->qlen, 30);
	ck_assert_uint_eq(world_stats(w)->drops, 70);
	ck_assert_uint_eq(world_stats(w)->requeues, 100);
	ck_assert_uint_eq(world_stats(w)->packets, 0);
}
END_TEST

START_TEST(destroy_frees_what_waits)
{
	world_set(w, "tbf", "rate=1mbit burst=2000");
	for (uint32_t i = 0; i < 50; i++)
		world_send(w, MSS, i);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, 1);
	nic_set_root(w->nic, NULL);
	ck_assert_uint_eq(w->freed, 50);
	ck_assert_uint_eq(w->pool.packets, 0);
}
END_TEST

/* ---- reload ---- */

static const struct qdisc_ops *ops_of(const char *kind, struct module **m)
{
	struct weir_error e = { "" };
	const struct qdisc_ops *ops = w->kinds.get(w->kinds.arg, kind, m, &e);

	ck_assert_msg(ops != NULL, "%s", e.text);
	return ops;
}

START_TEST(reload_root)
{
	struct weir_error e = { "" };
	struct module *m;
	const struct qdisc_ops *ops = ops_of("tbf", &m);
	struct qdisc *child, *old;
	struct qdisc_stats was;

	world_set(w, "tbf", "rate=1mbit burst=2000");
	for (uint32_t i = 0; i < 50; i++)
		world_send(w, MSS, i);
	world_run(w, w->env.now + 100 * MS);
	old = w->nic->root;
	child = old->ops->leaf(old);
	was = old->stats;
	ck_assert_uint_gt(was.packets, 1);
	ck_assert_uint_gt(was.qlen, 1);

	ck_assert_int_eq(qdisc_reload(old, ops, m, &e), 0);
	ck_assert_ptr_ne(w->nic->root, old);
	ck_assert_ptr_eq(w->nic->root->ops->leaf(w->nic->root), child);
	ck_assert_ptr_eq(child->parent, w->nic->root);
	ck_assert_uint_eq(world_stats(w)->packets, was.packets);
	ck_assert_uint_eq(world_stats(w)->bytes, was.bytes);
	ck_assert_uint_eq(world_stats(w)->qlen, was.qlen);
	ck_assert_uint_eq(world_stats(w)->backlog, was.backlog);
	ck_assert_uint_eq(world_stats(w)->requeues, was.qlen);
	ck_assert_uint_eq(child->stats.packets, was.packets);

	world_run(w, w->env.now + 2 * SEC);
	ck_assert_uint_eq(w->nout, 50);
	for (uint32_t i = 0; i < 50; i++)
		ck_assert_uint_eq(w->out[i].id, i);
	ck_assert_uint_eq(world_stats(w)->packets, 50);
}
END_TEST

START_TEST(reload_child)
{
	struct weir_error e = { "" };
	struct module *m;
	const struct qdisc_ops *ops = ops_of("fifo", &m);
	struct qdisc *root, *child;

	root = world_set(w, "tbf", "rate=1mbit burst=2000");
	for (uint32_t i = 0; i < 20; i++)
		world_send(w, MSS, i);
	world_run(w, w->env.now);
	child = root->ops->leaf(root);
	ck_assert_int_eq(qdisc_reload(child, ops, m, &e), 0);
	ck_assert_ptr_eq(w->nic->root, root);
	ck_assert_ptr_ne(root->ops->leaf(root), child);
	ck_assert_uint_eq(root->stats.qlen, 19);
	ck_assert_uint_eq(root->stats.packets, 1);
	ck_assert_uint_eq(root->stats.backlog, 19 * MTU_FRAME);
	ck_assert_uint_eq(root->ops->leaf(root)->stats.qlen, 19);
	world_run(w, w->env.now + 2 * SEC);
	ck_assert_uint_eq(w->nout, 20);
	ck_assert_uint_eq(root->stats.packets, 20);
	ck_assert_uint_eq(root->stats.drops, 0);
}
END_TEST

static int refuse(struct qdisc *q, const void *params, struct weir_error *e)
{
	(void)q;
	(void)params;
	return weir_fail(e, EINVAL, "the new code does not like it here");
}

START_TEST(failed_reload_changes_nothing)
{
	struct weir_error e = { "" };
	struct module *m;
	struct qdisc_ops bad = *ops_of("tbf", &m);
	struct qdisc *old;

	world_set(w, "tbf", "rate=1mbit burst=2000");
	for (uint32_t i = 0; i < 20; i++)
		world_send(w, MSS, i);
	world_run(w, w->env.now);
	old = w->nic->root;
	bad.init = refuse;
	ck_assert_int_lt(qdisc_reload(old, &bad, m, &e), 0);
	ck_assert_str_eq(e.text, "the new code does not like it here");
	ck_assert_ptr_eq(w->nic->root, old);
	ck_assert_uint_eq(world_stats(w)->qlen, 19);
	ck_assert_uint_eq(world_stats(w)->requeues, 0);
	world_run(w, w->env.now + 2 * SEC);
	ck_assert_uint_eq(w->nout, 20);
}
END_TEST

/* ---- the watchdog ---- */

struct waiter {
	uint64_t at[4];
	int n, calls;
};

static struct packet *waiter_dequeue(struct qdisc *q)
{
	struct waiter *wt = qdisc_priv(q);

	wt->calls++;
	for (int i = 0; i < wt->n; i++)
		if (wt->at[i] > qdisc_now(q))
			qdisc_watchdog(q, wt->at[i]);
	return NULL;
}

static struct packet *nothing(struct qdisc *q)
{
	(void)q;
	return NULL;
}

START_TEST(earliest_wake_up_wins)
{
	static const struct qdisc_ops ops = {
		.name = "waiter", .priv_size = sizeof(struct waiter),
		.enqueue = qdisc_drop, .dequeue = waiter_dequeue, .peek = nothing,
	};
	struct weir_error e = { "" };
	struct qdisc *q = qdisc_create_ops(w->nic, &ops, NULL, NULL, &e);
	uint64_t now = w->env.now;
	struct waiter *wt = qdisc_priv(q);

	*wt = (struct waiter){ .at = { now + 30 * MS, now + 10 * MS, now + 20 * MS }, .n = 3 };
	nic_set_root(w->nic, q);
	world_run(w, now);
	ck_assert_int_eq(wt->calls, 1);
	ck_assert_uint_eq(q->stats.overlimits, 2);
	ck_assert_uint_eq(w->nic->watchdog.at, now + 10 * MS);
	world_run(w, now + 9 * MS);
	ck_assert_int_eq(wt->calls, 1);
	world_run(w, now + 11 * MS);
	ck_assert_int_eq(wt->calls, 2);
	ck_assert_uint_eq(w->nic->watchdog.at, now + 20 * MS);
	world_run(w, now + 40 * MS);
	ck_assert_int_eq(wt->calls, 4);
	ck_assert(!timer_armed(&w->nic->watchdog));
}
END_TEST

START_TEST(incomplete_ops_are_refused)
{
	static const struct qdisc_ops ops = { .name = "half", .enqueue = qdisc_drop };
	struct weir_error e = { "" };

	ck_assert_ptr_null(qdisc_create_ops(w->nic, &ops, NULL, NULL, &e));
	ck_assert_str_eq(e.text, "qdisc half has no enqueue, dequeue or peek; mend the module");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("qdisc");
	TCase *t = tcase_create("qdisc");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, fifo_keeps_order);
	tcase_add_test(t, fifo_counts);
	tcase_add_test(t, fifo_drops_the_newest);
	tcase_add_test(t, fifo_limit_in_bytes);
	tcase_add_test(t, fifo_default_limit);
	tcase_add_test(t, fifo_without_limit);
	tcase_add_test(t, fifo_change);
	tcase_add_test(t, none_passes);
	tcase_add_test(t, none_is_bounded);
	tcase_add_test(t, unknown_kind);
	tcase_add_test(t, none_cannot_change);
	tcase_add_loop_test(t, swaps_lose_nothing, 0, 50);
	tcase_add_test(t, swap_drops_what_does_not_fit);
	tcase_add_test(t, destroy_frees_what_waits);
	tcase_add_test(t, reload_root);
	tcase_add_test(t, reload_child);
	tcase_add_test(t, failed_reload_changes_nothing);
	tcase_add_test(t, earliest_wake_up_wins);
	tcase_add_test(t, incomplete_ops_are_refused);
	suite_add_tcase(s, t);
	return run_suite(s);
}
