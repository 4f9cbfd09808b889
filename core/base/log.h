/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - what the operator should read. A stack is given its log; there is no global one.
 * One call is one line without newline.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
	void (*write)(void *arg, enum log_level level, const char *text);	/* NULL: silent */
	void *arg;
	enum log_level level;		/* what is above it is not written */
};

void log_write(const struct log *log, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A write function for stderr: "weir: text". A line that stderr does not take is lost. */
void log_to_stderr(void *arg, enum log_level level, const char *text);

#endif
