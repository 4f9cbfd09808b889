/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manpage.c - makes the manual pages: a page's text, written by hand in mdoc(7), with what weir's
 * own tables say put in. It runs while weir is built and is not installed.
 *
 *	manpage DATE PAGE.in MODULE.so... > PAGE
 *
 * A line that begins with @ is replaced:
 *
 *	@title NAME SECTION	the header
 *	@module NAME		the section NAME, of a module; it is the one of the next line
 *	@parameters		the module's parameters
 *	@command NAME		a subcommand of weir: usage, description, options
 *	@configuration		the options that subcommands share
 *	@verbs NAME		the subcommand's commands
 *	@keys SECTION		the keys of [SECTION] in weir.ini
 *	@modules KIND		references to the pages of all modules of a kind, or of "all"
 *	@types			how values are written
 *
 * and @weirconfdir@ within a line is the folder of etc/'s configurations.
 *
 * So a parameter is described once, in the table that the program works with (weir/param.h,
 * core/config/sections.c, cmd/help.h), and a page that lacks one cannot be made.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/help.h"
#include "config/sections.h"

struct page {
	const char *date, *file;
	unsigned int line;
	struct registry registry;	/* with every module loaded */
	const struct module *module;	/* of @module */
};

static void fail(const struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
static void fail(const struct page *p, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%u: ", p->file, p->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* ---- text ---- */

static void put_char(char c, bool minus)
{
	if (c == '\\')
		fputs("\\e", stdout);
	else if (c == '-' && minus)
		fputs("\\-", stdout);
	else
		putchar(c);
}

/* A word on a macro's line, of which every - is one that can be typed. */
static void put_word(const char *word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_char(word[i], true);
}

/* One word of a text; *code: it is between backquotes. */
static void put_text_word(const char *word, size_t n, bool *code, bool begins)
{
	bool minus = word[0] == '-' || word[0] == '`';

	if (begins && (word[0] == '.' || word[0] == '\''))
		fputs("\\&", stdout);
	for (size_t i = 0; i < n; i++) {
		if (word[i] == '`') {
			*code = !*code;
			fputs(*code ? "\\fB" : "\\fR", stdout);
		} else {
			put_char(word[i], minus || *code);
		}
	}
}

/* Sentences, each on a line of its own; '\n' ends a paragraph. */
static void put_text(const char *text)
{
	bool code = false, begins = true;

	while (*text) {
		size_t n = strcspn(text, " \n");
		bool ends = n > 1 && strchr(".!?", text[n - 1]) && text[n - 2] != '.';

		if (!begins)
			putchar(' ');
		put_text_word(text, n, &code, begins);
		text += n;
		begins = (ends && *text) || *text == '\n';
		if (begins)
			putchar('\n');
		if (*text == '\n')
			puts(".Pp");
		text += *text != '\0';
	}
	putchar('\n');
}

static void put_sentence(const char *text)
{
	char sentence[1000];

	help_sentence(text, sentence, sizeof(sentence));
	put_text(sentence);
}

/* "[via GATEWAY]": keywords and placeholders, on a macro's line. */
static void put_args(const char *args)
{
	while (*args) {
		size_t n = strcspn(args, " "), inner;
		const char *word = args;

		if (*word == '[') {
			fputs(" Oo", stdout);
			word++;
		}
		inner = strcspn(word, "]. ");
		if (word[0] == '-' && word[1] == '-' && inner > 2) {
			fputs(" Fl \\-", stdout);
			put_word(word + 2, inner - 2);
		} else if (inner) {
			printf(" %s ", word[0] == '-' ? "Fl" : isupper((unsigned char)*word) ? "Ar" : "Cm");
			put_word(word + (word[0] == '-'), inner - (word[0] == '-'));
		}
		if (memchr(word, ']', n - (size_t)(word - args)))
			fputs(" Oc", stdout);
		if (n >= 3 && !strncmp(args + n - 3, "...", 3))
			fputs(inner ? " Ns ..." : " ...", stdout);
		args += n;
		args += strspn(args, " ");
	}
}

/* ---- options and commands ---- */

static void put_options(const struct help_option *o)
{
	if (!o || !o->names)
		return;
	puts(".Bl -tag -width Ds");
	for (; o->names; o++) {
		char first[32], second[32];

		help_option_name(o, 0, first, sizeof(first));
		help_option_name(o, 1, second, sizeof(second));
		fputs(".It", stdout);
		put_args(first);
		if (strcmp(first, second)) {
			fputs(" ,", stdout);
			put_args(second);
		}
		if (o->value)
			put_args(o->value);
		putchar('\n');
		put_sentence(o->text);
	}
	puts(".El");
}

static const struct help *help_of(const struct page *p, const char *name)
{
	const struct command *c = command_find(name);

	if (!c || !c->help)
		fail(p, "there is no command %s", name);
	return c->help;
}

static const struct help_option help_option[] = { { "-h, --help", NULL, "print a short help" }, { } };

static void put_command(const struct page *p, const char *name)
{
	const struct help *h = help_of(p, name);

	printf(".Ss weir %s\n", name);
	for (size_t i = 0; h->usage[i]; i++) {
		const char *about = strstr(h->usage[i], "   ");
		char usage[200];

		snprintf(usage, sizeof(usage), "%.*s",
			 (int)(about ? (size_t)(about - h->usage[i]) : strlen(h->usage[i])), h->usage[i]);
		printf(".D1 Nm Cm %s", name);
		put_args(usage);
		putchar('\n');
	}
	puts(".Pp");
	put_text(h->about);
	put_options(h->options);
	put_options(help_option);
	if (h->more)
		printf(".Pp\nThe options of\n.Sx %s\nare understood too.\n", h->more_title);
}

/* The group of options is the same for all that have one. */
static void put_configuration(void)
{
	const struct command *c = commands;

	while (!c->help || !c->help->more)
		c++;
	printf(".Ss %s\n", c->help->more_title);
	put_options(c->help->more);
	puts(".Pp");
	put_text(c->help->more_about);
}

static void put_verbs(const struct page *p, const char *name)
{
	const struct help *h = help_of(p, name);
	const struct help_verb *v;

	if (!h->verb)
		fail(p, "%s has no commands", name);
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; (v = h->verb(i)); i++) {
		char rest[400];

		if (!v->text)
			continue;
		help_verb_line(v, rest, sizeof(rest));
		printf(".It Cm %s", v->words);
		put_args(rest);
		putchar('\n');
		put_sentence(v->text);
		put_options(v->options);
	}
	puts(".El");
}

/* ---- parameters ---- */

static void put_value(const struct param *p)
{
	if (p->type != PARAM_ENUM) {
		printf(" Ar %s", param_type_name(p->type));
		return;
	}
	for (size_t i = 0; p->choices[i]; i++) {
		fputs(i ? " | Cm " : " Cm ", stdout);
		put_word(p->choices[i], strlen(p->choices[i]));
	}
}

static bool is_number(enum param_type type)
{
	return type == PARAM_U32 || type == PARAM_U64 || type == PARAM_RATE || type == PARAM_SIZE ||
	       type == PARAM_DURATION || type == PARAM_PERCENT;
}

/* As param_format_bound, but "4mb" for so many bytes. */
static void format_bound(const struct param *p, uint64_t v, char *text, size_t size)
{
	if (p->type == PARAM_SIZE && v && v % 1024 == 0)
		format_size(v, text, size);
	else
		param_format_bound(p, v, text, size);
}

static void put_bounds(const struct param *p)
{
	char low[64], high[64];
	bool least = is_number(p->type) && p->min, most = is_number(p->type) && p->max;

	format_bound(p, p->min, low, sizeof(low));
	format_bound(p, p->max, high, sizeof(high));
	if (least || most)
		printf("%s%s%s%s%s.\n", least ? "At least " : "", least ? low : "", least && most ? ", " : "",
		       most ? least ? "at most " : "At most " : "", most ? high : "");
}

static void put_param(const struct param *p, bool repeats)
{
	fputs(".It Cm ", stdout);
	put_word(p->name, strlen(p->name));
	put_value(p);
	putchar('\n');
	put_sentence(p->help);
	if (p->at)
		printf("A duration stands for what\n.Cm %s\ncarries in that time.\n", p->at);
	put_bounds(p);
	if (p->flags & PARAM_REQUIRED)
		puts("It must be given.");
	else if (p->def)
		printf("Default: %s.\n", p->def);
	if (p->flags & PARAM_FIXED)
		puts("It cannot be changed while it is in use.");
	if (repeats)
		puts("It may be given several times.");
}

static void put_params(const struct param *table, const struct section_kind *section)
{
	puts(".Bl -tag -width Ds");
	for (; table && table->name; table++)
		put_param(table, section && section_key_repeats(section, table->name));
	puts(".El");
}

static void put_module_params(const struct page *p)
{
	const struct param *table;
	unsigned int tables = 0;
	size_t size;

	if (!p->module)
		fail(p, "@module comes first");
	puts(".Sh PARAMETERS");
	for (unsigned int i = 0; i < p->module->nops; i++) {
		table = registry_params(p->module->ops[i].kind, &p->module->ops[i].qdisc, &size);
		if (!table || !table->name)
			continue;
		if (tables++)
			printf("Of the %s:\n", weir_kind_name(p->module->ops[i].kind));
		put_params(table, NULL);
	}
	puts(tables ? ".Pp\nHow values are written is told in\n.Xr weir.ini 5 ." : "It takes none.");
}

static void put_keys(const struct page *p, const char *kind)
{
	const struct section_kind *k = section_kind_find(kind);

	if (!k)
		fail(p, "there is no section [%s]", kind);
	put_params(k->keys, k);
}

static void put_types(void)
{
	const char *name, *last = "";

	puts(".Bl -tag -width Ds");
	for (int type = 0; (name = param_type_name((enum param_type)type)); type++) {
		if (!strcmp(name, last))
			continue;
		last = name;
		printf(".It Ar %s\n", name);
		put_sentence(param_type_help((enum param_type)type));
	}
	puts(".El");
}

/* ---- modules ---- */

static void load(struct page *p, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct weir_error e;

	if (fd < 0)
		fail(p, "%s: %s", file, strerror(errno));
	if (!module_load_fd(&p->registry, fd, file, &e))
		fail(p, "%s", e.text);
	close(fd);
}

static void put_module(struct page *p, const char *name)
{
	p->module = module_find(&p->registry, name);
	if (!p->module)
		fail(p, "there is no module %s", name);
	printf(".Sh NAME\n.Nm weir\\-%s\n.Nd %s\n", name, p->module->desc->help);
}

static bool offers(const struct module *m, const char *kind)
{
	if (!strcmp(kind, "all"))
		return true;
	for (unsigned int i = 0; i < m->nops; i++)
		if (!strcmp(weir_kind_name(m->ops[i].kind), kind))
			return true;
	return false;
}

static void put_modules(const struct page *p, const char *kind)
{
	const char *comma = "";

	list_for_each(pos, &p->registry.modules) {
		const struct module *m = list_entry(pos, struct module, node);

		if (!offers(m, kind))
			continue;
		printf("%s.Xr weir\\-%s 7", comma, m->desc->name);
		comma = " ,\n";
	}
	if (!*comma)
		fail(p, "there is no module of kind %s", kind);
	putchar('\n');
}

/* ---- the page ---- */

static void put_title(const struct page *p, const char *name, const char *section)
{
	printf(".\\\" Made by docs/man/manpage from %s: change that, or the tables in the source.\n",
	       strrchr(p->file, '/') ? strrchr(p->file, '/') + 1 : p->file);
	printf(".Dd %s\n.Dt ", p->date);
	for (; *name; name++)
		putchar(toupper((unsigned char)*name));
	printf(" %s\n.Os weir " WEIR_VERSION "\n", section);
}

static void obey(struct page *p, char *line)
{
	char *word = strtok(line, " \n"), *name = strtok(NULL, " \n"), *section = strtok(NULL, " \n");

	if (!strcmp(word, "@parameters"))
		put_module_params(p);
	else if (!strcmp(word, "@configuration"))
		put_configuration();
	else if (!strcmp(word, "@types"))
		put_types();
	else if (!name)
		fail(p, "%s: there is no such order, or its word is missing", word);
	else if (!strcmp(word, "@title") && section)
		put_title(p, name, section);
	else if (!strcmp(word, "@module"))
		put_module(p, name);
	else if (!strcmp(word, "@command"))
		put_command(p, name);
	else if (!strcmp(word, "@verbs"))
		put_verbs(p, name);
	else if (!strcmp(word, "@keys"))
		put_keys(p, name);
	else if (!strcmp(word, "@modules"))
		put_modules(p, name);
	else
		fail(p, "there is no order %s", word);
}

/* A line as it is, but for where the configurations are installed. */
static void put_line(const char *line)
{
	const char *at = strstr(line, "@weirconfdir@");

	if (at)
		printf("%.*s" WEIR_CONFIG_DIR "%s", (int)(at - line), line, at + strlen("@weirconfdir@"));
	else
		fputs(line, stdout);
}

int main(int argc, char **argv)
{
	struct page p = { 0 };
	char line[1024];
	FILE *in;

	if (argc < 3) {
		fputs("usage: manpage DATE PAGE.in MODULE.so... > PAGE\n", stderr);
		return 2;
	}
	p.date = argv[1];
	p.file = argv[2];
	in = fopen(p.file, "re");
	if (!in)
		fail(&p, "%s", strerror(errno));
	if (registry_init(&p.registry, "/", NULL, NULL))
		fail(&p, "no memory");
	for (int i = 3; i < argc; i++)
		load(&p, argv[i]);
	while (fgets(line, sizeof(line), in)) {
		p.line++;
		if (line[0] == '@')
			obey(&p, line);
		else
			put_line(line);
	}
	fclose(in);
	registry_destroy(&p.registry);
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
