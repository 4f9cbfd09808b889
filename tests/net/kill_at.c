/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_at.c - for test_restore.sh: kill the front and the janitor of a `weir run` at once, at one
 * moment of its start that can be named.
 *
 *	kill_at FOLDER N PROGRAM [ARGUMENTS]
 *
 * The front is traced. From when FOLDER is there its system calls are counted; at the N-th it
 * stands still, and so cannot act when its children (the janitor, the stack process) are killed,
 * nor ever after. All of them have ended when this program ends. Status: 0, it was killed; 3, it has no N-th call any more, and was killed where
 * it waits for its program.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* SIGKILL reaches all before any of them runs again: the front stands still, and the janitor waits
 * for it. */
static void kill_children(pid_t front)
{
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)front, (int)front);
	f = fopen(path, "r");
	while (f && fscanf(f, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (f)
		fclose(f);
}

static int end(pid_t front, int answer)
{
	kill_children(front);
	kill(front, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)	/* orphans come to us */
		;
	return answer;
}

/* The front's loop begins to wait: its program runs. */
static int is_waiting(pid_t front)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, front, (void *)sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return 0;
#ifdef SYS_poll
	if (info.entry.nr == SYS_poll)
		return 1;
#endif
	return info.entry.nr == SYS_ppoll;
}

static int watch(pid_t front, const char *folder, long n)
{
	struct stat st;
	long calls = 0;
	int status, sig = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, front, NULL, sig) || waitpid(front, &status, 0) < 0 ||
		    WIFEXITED(status) || WIFSIGNALED(status))
			return 1;
		sig = WSTOPSIG(status) == (SIGTRAP | 0x80) || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		if (WSTOPSIG(status) != (SIGTRAP | 0x80) || (!calls && stat(folder, &st)))
			continue;
		if (++calls >= n)
			return end(front, 0);
		if (is_waiting(front))
			return end(front, 3);
	}
}

int main(int argc, char **argv)
{
	pid_t front;
	int status;

	if (argc < 4)
		return 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	front = fork();
	if (front == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	if (front < 0 || waitpid(front, &status, 0) < 0 ||
	    ptrace(PTRACE_SETOPTIONS, front, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL))
		return 2;
	return watch(front, argv[1], atol(argv[2]));
}
