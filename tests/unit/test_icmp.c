/* SPDX-License-Identifier: Apache-2.0 */
/* test_icmp.c - ICMP: echo, errors sent and their limits, errors received and who hears of them. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ip/icmp.h"
#include "ip/ip4_link.h"
#include "ip/pmtu.h"
#include "packet/checksum.h"
#include "testnet.h"
#include "tests/suite.h"

#define PROTO 253u

static struct testnet tn;
static struct nic *eth;
static int heard, tapped;
static struct ip_error last;
static struct ip_meta quoted;
static uint32_t quoted_len;

static void hear(void *arg, const struct ip_meta *m, const uint8_t *transport, uint32_t len,
		 const struct ip_error *e)
{
	(void)arg;
	(void)transport;
	heard++;
	last = *e;
	quoted = *m;
	quoted_len = len;
}

static bool refuse(void *arg, struct packet *p, const struct ip_meta *m)
{
	(void)arg;
	(void)p;
	(void)m;
	return false;
}

static void tap(void *arg, const struct packet *p, const struct ip_meta *m)
{
	(void)arg;
	(void)m;
	ck_assert_uint_ge(p->len, 8);
	tapped++;
}

static const struct ip_protocol deaf = { .input = refuse, .error = hear };

static void setup(void)
{
	testnet_init(&tn, 1);
	eth = testnet_eth(&tn, "10.0.0.1", 24);
	testnet_neighbour(&tn, eth, "10.0.0.2");
	ip_register(&tn.ip, PROTO, &deaf, NULL);
	tn.ip.icmp_tap = tap;
	heard = tapped = 0;
}

static void teardown(void)
{
	testnet_fini(&tn);
}

/* An ICMP message of n bytes, its checksum filled in, to us or to dst. */
static void feed_icmp(const char *dst, uint8_t *icmp, uint32_t n)
{
	static uint8_t ip[65536];
	uint16_t sum;

	put_be16(icmp + 2, 0);
	sum = checksum_fold(checksum_partial(icmp, n, 0));
	memcpy(icmp + 2, &sum, 2);
	n = testnet_ipv4(ip, "10.0.0.2", dst, IPPROTO_ICMP, 7, 0, icmp, n);
	testnet_feed_ip(&tn, eth, NULL, ip, n);
}

START_TEST(echo)
{
	static uint8_t icmp[1480], f[1600];
	uint32_t n;

	icmp[0] = 8;
	put_be32(icmp + 4, 0x12340001);
	for (uint32_t i = 8; i < sizeof(icmp); i++)
		icmp[i] = (uint8_t)i;
	for (uint32_t len = 8; len <= sizeof(icmp); len += 1472 / 4) {
		feed_icmp("10.0.0.1", icmp, len);
		n = testnet_take_bytes(eth, f, sizeof(f));
		ck_assert_uint_eq(n, 34 + len);
		ck_assert_int_eq(memcmp(f + 26, (uint8_t[]){ 10, 0, 0, 1, 10, 0, 0, 2, 0, 0 }, 10), 0);
		ck_assert_int_eq(memcmp(f + 38, icmp + 4, len - 4), 0);
		ck_assert_uint_eq(checksum_fold(checksum_partial(f + 34, len, 0)), 0);
	}
	ck_assert_int_eq(tapped, 5);
	feed_icmp("10.0.0.255", icmp, 100);		/* not for everybody */
	feed_icmp("224.0.0.1", icmp, 100);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_uint_eq(tn.ip.icmp_stats.out_echo_reps, 5);
}
END_TEST

START_TEST(bad_messages)
{
	uint8_t icmp[40] = { 8 }, ip[64];
	uint32_t n;

	for (uint32_t len = 0; len < 8; len++)
		feed_icmp("10.0.0.1", icmp, len < 4 ? 4 : len);
	n = testnet_ipv4(ip, "10.0.0.2", "10.0.0.1", IPPROTO_ICMP, 7, 0, icmp, sizeof(icmp));
	ip[n - 1] ^= 1;
	testnet_feed_ip(&tn, eth, NULL, ip, n);
	ck_assert_uint_eq(tn.ip.icmp_stats.in_csum_errors, 1);
	ck_assert_uint_eq(tn.ip.icmp_stats.in_errors, 8);
	ck_assert_int_eq(tapped, 0);
	icmp[0] = 5;		/* a redirect that quotes nothing of ours */
	feed_icmp("10.0.0.1", icmp, sizeof(icmp));
	ck_assert_uint_eq(tn.ip.icmp_stats.in_redirects, 1);
	ck_assert_uint_eq(tn.ip.icmp_stats.in_errors, 9);
	ck_assert_uint_eq(testnet_captured(eth), 0);
}
END_TEST

/* Send in a packet that nobody takes; how many frames came back? */
static uint32_t complaint(const char *src, const char *dst, uint8_t proto, uint16_t frag,
			  uint8_t first)
{
	uint8_t ip[64], payload[16] = { first };
	uint32_t n = testnet_ipv4(ip, src, dst, proto, 1, frag, payload, sizeof(payload));

	testnet_feed_ip(&tn, eth, NULL, ip, n);
	return testnet_captured(eth);
}

START_TEST(unreachable_protocol_and_port)
{
	uint8_t f[200];

	ck_assert_uint_eq(complaint("10.0.0.2", "10.0.0.1", 77, 0, 0), 1);
	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), 34 + 8 + 36);
	ck_assert_uint_eq(f[34], 3);
	ck_assert_uint_eq(f[35], 2);
	ck_assert_uint_eq(f[15] & 0xfc, 0xc0);
	ck_assert_uint_eq(f[42], 0x45);			/* the quoted header */
	ck_assert_int_eq(memcmp(f + 54, (uint8_t[]){ 10, 0, 0, 2, 10, 0, 0, 1 }, 8), 0);
	ck_assert_uint_eq(checksum_fold(checksum_partial(f + 34, 44, 0)), 0);
	ip_register(&tn.ip, IPPROTO_UDP, &deaf, NULL);
	ck_assert_uint_eq(complaint("10.0.0.2", "10.0.0.1", IPPROTO_UDP, 0, 0), 1);
	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), 34 + 8 + 36);
	ck_assert_uint_eq(f[35], 3);
}
END_TEST

START_TEST(quote_is_bounded)
{
	static uint8_t ip[1500], payload[1480], f[700];
	uint32_t n = testnet_ipv4(ip, "10.0.0.2", "10.0.0.1", 77, 1, 0, payload, sizeof(payload));

	testnet_feed_ip(&tn, eth, NULL, ip, n);
	ck_assert_uint_eq(testnet_take_bytes(eth, f, sizeof(f)), 14 + 576);
}
END_TEST

START_TEST(never_about)
{
	uint8_t f[80], payload[16] = { 0 };
	uint32_t n;

	ck_assert_uint_eq(complaint("10.0.0.2", "10.0.0.255", 77, 0, 0), 0);	/* broadcasts */
	ck_assert_uint_eq(complaint("10.0.0.2", "224.0.0.1", 77, 0, 0), 0);
	n = testnet_ipv4(f + 14, "10.0.0.2", "10.0.0.1", 77, 1, 0, payload, 16);
	memset(f, 0xff, 6);				/* in a frame for all */
	memcpy(f + 6, (uint8_t[]){ 2, 0, 0, 0, 0, 2, 8, 0 }, 8);
	testnet_feed(&tn, eth, f, 14 + n);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ip_register(&tn.ip, IPPROTO_ICMP, &deaf, NULL);		/* ICMP errors; an unknown type */
	ck_assert_uint_eq(complaint("10.0.0.2", "10.0.0.1", IPPROTO_ICMP, 0, 3), 0);
	ck_assert_uint_eq(complaint("10.0.0.2", "10.0.0.1", IPPROTO_ICMP, 0, 11), 0);
	ck_assert_uint_eq(complaint("10.0.0.2", "10.0.0.1", IPPROTO_ICMP, 0, 200), 0);
	ck_assert_uint_eq(complaint("10.0.0.2", "10.0.0.1", IPPROTO_ICMP, 0, 8), 1);
	testnet_discard(eth);
}
END_TEST

START_TEST(rate_limits)
{
	char src[20];
	uint32_t n;

	for (int i = 0; i < 50; i++)
		complaint("10.0.0.2", "10.0.0.1", 77, 0, 0);
	ck_assert_uint_eq(testnet_captured(eth), 6);		/* one peer */
	ck_assert_uint_eq(tn.ip.icmp_stats.out_rate_limited, 44);
	testnet_run(&tn, 2 * SEC);
	for (int i = 0; i < 50; i++)
		complaint("10.0.0.2", "10.0.0.1", 77, 0, 0);
	ck_assert_uint_eq(testnet_captured(eth), 8);
	testnet_discard(eth);
	testnet_run(&tn, 10 * SEC);
	for (int i = 3; i < 203; i++) {				/* all together */
		snprintf(src, sizeof(src), "10.0.0.%d", i);
		testnet_neighbour(&tn, eth, src);
		complaint(src, "10.0.0.1", 77, 0, 0);
	}
	n = testnet_captured(eth);
	ck_assert_uint_ge(n, 17);
	ck_assert_uint_le(n, 50);
	testnet_run(&tn, 10 * MSEC);
	for (int i = 3; i < 203; i++) {
		snprintf(src, sizeof(src), "10.0.0.%d", i);
		complaint(src, "10.0.0.1", 77, 0, 0);
	}
	ck_assert_uint_ge(testnet_captured(eth), n + 6);
	ck_assert_uint_le(testnet_captured(eth), n + 21);
	testnet_discard(eth);
}
END_TEST

#define WINDOWS 40

/* Errors that strangers get who ask all at once; of either family, since they share the limit. */
static uint32_t errors_at_once(bool six)
{
	struct ip_addr to = testnet_addr(six ? "fd00::1" : "10.1.0.0");
	uint32_t n = 0;

	for (uint32_t i = 0; i < 2000; i++) {
		put_be32(to.b + 12, get_be32(to.b + 12) + 1);
		n += icmp_allowed(tn.ip.icmp, &to);
	}
	return n;
}

/* CVE-2020-25705: who counts them cannot tell whether somebody else got one. */
START_TEST(shared_limit_cannot_be_counted)
{
	uint32_t seen[51] = { 0 }, kinds = 0, all = 0;

	for (int i = 0; i < WINDOWS; i++) {
		uint32_t n;

		testnet_fini(&tn);
		testnet_init(&tn, (uint64_t)i + 100);
		testnet_run(&tn, SEC);
		n = errors_at_once(i & 1);
		ck_assert_uint_ge(n, 17);
		ck_assert_uint_le(n, 50);
		kinds += !seen[n]++;
		testnet_run(&tn, SEC);		/* and the next window differs as well */
		all += errors_at_once(i & 1) != n;
	}
	ck_assert_uint_ge(kinds, 5);
	ck_assert_uint_ge(all, WINDOWS / 2);
	eth = testnet_eth(&tn, "10.0.0.1", 24);		/* for the teardown */
}
END_TEST

/* In the long run there are as many as the limit says. */
START_TEST(shared_limit_in_the_long_run)
{
	uint32_t n = 0;

	for (int i = 0; i < 1000; i++) {
		n += errors_at_once(i & 1);
		testnet_run(&tn, 10 * MSEC);
	}
	ck_assert_uint_ge(n, 9000);
	ck_assert_uint_le(n, 10 * 1000 + 1000);
}
END_TEST

/* An ICMP error quoting a packet from src to dst with this length and flags. */
static void feed_error(uint8_t type, uint8_t code, uint32_t info, const char *src, const char *dst,
		       uint16_t total, uint16_t frag, uint32_t quote)
{
	uint8_t icmp[100] = { type, code }, payload[16] = { 0xab };

	put_be32(icmp + 4, info);
	testnet_ipv4(icmp + 8, src, dst, PROTO, 9, frag, payload, sizeof(payload));
	put_be16(icmp + 10, total);
	feed_icmp("10.0.0.1", icmp, 8 + quote);
}

START_TEST(errors_reach_transports)
{
	static const struct { uint8_t type, code; int err; bool hard; } rows[] = {
		{ 3, 0, ENETUNREACH, false }, { 3, 1, EHOSTUNREACH, false },
		{ 3, 2, ENOPROTOOPT, true }, { 3, 3, ECONNREFUSED, true },
		{ 3, 13, EHOSTUNREACH, true }, { 11, 0, EHOSTUNREACH, false }, { 12, 0, EPROTO, true },
	};
	struct ip_addr router = testnet_addr("10.0.0.2"), far = testnet_addr("10.0.0.9");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		heard = 0;
		feed_error(rows[i].type, rows[i].code, 0, "10.0.0.1", "10.0.0.9", 36, 0, 36);
		ck_assert_msg(heard == 1, "row %zu", i);
		ck_assert_int_eq(last.err, rows[i].err);
		ck_assert(last.hard == rows[i].hard);
		ck_assert(ip_addr_eq(&last.offender, &router));
		ck_assert(ip_addr_eq(&quoted.dst, &far));
		ck_assert_uint_eq(quoted_len, 16);
	}
	ck_assert_uint_eq(testnet_captured(eth), 0);
}
END_TEST

START_TEST(forged_errors)
{
	feed_error(3, 1, 0, "10.0.0.77", "10.0.0.9", 36, 0, 36);	/* not from us */
	feed_error(3, 1, 0, "127.0.0.1", "10.0.0.9", 36, 0, 36);	/* from us, but not here */
	feed_error(3, 1, 0, "10.0.0.1", "10.0.0.9", 36, 5, 36);		/* no first fragment */
	feed_error(3, 99, 0, "10.0.0.1", "10.0.0.9", 36, 0, 36);
	for (uint32_t n = 0; n < 28; n++)				/* quoting too little */
		feed_error(3, 1, 0, "10.0.0.1", "10.0.0.9", 36, 0, n);
	ck_assert_int_eq(heard, 0);
	feed_error(3, 1, 0, "10.0.0.1", "10.0.0.9", 36, 0, 28);
	ck_assert_int_eq(heard, 1);
	feed_error(4, 0, 0, "10.0.0.1", "10.0.0.9", 36, 0, 36);		/* source quench, RFC 6633 */
	ck_assert_int_eq(heard, 1);
}
END_TEST

static uint32_t mtu_to(const char *dst)
{
	struct flow f = { .src = testnet_addr("0.0.0.0"), .dst = testnet_addr(dst) };
	struct dst d;

	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	return d.mtu;
}

START_TEST(fragmentation_needed)
{
	feed_error(3, 4, 1300, "10.0.0.1", "10.0.0.9", 1500, 0x4000, 36);
	ck_assert_int_eq(heard, 1);
	ck_assert_int_eq(last.err, EMSGSIZE);
	ck_assert_uint_eq(last.mtu, 1300);
	ck_assert_uint_eq(mtu_to("10.0.0.9"), 1300);
	ck_assert_uint_eq(mtu_to("10.0.0.8"), 1500);
	feed_error(3, 4, 0, "10.0.0.1", "10.0.0.8", 1500, 0x4000, 36);	/* RFC 1191's plateaus */
	ck_assert_uint_eq(mtu_to("10.0.0.8"), 1492);
	feed_error(3, 4, 100, "10.0.0.1", "10.0.0.7", 1500, 0x4000, 36);
	ck_assert_uint_eq(mtu_to("10.0.0.7"), PMTU_MIN);
	ck_assert_uint_eq(last.mtu, PMTU_MIN);
	heard = 0;
	feed_error(3, 4, 1300, "10.0.0.1", "10.0.0.6", 1500, 0, 36);	/* without DF */
	feed_error(3, 4, 1300, "10.0.0.1", "10.0.0.6", 1300, 0x4000, 36);	/* it would have fit */
	feed_error(3, 4, 20, "10.0.0.1", "10.0.0.6", 1500, 0x4000, 36);	/* no MTU */
	ck_assert_int_eq(heard, 0);
	ck_assert_uint_eq(mtu_to("10.0.0.6"), 1500);
}
END_TEST

/* ---- redirects (RFC 1122 section 3.2.2.2) ---- */

static void add_route(const char *dst, uint8_t prefix, const char *gateway)
{
	struct route r = { .dst = testnet_addr(dst), .prefix = prefix, .gateway = testnet_addr(gateway) };

	ck_assert_int_eq(route_add(&tn.ip, &r, NULL), 0);
}

/* 10.0.0.2 is the way to everywhere, 10.0.0.4 to one network. */
static void follow(bool accept, bool secure)
{
	const struct ip4_config c = { .accept_redirects = accept, .secure_redirects = secure };

	add_route("0.0.0.0", 0, "10.0.0.2");
	add_route("198.51.100.0", 24, "10.0.0.4");
	ck_assert_int_eq(ip4_link_start(&tn.ip, eth, &c), 0);
}

/* 10.0.0.2 says that gateway is the way to dst. */
static void redirect(uint8_t code, const char *dst, const char *gateway)
{
	struct ip_addr gw = testnet_addr(gateway);

	feed_error(5, code, ntohl(ip_addr_to_v4(&gw)), "10.0.0.1", dst, 36, 0, 36);
}

static const char *next_hop(const char *dst)
{
	static char text[IP_ADDR_TEXT];
	struct flow f = { .dst = testnet_addr(dst), .proto = IPPROTO_UDP };
	struct dst d;

	return route_lookup(&tn.ip, &f, &d) ? "none" : ip_addr_text(&d.nexthop, text);
}

START_TEST(redirects)
{
	follow(true, false);
	for (uint8_t code = 0; code < 4; code++) {	/* of a network, too, one host is taken */
		redirect(code, "192.0.2.1", "10.0.0.3");
		ck_assert_str_eq(next_hop("192.0.2.1"), "10.0.0.3");
		ck_assert_str_eq(next_hop("192.0.2.2"), "10.0.0.2");
		testnet_run(&tn, 601 * SEC);
		ck_assert_str_eq(next_hop("192.0.2.1"), "10.0.0.2");
	}
	ck_assert_uint_eq(tn.ip.icmp_stats.in_redirects, 4);
	ck_assert_uint_eq(tn.ip.icmp_stats.in_errors, 0);
	redirect(1, "192.0.2.1", "10.0.0.3");
	redirect(1, "192.0.2.1", "10.0.0.4");		/* is not the gateway in use any more */
	ck_assert_str_eq(next_hop("192.0.2.1"), "10.0.0.3");
	nic_set_up(eth, false);
	nic_set_up(eth, true);
	ck_assert_str_eq(next_hop("192.0.2.1"), "10.0.0.2");
}
END_TEST

/* A destination of this link that a route leads away from it may be said to be on it after all. */
START_TEST(redirect_to_the_link)
{
	add_route("10.0.0.128", 25, "10.0.0.2");
	follow(true, false);
	redirect(1, "10.0.0.130", "10.0.0.130");
	ck_assert_str_eq(next_hop("10.0.0.130"), "10.0.0.130");
	ck_assert_str_eq(next_hop("10.0.0.131"), "10.0.0.2");
}
END_TEST

START_TEST(redirects_not_believed)
{
	static const char *const gateways[] = {
		"10.0.0.2", "10.0.0.1", "10.0.0.255", "0.0.0.3", "224.0.0.1", "255.255.255.255",
		"127.0.0.1", "10.0.1.3", "192.0.2.1",	/* these two are on no link of ours */
	};

	follow(true, false);
	for (size_t i = 0; i < sizeof(gateways) / sizeof(gateways[0]); i++) {
		redirect(1, "192.0.2.1", gateways[i]);
		ck_assert_msg(!strcmp(next_hop("192.0.2.1"), "10.0.0.2"), "%s", gateways[i]);
	}
	redirect(1, "198.51.100.1", "10.0.0.3");	/* by who is not the gateway in use */
	redirect(1, "10.0.0.2", "10.0.0.3");		/* which needs none */
	redirect(1, "10.0.0.9", "10.0.0.3");
	redirect(1, "10.0.0.255", "10.0.0.3");
	redirect(1, "224.0.0.1", "10.0.0.3");
	redirect(1, "127.0.0.1", "10.0.0.3");
	ck_assert_str_eq(next_hop("198.51.100.1"), "10.0.0.4");
	ck_assert_uint_eq(tn.ip.icmp_stats.in_errors, 0);
	redirect(4, "192.0.2.1", "10.0.0.3");		/* no such code */
	feed_error(5, 1, 0x0a000003, "10.0.0.77", "192.0.2.1", 36, 0, 36);	/* not from us */
	feed_error(5, 1, 0x0a000003, "10.0.0.1", "192.0.2.1", 36, 5, 36);	/* no first fragment */
	for (uint32_t n = 0; n < 28; n++)
		feed_error(5, 1, 0x0a000003, "10.0.0.1", "192.0.2.1", 36, 0, n);
	ck_assert_uint_eq(tn.ip.icmp_stats.in_errors, 31);
	ck_assert_uint_eq(eth->ip4->redirects.count, 0);
	ck_assert_int_eq(heard, 0);
}
END_TEST

START_TEST(redirects_off)
{
	if (_i == 0)
		follow(false, false);
	else
		add_route("0.0.0.0", 0, "10.0.0.2");	/* IPv4 was not started */
	redirect(1, "192.0.2.1", "10.0.0.3");
	ck_assert_str_eq(next_hop("192.0.2.1"), "10.0.0.2");
}
END_TEST

START_TEST(secure_redirects)
{
	follow(true, true);
	redirect(1, "192.0.2.1", "10.0.0.3");
	ck_assert_str_eq(next_hop("192.0.2.1"), "10.0.0.2");
	redirect(1, "192.0.2.1", "10.0.0.4");
	ck_assert_str_eq(next_hop("192.0.2.1"), "10.0.0.4");
}
END_TEST

START_TEST(redirects_are_bounded)
{
	char dst[20];

	follow(true, false);
	for (int i = 0; i < 200; i++) {
		snprintf(dst, sizeof(dst), "192.0.2.%d", i);
		redirect(1, dst, "10.0.0.3");
	}
	ck_assert_uint_eq(eth->ip4->redirects.count, 64);
	ck_assert_uint_eq(tn.ip.icmp_stats.redirect_limits, 136);
	ck_assert_str_eq(next_hop("192.0.2.135"), "10.0.0.2");
	ck_assert_str_eq(next_hop("192.0.2.136"), "10.0.0.3");
	ck_assert_str_eq(next_hop(dst), "10.0.0.3");
}
END_TEST

/* Who does not answer is not asked any longer, RFC 1122 section 3.3.1.4. */
START_TEST(redirect_to_nobody)
{
	struct flow f = { .dst = testnet_addr("192.0.2.1"), .proto = IPPROTO_UDP };
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	struct dst d;

	follow(true, false);
	redirect(1, "192.0.2.1", "10.0.0.3");
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	packet_put(p, 8);
	ck_assert_int_eq(ip_output(&tn.ip, p, &f, &d), 0);
	testnet_run(&tn, 10 * SEC);
	ck_assert_str_eq(next_hop("192.0.2.1"), "10.0.0.2");
}
END_TEST

/* An echo to ourselves goes round by loopback and is not limited. */
START_TEST(echo_on_loopback)
{
	struct flow f = { .src = testnet_addr("0.0.0.0"), .dst = testnet_addr("127.0.0.1"),
			  .proto = IPPROTO_ICMP };
	struct dst d;

	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	for (int i = 0; i < 100; i++) {
		struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
		uint8_t *h = packet_put(p, 8);
		uint16_t sum;

		memset(h, 0, 8);
		h[0] = 8;
		sum = checksum_fold(checksum_partial(h, 8, 0));
		memcpy(h + 2, &sum, 2);
		ck_assert_int_eq(ip_output(&tn.ip, p, &f, &d), 0);
		testnet_run(&tn, 0);
	}
	ck_assert_int_eq(tapped, 200);
	ck_assert_uint_eq(testnet_captured(eth), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("icmp");
	TCase *tc = tcase_create("icmp");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, echo);
	tcase_add_test(tc, bad_messages);
	tcase_add_test(tc, unreachable_protocol_and_port);
	tcase_add_test(tc, quote_is_bounded);
	tcase_add_test(tc, never_about);
	tcase_add_test(tc, rate_limits);
	tcase_add_test(tc, shared_limit_cannot_be_counted);
	tcase_add_test(tc, shared_limit_in_the_long_run);
	tcase_add_test(tc, errors_reach_transports);
	tcase_add_test(tc, forged_errors);
	tcase_add_test(tc, fragmentation_needed);
	tcase_add_test(tc, echo_on_loopback);
	tcase_add_test(tc, redirects);
	tcase_add_test(tc, redirect_to_the_link);
	tcase_add_test(tc, redirects_not_believed);
	tcase_add_loop_test(tc, redirects_off, 0, 2);
	tcase_add_test(tc, secure_redirects);
	tcase_add_test(tc, redirects_are_bounded);
	tcase_add_test(tc, redirect_to_nobody);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
