/* SPDX-License-Identifier: Apache-2.0 */
/*
 * one.c - one socket by its id: told (SOCK_DIAG_BY_FAMILY without NLM_F_DUMP) or destroyed
 * (SOCK_DESTROY, `ss -K`).
 *
 * Theory of operation
 *
 * An id is a four-tuple, a device and a cookie. The four-tuple is looked up as a packet's would be,
 * so that it may mean a listener when there is no such connection; the cookie then says whether that
 * is the socket which the program has in mind. Answers are Linux's, also where they are odd: who
 * asks for one of UDP names the peer as the source (destroying does not), and only there a wrong
 * cookie is ESTALE. What Linux does not ask of raw sockets, weir does: the cookie.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <string.h>

#include "diag/diag.h"
#include "ip/dgram.h"

struct found {				/* one or none of these */
	struct tcp_end *end;
	struct sock *sk;		/* NULL: none, or end is in TIME-WAIT */
};

struct answer {				/* what diag_row_fill needs */
	const struct inet_diag_req_v2 *req;
	struct diag_row row;
};

/* NULL: whoever is asked for. */
static const struct nic *device(const struct diag *d, const struct inet_diag_req_v2 *req)
{
	return req->id.idiag_if ? nic_find_index(d->tcp->ip->nics, req->id.idiag_if) : NULL;
}

static struct ip_addr read_addr(const struct inet_diag_req_v2 *req, const uint32_t from[4])
{
	return req->sdiag_family == AF_INET ? ip_addr_v4(from[0]) : ip_addr_read((const void *)from);
}

static void find_tcp(const struct diag *d, const struct inet_diag_req_v2 *req, struct ip_meta *m,
		     struct found *f)
{
	struct tcp_row row;

	f->end = tcp_find(d->tcp, m, ntohs(req->id.idiag_dport), ntohs(req->id.idiag_sport));
	if (!f->end)
		return;
	tcp_end_row(d->tcp, f->end, &row);
	f->sk = row.sk;
}

/* swapped: "src and dst are swapped for historical reasons", as Linux's udp_diag.c says. */
static void find_udp(const struct diag *d, const struct inet_diag_req_v2 *req,
		     const struct ip_meta *m, bool swapped, struct found *f)
{
	uint16_t sport = ntohs(req->id.idiag_sport), dport = ntohs(req->id.idiag_dport);
	struct port_names n = { .src = m->src, .dst = m->dst, .sport = dport, .dport = sport, .nic = m->nic };

	if (swapped)
		n = (struct port_names){ .src = m->dst, .dst = m->src, .sport = sport, .dport = dport,
					.nic = m->nic };
	f->sk = udp_find(d->udp, &n);
}

/* False: this protocol has no sockets here. */
static bool find(const struct diag *d, const struct inet_diag_req_v2 *req, bool telling, struct found *f)
{
	struct ip_meta m = {
		.src = read_addr(req, req->id.idiag_dst), .dst = read_addr(req, req->id.idiag_src),
		.nic = (struct nic *)(uintptr_t)device(d, req),
	};

	*f = (struct found){ 0 };
	switch (req->sdiag_protocol) {
	case IPPROTO_TCP:
		find_tcp(d, req, &m, f);
		return true;
	case IPPROTO_UDP:
		find_udp(d, req, &m, telling, f);
		return true;
	case IPPROTO_RAW:		/* inet_diag_req_raw has it where others have padding */
		f->sk = raw_find(d->raw, req->sdiag_family, req->pad, &m);
		return true;
	default:
		return false;
	}
}

static bool is_device(const struct sock *sk, const struct inet_diag_req_v2 *req)
{
	return !sk || !sk->bound_nic || sk->bound_nic->index == req->id.idiag_if;
}

/* An entry in TIME-WAIT has none. */
static bool is_cookie(const struct sock *sk, const struct inet_diag_req_v2 *req)
{
	const uint32_t *c = req->id.idiag_cookie;

	return (c[0] == INET_DIAG_NOCOOKIE && c[1] == INET_DIAG_NOCOOKIE) ||
	       (sk && !memcmp(c, &sk->cookie, sizeof(sk->cookie)));
}

static int look_up(struct netlink_request *rq, bool telling, struct found *f)
{
	const struct inet_diag_req_v2 *req = (const void *)(rq->nlh + 1);
	const struct diag *d = rq->arg;

	if (req->sdiag_family != AF_INET && req->sdiag_family != AF_INET6)
		return req->sdiag_family < AF_MAX ? -ENOENT : -EINVAL;
	if (!find(d, req, telling, f))
		return weir_fail(rq->e, ENOENT, "weir's stack tells of TCP, UDP and raw sockets, not of protocol %u",
				 req->sdiag_protocol);
	if ((!f->end && !f->sk) || !is_device(f->sk, req))
		return weir_fail(rq->e, ENOENT, "there is no such socket");
	if (is_cookie(f->sk, req))
		return 0;
	return weir_fail(rq->e, telling && req->sdiag_protocol == IPPROTO_UDP ? ESTALE : ENOENT,
			 "the socket that has these names has another cookie");
}

static bool fill(struct nlbuf *nb, const struct nlbuf_to *to, const void *arg)
{
	const struct answer *a = arg;

	return diag_row_fill(nb, to, a->req, &a->row);
}

int diag_get(struct netlink_request *rq)
{
	struct answer a = { .req = (const void *)(rq->nlh + 1) };
	const struct diag *d = rq->arg;
	struct tcp_row row;
	struct found f;
	int err = look_up(rq, true, &f);

	if (err)
		return err;
	if (f.end) {
		tcp_end_row(d->tcp, f.end, &row);
		diag_row_tcp(&row, &a.row);
	} else {
		diag_row_datagram(f.sk, &a.row);
	}
	return netlink_reply(rq, fill, &a);
}

int diag_destroy(struct netlink_request *rq)
{
	const struct diag *d = rq->arg;
	struct found f;
	int err = look_up(rq, false, &f);

	if (err)
		return err;
	if (f.end)
		return tcp_abort(d->tcp, f.end, ECONNABORTED);
	dgram_abort(f.sk, ECONNABORTED);
	return 0;
}
