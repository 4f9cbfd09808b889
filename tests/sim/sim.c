/* SPDX-License-Identifier: Apache-2.0 */
/* sim.c - two stacks and a link between them, on virtual time. */
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "nic/ethernet.h"
#include "nic/qdisc.h"
#include "sim.h"
#include "tests/unit/plain_qdisc.h"

extern const struct weir_module weir_module;	/* reno, linked in */

struct frame {
	struct list node;
	uint64_t at;
	struct sim_host *to;
	struct virtio_net_hdr vnet;
	uint32_t len;
	uint8_t data[];
};

uint32_t sim_below(struct sim *s, uint32_t n)
{
	return random_below(&s->random, n);
}

static bool chance(struct sim *s, uint32_t of_10000)
{
	return of_10000 && sim_below(s, 10000) < of_10000;
}

/* ---- the wire ---- */

static void deliver_at(struct sim *s, struct frame *f, uint64_t at)
{
	struct list *pos = s->events.prev;

	f->at = at;
	while (pos != &s->events && list_entry(pos, struct frame, node)->at > at)
		pos = pos->prev;
	list_add(&f->node, pos);
}

static struct frame *frame_copy(const struct frame *f)
{
	struct frame *c = malloc(sizeof(*c) + f->len);

	memcpy(c, f, sizeof(*c) + f->len);
	return c;
}

static void trace(struct sim_host *h, const struct packet *p)
{
	uint8_t b[74] = { 0 };
	char text[32];

	packet_copy_out(p, 0, b, p->len < sizeof(b) ? p->len : sizeof(b));
	snprintf(text, sizeof(text), "%s%s%s%s%s", b[47] & 2 ? "S" : "", b[47] & 1 ? "F" : "",
		 b[47] & 4 ? "R" : "", b[47] & 8 ? "P" : "", b[47] & 16 ? "." : "");
	printf("%.6f %c %u>%u %s seq %u ack %u win %u len %d\n",
	       (double)(h->sim->now - 1000 * SEC) / SEC, h == &h->sim->host[0] ? '>' : '<',
	       b[34] << 8 | b[35], b[36] << 8 | b[37], text,
	       (unsigned int)b[38] << 24 | b[39] << 16 | b[40] << 8 | b[41],
	       (unsigned int)b[42] << 24 | b[43] << 16 | b[44] << 8 | b[45], b[48] << 8 | b[49],
	       (int)(b[16] << 8 | b[17]) - 20 - (b[46] >> 4) * 4);
}

static void wire_send(struct sim_host *h, const struct packet *p)
{
	struct sim *s = h->sim;
	struct sim_wire *w = &h->wire;
	uint64_t start = s->now > w->free_at ? s->now : w->free_at, at;
	struct frame *f;

	w->frames++;
	if (s->trace)
		trace(h, p);
	if (w->rate && (start - s->now) * w->rate / SEC > w->queue) {
		w->lost++;
		return;
	}
	if (w->rate)
		w->free_at = start + p->len * SEC / w->rate;
	if (chance(s, w->loss)) {
		w->lost++;
		return;
	}
	at = (w->rate ? w->free_at : s->now) + w->delay;
	if (w->jitter)
		at += random_u64(&s->random) % w->jitter;
	if (w->keep_order && at < w->last_at)
		at = w->last_at;
	w->last_at = at;
	f = malloc(sizeof(*f) + p->len);
	f->to = &s->host[h == &s->host[0]];
	f->len = p->len;
	packet_to_vnet(p, &f->vnet);
	packet_copy_out(p, 0, f->data, p->len);
	if (chance(s, w->corrupt) && !f->vnet.flags && f->len > ETH_HEADER_LEN)
		f->data[ETH_HEADER_LEN + sim_below(s, f->len - ETH_HEADER_LEN)] ^=
			(uint8_t)(1u << sim_below(s, 8));
	if (chance(s, w->dup))
		deliver_at(s, frame_copy(f), at + sim_below(s, 1000000));
	deliver_at(s, f, at);
}

static int wire_transmit(struct link *l, struct packet **batch, int n)
{
	struct sim_host *h = l->priv;

	for (int i = 0; i < n; i++) {
		struct packet_queue q = { 0 };
		struct packet *p = batch[i];

		l->stats.tx_packets++;
		if (h->wire.split && p->gso_size) {
			if (packet_segment(p, &q) < 0)
				continue;
		} else {
			packet_queue_push(&q, p);
		}
		while ((p = packet_queue_pop(&q))) {
			if (h->wire.split)
				packet_checksum_finish(p);
			wire_send(h, p);
			packet_free(p);
		}
	}
	return n;
}

static int wire_receive(struct link *l, struct packet **batch, int max)
{
	(void)l;
	(void)batch;
	(void)max;
	return 0;
}

static void wire_detach(struct link *l)
{
	(void)l;
}

static const struct link_ops wire_link = {
	.name = "wire", .detach = wire_detach, .transmit = wire_transmit, .receive = wire_receive,
};

static void frame_arrives(struct frame *f)
{
	struct iovec iov[2];
	struct packet *p = packet_rx_prepare(&f->to->stack->pool, iov);
	size_t first;

	list_del(&f->node);
	if (p) {
		first = f->len < iov[0].iov_len ? f->len : iov[0].iov_len;
		memcpy(iov[0].iov_base, f->data, first);
		memcpy(iov[1].iov_base, f->data + first, f->len - first);
		packet_rx_finish(p, f->len);
		if (packet_from_vnet(p, &f->vnet) < 0)
			abort();
		nic_input(f->to->nic, p);
	}
	free(f);
}

/* ---- the world ---- */

static void host_init(struct sim *s, int i, const struct sim_config *c)
{
	struct sim_host *h = &s->host[i];
	struct stack_config sc = {
		.now = s->now,
		.random = { random_from_seed, &h->seed },
		.congestion = weir_module.entries[0].ops,
		.memory = 64u << 20,
	};
	struct link l = {
		.name = "eth0", .ops = &wire_link, .priv = h, .fd = -1,
		.caps = c->gso[i] ? LINK_CSUM | LINK_GSO_TCP4 : 0,
		.gso_max = c->gso[i] ? 65536 : 0,
		.mtu = c->mtu,
		.addr = { 2, 0, 0, 0, 0, (uint8_t)(i + 1) },
	};

	h->sim = s;
	random_seed(&h->seed, c->seed * 2 + (uint64_t)i);
	h->stack = stack_create(&sc, NULL);
	l.pool = &h->stack->pool;
	h->nic = nic_create(&h->stack->nics, &l, c->gso[i], NULL);
	nic_set_root(h->nic, qdisc_create_ops(h->nic, &plain_qdisc, NULL, NULL, NULL));
	h->addr = ip_addr_v4(htonl(0x0a000001u + (uint32_t)i));
	if (ip_addr_add(&h->stack->ip, h->nic, &h->addr, 24, NULL) < 0)
		abort();
	h->wire.split = !c->gso[!i];
}

/* ARP gives up after three losses in a row, which is not what is tested here. */
static void know_peer(struct sim_host *h, const struct sim_host *peer)
{
	if (neighbour_set_permanent(&h->stack->ip.arp, h->nic, peer->addr.b, peer->nic->addr) < 0)
		abort();
}

void sim_init(struct sim *s, const struct sim_config *c)
{
	memset(s, 0, sizeof(*s));
	s->now = 1000 * SEC;
	random_seed(&s->seed, c->seed);
	s->random = (struct random){ random_from_seed, &s->seed };
	list_init(&s->events);
	host_init(s, 0, c);
	host_init(s, 1, c);
	know_peer(&s->host[0], &s->host[1]);
	know_peer(&s->host[1], &s->host[0]);
}

void sim_fini(struct sim *s)
{
	list_for_each_safe(pos, &s->events) {
		list_del(pos);
		free(list_entry(pos, struct frame, node));
	}
	stack_destroy(s->host[0].stack);
	stack_destroy(s->host[1].stack);
}

bool sim_step(struct sim *s, uint64_t until)
{
	uint64_t at = list_empty(&s->events) ? SIM_NEVER :
		list_first(&s->events, struct frame, node)->at;

	for (int i = 0; i < 2; i++) {
		uint64_t next = stack_next(s->host[i].stack);

		at = next < at ? next : at;
	}
	if (at < s->now)
		at = s->now;
	if (at > until) {
		s->now = until;
		stack_run(s->host[0].stack, until);
		stack_run(s->host[1].stack, until);
		return false;
	}
	s->now = at;
	for (int i = 0; i < 2; i++)
		s->host[i].stack->env.now = at;
	while (!list_empty(&s->events) && list_first(&s->events, struct frame, node)->at <= at)
		frame_arrives(list_first(&s->events, struct frame, node));
	for (int i = 0; i < 2; i++)
		stack_run(s->host[i].stack, at);
	return true;
}
