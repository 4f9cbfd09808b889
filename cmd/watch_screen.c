/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_screen.c - the sandbox on a whole terminal, by ncurses.
 *
 * Theory of operation
 *
 * The screen is made anew from the model each time; ncurses sends what differs. From above: a title, the NICs, of each
 * the course of its rates, the qdiscs, the busiest connections. The plots get what the tables leave, three rows at
 * most; what does not fit is cut at the right and below. On less than NARROW columns a row has only the
 * numbers that matter most.
 *
 * A plot is made of eighths of blocks where the locale is UTF-8, and else (or on the Linux console, whose font has
 * no eighths) of ASCII that gets darker. Everything else is ASCII anyway, and names came through watch_clean().
 */
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

#include "cmd/watch.h"

#define NARROW		60
#define PLOT_ROWS	3
#define PLOT_STEPS	8u		/* of one cell */
#define PLOT_LABEL	6		/* columns before it, and behind it */
#define PLOT_TOP	7
#define LINE_MAX_LEN	512

struct screen {
	SCREEN *sp;
	bool blocks;			/* the terminal shows eighths of blocks */
	int y;				/* the next row */
};

/* ---- may it be ---- */

bool watch_screen_possible(struct weir_error *e)
{
	const char *term = getenv("TERM");
	char shown[64];
	bool can;
	int err;

	watch_clean(shown, sizeof(shown), term && *term ? term : "(not set)");
	if (!term || !*term || setupterm(NULL, STDOUT_FILENO, &err) != OK) {
		weir_fail(e, ENOTTY, "the terminal TERM=%s is not known here", shown);
		return false;
	}
	can = cursor_address && clear_screen;
	del_curterm(cur_term);
	if (!can)
		weir_fail(e, ENOTTY, "the terminal TERM=%s cannot place text", shown);
	return can;
}

/* ---- text ---- */

static void put_line(struct screen *s, attr_t attr, const char *text)
{
	if (s->y >= LINES)
		return;
	attrset(attr);
	mvaddnstr(s->y, 0, text, COLS);
	attrset(A_NORMAL);
	s->y++;
}

/* Text behind the end is cut. */
__attribute__((format(printf, 3, 4)))
static void row(struct screen *s, attr_t attr, const char *format, ...)
{
	char text[LINE_MAX_LEN];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	put_line(s, attr, text);
}

struct num { char text[8]; };

static struct num num(uint64_t n)
{
	struct num t;

	watch_number(t.text, n);
	return t;
}

/* ---- title ---- */

static void draw_title(struct screen *s, const struct watch *w)
{
	uint64_t up = w->model.now.uptime / 1000000000;
	char text[LINE_MAX_LEN];

	if (COLS < NARROW)
		snprintf(text, sizeof(text), "%s  q quits", w->name);
	else
		snprintf(text, sizeof(text), " weir %s   up %llu:%02u:%02u   every %g s   bytes and packets a second   q quits",
			 w->name, (unsigned long long)(up / 3600), (unsigned int)(up / 60 % 60),
			 (unsigned int)(up % 60), (double)w->interval / 1e9);
	row(s, A_REVERSE, "%-*.*s", COLS < LINE_MAX_LEN ? COLS : LINE_MAX_LEN - 1, LINE_MAX_LEN - 1, text);
}

/* ---- plots ---- */

/* What of a bar is in a cell: its lower part is steps high. */
static unsigned int cell_level(unsigned int level, int cells_below)
{
	unsigned int below = (unsigned int)cells_below * PLOT_STEPS;

	return level <= below ? 0 : level - below < PLOT_STEPS ? level - below : PLOT_STEPS;
}

static void put_cell(const struct screen *s, unsigned int level)
{
	static const wchar_t blocks[][2] = { L" ", L"\u2581", L"\u2582", L"\u2583", L"\u2584", L"\u2585",
					     L"\u2586", L"\u2587", L"\u2588" };
	static const char darker[] = " .:-=+*%#";

	if (s->blocks)
		addnwstr(blocks[level], 1);
	else
		addch((chtype)darker[level]);
}

static void plot_row(struct screen *s, const uint64_t *history, unsigned int n, int width, int height, int above)
{
	uint64_t top = watch_top(history, n, (unsigned int)width);

	move(s->y, PLOT_LABEL + ((unsigned int)width > n ? width - (int)n : 0));
	for (unsigned int i = (unsigned int)width < n ? n - (unsigned int)width : 0; i < n; i++)
		put_cell(s, cell_level(watch_level(history[i], top, (unsigned int)height * PLOT_STEPS),
				       height - 1 - above));
	if (above == 0)
		mvprintw(s->y, PLOT_LABEL + width, " %6s", num(top).text);
}

static void draw_plot(struct screen *s, const char *label, const uint64_t *history, unsigned int n, int height)
{
	int width = COLS - PLOT_LABEL - PLOT_TOP;

	for (int i = 0; i < height && s->y < LINES && width > 0; i++) {
		if (i == 0)
			mvaddnstr(s->y, 0, label, PLOT_LABEL);
		plot_row(s, history, n, width, height, i);
		s->y++;
	}
}

/* ---- tables ---- */

/* One that carried nothing has no plot. */
static bool has_plot(const struct watch_nic *n)
{
	return watch_top(n->in, n->nhistory, n->nhistory) || watch_top(n->out, n->nhistory, n->nhistory);
}

static void draw_nic(struct screen *s, const struct watch_nic *n)
{
	attr_t attr = n->up ? A_NORMAL : A_DIM;
	const uint64_t *r = n->rate;

	if (COLS < NARROW)
		row(s, attr, "%-5.5s %6s %6s", n->name, num(r[WATCH_IN_BYTES]).text, num(r[WATCH_OUT_BYTES]).text);
	else
		row(s, attr, "%-12.12s %7s %7s %6s %7s %7s %6s %7s %6s", n->name,
		    num(r[WATCH_IN_BYTES]).text, num(r[WATCH_IN_PACKETS]).text, num(r[WATCH_IN_DROPS]).text,
		    num(r[WATCH_OUT_BYTES]).text, num(r[WATCH_OUT_PACKETS]).text, num(r[WATCH_OUT_DROPS]).text,
		    num(n->backlog).text, num(n->qlen).text);
}

static void draw_nics(struct screen *s, const struct watch *w, int height)
{
	unsigned int shown = 0;

	if (COLS < NARROW)
		row(s, A_BOLD, "%-5s %6s %6s", "NIC", "in", "out");
	else
		row(s, A_BOLD, "%-12s %7s %7s %6s %7s %7s %6s %7s %6s", "NIC", "in", "packets", "drops", "out",
		    "packets", "drops", "backlog", "queued");
	for (unsigned int i = 0; i < w->model.now.nnics; i++) {
		const struct watch_nic *n = &w->model.now.nics[i];

		if (!watch_wants(w, n->name))
			continue;
		draw_nic(s, n);
		draw_plot(s, "  in", n->in, n->nhistory, has_plot(n) ? height : 0);
		draw_plot(s, "  out", n->out, n->nhistory, has_plot(n) ? height : 0);
		shown++;
	}
	if (!shown)
		row(s, A_NORMAL, "%s", w->nic ? "it is not there now" : "none");
}

static void draw_qdiscs(struct screen *s, const struct watch *w)
{
	if (COLS < NARROW)
		row(s, A_BOLD, "%-12s %6s", "QDISC", "backl.");
	else
		row(s, A_BOLD, "%-20s %7s %7s %7s %7s %7s %6s", "QDISC", "sent", "packets", "drops", "waits",
		    "backlog", "queued");
	for (unsigned int i = 0; i < w->model.now.nqdiscs; i++) {
		const struct watch_qdisc *q = &w->model.now.qdiscs[i];
		char name[80];

		if (!watch_wants(w, q->dev))
			continue;
		snprintf(name, sizeof(name), "%*s%s %s", (int)(q->depth * 2), "", q->depth ? "+" : q->dev, q->kind);
		if (COLS < NARROW)
			row(s, A_NORMAL, "%-12.12s %6s", name, num(q->backlog).text);
		else
			row(s, A_NORMAL, "%-20.20s %7s %7s %7s %7s %7s %6s", name,
			    num(q->rate[WATCH_QDISC_BYTES]).text, num(q->rate[WATCH_QDISC_PACKETS]).text,
			    num(q->rate[WATCH_QDISC_DROPS]).text, num(q->rate[WATCH_QDISC_OVERLIMITS]).text,
			    num(q->backlog).text, num(q->qlen).text);
	}
}

/* Of a name that is too long the end, where the port is. */
static const char *tail(const char *text, int width)
{
	int n = (int)strlen(text);

	return n > width ? text + n - width : text;
}

static struct num duration(uint64_t us)
{
	struct num t;

	if (us < 1000)
		snprintf(t.text, sizeof(t.text), "%uus", (unsigned int)us % 1000);
	else if (us < 1000000)
		snprintf(t.text, sizeof(t.text), "%u.%ums", (unsigned int)(us / 1000) % 1000, (unsigned int)(us / 100 % 10));
	else
		snprintf(t.text, sizeof(t.text), "%us", (unsigned int)(us / 1000000) % 100000);
	return t;
}

static void draw_socket(struct screen *s, const struct watch_socket *k, int width)
{
	if (COLS < NARROW)
		row(s, A_NORMAL, "%-*s %6s", width, tail(k->peer, width), num(k->rate[WATCH_SOCKET_OUT]).text);
	else
		row(s, A_NORMAL, "%-*s %-*s %-10.10s %6s %6s %5s %7s %s", width, tail(k->local, width), width,
		    tail(k->peer, width), k->state, num(k->rate[WATCH_SOCKET_OUT]).text,
		    num(k->rate[WATCH_SOCKET_IN]).text, num(k->cwnd).text, duration(k->rtt_us).text, k->congestion);
}

static void draw_sockets(struct screen *s, const struct watch *w)
{
	int width = COLS < NARROW ? COLS - 8 : (COLS - 47) / 2;

	if (width > 46)
		width = 46;
	if (width < 1)
		width = 1;
	if (COLS < NARROW)
		row(s, A_BOLD, "%-*.*s %6s", width, width, "PEER", "out");
	else
		row(s, A_BOLD, "%-*.*s %-*.*s %-10s %6s %6s %5s %7s %s", width, width, "TCP LOCAL", width, width,
		    "PEER", "STATE", "out", "in", "cwnd", "rtt", "cc");
	for (unsigned int i = 0; i < w->model.now.nsockets && s->y < LINES; i++)
		draw_socket(s, &w->model.now.sockets[i], width);
}

/* ---- all of it ---- */

/* How high a plot may be, so that the tables have room, and half a dozen connections. */
static int plot_height(const struct watch *w)
{
	const struct watch_sample *now = &w->model.now;
	int plots = 0, rows = 1 + 1 + 1 + 1 + (now->nsockets < 6 ? (int)now->nsockets : 6), height;

	for (unsigned int i = 0; i < now->nnics; i++) {
		if (!watch_wants(w, now->nics[i].name))
			continue;
		rows++;
		plots += has_plot(&now->nics[i]) ? 2 : 0;
	}
	for (unsigned int i = 0; i < now->nqdiscs; i++)
		rows += watch_wants(w, now->qdiscs[i].dev);
	height = plots ? (LINES - rows) / plots : 0;
	return height < 0 ? 0 : height > PLOT_ROWS ? PLOT_ROWS : height;
}

static void show(struct watch *w)
{
	struct screen *s = w->screen;

	erase();
	s->y = 0;
	draw_title(s, w);
	draw_nics(s, w, plot_height(w));
	draw_qdiscs(s, w);
	draw_sockets(s, w);
	move(LINES - 1, 0);
	refresh();
}

static bool keys(struct watch *w)
{
	int key, n = 0;

	while ((key = getch()) != ERR) {
		n++;
		if (key == 'q' || key == 'Q')
			return false;
		if (key == '\f')	/* Ctrl-L */
			clearok(curscr, TRUE);
	}
	if (!n)				/* there was something, and it is nothing: the end of the input */
		w->has_keys = false;
	else
		show(w);
	return true;
}

static void resized(struct watch *w)
{
	struct winsize ws;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) && ws.ws_row && ws.ws_col)
		resizeterm(ws.ws_row, ws.ws_col);
	clearok(curscr, TRUE);
	show(w);
}

/* Where the terminal has no other screen to go back to, the shell's prompt has the last line for itself. */
static void leave(void)
{
	move(LINES - 1, 0);
	clrtoeol();
	refresh();
	endwin();
}

static void suspend(struct watch *w)
{
	(void)w;
	leave();
}

static int start(struct watch *w, struct weir_error *e)
{
	struct screen *s = calloc(1, sizeof(*s));
	const char *term = getenv("TERM");

	if (!s)
		return weir_fail(e, ENOMEM, "out of memory");
	s->sp = newterm(NULL, stdout, stdin);
	if (!s->sp) {
		free(s);
		return weir_fail(e, ENOTTY, "this terminal cannot be used; `| cat` shows plain lines");
	}
	s->blocks = !strcmp(nl_langinfo(CODESET), "UTF-8") && term && strncmp(term, "linux", 5);
	w->screen = s;
	w->has_keys = isatty(STDIN_FILENO);
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	typeahead(-1);			/* a frame is drawn whole, also when somebody types */
	curs_set(0);
	return 0;
}

static void stop(struct watch *w)
{
	struct screen *s = w->screen;

	if (!s)
		return;
	leave();
	delscreen(s->sp);
	free(s);
	w->screen = NULL;
}

const struct watch_view watch_screen = {
	.start = start, .show = show, .stop = stop, .keys = keys, .resized = resized, .suspend = suspend,
};
