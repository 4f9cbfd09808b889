/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - one system call of a program, from its notification to its answer. Private to intercept/.
 *
 * A handler (call_kind.fn) is written as up to three steps, and they must not be mixed:
 *
 *	fetch	reads the caller's memory and looks at its descriptors; knows nothing of the stack
 *	act	between call_enter() and call_leave(): the stack's turn. Works on sockets, and touches neither
 *		the caller's memory nor its descriptors, for these may make it wait
 *	finish	writes into the caller's memory, gives it descriptors
 *
 * c->fd is a copy of the program's end, closed before the answer. What may be done with it inside of
 * `act` is what cannot wait for another holder of the same file: see call.c.
 */
#ifndef INTERCEPT_CALL_H
#define INTERCEPT_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "intercept/intercept.h"
#include "intercept/notif.h"
#include "intercept/remote.h"
#include "intercept/worker.h"

#define CALL_REMEMBERED	64u

struct isock;

struct listener {			/* a seccomp listener */
	struct list node;		/* ic->listeners */
	struct intercept *ic;
	int fd;
	uint32_t refs;			/* atomic: ic->listeners, and calls that are worked on */
	bool watched;			/* by the pool */
	bool operator;			/* its programs are the operator's: `weir exec --admin` */
};

struct call {
	struct list node;		/* ic->waiting */
	struct hash_node by_tid;	/* ic->waiters, while it waits */
	struct list wait_node;		/* is->waiters */
	struct intercept *ic;
	struct listener *listener;
	struct worker *worker;		/* who works on it; NULL: it waits, or is postponed */
	uint64_t id;
	pid_t tid;
	pid_t tgid;			/* 0: nobody has asked */
	uint64_t postponed;		/* ns: since when; 0: it is not (pool->postponed) */
	bool delayed;			/* it was */
	int nr;
	uint64_t args[6];
	const struct call_kind *kind;
	struct isock *is;		/* in the stack's turn only: elsewhere it may be freed at any moment */
	uint64_t cookie;		/* of its end, by which it is found again; 0: it is none of ours */
	int fd;				/* a copy of the program's end; -1: see call_fd() */
	int gone;			/* how it ends when its socket is no more */
	bool found;			/* is was looked up */
	bool unsure;			/* memory was read by the caller's id, and it may not have been the caller's */
	bool parks;			/* it waits from call_leave() on */
	bool waits, expired;
	bool one, queues;		/* it waits by call_wait_one(), call_queue() */
	bool nonblock;			/* O_NONBLOCK of the program's end, as the call has found it */
	bool connects;			/* sendmsg with MSG_FASTOPEN: it waits for the connection first */
	bool sigpipe;			/* the caller gets one with the answer */
	uint32_t grow;			/* its end's send buffer gets this size back: isock_grow() */
	uint64_t since, deadline;	/* ns */
	size_t done;			/* bytes moved before it had to wait; connect: 1 = under way */
	int taken;			/* by getsockopt(SO_ERROR): goes back when nobody gets it */
	struct timer timer;
	uint64_t gift;			/* a new socket on its way to the program: its cookie, */
	int gift_fd;			/* and the program's end, which is only the call's now */
};

/* A handler answers with the call's result (negative errno), or: */
#define CALL_CONTINUE	(INT64_MIN)	/* not ours: the kernel does it */
#define CALL_WAIT	(INT64_MIN + 1)	/* it waits; the struct call is no longer its handler's */
#define CALL_ANSWERED	(INT64_MIN + 2)
#define CALL_GO		(INT64_MIN + 3)	/* never an answer: "go on", between steps of one handler */

struct call_kind {
	int nr;
	bool quick;			/* one that has waited needs nothing of its caller: it goes first */
	int64_t (*fn)(struct call *c);
	/* In the stack's turn: the answer found nobody, take back what can be taken back. NULL: the result
	 * is remembered. */
	void (*undo)(struct call *c, int64_t result);
};

struct call_memory {			/* the result of a call whose caller was interrupted */
	pid_t tid;			/* 0: none */
	uint64_t cookie;		/* of the socket */
	uint64_t until;
	int nr;
	uint64_t args[6];
	int64_t result;
};

/* ---- the stack's turn ---- */

/*
 * err: what fetching has come to. NULL: there is nothing to act on, and *result is how the call ends;
 * the turn is not ours then.
 */
struct isock *call_enter(struct call *c, int err, int64_t *result);
void call_leave(struct call *c);
/* The same for what is about no socket. */
void turn_take(struct intercept *ic);
void turn_give(struct intercept *ic);

/* In the stack's turn: the call waits for its socket, for timeout ns (0: for ever), and its handler runs
 * again from the start. CALL_WAIT, or -EAGAIN when it has waited long enough. */
int64_t call_wait(struct call *c, uint64_t timeout);
/* The same for what is given to one only: others that wait so are not woken with it, but after it. */
int64_t call_wait_one(struct call *c, uint64_t timeout);
/* It waits for its turn among the calls of its socket: until call_next(). */
int64_t call_queue(struct call *c);
void call_next(struct isock *is);
void call_wake(struct isock *is);		/* something may have come for the waiting calls of a socket */
void call_abandon(struct isock *is);		/* the socket is no more */

/* ---- descriptors ---- */

/* A copy of the program's end; call_enter() has seen to it, but for a call that has waited: that has kept none,
 * and gets one anew. -errno */
int call_fd(struct call *c);
bool call_nonblock(struct call *c);
/* In the stack's turn: is is a new socket for the caller, who gets its end by call_give(). */
void call_take_gift(struct call *c, struct isock *is);
/* The answer. undo: in the stack's turn, when nobody took it; NULL: it is closed. */
int64_t call_give(struct call *c, bool cloexec, void (*undo)(struct call *c, struct isock *is));
void call_refuse_gift(struct call *c, void (*undo)(struct call *c, struct isock *is));	/* it gets none */
int call_replace_fd(struct call *c, int fd);	/* in the place of args[0]; the call goes on. -errno */

/* ---- the caller's memory ---- */

/* What was read before the first call_enter() is known to be the caller's once that has succeeded. */
bool call_valid(const struct call *c);
int call_read(struct call *c, uint64_t addr, void *dst, size_t n);
int call_write(struct call *c, uint64_t addr, const void *src, size_t n);
/* Give a name back as getsockname does: at most *lenp bytes, the true length into *lenp. */
int call_write_name(struct call *c, uint64_t addr, uint64_t lenp, const void *name, socklen_t len);
int call_read_name(struct call *c, uint64_t addr, uint64_t len, struct sockaddr_storage *name);

/* ---- from notification to answer ---- */

/* With c->worker set. It answers the call and frees it; or leaves it waiting, and its worker has to look at
 * ic->ready: true. */
bool call_run(struct call *c);
void call_expired(struct timer *t);		/* of c->timer */
void call_collect(struct timer *t);		/* frees waiting calls whose caller is gone */
void call_drop_all(struct intercept *ic, const struct listener *l);	/* its waiting calls */
/* In the stack's turn: the answer of one that nobody works on. */
void call_refuse(struct call *c, int err);
/* An undo: the call has changed nothing. Made again, it writes its answer again. */
void call_asks(struct call *c, int64_t result);

/* notify.c */
struct call *notify_receive(struct worker *w, struct listener *l);
void listener_close(struct listener *l);
void listener_put(struct listener *l);

/* call_socket.c, call_option.c, call_message.c, listen.c */
int64_t call_socket(struct call *c);
int64_t call_bind(struct call *c);
int64_t call_connect(struct call *c);
void call_connect_undo(struct call *c, int64_t result);
int64_t call_listen(struct call *c);
int64_t call_accept(struct call *c);
int64_t call_getsockname(struct call *c);
int64_t call_getpeername(struct call *c);
int64_t call_shutdown(struct call *c);
int64_t call_getsockopt(struct call *c);
void call_getsockopt_undo(struct call *c, int64_t result);
int64_t call_setsockopt(struct call *c);
int64_t call_ioctl(struct call *c);
int64_t call_sendto(struct call *c);
int64_t call_recvfrom(struct call *c);
int64_t call_sendmsg(struct call *c);
int64_t call_recvmsg(struct call *c);
int64_t call_sendmmsg(struct call *c);
int64_t call_recvmmsg(struct call *c);

#endif
