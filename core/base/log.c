/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - one line for the operator (log.h). */
#include <errno.h>
#include <stdarg.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

#define LOG_WAIT 100	/* ms, for room in stderr */

/* A name that a hostile program chose must not move the operator's cursor or forge a line. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

void log_write(const struct log *log, enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char text[1024];
	va_list ap;

	if (!log->write || level > log->level)
		return;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) >= 0) {
		make_printable(text);
		log->write(log->arg, level, text);
	}
	va_end(ap);
	errno = saved;
}

void log_to_stderr(void *arg, enum log_level level, const char *text)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	(void)arg;
	(void)level;
	if (poll(&out, 1, LOG_WAIT))
		fprintf(stderr, "weir: %s\n", text);
}
