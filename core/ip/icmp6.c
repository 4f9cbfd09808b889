/* SPDX-License-Identifier: Apache-2.0 */
/*
 * icmp6.c - the Internet Control Message Protocol for IPv6 (RFC 4443).
 *
 * Theory of operation
 *
 * In: echo requests are answered, from the address asked, or, when that was a group, from one of
 * the NIC's (section 4.2). Errors quote a packet; when that is one we can have sent - whole
 * headers, eight bytes of transport, from the address that the error came to - they go to its
 * transport. What was too big for a link also lowers the path's MTU, never below 1,280 bytes; TCP
 * does that itself, once it has found the quoted segment to be in flight. Messages of neighbour
 * discovery go to ndp.c, unless they came in fragments (RFC 6980), those about groups to mld.c.
 *
 * Out: no error is sent about an error, nor about a packet from or to a group, seen by the link or
 * the network address, save for the two that section 2.4 (e.3) names; an error quotes as much as
 * fits 1,280 bytes. The limits of rate are IPv4's (icmp.c).
 */
#include <errno.h>
#include <linux/icmpv6.h>

#include "base/bytes.h"
#include "ip/exthdr.h"
#include "ip/icmp.h"
#include "ip/icmp6.h"
#include "ip/ipv6.h"
#include "ip/mld.h"
#include "ip/ndp.h"
#include "packet/checksum.h"
#include "packet/pool.h"

#define QUOTE_MAX	(ICMP6_ERROR_MAX - IPV6_HEADER_LEN - ICMP6_HEADER_LEN)
#define TYPE_INFO	128u		/* from here on messages are no errors (section 2.1) */

/* ---- out ---- */

static struct packet *icmp6_alloc(struct ip *ip, uint8_t type, uint8_t code, uint32_t info)
{
	struct packet *p = packet_alloc_for(ip->env->pool, POOL_PASSING, PACKET_HEADROOM);
	uint8_t *h;

	if (!p)
		return NULL;
	h = packet_put(p, ICMP6_HEADER_LEN);
	h[0] = type;
	h[1] = code;
	put_be16(h + 2, 0);
	put_be32(h + 4, info);
	return p;
}

static void icmp6_output(struct ip *ip, struct packet *p, const struct flow *f,
			 const struct dst *d)
{
	uint32_t pseudo = ip_pseudo(&d->src, &f->dst, IPPROTO_ICMPV6, p->len);
	uint16_t sum = checksum_fold(checksum_packet(p, 0, p->len, pseudo));

	memcpy(p->data + 2, &sum, sizeof(sum));
	ip->icmp6_stats.out_msgs++;
	if (ip_output(ip, p, f, d) < 0)
		ip->icmp6_stats.out_errors++;
}

/* The way back to who sent what m describes. */
static int reply_route(struct ip *ip, const struct ip_meta *m, uint8_t tos, struct flow *f,
		       struct dst *d)
{
	*f = (struct flow) {
		.src = m->multicast ? ip_addr_any(AF_INET6) : m->dst,
		.dst = m->src,
		.proto = IPPROTO_ICMPV6,
		.tos = tos,
		.bound = ip_addr_needs_nic(&m->src) ? m->nic : NULL,
	};
	return route_lookup(ip, f, d);
}

/* The packet from its IP header on, wherever data is by now. */
static uint32_t quote_packet(const struct packet *p, uint8_t quote[QUOTE_MAX])
{
	const uint8_t *start = p->base + p->network;
	uint32_t head = (uint32_t)(p->data - start), rest;

	if (head > QUOTE_MAX)
		head = QUOTE_MAX;
	rest = p->len < QUOTE_MAX - head ? p->len : QUOTE_MAX - head;
	memcpy(quote, start, head);
	packet_copy_out(p, 0, quote + head, rest);
	return head + rest;
}

/* Is the packet that begins with these bytes an ICMPv6 error, or a redirect? */
static bool quotes_error(const uint8_t *quote, uint32_t n)
{
	uint8_t proto;
	uint32_t at = exthdr_skip(quote, n, &proto);

	if (!at || proto != IPPROTO_ICMPV6)
		return false;
	return at >= n || quote[at] < TYPE_INFO || quote[at] == NDP_REDIRECT;
}

/* Section 2.4 (e): may an error be sent about p, whose first n bytes are quote? */
static bool may_complain(const struct packet *p, const struct ip_meta *m, uint8_t type,
			 uint8_t code, const uint8_t *quote, uint32_t n)
{
	bool group_ok = type == ICMPV6_PKT_TOOBIG ||
			(type == ICMPV6_PARAMPROB && code == ICMPV6_UNK_OPTION);

	if (!group_ok && (p->type != PACKET_HOST || m->multicast))
		return false;
	if (ip_addr_is_any(&m->src) || ip_addr_is_multicast(&m->src))
		return false;
	return n >= IPV6_HEADER_LEN && !quotes_error(quote, n);
}

void icmp6_send_error(struct ip *ip, const struct packet *p, const struct ip_meta *m,
		      uint8_t type, uint8_t code, uint32_t info)
{
	uint8_t quote[QUOTE_MAX];
	uint32_t n = quote_packet(p, quote);
	struct packet *r;
	struct flow f;
	struct dst d;

	if (!may_complain(p, m, type, code, quote, n) || reply_route(ip, m, 0, &f, &d) < 0)
		return;
	if (!d.local && !icmp_allowed(ip->icmp, &m->src)) {
		ip->icmp6_stats.out_rate_limited++;
		return;
	}
	r = icmp6_alloc(ip, type, code, info);
	if (!r || packet_copy_in(r, quote, n) < 0) {
		packet_free(r);
		ip->icmp6_stats.out_errors++;
		return;
	}
	icmp6_output(ip, r, &f, &d);
}

/* ---- in: errors ---- */

static bool error_meaning(uint8_t type, uint8_t code, struct ip_error *e)
{
	static const struct { uint8_t err; bool hard; } unreachable[] = {	/* as in Linux */
		[ICMPV6_NOROUTE] = { ENETUNREACH, false },
		[ICMPV6_ADM_PROHIBITED] = { EACCES, true },
		[ICMPV6_NOT_NEIGHBOUR] = { EHOSTUNREACH, false },
		[ICMPV6_ADDR_UNREACH] = { EHOSTUNREACH, false },
		[ICMPV6_PORT_UNREACH] = { ECONNREFUSED, true },
		[ICMPV6_POLICY_FAIL] = { EACCES, true },
		[ICMPV6_REJECT_ROUTE] = { EACCES, true },
	};

	e->type = type;
	e->code = code;
	e->err = EPROTO;
	e->hard = false;
	switch (type) {
	case ICMPV6_DEST_UNREACH:
		e->hard = true;
		if (code < sizeof(unreachable) / sizeof(unreachable[0])) {
			e->err = unreachable[code].err;
			e->hard = unreachable[code].hard;
		}
		return true;
	case ICMPV6_PKT_TOOBIG:
		e->err = EMSGSIZE;
		return true;
	case ICMPV6_TIME_EXCEED:
		e->err = EHOSTUNREACH;
		return true;
	case ICMPV6_PARAMPROB:
		e->hard = true;
		return true;
	default:
		return false;
	}
}

/* The packet in question, of which n bytes are here: one that we can have sent? m: its names, and
 * where its transport is. */
static bool quote_check(struct ip *ip, const uint8_t *quote, uint32_t n, struct ip_meta *m)
{
	const struct ipv6_header *h = (const struct ipv6_header *)quote;
	uint32_t at;

	if (n < IPV6_HEADER_LEN || ntohl(h->ver_tc_flow) >> 28 != 6)
		return false;
	ipv6_meta(h, m);
	at = exthdr_skip(quote, n, &m->proto);
	m->header_len = (uint16_t)at;
	return at && n >= at + 8u && ip_addr_find(ip, &m->src);
}

/* RFC 8201 section 4. False: the message cannot be about a packet of ours that was too large. */
static bool too_big(struct ip *ip, const struct ipv6_header *h, const struct ip_meta *m,
		    uint32_t mtu, struct ip_error *e)
{
	uint32_t len = IPV6_HEADER_LEN + ntohs(h->payload_len);
	struct flow f = {
		.src = m->src, .dst = m->dst, .proto = m->proto,
		.bound = ip_addr_needs_nic(&m->dst) ? m->nic : NULL,
	};
	struct dst d;

	if (mtu < IPV6_MTU_MIN || mtu >= len || route_lookup(ip, &f, &d) < 0 || d.local)
		return false;
	e->mtu = mtu < d.mtu ? mtu : d.mtu;
	if (mtu < d.mtu && m->proto != IPPROTO_TCP)
		ip_pmtu_update(ip, &m->dst, mtu);
	return true;
}

static void error_input(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	uint8_t quote[QUOTE_MAX];
	uint32_t n = p->len - ICMP6_HEADER_LEN, info = get_be32(p->data + 4);
	struct ip_error e = { .offender = m->src };
	struct ip_meta quoted;

	if (n > QUOTE_MAX)
		n = QUOTE_MAX;
	packet_copy_out(p, ICMP6_HEADER_LEN, quote, n);
	if (!quote_check(ip, quote, n, &quoted) || !ip_addr_eq(&quoted.src, &m->dst) ||
	    !error_meaning(p->data[0], p->data[1], &e)) {
		ip->icmp6_stats.in_errors++;
		return;
	}
	quoted.nic = m->nic;
	if (e.err == EMSGSIZE &&
	    !too_big(ip, (const struct ipv6_header *)quote, &quoted, info, &e)) {
		ip->icmp6_stats.in_errors++;
		return;
	}
	icmp_error_deliver(ip, &quoted, quote, n, &e);
}

void icmp6_local_error(struct ip *ip, const struct packet *p, uint8_t type, uint8_t code,
		       uint32_t mtu)
{
	uint8_t quote[QUOTE_MAX];
	struct ip_error e = { .mtu = mtu };
	uint32_t n = quote_packet(p, quote);
	struct ip_meta m;

	if (!quote_check(ip, quote, n, &m) || !error_meaning(type, code, &e))
		return;
	m.nic = p->nic;
	e.offender = m.src;
	icmp_error_deliver(ip, &m, quote, n, &e);
}

/* ---- in ---- */

static void echo_reply(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	struct packet *r;
	struct flow f;
	struct dst d;

	if (ip_addr_is_any(&m->src) || reply_route(ip, m, m->tos & 0xfc, &f, &d) < 0)
		return;
	r = icmp6_alloc(ip, ICMPV6_ECHO_REPLY, 0, get_be32(p->data + 4));
	if (!r)
		return;
	if (packet_append_from(r, p, ICMP6_HEADER_LEN, p->len - ICMP6_HEADER_LEN) < 0) {
		packet_free(r);
		return;
	}
	ip->icmp6_stats.out_echo_reps++;
	icmp6_output(ip, r, &f, &d);
}

static void icmp6_dispatch(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	struct icmp_stats *s = &ip->icmp6_stats;

	switch (p->data[0]) {
	case ICMPV6_ECHO_REQUEST:
		s->in_echos++;
		echo_reply(ip, p, m);
		break;
	case ICMPV6_DEST_UNREACH:
		s->in_dest_unreachs++;
		error_input(ip, p, m);
		break;
	case ICMPV6_TIME_EXCEED:
		s->in_time_excds++;
		error_input(ip, p, m);
		break;
	case ICMPV6_PKT_TOOBIG:
	case ICMPV6_PARAMPROB:
		error_input(ip, p, m);
		break;
	case MLD_QUERY:
	case MLD_V1_REPORT:
		if (!mld_input(ip, p, m))
			s->in_errors++;
		break;
	case NDP_ROUTER_SOLICIT:
	case NDP_ROUTER_ADVERT:
	case NDP_SOLICIT:
	case NDP_ADVERT:
	case NDP_REDIRECT:
		if (m->fragmented || !ndp_input(ip, p, m))
			s->in_errors++;
		break;
	}
}

static bool checksum_ok(const struct packet *p, const struct ip_meta *m)
{
	uint32_t pseudo = ip_pseudo(&m->src, &m->dst, IPPROTO_ICMPV6, p->len);

	return p->csum != PACKET_CSUM_NONE ||
	       checksum_fold(checksum_packet(p, 0, p->len, pseudo)) == 0;
}

static bool icmp6_input(void *arg, struct packet *p, const struct ip_meta *m)
{
	struct ip *ip = arg;

	if (ip_addr_is_v4(&m->dst))
		return false;
	ip->icmp6_stats.in_msgs++;
	if (!packet_need(p, ICMP6_HEADER_LEN)) {
		ip->icmp6_stats.in_errors++;
	} else if (!checksum_ok(p, m)) {
		ip->icmp6_stats.in_csum_errors++;
	} else {
		if (ip->icmp_tap)
			ip->icmp_tap(ip->icmp_tap_arg, p, m);
		icmp6_dispatch(ip, p, m);
	}
	packet_free(p);
	return true;
}

static void icmp6_error(void *arg, const struct ip_meta *quoted, const uint8_t *transport,
			uint32_t len, const struct ip_error *e)
{
	struct ip *ip = arg;

	if (ip->icmp_error_tap)
		ip->icmp_error_tap(ip->icmp_tap_arg, quoted, transport, len, e);
}

void icmp6_init(struct ip *ip)
{
	static const struct ip_protocol protocol = { .input = icmp6_input, .error = icmp6_error };

	ip_register(ip, IPPROTO_ICMPV6, &protocol, ip);
}
