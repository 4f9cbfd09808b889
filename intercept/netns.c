/* SPDX-License-Identifier: Apache-2.0 */
/* netns.c - network namespaces by name (netns.h). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intercept/netns.h"

#define NETNS_DIR	"/run/netns/"

int netns_enter(int netns_fd)
{
	int back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (back < 0)
		return -errno;
	if (setns(netns_fd, CLONE_NEWNET)) {
		int err = errno;

		close(back);
		return -err;
	}
	return back;
}

void netns_leave(int back)
{
	/* We were there a moment ago: this fails only if privilege was taken away in between, and
	 * then nothing may go on in the wrong namespace. */
	if (setns(back, CLONE_NEWNET))
		abort();
	close(back);
}

static bool same_file(const struct stat *st, const char *path)
{
	struct stat other;

	return stat(path, &other) == 0 && st->st_dev == other.st_dev && st->st_ino == other.st_ino;
}

int netns_path(const char *netns, char *path, size_t size)
{
	char cwd[PATH_MAX] = "";
	int n;

	if (*netns != '/' && strchr(netns, '/') && !getcwd(cwd, sizeof(cwd)))
		return -errno;
	n = snprintf(path, size, "%s%s%s", *cwd ? cwd : strchr(netns, '/') ? "" : NETNS_DIR, *cwd ? "/" : "", netns);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int netns_open(const char *netns, struct weir_error *e)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (!*netns || !strcmp(netns, ".") || !strcmp(netns, ".."))
		return weir_fail(e, EINVAL, "--netns: \"%s\" is not a name; see `ip netns`", netns);
	if (netns_path(netns, path, sizeof(path)))
		return weir_fail(e, ENAMETOOLONG, "--netns: the name is longer than %d bytes",
				 PATH_MAX);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return weir_fail(e, ENOENT, "--netns %s: there is no %s; make the namespace with `ip netns add`, or give the path of one",
				 netns, path);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return weir_fail(e, errno, "--netns %s: %s may not be opened (%s): neither the root network namespace nor one of others can be taken; make one with `ip netns add`",
				 netns, path, strerror(errno));
	if (fd < 0)
		return weir_fail(e, errno, "--netns %s: %s: %s", netns, path, strerror(errno));
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET || fstat(fd, &st)) {
		close(fd);
		return weir_fail(e, EINVAL, "--netns %s: %s is not a network namespace; make one with `ip netns add`",
				 netns, path);
	}
	if (same_file(&st, "/proc/1/ns/net") || same_file(&st, "/proc/thread-self/ns/net")) {
		close(fd);
		return weir_fail(e, EPERM, "--netns %s: this is the root network namespace, or the one that weir was started in, and its devices are in use; make one with `ip netns add NAME` and move a device into it",
				 netns);
	}
	return fd;
}
