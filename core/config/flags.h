/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flags.h - the flags that are each one setting of the configuration, gVisor's spellings among
 * them: --NAME on the command line, dev.weir.flag.NAME and dev.gvisor.flag.NAME among annotations.
 */
#ifndef CONFIG_FLAGS_H
#define CONFIG_FLAGS_H

#include <stdbool.h>

#include <weir/error.h>

struct config_flag {
	const char *name;		/* "qdisc-tbf-rate" */
	const char *section, *key;	/* "qdisc", "rate" */
	bool number;			/* a plain integer, as runsc takes it */
};

extern const struct config_flag config_flags[];	/* closed by an empty one */
/* Is the value written as the flag takes it? The sentence is about the value alone, names no
 * flag, and repeats no byte that a terminal would not print. */
int config_flag_check(const struct config_flag *f, const char *value, struct weir_error *e);
/*
 * text as a sentence may repeat it, whoever wrote it: printable ASCII, all else as \xNN, and cut
 * with "..." when it is long. Answers out.
 */
#define CONFIG_SHOWN 80u
const char *config_shown(const char *text, char out[CONFIG_SHOWN]);

#endif
