/* SPDX-License-Identifier: Apache-2.0 */
/* help.c - prints help: texts in lines of at most 100 columns, options and commands with theirs
 * behind them. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cmd/help.h"

#define WIDTH		100u
#define OPTION_COLUMN	25u
#define VERB_COLUMN	39u

/* The text from column `at` on, its lines beginning at column `indent`. '\n' in it ends a paragraph. */
static void wrap(const char *text, unsigned int indent, unsigned int at)
{
	while (*text) {
		size_t n = strcspn(text, " \n");

		if (at > indent && at + 1 + n > WIDTH) {
			printf("\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)n, text);
		at += (unsigned int)n;
		text += n;
		if (*text == '\n') {
			printf("\n\n%*s", (int)indent, "");
			at = indent;
		}
		text += *text != '\0';
	}
	putchar('\n');
}

/* Two columns: what is typed, and what it does. */
static void entry(const char *typed, const char *text, unsigned int column)
{
	int n = printf("  %s", typed);

	if (n < 0 || (unsigned int)n >= column) {
		printf("\n%*s", (int)column, "");
		n = (int)column;
	}
	printf("%*s", (int)column - n, "");
	wrap(text, column, column);
}

void help_sentence(const char *text, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "%s", text);

	out[0] = (char)toupper((unsigned char)out[0]);
	if (n && n + 1 < size && !strchr(".!?", out[n - 1]))
		strcpy(out + n, ".");
}

static void print_options(const struct help_option *o)
{
	for (; o && o->names; o++) {
		char typed[96];

		snprintf(typed, sizeof(typed), "%s%s%s", o->names, o->value ? " " : "",
			 o->value ? o->value : "");
		entry(typed, o->text, OPTION_COLUMN);
	}
}

static void print_help_option(void)
{
	entry("-h, --help", "this text", OPTION_COLUMN);
}

void help_option_name(const struct help_option *o, int which, char *text, size_t size)
{
	const char *comma = strchr(o->names, ',');
	const char *name = which && comma ? comma + 1 + strspn(comma + 1, " ") : o->names;

	snprintf(text, size, "%.*s", (int)strcspn(name, ","), name);
}

void help_verb_line(const struct help_verb *v, char *text, size_t size)
{
	FILE *f = fmemopen(text, size, "w");
	const char *blank = "";

	text[0] = '\0';
	if (!f)
		return;
	for (const struct help_option *o = v->options; o && o->names; o++) {
		char name[32];

		help_option_name(o, 0, name, sizeof(name));
		fprintf(f, "%s[%s%s%s]", blank, name, o->value ? " " : "", o->value ? o->value : "");
		blank = " ";
	}
	if (*v->args)
		fprintf(f, "%s%s", blank, v->args);
	fclose(f);
	text[size - 1] = '\0';
}

static void print_verbs(const struct help *h)
{
	const struct help_verb *v;
	char rest[400], typed[500];

	for (size_t i = 0; (v = h->verb(i)); i++) {
		if (!v->text)
			continue;
		help_verb_line(v, rest, sizeof(rest));
		snprintf(typed, sizeof(typed), "%s%s%s", v->words, *rest ? " " : "", rest);
		entry(typed, v->text, VERB_COLUMN);
	}
	putchar('\n');
}

void help_print(const char *command, const struct help *h)
{
	for (size_t i = 0; h->usage[i]; i++)
		printf("%s weir %s %s\n", i ? "      " : "Usage:", command, h->usage[i]);
	putchar('\n');
	if (h->verb)
		print_verbs(h);
	wrap(h->about, 0, 0);
	printf("\nOptions:\n");
	print_options(h->options);
	print_help_option();
	if (h->more) {
		printf("\n%s:\n", h->more_title);
		print_options(h->more);
		wrap(h->more_about, 0, 0);
	}
	if (h->examples)
		printf("\nExamples:\n%s", h->examples);
}

/* Do the verb's words stand here? Of a verb of two words both; `first`: the first is enough. */
static int matches(const struct help_verb *v, char **words, int n, int first)
{
	size_t len = strcspn(v->words, " ");

	if (strlen(words[0]) != len || strncmp(words[0], v->words, len))
		return 0;
	return !v->words[len] || first || (n > 1 && !strcmp(words[1], v->words + len + 1));
}

int help_print_verb(const char *command, const struct help *h, char **words, int n)
{
	const struct help_verb *v;
	char rest[400], text[400];
	int found = 0;

	for (int first = 0; first < 2 && !found; first++) {
		for (size_t i = 0; (v = h->verb(i)); i++) {
			if (!v->text || !matches(v, words, n, first))
				continue;
			help_verb_line(v, rest, sizeof(rest));
			printf("%sUsage: weir %s NAME %s%s%s\n\n", found++ ? "\n" : "", command, v->words,
			       *rest ? " " : "", rest);
			help_sentence(v->text, text, sizeof(text));
			wrap(text, 0, 0);
			if (v->options)
				putchar('\n');
			print_options(v->options);
		}
	}
	return found ? 0 : -ENOENT;
}
