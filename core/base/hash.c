/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.c - chained hash table (hash.h).
 *
 * Theory of operation. With as many nodes as slots a row of twice as many slots is taken. To move all nodes at once
 * would be a sweep in the middle of somebody's call: so the old row stays, and each addition moves what is in
 * two of its slots, from the first one on. It is empty long before the next doubling. A node whose old slot has not
 * been moved is still there.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

#define MOVE_SLOTS 2u		/* an addition; one would do */

int hash_init(struct hash_table *t, size_t slots)
{
	*t = (struct hash_table){ .slots = calloc(slots, sizeof(*t->slots)), .mask = slots - 1 };
	return t->slots ? 0 : -ENOMEM;
}

void hash_free(struct hash_table *t)
{
	free(t->slots);
	free(t->old);
	*t = (struct hash_table){ .slots = NULL };
}

static size_t old_mask(const struct hash_table *t)
{
	return t->mask >> 1;
}

static bool is_in_old(const struct hash_table *t, uint64_t hash)
{
	return t->old && (hash & old_mask(t)) >= t->moved;
}

static struct hash_node **slot_of(const struct hash_table *t, uint64_t hash)
{
	return is_in_old(t, hash) ? &t->old[hash & old_mask(t)] : &t->slots[hash & t->mask];
}

static void chain(struct hash_node **slot, struct hash_node *n)
{
	n->next = *slot;
	*slot = n;
}

static void move(struct hash_table *t)
{
	struct hash_node *n = t->old[t->moved], *next;

	t->old[t->moved++] = NULL;
	for (; n; n = next) {
		next = n->next;
		chain(&t->slots[n->hash & t->mask], n);
	}
	if (t->moved <= old_mask(t))
		return;
	free(t->old);
	t->old = NULL;
}

/* Without memory the table stays as it is: slower, but right. */
static void grow(struct hash_table *t)
{
	size_t slots = t->mask + 1;
	struct hash_node **bigger = slots > SIZE_MAX / 2 ? NULL : calloc(slots * 2, sizeof(*bigger));

	if (!bigger)
		return;
	t->old = t->slots;
	t->moved = 0;
	t->slots = bigger;
	t->mask = slots * 2 - 1;
}

void hash_add(struct hash_table *t, struct hash_node *n, uint64_t hash)
{
	for (unsigned int i = 0; i < MOVE_SLOTS && t->old; i++)
		move(t);
	if (t->count > t->mask && !t->old)
		grow(t);
	n->hash = hash;
	chain(slot_of(t, hash), n);
	t->count++;
}

void hash_del(struct hash_table *t, struct hash_node *n)
{
	struct hash_node **at = slot_of(t, n->hash);

	while (*at && *at != n)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = n->next;
	n->next = NULL;
	t->count--;
}

static struct hash_node *same_hash(struct hash_node *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hash_node *hash_find(const struct hash_table *t, uint64_t hash)
{
	return same_hash(*slot_of(t, hash), hash);
}

struct hash_node *hash_find_next(const struct hash_node *n)
{
	return same_hash(n->next, n->hash);
}

/* What is still in the old row comes first. */
struct hash_node *hash_walk(const struct hash_table *t, const struct hash_node *prev)
{
	size_t old = t->moved, slot = 0;

	if (prev && prev->next)
		return prev->next;
	if (prev && is_in_old(t, prev->hash)) {
		old = (prev->hash & old_mask(t)) + 1;
	} else if (prev) {
		old = SIZE_MAX;
		slot = (prev->hash & t->mask) + 1;
	}
	for (; t->old && old <= old_mask(t); old++)
		if (t->old[old])
			return t->old[old];
	for (; slot <= t->mask; slot++)
		if (t->slots[slot])
			return t->slots[slot];
	return NULL;
}

struct hash_node *hash_slot_next(const struct hash_table *t, size_t slot, const struct hash_node *prev)
{
	struct hash_node *n = prev ? prev->next : *slot_of(t, slot);

	while (n && (n->hash & t->mask) != slot)	/* in the old row two slots share a chain */
		n = n->next;
	return n;
}
