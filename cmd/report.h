/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - what the front of weir run is told by the stack process and by the sandbox's init. */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H

#include <stdbool.h>

#include "cmd/relay.h"

struct report {
	int sock[2];			/* the front's end, and theirs */
	bool started, runs;		/* the program is there; it may do what it likes */
	bool exited;
	int status;			/* of the program, as waitpid gives it */
	char failed[512];		/* why it could not be started */
};

int report_open(struct report *r, struct weir_error *e);
/* Take all that was said. The program's pidfd goes to the relay, which stops when the program has. */
void report_take(struct report *r, struct relay *relay);
void report_close(struct report *r);

#endif
