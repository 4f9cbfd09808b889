/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - chained hash table (hash.h). */
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

int hash_init(struct hash_table *t, size_t slots)
{
	t->slots = calloc(slots, sizeof(*t->slots));
	t->mask = slots - 1;
	t->count = 0;
	return t->slots ? 0 : -ENOMEM;
}

void hash_free(struct hash_table *t)
{
	free(t->slots);
	t->slots = NULL;
	t->mask = 0;
	t->count = 0;
}

static void chain(struct hash_node **slot, struct hash_node *n)
{
	n->next = *slot;
	*slot = n;
}

/* Without memory the table stays as it is: slower, but right. */
static void hash_grow(struct hash_table *t)
{
	size_t slots = t->mask + 1;
	struct hash_node **bigger, *n, *next;

	bigger = slots > SIZE_MAX / 2 ? NULL : calloc(slots * 2, sizeof(*bigger));
	if (!bigger)
		return;
	for (size_t i = 0; i < slots; i++) {
		for (n = t->slots[i]; n; n = next) {
			next = n->next;
			chain(&bigger[n->hash & (slots * 2 - 1)], n);
		}
	}
	free(t->slots);
	t->slots = bigger;
	t->mask = slots * 2 - 1;
}

void hash_add(struct hash_table *t, struct hash_node *n, uint64_t hash)
{
	if (t->count > t->mask)
		hash_grow(t);
	n->hash = hash;
	chain(&t->slots[hash & t->mask], n);
	t->count++;
}

void hash_del(struct hash_table *t, struct hash_node *n)
{
	struct hash_node **at = &t->slots[n->hash & t->mask];

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
	return same_hash(t->slots[hash & t->mask], hash);
}

struct hash_node *hash_find_next(const struct hash_node *n)
{
	return same_hash(n->next, n->hash);
}

struct hash_node *hash_walk(const struct hash_table *t, const struct hash_node *prev)
{
	size_t slot = 0;

	if (prev) {
		if (prev->next)
			return prev->next;
		slot = (prev->hash & t->mask) + 1;
	}
	for (; slot <= t->mask; slot++)
		if (t->slots[slot])
			return t->slots[slot];
	return NULL;
}
