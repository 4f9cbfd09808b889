/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - a command that stands for a program: passes signals to it, stops and ends as it does.
 *
 * The program is in the same process group, so what the terminal sends (SI_KERNEL: ^C, ^Z, a
 * hangup, a new size) has reached it already; what was sent to the command alone is passed on. A SIGTERM continues a
 * program that is stopped: whoever sends it wants an end, and would have to send a SIGCONT to a process of which it knows
 * nothing.
 */
#ifndef CMD_RELAY_H
#define CMD_RELAY_H

#include <signal.h>
#include <stdbool.h>

#include <weir/error.h>

struct relay {
	int signals;		/* signalfd of all signals; SIGCHLD is the caller's */
	int program;		/* pidfd; -1 while there is none */
	sigset_t mask;		/* as it was: the program's */
	int terminal;		/* -1: none, or it was not in the foreground */
	pid_t foreground;	/* the terminal's process group at the start */
	sigset_t ignored;	/* at the start, as by nohup */
};

int relay_open(struct relay *r, struct weir_error *e);
/* Read one signal and pass it on. Its number; 0 for none. */
int relay_signal(struct relay *r);
/* Does it ask for the end? Not where it was ignored at the start: then the program ignores it, too. */
bool relay_asks_to_end(const struct relay *r, int sig);
/* The program has stopped: so do we, until someone continues us or the program, it ends, or a signal comes that asks
 * us to end. */
void relay_stop(const struct relay *r);
/* Give the terminal back to who had it, for a program that took it and is gone. */
void relay_close(struct relay *r);
/* The exit status for what waitpid gave. */
int relay_status(int status);

#endif
