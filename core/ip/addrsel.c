/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addrsel.c - which address to speak from (RFC 6724 section 5).
 *
 * Theory of operation
 *
 * Candidates are the usable unicast addresses of the NIC that the packet leaves by, and, unless the
 * destination has a meaning on that link alone (link-local or multicast), those of all others
 * (section 4). Each rule is asked in turn whether it prefers one of a pair; the first that does
 * decides, and the one that no other beats is taken:
 *
 *	1 the destination itself		6 the label of the destination's
 *	2 the smallest scope not below the	7 temporary addresses: not preferred, as on Linux
 *	  destination's				  unless told otherwise (use_tempaddr below 2)
 *	3 not deprecated			8 the longest common prefix
 *	5 the outgoing NIC's
 *
 * Rule 4 is about home addresses of mobile hosts, of which there are none here.
 */
#include "ip/ip.h"

/* Section 2.1's policy table, by its labels; the longest prefix that fits counts. */
static const struct {
	struct ip_addr prefix;
	uint8_t bits, label;
} policies[] = {
	{ { .b = { [15] = 1 } }, 128, 0 },
	{ { .b = { [10] = 0xff, [11] = 0xff } }, 96, 4 },
	{ { .b = { 0 } }, 96, 3 },
	{ { .b = { 0x20, 0x01 } }, 32, 5 },
	{ { .b = { 0x20, 0x02 } }, 16, 2 },
	{ { .b = { 0x3f, 0xfe } }, 16, 12 },
	{ { .b = { 0xfe, 0xc0 } }, 10, 11 },
	{ { .b = { 0xfc } }, 7, 13 },
};
#define LABEL_OTHERS 1u

static unsigned int common_bits(const struct ip_addr *a, const struct ip_addr *b)
{
	for (unsigned int i = 0; i < 16; i++) {
		uint8_t differ = a->b[i] ^ b->b[i];

		if (differ)
			return 8 * i + (unsigned int)__builtin_clz(differ) - 24;
	}
	return 128;
}

static uint8_t label(const struct ip_addr *a)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (common_bits(&policies[i].prefix, a) >= policies[i].bits)
			return policies[i].label;
	return LABEL_OTHERS;
}

/* Rule 8 counts bits of the source's prefix only. */
static unsigned int common_prefix(const struct ifaddr *ia, const struct ip_addr *dst)
{
	unsigned int n = common_bits(&ia->addr, dst);

	return n < ia->prefix ? n : ia->prefix;
}

/* Above 0: a is better than b; 0: this rule does not say. */
static int prefer(const struct ifaddr *a, const struct ifaddr *b, const struct nic *nic,
		  const struct ip_addr *dst)
{
	uint8_t sa = ip_addr_scope(&a->addr), sb = ip_addr_scope(&b->addr);
	uint8_t want = ip_addr_scope(dst), want_label = label(dst);
	int r;

	r = ip_addr_eq(&a->addr, dst) - ip_addr_eq(&b->addr, dst);
	if (r)
		return r;
	if (sa < sb)
		return sa < want ? -1 : 1;
	if (sb < sa)
		return sb < want ? 1 : -1;
	r = (a->state == IFADDR_PREFERRED) - (b->state == IFADDR_PREFERRED);
	if (r)
		return r;
	r = (a->nic == nic) - (b->nic == nic);
	if (r)
		return r;
	r = (label(&a->addr) == want_label) - (label(&b->addr) == want_label);
	if (r)
		return r;
	r = b->temporary - a->temporary;
	if (r)
		return r;
	return (int)common_prefix(a, dst) - (int)common_prefix(b, dst);
}

static const struct ifaddr *best_of(const struct nic *from, const struct ifaddr *best,
				    const struct nic *nic, const struct ip_addr *dst)
{
	list_for_each(pos, &from->addrs) {
		const struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (ip_addr_is_v4(&ia->addr) || !ifaddr_usable(ia))
			continue;
		if (from != nic && (ip_addr_is_linklocal(&ia->addr) ||
				    ip_addr_is_loopback(&ia->addr)))
			continue;
		if (!best || prefer(ia, best, nic, dst) > 0)
			best = ia;
	}
	return best;
}

struct ip_addr ip_addr_select6(struct ip *ip, const struct nic *nic, const struct ip_addr *dst)
{
	static const struct ip_addr none = { .b = { 0 } };
	const struct ifaddr *best = best_of(nic, NULL, nic, dst);

	if (ip_addr_is_multicast(dst) || ip_addr_is_linklocal(dst))
		return best ? best->addr : none;
	list_for_each(pos, &ip->nics->list) {
		const struct nic *other = list_entry(pos, struct nic, node);

		if (other != nic)
			best = best_of(other, best, nic, dst);
	}
	return best ? best->addr : none;
}
