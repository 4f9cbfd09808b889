/* SPDX-License-Identifier: Apache-2.0 */
/* modules.c - weir's modules for a harness of texts that name them. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/modules.h"

static struct registry registry;
static struct module *held[16];
static unsigned int nheld;

static void end(void)
{
	while (nheld)
		module_put(held[--nheld]);
	registry_destroy(&registry);
}

struct registry *fuzz_modules(void)
{
	static const struct { enum weir_kind kind; const char *name; } used[] = {
		{ WEIR_KIND_QDISC, "fifo" }, { WEIR_KIND_QDISC, "tbf" }, { WEIR_KIND_QDISC, "netem" },
		{ WEIR_KIND_QDISC, "none" }, { WEIR_KIND_MODE, "none" }, { WEIR_KIND_MODE, "sandbox" },
		{ WEIR_KIND_MODE, "host" },
		{ WEIR_KIND_LINK, "packet" }, { WEIR_KIND_LINK, "tap" },
		{ WEIR_KIND_CONGESTION, "reno" }, { WEIR_KIND_CONGESTION, "cubic" },
		{ WEIR_KIND_CONGESTION, "bbr" },
	};
	static bool started;

	if (started)
		return &registry;
	started = true;
	fuzz_check(!registry_init(&registry, NULL, NULL, NULL));
	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		if (registry_get(&registry, used[i].kind, used[i].name, &held[nheld], NULL))
			nheld++;
	atexit(end);
	return &registry;
}
