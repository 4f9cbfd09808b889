/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipv6.c - IPv6 packets in and out, and addresses, against RFC 8200, RFC 4291, RFC 4861 and
 * RFC 6724. */
#include <check.h>
#include <errno.h>
#include <linux/icmpv6.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "ip/ipv6.h"
#include "ip/ndp.h"
#include "packet/checksum.h"
#include "testnet.h"
#include "tests/suite.h"

#define US	"2001:db8::1"
#define PEER	"2001:db8::2"

static struct testnet tn;
static struct nic *eth;

static void setup(void)
{
	testnet_init(&tn, 6);
	eth = testnet_eth(&tn, US, 64);
}

static void teardown(void)
{
	testnet_fini(&tn);
}

static void add(struct nic *nic, const char *addr, uint8_t prefix)
{
	struct ip_addr a = testnet_addr(addr);
	struct weir_error e = { "" };

	ck_assert_msg(ip_addr_add(&tn.ip, nic, &a, prefix, &e) == 0, "%s", e.text);
}

static uint32_t echo_request(uint8_t *at, const char *src, const char *dst)
{
	static const uint8_t echo[16] = { ICMPV6_ECHO_REQUEST, 0, 0, 0, 0x12, 0x34, 0, 1, 'w', 'e',
					  'i', 'r' };
	uint32_t n = testnet_ipv6(at, src, dst, IPPROTO_ICMPV6, echo, sizeof(echo));

	testnet_icmp6_sum(at, n);
	return n;
}

static void feed_echo(const char *src, const char *dst)
{
	uint8_t ip[128];

	testnet_feed_ip(&tn, eth, NULL, ip, echo_request(ip, src, dst));
}

/* An echo reply from src leaves for dst, and nothing else. */
static void expect_reply(const char *src, const char *dst)
{
	struct ip_addr s = testnet_addr(src), d = testnet_addr(dst);
	const struct ipv6_header *h;
	uint8_t f[256];
	uint32_t n = testnet_take_bytes(eth, f, sizeof(f));

	ck_assert_uint_eq(n, ETH_HEADER_LEN + IPV6_HEADER_LEN + 16);
	ck_assert_uint_eq(get_be16(f + 12), ETH_TYPE_IPV6);
	h = (const struct ipv6_header *)(f + ETH_HEADER_LEN);
	ck_assert_uint_eq(ntohl(h->ver_tc_flow) >> 28, 6);
	ck_assert_uint_eq(ntohs(h->payload_len), 16);
	ck_assert_mem_eq(h->src, s.b, 16);
	ck_assert_mem_eq(h->dst, d.b, 16);
	ck_assert_uint_eq(f[ETH_HEADER_LEN + IPV6_HEADER_LEN], ICMPV6_ECHO_REPLY);
	ck_assert_mem_eq(f + ETH_HEADER_LEN + IPV6_HEADER_LEN + 4, "\x12\x34\0\1weir", 8);
	ck_assert_uint_eq(checksum_fold(checksum_partial(f + ETH_HEADER_LEN + IPV6_HEADER_LEN, 16,
				ip_pseudo(&s, &d, IPPROTO_ICMPV6, 16))), 0);
	ck_assert_uint_eq(testnet_captured(eth), 0);
}

/* RFC 4443 section 4.2: the answer comes from the address asked. */
START_TEST(echo_is_answered)
{
	testnet_neighbour(&tn, eth, PEER);
	feed_echo(PEER, US);
	expect_reply(US, PEER);
	ck_assert_uint_eq(tn.ip.icmp6_stats.in_echos, 1);
	ck_assert_uint_eq(tn.ip.icmp6_stats.out_echo_reps, 1);
}
END_TEST

/* RFC 4443 section 4.2: to a group, from a unicast address of the NIC. */
START_TEST(echo_to_a_group)
{
	testnet_neighbour(&tn, eth, PEER);
	feed_echo(PEER, "ff02::1");
	expect_reply(US, PEER);
}
END_TEST

/* RFC 4443 section 2.3: the checksum covers the pseudo-header. */
START_TEST(bad_checksum)
{
	uint8_t ip[128];
	uint32_t n = echo_request(ip, PEER, US);

	testnet_neighbour(&tn, eth, PEER);
	ip[IPV6_HEADER_LEN + 9] ^= 1;
	testnet_feed_ip(&tn, eth, NULL, ip, n);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_uint_eq(tn.ip.icmp6_stats.in_csum_errors, 1);
}
END_TEST

/* RFC 8200 section 3: version and payload length; what is behind the payload is padding. */
START_TEST(header_errors)
{
	uint8_t ip[128];
	uint32_t n = echo_request(ip, PEER, US);

	testnet_neighbour(&tn, eth, PEER);
	testnet_feed_ip(&tn, eth, NULL, ip, n - 1);		/* longer than the frame */
	testnet_feed_ip(&tn, eth, NULL, ip, 39);
	ip[5]++;
	testnet_feed_ip(&tn, eth, NULL, ip, n);
	ip[5]--;
	ip[0] = 0x70;
	testnet_feed_ip(&tn, eth, NULL, ip, n);			/* by its EtherType IPv4: not ours */
	ck_assert_uint_eq(tn.ip.stats6.in_hdr_errors, 3);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ip[0] = 0x60;
	testnet_feed_ip(&tn, eth, NULL, ip, n + 30);		/* padded */
	expect_reply(US, PEER);
}
END_TEST

/* RFC 4291 sections 2.5.2, 2.5.3, 2.7; RFC 8200; mapped addresses are never on the wire. */
START_TEST(martians)
{
	static const struct { const char *src, *dst; } bad[] = {
		{ "::1", US }, { PEER, "::1" }, { "ff02::1", US }, { "::", US }, { US, US },
		{ "::ffff:10.0.0.2", US }, { PEER, "ff00::1" }, { PEER, "ff01::1" },
		{ PEER, "2001:db8::3" },
	};

	testnet_neighbour(&tn, eth, PEER);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		feed_echo(bad[i].src, bad[i].dst);
		ck_assert_msg(testnet_captured(eth) == 0, "%s to %s", bad[i].src, bad[i].dst);
		ck_assert_uint_eq(tn.ip.stats6.in_addr_errors, i + 1);
	}
	ck_assert_uint_eq(tn.ip.stats6.in_delivers, 0);
}
END_TEST

/* A unicast packet in a group's frame is none of ours. */
START_TEST(unicast_in_a_group_frame)
{
	uint8_t f[128] = { 0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd };
	uint32_t n = echo_request(f + ETH_HEADER_LEN, PEER, US);

	testnet_neighbour(&tn, eth, PEER);
	testnet_feed(&tn, eth, f, ETH_HEADER_LEN + n);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_uint_eq(tn.ip.stats6.in_addr_errors, 1);
}
END_TEST

/* ---- RFC 4861 section 7.2 ---- */

static uint32_t nd(uint8_t *at, const char *src, const char *dst, uint8_t type, uint32_t flags,
		   const char *target, uint8_t option)
{
	struct ip_addr t = testnet_addr(target);
	uint8_t m[32] = { type };
	uint32_t n;

	put_be32(m + 4, flags);
	memcpy(m + 8, t.b, 16);
	memcpy(m + 24, (uint8_t[]){ option, 1, 2, 0, 0, 0, 0, 2 }, 8);
	n = testnet_ipv6(at, src, dst, IPPROTO_ICMPV6, m, option ? 32 : 24);
	at[7] = 255;
	testnet_icmp6_sum(at, n);
	return n;
}

/* Sections 7.2.2, 7.2.4 and 7.2.5: a packet waits, its destination is asked for, it goes. */
START_TEST(resolution)
{
	struct ip_addr group = testnet_addr("ff02::1:ff00:2"), us = testnet_addr(US);
	struct flow f = { .dst = testnet_addr(PEER), .proto = IPPROTO_ICMPV6 };
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	const struct ipv6_header *h;
	uint8_t frame[256], ip[128];
	struct dst d;

	memset(packet_put(p, 8), 0, 8);
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert(ip_addr_eq(&d.src, &us));
	ck_assert_int_eq(ip_output(&tn.ip, p, &f, &d), 0);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 14 + 40 + 32);
	ck_assert_mem_eq(frame, "\x33\x33\xff\0\0\2", 6);
	h = (const struct ipv6_header *)(frame + 14);
	ck_assert_uint_eq(h->hop_limit, 255);
	ck_assert_mem_eq(h->dst, group.b, 16);
	ck_assert_mem_eq(h->src, us.b, 16);
	ck_assert_uint_eq(frame[54], NDP_SOLICIT);
	ck_assert_mem_eq(frame + 62, f.dst.b, 16);
	ck_assert_mem_eq(frame + 78, "\1\1", 2);
	ck_assert_mem_eq(frame + 80, eth->addr, 6);
	ck_assert_uint_eq(testnet_captured(eth), 0);

	testnet_feed_ip(&tn, eth, NULL, ip, nd(ip, PEER, US, NDP_ADVERT, 0x60000000, PEER, 2));
	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 14 + 40 + 8);
	ck_assert_mem_eq(frame, "\2\0\0\0\0\2", 6);
	ck_assert_int_eq(neighbour_find(&tn.ip.ndp, eth, f.dst.b)->state, NUD_REACHABLE);
}
END_TEST

/* Section 7.2.4: an advertisement, solicited, to who asked, whose address is noted. */
START_TEST(solicitation_is_answered)
{
	struct ip_addr peer = testnet_addr(PEER);
	uint8_t frame[256], ip[128];

	testnet_feed_ip(&tn, eth, NULL, ip,
			nd(ip, PEER, "ff02::1:ff00:1", NDP_SOLICIT, 0, US, 1));
	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 14 + 40 + 32);
	ck_assert_mem_eq(frame, "\2\0\0\0\0\2", 6);
	ck_assert_uint_eq(frame[54], NDP_ADVERT);
	ck_assert_uint_eq(get_be32(frame + 58), 0x60000000);
	ck_assert_mem_eq(frame + 78, "\2\1", 2);
	ck_assert_ptr_nonnull(neighbour_find(&tn.ip.ndp, eth, peer.b));

	/* Section 7.2.4: to the unspecified address goes what all hear. */
	testnet_feed_ip(&tn, eth, NULL, ip,
			nd(ip, "::", "ff02::1:ff00:1", NDP_SOLICIT, 0, US, 0));
	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 14 + 40 + 32);
	ck_assert_mem_eq(frame, "\x33\x33\0\0\0\1", 6);
	ck_assert_uint_eq(get_be32(frame + 58), 0x20000000);
}
END_TEST

/* Section 7.1: what is not a valid message is discarded. */
START_TEST(invalid_messages)
{
	uint8_t ip[128];
	uint32_t n = nd(ip, PEER, "ff02::1:ff00:1", NDP_SOLICIT, 0, US, 1);

	ip[7] = 254;						/* passed a router */
	testnet_feed_ip(&tn, eth, NULL, ip, n);
	n = nd(ip, PEER, "ff02::1:ff00:1", NDP_SOLICIT, 0, US, 1);
	ip[40 + 25] = 0;					/* an option of no length */
	testnet_icmp6_sum(ip, n);
	testnet_feed_ip(&tn, eth, NULL, ip, n);
	n = nd(ip, "::", "ff02::1:ff00:1", NDP_SOLICIT, 0, US, 1);	/* nobody's address */
	testnet_feed_ip(&tn, eth, NULL, ip, n);
	n = nd(ip, PEER, "ff02::1", NDP_ADVERT, 0x40000000, PEER, 2);
	testnet_feed_ip(&tn, eth, NULL, ip, n);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	ck_assert_uint_eq(tn.ip.ndp_stats.in_errors, 4);
}
END_TEST

/* ---- two stacks ---- */

static void carry(struct testnet *a, struct nic *na, struct testnet *b, struct nic *nb)
{
	uint8_t f[2048];
	uint32_t n;

	for (int i = 0; i < 20; i++) {
		while ((n = testnet_take_bytes(na, f, sizeof(f))))
			testnet_feed(b, nb, f, n);
		while ((n = testnet_take_bytes(nb, f, sizeof(f))))
			testnet_feed(a, na, f, n);
	}
}

START_TEST(two_stacks)
{
	struct testnet_link_config c = { .addr = { 2, 0, 0, 0, 0, 2 } };
	struct ip_addr peer = testnet_addr(PEER);
	struct flow f = { .dst = peer, .proto = IPPROTO_ICMPV6 };
	struct testnet other;
	struct nic *eth2;
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	uint8_t echo[128];
	struct dst d;

	testnet_init(&other, 7);
	eth2 = testnet_nic(&other, &c);
	ck_assert_int_eq(ip_addr_add(&other.ip, eth2, &peer, 64, NULL), 0);
	echo_request(echo, US, PEER);
	memcpy(packet_put(p, 16), echo + IPV6_HEADER_LEN, 16);
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert_int_eq(ip_output(&tn.ip, p, &f, &d), 0);
	testnet_run(&tn, 0);
	carry(&tn, eth, &other, eth2);
	ck_assert_uint_eq(other.ip.icmp6_stats.in_echos, 1);
	ck_assert_uint_eq(tn.ip.icmp6_stats.in_msgs, 2);	/* the advertisement and the reply */
	ck_assert_uint_eq(tn.ip.icmp6_stats.in_csum_errors, 0);
	testnet_fini(&other);
}
END_TEST

/* ---- loopback, routes, sources ---- */

START_TEST(loopback)
{
	struct flow f = { .dst = testnet_addr("::1"), .proto = IPPROTO_ICMPV6 };
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	uint8_t echo[128];
	struct dst d;

	echo_request(echo, "::1", "::1");
	memcpy(packet_put(p, 16), echo + IPV6_HEADER_LEN, 16);
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert(d.local);
	ck_assert(ip_addr_eq(&d.src, &f.dst));
	ck_assert_int_eq(ip_output(&tn.ip, p, &f, &d), 0);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(tn.ip.icmp6_stats.in_echos, 1);
	ck_assert_uint_eq(tn.ip.icmp6_stats.in_msgs, 2);
}
END_TEST

static void route(const char *dst, uint8_t prefix, const char *gw, struct nic *nic, int want)
{
	struct weir_error e = { "" };
	struct route r = { .dst = testnet_addr(dst), .prefix = prefix,
			   .gateway = testnet_addr(gw), .nic = nic };
	int err = route_add(&tn.ip, &r, &e);

	ck_assert_msg(err == want, "%s/%u via %s: %d %s", dst, prefix, gw, err, e.text);
}

static struct ip_addr nexthop(const char *to, struct nic *bound)
{
	struct flow f = { .dst = testnet_addr(to), .proto = IPPROTO_UDP, .bound = bound };
	struct dst d;

	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	return d.nexthop;
}

/* A gateway is a neighbour: a name on one link needs the NIC (RFC 4861 section 8.1 wants link-local
 * ones). */
START_TEST(gateways)
{
	struct ip_addr gw = testnet_addr("fe80::1"), a;
	struct flow f = { .dst = testnet_addr("2001:db8:9::1"), .proto = IPPROTO_UDP };
	struct dst d;

	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), -ENETUNREACH);
	route("::", 0, "fe80::1", NULL, -EINVAL);
	route("::", 0, "10.0.0.1", eth, -EINVAL);
	route("2001:db8:9::1", 32, PEER, NULL, -EINVAL);	/* bits behind the prefix */
	route("2001:db8:8::", 48, "2001:db8:7::1", NULL, -ENETUNREACH);
	route("::", 0, "fe80::1", eth, 0);
	route("2001:db8:9::", 48, PEER, NULL, 0);
	a = nexthop("2001:db8:1::1", NULL);
	ck_assert(ip_addr_eq(&a, &gw));
	a = nexthop("2001:db8:9::1", NULL);
	gw = testnet_addr(PEER);
	ck_assert(ip_addr_eq(&a, &gw));
}
END_TEST

/* IPv4's routes and IPv6's do not see one another, whatever the length of their prefixes. */
START_TEST(families_apart)
{
	struct ip_addr a, want = testnet_addr("10.0.0.2");
	struct flow f = { .dst = testnet_addr("10.9.9.9"), .proto = IPPROTO_UDP };
	struct dst d;

	add(eth, "10.0.0.1", 24);
	route("::", 0, "fe80::1", eth, 0);
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), -ENETUNREACH);
	route("0.0.0.0", 0, "10.0.0.2", eth, 0);
	a = nexthop("10.9.9.9", NULL);
	ck_assert(ip_addr_eq(&a, &want));
	f.dst = testnet_addr("::ffff:10.9.9.9");
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert(ip_addr_is_v4(&d.src));
}
END_TEST

/* RFC 8200 section 5: IPv6 is not for links of less than 1,280 bytes. */
START_TEST(small_mtu)
{
	struct flow f = { .dst = testnet_addr(PEER), .proto = IPPROTO_UDP };
	struct dst d;

	eth->mtu = 1279;
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), -ENETUNREACH);
	eth->mtu = 1280;
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
}
END_TEST

static void expect_source(const struct nic *nic, const char *dst, const char *src)
{
	struct ip_addr d = testnet_addr(dst), want = testnet_addr(src), got;
	char text[IP_ADDR_TEXT];

	got = ip_addr_select6(&tn.ip, nic, &d);
	ck_assert_msg(ip_addr_eq(&got, &want), "to %s: %s, not %s", dst, ip_addr_text(&got, text),
		      src);
}

/* RFC 6724 section 5, rules 1 to 8, and the examples of section 10.1. */
START_TEST(source_rules)
{
	struct testnet_link_config c = { .name = "eth1", .addr = { 2, 0, 0, 0, 1, 1 } };
	struct nic *eth1 = testnet_nic(&tn, &c);
	struct ip_addr a;

	expect_source(eth, "2001:db8:5::1", US);
	expect_source(eth, "fe80::9", US);			/* nothing of that scope */
	add(eth, "fe80::1", 64);
	expect_source(eth, "2001:db8:5::1", US);		/* rule 2: the scope */
	expect_source(eth, "fe80::9", "fe80::1");
	expect_source(eth, "ff02::1", "fe80::1");
	expect_source(eth, "ff0e::1", US);
	add(eth1, "2001:db8:5::7", 64);
	expect_source(eth, "2001:db8:5::1", US);		/* rule 5: the NIC */
	expect_source(eth1, "2001:db8:5::1", "2001:db8:5::7");
	expect_source(eth, "2001:db8:5::7", "2001:db8:5::7");	/* rule 1: itself */
	add(eth, "2002:c633:6401::d5e3", 64);
	expect_source(eth, "2002:c633:6401::1", "2002:c633:6401::d5e3");	/* rule 6: the label */
	add(eth, "2001:db8:0:1::9", 64);
	expect_source(eth, "2001:db8:0:1::77", "2001:db8:0:1::9");	/* rule 8: the prefix */
	a = testnet_addr("2001:db8:0:1::9");
	ifaddr_set_state(&tn.ip, ifaddr_find(eth, &a), IFADDR_DEPRECATED);
	expect_source(eth, "2001:db8:0:1::77", US);		/* rule 3: deprecated */
	expect_source(eth, "2001:db8:0:1::9", "2001:db8:0:1::9");
	ifaddr_find(eth, &a)->temporary = true;
	ifaddr_set_state(&tn.ip, ifaddr_find(eth, &a), IFADDR_PREFERRED);
	expect_source(eth, "2001:db8:0:1::77", US);		/* rule 7 */
}
END_TEST

/* RFC 4862 section 5.4: a tentative address is none of ours. */
START_TEST(tentative)
{
	struct flow f = { .dst = testnet_addr(US), .proto = IPPROTO_UDP };
	struct ip_addr us = testnet_addr(US);
	struct ifaddr *ia = ifaddr_find(eth, &us);
	struct dst d;

	testnet_neighbour(&tn, eth, PEER);
	ifaddr_set_state(&tn.ip, ia, IFADDR_TENTATIVE);
	ck_assert_ptr_null(ip_addr_find(&tn.ip, &us));
	feed_echo(PEER, US);
	ck_assert_uint_eq(testnet_captured(eth), 0);
	f.dst = testnet_addr(PEER);
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), -EADDRNOTAVAIL);
	f.dst = us;
	f.src = testnet_addr("::1");
	ck_assert(route_lookup(&tn.ip, &f, &d) < 0 || !d.local);
	ifaddr_set_state(&tn.ip, ia, IFADDR_PREFERRED);
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert(d.local);
	feed_echo(PEER, US);
	expect_reply(US, PEER);
}
END_TEST

/* An address of a link may be on every link, any other on one. */
START_TEST(link_local_addresses)
{
	struct testnet_link_config c = { .name = "eth1", .addr = { 2, 0, 0, 0, 1, 1 } };
	struct flow f = { .dst = testnet_addr("fe80::7"), .proto = IPPROTO_UDP };
	struct nic *eth1 = testnet_nic(&tn, &c);
	struct ip_addr us = testnet_addr(US);
	struct weir_error e;
	struct dst d;

	add(eth, "fe80::1", 64);
	add(eth1, "fe80::1", 64);
	ck_assert_int_eq(ip_addr_add(&tn.ip, eth1, &us, 64, &e), -EEXIST);
	f.bound = eth1;
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert_ptr_eq(d.nic, eth1);
	f.bound = eth;
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert_ptr_eq(d.nic, eth);
	ck_assert_int_eq(ip_addr_del(&tn.ip, eth1, &f.dst, 64, &e), -ENOENT);
	f.dst = testnet_addr("fe80::1");
	ck_assert_int_eq(ip_addr_del(&tn.ip, eth1, &f.dst, 64, &e), 0);
	f.dst = testnet_addr("fe80::7");
	f.bound = NULL;
	ck_assert_int_eq(route_lookup(&tn.ip, &f, &d), 0);
	ck_assert_ptr_eq(d.nic, eth);
}
END_TEST

START_TEST(bad_addresses)
{
	static const struct { const char *a; uint8_t prefix; } bad[] = {
		{ "::", 128 }, { "ff02::5", 64 }, { "::1", 128 }, { "2001:db8::5", 129 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ip_addr a = testnet_addr(bad[i].a);
		struct weir_error e;

		ck_assert_int_eq(ip_addr_add(&tn.ip, eth, &a, bad[i].prefix, &e), -EINVAL);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipv6");
	TCase *tc = tcase_create("ipv6");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, echo_is_answered);
	tcase_add_test(tc, echo_to_a_group);
	tcase_add_test(tc, bad_checksum);
	tcase_add_test(tc, header_errors);
	tcase_add_test(tc, martians);
	tcase_add_test(tc, unicast_in_a_group_frame);
	tcase_add_test(tc, resolution);
	tcase_add_test(tc, solicitation_is_answered);
	tcase_add_test(tc, invalid_messages);
	tcase_add_test(tc, two_stacks);
	tcase_add_test(tc, loopback);
	tcase_add_test(tc, gateways);
	tcase_add_test(tc, families_apart);
	tcase_add_test(tc, small_mtu);
	tcase_add_test(tc, source_rules);
	tcase_add_test(tc, tentative);
	tcase_add_test(tc, link_local_addresses);
	tcase_add_test(tc, bad_addresses);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
