/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipv6_output.c - sending IPv6 packets (RFC 8200).
 *
 * Theory of operation
 *
 * The header has no extensions but the one that fragments need. Only the sender fragments (section
 * 4.5): what is too large for the path is cut here, or refused with EMSGSIZE where the flow does
 * not want that. Identifications are drawn at random (RFC 7739 section 5.3), so that nobody can
 * tell another's from his own.
 */
#include <errno.h>

#include "base/bytes.h"
#include "ip/exthdr.h"
#include "ip/ip6_link.h"
#include "ip/ipv6.h"
#include "ip/output.h"
#include "packet/pool.h"

void ipv6_push(struct packet *p, const struct ip_addr *src, const struct ip_addr *dst,
	       uint8_t next, uint8_t tclass, uint8_t hop_limit, uint32_t flowlabel)
{
	uint32_t len = p->len;
	struct ipv6_header *h;

	p->transport = (uint16_t)(p->data - p->base);
	h = (struct ipv6_header *)packet_push(p, IPV6_HEADER_LEN);
	p->network = (uint16_t)(p->data - p->base);
	h->ver_tc_flow = htonl(6u << 28 | (uint32_t)tclass << 20 | flowlabel);
	h->payload_len = htons((uint16_t)len);
	h->next = next;
	h->hop_limit = hop_limit;
	memcpy(h->src, src->b, sizeof(h->src));
	memcpy(h->dst, dst->b, sizeof(h->dst));
}

/* One fragment: the IPv6 header, the fragment header and bytes [off, off+len) of the payload. arg:
 * the identification. */
static struct packet *fragment_make(struct packet *p, const void *arg, uint32_t off, uint32_t len,
				    bool more)
{
	struct packet *f = packet_alloc_for(p->pool, POOL_PASSING, PACKET_HEADROOM);
	const struct ipv6_header *whole = ipv6_header(p);
	struct ipv6_header *h;
	uint8_t *fh;

	if (!f)
		return NULL;
	h = (struct ipv6_header *)packet_put(f, IPV6_HEADER_LEN + EXTHDR_FRAGMENT_LEN);
	memcpy(h, whole, IPV6_HEADER_LEN);
	h->payload_len = htons((uint16_t)(EXTHDR_FRAGMENT_LEN + len));
	h->next = IPPROTO_FRAGMENT;
	fh = (uint8_t *)(h + 1);
	fh[0] = whole->next;
	fh[1] = 0;
	put_be16(fh + 2, (uint16_t)(off | more));
	memcpy(fh + 4, arg, 4);
	f->network = (uint16_t)(f->data - f->base);
	if (packet_append_from(f, p, IPV6_HEADER_LEN + off, len) < 0) {
		packet_free(f);
		return NULL;
	}
	return f;
}

static int fragment_output(struct ip *ip, struct packet *p, const struct dst *d)
{
	uint32_t id, chunk = (d->mtu - IPV6_HEADER_LEN - EXTHDR_FRAGMENT_LEN) & ~7u;

	random_bytes(&ip->env->random, &id, sizeof(id));
	return ip_send_fragments(ip, p, p->len - IPV6_HEADER_LEN, chunk, fragment_make, &id, d);
}

int ipv6_output(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d)
{
	uint8_t hops = f->ttl || f->host_only ? f->ttl : d->multicast ? 1 : ip6_hop_limit(ip, d->nic);
	bool fits;

	if (p->len > IPV6_MAX_LEN - IPV6_HEADER_LEN)
		return ip_drop(&ip->stats6, p, -EMSGSIZE);
	ipv6_push(p, &d->src, ip_addr_is_any(&f->dst) ? &d->nexthop : &f->dst, f->proto, f->tos,
		  hops, f->no_flowlabel ? 0 : flowlabel(ip, p, f, d));
	fits = ip_largest(p) <= d->mtu;
	if (!fits && (f->df || p->gso_size))
		return ip_drop(&ip->stats6, p, -EMSGSIZE);
	if (ip_echo(ip, p, f, d))
		return 0;
	if (!fits)
		return fragment_output(ip, p, d);
	if (p->gso_size && !ip_nic_takes(d->nic, p))
		return ip_send_segments(ip, p, d);
	ip_send(ip, p, d);
	return 0;
}

int ipv6_output_raw(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d)
{
	if (!packet_need(p, IPV6_HEADER_LEN))
		return ip_drop(&ip->stats6, p, -EINVAL);
	if (p->len > d->mtu)
		return ip_drop(&ip->stats6, p, -EMSGSIZE);
	p->network = (uint16_t)(p->data - p->base);
	p->transport = (uint16_t)(p->network + IPV6_HEADER_LEN);
	if (ip_echo(ip, p, f, d))
		return 0;
	ip_send(ip, p, d);
	return 0;
}
