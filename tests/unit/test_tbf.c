/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tbf.c - the token bucket filter, on virtual time.
 *
 * The bound over all windows is checked with a virtual queue: one that is served at R and gets
 * every packet when it leaves holds, after packet k, max over i of (s_i + ... + s_k -
 * R * (t_k - t_i)). That is at most B exactly when the definition in tbf.c holds for every pair.
 * All sums are exact.
 */
#include "qdisc_world.h"
#include "tests/suite.h"

#define NS	1000000000ull
typedef unsigned __int128 u128;

static struct world *w;

static void setup(void)
{
	w = world_create(1);
}

static void teardown(void)
{
	world_destroy(w);
}

struct bound {
	uint64_t rate, burst;		/* bytes/s, bytes */
};

/* Does what left obey TBF(rate, burst)? */
static void check_windows(struct bound b)
{
	u128 level = 0;
	uint64_t at = w->nout ? w->out[0].at : 0;

	for (size_t i = 0; i < w->nout; i++) {
		u128 served = (u128)b.rate * (w->out[i].at - at);

		at = w->out[i].at;
		level = level > served ? level - served : 0;
		level += (u128)w->out[i].len * NS;
		ck_assert_msg(level <= (u128)b.burst * NS,
			      "packet %zu: a window holds more than %llu + %llu * t", i,
			      (unsigned long long)b.burst, (unsigned long long)b.rate);
	}
}

static uint64_t out_bytes(void)
{
	uint64_t n = 0;

	for (size_t i = 0; i < w->nout; i++)
		n += w->out[i].len;
	return n;
}

/* ---- the bound ---- */

static uint32_t below(uint32_t n)
{
	struct random r = { .fill = random_from_seed, .arg = &w->seed };

	return random_below(&r, n);
}

/* Bursts and pauses of super-segments, full and small packets. What was offered, in wire bytes. */
static uint64_t random_traffic(uint64_t rate, unsigned int rounds)
{
	uint64_t offered = 0;

	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t bytes = 0;

		for (uint32_t n = below(20); n > 0; n--) {
			uint32_t kind = below(3);
			uint32_t len = kind == 0 ? below(65000) + 4 : kind == 1 ? MSS : below(MSS);

			world_send(w, len, 0);
			bytes += world_wire_len(len);
		}
		offered += bytes;
		/* Between nothing and twice the time that it takes. */
		world_run(w, w->env.now + bytes * 1000 / (rate / 1000 + 1) * below(2001));
	}
	return offered;
}

/* The default size of peakrate's bucket. */
static uint64_t peak_bucket(uint64_t peak)
{
	return peak / 500 > MTU_FRAME ? peak / 500 : MTU_FRAME;
}

START_TEST(random_traffic_obeys)
{
	static const uint64_t rates[] = {
		125000, 333333, 1250000, 12500000, 99999999, 125000000, 1250000000,
	};
	uint64_t rate, burst, peak, offered;
	char text[160];

	random_seed(&w->seed, (uint64_t)_i);
	rate = rates[below(7)] + below(1000);
	burst = MTU_FRAME + below(2) * below(2000) + below(2) * below(200000);
	peak = below(2) ? rate + 1 + below((uint32_t)rate) : 0;
	snprintf(text, sizeof(text), "rate=%llu burst=%llu limit=1g peakrate=%llu",
		 (unsigned long long)rate, (unsigned long long)burst, (unsigned long long)peak);
	world_set(w, "tbf", text);
	offered = random_traffic(rate, 60);
	check_windows((struct bound){ rate, burst });
	if (peak)
		check_windows((struct bound){ peak, peak_bucket(peak) });
	ck_assert_uint_eq(out_bytes() + world_stats(w)->backlog, offered);
	ck_assert_uint_eq(world_stats(w)->bytes, out_bytes());
	ck_assert_uint_eq(world_stats(w)->drops, 0);
	ck_assert_uint_gt(w->nout, 0);
}
END_TEST

START_TEST(changes_obey)
{
	struct weir_error e = { "" };
	uint64_t rate = 0, burst = 0, offered = 0;
	char text[160];

	random_seed(&w->seed, (uint64_t)_i + 1000);
	for (int i = 0; i < 30; i++) {
		uint64_t r = 125000 + below(5000000), b = MTU_FRAME + below(100000);

		snprintf(text, sizeof(text), "rate=%llu burst=%llu limit=1g", (unsigned long long)r,
			 (unsigned long long)b);
		if (i == 0 || below(3) == 0)
			world_set(w, "tbf", text);
		else
			ck_assert_int_eq(world_change(w, text, &e), 0);
		rate = r > rate ? r : rate;
		burst = b > burst ? b : burst;
		offered += random_traffic(rate, 1 + below(4));
	}
	check_windows((struct bound){ rate, burst });
	ck_assert_uint_eq(out_bytes() + world_stats(w)->backlog, offered);
	ck_assert_uint_eq(world_stats(w)->drops, 0);
}
END_TEST

/* After the burst, exactly the rate for as long as there is backlog: 99.9999%. */
START_TEST(sustained_rate)
{
	static const struct { uint64_t rate, burst, seconds; uint32_t payload; } t[] = {
		{ 125000, 3028, 15000, MSS },
		{ 12500000, 1048576, 6000, 64000 },
		{ 125000000, 1048576, 600, 64000 },
		{ 1250000000, 4194304, 60, 64000 },
		{ 12500000, 20000, 150, MSS },
	};
	uint32_t len = world_wire_len(t[_i].payload);
	uint64_t start = w->env.now, end = start + t[_i].seconds * SEC, due;
	struct qdisc *q;
	struct packet *p;
	char text[96];

	snprintf(text, sizeof(text), "rate=%llu burst=%llu limit=1g",
		 (unsigned long long)t[_i].rate, (unsigned long long)t[_i].burst);
	q = world_set(w, "tbf", text);
	w->nic->up = false;		/* dequeue is called here */
	p = world_packet(w, 0, 0);
	p->wire_len = len;
	qdisc_enqueue(q, p);
	while (w->env.now < end) {
		p = qdisc_dequeue(q);
		if (p) {
			w->bytes += p->wire_len;
			qdisc_enqueue(q, p);
			continue;
		}
		/* Wake up as the timer wheel does: up to a tick late. */
		w->env.now = (w->nic->watchdog.at | ((1u << TIMER_TICK_SHIFT) - 1)) + 1;
		timer_cancel(&w->env.timers, &w->nic->watchdog);
	}
	due = t[_i].burst + t[_i].rate * t[_i].seconds;
	ck_assert_uint_le(w->bytes, due + t[_i].rate / 10000 + len);
	ck_assert_uint_ge(w->bytes, due - len);
	if (due / len > 1000000)
		ck_assert_uint_ge(w->bytes, due - due / 1000000);
}
END_TEST

/*
 * Five days of backlog at odd rates (the fastest: a quarter of an hour). Rounding a packet's time
 * to nanoseconds, as usual, would shift the bucket a little with every packet. Here what is in it
 * is what the definition says, to the byte.
 */
START_TEST(no_drift)
{
	static const uint64_t rates[] = {
		7, 333, 12347, 999983, 12500001, 124999999, 1250000003, 999999999989,
	};
	const uint64_t rate = rates[_i], burst = 4294967291;
	const uint64_t days = (rate > 2000000000 ? 1 : 500) * 864 * SEC;
	uint64_t len = rate / 3 + 1777, start = w->env.now;
	struct qdisc *q;
	struct packet *p;
	char text[96];
	u128 tokens;

	if (len > burst / 2)
		len = burst / 2 + 1;
	snprintf(text, sizeof(text), "rate=%llu burst=%llu limit=100g", (unsigned long long)rate,
		 (unsigned long long)burst);
	q = world_set(w, "tbf", text);
	w->nic->up = false;
	p = world_packet(w, 0, 0);
	p->wire_len = (uint32_t)len;
	qdisc_enqueue(q, p);
	while (w->env.now - start < days) {
		p = qdisc_dequeue(q);
		if (!p) {
			w->env.now = w->nic->watchdog.at;
			timer_cancel(&w->env.timers, &w->nic->watchdog);
			p = qdisc_dequeue(q);
			ck_assert_msg(p != NULL, "the wake-up was too early");
		}
		w->bytes += p->wire_len;
		p->wire_len = (uint32_t)(len - w->bytes % 1001);
		qdisc_enqueue(q, p);
	}
	ck_assert_uint_gt(w->bytes, burst);
	tokens = (u128)burst * NS + (u128)rate * (w->env.now - start) - (u128)w->bytes * NS;
	ck_assert_uint_eq(world_xstat(w, "tokens"), (uint64_t)(tokens / NS));
}
END_TEST

START_TEST(wakes_exactly)
{
	uint64_t start = w->env.now;

	world_set(w, "tbf", "rate=1000000 burst=1514");
	world_send(w, MSS, 1);
	world_send(w, MSS, 2);
	world_run(w, start);
	ck_assert_uint_eq(w->nout, 1);
	ck_assert_uint_eq(w->nic->watchdog.at, start + 1514000);
	ck_assert_uint_eq(world_stats(w)->overlimits, 1);
	world_run(w, start + 1513999);
	ck_assert_uint_eq(w->nout, 1);
	world_run(w, start + 1514000 + (2u << TIMER_TICK_SHIFT));
	ck_assert_uint_eq(w->nout, 2);
}
END_TEST

START_TEST(idle_fills_no_more_than_the_bucket)
{
	world_set(w, "tbf", "rate=1000000 burst=15140");
	world_run(w, w->env.now + 1000 * SEC);
	for (uint32_t i = 0; i < 100; i++)
		world_send(w, MSS, i);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, 10);
}
END_TEST

/* What passed the shaper before a link got stuck leaves with it: that is little, a ring's bytes. */
START_TEST(stuck_link_holds_little)
{
	const uint64_t rate = 125000000, burst = 1 << 20, ring = (128 << 10) + world_wire_len(60000);

	world_set(w, "tbf", "rate=1gbit burst=1mb limit=1g");
	w->closed = true;
	for (uint32_t i = 0; i < 200; i++)
		world_send(w, 60000, i);
	world_run(w, w->env.now + SEC);
	ck_assert_uint_eq(w->nout, 0);
	ck_assert_uint_gt(w->nic->ring.len, 0);
	ck_assert_uint_le(w->nic->ring.bytes, ring);
	w->closed = false;
	nic_writable(w->nic);
	ck_assert_uint_gt(out_bytes(), burst);		/* the bucket was full by then */
	ck_assert_uint_le(out_bytes(), burst + ring);
	world_run(w, w->env.now + SEC);
	check_windows((struct bound){ rate, burst + ring });
	ck_assert_uint_eq(w->nout, 200);
}
END_TEST

START_TEST(peakrate_spaces_the_burst)
{
	uint64_t gap = 1514ull * SEC / 2000000;

	world_set(w, "tbf", "rate=1000000 burst=100000 peakrate=2000000 mtu=1514");
	for (uint32_t i = 0; i < 60; i++)
		world_send(w, MSS, i);
	world_run(w, w->env.now + SEC);
	ck_assert_uint_eq(w->nout, 60);
	for (size_t i = 1; i < w->nout; i++)
		ck_assert_uint_ge(w->out[i].at - w->out[i - 1].at, gap - (2u << TIMER_TICK_SHIFT));
	check_windows((struct bound){ 1000000, 100000 });
	check_windows((struct bound){ 2000000, MTU_FRAME });
}
END_TEST

/* ---- cutting ---- */

START_TEST(cuts_what_is_larger_than_the_bucket)
{
	world_set(w, "tbf", "rate=1gbit burst=10000");
	world_send(w, 40000, 7);
	ck_assert_uint_eq(world_stats(w)->qlen, 28);
	ck_assert_uint_eq(world_stats(w)->backlog, world_wire_len(40000));
	ck_assert_uint_eq(world_xstat(w, "splits"), 1);
	world_run(w, w->env.now + SEC);
	ck_assert_uint_eq(w->nout, 28);
	ck_assert_uint_eq(out_bytes(), world_wire_len(40000));
	for (size_t i = 0; i < w->nout; i++) {
		ck_assert(!w->out[i].gso);
		ck_assert_uint_le(w->out[i].len, MTU_FRAME);
	}
	ck_assert_uint_eq(world_stats(w)->packets, 28);
	ck_assert_uint_eq(w->freed, 1);
}
END_TEST

START_TEST(passes_what_fits)
{
	world_set(w, "tbf", "rate=1gbit burst=100000");
	world_send(w, 40000, 7);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, 1);
	ck_assert(w->out[0].gso);
	ck_assert_uint_eq(w->out[0].len, world_wire_len(40000));
	ck_assert_uint_eq(world_xstat(w, "splits"), 0);
	ck_assert_uint_eq(world_stats(w)->packets, 28);
}
END_TEST

START_TEST(peak_bucket_cuts)
{
	world_set(w, "tbf", "rate=1mbit burst=100000 peakrate=10mbit mtu=3100");
	world_send(w, 40000, 7);
	world_send(w, 2 * MSS, 8);
	ck_assert_uint_eq(world_stats(w)->qlen, 29);
	ck_assert_uint_eq(world_xstat(w, "splits"), 1);
}
END_TEST

/* A packet that no bucket will ever hold, and that cannot be cut, must not stop those behind it. */
START_TEST(drops_what_can_never_leave)
{
	struct packet *p;

	world_set(w, "tbf", "rate=1mbit burst=2000");
	p = world_packet(w, MSS, 1);
	p->wire_len = 2001;
	ck_assert_int_eq(qdisc_enqueue(w->nic->root, p), QDISC_DROPPED);
	ck_assert_uint_eq(world_stats(w)->drops, 1);
	ck_assert_uint_eq(world_stats(w)->backlog, 0);
}
END_TEST

START_TEST(no_memory_to_cut)
{
	struct packet *p;

	world_set(w, "tbf", "rate=1mbit burst=2000");
	world_send(w, 4, 1);
	p = world_packet(w, 40000, 2);
	p->wire_len = world_wire_len(40000);
	w->pool.limit = w->pool.used;
	ck_assert_int_eq(qdisc_enqueue(w->nic->root, p), QDISC_DROPPED);
	ck_assert_uint_eq(world_stats(w)->drops, 1);
	ck_assert_uint_eq(world_stats(w)->qlen, 1);
	ck_assert_uint_eq(w->freed, 1);
}
END_TEST

/* ---- limits ---- */

static void fill(uint32_t n)
{
	world_run(w, w->env.now);
	for (uint32_t i = 0; i < n; i++)
		world_send(w, MSS, i);
}

START_TEST(limit_in_bytes)
{
	world_set(w, "tbf", "rate=1mbit burst=2000 limit=15140");
	fill(100);
	ck_assert_uint_eq(world_stats(w)->backlog, 15140);
	ck_assert_uint_eq(world_stats(w)->drops, 90);
}
END_TEST

START_TEST(limit_as_latency)
{
	/* 125000 B/s * 100 ms + 2000 = 14500 */
	world_set(w, "tbf", "rate=1mbit burst=2000 latency=100ms");
	fill(100);
	ck_assert_uint_eq(world_stats(w)->qlen, 14500 / MTU_FRAME);
}
END_TEST

START_TEST(limit_as_latency_at_peak)
{
	/* min(125000 * 100 ms + 100000, 250000 * 100 ms + 1514) = 26514 */
	world_set(w, "tbf", "rate=1mbit burst=100000 latency=100ms peakrate=2mbit");
	fill(100);
	ck_assert_uint_eq(world_stats(w)->qlen, 26514 / MTU_FRAME);
}
END_TEST

START_TEST(default_limit)
{
	world_set(w, "tbf", "rate=1mbit burst=2000");
	fill(20000);
	ck_assert_uint_eq(world_stats(w)->qlen, (16u * 1048576 + 2000) / MTU_FRAME);
}
END_TEST

START_TEST(small_limit_cuts_too)
{
	world_set(w, "tbf", "rate=1mbit burst=100000 limit=6056");
	world_send(w, 40000, 0);
	ck_assert_uint_eq(world_stats(w)->qlen, 4);
	ck_assert_uint_eq(world_stats(w)->drops, 24);
}
END_TEST

/* ---- change ---- */

START_TEST(changes_give_no_tokens)
{
	struct weir_error e = { "" };
	uint64_t start = w->env.now;

	world_set(w, "tbf", "rate=1000000 burst=100000");
	fill(500);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(world_change(w, i % 2 ? "burst=100000" : "burst=200000", &e), 0);
		world_run(w, w->env.now + 100000);
	}
	check_windows((struct bound){ 1000000, 200000 });
	ck_assert_uint_le(out_bytes(), 100000 + 1000000 * (w->env.now - start) / SEC);
}
END_TEST

/* Nor does a swap among tbfs; only the first qdisc of a NIC finds the bucket full. */
START_TEST(swaps_give_no_tokens)
{
	uint64_t start = w->env.now;

	world_set(w, "tbf", "rate=1000000 burst=100000");
	ck_assert_uint_eq(world_xstat(w, "tokens"), 100000);
	fill(500);
	for (int i = 0; i < 100; i++) {
		world_set(w, "tbf", "rate=1000000 burst=100000");
		world_run(w, w->env.now + 1000000);
	}
	check_windows((struct bound){ 1000000, 100000 });
	ck_assert_uint_le(out_bytes(), 100000 + 1000000 * (w->env.now - start) / SEC);
	ck_assert_uint_eq(world_stats(w)->drops, 0);
}
END_TEST

START_TEST(peak_turned_on_and_off)
{
	struct weir_error e = { "" };

	world_set(w, "tbf", "rate=1000000 burst=100000");
	ck_assert_int_eq(world_change(w, "peakrate=2000000 mtu=1514", &e), 0);
	ck_assert_uint_eq(world_xstat(w, "peak-tokens"), 0);
	for (uint32_t i = 0; i < 30; i++)
		world_send(w, MSS, i);
	world_run(w, w->env.now + 5 * MS);
	ck_assert_uint_le(w->nout, 7);
	check_windows((struct bound){ 2000000, MTU_FRAME });
	ck_assert_int_eq(world_change(w, "peakrate=0 mtu=0", &e), 0);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, 30);
}
END_TEST

START_TEST(faster_takes_effect_at_once)
{
	struct weir_error e = { "" };

	world_set(w, "tbf", "rate=100 burst=2000");
	fill(20);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, 1);
	ck_assert_int_eq(world_change(w, "rate=1gbit", &e), 0);
	world_run(w, w->env.now + MS);
	ck_assert_uint_eq(w->nout, 20);
}
END_TEST

START_TEST(smaller_burst_cuts_what_waits)
{
	struct weir_error e = { "" };
	uint64_t backlog;

	world_set(w, "tbf", "rate=1mbit burst=100000 limit=1m");
	for (uint32_t i = 0; i < 5; i++)
		world_send(w, 60000, i);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, 1);
	backlog = world_stats(w)->backlog;
	ck_assert_int_eq(world_change(w, "burst=2000 limit=10000", &e), 0);
	ck_assert_uint_eq(world_stats(w)->backlog, backlog);
	ck_assert_uint_eq(world_stats(w)->qlen, 4 * ((60000 + MSS - 1) / MSS));
	ck_assert_uint_eq(world_stats(w)->drops, 0);
	ck_assert_uint_eq(world_xstat(w, "splits"), 4);
	world_run(w, w->env.now + 100 * SEC);
	ck_assert_uint_eq(world_stats(w)->qlen, 0);
	ck_assert_uint_eq(out_bytes(), 5 * world_wire_len(60000));
	ck_assert_uint_eq(world_stats(w)->bytes, out_bytes());
}
END_TEST

START_TEST(bad_change_changes_nothing)
{
	static const char *const bad[] = {
		"burst=1513", "rate=2mbit burst=100", "peakrate=1mbit", "limit=1000",
		"latency=10ms", "peakrate=9mbit mtu=1000", "mtu=2000", "burst=5g", "rate=0",
	};
	struct qdisc *q;
	void *params;
	uint64_t tokens;

	q = world_set(w, "tbf", "rate=1mbit burst=20000 limit=100000");
	fill(40);
	world_run(w, w->env.now + 10 * MS);
	params = malloc(q->ops->params_size);
	memcpy(params, q->params, q->ops->params_size);
	tokens = world_xstat(w, "tokens");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct qdisc_stats was = q->stats;
		struct weir_error e = { "" };

		ck_assert_int_eq(world_change(w, bad[i], &e), -EINVAL);
		ck_assert_str_ne(e.text, "");
		ck_assert_mem_eq(params, q->params, q->ops->params_size);
		ck_assert_mem_eq(&was, &q->stats, sizeof(was));
		ck_assert_uint_eq(world_xstat(w, "tokens"), tokens);
	}
	free(params);
	world_run(w, w->env.now + SEC);
	ck_assert_uint_eq(w->nout, 40);
	check_windows((struct bound){ 125000, 20000 });
}
END_TEST

/* ---- the rest of the contract ---- */

START_TEST(peek_is_never_throttled)
{
	struct qdisc *q = world_set(w, "tbf", "rate=1000 burst=2000");
	struct packet *p;

	ck_assert_ptr_null(qdisc_peek(q));
	fill(3);
	world_run(w, w->env.now);
	ck_assert_ptr_null(qdisc_dequeue(q));
	p = qdisc_peek(q);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(packet_id(p), 1);
	ck_assert_uint_eq(q->stats.qlen, 2);
}
END_TEST

START_TEST(reset_drops_and_counts)
{
	struct qdisc *q = world_set(w, "tbf", "rate=1000 burst=2000");

	fill(30);
	qdisc_reset(q);
	ck_assert_uint_eq(q->stats.qlen, 0);
	ck_assert_uint_eq(q->stats.backlog, 0);
	ck_assert_uint_eq(q->stats.drops, 30);
	ck_assert_uint_eq(w->freed, 30);
}
END_TEST

/* ---- sentences ---- */

static const struct {
	const char *params, *sentence;
} refused[] = {
	{ "rate=1mbit burst=1000",
	  "burst: 1000 bytes is smaller than the largest packet eth0 can send (1514 bytes: its MTU "
	  "and the link header); raise burst" },
	{ "rate=1mbit burst=1513",
	  "burst: 1513 bytes is smaller than the largest packet eth0 can send (1514 bytes: its MTU "
	  "and the link header); raise burst" },
	{ "rate=1mbit burst=2000 limit=100",
	  "limit: 100 bytes is smaller than the largest packet eth0 can send (1514 bytes: its MTU "
	  "and the link header); raise limit" },
	{ "rate=1mbit burst=2000 limit=10000 latency=1ms",
	  "limit and latency are two ways to say one thing; give one of them" },
	{ "rate=1mbit burst=2000 mtu=2000",
	  "mtu: 2000 bytes is the size of peakrate's bucket, and there is no peakrate; give "
	  "peakrate or leave mtu out" },
	{ "rate=1mbit burst=2000 peakrate=1mbit",
	  "peakrate: 125000 bytes/s is not higher than rate (125000 bytes/s); raise peakrate or "
	  "leave it out" },
	{ "rate=1mbit burst=2000 peakrate=2mbit mtu=1000",
	  "mtu: 1000 bytes is smaller than the largest packet eth0 can send (1514 bytes: its MTU "
	  "and the link header); raise mtu" },
};

START_TEST(says_why)
{
	struct weir_error e = { "" };

	ck_assert_ptr_null(world_qdisc(w, "tbf", refused[_i].params, &e));
	ck_assert_str_eq(e.text, refused[_i].sentence);
}
END_TEST

static const struct {
	const char *params, *word;
} refused_by_table[] = {
	{ "", "rate" },
	{ "rate=1mbit", "burst" },
	{ "burst=2000", "rate" },
	{ "rate=0 burst=2000", "rate" },
	{ "rate=9tbit burst=2000", "rate" },
	{ "rate=1mbit burst=4294967296", "burst" },
	{ "rate=1mbit burst=2000 peakrate=9tbit", "peakrate" },
	{ "rate=1mbit burst=2000 peakrate=2mbit mtu=4294967296", "mtu" },
	{ "rate=fast burst=2000", "rate" },
	{ "rate=1mbit burst=2000 colour=red", "colour" },
};

START_TEST(says_what_the_table_knows)
{
	struct weir_error e = { "" };

	ck_assert_ptr_null(world_qdisc(w, "tbf", refused_by_table[_i].params, &e));
	ck_assert_msg(strstr(e.text, refused_by_table[_i].word) != NULL, "%s", e.text);
}
END_TEST

START_TEST(burst_as_a_duration)
{
	world_set(w, "tbf", "burst=10ms rate=100mbit");
	ck_assert_uint_eq(world_xstat(w, "tokens"), 125000);
}
END_TEST

START_TEST(largest_of_everything)
{
	world_set(w, "tbf", "rate=1000000000000 burst=4294967295 latency=1000000s");
	ck_assert_uint_eq(world_xstat(w, "tokens"), 4294967295);
	world_send(w, MSS, 1);
	world_run(w, w->env.now + 1000 * SEC);
	ck_assert_uint_eq(world_xstat(w, "tokens"), 4294967295);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *s = suite_create("tbf");
	TCase *t = tcase_create("tbf");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, random_traffic_obeys, 0, 100);
	tcase_add_loop_test(t, changes_obey, 0, 20);
	tcase_add_loop_test(t, sustained_rate, 0, 5);
	tcase_add_loop_test(t, no_drift, 0, 8);
	tcase_add_test(t, wakes_exactly);
	tcase_add_test(t, idle_fills_no_more_than_the_bucket);
	tcase_add_test(t, stuck_link_holds_little);
	tcase_add_test(t, peakrate_spaces_the_burst);
	tcase_add_test(t, cuts_what_is_larger_than_the_bucket);
	tcase_add_test(t, passes_what_fits);
	tcase_add_test(t, peak_bucket_cuts);
	tcase_add_test(t, drops_what_can_never_leave);
	tcase_add_test(t, no_memory_to_cut);
	tcase_add_test(t, limit_in_bytes);
	tcase_add_test(t, limit_as_latency);
	tcase_add_test(t, limit_as_latency_at_peak);
	tcase_add_test(t, default_limit);
	tcase_add_test(t, small_limit_cuts_too);
	tcase_add_test(t, changes_give_no_tokens);
	tcase_add_test(t, swaps_give_no_tokens);
	tcase_add_test(t, peak_turned_on_and_off);
	tcase_add_test(t, faster_takes_effect_at_once);
	tcase_add_test(t, smaller_burst_cuts_what_waits);
	tcase_add_test(t, bad_change_changes_nothing);
	tcase_add_test(t, peek_is_never_throttled);
	tcase_add_test(t, reset_drops_and_counts);
	tcase_add_loop_test(t, says_why, 0, COUNT(refused));
	tcase_add_loop_test(t, says_what_the_table_knows, 0, COUNT(refused_by_table));
	tcase_add_test(t, burst_as_a_duration);
	tcase_add_test(t, largest_of_everything);
	suite_add_tcase(s, t);
	return run_suite(s);
}
