/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the options that make up a configuration, shared by run and check. */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include "cmd/help.h"
#include "config/config.h"

/* For a struct help: the group of options_config(). */
extern const struct help_option options_config_help[];
#define OPTIONS_CONFIG_HELP								\
	.more = options_config_help, .more_title = "Configuration",			\
	.more_about = "The command line wins over the file. An option's value may also follow a '='."
#define OPTIONS_MODULE_PATH_HELP							\
	{ "-p, --module-path", "DIRS", "folders of modules, separated by ':'; otherwise "	\
	  "$WEIR_MODULE_PATH, or " WEIR_MODULE_DIR }

/*
 * Is argv[*i] one of them? 1: it went into c, and *i stands on its last word. 0: no. -errno: it
 * is, and is wrong. Mistakes of form inside a file are kept in c: config_check reports them
 * all.
 */
int options_config(struct config *c, int argc, char **argv, int *i, struct weir_error *e);
/*
 * The same for a caller's own option: does argv[*i] say name (also short_name, may be NULL),
 * with a value? 1: *value is set, *i moved. 0: another option. -EINVAL: the value is missing.
 */
int options_value(int argc, char **argv, int *i, const char *name, const char *short_name,
		  const char **value, struct weir_error *e);

#endif
