/* SPDX-License-Identifier: Apache-2.0 */
/* stack.h - the stack process of weir run. */
#ifndef CMD_STACK_H
#define CMD_STACK_H

#include "control/instance.h"
#include "intercept/launch.h"

struct stack_start {
	struct instance *instance;	/* links opened */
	struct launch launch;
	int control_fd;			/* listening */
	int gate;			/* to the process that knows who may command (gate.h) */
	int life;			/* a pipe of the front's: it ends with the front */
	struct heartbeat *heartbeat;		/* where the front looks: watchdog.h */
	int follow;			/* what becomes of the devices, told by the front; -1 */
};

/* Run it; never returns. */
void stack_main(const struct stack_start *start) __attribute__((noreturn));

#endif
