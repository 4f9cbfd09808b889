/* SPDX-License-Identifier: Apache-2.0 */
/*
 * renew.c - what an operator changes of every connection: the sizes of buffers, the congestion control.
 *
 * Theory of operation. There may be a hundred thousand connections, and packets must not wait for all of them to
 * be changed. So the change is noted, and RENEW_TURN connections are brought up to date at once, others in
 * later pieces of work. What is new has the new values from the beginning; a connection whose turn has not come
 * goes on with the old ones.
 *
 * The list of all connections is also the list of those to be looked at: who was looked at goes to its end, as does
 * who is new. So after as many looks as there were connections when the change was made none can have been
 * missed, whatever has come or gone meanwhile; and only then a congestion control's code and parameters may go. A
 * change while another one is under way makes that count begin anew: each look does all that there is to do.
 */
#include <string.h>

#include "tcp/sock.h"

#define RENEW_TURN 256u

/* Another congestion control. What its program has chosen stays, but for new code of the same name. */
static void switch_one(struct tcp_sock *tp, const struct tcp_switch *sw)
{
	bool chosen = tp->cc_module != NULL;

	if (tp->cc_ops != sw->from || (sw->from == sw->to && tp->cc_params == sw->params))
		return;
	if (!chosen || !strcmp(sw->from->name, sw->to->name))
		tcp_cc_replace(tp, sw->to, sw->params);
}

void tcp_renew(struct tcp_sock *tp)
{
	const struct tcp *tcp = tp->tcp;
	struct sock *sk = &tp->sk;

	if (!sk->rcvbuf_locked && sk->rcvbuf > tcp->rmem.max)
		sk->rcvbuf = tcp->rmem.max;
	if (!sk->sndbuf_locked && sk->sndbuf > tcp->wmem.max)
		sk->sndbuf = tcp->wmem.max;
	list_for_each(pos, &tcp->switches)
		switch_one(tp, list_entry(pos, struct tcp_switch, node));
}

void tcp_renew_end(struct tcp *tcp)
{
	work_cancel(&tcp->renew);
	tcp->renew_left = 0;
	while (!list_empty(&tcp->switches)) {
		struct tcp_switch *sw = list_first(&tcp->switches, struct tcp_switch, node);

		list_del(&sw->node);
		if (sw->done)
			sw->done(sw);
	}
}

static void renew_some(struct tcp *tcp)
{
	for (unsigned int n = 0; n < RENEW_TURN && tcp->renew_left && !list_empty(&tcp->socks); n++) {
		struct sock *sk = list_first(&tcp->socks, struct sock, all);

		list_del(&sk->all);
		list_add_tail(&sk->all, &tcp->socks);
		tcp->renew_left--;
		tcp_renew(tcp_sock(sk));
	}
	if (tcp->renew_left && !list_empty(&tcp->socks))
		work_defer(tcp->env, &tcp->renew);
	else
		tcp_renew_end(tcp);
}

static void renew_work(struct work *w)
{
	renew_some(container_of(w, struct tcp, renew));
}

void tcp_renew_init(struct tcp *tcp)
{
	list_init(&tcp->switches);
	work_init(&tcp->renew, renew_work);
}

static void renew_all(struct tcp *tcp)
{
	tcp->renew_left = tcp->set.count;
	renew_some(tcp);
}

void tcp_set_memory(struct tcp *tcp, const struct tcp_sizes *rmem, const struct tcp_sizes *wmem,
		    const struct tcp_marks *mem)
{
	tcp->rmem = *rmem;
	tcp->wmem = *wmem;
	tcp->mem = *mem;
	renew_all(tcp);
}

/* Newer code for what others are still on their way to: they go to that at once. */
static void redirect(struct tcp *tcp, const struct tcp_switch *sw)
{
	list_for_each(pos, &tcp->switches) {
		struct tcp_switch *before = list_entry(pos, struct tcp_switch, node);

		if (before->to != sw->from)
			continue;
		before->to = sw->to;
		before->params = sw->params;
	}
}

void tcp_congestion_switch(struct tcp *tcp, struct tcp_switch *sw)
{
	if (!strcmp(sw->from->name, sw->to->name))
		redirect(tcp, sw);
	if (tcp->congestion == sw->from) {
		tcp->congestion = sw->to;
		tcp->congestion_params = sw->params;
	}
	list_add_tail(&sw->node, &tcp->switches);
	renew_all(tcp);
}
