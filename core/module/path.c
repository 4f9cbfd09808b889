/* SPDX-License-Identifier: Apache-2.0 */
/* path.c - the module path: folders searched in order, NAME.so in each. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "module/file.h"
#include "module/params.h"
#include "module/path.h"
#include "module/registry.h"
#include "module/suggest.h"

#define FOLDERS_MAX	64u
#define NAMES_MAX	4096u

void module_path_free(char **folders)
{
	for (char **p = folders; p && *p; p++)
		free(*p);
	free(folders);
}

int module_path_split(const char *text, char ***folders, struct weir_error *e)
{
	char **list = calloc(FOLDERS_MAX + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return weir_fail(e, ENOMEM, "out of memory");
	while (*text) {
		size_t len = strcspn(text, ":");

		if (len && n == FOLDERS_MAX) {
			module_path_free(list);
			return weir_fail(e, EINVAL, "the module path has more than %u folders",
					 FOLDERS_MAX);
		}
		if (len && !(list[n++] = strndup(text, len))) {
			module_path_free(list);
			return weir_fail(e, ENOMEM, "out of memory");
		}
		text += len + (text[len] == ':');
	}
	if (n == 0) {
		module_path_free(list);
		return weir_fail(e, EINVAL, "the module path is empty; name a folder of modules");
	}
	*folders = list;
	return 0;
}

static void path_text(const struct registry *r, char *text, size_t size)
{
	size_t used = 0;

	for (char **p = r->path; *p && used < size; p++) {
		int n = snprintf(text + used, size - used, "%s%s", used ? ":" : "", *p);

		used += n > 0 ? (size_t)n : 0;
	}
}

static int no_such_module(const struct registry *r, const char *name, struct weir_error *e)
{
	char folders[200], **names = module_names(r);
	const char *near = names ? suggest(name, (const char *const *)names) : NULL;

	path_text(r, folders, sizeof(folders));
	if (near)
		weir_fail(e, ENOENT, "there is no module %s; did you mean %s? (no %s.so in %s)", name,
			  near, name, folders);
	else
		weir_fail(e, ENOENT, "there is no module %s (no %s.so in %s); `weir modules` lists what "
			  "there is", name, name, folders);
	module_names_free(names);
	return -ENOENT;
}

int module_open(const struct registry *r, const char *name, char *path, size_t size,
		struct weir_error *e)
{
	if (r->locked)
		return weir_fail(e, EPERM, "needs module %s", name);
	if (strchr(name, '/')) {
		if ((size_t)snprintf(path, size, "%s", name) >= size)
			return weir_fail(e, ENAMETOOLONG, "the name of the module file is too long");
		return module_file_open(path, e);
	}
	if (!param_name_valid(name))
		return weir_fail(e, EINVAL, "%.64s is no module name; a name is a lower-case word, a "
				 "file has a / in it", name);
	for (char **p = r->path; *p; p++) {
		if ((size_t)snprintf(path, size, "%s/%s.so", *p, name) >= size ||
		    (access(path, F_OK) && errno == ENOENT))
			continue;
		return module_file_open(path, e);
	}
	return no_such_module(r, name, e);
}

int module_open_copy(const struct registry *r, const char *name, char *path, size_t size,
		     struct weir_error *e)
{
	int fd = module_open(r, name, path, size, e), copy;

	if (fd < 0)
		return fd;
	copy = module_file_copy(fd, path, e);
	close(fd);
	return copy;
}

/* ---- what is there ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* NAME of NAME.so; libraries that stand beside the modules are none. */
static bool module_file_name(const char *file, char *name, size_t size)
{
	size_t n = strlen(file);

	if (n <= 3 || n - 3 >= size || strcmp(file + n - 3, ".so") || !strncmp(file, "lib", 3))
		return false;
	memcpy(name, file, n - 3);
	name[n - 3] = '\0';
	return param_name_valid(name);
}

static void add_folder(const char *folder, char **names, size_t *n)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	char name[64];

	while (d && *n < NAMES_MAX && (entry = readdir(d)))
		if (module_file_name(entry->d_name, name, sizeof(name)) &&
		    (names[*n] = strdup(name)))
			(*n)++;
	if (d)
		closedir(d);
}

char **module_names(const struct registry *r)
{
	char **names = calloc(NAMES_MAX + 1, sizeof(*names));
	size_t n = 0, kept = 0;

	if (!names || r->locked)
		return names;
	for (char **p = r->path; *p; p++)
		add_folder(*p, names, &n);
	qsort(names, n, sizeof(*names), compare);
	for (size_t i = 0; i < n; i++) {
		if (kept && !strcmp(names[kept - 1], names[i]))
			free(names[i]);		/* a later folder's, which an earlier one hides */
		else
			names[kept++] = names[i];
	}
	names[kept] = NULL;
	return names;
}

void module_names_free(char **names)
{
	module_path_free(names);
}
