/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tcp_mtu.c - the path MTU without ICMP (RFC 4821, RFC 8899): a path that drops what is too
 * large in silence. Each test is of IPv4 (_i 0) and of IPv6.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/checksum.h"
#include "tcp_script.h"
#include "tests/suite.h"

#define DATA_MAX 4000000u
#define RTT_MS	 5u

struct path {
	struct script t;
	uint32_t mtu;			/* of the path */
	uint32_t next;			/* of the receiver, relative */
	uint32_t largest, dropped;	/* IP bytes that passed; segments that did not */
	uint8_t *got;			/* by byte */
	uint32_t acks[4096], nacks;	/* on their way back */
};

/* The receiver takes what is in order, and remembers the rest. */
static void receive(struct path *p, uint32_t seq, uint32_t len)
{
	ck_assert_uint_le(seq + len, DATA_MAX);
	memset(p->got + seq, 1, len);
	while (p->got[p->next])
		p->next++;
	ck_assert_uint_lt(p->nacks, 4096);
	p->acks[p->nacks++] = p->next;
}

/* Carry all that was sent so far. A super-segment is as many packets as its gso_size says. */
static void carry(struct path *p)
{
	static uint8_t b[70000];
	uint32_t ip_len = script_ip_len(&p->t);
	struct packet *pkt;

	while ((pkt = testnet_take(p->t.nic))) {
		uint32_t n = pkt->len, mss = pkt->gso_size;
		struct tcp_segment s;

		packet_checksum_finish(pkt);
		packet_copy_out(pkt, 0, b, n);
		packet_free(pkt);
		tcp_segment_parse(b + ETH_HEADER_LEN + ip_len, n - ETH_HEADER_LEN - ip_len, &s);
		if (!mss)
			mss = s.len;
		for (uint32_t off = 0; off < s.len; off += mss) {
			uint32_t len = s.len - off < mss ? s.len - off : mss;
			uint32_t size = len + ip_len + s.header_len;

			if (size > p->mtu) {
				p->dropped++;
				continue;
			}
			if (size > p->largest)
				p->largest = size;
			receive(p, s.seq - p->t.iss + off, len);
		}
	}
}

static void path_start(struct path *p, bool six, uint8_t probing, uint32_t mtu)
{
	memset(p, 0, sizeof(*p));
	script_init_family(&p->t, six);
	p->t.tcp.mtu_probing = probing;
	p->t.wscale = 7;
	script_accepts(&p->t);
	p->t.wscale = 0;
	p->mtu = mtu;
	p->next = 1;
	p->got = calloc(1, DATA_MAX + 1);
	p->got[0] = 1;
}

static void path_end(struct path *p)
{
	free(p->got);
	testnet_discard(p->t.nic);
	script_fini(&p->t);
}

/* Write and carry, at a round-trip time of RTT_MS; bytes that arrived. */
static uint32_t transfer(struct path *p, uint32_t ms)
{
	uint32_t before = p->next;

	for (uint32_t i = 0; i < ms; i += RTT_MS) {
		if (p->next < DATA_MAX / 2 && p->t.sk->ops->space(p->t.sk) > 20000)
			script_write(&p->t, 20000);
		for (uint32_t m = 0; m < RTT_MS; m++) {
			do {
				carry(p);
				wait_ms(&p->t, 0);	/* small queues: freed frames make room */
			} while (testnet_captured(p->t.nic));
			wait_ms(&p->t, 1);
		}
		for (uint32_t a = 0, n = p->nacks; a < n; a++)
			peer_sends(&p->t, TCPH_ACK, 1, p->acks[a], 0);
		p->nacks = 0;
	}
	return p->next - before;
}

/* RFC 4821 7.7, 10.2: nothing gets through, until the size goes down; then it is searched. */
START_TEST(black_hole)
{
	struct path p;

	path_start(&p, _i, 1, 1300);
	ck_assert_uint_eq(transfer(&p, 1000), 0);
	ck_assert_uint_gt(transfer(&p, 20000), 100000);
	ck_assert(tcp_sock(p.t.sk)->mtu.enabled);
	ck_assert_uint_gt(p.largest, 1280);			/* within 8 bytes of it, and more */
	ck_assert_uint_le(p.largest, 1300);
	ck_assert_uint_eq(tcp_sock(p.t.sk)->mss, p.largest - script_ip_len(&p.t) - TCP_HEADER_LEN);
	ck_assert_uint_gt(p.t.tcp.stats.mtup_success, 1);
	ck_assert_uint_gt(p.t.tcp.stats.mtup_fail, 1);
	path_end(&p);
}
END_TEST

/* Narrower than the base: by halves. */
START_TEST(narrow)
{
	struct path p;

	path_start(&p, _i, 1, 600);
	ck_assert_uint_gt(transfer(&p, 40000), 10000);
	ck_assert_uint_gt(p.largest, 500);
	ck_assert_uint_le(p.largest, 600);
	path_end(&p);
}
END_TEST

/* Off: it never gets through. */
START_TEST(off)
{
	struct path p;

	path_start(&p, _i, 0, 1300);
	ck_assert_uint_eq(transfer(&p, 20000), 0);
	ck_assert(!tcp_sock(p.t.sk)->mtu.enabled);
	path_end(&p);
}
END_TEST

/* Always on: begins at the base, finds the full size, and a lost probe costs no window. */
START_TEST(always)
{
	struct path p;

	path_start(&p, _i, 2, 1500);
	ck_assert_uint_eq(tcp_sock(p.t.sk)->mss, 1024);
	ck_assert_uint_gt(transfer(&p, 200), 300000);
	ck_assert_uint_gt(p.largest, 1492);
	ck_assert_uint_eq(p.dropped, 0);
	path_end(&p);
	path_start(&p, _i, 2, 1450);
	ck_assert_uint_gt(transfer(&p, 200), 300000);
	ck_assert_uint_gt(p.t.tcp.stats.mtup_fail, 0);
	ck_assert_uint_gt(p.largest, 1430);
	ck_assert_uint_eq(p.t.tcp.stats.timeouts, 0);
	ck_assert_uint_eq(p.t.tcp.stats.fast_retrans, 0);	/* RFC 4821 7.6.2: no congestion */
	path_end(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp mtu");
	TCase *t = tcase_create("mtu");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, black_hole, 0, 2);
	tcase_add_loop_test(t, narrow, 0, 2);
	tcase_add_loop_test(t, off, 0, 2);
	tcase_add_loop_test(t, always, 0, 2);
	suite_add_tcase(s, t);
	return run_suite(s);
}
