/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tbf.c - token bucket filter: a shaper.
 *
 * Definition
 *
 *	A stream of packets of lengths s_1, s_2, ... sent at the times t_1 <= t_2 <= ... obeys
 *	TBF(R, B) when for all i <= k
 *
 *		s_i + s_(i+1) + ... + s_k  <=  B + R * (t_k - t_i).
 *
 *	In words: over ANY window of time t, at most B + R*t bytes. s counts what goes on the wire:
 *	the link header, and for a super-segment the headers of every segment that it becomes.
 *
 * Algorithm
 *
 *	A bucket holds tokens N, at first N = B. It fills at rate R and never holds more than B:
 *
 *		N(t) = min(B, N(t*) + R * (t - t*)),	t* being the last time that N was looked at.
 *
 *	A packet of length s may leave when s <= N, and then takes s out: N -= s. Otherwise it
 *	could leave after (s - N) / R, for which the watchdog is set.
 *	A packet with s > B could never leave. A super-segment is therefore cut into its segments
 *	before it is queued; anything else of that size is dropped.
 *
 *	With a peak rate a packet must pass two buckets, (R, B) and (P, M), where P > R; M is
 *	small. So the burst itself leaves no faster than at P. M has to cover what P brings while
 *	a wake-up is late, or P is not reached: one packet is exact, a few ms at P is sure.
 *
 * Arithmetic
 *
 *	Linux counts N as time on the link: a packet takes s * 10^9 / R ns, which has to be rounded,
 *	and the rounding adds up over the packets. Here both sides are multiplied by R: a packet
 *	takes s * 10^9, and dt ns bring R * dt. The unit is the R-th part of a nanosecond of link
 *	time (10^-9 bytes, whatever R is), and every quantity is an integer: nothing is rounded, so
 *	nothing drifts, over days and at any rate. Only the wake-up is rounded, up to the next ns,
 *	and what that loses in time is not lost in tokens. B < 2^32 bytes keeps N below 2^62;
 *	R * dt is taken in 128 bits.
 *
 * Change and replacement
 *
 *	A change of parameters keeps the bytes in the buckets, as far as the new ones hold them. It
 *	gives nobody a new burst, and over a window with a change in it the bound holds with the
 *	larger R and B. (Linux fills the bucket.) A tbf that takes over a NIC on which another
 *	qdisc has been sending starts empty, for the same reason; the first one on a NIC starts
 *	full.
 *
 * The packets wait in a child qdisc, at first a fifo. tbf's own limit in bytes governs, whatever
 * the child is.
 */
#include <errno.h>
#include <stddef.h>

#include <weir/module.h>

#include "tbf.h"

#define RATE_MAX	1000000000000u		/* bytes/s: 8 tbit/s */
#define LIMIT_FLOOR	(16u << 20)		/* bytes, and */
#define LIMIT_TIME	(NS / 10)		/* ns: of the default limit */
#define PEAK_TIME	(NS / 500)		/* ns: what the default of mtu lasts for */

static const struct param tbf_param[] = {
	{ .name = "rate", .type = PARAM_RATE, .flags = PARAM_REQUIRED,
	  .offset = offsetof(struct tbf_params, rate), .min = 1, .max = RATE_MAX,
	  .help = "bytes per second in the long run, or with tc's units (100mbit)" },
	{ .name = "burst", .type = PARAM_SIZE, .flags = PARAM_REQUIRED,
	  .offset = offsetof(struct tbf_params, burst), .min = 1, .max = UINT32_MAX, .at = "rate",
	  .help = "size of the bucket: bytes, or a duration at the rate; at least one packet" },
	{ .name = "limit", .type = PARAM_SIZE, .offset = offsetof(struct tbf_params, limit),
	  .at = "rate",
	  .help = "most bytes that wait; without limit and latency burst + 100ms at the rate, at "
		  "least burst + 16mb, which TCP never fills" },
	{ .name = "latency", .type = PARAM_DURATION,
	  .offset = offsetof(struct tbf_params, latency),
	  .help = "the limit, as the longest time that a packet waits" },
	{ .name = "peakrate", .type = PARAM_RATE, .offset = offsetof(struct tbf_params, peakrate),
	  .max = RATE_MAX,
	  .help = "rate of the burst itself, higher than rate; none: as fast as the link" },
	{ .name = "mtu", .type = PARAM_SIZE, .offset = offsetof(struct tbf_params, mtu),
	  .max = UINT32_MAX, .at = "peakrate",
	  .help = "size of peakrate's bucket in bytes; default 2ms at peakrate, at least one packet" },
	{ }
};

/* ---- one bucket ---- */

static void bucket_fill(struct bucket *b, uint64_t now)
{
	unsigned __int128 n = (unsigned __int128)b->rate * (now - b->seen) + b->tokens;

	b->tokens = n < b->size ? (uint64_t)n : b->size;
	b->seen = now;
}

/* ns from when it was filled until len bytes may leave; 0 = now. */
static uint64_t bucket_wait(const struct bucket *b, uint32_t len)
{
	uint64_t cost = (uint64_t)len * NS;

	if (!b->rate || cost <= b->tokens)
		return 0;
	return (cost - b->tokens + b->rate - 1) / b->rate;
}

static void bucket_take(struct bucket *b, uint32_t len)
{
	uint64_t cost = (uint64_t)len * NS;

	b->tokens -= cost < b->tokens ? cost : b->tokens;
}

/* It keeps its tokens as far as they fit. */
static void bucket_set(struct bucket *b, uint64_t now, uint64_t rate, uint64_t size)
{
	bucket_fill(b, now);
	b->rate = rate;
	b->size = size * NS;
	bucket_fill(b, now);
}

/* ---- parameters ---- */

static uint64_t bytes_in(uint64_t rate, uint64_t ns, uint64_t more)
{
	unsigned __int128 n = (unsigned __int128)rate * ns / NS + more;

	return n < UINT64_MAX ? (uint64_t)n : UINT64_MAX;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t limit_of(const struct tbf_params *p)
{
	uint64_t limit;

	if (p->limit)
		return p->limit;
	if (!p->latency) {
		return p->burst + most(bytes_in(p->rate, LIMIT_TIME, 0), LIMIT_FLOOR);
	}
	limit = bytes_in(p->rate, p->latency, p->burst);
	return p->peakrate ? least(limit, bytes_in(p->peakrate, p->latency, p->mtu)) : limit;
}

static int too_small(const struct qdisc *q, const char *name, uint64_t value,
		     struct weir_error *e)
{
	return weir_fail(e, EINVAL, "%s: %llu bytes is smaller than the largest packet %s can send "
			 "(%u bytes: its MTU and the link header); raise %s", name,
			 (unsigned long long)value, qdisc_nic_name(q), qdisc_mtu_len(q), name);
}

/* Everything that the table alone cannot tell. Fills in the default of mtu. */
static int check(const struct qdisc *q, struct tbf_params *p, struct weir_error *e)
{
	if (p->burst < qdisc_mtu_len(q))
		return too_small(q, "burst", p->burst, e);
	if (p->limit && p->latency)
		return weir_fail(e, EINVAL, "limit and latency are two ways to say one thing; "
				 "give one of them");
	if (p->limit && p->limit < qdisc_mtu_len(q))
		return too_small(q, "limit", p->limit, e);
	if (p->mtu && !p->peakrate)
		return weir_fail(e, EINVAL, "mtu: %llu bytes is the size of peakrate's bucket, and "
				 "there is no peakrate; give peakrate or leave mtu out",
				 (unsigned long long)p->mtu);
	if (!p->peakrate)
		return 0;
	if (p->peakrate <= p->rate)
		return weir_fail(e, EINVAL, "peakrate: %llu bytes/s is not higher than rate (%llu "
				 "bytes/s); raise peakrate or leave it out",
				 (unsigned long long)p->peakrate, (unsigned long long)p->rate);
	if (!p->mtu)
		p->mtu = most(bytes_in(p->peakrate, PEAK_TIME, 0), qdisc_mtu_len(q));
	return p->mtu < qdisc_mtu_len(q) ? too_small(q, "mtu", p->mtu, e) : 0;
}

static void set(struct qdisc *q, const struct tbf_params *p)
{
	struct tbf *t = qdisc_priv(q);
	uint64_t now = qdisc_now(q);

	bucket_set(&t->rate, now, p->rate, p->burst);
	bucket_set(&t->peak, now, p->peakrate, p->mtu);
	t->limit = limit_of(p);
	t->largest = least(p->burst, t->limit);
	if (p->peakrate)
		t->largest = least(t->largest, p->mtu);
}

/* ---- packets ---- */

static int enqueue_one(struct qdisc *q, struct packet *p)
{
	struct tbf *t = qdisc_priv(q);

	if (p->wire_len > t->largest || qdisc_stats(q)->backlog + p->wire_len > t->limit)
		return qdisc_drop(q, p);
	return qdisc_enqueue(t->child, p);
}

static int tbf_enqueue(struct qdisc *q, struct packet *p)
{
	struct tbf *t = qdisc_priv(q);

	if (p->wire_len <= t->largest || !p->gso_size)
		return enqueue_one(q, p);
	t->splits++;
	return qdisc_enqueue_segments(q, p, enqueue_one);
}

static struct packet *tbf_dequeue(struct qdisc *q)
{
	struct tbf *t = qdisc_priv(q);
	struct packet *p = qdisc_peek(t->child);
	uint64_t now = qdisc_now(q), wait, wait_peak;

	if (!p)
		return NULL;
	bucket_fill(&t->rate, now);
	bucket_fill(&t->peak, now);
	wait = bucket_wait(&t->rate, p->wire_len);
	wait_peak = bucket_wait(&t->peak, p->wire_len);
	if (wait || wait_peak) {
		qdisc_watchdog(q, now + (wait > wait_peak ? wait : wait_peak));
		return NULL;
	}
	p = qdisc_dequeue(t->child);
	if (!p)
		return NULL;
	bucket_take(&t->rate, p->wire_len);
	bucket_take(&t->peak, p->wire_len);
	return p;
}

static struct packet *tbf_peek(struct qdisc *q)
{
	struct tbf *t = qdisc_priv(q);

	return qdisc_peek(t->child);
}

static struct packet *tbf_drain(struct qdisc *q)
{
	struct tbf *t = qdisc_priv(q);

	return qdisc_drain(t->child);
}

/* What was queued under larger buckets would wait for ever: queue it again, which cuts it. It has
 * been let in already, so a limit that went down as well does not count. */
static void requeue(struct qdisc *q)
{
	struct tbf *t = qdisc_priv(q);
	struct packet_queue waiting = { 0 };
	uint64_t limit = t->limit;
	struct packet *p;

	while ((p = tbf_drain(q)))
		packet_queue_push(&waiting, p);
	t->limit = UINT64_MAX;
	while ((p = packet_queue_pop(&waiting)))
		tbf_enqueue(q, p);
	t->limit = limit;
}

/* ---- life ---- */

static int tbf_init(struct qdisc *q, const void *params, struct weir_error *e)
{
	/* No limit: tbf's own governs. */
	static const char *const child_params[] = { "limit", "0", NULL };
	struct tbf_params p = *(const struct tbf_params *)params;
	struct tbf *t = qdisc_priv(q);
	int err = check(q, &p, e);

	if (err < 0)
		return err;
	t->child = qdisc_create_child(q, "fifo", child_params, e);
	if (!t->child)
		return -ENOENT;
	t->rate.seen = t->peak.seen = qdisc_now(q);
	set(q, &p);
	if (qdisc_is_first(q)) {
		t->rate.tokens = t->rate.size;
		t->peak.tokens = t->peak.size;
	}
	return 0;
}

static int tbf_change(struct qdisc *q, const void *params, struct weir_error *e)
{
	struct tbf_params p = *(const struct tbf_params *)params;
	struct tbf *t = qdisc_priv(q);
	uint64_t largest = t->largest;
	int err = check(q, &p, e);

	if (err < 0)
		return err;
	set(q, &p);
	if (t->largest < largest)
		requeue(q);
	return 0;
}

static void tbf_reset(struct qdisc *q)
{
	struct tbf *t = qdisc_priv(q);

	qdisc_reset(t->child);
}

static void tbf_destroy(struct qdisc *q)
{
	struct tbf *t = qdisc_priv(q);

	qdisc_destroy(t->child);
}

static int tbf_stats(struct qdisc *q, struct qdisc_xstat *x, int max)
{
	struct tbf *t = qdisc_priv(q);
	int n = 0;

	bucket_fill(&t->rate, qdisc_now(q));
	bucket_fill(&t->peak, qdisc_now(q));
	if (n < max)
		x[n++] = (struct qdisc_xstat){ "tokens", t->rate.tokens / NS };
	if (n < max && t->peak.rate)
		x[n++] = (struct qdisc_xstat){ "peak-tokens", t->peak.tokens / NS };
	if (n < max)
		x[n++] = (struct qdisc_xstat){ "splits", t->splits };
	return n;
}

static struct qdisc *tbf_leaf(struct qdisc *q)
{
	struct tbf *t = qdisc_priv(q);

	return t->child;
}

static struct qdisc *tbf_graft(struct qdisc *q, struct qdisc *child)
{
	struct tbf *t = qdisc_priv(q);
	struct qdisc *old = t->child;

	t->child = child;
	return old;
}

static const struct qdisc_ops tbf = {
	.name = "tbf", .priv_size = sizeof(struct tbf),
	.params = tbf_param, .params_size = sizeof(struct tbf_params),
	.init = tbf_init, .change = tbf_change, .reset = tbf_reset, .destroy = tbf_destroy,
	.enqueue = tbf_enqueue, .dequeue = tbf_dequeue, .peek = tbf_peek, .drain = tbf_drain,
	.stats = tbf_stats, .leaf = tbf_leaf, .graft = tbf_graft, .tc = tbf_tc,
};

WEIR_MODULE("tbf", "token bucket filter: a rate with bursts", WEIR_QDISC(tbf));
