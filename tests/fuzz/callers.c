/* SPDX-License-Identifier: Apache-2.0 */
/* callers.c - programs that make system calls (callers.h), and the fakes that show them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intercept/notif.h"
#include "intercept/remote.h"
#include "tests/fuzz/callers.h"
#include "tests/fuzz/fuzz.h"

struct callers *callers;

static void seam(void)
{
	if (callers->seam)
		callers->seam(callers->arg);
}

/* What may make who does it wait has no place in the stack's turn. */
static void blocking_seam(void)
{
	fuzz_check(!callers->in_turn(callers->arg));
	seam();
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) ? 0 : cookie;
}

/* ---- programs ---- */

static struct given *given_of(uint64_t cookie)
{
	for (unsigned int i = 0; cookie && i < callers->ngiven; i++)
		if (callers->given[i].cookie == cookie)
			return &callers->given[i];
	return NULL;
}

void callers_init(struct callers *w)
{
	*w = (struct callers){ .next_id = 1, .listener = eventfd(0, EFD_CLOEXEC) };
	for (size_t i = 0; i < PROGRAMS; i++)
		for (size_t slot = 0; slot < SLOTS; slot++)
			w->programs[i].fds[slot] = -1;
	for (size_t i = 0; i < CALLERS; i++) {
		w->all[i].program = &w->programs[i / THREADS];
		w->all[i].tid = TID_FIRST + (pid_t)i;
	}
	callers = w;
}

void program_close(struct program *p, unsigned int slot)
{
	if (p->fds[slot] >= 0)
		close(p->fds[slot]);
	p->fds[slot] = -1;
	p->changed[slot]++;
}

/* connect(AF_UNSPEC) may set it free again, also when its answer is lost. */
static void given_connects(int fd)
{
	struct given *g = given_of(cookie_of(fd));

	if (g)
		g->stream = false;
}

void program_put(struct callers *w, struct program *p, unsigned int slot, int fd)
{
	program_close(p, slot);
	p->fds[slot] = fd;
	for (size_t i = 0; i < CALLERS; i++)
		if (w->all[i].program == p && w->all[i].state != CALLER_RUNS && w->all[i].nr == SYS_connect &&
		    w->all[i].args[0] == slot)
			given_connects(fd);
}

void callers_free(struct callers *w)
{
	for (size_t i = 0; i < PROGRAMS; i++)
		program_kill(w, &w->programs[i]);
	callers = NULL;
}

void caller_interrupt(struct callers *w, struct caller *c)
{
	(void)w;
	c->state = CALLER_RUNS;
	c->result = -EINTR;
}

/* Another one takes its place, with the same ids. */
void program_kill(struct callers *w, struct program *p)
{
	for (size_t i = 0; i < CALLERS; i++)
		if (w->all[i].program == p)
			caller_interrupt(w, &w->all[i]);
	for (unsigned int slot = 0; slot < SLOTS; slot++)
		program_close(p, slot);
}

void caller_call(struct callers *w, struct caller *c, int nr, const uint64_t args[6])
{
	fuzz_check(c->state == CALLER_RUNS);
	c->state = CALLER_ASKS;
	c->id = w->next_id++;
	c->nr = nr;
	memcpy(c->args, args, sizeof(c->args));
	c->copy = -1;
	c->cookie = args[0] < SLOTS ? cookie_of(c->program->fds[args[0]]) : 0;
	c->changed = args[0] < SLOTS ? c->program->changed[args[0]] : 0;
	if (c->cookie && nr == SYS_connect)
		given_connects(c->program->fds[args[0]]);
	w->calls++;
}

bool callers_ask(const struct callers *w)
{
	for (size_t i = 0; i < CALLERS; i++)
		if (w->all[i].state == CALLER_ASKS)
			return true;
	return false;
}

static struct caller *caller_of(pid_t tid)
{
	return tid >= TID_FIRST && tid < TID_FIRST + (pid_t)CALLERS ? &callers->all[tid - TID_FIRST] : NULL;
}

static struct caller *caller_by_id(uint64_t id)
{
	for (size_t i = 0; i < CALLERS; i++)
		if (callers->all[i].id == id && callers->all[i].state == CALLER_WAITS)
			return &callers->all[i];
	return NULL;
}

/* ---- what programs may rely on ---- */

/* A socket or a connection is given to one program, once. */
static void given_new(const struct caller *c, int fd)
{
	uint64_t cookie = cookie_of(fd);
	int family = (int)c->args[0], type = (int)c->args[1] & 0xf;

	fuzz_check(c->nr == SYS_socket || c->nr == SYS_accept || c->nr == SYS_accept4);
	fuzz_check(cookie && !given_of(cookie));
	if (callers->ngiven < sizeof(callers->given) / sizeof(callers->given[0]))
		callers->given[callers->ngiven++] = (struct given){
			.cookie = cookie,
			.stream = c->nr == SYS_socket && type == SOCK_STREAM && (family == AF_INET || family == AF_INET6),
		};
}

static void judge(struct caller *c, int64_t result)
{
	struct given *g = given_of(c->cookie);

	fuzz_check(result >= -4095);
	/* descriptors are not answers */
	fuzz_check(result < 0 || (c->nr != SYS_socket && c->nr != SYS_accept && c->nr != SYS_accept4));
	if (g && g->stream && c->nr == SYS_bind && !result && c->changed == c->program->changed[c->args[0]]) {
		fuzz_check(!g->bound);
		g->bound = true;
	}
}

/* Who is answered may close his socket, and that is a close: nobody else has a copy of it. */
static void judge_copy(const struct caller *c)
{
	fuzz_check(c->copy < 0 || cookie_of(c->copy) != c->copied);
}

static int answer(uint64_t id, int64_t result)
{
	struct caller *c = caller_by_id(id);

	if (!c) {
		callers->lost++;
		return -ENOENT;
	}
	judge_copy(c);
	c->state = CALLER_RUNS;
	c->result = result;
	return 0;
}

/* ---- intercept/notif.h ---- */

int notif_recv(int listener, struct notif *n)
{
	struct caller *c = NULL;

	fuzz_check(listener == callers->listener);
	for (size_t i = 0; i < CALLERS; i++)	/* the one that has asked first */
		if (callers->all[i].state == CALLER_ASKS && (!c || callers->all[i].id < c->id))
			c = &callers->all[i];
	if (!c)
		return -ENOENT;
	c->state = CALLER_WAITS;
	*n = (struct notif){ .id = c->id, .tid = c->tid, .nr = c->nr };
	memcpy(n->args, c->args, sizeof(n->args));
	return 0;
}

bool notif_valid(int listener, uint64_t id)
{
	(void)listener;
	return caller_by_id(id);
}

int notif_answer(int listener, uint64_t id, int64_t result)
{
	struct caller *c = caller_by_id(id);

	(void)listener;
	if (c)
		judge(c, result);
	return answer(id, result);
}

/* The kernel does it, on whatever has the number by now. */
int notif_continue(int listener, uint64_t id)
{
	struct caller *c = caller_by_id(id);
	uint8_t bytes[256] = { 0 };
	ssize_t n = -1;
	int fd;

	(void)listener;
	errno = ENOSYS;
	fd = c && c->args[0] < SLOTS ? c->program->fds[c->args[0]] : -1;
	if (fd >= 0 && (c->nr == SYS_sendmsg || c->nr == SYS_sendto))
		n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (fd >= 0 && (c->nr == SYS_recvmsg || c->nr == SYS_recvfrom))
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	return answer(id, n < 0 ? -errno : n);
}

int notif_give(int listener, uint64_t id, int fd, bool cloexec)
{
	struct caller *c;
	struct program *p;
	unsigned int slot = 0;
	int copy;

	(void)listener;
	(void)cloexec;
	blocking_seam();
	c = caller_by_id(id);
	if (!c)
		return answer(id, 0);
	p = c->program;
	while (slot < SLOTS && p->fds[slot] >= 0)
		slot++;
	if (slot == SLOTS || callers->refuse_fds)
		return -EMFILE;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	fuzz_check(copy >= 0);
	given_new(c, copy);
	p->fds[slot] = copy;
	p->changed[slot]++;
	answer(id, slot);
	return (int)slot;
}

int notif_replace(int listener, uint64_t id, int fd, int at, bool cloexec)
{
	struct caller *c;
	int copy;

	(void)listener;
	(void)cloexec;
	blocking_seam();
	c = caller_by_id(id);
	if (!c)
		return -ENOENT;
	if (at < 0 || at >= (int)SLOTS)
		return -EBADF;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	fuzz_check(copy >= 0);
	program_put(callers, c->program, (unsigned int)at, copy);
	return 0;
}

/* ---- intercept/remote.h ---- */

void remote_init(struct remote *r)
{
	memset(r, 0, sizeof(*r));
}

void remote_close(struct remote *r)
{
	(void)r;
}

int remote_getfd(struct remote *r, pid_t tid, int fd, bool *known)
{
	struct caller *c = caller_of(tid);
	int copy;

	(void)r;
	*known = true;
	if (!callers->in_turn(callers->arg))
		seam();
	if (!c || fd < 0 || fd >= (int)SLOTS || c->program->fds[fd] < 0)
		return -EBADF;
	copy = fcntl(c->program->fds[fd], F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	for (size_t i = 0; i < CALLERS; i++)	/* a number that was another's copy is that no more */
		if (callers->all[i].copy == copy)
			callers->all[i].copy = -1;
	if (c->state == CALLER_WAITS && (c->nr == SYS_accept || c->nr == SYS_accept4)) {	/* errands are others' */
		c->copy = copy;
		c->copied = cookie_of(copy);
	}
	return copy;
}

bool remote_capable(pid_t tid, int cap, const char *user_ns)
{
	struct caller *c = caller_of(tid);

	(void)cap;
	(void)user_ns;
	return c && c->program->capable;
}

bool remote_cloexec(pid_t tid, int fd)
{
	(void)tid;
	(void)fd;
	return false;
}

uid_t remote_uid(pid_t tid, const struct userns *users)
{
	(void)users;
	return caller_of(tid) ? 1000 : (uid_t)-1;
}

pid_t remote_tgid(pid_t tid)
{
	return TID_FIRST + (tid - TID_FIRST) / (pid_t)THREADS * (pid_t)THREADS;
}

/* As far as memory is there: false once it is not. */
static bool move(struct program *p, uint64_t addr, uint8_t *bytes, size_t n, bool write)
{
	while (n) {
		uint64_t at = addr - MEMORY_AT;
		size_t part = PAGE - at % PAGE;
		enum page page;

		if (addr < MEMORY_AT || at >= sizeof(p->memory))
			return false;
		part = part < n ? part : n;
		page = p->pages[at / PAGE];
		if (page == PAGE_NONE || (write && page == PAGE_RO))
			return false;
		if (write)
			memcpy(p->memory + at, bytes, part);
		else
			memcpy(bytes, p->memory + at, part);
		if (page == PAGE_FICKLE)
			for (size_t i = 0; i < part; i += 3)
				p->memory[at + i] ^= (uint8_t)(i * 7 + 1);
		addr += part;
		bytes += part;
		n -= part;
	}
	return true;
}

static int transfer(pid_t tid, uint64_t addr, void *bytes, size_t n, bool write)
{
	struct caller *c = caller_of(tid);

	return !c ? -ESRCH : move(c->program, addr, bytes, n, write) ? 0 : -EFAULT;
}

int remote_read(pid_t tid, uint64_t addr, void *dst, size_t n)
{
	blocking_seam();
	return transfer(tid, addr, dst, n, false);
}

int remote_write(pid_t tid, uint64_t addr, const void *src, size_t n)
{
	blocking_seam();
	return transfer(tid, addr, (void *)(uintptr_t)src, n, true);
}

/* Bytes [skip, skip + n) of iov. */
static int vector(pid_t tid, const struct iovec *iov, size_t niov, size_t skip, uint8_t *bytes, size_t n,
		  bool write)
{
	blocking_seam();
	for (size_t i = 0; i < niov && n; i++) {
		size_t part = iov[i].iov_len;
		int err;

		if (skip >= part) {
			skip -= part;
			continue;
		}
		part = part - skip < n ? part - skip : n;
		err = transfer(tid, (uint64_t)(uintptr_t)iov[i].iov_base + skip, bytes, part, write);
		if (err)
			return err;
		bytes += part;
		n -= part;
		skip = 0;
	}
	return n ? -EFAULT : 0;
}

int remote_gather(pid_t tid, const struct iovec *iov, size_t niov, size_t skip, void *dst, size_t n)
{
	return vector(tid, iov, niov, skip, dst, n, false);
}

int remote_scatter(pid_t tid, const struct iovec *iov, size_t niov, size_t skip, const void *src, size_t n)
{
	return vector(tid, iov, niov, skip, (void *)(uintptr_t)src, n, true);
}
