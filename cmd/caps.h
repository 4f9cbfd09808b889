/* SPDX-License-Identifier: Apache-2.0 */
/* caps.h - capabilities on the command line: --cap-add, --cap-drop and --privileged of run and exec. */
#ifndef CMD_CAPS_H
#define CMD_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/help.h"
#include "intercept/userns.h"

#include <weir/error.h>

struct caps {
	uint64_t add, drop;		/* masks */
	bool privileged;
};

#define CAPS_HELP										\
	{ "--cap-add", "CAP", "give the program this capability, too: SYS_PTRACE, or several with commas, or ALL" }, \
	{ "--cap-drop", "CAP", "take this capability from the program; with ALL it keeps what --cap-add names" }, \
	{ "--privileged", NULL, "give the program all capabilities, and a /proc and /sys that it may write; root is then not confined" }

/* What a program has that is root, when nothing is said: Docker's default, and CAP_NET_ADMIN where the network is its own. */
uint64_t caps_default(bool own_network);
/* Does argv[*i] say one of them? 1: it is in c, *i stands on its last word. 0: another option. -errno: it is wrong. */
int caps_option(struct caps *c, int argc, char **argv, int *i, struct weir_error *e);
/* The set that comes of it, from the one that holds without any option. */
uint64_t caps_set(const struct caps *c, uint64_t basis);
/* "100000:65536": the users of a sandbox with a user namespace of its own. */
int caps_users(const char *text, struct userns *u, struct weir_error *e);
/* The name of the lowest one of a mask, "CAP_CHOWN". */
const char *caps_name(uint64_t mask, char *text, size_t size);

#endif
