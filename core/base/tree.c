/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - a treap (Aragon and Seidel, 1989).
 *
 * Theory of operation: by order it is a search tree, by priority a heap: no node's priority is
 * above its parent's. Both together determine the shape: that of a search tree into which the
 * nodes came in the order of their priorities. When these are random, so is the shape, whatever
 * the keys and the order in which they came: a search takes O(log n) expected steps (2 ln n and
 * less), an insertion or a removal fewer than two rotations on average. Who chooses keys but does
 * not know the priorities cannot make it worse. Equal priorities do no harm but to the shape.
 *
 * Insertion hangs a leaf behind its predecessor and rotates it up while its parent's priority is
 * lower. Removal rotates the node down, the child of the higher priority up, until one child is
 * missing; the other takes its place. The first and the last are known: both ends cost no search.
 */
#include "base/tree.h"

/* Who points at n now points at by. */
static void replace(struct tree *t, const struct tree_node *n, struct tree_node *by)
{
	struct tree_node *parent = n->parent;

	if (!parent)
		t->root = by;
	else if (parent->left == n)
		parent->left = by;
	else
		parent->right = by;
	if (by)
		by->parent = parent;
}

/* n, a child, changes places with its parent; the order stays. */
static void rotate_up(struct tree *t, struct tree_node *n)
{
	struct tree_node *parent = n->parent, *between;

	replace(t, parent, n);
	if (parent->left == n) {
		between = n->right;
		parent->left = between;
		n->right = parent;
	} else {
		between = n->left;
		parent->right = between;
		n->left = parent;
	}
	if (between)
		between->parent = parent;
	parent->parent = n;
}

static struct tree_node *leftmost(struct tree_node *n)
{
	while (n->left)
		n = n->left;
	return n;
}

static struct tree_node *rightmost(struct tree_node *n)
{
	while (n->right)
		n = n->right;
	return n;
}

struct tree_node *tree_next(const struct tree_node *n)
{
	if (n->right)
		return leftmost(n->right);
	while (n->parent && n->parent->right == n)
		n = n->parent;
	return n->parent;
}

struct tree_node *tree_prev(const struct tree_node *n)
{
	if (n->left)
		return rightmost(n->left);
	while (n->parent && n->parent->left == n)
		n = n->parent;
	return n->parent;
}

/* Directly behind prev: its right child, or the left child of its successor. */
static void hang(struct tree *t, struct tree_node *n, struct tree_node *prev)
{
	if (!t->root) {
		t->root = n;
	} else if (prev && !prev->right) {
		n->parent = prev;
		prev->right = n;
	} else {
		n->parent = prev ? leftmost(prev->right) : t->first;
		n->parent->left = n;
	}
}

void tree_insert(struct tree *t, struct tree_node *n, struct tree_node *prev, uint32_t priority)
{
	*n = (struct tree_node){ .priority = priority };
	hang(t, n, prev);
	if (!prev)
		t->first = n;
	if (prev == t->last)
		t->last = n;
	while (n->parent && n->parent->priority < priority)
		rotate_up(t, n);
}

void tree_del(struct tree *t, struct tree_node *n)
{
	if (t->first == n)
		t->first = tree_next(n);
	if (t->last == n)
		t->last = tree_prev(n);
	while (n->left && n->right)
		rotate_up(t, n->left->priority < n->right->priority ? n->right : n->left);
	replace(t, n, n->left ? n->left : n->right);
	*n = (struct tree_node){ 0 };
}
