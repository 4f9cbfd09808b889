/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capabilities.c - giving capabilities up (capabilities.h).
 *
 * Theory of operation
 *
 * A process has several sets. The bounding set says what may ever be had; execve gives root all of it and
 * drops the rest, so it is what bounds a program that is root, and every set-user-ID program that it starts. The
 * permitted and effective sets are what this process can do now, until it executes something. Inheritable and
 * ambient ones stay empty, as runc leaves them: they only matter to programs that are not root.
 *
 * The bounding set comes first: taking something out of it needs CAP_SETPCAP.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intercept/capabilities.h"

uint64_t capabilities_bound(void)
{
	uint64_t mask = 0;
	int has;

	for (int cap = 0; cap < 64 && (has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) >= 0; cap++)
		mask |= (uint64_t)has << cap;
	return mask;
}

int capabilities_keep_bound(uint64_t mask, struct weir_error *e)
{
	uint64_t drop = capabilities_bound() & ~mask;

	for (int cap = 0; cap < 64; cap++)
		if (drop >> cap & 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return weir_fail(e, errno, "cannot drop capability %d: %s", cap, strerror(errno));
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return 0;
}

int capabilities_keep(uint64_t mask, struct weir_error *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return weir_fail(e, errno, "cannot read capabilities: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(mask >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, data))
		return weir_fail(e, errno, "cannot drop capabilities: %s", strerror(errno));
	return 0;
}
