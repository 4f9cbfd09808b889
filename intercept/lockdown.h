/* SPDX-License-Identifier: Apache-2.0 */
/* lockdown.h - what the stack process gives up once it is set up. */
#ifndef INTERCEPT_LOCKDOWN_H
#define INTERCEPT_LOCKDOWN_H

#include <weir/error.h>

/* As many descriptors as may be had; the program must be running already, or it would inherit the
 * limit. */
void lockdown_limits(void);
/* Own root with nothing but /proc and the door, no capability but CAP_SYS_PTRACE, not dumpable, ends with its
 * parent, the allow-list. Cannot be undone. */
int lockdown(int door, struct weir_error *e);

/* The name of door, an AF_UNIX socket that listens from then on, in that root. -1: there is none. */
#define LOCKDOWN_DOOR "/d"
/* The longest name, as bind() and connect() count, that the allow-list lets these have. */
#define LOCKDOWN_NAME_MAX 11

#endif
