/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bindtable.c - who may bind to what: every pair of two sockets on one port, by family and address,
 * SO_REUSEADDR, SO_REUSEPORT and what the first one is doing. The table is what Linux answered:
 * `posix bind-table` prints it anew.
 *
 * A row is a first socket: its state, name and options. A column is a second one, by name and
 * options. In a cell: x bind gives EADDRINUSE; l it does not, but listen does; o both work.
 */
#include "check.h"

enum { BOUND, LISTENING, ESTABLISHED, TIME_WAIT, STATES };
static const char *const states[] = { "bound", "listening", "accepted", "time-wait" };

/* Whom the first socket and the second are; reached: where a client of the first connects to. */
static const struct who {
	int domain;
	const char *addr, *text, *reached;
	int only;			/* IPV6_V6ONLY */
} whos[] = {
	{ AF_INET, "0.0.0.0", "0.0.0.0", "127.0.0.1", 0 },
	{ AF_INET, "127.0.0.1", "127.0.0.1", "127.0.0.1", 0 },
	{ AF_INET, "127.0.0.2", "127.0.0.2", "127.0.0.2", 0 },
	{ AF_INET6, "::", ":: of both", "::ffff:127.0.0.1", 0 },
	{ AF_INET6, "::", ":: of IPv6", "::1", 1 },
	{ AF_INET6, "::1", "::1", "::1", 0 },
	{ AF_INET6, "::ffff:0.0.0.0", "mapped 0.0.0.0", "::ffff:127.0.0.1", 0 },
	{ AF_INET6, "::ffff:127.0.0.1", "mapped 127.0.0.1", "::ffff:127.0.0.1", 0 },
};

#define OPTIONS	4			/* REUSEADDR, REUSEPORT, both and none */
#define COLUMNS	(8 * OPTIONS)		/* and as many rows of each state */
#define TEXT	(COLUMNS + 8)		/* a row's text: a space before each name but the first */

static const char *const expected[STATES * COLUMNS] = {
	"xxxx xxxx xxxx xxxx oooo oooo xxxx xxxx",	/* bound 0.0.0.0 */
	"xoxo xoxo xoxo xoxo oooo oooo xoxo xoxo",	/* bound 0.0.0.0 reuseaddr */
	"xxoo xxoo xxoo xxoo oooo oooo xxoo xxoo",	/* bound 0.0.0.0 reuseport */
	"xooo xooo xooo xooo oooo oooo xooo xooo",	/* bound 0.0.0.0 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* bound 127.0.0.1 */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* bound 127.0.0.1 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* bound 127.0.0.1 reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* bound 127.0.0.1 reuseaddr reuseport */
	"xxxx oooo xxxx xxxx oooo oooo xxxx oooo",	/* bound 127.0.0.2 */
	"xoxo oooo xoxo xoxo oooo oooo xoxo oooo",	/* bound 127.0.0.2 reuseaddr */
	"xxoo oooo xxoo xxoo oooo oooo xxoo oooo",	/* bound 127.0.0.2 reuseport */
	"xooo oooo xooo xooo oooo oooo xooo oooo",	/* bound 127.0.0.2 reuseaddr reuseport */
	"xxxx xxxx xxxx xxxx xxxx xxxx xxxx xxxx",	/* bound :: of both */
	"xoxo xoxo xoxo xoxo xoxo xoxo xoxo xoxo",	/* bound :: of both reuseaddr */
	"xxoo xxoo xxoo xxoo xxoo xxoo xxoo xxoo",	/* bound :: of both reuseport */
	"xooo xooo xooo xooo xooo xooo xooo xooo",	/* bound :: of both reuseaddr reuseport */
	"oooo oooo oooo xxxx xxxx xxxx oooo oooo",	/* bound :: of IPv6 */
	"oooo oooo oooo xoxo xoxo xoxo oooo oooo",	/* bound :: of IPv6 reuseaddr */
	"oooo oooo oooo xxoo xxoo xxoo oooo oooo",	/* bound :: of IPv6 reuseport */
	"oooo oooo oooo xooo xooo xooo oooo oooo",	/* bound :: of IPv6 reuseaddr reuseport */
	"oooo oooo oooo xxxx xxxx xxxx oooo oooo",	/* bound ::1 */
	"oooo oooo oooo xoxo xoxo xoxo oooo oooo",	/* bound ::1 reuseaddr */
	"oooo oooo oooo xxoo xxoo xxoo oooo oooo",	/* bound ::1 reuseport */
	"oooo oooo oooo xooo xooo xooo oooo oooo",	/* bound ::1 reuseaddr reuseport */
	"xxxx xxxx xxxx xxxx oooo oooo xxxx xxxx",	/* bound mapped 0.0.0.0 */
	"xoxo xoxo xoxo xoxo oooo oooo xoxo xoxo",	/* bound mapped 0.0.0.0 reuseaddr */
	"xxoo xxoo xxoo xxoo oooo oooo xxoo xxoo",	/* bound mapped 0.0.0.0 reuseport */
	"xooo xooo xooo xooo oooo oooo xooo xooo",	/* bound mapped 0.0.0.0 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* bound mapped 127.0.0.1 */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* bound mapped 127.0.0.1 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* bound mapped 127.0.0.1 reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* bound mapped 127.0.0.1 reuseaddr reuseport */
	"xxxx xxxx xxxx xxxx oooo oooo xxxx xxxx",	/* listening 0.0.0.0 */
	"xxxx xxxx xxxx xxxx oooo oooo xxxx xxxx",	/* listening 0.0.0.0 reuseaddr */
	"xxoo xxoo xxoo xxoo oooo oooo xxoo xxoo",	/* listening 0.0.0.0 reuseport */
	"xxoo xxoo xxoo xxoo oooo oooo xxoo xxoo",	/* listening 0.0.0.0 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* listening 127.0.0.1 */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* listening 127.0.0.1 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* listening 127.0.0.1 reuseport */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* listening 127.0.0.1 reuseaddr reuseport */
	"xxxx oooo xxxx xxxx oooo oooo xxxx oooo",	/* listening 127.0.0.2 */
	"xxxx oooo xxxx xxxx oooo oooo xxxx oooo",	/* listening 127.0.0.2 reuseaddr */
	"xxoo oooo xxoo xxoo oooo oooo xxoo oooo",	/* listening 127.0.0.2 reuseport */
	"xxoo oooo xxoo xxoo oooo oooo xxoo oooo",	/* listening 127.0.0.2 reuseaddr reuseport */
	"xxxx xxxx xxxx xxxx xxxx xxxx xxxx xxxx",	/* listening :: of both */
	"xxxx xxxx xxxx xxxx xxxx xxxx xxxx xxxx",	/* listening :: of both reuseaddr */
	"xxoo xxoo xxoo xxoo xxoo xxoo xxoo xxoo",	/* listening :: of both reuseport */
	"xxoo xxoo xxoo xxoo xxoo xxoo xxoo xxoo",	/* listening :: of both reuseaddr reuseport */
	"oooo oooo oooo xxxx xxxx xxxx oooo oooo",	/* listening :: of IPv6 */
	"oooo oooo oooo xxxx xxxx xxxx oooo oooo",	/* listening :: of IPv6 reuseaddr */
	"oooo oooo oooo xxoo xxoo xxoo oooo oooo",	/* listening :: of IPv6 reuseport */
	"oooo oooo oooo xxoo xxoo xxoo oooo oooo",	/* listening :: of IPv6 reuseaddr reuseport */
	"oooo oooo oooo xxxx xxxx xxxx oooo oooo",	/* listening ::1 */
	"oooo oooo oooo xxxx xxxx xxxx oooo oooo",	/* listening ::1 reuseaddr */
	"oooo oooo oooo xxoo xxoo xxoo oooo oooo",	/* listening ::1 reuseport */
	"oooo oooo oooo xxoo xxoo xxoo oooo oooo",	/* listening ::1 reuseaddr reuseport */
	"xxxx xxxx xxxx xxxx oooo oooo xxxx xxxx",	/* listening mapped 0.0.0.0 */
	"xxxx xxxx xxxx xxxx oooo oooo xxxx xxxx",	/* listening mapped 0.0.0.0 reuseaddr */
	"xxoo xxoo xxoo xxoo oooo oooo xxoo xxoo",	/* listening mapped 0.0.0.0 reuseport */
	"xxoo xxoo xxoo xxoo oooo oooo xxoo xxoo",	/* listening mapped 0.0.0.0 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* listening mapped 127.0.0.1 */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* listening mapped 127.0.0.1 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* listening mapped 127.0.0.1 reuseport */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* listening mapped 127.0.0.1 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* accepted 0.0.0.0 */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* accepted 0.0.0.0 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* accepted 0.0.0.0 reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* accepted 0.0.0.0 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* accepted 127.0.0.1 */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* accepted 127.0.0.1 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* accepted 127.0.0.1 reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* accepted 127.0.0.1 reuseaddr reuseport */
	"xxxx oooo xxxx xxxx oooo oooo xxxx oooo",	/* accepted 127.0.0.2 */
	"xoxo oooo xoxo xoxo oooo oooo xoxo oooo",	/* accepted 127.0.0.2 reuseaddr */
	"xxoo oooo xxoo xxoo oooo oooo xxoo oooo",	/* accepted 127.0.0.2 reuseport */
	"xooo oooo xooo xooo oooo oooo xooo oooo",	/* accepted 127.0.0.2 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* accepted :: of both */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* accepted :: of both reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* accepted :: of both reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* accepted :: of both reuseaddr reuseport */
	"oooo oooo oooo xxxx xxxx xxxx oooo oooo",	/* accepted :: of IPv6 */
	"oooo oooo oooo xoxo xoxo xoxo oooo oooo",	/* accepted :: of IPv6 reuseaddr */
	"oooo oooo oooo xxoo xxoo xxoo oooo oooo",	/* accepted :: of IPv6 reuseport */
	"oooo oooo oooo xooo xooo xooo oooo oooo",	/* accepted :: of IPv6 reuseaddr reuseport */
	"oooo oooo oooo xxxx xxxx xxxx oooo oooo",	/* accepted ::1 */
	"oooo oooo oooo xoxo xoxo xoxo oooo oooo",	/* accepted ::1 reuseaddr */
	"oooo oooo oooo xxoo xxoo xxoo oooo oooo",	/* accepted ::1 reuseport */
	"oooo oooo oooo xooo xooo xooo oooo oooo",	/* accepted ::1 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* accepted mapped 0.0.0.0 */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* accepted mapped 0.0.0.0 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* accepted mapped 0.0.0.0 reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* accepted mapped 0.0.0.0 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* accepted mapped 127.0.0.1 */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* accepted mapped 127.0.0.1 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* accepted mapped 127.0.0.1 reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* accepted mapped 127.0.0.1 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* time-wait 0.0.0.0 */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* time-wait 0.0.0.0 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* time-wait 0.0.0.0 reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* time-wait 0.0.0.0 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* time-wait 127.0.0.1 */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* time-wait 127.0.0.1 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* time-wait 127.0.0.1 reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* time-wait 127.0.0.1 reuseaddr reuseport */
	"xxxx oooo xxxx xxxx oooo oooo xxxx oooo",	/* time-wait 127.0.0.2 */
	"xoxo oooo xoxo xoxo oooo oooo xoxo oooo",	/* time-wait 127.0.0.2 reuseaddr */
	"xxoo oooo xxoo xxoo oooo oooo xxoo oooo",	/* time-wait 127.0.0.2 reuseport */
	"xooo oooo xooo xooo oooo oooo xooo oooo",	/* time-wait 127.0.0.2 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* time-wait :: of both */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* time-wait :: of both reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* time-wait :: of both reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* time-wait :: of both reuseaddr reuseport */
	"oooo oooo oooo xxxx xxxx xxxx oooo oooo",	/* time-wait :: of IPv6 */
	"oooo oooo oooo xoxo xoxo xoxo oooo oooo",	/* time-wait :: of IPv6 reuseaddr */
	"oooo oooo oooo xxoo xxoo xxoo oooo oooo",	/* time-wait :: of IPv6 reuseport */
	"oooo oooo oooo xooo xooo xooo oooo oooo",	/* time-wait :: of IPv6 reuseaddr reuseport */
	"oooo oooo oooo xxxx xxxx xxxx oooo oooo",	/* time-wait ::1 */
	"oooo oooo oooo xoxo xoxo xoxo oooo oooo",	/* time-wait ::1 reuseaddr */
	"oooo oooo oooo xxoo xxoo xxoo oooo oooo",	/* time-wait ::1 reuseport */
	"oooo oooo oooo xooo xooo xooo oooo oooo",	/* time-wait ::1 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* time-wait mapped 0.0.0.0 */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* time-wait mapped 0.0.0.0 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* time-wait mapped 0.0.0.0 reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* time-wait mapped 0.0.0.0 reuseaddr reuseport */
	"xxxx xxxx oooo xxxx oooo oooo xxxx xxxx",	/* time-wait mapped 127.0.0.1 */
	"xoxo xoxo oooo xoxo oooo oooo xoxo xoxo",	/* time-wait mapped 127.0.0.1 reuseaddr */
	"xxoo xxoo oooo xxoo oooo oooo xxoo xxoo",	/* time-wait mapped 127.0.0.1 reuseport */
	"xooo xooo oooo xooo oooo oooo xooo xooo",	/* time-wait mapped 127.0.0.1 reuseaddr reuseport */
};

static int who_socket(const struct who *w, uint16_t port, int options)
{
	union name n = name_at(w->domain, w->addr, port);

	return bound_socket(&n, options | (w->only ? V6ONLY : 0));
}

/* A port that nothing has at any address: none of those that clients get, and each once, for
 * connections stay in TIME-WAIT. Another run, soon after, has others. */
static uint16_t free_port(void)
{
	static int used;

	return (uint16_t)(1024 + getpid() % 6 * 5000 + used++ % 5000);
}

struct first {
	int fd, peer;
	uint16_t port;
};

static void first_make(struct first *f, int state, const struct who *w, int options)
{
	union name to;
	int child;
	char c;

	f->peer = -1;
	f->port = free_port();
	f->fd = who_socket(w, f->port, options);
	IS(f->fd >= 0, 1);
	if (state == BOUND)
		return;
	DID(listen(f->fd, 5), 0);
	if (state == LISTENING)
		return;
	to = name_at(w->domain, w->reached, f->port);
	f->peer = socket(w->domain, SOCK_STREAM, 0);
	DID(connect(f->peer, NAME(to)), 0);
	child = accept(f->fd, NULL, NULL);
	IS(child >= 0, 1);
	close(f->fd);
	f->fd = child;
	if (state == ESTABLISHED)
		return;
	close(child);			/* our end goes first, and keeps the port */
	f->fd = -1;
	DID(read(f->peer, &c, 1), 0);
	close(f->peer);
	f->peer = -1;
	usleep(1000);
}

static void first_end(struct first *f)
{
	struct linger reset = { 1, 0 };

	if (f->peer >= 0) {
		setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(f->peer);
	}
	if (f->fd >= 0)
		close(f->fd);
}

static char second(const struct first *f, const struct who *w, int options)
{
	int fd = who_socket(w, f->port, options);
	char c = 'x';

	if (fd < 0)
		return errno == EADDRINUSE ? 'x' : '?';
	c = listen(fd, 1) == 0 ? 'o' : errno == EADDRINUSE ? 'l' : '?';
	close(fd);
	return c;
}

static void row_ask(int row, char text[TEXT])
{
	struct first f;
	char *end = text;

	for (int col = 0; col < COLUMNS; col++) {
		if (col && col % OPTIONS == 0)
			*end++ = ' ';
		first_make(&f, row / COLUMNS, &whos[row / OPTIONS % 8], row % OPTIONS);
		*end++ = second(&f, &whos[col / OPTIONS], col % OPTIONS);
		first_end(&f);
	}
	*end = '\0';
}

static void row_name(int row, char text[64])
{
	snprintf(text, 64, "%s %s%s%s", states[row / COLUMNS], whos[row / OPTIONS % 8].text,
		 row & REUSEADDR ? " reuseaddr" : "", row & REUSEPORT ? " reuseport" : "");
}

void print_bind_table(void)
{
	char text[TEXT], name[64];

	for (int row = 0; row < STATES * COLUMNS; row++) {
		row_ask(row, text);
		row_name(row, name);
		printf("\t\"%s\",\t/* %s */\n", text, name);
	}
}

void test_bind_table(void)
{
	char text[TEXT], name[64];

	for (int row = 0; row < STATES * COLUMNS; row++) {
		row_ask(row, text);
		row_name(row, name);
		if (strcmp(text, expected[row]))
			printf("%s: first %s:\n\t%s, not\n\t%s\n", check_test, name, text, expected[row]);
		IS(strcmp(text, expected[row]), 0);
	}
}
