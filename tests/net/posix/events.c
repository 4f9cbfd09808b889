/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - poll, select, epoll; connect and accept that do not block. */
#include "check.h"

static void connecting(void)
{
	int l = tcp_listen(8), fd, s, p[2];
	union name a = name_of(l);
	fd_set w;
	char byte;

	IS(poll_now(l, POLLIN | POLLOUT, 0), 0);
	fcntl(l, F_SETFL, O_NONBLOCK);
	DID(accept(l, NULL, NULL), -EAGAIN);
	fd = tcp_socket(SOCK_NONBLOCK);
	DID(connect(fd, NAME(a)), -EINPROGRESS);
	FD_ZERO(&w);
	FD_SET(fd, &w);
	IS(select(fd + 1, NULL, &w, NULL, &(struct timeval){ 2, 0 }), 1);
	IS(so_error(fd), 0);
	DID(connect(fd, NAME(a)), 0);		/* the first one after the handshake */
	DID(connect(fd, NAME(a)), -EISCONN);
	IS(poll_now(fd, POLLIN | POLLOUT, 0), POLLOUT);
	IS(poll_now(l, POLLIN, 2000), POLLIN);
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	IS(s >= 0, 1);
	IS(fcntl(s, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	IS(fcntl(s, F_GETFD), FD_CLOEXEC);
	IS(poll_now(l, POLLIN, 0), 0);
	DID(accept(l, NULL, NULL), -EAGAIN);
	DID(read(s, &byte, 1), -EAGAIN);
	close(s);
	close(fd);
	for (int i = 0; i < 2; i++)			/* two wait: one accept leaves one */
		p[i] = tcp_connect(l);
	IS(poll_now(l, POLLIN, 2000), POLLIN);
	usleep(20000);
	s = accept(l, NULL, NULL);
	close(s);
	IS(poll_now(l, POLLIN, 2000), POLLIN);
	s = accept(l, NULL, NULL);
	IS(s >= 0, 1);
	close(s);
	IS(poll_now(l, POLLIN, 0), 0);
	close(p[0]);
	close(p[1]);
	close(l);
}

/* A connect that cannot finish: the backlog is full, the address is one that drops. */
static void in_progress(void)
{
	int l = tcp_listen(0), fd[6], pending = 0;
	union name a = name_of(l);

	for (int i = 0; i < 6; i++) {
		fd[i] = tcp_socket(SOCK_NONBLOCK);
		connect(fd[i], NAME(a));
	}
	usleep(50000);
	for (int i = 0; i < 6; i++) {
		if (poll_now(fd[i], POLLOUT, 0))
			continue;
		pending++;
		DID(connect(fd[i], NAME(a)), -EALREADY);
		DID(send(fd[i], "x", 1, 0), -EAGAIN);
	}
	IS(pending > 0, 1);
	for (int i = 0; i < 6; i++)
		close(fd[i]);
	close(l);
}

static int wait_one(int ep, int ms)
{
	struct epoll_event ev = { 0 };

	return epoll_wait(ep, &ev, 1, ms) == 1 ? (int)ev.events : 0;
}

static void edges(void)
{
	int ep = epoll_create1(0), p[2], l = tcp_listen(8), c[2];
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	char text[10];

	tcp_pair(p);
	DID(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &ev), 0);
	IS(wait_one(ep, 0), 0);
	DID(write(p[0], "ab", 2), 2);
	IS(wait_one(ep, 2000), EPOLLIN);
	IS(wait_one(ep, 20), 0);			/* told once */
	DID(write(p[0], "cd", 2), 2);
	IS(wait_one(ep, 2000), EPOLLIN);		/* more came */
	DID(read(p[1], text, 10), 4);
	DID(shutdown(p[0], SHUT_WR), 0);
	IS(wait_one(ep, 2000), EPOLLIN);
	DID(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL), 0);
	DID(epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev), 0);
	for (int i = 0; i < 2; i++) {			/* an edge a connection */
		c[i] = tcp_connect(l);
		IS(wait_one(ep, 2000), EPOLLIN);
		IS(wait_one(ep, 20), 0);
	}
	ev.events = EPOLLIN;				/* level: as long as it is so */
	DID(epoll_ctl(ep, EPOLL_CTL_MOD, l, &ev), 0);
	IS(wait_one(ep, 0), EPOLLIN);
	IS(wait_one(ep, 0), EPOLLIN);
	for (int i = 0; i < 2; i++) {
		close(accept(l, NULL, NULL));
		close(c[i]);
	}
	IS(wait_one(ep, 0), 0);
	close(l);
	close(p[0]);
	close(p[1]);
	close(ep);
}

static void writable(void)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	int ep = epoll_create1(0), p[2];
	static char block[65536];
	size_t sent = 0, got = 0;
	ssize_t n;

	tcp_pair(p);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	DID(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev), 0);
	IS(wait_one(ep, 100), EPOLLOUT);
	for (int idle = 0; idle < 10;) {		/* until it is full all the way */
		n = write(p[0], block, sizeof(block));
		if (n > 0)
			sent += (size_t)n;
		idle = n > 0 ? 0 : idle + 1;
		if (n < 0)
			usleep(10000);
	}
	IS(poll_now(p[0], POLLOUT, 0), 0);
	wait_one(ep, 0);
	while (got < sent) {
		n = read(p[1], block, sizeof(block));
		if (n > 0)
			got += (size_t)n;
		else if (!(poll_now(p[1], POLLIN, 2000) & POLLIN))
			break;
	}
	IS(got, sent);
	IS(wait_one(ep, 2000), EPOLLOUT);
	close(p[0]);
	close(p[1]);
	close(ep);
}

static void *blocked_accept(void *arg)
{
	int r = accept(*(int *)arg, NULL, NULL);

	return (void *)(intptr_t)(r < 0 ? -errno : 0);
}

static void listeners(void)
{
	int l = tcp_listen(4), fd;
	pthread_t t;
	void *r;

	pthread_create(&t, NULL, blocked_accept, &l);
	usleep(50000);
	fd = tcp_connect(l);
	pthread_join(t, &r);
	IS((intptr_t)r, 0);
	close(fd);
	pthread_create(&t, NULL, blocked_accept, &l);
	usleep(50000);
	DID(shutdown(l, SHUT_RDWR), 0);			/* wakes who waits */
	pthread_join(t, &r);
	IS((intptr_t)r, -EINVAL);
	DID(accept(l, NULL, NULL), -EINVAL);
	close(l);
}

static void timeouts(void)
{
	struct timeval tv = { 0, 60000 }, got;
	socklen_t len = sizeof(got);
	int l = tcp_listen(1), p[2];
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	DID(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	DID(getsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &got, &len), 0);
	IS(got.tv_usec, 60000);
	DID(accept(l, NULL, NULL), -EAGAIN);
	tcp_pair(p);
	DID(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, 3), -EINVAL);
	DID(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	DID(read(p[0], &byte, 1), -EAGAIN);
	DID(recvmsg(p[0], &m, 0), -EAGAIN);
	tv.tv_usec = 2000000;
	DID(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), -EDOM);
	close(p[0]);
	close(p[1]);
	close(l);
}

void test_events(void)
{
	connecting();
	in_progress();
	edges();
	writable();
	listeners();
	timeouts();
}
