/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd.h - the subcommands of weir, one file each.
 *
 * A subcommand is called as main would be: argv[0] is its own name ("run"). It answers the exit
 * status. Messages go to stderr as "weir run: sentence"; a wrong command line is CMD_USAGE.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#define CMD_FAIL	1	/* the sentence is on stderr */
#define CMD_USAGE	2	/* the command line was not understood */
#define CMD_WEIR	125	/* run and exec: weir itself failed; the program never ran */
#define CMD_CANNOT_RUN	126	/* run and exec: the program was found, but cannot be executed */
#define CMD_NOT_FOUND	127	/* run and exec: there is no such program */

#define COMMANDS_MAX	16

struct help;

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const struct help *help;	/* NULL: not for people, so --help does not list it */
};
extern const struct command commands[];		/* closed by an empty one (commands.c) */
const struct command *command_find(const char *name);	/* NULL: there is none */

int cmd_run(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_ctl(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_modules(int argc, char **argv);
int cmd_complete(int argc, char **argv);

extern const struct help run_help, exec_help, ctl_help, restore_help, check_help, modules_help;

#endif
