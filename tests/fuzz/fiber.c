/* SPDX-License-Identifier: Apache-2.0 */
/* fiber.c - fibers (fiber.h) of ucontext.h. AddressSanitizer is told of each switch, or it would take the
 * other stack for a wild pointer. */
#include <stdint.h>
#include <sys/mman.h>

#include "tests/fuzz/fiber.h"
#include "tests/fuzz/fuzz.h"

#define STACK_SIZE (1u << 20)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN
#endif

#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>

static void leave(void **fake, const void *stack, size_t size)
{
	__sanitizer_start_switch_fiber(fake, stack, size);
}

static void arrive(void *fake, const void **from, size_t *size)
{
	__sanitizer_finish_switch_fiber(fake, from, size);
}
#else
static void leave(void **fake, const void *stack, size_t size)
{
	(void)fake;
	(void)stack;
	(void)size;
}

static void arrive(void *fake, const void **from, size_t *size)
{
	(void)fake;
	(void)from;
	(void)size;
}
#endif

void fiber_init(struct fiber *f)
{
	*f = (struct fiber){ 0 };
	f->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	fuzz_check(f->stack != MAP_FAILED);
}

void fiber_free(struct fiber *f)
{
	fuzz_check(!f->runs);
	munmap(f->stack, STACK_SIZE);
}

/* makecontext() passes ints. */
static void fiber_main(unsigned int high, unsigned int low)
{
	struct fiber *f = (struct fiber *)(((uintptr_t)high << 32) | low);

	arrive(NULL, &f->scheduler_stack, &f->scheduler_size);
	f->fn(f->arg);
	f->runs = false;
	leave(NULL, f->scheduler_stack, f->scheduler_size);
	swapcontext(&f->context, &f->scheduler);
	abort();
}

void fiber_start(struct fiber *f, void (*fn)(void *arg), void *arg)
{
	uintptr_t at = (uintptr_t)f;

	fuzz_check(!f->runs && !getcontext(&f->context));
	f->fn = fn;
	f->arg = arg;
	f->runs = true;
	f->fake = NULL;
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK_SIZE;
	f->context.uc_link = NULL;
	makecontext(&f->context, (void (*)(void))fiber_main, 2, (unsigned int)(at >> 32), (unsigned int)at);
}

void fiber_resume(struct fiber *f)
{
	fuzz_check(f->runs);
	leave(&f->scheduler_fake, f->stack, STACK_SIZE);
	swapcontext(&f->scheduler, &f->context);
	arrive(f->scheduler_fake, NULL, NULL);
}

void fiber_yield(struct fiber *f)
{
	leave(&f->fake, f->scheduler_stack, f->scheduler_size);
	swapcontext(&f->context, &f->scheduler);
	arrive(f->fake, &f->scheduler_stack, &f->scheduler_size);
}
