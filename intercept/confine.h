/* SPDX-License-Identifier: Apache-2.0 */
/* confine.h - what bounds a program of the sandbox, beside its network, its processes and its filter. */
#ifndef INTERCEPT_CONFINE_H
#define INTERCEPT_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "intercept/userns.h"

#include <weir/error.h>

struct confine {
	uint64_t caps;			/* a program that is root has these, and can never have others */
	bool privileged;		/* /proc and /sys stay as they are */
	struct userns users;
	const char *hidden;		/* a folder that looks empty inside: that of the control sockets */
};

/* In init, which is in a mount namespace of its own: cover what tells of the host or changes it. */
int confine_files(const struct confine *c, struct weir_error *e);
/* Nothing of /proc and /sys is covered then. */
bool confine_whole(const struct confine *c);
/* In a child that is to become a program: it keeps c's capabilities and cannot stop those who stand for it. */
int confine_program(const struct confine *c, struct weir_error *e);
/* In init, once the program waits: nothing is left but reaping and reporting. c's capabilities stay in the bounding
 * set, where weir exec reads what may be had. */
int confine_init(const struct confine *c, struct weir_error *e);

#endif
