/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - addresses, routes and neighbours of an embedding program, from text (weir/weir.h). */
#include <errno.h>
#include <string.h>

#include "embed/internal.h"

static int parse(const char *text, struct ip_addr *a, uint8_t *prefix, struct weir_error *e)
{
	static const struct param address = { .name = "address", .type = PARAM_ADDRESS };
	struct param_address pa;
	int err = text ? param_parse(&address, text, &pa, e)
		       : weir_fail(e, EINVAL, "an address is missing");

	if (err)
		return err;
	*a = ip_addr_of_param(&pa);
	if (prefix)
		*prefix = pa.prefix;
	return 0;
}

int weir_addr_add(struct weir_nic *n, const char *addr, struct weir_error *e)
{
	struct ip_addr a;
	uint8_t prefix;
	int err = parse(addr, &a, &prefix, e);

	return err ? err : ip_addr_add(&n->stack->stack->ip, n->nic, &a, prefix, e);
}

int weir_addr_del(struct weir_nic *n, const char *addr, struct weir_error *e)
{
	struct ip_addr a;
	uint8_t prefix;
	int err = parse(addr, &a, &prefix, e);

	return err ? err : ip_addr_del_alone(&n->stack->stack->ip, n->nic, &a, prefix, e);
}

static int take_route(const struct weir_route *r, struct route *to, struct weir_error *e)
{
	struct weir_route known = { 0 };
	int err;

	if (r->size < sizeof(size_t))
		return weir_fail(e, EINVAL, "struct weir_route: set size to its size");
	memcpy(&known, r, r->size < sizeof(known) ? r->size : sizeof(known));
	*to = (struct route){
		.gateway = ip_addr_v4(0), .prefsrc = ip_addr_v4(0),
		.nic = known.nic ? known.nic->nic : NULL,
		.metric = known.metric, .mtu = known.mtu, .onlink = known.onlink,
	};
	err = parse(known.dst, &to->dst, &to->prefix, e);
	if (!err && known.gateway)
		err = parse(known.gateway, &to->gateway, NULL, e);
	if (!err && known.source)
		err = parse(known.source, &to->prefsrc, NULL, e);
	return err;
}

int weir_route_add(struct weir_stack *s, const struct weir_route *r, struct weir_error *e)
{
	struct route route;
	int err = take_route(r, &route, e);

	return err ? err : route_add(&s->stack->ip, &route, e);
}

int weir_route_del(struct weir_stack *s, const struct weir_route *r, struct weir_error *e)
{
	struct route route;
	int err = take_route(r, &route, e);

	return err ? err : route_del(&s->stack->ip, &route, e);
}

static struct neighbour_table *table(const struct weir_nic *n, const struct ip_addr *a)
{
	struct ip *ip = &n->stack->stack->ip;

	return ip_addr_is_v4(a) ? &ip->arp : &ip->ndp;
}

int weir_neighbour_add(struct weir_nic *n, const char *addr, const uint8_t lladdr[LINK_ADDR_LEN],
		       struct weir_error *e)
{
	struct ip_addr a;
	int err = parse(addr, &a, NULL, e);

	if (!err)
		err = neighbour_set_permanent(table(n, &a), n->nic, a.b, lladdr);
	switch (err) {
	case -EOPNOTSUPP:
		return weir_fail(e, -err, "%s has no link addresses, and so no neighbours",
				 n->nic->name);
	case -ENOMEM:
		return weir_fail(e, -err, "no room for another neighbour");
	default:
		return err;
	}
}

int weir_neighbour_del(struct weir_nic *n, const char *addr, struct weir_error *e)
{
	struct ip_addr a;
	int err = parse(addr, &a, NULL, e);

	if (err)
		return err;
	err = neighbour_delete(table(n, &a), n->nic, a.b);
	return err ? weir_fail(e, -err, "%s has no neighbour %s", n->nic->name, addr) : 0;
}
