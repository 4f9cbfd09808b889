/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holders.c - programs that would hold up who answers their calls: `holders KIND [N]`, run under weir by
 * test_held.sh. Each says when it holds something, lets go when it is told to on stdin, and says what came of
 * the call.
 *
 *	memory		bind() with a name in a page that a userfaultfd serves
 *	end		recvfrom() on a socket that another thread reads into such a page
 *	epoll		connect() again on a socket that waits in an epoll set whose events are written into such a page
 *	close		getsockopt() on a file of the program's own FUSE file system, which does not answer a flush
 *	exec		a process that executes another one, and waits for such a flush meanwhile; its connections are
 *			reset, have something unread
 *	protect N	bind() while a thread holds the lock of the address space: mprotect() over N GiB. Says how often it
 *			has been changed, each time it is told to, twice
 *	block N		N threads in accept(), and as many in recvfrom()
 *	rounds N	a neighbour: N times a socket, and a datagram to itself
 *	calls		one socket() after the other, for ever; counts on stdout once told to
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void told(void)
{
	char byte;

	puts("holding");
	(void)!read(0, &byte, 1);
}

static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int bound(int type, struct sockaddr_in *a)
{
	int fd = socket(AF_INET, type, 0);

	*a = loopback();
	if (fd < 0 || bind(fd, (struct sockaddr *)a, sizeof(*a)) ||
	    getsockname(fd, (struct sockaddr *)a, &(socklen_t){ sizeof(*a) }))
		fail("a socket");
	return fd;
}

/* ---- memory ---- */

struct page {
	char *at;
	int uffd;
};

static struct page page_new(void)
{
	struct page p = { .uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC) };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	p.at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r.range.start = (uintptr_t)p.at;
	r.range.len = PAGE;
	if (p.uffd < 0 || ioctl(p.uffd, UFFDIO_API, &api) || ioctl(p.uffd, UFFDIO_REGISTER, &r))
		fail("userfaultfd");
	return p;
}

/* Somebody has touched it, and waits. */
static void page_touched(const struct page *p)
{
	struct uffd_msg m;

	if (read(p->uffd, &m, sizeof(m)) != sizeof(m))
		fail("userfaultfd");
}

static void page_serve(const struct page *p)
{
	struct uffdio_zeropage z = { .range = { (uintptr_t)p->at, PAGE } };

	ioctl(p->uffd, UFFDIO_ZEROPAGE, &z);
}

static void *bind_there(void *at)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), err = bind(fd, at, sizeof(struct sockaddr_in));

	printf("bind: %s\n", err ? strerrorname_np(errno) : "done");
	return NULL;
}

static int hold_memory(int n)
{
	struct page p = page_new();
	pthread_t t[256];

	n = n < 1 ? 1 : n > 256 ? 256 : n;
	for (int i = 0; i < n; i++)
		pthread_create(&t[i], NULL, bind_there, p.at);
	page_touched(&p);
	told();
	page_serve(&p);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	return 0;
}

/* ---- the program's end ---- */

struct end {
	struct page page;
	int fd;
};

static void *read_there(void *arg)
{
	struct end *e = arg;

	(void)!recv(e->fd, e->page.at, PAGE, 0);
	return NULL;
}

static void *receive_too(void *arg)
{
	struct end *e = arg;
	struct sockaddr_in from;
	char byte;
	ssize_t n = recvfrom(e->fd, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) });

	printf("recvfrom: %s\n", n < 0 ? strerrorname_np(errno) : "done");
	return NULL;
}

static int hold_end(int n)
{
	struct end e = { .page = page_new() };
	struct sockaddr_in a;
	pthread_t reader, receiver;

	(void)n;
	e.fd = bound(SOCK_DGRAM, &a);
	for (int i = 0; i < 2; i++)
		sendto(e.fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a));
	pthread_create(&reader, NULL, read_there, &e);
	page_touched(&e.page);
	pthread_create(&receiver, NULL, receive_too, &e);
	usleep(100000);
	told();
	page_serve(&e.page);
	pthread_join(reader, NULL);
	pthread_join(receiver, NULL);
	return 0;
}

/* ---- an epoll set ---- */

struct set {
	struct page page;
	int fd;
};

static void *wait_there(void *arg)
{
	struct set *s = arg;

	epoll_wait(s->fd, (void *)s->page.at, 1, -1);
	return NULL;
}

static void *connect_again(void *fd)
{
	struct sockaddr_in a = loopback();

	a.sin_port = htons(9);
	connect(*(int *)fd, (struct sockaddr *)&a, sizeof(a));
	return NULL;
}

static int hold_epoll(int n)
{
	struct set s = { .page = page_new(), .fd = epoll_create1(0) };
	struct epoll_event ev = { .events = EPOLLOUT };
	struct sockaddr_in nobody;
	int held = bound(SOCK_STREAM, &nobody), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), err;
	pthread_t waiter, asker;

	(void)n;
	connect(fd, (struct sockaddr *)&nobody, sizeof(nobody));
	if (epoll_ctl(s.fd, EPOLL_CTL_ADD, fd, &ev))
		fail("epoll");
	pthread_create(&waiter, NULL, wait_there, &s);
	page_touched(&s.page);		/* the refused connection is told of */
	pthread_create(&asker, NULL, connect_again, &fd);
	told();
	page_serve(&s.page);
	pthread_join(asker, NULL);
	pthread_join(waiter, NULL);
	err = connect(fd, (struct sockaddr *)&nobody, sizeof(nobody));
	printf("connect: %s\n", err ? strerrorname_np(errno) : "done");
	close(held);
	return 0;
}

/* ---- a close that takes its time ---- */

struct server {
	int fuse, flush[2];		/* a byte when a flush is asked for */
	char dir[32];
	pthread_mutex_t go;
};

union fuse_reply {
	struct fuse_init_out init;
	struct fuse_entry_out entry;
	struct fuse_attr_out attr;
	struct fuse_open_out open;
};

static size_t fuse_answer(const struct fuse_in_header *h, union fuse_reply *r)
{
	switch (h->opcode) {
	case FUSE_INIT:
		r->init = (struct fuse_init_out){ .major = 7, .minor = 31, .max_write = 65536 };
		return sizeof(r->init);
	case FUSE_LOOKUP:
		r->entry.nodeid = r->entry.attr.ino = 2;
		r->entry.attr.mode = S_IFREG | 0666;
		r->entry.attr.nlink = 1;
		r->entry.entry_valid = r->entry.attr_valid = 100;
		return sizeof(r->entry);
	case FUSE_GETATTR:
		r->attr.attr.ino = h->nodeid;
		r->attr.attr.mode = h->nodeid == 1 ? S_IFDIR | 0755 : S_IFREG | 0666;
		r->attr.attr.nlink = 1;
		return sizeof(r->attr);
	case FUSE_OPEN:
		return sizeof(r->open);
	}
	return 0;
}

static void *serve_files(void *arg)
{
	struct server *s = arg;
	static char in[1 << 17];
	struct {
		struct fuse_out_header h;
		union fuse_reply r;
	} out;
	const struct fuse_in_header *h = (const void *)in;

	while (read(s->fuse, in, sizeof(in)) > 0) {
		size_t len;

		memset(&out, 0, sizeof(out));
		len = fuse_answer(h, &out.r);
		if (h->opcode == FUSE_FORGET)
			continue;
		if (h->opcode == FUSE_FLUSH) {
			(void)!write(s->flush[1], "", 1);
			pthread_mutex_lock(&s->go);
			pthread_mutex_unlock(&s->go);
		}
		out.h.unique = h->unique;
		out.h.error = len || h->opcode == FUSE_FLUSH || h->opcode == FUSE_RELEASE ? 0 : -ENOSYS;
		out.h.len = (uint32_t)(sizeof(out.h) + len);
		(void)!write(s->fuse, &out, out.h.len);
	}
	return NULL;
}

/* A folder with a file whose close waits until s->go is given. Who serves it must not end with the file open. */
static void slow_mount(struct server *s)
{
	char options[128];
	pthread_t server;

	strcpy(s->dir, "/tmp/holders-XXXXXX");
	s->fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (s->fuse < 0 || pipe(s->flush) || !mkdtemp(s->dir) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		fail("/dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", s->fuse);
	if (mount("holders", s->dir, "fuse", 0, options))
		fail("mount");
	pthread_mutex_lock(&s->go);
	pthread_create(&server, NULL, serve_files, s);
}

static int slow_file(const struct server *s, int flags)
{
	char path[64];
	int file;

	snprintf(path, sizeof(path), "%s/file", s->dir);
	file = open(path, O_RDWR | flags);
	if (file < 0)
		fail(path);
	return file;
}

static void slow_umount(const struct server *s)
{
	umount2(s->dir, MNT_DETACH);
	rmdir(s->dir);
}

static void await_flush(const struct server *s)
{
	char byte;

	if (read(s->flush[0], &byte, 1) != 1)
		fail("flush");
}

static void *ask_file(void *arg)
{
	int value, err = getsockopt(*(int *)arg, SOL_SOCKET, SO_TYPE, &value, &(socklen_t){ sizeof(value) });

	printf("getsockopt: %s\n", err ? strerrorname_np(errno) : "done");
	return NULL;
}

static int hold_close(int n)
{
	static struct server s = { .go = PTHREAD_MUTEX_INITIALIZER };
	pthread_t asker;
	int file;

	(void)n;
	slow_mount(&s);
	file = slow_file(&s, 0);
	pthread_create(&asker, NULL, ask_file, &file);
	await_flush(&s);
	told();
	pthread_mutex_unlock(&s.go);
	pthread_join(asker, NULL);
	close(file);
	slow_umount(&s);
	return 0;
}

/* ---- a process that executes another one ---- */

static int connected(const struct sockaddr_in *a, int more)
{
	int fd = socket(AF_INET, SOCK_STREAM | more, 0);

	if (fd < 0 || (connect(fd, (const struct sockaddr *)a, sizeof(*a)) && errno != EINPROGRESS))
		fail("connect");
	return fd;
}

/* Its sockets are kept, the file is not. */
static void execute(const struct server *s, const struct sockaddr_in *a)
{
	slow_file(s, O_CLOEXEC);
	close(s->fuse);		/* when its server ends, this one must not wait any more */
	connected(a, 0);
	connected(a, 0);
	execl("/bin/sleep", "sleep", "100", NULL);
	_exit(1);
}

static int hold_exec(int n)
{
	static struct server s = { .go = PTHREAD_MUTEX_INITIALIZER };
	struct linger none = { .l_onoff = 1 };
	struct sockaddr_in a;
	int listener = bound(SOCK_STREAM, &a), reset, unread;
	pid_t child;

	(void)n;
	listen(listener, 2);
	slow_mount(&s);
	child = fork();
	if (!child)
		execute(&s, &a);
	reset = accept(listener, NULL, NULL);
	unread = accept(listener, NULL, NULL);
	await_flush(&s);
	slow_umount(&s);
	setsockopt(reset, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	if (send(unread, "abc", 3, 0) != 3 || close(reset))
		fail("a connection");
	told();
	pthread_mutex_unlock(&s.go);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}

/* ---- the lock of the address space ---- */

struct protector {
	char *at;
	size_t len;
	uint32_t rounds;		/* atomic */
};

/* While this runs nobody reads this memory, and hardly ever in between. */
static void *protect(void *arg)
{
	struct protector *p = arg;

	for (;;) {
		if (mprotect(p->at, p->len, PROT_NONE) || mprotect(p->at, p->len, PROT_READ))
			fail("mprotect");
		__atomic_add_fetch(&p->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *bind_for_ever(void *arg)
{
	struct sockaddr_in a = loopback();

	(void)arg;
	for (;;) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		(void)!bind(fd, (struct sockaddr *)&a, sizeof(a));
		close(fd);
	}
	return NULL;
}

/* n GiB of pages that are all the same one: a long way through page tables, and no memory. */
static int hold_protect(int n)
{
	static struct protector p;
	pthread_t t;

	p.len = (size_t)n << 30;
	p.at = mmap(NULL, p.len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p.at == MAP_FAILED || madvise(p.at, p.len, MADV_NOHUGEPAGE))
		fail("mmap");
	if (madvise(p.at, p.len, MADV_POPULATE_READ))
		fail("MADV_POPULATE_READ");
	pthread_create(&t, NULL, protect, &p);
	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, bind_for_ever, NULL);
	told();
	for (int i = 0; i < 2; i++) {
		printf("%u times\n", __atomic_load_n(&p.rounds, __ATOMIC_RELAXED));
		(void)!read(0, &(char){ 0 }, 1);
	}
	_exit(0);
}

/* ---- many that wait ---- */

static void *wait_accept(void *fd)
{
	accept(*(int *)fd, NULL, NULL);
	return NULL;
}

static void *wait_receive(void *fd)
{
	struct sockaddr_in from;
	char byte;

	recvfrom(*(int *)fd, &byte, 1, 0, (struct sockaddr *)&from, &(socklen_t){ sizeof(from) });
	return NULL;
}

static int block(int n)
{
	struct sockaddr_in a;
	int listener = bound(SOCK_STREAM, &a), udp = bound(SOCK_DGRAM, &a);
	pthread_attr_t attr;
	pthread_t t;

	listen(listener, 64);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	for (int i = 0; i < n; i++)
		if (pthread_create(&t, &attr, wait_accept, &listener) ||
		    pthread_create(&t, &attr, wait_receive, &udp))
			fail("a thread");
	told();
	_exit(0);
}

/* ---- neighbours ---- */

static int rounds(int n)
{
	struct sockaddr_in a;
	int in = bound(SOCK_DGRAM, &a), out = socket(AF_INET, SOCK_DGRAM, 0);
	char byte;

	connect(out, (struct sockaddr *)&a, sizeof(a));
	for (int i = 0; i < n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0 || close(fd) || send(out, "x", 1, 0) != 1 || recv(in, &byte, 1, 0) != 1)
			fail("a round");
	}
	printf("%d rounds\n", n);
	return 0;
}

static int calls(int n)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };

	(void)n;
	puts("holding");
	for (n = 0; !poll(&in, 1, 0); n++)
		close(socket(AF_INET, SOCK_STREAM, 0));
	printf("%d calls\n", n);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(int n);
	} kinds[] = {
		{ "memory", hold_memory }, { "end", hold_end }, { "epoll", hold_epoll }, { "close", hold_close },
		{ "exec", hold_exec }, { "protect", hold_protect }, { "block", block },
		{ "rounds", rounds }, { "calls", calls },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			return kinds[i].fn(argc > 2 ? atoi(argv[2]) : 0);
	fprintf(stderr, "usage: holders KIND [N]\n");
	return 2;
}
