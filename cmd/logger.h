/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logger.h - the log of weir run, written by a process of its own.
 *
 * stderr may be a pipe that nobody reads, a terminal that was stopped, a file on a disk that does not answer; and the
 * program, which has it too, can fill it. Neither the thread that forwards nor the front waits for it: a line that the
 * pipe to the writer has no room for is lost, and counted in the next one that is not.
 */
#ifndef CMD_LOGGER_H
#define CMD_LOGGER_H

#include <sys/types.h>

#include "base/log.h"

struct logger {
	int fd;				/* to the writer, never blocking; -1: there is none, lines go to stderr */
	int pidfd;			/* of the writer */
	pid_t pid;
	unsigned long lost;		/* lines of this process, since the last that was not */
};

/* Start the writer: it ends when every process that has the logger's descriptor has ended. */
void logger_start(struct logger *l);
/* A write function for struct log. */
void logger_write(void *arg, enum log_level level, const char *text);
/* What was said is written, unless nobody takes it within a second. */
void logger_stop(struct logger *l);

#endif
