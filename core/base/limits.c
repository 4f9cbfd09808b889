/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.c - limits of resources (limits.h).
 *
 * What fails for lack of something fails anywhere, so its sentence is completed in one place (weir_fail). But below
 * some limits the C library, the dynamic linker or a signal is quicker than any sentence: these are looked at before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"

/*
 * Descriptors: the standard ones, what a stack with loopback has, and some for giving back what a start has taken when it
 * fails late. Files: copies of modules, the seccomp filter.
 */
#define NEED_FILES	24u
#define NEED_NIC	4u
#define NEED_BYTES	(1u << 20)

static rlim_t allowed(int resource)
{
	struct rlimit r;

	return getrlimit(resource, &r) ? RLIM_INFINITY : r.rlim_cur;
}

/* The descriptors beside the standard ones that whoever started us has left open. */
static unsigned int inherited(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd >= 0)
		close(fd);
	return fd > STDERR_FILENO + 1 ? (unsigned int)fd - STDERR_FILENO - 1 : 0;
}

int limits_check(unsigned int nics, struct weir_error *e)
{
	rlim_t files = allowed(RLIMIT_NOFILE), bytes = allowed(RLIMIT_FSIZE);
	unsigned int need = NEED_FILES + NEED_NIC * nics + inherited();

	if (files < need)
		return weir_fail(e, ENOSPC, "`ulimit -n` allows %llu open files, and weir needs %u here; raise it",
				 (unsigned long long)files, need);
	if (bytes < NEED_BYTES)
		return weir_fail(e, ENOSPC, "`ulimit -f` allows files of %llu KiB, and weir needs %u KiB for a copy of a module; raise it",
				 (unsigned long long)bytes / 1024, NEED_BYTES / 1024);
	return 0;
}

int limits_file(uint64_t size, const char *path, struct weir_error *e)
{
	rlim_t bytes = allowed(RLIMIT_FSIZE);

	if (size <= bytes)
		return 0;
	return weir_fail(e, EFBIG, "%s: `ulimit -f` allows files of %llu KiB, and a copy of this one is larger; raise it", path,
			 (unsigned long long)bytes / 1024);
}

const char *limits_remedy(int err, char *text, size_t size)
{
	rlim_t n;

	*text = '\0';
	switch (err) {
	case EMFILE:
		snprintf(text, size, "; `ulimit -n` allows %llu open files, raise it",
			 (unsigned long long)allowed(RLIMIT_NOFILE));
		break;
	case ENFILE:
		snprintf(text, size, "; the whole system may open no more, raise the sysctl fs.file-max");
		break;
	case ENOMEM:
		n = allowed(RLIMIT_AS);
		if (n != RLIM_INFINITY)
			snprintf(text, size, "; `ulimit -v` allows %llu KiB, raise it", (unsigned long long)n / 1024);
		else if ((n = allowed(RLIMIT_DATA)) != RLIM_INFINITY)
			snprintf(text, size, "; `ulimit -d` allows %llu KiB, raise it", (unsigned long long)n / 1024);
		break;
	}
	return text;
}

int limits_process_failed(struct weir_error *e, int err, const char *what)
{
	rlim_t n = allowed(RLIMIT_NPROC);

	switch (err) {
	case EPERM:
		return weir_fail(e, err, "cannot %s: %s; run weir as root", what, strerror(err));
	case EAGAIN:
		if (n == RLIM_INFINITY)
			return weir_fail(e, err, "cannot %s: %s; raise pids.max of the control group", what, strerror(err));
		return weir_fail(e, err, "cannot %s: %s; raise `ulimit -u`, which allows %llu processes of a user, or pids.max of the control group",
				 what, strerror(err), (unsigned long long)n);
	case ENOSPC:
		return weir_fail(e, err, "cannot %s: %s; raise the sysctls user.max_*_namespaces", what, strerror(err));
	}
	return weir_fail(e, err, "cannot %s: %s", what, strerror(err));
}
