/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - the control socket's server, on the instance's loop (server.h has the protocol).
 *
 * Theory of operation
 *
 * Nothing a client does may hold up the stack, fill its memory or cost it a descriptor; and none keeps
 * another from being answered. Reading and writing never block. A turn of the loop accepts one client and
 * carries out one request, and a request is bounded in bytes and in values. Descriptors are taken at their arrival
 * (MSG_CMSG_CLOEXEC), counted, and closed with the client unless a command took them.
 *
 *	accept -> (ask the gate -> read) until newline -> parse -> command -> write the answer -> close
 *
 * Whose user may not command is refused when it is accepted, and never has a place. Where there is a gate (gate.h) nothing
 * is read before that has said whose words they are; then one read takes what one process has said. The others have places of two
 * sorts: those that have not asked yet, and those that have not taken their answer yet. Each sort is bounded in
 * clients and in bytes, and in order of the last progress. Beyond the bound the first goes, which has made
 * none for longest. A new client is therefore served at once, whatever the others do or do not do: most answers
 * fit into the socket, and need no place. A client without progress goes after CONTROL_IDLE_NS anyway.
 *
 * A program can take every descriptor that the stack process may have. A few are held in reserve, so that
 * the operator can see what happens.
 *
 * System calls: clock_gettime, accept4, getsockopt, recvmsg, recvfrom, sendmsg, close, fcntl, epoll_ctl.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/commands.h"
#include "control/gate.h"
#include "control/server.h"

#define READ_STEP	4096u
#define CONTROL_REFUSAL	"only root and the user who started this sandbox may command it, from outside of every sandbox and " \
			"container: from the PID namespace in which weir run was started"
#define ACCEPT_AGAIN	100000000u	/* ns until the next look, where none could be accepted */
#define RESERVE		(CONTROL_FDS_MAX + 2)	/* a client, what tells who it is, and what it brings */

struct table {
	struct list node;		/* control->tables, the last registered first */
	const struct control_command *commands;
	void *arg;
};

/* Clients of one sort, the one without progress for longest first. */
struct places {
	struct list clients;
	unsigned int n;
	size_t bytes;			/* of their requests or answers */
};

struct control {
	struct instance *instance;
	struct loop_io io;		/* the listening socket */
	struct timer again;		/* none could be accepted: until then it is not watched */
	struct list tables;
	struct places asking, answered;
	int reserve[RESERVE];		/* -1: in use */
	uint64_t served;		/* when the last request was carried out: the turn's time */
	struct loop_io gate;		/* fd -1: there is none */
	bool gated;			/* there should be */
	uint64_t last_id;
	bool outsiders;			/* nobody else is answered */
};

struct client {
	struct list node;		/* places->clients */
	struct places *places;
	struct control *control;
	struct loop_io io;
	struct timer idle;
	struct gate_question who;	/* for the gate */
	enum { CLIENT_UNKNOWN, CLIENT_TO_ASK, CLIENT_ASKED, CLIENT_ADMITTED } state;
	char *in, *out;
	size_t in_len, in_size, out_len, out_off;
	size_t held;			/* of these, what places->bytes has counted */
	int fds[CONTROL_FDS_MAX];
	int nfds;
	int reply_fds[CONTROL_FDS_MAX];
	int nreply_fds;
};

/* ---- descriptors in reserve ---- */

static void reserve_fill(struct control *ctl)
{
	for (int i = 0; i < RESERVE; i++)
		if (ctl->reserve[i] < 0)
			ctl->reserve[i] = fcntl(ctl->instance->loop.epfd, F_DUPFD_CLOEXEC, 3);
}

static void reserve_use(struct control *ctl)
{
	for (int i = 0; i < RESERVE; i++) {
		if (ctl->reserve[i] >= 0)
			close(ctl->reserve[i]);
		ctl->reserve[i] = -1;
	}
}

/* ---- clients come and go ---- */

static void client_unplace(struct client *c)
{
	list_del(&c->node);
	c->places->n--;
	c->places->bytes -= c->held;
	c->places = NULL;
}

static void client_free(struct client *c)
{
	struct control *ctl = c->control;

	loop_del(&c->io);
	timer_cancel(&ctl->instance->stack->env.timers, &c->idle);
	close(c->io.fd);
	for (int i = 0; i < c->nfds; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	if (c->places)
		client_unplace(c);
	free(c->in);
	free(c->out);
	free(c);
	reserve_fill(ctl);
}

static void client_idle(struct timer *t)
{
	client_free(container_of(t, struct client, idle));
}

/* The last of its sort from now on. It takes the place of others where it has to. */
static void client_place(struct client *c, struct places *p)
{
	struct env *env = &c->control->instance->stack->env;

	if (c->places)
		client_unplace(c);
	c->held = c->in_size + c->out_len;
	while (p->n && (p->n >= CONTROL_CLIENTS_MAX || p->bytes + c->held > CONTROL_BYTES_MAX))
		client_free(list_first(&p->clients, struct client, node));
	c->places = p;
	list_add_tail(&c->node, &p->clients);
	p->n++;
	p->bytes += c->held;
	timer_arm(&env->timers, &c->idle, env->now + CONTROL_IDLE_NS);
}

/* ---- answers ---- */

static void client_flush(struct client *c)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * CONTROL_FDS_MAX)];
	} control;
	struct iovec iov = { c->out + c->out_off, c->out_len - c->out_off };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t fds_len = sizeof(int) * (size_t)c->nreply_fds;
	ssize_t n;

	if (fds_len) {			/* they go with the first byte */
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(fds_len);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(fds_len);
		memcpy(CMSG_DATA(&control.align), c->reply_fds, fds_len);
	}
	n = sendmsg(c->io.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	c->nreply_fds = 0;
	if (n < 0 && (fds_len || (errno != EAGAIN && errno != EINTR))) {
		client_free(c);
		return;
	}
	if (n > 0)
		c->out_off += (size_t)n;
	if (c->out_off == c->out_len) {
		client_free(c);
		return;
	}
	if (n > 0 || c->places == &c->control->asking)
		client_place(c, &c->control->answered);
	loop_mod(&c->io, EPOLLOUT);
}

static void client_answer(struct client *c, json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	char *line = text ? realloc(text, len + 2) : NULL;

	json_decref(answer);
	free(c->in);
	c->in = NULL;
	c->in_size = 0;
	if (!line) {
		free(text);
		client_free(c);
		return;
	}
	strcpy(line + len, "\n");
	c->out = line;
	c->out_len = len + 1;
	client_flush(c);
}

/* The module that a refusal is about: registry_get's words, wherever they stand in the sentence. */
static json_t *needed(const char *sentence)
{
	static const char words[] = "needs module ";
	const char *name = strstr(sentence, words);
	size_t n;

	if (!name)
		return NULL;
	name += sizeof(words) - 1;
	n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");
	return n ? json_stringn(name, n) : NULL;
}

static void client_refuse(struct client *c, const char *sentence)
{
	json_t *answer = json_pack("{s:b, s:s}", "ok", 0, "error", sentence);
	json_t *need = needed(sentence);

	if (!answer)			/* the sentence quotes bytes that are no UTF-8 */
		answer = json_pack("{s:b, s:s}", "ok", 0, "error",
				   "refused, for a reason that cannot be written as JSON");
	if (need)
		json_object_set_new(answer, "need", need);
	client_answer(c, answer);
}

/* ---- requests ---- */

static const struct control_command *find_command(const struct control *ctl, const char *name,
						  void **arg)
{
	list_for_each(pos, &ctl->tables) {
		const struct table *t = list_entry(pos, struct table, node);

		for (const struct control_command *cmd = t->commands; cmd->name; cmd++)
			if (!strcmp(cmd->name, name)) {
				*arg = t->arg;
				return cmd;
			}
	}
	return NULL;
}

static void client_command(struct client *c, json_t *args)
{
	struct control_request rq = { .instance = c->control->instance, .args = args,
				      .nfds = c->nfds };
	const char *name = json_string_value(json_object_get(args, "command"));
	const struct control_command *cmd;
	struct weir_error e = { "" };
	json_t *result = NULL;
	void *arg = NULL;
	int rc;

	cmd = name ? find_command(c->control, name, &arg) : NULL;
	if (!cmd) {
		if (name)
			weir_fail(&e, EINVAL, "there is no command %.64s", name);
		else
			weir_fail(&e, EINVAL, "a request is an object with \"command\"");
		client_refuse(c, e.text);
		return;
	}
	memcpy(rq.fds, c->fds, sizeof(rq.fds));
	rc = cmd->fn(arg, &rq, &result, &e);
	memcpy(c->fds, rq.fds, sizeof(rq.fds));
	if (rc < 0) {
		json_decref(result);
		client_refuse(c, *e.text ? e.text : strerror(-rc));
		return;
	}
	if (rq.nreply_fds > 0 && rq.nreply_fds <= CONTROL_FDS_MAX) {
		memcpy(c->reply_fds, rq.reply_fds, sizeof(rq.reply_fds));
		c->nreply_fds = rq.nreply_fds;
	}
	client_answer(c, json_pack("{s:b, s:o}", "ok", 1, "result", result ? result : json_null()));
}

/* Parsing takes time for each value, however few bytes it has. */
static bool too_many_values(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return n > CONTROL_VALUES_MAX;
}

static void client_request(struct client *c, size_t len)
{
	struct weir_error e;
	json_error_t je;
	json_t *args;

	c->control->served = c->control->instance->loop.turns;
	if (len + 1 != c->in_len) {
		client_refuse(c, "a request is one line; there is more after it");
		return;
	}
	if (too_many_values(c->in, len)) {
		client_refuse(c, "the request has too many values; one has at most 65536");
		return;
	}
	args = json_loadb(c->in, len, JSON_REJECT_DUPLICATES, &je);
	if (!args) {
		weir_fail(&e, EINVAL, "the request is not JSON: %.200s", je.text);
		client_refuse(c, e.text);
		return;
	}
	client_command(c, args);
	json_decref(args);
}

/* ---- reading ---- */

/* Take the descriptors that came. False: more than there may be. */
static bool client_take_fds(struct client *c, struct msghdr *msg)
{
	bool ok = !(msg->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		size_t n;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
			if (c->nfds < CONTROL_FDS_MAX) {
				c->fds[c->nfds++] = fd;
			} else {
				close(fd);
				ok = false;
			}
		}
	}
	return ok;
}

static bool client_room(struct client *c)
{
	size_t size = c->in_size ? c->in_size * 2 : READ_STEP;
	char *in;

	if (c->in_len < c->in_size)
		return true;
	if (size > CONTROL_REQUEST_MAX)
		return false;
	in = realloc(c->in, size);
	if (!in)
		return false;
	c->in = in;
	c->in_size = size;
	return true;
}

static void client_read(struct client *c)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * CONTROL_FDS_MAX)];
	} control;
	struct msghdr msg = { .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct iovec iov;
	char *end;
	ssize_t n;

	if (!client_room(c)) {
		client_refuse(c, "the request is too long; one has at most 1048576 bytes");
		return;
	}
	iov = (struct iovec){ c->in + c->in_len, c->in_size - c->in_len };
	msg.msg_iov = &iov;
	c->state = CLIENT_UNKNOWN;
	n = recvmsg(c->io.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {			/* gone before it asked anything whole */
		client_free(c);
		return;
	}
	if (!client_take_fds(c, &msg)) {
		client_refuse(c, "a request brings at most 4 descriptors");
		return;
	}
	end = memchr(c->in + c->in_len, '\n', (size_t)n);
	c->in_len += (size_t)n;
	client_place(c, &c->control->asking);
	if (end)
		client_request(c, (size_t)(end - c->in));
}

/* ---- the gate ---- */

/* Not watched until the gate has said who it is. */
static void client_ask(struct client *c)
{
	struct control *ctl = c->control;
	int err = ctl->gate.loop ? gate_ask(ctl->gate.fd, &c->who, c->io.fd) : -EPIPE;

	if (err && err != -EAGAIN) {
		client_refuse(c, "nobody is left who could say that you are outside of the sandbox; end it and start it again");
		return;
	}
	c->state = err ? CLIENT_TO_ASK : CLIENT_ASKED;
	loop_mod(&c->io, 0);
}

static struct client *client_find(const struct control *ctl, uint64_t id)
{
	list_for_each(pos, &ctl->asking.clients) {
		struct client *c = list_entry(pos, struct client, node);

		if (c->who.client == id)
			return c;
	}
	return NULL;
}

static void client_judged(struct client *c, enum gate_verdict verdict)
{
	c->state = verdict == GATE_OPERATOR ? CLIENT_ADMITTED : CLIENT_UNKNOWN;
	loop_mod(&c->io, EPOLLIN);
	if (verdict != GATE_OPERATOR && verdict != GATE_NOTHING)
		client_refuse(c, CONTROL_REFUSAL);
}

static void clients_ask(struct control *ctl)
{
	list_for_each_safe(pos, &ctl->asking.clients) {
		struct client *c = list_entry(pos, struct client, node);

		if (c->state == CLIENT_TO_ASK)
			client_ask(c);
	}
}

static void gate_ready(struct loop_io *io, uint32_t events)
{
	struct control *ctl = container_of(io, struct control, gate);
	struct gate_answer a;
	struct client *c;
	int err = gate_answered(io->fd, &a);

	(void)events;
	if (err == -EAGAIN)
		return;
	if (err) {			/* it has ended */
		loop_del(io);
		list_for_each(pos, &ctl->asking.clients) {
			c = list_entry(pos, struct client, node);
			if (c->state == CLIENT_ASKED)
				c->state = CLIENT_TO_ASK;
		}
	} else {
		c = client_find(ctl, a.client);
		if (c && c->state == CLIENT_ASKED)
			client_judged(c, (enum gate_verdict)a.verdict);
	}
	clients_ask(ctl);
}

int control_gate(struct control *ctl, int sock, struct weir_error *e)
{
	const int on = 1;
	int err = setsockopt(ctl->io.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ? -errno : 0;

	if (!err)
		err = loop_add(&ctl->instance->loop, &ctl->gate, sock, EPOLLIN, gate_ready);
	ctl->gated = true;
	return err ? weir_fail(e, -err, "cannot watch the gate: %s", strerror(-err)) : 0;
}

static void client_ready(struct loop_io *io, uint32_t events)
{
	struct client *c = container_of(io, struct client, io);

	if (c->out && (events & (EPOLLERR | EPOLLHUP))) {
		client_free(c);
	} else if (c->out) {
		client_flush(c);
	} else if (c->control->gated && c->state == CLIENT_UNKNOWN) {
		client_place(c, &c->control->asking);
		client_ask(c);
	} else if (c->control->served != c->control->instance->loop.turns) {
		client_read(c);
	} else {	/* it has said something, whoever else has to go */
		client_place(c, &c->control->asking);
	}
}

/* ---- accepting ---- */

static bool peer_allowed(const struct control *ctl, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) &&
		(cred.uid == 0 || cred.uid == ctl->instance->owner) && !(ctl->outsiders && cred.pid);
}

void control_outsiders_only(struct control *c)
{
	c->outsiders = true;
}

/* Nothing is kept of who may not command, and nothing is read. */
static void refuse(int fd)
{
	static const char answer[] = "{\"ok\":false,\"error\":\"" CONTROL_REFUSAL "\"}\n";

	(void)!send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void client_new(struct control *ctl, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	struct timespec now;

	if (!c) {
		close(fd);
		return;
	}
	c->control = ctl;
	clock_gettime(CLOCK_BOOTTIME, &now);
	c->who.client = ++ctl->last_id;
	c->who.accepted = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	timer_init(&c->idle, client_idle);
	list_init(&c->node);
	c->io.fd = fd;
	if (loop_add(&ctl->instance->loop, &c->io, fd, EPOLLIN, client_ready))
		client_free(c);
	else
		client_place(c, &ctl->asking);
}

/* No descriptor is left: the reserve serves one, and who connects next waits until that one has gone. */
static int accept_reserved(struct control *ctl)
{
	struct env *env = &ctl->instance->stack->env;
	int fd;

	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
		return -1;
	reserve_use(ctl);
	fd = accept4(ctl->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		loop_mod(&ctl->io, 0);
		timer_arm(&env->timers, &ctl->again, env->now + ACCEPT_AGAIN);
	}
	return fd;
}

static void accept_again(struct timer *t)
{
	struct control *ctl = container_of(t, struct control, again);

	reserve_fill(ctl);
	loop_mod(&ctl->io, EPOLLIN);
}

/* One a turn, as requests: who has asked is not displaced by who came later. */
static void control_accept(struct loop_io *io, uint32_t events)
{
	struct control *ctl = container_of(io, struct control, io);
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		fd = accept_reserved(ctl);
	if (fd < 0)
		return;
	if (peer_allowed(ctl, fd))
		client_new(ctl, fd);
	else
		refuse(fd);
}

struct control *control_start(struct instance *inst, int listen_fd, struct weir_error *e)
{
	struct control *ctl = calloc(1, sizeof(*ctl));
	int rc;

	if (!ctl) {
		weir_fail(e, ENOMEM, "out of memory");
		return NULL;
	}
	ctl->instance = inst;
	list_init(&ctl->tables);
	list_init(&ctl->asking.clients);
	list_init(&ctl->answered.clients);
	timer_init(&ctl->again, accept_again);
	memset(ctl->reserve, -1, sizeof(ctl->reserve));
	rc = loop_add(&inst->loop, &ctl->io, listen_fd, EPOLLIN, control_accept);
	if (rc) {
		weir_fail(e, -rc, "cannot watch the control socket: %s", strerror(-rc));
		free(ctl);
		return NULL;
	}
	for (const struct control_command *const *t = control_commands; *t; t++)
		control_register(ctl, *t, NULL);
	reserve_fill(ctl);
	return ctl;
}

void control_register(struct control *ctl, const struct control_command *commands, void *arg)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t) {
		log_write(&ctl->instance->log, LOG_ERROR, "control: out of memory for commands");
		return;
	}
	t->commands = commands;
	t->arg = arg;
	list_add(&t->node, &ctl->tables);
}

void control_stop(struct control *ctl)
{
	if (!ctl)
		return;
	list_for_each_safe(pos, &ctl->asking.clients)
		client_free(list_entry(pos, struct client, node));
	list_for_each_safe(pos, &ctl->answered.clients)
		client_free(list_entry(pos, struct client, node));
	reserve_use(ctl);
	timer_cancel(&ctl->instance->stack->env.timers, &ctl->again);
	list_for_each_safe(pos, &ctl->tables)
		free(list_entry(pos, struct table, node));
	loop_del(&ctl->io);
	close(ctl->io.fd);
	loop_del(&ctl->gate);
	free(ctl);
}
