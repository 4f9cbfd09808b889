/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gro.c - merging received packets.
 *
 * Theory of operation
 *
 * What a link delivers in one batch is looked at in order. A segment that continues a packet
 * before it in the batch is appended to that packet by reference, and its own headers are dropped:
 * the stack then sees one super-segment where there were many packets, as from a device that
 * aggregates. Nothing is held back beyond the batch, so merging never delays anything. Packets
 * that are super-segments already pass.
 *
 * The rule is that nothing may be lost by it: cut again (gso.c), a merged packet gives the packets
 * that came. So two packets merge only when (as in Linux)
 *	they are of one flow, and their link headers are the same
 *	IPv4	no options, no fragment, the same TOS, TTL and DF; identification counts up by one,
 *		except under DF, where it means nothing (RFC 6864 4.1)
 *	IPv6	no extension headers, the same traffic class, flow label and hop limit
 *	TCP	the next sequence number; the same acknowledgment, window, flags and options, time
 *		stamps included; no SYN, RST, URG; CWR only at the head; FIN and PSH are taken over,
 *		and nothing follows them
 *	UDP	only for a socket that asks (UDP_GRO); checksums are in use
 *	all segments have the first one's length, but the last, which may be shorter
 *	every checksum is right
 * A packet of the flow that cannot be merged ends what was there, so that the flow keeps its order.
 *
 * Memory: the payload stays in the buffer that it was received into, and the merged packet is
 * charged for all of that buffer. A packet has PACKET_FRAGS references, which bounds what is merged
 * to 19 frames; the checksum is verified here and not again.
 */
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/gro.h"

#define FLOWS		8	/* that grow at a time */
#define IP4_LEN		20u
#define IP6_LEN		40u
#define TCP_LEN		20u
#define UDP_LEN		8u
#define IP_MAX		65535u

#define TCP_CSUM	16u
#define UDP_CSUM	6u

#define TCP_FIN		0x01u
#define TCP_SYN		0x02u
#define TCP_RST		0x04u
#define TCP_PSH		0x08u
#define TCP_ACK		0x10u
#define TCP_URG		0x20u
#define TCP_CWR		0x80u

struct segment {			/* what of a packet matters here; offsets from data */
	uint32_t ip, transport, payload;
	uint32_t len;			/* of the payload */
	bool ip6, tcp;
	bool plain;			/* nothing about itself forbids to merge it */
};

struct flow {				/* a packet that may grow */
	struct packet *head;
	struct segment s;		/* of the head, as it came */
	uint32_t len;			/* payload so far */
	uint16_t segs;
};

struct gro {
	struct flow flows[FLOWS];
	unsigned int n;
	uint32_t link;			/* bytes of link header */
	gro_udp_wanted udp;
	void *udp_arg;
	struct gro_stats *stats;
};

/* ---- one packet ---- */

static bool parse_ip4(const struct packet *p, struct segment *s, uint8_t *proto)
{
	const uint8_t *h = p->data + s->ip;
	uint32_t len;

	if (p->linear < s->ip + IP4_LEN || h[0] >> 4 != 4)
		return false;
	len = (h[0] & 15u) * 4;
	if (len < IP4_LEN || p->linear < s->ip + len || get_be16(h + 6) & 0x3fff)
		return false;		/* a fragment has no ports, or not the whole payload */
	s->transport = s->ip + len;
	s->plain = len == IP4_LEN && get_be16(h + 2) == p->len - s->ip &&
		   !checksum_fold(checksum_partial(h, IP4_LEN, 0));
	*proto = h[9];
	return true;
}

static bool parse_ip6(const struct packet *p, struct segment *s, uint8_t *proto)
{
	const uint8_t *h = p->data + s->ip;

	if (p->linear < s->ip + IP6_LEN || h[0] >> 4 != 6)
		return false;
	s->transport = s->ip + IP6_LEN;
	s->plain = get_be16(h + 4) + IP6_LEN == p->len - s->ip;
	*proto = h[6];
	return true;
}

static bool parse_tcp(const struct packet *p, struct segment *s)
{
	const uint8_t *h = p->data + s->transport;
	uint32_t len;

	if (p->linear < s->transport + TCP_LEN)
		return false;
	len = (h[12] >> 4) * 4u;
	if (len < TCP_LEN || p->linear < s->transport + len)
		return false;
	s->payload = s->transport + len;
	s->len = p->len - s->payload;
	if (!s->len || (h[13] & (TCP_SYN | TCP_RST | TCP_URG | TCP_ACK)) != TCP_ACK)
		s->plain = false;
	return true;
}

static bool parse_udp(const struct packet *p, struct segment *s)
{
	const uint8_t *h = p->data + s->transport;

	if (p->linear < s->transport + UDP_LEN)
		return false;
	s->payload = s->transport + UDP_LEN;
	s->len = p->len - s->payload;
	if (!s->len || get_be16(h + 4) != p->len - s->transport || !get_be16(h + UDP_CSUM))
		s->plain = false;
	return true;
}

static const uint8_t *addresses(const struct packet *p, const struct segment *s, uint32_t *alen)
{
	*alen = s->ip6 ? 16 : 4;
	return p->data + s->ip + (s->ip6 ? 8 : 12);
}

static bool udp_wanted(const struct gro *g, const struct packet *p, const struct segment *s)
{
	const uint8_t *ports = p->data + s->transport;
	struct gro_names n = { .sport = get_be16(ports), .dport = get_be16(ports + 2) };

	n.src = addresses(p, s, &n.alen);
	n.dst = n.src + n.alen;
	return g->udp(g->udp_arg, &n);
}

static bool checksum_right(struct packet *p, const struct segment *s)
{
	uint32_t alen, len = p->len - s->transport, sum;
	const uint8_t *a = addresses(p, s, &alen);

	if (p->csum != PACKET_CSUM_NONE)
		return true;
	sum = checksum_pseudo(a, a + alen, alen, s->tcp ? IPPROTO_TCP : IPPROTO_UDP, len);
	if (checksum_fold(checksum_packet(p, s->transport, len, sum)))
		return false;
	p->csum = PACKET_CSUM_VERIFIED;
	return true;
}

/* Of IP, by the link header where there is one; 0: something else. */
static int version(const struct gro *g, const struct packet *p)
{
	if (p->linear <= g->link)
		return 0;
	if (!g->link)
		return p->data[0] >> 4;
	if (p->data[0] & 1)		/* to a group */
		return 0;
	switch (get_be16(p->data + g->link - 2)) {
	case ETHERTYPE_IP:	return 4;
	case ETHERTYPE_IPV6:	return 6;
	default:		return 0;
	}
}

/* False: of no flow that is looked after here. */
static bool parse(const struct gro *g, struct packet *p, struct segment *s)
{
	uint8_t proto;
	bool ok;

	*s = (struct segment){ .ip = g->link };
	switch (version(g, p)) {
	case 4:
		ok = parse_ip4(p, s, &proto);
		break;
	case 6:
		s->ip6 = true;
		ok = parse_ip6(p, s, &proto);
		break;
	default:
		return false;
	}
	s->tcp = ok && proto == IPPROTO_TCP;
	if (!ok || (!s->tcp && (proto != IPPROTO_UDP || !g->udp)))
		return false;
	ok = s->tcp ? parse_tcp(p, s) : parse_udp(p, s) && udp_wanted(g, p, s);
	if (!ok)
		return false;
	if (p->gso_size)
		s->plain = false;
	s->plain = s->plain && checksum_right(p, s);
	return true;
}

/* ---- two packets ---- */

static bool same_flow(const struct flow *f, const struct packet *p, const struct segment *s)
{
	uint32_t alen;
	const uint8_t *a, *b;

	if (f->s.ip6 != s->ip6 || f->s.tcp != s->tcp)
		return false;
	a = addresses(f->head, &f->s, &alen);
	b = addresses(p, s, &alen);
	return !memcmp(a, b, 2 * alen) &&
	       !memcmp(f->head->data + f->s.transport, p->data + s->transport, 4);
}

static bool ip_continues(const struct flow *f, const uint8_t *a, const uint8_t *b)
{
	if (f->s.ip6)
		return !memcmp(a, b, 4) && a[7] == b[7];
	if (a[1] != b[1] || a[8] != b[8] || memcmp(a + 6, b + 6, 2))
		return false;
	return a[6] & 0x40 || (uint16_t)(get_be16(a + 4) + f->segs) == get_be16(b + 4);
}

static bool tcp_continues(const struct flow *f, const uint8_t *a, const uint8_t *b, uint32_t hlen)
{
	const uint8_t ends = TCP_FIN | TCP_PSH;

	return get_be32(a + 4) + f->len == get_be32(b + 4) &&
	       !memcmp(a + 8, b + 8, 4) && a[12] == b[12] && !memcmp(a + 14, b + 14, 2) &&
	       !((a[13] & ~(ends | TCP_CWR)) ^ (b[13] & ~ends)) &&
	       !memcmp(a + TCP_LEN, b + TCP_LEN, hlen - TCP_LEN);
}

/* May p be appended? */
static bool continues(const struct flow *f, const struct packet *p, const struct segment *s)
{
	const struct packet *h = f->head;
	uint32_t hlen = s->payload - s->transport;

	if (s->len > f->s.len || h->len + s->len - f->s.ip > IP_MAX ||
	    memcmp(h->data, p->data, s->ip) ||
	    !ip_continues(f, h->data + f->s.ip, p->data + s->ip))
		return false;
	return !s->tcp || (f->s.payload - f->s.transport == hlen &&
			   tcp_continues(f, h->data + f->s.transport, p->data + s->transport, hlen));
}

/* By reference only: a copy would cost what merging saves. False: no more fits. */
static bool append(struct packet *h, const struct packet *p, const struct segment *s)
{
	uint32_t pieces = p->nfrags + (p->linear > s->payload), truesize = h->truesize;

	if (!p->linear_buf || h->nfrags + pieces > PACKET_FRAGS ||
	    packet_append_from(h, p, s->payload, s->len) < 0)
		return false;
	/* all of its buffers are held now, not only the bytes in use */
	h->truesize = truesize + p->truesize - (uint32_t)sizeof(*p);
	return true;
}

/* ---- flows ---- */

/* The headers are made true for all that was merged. */
static void finish(struct gro *g, struct flow *f)
{
	struct packet *p = f->head;
	uint8_t *ip = p->data + f->s.ip, *th = p->data + f->s.transport;
	uint32_t len = p->len - f->s.transport, alen, offset = f->s.tcp ? TCP_CSUM : UDP_CSUM;
	const uint8_t *a = addresses(p, &f->s, &alen);
	uint16_t sum;

	if (f->segs == 1)
		return;
	if (f->s.ip6) {
		put_be16(ip + 4, (uint16_t)len);
	} else {
		put_be16(ip + 2, (uint16_t)(p->len - f->s.ip));
		put_be16(ip + 10, 0);
		sum = checksum_fold(checksum_partial(ip, IP4_LEN, 0));
		memcpy(ip + 10, &sum, sizeof(sum));
	}
	if (!f->s.tcp)
		put_be16(th + 4, (uint16_t)len);
	sum = (uint16_t)~checksum_fold(checksum_pseudo(a, a + alen, alen, f->s.tcp ? IPPROTO_TCP :
						       IPPROTO_UDP, len));
	memcpy(th + offset, &sum, sizeof(sum));
	p->network = (uint16_t)(ip - p->base);
	p->transport = (uint16_t)(th - p->base);
	p->csum = PACKET_CSUM_PARTIAL;
	p->csum_start = p->transport;
	p->csum_offset = (uint16_t)offset;
	p->gso_type = !f->s.tcp ? PACKET_GSO_UDP : f->s.ip6 ? PACKET_GSO_TCP6 : PACKET_GSO_TCP4;
	p->gso_size = (uint16_t)f->s.len;
	p->gso_segs = f->segs;
	p->ecn = f->s.tcp && th[13] & TCP_CWR;
	g->stats->merged_packets++;
	g->stats->merged_segs += f->segs;
}

static void flow_end(struct gro *g, struct flow *f)
{
	finish(g, f);
	*f = g->flows[--g->n];
}

static void flow_begin(struct gro *g, struct packet *p, const struct segment *s)
{
	if (g->n == FLOWS)
		flow_end(g, &g->flows[0]);
	g->flows[g->n++] = (struct flow){ .head = p, .s = *s, .len = s->len, .segs = 1 };
}

static bool flow_append(struct flow *f, struct packet *p, const struct segment *s)
{
	if (!continues(f, p, s) || !append(f->head, p, s))
		return false;
	if (s->tcp)
		f->head->data[f->s.transport + 13] |=
			p->data[s->transport + 13] & (TCP_FIN | TCP_PSH);
	f->len += s->len;
	f->segs++;
	return true;
}

/* Does a packet with this segment at its end grow no more? */
static bool is_last(const struct flow *f, const struct packet *p, const struct segment *s)
{
	return s->len < f->s.len ||
	       (s->tcp && p->data[s->transport + 13] & (TCP_FIN | TCP_PSH));
}

/* True: p is part of another packet now, and freed. */
static bool take(struct gro *g, struct packet *p)
{
	struct flow *f = NULL;
	struct segment s;
	bool last;

	if (!parse(g, p, &s))
		return false;
	for (unsigned int i = 0; i < g->n && !f; i++)
		if (same_flow(&g->flows[i], p, &s))
			f = &g->flows[i];
	if (f && s.plain && flow_append(f, p, &s)) {
		last = is_last(f, p, &s);
		packet_free(p);
		if (last)
			flow_end(g, f);
		return true;
	}
	if (f)
		flow_end(g, f);
	if (s.plain && !(s.tcp && p->data[s.transport + 13] & (TCP_FIN | TCP_PSH)))
		flow_begin(g, p, &s);
	return false;
}

int gro_merge(struct packet **batch, int n, uint32_t link, gro_udp_wanted udp, void *udp_arg,
	      struct gro_stats *stats)
{
	struct gro g = { .link = link, .udp = udp, .udp_arg = udp_arg, .stats = stats };
	int left = 0;

	if (n < 2)
		return n;
	for (int i = 0; i < n; i++)
		if (!take(&g, batch[i]))
			batch[left++] = batch[i];
	while (g.n)
		flow_end(&g, &g.flows[g.n - 1]);
	return left;
}
