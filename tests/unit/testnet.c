/* SPDX-License-Identifier: Apache-2.0 */
/* testnet.c - a stack's lower floors on virtual time, for tests. */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ip/ipv4.h"
#include "ip/ipv6.h"
#include "nic/qdisc.h"
#include "tests/unit/plain_qdisc.h"
#include "testnet.h"

static const uint8_t our_mac[LINK_ADDR_LEN] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t peer_mac[LINK_ADDR_LEN] = { 2, 0, 0, 0, 0, 2 };

struct ip_addr testnet_addr(const char *text)
{
	struct ip_addr a;
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) == 1)
		return ip_addr_v4(in.s_addr);
	ck_assert_msg(inet_pton(AF_INET6, text, a.b) == 1, "%s is no address", text);
	return a;
}

/* ---- a link that captures ---- */

struct capture {
	struct packet_queue frames;
	int room;
};

static struct capture *capture_of(const struct nic *nic)
{
	return nic->link.priv;
}

static int capture_transmit(struct link *l, struct packet **batch, int n)
{
	struct capture *c = l->priv;
	int i;

	for (i = 0; i < n && c->room != 0; i++) {
		if (c->room > 0)
			c->room--;
		l->stats.tx_packets++;
		packet_queue_push(&c->frames, batch[i]);
	}
	return i;
}

static int capture_receive(struct link *l, struct packet **batch, int max)
{
	(void)l;
	(void)batch;
	(void)max;
	return 0;
}

static void capture_detach(struct link *l)
{
	struct capture *c = l->priv;

	packet_queue_purge(&c->frames);
	free(c);
}

static const struct link_ops capture_link = {
	.name = "capture",
	.detach = capture_detach,
	.transmit = capture_transmit,
	.receive = capture_receive,
};

/* ---- the net ---- */

static void count_log(void *arg, enum log_level level, const char *text)
{
	struct testnet *tn = arg;

	(void)level;
	(void)text;
	tn->logged++;
}

void testnet_init(struct testnet *tn, uint64_t seed)
{
	struct random r = { random_from_seed, &tn->seed };
	struct log log = { count_log, tn, LOG_INFO };
	struct ip_addr localhost = testnet_addr("127.0.0.1"), localhost6 = testnet_addr("::1");

	memset(tn, 0, sizeof(*tn));
	random_seed(&tn->seed, seed);
	env_init(&tn->env, 3600 * SEC, &r, &log);
	packet_pool_init(&tn->pool, 64u << 20);
	tn->env.pool = &tn->pool;
	nics_init(&tn->nics, &tn->env);
	ck_assert_int_eq(ip_init(&tn->ip, &tn->env, &tn->nics), 0);
	tn->lo = nic_create_loopback(&tn->nics, NULL);
	ck_assert_ptr_nonnull(tn->lo);
	ck_assert_int_eq(ip_addr_add(&tn->ip, tn->lo, &localhost, 8, NULL), 0);
	ck_assert_int_eq(ip_addr_add(&tn->ip, tn->lo, &localhost6, 128, NULL), 0);
}

void testnet_fini(struct testnet *tn)
{
	ip_destroy(&tn->ip);
	nics_destroy(&tn->nics);
	ck_assert_uint_eq(tn->pool.packets, 0);
	ck_assert_uint_eq(tn->pool.bufs, 0);
	ck_assert_uint_eq(tn->env.timers.count, 0);
	packet_pool_destroy(&tn->pool);
}

struct nic *testnet_nic(struct testnet *tn, const struct testnet_link_config *c)
{
	static const uint8_t zero[LINK_ADDR_LEN];
	struct link l = {
		.ops = &capture_link,
		.pool = &tn->pool,
		.fd = -1,
		.caps = c->caps,
		.gso_max = c->gso_max,
		.mtu = c->mtu ? c->mtu : 1500,
	};
	struct capture *capture = calloc(1, sizeof(*capture));
	struct weir_error e = { "" };
	struct nic *nic;

	ck_assert_ptr_nonnull(capture);
	capture->room = -1;
	l.priv = capture;
	strncpy(l.name, c->name ? c->name : "eth0", sizeof(l.name) - 1);
	memcpy(l.addr, memcmp(c->addr, zero, LINK_ADDR_LEN) ? c->addr : our_mac, LINK_ADDR_LEN);
	nic = nic_create(&tn->nics, &l, c->gso_max != 0, &e);
	ck_assert_msg(nic != NULL, "%s", e.text);
	nic_set_root(nic, qdisc_create_ops(nic, &plain_qdisc, NULL, NULL, &e));
	ck_assert_msg(nic->root != NULL, "%s", e.text);
	return nic;
}

struct nic *testnet_eth(struct testnet *tn, const char *addr, uint8_t prefix)
{
	struct nic *nic = testnet_nic(tn, &(struct testnet_link_config){ .name = NULL });
	struct ip_addr a = testnet_addr(addr);
	struct weir_error e = { "" };

	ck_assert_msg(ip_addr_add(&tn->ip, nic, &a, prefix, &e) == 0, "%s", e.text);
	return nic;
}

void testnet_link_room(struct nic *nic, int n)
{
	capture_of(nic)->room = n;
}

struct packet *testnet_take(struct nic *nic)
{
	return packet_queue_pop(&capture_of(nic)->frames);
}

uint32_t testnet_take_bytes(struct nic *nic, void *frame, uint32_t size)
{
	struct packet *p = testnet_take(nic);
	uint32_t len;

	if (!p)
		return 0;
	len = p->len;
	ck_assert_uint_le(len, size);
	packet_copy_out(p, 0, frame, len);
	packet_free(p);
	return len;
}

uint32_t testnet_captured(const struct nic *nic)
{
	return capture_of(nic)->frames.len;
}

void testnet_discard(struct nic *nic)
{
	packet_queue_purge(&capture_of(nic)->frames);
}

void testnet_feed(struct testnet *tn, struct nic *nic, const void *frame, uint32_t len)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&tn->pool, iov);
	uint32_t first;

	ck_assert_ptr_nonnull(p);
	first = len < iov[0].iov_len ? len : (uint32_t)iov[0].iov_len;
	ck_assert_uint_le(len - first, iov[1].iov_len);
	memcpy(iov[0].iov_base, frame, first);
	memcpy(iov[1].iov_base, (const uint8_t *)frame + first, len - first);
	packet_rx_finish(p, len);
	nic_input(nic, p);
	testnet_run(tn, 0);
}

void testnet_feed_ip(struct testnet *tn, struct nic *nic, const uint8_t *mac, const void *ip,
		     uint32_t len)
{
	static uint8_t frame[PACKET_MAX_LEN];
	uint16_t type = *(const uint8_t *)ip >> 4 == 6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4;

	ck_assert_uint_le(len + ETH_HEADER_LEN, sizeof(frame));
	memcpy(frame, nic->addr, LINK_ADDR_LEN);
	memcpy(frame + 6, mac ? mac : peer_mac, LINK_ADDR_LEN);
	frame[12] = type >> 8;
	frame[13] = type & 0xff;
	memcpy(frame + ETH_HEADER_LEN, ip, len);
	testnet_feed(tn, nic, frame, ETH_HEADER_LEN + len);
}

void testnet_run(struct testnet *tn, uint64_t ns)
{
	uint64_t end = tn->env.now + ns;

	do
		env_run(&tn->env, tn->env.now);
	while (!env_next(&tn->env));
	while (tn->env.now < end) {
		uint64_t next = env_next(&tn->env);

		if (next < tn->env.now)
			next = tn->env.now;
		env_run(&tn->env, next < end ? next : end);
	}
}

void testnet_neighbour(struct testnet *tn, struct nic *nic, const char *addr)
{
	struct ip_addr a = testnet_addr(addr);

	ck_assert_int_eq(neighbour_set_permanent(ip_addr_is_v4(&a) ? &tn->ip.arp : &tn->ip.ndp, nic,
						 a.b, peer_mac), 0);
}

void testnet_ipv4_sum(uint8_t *ip)
{
	ipv4_header_sum((struct ipv4_header *)ip);
}

uint32_t testnet_ipv4(uint8_t *at, const char *src, const char *dst, uint8_t proto, uint16_t id,
		      uint16_t frag, const void *payload, uint32_t len)
{
	struct ip_addr s = testnet_addr(src), d = testnet_addr(dst);
	struct ipv4_header *h = (struct ipv4_header *)at;

	*h = (struct ipv4_header) {
		.version_ihl = 0x45,
		.total_len = htons((uint16_t)(IPV4_HEADER_LEN + len)),
		.id = htons(id),
		.frag_off = htons(frag),
		.ttl = 64,
		.proto = proto,
		.src = ip_addr_to_v4(&s),
		.dst = ip_addr_to_v4(&d),
	};
	ipv4_header_sum(h);
	memcpy(at + IPV4_HEADER_LEN, payload, len);
	return IPV4_HEADER_LEN + len;
}

uint32_t testnet_ipv6(uint8_t *at, const char *src, const char *dst, uint8_t next,
		      const void *payload, uint32_t len)
{
	struct ipv6_header *h = (struct ipv6_header *)at;

	h->ver_tc_flow = htonl(6u << 28);
	h->payload_len = htons((uint16_t)len);
	h->next = next;
	h->hop_limit = 64;
	memcpy(h->src, testnet_addr(src).b, sizeof(h->src));
	memcpy(h->dst, testnet_addr(dst).b, sizeof(h->dst));
	memcpy(at + IPV6_HEADER_LEN, payload, len);
	return IPV6_HEADER_LEN + len;
}

void testnet_icmp6_sum(uint8_t *ip, uint32_t len)
{
	struct ip_addr src = ip_addr_read(ip + 8), dst = ip_addr_read(ip + 24);
	uint8_t *icmp = ip + IPV6_HEADER_LEN;
	uint16_t sum;

	memset(icmp + 2, 0, sizeof(sum));
	len -= IPV6_HEADER_LEN;
	sum = checksum_fold(checksum_partial(icmp, len,
					     ip_pseudo(&src, &dst, IPPROTO_ICMPV6, len)));
	memcpy(icmp + 2, &sum, sizeof(sum));
}
