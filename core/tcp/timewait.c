/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timewait.c - TIME-WAIT (RFC 9293 3.6.1, 3.10.7; RFC 1337; RFC 6191).
 *
 * Theory of operation. Who closes first waits for 60 s, so that its last ACK can be repeated
 * and old segments die out. All that this takes is the four-tuple and a few numbers, so the
 * connection is replaced by a small entry, which keeps its port. Every entry waits equally
 * long: a list in order of their end and one timer do. Beyond max_time_waits the oldest goes
 * early.
 *
 * A SYN ends the wait when it cannot be an old one: its timestamp, or its sequence number, is
 * beyond the last (RFC 6191). A RST does not (RFC 1337: it would be an assassination). Our own
 * connect() may take over an entry on the same grounds, as Linux has it: where timestamps were
 * used, a program that is bound to the port always; one that asks for any port when tw_reuse allows
 * it (1; 2, the default: over loopback) and the clock of timestamps has moved on by a second.
 */
#include <stdlib.h>

#include "tcp/sock.h"

#define EXPIRE_TURN 512u	/* entries that end at once */

static void arm(struct tcp *tcp)
{
	struct tcp_timewait *tw;

	if (list_empty(&tcp->time_wait)) {
		timer_cancel(&tcp->env->timers, &tcp->time_wait_timer);
		return;
	}
	tw = list_first(&tcp->time_wait, struct tcp_timewait, node);
	timer_arm(&tcp->env->timers, &tcp->time_wait_timer, tw->until);
}

static void wait_from_now(struct tcp *tcp, struct tcp_timewait *tw)
{
	list_del(&tw->node);
	tw->until = tcp->env->now + TCP_MSL2;
	list_add_tail(&tw->node, &tcp->time_wait);
	if (!timer_armed(&tcp->time_wait_timer))
		arm(tcp);
}

void timewait_free(struct tcp *tcp, struct tcp_timewait *tw)
{
	tcp_end_del(tcp, &tw->end);
	list_del(&tw->node);
	port_use_release(&tw->port);
	tcp->time_waits--;
	free(tw);
}

void timewait_expire(struct timer *t)
{
	struct tcp *tcp = container_of(t, struct tcp, time_wait_timer);

	for (unsigned int n = 0; n < EXPIRE_TURN && !list_empty(&tcp->time_wait); n++) {
		struct tcp_timewait *tw = list_first(&tcp->time_wait, struct tcp_timewait, node);

		if (tw->until > tcp->env->now)
			break;
		timewait_free(tcp, tw);
	}
	arm(tcp);
}

void timewait_purge(struct tcp *tcp)
{
	while (!list_empty(&tcp->time_wait))
		timewait_free(tcp, list_first(&tcp->time_wait, struct tcp_timewait, node));
	arm(tcp);
}

void timewait_enter(struct tcp_sock *tp)
{
	struct tcp *tcp = tp->tcp;
	struct tcp_timewait *tw;

	if (tcp->time_waits && tcp->time_waits >= tcp->max_time_waits) {
		tcp->stats.time_wait_overflow++;
		timewait_free(tcp, list_first(&tcp->time_wait, struct tcp_timewait, node));
	}
	tw = calloc(1, sizeof(*tw));
	if (!tw) {
		tcp_done(tp);
		return;
	}
	tw->end = tp->end;
	tw->end.state = TCPS_TIME_WAIT;
	tw->end.hashed = false;
	tw->since = tcp_now(tp);
	tw->snd_nxt = tp->snd_nxt;
	tw->rcv_nxt = tp->rcv_nxt;
	tw->rcv_wnd = seq_lt(tp->rcv_nxt, tp->rcv_adv) ? tp->rcv_adv - tp->rcv_nxt : 0;
	tw->rcv_wscale = tp->rcv_wscale;
	tw->ts_ok = tp->ts_ok;
	tw->ts_recent = tp->ts_recent;
	tw->ts_recent_at = tp->ts_recent_at;
	tw->ts_offset = tp->ts_offset;
	list_init(&tw->node);
	if (tp->ack_now || tp->ack_pending)
		tcp_send_ack(tp);	/* of the FIN that brought us here */
	tcp_end_del(tcp, &tp->end);
	port_timewait(&tw->port, &tp->sk);
	tp->sk.lport = tp->end.lport;		/* getsockname() still shows it */
	tcp_end_add(tcp, &tw->end);
	tcp->time_waits++;
	tcp->stats.time_waits++;
	wait_from_now(tcp, tw);
	tcp_done(tp);
}

static bool ts_expired(const struct tcp *tcp, const struct tcp_timewait *tw)
{
	return tcp->env->now - tw->ts_recent_at > TCP_PAWS_24DAYS;
}

static bool new_connection(const struct tcp *tcp, const struct tcp_timewait *tw,
			   const struct tcp_segment *s)
{
	if ((s->flags & (TCPH_SYN | TCPH_ACK | TCPH_RST)) != TCPH_SYN)
		return false;
	if (tw->ts_ok && s->has_ts && !ts_expired(tcp, tw) && seq_lt(tw->ts_recent, s->tsval))
		return true;
	return seq_lt(tw->rcv_nxt, s->seq) &&
	       !(tw->ts_ok && s->has_ts && seq_lt(s->tsval, tw->ts_recent));
}

bool timewait_input(struct tcp *tcp, struct tcp_timewait *tw, const struct tcp_segment *s,
		    const struct ip_meta *m, uint32_t *isn)
{
	bool old = tw->ts_ok && s->has_ts && !ts_expired(tcp, tw) &&
		   seq_lt(s->tsval, tw->ts_recent);

	if (new_connection(tcp, tw, s) && tcp_listener_find(tcp, m, s->sport, s->dport)) {
		uint32_t next = tw->snd_nxt + 65535 + 2;

		*isn = tcp_isn(tcp, &tw->end);
		if (seq_lt(*isn, next))
			*isn = next;
		timewait_free(tcp, tw);
		return false;
	}
	if (s->flags & TCPH_RST)
		return true;
	if (old)
		tcp->stats.paws_drops++;
	else if (s->flags & TCPH_FIN && s->end == tw->rcv_nxt)
		wait_from_now(tcp, tw);		/* our last ACK was lost */
	/* An answer, but no storm of them between two ends that disagree. */
	if (s->end != s->seq || (s->flags & TCPH_ACK && s->ack != tw->snd_nxt) ||
	    s->seq != tw->rcv_nxt) {
		if (tw->oow_last && tcp->env->now - tw->oow_last < TCP_OOW_NS && !s->len)
			return true;
		tw->oow_last = tcp->env->now;
		tcp_reply_ack(tcp, tw, m);
	}
	return true;
}

static bool over_loopback(const struct tcp_timewait *tw)
{
	return ip_addr_is_loopback(&tw->end.local) || ip_addr_is_loopback(&tw->end.remote);
}

bool timewait_reusable(const struct tcp *tcp, const struct tcp_timewait *tw, bool chosen)
{
	if (!tw->ts_ok)
		return false;
	if (!chosen)
		return true;
	if (!tcp->tw_reuse || (tcp->tw_reuse == 2 && !over_loopback(tw)))
		return false;
	return tcp->env->now - tw->since > NSEC_PER_SEC;
}
