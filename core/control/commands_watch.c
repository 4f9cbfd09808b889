/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands_watch.c - what `weir ctl NAME watch` asks for again and again (docs/observing.md).
 *
 * Theory of operation. A sandbox may have a hundred thousand connections, and who watches them must not hold up
 * its packets. One answer looks at no more than WATCH_LOOKS of them, keeps the busiest WATCH_BUSIEST of these in a
 * heap whose root is the least busy, and says where the next begin; between two answers the stack takes its turns.
 *
 *	{"command":"watch"}                  ->  {"time_ns":.., "nics":.., "links":.., "qdiscs":..,
 *	                                          "sockets":[..], "next":[1,512,3]}
 *	{"command":"watch","from":[1,512,3]} ->  {"time_ns":.., "sockets":[..]}
 *
 * without "next" at the end. From is a place in the order of a walk (struct tcp_cursor); any numbers do no harm. The
 * client takes the busiest of all pieces, and makes rates of two answers by their own times.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <string.h>

#include "control/commands.h"

#define WATCH_LOOKS	4096u		/* connections an answer: about 1 ms */
#define WATCH_BUSIEST	20u		/* that it tells of */

struct busiest {
	unsigned int n, looks;
	struct busy_sock {
		uint64_t rate;
		struct tcp_row row;
	} heap[WATCH_BUSIEST];		/* none is busier than its children, 2i + 1 and 2i + 2 */
};

static void swap(struct busy_sock *a, struct busy_sock *b)
{
	struct busy_sock t = *a;

	*a = *b;
	*b = t;
}

static void sift_down(struct busiest *b)
{
	for (unsigned int i = 0, child; (child = 2 * i + 1) < b->n; i = child) {
		if (child + 1 < b->n && b->heap[child + 1].rate < b->heap[child].rate)
			child++;
		if (b->heap[i].rate <= b->heap[child].rate)
			return;
		swap(&b->heap[i], &b->heap[child]);
	}
}

static void sift_up(struct busiest *b)
{
	for (unsigned int i = b->n - 1; i && b->heap[i].rate < b->heap[(i - 1) / 2].rate; i = (i - 1) / 2)
		swap(&b->heap[i], &b->heap[(i - 1) / 2]);
}

/* Not told of: a TIME-WAIT entry, which carries nothing, and a listener. */
static bool look(void *arg, const struct tcp_row *r)
{
	struct busiest *b = arg;
	struct busy_sock s = { .row = *r };

	if (b->looks == WATCH_LOOKS)
		return false;
	b->looks++;
	if (!r->sk || !strcmp(r->state, "LISTEN"))
		return true;
	s.rate = tcp_busy(r->sk);
	if (b->n < WATCH_BUSIEST) {
		b->heap[b->n++] = s;
		sift_up(b);
	} else if (s.rate > b->heap[0].rate) {
		b->heap[0] = s;
		sift_down(b);
	}
	return true;
}

static json_t *busy_json(const struct busy_sock *b)
{
	struct sock *sk = b->row.sk;
	struct tcp_info ti;
	socklen_t len = sizeof(ti);
	char name[16] = "";
	socklen_t name_len = sizeof(name) - 1;

	memset(&ti, 0, sizeof(ti));
	if (sk->ops->getsockopt(sk, IPPROTO_TCP, TCP_INFO, &ti, &len))
		return NULL;
	sk->ops->getsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, name, &name_len);
	return json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
			 "netid", "tcp", "state", b->row.state,
			 "local", json_endpoint(&b->row.local, b->row.lport),
			 "peer", json_endpoint(&b->row.remote, b->row.rport),
			 "inode", (json_int_t)sk->inode, "busy", (json_int_t)b->rate,
			 "bytes_acked", (json_int_t)ti.tcpi_bytes_acked,
			 "bytes_received", (json_int_t)ti.tcpi_bytes_received,
			 "bytes_sent", (json_int_t)ti.tcpi_bytes_sent,
			 "bytes_retrans", (json_int_t)ti.tcpi_bytes_retrans,
			 "cwnd", (json_int_t)ti.tcpi_snd_cwnd, "mss", (json_int_t)ti.tcpi_snd_mss,
			 "rtt_us", (json_int_t)ti.tcpi_rtt, "congestion", name);
}

/* The busiest first: the heap gives up its least busy, again and again. */
static json_t *busiest_json(struct busiest *b)
{
	json_t *list = json_array();

	while (b->n) {
		json_t *o = busy_json(&b->heap[0]);

		if (o)
			json_array_insert_new(list, 0, o);
		b->heap[0] = b->heap[--b->n];
		sift_down(b);
	}
	return list;
}

static int cursor_of(const struct control_request *rq, struct tcp_cursor *c, struct weir_error *e)
{
	const json_t *from = json_object_get(rq->args, "from");
	json_int_t n[3];

	if (!from)
		return 0;
	for (size_t i = 0; i < 3; i++)
		n[i] = json_integer_value(json_array_get(from, i));
	if (json_array_size(from) != 3 || n[0] < 0 || n[0] > 2 || n[1] < 0 || n[2] < 0)
		return weir_fail(e, EINVAL, "\"from\" is no place in the list; give the \"next\" of the answer before");
	*c = (struct tcp_cursor){ .table = (unsigned int)n[0], .slot = (size_t)n[1], .done = (size_t)n[2] };
	return 0;
}

static int watch(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	const struct stack *s = rq->instance->stack;
	struct tcp_cursor c = { 0 };
	struct busiest b = { 0 };
	bool all;

	(void)arg;
	if (cursor_of(rq, &c, e))
		return -EINVAL;
	all = tcp_dump(&s->tcp, &c, look, &b);
	*result = json_pack("{s:I, s:o}", "time_ns", (json_int_t)s->env.now, "sockets", busiest_json(&b));
	if (!*result)
		return -ENOMEM;
	if (!all)
		json_object_set_new(*result, "next", json_pack("[I,I,I]", (json_int_t)c.table,
							       (json_int_t)c.slot, (json_int_t)c.done));
	if (json_object_get(rq->args, "from"))
		return 0;
	json_object_set_new(*result, "uptime_ns", json_integer((json_int_t)(s->env.now - rq->instance->started)));
	json_object_set_new(*result, "nics", json_nics(s));
	json_object_set_new(*result, "links", json_links(s));
	json_object_set_new(*result, "qdiscs", json_qdiscs(s));
	return 0;
}

const struct control_command commands_watch[] = {
	{ "watch", watch },
	{ }
};
