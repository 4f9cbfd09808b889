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
 * The stack holds no descriptor of the program's end (or closing it would not be seen); a call brings one, for
 * its own time. What is needed of it between calls is an errand of a worker (errand.c).
 */
#ifndef INTERCEPT_ISOCK_H
#define INTERCEPT_ISOCK_H

#include "intercept/call.h"
#include "intercept/intercept.h"
#include "intercept/remote.h"
#include "intercept/userns.h"

#define ISOCK_SCRATCH	(256u * 1024u)
#define ISOCK_CONTROL	256u		/* control bytes kept with a datagram */
#define ISOCK_NAMES	512u		/* datagrams that fit in the program's end, at most */
#define ISOCK_COST	8192u		/* of a socket, with the kernel's share, in a memory cgroup: 7 to 8.5 KB were measured */
#define ISOCK_NAMES_ALL	(1u << 17)	/* of all sockets together; who has so few gets one all the same: */
#define ISOCK_NAMES_LEAST 4u

enum isock_state {
	ISOCK_NEW,		/* streams begin here ... */
	ISOCK_CONNECTING,
	ISOCK_CONNECTED,
	ISOCK_LISTENING,
	ISOCK_DEAD,		/* reset, refused, shut down: the stack's end is closed, names and errors remain */
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

struct witness;

/* A ring's memory, and where the program has it. */
struct ring_place {
	uint64_t dev, inode;
	pid_t tid;
	int tfd;
};

struct isock {
	struct hash_node node;		/* ic->isocks */
	struct list list;		/* a listener's ready */
	struct intercept *ic;
	struct sock *sk;
	struct loop_io io;		/* the stack's end */
	struct loop_io end;		/* the same one, when both sides have shut down: witness.c */
	struct witness *witness;	/* what the program's end is a member of */
	struct list silent;		/* witness->silent: nothing tells when the program closes it */
	struct work work;		/* the stack's socket had an event */
	struct list waiters;		/* struct call */
	struct list queued;		/* struct call, by call_queue() */
	uint32_t wakes;			/* counts call_wake() */
	struct list hungry;		/* ic->hungry */
	struct list errand;		/* ic->errands, ic->late_errands */
	pid_t errand_tgid;		/* whose errand it is; 0: nobody has asked */
	uint8_t errands;		/* ERRAND_..., asked for and not reported yet */
	uint64_t cookie;
	uint32_t inode;			/* of the program's end, as /proc/PID/fd shows it */
	int fd;				/* the stack's end; -1 when closed */
	int held;			/* the program's end, until it is on its way (given); -1 */
	uint32_t uid;			/* of the program, once somebody has asked (uid_known) */
	pid_t tid;			/* who used it last, ... */
	int tfd;			/* ... under which number */
	int error;			/* for SO_ERROR, before the stack's own */
	uint64_t rcvtimeo, sndtimeo;	/* ns; 0 = none */
	enum isock_state state;
	uint8_t type;			/* SOCK_STREAM, ... */
	bool given : 1;			/* the program's end is on its way into the program */
	bool receiving : 1;		/* a call takes a datagram out of the program's end */
	bool unreported : 1;		/* connected, and connect() has not said so yet */
	bool uid_known : 1;
	bool small : 1;			/* a stream's program's end still has the small buffer it was made with */
	bool errand_out : 1;		/* a worker runs one */
	bool prog_shut : 1;		/* the program has shut down its sending side */
	bool early_rd : 1;		/* its end was shut down before it had a connection: that stays so */
	bool early_wr : 1;
	bool child_rd : 1;		/* likewise before it listened: its connections are shut down from the start */
	bool child_wr : 1;
	bool last : 1;			/* the byte that ends what it sent was read */
	bool eof_in : 1;		/* the peer's FIN was passed on */
	bool eof_out : 1;		/* the program's end of data was passed on */
	bool gone : 1;			/* the program's end is closed for good */
	bool unread_left : 1;		/* with something unread: a stream ends with a RST then */
	bool blocked : 1;		/* the program's end is full */
	bool discard : 1;		/* the program will not read any more */
	bool seen : 1;			/* by the look under way */
	bool marked : 1;		/* an error datagram is on its way */
	bool again : 1;			/* DEAD: the socket is as new, and may try again with a new end */
	bool told : 1;			/* connect() has said so */
	bool unheard : 1;		/* connect() has said so, but its caller was gone */
	bool urgent : 1;		/* urgent data of the program lies in the stack's end */
	bool oobinline : 1;		/* SO_OOBINLINE of the program's end */
	uint32_t sndbuf;		/* SO_SNDBUF of the program's end, as it counts: grant.c */
	uint32_t sndbuf_is, sndbuf_next;	/* what it is, and what an errand makes it */
	uint64_t wrote;			/* ns: when something of it was last read */
	uint64_t grant_after;		/* ns: not to be asked for more before */
	struct list grant_node;		/* ic->grants */
	bool tight : 1;			/* the stack's end has the smallest SO_SNDBUF: unread.c */
	bool ring_marked : 1;		/* a datagram says that the ring is readable */
	struct ring_place ring;		/* the memfd that stands for the program's end; inode 0: none does */
	struct timer ring_timer;
	struct list ringed;		/* ic->ringed */
	uint32_t junk;			/* bytes of isock_block at the head of the stack's end */
	uint32_t tokens;		/* listening: those in the program's end */
	uint64_t name;			/* listening: its AF_UNIX name */
	struct list ready;		/* listening: accepted, but the caller was gone */
	struct buf *rest;		/* read from the program, not taken by the stack yet */
	uint32_t rest_off, rest_len;
	struct list unread_node;	/* ic->unread_socks */
	struct list settles;		/* ic->settling: its next request waits until bytes are counted */
	uint64_t settle_until;		/* or until then; 0: it does not */
	uint32_t unread;		/* memory in the program's end, at most */
	uint32_t unread_bytes;		/* bytes there, at most */
	struct list names;		/* datagrams in the program's end, oldest first */
	uint32_t nnames;
	uint32_t names_new;		/* came since it was last asked which are needed still */
	struct packet *packet;		/* a received datagram that did not fit; its name: */
	struct isock_name *packet_name;
};

struct intercept {
	struct stack *stack;
	char user_ns[USERNS_NAME];	/* whose capabilities over the network count */
	struct userns users;		/* its users */
	struct env *env;
	struct loop *loop;
	struct intercept_stats stats;	/* but for these: */
	uint64_t notifications, continued;	/* counted by intercept_count() */
	uint64_t options_logged;	/* a bit a kind of unknown option */
	struct hash_table isocks;
	struct hash_table waiters;	/* waiting calls by thread */
	struct list listeners, hungry;
	struct list waiting;		/* calls, the one looked at longest ago first */
	struct list ready;		/* waiting calls whose handler is to run again */
	struct work run_ready;
	struct list errands, late_errands;	/* struct isock: errand.c */
	bool looks;			/* a worker is about to look at ready and errands: none has to be woken for it */
	struct list ringed;		/* sockets whose descriptor is their ring's for the moment: ring_seek.c */
	struct timer ring_look;
	uint64_t ring_pause;
	struct list free_names;
	struct list unread_socks;	/* who may have something unread, asked longest ago first */
	uint64_t unread;		/* the sum of theirs */
	uint32_t nunread;		/* so many are they */
	uint64_t granted;		/* the sum of sndbuf of all sockets */
	struct list grants;		/* those with more than the least, who wrote last at the end */
	uint64_t unread_asked;		/* when others than the one concerned were */
	uint32_t counting;		/* sockets with ERRAND_COUNT */
	struct list settling;		/* struct isock */
	struct timer settle;
	int sndbuf;			/* of a pair, as the kernel makes it */
	uint32_t nfree_names, nnames;
	struct timer collect;		/* looks for waiting calls whose caller is gone, ... */
	uint64_t collect_pause;		/* ... with such pauses */
	struct list silent_sets, looking;	/* struct witness: witness.c */
	struct witness *filling;
	uint32_t nsilent, silent_left;
	uint64_t look_pause;
	struct timer look;
	struct timer feed;		/* tries again what found no memory */
	int nofile;			/* RLIMIT_NOFILE: see fds_left */
	uint64_t most;			/* sockets */
	bool few_memory;		/* for want of memory there are no more, which nobody has said yet */
	int mark;			/* a file that means nothing: isock_shut() */
	int door;			/* door.c */
	uint32_t door_late;
	int asker;			/* listen.c */
	struct buf *buf;		/* what programs write is read into this, one after the other */
	uint32_t buf_off;
	uint8_t *scratch;		/* ISOCK_SCRATCH bytes, for the length of a call */
	struct call_memory memory[CALL_REMEMBERED];
	unsigned int memory_next;
	struct pool pool;
};

/*
 * Descriptors are given lowest first, so the number of a new one tells whether few are left.
 * Sockets leave the last quarter of what is allowed (at most 1024) to calls that are answered, the control
 * socket and modules: a program that takes all it can get hinders nobody else.
 */
static inline bool fds_left(const struct intercept *ic, int fd)
{
	return fd < ic->nofile - (ic->nofile / 4 < 1024 ? ic->nofile / 4 : 1024);
}

/* isock.c */
/* state: NEW, of a stream that is not connected; CONNECTED; DATAGRAM */
struct isock *isock_create(struct intercept *ic, struct sock *sk, enum isock_state state, int type,
			   bool nonblock, int *err);
int isock_join(struct isock *is, int fd);	/* fd, the program's end, is to be connected: -errno */
void isock_release(struct isock *is, bool abort);	/* closes the stack's socket, frees */
struct isock *isock_find(struct intercept *ic, uint64_t cookie);	/* NULL: none of ours, or no more */
uint64_t isock_cookie(int fd);				/* 0: not a socket */
void isock_block(struct isock *is, int fd);		/* make the program's end not writable ... */
void isock_unblock(struct isock *is);			/* ... and soon writable again, and CONNECTED */
void isock_grown(struct isock *is, bool grown);		/* now it is */
void isock_grow(uint32_t sndbuf, int fd);	/* outside of the turn: it is not small any more */
void isock_shut(const struct intercept *ic, int fd);	/* before shutdown(SHUT_WR) of the program's end */
/* POLLERR | POLLHUP, ECONNRESET at the program's end. fd: a copy of that; -1: none, it takes an errand. */
void isock_reset(struct isock *is, int error, int fd);
void isock_show_reset(struct isock *is);		/* now that something unread lies in the stack's end */
void isock_finish(struct isock *is, int error);		/* POLLHUP, the end of data and EPIPE there */
/* A new end in place of one that is used up; awaited: epoll sets may wait for it. -errno */
int64_t isock_renew(struct call *c, bool awaited);
void isock_hungry(struct isock *is);			/* no memory: its work runs again soon */
void isock_feed(struct timer *t);
int isock_take_error(struct isock *is);			/* SO_ERROR */
void isock_delivered(struct isock *is, pid_t tid, int tfd);	/* the program has its end now */
struct buf *intercept_buf(struct intercept *ic, uint32_t want, uint32_t *room);

/* errand.c: a worker does this at the program's end, and reports */
#define ERRAND_GROW	1u	/* isock_grow(), isock_grown() */
#define ERRAND_RESET	2u	/* a byte is written through it; isock_show_reset() */
#define ERRAND_SHUT	4u	/* shutdown(SHUT_RDWR) */
#define ERRAND_TAKE	8u	/* a byte is read from it; ring_taken() */
#define ERRAND_COUNT	16u	/* the bytes in it; unread_counted() */
#define ERRAND_RING	32u	/* not at the end, but whether its ring is open; ring_sought() */
void errand_ask(struct isock *is, unsigned int kinds);
void errand_forget(struct isock *is);
bool errand_run(struct worker *w);	/* the next one, outside of the turn. False: there is none */

/* Outside of the stack's turn, too. */
static inline void intercept_count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* epoll_move.c */
void epoll_move(const struct call *c, int from, int to);	/* entries for args[0] wait for another end now */

/* door.c */
int door_open(struct intercept *ic);
int door_enter(struct intercept *ic, int fd);	/* fd gets connected; the other end, or -errno */

/* witness.c */
void witness_init(struct intercept *ic);
void witness_close(struct intercept *ic);
/* fd: a program's end. *w: what it is a member of now. -errno */
int witness_add(struct intercept *ic, uint64_t cookie, int fd, struct witness **w);
void witness_leave(struct isock *is);
void witness_put(struct witness *w);		/* an end that was added, but not delivered */
bool witness_sees(struct isock *is);		/* is the program's end open, which polls EPOLLHUP? */
void witness_silent(struct isock *is);		/* from now on nothing tells when it is closed ... */
void witness_heard(struct isock *is);		/* ... something does again */
void witness_watch(struct isock *is);		/* the stack's end tells of it, though it has EPOLLHUP already */
void witness_look(struct intercept *ic);	/* at all that nothing tells of, soon */

/* grant.c */
void grant_make(struct isock *is);		/* a new program's end, held: what may lie in it */
void grant_renew(struct isock *is);		/* it has another end, which is small */
void grant_end(struct isock *is);
void grant_wrote(struct isock *is, uint32_t n);	/* so much of what its program wrote was read at once */
void grant_done(struct isock *is, uint32_t size, bool found);	/* an errand's report */

/* unread.c */
void unread_init(struct intercept *ic);
void unread_add(struct isock *is, uint32_t n);	/* so much was written to the program's end */
void unread_forget(struct isock *is);
void unread_counted(struct isock *is, bool known, uint32_t bytes);	/* so many are there now */
/* Of one that asks about sockets: may it ask now? If not, its work runs again when it may. */
bool unread_settle(struct isock *is);
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
bool pump_dgram_out(struct isock *is);
void pump_names_free(struct isock *is);
void pump_name_drop(struct isock *is, struct isock_name *name);
void listen_work(struct isock *is);
bool listen_lives(struct isock *is);		/* has the program it open? */
void listen_stop(struct isock *is);		/* who waits to be accepted is reset */
void listen_quick(int fd);			/* the kernel's accept() does not wait */

/* ring.c */
int64_t ring_set(struct call *c, const void *value, socklen_t len);
void ring_work(struct isock *is);		/* the ring may have become readable */
void ring_taken(struct isock *is, bool taken);	/* an errand was to take back the byte that says so */
void ring_restore(struct call *c);		/* is c->fd a ring? Then the socket takes its place again */
void ring_release(struct isock *is);

/* ring_seek.c */
void ring_seek_init(struct intercept *ic);
void ring_seek_stop(struct intercept *ic);
void ring_seek_new(struct isock *is);		/* its ring stands for its end: now and then somebody looks for it */
bool ring_seek(struct ring_place *p);		/* outside of the turn: has anybody a descriptor of it? *p: where */
void ring_sought(struct isock *is, const struct ring_place *p, bool there);
void ring_seek_some(struct intercept *ic);	/* outside of the turn: before a ring takes memory */

#endif
