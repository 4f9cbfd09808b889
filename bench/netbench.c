/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netbench.c - the program that bench/run measures: an ordinary sockets program, so that it runs
 * unmodified on the kernel's stack and on weir's.
 *
 *	netbench serve PORT			answers all of the below, until it is ended
 *	netbench send ADDR PORT SECONDS		bytes/s that the peer confirmed
 *	netbench recv ADDR PORT SECONDS		bytes/s received
 *	netbench rr ADDR PORT SECONDS		round trips/s of one byte on one connection
 *	netbench crr ADDR PORT SECONDS		connect, one byte each way, close: connections/s
 *	netbench sends ADDR PORT SECONDS N IDLE	N connections send at once, made after IDLE others: bytes/s of all
 *	netbench loop PORT SECONDS		serve in a thread and send over 127.0.0.1: bytes/s
 *
 * The first byte of a connection says what the client wants. One number is printed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256u << 10)

static void die(const char *what)
{
	fprintf(stderr, "netbench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, host, &sa.sin_addr) != 1) {
		errno = EINVAL;
		die(host);
	}
	return sa;
}

static int dial(const struct sockaddr_in *sa, char want)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (write(fd, &want, 1) != 1)
		die("write");
	return fd;
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char *chunk = calloc(1, CHUNK);
	uint64_t total = 0;
	int one = 1;
	char want;
	ssize_t n;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (chunk && read(fd, &want, 1) == 1) {
		switch (want) {
		case 's':	/* the client sends; at its end it wants to know how much came */
			while ((n = read(fd, chunk, CHUNK)) > 0)
				total += (uint64_t)n;
			if (write(fd, &total, sizeof(total)) < 0)
				break;
			break;
		case 'r':
			while (write(fd, chunk, CHUNK) > 0)
				;
			break;
		case 'p':
			while ((n = read(fd, chunk, 1)) == 1 && write(fd, chunk, 1) == 1)
				;
			break;
		}
	}
	free(chunk);
	close(fd);
	return NULL;
}

static int listen_on(const char *host, const char *port)
{
	struct sockaddr_in sa = address(host, port);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 1024) < 0)
		die("listen");
	return fd;
}

static void *serve(void *arg)
{
	int lfd = (int)(intptr_t)arg;

	for (;;) {
		int fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);
		pthread_t t;

		if (fd < 0)
			continue;
		if (pthread_create(&t, NULL, serve_one, (void *)(intptr_t)fd) == 0)
			pthread_detach(t);
		else
			close(fd);
	}
	return NULL;
}

static double bulk_send(const struct sockaddr_in *sa, double seconds)
{
	char *chunk = calloc(1, CHUNK);
	double start = now();
	uint64_t total = 0;
	int fd = dial(sa, 's');

	while (now() - start < seconds)
		if (write(fd, chunk, CHUNK) < 0)
			die("write");
	shutdown(fd, SHUT_WR);
	if (read(fd, &total, sizeof(total)) != sizeof(total))
		die("read");
	free(chunk);
	close(fd);
	return (double)total / (now() - start);
}

struct sender {
	pthread_t thread;
	const struct sockaddr_in *sa;
	double seconds, rate;
};

static void *send_one(void *arg)
{
	struct sender *s = arg;

	s->rate = bulk_send(s->sa, s->seconds);
	return NULL;
}

static double bulk_sends(const struct sockaddr_in *sa, double seconds, int n, int idle)
{
	struct sender *s = calloc((size_t)n, sizeof(*s));
	double sum = 0;

	if (!s)
		die("calloc");
	for (int i = 0; i < idle; i++)		/* they end with the process */
		dial(sa, 'p');
	for (int i = 0; i < n; i++) {
		s[i].sa = sa;
		s[i].seconds = seconds;
		if (pthread_create(&s[i].thread, NULL, send_one, &s[i]))
			die("pthread_create");
	}
	for (int i = 0; i < n; i++) {
		pthread_join(s[i].thread, NULL);
		sum += s[i].rate;
	}
	free(s);
	return sum;
}

static double bulk_recv(const struct sockaddr_in *sa, double seconds)
{
	char *chunk = calloc(1, CHUNK);
	double start = now();
	uint64_t total = 0;
	int fd = dial(sa, 'r');

	while (now() - start < seconds) {
		ssize_t n = read(fd, chunk, CHUNK);

		if (n <= 0)
			die("read");
		total += (uint64_t)n;
	}
	free(chunk);
	close(fd);
	return (double)total / (now() - start);
}

static double round_trips(const struct sockaddr_in *sa, double seconds)
{
	double start = now();
	uint64_t n = 0;
	int fd = dial(sa, 'p');
	char c = 'x';

	for (; now() - start < seconds; n++)
		if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
			die("round trip");
	close(fd);
	return (double)n / (now() - start);
}

static double connections(const struct sockaddr_in *sa, double seconds)
{
	double start = now();
	uint64_t n = 0;
	char c = 'x';

	for (; now() - start < seconds; n++) {
		int fd = dial(sa, 'p');

		if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
			die("round trip");
		close(fd);
	}
	return (double)n / (now() - start);
}

int main(int argc, char **argv)
{
	struct sockaddr_in sa;
	pthread_t t;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "serve")) {
		serve((void *)(intptr_t)listen_on("0.0.0.0", argv[2]));
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "loop")) {
		int fd = listen_on("127.0.0.1", argv[2]);

		if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd))
			die("pthread_create");
		sa = address("127.0.0.1", argv[2]);
		printf("%.0f\n", bulk_send(&sa, atof(argv[3])));
		return 0;
	}
	if (argc == 7 && !strcmp(argv[1], "sends")) {
		sa = address(argv[2], argv[3]);
		printf("%.0f\n", bulk_sends(&sa, atof(argv[4]), atoi(argv[5]), atoi(argv[6])));
		return 0;
	}
	if (argc != 5) {
		fprintf(stderr, "usage: netbench serve|send|recv|rr|crr|sends|loop ...: see netbench.c\n");
		return 2;
	}
	sa = address(argv[2], argv[3]);
	if (!strcmp(argv[1], "send"))
		printf("%.0f\n", bulk_send(&sa, atof(argv[4])));
	else if (!strcmp(argv[1], "recv"))
		printf("%.0f\n", bulk_recv(&sa, atof(argv[4])));
	else if (!strcmp(argv[1], "rr"))
		printf("%.0f\n", round_trips(&sa, atof(argv[4])));
	else if (!strcmp(argv[1], "crr"))
		printf("%.0f\n", connections(&sa, atof(argv[4])));
	else
		return 2;
	return 0;
}
