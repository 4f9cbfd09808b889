/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the options that make up a configuration, shared by run and check. */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include "config/config.h"

#define OPTIONS_CONFIG_HELP								\
	"Configuration:\n"								\
	"  -c, --config FILE      read the INI file FILE (see `weir check`)\n"		\
	"  --mode M, --network M  sandbox (default), host, none, or any mode module\n"	\
	"  --qdisc K              fifo (default), tbf, none, or any qdisc module\n"	\
	"  --gso on|off           64 KiB super-segments to the link (default on)\n"	\
	"  --set KEY=VALUE        one setting of the INI: qdisc.rate=100mbit,\n"	\
	"                         link.eth0.mtu=1400, qdisc.eth1.kind=none, ...\n"	\
	"  --qdisc-tbf-rate N     bytes per second; with units: --set qdisc.rate=...\n"	\
	"  --qdisc-tbf-burst N    bytes; with units: --set qdisc.burst=...\n"		\
	"  --allow-flag-override  let annotations set what is not allowed here\n"	\
	"The command line wins over the file. An option's value may also follow a '='.\n"

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
