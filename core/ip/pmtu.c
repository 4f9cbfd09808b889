/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pmtu.c - what is known of paths narrower than their first link (RFC 1191, RFC 8201).
 *
 * Theory of operation
 *
 * An entry holds the smallest MTU heard of for a destination, never below 552 bytes (IPv6: 1,280),
 * whatever a message claims: a forger gains little. All entries live equally long from their last
 * change, so the list in the order of change is also that of expiry, and one timer serves them all.
 * Its head makes room when the table is full. Every change bumps ip->generation, so that sockets
 * look again.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "ip/ipv6.h"
#include "ip/pmtu.h"

struct pmtu_entry {
	struct hash_node node;
	struct list age;		/* oldest first */
	struct ip_addr dst;
	uint32_t mtu;
	uint64_t expires;		/* ns */
};

struct pmtu_cache {
	struct ip *ip;
	struct hash_table table;
	struct list ages;
	struct timer timer;
};

static uint64_t pmtu_hash(const struct pmtu_cache *c, const struct ip_addr *dst)
{
	return siphash(&c->ip->env->key, dst, sizeof(*dst));
}

static struct pmtu_entry *pmtu_entry(const struct pmtu_cache *c, const struct ip_addr *dst)
{
	struct hash_node *n = hash_find(&c->table, pmtu_hash(c, dst));

	for (; n; n = hash_find_next(n)) {
		struct pmtu_entry *pe = container_of(n, struct pmtu_entry, node);

		if (ip_addr_eq(&pe->dst, dst))
			return pe;
	}
	return NULL;
}

static void pmtu_remove(struct pmtu_cache *c, struct pmtu_entry *pe)
{
	hash_del(&c->table, &pe->node);
	list_del(&pe->age);
	free(pe);
}

static void pmtu_arm(struct pmtu_cache *c)
{
	if (list_empty(&c->ages))
		timer_cancel(&c->ip->env->timers, &c->timer);
	else
		timer_arm(&c->ip->env->timers, &c->timer,
			  list_first(&c->ages, struct pmtu_entry, age)->expires);
}

static void pmtu_expire(struct timer *t)
{
	struct pmtu_cache *c = container_of(t, struct pmtu_cache, timer);

	list_for_each_safe(pos, &c->ages) {
		struct pmtu_entry *pe = list_entry(pos, struct pmtu_entry, age);

		if (pe->expires > c->ip->env->now)
			break;
		pmtu_remove(c, pe);
		c->ip->generation++;
	}
	pmtu_arm(c);
}

struct pmtu_cache *pmtu_create(struct ip *ip)
{
	struct pmtu_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ip = ip;
	list_init(&c->ages);
	timer_init(&c->timer, pmtu_expire);
	if (hash_init(&c->table, 16) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

void pmtu_destroy(struct pmtu_cache *c)
{
	list_for_each_safe(pos, &c->ages)
		pmtu_remove(c, list_entry(pos, struct pmtu_entry, age));
	timer_cancel(&c->ip->env->timers, &c->timer);
	hash_free(&c->table);
	free(c);
}

uint32_t pmtu_find(const struct pmtu_cache *c, const struct ip_addr *dst)
{
	struct pmtu_entry *pe = c->table.count ? pmtu_entry(c, dst) : NULL;

	return pe ? pe->mtu : 0;
}

static struct pmtu_entry *pmtu_add(struct pmtu_cache *c, const struct ip_addr *dst)
{
	struct pmtu_entry *pe = calloc(1, sizeof(*pe));

	if (!pe)
		return NULL;
	if (c->table.count >= PMTU_ENTRIES)
		pmtu_remove(c, list_first(&c->ages, struct pmtu_entry, age));
	pe->dst = *dst;
	pe->mtu = UINT32_MAX;
	list_init(&pe->age);
	hash_add(&c->table, &pe->node, pmtu_hash(c, dst));
	return pe;
}

void ip_pmtu_update(struct ip *ip, const struct ip_addr *dst, uint32_t mtu)
{
	struct pmtu_cache *c = ip->pmtu;
	struct pmtu_entry *pe = pmtu_entry(c, dst);

	if (mtu < PMTU_MIN && ip_addr_is_v4(dst))
		mtu = PMTU_MIN;
	if (mtu < IPV6_MTU_MIN && !ip_addr_is_v4(dst))
		mtu = IPV6_MTU_MIN;
	if (!pe)
		pe = pmtu_add(c, dst);
	if (!pe || mtu > pe->mtu)
		return;
	pe->expires = ip->env->now + PMTU_EXPIRE_NS;
	list_del(&pe->age);
	list_add_tail(&pe->age, &c->ages);
	pmtu_arm(c);
	if (mtu < pe->mtu) {
		pe->mtu = mtu;
		ip->generation++;
	}
}
