/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - runs the questions (check.h). `posix echo FD`: what it execs itself as. */
#include "check.h"

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

/* [-4 | -6 | -m] [PART]: one part or all; "table" is of all families at once. */
int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } tests[] = {
		{ "stream", test_stream }, { "events", test_events }, { "signals", test_signals },
		{ "state", test_state }, { "connect", test_connect }, { "passing", test_passing }, { "datagram", test_datagram }, { "ending", test_ending }, { "option", test_option },
		{ "bind", test_bind }, { "urgent", test_urgent }, { "tcpopt", test_tcpopt }, { "frame", test_frame },
		{ "message", test_message }, { "info", test_info }, { "dual", test_dual }, { "ipv6opt", test_ipv6opt }, { "table", test_bind_table },
	};
	const char *part;

	if (argc > 2 && !strcmp(argv[1], "echo"))
		return echo(atoi(argv[2]));
	if (argc > 1 && !strcmp(argv[1], "bind-table")) {
		print_bind_table();
		return 0;
	}
	part = argv[argc > 1 && family_choose(argv[1]) ? 2 : 1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (part && strcmp(part, tests[i].name))
			continue;
		check_test = tests[i].name;
		tests[i].run();
	}
	printf("%d checks, %d failures\n", check_count, check_failures);
	return check_failures ? 1 : 0;
}
