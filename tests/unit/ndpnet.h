/* SPDX-License-Identifier: Apache-2.0 */
/* ndpnet.h - neighbour discovery over a captured link: messages to and fro, for the tests of it. */
#ifndef NDPNET_H
#define NDPNET_H

#include <linux/icmpv6.h>
#include <stdio.h>

#include "base/bytes.h"
#include "dgramnet.h"
#include "ip/group.h"
#include "ip/ip6_link.h"
#include "ip/ipv6.h"
#include "ip/ndp.h"

#define ROUTER	"fe80::1"
#define ROUTER2	"fe80::2"
#define HOST	"2001:db8::2"

static struct nic *eth;

static const struct ip6_config defaults = IP6_CONFIG_DEFAULT;

static inline void start(const struct ip6_config *c)
{
	ck_assert_int_eq(ip6_link_start(&tn.ip, eth, c), 0);
}

static inline void add(const char *addr, uint8_t prefix)
{
	struct ip_addr a = testnet_addr(addr);
	struct weir_error e = { "" };

	ck_assert_msg(ip_addr_add(&tn.ip, eth, &a, prefix, &e) == 0, "%s", e.text);
}

static inline struct ifaddr *find(const char *addr)
{
	struct ip_addr a = testnet_addr(addr);

	return ifaddr_find(eth, &a);
}

/* The nth IPv6 address of the NIC; NULL: there are fewer. */
static inline struct ifaddr *nth_addr(int n)
{
	list_for_each(pos, &eth->addrs) {
		struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (!ip_addr_is_v4(&ia->addr) && !n--)
			return ia;
	}
	return NULL;
}

static inline int count_addrs(void)
{
	int n = 0;

	while (nth_addr(n))
		n++;
	return n;
}

static inline const struct ifaddr *linklocal(void)
{
	for (int i = 0; nth_addr(i); i++)
		if (ip_addr_is_linklocal(&nth_addr(i)->addr) && ifaddr_usable(nth_addr(i)))
			return nth_addr(i);
	return NULL;
}

static inline const char *text_of(const struct ip_addr *a)
{
	static char text[4][IP_ADDR_TEXT];
	static int i;

	return ip_addr_text(a, text[i++ & 3]);
}

/* Where a packet to addr would go: the next hop as text, or "none". */
static inline const char *next_hop(const char *addr)
{
	struct flow f = { .dst = testnet_addr(addr), .proto = IPPROTO_UDP };
	struct dst d;

	return route_lookup(&tn.ip, &f, &d) ? "none" : text_of(&d.nexthop);
}

/* ---- messages that leave ---- */

struct seen {
	struct ip_addr src, dst;
	uint8_t hops, mac[6], msg[1500];
	uint32_t len;
};

/* The next ICMPv6 message of this type, what is before it forgotten; false: none. */
static inline bool take(uint8_t type, struct seen *s)
{
	static uint8_t f[2000];
	uint32_t len;

	while ((len = testnet_take_bytes(eth, f, sizeof(f)))) {
		const uint8_t *ip = f + ETH_LEN;
		uint32_t head = IPV6_HEADER_LEN;

		if (get_be16(f + 12) != ETH_TYPE_IPV6)
			continue;
		if (ip[6] == IPPROTO_HOPOPTS)
			head += 8;
		if (ip[head] != type)
			continue;
		s->src = ip_addr_read(ip + 8);
		s->dst = ip_addr_read(ip + 24);
		s->hops = ip[7];
		s->len = len - ETH_LEN - head;
		memcpy(s->mac, f, 6);
		memcpy(s->msg, ip + head, s->len);
		ck_assert_uint_eq(checksum_fold(checksum_partial(s->msg, s->len,
			ip_pseudo(&s->src, &s->dst, IPPROTO_ICMPV6, s->len))), 0);
		return true;
	}
	return false;
}

static inline int count(uint8_t type)
{
	struct seen s;
	int n = 0;

	while (take(type, &s))
		n++;
	return n;
}

/* ---- messages that come ---- */

static inline void feed6(const char *src, const char *dst, uint8_t hops, const uint8_t *msg,
			 uint32_t len)
{
	uint8_t ip[1600];

	len = testnet_ipv6(ip, src, dst, IPPROTO_ICMPV6, msg, len);
	ip[7] = hops;
	testnet_icmp6_sum(ip, len);
	testnet_feed_ip(&tn, eth, NULL, ip, len);
}

static inline const char *solicited(const char *target)
{
	struct ip_addr a = testnet_addr(target), g = ndp_solicited_node(&a);

	return text_of(&g);
}

static inline uint32_t nd(uint8_t *msg, uint8_t type, uint32_t flags, const char *target)
{
	struct ip_addr t = testnet_addr(target);

	memset(msg, 0, 24);
	msg[0] = type;
	put_be32(msg + 4, flags);
	memcpy(msg + 8, t.b, 16);
	return 24;
}

static inline uint32_t lladdr(uint8_t *at, uint8_t type, uint8_t last)
{
	const uint8_t option[8] = { type, 1, 2, 0, 0, 0, 0, last };

	memcpy(at, option, sizeof(option));
	return sizeof(option);
}

#define NA_R 0x80000000u
#define NA_S 0x40000000u
#define NA_O 0x20000000u

/* An advertisement; last: of the link address 02:00:00:00:00:last, 0 = no option. */
static inline void advert(const char *src, const char *dst, uint32_t flags, const char *target,
			  uint8_t last)
{
	uint8_t msg[32];
	uint32_t len = nd(msg, NDP_ADVERT, flags, target);

	if (last)
		len += lladdr(msg + len, NDP_OPT_TARGET_LL, last);
	feed6(src, dst, 255, msg, len);
}

/* A router's advertisement under construction. */
struct ra {
	uint8_t msg[1400];
	uint32_t len;
};

static inline struct ra ra_new(uint16_t lifetime, uint8_t flags)
{
	struct ra ra = { .msg = { NDP_ROUTER_ADVERT, 0, 0, 0, 0, flags }, .len = 16 };

	put_be16(ra.msg + 6, lifetime);
	return ra;
}

static inline void ra_prefix(struct ra *ra, const char *prefix, uint8_t len, uint8_t flags,
			     uint32_t valid, uint32_t preferred)
{
	struct ip_addr a = testnet_addr(prefix);
	uint8_t *at = ra->msg + ra->len;

	memset(at, 0, 32);
	at[0] = NDP_OPT_PREFIX;
	at[1] = 4;
	at[2] = len;
	at[3] = flags;
	put_be32(at + 4, valid);
	put_be32(at + 8, preferred);
	memcpy(at + 16, a.b, 16);
	ra->len += 32;
}

static inline void ra_feed(struct ra *ra, const char *src)
{
	feed6(src, "ff02::1", 255, ra->msg, ra->len);
}

/* A router with a prefix: on the link, and for addresses. */
#define PIO_L 0x80
#define PIO_A 0x40
static inline void ra_simple(const char *src, uint16_t lifetime, uint32_t valid, uint32_t preferred)
{
	struct ra ra = ra_new(lifetime, 0);

	ra.len += lladdr(ra.msg + ra.len, NDP_OPT_SOURCE_LL, 2);
	ra_prefix(&ra, "2001:db8::", 64, PIO_L | PIO_A, valid, preferred);
	ra_feed(&ra, src);
}

static void setup(void)
{
	dgramnet_setup();
	eth = testnet_nic(&tn, &(struct testnet_link_config){ .name = NULL });
}

static void teardown(void)
{
	dgramnet_teardown();
}

#endif
