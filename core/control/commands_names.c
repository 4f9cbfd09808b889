/* SPDX-License-Identifier: Apache-2.0 */
/* commands_names.c - addr, route and neigh: show, add, del; maddr: show. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/commands.h"
#include "ip/group.h"

/* ---- addresses ---- */

static const char *scope_name(const struct ip_addr *a)
{
	static const char *const names[] = {
		[IFADDR_SCOPE_GLOBAL] = "global", [IFADDR_SCOPE_LINK] = "link", [IFADDR_SCOPE_HOST] = "host",
	};

	return names[ifaddr_scope(a)];
}

/* Lifetimes are s from now, absent for ever. */
static void lifetime_json(json_t *o, const char *key, uint64_t until, uint64_t now)
{
	if (until != IFADDR_FOREVER)
		json_object_set_new(o, key, json_integer(until > now ?
				    (json_int_t)((until - now) / 1000000000) : 0));
}

static json_t *addr_json(const struct ifaddr *a, uint64_t now)
{
	static const char *const states[] = {
		[IFADDR_PREFERRED] = "preferred", [IFADDR_DEPRECATED] = "deprecated",
		[IFADDR_TENTATIVE] = "tentative", [IFADDR_DUPLICATE] = "dadfailed",
	};
	json_t *o = json_pack("{s:s, s:o, s:i, s:s, s:s, s:b}", "family",
			      ip_addr_is_v4(&a->addr) ? "inet" : "inet6", "addr",
			      json_addr(&a->addr), "prefix", a->prefix, "scope",
			      scope_name(&a->addr), "state", states[a->state], "dynamic", a->dynamic);

	if (!ip_addr_is_any(&a->broadcast))
		json_object_set_new(o, "broadcast", json_addr(&a->broadcast));
	lifetime_json(o, "preferred_s", a->preferred_until, now);
	lifetime_json(o, "valid_s", a->valid_until, now);
	return o;
}

static int addr_show(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	(void)arg;
	(void)e;
	*result = json_array();
	list_for_each(pos, &rq->instance->stack->nics.list) {
		const struct nic *nic = list_entry(pos, struct nic, node);
		json_t *addrs = json_array();

		list_for_each(apos, &nic->addrs) {
			const struct ifaddr *a = list_entry(apos, struct ifaddr, node);

			json_array_append_new(addrs, addr_json(a, rq->instance->stack->env.now));
		}
		json_array_append_new(*result, json_pack("{s:I, s:s, s:b, s:b, s:I, s:o, s:o}",
			"index", (json_int_t)nic->index, "dev", nic->name, "up", nic->up,
			"loopback", nic->loopback, "mtu", (json_int_t)nic->mtu,
			"address", json_mac(nic->addr), "addrs", addrs));
	}
	return 0;
}

static int addr_edit(struct control_request *rq, bool add, struct weir_error *e)
{
	struct ip *ip = &rq->instance->stack->ip;
	struct nic *nic = arg_nic(rq, e);
	const char *text = nic ? arg_string(rq, "addr", e) : NULL;
	struct ip_addr a;
	uint8_t prefix;
	int rc = text ? arg_prefix(text, &a, &prefix, e) : -EINVAL;

	if (rc)
		return rc;
	return add ? ip_addr_add(ip, nic, &a, prefix, e) : ip_addr_del(ip, nic, &a, prefix, e);
}

static int addr_add_cmd(void *arg, struct control_request *rq, json_t **result,
			struct weir_error *e)
{
	(void)arg;
	(void)result;
	return addr_edit(rq, true, e);
}

static int addr_del_cmd(void *arg, struct control_request *rq, json_t **result,
			struct weir_error *e)
{
	(void)arg;
	(void)result;
	return addr_edit(rq, false, e);
}

/* ---- routes ---- */

static json_t *route_json(const struct route *r)
{
	char text[IP_ADDR_TEXT];
	json_t *o = json_pack("{s:o, s:s, s:b, s:b}", "dst",
			      r->prefix ? json_sprintf("%s/%u", ip_addr_text(&r->dst, text), r->prefix)
					: json_string("default"),
			      "dev", r->nic->name, "local", r->local, "automatic", r->automatic);

	if (!ip_addr_is_any(&r->gateway))
		json_object_set_new(o, "gateway", json_addr(&r->gateway));
	if (!ip_addr_is_any(&r->prefsrc))
		json_object_set_new(o, "prefsrc", json_addr(&r->prefsrc));
	if (r->metric)
		json_object_set_new(o, "metric", json_integer(r->metric));
	if (r->mtu)
		json_object_set_new(o, "mtu", json_integer(r->mtu));
	if (r->onlink)
		json_object_set_new(o, "onlink", json_true());
	return o;
}

static int route_show(void *arg, struct control_request *rq, json_t **result,
		      struct weir_error *e)
{
	bool all = json_is_true(json_object_get(rq->args, "all"));

	(void)arg;
	(void)e;
	*result = json_array();
	list_for_each(pos, &rq->instance->stack->ip.routes) {
		const struct route *r = list_entry(pos, struct route, node);

		if (all || !r->local)
			json_array_append_new(*result, route_json(r));
	}
	return 0;
}

/* A number, given as text or as a number. */
static int arg_u32(const struct control_request *rq, const char *key, uint32_t *v,
		   struct weir_error *e)
{
	const json_t *j = json_object_get(rq->args, key);
	uint64_t n = 0;
	int rc = 0;

	if (!j)
		return 0;
	if (json_is_integer(j) && json_integer_value(j) >= 0)
		n = (uint64_t)json_integer_value(j);
	else if (json_is_string(j))
		rc = parse_u64(json_string_value(j), &n, e);
	else
		rc = weir_fail(e, EINVAL, "it is not a number");
	if (rc == 0 && n > UINT32_MAX)
		rc = weir_fail(e, ERANGE, "it is larger than %u", UINT32_MAX);
	if (rc)
		weir_error_prefix(e, "%s", key);
	*v = (uint32_t)n;
	return rc;
}

static int arg_host(const struct control_request *rq, const char *key, struct ip_addr *a,
		    struct weir_error *e)
{
	const char *text = arg_optional(rq, key);
	uint8_t prefix;
	int rc;

	*a = ip_addr_v4(0);
	if (!text)
		return 0;
	rc = arg_prefix(text, a, &prefix, e);
	if (rc == 0 && prefix != ip_addr_bits(a))
		rc = weir_fail(e, EINVAL, "%.64s is not one address", text);
	if (rc)
		weir_error_prefix(e, "%s", key);
	return rc;
}

static int route_edit(struct control_request *rq, bool add, struct weir_error *e)
{
	struct ip *ip = &rq->instance->stack->ip;
	const char *dst = arg_string(rq, "dst", e);
	struct route r = { 0 };
	int rc = dst ? arg_prefix(dst, &r.dst, &r.prefix, e) : -EINVAL;

	if (rc == 0)
		rc = arg_host(rq, "gateway", &r.gateway, e);
	if (rc == 0 && !r.prefix && !ip_addr_is_v4(&r.gateway))
		r.dst = ip_addr_any(AF_INET6);		/* "default" of IPv6 */
	if (rc == 0)
		rc = arg_host(rq, "prefsrc", &r.prefsrc, e);
	if (rc == 0)
		rc = arg_u32(rq, "metric", &r.metric, e);
	if (rc == 0)
		rc = arg_u32(rq, "mtu", &r.mtu, e);
	if (rc)
		return rc;
	r.onlink = json_is_true(json_object_get(rq->args, "onlink"));
	if (json_object_get(rq->args, "dev")) {
		r.nic = arg_nic(rq, e);
		if (!r.nic)
			return -ENODEV;
	}
	if (add && !r.nic && ip_addr_is_any(&r.gateway))
		return weir_fail(e, EINVAL, "a route needs a gateway (via) or a NIC (dev)");
	return add ? route_add(ip, &r, e) : route_del(ip, &r, e);
}

static int route_add_cmd(void *arg, struct control_request *rq, json_t **result,
			 struct weir_error *e)
{
	(void)arg;
	(void)result;
	return route_edit(rq, true, e);
}

static int route_del_cmd(void *arg, struct control_request *rq, json_t **result,
			 struct weir_error *e)
{
	(void)arg;
	(void)result;
	return route_edit(rq, false, e);
}

/* ---- neighbours ---- */

static json_t *neigh_json(const struct neighbour *n, uint64_t now)
{
	struct ip_addr a;
	json_t *o;

	memcpy(a.b, n->ip, sizeof(a.b));
	o = json_pack("{s:o, s:s, s:s, s:I, s:I}", "addr", json_addr(&a), "dev", n->nic->name,
		      "state", nud_name(n->state), "waiting", (json_int_t)n->waiting.len,
		      "used_ns_ago", (json_int_t)(now - n->used));
	if (n->state != NUD_INCOMPLETE && n->state != NUD_FAILED)
		json_object_set_new(o, "lladdr", json_mac(n->addr));
	return o;
}

static int neigh_show(void *arg, struct control_request *rq, json_t **result,
		      struct weir_error *e)
{
	const struct stack *s = rq->instance->stack;
	const struct neighbour_table *const tables[] = { &s->ip.arp, &s->ip.ndp };
	struct hash_node *node = NULL;

	(void)arg;
	(void)e;
	*result = json_array();
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		while ((node = hash_walk(&tables[i]->table, node)))
			json_array_append_new(*result,
				neigh_json(container_of(node, struct neighbour, node), s->env.now));
	return 0;
}

static int neigh_args(struct control_request *rq, struct nic **nic, struct ip_addr *a,
		      struct weir_error *e)
{
	int rc;

	*nic = arg_nic(rq, e);
	if (!*nic || !arg_string(rq, "addr", e))
		return -EINVAL;
	rc = arg_host(rq, "addr", a, e);
	if (rc == 0 && (*nic)->loopback)
		rc = weir_fail(e, EINVAL, "%s has no neighbours", (*nic)->name);
	return rc;
}

static int neigh_add_cmd(void *arg, struct control_request *rq, json_t **result,
			 struct weir_error *e)
{
	static const struct param mac = { .name = "lladdr", .type = PARAM_MAC };
	const char *text = arg_string(rq, "lladdr", e);
	uint8_t lladdr[LINK_ADDR_LEN];
	struct ip_addr a;
	struct nic *nic;
	int rc = text ? param_parse(&mac, text, lladdr, e) : -EINVAL;

	(void)arg;
	(void)result;
	if (rc == 0)
		rc = neigh_args(rq, &nic, &a, e);
	if (rc == 0 && (lladdr[0] & 1))
		rc = weir_fail(e, EINVAL, "lladdr %s is the address of a group, not of a neighbour",
			       text);
	if (rc)
		return rc;
	rc = neighbour_set_permanent(ip_neighbours(&rq->instance->stack->ip, &a), nic, a.b, lladdr);
	return rc == -EOPNOTSUPP ? weir_fail(e, -rc, "%s has no link addresses, and so no neighbours",
					     nic->name) :
	       rc ? weir_fail(e, -rc, "no room for another neighbour") : 0;
}

static int neigh_del_cmd(void *arg, struct control_request *rq, json_t **result,
			 struct weir_error *e)
{
	struct ip_addr a;
	struct nic *nic;
	int rc = neigh_args(rq, &nic, &a, e);

	(void)arg;
	(void)result;
	if (rc)
		return rc;
	rc = neighbour_delete(ip_neighbours(&rq->instance->stack->ip, &a), nic, a.b);
	return rc ? weir_fail(e, -rc, "%s has no neighbour %s", nic->name,
			      arg_optional(rq, "addr")) : 0;
}

/* ---- multicast groups ---- */

static json_t *maddr_json(const struct group *g)
{
	json_t *sources = json_array();

	for (uint16_t i = 0; i < g->filter.n; i++)
		json_array_append_new(sources, json_addr(&g->filter.src[i]));
	return json_pack("{s:o, s:s, s:I, s:s, s:o}", "addr", json_addr(&g->addr),
			 "dev", g->host->nic->name, "users", (json_int_t)g->nmembers,
			 "mode", g->filter.exclude ? "exclude" : "include", "sources", sources);
}

static int maddr_show(void *arg, struct control_request *rq, json_t **result,
		      struct weir_error *e)
{
	(void)arg;
	(void)e;
	*result = json_array();
	list_for_each(h, groups_hosts(rq->instance->stack->ip.groups)) {
		list_for_each(pos, &list_entry(h, struct group_host, node)->groups) {
			const struct group *g = list_entry(pos, struct group, list);

			if (!list_empty(&g->members))
				json_array_append_new(*result, maddr_json(g));
		}
	}
	return 0;
}

const struct control_command commands_names[] = {
	{ "addr show", addr_show },
	{ "addr add", addr_add_cmd },
	{ "addr del", addr_del_cmd },
	{ "route show", route_show },
	{ "route add", route_add_cmd },
	{ "route del", route_del_cmd },
	{ "maddr show", maddr_show },
	{ "neigh show", neigh_show },
	{ "neigh add", neigh_add_cmd },
	{ "neigh del", neigh_del_cmd },
	{ }
};
