/* SPDX-License-Identifier: Apache-2.0 */
/* test_time.c - the timer wheel against a naive one, turns of an env, the event loop. */
#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/random.h"
#include "tests/suite.h"
#include "time/env.h"
#include "time/loop.h"
#include "time/timer.h"

#define TICK	(UINT64_C(1) << TIMER_TICK_SHIFT)
#define HOUR	(UINT64_C(3600) * 1000000000)

/* ---- the wheel ---- */

#define TIMERS 200

struct model {
	struct timers wheel;
	struct random_seeded state;
	struct random r;
	uint64_t now, last;	/* this run, the run before */
	uint64_t last_tick;	/* tick of the last timer that fired in this run */
	bool running;
	unsigned int fired;
	struct probe {
		struct timer timer;
		struct model *m;
		bool armed;	/* what the model expects */
		bool fresh;	/* armed by a callback of this run: must not fire before the next */
	} probes[TIMERS];
};

/* Delays from nanoseconds to years: as likely one digit long as another. */
static uint64_t some_delay(struct model *m)
{
	return random_u64(&m->r) >> (12 + random_below(&m->r, 52));
}

static void probe_arm(struct probe *p, uint64_t at)
{
	timer_arm(&p->m->wheel, &p->timer, at);
	p->armed = true;
	p->fresh = p->m->running;
}

static void probe_cancel(struct probe *p)
{
	timer_cancel(&p->m->wheel, &p->timer);
	p->armed = false;
}

static void meddle(struct model *m)
{
	struct probe *p = &m->probes[random_below(&m->r, TIMERS)];
	uint64_t delay = some_delay(m);

	switch (random_below(&m->r, 4)) {
	case 0:
		probe_cancel(p);
		break;
	case 1:
		probe_arm(p, m->now > delay ? m->now - delay : 0);	/* overdue */
		break;
	default:
		probe_arm(p, m->now + delay);
	}
}

/* Check writes to a file with every assertion: too slow for millions. */
#define holds(condition) \
	do { \
		if (!(condition)) \
			ck_abort_msg("%s", #condition); \
	} while (0)

static void probe_fires(struct timer *t)
{
	struct probe *p = list_entry(t, struct probe, timer);
	struct model *m = p->m;
	uint64_t tick = (t->at + TICK - 1) / TICK;

	holds(p->armed);
	holds(!timer_armed(t));
	holds(!p->fresh);
	holds(t->at <= m->now);			/* never early */
	if (t->at > m->last) {					/* ordered by tick */
		holds(tick >= m->last_tick);
		m->last_tick = tick;
	}
	p->armed = false;
	m->fired++;
	if (random_below(&m->r, 2))
		meddle(m);
}

static void check_after_run(struct model *m)
{
	uint64_t next = timers_next(&m->wheel), earliest = TIMER_NEVER;
	unsigned int armed = 0;

	for (int i = 0; i < TIMERS; i++) {
		struct probe *p = &m->probes[i];

		holds(p->armed == timer_armed(&p->timer));
		armed += p->armed;
		if (p->armed && p->timer.at < earliest)
			earliest = p->timer.at;
		/* None late: what is still armed is not due for a tick, or was armed just now. */
		if (p->armed && !p->fresh)
			holds(p->timer.at + TICK > m->now);
		p->fresh = false;
	}
	holds(m->wheel.count == armed);
	if (armed) {
		holds(next != TIMER_NEVER);
		holds(next <= m->now || next < earliest + TICK);
	} else {
		holds(next == TIMER_NEVER);
	}
}

static void model_run(struct model *m, uint64_t now)
{
	m->last = m->now;
	m->now = now;
	m->last_tick = 0;
	m->running = true;
	timers_run(&m->wheel, now);
	m->running = false;
	check_after_run(m);
}

START_TEST(wheel_agrees_with_naive_model)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	random_seed(&m.state, (uint64_t)_i);
	m.r = (struct random){ random_from_seed, &m.state };
	m.now = random_u64(&m.r) >> (2 + random_below(&m.r, 50));
	timers_init(&m.wheel, m.now);
	for (int i = 0; i < TIMERS; i++) {
		m.probes[i].m = &m;
		timer_init(&m.probes[i].timer, probe_fires);
	}
	for (int step = 0; step < 2000; step++) {
		uint64_t next;

		for (uint32_t i = random_below(&m.r, 6); i; i--)
			meddle(&m);
		next = timers_next(&m.wheel);
		if (random_below(&m.r, 2) && next != TIMER_NEVER)	/* as a loop does */
			model_run(&m, next > m.now ? next : m.now);
		else
			model_run(&m, m.now + (some_delay(&m) >> random_below(&m.r, 30)));
		if (m.now > UINT64_MAX / 8)
			break;
	}
	ck_assert_uint_gt(m.fired, 0);
}
END_TEST

struct count {
	struct timer timer;
	unsigned int n;
	struct timers *ts;
	uint64_t again;
};

static void count_fires(struct timer *t)
{
	struct count *c = list_entry(t, struct count, timer);

	c->n++;
	if (c->again)
		timer_arm(c->ts, t, c->again);
}

START_TEST(jump_of_hours_fires_what_is_due)
{
	static struct count c[64];
	struct timers ts;

	timers_init(&ts, 12345);
	for (uint64_t i = 0; i < 64; i++) {
		memset(&c[i], 0, sizeof(c[i]));
		timer_init(&c[i].timer, count_fires);
		timer_arm(&ts, &c[i].timer, i * HOUR);
	}
	timers_run(&ts, 31 * HOUR + TICK);
	for (uint64_t i = 0; i < 64; i++)
		ck_assert_uint_eq(c[i].n, i <= 31);
	ck_assert_uint_eq(ts.count, 32);
	ck_assert_uint_le(timers_next(&ts), 32 * HOUR + TICK);
	timers_run(&ts, 1000000 * HOUR);
	ck_assert_uint_eq(ts.count, 0);
	ck_assert_uint_eq(timers_next(&ts), TIMER_NEVER);
}
END_TEST

START_TEST(armed_for_now_runs_in_the_next_call)
{
	struct timers ts;
	struct count c = { .ts = &ts, .again = 5 * TICK + 7 };

	timers_init(&ts, 0);
	timer_init(&c.timer, count_fires);
	timer_arm(&ts, &c.timer, 5 * TICK);
	timers_run(&ts, 5 * TICK + 7);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_uint_le(timers_next(&ts), 5 * TICK + 7);
	timers_run(&ts, 5 * TICK + 7);
	ck_assert_uint_eq(c.n, 2);
	timers_run(&ts, 3 * TICK);	/* time does not go back */
	ck_assert_uint_eq(c.n, 3);
	c.again = 0;
	timers_run(&ts, 5 * TICK + 7);
	ck_assert_uint_eq(c.n, 4);
	ck_assert_uint_eq(timers_next(&ts), TIMER_NEVER);
}
END_TEST

/* A loop sleeps until timers_next says, and then there is something to run. */
START_TEST(far_timer_is_one_wakeup)
{
	static const uint64_t delays[] = { 50000000, 1000000007, HOUR + 12345, 999 * HOUR + 1 };
	struct timers ts;
	uint64_t now = 987654321;
	struct count c = { 0 };

	timers_init(&ts, now);
	timer_init(&c.timer, count_fires);
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		timer_arm(&ts, &c.timer, now + delays[i]);
		now = timers_next(&ts);
		ck_assert_uint_ge(now, c.timer.at);
		timers_run(&ts, now);
		ck_assert_uint_eq(c.n, i + 1);
	}
}
END_TEST

/* A second of an idle stack: what was armed and cancelled before costs little. */
START_TEST(far_timers_sleep_beside_each_other)
{
	static struct count c[64];
	const uint64_t begin = 5 * HOUR, end = begin + 1000000000;
	unsigned int wakeups = 0;
	struct timers ts;

	timers_init(&ts, begin);
	for (uint64_t i = 0; i < 64; i++) {
		memset(&c[i], 0, sizeof(c[i]));
		timer_init(&c[i].timer, count_fires);
		timer_arm(&ts, &c[i].timer, begin + (i + 2) * 1000000000);
	}
	timer_arm(&ts, &c[0].timer, end);		/* earlier, and ... */
	timer_arm(&ts, &c[1].timer, begin + 500000000);
	timer_cancel(&ts, &c[1].timer);			/* ... never */
	while (timers_next(&ts) < end + TICK) {
		timers_run(&ts, timers_next(&ts));
		wakeups++;
	}
	ck_assert_uint_eq(c[0].n, 1);
	ck_assert_uint_le(wakeups, 3);
}
END_TEST

#define CROWD 20000u

/* However many are due at once: each call does a share, and says that more is left. */
START_TEST(crowd_of_timers_is_run_in_shares)
{
	struct count *c = calloc(CROWD, sizeof(*c));
	unsigned int n = 0, before, calls = 0;
	struct timers ts;

	ck_assert_ptr_nonnull(c);
	timers_init(&ts, 0);
	for (unsigned int i = 0; i < CROWD; i++) {
		timer_init(&c[i].timer, count_fires);
		timer_arm(&ts, &c[i].timer, HOUR + i % 3 * 1000000);
	}
	for (; n < CROWD; calls++) {
		ck_assert_uint_le(timers_next(&ts), 2 * HOUR);
		before = n;
		timers_run(&ts, 2 * HOUR);
		n = CROWD - ts.count;
		ck_assert_uint_le(n - before, TIMERS_FIRED);
		ck_assert_uint_le(calls, CROWD / TIMERS_FIRED + 8 * CROWD / TIMERS_MOVED);
		if (calls == 5) {		/* due, moving or filed: each can be cancelled */
			for (unsigned int i = 0; i < CROWD; i += 100)
				timer_cancel(&ts, &c[i].timer);
			n = CROWD - ts.count;
		}
	}
	for (unsigned int i = 1; i < CROWD; i += 100)
		ck_assert_uint_eq(c[i].n, 1);
	ck_assert_uint_eq(timers_next(&ts), TIMER_NEVER);
	free(c);
}
END_TEST

/* ---- turns ---- */

struct step {
	struct work work;
	struct env *env;
	struct step *other;
	unsigned int n, limit;
};

static void step_runs(struct work *w)
{
	struct step *s = list_entry(w, struct step, work);

	if (++s->n < s->limit) {
		work_defer(s->env, &s->other->work);
		work_defer(s->env, &s->other->work);
	}
}

static void env_for_test(struct env *env, struct random_seeded *state)
{
	struct random r = { random_from_seed, state };
	struct log log = { 0 };

	random_seed(state, 1);
	env_init(env, 1000, &r, &log);
}

/* Work that never ends leaves timers, other work and the loop their turns. */
START_TEST(turn_ends_though_work_does_not)
{
	struct random_seeded state;
	struct env env;
	struct step endless = { .env = &env, .limit = UINT_MAX };
	struct step once = { .env = &env, .limit = 1 };
	struct count c = { 0 };

	env_for_test(&env, &state);
	endless.other = &endless;
	work_init(&endless.work, step_runs);
	work_init(&once.work, step_runs);
	timer_init(&c.timer, count_fires);
	timer_arm(&env.timers, &c.timer, 5000);
	work_defer(&env, &endless.work);
	work_defer(&env, &once.work);
	env_run(&env, 2000);
	ck_assert_uint_gt(endless.n, 1);
	ck_assert_uint_eq(once.n, 1);
	ck_assert_uint_eq(env_next(&env), 0);
	env_run(&env, 100 * TICK);
	ck_assert_uint_eq(c.n, 1);
}
END_TEST

static uint64_t slow_clock(void)
{
	static uint64_t ns;

	return ns += 1000000;
}

/* In real time a turn has an end even with little work, when that takes long. */
START_TEST(turn_ends_when_work_is_slow)
{
	struct random_seeded state;
	struct env env;
	struct step s[100];

	env_for_test(&env, &state);
	env.clock = slow_clock;
	for (int i = 0; i < 100; i++) {
		s[i] = (struct step){ .env = &env, .limit = 1 };
		work_init(&s[i].work, step_runs);
		work_defer(&env, &s[i].work);
	}
	env_run(&env, 2000);
	ck_assert_uint_eq(s[0].n, 1);
	ck_assert_uint_eq(s[10].n, 0);
	ck_assert_uint_eq(env_next(&env), 0);
	for (int turn = 0; turn < 100 && !s[99].n; turn++)
		env_run(&env, 2000);
	ck_assert_uint_eq(s[99].n, 1);
	ck_assert_uint_eq(env_next(&env), TIMER_NEVER);
}
END_TEST

START_TEST(turn_runs_work_until_none_is_left)
{
	struct random_seeded state;
	struct env env;
	struct step a = { .env = &env, .limit = 10 }, b = { .env = &env, .limit = 10 };

	env_for_test(&env, &state);
	ck_assert_uint_ne(env.key.k[0], env.key.k[1]);
	a.other = &b;
	b.other = &a;
	work_init(&a.work, step_runs);
	work_init(&b.work, step_runs);
	ck_assert_uint_eq(env_next(&env), TIMER_NEVER);
	work_defer(&env, &a.work);
	work_defer(&env, &a.work);
	ck_assert_uint_eq(env_next(&env), 0);
	env_run(&env, 2000);
	ck_assert_uint_eq(env.now, 2000);
	ck_assert_uint_eq(a.n, 10);
	ck_assert_uint_eq(b.n, 9);
	work_defer(&env, &b.work);
	work_cancel(&b.work);
	work_cancel(&b.work);
	ck_assert_uint_eq(env_next(&env), TIMER_NEVER);
	env_run(&env, 3000);
	ck_assert_uint_eq(b.n, 9);
}
END_TEST

/* ---- the loop ---- */

struct fixture {
	struct random_seeded state;
	struct env env;
	struct loop loop;
	struct end {
		struct loop_io io;
		struct fixture *f;
		int fds[2];
		unsigned int calls;
		uint32_t events;
	} ends[2];
	void (*then)(struct fixture *f, struct end *e);
};

static void end_ready(struct loop_io *io, uint32_t events)
{
	struct end *e = list_entry(io, struct end, io);

	e->calls++;
	e->events = events;
	if (e->f->then)
		e->f->then(e->f, e);
}

static void fixture_open(struct fixture *f)
{
	struct random r = { random_from_seed, &f->state };
	struct log log = { 0 };

	memset(f, 0, sizeof(*f));
	random_seed(&f->state, 1);
	env_init(&f->env, clock_now(), &r, &log);
	ck_assert_int_eq(loop_init(&f->loop, &f->env, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct end *e = &f->ends[i];

		e->f = f;
		ck_assert_int_eq(pipe(e->fds), 0);
		ck_assert_int_eq(loop_add(&f->loop, &e->io, e->fds[0], EPOLLIN, end_ready), 0);
	}
}

static void fixture_close(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		loop_del(&f->ends[i].io);
		loop_del(&f->ends[i].io);
		close(f->ends[i].fds[0]);
		if (f->ends[i].fds[1] >= 0)
			close(f->ends[i].fds[1]);
	}
	loop_close(&f->loop);
}

static void make_ready(struct end *e)
{
	ck_assert_int_eq(write(e->fds[1], "x", 1), 1);
}

static void delete_both(struct fixture *f, struct end *e)
{
	(void)e;
	loop_del(&f->ends[0].io);
	loop_del(&f->ends[1].io);
	memset(&f->ends[0].io, 0, sizeof(f->ends[0].io));
	memset(&f->ends[1].io, 0, sizeof(f->ends[1].io));
}

START_TEST(loop_voids_events_of_deleted)
{
	struct fixture f;

	fixture_open(&f);
	f.then = delete_both;
	make_ready(&f.ends[0]);
	make_ready(&f.ends[1]);
	loop_turn(&f.loop);
	ck_assert_uint_eq(f.ends[0].calls + f.ends[1].calls, 1);
	fixture_close(&f);
}
END_TEST

static void fire_stop(struct timer *t)
{
	struct count *c = list_entry(t, struct count, timer);

	c->n++;
}

START_TEST(loop_unwanted_is_silent_even_when_hung_up)
{
	struct fixture f;
	struct count c = { 0 };

	fixture_open(&f);
	timer_init(&c.timer, fire_stop);
	ck_assert_int_eq(loop_mod(&f.ends[0].io, 0), 0);
	close(f.ends[0].fds[1]);
	f.ends[0].fds[1] = -1;
	timer_arm(&f.env.timers, &c.timer, clock_now() + 1000000);
	while (!c.n)
		loop_turn(&f.loop);
	ck_assert_uint_eq(f.ends[0].calls, 0);
	ck_assert_int_eq(loop_mod(&f.ends[0].io, EPOLLIN), 0);
	loop_turn(&f.loop);
	ck_assert_uint_eq(f.ends[0].calls, 1);
	ck_assert_uint_ne(f.ends[0].events & EPOLLHUP, 0);
	ck_assert_int_eq(loop_mod(&f.ends[1].io, EPOLLIN), 0);
	fixture_close(&f);
	ck_assert_int_lt(loop_mod(&f.ends[1].io, EPOLLIN), 0);
}
END_TEST

START_TEST(loop_timers_are_not_early)
{
	struct fixture f;

	fixture_open(&f);
	for (int coarse = 0; coarse < 2; coarse++) {
		struct count c = { 0 };
		uint64_t at = clock_now() + 1500000;

		f.loop.coarse = coarse;
		timer_init(&c.timer, fire_stop);
		timer_arm(&f.env.timers, &c.timer, at);
		while (!c.n)
			loop_turn(&f.loop);
		ck_assert_uint_ge(f.env.now, at);
	}
	fixture_close(&f);
}
END_TEST

static void stop_loop(struct fixture *f, struct end *e)
{
	f->loop.stop = e->calls == 3;
}

START_TEST(loop_runs_until_stopped)
{
	struct fixture f;

	fixture_open(&f);
	f.then = stop_loop;
	make_ready(&f.ends[1]);
	loop_run(&f.loop);
	ck_assert_uint_eq(f.ends[1].calls, 3);
	fixture_close(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("time");
	TCase *wheel = tcase_create("wheel"), *loop = tcase_create("loop");

	tcase_set_timeout(wheel, 60);
	tcase_add_loop_test(wheel, wheel_agrees_with_naive_model, 0, 40);
	tcase_add_test(wheel, jump_of_hours_fires_what_is_due);
	tcase_add_test(wheel, armed_for_now_runs_in_the_next_call);
	tcase_add_test(wheel, far_timer_is_one_wakeup);
	tcase_add_test(wheel, far_timers_sleep_beside_each_other);
	tcase_add_test(wheel, crowd_of_timers_is_run_in_shares);
	tcase_add_test(wheel, turn_runs_work_until_none_is_left);
	tcase_add_test(wheel, turn_ends_though_work_does_not);
	tcase_add_test(wheel, turn_ends_when_work_is_slow);
	suite_add_tcase(s, wheel);
	tcase_add_test(loop, loop_voids_events_of_deleted);
	tcase_add_test(loop, loop_unwanted_is_silent_even_when_hung_up);
	tcase_add_test(loop, loop_timers_are_not_early);
	tcase_add_test(loop, loop_runs_until_stopped);
	suite_add_tcase(s, loop);
	return run_suite(s);
}
