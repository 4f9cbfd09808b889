/* SPDX-License-Identifier: Apache-2.0 */
/* caps.c - capabilities on the command line (caps.h). Names and rules are Docker's. */
#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/caps.h"
#include "cmd/options.h"
#include "intercept/capabilities.h"

#define ALL	(~0ull)

static const char *const names[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
};
#define NAMES	(sizeof(names) / sizeof(names[0]))

uint64_t caps_default(bool own_network)
{
	return CAPABILITY(CHOWN) | CAPABILITY(DAC_OVERRIDE) | CAPABILITY(FSETID) | CAPABILITY(FOWNER) |
	       CAPABILITY(MKNOD) | CAPABILITY(NET_RAW) | CAPABILITY(SETGID) | CAPABILITY(SETUID) |
	       CAPABILITY(SETFCAP) | CAPABILITY(SETPCAP) | CAPABILITY(NET_BIND_SERVICE) |
	       CAPABILITY(SYS_CHROOT) | CAPABILITY(KILL) | CAPABILITY(AUDIT_WRITE) |
	       (own_network ? CAPABILITY(NET_ADMIN) : 0);
}

static uint64_t find(const char *word, size_t n)
{
	if (n > 4 && !strncasecmp(word, "CAP_", 4)) {
		word += 4;
		n -= 4;
	}
	if (n == 3 && !strncasecmp(word, "ALL", 3))
		return ALL;
	for (size_t i = 0; i < NAMES; i++)
		if (strlen(names[i]) == n && !strncasecmp(word, names[i], n))
			return 1ull << i;
	return 0;
}

static int add(uint64_t *mask, const char *option, const char *list, struct weir_error *e)
{
	for (const char *word = list;; word++) {
		size_t n = strcspn(word, ",");
		uint64_t found = find(word, n);

		if (!found)
			return weir_fail(e, EINVAL, "%s: there is no capability %.*s; capabilities(7) lists them, as in %s SYS_PTRACE",
					 option, (int)n, word, option);
		*mask |= found;
		word += n;
		if (!*word)
			return 1;
	}
}

int caps_option(struct caps *c, int argc, char **argv, int *i, struct weir_error *e)
{
	const char *value;
	int got;

	if (!strcmp(argv[*i], "--privileged")) {
		c->privileged = true;
		return 1;
	}
	got = options_value(argc, argv, i, "--cap-add", NULL, &value, e);
	if (got)
		return got < 0 ? got : add(&c->add, "--cap-add", value, e);
	got = options_value(argc, argv, i, "--cap-drop", NULL, &value, e);
	return got <= 0 ? got : add(&c->drop, "--cap-drop", value, e);
}

uint64_t caps_set(const struct caps *c, uint64_t basis)
{
	if (c->drop == ALL)
		return c->add;
	if (c->privileged || c->add == ALL)
		return ALL & ~c->drop;
	return (basis & ~c->drop) | c->add;
}

int caps_users(const char *text, struct userns *u, struct weir_error *e)
{
	unsigned long long first, count = 65536;
	const char *at = text;
	char *end;

	first = strtoull(at, &end, 10);
	if (end != at && *end == ':') {
		at = end + 1;
		count = strtoull(at, &end, 10);
	}
	if (end == at || *end || !isdigit((unsigned char)*text) || !isdigit((unsigned char)*at))
		return weir_fail(e, EINVAL, "--userns %s: write a user's number, as in 100000, or a number and how many, as in 100000:65536",
				 text);
	if (!first)
		return weir_fail(e, EINVAL, "--userns %s: user 0 is the host's root; begin above it, as in 100000", text);
	if (!count || first >= UINT32_MAX || count > UINT32_MAX - first)
		return weir_fail(e, EINVAL, "--userns %s: users are 1 to 4294967294", text);
	*u = (struct userns){ (uint32_t)first, (uint32_t)count };
	return 0;
}

const char *caps_name(uint64_t mask, char *text, size_t size)
{
	int i = mask ? __builtin_ctzll(mask) : 0;

	if ((size_t)i < NAMES)
		snprintf(text, size, "CAP_%s", names[i]);
	else
		snprintf(text, size, "capability %d", i);
	return text;
}
