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
	uint32_t pseudo = checksum_pseudo(&f->src.w[3], &f->dst.w[3], 4, IPPROTO_UDP, p->len);

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
	if (!sk->no_check)
		checksum_open(p, &uh, f);
	memcpy(p->data, &uh, sizeof(uh));
	sock_charge(sk, p);
	udp->stats.out_datagrams += p->gso_size ? p->gso_segs : 1;
	return ip_output(sk->ip, p, f, &sk->dst);
}

/* UDP_SEGMENT: datagrams of size bytes each. */
static int cut(const struct sock *sk, struct packet *p, uint16_t size)
{
	uint32_t segs = (p->len + size - 1) / size;

	if (segs > UDP_MAX_SEGMENTS || sk->no_check ||
	    size + UDP_HEADER_LEN + IPV4_HEADER_LEN > sk->dst.mtu)
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
		return cut(sk, p, gso);
	return dgram_fits(ds, f, p->len + UDP_HEADER_LEN + IPV4_HEADER_LEN, *dport);
}

int udp_send(struct sock *sk, struct packet *p, const struct datagram *d)
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
	if (err == -ENOBUFS && !sk->recverr) {	/* lost, as anywhere on the way */
		udp_of(sk)->stats.sndbuf_errors++;
		err = 0;
	}
	return err;
}
