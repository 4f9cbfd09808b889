/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h - which modules are loaded, who uses them, and what they offer by kind and name.
 *
 * A module is loaded from a descriptor, so that a process without the right to open files can
 * be handed one. The file is copied to a memfd and dlopened from there (RTLD_NOW | RTLD_LOCAL):
 * the file can be rebuilt in place and loaded again while the old code runs. A reload loads the
 * new code beside the old, moves every user over, and lets the old one go when its last use is
 * put.
 */
#ifndef MODULE_REGISTRY_H
#define MODULE_REGISTRY_H

#include <stdbool.h>

#include <weir/module.h>

#include "base/list.h"
#include "base/log.h"

struct module {
	struct list node;		/* registry->modules */
	struct registry *registry;
	void *handle;			/* dlopen's; NULL: its code is the program's own */
	int fd;				/* the copy it is mapped from; its number is part of dlopen's name */
	const struct weir_module *desc;	/* in the module */
	char *path;			/* where it was read from */
	unsigned int uses;		/* by qdiscs, links, ... */
	bool stale;			/* replaced by newer code: goes with its last use */
	uint64_t generation;		/* counts loads in this registry */
	struct module_ops *ops;		/* full-sized copies of its ops tables */
	unsigned int nops;
};

struct module_ops {
	enum weir_kind kind;
	union {
		const char *name;	/* first member of each */
		struct qdisc_ops qdisc;
		struct link_ops link;
		struct mode_ops mode;
		struct congestion_ops congestion;
	};
};

struct registry {
	struct list modules;
	struct log *log;
	char **path;			/* folders searched, NULL-terminated */
	uint64_t generation;
	bool locked;			/* this process cannot open files any more: only module_load_fd */
};

/* path: folders separated by ':'; NULL: $WEIR_MODULE_PATH where the caller is not set-id, else
 * the installed one. */
int registry_init(struct registry *r, const char *path, struct log *log, struct weir_error *e);
void registry_destroy(struct registry *r);

/* Find and open NAME.so: on the path, or the file itself when name has a '/'. Refuses a file or
 * folder that others can write, or that neither root nor the caller owns. The fd, or -errno. */
int module_open(const struct registry *r, const char *name, char *path, size_t size,
		struct weir_error *e);
/* Likewise; the fd is of a copy in memory (module_file_copy), to be sent to a process that must not wait for a file. */
int module_open_copy(const struct registry *r, const char *name, char *path, size_t size,
		     struct weir_error *e);
/* The names that module_open would find on the path, sorted, closed by NULL, to be freed with
 * module_names_free. */
char **module_names(const struct registry *r);
void module_names_free(char **names);
/* Load from fd (stays the caller's); path is for messages. NULL: nothing has changed, and e
 * says why (also when a module of that name is loaded, or another one offers the same qdisc,
 * link, mode or congestion control). */
struct module *module_load_fd(struct registry *r, int fd, const char *path, struct weir_error *e);
/* One that is linked into the program, or built by it; desc stays the caller's. NULL as above. */
struct module *module_add(struct registry *r, const struct weir_module *desc, struct weir_error *e);
/*
 * As module_load_fd, beside a loaded one of the same name, which becomes stale. The caller
 * moves its users, then calls module_put(*old), since a use of it was taken for that time; or,
 * when the users could not be moved, module_revert.
 */
struct module *module_load_beside(struct registry *r, int fd, const char *path,
				  struct module **old, struct weir_error *e);
/* Undo module_load_beside: old is the current one again, its extra use is given back, m goes
 * with its last use. */
void module_revert(struct module *m, struct module *old);
struct module *module_find(struct registry *r, const char *name);	/* loaded and not stale */
/* The ops of this kind and name in m; NULL: it has none. For moving users over: what old had
 * may be gone. */
const void *module_ops_find(const struct module *m, enum weir_kind kind, const char *name);
/* -EBUSY while it is used. */
int module_unload(struct module *m, struct weir_error *e);
void module_get(struct module *m);
void module_put(struct module *m);

/* The ops of kind with this name; loads NAME.so when it is not there and the registry may.
 * Takes a use. NULL: e says what was looked for and where (e starts with "needs module" when
 * locked). */
const void *registry_get(struct registry *r, enum weir_kind kind, const char *name,
			 struct module **m, struct weir_error *e);
/* The parameter table of an ops struct that registry_get gave (NULL: takes none), and its
 * blob's size. */
const struct param *registry_params(enum weir_kind kind, const void *ops, size_t *size);
const char *weir_kind_name(enum weir_kind kind);

/* The registry as nic/ and tcp/ ask for it. */
struct qdisc_kinds;
void registry_qdisc_kinds(struct registry *r, struct qdisc_kinds *kinds);

#endif
