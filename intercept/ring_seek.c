/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_seek.c - has the program closed the descriptor that is its ring for the moment (ring.c)?
 *
 * Theory of operation
 *
 * The stack holds the program's end meanwhile, so no hangup tells of a close; and the ring's memory is a file
 * of which nothing tells who has it. So a worker looks, without the turn: under the number that the
 * program last used, and if it is not there, among all descriptors of all processes of the sandbox, for it may have
 * been duplicated or inherited. Neither takes a copy. A ring that is on its way in a message counts as closed; so does
 * one that is mapped and has no descriptor.
 *
 * When: who asks for a ring looks at two others first, so a program that makes and closes them gives their memory
 * back as it goes. For the rest there is a timer, which backs off so that an idle sandbox sleeps. It concerns one ring
 * each time; where that was closed, the next one's turn is at once.
 *
 * System calls: openat getdents64 readlink statx close
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "intercept/isock.h"

#define LOOK_SOON	1000000000ull	/* ns */
#define LOOK_LATE	60000000000ull
#define SEEK_SOME	2
#define SEEK_MAX	65536u		/* descriptors */

/* ---- a worker's part ---- */

/* No file server is asked: of a ring the kernel knows it all. */
static bool is_ring(const char *path, const struct ring_place *p)
{
	struct statx x;

	return !statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &x) && x.stx_ino == p->inode &&
	       makedev(x.stx_dev_major, x.stx_dev_minor) == p->dev;
}

static bool has_name_of_ring(const char *path)
{
	static const char name[] = "/memfd:" PFPACKET_RING_NAME;
	char what[sizeof(name)];

	return readlink(path, what, sizeof(what)) >= (ssize_t)sizeof(name) - 1 && !memcmp(what, name, sizeof(name) - 1);
}

/* *left: so many descriptors more are looked at. */
static bool process_has(pid_t pid, struct ring_place *p, unsigned int *left)
{
	const struct dirent *e;
	bool found = false;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && !found && *left && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		--*left;
		snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", (int)pid, e->d_name);
		found = has_name_of_ring(path) && is_ring(path, p);
		if (found)
			p->tfd = atoi(e->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool anybody_has(struct ring_place *p)
{
	unsigned int left = SEEK_MAX;
	const struct dirent *e;
	bool found = false;
	DIR *dir = opendir("/proc");

	while (dir && !found && left && (e = readdir(dir))) {
		pid_t pid = atoi(e->d_name);

		if (pid <= 0 || pid == getpid())
			continue;
		found = process_has(pid, p, &left);
		if (found)
			p->tid = pid;
	}
	if (dir)
		closedir(dir);
	return found || !dir || !left;
}

bool ring_seek(struct ring_place *p)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)p->tid, p->tfd);
	return is_ring(path, p) || anybody_has(p);
}

/* ---- in the stack's turn ---- */

/* The one looked at longest ago. */
static struct isock *next(struct intercept *ic)
{
	struct isock *is;

	if (list_empty(&ic->ringed))
		return NULL;
	is = list_first(&ic->ringed, struct isock, ringed);
	list_del(&is->ringed);
	list_add_tail(&is->ringed, &ic->ringed);
	return is;
}

static void look(struct timer *t)
{
	struct intercept *ic = container_of(t, struct intercept, ring_look);
	struct isock *is = next(ic);

	if (is)
		errand_ask(is, ERRAND_RING);
	ic->ring_pause = ic->ring_pause < LOOK_LATE / 2 ? 2 * ic->ring_pause : LOOK_LATE;
	if (!list_empty(&ic->ringed))
		timer_arm(&ic->env->timers, t, ic->env->now + ic->ring_pause);
}

void ring_seek_init(struct intercept *ic)
{
	list_init(&ic->ringed);
	timer_init(&ic->ring_look, look);
}

void ring_seek_stop(struct intercept *ic)
{
	timer_cancel(&ic->env->timers, &ic->ring_look);
}

void ring_seek_new(struct isock *is)
{
	struct intercept *ic = is->ic;

	list_add_tail(&is->ringed, &ic->ringed);
	ic->ring_pause = LOOK_SOON;
	timer_arm(&ic->env->timers, &ic->ring_look, ic->env->now + LOOK_SOON);
}

/* Closed by the program: closed by us, the rest follows from the hangup. */
void ring_sought(struct isock *is, const struct ring_place *p, bool there)
{
	struct intercept *ic = is->ic;

	if (is->ring.inode != p->inode)
		return;			/* a call has put the socket into its place meanwhile */
	if (there) {
		is->ring = *p;
		return;
	}
	list_del(&is->ringed);
	is->ring.inode = 0;
	close(is->held);
	is->held = -1;
	ic->ring_pause = LOOK_SOON / 2;
	if (!list_empty(&ic->ringed))
		timer_arm(&ic->env->timers, &ic->ring_look, ic->env->now);
}

/* ---- a call's part, outside of the turn ---- */

static bool seek_next(struct intercept *ic)
{
	struct ring_place p;
	uint64_t cookie = 0;
	struct isock *is;
	bool there;

	turn_take(ic);
	is = next(ic);
	if (is) {
		p = is->ring;
		cookie = is->cookie;
	}
	turn_give(ic);
	if (!cookie)
		return false;
	there = ring_seek(&p);
	turn_take(ic);
	is = isock_find(ic, cookie);
	if (is)
		ring_sought(is, &p, there);
	turn_give(ic);
	return true;
}

void ring_seek_some(struct intercept *ic)
{
	for (int i = 0; i < SEEK_SOME && seek_next(ic); i++)
		;
}
