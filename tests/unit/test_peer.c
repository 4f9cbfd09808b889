/* SPDX-License-Identifier: Apache-2.0 */
/* test_peer.c - which process connected a socket, also where the kernel tells its number only and another one has it by now. */
#include <check.h>
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/pidfd.h"
#include "cmd/peer.h"
#include "tests/suite.h"

#define TICK (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK))

static int listener;
static struct sockaddr_un name = { .sun_family = AF_UNIX };
static socklen_t name_len = sizeof(name);

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void setup(void)
{
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	/* the kernel chooses an abstract name */
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	name_len = sizeof(name);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&name, &name_len), 0);
}

static void teardown(void)
{
	close(listener);
}

/* A process that has connected, and goes when *go is closed. */
static pid_t connects(int *go)
{
	int way[2];
	pid_t pid;

	ck_assert_int_eq(pipe(way), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		char byte;

		close(way[1]);
		if (connect(fd, (struct sockaddr *)&name, name_len))
			_exit(1);
		(void)!read(way[0], &byte, 1);
		_exit(0);
	}
	close(way[0]);
	*go = way[1];
	return pid;
}

static int (*const ways[])(int fd, uint64_t accepted, pid_t *pid) = { peer_open, peer_open_by_number };

START_TEST(there)
{
	int go, fd, pidfd;
	pid_t pid = connects(&go), said;

	fd = accept(listener, NULL, NULL);
	pidfd = ways[_i](fd, now(), &said);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(said, pid);
	ck_assert_int_eq(pidfd_pid(pidfd, NULL), pid);
	close(go);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(pidfd_pid(pidfd, NULL), -ESRCH);
	close(pidfd);
	close(fd);
}
END_TEST

START_TEST(gone)
{
	int go, fd, pidfd;
	pid_t pid = connects(&go), said;
	uint64_t accepted;

	fd = accept(listener, NULL, NULL);
	accepted = now();
	close(go);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	pidfd = ways[_i](fd, accepted, &said);
	ck_assert(pidfd < 0 || pidfd_pid(pidfd, NULL) < 0);
	if (pidfd >= 0)
		close(pidfd);
	close(fd);
}
END_TEST

/* Another process of that number, from the next clock tick on. 0: it may not be asked for, or is another's meanwhile. */
static pid_t of_number(pid_t pid, uint64_t accepted)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1,
	};
	pid_t child;

	while (now() / TICK == accepted / TICK)
		;
	child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!child) {
		pause();
		_exit(0);
	}
	return child < 0 ? 0 : child;
}

START_TEST(another_of_its_number)
{
	int go, fd, pidfd;
	pid_t pid = connects(&go), said, other;
	uint64_t accepted;

	fd = accept(listener, NULL, NULL);
	accepted = now();
	close(go);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	other = of_number(pid, accepted);
	pidfd = ways[_i](fd, accepted, &said);
	if (other) {
		ck_assert_int_eq(other, pid);
		ck_assert_msg(pidfd < 0 || pidfd_pid(pidfd, NULL) < 0, "process %d was taken for another one", (int)other);
		kill(other, SIGKILL);
		waitpid(other, NULL, 0);
	}
	if (pidfd >= 0)
		close(pidfd);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peer");
	TCase *t = tcase_create("peer");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, there, 0, 2);
	tcase_add_loop_test(t, gone, 0, 2);
	tcase_add_loop_test(t, another_of_its_number, 0, 2);
	suite_add_tcase(s, t);
	return run_suite(s);
}
