/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.c - what was taken, noted in /run/weir/taken/NAME/state (ledger.h).
 *
 * Theory of operation
 *
 * The front gives back what it took, and the janitor does when the front was killed. When both are
 * killed at once, as the end of a cgroup does, only a file is left to tell. It is written, and
 * synced, before the first address is removed, again whenever more is taken, and removed when all
 * is given back. A new state replaces the old one by rename(2), so there is always a whole one.
 *
 * Does the owner live? The lock (flock) of the folder NAME says it exactly: front and janitor
 * share it by fork, and it goes with the last of them, however they ended. The folder is not
 * replaced, so nobody can wait for the lock of one that is gone; a folder is only removed by who
 * has its lock, and who gets the lock looks whether the name still leads to the folder.
 *
 * Locks are taken in this order: the namespace's (takeover.c), then the ledger's.
 *
 * A ledger tells root's processes what to do, so a file or folder that others could have written
 * is not read. Inside a sandbox nobody can reach it: /run/weir is not shown there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/path.h"
#include "intercept/ledger.h"
#include "intercept/netns.h"
#include "intercept/takeover_priv.h"

#define FOLDER	"taken"
#define STATE	"state"
#define STATE_NEW "state.new"

void ledger_boot_id(char boot[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, boot, 39);

	if (fd >= 0)
		close(fd);
	boot[n > 0 ? n : 0] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
}

/* A folder or file that nobody else can have written, or (others) even seen. */
static int only_ours(int fd, mode_t type, mode_t others)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	return (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() && !(st.st_mode & others) ? 0 : -EPERM;
}

static int open_folder(int at, const char *name, mode_t others)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = only_ours(fd, S_IFDIR, others);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

static int tell_folder(const char *path, const char *below, int rc, struct weir_error *e)
{
	if (rc == -EPERM)
		return weir_fail(e, EPERM, "%s%s%s is not trusted: it must belong to the user of weir, and nobody else may write to it; remove it, or mend it with chown and chmod",
				 path, below ? "/" FOLDER "/" : "", below ? below : "");
	return weir_fail(e, -rc, "cannot open %s%s%s: %s", path, below ? "/" FOLDER "/" : "",
			 below ? below : "", strerror(-rc));
}

int ledger_folder(bool make, struct weir_error *e)
{
	char path[PATH_MAX];
	int base, fd, rc = control_path(NULL, path, sizeof(path), e);

	if (rc)
		return rc;
	base = open_folder(AT_FDCWD, path, S_IWGRP | S_IWOTH);
	if (base == -ENOENT && !make)
		return weir_fail(e, ENOENT, "there is no %s", path);
	if (base < 0)
		return tell_folder(path, NULL, base, e);
	if (make && mkdirat(base, FOLDER, 0700) && errno != EEXIST)
		fd = -errno;
	else
		fd = open_folder(base, FOLDER, S_IRWXG | S_IRWXO);
	close(base);
	return fd < 0 ? tell_folder(path, "", fd, e) : fd;
}

int ledger_open(int folder, const char *sandbox, struct weir_error *e)
{
	int dir = open_folder(folder, sandbox, S_IRWXG | S_IRWXO);

	return dir < 0 ? tell_folder("/run/weir", sandbox, dir, e) : dir;
}

int ledger_lock(int folder, const char *sandbox, int dir)
{
	struct stat ours, there;

	if (flock(dir, LOCK_EX | LOCK_NB))
		return -errno;
	if (fstat(dir, &ours) || fstatat(folder, sandbox, &there, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return ours.st_dev == there.st_dev && ours.st_ino == there.st_ino ? 0 : -ENOENT;
}

/* ---- written ---- */

static int head_of(const struct takeover *t, struct ledger_head *head)
{
	struct stat st;

	if (fstat(t->netns_fd, &st))
		return -errno;
	ledger_boot_id(head->boot);
	head->dev = st.st_dev;
	head->ino = st.st_ino;
	return netns_path(t->name, head->path, sizeof(head->path));
}

static int write_new(const struct takeover *t, const struct ledger_head *head)
{
	int fd = openat(t->ledger_fd, STATE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600), rc;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = ledger_print(f, t, head);
	if (!rc && (fflush(f) || fsync(fd)))
		rc = -errno;
	if (fclose(f) && !rc)
		rc = -errno;
	return rc;
}

int ledger_write(const struct takeover *t, struct weir_error *e)
{
	struct ledger_head head;
	int rc = head_of(t, &head);

	if (!rc)
		rc = write_new(t, &head);
	if (!rc && (renameat(t->ledger_fd, STATE_NEW, t->ledger_fd, STATE) || fsync(t->ledger_fd)))
		rc = -errno;
	return rc ? weir_fail(e, -rc, "--netns %s: cannot note what is taken in /run/weir/" FOLDER "/%s: %s; make room there",
			      t->name, t->ledger, strerror(-rc)) : 0;
}

/* A dead owner's of this name is given back before, or it would be lost here. */
static int make_folder(int folder, const char *sandbox, struct weir_error *e)
{
	struct takeover *old;
	struct ledger_head head;
	int dir;

	for (int i = 0; i < 3; i++) {
		if (mkdirat(folder, sandbox, 0700) && errno != EEXIST)
			return weir_fail(e, errno, "cannot make /run/weir/" FOLDER "/%s: %s", sandbox,
					 strerror(errno));
		dir = ledger_open(folder, sandbox, e);
		if (dir < 0)
			return dir;
		if (ledger_lock(folder, sandbox, dir)) {
			close(dir);
			continue;
		}
		old = ledger_read(dir, sandbox, &head, e);
		if (!old && !e->text[0])
			return dir;
		takeover_free(old);	/* and dir with it */
		if (!old)
			close(dir);
		return weir_fail(e, EEXIST, "what a sandbox named %s had taken is not given back; see `weir restore %s`, or choose another --name",
				 sandbox, sandbox);
	}
	return weir_fail(e, EBUSY, "a sandbox named %s is ending just now; try again, or choose another --name", sandbox);
}

int ledger_begin(struct takeover *t, const char *sandbox, struct weir_error *e)
{
	int folder = ledger_folder(true, e), rc;

	if (folder < 0)
		return folder;
	rc = make_folder(folder, sandbox, e);
	close(folder);
	if (rc < 0)
		return rc;
	t->ledger_fd = rc;
	snprintf(t->ledger, sizeof(t->ledger), "%s", sandbox);
	rc = ledger_write(t, e);
	if (rc)
		ledger_end(t);
	return rc;
}

void ledger_end(struct takeover *t)
{
	int folder = t->ledger_fd < 0 ? -1 : ledger_folder(false, NULL);

	if (folder >= 0) {
		unlinkat(t->ledger_fd, STATE_NEW, 0);
		unlinkat(t->ledger_fd, STATE, 0);
		unlinkat(folder, t->ledger, AT_REMOVEDIR);
		close(folder);
	}
	if (t->ledger_fd >= 0)
		close(t->ledger_fd);
	t->ledger_fd = -1;
}

/* ---- read ---- */

struct takeover *ledger_read(int dir, const char *sandbox, struct ledger_head *head, struct weir_error *e)
{
	int fd = openat(dir, STATE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), rc;
	struct takeover *t = takeover_new("");
	FILE *f = NULL;

	e->text[0] = '\0';
	rc = fd < 0 ? -errno : only_ours(fd, S_IFREG, S_IRWXG | S_IRWXO);
	if (!rc && !t)
		rc = -ENOMEM;
	if (!rc && !(f = fdopen(fd, "r")))
		rc = -errno;
	if (!rc) {
		snprintf(t->ledger, sizeof(t->ledger), "%s", sandbox);
		rc = ledger_parse(f, t, head, e);
	} else if (rc != -ENOENT) {
		tell_folder("/run/weir", sandbox, rc, e);
	}
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	if (!rc) {
		t->ledger_fd = dir;
		return t;
	}
	takeover_free(t);
	return NULL;
}

static void list_swap(struct list *a, struct list *b)
{
	struct list x;

	list_init(&x);
	list_splice_tail(a, &x);
	list_splice_tail(b, a);
	list_splice_tail(&x, b);
}

void ledger_reload(struct takeover *t)
{
	struct ledger_head head;
	struct weir_error e;
	struct takeover *now = t->ledger_fd < 0 ? NULL : ledger_read(t->ledger_fd, t->ledger, &head, &e);

	if (!now)
		return;
	list_swap(&t->devices, &now->devices);
	list_swap(&t->addrs, &now->addrs);
	list_swap(&t->routes, &now->routes);
	list_swap(&t->neighs, &now->neighs);
	now->ledger_fd = -1;
	takeover_free(now);
}
