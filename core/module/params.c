/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.c - from text to a module's parameter struct and back, by the module's table.
 *
 * A table entry says where in the struct a value lives and of which type it is; everything that is
 * known of a type stands in the two switches below, one that reads and one that writes.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module/params.h"
#include "module/suggest.h"

#define SHOWN "%.64s"		/* how much of a value that is wrong a sentence repeats */

static const char *const type_names[] = {
	[PARAM_BOOL] = "bool", [PARAM_U32] = "number", [PARAM_U64] = "number",
	[PARAM_RATE] = "rate", [PARAM_SIZE] = "size", [PARAM_DURATION] = "duration",
	[PARAM_ENUM] = "choice", [PARAM_STRING] = "text", [PARAM_ADDRESS] = "address",
	[PARAM_MAC] = "MAC address", [PARAM_PERCENT] = "percentage",
};

const char *param_type_name(enum param_type type)
{
	return (size_t)type < sizeof(type_names) / sizeof(type_names[0]) ? type_names[type] : NULL;
}

static const char *const type_helps[] = {
	[PARAM_BOOL] = "one of on, yes, true, 1, or off, no, false, 0",
	[PARAM_U32] = "a decimal number, or a hexadecimal one after 0x",
	[PARAM_U64] = "a decimal number, or a hexadecimal one after 0x",
	[PARAM_RATE] = "bytes per second; or with a suffix: bit, kbit, mbit, gbit, tbit (bits per "
		       "second, in powers of 1000), bps, kbps, mbps, gbps, tbps (bytes), and the same "
		       "in powers of 1024 as kibit, mibps, ...; a fraction may stand before a suffix, "
		       "as in 1.5mbit",
	[PARAM_SIZE] = ("bytes; or with a suffix: k or kb, m or mb, g or gb (powers of 1024), kbit, "
			"mbit, gbit (bits)"),
	[PARAM_DURATION] = "a number with its unit: ns, us, ms or s",
	[PARAM_ENUM] = "one of the words that are listed",
	[PARAM_STRING] = "text without control characters",
	[PARAM_ADDRESS] = "an IPv4 or IPv6 address, with /LENGTH where a prefix is meant",
	[PARAM_MAC] = "six pairs of hexadecimal digits, with colons between them",
	[PARAM_PERCENT] = "a share from 0% to 100%, with up to seven decimals; the % may be left out",
};

const char *param_type_help(enum param_type type)
{
	return (size_t)type < sizeof(type_helps) / sizeof(type_helps[0]) ? type_helps[type] : NULL;
}

uint64_t param_max(const struct param *p)
{
	uint64_t widest = p->type == PARAM_U32 ? UINT32_MAX :
			  p->type == PARAM_PERCENT ? PARAM_PERCENT_ALL : UINT64_MAX;

	return p->max && p->max < widest ? p->max : widest;
}

void param_format_bound(const struct param *p, uint64_t v, char *text, size_t size)
{
	switch (p->type) {
	case PARAM_RATE:
		format_rate(v, text, size);
		if (isdigit((unsigned char)text[strlen(text) - 1]))
			snprintf(text, size, "%" PRIu64 " byte%s/s", v, v == 1 ? "" : "s");
		break;
	case PARAM_SIZE:
		snprintf(text, size, "%" PRIu64 " byte%s", v, v == 1 ? "" : "s");
		break;
	case PARAM_DURATION:
		format_duration(v, text, size);
		break;
	case PARAM_PERCENT:
		format_percent(v, text, size);
		break;
	default:
		snprintf(text, size, "%" PRIu64, v);
	}
}

static size_t member_size(const struct param *p)
{
	switch (p->type) {
	case PARAM_BOOL:
		return sizeof(bool);
	case PARAM_U32:
	case PARAM_ENUM:
	case PARAM_PERCENT:
		return sizeof(uint32_t);
	case PARAM_U64:
	case PARAM_RATE:
	case PARAM_SIZE:
	case PARAM_DURATION:
		return sizeof(uint64_t);
	case PARAM_STRING:
		return p->size;
	case PARAM_ADDRESS:
		return sizeof(struct param_address);
	case PARAM_MAC:
		return 6;
	}
	return 0;
}

/* ---- reading ---- */

static int store_number(const struct param *p, const char *text, uint64_t v, void *member,
			struct weir_error *e)
{
	uint64_t max = param_max(p);
	char bound[64];

	if (v < p->min) {
		param_format_bound(p, p->min, bound, sizeof(bound));
		return weir_fail(e, EINVAL, SHOWN " is too small; the least is %s", text, bound);
	}
	if (v > max) {
		param_format_bound(p, max, bound, sizeof(bound));
		return weir_fail(e, EINVAL, SHOWN " is too large; the most is %s", text, bound);
	}
	if (member_size(p) == sizeof(uint32_t)) {
		uint32_t narrow = (uint32_t)v;

		memcpy(member, &narrow, sizeof(narrow));
	} else {
		memcpy(member, &v, sizeof(v));
	}
	return 0;
}

static int parse_number(const struct param *p, const char *text, void *member,
			struct weir_error *e)
{
	uint64_t v = 0;
	int err;

	switch (p->type) {
	case PARAM_RATE:
		err = parse_rate(text, &v, e);
		break;
	case PARAM_SIZE:
		err = parse_size(text, &v, e);
		break;
	case PARAM_DURATION:
		err = parse_duration(text, &v, e);
		break;
	case PARAM_PERCENT:
		err = parse_percent(text, &v, e);
		break;
	default:
		err = parse_u64(text, &v, e);
	}
	return err ? err : store_number(p, text, v, member, e);
}

/* Append words, "a, b or c", as far as they fit. */
static void list_words(char *text, size_t size, const char *const *words, const char *last)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; words[i] && used < size; i++) {
		const char *sep = i == 0 ? "" : words[i + 1] ? ", " : last;
		int n = snprintf(text + used, size - used, "%s%s", sep, words[i]);

		used += n > 0 ? (size_t)n : 0;
	}
}

static int parse_enum(const struct param *p, const char *text, void *member, struct weir_error *e)
{
	char valid[256];
	const char *near;

	for (uint32_t i = 0; p->choices[i]; i++) {
		if (!strcmp(text, p->choices[i])) {
			memcpy(member, &i, sizeof(i));
			return 0;
		}
	}
	near = suggest(text, p->choices);
	if (near)
		return weir_fail(e, EINVAL, SHOWN " is not a choice; did you mean %s?", text, near);
	list_words(valid, sizeof(valid), p->choices, " or ");
	return weir_fail(e, EINVAL, SHOWN " is not a choice; write %s",
			 *text ? text : "nothing", valid);
}

static int parse_string(const struct param *p, const char *text, void *member,
			struct weir_error *e)
{
	size_t n = strlen(text);

	if (n >= p->size)
		return weir_fail(e, EINVAL, SHOWN " is too long; at most %zu bytes fit", text,
				 p->size - 1);
	for (const char *t = text; *t; t++)
		if (iscntrl((unsigned char)*t))
			return weir_fail(e, EINVAL, "the text holds a control character; remove it");
	memset(member, 0, p->size);
	memcpy(member, text, n);
	return 0;
}

static int parse_address(const char *text, void *member, struct weir_error *e)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	struct param_address a = { 0 };
	char host[INET6_ADDRSTRLEN];
	uint64_t prefix;
	uint8_t bits;

	if (!*text)
		goto store;
	if (n >= sizeof(host))
		goto garbage;
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, a.addr) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, host, a.addr) == 1)
		a.family = AF_INET6;
	else
		goto garbage;
	bits = a.family == AF_INET ? 32 : 128;
	a.prefix = bits;
	if (slash) {
		if (!isdigit((unsigned char)slash[1]) || parse_u64(slash + 1, &prefix, NULL) ||
		    strlen(slash + 1) > 3 || prefix > bits)
			return weir_fail(e, EINVAL, SHOWN " has no valid prefix length; write %s/%u",
					 text, host, bits == 32 ? 24 : 64);
		a.prefix = (uint8_t)prefix;
	}
store:
	memcpy(member, &a, sizeof(a));
	return 0;
garbage:
	return weir_fail(e, EINVAL, SHOWN " is not an IP address; write one like 10.0.0.2/24", text);
}

static int parse_mac(const char *text, void *member, struct weir_error *e)
{
	unsigned int b[6] = { 0 };
	uint8_t mac[6];
	int n = 0;

	if (*text && (strlen(text) != 17 ||
		      strspn(text, "0123456789abcdefABCDEF:") != 17 ||
		      sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4],
			     &b[5], &n) != 6 || n != 17))
		return weir_fail(e, EINVAL, SHOWN " is not a MAC address; write one like "
				 "02:00:00:00:00:01", text);
	for (unsigned int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	memcpy(member, mac, sizeof(mac));
	return 0;
}

int param_parse(const struct param *p, const char *text, void *blob, struct weir_error *e)
{
	unsigned char *member = (unsigned char *)blob + p->offset;
	bool v;
	int err;

	switch (p->type) {
	case PARAM_BOOL:
		err = parse_bool(text, &v, e);
		if (!err)
			memcpy(member, &v, sizeof(v));
		return err;
	case PARAM_U32:
	case PARAM_U64:
	case PARAM_RATE:
	case PARAM_SIZE:
	case PARAM_DURATION:
	case PARAM_PERCENT:
		return parse_number(p, text, member, e);
	case PARAM_ENUM:
		return parse_enum(p, text, member, e);
	case PARAM_STRING:
		return parse_string(p, text, member, e);
	case PARAM_ADDRESS:
		return parse_address(text, member, e);
	case PARAM_MAC:
		return parse_mac(text, member, e);
	}
	return weir_fail(e, EINVAL, "parameter %s has a type that this weir does not know", p->name);
}

/* ---- writing ---- */

static void format_address(const struct param_address *a, char *text, size_t size)
{
	uint8_t bits = a->family == AF_INET ? 32 : 128;
	char host[INET6_ADDRSTRLEN] = "";

	text[0] = '\0';
	if (!a->family || !inet_ntop(a->family, a->addr, host, sizeof(host)))
		return;
	if (a->prefix == bits)
		snprintf(text, size, "%s", host);
	else
		snprintf(text, size, "%s/%u", host, a->prefix);
}

static void format_mac(const uint8_t *m, char *text, size_t size)
{
	static const uint8_t none[6];

	if (!memcmp(m, none, sizeof(none)))
		text[0] = '\0';
	else
		snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
			 m[5]);
}

void param_format(const struct param *p, const void *blob, char *text, size_t size)
{
	const unsigned char *member = (const unsigned char *)blob + p->offset;
	struct param_address a;
	uint64_t v = 0;
	uint32_t n = 0;

	if (p->type == PARAM_U32 || p->type == PARAM_ENUM || p->type == PARAM_PERCENT)
		memcpy(&n, member, sizeof(n));
	else if (p->type == PARAM_U64 || p->type == PARAM_RATE || p->type == PARAM_SIZE ||
		 p->type == PARAM_DURATION)
		memcpy(&v, member, sizeof(v));
	switch (p->type) {
	case PARAM_BOOL:
		snprintf(text, size, "%s", *member ? "on" : "off");
		break;
	case PARAM_U32:
		snprintf(text, size, "%" PRIu32, n);
		break;
	case PARAM_U64:
		snprintf(text, size, "%" PRIu64, v);
		break;
	case PARAM_RATE:
		format_rate(v, text, size);
		break;
	case PARAM_SIZE:
		format_size(v, text, size);
		break;
	case PARAM_DURATION:
		format_duration(v, text, size);
		break;
	case PARAM_ENUM:
		snprintf(text, size, "%s", p->choices[n]);
		break;
	case PARAM_STRING:
		snprintf(text, size, "%.*s", (int)p->size, (const char *)member);
		break;
	case PARAM_ADDRESS:
		memcpy(&a, member, sizeof(a));
		format_address(&a, text, size);
		break;
	case PARAM_MAC:
		format_mac(member, text, size);
		break;
	case PARAM_PERCENT:
		format_percent(n, text, size);
		break;
	}
}

/* A number of zero without a default was not given, unless zero is what it must be given as. */
bool param_given(const struct param *p, const char *text)
{
	return *text && (p->def || p->flags & PARAM_REQUIRED || p->type == PARAM_BOOL || p->type == PARAM_ENUM ||
			 (strcmp(text, "0") && strcmp(text, "0s") && strcmp(text, "0%")));
}

/* ---- tables ---- */

const struct param *param_find(const struct param *table, const char *name)
{
	for (const struct param *p = table; p && p->name; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

static int unknown_name(const struct param *table, const char *name, struct weir_error *e)
{
	const char *names[PARAM_TABLE_MAX + 1];
	const char *near;
	char valid[320];
	size_t n = 0;

	for (const struct param *p = table; p && p->name && n < PARAM_TABLE_MAX; p++)
		names[n++] = p->name;
	names[n] = NULL;
	if (n == 0)
		return weir_fail(e, EINVAL, "there is no such parameter, and none at all; remove it");
	list_words(valid, sizeof(valid), names, " and ");
	near = suggest(name, names);
	if (near)
		return weir_fail(e, EINVAL, "there is no such parameter; did you mean %s? "
				 "There %s %s", near, n > 1 ? "are" : "is", valid);
	return weir_fail(e, EINVAL, "there is no such parameter; there %s %s",
			 n > 1 ? "are" : "is", valid);
}

/* Is text a size written as the time that it takes at p->at? */
static bool timed_size(const struct param *p, const char *text, uint64_t *ns)
{
	uint64_t bytes;

	return p->type == PARAM_SIZE && p->at && parse_size(text, &bytes, NULL) &&
	       !parse_duration(text, ns, NULL);
}

static int parse_timed_size(const struct param *table, const struct param *p, const char *text,
			    uint64_t ns, void *blob, struct weir_error *e)
{
	const struct param *at = param_find(table, p->at);
	unsigned __int128 bytes;
	char shown[128];
	uint64_t rate;

	memcpy(&rate, (unsigned char *)blob + at->offset, sizeof(rate));
	if (!rate)
		return weir_fail(e, EINVAL, SHOWN " is a time at %s, which is not given; give %s "
				 "or write bytes", text, p->at, p->at);
	bytes = (unsigned __int128)rate * ns / 1000000000u;
	if (bytes > UINT64_MAX)
		return weir_fail(e, EINVAL, SHOWN " at this %s is too large: a size is at most "
				 "2^64-1 bytes", text, p->at);
	snprintf(shown, sizeof(shown), SHOWN " at this %s (%" PRIu64 " bytes)", text, p->at,
		 (uint64_t)bytes);
	return store_number(p, shown, (uint64_t)bytes, (unsigned char *)blob + p->offset, e);
}

int params_check_one(const struct param *table, const struct setting *s, void *blob,
		     struct weir_error *e)
{
	const struct param *p = param_find(table, s->name);
	uint64_t ns;
	int err;

	if (!p)
		err = unknown_name(table, s->name, e);
	else if (timed_size(p, s->value, &ns))
		return 0;
	else
		err = param_parse(p, s->value, blob, e);
	if (err)
		weir_error_prefix(e, SHOWN, s->name);
	return err;
}

int params_defaults(const struct param *table, void *blob, struct weir_error *e)
{
	int err;

	for (const struct param *p = table; p && p->name; p++) {
		if (!p->def || (p->flags & PARAM_REQUIRED))
			continue;
		err = param_parse(p, p->def, blob, e);
		if (err) {
			weir_error_prefix(e, "the default of %s", p->name);
			return err;
		}
	}
	return 0;
}

/* Sizes that were given as a time, once their rates are known. Only a name's last value counts. */
static int set_timed_sizes(const struct param *table, const struct setting *s, size_t n,
			   void *blob, const struct setting **bad, struct weir_error *e)
{
	for (const struct param *p = table; p && p->name; p++) {
		const struct setting *last = NULL;
		uint64_t ns;
		int err;

		for (size_t i = 0; i < n; i++)
			if (!strcmp(s[i].name, p->name))
				last = &s[i];
		if (!last || !timed_size(p, last->value, &ns))
			continue;
		err = parse_timed_size(table, p, last->value, ns, blob, e);
		if (err) {
			weir_error_prefix(e, "%s", p->name);
			*bad = last;
			return err;
		}
	}
	return 0;
}

static bool given(const struct setting *s, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(s[i].name, name))
			return true;
	return false;
}

static int check_required(const struct param *table, const struct setting *s, size_t n,
			  struct weir_error *e)
{
	char missing[400];
	size_t used = 0;

	for (const struct param *p = table; p && p->name; p++) {
		int k;

		if (!(p->flags & PARAM_REQUIRED) || given(s, n, p->name) || used >= sizeof(missing))
			continue;
		k = snprintf(missing + used, sizeof(missing) - used, "%s%s (%s)",
			     used ? " and " : "", p->name, p->help);
		used += k > 0 ? (size_t)k : 0;
	}
	return used ? weir_fail(e, EINVAL, "must be given: %s", missing) : 0;
}

static int check_fixed(const struct param *table, const void *base, const void *blob,
		       struct weir_error *e)
{
	char was[PARAM_TEXT];

	for (const struct param *p = table; p && p->name; p++) {
		if (!(p->flags & PARAM_FIXED) ||
		    !memcmp((const unsigned char *)base + p->offset,
			    (const unsigned char *)blob + p->offset, member_size(p)))
			continue;
		param_format(p, base, was, sizeof(was));
		return weir_fail(e, EINVAL, "%s: it is %s and cannot change while in use; "
				 "replace the whole instead", p->name, *was ? was : "not given");
	}
	return 0;
}

int params_parse_bad(const struct param *table, const struct setting *s, size_t n, const void *base,
		     void *blob, size_t size, const struct setting **bad, struct weir_error *e)
{
	int err;

	*bad = NULL;
	if (base) {
		if (size)
			memcpy(blob, base, size);
	} else {
		if (size)
			memset(blob, 0, size);
		err = params_defaults(table, blob, e);
		if (err)
			return err;
	}
	for (size_t i = 0; i < n; i++) {
		err = params_check_one(table, &s[i], blob, e);
		if (err) {
			*bad = &s[i];
			return err;
		}
	}
	err = set_timed_sizes(table, s, n, blob, bad, e);
	if (err)
		return err;
	return base ? check_fixed(table, base, blob, e) : check_required(table, s, n, e);
}

int params_parse(const struct param *table, const struct setting *s, size_t n, const void *base,
		 void *blob, size_t size, struct weir_error *e)
{
	const struct setting *bad;
	int err = params_parse_bad(table, s, n, base, blob, size, &bad, e);

	if (err && bad && bad->origin)
		weir_error_prefix(e, "%s", bad->origin);
	return err;
}

/* ---- is the table itself in order? ---- */

bool param_name_valid(const char *name)
{
	size_t n = strnlen(name, 32);

	return n > 0 && n < 32 && islower((unsigned char)name[0]) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

static size_t member_align(const struct param *p)
{
	size_t n = member_size(p);

	return p->type == PARAM_STRING || p->type == PARAM_ADDRESS || p->type == PARAM_MAC ? 1 : n;
}

static const char *entry_fault(const struct param *table, const struct param *p, size_t size)
{
	size_t n = member_size(p);
	const struct param *at;

	if (!param_name_valid(p->name))
		return "has a name that is no lower-case word";
	if (!param_type_name(p->type))
		return "has a type that this weir does not know";
	if (!p->help)
		return "has no help";
	if (n == 0 || p->offset > size || n > size - p->offset)
		return "lies outside params_size";
	if (p->offset % member_align(p))
		return "has an offset that does not fit its type";
	if (p->type == PARAM_ENUM && (!p->choices || !p->choices[0]))
		return "has no choices";
	if (p->max && p->min > p->max)
		return "has a minimum above its maximum";
	if (p->at) {
		at = param_find(table, p->at);
		if (p->type != PARAM_SIZE || !at || at->type != PARAM_RATE)
			return "has an .at that names no rate";
	}
	for (const struct param *q = table; q != p; q++) {
		if (!strcmp(q->name, p->name))
			return "stands twice";
		if (q->offset < p->offset + n && p->offset < q->offset + member_size(q))
			return "shares its bytes with another";
	}
	return NULL;
}

int params_check_table(const struct param *table, size_t size, struct weir_error *e)
{
	const char *fault;
	void *blob;
	size_t n = 0;
	int err;

	if (!table || !table->name)
		return 0;
	if (size == 0 || size > 1u << 20)
		return weir_fail(e, EINVAL, "params_size is %zu, with parameters in the table", size);
	for (const struct param *p = table; p->name; p++) {
		if (++n > PARAM_TABLE_MAX)
			return weir_fail(e, EINVAL, "has more than %u parameters; close the table with "
					 "an empty entry", PARAM_TABLE_MAX);
		if (!param_name_valid(p->name))
			return weir_fail(e, EINVAL, "parameter %zu has a name that is no lower-case "
					 "word", n);
	}
	for (const struct param *p = table; p->name; p++) {
		fault = entry_fault(table, p, size);
		if (fault)
			return weir_fail(e, EINVAL, "parameter %s %s", p->name, fault);
	}
	blob = calloc(1, size);
	if (!blob)
		return weir_fail(e, ENOMEM, "out of memory");
	err = params_defaults(table, blob, e);
	free(blob);
	return err;
}
