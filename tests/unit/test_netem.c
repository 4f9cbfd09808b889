/* SPDX-License-Identifier: Apache-2.0 */
/* test_netem.c - netem but for loss: delay, copies, corruption, order, rate, a qdisc's contract. */
#include "netem_world.h"
#include "tests/suite.h"

/* ---- delay ---- */

START_TEST(delay_is_exact_and_keeps_order)
{
	uint64_t start = w->env.now;

	world_set(w, "netem", "delay=10ms");
	send_burst(0, 10);
	world_run(w, start + 5 * MS);
	send_burst(10, 10);
	ck_assert_uint_eq(world_stats(w)->qlen, 20);
	world_run(w, start + 10 * MS - 1);
	ck_assert_uint_eq(w->nout, 0);
	world_run(w, start + SEC);
	ck_assert_uint_eq(w->nout, 20);
	for (uint32_t i = 0; i < 20; i++) {
		uint64_t due = start + (i < 10 ? 10 : 15) * MS;

		ck_assert_uint_eq(w->out[i].id, i);
		ck_assert_uint_ge(w->out[i].at, due);
		ck_assert_uint_le(w->out[i].at, due + TICK);
	}
	ck_assert_uint_eq(world_stats(w)->packets, 20);
	ck_assert_uint_eq(world_stats(w)->bytes, 20 * (SMALL + HEADERS));
	ck_assert_uint_eq(world_stats(w)->backlog, 0);
}
END_TEST

/* The clock as the qdisc asks: no tick rounds it. Delays of a burst, in the order of departure. */
static double *exact_delays(uint32_t n)
{
	double *d = calloc(n, sizeof(*d));
	struct qdisc *q = w->nic->root;
	uint64_t start = w->env.now;
	uint32_t got = 0;

	w->nic->up = false;		/* dequeue is called here */
	for (uint32_t i = 0; i < n; i++) {
		struct packet *p = world_packet(w, 0, 0);

		p->wire_len = p->len;
		qdisc_enqueue(q, p);
	}
	while (got < n) {
		struct packet *p = qdisc_dequeue(q);

		if (p) {
			d[got++] = (double)(w->env.now - start);
			packet_free(p);
			continue;
		}
		ck_assert(timer_armed(&w->nic->watchdog));
		ck_assert_uint_gt(w->nic->watchdog.at, w->env.now);
		w->env.now = w->nic->watchdog.at;
		timer_cancel(&w->env.timers, &w->nic->watchdog);
	}
	return d;
}

struct shape {
	const char *name;
	double deviation;	/* of the jitter, relative */
	double median;		/* off the mean, in jitters */
	double least, most;	/* likewise */
};

/* The values at the two ends are the quantiles at 1/8192 and 8191/8192. */
static const struct shape shapes[] = {
	{ "uniform", 0.57735, 0, -1, 1 },
	{ "normal", 1, 0, -3.70, 3.70 },
	{ "pareto", 1, -0.31, -0.65, 25 },
	{ "paretonormal", 1, -0.24, -1.60, 25 },
};

START_TEST(jitter_has_the_distribution_asked_for)
{
	const struct shape *s = &shapes[_i];
	const uint32_t n = 40000;
	const double mean = 50e6, jitter = 1e6, tolerance = 5 / sqrt(n);
	double sum = 0, squares = 0, *d;
	char text[96];

	snprintf(text, sizeof(text), "delay=50ms jitter=1ms limit=100000 distribution=%s", s->name);
	world_set(w, "netem", text);
	d = exact_delays(n);
	for (uint32_t i = 0; i < n; i++) {
		double x = (d[i] - mean) / jitter;

		sum += x;
		squares += x * x;
	}
	ck_assert_double_le(fabs(sum / n), tolerance);
	/* The variance of a heavy tail's variance is large: its table's own fourth moment says
	 * it. */
	ck_assert_double_le(fabs(sqrt(squares / n) - s->deviation), _i < 2 ? tolerance : 0.15);
	ck_assert_double_ge((d[0] - mean) / jitter, s->least - 0.05);
	ck_assert_double_le((d[n - 1] - mean) / jitter, s->most);
	ck_assert_double_le(fabs((d[n / 2] - mean) / jitter - s->median), 0.03);
	free(d);
}
END_TEST

/* The normal distribution at its quantiles, not only by its moments. */
START_TEST(normal_is_normal)
{
	static const struct { double z, below; } points[] = {
		{ -3, 0.00135 }, { -2, 0.02275 }, { -1, 0.15866 }, { -0.5, 0.30854 },
		{ 0.5, 0.69146 }, { 1, 0.84134 }, { 2, 0.97725 }, { 3, 0.99865 },
	};
	const uint32_t n = 40000;
	double *d;

	world_set(w, "netem", "delay=50ms jitter=1ms limit=100000 distribution=normal");
	d = exact_delays(n);
	for (size_t k = 0; k < sizeof(points) / sizeof(points[0]); k++) {
		uint32_t i = 0;

		while (i < n && d[i] < 50e6 + points[k].z * 1e6)
			i++;
		check_share("below z", i, n, points[k].below);
	}
	free(d);
}
END_TEST

START_TEST(delay_is_never_negative)
{
	double *d;

	world_set(w, "netem", "delay=1ms jitter=10ms limit=100000 distribution=normal");
	d = exact_delays(5000);
	ck_assert_double_eq(d[0], 0);
	check_share("at once", (double)(d[2000] == 0), 1, 1);
	ck_assert_double_gt(d[4999], 25e6);
	free(d);
}
END_TEST

/* With the chance rho the delay is the one before: runs of equal delays, at rho^k. */
START_TEST(delay_correlation)
{
	const uint32_t n = 20000;
	uint64_t last = 0;
	double same = 0;

	world_set(w, "netem", "delay=20ms jitter=10ms delay-correlation=75% limit=100000");
	for (uint32_t i = 0; i < n; i++) {
		uint64_t sent = w->env.now, delay;

		world_send(w, SMALL, i);
		world_run(w, sent + 40 * MS);
		ck_assert_uint_eq(w->nout, i + 1);
		delay = (w->out[i].at - sent) / TICK;
		same += i > 0 && (delay == last || delay == last + 1 || delay + 1 == last);
		last = delay;
	}
	/* By chance alone 3 ticks of 20 ms. */
	check_share("repeated", same, n - 1, 0.75 + 0.25 * 3 * TICK / 20e6);
}
END_TEST

/* ---- super-segments ---- */

START_TEST(constant_delay_leaves_super_segments_whole)
{
	world_set(w, "netem", "delay=1ms limit=40");
	world_send(w, 30 * MSS, 1);
	world_send(w, 20 * MSS, 2);	/* limit counts wire packets: 50 are too many */
	world_send(w, 10 * MSS, 3);
	ck_assert_uint_eq(world_stats(w)->drops, 1);
	world_run(w, w->env.now + 2 * MS);
	ck_assert_uint_eq(w->nout, 2);
	ck_assert(w->out[0].gso);
	ck_assert_uint_eq(w->out[1].id, 3);
	ck_assert_uint_eq(world_xstat(w, "splits"), 0);
	world_send(w, 40 * MSS, 4);	/* the room is there again */
	ck_assert_uint_eq(world_stats(w)->drops, 1);
}
END_TEST

/* ---- duplication, corruption, marks ---- */

START_TEST(duplicates)
{
	const uint32_t n = 30000;

	world_set(w, "netem", "duplicate=2%");
	send_paced(n);
	check_share("duplicated", (double)world_xstat(w, "duplicated"), n, 0.02);
	ck_assert_uint_eq(w->nout, n + world_xstat(w, "duplicated"));
	for (size_t i = 1, copies = 0; i < w->nout; i++) {
		copies += w->out[i].id == w->out[i - 1].id;
		ck_assert_uint_eq(w->out[i].id + copies, i);
	}
	ck_assert_uint_eq(world_stats(w)->drops, 0);
	ck_assert_uint_eq(w->freed, n);		/* a copy is charged to nobody */
}
END_TEST

/* Every one comes twice and is lost with 50%: the two fates are independent. */
START_TEST(a_duplicate_has_its_own_fate)
{
	const uint32_t n = 20000;
	uint32_t both = 0;

	world_set(w, "netem", "duplicate=100% loss=50%");
	send_paced(n);
	check_share("came", (double)w->nout, 2 * n, 0.5);
	for (size_t i = 1; i < w->nout; i++)
		both += w->out[i].id == w->out[i - 1].id;
	check_share("both came", both, n, 0.25);
}
END_TEST

/* One packet through the qdisc by hand. */
static struct packet *pass(struct qdisc *q, struct packet *p)
{
	p->wire_len = p->len;
	qdisc_enqueue(q, p);
	return qdisc_dequeue(q);
}

static uint32_t different_bits(const struct packet *p, const uint8_t *expected, uint32_t *where)
{
	uint8_t is[2048];
	uint32_t n = 0;

	packet_copy_out(p, 0, is, p->len);
	for (uint32_t i = 0; i < p->len; i++) {
		uint8_t x = is[i] ^ expected[i];

		if (x)
			*where = i;
		n += (uint32_t)__builtin_popcount(x);
	}
	return n;
}

/* One bit of the frame, headers and payload alike; the checksum is the undamaged packet's. */
START_TEST(corruption_turns_one_bit)
{
	struct qdisc *q = world_set(w, "netem", "corrupt=100%");
	uint32_t halves[2] = { 0 }, where = 0;
	uint8_t good[2048];
	struct packet *p;

	w->nic->up = false;
	p = world_packet(w, 1000, 7);
	packet_checksum_finish(p);
	packet_copy_out(p, 0, good, p->len);
	packet_free(p);
	for (int i = 0; i < 1000; i++) {
		p = pass(q, world_packet(w, 1000, 7));
		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq(p->csum, PACKET_CSUM_NONE);
		ck_assert_uint_eq(p->len, 1040);
		ck_assert_uint_eq(different_bits(p, good, &where), 1);
		halves[where >= 520]++;
		packet_free(p);
	}
	check_share("first half", halves[0], 1000, 0.5);
	ck_assert_uint_eq(world_xstat(w, "corrupted"), 1000);
	ck_assert_uint_eq(w->freed, 1001);
}
END_TEST

/* The send queue holds the same bytes and would send them again. */
START_TEST(corruption_leaves_shared_bytes_alone)
{
	struct qdisc *q = world_set(w, "netem", "corrupt=100%");
	struct packet *p = world_packet(w, 1400, 7), *kept = packet_clone(p), *out;
	uint8_t before[2048], after[2048];

	w->nic->up = false;
	packet_copy_out(kept, 0, before, kept->len);
	for (int i = 0; i < 200; i++) {
		out = pass(q, i ? packet_clone(kept) : p);
		packet_free(out);
		packet_copy_out(kept, 0, after, kept->len);
		ck_assert_int_eq(memcmp(before, after, kept->len), 0);
	}
	packet_free(kept);
}
END_TEST

/* So do packets received into one buffer, whose headers are there too. */
START_TEST(corruption_leaves_a_received_buffer_alone)
{
	struct qdisc *q = world_set(w, "netem", "corrupt=100%");
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&w->pool, iov), *kept = packet_alloc(&w->pool, 0), *out;
	uint8_t after[1000];

	w->nic->up = false;
	memset(iov[0].iov_base, 0x5a, 1000);
	packet_rx_finish(p, 1000);
	ck_assert_int_eq(packet_append_from(kept, p, 0, 1000), 0);
	out = pass(q, p);
	ck_assert_ptr_nonnull(out);
	packet_copy_out(kept, 0, after, 1000);
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(after[i], 0x5a);
	packet_free(out);
	packet_free(kept);
}
END_TEST

static void ipv4_sum(uint8_t *ip)
{
	uint16_t sum;

	ip[10] = ip[11] = 0;
	sum = checksum_fold(checksum_partial(ip, 20, 0));
	memcpy(ip + 10, &sum, 2);
}

/* RFC 3168 section 5: a router marks CE what is ECN-capable instead of dropping it. */
START_TEST(marks_instead_of_losses)
{
	struct qdisc *q = world_set(w, "netem", "loss=100% ecn=on");

	w->nic->up = false;
	for (uint32_t tos = 0; tos < 256; tos++) {
		struct packet *p = world_packet(w, SMALL, tos);
		uint8_t *ip = p->data;

		ip[1] = (uint8_t)tos;
		ipv4_sum(ip);
		p = pass(q, p);
		if (!(tos & 3)) {
			ck_assert_ptr_null(p);
			continue;
		}
		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq(p->data[1], tos | 3);
		ck_assert_uint_eq(checksum_fold(checksum_partial(p->data, 20, 0)), 0);
		packet_free(p);
	}
	ck_assert_uint_eq(world_xstat(w, "lost"), 64);
	ck_assert_uint_eq(world_xstat(w, "marked"), 192);
}
END_TEST

START_TEST(marks_of_ipv6)
{
	struct qdisc *q = world_set(w, "netem", "loss=100% ecn=on");
	struct packet *p = world_packet(w, SMALL, 1);

	w->nic->up = false;
	p->protocol = ETH_TYPE_IPV6;
	p->data[0] = 0x6f;
	p->data[1] = 0x2a;		/* ECT(0), flow label 0xa.... */
	p = pass(q, p);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->data[0], 0x6f);
	ck_assert_uint_eq(p->data[1], 0x3a);
	packet_free(p);
	p = world_packet(w, SMALL, 1);
	p->protocol = ETH_TYPE_ARP;
	p->data[1] = 3;
	ck_assert_ptr_null(pass(q, p));
}
END_TEST

/* ---- reordering ---- */

START_TEST(reorder_lets_some_overtake)
{
	const uint32_t n = 20000;
	uint32_t early = 0;

	world_set(w, "netem", "delay=10ms reorder=25% limit=100000");
	for (uint32_t i = 0; i < n; i++) {
		uint64_t sent = w->env.now;
		size_t before = w->nout;

		world_send(w, SMALL, i);
		world_run(w, sent);
		early += w->nout > before && w->out[w->nout - 1].id == i;
		world_run(w, sent + 20 * MS);
	}
	ck_assert_uint_eq(w->nout, n);
	check_share("early", early, n, 0.25);
	ck_assert_uint_eq(world_xstat(w, "reordered"), early);
}
END_TEST

START_TEST(gap_counts)
{
	world_set(w, "netem", "delay=10ms reorder=100% gap=5");
	for (uint32_t i = 0; i < 50; i++) {
		world_send(w, SMALL, i);
		world_run(w, w->env.now + 1000);
	}
	ck_assert_uint_eq(w->nout, 10);
	for (uint32_t i = 0; i < 10; i++)
		ck_assert_uint_eq(w->out[i].id, 5 * i + 4);
	world_run(w, w->env.now + SEC);
	ck_assert_uint_eq(w->nout, 50);
	for (uint32_t i = 10; i + 1 < 50; i++)
		ck_assert_uint_lt(w->out[i].id, w->out[i + 1].id);
}
END_TEST

/* ---- rate ---- */

/* To the nanosecond over hours, at rates that divide nothing, woken late by up to a tick. */
START_TEST(rate_is_exact)
{
	static const uint64_t rates[] = { 7, 12347, 1250000, 12500001, 124999999, 1250000003 };
	const uint64_t rate = rates[_i], start = w->env.now;
	const uint32_t n = 50000, len = 1514;
	struct qdisc *q;
	char text[64];

	snprintf(text, sizeof(text), "rate=%llu", (unsigned long long)rate);
	q = world_set(w, "netem", text);
	w->nic->up = false;
	for (uint32_t i = 0, queued = 0; i < n; ) {
		struct packet *p;
		unsigned __int128 due = (unsigned __int128)(i + 1) * len * SEC / rate;

		for (; queued < i + 50; queued++) {
			p = world_packet(w, 0, 0);
			p->wire_len = len;
			qdisc_enqueue(q, p);
		}
		p = qdisc_dequeue(q);
		if (!p) {
			ck_assert_uint_eq(w->nic->watchdog.at, start + (uint64_t)due);
			w->env.now = (w->nic->watchdog.at | (TICK - 1)) + 1;
			timer_cancel(&w->env.timers, &w->nic->watchdog);
			continue;
		}
		ck_assert_uint_ge(w->env.now, start + (uint64_t)due);
		packet_free(p);
		i++;
	}
}
END_TEST

/* An idle link saves nothing up. */
START_TEST(rate_has_no_burst)
{
	uint64_t start;

	world_set(w, "netem", "rate=1514000");		/* a full packet each ms */
	world_run(w, w->env.now + SEC);
	start = w->env.now;
	for (uint32_t i = 0; i < 5; i++)
		world_send(w, MSS, i);
	world_run(w, start + SEC);
	ck_assert_uint_eq(w->nout, 5);
	for (uint32_t i = 0; i < 5; i++) {
		ck_assert_uint_ge(w->out[i].at, start + (i + 1) * MS);
		ck_assert_uint_le(w->out[i].at, start + (i + 1) * MS + TICK);
	}
}
END_TEST

/* ATM (RFC 2684 over AAL5): 48 of 53 bytes of each cell, whole cells only. */
START_TEST(cells)
{
	uint64_t start = w->env.now;

	world_set(w, "netem", "rate=53000 overhead=8 cell=48 cell-overhead=5");
	world_send(w, 96 - HEADERS - 8, 0);	/* two cells: 2 ms */
	world_send(w, 97 - HEADERS - 8, 1);	/* three */
	world_run(w, start + SEC);
	ck_assert_uint_eq(w->nout, 2);
	ck_assert_uint_le(w->out[0].at - start - 2 * MS, TICK);
	ck_assert_uint_le(w->out[1].at - start - 5 * MS, TICK);
}
END_TEST

/* Jitter reorders; behind it a link passes what comes in the order in which it comes. */
START_TEST(rate_after_jitter)
{
	const uint32_t n = 500;
	uint64_t start = w->env.now;
	uint32_t inversions = 0;

	world_set(w, "netem", "delay=50ms jitter=40ms rate=12500000 limit=100000");
	send_burst(0, n);
	world_run(w, start + SEC);
	ck_assert_uint_eq(w->nout, n);
	for (uint32_t i = 0; i + 1 < n; i++)
		inversions += w->out[i].id > w->out[i + 1].id;
	ck_assert_uint_gt(inversions, n / 3);
}
END_TEST

/* ---- limit, life, contract ---- */

START_TEST(limit_counts_what_waits)
{
	world_set(w, "netem", "delay=10ms limit=30");
	send_burst(0, 100);
	ck_assert_uint_eq(world_stats(w)->qlen, 30);
	ck_assert_uint_eq(world_stats(w)->drops, 70);
	world_run(w, w->env.now + 20 * MS);
	ck_assert_uint_eq(w->nout, 30);
	send_burst(100, 30);
	ck_assert_uint_eq(world_stats(w)->drops, 70);
}
END_TEST

START_TEST(peek_is_what_comes_next)
{
	struct qdisc *q = world_set(w, "netem", "delay=10ms jitter=9ms rate=1000000 limit=1000");

	w->nic->up = false;
	ck_assert_ptr_null(qdisc_peek(q));
	for (uint32_t i = 0; i < 200; i++) {
		struct packet *p = world_packet(w, SMALL, i);

		p->wire_len = p->len;
		qdisc_enqueue(q, p);
	}
	for (uint32_t got = 0; got < 200; ) {
		struct packet *next = qdisc_peek(q), *p;

		ck_assert_ptr_nonnull(next);
		p = qdisc_dequeue(q);
		if (p) {
			ck_assert_ptr_eq(p, next);
			packet_free(p);
			got++;
		}
		w->env.now += 1000;
	}
	ck_assert_ptr_null(qdisc_peek(q));
}
END_TEST

/* A replaced netem gives all that it holds, the one on the link first, in the order of time. */
START_TEST(drain_keeps_order)
{
	uint32_t n = 0;

	world_set(w, "netem", "delay=50ms rate=1000000");
	send_burst(0, 50);
	world_run(w, w->env.now + 51 * MS);
	n = (uint32_t)w->nout;
	ck_assert_uint_gt(n, 5);
	ck_assert_uint_lt(n, 45);
	world_set(w, "fifo", "");
	ck_assert_uint_eq(world_stats(w)->requeues, 50 - n);
	world_run(w, w->env.now);
	ck_assert_uint_eq(w->nout, 50);
	for (uint32_t i = 0; i < 50; i++)
		ck_assert_uint_eq(w->out[i].id, i);
}
END_TEST

START_TEST(reset_drops_everything)
{
	world_set(w, "netem", "delay=10ms rate=100000 limit=50");
	send_burst(0, 50);
	world_run(w, w->env.now + 12 * MS);
	qdisc_reset(w->nic->root);
	ck_assert_uint_eq(world_stats(w)->qlen, 0);
	ck_assert_uint_eq(world_stats(w)->backlog, 0);
	ck_assert_uint_eq(world_stats(w)->drops + w->nout, 50);
	ck_assert_uint_eq(w->freed, 50);
	w->nout = 0;
	send_burst(0, 50);		/* all the room is there, and the link is free */
	world_run(w, w->env.now + SEC);
	ck_assert_uint_eq(w->nout, 50);
}
END_TEST

START_TEST(destroy_frees_what_waits)
{
	world_set(w, "netem", "delay=1s duplicate=100%");
	send_burst(0, 20);
	nic_set_root(w->nic, NULL);
	ck_assert_uint_eq(w->freed, 20);
	ck_assert_uint_eq(w->pool.packets, 0);
}
END_TEST

START_TEST(change_keeps_what_waits)
{
	uint64_t start = w->env.now;
	struct weir_error e = { "" };

	world_set(w, "netem", "delay=100ms");
	send_burst(0, 10);
	ck_assert_int_eq(world_change(w, "delay=1ms loss=100%", &e), 0);
	send_burst(10, 10);
	world_run(w, start + 50 * MS);
	ck_assert_uint_eq(w->nout, 0);
	ck_assert_int_eq(world_change(w, "loss=0% jitter=1ms distribution=normal", &e), 0);
	send_burst(20, 10);
	world_run(w, start + 99 * MS);
	ck_assert_uint_eq(w->nout, 10);
	ck_assert_uint_ge(w->out[0].id, 20);
	world_run(w, start + 101 * MS);
	ck_assert_uint_eq(w->nout, 20);
	ck_assert_uint_eq(world_xstat(w, "lost"), 10);
}
END_TEST

static const char *const refusals[][2] = {
	{ "loss=1% gemodel-p=1%", "loss, gemodel-p and state-p13 are three ways to lose packets; "
	  "give one of them" },
	{ "state-p13=60% state-p14=50%", "state-p13 and state-p14 are more than 100% together; "
	  "lower one of them" },
	{ "state-p13=1% state-p31=60% state-p32=50%", "state-p31 and state-p32 are more than 100% "
	  "together; lower one of them" },
	{ "gap=5 delay=1ms", "gap: 5 has no effect without reorder; give reorder, 100% for every "
	  "one" },
	{ "reorder=5%", "reorder: without a delay there is nothing to overtake; give delay" },
	{ "overhead=5", "overhead and cell are lengths on the link of rate, and there is none; give "
	  "rate" },
	{ "rate=1mbit cell-overhead=5", "cell-overhead: there are no cells; give cell" },
	{ "loss-correlation=5%", "loss-correlation: there is no loss to correlate; give loss" },
	{ "ecn=on", "ecn: there is no loss to turn into marks; give loss" },
	{ "loss=101%", "loss: 101% is too large; the most is 100%" },
	{ "limit=0", "limit: 0 is too small; the least is 1" },
	{ "distribution=gauss", "distribution: gauss is not a choice; write uniform, normal, pareto, "
	  "paretonormal or table" },
	{ "delay=1ms jitter=1ms distribution=table",
	  "distribution: a table of your own can be given by tc only; choose normal, pareto or paretonormal" },
};

START_TEST(nonsense_is_refused)
{
	struct weir_error e = { "" };
	struct qdisc *was = world_set(w, "netem", "delay=1ms");

	ck_assert_ptr_null(world_qdisc(w, "netem", refusals[_i][0], &e));
	ck_assert_str_eq(e.text, refusals[_i][1]);
	ck_assert_ptr_eq(w->nic->root, was);
}
END_TEST

/* ---- seeds ---- */

/* What becomes of 2,000 packets, as one number. */
static uint64_t fate(uint64_t stack_seed, const char *more)
{
	uint64_t hash = 14695981039346656037u;
	char text[160];

	w = world_create(stack_seed);
	snprintf(text, sizeof(text), "delay=5ms jitter=2ms loss=5%% duplicate=5%% limit=5000 %s",
		 more);
	world_set(w, "netem", text);
	send_burst(0, 2000);
	world_run(w, w->env.now + SEC);
	for (size_t i = 0; i < w->nout; i++)
		hash = (hash ^ w->out[i].id) * 1099511628211u;
	world_destroy(w);
	return hash;
}

START_TEST(seeds_repeat)
{
	ck_assert_uint_eq(fate(1, ""), fate(1, ""));
	ck_assert_uint_ne(fate(1, ""), fate(2, ""));
	ck_assert_uint_eq(fate(1, "seed=9"), fate(2, "seed=9"));
	ck_assert_uint_ne(fate(1, "seed=9"), fate(1, "seed=10"));
}
END_TEST

static void add_chance_tests(TCase *t)
{
	tcase_add_loop_test(t, jitter_has_the_distribution_asked_for, 0, 4);
	tcase_add_test(t, normal_is_normal);
	tcase_add_test(t, delay_is_never_negative);
	tcase_add_test(t, delay_correlation);
	tcase_add_test(t, duplicates);
	tcase_add_test(t, a_duplicate_has_its_own_fate);
	tcase_add_test(t, reorder_lets_some_overtake);
}

static void add_packet_tests(TCase *t)
{
	tcase_add_test(t, delay_is_exact_and_keeps_order);
	tcase_add_test(t, constant_delay_leaves_super_segments_whole);
	tcase_add_test(t, corruption_turns_one_bit);
	tcase_add_test(t, corruption_leaves_shared_bytes_alone);
	tcase_add_test(t, corruption_leaves_a_received_buffer_alone);
	tcase_add_test(t, marks_instead_of_losses);
	tcase_add_test(t, marks_of_ipv6);
	tcase_add_test(t, gap_counts);
	tcase_add_loop_test(t, rate_is_exact, 0, 6);
	tcase_add_test(t, rate_has_no_burst);
	tcase_add_test(t, cells);
	tcase_add_test(t, rate_after_jitter);
	tcase_add_test(t, limit_counts_what_waits);
	tcase_add_test(t, peek_is_what_comes_next);
	tcase_add_test(t, drain_keeps_order);
	tcase_add_test(t, reset_drops_everything);
	tcase_add_test(t, destroy_frees_what_waits);
	tcase_add_test(t, change_keeps_what_waits);
	tcase_add_loop_test(t, nonsense_is_refused, 0, sizeof(refusals) / sizeof(refusals[0]));
}

int main(void)
{
	Suite *s = suite_create("netem");
	TCase *t = tcase_create("netem"), *seeds = tcase_create("seeds");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	add_packet_tests(t);
	add_chance_tests(t);
	suite_add_tcase(s, t);
	tcase_add_test(seeds, seeds_repeat);
	suite_add_tcase(s, seeds);
	return run_suite(s);
}
