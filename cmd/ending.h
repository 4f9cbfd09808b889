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

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define ENDING_DRAIN	UINT64_C(1000000000)	/* ns: for what is on its way, when a signal asked for the end */
#define ENDING_STUCK	UINT64_C(3000000000)	/* likewise, where the stack process makes no turn */
#define ENDING_UNASKED	UINT64_C(10000000000)	/* the latter, when the program has ended by itself */
/*
 * Programs take SIGHUP (read the configuration again), SIGINT (a shell's next line) and SIGQUIT for other things, too:
 * what comes later than this after one is not its doing. And a stack that comes to stand still so long after a
 * signal, which the program has outlived, waits for the next.
 */
#define ENDING_MEANT	UINT64_C(10000000000)

struct ending {
	int sig;			/* asked for the end; 0: none did */
	uint64_t asked, exited;		/* ns: when that was, and when the program ended; 0: it has not */
};

static inline void ending_signal(struct ending *e, int sig, uint64_t now)
{
	e->sig = sig;
	e->asked = now;
}

static inline void ending_exited(struct ending *e, uint64_t now)
{
	if (e->sig != SIGTERM && now - e->asked > ENDING_MEANT)
		e->sig = 0;
	e->exited = now;
}

/*
 * When the stack process is to be ended, if it has not ended by then; UINT64_MAX: when it likes. started: it has let
 * the program run. stuck: since when it has made no turn; 0: it does.
 */
uint64_t ending_due(const struct ending *e, bool started, uint64_t stuck);

#endif
