/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.c - the modules of one process: loading, finding, counting uses, letting go.
 *
 * Theory of operation
 *
 * dlopen answers with what it has when it is asked for a name that it knows. Each load
 * therefore comes from a memfd of its own, under the name /proc/self/fd/N, and N stays open,
 * and so stays taken, as long as the dynamic linker may remember it. Two generations of one
 * module are thus two objects, each with its own code and constants.
 *
 * A module is current or stale. Names are looked up among the current ones only; a stale one, which
 * newer code has replaced, serves the users that it still has and goes with the last of them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "module/file.h"
#include "module/ops.h"
#include "module/params.h"
#include "module/path.h"
#include "module/registry.h"

/* Whoever links the loader links what modules call. */
static void (*const *const abi)(void) __attribute__((used)) = module_abi;

int registry_init(struct registry *r, const char *path, struct log *log, struct weir_error *e)
{
	*r = (struct registry){ .log = log };
	list_init(&r->modules);
	if (!path)
		path = secure_getenv("WEIR_MODULE_PATH");
	return module_path_split(path && *path ? path : WEIR_MODULE_DIR, &r->path, e);
}

static void module_free(struct module *m)
{
	char name[64];
	void *left = NULL;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", m->fd);
	if (m->handle) {
		dlclose(m->handle);
		/* Code that cannot be unmapped keeps its name, which must not come to mean
		 * another. */
		left = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
		if (left)
			dlclose(left);
	}
	if (!left && m->fd >= 0)
		close(m->fd);
	list_del(&m->node);
	free(m->ops);
	free(m->path);
	free(m);
}

void registry_destroy(struct registry *r)
{
	list_for_each_safe(pos, &r->modules)
		module_free(list_entry(pos, struct module, node));
	module_path_free(r->path);
	r->path = NULL;
}

/* ---- loading ---- */

/* dlerror's text starts with the name dlopen was given, which says nothing to a person. */
static const char *linker_says(void)
{
	const char *text = dlerror(), *colon;

	if (!text)
		return "the dynamic linker refuses it";
	colon = strncmp(text, "/proc/self/fd/", 14) ? NULL : strstr(text, ": ");
	return colon ? colon + 2 : text;
}

static int link_module(struct module *m, struct weir_error *e)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", m->fd);
	errno = 0;
	m->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!m->handle && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return weir_fail(e, errno, "%s", linker_says());
	if (!m->handle)
		return weir_fail(e, ENOEXEC, "%s; build it with this weir's headers", linker_says());
	m->desc = dlsym(m->handle, WEIR_MODULE_SYMBOL);
	if (!m->desc)
		return weir_fail(e, ENOEXEC, "is a shared object, but no weir module (it exports no "
				 WEIR_MODULE_SYMBOL "); define it with WEIR_MODULE");
	return 0;
}

/* A module that nobody knows yet, and that has no code. */
static struct module *module_new(struct registry *r, const char *path, struct weir_error *e)
{
	struct module *m = calloc(1, sizeof(*m));

	if (m) {
		list_init(&m->node);
		m->registry = r;
		m->fd = -1;
		m->path = strdup(path);
		if (m->path)
			return m;
		module_free(m);
	}
	weir_fail(e, ENOMEM, "%s: out of memory", path);
	return NULL;
}

/* From a file, with its ops checked. */
static struct module *module_create(struct registry *r, int fd, const char *path,
				    struct weir_error *e)
{
	struct module *m = module_new(r, path, e);
	int err;

	if (!m)
		return NULL;
	m->fd = module_file_copy(fd, path, e);
	if (m->fd < 0)
		goto fail;
	err = link_module(m, e);
	if (!err)
		err = module_check_abi(m->desc, e);
	if (!err)
		err = module_copy_ops(m, m->desc, e);
	if (!err)
		return m;
	weir_error_prefix(e, "%s", path);
fail:
	module_free(m);
	return NULL;
}

static const void *ops_of(const struct module_ops *o)
{
	return (const unsigned char *)o + offsetof(struct module_ops, name);
}

const void *module_ops_find(const struct module *m, enum weir_kind kind, const char *name)
{
	for (unsigned int i = 0; i < m->nops; i++)
		if (m->ops[i].kind == kind && !strcmp(m->ops[i].name, name))
			return ops_of(&m->ops[i]);
	return NULL;
}

static const void *find_ops(struct registry *r, enum weir_kind kind, const char *name,
			    struct module **m)
{
	list_for_each(pos, &r->modules) {
		struct module *mod = list_entry(pos, struct module, node);
		const void *ops = mod->stale ? NULL : module_ops_find(mod, kind, name);

		if (ops) {
			*m = mod;
			return ops;
		}
	}
	return NULL;
}

/* Does a current module other than but offer what m offers? */
static int check_unique(struct module *m, const struct module *but, struct weir_error *e)
{
	struct module *other;

	for (unsigned int i = 0; i < m->nops; i++) {
		const struct module_ops *o = &m->ops[i];

		if (find_ops(m->registry, o->kind, o->name, &other) && other != but)
			return weir_fail(e, EEXIST, "%s: %s %s is module %s's already (%s); unload "
					 "that first", m->path, weir_kind_name(o->kind), o->name,
					 other->desc->name, other->path);
	}
	return 0;
}

static void admit(struct registry *r, struct module *m)
{
	m->generation = ++r->generation;
	list_add_tail(&m->node, &r->modules);
	if (r->log)
		log_write(r->log, LOG_INFO, "module %s: %s, generation %llu", m->desc->name, m->path,
			  (unsigned long long)m->generation);
}

struct module *module_find(struct registry *r, const char *name)
{
	list_for_each(pos, &r->modules) {
		struct module *m = list_entry(pos, struct module, node);

		if (!m->stale && !strcmp(m->desc->name, name))
			return m;
	}
	return NULL;
}

struct module *module_load_fd(struct registry *r, int fd, const char *path, struct weir_error *e)
{
	struct module *m = module_create(r, fd, path, e), *other;

	if (!m)
		return NULL;
	other = module_find(r, m->desc->name);
	if (other)
		weir_fail(e, EEXIST, "%s: module %s is loaded already (from %s); reload it instead", path,
			  other->desc->name, other->path);
	if (other || check_unique(m, NULL, e)) {
		module_free(m);
		return NULL;
	}
	admit(r, m);
	return m;
}

struct module *module_add(struct registry *r, const struct weir_module *desc, struct weir_error *e)
{
	struct module *m = module_new(r, "built in", e);
	int err;

	if (!m)
		return NULL;
	m->desc = desc;
	err = module_check_abi(desc, e);
	if (!err && module_find(r, desc->name))
		err = weir_fail(e, EEXIST, "there is a module %s already", desc->name);
	if (!err)
		err = module_copy_ops(m, desc, e);
	if (!err)
		err = check_unique(m, NULL, e);
	if (err) {
		module_free(m);
		return NULL;
	}
	admit(r, m);
	return m;
}

struct module *module_load_beside(struct registry *r, int fd, const char *path,
				  struct module **old, struct weir_error *e)
{
	struct module *m = module_create(r, fd, path, e);

	if (!m)
		return NULL;
	*old = module_find(r, m->desc->name);
	if (!*old)
		weir_fail(e, ENOENT, "%s: module %s is not loaded; load it instead", path,
			  m->desc->name);
	if (!*old || check_unique(m, *old, e)) {
		module_free(m);
		return NULL;
	}
	module_get(*old);
	(*old)->stale = true;
	admit(r, m);
	return m;
}

void module_revert(struct module *m, struct module *old)
{
	old->stale = false;
	module_put(old);
	m->stale = true;
	module_get(m);
	module_put(m);
}

/* ---- uses ---- */

int module_unload(struct module *m, struct weir_error *e)
{
	if (m->uses)
		return weir_fail(e, EBUSY, "module %s is in use %u time%s; replace what uses it first",
				 m->desc->name, m->uses, m->uses == 1 ? "" : "s");
	module_free(m);
	return 0;
}

void module_get(struct module *m)
{
	m->uses++;
}

void module_put(struct module *m)
{
	if (--m->uses == 0 && m->stale)
		module_free(m);
}

const void *registry_get(struct registry *r, enum weir_kind kind, const char *name,
			 struct module **m, struct weir_error *e)
{
	const void *ops = find_ops(r, kind, name, m);
	char path[PATH_MAX];
	int fd;

	if (!ops) {
		if (!param_name_valid(name)) {
			weir_fail(e, EINVAL, "%.64s is no %s; a name is a lower-case word", name,
				  weir_kind_name(kind));
			return NULL;
		}
		if (module_find(r, name)) {
			weir_fail(e, ENOENT, "module %s has no %s %s", name, weir_kind_name(kind), name);
			return NULL;
		}
		fd = module_open(r, name, path, sizeof(path), e);
		if (fd < 0)
			return NULL;
		*m = module_load_fd(r, fd, path, e);
		close(fd);
		if (!*m)
			return NULL;
		ops = module_ops_find(*m, kind, name);
		if (!ops) {
			weir_fail(e, ENOENT, "module %s (%s) has no %s %s", name, path,
				  weir_kind_name(kind), name);
			module_unload(*m, NULL);
			return NULL;
		}
	}
	module_get(*m);
	return ops;
}
