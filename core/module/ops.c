/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.c - ABI check and ops tables.
 *
 * A module built against an older minor version of this ABI knows shorter ops structs: they are
 * copied to the front of zeroed full-sized ones, so that the rest of weir sees one layout, and
 * members that the module did not know are NULL. What is shared in both directions (struct
 * packet, struct link) has to have exactly one size.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "module/ops.h"
#include "module/params.h"

#define ENTRIES_MAX 32u

/* Up to here the tables of minor version 0 reach; what comes later may be missing. */
#define SIZE_0(type, last) (offsetof(struct type, last) + sizeof(((struct type *)0)->last))

static const struct kind {
	const char *name;
	size_t size, least;
} kinds[] = {
	[WEIR_KIND_QDISC] = { "qdisc", sizeof(struct qdisc_ops), SIZE_0(qdisc_ops, graft) },
	[WEIR_KIND_LINK] = { "link", sizeof(struct link_ops), SIZE_0(link_ops, receive) },
	[WEIR_KIND_MODE] = { "mode", sizeof(struct mode_ops), SIZE_0(mode_ops, nic_allowed) },
	[WEIR_KIND_CONGESTION] = { "congestion", sizeof(struct congestion_ops),
				   SIZE_0(congestion_ops, event) },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *weir_kind_name(enum weir_kind kind)
{
	return kind > WEIR_KIND_END && (size_t)kind < KINDS ? kinds[kind].name : "unknown";
}

const struct param *registry_params(enum weir_kind kind, const void *ops, size_t *size)
{
	const struct qdisc_ops *q = ops;
	const struct link_ops *l = ops;
	const struct congestion_ops *c = ops;

	switch (kind) {
	case WEIR_KIND_QDISC:
		*size = q->params_size;
		return q->params;
	case WEIR_KIND_LINK:
		*size = l->params_size;
		return l->params;
	case WEIR_KIND_CONGESTION:
		*size = c->params_size;
		return c->params;
	default:
		*size = 0;
		return NULL;
	}
}

int module_check_abi(const struct weir_module *d, struct weir_error *e)
{
	uint32_t congestion_size = 0;

	if (d->magic != WEIR_MODULE_MAGIC)
		return weir_fail(e, ENOEXEC, "its magic word is 0x%08x, a module's is 0x%08x; define it "
				 "with WEIR_MODULE", d->magic, WEIR_MODULE_MAGIC);
	if (d->abi_major != WEIR_ABI_MAJOR || d->abi_minor > WEIR_ABI_MINOR)
		return weir_fail(e, ENOEXEC, "it is built for module ABI %u.%u, this weir has %u.%u; "
				 "build it with this weir's headers", d->abi_major, d->abi_minor,
				 WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	if (d->size == sizeof(*d))	/* an older one ends before it */
		congestion_size = d->congestion_size;
	if (d->size != sizeof(*d) || d->entry_size != sizeof(struct weir_entry) ||
	    d->packet_size != sizeof(struct packet) || d->link_size != sizeof(struct link) ||
	    congestion_size != sizeof(struct congestion))
		return weir_fail(e, ENOEXEC, "its structs weir_module, weir_entry, packet, link and "
				 "congestion have %u, %u, %u, %u and %u bytes, this weir's have %zu, %zu, "
				 "%zu, %zu and %zu; build it with this weir's headers", d->size,
				 d->entry_size, d->packet_size, d->link_size, congestion_size,
				 sizeof(*d), sizeof(struct weir_entry), sizeof(struct packet),
				 sizeof(struct link), sizeof(struct congestion));
	if (!d->name || !param_name_valid(d->name))
		return weir_fail(e, ENOEXEC, "its name is no lower-case word");
	if (!d->help || !d->entries)
		return weir_fail(e, ENOEXEC, "module %s has no %s", d->name,
				 d->help ? "entries" : "help");
	return 0;
}

static int check_entry(const struct weir_entry *en, const char *mod, struct weir_error *e)
{
	const struct kind *k;

	if (en->kind >= KINDS)
		return weir_fail(e, ENOEXEC, "module %s has an entry of kind %u, which this weir does "
				 "not know", mod, en->kind);
	k = &kinds[en->kind];
	if (en->size < k->least || en->size > k->size)
		return weir_fail(e, ENOEXEC, "module %s: its struct %s_ops has %u bytes, this weir's has "
				 "%zu; build it with this weir's headers", mod, k->name, en->size,
				 k->size);
	if (!en->ops)
		return weir_fail(e, ENOEXEC, "module %s has a %s entry without ops", mod, k->name);
	return 0;
}

/* The functions without which an ops table is of no use. */
static const char *missing_function(const struct module_ops *o)
{
	const struct qdisc_ops *q = &o->qdisc;
	const struct link_ops *l = &o->link;
	const struct congestion_ops *c = &o->congestion;

	switch (o->kind) {
	case WEIR_KIND_QDISC:
		return !q->enqueue ? "enqueue" : !q->dequeue ? "dequeue" : !q->peek ? "peek" :
		       !q->reset ? "reset" : q->leaf && !q->graft ? "graft, which leaf needs" :
		       q->graft && !q->leaf ? "leaf, which graft needs" : NULL;
	case WEIR_KIND_LINK:
		return !l->open ? "open" : !l->attach ? "attach" : !l->detach ? "detach" :
		       !l->close ? "close" : !l->transmit ? "transmit" :
		       !l->receive ? "receive" : NULL;
	case WEIR_KIND_CONGESTION:
		return !c->ssthresh ? "ssthresh" : !c->ack ? "ack" : NULL;
	default:
		return NULL;
	}
}

static int check_ops(const struct module_ops *o, const char *mod, struct weir_error *e)
{
	const char *kind = weir_kind_name(o->kind), *missing;
	const struct param *table;
	size_t size;
	int err;

	if (!o->name || !param_name_valid(o->name))
		return weir_fail(e, ENOEXEC, "module %s has a %s whose name is no lower-case word", mod,
				 kind);
	missing = missing_function(o);
	if (missing)
		return weir_fail(e, ENOEXEC, "%s %s has no %s", kind, o->name, missing);
	if (o->kind == WEIR_KIND_QDISC && o->qdisc.priv_size > 1u << 24)
		return weir_fail(e, ENOEXEC, "%s %s wants %zu bytes of private data; at most 16 MiB",
				 kind, o->name, o->qdisc.priv_size);
	table = registry_params(o->kind, &o->qdisc, &size);
	err = params_check_table(table, size, e);
	if (err)
		weir_error_prefix(e, "%s %s", kind, o->name);
	return err;
}

static int copy_one(struct module_ops *o, const struct weir_entry *en, const char *mod,
		    struct weir_error *e)
{
	int err = check_entry(en, mod, e);

	if (err)
		return err;
	o->kind = en->kind;
	memcpy((unsigned char *)o + offsetof(struct module_ops, name), en->ops, en->size);
	return check_ops(o, mod, e);
}

int module_copy_ops(struct module *m, const struct weir_module *desc, struct weir_error *e)
{
	struct module_ops *ops;
	unsigned int n = 0;
	int err = 0;

	while (desc->entries[n].kind != WEIR_KIND_END)
		if (++n > ENTRIES_MAX)
			return weir_fail(e, ENOEXEC, "module %s has more than %u entries; close the list "
					 "with WEIR_KIND_END", desc->name, ENTRIES_MAX);
	if (n == 0)
		return weir_fail(e, ENOEXEC, "module %s offers nothing", desc->name);
	ops = calloc(n, sizeof(*ops));
	if (!ops)
		return weir_fail(e, ENOMEM, "out of memory");
	for (unsigned int i = 0; i < n && !err; i++) {
		err = copy_one(&ops[i], &desc->entries[i], desc->name, e);
		for (unsigned int j = 0; j < i && !err; j++)
			if (ops[j].kind == ops[i].kind && !strcmp(ops[j].name, ops[i].name))
				err = weir_fail(e, ENOEXEC, "module %s offers %s %s twice", desc->name,
						weir_kind_name(ops[i].kind), ops[i].name);
	}
	if (err) {
		free(ops);
		return err;
	}
	m->ops = ops;
	m->nops = n;
	return 0;
}
