/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - what was taken from a namespace, noted in a file, so that it can be given back when
 * the front and the janitor were both killed (ledger.c, ledger_text.c, recover.c).
 */
#ifndef INTERCEPT_LEDGER_H
#define INTERCEPT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdio.h>

#include <weir/error.h>

struct takeover;

/* Which namespace a ledger is about. */
struct ledger_head {
	char boot[40];			/* the kernel's boot_id: namespaces have numbers within one boot */
	char path[PATH_MAX];		/* where it was found */
	uint64_t dev, ino;
};

/* Note what t has read, under the sandbox's name, and hold the ledger's lock with t. Before the
 * first address is removed. */
int ledger_begin(struct takeover *t, const char *sandbox, struct weir_error *e);
int ledger_write(const struct takeover *t, struct weir_error *e);	/* what t is now */
/* In another process than the one that writes: t becomes what is noted. It stays as it is when
 * that cannot be read. */
void ledger_reload(struct takeover *t);
void ledger_end(struct takeover *t);		/* all is given back; harmless without a ledger */

/* Give back what all weirs had taken that were killed, as far as can be; said on stderr. */
void ledger_recover_dead(void);
/* Under t's lock: give back what a weir that was killed had taken from this namespace. */
int ledger_recover_here(struct takeover *t, struct weir_error *e);
/*
 * Give back what is noted under the sandbox's name, or (NULL) under all names whose owners are
 * dead. tell: one sentence for each. How many were given back or found to be beyond it, or -errno
 * with e: there is no such ledger, or its owner lives.
 */
int ledger_recover(const char *sandbox, void (*tell)(void *arg, const char *sentence), void *arg,
		   struct weir_error *e);

/* Within the ledger's files. ledger.c: descriptors of folders that only we can write, or -errno. */
int ledger_folder(bool make, struct weir_error *e);
int ledger_open(int folder, const char *sandbox, struct weir_error *e);
/* 0: its owner is dead, and it is ours now; -EWOULDBLOCK: it is in somebody's hands; -ENOENT: it was
 * removed meanwhile. */
int ledger_lock(int folder, const char *sandbox, int dir);
/* What is noted there: a takeover that holds dir. NULL: nothing is (e is empty), or e. */
struct takeover *ledger_read(int dir, const char *sandbox, struct ledger_head *head, struct weir_error *e);
void ledger_boot_id(char boot[40]);
/* ledger_text.c: a ledger as text, and back. */
int ledger_print(FILE *f, const struct takeover *t, const struct ledger_head *head);
int ledger_parse(FILE *f, struct takeover *t, struct ledger_head *head, struct weir_error *e);

#endif
