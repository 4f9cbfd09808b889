/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands_sockets.c - every socket of the stack, as ss shows them.
 *
 * Theory of operation. There may be tens of thousands, and an answer is built in the stack's
 * memory, in its time. So one answer has at most SOCKETS_MAX of them, and says where the next one
 * begins:
 *
 *	{"command":"sockets","from":[0,512,0]}  ->  {"sockets":[...], "next":[1,96,0]}
 *
 * without "next" at the end. From is which sort of sockets, and a place among these, so an answer costs
 * what it tells, however many there are. What is opened or closed
 * between two answers may be missed or told twice, as with ss, which asks the kernel in pieces,
 * too.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "control/commands.h"
#include "ip/dgram.h"

#define SOCKETS_MAX 512u

/* The sorts, in the order of a walk; behind them are tcp_dump()'s tables. */
enum { SORT_RAW, SORT_UDP, SORT_TCP };

struct walk {
	json_t *list;
	uint64_t at[3];
};

static bool full(const struct walk *w)
{
	return json_array_size(w->list) >= SOCKETS_MAX;
}

json_t *json_endpoint(const struct ip_addr *a, uint16_t port)
{
	char text[IP_ADDR_TEXT], number[8] = "*";

	if (port)
		snprintf(number, sizeof(number), "%u", port);
	return json_sprintf("%s:%s", ip_addr_text(a, text), number);
}

static json_t *datagram_json(struct sock *sk, const char *netid, const char *state)
{
	uint32_t recv_q = dgram_sk(sk)->rmem;
	uint32_t send_q = sk->ops->unsent ? sk->ops->unsent(sk) : 0;
	json_t *o;

	sock_queues(sk, &recv_q, &send_q);
	o = json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:I}", "netid", netid, "state", state,
		      "recv_q", (json_int_t)recv_q, "send_q", (json_int_t)send_q,
		      "local", json_endpoint(&sk->local, sk->lport), "peer",
		      json_endpoint(&sk->remote, sk->rport), "inode", (json_int_t)sk->inode);
	if (sk->bound_nic)
		json_object_set_new(o, "dev", json_string(sk->bound_nic->name));
	return o;
}

static json_t *tcp_info(struct sock *sk)
{
	struct tcp_info ti;
	socklen_t len = sizeof(ti);
	char name[16] = "";
	socklen_t name_len = sizeof(name) - 1;

	memset(&ti, 0, sizeof(ti));
	if (!sk->ops->getsockopt || sk->ops->getsockopt(sk, IPPROTO_TCP, TCP_INFO, &ti, &len))
		return NULL;
	sk->ops->getsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, name, &name_len);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}",
			 "congestion", name, "rto_us", (json_int_t)ti.tcpi_rto,
			 "rtt_us", (json_int_t)ti.tcpi_rtt, "rttvar_us", (json_int_t)ti.tcpi_rttvar,
			 "mss", (json_int_t)ti.tcpi_snd_mss, "pmtu", (json_int_t)ti.tcpi_pmtu,
			 "cwnd", (json_int_t)ti.tcpi_snd_cwnd,
			 "ssthresh", (json_int_t)ti.tcpi_snd_ssthresh,
			 "unacked", (json_int_t)ti.tcpi_unacked,
			 "retrans", (json_int_t)ti.tcpi_retrans,
			 "total_retrans", (json_int_t)ti.tcpi_total_retrans,
			 "rcv_space", (json_int_t)ti.tcpi_rcv_space,
			 "ts", !!(ti.tcpi_options & TCPI_OPT_TIMESTAMPS),
			 "wscale", !!(ti.tcpi_options & TCPI_OPT_WSCALE));
}

static bool add_tcp(void *arg, const struct tcp_row *r)
{
	uint32_t recv_q = r->recv_q, send_q = r->send_q;
	struct walk *w = arg;
	json_t *o, *info;

	if (full(w))
		return false;
	if (r->sk)
		sock_queues(r->sk, &recv_q, &send_q);
	info = r->sk ? tcp_info(r->sk) : NULL;
	o = json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:I}", "netid", "tcp", "state", r->state,
		      "recv_q", (json_int_t)recv_q, "send_q", (json_int_t)send_q,
		      "local", json_endpoint(&r->local, r->lport), "peer",
		      json_endpoint(&r->remote, r->rport), "inode",
		      (json_int_t)(r->sk ? r->sk->inode : 0));
	if (r->sk && r->sk->bound_nic)
		json_object_set_new(o, "dev", json_string(r->sk->bound_nic->name));
	if (r->timer)
		json_object_set_new(o, "timer", json_pack("{s:s, s:I, s:I}", "name", r->timer,
							  "expires_ms",
							  (json_int_t)(r->expires / 1000000),
							  "retries", (json_int_t)r->retries));
	if (info)
		json_object_set_new(o, "info", info);
	json_array_append_new(w->list, o);
	return true;
}

/* False: the answer is full before their end. */
static bool add_datagrams(const struct sock_set *set, struct walk *w)
{
	struct sock *sk;

	for (; (sk = sock_set_next(set, &w->at[1])); w->at[1]++) {
		const char *netid = sk->ops == &udp_ops ? "udp"
				  : sk->ops == &ping_ops ? "icmp" : "raw";

		if (full(w))
			return false;
		json_array_append_new(w->list, datagram_json(sk, netid, ip_addr_is_any(&sk->remote) ?
							     "UNCONN" : "ESTAB"));
	}
	w->at[0]++;
	w->at[1] = 0;
	return true;
}

static bool add_connections(const struct tcp *tcp, struct walk *w)
{
	struct tcp_cursor c = {
		.table = (unsigned int)w->at[0] - SORT_TCP, .slot = (size_t)w->at[1], .done = (size_t)w->at[2],
	};
	bool all = tcp_dump(tcp, &c, add_tcp, w);

	w->at[0] = c.table + SORT_TCP;
	w->at[1] = c.slot;
	w->at[2] = c.done;
	return all;
}

static int place_of(const struct control_request *rq, uint64_t at[3], struct weir_error *e)
{
	const json_t *from = json_object_get(rq->args, "from");

	for (size_t i = 0; from && i < 3; i++) {
		json_int_t n = json_integer_value(json_array_get(from, i));

		if (json_array_size(from) != 3 || n < 0 || (!i && n > SORT_TCP + 2))
			return weir_fail(e, EINVAL, "\"from\" is no place in the list; give the \"next\" of the "
					 "answer before");
		at[i] = (uint64_t)n;
	}
	return 0;
}

static int sockets(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	const struct stack *s = rq->instance->stack;
	struct walk w = { .at = { 0 } };
	bool all = true;
	int err = place_of(rq, w.at, e);

	(void)arg;
	if (err)
		return err;
	w.list = json_array();
	while (all && w.at[0] < SORT_TCP)
		all = add_datagrams(w.at[0] == SORT_RAW ? &s->raw.set : &s->udp.set, &w);
	all = all && add_connections(&s->tcp, &w);
	*result = json_pack("{s:o}", "sockets", w.list);
	if (*result && !all)
		json_object_set_new(*result, "next", json_pack("[I,I,I]", (json_int_t)w.at[0], (json_int_t)w.at[1],
							       (json_int_t)w.at[2]));
	return *result ? 0 : -ENOMEM;
}

const struct control_command commands_sockets[] = {
	{ "sockets", sockets },
	{ }
};
