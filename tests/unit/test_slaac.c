/* SPDX-License-Identifier: Apache-2.0 */
/* test_slaac.c - addresses that a NIC makes for itself, and duplicates of them. Sections are RFC
 * 4862's unless named. */
#include "ndpnet.h"

#define MADE_PREFIX "2001:db8::"

/* The address made from 2001:db8::/64; NULL: none. */
static struct ifaddr *made(void)
{
	struct ip_addr want = testnet_addr(MADE_PREFIX);
	struct ifaddr *found = NULL;

	for (int i = 0; nth_addr(i); i++) {
		struct ip_addr p = ip_addr_mask(&nth_addr(i)->addr, 64);

		if (ip_addr_eq(&p, &want))
			found = nth_addr(i);
	}
	return found;
}

static void ready(void)
{
	start(&defaults);
	testnet_run(&tn, 3 * SEC);
	testnet_discard(eth);
}

/* 5.3, 5.4.2: fe80::, tentative, one probe from :: to the solicited-node group, then ours. */
START_TEST(linklocal_is_made_and_probed)
{
	struct ip_addr group;
	struct ifaddr *ia;
	struct seen s;

	start(&defaults);
	ck_assert_int_eq(count_addrs(), 1);
	ia = nth_addr(0);
	ck_assert(ip_addr_is_linklocal(&ia->addr));
	ck_assert_uint_eq(ia->addr.w[1], 0);
	ck_assert_int_eq(ia->state, IFADDR_TENTATIVE);
	ck_assert_ptr_null(ip_addr_find(&tn.ip, &ia->addr));
	testnet_run(&tn, SEC);
	ck_assert(take(NDP_SOLICIT, &s));
	group = ndp_solicited_node(&ia->addr);
	ck_assert(ip_addr_is_any(&s.src));
	ck_assert_str_eq(text_of(&s.dst), text_of(&group));
	ck_assert_uint_eq(s.hops, 255);
	ck_assert_mem_eq(s.msg + 8, ia->addr.b, 16);
	ck_assert_uint_eq(s.len, 32);
	ck_assert_uint_eq(s.msg[24], NDP_OPT_NONCE);	/* RFC 7527, and no link address (7.1.1) */
	ck_assert_uint_eq(s.mac[0], 0x33);
	testnet_run(&tn, SEC);
	ck_assert_int_eq(ia->state, IFADDR_PREFERRED);
	ck_assert_ptr_nonnull(ip_addr_find(&tn.ip, &ia->addr));
	testnet_run(&tn, 60 * SEC);
	ck_assert_int_eq(count(NDP_SOLICIT), 0);
}
END_TEST

/* 5.4: tentative: not answered for, no source. 5.4.3: who resolves it is ignored. */
START_TEST(tentative_is_silent)
{
	uint8_t msg[32], ip[100];
	struct ip_addr dst = testnet_addr(HOST);

	add("2001:db8::9", 64);			/* there before: ours at once */
	start(&defaults);
	add("2001:db8::1", 64);
	ck_assert_int_eq(find("2001:db8::9")->state, IFADDR_PREFERRED);
	ck_assert_int_eq(find("2001:db8::1")->state, IFADDR_TENTATIVE);
	testnet_discard(eth);
	nd(msg, NDP_SOLICIT, 0, "2001:db8::1");
	lladdr(msg + 24, NDP_OPT_SOURCE_LL, 2);
	feed6(HOST, solicited("2001:db8::1"), 255, msg, sizeof(msg));
	ck_assert_int_eq(count(NDP_ADVERT), 0);
	ck_assert_int_eq(find("2001:db8::1")->state, IFADDR_TENTATIVE);
	testnet_feed_ip(&tn, eth, NULL, ip, testnet_ipv6(ip, HOST, "2001:db8::1", 59, "", 0));
	ck_assert_uint_eq(tn.ip.stats6.in_addr_errors, 1);
	ck_assert_str_eq(text_of(&(struct ip_addr[]){ ip_addr_select6(&tn.ip, eth, &dst) }[0]),
			 "2001:db8::9");
}
END_TEST

/* 5.4.3, 5.4.4: another's probe, or an advertisement: a duplicate, said and not used. */
START_TEST(duplicates_are_found)
{
	uint8_t msg[32];

	start(&defaults);
	add("2001:db8::1", 64);
	add("2001:db8::2", 64);
	nd(msg, NDP_SOLICIT, 0, "2001:db8::1");
	feed6("::", solicited("2001:db8::1"), 255, msg, 24);
	ck_assert_int_eq(find("2001:db8::1")->state, IFADDR_DUPLICATE);
	advert("2001:db8::2", "ff02::1", NA_O, "2001:db8::2", 2);
	ck_assert_int_eq(find("2001:db8::2")->state, IFADDR_DUPLICATE);
	ck_assert_int_eq(tn.logged, 2);
	ck_assert_uint_eq(tn.ip.ip6_stats.dad_failures, 2);
	testnet_run(&tn, 60 * SEC);
	ck_assert_int_eq(find("2001:db8::1")->state, IFADDR_DUPLICATE);
	ck_assert_ptr_null(ip_addr_find(&tn.ip, &find("2001:db8::1")->addr));
	ck_assert_int_eq(count(NDP_ADVERT), 0);
}
END_TEST

/* RFC 7527 section 4.2: our own probe that a link gives back is no duplicate; another's is. */
START_TEST(own_probe_comes_back)
{
	struct ifaddr *ia;
	struct seen s;

	start(&defaults);
	ia = nth_addr(0);
	testnet_run(&tn, SEC);
	ck_assert(take(NDP_SOLICIT, &s));
	feed6("::", text_of(&s.dst), 255, s.msg, s.len);
	ck_assert_int_eq(ia->state, IFADDR_TENTATIVE);
	s.msg[26] ^= 1;
	feed6("::", text_of(&s.dst), 255, s.msg, s.len);
	ck_assert_int_eq(ia->state, IFADDR_DUPLICATE);
}
END_TEST

/* RFC 7217 section 6: another identifier, three times; then no more. */
START_TEST(made_addresses_are_made_again)
{
	struct ip_addr seen[5];

	start(&defaults);
	for (int i = 0; i < 4; i++) {
		struct ifaddr *ia = nth_addr(i);

		ck_assert_ptr_nonnull(ia);
		ck_assert_int_eq(ia->state, IFADDR_TENTATIVE);
		seen[i] = ia->addr;
		for (int k = 0; k < i; k++)
			ck_assert(!ip_addr_eq(&seen[k], &seen[i]));
		advert(text_of(&ia->addr), "ff02::1", NA_O, text_of(&seen[i]), 2);
		ck_assert_int_eq(ia->state, IFADDR_DUPLICATE);
	}
	ck_assert_int_eq(count_addrs(), 4);
	testnet_run(&tn, 10 * SEC);
	ck_assert_ptr_null(linklocal());
}
END_TEST

/* RFC 4291 appendix A; with no choice there is no other try. */
START_TEST(eui64_identifiers)
{
	struct ip6_config c = defaults;

	c.eui64 = true;
	start(&c);
	ck_assert_str_eq(text_of(&nth_addr(0)->addr), "fe80::ff:fe00:1");
	advert("fe80::9", "ff02::1", NA_O, "fe80::ff:fe00:1", 2);
	ck_assert_int_eq(count_addrs(), 1);
}
END_TEST

/* RFC 7217 section 5: the same here as long as the secret, another in every network, not the
 * MAC. */
START_TEST(stable_identifiers)
{
	struct ip_addr a = testnet_addr("2001:db8:1::"), b = testnet_addr("2001:db8:2::");
	uint64_t id;

	start(&defaults);
	id = ip6_stable_id(eth->ip6, &a, 0);
	ck_assert_uint_eq(ip6_stable_id(eth->ip6, &a, 0), id);
	ck_assert_uint_ne(ip6_stable_id(eth->ip6, &b, 0), id);
	ck_assert_uint_ne(ip6_stable_id(eth->ip6, &a, 1), id);
	ck_assert_uint_ne(id, 0x0000fffe000001ull);
	tn.ip.ip6_secret.k[0] ^= 1;
	ck_assert_uint_ne(ip6_stable_id(eth->ip6, &a, 0), id);
}
END_TEST

/* What a stack of this seed, whose own secret is therefore another, makes of a secret, for a
 * network. */
static uint64_t id_of(uint64_t seed, uint8_t secret, const char *network)
{
	const uint8_t bytes[16] = { [7] = 1, [15] = secret };
	const struct ip6_config c = {
		.enabled = true, .has_secret = true, .secret = ip6_secret(bytes),
	};
	struct ip_addr prefix = testnet_addr(network);
	struct testnet other;
	struct nic *nic;
	uint64_t id;

	testnet_init(&other, seed);
	nic = testnet_nic(&other, &(struct testnet_link_config){ 0 });
	ck_assert_int_eq(ip6_link_start(&other.ip, nic, &c), 0);
	id = ip6_stable_id(nic->ip6, &prefix, 0);
	testnet_fini(&other);
	return id;
}

/* RFC 7217 section 5: the secret that the NIC was given is all that has to be the same. */
START_TEST(identifiers_outlive_the_stack)
{
	uint64_t id = id_of(1, 1, MADE_PREFIX);

	ck_assert_uint_eq(id_of(2, 1, MADE_PREFIX), id);
	ck_assert_uint_ne(id_of(1, 2, MADE_PREFIX), id);
	ck_assert_uint_ne(id_of(1, 1, "2001:db8:2::"), id);
}
END_TEST

/* 5.5.3 (d), 5.5.4: an address of the prefix; deprecated, then gone, as its lifetimes end. */
START_TEST(address_from_a_prefix_and_its_ends)
{
	struct ip_addr dst = testnet_addr("2001:db8:9::1");
	struct ip_addr a;

	ready();
	ra_simple(ROUTER, 1800, 100, 50);
	ck_assert_ptr_nonnull(made());
	ck_assert_int_eq(made()->state, IFADDR_TENTATIVE);
	testnet_run(&tn, 3 * SEC);
	ck_assert_int_eq(made()->state, IFADDR_PREFERRED);
	a = ip_addr_select6(&tn.ip, eth, &dst);
	ck_assert(ip_addr_eq(&a, &made()->addr));
	testnet_run(&tn, 46 * SEC);
	ck_assert_int_eq(made()->state, IFADDR_PREFERRED);
	testnet_run(&tn, 2 * SEC);
	ck_assert_int_eq(made()->state, IFADDR_DEPRECATED);
	ck_assert_ptr_nonnull(ip_addr_find(&tn.ip, &made()->addr));
	testnet_run(&tn, 50 * SEC);
	ck_assert_ptr_null(made());
	ck_assert_str_eq(next_hop("2001:db8::77"), ROUTER);	/* the prefix is not on the link any more */
}
END_TEST

/* 5.5.3 (a) to (d): flags, prefixes and lifetimes that make none. */
START_TEST(prefixes_that_make_none)
{
	struct ra ra = ra_new(1800, 0);

	ready();
	ra_prefix(&ra, "2001:db8:1::", 64, PIO_L, 1000, 1000);
	ra_prefix(&ra, "fe80::", 64, PIO_L | PIO_A, 1000, 1000);
	ra_prefix(&ra, "2001:db8:2::", 64, PIO_A, 1000, 1001);
	ra_prefix(&ra, "2001:db8:3::", 64, PIO_A, 0, 0);
	ra_prefix(&ra, "2001:db8:4::", 56, PIO_A, 1000, 1000);
	ra_prefix(&ra, "2001:db8:5::", 72, PIO_A, 1000, 1000);
	ra_prefix(&ra, "ff05::", 64, PIO_A, 1000, 1000);
	ra_feed(&ra, ROUTER);
	ck_assert_int_eq(count_addrs(), 1);
}
END_TEST

static uint64_t valid_s(void)
{
	return made()->valid_until == IFADDR_FOREVER ? UINT64_MAX :
		(made()->valid_until - tn.env.now) / SEC;
}

/* 5.5.3 (e): the two-hour rule, case by case. */
START_TEST(two_hour_rule)
{
	ready();
	ra_simple(ROUTER, 1800, 10000, 10000);
	testnet_run(&tn, 3 * SEC);
	ra_simple(ROUTER, 1800, 8000, 8000);		/* above two hours: as said */
	ck_assert_uint_eq(valid_s(), 8000);
	ra_simple(ROUTER, 1800, 20, 10);		/* more is left: cut to two hours */
	ck_assert_uint_eq(valid_s(), 7200);
	ck_assert_uint_eq((made()->preferred_until - tn.env.now) / SEC, 10);
	testnet_run(&tn, 1000 * SEC);
	ck_assert_int_eq(made()->state, IFADDR_DEPRECATED);
	ra_simple(ROUTER, 1800, 100, 100);		/* less is left: ignored, but preferred anew */
	ck_assert_uint_eq(valid_s(), 6200);
	ck_assert_int_eq(made()->state, IFADDR_PREFERRED);
	ra_simple(ROUTER, 1800, 6300, 100);		/* longer than what is left: as said */
	ck_assert_uint_eq(valid_s(), 6300);
	ra_simple(ROUTER, 1800, 0, 0);
	ck_assert_uint_eq(valid_s(), 6300);
	ra_simple(ROUTER, 1800, UINT32_MAX, UINT32_MAX);
	ck_assert_uint_eq(valid_s(), UINT64_MAX);
	testnet_run(&tn, 100000 * SEC);
	ck_assert_int_eq(made()->state, IFADDR_PREFERRED);
}
END_TEST

/* A router may make us have 16 addresses (Linux's max_addresses), and as many prefixes. */
START_TEST(addresses_are_bounded)
{
	char prefix[40];

	ready();
	for (int i = 0; i < 40; i++) {
		struct ra ra = ra_new(1800, 0);

		snprintf(prefix, sizeof(prefix), "2001:db8:%x::", i);
		ra_prefix(&ra, prefix, 64, PIO_L | PIO_A, 1000, 1000);
		ra_feed(&ra, ROUTER);
	}
	ck_assert_int_eq(count_addrs(), 1 + 16);
	ck_assert_uint_eq(eth->ip6->nprefixes, 16);
	ck_assert_uint_eq(tn.ip.ip6_stats.limits, 48);
}
END_TEST

START_TEST(accept_ra_off)
{
	struct ip6_config c = defaults;

	c.accept_ra = false;
	start(&c);
	testnet_run(&tn, 60 * SEC);
	ck_assert_int_eq(count(NDP_ROUTER_SOLICIT), 0);
	ra_simple(ROUTER, 1800, 100, 50);
	ck_assert_ptr_null(made());
	ck_assert_str_eq(next_hop("2001:db8::77"), "none");
}
END_TEST

/* ipv6 = off: nothing is said, taken or given. */
START_TEST(ipv6_off)
{
	struct ip6_config c = defaults;
	struct ip_addr a = testnet_addr("2001:db8::1");
	struct weir_error e = { "" };

	c.enabled = false;
	start(&c);
	testnet_run(&tn, 10 * SEC);
	ck_assert_int_eq(count_addrs(), 0);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_int_eq(ip_addr_add(&tn.ip, eth, &a, 64, &e), -EAFNOSUPPORT);
	ra_simple(ROUTER, 1800, 100, 50);
	ck_assert_uint_eq(tn.ip.stats6.in_receives, 0);
}
END_TEST

/* 5.3, 5.4: a link that comes up may be another one: what a router said is forgotten, and what was
 * ours is looked for duplicates of. */
START_TEST(down_and_up_again)
{
	ready();
	add("2001:db8:7::1", 64);
	ra_simple(ROUTER, 1800, 10000, 5000);
	testnet_run(&tn, 3 * SEC);
	ck_assert_int_eq(count_addrs(), 3);
	nic_set_up(eth, false);
	ck_assert_int_eq(count_addrs(), 2);
	ck_assert_ptr_null(made());
	nic_set_up(eth, true);
	ck_assert_int_eq(find("2001:db8:7::1")->state, IFADDR_TENTATIVE);
	ck_assert_str_eq(next_hop("2001:db8::77"), "none");
	testnet_discard(eth);
	testnet_run(&tn, 3 * SEC);
	ck_assert_int_eq(find("2001:db8:7::1")->state, IFADDR_PREFERRED);
	ck_assert_int_eq(count(NDP_SOLICIT), 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("slaac");
	TCase *tc = tcase_create("slaac");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, linklocal_is_made_and_probed);
	tcase_add_test(tc, tentative_is_silent);
	tcase_add_test(tc, duplicates_are_found);
	tcase_add_test(tc, own_probe_comes_back);
	tcase_add_test(tc, made_addresses_are_made_again);
	tcase_add_test(tc, eui64_identifiers);
	tcase_add_test(tc, stable_identifiers);
	tcase_add_test(tc, identifiers_outlive_the_stack);
	tcase_add_test(tc, address_from_a_prefix_and_its_ends);
	tcase_add_test(tc, prefixes_that_make_none);
	tcase_add_test(tc, two_hour_rule);
	tcase_add_test(tc, addresses_are_bounded);
	tcase_add_test(tc, accept_ra_off);
	tcase_add_test(tc, ipv6_off);
	tcase_add_test(tc, down_and_up_again);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
