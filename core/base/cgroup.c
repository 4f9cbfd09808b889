/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.c - the memory that control groups allow (cgroup.h, cgroups(7)).
 *
 * Theory of operation
 *
 * /proc/self/cgroup says which group the process is in, a line a hierarchy: "0::/a/b" in version 2's,
 * "4:memory:/a/b" in that of version 1 which has the memory controller. /proc/self/mountinfo says where the
 * hierarchies are mounted, and which group is at the root of the mount: in a container often the
 * container's own. The files of the group and of those above it, up to the mount point, say what is
 * allowed; a process may not have more than the least of them. On a machine with both versions both are
 * looked at, and only one of them has the files.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cgroup.h"

#define NO_LIMIT (UINT64_C(1) << 60)	/* version 1 writes a huge number for "none" */

struct hierarchy {
	const char *type;		/* of its file system */
	const char *controller;		/* NULL: version 2's, which has all */
	const char *files[2];
};

static const struct hierarchy hierarchies[] = {
	{ "cgroup2", NULL, { "memory.max", "memory.high" } },
	{ "cgroup", "memory", { "memory.limit_in_bytes", NULL } },
};

/* Is word one of a list with commas? */
static bool in_list(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, word, n) && (!at[n] || at[n] == ','))
			return true;
	}
	return false;
}

static FILE *open_in(const char *dir, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return NULL;
	return fopen(path, "re");
}

/* The group of the process: "ID:CONTROLLERS:PATH". */
static bool own_group(const char *proc, const struct hierarchy *h, char group[PATH_MAX])
{
	FILE *f = open_in(proc, "cgroup");
	char *line = NULL, *list, *path;
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		list = strchr(line, ':');
		path = list ? strchr(list + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		found = h->controller ? in_list(list + 1, h->controller) : !list[1];
		if (found && snprintf(group, PATH_MAX, "%s", path) >= PATH_MAX)
			found = false;
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* Where the hierarchy is mounted, and the group that is seen there. */
static bool mount_of(const char *proc, const struct hierarchy *h, char root[PATH_MAX], char at[PATH_MAX])
{
	FILE *f = open_in(proc, "mountinfo");
	char *line = NULL, *rest, type[32], options[512];
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) > 0) {
		if (strlen(line) >= PATH_MAX || sscanf(line, "%*s %*s %*s %s %s", root, at) != 2)
			continue;
		rest = strstr(line, " - ");
		if (!rest || sscanf(rest, " - %31s %*s %511s", type, options) != 2)
			continue;
		found = !strcmp(type, h->type) && (!h->controller || in_list(options, h->controller));
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

static uint64_t read_limit(const char *dir, const char *file)
{
	FILE *f = open_in(dir, file);
	char text[32] = "", *end;
	uint64_t n = CGROUP_UNLIMITED;

	if (!f)
		return n;
	if (fgets(text, sizeof(text), f) && *text >= '0' && *text <= '9') {	/* else: "max" */
		errno = 0;
		n = strtoull(text, &end, 10);
		if (errno || n >= NO_LIMIT)
			n = CGROUP_UNLIMITED;
	}
	fclose(f);
	return n;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t limit_of(const char *proc, const char *prefix, const struct hierarchy *h)
{
	char group[PATH_MAX], root[PATH_MAX], at[PATH_MAX], dir[2 * PATH_MAX];
	uint64_t limit = CGROUP_UNLIMITED;
	size_t n, top;
	char *slash;

	if (!own_group(proc, h, group) || !mount_of(proc, h, root, at))
		return limit;
	n = strcmp(root, "/") ? strlen(root) : 0;
	if (strncmp(group, root, n))
		n = strlen(group);		/* it lies outside of what is mounted: the mount's root tells */
	top = (size_t)snprintf(dir, sizeof(dir), "%s%s", prefix, at);
	if (top >= sizeof(dir) || snprintf(dir + top, sizeof(dir) - top, "%s", group + n) >=
				  (int)(sizeof(dir) - top))
		return limit;
	for (;;) {
		for (size_t i = 0; i < 2 && h->files[i]; i++)
			limit = least(limit, read_limit(dir, h->files[i]));
		slash = strrchr(dir, '/');
		if (!slash || slash < dir + top)
			return limit;
		*slash = '\0';
	}
}

uint64_t cgroup_memory(const char *proc, const char *root)
{
	uint64_t limit = CGROUP_UNLIMITED;

	for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]); i++)
		limit = least(limit, limit_of(proc, root, &hierarchies[i]));
	return limit;
}
