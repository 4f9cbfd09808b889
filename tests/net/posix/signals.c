/* SPDX-License-Identifier: Apache-2.0 */
/* signals.c - calls that a signal interrupts or restarts. */
#include <linux/sockios.h>

#include "check.h"

static int pipe_hits;

static void count_pipe(int sig)
{
	(void)sig;
	pipe_hits++;
}

/* Something happens to fd in another process after ms. */
static void later(int ms, void (*fn)(int fd), int fd)
{
	if (fork())
		return;
	usleep((useconds_t)ms * 1000);
	fn(fd);
	_exit(0);
}

static void do_connect(int listener)
{
	union name a;
	socklen_t len = sizeof(a);
	int fd = socket(family->domain, SOCK_STREAM, 0);

	getsockname(listener, SA(&a), &len);
	connect(fd, NAME(a));
	usleep(100000);
}

static void do_write(int fd)
{
	(void)!write(fd, "w", 1);
}

static void accepting(void)
{
	int l = tcp_listen(4), fd;

	on_alarm(0);
	arm(50);
	DID(accept(l, NULL, NULL), -EINTR);
	on_alarm(SA_RESTART);
	arm(50);
	later(150, do_connect, l);
	fd = accept(l, NULL, NULL);
	IS(fd >= 0, 1);
	close(fd);
	wait(NULL);
	close(l);
}

static void receiving(void)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union name a;
	socklen_t len = sizeof(a);
	int p[2], u = udp_socket();

	tcp_pair(p);
	on_alarm(0);
	arm(50);
	DID(recvmsg(p[0], &m, 0), -EINTR);
	arm(50);
	DID(read(p[0], &byte, 1), -EINTR);
	arm(50);
	DID(recvfrom(u, &byte, 1, 0, SA(&a), &len), -EINTR);
	on_alarm(SA_RESTART);
	arm(50);
	later(150, do_write, p[1]);
	DID(recvmsg(p[0], &m, 0), 1);
	wait(NULL);
	arm(50);
	later(150, do_write, p[1]);
	DID(read(p[0], &byte, 1), 1);
	wait(NULL);
	close(p[0]);
	close(p[1]);
	close(u);
}

/* A listener whose queue is full lets no connect through. */
static void connecting(void)
{
	int l = tcp_listen(0), fill[4], fd;
	union name a = name_of(l);

	for (int i = 0; i < 4; i++) {
		fill[i] = tcp_socket(SOCK_NONBLOCK);
		connect(fill[i], NAME(a));
	}
	usleep(50000);
	fd = tcp_socket(0);
	on_alarm(0);
	arm(50);
	DID(connect(fd, NAME(a)), -EINTR);
	IS(poll_now(fd, POLLOUT, 0), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	DID(connect(fd, NAME(a)), -EALREADY);
	close(fd);
	for (int i = 0; i < 4; i++)
		close(fill[i]);
	close(l);
}

/* Many signals, many calls: nothing gets lost, nothing comes twice. */
static void storm(void)
{
	struct itimerval fast = { { 0, 2000 }, { 0, 2000 } }, off = { 0 };
	int l = tcp_listen(16), done = 0;
	char text[8];
	struct iovec iov = { text, 4 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union name a = name_of(l);

	on_alarm(SA_RESTART);
	setitimer(ITIMER_REAL, &fast, NULL);
	for (int i = 0; i < 200; i++) {
		int c = socket(family->domain, SOCK_STREAM, 0), s, r;

		do
			r = connect(c, NAME(a));
		while (r < 0 && errno == EINTR);
		DID(r < 0 && errno != EISCONN ? -1 : 0, 0);
		s = accept(l, NULL, NULL);
		DID(s < 0 ? -1 : 0, 0);
		memcpy(text, "ping", 4);
		DID(sendmsg(c, &m, 0), 4);
		DID(recvmsg(s, &m, MSG_WAITALL), 4);
		IS(memcmp(text, "ping", 4), 0);
		DID(write(s, "pong", 4), 4);
		IS(recv(c, text, 4, MSG_WAITALL) > 0, 1);
		close(c);
		close(s);
		done++;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	IS(done, 200);
	close(l);
}

/* One question again and again: is it ever EINTR, or anything else than that? */
#define ALWAYS(call, want) do { \
		int i_ = 0; \
		while (i_ < 3000 && did(call) == (want)) \
			i_++; \
		IS(i_, 3000); \
	} while (0)

/* Like ALWAYS, but made again after EINTR (which only weir gives). */
#define ALWAYS_IN_THE_END(call, want) do { \
		int i_ = 0; \
		for (long r_ = (want); i_ < 3000 && r_ == (want); i_ += r_ == (want)) \
			do \
				r_ = did(call); \
			while (r_ == -EINTR); \
		IS(i_, 3000); \
	} while (0)

/* Calls that never wait, with as many signals as there can be. */
static void quick(void)
{
	struct itimerval fast = { { 0, 200 }, { 0, 200 } }, off = { 0 };
	int on = 1, fd = tcp_listen(1), n = 0;
	struct sockaddr_storage a;
	socklen_t len = sizeof(on), alen = sizeof(a);

	for (int restart = 0; restart < 2; restart++) {
		on_alarm(restart ? SA_RESTART : 0);
		setitimer(ITIMER_REAL, &fast, NULL);
		if (restart) {
			ALWAYS(close(socket(family->domain, SOCK_STREAM, 0)), 0);
			ALWAYS(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)), 0);
			ALWAYS(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
			ALWAYS(getsockname(fd, SA(&a), &alen), 0);
			ALWAYS(getpeername(fd, SA(&a), &alen), -ENOTCONN);
			ALWAYS(listen(fd, 1), 0);
			ALWAYS(ioctl(fd, SIOCOUTQ, &n), -EINVAL);
		}
		ALWAYS_IN_THE_END(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)), 0);
		ALWAYS_IN_THE_END(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
		ALWAYS_IN_THE_END(getsockname(fd, SA(&a), &alen), 0);
		ALWAYS_IN_THE_END(getpeername(fd, SA(&a), &alen), -ENOTCONN);
		ALWAYS_IN_THE_END(listen(fd, 1), 0);
		setitimer(ITIMER_REAL, &off, NULL);
	}
	close(fd);
}

static int asked;	/* a socket that the handler asks about */

static void ask(int sig)
{
	int type;
	socklen_t len = sizeof(type);

	(void)sig;
	getsockopt(asked, SOL_SOCKET, SO_TYPE, &type, &len);
}

static char stamp(size_t at)
{
	return (char)(at * 7 >> 3);
}

/* Reads slowly; how many bytes came, all of them as stamped, or -1. */
static long read_stamped(int fd)
{
	char text[16384];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (text[i] != stamp(total + (size_t)i))
				return -1;
		total += (size_t)n;
		usleep(500);
	}
	return n ? -1 : (long)total;
}

/* sendmsg that waits again and again, and is interrupted in the middle, by a handler with calls of
 * its own. */
static void interrupted_writer(void)
{
	const size_t total = 4u << 20, piece = 300000;
	struct itimerval fast = { { 0, 1000 }, { 0, 1000 } }, off = { 0 };
	struct sigaction a = { .sa_handler = ask, .sa_flags = SA_RESTART };
	char *text = malloc(total);
	struct iovec iov;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = 0;
	int p[2], status = -1;

	for (size_t i = 0; i < total; i++)
		text[i] = stamp(i);
	tcp_pair(p);
	asked = udp_socket();
	if (!fork()) {
		close(p[0]);
		_exit(read_stamped(p[1]) != (long)total);
	}
	close(p[1]);
	sigaction(SIGALRM, &a, NULL);
	setitimer(ITIMER_REAL, &fast, NULL);
	for (size_t done = 0; done < total && n >= 0; done += n > 0 ? (size_t)n : 0) {
		iov.iov_base = text + done;
		iov.iov_len = total - done < piece ? total - done : piece;
		n = sendmsg(p[0], &m, 0);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	IS(n > 0 ? 0 : n < 0 ? errno : -1, 0);
	close(p[0]);
	wait(&status);
	IS(status, 0);
	close(asked);
	free(text);
}

static void pipes(void)
{
	int p[2];
	char text[1];
	struct iovec iov = { text, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	signal(SIGPIPE, count_pipe);
	tcp_pair(p);
	shutdown(p[0], SHUT_WR);
	DID(write(p[0], "x", 1), -EPIPE);
	IS(pipe_hits, 1);
	DID(sendmsg(p[0], &m, 0), -EPIPE);
	IS(pipe_hits, 2);
	DID(sendmsg(p[0], &m, MSG_NOSIGNAL), -EPIPE);
	IS(pipe_hits, 2);
	signal(SIGPIPE, SIG_IGN);
	close(p[0]);
	close(p[1]);
}

void test_signals(void)
{
	accepting();
	receiving();
	connecting();
	quick();
	storm();
	interrupted_writer();
	pipes();
}
