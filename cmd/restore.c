/* SPDX-License-Identifier: Apache-2.0 */
/* restore.c - weir restore: give back what a sandbox had taken that was killed with all its processes. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/help.h"
#include "control/socket_file.h"
#include "intercept/ledger.h"

const struct help restore_help = {
	.brief = "give back what a killed sandbox had taken from its namespace",
	.usage = (const char *const []){ "[NAME]", NULL },
	.about = "Gives the devices of a network namespace back what the sandbox NAME, or every sandbox, had taken with "
		 "--netns: addresses, routes, neighbours and switches. Only needed where all processes of weir run "
		 "were killed at once, as the end of a cgroup does; otherwise it is given back when the sandbox ends. "
		 "The next `weir run --netns` does it, too.\n"
		 "A sandbox that is running is left alone. What somebody else has set meanwhile stays. What cannot be "
		 "given back, since its device or namespace is gone, is told. The file of its control socket goes, too.",
};

static void say(void *arg, const char *sentence)
{
	unsigned int *said = arg;

	++*said;
	printf("%s\n", sentence);
}

int cmd_restore(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	struct weir_error e = { "" };
	unsigned int said = 0;
	int n;

	if (name && (!strcmp(name, "-h") || !strcmp(name, "--help"))) {
		help_print("restore", &restore_help);
		return 0;
	}
	if (argc > 2 || (name && *name == '-')) {
		fprintf(stderr, "weir restore: which sandbox? weir restore [NAME]; without a NAME, all\n");
		return CMD_USAGE;
	}
	n = ledger_recover(name, say, &said, &e);
	control_sweep(name);
	if (n < 0) {
		fprintf(stderr, "weir restore: %s\n", e.text);
		return CMD_FAIL;
	}
	if (!said)
		printf("there is nothing to give back\n");
	return 0;
}
