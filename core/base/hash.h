/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - a hash table of chained nodes, linked through the objects; grows by doubling, a little with
 * each addition. The caller computes the hash (siphash for anything an attacker chooses) and compares keys.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_node {
	struct hash_node *next;
	uint64_t hash;
};

struct hash_table {
	struct hash_node **slots;
	size_t mask;		/* number of slots - 1 */
	size_t count;
	struct hash_node **old;	/* the half as many slots from before, those below moved empty; NULL: none */
	size_t moved;
};

int hash_init(struct hash_table *t, size_t slots);	/* slots: a power of two. -ENOMEM */
void hash_free(struct hash_table *t);			/* the nodes are the caller's */
void hash_add(struct hash_table *t, struct hash_node *n, uint64_t hash);
void hash_del(struct hash_table *t, struct hash_node *n);
/* First node with this hash, and the next one with the same; NULL at the end. */
struct hash_node *hash_find(const struct hash_table *t, uint64_t hash);
struct hash_node *hash_find_next(const struct hash_node *n);
/* Every node, in no order: the one after prev, the first for NULL; NULL at the end. Nothing may be
 * added during a walk, and prev must still be in the table. */
struct hash_node *hash_walk(const struct hash_table *t, const struct hash_node *prev);

/* The nodes of one slot, 0 to mask: a walk of which only a number has to be kept. First for prev NULL. */
struct hash_node *hash_slot_next(const struct hash_table *t, size_t slot, const struct hash_node *prev);

#define hash_for_each(pos, t) \
	for (struct hash_node *pos = hash_walk(t, NULL); pos; pos = hash_walk(t, pos))

/* The current node (only that one) may be removed while walking: the next is fetched before. */
#define hash_for_each_safe(pos, t) \
	for (struct hash_node *pos = hash_walk(t, NULL), *pos##_next = NULL; \
	     pos && (pos##_next = hash_walk(t, pos), 1); pos = pos##_next)

#endif
