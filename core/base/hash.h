/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - a hash table of chained nodes, linked through the objects; grows by doubling.
 * The caller computes the hash (siphash for anything an attacker chooses) and compares keys.
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
	size_t mask;		/* slots - 1 */
	size_t count;
};

int hash_init(struct hash_table *t, size_t slots);	/* slots: a power of two. -ENOMEM */
void hash_free(struct hash_table *t);			/* the nodes are the caller's */
void hash_add(struct hash_table *t, struct hash_node *n, uint64_t hash);
void hash_del(struct hash_table *t, struct hash_node *n);
/* First node with this hash, and the next one with the same; NULL at the end. */
struct hash_node *hash_find(const struct hash_table *t, uint64_t hash);
struct hash_node *hash_find_next(const struct hash_node *n);
/* Every node, in no order: start with NULL. The returned node may be removed before the next call
 * only with hash_walk_safe, which takes the cursor apart from the node. */
struct hash_node *hash_walk(const struct hash_table *t, const struct hash_node *prev);

#endif
