/* SPDX-License-Identifier: Apache-2.0 */
/*
 * takeover_tool.c - for test_takeover.sh: take a namespace's devices over, say "taken", and give
 * them back at the end of standard input. A janitor process gives them back when this one was
 * killed.
 *
 *	takeover_tool NETNS
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intercept/takeover.h"

int main(int argc, char **argv)
{
	struct weir_error e = { "" };
	struct takeover *t;
	int fds[2], rc;
	char c;

	if (argc != 2)
		return 2;
	t = takeover_read(argv[1], &e);
	if (!t) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	if (pipe(fds))
		return 1;
	if (fork() == 0) {
		close(fds[1]);
		rc = read(fds[0], &c, 1) ? 0 : 1;
		if (rc)
			takeover_restore(t);
		_exit(0);
	}
	close(fds[0]);
	if (takeover_remove(t, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	puts("taken");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	takeover_restore(t);
	takeover_restore(t);		/* twice is as good as once */
	takeover_free(t);
	rc = write(fds[1], "x", 1) == 1 ? 0 : 1;
	wait(NULL);
	return rc;
}
