/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect.c - connections that take long: a connect() that a signal interrupts goes on, one that nobody answers
 * times out, and the socket is as new then; one of a socket that was shut down before; one of a copy that another
 * process has been given.
 */
#include "check.h"

#ifndef POLLRDHUP
#define POLLRDHUP 0x2000
#endif
#define POLL_ALL (POLLIN | POLLOUT | POLLRDHUP)
#define FILL	6			/* more than a backlog of 0 has room for */

/* A listener that answers nobody before somebody has accepted: its backlog is full. */
struct busy {
	int listener, fill[FILL];
	union name name;
};

static void busy_begin(struct busy *b)
{
	b->listener = tcp_listen(0);
	b->name = name_of(b->listener);
	for (int i = 0; i < FILL; i++) {
		b->fill[i] = tcp_socket(SOCK_NONBLOCK);
		connect(b->fill[i], NAME(b->name));
	}
	IS(poll_now(b->fill[0], POLLOUT, 2000), POLLOUT);
}

/* From now on there is room. */
static void busy_clear(struct busy *b)
{
	for (int i = 0; i < FILL; i++)
		close(b->fill[i]);
	fcntl(b->listener, F_SETFL, O_NONBLOCK);
	for (int fd; (fd = accept(b->listener, NULL, NULL)) >= 0;)
		close(fd);
	fcntl(b->listener, F_SETFL, 0);
}

static void busy_end(struct busy *b)
{
	busy_clear(b);
	close(b->listener);
}

static int interrupted(const struct busy *b)
{
	int fd = tcp_socket(0);

	on_alarm(0);
	arm(50);
	DID(connect(fd, NAME(b->name)), -EINTR);
	IS(poll_now(fd, POLL_ALL, 0), 0);
	IS(so_error(fd), 0);
	return fd;
}

static int twice(int fd, const union name *to)
{
	int flags = fcntl(fd, F_GETFL), r;

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	r = (int)did(connect(fd, NAME(*to)));
	fcntl(fd, F_SETFL, flags);
	return r;
}

static void carries(int fd, int listener)
{
	int s = accept(listener, NULL, NULL);
	char byte = 0;

	IS(s >= 0, 1);
	DID(write(fd, "x", 1), 1);
	DID(read(s, &byte, 1), 1);
	IS(byte, 'x');
	close(s);
}

enum after { POLLED, AGAIN, AGAIN_LATER, INTERRUPTED_AGAIN };

static void goes_on(int after)
{
	struct busy b;
	int fd;

	busy_begin(&b);
	fd = interrupted(&b);
	IS(twice(fd, &b.name), -EALREADY);
	if (after == INTERRUPTED_AGAIN) {
		arm(50);
		DID(connect(fd, NAME(b.name)), -EINTR);
		IS(poll_now(fd, POLL_ALL, 0), 0);
	}
	busy_clear(&b);
	if (after == AGAIN) {			/* it waits, and tells */
		DID(connect(fd, NAME(b.name)), 0);
	} else {
		IS(poll_now(fd, POLL_ALL, 10000), POLLOUT);
		IS(so_error(fd), 0);
		if (after != POLLED)
			DID(connect(fd, NAME(b.name)), 0);
	}
	if (after != POLLED)
		DID(connect(fd, NAME(b.name)), -EISCONN);
	carries(fd, b.listener);
	close(fd);
	close(b.listener);
}

/* It goes on, and nobody is there any more. */
static void goes_wrong(int after)
{
	int other = tcp_listen(1), fd;
	union name to = name_of(other);
	struct busy b;

	busy_begin(&b);
	fd = interrupted(&b);
	busy_end(&b);
	if (after == AGAIN) {
		DID(connect(fd, NAME(b.name)), -ECONNREFUSED);
	} else {
		IS(poll_now(fd, POLL_ALL, 10000), POLL_ALL | POLLERR | POLLHUP);
		IS(so_error(fd), ECONNREFUSED);
		DID(connect(fd, NAME(to)), -ECONNABORTED);
	}
	DID(connect(fd, NAME(to)), 0);
	carries(fd, other);
	close(fd);
	close(other);
}

/* Closed after an interruption: nobody connects any more. */
static void given_up(int unused)
{
	struct busy b;
	int fd;

	(void)unused;

	busy_begin(&b);
	fd = interrupted(&b);
	close(fd);
	busy_clear(&b);
	IS(poll_now(b.listener, POLLIN, 1500), 0);
	close(b.listener);
}

static void times_out(int flags)
{
	int other = tcp_listen(1), fd = tcp_socket(flags);
	bool blocks = !flags;
	union name to = name_of(other);
	struct busy b;
	char byte;

	busy_begin(&b);
	DID(set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 100), 0);
	if (blocks) {
		DID(connect(fd, NAME(b.name)), -ETIMEDOUT);
	} else {
		DID(connect(fd, NAME(b.name)), -EINPROGRESS);
		IS(poll_now(fd, POLL_ALL, 0), 0);
		IS(poll_now(fd, POLL_ALL, 10000), POLL_ALL | POLLERR | POLLHUP);
		IS(so_error(fd), ETIMEDOUT);
		IS(poll_now(fd, POLL_ALL, 0), POLL_ALL | POLLHUP);
		DID(read(fd, &byte, 1), 0);
		DID(connect(fd, NAME(to)), -ECONNABORTED);
	}
	IS(poll_now(fd, POLL_ALL, 0), POLLOUT | POLLHUP);
	IS(so_error(fd), 0);
	fcntl(fd, F_SETFL, 0);
	if (blocks)
		DID(connect(fd, NAME(b.name)), -ETIMEDOUT);
	DID(connect(fd, NAME(to)), 0);
	carries(fd, other);
	close(fd);
	busy_end(&b);
	close(other);
}

/*
 * shutdown() before connect() fails, and has an effect all the same: for good. The peer hears nothing
 * of it.
 */
static void shut_first(int how)
{
	int l = tcp_listen(4), fd = tcp_socket(0), s, ep = epoll_create1(0);
	bool in = how != SHUT_WR, out = how != SHUT_RD, both = in && out;
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP };
	union name a = name_of(l), from;
	socklen_t len = sizeof(from);
	char byte;

	DID(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	for (int i = 0; i < 2; i++) {
		DID(shutdown(fd, how), -ENOTCONN);
		IS(poll_now(fd, POLL_ALL, 0), POLLOUT | POLLHUP | (in ? POLLIN | POLLRDHUP : 0));
	}
	DID(recvfrom(fd, &byte, 1, 0, SA(&from), &len), in ? 0 : -ENOTCONN);
	IS(so_error(fd), 0);
	DID(connect(fd, NAME(a)), 0);
	s = accept(l, NULL, NULL);
	IS(poll_now(fd, POLL_ALL, 0), POLLOUT | (in ? POLLIN | POLLRDHUP : 0) | (both ? POLLHUP : 0));
	ev.events = 0;
	IS(epoll_wait(ep, &ev, 1, 2000), 1);		/* it is the same file */
	IS((int)ev.events, POLLOUT | (in ? POLLIN | POLLRDHUP : 0) | (both ? POLLHUP : 0));
	DID(send(fd, "x", 1, 0), out ? -EPIPE : 1);
	if (in)
		DID(read(fd, &byte, 1), 0);
	if (out)
		IS(poll_now(s, POLL_ALL, 30), POLLOUT);
	else
		DID(read(s, &byte, 1), 1);
	if (!in) {
		DID(write(s, "y", 1), 1);
		DID(read(fd, &byte, 1), 1);
	}
	DID(shutdown(fd, SHUT_WR), 0);			/* now it does */
	DID(read(s, &byte, 1), 0);
	close(s);
	close(fd);

	fd = tcp_socket(0);				/* a listener hears nothing of it, either */
	DID(shutdown(fd, how), -ENOTCONN);
	DID(listen(fd, 1), 0);
	IS(poll_now(fd, POLL_ALL, 0), 0);
	a = name_of(fd);
	s = tcp_socket(0);
	DID(connect(s, NAME(a)), 0);
	IS(poll_now(fd, POLL_ALL, 2000), POLLIN);
	close(s);
	close(fd);

	fd = tcp_socket(0);				/* and after a connection that failed it is over */
	DID(shutdown(fd, how), -ENOTCONN);
	DID(connect(fd, NAME(a)), -ECONNREFUSED);
	IS(poll_now(fd, POLL_ALL, 0), POLLOUT | POLLHUP);
	a = name_of(l);
	DID(connect(fd, NAME(a)), 0);
	IS(poll_now(fd, POLL_ALL, 0), POLLOUT);
	carries(fd, l);
	close(fd);
	close(ep);
	close(l);
}

/* ---- connections that are made again, while epoll sets wait for the socket ---- */

#define DATA 0x1122334455667788ull

static int waits_for(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = DATA };
	int ep = epoll_create1(0);

	DID(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	return ep;
}

/* What a set tells next, and that it tells nothing else. */
static int told(int ep)
{
	struct epoll_event ev[4] = { 0 };

	IS(epoll_wait(ep, ev, 4, 10000), 1);
	IS(ev[0].data.u64 == DATA, 1);
	return (int)ev[0].events;
}

/* It is still there for the program under its number: changed, taken out. */
static void ours(int ep, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 1 };

	DID(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), -EEXIST);
	DID(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev), 0);
	IS(epoll_wait(ep, &ev, 1, 0), 0);
	DID(epoll_ctl(ep, EPOLL_CTL_DEL, fd, &ev), 0);
	DID(epoll_ctl(ep, EPOLL_CTL_DEL, fd, &ev), -ENOENT);
	close(ep);
}

/* A refused connection, told by SO_ERROR or by connect(); then one that is not. */
static void awaited(uint32_t how, bool by_error, int number)
{
	int l = tcp_listen(1), nobody = tcp_socket(0), fd = tcp_socket(SOCK_NONBLOCK), ep[2];
	union name a = here(0), to = name_of(l);

	DID(bind(nobody, NAME(a)), 0);
	a = name_of(nobody);
	DID(dup2(fd, number), number);
	close(fd);
	for (int i = 0; i < 2; i++)
		ep[i] = waits_for(number, EPOLLOUT | how);
	DID(connect(number, NAME(a)), -EINPROGRESS);
	for (int i = 0; i < 2; i++)
		IS(told(ep[i]), EPOLLOUT | EPOLLERR | EPOLLHUP);
	if (by_error)
		IS(so_error(number), ECONNREFUSED);
	DID(connect(number, NAME(to)), by_error ? -ECONNABORTED : -ECONNREFUSED);
	DID(connect(number, NAME(to)), -EINPROGRESS);
	IS(poll_now(number, POLLOUT, 10000), POLLOUT);
	for (int i = 0; i < 2; i++) {
		IS(told(ep[i]), EPOLLOUT);
		ours(ep[i], number);
	}
	carries(number, l);
	close(number);
	close(nobody);
	close(l);
}

/* The same for a connection that is broken off, and a listener that is shut down and listens again. */
static void awaited_anew(void)
{
	struct sockaddr_storage nobody = { .ss_family = AF_UNSPEC };
	int l = tcp_listen(1), fd = tcp_connect(l), s = accept(l, NULL, NULL), ep, lep = waits_for(l, EPOLLIN);
	union name to = name_of(l);

	ep = waits_for(fd, EPOLLIN | EPOLLRDHUP);
	DID(connect(fd, SA(&nobody), sizeof(nobody)), 0);
	close(s);
	DID(shutdown(l, SHUT_RDWR), 0);
	DID(listen(l, 1), 0);
	to = name_of(l);
	DID(connect(fd, NAME(to)), 0);
	IS(told(lep), EPOLLIN);
	s = accept(l, NULL, NULL);
	DID(write(s, "x", 1), 1);
	IS(told(ep), EPOLLIN);
	close(s);
	close(fd);
	close(l);
	close(ep);
	close(lep);
}

/* What is done with a copy is done with the socket. */
static void copies(void)
{
	int l, u[2], fd = tcp_socket(0), fresh = tcp_socket(0), status;
	union name a = here(0);
	char byte;

	DID(socketpair(AF_UNIX, SOCK_STREAM, 0, u), 0);
	l = tcp_socket(0);
	DID(bind(l, NAME(a)), 0);
	a = name_of(l);
	if (!fork()) {
		int got[2] = { receive_fd(u[1]), receive_fd(u[1]) };

		close(l);
		close(fd);
		close(fresh);
		check_failures = 0;
		DID(listen(got[0], 4), 0);
		DID(connect(got[1], NAME(a)), 0);
		DID(write(got[1], "c", 1), 1);
		close(got[0]);
		close(got[1]);
		_exit(check_failures);
	}
	DID(send_fd(u[0], l), 1);
	DID(send_fd(u[0], fd), 1);
	wait(&status);
	IS(status, 0);
	IS(poll_now(l, POLL_ALL, 2000), POLLIN);		/* it listens, and the other one is connected */
	IS(poll_now(fd, POLL_ALL, 0), POLLOUT);
	DID(connect(fd, NAME(a)), -EISCONN);
	a = peer_of(fd);
	IS(a.in.sin_port == name_of(l).in.sin_port, 1);
	status = accept(l, NULL, NULL);
	DID(read(status, &byte, 1), 1);
	IS(byte, 'c');
	close(l);
	DID(read(fd, &byte, 1), (close(status), 0));
	close(fd);

	DID(send_fd(u[0], fresh), 1);			/* the only copy is on its way */
	close(fresh);
	fresh = receive_fd(u[1]);
	l = tcp_listen(1);
	a = name_of(l);
	DID(connect(fresh, NAME(a)), 0);
	carries(fresh, l);
	close(fresh);
	DID(send_fd(u[0], l), 1);			/* so it goes on listening */
	close(l);
	fd = tcp_socket(0);
	DID(connect(fd, NAME(a)), 0);
	l = receive_fd(u[1]);
	carries(fd, l);
	close(l);
	close(fd);
	close(u[0]);
	close(u[1]);
}

/* They wait for retransmissions, so they do it at once, each in its own process. */
static void at_once(void)
{
	static const struct {
		void (*fn)(int how);
		int how;
	} parts[] = {
		{ goes_on, POLLED }, { goes_on, AGAIN }, { goes_on, AGAIN_LATER }, { goes_on, INTERRUPTED_AGAIN },
		{ goes_wrong, POLLED }, { goes_wrong, AGAIN }, { given_up, 0 }, { times_out, 0 },
		{ times_out, SOCK_NONBLOCK },
	};
	const int n = sizeof(parts) / sizeof(parts[0]);
	int status;

	for (int i = 0; i < n; i++) {
		if (fork())
			continue;
		check_failures = 0;
		parts[i].fn(parts[i].how);
		_exit(check_failures != 0);
	}
	for (int i = 0; i < n; i++) {
		wait(&status);
		IS(status, 0);
	}
}

void test_connect(void)
{
	at_once();
	shut_first(SHUT_RD);
	shut_first(SHUT_WR);
	shut_first(SHUT_RDWR);
	awaited(0, true, 100);
	awaited(0, false, 0);
	awaited(EPOLLET, true, 1000);
	awaited(EPOLLET, false, 50);
	awaited_anew();
	copies();
}
