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
 * to its subnet. 127.0.0.0/8 is local as a whole.
 */
#include <errno.h>
#include <stdlib.h>

#include "ip/arp.h"
#include "ip/fragment.h"
#include "ip/icmp.h"
#include "ip/ip.h"
#include "ip/ipv4.h"
#include "ip/pmtu.h"
#include "nic/ethernet.h"

static void ip_input(void *arg, struct nic *nic, struct packet *p)
{
	struct ip *ip = arg;

	switch (p->protocol) {
	case ETH_TYPE_IPV4:
		ipv4_input(ip, nic, p);
		return;
	case ETH_TYPE_ARP:
		if (!nic->loopback) {
			arp_input(ip, nic, p);
			return;
		}
		break;
	}
	packet_free(p);
}

static void ifaddr_free(struct ifaddr *ia)
{
	list_del(&ia->node);
	free(ia);
}

static void ip_nic_event(void *arg, struct nic *nic, enum nic_event ev)
{
	struct ip *ip = arg;

	ip->generation++;
	if (ev == NIC_UP)
		return;
	packet_queue_purge(&ip->echoes);
	neighbour_flush(&ip->arp, nic);
	fragments_flush(ip->fragments, nic);
	if (ev != NIC_GONE)
		return;
	route_flush(ip, nic);
	list_for_each_safe(pos, &nic->addrs)
		ifaddr_free(list_entry(pos, struct ifaddr, node));
}

int ip_init(struct ip *ip, struct env *env, struct nics *nics)
{
	memset(ip, 0, sizeof(*ip));
	ip->env = env;
	ip->nics = nics;
	ip->ttl = IP_TTL_DEFAULT;
	ip->generation = 1;
	list_init(&ip->routes);
	work_init(&ip->echo_work, ipv4_echo);
	random_bytes(&env->random, ip->ids, sizeof(ip->ids));
	for (size_t i = 0; i < IP_IDS; i++)
		ip->ids[i].used = 0;
	if (neighbour_table_init(&ip->arp, env, &arp_neighbour_ops, ip) < 0)
		return -ENOMEM;
	ip->fragments = fragments_create(ip);
	if (!ip->fragments)
		goto err_arp;
	ip->pmtu = pmtu_create(ip);
	if (!ip->pmtu)
		goto err_fragments;
	ip->icmp = icmp_create(ip);
	if (!ip->icmp)
		goto err_pmtu;
	nics->input = ip_input;
	nics->input_arg = ip;
	nics->event = ip_nic_event;
	nics->event_arg = ip;
	return 0;

err_pmtu:
	pmtu_destroy(ip->pmtu);
err_fragments:
	fragments_destroy(ip->fragments);
err_arp:
	neighbour_table_destroy(&ip->arp);
	return -ENOMEM;
}

void ip_destroy(struct ip *ip)
{
	ip->nics->input = NULL;
	ip->nics->event = NULL;
	list_for_each(pos, &ip->nics->list) {
		struct nic *nic = list_entry(pos, struct nic, node);

		list_for_each_safe(a, &nic->addrs)
			ifaddr_free(list_entry(a, struct ifaddr, node));
	}
	work_cancel(&ip->echo_work);
	packet_queue_purge(&ip->echoes);
	route_flush(ip, NULL);
	icmp_destroy(ip->icmp);
	pmtu_destroy(ip->pmtu);
	fragments_destroy(ip->fragments);
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

static bool same_subnet(const struct ifaddr *ia, const struct ip_addr *a)
{
	struct ip_addr x = ip_addr_mask(&ia->addr, ia->prefix), y = ip_addr_mask(a, ia->prefix);

	return ip_addr_eq(&x, &y);
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

/* The last address of ia's subnet; any: it has none of its own for broadcasts. */
static struct ip_addr subnet_last(const struct ifaddr *ia)
{
	if (ia->prefix >= 31)
		return ip_addr_v4(0);
	return ip_addr_v4(ip_addr_to_v4(&ia->addr) | htonl(UINT32_MAX >> ia->prefix));
}

/* 127.0.0.0/8 has a broadcast address, as others, but nobody is shown it. */
static bool is_subnet_broadcast(const struct ifaddr *ia, const struct ip_addr *a)
{
	struct ip_addr last = subnet_last(ia);

	return !ip_addr_is_any(&last) && ip_addr_eq(&last, a);
}

bool ip_addr_is_broadcast(const struct nic *nic, const struct ip_addr *a)
{
	if (ip_addr_to_v4(a) == INADDR_BROADCAST)
		return ip_addr_is_v4(a);
	list_for_each(pos, &nic->addrs)
		if (is_subnet_broadcast(list_entry(pos, struct ifaddr, node), a))
			return true;
	return false;
}

static struct ifaddr *nic_addr_find(const struct nic *nic, const struct ip_addr *a)
{
	list_for_each(pos, &nic->addrs) {
		struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (ip_addr_eq(&ia->addr, a))
			return ia;
		if (nic->loopback && ip_addr_is_loopback(a) && same_subnet(ia, a) &&
		    !is_subnet_broadcast(ia, a))
			return ia;
	}
	return NULL;
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
	list_for_each(pos, &nic->addrs) {
		struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (same_subnet(ia, a))
			return ia->addr;
	}
	if (list_empty(&nic->addrs))
		return ip_addr_v4(0);
	return list_first(&nic->addrs, struct ifaddr, node)->addr;
}

static int ip_addr_check(struct ip *ip, const struct nic *nic, const struct ip_addr *a,
			 uint8_t prefix, struct weir_error *e)
{
	struct ifaddr *ia = ip_addr_find(ip, a);
	char text[IP_ADDR_TEXT];

	ip_addr_text(a, text);
	if (!ip_addr_is_v4(a))
		return weir_fail(e, EAFNOSUPPORT, "%s: %s is no IPv4 address; use one like 10.0.0.2/24",
				 nic->name, text);
	if (prefix > 32)
		return weir_fail(e, EINVAL, "%s: %s/%u: a prefix has 0 to 32 bits", nic->name, text,
				 prefix);
	if (a->b[12] == 0 || a->b[12] >= 224)
		return weir_fail(e, EINVAL, "%s: %s cannot be the address of an interface; use a unicast one",
				 nic->name, text);
	if (ip_addr_is_loopback(a) && !nic->loopback)
		return weir_fail(e, EINVAL, "%s: %s belongs to loopback; use another address", nic->name,
				 text);
	if (ia && ip_addr_eq(&ia->addr, a))
		return weir_fail(e, EEXIST, "%s: %s is an address of %s already; delete it there first",
				 nic->name, text, ia->nic->name);
	return 0;
}

static void ifaddr_route(const struct ifaddr *ia, bool local, struct route *r)
{
	bool whole = local && !(ia->nic->loopback && ip_addr_is_loopback(&ia->addr));
	uint8_t prefix = whole ? 32 : ia->prefix;

	*r = (struct route) {
		.dst = ip_addr_mask(&ia->addr, prefix),
		.prefix = prefix,
		.gateway = ip_addr_v4(0),
		.prefsrc = ia->addr,
		.nic = ia->nic,
		.local = local,
		.automatic = true,
	};
}

static bool ifaddr_connects(const struct ifaddr *ia)
{
	return !ia->nic->loopback && ia->prefix < 32;
}

int ip_addr_add(struct ip *ip, struct nic *nic, const struct ip_addr *a, uint8_t prefix,
		struct weir_error *e)
{
	struct ifaddr *ia;
	struct route r;
	int err = ip_addr_check(ip, nic, a, prefix, e);

	if (err)
		return err;
	ia = calloc(1, sizeof(*ia));
	if (!ia)
		return weir_fail(e, ENOMEM, "%s: no memory for an address", nic->name);
	ia->nic = nic;
	ia->addr = *a;
	ia->prefix = prefix;
	ia->broadcast = nic->loopback ? ip_addr_v4(0) : subnet_last(ia);
	ifaddr_route(ia, true, &r);
	err = route_add(ip, &r, e);
	if (err) {
		free(ia);
		return err;
	}
	list_add_tail(&ia->node, &nic->addrs);
	if (ifaddr_connects(ia)) {
		ifaddr_route(ia, false, &r);
		err = route_add(ip, &r, NULL);
		if (err && err != -EEXIST) {	/* another address of the subnet has made it */
			ip_addr_del(ip, nic, a, prefix, NULL);
			return weir_fail(e, -err, "%s: no memory for an address", nic->name);
		}
	}
	return 0;
}

int ip_addr_del(struct ip *ip, struct nic *nic, const struct ip_addr *a, uint8_t prefix,
		struct weir_error *e)
{
	struct ifaddr *ia = nic_addr_find(nic, a);
	char text[IP_ADDR_TEXT];
	struct route r;

	if (!ia || !ip_addr_eq(&ia->addr, a) || ia->prefix != prefix)
		return weir_fail(e, ENOENT, "%s has no address %s/%u; `ctl addr` lists what it has",
				 nic->name, ip_addr_text(a, text), prefix);
	ifaddr_route(ia, true, &r);
	route_del(ip, &r, NULL);
	if (ifaddr_connects(ia)) {
		ifaddr_route(ia, false, &r);
		route_del(ip, &r, NULL);
	}
	route_flush_source(ip, a);
	ifaddr_free(ia);
	/* Another address of the subnet takes its route over. */
	list_for_each(pos, &nic->addrs) {
		struct ifaddr *other = list_entry(pos, struct ifaddr, node);

		if (ifaddr_connects(other)) {
			ifaddr_route(other, false, &r);
			route_add(ip, &r, NULL);
		}
	}
	return 0;
}
