/* SPDX-License-Identifier: Apache-2.0 */
/* test_route.c - addresses and routes: what is refused, and where packets go. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ip/ip4_link.h"
#include "ip/pmtu.h"
#include "ip/route_table.h"
#include "testnet.h"
#include "tests/suite.h"

static struct testnet tn;
static struct nic *eth0, *eth1;

static void setup(void)
{
	testnet_init(&tn, 1);
	eth0 = testnet_eth(&tn, "10.0.0.1", 24);
	eth1 = testnet_nic(&tn, &(struct testnet_link_config){
		.name = "eth1", .addr = { 2, 0, 0, 0, 1, 1 }, .mtu = 1400 });
}

static void teardown(void)
{
	testnet_fini(&tn);
}

static int add_addr(struct nic *nic, const char *a, uint8_t prefix)
{
	struct ip_addr addr = testnet_addr(a);
	struct weir_error e = { "" };
	int err = ip_addr_add(&tn.ip, nic, &addr, prefix, &e);

	ck_assert_msg((err == 0) == (e.text[0] == 0), "%d: %s", err, e.text);
	return err;
}

static int del_addr(struct nic *nic, const char *a, uint8_t prefix)
{
	struct ip_addr addr = testnet_addr(a);

	return ip_addr_del(&tn.ip, nic, &addr, prefix, NULL);
}

static struct route a_route(const char *dst, uint8_t prefix, const char *gw, struct nic *nic,
			    uint32_t metric)
{
	return (struct route) {
		.dst = testnet_addr(dst), .prefix = prefix,
		.gateway = testnet_addr(gw ? gw : "0.0.0.0"), .prefsrc = testnet_addr("0.0.0.0"),
		.nic = nic, .metric = metric,
	};
}

static int add_route(const char *dst, uint8_t prefix, const char *gw, struct nic *nic,
		     uint32_t metric)
{
	struct route r = a_route(dst, prefix, gw, nic, metric);
	struct weir_error e = { "" };
	int err = route_add(&tn.ip, &r, &e);

	ck_assert_msg((err == 0) == (e.text[0] == 0), "%d: %s", err, e.text);
	return err;
}

static int look(const char *dst, struct flow f, struct dst *d)
{
	f.dst = testnet_addr(dst);
	if (!f.src.w[2])
		f.src = testnet_addr("0.0.0.0");
	return route_lookup(&tn.ip, &f, d);
}

/* dst leads by nic to nexthop from src. */
static void leads(const char *dst, const struct nic *nic, const char *nexthop, const char *src)
{
	struct dst d;
	struct ip_addr hop = testnet_addr(nexthop), from = testnet_addr(src);
	char text[IP_ADDR_TEXT];

	ck_assert_int_eq(look(dst, (struct flow){ .proto = 6 }, &d), 0);
	ck_assert_str_eq(d.nic->name, nic->name);
	ck_assert_msg(ip_addr_eq(&d.nexthop, &hop), "%s: next hop %s", dst,
		      ip_addr_text(&d.nexthop, text));
	ck_assert_msg(ip_addr_eq(&d.src, &from), "%s: source %s", dst,
		      ip_addr_text(&d.src, text));
	ck_assert(dst_valid(&tn.ip, &d));
}

START_TEST(longest_prefix_then_metric)
{
	ck_assert_int_eq(add_addr(eth1, "10.1.0.1", 16), 0);
	ck_assert_int_eq(add_route("0.0.0.0", 0, "10.0.0.254", NULL, 100), 0);
	ck_assert_int_eq(add_route("0.0.0.0", 0, "10.1.0.254", NULL, 50), 0);
	ck_assert_int_eq(add_route("192.168.0.0", 16, "10.0.0.2", NULL, 0), 0);
	ck_assert_int_eq(add_route("192.168.7.0", 24, "10.1.0.2", NULL, 900), 0);
	leads("10.0.0.9", eth0, "10.0.0.9", "10.0.0.1");
	leads("10.1.200.9", eth1, "10.1.200.9", "10.1.0.1");
	leads("8.8.8.8", eth1, "10.1.0.254", "10.1.0.1");
	leads("192.168.1.1", eth0, "10.0.0.2", "10.0.0.1");
	leads("192.168.7.1", eth1, "10.1.0.2", "10.1.0.1");
	nic_set_up(eth1, false);
	leads("8.8.8.8", eth0, "10.0.0.254", "10.0.0.1");
	leads("192.168.7.1", eth0, "10.0.0.2", "10.0.0.1");
}
END_TEST

START_TEST(ourselves)
{
	struct dst d;

	leads("10.0.0.1", tn.lo, "10.0.0.1", "10.0.0.1");
	leads("127.0.0.1", tn.lo, "127.0.0.1", "127.0.0.1");
	leads("127.9.9.9", tn.lo, "127.9.9.9", "127.0.0.1");
	leads("0.0.0.0", tn.lo, "127.0.0.1", "127.0.0.1");
	ck_assert_int_eq(look("127.0.0.1", (struct flow){ .proto = 17 }, &d), 0);
	ck_assert(d.local);
	ck_assert_uint_eq(d.mtu, NIC_MTU_LOOPBACK);
	ck_assert_int_eq(look("10.0.0.9", (struct flow){ .src = testnet_addr("127.0.0.1") }, &d),
			 -EINVAL);
	ck_assert_ptr_nonnull(ip_addr_find(&tn.ip, &(struct ip_addr){ .b = {
		[10] = 255, [11] = 255, 127, 3, 2, 1 } }));
}
END_TEST

START_TEST(no_route)
{
	struct dst d;

	ck_assert_int_eq(look("8.8.8.8", (struct flow){ .proto = 6 }, &d), -ENETUNREACH);
	ck_assert_int_eq(look("0.1.2.3", (struct flow){ .proto = 6 }, &d), -EINVAL);
	/* Bound to a NIC, everything is taken to be on its link. */
	ck_assert_int_eq(look("8.8.8.8", (struct flow){ .bound = eth0 }, &d), 0);
	ck_assert_ptr_eq(d.nic, eth0);
	nic_set_up(eth0, false);
	ck_assert_int_eq(look("10.0.0.9", (struct flow){ .proto = 6 }, &d), -ENETUNREACH);
	ck_assert_int_eq(look("8.8.8.8", (struct flow){ .bound = eth0 }, &d), -ENETUNREACH);
}
END_TEST

START_TEST(groups)
{
	struct dst d;

	ck_assert_int_eq(look("10.0.0.255", (struct flow){ .proto = 17 }, &d), -EACCES);
	ck_assert_int_eq(look("10.0.0.255", (struct flow){ .proto = 17, .broadcast_ok = true }, &d),
			 0);
	ck_assert(d.broadcast && !d.multicast);
	ck_assert_int_eq(look("10.0.0.255", (struct flow){ .proto = 6, .broadcast_ok = true }, &d),
			 -ENETUNREACH);
	ck_assert_int_eq(look("255.255.255.255",
			      (struct flow){ .proto = 17, .broadcast_ok = true }, &d), -ENETUNREACH);
	ck_assert_int_eq(look("255.255.255.255", (struct flow){ .proto = 17, .broadcast_ok = true,
			      .bound = eth1 }, &d), 0);
	ck_assert_ptr_eq(d.nic, eth1);
	ck_assert_int_eq(look("224.1.1.1", (struct flow){ .proto = 17,
			      .src = testnet_addr("10.0.0.1") }, &d), 0);
	ck_assert(d.multicast && d.nic == eth0);
	ck_assert_int_eq(look("224.1.1.1", (struct flow){ .proto = 6, .bound = eth0 }, &d),
			 -ENETUNREACH);
}
END_TEST

START_TEST(generation_moves)
{
	struct route r = a_route("10.9.0.0", 16, "10.0.0.2", NULL, 0);
	struct ip_addr peer = testnet_addr("10.0.0.9");
	struct dst d;

	ck_assert_int_eq(look("10.0.0.9", (struct flow){ .proto = 6 }, &d), 0);
	ck_assert_int_eq(route_add(&tn.ip, &r, NULL), 0);
	ck_assert(!dst_valid(&tn.ip, &d));
	look("10.0.0.9", (struct flow){ .proto = 6 }, &d);
	ck_assert_int_eq(route_del(&tn.ip, &r, NULL), 0);
	ck_assert(!dst_valid(&tn.ip, &d));
	ck_assert_int_eq(route_del(&tn.ip, &r, NULL), -ESRCH);
	look("10.0.0.9", (struct flow){ .proto = 6 }, &d);
	ip_pmtu_update(&tn.ip, &peer, 1200);
	ck_assert(!dst_valid(&tn.ip, &d));
	look("10.0.0.9", (struct flow){ .proto = 6 }, &d);
	nic_set_up(eth1, false);
	ck_assert(!dst_valid(&tn.ip, &d));
}
END_TEST

START_TEST(path_mtu)
{
	struct ip_addr peer = testnet_addr("10.0.0.9");
	struct dst d;

	ip_pmtu_update(&tn.ip, &peer, 1200);
	look("10.0.0.9", (struct flow){ .proto = 6 }, &d);
	ck_assert_uint_eq(d.mtu, 1200);
	ip_pmtu_update(&tn.ip, &peer, 1300);		/* never up */
	look("10.0.0.9", (struct flow){ .proto = 6 }, &d);
	ck_assert_uint_eq(d.mtu, 1200);
	ip_pmtu_update(&tn.ip, &peer, 68);		/* a forger's */
	look("10.0.0.9", (struct flow){ .proto = 6 }, &d);
	ck_assert_uint_eq(d.mtu, PMTU_MIN);
	look("10.0.0.8", (struct flow){ .proto = 6 }, &d);
	ck_assert_uint_eq(d.mtu, 1500);
	look("10.0.0.9", (struct flow){ .proto = 6 }, &d);
	testnet_run(&tn, PMTU_EXPIRE_NS + SEC);
	ck_assert(!dst_valid(&tn.ip, &d));
	look("10.0.0.9", (struct flow){ .proto = 6 }, &d);
	ck_assert_uint_eq(d.mtu, 1500);
	for (uint32_t i = 0; i < 2 * PMTU_ENTRIES; i++) {	/* bounded: the oldest are forgotten */
		struct ip_addr a = ip_addr_v4(htonl(0x0a000000u + i));

		ip_pmtu_update(&tn.ip, &a, 1000);
	}
	ck_assert_uint_eq(pmtu_find(tn.ip.pmtu, &(struct ip_addr){ .w = {
		0, 0, htonl(0xffff), htonl(0x0a000000u + PMTU_ENTRIES - 1) } }), 0);
	ck_assert_uint_eq(pmtu_find(tn.ip.pmtu, &(struct ip_addr){ .w = {
		0, 0, htonl(0xffff), htonl(0x0a000000u + PMTU_ENTRIES) } }), 1000);
}
END_TEST

START_TEST(bad_addresses)
{
	ck_assert_int_eq(add_addr(eth0, "10.0.0.1", 24), -EEXIST);
	ck_assert_int_eq(add_addr(eth1, "10.0.0.1", 8), -EEXIST);
	ck_assert_int_eq(add_addr(eth1, "10.0.0.2", 33), -EINVAL);
	ck_assert_int_eq(add_addr(eth1, "224.0.0.1", 24), -EINVAL);
	ck_assert_int_eq(add_addr(eth1, "255.255.255.255", 32), -EINVAL);
	ck_assert_int_eq(add_addr(eth1, "0.0.0.0", 24), -EINVAL);
	ck_assert_int_eq(add_addr(eth1, "127.0.0.2", 8), -EINVAL);
	ck_assert_int_eq(del_addr(eth0, "10.0.0.1", 25), -ENOENT);
	ck_assert_int_eq(del_addr(eth1, "10.0.0.1", 24), -ENOENT);
	leads("10.0.0.9", eth0, "10.0.0.9", "10.0.0.1");
}
END_TEST

START_TEST(bad_routes)
{
	struct route r = a_route("10.9.0.0", 16, "10.0.0.2", NULL, 0);

	ck_assert_int_eq(add_route("10.9.0.1", 16, "10.0.0.2", NULL, 0), -EINVAL);
	ck_assert_int_eq(add_route("10.9.0.0", 16, "10.77.0.2", NULL, 0), -ENETUNREACH);
	ck_assert_int_eq(add_route("10.9.0.0", 16, "10.0.0.2", eth1, 0), -ENETUNREACH);
	ck_assert_int_eq(add_route("10.9.0.0", 16, "10.0.0.1", NULL, 0), -EINVAL);
	ck_assert_int_eq(add_route("10.9.0.0", 16, NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(add_route("10.9.0.0", 33, NULL, eth0, 0), -EINVAL);
	r.prefsrc = testnet_addr("10.0.0.77");
	ck_assert_int_eq(route_add(&tn.ip, &r, NULL), -EINVAL);
	ck_assert_int_eq(add_route("10.9.0.0", 16, "10.0.0.2", NULL, 0), 0);
	ck_assert_int_eq(add_route("10.9.0.0", 16, "10.0.0.3", NULL, 0), -EEXIST);
	ck_assert_int_eq(add_route("10.9.0.0", 16, "10.0.0.3", NULL, 1), 0);
}
END_TEST

static void ends_empty(void)
{
	struct dst d;

	ck_assert_int_eq(look("10.0.0.9", (struct flow){ .proto = 6 }, &d), -ENETUNREACH);
	list_for_each(pos, &tn.ip.routes)			/* those of lo alone */
		ck_assert_ptr_eq(list_entry(pos, struct route, node)->nic, tn.lo);
}

/* The first secondary inherits: as the NIC has it, or as who deletes the primary has. */
START_TEST(second_address_of_a_subnet)
{
	const struct ip4_config promotes = { .promote_secondaries = true };
	struct ip_addr first = testnet_addr("10.0.0.1");

	if (_i)
		ck_assert_int_eq(ip4_link_start(&tn.ip, eth0, &promotes), 0);
	ck_assert_int_eq(add_addr(eth0, "10.0.0.2", 24), 0);
	ck_assert_int_eq(add_addr(eth0, "10.0.0.3", 24), 0);
	leads("10.0.0.9", eth0, "10.0.0.9", "10.0.0.1");
	leads("10.0.0.3", tn.lo, "10.0.0.3", "10.0.0.1");
	ck_assert_int_eq(_i ? del_addr(eth0, "10.0.0.1", 24) : ip_addr_del_alone(&tn.ip, eth0, &first, 24, NULL), 0);
	leads("10.0.0.9", eth0, "10.0.0.9", "10.0.0.2");
	leads("10.0.0.1", eth0, "10.0.0.1", "10.0.0.2");	/* no longer ours */
	leads("10.0.0.3", tn.lo, "10.0.0.3", "10.0.0.2");
	ck_assert_int_eq(del_addr(eth0, "10.0.0.3", 24), 0);
	leads("10.0.0.3", eth0, "10.0.0.3", "10.0.0.2");
	ck_assert_int_eq(del_addr(eth0, "10.0.0.2", 24), 0);
	ends_empty();
}
END_TEST

START_TEST(secondaries_go_with_their_primary)
{
	ck_assert_int_eq(add_addr(eth0, "10.0.0.2", 24), 0);
	ck_assert_int_eq(add_addr(eth0, "10.0.0.3", 24), 0);
	ck_assert_int_eq(add_addr(eth0, "10.0.0.130", 25), 0);	/* of another subnet */
	ck_assert_int_eq(del_addr(eth0, "10.0.0.1", 24), 0);
	leads("10.0.0.200", eth0, "10.0.0.200", "10.0.0.130");
	ck_assert_int_eq(del_addr(eth0, "10.0.0.3", 24), -ENOENT);
	ck_assert_int_eq(del_addr(eth0, "10.0.0.130", 25), 0);
	ends_empty();
}
END_TEST

START_TEST(nic_gone)
{
	struct dst d;

	add_route("0.0.0.0", 0, "10.0.0.254", NULL, 0);
	testnet_neighbour(&tn, eth0, "10.0.0.2");
	nic_destroy(eth0);
	ck_assert_int_eq(look("10.0.0.9", (struct flow){ .proto = 6 }, &d), -ENETUNREACH);
	ck_assert_uint_eq(tn.ip.arp.table.count, 0);
	ck_assert_ptr_null(nic_find(&tn.nics, "eth0"));
}
END_TEST

START_TEST(sockaddr)
{
	struct ip_addr a = ip_addr_v4(htonl(0x0a000001)), v6;
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	socklen_t len = sizeof(in6);
	uint8_t one[4] = { 1, 1, 1, 1 };

	ip_addr_to_sockaddr(&a, 80, AF_INET6, 0, &in6, &len);
	ck_assert_uint_eq(len, sizeof(in6));
	ck_assert_uint_eq(in6.sin6_family, AF_INET6);
	ck_assert_uint_eq(ntohs(in6.sin6_port), 80);
	memcpy(v6.b, &in6.sin6_addr, sizeof(v6.b));
	ck_assert(ip_addr_eq(&v6, &a));
	len = sizeof(in);
	ip_addr_to_sockaddr(&a, 80, AF_INET, 0, &in, &len);
	ck_assert_uint_eq(in.sin_addr.s_addr, htonl(0x0a000001));
	len = 2;
	ip_addr_to_sockaddr(&a, 80, AF_INET, 0, one, &len);
	ck_assert_uint_eq(len, sizeof(in));
	ck_assert_uint_eq(one[2], 1);
}
END_TEST

/* As route_table.c's list says: the first that may be used and that a takes. */
static const struct route *naive(const struct ip_addr *a, const struct nic *bound)
{
	list_for_each(pos, &tn.ip.routes) {
		const struct route *r = list_entry(pos, struct route, node);
		struct ip_addr net = ip_addr_mask(a, r->prefix);

		if (ip_addr_is_v4(&r->dst) && ip_addr_eq(&net, &r->dst) && (r->nic->up || r->local) &&
		    (!bound || r->nic == bound || (r->local && r->nic->loopback)))
			return r;
	}
	return NULL;
}

static void check_order(void)
{
	const struct route *prev = NULL;
	uint32_t n = 0;

	list_for_each(pos, &tn.ip.routes) {
		const struct route *r = list_entry(pos, struct route, node);
		bool v4 = ip_addr_is_v4(&r->dst);

		if (prev && ip_addr_is_v4(&prev->dst) == v4) {
			ck_assert_uint_ge(prev->prefix, r->prefix);
			ck_assert(prev->prefix > r->prefix || prev->metric < r->metric ||
				  (prev->metric == r->metric && prev->seq < r->seq));
		}
		ck_assert(!prev || v4 <= ip_addr_is_v4(&prev->dst));
		prev = r;
		n++;
	}
	ck_assert_uint_eq(tn.ip.nroutes, n);
}

static struct route random_route(void)
{
	static const uint8_t prefixes[] = { 0, 8, 12, 16, 17, 32 };
	struct route r = a_route("0.0.0.0", 0, NULL, random_below(&tn.env.random, 2) ? eth0 : eth1,
				 random_below(&tn.env.random, 3));
	struct ip_addr a = ip_addr_v4(htonl(0x14000000u + (random_below(&tn.env.random, 4) << 15)));

	r.prefix = prefixes[random_below(&tn.env.random, 6)];
	r.dst = ip_addr_mask(&a, r.prefix);
	if (!random_below(&tn.env.random, 3))
		r.prefsrc = testnet_addr("10.0.0.1");
	if (!random_below(&tn.env.random, 3))
		r.gateway = testnet_addr("10.0.0.7");
	return r;
}

/* Routes come and go in any order: trees, tables and the list agree. */
START_TEST(table_agrees_with_list)
{
	for (int round = 0; round < 2000; round++) {
		struct ip_addr a = ip_addr_v4(htonl(0x14000000u + (random_below(&tn.env.random, 5) << 15)));
		struct nic *bounds[] = { NULL, eth0, eth1, tn.lo };
		struct nic *bound = bounds[random_below(&tn.env.random, 4)];
		struct route r = random_route();

		if (random_below(&tn.env.random, 2))
			route_add(&tn.ip, &r, NULL);
		else
			route_del(&tn.ip, &r, NULL);
		if (!random_below(&tn.env.random, 500)) {
			const struct ip_addr us = testnet_addr("10.0.0.1");

			route_flush_source(&tn.ip, &us);
			list_for_each(pos, &tn.ip.routes)
				ck_assert(!ip_addr_eq(&list_entry(pos, struct route, node)->prefsrc, &us));
			ck_assert_int_eq(del_addr(eth0, "10.0.0.1", 24), 0);
			ck_assert_int_eq(add_addr(eth0, "10.0.0.1", 24), 0);
		}
		ck_assert_ptr_eq(route_match(&tn.ip, &a, bound), naive(&a, bound));
		check_order();
	}
}
END_TEST

/* As many addresses as a program may add: each is ours, its subnet's broadcasts are known, until it goes. */
START_TEST(many_addresses)
{
	struct ip_meta m;

	for (uint32_t i = 0; i < 1000; i++) {
		struct ip_addr a = ip_addr_v4(htonl(0x14000001u + (i << 4)));

		ck_assert_int_eq(ip_addr_add(&tn.ip, eth1, &a, 28, NULL), 0);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		struct ip_addr a = ip_addr_v4(htonl(0x14000001u + (i << 4)));
		struct ip_addr last = ip_addr_v4(htonl(0x1400000fu + (i << 4)));

		ck_assert(ip_addr_accepts(&tn.ip, eth1, &a, &m) && !m.broadcast);
		ck_assert(!ip_addr_accepts(&tn.ip, eth0, &a, &m));
		ck_assert(ip_addr_accepts(&tn.ip, eth1, &last, &m) && m.broadcast);
		ck_assert_int_eq(ip_addr_del(&tn.ip, eth1, &a, 28, NULL), 0);
		ck_assert(!ip_addr_accepts(&tn.ip, eth1, &a, &m));
		ck_assert(!ip_addr_accepts(&tn.ip, eth1, &last, &m));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route");
	TCase *tc = tcase_create("route");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, longest_prefix_then_metric);
	tcase_add_test(tc, ourselves);
	tcase_add_test(tc, no_route);
	tcase_add_test(tc, groups);
	tcase_add_test(tc, generation_moves);
	tcase_add_test(tc, path_mtu);
	tcase_add_test(tc, bad_addresses);
	tcase_add_test(tc, bad_routes);
	tcase_add_loop_test(tc, second_address_of_a_subnet, 0, 2);
	tcase_add_test(tc, secondaries_go_with_their_primary);
	tcase_add_test(tc, nic_gone);
	tcase_add_test(tc, sockaddr);
	tcase_add_test(tc, table_agrees_with_list);
	tcase_add_test(tc, many_addresses);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
