/* SPDX-License-Identifier: Apache-2.0 */
/* test_cgroup.c - limits of control groups, from files as the kernel writes them. */
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "tests/suite.h"

#define MB (1ull << 20)

static char top[64], proc[128];

static void setup(void)
{
	snprintf(top, sizeof(top), "/tmp/weir-test-cgroup-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(proc, sizeof(proc), "%s/proc", top);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void teardown(void)
{
	ck_assert_int_eq(nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A file below top, with the folders above it. */
static void put(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	for (char *at = path + strlen(top) + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		ck_assert(!mkdir(path, 0700) || errno == EEXIST);
	}
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

#define UNIFIED "25 20 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

START_TEST(version_2_own_and_above)
{
	put("proc/cgroup", "0::/user.slice/job\n");
	put("proc/mountinfo", "20 1 8:1 / / rw - ext4 /dev/root rw\n" UNIFIED);
	put("sys/fs/cgroup/user.slice/job/memory.max", "max\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), CGROUP_UNLIMITED);
	put("sys/fs/cgroup/user.slice/job/memory.max", "209715200\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), 200 * MB);
	put("sys/fs/cgroup/user.slice/memory.max", "104857600\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), 100 * MB);
	put("sys/fs/cgroup/user.slice/job/memory.high", "83886080\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), 80 * MB);
}
END_TEST

/* A container sees its own group as the root. */
START_TEST(version_2_in_a_container)
{
	put("proc/cgroup", "0::/\n");
	put("proc/mountinfo", UNIFIED);
	put("sys/fs/cgroup/memory.max", "67108864\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), 64 * MB);
	put("proc/cgroup", "0::/docker/abc/job\n");	/* without a namespace of groups */
	put("proc/mountinfo", "25 20 0:22 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	put("sys/fs/cgroup/job/memory.max", "33554432\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), 32 * MB);
	put("proc/cgroup", "0::/../elsewhere\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), 64 * MB);
}
END_TEST

#define V1 "34 31 0:31 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n" \
	   "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n" \
	   "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"

START_TEST(version_1_and_both)
{
	put("proc/cgroup", "9:name=systemd:/x\n4:hugetlb,memory:/a/b\n2:cpuacct:/memory\n0::/\n");
	put("proc/mountinfo", V1);
	put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), CGROUP_UNLIMITED);
	put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "104857600\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), 100 * MB);
	put("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "52428800\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), 50 * MB);
}
END_TEST

/* Without the files, or with nonsense in them, nothing is limited. */
START_TEST(nothing_to_read)
{
	ck_assert_uint_eq(cgroup_memory(proc, top), CGROUP_UNLIMITED);
	put("proc/cgroup", "nonsense\n0:\n0::/a\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), CGROUP_UNLIMITED);
	put("proc/mountinfo", "1 2 3\n\n - cgroup2\n" UNIFIED);
	ck_assert_uint_eq(cgroup_memory(proc, top), CGROUP_UNLIMITED);
	put("sys/fs/cgroup/a/memory.max", "-5\n");
	put("sys/fs/cgroup/memory.max", "99999999999999999999999999\n");
	ck_assert_uint_eq(cgroup_memory(proc, top), CGROUP_UNLIMITED);
	put("sys/fs/cgroup/a/memory.max", "");
	ck_assert_uint_eq(cgroup_memory(proc, top), CGROUP_UNLIMITED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cgroup");
	TCase *tc = tcase_create("cgroup");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, version_2_own_and_above);
	tcase_add_test(tc, version_2_in_a_container);
	tcase_add_test(tc, version_1_and_both);
	tcase_add_test(tc, nothing_to_read);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
