/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - TCP: making, names, data, ends, errors. */
#include "check.h"

static void making(void)
{
	int fd;

	DID(socket(family->domain, 77, 0), -EINVAL);
	DID(socket(family->domain, SOCK_STREAM | 0x100000, 0), -EINVAL);
	DID(socket(family->domain, SOCK_SEQPACKET, 0), -ESOCKTNOSUPPORT);
	DID(socket(family->domain, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
	DID(socket(77, SOCK_STREAM, 0), -EAFNOSUPPORT);
	fd = tcp_socket(SOCK_CLOEXEC | SOCK_NONBLOCK);
	IS(fcntl(fd, F_GETFD), FD_CLOEXEC);
	IS(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	close(fd);
	fd = tcp_socket(0);
	IS(fcntl(fd, F_GETFD), 0);
	IS(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	close(fd);
	DID(bind(fd, NULL, 0), -EBADF);
	DID(listen(0, 1), -ENOTSOCK);
}

static void unconnected(void)
{
	union name a, none = { .sa.sa_family = (sa_family_t)family->domain };
	socklen_t len = sizeof(a);
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = tcp_socket(0);

	DID(getpeername(fd, SA(&a), &len), -ENOTCONN);
	DID(getsockname(fd, SA(&a), &len), 0);
	IS(same_name(&a, &none), 1);
	DID(shutdown(fd, SHUT_WR), -ENOTCONN);
	DID(shutdown(fd, 9), -EINVAL);
	DID(accept(fd, NULL, NULL), -EINVAL);
	DID(accept4(fd, NULL, NULL, 0x33), -EINVAL);
	DID(recvmsg(fd, &m, 0), -ENOTCONN);
	DID(sendmsg(fd, &m, MSG_NOSIGNAL), -EPIPE);
	DID(sendto(fd, &byte, 1, MSG_NOSIGNAL, NAME(none)), -EPIPE);
	IS(so_error(fd), 0);
	close(fd);
	fd = socket(family->domain, SOCK_DGRAM, 0);
	DID(accept(fd, NULL, NULL), -EOPNOTSUPP);
	DID(listen(fd, 1), -EOPNOTSUPP);
	close(fd);
}

static void binding(void)
{
	union name a = here(0), other = away(0);
	int fd = tcp_socket(0), fd2 = tcp_socket(0), one = 1;
	union name got;
	socklen_t len;

	DID(bind(fd, NAME(other)), -EADDRNOTAVAIL);
	DID(bind(fd, SA(&a), 4), -EINVAL);
	DID(bind(fd, (void *)1, sizeof(a)), -EFAULT);
	a.sa.sa_family = 77;
	DID(bind(fd, NAME(a)), -EAFNOSUPPORT);
	a.sa.sa_family = (sa_family_t)family->domain;
	other = name_at(family->domain == AF_INET ? AF_INET6 : AF_INET, "", 0);
	DID(bind(fd, SA(&other), sizeof(other)), -EAFNOSUPPORT);
	DID(bind(fd, NAME(a)), 0);
	DID(bind(fd, NAME(a)), -EINVAL);
	a = name_of(fd);
	DID(bind(fd2, NAME(a)), -EADDRINUSE);
	DID(listen(fd, 1), 0);
	setsockopt(fd2, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	DID(bind(fd2, NAME(a)), -EADDRINUSE);
	close(fd);
	DID(bind(fd2, NAME(a)), 0);	/* free the moment it is closed */
	len = 6;
	memset(&got, 0x55, sizeof(got));
	DID(getsockname(fd2, SA(&got), &len), 0);
	IS(len, family->size);
	IS(got.in.sin_port, a.in.sin_port);
	IS(((unsigned char *)&got)[6], 0x55);	/* what is beyond the buffer stays */
	len = (socklen_t)-1;
	DID(getsockname(fd2, SA(&got), &len), -EINVAL);
	DID(getsockname(fd2, SA(&got), NULL), -EFAULT);
	close(fd2);
}

static void names(void)
{
	union name a, b;
	socklen_t len = sizeof(a);
	int l = tcp_listen(1), c = tcp_connect(l), s;

	s = accept(l, SA(&a), &len);
	IS(len, family->size);
	b = name_of(c);
	IS(same_name(&a, &b), 1);
	len = sizeof(a);
	DID(getpeername(c, SA(&a), &len), 0);
	b = name_of(l);
	IS(same_name(&a, &b), 1);
	b = name_of(s);
	IS(same_name(&a, &b), 1);
	DID(connect(c, NAME(a)), -EISCONN);
	DID(listen(c, 1), -EINVAL);
	close(l);
	close(c);
	close(s);
}

/* To the unspecified address: here. */
static void this_host(void)
{
	union name a = any(0), b;
	int l = bound_socket(&a, 0), c;

	DID(listen(l, 1), 0);
	a = any(port_of(l));
	c = tcp_socket(0);
	DID(connect(c, NAME(a)), 0);
	a = here(port_of(l));
	b = peer_of(c);
	IS(same_name(&a, &b), 1);
	close(c);
	close(l);
}

static void data(void)
{
	char text[64] = "";
	struct iovec iov[2] = { { text, 2 }, { text + 2, 8 } };
	union name a;
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2, .msg_name = &a, .msg_namelen = sizeof(a) };
	socklen_t len = sizeof(a);
	int p[2], n = 0;

	tcp_pair(p);
	DID(recv(p[1], text, 5, MSG_DONTWAIT), -EAGAIN);
	DID(recvmsg(p[1], &m, MSG_DONTWAIT), -EAGAIN);
	DID(write(p[0], "hello", 5), 5);
	IS(poll_now(p[1], POLLIN, 1000), POLLIN);
	DID(ioctl(p[1], FIONREAD, &n), 0);
	IS(n, 5);
	DID(recv(p[1], text, 3, MSG_PEEK), 3);
	DID(recvmsg(p[1], &m, MSG_PEEK), 5);
	IS(memcmp(text, "hello", 5), 0);
	IS(m.msg_namelen, 0);
	IS(m.msg_flags, 0);
	DID(recvfrom(p[1], text, 2, 0, SA(&a), &len), 2);
	IS(len, 0);
	DID(read(p[1], text, 10), 3);
	IS(memcmp(text, "llo", 3), 0);
	memcpy(text, "0123456789", 10);
	DID(sendmsg(p[1], &m, 0), 10);
	DID(recv(p[0], text, 10, MSG_WAITALL), 10);
	DID(writev(p[1], iov, 2), 10);
	DID(send(p[1], "abcde", 5, 0), 5);
	iov[1].iov_len = 13;
	DID(recvmsg(p[0], &m, MSG_WAITALL), 15);
	IS(memcmp(text, "0123456789abcde", 15), 0);
	DID(sendmsg(p[1], &(struct msghdr){ .msg_iov = (void *)1, .msg_iovlen = 1 }, 0), -EFAULT);
	DID(sendmsg(p[1], &(struct msghdr){ .msg_iov = iov, .msg_iovlen = 5000 }, 0), -EMSGSIZE);
	DID(recvmsg(p[1], (void *)1, 0), -EFAULT);
	DID(send(p[1], text, 0, 0), 0);
	close(p[0]);
	close(p[1]);
}

static void ends(void)
{
	char text[10];
	int p[2];

	tcp_pair(p);
	DID(write(p[0], "abc", 3), 3);
	DID(shutdown(p[0], SHUT_WR), 0);
	DID(read(p[1], text, 10), 3);
	DID(read(p[1], text, 10), 0);
	IS(poll_now(p[1], POLLIN | POLLRDHUP | POLLOUT, 0), POLLIN | POLLRDHUP | POLLOUT);
	DID(send(p[0], "x", 1, MSG_NOSIGNAL), -EPIPE);
	DID(write(p[1], "def", 3), 3);
	DID(recv(p[0], text, 3, MSG_WAITALL), 3);
	DID(shutdown(p[1], SHUT_WR), 0);
	DID(read(p[0], text, 10), 0);
	IS(poll_now(p[0], POLLIN | POLLRDHUP, 100) & (POLLHUP | POLLRDHUP | POLLIN),
	   POLLIN | POLLRDHUP | POLLHUP);
	IS(so_error(p[0]), 0);
	close(p[0]);
	close(p[1]);

	tcp_pair(p);		/* what was written before close arrives */
	DID(write(p[0], "last words", 10), 10);
	close(p[0]);
	DID(recv(p[1], text, 10, MSG_WAITALL), 10);
	DID(read(p[1], text, 10), 0);
	close(p[1]);

	tcp_pair(p);
	DID(shutdown(p[0], SHUT_RD), 0);
	DID(read(p[0], text, 1), 0);
	DID(write(p[0], "y", 1), 1);
	DID(read(p[1], text, 1), 1);
	close(p[0]);
	close(p[1]);
}

static void wait_reset(int fd)
{
	IS(poll_now(fd, 0, 2000), POLLERR | POLLHUP);
}

static void resets(void)
{
	struct linger hard = { 1, 0 };
	char text[10];
	struct iovec iov = { text, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int p[2];

	tcp_pair(p);			/* closed with unread data */
	DID(write(p[0], "unread", 6), 6);
	IS(poll_now(p[1], POLLIN, 1000), POLLIN);
	close(p[1]);
	wait_reset(p[0]);
	DID(read(p[0], text, 1), -ECONNRESET);
	DID(read(p[0], text, 1), 0);
	DID(send(p[0], "x", 1, MSG_NOSIGNAL), -EPIPE);
	close(p[0]);

	tcp_pair(p);			/* SO_LINGER 0 */
	DID(setsockopt(p[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
	DID(write(p[1], "abc", 3), 3);
	IS(poll_now(p[0], POLLIN, 1000), POLLIN);
	close(p[1]);
	wait_reset(p[0]);
	IS(so_error(p[0]), ECONNRESET);
	IS(so_error(p[0]), 0);
	close(p[0]);

	tcp_pair(p);
	setsockopt(p[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(p[1]);
	wait_reset(p[0]);
	DID(recvmsg(p[0], &m, 0), -ECONNRESET);
	DID(recvmsg(p[0], &m, 0), 0);
	IS(so_error(p[0]), 0);
	close(p[0]);

	tcp_pair(p);			/* a blocked reader */
	setsockopt(p[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	if (!fork()) {
		usleep(50000);
		close(p[1]);
		_exit(0);
	}
	close(p[1]);
	DID(recvmsg(p[0], &m, 0), -ECONNRESET);
	wait(NULL);
	close(p[0]);

	tcp_pair(p);			/* a reset after our FIN */
	setsockopt(p[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	DID(shutdown(p[0], SHUT_WR), 0);
	DID(read(p[1], text, 1), 0);
	close(p[1]);
	wait_reset(p[0]);
	DID(read(p[0], text, 1), -ECONNRESET);
	close(p[0]);
}

#define POLL_ENDS (POLLIN | POLLOUT | POLLRDHUP)

/* The peer answers, ends the stream, and is gone; p[0] learns of both. */
static void answered(int p[2], bool by_us)
{
	struct linger hard = { 1, 0 };

	tcp_pair(p);
	DID(write(p[1], "answer", 6), 6);
	if (by_us) {			/* what comes to a closed socket is answered by a reset */
		close(p[1]);
		IS(poll_now(p[0], POLLRDHUP, 2000), POLLRDHUP);
		DID(write(p[0], "x", 1), 1);
	} else {
		DID(shutdown(p[1], SHUT_WR), 0);
		IS(poll_now(p[0], POLLRDHUP, 2000), POLLRDHUP);
		setsockopt(p[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(p[1]);
	}
	IS(poll_now(p[0], 0, 2000) & POLLHUP, POLLHUP);
}

/* A reset behind the end of the stream is no error to who reads, but to who writes and who asks. */
static void reset_after_end(bool by_us)
{
	char text[10];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int p[2];

	answered(p, by_us);
	/* weir: without POLLERR, which would be an error to a reader, too */
	IS(poll_now(p[0], POLL_ENDS, 0) & ~POLLERR, POLL_ENDS | POLLHUP);
	DID(read(p[0], text, 10), 6);
	DID(read(p[0], text, 10), 0);
	DID(recvmsg(p[0], &m, 0), 0);
	DID(recv(p[0], text, 10, MSG_DONTWAIT), 0);
	IS(so_error(p[0]), EPIPE);
	IS(so_error(p[0]), 0);
	DID(read(p[0], text, 10), 0);
	IS(poll_now(p[0], POLL_ENDS, 0), POLL_ENDS | POLLHUP);
	close(p[0]);

	answered(p, by_us);
	IS(so_error(p[0]), EPIPE);
	DID(recvmsg(p[0], &m, 0), 6);
	DID(recvmsg(p[0], &m, 0), 0);
	DID(send(p[0], "x", 1, MSG_NOSIGNAL), -EPIPE);
	IS(so_error(p[0]), 0);
	DID(shutdown(p[0], SHUT_WR), -ENOTCONN);
	close(p[0]);

	answered(p, by_us);
	DID(sendmsg(p[0], &m, MSG_NOSIGNAL), -EPIPE);
	IS(so_error(p[0]), 0);
	DID(sendmsg(p[0], &m, MSG_NOSIGNAL), -EPIPE);
	DID(recv(p[0], text, 3, MSG_WAITALL), 3);
	DID(recv(p[0], text, 10, MSG_WAITALL), 3);
	DID(recv(p[0], text, 10, MSG_WAITALL), 0);
	close(p[0]);
}

/* But it is one where only the reader had ended it. */
static void reset_after_shutdown(void)
{
	struct linger hard = { 1, 0 };
	char text[10];
	int p[2];

	tcp_pair(p);
	DID(shutdown(p[0], SHUT_RD), 0);
	setsockopt(p[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(p[1]);
	wait_reset(p[0]);
	DID(read(p[0], text, 10), -ECONNRESET);
	DID(read(p[0], text, 10), 0);
	close(p[0]);
}

static void refused(void)
{
	union name a;
	int l = tcp_listen(1), fd;

	a = name_of(l);
	close(l);
	fd = tcp_socket(0);
	DID(connect(fd, NAME(a)), -ECONNREFUSED);
	IS(so_error(fd), 0);
	DID(connect(fd, NAME(a)), -ECONNREFUSED);	/* and again, on the same socket */
	close(fd);
	fd = tcp_socket(SOCK_NONBLOCK);
	DID(connect(fd, NAME(a)), -EINPROGRESS);
	for (int i = 0; i < 1000 && !(poll_now(fd, POLLOUT, 1000) & POLLOUT); i++)
		usleep(1000);		/* under weir room comes a moment after the error */
	IS(poll_now(fd, POLLOUT, 1000) & (POLLERR | POLLHUP | POLLOUT), POLLOUT | POLLERR | POLLHUP);
	IS(so_error(fd), ECONNREFUSED);
	IS(so_error(fd), 0);
	close(fd);
	fd = tcp_socket(SOCK_NONBLOCK);
	DID(connect(fd, NAME(a)), -EINPROGRESS);
	poll_now(fd, POLLOUT, 1000);
	DID(connect(fd, NAME(a)), -ECONNREFUSED);
	close(fd);
	fd = tcp_socket(0);
	a = away(80);			/* 198.51.100.1: no route */
	DID(connect(fd, NAME(a)), -ENETUNREACH);
	DID(connect(fd, SA(&a), 3), -EINVAL);
	a.sa.sa_family = 77;
	DID(connect(fd, NAME(a)), -EAFNOSUPPORT);
	close(fd);
}

static void *writer(void *arg)
{
	int fd = *(int *)arg;
	char *block = malloc(1 << 20);

	for (int i = 0; i < 1 << 20; i++)
		block[i] = (char)(i * 7);
	for (int i = 0; i < 32; i++)
		for (size_t at_ = 0; at_ < 1 << 20;) {
			ssize_t n = write(fd, block + at_, (1 << 20) - at_);

			if (n <= 0)
				return NULL;
			at_ += (size_t)n;
		}
	shutdown(fd, SHUT_WR);
	free(block);
	return NULL;
}

static void bulk(void)
{
	static char block[100001];
	unsigned long total = 0, wrong = 0;
	pthread_t t[2];
	ssize_t n;
	int p[2];

	tcp_pair(p);
	pthread_create(&t[0], NULL, writer, &p[0]);
	pthread_create(&t[1], NULL, writer, &p[1]);
	while ((n = read(p[1], block, sizeof(block))) > 0)
		for (ssize_t i = 0; i < n; i++, total++)
			wrong += block[i] != (char)((total & 0xfffff) * 7);
	IS(n, 0);
	IS(total, 32 << 20);
	while ((n = read(p[0], block, 3333)) > 0)
		for (ssize_t i = 0; i < n; i++, total++)
			wrong += block[i] != (char)((total & 0xfffff) * 7);
	IS(total, 64 << 20);
	IS(wrong, 0);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	close(p[0]);
	close(p[1]);
}

static void files(void)
{
	FILE *f = tmpfile();
	char block[1000];
	int p[2], pipes[2];
	off_t off = 0;

	memset(block, 'q', sizeof(block));
	fwrite(block, 1, sizeof(block), f);
	fflush(f);
	tcp_pair(p);
	DID(sendfile(p[0], fileno(f), &off, 1000), 1000);
	DID(recv(p[1], block, 1000, MSG_WAITALL), 1000);
	IS(block[999], 'q');
	DID(pipe(pipes), 0);
	DID(write(p[0], "spliced", 7), 7);
	IS(poll_now(p[1], POLLIN, 1000), POLLIN);
	DID(splice(p[1], NULL, pipes[1], NULL, 100, 0), 7);
	DID(splice(pipes[0], NULL, p[1], NULL, 100, 0), 7);
	DID(recv(p[0], block, 7, MSG_WAITALL), 7);
	IS(memcmp(block, "spliced", 7), 0);
	fclose(f);
	close(pipes[0]);
	close(pipes[1]);
	close(p[0]);
	close(p[1]);
}

void test_stream(void)
{
	making();
	unconnected();
	binding();
	names();
	this_host();
	data();
	ends();
	resets();
	reset_after_end(false);
	reset_after_end(true);
	reset_after_shutdown();
	refused();
	bulk();
	files();
}
