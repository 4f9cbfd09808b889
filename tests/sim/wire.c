/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c - the links of a simulated world (wire.h): what happens to a frame between two NICs.
 *
 * Theory of operation
 *
 * A frame waits for the wire's rate, or is dropped when too many bytes wait already; it may then be
 * lost, alone or in bursts, have a bit flipped behind its link header, arrive twice, or be held
 * back. It is an event of the world until it arrives. A super-segment stays one where the receiver
 * takes such; otherwise, or where the wire says so, it is cut into what it stands for, by the same
 * code that a NIC without offloads has. A frame whose checksum is left to the device is not
 * corrupted: nothing could tell.
 *
 * A packet that is too long for the path is dropped by a router on it, whose answer takes the
 * sender's side of the wire back, and can be lost like any frame.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "embed/internal.h"
#include "ip/ipv4.h"
#include "ip/ipv6.h"
#include "packet/checksum.h"
#include "wire.h"

#define BURST_TIME	(300 * MSEC)
#define ETH_LEN		14u

struct sim_frame {
	struct sim_frame *next, **pprev;	/* in sim->frames, or, free, in spare */
	struct sim_nic *to;
	struct virtio_net_hdr vnet;
	uint32_t len, room;
	uint8_t *data;
};

static struct sim_frame *frame_new(struct sim *s, uint32_t len)
{
	struct sim_frame *f = s->spare;

	if (f)
		s->spare = f->next;
	else
		f = calloc(1, sizeof(*f));
	if (f && f->room < len) {
		free(f->data);
		f->room = len < 2048 ? 2048 : len;
		f->data = malloc(f->room);
	}
	if (!f || !f->data)
		abort();
	f->len = len;
	f->next = s->frames;
	f->pprev = &s->frames;
	if (f->next)
		f->next->pprev = &f->next;
	s->frames = f;
	return f;
}

static void frame_free(struct sim *s, struct sim_frame *f)
{
	*f->pprev = f->next;
	if (f->next)
		f->next->pprev = f->pprev;
	f->next = s->spare;
	s->spare = f;
}

void wire_fini(struct sim *s)
{
	while (s->frames)
		frame_free(s, s->frames);
	while (s->spare) {
		struct sim_frame *f = s->spare;

		s->spare = f->next;
		free(f->data);
		free(f);
	}
}

/* ---- what a person sees of it ---- */

static void trace(const struct sim_nic *n, const uint8_t *ip, uint32_t len)
{
	const struct sim *s = n->host->sim;
	uint32_t hlen = (ip[0] & 15u) * 4;
	const uint8_t *th = ip + hlen;
	char flags[8];

	printf("%.6f host %d nic %d: ", (double)(s->now - 1000 * SEC) / SEC, n->host->index,
	       (int)(n - n->host->nics));
	if (len < 20 || ip[0] >> 4 != 4 || len < hlen + 8) {
		printf("%u bytes\n", len);
		return;
	}
	printf("%u.%u.%u.%u > %u.%u.%u.%u ", ip[12], ip[13], ip[14], ip[15], ip[16], ip[17], ip[18],
	       ip[19]);
	if (ip[9] != 6 || len < hlen + 20) {
		printf("protocol %u, %u bytes\n", ip[9], len);
		return;
	}
	snprintf(flags, sizeof(flags), "%s%s%s%s%s", th[13] & 2 ? "S" : "", th[13] & 1 ? "F" : "",
		 th[13] & 4 ? "R" : "", th[13] & 8 ? "P" : "", th[13] & 16 ? "." : "");
	printf("%u>%u %s seq %u ack %u win %u len %d\n", get_be16(th), get_be16(th + 2), flags,
	       get_be32(th + 4), get_be32(th + 8), get_be16(th + 14),
	       (int)get_be16(ip + 2) - (int)hlen - (th[12] >> 4) * 4);
}

/* ---- arriving ---- */

static void arrive(struct sim *s, void *arg)
{
	struct sim_frame *f = arg;
	int err = weir_nic_input(f->to->nic, f->data, f->len, &f->vnet);

	if (err == -EINVAL)
		sim_fail(s, "host %d: a frame's offloads are refused", f->to->host->index);
	frame_free(s, f);
}

static void send_to(struct sim_nic *from, struct sim_nic *to, const struct sim_frame *f, uint64_t at)
{
	struct sim *s = from->host->sim;
	struct sim_frame *copy = frame_new(s, f->len);

	copy->to = to;
	copy->vnet = f->vnet;
	memcpy(copy->data, f->data, f->len);
	sim_at(s, at, arrive, copy);
}

/* Which port: by address where there are any, otherwise the other one. */
static void forward(struct sim_nic *n, const struct sim_frame *f, uint64_t at)
{
	const struct sim_segment *seg = n->segment;
	bool group = !(n->kind & SIM_L3) && f->len && f->data[0] & 1;

	for (int i = 0; i < seg->n; i++) {
		struct sim_nic *to = seg->ports[i];

		if (to != n && (n->kind & SIM_L3 || seg->n == 2 || group ||
				!memcmp(f->data, to->mac, sizeof(to->mac))))
			send_to(n, to, f, at);
	}
}

/* ---- losing ---- */

/* In bursts, or one by one? */
static bool is_lost(struct sim *s, struct sim_wire *w)
{
	if (s->now < w->down_until)
		return true;
	if (w->bad_until > s->now && sim_chance(s, w->burst_out))
		w->bad_until = 0;
	else if (w->bad_until <= s->now && sim_chance(s, w->burst_in))
		w->bad_until = s->now + BURST_TIME;
	return sim_chance(s, w->bad_until > s->now ? w->burst_loss : w->loss);
}

/* ---- a router with a narrow link behind it ---- */

#define ROUTER	254u			/* the last byte of its address, in the receiver's subnet */

/* RFC 792, RFC 1191 section 4: as much of the packet as 576 bytes hold. */
static uint32_t frag_needed(uint8_t *to, const uint8_t *ip, uint32_t len, uint32_t mtu)
{
	uint32_t quote = len < 548 ? len : 548, n = IPV4_HEADER_LEN + 8 + quote;
	uint8_t *icmp = to + IPV4_HEADER_LEN;
	uint16_t sum;

	memset(to, 0, IPV4_HEADER_LEN + 8);
	to[0] = 0x45;
	put_be16(to + 2, (uint16_t)n);
	to[8] = 64;
	to[9] = IPPROTO_ICMP;
	memcpy(to + 12, ip + 16, 4);
	to[15] = ROUTER;
	memcpy(to + 16, ip + 12, 4);
	sum = checksum_fold(checksum_partial(to, IPV4_HEADER_LEN, 0));
	memcpy(to + 10, &sum, 2);
	icmp[0] = 3;
	icmp[1] = 4;
	put_be16(icmp + 6, (uint16_t)mtu);
	memcpy(icmp + 8, ip, quote);
	sum = checksum_fold(checksum_partial(icmp, 8 + quote, 0));
	memcpy(icmp + 2, &sum, 2);
	return n;
}

/* RFC 4443 section 3.2: as much of the packet as the least MTU holds. */
static uint32_t packet_too_big(uint8_t *to, const uint8_t *ip, uint32_t len, uint32_t mtu)
{
	uint32_t most = IPV6_MTU_MIN - IPV6_HEADER_LEN - 8, quote = len < most ? len : most;
	uint8_t *icmp = to + IPV6_HEADER_LEN;
	uint16_t sum;

	memset(to, 0, IPV6_HEADER_LEN + 8);
	to[0] = 0x60;
	put_be16(to + 4, (uint16_t)(8 + quote));
	to[6] = IPPROTO_ICMPV6;
	to[7] = 64;
	memcpy(to + 8, ip + 24, 16);
	to[23] = ROUTER;
	memcpy(to + 24, ip + 8, 16);
	icmp[0] = 2;
	put_be32(icmp + 4, mtu);
	memcpy(icmp + 8, ip, quote);
	sum = checksum_fold(checksum_partial(icmp, 8 + quote,
					     checksum_pseudo(to + 8, to + 24, 16, IPPROTO_ICMPV6, 8 + quote)));
	memcpy(icmp + 2, &sum, 2);
	return IPV6_HEADER_LEN + 8 + quote;
}

static bool is_too_big(const struct sim_wire *w, const uint8_t *ip, uint32_t len)
{
	if (!w->mtu || len <= w->mtu || len < IPV6_HEADER_LEN)
		return false;
	return ip[0] >> 4 == 6 || (ip[0] >> 4 == 4 && ip[6] & 0x40);	/* DF */
}

static void told(struct sim *s, void *arg)
{
	struct sim_wire *w = &((struct sim_nic *)arg)->wire;

	(void)s;
	w->told = w->mtu;
}

/* False: the frame passes. */
static bool drop_too_big(struct sim_nic *n, const struct sim_frame *f, uint32_t header)
{
	struct sim *s = n->host->sim;
	struct sim_wire *w = &n->wire;
	const uint8_t *ip = f->data + header;
	struct sim_frame *answer;

	if (!is_too_big(w, ip, f->len - header))
		return false;
	w->too_big++;
	w->too_big_still += w->told == w->mtu;
	if (w->silent || is_lost(s, w))
		return true;
	answer = frame_new(s, header + IPV6_MTU_MIN);
	memset(&answer->vnet, 0, sizeof(answer->vnet));
	if (header) {
		memcpy(answer->data, n->mac, sizeof(n->mac));
		memcpy(answer->data + 6, f->data, sizeof(n->mac));
		memcpy(answer->data + 12, f->data + 12, 2);
	}
	answer->len = header + (ip[0] >> 4 == 6 ? packet_too_big : frag_needed)
			       (answer->data + header, ip, f->len - header, w->mtu);
	send_to(n, n, answer, s->now + 2 * (w->delay / 3));
	sim_at(s, s->now + 2 * (w->delay / 3), told, n);
	frame_free(s, answer);
	return true;
}

/* ---- sending ---- */

static uint64_t arrival(struct sim *s, struct sim_wire *w)
{
	uint64_t at = (w->rate ? w->free_at : s->now) + w->delay;

	if (w->jitter)
		at += random_u64(&s->random) % w->jitter;
	if (sim_chance(s, w->reorder))
		at += w->reorder_by;
	else if (w->keep_order && at < w->last_at)
		at = w->last_at;
	if (at > w->last_at)
		w->last_at = at;
	return at;
}

static void wire_send(struct sim_nic *n, struct sim_frame *f)
{
	struct sim *s = n->host->sim;
	struct sim_wire *w = &n->wire;
	uint32_t header = n->kind & SIM_L3 ? 0 : ETH_LEN;
	uint64_t start = s->now > w->free_at ? s->now : w->free_at, at;

	w->frames++;
	if (s->trace && f->len > header)
		trace(n, f->data + header, f->len - header);
	if (w->rate && (start - s->now) * w->rate / SEC > w->queue) {
		w->lost++;
		return;
	}
	if (w->rate)
		w->free_at = start + f->len * SEC / w->rate;
	if (is_lost(s, w)) {
		w->lost++;
		return;
	}
	if (drop_too_big(n, f, header))
		return;
	at = arrival(s, w);
	if (sim_chance(s, w->corrupt) && !f->vnet.flags && f->len > header)
		f->data[header + sim_below(s, f->len - header)] ^= (uint8_t)(1u << sim_below(s, 8));
	if (sim_chance(s, w->dup))
		forward(n, f, at + sim_below(s, 1000000));
	forward(n, f, at);
}

static void send_packet(struct sim_nic *n, const struct packet *p)
{
	struct sim_frame *f = frame_new(n->host->sim, p->len);

	packet_to_vnet(p, &f->vnet);
	packet_copy_out(p, 0, f->data, p->len);
	wire_send(n, f);
	frame_free(n->host->sim, f);
}

/* Cut what the far side would not take whole, and finish its checksums. */
static void send_cut(struct sim_nic *n, const struct sim_frame *f)
{
	struct packet_pool *pool = &n->host->stack->stack->pool;
	struct packet_queue q = { 0 };
	struct packet *p;
	struct iovec iov[2];
	uint32_t first;

	p = packet_rx_prepare(pool, iov);
	if (!p)
		return;			/* lost for want of memory, as may be */
	first = f->len < iov[0].iov_len ? f->len : (uint32_t)iov[0].iov_len;
	memcpy(iov[0].iov_base, f->data, first);
	memcpy(iov[1].iov_base, f->data + first, f->len - first);
	packet_rx_finish(p, f->len);
	if ((n->kind & SIM_L3 ? packet_from_vnet_l3(p, &f->vnet) : packet_from_vnet(p, &f->vnet)) < 0)
		abort();
	if (packet_segment(p, &q) < 0)
		return;
	while ((p = packet_queue_pop(&q))) {
		packet_checksum_finish(p);
		send_packet(n, p);
		packet_free(p);
	}
}

static bool all_take_super(const struct sim_nic *n)
{
	for (int i = 0; i < n->segment->n; i++)
		if (!(n->segment->ports[i]->kind & SIM_GSO))
			return false;
	return true;
}

int wire_transmit(void *arg, const struct iovec *iov, int niov, size_t len,
		  const struct virtio_net_hdr *vnet)
{
	struct sim_nic *n = arg;
	struct sim *s = n->host->sim;
	struct sim_frame *f = frame_new(s, (uint32_t)len);
	uint32_t at = 0;

	for (int i = 0; i < niov; i++) {
		memcpy(f->data + at, iov[i].iov_base, iov[i].iov_len);
		at += (uint32_t)iov[i].iov_len;
	}
	f->vnet = *vnet;
	if ((vnet->flags || vnet->gso_type) && (n->wire.split || n->wire.mtu || !all_take_super(n)))
		send_cut(n, f);
	else
		wire_send(n, f);
	frame_free(s, f);
	return 0;
}
