/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.c - the caller of a notification: its memory and its descriptors.
 *
 * pidfd_getfd gives a descriptor of the same open file that the program has: what is read from,
 * written to or set on it is the program's own socket. Before Linux 6.9 a pidfd names a whole
 * process, by the id of its leader, which /proc/TID/status tells.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intercept/remote.h"

#define REMOTE_PIDFD_THREAD O_EXCL
#define REMOTE_STATUS_MAX 8192
#define REMOTE_IOV 64u

void remote_init(struct remote *r)
{
	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < REMOTE_CACHE; i++)
		r->cache[i].pidfd = -1;
}

void remote_close(struct remote *r)
{
	for (size_t i = 0; i < REMOTE_CACHE; i++)
		if (r->cache[i].pidfd >= 0)
			close(r->cache[i].pidfd);
	remote_init(r);
}

/* The value after "KEY:\t" in /proc/TID/status. */
static int remote_proc(const char *path, const char *key, int base, unsigned long long *value)
{
	char text[REMOTE_STATUS_MAX], *at;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	at = strstr(text, key);
	if (!at)
		return -ENOENT;
	*value = strtoull(at + strlen(key), NULL, base);
	return 0;
}

static int remote_status(pid_t tid, const char *key, int base, unsigned long long *value)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	return remote_proc(path, key, base, value);
}

uid_t remote_uid(pid_t tid, const struct userns *users)
{
	unsigned long long uid;		/* the first of four: real, effective, saved, of files */

	if (remote_status(tid, "\nUid:\t", 10, &uid))
		return (uid_t)-1;
	if (!users->count)
		return (uid_t)uid;
	return uid - users->first < users->count ? (uid_t)(uid - users->first) : USERNS_NOBODY;
}

pid_t remote_tgid(pid_t tid)
{
	unsigned long long tgid;

	return remote_status(tid, "\nTgid:\t", 10, &tgid) ? 0 : (pid_t)tgid;
}

bool remote_cloexec(pid_t tid, int fd)
{
	unsigned long long flags;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tid, fd);
	return !remote_proc(path, "\nflags:\t", 8, &flags) && (flags & O_CLOEXEC);
}

/* Who makes a user namespace has every capability in it, and none outside. What the sandbox's network belongs to is
 * the namespace of its init. */
bool remote_capable(pid_t tid, int cap, const char *user_ns)
{
	unsigned long long caps;
	char name[USERNS_NAME];

	return !remote_status(tid, "\nCapEff:\t", 16, &caps) && (caps >> cap & 1) &&
	       !userns_name(tid, name) && !strcmp(name, user_ns);
}

/* Is the thread of this id still one of the process that the pidfd names? EPERM: it is, but another
 * user's. */
static bool remote_same(const struct remote *r, const struct remote_task *t)
{
	return !r->by_leader || !syscall(SYS_tgkill, t->leader, t->tid, 0) || errno == EPERM;
}

static int remote_pidfd_open(struct remote *r, struct remote_task *t)
{
	int fd;

	if (!r->by_leader) {
		fd = (int)syscall(SYS_pidfd_open, t->tid, REMOTE_PIDFD_THREAD);
		if (fd >= 0 || errno != EINVAL)
			return fd < 0 ? -errno : fd;
		r->by_leader = true;
	}
	t->leader = remote_tgid(t->tid);
	if (!t->leader)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, t->leader, 0);
	return fd < 0 ? -errno : fd;
}

int remote_getfd(struct remote *r, pid_t tid, int fd, bool *known)
{
	struct remote_task *t = &r->cache[(unsigned int)tid % REMOTE_CACHE];
	int copy;

	*known = false;
	if (t->pidfd >= 0 && t->tid == tid && remote_same(r, t)) {
		*known = !r->by_leader;
		copy = (int)syscall(SYS_pidfd_getfd, t->pidfd, fd, 0);
		if (copy >= 0)
			return copy;
		if (errno != ESRCH)
			return -errno;
	}
	if (t->pidfd >= 0)
		close(t->pidfd);
	t->tid = tid;
	t->pidfd = remote_pidfd_open(r, t);
	if (t->pidfd < 0)
		return t->pidfd;
	copy = (int)syscall(SYS_pidfd_getfd, t->pidfd, fd, 0);
	return copy < 0 ? -errno : copy;
}

static int remote_result(ssize_t done, size_t n)
{
	if (done == (ssize_t)n)
		return 0;
	return done < 0 && errno == ESRCH ? -ESRCH : -EFAULT;
}

int remote_read(pid_t tid, uint64_t addr, void *dst, size_t n)
{
	struct iovec local = { dst, n }, there = { (void *)(uintptr_t)addr, n };

	return n ? remote_result(process_vm_readv(tid, &local, 1, &there, 1, 0), n) : 0;
}

int remote_write(pid_t tid, uint64_t addr, const void *src, size_t n)
{
	struct iovec local = { (void *)(uintptr_t)src, n }, there = { (void *)(uintptr_t)addr, n };

	return n ? remote_result(process_vm_writev(tid, &local, 1, &there, 1, 0), n) : 0;
}

/* The next part of iov that starts skip bytes in, at most n bytes: entries used. */
static size_t remote_slice(const struct iovec *iov, size_t niov, size_t skip, size_t n,
			   struct iovec *out, size_t *bytes)
{
	size_t used = 0;

	*bytes = 0;
	for (size_t i = 0; i < niov && used < REMOTE_IOV && *bytes < n; i++) {
		size_t len = iov[i].iov_len;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len -= skip;
		if (len > n - *bytes)
			len = n - *bytes;
		out[used].iov_base = (char *)iov[i].iov_base + skip;
		out[used++].iov_len = len;
		*bytes += len;
		skip = 0;
	}
	return used;
}

int remote_gather(pid_t tid, const struct iovec *iov, size_t niov, size_t skip, void *dst, size_t n)
{
	struct iovec there[REMOTE_IOV], local;
	size_t bytes, used;
	int err;

	for (size_t done = 0; done < n; done += bytes) {
		used = remote_slice(iov, niov, skip + done, n - done, there, &bytes);
		if (!used)
			return -EFAULT;
		local = (struct iovec){ (char *)dst + done, bytes };
		err = remote_result(process_vm_readv(tid, &local, 1, there, used, 0), bytes);
		if (err)
			return err;
	}
	return 0;
}

int remote_scatter(pid_t tid, const struct iovec *iov, size_t niov, size_t skip, const void *src,
		   size_t n)
{
	struct iovec there[REMOTE_IOV], local;
	size_t bytes, used;
	int err;

	for (size_t done = 0; done < n; done += bytes) {
		used = remote_slice(iov, niov, skip + done, n - done, there, &bytes);
		if (!used)
			return -EFAULT;
		local = (struct iovec){ (char *)(uintptr_t)src + done, bytes };
		err = remote_result(process_vm_writev(tid, &local, 1, there, used, 0), bytes);
		if (err)
			return err;
	}
	return 0;
}
