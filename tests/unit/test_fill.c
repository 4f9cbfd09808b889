/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fill.c - what a NIC makes of what was taken for it. taken_each() is played here: two
 * devices, and of eth0 one address, route and neighbour of each family.
 */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "control/instance.h"
#include "intercept/taken.h"
#include "intercept/takeover.h"
#include "tests/suite.h"

static struct instance inst;
static struct instance_nic nic;
static struct taken devices[] = { { .device = "eth0" }, { .device = "eth1" } };

int taken_each(const struct takeover *t, enum taken_kind kind,
	       int (*fn)(void *arg, const struct taken *x), void *arg)
{
	struct taken v6 = { .device = "eth0", .addr = { .b = { 0xfd, 1 } }, .prefix = 64 };
	struct taken v4 = { .device = "eth0", .addr = ip_addr_v4(htonl(0x0a000002)), .prefix = 24 };
	int rc = 0;

	(void)t;
	if (kind == TAKEN_DEVICE)
		for (size_t i = 0; i < 2 && !rc; i++)
			rc = fn(arg, &devices[i]);
	else
		rc = fn(arg, &v6) || fn(arg, &v4);
	return rc;
}

/* The NIC wan on eth0, which was told x; eth1 was told the opposite of everything. */
static void fill(const char *ini, const struct taken_ip4 *x4, const struct taken_ip6 *x)
{
	struct weir_error e;

	memset(&inst, 0, sizeof(inst));
	config_init(&inst.config);
	ck_assert_int_eq(config_read_text(&inst.config, ini, "ini", &e), 0);
	list_init(&inst.nics);
	nic = (struct instance_nic){ .instance = &inst, .ip4 = IP4_CONFIG_DEFAULT,
				    .ip6 = IP6_CONFIG_DEFAULT };
	strcpy(nic.link.name, "wan");
	strcpy(nic.link.host_device, "eth0");
	list_add_tail(&nic.node, &inst.nics);
	devices[0].ip4 = *x4;
	devices[1].ip4 = (struct taken_ip4){ !x4->no_redirects, !x4->secure_redirects, !x4->promote_secondaries };
	devices[0].ip6 = *x;
	devices[1].ip6 = (struct taken_ip6){ !x->off, !x->no_ra, !x->no_redirects, !x->eui64,
					      !x->has_secret, { 9 } };
	ck_assert_int_eq(takeover_fill(NULL, &inst, &e), 0);
	ck_assert(nic.taken);
	config_free(&inst.config);
}

static void check_is(const struct taken_ip4 *is4, const struct taken_ip6 *is)
{
	size_t n = is->off ? 1 : 2;

	ck_assert_int_eq(nic.ip4.accept_redirects, !is4->no_redirects);
	ck_assert_int_eq(nic.ip4.promote_secondaries, is4->promote_secondaries);
	ck_assert_int_eq(nic.ip4.secure_redirects, is4->secure_redirects);
	ck_assert_int_eq(nic.ip6.enabled, !is->off);
	ck_assert_int_eq(nic.ip6.accept_ra, !is->no_ra);
	ck_assert_int_eq(nic.ip6.accept_redirects, !is->no_redirects);
	ck_assert_int_eq(nic.ip6.eui64, is->eui64);
	ck_assert_int_eq(nic.ip6.has_secret, is->has_secret);
	ck_assert_int_eq(nic.ip6.secret.k[1], is->has_secret ? is->secret[15] : 0);
	/* with IPv6 off nothing of it is taken */
	ck_assert_uint_eq(nic.naddrs, n);
	ck_assert_uint_eq(nic.nroutes, n);
	ck_assert_uint_eq(nic.nneighs, n);
	ck_assert(ip_addr_is_v4(&nic.addrs[n - 1].addr));
	free(nic.addrs);
	free(nic.routes);
	free(nic.neighs);
}

/* Another link's keys are not this one's. */
START_TEST(as_the_kernel_was_told)
{
	const struct taken_ip6 x = { _i & 1, _i & 2, _i & 4, _i & 8, _i & 64, { [15] = 5 } };
	const struct taken_ip4 x4 = { _i & 16, _i & 32, _i & 1 };

	fill("[link eth0]\nipv6 = on\naccept-ra = on\naccept-redirects = on\n"
	     "addr-gen = stable-privacy\nsecure-redirects = off\nstable-secret = ::7\n", &x4, &x);
	check_is(&x4, &x);
}
END_TEST

/* A key wins, also where it says what holds without it. */
START_TEST(a_key_wins)
{
	static const char *const inis[] = {
		"[link wan]\nipv6 = on\n", "[link wan]\naccept-ra = on\n",
		"[link wan]\naccept-redirects = on\n", "[link wan]\naddr-gen = stable-privacy\n",
		"[link wan]\nsecure-redirects = off\n", "[link wan]\nstable-secret = ::7\n",
	};
	const struct taken_ip4 x4 = { true, true, true };
	const struct taken_ip6 x = { true, true, true, true, true, { [15] = 5 } };

	fill(inis[_i], &x4, &x);
	check_is(&(struct taken_ip4){ _i != 2, _i != 4, true },
		 &(struct taken_ip6){ _i != 0, _i != 1, _i != 2, _i != 3, _i != 5,
				       { [15] = 5 } });
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fill");
	TCase *t = tcase_create("families");

	tcase_add_loop_test(t, as_the_kernel_was_told, 0, 128);
	tcase_add_loop_test(t, a_key_wins, 0, 6);
	suite_add_tcase(s, t);
	return run_suite(s);
}
