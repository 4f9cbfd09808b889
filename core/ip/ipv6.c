/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipv6.c - taking IPv6 packets in (RFC 8200). ipv6_output.c sends.
 *
 * Theory of operation
 *
 * A packet passes these checks in this order, and what fails one is counted and dropped: the header
 * is whole and of version 6; the payload's length lies within the frame (what the frame has beyond
 * it is padding); the addresses can have come this way (no "martians": a group, loopback or
 * ourselves as the source, IPv4 addresses in mapped form, which are names for programs and never on
 * the wire); the destination is ours; its extension headers let it pass (exthdr.c). Fragments then
 * wait for one another (fragment.c). What is whole goes to its transport.
 *
 * A super-segment (gso_size set) is one packet here. A payload length of zero stands for more than
 * 65,535 bytes (Linux's BIG TCP) and is believed of super-segments only; jumbograms (RFC 2675)
 * are not taken: no link of ours carries them.
 */
#include <linux/icmpv6.h>

#include "base/bytes.h"
#include "ip/exthdr.h"
#include "ip/fragment.h"
#include "ip/group.h"
#include "ip/icmp6.h"
#include "ip/ipv6.h"

void ipv6_meta(const struct ipv6_header *h, struct ip_meta *m)
{
	*m = (struct ip_meta) {
		.src = ip_addr_read(h->src),
		.dst = ip_addr_read(h->dst),
		.proto = h->next,
		.tos = ipv6_tclass(h),
		.ttl = h->hop_limit,
		.header_len = IPV6_HEADER_LEN,
	};
}

/* The header is whole and linear, and the packet has just the bytes it names. */
static bool header_check(struct packet *p)
{
	const struct ipv6_header *h;
	uint32_t total;

	if (!packet_need(p, IPV6_HEADER_LEN))
		return false;
	h = (const struct ipv6_header *)p->data;
	if (ntohl(h->ver_tc_flow) >> 28 != 6)
		return false;
	total = IPV6_HEADER_LEN + ntohs(h->payload_len);
	if (!h->payload_len && p->gso_size && p->gso_type == PACKET_GSO_TCP6)
		total = p->len;
	if (total > p->len)
		return false;
	packet_trim(p, total);
	p->network = (uint16_t)(p->data - p->base);
	return true;
}

/* Can these addresses have come by this NIC? */
static bool is_martian(struct ip *ip, const struct nic *nic, const struct ip_meta *m)
{
	if (ip_addr_is_multicast(&m->src) || ip_addr_is_v4(&m->src) || ip_addr_is_v4(&m->dst))
		return true;
	if (ip_addr_is_any(&m->src) && !m->multicast)	/* only a host without an address yet */
		return true;
	if (m->multicast && (m->dst.b[1] & 0xf) == 0)	/* RFC 4291 section 2.7: reserved */
		return true;
	if (nic->loopback)
		return false;
	if (m->multicast && (m->dst.b[1] & 0xf) == IP_SCOPE_HOST)
		return true;
	return ip_addr_is_loopback(&m->src) || ip_addr_is_loopback(&m->dst) ||
	       ip_addr_find(ip, &m->src);
}

/* Hand p, data at its IP header, to its transport, which the field at next_at names. */
static void deliver(struct ip *ip, struct packet *p, const struct ip_meta *m, uint32_t next_at)
{
	const struct ip_protocol *proto = ip->protocols[m->proto];

	packet_pull(p, m->header_len);
	p->transport = (uint16_t)(p->data - p->base);
	if (!proto)
		ip->stats6.in_unknown_protos++;
	else
		ip->stats6.in_delivers++;
	if (ip->raw_tap && proto && m->proto != IPPROTO_ICMPV6)
		ip->raw_tap(ip->raw_tap_arg, p, m);
	if (proto && proto->input(ip->protocol_args[m->proto], p, m))
		return;
	if (m->proto == IPPROTO_UDP)
		icmp6_send_error(ip, p, m, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
	else if (m->proto != IPPROTO_NONE)
		icmp6_send_error(ip, p, m, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, next_at);
	packet_free(p);
}

/* RFC 7112: is all up to the transport's header in the first fragment? */
static bool chain_is_whole(struct packet *p)
{
	uint8_t proto;
	uint32_t len = p->linear, at = exthdr_skip(p->data, len, &proto), need = 1;

	if (!at && packet_need(p, p->len)) {	/* the chain may go on in the packet's fragments */
		len = p->len;
		at = exthdr_skip(p->data, len, &proto);
	}
	if (proto == IPPROTO_TCP)
		need = 20;
	else if (proto == IPPROTO_UDP || proto == IPPROTO_ICMPV6)
		need = 8;
	else if (proto == IPPROTO_NONE)
		need = 0;
	return at && at + need <= p->len;
}

/* RFC 8200 section 4.5: what the fragment at m->header_len may not be. The sender is told. */
static bool fragment_check(struct ip *ip, struct packet *p, const struct ip_meta *m,
			   const struct fragment *f)
{
	uint32_t len = p->len - f->payload;

	if (f->more && len % 8)
		icmp6_send_error(ip, p, m, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD,
				 (uint32_t)offsetof(struct ipv6_header, payload_len));
	else if (f->headers - IPV6_HEADER_LEN + f->start + len > UINT16_MAX)
		icmp6_send_error(ip, p, m, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, f->headers + 2);
	else if (f->start == 0 && !chain_is_whole(p))
		icmp6_send_error(ip, p, m, ICMPV6_PARAMPROB, ICMPV6_HDR_INCOMP, 0);
	else
		return len != 0;
	return false;
}

static struct packet *input_fragment(struct ip *ip, struct packet *p, const struct ip_meta *m,
				     uint32_t next_at)
{
	const uint8_t *h = p->data + m->header_len;
	uint16_t off = get_be16(h + 2);
	struct fragment f = {
		.id = get_be32(h + 4), .start = off & ~7u, .more = off & 1,
		.headers = m->header_len, .payload = m->header_len + EXTHDR_FRAGMENT_LEN,
		.next_at = next_at, .next = h[0],
	};

	ip->stats6.reasm_reqds++;
	if (fragment_check(ip, p, m, &f))
		return fragment_input(ip->fragments, p, m, &f);
	ip->stats6.reasm_fails++;
	packet_free(p);
	return NULL;
}

/* p, data at its IP header, is one that passed: its extension headers, and on. */
static void input_walk(struct ip *ip, struct packet *p, struct ip_meta *m, bool joined)
{
	uint32_t next_at = offsetof(struct ipv6_header, next);

	switch (exthdr_walk(ip, p, m, &next_at)) {
	case EXTHDR_DELIVER:
		if (!ip_addr_is_any(&m->src) || m->proto == IPPROTO_ICMPV6) {
			deliver(ip, p, m, next_at);
			return;
		}
		break;
	case EXTHDR_FRAGMENT:
		if (joined)		/* fragments of fragments */
			break;
		p = input_fragment(ip, p, m, next_at);
		if (p) {
			struct ip_meta whole;

			ipv6_meta(ipv6_header(p), &whole);
			whole.nic = m->nic;
			whole.multicast = m->multicast;
			whole.fragmented = true;
			input_walk(ip, p, &whole, true);
		}
		return;
	case EXTHDR_DROP:
		break;
	}
	ip->stats6.in_hdr_errors++;
	packet_free(p);
}

void ipv6_input_echo(struct ip *ip, struct packet *p)
{
	struct ip_meta m;

	ip->stats6.in_receives++;
	ipv6_meta(ipv6_header(p), &m);
	m.nic = p->nic;
	m.multicast = true;
	input_walk(ip, p, &m, false);
}

void ipv6_input(struct ip *ip, struct nic *nic, struct packet *p)
{
	struct ip_meta m;

	ip->stats6.in_receives++;
	if (!header_check(p)) {
		ip->stats6.in_hdr_errors++;
		packet_free(p);
		return;
	}
	ipv6_meta(ipv6_header(p), &m);
	m.nic = nic;
	if (!ip_addr_accepts(ip, nic, &m.dst, &m) || (p->type != PACKET_HOST && !m.multicast))
		goto bad_address;
	if (is_martian(ip, nic, &m)) {
		ip->stats6.in_martians++;
		goto bad_address;
	}
	if (m.multicast && !group_accepts(ip, nic, &m.dst, &m.src, m.proto)) {
		ip->stats6.in_unjoined++;
		packet_free(p);
		return;
	}
	input_walk(ip, p, &m, false);
	return;

bad_address:
	ip->stats6.in_addr_errors++;
	packet_free(p);
}
