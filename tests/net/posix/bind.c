/* SPDX-License-Identifier: Apache-2.0 */
/* bind.c - who may bind to what (bindtable.c) when options change, of many, and of different
 * users. */
#include "check.h"

/* Options that change after bind count as they are at the time of the question. */
static void changed(void)
{
	union name free = here(0), taken;
	int a = bound_socket(&free, 0), on = 1, off = 0, b;

	taken = name_of(a);
	b = bound_socket(&taken, REUSEADDR);
	IS(b < 0 && errno == EADDRINUSE, 1);
	setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	b = bound_socket(&taken, REUSEADDR);
	IS(b >= 0, 1);
	DID(listen(b, 1), 0);
	DID(listen(a, 1), -EADDRINUSE);		/* one may listen, not both */
	close(b);
	usleep(3000);
	DID(listen(a, 1), 0);
	setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
	close(a);
}

/* Two that share a port by SO_REUSEPORT both listen; a third of another kind may not. */
static void shared(void)
{
	union name free = here(0), taken;
	int a = bound_socket(&free, REUSEPORT), b;

	taken = name_of(a);
	b = bound_socket(&taken, REUSEPORT);
	IS(b >= 0, 1);
	DID(listen(a, 1), 0);
	DID(listen(b, 1), 0);
	IS(bound_socket(&taken, REUSEADDR) < 0 && errno == EADDRINUSE, 1);
	close(a);
	close(b);
}

/* Another user does not get into a group of SO_REUSEPORT. */
static void stranger(void)
{
	union name free = here(0), taken;
	int a = bound_socket(&free, REUSEPORT), status = 0;
	pid_t pid;

	taken = name_of(a);
	DID(listen(a, 1), 0);
	if (getuid()) {
		close(a);
		return;
	}
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(bound_socket(&taken, REUSEPORT) < 0 ? errno == EADDRINUSE ? 0 : 3 : 1);
	}
	waitpid(pid, &status, 0);
	IS(status, 0);
	close(a);
}

void test_bind(void)
{
	changed();
	shared();
	stranger();
}
