/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_report.c - what routers are told of this host's groups: the host's side of IGMPv3 (RFC 3376
 * section 5) and MLDv2 (RFC 3810 section 6), which are one protocol in two spellings, and of their
 * older versions (RFC 2236, RFC 2710). igmp.c and mld.c read and write the messages.
 *
 * Theory of operation
 *
 * Changes. When a group's filter changes, the difference is noted at the group: a changed mode as
 * such, otherwise each source that came or went. A report of all that is noted goes out at the end
 * of the turn, so that what a program joins at once is told at once, and again, robustness - 1
 * times, at random moments within a second of each other. What a report says is made up when it is
 * sent, from the filter as it is by then and from what is noted, so that changes in quick
 * succession merge (RFC 3376 section 5.1). A group without members stays until it has been told
 * often enough. There may be thousands of groups: those with changes stand in a list, of which a round tells so many
 * a turn.
 *
 * Queries are answered with the state as it is, after a random delay within what the query allows:
 * one timer for all groups of a NIC, and one for each group asked about by name. No query makes us
 * answer more than ten times a second, whatever delay it allows: with that, forged queries gain
 * little.
 *
 * Older versions. A query of an older version makes us speak that version until none was heard for
 * two query intervals and a response's time; what was to be told in the new one is dropped (section
 * 7.2.1). Older reports name one group each, and whoever hears another host's report of a group
 * that it was going to report keeps quiet.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ip/group.h"

#define ROBUSTNESS		2u		/* until a querier says otherwise */
#define QUERY_INTERVAL_NS	125000000000ull
#define CHANGE_INTERVAL_NS	1000000000ull	/* Unsolicited Report Interval, RFC 3376 8.11 */
#define RESPONSE_MIN_NS		100000000ull
#define REPORT_MAX		1400u		/* bytes of records in one report */
#define RECORD_HEADER		4u		/* and the group */
#define CHANGES_TURN		256u		/* groups whose changes are told in one go */

enum record_type {		/* RFC 3376 section 4.2.12, RFC 3810 section 5.2.12 */
	IS_INCLUDE = 1, IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE, ALLOW_NEW, BLOCK_OLD,
};

static struct env *env_of(const struct group_host *h)
{
	return h->ip->env;
}

static uint64_t random_delay(struct env *env, uint64_t max)
{
	return 1 + random_u64(&env->random) % max;
}

uint8_t group_host_version(const struct group_host *h)
{
	for (uint8_t v = 1; v < h->proto->version; v++)
		if (h->older_until[v - 1] > env_of(h)->now)
			return v;
	return h->proto->version;
}

static bool speaks_newest(const struct group_host *h)
{
	return group_host_version(h) == h->proto->version;
}

static bool is_told(const struct group *g)
{
	const struct group_host *h = g->host;

	return !h->nic->loopback && h->nic->up && h->proto->reported(h, &g->addr);
}

/* ---- a report under construction ---- */

struct report {
	struct group_host *h;
	uint32_t len, room;
	uint16_t records;
	uint8_t bytes[REPORT_MAX];
};

static void report_begin(struct report *r, struct group_host *h)
{
	uint32_t room = h->proto->room(h);

	r->h = h;
	r->len = 0;
	r->records = 0;
	r->room = room < REPORT_MAX ? room : REPORT_MAX;
}

static void report_send(struct report *r)
{
	if (r->records)
		r->h->proto->send_records(r->h, r->bytes, r->len, r->records);
	r->len = 0;
	r->records = 0;
}

static const uint8_t *addr_bytes(const struct ip_addr *a, uint8_t alen)
{
	return a->b + sizeof(a->b) - alen;
}

static void put_record(struct report *r, enum record_type type, const struct ip_addr *group,
		       const struct ip_addr *src, uint32_t n)
{
	uint8_t alen = r->h->proto->alen, *at = r->bytes + r->len;

	at[0] = (uint8_t)type;
	at[1] = 0;			/* no auxiliary data */
	put_be16(at + 2, (uint16_t)n);
	memcpy(at + RECORD_HEADER, addr_bytes(group, alen), alen);
	at += RECORD_HEADER + alen;
	for (uint32_t i = 0; i < n; i++, at += alen)
		memcpy(at, addr_bytes(&src[i], alen), alen);
	r->len = (uint32_t)(at - r->bytes);
	r->records++;
}

/* A record that does not fit goes on in the next report; one that excludes is cut (RFC 3376
 * section 4.2.16). */
static void report_add(struct report *r, enum record_type type, const struct ip_addr *group,
		       const struct ip_addr *src, uint32_t n)
{
	uint32_t alen = r->h->proto->alen, header = RECORD_HEADER + alen;

	do {
		uint32_t fits, whole = header + n * alen;

		if (r->room < header + alen)
			return;
		if (r->room - r->len < whole)
			report_send(r);
		fits = (r->room - r->len - header) / alen;
		if (fits > n)
			fits = n;
		put_record(r, type, group, src, fits);
		if (fits)	/* without sources there may be no list */
			src += fits;
		n -= fits;
	} while (n && type != IS_EXCLUDE && type != TO_EXCLUDE);
}

/* ---- changes ---- */

static void note_source(struct group *g, const struct ip_addr *src)
{
	struct group_pending *more;

	for (uint16_t i = 0; i < g->npending; i++) {
		if (ip_addr_eq(&g->pending[i].src, src)) {
			g->pending[i].left = g->host->robustness;
			return;
		}
	}
	if (g->npending >= GROUP_PENDING_MAX)
		return;			/* the next query brings it out */
	more = realloc(g->pending, (g->npending + 1u) * sizeof(*more));
	if (!more)
		return;
	more[g->npending++] = (struct group_pending){ *src, g->host->robustness };
	g->pending = more;
}

static void note_difference(struct group *g, const struct source_filter *a,
			    const struct source_filter *b)
{
	for (uint16_t i = 0; i < a->n; i++)
		if (!source_filter_has(b, &a->src[i]))
			note_source(g, &a->src[i]);
}

static bool has_pending(const struct group *g)
{
	return g->mode_left || g->npending;
}

static void forget_pending(struct group *g)
{
	g->mode_left = 0;
	g->npending = 0;
	g->unsolicited = 0;
}

/* Those of the noted sources that are now let through (or not), counted down. */
static uint32_t take_sources(struct group *g, bool pass, struct ip_addr *out)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < g->npending; i++)
		if (source_filter_passes(&g->filter, &g->pending[i].src) == pass)
			out[n++] = g->pending[i].src;
	return n;
}

static void count_down(struct group *g)
{
	uint16_t kept = 0;

	if (g->mode_left)
		g->mode_left--;
	for (uint16_t i = 0; i < g->npending; i++)
		if (--g->pending[i].left)
			g->pending[kept++] = g->pending[i];
	g->npending = kept;
}

static void report_change(struct report *r, struct group *g)
{
	struct ip_addr src[GROUP_PENDING_MAX];
	uint32_t n;

	if (g->mode_left) {
		report_add(r, g->filter.exclude ? TO_EXCLUDE : TO_INCLUDE, &g->addr, g->filter.src,
			   g->filter.n);
		return;
	}
	n = take_sources(g, true, src);
	if (n)
		report_add(r, ALLOW_NEW, &g->addr, src, n);
	n = take_sources(g, false, src);
	if (n)
		report_add(r, BLOCK_OLD, &g->addr, src, n);
}

static void free_if_done(struct group *g)
{
	if (list_empty(&g->members) && !has_pending(g))
		group_free(g);
}

void group_forget(struct group *g)
{
	if (list_empty(&g->changed))
		return;
	list_del(&g->changed);
	g->host->nchanged--;
}

/* If something of g is to be told, it is among those that have changed. */
static void queue_change(struct group *g)
{
	if (!has_pending(g)) {
		group_forget(g);
	} else if (list_empty(&g->changed)) {
		list_add_tail(&g->changed, &g->host->changed);
		g->host->nchanged++;
	}
}

/* Of this round, max groups at most. What is to be told again goes behind the others. */
static void tell_changes(struct group_host *h, uint32_t max)
{
	struct report r;

	report_begin(&r, h);
	for (; max && h->to_tell && !list_empty(&h->changed); max--, h->to_tell--) {
		struct group *g = list_first(&h->changed, struct group, changed);

		report_change(&r, g);
		count_down(g);
		group_forget(g);
		queue_change(g);
		free_if_done(g);
	}
	report_send(&r);
	if (list_empty(&h->changed))
		h->to_tell = 0;
}

static void change_timer(struct timer *t)
{
	struct group_host *h = container_of(t, struct group_host, change);
	struct env *env = env_of(h);

	if (!h->to_tell)
		h->to_tell = h->nchanged;
	tell_changes(h, CHANGES_TURN);
	if (h->to_tell)
		timer_arm(&env->timers, t, env->now);
	else if (h->nchanged)
		timer_arm(&env->timers, t, env->now + random_delay(env, CHANGE_INTERVAL_NS));
}

void group_host_flush(struct group_host *h)
{
	timer_cancel(&env_of(h)->timers, &h->change);
	h->to_tell = h->nchanged;
	tell_changes(h, h->nchanged);
}

/* ---- changes, in the words of older versions ---- */

static void older_report(struct group *g)
{
	struct group_host *h = g->host;

	h->proto->send_report(h, group_host_version(h), &g->addr);
	g->reporter = true;
}

static void older_joined(struct group *g)
{
	struct env *env = env_of(g->host);

	older_report(g);
	g->unsolicited = (uint8_t)(g->host->robustness - 1);
	if (g->unsolicited)
		timer_arm(&env->timers, &g->timer,
			  env->now + random_delay(env, g->host->proto->unsolicited_ns));
}

/* IGMPv1 has no word for it; who did not report last need not speak (RFC 2236 section 3). */
static void older_left(struct group *g)
{
	struct group_host *h = g->host;

	if (g->reporter && group_host_version(h) + 1 == h->proto->version)
		h->proto->send_leave(h, &g->addr);
}

static void older_changed(struct group *g, const struct source_filter *old)
{
	bool was = !source_filter_none(old), is = !source_filter_none(&g->filter);

	if (is && !was)
		older_joined(g);
	else if (was && !is)
		older_left(g);
}

void group_changed(struct group *g, const struct source_filter *old)
{
	struct group_host *h = g->host;
	struct env *env = env_of(h);

	if (!is_told(g)) {
		forget_pending(g);
	} else if (!speaks_newest(h)) {
		older_changed(g, old);
	} else if (old->exclude != g->filter.exclude) {
		g->mode_left = h->robustness;
		g->npending = 0;
	} else {
		note_difference(g, old, &g->filter);
		note_difference(g, &g->filter, old);
	}
	queue_change(g);
	if (has_pending(g)) {
		h->to_tell = h->nchanged;
		if (!timer_armed(&h->change) || h->change.at > env->now)
			timer_arm(&env->timers, &h->change, env->now);
	}
	free_if_done(g);
}

/* ---- answers ---- */

static void older_general(struct group_host *h);

static void report_state(struct report *r, const struct group *g)
{
	report_add(r, g->filter.exclude ? IS_EXCLUDE : IS_INCLUDE, &g->addr, g->filter.src,
		   g->filter.n);
}

/* Of the sources asked about, those that we want (RFC 3376 section 5.2). */
static void report_asked(struct report *r, const struct group *g)
{
	struct ip_addr src[GROUP_SOURCES_MAX];
	uint32_t n = 0;

	for (uint16_t i = 0; i < g->asked.n; i++)
		if (source_filter_passes(&g->filter, &g->asked.src[i]))
			src[n++] = g->asked.src[i];
	if (n)
		report_add(r, IS_INCLUDE, &g->addr, src, n);
}

static void general_timer(struct timer *t)
{
	struct group_host *h = container_of(t, struct group_host, general);
	struct report r;

	if (!speaks_newest(h)) {
		older_general(h);
		return;
	}
	h->answered = env_of(h)->now;
	report_begin(&r, h);
	list_for_each(pos, &h->groups) {
		const struct group *g = list_entry(pos, struct group, list);

		if (is_told(g) && !source_filter_none(&g->filter))
			report_state(&r, g);
	}
	report_send(&r);
}

static void newest_answer(struct group *g)
{
	struct report r;

	report_begin(&r, g->host);
	if (g->asked.n)
		report_asked(&r, g);
	else if (!source_filter_none(&g->filter))
		report_state(&r, g);
	report_send(&r);
	source_filter_free(&g->asked);
}

void group_timer(struct timer *t)
{
	struct group *g = container_of(t, struct group, timer);
	struct env *env = env_of(g->host);

	g->answered = env->now;
	if (!is_told(g))
		return;
	if (speaks_newest(g->host)) {
		newest_answer(g);
		return;
	}
	if (list_empty(&g->members))
		return;
	older_report(g);
	if (g->unsolicited && --g->unsolicited)
		timer_arm(&env->timers, t,
			  env->now + random_delay(env, g->host->proto->unsolicited_ns));
}

/* ---- queries ---- */

/* A timer that runs is only ever brought forward. */
static void answer_by(struct env *env, struct timer *t, uint64_t at, uint64_t answered)
{
	if (answered && at < answered + RESPONSE_MIN_NS)
		at = answered + RESPONSE_MIN_NS;
	if (!timer_armed(t) || t->at > at)
		timer_arm(&env->timers, t, at);
}

static struct ip_addr query_source(const struct group_query *q, uint16_t i, uint8_t alen)
{
	struct ip_addr a = ip_addr_v4(0);

	memcpy(a.b + sizeof(a.b) - alen, q->src + (size_t)i * alen, alen);
	return a;
}

/* RFC 3376 section 5.2, rules 3 to 5. */
static void note_asked(struct group *g, const struct group_query *q)
{
	bool all = !q->n || (timer_armed(&g->timer) && !g->asked.n);

	for (uint16_t i = 0; i < q->n && !all; i++) {
		struct ip_addr src = query_source(q, i, g->host->proto->alen);

		if (source_filter_has(&g->asked, &src))
			continue;
		all = g->asked.n >= GROUP_SOURCES_MAX || !source_filter_add(&g->asked, &src);
	}
	if (all)
		source_filter_free(&g->asked);
}

static void newest_query(struct group_host *h, const struct group_query *q)
{
	struct env *env = env_of(h);
	uint64_t at = env->now + random_delay(env, q->max_delay);
	struct group *g;

	if (timer_armed(&h->general) && h->general.at <= at)
		return;			/* rule 1: that answers this one too */
	if (ip_addr_is_any(&q->group)) {
		answer_by(env, &h->general, at, h->answered);
		return;
	}
	g = group_find(h->ip->groups, h->nic, &q->group);
	if (!g || list_empty(&g->members) || !is_told(g))
		return;
	note_asked(g, q);
	answer_by(env, &g->timer, at, g->answered);
}

static void older_asked(struct group *g, uint64_t max_delay)
{
	struct env *env = env_of(g->host);

	if (!list_empty(&g->members) && is_told(g))
		answer_by(env, &g->timer, env->now + random_delay(env, max_delay), g->answered);
}

/* Each group answers by itself, so all are looked at: not more often than ten times a second either. */
static void older_general(struct group_host *h)
{
	if (!h->older_delay)
		return;			/* a query that came meanwhile was for all */
	h->older_walked = env_of(h)->now;
	list_for_each(pos, &h->groups)
		older_asked(list_entry(pos, struct group, list), h->older_delay);
	h->older_delay = 0;
}

static void older_query(struct group_host *h, const struct group_query *q)
{
	struct env *env = env_of(h);

	if (!ip_addr_is_any(&q->group)) {
		struct group *g = group_find(h->ip->groups, h->nic, &q->group);

		if (g)
			older_asked(g, q->max_delay);
		return;
	}
	if (!h->older_delay || q->max_delay < h->older_delay)
		h->older_delay = q->max_delay;
	if (!h->older_walked || env->now - h->older_walked >= RESPONSE_MIN_NS)
		older_general(h);
	else if (!timer_armed(&h->general))
		timer_arm(&env->timers, &h->general, h->older_walked + RESPONSE_MIN_NS);
}

/* The version changes: what was to be told in the other is void. */
static void drop_pending(struct group_host *h)
{
	struct timers *timers = &env_of(h)->timers;

	timer_cancel(timers, &h->general);
	timer_cancel(timers, &h->change);
	h->to_tell = 0;
	h->older_delay = 0;
	list_for_each_safe(pos, &h->groups) {
		struct group *g = list_entry(pos, struct group, list);

		timer_cancel(timers, &g->timer);
		forget_pending(g);
		group_forget(g);
		source_filter_free(&g->asked);
		free_if_done(g);
	}
}

static void heard_version(struct group_host *h, const struct group_query *q)
{
	uint8_t before = group_host_version(h);

	if (q->version < h->proto->version)
		h->older_until[q->version - 1] = env_of(h)->now +
			h->robustness * h->query_interval + q->max_delay;
	if (group_host_version(h) != before)
		drop_pending(h);
}

void group_query(struct group_host *h, const struct group_query *query)
{
	struct group_query q = *query;

	if (h->nic->loopback)
		return;
	if (q.max_delay < RESPONSE_MIN_NS)
		q.max_delay = RESPONSE_MIN_NS;
	if (q.version == h->proto->version) {
		h->robustness = q.robustness ? q.robustness : ROBUSTNESS;
		h->query_interval = q.interval ? q.interval : QUERY_INTERVAL_NS;
	}
	heard_version(h, &q);
	if (speaks_newest(h))
		newest_query(h, &q);
	else
		older_query(h, &q);
}

void group_heard(struct group_host *h, const struct ip_addr *group)
{
	struct group *g = group_find(h->ip->groups, h->nic, group);

	if (!g || speaks_newest(h))
		return;
	timer_cancel(&env_of(h)->timers, &g->timer);
	g->unsolicited = 0;
	g->reporter = false;
}

/* ---- the host ---- */

void group_host_start(struct group_host *h)
{
	h->robustness = ROBUSTNESS;
	h->query_interval = QUERY_INTERVAL_NS;
	timer_init(&h->general, general_timer);
	timer_init(&h->change, change_timer);
}

void group_host_stop(struct group_host *h)
{
	drop_pending(h);
	h->older_until[0] = h->older_until[1] = 0;
}
