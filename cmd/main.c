/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the weir command: finds the subcommand and hands over. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/help.h"
#include "module/suggest.h"

static void usage(FILE *f)
{
	fputs("Usage: weir COMMAND [OPTIONS]\n"
	      "\n"
	      "Runs unmodified programs on a TCP/IP stack of their own, in user space, whose egress\n"
	      "goes through a queueing discipline that can be swapped while they run.\n"
	      "\n"
	      "Commands:\n", f);
	for (const struct command *c = commands; c->name; c++)
		if (c->help)
			fprintf(f, "  %-10s%s\n", c->name, c->help->brief);
	fputs("\n"
	      "Options:\n"
	      "  -h, --help      this text; `weir COMMAND --help` tells of one command\n"
	      "  -V, --version   the version\n", f);
}

static int unknown(const char *word)
{
	const char *names[COMMANDS_MAX + 1];
	const char *near;
	size_t n = 0;

	for (const struct command *c = commands; c->name && n < COMMANDS_MAX; c++)
		if (c->help)
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

/* Of a closed one the next descriptor would take the place, and be written to as stderr. */
static void open_standard_files(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	const struct command *command;

	open_standard_files();
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
	command = command_find(word);
	return command ? command->run(argc - 1, argv + 1) : unknown(word);
}
