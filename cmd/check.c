/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - weir check: is this configuration right, and what does it come to? */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/options.h"

static void help(void)
{
	fputs("Usage: weir check [OPTIONS] FILE\n"
	      "\n"
	      "Reads the INI file FILE as `weir run -c FILE` would, with the options below on top of\n"
	      "it. Every mistake is one line on stderr, with its file and line, and the status is 1.\n"
	      "Otherwise it prints \"FILE: ok\" and all settings as they are in effect, as an INI\n"
	      "file. Nothing is opened or changed, but the modules that are named are loaded.\n"
	      "\n"
	      OPTIONS_CONFIG_HELP
	      "\n"
	      "  -h, --help             this text\n", stdout);
}

static void print_mistake(void *arg, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "%s\n", sentence);
}

/* ---- the effective configuration ---- */

static bool is_set(const struct setting *s, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(s[i].name, name))
			return true;
	return false;
}

/* A module's parameters: those that were given and those that have a default. */
static void print_params(struct registry *r, enum weir_kind kind, const char *name,
			 const struct setting *s, size_t n)
{
	const struct param *table;
	struct module *m;
	const void *ops = registry_get(r, kind, name, &m, NULL);
	char text[PARAM_TEXT];
	size_t size;
	void *blob;

	if (!ops)
		return;
	table = registry_params(kind, ops, &size);
	blob = calloc(1, size + 1);
	if (blob && !params_parse(table, s, n, NULL, blob, size, NULL)) {
		for (const struct param *p = table; p && p->name; p++) {
			param_format(p, blob, text, sizeof(text));
			if (*text && (p->def || is_set(s, n, p->name)))
				printf("%s = %s\n", p->name, text);
		}
	}
	free(blob);
	module_put(m);
}

static void print_address(const struct param_address *a)
{
	static const struct param p = { .name = "address", .type = PARAM_ADDRESS };
	char text[PARAM_TEXT];

	param_format(&p, a, text, sizeof(text));
	fputs(text, stdout);
}

static void print_link(struct registry *r, const struct config_link *l)
{
	printf("\n[link %s]\ndriver = %s\n", l->name, l->driver);
	for (size_t i = 0; i < l->naddrs; i++) {
		fputs("address = ", stdout);
		print_address(&l->addrs[i].addr);
		fputc('\n', stdout);
	}
	for (size_t i = 0; i < l->nroutes; i++) {
		fputs("route = ", stdout);
		if (l->routes[i].dst.prefix)
			print_address(&l->routes[i].dst);
		else
			fputs("default", stdout);
		if (l->routes[i].gateway.family) {
			fputs(" via ", stdout);
			print_address(&l->routes[i].gateway);
		}
		if (l->routes[i].metric)
			printf(" metric %u", l->routes[i].metric);
		if (l->routes[i].src.family) {
			fputs(" src ", stdout);
			print_address(&l->routes[i].src);
		}
		if (l->routes[i].mtu)
			printf(" mtu %u", l->routes[i].mtu);
		if (l->routes[i].onlink)
			fputs(" onlink", stdout);
		fputc('\n', stdout);
	}
	if (l->mtu)
		printf("mtu = %u\n", l->mtu);
	print_params(r, WEIR_KIND_LINK, l->driver, l->settings, l->nsettings);
}

static void print_sizes(const char *key, const uint64_t v[3])
{
	char text[32];

	printf("%s =", key);
	for (int i = 0; i < 3; i++) {
		format_size(v[i], text, sizeof(text));
		printf(" %s", text);
	}
	putchar('\n');
}

static void print_setting(void *arg, const char *key, const char *value)
{
	(void)arg;
	printf("%s = %s\n", key, value);
}

static void print_effective(const struct config *c, struct registry *r)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	char memory[32], drain[32];

	format_duration(c->drain, drain, sizeof(drain));
	printf("[weir]\nmode = %s\ngso = %s\ngro = %s\nallow-override = %s\ndrain = %s\nlog = %s\n",
	       c->mode, c->gso ? "on" : "off", c->gro ? "on" : "off",
	       c->allow_override ? "on" : "off", drain, levels[c->log_level]);
	if (c->module_path)
		printf("module-path = %s\n", c->module_path);
	if (c->memory) {
		format_size(c->memory, memory, sizeof(memory));
		printf("memory = %s\n", memory);
	}
	for (size_t i = 0; i < c->nlinks; i++)
		print_link(r, &c->links[i]);
	for (size_t i = 0; i < c->nqdiscs; i++) {
		const struct config_qdisc *q = &c->qdiscs[i];

		printf("\n[qdisc%s%s]\nkind = %s\n", *q->nic ? " " : "", q->nic, q->kind);
		print_params(r, WEIR_KIND_QDISC, q->kind, q->settings, q->nsettings);
	}
	printf("\n[tcp]\n");
	print_sizes("rmem", c->tcp.rmem);
	print_sizes("wmem", c->tcp.wmem);
	if (c->tcp.memory[2])
		print_sizes("memory", c->tcp.memory);
	config_tcp_each(&c->tcp, print_setting, NULL);
	printf("congestion = %s\n", c->congestion);
	print_params(r, WEIR_KIND_CONGESTION, c->congestion, c->congestion_settings,
		     c->ncongestion_settings);
}

/* ---- the command ---- */

static int check(struct config *c, const char *file)
{
	struct registry registry;
	struct weir_error e;
	int err;

	if (registry_init(&registry, config_value(c, "weir", "", "module-path"), NULL, &e)) {
		fprintf(stderr, "weir check: %s\n", e.text);
		return CMD_FAIL;
	}
	err = config_check(c, &registry, print_mistake, NULL, &e);
	if (err == -ENOMEM)
		fprintf(stderr, "weir check: %s\n", e.text);
	if (!err) {
		printf("%s: ok\n\n", file);
		print_effective(c, &registry);
	}
	config_free(c);
	registry_destroy(&registry);
	return err ? CMD_FAIL : 0;
}

int cmd_check(int argc, char **argv)
{
	const char *file = NULL;
	struct weir_error e;
	struct config c;
	int got = 0;

	config_init(&c);
	for (int i = 1; i < argc && got >= 0; i++) {
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			help();
			config_free(&c);
			return 0;
		}
		if (!strcmp(argv[i], "-c") || !strcmp(argv[i], "--config"))
			file = i + 1 < argc ? argv[i + 1] : file;
		else if (!strncmp(argv[i], "--config=", 9))
			file = argv[i] + 9;
		got = options_config(&c, argc, argv, &i, &e);
		if (got)
			continue;
		if (argv[i][0] == '-' && argv[i][1]) {
			got = weir_fail(&e, EINVAL, "there is no option %s; `weir check --help` lists "
					"what there is", argv[i]);
			continue;
		}
		file = argv[i];
		got = config_read_file(&c, file, &e);
		if (got == -EINVAL)
			got = 0;	/* its mistakes are reported with the others */
	}
	if (got < 0) {
		fprintf(stderr, "weir check: %s\n", e.text);
		config_free(&c);
		return got == -EINVAL ? CMD_USAGE : CMD_FAIL;
	}
	if (!file && c.nsections == 0) {
		fputs("weir check: name the file to check: weir check FILE\n", stderr);
		config_free(&c);
		return CMD_USAGE;
	}
	return check(&c, file ? file : "command line");
}
