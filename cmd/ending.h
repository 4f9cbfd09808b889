/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ending.h - how long a sandbox may take to end.
 *
 * What programs have sent goes on being sent when the last of them has ended (stack.c). Whoever asked for the end does not
 * wait for that: of the grace that a container runtime gives (docker stop: 10 s, one SIGTERM) the program may have
 * needed most. And nobody waits for a stack process that makes no turn.
 */
#ifndef CMD_ENDING_H
#define CMD_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#define ENDING_DRAIN	UINT64_C(1000000000)	/* ns: for what is on its way, when a signal asked for the end */
#define ENDING_STUCK	UINT64_C(3000000000)	/* likewise, where the stack process makes no turn */
#define ENDING_UNASKED	UINT64_C(10000000000)	/* the latter, when the program has ended by itself */
#define ENDING_HANGUP	UINT64_C(10000000000)	/* a program that outlives a SIGHUP by this has not taken it for that */

struct ending {
	int sig;			/* asked for the end; 0: none did */
	uint64_t asked, exited;		/* ns: when that was, and when the program ended; 0: it has not */
};

static inline void ending_signal(struct ending *e, int sig, uint64_t now)
{
	e->sig = sig;
	e->asked = now;
}

/* sighup: that signal's number. It makes many a daemon read its configuration again, and end one day for another reason. */
static inline void ending_exited(struct ending *e, int sighup, uint64_t now)
{
	if (e->sig == sighup && now - e->asked > ENDING_HANGUP)
		e->sig = 0;
	e->exited = now;
}

/*
 * When the stack process is to be ended, if it has not ended by then; UINT64_MAX: when it likes. started: it has let
 * the program run. stuck: since when it has made no turn; 0: it does.
 */
uint64_t ending_due(const struct ending *e, bool started, uint64_t stuck);

#endif
