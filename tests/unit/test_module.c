/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_module.c - the loader: what it takes, what it refuses and how it says so, and two
 * generations of one module side by side. The modules are those of tests/unit/modules.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module/params.h"
#include "module/registry.h"
#include "tests/suite.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static char built[PATH_MAX];		/* where the test modules are */
static char folder[64];		/* a folder of this test's own */
static struct registry reg;
static struct weir_error e;

static void in_folder(char *path, const char *name)
{
	ck_assert_int_lt(snprintf(path, PATH_MAX, "%s/%s", folder, name), PATH_MAX);
}

static void copy(const char *from, const char *to, size_t most)
{
	char chunk[4096];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t n;

	ck_assert_msg(in >= 0 && out >= 0, "%s, %s: %s", from, to, strerror(errno));
	while (most && (n = read(in, chunk, most < sizeof(chunk) ? most : sizeof(chunk))) > 0) {
		ck_assert_int_eq(write(out, chunk, (size_t)n), n);
		most -= (size_t)n;
	}
	close(in);
	close(out);
}

/* Put a test module into the test's folder, as name.so. */
static void put(const char *module, const char *name)
{
	char from[PATH_MAX + 64], to[PATH_MAX];

	snprintf(from, sizeof(from), "%s/%s.so", built, module);
	in_folder(to, name);
	copy(from, to, SIZE_MAX);
}

static int fds_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static struct module *load(const char *path)
{
	char found[PATH_MAX];
	int fd = module_open(&reg, path, found, sizeof(found), &e);
	struct module *m;

	if (fd < 0)
		return NULL;
	m = module_load_fd(&reg, fd, found, &e);
	close(fd);
	return m;
}

static void setup(void)
{
	const char *dir = getenv("BUILDDIR");
	char base[] = "/tmp/weir-test-module-XXXXXX";

	snprintf(built, sizeof(built), "%s/tests/unit/modules/.libs", dir ? dir : ".");
	ck_assert_ptr_nonnull(mkdtemp(base));
	memcpy(folder, base, sizeof(base));
	ck_assert(!registry_init(&reg, folder, NULL, &e));
	e.text[0] = '\0';
}

static void teardown(void)
{
	char command[PATH_MAX + 16];

	registry_destroy(&reg);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* ---- taking ---- */

START_TEST(by_name)
{
	const struct qdisc_ops *ops;
	int before = fds_open();
	struct module *m;

	put("good", "toy.so");
	ops = registry_get(&reg, WEIR_KIND_QDISC, "toy", &m, &e);
	ck_assert_msg(ops, "%s", e.text);
	ck_assert_str_eq(ops->name, "toy");
	ck_assert_str_eq(m->desc->name, "toy");
	ck_assert_uint_eq(m->uses, 1);
	ck_assert_ptr_eq(registry_get(&reg, WEIR_KIND_QDISC, "toy", &m, &e), ops);
	ck_assert_uint_eq(m->uses, 2);
	ck_assert_int_eq(module_unload(m, &e), -EBUSY);
	ck_assert_str_eq(e.text, "module toy is in use 2 times; replace what uses it first");
	module_put(m);
	module_put(m);
	ck_assert(module_find(&reg, "toy") == m);
	ck_assert(!module_unload(m, &e));
	ck_assert_ptr_null(module_find(&reg, "toy"));
	ck_assert_int_eq(fds_open(), before);
}
END_TEST

START_TEST(names)
{
	char **list;

	put("good", "toy.so");
	put("good", "a.so");
	put("good", "libx.so");
	put("good", "b.txt");
	list = module_names(&reg);
	ck_assert_str_eq(list[0], "a");
	ck_assert_str_eq(list[1], "toy");
	ck_assert_ptr_null(list[2]);
	module_names_free(list);
}
END_TEST

/* A process that may not open files says what it needs instead. */
START_TEST(locked)
{
	struct module *m;

	put("good", "toy.so");
	reg.locked = true;
	ck_assert_ptr_null(registry_get(&reg, WEIR_KIND_QDISC, "toy", &m, &e));
	ck_assert_str_eq(e.text, "needs module toy");
}
END_TEST

START_TEST(twice)
{
	char want[1024];

	put("good", "toy.so");
	put("twin", "twin.so");
	ck_assert_ptr_nonnull(load("toy"));
	ck_assert_ptr_null(load("toy"));
	snprintf(want, sizeof(want), "%s/toy.so: module toy is loaded already (from %s/toy.so); "
		 "reload it instead", folder, folder);
	ck_assert_str_eq(e.text, want);
	ck_assert_ptr_null(load("twin"));
	snprintf(want, sizeof(want), "%s/twin.so: qdisc toy is module toy's already (%s/toy.so); unload "
		 "that first", folder, folder);
	ck_assert_str_eq(e.text, want);
}
END_TEST

/* ---- two generations ---- */

static uint64_t limit_of(const struct qdisc_ops *ops)
{
	uint64_t limit = 0;

	ck_assert(!params_parse(ops->params, NULL, 0, NULL, &limit, sizeof(limit), &e));
	return limit;
}

static struct module *reload(struct module **old)
{
	char found[PATH_MAX];
	int fd = module_open(&reg, "toy", found, sizeof(found), &e);
	struct module *m;

	ck_assert_msg(fd >= 0, "%s", e.text);
	m = module_load_beside(&reg, fd, found, old, &e);
	close(fd);
	return m;
}

START_TEST(side_by_side)
{
	const struct qdisc_ops *ops, *new_ops;
	struct module *m, *old, *fresh, *got;
	int before = fds_open();

	put("good", "toy.so");
	ops = registry_get(&reg, WEIR_KIND_QDISC, "toy", &m, &e);
	ck_assert_uint_eq(limit_of(ops), 1);
	put("good2", "toy.so");		/* rebuilt in place, while the old code is in use */
	fresh = reload(&old);
	ck_assert_msg(fresh, "%s", e.text);
	ck_assert(old == m && m->stale && !fresh->stale && fresh->generation > m->generation);
	new_ops = module_ops_find(fresh, WEIR_KIND_QDISC, "toy");
	ck_assert_uint_eq(limit_of(ops), 1);
	ck_assert_uint_eq(limit_of(new_ops), 2);
	ck_assert(module_find(&reg, "toy") == fresh);
	ck_assert(registry_get(&reg, WEIR_KIND_QDISC, "toy", &got, &e) == new_ops && got == fresh);
	module_put(old);		/* the reload's own */
	ck_assert_uint_eq(limit_of(ops), 1);
	module_put(m);			/* its last user: gone */
	ck_assert_uint_eq(limit_of(new_ops), 2);
	module_put(fresh);
	ck_assert(!module_unload(fresh, &e));
	ck_assert_int_eq(fds_open(), before);
}
END_TEST

START_TEST(many_reloads)
{
	struct module *m, *old;
	int before = fds_open();

	put("good", "toy.so");
	ck_assert_ptr_nonnull(load("toy"));
	for (unsigned int i = 0; i < 50; i++) {
		put(i % 2 ? "good" : "good2", "toy.so");
		m = reload(&old);
		ck_assert_msg(m, "%s", e.text);
		ck_assert_uint_eq(limit_of(module_ops_find(m, WEIR_KIND_QDISC, "toy")), i % 2 ? 1 : 2);
		module_put(old);
		ck_assert_int_eq(fds_open(), before + 1);
	}
}
END_TEST

START_TEST(reverted)
{
	struct module *m, *old, *fresh;

	put("good", "toy.so");
	ck_assert_ptr_nonnull(registry_get(&reg, WEIR_KIND_QDISC, "toy", &m, &e));
	put("good2", "toy.so");
	fresh = reload(&old);
	module_revert(fresh, old);
	ck_assert(module_find(&reg, "toy") == m && !m->stale && m->uses == 1);
	module_put(m);
}
END_TEST

START_TEST(failed_reload)
{
	struct module *m, *old;

	put("good", "toy.so");
	ck_assert_ptr_nonnull(registry_get(&reg, WEIR_KIND_QDISC, "toy", &m, &e));
	put("major", "toy.so");
	ck_assert_ptr_null(reload(&old));
	ck_assert(module_find(&reg, "toy") == m && !m->stale && m->uses == 1);
	module_put(m);
	ck_assert(!module_unload(m, &e));
	put("good", "toy.so");
	ck_assert_ptr_null(reload(&old));
	ck_assert_ptr_nonnull(strstr(e.text, "module toy is not loaded; load it instead"));
}
END_TEST

/* ---- refusing ---- */

START_TEST(refused)
{
	static const struct { const char *module, *sentence; } bad[] = {
		{ "magic", "its magic word is 0x12345678, a module's is 0x57454952; define it with "
			   "WEIR_MODULE" },
		{ "major", "it is built for module ABI 99.2, this weir has 2.2; build it with this weir's "
			   "headers" },
		{ "newminor", "it is built for module ABI 2.3, this weir has 2.2; build it with this weir's "
			      "headers" },
		{ "packetsize", "its structs weir_module, weir_entry, packet, link and congestion have " },
		{ "noname", "its name is no lower-case word" },
		{ "shortops", "module toy: its struct qdisc_ops has 8 bytes, this weir's has " },
		{ "longops", "module toy: its struct qdisc_ops has 4096 bytes, this weir's has " },
		{ "badkind", "module toy has an entry of kind 99, which this weir does not know" },
		{ "nullops", "module toy has a qdisc entry without ops" },
		{ "nodequeue", "qdisc toy has no dequeue" },
		{ "badparams", "qdisc toy: parameter limit lies outside params_size" },
		{ "badname", "module toy has a qdisc whose name is no lower-case word" },
		{ "nosymbol", "is a shared object, but no weir module (it exports no weir_module); define "
			      "it with WEIR_MODULE" },
		{ "undefined", "undefined symbol: weir_of_the_future; build it with this weir's headers" },
	};
	int before = fds_open();
	char want[1024];

	for (size_t i = 0; i < N(bad); i++) {
		put(bad[i].module, "toy.so");
		ck_assert_msg(!load("toy"), "%s is taken", bad[i].module);
		snprintf(want, sizeof(want), "%s/toy.so: %s", folder, bad[i].sentence);
		ck_assert_msg(!strncmp(e.text, want, strlen(want)), "%s: %s\nnot: %s", bad[i].module,
			      e.text, want);
		ck_assert_int_eq(fds_open(), before);
		ck_assert(list_empty(&reg.modules));
	}
}
END_TEST

START_TEST(no_module)
{
	char path[PATH_MAX], from[PATH_MAX + 64], want[1024];
	struct module *m;
	FILE *f;

	ck_assert_ptr_null(load("tyo"));
	snprintf(want, sizeof(want), "there is no module tyo (no tyo.so in %s); `weir modules` lists what "
		 "there is", folder);
	ck_assert_str_eq(e.text, want);
	put("good", "toy.so");
	ck_assert_ptr_null(load("tyo"));
	snprintf(want, sizeof(want), "there is no module tyo; did you mean toy? (no tyo.so in %s)",
		 folder);
	ck_assert_str_eq(e.text, want);
	ck_assert_ptr_null(registry_get(&reg, WEIR_KIND_LINK, "toy", &m, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "has no link toy"));
	ck_assert(list_empty(&reg.modules));
	ck_assert_ptr_null(registry_get(&reg, WEIR_KIND_QDISC, "../toy", &m, &e));
	ck_assert_str_eq(e.text, "../toy is no qdisc; a name is a lower-case word");

	in_folder(path, "text.so");
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("[weir]\nmode = sandbox\n", f);
	fclose(f);
	ck_assert_ptr_null(load("text"));
	ck_assert_ptr_nonnull(strstr(e.text, "is not a shared object; a module is built with cc -shared"));
	in_folder(path, "empty.so");
	fclose(fopen(path, "w"));
	ck_assert_ptr_null(load("empty"));
	ck_assert_ptr_nonnull(strstr(e.text, "is empty"));
	ck_assert_ptr_null(load("/bin/sh"));
	ck_assert_ptr_nonnull(strstr(e.text, "is a program, not a shared object"));
	ck_assert_ptr_null(load("/dev/null"));
	ck_assert_ptr_nonnull(strstr(e.text, "is no regular file"));
	ck_assert_ptr_null(load("/usr"));
	ck_assert_ptr_nonnull(strstr(e.text, "is no regular file"));

	/* Cut short anywhere, it is refused or it is whole; it never brings the process down. */
	snprintf(from, sizeof(from), "%s/good.so", built);
	for (size_t n = 0; n < 12000; n += 487) {
		in_folder(path, "cut.so");
		copy(from, path, n);
		m = load("cut");
		if (m)
			module_unload(m, NULL);
		else
			ck_assert(e.text[0]);
	}
}
END_TEST

START_TEST(writable_by_others)
{
	char path[PATH_MAX], want[1024];

	put("good", "toy.so");
	in_folder(path, "toy.so");
	ck_assert_int_eq(chmod(path, 0664), 0);
	ck_assert_ptr_null(load("toy"));
	snprintf(want, sizeof(want), "%s/toy.so: others can write to the file (mode 0664); chmod go-w it",
		 folder);
	ck_assert_str_eq(e.text, want);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_assert_ptr_null(load("toy"));
	snprintf(want, sizeof(want), "%s/toy.so: others can write to %s (mode 0777); chmod go-w it",
		 folder, folder);
	ck_assert_str_eq(e.text, want);
	ck_assert_int_eq(chmod(folder, 01777), 0);	/* sticky is not enough for where the file is */
	ck_assert_ptr_null(load("toy"));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_ptr_nonnull(load("toy"));
}
END_TEST

/* Only root can give files away. */
START_TEST(owned_by_others)
{
	char path[PATH_MAX];

	if (geteuid())
		return;
	put("good", "toy.so");
	in_folder(path, "toy.so");
	ck_assert_int_eq(chown(path, 12345, 0), 0);
	ck_assert_ptr_null(load("toy"));
	ck_assert_ptr_nonnull(strstr(e.text, "the file belongs to user 12345; it must belong to root or to "
					     "you (chown)"));
	ck_assert_int_eq(chown(path, 0, 0), 0);
	ck_assert_int_eq(chown(folder, 12345, 0), 0);
	ck_assert_ptr_null(load("toy"));
	ck_assert_int_eq(chown(folder, 0, 0), 0);
	ck_assert_ptr_nonnull(load("toy"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("module");
	TCase *t = tcase_create("module");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, by_name);
	tcase_add_test(t, names);
	tcase_add_test(t, locked);
	tcase_add_test(t, twice);
	tcase_add_test(t, side_by_side);
	tcase_add_test(t, many_reloads);
	tcase_add_test(t, reverted);
	tcase_add_test(t, failed_reload);
	tcase_add_test(t, refused);
	tcase_add_test(t, no_module);
	tcase_add_test(t, writable_by_others);
	tcase_add_test(t, owned_by_others);
	suite_add_tcase(s, t);
	return run_suite(s);
}
