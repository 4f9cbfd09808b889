/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.c - multicast groups and their members (RFC 1112 section 7, RFC 3376 section 3.2, RFC 3810
 * section 4.2).
 *
 * Theory of operation
 *
 * The table has a group for every (NIC, address) with a member, and for those just left that the
 * routers are still to be told of. A packet to a group is looked up once; without a group it is
 * not ours, whatever the link lets through.
 *
 * Each member brings a filter of sources. What the group takes is worked out anew from its members
 * whenever one of them changes:
 *
 *	all include:	the sources that any of them lists
 *	some exclude:	all but the sources that every excluding one lists and no including one does
 *
 * So what a socket wants is always let through, and each socket's own filter (group_sock_allows)
 * then keeps out what others on this host wanted. The difference between the filters before and
 * after is what group_report.c tells the routers.
 *
 * The all-hosts groups 224.0.0.1, ff02::1 and ff01::1 have every host as a member: they need no
 * entry.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ip/group.h"
#include "ip/igmp.h"
#include "ip/mld.h"

struct groups {
	struct ip *ip;
	struct hash_table table;
	struct list hosts;
};

/* ---- filters ---- */

bool source_filter_has(const struct source_filter *f, const struct ip_addr *src)
{
	for (uint16_t i = 0; i < f->n; i++)
		if (ip_addr_eq(&f->src[i], src))
			return true;
	return false;
}

bool source_filter_passes(const struct source_filter *f, const struct ip_addr *src)
{
	return source_filter_has(f, src) != f->exclude;
}

bool source_filter_add(struct source_filter *f, const struct ip_addr *src)
{
	struct ip_addr *more = realloc(f->src, (f->n + 1u) * sizeof(*more));

	if (!more)
		return false;
	more[f->n++] = *src;
	f->src = more;
	return true;
}

void source_filter_del(struct source_filter *f, const struct ip_addr *src)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < f->n; i++)
		if (!ip_addr_eq(&f->src[i], src))
			f->src[kept++] = f->src[i];
	f->n = kept;
}

void source_filter_free(struct source_filter *f)
{
	free(f->src);
	*f = (struct source_filter){ .exclude = false };
}

/* ---- what the members amount to ---- */

/* A member with this filter comes (1) or goes (-1). */
static void count_filter(struct group *g, const struct source_filter *f, int n)
{
	g->excludes += (uint32_t)(f->exclude ? n : 0);
	g->all += (uint32_t)(f->exclude && !f->n ? n : 0);
}

/* Does any member want src? */
static bool wanted(const struct group *g, const struct ip_addr *src)
{
	list_for_each(pos, &g->members)
		if (source_filter_passes(&list_entry(pos, struct membership, node)->filter, src))
			return true;
	return false;
}

/* All but what nobody wants. A source that every excluding member lists is in the first one's. */
static bool merge_exclude(const struct group *g, struct source_filter *out)
{
	const struct membership *m = NULL;

	list_for_each(pos, &g->members) {
		m = list_entry(pos, struct membership, node);
		if (m->filter.exclude)
			break;
	}
	out->exclude = true;
	for (uint16_t i = 0; m && i < m->filter.n; i++)
		if (!wanted(g, &m->filter.src[i]) && !source_filter_add(out, &m->filter.src[i]))
			return false;
	return true;
}

static bool merge_include(const struct group *g, struct source_filter *out)
{
	list_for_each(pos, &g->members) {
		const struct source_filter *f = &list_entry(pos, struct membership, node)->filter;

		for (uint16_t i = 0; i < f->n; i++) {
			if (source_filter_has(out, &f->src[i]))
				continue;
			if (out->n >= GROUP_SOURCES_MAX || !source_filter_add(out, &f->src[i]))
				return false;
		}
	}
	return true;
}

/* The members of g have changed. g may be gone afterwards. As long as one of them wants all, which is what
 * programs ask for, the others need not be looked at. */
static void group_merge(struct group *g)
{
	struct source_filter old = g->filter;

	g->filter = (struct source_filter){ .exclude = g->all };
	if (!g->all && !(g->excludes ? merge_exclude(g, &g->filter) : merge_include(g, &g->filter))) {
		source_filter_free(&g->filter);		/* too many: then all */
		g->filter.exclude = true;
	}
	group_changed(g, &old);
	source_filter_free(&old);
}

/* ---- the table ---- */

static uint64_t group_hash(const struct groups *gs, const struct nic *nic, const struct ip_addr *a)
{
	struct {
		struct ip_addr addr;
		uint64_t index;
	} key = { *a, nic->index };

	return siphash(&gs->ip->env->key, &key, sizeof(key));
}

struct group *group_find(struct groups *gs, const struct nic *nic, const struct ip_addr *a)
{
	struct hash_node *node = hash_find(&gs->table, group_hash(gs, nic, a));

	for (; node; node = hash_find_next(node)) {
		struct group *g = container_of(node, struct group, node);

		if (g->host->nic == nic && ip_addr_eq(&g->addr, a))
			return g;
	}
	return NULL;
}

struct group_host *group_host_find(struct groups *gs, const struct nic *nic, bool v4)
{
	list_for_each(pos, &gs->hosts) {
		struct group_host *h = list_entry(pos, struct group_host, node);

		if (h->nic == nic && (h->proto == &igmp_protocol) == v4)
			return h;
	}
	return NULL;
}

struct list *groups_hosts(struct groups *gs)
{
	return &gs->hosts;
}

uint32_t groups_count(const struct groups *gs)
{
	return (uint32_t)gs->table.count;
}

static struct group_host *host_get(struct groups *gs, struct nic *nic, bool v4)
{
	struct group_host *h = group_host_find(gs, nic, v4);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->ip = gs->ip;
	h->nic = nic;
	h->proto = v4 ? &igmp_protocol : &mld_protocol;
	list_init(&h->groups);
	group_host_start(h);
	list_add_tail(&h->node, &gs->hosts);
	return h;
}

void group_free(struct group *g)
{
	timer_cancel(&g->host->ip->env->timers, &g->timer);
	hash_del(&g->host->ip->groups->table, &g->node);
	list_del(&g->list);
	source_filter_free(&g->filter);
	source_filter_free(&g->asked);
	free(g->pending);
	free(g);
}

/* One that was left makes room before its time. */
static bool make_room(struct groups *gs)
{
	if (gs->table.count < GROUPS_MAX)
		return true;
	hash_for_each(node, &gs->table) {
		struct group *g = container_of(node, struct group, node);

		if (list_empty(&g->members)) {
			group_free(g);
			return true;
		}
	}
	return false;
}

static struct group *group_get(struct groups *gs, struct nic *nic, const struct ip_addr *a)
{
	struct group *g = group_find(gs, nic, a);
	struct group_host *h;

	if (g)
		return g;
	h = host_get(gs, nic, ip_addr_is_v4(a));
	if (!h || !make_room(gs))
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->host = h;
	g->addr = *a;
	list_init(&g->members);
	timer_init(&g->timer, group_timer);
	list_add_tail(&g->list, &h->groups);
	hash_add(&gs->table, &g->node, group_hash(gs, nic, a));
	return g;
}

/* ---- members ---- */

int group_enter(struct ip *ip, struct nic *nic, const struct ip_addr *a, struct membership *m)
{
	struct group *g;

	if (!ip_addr_is_multicast(a))
		return -EINVAL;
	g = group_get(ip->groups, nic, a);
	if (!g)
		return -ENOBUFS;
	m->group = g;
	list_add_tail(&m->node, &g->members);
	count_filter(g, &m->filter, 1);
	group_merge(g);
	return 0;
}

int group_join(struct ip *ip, struct nic *nic, const struct ip_addr *a, struct membership *m)
{
	*m = (struct membership){ .filter.exclude = true };
	list_init(&m->node);
	list_init(&m->owner);
	return group_enter(ip, nic, a, m);
}

void group_leave(struct membership *m)
{
	struct group *g = m->group;

	if (g)
		count_filter(g, &m->filter, -1);
	source_filter_free(&m->filter);
	if (!g)
		return;
	m->group = NULL;
	list_del(&m->node);
	group_merge(g);
}

void group_refilter(struct membership *m, struct source_filter *f)
{
	count_filter(m->group, &m->filter, -1);
	source_filter_free(&m->filter);
	m->filter = *f;
	count_filter(m->group, &m->filter, 1);
	group_merge(m->group);
}

static bool is_all_hosts(const struct ip_addr *a)
{
	if (ip_addr_is_v4(a))
		return ip_addr_to_v4(a) == htonl(INADDR_ALLHOSTS_GROUP);
	return a->b[0] == 0xff && (a->b[1] & 0x0f) <= 2 && a->b[1] & 0x0f && !a->w[1] &&
	       !a->w[2] && a->w[3] == htonl(1) && !a->b[2] && !a->b[3];
}

bool group_accepts(struct ip *ip, const struct nic *nic, const struct ip_addr *dst,
		   const struct ip_addr *src, uint8_t proto)
{
	const struct group *g;

	if (is_all_hosts(dst))
		return true;
	g = group_find(ip->groups, nic, dst);
	if (!g || list_empty(&g->members))
		return false;
	if (proto == IPPROTO_IGMP || proto == IPPROTO_ICMPV6 || proto == IPPROTO_HOPOPTS)
		return true;
	return source_filter_passes(&g->filter, src);
}

/* ---- the whole ---- */

struct groups *groups_create(struct ip *ip)
{
	struct groups *gs = calloc(1, sizeof(*gs));

	if (!gs)
		return NULL;
	gs->ip = ip;
	list_init(&gs->hosts);
	if (hash_init(&gs->table, 64) < 0) {
		free(gs);
		return NULL;
	}
	ip_register(ip, IPPROTO_IGMP, &igmp_ip_protocol, ip);
	return gs;
}

/* The NIC is gone: so are the memberships, without a word. */
static void host_free(struct group_host *h)
{
	group_host_stop(h);
	list_for_each_safe(pos, &h->groups) {
		struct group *g = list_entry(pos, struct group, list);

		list_for_each_safe(at, &g->members) {
			struct membership *m = list_entry(at, struct membership, node);

			m->group = NULL;
			list_del(&m->node);
			group_sock_lost(m);
		}
		group_free(g);
	}
	list_del(&h->node);
	free(h);
}

void groups_destroy(struct groups *gs)
{
	ip_register(gs->ip, IPPROTO_IGMP, NULL, NULL);
	list_for_each_safe(pos, &gs->hosts)
		host_free(list_entry(pos, struct group_host, node));
	hash_free(&gs->table);
	free(gs);
}

/* After a time without a link its routers know nothing: everything is told as if joined anew. */
static void host_restart(struct group_host *h)
{
	const struct source_filter none = { .exclude = false };

	list_for_each_safe(pos, &h->groups)
		group_changed(list_entry(pos, struct group, list), &none);
}

void groups_tell_again(struct groups *gs, const struct nic *nic, bool v4)
{
	struct group_host *h = group_host_find(gs, nic, v4);

	if (h)
		host_restart(h);
}

void groups_nic_event(struct groups *gs, struct nic *nic, enum nic_event ev)
{
	list_for_each_safe(pos, &gs->hosts) {
		struct group_host *h = list_entry(pos, struct group_host, node);

		if (h->nic != nic)
			continue;
		if (ev == NIC_GONE)
			host_free(h);
		else if (ev == NIC_UP)
			host_restart(h);
		else
			group_host_stop(h);
	}
}

void groups_farewell(struct groups *gs)
{
	list_for_each(pos, &gs->hosts)
		group_host_flush(list_entry(pos, struct group_host, node));
}
