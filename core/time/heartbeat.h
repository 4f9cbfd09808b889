/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heartbeat.h - what a loop tells of itself in memory that it shares with another process.
 *
 * The other one needs no answer to see that the loop does not turn: a number that stays odd is a turn that does not
 * end. It costs the loop two stores a turn.
 */
#ifndef TIME_HEARTBEAT_H
#define TIME_HEARTBEAT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HEARTBEAT_SETUP	1u	/* beats before the first turn */

struct heartbeat {
	_Atomic uint64_t beats;		/* odd: in a turn; even: waits for events */
	atomic_bool started;		/* all is set up: the program runs */
	/* Where the process was when the other asked; pc is written last. 0: it has not answered. */
	_Atomic uint64_t sp, pc;
};

#endif
