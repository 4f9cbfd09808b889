/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errqueue.c - error queues. What is queued is bounded by SO_RCVBUF, by memory as well as by
 * number: an error that finds no room is lost, as any ICMP message may be.
 */
#include <errno.h>
#include <time.h>		/* before errqueue.h, which needs struct timespec */
#include <linux/errqueue.h>

#include "ip/errqueue.h"

#define ERRQUEUE_MAX 256u	/* messages */

_Static_assert(sizeof(struct sock_err) <= PACKET_CB, "an error fits the packet's scratch bytes");

static void errqueue_push(struct errqueue *eq, struct sock *sk, const struct sock_err *e,
			  const void *payload, uint32_t len)
{
	struct packet *p;

	if (eq->q.len >= ERRQUEUE_MAX || eq->truesize >= sk->rcvbuf)
		return;
	p = packet_alloc(sk->ip->env->pool, 0);
	if (!p)
		return;
	if (len && packet_copy_in(p, payload, len)) {
		packet_free(p);
		return;
	}
	if (!sock_memory_has(&sk->ip->sock_memory, eq->truesize, p->truesize)) {
		packet_free(p);
		return;
	}
	sock_memory_charge(&sk->ip->sock_memory, p);
	*(struct sock_err *)p->cb = *e;
	eq->truesize += p->charged;
	packet_queue_push(&eq->q, p);
	sock_event(sk);
}

void errqueue_icmp(struct errqueue *eq, struct sock *sk, const struct ip_meta *quoted,
		   const struct ip_error *e, uint16_t dport, const void *payload, uint32_t len)
{
	struct sock_err se = {
		.dst = quoted->dst,
		.offender = e->offender,
		.tstamp = sk->ip->env->now,
		.err = e->err,
		.info = e->mtu,
		.dport = dport,
		.origin = ip_addr_is_v4(&quoted->dst) ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6,
		.type = e->type,
		.code = e->code,
	};

	errqueue_push(eq, sk, &se, payload, len);
}

void errqueue_local(struct errqueue *eq, struct sock *sk, const struct ip_addr *dst,
		    uint16_t dport, int err, uint32_t info)
{
	struct sock_err se = {
		.dst = *dst,
		.offender = sock_any(sk),
		.tstamp = sk->ip->env->now,
		.err = err,
		.info = info,
		.dport = dport,
		.origin = SO_EE_ORIGIN_LOCAL,
	};

	errqueue_push(eq, sk, &se, NULL, 0);
}

struct packet *errqueue_pop(struct errqueue *eq, struct sock *sk)
{
	struct packet *p = packet_queue_pop(&eq->q);
	const struct packet *next = eq->q.head;

	if (!p)
		return NULL;
	eq->truesize -= p->charged;
	if (next && sock_err_of(next)->origin != SO_EE_ORIGIN_LOCAL)
		sk->error = sock_err_of(next)->err;
	else if (sock_err_of(p)->origin != SO_EE_ORIGIN_LOCAL)
		sk->error = 0;
	return p;
}

void errqueue_purge(struct errqueue *eq)
{
	packet_queue_purge(&eq->q);
	eq->truesize = 0;
}
