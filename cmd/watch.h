/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - what the files of `weir ctl NAME watch` share: ctl_watch.c asks, watch_model.c makes rates of the
 * answers, and one of two views shows them: watch_screen.c fills a terminal, watch_lines.c prints lines.
 */
#ifndef CMD_WATCH_H
#define CMD_WATCH_H

#include "cmd/ctl.h"
#include "cmd/watch_model.h"

struct watch;

struct watch_view {
	int (*start)(struct watch *w, struct weir_error *e);
	void (*show)(struct watch *w);		/* after each sample */
	void (*stop)(struct watch *w);		/* the terminal is as it was before start */
	/* A terminal's; NULL where there is none. keys: somebody typed; false: to quit. */
	bool (*keys)(struct watch *w);
	void (*resized)(struct watch *w);
	void (*suspend)(struct watch *w);	/* give the terminal back; the next show takes it again */
};

struct watch {
	struct ctl *ctl;
	const char *nic;		/* only this one; NULL: all */
	char name[64];			/* of the sandbox, printable */
	uint64_t interval;		/* ns */
	uint64_t limit, shown;		/* samples with rates; limit 0: no end */
	struct watch_model model;
	const struct watch_view *view;
	void *screen;			/* the view's own */
	bool has_keys;			/* somebody can type */
	int error;			/* errno of the first write that failed; 0 = none did */
};

extern const struct watch_view watch_lines, watch_screen;

/* Can a screen be filled there? false: e says why not. */
bool watch_screen_possible(struct weir_error *e);

/* Is this NIC shown? */
bool watch_wants(const struct watch *w, const char *nic);

#endif
