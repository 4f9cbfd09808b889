/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fragment.c - reassembly (RFC 791 section 3.2, RFC 815, RFC 8200 section 4.5).
 *
 * Theory of operation
 *
 * Fragments of one datagram (same source, destination, identification and, in IPv4, protocol) wait
 * in a queue, in order of offset. How the wire says it is ipv4.c's and ipv6.c's to know; here both
 * are ranges of a payload behind headers that every fragment repeats. It is whole when the last one
 * (without MF) is there and the lengths add up to its end: since overlaps are never let in, that
 * leaves no hole.
 *
 * Fragments are where forgers like to work, so:
 * - overlap discards the datagram, as in Linux and RFC 5722; what repeats bytes that
 *   are there already, whole, is a duplicate and is dropped alone;
 * - contradicting ends, more than 128 pieces: the datagram is discarded;
 * - all queues together may hold 4 MiB, those of one source (of IPv6: one /64) 1 MiB of it: who
 *   exceeds his share loses his own oldest queue first, so a flood from one address cannot push out
 *   others;
 * - a queue lives 30 seconds, IPv6's 60; if its first piece had come, the sender is told (RFC 1122
 *   section 3.3.2, RFC 8200 section 4.5).
 *
 * The whole packet is copied into one buffer: a datagram of many small pieces costs a receiver no
 * more memory than its length, and a packet has few enough fragments of its own.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <stdlib.h>

#include "base/hash.h"
#include "ip/fragment.h"
#include "ip/ipv4.h"
#include "ip/ipv6.h"
#include "ip/output.h"
#include "packet/pool.h"

struct frag_key {
	struct ip_addr src, dst;
	uint32_t id;
	uint32_t nic;			/* its index */
	uint64_t proto;			/* IPv4 */
};

struct frag_source {			/* who sends: his share of the memory */
	struct hash_node node;
	struct ip_addr addr;
	uint32_t memory;
	struct list queues;		/* oldest first */
};

struct frag_queue {
	struct hash_node node;
	struct frag_key key;
	struct frag_source *source;
	struct list by_source;		/* source->queues */
	struct list by_age;		/* fragments->ages */
	struct timer timer;
	struct fragments *fragments;
	struct ip_meta meta;
	struct packet *head, *tail;	/* by offset, linked by next; cb: struct frag_range */
	uint32_t count, received;	/* packets; bytes of payload */
	uint32_t end;			/* of the last fragment, 0 = not seen */
	uint32_t memory;
	uint32_t headers, next_at;	/* as struct fragment's, of the first one */
	uint8_t next;
	uint8_t ecn_seen;		/* bit n: a fragment with ECN field n */
};

struct frag_range {
	uint32_t start, end;		/* bytes of the datagram's payload */
	uint32_t payload;		/* where they are in the fragment */
};

struct fragments {
	struct ip *ip;
	struct hash_table queues, sources;
	struct list ages;
	uint32_t memory;
};

static struct frag_range *range_of(struct packet *p)
{
	return (struct frag_range *)p->cb;
}

/* ---- tables ---- */

static uint64_t key_hash(const struct fragments *fs, const struct frag_key *k)
{
	return siphash(&fs->ip->env->key, k, sizeof(*k));
}

/* Who has an address of a /64 has as many of them as he likes. */
static struct frag_source *source_get(struct fragments *fs, const struct ip_addr *src)
{
	struct ip_addr addr = ip_addr_is_v4(src) ? *src : ip_addr_mask(src, 64);
	uint64_t hash = siphash(&fs->ip->env->key, &addr, sizeof(addr));
	struct frag_source *s;

	for (struct hash_node *n = hash_find(&fs->sources, hash); n; n = hash_find_next(n)) {
		s = container_of(n, struct frag_source, node);
		if (ip_addr_eq(&s->addr, &addr))
			return s;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->addr = addr;
	list_init(&s->queues);
	hash_add(&fs->sources, &s->node, hash);
	return s;
}

static void source_put(struct fragments *fs, struct frag_source *s)
{
	if (!list_empty(&s->queues))
		return;
	hash_del(&fs->sources, &s->node);
	free(s);
}

static void queue_charge(struct frag_queue *q, uint32_t n)
{
	q->memory += n;
	q->source->memory += n;
	q->fragments->memory += n;
}

static void queue_free(struct frag_queue *q)
{
	struct fragments *fs = q->fragments;
	struct packet *p;

	timer_cancel(&fs->ip->env->timers, &q->timer);
	while ((p = q->head)) {
		q->head = p->next;
		packet_free(p);
	}
	q->source->memory -= q->memory;
	fs->memory -= q->memory;
	hash_del(&fs->queues, &q->node);
	list_del(&q->by_age);
	list_del(&q->by_source);
	source_put(fs, q->source);
	free(q);
}

static void queue_expire(struct timer *t)
{
	struct frag_queue *q = container_of(t, struct frag_queue, timer);
	struct ip *ip = q->fragments->ip;
	struct ip_stats *stats = ip_stats_of(ip, &q->key.src);

	stats->reasm_timeout++;
	stats->reasm_fails++;
	if (q->head && range_of(q->head)->start == 0) {
		if (stats == &ip->stats)
			icmp_send_error(ip, q->head, &q->meta, ICMP_TIME_EXCEEDED,
					ICMP_EXC_FRAGTIME, 0);
		else
			icmp6_send_error(ip, q->head, &q->meta, ICMPV6_TIME_EXCEED,
					 ICMPV6_EXC_FRAGTIME, 0);
	}
	queue_free(q);
}

static struct frag_queue *queue_find(struct fragments *fs, const struct frag_key *k)
{
	struct hash_node *n = hash_find(&fs->queues, key_hash(fs, k));

	for (; n; n = hash_find_next(n)) {
		struct frag_queue *q = container_of(n, struct frag_queue, node);

		if (!memcmp(&q->key, k, sizeof(*k)))
			return q;
	}
	return NULL;
}

static struct frag_queue *queue_create(struct fragments *fs, const struct frag_key *k,
				       const struct ip_meta *m)
{
	struct frag_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->source = source_get(fs, &k->src);
	if (!q->source) {
		free(q);
		return NULL;
	}
	q->key = *k;
	q->fragments = fs;
	q->meta = *m;
	timer_init(&q->timer, queue_expire);
	timer_arm(&fs->ip->env->timers, &q->timer, fs->ip->env->now +
		  (ip_addr_is_v4(&k->src) ? FRAGMENTS_TIMEOUT_NS : FRAGMENTS_TIMEOUT6_NS));
	list_add_tail(&q->by_source, &q->source->queues);
	list_add_tail(&q->by_age, &fs->ages);
	hash_add(&fs->queues, &q->node, key_hash(fs, k));
	queue_charge(q, sizeof(*q));
	return q;
}

struct fragments *fragments_create(struct ip *ip)
{
	struct fragments *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	fs->ip = ip;
	list_init(&fs->ages);
	if (hash_init(&fs->queues, 16) < 0)
		goto err;
	if (hash_init(&fs->sources, 16) < 0)
		goto err_queues;
	return fs;

err_queues:
	hash_free(&fs->queues);
err:
	free(fs);
	return NULL;
}

void fragments_flush(struct fragments *fs, const struct nic *nic)
{
	list_for_each_safe(pos, &fs->ages) {
		struct frag_queue *q = list_entry(pos, struct frag_queue, by_age);

		if (!nic || q->meta.nic == nic)
			queue_free(q);
	}
}

void fragments_destroy(struct fragments *fs)
{
	fragments_flush(fs, NULL);
	hash_free(&fs->queues);
	hash_free(&fs->sources);
	free(fs);
}

uint32_t fragments_memory(const struct fragments *fs)
{
	return fs->memory;
}

/* ---- one fragment ---- */

enum place { PLACE_FREE, PLACE_DUPLICATE, PLACE_OVERLAP };

/* Find what the fragment goes behind (NULL: the front). In order, that is the tail. */
static enum place find_place(const struct frag_queue *q, const struct frag_range *r,
			     struct packet **prev)
{
	*prev = NULL;
	if (q->tail && range_of(q->tail)->end <= r->start) {
		*prev = q->tail;
		return PLACE_FREE;
	}
	for (struct packet *p = q->head; p; p = p->next) {
		const struct frag_range *have = range_of(p);

		if (r->start >= have->start && r->end <= have->end)
			return PLACE_DUPLICATE;
		if (r->end <= have->start)
			break;
		if (r->start < have->end)
			return PLACE_OVERLAP;
		*prev = p;
	}
	return PLACE_FREE;
}

/* Does the end agree with what is known of it? */
static bool end_agrees(const struct frag_queue *q, const struct frag_range *r, bool more)
{
	if (q->end)
		return more ? r->end < q->end : r->end == q->end;
	return more || !q->tail || range_of(q->tail)->end <= r->end;
}

static void queue_insert(struct frag_queue *q, struct packet *p, struct packet *prev)
{
	if (prev) {
		p->next = prev->next;
		prev->next = p;
	} else {
		p->next = q->head;
		q->head = p;
	}
	if (!p->next)
		q->tail = p;
	q->count++;
	q->received += range_of(p)->end - range_of(p)->start;
	queue_charge(q, p->truesize);
}

/* RFC 3168 section 5.3: a congestion mark on any piece marks the whole; pieces that say "no ECN"
 * do not go with pieces that say otherwise. */
static bool ecn_join(uint8_t seen, uint8_t *tos)
{
	if ((seen & 1) && seen != 1)
		return false;
	if (seen & 1 << 3)
		*tos |= 3;
	return true;
}

/* What of the headers is true of the fragment and not of the whole. */
static bool mend4(const struct frag_queue *q, struct ipv4_header *h)
{
	if (!ecn_join(q->ecn_seen, &h->tos))
		return false;
	h->total_len = htons((uint16_t)(q->headers + q->end));
	h->frag_off = 0;
	ipv4_header_sum(h);
	return true;
}

static bool mend6(const struct frag_queue *q, struct ipv6_header *h)
{
	uint8_t tclass = ipv6_tclass(h);

	if (!ecn_join(q->ecn_seen, &tclass))
		return false;
	h->ver_tc_flow = (h->ver_tc_flow & htonl(0xf00fffff)) | htonl((uint32_t)tclass << 20);
	h->payload_len = htons((uint16_t)(q->headers - IPV6_HEADER_LEN + q->end));
	((uint8_t *)h)[q->next_at] = q->next;
	return true;
}

/* Everything is there: one packet of it. NULL: no memory, or the pieces do not go together. */
static struct packet *queue_join(struct frag_queue *q)
{
	struct fragments *fs = q->fragments;
	struct packet_pool *pool = fs->ip->env->pool;
	bool v4 = ip_addr_is_v4(&q->key.src), ok;
	struct packet *p;
	struct buf *b;
	uint8_t *h;

	if (q->headers + q->end > (v4 ? IPV4_MAX_LEN : IPV6_MAX_LEN))
		return NULL;
	b = buf_alloc(pool, q->end);
	if (!b)
		return NULL;
	for (struct packet *f = q->head; f; f = f->next) {
		const struct frag_range *r = range_of(f);

		packet_copy_out(f, r->payload, b->data + r->start, r->end - r->start);
	}
	p = packet_alloc(pool, PACKET_HEADROOM - q->headers);
	if (!p) {
		buf_put(b);
		return NULL;
	}
	h = packet_put(p, q->headers);
	memcpy(h, q->head->data, q->headers);
	p->network = (uint16_t)(p->data - p->base);
	p->protocol = q->head->protocol;
	p->type = q->head->type;
	p->nic = q->head->nic;
	p->tstamp = fs->ip->env->now;
	ok = packet_append(p, b, 0, q->end) &&
	     (v4 ? mend4(q, (struct ipv4_header *)h) : mend6(q, (struct ipv6_header *)h));
	buf_put(b);
	if (!ok) {
		packet_free(p);
		return NULL;
	}
	return p;
}

/* Keep within the limits; q itself may be the victim. */
static bool queue_survives(struct fragments *fs, struct frag_queue *q)
{
	struct frag_queue *victim;

	while (q->source->memory > FRAGMENTS_MEMORY_SOURCE || fs->memory > FRAGMENTS_MEMORY) {
		victim = q->source->memory > FRAGMENTS_MEMORY_SOURCE ?
			 list_first(&q->source->queues, struct frag_queue, by_source) :
			 list_first(&fs->ages, struct frag_queue, by_age);
		ip_stats_of(fs->ip, &victim->key.src)->reasm_fails++;
		queue_free(victim);
		if (victim == q)
			return false;
	}
	return true;
}

struct packet *fragment_input(struct fragments *fs, struct packet *p, const struct ip_meta *m,
			      const struct fragment *f)
{
	struct ip_stats *stats = ip_stats_of(fs->ip, &m->src);
	struct frag_key key = {
		.src = m->src, .dst = m->dst, .id = f->id, .nic = m->nic->index,
		.proto = stats == &fs->ip->stats ? m->proto : 0,
	};
	struct frag_range r = {
		.start = f->start, .end = f->start + p->len - f->payload, .payload = f->payload,
	};
	struct packet *prev, *whole = NULL;
	struct frag_queue *q;

	if (f->headers > FRAGMENTS_HEADERS_MAX || packet_pool_short(fs->ip->env->pool))
		goto bad;
	q = queue_find(fs, &key);
	if (!q)
		q = queue_create(fs, &key, m);
	if (!q)
		goto bad;
	switch (find_place(q, &r, &prev)) {
	case PLACE_DUPLICATE:
		packet_free(p);
		return NULL;
	case PLACE_OVERLAP:
		goto bad_queue;
	case PLACE_FREE:
		break;
	}
	if (!end_agrees(q, &r, f->more) || q->count == FRAGMENTS_PER_PACKET)
		goto bad_queue;
	if (!f->more)
		q->end = r.end;
	if (r.start == 0) {		/* the first one's headers are the whole's */
		q->headers = f->headers;
		q->next_at = f->next_at;
		q->next = f->next;
	}
	q->ecn_seen |= (uint8_t)(1u << (m->tos & 3));
	*range_of(p) = r;
	queue_insert(q, p, prev);
	if (!q->end || q->received != q->end) {
		queue_survives(fs, q);
		return NULL;
	}
	whole = queue_join(q);
	if (whole)
		stats->reasm_oks++;
	else
		stats->reasm_fails++;
	queue_free(q);
	return whole;

bad_queue:
	queue_free(q);
bad:
	stats->reasm_fails++;
	packet_free(p);
	return NULL;
}
