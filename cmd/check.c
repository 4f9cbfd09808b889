/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - weir check: is this configuration right, and what does it come to? */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "config/policy.h"

static const struct help_option check_options[] = {
	{ "--annotations", "FILE", "apply a container's annotations too, as `weir run --bundle` does: "
	  "a JSON object of names and strings, or an OCI bundle's config.json" },
	{ "--origins", NULL, "where each setting comes from, as a comment behind it (with "
	  "--annotations always)" },
	{ }
};

const struct help check_help = {
	.brief = "read a configuration and list every mistake in it",
	.usage = (const char *const []){ "[OPTIONS] [FILE]", NULL },
	.about = "Reads the INI file FILE as `weir run -c FILE` would, with the options below on top "
		 "of it. Every mistake is one line on stderr, with its file and line, and the status "
		 "is 1. Otherwise it prints \"FILE: ok\" and all settings as they are in effect, as an "
		 "INI file. Nothing is opened or changed, but the modules that are named are loaded.",
	.options = check_options,
	OPTIONS_CONFIG_HELP,
};

static void print_mistake(void *arg, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "%s\n", sentence);
}

/* ---- the effective configuration ---- */

struct print {
	const struct config *config;
	struct registry *registry;
	bool origins;
	const char *kind, *name;	/* the section that is printed */
};

static void print_header(struct print *p, const char *kind, const char *name)
{
	p->kind = kind;
	p->name = name;
	printf("%s[%s%s%s]\n", !strcmp(kind, "weir") ? "" : "\n", kind, *name ? " " : "", name);
}

static void print_from(const struct print *p, const char *key, const char *value,
		       const char *origin)
{
	char text[1400];

	if (!p->origins) {
		printf("%s = %s\n", key, value);
		return;
	}
	if (!origin) {
		config_origin(p->config, p->kind, p->name, key, text, sizeof(text));
		origin = text;
	}
	printf("%s = %s\t; %s\n", key, value, origin);
}

static void print_setting(void *arg, const char *key, const char *value)
{
	print_from(arg, key, value, NULL);
}

static bool is_set(const struct setting *s, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(s[i].name, name))
			return true;
	return false;
}

/* A module's parameters: those that were given and those that have a default. */
static void print_params(struct print *p, enum weir_kind kind, const char *name,
			 const struct setting *s, size_t n)
{
	const struct param *table;
	struct module *m;
	const void *ops = registry_get(p->registry, kind, name, &m, NULL);
	char text[PARAM_TEXT];
	size_t size;
	void *blob;

	if (!ops)
		return;
	table = registry_params(kind, ops, &size);
	blob = calloc(1, size + 1);
	if (blob && !params_parse(table, s, n, NULL, blob, size, NULL)) {
		for (const struct param *t = table; t && t->name; t++) {
			param_format(t, blob, text, sizeof(text));
			if (*text && (t->def || is_set(s, n, t->name)))
				print_setting(p, t->name, text);
		}
	}
	free(blob);
	module_put(m);
}

static const char *address_text(const struct param_address *a, char text[PARAM_TEXT])
{
	static const struct param p = { .name = "address", .type = PARAM_ADDRESS };

	param_format(&p, a, text, PARAM_TEXT);
	return text;
}

static void print_route(struct print *p, const struct config_route *r)
{
	char text[5 * PARAM_TEXT], one[PARAM_TEXT];
	FILE *f = fmemopen(text, sizeof(text), "w");

	if (!f)
		return;
	fputs(r->dst.prefix ? address_text(&r->dst, one) : "default", f);
	if (r->gateway.family)
		fprintf(f, " via %s", address_text(&r->gateway, one));
	if (r->metric)
		fprintf(f, " metric %u", r->metric);
	if (r->src.family)
		fprintf(f, " src %s", address_text(&r->src, one));
	if (r->mtu)
		fprintf(f, " mtu %u", r->mtu);
	if (r->onlink)
		fputs(" onlink", f);
	fclose(f);
	print_from(p, "route", text, r->origin);
}

static void print_link(struct print *p, const struct config_link *l)
{
	char text[PARAM_TEXT];

	print_header(p, "link", l->name);
	print_setting(p, "driver", l->driver);
	for (size_t i = 0; i < l->naddrs; i++)
		print_from(p, "address", address_text(&l->addrs[i].addr, text), l->addrs[i].origin);
	for (size_t i = 0; i < l->nroutes; i++)
		print_route(p, &l->routes[i]);
	if (l->mtu) {
		snprintf(text, sizeof(text), "%u", l->mtu);
		print_setting(p, "mtu", text);
	}
	print_params(p, WEIR_KIND_LINK, l->driver, l->settings, l->nsettings);
}

static void print_sizes(struct print *p, const char *key, const uint64_t v[3])
{
	char one[3][32], text[128];

	for (int i = 0; i < 3; i++)
		format_size(v[i], one[i], sizeof(one[i]));
	snprintf(text, sizeof(text), "%s %s %s", one[0], one[1], one[2]);
	print_setting(p, key, text);
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

static void print_weir(struct print *p, const struct config *c)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	char memory[32], drain[32];

	print_header(p, "weir", "");
	print_setting(p, "mode", c->mode);
	print_setting(p, "gso", on_off(c->gso));
	print_setting(p, "gro", on_off(c->gro));
	print_setting(p, "allow-override", on_off(c->allow_override));
	format_duration(c->drain, drain, sizeof(drain));
	print_setting(p, "drain", drain);
	print_setting(p, "log", levels[c->log_level]);
	if (c->module_path)
		print_setting(p, "module-path", c->module_path);
	if (c->memory) {
		format_size(c->memory, memory, sizeof(memory));
		print_setting(p, "memory", memory);
	}
}

static void print_tcp(struct print *p, const struct config *c)
{
	print_header(p, "tcp", "");
	print_sizes(p, "rmem", c->tcp.rmem);
	print_sizes(p, "wmem", c->tcp.wmem);
	if (c->tcp.memory[2])
		print_sizes(p, "memory", c->tcp.memory);
	config_tcp_each(&c->tcp, print_setting, p);
	print_setting(p, "congestion", c->congestion);
	print_params(p, WEIR_KIND_CONGESTION, c->congestion, c->congestion_settings,
		     c->ncongestion_settings);
}

static void print_effective(const struct config *c, struct registry *r, bool origins)
{
	struct print p = { .config = c, .registry = r, .origins = origins };

	print_weir(&p, c);
	for (size_t i = 0; i < c->nlinks; i++)
		print_link(&p, &c->links[i]);
	for (size_t i = 0; i < c->nqdiscs; i++) {
		const struct config_qdisc *q = &c->qdiscs[i];

		print_header(&p, "qdisc", q->nic);
		print_setting(&p, "kind", q->kind);
		print_params(&p, WEIR_KIND_QDISC, q->kind, q->settings, q->nsettings);
	}
	print_tcp(&p, c);
}

/* ---- the command ---- */

struct check_command {
	struct config config;
	struct annotations annotations;
	const char *file;		/* of what it is said that it is ok */
	const char *json;		/* of the annotations */
	bool origins;
};

static int check(struct check_command *k)
{
	struct config *c = &k->config;
	struct registry registry;
	struct weir_error e;
	int err;

	if (registry_init(&registry, config_value(c, "weir", "", "module-path"), NULL, &e)) {
		fprintf(stderr, "weir check: %s\n", e.text);
		return CMD_FAIL;
	}
	err = policy_apply(c, &k->annotations, &e);
	if (!err)
		err = config_check(c, &registry, print_mistake, NULL, &e);
	if (err == -ENOMEM)
		fprintf(stderr, "weir check: %s\n", e.text);
	if (!err) {
		printf("%s: ok\n\n", k->file ? k->file : "command line");
		print_effective(c, &registry, k->origins || k->json);
	}
	registry_destroy(&registry);
	return err ? CMD_FAIL : 0;
}

/* 1: taken; -errno: wrong. */
static int parse_one(struct check_command *k, int argc, char **argv, int *i, struct weir_error *e)
{
	int got = options_value(argc, argv, i, "--annotations", NULL, &k->json, e);

	if (got)
		return got;
	if (!strcmp(argv[*i], "--origins")) {
		k->origins = true;
		return 1;
	}
	if (!strcmp(argv[*i], "-c") || !strcmp(argv[*i], "--config"))
		k->file = *i + 1 < argc ? argv[*i + 1] : k->file;
	else if (!strncmp(argv[*i], "--config=", 9))
		k->file = argv[*i] + 9;
	got = options_config(&k->config, argc, argv, i, e);
	if (got)
		return got;
	if (argv[*i][0] == '-' && argv[*i][1])
		return weir_fail(e, EINVAL, "there is no option %s; `weir check --help` lists what "
				 "there is", argv[*i]);
	k->file = argv[*i];
	got = config_read_file(&k->config, k->file, e);
	return got && got != -EINVAL ? got : 1;	/* its mistakes are reported with the others */
}

static int parse_and_check(struct check_command *k, int argc, char **argv)
{
	struct weir_error e;
	int got = 1;

	for (int i = 1; i < argc && got > 0; i++)
		got = parse_one(k, argc, argv, &i, &e);
	if (got < 0) {
		fprintf(stderr, "weir check: %s\n", e.text);
		return got == -EINVAL ? CMD_USAGE : CMD_FAIL;
	}
	if (k->json && annotations_read_file(&k->annotations, k->json, &e)) {
		fprintf(stderr, "weir check: %s\n", e.text);
		return CMD_FAIL;
	}
	if (!k->file && !k->json && k->config.nsections == 0) {
		fputs("weir check: name the file to check: weir check FILE\n", stderr);
		return CMD_USAGE;
	}
	return check(k);
}

int cmd_check(int argc, char **argv)
{
	struct check_command k = { .file = NULL };
	int status;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			help_print("check", &check_help);
			return 0;
		}
	}
	config_init(&k.config);
	status = parse_and_check(&k, argc, argv);
	config_free(&k.config);
	annotations_free(&k.annotations);
	return status;
}
