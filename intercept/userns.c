/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userns.c - a sandbox in a user namespace of its own (userns.h).
 *
 * Init is cloned into it, together with the other namespaces, which then belong to it: what its root may do to them
 * says nothing about the host. The stack process, which is outside, writes the maps; then init becomes root inside. Its
 * files are those of the host that the mapped users may read. The device of FUSE is opened before, by root outside, but
 * as of the namespace: the kernel wants it so.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/pidfd.h"
#include "intercept/userns.h"

static int write_map(pid_t pid, const char *which, const struct userns *u)
{
	char path[40], text[48];
	int fd, n, err = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	n = snprintf(text, sizeof(text), "0 %u %u\n", u->first, u->count);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)n) != n)
		err = -errno;
	close(fd);
	return err;
}

int userns_map(int pidfd, const struct userns *u, struct weir_error *e)
{
	pid_t pid = pidfd_pid(pidfd, NULL);
	int err = pid > 0 ? write_map(pid, "gid_map", u) : (int)pid;

	if (!err)
		err = write_map(pid, "uid_map", u);
	return err ? weir_fail(e, -err, "cannot map users %u to %llu into the sandbox: %s%s", u->first,
			       (unsigned long long)u->first + u->count - 1, strerror(-err),
			       err == -EPERM ? "; run weir as root" : "") : 0;
}

int userns_name(pid_t pid, char name[USERNS_NAME])
{
	char path[40];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	n = readlink(path, name, USERNS_NAME);
	if (n < 0)
		return -errno;
	if (n >= USERNS_NAME)
		return -ENAMETOOLONG;
	name[n] = '\0';
	return 0;
}

int userns_root(struct weir_error *e)
{
	if (setgroups(0, NULL) || setresgid(0, 0, 0) || setresuid(0, 0, 0))
		return weir_fail(e, errno, "cannot become root of the user namespace: %s", strerror(errno));
	return 0;
}
