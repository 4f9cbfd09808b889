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

#define PARAM_TEXT	256u		/* param_format's text, at most, but for PARAM_STRING's own size */
#define PARAM_TABLE_MAX	64u		/* parameters of one module */

/* One assignment on its way to a module, with where it was written. */
struct setting {
	const char *name, *value;
	const char *origin;		/* "etc/weir.ini:14", "--set qdisc.rate", NULL = none */
};

/* Parse one value into the member at blob + p->offset. Sizes given as a duration are left to
 * params_parse. */
int param_parse(const struct param *p, const char *text, void *blob, struct weir_error *e);
/* The value as text that param_parse reads back; "" where the parameter was not given. */
void param_format(const struct param *p, const void *blob, char *text, size_t size);
/* Does param_format's text say something, or only that the parameter was not given? */
bool param_given(const struct param *p, const char *text);
/* The table's defaults into blob, whose other bytes stay as they are. */
int params_defaults(const struct param *table, void *blob, struct weir_error *e);
const struct param *param_find(const struct param *table, const char *name);
/* "rate", "size", "duration", ... */
const char *param_type_name(enum param_type type);
/* How a value of it is written, for the manual. */
const char *param_type_help(enum param_type type);
/* A bound of p as a person reads it: "100mbit", "1600 bytes". */
void param_format_bound(const struct param *p, uint64_t v, char *text, size_t size);
/* The type's or the table's upper bound. */
uint64_t param_max(const struct param *p);
/*
 * Fill blob (size bytes) from n settings: defaults first, unknown names and values refused with
 * the origin and what would be valid, required ones demanded. base: a blob to start from
 * instead of the defaults (change), or NULL. A name that is given twice has its last value.
 * table NULL: takes none. On failure blob is undefined.
 */
int params_parse(const struct param *table, const struct setting *s, size_t n, const void *base,
		 void *blob, size_t size, struct weir_error *e);
/* As params_parse, but the sentence has no origin: *bad is the setting at fault, NULL when it
 * is none of them. */
int params_parse_bad(const struct param *table, const struct setting *s, size_t n, const void *base,
		     void *blob, size_t size, const struct setting **bad, struct weir_error *e);
/* Whether one setting can be right by itself: name and value, in blob. Without origin; for who
 * reports every mistake. */
int params_check_one(const struct param *table, const struct setting *s, void *blob,
		     struct weir_error *e);
/* Is the table itself in order? What a module claims is checked before it is used. */
int params_check_table(const struct param *table, size_t size, struct weir_error *e);
/* A lower-case word of letters, digits, '-' and '_': what modules and parameters are called. */
bool param_name_valid(const char *name);

/* Units, for other callers. -EINVAL with the sentence in e. */
int parse_rate(const char *text, uint64_t *bytes_per_s, struct weir_error *e);
int parse_size(const char *text, uint64_t *bytes, struct weir_error *e);
int parse_duration(const char *text, uint64_t *ns, struct weir_error *e);
int parse_percent(const char *text, uint64_t *parts, struct weir_error *e);
int parse_bool(const char *text, bool *v, struct weir_error *e);
int parse_u64(const char *text, uint64_t *v, struct weir_error *e);
/* The other way, exactly: what the parsers above read back as v. */
void format_rate(uint64_t v, char *text, size_t size);
void format_size(uint64_t v, char *text, size_t size);
void format_duration(uint64_t v, char *text, size_t size);
void format_percent(uint64_t v, char *text, size_t size);

#endif
