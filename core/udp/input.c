/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.c - receiving UDP datagrams, and the ICMP errors about those sent.
 *
 * A unicast datagram goes to one socket (ip/port_use.c). Broadcasts and multicasts go to every socket that fits,
 * multicasts as far as its source filters let them (RFC 3376 section 3.1). A super-packet, from a
 * link that aggregates, from GRO or over loopback, is one message for a socket that asks for that
 * (UDP_GRO); for others it is cut here.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "ip/group.h"
#include "packet/checksum.h"
#include "packet/pool.h"
#include "udp/sock.h"

struct sock *udp_find(struct udp *udp, const struct port_names *n)
{
	return port_receiver(&udp->ports, n);
}

/* What became of so many datagrams, by dgram_deliver()'s answer. */
static void count(struct udp *udp, int err, uint32_t segs)
{
	if (!err)
		udp->stats.in_datagrams += segs;
	else
		udp->stats.in_errors += segs;
	if (err == -ENOMEM)
		udp->stats.rcvbuf_errors += segs;
	else if (err)
		udp->stats.mem_errors += segs;
}

/* p's data is at the UDP header, where filters begin to count. */
static void deliver(struct udp *udp, struct sock *sk, struct packet *p, const struct datagram *d)
{
	uint32_t segs = packet_segs(p);

	if (!sock_filter(sk, p, UDP_HEADER_LEN)) {
		udp->stats.in_errors++;
		packet_free(p);
		return;
	}
	packet_pull(p, UDP_HEADER_LEN);
	count(udp, dgram_deliver(dgram_sk(sk), p, d), segs);
}

static void deliver_copy(struct udp *udp, struct sock *sk, const struct packet *p,
			 const struct datagram *d)
{
	int err = dgram_room(dgram_sk(sk), p);
	struct packet *copy = err ? NULL : packet_share(p);

	if (copy)
		deliver(udp, sk, copy, d);
	else
		count(udp, err ? err : -ENOBUFS, packet_segs(p));
}

struct group_delivery {
	struct udp *udp;
	struct packet *p;
	const struct port_names *n;
	const struct datagram *d;
	struct sock *last;		/* of those that were found: it gets p itself */
};

static void deliver_one(void *arg, struct sock *sk)
{
	struct group_delivery *g = arg;

	if (!group_sock_allows(sk, g->n->nic, &g->n->dst, &g->n->src))
		return;
	if (g->last)
		deliver_copy(g->udp, g->last, g->p, g->d);
	g->last = sk;
}

/* To all that fit. */
static bool deliver_group(struct udp *udp, struct packet *p, const struct port_names *n,
			  const struct datagram *d)
{
	struct group_delivery g = { udp, p, n, d, NULL };

	port_receivers(&udp->ports, n, deliver_one, &g);
	if (g.last)
		deliver(udp, g.last, p, d);
	return g.last;
}

/* IPv6 demands a checksum (RFC 8200 section 8.1), but for tunnels that ask for none (RFC 6935). */
static bool does_without(struct udp *udp, const struct ip_meta *m, const struct udphdr *uh)
{
	struct port_names n = {
		.src = m->src, .dst = m->dst, .nic = m->nic,
		.sport = ntohs(uh->uh_sport), .dport = ntohs(uh->uh_dport),
	};
	struct sock *sk = udp_find(udp, &n);

	return sk && udp_sk(sk)->no_check6_rx;
}

/* The header's length and checksum (RFC 1122 4.1.3.4). False: counted, to be dropped. */
static bool check(struct udp *udp, struct packet *p, const struct ip_meta *m, struct udphdr *uh)
{
	uint32_t len, pseudo;

	if (!packet_need(p, UDP_HEADER_LEN)) {
		udp->stats.in_errors++;
		return false;
	}
	memcpy(uh, p->data, sizeof(*uh));
	len = ntohs(uh->uh_ulen);
	if (len < UDP_HEADER_LEN || len > p->len) {
		udp->stats.in_errors++;
		return false;
	}
	packet_trim(p, len);
	if (p->csum != PACKET_CSUM_NONE)
		return true;
	if (!uh->uh_sum && (ip_addr_is_v4(&m->dst) || does_without(udp, m, uh)))
		return true;
	pseudo = ip_pseudo(&m->src, &m->dst, IPPROTO_UDP, len);
	if (!checksum_fold(checksum_packet(p, 0, len, pseudo)))
		return true;
	udp->stats.in_csum_errors++;
	udp->stats.in_errors++;
	return false;
}

/* One datagram, or many in one for a socket that takes them so. */
static void input_one(struct udp *udp, struct packet *p, const struct ip_meta *m,
		      const struct port_names *n, struct sock *sk)
{
	struct datagram d = {
		.src = m->src, .dst = m->dst, .nic = m->nic, .ttl = m->ttl, .tos = m->tos,
		.sport = n->sport, .dport = n->dport, .has_tos = true, .gso_size = p->gso_size,
		.tstamp = p->tstamp ? p->tstamp : udp->env->now,
	};

	if (sk)
		deliver(udp, sk, p, &d);
	else if (!deliver_group(udp, p, n, &d))
		packet_free(p);
}

/* Many in one, for who wants them one by one: cut them from the IP header on. */
static void input_cut(struct udp *udp, struct packet *p, const struct ip_meta *m,
		      const struct port_names *n, struct sock *sk)
{
	uint32_t header = p->transport - p->network;
	struct packet_queue cut = { 0 };

	packet_push(p, header);
	if (packet_segment(p, &cut) < 0) {
		udp->stats.in_errors++;
		return;
	}
	while ((p = packet_queue_pop(&cut))) {
		p->csum = PACKET_CSUM_VERIFIED;
		packet_pull(p, header);
		input_one(udp, p, m, n, sk);
	}
}

bool udp_input(void *arg, struct packet *p, const struct ip_meta *m)
{
	struct udp *udp = arg;
	struct port_names n = { .src = m->src, .dst = m->dst, .nic = m->nic };
	struct sock *sk = NULL;
	struct udphdr uh;

	if (!check(udp, p, m, &uh)) {
		packet_free(p);
		return true;
	}
	n.sport = ntohs(uh.uh_sport);
	n.dport = ntohs(uh.uh_dport);
	if (!m->broadcast && !m->multicast) {
		sk = udp_find(udp, &n);
		if (!sk) {
			udp->stats.no_ports += packet_segs(p);
			return false;
		}
	}
	if (p->gso_size && !(sk && udp_sk(sk)->gro))
		input_cut(udp, p, m, &n, sk);
	else
		input_one(udp, p, m, &n, sk);
	return true;
}

static struct ip_addr wire_addr(const uint8_t *at, uint32_t alen)
{
	uint32_t v4;

	if (alen == 16)
		return ip_addr_read(at);
	memcpy(&v4, at, sizeof(v4));
	return ip_addr_v4(v4);
}

static bool gro_wanted(void *arg, const struct gro_names *g)
{
	struct port_names n = { .sport = g->sport, .dport = g->dport };
	struct sock *sk;

	n.src = wire_addr(g->src, g->alen);
	n.dst = wire_addr(g->dst, g->alen);
	sk = udp_find(arg, &n);
	return sk && udp_sk(sk)->gro;
}

void udp_set_gro(struct sock *sk, bool on)
{
	struct udp *udp = udp_of(sk);
	struct nics *nics = udp->ip->nics;

	udp->gro_socks -= udp_sk(sk)->gro;
	udp->gro_socks += on;
	udp_sk(sk)->gro = on;
	nics->gro_udp = udp->gro_socks ? gro_wanted : NULL;
	nics->gro_udp_arg = udp;
}

void udp_error(void *arg, const struct ip_meta *quoted, const uint8_t *transport, uint32_t len,
	       const struct ip_error *e)
{
	struct udphdr uh;
	struct port_names n = { .src = quoted->dst, .dst = quoted->src };
	struct sock *sk;

	if (len < UDP_HEADER_LEN)
		return;
	memcpy(&uh, transport, sizeof(uh));
	n.sport = ntohs(uh.uh_dport);
	n.dport = ntohs(uh.uh_sport);
	sk = udp_find(arg, &n);
	if (sk)
		dgram_icmp_error(dgram_sk(sk), quoted, e, n.sport, transport + UDP_HEADER_LEN,
				 len - UDP_HEADER_LEN);
}
