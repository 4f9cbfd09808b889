/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner.c - many seeds through one scenario (runner.h).
 *
 * A worker takes every n-th seed, so that kinds of worlds that follow from a seed's remainder are
 * spread over all. Which seed each is at stands in memory that the parent shares: of a worker that
 * crashes it is the one to replay, and a new worker goes on behind it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

#define WORKERS_MAX	16
#define FAILURES_MAX	5u		/* of one worker: then it stops */

struct worker {
	pid_t pid;
	uint64_t seed;			/* the one it is at */
	uint64_t done, failures;
};

/*
 * With AddressSanitizer: every module has its own weir_module, and reno's is linked in, which is
 * not the violation that it looks like.
 */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_odr_violation=0";
}

static void tell(const struct scenario *sc, uint64_t seed, const char *failure)
{
	fprintf(stderr, "%s: %s; replay: tests/sim/%s --seed %llu -v\n", sc->name, failure, sc->name,
		(unsigned long long)seed);
}

static bool run_one(const struct scenario *sc, uint64_t seed, bool verbose)
{
	char failure[256] = "";
	bool ok = sc->run(seed, verbose, failure, sizeof(failure));

	if (!ok)
		tell(sc, seed, failure);
	return ok;
}

static void work(const struct scenario *sc, struct worker *w, uint64_t end, uint64_t step)
{
	for (; w->seed < end && w->failures < FAILURES_MAX; w->seed += step) {
		w->failures += !run_one(sc, w->seed, false);
		w->done++;
	}
}

static void start(const struct scenario *sc, struct worker *w, uint64_t end, uint64_t step)
{
	fflush(NULL);
	w->pid = fork();
	if (w->pid < 0) {
		fprintf(stderr, "%s: fork: %s\n", sc->name, strerror(errno));
		exit(1);
	}
	if (w->pid)
		return;
	work(sc, w, end, step);
	exit(0);
}

static struct worker *find(struct worker *w, int n, pid_t pid)
{
	for (int i = 0; i < n; i++)
		if (w[i].pid == pid)
			return &w[i];
	return NULL;
}

/* w is gone, and not because it was done. */
static void crashed(const struct scenario *sc, struct worker *w, int status)
{
	char text[64];

	snprintf(text, sizeof(text), WIFSIGNALED(status) ? "killed by signal %d" :
		 "ended with status %d", WIFSIGNALED(status) ? WTERMSIG(status) :
		 WEXITSTATUS(status));
	tell(sc, w->seed, text);
	w->failures++;
}

static int run_all(const struct scenario *sc, uint64_t first, uint64_t count)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int n = cpus < 1 ? 1 : cpus < WORKERS_MAX ? (int)cpus : WORKERS_MAX, left, status;
	struct worker *w = mmap(NULL, sizeof(*w) * WORKERS_MAX, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t end = first + count, done = 0, failures = 0;
	pid_t pid;

	if (w == MAP_FAILED) {
		fprintf(stderr, "%s: mmap: %s\n", sc->name, strerror(errno));
		return 1;
	}
	for (left = 0; left < n; left++) {
		w[left].seed = first + (uint64_t)left;
		start(sc, &w[left], end, (uint64_t)n);
	}
	while (left && (pid = wait(&status)) > 0) {
		struct worker *gone = find(w, n, pid);

		if (!gone)
			continue;
		left--;
		if (status == 0)
			continue;
		if (gone->seed < end)
			crashed(sc, gone, status);
		else		/* what a sanitizer says at the end is about no seed in particular */
			gone->failures++;
		gone->seed += (uint64_t)n;
		if (gone->seed >= end || gone->failures >= FAILURES_MAX)
			continue;
		start(sc, gone, end, (uint64_t)n);
		left++;
	}
	for (int i = 0; i < n; i++) {
		done += w[i].done;
		failures += w[i].failures;
	}
	printf("%s: %llu seeds, %llu failures\n", sc->name, (unsigned long long)done,
	       (unsigned long long)failures);
	return failures || !done;
}

static int usage(const struct scenario *sc)
{
	fprintf(stderr, "usage: %s [--seed N [-v] | --seeds FIRST COUNT]\n", sc->name);
	return 2;
}

int run_scenario(const struct scenario *sc, int argc, char **argv)
{
	if (argc == 1)
		return run_all(sc, 0, sc->seeds);
	if (argc >= 3 && !strcmp(argv[1], "--seed"))
		return !run_one(sc, strtoull(argv[2], NULL, 0), argc > 3 && !strcmp(argv[3], "-v"));
	if (argc == 4 && !strcmp(argv[1], "--seeds"))
		return run_all(sc, strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
	return usage(sc);
}
