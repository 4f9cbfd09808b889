/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.c - whose turn it is (turn.h).
 *
 * Theory of operation
 *
 * A thread with much to do takes the lock again as soon as it has given it back, long before one that sleeps
 * for it is awake: with a common mutex the others would starve. So who was woken for it and has come too late a
 * few times asks for it: then it is not freed but left HANDED, which only those who wait may take. To do
 * that each time would let it lie idle while each of many wakes up. A turn is mostly short: who finds it taken
 * looks a few more times before it goes to sleep, which spares both sides the kernel.
 *
 * A mutex of the C library that inherits priority would do the same, by the thread's id; the stack process is
 * made by a bare clone into a PID namespace, after which the C library knows the wrong one.
 *
 * System calls: futex
 */
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "time/turn.h"

#define TURN_SPINS	100
#define TURN_LATE	2	/* times */

enum { FREE, TAKEN, HANDED };

static void futex(uint32_t *word, int op, uint32_t value)
{
	syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void spin(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static int take(struct turn *t, uint32_t from)
{
	return __atomic_compare_exchange_n(&t->word, &from, TAKEN, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

void turn_lock(struct turn *t)
{
	bool asked = false;

	for (int i = 0; i < TURN_SPINS; i++) {
		if (__atomic_load_n(&t->word, __ATOMIC_RELAXED) == FREE && take(t, FREE))
			return;
		spin();
	}
	__atomic_add_fetch(&t->waiters, 1, __ATOMIC_SEQ_CST);
	for (int late = 0; !take(t, FREE) && !take(t, HANDED); late++) {
		if (late == TURN_LATE)
			__atomic_add_fetch(&t->late, 1, __ATOMIC_SEQ_CST);
		futex(&t->word, FUTEX_WAIT, TAKEN);
		asked |= late == TURN_LATE;
	}
	if (asked)
		__atomic_sub_fetch(&t->late, 1, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&t->waiters, 1, __ATOMIC_SEQ_CST);
}

void turn_unlock(struct turn *t)
{
	uint32_t to = __atomic_load_n(&t->late, __ATOMIC_SEQ_CST) ? HANDED : FREE;

	__atomic_store_n(&t->word, to, __ATOMIC_SEQ_CST);
	/* one may have begun to wait since that was decided: it has seen TAKEN */
	if (to == HANDED || __atomic_load_n(&t->waiters, __ATOMIC_SEQ_CST))
		futex(&t->word, FUTEX_WAKE, 1);
}
