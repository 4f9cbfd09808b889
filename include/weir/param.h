/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/param.h - typed parameters.
 *
 * A module describes what it can be told in a table of struct param, closed by an entry
 * without a name. The core parses text into a plain struct of the module's by that table;
 * the INI reader, the command line, annotations, live change, dumps, `weir modules` and the
 * manual page all use it. A module never parses text.
 *
 *	struct tbf_params { uint64_t rate; uint64_t burst; };
 *	static const struct param tbf_param[] = {
 *		{ .name = "rate", .type = PARAM_RATE, .offset = offsetof(struct tbf_params, rate),
 *		  .flags = PARAM_REQUIRED, .min = 1, .help = "bytes per second" },
 *		{ }
 *	};
 */
#ifndef WEIR_PARAM_H
#define WEIR_PARAM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum param_type {
	PARAM_BOOL,		/* bool:     on off yes no true false 1 0 */
	PARAM_U32,		/* uint32_t: decimal or 0x */
	PARAM_U64,		/* uint64_t */
	PARAM_RATE,		/* uint64_t bytes/s; plain number = bytes/s; tc's suffixes: kbit mbit gbit
				 * tbit (bits, 1000), kbps mbps gbps (bytes), kibit ... (1024) */
	PARAM_SIZE,		/* uint64_t bytes; plain number = bytes; b k kb m mb g gb (1024, as tc),
				 * kbit mbit gbit; or, where .at is set, a duration at that rate */
	PARAM_DURATION,		/* uint64_t ns; the suffix is required: ns us ms s (0 needs none) */
	PARAM_ENUM,		/* uint32_t: index into .choices */
	PARAM_STRING,		/* char[.size], NUL-terminated */
	PARAM_ADDRESS,		/* struct param_address: address with optional /prefix */
	PARAM_MAC,		/* uint8_t[6] */
	PARAM_PERCENT,		/* uint32_t in parts of PARAM_PERCENT_ALL: "1%", "0.05%"; the % may be left
				 * out, as in tc; at most 100% */
};

#define PARAM_PERCENT_ALL	1000000000u	/* 100%: every text of up to seven decimals is exact */

struct param_address {
	uint8_t family;		/* AF_INET, AF_INET6; 0 = not given */
	uint8_t prefix;		/* bits; the full length when the text had none */
	uint8_t addr[16];	/* network byte order; IPv4 in the first four */
};

#define PARAM_REQUIRED	0x1u	/* must be given; .def is not used */
#define PARAM_FIXED	0x2u	/* set at creation; a live change to another value is refused */

struct param {
	const char *name;	/* lower case, '-' between words */
	enum param_type type;
	uint32_t flags;
	size_t offset;		/* of the member in the module's parameter struct */
	size_t size;		/* PARAM_STRING: the array's size */
	uint64_t min, max;	/* inclusive bounds for numbers; max 0 = the type's own maximum */
	const char *def;	/* default, as text; NULL = all bytes zero ("not given") */
	const char *const *choices; /* PARAM_ENUM: NULL-terminated */
	const char *at;		/* PARAM_SIZE: name of the PARAM_RATE that turns a duration into bytes */
	const char *help;	/* one line, with the unit */
};

#ifdef __cplusplus
}
#endif

#endif
