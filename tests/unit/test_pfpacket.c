/* SPDX-License-Identifier: Apache-2.0 */
/* test_pfpacket.c - packet sockets, by packet(7) and what Linux does. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "socket/socket.h"
#include "tests/suite.h"
#include "testnet.h"
#include "pfpacket/sock.h"
#include <linux/filter.h>
#include <linux/if_ether.h>

static struct testnet tn;
static struct nic *eth;
static struct pfpacket pf;
static struct sock *sk;

static void setup(void)
{
	testnet_init(&tn, 1);
	eth = testnet_eth(&tn, "10.0.0.1", 24);
	pfpacket_init(&pf, &tn.env, &tn.ip);
	sk = NULL;
}

static void teardown(void)
{
	pfpacket_destroy(&pf);
	ck_assert(list_empty(&tn.nics.taps));
	testnet_fini(&tn);
}

static struct sock *open_sock(int type, uint16_t proto)
{
	const struct transport_ops *ops = type == SOCK_RAW ? &pfpacket_raw_ops : &pfpacket_dgram_ops;
	int err;
	struct sock *s = sock_create(&tn.ip, &pf, ops, AF_PACKET, 0, &err);

	ck_assert_ptr_nonnull(s);
	pfpacket_set_proto(s, proto);
	return s;
}

static int bind_to(struct sock *s, unsigned int ifindex, uint16_t proto)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_protocol = htons(proto),
	};

	return socket_bind(s, &ll, sizeof(ll));
}

/* A frame from the link: 60 bytes, byte 20 is n. */
static void frame_in(const uint8_t *dst, uint16_t type, uint8_t n)
{
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	uint8_t *b = packet_put(p, 60);

	memset(b, 0, 60);
	memcpy(b, dst, 6);
	b[6] = 2;
	b[11] = 9;
	b[12] = (uint8_t)(type >> 8);
	b[13] = (uint8_t)type;
	b[20] = n;
	nic_input(eth, p);
}

/* An IPv4 packet through a NIC, as a transport would send it. */
static void packet_out(struct nic *nic, uint8_t n)
{
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);

	memset(packet_put(p, 46), n, 46);
	p->protocol = ETH_P_IP;
	if (nic->loopback)
		nic_output(nic, p);
	else
		ethernet_output(nic, p, eth_broadcast);
	testnet_run(&tn, 0);
}

struct got {
	struct sockaddr_ll name;
	uint8_t bytes[2048];
	uint32_t len;
	struct tpacket_auxdata aux;
	bool has_aux;
};

static bool take(struct sock *s, struct got *g)
{
	uint8_t control[256];
	socklen_t namelen = sizeof(g->name);
	size_t controllen = sizeof(control);
	int flags = 0, err;
	struct packet *p = socket_recvmsg(s, &g->name, &namelen, control, &controllen, &flags, &err);
	struct cmsghdr h;

	if (!p) {
		ck_assert_int_eq(err, -EAGAIN);
		return false;
	}
	g->len = p->len;
	packet_copy_out(p, 0, g->bytes, p->len);
	packet_free(p);
	g->has_aux = false;
	if (controllen >= CMSG_LEN(sizeof(g->aux))) {
		memcpy(&h, control, sizeof(h));
		g->has_aux = h.cmsg_level == SOL_PACKET && h.cmsg_type == PACKET_AUXDATA;
		memcpy(&g->aux, control + sizeof(h), sizeof(g->aux));
	}
	return true;
}

/* All frames come in, whoever they are for; what IP makes of them is another matter. */
START_TEST(sees_what_comes_in)
{
	static const uint8_t other[] = { 2, 0, 0, 0, 0, 0x77 }, group[] = { 1, 0, 0x5e, 0, 0, 1 };
	const uint8_t *dst[] = { eth->addr, eth_broadcast, group, other };
	struct got g;

	sk = open_sock(SOCK_RAW, ETH_P_ALL);
	for (uint8_t i = 0; i < 4; i++)
		frame_in(dst[i], 0x88b5, i);
	for (uint8_t i = 0; i < 4; i++) {
		ck_assert(take(sk, &g));
		ck_assert_uint_eq(g.len, 60);
		ck_assert_uint_eq(g.bytes[20], i);
		ck_assert_int_eq(memcmp(g.bytes, dst[i], 6), 0);
		ck_assert_uint_eq(g.name.sll_family, AF_PACKET);
		ck_assert_uint_eq(g.name.sll_protocol, htons(0x88b5));
		ck_assert_int_eq(g.name.sll_ifindex, (int)eth->index);
		ck_assert_uint_eq(g.name.sll_hatype, 1);
		ck_assert_uint_eq(g.name.sll_pkttype, i);	/* HOST BROADCAST MULTICAST OTHERHOST */
		ck_assert_uint_eq(g.name.sll_halen, 6);
		ck_assert_uint_eq(g.name.sll_addr[5], 9);	/* who sent it */
	}
	ck_assert(!take(sk, &g));
}
END_TEST

START_TEST(dgram_without_link_header)
{
	struct got g;

	sk = open_sock(SOCK_DGRAM, ETH_P_ALL);
	frame_in(eth->addr, 0x88b5, 7);
	ck_assert(take(sk, &g));
	ck_assert_uint_eq(g.len, 46);
	ck_assert_uint_eq(g.bytes[6], 7);
}
END_TEST

/* Outgoing frames are for ETH_P_ALL only (packet(7)), as they leave the qdisc, once. */
START_TEST(sees_what_goes_out)
{
	struct sock *ip = open_sock(SOCK_RAW, ETH_P_IP);
	struct got g;
	int one = 1;

	sk = open_sock(SOCK_RAW, ETH_P_ALL);
	testnet_link_room(eth, 0);		/* a link that refuses it at first */
	packet_out(eth, 5);
	testnet_link_room(eth, -1);
	nic_writable(eth);
	ck_assert(take(sk, &g));
	ck_assert_uint_eq(g.len, 60);
	ck_assert_uint_eq(g.bytes[14], 5);
	ck_assert_uint_eq(g.name.sll_pkttype, PACKET_OUTGOING);
	ck_assert_int_eq(memcmp(g.name.sll_addr, eth->addr, 6), 0);
	ck_assert(!take(sk, &g));
	ck_assert(!take(ip, &g));
	ck_assert_int_eq(socket_setsockopt(sk, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), 0);
	packet_out(eth, 5);
	ck_assert(!take(sk, &g));
	frame_in(eth->addr, ETH_P_IP, 1);
	ck_assert(take(ip, &g));
}
END_TEST

/* Twice, out and in, behind a link header of zeros, as on Linux. */
START_TEST(loopback_is_seen_twice)
{
	struct nic *lo = tn.lo;
	struct got g;

	sk = open_sock(SOCK_RAW, ETH_P_ALL);
	packet_out(lo, 5);
	for (int i = 0; i < 2; i++) {
		ck_assert(take(sk, &g));
		ck_assert_uint_eq(g.len, 60);
		ck_assert_int_eq(memcmp(g.bytes, "\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\x05", 15), 0);
		ck_assert_uint_eq(g.name.sll_pkttype, i ? 0 : PACKET_OUTGOING);
		ck_assert_uint_eq(g.name.sll_hatype, 772);
	}
	ck_assert(!take(sk, &g));
}
END_TEST

START_TEST(bound_to_one_nic_and_protocol)
{
	struct nic *lo = tn.lo;
	struct sockaddr_ll ll;
	socklen_t len = sizeof(ll);
	struct got g;

	sk = open_sock(SOCK_RAW, 0);
	frame_in(eth->addr, 0x88b5, 1);
	ck_assert(!take(sk, &g));		/* no protocol: nothing yet */
	ck_assert_int_eq(bind_to(sk, 99, ETH_P_ALL), -ENODEV);
	ck_assert_int_eq(bind_to(sk, eth->index, 0x88b5), 0);
	ck_assert_int_eq(socket_getsockname(sk, &ll, &len), 0);
	ck_assert_uint_eq(len, 18);
	ck_assert_uint_eq(ll.sll_protocol, htons(0x88b5));
	ck_assert_int_eq(memcmp(ll.sll_addr, eth->addr, 6), 0);
	packet_out(lo, 1);
	frame_in(eth->addr, 0x88b6, 1);
	ck_assert(!take(sk, &g));
	frame_in(eth->addr, 0x88b5, 1);
	ck_assert(take(sk, &g));
	ck_assert_int_eq(socket_bind(sk, &ll, 12), -EINVAL);
	ll.sll_family = AF_INET;
	ck_assert_int_eq(socket_bind(sk, &ll, sizeof(ll)), -EINVAL);
	ck_assert_int_eq(socket_connect(sk, &ll, sizeof(ll)), -EOPNOTSUPP);
	ck_assert_int_eq(socket_listen(sk, 1), -EOPNOTSUPP);
	ck_assert_int_eq(socket_shutdown(sk, SHUT_RD), -EOPNOTSUPP);
	ck_assert_int_eq(socket_getpeername(sk, &ll, &len), -EOPNOTSUPP);
}
END_TEST

static void attach(struct sock *s, uint8_t byte, uint32_t snaplen)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, byte, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, snaplen), BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog f = { .len = 4, .filter = insns };

	ck_assert_int_eq(socket_setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof(f)), 0);
}

/* socket(7): SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER; tpacket_auxdata tells the true
 * length. */
START_TEST(filter_cuts_and_drops)
{
	struct sock_fprog f = { .len = 1, .filter = NULL };
	struct tpacket_stats st;
	socklen_t len = sizeof(st);
	int one = 1, zero = 0;
	struct got g;

	sk = open_sock(SOCK_RAW, ETH_P_ALL);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_SOCKET, SO_DETACH_FILTER, &one, sizeof(one)), -ENOENT);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof(f)), -EINVAL);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)), 0);
	attach(sk, 3, 22);
	for (uint8_t i = 0; i < 5; i++)
		frame_in(eth->addr, 0x88b5, i);
	ck_assert(take(sk, &g));
	ck_assert_uint_eq(g.len, 22);
	ck_assert_uint_eq(g.bytes[20], 3);
	ck_assert(g.has_aux);
	ck_assert_uint_eq(g.aux.tp_len, 60);
	ck_assert_uint_eq(g.aux.tp_snaplen, 22);
	ck_assert_uint_eq(g.aux.tp_net, 14);
	ck_assert_uint_eq(g.aux.tp_status, TP_STATUS_USER);
	ck_assert(!take(sk, &g));
	ck_assert_int_eq(socket_getsockopt(sk, SOL_PACKET, PACKET_STATISTICS, &st, &len), 0);
	ck_assert_uint_eq(st.tp_packets, 1);	/* what the filter drops does not count */
	ck_assert_uint_eq(st.tp_drops, 0);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)), 0);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_SOCKET, SO_LOCK_FILTER, &zero, sizeof(zero)), -EPERM);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_SOCKET, SO_DETACH_FILTER, &one, sizeof(one)), -EPERM);
}
END_TEST

/* SO_RCVBUF bounds memory; what is lost is counted, told by TP_STATUS_LOSING, and forgotten once
 * read. */
START_TEST(full_queue_drops)
{
	struct tpacket_stats st;
	socklen_t len = sizeof(st);
	struct got g;
	int one = 1;

	sk = open_sock(SOCK_RAW, ETH_P_ALL);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)), 0);
	sk->rcvbuf = 8192;
	for (int i = 0; i < 1000; i++)
		frame_in(eth->addr, 0x88b5, 1);
	ck_assert_uint_lt(dgram_sk(sk)->rmem, 8192 + 4096);
	ck_assert_int_eq(socket_getsockopt(sk, SOL_PACKET, PACKET_STATISTICS, &st, &len), 0);
	ck_assert_uint_eq(st.tp_packets, 1000);
	ck_assert_uint_gt(st.tp_drops, 900);
	while (take(sk, &g))
		ck_assert(!(g.aux.tp_status & TP_STATUS_LOSING));
	ck_assert_int_eq(socket_getsockopt(sk, SOL_PACKET, PACKET_STATISTICS, &st, &len), 0);
	ck_assert_uint_eq(st.tp_packets, 0);
}
END_TEST

/* Whoever reads the socket has no room for what comes before that time. */
START_TEST(full_reader_drops)
{
	struct tpacket_stats st;
	socklen_t len = sizeof(st);
	uint64_t used;
	struct got g;

	sk = open_sock(SOCK_RAW, ETH_P_ALL);
	sk->full_until = tn.env.now + 1000;
	used = tn.pool.used;
	frame_in(eth->addr, 0x88b5, 1);
	ck_assert_uint_eq(tn.pool.used, used);
	testnet_run(&tn, 1000);
	frame_in(eth->addr, 0x88b5, 2);
	ck_assert(take(sk, &g));
	ck_assert_uint_eq(g.bytes[20], 2);
	ck_assert(!take(sk, &g));
	ck_assert_int_eq(socket_getsockopt(sk, SOL_PACKET, PACKET_STATISTICS, &st, &len), 0);
	ck_assert_uint_eq(st.tp_packets, 2);
	ck_assert_uint_eq(st.tp_drops, 1);
}
END_TEST

START_TEST(sends_frames)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)eth->index, .sll_protocol = htons(0x88b5),
		.sll_halen = 6, .sll_addr = { 2, 0, 0, 0, 0, 0x55 },
	};
	struct sock *raw = open_sock(SOCK_RAW, 0), *all = open_sock(SOCK_RAW, ETH_P_ALL);
	uint8_t frame[2048] = { 2, 0, 0, 0, 0, 0x66, 2, 0, 0, 0, 0, 1, 0x88, 0xb6, 42 };
	struct packet *p;
	struct got g;

	sk = open_sock(SOCK_DGRAM, 0);
	p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	memset(packet_put(p, 50), 7, 50);
	ck_assert_int_eq(socket_sendmsg(sk, p, &to, sizeof(to), NULL, 0, 0), 50);
	p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	ck_assert_int_eq(packet_copy_in(p, frame, 60), 0);
	ck_assert_int_eq(socket_sendmsg(raw, p, &to, sizeof(to), NULL, 0, 0), 60);
	testnet_run(&tn, 0);
	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 64);
	ck_assert_int_eq(memcmp(frame, to.sll_addr, 6), 0);
	ck_assert_int_eq(memcmp(frame + 6, eth->addr, 6), 0);
	ck_assert_int_eq(memcmp(frame + 12, "\x88\xb5\x07", 3), 0);
	ck_assert_uint_eq(testnet_take_bytes(eth, frame, sizeof(frame)), 60);
	ck_assert_int_eq(memcmp(frame + 12, "\x88\xb6\x2a", 3), 0);
	/* others see it, who sent it does not */
	ck_assert(take(all, &g) && take(all, &g));
	ck_assert_uint_eq(g.name.sll_pkttype, PACKET_OUTGOING);
	p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	memset(packet_put(p, 60), 7, 60);
	ck_assert_int_eq(socket_sendmsg(all, p, &to, sizeof(to), NULL, 0, 0), 60);
	testnet_run(&tn, 0);
	ck_assert(!take(all, &g));
	ck_assert_uint_eq(sk->wmem, 0);
}
END_TEST

static int send_bytes(struct sock *s, uint32_t n, const struct sockaddr_ll *to)
{
	struct packet *p = packet_alloc(&tn.pool, PACKET_HEADROOM);
	static uint8_t zeros[4096];

	ck_assert_int_eq(packet_copy_in(p, zeros, n), 0);
	return (int)socket_sendmsg(s, p, to, to ? sizeof(*to) : 0, NULL, 0, 0);
}

START_TEST(send_refuses)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = 99 };

	sk = open_sock(SOCK_RAW, 0);
	ck_assert_int_eq(send_bytes(sk, 60, &to), -ENXIO);
	ck_assert_int_eq(send_bytes(sk, 60, NULL), -ENXIO);
	to.sll_ifindex = (int)eth->index;
	ck_assert_int_eq(send_bytes(sk, 13, &to), -EINVAL);
	ck_assert_int_eq(send_bytes(sk, eth->mtu + 15, &to), -EMSGSIZE);
	ck_assert_int_eq(send_bytes(sk, eth->mtu + 14, &to), (int)eth->mtu + 14);
	nic_set_up(eth, false);
	ck_assert_int_eq(send_bytes(sk, 60, &to), -ENETDOWN);
	nic_set_up(eth, true);
}
END_TEST

/* ---- PACKET_RX_RING, packet_mmap.rst ---- */

static int set_ring(uint32_t block, uint32_t blocks, uint32_t frame, uint32_t frames)
{
	struct tpacket_req req = { block, blocks, frame, frames };

	return socket_setsockopt(sk, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req));
}

START_TEST(ring_layout_is_checked)
{
	int v2 = TPACKET_V2, v3 = TPACKET_V3, n = TPACKET_V2;
	socklen_t len = sizeof(n);

	sk = open_sock(SOCK_RAW, ETH_P_ALL);
	ck_assert_int_eq(socket_getsockopt(sk, SOL_PACKET, PACKET_HDRLEN, &n, &len), 0);
	ck_assert_int_eq(n, (int)sizeof(struct tpacket2_hdr));
	n = TPACKET_V3;
	ck_assert_int_eq(socket_getsockopt(sk, SOL_PACKET, PACKET_HDRLEN, &n, &len), -EINVAL);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_PACKET, PACKET_VERSION, &v3, sizeof(v3)), -EINVAL);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_PACKET, PACKET_VERSION, &v2, sizeof(v2)), 0);
	ck_assert_int_eq(set_ring(4096, 2, 2048, 5), -EINVAL);	/* not what fits */
	ck_assert_int_eq(set_ring(4095, 2, 2048, 2), -EINVAL);	/* no pages */
	ck_assert_int_eq(set_ring(4096, 2, 2047, 4), -EINVAL);	/* not aligned */
	ck_assert_int_eq(set_ring(4096, 2, 8192, 0), -EINVAL);	/* no frame in a block */
	ck_assert_int_eq(set_ring(4096, 2, 32, 256), -EINVAL);	/* no room for a header */
	ck_assert_int_eq(set_ring(0, 0, 2048, 1), -EINVAL);
	ck_assert_int_eq(set_ring(0x40000000, 4, 2048, 0x200000), -ENOMEM);
	ck_assert_int_eq(pfpacket_ring_fd(sk), -1);
	ck_assert_int_eq(set_ring(4096, 2, 2048, 4), 0);
	ck_assert_int_eq(set_ring(4096, 2, 2048, 4), -EBUSY);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_PACKET, PACKET_VERSION, &v2, sizeof(v2)), -EBUSY);
	ck_assert_int_eq(set_ring(0, 0, 0, 0), 0);
	ck_assert_int_eq(pfpacket_ring_fd(sk), -1);
}
END_TEST

START_TEST(ring_is_filled)
{
	int version = _i ? TPACKET_V2 : TPACKET_V1;
	uint8_t *mem;
	struct tpacket_stats st;
	socklen_t len = sizeof(st);

	sk = open_sock(SOCK_RAW, ETH_P_ALL);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)), 0);
	ck_assert_int_eq(set_ring(4096, 2, 2048, 4), 0);
	mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, pfpacket_ring_fd(sk), 0);
	ck_assert_ptr_ne(mem, MAP_FAILED);
	ck_assert(!(socket_poll(sk) & EPOLLIN));
	for (uint8_t i = 0; i < 6; i++)
		frame_in(eth->addr, 0x88b5, i);
	for (uint8_t i = 0; i < 4; i++) {
		struct tpacket2_hdr *h2 = (void *)(mem + 2048 * i);
		struct tpacket_hdr *h1 = (void *)(mem + 2048 * i);
		uint32_t mac = _i ? h2->tp_mac : h1->tp_mac;
		const struct sockaddr_ll *ll = (void *)(mem + 2048 * i +
			TPACKET_ALIGN(_i ? sizeof(*h2) : sizeof(*h1)));

		ck_assert_uint_eq(_i ? h2->tp_status : h1->tp_status, TP_STATUS_USER);
		ck_assert_uint_eq(_i ? h2->tp_len : h1->tp_len, 60);
		ck_assert_uint_eq(_i ? h2->tp_snaplen : h1->tp_snaplen, 60);
		ck_assert_uint_eq((_i ? h2->tp_net : h1->tp_net) - mac, 14);
		ck_assert_uint_eq(mem[2048 * i + mac + 20], i);
		ck_assert_int_eq(ll->sll_ifindex, (int)eth->index);
	}
	ck_assert(socket_poll(sk) & EPOLLIN);
	ck_assert_int_eq(socket_getsockopt(sk, SOL_PACKET, PACKET_STATISTICS, &st, &len), 0);
	ck_assert_uint_eq(st.tp_packets, 6);
	ck_assert_uint_eq(st.tp_drops, 2);
	for (int i = 0; i < 4; i++)
		memset(mem + 2048 * i, 0, 8);	/* given back */
	ck_assert(!(socket_poll(sk) & EPOLLIN));
	frame_in(eth->addr, 0x88b5, 9);
	ck_assert_uint_eq(mem[0], TP_STATUS_USER);
	munmap(mem, 8192);
}
END_TEST

/* What a frame of the ring cannot hold is cut; the program cannot shrink the memory. */
START_TEST(ring_is_not_written_beyond)
{
	int v2 = TPACKET_V2;
	struct tpacket2_hdr *h;
	uint8_t *mem;

	sk = open_sock(SOCK_RAW, ETH_P_ALL);
	ck_assert_int_eq(socket_setsockopt(sk, SOL_PACKET, PACKET_VERSION, &v2, sizeof(v2)), 0);
	ck_assert_int_eq(set_ring(4096, 1, 112, 36), 0);
	ck_assert_int_eq(ftruncate(pfpacket_ring_fd(sk), 0), -1);
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, pfpacket_ring_fd(sk), 0);
	frame_in(eth->addr, 0x88b5, 9);
	h = (void *)mem;
	ck_assert_uint_eq(h->tp_len, 60);
	ck_assert_uint_eq(h->tp_mac + h->tp_snaplen, 112);
	ck_assert_uint_eq(mem[112], TP_STATUS_KERNEL);
	munmap(mem, 4096);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pfpacket");
	TCase *t = tcase_create("pfpacket");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sees_what_comes_in);
	tcase_add_test(t, dgram_without_link_header);
	tcase_add_test(t, sees_what_goes_out);
	tcase_add_test(t, loopback_is_seen_twice);
	tcase_add_test(t, bound_to_one_nic_and_protocol);
	tcase_add_test(t, filter_cuts_and_drops);
	tcase_add_test(t, full_queue_drops);
	tcase_add_test(t, full_reader_drops);
	tcase_add_test(t, sends_frames);
	tcase_add_test(t, send_refuses);
	tcase_add_test(t, ring_layout_is_checked);
	tcase_add_loop_test(t, ring_is_filled, 0, 2);
	tcase_add_test(t, ring_is_not_written_beyond);
	suite_add_tcase(s, t);
	return run_suite(s);
}
