/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procmount.c - what the sandbox's init mounts, so that /proc/net is the stack's.
 *
 * Theory of operation
 *
 * /proc/net is a symbolic link to self/net, and every process has a net of its own; one cannot mount on
 * all of them. So the stack's files are mounted on init's, /proc/1/net, and another link, to there, is
 * mounted on the link /proc/net itself, which a descriptor of the one and a path that is not followed can do
 * (open_tree, move_mount). The link has to lie in some file system: a tmpfs on /proc/1/task/1/net, where
 * nobody looks.
 *
 * An unprivileged program that makes namespaces of its own (a browser's sandbox, bubblewrap, unshare -Ur)
 * may mount a new /proc there only if it sees one of which nothing is covered: the kernel must not be made to
 * show what somebody hid. Where nothing is to be hidden (confine.c), a second /proc, uncovered, lies beside the link.
 *
 * Nothing here may look into the mounted file system: the stack process answers only later.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intercept/procfs.h"

#define FLAGS	(MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define FILES	"/proc/1/net"
#define BESIDE	"/proc/1/task/1/net"

int procfs_device(struct weir_error *e)
{
	int fd = open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return weir_fail(e, errno, "/dev/fuse: %s; load the kernel's module fuse and, in a container, let it "
			 "have the device", strerror(errno));
}

static int mount_files(int fd, struct weir_error *e)
{
	char options[128];

	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40555,user_id=0,group_id=0,default_permissions,allow_other", fd);
	if (!mount("weir", FILES, "fuse", FLAGS | MS_RDONLY, options))
		return 0;
	return weir_fail(e, errno, "cannot mount a FUSE file system: %s; allow it where weir runs", strerror(errno));
}

static int cover_link(void)
{
	int link = open_tree(AT_FDCWD, BESIDE "/net", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	int err = link < 0 || move_mount(link, "", AT_FDCWD, "/proc/net", MOVE_MOUNT_F_EMPTY_PATH) ? -errno : 0;

	if (link >= 0)
		close(link);
	return err;
}

static int mount_link(bool whole, struct weir_error *e)
{
	int err = 0;

	if (mount("weir", BESIDE, "tmpfs", FLAGS, "mode=0555,size=64k,nr_inodes=8"))
		return weir_fail(e, errno, "cannot mount a tmpfs: %s", strerror(errno));
	if (symlink("1/net", BESIDE "/net") ||
	    (whole && (mkdir(BESIDE "/proc", 0555) || mount("proc", BESIDE "/proc", "proc", FLAGS, NULL))) ||
	    mount(NULL, BESIDE, NULL, MS_REMOUNT | MS_RDONLY | FLAGS, NULL))
		err = -errno;
	if (!err)
		err = cover_link();
	if (err)
		umount2(BESIDE, MNT_DETACH);
	return err ? weir_fail(e, -err, "cannot mount a link on another: %s; Linux can since 5.2",
			       strerror(-err)) : 0;
}

int procfs_mount(int fd, bool whole, struct weir_error *e)
{
	int err = mount_files(fd, e);

	if (!err) {
		err = mount_link(whole, e);
		if (err)
			umount2(FILES, MNT_DETACH);
	}
	return err;
}
