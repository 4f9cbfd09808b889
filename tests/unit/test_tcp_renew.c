/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_renew.c - what an operator changes of all connections reaches each, so many a turn. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "tcp_script.h"
#include "tests/suite.h"

#define SOCKS	1000u
#define TURN	256u		/* connections that a turn may look at */

static struct script t;
static struct sock *socks[SOCKS];
static unsigned int inits, done;
static struct congestion_ops other, newer;

static void count_init(struct congestion *c, const void *params)
{
	(void)c;
	(void)params;
	inits++;
}

/* Every look takes long: a turn has time for one piece of work. */
static uint64_t slow_clock(void)
{
	static uint64_t now = SEC;

	return now += 3000000;
}

static const struct congestion_ops *kind_get(void *arg, const char *name, struct module **m, const void **params)
{
	(void)arg;
	*m = NULL;
	*params = NULL;
	return !strcmp(name, "other") ? t.tcp.congestion == &newer ? &newer : &other : NULL;
}

static void kind_put(void *arg, struct module *m)
{
	(void)arg;
	(void)m;
}

static const struct tcp_congestion_kinds kinds = { NULL, kind_get, kind_put };

static void note_done(struct tcp_switch *sw)
{
	done++;
	list_for_each(pos, &t.tcp.socks)
		ck_assert_ptr_ne(tcp_sock(list_entry(pos, struct sock, all))->cc_ops, sw->from);
}

static void setup(void)
{
	script_init(&t);
	t.tcp.kinds = &kinds;
	other = newer = *t.tcp.congestion;
	other.name = newer.name = "other";
	other.init = newer.init = count_init;
	inits = done = 0;
	for (unsigned int i = 0; i < SOCKS; i++)
		socks[i] = script_sock(&t);
	t.net.env.clock = slow_clock;
}

static void teardown(void)
{
	t.net.env.clock = NULL;
	for (unsigned int i = 0; i < SOCKS; i++)
		if (socks[i])
			socks[i]->ops->close(socks[i], true);
	script_fini(&t);
}

static void turn(void)
{
	env_run(&t.net.env, t.net.env.now);
}

static struct tcp_switch switch_to(const struct congestion_ops *from, const struct congestion_ops *to)
{
	return (struct tcp_switch){ .from = from, .to = to, .done = note_done };
}

static unsigned int large(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < SOCKS; i++)
		n += socks[i]->rcvbuf > 32768 || socks[i]->sndbuf > 32768;
	return n;
}

START_TEST(sizes)
{
	struct tcp_sizes small = { 4096, 16384, 32768 };
	unsigned int left = SOCKS;

	tcp_set_memory(&t.tcp, &small, &small, &(struct tcp_marks){ 0 });
	for (unsigned int i = 0; left; i++, turn()) {
		unsigned int now = large();

		ck_assert_uint_le(left - now, TURN);
		ck_assert_uint_le(i, SOCKS / TURN + 1);
		left = now;
	}
	ck_assert_uint_eq(t.tcp.renew_left, 0);
}
END_TEST

/* What is gone meanwhile is not missed, what is new need not be moved. */
START_TEST(congestion)
{
	const struct congestion_ops *from = t.tcp.congestion;
	struct tcp_switch sw = switch_to(from, &other);
	unsigned int before = 0;

	tcp_congestion_switch(&t.tcp, &sw);
	ck_assert(!done);
	for (unsigned int i = 0; !done; i++) {
		ck_assert_uint_le(inits - before, TURN + 1);
		ck_assert_uint_le(i, 2 * (SOCKS / TURN + 1));	/* turns, of which some free what was closed */
		before = inits;
		socks[i]->ops->close(socks[i], true);
		socks[SOCKS - 1 - i]->ops->close(socks[SOCKS - 1 - i], true);
		socks[i] = script_sock(&t);
		socks[SOCKS - 1 - i] = NULL;
		ck_assert_ptr_eq(tcp_sock(socks[i])->cc_ops, &other);
		turn();
	}
	ck_assert_uint_eq(done, 1);
	ck_assert_uint_ge(inits, SOCKS - 10);
}
END_TEST

/* Two changes at once: to another one, and to newer code for that. No user of the first is left. */
START_TEST(newer_code_meanwhile)
{
	struct tcp_switch first = switch_to(t.tcp.congestion, &other), second = switch_to(&other, &newer);

	tcp_congestion_switch(&t.tcp, &first);
	tcp_congestion_switch(&t.tcp, &second);
	for (int i = 0; done < 2; i++, turn())
		ck_assert_int_le(i, 10);
	for (unsigned int i = 0; i < SOCKS; i++)
		ck_assert_ptr_eq(tcp_sock(socks[i])->cc_ops, &newer);
	ck_assert_uint_le(inits, SOCKS + TURN);
}
END_TEST

/* A program that chooses before its turn has come chooses the new code. */
START_TEST(chosen_meanwhile)
{
	struct tcp_switch first = switch_to(t.tcp.congestion, &other), second = switch_to(&other, &newer);
	struct sock *last = socks[SOCKS - 1];

	tcp_congestion_switch(&t.tcp, &first);
	for (int i = 0; !done; i++, turn())
		ck_assert_int_le(i, 10);
	tcp_congestion_switch(&t.tcp, &second);
	ck_assert_ptr_eq(tcp_sock(last)->cc_ops, &other);
	ck_assert_int_eq(last->ops->setsockopt(last, IPPROTO_TCP, TCP_CONGESTION, "other", 5), 0);
	ck_assert_ptr_eq(tcp_sock(last)->cc_ops, &newer);
	for (int i = 0; done < 2; i++, turn())
		ck_assert_int_le(i, 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp renew");
	TCase *c = tcase_create("renew");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, sizes);
	tcase_add_test(c, congestion);
	tcase_add_test(c, newer_code_meanwhile);
	tcase_add_test(c, chosen_meanwhile);
	suite_add_tcase(s, c);
	return run_suite(s);
}
