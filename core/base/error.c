/* SPDX-License-Identifier: Apache-2.0 */
/* error.c - sentences for people (weir/error.h). */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

#include <weir/error.h>

int weir_fail(struct weir_error *e, int err, const char *fmt, ...)
{
	char remedy[128];
	size_t n;
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
		limits_remedy(err, remedy, sizeof(remedy));
		n = strlen(e->text);
		if (n + strlen(remedy) < sizeof(e->text) && !strstr(e->text, remedy))
			strcpy(e->text + n, remedy);
	}
	return -err;
}

void weir_error_prefix(struct weir_error *e, const char *fmt, ...)
{
	struct weir_error old;
	va_list ap;
	int n;

	if (!e)
		return;
	old = *e;
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(e->text))
		return;
	snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %.*s",
		 (int)(sizeof(e->text) - (size_t)n - 1), old.text);
}
