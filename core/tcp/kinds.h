/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kinds.h - congestion controls by name: a module's ops together with parameters that were parsed
 * for them. Connections keep referring to the parameters that they were given, so every set that
 * was ever parsed stays until the stack is gone; there is one for each module, and one more for
 * each change.
 */
#ifndef TCP_KINDS_H
#define TCP_KINDS_H

#include "module/params.h"
#include "module/registry.h"
#include "tcp/tcp.h"

struct congestion_set {
	struct list node;		/* congestion_sets.list, the oldest first */
	const struct congestion_ops *ops;
	void *params;
	struct congestion_sets *sets;
	struct tcp_switch move;		/* of connections to it, and the modules in use until that is done */
	struct module *from, *to;
};

struct congestion_sets {
	struct registry *registry;
	struct list list;
};

void congestion_sets_init(struct congestion_sets *cs, struct registry *r);
void congestion_sets_free(struct congestion_sets *cs);
/* The module and its parsed parameters; takes a use of *m. NULL: e says why. */
struct congestion_set *congestion_set_get(struct congestion_sets *cs, const char *name,
					  const struct setting *s, size_t n, struct module **m,
					  struct weir_error *e);
/* The same for ops that are at hand; takes no use. */
struct congestion_set *congestion_set_add(struct congestion_sets *cs,
					  const struct congestion_ops *ops, const struct setting *s,
					  size_t n, struct weir_error *e);
/* The latest for ops; NULL: none. */
struct congestion_set *congestion_set_find(const struct congestion_sets *cs,
					   const struct congestion_ops *ops);
/* For TCP_CONGESTION of a program: the latest parameters where there are some, else the
 * defaults. */
void congestion_sets_kinds(struct congestion_sets *cs, struct tcp_congestion_kinds *kinds);
/*
 * All connections move from ops of one module to the set, which is of another or of the same. That takes a
 * while, for which both modules are in use. If newer code has replaced the first, its sets go then.
 */
void congestion_set_move(struct congestion_set *set, struct tcp *tcp, const struct congestion_ops *ops,
			 struct module *from, struct module *to);
/* Drop the sets of a module's code, which is about to go: no connection uses them any more. */
void congestion_sets_forget(struct congestion_sets *cs, const struct module *m);

#endif
