/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotations.c - from a container's JSON to annotations.
 *
 * Theory of operation
 *
 * jansson reads the JSON: it refuses a name that stands twice in an object, \u0000 in a string,
 * bytes that are no UTF-8 and what is nested deeper than 2,048. Its own sentences repeat what
 * they stumbled over, which can be anything, also of a file that its author could not read
 * (config.json may be a link); so they are replaced by one for each code, with line and column.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/annotations.h"
#include "config/flags.h"
#include "config/sections.h"

const char *annotation_flag(const char *key)
{
	static const char *const prefixes[] = { "dev.weir.flag.", "dev.gvisor.flag." };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(key, prefixes[i], strlen(prefixes[i])))
			return key + strlen(prefixes[i]);
	return NULL;
}

/* ---- the list ---- */

static bool printable(const char *text)
{
	while (*text >= 0x20 && *text < 0x7f)
		text++;
	return !*text;
}

const char *annotations_value(const struct annotations *a, const char *key)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->list[i].key, key))
			return a->list[i].value;
	return NULL;
}

static int add_copy(struct annotations *a, const char *key, const char *value, struct weir_error *e)
{
	struct annotation *grown = reallocarray(a->list, a->n + 1, sizeof(*grown));
	struct annotation new = { strdup(key), strdup(value) };
	size_t at = a->n;

	a->list = grown ? grown : a->list;
	if (!grown || !new.key || !new.value) {
		free(new.key);
		free(new.value);
		return weir_fail(e, ENOMEM, "out of memory");
	}
	for (; at && strcmp(grown[at - 1].key, key) > 0; at--)
		grown[at] = grown[at - 1];
	grown[at] = new;
	a->n++;
	return 0;
}

int annotations_add(struct annotations *a, const char *key, const char *value,
		    struct weir_error *e)
{
	char shown[CONFIG_SHOWN];

	if (!annotation_flag(key))
		return 0;
	config_shown(key, shown);
	if (!printable(key) || strlen(key) > ANNOTATION_VALUE_MAX)
		return weir_fail(e, EINVAL, "annotation %s: its name is no flag's; remove it", shown);
	if (!printable(value))
		return weir_fail(e, EINVAL, "annotation %s: its value holds a byte that is no "
				 "printable ASCII; remove it", shown);
	if (strlen(value) > ANNOTATION_VALUE_MAX)
		return weir_fail(e, EINVAL, "annotation %s: its value is longer than %u bytes; "
				 "no flag's is", shown, ANNOTATION_VALUE_MAX);
	if (annotations_value(a, key))
		return weir_fail(e, EINVAL, "annotation %s: it stands twice; keep one", shown);
	if (a->n == ANNOTATIONS_MAX)
		return weir_fail(e, E2BIG, "there are more than %u annotations of flags; there are "
				 "not so many flags", ANNOTATIONS_MAX);
	return add_copy(a, key, value, e);
}

void annotations_free(struct annotations *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->list[i].key);
		free(a->list[i].value);
	}
	free(a->list);
	*a = (struct annotations){ 0 };
}

/* ---- JSON ---- */

static const char *json_fault(const json_error_t *je)
{
	switch (json_error_code(je)) {
	case json_error_out_of_memory:
		return "out of memory";
	case json_error_stack_overflow:
		return "it is nested too deep; no configuration is";
	case json_error_invalid_utf8:
		return "it is no UTF-8; JSON is";
	case json_error_premature_end_of_input:
		return "it ends too early";
	case json_error_end_of_input_expected:
		return "something follows the JSON value; remove it";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a string has a NUL in it (\\u0000); remove it";
	case json_error_duplicate_key:
		return "a name stands twice in one object; keep one";
	case json_error_numeric_overflow:
		return "a number is too large";
	default:
		return "it is no JSON; compare it with `python3 -m json.tool`";
	}
}

/* The object that holds the annotations. *none: it is a config.json without any. */
static json_t *find_annotations(json_t *root, bool bundle, bool *none)
{
	json_t *inner = json_object_get(root, "annotations");

	if (bundle || json_object_get(root, "ociVersion") || (inner && !json_is_string(inner))) {
		*none = !inner;
		return inner;
	}
	return root;
}

static int take(struct annotations *a, json_t *object, struct weir_error *e)
{
	char shown[CONFIG_SHOWN];
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		int err;

		if (!json_is_string(value))
			return weir_fail(e, EINVAL, "annotation %s: its value is no string; put it "
					 "between double quotes", config_shown(key, shown));
		err = annotations_add(a, key, json_string_value(value), e);
		if (err)
			return err;
	}
	return 0;
}

static int take_root(struct annotations *a, json_t *root, bool bundle, struct weir_error *e)
{
	bool none = false;
	json_t *object = find_annotations(root, bundle, &none);

	if (!json_is_object(root))
		return weir_fail(e, EINVAL, "it is no JSON object; write "
				 "{\"dev.weir.flag.qdisc\": \"tbf\"}");
	if (none)
		return 0;
	if (!json_is_object(object))
		return weir_fail(e, EINVAL, "annotations: it is no object of names and strings");
	return take(a, object, e);
}

int annotations_read_text(struct annotations *a, const char *text, const char *file, bool bundle,
			  struct weir_error *e)
{
	struct annotations new = { 0 };
	json_error_t je;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	int err;

	if (!root)
		return weir_fail(e, EINVAL, "%s:%d:%d: %s", file, je.line, je.column,
				 json_fault(&je));
	err = take_root(&new, root, bundle, e);
	json_decref(root);
	for (size_t i = 0; i < new.n && !err; i++)
		err = annotations_add(a, new.list[i].key, new.list[i].value, e);
	annotations_free(&new);
	if (err)
		weir_error_prefix(e, "%s", file);
	return err;
}

/* ---- files ---- */

static int read_fd(struct annotations *a, int fd, const char *file, bool bundle,
		   struct weir_error *e)
{
	char *text = config_text(fd, file, "a JSON file", e);
	int err = text ? annotations_read_text(a, text, file, bundle, e) : -EINVAL;

	free(text);
	close(fd);
	return err;
}

int annotations_read_file(struct annotations *a, const char *file, struct weir_error *e)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return weir_fail(e, errno, "%s: cannot open it: %s", file, strerror(errno));
	return read_fd(a, fd, file, false, e);
}

int annotations_read_bundle(struct annotations *a, const char *dir, struct weir_error *e)
{
	struct stat st;
	char *file;
	int fd, err;

	if (asprintf(&file, "%s/config.json", dir) < 0)
		return weir_fail(e, ENOMEM, "out of memory");
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		err = weir_fail(e, errno, "%s: cannot open it: %s; --bundle wants the folder of an "
				"OCI bundle", file, strerror(errno));
	} else if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		err = weir_fail(e, EINVAL, "%s: is no regular file; a bundle's config.json is",
				file);
		close(fd);
	} else {
		err = read_fd(a, fd, file, true, e);
	}
	free(file);
	return err;
}
