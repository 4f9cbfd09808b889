/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ndp.c - neighbour discovery for IPv6 (RFC 4861 section 7): solicitations and advertisements.
 *
 * Theory of operation
 *
 *	0      1      2             4                8            24
 *	| type | code |  checksum   | flags/reserved |   target   | options: type, length / 8, value
 *
 * A solicitation for an address of the NIC it came by is answered with an advertisement, and its
 * sender noted (section 7.2.3). An advertisement only updates an entry that exists (7.2.5). Our
 * own solicitations come from the address that the first packet in waiting has, if it is the NIC's
 * (7.2.2). An address that is tentative is neither answered for nor spoken from; who asks for it or
 * claims it is ip6_dad.c's business (RFC 4862 section 5.4). Somebody who claims an address that is
 * ours is counted and logged, and told otherwise, at most every ten seconds.
 *
 * Who is on the link can say anything, who is not can say nothing: the hop limit is 255. As with
 * ARP, an entry is made only for a sender whose address is on this link; an advertisement that
 * nobody asked for changes what is known only with the override flag, and then only to STALE, so
 * that a forged one is found out by use.
 */
#include <linux/icmpv6.h>

#include "base/bytes.h"
#include "ip/icmp6.h"
#include "ip/ip6_link.h"
#include "ip/ipv6.h"
#include "ip/ndp.h"
#include "ip/output.h"
#include "nic/ethernet.h"
#include "packet/checksum.h"
#include "packet/pool.h"

#define ND_LEN		24u		/* of a solicitation or an advertisement without options */
#define NA_ROUTER	0x80000000u
#define NA_SOLICITED	0x40000000u
#define NA_OVERRIDE	0x20000000u
#define DEFEND_NS	10000000000ull

static const struct ip_addr all_nodes = { .b = { 0xff, 2, [15] = 1 } };
static const struct ip_addr unspecified = { .b = { 0 } };

struct ip_addr ndp_solicited_node(const struct ip_addr *a)
{
	struct ip_addr g = { .b = { 0xff, 2, [11] = 1, 0xff, a->b[13], a->b[14], a->b[15] } };

	return g;
}

static bool is_solicited_node(const struct ip_addr *a)
{
	struct ip_addr g = ndp_solicited_node(a);

	return ip_addr_eq(&g, a);
}

/* ---- out ---- */

void ndp_send(struct ip *ip, struct nic *nic, const struct ip_addr *src, const struct ip_addr *dst,
	      const uint8_t *ll, const uint8_t *msg, uint32_t len)
{
	struct packet *p = packet_alloc_for(ip->env->pool, POOL_LAST, PACKET_HEADROOM);
	uint32_t pseudo = ip_pseudo(src, dst, IPPROTO_ICMPV6, len);
	uint8_t group[LINK_ADDR_LEN];
	uint16_t sum;

	if (!p)
		return;
	memcpy(packet_put(p, len), msg, len);
	sum = checksum_fold(checksum_packet(p, 0, len, pseudo));
	memcpy(p->data + 2, &sum, sizeof(sum));
	ipv6_push(p, src, dst, IPPROTO_ICMPV6, 0, NDP_HOP_LIMIT, 0);
	p->protocol = ETH_TYPE_IPV6;
	ip->icmp6_stats.out_msgs++;
	ip->stats6.out_requests++;
	if (ip_addr_is_multicast(dst)) {
		ip_group_lladdr(dst, group);
		ll = group;
	}
	if (nic->l3)
		nic_output(nic, p);
	else if (ll)
		ethernet_output(nic, p, ll);
	else
		neighbour_output(&ip->ndp, nic, dst->b, p);
}

uint32_t ndp_put_lladdr(uint8_t *at, uint8_t type, const struct nic *nic)
{
	at[0] = type;
	at[1] = 1;
	memcpy(at + 2, nic->addr, LINK_ADDR_LEN);
	return NDP_OPT_LL_LEN;
}

static void put_nd(uint8_t *msg, uint8_t type, uint32_t flags, const struct ip_addr *target)
{
	msg[0] = type;
	put_be32(msg + 4, flags);
	memcpy(msg + 8, target->b, sizeof(target->b));
}

static void solicit(struct ip *ip, struct nic *nic, const struct ip_addr *src,
		    const struct ip_addr *target, const uint8_t *ll)
{
	struct ip_addr group = ndp_solicited_node(target);
	uint8_t msg[ND_LEN + NDP_OPT_LL_LEN] = { 0 };

	put_nd(msg, NDP_SOLICIT, 0, target);
	ndp_put_lladdr(msg + ND_LEN, NDP_OPT_SOURCE_LL, nic);
	ip->ndp_stats.out_solicits++;
	ndp_send(ip, nic, src, ll ? target : &group, ll, msg, sizeof(msg));
}

void ndp_send_probe(struct ip *ip, struct nic *nic, const struct ip_addr *target,
		    const uint8_t nonce[NDP_NONCE_LEN])
{
	struct ip_addr group = ndp_solicited_node(target);
	uint8_t msg[ND_LEN + 2 + NDP_NONCE_LEN] = { 0 };

	put_nd(msg, NDP_SOLICIT, 0, target);
	msg[ND_LEN] = NDP_OPT_NONCE;
	msg[ND_LEN + 1] = 1;
	memcpy(msg + ND_LEN + 2, nonce, NDP_NONCE_LEN);
	ip->ndp_stats.out_solicits++;
	ndp_send(ip, nic, &unspecified, &group, NULL, msg, sizeof(msg));
}

static void advertise(struct ip *ip, struct nic *nic, const struct ip_addr *target,
		      const struct ip_addr *to)
{
	bool known = !ip_addr_is_any(to);
	uint8_t msg[ND_LEN + NDP_OPT_LL_LEN] = { 0 };

	put_nd(msg, NDP_ADVERT, NA_OVERRIDE | (known ? NA_SOLICITED : 0), target);
	ndp_put_lladdr(msg + ND_LEN, NDP_OPT_TARGET_LL, nic);
	ip->ndp_stats.out_adverts++;
	ndp_send(ip, nic, target, known ? to : &all_nodes, NULL, msg, sizeof(msg));
}

/* ---- options ---- */

bool ndp_options_ok(const uint8_t *at, uint32_t len)
{
	while (len) {
		if (len < 2 || !at[1] || at[1] * 8u > len)
			return false;
		len -= at[1] * 8u;
		at += at[1] * 8u;
	}
	return true;
}

const uint8_t *ndp_option_next(const uint8_t **at, const uint8_t *end, uint8_t type, uint32_t size)
{
	while (*at < end) {
		const uint8_t *option = *at;

		*at += option[1] * 8u;
		if (option[0] == type && option[1] * 8u >= size)
			return option;
	}
	return NULL;
}

const uint8_t *ndp_option_lladdr(const uint8_t *at, const uint8_t *end, uint8_t type)
{
	const uint8_t *option = ndp_option_next(&at, end, type, NDP_OPT_LL_LEN);

	return option && option[1] == 1 && !(option[2] & 1) ? option + 2 : NULL;
}

/* ---- in ---- */

struct nd {				/* a solicitation or an advertisement */
	struct ip_addr target;
	uint32_t flags;
	const uint8_t *ll;		/* of the option that goes with it; NULL: none */
	const uint8_t *nonce;
};

static bool nd_parse(struct packet *p, uint8_t option, struct nd *nd)
{
	const uint8_t *at, *end;

	if (p->len < ND_LEN)
		return false;
	at = p->data + ND_LEN;
	end = p->data + p->len;
	if (!ndp_options_ok(at, p->len - ND_LEN))
		return false;
	nd->flags = get_be32(p->data + 4);
	nd->target = ip_addr_read(p->data + 8);
	nd->ll = ndp_option_lladdr(at, end, option);
	nd->nonce = ndp_option_next(&at, end, NDP_OPT_NONCE, 2 + NDP_NONCE_LEN);
	if (nd->nonce)
		nd->nonce += 2;
	return !ip_addr_is_multicast(&nd->target);
}

/* Could a station with this address be a neighbour? */
static bool is_neighbour(struct ip *ip, const struct nic *nic, const struct ip_addr *a)
{
	return ip_addr_is_linklocal(a) || ip_on_link(ip, nic, a);
}

/* Section 7.1.1, and RFC 4862 section 5.4.3 for who is only looking for duplicates. */
static bool solicit_input(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	bool probe = ip_addr_is_any(&m->src);
	struct ifaddr *ia;
	struct nd nd;

	ip->ndp_stats.in_solicits++;
	if (!nd_parse(p, NDP_OPT_SOURCE_LL, &nd))
		return false;
	if (probe && (nd.ll || !is_solicited_node(&m->dst)))
		return false;
	ia = ifaddr_find(m->nic, &nd.target);
	if (!ia)
		return true;
	if (ia->state == IFADDR_TENTATIVE && probe && m->nic->ip6)
		ip6_dad_heard(m->nic->ip6, ia, nd.nonce, true);
	if (!ifaddr_usable(ia))
		return true;
	if (nd.ll && is_neighbour(ip, m->nic, &m->src))
		neighbour_update(&ip->ndp, m->nic, m->src.b, nd.ll, false, true, true);
	advertise(ip, m->nic, &nd.target, &m->src);
	return true;
}

/* Somebody else claims an address of ours. */
static void conflict(struct ip *ip, struct nic *nic, const struct ifaddr *ia, const struct nd *nd)
{
	char text[IP_ADDR_TEXT];

	ip->ndp_stats.in_conflicts++;
	if (ip->ndp_defended && ip->env->now - ip->ndp_defended < DEFEND_NS)
		return;
	ip->ndp_defended = ip->env->now;
	log_write(&ip->env->log, LOG_WARN,
		  "%s: another station (%02x:%02x:%02x:%02x:%02x:%02x) uses our address %s as well; give one of us another",
		  nic->name, nd->ll ? nd->ll[0] : 0, nd->ll ? nd->ll[1] : 0, nd->ll ? nd->ll[2] : 0,
		  nd->ll ? nd->ll[3] : 0, nd->ll ? nd->ll[4] : 0, nd->ll ? nd->ll[5] : 0,
		  ip_addr_text(&ia->addr, text));
	advertise(ip, nic, &ia->addr, &unspecified);
}

/* The rest of section 7.2.5: what the advertisement says of being a router. */
static void note_router(struct neighbour *n, const struct nd *nd)
{
	bool differs = nd->ll && memcmp(nd->ll, n->addr, LINK_ADDR_LEN);
	bool known = n->state != NUD_INCOMPLETE && n->state != NUD_FAILED;
	struct ip_addr a = ip_addr_read(n->ip);
	bool was = n->router;

	if (known && differs && !(nd->flags & NA_OVERRIDE))
		return;
	n->router = nd->flags & NA_ROUTER;
	if (!n->nic->ip6)
		return;
	if (was && !n->router)
		ip6_router_lost(n->nic->ip6, &a);
	ip6_router_failed(n->nic->ip6, &a, false);
}

static bool advert_input(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	struct neighbour *n;
	struct ifaddr *ia;
	struct nd nd;

	ip->ndp_stats.in_adverts++;
	if (!nd_parse(p, NDP_OPT_TARGET_LL, &nd) || (m->multicast && (nd.flags & NA_SOLICITED)))
		return false;
	ia = ifaddr_find(m->nic, &nd.target);
	if (ia && ia->state == IFADDR_TENTATIVE && m->nic->ip6)
		ip6_dad_heard(m->nic->ip6, ia, NULL, false);
	else if (ia && ifaddr_usable(ia))
		conflict(ip, m->nic, ia, &nd);
	n = ia ? NULL : neighbour_find(&ip->ndp, m->nic, nd.target.b);
	if (!n || (!nd.ll && (n->state == NUD_INCOMPLETE || n->state == NUD_FAILED)))
		return true;
	note_router(n, &nd);
	neighbour_update(&ip->ndp, m->nic, nd.target.b, nd.ll ? nd.ll : n->addr,
			 nd.flags & NA_SOLICITED, nd.flags & NA_OVERRIDE, false);
	return true;
}

static bool dispatch(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	switch (p->data[0]) {
	case NDP_SOLICIT:	return solicit_input(ip, p, m);
	case NDP_ADVERT:	return advert_input(ip, p, m);
	case NDP_ROUTER_ADVERT:	return ip6_advert_input(ip, p, m);
	case NDP_REDIRECT:	return ip6_redirect_input(ip, p, m);
	default:		return true;	/* solicitations of routers are for routers */
	}
}

bool ndp_input(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	bool ok = m->ttl == NDP_HOP_LIMIT && p->data[1] == 0 && packet_need(p, p->len);

	if (m->nic->l3)			/* nobody there has a link address */
		return true;
	ok = ok && dispatch(ip, p, m);
	if (!ok)
		ip->ndp_stats.in_errors++;
	return ok;
}

/* ---- for the neighbour table ---- */

static void ndp_solicit(void *arg, struct neighbour *n, const uint8_t *dst)
{
	const struct packet *first = n->waiting.head;
	const struct ifaddr *ia = NULL;
	struct ip_addr target = ip_addr_read(n->ip), from;
	struct ip *ip = arg;

	if (first) {
		from = ip_addr_read(ipv6_header(first)->src);
		ia = ifaddr_find(n->nic, &from);
	}
	from = ia && ifaddr_usable(ia) ? ia->addr : ip_addr_select6(ip, n->nic, &target);
	if (!ip_addr_is_any(&from))
		solicit(ip, n->nic, &from, &target, dst);
}

static void ndp_unreachable(void *arg, struct neighbour *n, struct packet *p)
{
	(void)n;
	icmp6_local_error(arg, p, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
	packet_free(p);
}

static void ndp_failed(void *arg, struct neighbour *n)
{
	struct ip_addr a = ip_addr_read(n->ip);

	(void)arg;
	if (!n->nic->ip6)
		return;
	redirects_flush(&n->nic->ip6->redirects, &a);
	ip6_router_failed(n->nic->ip6, &a, true);
}

static const struct nud_times *ndp_times(void *arg, const struct nic *nic)
{
	(void)arg;
	return nic->ip6 ? &nic->ip6->times : NULL;
}

const struct neighbour_ops ndp_neighbour_ops = {
	.solicit = ndp_solicit,
	.unreachable = ndp_unreachable,
	.failed = ndp_failed,
	.times = ndp_times,
};
