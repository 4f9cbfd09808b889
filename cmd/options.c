/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - configuration options of the command line. Each is an override of one setting, so
 * that there is one place, config/, where a value is judged. The spellings of gVisor's runsc
 * are among them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/options.h"
#include "config/flags.h"

const struct help_option options_config_help[] = {
	{ "-c, --config", "FILE", "read the INI file FILE (see `weir check`)" },
	{ "--mode", "MODE", "the network mode: sandbox (default), host, none, or any mode module" },
	{ "--network", "MODE", "the same, as gVisor's runsc spells it" },
	{ "--qdisc", "KIND", "the queueing discipline of NICs: fifo (default), tbf, none, or any qdisc "
	  "module" },
	{ "--gso", "on|off", "64 KiB super-segments to the link (default on)" },
	{ "--set", "SETTING=VALUE", "one setting of the INI: qdisc.rate=100mbit, link.eth0.mtu=1400, "
	  "qdisc.eth1.kind=none, ..." },
	{ "--qdisc-tbf-rate", "N", "bytes per second; with units: --set qdisc.rate=..." },
	{ "--qdisc-tbf-burst", "N", "bytes; with units: --set qdisc.burst=..." },
	{ "--allow-flag-override", NULL, "let annotations set what is not allowed here" },
	{ }
};

int options_value(int argc, char **argv, int *i, const char *name, const char *short_name,
		  const char **value, struct weir_error *e)
{
	size_t n = strlen(name);

	if (!strncmp(argv[*i], name, n) && argv[*i][n] == '=') {
		*value = argv[*i] + n + 1;
		return **value ? 1 : weir_fail(e, EINVAL, "%s has no value after the =", name);
	}
	if (strcmp(argv[*i], name) && (!short_name || strcmp(argv[*i], short_name)))
		return 0;
	if (*i + 1 >= argc)
		return weir_fail(e, EINVAL, "%s needs a value", argv[*i]);
	*value = argv[++*i];
	return 1;
}

static int set(struct config *c, const char *option, const char *key, const char *value,
	       struct weir_error *e)
{
	char assignment[1200], origin[1200];

	if ((size_t)snprintf(assignment, sizeof(assignment), "%s=%s", key, value) >=
	    sizeof(assignment))
		return weir_fail(e, EINVAL, "%s: the value is too long", option);
	snprintf(origin, sizeof(origin), "%s=%s", option, value);
	return config_set(c, assignment, origin, e);
}

static int set_flag(struct config *c, const struct config_flag *f, const char *value,
		    struct weir_error *e)
{
	char option[32], key[64];
	struct weir_error why;

	snprintf(option, sizeof(option), "--%s", f->name);
	snprintf(key, sizeof(key), "%s.%s", f->section, f->key);
	if (config_flag_check(f, value, &why))
		return weir_fail(e, EINVAL, "%s: %s%s%s%s", option, why.text,
				 f->number ? "; what has a unit goes into --set " : "",
				 f->number ? key : "", f->number ? "=" : "");
	return set(c, option, key, value, e);
}

static int set_any(struct config *c, const char *assignment, struct weir_error *e)
{
	char origin[1200];

	snprintf(origin, sizeof(origin), "--set %s", assignment);
	return config_set(c, assignment, origin, e);
}

int options_config(struct config *c, int argc, char **argv, int *i, struct weir_error *e)
{
	const char *value;
	int got, err;

	if (!strcmp(argv[*i], "--allow-flag-override")) {
		err = set(c, argv[*i], "weir.allow-override", "on", e);
		return err ? err : 1;
	}
	got = options_value(argc, argv, i, "--config", "-c", &value, e);
	if (got > 0) {
		err = config_read_file(c, value, e);
		return err && err != -EINVAL ? err : 1;
	}
	if (!got && (got = options_value(argc, argv, i, "--set", NULL, &value, e)) > 0) {
		err = set_any(c, value, e);
		return err ? err : 1;
	}
	for (const struct config_flag *f = config_flags; !got && f->name; f++) {
		char option[32];

		snprintf(option, sizeof(option), "--%s", f->name);
		got = options_value(argc, argv, i, option, NULL, &value, e);
		if (got > 0) {
			err = set_flag(c, f, value, e);
			return err ? err : 1;
		}
	}
	if (!got && !strncmp(argv[*i], "--allow-flag-override=", 22)) {
		err = set(c, "--allow-flag-override", "weir.allow-override", argv[*i] + 22, e);
		return err ? err : 1;
	}
	return got;
}
