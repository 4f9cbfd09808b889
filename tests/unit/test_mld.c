/* SPDX-License-Identifier: Apache-2.0 */
/* test_mld.c - what routers are told of IPv6 groups, and the options of sockets. Sections are RFC
 * 3810's unless named. */
#include "ip/mld.h"
#include "ndpnet.h"

#define GROUP	"ff05::1234"
#define OTHER	"ff15::1"

enum { IS_IN = 1, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK };

static struct sock *open6(void)
{
	int err;
	struct sock *sk = sock_create(&tn.ip, &udp, &udp_ops, AF_INET6, IPPROTO_UDP, &err);

	ck_assert_ptr_nonnull(sk);
	return sk;
}

static int option(struct sock *sk, int name, const char *group, unsigned int index)
{
	struct ip_addr a = testnet_addr(group);
	struct ipv6_mreq m = { .ipv6mr_interface = index };

	memcpy(&m.ipv6mr_multiaddr, a.b, 16);
	return socket_setsockopt(sk, IPPROTO_IPV6, name, &m, sizeof(m));
}

static int join(struct sock *sk, const char *group)
{
	return option(sk, IPV6_JOIN_GROUP, group, eth->index);
}

static int leave(struct sock *sk, const char *group)
{
	return option(sk, IPV6_LEAVE_GROUP, group, eth->index);
}

static int source(struct sock *sk, int name, const char *group, const char *src)
{
	struct sockaddr_in6 g = { .sin6_family = AF_INET6 }, s = { .sin6_family = AF_INET6 };
	struct group_source_req r = { .gsr_interface = eth->index };
	struct ip_addr a = testnet_addr(group), b = testnet_addr(src);

	memcpy(&g.sin6_addr, a.b, 16);
	memcpy(&s.sin6_addr, b.b, 16);
	memcpy(&r.gsr_group, &g, sizeof(g));
	memcpy(&r.gsr_source, &s, sizeof(s));
	return socket_setsockopt(sk, IPPROTO_IPV6, name, &r, sizeof(r));
}

/* A record about group in the next report that has one; what is before it is forgotten. */
static bool take_record(const char *group, struct seen *s, const uint8_t **record)
{
	struct ip_addr want = testnet_addr(group);

	while (take(MLD_V2_REPORT, s)) {
		const uint8_t *at = s->msg + 8;

		ck_assert_str_eq(text_of(&s->dst), "ff02::16");
		ck_assert_uint_eq(s->hops, 1);
		for (int i = 0; i < get_be16(s->msg + 6); i++) {
			struct ip_addr a = ip_addr_read(at + 4);

			ck_assert(at + 20 <= s->msg + s->len);
			*record = at;
			if (ip_addr_eq(&a, &want))
				return true;
			at += 20 + 16 * get_be16(at + 2);
		}
	}
	return false;
}

static void expect(int type, const char *group, int n, const char *src)
{
	const uint8_t *record;
	struct seen s;

	ck_assert(take_record(group, &s, &record));
	ck_assert_int_eq(record[0], type);
	ck_assert_int_eq(get_be16(record + 2), n);
	if (n) {
		struct ip_addr a = ip_addr_read(record + 20);

		ck_assert_str_eq(text_of(&a), src);
	}
}

static void ready(void)
{
	start(&defaults);
	testnet_run(&tn, 10 * SEC);
	testnet_discard(eth);
}

/* A message with the router alert option, or without, straight to MLD. */
static bool feed_mld(const char *src, const char *dst, uint8_t hops, bool alert, const uint8_t *msg,
		     uint32_t len)
{
	static const uint8_t with[8] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	static const uint8_t without[8] = { IPPROTO_ICMPV6, 0, 1, 4, 0, 0, 0, 0 };
	struct ip_meta m = {
		.src = testnet_addr(src), .dst = testnet_addr(dst), .nic = eth, .ttl = hops,
		.proto = IPPROTO_ICMPV6, .multicast = true, .header_len = 48,
	};
	struct packet *p = payload(msg, len);
	bool ok;

	memcpy(packet_push(p, 8), alert ? with : without, 8);
	ipv6_push(p, &m.src, &m.dst, IPPROTO_HOPOPTS, 0, hops, 0);
	packet_pull(p, 48);
	p->transport = (uint16_t)(p->data - p->base);
	ok = mld_input(&tn.ip, p, &m);
	packet_free(p);
	testnet_run(&tn, 0);
	return ok;
}

static uint32_t query(uint8_t *msg, uint16_t delay, const char *group, int n, const char *src)
{
	struct ip_addr a = testnet_addr(group ? group : "::"), b = testnet_addr(src ? src : "::");

	memset(msg, 0, 28);
	msg[0] = MLD_QUERY;
	put_be16(msg + 4, delay);
	memcpy(msg + 8, a.b, 16);
	msg[24] = 2;
	msg[25] = 125;
	put_be16(msg + 26, (uint16_t)n);
	if (n)
		memcpy(msg + 28, b.b, 16);
	return 28 + 16 * (uint32_t)n;
}

/* RFC 4291 section 2.8, 6.1, RFC 3590: every address's solicited-node group, from :: while there is
 * no other source, and again once there is. */
START_TEST(solicited_node_groups_are_reported)
{
	struct ip_addr group;
	const uint8_t *record;
	struct seen s;

	start(&defaults);
	group = ndp_solicited_node(&nth_addr(0)->addr);
	testnet_run(&tn, 0);
	ck_assert(take_record(text_of(&group), &s, &record));
	ck_assert(ip_addr_is_any(&s.src));
	ck_assert_int_eq(record[0], TO_EX);
	testnet_run(&tn, 10 * SEC);
	do
		ck_assert(take_record(text_of(&group), &s, &record));
	while (ip_addr_is_any(&s.src));
	ck_assert_str_eq(text_of(&s.src), text_of(&linklocal()->addr));
	add("2001:db8::1", 64);
	testnet_run(&tn, 0);
	expect(TO_EX, solicited("2001:db8::1"), 0, NULL);
	testnet_run(&tn, 10 * SEC);
	testnet_discard(eth);
	ck_assert_int_eq(ip_addr_del(&tn.ip, eth, &(struct ip_addr[]){ testnet_addr("2001:db8::1") }[0],
				     64, NULL), 0);
	testnet_run(&tn, 0);
	expect(TO_IN, solicited("2001:db8::1"), 0, NULL);
}
END_TEST

/* 6.1: twice, within a second of each other. */
START_TEST(join_and_leave)
{
	struct sock *sk = open6();

	ready();
	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 5 * SEC);
	expect(TO_EX, GROUP, 0, NULL);
	expect(TO_EX, GROUP, 0, NULL);
	ck_assert_int_eq(count(MLD_V2_REPORT), 0);
	ck_assert_int_eq(source(sk, MCAST_JOIN_SOURCE_GROUP, OTHER, HOST), 0);
	testnet_run(&tn, 0);
	expect(ALLOW, OTHER, 1, HOST);
	ck_assert_int_eq(leave(sk, GROUP), 0);
	testnet_run(&tn, 0);
	expect(TO_IN, GROUP, 0, NULL);
	socket_close(sk);
	testnet_run(&tn, 0);
	expect(BLOCK, OTHER, 1, HOST);
}
END_TEST

/* 6: neither the all-nodes group nor what stays within this host. */
START_TEST(unreported_groups)
{
	struct sock *sk = open6();
	const uint8_t *record;
	struct seen s;

	ready();
	ck_assert_int_eq(join(sk, "ff02::1"), 0);
	ck_assert_int_eq(join(sk, "ff01::77"), 0);
	testnet_run(&tn, 5 * SEC);
	ck_assert(!take_record("ff02::1", &s, &record));
	ck_assert_int_eq(join(sk, "ff02::77"), 0);	/* a link's are, as by Linux: switches snoop */
	testnet_run(&tn, 0);
	expect(TO_EX, "ff02::77", 0, NULL);
}
END_TEST

/* 6.2: general, about a group, about sources. */
START_TEST(queries_are_answered)
{
	struct sock *sk = open6();
	uint8_t msg[64];

	ready();
	ck_assert_int_eq(join(sk, GROUP), 0);
	ck_assert_int_eq(source(sk, MCAST_BLOCK_SOURCE, GROUP, HOST), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	ck_assert(feed_mld(ROUTER, "ff02::1", 1, true, msg, query(msg, 1000, NULL, 0, NULL)));
	testnet_run(&tn, SEC + MSEC);
	expect(IS_EX, GROUP, 1, HOST);
	ck_assert(feed_mld(ROUTER, GROUP, 1, true, msg, query(msg, 1000, GROUP, 0, NULL)));
	testnet_run(&tn, SEC + MSEC);
	expect(IS_EX, GROUP, 1, HOST);
	ck_assert(feed_mld(ROUTER, GROUP, 1, true, msg, query(msg, 1000, GROUP, 1, "2001:db8::5")));
	testnet_run(&tn, SEC + MSEC);
	expect(IS_IN, GROUP, 1, "2001:db8::5");
	ck_assert(feed_mld(ROUTER, GROUP, 1, true, msg, query(msg, 1000, GROUP, 1, HOST)));
	testnet_run(&tn, SEC + MSEC);
	ck_assert_int_eq(count(MLD_V2_REPORT), 0);
}
END_TEST

/* 5.1.14, 6.2: from the link, one hop, for routers to see; and whole. */
START_TEST(bad_queries)
{
	uint8_t msg[64];
	uint32_t len = query(msg, 1000, NULL, 0, NULL);

	ready();
	ck_assert(!feed_mld(HOST, "ff02::1", 1, true, msg, len));
	ck_assert(!feed_mld(ROUTER, "ff02::1", 2, true, msg, len));
	ck_assert(!feed_mld(ROUTER, "ff02::1", 1, false, msg, len));
	ck_assert(!feed_mld(ROUTER, GROUP, 1, true, msg, len));
	ck_assert(!feed_mld(ROUTER, "ff02::1", 1, true, msg, 26));
	ck_assert(!feed_mld(ROUTER, "ff02::1", 1, true, msg, 20));
	put_be16(msg + 26, 3);
	ck_assert(!feed_mld(ROUTER, "ff02::1", 1, true, msg, len));
	msg[8] = 0x20;
	put_be16(msg + 26, 0);
	ck_assert(!feed_mld(ROUTER, "ff02::1", 1, true, msg, len));
	testnet_run(&tn, 5 * SEC);
	ck_assert_int_eq(count(MLD_V2_REPORT), 0);
}
END_TEST

/* 8.2.1, RFC 2710 sections 4 and 5: reports to the group, a done to all routers, one of many. */
START_TEST(version_1)
{
	struct sock *sk = open6();
	uint8_t msg[64];
	struct seen s;

	ready();
	ck_assert_int_eq(join(sk, OTHER), 0);
	testnet_run(&tn, 5 * SEC);
	testnet_discard(eth);
	query(msg, 1000, NULL, 0, NULL);
	ck_assert(feed_mld(ROUTER, "ff02::1", 1, true, msg, 24));
	testnet_run(&tn, SEC + MSEC);
	do
		ck_assert(take(MLD_V1_REPORT, &s));
	while (strcmp(text_of(&s.dst), OTHER));
	ck_assert_uint_eq(s.len, 24);
	ck_assert_uint_eq(s.hops, 1);
	testnet_discard(eth);
	ck_assert_int_eq(join(sk, GROUP), 0);
	testnet_run(&tn, 11 * SEC);
	ck_assert_int_eq(count(MLD_V1_REPORT), 2);
	ck_assert_int_eq(leave(sk, GROUP), 0);
	testnet_run(&tn, 0);
	ck_assert(take(MLD_V1_DONE, &s));
	ck_assert_str_eq(text_of(&s.dst), "ff02::2");
	query(msg, 1000, OTHER, 0, NULL);
	ck_assert(feed_mld(ROUTER, OTHER, 1, true, msg, 24));
	msg[0] = MLD_V1_REPORT;
	ck_assert(feed_mld("fe80::7", OTHER, 1, true, msg, 24));
	testnet_run(&tn, 2 * SEC);
	ck_assert_int_eq(count(MLD_V1_REPORT), 0);	/* somebody else has said it */
	ck_assert_int_eq(leave(sk, OTHER), 0);
	testnet_run(&tn, 0);
	ck_assert_int_eq(count(MLD_V1_DONE), 0);
}
END_TEST

/* ipv6(7): Linux's errors. */
START_TEST(options_and_errors)
{
	struct sock *sk = open6();
	struct group_req g = { .gr_interface = eth->index };
	int v = 256;

	ready();
	ck_assert_int_eq(join(sk, HOST), -EINVAL);
	ck_assert_int_eq(option(sk, IPV6_JOIN_GROUP, GROUP, 99), -ENODEV);
	ck_assert_int_eq(option(sk, IPV6_JOIN_GROUP, GROUP, 0), 0);
	ck_assert_int_eq(join(sk, GROUP), -EADDRINUSE);
	ck_assert_int_eq(option(sk, IPV6_LEAVE_GROUP, GROUP, 0), 0);
	ck_assert_int_eq(leave(sk, GROUP), -EADDRNOTAVAIL);
	ck_assert_int_eq(source(sk, MCAST_BLOCK_SOURCE, GROUP, HOST), -EINVAL);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IPV6, IPV6_JOIN_GROUP, &g, 4), -EINVAL);
	g.gr_group.ss_family = AF_INET;
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IPV6, MCAST_JOIN_GROUP, &g, sizeof(g)),
			 -EADDRNOTAVAIL);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &v, 4), -EINVAL);
	set_int(sk, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, -1);
	ck_assert_int_eq(get_int(sk, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), 1);
	set_int(sk, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 0);
	ck_assert_int_eq(get_int(sk, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), 0);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &v, 4), -EINVAL);
	ck_assert_int_eq(get_int(sk, IPPROTO_IPV6, IPV6_MULTICAST_LOOP), 1);
	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IPV6, IPV6_MULTICAST_IF, &v, 4), -ENODEV);
	set_int(sk, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)eth->index);
	ck_assert_int_eq(get_int(sk, IPPROTO_IPV6, IPV6_MULTICAST_IF), (int)eth->index);
	ck_assert_int_eq(get_int(sk, IPPROTO_IPV6, IPV6_MULTICAST_ALL), 1);
}
END_TEST

/* RFC 4291 section 2.7: what nobody here has joined is not taken. Two groups may share a link
 * address. */
START_TEST(only_joined_groups)
{
	struct sock *sk = open6();
	uint8_t ip[100];
	uint64_t before;

	ready();
	ck_assert_int_eq(join(sk, GROUP), 0);
	before = tn.ip.stats6.in_unjoined;
	testnet_feed_ip(&tn, eth, NULL, ip, testnet_ipv6(ip, HOST, "ff0e::1234", 59, "", 0));
	ck_assert_uint_eq(tn.ip.stats6.in_unjoined - before, 1);
	testnet_feed_ip(&tn, eth, NULL, ip, testnet_ipv6(ip, HOST, GROUP, 59, "", 0));
	ck_assert_uint_eq(tn.ip.stats6.in_unjoined - before, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mld");
	TCase *tc = tcase_create("mld");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, solicited_node_groups_are_reported);
	tcase_add_test(tc, join_and_leave);
	tcase_add_test(tc, unreported_groups);
	tcase_add_test(tc, queries_are_answered);
	tcase_add_test(tc, bad_queries);
	tcase_add_test(tc, version_1);
	tcase_add_test(tc, options_and_errors);
	tcase_add_test(tc, only_joined_groups);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
