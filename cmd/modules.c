/* SPDX-License-Identifier: Apache-2.0 */
/* modules.c - weir modules: what can be loaded, and what it can be told. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "module/params.h"
#include "module/registry.h"

struct listing {
	struct registry registry;
	json_t *json;			/* an array; NULL: text */
	unsigned int shown, refused;
};

static const struct help_option modules_options[] = {
	{ "-j, --json", NULL, "print JSON" },
	OPTIONS_MODULE_PATH_HELP,
	{ }
};

const struct help modules_help = {
	.brief = "list the modules that can be loaded, and their parameters",
	.usage = (const char *const []){ "[OPTIONS] [MODULE|FILE]...", NULL },
	.about = "Lists the modules on the module path, or those that are named (a FILE has a / in "
		 "it): what each offers (qdisc, link, mode, congestion), and its parameters as they "
		 "can be written in the INI, in --set and in `weir ctl`. A file that weir would refuse "
		 "is listed with the reason, and the status is 1.",
	.options = modules_options,
};

static const char *unit(enum param_type type)
{
	return type == PARAM_RATE ? "bytes/s" : type == PARAM_SIZE ? "bytes" :
	       type == PARAM_DURATION ? "ns" :
	       type == PARAM_PERCENT ? "parts of 10^9" : NULL;
}

static bool has_bounds(const struct param *p)
{
	return p->type == PARAM_U32 || p->type == PARAM_U64 || unit(p->type);
}

/* ---- text ---- */

static void print_choices(const struct param *p)
{
	for (unsigned int i = 0; p->choices[i]; i++)
		printf("%s%s", i ? " | " : "", p->choices[i]);
}

static void print_param(const struct param *p)
{
	char low[64], high[64];

	printf("    %-16s ", p->name);
	if (p->type == PARAM_ENUM)
		print_choices(p);
	else
		fputs(param_type_name(p->type), stdout);
	if (p->flags & PARAM_REQUIRED)
		fputs(", required", stdout);
	else if (p->def)
		printf(", default %s", p->def);
	if (p->flags & PARAM_FIXED)
		fputs(", fixed once in use", stdout);
	if (has_bounds(p) && p->min) {
		param_format_bound(p, p->min, low, sizeof(low));
		printf(", at least %s", low);
	}
	if (has_bounds(p) && p->max) {
		param_format_bound(p, p->max, high, sizeof(high));
		printf(", at most %s", high);
	}
	printf("\n%21s%s\n", "", p->help);
}

static void print_module(const struct module *m)
{
	const struct weir_module *d = m->desc;
	const struct param *table;
	size_t size;

	printf("%s: %s\n  %s, ABI %u.%u\n", d->name, d->help, m->path, d->abi_major, d->abi_minor);
	for (unsigned int i = 0; i < m->nops; i++) {
		const struct module_ops *o = &m->ops[i];

		printf("  %s %s\n", weir_kind_name(o->kind), o->name);
		table = registry_params(o->kind, &o->qdisc, &size);
		for (; table && table->name; table++)
			print_param(table);
	}
}

/* ---- JSON ---- */

static json_t *json_param(const struct param *p)
{
	json_t *o = json_pack("{s:s, s:s, s:b, s:b, s:s}", "name", p->name, "type",
			      param_type_name(p->type), "required",
			      (p->flags & PARAM_REQUIRED) != 0, "fixed",
			      (p->flags & PARAM_FIXED) != 0, "help", p->help), *choices;

	if (unit(p->type))
		json_object_set_new(o, "unit", json_string(unit(p->type)));
	if (p->def)
		json_object_set_new(o, "default", json_string(p->def));
	if (has_bounds(p) && p->min <= INT64_MAX)
		json_object_set_new(o, "min", json_integer((json_int_t)p->min));
	if (has_bounds(p) && param_max(p) <= INT64_MAX)
		json_object_set_new(o, "max", json_integer((json_int_t)param_max(p)));
	if (p->type == PARAM_ENUM) {
		choices = json_array();
		for (unsigned int i = 0; p->choices[i]; i++)
			json_array_append_new(choices, json_string(p->choices[i]));
		json_object_set_new(o, "choices", choices);
	}
	return o;
}

static json_t *json_module(const struct module *m)
{
	json_t *offers = json_array();
	const struct param *table;
	char abi[32];
	size_t size;

	for (unsigned int i = 0; i < m->nops; i++) {
		const struct module_ops *o = &m->ops[i];
		json_t *params = json_array();

		table = registry_params(o->kind, &o->qdisc, &size);
		for (; table && table->name; table++)
			json_array_append_new(params, json_param(table));
		json_array_append_new(offers, json_pack("{s:s, s:s, s:o}", "kind",
							weir_kind_name(o->kind), "name", o->name,
							"parameters", params));
	}
	snprintf(abi, sizeof(abi), "%u.%u", m->desc->abi_major, m->desc->abi_minor);
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", m->desc->name, "help",
			 m->desc->help, "file", m->path, "abi", abi, "offers", offers);
}

/* ---- the command ---- */

static void show_refused(struct listing *l, const char *name, const char *why)
{
	l->refused++;
	if (l->json)
		json_array_append_new(l->json, json_pack("{s:s, s:s}", "name", name, "error", why));
	else
		fprintf(stderr, "weir modules: %s\n", why);
}

static void show(struct listing *l, const char *name)
{
	char path[PATH_MAX];
	struct weir_error e;
	struct module *m;
	int fd = module_open(&l->registry, name, path, sizeof(path), &e);

	if (fd < 0) {
		show_refused(l, name, e.text);
		return;
	}
	m = module_load_fd(&l->registry, fd, path, &e);
	close(fd);
	if (!m) {
		show_refused(l, name, e.text);
		return;
	}
	if (l->json)
		json_array_append_new(l->json, json_module(m));
	else
		print_module(m);
	l->shown++;
	module_unload(m, NULL);
}

static void show_all(struct listing *l)
{
	char **names = module_names(&l->registry);

	for (char **n = names; n && *n; n++)
		show(l, *n);
	module_names_free(names);
	if (l->shown || l->refused)
		return;
	fputs("weir modules: there is no module in", stderr);
	for (char **p = l->registry.path; *p; p++)
		fprintf(stderr, " %s", *p);
	fputs("; name another folder with --module-path\n", stderr);
	l->refused++;
}

static int list(const char *path, bool json, char **names, int n)
{
	struct listing l = { .json = json ? json_array() : NULL };
	struct weir_error e;

	if (registry_init(&l.registry, path, NULL, &e)) {
		fprintf(stderr, "weir modules: %s\n", e.text);
		json_decref(l.json);
		return CMD_FAIL;
	}
	for (int i = 0; i < n; i++)
		show(&l, names[i]);
	if (n == 0)
		show_all(&l);
	if (l.json) {
		json_dumpf(l.json, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(l.json);
	}
	registry_destroy(&l.registry);
	return l.refused ? CMD_FAIL : 0;
}

int cmd_modules(int argc, char **argv)
{
	const char *path = NULL;
	struct weir_error e;
	bool json = false;
	int got, i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			help_print("modules", &modules_help);
			return 0;
		}
		if (!strcmp(argv[i], "-j") || !strcmp(argv[i], "--json")) {
			json = true;
			continue;
		}
		got = options_value(argc, argv, &i, "--module-path", "-p", &path, &e);
		if (got == 0)
			weir_fail(&e, EINVAL, "there is no option %s; `weir modules --help` lists what "
				  "there is", argv[i]);
		if (got <= 0) {
			fprintf(stderr, "weir modules: %s\n", e.text);
			return CMD_USAGE;
		}
	}
	return list(path, json, argv + i, argc - i);
}
