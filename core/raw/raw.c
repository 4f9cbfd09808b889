/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw.c - raw sockets (raw(7)).
 *
 * Theory of operation. A raw socket sends packets of one protocol, whose bytes behind the IP header
 * are the program's (with IP_HDRINCL the header, too), and gets a copy of every packet of that
 * protocol and of its family that is delivered here and fits its names, IPv4's header included.
 * ICMP messages are shown by ip/'s tap, errors too; ICMP_FILTER (a bit for every type that is not
 * wanted) thins them out. TCP's, UDP's and IGMP's packets are seen by a second tap, which is there
 * while a socket for one of them is. Errors about what was sent, by whoever, come by a third. Any
 * other protocol, which nobody has registered, is taken from ip/ while there is a socket for it, so
 * that "protocol unreachable" is answered otherwise.
 */
#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <string.h>

#include "ip/group.h"
#include "ip/ipv4.h"
#include "packet/checksum.h"
#include "packet/pool.h"
#include "raw/internal.h"

struct raw_sock {
	struct dgram_sock ds;		/* first */
	struct list by_proto;		/* raw->by_proto[] */
	uint32_t icmp_filter[8];	/* bit set: this type is not wanted; ICMP has one word of them */
	int csum_offset;		/* IPV6_CHECKSUM; -1 = none */
};

static inline struct raw_sock *raw_sk(struct sock *sk) { return (struct raw_sock *)sk; }
static inline struct sock *by_proto(struct list *n) { return &list_entry(n, struct raw_sock, by_proto)->ds.sk; }

/* Does a packet from remote to local concern sk? */
static bool fits(const struct sock *sk, uint8_t proto, const struct ip_addr *remote,
		 const struct ip_addr *local, const struct nic *nic)
{
	return sk->protocol == proto && proto != IPPROTO_RAW &&
	       ip_addr_is_v4(local) == (sk->family == AF_INET) && sock_takes(sk, local) &&
	       (!dgram_connected(sk) || ip_addr_eq(&sk->remote, remote)) &&
	       (!sk->bound_nic || !nic || sk->bound_nic == nic);
}

struct sock *raw_find(const struct raw *raw, int family, uint8_t proto, const struct ip_meta *m)
{
	list_for_each(n, &raw->by_proto[proto]) {
		struct sock *sk = by_proto(n);

		if (sk->family == family && sock_takes(sk, &m->dst) &&
		    (!dgram_connected(sk) || ip_addr_eq(&sk->remote, &m->src)))
			return sk;
	}
	return NULL;
}

static bool is_icmp(const struct sock *sk)
{
	return sk->protocol == (sk->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static bool filtered(struct sock *sk, const struct packet *p)
{
	uint8_t type;

	if (!is_icmp(sk) || !p->len)
		return false;
	packet_copy_out(p, 0, &type, 1);
	return raw_sk(sk)->icmp_filter[type / 32] >> type % 32 & 1;
}

static void deliver(struct sock *sk, const struct packet *p, const struct ip_meta *m)
{
	struct packet *copy;
	struct datagram d = {
		.src = m->src, .dst = m->dst, .nic = m->nic, .ttl = m->ttl, .tos = m->tos,
		.tstamp = p->tstamp ? p->tstamp : sk->ip->env->now,
	};

	if (dgram_room(dgram_sk(sk), p))
		return;
	copy = packet_share(p);
	if (!copy)
		return;
	if (sk->family == AF_INET)		/* IPv6's headers are not shown: RFC 3542 section 3 */
		memcpy(packet_push(copy, m->header_len), p->base + p->network, m->header_len);
	if (sock_filter(sk, copy, 0))
		dgram_deliver(dgram_sk(sk), copy, &d);
	else
		packet_free(copy);
}

/* IPV6_CHECKSUM: the kernel sums for the program (RFC 3542 section 3.1). */
static bool checksum_ok(struct sock *sk, const struct packet *p, const struct ip_meta *m)
{
	if (raw_sk(sk)->csum_offset < 0 || p->csum != PACKET_CSUM_NONE)
		return true;
	return !checksum_fold(checksum_packet(p, 0, p->len,
					      ip_pseudo(&m->src, &m->dst, m->proto, p->len)));
}

static int checksum_fill(struct sock *sk, struct packet *p, const struct flow *f)
{
	int at = raw_sk(sk)->csum_offset;
	uint16_t sum = 0;

	if (at < 0 || sk->hdrincl)
		return 0;
	if (!packet_need(p, (uint32_t)at + sizeof(sum)))
		return -EINVAL;
	memcpy(p->data + at, &sum, sizeof(sum));
	sum = checksum_fold(checksum_packet(p, 0, p->len,
					    ip_pseudo(&f->src, &f->dst, f->proto, p->len)));
	if (!sum)
		sum = 0xffff;
	memcpy(p->data + at, &sum, sizeof(sum));
	return 0;
}

/* To every socket that it concerns; false: none. */
static bool deliver_all(struct raw *raw, const struct packet *p, const struct ip_meta *m)
{
	bool any = false;

	list_for_each(n, &raw->by_proto[m->proto]) {
		struct sock *sk = by_proto(n);

		if (!fits(sk, m->proto, &m->src, &m->dst, m->nic) ||
		    !group_sock_allows(sk, m->nic, &m->dst, &m->src))
			continue;
		any = true;
		if (!filtered(sk, p) && checksum_ok(sk, p, m))
			deliver(sk, p, m);
	}
	return any;
}

static void raw_tap(void *arg, const struct packet *p, const struct ip_meta *m)
{
	deliver_all(arg, p, m);
	ping_input(arg, p, m);
}

static bool has_transport(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_IGMP;
}

static void raw_transport_tap(void *arg, const struct packet *p, const struct ip_meta *m)
{
	if (has_transport(m->proto))	/* others' raw_input gets */
		deliver_all(arg, p, m);
}

static bool raw_input(void *arg, struct packet *p, const struct ip_meta *m)
{
	if (!deliver_all(arg, p, m))
		return false;
	packet_free(p);
	return true;
}

/* The error queue shows what the socket sent: with IP_HDRINCL, from the IP header on. */
static void raw_error(struct raw *raw, const struct ip_meta *quoted, const uint8_t *transport,
		      uint32_t len, const struct ip_error *e)
{
	list_for_each(n, &raw->by_proto[quoted->proto]) {
		struct sock *sk = by_proto(n);
		uint32_t header = sk->hdrincl ? quoted->header_len : 0;

		if (fits(sk, quoted->proto, &quoted->dst, &quoted->src, NULL))
			dgram_icmp_error(dgram_sk(sk), quoted, e, 0, transport - header, len + header);
	}
}

static void raw_error_tap(void *arg, const struct ip_meta *quoted, const uint8_t *transport,
			  uint32_t len, const struct ip_error *e)
{
	raw_error(arg, quoted, transport, len, e);
	if (quoted->proto == IPPROTO_ICMP || quoted->proto == IPPROTO_ICMPV6)
		ping_error(arg, quoted, transport, len, e);
}

static const struct ip_protocol raw_protocol = { .input = raw_input };

/* A socket comes (1) or goes (-1). The tap costs every packet a little: it is there only as long as
 * somebody wants it. */
static void count_transport(struct raw *raw, uint8_t proto, int n)
{
	if (has_transport(proto))
		raw->transport_socks += (uint32_t)n;
	raw->ip->raw_tap = raw->transport_socks ? raw_transport_tap : NULL;
	raw->ip->raw_tap_arg = raw;
}

static int raw_sock_init(struct sock *sk)
{
	struct ip *ip = sk->ip;
	int err = sock_enlist(sk, &raw_of(sk)->socks, &raw_of(sk)->set);

	if (err)
		return err;
	list_add_tail(&raw_sk(sk)->by_proto, &raw_of(sk)->by_proto[sk->protocol]);
	sk->lport = sk->protocol;	/* as getsockname shows it */
	sk->bound_port = true;
	raw_sk(sk)->csum_offset = sk->family == AF_INET6 && is_icmp(sk) ? 2 : -1;
	if (sk->protocol == IPPROTO_RAW)
		sk->hdrincl = true;
	else if (!ip->protocols[sk->protocol])
		ip_register(ip, sk->protocol, &raw_protocol, raw_of(sk));
	count_transport(raw_of(sk), sk->protocol, 1);
	return 0;
}

static void raw_close(struct sock *sk, bool abort)
{
	struct raw *raw = raw_of(sk);
	struct ip *ip = sk->ip;
	uint8_t proto = sk->protocol;

	(void)abort;
	list_del(&raw_sk(sk)->by_proto);
	dgram_free(dgram_sk(sk));
	count_transport(raw, proto, -1);
	if (ip->protocols[proto] == &raw_protocol && list_empty(&raw->by_proto[proto]))
		ip_register(ip, proto, NULL, NULL);
}

static int raw_bind(struct sock *sk, const struct ip_addr *a, uint16_t port)
{
	(void)port;
	sk->local = *a;
	sk->bound_addr = !ip_addr_is_any(a);
	return 0;
}

/* What can be refused before the packet is touched. */
static int prepare(struct sock *sk, struct packet *p, const struct datagram *d, struct flow *f)
{
	struct dgram_sock *ds = dgram_sk(sk);
	uint32_t header;
	int err;

	if (p->len > IPV4_MAX_LEN)
		return -EMSGSIZE;
	err = dgram_begin(ds, d, f);
	if (err)
		return err;
	err = dgram_route(ds, f);
	if (err)
		return err;
	header = sk->hdrincl ? 0 : ip_header_len(&f->dst);
	if (!sk->hdrincl && p->len > IPV4_MAX_LEN - header)
		return -EMSGSIZE;
	if (!sk->hdrincl)
		return dgram_fits(ds, f, p->len + header, 0);
	if (p->len <= sk->dst.mtu)
		return 0;
	if (sock_recverr(sk, &f->dst))
		errqueue_local(&ds->errq, sk, &f->dst, 0, EMSGSIZE, sk->dst.mtu);
	return -EMSGSIZE;
}

static int raw_send(struct sock *sk, struct packet *p, const struct datagram *d)
{
	struct flow f;
	int err = prepare(sk, p, d, &f);

	if (!err)
		err = checksum_fill(sk, p, &f);
	if (err) {
		packet_free(p);
		return err;
	}
	p->csum = PACKET_CSUM_NONE;
	sock_charge(sk, p);
	err = sk->hdrincl ? ip_output_raw(sk->ip, p, &f, &sk->dst)
			  : ip_output(sk->ip, p, &f, &sk->dst);
	return err == -ENOBUFS && !sock_recverr(sk, &f.dst) ? 0 : err;
}

/* The filter that an option of this level and name is about; its size. */
static uint32_t *filter_of(struct sock *sk, int level, int name, socklen_t *size)
{
	bool v6 = sk->family == AF_INET6;

	if (v6 ? level != IPPROTO_ICMPV6 || name != ICMPV6_FILTER
	       : level != SOL_RAW || name != ICMP_FILTER)
		return NULL;
	*size = v6 ? sizeof(raw_sk(sk)->icmp_filter) : sizeof(raw_sk(sk)->icmp_filter[0]);
	return raw_sk(sk)->icmp_filter;
}

/* RFC 3542 section 3.1: an even offset; ICMPv6's is where it is. */
static int set_checksum(struct sock *sk, const void *v, socklen_t len)
{
	int at;

	if (len < sizeof(at))
		return -EINVAL;
	memcpy(&at, v, sizeof(at));
	if (is_icmp(sk))
		return at == 2 ? 0 : -EINVAL;
	if (at > 0 && (at & 1))
		return -EINVAL;
	raw_sk(sk)->csum_offset = at < 0 ? -1 : at > UINT16_MAX ? UINT16_MAX - 1 : at;
	return 0;
}

static bool is_checksum(const struct sock *sk, int level, int name)
{
	return sk->family == AF_INET6 && (level == SOL_RAW || level == IPPROTO_IPV6) &&
	       name == IPV6_CHECKSUM;
}

static int raw_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len)
{
	socklen_t size;
	uint32_t *filter = filter_of(sk, level, name, &size);

	if (is_checksum(sk, level, name))
		return set_checksum(sk, v, len);
	if (!filter)
		return -ENOPROTOOPT;
	if (!is_icmp(sk))
		return -EOPNOTSUPP;
	memcpy(filter, v, len < size ? len : size);
	return 0;
}

static int raw_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len)
{
	socklen_t size = sizeof(int);
	const void *from = filter_of(sk, level, name, &size);

	if (is_checksum(sk, level, name))
		from = &raw_sk(sk)->csum_offset;
	else if (!from)
		return -ENOPROTOOPT;
	else if (!is_icmp(sk))
		return -EOPNOTSUPP;
	if (*len > size)
		*len = size;
	memcpy(v, from, *len);
	return 0;
}

const struct transport_ops raw_ops = {
	.type = SOCK_RAW,
	.protocol = 0,
	.size = sizeof(struct raw_sock),
	.init = raw_sock_init,
	.close = raw_close,
	.bind = raw_bind,
	.connect = dgram_connect,
	.disconnect = dgram_disconnect,
	.shutdown = dgram_shutdown,
	.poll = dgram_poll,
	.unsent = dgram_unsent,
	.send = raw_send,
	.recv = dgram_recv,
	.recverr = dgram_recverr,
	.pending = dgram_pending,
	.setsockopt = raw_setsockopt,
	.getsockopt = raw_getsockopt,
};

int raw_init(struct raw *raw, struct env *env, struct ip *ip)
{
	int err;

	raw->env = env;
	raw->ip = ip;
	list_init(&raw->socks);
	list_init(&raw->pings);
	for (size_t i = 0; i < IP_PROTO_MAX; i++)
		list_init(&raw->by_proto[i]);
	raw->set = raw->ping_set = (struct sock_set){ .row = NULL };
	raw->transport_socks = 0;
	err = port_table_init(&raw->ids, env);
	if (err)
		return err;
	raw->ids.one_family = true;
	ip->icmp_tap = raw_tap;
	ip->icmp_error_tap = raw_error_tap;
	ip->icmp_tap_arg = raw;
	return 0;
}

void raw_destroy(struct raw *raw)
{
	list_for_each_safe(n, &raw->socks)
		raw_close(list_entry(n, struct sock, all), true);
	list_for_each_safe(n, &raw->pings) {
		struct sock *sk = list_entry(n, struct sock, all);

		sk->ops->close(sk, true);
	}
	sock_set_free(&raw->set);
	sock_set_free(&raw->ping_set);
	port_table_destroy(&raw->ids);
	raw->ip->icmp_tap = NULL;
	raw->ip->icmp_error_tap = NULL;
}
