/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_file.c - the file of a sandbox's control socket (socket_file.h).
 *
 * Theory of operation
 *
 * The file of a socket outlives it. `weir run` removes its own at the end; of one that was killed with all
 * its processes the file stays, and goes with the next start, of whatever name, or with `weir restore`.
 *
 * Is anybody behind it? A datagram socket that connects to it is told, and whoever listens is not disturbed: EPROTOTYPE
 * where a stream socket is bound, listening or not yet, ECONNREFUSED where there is none any more.
 *
 * Between that look and the removal another one may have got the name, whose file would be removed. So who makes or
 * removes files has the lock of the folder, /run/weir/.lock, which only the folder's owner can open; and a sandbox
 * removes the file that it made, no other of its name. Nobody waits under that lock.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/path.h"
#include "control/socket_file.h"

#define LOCK		".lock"
#define SUFFIX		".sock"
#define LOCK_LOOKS	500		/* one who has the lock and is stopped does not stop the others for good */
#define LOCK_WAIT	10		/* ms between two */

/* Somebody is there, or could be: only what is known to be dead is removed. */
static bool is_dead(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;
	bool dead = fd >= 0 && !lstat(sa->sun_path, &st) && S_ISSOCK(st.st_mode) &&
		    connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) && errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return dead;
}

static int address_of(const char *name, struct sockaddr_un *sa, struct weir_error *e)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	return control_path(name, sa->sun_path, sizeof(sa->sun_path), e);
}

/* The lock's descriptor; its close gives it up. */
static int lock_folder(void)
{
	char path[PATH_MAX + sizeof(LOCK)];
	int fd, rc = control_path(NULL, path, PATH_MAX, NULL);

	if (rc)
		return rc;
	strcat(path, "/" LOCK);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || i == LOCK_LOOKS) {
			rc = -errno;
			close(fd);
			return rc;
		}
		poll(NULL, 0, LOCK_WAIT);
	}
	return fd;
}

/* ---- made ---- */

/* Inside a sandbox the folder is covered by one where nothing can be. */
static bool inside_sandbox(const char *folder)
{
	struct statvfs st;

	return !statvfs(folder, &st) && (st.f_flag & ST_RDONLY);
}

/* 0600 from the start: whoever may not connect never can. */
static int bind_private(int fd, const struct sockaddr_un *sa)
{
	mode_t mask = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) ? -errno : 0;

	umask(mask);
	return rc;
}

/* Under the lock. */
static int make(int fd, const struct sockaddr_un *sa, struct control_file *file)
{
	struct stat st;
	int rc = bind_private(fd, sa);

	if (rc == -EADDRINUSE && is_dead(sa) && unlink(sa->sun_path) == 0)
		rc = bind_private(fd, sa);
	if (rc == 0 && (lstat(sa->sun_path, &st) || listen(fd, 64)))
		rc = -errno;
	if (rc)
		return rc;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	snprintf(file->path, sizeof(file->path), "%s", sa->sun_path);
	return 0;
}

int control_listen(const char *name, struct control_file *file, struct weir_error *e)
{
	struct sockaddr_un sa;
	char folder[PATH_MAX];
	int rc = address_of(name, &sa, e), fd, lock;

	file->path[0] = '\0';
	if (rc == 0)
		rc = control_path(NULL, folder, sizeof(folder), e);
	if (rc)
		return rc;
	if (mkdir(folder, 0755) && errno != EEXIST)
		return weir_fail(e, errno, "cannot make %s: %s", folder, strerror(errno));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return weir_fail(e, errno, "no control socket: %s", strerror(errno));
	lock = lock_folder();
	rc = lock < 0 ? lock : make(fd, &sa, file);
	if (lock >= 0)
		close(lock);
	if (rc == 0)
		return fd;
	close(fd);
	if (rc == -EROFS && inside_sandbox(folder))
		return weir_fail(e, EPERM, "this is inside of a sandbox; start that with --privileged to run weir in it");
	if (rc == -EADDRINUSE)
		return weir_fail(e, EEXIST, "a sandbox named %s is running already; choose another --name", name);
	return weir_fail(e, -rc, "cannot make the control socket %s: %s", sa.sun_path, strerror(-rc));
}

/* ---- removed ---- */

void control_unlisten(struct control_file *file)
{
	struct stat st;
	int lock;

	if (!file->path[0])
		return;
	lock = lock_folder();
	if (!lstat(file->path, &st) && st.st_dev == file->dev && st.st_ino == file->ino)
		unlink(file->path);
	if (lock >= 0)
		close(lock);
	file->path[0] = '\0';
}

static int is_socket_file(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > strlen(SUFFIX) && d->d_name[0] != '.' && !strcmp(d->d_name + n - strlen(SUFFIX), SUFFIX);
}

/* Call fn for all that have the form of one. */
static void each_file(void (*fn)(void *arg, const char *name), void *arg)
{
	struct dirent **files = NULL;
	char folder[PATH_MAX];
	int n = control_path(NULL, folder, sizeof(folder), NULL) ? 0 : scandir(folder, &files, is_socket_file, alphasort);

	for (int i = 0; i < n; i++) {
		files[i]->d_name[strlen(files[i]->d_name) - strlen(SUFFIX)] = '\0';
		fn(arg, files[i]->d_name);
		free(files[i]);
	}
	free(files);
}

struct visitor {
	void (*fn)(void *arg, const char *name);
	void *arg;
};

static void visit(void *arg, const char *name)
{
	const struct visitor *v = arg;
	struct sockaddr_un sa;

	if (!address_of(name, &sa, NULL) && !is_dead(&sa))
		v->fn(v->arg, name);
}

void control_each(void (*fn)(void *arg, const char *name), void *arg)
{
	struct visitor v = { fn, arg };

	each_file(visit, &v);
}

static void sweep(void *arg, const char *name)
{
	struct sockaddr_un sa;
	int lock;

	(void)arg;
	if (address_of(name, &sa, NULL) || !is_dead(&sa))
		return;
	lock = lock_folder();
	if (lock < 0)
		return;
	if (is_dead(&sa))		/* still, now that nobody can replace it */
		unlink(sa.sun_path);
	close(lock);
}

void control_sweep(const char *name)
{
	if (name)
		sweep(NULL, name);
	else
		each_file(sweep, NULL);
}
