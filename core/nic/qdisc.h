/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qdisc.h - the core's side of a queueing discipline (weir/qdisc.h is the module's).
 */
#ifndef NIC_QDISC_H
#define NIC_QDISC_H

#include <weir/qdisc.h>

#include "nic/nic.h"

struct module;
struct registry;
struct setting;

struct qdisc {
	const struct qdisc_ops *ops;
	struct module *module;		/* one use held; NULL in tests that bring their own ops */
	struct nic *nic;
	struct qdisc *parent;
	uint32_t handle;		/* as tc writes it, 0x80010000 for 8001:; 0: nobody asked for this one, it
					 * is a NIC's default or a parent's first child */
	void *params;			/* ops->params_size bytes: as last set, for dumps */
	struct qdisc_stats stats;
	_Alignas(16) unsigned char priv[];
};

/* How the registry is asked: kind -> ops, with a use of its module taken; put gives it back. */
struct qdisc_kinds {
	void *arg;
	const struct qdisc_ops *(*get)(void *arg, const char *kind, struct module **m,
				       struct weir_error *e);
	/* The same by tc's name for it, and tc_find() finds that again. NULL: this stack is not to be asked. */
	const struct qdisc_ops *(*get_tc)(void *arg, const char *kind, struct module **m,
					  struct weir_error *e);
	void (*put)(void *arg, struct module *m);
};

/* Build a qdisc for nic from parsed parameters (ops->params_size bytes, copied). NULL: see e. */
struct qdisc *qdisc_create(struct nic *nic, const char *kind, const void *params,
			   struct weir_error *e);
/* The same from ops that are at hand (reload: the new code's; tests). Takes over the use of m, also
 * when it fails. */
struct qdisc *qdisc_create_ops(struct nic *nic, const struct qdisc_ops *ops, struct module *m,
			       const void *params, struct weir_error *e);
/* A qdisc of a module by its settings, complete but not yet on its NIC; and a change of what the
 * settings name. */
struct qdisc *qdisc_build(struct registry *r, struct nic *nic, const char *kind,
			  const struct setting *s, size_t n, struct weir_error *e);
int qdisc_change_settings(struct qdisc *q, const struct setting *s, size_t n, struct weir_error *e);
/* All or nothing; the queue is run again at the end of the turn. */
int qdisc_change(struct qdisc *q, const void *params, struct weir_error *e);
/* Rebuild q, and only it, on other ops of the same kind with the same parameters: a reload.
 * Packets, counters and the child move across. For a child the parent grafts. Takes over the use
 * of m. -errno: nothing has changed. */
int qdisc_reload(struct qdisc *q, const struct qdisc_ops *ops, struct module *m,
		 struct weir_error *e);
/*
 * Put child, which is new, in the place of parent's: what is queued moves over, the old one is
 * destroyed. NULL: a fifo, bounded by parent alone. -EOPNOTSUPP: parent has none; child is the
 * caller's still.
 */
int qdisc_graft(struct qdisc *parent, struct qdisc *child, struct weir_error *e);
/* Give it a handle that no other qdisc of its NIC has, of those that tc chooses itself. */
void qdisc_number(struct qdisc *q);
/* The one of this handle, from the root down. NULL: none. */
struct qdisc *qdisc_find(const struct nic *nic, uint32_t handle);
struct qdisc *qdisc_leaf(const struct qdisc *q);		/* its child; NULL: none */

/* Every packet of from goes to to, in order; what its limit refuses is dropped, counted there. */
void qdisc_move(struct qdisc *from, struct qdisc *to);

#endif
