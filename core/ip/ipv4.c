/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipv4.c - taking IPv4 packets in (RFC 791, RFC 1122 section 3.2). ipv4_output.c sends.
 *
 * Theory of operation
 *
 * A packet passes these checks in this order, and what fails one is counted and dropped: the header
 * is whole, of version 4, and sums up; the total length lies within the frame (what the frame has
 * beyond it is padding); the options can be parsed and ask for no source route; the addresses can
 * have come this way (no "martians": loopback from a wire, a group as the source, ourselves as the
 * source); the destination is ours, or a group that somebody here listens to. Fragments then wait
 * for one another (fragment.c). What is whole goes to its transport.
 *
 * A super-segment (gso_size set) is one packet here, its header's length the sum. A total length of
 * zero stands for more than 65,535 bytes (Linux's BIG TCP) and is believed of super-segments only.
 */
#include <linux/icmp.h>

#include "ip/fragment.h"
#include "ip/group.h"
#include "ip/icmp.h"
#include "ip/ipv4.h"

#define OPT_END		0u
#define OPT_NOP		1u
#define OPT_LSRR	131u
#define OPT_SSRR	137u

/* Offset in the header of the first bad option, 0 = all good. refused: a source route. */
static uint32_t options_check(const struct ipv4_header *h, bool *refused)
{
	const uint8_t *b = (const uint8_t *)h;
	uint32_t end = ipv4_header_len(h), at = IPV4_HEADER_LEN;

	*refused = false;
	while (at < end && b[at] != OPT_END) {
		if (b[at] == OPT_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || b[at + 1] < 2 || b[at + 1] > end - at)
			return at;
		if (b[at] == OPT_LSRR || b[at] == OPT_SSRR)
			*refused = true;
		at += b[at + 1];
	}
	return 0;
}

void ipv4_meta(const struct ipv4_header *h, struct ip_meta *m)
{
	*m = (struct ip_meta) {
		.src = ip_addr_v4(h->src),
		.dst = ip_addr_v4(h->dst),
		.proto = h->proto,
		.tos = h->tos,
		.ttl = h->ttl,
		.header_len = (uint16_t)ipv4_header_len(h),
	};
}

/* The header is whole, linear and sums up, and the packet has just the bytes it names. */
static bool header_check(struct ip *ip, struct packet *p)
{
	const struct ipv4_header *h;
	uint32_t hlen, total;

	if (!packet_need(p, IPV4_HEADER_LEN))
		return false;
	h = (const struct ipv4_header *)p->data;
	hlen = ipv4_header_len(h);
	if (h->version_ihl >> 4 != 4 || hlen < IPV4_HEADER_LEN || !packet_need(p, hlen))
		return false;
	h = (const struct ipv4_header *)p->data;
	if (checksum_fold(checksum_partial(h, hlen, 0)) != 0) {
		ip->stats.in_csum_errors++;
		return false;
	}
	total = ntohs(h->total_len);
	if (total == 0 && p->gso_size && p->gso_type == PACKET_GSO_TCP4)
		total = p->len;
	if (total < hlen || total > p->len)
		return false;
	packet_trim(p, total);
	p->network = (uint16_t)(p->data - p->base);
	return true;
}

static bool is_broadcast_source(struct ip *ip, struct nic *nic, const struct ip_addr *src)
{
	struct ip_meta m;

	return ip_addr_accepts(ip, nic, src, &m) && (m.broadcast || m.multicast);
}

/* Can these addresses have come by this NIC? */
static bool is_martian(struct ip *ip, struct nic *nic, const struct ip_meta *m)
{
	if (is_broadcast_source(ip, nic, &m->src))
		return true;
	if (m->src.b[12] == 0)		/* a host without an address yet asks everybody */
		return !ip_addr_is_any(&m->src) || !(m->broadcast || m->multicast);
	if (nic->loopback)
		return false;
	return ip_addr_is_loopback(&m->src) || ip_addr_is_loopback(&m->dst) ||
	       ip_addr_find(ip, &m->src);
}

/* Hand p, data at its IP header, to its transport. */
static void deliver(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	const struct ip_protocol *proto = ip->protocols[m->proto];
	uint8_t code = m->proto == IPPROTO_UDP ? ICMP_PORT_UNREACH : ICMP_PROT_UNREACH;

	packet_pull(p, m->header_len);
	p->transport = (uint16_t)(p->data - p->base);
	if (!proto)
		ip->stats.in_unknown_protos++;
	else
		ip->stats.in_delivers++;
	if (ip->raw_tap && proto && m->proto != IPPROTO_ICMP)
		ip->raw_tap(ip->raw_tap_arg, p, m);
	if (proto && proto->input(ip->protocol_args[m->proto], p, m))
		return;
	icmp_send_error(ip, p, m, ICMP_DEST_UNREACH, code, 0);
	packet_free(p);
}

static void input_whole(struct ip *ip, struct nic *nic, struct packet *p)
{
	const struct ipv4_header *h = ipv4_header(p);
	struct ip_meta m;

	ipv4_meta(h, &m);
	m.nic = nic;
	ip_addr_accepts(ip, nic, &m.dst, &m);
	deliver(ip, p, &m);
}

/*
 * A fragment: within 65,535 bytes, and a middle piece a multiple of 8 bytes long. A first piece
 * must hold the transport header's ports and flags, and none may begin within them (RFC 1858, RFC
 * 3128).
 */
static bool fragment_check(const struct fragment *f, uint32_t len, const struct ip_meta *m)
{
	uint32_t least = m->proto == IPPROTO_TCP ? 16 : 8;

	if (!len || f->start + len > IPV4_MAX_LEN - m->header_len || (f->more && len % 8))
		return false;
	return f->start == 0 ? len >= least : f->start >= least;
}

static void input_fragment(struct ip *ip, struct nic *nic, struct packet *p,
			   const struct ip_meta *m)
{
	const struct ipv4_header *h = ipv4_header(p);
	uint32_t off = ntohs(h->frag_off);
	struct fragment f = {
		.id = h->id, .start = (off & IPV4_OFFSET) * 8, .more = off & IPV4_MF,
		.headers = m->header_len, .payload = m->header_len,
	};

	ip->stats.reasm_reqds++;
	if (!fragment_check(&f, p->len - m->header_len, m)) {
		ip->stats.reasm_fails++;
		packet_free(p);
		return;
	}
	p = fragment_input(ip->fragments, p, m, &f);
	if (p)
		input_whole(ip, nic, p);
}

void ipv4_input_echo(struct ip *ip, struct packet *p)
{
	ip->stats.in_receives++;
	input_whole(ip, p->nic, p);
}

void ipv4_input(struct ip *ip, struct nic *nic, struct packet *p)
{
	const struct ipv4_header *h;
	struct ip_meta m;
	uint32_t bad;
	bool source_route;

	ip->stats.in_receives++;
	if (!header_check(ip, p))
		goto bad_header;
	h = ipv4_header(p);
	ipv4_meta(h, &m);
	m.nic = nic;
	bad = options_check(h, &source_route);
	if (source_route)
		goto bad_header;
	/* Host group and broadcast addresses need group frames only in the other direction:
	 * RFC 1122 section 3.3.6 forbids a unicast packet in a broadcast frame. */
	if (!ip_addr_accepts(ip, nic, &m.dst, &m) ||
	    (p->type != PACKET_HOST && !m.broadcast && !m.multicast))
		goto bad_address;
	if (is_martian(ip, nic, &m)) {
		ip->stats.in_martians++;
		goto bad_address;
	}
	if (m.multicast && !group_accepts(ip, nic, &m.dst, &m.src, m.proto)) {
		ip->stats.in_unjoined++;
		packet_free(p);
		return;
	}
	if (bad) {
		icmp_send_error(ip, p, &m, ICMP_PARAMETERPROB, 0, bad << 24);
		goto bad_header;
	}
	if (h->frag_off & htons(IPV4_MF | IPV4_OFFSET)) {
		input_fragment(ip, nic, p, &m);
	} else {
		deliver(ip, p, &m);
	}
	return;

bad_header:
	ip->stats.in_hdr_errors++;
	packet_free(p);
	return;
bad_address:
	ip->stats.in_addr_errors++;
	packet_free(p);
}
