/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.h - who may command: the control socket's server asks, a process that sees the operator's PID namespace answers.
 *
 * The server hands over a client that has something to say, and reads nothing of it before the answer. One message
 * each way on a SEQPACKET socket.
 */
#ifndef CONTROL_GATE_H
#define CONTROL_GATE_H

#include <stdint.h>

enum gate_verdict {
	GATE_OPERATOR,			/* what can be read next was said by one who may command */
	GATE_STRANGER,			/* by one in a sandbox or container, by one of whom nothing is known */
	GATE_NOTHING,			/* there is nothing to read */
};

struct gate_question {
	uint64_t client;		/* which; the server's number */
	uint64_t accepted;		/* ns of CLOCK_BOOTTIME: when it was */
};

struct gate_answer {
	uint64_t client;		/* as in the question */
	uint32_t verdict;
};

/* The server's side, which never waits: 0 or -errno. */
int gate_ask(int sock, const struct gate_question *q, int fd);
int gate_answered(int sock, struct gate_answer *a);	/* -EAGAIN: no answer yet; -EPIPE: there will be none */
/* The gate's: wait for a question, the client's descriptor is *fd. */
int gate_question(int sock, struct gate_question *q, int *fd);
int gate_answer(int sock, const struct gate_answer *a);

#endif
