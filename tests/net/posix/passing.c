/* SPDX-License-Identifier: Apache-2.0 */
/* passing.c - sockets through dup, fork, exec, SCM_RIGHTS, threads; and AF_UNIX sockets beside
 * them. */
#include "check.h"

static void dups(void)
{
	int p[2], d;
	char byte;

	tcp_pair(p);
	d = dup(p[0]);
	close(p[0]);
	DID(write(p[1], "a", 1), 1);
	DID(read(d, &byte, 1), 1);
	DID(dup2(p[1], 200), 200);
	close(p[1]);
	IS(poll_now(d, POLLIN, 30), 0);		/* still open somewhere */
	IS(so_error(200), 0);
	close(200);
	DID(read(d, &byte, 1), 0);
	close(d);
}

static void forks(void)
{
	int l = tcp_listen(4), c, s, status;
	char text[10];

	c = tcp_connect(l);
	s = accept(l, NULL, NULL);
	if (!fork()) {			/* a forking server */
		close(l);
		if (recv(s, text, 4, MSG_WAITALL) == 4 && so_error(s) == 0)
			(void)!write(s, text, 4);
		_exit(0);
	}
	close(s);
	DID(write(c, "fork", 4), 4);
	DID(recv(c, text, 4, MSG_WAITALL), 4);
	DID(read(c, text, 1), 0);
	wait(&status);
	close(c);

	c = tcp_connect(l);
	s = accept(l, NULL, NULL);
	if (!fork()) {			/* dies with the connection open and data unread */
		usleep(100000);
		_exit(0);
	}
	close(s);
	DID(write(c, "unread", 6), 6);
	DID(read(c, text, 1), -ECONNRESET);
	wait(&status);
	close(c);
	close(l);
}

static void execs(void)
{
	char text[10], number[12];
	int p[2], status;

	tcp_pair(p);
	if (!fork()) {
		close(p[0]);
		snprintf(number, sizeof(number), "%d", p[1]);
		execl("/proc/self/exe", "posix", "echo", number, NULL);
		_exit(9);
	}
	close(p[1]);
	DID(write(p[0], "exec", 4), 4);
	DID(recv(p[0], text, 4, MSG_WAITALL), 4);
	IS(memcmp(text, "EXEC", 4), 0);
	DID(shutdown(p[0], SHUT_WR), 0);
	DID(read(p[0], text, 1), 0);
	wait(&status);
	IS(status, 0);
	close(p[0]);
}

static void rights(void)
{
	int u[2], p[2], fd, status;
	char text[4];

	DID(socketpair(AF_UNIX, SOCK_STREAM, 0, u), 0);
	tcp_pair(p);
	if (!fork()) {
		close(p[0]);
		close(p[1]);
		fd = receive_fd(u[1]);
		(void)!write(fd, "sent", 4);
		_exit(so_error(fd));
	}
	DID(send_fd(u[0], p[1]), 1);
	close(p[1]);
	DID(recv(p[0], text, 4, MSG_WAITALL), 4);
	wait(&status);
	IS(status, 0);
	DID(read(p[0], text, 1), 0);
	close(p[0]);
	close(u[0]);
	close(u[1]);
}

/* What is not ours stays as it is. */
static void unix_sockets(void)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	int u[2], type = 0;

	DID(socketpair(AF_UNIX, SOCK_DGRAM, 0, u), 0);
	DID(getsockname(u[0], SA(&a), &len), 0);
	IS(a.ss_family, AF_UNIX);
	len = sizeof(type);
	DID(getsockopt(u[0], SOL_SOCKET, SO_DOMAIN, &type, &len), 0);
	IS(type, AF_UNIX);
	DID(listen(u[0], 1), -EOPNOTSUPP);
	DID(send(u[0], "xy", 2, 0), 2);
	DID(recvfrom(u[1], &type, 2, 0, SA(&a), &len), 2);
	close(u[0]);
	close(u[1]);
}

static void *client(void *arg)
{
	union name a = *(union name *)arg;
	intptr_t done = 0;
	char text[8];

	for (int i = 0; i < 50; i++) {
		int fd = socket(family->domain, SOCK_STREAM, 0);

		if (connect(fd, NAME(a)) || write(fd, "question", 8) != 8 ||
		    recv(fd, text, 8, MSG_WAITALL) != 8 || memcmp(text, "question", 8)) {
			close(fd);
			break;
		}
		close(fd);
		done++;
	}
	return (void *)done;
}

static void *server(void *arg)
{
	int l = *(int *)arg, fd;
	char text[8];

	while ((fd = accept(l, NULL, NULL)) >= 0) {
		if (recv(fd, text, 8, MSG_WAITALL) == 8)
			(void)!write(fd, text, 8);
		close(fd);
	}
	return NULL;
}

static void threads(void)
{
	int l = tcp_listen(64);
	union name a = name_of(l);
	pthread_t s[3], c[8];
	void *r;

	for (int i = 0; i < 3; i++)
		pthread_create(&s[i], NULL, server, &l);
	for (int i = 0; i < 8; i++)
		pthread_create(&c[i], NULL, client, &a);
	for (int i = 0; i < 8; i++) {
		pthread_join(c[i], &r);
		IS((intptr_t)r, 50);
	}
	shutdown(l, SHUT_RDWR);
	for (int i = 0; i < 3; i++)
		pthread_join(s[i], NULL);
	close(l);
}

void test_passing(void)
{
	dups();
	forks();
	execs();
	rights();
	unix_sockets();
	threads();
}
