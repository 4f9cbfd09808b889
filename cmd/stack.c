/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack.c - the stack process of weir run: PID 1 of its PID namespace, the parent of the sandbox.
 *
 * Order matters. The sandbox's init is forked first, while this process is small and privileged;
 * the stack is started; what is not needed any more is given up; only then may the program run.
 * When the sandbox is empty, what programs had written may still be on its way: as a kernel would,
 * the stack goes on sending it, as long as it gets rid of some, but not for longer than `drain` of
 * [weir]: a peer that reads a byte now and then must not keep a container from ending.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd/stack.h"
#include "cmd/watchdog.h"
#include "control/commands.h"
#include "control/server.h"
#include "intercept/follow.h"
#include "intercept/intercept.h"
#include "intercept/lockdown.h"
#include "intercept/procfs.h"

#define DRAIN_LOOK	2000000ull	/* ns between looks at what is left */
#define DRAIN_PATIENCE	10000000000ull	/* ns without any progress */

struct stack_process {
	const struct stack_start *start;
	struct instance *instance;
	struct control *control;
	struct intercept *intercept;
	struct procfs *procfs;
	struct obey *obey;
	struct launched launched;
	struct loop_io init, life;
	int self;			/* a pidfd of this process */
	struct timer drain;
	uint64_t ended;			/* ns: when the sandbox was empty */
	uint64_t left, moved;		/* bytes on their way; when that last changed */
};

static void stack_fail(const struct stack_start *start, const char *sentence)
{
	struct launch_report r = { .kind = LAUNCH_FAILED };

	snprintf(r.text, sizeof(r.text), "%s", sentence);
	launch_send(start->launch.report, &r, sizeof(r), NULL, 0);
	_exit(LAUNCH_WEIR);
}

/* ---- the end ---- */

static bool sending(struct sock *sk)
{
	const char *state = tcp_state_name(sk);

	if (!sk->event && sk->ops->unsent(sk))
		return true;		/* its program is gone, and a RST waits behind that */
	return !strcmp(state, "FIN-WAIT-1") || !strcmp(state, "CLOSING") || !strcmp(state, "LAST-ACK");
}

/* What programs have sent and no peer has acknowledged, and what waits in queues. 0: nothing. */
static uint64_t stack_left(struct stack_process *p)
{
	struct stack *s = p->instance->stack;
	struct intercept_stats calls = { 0 };
	uint64_t left;

	if (p->intercept)
		intercept_stats(p->intercept, &calls);
	left = calls.sockets;

	list_for_each(n, &s->tcp.socks) {
		struct sock *sk = list_entry(n, struct sock, all);

		left += sending(sk) ? 1 + sk->ops->unsent(sk) : 0;
	}
	list_for_each(n, &s->nics.list) {
		struct nic *nic = list_entry(n, struct nic, node);

		if (nic->up && nic->root)
			left += nic->root->stats.backlog + nic->ring.len;
	}
	return left;
}

static void stack_drain(struct timer *t)
{
	struct stack_process *p = container_of(t, struct stack_process, drain);
	struct env *env = &p->instance->stack->env;
	uint64_t left = stack_left(p);

	if (left != p->left) {
		p->left = left;
		p->moved = env->now;
	}
	if (!left || env->now - p->moved > DRAIN_PATIENCE ||
	    env->now - p->ended >= p->instance->config.drain)
		p->instance->loop.stop = true;
	else
		timer_arm(&env->timers, t, env->now + DRAIN_LOOK);
}

static void init_exited(struct loop_io *io, uint32_t events)
{
	struct stack_process *p = container_of(io, struct stack_process, init);
	struct env *env = &p->instance->stack->env;

	(void)events;
	loop_del(io);
	p->ended = p->moved = env->now;
	if (p->intercept)
		intercept_ended(p->intercept);
	timer_arm(&env->timers, &p->drain, env->now + DRAIN_LOOK);
}

static void front_gone(struct loop_io *io, uint32_t events)
{
	(void)io;
	(void)events;
	_exit(LAUNCH_WEIR);
}

/* ---- weir exec ---- */

/* The way in: into the sandbox by its init; for the operator's own programs, which the sandbox's must not
 * see, only to where this process finds them. */
static int exec_join(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	struct stack_process *p = arg;

	if (!p->init.loop)
		return weir_fail(e, ESRCH, "the sandbox is ending");
	*result = json_pack("{s:b}", "intercept", p->intercept != NULL);
	rq->reply_fds[0] = json_is_true(json_object_get(rq->args, "admin")) ? p->self : p->launched.init_pidfd;
	rq->nreply_fds = 1;
	return 0;
}

static int exec_listen(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	struct stack_process *p = arg;
	int fd = rq->fds[0];

	(void)result;
	if (!p->intercept || rq->nfds != 1)
		return weir_fail(e, EINVAL, "one seccomp listener is wanted");
	rq->fds[0] = -1;
	return intercept_add_listener(p->intercept, fd, json_is_true(json_object_get(rq->args, "admin")), e);
}

/* ---- weir ctl NAME stats ---- */

/* The stack's own counters, and those of the programs' calls. */
static int stats(void *arg, struct control_request *rq, json_t **result, struct weir_error *e)
{
	struct stack_process *p = arg;
	struct intercept_stats s;
	int err = commands_stats[0].fn(NULL, rq, result, e);

	if (err || !p->intercept)
		return err;
	intercept_stats(p->intercept, &s);
	json_object_set_new(*result, "intercept", json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			    "notifications", (json_int_t)s.notifications,
			    "continued", (json_int_t)s.continued,
			    "interrupted", (json_int_t)s.interrupted,
			    "unknown_options", (json_int_t)s.unknown_options,
			    "unread_drops", (json_int_t)s.unread_drops,
			    "waiting", (json_int_t)s.waiting,
			    "workers", (json_int_t)s.workers,
			    "stuck_calls", (json_int_t)s.stuck,
			    "sockets", (json_int_t)s.sockets));
	return 0;
}

static const struct control_command stack_commands[] = {
	{ "exec join", exec_join },
	{ "exec listen", exec_listen },
	{ "stats", stats },
	{ NULL, NULL },
};

/* ---- the beginning ---- */

static void stack_signals(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGHUP, SIGPIPE };
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The program's input and output are not ours to hold open; messages go to stderr. */
static void stack_stdio(void)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd < 0)
		return;
	dup2(fd, 0);
	dup2(fd, 1);
	if (fd > 2)
		close(fd);
}

/*
 * The kernel's stack runs in softirqs, before any process; ours is one. It has to be woken on time,
 * for shaping and for latency, so it asks to come first (the program keeps its own priority).
 */
static void stack_priority(void)
{
	prctl(PR_SET_TIMERSLACK, 1ul);		/* ns, instead of 50 us */
	setpriority(PRIO_PROCESS, 0, -10);	/* without the right to: as it is */
}

static int stack_intercept(struct stack_process *p, struct weir_error *e)
{
	struct instance *inst = p->instance;

	if (!p->start->launch.intercept)
		return 0;
	p->intercept = intercept_create(inst->stack, &inst->loop, e);
	if (!p->intercept)
		return -ENOMEM;
	intercept_set_memory(p->intercept, inst->allowed);
	intercept_set_user_ns(p->intercept, p->launched.user_ns, &p->start->launch.confine.users);
	return intercept_add_listener(p->intercept, p->launched.listener, false, e);
}

/* Without it programs run all the same. */
static int stack_procfs(struct stack_process *p, struct weir_error *e)
{
	struct instance *inst = p->instance;

	if (p->launched.no_procfs[0])
		log_write(&inst->log, LOG_WARN, "the sandbox's /proc/net is empty: %s", p->launched.no_procfs);
	if (p->launched.procfs < 0)
		return 0;
	p->procfs = procfs_create(inst->stack, &inst->loop, p->launched.procfs, e);
	return p->procfs ? 0 : -ENOMEM;
}

static int stack_setup(struct stack_process *p, struct weir_error *e)
{
	struct instance *inst = p->instance;
	int err;

	err = launch_sandbox(&p->start->launch, &p->launched, e);
	if (err)
		return err;
	stack_signals();	/* not before: the program would ignore them, too */
	watchdog_answer();
	stack_stdio();
	stack_priority();
	lockdown_limits();
	err = instance_start(inst, e);
	if (err)
		return err;
	inst->loop.heartbeat = p->start->heartbeat;
	timer_init(&p->drain, stack_drain);
	if (p->start->follow >= 0) {
		p->obey = obey_create(inst, p->start->follow, e);
		if (!p->obey)
			return -ENOMEM;
	}
	err = stack_intercept(p, e);
	if (!err)
		err = stack_procfs(p, e);
	if (err)
		return err;
	p->self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (p->self < 0)
		return weir_fail(e, errno, "cannot open a pidfd of the stack process: %s", strerror(errno));
	p->control = control_start(inst, p->start->control_fd, e);
	if (!p->control)
		return -ENOMEM;
	control_outsiders_only(p->control);
	err = control_gate(p->control, p->start->gate, e);
	if (err)
		return err;
	control_register(p->control, stack_commands, p);
	if (loop_add(&inst->loop, &p->init, p->launched.init_pidfd, EPOLLIN, init_exited) ||
	    loop_add(&inst->loop, &p->life, p->start->life, EPOLLHUP, front_gone))
		return weir_fail(e, ENOMEM, "cannot watch the sandbox");
	inst->registry.locked = true;
	err = lockdown(p->intercept ? intercept_door(p->intercept) : -1, e);
	return err || !p->intercept ? err : intercept_start(p->intercept, e);
}

void stack_main(const struct stack_start *start)
{
	struct stack_process p = { .start = start, .instance = start->instance };
	struct weir_error e = { "" };

	prctl(PR_SET_NAME, "weir-stack");
	if (stack_setup(&p, &e))
		stack_fail(start, e.text);
	atomic_store(&start->heartbeat->started, true);
	launch_go(&p.launched, start->launch.report);
	loop_run(&p.instance->loop);
	control_stop(p.control);
	if (!intercept_destroy(p.intercept))
		_exit(0);
	procfs_destroy(p.procfs);
	obey_destroy(p.obey);
	instance_stop(p.instance);
	exit(0);
}
