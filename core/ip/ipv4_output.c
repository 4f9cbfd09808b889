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
 * measured by the segments it stands for; it goes down whole when the NIC's link cuts it, and is
 * cut here when not. Likewise the checksum that the transport left open.
 */
#include <errno.h>

#include "ip/ipv4.h"
#include "nic/ethernet.h"
#include "packet/gso.h"

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

/* ---- down to the NIC ---- */

static void multicast_lladdr(const struct ip_addr *a, uint8_t ll[LINK_ADDR_LEN])
{
	const uint8_t addr[LINK_ADDR_LEN] = {	/* RFC 1112 section 6.4 */
		0x01, 0x00, 0x5e, a->b[13] & 0x7f, a->b[14], a->b[15]
	};

	memcpy(ll, addr, LINK_ADDR_LEN);
}

static void send_packet(struct ip *ip, struct packet *p, const struct dst *d)
{
	uint8_t ll[LINK_ADDR_LEN];

	p->protocol = ETH_TYPE_IPV4;
	if (p->csum == PACKET_CSUM_PARTIAL && !(d->nic->caps & LINK_CSUM))
		packet_checksum_finish(p);
	if (d->local) {
		nic_output(d->nic, p);
	} else if (d->broadcast) {
		ethernet_output(d->nic, p, eth_broadcast);
	} else if (d->multicast) {
		multicast_lladdr(&d->nexthop, ll);
		ethernet_output(d->nic, p, ll);
	} else {
		neighbour_output(&ip->arp, d->nic, d->nexthop.b, p);
	}
}

static bool nic_takes(const struct nic *nic, const struct packet *p)
{
	return (nic->caps & packet_gso_cap(p)) && (nic->caps & LINK_CSUM) && p->len <= nic->gso_max;
}

/*
 * Whoever sends a broadcast to a link is one of those on it: a second packet on the same bytes
 * comes in at the end of the turn, by the NIC that the first leaves by. It is lost where memory is
 * short, or when a turn makes more of them than loopback would hold.
 */
static void echo_broadcast(struct ip *ip, const struct packet *p, const struct dst *d)
{
	struct packet *echo;

	if (!d->broadcast || d->local || ip->echoes.len >= NIC_LOOPBACK_QUEUE)
		return;
	echo = packet_clone(p);
	if (!echo)
		return;
	echo->nic = d->nic;
	echo->type = PACKET_BROADCAST;
	packet_queue_push(&ip->echoes, echo);
	work_defer(ip->env, &ip->echo_work);
}

/* ---- too large ---- */

/* One fragment: a copy of the header and bytes [off, off+len) of the payload behind it. */
static struct packet *fragment_make(struct packet *p, uint32_t off, uint32_t len, bool more)
{
	const struct ipv4_header *whole = ipv4_header(p);
	struct packet *f = packet_alloc(p->pool, PACKET_HEADROOM);
	struct ipv4_header *h;

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

/* Cut p, whose header has no options, into fragments for mtu. All or nothing. */
static int fragment_output(struct ip *ip, struct packet *p, const struct dst *d)
{
	uint32_t chunk = (d->mtu - IPV4_HEADER_LEN) & ~7u, payload = p->len - IPV4_HEADER_LEN;
	struct packet_queue out = { 0 };
	struct packet *f = NULL;
	uint32_t n;

	if (p->csum == PACKET_CSUM_PARTIAL)
		packet_checksum_finish(p);
	for (uint32_t off = 0; off < payload; off += n) {
		n = payload - off < chunk ? payload - off : chunk;
		f = fragment_make(p, off, n, off + n < payload);
		if (!f)
			goto err;
		packet_queue_push(&out, f);
	}
	f->destructor = p->destructor;		/* the last one carries the sender's charge */
	f->owner = p->owner;
	f->charged = p->charged;
	p->destructor = NULL;
	packet_free(p);
	ip->stats.frag_oks++;
	ip->stats.frag_creates += out.len;
	while ((f = packet_queue_pop(&out)))
		send_packet(ip, f, d);
	return 0;
err:
	packet_queue_purge(&out);
	packet_free(p);
	ip->stats.frag_fails++;
	ip->stats.out_discards++;
	return -ENOBUFS;
}

static int segment_output(struct ip *ip, struct packet *p, const struct dst *d)
{
	struct packet_queue out = { 0 };

	if (packet_segment(p, &out) < 0) {
		ip->stats.out_discards++;
		return -ENOBUFS;
	}
	while ((p = packet_queue_pop(&out)))
		send_packet(ip, p, d);
	return 0;
}

/* Bytes of the largest IP packet that p becomes on the wire. */
static uint32_t largest(const struct packet *p)
{
	struct gso_headers h;
	uint32_t one;

	if (!p->gso_size || !gso_headers(p, &h))
		return p->len;
	one = h.payload + p->gso_size;
	return one < p->len ? one : p->len;
}

static int drop(struct ip *ip, struct packet *p, int err)
{
	ip->stats.out_discards++;
	packet_free(p);
	return err;
}

/* An answer to route_lookup that is out of date may name a NIC that is gone: ask again. */
static int refresh(struct ip *ip, const struct flow *f, const struct dst **d, struct dst *fresh)
{
	int err;

	if (dst_valid(ip, *d))
		return 0;
	err = route_lookup(ip, f, fresh);
	if (err)
		ip->stats.out_no_routes++;
	*d = fresh;
	return err;
}

int ip_output(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d)
{
	struct ipv4_header *h;
	struct dst fresh;
	bool fits;
	int err;

	ip->stats.out_requests++;
	err = refresh(ip, f, &d, &fresh);
	if (err)
		return drop(ip, p, err);
	if (p->len > IPV4_MAX_LEN - IPV4_HEADER_LEN)
		return drop(ip, p, -EMSGSIZE);
	p->transport = (uint16_t)(p->data - p->base);
	h = (struct ipv4_header *)packet_push(p, IPV4_HEADER_LEN);
	p->network = (uint16_t)(p->data - p->base);
	*h = (struct ipv4_header) {
		.version_ihl = 4 << 4 | IPV4_HEADER_LEN / 4,
		.tos = f->tos,
		.total_len = htons((uint16_t)p->len),
		.id = f->df ? 0 : htons(ipv4_id(ip, f, d)),
		.frag_off = f->df ? htons(IPV4_DF) : 0,
		.ttl = f->ttl ? f->ttl : d->multicast ? 1 : ip->ttl,
		.proto = f->proto,
		.src = ip_addr_to_v4(&d->src),
		.dst = ip_addr_to_v4(ip_addr_is_any(&f->dst) ? &d->nexthop : &f->dst),
	};
	ipv4_header_sum(h);
	fits = largest(p) <= d->mtu;
	if (!fits && (f->df || p->gso_size))
		return drop(ip, p, -EMSGSIZE);
	echo_broadcast(ip, p, d);
	if (!fits)
		return fragment_output(ip, p, d);
	if (p->gso_size && !nic_takes(d->nic, p))
		return segment_output(ip, p, d);
	send_packet(ip, p, d);
	return 0;
}

int ip_output_raw(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d)
{
	struct ipv4_header *h;
	struct dst fresh;
	uint32_t hlen;
	int err;

	ip->stats.out_requests++;
	err = refresh(ip, f, &d, &fresh);
	if (err)
		return drop(ip, p, err);
	if (!packet_need(p, IPV4_HEADER_LEN))
		return drop(ip, p, -EINVAL);
	h = (struct ipv4_header *)p->data;
	hlen = ipv4_header_len(h);
	if (h->version_ihl >> 4 != 4 || hlen < IPV4_HEADER_LEN || !packet_need(p, hlen))
		return drop(ip, p, -EINVAL);
	if (p->len > d->mtu || p->len > IPV4_MAX_LEN)
		return drop(ip, p, -EMSGSIZE);
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
	if (!(h->frag_off & htons(IPV4_MF | IPV4_OFFSET)))
		echo_broadcast(ip, p, d);
	send_packet(ip, p, d);
	return 0;
}
