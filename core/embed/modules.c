/* SPDX-License-Identifier: Apache-2.0 */
/* modules.c - module sets of an embedding program (weir/weir.h). */
#include <errno.h>
#include <stdlib.h>

#include "embed/internal.h"

struct weir_modules *weir_modules_create(const char *path, struct weir_error *e)
{
	struct weir_modules *m = calloc(1, sizeof(*m));

	if (!m) {
		weir_fail(e, ENOMEM, "no memory for a set of modules");
		return NULL;
	}
	if (registry_init(&m->registry, path, &m->log, e) < 0) {
		free(m);
		return NULL;
	}
	return m;
}

void weir_modules_destroy(struct weir_modules *m)
{
	if (!m)
		return;
	registry_destroy(&m->registry);
	free(m);
}

int weir_modules_add(struct weir_modules *m, const struct weir_module *desc, struct weir_error *e)
{
	return module_add(&m->registry, desc, e) ? 0 : -EINVAL;
}

int embed_settings(const char *const *params, struct setting s[PARAM_TABLE_MAX],
		   struct weir_error *e)
{
	int n = 0;

	for (; params && params[2 * n]; n++) {
		if (n == (int)PARAM_TABLE_MAX)
			return weir_fail(e, E2BIG, "more than %u parameters", PARAM_TABLE_MAX);
		s[n] = (struct setting){ .name = params[2 * n], .value = params[2 * n + 1] };
		if (!s[n].value)
			return weir_fail(e, EINVAL, "parameter %s has no value", s[n].name);
	}
	return n;
}
