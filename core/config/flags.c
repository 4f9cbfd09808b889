/* SPDX-License-Identifier: Apache-2.0 */
/* flags.c - one table of flags for the command line and for annotations. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/flags.h"

#define DIGITS_MAX 20u		/* of 2^64-1 */

const struct config_flag config_flags[] = {
	{ "mode", "weir", "mode", false },
	{ "network", "weir", "mode", false },
	{ "qdisc", "qdisc", "kind", false },
	{ "gso", "weir", "gso", false },
	{ "qdisc-tbf-rate", "qdisc", "rate", true },
	{ "qdisc-tbf-burst", "qdisc", "burst", true },
	{ }
};

const char *config_shown(const char *text, char out[CONFIG_SHOWN])
{
	size_t n = 0;

	for (; *text && n + sizeof("\\xNN...") <= CONFIG_SHOWN; text++) {
		unsigned char c = (unsigned char)*text;

		n += (size_t)snprintf(out + n, CONFIG_SHOWN - n,
				      c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
	}
	snprintf(out + n, CONFIG_SHOWN - n, "%s", *text ? "..." : "");
	return out;
}

static const char *number_fault(const char *value)
{
	if (!*value)
		return "it is empty";
	if (*value == '-')
		return "is negative";
	if (value[strspn(value, "0123456789")])
		return "is no plain number";
	if (*value == '0' && value[1])
		return "begins with 0, which some read as octal";
	return strlen(value) > DIGITS_MAX ? "is larger than 2^64-1" : NULL;
}

int config_flag_check(const struct config_flag *f, const char *value, struct weir_error *e)
{
	const char *fault = f->number ? number_fault(value) : *value ? NULL : "it is empty";
	char shown[CONFIG_SHOWN];

	if (!fault)
		return 0;
	if (!f->number)
		return weir_fail(e, EINVAL, "%s; write a value, or leave it out", fault);
	return weir_fail(e, EINVAL, "%s%s%s; write a plain number of bytes%s, digits only, such as "
			 "1048576", config_shown(value, shown), *value ? " " : "", fault,
			 strcmp(f->key, "rate") ? "" : " per second");
}
