/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procnet.h - the files of /proc/net, from the state of one stack, in Linux's formats (proc(5)).
 *
 * This floor knows files, their names and their bytes; who shows them to programs is not its business.
 */
#ifndef PROCNET_PROCNET_H
#define PROCNET_PROCNET_H

#include <sys/types.h>

#include "stack.h"

#define PROCNET_PIECE	4096u		/* bytes of a file that are kept; no record is longer */
#define PROCNET_ROWS	128u		/* that are looked at in one turn */

/* Where in a file one is: which, each file knows. Zeroed at its beginning. */
struct procnet_cursor {
	uint64_t at[6];
};

/* Where records are written, each whole or not at all. */
struct procnet_out {
	char *to;
	size_t len, room;
	unsigned int rows;		/* that may still be looked at */
};

struct procnet_file {
	const char *name;
	/* Write records from c on. True: these were all; false: the next one has no room, or it is another turn's. */
	bool (*write)(const struct procnet_file *f, const struct stack *s, struct procnet_cursor *c,
		      struct procnet_out *out);
	int family;			/* where two files differ in nothing else */
	const char *header;
};

/* One that a program has open. */
struct procnet_open {
	const struct procnet_file *file;
	struct procnet_cursor cursor;	/* behind what text holds */
	uint64_t start;			/* of text in the file */
	uint32_t len;
	bool end;			/* nothing follows */
	char text[PROCNET_PIECE];
};

/* The i-th file, from 0 on; NULL: there are no more. */
const struct procnet_file *procnet_file(size_t i);

void procnet_open(struct procnet_open *o, const struct procnet_file *f);
/* A read begins at off: at 0 the file is written anew, as Linux does. */
void procnet_begin(struct procnet_open *o, uint64_t off);
/* At most max bytes from off on, at *bytes until the next call. 0: the end. -EAGAIN: they are far away; call
 * this again in the next turn. */
ssize_t procnet_read(struct procnet_open *o, const struct stack *s, uint64_t off, size_t max,
		     const char **bytes);

/* ---- for the files ---- */

/* False: there is no room, or this turn has done enough. */
bool procnet_put(struct procnet_out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line, padded with spaces to width, which is without its newline. */
bool procnet_line(struct procnet_out *out, int width, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A row that is not shown. */
static inline bool procnet_skip(struct procnet_out *out)
{
	return out->rows && out->rows--;
}
/* f's header, unless c's first number says that it was written. */
bool procnet_header(const struct procnet_file *f, struct procnet_cursor *c, struct procnet_out *out,
		    int width);

/* Linux's clock_t: 1/100 s. */
static inline unsigned long procnet_ticks(uint64_t ns)
{
	return (unsigned long)(ns / 10000000ull);
}

#define PROCNET_HEX6	33		/* an IPv6 address as 32 digits */
const char *procnet_hex6(const struct ip_addr *a, char text[PROCNET_HEX6]);

extern const struct procnet_file procnet_dev[], procnet_sockets[], procnet_routes[], procnet_snmp[],
	procnet_neigh[], procnet_igmp[];	/* each ends with one without a name */

#endif
