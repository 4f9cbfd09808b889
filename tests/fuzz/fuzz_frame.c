/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_frame.c - a hostile link: whole frames into a stack's NIC, with time between them, and
 * programs that use every kind of socket on both families.
 *
 * Input: records of a kind (1 byte), a length (2 bytes, big endian) and that many bytes. The kind's
 * low two bits:
 *	0	a frame. With 4 added its checksums are made right first (mend.h); with 16 as well the
 *		numbers of a TCP segment count from those of the last segment that the stack sent, so
 *		that a connection can be met without guessing
 *	1	a frame behind its struct virtio_net_hdr
 *	2	time passes: the first byte, in units of 0.5 s; with 4 added the programs read, accept
 *		and answer; with 8 they close a connection, with 16 they make one, to port <first byte>
 *	3	the stack sends what is there as a datagram to 10.0.0.<first byte>, with 4 added to
 *		2001:db8::<first byte>
 * With 8 added to a frame's kind it waits, and arrives in one batch with those that follow (GRO);
 * with 32 packet sockets listen from then on. TCP listens on port 80, UDP on 53, both for both
 * families. 10.0.0.9 and 2001:db8::9 are neighbours that need not be found. The last record may be
 * cut off.
 *
 * What must hold: no frame above the MTU leaves; what waits (fragments, neighbours) and what
 * routers say stays within its limits; nothing is left when the stack is gone (as LeakSanitizer
 * sees it).
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <netinet/udp.h>
#include <string.h>

#include "base/bytes.h"
#include "ip/fragment.h"
#include "ip/group.h"
#include "ip/ip4_link.h"
#include "ip/ip6_link.h"
#include "nic/ethernet.h"
#include "nic/qdisc.h"
#include "stack.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mend.h"

#define MTU	1500u
#define RANDOM	(1u << 18)
#define STREAMS	4u
#define PENDING	32u

struct world {
	uint32_t random_at;
	struct stack *s;
	struct nic *eth;
	struct sock *listener, *datagrams, *raw6;
	struct sock *packets[2];		/* NULL: nobody asked for them yet */
	struct sock *streams[STREAMS];
	struct packet_queue rx;			/* arrived, and not yet taken in */
	uint32_t next_seq, next_ack;		/* of who talks to the last segment that was sent */
};

/* Drawing it anew for each input would take longer than most inputs do. */
static void random_drawn(void *arg, void *dst, size_t n)
{
	static uint8_t drawn[RANDOM];
	static struct random_seeded seed;
	struct world *w = arg;
	uint8_t *to = dst;

	if (!seed.s[0]) {
		random_seed(&seed, 1);
		random_from_seed(&seed, drawn, sizeof(drawn));
	}
	while (n) {
		size_t part = n < RANDOM - w->random_at ? n : RANDOM - w->random_at;

		memcpy(to, drawn + w->random_at, part);
		w->random_at = (w->random_at + (uint32_t)part) % RANDOM;
		to += part;
		n -= part;
	}
}

/* Where the TCP header is in n bytes of frame, 0: nowhere. */
static uint32_t tcp_offset(const uint8_t *f, uint32_t n)
{
	uint32_t at = ETH_HEADER_LEN;

	if (n < at + 20)
		return 0;
	if (f[at] >> 4 == 4 && f[at + 9] == IPPROTO_TCP)
		at += (f[at] & 15u) * 4;
	else if (f[at] >> 4 == 6 && f[at + 6] == IPPROTO_TCP)
		at += 40;
	else
		return 0;
	return n >= at + 20 ? at : 0;
}

static void note_segment(struct world *w, const struct packet *p)
{
	uint8_t f[ETH_HEADER_LEN + 60 + 20];
	uint32_t n = p->len < sizeof(f) ? p->len : (uint32_t)sizeof(f), at;

	packet_copy_out(p, 0, f, n);
	at = tcp_offset(f, n);
	if (!at)
		return;
	w->next_seq = get_be32(f + at + 8);
	w->next_ack = get_be32(f + at + 4) + (f[at + 13] & 3 ? 1 : 0) + p->len - at -
		      (f[at + 12] >> 4) * 4;
}

static int leave(struct link *l, struct packet **batch, int n)
{
	for (int i = 0; i < n; i++) {
		note_segment(l->priv, batch[i]);
		fuzz_check(batch[i]->len >= ETH_HEADER_LEN && batch[i]->len <= MTU + ETH_HEADER_LEN);
		fuzz_check(!batch[i]->gso_size && batch[i]->csum != PACKET_CSUM_PARTIAL);
		packet_free(batch[i]);
	}
	return n;
}

static int arrive(struct link *l, struct packet **batch, int max)
{
	struct world *w = l->priv;
	int n = 0;

	while (n < max && w->rx.head)
		batch[n++] = packet_queue_pop(&w->rx);
	return n;
}

static const struct link_ops hostile = {
	.name = "hostile", .transmit = leave, .receive = arrive,
};

static int direct_enqueue(struct qdisc *q, struct packet *p)
{
	return qdisc_transmit(q, p);
}

static struct packet *direct_none(struct qdisc *q)
{
	(void)q;
	return NULL;
}

static const struct qdisc_ops direct = {
	.name = "direct", .enqueue = direct_enqueue, .dequeue = direct_none, .peek = direct_none,
};

static uint64_t steady_ssthresh(struct congestion *c, enum congestion_event why)
{
	(void)why;
	return c->cwnd / 2 + c->mss;
}

static void steady_ack(struct congestion *c, const struct congestion_ack *a)
{
	(void)c;
	(void)a;
}

static void steady_init(struct congestion *c, const void *params)
{
	(void)c;
	(void)params;
}

static const struct congestion_ops steady = {
	.name = "steady", .init = steady_init, .ssthresh = steady_ssthresh, .ack = steady_ack,
};

static struct sock *open_socket(struct world *w, int type, uint16_t port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int err = 0;
	struct sock *sk = socket_create(w->s, AF_INET6, type, 0, false, &err);

	fuzz_check(sk && socket_bind(sk, &in6, sizeof(in6)) == 0);
	return sk;
}

static void listen_to_packets(struct world *w)
{
	int err = 0;

	if (w->packets[0])
		return;
	w->packets[0] = socket_create(w->s, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL), true, &err);
	w->packets[1] = socket_create(w->s, AF_PACKET, SOCK_DGRAM, htons(ETH_P_IPV6), true, &err);
	fuzz_check(w->packets[0] && w->packets[1]);
}

static void world_init(struct world *w)
{
	struct stack_config c = {
		.now = 1000000000000ull, .random = { random_drawn, w },
		.memory = 16u << 20, .congestion = &steady,
	};
	struct link l = {
		.name = "eth0", .ops = &hostile, .fd = -1, .mtu = MTU, .addr = { 2, 0, 0, 0, 0, 1 },
		.priv = w,
	};
	static const uint8_t neighbour[LINK_ADDR_LEN] = { 2, 0, 0, 0, 0, 9 };
	struct ip_addr n = ip_addr_v4(htonl(0x0a000009));
	struct ip_addr n6 = { .b = { 0x20, 1, 0xd, 0xb8, [15] = 9 } };
	static const struct ip4_config ip4 = IP4_CONFIG_DEFAULT;
	static const struct ip6_config ip6 = IP6_CONFIG_DEFAULT;
	struct ip_addr a = ip_addr_v4(htonl(0x0a000001)), group = ip_addr_v4(htonl(0xef010203));
	struct ip_addr a6 = { .b = { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	struct ip_addr group6 = { .b = { 0xff, 5, [14] = 0x12, 0x34 } };

	int on = 1, err = 0;

	*w = (struct world){ 0 };
	w->s = stack_create(&c, NULL);
	fuzz_check(w->s);
	l.pool = &w->s->pool;
	w->eth = nic_create(&w->s->nics, &l, true, NULL);
	fuzz_check(w->eth);
	nic_set_root(w->eth, qdisc_create_ops(w->eth, &direct, NULL, NULL, NULL));
	fuzz_check(ip_addr_add(&w->s->ip, w->eth, &a, 24, NULL) == 0);
	fuzz_check(ip_addr_add(&w->s->ip, w->eth, &a6, 64, NULL) == 0);
	fuzz_check(ip4_link_start(&w->s->ip, w->eth, &ip4) == 0);
	fuzz_check(ip6_link_start(&w->s->ip, w->eth, &ip6) == 0);
	fuzz_check(!neighbour_set_permanent(&w->s->ip.arp, w->eth, n.b, neighbour));
	fuzz_check(!neighbour_set_permanent(&w->s->ip.ndp, w->eth, n6.b, neighbour));
	w->listener = open_socket(w, SOCK_STREAM, 80);
	fuzz_check(socket_listen(w->listener, 8) == 0);
	w->datagrams = open_socket(w, SOCK_DGRAM, 53);
	fuzz_check(group_sock_join(w->datagrams, w->eth, &group, &a, true) == 0);
	fuzz_check(group_sock_join(w->datagrams, w->eth, &group6, &a, true) == 0);
	fuzz_check(!socket_setsockopt(w->datagrams, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)));
	fuzz_check(!socket_setsockopt(w->datagrams, SOL_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)));
	fuzz_check(!socket_setsockopt(w->datagrams, SOL_IPV6, IPV6_RECVERR, &on, sizeof(on)));
	w->raw6 = socket_create(w->s, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, true, &err);
	fuzz_check(w->raw6);
}

static void world_end(struct world *w)
{
	packet_queue_purge(&w->rx);
	for (unsigned int i = 0; i < STREAMS; i++)
		if (w->streams[i])
			socket_close(w->streams[i]);
	for (int i = 0; i < 2; i++)
		if (w->packets[i])
			socket_close(w->packets[i]);
	socket_close(w->listener);
	socket_close(w->datagrams);
	socket_close(w->raw6);
	stack_destroy(w->s);
}

static void take_frame(struct world *w, const struct virtio_net_hdr *h, const uint8_t *at,
		       uint32_t n, bool wait)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&w->s->pool, iov);
	uint32_t first;

	if (!p)
		return;
	first = n < iov[0].iov_len ? n : (uint32_t)iov[0].iov_len;
	memcpy(iov[0].iov_base, at, first);
	if (n > first)
		memcpy(iov[1].iov_base, at + first, n - first);
	packet_rx_finish(p, n);
	if (h && packet_from_vnet(p, h) < 0)
		packet_free(p);
	else
		packet_queue_push(&w->rx, p);
	if (!wait || w->rx.len >= PENDING)
		nic_receive(w->eth);
}

static void take_mended(struct world *w, const uint8_t *at, uint32_t n, uint8_t kind)
{
	static uint8_t copy[UINT16_MAX];
	uint32_t th;

	memcpy(copy, at, n);
	th = tcp_offset(copy, n);
	if (kind & 16 && th) {
		put_be32(copy + th + 4, get_be32(copy + th + 4) + w->next_seq);
		put_be32(copy + th + 8, get_be32(copy + th + 8) + w->next_ack);
	}
	if (n > ETH_HEADER_LEN)
		mend_ip(copy + ETH_HEADER_LEN, n - ETH_HEADER_LEN);
	take_frame(w, NULL, copy, n, kind & 8);
}

static void pass(struct world *w, uint64_t ns)
{
	uint64_t end = w->s->env.now + ns, next;

	env_run(&w->s->env, w->s->env.now);
	while (w->s->env.now < end) {
		next = env_next(&w->s->env);
		next = next < w->s->env.now ? w->s->env.now : next;
		env_run(&w->s->env, next < end ? next : end);
	}
}

static void send_datagram(struct world *w, const uint8_t *at, uint32_t n, bool six)
{
	struct flow f = {
		.src = six ? (struct ip_addr){ 0 } : ip_addr_v4(0),
		.dst = six ? (struct ip_addr){ .b = { 0x20, 1, 0xd, 0xb8, [15] = at[0] } } :
			     ip_addr_v4(htonl(0x0a000000u + at[0])),
		.proto = IPPROTO_UDP, .broadcast_ok = true, .df = n & 1,
	};
	struct packet *p = packet_alloc(&w->s->pool, PACKET_HEADROOM);
	struct dst d;

	if (!p)
		return;
	if (packet_copy_in(p, at, n) < 0 || route_lookup(&w->s->ip, &f, &d) < 0)
		packet_free(p);
	else
		ip_output(&w->s->ip, p, &f, &d);
}

static void read_datagrams(struct sock *sk)
{
	uint8_t name[128], control[512];
	struct packet *p;
	int flags, err;

	for (int i = 0; sk && i < 2 * (int)PENDING; i++) {
		socklen_t namelen = sizeof(name);
		size_t controllen = sizeof(control);

		flags = i & 1 ? MSG_ERRQUEUE : 0;
		p = socket_recvmsg(sk, name, &namelen, control, &controllen, &flags, &err);
		fuzz_check(p || err <= 0);
		fuzz_check(controllen <= sizeof(control));
		packet_free(p);
	}
}

/* Read what is there and send as much back. */
static void answer_stream(struct world *w, struct sock *sk)
{
	struct iovec iov[8];
	int n = socket_peek(sk, iov, 8);
	uint32_t len = 0;
	struct buf *b;

	for (int i = 0; i < n; i++)
		len += (uint32_t)iov[i].iov_len;
	if (!len) {
		socket_recv_none(sk);
		return;
	}
	socket_consume(sk, len);
	len = len < 8192 ? len : 8192;
	b = buf_alloc(&w->s->pool, len);
	if (!b)
		return;
	memset(b->data, 'a', len);
	socket_write(sk, b, 0, len, 0);
	buf_put(b);
}

static void keep_stream(struct world *w, struct sock *sk)
{
	for (unsigned int i = 0; sk && i < STREAMS; i++) {
		if (!w->streams[i]) {
			w->streams[i] = sk;
			return;
		}
	}
	if (sk)
		socket_abort(sk);
}

static void connect_out(struct world *w, uint8_t port)
{
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6, .sin6_port = htons(port),
		.sin6_addr = { { { 0x20, 1, 0xd, 0xb8, [15] = 9 } } },
	};
	int err = 0;
	struct sock *sk = socket_create(w->s, AF_INET6, SOCK_STREAM, 0, false, &err);

	if (sk)
		socket_connect(sk, &to, sizeof(to));
	keep_stream(w, sk);
}

static void programs(struct world *w, uint8_t kind, uint8_t port)
{
	int err;

	if (kind & 16)
		connect_out(w, port);
	if (kind & 4) {
		keep_stream(w, socket_accept(w->listener, &err));
		for (unsigned int i = 0; i < STREAMS; i++)
			if (w->streams[i])
				answer_stream(w, w->streams[i]);
		read_datagrams(w->datagrams);
		read_datagrams(w->raw6);
		read_datagrams(w->packets[0]);
		read_datagrams(w->packets[1]);
	}
	for (unsigned int i = 0; kind & 8 && i < STREAMS; i++) {
		if (w->streams[i]) {
			socket_close(w->streams[i]);
			w->streams[i] = NULL;
			break;
		}
	}
}

static void record(struct world *w, uint8_t kind, const uint8_t *at, uint32_t n)
{
	struct virtio_net_hdr h;

	if (kind & 32)
		listen_to_packets(w);
	switch (kind & 3) {
	case 0:
		if (kind & 4)
			take_mended(w, at, n, kind);
		else
			take_frame(w, NULL, at, n, kind & 8);
		break;
	case 1:
		if (n < sizeof(h))
			return;
		memcpy(&h, at, sizeof(h));
		take_frame(w, &h, at + sizeof(h), n - (uint32_t)sizeof(h), kind & 8);
		break;
	case 2:
		programs(w, kind, n ? at[0] : 0);
		pass(w, n ? at[0] * 500000000ull : 0);
		break;
	case 3:
		if (n)
			send_datagram(w, at, n, kind & 4);
		break;
	}
	pass(w, 0);
	fuzz_check(fragments_memory(w->s->ip.fragments) <= FRAGMENTS_MEMORY);
	fuzz_check(w->s->ip.arp.table.count <= NEIGHBOUR_MAX);
	fuzz_check(w->s->ip.ndp.table.count <= NEIGHBOUR_MAX);
	fuzz_check(w->eth->ip6->nrouters <= IP6_ROUTERS_MAX);
	fuzz_check(w->eth->ip6->nprefixes <= IP6_PREFIXES_MAX);
	fuzz_check(w->eth->ip4->redirects.count <= REDIRECTS_MAX);
	fuzz_check(w->eth->ip6->redirects.count <= REDIRECTS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	world_init(&w);
	while (size >= 3) {
		uint32_t n = get_be16(data + 1);

		n = n < size - 3 ? n : (uint32_t)size - 3;
		record(&w, data[0], data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
	world_end(&w);
	return 0;
}
