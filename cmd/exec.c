/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.c - weir exec: another program in a sandbox that is there.
 *
 * The stack process hands over a pidfd of the sandbox's init, which is the key to its namespaces.
 * The program is our child, in these namespaces, under a filter of its own, whose listener the
 * stack process is given.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/relay.h"
#include "control/server.h"
#include "intercept/launch.h"

static void help(void)
{
	fputs("Usage: weir exec NAME [--] PROGRAM [ARGUMENTS]\n"
	      "\n"
	      "Runs PROGRAM in the sandbox NAME, on its stack. The status is the program's, as with\n"
	      "weir run. When the sandbox ends, the program ends.\n"
	      "\n"
	      "  -h, --help             this text\n", stdout);
}

/* The sandbox's init, and whether its programs' calls are intercepted. */
static int join(const char *name, bool *intercept, struct weir_error *e)
{
	json_t *request = json_pack("{s:s}", "command", "exec join"), *result;
	int fds[CONTROL_FDS_MAX], nfds = CONTROL_FDS_MAX;

	result = control_request(name, NULL, request, NULL, 0, fds, &nfds, NULL, e);
	json_decref(request);
	if (!result)
		return -ENOENT;
	*intercept = json_is_true(json_object_get(result, "intercept"));
	json_decref(result);
	return nfds == 1 ? fds[0] : weir_fail(e, EPROTO, "%s gave no way into its sandbox", name);
}

static int hand_over(const char *name, int listener, struct weir_error *e)
{
	json_t *request = json_pack("{s:s}", "command", "exec listen"), *result;
	int none = 0;

	result = control_request(name, NULL, request, &listener, 1, NULL, &none, NULL, e);
	json_decref(request);
	if (!result)
		return -ENOENT;
	json_decref(result);
	return 0;
}

static int enter(int init, bool intercept, struct weir_error *e)
{
	int flags = CLONE_NEWPID | CLONE_NEWNS | (intercept ? CLONE_NEWNET : 0);

	if (setns(init, flags))
		return weir_fail(e, errno, "cannot enter the sandbox: %s%s", strerror(errno),
				 errno == EPERM ? "; run weir as root" : "");
	return 0;
}

/* Until the program ends. */
static int stand_for_program(struct relay *r, pid_t program)
{
	struct pollfd p = { .fd = r->signals, .events = POLLIN };
	int status;
	pid_t got;

	for (;;) {
		if (poll(&p, 1, -1) > 0)
			while (relay_signal(r))
				;
		while ((got = waitpid(program, &status, WNOHANG | WUNTRACED)) == program) {
			if (!WIFSTOPPED(status))
				return relay_status(status);
			relay_stop();
		}
		if (got < 0 && errno == ECHILD)
			return CMD_WEIR;
	}
}

static int start(const char *name, bool intercept, char **argv, struct relay *r, pid_t *program,
		 struct weir_error *e)
{
	int up[2], go[2], listener, err;

	if (pipe2(up, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		return weir_fail(e, errno, "cannot make a pipe: %s", strerror(errno));
	*program = fork();
	if (*program < 0)
		return weir_fail(e, errno, "cannot fork: %s", strerror(errno));
	if (!*program) {
		close(up[0]);
		close(go[1]);
		launch_exec(argv, intercept, &r->mask, up[1], go[0]);
	}
	close(up[1]);
	close(go[0]);
	r->program = (int)syscall(SYS_pidfd_open, *program, 0);
	listener = launch_listener(up[0], *program, e);
	close(up[0]);
	err = listener == -ENOENT ? 0 : listener < 0 ? listener : hand_over(name, listener, e);
	if (listener >= 0)
		close(listener);
	if (!err)
		(void)!write(go[1], "", 1);
	close(go[1]);		/* without the byte the child ends */
	return err;
}

static int exec_in(const char *name, char **argv, struct weir_error *e)
{
	struct relay relay = { .signals = -1, .program = -1, .terminal = -1 };
	bool intercept = false;
	int init, status = CMD_WEIR, err;
	pid_t program = -1;

	init = join(name, &intercept, e);
	if (init < 0)
		return CMD_WEIR;
	err = enter(init, intercept, e);
	close(init);
	if (!err)
		err = relay_open(&relay, e);
	if (!err)
		err = start(name, intercept, argv, &relay, &program, e);
	if (!err)
		status = stand_for_program(&relay, program);
	else if (program > 0)
		waitpid(program, NULL, 0);
	relay_close(&relay);
	return status;
}

int cmd_exec(int argc, char **argv)
{
	struct weir_error e = { "" };
	int at = 1, status;
	const char *name;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		help();
		return 0;
	}
	if (argc > at && argv[at][0] == '-') {
		fprintf(stderr, "weir exec: there is no option %s; weir exec NAME -- PROGRAM [ARGUMENTS]\n",
			argv[at]);
		return CMD_WEIR;
	}
	name = argc > at ? argv[at++] : NULL;
	if (argc > at && !strcmp(argv[at], "--"))
		at++;
	if (!name || argc <= at) {
		fputs("weir exec: weir exec NAME -- PROGRAM [ARGUMENTS]\n", stderr);
		return CMD_WEIR;
	}
	status = exec_in(name, argv + at, &e);
	if (status == CMD_WEIR && e.text[0])
		fprintf(stderr, "weir exec: %s\n", e.text);
	return status;
}
