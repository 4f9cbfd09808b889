/* SPDX-License-Identifier: Apache-2.0 */
/* watchdog.h - the front's look at the stack process: does it take turns, and if not, whose code is it in? */
#ifndef CMD_WATCHDOG_H
#define CMD_WATCHDOG_H

#include <stddef.h>
#include <sys/types.h>

#include "time/heartbeat.h"

#define WATCHDOG_LOOK	UINT64_C(10000000000)	/* ns between two looks at a sandbox that nobody ends */
#define WATCHDOG_NEAR	UINT64_C(250000000)	/* at one that is to end */

struct watchdog {
	struct heartbeat *heartbeat;		/* shared with the stack process */
	uint64_t beats, since;		/* as last seen; when first */
	bool told;			/* of this turn */
};

/* A page for the heartbeat, to be shared with what is forked. 0 or -errno. */
int watchdog_open(struct watchdog *w);
void watchdog_close(struct watchdog *w);
/* Since when the stack process has been seen in one and the same turn; 0: it takes turns, or has nothing to do. */
uint64_t watchdog_look(struct watchdog *w, uint64_t now);
/* Whose code the process is in: a module's name, or what else can be said. */
void watchdog_where(const struct watchdog *w, int pidfd, pid_t pid, char *text, size_t size);
/* In the stack process: answer that question, whatever code is under way. */
void watchdog_answer(void);

#endif
