/* SPDX-License-Identifier: Apache-2.0 */
/* tcpopt.c - options of the level IPPROTO_TCP: bounds, errors, and what is read back. */
#include "check.h"

#ifndef TCP_SAVE_SYN
#define TCP_SAVE_SYN 27
#endif

static long get(int fd, int name)
{
	return get_int(fd, IPPROTO_TCP, name);
}

static long set(int fd, int name, int v)
{
	return set_int(fd, IPPROTO_TCP, name, v);
}

static const struct ask asks[] = {
	{ TCP_NODELAY, 0, 5, 0, 1 },
	{ TCP_CORK, 0, -1, 0, 1 },
	{ TCP_MAXSEG, 536, 87, -EINVAL, 536 },
	{ TCP_MAXSEG, 536, 88, 0, 88 },
	{ TCP_MAXSEG, 536, 32767, 0, 32767 },
	{ TCP_MAXSEG, 536, 32768, -EINVAL, 536 },
	{ TCP_MAXSEG, 536, 0, 0, 536 },
	{ TCP_MAXSEG, 536, -1, -EINVAL, 536 },
	{ TCP_KEEPIDLE, 7200, 0, -EINVAL, 7200 },
	{ TCP_KEEPIDLE, 7200, 1, 0, 1 },
	{ TCP_KEEPIDLE, 7200, 32767, 0, 32767 },
	{ TCP_KEEPIDLE, 7200, 32768, -EINVAL, 7200 },
	{ TCP_KEEPINTVL, 75, 0, -EINVAL, 75 },
	{ TCP_KEEPINTVL, 75, 32767, 0, 32767 },
	{ TCP_KEEPINTVL, 75, 32768, -EINVAL, 75 },
	{ TCP_KEEPCNT, 9, 0, -EINVAL, 9 },
	{ TCP_KEEPCNT, 9, 127, 0, 127 },
	{ TCP_KEEPCNT, 9, 128, -EINVAL, 9 },
	{ TCP_SYNCNT, 6, 0, -EINVAL, 6 },
	{ TCP_SYNCNT, 6, 1, 0, 1 },
	{ TCP_SYNCNT, 6, 127, 0, 127 },
	{ TCP_SYNCNT, 6, 128, -EINVAL, 6 },
	{ TCP_LINGER2, 60, 5, 0, 5 },
	{ TCP_LINGER2, 60, 120, 0, 120 },
	{ TCP_LINGER2, 60, 500, 0, 120 },
	{ TCP_LINGER2, 60, -7, 0, -1 },
	{ TCP_LINGER2, 60, 0, 0, 60 },
	{ TCP_DEFER_ACCEPT, 0, 1, 0, 1 },
	{ TCP_DEFER_ACCEPT, 0, 2, 0, 3 },
	{ TCP_DEFER_ACCEPT, 0, 3, 0, 3 },
	{ TCP_DEFER_ACCEPT, 0, 8, 0, 15 },
	{ TCP_DEFER_ACCEPT, 0, 200, 0, 247 },
	{ TCP_DEFER_ACCEPT, 0, -3, 0, 0 },
	{ TCP_WINDOW_CLAMP, 0, 0, 0, 0 },
	{ TCP_WINDOW_CLAMP, 0, 100000, 0, 100000 },
	{ TCP_QUICKACK, 1, 0, 0, 0 },
	{ TCP_USER_TIMEOUT, 0, -1, -EINVAL, 0 },
	{ TCP_USER_TIMEOUT, 0, 0x7fffffff, 0, 0x7fffffff },
	{ TCP_NOTSENT_LOWAT, 0, 1, 0, 1 },
	{ TCP_NOTSENT_LOWAT, 0, -1, 0, -1 },
	{ TCP_SAVE_SYN, 0, 1, 0, 1 },
	{ TCP_SAVE_SYN, 0, 3, -EINVAL, 0 },
	{ TCP_SAVE_SYN, 0, -1, -EINVAL, 0 },
	{ TCP_FASTOPEN, 0, 5, 0, 5 },
	{ TCP_FASTOPEN, 0, 0, 0, 0 },
	{ TCP_FASTOPEN, 0, -1, -EINVAL, 0 },
	{ TCP_FASTOPEN_CONNECT, 0, 1, 0, 1 },
	{ TCP_FASTOPEN_CONNECT, 0, 2, -EINVAL, 0 },
	{ TCP_FASTOPEN_CONNECT, 0, -1, -EINVAL, 0 },
	{ TCP_FASTOPEN_NO_COOKIE, 0, 1, 0, 1 },
	{ TCP_FASTOPEN_NO_COOKIE, 0, 2, -EINVAL, 0 },
};

static void connected(void)
{
	int p[2], mss;

	tcp_pair(p);
	mss = (int)get(p[0], TCP_MAXSEG);
	IS(mss > 536, 1);
	IS(set(p[0], TCP_MAXSEG, 400), 0);
	IS(get(p[0], TCP_MAXSEG), mss);		/* too late */
	IS(set(p[0], TCP_WINDOW_CLAMP, 0), -EINVAL);
	IS(set(p[0], TCP_FASTOPEN, 5), -EINVAL);
	IS(set(p[0], TCP_FASTOPEN_CONNECT, 1), -EINVAL);
	close(p[0]);
	close(p[1]);
}

static void lengths(void)
{
	int fd = tcp_socket(0), v = 1;
	uint8_t byte[1] = { 0xff };
	socklen_t len = 0;

	DID(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, 3), -EINVAL);
	DID(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, 100), 0);
	DID(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, byte, &len), 0);
	IS(len, 0);
	IS(byte[0], 0xff);
	len = 1;
	DID(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, byte, &len), 0);
	IS(len, 1);
	IS(byte[0], 1);
	close(fd);
}

static void saved_syn(void)
{
	int l = tcp_listen(1), a, b;
	socklen_t header = speaks_v4() ? 20 : 40, len = sizeof(uint8_t[200]);
	uint8_t syn[200];

	IS(set(l, TCP_SAVE_SYN, 1), 0);
	a = tcp_connect(l);
	b = accept(l, NULL, NULL);
	DID(getsockopt(b, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len), 0);
	IS(len >= header + 24, 1);
	IS(syn[0] & 0xf0, speaks_v4() ? 0x40 : 0x60);
	IS(syn[header] << 8 | syn[header + 1], port_of(a));
	len = sizeof(syn);
	DID(getsockopt(b, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len), 0);
	IS(len, 0);
	close(a);
	close(b);
	close(l);
}

/* TCP_INFO after a known exchange. */
static void info(void)
{
	struct tcp_info i = { 0 };
	socklen_t len = sizeof(i);
	char text[100] = "";
	int p[2];

	tcp_pair(p);
	DID(write(p[0], text, 100), 100);
	DID(recv(p[1], text, 100, MSG_WAITALL), 100);
	usleep(100000);
	DID(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	IS(i.tcpi_state, TCP_ESTABLISHED);
	IS(i.tcpi_unacked, 0);
	IS(i.tcpi_snd_mss, get(p[0], TCP_MAXSEG));
	IS(i.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_WSCALE), TCPI_OPT_TIMESTAMPS | TCPI_OPT_WSCALE);
	IS(i.tcpi_total_retrans, 0);
	IS(i.tcpi_rtt > 0, 1);
	close(p[0]);
	close(p[1]);
}

/* A connect that was refused may be made again, on the same socket. */
static void again(void)
{
	int l = tcp_listen(1), fd = tcp_socket(SOCK_NONBLOCK), b;
	union name a = name_of(l);
	char c = 0;

	close(l);
	usleep(10000);
	DID(connect(fd, NAME(a)), -EINPROGRESS);
	IS(poll_now(fd, POLLOUT, 5000) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
	DID(connect(fd, NAME(a)), -ECONNREFUSED);	/* connect tells, and the next begins */
	DID(connect(fd, NAME(a)), -EINPROGRESS);
	IS(poll_now(fd, POLLOUT, 5000) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
	IS(so_error(fd), ECONNREFUSED);
	IS(so_error(fd), 0);
	DID(connect(fd, NAME(a)), -ECONNABORTED);	/* SO_ERROR has told */
	l = tcp_listen(1);
	a = name_of(l);
	DID(connect(fd, NAME(a)), -EINPROGRESS);
	IS(poll_now(fd, POLLOUT, 5000), POLLOUT);
	IS(so_error(fd), 0);
	IS(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	b = accept(l, NULL, NULL);
	DID(write(b, "k", 1), 1);
	IS(poll_now(fd, POLLIN, 5000) & POLLIN, POLLIN);
	DID(read(fd, &c, 1), 1);
	IS(c, 'k');
	close(fd);
	close(b);
	close(l);
}

/* EPIPE on a socket that was never connected, with its signal, whoever the program is. */
static volatile sig_atomic_t pipes;

static void on_pipe(int sig)
{
	(void)sig;
	pipes++;
}

static void pipe_signal(void)
{
	struct iovec v = { (void *)"x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = socket(family->domain, SOCK_STREAM, 0);

		signal(SIGPIPE, on_pipe);
		if (getuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(2);
		if (sendmsg(fd, &m, 0) != -1 || errno != EPIPE)
			_exit(3);
		for (int i = 0; i < 100 && !pipes; i++)
			usleep(10000);
		if (pipes != 1)
			_exit(4);
		if (sendmsg(fd, &m, MSG_NOSIGNAL) != -1 || errno != EPIPE)
			_exit(5);
		usleep(20000);
		_exit(pipes == 1 ? 0 : 6);
	}
	waitpid(pid, &status, 0);
	IS(status, 0);
}

void test_tcpopt(void)
{
	ask_all(IPPROTO_TCP, family->domain, SOCK_STREAM, asks, sizeof(asks) / sizeof(asks[0]));
	connected();
	lengths();
	saved_syn();
	info();
	again();
	pipe_signal();
}
