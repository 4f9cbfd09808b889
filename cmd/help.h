/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.h - what a command has to say about itself, as tables: --help prints them, the manual page
 * is made of them (docs/man/manpage.c), and the shell's completion answers from them (complete.c).
 *
 * Placeholders are words in capitals, and the completion knows what some stand for
 * (complete_lists.c); with '|' between two either may stand there. Words in small letters are
 * written as they are, [ ] is around what may be left out.
 */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include <stddef.h>
#include <stdio.h>

struct help_option {
	const char *names;		/* "-c, --config" */
	const char *value;		/* "FILE"; NULL: takes none */
	const char *text;		/* no line ends: it is broken where it is shown */
};

/* A command of `weir ctl NAME`. */
struct help_verb {
	const char *words;		/* "qdisc replace" */
	const char *args;		/* "DEV KIND [KEY VALUE]..."; "": none */
	const char *text;		/* NULL: a shorter spelling of another one */
	const struct help_option *options;	/* closed by an empty one; NULL: none */
};

struct help {
	const char *brief;		/* for the list of commands */
	const char *const *usage;	/* what may follow "weir COMMAND", closed by NULL */
	const char *about;		/* paragraphs, with "\n" between two */
	const struct help_option *options;	/* closed by an empty one; -h is added */
	const struct help_option *more;	/* a second group; NULL: none */
	const char *more_title, *more_about;
	const char *examples;		/* lines as they are; NULL: none */
	const struct help_verb *(*verb)(size_t i);	/* NULL at the end; no function: it has none */
};

void help_print(const char *command, const struct help *h);
/* One verb, or all whose first word is words[0] when words[1] is none of theirs. -ENOENT: there is none. */
int help_print_verb(const char *command, const struct help *h, char **words, int n);
/* "[-w FILE] [--wire] DEV [FILTER]...": all that may follow the verb's words. */
void help_verb_line(const struct help_verb *v, char *text, size_t size);
/* A text as a sentence by itself: "bytes that wait" as "Bytes that wait." */
void help_sentence(const char *text, char *out, size_t size);
/* The option's shorter name, "-w", or its only one; and its longer one, "--write". */
void help_option_name(const struct help_option *o, int which, char *text, size_t size);

#endif
