/* SPDX-License-Identifier: Apache-2.0 */
/* test_igmp.c - what routers are told of our groups. Sections are RFC 3376's unless named. */
#include "groupnet.h"

/* ---- reports of changes ---- */

/* 5.1: told at once, once more within a second, and no more (robustness 2). */
START_TEST(join_is_reported_twice)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 0);
	expect(TO_EX, GROUP, 0, NULL);
	expect_none();
	testnet_run(&tn, SEC + MSEC);
	expect(TO_EX, GROUP, 0, NULL);
	testnet_run(&tn, 30 * SEC);
	expect_none();
}
END_TEST

/* 5.1: changes meanwhile merge; the group told to be left is forgotten after the last word. */
START_TEST(leave_is_reported_twice)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	ck_assert_int_eq(leave(sk, GROUP), 0);
	testnet_run(&tn, 0);
	expect(TO_IN, GROUP, 0, NULL);
	ck_assert_uint_eq(groups_count(tn.ip.groups), 1);
	testnet_run(&tn, 2 * SEC);
	expect(TO_IN, GROUP, 0, NULL);
	expect_none();
	ck_assert_uint_eq(groups_count(tn.ip.groups), 0);
}
END_TEST

/* 5.1: "TO_EX, then TO_IN before it was sent again": what is sent is the state as it is. */
START_TEST(hasty_changes_merge)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(join(sk, GROUP), 0);
	ck_assert_int_eq(leave(sk, GROUP), 0);
	ck_assert_int_eq(join(sk, OTHER), 0);
	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 0);

	struct message m;

	ck_assert(take(&m));
	ck_assert_int_eq(m.records, 2);		/* one report for all that a turn changed */
	ck_assert_int_eq(m.r[0].type, TO_EX);
	ck_assert_int_eq(m.r[1].type, TO_EX);
	expect_none();
}
END_TEST

/* 3.2, 4.2.12: sources that come and go in a filter of the same mode. */
START_TEST(source_changes)
{
	struct sock *sk = open_udp();
	const uint32_t one[] = { 0x0a000007 }, two[] = { 0x0a000008 };

	ck_assert_int_eq(source(sk, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "10.0.0.7"), 0);
	testnet_run(&tn, 5 * SEC);
	expect(ALLOW, GROUP, 1, one);
	expect(ALLOW, GROUP, 1, one);
	ck_assert_int_eq(source(sk, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "10.0.0.8"), 0);
	testnet_run(&tn, 5 * SEC);
	expect(ALLOW, GROUP, 1, two);
	expect(ALLOW, GROUP, 1, two);
	ck_assert_int_eq(source(sk, IP_DROP_SOURCE_MEMBERSHIP, GROUP, "10.0.0.7"), 0);
	testnet_run(&tn, 5 * SEC);
	expect(BLOCK, GROUP, 1, one);
	expect(BLOCK, GROUP, 1, one);
	ck_assert_int_eq(source(sk, IP_DROP_SOURCE_MEMBERSHIP, GROUP, "10.0.0.8"), 0);
	testnet_run(&tn, 5 * SEC);
	expect(BLOCK, GROUP, 1, two);
	expect(BLOCK, GROUP, 1, two);
	expect_none();
	ck_assert_uint_eq(groups_count(tn.ip.groups), 0);
}
END_TEST

/* 3.2's example: EXCLUDE {a,b,c,d}, EXCLUDE {b,c,d,e}, INCLUDE {d,e,f} make EXCLUDE {b,c}. */
START_TEST(filters_of_sockets_merge)
{
	struct sock *s1 = open_udp(), *s2 = open_udp(), *s3 = open_udp();
	const char *f1[] = { "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14" };
	const char *f2[] = { "10.0.0.12", "10.0.0.13", "10.0.0.14", "10.0.0.15" };
	const char *f3[] = { "10.0.0.14", "10.0.0.15", "10.0.0.16" };
	const uint32_t both[] = { 0x0a00000c, 0x0a00000d };
	const uint32_t all[] = { 0x0a00000e, 0x0a00000f, 0x0a000010 };

	ck_assert_int_eq(join(s1, GROUP), 0);
	ck_assert_int_eq(join(s2, GROUP), 0);
	ck_assert_int_eq(join(s3, GROUP), 0);
	ck_assert_int_eq(set_filter(s1, GROUP, MCAST_EXCLUDE, 4, f1), 0);
	ck_assert_int_eq(set_filter(s2, GROUP, MCAST_EXCLUDE, 4, f2), 0);
	ck_assert_int_eq(set_filter(s3, GROUP, MCAST_INCLUDE, 3, f3), 0);
	testnet_run(&tn, 0);
	expect(TO_EX, GROUP, 2, both);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	socket_close(s1);
	socket_close(s2);			/* close() leaves: only the including one is left */
	testnet_run(&tn, 0);
	expect(TO_IN, GROUP, 3, all);
}
END_TEST

/* 6: 224.0.0.1 is every host's, and never reported. */
START_TEST(all_hosts_is_not_reported)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(bind_to(sk, "0.0.0.0", 5000), 0);
	ck_assert_int_eq(join(sk, "224.0.0.1"), 0);
	testnet_run(&tn, 5 * SEC);
	expect_none();
	feed_udp(PEER, "224.0.0.1", 5000);
	ck_assert_int_eq(receive(sk), 1);
}
END_TEST

START_TEST(loopback_is_not_told)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(set_mreq(sk, IP_ADD_MEMBERSHIP, GROUP, "127.0.0.1"), 0);
	testnet_run(&tn, 5 * SEC);
	ck_assert_uint_eq(tn.ip.igmp_stats.out_msgs, 0);
	expect_none();
}
END_TEST

/* ---- queries ---- */

/* 5.2: the state of all groups, in one report, within the response time. */
START_TEST(general_query_is_answered)
{
	struct sock *sk = open_udp();
	struct message m;

	ck_assert_int_eq(join(sk, GROUP), 0);
	ck_assert_int_eq(source(sk, IP_ADD_SOURCE_MEMBERSHIP, OTHER, "10.0.0.7"), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	query_v3(NULL, 100, 2, 125, 0, NULL);
	expect_none();
	testnet_run(&tn, 10 * SEC);
	ck_assert(take(&m));
	ck_assert_int_eq(m.records, 2);
	ck_assert_int_eq(m.r[0].type, IS_EX);
	ck_assert_int_eq(m.r[0].n, 0);
	ck_assert_int_eq(m.r[1].type, IS_IN);
	ck_assert_int_eq(m.r[1].n, 1);
	ck_assert_uint_eq(m.r[1].src[0], 0x0a000007);
	expect_none();
}
END_TEST

/* 5.2 rule 1: one answer is enough for two queries at once. And its moment is random. */
START_TEST(general_queries_share_an_answer)
{
	struct sock *sk = open_udp();
	uint64_t first = 0, at;
	bool differs = false;

	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	for (int i = 0; i < 8; i++) {
		uint64_t start = tn.env.now;

		query_v3(NULL, 100, 2, 125, 0, NULL);
		query_v3(NULL, 100, 2, 125, 0, NULL);
		while (!testnet_captured(eth))
			testnet_run(&tn, 10 * MSEC);
		at = tn.env.now - start;
		ck_assert_uint_le(at, 10 * SEC + 10 * MSEC);
		differs |= i && at != first;
		first = at;
		testnet_run(&tn, 11 * SEC);
		ck_assert_uint_eq(testnet_captured(eth), 1);
		testnet_discard(eth);
	}
	ck_assert(differs);
}
END_TEST

/* 5.2 rules 3 to 5: about a group; about sources of it: only those that are wanted. */
START_TEST(specific_queries)
{
	struct sock *sk = open_udp();
	const char *asked[] = { "10.0.0.7", "10.0.0.8" };
	const uint32_t seven[] = { 0x0a000007 }, eight[] = { 0x0a000008 };

	ck_assert_int_eq(join(sk, GROUP), 0);
	ck_assert_int_eq(source(sk, IP_BLOCK_SOURCE, GROUP, "10.0.0.7"), 0);
	ck_assert_int_eq(source(sk, IP_ADD_SOURCE_MEMBERSHIP, OTHER, "10.0.0.7"), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	query_v3(GROUP, 10, 2, 125, 0, NULL);
	testnet_run(&tn, SEC + MSEC);
	expect(IS_EX, GROUP, 1, seven);
	query_v3(GROUP, 10, 2, 125, 2, asked);
	testnet_run(&tn, SEC + MSEC);
	expect(IS_IN, GROUP, 1, eight);
	query_v3(OTHER, 10, 2, 125, 2, asked);
	testnet_run(&tn, SEC + MSEC);
	expect(IS_IN, OTHER, 1, seven);
	query_v3(GROUP, 10, 2, 125, 1, asked);	/* blocked: nothing to say */
	testnet_run(&tn, SEC + MSEC);
	expect_none();
	/* Rule 4: a question about the whole group takes the place of one about sources. */
	query_v3(GROUP, 10, 2, 125, 2, asked);
	query_v3(GROUP, 10, 2, 125, 0, NULL);
	testnet_run(&tn, SEC + MSEC);
	expect(IS_EX, GROUP, 1, seven);
	expect_none();
	query_v3("239.9.9.9", 10, 2, 125, 0, NULL);	/* not ours */
	testnet_run(&tn, 2 * SEC);
	expect_none();
}
END_TEST

/* 4.1.6, 8.1: the querier's robustness is ours; none given is 2. */
START_TEST(robustness_is_the_queriers)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(join(sk, OTHER), 0);
	testnet_run(&tn, 5 * SEC);
	query_v3(NULL, 10, 4, 125, 0, NULL);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 10 * SEC);
	ck_assert_uint_eq(testnet_captured(eth), 4);
	query_v3(NULL, 10, 0, 125, 0, NULL);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	ck_assert_int_eq(leave(sk, GROUP), 0);
	testnet_run(&tn, 10 * SEC);
	ck_assert_uint_eq(testnet_captured(eth), 2);
}
END_TEST

/* 9.1: what no router of this link can have sent, or is damaged, is not answered. */
START_TEST(bad_queries)
{
	struct sock *sk = open_udp();
	uint8_t msg[16] = { 0x11, 10 }, ip[100];
	uint32_t len;

	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	feed_igmp(PEER, GROUP, msg, 12);	/* general, not to all hosts */
	put_be16(msg + 10, 2);			/* two sources, and only one there */
	feed_igmp(PEER, "224.0.0.1", msg, 16);
	feed_igmp(PEER, "224.0.0.1", msg, 10);	/* no length that a query has */
	put_be32(msg + 4, 0x0a000001);		/* about no group */
	put_be16(msg + 10, 0);
	feed_igmp(PEER, "224.0.0.1", msg, 12);
	ck_assert_uint_eq(tn.ip.igmp_stats.in_errors, 3);
	put_be32(msg + 4, 0);
	put_be16(msg + 2, 0x1234);
	len = testnet_ipv4(ip, PEER, "224.0.0.1", IPPROTO_IGMP, 0, 0, msg, 12);
	testnet_feed_ip(&tn, eth, NULL, ip, len);
	ck_assert_uint_eq(tn.ip.igmp_stats.in_csum_errors, 1);
	testnet_run(&tn, 20 * SEC);
	expect_none();
}
END_TEST

/* A flood of queries that allow no delay is answered ten times a second at most. */
START_TEST(query_flood)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	for (int i = 0; i < 1000; i++) {
		query_v3(NULL, 0, 2, 125, 0, NULL);
		testnet_run(&tn, MSEC);
	}
	ck_assert_uint_ge(testnet_captured(eth), 1);
	ck_assert_uint_le(testnet_captured(eth), 11);
}
END_TEST

/* 4.2.16: records that fill more than a packet are split; none is lost. */
START_TEST(many_groups_take_several_reports)
{
	struct sock *sk[20];
	char group[32];
	uint8_t f[2000];
	uint32_t records = 0, len;

	for (int i = 0; i < 20; i++) {
		sk[i] = open_udp();
		for (int k = 0; k < 20; k++) {
			snprintf(group, sizeof(group), "239.0.%d.%d", i, k);
			ck_assert_int_eq(join(sk[i], group), 0);
		}
	}
	testnet_run(&tn, 0);
	testnet_run(&tn, 0);			/* a turn does not tell of so many */
	ck_assert_uint_ge(testnet_captured(eth), 3);
	while ((len = testnet_take_bytes(eth, f, sizeof(f)))) {
		ck_assert_uint_le(len, 1514);
		records += get_be16(f + ETH_LEN + 24 + 6);
	}
	ck_assert_uint_eq(records, 400);
}
END_TEST

/* ---- older routers ---- */

/* 7.2.1, RFC 2236 section 3: reports to the group, a leave to all routers, own reports only. */
START_TEST(version_2)
{
	struct sock *sk = open_udp();
	uint8_t report[8] = { 0x16 };

	ck_assert_int_eq(join(sk, OTHER), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	query_old(NULL, 100);
	testnet_run(&tn, 10 * SEC + MSEC);
	expect_old(0x16, 0xef010204, OTHER);
	ck_assert_int_eq(join(sk, GROUP), 0);
	expect_none();
	testnet_run(&tn, 0);
	expect_old(0x16, 0xef010203, GROUP);
	testnet_run(&tn, 11 * SEC);
	expect_old(0x16, 0xef010203, GROUP);
	testnet_run(&tn, 11 * SEC);
	expect_none();
	ck_assert_int_eq(leave(sk, GROUP), 0);
	testnet_run(&tn, 0);
	expect_old(0x17, 0xe0000002, GROUP);
	/* Another host's report makes ours needless, and our leaving its business. */
	query_old(OTHER, 100);
	put_be32(report + 4, 0xef010204);
	feed_igmp(PEER, OTHER, report, sizeof(report));
	testnet_run(&tn, 12 * SEC);
	expect_none();
	ck_assert_int_eq(leave(sk, OTHER), 0);
	testnet_run(&tn, 5 * SEC);
	expect_none();
}
END_TEST

/* RFC 1112 appendix I: within ten seconds, type 0x12, and no leave. */
START_TEST(version_1)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	query_old(NULL, 0);
	testnet_run(&tn, 10 * SEC + MSEC);
	expect_old(0x12, 0xef010203, GROUP);
	query_old(NULL, 100);			/* 7.2.1: the lowest version heard counts */
	testnet_run(&tn, 10 * SEC + MSEC);
	expect_old(0x12, 0xef010203, GROUP);
	ck_assert_int_eq(leave(sk, GROUP), 0);
	testnet_run(&tn, 5 * SEC);
	expect_none();
}
END_TEST

/* 7.2.1, 8.12: back to version 3 once no older router was heard for 2 x 125 s + 10 s. */
START_TEST(back_to_version_3)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 5 * SEC);
	query_old(NULL, 100);
	testnet_run(&tn, 259 * SEC);
	testnet_discard(eth);
	query_v3(NULL, 10, 2, 125, 0, NULL);
	testnet_run(&tn, SEC - MSEC);
	expect_old(0x16, 0xef010203, GROUP);
	testnet_run(&tn, SEC);
	query_v3(NULL, 10, 2, 125, 0, NULL);
	testnet_run(&tn, SEC + MSEC);
	expect(IS_EX, GROUP, 0, NULL);
}
END_TEST

/* 7.2.1: the change of version voids what was to be told in the other. */
START_TEST(version_change_drops_pending)
{
	uint8_t query[8] = { 0x11, 100 };
	struct sock *sk = open_udp();

	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 0);
	expect(TO_EX, GROUP, 0, NULL);
	put_be32(query + 4, 0xef090909);	/* about another group, which needs no answer */
	feed_igmp(PEER, "224.0.0.1", query, sizeof(query));
	testnet_run(&tn, 20 * SEC);
	expect_none();
}
END_TEST

/* ---- links ---- */

START_TEST(up_again_tells_anew)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	nic_set_up(eth, false);
	ck_assert_int_eq(join(sk, OTHER), 0);
	ck_assert_int_eq(leave(sk, OTHER), 0);
	testnet_run(&tn, 5 * SEC);
	expect_none();
	nic_set_up(eth, true);
	testnet_run(&tn, 0);
	expect(TO_EX, GROUP, 0, NULL);
	ck_assert_uint_eq(groups_count(tn.ip.groups), 1);
}
END_TEST

START_TEST(memberships_go_with_their_nic)
{
	struct nic *other = testnet_nic(&tn, &(struct testnet_link_config){
		.name = "eth1", .addr = { 2, 0, 0, 0, 0, 9 } });
	struct group_req g = { .gr_interface = other->index };
	struct sockaddr_in group = name_of(GROUP, 0);
	struct sock *sk = open_udp();

	memcpy(&g.gr_group, &group, sizeof(group));
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof(g)), 0);
	nic_destroy(other);
	ck_assert_uint_eq(groups_count(tn.ip.groups), 0);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, MCAST_LEAVE_GROUP, &g, sizeof(g)),
			 -EADDRNOTAVAIL);
	ck_assert_int_eq(join(sk, GROUP), 0);
}
END_TEST

/* Records in all reports that have left. */
static uint32_t take_records(void)
{
	static uint8_t f[2000];
	uint32_t n = 0;

	while (testnet_take_bytes(eth, f, sizeof(f)))
		n += get_be16(f + ETH_LEN + 24 + 6);
	return n;
}

/* Thousands of groups at once: a turn tells of some, and in the end each is told of twice. */
START_TEST(many_changes)
{
	const uint32_t groups = 3000, turn = 256;
	struct membership *m = calloc(groups, sizeof(*m));
	struct ip_addr a = testnet_addr("239.5.0.0");
	uint32_t told = 0, turns = 0;

	ck_assert_ptr_nonnull(m);
	for (uint32_t i = 0; i < groups; i++) {
		put_be16(a.b + 14, (uint16_t)i);
		ck_assert_int_eq(group_join(&tn.ip, eth, &a, &m[i]), 0);
	}
	for (; told < groups; turns++) {
		uint32_t n;

		env_run(&tn.env, tn.env.now);
		n = take_records();
		ck_assert_uint_gt(n, 0);
		ck_assert_uint_le(n, turn);
		told += n;
	}
	ck_assert_uint_eq(told, groups);
	ck_assert_uint_eq(turns, (groups + turn - 1) / turn);
	testnet_run(&tn, SEC + MSEC);
	ck_assert_uint_eq(take_records(), groups);
	testnet_run(&tn, 20 * SEC);
	ck_assert_uint_eq(take_records(), 0);
	for (uint32_t i = 0; i < groups; i++)
		group_leave(&m[i]);
	testnet_run(&tn, 20 * SEC);
	ck_assert_uint_eq(take_records(), 2 * groups);
	ck_assert_uint_eq(groups_count(tn.ip.groups), 0);
	free(m);
}
END_TEST

static uint32_t draws;

static void count_draws(void *arg, void *dst, size_t n)
{
	draws++;
	random_from_seed(arg, dst, n);
}

/* Queries of an older version in masses: each group draws a delay, but not for each of them; the shortest that was
 * asked for counts. */
START_TEST(flood_of_older_queries)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(join(sk, GROUP), 0);
	ck_assert_int_eq(join(sk, OTHER), 0);
	testnet_run(&tn, 5 * SEC);
	query_old(NULL, 100);
	tn.env.random.fill = count_draws;
	for (int i = 0; i < 100; i++)
		query_old(NULL, i == 50 ? 1 : 100);
	ck_assert_uint_le(draws, 4);
	testnet_discard(eth);
	testnet_run(&tn, 200 * MSEC + MSEC);
	ck_assert_uint_le(draws, 4);
	ck_assert_uint_eq(testnet_captured(eth), 2);
	testnet_discard(eth);
	testnet_run(&tn, 20 * SEC);
	tn.env.random.fill = random_from_seed;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("igmp");
	TCase *tc = tcase_create("igmp");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, join_is_reported_twice);
	tcase_add_test(tc, leave_is_reported_twice);
	tcase_add_test(tc, hasty_changes_merge);
	tcase_add_test(tc, source_changes);
	tcase_add_test(tc, filters_of_sockets_merge);
	tcase_add_test(tc, all_hosts_is_not_reported);
	tcase_add_test(tc, loopback_is_not_told);
	tcase_add_test(tc, general_query_is_answered);
	tcase_add_test(tc, general_queries_share_an_answer);
	tcase_add_test(tc, specific_queries);
	tcase_add_test(tc, robustness_is_the_queriers);
	tcase_add_test(tc, bad_queries);
	tcase_add_test(tc, query_flood);
	tcase_add_test(tc, many_groups_take_several_reports);
	tcase_add_test(tc, version_2);
	tcase_add_test(tc, version_1);
	tcase_add_test(tc, back_to_version_3);
	tcase_add_test(tc, version_change_drops_pending);
	tcase_add_test(tc, up_again_tells_anew);
	tcase_add_test(tc, memberships_go_with_their_nic);
	tcase_add_test(tc, many_changes);
	tcase_add_test(tc, flood_of_older_queries);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
