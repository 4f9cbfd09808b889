/* SPDX-License-Identifier: Apache-2.0 */
/*
 * units.c - numbers with units, as tc(8) reads them.
 *
 * Theory of operation
 *
 * A quantity is decimal digits, an optional fraction and an optional suffix (in any case):
 * no sign, no exponent, no blanks. It is kept as whole + frac / 10^digits and multiplied by the
 * suffix's factor mul / div in 128 bits, so that 0.1gbit is exactly 100mbit, and nothing wraps:
 *
 *	value = floor((whole * mul + frac * mul / 10^digits) / div)
 *
 * Rates are bytes/s and sizes bytes; "bit" suffixes have div = 8. As in tc, a rate's k, m, g, t
 * are powers of 1000 and ki, mi, gi, ti powers of 1024, and a size's k, m, g powers of 1024.
 * Unlike tc's, a rate without suffix is bytes/s, and a duration needs its suffix. A quantity
 * that is not zero, but less than one unit, is refused, as is half a byte without a suffix.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "module/params.h"

#define FRACTION_DIGITS 18u	/* 10^18 fits 64 bits */

#define K	1000ull
#define KI	1024ull

struct suffix {
	const char *name;
	uint64_t mul, div;
};

/* The first suffix is the one of a plain number. */
static const struct suffix rate_suffixes[] = {
	{ "", 1, 1 },
	{ "bit", 1, 8 },
	{ "kbit", K, 8 }, { "mbit", K * K, 8 }, { "gbit", K * K * K, 8 }, { "tbit", K * K * K * K, 8 },
	{ "kibit", KI, 8 }, { "mibit", KI * KI, 8 }, { "gibit", KI * KI * KI, 8 },
	{ "tibit", KI * KI * KI * KI, 8 },
	{ "bps", 1, 1 },
	{ "kbps", K, 1 }, { "mbps", K * K, 1 }, { "gbps", K * K * K, 1 }, { "tbps", K * K * K * K, 1 },
	{ "kibps", KI, 1 }, { "mibps", KI * KI, 1 }, { "gibps", KI * KI * KI, 1 },
	{ "tibps", KI * KI * KI * KI, 1 },
	{ }
};

static const struct suffix size_suffixes[] = {
	{ "", 1, 1 },
	{ "b", 1, 1 },
	{ "k", KI, 1 }, { "kb", KI, 1 },
	{ "m", KI * KI, 1 }, { "mb", KI * KI, 1 },
	{ "g", KI * KI * KI, 1 }, { "gb", KI * KI * KI, 1 },
	{ "kbit", KI, 8 }, { "mbit", KI * KI, 8 }, { "gbit", KI * KI * KI, 8 },
	{ }
};

static const struct suffix duration_suffixes[] = {
	{ "ns", 1, 1 }, { "nsec", 1, 1 }, { "nsecs", 1, 1 },
	{ "us", K, 1 }, { "usec", K, 1 }, { "usecs", K, 1 },
	{ "ms", K * K, 1 }, { "msec", K * K, 1 }, { "msecs", K * K, 1 },
	{ "s", K * K * K, 1 }, { "sec", K * K * K, 1 }, { "secs", K * K * K, 1 },
	{ }
};

/* Of PARAM_PERCENT_ALL. */
static const struct suffix percent_suffixes[] = {
	{ "", PARAM_PERCENT_ALL / 100, 1 }, { "%", PARAM_PERCENT_ALL / 100, 1 },
	{ }
};

struct quantity {
	uint64_t whole, frac;
	unsigned int digits;		/* of frac */
	const char *suffix;
};

enum verdict { GOOD, GARBAGE, TOO_LARGE, TOO_FINE };

static enum verdict read_quantity(const char *t, struct quantity *q)
{
	*q = (struct quantity){ 0 };
	if (!isdigit((unsigned char)*t))
		return GARBAGE;
	for (; isdigit((unsigned char)*t); t++)
		if (__builtin_mul_overflow(q->whole, 10u, &q->whole) ||
		    __builtin_add_overflow(q->whole, (unsigned int)(*t - '0'), &q->whole))
			return TOO_LARGE;
	if (*t == '.') {
		if (!isdigit((unsigned char)*++t))
			return GARBAGE;
		for (; isdigit((unsigned char)*t); t++) {
			if (q->digits++ == FRACTION_DIGITS)
				return TOO_FINE;
			q->frac = q->frac * 10 + (unsigned int)(*t - '0');
		}
	}
	q->suffix = t;
	return GOOD;
}

static enum verdict scale(const struct quantity *q, const struct suffix *s, uint64_t *value)
{
	unsigned __int128 v = (unsigned __int128)q->whole * s->mul;
	uint64_t pow10 = 1;

	for (unsigned int i = 0; i < q->digits; i++)
		pow10 *= 10;
	if (q->frac && s->mul == 1 && s->div == 1)
		return TOO_FINE;
	v += (unsigned __int128)q->frac * s->mul / pow10;
	v /= s->div;
	if (v > UINT64_MAX)
		return TOO_LARGE;
	if (v == 0 && (q->whole || q->frac))
		return TOO_FINE;
	*value = (uint64_t)v;
	return GOOD;
}

static enum verdict read_units(const char *text, const struct suffix *table, uint64_t *value)
{
	struct quantity q;
	enum verdict v = read_quantity(text, &q);

	if (v != GOOD)
		return v;
	for (const struct suffix *s = table; s->name; s++)
		if (!strcasecmp(q.suffix, s->name))
			return scale(&q, s, value);
	if (!*q.suffix && !q.whole && !q.frac) {	/* 0 needs no unit */
		*value = 0;
		return GOOD;
	}
	return GARBAGE;
}

static int refuse(enum verdict v, const char *text, const char *what, const char *unit,
		  const char *example, struct weir_error *e)
{
	switch (v) {
	case TOO_LARGE:
		return weir_fail(e, EINVAL, "%s is too large: a %s is at most 2^64-1 %s", text, what,
				 unit);
	case TOO_FINE:
		return weir_fail(e, EINVAL, "%s is finer than whole %s; write %s", text, unit,
				 example);
	default:
		return weir_fail(e, EINVAL, "%s%s is not a %s; write %s", *text ? text : "nothing",
				 *text == '-' ? " is negative and" : "", what, example);
	}
}

int parse_rate(const char *text, uint64_t *bytes_per_s, struct weir_error *e)
{
	enum verdict v = read_units(text, rate_suffixes, bytes_per_s);

	return v == GOOD ? 0 : refuse(v, text, "rate", "bytes/s",
				      "100mbit, or bytes/s as a plain number", e);
}

int parse_size(const char *text, uint64_t *bytes, struct weir_error *e)
{
	enum verdict v = read_units(text, size_suffixes, bytes);

	return v == GOOD ? 0 : refuse(v, text, "size", "bytes",
				      "64kb or 1mb, or bytes as a plain number", e);
}

int parse_duration(const char *text, uint64_t *ns, struct weir_error *e)
{
	enum verdict v = read_units(text, duration_suffixes, ns);
	struct quantity q;

	if (v == GOOD)
		return 0;
	if (v == GARBAGE && read_quantity(text, &q) == GOOD && !*q.suffix)
		return weir_fail(e, EINVAL, "%s has no unit; write %sms or %ss", text, text, text);
	return refuse(v, text, "duration", "nanoseconds", "10ms (units: ns us ms s)", e);
}

int parse_percent(const char *text, uint64_t *parts, struct weir_error *e)
{
	enum verdict v = read_units(text, percent_suffixes, parts);

	return v == GOOD ? 0 : refuse(v, text, "percentage", "parts of 10^9", "1% or 0.05%", e);
}

int parse_bool(const char *text, bool *v, struct weir_error *e)
{
	static const char *const words[] = { "off", "on", "no", "yes", "false", "true", "0", "1" };

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcasecmp(text, words[i])) {
			*v = i & 1;
			return 0;
		}
	}
	return weir_fail(e, EINVAL, "%s is neither on nor off; write on or off",
			 *text ? text : "nothing");
}

int parse_u64(const char *text, uint64_t *v, struct weir_error *e)
{
	unsigned int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	const char *t = base == 16 ? text + 2 : text;
	uint64_t n = 0;

	if (!isxdigit((unsigned char)*t))
		goto garbage;
	for (; *t; t++) {
		unsigned char c = (unsigned char)tolower((unsigned char)*t);
		unsigned int digit;

		if (!isxdigit(c))
			goto garbage;
		digit = c <= '9' ? c - (unsigned int)'0' : c - (unsigned int)'a' + 10;
		if (digit >= base)
			goto garbage;
		if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, digit, &n))
			return weir_fail(e, EINVAL, "%s is too large: a number is at most 2^64-1",
					 text);
	}
	*v = n;
	return 0;
garbage:
	return weir_fail(e, EINVAL, "%s is not a whole number; write digits only",
			 *text ? text : "nothing");
}

/* Writing: the largest unit that divides the value exactly, so that reading gives it back. */

void format_rate(uint64_t v, char *text, size_t size)
{
	static const struct { uint64_t div; const char *suffix; } units[] = {
		{ K * K * K, "gbit" }, { K * K, "mbit" }, { K, "kbit" },
	};
	unsigned __int128 bits = (unsigned __int128)v * 8;

	for (unsigned int i = 0; v && i < sizeof(units) / sizeof(units[0]); i++) {
		if (bits % units[i].div == 0) {
			snprintf(text, size, "%" PRIu64 "%s", (uint64_t)(bits / units[i].div),
				 units[i].suffix);
			return;
		}
	}
	snprintf(text, size, "%" PRIu64, v);
}

void format_size(uint64_t v, char *text, size_t size)
{
	const char *suffix = "";

	if (v && v % (KI * KI * KI) == 0) {
		v /= KI * KI * KI;
		suffix = "gb";
	} else if (v && v % (KI * KI) == 0) {
		v /= KI * KI;
		suffix = "mb";
	} else if (v && v % KI == 0) {
		v /= KI;
		suffix = "kb";
	}
	snprintf(text, size, "%" PRIu64 "%s", v, suffix);
}

void format_duration(uint64_t v, char *text, size_t size)
{
	const char *suffix = "ns";

	if (v % (K * K * K) == 0) {
		v /= K * K * K;
		suffix = "s";
	} else if (v % (K * K) == 0) {
		v /= K * K;
		suffix = "ms";
	} else if (v % K == 0) {
		v /= K;
		suffix = "us";
	}
	snprintf(text, size, "%" PRIu64 "%s", v, suffix);
}

void format_percent(uint64_t v, char *text, size_t size)
{
	uint64_t frac = v % (PARAM_PERCENT_ALL / 100);
	int digits = 7;

	for (; frac && frac % 10 == 0; digits--)
		frac /= 10;
	v /= PARAM_PERCENT_ALL / 100;
	if (frac)
		snprintf(text, size, "%" PRIu64 ".%0*" PRIu64 "%%", v, digits, frac);
	else
		snprintf(text, size, "%" PRIu64 "%%", v);
}
