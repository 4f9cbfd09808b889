/* SPDX-License-Identifier: Apache-2.0 */
/* exec_modules.c - the qdiscs that tc may ask for (exec.h). */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cmd/exec.h"
#include "control/server.h"

static bool has_tc_name(const struct module *m)
{
	for (unsigned int i = 0; i < m->nops; i++)
		if (m->ops[i].kind == WEIR_KIND_QDISC && m->ops[i].qdisc.tc)
			return true;
	return false;
}

static bool is_loaded(const json_t *list, const char *name)
{
	const json_t *m;
	size_t i;

	json_array_foreach(list, i, m)
		if (!strcmp(json_string_value(json_object_get(m, "name")), name))
			return true;
	return false;
}

/* What fails is left out, also because somebody else did the same a moment ago: tc is told what there is when it
 * asks for one. */
static void send_module(const char *sandbox, int fd, const char *path)
{
	json_t *request = json_pack("{s:s, s:s}", "command", "module load", "path", path), *result;

	result = control_request(sandbox, NULL, request, &fd, 1, NULL, NULL, NULL, NULL);
	json_decref(request);
	json_decref(result);
}

static void offer(const char *sandbox, struct registry *r, const json_t *loaded, const char *file)
{
	char path[PATH_MAX];
	int fd = module_open_copy(r, file, path, sizeof(path), NULL);
	struct module *m = fd < 0 ? NULL : module_load_fd(r, fd, path, NULL);

	if (m && has_tc_name(m) && !is_loaded(loaded, m->desc->name))
		send_module(sandbox, fd, path);
	if (fd >= 0)
		close(fd);
}

int exec_modules(const char *name, const char *path, struct weir_error *e)
{
	json_t *request = json_pack("{s:s}", "command", "module list"), *loaded;
	struct registry r;
	char **names;
	int err;

	loaded = control_request(name, NULL, request, NULL, 0, NULL, NULL, NULL, e);
	json_decref(request);
	if (!loaded)
		return -EINVAL;
	err = registry_init(&r, path, NULL, e);
	if (!err) {
		names = module_names(&r);
		for (char **n = names; n && *n; n++)
			offer(name, &r, loaded, *n);
		module_names_free(names);
		registry_destroy(&r);
	}
	json_decref(loaded);
	return err;
}
