/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_control_clients.c - clients of the control socket that send garbage, too much, too slowly, or too many
 * descriptors, that ask nothing, or never take their answer; and that another is answered while all of them are
 * there. Nothing waits for the clock: every turn of the loop finds its events there, and the idle time of a
 * client is jumped over.
 */
#include <fcntl.h>
#include <sys/resource.h>

#include "control/gate.h"
#include "tests/unit/control_world.h"

#define CROWD 1000		/* clients at once */

/* ---- requests ---- */

START_TEST(garbage)
{
	static const char *const bad[] = {
		"\n", "hello\n", "{}\n", "[]\n", "null\n", "{\"command\":1}\n", "{\"command\":\"x\"}\n",
		"{\"command\":\"show\",\"command\":\"show\"}\n", "{\"command\":\"show\"}\nmore\n",
		"{\"command\":\"show\"\n", "\xff\xfe\n", "{\"command\":\"\\u0000\"}\n",
		"{\"command\":\"qdisc replace\"}\n", "{\"command\":\"module load\",\"path\":\"/x\"}\n",
		"{\"command\":\"qdisc replace\",\"dev\":\"eth0\",\"kind\":\"fifo\",\"params\":[]}\n",
		"{\"command\":\"qdisc replace\",\"dev\":\"eth0\",\"kind\":\"fifo\",\"params\":{\"a\":1}}\n",
	};

	int fds;

	serve();
	turns(2);
	fds = count_fds();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *answer = say(bad[i], strlen(bad[i]));

		ck_assert_msg(answer && strstr(answer, "\"ok\":false"), "%s: %s", bad[i],
			      answer ? answer : "nothing");
		ck_assert_msg(strstr(answer, "\"error\":\""), "%s", answer);
	}
	turns(2);
	ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(deep_and_long)
{
	size_t n = CONTROL_REQUEST_MAX + 10;
	char *text = malloc(n);
	char *answer;

	serve();
	memset(text, '[', n);
	text[5000] = '\n';
	answer = say(text, 5001);
	ck_assert_msg(answer && strstr(answer, "not JSON"), "%s", answer);
	memset(text, ' ', n);
	answer = say(text, n);
	ck_assert_msg(answer && strstr(answer, "too long"), "%s", answer ? answer : "nothing");
	ask_ok("{\"command\":\"show\"}");
	for (size_t i = 0; i + 4 < CONTROL_REQUEST_MAX; i += 3)
		memcpy(text + i, i ? "{}," : " [ ", 3);
	text[CONTROL_REQUEST_MAX - 1] = '\n';
	answer = say(text, CONTROL_REQUEST_MAX);
	ck_assert_msg(answer && strstr(answer, "too many values"), "%s", answer ? answer : "nothing");
	free(text);
}
END_TEST

/* One byte a turn is as good as all at once, as long as there is progress; none for long ends
 * it. */
START_TEST(slow)
{
	static const char request[] = "{\"command\":\"show\"}\n";
	char answer[4096];
	int fd, idle, fds;

	serve();
	turns(2);
	fds = count_fds();
	fd = client();
	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		ck_assert_int_eq(send(fd, request + i, 1, 0), 1);
		turns(2);
	}
	ck_assert_int_gt(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), 0);
	close(fd);

	idle = client();
	ck_assert_int_eq(send(idle, "{", 1, 0), 1);
	turns(3);
	ck_assert_int_eq(recv(idle, answer, 1, MSG_DONTWAIT), -1);
	env_run(&inst.stack->env, inst.stack->env.now + CONTROL_IDLE_NS + 100000000);
	ck_assert_int_eq(recv(idle, answer, 1, MSG_DONTWAIT), 0);
	close(idle);
	turns(2);
	ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* Each that asks is answered, however many ask at once. */
START_TEST(many)
{
	static const char request[] = "{\"command\":\"stats\"}\n";
	int fds[3 * CONTROL_CLIENTS_MAX];
	char answer[4096];

	serve();
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		fds[i] = client();
		ck_assert_int_gt(send(fds[i], request, sizeof(request) - 1, MSG_NOSIGNAL), 0);
		if (i % 32 == 31)	/* the listen queue has room for some */
			turns(32);
	}
	turns(3 * CONTROL_CLIENTS_MAX);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		ck_assert_msg(recv(fds[i], answer, sizeof(answer), MSG_DONTWAIT) > 0, "client %zu", i);
		close(fds[i]);
	}
}
END_TEST

static void send_fds(int sock, const char *text, int n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 16)];
	} control = { 0 };
	struct iovec iov = { (char *)(uintptr_t)text, strlen(text) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n) };
	int fds[16];

	for (int i = 0; i < n; i++)
		fds[i] = STDERR_FILENO;
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
	memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * (size_t)n);
	ck_assert_int_gt(sendmsg(sock, &msg, MSG_NOSIGNAL), 0);
}

START_TEST(descriptors)
{
	int fds, fd;
	char answer[4096] = "";

	serve();
	turns(2);
	fds = count_fds();
	for (int n = 1; n <= 16; n++) {
		fd = client();
		send_fds(fd, "{\"command\":\"show\"}\n", n);
		turns(6);
		ck_assert_int_gt(recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT), 0);
		ck_assert_msg(!strncmp(answer, n <= CONTROL_FDS_MAX ? "{\"ok\":true" : "{\"ok\":false",
				       10), "%d: %.40s", n, answer);
		close(fd);
	}
	fd = client();			/* and never asks */
	send_fds(fd, "{", 3);
	turns(3);
	close(fd);
	turns(3);
	ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* ---- crowds ---- */

static int crowd[CROWD];
static int ncrowd;

static void raise_limit(void)
{
	struct rlimit r;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &r), 0);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* More of them, until there are n; each says text. Now and then another one asks something. */
static void crowd_grow(int n, const char *text)
{
	while (ncrowd < n) {
		int fd = crowd[ncrowd++] = client();

		if (*text)
			ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
		turns(1);
		if (ncrowd % 27 == 0)	/* 81, too */
			ask_ok("{\"command\":\"show\"}");
	}
}

static void crowd_close(void)
{
	while (ncrowd)
		close(crowd[--ncrowd]);
	turns(4);
}

static void many_routes(void)
{
	struct weir_error e = { "" };

	for (uint32_t i = 0; i < 4000; i++) {
		const struct route r = {
			.dst = ip_addr_v4(htonl(0x0b000000 + (i << 8))), .prefix = 24, .nic = eth0(),
			.gateway = ip_addr_v4(htonl(0x0a000001)), .prefsrc = ip_addr_v4(0),
		};

		ck_assert_msg(!route_add(&inst.stack->ip, &r, &e), "%s", e.text);
	}
}

/* What is kept for the crowd: descriptors and bytes. */
static void crowd_test(const char *text)
{
	int fds;

	raise_limit();
	serve();
	turns(2);
	fds = count_fds();
	crowd_grow(CROWD, text);
	ck_assert_int_le(count_fds() - fds - CROWD, 2 * CONTROL_CLIENTS_MAX);
	crowd_close();
	ck_assert_int_eq(count_fds(), fds);
}

START_TEST(idle_crowd)
{
	crowd_test("");
}
END_TEST

START_TEST(half_asking_crowd)
{
	crowd_test("{\"command\":\"sh");
}
END_TEST

/* An answer that the socket has no room for, and that nobody reads. */
START_TEST(unread_crowd)
{
	serve();
	many_routes();
	ncrowd = 0;
	raise_limit();
	crowd_grow(3 * CONTROL_CLIENTS_MAX, "{\"command\":\"route show\"}\n");
	crowd_close();
}
END_TEST

/* Who reads on, a byte at a time or as fast as he can, gets all of his answer, whoever comes. */
static void check_reader(size_t step)
{
	static const char request[] = "{\"command\":\"route show\"}\n";
	static char buf[65536];
	int fd = client();
	size_t got = 0;
	char last = 0;
	ssize_t n;

	ck_assert_int_gt(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), 0);
	turns(3);
	for (;;) {
		n = recv(fd, buf, step, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		if (n > 0) {
			got += (size_t)n;
			last = buf[n - 1];
		} else {
			turns(1);
		}
		if (got / step % 5000 == 0 && ncrowd < CROWD)
			crowd_grow(ncrowd + 1, "{");
	}
	ck_assert_int_eq(n, 0);
	ck_assert_int_gt(got, 212992);		/* more than the socket took at once */
	ck_assert_int_eq(last, '\n');
	close(fd);
}

START_TEST(reader_in_a_crowd)
{
	serve();
	many_routes();
	raise_limit();
	crowd_grow(CONTROL_CLIENTS_MAX, "{\"command\":\"route show\"}\n");
	check_reader(1);
	check_reader(65536);
	crowd_close();
}
END_TEST

/* Requests that are long and never end: the bytes that wait are bounded, too. */
START_TEST(long_crowd)
{
	char *text = malloc(CONTROL_REQUEST_MAX);

	serve();
	memset(text, ' ', CONTROL_REQUEST_MAX);
	for (ncrowd = 0; ncrowd < CONTROL_CLIENTS_MAX; ncrowd++) {
		int fd = crowd[ncrowd] = client();

		for (size_t off = 0; off < CONTROL_REQUEST_MAX - 1;) {
			ssize_t n = send(fd, text, CONTROL_REQUEST_MAX - 1 - off, MSG_DONTWAIT | MSG_NOSIGNAL);

			if (n > 0)
				off += (size_t)n;
			turns(1);
		}
	}
	ask_ok("{\"command\":\"show\"}");
	crowd_close();
	free(text);
}
END_TEST

/* Who may not command is told so, and nothing is kept of him. */
START_TEST(strangers)
{
	char answer[4096];
	int fds;

	raise_limit();
	serve();
	control_outsiders_only(ctl);
	turns(2);
	fds = count_fds();
	for (ncrowd = 0; ncrowd < CROWD; ncrowd++) {
		crowd[ncrowd] = client();
		turns(1);
	}
	ck_assert_int_eq(count_fds(), fds + CROWD);
	ck_assert_int_gt(recv(crowd[0], answer, sizeof(answer), MSG_DONTWAIT), 0);
	ck_assert_ptr_nonnull(memmem(answer, sizeof(answer), "only root and the user", 22));
	crowd_close();
}
END_TEST

/* A program may take every descriptor there is. */
START_TEST(no_descriptor_left)
{
	static const char request[] = "{\"command\":\"show\"}\n";
	struct rlimit before, none;
	struct sockaddr_un sa;
	socklen_t len = world_address(&sa);
	char answer[4096];
	int fd[3];

	serve();
	turns(2);
	for (int i = 0; i < 3; i++)
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ (rlim_t)fd[2] + 1, before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (dup(fd[2]) >= 0)
		;
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(connect(fd[i], (struct sockaddr *)&sa, len), 0);
		ck_assert_int_gt(send(fd[i], request, sizeof(request) - 1, MSG_NOSIGNAL), 0);
		turns(4);
		ck_assert_int_gt(recv(fd[i], answer, sizeof(answer), MSG_DONTWAIT), 0);
	}
	setrlimit(RLIMIT_NOFILE, &before);
}
END_TEST

/* ---- the gate ---- */

static const char gated_request[] = "{\"command\":\"show\"}\n";

/* A server with a gate, which is us. */
static int gated(void)
{
	struct weir_error e = { "" };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	serve();
	ck_assert_msg(!control_gate(ctl, pair[1], &e), "%s", e.text);
	turns(2);
	return pair[0];
}

/* Answer the question that is there. What it was about can still be read: nothing was consumed. */
static void judge(int gate, enum gate_verdict verdict)
{
	struct gate_answer a = { .verdict = (uint32_t)verdict };
	struct gate_question q;
	char byte;
	int fd;

	ck_assert_int_eq(gate_question(gate, &q, &fd), 0);
	a.client = q.client;
	if (verdict != GATE_NOTHING)
		ck_assert_int_eq(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), 1);
	close(fd);
	ck_assert_int_eq(gate_answer(gate, &a), 0);
}

static bool asked(int gate)
{
	char bytes[8];

	return recv(gate, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Nothing is read before the answer; each time that something is said the gate is asked again. */
START_TEST(gate)
{
	struct gate_answer odd = { .client = 12345, .verdict = GATE_OPERATOR };
	char answer[4096];
	int sock = gated(), fd = client();

	turns(4);
	ck_assert(!asked(sock));
	ck_assert_int_gt(send(fd, gated_request, 5, 0), 0);
	turns(4);
	ck_assert_int_eq(gate_answer(sock, &odd), 0);	/* about nobody */
	turns(4);
	judge(sock, GATE_OPERATOR);
	turns(4);
	ck_assert(!asked(sock));
	ck_assert_int_gt(send(fd, gated_request + 5, sizeof(gated_request) - 6, 0), 0);
	turns(4);
	ck_assert_int_eq(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), -1);
	judge(sock, GATE_NOTHING);
	turns(4);
	judge(sock, GATE_OPERATOR);
	turns(4);
	ck_assert_int_gt(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), 0);
	ck_assert_ptr_nonnull(memmem(answer, sizeof(answer), "\"ok\":true", 9));
	close(fd);
	close(sock);
}
END_TEST

START_TEST(gate_refuses)
{
	char answer[4096] = "";
	int sock = gated(), fd = client(), gone = client(), fds;

	turns(4);
	fds = count_fds();
	ck_assert_int_gt(send(fd, gated_request, sizeof(gated_request) - 1, 0), 0);
	ck_assert_int_gt(send(gone, gated_request, sizeof(gated_request) - 1, 0), 0);
	turns(4);
	close(gone);			/* while it is being asked about */
	turns(4);
	judge(sock, GATE_STRANGER);
	judge(sock, GATE_OPERATOR);
	turns(6);
	ck_assert_int_gt(recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT), 0);
	ck_assert_msg(strstr(answer, "only root and the user") != NULL, "%s", answer);
	ck_assert_int_eq(count_fds(), fds - 3);
	close(fd);
	close(sock);
}
END_TEST

/* More at once than there is room for questions: all are answered. When the gate has ended none is. */
START_TEST(gate_crowd)
{
	char answer[4096];
	int sock = gated();

	raise_limit();
	for (ncrowd = 0; ncrowd < CONTROL_CLIENTS_MAX; ncrowd++) {
		crowd[ncrowd] = client();
		ck_assert_int_gt(send(crowd[ncrowd], gated_request, sizeof(gated_request) - 1, 0), 0);
	}
	turns(CONTROL_CLIENTS_MAX + 4);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		judge(sock, GATE_OPERATOR);
		turns(4);
	}
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		ck_assert_int_gt(recv(crowd[i], answer, sizeof(answer), MSG_DONTWAIT), 0);
	crowd_close();

	for (ncrowd = 0; ncrowd < CONTROL_CLIENTS_MAX; ncrowd++) {
		crowd[ncrowd] = client();
		ck_assert_int_gt(send(crowd[ncrowd], gated_request, sizeof(gated_request) - 1, 0), 0);
		turns(1);
	}
	close(sock);
	turns(CONTROL_CLIENTS_MAX + 4);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		memset(answer, 0, sizeof(answer));
		ck_assert_int_gt(recv(crowd[i], answer, sizeof(answer) - 1, MSG_DONTWAIT), 0);
		ck_assert_msg(strstr(answer, "nobody is left") != NULL, "%s", answer);
	}
	crowd_close();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control clients");
	TCase *t = tcase_create("requests"), *c = tcase_create("crowds"), *g = tcase_create("gate");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, garbage);
	tcase_add_test(t, deep_and_long);
	tcase_add_test(t, slow);
	tcase_add_test(t, many);
	tcase_add_test(t, descriptors);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, idle_crowd);
	tcase_add_test(c, half_asking_crowd);
	tcase_add_test(c, unread_crowd);
	tcase_add_test(c, reader_in_a_crowd);
	tcase_add_test(c, long_crowd);
	tcase_add_test(c, strangers);
	tcase_add_test(c, no_descriptor_left);
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(g, setup, teardown);
	tcase_add_test(g, gate);
	tcase_add_test(g, gate_refuses);
	tcase_add_test(g, gate_crowd);
	suite_add_tcase(s, g);
	return run_suite(s);
}
