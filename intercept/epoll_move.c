/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll_move.c - what epoll sets wait for, when a program's descriptor gets another end (isock_renew).
 *
 * Theory of operation
 *
 * An entry of an epoll set is of a file and of the number that it had when it was added. With another file under
 * that number the entry would wait for the old one for ever, or vanish with it, and the program, which knows of
 * no other file, would never hear of its connection. So the entry is taken out, and one of the new file is
 * put in, of the same number, for the same events and with the same data: EPOLL_CTL_MOD and _DEL of
 * the program's find it.
 *
 * The sets are found among the descriptors of the process, their entries in /proc/PID/fdinfo. To
 * add an entry under the program's number, whoever does it must have the file under that number. So this is
 * done by a thread with a table of descriptors of its own, which is empty when it begins. It takes the files by
 * pidfd_getfd, and has closed all of them when it ends. A worker waits for it: what a program can make it wait
 * for, it can make a worker wait for (worker.c). A set's lock is held while events are written to the
 * program's memory.
 *
 * Sets of other processes are not looked for, nor among more than LOOK descriptors.
 *
 * System calls: clone close_range pidfd_open pidfd_getfd dup3 fcntl openat getdents64 readlink read epoll_ctl close
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intercept/isock.h"

#define LOOK		1024		/* descriptors of the program, the lowest */
#define SETS		64
#define TEXT_MAX	(1u << 20)	/* of one set's entries: some 14,000 */
#define STACK_SIZE	(256u * 1024u)
#define UNSHARE		(1u << 1)	/* CLOSE_RANGE_UNSHARE */

struct move {
	pid_t tid;			/* of the program */
	int number;			/* of its descriptor */
	unsigned long inode;		/* of the old end */
	int from, to;			/* the old and the new end, as the stack has them; then as the thread does */
	int sets[SETS];			/* as the program has them */
	unsigned int nsets;
};

/* ---- what is there ---- */

static void find_sets(struct move *m)
{
	char path[64], what[32];
	const struct dirent *e;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)m->tid);
	dir = opendir(path);
	for (unsigned int i = 0; dir && i < LOOK && m->nsets < SETS && (e = readdir(dir)); i++) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", (int)m->tid, e->d_name);
		n = readlink(path, what, sizeof(what) - 1);
		what[n < 0 ? 0 : n] = '\0';
		if (!strcmp(what, "anon_inode:[eventpoll]"))
			m->sets[m->nsets++] = atoi(e->d_name);
	}
	if (dir)
		closedir(dir);
}

static bool parse(const struct move *m, const char *line, struct epoll_event *ev)
{
	unsigned long long data;
	unsigned long inode;
	unsigned int events;

	if (strncmp(line, "tfd:", 4) || atoi(line + 4) != m->number ||
	    sscanf(line, "tfd: %*d events: %x data: %llx pos:%*d ino:%lx", &events, &data, &inode) != 3 ||
	    inode != m->inode)
		return false;
	ev->events = events;
	ev->data.u64 = data;
	return true;
}

/* Does the set wait for the old end under this number? */
static bool find_entry(const struct move *m, int set, struct epoll_event *ev)
{
	char path[64], *line = NULL;
	bool found = false;
	size_t size = 0, all = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)m->tid, set);
	f = fopen(path, "re");
	while (f && !found && all < TEXT_MAX && (n = getline(&line, &size, f)) > 0) {
		found = parse(m, line, ev);
		all += (size_t)n;
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* ---- in a thread with a table of its own ---- */

/* The entry of one set, which is there under another number. */
static void move_entry(const struct move *m, int set, struct epoll_event *ev)
{
	if (dup3(m->from, m->number, O_CLOEXEC) < 0 || epoll_ctl(set, EPOLL_CTL_DEL, m->number, ev))
		return;			/* another thread of the program was quicker */
	if (dup3(m->to, m->number, O_CLOEXEC) >= 0)
		epoll_ctl(set, EPOLL_CTL_ADD, m->number, ev);
}

static void move_all(struct move *m)
{
	struct remote r;

	remote_init(&r);
	find_sets(m);
	for (unsigned int i = 0; i < m->nsets; i++) {
		struct epoll_event ev;
		bool known;
		int set;

		if (!find_entry(m, m->sets[i], &ev))
			continue;
		set = remote_getfd(&r, m->tid, m->sets[i], &known);
		if (set < 0)
			continue;
		move_entry(m, set, &ev);
		close(set);
	}
	remote_close(&r);
}

/*
 * A pidfd of the stack process itself. The program's number is taken by another copy of it, so that no descriptor
 * that is needed gets it.
 */
static int own_pidfd(int number)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0 || fd == number)
		return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return dup3(fd, number, O_CLOEXEC) < 0 ? -1 : fd;
}

static void *move_run(void *arg)
{
	struct move *m = arg;
	int own;

	if (syscall(SYS_close_range, 0, ~0u, UNSHARE))
		return NULL;		/* not without: the table would be the stack's */
	own = own_pidfd(m->number);
	if (own >= 0) {
		m->from = (int)syscall(SYS_pidfd_getfd, own, m->from, 0);
		m->to = (int)syscall(SYS_pidfd_getfd, own, m->to, 0);
		if (m->from >= 0 && m->to >= 0)
			move_all(m);
	}
	syscall(SYS_close_range, 0, ~0u, 0);	/* before who waits for this answers the call */
	return NULL;
}

void epoll_move(const struct call *c, int from, int to)
{
	struct move m = { .tid = c->tid, .number = (int)c->args[0], .from = from, .to = to };
	pthread_attr_t attr;
	pthread_t thread;
	struct stat st;

	if (fstat(from, &st))
		return;
	m.inode = (unsigned long)st.st_ino;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (!pthread_create(&thread, &attr, move_run, &m))
		pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
}
