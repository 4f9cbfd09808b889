/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.c - how much memory connections take: each one's buffers, and all of them together.
 *
 * Theory of operation. A connection's buffers have three sizes, as Linux's tcp_rmem and tcp_wmem:
 * what it keeps in any case, what it begins with, and what they may grow to while the path can use
 * it: the send buffer with cwnd (here), the receive buffer with what the reader takes in a round
 * trip (recvq.c). Those that a program has set (SO_SNDBUF, SO_RCVBUF) stay.
 *
 * All connections of the stack share the memory of its packets (packet/pool.h), and three marks on
 * it, as Linux's tcp_mem:
 *
 *	below low	nothing happens
 *	pressure	reached once, and until it is below low again: no buffer grows; one that
 *			receives or sends shrinks towards its minimum, as far as it is empty; none
 *			sends from more than its share of max, or its minimum; windows open by four
 *			segments at a time
 *	max		what is held is squeezed, at most every 10 ms, in this order, until it is
 *			below max again: buffers that are kept for bytes to come go; out-of-order
 *			queues go (the peer sends it again); what waits for readers is copied
 *			together, without the packets and buffers it came in; connections whose
 *			program is gone are reset, in the order of orphan.c.
 *			What still arrives is taken only for a reader that has nothing to read, and
 *			writers get room only for one write at a time: each goes on, and what the
 *			others hold drains.
 *
 * So TCP holds no more than max, and of each connection a packet for its reader and a write's copy.
 * The rest, between max and the pool's limit, is for ACKs and for other protocols.
 */
#include "packet/pool.h"
#include "tcp/sock.h"

#define SQUEEZE_NS    (10 * NSEC_PER_MSEC)
#define SQUEEZE_SOCKS 8192u		/* that are looked at in one go */

/* A mark that is not configured, or lies beyond the pool, is a share of it, in sixteenths. */
static uint64_t mark(const struct tcp *tcp, uint64_t set, unsigned int of_16)
{
	const struct packet_pool *pool = tcp->env->pool;

	return set && set < pool->limit - packet_pool_reserve(pool) ? set : pool->limit / 16 * of_16;
}

bool tcp_memory_pressure(struct tcp *tcp)
{
	uint64_t used = tcp->env->pool->used;

	if (used > mark(tcp, tcp->mem.pressure, 8)) {
		if (!tcp->pressure)
			tcp->stats.memory_pressures++;
		tcp->pressure = true;
	} else if (used <= mark(tcp, tcp->mem.low, 6)) {
		tcp->pressure = false;
	}
	return tcp->pressure;
}

bool tcp_memory_scarce(const struct tcp *tcp)
{
	return tcp->env->pool->used > mark(tcp, tcp->mem.max, 14);
}

/*
 * Under pressure there is a share of a quarter of max for each, so that who came late can send, too: pieces
 * of buffers hold more than their bytes. At max it is what fits the smallest buffer.
 */
uint32_t tcp_memory_sndbuf(const struct tcp_sock *tp)
{
	struct tcp *tcp = tp->tcp;
	uint64_t most = tp->sk.sndbuf, share;

	if (!tcp_memory_pressure(tcp))
		return tp->sk.sndbuf;
	share = mark(tcp, tcp->mem.max, 14) / 4 / (tcp->set.count + 1);
	if (share < tcp->wmem.min)
		share = tcp->wmem.min;
	if (tcp_memory_scarce(tcp))
		share = PACKET_BUF_SMALL;
	return (uint32_t)(most < share ? most : share);
}

/* No memory for what it still has to send (Linux's tcp_out_of_memory). */
bool tcp_no_memory(const struct tcp_sock *tp)
{
	return tp->queued > SOCK_SNDBUF_MIN && tcp_memory_scarce(tp->tcp);
}

/* ---- one connection's buffers ---- */

/* Twice what may be in flight, three times for a module that keeps sending through recovery. */
void tcp_grow_sndbuf(struct tcp_sock *tp)
{
	uint64_t want = (tcp_cc_controls(tp) ? 3 : 2) * tp->cc.cwnd + 2ull * tcp_size_goal(tp);

	if (want > tp->tcp->wmem.max)
		want = tp->tcp->wmem.max;
	if (!tp->sk.sndbuf_locked && want > tp->sk.sndbuf && !tcp_memory_pressure(tp->tcp))
		tp->sk.sndbuf = (uint32_t)want;
}

/* Under pressure: what is empty of the buffers is given up, down to the minimum. */
void tcp_shrink_buffers(struct tcp_sock *tp)
{
	uint32_t rcv = 2 * tp->recv_bytes, snd = tp->queued;
	uint32_t least = 8 * tp->rcv_mss;

	if (least < tp->tcp->rmem.min)
		least = tp->tcp->rmem.min;
	if (rcv < least)
		rcv = least;
	if (snd < tp->tcp->wmem.min)
		snd = tp->tcp->wmem.min;
	if (!tp->sk.rcvbuf_locked && rcv < tp->sk.rcvbuf) {
		tp->sk.rcvbuf = rcv;
		tp->drs_space = rcv / 2;	/* afterwards it grows again */
	}
	if (!tp->sk.sndbuf_locked && snd < tp->sk.sndbuf)
		tp->sk.sndbuf = snd;
}

/* ---- all of them ---- */

/* The room that is left in buffers which small writes and small packets are copied into. */
static void give_back_room(struct tcp_sock *tp)
{
	buf_put(tp->tx_buf);
	buf_put(tp->rx_buf);
	tp->tx_buf = tp->rx_buf = NULL;
}

/* One of those to be squeezed. False: these were all. */
static bool squeeze_one(struct tcp *tcp)
{
	static void (*const steps[])(struct tcp_sock *tp) = { give_back_room, recvq_prune, recvq_collapse };
	struct sock *sk;

	if (tcp->squeeze_step == sizeof(steps) / sizeof(steps[0])) {
		if (list_empty(&tcp->orphan_list))
			return false;
		tcp_orphan_abort(list_first(&tcp->orphan_list, struct tcp_sock, orphan_node));
		return true;
	}
	sk = sock_set_next(&tcp->set, &tcp->squeeze_at);
	if (sk) {
		steps[tcp->squeeze_step](tcp_sock(sk));
		tcp->squeeze_at++;
	} else {
		tcp->squeeze_at = 0;
		tcp->squeeze_step++;
	}
	return true;
}

/*
 * One step after the other, each over all connections, as long as memory is scarce; then orphans, the one that has
 * got nowhere for longest first. With many of them that takes more than one call: the next one goes on where this
 * one ended.
 */
static void squeeze(struct tcp *tcp)
{
	uint64_t began = env_begin(tcp->env);

	tcp->stats.memory_squeezes++;
	for (unsigned int n = 0; n < SQUEEZE_SOCKS; n++) {
		if (!squeeze_one(tcp) || !tcp_memory_scarce(tcp)) {
			tcp->squeeze_at = tcp->squeeze_step = 0;
			return;
		}
		if (env_spent(tcp->env, began))
			return;
	}
}

/* A segment has come: what does its memory ask for? */
void tcp_memory_check(struct tcp *tcp)
{
	if (!tcp_memory_pressure(tcp) || !tcp_memory_scarce(tcp) ||
	    tcp->env->now - tcp->squeezed_at < SQUEEZE_NS)
		return;
	tcp->squeezed_at = tcp->env->now;
	squeeze(tcp);
}
