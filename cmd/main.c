/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the weir command: finds the subcommand and hands over. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "module/suggest.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "run", cmd_run, "run a program on a stack of its own" },
	{ "exec", cmd_exec, "run another program in a sandbox that is there" },
	{ "ctl", cmd_ctl, "ask a running sandbox, or change it while it runs" },
	{ "check", cmd_check, "read a configuration and list every mistake in it" },
	{ "modules", cmd_modules, "list the modules that can be loaded, and their parameters" },
	{ }
};

static void usage(FILE *f)
{
	fputs("Usage: weir COMMAND [OPTIONS]\n"
	      "\n"
	      "Runs unmodified programs on a TCP/IP stack of their own, in user space, whose egress\n"
	      "goes through a queueing discipline that can be swapped while they run.\n"
	      "\n"
	      "Commands:\n", f);
	for (const struct command *c = commands; c->name; c++)
		fprintf(f, "  %-10s%s\n", c->name, c->help);
	fputs("\n"
	      "Options:\n"
	      "  -h, --help      this text; `weir COMMAND --help` tells of one command\n"
	      "  -V, --version   the version\n", f);
}

static int unknown(const char *word)
{
	const char *names[sizeof(commands) / sizeof(commands[0])];
	const char *near;
	size_t n = 0;

	for (const struct command *c = commands; c->name; c++)
		names[n++] = c->name;
	names[n] = NULL;
	near = suggest(word, names);
	fprintf(stderr, "weir: there is no %s %s", *word == '-' ? "option" : "command", word);
	if (near)
		fprintf(stderr, "; did you mean %s?", near);
	else
		fputs("; `weir --help` lists what there is", stderr);
	fputc('\n', stderr);
	return CMD_USAGE;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!word) {
		usage(stderr);
		return CMD_USAGE;
	}
	if (!strcmp(word, "-h") || !strcmp(word, "--help") || !strcmp(word, "help")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(word, "-V") || !strcmp(word, "--version")) {
		puts("weir " WEIR_VERSION);
		return 0;
	}
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(word, c->name))
			return c->run(argc - 1, argv + 1);
	return unknown(word);
}
