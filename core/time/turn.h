/* SPDX-License-Identifier: Apache-2.0 */
/* turn.h - whose turn it is: a lock that is given to who waits for it, and costs nothing while nobody does. */
#ifndef TIME_TURN_H
#define TIME_TURN_H

#include <stdint.h>

struct turn {
	uint32_t word;
	uint32_t waiters, late;
};

void turn_lock(struct turn *t);
void turn_unlock(struct turn *t);

#endif
