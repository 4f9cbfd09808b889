/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_main.c - replays inputs through a harness, without libFuzzer, so that every build has them
 * as regression tests. Arguments: files and folders; none: the harness's own corpus,
 * $SRCDIR/tests/fuzz/corpus/NAME for a program called fuzz_NAME.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1u << 20)

static unsigned int replayed;

static int replay_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	uint8_t *exact;
	size_t n;
	FILE *f = fopen(path, "rb");

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	exact = malloc(n ? n : 1);	/* of its size, so that ASan sees a read past the end */
	if (!exact)
		return 1;
	memcpy(exact, data, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	replayed++;
	return 0;
}

static int replay(const char *path);

static int replay_folder(const char *path)
{
	struct dirent *entry;
	char name[PATH_MAX];
	int failed = 0;
	DIR *d = opendir(path);

	if (!d) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) < (int)sizeof(name))
			failed |= replay(name);
	}
	closedir(d);
	return failed;
}

static int replay(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return replay_folder(path);
	return replay_file(path);
}

/* Libtool may run the program as lt-fuzz_NAME. */
static int replay_own_corpus(const char *program)
{
	const char *srcdir = getenv("SRCDIR"), *name = strstr(program, "fuzz_"), *next;
	char path[PATH_MAX];

	while (name && (next = strstr(name + 1, "fuzz_")))
		name = next;
	if (!name || !srcdir) {
		fprintf(stderr, "usage: %s FILE|FOLDER..., or with SRCDIR set\n", program);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir, name + strlen("fuzz_"));
	return replay(path);
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc < 2)
		failed = replay_own_corpus(argv[0]);
	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	if (!failed && !replayed) {
		fprintf(stderr, "%s: no input found\n", argv[0]);
		failed = 1;
	}
	printf("%u inputs replayed\n", replayed);
	return failed;
}
