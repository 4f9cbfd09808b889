/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - sending UDP datagrams.
 *
 * The checksum is left open: who is last before the wire closes it, ip/ for a link that cannot sum
 * and for a datagram that has to be fragmented. With UDP_SEGMENT one send is many datagrams of
 * equal size: one super-packet down to the NIC, cut there or by ip/.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "ip/ipv4.h"
#include "packet/checksum.h"
#include "udp/sock.h"

#define UDP_MAX_LEN (IPV4_MAX_LEN - IPV4_HEADER_LEN)	/* header included */

static void checksum_open(struct packet *p, struct udphdr *uh, const struct flow *f)
{
	uint32_t pseudo = ip_pseudo(&f->src, &f->dst, IPPROTO_UDP, p->len);

	uh->uh_sum = (uint16_t)~checksum_fold(pseudo);
	p->csum = PACKET_CSUM_PARTIAL;
	p->csum_start = p->data - p->base;
	p->csum_offset = offsetof(struct udphdr, uh_sum);
}

/* One packet, datagram or super-packet; consumes it. */
static int emit(struct sock *sk, struct packet *p, const struct flow *f, uint16_t dport)
{
	struct udp *udp = udp_of(sk);
	struct udphdr uh = { .uh_sport = htons(sk->lport), .uh_dport = htons(dport) };

	packet_push(p, UDP_HEADER_LEN);
	uh.uh_ulen = htons(p->len);
	p->csum = PACKET_CSUM_NONE;
	if (!(ip_addr_is_v4(&f->dst) ? sk->no_check : udp_sk(sk)->no_check6_tx))
		checksum_open(p, &uh, f);
	memcpy(p->data, &uh, sizeof(uh));
	sock_charge(sk, p);
	udp->stats.out_datagrams += p->gso_size ? p->gso_segs : 1;
	return ip_output(sk->ip, p, f, &sk->dst);
}

/* UDP_SEGMENT: datagrams of size bytes each. */
static int cut(const struct sock *sk, struct packet *p, const struct flow *f, uint16_t size)
{
	uint32_t segs = (p->len + size - 1) / size;

	if (segs > UDP_MAX_SEGMENTS || sk->no_check ||
	    size + UDP_HEADER_LEN + ip_header_len(&f->dst) > sk->dst.mtu)
		return -EINVAL;
	p->gso_type = PACKET_GSO_UDP;
	p->gso_size = size;
	p->gso_segs = segs;
	return 0;
}

/* What can be refused before the packet is touched. */
static int prepare(struct sock *sk, struct packet *p, const struct datagram *d, struct flow *f,
		   uint16_t *dport)
{
	uint16_t gso = d->gso_size ? d->gso_size : udp_sk(sk)->gso_size;
	struct dgram_sock *ds = dgram_sk(sk);
	int err;

	*dport = d->named ? d->dport : sk->rport;
	if (p->len + UDP_HEADER_LEN > UDP_MAX_LEN)
		return -EMSGSIZE;
	if (d->named && !d->dport)
		return -EINVAL;
	err = dgram_begin(ds, d, f);
	if (err)
		return err;
	if (!sk->lport) {
		err = port_autobind(&udp_of(sk)->ports, sk);
		if (err)
			return err == -ENOMEM ? err : -EAGAIN;
	}
	err = dgram_route(ds, f);
	if (err)
		return err;
	if (gso && gso < p->len)
		return cut(sk, p, f, gso);
	return dgram_fits(ds, f, p->len + UDP_HEADER_LEN + ip_header_len(&f->dst), *dport);
}

static int send_one(struct sock *sk, struct packet *p, const struct datagram *d)
{
	uint16_t dport;
	struct flow f;
	int err;

	err = prepare(sk, p, d, &f, &dport);
	if (err) {
		packet_free(p);
		return err;
	}
	err = emit(sk, p, &f, dport);
	if (err == -ENOBUFS && !sock_recverr(sk, &f.dst)) {	/* lost, as anywhere on the way */
		udp_of(sk)->stats.sndbuf_errors++;
		err = 0;
	}
	return err;
}

/* ---- UDP_CORK and MSG_MORE (udp(7), send(2)) ---- */

int udp_push(struct sock *sk)
{
	struct udp_sock *us = udp_sk(sk);
	struct packet *p = us->corked;

	us->corked = NULL;
	return p ? send_one(sk, p, &us->corked_to) : 0;
}

static void cork_drop(struct udp_sock *us)
{
	packet_free(us->corked);
	us->corked = NULL;
}

/* It is kept for as long as the program likes, and counts as what waits to be read. */
static int cork_charge(struct udp_sock *us)
{
	struct sock_memory *mem = &us->ds.sk.ip->sock_memory;

	if (!sock_memory_has(mem, SOCK_MEMORY_LEAST, us->corked->truesize)) {
		cork_drop(us);
		return -ENOBUFS;
	}
	sock_memory_charge(mem, us->corked);
	return 0;
}

/* The first part of a datagram: whatever is wrong with where it goes is told now. */
static int cork(struct sock *sk, struct packet *p, const struct datagram *d)
{
	struct udp_sock *us = udp_sk(sk);
	uint16_t dport;
	struct flow f;
	int err;

	us->corked_to = *d;
	us->corked_to.more = false;
	us->corked_to.gso_size = UINT16_MAX;	/* not to be cut, nor refused for its length, now */
	err = prepare(sk, p, &us->corked_to, &f, &dport);
	if (err && err != -EAGAIN) {
		packet_free(p);
		return err;
	}
	us->corked_to.gso_size = d->gso_size;
	us->corked = p;
	return cork_charge(us);
}

/* Another part; the names that come with it mean nothing. As with Linux, one too many loses all. */
static int cork_append(struct udp_sock *us, struct packet *p)
{
	int err = -EMSGSIZE;

	if (us->corked->len + p->len + UDP_HEADER_LEN <= UDP_MAX_LEN)
		err = packet_append_from(us->corked, p, 0, p->len) ? -ENOBUFS : 0;
	packet_free(p);
	if (err) {
		cork_drop(us);
		return err;
	}
	sock_orphan(us->corked);
	return cork_charge(us);
}

int udp_send(struct sock *sk, struct packet *p, const struct datagram *d)
{
	struct udp_sock *us = udp_sk(sk);
	bool more = d->more || us->cork;
	int err;

	if (!us->corked)
		return more ? cork(sk, p, d) : send_one(sk, p, d);
	err = cork_append(us, p);
	return err || more ? err : udp_push(sk);
}
