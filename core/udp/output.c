/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - sending UDP datagrams.
 *
 * A datagram that fits the path's MTU leaves its checksum to the NIC where that can; one that has to be
 * fragmented is summed here, because the sum covers all fragments. With UDP_SEGMENT one send is many
 * datagrams of equal size: a super-packet where the NIC cuts those, or else cut here.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "packet/checksum.h"
#include "udp/sock.h"

#define UDP_MAX_LEN (65535u - IPV4_HEADER_LEN)	/* header included */

/* RFC 768: a sum of zero is sent as all ones, for zero means that there is none. */
static void checksum(struct packet *p, struct udphdr *uh, const struct flow *f, bool offload)
{
	uint32_t pseudo = checksum_pseudo(&f->src.w[3], &f->dst.w[3], 4, IPPROTO_UDP, p->len);
	uint16_t sum;

	if (offload) {
		uh->uh_sum = (uint16_t)~checksum_fold(pseudo);
		p->csum = PACKET_CSUM_PARTIAL;
		p->csum_start = p->data - p->base;
		p->csum_offset = offsetof(struct udphdr, uh_sum);
		memcpy(p->data, uh, sizeof(*uh));
		return;
	}
	memcpy(p->data, uh, sizeof(*uh));
	sum = checksum_fold(checksum_packet(p, 0, p->len, pseudo));
	uh->uh_sum = sum ? sum : 0xffff;
	memcpy(p->data, uh, sizeof(*uh));
	p->csum = PACKET_CSUM_NONE;
}

/* One packet, datagram or super-packet; consumes it. */
static int emit(struct sock *sk, struct packet *p, const struct flow *f, uint16_t dport)
{
	struct udp *udp = udp_of(sk);
	struct udphdr uh = { .uh_sport = htons(sk->lport), .uh_dport = htons(dport) };
	bool whole = p->gso_size || p->len + UDP_HEADER_LEN + IPV4_HEADER_LEN <= sk->dst.mtu;

	packet_push(p, UDP_HEADER_LEN);
	p->transport = p->data - p->base;
	uh.uh_ulen = htons(p->len);
	if (sk->no_check && !p->gso_size) {
		memcpy(p->data, &uh, sizeof(uh));
		p->csum = PACKET_CSUM_NONE;
	} else {
		checksum(p, &uh, f, whole && (p->gso_size || (sk->dst.nic->caps & LINK_CSUM)));
	}
	sock_charge(sk, p);
	udp->stats.out_datagrams += p->gso_size ? p->gso_segs : 1;
	return ip_output(sk->ip, p, f, &sk->dst);
}

static bool cuts_udp(const struct nic *nic, uint32_t len)
{
	return (nic->caps & LINK_GSO_UDP) && (nic->caps & LINK_CSUM) &&
	       len + UDP_HEADER_LEN + IPV4_HEADER_LEN <= nic->gso_max;
}

static int emit_each(struct sock *sk, struct packet *p, const struct flow *f, uint16_t dport,
		     uint16_t size)
{
	int err = 0;

	for (uint32_t off = 0; off < p->len && !err; off += size) {
		struct packet *one = packet_clone(p);

		if (!one) {
			err = -ENOBUFS;
			break;
		}
		packet_skip(one, off);
		if (one->len > size)
			packet_trim(one, size);
		err = emit(sk, one, f, dport);
	}
	packet_free(p);
	return err;
}

static int emit_segments(struct sock *sk, struct packet *p, const struct flow *f, uint16_t dport,
			 uint16_t size)
{
	uint32_t segs = (p->len + size - 1) / size;

	if (segs > UDP_MAX_SEGMENTS || sk->no_check ||
	    size + UDP_HEADER_LEN + IPV4_HEADER_LEN > sk->dst.mtu) {
		packet_free(p);
		return -EINVAL;
	}
	if (!cuts_udp(sk->dst.nic, p->len))
		return emit_each(sk, p, f, dport, size);
	p->gso_type = PACKET_GSO_UDP;
	p->gso_size = size;
	p->gso_segs = segs;
	return emit(sk, p, f, dport);
}

/* What can be refused before the packet is touched. */
static int prepare(struct sock *sk, const struct packet *p, const struct datagram *d,
		   struct flow *f, uint16_t gso, uint16_t *dport)
{
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
	if ((uint32_t)(p->data - p->base) < UDP_HEADER_LEN)
		return -ENOBUFS;
	return gso ? 0 : dgram_fits(ds, f, p->len + UDP_HEADER_LEN + IPV4_HEADER_LEN, *dport);
}

int udp_send(struct sock *sk, struct packet *p, const struct datagram *d)
{
	uint16_t gso = d->gso_size ? d->gso_size : udp_sk(sk)->gso_size;
	uint16_t dport;
	struct flow f;
	int err;

	if (gso >= p->len)
		gso = 0;
	err = prepare(sk, p, d, &f, gso, &dport);
	if (err) {
		packet_free(p);
		return err;
	}
	err = gso ? emit_segments(sk, p, &f, dport, gso) : emit(sk, p, &f, dport);
	if (err == -ENOBUFS && !sk->recverr) {	/* lost, as anywhere on the way */
		udp_of(sk)->stats.sndbuf_errors++;
		err = 0;
	}
	return err;
}
