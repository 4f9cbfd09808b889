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

static const struct config_option {
	const char *name;
	const char *key;	/* of config_set */
	bool number;		/* digits only, as runsc has it */
} options[] = {
	{ "--mode", "weir.mode", false },
	{ "--network", "weir.mode", false },
	{ "--qdisc", "qdisc.kind", false },
	{ "--gso", "weir.gso", false },
	{ "--qdisc-tbf-rate", "qdisc.rate", true },
	{ "--qdisc-tbf-burst", "qdisc.burst", true },
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

static int set_option(struct config *c, const struct config_option *o, const char *value,
		      struct weir_error *e)
{
	if (o->number && value[strspn(value, "0123456789")])
		return weir_fail(e, EINVAL, "%s=%s: a plain number of bytes is wanted; what has a unit "
				 "goes into --set %s=", o->name, value, o->key);
	return set(c, o->name, o->key, value, e);
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
	for (const struct config_option *o = options; !got && o->name; o++) {
		got = options_value(argc, argv, i, o->name, NULL, &value, e);
		if (got > 0) {
			err = set_option(c, o, value, e);
			return err ? err : 1;
		}
	}
	if (!got && !strncmp(argv[*i], "--allow-flag-override=", 22)) {
		err = set(c, "--allow-flag-override", "weir.allow-override", argv[*i] + 22, e);
		return err ? err : 1;
	}
	return got;
}
