/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/error.h - errors that a person can act on.
 *
 * Every function that can fail for a reason worth telling takes a struct weir_error and
 * returns a negative errno. The text is one sentence: what is wrong, with the value, and
 * the remedy. The caller owns the struct; a NULL pointer is allowed everywhere and means
 * that nobody wants the text.
 */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_API __attribute__((visibility("default")))

struct weir_error {
	char text[512];		/* NUL-terminated, no newline; empty when nothing failed */
};

/*
 * Write the sentence and return -err, so that a failing path is one line:
 *	return weir_fail(e, EINVAL, "rate: %s is not a rate; write 100mbit", text);
 * A longer text is cut at the end.
 */
WEIR_API int weir_fail(struct weir_error *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "prefix: " before the sentence that is already there (file:line, a section, a module). */
WEIR_API void weir_error_prefix(struct weir_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
