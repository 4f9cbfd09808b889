/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - weir run: a program on its own stack.
 *
 * What needs privilege happens here, before anything is forked: configuration, modules, links, the
 * control socket. Then the janitor, then the namespace's addresses are taken, then the stack
 * process, which starts the program. From there on this process, the front, stands for the program
 * (relay.h), and gives everything back at the end (docs/ARCHITECTURE.md, "Processes of weir run").
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/limits.h"
#include "cmd/caps.h"
#include "cmd/cmd.h"
#include "cmd/ending.h"
#include "cmd/gate.h"
#include "cmd/logger.h"
#include "cmd/options.h"
#include "cmd/relay.h"
#include "cmd/report.h"
#include "cmd/stack.h"
#include "cmd/watchdog.h"
#include "config/policy.h"
#include "control/path.h"
#include "control/socket_file.h"
#include "intercept/follow.h"
#include "intercept/ledger.h"
#include "intercept/netns.h"
#include "intercept/takeover.h"
#include "module/params.h"

struct run {
	struct instance instance;
	struct config config;		/* until the instance has it */
	const char *name, *netns, *file, *bundle;
	char *const *program;
	bool help;
	struct caps caps;
	struct userns users;
	bool intercept, nics;		/* of the mode: calls are intercepted; it wants NICs */
	struct takeover *takeover;
	struct follow *follow;		/* of the devices; NULL: there are none */
	int follow_fd;			/* the stack process's end of it */
	int netns_fd;			/* mode host */
	int control_fd;
	struct control_file socket;
	int life[2];
	pid_t janitor, stack;
	int stack_pidfd;
	struct relay relay;
	struct gate gate;
	struct report report;
	struct logger logger;
	struct ending ending;
	struct watchdog watchdog;
	bool ended;			/* the stack process was, by us */
};

static const struct help_option run_options[] = {
	{ "--netns", "NETNS", "give the stack the devices of this network namespace (a name or a "
	  "path), with their addresses and routes, until the program ends, and those that it gets meanwhile" },
	{ "--bundle", "DIR", "apply the annotations of the OCI bundle DIR, DIR/config.json, within "
	  "what the configuration allows (see `weir check --annotations`)" },
	{ "--name", "NAME", "the sandbox's name for weir ctl and weir exec (default: weir-PID)" },
	CAPS_HELP,
	{ "--userns", "USERS", "a user namespace of the sandbox's own. USERS is FIRST or FIRST:COUNT: root inside is the "
	  "host's user FIRST, users 0 to COUNT-1 are FIRST and so on (65536, without COUNT), groups likewise" },
	{ }
};

const struct help run_help = {
	.brief = "run a program on a stack of its own",
	.usage = (const char *const []){ "[OPTIONS] [--] PROGRAM [ARGUMENTS]", NULL },
	.about = "Runs PROGRAM on a TCP/IP stack of its own. The status is the program's, or 128+N "
		 "when signal N ended it; 127: there is no such program, 126: it cannot be executed, "
		 "125: weir itself failed.",
	.options = run_options,
	OPTIONS_CONFIG_HELP,
	.examples = "  weir run --network=none --userns 100000 -- ./untrusted\n"
		    "  weir run --netns blue --qdisc tbf --set qdisc.rate=100mbit \\\n"
		    "           --set qdisc.burst=1mb -- iperf3 -c 10.0.0.1\n",
};

/* ---- the command line ---- */

static int parse_option(struct run *r, int argc, char **argv, int *i, struct config *line,
			struct weir_error *e)
{
	const char *users;
	int at = *i, got;

	got = options_value(argc, argv, i, "--netns", NULL, &r->netns, e);
	if (!got)
		got = options_value(argc, argv, i, "--name", NULL, &r->name, e);
	if (!got)
		got = options_value(argc, argv, i, "--bundle", NULL, &r->bundle, e);
	if (!got)
		got = caps_option(&r->caps, argc, argv, i, e);
	if (!got && (got = options_value(argc, argv, i, "--userns", NULL, &users, e)) > 0) {
		got = caps_users(users, &r->users, e);
		return got ? got : 1;
	}
	if (got)
		return got;
	got = options_config(&r->config, argc, argv, i, e);
	if (!got)
		return weir_fail(e, EINVAL, "there is no option %s; `weir run --help` lists what there is",
				 argv[at]);
	if (got < 0)
		return got;
	if (!strcmp(argv[at], "-c") || !strcmp(argv[at], "--config"))
		r->file = argv[*i];
	else if (!strncmp(argv[at], "--config=", 9))
		r->file = argv[at] + 9;
	else	/* once more by itself, for a later reload of the file */
		return options_config(line, argc, argv, &at, e);
	return got;
}

static int parse(struct run *r, int argc, char **argv, struct config *line, struct weir_error *e)
{
	int i, err;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			r->help = true;
			return 0;
		}
		err = parse_option(r, argc, argv, &i, line, e);
		if (err < 0)
			return err;
	}
	if (i >= argc)
		return weir_fail(e, EINVAL, "which program? weir run [OPTIONS] -- PROGRAM [ARGUMENTS]");
	r->program = argv + i;
	return 0;
}

/* The command line's assignments as texts: "qdisc.rate=100mbit". */
static int keep_overrides(struct run *r, const struct config *line, struct weir_error *e)
{
	char *texts[256];
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < line->nsections && !err; i++) {
		const struct config_section *s = &line->sections[i];

		for (size_t j = 0; j < s->nsettings && !err; j++) {
			if (n == sizeof(texts) / sizeof(texts[0]))
				err = weir_fail(e, E2BIG, "more than %zu settings on the command line", n);
			else if (asprintf(&texts[n], "%s%s%s.%s=%s", s->kind, *s->name ? "." : "",
					  s->name, s->settings[j].name, s->settings[j].value) < 0)
				err = weir_fail(e, ENOMEM, "out of memory");
			else
				n++;
		}
	}
	if (!err)
		err = instance_set_source(&r->instance, r->file, texts, n, e);
	while (n)
		free(texts[--n]);
	return err;
}

/* ---- what needs privilege ---- */

static void print_mistake(void *arg, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "weir run: %s\n", sentence);
}

static int read_mode(struct run *r, struct weir_error *e)
{
	const char *name = config_value(&r->instance.config, "weir", "", "mode");
	const struct mode_ops *mode;
	struct module *m;

	mode = registry_get(&r->instance.registry, WEIR_KIND_MODE, name ? name : "sandbox", &m, e);
	if (!mode)
		return -ENOENT;
	r->intercept = mode->intercept;
	r->nics = !mode->nic_allowed;
	module_put(m);
	return 0;
}

/* The stack process cannot read files: what control groups allow is found out here. */
static void check_memory(struct run *r)
{
	struct instance *inst = &r->instance;
	char asked[32], allowed[32];

	inst->allowed = cgroup_memory("/proc/self", "");
	if (inst->config.memory <= inst->allowed)
		return;
	format_size(inst->config.memory, asked, sizeof(asked));
	format_size(inst->allowed, allowed, sizeof(allowed));
	log_write(&inst->log, LOG_WARN, "[weir] memory = %s is more than the memory cgroup allows (%s): the kernel "
		  "will kill the sandbox before that is used; lower it to less than half of the limit, leave it "
		  "out, or raise the limit", asked, allowed);
}

static int configure(struct run *r, struct weir_error *e)
{
	struct config *c = &r->instance.config;
	int err = r->bundle ? annotations_read_bundle(&r->instance.annotations, r->bundle, e) : 0;

	if (!err)
		err = policy_apply(c, &r->instance.annotations, e);
	if (!err)
		err = read_mode(r, e);
	if (!err && r->netns && r->intercept) {
		r->takeover = takeover_read(r->netns, e);
		err = r->takeover ? takeover_config(r->takeover, c, e) : -EINVAL;
	}
	if (!err && r->netns && !r->intercept) {
		r->netns_fd = netns_open(r->netns, e);
		err = r->netns_fd < 0 ? r->netns_fd : 0;
	}
	if (err)
		return err;
	err = config_check(c, &r->instance.registry, print_mistake, NULL, e);
	if (err) {
		e->text[0] = '\0';	/* all is said */
		return err;
	}
	r->instance.log.level = c->log_level;
	check_memory(r);
	if (r->nics && r->intercept && !c->nlinks)
		return weir_fail(e, EINVAL, "mode %s has no network to give: name a namespace with --netns, "
				 "or describe a [link NAME] in the INI, or use --mode none for loopback only",
				 c->mode);
	return 0;
}

static int open_links(struct run *r, struct weir_error *e)
{
	int back = -1, err;

	if (r->takeover) {
		back = netns_enter(takeover_netns_fd(r->takeover));
		if (back < 0)
			return weir_fail(e, -back, "--netns %s: cannot enter it: %s", r->netns,
					 strerror(-back));
	}
	err = instance_open_links(&r->instance, e);
	if (back >= 0)
		netns_leave(back);
	if (!err && r->takeover)
		err = takeover_fill(r->takeover, &r->instance, e);
	return err;
}

/* ---- the janitor ---- */

/* Undo what outlives us. Both the front and the janitor come here, each at most once. */
static void clean_up(struct run *r)
{
	if (r->takeover)
		takeover_restore(r->takeover);
	instance_close_links(&r->instance);
	control_unlisten(&r->socket);
}

static void janitor_main(struct run *r)
{
	char byte;
	ssize_t n;

	prctl(PR_SET_NAME, "weir-janitor");
	setsid();
	close(r->life[1]);
	report_close(&r->report);
	close(r->control_fd);
	close(0);
	close(1);
	do
		n = read(r->life[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 0) {		/* the front was killed */
		if (r->takeover)
			ledger_reload(r->takeover);
		clean_up(r);
	}
	_exit(0);
}

static int start_janitor(struct run *r, struct weir_error *e)
{
	r->janitor = fork();
	if (r->janitor < 0)
		return limits_process_failed(e, errno, "start the janitor");
	if (!r->janitor)
		janitor_main(r);
	return 0;
}

/* ---- the stack process ---- */

static int start_stack(struct run *r, struct weir_error *e)
{
	char hidden[sizeof(r->socket.path)];
	struct stack_start start = {
		.instance = &r->instance, .control_fd = r->control_fd, .gate = r->gate.sock,
		.life = r->life[0], .follow = r->follow_fd,
		.heartbeat = r->watchdog.heartbeat,
		.launch = { .argv = r->program, .intercept = r->intercept, .netns_fd = r->netns_fd,
			    .mask = r->relay.mask, .report = r->report.sock[1],
			    .confine = { .caps = caps_set(&r->caps, caps_default(r->intercept)),
					 .privileged = r->caps.privileged, .users = r->users,
					 .hidden = hidden } },
	};
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_PIDFD, .exit_signal = SIGCHLD,
		.pidfd = (uint64_t)(uintptr_t)&r->stack_pidfd,
	};
	int err = control_path(NULL, hidden, sizeof(hidden), e);

	if (err)
		return err;
	r->stack = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (r->stack < 0)
		return limits_process_failed(e, errno, "start the stack process");
	if (!r->stack) {
		close(r->life[1]);
		close(r->report.sock[0]);
		close(r->relay.signals);
		if (r->relay.terminal >= 0)
			close(r->relay.terminal);
		follow_free(r->follow);
		takeover_free(r->takeover);	/* the namespace, and the locks, are for who gives back */
		stack_main(&start);
	}
	close(r->report.sock[1]);
	r->report.sock[1] = -1;
	if (r->follow_fd >= 0)
		close(r->follow_fd);
	r->follow_fd = -1;
	return 0;
}

/* ---- until the stack process has ended ---- */

static bool started(const struct run *r)
{
	return atomic_load(&r->watchdog.heartbeat->started);
}

/* Say that it has been stuck since then, once a turn. */
static void tell_stuck(struct run *r, uint64_t since, const char *therefore)
{
	char where[128];

	if (r->watchdog.told)
		return;
	r->watchdog.told = true;
	watchdog_where(&r->watchdog, r->stack_pidfd, r->stack, where, sizeof(where));
	log_write(&r->instance.log, LOG_ERROR, "the stack process has made no turn for %llu s: %s; %s",
		  (unsigned long long)((clock_now() - since) / 1000000000u), where, therefore);
}

/* What is late is ended. The time, in ms, until the next look. */
static int look(struct run *r)
{
	uint64_t now = clock_now(), stuck = watchdog_look(&r->watchdog, now), due, next;
	bool near = r->ending.exited || (r->ending.sig && now - r->ending.asked <= 2 * ENDING_MEANT);

	if (r->ended)
		return -1;
	due = ending_due(&r->ending, started(r), stuck);
	if (due <= now) {
		if (stuck && now - stuck >= ENDING_STUCK)
			tell_stuck(r, stuck, "so it is ended");
		else if (r->ending.exited)
			log_write(&r->instance.log, LOG_INFO, "signal %d asked for the end, so what is on its way "
				  "still, %llu ms after the program's end, is given up", r->ending.sig,
				  (unsigned long long)((now - r->ending.exited) / 1000000u));
		r->ended = !syscall(SYS_pidfd_send_signal, r->stack_pidfd, SIGKILL, NULL, 0);
		return -1;
	}
	if (stuck && now - stuck >= WATCHDOG_LOOK)
		tell_stuck(r, stuck, "SIGTERM ends the sandbox");
	next = now + (near ? WATCHDOG_NEAR : WATCHDOG_LOOK);
	return (int)(((due < next ? due : next) - now) / 1000000u) + 1;
}

static void take_reports(struct run *r)
{
	report_take(&r->report, &r->relay);
	if (r->report.exited && !r->ending.exited)
		ending_exited(&r->ending, clock_now());
}

static void take_signals(struct run *r)
{
	int sig;

	while ((sig = relay_signal(&r->relay)))
		if (relay_asks_to_end(&r->relay, sig))
			ending_signal(&r->ending, sig, clock_now());
}

/* What the devices' kernel says is waited for, too. How long at most, ms. */
static int wait_for(struct run *r, struct pollfd *p)
{
	int ms = look(r), soon = -1;

	if (r->follow) {
		follow_poll(r->follow, p);
		soon = follow_timeout(r->follow);
	}
	return soon >= 0 && (ms < 0 || soon < ms) ? soon : ms;
}

static void stand_for_program(struct run *r)
{
	struct pollfd p[] = {
		{ .fd = r->relay.signals, .events = POLLIN },
		{ .fd = r->report.sock[0], .events = POLLIN },
		{ .fd = r->stack_pidfd, .events = POLLIN },
		{ .fd = -1 },
	};

	for (;;) {
		if (poll(p, 4, wait_for(r, &p[3])) < 0)
			continue;
		if (p[1].revents)
			take_reports(r);
		if (p[1].revents & POLLHUP)
			p[1].fd = -1;
		if (p[2].revents)
			break;
		if (p[0].revents)
			take_signals(r);
		if (r->follow)
			follow_turn(r->follow);
	}
}

/* When the stack process gives up, the program may have time to end, too: that says nothing. */
static int verdict(struct run *r, int stack_status, struct weir_error *e)
{
	if (r->report.failed[0])
		weir_fail(e, ECHILD, "%s", r->report.failed);
	else if (WIFSIGNALED(stack_status) && !r->ended)
		weir_fail(e, ECHILD, "the stack process was ended by signal %d (%s), and the program with it",
			  WTERMSIG(stack_status), strsignal(WTERMSIG(stack_status)));
	else if (r->ended && !r->ending.exited)
		return 128 + r->ending.sig;
	else if (WIFEXITED(stack_status) && WEXITSTATUS(stack_status))
		weir_fail(e, ECHILD, "the stack process gave up with status %d, and the program with it",
			  WEXITSTATUS(stack_status));
	else if (r->report.exited)
		return relay_status(r->report.status);
	else if (r->report.runs)
		weir_fail(e, ECHILD, "the sandbox's init was ended, and the program with it");
	else
		e->text[0] = '\0';	/* the program's side has said why */
	return CMD_WEIR;
}

static int supervise(struct run *r, struct weir_error *e)
{
	int status = 0;

	stand_for_program(r);
	while (waitpid(r->stack, &status, 0) < 0 && errno == EINTR)
		;
	take_reports(r);
	return verdict(r, status, e);
}

/* ---- the whole ---- */

static int prepare(struct run *r, struct weir_error *e)
{
	int err = limits_check(0, e);

	if (!err)
		err = configure(r, e);
	if (!err)
		err = limits_check((unsigned int)r->instance.config.nlinks, e);
	if (!err)
		err = open_links(r, e);
	if (err)
		return err;
	err = watchdog_open(&r->watchdog);
	if (err)
		return weir_fail(e, -err, "no memory to share: %s", strerror(-err));
	err = relay_open(&r->relay, e);		/* from here on signals wait: there is something to undo */
	if (err)
		return err;
	control_sweep(NULL);
	r->control_fd = control_listen(r->name, &r->socket, e);
	if (r->control_fd < 0)
		return r->control_fd;
	if (pipe2(r->life, O_CLOEXEC))
		return weir_fail(e, errno, "cannot make a pipe: %s", strerror(errno));
	if (report_open(&r->report, e))
		return -ENFILE;
	return r->takeover ? ledger_begin(r->takeover, r->name, e) : 0;
}

/* The program's status, or CMD_WEIR with the sentence in e. */
static int run(struct run *r, struct weir_error *e)
{
	int status = CMD_WEIR;

	if (!prepare(r, e) && !start_janitor(r, e) && !gate_start(&r->gate, e) &&
	    (!r->takeover || !takeover_remove(r->takeover, e)) &&
	    !obey_follow(&r->instance, r->takeover, &r->follow, &r->follow_fd, e) && !start_stack(r, e)) {
		close(r->control_fd);
		close(r->gate.sock);	/* it ends with the stack process */
		r->gate.sock = -1;
		status = supervise(r, e);
	}
	follow_free(r->follow);
	clean_up(r);
	relay_close(&r->relay);
	gate_stop(&r->gate);
	watchdog_close(&r->watchdog);
	if (r->janitor > 0) {
		(void)!write(r->life[1], "", 1);
		waitpid(r->janitor, NULL, 0);
	}
	return status;
}

static int run_named(struct run *r, const struct config *line, struct weir_error *e)
{
	const struct log log = { .write = logger_write, .arg = &r->logger, .level = LOG_WARN };
	char name[32];
	int status;

	snprintf(name, sizeof(name), "weir-%d", (int)getpid());
	if (!r->name)
		r->name = name;
	logger_start(&r->logger);
	if (instance_init(&r->instance, r->name, &log,
			  config_value(&r->config, "weir", "", "module-path"), e)) {
		config_free(&r->config);
		logger_stop(&r->logger);
		return CMD_WEIR;
	}
	config_free(&r->instance.config);
	r->instance.config = r->config;
	status = keep_overrides(r, line, e) ? CMD_WEIR : run(r, e);
	takeover_free(r->takeover);
	instance_free(&r->instance);
	logger_stop(&r->logger);
	return status;
}

/* What was taken is given back by now; what is left to do is not to wait for a reader who never comes. */
static void last_words(const char *sentence)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&out, 1, 1000))
		fprintf(stderr, "weir run: %s\n", sentence);
}

int cmd_run(int argc, char **argv)
{
	struct run r = {
		.netns_fd = -1, .control_fd = -1, .life = { -1, -1 }, .report = { .sock = { -1, -1 } },
		.gate = { .sock = -1 }, .follow_fd = -1,
		.relay = { .signals = -1, .program = -1, .terminal = -1 },
		.logger = { .fd = -1 },
	};
	struct weir_error e = { "" };
	struct config line;
	int status;

	config_init(&r.config);
	config_init(&line);
	if (parse(&r, argc, argv, &line, &e)) {
		config_free(&r.config);
		status = CMD_WEIR;
	} else if (r.help) {
		config_free(&r.config);
		help_print("run", &run_help);
		status = 0;
	} else {
		status = run_named(&r, &line, &e);
	}
	config_free(&line);
	if (status == CMD_WEIR && e.text[0])
		last_words(e.text);
	return status;
}
