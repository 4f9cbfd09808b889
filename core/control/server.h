/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the control socket: /run/weir/NAME.sock, mode 0600.
 *
 * A request is one line of JSON on a stream socket, an object with "command" and its arguments;
 * file descriptors (a module to load, as a sealed copy in memory; a notification listener) come with its first byte as
 * SCM_RIGHTS. The answer is one line of JSON, {"ok":true,"result":...} or
 * {"ok":false,"error":"sentence","need":"module name"}, then the server closes. Only root and
 * the instance's owner are answered (SO_PEERCRED), and no program of a sandbox (gate.h). "need" asks the client to load that module
 * first and to try again: the stack process cannot open files.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <jansson.h>

#include "control/instance.h"
#include "control/path.h"

#define CONTROL_REQUEST_MAX (1u << 20)	/* bytes of a request, its newline included */
#define CONTROL_FDS_MAX 4
#define CONTROL_VALUES_MAX 65536u	/* in it: parsing them takes some 5 ms */
#define CONTROL_CLIENTS_MAX 64		/* that have not asked yet, and as many whose answer waits for them */
#define CONTROL_BYTES_MAX (16u << 20)	/* of the former's requests, and of the latter's answers */
#define CONTROL_IDLE_NS 10000000000ull	/* a client that neither sends nor takes anything is left */

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

/* listen_fd: bound and listening, made with privilege (socket_file.h); the server closes it.
 * commands: NULL-name-terminated tables; of two with one name, the later registered is called. */
struct control *control_start(struct instance *inst, int listen_fd, struct weir_error *e);
void control_register(struct control *c, const struct control_command *commands, void *arg);
/*
 * Refuse whom this process can see: for one that is the init of the PID namespace in which its sandbox's
 * programs live. They may be root and reach the socket's file, and are not to command what bounds them.
 */
void control_outsiders_only(struct control *c);
/* Nothing is read of whom the gate at this socket's other end does not let pass (gate.h); the caller closes it. */
int control_gate(struct control *c, int sock, struct weir_error *e);
void control_stop(struct control *c);

/* ---- the client's side: client.c ---- */

int control_connect(const char *name, struct weir_error *e);
/*
 * One request on a connected socket; the answer as it came, with "pid", the server's process as we
 * see it, added. NULL: e says why. *nreply_fds: room in, received out; may be NULL.
 */
json_t *control_call(int fd, json_t *request, const int *fds, int nfds, int *reply_fds,
		     int *nreply_fds, struct weir_error *e);
/*
 * The whole of it: connect, call, and when the server needs a module find it in r, send it, and
 * try again. The "result" (a new reference), NULL when e has the server's sentence or ours. pid
 * may be NULL.
 */
json_t *control_request(const char *name, struct registry *r, json_t *request, const int *fds,
			int nfds, int *reply_fds, int *nreply_fds, pid_t *pid,
			struct weir_error *e);

#endif
