/* SPDX-License-Identifier: Apache-2.0 */
/* test_tree.c - base/tree.h against an array that says which keys are in it. */
#include <check.h>

#include "base/list.h"
#include "base/random.h"
#include "base/tree.h"
#include "tests/suite.h"

#define KEYS	4096

struct item {
	struct tree_node node;
	bool in;
};

struct world {
	struct tree tree;
	struct random_seeded seed;
	struct random random;
	struct item items[KEYS];	/* an item's key is its index */
	int count;
};

static struct world w;

static void begin(void)
{
	w = (struct world){ .random = { random_from_seed, &w.seed } };
	random_seed(&w.seed, 5390);
}

static int key_of(const struct tree_node *n)
{
	return n ? (int)(container_of(n, const struct item, node) - w.items) : -1;
}

/* The last node whose key is not above; how many steps that took. */
static struct tree_node *find(int key, uint32_t *steps)
{
	struct tree_node *prev = NULL, *n = w.tree.root;

	for (*steps = 0; n; ++*steps) {
		if (key < key_of(n)) {
			n = n->left;
		} else {
			prev = n;
			n = n->right;
		}
	}
	return prev;
}

/* What the array says: the nearest key from `from` on, in a direction; -1: none. */
static int nearest(int from, int step)
{
	for (int k = from; k >= 0 && k < KEYS; k += step)
		if (w.items[k].in)
			return k;
	return -1;
}

static void insert(int key)
{
	uint32_t steps;

	tree_insert(&w.tree, &w.items[key].node, find(key, &steps), random_u32(&w.random));
	w.items[key].in = true;
	w.count++;
}

static void delete(int key)
{
	tree_del(&w.tree, &w.items[key].node);
	w.items[key].in = false;
	w.count--;
}

static void check_links(const struct tree_node *n)
{
	if (n->parent) {
		ck_assert(n->parent->left == n || n->parent->right == n);
		ck_assert_uint_ge(n->parent->priority, n->priority);
	} else {
		ck_assert_ptr_eq(w.tree.root, n);
	}
}

/* All of it, both ways. */
static void check_all(void)
{
	int seen = 0, key = -1;

	for (struct tree_node *n = w.tree.first; n; n = tree_next(n), seen++) {
		ck_assert_int_eq(nearest(key + 1, 1), key_of(n));
		key = key_of(n);
		check_links(n);
	}
	ck_assert_int_eq(seen, w.count);
	ck_assert_int_eq(key_of(w.tree.last), key);
	for (struct tree_node *n = w.tree.last; n; n = tree_prev(n))
		seen--;
	ck_assert_int_eq(seen, 0);
	ck_assert(tree_empty(&w.tree) == !w.count);
}

START_TEST(as_an_array)
{
	begin();
	check_all();
	for (int i = 0; i < 50000; i++) {
		int key = (int)random_below(&w.random, KEYS);
		uint32_t steps;

		/* it fills, and empties, in turn */
		if (w.items[key].in && random_below(&w.random, 4) < (i / 10000 % 2 ? 4u : 1u))
			delete(key);
		else if (!w.items[key].in && random_below(&w.random, 4) < (i / 10000 % 2 ? 1u : 4u))
			insert(key);
		key = (int)random_below(&w.random, KEYS);
		ck_assert_int_eq(key_of(find(key, &steps)), nearest(key, -1));
		ck_assert_int_eq(key_of(w.tree.first), nearest(0, 1));
		ck_assert_int_eq(key_of(w.tree.last), nearest(KEYS - 1, -1));
		if (w.items[key].in) {
			const struct tree_node *n = &w.items[key].node;

			ck_assert_int_eq(key_of(tree_next(n)), nearest(key + 1, 1));
			ck_assert_int_eq(key_of(tree_prev(n)), nearest(key - 1, -1));
		}
		if (i % 500 == 0)
			check_all();
	}
	while (!tree_empty(&w.tree))
		delete(key_of(w.tree.root));
	check_all();
}
END_TEST

/* Keys in order are the worst of a tree without balance: here the depth is logarithmic */
START_TEST(sorted_keys)
{
	uint64_t sum = 0;
	uint32_t steps, most = 0;

	begin();
	for (int i = 0; i < KEYS; i++)
		insert(_i ? i : KEYS - 1 - i);
	check_all();
	for (int i = 0; i < KEYS; i++) {
		find(i, &steps);
		sum += steps;
		most = steps > most ? steps : most;
	}
	ck_assert_uint_le(sum / KEYS, 24);	/* 2 ln n is 17 */
	ck_assert_uint_le(most, 60);
	for (int i = 0; i < KEYS; i++)
		delete(key_of(_i ? w.tree.first : w.tree.last));
	check_all();
}
END_TEST

/* The same priority everywhere: slow, but right */
START_TEST(equal_priorities)
{
	begin();
	for (int i = 0; i < KEYS; i++) {
		int key = (int)((uint32_t)i * 1657u % KEYS);
		uint32_t steps;

		tree_insert(&w.tree, &w.items[key].node, find(key, &steps), 7);
		w.items[key].in = true;
		w.count++;
	}
	check_all();
	for (int i = 0; i < KEYS; i += 2)
		delete(i);
	check_all();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tree");
	TCase *t = tcase_create("tree");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, as_an_array);
	tcase_add_loop_test(t, sorted_keys, 0, 2);
	tcase_add_test(t, equal_priorities);
	suite_add_tcase(s, t);
	return run_suite(s);
}
