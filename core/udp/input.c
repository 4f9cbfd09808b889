/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.c - receiving UDP datagrams, and the ICMP errors about those sent.
 *
 * A unicast datagram goes to one socket: of those bound to its port whose names do not contradict
 * it, the one with the most in common (a peer counts more than an address or a device). Equals
 * with SO_REUSEPORT share the load by a hash of the four-tuple, so that a flow stays with its
 * socket; of other equals the last bound wins. Broadcasts and multicasts go to every socket that
 * fits. Super-packets from links that aggregate have been cut by ip/: what comes here is one
 * datagram.
 */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "packet/checksum.h"
#include "udp/sock.h"

struct names {				/* of a datagram, as who receives it sees them */
	struct ip_addr src, dst;
	uint16_t sport, dport;
	const struct nic *nic;		/* NULL: not known */
};

/* -1: not for this one. */
static int score(const struct sock *sk, const struct names *n)
{
	int s = 0;

	if (sk->bound_nic && n->nic) {
		if (sk->bound_nic != n->nic)
			return -1;
		s += 4;
	}
	if (!ip_addr_is_any(&sk->local)) {
		if (!ip_addr_eq(&sk->local, &n->dst))
			return -1;
		s += 4;
	}
	if (dgram_connected(sk)) {
		if (!ip_addr_eq(&sk->remote, &n->src) || sk->rport != n->sport)
			return -1;
		s += 8;
	}
	return s;
}

/* The nth of the sockets with SO_REUSEPORT that have the best score. */
static struct sock *nth_equal(const struct port *port, const struct names *n, int best,
			      uint32_t nth)
{
	struct sock *sk = NULL;

	list_for_each(node, &port->uses) {
		struct sock *other = list_entry(node, struct port_use, node)->sk;

		if (!other->reuseport || score(other, n) != best)
			continue;
		sk = other;
		if (!nth--)
			break;
	}
	return sk;
}

static struct sock *lookup(struct udp *udp, const struct names *n)
{
	const struct port *port = port_find(&udp->ports, n->dport);
	struct sock *found = NULL;
	uint32_t equals = 0;
	int best = -1;

	if (!port)
		return NULL;
	list_for_each(node, &port->uses) {
		struct sock *sk = list_entry(node, struct port_use, node)->sk;
		int s = score(sk, n);

		if (s < 0 || s < best)
			continue;
		if (s > best)
			equals = 0;
		best = s;
		found = sk;
		equals += sk->reuseport;
	}
	if (equals < 2 || dgram_connected(found))
		return found;
	struct {
		struct ip_addr src, dst;
		uint64_t ports;
	} key = { n->src, n->dst, (uint64_t)n->sport << 16 | n->dport };

	return nth_equal(port, n, best, siphash(&udp->env->key, &key, sizeof(key)) % equals);
}

static void deliver(struct udp *udp, struct sock *sk, struct packet *p, const struct datagram *d)
{
	if (dgram_deliver(dgram_sk(sk), p, d)) {
		udp->stats.in_datagrams++;
	} else {
		udp->stats.rcvbuf_errors++;
		udp->stats.in_errors++;
	}
}

static void deliver_copy(struct udp *udp, struct sock *sk, const struct packet *p,
			 const struct datagram *d)
{
	struct packet *copy = packet_clone(p);

	if (copy)
		deliver(udp, sk, copy, d);
	else
		udp->stats.in_errors++;
}

/* To all that fit; the last one gets p itself. */
static bool deliver_group(struct udp *udp, struct packet *p, const struct names *n,
			  const struct datagram *d)
{
	const struct port *port = port_find(&udp->ports, n->dport);
	struct sock *last = NULL;

	if (!port)
		return false;
	list_for_each(node, &port->uses) {
		struct sock *sk = list_entry(node, struct port_use, node)->sk;

		if (score(sk, n) < 0)
			continue;
		if (last)
			deliver_copy(udp, last, p, d);
		else
			packet_pull(p, UDP_HEADER_LEN);
		last = sk;
	}
	if (last)
		deliver(udp, last, p, d);
	return last;
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
	if (!uh->uh_sum || p->csum != PACKET_CSUM_NONE)
		return true;
	pseudo = checksum_pseudo(&m->src.w[3], &m->dst.w[3], 4, IPPROTO_UDP, len);
	if (!checksum_fold(checksum_packet(p, 0, len, pseudo)))
		return true;
	udp->stats.in_csum_errors++;
	udp->stats.in_errors++;
	return false;
}

bool udp_input(void *arg, struct packet *p, const struct ip_meta *m)
{
	struct udp *udp = arg;
	struct names n = { .src = m->src, .dst = m->dst, .nic = m->nic };
	struct datagram d = {
		.src = m->src, .dst = m->dst, .nic = m->nic, .ttl = m->ttl, .tos = m->tos,
		.has_tos = true, .tstamp = p->tstamp ? p->tstamp : udp->env->now,
	};
	struct udphdr uh;
	struct sock *sk;

	if (!check(udp, p, m, &uh)) {
		packet_free(p);
		return true;
	}
	n.sport = d.sport = ntohs(uh.uh_sport);
	n.dport = d.dport = ntohs(uh.uh_dport);
	if (m->broadcast || m->multicast) {
		if (!deliver_group(udp, p, &n, &d))
			packet_free(p);
		return true;
	}
	sk = lookup(udp, &n);
	if (!sk) {
		udp->stats.no_ports++;
		return false;
	}
	packet_pull(p, UDP_HEADER_LEN);
	deliver(udp, sk, p, &d);
	return true;
}

void udp_error(void *arg, const struct ip_meta *quoted, const uint8_t *transport, uint32_t len,
	       const struct ip_error *e)
{
	struct udphdr uh;
	struct names n = { .src = quoted->dst, .dst = quoted->src };
	struct sock *sk;

	if (len < UDP_HEADER_LEN)
		return;
	memcpy(&uh, transport, sizeof(uh));
	n.sport = ntohs(uh.uh_dport);
	n.dport = ntohs(uh.uh_sport);
	sk = lookup(arg, &n);
	if (sk)
		dgram_icmp_error(dgram_sk(sk), quoted, e, n.sport, transport + UDP_HEADER_LEN,
				 len - UDP_HEADER_LEN);
}
