/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink.c - netlink sockets (netlink(7), RFC 3549).
 *
 * Theory of operation
 *
 * A program sends requests, one or several in a datagram; each is found in a table by its type,
 * done at once, and acknowledged if it asks for that or fails. Answers, acknowledgements and
 * notifications wait in the receive queue, bounded by SO_RCVBUF as every other; what finds no room
 * there is lost, and the reader is told by ENOBUFS, as Linux tells it, and has to ask anew.
 *
 * A dump is not queued. The socket remembers where it is, and each time the reader takes a datagram
 * and the queue is empty the next piece is written, of at most PIECE bytes: more than that some
 * programs (Go's, older C libraries) do not expect. So one socket has one dump under way at a time,
 * as on Linux (EBUSY). When a table has changed since the dump began, its pieces say so
 * (NLM_F_DUMP_INTR).
 *
 * Whatever a program sends, it is copied before it is looked at, and no field of it is believed
 * before it was compared with how much there is.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "netlink/rt.h"
#include "netlink/sock.h"

#define PIECE		3776u		/* Linux's NLMSG_GOODSIZE with pages of 4 KiB */
#define DONE_LEN	(NLMSG_HDRLEN + sizeof(int))
#define FIRST_PORT	0xffffefffu	/* Linux's first, where the process id is taken */

struct netlink_cb {			/* of a queued message */
	uint32_t group;			/* of a notification; 0 = an answer */
};

static struct netlink *nl_of(const struct sock *sk)
{
	return sk->table;
}

/* ---- tables ---- */

void netlink_add(struct netlink *nl, struct netlink_table *t)
{
	list_add_tail(&t->node, &nl->tables);
}

bool netlink_has(const struct netlink *nl, int protocol)
{
	list_for_each(n, &nl->tables)
		if (list_entry(n, struct netlink_table, node)->family == protocol)
			return true;
	return false;
}

static const struct netlink_handler *find(const struct netlink *nl, int family, uint16_t type,
					  void **arg)
{
	list_for_each(n, &nl->tables) {
		const struct netlink_table *t = list_entry(n, struct netlink_table, node);

		for (const struct netlink_handler *h = t->handlers; t->family == family && h->name; h++) {
			if (h->type == type) {
				*arg = t->arg;
				return h;
			}
		}
	}
	return NULL;
}

/* ---- what is queued ---- */

static bool enqueue(struct netlink_sock *ns, const void *data, size_t len, uint32_t group)
{
	struct packet *p = packet_alloc(ns->ds.sk.ip->env->pool, 0);
	struct netlink_cb cb = { group };

	if (p && packet_copy_in(p, data, (uint32_t)len) < 0) {
		packet_free(p);
		p = NULL;
	}
	if (p && !dgram_queue(&ns->ds, p, &cb, sizeof(cb)))
		return true;
	if (!ns->no_enobufs)
		sock_error(&ns->ds.sk, ENOBUFS);
	return false;
}

int netlink_reply(struct netlink_request *rq, netlink_fill fill, const void *arg)
{
	_Alignas(NLMSG_ALIGNTO) uint8_t data[PIECE];
	struct nlbuf nb = { .data = data, .size = sizeof(data) };
	struct nlbuf_to to = { rq->ns->port, rq->nlh->nlmsg_seq, 0 };

	if (!fill(&nb, &to, arg))
		return -EMSGSIZE;
	return enqueue(rq->ns, data, nb.len, 0) ? 0 : -ENOBUFS;
}

static bool is_member(const struct netlink_sock *ns, int family, uint32_t group)
{
	return ns->ds.sk.protocol == family && group && group <= NETLINK_GROUPS &&
	       ns->groups >> (group - 1) & 1;
}

void netlink_notify(struct netlink *nl, int family, uint32_t group, netlink_fill fill, const void *arg)
{
	_Alignas(NLMSG_ALIGNTO) uint8_t data[PIECE];
	struct nlbuf nb = { .data = data, .size = sizeof(data) };
	const struct nlbuf_to all = { 0 };

	list_for_each(n, &nl->members) {
		struct netlink_sock *ns = list_entry(n, struct netlink_sock, member);

		if (!is_member(ns, family, group))
			continue;
		if (!nb.len && !fill(&nb, &all, arg))
			return;
		enqueue(ns, data, nb.len, group);
	}
}

/*
 * The acknowledgement: an error, or that there was none, and the request that it is about: of a
 * success, and where the program wishes so (NETLINK_CAP_ACK), its header only.
 */
static void acknowledge(struct netlink_request *rq, int err)
{
	const struct nlmsgerr header = { err, *rq->nlh };
	bool capped = !err || rq->ns->cap_ack;
	bool tells = err && rq->ns->ext_ack && *rq->e->text;
	const struct nlbuf_to to = {
		rq->ns->port, rq->nlh->nlmsg_seq,
		(uint16_t)((capped ? NLM_F_CAPPED : 0) | (tells ? NLM_F_ACK_TLVS : 0)),
	};
	size_t rest = capped ? 0 : rq->nlh->nlmsg_len - sizeof(*rq->nlh);
	struct nlbuf nb = { .size = sizeof(header) + rest + sizeof(rq->e->text) + 64 };

	nb.data = malloc(nb.size);
	if (!nb.data) {
		sock_error(&rq->ns->ds.sk, ENOBUFS);
		return;
	}
	nlbuf_begin(&nb, &to, NLMSG_ERROR, &header, sizeof(header));
	nlbuf_append(&nb, rq->nlh + 1, rest);
	if (tells)
		nlbuf_text(&nb, NLMSGERR_ATTR_MSG, rq->e->text);
	if (nlbuf_end(&nb))
		enqueue(rq->ns, nb.data, nb.len, 0);
	free(nb.data);
}

/* ---- requests ---- */

/* Programs ask for tables with less than the family's header: what they leave out counts as zero. */
static struct nlmsghdr *copy_request(const struct nlmsghdr *nlh, size_t header)
{
	size_t least = MNL_NLMSG_HDRLEN + header, len = nlh->nlmsg_len;
	struct nlmsghdr *copy = calloc(1, len > least ? len : least);

	if (!copy)
		return NULL;
	memcpy(copy, nlh, len);
	copy->nlmsg_len = (uint32_t)(len > least ? len : least);
	return copy;
}

static int dump_start(struct netlink_request *rq, const struct netlink_handler *h)
{
	struct netlink_dump *d;

	if (rq->ns->dump)
		return weir_fail(rq->e, EBUSY, "a dump is under way on this socket; read it to its end first");
	if (rq->nlh->nlmsg_len > NETLINK_DUMP_MAX)
		return -EMSGSIZE;
	d = calloc(1, sizeof(*d));
	if (d)
		d->nlh = copy_request(rq->nlh, h->header);
	if (!d || !d->nlh) {
		free(d);
		return -ENOBUFS;
	}
	d->nl = rq->nl;
	d->arg = rq->arg;
	d->handler = h;
	d->to = (struct nlbuf_to){ rq->ns->port, rq->nlh->nlmsg_seq, NLM_F_MULTI };
	d->generation = rq->nl->ip->generation;
	rq->ns->dump = d;
	sock_event(&rq->ns->ds.sk);
	return 0;
}

static void dump_free(struct netlink_sock *ns)
{
	if (ns->dump)
		free(ns->dump->nlh);
	free(ns->dump);
	ns->dump = NULL;
}

/* NLM_F_ROOT or NLM_F_MATCH means a dump, but the same bits of a message that makes something say
 * how (NLM_F_REPLACE, NLM_F_EXCL). */
static bool wants_dump(const struct nlmsghdr *nlh, const struct netlink_handler *h)
{
	return !h->changes && nlh->nlmsg_flags & NLM_F_DUMP && h->dump;
}

/* Dumps are answered by their end; *quiet: nothing more is to be said. */
static int dispatch(struct netlink_request *rq, bool *quiet)
{
	const struct sock *sk = &rq->ns->ds.sk;
	const struct netlink_handler *h = find(rq->nl, sk->protocol, rq->nlh->nlmsg_type, &rq->arg);
	int err;

	if (!h)
		return weir_fail(rq->e, EOPNOTSUPP, "weir's stack does not know messages of type %u",
				 rq->nlh->nlmsg_type);
	if (wants_dump(rq->nlh, h)) {
		err = dump_start(rq, h);
		*quiet = !err;
		return err;
	}
	if (rq->nlh->nlmsg_len < MNL_NLMSG_HDRLEN + h->header)
		return weir_fail(rq->e, EINVAL, "%s has a header of %u bytes", h->name, h->header);
	if (h->changes && !sk->privileged)
		return weir_fail(rq->e, EPERM, "%s needs CAP_NET_ADMIN", h->name);
	return h->get ? h->get(rq) : -EOPNOTSUPP;
}

static void request(struct netlink_sock *ns, const struct nlmsghdr *nlh)
{
	struct weir_error e = { "" };
	struct netlink_request rq = {
		.nl = nl_of(&ns->ds.sk), .ns = ns, .nlh = nlh, .uid = ns->ds.sk.uid,
		.operator = ns->ds.sk.operator, .e = &e,
	};
	bool quiet = false;
	int err = 0;

	if (!(nlh->nlmsg_flags & NLM_F_REQUEST))
		return;
	if (nlh->nlmsg_type >= NLMSG_MIN_TYPE)
		err = dispatch(&rq, &quiet);
	if (!quiet && (err || nlh->nlmsg_flags & NLM_F_ACK))
		acknowledge(&rq, err);
}

/* Every message in n bytes; what is behind the last whole one is left out, as Linux does. */
static void requests(struct netlink_sock *ns, const uint8_t *at, uint32_t n)
{
	while (n >= MNL_NLMSG_HDRLEN) {
		const struct nlmsghdr *nlh = (const void *)at;
		uint32_t len = nlh->nlmsg_len, step;

		if (len < MNL_NLMSG_HDRLEN || len > n)
			return;
		if (len <= NETLINK_REQUEST_MAX)
			request(ns, nlh);
		step = MNL_ALIGN(len) < n ? MNL_ALIGN(len) : n;
		at += step;
		n -= step;
	}
}

/* Only the stack is there to be talked to. */
static int send_check(struct sock *sk, uint32_t n, const void *name, socklen_t len)
{
	struct sockaddr_nl to = { 0 };

	if (!n)
		return -ENODATA;
	if (name && len < sizeof(to))
		return -EINVAL;
	if (name)
		memcpy(&to, name, sizeof(to));
	if (name && to.nl_family != AF_NETLINK)
		return -EINVAL;
	if (to.nl_groups)
		return -EPERM;
	if (to.nl_pid)
		return -ECONNREFUSED;
	return n > sk->sndbuf || n > UINT16_MAX ? -EMSGSIZE : 0;
}

static void autobind(struct netlink_sock *ns);

int netlink_send(struct sock *sk, struct packet *p, const void *name, socklen_t len)
{
	struct netlink_sock *ns = netlink_sk(sk);
	uint32_t n = p->len;
	int err = send_check(sk, n, name, len);
	uint8_t *copy = NULL;

	if (!err) {
		copy = malloc(n);
		err = copy ? 0 : -ENOBUFS;
	}
	if (!err) {
		autobind(ns);
		packet_copy_out(p, 0, copy, n);
		requests(ns, copy, n);
	}
	free(copy);
	packet_free(p);
	return err;
}

/* ---- receiving ---- */

/* How a dump ends: DONE, with a status behind it. */
static void dump_end(struct netlink_dump *d, struct nlbuf *nb, int err)
{
	nlbuf_begin(nb, &d->to, NLMSG_DONE, &err, sizeof(err));
	nlbuf_end(nb);
}

/* The next piece into the queue; the reader sees no difference to what was queued before. */
static void dump_next(struct netlink_sock *ns)
{
	_Alignas(NLMSG_ALIGNTO) uint8_t data[PIECE];
	struct nlbuf nb = { .data = data, .size = sizeof(data) - DONE_LEN };
	struct netlink_dump *d = ns->dump;
	int more;

	if (d->generation != d->nl->ip->generation)
		d->to.flags |= NLM_F_DUMP_INTR;
	more = d->handler->dump(d, &nb);
	if (more == NETLINK_LATER && !nb.len) {
		sock_event(&ns->ds.sk);		/* who reads asks again */
		return;
	}
	if (more == 1 && !nb.len)
		more = -EMSGSIZE;		/* not one message fits: it never will */
	if (more != 1 && more != NETLINK_LATER) {
		nb.size = sizeof(data);
		dump_end(d, &nb, more);
		dump_free(ns);
	}
	enqueue(ns, data, nb.len, 0);
}

struct packet *netlink_recv(struct sock *sk, struct sockaddr_nl *from, struct nl_pktinfo *info)
{
	struct netlink_sock *ns = netlink_sk(sk);
	struct netlink_cb cb = { 0 };
	struct packet *p;

	if (!ns->ds.rcvq.head && ns->dump)
		dump_next(ns);
	p = dgram_take(&ns->ds, &cb, sizeof(cb));
	info->group = cb.group;
	*from = (struct sockaddr_nl){
		.nl_family = AF_NETLINK,
		.nl_groups = cb.group && cb.group <= 32 ? 1u << (cb.group - 1) : 0,
	};
	return p;
}

static uint32_t netlink_poll(struct sock *sk)
{
	return dgram_poll(sk) | (netlink_sk(sk)->dump ? EPOLLIN | EPOLLRDNORM : 0);
}

/* ---- life and names ---- */

/* A program chooses: what is hashed is keyed. */
static uint64_t port_hash(const struct netlink *nl, int family, uint32_t port)
{
	const uint32_t key[2] = { (uint32_t)family, port };

	return siphash(&nl->env->key, key, sizeof(key));
}

static bool port_taken(const struct netlink *nl, int family, uint32_t port)
{
	struct hash_node *n = hash_find(&nl->ports, port_hash(nl, family, port));

	for (; n; n = hash_find_next(n)) {
		const struct netlink_sock *ns = container_of(n, struct netlink_sock, by_port);

		if (ns->ds.sk.protocol == family && ns->port == port)
			return true;
	}
	return false;
}

static void port_set(struct netlink_sock *ns, uint32_t port)
{
	struct netlink *nl = nl_of(&ns->ds.sk);

	ns->port = port;
	hash_add(&nl->ports, &ns->by_port, port_hash(nl, ns->ds.sk.protocol, port));
}

void netlink_set_groups(struct netlink_sock *ns, uint64_t groups)
{
	ns->groups = groups;
	list_del(&ns->member);
	if (groups)
		list_add_tail(&ns->member, &nl_of(&ns->ds.sk)->members);
}

static void autobind(struct netlink_sock *ns)
{
	struct netlink *nl = nl_of(&ns->ds.sk);

	while (!ns->port) {
		nl->port--;
		if (nl->port && !port_taken(nl, ns->ds.sk.protocol, nl->port))
			port_set(ns, nl->port);
	}
}

static int netlink_bind(struct sock *sk, const void *sa, socklen_t len)
{
	struct netlink_sock *ns = netlink_sk(sk);
	struct sockaddr_nl name;

	if (len < sizeof(name))
		return -EINVAL;
	memcpy(&name, sa, sizeof(name));
	if (name.nl_family != AF_NETLINK || (ns->port && name.nl_pid && name.nl_pid != ns->port))
		return -EINVAL;
	if (!ns->port && name.nl_pid && port_taken(nl_of(sk), sk->protocol, name.nl_pid))
		return -EADDRINUSE;
	if (!ns->port && name.nl_pid)
		port_set(ns, name.nl_pid);
	autobind(ns);
	netlink_set_groups(ns, (ns->groups & ~(uint64_t)UINT32_MAX) | name.nl_groups);
	return 0;
}

static int netlink_name(struct sock *sk, void *sa, socklen_t *len)
{
	const struct netlink_sock *ns = netlink_sk(sk);
	const struct sockaddr_nl name = {
		.nl_family = AF_NETLINK, .nl_pid = ns->port, .nl_groups = (uint32_t)ns->groups,
	};

	memcpy(sa, &name, *len < sizeof(name) ? *len : sizeof(name));
	*len = sizeof(name);
	return 0;
}

static int netlink_init_sock(struct sock *sk)
{
	list_init(&netlink_sk(sk)->member);
	return sock_enlist(sk, &nl_of(sk)->socks, &nl_of(sk)->set);
}

static void netlink_close(struct sock *sk, bool abort)
{
	struct netlink_sock *ns = netlink_sk(sk);

	(void)abort;
	dump_free(ns);
	list_del(&ns->member);
	if (ns->port)
		hash_del(&nl_of(sk)->ports, &ns->by_port);
	dgram_free(dgram_sk(sk));
}

static int send_unnamed(struct sock *sk, struct packet *p, const struct datagram *d)
{
	(void)d;
	return netlink_send(sk, p, NULL, 0);
}

#define NETLINK_OPS \
	.size = sizeof(struct netlink_sock), .init = netlink_init_sock, .close = netlink_close, \
	.bind = sock_no_bind, .connect = sock_no_bind, .bind_name = netlink_bind, .sock_name = netlink_name, \
	.shutdown = sock_no_shutdown, .poll = netlink_poll, .unsent = dgram_unsent, .send = send_unnamed, \
	.recv = sock_no_recv, .pending = dgram_pending, .setsockopt = netlink_setsockopt, \
	.getsockopt = netlink_getsockopt

const struct transport_ops netlink_raw_ops = { .type = SOCK_RAW, NETLINK_OPS };
const struct transport_ops netlink_dgram_ops = { .type = SOCK_DGRAM, NETLINK_OPS };

int netlink_init(struct netlink *nl, struct env *env, struct ip *ip)
{
	if (hash_init(&nl->ports, 16) < 0)
		return -ENOMEM;
	nl->env = env;
	nl->ip = ip;
	nl->port = FIRST_PORT;
	list_init(&nl->socks);
	list_init(&nl->members);
	nl->set = (struct sock_set){ .row = NULL };
	list_init(&nl->tables);
	nl->route = (struct netlink_table){ .family = NETLINK_ROUTE, .handlers = rt_handlers, .arg = nl };
	netlink_add(nl, &nl->route);
	rt_watch(nl);
	return 0;
}

void netlink_destroy(struct netlink *nl)
{
	nl->ip->changed = NULL;
	list_for_each_safe(n, &nl->socks)
		netlink_close(list_entry(n, struct sock, all), true);
	sock_set_free(&nl->set);
	hash_free(&nl->ports);
}
