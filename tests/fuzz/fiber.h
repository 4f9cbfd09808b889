/* SPDX-License-Identifier: Apache-2.0 */
/* fiber.h - threads that run when they are told to, one at a time: what a scheduler of a test needs. */
#ifndef FUZZ_FIBER_H
#define FUZZ_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

struct fiber {
	ucontext_t context, scheduler;
	void *stack;
	void (*fn)(void *arg);
	void *arg;
	bool runs;			/* it was started, and fn has not returned */
	/* for AddressSanitizer, which has to know on which stack it is */
	void *fake, *scheduler_fake;
	const void *scheduler_stack;
	size_t scheduler_size;
};

void fiber_init(struct fiber *f);
void fiber_free(struct fiber *f);
void fiber_start(struct fiber *f, void (*fn)(void *arg), void *arg);
void fiber_resume(struct fiber *f);	/* until it yields or has ended */
void fiber_yield(struct fiber *f);	/* from within f */

#endif
