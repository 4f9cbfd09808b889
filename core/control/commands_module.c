/* SPDX-License-Identifier: Apache-2.0 */
/* commands_module.c - module list, load, reload, unload. The file comes as a descriptor. */
#include <errno.h>

#include "control/commands.h"
#include "control/parts.h"
#include "module/file.h"

static json_t *module_offers(const struct module *m)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < m->nops; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "kind",
						      weir_kind_name(m->ops[i].kind), "name",
						      m->ops[i].name));
	return list;
}

static int module_list(void *arg, struct control_request *rq, json_t **result,
		       struct weir_error *e)
{
	(void)arg;
	(void)e;
	*result = json_array();
	list_for_each(pos, &rq->instance->registry.modules) {
		const struct module *m = list_entry(pos, struct module, node);

		json_array_append_new(*result, json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:o}",
			"name", m->desc->name, "help", m->desc->help ? m->desc->help : "",
			"file", m->path, "uses", (json_int_t)m->uses,
			"generation", (json_int_t)m->generation, "stale", m->stale,
			"offers", module_offers(m)));
	}
	return 0;
}

static int file_of(const struct control_request *rq, const char **path, struct weir_error *e)
{
	*path = arg_string(rq, "path", e);
	if (!*path)
		return -EINVAL;
	if (rq->nfds != 1)
		return weir_fail(e, EINVAL, "%s: its descriptor must come with the request", *path);
	/* A file may lie on a disk, or a server, that does not answer: the client waits for it, not the stack. */
	if (!module_file_is_copy(rq->fds[0]))
		return weir_fail(e, EINVAL, "%s: send a sealed copy in memory (memfd_create), as this weir's own "
				 "`weir ctl` does", *path);
	return 0;
}

static int module_load(void *arg, struct control_request *rq, json_t **result,
		       struct weir_error *e)
{
	const struct module *m;
	const char *path;
	int rc = file_of(rq, &path, e);

	(void)arg;
	if (rc)
		return rc;
	m = module_load_fd(&rq->instance->registry, rq->fds[0], path, e);
	if (!m)
		return -EINVAL;
	*result = json_string(m->desc->name);
	return 0;
}

static int module_reload(void *arg, struct control_request *rq, json_t **result,
			 struct weir_error *e)
{
	const char *name = arg_string(rq, "name", e), *path;
	int rc = name ? file_of(rq, &path, e) : -EINVAL;

	(void)arg;
	(void)result;
	return rc ? rc : instance_module_reload(rq->instance, name, rq->fds[0], path, e);
}

static int module_unload_named(void *arg, struct control_request *rq, json_t **result,
			       struct weir_error *e)
{
	const char *name = arg_string(rq, "name", e);
	struct module *m;

	(void)arg;
	(void)result;
	if (!name)
		return -EINVAL;
	m = module_find(&rq->instance->registry, name);
	if (!m)
		return weir_fail(e, ENOENT, "module %.64s is not loaded; `weir ctl %s "
				 "module list` shows what is", name, rq->instance->name);
	if (!m->uses)
		congestion_sets_forget(&rq->instance->congestions, m);
	return module_unload(m, e);
}

const struct control_command commands_module[] = {
	{ "module list", module_list },
	{ "module load", module_load },
	{ "module reload", module_reload },
	{ "module unload", module_unload_named },
	{ }
};
