/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_link.c - the link drivers packet and tap, with the kernel as the peer.
 *
 * Each test runs in a network namespace of its own, which goes with it. In it one of two cables:
 * a veth pair, our driver on w0 and the kernel's address on w1; or a TAP device. What is sent over
 * either, and what the kernel must answer, is the same (exchange). Needs root: else exits with 77.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "module/params.h"
#include "module/registry.h"
#include "packet/checksum.h"
#include "packet/pool.h"
#include "tests/suite.h"

#include <netpacket/packet.h>	/* last: macros of the names in enum packet_type */

#define OUR_IP		"10.99.0.2"
#define KERNEL_IP	"10.99.0.1"
#define KERNEL_MAC	"02:00:00:00:00:99"
#define WAIT_MS		2000
#define ETH		14u
#define IP		20u
#define TCP		20u
#define UDP		8u

static struct packet_pool pool;
static struct registry registry;
static struct log quiet;
static struct link l;
static struct module *module;
static const uint8_t kernel_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

static void sh(const char *fmt, ...)
{
	char cmd[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	ck_assert_msg(system(cmd) == 0, "%s", cmd);
}

static void setup(void)
{
	struct weir_error e;

	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	sh("ip link set lo up");
	sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");	/* its frames would come in between */
	packet_pool_init(&pool, 64 << 20);
	ck_assert_int_eq(registry_init(&registry, NULL, &quiet, &e), 0);
	l = (struct link){ .name = "w0", .pool = &pool, .fd = -1 };
}

static void teardown(void)
{
	ck_assert_int_eq(seteuid(0), 0);
	if (l.ops && l.fd >= 0) {
		l.ops->detach(&l);
		l.ops->close(&l);
	}
	free(l.priv);
	ck_assert_uint_eq(pool.packets, 0);
	ck_assert_uint_eq(pool.bufs, 0);
	if (module)
		module_put(module);
	module = NULL;
	registry_destroy(&registry);
	packet_pool_destroy(&pool);
}

/* Open by driver and "name=value name=value"; 0 or what the driver answered. */
static int try_open(const char *driver, const char *text, struct weir_error *e)
{
	struct setting s[8];
	size_t n = 0;
	char copy[256], *save = NULL;
	void *params;
	int err;

	l.ops = registry_get(&registry, WEIR_KIND_LINK, driver, &module, e);
	ck_assert_msg(l.ops != NULL, "%s", e->text);
	l.priv = calloc(1, l.ops->priv_size);
	params = calloc(1, l.ops->params_size);
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(t, '=');

		*eq = '\0';
		s[n++] = (struct setting){ .name = t, .value = eq + 1 };
	}
	err = params_parse(l.ops->params, s, n, NULL, params, l.ops->params_size, e);
	if (!err)
		err = l.ops->open(&l, params, e);
	free(params);
	return err;
}

static void open_link(const char *driver, const char *text)
{
	struct weir_error e = { "" };

	ck_assert_msg(try_open(driver, text, &e) == 0, "%s", e.text);
	ck_assert_int_eq(l.ops->attach(&l, &e), 0);
	ck_assert_uint_eq(l.caps & (LINK_CSUM | LINK_GSO_TCP4), LINK_CSUM | LINK_GSO_TCP4);
	ck_assert_uint_eq(l.gso_max, 65535);
}

static void make_veth(void)
{
	sh("ip link add w0 type veth peer name w1 address " KERNEL_MAC);
	sh("ip addr add " KERNEL_IP "/24 dev w1");
	sh("ip link set w0 up && ip link set w1 up");
}

static void know_us(const char *dev)
{
	sh("ip neigh add " OUR_IP " lladdr %02x:%02x:%02x:%02x:%02x:%02x dev %s", l.addr[0],
	   l.addr[1], l.addr[2], l.addr[3], l.addr[4], l.addr[5], dev);
}

static void open_packet(const char *params)
{
	make_veth();
	open_link("packet", params);
	know_us("w1");
}

static void open_tap(void)
{
	open_link("tap", "device=w1 host-address=" KERNEL_IP "/24");
	sh("ip link set w1 address " KERNEL_MAC);
	know_us("w1");
}

/* ---- frames ---- */

static struct packet *ethernet(uint16_t type)
{
	struct packet *p = packet_alloc(&pool, PACKET_HEADROOM - ETH - IP);
	uint8_t *h;

	ck_assert_ptr_nonnull(p);
	h = packet_put(p, ETH);
	memcpy(h, type == 0x0806 ? (const uint8_t *)"\xff\xff\xff\xff\xff\xff" : kernel_mac, 6);
	memcpy(h + 6, l.addr, 6);
	put_be16(h + 12, type);
	return p;
}

/* An IPv4 packet with n bytes behind the transport header; its checksum is left to the device. */
static struct packet *ip_packet(uint8_t proto, const void *transport, uint32_t tlen,
				const void *payload, uint32_t n)
{
	struct packet *p = ethernet(0x0800);
	uint8_t *ip = packet_put(p, IP), *t = packet_put(p, tlen);
	uint16_t sum;

	memset(ip, 0, IP);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(IP + tlen + n));
	ip[8] = 64;
	ip[9] = proto;
	inet_pton(AF_INET, OUR_IP, ip + 12);
	inet_pton(AF_INET, KERNEL_IP, ip + 16);
	sum = checksum_fold(checksum_partial(ip, IP, 0));
	memcpy(ip + 10, &sum, 2);
	memcpy(t, transport, tlen);
	ck_assert_int_eq(packet_copy_in(p, payload, n), 0);
	p->network = (uint16_t)(ip - p->base);
	p->transport = (uint16_t)(t - p->base);
	p->csum = PACKET_CSUM_PARTIAL;
	p->csum_start = p->transport;
	p->csum_offset = proto == IPPROTO_TCP ? 16 : 6;
	sum = (uint16_t)~checksum_fold(checksum_pseudo(ip + 12, ip + 16, 4, proto, tlen + n));
	memcpy(t + p->csum_offset, &sum, 2);
	return p;
}

static struct packet *tcp_packet(uint16_t dport, uint32_t seq, uint32_t ack, uint8_t flags,
				 const void *payload, uint32_t n)
{
	uint8_t tcp[TCP] = { 0 };
	struct packet *p;

	put_be16(tcp, 4000);
	put_be16(tcp + 2, dport);
	put_be32(tcp + 4, seq);
	put_be32(tcp + 8, ack);
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	put_be16(tcp + 14, 65535);
	p = ip_packet(IPPROTO_TCP, tcp, sizeof(tcp), payload, n);
	if (n > 1460) {
		p->gso_type = PACKET_GSO_TCP4;
		p->gso_size = 1460;
		p->gso_segs = (uint16_t)((n + 1459) / 1460);
	}
	return p;
}

static void send_packet(struct packet *p)
{
	ck_assert_int_eq(l.ops->transmit(&l, &p, 1), 1);
}

static struct packet *receive_packet(void)
{
	struct pollfd pfd = { .fd = l.fd, .events = POLLIN };
	struct packet *p;
	int n;

	do {
		ck_assert_msg(poll(&pfd, 1, WAIT_MS) == 1, "nothing arrived");
		n = l.ops->receive(&l, &p, 1);
	} while (n == 0);
	ck_assert_int_eq(n, 1);
	ck_assert(packet_need(p, ETH));
	return p;
}

/* Nothing arrives, and the descriptor says so. */
static void expect_silence(void)
{
	struct pollfd pfd = { .fd = l.fd, .events = POLLIN };
	struct packet *p;

	while (poll(&pfd, 1, 100) == 1)
		ck_assert_int_eq(l.ops->receive(&l, &p, 1), 0);
}

static struct packet *receive_ip(uint8_t proto, uint32_t headers)
{
	struct packet *p = receive_packet();

	ck_assert(packet_need(p, headers));
	ck_assert_uint_eq(get_be16(p->data + 12), 0x0800);
	ck_assert_uint_eq(p->data[ETH + 9], proto);
	return p;
}

/* ---- what the kernel must answer ---- */

static void exchange_arp(void)
{
	struct packet *p = ethernet(0x0806);
	uint8_t *a = packet_put(p, 28);

	memcpy(a, "\0\1\10\0\6\4\0\1", 8);
	memcpy(a + 8, l.addr, 6);
	inet_pton(AF_INET, OUR_IP, a + 14);
	memset(a + 18, 0, 6);
	inet_pton(AF_INET, KERNEL_IP, a + 24);
	send_packet(p);
	p = receive_packet();
	ck_assert_uint_eq(get_be16(p->data + 12), 0x0806);
	ck_assert(packet_need(p, ETH + 28));
	ck_assert_mem_eq(p->data, l.addr, 6);
	ck_assert_uint_eq(get_be16(p->data + ETH + 6), 2);
	ck_assert_mem_eq(p->data + ETH + 8, kernel_mac, 6);
	packet_free(p);
}

static int kernel_socket(int type, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type, 0);

	inet_pton(AF_INET, KERNEL_IP, &sin.sin_addr);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static void exchange_udp(int fd)
{
	uint8_t udp[UDP] = { 4000 >> 8, 4000 & 255, 5000 >> 8, 5000 & 255, 0, UDP + 5 };
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct packet *p;
	char text[16] = "";

	send_packet(ip_packet(IPPROTO_UDP, udp, UDP, "hello", 5));
	ck_assert_int_eq(recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len), 5);
	ck_assert_str_eq(text, "hello");
	ck_assert_uint_eq(ntohs(from.sin_port), 4000);
	ck_assert_int_eq(sendto(fd, "world!", 6, 0, (struct sockaddr *)&from, len), 6);
	p = receive_ip(IPPROTO_UDP, ETH + IP + UDP + 6);
	ck_assert_mem_eq(p->data + ETH + IP + UDP, "world!", 6);
	ck_assert_int_ne(p->csum, PACKET_CSUM_NONE);
	packet_free(p);
}

/* To a closed port: the RST acknowledges all of it (RFC 9293 3.10.7.1), so it came whole. */
static void exchange_gso_out(void)
{
	static const uint8_t payload[60000];
	struct packet *p;

	send_packet(tcp_packet(9, 1000, 0, 0x08, payload, sizeof(payload)));
	p = receive_ip(IPPROTO_TCP, ETH + IP + TCP);
	ck_assert_uint_eq(p->data[ETH + IP + 13], 0x14);
	ck_assert_uint_eq(get_be32(p->data + ETH + IP + 8), 1000 + sizeof(payload));
	packet_free(p);
}

/* What the kernel sends on a connection arrives as a super-segment. */
static void exchange_gso_in(int listener)
{
	static const uint8_t payload[14000] = { [0] = 'a', [13999] = 'z' };
	struct packet *p;
	uint32_t peer_seq;
	uint8_t last;
	int fd;

	send_packet(tcp_packet(6000, 1, 0, 0x02, NULL, 0));
	p = receive_ip(IPPROTO_TCP, ETH + IP + TCP);
	ck_assert_uint_eq(p->data[ETH + IP + 13], 0x12);
	peer_seq = get_be32(p->data + ETH + IP + 4) + 1;
	packet_free(p);
	send_packet(tcp_packet(6000, 2, peer_seq, 0x10, NULL, 0));
	fd = accept(listener, NULL, NULL);
	ck_assert_int_ge(fd, 0);
	/* Ten segments of 536, since we gave no MSS option. */
	ck_assert_int_eq(write(fd, payload, 5360), 5360);
	p = receive_ip(IPPROTO_TCP, ETH + IP + TCP);
	ck_assert_uint_eq(p->gso_type, PACKET_GSO_TCP4);
	ck_assert_uint_eq(p->gso_size, 536);
	ck_assert_uint_gt(p->len, 2 * 536);
	ck_assert_uint_eq(p->gso_segs, (p->len - ETH - IP - TCP + 535) / 536);
	ck_assert_int_eq(p->csum, PACKET_CSUM_PARTIAL);
	packet_copy_out(p, ETH + IP + TCP, &last, 1);
	ck_assert_uint_eq(last, 'a');
	packet_free(p);
	close(fd);
}

/* All of it, without privilege. */
static void exchange(void)
{
	int udp = kernel_socket(SOCK_DGRAM, 5000), tcp = kernel_socket(SOCK_STREAM, 6000);

	ck_assert_int_eq(listen(tcp, 1), 0);
	ck_assert_int_eq(seteuid(65534), 0);
	exchange_arp();
	exchange_udp(udp);
	exchange_gso_out();
	exchange_gso_in(tcp);
	ck_assert_uint_ge(l.stats.tx_packets, 5);
	ck_assert_uint_gt(l.stats.tx_bytes, 60000);
	ck_assert_uint_ge(l.stats.rx_packets, 5);
	ck_assert_uint_eq(l.stats.tx_errors + l.stats.tx_drops, 0);
	ck_assert_uint_eq(l.stats.rx_errors + l.stats.rx_drops, 0);
	ck_assert_int_eq(seteuid(0), 0);
	close(udp);
	close(tcp);
}

START_TEST(packet_exchange)
{
	open_packet(_i ? "bypass=on" : "");
	ck_assert_uint_eq(l.mtu, 1500);
	ck_assert_str_eq(l.host_device, "w0");
	ck_assert(!l.created);
	exchange();
}
END_TEST

START_TEST(tap_exchange)
{
	open_tap();
	ck_assert_uint_eq(l.mtu, 1500);
	ck_assert_uint_eq(l.addr[0] & 3, 2);
	ck_assert_str_eq(l.host_device, "w1");
	ck_assert(l.created);
	exchange();
}
END_TEST

/* New driver code takes over the descriptor, with no privilege. */
START_TEST(attach_again)
{
	struct weir_error e = { "" };

	if (_i)
		open_tap();
	else
		open_packet("");
	ck_assert_int_eq(seteuid(65534), 0);
	l.ops->detach(&l);
	memset(l.priv, 0xa5, l.ops->priv_size);
	ck_assert_int_eq(l.ops->attach(&l, &e), 0);
	exchange_arp();
}
END_TEST

/* A batch of many frames, in order, both ways. */
START_TEST(batches)
{
	uint8_t udp[UDP] = { 4000 >> 8, 4000 & 255, 5000 >> 8, 5000 & 255, 0, UDP + 4 };
	struct sockaddr_in us = { .sin_family = AF_INET, .sin_port = htons(4000) };
	struct packet *batch[LINK_BATCH];
	uint32_t next = 0, v;
	int fd, n;

	if (_i)
		open_tap();
	else
		open_packet("");
	fd = kernel_socket(SOCK_DGRAM, 5000);
	for (uint32_t i = 0; i < LINK_BATCH; i++)
		batch[i] = ip_packet(IPPROTO_UDP, udp, UDP, &i, 4);
	ck_assert_int_eq(l.ops->transmit(&l, batch, LINK_BATCH), LINK_BATCH);
	ck_assert_uint_eq(l.stats.tx_packets, LINK_BATCH);
	inet_pton(AF_INET, OUR_IP, &us.sin_addr);
	for (uint32_t i = 0; i < LINK_BATCH; i++) {
		ck_assert_int_eq(recv(fd, &v, 4, 0), 4);
		ck_assert_uint_eq(v, i);
		ck_assert_int_eq(sendto(fd, &v, 4, 0, (struct sockaddr *)&us, sizeof(us)), 4);
	}
	while (next < LINK_BATCH) {
		n = l.ops->receive(&l, batch, LINK_BATCH);
		ck_assert_int_gt(n, 0);
		for (int i = 0; i < n; i++) {
			packet_copy_out(batch[i], ETH + IP + UDP, &v, 4);
			ck_assert_uint_eq(v, next++);
			packet_free(batch[i]);
		}
	}
	close(fd);
}
END_TEST

/* Without memory frames are taken from the kernel all the same: the loop must not spin. */
START_TEST(no_memory)
{
	struct packet *p;

	if (_i)
		open_tap();
	else
		open_packet("");
	pool.limit = pool.used;
	sh("ping -c 3 -i 0.01 -W 0.01 -q " OUR_IP " >/dev/null; true");
	ck_assert_int_eq(l.ops->receive(&l, &p, 1), 0);
	ck_assert_uint_ge(l.stats.rx_drops, 3);
	expect_silence();
	pool.limit = 64 << 20;
	exchange_arp();
}
END_TEST

START_TEST(device_goes_down_and_comes_back)
{
	open_packet("");
	sh("ip link set w0 down");
	for (int i = 0; i < 3; i++)
		send_packet(ethernet(0x0806));
	ck_assert_uint_eq(l.stats.tx_drops, 3);
	expect_silence();
	sh("ip link set w0 up");
	expect_silence();
	exchange_arp();
	sh("ip link del w0");
	send_packet(ethernet(0x0806));
	ck_assert_uint_eq(l.stats.tx_drops, 4);
	expect_silence();
}
END_TEST

START_TEST(tap_goes_down_and_comes_back)
{
	open_tap();
	sh("ip link set w1 down");
	for (int i = 0; i < 3; i++)
		send_packet(ethernet(0x0806));
	ck_assert_uint_eq(l.stats.tx_drops, 3);
	expect_silence();
	sh("ip link set w1 up");
	exchange_arp();
	sh("ip link del w1");
	send_packet(ethernet(0x0806));
	ck_assert_uint_eq(l.stats.tx_drops, 4);
}
END_TEST

/* A frame as somebody else on the cable writes it. */
static void write_frame(const uint8_t dst[6], const char *rest, size_t n)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET,
				   .sll_ifindex = (int)if_nametoindex("w1") };
	uint8_t frame[64] = { 0 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	memcpy(frame, dst, 6);
	memcpy(frame + 6, kernel_mac, 6);
	memcpy(frame + 12, rest, n);
	ck_assert_int_eq(sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&sll, sizeof(sll)),
			 sizeof(frame));
	close(fd);
}

/* A VLAN's frames are no frames of this link; nor are those for another station, nor our own. */
START_TEST(foreign_frames_stay_out)
{
	open_packet("");
	expect_silence();
	write_frame(l.addr, "\x81\x00\x00\x05\x08\x00", 6);
	write_frame(l.addr, "\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00", 10);
	write_frame((const uint8_t *)"\x02\0\0\0\0\x77", "\x08\x00", 2);
	send_packet(ethernet(0x88b5));
	expect_silence();
	ck_assert_uint_eq(l.stats.rx_packets, 0);
	write_frame(l.addr, "\x88\xb5", 2);
	packet_free(receive_packet());
}
END_TEST

/* A frame that the kernel will never take is counted, and does not hold up the next one. */
START_TEST(bad_frame_does_not_block)
{
	static const uint8_t payload[3000];
	struct packet *batch[3];

	open_packet("");
	batch[0] = ethernet(0x0806);
	batch[1] = ip_packet(IPPROTO_UDP, payload, UDP, payload, sizeof(payload));
	batch[2] = ethernet(0x0806);
	ck_assert_int_eq(l.ops->transmit(&l, batch, 3), 3);
	ck_assert_uint_eq(l.stats.tx_errors, 1);
	ck_assert_uint_eq(l.stats.tx_packets, 2);
}
END_TEST

START_TEST(tap_device_goes_with_close)
{
	open_tap();
	ck_assert_uint_ne(if_nametoindex("w1"), 0);
	l.ops->detach(&l);
	l.ops->close(&l);
	ck_assert_int_eq(l.fd, -1);
	ck_assert_uint_eq(if_nametoindex("w1"), 0);
}
END_TEST

START_TEST(tap_takes_what_it_is_told)
{
	l.mtu = 1400;
	open_link("tap", "mac=02:11:22:33:44:55");
	ck_assert_uint_eq(l.mtu, 1400);
	ck_assert_mem_eq(l.addr, "\x02\x11\x22\x33\x44\x55", 6);
	sh("ip link show w0 | grep -q 'mtu 1400'");
}
END_TEST

static const struct {
	const char *driver, *params, *prepare;
	uint32_t mtu;
	const char *sentence;
} refused[] = {
	{ "packet", "device=nonesuch", NULL, 0,
	  "device nonesuch does not exist in this network namespace; `ip link` lists what does" },
	{ "packet", "", "ip link set w0 down", 0,
	  "device w0 is down; set it up with `ip link set w0 up`" },
	{ "packet", "device=lo", NULL, 0,
	  "device lo is not an Ethernet device; name one with device = ..." },
	{ "packet", "", NULL, 9000,
	  "mtu: 9000 is larger than the MTU of device w0 (1500); lower it, or raise the device's "
	  "with `ip link set w0 mtu 9000`" },
	{ "tap", "device=w1", NULL, 0,
	  "cannot create TAP device w1: Invalid argument; a device of this name exists: name "
	  "another with device = ..." },
	{ "tap", "device=new0 mac=01:00:00:00:00:01", NULL, 0,
	  "mac: 01:00:00:00:00:01 is a group address; make the first octet even" },
	{ "tap", "device=new0", NULL, 70000,
	  "device new0: cannot set its MTU to 70000: Invalid argument" },
};

START_TEST(says_why)
{
	struct weir_error e = { "" };

	make_veth();
	if (refused[_i].prepare)
		sh("%s", refused[_i].prepare);
	l.mtu = refused[_i].mtu;
	ck_assert_int_lt(try_open(refused[_i].driver, refused[_i].params, &e), 0);
	ck_assert_str_eq(e.text, refused[_i].sentence);
	ck_assert_uint_eq(if_nametoindex("new0"), 0);
	l.fd = -1;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("link");
	TCase *t = tcase_create("link");

	if (geteuid() != 0) {
		puts("SKIP: test_link needs root for network namespaces");
		return 77;
	}
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, packet_exchange, 0, 2);
	tcase_add_test(t, tap_exchange);
	tcase_add_loop_test(t, attach_again, 0, 2);
	tcase_add_loop_test(t, batches, 0, 2);
	tcase_add_loop_test(t, no_memory, 0, 2);
	tcase_add_test(t, device_goes_down_and_comes_back);
	tcase_add_test(t, tap_goes_down_and_comes_back);
	tcase_add_test(t, foreign_frames_stay_out);
	tcase_add_test(t, bad_frame_does_not_block);
	tcase_add_test(t, tap_device_goes_with_close);
	tcase_add_test(t, tap_takes_what_it_is_told);
	tcase_add_loop_test(t, says_why, 0, (int)(sizeof(refused) / sizeof(refused[0])));
	suite_add_tcase(s, t);
	return run_suite(s);
}
