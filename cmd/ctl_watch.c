/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl_watch.c - weir ctl NAME watch: a running sandbox, live.
 *
 * Theory of operation
 *
 * Each interval the sandbox is asked "watch" (core/control/commands_watch.c), piece by piece until all connections
 * were looked at; watch_model.c makes rates of it, and a view shows them: on a terminal a screen, otherwise lines.
 *
 * Signals that end it come at any time: the handler closes the way to a sandbox that does not answer, and returns once
 * a second as long as we are not gone, since the call that it was to interrupt may have begun just after it. Where
 * even the terminal takes nothing any more, it restores its modes and ends the process. Signals about
 * the terminal (its size, Ctrl-Z and fg) come only while we wait, so they find the screen whole.
 */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/watch.h"

#define SECOND		1000000000ull
#define INTERVAL_MIN	0.1		/* s */
#define INTERVAL_MAX	86400.0
#define PIECES_MAX	4096		/* of one answer: more connections than there can be */
#define PATIENCE	3		/* s after a signal */
#define GONE_TRIES	20		/* times 50 ms */

enum outcome { ANSWERED, ENDED, FAILED };

/* Handlers have no other way to say so, or to know. */
static volatile sig_atomic_t stopped, alarms, window_changed, suspended, continued;
static volatile sig_atomic_t asking = -1;	/* the descriptor of a request that is under way */
static struct termios before;			/* of the terminal, if has_before */
static volatile sig_atomic_t has_before;

static void on_end(int sig)
{
	int err = errno;

	if (sig != SIGALRM)
		stopped = 1;
	else if (++alarms >= PATIENCE) {
		if (has_before)
			tcsetattr(STDOUT_FILENO, TCSANOW, &before);
		_exit(CMD_FAIL);
	}
	if (asking >= 0)
		shutdown(asking, SHUT_RDWR);
	alarm(1);
	errno = err;
}

static void on_terminal(int sig)
{
	if (sig == SIGWINCH)
		window_changed = 1;
	else if (sig == SIGTSTP)
		suspended = 1;
	else
		continued = 1;
}

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM };
static const int of_terminal[] = { SIGWINCH, SIGTSTP, SIGCONT };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Not SA_RESTART: a write to a reader that does not read ends, too. */
static void signals_of_end(void)
{
	struct sigaction end = { .sa_handler = on_end };

	for (size_t i = 0; i < COUNT(ends); i++)
		sigaction(ends[i], &end, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void signals_of_terminal(void)
{
	struct sigaction terminal = { .sa_handler = on_terminal };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < COUNT(of_terminal); i++) {
		sigaction(of_terminal[i], &terminal, NULL);
		sigaddset(&set, of_terminal[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

bool watch_wants(const struct watch *w, const char *nic)
{
	return !w->nic || !strcmp(w->nic, nic);
}

/* ---- the command line ---- */

const struct help_option ctl_watch_options[] = {
	{ "-i, --interval", "SECONDS", "from 0.1 on; otherwise 1" },
	{ "-n, --count", "N", "end after N intervals; otherwise with q or Ctrl-C, or with the sandbox" },
	{ }
};

static int interval_of(struct watch *w, const char *text, struct weir_error *e)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= INTERVAL_MIN && s <= INTERVAL_MAX))
		return weir_fail(e, EINVAL, "-i %.64s: use seconds from %g to %g", text, INTERVAL_MIN, INTERVAL_MAX);
	w->interval = (uint64_t)(s * 1e9);
	return 0;
}

static int count_of(struct watch *w, const char *text, struct weir_error *e)
{
	char *end;

	errno = 0;
	w->limit = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !w->limit)
		return weir_fail(e, EINVAL, "-n %.64s: use a number from 1 on", text);
	return 0;
}

static int option(struct watch *w, int argc, char **argv, int *i, struct weir_error *e)
{
	const char *value = NULL;
	int rc = options_value(argc, argv, i, "--interval", "-i", &value, e);

	if (rc)
		return rc < 0 ? rc : interval_of(w, value, e);
	rc = options_value(argc, argv, i, "--count", "-n", &value, e);
	if (rc)
		return rc < 0 ? rc : count_of(w, value, e);
	return weir_fail(e, EINVAL, "watch has no option %s; `weir ctl NAME watch -h` lists those that there are", argv[*i]);
}

static int command_line(struct watch *w, int argc, char **argv, struct weir_error *e)
{
	int rc = 0;

	for (int i = 1; i < argc && rc == 0; i++) {
		if (argv[i][0] == '-')
			rc = option(w, argc, argv, &i, e);
		else if (!w->nic)
			w->nic = argv[i];
		else
			rc = weir_fail(e, EINVAL, "watch %s: one word too many; it takes one NIC, or shows all", argv[i]);
	}
	if (rc == 0 && w->ctl->json)
		rc = weir_fail(e, EINVAL, "watch has no JSON; its lines have columns, and `weir ctl %s stats -j` has the counters",
			       w->ctl->name);
	return rc;
}

/* ---- asking ---- */

/* The result (a new reference), NULL when e says why there is none. */
static json_t *call(struct watch *w, json_t *rq, pid_t *pid, struct weir_error *e)
{
	int fd = control_connect(w->ctl->name, e);
	json_t *answer, *result = NULL;
	const char *error;

	if (fd < 0)
		return NULL;
	asking = fd;
	answer = control_call(fd, rq, NULL, 0, NULL, NULL, e);
	asking = -1;
	close(fd);
	if (!answer)
		return NULL;
	*pid = (pid_t)json_integer_value(json_object_get(answer, "pid"));
	error = json_string_value(json_object_get(answer, "error"));
	if (json_is_true(json_object_get(answer, "ok")))
		result = json_incref(json_object_get(answer, "result"));
	else
		weir_fail(e, EPROTO, "%s", error ? error : "refused without a reason");
	json_decref(answer);
	return result;
}

/* Is there nobody behind the name any more? What ends is a while about it. */
static bool gone(const struct watch *w)
{
	const struct timespec pause = { .tv_nsec = 50000000 };

	for (int i = 0; i < GONE_TRIES && !stopped; i++) {
		int fd = control_connect(w->ctl->name, NULL);

		if (fd < 0)
			return true;
		close(fd);
		nanosleep(&pause, NULL);
	}
	return false;
}

/* One piece. 1: there are more, *rq asks for them. 0: that was the last. */
static int piece(struct watch *w, json_t *rq, bool first, bool *other, struct weir_error *e)
{
	json_t *next, *result;
	pid_t pid = 0;
	int rc = 0;

	result = call(w, rq, &pid, e);
	if (!result)
		return -EIO;
	*other = w->ctl->pid && pid != w->ctl->pid;
	w->ctl->pid = pid;
	if (first && !*other)
		rc = watch_model_add(&w->model, result, e);
	if (rc == 0 && !*other) {
		watch_model_sockets(&w->model, result);
		next = json_object_get(result, "next");
		if (next) {
			json_object_set(rq, "from", next);
			rc = 1;
		}
	}
	json_decref(result);
	return rc;
}

static enum outcome sample(struct watch *w, struct weir_error *e)
{
	json_t *rq = json_pack("{s:s}", "command", "watch");
	bool first_ever = !w->ctl->pid, other = false;
	int rc = 1;

	for (int i = 0; rc > 0 && !other && !stopped && i < PIECES_MAX; i++)
		rc = piece(w, rq, i == 0, &other, e);
	json_decref(rq);
	if (stopped)
		return ANSWERED;
	if (other || (rc < 0 && !first_ever && gone(w)))
		return ENDED;
	if (rc < 0)
		return FAILED;
	watch_model_done(&w->model);
	return ANSWERED;
}

/* ---- the terminal ---- */

/* Ctrl-Z: the shell gets its terminal back, and we stop, as everybody does. */
static void stop_here(struct watch *w)
{
	struct sigaction by_default = { .sa_handler = SIG_DFL }, ours;
	sigset_t set;

	w->view->suspend(w);
	sigaction(SIGTSTP, &by_default, &ours);
	raise(SIGTSTP);			/* blocked until the next line */
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTSTP, &ours, NULL);
	continued = 1;
}

static void terminal_events(struct watch *w)
{
	if (suspended) {
		suspended = 0;
		stop_here(w);
	}
	if (window_changed || continued) {
		window_changed = continued = 0;
		w->view->resized(w);
	}
}

/* Until the deadline, a key or a signal. False: to quit. */
static bool wait_until(struct watch *w, uint64_t deadline)
{
	uint64_t now = now_ns(), left = deadline > now ? deadline - now : 0;
	const struct timespec timeout = { .tv_sec = (time_t)(left / SECOND), .tv_nsec = (long)(left % SECOND) };
	struct pollfd p[2] = { { .fd = STDOUT_FILENO }, { .fd = w->has_keys ? STDIN_FILENO : -1, .events = POLLIN } };
	sigset_t blocked, was, unblocked;
	int n = 0;

	sigfillset(&blocked);
	sigprocmask(SIG_BLOCK, &blocked, &was);
	unblocked = was;
	for (size_t i = 0; i < COUNT(of_terminal); i++)
		sigdelset(&unblocked, of_terminal[i]);
	if (!stopped)
		n = ppoll(p, 2, &timeout, &unblocked);
	sigprocmask(SIG_SETMASK, &was, NULL);
	if (stopped || (n > 0 && p[0].revents & (POLLERR | POLLHUP | POLLNVAL)))
		return false;
	return !(n > 0 && p[1].revents) || w->view->keys(w);
}

static bool wait_interval(struct watch *w, uint64_t deadline)
{
	do {
		if (!wait_until(w, deadline))
			return false;
		if (w->view->resized)
			terminal_events(w);
	} while (now_ns() < deadline);
	return true;
}

/* ---- the command ---- */

static bool done(const struct watch *w)
{
	return stopped || w->error || (w->limit && w->shown == w->limit);
}

static enum outcome run(struct watch *w, struct weir_error *e)
{
	uint64_t deadline = now_ns();
	enum outcome o = ANSWERED;

	while (!done(w)) {
		w->view->show(w);
		if (watch_model_interval(&w->model))
			w->shown++;
		if (done(w))
			break;
		deadline += w->interval;
		if (deadline < now_ns())	/* late, or stopped for a while: no samples to make up for it */
			deadline = now_ns();
		if (!wait_interval(w, deadline))
			break;
		o = sample(w, e);
		if (o != ANSWERED)
			break;
	}
	return o;
}

static int first_sample(struct watch *w, struct weir_error *e)
{
	enum outcome o = sample(w, e);

	if (o != ANSWERED)
		return -EIO;
	if (w->nic && !stopped && !watch_model_nic(&w->model, w->nic))
		return weir_fail(e, ENODEV, "there is no NIC %.32s; `weir ctl %s link show` lists those that are", w->nic,
				 w->ctl->name);
	return 0;
}

/* A screen where there can be one, and a word why there is none on a terminal. */
static void choose_view(struct watch *w)
{
	struct weir_error e = { "" };

	w->view = &watch_lines;
	if (!isatty(STDOUT_FILENO))
		return;
	if (watch_screen_possible(&e))
		w->view = &watch_screen;
	else
		fprintf(stderr, "weir ctl: %s; plain lines instead\n", e.text);
	if (w->view == &watch_screen && !tcgetattr(STDOUT_FILENO, &before))
		has_before = 1;
}

static int outcome_status(const struct watch *w, enum outcome o, struct weir_error *e)
{
	if (w->error && w->error != EPIPE && w->error != EINTR) {
		weir_fail(e, w->error, "stdout: not all could be written: %s", strerror(w->error));
		return CMD_FAIL;
	}
	if (o == FAILED)
		return CMD_FAIL;
	if (o == ANSWERED || stopped)
		return 0;
	weir_fail(e, ESRCH, "sandbox %s has ended", w->name);
	if (w->limit)
		return CMD_FAIL;	/* fewer than were asked for */
	fprintf(stderr, "weir ctl: %s\n", e->text);
	return 0;
}

static int watch(struct watch *w, struct weir_error *e)
{
	enum outcome o;

	signals_of_end();
	if (first_sample(w, e))
		return CMD_FAIL;
	if (stopped)
		return 0;
	choose_view(w);
	if (w->view->resized)
		signals_of_terminal();
	if (w->view->start(w, e))
		return CMD_FAIL;
	o = run(w, e);
	w->view->stop(w);
	alarm(0);			/* the terminal took it all */
	has_before = 0;
	return outcome_status(w, o, e);
}

int ctl_watch(struct ctl *c, int argc, char **argv, struct weir_error *e)
{
	struct watch *w = calloc(1, sizeof(*w));
	char text[sizeof(e->text)];
	int status;

	if (!w) {
		weir_fail(e, ENOMEM, "out of memory");
		return CMD_FAIL;
	}
	w->ctl = c;
	w->interval = SECOND;
	watch_clean(w->name, sizeof(w->name), c->name);
	setlocale(LC_CTYPE, "");
	status = command_line(w, argc, argv, e) ? CMD_USAGE : watch(w, e);
	watch_model_free(&w->model);
	free(w);
	watch_clean(text, sizeof(text), e->text);	/* it may be the sandbox's */
	memcpy(e->text, text, sizeof(text));
	return status;
}
