/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip.c - the internet layer put together, and the addresses of the NICs.
 *
 * Theory of operation
 *
 * We are a strong host for what arrives (RFC 1122 section 3.3.4.2): a packet is ours when its
 * destination is an address of the NIC it came by. Loopback is the exception: there, every
 * address of the stack is ours. We never forward.
 *
 * An address brings two routes: a local one to itself, which leads to loopback, and a connected one
 * to its subnet, which on loopback is local as a whole, over IPv4. An IPv6 address that duplicate address detection
 * has not let pass (RFC 4862) has no local route and is none of ours.
 *
 * One subnet has one connected route. IPv6's is there as long as any address of the subnet is. Of IPv4 the first address is
 * the primary, whose source the routes name, those to its secondaries too; with it go the secondaries, or
 * the first of them inherits (net.ipv4.conf.*.promote_secondaries). In a NIC's list primaries come first.
 */
#include <errno.h>
#include <stdlib.h>

#include "ip/arp.h"
#include "ip/fragment.h"
#include "ip/group.h"
#include "ip/icmp.h"
#include "ip/icmp6.h"
#include "ip/ip4_link.h"
#include "ip/ip6_link.h"
#include "ip/ipv4.h"
#include "ip/ipv6.h"
#include "ip/ndp.h"
#include "ip/pmtu.h"
#include "ip/route_table.h"
#include "packet/checksum.h"
#include "nic/ethernet.h"

static void ip_input(void *arg, struct nic *nic, struct packet *p)
{
	struct ip *ip = arg;

	switch (p->protocol) {
	case ETH_TYPE_IPV4:
		ipv4_input(ip, nic, p);
		return;
	case ETH_TYPE_IPV6:
		if (!ip6_refused(nic)) {
			ipv6_input(ip, nic, p);
			return;
		}
		break;
	case ETH_TYPE_ARP:
		if (!nic->loopback) {
			arp_input(ip, nic, p);
			return;
		}
		break;
	}
	packet_free(p);
}

/* Those that ip_echo() has put by. */
static void input_echoes(struct work *w)
{
	struct ip *ip = container_of(w, struct ip, echo_work);
	uint64_t began = env_begin(ip->env);
	struct packet *p;

	for (unsigned int n = 0; n < NIC_LOOPBACK_TURN && (p = packet_queue_pop(&ip->echoes)); n++) {
		p->tstamp = ip->env->now;
		if (p->base[p->network] >> 4 == 4)
			ipv4_input_echo(ip, p);
		else
			ipv6_input_echo(ip, p);
		if (env_spent(ip->env, began))
			break;
	}
	if (ip->echoes.head)
		work_defer(ip->env, &ip->echo_work);
}

/* The last address of ia's subnet; any: it has none of its own for broadcasts. */
static struct ip_addr subnet_last(const struct ifaddr *ia)
{
	if (ia->prefix >= 31 || !ip_addr_is_v4(&ia->addr))
		return ip_addr_v4(0);
	return ip_addr_v4(ip_addr_to_v4(&ia->addr) | htonl(UINT32_MAX >> ia->prefix));
}

/* A program may add a thousand addresses, and each packet asks whose one is. */
static uint64_t addr_hash(const struct nic *nic, const struct ip_addr *a)
{
	return siphash(&nic->nics->env->key, a, sizeof(*a));
}

/* Among those of its NIC. */
static void ifaddr_place(struct ifaddr *ia)
{
	list_for_each(pos, &ia->nic->addrs)
		if (!ia->secondary && list_entry(pos, struct ifaddr, node)->secondary) {
			list_add_before(&ia->node, pos);
			return;
		}
	list_add_tail(&ia->node, &ia->nic->addrs);
}

static void ifaddr_link(struct ifaddr *ia)
{
	const struct ip_addr last = subnet_last(ia);
	struct nic *nic = ia->nic;

	ifaddr_place(ia);
	hash_add(&nic->addrs_by_name, &ia->by_name, addr_hash(nic, &ia->addr));
	if (!ip_addr_is_any(&last))
		hash_add(&nic->addrs_by_broadcast, &ia->by_broadcast, addr_hash(nic, &last));
}

static void ifaddr_unlink(struct ifaddr *ia)
{
	const struct ip_addr last = subnet_last(ia);

	list_del(&ia->node);
	hash_del(&ia->nic->addrs_by_name, &ia->by_name);
	if (!ip_addr_is_any(&last))
		hash_del(&ia->nic->addrs_by_broadcast, &ia->by_broadcast);
}

static void ifaddr_free(struct ip *ip, struct ifaddr *ia)
{
	ip6_addr_removed(ip, ia);
	ifaddr_unlink(ia);
	ip_changed(ip, IP_ADDR_DEL, ia);
	free(ia);
}

/* The device goes: of the NIC nothing is left but itself. */
static void nic_strip(struct ip *ip, struct nic *nic)
{
	route_flush(ip, nic);
	list_for_each_safe(pos, &nic->addrs)
		ifaddr_free(ip, list_entry(pos, struct ifaddr, node));
}

/* The link may be another one, or we another station: who is where is found out anew. */
static void nic_unlearn(struct ip *ip, struct nic *nic, bool permanent)
{
	neighbour_flush(&ip->arp, nic, permanent);
	neighbour_flush(&ip->ndp, nic, permanent);
}

static void ip_nic_event(void *arg, struct nic *nic, enum nic_event ev)
{
	struct ip *ip = arg;

	if (ev == NIC_QDISC) {		/* nothing that a packet's way depends on */
		ip_changed(ip, IP_QDISC_NEW, nic);
		return;
	}
	ip->generation++;
	if (ev == NIC_UP || ev == NIC_DOWN || ev == NIC_GONE)
		groups_nic_event(ip->groups, nic, ev);
	ip4_link_event(nic, ev);
	ip6_link_event(nic, ev);
	if (ev == NIC_HIDDEN)
		nic_strip(ip, nic);
	ip_changed(ip, ev == NIC_GONE || ev == NIC_HIDDEN ? IP_LINK_DEL : IP_LINK_NEW, nic);
	if (ev == NIC_CARRIER && !nic->carrier)
		nic_unlearn(ip, nic, false);
	if (ev == NIC_ADDR)
		nic_unlearn(ip, nic, true);
	if (ev != NIC_DOWN && ev != NIC_GONE)
		return;
	packet_queue_purge(&ip->echoes);
	nic_unlearn(ip, nic, true);
	fragments_flush(ip->fragments, nic);
	if (ev == NIC_GONE)
		nic_strip(ip, nic);
}

int ip_init(struct ip *ip, struct env *env, struct nics *nics)
{
	memset(ip, 0, sizeof(*ip));
	ip->env = env;
	ip->nics = nics;
	ip->sock_memory.env = env;
	ip->ttl = IP_TTL_DEFAULT;
	ip->generation = 1;
	if (route_table_init(ip) < 0)
		return -ENOMEM;
	work_init(&ip->echo_work, input_echoes);
	random_bytes(&env->random, &ip->ip6_secret, sizeof(ip->ip6_secret));
	random_bytes(&env->random, ip->ids, sizeof(ip->ids));
	for (size_t i = 0; i < IP_IDS; i++)
		ip->ids[i].used = 0;
	if (neighbour_table_init(&ip->arp, env, &arp_neighbour_ops, ip) < 0)
		goto err_routes;
	if (neighbour_table_init(&ip->ndp, env, &ndp_neighbour_ops, ip) < 0)
		goto err_arp;
	ip->fragments = fragments_create(ip);
	if (!ip->fragments)
		goto err_ndp;
	ip->pmtu = pmtu_create(ip);
	if (!ip->pmtu)
		goto err_fragments;
	ip->icmp = icmp_create(ip);
	if (!ip->icmp)
		goto err_pmtu;
	ip->groups = groups_create(ip);
	if (!ip->groups)
		goto err_icmp;
	icmp6_init(ip);
	nics->input = ip_input;
	nics->input_arg = ip;
	nics->event = ip_nic_event;
	nics->event_arg = ip;
	return 0;

err_icmp:
	icmp_destroy(ip->icmp);
err_pmtu:
	pmtu_destroy(ip->pmtu);
err_fragments:
	fragments_destroy(ip->fragments);
err_ndp:
	neighbour_table_destroy(&ip->ndp);
err_arp:
	neighbour_table_destroy(&ip->arp);
err_routes:
	route_table_destroy(ip);
	return -ENOMEM;
}

void ip_destroy(struct ip *ip)
{
	ip->nics->input = NULL;
	ip->nics->event = NULL;
	list_for_each(pos, &ip->nics->list) {
		struct nic *nic = list_entry(pos, struct nic, node);

		ip4_link_free(nic);
		ip6_link_free(nic);
		list_for_each_safe(a, &nic->addrs)
			ifaddr_free(ip, list_entry(a, struct ifaddr, node));
	}
	work_cancel(&ip->echo_work);
	packet_queue_purge(&ip->echoes);
	route_table_destroy(ip);
	groups_destroy(ip->groups);
	icmp_destroy(ip->icmp);
	pmtu_destroy(ip->pmtu);
	fragments_destroy(ip->fragments);
	neighbour_table_destroy(&ip->ndp);
	neighbour_table_destroy(&ip->arp);
}

void ip_register(struct ip *ip, uint8_t proto, const struct ip_protocol *ops, void *arg)
{
	ip->protocols[proto] = ops;
	ip->protocol_args[proto] = arg;
}

/* ---- addresses ---- */

struct ip_addr ip_addr_mask(const struct ip_addr *a, uint8_t prefix)
{
	struct ip_addr r = *a;
	unsigned int bits = ip_addr_is_v4(a) ? 96u + prefix : prefix;

	for (unsigned int i = 0; i < 16; i++) {
		unsigned int keep = bits > 8 * i ? bits - 8 * i : 0;

		if (keep < 8)
			r.b[i] &= (uint8_t)(0xff00u >> keep);
	}
	return r;
}

uint32_t ip_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
		   uint32_t len)
{
	bool v4 = ip_addr_is_v4(dst);
	size_t off = v4 ? 12 : 0, alen = v4 ? 4 : 16;

	return checksum_pseudo(src->b + off, dst->b + off, alen, proto, len);
}

static bool same_subnet(const struct ifaddr *ia, const struct ip_addr *a)
{
	struct ip_addr x = ip_addr_mask(&ia->addr, ia->prefix), y = ip_addr_mask(a, ia->prefix);

	return ip_addr_is_v4(a) == ip_addr_is_v4(&ia->addr) && ip_addr_eq(&x, &y);
}

struct nic *ip_loopback(struct ip *ip)
{
	list_for_each(pos, &ip->nics->list) {
		struct nic *nic = list_entry(pos, struct nic, node);

		if (nic->loopback)
			return nic;
	}
	return NULL;
}

/* 127.0.0.0/8 has a broadcast address, as others, but nobody is shown it. */
static bool is_subnet_broadcast(const struct ifaddr *ia, const struct ip_addr *a)
{
	struct ip_addr last = subnet_last(ia);

	return !ip_addr_is_any(&last) && ip_addr_eq(&last, a);
}

bool ip_addr_is_broadcast(const struct nic *nic, const struct ip_addr *a)
{
	struct hash_node *n;

	if (!ip_addr_is_v4(a) || ip_addr_to_v4(a) == INADDR_BROADCAST)
		return ip_addr_is_v4(a);
	n = nic->addrs_by_broadcast.count ? hash_find(&nic->addrs_by_broadcast, addr_hash(nic, a)) : NULL;
	for (; n; n = hash_find_next(n))
		if (is_subnet_broadcast(container_of(n, struct ifaddr, by_broadcast), a))
			return true;
	return false;
}

struct ifaddr *ifaddr_find(const struct nic *nic, const struct ip_addr *a)
{
	struct hash_node *n = nic->addrs_by_name.count ? hash_find(&nic->addrs_by_name, addr_hash(nic, a)) : NULL;

	for (; n; n = hash_find_next(n)) {
		struct ifaddr *ia = container_of(n, struct ifaddr, by_name);

		if (ip_addr_eq(&ia->addr, a))
			return ia;
	}
	return NULL;
}

/* Of a subnet of loopback's every address is ours. */
static struct ifaddr *loopback_addr_find(const struct nic *nic, const struct ip_addr *a)
{
	list_for_each(pos, &nic->addrs) {
		struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (!ia->no_prefix_route && same_subnet(ia, a) && !is_subnet_broadcast(ia, a))
			return ia;
	}
	return NULL;
}

static struct ifaddr *nic_addr_find(const struct nic *nic, const struct ip_addr *a)
{
	struct ifaddr *ia = ifaddr_find(nic, a);

	if (!ia && nic->loopback && ip_addr_is_v4(a))
		return loopback_addr_find(nic, a);
	return ia && ifaddr_usable(ia) ? ia : NULL;
}

struct ifaddr *ip_addr_find(struct ip *ip, const struct ip_addr *a)
{
	list_for_each(pos, &ip->nics->list) {
		struct ifaddr *ia = nic_addr_find(list_entry(pos, struct nic, node), a);

		if (ia)
			return ia;
	}
	return NULL;
}

bool ip_addr_accepts(struct ip *ip, struct nic *nic, const struct ip_addr *a, struct ip_meta *m)
{
	m->broadcast = false;
	m->multicast = ip_addr_is_multicast(a);
	if (m->multicast)
		return true;
	if (nic->loopback ? ip_addr_find(ip, a) : nic_addr_find(nic, a))
		return true;
	m->broadcast = ip_addr_is_broadcast(nic, a);
	return m->broadcast;
}

struct ip_addr ip_addr_select(const struct nic *nic, const struct ip_addr *a)
{
	struct ip_addr first = ip_addr_v4(0);

	list_for_each(pos, &nic->addrs) {
		struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (same_subnet(ia, a))
			return ia->addr;
		if (ip_addr_is_any(&first) && ip_addr_is_v4(&ia->addr))
			first = ia->addr;
	}
	return first;
}

static bool is_unicast(const struct ip_addr *a)
{
	if (ip_addr_is_v4(a))
		return a->b[12] != 0 && a->b[12] < 224;
	return !ip_addr_is_any(a) && !ip_addr_is_multicast(a);
}

/* Who has the address already? */
static const struct ifaddr *addr_owner(struct ip *ip, const struct nic *nic,
				       const struct ip_addr *a)
{
	if (ip_addr_is_linklocal(a))
		return ifaddr_find(nic, a);
	list_for_each(pos, &ip->nics->list) {
		const struct ifaddr *ia = ifaddr_find(list_entry(pos, struct nic, node), a);

		if (ia)
			return ia;
	}
	return NULL;
}

static int ip_addr_check(struct ip *ip, const struct nic *nic, const struct ip_addr *a,
			 uint8_t prefix, struct weir_error *e)
{
	const struct ifaddr *ia = addr_owner(ip, nic, a);
	char text[IP_ADDR_TEXT];

	ip_addr_text(a, text);
	if (prefix > ip_addr_bits(a))
		return weir_fail(e, EINVAL, "%s: %s/%u: a prefix has 0 to %u bits", nic->name, text,
				 prefix, ip_addr_bits(a));
	if (!is_unicast(a))
		return weir_fail(e, EINVAL, "%s: %s cannot be the address of an interface; use a unicast one",
				 nic->name, text);
	if (ip_addr_is_loopback(a) && !nic->loopback)
		return weir_fail(e, EINVAL, "%s: %s belongs to loopback; use another address", nic->name,
				 text);
	if (!ip_addr_is_v4(a) && ip6_refused(nic))
		return weir_fail(e, EAFNOSUPPORT, "%s: IPv6 is off there; set ipv6 = on in [link %s]",
				 nic->name, nic->name);
	if (ia)
		return weir_fail(e, EEXIST, "%s: %s is an address of %s already; delete it there first",
				 nic->name, text, ia->nic->name);
	return 0;
}

/* Addresses of the same subnet, as their prefixes say. */
static bool beside(const struct ifaddr *a, const struct ifaddr *b)
{
	return a != b && a->prefix == b->prefix && same_subnet(a, &b->addr);
}

/* The primary of ia's subnet; NULL: IPv6 has none, and a first address is one itself. */
static const struct ifaddr *ifaddr_primary(const struct ifaddr *ia)
{
	if (!ip_addr_is_v4(&ia->addr))
		return NULL;
	list_for_each(pos, &ia->nic->addrs) {
		const struct ifaddr *other = list_entry(pos, struct ifaddr, node);

		if (!other->secondary && beside(other, ia))
			return other;
	}
	return NULL;
}

/* The route to itself. */
static struct route ifaddr_local(const struct ifaddr *ia)
{
	const struct ifaddr *primary = ifaddr_primary(ia);

	return (struct route) {
		.dst = ia->addr,
		.prefix = ip_addr_bits(&ia->addr),
		.gateway = ip_addr_v4(0),
		.prefsrc = primary ? primary->addr : ia->addr,
		.nic = ia->nic,
		.local = true,
		.automatic = true,
	};
}

/* The route to its subnet. */
static struct route ifaddr_subnet(const struct ifaddr *ia)
{
	bool v4 = ip_addr_is_v4(&ia->addr);

	return (struct route) {
		.dst = ip_addr_mask(&ia->addr, ia->prefix),
		.prefix = ia->prefix,
		.gateway = ip_addr_v4(0),
		.prefsrc = v4 ? ia->addr : ip_addr_v4(0),
		.nic = ia->nic,
		.local = v4 && ia->nic->loopback,
		.automatic = true,
	};
}

static bool ifaddr_connects(const struct ifaddr *ia)
{
	return !ia->secondary && !ia->no_prefix_route && ia->prefix < ip_addr_bits(&ia->addr) &&
	       (!ia->nic->loopback || ip_addr_is_v4(&ia->addr));
}

/* Does its subnet's route stay without it? */
static bool ifaddr_shares(const struct ifaddr *ia)
{
	list_for_each(pos, &ia->nic->addrs) {
		const struct ifaddr *other = list_entry(pos, struct ifaddr, node);

		if (ifaddr_connects(other) && beside(other, ia))
			return true;
	}
	return false;
}

static int ifaddr_route_local(struct ip *ip, const struct ifaddr *ia, struct weir_error *e)
{
	struct route r;

	if (!ifaddr_usable(ia))
		return 0;
	r = ifaddr_local(ia);
	return route_add(ip, &r, e);
}

void ifaddr_set_state(struct ip *ip, struct ifaddr *ia, enum ifaddr_state state)
{
	bool was = ifaddr_usable(ia);
	struct route r;

	ia->state = state;
	ip->generation++;
	r = ifaddr_local(ia);
	if (was && !ifaddr_usable(ia))
		route_del(ip, &r, NULL);
	else if (!was && ifaddr_usable(ia) && route_add(ip, &r, NULL) < 0)
		ia->state = IFADDR_TENTATIVE;	/* no memory: as if the detection still went on */
	ip_changed(ip, IP_ADDR_NEW, ia);
}

int ip_ifaddr_add(struct ip *ip, struct nic *nic, const struct ifaddr *a, struct weir_error *e)
{
	struct ifaddr *ia;
	struct route r;
	int err = ip_addr_check(ip, nic, &a->addr, a->prefix, e);

	if (err)
		return err;
	ia = malloc(sizeof(*ia));
	if (!ia)
		return weir_fail(e, ENOMEM, "%s: no memory for an address", nic->name);
	*ia = *a;
	ia->nic = nic;
	ia->secondary = ifaddr_primary(ia);
	ia->broadcast = nic->loopback || ia->no_broadcast ? ip_addr_v4(0) : subnet_last(ia);
	err = ifaddr_route_local(ip, ia, e);
	if (err) {
		free(ia);
		return err;
	}
	ifaddr_link(ia);
	if (ifaddr_connects(ia)) {
		r = ifaddr_subnet(ia);
		err = route_add(ip, &r, NULL);
		if (err && err != -EEXIST) {	/* another address of the subnet has made it */
			ip_addr_del(ip, nic, &ia->addr, ia->prefix, NULL);
			return weir_fail(e, -err, "%s: no memory for an address", nic->name);
		}
	}
	ip6_addr_added(ip, ia);
	ip_changed(ip, IP_ADDR_NEW, ia);
	return 0;
}

int ip_addr_add(struct ip *ip, struct nic *nic, const struct ip_addr *addr, uint8_t prefix,
		struct weir_error *e)
{
	const struct ifaddr a = {
		.addr = *addr, .prefix = prefix,
		.preferred_until = IFADDR_FOREVER, .valid_until = IFADDR_FOREVER,
	};

	return ip_ifaddr_add(ip, nic, &a, e);
}

/* The routes that addresses make: the first of a subnet makes it. */
static void connect_addrs(struct ip *ip, const struct nic *nic)
{
	struct route r;

	list_for_each(pos, &nic->addrs) {
		const struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (ifaddr_connects(ia)) {
			r = ifaddr_subnet(ia);
			route_add(ip, &r, NULL);
		}
	}
}

void ip_link_set_up(struct ip *ip, struct nic *nic, bool up)
{
	nic_set_up(nic, up);
	if (up) {
		connect_addrs(ip, nic);
		return;
	}
	ip6_addrs_remove(ip, nic);
	route_flush_remote(ip, nic, false);
}

/* Itself, without a look at what becomes of its secondaries. */
static void ifaddr_remove(struct ip *ip, struct ifaddr *ia)
{
	struct route r = ifaddr_local(ia);

	route_del(ip, &r, NULL);
	r = ifaddr_subnet(ia);
	if (ifaddr_connects(ia) && !ifaddr_shares(ia))
		route_del(ip, &r, NULL);
	route_flush_source(ip, &ia->addr);
	ifaddr_free(ip, ia);
}

/* A secondary of ia's; NULL: none is left. */
static struct ifaddr *ifaddr_secondary(const struct ifaddr *ia)
{
	list_for_each(pos, &ia->nic->addrs) {
		struct ifaddr *other = list_entry(pos, struct ifaddr, node);

		if (other->secondary && beside(other, ia))
			return other;
	}
	return NULL;
}

/* The primary goes, and heir is it. */
static void ifaddr_inherit(struct ip *ip, struct ifaddr *ia, struct ifaddr *heir)
{
	struct route r = ifaddr_local(ia);

	route_del(ip, &r, NULL);
	route_inherit(ip, ia->nic, &ia->addr, &heir->addr);
	ifaddr_free(ip, ia);
	heir->secondary = false;
	list_del(&heir->node);
	ifaddr_place(heir);
	ip_changed(ip, IP_ADDR_NEW, heir);
	r = ifaddr_subnet(heir);
	if (ifaddr_connects(heir))
		route_add(ip, &r, NULL);	/* or it has inherited it */
	else
		route_del(ip, &r, NULL);
}

static int addr_del(struct ip *ip, struct nic *nic, const struct ip_addr *a, uint8_t prefix, bool promote,
		    struct weir_error *e)
{
	struct ifaddr *ia = ifaddr_find(nic, a), *heir;
	char text[IP_ADDR_TEXT];

	if (!ia || ia->prefix != prefix)
		return weir_fail(e, ENOENT, "%s has no address %s/%u; `ctl addr` lists what it has",
				 nic->name, ip_addr_text(a, text), prefix);
	while (!ia->secondary && (heir = ifaddr_secondary(ia))) {
		if (promote) {
			ifaddr_inherit(ip, ia, heir);
			return 0;
		}
		ifaddr_remove(ip, heir);
	}
	ifaddr_remove(ip, ia);
	return 0;
}

int ip_addr_del(struct ip *ip, struct nic *nic, const struct ip_addr *a, uint8_t prefix,
		struct weir_error *e)
{
	return addr_del(ip, nic, a, prefix, nic->ip4 && nic->ip4->config.promote_secondaries, e);
}

int ip_addr_del_alone(struct ip *ip, struct nic *nic, const struct ip_addr *a, uint8_t prefix,
		      struct weir_error *e)
{
	return addr_del(ip, nic, a, prefix, true, e);
}
