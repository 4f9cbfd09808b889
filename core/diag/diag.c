/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag.c - NETLINK_SOCK_DIAG (sock_diag(7)): TCP's, UDP's and raw sockets. Of one of them: one.c.
 *
 * Theory of operation
 *
 * There may be a hundred thousand sockets, and a program may ask as often as it likes; so each piece
 * of a dump goes on where the one before ended, in constant time for TCP, whose tables are hashed.
 * What opens or closes between two pieces may be missed or told twice, as on Linux.
 *
 * idiag_inode is the inode of the program's descriptor, which /proc/PID/fd shows: ss -p finds
 * processes by it.
 *
 * What has left the receive queue but lies unread at the program's end, what the program has written
 * and the stack has not taken, and whose the socket is, its owner knows (struct sock_owner). That may
 * cost system calls, so it is asked for the rows that are told only: as many as fit into a piece.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

#include "diag/diag.h"
#include "ip/dgram.h"
#include <libmnl/libmnl.h>

#define MSEC 1000000ull
#define EXT(n) (1u << ((n) - 1))

#define ROWS 1024u			/* looked at for one piece, at most */

struct piece {				/* of a dump, being written */
	struct netlink_dump *d;
	struct nlbuf *nb;
	const struct inet_diag_req_v2 *req;
	const struct nlattr *code;	/* INET_DIAG_REQ_BYTECODE, or NULL */
	unsigned int rows;		/* that may still be looked at: most may not be wanted */
};

struct message {			/* that tells of a row */
	struct nlbuf *nb;
	const struct inet_diag_req_v2 *req;
};

/* ---- one row ---- */

static void put_addr(uint32_t to[4], int family, const struct ip_addr *a)
{
	if (family == AF_INET)
		to[0] = ip_addr_to_v4(a);
	else if (!ip_addr_is_any(a))	/* any of IPv6 is zeros, of which family ever it was */
		memcpy(to, a->b, sizeof(a->b));
}

static void put_memory(const struct message *p, const struct diag_row *r)
{
	const struct inet_diag_meminfo m = {
		.idiag_rmem = r->recv_q, .idiag_wmem = r->send_q, .idiag_tmem = r->sk->wmem,
	};
	uint32_t sk[SK_MEMINFO_VARS] = {
		[SK_MEMINFO_RMEM_ALLOC] = r->recv_q, [SK_MEMINFO_RCVBUF] = r->sk->rcvbuf,
		[SK_MEMINFO_WMEM_ALLOC] = r->sk->wmem, [SK_MEMINFO_SNDBUF] = r->sk->sndbuf,
		[SK_MEMINFO_WMEM_QUEUED] = r->send_q,
	};

	if (p->req->idiag_ext & EXT(INET_DIAG_MEMINFO))
		nlbuf_put(p->nb, INET_DIAG_MEMINFO, &m, sizeof(m));
	if (p->req->idiag_ext & EXT(INET_DIAG_SKMEMINFO))
		nlbuf_put(p->nb, INET_DIAG_SKMEMINFO, sk, sizeof(sk));
}

static void put_tcp(const struct message *p, struct sock *sk)
{
	struct tcp_info info = { 0 };
	char name[16] = "";
	socklen_t len = sizeof(info), name_len = sizeof(name) - 1;

	if (p->req->idiag_ext & EXT(INET_DIAG_CONG) &&
	    !sk->ops->getsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, name, &name_len))
		nlbuf_text(p->nb, INET_DIAG_CONG, name);
	if (p->req->idiag_ext & EXT(INET_DIAG_INFO) &&
	    !sk->ops->getsockopt(sk, IPPROTO_TCP, TCP_INFO, &info, &len))
		nlbuf_put(p->nb, INET_DIAG_INFO, &info, len);
}

static void put_more(const struct message *p, const struct diag_row *r)
{
	struct sock *sk = r->sk;

	nlbuf_u8(p->nb, INET_DIAG_SHUTDOWN, sk->shut);
	if (p->req->idiag_ext & EXT(INET_DIAG_TOS))
		nlbuf_u8(p->nb, INET_DIAG_TOS, sk->tos);
	if (r->family == AF_INET6 && p->req->idiag_ext & EXT(INET_DIAG_TCLASS))
		nlbuf_u8(p->nb, INET_DIAG_TCLASS, sk->v6.tclass);
	if (r->family == AF_INET6 && (r->state == TCP_LISTEN || r->state == TCP_CLOSE))
		nlbuf_u8(p->nb, INET_DIAG_SKV6ONLY, sk->v6.only);
	put_memory(p, r);
	if (p->req->sdiag_protocol == IPPROTO_RAW)
		nlbuf_u8(p->nb, INET_DIAG_PROTOCOL, sk->protocol);
	if (p->req->sdiag_protocol == IPPROTO_TCP)
		put_tcp(p, sk);
}

bool diag_row_fill(struct nlbuf *nb, const struct nlbuf_to *to, const struct inet_diag_req_v2 *req,
		   const struct diag_row *row)
{
	const struct message p = { nb, req };
	struct diag_row r = *row;
	struct sock *sk = r.sk;
	struct inet_diag_msg m = {
		.idiag_family = (uint8_t)r.family, .idiag_state = r.state,
		.idiag_timer = r.timer, .idiag_retrans = r.retries,
		.id = {
			.idiag_sport = htons(r.lport), .idiag_dport = htons(r.rport),
			.idiag_if = sk && sk->bound_nic ? sk->bound_nic->index : 0,
			.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
		},
		.idiag_expires = (uint32_t)(r.expires / MSEC),
	};

	put_addr(m.id.idiag_src, r.family, &r.local);
	put_addr(m.id.idiag_dst, r.family, &r.remote);
	if (sk) {
		memcpy(m.id.idiag_cookie, &sk->cookie, sizeof(sk->cookie));
		m.idiag_inode = sk->inode;
		m.idiag_uid = sock_uid(sk);
		sock_queues(sk, &r.recv_q, &r.send_q);
	}
	m.idiag_rqueue = r.recv_q;
	m.idiag_wqueue = r.send_q;
	nlbuf_begin(nb, to, SOCK_DIAG_BY_FAMILY, &m, sizeof(m));
	if (sk)
		put_more(&p, &r);
	return nlbuf_end(nb);
}

static bool is_wanted(const struct piece *p, const struct diag_row *r)
{
	const struct inet_diag_req_v2 *req = p->req;

	return r->family == req->sdiag_family && req->idiag_states >> r->state & 1 &&
	       (!req->id.idiag_sport || req->id.idiag_sport == htons(r->lport)) &&
	       (!req->id.idiag_dport || req->id.idiag_dport == htons(r->rport)) &&
	       (!p->code || diag_filter(mnl_attr_get_payload(p->code),
					mnl_attr_get_payload_len(p->code), r));
}

/* False: there is no room left, or enough was looked at. What is not wanted takes no room. */
static bool put_row(struct piece *p, const struct diag_row *r)
{
	if (!p->rows)
		return false;
	p->rows--;
	return !is_wanted(p, r) || diag_row_fill(p->nb, &p->d->to, p->req, r);
}

static int more(const struct piece *p)
{
	return p->rows ? 1 : NETLINK_LATER;
}

/* ---- the tables ---- */

uint8_t diag_timer(const char *name)
{
	static const struct {
		const char *name;
		uint8_t number;
	} timers[] = { { "on", 1 }, { "keepalive", DIAG_TIMER_KEEPALIVE }, { "timewait", 3 },
		       { "persist", DIAG_TIMER_PERSIST } };

	for (size_t i = 0; name && i < sizeof(timers) / sizeof(timers[0]); i++)
		if (!strcmp(name, timers[i].name))
			return timers[i].number;
	return 0;
}

void diag_row_tcp(const struct tcp_row *t, struct diag_row *r)
{
	*r = (struct diag_row){
		.family = t->sk ? t->sk->family : ip_addr_is_v4(&t->local) ? AF_INET : AF_INET6,
		.state = t->number, .timer = diag_timer(t->timer),
		.retries = t->retries < UINT8_MAX ? (uint8_t)t->retries : UINT8_MAX,
		.expires = t->expires, .local = t->local, .remote = t->remote,
		.lport = t->lport, .rport = t->rport, .recv_q = t->recv_q, .send_q = t->send_q,
		.sk = t->sk,
	};
}

static bool put_tcp_row(void *arg, const struct tcp_row *t)
{
	struct diag_row r;

	diag_row_tcp(t, &r);
	return put_row(arg, &r);
}

/* at: the cursor, piece by piece. */
static int dump_tcp(struct piece *p, const struct tcp *tcp)
{
	uint64_t *at = p->d->at;
	struct tcp_cursor c = { (unsigned int)at[0], (size_t)at[1], (size_t)at[2] };
	bool all = tcp_dump(tcp, &c, put_tcp_row, p);

	at[0] = c.table;
	at[1] = c.slot;
	at[2] = c.done;
	return all ? 0 : more(p);
}

void diag_row_datagram(struct sock *sk, struct diag_row *r)
{
	*r = (struct diag_row){
		.family = sk->family,
		.state = ip_addr_is_any(&sk->remote) ? TCP_CLOSE : TCP_ESTABLISHED,
		.local = sk->local, .remote = sk->remote,
		.lport = sk->ops->type == SOCK_RAW ? sk->protocol : sk->lport, .rport = sk->rport,
		.recv_q = dgram_sk(sk)->rmem,		/* memory, as Linux tells it */
		.send_q = sk->ops->unsent ? sk->ops->unsent(sk) : 0, .sk = sk,
	};
}

/* One without a port is nowhere yet. */
static bool put_datagram(struct piece *p, struct sock *sk)
{
	struct diag_row r;

	diag_row_datagram(sk, &r);
	return r.lport ? put_row(p, &r) : p->rows && p->rows--;
}

/* at: the place in the set. */
static int dump_datagrams(struct piece *p, const struct sock_set *set)
{
	struct sock *sk;

	for (; (sk = sock_set_next(set, &p->d->at[0])); p->d->at[0]++)
		if (!put_datagram(p, sk))
			return more(p);
	return 0;
}

static int dump(struct netlink_dump *d, struct nlbuf *nb)
{
	const struct diag *diag = d->arg;
	struct piece p = { .d = d, .nb = nb, .rows = ROWS, .req = (const void *)(d->nlh + 1) };
	const struct nlattr *tb[INET_DIAG_REQ_PROTOCOL + 1];
	int err = nlattrs(d->nlh, sizeof(*p.req), tb, INET_DIAG_REQ_PROTOCOL);

	p.code = err ? NULL : tb[INET_DIAG_REQ_BYTECODE];
	if (!err && p.code)
		err = diag_filter_check(mnl_attr_get_payload(p.code), mnl_attr_get_payload_len(p.code));
	if (err)
		return err;
	if (p.req->sdiag_family != AF_INET && p.req->sdiag_family != AF_INET6)
		return -ENOENT;		/* as a kernel without the module; ss reads /proc then */
	switch (p.req->sdiag_protocol) {
	case IPPROTO_TCP:
		return dump_tcp(&p, diag->tcp);
	case IPPROTO_UDP:
		return dump_datagrams(&p, &diag->udp->set);
	case IPPROTO_RAW:
		return dump_datagrams(&p, &diag->raw->set);
	default:
		return -ENOENT;
	}
}

static const struct netlink_handler handlers[] = {
	{ .name = "SOCK_DIAG_BY_FAMILY", SOCK_DIAG_BY_FAMILY, sizeof(struct inet_diag_req_v2),
	  .get = diag_get, .dump = dump },
	{ .name = "SOCK_DESTROY", SOCK_DESTROY, sizeof(struct inet_diag_req_v2), true, .get = diag_destroy },
	{ }
};

void diag_init(struct diag *d, struct netlink *nl, struct tcp *tcp, struct udp *udp, struct raw *raw)
{
	d->tcp = tcp;
	d->udp = udp;
	d->raw = raw;
	d->table = (struct netlink_table){ .family = NETLINK_SOCK_DIAG, .handlers = handlers, .arg = d };
	netlink_add(nl, &d->table);
}
