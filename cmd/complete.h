/* SPDX-License-Identifier: Apache-2.0 */
/* complete.h - what complete.c, which knows where the cursor stands, asks of complete_lists.c,
 * which knows what there is. */
#ifndef CMD_COMPLETE_H
#define CMD_COMPLETE_H

#include <stdbool.h>

#include "module/registry.h"

struct completion {
	char **words;			/* as typed behind "weir", the last being the one at the cursor */
	int n;
	const char *before;		/* of that one, what is written already: "--qdisc=" */
	const char *cur;		/* and what is to be completed */
	const char *sandbox, *dev, *kind;	/* when they were named; kind NULL: that of the qdisc there */
	const char *key;		/* whose values are wanted */
	struct registry *registry;
};

/* Print before + text (+ tail) as a candidate, if it begins as what is typed does. */
void complete_add(const struct completion *c, const char *text, const char *tail);
/* Print all that a placeholder of help.h may stand for: "DEV", "MODULE|FILE", "on|off". */
void complete_placeholder(struct completion *c, const char *placeholder);
/* The values of a qdisc's parameter, where they can be listed. */
void complete_param_value(struct completion *c, const char *key);
/* Is there such a qdisc? */
bool complete_is_kind(struct completion *c, const char *word);

#endif
