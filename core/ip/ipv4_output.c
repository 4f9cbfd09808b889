/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipv4_output.c - sending IPv4 packets.
 *
 * Theory of operation
 *
 * The header has no options. Identification follows RFC 6864: a datagram that cannot be fragmented
 * (DF) is atomic and carries zero; others take it from one of 1,024 counters, chosen by a
 * keyed hash of addresses and protocol, so that it does not repeat soon for one pair of hosts, and
 * tells nobody else how much we send: a counter that was idle jumps at random.
 *
 * What is too large for the path and may be fragmented is: each fragment is a header and a range
 * of the payload, by reference. What may not be is refused with EMSGSIZE. A super-segment is
 * measured by the segments it stands for.
 */
#include <errno.h>

#include "ip/ipv4.h"
#include "ip/output.h"
#include "packet/pool.h"

static uint16_t ipv4_id(struct ip *ip, const struct flow *f, const struct dst *d)
{
	struct {
		uint32_t src, dst, proto;
	} key = { ip_addr_to_v4(&d->src), ip_addr_to_v4(&f->dst), f->proto };
	struct ip_id *id = &ip->ids[siphash(&ip->env->key, &key, sizeof(key)) & (IP_IDS - 1)];
	uint64_t idle = (ip->env->now - id->used) / 1000000;	/* ms */

	id->used = ip->env->now;
	if (idle)
		id->next += (uint16_t)random_below(&ip->env->random,
						   idle < UINT16_MAX ? (uint32_t)idle : UINT16_MAX);
	return id->next++;
}

/* ---- too large ---- */

/* One fragment: a copy of the header and bytes [off, off+len) of the payload behind it. */
static struct packet *fragment_make(struct packet *p, const void *arg, uint32_t off, uint32_t len,
				    bool more)
{
	const struct ipv4_header *whole = ipv4_header(p);
	struct packet *f = packet_alloc_for(p->pool, POOL_PASSING, PACKET_HEADROOM);
	struct ipv4_header *h;

	(void)arg;
	if (!f)
		return NULL;
	h = (struct ipv4_header *)packet_put(f, IPV4_HEADER_LEN);
	memcpy(h, whole, IPV4_HEADER_LEN);
	h->total_len = htons((uint16_t)(IPV4_HEADER_LEN + len));
	h->frag_off = htons((uint16_t)(off / 8 | (more ? IPV4_MF : 0)));
	ipv4_header_sum(h);
	f->network = (uint16_t)(f->data - f->base);
	if (packet_append_from(f, p, IPV4_HEADER_LEN + off, len) < 0) {
		packet_free(f);
		return NULL;
	}
	return f;
}

int ipv4_output(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d)
{
	struct ipv4_header *h;
	bool fits;

	if (p->len > IPV4_MAX_LEN - IPV4_HEADER_LEN)
		return ip_drop(&ip->stats, p, -EMSGSIZE);
	p->transport = (uint16_t)(p->data - p->base);
	h = (struct ipv4_header *)packet_push(p, IPV4_HEADER_LEN);
	p->network = (uint16_t)(p->data - p->base);
	*h = (struct ipv4_header) {
		.version_ihl = 4 << 4 | IPV4_HEADER_LEN / 4,
		.tos = f->tos,
		.total_len = htons((uint16_t)p->len),
		.id = f->df ? 0 : htons(ipv4_id(ip, f, d)),
		.frag_off = f->df ? htons(IPV4_DF) : 0,
		.ttl = f->ttl || f->host_only ? f->ttl : d->multicast ? 1 : ip->ttl,
		.proto = f->proto,
		.src = ip_addr_to_v4(&d->src),
		.dst = ip_addr_to_v4(ip_addr_is_any(&f->dst) ? &d->nexthop : &f->dst),
	};
	ipv4_header_sum(h);
	fits = ip_largest(p) <= d->mtu;
	if (!fits && (f->df || p->gso_size))
		return ip_drop(&ip->stats, p, -EMSGSIZE);
	if (ip_echo(ip, p, f, d))
		return 0;
	if (!fits)
		return ip_send_fragments(ip, p, p->len - IPV4_HEADER_LEN,
					 (d->mtu - IPV4_HEADER_LEN) & ~7u, fragment_make, NULL, d);
	if (p->gso_size && !ip_nic_takes(d->nic, p))
		return ip_send_segments(ip, p, d);
	ip_send(ip, p, d);
	return 0;
}

int ipv4_output_raw(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d)
{
	struct ipv4_header *h;
	uint32_t hlen;

	if (!packet_need(p, IPV4_HEADER_LEN))
		return ip_drop(&ip->stats, p, -EINVAL);
	h = (struct ipv4_header *)p->data;
	hlen = ipv4_header_len(h);
	if (h->version_ihl >> 4 != 4 || hlen < IPV4_HEADER_LEN || !packet_need(p, hlen))
		return ip_drop(&ip->stats, p, -EINVAL);
	if (p->len > d->mtu || p->len > IPV4_MAX_LEN)
		return ip_drop(&ip->stats, p, -EMSGSIZE);
	/* What raw(7) says the kernel fills in: length and sum always, source and id when zero. */
	h = (struct ipv4_header *)p->data;
	h->total_len = htons((uint16_t)p->len);
	if (!h->src)
		h->src = ip_addr_to_v4(&d->src);
	if (!h->id)
		h->id = htons(ipv4_id(ip, f, d));
	ipv4_header_sum(h);
	p->network = (uint16_t)(p->data - p->base);
	p->transport = (uint16_t)(p->network + hlen);
	if (!(h->frag_off & htons(IPV4_MF | IPV4_OFFSET)) && ip_echo(ip, p, f, d))
		return 0;
	ip_send(ip, p, d);
	return 0;
}
