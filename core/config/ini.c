/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini.c - from text to sections of settings.
 *
 * Theory of operation
 *
 * inih takes a line apart into key, value and comment. Which line it is, and whether inih could
 * do anything with it, is known here, in the reader that inih takes its lines from: a line that
 * was handed over without the handler being called is no assignment. Section headers never
 * reach inih, which would keep an empty section to itself and cut its name at 50 bytes; nor do
 * blanks at the start of a line, which inih takes for a continuation of the line before. So
 * every mistake is found, with its line.
 *
 * Comments start with ; or # at the start of a line, and with " ;" after a value.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/sections.h"

struct ini {
	struct config *config;
	struct weir_error *e;
	const char *file;		/* for origins */
	const char *next;		/* text not yet read */
	unsigned int line;
	const struct section_kind *kind;
	struct config_section *section;
	bool skip;			/* the section's header was wrong: its settings are not looked at */
	bool handed;			/* inih has the line, and has not called the handler */
	int err;
};

static void ini_mistake(struct ini *in, const char *sentence)
{
	config_mistake(in->config, "%s:%u: %s", in->file, in->line, sentence);
	if (!in->err)
		in->err = weir_fail(in->e, EINVAL, "%s:%u: %s", in->file, in->line, sentence);
}

static const char *ini_origin(const struct ini *in, char *text, size_t size)
{
	snprintf(text, size, "%s:%u", in->file, in->line);
	return text;
}

/* Cut [begin, end) free of blanks at both ends, as a string of its own. NULL: longer than size. */
static char *cut(const char *begin, const char *end, char *text, size_t size)
{
	while (begin < end && isspace((unsigned char)*begin))
		begin++;
	while (end > begin && isspace((unsigned char)end[-1]))
		end--;
	if ((size_t)(end - begin) >= size)
		return NULL;
	memcpy(text, begin, (size_t)(end - begin));
	text[end - begin] = '\0';
	return text;
}

/* "[kind name]", with nothing but a comment behind it. */
static bool split_header(const char *line, size_t n, char *kind, char *name, size_t size)
{
	const char *close = memchr(line, ']', n), *blank, *rest;

	if (!close)
		return false;
	for (rest = close + 1; rest < line + n && isspace((unsigned char)*rest); rest++)
		;
	if (rest < line + n && *rest != ';' && *rest != '#')
		return false;
	while (++line < close && isspace((unsigned char)*line))
		;
	for (blank = line; blank < close && !isspace((unsigned char)*blank); blank++)
		;
	return cut(line, blank, kind, size) && cut(blank, close, name, size) && *kind;
}

static void read_header(struct ini *in, const char *line, size_t n)
{
	char kind[64], name[64], origin[512];
	const struct config_section *twin;
	struct weir_error why;

	in->skip = true;
	if (!split_header(line, n, kind, name, sizeof(kind))) {
		ini_mistake(in, "this is no section header; write [weir], [link eth0], [qdisc] or [tcp]");
		return;
	}
	if (section_check(kind, name, &why)) {
		ini_mistake(in, why.text);
		return;
	}
	twin = section_find(in->config, kind, name, LAYER_FILE);
	if (twin) {
		weir_fail(&why, EINVAL, "[%s%s%s] stands twice, also at %s; make them one", kind,
			  *name ? " " : "", name, twin->origin);
		ini_mistake(in, why.text);
		return;
	}
	in->kind = section_kind_find(kind);
	in->section = section_get(in->config, kind, name, ini_origin(in, origin, sizeof(origin)),
				  LAYER_FILE);
	if (!in->section)
		ini_mistake(in, "there are too many sections");
	else
		in->skip = false;
}

static int ini_handler_fn(void *user, const char *unused, const char *key, const char *value)
{
	struct ini *in = user;
	const struct setting *twin;
	struct weir_error why;
	char origin[512];

	(void)unused;
	in->handed = false;
	if (in->skip)
		return 1;
	if (!in->section) {
		weir_fail(&why, EINVAL, "%.64s stands before any section; put it below [weir], "
			  "[link eth0], [qdisc] or [tcp]", key);
		ini_mistake(in, why.text);
		return 1;
	}
	if (!*key || !value || !*value) {
		weir_fail(&why, EINVAL, "%.64s has no %s; write key = value, or remove the line",
			  *key ? key : "this line", *key ? "value" : "key");
		ini_mistake(in, why.text);
		return 1;
	}
	twin = section_setting(in->section, key);
	if (twin && !section_key_repeats(in->kind, key)) {
		weir_fail(&why, EINVAL, "[%s%s%s] %.64s stands twice, also at %s; keep one",
			  in->section->kind, *in->section->name ? " " : "", in->section->name, key,
			  twin->origin);
		ini_mistake(in, why.text);
		return 1;
	}
	if (section_add(in->section, key, value, ini_origin(in, origin, sizeof(origin))))
		ini_mistake(in, "the section has too many settings");
	return 1;
}

/* Was the line before this one of use to inih? */
static void finish_line(struct ini *in)
{
	if (in->handed)
		ini_mistake(in, "this is neither key = value nor a [section]; put a ; before a comment");
	in->handed = false;
}

/* What would forge a line of a message, or move a terminal's cursor, stands in no setting. */
static bool has_control(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)text[i]) && text[i] != '\t')
			return true;
	return false;
}

static char *ini_reader_fn(char *str, int num, void *stream)
{
	struct ini *in = stream;

	finish_line(in);
	while (*in->next) {
		const char *begin = in->next, *end = strchrnul(begin, '\n');
		size_t n;

		in->line++;
		in->next = end + (*end == '\n');
		while (begin < end && isspace((unsigned char)*begin))
			begin++;
		while (end > begin && isspace((unsigned char)end[-1]))
			end--;
		n = (size_t)(end - begin);
		if (n == 0 || *begin == ';' || *begin == '#')
			continue;
		if (has_control(begin, n)) {
			ini_mistake(in, "the line holds a control character; remove it");
			continue;
		}
		if (*begin == '[') {
			read_header(in, begin, n);
			continue;
		}
		if (num < 2 || n > (size_t)num - 2) {
			ini_mistake(in, "the line is too long; address and route may be given on several "
				    "lines");
			continue;
		}
		memcpy(str, begin, n);
		str[n] = '\n';
		str[n + 1] = '\0';
		in->handed = true;
		return str;
	}
	return NULL;
}

int config_read_text(struct config *c, const char *text, const char *origin, struct weir_error *e)
{
	struct ini in = { .config = c, .e = e, .file = origin, .next = text };

	if (!strncmp(text, "\xef\xbb\xbf", 3))	/* a byte order mark */
		in.next += 3;
	if (ini_parse_stream(ini_reader_fn, &in, ini_handler_fn, &in) < 0)
		return weir_fail(e, ENOMEM, "%s: out of memory", origin);
	finish_line(&in);
	return in.err;
}

int config_read_file(struct config *c, const char *file, struct weir_error *e)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), err = -EIO;
	char *text;

	if (fd < 0)
		return weir_fail(e, errno, "%s: cannot open it: %s", file, strerror(errno));
	text = config_text(fd, file, "an INI file", e);
	close(fd);
	if (text)
		err = config_read_text(c, text, file, e);
	free(text);
	return err;
}
