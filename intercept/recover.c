/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.c - giving back what weirs had taken that were killed with all their processes
 * (ledger.h).
 *
 * Theory of operation
 *
 * A ledger without an owner (ledger.c) tells which namespace it is about: by its path, and by
 * numbers that say whether that path leads to the same one still. Inode numbers of namespaces come
 * round at once, so the cookie decides, where the kernel has one, and otherwise the devices: one
 * with another number or link address is another one, and gets nothing. A namespace whose path is
 * gone may live on; it is looked for under other names before it is given up.
 *
 * Then it is given back as the janitor would have done: what somebody else has set meanwhile
 * stays, what is there already is good. The ledger goes with the last step, so who is killed
 * before leaves it to the next.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "control/path.h"
#include "intercept/ledger.h"
#include "intercept/netns.h"
#include "intercept/takeover_priv.h"

/* ---- which namespace ---- */

static int open_same(const char *path, const struct ledger_head *head)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_dev == head->dev && st.st_ino == head->ino)
		return fd;
	close(fd);
	return -1;
}

/* Under another name: of `ip netns`, or a process's. */
static int find_in(const char *folder, const char *rest, const struct ledger_head *head)
{
	DIR *dir = opendir(folder);
	char path[PATH_MAX];
	struct dirent *d;
	int fd = -1;

	while (dir && fd < 0 && (d = readdir(dir)))
		if (d->d_name[0] != '.' && (size_t)snprintf(path, sizeof(path), "%s/%s%s", folder, d->d_name, rest) <
		    sizeof(path))
			fd = open_same(path, head);
	if (dir)
		closedir(dir);
	return fd;
}

static int find_namespace(const struct ledger_head *head)
{
	char boot[40];
	int fd;

	ledger_boot_id(boot);
	if (strcmp(boot, head->boot))
		return -1;
	fd = open_same(head->path, head);
	if (fd < 0)
		fd = find_in("/run/netns", "", head);
	return fd < 0 ? find_in("/proc", "/ns/net", head) : fd;
}

/* ---- one ledger ---- */

enum recovery {
	RECOVERED,	/* and the ledger is gone */
	ALIVE,		/* it has an owner, or is in somebody's hands just now */
	NOTHING,	/* there was nothing in it */
	FAILED,		/* e says why */
};

struct recoverer {
	int folder;
	void (*tell)(void *arg, const char *sentence);
	void *arg;
};

static void tell(const struct recoverer *r, const struct weir_error *sentence)
{
	r->tell(r->arg, sentence->text);
}

static size_t count(const struct list *l)
{
	size_t n = 0;

	list_for_each(pos, l)
		n++;
	return n;
}

/* Inside the namespace, under both locks. */
static void give_back(const struct recoverer *r, struct takeover *t)
{
	struct weir_error s;
	size_t devices = 0;

	takeover_compare(t);
	list_for_each(pos, &t->devices)
		devices += !list_entry(pos, struct device, node)->lost;
	weir_fail(&s, 0, "what sandbox %s had taken from namespace %s is given back, since it was killed: %zu devices, %zu addresses, %zu routes",
		  t->ledger, t->name, devices, count(&t->addrs), count(&t->routes));
	takeover_restore(t);
	if (devices)		/* of those that are not, takeover_restore has told */
		tell(r, &s);
}

/* The namespace is nowhere any more. */
static enum recovery give_up(const struct recoverer *r, struct takeover *t)
{
	struct weir_error s;

	if (ledger_lock(r->folder, t->ledger, t->ledger_fd))
		return ALIVE;
	weir_fail(&s, 0, "namespace %s is gone, so what sandbox %s had taken from it cannot be given back: its note is removed",
		  t->name, t->ledger);
	ledger_end(t);
	tell(r, &s);
	return RECOVERED;
}

/* Under the namespace's lock, held by t or by who calls. What was read may be old: once more. */
static enum recovery recover_locked(const struct recoverer *r, struct takeover **t, struct weir_error *e)
{
	struct ledger_head head;
	struct takeover *now;
	int dir = (*t)->ledger_fd, rc = ledger_lock(r->folder, (*t)->ledger, dir);

	if (rc)
		return rc == -ENOENT ? NOTHING : ALIVE;
	now = ledger_read(dir, (*t)->ledger, &head, e);
	if (!now)
		return e->text[0] ? FAILED : NOTHING;
	now->netns_fd = (*t)->netns_fd;
	now->lock_fd = (*t)->lock_fd;
	(*t)->netns_fd = (*t)->lock_fd = (*t)->ledger_fd = -1;
	takeover_free(*t);
	*t = now;
	give_back(r, now);
	return now->ledger_fd < 0 ? RECOVERED : FAILED;
}

static enum recovery recover(const struct recoverer *r, struct takeover **t, const struct ledger_head *head,
			     struct weir_error *e)
{
	uint64_t cookie = (*t)->cookie;
	enum recovery rc;
	int back;

	(*t)->netns_fd = find_namespace(head);
	if ((*t)->netns_fd < 0)
		return give_up(r, *t);
	e->text[0] = '\0';
	back = takeover_enter(*t, e);
	if (back == -EBUSY) {
		e->text[0] = '\0';
		return ALIVE;
	}
	if (back < 0)
		return FAILED;
	if (cookie && cookie != (*t)->cookie)	/* another one, of the same number */
		rc = give_up(r, *t);
	else
		rc = recover_locked(r, t, e);
	netns_leave(back);
	return rc;
}

/* A folder without a state: its owner was killed before it took anything. */
static enum recovery drop_empty(const struct recoverer *r, const char *sandbox, int dir)
{
	struct takeover *t = takeover_new("");
	enum recovery rc = ALIVE;

	if (t && !ledger_lock(r->folder, sandbox, dir)) {
		snprintf(t->ledger, sizeof(t->ledger), "%s", sandbox);
		t->ledger_fd = dir;
		ledger_end(t);
		rc = NOTHING;
	} else {
		close(dir);
	}
	takeover_free(t);
	return rc;
}

static enum recovery recover_name(const struct recoverer *r, const char *sandbox, struct weir_error *e)
{
	int dir = ledger_open(r->folder, sandbox, e);
	struct ledger_head head;
	struct takeover *t;
	enum recovery rc;

	if (dir < 0)
		return dir == -ENOENT ? NOTHING : FAILED;
	t = ledger_read(dir, sandbox, &head, e);
	if (!t && !e->text[0])
		return drop_empty(r, sandbox, dir);
	if (!t) {
		close(dir);
		return FAILED;
	}
	rc = recover(r, &t, &head, e);
	takeover_free(t);
	return rc;
}

/* ---- all of them ---- */

/* The next name in the folder; NULL: no more. */
static const char *next_name(DIR *dir)
{
	struct dirent *d;

	while ((d = readdir(dir)))
		if (d->d_name[0] != '.')
			return d->d_name;
	return NULL;
}

static DIR *open_dir(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static int recover_all(const struct recoverer *r)
{
	DIR *dir = open_dir(r->folder);
	const char *name;
	int n = 0;

	while (dir && (name = next_name(dir))) {
		struct weir_error e = { "" };
		enum recovery rc = recover_name(r, name, &e);

		n += rc == RECOVERED;
		if (rc == FAILED && e.text[0])
			tell(r, &e);
	}
	if (dir)
		closedir(dir);
	return n;
}

int ledger_recover(const char *sandbox, void (*tell_fn)(void *arg, const char *sentence), void *arg,
		   struct weir_error *e)
{
	struct recoverer r = { .folder = -1, .tell = tell_fn, .arg = arg };
	char path[PATH_MAX];
	enum recovery rc;
	int n = 0;

	if (sandbox && control_path(sandbox, path, sizeof(path), e))
		return -EINVAL;
	r.folder = ledger_folder(false, e);
	if (r.folder == -ENOENT && !sandbox) {
		e->text[0] = '\0';
		return 0;
	}
	if (r.folder < 0 && r.folder != -ENOENT)
		return r.folder;
	if (!sandbox) {
		n = recover_all(&r);
		close(r.folder);
		return n;
	}
	rc = r.folder < 0 ? NOTHING : recover_name(&r, sandbox, e);
	if (r.folder >= 0)
		close(r.folder);
	switch (rc) {
	case RECOVERED:
		return 1;
	case ALIVE:
		return weir_fail(e, EBUSY, "sandbox %s is running, and gives back what it took when it ends", sandbox);
	case NOTHING:
		return weir_fail(e, ENOENT, "sandbox %s has left nothing to give back", sandbox);
	case FAILED:
		break;
	}
	return e->text[0] ? -EINVAL : weir_fail(e, EIO, "what sandbox %s had taken could not be given back", sandbox);
}

static void log_warn(void *arg, const char *sentence)
{
	(void)arg;
	log_to_stderr(NULL, LOG_WARN, sentence);
}

void ledger_recover_dead(void)
{
	struct weir_error e;

	if (ledger_recover(NULL, log_warn, NULL, &e) < 0)
		log_warn(NULL, e.text);
}

static bool is_here(const struct takeover *t, const struct takeover *noted, const struct ledger_head *head)
{
	char boot[40];
	struct stat st;

	ledger_boot_id(boot);
	return !strcmp(boot, head->boot) && fstat(t->netns_fd, &st) == 0 && st.st_dev == head->dev &&
	       st.st_ino == head->ino && (!noted->cookie || noted->cookie == t->cookie);
}

static int recover_here(const struct recoverer *r, struct takeover *t, const char *sandbox, struct weir_error *e)
{
	int dir = ledger_open(r->folder, sandbox, NULL), rc = 0;
	struct takeover *noted;
	struct ledger_head head;
	struct weir_error why;
	enum recovery how;

	if (dir < 0)
		return 0;
	noted = ledger_read(dir, sandbox, &head, &why);
	if (!noted) {		/* another one's trouble, or none */
		close(dir);
		return 0;
	}
	if (is_here(t, noted, &head)) {
		noted->netns_fd = fcntl(t->netns_fd, F_DUPFD_CLOEXEC, 0);
		how = noted->netns_fd < 0 ? FAILED : recover_locked(r, &noted, &why);
		if (how == ALIVE)
			rc = weir_fail(e, EBUSY, "--netns %s: what sandbox %s had taken is being given back just now; try again",
				       t->name, sandbox);
		if (how == FAILED)
			rc = weir_fail(e, EIO, "--netns %s: what sandbox %s had taken cannot be given back; see `weir restore %s`",
				       t->name, sandbox, sandbox);
	}
	takeover_free(noted);
	return rc;
}

int ledger_recover_here(struct takeover *t, struct weir_error *e)
{
	struct recoverer r = { .folder = ledger_folder(false, NULL), .tell = log_warn };
	DIR *dir = r.folder < 0 ? NULL : open_dir(r.folder);
	const char *name;
	int rc = 0;

	while (dir && rc == 0 && (name = next_name(dir)))
		rc = recover_here(&r, t, name, e);
	if (dir)
		closedir(dir);
	if (r.folder >= 0)
		close(r.folder);
	return rc;
}
