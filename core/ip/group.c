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
 * Each member brings a filter of sources. What the group takes is worked out anew whenever a member
 * changes:
 *
 *	all include:	the sources that any of them lists
 *	some exclude:	all but the sources that every excluding one lists and no including one does
 *
 * There may be tens of thousands of members, and each may bring or take a source: none of them may be a walk over the
 * others. So of each source it is counted how many list it, and that is asked for the sources of one member, or, if
 * none excludes, for as many as a filter may have.
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
	struct hash_table sources;	/* struct group_source, of all groups */
	struct list hosts;
	struct list left;		/* groups without members, who was left first at the head */
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

/* A source that members of a group list: how many of those that include, and of those that exclude. */
struct group_source {
	struct hash_node node;		/* groups->sources */
	struct list list;		/* group->included; in no list while no member includes it */
	const struct group *group;
	struct ip_addr src;
	uint32_t includes, excludes;
};

static uint64_t source_hash(const struct group *g, const struct ip_addr *src)
{
	return ip_addr_hash(&g->host->ip->env->key, src, (uintptr_t)g);
}

static struct group_source *source_find(const struct group *g, const struct ip_addr *src)
{
	struct hash_node *n = hash_find(&g->host->ip->groups->sources, source_hash(g, src));

	for (; n; n = hash_find_next(n)) {
		struct group_source *s = container_of(n, struct group_source, node);

		if (s->group == g && ip_addr_eq(&s->src, src))
			return s;
	}
	return NULL;
}

static struct group_source *source_get(struct group *g, const struct ip_addr *src)
{
	struct group_source *s = source_find(g, src);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->group = g;
	s->src = *src;
	list_init(&s->list);
	hash_add(&g->host->ip->groups->sources, &s->node, source_hash(g, src));
	return s;
}

static void source_put(struct group *g, struct group_source *s)
{
	if (s->includes || s->excludes)
		return;
	hash_del(&g->host->ip->groups->sources, &s->node);
	free(s);
}

/* One more that includes it (n 1), or one less (-1). */
static void count_include(struct group *g, struct group_source *s, int n)
{
	bool was = s->includes, is;

	s->includes += (uint32_t)n;
	is = s->includes;
	if (is && !was)
		list_add_tail(&s->list, &g->included);
	else if (was && !is)
		list_del(&s->list);
	g->nincluded += (uint32_t)(is - was);
}

/* A program may name a source twice: it counts once. */
static bool is_again(const struct source_filter *f, uint16_t i)
{
	for (uint16_t k = 0; k < i; k++)
		if (ip_addr_eq(&f->src[k], &f->src[i]))
			return true;
	return false;
}

static void uncount_sources(struct group *g, const struct source_filter *f, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct group_source *s = is_again(f, i) ? NULL : source_find(g, &f->src[i]);

		if (!s)
			continue;
		if (f->exclude)
			s->excludes--;
		else
			count_include(g, s, -1);
		source_put(g, s);
	}
}

static int count_sources(struct group *g, const struct source_filter *f)
{
	for (uint16_t i = 0; i < f->n; i++) {
		struct group_source *s;

		if (is_again(f, i))
			continue;
		s = source_get(g, &f->src[i]);
		if (!s) {
			uncount_sources(g, f, i);
			return -ENOBUFS;
		}
		if (f->exclude)
			s->excludes++;
		else
			count_include(g, s, 1);
	}
	return 0;
}

/* m, whose sources are counted, becomes a member. */
static void member_add(struct group *g, struct membership *m)
{
	const struct source_filter *f = &m->filter;

	if (f->exclude)
		list_add(&m->node, &g->members);
	else
		list_add_tail(&m->node, &g->members);
	g->nmembers++;
	g->excludes += f->exclude;
	g->all += f->exclude && !f->n;
}

static void member_del(struct group *g, struct membership *m)
{
	const struct source_filter *f = &m->filter;

	list_del(&m->node);
	g->nmembers--;
	g->excludes -= f->exclude;
	g->all -= f->exclude && !f->n;
	uncount_sources(g, f, f->n);
}

/* All but what nobody wants: what all that exclude list, so the first one too, and none includes. */
static bool merge_exclude(const struct group *g, struct source_filter *out)
{
	const struct source_filter *f = &list_first(&g->members, struct membership, node)->filter;

	out->exclude = true;
	for (uint16_t i = 0; i < f->n; i++) {
		const struct group_source *s = source_find(g, &f->src[i]);

		if (s && s->excludes == g->excludes && !s->includes && !is_again(f, i) &&
		    !source_filter_add(out, &f->src[i]))
			return false;
	}
	return true;
}

static bool merge_include(const struct group *g, struct source_filter *out)
{
	if (g->nincluded > GROUP_SOURCES_MAX)
		return false;
	list_for_each(pos, &g->included)
		if (!source_filter_add(out, &list_entry(pos, struct group_source, list)->src))
			return false;
	return true;
}

/* The members of g have changed. g may be gone afterwards. */
static void group_merge(struct group *g)
{
	struct list *left = &g->host->ip->groups->left;
	struct source_filter old = g->filter;

	if (g->nmembers)
		list_del(&g->left);
	else if (list_empty(&g->left))
		list_add_tail(&g->left, left);

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
	return ip_addr_hash(&gs->ip->env->key, a, nic->index);
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
	list_init(&h->changed);
	group_host_start(h);
	list_add_tail(&h->node, &gs->hosts);
	return h;
}

void group_free(struct group *g)
{
	timer_cancel(&g->host->ip->env->timers, &g->timer);
	hash_del(&g->host->ip->groups->table, &g->node);
	list_del(&g->list);
	list_del(&g->left);
	group_forget(g);
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
	if (list_empty(&gs->left))
		return false;
	group_free(list_first(&gs->left, struct group, left));
	return true;
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
	list_init(&g->left);
	list_init(&g->included);
	list_init(&g->changed);
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
	if (count_sources(g, &m->filter)) {
		group_merge(g);		/* if there are no members, it goes */
		return -ENOBUFS;
	}
	m->group = g;
	member_add(g, m);
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
		member_del(g, m);
	source_filter_free(&m->filter);
	if (!g)
		return;
	m->group = NULL;
	group_merge(g);
}

int group_refilter(struct membership *m, struct source_filter *f)
{
	if (count_sources(m->group, f)) {
		source_filter_free(f);
		return -ENOBUFS;
	}
	member_del(m->group, m);
	source_filter_free(&m->filter);
	m->filter = *f;
	member_add(m->group, m);
	group_merge(m->group);
	return 0;
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
	list_init(&gs->left);
	if (hash_init(&gs->table, 64) < 0 || hash_init(&gs->sources, 16) < 0) {
		hash_free(&gs->table);
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

			member_del(g, m);
			m->group = NULL;
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
	hash_free(&gs->sources);
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
