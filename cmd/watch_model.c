/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_model.c - two answers of a sandbox become rates.
 *
 * Theory of operation
 *
 * What is new is compared with what was there under the same name: a NIC by its name, a qdisc by its NIC, its kind and
 * all above it, a connection by both ends and its inode. The time between is the sandbox's own, from the
 * answers, so a slow terminal or a busy machine does not change a rate; sockets come in pieces, each with a
 * time of its own. If one counter of a thing has gone back then it is another thing of the same name, and nothing
 * is said of it until the next sample.
 *
 * An answer is not trusted: numbers may be missing or negative (0 then), text is cut and made printable, lists
 * have their ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/watch_model.h"

#define SECOND 1000000000ull

void watch_model_free(struct watch_model *m)
{
	free(m->now.nics);
	free(m->now.qdiscs);
	free(m->before.nics);
	free(m->before.qdiscs);
	*m = (struct watch_model){ 0 };
}

/* ---- what an answer says ---- */

static uint64_t number(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? (uint64_t)n : 0;
}

void watch_clean(char *to, size_t size, const char *from)
{
	size_t i = 0;

	for (; from && from[i] && i + 1 < size; i++)
		to[i] = from[i];
	to[i] = '\0';
	while (i-- > 0)
		if (to[i] < ' ' || to[i] > '~')		/* char may be signed: beyond ASCII is below */
			to[i] = '?';
}

static void text(char *to, size_t size, const json_t *o, const char *key)
{
	watch_clean(to, size, json_string_value(json_object_get(o, key)));
}

/* A column of its own, in lines that are read by machine. */
static void word(char *to, size_t size, const json_t *o, const char *key)
{
	text(to, size, o, key);
	if (!*to)
		snprintf(to, size, "?");
	for (; *to; to++)
		if (*to == ' ')
			*to = '?';
}

/* ---- rates ---- */

static void unknown(uint64_t *more, uint64_t *rate, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		more[i] = rate[i] = WATCH_NONE;
}

/* before NULL, or no time since: there are none. */
static void compare(const uint64_t *before, const uint64_t *now, uint64_t *more, uint64_t *rate, unsigned int n,
		    uint64_t ns)
{
	unknown(more, rate, n);
	for (unsigned int i = 0; i < n; i++)
		if (!before || !ns || now[i] < before[i])
			return;
	for (unsigned int i = 0; i < n; i++) {
		more[i] = now[i] - before[i];
		rate[i] = (uint64_t)((unsigned __int128)more[i] * SECOND / ns);
	}
}

#define COMPARE(before, now, n, ns)							\
	compare((before) ? (before)->total : NULL, (now)->total, (now)->more, (now)->rate, n, ns)

static uint64_t since(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

/* ---- NICs ---- */

static const struct watch_nic *find_nic(const struct watch_sample *s, const char *name)
{
	for (unsigned int i = 0; i < s->nnics; i++)
		if (!strcmp(s->nics[i].name, name))
			return &s->nics[i];
	return NULL;
}

static void history_add(struct watch_nic *n, const struct watch_nic *before)
{
	unsigned int keep = before ? before->nhistory : 0, skip = 0;

	if (keep == WATCH_HISTORY)
		skip = 1;
	keep -= skip;
	if (keep) {
		memcpy(n->in, before->in + skip, keep * sizeof(n->in[0]));
		memcpy(n->out, before->out + skip, keep * sizeof(n->out[0]));
	}
	n->in[keep] = n->rate[WATCH_IN_BYTES];
	n->out[keep] = n->rate[WATCH_OUT_BYTES];
	n->nhistory = keep + 1;
}

/* Drops of a NIC are those of its device, too, and on the way out those of qdiscs and of the ring behind them. */
static void take_nic(struct watch_nic *n, const char *name, const json_t *nic, const json_t *link)
{
	char *p = n->name;

	watch_clean(n->name, sizeof(n->name), name);
	for (; *p; p++)
		if (*p == ' ')
			*p = '?';
	n->up = number(nic, "up");
	n->total[WATCH_IN_BYTES] = number(nic, "rx_bytes");
	n->total[WATCH_IN_PACKETS] = number(nic, "rx_packets");
	n->total[WATCH_IN_DROPS] = number(nic, "rx_drops") + number(link, "rx_drops");
	n->total[WATCH_OUT_BYTES] = number(nic, "tx_bytes");
	n->total[WATCH_OUT_PACKETS] = number(nic, "tx_packets");
	n->total[WATCH_OUT_DROPS] = number(nic, "tx_drops") + number(nic, "qdisc_drops") +
				    number(nic, "ring_drops") + number(link, "tx_drops");
}

static void take_nics(struct watch_model *m, json_t *nics, const json_t *links, uint64_t ns)
{
	struct watch_sample *s = &m->now;
	const char *name;
	json_t *nic;

	json_object_foreach(nics, name, nic) {
		const struct watch_nic *before;
		struct watch_nic *n = &s->nics[s->nnics];

		if (s->nnics == WATCH_NICS)
			return;
		take_nic(n, name, nic, json_object_get(links, name));
		before = find_nic(&m->before, n->name);
		COMPARE(before, n, WATCH_NIC_COUNTERS, ns);
		history_add(n, before);
		s->nnics++;
	}
}

const struct watch_nic *watch_model_nic(const struct watch_model *m, const char *name)
{
	return find_nic(&m->now, name);
}

/* ---- qdiscs: each NIC's stand in their order, the root first ---- */

/* The one of the same NIC, at the same depth. */
static const struct watch_qdisc *find_qdisc(const struct watch_sample *s, const char *dev, unsigned int depth)
{
	for (unsigned int i = 0; i < s->nqdiscs; i++)
		if (s->qdiscs[i].depth == depth && !strcmp(s->qdiscs[i].dev, dev))
			return &s->qdiscs[i];
	return NULL;
}

/* Nothing above it is another one, either: a tbf below another netem has counted other packets. */
static const struct watch_qdisc *same_qdisc(const struct watch_model *m, const struct watch_qdisc *q)
{
	const struct watch_qdisc *before = NULL;

	for (unsigned int depth = 0; depth <= q->depth; depth++) {
		const struct watch_qdisc *now = depth == q->depth ? q : find_qdisc(&m->now, q->dev, depth);

		before = find_qdisc(&m->before, q->dev, depth);
		if (!before || !now || strcmp(before->kind, now->kind))
			return NULL;
	}
	return before;
}

static void take_qdisc(struct watch_qdisc *q, const json_t *o, const struct watch_qdisc *last)
{
	const json_t *stats = json_object_get(o, "stats");

	word(q->dev, sizeof(q->dev), o, "dev");
	word(q->kind, sizeof(q->kind), o, "kind");
	word(q->parent, sizeof(q->parent), o, "parent");
	if (last && !strcmp(last->dev, q->dev) && strcmp(q->parent, "root"))
		q->depth = last->depth < WATCH_DEPTH ? last->depth + 1 : WATCH_DEPTH;
	q->total[WATCH_QDISC_BYTES] = number(stats, "bytes");
	q->total[WATCH_QDISC_PACKETS] = number(stats, "packets");
	q->total[WATCH_QDISC_DROPS] = number(stats, "drops");
	q->total[WATCH_QDISC_OVERLIMITS] = number(stats, "overlimits");
	q->backlog = number(stats, "backlog");
	q->qlen = number(stats, "qlen");
}

/* A NIC's backlog is its root's. */
static void nic_backlog(struct watch_sample *s, const struct watch_qdisc *q)
{
	for (unsigned int i = 0; i < s->nnics && q->depth == 0; i++) {
		if (strcmp(s->nics[i].name, q->dev))
			continue;
		s->nics[i].backlog = q->backlog;
		s->nics[i].qlen = q->qlen;
	}
}

static void take_qdiscs(struct watch_model *m, const json_t *list, uint64_t ns)
{
	struct watch_sample *s = &m->now;
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o) {
		struct watch_qdisc *q = &s->qdiscs[s->nqdiscs];
		const struct watch_qdisc *before;

		if (s->nqdiscs == WATCH_QDISCS)
			return;
		take_qdisc(q, o, s->nqdiscs ? q - 1 : NULL);
		before = same_qdisc(m, q);
		COMPARE(before, q, WATCH_QDISC_COUNTERS, ns);
		nic_backlog(s, q);
		s->nqdiscs++;
	}
}

void watch_model_chain(const struct watch_model *m, const char *dev, char *to, size_t size)
{
	size_t used = 0;

	snprintf(to, size, "-");
	for (unsigned int i = 0; i < m->now.nqdiscs && used < size; i++)
		if (!strcmp(m->now.qdiscs[i].dev, dev))
			used += (size_t)snprintf(to + used, size - used, "%s%s", used ? "/" : "",
						 m->now.qdiscs[i].kind);
}

/* ---- sockets ---- */

static bool same_socket(const struct watch_socket *a, const struct watch_socket *b)
{
	return a->inode == b->inode && !strcmp(a->local, b->local) && !strcmp(a->peer, b->peer);
}

static struct watch_socket *find_socket(struct watch_sample *s, const struct watch_socket *like)
{
	for (unsigned int i = 0; i < s->nsockets; i++)
		if (same_socket(&s->sockets[i], like))
			return &s->sockets[i];
	return NULL;
}

static void take_socket(struct watch_socket *k, const json_t *o, uint64_t time)
{
	word(k->local, sizeof(k->local), o, "local");
	word(k->peer, sizeof(k->peer), o, "peer");
	word(k->state, sizeof(k->state), o, "state");
	word(k->congestion, sizeof(k->congestion), o, "congestion");
	k->inode = number(o, "inode");
	k->time = time;
	k->total[WATCH_SOCKET_OUT] = number(o, "bytes_acked");
	k->total[WATCH_SOCKET_IN] = number(o, "bytes_received");
	k->busy = number(o, "busy");
	k->cwnd = number(o, "cwnd");
	k->mss = number(o, "mss");
	k->rtt_us = number(o, "rtt_us");
}

/* In a full list, the place of the least busy one, if that is less busy. */
static struct watch_socket *socket_place(struct watch_sample *s, const struct watch_socket *k)
{
	struct watch_socket *same = find_socket(s, k), *least = s->sockets;

	if (same)
		return same;		/* told twice: it moved between two pieces */
	if (s->nsockets < WATCH_SOCKETS)
		return &s->sockets[s->nsockets++];
	for (unsigned int i = 1; i < WATCH_SOCKETS; i++)
		if (s->sockets[i].busy < least->busy)
			least = &s->sockets[i];
	return least->busy < k->busy ? least : NULL;
}

void watch_model_sockets(struct watch_model *m, const json_t *answer)
{
	uint64_t time = number(answer, "time_ns");
	json_t *o;
	size_t i;

	json_array_foreach(json_object_get(answer, "sockets"), i, o) {
		struct watch_socket k = { .time = 0 }, *place;

		take_socket(&k, o, time);
		place = socket_place(&m->now, &k);
		if (place)
			*place = k;
	}
}

static uint64_t socket_rate(const struct watch_socket *k)
{
	return k->rate[0] == WATCH_NONE ? 0 : k->rate[WATCH_SOCKET_OUT] + k->rate[WATCH_SOCKET_IN];
}

/* The busiest of this interval first; then by the sandbox's measure, then by name, so that nothing jumps about. */
static int by_rate(const void *a, const void *b)
{
	const struct watch_socket *x = a, *y = b;
	uint64_t rx = socket_rate(x), ry = socket_rate(y);

	if (rx != ry)
		return rx < ry ? 1 : -1;
	if (x->busy != y->busy)
		return x->busy < y->busy ? 1 : -1;
	return strcmp(x->local, y->local) ? strcmp(x->local, y->local) : strcmp(x->peer, y->peer);
}

void watch_model_done(struct watch_model *m)
{
	for (unsigned int i = 0; i < m->now.nsockets; i++) {
		struct watch_socket *k = &m->now.sockets[i];
		const struct watch_socket *before = find_socket(&m->before, k);

		COMPARE(before, k, WATCH_SOCKET_COUNTERS, before ? since(before->time, k->time) : 0);
	}
	qsort(m->now.sockets, m->now.nsockets, sizeof(m->now.sockets[0]), by_rate);
}

/* ---- a sample ---- */

static int by_name(const void *a, const void *b)
{
	const struct watch_nic *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Room for n things, at least for one. */
static void *room(size_t n, size_t max, size_t size)
{
	return calloc((n < max ? n : max) + 1, size);
}

int watch_model_add(struct watch_model *m, const json_t *answer, struct weir_error *e)
{
	json_t *nics = json_object_get(answer, "nics"), *qdiscs = json_object_get(answer, "qdiscs");
	struct watch_sample s = { .time = number(answer, "time_ns"), .uptime = number(answer, "uptime_ns") };
	uint64_t ns = m->nsamples ? since(m->now.time, s.time) : 0;

	if (!json_is_object(nics) || !json_is_array(qdiscs))
		return weir_fail(e, EPROTO, "the sandbox's answer has no NICs or no qdiscs; it is of another version of weir");
	s.nics = room(json_object_size(nics), WATCH_NICS, sizeof(*s.nics));
	s.qdiscs = room(json_array_size(qdiscs), WATCH_QDISCS, sizeof(*s.qdiscs));
	if (!s.nics || !s.qdiscs) {
		free(s.nics);
		free(s.qdiscs);
		return weir_fail(e, ENOMEM, "out of memory");
	}
	free(m->before.nics);
	free(m->before.qdiscs);
	m->before = m->now;
	m->now = s;
	m->nsamples += m->nsamples < 2;
	take_nics(m, nics, json_object_get(answer, "links"), ns);
	qsort(m->now.nics, m->now.nnics, sizeof(*s.nics), by_name);
	take_qdiscs(m, qdiscs, ns);
	return 0;
}

uint64_t watch_model_interval(const struct watch_model *m)
{
	return m->nsamples > 1 ? since(m->before.time, m->now.time) : 0;
}

/* ---- how it looks ---- */

void watch_number(char out[8], uint64_t n)
{
	static const char units[] = "kMGTPE";
	uint64_t unit = 1;
	int u = -1;

	if (n == WATCH_NONE) {
		strcpy(out, "-");
		return;
	}
	if (n < 1000) {
		snprintf(out, 8, "%u", (unsigned int)n);
		return;
	}
	while (n / unit >= 1000) {
		unit *= 1000;
		u++;
	}
	if (n / unit < 10)
		snprintf(out, 8, "%u.%02u%c", (unsigned int)(n / unit), (unsigned int)(n % unit / (unit / 100)), units[u]);
	else if (n / unit < 100)
		snprintf(out, 8, "%u.%u%c", (unsigned int)(n / unit), (unsigned int)(n % unit / (unit / 10)), units[u]);
	else
		snprintf(out, 8, "%u%c", (unsigned int)(n / unit), units[u]);
}

unsigned int watch_level(uint64_t value, uint64_t top, unsigned int steps)
{
	unsigned int level;

	if (value == WATCH_NONE || !value || !top)
		return 0;
	if (value >= top)
		return steps;
	level = (unsigned int)((unsigned __int128)value * steps / top);
	return level ? level : 1;
}

uint64_t watch_top(const uint64_t *history, unsigned int nhistory, unsigned int n)
{
	uint64_t top = 0;

	for (unsigned int i = n < nhistory ? nhistory - n : 0; i < nhistory; i++)
		if (history[i] != WATCH_NONE && history[i] > top)
			top = history[i];
	return top;
}
