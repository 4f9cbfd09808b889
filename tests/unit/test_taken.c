/* SPDX-License-Identifier: Apache-2.0 */
/* test_taken.c - what a namespace's kernel was told of either family on a device, as the stack
 * reads it. */
#include <check.h>
#include <string.h>

#include "intercept/taken.h"
#include "intercept/takeover_priv.h"
#include "tests/suite.h"

/* Linux's values of net.ipv6.conf.DEVICE, and what they come to. */
static const struct told {
	const char *disable_ipv6, *forwarding, *accept_ra, *accept_redirects;
	int gen_mode;
	struct taken_ip6 is;
} tolds[] = {
	{ "0", "0", "1", "1", 2, { } },
	{ "1", "0", "1", "1", 2, { .off = true } },
	{ "0", "0", "0", "1", 2, { .no_ra = true } },
	{ "0", "0", "2", "1", 2, { } },
	{ "0", "0", "1", "0", 2, { .no_redirects = true } },
	{ "0", "1", "0", "1", 2, { .no_ra = true, .no_redirects = true } },
	{ "0", "1", "1", "1", 2, { .no_ra = true, .no_redirects = true } },
	{ "0", "1", "2", "1", 2, { .no_redirects = true } },
	{ "0", "0", "1", "1", 0, { .eui64 = true } },
	{ "0", "0", "1", "1", 1, { } },
	{ "0", "0", "1", "1", 3, { } },
	{ "0", "0", "1", "1", 2, { .has_secret = true, .secret = { 0x20, 1, 0xd, 0xb8, [15] = 7 } } },
	{ "1", "1", "0", "0", 0, { true, true, true, true, false, { 0 } } },
	{ "", "", "", "", -1, { } },		/* a kernel without IPv6 */
};

static int device_is(void *arg, const struct taken *x)
{
	const struct told **told = arg;
	const struct taken_ip6 *is = &(*told)++->is;

	ck_assert_int_eq(x->ip6.off, is->off);
	ck_assert_int_eq(x->ip6.no_ra, is->no_ra);
	ck_assert_int_eq(x->ip6.no_redirects, is->no_redirects);
	ck_assert_int_eq(x->ip6.eui64, is->eui64);
	ck_assert_int_eq(x->ip6.has_secret, is->has_secret);
	ck_assert_mem_eq(x->ip6.secret, is->secret, sizeof(is->secret));
	return 0;
}

START_TEST(as_the_kernel_was_told)
{
	const size_t n = sizeof(tolds) / sizeof(tolds[0]);
	const struct told *told = tolds;
	struct device devices[sizeof(tolds) / sizeof(tolds[0])];
	struct takeover t = { .netns_fd = -1 };

	list_init(&t.devices);
	for (size_t i = 0; i < n; i++) {
		struct device *d = &devices[i];

		*d = (struct device){ .name = "eth0", .gen_mode = tolds[i].gen_mode };
		strcpy(d->saved[QUIET_DISABLE_IPV6], tolds[i].disable_ipv6);
		strcpy(d->heeds[HEED_FORWARDING], tolds[i].forwarding);
		strcpy(d->heeds[HEED_ACCEPT_RA], tolds[i].accept_ra);
		strcpy(d->heeds[HEED_ACCEPT_REDIRECTS], tolds[i].accept_redirects);
		if (tolds[i].is.has_secret)
			strcpy(d->heeds[HEED_STABLE_SECRET], "2001:0db8:0000:0000:0000:0000:0000:0007");
		list_add_tail(&d->node, &t.devices);
	}
	ck_assert_int_eq(taken_each(&t, TAKEN_DEVICE, device_is, &told), 0);
	ck_assert_ptr_eq(told, tolds + n);
}
END_TEST

/* net.ipv4.conf.DEVICE and of all: accept_redirects, secure_redirects, shared_media, promote_secondaries;
 * and forwarding. */
static const struct told4 {
	const char *forwarding, *own[4], *all[4];
	struct taken_ip4 is;
} tolds4[] = {
	{ "0", { "1", "1", "1" }, { "1", "1", "1" }, { } },
	{ "0", { "0", "1", "1" }, { "1", "1", "1" }, { } },		/* either will do */
	{ "0", { "1", "1", "1" }, { "0", "1", "1" }, { } },
	{ "0", { "0", "1", "1" }, { "0", "1", "1" }, { .no_redirects = true } },
	{ "1", { "1", "1", "1" }, { "1", "1", "1" }, { } },
	{ "1", { "1", "1", "1" }, { "0", "1", "1" }, { .no_redirects = true } },	/* both have to */
	{ "1", { "0", "1", "1" }, { "1", "1", "1" }, { .no_redirects = true } },
	{ "0", { "1", "1", "0" }, { "1", "1", "0" }, { .secure_redirects = true } },
	{ "0", { "1", "0", "0" }, { "1", "1", "0" }, { .secure_redirects = true } },
	{ "0", { "1", "0", "0" }, { "1", "0", "0" }, { } },
	{ "0", { "1", "1", "0" }, { "1", "1", "1" }, { } },
	{ "", { "", "", "", "" }, { "", "", "", "" }, { } },
	{ "0", { "1", "1", "1", "0" }, { "1", "1", "1", "0" }, { } },
	{ "0", { "1", "1", "1", "1" }, { "1", "1", "1", "0" }, { .promote_secondaries = true } },
	{ "0", { "1", "1", "1", "0" }, { "1", "1", "1", "1" }, { .promote_secondaries = true } },
};

static int device_is4(void *arg, const struct taken *x)
{
	const struct told4 **told = arg;
	const struct taken_ip4 *is = &(*told)++->is;

	ck_assert_int_eq(x->ip4.no_redirects, is->no_redirects);
	ck_assert_int_eq(x->ip4.promote_secondaries, is->promote_secondaries);
	ck_assert_int_eq(x->ip4.secure_redirects, is->secure_redirects);
	return 0;
}

START_TEST(as_the_kernel_was_told4)
{
	const size_t n = sizeof(tolds4) / sizeof(tolds4[0]);
	const struct told4 *told = tolds4;
	struct device devices[sizeof(tolds4) / sizeof(tolds4[0])];
	struct takeover t = { .netns_fd = -1 };

	list_init(&t.devices);
	for (size_t i = 0; i < n; i++) {
		struct device *d = &devices[i];

		*d = (struct device){ .name = "eth0", .gen_mode = -1 };
		strcpy(d->saved[QUIET_FORWARDING], tolds4[i].forwarding);
		for (size_t j = 0; j < 3; j++) {
			strcpy(d->heeds[HEED_ACCEPT_REDIRECTS4 + j], tolds4[i].own[j]);
			strcpy(d->heeds[HEED_ALL_ACCEPT_REDIRECTS4 + j], tolds4[i].all[j]);
		}
		strcpy(d->heeds[HEED_PROMOTE_SECONDARIES4], tolds4[i].own[3] ? tolds4[i].own[3] : "");
		strcpy(d->heeds[HEED_ALL_PROMOTE_SECONDARIES4], tolds4[i].all[3] ? tolds4[i].all[3] : "");
		list_add_tail(&d->node, &t.devices);
	}
	ck_assert_int_eq(taken_each(&t, TAKEN_DEVICE, device_is4, &told), 0);
	ck_assert_ptr_eq(told, tolds4 + n);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("taken");
	TCase *t = tcase_create("device");

	tcase_add_test(t, as_the_kernel_was_told);
	tcase_add_test(t, as_the_kernel_was_told4);
	suite_add_tcase(s, t);
	return run_suite(s);
}
