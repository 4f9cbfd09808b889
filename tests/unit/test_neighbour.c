/* SPDX-License-Identifier: Apache-2.0 */
/* test_neighbour.c - neighbour states by virtual time, and ARP under them. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "testnet.h"
#include "tests/suite.h"

static struct testnet tn;
static struct nic *eth;
static int errors;		/* that the transport heard of */

static const uint8_t mac1[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t mac2[6] = { 2, 0, 0, 0, 0, 2 };
static const uint8_t mac3[6] = { 2, 0, 0, 0, 0, 3 };

static void hear_error(void *arg, const struct ip_meta *quoted, const uint8_t *transport,
		       uint32_t len, const struct ip_error *e)
{
	struct ip_addr to = testnet_addr("10.0.0.2");

	(void)arg;
	ck_assert_int_eq(e->err, EHOSTUNREACH);
	ck_assert(ip_addr_eq(&quoted->dst, &to));
	ck_assert_uint_ge(len, 8);
	ck_assert_uint_eq(transport[0], 0x5a);
	errors++;
}

static const struct ip_protocol experiment = { .error = hear_error };

static void setup(void)
{
	testnet_init(&tn, 1);
	eth = testnet_eth(&tn, "10.0.0.1", 24);
	ip_register(&tn.ip, 253, &experiment, NULL);
	errors = 0;
}

static void teardown(void)
{
	testnet_fini(&tn);
}

/* Send a packet of 20 bytes of payload to 10.0.0.host. */
static void send_to(uint8_t host)
{
	struct flow f = { .src = testnet_addr("0.0.0.0"), .dst = testnet_addr("10.0.0.2"),
			  .proto = 253 };
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	struct dst d;

	f.dst.b[15] = host;
	memset(packet_put(p, 20), 0x5a, 20);
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert_int_eq(ip_output(&tn.ip, p, &f, &d), 0);
	testnet_run(&tn, 0);
}

static struct neighbour *entry(uint8_t host)
{
	struct ip_addr a = testnet_addr("10.0.0.0");

	a.b[15] = host;
	return neighbour_find(&tn.ip.arp, eth, a.b);
}

static void arp(uint16_t op, const uint8_t *to, const uint8_t *sha, const char *spa,
		const char *tpa)
{
	uint8_t f[60] = { [12] = 8, [13] = 6, 0, 1, 8, 0, 6, 4, 0, (uint8_t)op };
	struct ip_addr s = testnet_addr(spa), t = testnet_addr(tpa);

	memcpy(f, to, 6);
	memcpy(f + 6, sha, 6);
	memcpy(f + 22, sha, 6);
	memcpy(f + 28, s.b + 12, 4);
	memcpy(f + 38, t.b + 12, 4);
	testnet_feed(&tn, eth, f, sizeof(f));
}

/* The next captured frame is an ARP packet of this kind to this station. */
static void sent_arp(uint8_t op, const uint8_t *to, const char *spa, const char *tpa)
{
	struct ip_addr s = testnet_addr(spa), t = testnet_addr(tpa);
	uint8_t f[64];

	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), 42);
	ck_assert_int_eq(memcmp(f, to, 6), 0);
	ck_assert_int_eq(memcmp(f + 6, mac1, 6), 0);
	ck_assert_int_eq(memcmp(f + 12, (uint8_t[]){ 8, 6, 0, 1, 8, 0, 6, 4, 0, op }, 10), 0);
	ck_assert_int_eq(memcmp(f + 22, mac1, 6), 0);
	ck_assert_int_eq(memcmp(f + 28, s.b + 12, 4), 0);
	ck_assert_int_eq(memcmp(f + 38, t.b + 12, 4), 0);
}

static void sent_data(const uint8_t *to)
{
	uint8_t f[64];

	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), 54);
	ck_assert_int_eq(memcmp(f, to, 6), 0);
	ck_assert_uint_eq(f[12] << 8 | f[13], ETH_TYPE_IPV4);
}

static void resolve(void)
{
	send_to(2);
	sent_arp(1, eth_broadcast, "10.0.0.1", "10.0.0.2");
	arp(2, mac1, mac2, "10.0.0.2", "10.0.0.1");
	sent_data(mac2);
	ck_assert_int_eq(entry(2)->state, NUD_REACHABLE);
}

START_TEST(resolves)
{
	send_to(2);
	send_to(2);
	sent_arp(1, eth_broadcast, "10.0.0.1", "10.0.0.2");
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_int_eq(entry(2)->state, NUD_INCOMPLETE);
	arp(2, mac1, mac2, "10.0.0.2", "10.0.0.1");
	sent_data(mac2);
	sent_data(mac2);
	ck_assert_int_eq(entry(2)->state, NUD_REACHABLE);
}
END_TEST

START_TEST(fails_after_three)
{
	send_to(2);
	send_to(2);
	for (int i = 0; i < 3; i++) {
		sent_arp(1, eth_broadcast, "10.0.0.1", "10.0.0.2");
		ck_assert_uint_eq(testnet_captured(eth), 0);
		ck_assert_int_eq(errors, 0);
		testnet_run(&tn, SEC + MSEC);
	}
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_int_eq(errors, 2);
	ck_assert_int_eq(entry(2)->state, NUD_FAILED);
	ck_assert_uint_eq(tn.ip.arp.failures, 1);
	send_to(2);		/* a new try */
	sent_arp(1, eth_broadcast, "10.0.0.1", "10.0.0.2");
	arp(2, mac1, mac2, "10.0.0.2", "10.0.0.1");
	sent_data(mac2);
}
END_TEST

START_TEST(goes_stale_and_probes)
{
	uint64_t reachable = tn.ip.arp.times.reachable;

	ck_assert_uint_ge(reachable, 15 * SEC);
	ck_assert_uint_le(reachable, 45 * SEC);
	resolve();
	testnet_run(&tn, reachable - MSEC);
	ck_assert_int_eq(entry(2)->state, NUD_REACHABLE);
	testnet_run(&tn, 2 * MSEC);
	ck_assert_int_eq(entry(2)->state, NUD_STALE);
	testnet_run(&tn, 100 * SEC);
	ck_assert_uint_eq(testnet_captured(eth), 0);	/* nobody asks about who is not used */
	send_to(2);
	sent_data(mac2);
	ck_assert_int_eq(entry(2)->state, NUD_DELAY);
	testnet_run(&tn, 5 * SEC + MSEC);
	ck_assert_int_eq(entry(2)->state, NUD_PROBE);
	for (int i = 0; i < 3; i++) {
		sent_arp(1, mac2, "10.0.0.1", "10.0.0.2");	/* unicast */
		ck_assert_uint_eq(testnet_captured(eth), 0);
		send_to(2);
		sent_data(mac2);
		testnet_run(&tn, SEC + MSEC);
	}
	ck_assert_int_eq(entry(2)->state, NUD_FAILED);
}
END_TEST

START_TEST(probe_is_answered)
{
	resolve();
	testnet_run(&tn, 50 * SEC);
	send_to(2);
	sent_data(mac2);
	testnet_run(&tn, 5 * SEC + MSEC);
	sent_arp(1, mac2, "10.0.0.1", "10.0.0.2");
	arp(2, mac1, mac2, "10.0.0.2", "10.0.0.1");
	ck_assert_int_eq(entry(2)->state, NUD_REACHABLE);
}
END_TEST

START_TEST(confirmed_by_progress)
{
	struct ip_addr a = testnet_addr("10.0.0.2");

	resolve();
	for (int i = 0; i < 20; i++) {
		testnet_run(&tn, 10 * SEC);
		neighbour_confirm(&tn.ip.arp, eth, a.b);
		ck_assert_int_eq(entry(2)->state, NUD_REACHABLE);
	}
	testnet_run(&tn, 50 * SEC);
	send_to(2);
	ck_assert_int_eq(entry(2)->state, NUD_DELAY);
	neighbour_confirm(&tn.ip.arp, eth, a.b);
	ck_assert_int_eq(entry(2)->state, NUD_REACHABLE);
	sent_data(mac2);
	testnet_run(&tn, 10 * SEC);
	ck_assert_uint_eq(testnet_captured(eth), 0);
}
END_TEST

START_TEST(queue_is_bounded)
{
	for (unsigned int i = 0; i < NEIGHBOUR_QUEUE + 20; i++)
		send_to(2);
	ck_assert_uint_le(entry(2)->waiting.len, NEIGHBOUR_QUEUE);
	ck_assert_uint_le(entry(2)->waiting_bytes, NEIGHBOUR_QUEUE_BYTES);
	ck_assert_uint_eq(tn.ip.arp.queue_drops + entry(2)->waiting.len, NEIGHBOUR_QUEUE + 20);
	testnet_run(&tn, 4 * SEC);
	ck_assert_uint_eq((uint64_t)errors + tn.ip.arp.queue_drops, NEIGHBOUR_QUEUE + 20);
	testnet_discard(eth);
}
END_TEST

/* Strangers who announce themselves push out one another, not the neighbour in use. */
START_TEST(table_is_bounded)
{
	resolve();
	for (uint32_t i = 0; i < 3 * NEIGHBOUR_MAX; i++) {
		struct ip_addr a = ip_addr_v4(htonl(0x0a010000u + i));

		neighbour_update(&tn.ip.arp, eth, a.b, mac3, false, true, true);
	}
	ck_assert_uint_eq(tn.ip.arp.table.count, NEIGHBOUR_MAX);
	ck_assert_ptr_nonnull(entry(2));
	ck_assert_int_eq(entry(2)->state, NUD_REACHABLE);
}
END_TEST

START_TEST(permanent_stays)
{
	testnet_neighbour(&tn, eth, "10.0.0.2");
	arp(1, eth_broadcast, mac3, "10.0.0.2", "10.0.0.1");
	sent_arp(2, mac3, "10.0.0.1", "10.0.0.2");
	testnet_run(&tn, 1000 * SEC);
	send_to(2);
	sent_data(mac2);
	ck_assert_int_eq(entry(2)->state, NUD_PERMANENT);
	ck_assert_str_eq(nud_name(NUD_PERMANENT), "PERMANENT");
}
END_TEST

START_TEST(answers_for_us_only)
{
	arp(1, eth_broadcast, mac2, "10.0.0.2", "10.0.0.1");
	sent_arp(2, mac2, "10.0.0.1", "10.0.0.2");
	ck_assert_int_eq(entry(2)->state, NUD_STALE);
	arp(1, eth_broadcast, mac2, "10.0.0.2", "10.0.0.3");	/* another's */
	arp(1, eth_broadcast, mac2, "10.0.0.2", "10.0.0.255");	/* everybody's */
	arp(1, eth_broadcast, mac2, "10.0.0.2", "127.0.0.1");
	ck_assert_uint_eq(testnet_captured(eth), 0);
	arp(1, eth_broadcast, mac3, "0.0.0.0", "10.0.0.1");	/* a probe teaches nothing */
	sent_arp(2, mac3, "10.0.0.1", "0.0.0.0");
	arp(1, eth_broadcast, mac3, "192.168.0.9", "10.0.0.1");	/* not of this link */
	sent_arp(2, mac3, "10.0.0.1", "192.168.0.9");
	ck_assert_uint_eq(tn.ip.arp.table.count, 1);
}
END_TEST

START_TEST(bad_senders)
{
	static const uint8_t group[6] = { 3, 0, 0, 0, 0, 3 }, zero[6];
	uint8_t f[60] = { 0 };

	arp(1, eth_broadcast, group, "10.0.0.2", "10.0.0.1");
	arp(1, eth_broadcast, zero, "10.0.0.2", "10.0.0.1");
	arp(1, eth_broadcast, mac3, "224.0.0.1", "10.0.0.1");
	arp(1, eth_broadcast, mac3, "127.0.0.1", "10.0.0.1");
	arp(3, eth_broadcast, mac3, "10.0.0.2", "10.0.0.1");
	memcpy(f, eth_broadcast, 6);
	memcpy(f + 6, mac2, 6);
	f[12] = 8;
	f[13] = 6;
	for (uint32_t len = 14; len < 42; len++)
		testnet_feed(&tn, eth, f, len);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_uint_eq(tn.ip.arp.table.count, 0);
	ck_assert_uint_eq(tn.ip.arp_stats.in_errors, 4 + 28);	/* the group's never got here */
}
END_TEST

START_TEST(override_rules)
{
	resolve();
	/* Within a second of learning, only an announcement to all changes the address. */
	arp(2, mac1, mac3, "10.0.0.2", "10.0.0.1");
	ck_assert_int_eq(memcmp(entry(2)->addr, mac2, 6), 0);
	ck_assert_int_eq(entry(2)->state, NUD_STALE);
	testnet_run(&tn, 2 * SEC);
	arp(2, mac1, mac3, "10.0.0.2", "10.0.0.1");
	ck_assert_int_eq(memcmp(entry(2)->addr, mac3, 6), 0);
	ck_assert_int_eq(entry(2)->state, NUD_REACHABLE);
	arp(1, eth_broadcast, mac2, "10.0.0.2", "10.0.0.2");	/* gratuitous */
	ck_assert_int_eq(memcmp(entry(2)->addr, mac2, 6), 0);
	ck_assert_int_eq(entry(2)->state, NUD_STALE);
	/* What nobody asked about makes no entry. */
	arp(2, eth_broadcast, mac3, "10.0.0.7", "10.0.0.7");
	ck_assert_ptr_null(entry(7));
	arp(2, mac1, mac3, "10.0.0.7", "10.0.0.1");
	ck_assert_ptr_null(entry(7));
}
END_TEST

START_TEST(conflict_is_told_once)
{
	for (int i = 0; i < 5; i++)
		arp(1, eth_broadcast, mac3, "10.0.0.1", "10.0.0.1");
	ck_assert_int_eq(tn.logged, 1);
	sent_arp(1, eth_broadcast, "10.0.0.1", "10.0.0.1");
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_uint_eq(tn.ip.arp_stats.in_conflicts, 5);
	ck_assert_uint_eq(tn.ip.arp.table.count, 0);
	testnet_run(&tn, 11 * SEC);
	arp(1, eth_broadcast, mac3, "10.0.0.1", "10.0.0.1");
	ck_assert_int_eq(tn.logged, 2);
	sent_arp(1, eth_broadcast, "10.0.0.1", "10.0.0.1");
}
END_TEST

START_TEST(delete_drops_waiting)
{
	struct ip_addr a = testnet_addr("10.0.0.2");

	send_to(2);
	ck_assert_int_eq(neighbour_delete(&tn.ip.arp, eth, a.b), 0);
	ck_assert_int_eq(neighbour_delete(&tn.ip.arp, eth, a.b), -ENOENT);
	testnet_discard(eth);
	ck_assert_uint_eq(tn.pool.packets, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("neighbour");
	TCase *tc = tcase_create("neighbour");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, resolves);
	tcase_add_test(tc, fails_after_three);
	tcase_add_test(tc, goes_stale_and_probes);
	tcase_add_test(tc, probe_is_answered);
	tcase_add_test(tc, confirmed_by_progress);
	tcase_add_test(tc, queue_is_bounded);
	tcase_add_test(tc, table_is_bounded);
	tcase_add_test(tc, permanent_stays);
	tcase_add_test(tc, answers_for_us_only);
	tcase_add_test(tc, bad_senders);
	tcase_add_test(tc, override_rules);
	tcase_add_test(tc, conflict_is_told_once);
	tcase_add_test(tc, delete_drops_waiting);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
