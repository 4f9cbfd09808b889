/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.h - text <-> a module's parameter struct, by its table (weir/param.h). Units are parsed
 * here and nowhere else.
 */
#ifndef MODULE_PARAMS_H
#define MODULE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/error.h>
#include <weir/param.h>

/* One assignment on its way to a module, with where it was written. */
struct setting {
	const char *name, *value;
	const char *origin;		/* "etc/weir.ini:14", "--set qdisc.rate", NULL = none */
};

/* Parse one value into the member at blob + p->offset. Sizes given as a duration are left to params_parse. */
int param_parse(const struct param *p, const char *text, void *blob, struct weir_error *e);
/* The value as text that param_parse reads back. */
void param_format(const struct param *p, const void *blob, char *text, size_t size);
const struct param *param_find(const struct param *table, const char *name);
/*
 * Fill blob (size bytes) from n settings: defaults first, unknown names and values refused with the
 * origin and what would be valid, required ones demanded. base: a blob to start from instead of the defaults (change), or NULL.
 */
int params_parse(const struct param *table, const struct setting *s, size_t n, const void *base,
		 void *blob, size_t size, struct weir_error *e);

/* Units, for other callers. -EINVAL with the sentence in e. */
int parse_rate(const char *text, uint64_t *bytes_per_s, struct weir_error *e);
int parse_size(const char *text, uint64_t *bytes, struct weir_error *e);
int parse_duration(const char *text, uint64_t *ns, struct weir_error *e);
int parse_bool(const char *text, bool *v, struct weir_error *e);
int parse_u64(const char *text, uint64_t *v, struct weir_error *e);

#endif
