/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_frame.c - a hostile link: whole frames into a stack's NIC, with time between them.
 *
 * Input: records of a kind (1 byte), a length (2 bytes, big endian) and that many bytes:
 *	0	a frame
 *	1	a frame behind its struct virtio_net_hdr
 *	2	time passes: the first byte, in units of 0.5 s
 *	3	the stack sends what is there as a datagram to 10.0.0.<first byte>
 * With 4 added to the kind of a frame, the checksums of its IPv4 header and of ICMP are made right first.
 * TCP listens on port 80, UDP on 53. The last record may be cut off. What must hold: no frame above the MTU leaves; what waits (fragments, neighbours)
 * stays within its limits; nothing is left when the stack is gone (as LeakSanitizer sees it).
 */
#include <arpa/inet.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "base/bytes.h"
#include "ip/fragment.h"
#include "nic/ethernet.h"
#include "nic/qdisc.h"
#include "packet/checksum.h"
#include "stack.h"
#include "tests/fuzz/fuzz.h"

#define MTU 1500u

struct world {
	struct random_seeded seed;
	struct stack *s;
	struct nic *eth;
	struct sock *listener, *datagrams;
};

static int leave(struct link *l, struct packet **batch, int n)
{
	(void)l;
	for (int i = 0; i < n; i++) {
		fuzz_check(batch[i]->len >= ETH_HEADER_LEN && batch[i]->len <= MTU + ETH_HEADER_LEN);
		fuzz_check(!batch[i]->gso_size && batch[i]->csum != PACKET_CSUM_PARTIAL);
		packet_free(batch[i]);
	}
	return n;
}

static int arrive(struct link *l, struct packet **batch, int max)
{
	(void)l;
	(void)batch;
	(void)max;
	return 0;
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

static uint64_t steady_ssthresh(struct congestion *c)
{
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
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int err = 0;
	struct sock *sk = socket_create(w->s, AF_INET, type, 0, false, &err);

	fuzz_check(sk && socket_bind(sk, &in, sizeof(in)) == 0);
	return sk;
}

static void world_init(struct world *w)
{
	struct stack_config c = {
		.now = 1000000000000ull, .random = { random_from_seed, &w->seed },
		.memory = 16u << 20, .congestion = &steady,
	};
	struct link l = {
		.name = "eth0", .ops = &hostile, .fd = -1, .mtu = MTU, .addr = { 2, 0, 0, 0, 0, 1 },
	};
	struct ip_addr a = ip_addr_v4(htonl(0x0a000001));

	random_seed(&w->seed, 1);
	w->s = stack_create(&c, NULL);
	fuzz_check(w->s);
	l.pool = &w->s->pool;
	w->eth = nic_create(&w->s->nics, &l, true, NULL);
	fuzz_check(w->eth);
	nic_set_root(w->eth, qdisc_create_ops(w->eth, &direct, NULL, NULL, NULL));
	fuzz_check(ip_addr_add(&w->s->ip, w->eth, &a, 24, NULL) == 0);
	w->listener = open_socket(w, SOCK_STREAM, 80);
	fuzz_check(socket_listen(w->listener, 8) == 0);
	w->datagrams = open_socket(w, SOCK_DGRAM, 53);
}

static void world_end(struct world *w)
{
	socket_close(w->listener);
	socket_close(w->datagrams);
	stack_destroy(w->s);
}

static void take_frame(struct world *w, const struct virtio_net_hdr *h, const uint8_t *at,
		       uint32_t n)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&w->s->pool, iov);
	uint32_t first = n < iov[0].iov_len ? n : (uint32_t)iov[0].iov_len;

	memcpy(iov[0].iov_base, at, first);
	if (n > first)
		memcpy(iov[1].iov_base, at + first, n - first);
	packet_rx_finish(p, n);
	if (h && packet_from_vnet(p, h) < 0)
		packet_free(p);
	else
		nic_input(w->eth, p);
}

/* Mutation alone never gets past a checksum. */
static void mend(uint8_t *frame, uint32_t n)
{
	uint8_t *ip = frame + ETH_HEADER_LEN;
	uint32_t len = n > ETH_HEADER_LEN ? n - ETH_HEADER_LEN : 0, hlen, total;
	uint16_t sum;

	if (len < 20 || (hlen = (ip[0] & 15u) * 4) < 20 || hlen > len)
		return;
	put_be16(ip + 10, 0);
	sum = checksum_fold(checksum_partial(ip, hlen, 0));
	memcpy(ip + 10, &sum, sizeof(sum));
	total = get_be16(ip + 2);
	if (ip[9] != IPPROTO_ICMP || total > len || total < hlen + 4)
		return;
	put_be16(ip + hlen + 2, 0);
	sum = checksum_fold(checksum_partial(ip + hlen, total - hlen, 0));
	memcpy(ip + hlen + 2, &sum, sizeof(sum));
}

static void take_mended(struct world *w, const uint8_t *at, uint32_t n)
{
	static uint8_t copy[UINT16_MAX];

	memcpy(copy, at, n);
	mend(copy, n);
	take_frame(w, NULL, copy, n);
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

static void send_datagram(struct world *w, const uint8_t *at, uint32_t n)
{
	struct flow f = {
		.src = ip_addr_v4(0), .dst = ip_addr_v4(htonl(0x0a000000u + at[0])),
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

static void record(struct world *w, uint8_t kind, const uint8_t *at, uint32_t n)
{
	struct virtio_net_hdr h;

	switch (kind & 3) {
	case 0:
		if (kind & 4)
			take_mended(w, at, n);
		else
			take_frame(w, NULL, at, n);
		break;
	case 1:
		if (n < sizeof(h))
			return;
		memcpy(&h, at, sizeof(h));
		take_frame(w, &h, at + sizeof(h), n - (uint32_t)sizeof(h));
		break;
	case 2:
		pass(w, n ? at[0] * 500000000ull : 0);
		break;
	case 3:
		if (n)
			send_datagram(w, at, n);
		break;
	}
	pass(w, 0);
	fuzz_check(fragments_memory(w->s->ip.fragments) <= FRAGMENTS_MEMORY);
	fuzz_check(w->s->ip.arp.table.count <= NEIGHBOUR_MAX);
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
