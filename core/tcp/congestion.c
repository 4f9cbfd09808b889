/* SPDX-License-Identifier: Apache-2.0 */
/*
 * congestion.c - between a connection and its congestion control module (weir/congestion.h).
 *
 * Every call brings the core's half of struct congestion up to date first, and holds what the
 * module answers within bounds afterwards: a module cannot stop a connection or make cwnd wrap.
 */
#include <errno.h>

#include "base/random.h"
#include "tcp/sock.h"

#define CWND_MAX (1ull << 30)		/* the window of RFC 7323 cannot be larger */
#define IDLE_MAX 32u		/* halvings that leave nothing of any window */

static void cc_sync(struct tcp_sock *tp)
{
	struct congestion *c = &tp->cc;

	c->now = tcp_now(tp);
	c->mss = tp->mss;
	c->burst = tcp_burst_size(tp);
	c->state = tp->ca_state;
	c->cwnd_limited = tp->cwnd_limited;
	c->app_limited = tp->app_limited != 0;
	c->in_flight = tcp_pipe(tp);
	c->delivered = tp->delivered;
	c->lost = tp->lost;
	c->srtt = tp->srtt;
	c->min_rtt = tp->min_rtt;
	c->snd_una = tp->bytes_acked;
	c->snd_nxt = tp->bytes_acked + (tp->snd_nxt - tp->snd_una);
}

static void cc_bound(struct tcp_sock *tp)
{
	struct congestion *c = &tp->cc;

	if (c->cwnd < tp->mss)
		c->cwnd = tp->mss;
	if (c->cwnd > CWND_MAX)
		c->cwnd = CWND_MAX;
	if (c->ssthresh < 2ull * tp->mss)
		c->ssthresh = 2ull * tp->mss;
}

static void cc_attach(struct tcp_sock *tp, const struct congestion_ops *ops, const void *params)
{
	tp->cc_ops = ops;
	tp->cc_params = params;
	memset(tp->cc.priv, 0, sizeof(tp->cc.priv));
	tp->cc.pacing_rate = 0;
	tp->cc.random = random_u64(&tp->tcp->env->random);
	cc_sync(tp);
	if (ops->init)
		ops->init(&tp->cc, params);
	cc_bound(tp);
}

static void cc_detach(struct tcp_sock *tp)
{
	if (tp->cc_ops && tp->cc_ops->release)
		tp->cc_ops->release(&tp->cc);
	tp->cc_ops = NULL;
}

int tcp_cc_init(struct tcp_sock *tp)
{
	if (!tp->tcp->congestion)
		return -ENOBUFS;
	tp->cc.cwnd = (uint64_t)TCP_INIT_CWND * tp->mss;
	tp->cc.ssthresh = CONGESTION_SSTHRESH_INF;
	cc_attach(tp, tp->tcp->congestion, tp->tcp->congestion_params);
	return 0;
}

void tcp_cc_release(struct tcp_sock *tp)
{
	const struct tcp_congestion_kinds *kinds = tp->tcp->kinds;

	cc_detach(tp);
	if (tp->cc_module && kinds)
		kinds->put(kinds->arg, tp->cc_module);
	tp->cc_module = NULL;
}

/*
 * TCP_CONGESTION: another module, live. The windows carry over. The connection holds what its
 * program has chosen, also when that is the default, so that it stays when the default changes.
 */
int tcp_cc_set(struct tcp_sock *tp, const char *name)
{
	const struct tcp_congestion_kinds *kinds = tp->tcp->kinds;
	const struct congestion_ops *ops;
	const void *params = NULL;
	struct module *m = NULL;

	tcp_renew(tp);			/* nobody chooses what is about to go */
	if (!strcmp(tp->cc_ops->name, name) && (tp->cc_module || !kinds))
		return 0;
	ops = kinds ? kinds->get(kinds->arg, name, &m, &params) : NULL;
	if (!ops)
		return -ENOENT;
	if (ops == tp->cc_ops) {
		tp->cc_module = m;
		return 0;
	}
	tcp_cc_release(tp);
	cc_attach(tp, ops, params);
	tp->cc_module = m;
	return 0;
}

void tcp_cc_inherit(struct tcp_sock *child, struct tcp_sock *listener)
{
	tcp_renew(listener);
	if (child->cc_ops != listener->cc_ops || listener->cc_module)
		tcp_cc_set(child, listener->cc_ops->name);	/* or stays with the default */
}

/* What the operator sets. If the program has chosen, it holds the new module now. */
void tcp_cc_replace(struct tcp_sock *tp, const struct congestion_ops *to, const void *params)
{
	const struct tcp_congestion_kinds *kinds = tp->tcp->kinds;
	bool chosen = tp->cc_module != NULL;
	struct module *m = NULL;
	const void *unused;

	tcp_cc_release(tp);
	cc_attach(tp, to, params);
	if (chosen && kinds->get(kinds->arg, to->name, &m, &unused) == to)
		tp->cc_module = m;
	else if (m)
		kinds->put(kinds->arg, m);
}

/*
 * The handshake is over and the segment size known: RFC 6928's window; RFC 5681 3.1 after a
 * lost SYN.
 */
void tcp_cc_start(struct tcp_sock *tp)
{
	uint32_t segs = tp->retries > 1 ? 1 : TCP_INIT_CWND;

	if (tp->cc_ops->release)
		tp->cc_ops->release(&tp->cc);
	tp->cc.cwnd = (uint64_t)segs * tp->mss;
	cc_attach(tp, tp->cc_ops, tp->cc_params);
}

void tcp_cc_ack(struct tcp_sock *tp, struct congestion_ack *a)
{
	cc_sync(tp);
	tp->cc_ops->ack(&tp->cc, a);
	cc_bound(tp);
}

uint64_t tcp_cc_ssthresh(struct tcp_sock *tp, enum congestion_event why)
{
	uint64_t v;

	cc_sync(tp);
	v = tp->cc_ops->ssthresh(&tp->cc, why);
	return v > 2ull * tp->mss ? v : 2ull * tp->mss;
}

void tcp_cc_event(struct tcp_sock *tp, enum congestion_event ev)
{
	if (!tp->cc_ops->event)
		return;
	cc_sync(tp);
	tp->cc_ops->event(&tp->cc, ev);
	cc_bound(tp);
}

/* About to send, with nothing in flight: how many RTOs has it been idle (RFC 5681 4.1)? */
void tcp_cc_idle(struct tcp_sock *tp)
{
	uint64_t idle = tcp_now(tp) - tp->last_sent;

	if (tp->snd_nxt != tp->snd_una || !tp->last_sent || !tp->send_next || idle <= tp->rto)
		return;
	for (uint32_t i = 0; i < IDLE_MAX && idle > tp->rto; i++, idle -= tp->rto)
		tcp_cc_event(tp, CONGESTION_IDLE);
	tp->last_sent = tcp_now(tp);
}

/*
 * The rate at which the window lets data go: the module's own, or cwnd a round trip, with room to
 * grow as Linux has it: twice while slow start may double it, 1.2 times afterwards. Not beyond
 * SO_MAX_PACING_RATE.
 */
uint64_t tcp_cc_rate(const struct tcp_sock *tp)
{
	uint64_t rtt = tp->srtt ? tp->srtt : NSEC_PER_MSEC;
	uint64_t percent = tp->cc.cwnd < tp->cc.ssthresh / 2 ? 200 : 120;

	uint64_t rate = tp->cc.pacing_rate;

	if (!rate)
		rate = (uint64_t)((unsigned __int128)tp->cc.cwnd * percent * (NSEC_PER_SEC / 100) /
				  rtt);
	return rate < tp->sk.max_pacing_rate ? rate : tp->sk.max_pacing_rate;
}
