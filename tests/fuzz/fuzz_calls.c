/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_calls.c - system calls of programs, in any order of what can happen around them: intercept/'s own
 * code and a stack with loopback, on virtual time, with callers.c in the place of a kernel.
 *
 * Input: what a scheduler does, a byte a step, with more bytes as arguments. A caller makes a call; a worker
 * receives it, and is stopped at each seam (whenever it asks something of the caller), while other steps are
 * taken: other workers go on, callers are interrupted or killed, so that answers are lost, descriptors are
 * closed, doubled or replaced, memory changes or vanishes, the loop takes a turn, time passes, plain
 * reads and writes, a peer connects, sends or resets, the watchdog answers for a worker. Then every worker
 * goes on to its end.
 *
 * What must hold: what callers.c judges (a socket and a connection are given once, bind() works once); the
 * caller's memory and descriptors are not touched in the stack's turn; no call waits for what is there; and
 * when all programs have ended nothing is left: no socket, no waiting call, no name, no packet, no descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <weir/module.h>

#include "intercept/isock.h"
#include "tests/fuzz/callers.h"
#include "tests/fuzz/fiber.h"
#include "tests/fuzz/fuzz.h"

#define SEC	UINT64_C(1000000000)
#define MSEC	UINT64_C(1000000)
#define WORKERS	3u
#define PEERS	4u
#define PORT	4000u
#define FDS_MAX	160
#define SPIN	20000u			/* turns that the stack may want to come to rest */

extern const struct weir_module weir_module;	/* reno, linked in */

struct hand {				/* a worker thread, played */
	struct worker worker;
	struct fiber fiber;
	struct world *world;
	struct call *call;
	struct caller *caller;		/* whose call it is, as long as id is of it */
	uint64_t id;
};

struct world {
	const uint8_t *at, *end;	/* of the input */
	struct random_seeded seed;
	struct stack *stack;
	struct loop loop;
	struct intercept *ic;
	struct callers callers;
	struct hand hands[WORKERS];
	struct hand *running;
	struct sock *peers[PEERS];
};

static uint64_t executed, calls_made, answers_lost;

static void tell(void)
{
	fprintf(stderr, "%llu inputs, %llu calls, %llu answers lost\n", (unsigned long long)executed,
		(unsigned long long)calls_made, (unsigned long long)answers_lost);
}

/* ---- input ---- */

static uint8_t byte(struct world *w)
{
	return w->at < w->end ? *w->at++ : 0;
}

static unsigned int below(struct world *w, unsigned int n)
{
	return byte(w) % n;
}

/* ---- seams and turns ---- */

static void at_seam(void *arg)
{
	struct world *w = arg;

	if (w->running && w->at < w->end)
		fiber_yield(&w->running->fiber);
}

static bool in_turn(void *arg)
{
	const struct world *w = arg;

	return w->loop.turn.word;		/* one thread: nobody waits, so it is taken or free */
}

static void turn(struct world *w)
{
	struct loop *l = &w->loop;

	loop_enter(l);
	loop_serve(l);
	loop_leave(l);
}

static void pass(struct world *w, uint64_t ns)
{
	loop_enter(&w->loop);
	w->stack->env.now += ns;
	loop_leave(&w->loop);
	turn(w);
}

/* ---- workers ---- */

static void hand_run(void *arg)
{
	struct hand *h = arg;

	if (h->call)
		call_run(h->call);
	else
		errand_run(&h->worker);
}

static void hand_resume(struct world *w, struct hand *h)
{
	if (!h->fiber.runs || w->running)
		return;
	w->running = h;
	fiber_resume(&h->fiber);
	w->running = NULL;
}

static void hand_take(struct world *w, struct hand *h, struct call *c)
{
	h->call = c;
	h->id = c->id;
	c->worker = &h->worker;
	/* as worker_begin() has it */
	h->worker.state = (h->worker.state / WORKER_STATES + 1) * WORKER_STATES + WORKER_BUSY;
	fiber_start(&h->fiber, hand_run, h);
	hand_resume(w, h);
}

/* A call whose wait is over, the next notification, or an errand. */
static bool hand_work(struct world *w, struct hand *h)
{
	struct intercept *ic = w->ic;
	struct call *c = NULL;

	if (h->fiber.runs)
		return false;
	loop_enter(&w->loop);
	if (!list_empty(&ic->ready)) {
		c = list_first(&ic->ready, struct call, wait_node);
		list_del(&c->wait_node);
		c->worker = &h->worker;
	}
	loop_leave(&w->loop);
	if (!c && callers_ask(&w->callers))
		c = notify_receive(&h->worker, list_first(&ic->listeners, struct listener, node));
	if (c) {
		hand_take(w, h, c);
		return true;
	}
	if (!ic->pool.nerrands)
		return false;
	h->call = NULL;
	fiber_start(&h->fiber, hand_run, h);
	hand_resume(w, h);
	return true;
}

/* The watchdog answers in the place of a worker that takes too long. */
static void hand_overdue(struct world *w, struct hand *h)
{
	if (!h->fiber.runs || h->worker.state % WORKER_STATES != WORKER_BUSY)
		return;
	h->worker.state += WORKER_OVERDUE - WORKER_BUSY;
	notif_answer(w->callers.listener, h->id, -EFAULT);
}

/* ---- what programs do ---- */

static void put(struct program *p, unsigned int page, unsigned int at, const void *bytes, size_t n)
{
	memcpy(p->memory + page * PAGE + at, bytes, n);
}

static uint64_t address(unsigned int page, unsigned int at)
{
	return MEMORY_AT + page * PAGE + at;
}

enum { PAGE_NAMES, PAGE_MESSAGES, PAGE_VECTORS, PAGE_LENGTHS, PAGE_OPTIONS, PAGE_REQUESTS, PAGE_BYTES };

/* What calls usually point at; each kind in 16 variants, 256 bytes apart. */
static void fill(struct program *p)
{
	for (unsigned int i = 0; i < 16; i++) {
		struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(PORT + i % 4)),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		struct sockaddr_in6 name6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)(PORT + i % 4)),
					      .sin6_addr = IN6ADDR_LOOPBACK_INIT };
		struct iovec iov[2] = {
			{ (void *)(uintptr_t)address(PAGE_BYTES, i * 64), i * 100 },
			{ (void *)(uintptr_t)address(PAGE_BYTES, PAGE - 50), i < 8 ? 50 : 200 },
		};
		struct mmsghdr m = { .msg_hdr = {
			.msg_iov = (struct iovec *)(uintptr_t)address(PAGE_VECTORS, i * 256), .msg_iovlen = i % 3,
			.msg_name = (void *)(uintptr_t)(i & 1 ? address(PAGE_NAMES, i / 2 * 256) : 0),
			.msg_namelen = i & 1 ? sizeof(name) : 0,
			.msg_control = (void *)(uintptr_t)(i & 4 ? address(PAGE_BYTES, 2048) : 0),
			.msg_controllen = i & 4 ? 128 : 0,
		} };
		int length = i < 12 ? 28 : i == 12 ? -1 : (int)i - 12, option = (int)i % 3;
		struct ifreq { char name[16]; int value[6]; } request = { "lo", { (int)i } };

		if (i == 15)
			name.sin_family = AF_UNSPEC;
		if (i == 14)
			name.sin_addr.s_addr = htonl(0x7f000002);
		if (i >= 8 && i < 14)
			put(p, PAGE_NAMES, i * 256, &name6, sizeof(name6));
		else
			put(p, PAGE_NAMES, i * 256, &name, sizeof(name));
		put(p, PAGE_MESSAGES, i * 256, &m, sizeof(m));
		put(p, PAGE_MESSAGES, i * 256 + sizeof(m), &m, sizeof(m));
		put(p, PAGE_VECTORS, i * 256, iov, sizeof(iov));
		put(p, PAGE_LENGTHS, i * 256, &length, sizeof(length));
		put(p, PAGE_OPTIONS, i * 256, &option, sizeof(option));
		put(p, PAGE_REQUESTS, i * 256, &request, sizeof(request));
	}
}

/* A pointer to what is usual there, mostly. */
static uint64_t pointer(struct world *w, unsigned int page)
{
	static const unsigned int odd[] = { 0, 1, 4, 100, PAGE - 8, PAGE - 4, PAGE - 1, 2048 };
	uint8_t b = byte(w);

	if (b < 224)
		return address(page, b % 16 * 256);
	if (b < 240)
		return address(b % PAGES, odd[b / PAGES % 8]);
	return b < 248 ? 0 : UINT64_MAX - b;
}

static uint64_t length(struct world *w)
{
	static const uint64_t lengths[] = { 0, 1, 2, 4, 16, 16, 16, 28, 28, 128, 300, 1400, 4096, 65507, 65536,
					    0x7fffffff, 0x80000000, UINT64_MAX };

	return lengths[below(w, sizeof(lengths) / sizeof(lengths[0]))];
}

static uint64_t flags(struct world *w)
{
	static const int kinds[] = { MSG_PEEK, MSG_TRUNC, MSG_OOB, MSG_WAITALL, MSG_NOSIGNAL, MSG_MORE, MSG_ERRQUEUE,
				     MSG_FASTOPEN };
	uint8_t b = byte(w);

	return (uint64_t)((b & 1 ? MSG_DONTWAIT : 0) | (b & 2 ? kinds[b >> 5] : 0) | (b & 4 ? MSG_DONTWAIT : 0));
}

static uint64_t slot(struct world *w)
{
	uint8_t b = byte(w);

	return b < 240 ? b % SLOTS : b < 248 ? 99 : UINT32_MAX;
}

static void args_socket(struct world *w, uint64_t *args)
{
	static const int families[] = { AF_INET, AF_INET, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, 77 };
	static const int types[] = { SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW };
	uint8_t b = byte(w);

	args[0] = (uint64_t)families[b % 8];
	args[1] = (uint64_t)(types[b / 8 % 4] | (b & 32 ? SOCK_NONBLOCK : 0) | (b & 64 ? SOCK_CLOEXEC : 0));
	args[2] = args[1] % 16 == SOCK_RAW ? IPPROTO_ICMP : b & 128 && b % 8 < 4 ? IPPROTO_ICMP : 0;
}

static void args_option(struct world *w, uint64_t *args)
{
	static const int levels[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, SOL_NETLINK,
				      SOL_PACKET, SOL_SOCKET };

	args[1] = (uint64_t)levels[below(w, 8)];
	args[2] = below(w, 80);
	args[3] = pointer(w, PAGE_OPTIONS);
}

static void args_ioctl(struct world *w, uint64_t *args)
{
	static const unsigned int requests[] = { 0x8910, 0x8912, 0x8913, 0x8915, 0x8921, 0x8927, 0x8933, 0x8906,
						 0x5411, 0x8905 };

	args[1] = requests[below(w, 10)];
	args[2] = pointer(w, PAGE_REQUESTS);
}

static const int numbers[] = {
	SYS_socket, SYS_bind, SYS_connect, SYS_listen, SYS_accept, SYS_accept4, SYS_getsockname, SYS_getpeername,
	SYS_getsockopt, SYS_setsockopt, SYS_shutdown, SYS_ioctl, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg,
	SYS_sendmmsg, SYS_recvmmsg, SYS_socket, SYS_bind, SYS_listen, SYS_connect, SYS_read,
};

static void any_args(struct world *w, int nr, uint64_t *args)
{
	if (nr == SYS_socket) {
		args_socket(w, args);
		return;
	}
	args[0] = slot(w);
	switch (nr) {
	case SYS_bind: case SYS_connect:
		args[1] = pointer(w, PAGE_NAMES);
		args[2] = length(w);
		break;
	case SYS_listen: case SYS_shutdown:
		args[1] = below(w, 4);
		break;
	case SYS_accept: case SYS_accept4: case SYS_getsockname: case SYS_getpeername:
		args[1] = pointer(w, PAGE_BYTES);
		args[2] = pointer(w, PAGE_LENGTHS);
		args[3] = below(w, 4) ? 0 : SOCK_NONBLOCK;
		break;
	case SYS_getsockopt:
		args_option(w, args);
		args[4] = pointer(w, PAGE_LENGTHS);
		break;
	case SYS_setsockopt:
		args_option(w, args);
		args[4] = below(w, 2) ? 4 : length(w);
		break;
	case SYS_ioctl:
		args_ioctl(w, args);
		break;
	case SYS_sendto: case SYS_recvfrom:
		args[1] = pointer(w, PAGE_BYTES);
		args[2] = length(w);
		args[3] = flags(w);
		args[4] = pointer(w, PAGE_NAMES);
		args[5] = nr == SYS_sendto ? length(w) : pointer(w, PAGE_LENGTHS);
		break;
	case SYS_sendmsg: case SYS_recvmsg:
		args[1] = pointer(w, PAGE_MESSAGES);
		args[2] = flags(w);
		break;
	default:
		args[1] = pointer(w, PAGE_MESSAGES);
		args[2] = below(w, 4);
		args[3] = flags(w);
	}
}

static void step_call(struct world *w)
{
	struct caller *c = &w->callers.all[below(w, CALLERS)];
	int nr = numbers[below(w, sizeof(numbers) / sizeof(numbers[0]))];
	uint64_t args[6] = { 0 };

	if (c->state != CALLER_RUNS)
		return;
	any_args(w, nr, args);
	caller_call(&w->callers, c, nr, args);
}

/* The same again, as the kernel or a program does after a signal. */
static void step_again(struct world *w)
{
	struct caller *c = &w->callers.all[below(w, CALLERS)];
	uint64_t args[6];

	if (c->state != CALLER_RUNS || !c->id)
		return;
	memcpy(args, c->args, sizeof(args));
	caller_call(&w->callers, c, c->nr, args);
}

static void step_descriptor(struct world *w)
{
	struct program *p = &w->callers.programs[below(w, PROGRAMS)];
	unsigned int at = below(w, SLOTS), b = byte(w);
	int pair[2], from = p->fds[b / 4 % SLOTS];

	switch (b % 4) {
	case 0:
		program_close(p, at);
		break;
	case 1:
		if (from >= 0)
			program_put(&w->callers, p, at, fcntl(from, F_DUPFD_CLOEXEC, 0));
		break;
	case 2:				/* to another program */
		if (from >= 0)
			program_put(&w->callers, &w->callers.programs[b / 128], at, fcntl(from, F_DUPFD_CLOEXEC, 0));
		break;
	default:
		if (b & 64 ? pipe2(pair, O_CLOEXEC) : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			abort();
		program_put(&w->callers, p, at, pair[0]);
		close(pair[1]);
	}
}

/* The kernel's own work. */
static void step_plain(struct world *w)
{
	static uint8_t bytes[65536];
	struct program *p = &w->callers.programs[below(w, PROGRAMS)];
	unsigned int at = below(w, SLOTS), b = byte(w);
	size_t n = b & 64 ? sizeof(bytes) : b / 8;

	if (p->fds[at] < 0)
		return;
	switch (b % 4) {
	case 0: case 1:
		(void)!send(p->fds[at], bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL | (b & 4 ? MSG_OOB : 0));
		break;
	case 2:
		(void)!recv(p->fds[at], bytes, n, MSG_DONTWAIT | (b & 4 ? MSG_PEEK : 0));
		break;
	default:
		fcntl(p->fds[at], F_SETFL, b & 4 ? O_RDWR | O_NONBLOCK : O_RDWR);
	}
}

static void step_memory(struct world *w)
{
	struct program *p = &w->callers.programs[below(w, PROGRAMS)];
	unsigned int page = below(w, PAGES), b = byte(w);

	if (b < 128)
		p->pages[page] = b % 4;
	else
		p->memory[page * PAGE + b % 16 * 256 + below(w, 64)] = byte(w);
}

/* A peer: a socket of the stack that no program has. */
static void step_peer(struct world *w)
{
	unsigned int i = below(w, PEERS), b = byte(w);
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(PORT + b / 8 % 4)),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct packet *p;
	struct iovec iov;
	int err;

	loop_enter(&w->loop);
	if (!w->peers[i]) {
		w->peers[i] = socket_create(w->stack, AF_INET, b & 1 ? SOCK_STREAM : SOCK_DGRAM, 0, true, &err);
		if (w->peers[i] && b & 2)
			socket_bind(w->peers[i], &name, sizeof(name));
		if (w->peers[i] && b & 4)
			socket_listen(w->peers[i], 2);
		else if (w->peers[i])
			socket_connect(w->peers[i], &name, sizeof(name));
	} else if (b % 8 == 0 || b % 8 == 1) {
		(b % 8 ? socket_abort : socket_close)(w->peers[i]);
		w->peers[i] = NULL;
	} else if (b % 8 == 2) {
		socket_shutdown(w->peers[i], SHUT_WR);
	} else if (b % 8 == 3) {
		struct sock *sk = w->peers[i]->ops->type == SOCK_STREAM ? socket_accept(w->peers[i], &err) : NULL;

		if (sk) {
			socket_close(w->peers[i]);
			w->peers[i] = sk;
		}
	} else if (b % 8 == 4 && w->peers[i]->ops->type == SOCK_STREAM) {
		while (socket_peek(w->peers[i], &iov, 1) > 0)
			socket_consume(w->peers[i], (uint32_t)iov.iov_len);
	} else if (w->peers[i]->ops->type == SOCK_STREAM) {
		struct buf *buf = buf_alloc(&w->stack->pool, 2048);

		if (buf) {
			memset(buf->data, 0, buf->size);
			socket_write(w->peers[i], buf, 0, b % 8 == 5 ? 1 : 2048, b % 8 == 7 ? MSG_OOB : 0);
			buf_put(buf);
		}
	} else {
		static const uint8_t bytes[1000];

		p = packet_alloc(&w->stack->pool, PACKET_HEADROOM);
		if (p && packet_copy_in(p, bytes, b % 8 == 5 ? 0 : b * 3)) {
			packet_free(p);
			p = NULL;
		}
		if (p)
			socket_sendmsg(w->peers[i], p, &name, sizeof(name), NULL, 0, 0);
	}
	loop_leave(&w->loop);
}

static void step_time(struct world *w)
{
	static const uint64_t spans[] = { 1000, MSEC, 5 * MSEC, 10 * MSEC, 200 * MSEC, SEC, 3 * SEC, 60 * SEC };

	pass(w, spans[below(w, 8)]);
}

static void step(struct world *w)
{
	uint8_t b = byte(w);
	struct hand *h = &w->hands[b / 32 % WORKERS];

	switch (b % 32) {
	case 0: case 1: case 2: case 3: case 4: case 5: case 6: case 7:
		step_call(w);
		break;
	case 8: case 9: case 10: case 11: case 12: case 13: case 14:
		if (!hand_work(w, h))
			hand_resume(w, h);
		break;
	case 15: case 16: case 17:		/* a call all of whose seams are passed at once */
		hand_work(w, h);
		while (h->fiber.runs)
			hand_resume(w, h);
		break;
	case 18: case 19:
		turn(w);
		break;
	case 20:
		step_time(w);
		break;
	case 21: case 22:
		caller_interrupt(&w->callers, &w->callers.all[below(w, CALLERS)]);
		break;
	case 23:
		step_again(w);
		break;
	case 24: case 25:
		step_descriptor(w);
		break;
	case 26: case 27:
		step_plain(w);
		break;
	case 28:
		step_memory(w);
		break;
	case 29:
		step_peer(w);
		break;
	case 30:
		if (b < 128)
			hand_overdue(w, h);
		else if (b < 192)
			w->callers.refuse_fds = !w->callers.refuse_fds;
		else
			program_kill(&w->callers, &w->callers.programs[b / 32 % 2]);
		break;
	default:
		w->stack->pool.limit = b < 64 ? 64 << 10 : 256 << 20;
	}
}

/* ---- the end ---- */

static bool works(struct world *w)
{
	bool any = false;

	for (unsigned int i = 0; i < WORKERS; i++) {
		any |= hand_work(w, &w->hands[i]);
		while (w->hands[i].fiber.runs)
			hand_resume(w, &w->hands[i]);
	}
	return any;
}

/* Whatever needs no more time is done. */
static void settle(struct world *w)
{
	/* asked without taking the event: it may be one that comes once */
	struct pollfd events = { .fd = w->loop.epfd, .events = POLLIN };
	unsigned int spins = 0;

	do {
		turn(w);
		fuzz_check(++spins < SPIN);
	} while (works(w) || !env_next(&w->stack->env) || env_next(&w->stack->env) <= w->stack->env.now ||
		 poll(&events, 1, 0) > 0);
}

/* Who waits for what is there? */
static void judge_waiting(struct world *w)
{
	list_for_each(n, &w->ic->waiting) {
		struct call *c = list_entry(n, struct call, node);
		struct isock *is = isock_find(w->ic, c->cookie);

		if (c->worker || !notif_valid(w->callers.listener, c->id))
			continue;
		fuzz_check(is);
		if (c->nr == SYS_accept || c->nr == SYS_accept4)
			fuzz_check(is->state == ISOCK_LISTENING && list_empty(&is->ready) &&
				   !(socket_poll(is->sk) & EPOLLIN));
		if (c->nr == SYS_connect && is->type == SOCK_STREAM)
			fuzz_check(is->state == ISOCK_CONNECTING);
	}
	for (size_t i = 0; i < CALLERS; i++)
		fuzz_check(w->callers.all[i].state != CALLER_ASKS);
}

static void world_start(struct world *w)
{
	struct stack_config c = { .now = 1000 * SEC, .congestion = weir_module.entries[0].ops };
	struct weir_error e = { "" };
	struct listener *l;

	random_seed(&w->seed, 1);
	c.random = (struct random){ random_from_seed, &w->seed };
	w->stack = stack_create(&c, &e);
	fuzz_check(w->stack && !loop_init(&w->loop, &w->stack->env, &e));
	w->stack->env.clock = NULL;		/* virtual time */
	w->ic = intercept_create(w->stack, &w->loop, &e);
	fuzz_check(w->ic);
	callers_init(&w->callers);
	w->callers.seam = at_seam;
	w->callers.in_turn = in_turn;
	w->callers.arg = w;
	fuzz_check(!intercept_add_listener(w->ic, w->callers.listener, false, &e));
	l = list_first(&w->ic->listeners, struct listener, node);
	fuzz_check(l->fd == w->callers.listener);
	loop_leave(&w->loop);			/* until here it was ours alone */
	for (unsigned int i = 0; i < PROGRAMS; i++) {
		fill(&w->callers.programs[i]);
		w->callers.programs[i].capable = !i;
	}
}

/* What is left when nothing should be. */
static bool nothing_left(const struct intercept *ic)
{
	hash_for_each(n, &ic->isocks) {
		struct isock *is = container_of(n, struct isock, node);

		fprintf(stderr, "left: type %d, state %d, fd %d, held %d, given %d, gone %d, eof_in %d, eof_out %d, "
			"shut %d\n", is->type, (int)is->state, is->fd, is->held, is->given, is->gone, is->eof_in,
			is->eof_out, is->prog_shut);
	}
	list_for_each(n, &ic->waiting)
		fprintf(stderr, "left: waiting call %d\n", list_entry(n, struct call, node)->nr);
	return !ic->isocks.count && !ic->waiters.count && list_empty(&ic->waiting) && list_empty(&ic->ready) &&
	       !ic->nnames && !ic->unread;
}

static void world_end(struct world *w)
{
	struct env *env = &w->stack->env;
	unsigned int spins = 0;

	for (unsigned int i = 0; i < PEERS; i++)
		if (w->peers[i]) {
			loop_enter(&w->loop);
			socket_abort(w->peers[i]);
			loop_leave(&w->loop);
		}
	callers_free(&w->callers);
	callers = &w->callers;			/* the workers may still ask */
	w->stack->pool.limit = 256 << 20;
	settle(w);
	while (env_next(env) != TIMER_NEVER) {
		fuzz_check(++spins < SPIN);
		pass(w, env_next(env) > env->now ? env_next(env) - env->now : 0);
		works(w);
	}
	fuzz_check(nothing_left(w->ic));
	loop_enter(&w->loop);
	fuzz_check(intercept_destroy(w->ic));
	fuzz_check(!w->stack->pool.packets && !w->stack->pool.bufs);
	loop_close(&w->loop);
	stack_destroy(w->stack);
}

static unsigned int descriptors(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < FDS_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hand hands[WORKERS];	/* their stacks are not made anew each time */
	static struct world w;
	unsigned int before;

	if (!executed++)
		atexit(tell);
	before = descriptors();
	memset(&w, 0, sizeof(w));
	w.at = data;
	w.end = data + size;
	world_start(&w);
	for (unsigned int i = 0; i < WORKERS; i++) {
		if (!hands[i].fiber.stack) {
			fiber_init(&hands[i].fiber);
			hands[i].worker.scratch = malloc(ISOCK_SCRATCH);
		}
		w.hands[i] = hands[i];
		w.hands[i].world = &w;
		w.hands[i].worker.ic = w.ic;
	}
	while (w.at < w.end)
		step(&w);
	works(&w);
	settle(&w);
	judge_waiting(&w);
	world_end(&w);
	callers = NULL;
	calls_made += w.callers.calls;
	answers_lost += w.callers.lost;
	fuzz_check(descriptors() == before);
	return 0;
}
