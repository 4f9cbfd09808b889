/* SPDX-License-Identifier: Apache-2.0 */
/* test_group.c - multicasts delivered and sent, and the options of sockets. Sections are RFC 3376's
 * unless named. */
#include "groupnet.h"

/* ---- delivery ---- */

/* RFC 1112 section 7.2: what nobody here has joined is not taken, whatever the link lets
 * through. */
START_TEST(only_joined_groups)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(bind_to(sk, "0.0.0.0", 5000), 0);
	feed_udp(PEER, GROUP, 5000);
	ck_assert_int_eq(receive(sk), -EAGAIN);
	ck_assert_uint_eq(tn.ip.stats.in_unjoined, 1);
	ck_assert_int_eq(join(sk, GROUP), 0);
	feed_udp(PEER, GROUP, 5000);
	feed_udp(PEER, OTHER, 5000);
	ck_assert_int_eq(receive(sk), 1);
	ck_assert_int_eq(receive(sk), -EAGAIN);
	ck_assert_int_eq(leave(sk, GROUP), 0);
	feed_udp(PEER, GROUP, 5000);		/* still to be told, but nobody's */
	ck_assert_int_eq(receive(sk), -EAGAIN);
}
END_TEST

/* 3.1: each socket gets what its own filter lets through, though the NIC takes more. */
START_TEST(each_socket_its_filter)
{
	struct sock *a = open_udp(), *b = open_udp(), *all = open_udp(), *own = open_udp();
	struct sock *all_socks[] = { a, b, all, own };

	for (size_t i = 0; i < 4; i++) {
		all_socks[i]->reuseaddr = true;
		ck_assert_int_eq(bind_to(all_socks[i], "0.0.0.0", 5000), 0);
	}
	set_int(own, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	ck_assert_int_eq(source(a, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "10.0.0.7"), 0);
	ck_assert_int_eq(join(b, GROUP), 0);
	ck_assert_int_eq(source(b, IP_BLOCK_SOURCE, GROUP, "10.0.0.7"), 0);
	feed_udp("10.0.0.7", GROUP, 5000);
	feed_udp("10.0.0.8", GROUP, 5000);
	feed_udp("10.0.0.8", GROUP, 5000);
	for (int i = 0; i < 4; i++) {
		static const int want[] = { 1, 2, 3, 0 };	/* IP_MULTICAST_ALL is on by default */

		for (int k = 0; k < want[i]; k++)
			ck_assert_int_eq(receive(all_socks[i]), 1);
		ck_assert_int_eq(receive(all_socks[i]), -EAGAIN);
	}
	ck_assert_int_eq(socket_setsockopt(own, IPPROTO_IP, IP_MULTICAST_ALL, &(int){ 2 }, 4), -EINVAL);
	ck_assert_int_eq(get_int(own, IPPROTO_IP, IP_MULTICAST_ALL), 0);
}
END_TEST

START_TEST(nobody_wants_the_source)
{
	struct sock *a = open_udp();

	ck_assert_int_eq(bind_to(a, "0.0.0.0", 5000), 0);
	ck_assert_int_eq(source(a, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "10.0.0.7"), 0);
	feed_udp("10.0.0.8", GROUP, 5000);
	ck_assert_uint_eq(tn.ip.stats.in_unjoined, 1);
	ck_assert_int_eq(receive(a), -EAGAIN);
}
END_TEST

static void loop_setup(struct sock **a, struct sock **b)
{
	*a = open_udp();
	*b = open_udp();
	ck_assert_int_eq(bind_to(*b, "0.0.0.0", 5000), 0);
	ck_assert_int_eq(set_mreq(*b, IP_ADD_MEMBERSHIP, GROUP, US), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	set_if(*a, US);
}

/* RFC 1112 section 6.1, ip(7): a copy comes back to members here, unless IP_MULTICAST_LOOP is
 * off. */
START_TEST(own_multicasts_come_back)
{
	struct sock *a, *b;
	struct sockaddr_in from;
	uint8_t f[200];

	loop_setup(&a, &b);
	ck_assert_int_eq(send_to(a, GROUP, 5000, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive_from(b, &from, f, sizeof(f)), 1);
	ck_assert_uint_eq(from.sin_addr.s_addr, name_of(US, 0).sin_addr.s_addr);
	ck_assert_int_eq(receive(b), -EAGAIN);
	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), ETH_LEN + 29);
	ck_assert_uint_eq(f[ETH_LEN + 8], 1);	/* TTL */
	ck_assert_uint_eq(get_be32(f + 2), 0x5e010203);
	set_int(a, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	ck_assert_int_eq(send_to(a, GROUP, 5000, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), -EAGAIN);
	ck_assert_uint_eq(testnet_captured(eth), 1);
	testnet_discard(eth);
	set_int(a, IPPROTO_IP, IP_MULTICAST_LOOP, 1);
	ck_assert_int_eq(send_to(a, OTHER, 5000, "x", 1), 1);	/* nobody's here */
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), -EAGAIN);
	ck_assert_uint_eq(testnet_captured(eth), 1);
}
END_TEST

/* RFC 1112 section 6.1: TTL 0 does not leave the host. */
START_TEST(ttl_zero_stays_here)
{
	struct sock *a, *b;

	loop_setup(&a, &b);
	set_int(a, IPPROTO_IP, IP_MULTICAST_TTL, 0);
	ck_assert_int_eq(send_to(a, GROUP, 5000, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), 1);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	set_int(a, IPPROTO_IP, IP_MULTICAST_TTL, 7);
	ck_assert_int_eq(send_to(a, GROUP, 5000, "x", 1), 1);
	testnet_run(&tn, 0);

	uint8_t f[200];

	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), ETH_LEN + 29);
	ck_assert_uint_eq(f[ETH_LEN + 8], 7);
}
END_TEST

START_TEST(groups_on_loopback)
{
	struct sock *a = open_udp(), *b = open_udp();

	ck_assert_int_eq(bind_to(b, "0.0.0.0", 5000), 0);
	ck_assert_int_eq(set_mreq(b, IP_ADD_MEMBERSHIP, GROUP, "127.0.0.1"), 0);
	set_if(a, "127.0.0.1");
	ck_assert_int_eq(send_to(a, GROUP, 5000, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_int_eq(receive(b), 1);
	ck_assert_int_eq(receive(b), -EAGAIN);
}
END_TEST

/* A group is on the link, whichever router the route to it names. */
START_TEST(no_gateway_for_groups)
{
	struct ip_addr gw = testnet_addr(PEER);
	struct route r = { .dst = ip_addr_v4(0), .gateway = gw };
	struct sock *a = open_udp();
	uint8_t f[200];

	ck_assert_int_eq(send_to(a, GROUP, 5000, "x", 1), -ENETUNREACH);
	ck_assert_int_eq(route_add(&tn.ip, &r, NULL), 0);
	ck_assert_int_eq(send_to(a, GROUP, 5000, "x", 1), 1);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), ETH_LEN + 29);
	ck_assert_uint_eq(get_be16(f), 0x0100);
	ck_assert_uint_eq(get_be32(f + 2), 0x5e010203);
}
END_TEST

/* A raw socket sees IGMP, as a routing daemon's does. */
START_TEST(raw_socket_sees_igmp)
{
	struct sock *sk = open_raw(&raw_ops, IPPROTO_IGMP);
	uint8_t buf[100];

	query_v3(NULL, 100, 2, 125, 0, NULL);
	ck_assert_int_eq(receive_from(sk, NULL, buf, sizeof(buf)), 32);
	ck_assert_uint_eq(buf[20], 0x11);
}
END_TEST

/* ---- options: Linux's errors ---- */

START_TEST(errors_of_join_and_leave)
{
	struct sock *sk = open_udp();
	struct ip_mreqn m = { .imr_multiaddr = name_of(GROUP, 0).sin_addr, .imr_ifindex = 99 };

	ck_assert_int_eq(join(sk, "10.0.0.9"), -EINVAL);
	ck_assert_int_eq(set_mreq(sk, IP_ADD_MEMBERSHIP, GROUP, "10.0.0.9"), -ENODEV);
	ck_assert_int_eq(set_mreq(sk, IP_ADD_MEMBERSHIP, GROUP, "0.0.0.0"), -ENODEV);	/* no route */
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), -ENODEV);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, 4), -EINVAL);
	ck_assert_int_eq(leave(sk, GROUP), -EADDRNOTAVAIL);
	ck_assert_int_eq(join(sk, GROUP), 0);
	ck_assert_int_eq(join(sk, GROUP), -EADDRINUSE);
	m.imr_ifindex = (int)eth->index;
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)),
			 -EADDRINUSE);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)), 0);
	ck_assert_int_eq(leave(sk, GROUP), -EADDRNOTAVAIL);
}
END_TEST

START_TEST(errors_of_sources)
{
	struct sock *sk = open_udp();

	ck_assert_int_eq(source(sk, IP_BLOCK_SOURCE, GROUP, PEER), -EINVAL);	/* not joined */
	ck_assert_int_eq(join(sk, GROUP), 0);
	ck_assert_int_eq(source(sk, IP_UNBLOCK_SOURCE, GROUP, PEER), -EADDRNOTAVAIL);
	ck_assert_int_eq(source(sk, IP_BLOCK_SOURCE, GROUP, PEER), 0);
	ck_assert_int_eq(source(sk, IP_BLOCK_SOURCE, GROUP, PEER), -EADDRNOTAVAIL);
	ck_assert_int_eq(source(sk, IP_ADD_SOURCE_MEMBERSHIP, GROUP, PEER), -EINVAL);	/* mode */
	ck_assert_int_eq(source(sk, IP_UNBLOCK_SOURCE, GROUP, PEER), 0);
	ck_assert_int_eq(source(sk, IP_ADD_SOURCE_MEMBERSHIP, GROUP, PEER), 0);	/* empty: may change */
	ck_assert_int_eq(source(sk, IP_DROP_SOURCE_MEMBERSHIP, GROUP, PEER), 0);
	ck_assert_int_eq(leave(sk, GROUP), -EADDRNOTAVAIL);	/* the last source was the membership */
}
END_TEST

/* igmp_max_memberships, igmp_max_msf: what one program may make us remember. */
START_TEST(limits_of_a_socket)
{
	const char *many[11] = { "10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.1.5",
				 "10.0.1.6", "10.0.1.7", "10.0.1.8", "10.0.1.9", "10.0.1.10",
				 "10.0.1.11" };
	struct sock *sk = open_udp();
	char group[32];

	for (int i = 0; i < 21; i++) {
		snprintf(group, sizeof(group), "239.0.0.%d", i);
		ck_assert_int_eq(join(sk, group), i < 20 ? 0 : -ENOBUFS);
	}
	ck_assert_int_eq(set_filter(sk, "239.0.0.1", MCAST_EXCLUDE, 11, many), -ENOBUFS);
	ck_assert_int_eq(set_filter(sk, "239.0.0.1", MCAST_EXCLUDE, 10, many), 0);
	ck_assert_int_eq(source(sk, IP_BLOCK_SOURCE, "239.0.0.1", many[10]), -ENOBUFS);
	ck_assert_int_eq(set_filter(sk, "239.0.0.1", 7, 1, many), -EINVAL);
	ck_assert_int_eq(set_filter(sk, "239.0.1.1", MCAST_EXCLUDE, 1, many), -EINVAL);
	ck_assert_int_eq(set_filter(sk, "239.0.0.1", MCAST_INCLUDE, 0, NULL), 0);	/* leaves */
	ck_assert_int_eq(join(sk, "239.0.0.20"), 0);
}
END_TEST

/* RFC 3678 section 4.2: what getsockopt tells, however little room there is. */
START_TEST(filter_is_told)
{
	const char *two[] = { "10.0.1.1", "10.0.1.2" };
	_Alignas(8) uint8_t bytes[IP_MSFILTER_SIZE(4)];
	struct ip_msfilter *m = (struct ip_msfilter *)bytes;
	struct sock *sk = open_udp();
	socklen_t len = IP_MSFILTER_SIZE(1);

	ck_assert_int_eq(join(sk, GROUP), 0);
	ck_assert_int_eq(set_filter(sk, GROUP, MCAST_EXCLUDE, 2, two), 0);
	m->imsf_multiaddr = name_of(GROUP, 0).sin_addr;
	m->imsf_interface = name_of(US, 0).sin_addr;
	m->imsf_numsrc = 1;
	ck_assert_int_eq(socket_getsockopt(sk, IPPROTO_IP, IP_MSFILTER, m, &len), 0);
	ck_assert_uint_eq(len, IP_MSFILTER_SIZE(1));
	ck_assert_uint_eq(m->imsf_numsrc, 2);
	ck_assert_uint_eq(m->imsf_fmode, MCAST_EXCLUDE);
	ck_assert_uint_eq(m->imsf_slist[0].s_addr, name_of("10.0.1.1", 0).sin_addr.s_addr);
	m->imsf_multiaddr = name_of(OTHER, 0).sin_addr;
	ck_assert_int_eq(socket_getsockopt(sk, IPPROTO_IP, IP_MSFILTER, m, &len), -EADDRNOTAVAIL);
	len = 15;
	ck_assert_int_eq(socket_getsockopt(sk, IPPROTO_IP, IP_MSFILTER, m, &len), -EINVAL);
}
END_TEST

/* RFC 3678 section 5: the options that know no family. */
START_TEST(protocol_independent_options)
{
	struct group_req g = { .gr_interface = eth->index };
	struct group_source_req s = { .gsr_interface = eth->index };
	struct sockaddr_in group = name_of(GROUP, 0), src = name_of(PEER, 0);
	_Alignas(8) uint8_t bytes[GROUP_FILTER_SIZE(2)] = { 0 };
	struct group_filter *f = (struct group_filter *)bytes;
	struct sock *sk = open_udp();
	socklen_t len = sizeof(bytes);

	memcpy(&g.gr_group, &group, sizeof(group));
	memcpy(&s.gsr_group, &group, sizeof(group));
	memcpy(&s.gsr_source, &src, sizeof(src));
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof(g)), 0);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof(g)), -EADDRINUSE);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, MCAST_BLOCK_SOURCE, &s, sizeof(s)), 0);
	memcpy(&f->gf_group, &group, sizeof(group));
	f->gf_interface = eth->index;
	f->gf_numsrc = 2;
	ck_assert_int_eq(socket_getsockopt(sk, IPPROTO_IP, MCAST_MSFILTER, f, &len), 0);
	ck_assert_uint_eq(len, GROUP_FILTER_SIZE(1));
	ck_assert_uint_eq(f->gf_numsrc, 1);
	ck_assert_uint_eq(f->gf_fmode, MCAST_EXCLUDE);
	ck_assert_mem_eq(&f->gf_slist[0], &src, 8);
	f->gf_fmode = MCAST_INCLUDE;
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, MCAST_MSFILTER, f, GROUP_FILTER_SIZE(1)), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, MCAST_LEAVE_GROUP, &g, sizeof(g)), 0);
	testnet_run(&tn, 0);
	expect(BLOCK, GROUP, 1, (const uint32_t[]){ 0x0a000002 });
	g.gr_group.ss_family = AF_INET6;
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof(g)), -EINVAL);
	s.gsr_source.ss_family = AF_INET6;
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &s, sizeof(s)),
			 -EADDRNOTAVAIL);
}
END_TEST

/* 4096 groups of one stack; those that were left make room. */
START_TEST(groups_are_bounded)
{
	struct ip_addr a = testnet_addr("239.5.0.0");
	struct membership *m = calloc(GROUPS_MAX + 1, sizeof(*m));

	ck_assert_ptr_nonnull(m);
	for (uint32_t i = 0; i <= GROUPS_MAX; i++) {
		put_be16(a.b + 14, (uint16_t)i);
		ck_assert_int_eq(group_join(&tn.ip, eth, &a, &m[i]),
				 i < GROUPS_MAX ? 0 : -ENOBUFS);
	}
	group_leave(&m[0]);
	ck_assert_uint_eq(groups_count(tn.ip.groups), GROUPS_MAX);
	ck_assert_int_eq(group_join(&tn.ip, eth, &a, &m[0]), 0);
	ck_assert_uint_eq(groups_count(tn.ip.groups), GROUPS_MAX);
	for (uint32_t i = 0; i < GROUPS_MAX; i++)
		group_leave(&m[i]);
	testnet_run(&tn, 5 * SEC);
	ck_assert_uint_eq(groups_count(tn.ip.groups), 0);
	free(m);
}
END_TEST

/* More sources than a group keeps: it takes all, and each socket still gets its own only. */
START_TEST(too_many_sources)
{
	struct sock *sk[14];
	char src[32];

	for (int i = 0; i < 14; i++) {
		sk[i] = open_udp();
		sk[i]->reuseaddr = true;
		ck_assert_int_eq(bind_to(sk[i], "0.0.0.0", 5000), 0);
		for (int k = 0; k < 10; k++) {
			snprintf(src, sizeof(src), "10.0.0.%d", 100 + i * 10 + k);
			ck_assert_int_eq(source(sk[i], IP_ADD_SOURCE_MEMBERSHIP, GROUP, src), 0);
		}
	}
	testnet_run(&tn, 0);
	expect(TO_EX, GROUP, 0, NULL);
	feed_udp("10.0.0.105", GROUP, 5000);
	ck_assert_int_eq(receive(sk[0]), 1);
	ck_assert_int_eq(receive(sk[1]), -EAGAIN);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	socket_close(sk[13]);
	socket_close(sk[12]);
	testnet_run(&tn, 0);

	struct message m;

	ck_assert(take(&m));
	ck_assert_int_eq(m.r[0].type, TO_IN);
	ck_assert_int_eq(m.r[0].n, 120);
}
END_TEST

#define MEMBERS 40
#define SOURCES 6

static bool naive_passes(struct sock *const *sk, const struct ip_addr *src)
{
	struct ip_addr group = testnet_addr(GROUP);

	for (int i = 0; i < MEMBERS; i++) {
		const struct membership *m = group_sock_find(sk[i], eth, &group);

		if (m && source_filter_passes(&m->filter, src))
			return true;
	}
	return false;
}

static void change_filter(struct sock *sk)
{
	char text[SOURCES][32];
	const char *src[SOURCES];
	uint32_t n = random_below(&tn.env.random, SOURCES + 1);

	for (uint32_t i = 0; i < n; i++) {		/* maybe twice the same */
		snprintf(text[i], sizeof(text[i]), "10.0.0.%u", 100 + random_below(&tn.env.random, SOURCES));
		src[i] = text[i];
	}
	ck_assert_int_eq(set_filter(sk, GROUP, random_below(&tn.env.random, 2) ? MCAST_INCLUDE : MCAST_EXCLUDE, n, src),
			 0);
}

/* Section 3.2, by counting: what the group takes is what any member takes, whoever comes, goes and changes. */
START_TEST(merged_filter)
{
	struct ip_addr group = testnet_addr(GROUP), src = testnet_addr("10.0.0.0");
	struct sock *sk[MEMBERS];

	for (int i = 0; i < MEMBERS; i++)
		sk[i] = open_udp();
	for (int round = 0; round < 5000; round++) {
		struct sock *one = sk[random_below(&tn.env.random, MEMBERS / (1 + _i * 8))];
		bool is = group_sock_find(one, eth, &group);
		const struct group *g;

		if (!is)
			ck_assert_int_eq(join(one, GROUP), 0);
		if (is && !random_below(&tn.env.random, 4))
			ck_assert_int_eq(leave(one, GROUP), 0);
		else
			change_filter(one);
		g = group_find(tn.ip.groups, eth, &group);
		for (uint8_t i = 0; i <= SOURCES; i++) {	/* the last one nobody lists */
			src.b[15] = (uint8_t)(100 + i);
			ck_assert_int_eq(g && source_filter_passes(&g->filter, &src), naive_passes(sk, &src));
		}
		if (g)
			ck_assert_uint_le(g->filter.n, SOURCES);
		testnet_discard(eth);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("group");
	TCase *tc = tcase_create("group");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, only_joined_groups);
	tcase_add_test(tc, each_socket_its_filter);
	tcase_add_test(tc, nobody_wants_the_source);
	tcase_add_test(tc, own_multicasts_come_back);
	tcase_add_test(tc, ttl_zero_stays_here);
	tcase_add_test(tc, groups_on_loopback);
	tcase_add_test(tc, no_gateway_for_groups);
	tcase_add_test(tc, raw_socket_sees_igmp);
	tcase_add_test(tc, errors_of_join_and_leave);
	tcase_add_test(tc, errors_of_sources);
	tcase_add_test(tc, limits_of_a_socket);
	tcase_add_test(tc, filter_is_told);
	tcase_add_test(tc, protocol_independent_options);
	tcase_add_test(tc, groups_are_bounded);
	tcase_add_test(tc, too_many_sources);
	tcase_add_loop_test(tc, merged_filter, 0, 3);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
