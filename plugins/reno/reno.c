/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reno.c - Reno congestion control (RFC 5681), with appropriate byte counting (RFC 3465).
 *
 * Theory of operation. cwnd bounds what is outstanding:
 *
 *	slow start		cwnd < ssthresh: each ACK adds the bytes that it acknowledged; after
 *				a timeout at most one SMSS, as it may cover what had arrived before
 *				(RFC 3465 2.3): cwnd doubles each round trip
 *	congestion avoidance	one SMSS for each cwnd of acknowledged bytes: the bytes are counted,
 *				so that delayed and stretched ACKs slow nothing down
 *	loss			ssthresh = max(cwnd / 2, 2 * SMSS). RFC 5681 (4) has the flight, which one
 *				ACK of a super-segment, or many SACKs, can make small by itself;
 *				cwnd is what the flight was, for it grows only when full
 *	idle for an RTO		cwnd halves, for each of them, down to 10 * SMSS, the restart window
 *				(4.1, RFC 6928 3); slow start back to 3/4 (RFC 2861, as Linux)
 *
 * RFC 3465 bounds the increase of one ACK at L = 2 segments, against bursts. Here one ACK
 * covers a whole super-segment of up to 45, so the bound would make slow start crawl; the
 * bursts are bounded by small queues instead (core/tcp/output.c), as in Linux.
 *
 * cwnd does not grow while the user, and not cwnd, limits the flight (RFC 7661 section 1): what
 * was not tried proves nothing.
 */
#include <weir/module.h>

#define RESTART_SEGMENTS 10u

struct reno {
	uint64_t acked;		/* bytes towards the next increase */
	uint64_t after_rto;	/* stream offset: until here L is 1 */
};

static struct reno *reno_priv(struct congestion *c)
{
	return (struct reno *)(void *)c->priv;
}

static uint64_t reno_ssthresh(struct congestion *c, enum congestion_event why)
{
	uint64_t half = c->cwnd / 2;

	(void)why;
	return half > 2ull * c->mss ? half : 2ull * c->mss;
}

/* Bytes of the ACK that slow start may add; gives back what is left for congestion avoidance. */
static uint64_t slow_start(struct congestion *c, uint64_t acked)
{
	uint64_t room = c->ssthresh - c->cwnd;
	uint64_t add = acked < room ? acked : room;

	if (c->snd_una <= reno_priv(c)->after_rto && add > c->mss)
		add = c->mss;
	c->cwnd += add;
	return c->cwnd < c->ssthresh ? 0 : acked - add;
}

static void avoid_congestion(struct congestion *c, uint64_t acked)
{
	struct reno *r = reno_priv(c);

	r->acked += acked;
	if (r->acked < c->cwnd)
		return;
	r->acked -= c->cwnd;
	if (r->acked > c->cwnd)
		r->acked = c->cwnd;
	c->cwnd += c->mss;
}

static void reno_ack(struct congestion *c, const struct congestion_ack *a)
{
	uint64_t acked = a->acked;

	if (!c->cwnd_limited)
		return;
	if (c->cwnd < c->ssthresh)
		acked = slow_start(c, acked);
	if (acked)
		avoid_congestion(c, acked);
}

static void restart(struct congestion *c)
{
	uint64_t least = (uint64_t)RESTART_SEGMENTS * c->mss, safe = c->cwnd / 4 * 3;

	if (c->cwnd <= least)
		return;
	if (c->ssthresh < safe)
		c->ssthresh = safe;
	c->cwnd = c->cwnd / 2 > least ? c->cwnd / 2 : least;
}

static void reno_event(struct congestion *c, enum congestion_event ev)
{
	struct reno *r = reno_priv(c);

	switch (ev) {
	case CONGESTION_RTO:
		r->after_rto = c->snd_nxt;
		r->acked = 0;
		break;
	case CONGESTION_ENTER_RECOVERY:
		r->acked = 0;
		break;
	case CONGESTION_IDLE:
		restart(c);
		break;
	default:
		break;
	}
}

static const struct congestion_ops reno = {
	.name = "reno",
	.ssthresh = reno_ssthresh,
	.ack = reno_ack,
	.event = reno_event,
};

WEIR_MODULE("reno", "Reno congestion control (RFC 5681)", WEIR_CONGESTION(reno));
