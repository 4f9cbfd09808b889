/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip6_addr.c - the addresses that a NIC makes for itself (RFC 4862 sections 5.3 and 5.5), and what
 * comes with any IPv6 address.
 *
 * Theory of operation
 *
 * An address is a prefix of 64 bits, fe80:: or a router's, and an identifier. That is a keyed hash
 * of the prefix, the NIC's name and a count of conflicts (RFC 7217): the same for as long as the
 * secret is, which the stack draws when it starts or the NIC is given (stable-secret), different in
 * every network, and told by nothing. Or, if so configured, the link address spelled as an EUI-64
 * (RFC 4291 appendix A).
 *
 * What a router says again renews an address of its prefix: the preferred lifetime as said, the
 * valid one likewise, but none that has more than two hours left is cut to less than that
 * (section 5.5.3 (e)): a forged advertisement cannot take our address away at once.
 *
 * Every address but loopback's joins its solicited-node group (RFC 4291 section 2.8).
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ip/group.h"
#include "ip/ip6_link.h"
#include "ip/ndp.h"

#define TWO_HOURS_NS	7200000000000ull
#define TRIES		3u		/* RFC 7217's IDGEN_RETRIES */

static const struct ip_addr linklocal_prefix = { .b = { 0xfe, 0x80 } };

/* ---- identifiers ---- */

/* RFC 5453: anycast addresses, and what is kept for protocols. */
static bool is_reserved(uint64_t id)
{
	return id == 0 || id >> 7 == 0xfdffffffffffff80ull >> 7 ||
	       (id >= 0x02005efffe000000ull && id <= 0x02005efffeffffffull);
}

static uint64_t hashed_id(const struct ip6_link *l, const struct ip_addr *prefix, uint32_t count)
{
	struct {
		uint64_t prefix;
		char name[LINK_NAME_MAX];
		uint64_t count;
	} key = { .prefix = prefix->q[0], .count = count };

	memcpy(key.name, l->nic->name, strnlen(l->nic->name, sizeof(key.name)));
	return siphash(l->config.has_secret ? &l->config.secret : &l->ip->ip6_secret, &key, sizeof(key));
}

struct siphash_key ip6_secret(const uint8_t secret[16])
{
	struct siphash_key key;

	for (size_t i = 0; i < 2; i++)
		key.k[i] = (uint64_t)get_be32(secret + 8 * i) << 32 | get_be32(secret + 8 * i + 4);
	return key;
}

uint64_t ip6_stable_id(const struct ip6_link *l, const struct ip_addr *prefix, uint8_t conflicts)
{
	uint32_t count = conflicts;
	uint64_t id;

	do {
		id = hashed_id(l, prefix, count);
		count += 256;		/* apart from what conflicts count */
	} while (is_reserved(id));
	return id;
}

static struct ip_addr make_address(const struct ip6_link *l, const struct ip_addr *prefix,
				   uint8_t conflicts)
{
	struct ip_addr a = *prefix;
	const uint8_t *mac = l->nic->addr;
	uint64_t id;

	if (l->config.eui64) {
		const uint8_t eui[8] = {
			mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]
		};

		memcpy(a.b + 8, eui, sizeof(eui));
	} else {
		id = ip6_stable_id(l, prefix, conflicts);
		put_be32(a.b + 8, (uint32_t)(id >> 32));
		put_be32(a.b + 12, (uint32_t)id);
	}
	return a;
}

/* ---- addresses ---- */

static uint32_t count_dynamic(const struct nic *nic)
{
	uint32_t n = 0;

	list_for_each(pos, &nic->addrs)
		n += list_entry(pos, struct ifaddr, node)->dynamic;
	return n;
}

void ip6_addr_linklocal(struct ip6_link *l)
{
	struct ifaddr a = { .generated = true, .prefix = 64 };

	list_for_each(pos, &l->nic->addrs)
		if (ip_addr_is_linklocal(&list_entry(pos, struct ifaddr, node)->addr))
			return;
	a.addr = make_address(l, &linklocal_prefix, 0);
	a.preferred_until = a.valid_until = IFADDR_FOREVER;
	ip_ifaddr_add(l->ip, l->nic, &a, NULL);
}

/* The address of this prefix that a router's word made, the last of several tries; NULL: none. */
static struct ifaddr *find_made(const struct nic *nic, const struct ip_addr *prefix)
{
	struct ifaddr *made = NULL;

	list_for_each(pos, &nic->addrs) {
		struct ifaddr *ia = list_entry(pos, struct ifaddr, node);
		struct ip_addr p = ip_addr_mask(&ia->addr, 64);

		if (ia->dynamic && ia->prefix == 64 && ip_addr_eq(&p, prefix))
			made = ia;
	}
	return made;
}

static void add_made(struct ip6_link *l, const struct ip6_ra_option_prefix *o, uint8_t conflicts)
{
	struct ifaddr a = {
		.addr = make_address(l, &o->addr, conflicts),
		.prefix = 64,
		.dynamic = true,
		.generated = true,
		.no_prefix_route = true,
		.conflicts = conflicts,
		.preferred_until = ip6_until(l, o->preferred),
		.valid_until = ip6_until(l, o->valid),
	};

	if (count_dynamic(l->nic) >= IP6_ADDRS_MAX) {
		l->ip->ip6_stats.limits++;
		return;
	}
	ip_ifaddr_add(l->ip, l->nic, &a, NULL);
}

static void renew(struct ip6_link *l, struct ifaddr *ia, const struct ip6_ra_option_prefix *o)
{
	uint64_t now = l->ip->env->now, valid = ip6_until(l, o->valid);

	if (valid > ia->valid_until || valid == IFADDR_FOREVER || valid - now > TWO_HOURS_NS)
		ia->valid_until = valid;
	else if (ia->valid_until - now > TWO_HOURS_NS)
		ia->valid_until = now + TWO_HOURS_NS;
	ia->preferred_until = ip6_until(l, o->preferred);
	if (ia->preferred_until > ia->valid_until)
		ia->preferred_until = ia->valid_until;
	if (ia->state == IFADDR_DEPRECATED && ia->preferred_until > now)
		ifaddr_set_state(l->ip, ia, IFADDR_PREFERRED);
}

void ip6_addr_prefix(struct ip6_link *l, const struct ip6_ra_option_prefix *o)
{
	struct ifaddr *ia;

	if (o->preferred > o->valid || o->len != 64)
		return;
	ia = find_made(l->nic, &o->addr);
	if (ia)
		renew(l, ia, o);
	else if (o->valid)
		add_made(l, o, 0);
}

void ip6_addr_again(struct ip6_link *l, const struct ifaddr *ia)
{
	struct ip_addr prefix = ip_addr_mask(&ia->addr, 64);
	struct ifaddr a = {
		.prefix = 64,
		.dynamic = ia->dynamic,
		.generated = true,
		.no_prefix_route = ia->no_prefix_route,
		.conflicts = ia->conflicts + 1,
		.preferred_until = ia->preferred_until,
		.valid_until = ia->valid_until,
	};

	if (l->config.eui64 || ia->conflicts >= TRIES)
		return;
	a.addr = make_address(l, &prefix, a.conflicts);
	ip_ifaddr_add(l->ip, l->nic, &a, NULL);
}

/* ---- what comes with an address ---- */

void ip6_addr_added(struct ip *ip, struct ifaddr *ia)
{
	struct ip_addr group = ndp_solicited_node(&ia->addr);
	struct ip6_link *l = ia->nic->ip6;

	if (ip_addr_is_v4(&ia->addr) || ia->nic->loopback)
		return;
	ia->solicited = calloc(1, sizeof(*ia->solicited));
	if (ia->solicited && group_join(ip, ia->nic, &group, ia->solicited) < 0) {
		free(ia->solicited);	/* then switches may not send us who asks for it */
		ia->solicited = NULL;
	}
	if (!l)
		return;
	if (l->ready && !ia->no_dad)
		ip6_dad_start(l, ia);
	ip6_link_schedule(l);
}

void ip6_addr_removed(struct ip *ip, struct ifaddr *ia)
{
	if (ip_addr_is_v4(&ia->addr))
		return;
	ip6_dad_stop(ip, ia);
	if (ia->solicited)
		group_leave(ia->solicited);
	free(ia->solicited);
	ia->solicited = NULL;
}
