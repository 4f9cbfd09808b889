/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotations.h - what whoever starts a container writes beside it, from JSON.
 *
 * Two shapes are read: an OCI runtime's config.json, of which the member "annotations" is meant
 * (OCI runtime-spec, config.md "Annotations"), and an object that is nothing but annotations.
 * Those that are not weir's are other people's, and are not kept.
 *
 * Nothing in such a file is trusted: it is at most 1 MiB, every name in it stands once, and a
 * sentence about it repeats no byte that a terminal would obey.
 */
#ifndef CONFIG_ANNOTATIONS_H
#define CONFIG_ANNOTATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/error.h>

#define ANNOTATIONS_MAX		64u	/* of weir's, in one container */
#define ANNOTATION_VALUE_MAX	255u	/* bytes */

struct annotation {
	char *key;			/* "dev.weir.flag.qdisc": printable ASCII */
	char *value;			/* likewise */
};

struct annotations {			/* all zero: none */
	struct annotation *list;	/* each key once, in their order */
	size_t n;
};

/* The flag that a key names, "qdisc" of dev.gvisor.flag.qdisc. NULL: the key is not weir's. */
const char *annotation_flag(const char *key);
/* Add a copy of one. 0 also for one that is not weir's. */
int annotations_add(struct annotations *a, const char *key, const char *value,
		    struct weir_error *e);
/* NULL: there is none of that key. */
const char *annotations_value(const struct annotations *a, const char *key);
void annotations_free(struct annotations *a);
/*
 * From a text; file names it in sentences. bundle: it is a config.json in any case, otherwise the
 * shape tells. a gets all of it, or is as it was.
 */
int annotations_read_text(struct annotations *a, const char *text, const char *file, bool bundle,
			  struct weir_error *e);
int annotations_read_file(struct annotations *a, const char *file, struct weir_error *e);
/* DIR/config.json, which must be a regular file. */
int annotations_read_bundle(struct annotations *a, const char *dir, struct weir_error *e);

#endif
