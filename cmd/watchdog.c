/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchdog.c - the front's look at the stack process (watchdog.h).
 *
 * Theory of operation
 *
 * The stack process runs code of modules, and one that does not return stops its loop: no descriptor and no timer
 * will ever tell. The front sees it in a page that both share (heartbeat.h), and looks now and then.
 *
 * Whose code it is costs nothing before somebody asks. The front sends SIGPROF with the page's address; the handler
 * puts its program counter and stack pointer there. Module files are mapped under their names (module/file.c), so
 * /proc/PID/maps tells whose the counter is. If it is weir's own or the C library's, the nearest module that stands
 * on the stack called it.
 *
 * The stack process may be hostile by then: what it says is compared with what the kernel says of its memory, and never
 * followed.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "cmd/watchdog.h"
#include "module/file.h"

#define ANSWER_LOOKS	100		/* for the answer to a signal */
#define ANSWER_STEP	2000000		/* ns between two of them */
#define STACK_WORDS	2048u		/* of the stack that are looked at */
#define RANGES_MAX	256

int watchdog_open(struct watchdog *w)
{
	void *page = mmap(NULL, sizeof(*w->heartbeat), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	w->heartbeat = page;
	atomic_store(&w->heartbeat->beats, HEARTBEAT_SETUP);
	return 0;
}

void watchdog_close(struct watchdog *w)
{
	if (w->heartbeat)
		munmap(w->heartbeat, sizeof(*w->heartbeat));
	w->heartbeat = NULL;
}

uint64_t watchdog_look(struct watchdog *w, uint64_t now)
{
	uint64_t beats = atomic_load_explicit(&w->heartbeat->beats, memory_order_relaxed);

	if (beats != w->beats || !w->since) {
		w->beats = beats;
		w->since = now;
		w->told = false;
	}
	return beats & 1 ? w->since : 0;
}

/* ---- the stack process's side ---- */

static void answer(int sig, siginfo_t *info, void *context)
{
	const mcontext_t *m = &((const ucontext_t *)context)->uc_mcontext;
	struct heartbeat *heartbeat = info->si_value.sival_ptr;
	uint64_t pc = 0, sp = 0;

	(void)sig;
	if (info->si_code != SI_QUEUE)	/* not the front's */
		return;
#if defined(__x86_64__)
	pc = (uint64_t)m->gregs[REG_RIP];
	sp = (uint64_t)m->gregs[REG_RSP];
#elif defined(__aarch64__)
	pc = m->pc;
	sp = m->sp;
#elif defined(__riscv)
	pc = m->__gregs[REG_PC];
	sp = m->__gregs[REG_SP];
#else
	(void)m;
#endif
	atomic_store(&heartbeat->sp, sp);
	atomic_store(&heartbeat->pc, pc);
}

void watchdog_answer(void)
{
	struct sigaction sa = { .sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigaction(SIGPROF, &sa, NULL);
}

/* ---- the front's ---- */

/* Code of a module in the stack process's memory. */
struct range {
	uint64_t from, to;
	char module[64];
};

static bool ask(const struct watchdog *w, int pidfd)
{
	const struct timespec step = { .tv_nsec = ANSWER_STEP };
	siginfo_t info = { .si_signo = SIGPROF, .si_code = SI_QUEUE };

	atomic_store(&w->heartbeat->pc, 0);
	info.si_pid = getpid();
	info.si_value.sival_ptr = w->heartbeat;
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGPROF, &info, 0))
		return false;
	for (int i = 0; i < ANSWER_LOOKS && !atomic_load(&w->heartbeat->pc); i++)
		nanosleep(&step, NULL);
	return atomic_load(&w->heartbeat->pc);
}

static size_t modules_mapped(pid_t pid, struct range *ranges)
{
	static const char mark[] = "/memfd:" MODULE_MEMFD;
	char path[64], line[512];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	while (f && n < RANGES_MAX && fgets(line, sizeof(line), f)) {
		struct range *r = &ranges[n];
		const char *name = strstr(line, mark);
		char rights[8];

		if (name && sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &r->from, &r->to, rights) == 3 && rights[2] == 'x' &&
		    sscanf(name + sizeof(mark) - 1, "%63[a-zA-Z0-9_.-]", r->module) == 1)
			n++;
	}
	if (f)
		fclose(f);
	return n;
}

static const char *module_at(const struct range *ranges, size_t n, uint64_t address)
{
	for (size_t i = 0; i < n; i++)
		if (address >= ranges[i].from && address < ranges[i].to)
			return ranges[i].module;
	return NULL;
}

static const char *module_calling(const struct watchdog *w, pid_t pid, const struct range *ranges, size_t n)
{
	uint64_t words[STACK_WORDS];
	struct iovec to = { words, sizeof(words) };
	struct iovec from = { (void *)(uintptr_t)atomic_load(&w->heartbeat->sp), sizeof(words) };
	ssize_t got = process_vm_readv(pid, &to, 1, &from, 1, 0);
	const char *name = NULL;

	for (size_t i = 0; got > 0 && i < (size_t)got / sizeof(words[0]) && !name; i++)
		name = module_at(ranges, n, words[i]);
	return name;
}

void watchdog_where(const struct watchdog *w, int pidfd, pid_t pid, char *text, size_t size)
{
	struct range ranges[RANGES_MAX];
	const char *name = NULL;
	size_t n;

	if (!ask(w, pidfd)) {
		snprintf(text, size, "it does not take a signal either: it waits in the kernel");
		return;
	}
	n = modules_mapped(pid, ranges);
	name = module_at(ranges, n, atomic_load(&w->heartbeat->pc));
	if (name) {
		snprintf(text, size, "module %s does not return", name);
		return;
	}
	name = module_calling(w, pid, ranges, n);
	if (name)
		snprintf(text, size, "what module %s called does not return", name);
	else
		snprintf(text, size, "no module is at work");
}
