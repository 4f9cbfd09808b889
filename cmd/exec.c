/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.c - weir exec: another program in a sandbox that is there.
 *
 * The stack process hands over a pidfd of the sandbox's init, which is the key to its namespaces.
 * The program is our child, in these namespaces, under a filter of its own, whose listener the
 * stack process is given. We ourselves stay outside. The sandbox's programs see the child before it is bounded as they
 * are; it is not dumpable until it executes the program, so they cannot take it. What it may have at most is the
 * bounding set of init, which nobody can widen (confine.c).
 *
 * With --admin the program is the operator's: it may change what bounds the sandbox, so the sandbox must have no
 * hold on it. It runs in our own file system, and in the stack process's PID namespace, which the sandbox's
 * programs cannot see; only its sockets are the stack's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/pidfd.h"
#include "cmd/caps.h"
#include "cmd/cmd.h"
#include "cmd/exec.h"
#include "cmd/help.h"
#include "cmd/options.h"
#include "cmd/relay.h"
#include "control/server.h"
#include "intercept/capabilities.h"
#include "intercept/launch.h"

struct exec {
	const char *name, *module_path;
	bool admin;
	struct caps caps;
	int way;			/* a pidfd whose namespaces are entered; -1 */
	bool users;			/* it has a user namespace of its own */
	struct launch launch;
};

static const struct help_option exec_options[] = {
	{ "--admin", NULL, "run PROGRAM outside of the sandbox, as the user nobody, with its sockets on the "
	  "sandbox's stack, whose qdiscs, addresses and routes it may change: "
	  "`weir exec --admin NAME -- tc -s qdisc show`" },
	CAPS_HELP,
	{ "-p, --module-path", "DIRS", "with --admin: where the qdiscs are that tc may ask for; otherwise "
	  "$WEIR_MODULE_PATH, or " WEIR_MODULE_DIR },
	{ }
};

const struct help exec_help = {
	.brief = "run another program in a sandbox that is there",
	.usage = (const char *const []){ "[OPTIONS] NAME [--] PROGRAM [ARGUMENTS]", NULL },
	.about = "Runs PROGRAM in the sandbox NAME, on its stack. The status is the program's, as with "
		 "weir run. When the sandbox ends, the program ends. It has the capabilities that the sandbox was "
		 "started with, and can have no others.",
	.options = exec_options,
};

/* The sandbox's init, with --admin the stack process, and whether programs' calls are intercepted. */
static int join(struct exec *x, struct weir_error *e)
{
	json_t *request = json_pack("{s:s, s:b}", "command", "exec join", "admin", x->admin), *result;
	int fds[CONTROL_FDS_MAX], nfds = CONTROL_FDS_MAX;

	result = control_request(x->name, NULL, request, NULL, 0, fds, &nfds, NULL, e);
	json_decref(request);
	if (!result)
		return -ENOENT;
	x->launch.intercept = json_is_true(json_object_get(result, "intercept"));
	json_decref(result);
	if (nfds != 1)
		return weir_fail(e, EPROTO, "%s gave no way into its sandbox", x->name);
	x->way = fds[0];
	if (x->admin && !x->launch.intercept)
		return weir_fail(e, EOPNOTSUPP, "%s is in mode host: the kernel's stack is its stack, and --admin has nothing to change; run the program without weir",
				 x->name);
	return 0;
}

static int hand_over(const struct exec *x, int listener, struct weir_error *e)
{
	json_t *request = json_pack("{s:s, s:b}", "command", "exec listen", "admin", x->admin), *result;
	int none = 0;

	result = control_request(x->name, NULL, request, &listener, 1, NULL, &none, NULL, e);
	json_decref(request);
	if (!result)
		return -ENOENT;
	json_decref(result);
	return 0;
}

/* What a program of the sandbox may have: nobody widens the bounding set of its init. */
static int read_rule(struct exec *x, uint64_t *rule, struct weir_error *e)
{
	char path[32], line[256], theirs[USERNS_NAME], ours[USERNS_NAME];
	pid_t init = pidfd_pid(x->way, NULL);
	bool found = false;
	FILE *f = NULL;

	if (init > 0) {
		snprintf(path, sizeof(path), "/proc/%d/status", (int)init);
		f = fopen(path, "re");
	}
	while (f && !found && fgets(line, sizeof(line), f)) {
		found = !strncmp(line, "CapBnd:", 7);
		if (found)
			*rule = strtoull(line + 7, NULL, 16);
	}
	if (f)
		fclose(f);
	if (found)
		found = !userns_name(init, theirs) && !userns_name(getpid(), ours);
	if (!found || pidfd_pid(x->way, NULL) != init)
		return weir_fail(e, ESRCH, "/proc does not tell of the sandbox's init: it is ending, or /proc is not that of this PID namespace");
	x->users = strcmp(theirs, ours) != 0;
	return 0;
}

static int confine(struct exec *x, struct weir_error *e)
{
	uint64_t rule = 0, more;
	char cap[32];
	int err;

	x->launch.confine.caps = ~0ull;		/* of nobody: none */
	if (x->admin)
		return 0;
	err = read_rule(x, &rule, e);
	if (err)
		return err;
	x->launch.confine.caps = caps_set(&x->caps, rule);
	more = x->launch.confine.caps & capabilities_bound() & ~rule;
	if (!more)
		return 0;
	caps_name(more, cap, sizeof(cap));
	return weir_fail(e, EPERM, "%s was started without %s, so no program in it can have that; start it with --cap-add %s",
			 x->name, cap, cap + 4);
}

/* The programs that are started from now on are among the sandbox's; with --admin beside it. */
static int enter(const struct exec *x, struct weir_error *e)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || setns(x->way, CLONE_NEWPID))
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
			relay_stop(r);
		}
		if (got < 0 && errno == ECHILD)
			return CMD_WEIR;
	}
}

static void become(const struct exec *x, int up, int go)
{
	struct weir_error e = { "" };
	int err = 0;

	if (x->admin)
		err = launch_nobody(&e);
	else if (setns(x->way, CLONE_NEWNS | CLONE_NEWNET | (x->users ? CLONE_NEWUSER : 0)))
		err = weir_fail(&e, errno, "cannot enter the sandbox: %s", strerror(errno));
	else if (x->users)
		err = userns_root(&e);
	if (err)
		launch_impossible(&e, up);
	launch_exec(&x->launch, up, go);
}

static int start(const struct exec *x, struct relay *r, pid_t *program, struct weir_error *e)
{
	int up[2], go[2], listener, err;

	if (pipe2(up, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		return weir_fail(e, errno, "cannot make a pipe: %s", strerror(errno));
	*program = fork();
	if (*program < 0)
		return limits_process_failed(e, errno, "start the program");
	if (!*program) {
		close(up[0]);
		close(go[1]);
		become(x, up[1], go[0]);
	}
	close(up[1]);
	close(go[0]);
	r->program = (int)syscall(SYS_pidfd_open, *program, 0);
	listener = launch_listener(up[0], *program, e);
	close(up[0]);
	err = listener == -ENOENT ? 0 : listener < 0 ? listener : hand_over(x, listener, e);
	if (listener >= 0)
		close(listener);
	if (!err)
		(void)!write(go[1], "", 1);
	close(go[1]);		/* without the byte the child ends */
	return err;
}

static int exec_in(struct exec *x, struct weir_error *e)
{
	struct relay relay = { .signals = -1, .program = -1, .terminal = -1 };
	int status = CMD_WEIR, err = limits_check(0, e);
	pid_t program = -1;

	if (!err)
		err = join(x, e);
	if (!err && x->admin)
		err = exec_modules(x->name, x->module_path, e);
	if (!err)
		err = confine(x, e);
	if (!err)
		err = enter(x, e);
	if (!err)
		err = relay_open(&relay, e);
	x->launch.mask = relay.mask;
	if (!err)
		err = start(x, &relay, &program, e);
	if (x->way >= 0)
		close(x->way);
	if (!err)
		status = stand_for_program(&relay, program);
	else if (program > 0)
		waitpid(program, NULL, 0);
	relay_close(&relay);
	return status;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "-h") || !strcmp(word, "--help");
}

/* 1: help is wanted. */
static int parse(struct exec *x, int argc, char **argv, struct weir_error *e)
{
	int at, got;

	for (at = 1; at < argc && argv[at][0] == '-' && strcmp(argv[at], "--"); at++) {
		if (is_help(argv[at]))
			return 1;
		if (!strcmp(argv[at], "--admin")) {
			x->admin = true;
			continue;
		}
		got = options_value(argc, argv, &at, "--module-path", "-p", &x->module_path, e);
		if (!got)
			got = caps_option(&x->caps, argc, argv, &at, e);
		if (got < 0)
			return got;
		if (!got)
			return weir_fail(e, EINVAL, "there is no option %s; `weir exec --help` lists what there is",
					 argv[at]);
	}
	x->name = at < argc ? argv[at++] : NULL;
	if (at < argc && is_help(argv[at]))	/* no program is called so */
		return 1;
	if (at < argc && !strcmp(argv[at], "--"))
		at++;
	x->launch.argv = argv + at;
	if (!x->name || at >= argc)
		return weir_fail(e, EINVAL, "weir exec [OPTIONS] NAME -- PROGRAM [ARGUMENTS]");
	if (x->admin && (x->caps.add || x->caps.drop || x->caps.privileged))
		return weir_fail(e, EINVAL, "with --admin the program is nobody's and has no capabilities; remove --cap-add, --cap-drop and --privileged");
	return 0;
}

int cmd_exec(int argc, char **argv)
{
	struct exec x = { .way = -1, .launch = { .netns_fd = -1, .report = -1 } };
	struct weir_error e = { "" };
	int status = parse(&x, argc, argv, &e);

	if (status > 0) {
		help_print("exec", &exec_help);
		return 0;
	}
	status = status ? CMD_WEIR : exec_in(&x, &e);
	if (status == CMD_WEIR && e.text[0])
		fprintf(stderr, "weir exec: %s\n", e.text);
	return status;
}
