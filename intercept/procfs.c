/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procfs.c - the files of core/procnet/ as a file system, by FUSE.
 *
 * Theory of operation
 *
 * The kernel asks by messages on the descriptor of /dev/fuse, which the loop watches; libfuse reads and
 * writes them. A program never writes such a message itself, but it chooses names, offsets, lengths and how
 * many threads ask. So:
 *
 * - A request is answered before the next one is taken. One that asks for bytes far away takes several turns
 *   (procnet_read); meanwhile the others wait in the kernel, in the memory of those who ask.
 * - Of an open file there is its cursor and one piece, and there are PROCFS_OPEN_MAX of them: then ENFILE.
 * - Files have no length, as in /proc, and are not cached (direct_io): a page of one cannot be mapped, only
 *   SIGBUS. So the stack, where it reads a program's memory for a system call, never waits for a page that it would
 *   have to bring itself.
 * - Names and attributes never change, so the kernel may remember them.
 *
 * Some files stay the kernel's: links lead to them, in the reader's own net. That is the sandbox's network
 * namespace, whose AF_UNIX sockets are the kernel's.
 */
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 5)
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "intercept/procfs.h"
#include "procnet/procnet.h"

#define A_TURN	4			/* requests */
#define FOREVER	86400.0			/* s */
#define FIRST	2u			/* inode of the first file; FUSE_ROOT_ID is the folder's */

struct handle {				/* an open file */
	struct list node;		/* procfs->handles */
	struct procnet_open file;
};

struct procfs {
	struct stack *stack;
	struct loop_io io;
	struct fuse_session *se;
	struct fuse_buf buf;
	time_t started;			/* the date of all that there is */
	struct list handles;
	unsigned int nopen;		/* of them */
	struct timer next_turn;
	struct {			/* the read under way */
		fuse_req_t req;		/* NULL: none */
		struct procnet_open *file;
		uint64_t off;
		size_t size;
	} read;
};

static const struct symlink {
	const char *name, *to;
} links[] = {
	{ "unix", "../../self/net/unix" },
	{ "psched", "../../self/net/psched" },	/* constants */
	{ }
};

/* ---- what there is ---- */

/* The i-th name and its target, which files have not. False: there are no more. */
static bool entry(size_t i, const char **name, const char **to)
{
	const struct procnet_file *f = NULL;
	size_t n = 0;

	while ((f = procnet_file(n)) && n < i)
		n++;
	if (f) {
		*name = f->name;
		*to = NULL;
		return true;
	}
	i -= n;
	if (i >= sizeof(links) / sizeof(links[0]) || !links[i].name)
		return false;
	*name = links[i].name;
	*to = links[i].to;
	return true;
}

static bool attributes(const struct procfs *p, fuse_ino_t ino, struct stat *st)
{
	const char *name, *to;

	*st = (struct stat){ .st_ino = ino, .st_nlink = 1, .st_mode = S_IFREG | 0444 };
	st->st_mtime = st->st_atime = st->st_ctime = p->started;
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0555;
		st->st_nlink = 2;
		return true;
	}
	if (ino < FIRST || !entry(ino - FIRST, &name, &to))
		return false;
	if (to) {
		st->st_mode = S_IFLNK | 0777;
		st->st_size = (off_t)strlen(to);
	}
	return true;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *wanted)
{
	struct fuse_entry_param e = { .attr_timeout = FOREVER, .entry_timeout = FOREVER };
	const char *name, *to;

	for (size_t i = 0; parent == FUSE_ROOT_ID && entry(i, &name, &to); i++) {
		if (strcmp(name, wanted))
			continue;
		e.ino = FIRST + i;
		attributes(fuse_req_userdata(req), e.ino, &e.attr);
		fuse_reply_entry(req, &e);
		return;
	}
	fuse_reply_err(req, ENOENT);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (attributes(fuse_req_userdata(req), ino, &st))
		fuse_reply_attr(req, &st, FOREVER);
	else
		fuse_reply_err(req, ENOENT);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	const char *name, *to;

	if (ino >= FIRST && entry(ino - FIRST, &name, &to) && to)
		fuse_reply_readlink(req, to);
	else
		fuse_reply_err(req, EINVAL);
}

/* Offsets: 0 and 1 are the folder and its parent, then the names. */
static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	char text[4096];
	size_t room = size < sizeof(text) ? size : sizeof(text), len = 0, one;

	(void)fi;
	if (ino != FUSE_ROOT_ID || off < 0) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	for (size_t at = (size_t)off;; at++) {
		const char *name = at ? ".." : ".", *to;
		struct stat st;

		if (at >= 2 && !entry(at - 2, &name, &to))
			break;
		attributes(fuse_req_userdata(req), at < 2 ? FUSE_ROOT_ID : FIRST + at - 2, &st);
		one = fuse_add_direntry(req, text + len, room - len, name, &st, (off_t)at + 1);
		if (one > room - len)
			break;
		len += one;
	}
	fuse_reply_buf(req, text, len);
}

/* ---- open files ---- */

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

static void close_handle(struct procfs *p, struct handle *h)
{
	list_del(&h->node);
	p->nopen--;
	free(h);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct procfs *p = fuse_req_userdata(req);
	const struct procnet_file *f = ino >= FIRST ? procnet_file(ino - FIRST) : NULL;
	struct handle *h;

	if (!f || (fi->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, EACCES);
		return;
	}
	h = p->nopen < PROCFS_OPEN_MAX ? malloc(sizeof(*h)) : NULL;
	if (!h) {
		fuse_reply_err(req, ENFILE);
		return;
	}
	procnet_open(&h->file, f);
	list_add(&h->node, &p->handles);
	p->nopen++;
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	if (fuse_reply_open(req, fi))		/* nobody waits for it any more */
		close_handle(p, h);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	close_handle(fuse_req_userdata(req), handle_of(fi));
	fuse_reply_err(req, 0);
}

static void read_on(struct procfs *p)
{
	const char *bytes = NULL;
	ssize_t n = procnet_read(p->read.file, p->stack, p->read.off, p->read.size, &bytes);
	fuse_req_t req = p->read.req;

	if (n == -EAGAIN) {
		timer_arm(&p->stack->env.timers, &p->next_turn, p->stack->env.now);
		return;
	}
	p->read.req = NULL;
	fuse_reply_buf(req, bytes, (size_t)n);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct procfs *p = fuse_req_userdata(req);

	(void)ino;
	p->read.req = req;
	p->read.file = &handle_of(fi)->file;
	p->read.off = (uint64_t)off;
	p->read.size = size;
	procnet_begin(p->read.file, p->read.off);
	read_on(p);
}

/* ---- the session ---- */

/*
 * libfuse's own input and output call perror() for what they do not expect, which writes to stderr as often as a
 * program likes and makes a system call that the stack process may not make. A connection that is broken, by
 * whichever errno, is one that was unmounted; an answer that nobody takes is one to a reader who was killed.
 */
static ssize_t io_read(int fd, void *buf, size_t len, void *arg)
{
	ssize_t n = read(fd, buf, len);

	(void)arg;
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOENT)
		errno = ENODEV;
	return n;
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *arg)
{
	ssize_t n = writev(fd, iov, count);

	(void)arg;
	if (n < 0)
		errno = ENOENT;
	return n;
}

static const struct fuse_custom_io io = { .read = io_read, .writev = io_writev };

static void op_init(void *arg, struct fuse_conn_info *conn)
{
	(void)arg;
	conn->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	conn->max_readahead = 0;
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init, .lookup = op_lookup, .getattr = op_getattr, .readlink = op_readlink,
	.readdir = op_readdir, .open = op_open, .read = op_read, .release = op_release,
};

static void serve(struct procfs *p)
{
	int got = 1;

	for (int i = 0; i < A_TURN && !p->read.req && got > 0; i++) {
		got = fuse_session_receive_buf(p->se, &p->buf);
		if (got > 0)
			fuse_session_process_buf(p->se, &p->buf);
	}
	if (got > 0 || got == -EAGAIN || got == -EINTR)
		loop_mod(&p->io, p->read.req ? 0 : EPOLLIN);
	else					/* it was unmounted: nobody will ask again */
		loop_del(&p->io);
}

static void ready(struct loop_io *watch, uint32_t events)
{
	(void)events;
	serve(container_of(watch, struct procfs, io));
}

static void turn(struct timer *t)
{
	struct procfs *p = container_of(t, struct procfs, next_turn);

	read_on(p);
	if (!p->read.req && p->io.loop)
		serve(p);
}

struct procfs *procfs_create(struct stack *s, struct loop *l, int fd, struct weir_error *e)
{
	char *argv[] = { "weir", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct procfs *p = calloc(1, sizeof(*p));

	if (!p)
		goto no_session;
	p->stack = s;
	p->started = time(NULL);
	list_init(&p->handles);
	timer_init(&p->next_turn, turn);
	p->se = fuse_session_new(&args, &ops, sizeof(ops), p);
	fuse_opt_free_args(&args);
	if (!p->se || fuse_session_custom_io(p->se, &io, fd))
		goto no_session;
	if (!loop_add(l, &p->io, fd, EPOLLIN, ready))
		return p;
	fd = -1;			/* the session's */
no_session:
	if (fd >= 0)
		close(fd);
	procfs_destroy(p);
	weir_fail(e, ENOMEM, "cannot serve /proc/net: out of memory");
	return NULL;
}

void procfs_destroy(struct procfs *p)
{
	if (!p)
		return;
	if (p->io.loop)
		loop_del(&p->io);
	timer_cancel(&p->stack->env.timers, &p->next_turn);
	if (p->read.req)
		fuse_reply_err(p->read.req, EIO);
	while (!list_empty(&p->handles))
		close_handle(p, list_first(&p->handles, struct handle, node));
	if (p->se)
		fuse_session_destroy(p->se);	/* closes the descriptor */
	free(p->buf.mem);
	free(p);
}
