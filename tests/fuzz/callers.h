/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callers.h - programs that make system calls, as a stack process sees them: what intercept/notif.h and
 * intercept/remote.h give, without a kernel. fuzz_calls.c is linked with these in their places.
 *
 * A program has memory, whose pages may be readable or not, and descriptors, which are real ones, kept in
 * a table. Its threads make one call at a time. Whatever the stack process asks of a caller is a seam: the
 * harness may do anything else there before the answer.
 */
#ifndef FUZZ_CALLERS_H
#define FUZZ_CALLERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROGRAMS	2u
#define THREADS		3u		/* of each program */
#define CALLERS		(PROGRAMS * THREADS)
#define SLOTS		16u		/* descriptors of each program */
#define PAGES		8u
#define PAGE		4096u
#define MEMORY_AT	UINT64_C(0x7f0000000000)
#define TID_FIRST	(1 << 30)	/* no thread of the kernel's has such an id */

enum page { PAGE_RW, PAGE_RO, PAGE_NONE, PAGE_FICKLE /* each look at it finds something else */ };

struct program {
	int fds[SLOTS];			/* -1: none */
	uint32_t changed[SLOTS];	/* counts */
	uint8_t memory[PAGES * PAGE];
	enum page pages[PAGES];
	bool capable;
};

enum caller_state { CALLER_RUNS, CALLER_ASKS, CALLER_WAITS /* its notification was received */ };

struct caller {
	struct program *program;
	pid_t tid;
	enum caller_state state;
	uint64_t id;
	int nr;
	uint64_t args[6];
	int64_t result;			/* of the last one */
	uint64_t cookie;		/* of args[0], when the call was made, */
	uint32_t changed;		/* and how often that slot had been changed by then */
	int copy;			/* of a descriptor, the last that was borrowed for the call; -1 */
	uint64_t copied;		/* its cookie */
};

struct given {				/* a socket that a program was given */
	uint64_t cookie;
	bool bound, stream;		/* stream: of TCP, and never connected */
};

struct callers {
	struct program programs[PROGRAMS];
	struct caller all[CALLERS];
	uint64_t next_id;
	bool refuse_fds;		/* programs have no room for descriptors */
	void (*seam)(void *arg);	/* not in the stack's turn */
	bool (*in_turn)(void *arg);
	void *arg;
	struct given given[256];
	unsigned int ngiven;
	int listener;			/* stands for the seccomp listener */
	uint64_t calls, lost;		/* made; of those whose answer found nobody */
};

/* The fakes find it here: what they stand for has no room for an argument. */
extern struct callers *callers;

void callers_init(struct callers *w);
void callers_free(struct callers *w);		/* closes what is open */
void caller_call(struct callers *w, struct caller *c, int nr, const uint64_t args[6]);
void caller_interrupt(struct callers *w, struct caller *c);
void program_kill(struct callers *w, struct program *p);
void program_close(struct program *p, unsigned int slot);
void program_put(struct callers *w, struct program *p, unsigned int slot, int fd);	/* takes fd */
bool callers_ask(const struct callers *w);	/* a notification waits to be received */

#endif
