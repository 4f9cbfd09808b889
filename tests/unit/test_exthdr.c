/* SPDX-License-Identifier: Apache-2.0 */
/* test_exthdr.c - extension headers, fragments and ICMPv6 errors, against RFC 8200, 5095, 5722,
 * 6946, 6980, 7112, 4443 and 8201. */
#include <check.h>
#include <errno.h>
#include <linux/icmpv6.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "ip/fragment.h"
#include "ip/ipv6.h"
#include "packet/checksum.h"
#include "testnet.h"
#include "tests/suite.h"

#define US	"2001:db8::1"
#define PEER	"2001:db8::2"
#define ICMP_AT	(ETH_HEADER_LEN + IPV6_HEADER_LEN)

static struct testnet tn;
static struct nic *eth;
static uint8_t out[2048];

static void setup(void)
{
	testnet_init(&tn, 6);
	eth = testnet_eth(&tn, US, 64);
	testnet_neighbour(&tn, eth, PEER);
	testnet_run(&tn, 5 * SEC);		/* what a new NIC has to say */
	testnet_discard(eth);
}

static void teardown(void)
{
	testnet_fini(&tn);
}

/* An echo request with extension headers in front; echo says with how many bytes of data. */
static uint32_t with_headers(uint8_t *at, uint8_t first, const uint8_t *headers, uint32_t n,
			     uint32_t echo)
{
	struct ip_addr src = testnet_addr(PEER), dst = testnet_addr(US);
	uint8_t body[1600] = { 0 };
	uint16_t sum;

	memcpy(body, headers, n);
	body[n] = ICMPV6_ECHO_REQUEST;
	sum = checksum_fold(checksum_partial(body + n, 8 + echo,
					     ip_pseudo(&src, &dst, IPPROTO_ICMPV6, 8 + echo)));
	memcpy(body + n + 2, &sum, 2);
	return testnet_ipv6(at, PEER, US, first, body, n + 8 + echo);
}

static void feed(uint8_t first, const uint8_t *headers, uint32_t n)
{
	uint8_t ip[2048];

	testnet_feed_ip(&tn, eth, NULL, ip, with_headers(ip, first, headers, n, 8));
}

static void expect_nothing(void)
{
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_uint_eq(tn.ip.icmp6_stats.in_echos, 0);
}

/* One ICMPv6 message of ours; its length behind the IPv6 header. */
static uint32_t expect(uint8_t type, uint8_t code)
{
	uint32_t n = testnet_take_bytes(eth, out, sizeof(out));

	ck_assert_uint_gt(n, ICMP_AT + 8);
	ck_assert_uint_eq(out[ETH_HEADER_LEN + 6], IPPROTO_ICMPV6);
	ck_assert_uint_eq(out[ICMP_AT], type);
	ck_assert_uint_eq(out[ICMP_AT + 1], code);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	return n - ICMP_AT;
}

static void expect_problem(uint8_t code, uint32_t at)
{
	expect(ICMPV6_PARAMPROB, code);
	ck_assert_uint_eq(get_be32(out + ICMP_AT + 4), at);
	ck_assert_uint_eq(tn.ip.icmp6_stats.in_echos, 0);
}

/* RFC 8200 section 4: headers that say nothing are walked, in any order but hop-by-hop first. */
START_TEST(headers_are_walked)
{
	static const uint8_t h[] = {
		IPPROTO_DSTOPTS, 0, 5, 2, 0, 0, 1, 0,		/* router alert, PadN */
		IPPROTO_ROUTING, 0, 0x1e, 4, 0, 0, 0, 0,	/* an unknown option to be skipped */
		IPPROTO_DSTOPTS, 0, 0, 0, 0, 0, 0, 0,		/* routing type 0, no hops left */
		IPPROTO_ICMPV6, 0, 1, 4, 0, 0, 0, 0,
	};

	feed(IPPROTO_HOPOPTS, h, sizeof(h));
	expect(ICMPV6_ECHO_REPLY, 0);
}
END_TEST

/* RFC 8200 section 4.1: only behind the IPv6 header. */
START_TEST(hop_by_hop_late)
{
	static const uint8_t h[] = {
		IPPROTO_HOPOPTS, 0, 1, 4, 0, 0, 0, 0, IPPROTO_ICMPV6, 0, 1, 4, 0, 0, 0, 0,
	};

	feed(IPPROTO_DSTOPTS, h, sizeof(h));
	expect_problem(ICMPV6_UNK_NEXTHDR, 40);
}
END_TEST

/* RFC 5095, RFC 8200 section 4.4: hops left are an error at the type. */
START_TEST(routing_header)
{
	static const uint8_t h[] = { IPPROTO_ICMPV6, 0, 0, 1, 0, 0, 0, 0 };

	feed(IPPROTO_ROUTING, h, sizeof(h));
	expect_problem(ICMPV6_HDR_FIELD, 42);
}
END_TEST

/* RFC 8200 section 4.2: the two high bits of an unknown option. */
START_TEST(unknown_options)
{
	uint8_t h[] = { IPPROTO_ICMPV6, 0, 0x5e, 4, 0, 0, 0, 0 };

	feed(IPPROTO_DSTOPTS, h, sizeof(h));
	expect_nothing();
	h[2] = 0x9e;
	feed(IPPROTO_DSTOPTS, h, sizeof(h));
	expect_problem(ICMPV6_UNK_OPTION, 42);
	h[2] = 0xde;
	feed(IPPROTO_DSTOPTS, h, sizeof(h));
	expect_problem(ICMPV6_UNK_OPTION, 42);
}
END_TEST

/* Too many options, padding that is too long or hides something, options beyond their header. */
START_TEST(option_limits)
{
	static const uint8_t many[] = {
		IPPROTO_ICMPV6, 2, 0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0,
		0x1e, 0, 0x1e, 0, 1, 2, 0, 0,
	};
	static const uint8_t longer[] = {
		IPPROTO_ICMPV6, 1, 1, 4, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0,
	};
	static const uint8_t hides[] = { IPPROTO_ICMPV6, 0, 1, 4, 0, 0, 1, 0 };
	static const uint8_t beyond[] = { IPPROTO_ICMPV6, 0, 0x1e, 5, 0, 0, 0, 0 };

	feed(IPPROTO_DSTOPTS, many, sizeof(many));
	feed(IPPROTO_DSTOPTS, longer, sizeof(longer));
	feed(IPPROTO_DSTOPTS, hides, sizeof(hides));
	feed(IPPROTO_DSTOPTS, beyond, sizeof(beyond));
	expect_nothing();
	ck_assert_uint_eq(tn.ip.stats6.in_hdr_errors, 4);
}
END_TEST

/* RFC 8200 sections 4 and 4.7: an unknown next header is an error at its field, 59 is nothing. */
START_TEST(next_headers)
{
	static const uint8_t h[] = { 200, 0, 1, 4, 0, 0, 0, 0 };
	static const uint8_t none[] = { IPPROTO_NONE, 0, 1, 4, 0, 0, 0, 0 };

	feed(IPPROTO_DSTOPTS, h, sizeof(h));
	expect_problem(ICMPV6_UNK_NEXTHDR, 40);
	feed(IPPROTO_DSTOPTS, none, sizeof(none));
	expect_nothing();
}
END_TEST

/* ---- fragments ---- */

/* Bytes [off, off+len) of an echo request with 1,192 bytes of data, as a fragment. */
static void feed_fragment(uint32_t id, uint32_t off, uint32_t len, bool more)
{
	uint8_t whole[2048] = { 0 }, body[1600] = { IPPROTO_ICMPV6 }, ip[2048];

	with_headers(whole, IPPROTO_ICMPV6, whole, 0, 1192);
	put_be16(body + 2, (uint16_t)(off | more));
	put_be32(body + 4, id);
	memcpy(body + 8, whole + IPV6_HEADER_LEN + off, len);
	testnet_feed_ip(&tn, eth, NULL, ip,
			testnet_ipv6(ip, PEER, US, IPPROTO_FRAGMENT, body, 8 + len));
}

/* RFC 8200 section 4.5, in any order. */
START_TEST(reassembly)
{
	feed_fragment(7, 800, 400, false);
	feed_fragment(7, 0, 400, true);
	expect_nothing();
	feed_fragment(7, 400, 400, true);
	ck_assert_uint_eq(expect(ICMPV6_ECHO_REPLY, 0), 1200);
	ck_assert_uint_eq(tn.ip.stats6.reasm_oks, 1);
	ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
}
END_TEST

/* RFC 5722: an overlap discards all; a duplicate, alone. */
START_TEST(overlaps)
{
	feed_fragment(7, 0, 400, true);
	feed_fragment(7, 0, 400, true);
	ck_assert_uint_eq(tn.ip.stats6.reasm_fails, 0);
	feed_fragment(7, 392, 400, true);
	ck_assert_uint_eq(tn.ip.stats6.reasm_fails, 1);
	ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
	feed_fragment(7, 400, 800, false);
	expect_nothing();
}
END_TEST

/* RFC 6946: a fragment that is the whole has nothing to do with others of its identification. */
START_TEST(atomic)
{
	feed_fragment(7, 0, 400, true);
	feed_fragment(7, 0, 1200, false);
	ck_assert_uint_eq(expect(ICMPV6_ECHO_REPLY, 0), 1200);
	ck_assert_uint_eq(tn.ip.stats6.reasm_fails, 0);
	ck_assert_uint_gt(fragments_memory(tn.ip.fragments), 0);
}
END_TEST

/* RFC 7112: the first fragment has the whole chain. */
START_TEST(first_is_short)
{
	uint8_t body[64] = { IPPROTO_DSTOPTS, 0, 0, 1, 0, 0, 0, 9, IPPROTO_TCP, 1 }, ip[128];

	testnet_feed_ip(&tn, eth, NULL, ip,
			testnet_ipv6(ip, PEER, US, IPPROTO_FRAGMENT, body, 16));
	expect_problem(3, 0);
	ck_assert_uint_eq(tn.ip.stats6.reasm_fails, 1);
}
END_TEST

/* RFC 8200 section 4.5: lengths, and the end of time for a first fragment. */
START_TEST(bad_fragments)
{
	feed_fragment(7, 0, 396, true);
	expect_problem(ICMPV6_HDR_FIELD, 4);
	feed_fragment(8, 0, 400, true);
	testnet_run(&tn, 59 * SEC);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	testnet_run(&tn, 2 * SEC);
	expect(ICMPV6_TIME_EXCEED, ICMPV6_EXC_FRAGTIME);
	ck_assert_uint_eq(fragments_memory(tn.ip.fragments), 0);
}
END_TEST

static int send_bytes(uint32_t len, bool df)
{
	struct flow f = { .dst = testnet_addr(PEER), .proto = 200, .df = df };
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	static uint8_t data[4000];
	struct dst d;
	int err;

	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7);
	ck_assert_int_eq(packet_copy_in(p, data, len), 0);
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	err = ip_output(&tn.ip, p, &f, &d);
	testnet_run(&tn, 0);
	return err;
}

/* RFC 8200 section 4.5: the sender cuts; RFC 6437: with one label for all. */
START_TEST(fragments_out)
{
	uint32_t got = 0, id = 0, label = 0, n;

	ck_assert_int_eq(send_bytes(4000, true), -EMSGSIZE);
	ck_assert_int_eq(send_bytes(4000, false), 0);
	while ((n = testnet_take_bytes(eth, out, sizeof(out)))) {
		const uint8_t *ip = out + ETH_HEADER_LEN, *fh = ip + IPV6_HEADER_LEN;
		uint32_t len = n - ETH_HEADER_LEN - IPV6_HEADER_LEN - 8;

		ck_assert_uint_le(n, ETH_HEADER_LEN + 1500);
		ck_assert_uint_eq(ip[6], IPPROTO_FRAGMENT);
		ck_assert_uint_eq(get_be16(ip + 4), len + 8);
		ck_assert_uint_eq(fh[0], 200);
		ck_assert_uint_eq(get_be16(fh + 2) & ~7u, got);
		ck_assert_uint_eq(get_be16(fh + 2) & 1, got + len < 4000);
		for (uint32_t i = 0; i < len; i++)
			ck_assert_uint_eq(fh[8 + i], (uint8_t)((got + i) * 7));
		if (got) {
			ck_assert_uint_eq(get_be32(fh + 4), id);
			ck_assert_uint_eq(get_be32(ip), label);
		}
		id = get_be32(fh + 4);
		label = get_be32(ip);
		ck_assert_uint_ne(label & IPV6_FLOWLABEL, 0);
		got += len;
	}
	ck_assert_uint_eq(got, 4000);
}
END_TEST

/* ---- errors ---- */

static void feed_error(uint8_t type, uint8_t code, uint32_t info, uint32_t quoted_len)
{
	uint8_t body[256] = { type, code }, ip[512];
	uint32_t n;

	put_be32(body + 4, info);
	testnet_ipv6(body + 8, US, PEER, IPPROTO_UDP, (uint8_t[32]){ 0, 1, 0, 2 }, 32);
	put_be16(body + 12, (uint16_t)(quoted_len - IPV6_HEADER_LEN));
	n = testnet_ipv6(ip, PEER, US, IPPROTO_ICMPV6, body, 80);
	testnet_icmp6_sum(ip, n);
	testnet_feed_ip(&tn, eth, NULL, ip, n);
}

static uint32_t mtu(void)
{
	struct flow f = { .dst = testnet_addr(PEER), .proto = IPPROTO_UDP };
	struct dst d;

	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	return d.mtu;
}

/* RFC 8201 section 4: lowered by what is about a packet that was larger, never below 1,280. */
START_TEST(packet_too_big)
{
	feed_error(ICMPV6_PKT_TOOBIG, 0, 1279, 1500);
	feed_error(ICMPV6_PKT_TOOBIG, 0, 1400, 1400);
	ck_assert_uint_eq(mtu(), 1500);
	ck_assert_uint_eq(tn.ip.icmp6_stats.in_errors, 2);
	feed_error(ICMPV6_PKT_TOOBIG, 0, 1400, 1500);
	ck_assert_uint_eq(mtu(), 1400);
	feed_error(ICMPV6_PKT_TOOBIG, 0, 1280, 1400);
	ck_assert_uint_eq(mtu(), 1280);
}
END_TEST

/* RFC 4443 section 2.4 (c): at most 1,280 bytes; (e.1): no error about an error; (f): not too
 * many. */
START_TEST(errors_out)
{
	static const uint8_t junk[1400];
	uint8_t ip[2048], body[128] = { ICMPV6_DEST_UNREACH };

	testnet_feed_ip(&tn, eth, NULL, ip, testnet_ipv6(ip, PEER, US, 200, junk, sizeof(junk)));
	ck_assert_uint_eq(expect(ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR), 1280 - IPV6_HEADER_LEN);
	ck_assert_mem_eq(out + ICMP_AT + 8, ip, 1232);
	/* An error in a header that asks for one. */
	memmove(body + 8, body, 8);
	memcpy(body, (uint8_t[]){ IPPROTO_ICMPV6, 0, 0xde, 4, 0, 0, 0, 0 }, 8);
	testnet_feed_ip(&tn, eth, NULL, ip, testnet_ipv6(ip, PEER, US, IPPROTO_DSTOPTS, body, 64));
	ck_assert_uint_eq(testnet_captured(eth), 0);
	for (int i = 0; i < 20; i++)
		testnet_feed_ip(&tn, eth, NULL, ip, testnet_ipv6(ip, PEER, US, 200, junk, 8));
	ck_assert_uint_eq(testnet_captured(eth), 5);
	ck_assert_uint_eq(tn.ip.icmp6_stats.out_rate_limited, 15);
	testnet_discard(eth);
}
END_TEST

/* RFC 4443 section 2.4 (e.3): about what was sent to a group only the two errors that may. */
START_TEST(errors_about_groups)
{
	uint8_t ip[256], f[256] = { 0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd };
	uint8_t body[16] = { IPPROTO_NONE, 0, 0x9e, 4 };
	uint32_t n = testnet_ipv6(ip, PEER, "ff02::1", 200, body, 16);

	memcpy(f + 14, ip, n);
	testnet_feed(&tn, eth, f, 14 + n);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	memcpy(f + 14, ip, testnet_ipv6(ip, PEER, "ff02::1", IPPROTO_DSTOPTS, body, 16));
	testnet_feed(&tn, eth, f, 14 + n);
	expect(ICMPV6_PARAMPROB, ICMPV6_UNK_OPTION);
	f[14 + 42] = 0xde;
	testnet_feed(&tn, eth, f, 14 + n);
	ck_assert_uint_eq(testnet_captured(eth), 0);
}
END_TEST

/* RFC 6980: neighbour discovery does not come in fragments. */
START_TEST(fragmented_discovery)
{
	struct ip_addr src = testnet_addr(PEER), dst = testnet_addr(US);
	uint8_t body[32] = { IPPROTO_ICMPV6, 0, 0, 0, 0, 0, 0, 7, 135 }, ip[128];
	uint16_t sum;
	uint32_t n;

	memcpy(body + 16, dst.b, 16);
	sum = checksum_fold(checksum_partial(body + 8, 24,
					     ip_pseudo(&src, &dst, IPPROTO_ICMPV6, 24)));
	memcpy(body + 10, &sum, 2);
	n = testnet_ipv6(ip, PEER, US, IPPROTO_FRAGMENT, body, 32);
	ip[7] = 255;
	testnet_feed_ip(&tn, eth, NULL, ip, n);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_uint_eq(tn.ip.icmp6_stats.in_errors, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exthdr");
	TCase *tc = tcase_create("exthdr");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, headers_are_walked);
	tcase_add_test(tc, hop_by_hop_late);
	tcase_add_test(tc, routing_header);
	tcase_add_test(tc, unknown_options);
	tcase_add_test(tc, option_limits);
	tcase_add_test(tc, next_headers);
	tcase_add_test(tc, reassembly);
	tcase_add_test(tc, overlaps);
	tcase_add_test(tc, atomic);
	tcase_add_test(tc, first_is_short);
	tcase_add_test(tc, bad_fragments);
	tcase_add_test(tc, fragments_out);
	tcase_add_test(tc, packet_too_big);
	tcase_add_test(tc, errors_out);
	tcase_add_test(tc, errors_about_groups);
	tcase_add_test(tc, fragmented_discovery);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
