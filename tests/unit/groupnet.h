/* SPDX-License-Identifier: Apache-2.0 */
/* groupnet.h - multicast over a captured link, for the tests of it: options to join with, IGMP to
 * and fro. */
#ifndef GROUPNET_H
#define GROUPNET_H

#include <stdio.h>

#include "base/bytes.h"
#include "dgramnet.h"
#include "ip/group.h"

#define GROUP	"239.1.2.3"
#define OTHER	"239.1.2.4"

enum { IS_IN = 1, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK };

static struct nic *eth;

static void setup(void)
{
	dgramnet_setup();
	eth = open_eth();
}

static void teardown(void)
{
	testnet_run(&tn, 20 * SEC);
	testnet_discard(eth);
	dgramnet_teardown();
}

/* ---- options ---- */

static inline int set_mreq(struct sock *sk, int name, const char *group, const char *via)
{
	struct ip_mreq m = {
		.imr_multiaddr = name_of(group, 0).sin_addr, .imr_interface = name_of(via, 0).sin_addr,
	};

	return socket_setsockopt(sk, IPPROTO_IP, name, &m, sizeof(m));
}

static inline int join(struct sock *sk, const char *group)
{
	return set_mreq(sk, IP_ADD_MEMBERSHIP, group, US);
}

static inline int leave(struct sock *sk, const char *group)
{
	return set_mreq(sk, IP_DROP_MEMBERSHIP, group, US);
}

static inline int source(struct sock *sk, int name, const char *group, const char *src)
{
	struct ip_mreq_source m = {
		.imr_multiaddr = name_of(group, 0).sin_addr, .imr_interface = name_of(US, 0).sin_addr,
		.imr_sourceaddr = name_of(src, 0).sin_addr,
	};

	return socket_setsockopt(sk, IPPROTO_IP, name, &m, sizeof(m));
}

static inline void set_if(struct sock *sk, const char *via)
{
	struct in_addr a = name_of(via, 0).sin_addr;

	ck_assert_int_eq(socket_setsockopt(sk, IPPROTO_IP, IP_MULTICAST_IF, &a, sizeof(a)), 0);
}

static inline int set_filter(struct sock *sk, const char *group, uint32_t mode, uint32_t n, const char **src)
{
	_Alignas(8) uint8_t bytes[IP_MSFILTER_SIZE(12)];
	struct ip_msfilter *m = (struct ip_msfilter *)bytes;

	m->imsf_multiaddr = name_of(group, 0).sin_addr;
	m->imsf_interface = name_of(US, 0).sin_addr;
	m->imsf_fmode = mode;
	m->imsf_numsrc = n;
	for (uint32_t i = 0; i < n; i++) {
		struct in_addr a = name_of(src[i], 0).sin_addr;

		memcpy(bytes + IP_MSFILTER_SIZE(0) + 4 * i, &a, 4);
	}
	return socket_setsockopt(sk, IPPROTO_IP, IP_MSFILTER, m, (socklen_t)IP_MSFILTER_SIZE(n));
}

/* ---- messages that leave ---- */

struct message {
	uint8_t type;
	uint32_t dst;			/* host order */
	uint32_t group;			/* versions 1 and 2 */
	int records;
	struct { uint8_t type; uint32_t group; int n; uint32_t src[128]; } r[8];
};

/* The next IGMP message on the wire; false: none. What every one of them must have is checked
 * here. */
static inline bool take(struct message *m)
{
	static uint8_t f[2000];
	uint32_t len = testnet_take_bytes(eth, f, sizeof(f));
	const uint8_t *ip = f + ETH_LEN, *b = ip + 24, *end = f + len;

	memset(m, 0, sizeof(*m));
	if (!len)
		return false;
	ck_assert_uint_ge(len, ETH_LEN + 32);
	ck_assert_uint_eq(ip[0], 0x46);		/* 4: the router alert option */
	ck_assert_uint_eq(ip[9], IPPROTO_IGMP);
	ck_assert_uint_eq(get_be32(ip + 20), 0x94040000);
	ck_assert_uint_eq(ip[8], 1);		/* TTL */
	ck_assert_uint_eq(get_be32(ip + 12), 0x0a000001);
	ck_assert_uint_eq(checksum_fold(checksum_partial(ip, 24, 0)), 0);
	ck_assert_uint_eq(checksum_fold(checksum_partial(b, (size_t)(end - b), 0)), 0);
	m->dst = get_be32(ip + 16);
	ck_assert_uint_eq(get_be16(f), 0x0100);	/* RFC 1112 section 6.4 */
	ck_assert_uint_eq(get_be32(f + 2), 0x5e000000 | (m->dst & 0x7fffff));
	m->type = b[0];
	if (m->type != 0x22) {
		m->group = get_be32(b + 4);
		return true;
	}
	m->records = get_be16(b + 6);
	ck_assert_int_le(m->records, 8);
	b += 8;
	for (int i = 0; i < m->records; i++) {
		m->r[i].type = b[0];
		m->r[i].n = get_be16(b + 2);
		m->r[i].group = get_be32(b + 4);
		ck_assert_int_le(m->r[i].n, 128);
		b += 8;
		for (int k = 0; k < m->r[i].n; k++, b += 4)
			m->r[i].src[k] = get_be32(b);
	}
	ck_assert_ptr_eq(b, end);
	return true;
}

/* The next message is a report of version 3 with this one record. */
static inline void expect(int type, const char *group, int n, const uint32_t *src)
{
	struct message m;

	ck_assert(take(&m));
	ck_assert_uint_eq(m.type, 0x22);
	ck_assert_uint_eq(m.dst, 0xe0000016);
	ck_assert_int_eq(m.records, 1);
	ck_assert_int_eq(m.r[0].type, type);
	ck_assert_uint_eq(m.r[0].group, ntohl(name_of(group, 0).sin_addr.s_addr));
	ck_assert_int_eq(m.r[0].n, n);
	for (int i = 0; i < n; i++)
		ck_assert_uint_eq(m.r[0].src[i], src[i]);
}

static inline void expect_old(uint8_t type, uint32_t dst, const char *group)
{
	struct message m;

	ck_assert(take(&m));
	ck_assert_uint_eq(m.type, type);
	ck_assert_uint_eq(m.dst, dst);
	ck_assert_uint_eq(m.group, ntohl(name_of(group, 0).sin_addr.s_addr));
}

static inline void expect_none(void)
{
	struct message m;

	ck_assert(!take(&m));
}

/* ---- messages that come ---- */

static inline void feed_igmp(const char *src, const char *dst, uint8_t *msg, uint32_t len)
{
	uint8_t ip[1500];
	uint16_t sum;

	put_be16(msg + 2, 0);
	sum = checksum_fold(checksum_partial(msg, len, 0));
	memcpy(msg + 2, &sum, 2);
	len = testnet_ipv4(ip, src, dst, IPPROTO_IGMP, 0, 0, msg, len);
	testnet_feed_ip(&tn, eth, NULL, ip, len);
}

/* A query of version 3. group NULL: general. */
static inline void query_v3(const char *group, uint8_t code, uint8_t qrv, uint8_t qqic, int n,
		     const char **src)
{
	uint8_t msg[12 + 4 * 16] = { 0x11, code };

	if (group)
		put_be32(msg + 4, ntohl(name_of(group, 0).sin_addr.s_addr));
	msg[8] = qrv;
	msg[9] = qqic;
	put_be16(msg + 10, (uint16_t)n);
	for (int i = 0; i < n; i++)
		put_be32(msg + 12 + 4 * i, ntohl(name_of(src[i], 0).sin_addr.s_addr));
	feed_igmp(PEER, group ? group : "224.0.0.1", msg, 12 + 4 * (uint32_t)n);
}

static inline void query_old(const char *group, uint8_t code)
{
	uint8_t msg[8] = { 0x11, code };

	if (group)
		put_be32(msg + 4, ntohl(name_of(group, 0).sin_addr.s_addr));
	feed_igmp(PEER, group ? group : "224.0.0.1", msg, sizeof(msg));
}

static inline void feed_udp(const char *src, const char *dst, uint16_t port)
{
	uint8_t ip[100], seg[9] = { 0 };
	uint32_t len;

	put_be16(seg, 4000);
	put_be16(seg + 2, port);
	put_be16(seg + 4, sizeof(seg));
	len = testnet_ipv4(ip, src, dst, IPPROTO_UDP, 0, 0, seg, sizeof(seg));
	testnet_feed_ip(&tn, eth, NULL, ip, len);
}

#endif
