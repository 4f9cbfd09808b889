/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isock.c - a program's socket: its making and its end.
 *
 * Theory of operation
 *
 * Life: isock_create makes the ends; the program's is put into the program and closed here. A stream
 * that is not connected has no end of the stack's: it gets one when it connects (door.c), or is a
 * listening AF_UNIX socket (listen.c). When the last descriptor of the program's end is closed,
 * wherever it had got to, the stack's end sees EPOLLHUP.
 *
 * That does not work where the stack has no end: a stream that is not connected, or was reset, which is
 * shown to the program by closing the stack's end. And once both sides have shut down sending, EPOLLHUP
 * is there already. witness.c tells of these.
 *
 * Not writable: an AF_UNIX socket is writable while the memory of what it has sent and the peer has
 * not read is at most a quarter of SO_SNDBUF. A connecting socket must not be writable: its buffer
 * is made as small as can be, while nobody else has it, and filled with bytes that mean nothing (junk). When
 * the connection stands the buffer grows, which is an errand (errand.c), and the stack reads them away.
 *
 * A reset: when an AF_UNIX end is closed with unread bytes in it, its peer gets ECONNRESET. If the
 * program has left none there, one is written for it, through its own end: another errand. Once the program has
 * shut down sending, that cannot be done any more; so two bytes are written before the shutdown
 * takes place: one that carries a descriptor, which sets it apart from data (even from data that
 * another thread writes at that moment), and one that stays unread for good. A reset after the peer's
 * FIN is no error to a reader (Linux's SOCK_DONE): then the end is closed with nothing unread.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intercept/isock.h"

#define FEED_INTERVAL	10000000ull	/* ns */
#define FEED_TURN	64u		/* sockets that try again at once */
#define BUF_SIZE	65536u
#define SHUT_SNDBUF	(1 << 20)

static void isock_io(struct loop_io *io, uint32_t events)
{
	struct isock *is = container_of(io, struct isock, io);

	if (is->state == ISOCK_DATAGRAM)
		pump_dgram_io(is, events);
	else
		pump_stream_io(is, events);
}

static void isock_work(struct work *w)
{
	struct isock *is = container_of(w, struct isock, work);

	if (is->given)		/* it is asked for again when the program has its end (call_give) */
		return;
	if (is->state == ISOCK_DATAGRAM)
		pump_dgram_work(is);
	else if (is->state == ISOCK_LISTENING)
		listen_work(is);
	else
		pump_stream_work(is);
}

static void isock_event(void *arg)
{
	struct isock *is = arg;

	work_defer(is->ic->env, &is->work);
}

/*
 * Who made a socket would have to be found out when it is made, and socket() would take half as long
 * again. So it is who used it last when a dump first asks: of an accepted one who accepted it, as on
 * Linux; of one that a program made before it changed its user, the user that it has become.
 */
static uint32_t isock_uid(void *arg)
{
	struct isock *is = arg;
	uid_t uid;

	if (is->uid_known || is->held >= 0 || is->given)
		return is->uid;
	uid = remote_uid(is->tid, &is->ic->users);
	if (uid == (uid_t)-1)
		return 0;
	is->uid = uid;
	is->uid_known = true;
	return uid;
}

/* Only where the close frees the port at once; a connection's has to be carried out first. */
static bool isock_lives(void *arg)
{
	struct isock *is = arg;

	if (is->state == ISOCK_LISTENING ? listen_lives(is) : is->fd >= 0 || is->errands || witness_sees(is))
		return true;
	is->gone = true;
	work_defer(is->ic->env, &is->work);
	return false;
}

static const struct sock_owner isock_owner = {
	.queues = unread_queues, .uid = isock_uid, .lives = isock_lives,
};

/* fd is the program's end. */
static int isock_known(struct isock *is, int fd)
{
	socklen_t len = sizeof(is->cookie);
	struct stat st;

	if (!fds_left(is->ic, fd))
		return -ENFILE;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &is->cookie, &len) || fstat(fd, &st))
		return -errno;
	is->inode = (uint32_t)st.st_ino;
	is->held = fd;
	return 0;
}

/* A stream that is not connected: the stack has no end. */
static int isock_fresh(struct isock *is, bool nonblock)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0), 0), err;

	if (fd < 0)
		return errno == EMFILE ? -ENFILE : -errno;
	err = isock_known(is, fd);
	if (err) {
		close(fd);
		return err;
	}
	isock_grow(0, fd);
	is->small = true;
	return 0;
}

static int isock_pair(struct isock *is, int type, bool nonblock)
{
	int on = 1, pair[2], err;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair))
		return errno == EMFILE ? -ENFILE : -errno;
	err = isock_known(is, pair[1]);
	if (!err && nonblock && fcntl(pair[1], F_SETFL, O_RDWR | O_NONBLOCK))
		err = -errno;
	if (type == SOCK_STREAM)	/* urgent bytes keep their place: pump_stream.c */
		setsockopt(pair[0], SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	else if (setsockopt(pair[0], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)))
		err = -errno;		/* what tells an empty message from the end: pump_dgram.c */
	is->fd = pair[0];
	if (!err)
		return 0;
	close(pair[0]);
	close(pair[1]);
	return err;
}

static int isock_ends(struct isock *is, bool nonblock)
{
	is->fd = is->held = -1;
	if (is->state == ISOCK_NEW)
		return isock_fresh(is, nonblock);
	return isock_pair(is, is->state == ISOCK_DATAGRAM ? SOCK_SEQPACKET : SOCK_STREAM, nonblock);
}

int isock_join(struct isock *is, int fd)
{
	int end = door_enter(is->ic, fd), on = 1, err;

	if (end < 0)
		return end;
	err = fds_left(is->ic, end) ? loop_add(is->ic->loop, &is->io, end, EPOLLHUP, isock_io) : -ENFILE;
	if (err) {
		close(end);
		return err;
	}
	setsockopt(end, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));	/* as isock_pair does */
	is->fd = end;
	witness_heard(is);
	return 0;
}

/* What nothing tells about is looked at; else the stack's end is watched. */
static int isock_watch(struct isock *is)
{
	int err = witness_add(is->ic, is->cookie, is->held, &is->witness);

	if (err)
		return err;
	if (is->fd < 0) {
		witness_silent(is);
		return 0;
	}
	err = loop_add(is->ic->loop, &is->io, is->fd,
		       EPOLLHUP | (is->state == ISOCK_DATAGRAM ? EPOLLIN : 0u), isock_io);
	if (err)
		witness_leave(is);
	return err;
}

/*
 * There may be more sockets than descriptors: a stream that is not connected takes none here, and some may be closed
 * already. But each takes memory.
 */
void intercept_set_memory(struct intercept *ic, uint64_t allowed)
{
	uint64_t by_memory = allowed / 16 * 5 / ISOCK_COST;

	ic->most = (uint64_t)ic->nofile + (uint64_t)ic->nofile / 2;
	ic->few_memory = by_memory < ic->most;
	if (ic->few_memory)
		ic->most = by_memory;
}

static void isock_too_many(struct intercept *ic)
{
	if (ic->few_memory)
		log_write(&ic->env->log, LOG_WARN, "there are %llu sockets, and the limit of the memory cgroup is "
			  "too small for more: socket() and accept() fail with ENFILE; raise the limit, or close some",
			  (unsigned long long)ic->most);
	ic->few_memory = false;		/* that was said */
}

struct isock *isock_create(struct intercept *ic, struct sock *sk, enum isock_state state, int type,
			   bool nonblock, int *err)
{
	struct isock *is = calloc(1, sizeof(*is));

	*err = -ENOBUFS;
	if (!is)
		return NULL;
	*err = -ENFILE;
	if (ic->stats.sockets >= ic->most) {
		isock_too_many(ic);
		goto no_ends;
	}
	is->ic = ic;
	is->type = (uint8_t)type;
	is->state = state;
	list_init(&is->list);
	list_init(&is->silent);
	list_init(&is->waiters);
	list_init(&is->queued);
	list_init(&is->hungry);
	list_init(&is->errand);
	list_init(&is->settles);
	list_init(&is->ready);
	list_init(&is->names);
	list_init(&is->unread_node);
	list_init(&is->grant_node);
	list_init(&is->ringed);
	work_init(&is->work, isock_work);
	*err = isock_ends(is, nonblock);
	if (*err)
		goto no_ends;
	*err = isock_watch(is);
	if (*err)
		goto no_watch;
	grant_make(is);
	hash_add(&ic->isocks, &is->node, is->cookie);
	ic->stats.sockets++;
	is->sk = sk;
	sk->cookie = is->cookie;
	sk->inode = is->inode;
	sk->oobinline = true;		/* and those of the peer */
	sk->owner = &isock_owner;
	socket_set_event(sk, isock_event, is);
	return is;
no_watch:
	if (is->fd >= 0)
		close(is->fd);
	close(is->held);
no_ends:
	free(is);
	return NULL;
}

static void isock_close_fd(struct isock *is)
{
	if (is->fd < 0)
		return;
	loop_del(&is->io);
	loop_del(&is->end);
	close(is->fd);
	is->fd = -1;
	is->tight = false;
	unread_forget(is);
}

void isock_release(struct isock *is, bool abort)
{
	struct intercept *ic = is->ic;

	/* who waits holds no descriptor, so the program can close while one does (call.c) */
	call_abandon(is);
	listen_stop(is);
	witness_leave(is);
	list_del(&is->list);
	list_del(&is->hungry);
	errand_forget(is);
	list_del(&is->settles);
	ring_release(is);
	hash_del(&ic->isocks, &is->node);
	grant_end(is);
	ic->stats.sockets--;
	work_cancel(&is->work);
	isock_close_fd(is);
	if (is->held >= 0)
		close(is->held);
	socket_set_event(is->sk, NULL, NULL);
	if (abort)
		socket_abort(is->sk);
	else
		socket_close(is->sk);
	buf_put(is->rest);
	packet_free(is->packet);
	if (is->packet_name) {
		list_add_tail(&is->packet_name->node, &is->names);
		is->nnames++;
	}
	pump_names_free(is);
	free(is);
}

uint64_t isock_cookie(int fd)
{
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) ? 0 : cookie;
}

struct isock *isock_find(struct intercept *ic, uint64_t cookie)
{
	struct hash_node *n = cookie ? hash_find(&ic->isocks, cookie) : NULL;

	return n ? container_of(n, struct isock, node) : NULL;
}

void isock_delivered(struct isock *is, pid_t tid, int tfd)
{
	if (is->held >= 0)
		close(is->held);
	is->held = -1;
	is->given = false;
	is->tid = tid;
	is->tfd = tfd;
	if (is->errands)
		errand_ask(is, is->errands);
}

/* ---- writable or not ---- */

void isock_block(struct isock *is, int fd)
{
	struct intercept *ic = is->ic;
	ssize_t n;

	memset(ic->scratch, 0, BUF_SIZE);
	n = send(fd, ic->scratch, BUF_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL);
	is->junk = n > 0 ? (uint32_t)n : 0;
}

void isock_grow(uint32_t sndbuf, int fd)
{
	int size = (int)sndbuf / 2;		/* the kernel shows twice what is set */

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

void isock_unblock(struct isock *is)
{
	if (!(is->errands & ERRAND_GROW))
		errand_ask(is, ERRAND_GROW);
}

void isock_grown(struct isock *is, bool grown)
{
	ssize_t n;

	if (grown)
		is->small = false;
	if (is->state != ISOCK_CONNECTING)
		return;
	is->state = ISOCK_CONNECTED;
	is->unreported = true;
	work_defer(is->ic->env, &is->work);
	while (is->junk) {
		n = recv(is->fd, is->ic->scratch, is->junk, MSG_DONTWAIT);
		if (n <= 0)
			break;
		is->junk -= (uint32_t)n;
	}
	is->junk = 0;
}

/* ---- errors and the end ---- */

int isock_take_error(struct isock *is)
{
	int err = is->error;

	is->error = 0;
	if (!err)
		err = socket_take_error(is->sk);
	is->marked = false;
	return err;
}

/* Something unread must lie in the stack's end before it is closed. False: not yet. */
static bool isock_leave_unread(struct isock *is, int fd)
{
	int n = 0;

	if (!ioctl(is->fd, SIOCINQ, &n) && n > 0)
		return true;
	return fd >= 0 && send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

void isock_shut(const struct intercept *ic, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)"", 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int size = SHUT_SNDBUF;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &ic->mark, sizeof(int));
	/* it may be full, and nobody writes after this */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		(void)!send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Nothing unread may. The shutdown keeps the program from writing more, so there is an end to it. */
static void isock_leave_nothing(struct isock *is)
{
	shutdown(is->fd, SHUT_RDWR);
	while (recv(is->fd, is->ic->scratch, ISOCK_SCRATCH, MSG_DONTWAIT) > 0)
		;
}

/* It is over. */
static void isock_dead(struct isock *is, int error)
{
	is->error = error;
	is->state = ISOCK_DEAD;
	buf_put(is->rest);
	is->rest = NULL;
	is->rest_len = 0;
}

/* The program sees it. */
static void isock_show_end(struct isock *is)
{
	isock_close_fd(is);
	witness_silent(is);
}

void isock_reset(struct isock *is, int error, int fd)
{
	isock_dead(is, error);
	if (is->fd < 0 || isock_leave_unread(is, fd))
		isock_show_end(is);
	else
		errand_ask(is, ERRAND_RESET);
}

/* Where no byte could be written it looks like an end of data. */
void isock_show_reset(struct isock *is)
{
	if (is->state != ISOCK_DEAD)
		return;
	isock_show_end(is);
	call_wake(is);
}

/* A reader is told of no error. */
void isock_finish(struct isock *is, int error)
{
	isock_dead(is, error);
	isock_leave_nothing(is);
	isock_show_end(is);
}

/* What the program has set on its old end. */
static void isock_copy_options(int from, int to)
{
	static const int names[] = { SO_RCVTIMEO, SO_SNDTIMEO, SO_RCVLOWAT, SO_OOBINLINE };
	_Alignas(8) uint8_t value[32];
	socklen_t len;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		len = sizeof(value);
		if (!getsockopt(from, SOL_SOCKET, names[i], value, &len))
			setsockopt(to, SOL_SOCKET, names[i], value, len);
	}
}

static bool renewable(const struct isock *is)
{
	return is->state == ISOCK_DEAD && is->again;	/* or another thread was quicker */
}

/* made: what is known of the new end. All that can fail, before the program has it. */
static int64_t renew_begin(struct call *c, struct isock *made)
{
	int64_t result;
	struct isock *is = call_enter(c, 0, &result);

	if (!is)
		return result;
	result = !renewable(is) ? -EALREADY :
		 witness_add(c->ic, made->cookie, made->held, &made->witness);
	call_leave(c);
	return result;
}

static int64_t renew_end(struct call *c, struct isock *made)
{
	int64_t result;
	struct isock *is = call_enter(c, 0, &result);

	if (!is)
		return result;
	result = -EALREADY;
	if (renewable(is)) {
		witness_leave(is);
		is->witness = made->witness;
		made->witness = NULL;
		isock_close_fd(is);	/* of the old end, if that is not reset yet */
		errand_forget(is);
		hash_del(&is->ic->isocks, &is->node);
		is->sk->cookie = is->cookie = made->cookie;
		is->sk->inode = is->inode = made->inode;
		hash_add(&is->ic->isocks, &is->node, is->cookie);
		is->again = is->told = is->early_rd = is->early_wr = false;
		is->small = true;
		grant_renew(is);
		is->state = ISOCK_NEW;
		witness_silent(is);
		result = 0;
	}
	call_leave(c);
	return result;
}

static void renew_fail(struct isock *made)
{
	if (made->witness) {
		turn_take(made->ic);
		witness_put(made->witness);
		turn_give(made->ic);
	}
	close(made->held);
}

/*
 * The socket is as new again, but the program's end can neither be connected nor listen a second time,
 * so the program's descriptor gets another one. Its place in epoll sets is the new one's (epoll_move.c); copies
 * that the program made of the descriptor stay with the old end.
 */
int64_t isock_renew(struct call *c, bool awaited)
{
	struct isock made = { .ic = c->ic, .state = ISOCK_NEW };
	int64_t result = call_fd(c);

	if (result >= 0)
		result = isock_ends(&made, fcntl(c->fd, F_GETFL) & O_NONBLOCK);
	if (result)
		return result;
	isock_copy_options(c->fd, made.held);
	result = renew_begin(c, &made);
	if (!result)
		result = call_replace_fd(c, made.held);
	if (!result)
		result = renew_end(c, &made);
	if (result) {
		renew_fail(&made);
		return result == -ENOENT ? -EINTR : result;	/* the caller is gone */
	}
	if (awaited)
		epoll_move(c, c->fd, made.held);
	close(c->fd);
	c->fd = made.held;
	c->cookie = made.cookie;
	return 0;
}

/* ---- memory ---- */

void isock_hungry(struct isock *is)
{
	struct intercept *ic = is->ic;

	list_del(&is->hungry);
	list_add_tail(&is->hungry, &ic->hungry);
	if (!timer_armed(&ic->feed))
		timer_arm(&ic->env->timers, &ic->feed, ic->env->now + FEED_INTERVAL);
}

void isock_feed(struct timer *t)
{
	struct intercept *ic = container_of(t, struct intercept, feed);

	for (unsigned int n = 0; n < FEED_TURN && !list_empty(&ic->hungry); n++) {
		struct isock *is = list_first(&ic->hungry, struct isock, hungry);

		list_del(&is->hungry);
		work_defer(ic->env, &is->work);
	}
	if (!list_empty(&ic->hungry))
		timer_arm(&ic->env->timers, &ic->feed, ic->env->now + FEED_INTERVAL / 10);
}

/* ---- the buffer that programs' bytes are read into ---- */

struct buf *intercept_buf(struct intercept *ic, uint32_t want, uint32_t *room)
{
	uint32_t left = ic->buf ? ic->buf->size - ic->buf_off : 0;

	if (left < want && left < BUF_SIZE / 4) {
		buf_put(ic->buf);
		ic->buf = buf_alloc(&ic->stack->pool, BUF_SIZE);
		ic->buf_off = 0;
		left = ic->buf ? ic->buf->size : 0;
	}
	*room = left;
	return ic->buf;
}
