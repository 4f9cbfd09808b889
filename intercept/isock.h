/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isock.h - a program's socket: the pair of AF_UNIX ends, the stack's socket behind it, and what is
 * shared by the files that serve it. Private to intercept/.
 *
 *	program  <->  its end  ====  the stack's end  <->  pump  <->  struct sock
 *
 * The program's end is known by its socket cookie (SO_COOKIE): 64 bits that the kernel never gives
 * twice, unlike inode numbers. It stays the same through fork, exec, dup and SCM_RIGHTS, so these
 * need no care at all.
 *
 * The stack holds no descriptor of the program's end (or closing it would not be seen), but borrows
 * one for the time of a call. Where one is needed between calls, it is looked for where the program
 * last used it, and the cookie tells whether it is still there.
 */
#ifndef INTERCEPT_ISOCK_H
#define INTERCEPT_ISOCK_H

#include <linux/seccomp.h>

#include "intercept/intercept.h"
#include "intercept/remote.h"

#define ISOCK_SCRATCH	(256u * 1024u)
#define ISOCK_CONTROL	256u		/* control bytes kept with a datagram */
#define ISOCK_NAMES	512u		/* datagrams that fit in the program's end, at most */
#define CALL_REMEMBERED	64u
#define ISOCK_NAMES_ALL	(1u << 17)	/* of all sockets together */

enum isock_state {
	ISOCK_NEW,		/* streams begin here ... */
	ISOCK_CONNECTING,
	ISOCK_CONNECTED,
	ISOCK_LISTENING,
	ISOCK_DEAD,		/* reset or refused: the stack's end is closed, names and errors remain */
	ISOCK_DATAGRAM,		/* ... datagram sockets stay here */
};

/* A datagram that lies in the program's end: what does not fit there. */
struct isock_name {
	struct list node;
	uint32_t len;			/* of the datagram */
	bool error;			/* no datagram: it only wakes who waits, SO_ERROR has the news */
	socklen_t namelen;
	uint16_t controllen;
	uint8_t name[28];
	_Alignas(8) uint8_t control[ISOCK_CONTROL];
};

struct isock {
	struct hash_node node;		/* ic->isocks */
	struct list list;		/* a listener's ready, or ic->ghosts */
	struct intercept *ic;
	struct sock *sk;
	struct loop_io io;		/* the stack's end */
	struct work work;		/* the stack's socket had an event */
	struct list waiters;		/* struct call */
	uint32_t ncalls;		/* waiting calls, those in waiters included */
	struct list hungry;		/* ic->hungry */
	uint64_t cookie;
	uint32_t inode;			/* of the program's end, as /proc/PID/fd shows it */
	int fd;				/* the stack's end; -1 when closed */
	int held;			/* the program's end, until it is delivered; -1 */
	uint32_t uid;			/* of the program, once somebody has asked (uid_known) */
	pid_t tid;			/* who used it last, ... */
	int tfd;			/* ... under which number */
	int error;			/* for SO_ERROR, before the stack's own */
	uint64_t rcvtimeo, sndtimeo;	/* ns; 0 = none */
	enum isock_state state;
	uint8_t type;			/* SOCK_STREAM, ... */
	bool unreported : 1;		/* connected, and connect() has not said so yet */
	bool uid_known : 1;
	bool small : 1;			/* the program's end still has the small buffer of isock_block */
	bool prog_shut : 1;		/* the program has shut down its sending side */
	bool last : 1;			/* the byte that ends what it sent was read */
	bool eof_in : 1;		/* the peer's FIN was passed on */
	bool eof_out : 1;		/* the program's end of data was passed on */
	bool gone : 1;			/* the program's end is closed for good */
	bool blocked : 1;		/* the program's end is full */
	bool discard : 1;		/* the program will not read any more */
	bool ghost : 1;			/* in ic->ghosts */
	bool seen : 1;			/* by the sweep under way */
	bool marked : 1;		/* an error datagram is on its way */
	bool refused : 1;		/* DEAD: it never was connected, and may try again */
	bool told : 1;			/* connect() has said so */
	bool urgent : 1;		/* urgent data of the program lies in the stack's end */
	bool oobinline : 1;		/* SO_OOBINLINE of the program's end */
	bool tight : 1;			/* the stack's end has the smallest SO_SNDBUF: unread.c */
	bool ring_marked : 1;		/* a datagram says that the ring is readable */
	uint64_t ring_inode;		/* of the memfd that stands for the program's end; 0: none does */
	struct timer ring_timer;
	struct list ringed;		/* ic->ringed */
	uint32_t junk;			/* bytes of isock_block at the head of the stack's end */
	uint32_t bytes;			/* listening: bytes in the program's end */
	struct list ready;		/* listening: accepted, but the caller was gone */
	struct buf *rest;		/* read from the program, not taken by the stack yet */
	uint32_t rest_off, rest_len;
	struct list unread_node;	/* ic->unread_socks */
	uint32_t unread;		/* bytes in the program's end, at most */
	struct list names;		/* datagrams in the program's end, oldest first */
	uint32_t nnames;
	struct packet *packet;		/* a received datagram that did not fit; its name: */
	struct isock_name *packet_name;
};

struct listener {			/* a seccomp listener */
	struct list node;		/* ic->listeners */
	struct intercept *ic;
	struct loop_io io;
	int fd;
	bool operator;			/* its programs are the operator's: `weir exec --admin` */
};

/* One system call of a program, from its notification to its answer. */
struct call {
	struct list node;		/* ic->waiting */
	struct hash_node by_tid;	/* ic->waiters */
	struct list wait_node;		/* is->waiters */
	struct intercept *ic;
	struct listener *listener;
	uint64_t id;
	pid_t tid;
	int nr;
	uint64_t args[6];
	const struct call_kind *kind;
	struct isock *is;
	int fd;				/* a copy of the program's end; -1 */
	bool waits, expired;
	bool connects;			/* sendmsg with MSG_FASTOPEN: it waits for the connection first */
	bool sigpipe;			/* the caller gets one with the answer */
	uint32_t events;		/* waits for the program's end, else for the stack's socket */
	uint64_t deadline;
	size_t done;			/* bytes moved before it had to wait; connect: 1 = under way */
	struct loop_io io;
	struct timer timer;
};

/* A handler answers with the call's result (negative errno), or: */
#define CALL_CONTINUE	(INT64_MIN)	/* not ours: the kernel does it */
#define CALL_WAIT	(INT64_MIN + 1)	/* see call_wait */
#define CALL_ANSWERED	(INT64_MIN + 2)

struct call_kind {
	int nr;
	bool socket;			/* args[0] is a descriptor */
	int64_t (*fn)(struct call *c);
	/* The answer found nobody: take back what can be taken back. NULL: the result is
	 * remembered. */
	void (*undo)(struct call *c, int64_t result);
	int64_t (*other)(struct call *c);	/* on a descriptor that is not ours; NULL: is the kernel's */
};

struct call_memory {			/* the result of a call whose caller was interrupted */
	pid_t tid;			/* 0: none */
	uint64_t cookie;		/* of the socket */
	uint64_t until;
	int nr;
	uint64_t args[6];
	int64_t result;
};

struct intercept {
	struct stack *stack;
	struct env *env;
	struct loop *loop;
	struct intercept_stats stats;
	uint64_t options_logged;	/* a bit a kind of unknown option */
	struct hash_table isocks;
	struct hash_table waiters;	/* waiting calls by thread */
	struct list listeners, waiting, ghosts, hungry;
	struct list ringed;		/* sockets whose descriptor is their ring's for the moment */
	struct list free_names;
	struct list unread_socks;	/* who may have something unread, asked longest ago first */
	uint64_t unread, unread_max;	/* the sum of theirs; beyond this it is asked for */
	int sndbuf;			/* of a pair, as the kernel makes it */
	uint32_t nghosts, swept_at, nfree_names, nnames;
	struct timer reap;		/* looks for waiting calls whose caller is gone */
	struct timer sweep;		/* looks for ghosts whose program's end is gone */
	struct timer feed;		/* tries again what found no memory */
	int nofile;			/* RLIMIT_NOFILE: see fds_left */
	int witness;			/* epoll set of every program's end: see isock.c */
	struct remote remote;
	struct buf *buf;		/* what programs write is read into this, one after the other */
	uint32_t buf_off;
	uint8_t *scratch;		/* ISOCK_SCRATCH bytes, for the length of a call */
	struct call_memory memory[CALL_REMEMBERED];
	unsigned int memory_next;
};

/*
 * Descriptors are given lowest first, so the number of a new one tells whether few are left.
 * Sockets leave the last quarter of what is allowed (at most 1024) to calls, waiting calls half of
 * that to calls that are answered at once, the control socket and modules: a program that takes all
 * it can get hinders nobody else.
 */
static inline bool fds_left(const struct intercept *ic, int fd, bool waits)
{
	int reserve = ic->nofile / 4 < 1024 ? ic->nofile / 4 : 1024;

	return fd < ic->nofile - (waits ? reserve / 2 : reserve);
}

/* isock.c */
struct isock *isock_create(struct intercept *ic, struct sock *sk, int type, bool nonblock, int *err);
void isock_release(struct isock *is, bool abort);	/* closes the stack's socket, frees */
struct isock *isock_find(struct intercept *ic, int fd, int *err);	/* NULL: *err or not ours (0) */
int isock_borrow(struct isock *is);			/* the program's end, where it was last; -errno */
void isock_haunt(struct isock *is);			/* from now on only the sweep sees it closed */
void isock_sweep(struct timer *t);
void isock_block(struct isock *is, int fd);		/* make the program's end not writable ... */
void isock_unblock(struct isock *is, int fd);		/* ... and writable again; fd: its copy or -1 */
void isock_restore(struct isock *is, int fd);		/* the second half of it, once a copy is at hand */
void isock_shut(struct isock *is, int fd);		/* before shutdown(SHUT_WR) of the program's end */
void isock_reset(struct isock *is, int error);		/* POLLERR | POLLHUP, ECONNRESET at the program's end */
int isock_renew(struct isock *is, struct call *c);	/* a new pair in place of a dead one; -errno */
void isock_hungry(struct isock *is);			/* no memory: its work runs again soon */
void isock_feed(struct timer *t);
int isock_take_error(struct isock *is);			/* SO_ERROR */
void isock_delivered(struct isock *is, pid_t tid, int tfd);	/* the program has its end now */
struct buf *intercept_buf(struct intercept *ic, uint32_t want, uint32_t *room);

/* unread.c */
void unread_init(struct intercept *ic);
void unread_add(struct isock *is, uint32_t n);	/* so much was written to the program's end */
void unread_forget(struct isock *is);
/* For dumps: what the program has not read, and what it has written and the stack has not taken. */
void unread_queues(void *isock, uint32_t *unread, uint32_t *unsent);
/* May more be written to it? A stream's buffer sees to that itself; a datagram is to be dropped
 * if not. */
bool unread_room(struct isock *is);

/* pump_stream.c, pump_dgram.c, listen.c */
void pump_stream_work(struct isock *is);
void pump_stream_io(struct isock *is, uint32_t events);
void pump_dgram_work(struct isock *is);
void pump_dgram_io(struct isock *is, uint32_t events);
void pump_dgram_out(struct isock *is);
void pump_names_free(struct isock *is);
void pump_name_drop(struct isock *is, struct isock_name *name);
void listen_work(struct isock *is);
int64_t call_listen(struct call *c);
int64_t call_accept(struct call *c);

/* notify.c */
int64_t call_wait(struct call *c, uint64_t timeout, uint32_t events);
bool call_valid(const struct call *c);
/* Put fd into the program as the call's result; CALL_ANSWERED, or -errno; *tfd: its number there,
 * -1: nobody took it. */
int64_t call_answer_fd(struct call *c, int fd, bool cloexec, int *tfd);
int call_replace_fd(struct call *c, int fd);		/* in the place of args[0]; the call goes on. -errno */
bool call_nonblock(const struct call *c);
void call_abandon(struct isock *is);			/* the socket is no more: EBADF for its waiting calls */
void call_wake(struct isock *is);			/* waiting calls of a socket try again */
bool call_reap(struct intercept *ic);			/* drop calls whose caller is gone; were there any? */
int call_read(struct call *c, uint64_t addr, void *dst, size_t n);
int call_write(struct call *c, uint64_t addr, const void *src, size_t n);
/* Give a name back as getsockname does: at most *lenp bytes, the true length into *lenp. */
int call_write_name(struct call *c, uint64_t addr, uint64_t lenp, const void *name, socklen_t len);
int call_read_name(struct call *c, uint64_t addr, uint64_t len, struct sockaddr_storage *name);

/* ring.c */
int64_t ring_set(struct call *c, const void *value, socklen_t len);
void ring_work(struct isock *is);		/* the ring may have become readable */
bool ring_restore(struct call *c);		/* is c->fd a ring? Then the socket takes its place again */
void ring_release(struct isock *is);

/* call_socket.c, call_option.c, call_message.c */
int64_t call_socket(struct call *c);
int64_t call_bind(struct call *c);
int64_t call_connect(struct call *c);
void call_connect_undo(struct call *c, int64_t result);
int64_t call_getsockname(struct call *c);
int64_t call_getpeername(struct call *c);
int64_t call_shutdown(struct call *c);
int64_t call_getsockopt(struct call *c);
int64_t call_setsockopt(struct call *c);
int64_t call_ioctl(struct call *c);
int64_t call_ioctl_other(struct call *c);
int64_t call_sendto(struct call *c);
int64_t call_recvfrom(struct call *c);
int64_t call_sendmsg(struct call *c);
int64_t call_recvmsg(struct call *c);
int64_t call_sendmmsg(struct call *c);
int64_t call_recvmmsg(struct call *c);

#endif
