/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - streams that are not connected: what reads, writes, polls and the rest say of one that is
 * fresh, bound, listening, refused, shut down; through a copy of its descriptor, too.
 */
#include "check.h"

#ifndef POLLRDHUP
#define POLLRDHUP 0x2000
#endif

/* A plain read fails with ENOTCONN, a plain write with EPIPE. weir's may have EINVAL and ENOTCONN in
 * their place (docs/interception.md). */
#define NO_READ(call) IS(is_either(did(call), -ENOTCONN, -EINVAL), 1)
#define NO_WRITE(call) IS(is_either(did(call), -EPIPE, -ENOTCONN), 1)

static bool is_either(long got, long want, long other)
{
	if (got != want && got != other)
		printf("  it is %ld\n", got);
	return got == want || got == other;
}

static void no_bytes(int fd)
{
	int file = open("/proc/self/exe", O_RDONLY);
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union name a;
	socklen_t len = sizeof(a);

	NO_READ(read(fd, &byte, 1));
	NO_READ(readv(fd, &iov, 1));
	NO_READ(recv(fd, &byte, 1, 0));
	NO_READ(recv(fd, &byte, 1, MSG_DONTWAIT));
	NO_READ(recv(fd, &byte, 1, MSG_PEEK));
	DID(recvfrom(fd, &byte, 1, 0, SA(&a), &len), -ENOTCONN);
	DID(recvmsg(fd, &m, 0), -ENOTCONN);
	DID(recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT), -ENOTCONN);
	NO_WRITE(write(fd, &byte, 1));
	NO_WRITE(writev(fd, &iov, 1));
	NO_WRITE(send(fd, &byte, 1, MSG_NOSIGNAL));
	NO_WRITE(send(fd, &byte, 1, MSG_DONTWAIT));
	NO_WRITE(sendfile(fd, file, NULL, 1));
	DID(sendmsg(fd, &m, MSG_NOSIGNAL), -EPIPE);
	DID(getpeername(fd, SA(&a), &len), -ENOTCONN);
	DID(accept4(fd, NULL, NULL, 0x33), -EINVAL);
	close(file);
}

static int selected(int fd)
{
	fd_set r, w;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(fd, &r);
	FD_SET(fd, &w);
	select(fd + 1, &r, &w, NULL, &(struct timeval){ 0, 0 });
	return (FD_ISSET(fd, &r) ? POLLIN : 0) | (FD_ISSET(fd, &w) ? POLLOUT : 0);
}

static int epolled(int fd, uint32_t how)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | how };
	int ep = epoll_create1(0), n;

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	ev.events = 0;
	n = epoll_wait(ep, &ev, 1, 0);
	close(ep);
	return n == 1 ? (int)ev.events : 0;
}

static void polls(int fd, int events, int select_says)
{
	IS(poll_now(fd, POLLIN | POLLOUT | POLLRDHUP, 0), events);
	IS(poll_now(fd, 0, 0), events & (POLLERR | POLLHUP));
	IS(epolled(fd, 0), events);
	IS(epolled(fd, EPOLLET), events);
	IS(selected(fd), select_says);
}

static void not_connected(int fd)
{
	int n = -1;

	no_bytes(fd);
	polls(fd, POLLOUT | POLLHUP, POLLIN | POLLOUT);
	DID(ioctl(fd, FIONREAD, &n), 0);
	IS(n, 0);
	DID(accept(fd, NULL, NULL), -EINVAL);
	IS(so_error(fd), 0);
}

static void listens(int fd)
{
	union name a = name_of(fd);
	int n;

	no_bytes(fd);
	polls(fd, 0, 0);
	DID(ioctl(fd, FIONREAD, &n), -EINVAL);
	DID(ioctl(fd, TIOCOUTQ, &n), -EINVAL);
	DID(connect(fd, NAME(a)), -EISCONN);
	DID(bind(fd, NAME(a)), -EINVAL);
	IS(so_error(fd), 0);
}

/* The socket itself, one that does not block, a copy, a copy in a child. */
static void every_way(int fd, void (*ask)(int fd))
{
	int copy = dup(fd), failures = check_failures, status;

	ask(fd);
	fcntl(copy, F_SETFL, O_NONBLOCK);
	ask(copy);
	close(copy);
	fcntl(fd, F_SETFL, 0);
	if (!fork()) {
		ask(fd);
		_exit(check_failures != failures);
	}
	wait(&status);
	IS(status, 0);
}

static void accepts(int l)
{
	int fd, s;
	char byte;

	IS(poll_now(l, POLLIN, 0), 0);
	fd = tcp_connect(l);
	IS(poll_now(l, POLLIN | POLLOUT | POLLRDHUP, 2000), POLLIN);
	s = accept(l, NULL, NULL);
	IS(s >= 0, 1);
	IS(poll_now(l, POLLIN, 0), 0);
	DID(write(fd, "x", 1), 1);
	DID(read(s, &byte, 1), 1);
	close(s);
	close(fd);
}

static void fresh(void)
{
	union name a = here(0);
	int fd = tcp_socket(0), l;

	every_way(fd, not_connected);
	DID(bind(fd, NAME(a)), 0);
	every_way(fd, not_connected);
	DID(listen(fd, 8), 0);
	every_way(fd, listens);
	accepts(fd);
	every_way(fd, listens);
	DID(listen(fd, 1), 0);
	accepts(fd);
	close(fd);
	fd = tcp_socket(0);		/* bound by listen() */
	DID(listen(fd, 1), 0);
	listens(fd);
	close(fd);
	l = tcp_listen(1);		/* what was asked before leaves nothing behind */
	fd = tcp_socket(0);
	not_connected(fd);
	a = name_of(l);
	DID(connect(fd, NAME(a)), 0);
	polls(fd, POLLOUT, POLLOUT);
	DID(listen(fd, 1), -EINVAL);
	close(accept(l, NULL, NULL));
	IS(poll_now(fd, POLLRDHUP, 2000), POLLRDHUP);
	DID(listen(fd, 1), -EINVAL);
	close(fd);
	close(l);
}

/* A name that nobody listens at: its socket is bound to it. */
static int held_port(union name *a)
{
	int fd = tcp_socket(0);

	*a = here(0);
	DID(bind(fd, NAME(*a)), 0);
	*a = name_of(fd);
	return fd;
}

static void refused(void)
{
	union name a, b;
	int nobody = held_port(&a), l = tcp_listen(4), fd = tcp_socket(0), n = 0;
	char byte;

	b = name_of(l);
	for (int i = 0; i < 3; i++) {		/* it blocks: connect() tells, and may be made again */
		DID(connect(fd, NAME(a)), -ECONNREFUSED);
		not_connected(fd);
	}
	DID(connect(fd, NAME(b)), 0);
	polls(fd, POLLOUT, POLLOUT);
	close(fd);

	fd = tcp_socket(SOCK_NONBLOCK);		/* it does not: SO_ERROR tells */
	DID(connect(fd, NAME(a)), -EINPROGRESS);
	IS(poll_now(fd, POLLIN | POLLOUT | POLLRDHUP, 2000), POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
	IS(so_error(fd), ECONNREFUSED);
	IS(poll_now(fd, POLLIN | POLLOUT | POLLRDHUP, 0), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	DID(read(fd, &byte, 1), 0);
	DID(write(fd, "x", 1), -EPIPE);
	DID(listen(fd, 1), -EINVAL);
	DID(connect(fd, NAME(b)), -ECONNABORTED);
	not_connected(fd);
	DID(connect(fd, NAME(b)), -EINPROGRESS);
	IS(poll_now(fd, POLLIN | POLLOUT | POLLRDHUP, 2000), POLLOUT);
	IS(so_error(fd), 0);
	DID(connect(fd, NAME(b)), 0);
	close(fd);

	fd = tcp_socket(SOCK_NONBLOCK);		/* connect() tells */
	DID(connect(fd, NAME(a)), -EINPROGRESS);
	IS(poll_now(fd, POLLHUP, 2000) & POLLHUP, POLLHUP);
	DID(connect(fd, NAME(a)), -ECONNREFUSED);
	not_connected(fd);
	fcntl(fd, F_SETFL, 0);
	DID(listen(fd, 1), 0);			/* it may listen as well */
	listens(fd);
	accepts(fd);
	DID(ioctl(fd, FIONREAD, &n), -EINVAL);
	close(fd);
	close(l);
	close(nobody);
}

static void is_connecting(int fd)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union name a;
	socklen_t len = sizeof(a);
	int n = -1;

	polls(fd, 0, 0);
	DID(recv(fd, &byte, 1, MSG_DONTWAIT), -EAGAIN);
	DID(recvmsg(fd, &m, MSG_DONTWAIT), -EAGAIN);
	DID(send(fd, &byte, 1, MSG_DONTWAIT), -EAGAIN);
	DID(sendmsg(fd, &m, MSG_DONTWAIT), -EAGAIN);
	DID(ioctl(fd, FIONREAD, &n), 0);
	IS(n, 0);
	DID(getpeername(fd, SA(&a), &len), -ENOTCONN);
	DID(accept(fd, NULL, NULL), -EINVAL);
	DID(listen(fd, 1), -EINVAL);
	IS(so_error(fd), 0);
}

/* Nobody answers: the backlog is full. A connect() that waits is as one that does not, once its time-out
 * is over. */
static void connecting(bool blocks)
{
	int l = tcp_listen(0), other = tcp_listen(1), fd[6], n = 0, status;
	struct timeval tv = { 0, 20000 };
	union name a = name_of(l), b = name_of(other);

	for (; n < 6; n++) {
		fd[n] = tcp_socket(blocks ? 0 : SOCK_NONBLOCK);
		DID(setsockopt(fd[n], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
		if (did(connect(fd[n], NAME(a))) == -EINPROGRESS && !poll_now(fd[n], POLLOUT, 20))
			break;
	}
	IS(n < 6, 1);
	if (n == 6)
		n--;
	is_connecting(fd[n]);
	if (!fork()) {
		int failures = check_failures;

		is_connecting(fd[n]);
		_exit(check_failures != failures);
	}
	wait(&status);
	IS(status, 0);
	DID(shutdown(fd[n], SHUT_RDWR), 0);
	IS(poll_now(fd[n], POLLOUT, 0) & (POLLHUP | POLLOUT), POLLHUP | POLLOUT);
	IS(so_error(fd[n]), ECONNRESET);
	fcntl(fd[n], F_SETFL, 0);
	tv.tv_sec = 5;
	DID(setsockopt(fd[n], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	DID(connect(fd[n], NAME(b)), 0);
	polls(fd[n], POLLOUT, POLLOUT);
	while (n >= 0)
		close(fd[n--]);
	close(l);
	close(other);
}

static void shut(int how)
{
	union name a, b;
	int l = tcp_socket(0), other = tcp_listen(2), fd, s;
	char byte;

	close(held_port(&a));
	DID(set_int(l, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	DID(bind(l, NAME(a)), 0);
	DID(listen(l, 4), 0);
	fd = tcp_connect(l);
	DID(shutdown(l, how), 0);
	if (how == SHUT_WR) {			/* that is nothing to it */
		s = accept(l, NULL, NULL);
		IS(s >= 0, 1);
		close(s);
		accepts(l);
		close(fd);
		close(l);
		close(other);
		return;
	}
	DID(read(fd, &byte, 1), -ECONNRESET);	/* who waited to be accepted */
	close(fd);
	IS(poll_now(l, POLLIN, 0) & POLLHUP, POLLHUP);
	no_bytes(l);
	DID(accept(l, NULL, NULL), -EINVAL);
	fd = tcp_socket(0);
	DID(connect(fd, NAME(a)), -ECONNREFUSED);
	close(fd);
	b = name_of(l);				/* it is bound as before */
	IS(same_name(&a, &b), 1);
	for (int i = 0; i < 2; i++) {
		DID(listen(l, 4), 0);
		every_way(l, listens);
		accepts(l);
		DID(shutdown(l, how), 0);
	}
	b = name_of(other);
	DID(connect(l, NAME(b)), 0);
	b = name_of(l);
	IS(same_name(&a, &b), 1);
	polls(l, POLLOUT, POLLOUT);
	close(l);
	close(other);
	l = tcp_listen(1);
	DID(shutdown(l, how), 0);
	DID(shutdown(l, how), -ENOTCONN);
	close(l);
}

/*
 * shutdown() of what is not connected fails, and its connections are shut down from the start, should it listen: what was not
 * said when it listened is as if it had been. before: as often it was a listener already.
 */
static void shut_early(int before, int how, bool meanwhile)
{
	union name a;
	int l = tcp_socket(0), fd, s;
	bool rd = how != SHUT_WR, wr = how != SHUT_RD;
	char byte;

	close(held_port(&a));
	DID(set_int(l, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	DID(bind(l, NAME(a)), 0);
	while (before--) {
		DID(listen(l, 4), 0);
		DID(shutdown(l, SHUT_RDWR), 0);
	}
	DID(shutdown(l, how), -ENOTCONN);
	DID(listen(l, 4), 0);
	every_way(l, listens);
	if (meanwhile) {			/* as new again */
		DID(shutdown(l, SHUT_RDWR), 0);
		DID(listen(l, 4), 0);
		rd = wr = false;
	}
	for (int i = 0; i < 2; i++) {
		fd = tcp_connect(l);
		s = accept(l, NULL, NULL);
		IS(s >= 0, 1);
		if (rd)
			DID(read(s, &byte, 1), 0);
		else
			DID(recv(s, &byte, 1, MSG_DONTWAIT), -EAGAIN);
		DID(send(s, "x", 1, MSG_NOSIGNAL), wr ? -EPIPE : 1);
		DID(read(fd, &byte, 1), wr ? 0 : 1);
		DID(write(fd, "y", 1), 1);
		if (!rd)
			DID(read(s, &byte, 1), 1);
		close(s);
		close(fd);
	}
	close(l);
}

static void *blocked_poll(void *arg)
{
	return (void *)(intptr_t)poll_now(*(int *)arg, POLLIN, 5000);
}

/* Who waits for a listener is woken by its shutdown. */
static void woken(void)
{
	int l = tcp_listen(1), ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	pthread_t t;
	void *r;

	DID(epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev), 0);
	pthread_create(&t, NULL, blocked_poll, &l);
	usleep(50000);
	DID(shutdown(l, SHUT_RDWR), 0);
	pthread_join(t, &r);
	IS((intptr_t)r & POLLHUP, POLLHUP);
	ev.events = 0;
	IS(epoll_wait(ep, &ev, 1, 2000), 1);
	IS(ev.events & EPOLLHUP, EPOLLHUP);
	close(ep);
	close(l);
}

/* A port is free, and nobody answers there, as soon as its socket is closed. */
static void closed(void)
{
	union name a;

	for (int i = 0; i < 20; i++) {
		int l = held_port(&a), fd = tcp_socket(0);

		if (i & 1)
			DID(listen(l, 1), 0);
		close(l);
		DID(connect(fd, NAME(a)), -ECONNREFUSED);
		close(fd);
		fd = tcp_socket(0);
		DID(bind(fd, NAME(a)), 0);
		DID(listen(fd, 1), 0);
		accepts(fd);
		close(fd);
	}
}

/* Several of one port: a closed one is left out. */
static void shared(void)
{
	union name a = here(0);
	int l[4];

	l[0] = bound_socket(&a, REUSEPORT);
	a = name_of(l[0]);
	for (int i = 1; i < 4; i++)
		l[i] = bound_socket(&a, REUSEPORT);
	for (int i = 0; i < 4; i++)
		DID(listen(l[i], 16), 0);
	for (int i = 0; i < 3; i++)
		close(l[i]);
	for (int i = 0; i < 8; i++)
		accepts(l[3]);
	close(l[3]);
}

/* A connect() that a signal interrupts goes on, or what follows fails: nobody waits for ever. Under weir
 * it may not have begun. */
static void interrupted(void)
{
	static const struct itimerval tick = { { 0, 1000 }, { 0, 1000 } }, off;
	int l = tcp_listen(64), silent = 0;
	union name a = name_of(l);
	pid_t server = fork();

	if (!server) {
		for (;;) {
			int s = accept(l, NULL, NULL);
			char byte;

			if (s >= 0 && read(s, &byte, 1) == 1)
				(void)!write(s, &byte, 1);
			close(s);
		}
	}
	on_alarm(0);
	setitimer(ITIMER_REAL, &tick, NULL);
	for (int i = 0; i < 3000 && silent < 3; i++) {
		struct pollfd p = { .events = POLLOUT };
		int fd, n, err = 0;
		char byte = 'x';

		while ((fd = socket(family->domain, SOCK_STREAM, 0)) < 0 && errno == EINTR)
			;
		p.fd = fd;
		if (connect(fd, NAME(a)) && errno == EINTR) {
			while (poll(&p, 1, 2000) < 0 && errno == EINTR)
				;
			while (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &(socklen_t){ sizeof(err) }) &&
			       errno == EINTR)
				;
		}
		if (!err && write(fd, &byte, 1) == 1) {
			struct timespec end, now;

			p.events = POLLIN;
			clock_gettime(CLOCK_MONOTONIC, &end);
			do {
				n = poll(&p, 1, 10000);
				clock_gettime(CLOCK_MONOTONIC, &now);
			} while (n < 0 && errno == EINTR && now.tv_sec < end.tv_sec + 10);
			silent += n <= 0;
		}
		close(fd);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	IS(silent, 0);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(l);
}

/* Who was interrupted in accept() waits no more: what comes then is shown to who polls. */
static void given_up(void)
{
	int l = tcp_listen(4), s;
	union name a = name_of(l);
	pid_t client;

	on_alarm(0);
	arm(30);
	DID(accept(l, NULL, NULL), -EINTR);
	client = fork();
	if (!client) {
		int fd[2] = { tcp_socket(0), tcp_socket(0) };
		char byte;

		for (int i = 0; i < 2; i++)
			if (connect(fd[i], NAME(a)))
				_exit(1);
		_exit(read(fd[0], &byte, 1) != 0 || read(fd[1], &byte, 1) != 0);
	}
	for (int i = 0; i < 2; i++) {
		IS(poll_now(l, POLLIN, 5000), POLLIN);
		s = accept(l, NULL, NULL);
		IS(s >= 0, 1);
		close(s);
	}
	IS(poll_now(l, POLLIN, 0), 0);
	waitpid(client, &s, 0);
	IS(s, 0);
	close(l);
}

/* connect() to nobody: a socket is as new again. */
static void broken(void)
{
	struct sockaddr_storage nobody = { .ss_family = AF_UNSPEC };
	int fd = tcp_socket(0), p[2], l = tcp_listen(2);
	union name a = name_of(l);
	char byte;

	DID(connect(fd, SA(&nobody), sizeof(nobody)), 0);
	not_connected(fd);
	close(fd);
	tcp_pair(p);
	DID(connect(p[0], SA(&nobody), sizeof(nobody)), 0);
	IS(so_error(p[0]), ECONNRESET);
	not_connected(p[0]);
	DID(read(p[1], &byte, 1), -ECONNRESET);
	DID(connect(p[0], NAME(a)), 0);
	polls(p[0], POLLOUT, POLLOUT);
	close(p[0]);
	close(p[1]);
	close(l);
}

void test_state(void)
{
	fresh();
	refused();
	connecting(false);
	connecting(true);
	shut(SHUT_RD);
	shut(SHUT_WR);
	shut(SHUT_RDWR);
	for (int how = SHUT_RD; how <= SHUT_RDWR; how++) {
		shut_early(0, how, false);
		shut_early(1, how, false);
		shut_early(0, how, true);
	}
	woken();
	closed();
	shared();
	broken();
	given_up();
	interrupted();
}
