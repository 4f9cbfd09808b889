/* SPDX-License-Identifier: Apache-2.0 */
/*
 * neighbour.c - a program that wants nothing but its own: rounds of a UDP datagram and a TCP
 * connection, each to itself, until SIGTERM or for so many rounds.
 *
 *	neighbour ROUNDS [SECONDS]
 *
 * ROUNDS 0: until SIGTERM. Every SECONDS, and at the end, a line says how many rounds there were since the
 * last one and in how many microseconds: the median, 99 of 100, the worst. Each round has to go right; the
 * first thing that does not is told, and ends it with status 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES 65536u			/* of one line: later rounds take the places of earlier ones */
#define PAUSE	1000000l		/* ns between rounds */

static void must(int holds, const char *what)
{
	if (holds)
		return;
	printf("failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int bound(int type, struct sockaddr_in *a)
{
	socklen_t len = sizeof(*a);
	int fd = socket(AF_INET, type, 0);

	*a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	must(fd >= 0, "socket");
	must(!bind(fd, (struct sockaddr *)a, sizeof(*a)), "bind");
	must(!getsockname(fd, (struct sockaddr *)a, &len) && a->sin_port, "getsockname");
	return fd;
}

static void datagram(uint32_t n)
{
	struct sockaddr_in a, from;
	socklen_t len = sizeof(from);
	int fd = bound(SOCK_DGRAM, &a);
	uint32_t got = ~n;

	must(sendto(fd, &n, sizeof(n), 0, (struct sockaddr *)&a, sizeof(a)) == sizeof(n), "sendto");
	must(recvfrom(fd, &got, sizeof(got), 0, (struct sockaddr *)&from, &len) == sizeof(got), "recvfrom");
	errno = 0;
	must(got == n && from.sin_port == a.sin_port, "another datagram came");
	close(fd);
}

static void connection(uint32_t n)
{
	struct sockaddr_in a;
	int listener = bound(SOCK_STREAM, &a), client = socket(AF_INET, SOCK_STREAM, 0), server;
	uint32_t got = ~n;

	must(!listen(listener, 1), "listen");
	must(client >= 0, "socket of a client");
	must(!connect(client, (struct sockaddr *)&a, sizeof(a)), "connect");
	server = accept(listener, NULL, NULL);
	must(server >= 0, "accept");
	must(send(client, &n, sizeof(n), 0) == sizeof(n), "send");
	must(!shutdown(client, SHUT_WR), "shutdown");
	must(recv(server, &got, sizeof(got), MSG_WAITALL) == sizeof(got), "recv");
	errno = 0;
	must(got == n, "other bytes came");
	must(recv(server, &got, sizeof(got), 0) == 0, "no end came");
	close(server);
	must(recv(client, &got, sizeof(got), 0) == 0, "no end came back");
	close(client);
	close(listener);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void tell(uint32_t *us, uint32_t rounds)
{
	uint32_t n = rounds < SAMPLES ? rounds : SAMPLES;

	if (!n)
		return;
	qsort(us, n, sizeof(*us), compare);
	printf("%u rounds, %u %u %u us\n", rounds, us[n / 2], us[n - 1 - n / 100], us[n - 1]);
}

int main(int argc, char **argv)
{
	static uint32_t us[SAMPLES];
	uint64_t most = argc > 1 ? strtoull(argv[1], NULL, 0) : 0, told = now(), began;
	uint64_t every = argc > 2 ? strtoull(argv[2], NULL, 0) * 1000000000u : UINT64_MAX;
	struct timespec pause = { 0, PAUSE };
	uint32_t rounds = 0;
	sigset_t term;

	/* taken between rounds: a call that a signal interrupts may fail, and that would be nobody's fault */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint64_t i = 0; !most || i < most; i++) {
		began = now();
		datagram((uint32_t)i);
		connection((uint32_t)i);
		us[rounds++ % SAMPLES] = (uint32_t)((now() - began) / 1000u);
		if (now() - told >= every) {
			tell(us, rounds);
			rounds = 0;
			told = now();
		}
		if (sigtimedwait(&term, NULL, &pause) == SIGTERM)
			break;
	}
	tell(us, rounds);
	return 0;
}
