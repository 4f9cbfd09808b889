/* SPDX-License-Identifier: Apache-2.0 */
/* ctl.h - what the files of `weir ctl` share: ctl.c asks, ctl_print.c shows. */
#ifndef CMD_CTL_H
#define CMD_CTL_H

#include <jansson.h>

#include "control/server.h"

struct ctl {
	const char *name;		/* of the sandbox */
	bool json, stats, info;		/* -j, -s, -i */
	bool tcp, udp, raw, listening;	/* sockets -t -u -w -l */
	struct registry registry;	/* where modules are found; never loaded here */
	pid_t pid;			/* of the stack process, as it answered */
	int fd;				/* of a module's file, sent with the request; -1 = none */
	const char *module_path;	/* -p */
};

void print_show(const struct ctl *c, json_t *result);
void print_modules(const struct ctl *c, json_t *result);
void print_qdiscs(const struct ctl *c, json_t *result);
void print_links(const struct ctl *c, json_t *result);
void print_addrs(const struct ctl *c, json_t *result);
void print_routes(const struct ctl *c, json_t *result);
void print_neighs(const struct ctl *c, json_t *result);
void print_maddrs(const struct ctl *c, json_t *result);
void print_sockets(const struct ctl *c, json_t *result);
void print_stats(const struct ctl *c, json_t *result);
void print_config(const struct ctl *c, json_t *result);

#endif
