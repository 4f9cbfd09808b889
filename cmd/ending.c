/* SPDX-License-Identifier: Apache-2.0 */
/* ending.c - when a sandbox's end is not waited for any longer (ending.h). */
#include "cmd/ending.h"

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t ending_due(const struct ending *e, bool started, uint64_t stuck)
{
	if (!e->sig)
		return e->exited && stuck ? later(e->exited, stuck) + ENDING_UNASKED : UINT64_MAX;
	if (!started)			/* nothing can be lost */
		return e->asked;
	if (e->exited)
		return e->asked >= e->exited ? e->asked : e->exited + ENDING_DRAIN;
	return stuck && stuck <= e->asked + ENDING_MEANT ? later(e->asked, stuck) + ENDING_STUCK : UINT64_MAX;
}
