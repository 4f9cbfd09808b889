/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - an ordered set of nodes, linked through the objects: a treap, see tree.c.
 *
 * The tree knows no keys. The caller finds the predecessor of what it inserts by a walk from the
 * root, with its own comparison, and names it:
 *
 *	struct tree_node *prev = NULL, *n = t->root;
 *
 *	while (n) {
 *		if (key < key_of(n)) {
 *			n = n->left;
 *		} else {
 *			prev = n;
 *			n = n->right;
 *		}
 *	}
 *	tree_insert(t, node, prev, priority);
 *
 * A zeroed struct tree is empty. The nodes are the caller's.
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_node {
	struct tree_node *parent, *left, *right;
	uint32_t priority;
};

struct tree {
	struct tree_node *root, *first, *last;
};

static inline bool tree_empty(const struct tree *t)
{
	return !t->root;
}

/* n's place is directly behind prev; NULL: before all others. priority: nobody may foresee it who
 * chooses the keys. */
void tree_insert(struct tree *t, struct tree_node *n, struct tree_node *prev, uint32_t priority);
void tree_del(struct tree *t, struct tree_node *n);
/* NULL at the end. */
struct tree_node *tree_next(const struct tree_node *n);
struct tree_node *tree_prev(const struct tree_node *n);

#endif
