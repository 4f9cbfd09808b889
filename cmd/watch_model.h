/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_model.h - what `weir ctl NAME watch` knows: answers of the sandbox become rates and a history. It asks
 * nobody, shows nothing and reads no clock.
 */
#ifndef CMD_WATCH_MODEL_H
#define CMD_WATCH_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>

#define WATCH_NICS	256u		/* more are left out */
#define WATCH_QDISCS	512u
#define WATCH_DEPTH	8u		/* of qdiscs in qdiscs; deeper ones are shown there, too */
#define WATCH_SOCKETS	20u
#define WATCH_HISTORY	256u		/* samples */
#define WATCH_NONE	UINT64_MAX	/* of a rate: nothing to compare with */

enum watch_nic_counter {
	WATCH_IN_BYTES, WATCH_IN_PACKETS, WATCH_IN_DROPS,
	WATCH_OUT_BYTES, WATCH_OUT_PACKETS, WATCH_OUT_DROPS,
	WATCH_NIC_COUNTERS
};

enum watch_qdisc_counter {
	WATCH_QDISC_BYTES, WATCH_QDISC_PACKETS, WATCH_QDISC_DROPS, WATCH_QDISC_OVERLIMITS,
	WATCH_QDISC_COUNTERS
};

enum watch_socket_counter { WATCH_SOCKET_OUT, WATCH_SOCKET_IN, WATCH_SOCKET_COUNTERS };

/*
 * Counters as they were last, how much more that is than the time before, and that a second: WATCH_NONE when there
 * was no time before, or one of them has gone back.
 */
#define WATCH_COUNTED(n) struct { uint64_t total[n], more[n], rate[n]; }

struct watch_nic {
	char name[32];
	bool up;
	WATCH_COUNTED(WATCH_NIC_COUNTERS);
	uint64_t backlog, qlen;		/* of its root qdisc, now */
	uint64_t in[WATCH_HISTORY], out[WATCH_HISTORY];	/* bytes/s; the last is the newest */
	unsigned int nhistory;
};

struct watch_qdisc {
	char dev[32], kind[32], parent[32];
	unsigned int depth;		/* 0: the root */
	WATCH_COUNTED(WATCH_QDISC_COUNTERS);
	uint64_t backlog, qlen;
};

struct watch_socket {
	char local[64], peer[64], state[16], congestion[20];
	uint64_t inode, time;
	WATCH_COUNTED(WATCH_SOCKET_COUNTERS);
	uint64_t busy;			/* bytes/s, by the sandbox's own measure */
	uint64_t cwnd, mss, rtt_us;
};

struct watch_sample {
	uint64_t time, uptime;		/* ns */
	struct watch_nic *nics;
	struct watch_qdisc *qdiscs;
	struct watch_socket sockets[WATCH_SOCKETS];
	unsigned int nnics, nqdiscs, nsockets;
};

struct watch_model {
	struct watch_sample now, before;	/* before: its history has moved to now */
	unsigned int nsamples;
};

void watch_model_free(struct watch_model *m);		/* one of zeroes is empty */

/* The first piece of an answer: a new sample. */
int watch_model_add(struct watch_model *m, const json_t *answer, struct weir_error *e);
/* Every piece, the first one too: of all sockets the busiest stay. */
void watch_model_sockets(struct watch_model *m, const json_t *answer);
/* All pieces are there: the sockets get their rates, and their order. */
void watch_model_done(struct watch_model *m);

/* ns between the last two samples; 0: there is one. */
uint64_t watch_model_interval(const struct watch_model *m);
const struct watch_nic *watch_model_nic(const struct watch_model *m, const char *name);
/* The kinds of a NIC's qdiscs, the root's first: "netem/tbf/fifo"; "-" for none. */
void watch_model_chain(const struct watch_model *m, const char *dev, char *text, size_t size);

/* Printable ASCII only: what is none is shown as ?. Never more than size - 1 bytes. */
void watch_clean(char *to, size_t size, const char *from);
/* At most 6 characters: 0, 999, 12.3k, 4.56G; - for WATCH_NONE. */
void watch_number(char text[8], uint64_t n);
/* 0 to steps; something that is not 0 is at least 1. WATCH_NONE is 0. */
unsigned int watch_level(uint64_t value, uint64_t top, unsigned int steps);
/* The largest of the last n values of a history, WATCH_NONE left out. */
uint64_t watch_top(const uint64_t *history, unsigned int nhistory, unsigned int n);

#endif
