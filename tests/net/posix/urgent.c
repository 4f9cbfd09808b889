/* SPDX-License-Identifier: Apache-2.0 */
/* urgent.c - urgent data: MSG_OOB, the mark, SO_OOBINLINE, EPOLLPRI and SIGURG. */
#include <linux/sockios.h>

#include "check.h"

static int at_mark(int fd)
{
	int mark = -1;

	DID(ioctl(fd, SIOCATMARK, &mark), 0);
	return mark;
}

/* What one recv gives, as text. */
static const char *got(int fd, int flags)
{
	static char text[100];
	ssize_t n = recv(fd, text, sizeof(text) - 1, flags);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void wait_urgent(int fd)
{
	IS(poll_now(fd, POLLPRI, 5000) & POLLPRI, POLLPRI);
}

static void ends(int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

static void beside(void)
{
	char c;
	int p[2];

	tcp_pair(p);
	DID(recv(p[1], &c, 1, MSG_OOB), -EINVAL);
	IS(poll_now(p[1], POLLPRI | POLLIN, 0), 0);
	DID(send(p[0], "abc", 3, MSG_OOB), 3);
	DID(send(p[0], "de", 2, 0), 2);
	wait_urgent(p[1]);
	while (poll_now(p[1], POLLIN, 1000) == 0)
		;
	IS(at_mark(p[1]), 0);
	IS(strcmp(got(p[1], 0), "ab"), 0);	/* a read stops at the mark */
	IS(at_mark(p[1]), 1);
	DID(recv(p[1], &c, 1, MSG_OOB | MSG_PEEK), 1);
	IS(c, 'c');
	DID(recv(p[1], &c, 1, MSG_OOB), 1);
	IS(c, 'c');
	DID(recv(p[1], &c, 1, MSG_OOB), -EINVAL);
	IS(poll_now(p[1], POLLPRI, 0), 0);
	IS(strcmp(got(p[1], 0), "de"), 0);
	IS(at_mark(p[1]), 0);
	ends(p);
}

/* Nobody asks for the byte: the stream goes on without it. */
static void ignored(void)
{
	int p[2];

	tcp_pair(p);
	DID(send(p[0], "x", 1, MSG_OOB), 1);
	DID(send(p[0], "rest", 4, 0), 4);
	wait_urgent(p[1]);
	while (!(poll_now(p[1], POLLIN, 1000) & POLLIN))
		;
	IS(strcmp(got(p[1], 0), "rest"), 0);
	ends(p);
}

static void in_line(void)
{
	int p[2], on = 1;
	char c;

	tcp_pair(p);
	DID(setsockopt(p[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)), 0);
	DID(send(p[0], "abc", 3, MSG_OOB), 3);
	DID(send(p[0], "de", 2, 0), 2);
	wait_urgent(p[1]);
	usleep(20000);
	DID(recv(p[1], &c, 1, MSG_OOB), -EINVAL);
	IS(strcmp(got(p[1], 0), "ab"), 0);
	IS(at_mark(p[1]), 1);
	DID(recv(p[1], &c, 1, 0), 1);
	IS(c, 'c');
	IS(at_mark(p[1]), 0);
	IS(strcmp(got(p[1], 0), "de"), 0);
	ends(p);
}

/* An accepted socket has SO_OOBINLINE of its listener. */
static void inherited(void)
{
	int l = tcp_listen(1), on = 1, v = 0, a, b;
	socklen_t len = sizeof(v);

	DID(setsockopt(l, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)), 0);
	a = tcp_connect(l);
	b = accept(l, NULL, NULL);
	DID(getsockopt(b, SOL_SOCKET, SO_OOBINLINE, &v, &len), 0);
	IS(v, 1);
	DID(send(a, "q", 1, MSG_OOB), 1);
	wait_urgent(b);
	IS(strcmp(got(b, 0), "q"), 0);
	close(a);
	close(b);
	close(l);
}

static void by_message(void)
{
	struct iovec v[2] = { { (void *)"ab", 2 }, { (void *)"c", 1 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	char c = 0;
	int p[2];

	tcp_pair(p);
	DID(sendmsg(p[0], &m, MSG_OOB), 3);
	wait_urgent(p[1]);
	v[0] = (struct iovec){ &c, 1 };
	m.msg_iovlen = 1;
	DID(recvmsg(p[1], &m, MSG_OOB), 1);
	IS(c, 'c');
	IS(m.msg_flags & MSG_OOB, MSG_OOB);
	DID(recvmsg(p[1], &m, MSG_OOB), -EINVAL);
	IS(strcmp(got(p[1], 0), "ab"), 0);
	ends(p);
}

static volatile sig_atomic_t urgents;

static void on_urgent(int sig)
{
	(void)sig;
	urgents++;
}

static void signalled(void)
{
	struct sigaction a = { .sa_handler = on_urgent, .sa_flags = SA_RESTART };
	int p[2];
	char c;

	sigaction(SIGURG, &a, NULL);
	tcp_pair(p);
	DID(fcntl(p[1], F_SETOWN, getpid()), 0);
	IS(fcntl(p[1], F_GETOWN), getpid());
	urgents = 0;
	DID(send(p[0], "!", 1, MSG_OOB), 1);
	for (int i = 0; i < 500 && !urgents; i++)
		usleep(10000);
	IS(urgents > 0, 1);
	DID(recv(p[1], &c, 1, MSG_OOB), 1);
	IS(c, '!');
	signal(SIGURG, SIG_DFL);
	ends(p);
}

/* Much data around it: nothing is lost, and the mark is where it was set. */
static void amid(void)
{
	static char block[60000];
	size_t before = 0, after = 0, mixed = 0;
	ssize_t n;
	int p[2];

	tcp_pair(p);
	if (fork() == 0) {
		memset(block, 'x', sizeof(block));
		for (int i = 0; i < 10; i++)
			if (send(p[0], block, sizeof(block), MSG_WAITALL) != sizeof(block))
				_exit(1);
		if (send(p[0], "!", 1, MSG_OOB) != 1)
			_exit(1);
		memset(block, 'y', sizeof(block));
		for (int i = 0; i < 10; i++)
			if (send(p[0], block, sizeof(block), MSG_WAITALL) != sizeof(block))
				_exit(1);
		_exit(0);
	}
	close(p[0]);
	while ((n = recv(p[1], block, sizeof(block), 0)) > 0) {
		mixed += block[0] != block[n - 1];
		if (block[0] == 'x')
			before += (size_t)n;
		else
			after += (size_t)n;
	}
	IS(n, 0);
	IS(mixed, 0);			/* no read goes across the mark */
	IS(before, 600000);
	IS(after, 600000);
	wait(NULL);
	close(p[1]);
}

void test_urgent(void)
{
	beside();
	ignored();
	in_line();
	inherited();
	by_message();
	signalled();
	amid();
}
