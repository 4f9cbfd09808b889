/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ping.c - ping sockets: SOCK_DGRAM with IPPROTO_ICMP (icmp(7)) or, of AF_INET6, IPPROTO_ICMPV6.
 *
 * Theory of operation. They need no privilege because they can do nothing but ping: only echo
 * requests may be sent, and only the replies to them come back. The identifier of the echo takes
 * the place of a port: bind() names it, or an ephemeral one is taken; it is written over whatever
 * the program put there, and so is the checksum. A reply, or an error about a request, goes to the
 * socket that has its identifier.
 */
#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <string.h>

#include "ip/ipv4.h"
#include "packet/pool.h"
#include "raw/internal.h"

static int ping_sock_init(struct sock *sk)
{
	return sock_enlist(sk, &raw_of(sk)->pings, &raw_of(sk)->ping_set);
}

static void ping_close(struct sock *sk, bool abort)
{
	(void)abort;
	dgram_free(dgram_sk(sk));
}

static int ping_bind(struct sock *sk, const struct ip_addr *a, uint16_t port)
{
	return port_bind(&raw_of(sk)->ids, sk, a, port);
}

static int ping_connect(struct sock *sk, const struct ip_addr *a, uint16_t port)
{
	if (!sk->lport && port_autobind(&raw_of(sk)->ids, sk))
		return -EAGAIN;
	return dgram_connect(sk, a, port);
}

static int prepare(struct sock *sk, struct packet *p, const struct datagram *d, struct flow *f,
		   struct icmphdr *h)
{
	struct dgram_sock *ds = dgram_sk(sk);
	int err;

	bool v6 = sk->family == AF_INET6;

	if (p->len > IPV4_MAX_LEN - IPV4_HEADER_LEN)
		return -EMSGSIZE;
	if (!packet_need(p, sizeof(*h)))
		return -EINVAL;
	memcpy(h, p->data, sizeof(*h));
	if (h->type != (v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO) || h->code)
		return -EINVAL;
	err = dgram_begin(ds, d, f);
	if (err)
		return err;
	if (ip_addr_is_v4(&f->dst) == v6)	/* ping has no dual stack */
		return -EINVAL;
	if (!sk->lport && port_autobind(&raw_of(sk)->ids, sk))
		return -EAGAIN;
	err = dgram_route(ds, f);
	return err ? err : dgram_fits(ds, f, p->len + ip_header_len(&f->dst), 0);
}

static int ping_send(struct sock *sk, struct packet *p, const struct datagram *d)
{
	struct icmphdr h;
	uint32_t sum = 0;
	struct flow f;
	int err = prepare(sk, p, d, &f, &h);

	if (err) {
		packet_free(p);
		return err;
	}
	h.un.echo.id = htons(sk->lport);
	h.checksum = 0;
	memcpy(p->data, &h, sizeof(h));
	if (sk->family == AF_INET6)
		sum = ip_pseudo(&f.src, &f.dst, IPPROTO_ICMPV6, p->len);
	h.checksum = checksum_fold(checksum_packet(p, 0, p->len, sum));
	memcpy(p->data, &h, sizeof(h));
	p->csum = PACKET_CSUM_NONE;
	sock_charge(sk, p);
	err = ip_output(sk->ip, p, &f, &sk->dst);
	return err == -ENOBUFS && !sock_recverr(sk, &f.dst) ? 0 : err;
}

/* Who sent the echo request with this identifier from local? */
static struct sock *lookup(const struct raw *raw, uint16_t id, const struct ip_addr *local,
			   const struct nic *nic)
{
	struct port_names n = { .dst = *local, .dport = id, .nic = nic };

	return port_receiver(&raw->ids, &n);
}

void ping_input(struct raw *raw, const struct packet *p, const struct ip_meta *m)
{
	struct datagram d = {
		.src = m->src, .dst = m->dst, .nic = m->nic, .ttl = m->ttl, .tos = m->tos,
		.tstamp = p->tstamp ? p->tstamp : raw->env->now,
	};
	struct packet *copy;
	struct icmphdr h;
	struct sock *sk;

	if (p->len < sizeof(h))
		return;
	packet_copy_out(p, 0, &h, sizeof(h));
	if (h.type != (ip_addr_is_v4(&m->dst) ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY))
		return;
	sk = lookup(raw, ntohs(h.un.echo.id), &m->dst, m->nic);
	copy = sk ? packet_share(p) : NULL;
	if (copy && !sock_filter(sk, copy, 0))
		packet_free(copy);
	else if (copy)
		dgram_deliver(dgram_sk(sk), copy, &d);
}

void ping_error(struct raw *raw, const struct ip_meta *quoted, const uint8_t *icmp, uint32_t len,
		const struct ip_error *e)
{
	struct icmphdr h;
	struct sock *sk;

	if (len < sizeof(h))
		return;
	memcpy(&h, icmp, sizeof(h));
	if (h.type != (ip_addr_is_v4(&quoted->dst) ? ICMP_ECHO : ICMPV6_ECHO_REQUEST))
		return;
	sk = lookup(raw, ntohs(h.un.echo.id), &quoted->src, NULL);
	if (sk)
		dgram_icmp_error(dgram_sk(sk), quoted, e, 0, icmp, len);
}

static int ping_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len)
{
	(void)sk, (void)level, (void)name, (void)v, (void)len;
	return -ENOPROTOOPT;
}

static int ping_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len)
{
	(void)sk, (void)level, (void)name, (void)v, (void)len;
	return -ENOPROTOOPT;
}

const struct transport_ops ping_ops = {
	.type = SOCK_DGRAM,
	.protocol = IPPROTO_ICMP,
	.size = sizeof(struct dgram_sock),
	.init = ping_sock_init,
	.close = ping_close,
	.bind = ping_bind,
	.connect = ping_connect,
	.disconnect = dgram_disconnect,
	.shutdown = dgram_shutdown,
	.poll = dgram_poll,
	.unsent = dgram_unsent,
	.send = ping_send,
	.recv = dgram_recv,
	.recverr = dgram_recverr,
	.pending = dgram_pending,
	.setsockopt = ping_setsockopt,
	.getsockopt = ping_getsockopt,
};
