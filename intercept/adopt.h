/* SPDX-License-Identifier: Apache-2.0 */
/* adopt.h - a device that a namespace got while its sandbox runs becomes a NIC (adopt.c). */
#ifndef INTERCEPT_ADOPT_H
#define INTERCEPT_ADOPT_H

#include "control/instance.h"
#include "intercept/follow.h"

/* What the front has found out, for the stack process. */
struct adopted {
	struct link link;		/* its pointers and fd mean nothing */
	struct ip4_config ip4;
	struct ip6_config ip6;
	unsigned int index;		/* the device's */
};

_Static_assert(sizeof(struct adopted) <= FOLLOW_NEW_MAX, "a message has room for it");

/* In the front, follow_adopt's: open the device x for inst. */
int adopt_open(void *inst, const struct taken *x, char opened[FOLLOW_NEW_MAX], struct weir_error *e);
/* In the stack process: start a NIC on what was opened. It has fd then; -1: that did not come along. */
int adopt_start(struct instance *inst, const char opened[FOLLOW_NEW_MAX], int fd, struct weir_error *e);

#endif
