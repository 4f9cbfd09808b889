/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procnet.c - reading a file of /proc/net.
 *
 * Theory of operation
 *
 * A file has no bytes until they are read, and there may be megabytes of them. As Linux's seq_file does, an
 * open file keeps one piece of whole records, and a cursor that says where the next piece begins. A
 * reader that goes on where it was costs what it reads. One that goes back within the piece (a shell
 * that reads lines) gets the same bytes again; further back, or to the beginning, the file is written anew;
 * forward, what lies between is written and thrown away.
 *
 * What a program reads, and from where, must not keep the stack from its work: a turn looks at
 * PROCNET_ROWS rows at most, those that are passed over included.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "procnet/procnet.h"

static const struct procnet_file *const tables[] = {
	procnet_dev, procnet_sockets, procnet_routes, procnet_snmp, procnet_neigh, procnet_igmp,
};

const struct procnet_file *procnet_file(size_t i)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct procnet_file *f = tables[t]; f->name; f++)
			if (!i--)
				return f;
	return NULL;
}

/* ---- writing ---- */

static bool put(struct procnet_out *out, int width, const char *fmt, va_list ap)
{
	size_t room = out->room - out->len, len;
	char *to = out->to + out->len;
	int n;

	if (!out->rows)
		return false;
	n = vsnprintf(to, room, fmt, ap);
	len = n < 0 ? 0 : (size_t)n;
	if (width < 0) {			/* not a line */
		if (len >= room)
			return false;
	} else {
		size_t wide = len > (size_t)width ? len : (size_t)width;

		if (wide + 1 >= room)
			return false;
		memset(to + len, ' ', wide - len);
		to[wide] = '\n';
		len = wide + 1;
	}
	out->len += len;
	out->rows--;
	return true;
}

bool procnet_put(struct procnet_out *out, const char *fmt, ...)
{
	va_list ap;
	bool ok;

	va_start(ap, fmt);
	ok = put(out, -1, fmt, ap);
	va_end(ap);
	return ok;
}

bool procnet_line(struct procnet_out *out, int width, const char *fmt, ...)
{
	va_list ap;
	bool ok;

	va_start(ap, fmt);
	ok = put(out, width, fmt, ap);
	va_end(ap);
	return ok;
}

bool procnet_header(const struct procnet_file *f, struct procnet_cursor *c, struct procnet_out *out,
		    int width)
{
	if (!c->at[0])
		c->at[0] = procnet_line(out, width, "%s", f->header);
	return c->at[0];
}

const char *procnet_hex6(const struct ip_addr *a, char text[PROCNET_HEX6])
{
	for (size_t i = 0; i < sizeof(a->b); i++)
		snprintf(text + 2 * i, 3, "%02x", a->b[i]);
	return text;
}

/* ---- reading ---- */

static void rewind_to_start(struct procnet_open *o)
{
	o->cursor = (struct procnet_cursor){ 0 };
	o->start = 0;
	o->len = 0;
	o->end = false;
}

void procnet_open(struct procnet_open *o, const struct procnet_file *f)
{
	o->file = f;
	rewind_to_start(o);
}

void procnet_begin(struct procnet_open *o, uint64_t off)
{
	if (!off || off < o->start)
		rewind_to_start(o);
}

static void next_piece(struct procnet_open *o, const struct stack *s, unsigned int *rows)
{
	struct procnet_out out = { .to = o->text, .room = sizeof(o->text), .rows = *rows };

	o->start += o->len;
	o->end = o->file->write(o->file, s, &o->cursor, &out);
	o->len = (uint32_t)out.len;
	if (!out.len && out.rows)	/* a record without end would be waited for without end */
		o->end = true;
	*rows = out.rows;
}

ssize_t procnet_read(struct procnet_open *o, const struct stack *s, uint64_t off, size_t max,
		     const char **bytes)
{
	unsigned int rows = PROCNET_ROWS;
	size_t n;

	while (off >= o->start + o->len) {
		if (o->end)
			return 0;
		if (!rows)
			return -EAGAIN;
		next_piece(o, s, &rows);
	}
	n = (size_t)(o->start + o->len - off);
	*bytes = o->text + (off - o->start);
	return (ssize_t)(n < max ? n : max);
}
