/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pfpacket.c - packet sockets (packet(7)).
 *
 * Theory of operation
 *
 * A socket that is bound to a protocol sees the frames of all NICs, or of one: those that come in
 * before anybody has judged them, and, for ETH_P_ALL, those that go out as they leave the qdisc for
 * the link, super-segments whole and checksums still open (TP_STATUS_CSUMNOTREADY), as on Linux. On
 * loopback each packet is seen on its way out and on its way in; there it has no link header, and
 * is given one of zeros. What a socket itself sends it does not see.
 *
 * The NICs call a tap for each frame only as long as there is a socket (struct nic_tap). What a socket
 * gets is a clone, whose payload is shared with the packet; its filter (SO_ATTACH_FILTER) decides
 * how much of it. Frames wait in the receive queue, bounded by SO_RCVBUF, or in a ring (ring.c).
 *
 * Sending: SOCK_RAW sends the frame as it is, SOCK_DGRAM is given a header. Both go through the
 * NIC's qdisc, so a shaper holds for them, too.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/bytes.h"
#include "nic/ethernet.h"
#include "packet/bpf.h"
#include "packet/pool.h"
#include "pfpacket/sock.h"

_Static_assert(sizeof(struct pfpacket_frame) <= PACKET_CB, "what is known of a frame fits its packet");
_Static_assert(PACKET_OUTGOING > (int)PACKET_OTHERHOST, "Linux's packet types are ours");

static struct pfpacket *pf_of(const struct sock *sk)
{
	return sk->table;
}

/* Bytes of link header that a program sees: loopback shows one that it has not. */
static uint32_t link_len(const struct nic *nic)
{
	return nic->loopback ? ETH_HEADER_LEN : nic_header_len(nic);
}

/* ---- receiving ---- */

static bool wants(const struct pfpacket_sock *ps, const struct nic *nic, const struct packet *p,
		  bool out)
{
	if (ps->ifindex && ps->ifindex != nic->index)
		return false;
	if (out && (ps->ignore_outgoing || ps->proto != ETH_P_ALL || p->owner == ps))
		return false;
	return ps->proto == ETH_P_ALL || (ps->proto && ps->proto == p->protocol);
}

static uint32_t frame_status(const struct pfpacket_sock *ps, const struct packet *p)
{
	uint32_t status = TP_STATUS_USER;

	if (p->csum == PACKET_CSUM_PARTIAL)
		status |= TP_STATUS_CSUMNOTREADY;
	else if (p->csum == PACKET_CSUM_VERIFIED)
		status |= TP_STATUS_CSUM_VALID;
	if (ps->dropped)
		status |= TP_STATUS_LOSING;
	return status;
}

static void frame_fill(const struct pfpacket_sock *ps, const struct nic *nic,
		       const struct packet *p, bool out, struct pfpacket_frame *f)
{
	*f = (struct pfpacket_frame){
		.name = {
			.sll_family = AF_PACKET, .sll_protocol = htons(p->protocol),
			.sll_ifindex = (int)nic->index, .sll_hatype = nic_hatype(nic),
			.sll_pkttype = out ? PACKET_OUTGOING : p->type,
			.sll_halen = link_len(nic) ? LINK_ADDR_LEN : 0,
		},
		.status = frame_status(ps, p),
		.tstamp = ps->ds.sk.ip->env->now,
	};
	if (!nic->l3)
		memcpy(f->name.sll_addr, p->data + LINK_ADDR_LEN, LINK_ADDR_LEN);
}

/* A clone with the link header or without it, as the socket wants. */
static struct packet *frame_clone(const struct pfpacket_sock *ps, const struct nic *nic,
				  const struct packet *p)
{
	struct packet *c = packet_share(p);
	bool raw = ps->ds.sk.ops->type == SOCK_RAW;
	uint8_t *h;

	if (!c)
		return NULL;
	if (nic->loopback && raw) {
		if (c->data - c->base < (ptrdiff_t)ETH_HEADER_LEN) {
			packet_free(c);
			return NULL;
		}
		h = packet_push(c, ETH_HEADER_LEN);
		memset(h, 0, ETH_HEADER_LEN);
		put_be16(h + 2 * LINK_ADDR_LEN, c->protocol);
	} else if (!raw) {
		packet_pull(c, nic_header_len(nic));
	}
	c->network = (uint16_t)(c->data - c->base + (raw ? link_len(nic) : 0));
	return c;
}

/* Cut the clone to what the filter lets through. */
static bool frame_filter(const struct pfpacket_sock *ps, const struct nic *nic, struct packet *c,
			 const struct pfpacket_frame *f)
{
	struct bpf_view v = {
		.p = c, .link = ps->ds.sk.ops->type == SOCK_RAW, .ifindex = nic->index,
		.hatype = f->name.sll_hatype, .pkttype = f->name.sll_pkttype,
		.random = &ps->ds.sk.ip->env->random,
	};
	uint32_t n = ps->ds.sk.filter ? bpf_run(ps->ds.sk.filter, &v) : c->len;

	if (!n)
		return false;
	if (n < c->len)
		packet_trim(c, n);
	return true;
}

static void frame_deliver(struct pfpacket_sock *ps, const struct nic *nic, const struct packet *p,
			  bool out)
{
	bool full = !ps->ring.mem && dgram_room(&ps->ds, p);
	struct packet *c = full ? NULL : frame_clone(ps, nic, p);
	struct pfpacket_frame f;
	bool ok;

	if (!c) {
		ps->dropped++;
		return;
	}
	frame_fill(ps, nic, p, out, &f);
	f.len = c->len;
	f.net = ps->ds.sk.ops->type == SOCK_RAW ? link_len(nic) : 0;
	if (!frame_filter(ps, nic, c, &f)) {
		packet_free(c);
		return;
	}
	if (ps->ring.mem) {
		ok = pfpacket_ring_put(ps, c, &f);
		packet_free(c);
		if (ok)
			sock_event(&ps->ds.sk);
	} else {
		ok = !dgram_queue(&ps->ds, c, &f, sizeof(f));
	}
	if (ok)
		ps->packets++;
	else
		ps->dropped++;
}

static void pfpacket_frame(struct nic_tap *t, struct nic *nic, const struct packet *p, bool out)
{
	struct pfpacket *pf = container_of(t, struct pfpacket, tap);

	list_for_each(n, &pf->listeners) {
		struct pfpacket_sock *ps = list_entry(n, struct pfpacket_sock, listens);

		if (wants(ps, nic, p, out))
			frame_deliver(ps, nic, p, out);
	}
}

struct packet *pfpacket_recv(struct sock *sk, struct pfpacket_frame *f)
{
	return dgram_take(dgram_sk(sk), f, sizeof(*f));
}

void pfpacket_auxdata(const struct pfpacket_frame *f, uint32_t snaplen, struct tpacket_auxdata *aux)
{
	*aux = (struct tpacket_auxdata){
		.tp_status = f->status, .tp_len = f->len, .tp_snaplen = snaplen,
		.tp_net = (uint16_t)f->net,
	};
}

/* ---- sending ---- */

/* Where to, by name or by what the socket is bound to. */
static int send_where(struct sock *sk, const struct sockaddr_ll *to, struct nic **nic)
{
	struct pfpacket_sock *ps = pfpacket_sk(sk);
	uint32_t ifindex = to ? (uint32_t)to->sll_ifindex : ps->ifindex;

	*nic = nic_find_index(sk->ip->nics, ifindex);
	if (!*nic)
		return -ENXIO;
	return (*nic)->up ? 0 : -ENETDOWN;
}

static int send_check(struct sock *sk, const struct packet *p, const struct nic *nic)
{
	uint32_t header = sk->ops->type == SOCK_RAW ? link_len(nic) : 0;

	if (sk->error)
		return -sock_take_error(sk);
	if (p->len < header || !p->len)
		return -EINVAL;
	if (p->len > nic->mtu + header)
		return -EMSGSIZE;
	return sock_may_send(sk) ? 0 : -EAGAIN;
}

static void send_header(struct packet *p, const struct nic *nic, const struct sockaddr_ll *to,
			uint16_t proto)
{
	uint8_t *h = packet_push(p, ETH_HEADER_LEN);

	memset(h, 0, ETH_HEADER_LEN);
	if (to && to->sll_halen == LINK_ADDR_LEN)
		memcpy(h, to->sll_addr, LINK_ADDR_LEN);
	memcpy(h + LINK_ADDR_LEN, nic->addr, LINK_ADDR_LEN);
	put_be16(h + 2 * LINK_ADDR_LEN, proto);
}

/* Make of p what nic_output takes. -ENOBUFS */
static int send_prepare(struct sock *sk, struct packet *p, const struct nic *nic,
			const struct sockaddr_ll *to)
{
	bool raw = sk->ops->type == SOCK_RAW;
	uint32_t header = link_len(nic);

	p->protocol = to ? ntohs(to->sll_protocol) : pfpacket_sk(sk)->proto;
	if (raw && header) {
		if (!packet_need(p, header))
			return -ENOBUFS;
		p->protocol = get_be16(p->data + 2 * LINK_ADDR_LEN);
		if (nic->loopback)
			packet_pull(p, header);
	} else if (!nic->l3) {
		send_header(p, nic, to, p->protocol);
	}
	p->network = (uint16_t)(p->data - p->base + nic_header_len(nic));
	p->csum = PACKET_CSUM_NONE;
	return 0;
}

static int send_frame(struct sock *sk, struct packet *p, const struct sockaddr_ll *to)
{
	struct nic *nic;
	int err = send_where(sk, to, &nic);

	if (!err)
		err = send_check(sk, p, nic);
	if (!err)
		err = send_prepare(sk, p, nic, to);
	if (err) {
		packet_free(p);
		return err;
	}
	sock_charge(sk, p);
	nic_output(nic, p);
	return 0;
}

int pfpacket_send(struct sock *sk, struct packet *p, const void *name, socklen_t len)
{
	struct sockaddr_ll to = { 0 };
	int err = 0;

	if (!name)
		return send_frame(sk, p, NULL);
	if (len < PFPACKET_ADDR_MIN || len < sizeof(to))
		err = -EINVAL;
	else
		memcpy(&to, name, sizeof(to));
	if (!err && to.sll_family != AF_PACKET && to.sll_family != AF_UNSPEC)
		err = -EAFNOSUPPORT;
	if (err) {
		packet_free(p);
		return err;
	}
	return send_frame(sk, p, &to);
}

static int send_unnamed(struct sock *sk, struct packet *p, const struct datagram *d)
{
	(void)d;
	return pfpacket_send(sk, p, NULL, 0);
}

/* ---- life and names ---- */

/* The tap costs every packet a little: it is there only as long as somebody listens. */
static void listen_to(struct pfpacket_sock *ps, uint16_t proto)
{
	struct pfpacket *pf = pf_of(&ps->ds.sk);

	ps->proto = proto;
	list_del(&ps->listens);
	if (proto)
		list_add_tail(&ps->listens, &pf->listeners);
	list_del(&pf->tap.node);
	if (!list_empty(&pf->listeners))
		list_add_tail(&pf->tap.node, &pf->ip->nics->taps);
}

static int sock_init(struct sock *sk)
{
	pfpacket_sk(sk)->ring.fd = -1;
	list_init(&pfpacket_sk(sk)->listens);
	return sock_enlist(sk, &pf_of(sk)->socks, &pf_of(sk)->set);
}

static void pfpacket_close(struct sock *sk, bool abort)
{
	(void)abort;
	listen_to(pfpacket_sk(sk), 0);
	pfpacket_ring_free(pfpacket_sk(sk));
	dgram_free(dgram_sk(sk));
}

void pfpacket_set_proto(struct sock *sk, uint16_t proto)
{
	listen_to(pfpacket_sk(sk), proto);
}

int pfpacket_bind(struct sock *sk, const void *sa, socklen_t len)
{
	struct pfpacket_sock *ps = pfpacket_sk(sk);
	struct sockaddr_ll ll;
	struct nic *nic = NULL;

	if (len < sizeof(ll))
		return -EINVAL;
	memcpy(&ll, sa, sizeof(ll));
	if (ll.sll_family != AF_PACKET)
		return -EINVAL;
	if (ll.sll_ifindex) {
		nic = nic_find_index(sk->ip->nics, (uint32_t)ll.sll_ifindex);
		if (!nic)
			return -ENODEV;
	}
	ps->ifindex = (uint32_t)ll.sll_ifindex;
	if (ll.sll_protocol)
		listen_to(ps, ntohs(ll.sll_protocol));
	if (nic && !nic->up)
		sock_error(sk, ENETDOWN);
	return 0;
}

int pfpacket_name(struct sock *sk, void *sa, socklen_t *len)
{
	const struct pfpacket_sock *ps = pfpacket_sk(sk);
	const struct nic *nic = nic_find_index(sk->ip->nics, ps->ifindex);
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)ps->ifindex,
		.sll_protocol = htons(ps->proto),
	};

	if (nic) {
		ll.sll_hatype = nic_hatype(nic);
		ll.sll_halen = link_len(nic) ? LINK_ADDR_LEN : 0;
		memcpy(ll.sll_addr, nic->addr, ll.sll_halen);
	}
	memcpy(sa, &ll, *len < sizeof(ll) ? *len : sizeof(ll));
	*len = PFPACKET_ADDR_MIN + ll.sll_halen;
	return 0;
}

static uint32_t pfpacket_poll(struct sock *sk)
{
	uint32_t mask = dgram_poll(sk);

	if (pfpacket_ring_readable(pfpacket_sk(sk)))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

int pfpacket_ring_fd(struct sock *sk)
{
	return sk->family == AF_PACKET ? pfpacket_sk(sk)->ring.fd : -1;
}

#define PFPACKET_OPS \
	.size = sizeof(struct pfpacket_sock), .init = sock_init, .close = pfpacket_close, \
	.bind = sock_no_bind, .connect = sock_no_bind, .bind_name = pfpacket_bind, \
	.sock_name = pfpacket_name, .shutdown = sock_no_shutdown, .poll = pfpacket_poll, \
	.unsent = dgram_unsent, .send = send_unnamed, .recv = sock_no_recv, .pending = dgram_pending, \
	.setsockopt = pfpacket_setsockopt, .getsockopt = pfpacket_getsockopt

const struct transport_ops pfpacket_raw_ops = { .type = SOCK_RAW, PFPACKET_OPS };
const struct transport_ops pfpacket_dgram_ops = { .type = SOCK_DGRAM, PFPACKET_OPS };

/* Who is bound to a NIC is told when it goes down, once. */
static void pfpacket_event(struct nic_tap *t, struct nic *nic, enum nic_event ev)
{
	struct pfpacket *pf = container_of(t, struct pfpacket, tap);

	if (ev != NIC_DOWN)
		return;
	list_for_each(n, &pf->socks) {
		struct sock *sk = list_entry(n, struct sock, all);

		if (pfpacket_sk(sk)->ifindex == nic->index)
			sock_error(sk, ENETDOWN);
	}
}

void pfpacket_init(struct pfpacket *pf, struct env *env, struct ip *ip)
{
	pf->env = env;
	pf->ip = ip;
	list_init(&pf->socks);
	list_init(&pf->listeners);
	pf->set = (struct sock_set){ .row = NULL };
	pf->tap = (struct nic_tap){ .frame = pfpacket_frame, .event = pfpacket_event };
	list_init(&pf->tap.node);
}

void pfpacket_destroy(struct pfpacket *pf)
{
	list_for_each_safe(n, &pf->socks)
		pfpacket_close(list_entry(n, struct sock, all), true);
	sock_set_free(&pf->set);
}
