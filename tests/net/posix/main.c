/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - runs the questions (check.h). `posix echo FD`: what it execs itself as. */
#include "check.h"

const char *check_test = "";
int check_failures, check_count;

void check_equal(const char *file, int line, const char *text, long got, long want)
{
	check_count++;
	if (got == want)
		return;
	check_failures++;
	printf("%s:%d: %s: %s is %ld", file, line, check_test, text, got);
	if (got < 0)
		printf(" (%s)", strerror((int)-got));
	printf(", not %ld", want);
	if (want < 0)
		printf(" (%s)", strerror((int)-want));
	puts("");
	fflush(stdout);
}

struct sockaddr_in name_of(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof(a);

	DID(getsockname(fd, SA(&a), &len), 0);
	IS(len, sizeof(a));
	return a;
}

uint16_t port_of(int fd)
{
	return ntohs(name_of(fd).sin_port);
}

int tcp_socket(int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	IS(fd >= 0, 1);
	return fd;
}

int tcp_listen(int backlog)
{
	struct sockaddr_in a = at(INADDR_LOOPBACK, 0);
	int fd = tcp_socket(0);

	DID(bind(fd, SA(&a), sizeof(a)), 0);
	DID(listen(fd, backlog), 0);
	return fd;
}

int tcp_connect(int listener)
{
	struct sockaddr_in a = name_of(listener);
	int fd = tcp_socket(0);

	DID(connect(fd, SA(&a), sizeof(a)), 0);
	return fd;
}

void tcp_pair(int pair[2])
{
	int l = tcp_listen(1);

	pair[0] = tcp_connect(l);
	pair[1] = accept(l, NULL, NULL);
	IS(pair[1] >= 0, 1);
	close(l);
}

int udp_socket(void)
{
	struct sockaddr_in a = at(INADDR_LOOPBACK, 0);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	DID(bind(fd, SA(&a), sizeof(a)), 0);
	return fd;
}

int poll_now(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	poll(&p, 1, ms);
	return p.revents;
}

int so_error(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	DID(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	return err;
}

void arm(int ms)
{
	struct itimerval t = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &t, NULL);
}

static void nothing(int sig)
{
	(void)sig;
}

void on_alarm(int flags)
{
	struct sigaction a = { .sa_handler = nothing, .sa_flags = flags };

	sigaction(SIGALRM, &a, NULL);
}

/* The other half of test_passing's exec: what comes goes back in capitals. */
static int echo(int fd)
{
	char text[100];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			text[i] = (char)(text[i] - 'a' + 'A');
		if (write(fd, text, (size_t)n) != n)
			return 1;
	}
	return n < 0;
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } tests[] = {
		{ "stream", test_stream }, { "events", test_events }, { "signals", test_signals },
		{ "passing", test_passing }, { "datagram", test_datagram }, { "option", test_option },
	};

	if (argc > 2 && !strcmp(argv[1], "echo"))
		return echo(atoi(argv[2]));
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (argc > 1 && strcmp(argv[1], tests[i].name))
			continue;
		check_test = tests[i].name;
		tests[i].run();
	}
	printf("%d checks, %d failures\n", check_count, check_failures);
	return check_failures ? 1 : 0;
}
