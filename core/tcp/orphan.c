/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orphan.c - connections whose program has let go, and which have something left to say.
 *
 * Theory of operation
 *
 * After close() TCP itself delivers what was written, and the end. A peer that does not take it, or a program
 * that closes thousands of connections at once, must not fill the stack with them, so there are only so many.
 * Linux refuses the newest (tcp_check_oom): who closes next loses what it wrote, whoever made the others.
 * Here the one goes that has got nowhere for longest. They are in order of that: one is put at the end when it
 * begins, and again when its peer acknowledges something. A neighbour's short goodbye thus outlives any number of
 * connections that are stuck.
 *
 * One whose bytes find no memory goes by itself (memory.c).
 */
#include "tcp/sock.h"

void tcp_orphan_abort(struct tcp_sock *tp)
{
	tp->tcp->stats.abort_on_memory++;
	tcp_send_rst(tp);
	tcp_done(tp);
}

void tcp_orphan_begin(struct tcp_sock *tp)
{
	struct tcp *tcp = tp->tcp;

	list_add_tail(&tp->orphan_node, &tcp->orphan_list);
	if (++tcp->orphans > tcp->max_orphans)
		tcp_orphan_abort(list_first(&tcp->orphan_list, struct tcp_sock, orphan_node));
}

void tcp_orphan_progress(struct tcp_sock *tp)
{
	if (list_empty(&tp->orphan_node))
		return;
	list_del(&tp->orphan_node);
	list_add_tail(&tp->orphan_node, &tp->tcp->orphan_list);
}

void tcp_orphan_end(struct tcp_sock *tp)
{
	if (list_empty(&tp->orphan_node))
		return;
	list_del(&tp->orphan_node);
	tp->tcp->orphans--;
}
