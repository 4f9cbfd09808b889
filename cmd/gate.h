/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h - the process of weir run that knows the operator from the programs of sandboxes. */
#ifndef CMD_GATE_H
#define CMD_GATE_H

#include <sys/types.h>

#include <weir/error.h>

struct gate {
	pid_t pid;
	int sock;			/* the server's end; -1 */
};

int gate_start(struct gate *g, struct weir_error *e);
void gate_stop(struct gate *g);

#endif
