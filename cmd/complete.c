/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.c - weir complete: what the shell may put where the cursor stands.
 *
 *	weir complete -- WORD...	the words behind "weir", the last one being typed still, perhaps ""
 *
 * It answers with candidates, one a line, or with orders for the script that asks
 * (completion/weir): ":files" and ":folders", also those of the file system; ":command N", the
 * program of the user begins at word N.
 *
 * Theory of operation. The tables of help.h, which --help prints, are the grammar. The words before
 * the cursor are walked once: options take their values with them, and what is left are the
 * arguments, which are held against the command's ("DEV KIND [KEY VALUE]..."): small words are
 * keywords, and capitals stand for something that complete_lists.c can list. A user at a prompt
 * does not wait for long and wants no message: after a second, and on every error, there are no
 * candidates.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/complete.h"
#include "cmd/help.h"

#define WORDS_MAX	256
#define ITEMS_MAX	24

static const struct help_option help_option[] = { { "-h, --help", NULL, "" }, { } };

/* The words before the cursor, without options. */
struct walk {
	struct completion *c;
	const struct help *help;
	const struct help_option *groups[5];
	char *args[WORDS_MAX];
	int n;
	bool dashes;			/* a "--" was there: no options any more */
};

/* ---- options ---- */

static bool is_called(const struct help_option *o, const char *word, size_t n)
{
	char name[32];

	for (int which = 0; which < 2; which++) {
		help_option_name(o, which, name, sizeof(name));
		if (strlen(name) == n && !strncmp(name, word, n))
			return true;
	}
	return false;
}

static const struct help_option *option_find(const struct walk *w, const char *word)
{
	size_t n = strcspn(word, "=");

	for (size_t g = 0; g < sizeof(w->groups) / sizeof(w->groups[0]); g++)
		for (const struct help_option *o = w->groups[g]; o && o->names; o++)
			if (is_called(o, word, n))
				return o;
	return NULL;
}

static void add_options(const struct walk *w)
{
	char name[32];

	for (size_t g = 0; g < sizeof(w->groups) / sizeof(w->groups[0]); g++) {
		for (const struct help_option *o = w->groups[g]; o && o->names; o++) {
			help_option_name(o, 1, name, sizeof(name));
			complete_add(w->c, name, "");
		}
	}
}

/* The cursor is in "-..." or "--option=...". */
static void complete_option(struct walk *w)
{
	const char *eq = strchr(w->c->cur, '=');
	const struct help_option *o = eq ? option_find(w, w->c->cur) : NULL;
	char before[64];

	if (!eq) {
		add_options(w);
	} else if (o && o->value && (size_t)(eq - w->c->cur) + 2 <= sizeof(before)) {
		snprintf(before, sizeof(before), "%.*s", (int)(eq + 1 - w->c->cur), w->c->cur);
		w->c->before = before;
		w->c->cur = eq + 1;
		complete_placeholder(w->c, o->value);
	}
}

/* ---- arguments ---- */

struct item {
	char word[32];			/* "DEV", or the keyword "via" */
	char value[32];			/* of a keyword: "GATEWAY"; "" = none */
	bool optional, repeats;
};

static bool is_keyword(const struct item *t)
{
	return islower((unsigned char)t->word[0]);
}

/* "DST [via GATEWAY] [onlink]", taken apart. */
static int items_of(const char *args, struct item *items)
{
	char copy[256], *rest = copy, *text;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", args);
	while ((text = strsep(&rest, " ")) && n < ITEMS_MAX) {
		struct item *t = &items[n];
		size_t begin = strspn(text, "["), len = strcspn(text + begin, "].");

		*t = (struct item){ .optional = begin, .repeats = strstr(text, "...") };
		snprintf(t->word, sizeof(t->word), "%.*s", (int)len, text + begin);
		if (n > 0 && is_keyword(t - 1) && !*t[-1].value && !begin &&
		    isupper((unsigned char)t->word[0]))
			snprintf(t[-1].value, sizeof(t->value), "%s", t->word);
		else
			n++;
	}
	return n;
}

/* KEY VALUE or KEY=VALUE, to the end. */
static void complete_pairs(struct walk *w, int from)
{
	const char *eq = strchr(w->c->cur, '='), *key = NULL;
	char name[64], before[66];

	for (int i = from; i < w->n; i++)
		key = key || strchr(w->args[i], '=') ? NULL : w->args[i];
	if (key) {
		complete_param_value(w->c, key);
	} else if (eq) {
		snprintf(name, sizeof(name), "%.*s", (int)(eq - w->c->cur), w->c->cur);
		snprintf(before, sizeof(before), "%s=", name);
		w->c->before = before;
		w->c->cur = eq + 1;
		complete_param_value(w->c, name);
	} else {
		complete_placeholder(w->c, "KEY");
	}
}

static const struct item *keyword_find(const struct item *items, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (is_keyword(&items[i]) && !strcmp(items[i].word, word))
			return &items[i];
	return NULL;
}

static void bind(struct completion *c, const struct item *t, const char *word)
{
	if (!strcmp(t->word, "DEV"))
		c->dev = word;
	else if (!strcmp(t->word, "KIND"))
		c->kind = word;
	else if (!strcmp(t->word, "NAME"))
		c->sandbox = word;
}

/* An item that a word can be: not a keyword. */
static int next_place(const struct item *items, int n, int from)
{
	while (from < n && is_keyword(&items[from]))
		from++;
	return from;
}

static void complete_here(struct walk *w, const struct item *items, int n, int place)
{
	const struct item *t = &items[place];

	if (place < n)
		complete_placeholder(w->c, !strcmp(t->word, "NAME") ? "SANDBOX" : t->word);
	if (place < n && !t->optional)
		return;
	for (int i = 0; i < n; i++)
		if (is_keyword(&items[i]))
			complete_add(w->c, items[i].word, "");
	if (place + 1 < n && !strcmp(items[place + 1].word, "KEY"))
		complete_pairs(w, w->n);
}

/* The arguments from the from-th on, against the command's. */
static void complete_args(struct walk *w, int from, const char *args)
{
	struct item items[ITEMS_MAX + 1];
	int n = items_of(args, items), place = next_place(items, n, 0);

	for (int i = from; i < w->n; i++) {
		const struct item *k = keyword_find(items, n, w->args[i]);
		const struct item *t = &items[place];

		if (k && *k->value && i + 1 == w->n) {
			complete_placeholder(w->c, k->value);
			return;
		}
		if (k) {
			i += *k->value ? 1 : 0;
			continue;
		}
		if (place < n && t->optional && !strcmp(t->word, "KIND") &&
		    !complete_is_kind(w->c, w->args[i]))
			t = &items[++place];	/* it was left out */
		if (place < n && !strcmp(t->word, "KEY")) {
			complete_pairs(w, i);
			return;
		}
		/* tc's spelling: "dev eth0 root tbf". */
		if (place >= n || !strcmp(w->args[i], "dev") || !strcmp(w->args[i], "root"))
			continue;
		bind(w->c, t, w->args[i]);
		if (!t->repeats)
			place = next_place(items, n, place + 1);
	}
	if (place < n && !strcmp(items[place].word, "KEY"))
		complete_pairs(w, w->n);
	else
		complete_here(w, items, n, place);
}

/* ---- weir ctl ---- */

/* The verb whose words these are; a word alone that begins longer ones is none. */
static const struct help_verb *verb_find(const struct help *h, char **words, int n)
{
	const struct help_verb *v;

	for (size_t i = 0; (v = h->verb(i)); i++) {
		size_t len = strcspn(v->words, " ");

		if (v->text && n > 0 && strlen(words[0]) == len && !strncmp(words[0], v->words, len) &&
		    (!v->words[len] || (n > 1 && !strcmp(words[1], v->words + len + 1))))
			return v;
	}
	return NULL;
}

/* The first words of all verbs, or (first) the second ones of those that begin with it. Those of one
 * first word stand together. */
static void add_verbs(const struct walk *w, const char *first)
{
	const struct help_verb *v;
	char word[32], last[32] = "";

	for (size_t i = 0; (v = w->help->verb(i)); i++) {
		size_t len = strcspn(v->words, " ");

		snprintf(word, sizeof(word), "%.*s", (int)len, v->words);
		if (first && v->words[len] && !strcmp(word, first))
			complete_add(w->c, v->words + len + 1, "");
		else if (!first && strcmp(word, last))
			complete_add(w->c, word, "");
		snprintf(last, sizeof(last), "%s", word);
	}
}

static void complete_ctl(struct walk *w)
{
	const struct help_verb *v = verb_find(w->help, w->args + 1, w->n - 1);

	w->c->sandbox = w->n > 0 ? w->args[0] : NULL;
	if (w->n == 0)
		complete_placeholder(w->c, "SANDBOX");
	else if (w->n == 1)
		add_verbs(w, NULL);
	else if (v)
		complete_args(w, strchr(v->words, ' ') ? 3 : 2, v->args);
	else if (w->n == 2)
		add_verbs(w, w->args[1]);
}

/* ---- the walk ---- */

/* A word before the cursor that is no option. */
static void take_arg(struct walk *w, int i)
{
	const struct help_verb *v;

	w->args[w->n++] = w->c->words[i];
	if (!w->help->verb || w->n < 2)
		return;
	v = verb_find(w->help, w->args + 1, w->n - 1);
	w->groups[3] = v ? v->options : NULL;
}

/* Does the program of the user begin with the next word that is no option? */
static bool program_next(const struct walk *w)
{
	const char *args = strstr(w->help->usage[0], "PROGRAM");
	bool named = strstr(w->help->usage[0], "NAME");

	return args && w->n == (named ? 1 : 0);
}

/* True: the cursor stood in an option's value, or in the user's program, and that is done. */
static bool walk_words(struct walk *w)
{
	int last = w->c->n - 1;

	for (int i = 1; i < last; i++) {
		const char *word = w->c->words[i];
		const struct help_option *o;

		if (!w->dashes && !strcmp(word, "--")) {
			w->dashes = true;
		} else if (w->dashes || word[0] != '-' || !word[1]) {
			if (program_next(w)) {
				printf(":command %d\n", i);
				return true;
			}
			take_arg(w, i);
		} else {
			o = option_find(w, word);
			if (!o || !o->value || strchr(word, '='))
				continue;
			if (++i == last) {
				complete_placeholder(w->c, o->value);
				return true;
			}
		}
	}
	return false;
}

static void complete_command(struct completion *c, const struct command *command)
{
	const struct help *h = command->help;
	struct walk w = { .c = c, .help = h, .groups = { h->options, h->more, help_option } };
	const char *args = h->usage[0];

	if (walk_words(&w))
		return;
	if (!w.dashes && c->cur[0] == '-') {
		complete_option(&w);
	} else if (h->verb) {
		complete_ctl(&w);
	} else if (program_next(&w)) {
		printf(":command %d\n", c->n - 1);
	} else {
		args += !strncmp(args, "[OPTIONS] ", 10) ? 10 : 0;
		complete_args(&w, 0, args);
	}
}

static void complete_first(const struct completion *c)
{
	for (const struct command *k = commands; k->name; k++)
		if (k->help)
			complete_add(c, k->name, "");
	if (*c->cur == '-') {
		complete_add(c, "--help", "");
		complete_add(c, "--version", "");
	}
}

/* What was found in time is out; a line that was not is left out. */
static void too_late(int sig)
{
	(void)sig;
	_exit(0);
}

int cmd_complete(int argc, char **argv)
{
	struct registry registry;
	struct completion c = { .words = argv + 2, .n = argc - 2, .before = "", .registry = &registry };
	const struct command *command;

	if (c.n < 1 || c.n > WORDS_MAX || strcmp(argv[1], "--"))
		return CMD_USAGE;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, too_late);
	alarm(1);
	c.cur = c.words[c.n - 1];
	if (c.n == 1) {
		complete_first(&c);
		return 0;
	}
	command = command_find(c.words[0]);
	if (!command || !command->help || registry_init(&registry, NULL, NULL, NULL))
		return 0;
	complete_command(&c, command);
	registry_destroy(&registry);
	return 0;
}
