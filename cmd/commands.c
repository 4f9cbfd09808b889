/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - the list of subcommands. */
#include <string.h>

#include "cmd/cmd.h"

const struct command commands[] = {
	{ "run", cmd_run, &run_help },
	{ "exec", cmd_exec, &exec_help },
	{ "ctl", cmd_ctl, &ctl_help },
	{ "restore", cmd_restore, &restore_help },
	{ "check", cmd_check, &check_help },
	{ "modules", cmd_modules, &modules_help },
	{ "complete", cmd_complete, NULL },
	{ }
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}
