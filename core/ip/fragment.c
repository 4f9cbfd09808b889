/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fragment.c - reassembly (RFC 791 section 3.2, RFC 815).
 *
 * Theory of operation
 *
 * Fragments of one datagram (same source, destination, protocol and identification) wait in a
 * queue, in order of offset. It is whole when the last one (without MF) is there and the
 * lengths add up to its end: since overlaps are never let in, that leaves no hole.
 *
 * Fragments are where forgers like to work, so:
 * - overlap discards the datagram, as in Linux and RFC 5722; what repeats bytes that
 *   are there already, whole, is a duplicate and is dropped alone;
 * - contradicting ends, an end beyond 65,535 bytes, a middle piece not a multiple of 8 bytes
 *   long, more than 128 pieces: the datagram is discarded;
 * - a first piece must hold the transport header's ports and flags, and none may begin
 *   within them (RFC 1858, RFC 3128);
 * - all queues together may hold 4 MiB, those of one source 1 MiB of it: who exceeds
 *   his share loses his own oldest queue first, so a flood from one address cannot push out others;
 * - a queue lives 30 seconds; if its first piece had come, the sender is told (RFC 1122 section 3.3.2).
 *
 * The whole packet is copied into one buffer: a datagram of many small pieces costs a receiver no
 * more memory than its length, and a packet has few enough fragments of its own.
 */
#include <linux/icmp.h>
#include <stdlib.h>

#include "base/hash.h"
#include "ip/fragment.h"
#include "ip/ipv4.h"

struct frag_key {
	uint32_t src, dst;
	uint16_t id;
	uint8_t proto, zero;
	uint32_t nic;			/* its index */
};

struct frag_source {			/* who sends: his share of the memory */
	struct hash_node node;
	uint32_t addr;
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
	uint8_t ecn_seen;		/* bit n: a fragment with ECN field n */
};

struct frag_range {
	uint32_t start, end;		/* bytes of the datagram's payload */
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

static uint64_t source_hash(const struct fragments *fs, uint32_t addr)
{
	return siphash(&fs->ip->env->key, &addr, sizeof(addr));
}

static struct frag_source *source_get(struct fragments *fs, uint32_t addr)
{
	uint64_t hash = source_hash(fs, addr);
	struct frag_source *s;

	for (struct hash_node *n = hash_find(&fs->sources, hash); n; n = hash_find_next(n)) {
		s = container_of(n, struct frag_source, node);
		if (s->addr == addr)
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

	ip->stats.reasm_timeout++;
	ip->stats.reasm_fails++;
	if (q->head && range_of(q->head)->start == 0)
		icmp_send_error(ip, q->head, &q->meta, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
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
	q->source = source_get(fs, k->src);
	if (!q->source) {
		free(q);
		return NULL;
	}
	q->key = *k;
	q->fragments = fs;
	q->meta = *m;
	timer_init(&q->timer, queue_expire);
	timer_arm(&fs->ip->env->timers, &q->timer, fs->ip->env->now + FRAGMENTS_TIMEOUT_NS);
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

/* Where the fragment lies; false: it can be part of no datagram. */
static bool range_check(const struct packet *p, const struct ip_meta *m, struct frag_range *r,
			bool *more)
{
	const struct ipv4_header *h = ipv4_header(p);
	uint32_t off = ntohs(h->frag_off), len = p->len - m->header_len;
	uint32_t least = m->proto == IPPROTO_TCP ? 16 : 8;

	*more = off & IPV4_MF;
	r->start = (off & IPV4_OFFSET) * 8;
	r->end = r->start + len;
	if (!len || r->end > IPV4_MAX_LEN - m->header_len || (*more && len % 8))
		return false;
	return r->start == 0 ? len >= least : r->start >= least;
}

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

/* Everything is there: one packet of it. NULL: no memory, or the pieces do not go together. */
static struct packet *queue_join(struct frag_queue *q)
{
	struct fragments *fs = q->fragments;
	struct packet_pool *pool = fs->ip->env->pool;
	const struct ipv4_header *first = ipv4_header(q->head);
	uint32_t hlen = ipv4_header_len(first);
	struct packet *p;
	struct ipv4_header *h;
	struct buf *b;
	bool ok;

	if (hlen + q->end > IPV4_MAX_LEN)
		return NULL;
	b = buf_alloc(pool, q->end);
	if (!b)
		return NULL;
	for (struct packet *f = q->head; f; f = f->next) {
		const struct frag_range *r = range_of(f);

		packet_copy_out(f, ipv4_header_len(ipv4_header(f)), b->data + r->start,
				r->end - r->start);
	}
	p = packet_alloc(pool, PACKET_HEADROOM - hlen);
	if (!p) {
		buf_put(b);
		return NULL;
	}
	h = (struct ipv4_header *)packet_put(p, hlen);
	memcpy(h, first, hlen);
	p->network = (uint16_t)(p->data - p->base);
	p->protocol = q->head->protocol;
	p->nic = q->head->nic;
	p->tstamp = fs->ip->env->now;
	ok = packet_append(p, b, 0, q->end) && ecn_join(q->ecn_seen, &h->tos);
	buf_put(b);
	if (!ok) {
		packet_free(p);
		return NULL;
	}
	h->total_len = htons((uint16_t)(hlen + q->end));
	h->frag_off = 0;
	ipv4_header_sum(h);
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
		fs->ip->stats.reasm_fails++;
		queue_free(victim);
		if (victim == q)
			return false;
	}
	return true;
}

struct packet *fragment_input(struct fragments *fs, struct packet *p, const struct ip_meta *m)
{
	const struct ipv4_header *h = ipv4_header(p);
	struct frag_key key = {
		.src = h->src, .dst = h->dst, .id = h->id, .proto = h->proto, .nic = m->nic->index,
	};
	struct packet *prev, *whole = NULL;
	struct frag_queue *q;
	struct frag_range r;
	bool more;

	fs->ip->stats.reasm_reqds++;
	if (!range_check(p, m, &r, &more))
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
	if (!end_agrees(q, &r, more) || q->count == FRAGMENTS_PER_PACKET)
		goto bad_queue;
	if (!more)
		q->end = r.end;
	q->ecn_seen |= (uint8_t)(1u << (h->tos & 3));
	*range_of(p) = r;
	queue_insert(q, p, prev);
	if (!q->end || q->received != q->end) {
		queue_survives(fs, q);
		return NULL;
	}
	whole = queue_join(q);
	if (whole)
		fs->ip->stats.reasm_oks++;
	else
		fs->ip->stats.reasm_fails++;
	queue_free(q);
	return whole;

bad_queue:
	queue_free(q);
bad:
	fs->ip->stats.reasm_fails++;
	packet_free(p);
	return NULL;
}
