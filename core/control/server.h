/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the control socket: /run/weir/NAME.sock, mode 0600.
 *
 * A request is one line of JSON on a stream socket, an object with "command" and its arguments; file descriptors
 * (a module to load, a notification listener) come with its first byte as SCM_RIGHTS.
 * The answer is one line of JSON, {"ok":true,"result":...} or {"ok":false,"error":"sentence","need":"module name"},
 * then the server closes. "need" asks the client to load that module first and to try
 * again: the stack process cannot open files.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <jansson.h>

#include "control/instance.h"

#define CONTROL_REQUEST_MAX (1u << 20)
#define CONTROL_FDS_MAX 4

struct control;

struct control_request {
	struct instance *instance;
	json_t *args;			/* the whole request object */
	int fds[CONTROL_FDS_MAX];	/* closed by the server when not taken (set to -1) */
	int nfds;
	int reply_fds[CONTROL_FDS_MAX];	/* sent with the answer; stay the handler's */
	int nreply_fds;
};

/* A command: fills *result (a new reference, or NULL for null), 0 or -errno with e. */
struct control_command {
	const char *name;		/* "qdisc replace" */
	int (*fn)(void *arg, struct control_request *rq, json_t **result, struct weir_error *e);
};

/* listen_fd: bound and listening, made with privilege. commands: NULL-name-terminated tables. */
struct control *control_start(struct instance *inst, int listen_fd, struct weir_error *e);
void control_register(struct control *c, const struct control_command *commands, void *arg);
void control_stop(struct control *c);

/* The client's side: connect, send, read the whole answer. */
int control_connect(const char *name, struct weir_error *e);
json_t *control_call(int fd, json_t *request, const int *fds, int nfds, int *reply_fds,
		     int *nreply_fds, struct weir_error *e);

#endif
