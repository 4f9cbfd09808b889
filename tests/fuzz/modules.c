/* SPDX-License-Identifier: Apache-2.0 */
/* modules.c - weir's modules, for a harness of texts that name them (local.mk says how they are linked). */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/modules.h"

extern const struct weir_module fuzz_module_bbr, fuzz_module_cubic, fuzz_module_fifo, fuzz_module_host, fuzz_module_netem, fuzz_module_none, fuzz_module_packet, fuzz_module_sandbox, fuzz_module_tap, fuzz_module_tbf;
extern const struct weir_module weir_module;	/* reno */

static const struct weir_module *const modules[] = {
	&fuzz_module_bbr, &fuzz_module_cubic, &fuzz_module_fifo, &fuzz_module_host, &fuzz_module_netem, &fuzz_module_none, &fuzz_module_packet, &fuzz_module_sandbox, &fuzz_module_tap, &fuzz_module_tbf, &weir_module,
};

void fuzz_modules_add(struct registry *r)
{
	struct weir_error e = { "" };

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		struct module *m = module_add(r, modules[i], &e);

		if (!m)
			fprintf(stderr, "%s: %s\n", modules[i]->name, e.text);
		fuzz_check(m);
		module_get(m);
	}
	r->locked = true;		/* nothing else is looked for on the machine */
}

void fuzz_modules_put(struct registry *r)
{
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		module_put(module_find(r, modules[i]->name));
}

static struct registry registry;

static void end(void)
{
	fuzz_modules_put(&registry);
	registry_destroy(&registry);
}

struct registry *fuzz_modules(void)
{
	static bool started;

	if (started)
		return &registry;
	started = true;
	fuzz_check(!registry_init(&registry, NULL, NULL, NULL));
	fuzz_modules_add(&registry);
	atexit(end);
	return &registry;
}
