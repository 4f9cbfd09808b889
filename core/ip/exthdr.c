/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exthdr.c - IPv6 extension headers (RFC 8200 section 4).
 *
 * Theory of operation
 *
 *	| next header | length / 8 - 1 | ...			hop-by-hop, routing, destination
 *	| next header | reserved | offset : 13, 2, M | id : 32 |	fragment
 *
 * Headers are walked in the order in which they stand, any number of times up to eight, save for
 * hop-by-hop options, which are the first or an error (section 4.1). Of options we know the
 * paddings and the router alert (RFC 2711); the two high bits of any other say what becomes of the
 * packet (section 4.2). A packet with more than eight options in one header, more than seven bytes
 * of padding in a row, or padding that hides something, is dropped, as by Linux. We route nothing:
 * a routing header with hops left is an error whatever its type, and type 0 is nothing more (RFC
 * 5095). A fragment that is the whole packet is one on its own (RFC 6946): the walk goes on behind
 * its header; others are for fragment.c.
 */
#include <linux/icmpv6.h>

#include "base/bytes.h"
#include "ip/exthdr.h"
#include "ip/ipv6.h"

#define OPT_PAD1	0u
#define OPT_PADN	1u
#define OPT_ALERT	5u
#define PAD_MAX		7u	/* bytes: what alignment to eight can need */

bool exthdr_is(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_DSTOPTS;
}

static enum exthdr_verdict problem(struct ip *ip, const struct packet *p, const struct ip_meta *m,
				   uint8_t code, uint32_t at)
{
	icmp6_send_error(ip, p, m, ICMPV6_PARAMPROB, code, at);
	return EXTHDR_DROP;
}

/* ---- options ---- */

/* An option that we do not know, at offset at of the packet. */
static enum exthdr_verdict unknown_option(struct ip *ip, const struct packet *p,
					  const struct ip_meta *m, uint32_t at)
{
	switch (p->data[at] >> 6) {
	case 0:
		return EXTHDR_DELIVER;
	case 2:
		return problem(ip, p, m, ICMPV6_UNK_OPTION, at);
	case 3:
		if (!m->multicast)
			return problem(ip, p, m, ICMPV6_UNK_OPTION, at);
	}
	return EXTHDR_DROP;
}

static bool is_zero(const uint8_t *at, uint32_t n)
{
	while (n--)
		if (*at++)
			return false;
	return true;
}

/* The options from offset at to end. */
static enum exthdr_verdict options(struct ip *ip, const struct packet *p, const struct ip_meta *m,
				   uint32_t at, uint32_t end)
{
	uint32_t padding = 0, count = 0;

	while (at < end) {
		const uint8_t *o = p->data + at;
		uint32_t len = 1;

		if (o[0] != OPT_PAD1) {
			if (end - at < 2 || o[1] + 2u > end - at)
				return EXTHDR_DROP;
			len = o[1] + 2u;
		}
		if (o[0] == OPT_PAD1 || o[0] == OPT_PADN) {
			padding += len;
			if (padding > PAD_MAX || (len > 2 && !is_zero(o + 2, len - 2)))
				return EXTHDR_DROP;
		} else {
			padding = 0;
			if (++count > EXTHDR_OPTIONS_MAX)
				return EXTHDR_DROP;
			if (o[0] != OPT_ALERT &&
			    unknown_option(ip, p, m, at) != EXTHDR_DELIVER)
				return EXTHDR_DROP;
		}
		at += len;
	}
	return EXTHDR_DELIVER;
}

/* ---- the chain ---- */

static bool is_atomic(const uint8_t *fragment)
{
	return !(get_be16(fragment + 2) & ~6u);		/* neither an offset nor M */
}

/* One header, of len bytes, all linear, at m->header_len. */
static enum exthdr_verdict header(struct ip *ip, struct packet *p, const struct ip_meta *m,
				  uint32_t len)
{
	const uint8_t *h = p->data + m->header_len;

	switch (m->proto) {
	case IPPROTO_ROUTING:
		return h[3] ? problem(ip, p, m, ICMPV6_HDR_FIELD, m->header_len + 2u)
			    : EXTHDR_DELIVER;
	case IPPROTO_FRAGMENT:
		return is_atomic(h) ? EXTHDR_DELIVER : EXTHDR_FRAGMENT;
	default:
		return options(ip, p, m, m->header_len + 2u, m->header_len + len);
	}
}

static uint32_t header_len(uint8_t proto, const uint8_t *h)
{
	return proto == IPPROTO_FRAGMENT ? EXTHDR_FRAGMENT_LEN : (h[1] + 1u) * 8;
}

enum exthdr_verdict exthdr_walk(struct ip *ip, struct packet *p, struct ip_meta *m,
				uint32_t *next_at)
{
	for (uint32_t i = 0; exthdr_is(m->proto); i++) {
		enum exthdr_verdict v;
		uint32_t len;

		if (m->proto == IPPROTO_HOPOPTS && m->header_len != IPV6_HEADER_LEN)
			return problem(ip, p, m, ICMPV6_UNK_NEXTHDR, *next_at);
		if (i == EXTHDR_MAX || !packet_need(p, m->header_len + 8u))
			return EXTHDR_DROP;
		len = header_len(m->proto, p->data + m->header_len);
		if (!packet_need(p, m->header_len + len))
			return EXTHDR_DROP;
		v = header(ip, p, m, len);
		if (v != EXTHDR_DELIVER)
			return v;
		if (m->proto == IPPROTO_FRAGMENT)
			m->fragmented = true;
		*next_at = m->header_len;
		m->proto = p->data[m->header_len];
		m->header_len += (uint16_t)len;
	}
	return EXTHDR_DELIVER;
}

uint32_t exthdr_skip(const uint8_t *ip, uint32_t len, uint8_t *proto)
{
	uint32_t at = IPV6_HEADER_LEN;

	*proto = ip[offsetof(struct ipv6_header, next)];
	for (uint32_t i = 0; exthdr_is(*proto); i++) {
		uint32_t n;

		if (i == EXTHDR_MAX || len < at + 8)
			return 0;
		if (*proto == IPPROTO_FRAGMENT && get_be16(ip + at + 2) & ~7u)
			return 0;
		n = header_len(*proto, ip + at);
		*proto = ip[at];
		at += n;
	}
	return at;
}
