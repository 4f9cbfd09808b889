/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arp.c - the Address Resolution Protocol for IPv4 over Ethernet (RFC 826).
 *
 * Theory of operation
 *
 *	0      2      4    5    6      8            14      18           24      28
 *	| htype| ptype|hlen|plen|  op  |     sha     |  spa  |     tha     |  tpa  |
 *
 * A request for an address of the NIC it came by is answered to its sender, whose own address is
 * noted (RFC 826's merge). Packets about others only refresh entries that exist. A reply
 * that was sent to us alone answers what we asked; all else makes at most a STALE entry.
 *
 * Anybody on the link can say anything. Senders that cannot be (a group, loopback, our own address
 * with another's hardware address) are ignored; an entry is made only for a sender whose address
 * is on this link; and an address that changed within the last second does not change again,
 * unless the neighbour announces it to all (Linux's locktime and gratuitous ARP). RFC 5227: a
 * probe (sender address zero) is answered and teaches nothing; whoever claims an address of ours
 * is counted and logged, and answered with our own claim, at most every ten seconds (section 2.4
 * (c)).
 */
#include <linux/icmp.h>

#include "base/bytes.h"
#include "ip/arp.h"
#include "ip/icmp.h"
#include "ip/ip4_link.h"
#include "ip/ipv4.h"
#include "nic/ethernet.h"
#include "packet/pool.h"

#define ARP_LEN		28u
#define ARP_REQUEST	1u
#define ARP_REPLY	2u
#define ARP_LOCKTIME_NS	1000000000ull
#define ARP_DEFEND_NS	10000000000ull

struct arp {
	uint16_t op;
	uint8_t sha[LINK_ADDR_LEN];
	struct ip_addr spa, tpa;
};

static struct ip_addr read_v4(const uint8_t *at)
{
	uint32_t be;

	memcpy(&be, at, sizeof(be));
	return ip_addr_v4(be);
}

static bool arp_parse(struct packet *p, struct arp *a)
{
	const uint8_t *b;

	if (!packet_need(p, ARP_LEN))
		return false;
	b = p->data;
	if (get_be16(b) != 1 || get_be16(b + 2) != ETH_TYPE_IPV4 || b[4] != LINK_ADDR_LEN ||
	    b[5] != 4)
		return false;
	a->op = get_be16(b + 6);
	memcpy(a->sha, b + 8, LINK_ADDR_LEN);
	a->spa = read_v4(b + 14);
	a->tpa = read_v4(b + 24);
	return a->op == ARP_REQUEST || a->op == ARP_REPLY;
}

static void arp_send(struct ip *ip, struct nic *nic, uint16_t op, const uint8_t *to,
		     const struct ip_addr *spa, const uint8_t *tha, const struct ip_addr *tpa)
{
	static const uint8_t unknown[LINK_ADDR_LEN];
	struct packet *p = packet_alloc_for(ip->env->pool, POOL_LAST, PACKET_HEADROOM);
	uint8_t *b;

	if (!p)
		return;
	b = packet_put(p, ARP_LEN);
	put_be16(b, 1);
	put_be16(b + 2, ETH_TYPE_IPV4);
	b[4] = LINK_ADDR_LEN;
	b[5] = 4;
	put_be16(b + 6, op);
	memcpy(b + 8, nic->addr, LINK_ADDR_LEN);
	memcpy(b + 14, &spa->w[3], 4);
	memcpy(b + 18, tha ? tha : unknown, LINK_ADDR_LEN);
	memcpy(b + 24, &tpa->w[3], 4);
	p->protocol = ETH_TYPE_ARP;
	p->network = (uint16_t)(p->data - p->base);
	if (op == ARP_REQUEST)
		ip->arp_stats.out_requests++;
	else
		ip->arp_stats.out_replies++;
	ethernet_output(nic, p, to);
}

/* Could a neighbour truly have sent this? */
static bool arp_plausible(const struct nic *nic, const struct arp *a)
{
	static const uint8_t zero[LINK_ADDR_LEN];

	if (a->sha[0] & 1 || !memcmp(a->sha, zero, LINK_ADDR_LEN) ||
	    !memcmp(a->sha, nic->addr, LINK_ADDR_LEN))
		return false;
	return (a->spa.b[12] != 0 || ip_addr_is_any(&a->spa)) && a->spa.b[12] < 224 &&
	       !ip_addr_is_loopback(&a->spa) && a->tpa.b[12] < 224 &&
	       !ip_addr_is_loopback(&a->tpa);
}

static bool nic_has(struct ip *ip, struct nic *nic, const struct ip_addr *a)
{
	struct ip_meta m;

	return ip_addr_accepts(ip, nic, a, &m) && !m.broadcast && !m.multicast;
}

/* Somebody else uses an address of ours. */
static void arp_conflict(struct ip *ip, struct nic *nic, const struct arp *a)
{
	char text[IP_ADDR_TEXT];

	ip->arp_stats.in_conflicts++;
	if (ip->arp_defended && ip->env->now - ip->arp_defended < ARP_DEFEND_NS)
		return;
	ip->arp_defended = ip->env->now;
	log_write(&ip->env->log, LOG_WARN,
		  "%s: %02x:%02x:%02x:%02x:%02x:%02x uses our address %s as well; give one of us another",
		  nic->name, a->sha[0], a->sha[1], a->sha[2], a->sha[3], a->sha[4], a->sha[5],
		  ip_addr_text(&a->spa, text));
	arp_send(ip, nic, ARP_REQUEST, eth_broadcast, &a->spa, NULL, &a->spa);
}

static void arp_learn(struct ip *ip, struct nic *nic, const struct arp *a, bool for_us,
		      bool unicast)
{
	struct neighbour *n = neighbour_find(&ip->arp, nic, a->spa.b);
	bool gratuitous = ip_addr_eq(&a->spa, &a->tpa);
	bool create = for_us && a->op == ARP_REQUEST && ip_on_link(ip, nic, &a->spa);
	bool override = gratuitous || !n || ip->env->now - n->updated > ARP_LOCKTIME_NS;

	neighbour_update(&ip->arp, nic, a->spa.b, a->sha,
			 a->op == ARP_REPLY && for_us && unicast, override, create);
}

void arp_input(struct ip *ip, struct nic *nic, struct packet *p)
{
	struct arp a;
	bool for_us;

	if (!arp_parse(p, &a) || !arp_plausible(nic, &a)) {
		ip->arp_stats.in_errors++;
		packet_free(p);
		return;
	}
	if (a.op == ARP_REQUEST)
		ip->arp_stats.in_requests++;
	else
		ip->arp_stats.in_replies++;
	for_us = nic_has(ip, nic, &a.tpa);
	if (ip_addr_find(ip, &a.spa)) {
		arp_conflict(ip, nic, &a);
	} else {
		if (!ip_addr_is_any(&a.spa))
			arp_learn(ip, nic, &a, for_us, p->type == PACKET_HOST);
		if (a.op == ARP_REQUEST && for_us)
			arp_send(ip, nic, ARP_REPLY, a.sha, &a.tpa, a.sha, &a.spa);
	}
	packet_free(p);
}

/* ---- for the neighbour table ---- */

static void arp_solicit(void *arg, struct neighbour *n, const uint8_t *dst)
{
	struct ip_addr target, from;

	memcpy(target.b, n->ip, sizeof(target.b));
	from = ip_addr_select(n->nic, &target);
	arp_send(arg, n->nic, ARP_REQUEST, dst ? dst : eth_broadcast, &from, dst, &target);
}

static void arp_unreachable(void *arg, struct neighbour *n, struct packet *p)
{
	(void)n;
	icmp_local_error(arg, p, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
	packet_free(p);
}

static void arp_failed(void *arg, struct neighbour *n)
{
	struct ip_addr a = ip_addr_read(n->ip);

	(void)arg;
	if (n->nic->ip4)
		redirects_flush(&n->nic->ip4->redirects, &a);
}

const struct neighbour_ops arp_neighbour_ops = {
	.solicit = arp_solicit,
	.unreachable = arp_unreachable,
	.failed = arp_failed,
};
