/* SPDX-License-Identifier: Apache-2.0 */
/* ctl.h - what the files of `weir ctl` share: ctl.c asks, ctl_print.c shows, ctl_metrics.c shows to
 * machines, ctl_capture.c writes frames, ctl_watch.c shows what changes. */
#ifndef CMD_CTL_H
#define CMD_CTL_H

#include <jansson.h>
#include <stdio.h>

#include "cmd/help.h"
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

/* Commands with a command line of their own: argv[0] is the command. An exit status, with e. */
extern const struct help_option ctl_capture_options[], ctl_metrics_options[], ctl_watch_options[];
int ctl_capture(struct ctl *c, int argc, char **argv, struct weir_error *e);
int ctl_metrics(struct ctl *c, int argc, char **argv, struct weir_error *e);
int ctl_watch(struct ctl *c, int argc, char **argv, struct weir_error *e);

/* The statistics of c's sandbox (a new reference); NULL: e says why. */
json_t *metrics_ask(struct ctl *c, struct weir_error *e);
/* Them as Prometheus reads them. */
void metrics_write(FILE *out, const char *instance, json_t *stats);
/* Them over HTTP at "127.0.0.1:PORT", "[::1]:PORT" or "unix:PATH" until SIGINT or SIGTERM. */
int metrics_listen(struct ctl *c, const char *where, struct weir_error *e);

#endif
