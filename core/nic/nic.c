/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nic.c - network interfaces.
 *
 * Theory of operation
 *
 * nic_output gives a packet to the root qdisc and puts off running the queue to the end of the
 * turn, so that all that a turn produces leaves in batches. nic_run_queue fills the ring from the
 * qdisc up to one batch, and no further than RING_BYTES, and offers it to the link, until the qdisc
 * has nothing that may leave now or the link takes no more. In the second case the rest stays in
 * the ring, in order, and the qdisc is not asked again before the link's descriptor is writable: a
 * qdisc never sees a packet twice, and a shaper's tokens are only spent on what leaves next.
 *
 * What is in the ring has passed the shaper. When a link that was stuck goes on, it leaves together
 * with what the shaper allows by then: over a window in which the link was stuck, the bound on the
 * wire is the shaper's and the ring's bytes. As Linux does with byte queue limits for drivers'
 * rings, these are kept few: a batch of super-segments would be 4 MiB.
 *
 * On the way in, what one batch of the link holds of a flow is merged first (packet/gro.c), unless
 * gro is off. A link whose device aggregates costs nothing by it: super-segments pass.
 *
 * A qdisc that waits for a time has armed the NIC's watchdog, which runs the queue again.
 */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nic/ethernet.h"
#include "nic/nic.h"
#include "nic/qdisc.h"

#define RING_BYTES	(128u << 10)	/* taken from the qdisc at once: two super-segments */
#define RECEIVE_BATCHES	8	/* a turn, so that timers and the other NICs get theirs */
#define TRANSMIT_BATCHES 16

static void nic_event(struct nic *nic, enum nic_event ev)
{
	struct nics *nics = nic->nics;

	if (nics->event)
		nics->event(nics->event_arg, nic, ev);
	list_for_each(pos, &nics->taps) {
		struct nic_tap *t = list_entry(pos, struct nic_tap, node);

		if (t->event)
			t->event(t, nic, ev);
	}
}

void nic_qdisc_changed(struct nic *nic)
{
	nic_event(nic, NIC_QDISC);
}

/* One packet may be for thousands of sockets: the batch that it came in ends when its share of the turn
 * does. */
static void input_received(struct nic *nic)
{
	struct env *env = nic->nics->env;
	uint64_t began = env_begin(env);
	struct packet *p;

	while ((p = packet_queue_pop(&nic->received))) {
		nic_input(nic, p);
		if (nic->received.head && env_spent(env, began)) {
			work_defer(env, &nic->work);
			return;
		}
	}
}

static void nic_work(struct work *w)
{
	struct nic *nic = container_of(w, struct nic, work);

	input_received(nic);
	nic_run_queue(nic);
}

static void nic_watchdog(struct timer *t)
{
	nic_run_queue(container_of(t, struct nic, watchdog));
}

void nics_init(struct nics *nics, struct env *env)
{
	memset(nics, 0, sizeof(*nics));
	nics->env = env;
	nics->next_index = 1;
	list_init(&nics->list);
	list_init(&nics->taps);
}

void nics_destroy(struct nics *nics)
{
	list_for_each_safe(pos, &nics->list)
		nic_destroy(list_entry(pos, struct nic, node));
}

struct nic *nic_add(struct nics *nics, const char *name, struct weir_error *e)
{
	struct nic *nic;

	if (!name[0] || strnlen(name, LINK_NAME_MAX) == LINK_NAME_MAX) {
		weir_fail(e, EINVAL, "'%.32s' cannot name a NIC; use 1 to %u characters", name,
			  LINK_NAME_MAX - 1);
		return NULL;
	}
	if (nic_find(nics, name)) {
		weir_fail(e, EEXIST, "there is a NIC %s already; choose another name", name);
		return NULL;
	}
	nic = calloc(1, sizeof(*nic));
	if (!nic || hash_init(&nic->addrs_by_name, 8) < 0 || hash_init(&nic->addrs_by_broadcast, 8) < 0) {
		if (nic)
			hash_free(&nic->addrs_by_name);
		free(nic);
		weir_fail(e, ENOMEM, "no memory for NIC %s", name);
		return NULL;
	}
	nic->nics = nics;
	nic->index = nics->next_index++;
	nic->up = nic->carrier = true;
	memcpy(nic->name, name, strlen(name) + 1);
	list_init(&nic->addrs);
	work_init(&nic->work, nic_work);
	timer_init(&nic->watchdog, nic_watchdog);
	list_add_tail(&nic->node, &nics->list);
	return nic;
}

struct nic *nic_create(struct nics *nics, const struct link *link, bool gso, struct weir_error *e)
{
	struct nic *nic;

	if (link->mtu < NIC_MTU_MIN || link->mtu > NIC_MTU_LOOPBACK) {
		weir_fail(e, EINVAL, "%s: an MTU of %u bytes does not work for IPv4; use %u to %u",
			  link->name, link->mtu, NIC_MTU_MIN, NIC_MTU_LOOPBACK);
		return NULL;
	}
	if (!(link->caps & LINK_L3) && link->addr[0] & 1) {
		weir_fail(e, EINVAL, "%s: its link address is a multicast one; use one whose first byte is even",
			  link->name);
		return NULL;
	}
	nic = nic_add(nics, link->name, e);
	if (!nic)
		return NULL;
	nic->link = *link;
	nic->l3 = link->caps & LINK_L3;
	if (!gso) {
		nic->link.caps &= LINK_CSUM | LINK_L3 | LINK_FAR;
		nic->link.gso_max = 0;
	}
	if (!nic->l3)
		memcpy(nic->addr, link->addr, LINK_ADDR_LEN);
	nic->mtu = nic->link.mtu;
	nic->caps = nic->link.caps & ~(LINK_L3 | LINK_FAR);
	nic->gso_max = nic->link.gso_max;
	return nic;
}

/* The list is in the order of the numbers: who shows it goes on from the last one shown. */
void nic_set_index(struct nic *nic, unsigned int index)
{
	struct list *pos;

	if (!index || index >= INT_MAX || nic_find_index(nic->nics, index))
		return;
	list_del(&nic->node);
	for (pos = nic->nics->list.next; pos != &nic->nics->list; pos = pos->next)
		if (list_entry(pos, struct nic, node)->index > index)
			break;
	list_add_before(&nic->node, pos);
	nic->index = index;
	if (nic->nics->next_index <= index)
		nic->nics->next_index = index + 1;
}

void nic_destroy(struct nic *nic)
{
	struct nics *nics = nic->nics;

	nic_event(nic, NIC_GONE);
	work_cancel(&nic->work);
	timer_cancel(&nics->env->timers, &nic->watchdog);
	nic_set_root(nic, NULL);
	work_cancel(&nic->work);
	packet_queue_purge(&nic->ring);
	packet_queue_purge(&nic->received);
	if (nic->link.ops && nic->link.ops->detach)
		nic->link.ops->detach(&nic->link);
	list_del(&nic->node);
	hash_free(&nic->addrs_by_name);
	hash_free(&nic->addrs_by_broadcast);
	free(nic);
}

/* What waits for the link is for nobody any more. */
static void drop_queued(struct nic *nic)
{
	if (nic->root)
		qdisc_reset(nic->root);
	nic->tx_drops += nic->ring.len;
	packet_queue_purge(&nic->ring);
	timer_cancel(&nic->nics->env->timers, &nic->watchdog);
}

void nic_set_up(struct nic *nic, bool up)
{
	if (nic->up == up)
		return;
	nic->up = up;
	if (!up)
		drop_queued(nic);
	nic_event(nic, up ? NIC_UP : NIC_DOWN);
}

void nic_set_carrier(struct nic *nic, bool carrier)
{
	if (nic->carrier == carrier)
		return;
	nic->carrier = carrier;
	if (!carrier)
		drop_queued(nic);
	nic_event(nic, NIC_CARRIER);
}

void nic_set_mtu(struct nic *nic, uint32_t mtu)
{
	if (nic->mtu == mtu)
		return;
	nic->mtu = nic->link.mtu = mtu;
	nic_event(nic, NIC_MTU);
}

void nic_set_addr(struct nic *nic, const uint8_t addr[LINK_ADDR_LEN])
{
	if (!memcmp(nic->addr, addr, LINK_ADDR_LEN))
		return;
	memcpy(nic->addr, addr, LINK_ADDR_LEN);
	memcpy(nic->link.addr, addr, LINK_ADDR_LEN);
	nic_event(nic, NIC_ADDR);
}

void nic_set_shown(struct nic *nic, const char *name, uint8_t operstate)
{
	bool same = !strncmp(nic->name, name, LINK_NAME_MAX);

	if (same && nic->operstate == operstate)
		return;
	if (!same) {
		snprintf(nic->name, sizeof(nic->name), "%s", name);
		snprintf(nic->link.name, sizeof(nic->link.name), "%s", name);
	}
	nic->operstate = operstate;
	nic_event(nic, NIC_SHOWN);
}

void nic_set_gone(struct nic *nic)
{
	if (nic->gone)
		return;
	nic_set_up(nic, false);
	nic_event(nic, NIC_HIDDEN);
	nic->gone = true;
}

unsigned int nic_flags(const struct nic *nic)
{
	unsigned int kind = nic->loopback ? IFF_LOOPBACK :
			    nic->l3 ? IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST :
				      IFF_BROADCAST | IFF_MULTICAST;

	return kind | (nic->up ? IFF_UP : 0) | (nic->up && nic->carrier ? IFF_RUNNING : 0);
}

uint16_t nic_hatype(const struct nic *nic)
{
	return nic->loopback ? ARPHRD_LOOPBACK : nic->l3 ? ARPHRD_NONE : ARPHRD_ETHER;
}

struct nic *nic_find(struct nics *nics, const char *name)
{
	list_for_each(pos, &nics->list) {
		struct nic *nic = list_entry(pos, struct nic, node);

		if (!nic->gone && !strncmp(nic->name, name, LINK_NAME_MAX))
			return nic;
	}
	return NULL;
}

struct nic *nic_first(struct nics *nics)
{
	list_for_each(pos, &nics->list) {
		struct nic *nic = list_entry(pos, struct nic, node);

		if (nic->up && !nic->loopback)
			return nic;
	}
	return NULL;
}

struct nic *nic_find_index(struct nics *nics, unsigned int index)
{
	list_for_each(pos, &nics->list) {
		struct nic *nic = list_entry(pos, struct nic, node);

		if (!nic->gone && nic->index == index)
			return nic;
	}
	return NULL;
}

uint32_t nic_header_len(const struct nic *nic)
{
	return nic->l3 ? 0 : ETH_HEADER_LEN;
}

void nic_show(struct nic *nic, const struct packet *p, bool out)
{
	list_for_each(pos, &nic->nics->taps) {
		struct nic_tap *t = list_entry(pos, struct nic_tap, node);

		if (t->frame)
			t->frame(t, nic, p, out);
	}
}

/* ---- out ---- */

uint32_t packet_gso_cap(const struct packet *p)
{
	static const uint32_t caps[] = {
		[PACKET_GSO_TCP4] = LINK_GSO_TCP4,
		[PACKET_GSO_TCP6] = LINK_GSO_TCP6,
		[PACKET_GSO_UDP] = LINK_GSO_UDP,
	};

	return p->gso_size && p->gso_type <= PACKET_GSO_UDP ? caps[p->gso_type] : 0;
}

void nic_output(struct nic *nic, struct packet *p)
{
	p->nic = nic;
	if (!nic->up || !nic->carrier || (!nic->loopback && !nic->root)) {
		nic->tx_drops++;
		packet_free(p);
		return;
	}
	p->tstamp = nic->nics->env->now;
	if (nic->loopback) {
		loopback_output(nic, p);
		return;
	}
	p->wire_len = packet_wire_len(p);
	qdisc_enqueue(nic->root, p);
	work_defer(nic->nics->env, &nic->work);
}

/* Offer the ring to the link once. False: the link takes no more for now. */
static bool ring_transmit(struct nic *nic)
{
	struct packet *batch[LINK_BATCH];
	int n = 0, taken;

	while (n < LINK_BATCH && nic->ring.head) {
		batch[n] = packet_queue_pop(&nic->ring);
		nic->tx_packets += packet_segs(batch[n]);
		nic->tx_bytes += batch[n]->wire_len;
		n++;
	}
	taken = nic->link.ops->transmit(&nic->link, batch, n);
	if (taken >= n)
		return true;
	if (taken < 0)
		taken = 0;
	while (n > taken) {
		n--;
		nic->tx_packets -= packet_segs(batch[n]);
		nic->tx_bytes -= batch[n]->wire_len;
		packet_queue_push_front(&nic->ring, batch[n]);
	}
	return false;
}

static void ring_fill(struct nic *nic)
{
	struct packet *p;

	while (nic->ring.len < LINK_BATCH && nic->ring.bytes < RING_BYTES && nic->root &&
	       (p = qdisc_dequeue(nic->root))) {
		nic_tap(nic, p, true);
		packet_queue_push(&nic->ring, p);
	}
}

void nic_run_queue(struct nic *nic)
{
	if (nic->loopback || !nic->up || !nic->carrier)
		return;
	for (int round = 0; !nic->link_busy; round++) {
		if (round == TRANSMIT_BATCHES) {
			work_defer(nic->nics->env, &nic->work);
			return;
		}
		/* A turn may have lasted: a shaper must not let go by an old clock what leaves now,
		 * or the next turn's packets follow too closely. */
		env_refresh(nic->nics->env);
		ring_fill(nic);
		if (!nic->ring.head)
			return;
		if (!ring_transmit(nic)) {
			nic->link_busy = true;
			if (nic->want_write)
				nic->want_write(nic, true);
		}
	}
}

void nic_writable(struct nic *nic)
{
	if (!nic->link_busy)
		return;
	nic->link_busy = false;
	nic_run_queue(nic);
	if (!nic->link_busy && nic->want_write)
		nic->want_write(nic, false);
}

/* What a root qdisc has counted is the NIC's to remember. */
static void past_add(struct qdisc_stats *past, const struct qdisc_stats *s)
{
	past->bytes += s->bytes;
	past->packets += s->packets;
	past->overlimits += s->overlimits;
	past->requeues += s->requeues;
}

void nic_set_root(struct nic *nic, struct qdisc *q)
{
	struct qdisc *old = nic->root;

	if (old == q)
		return;
	timer_cancel(&nic->nics->env->timers, &nic->watchdog);
	nic->root = q;
	if (old) {
		if (q)
			qdisc_move(old, q);
		else
			qdisc_reset(old);
		past_add(&nic->qdisc_past, &old->stats);
		qdisc_destroy(old);
	}
	work_defer(nic->nics->env, &nic->work);
	if (q)
		nic_qdisc_changed(nic);
}

/* ---- in ---- */

/* Without a link header the packet itself says what it is, and it came to nobody else. */
static bool l3_input(struct nic *nic, struct packet *p)
{
	uint8_t version = packet_need(p, 1) ? p->data[0] >> 4 : 0;

	p->type = PACKET_HOST;
	p->protocol = version == 4 ? ETH_TYPE_IPV4 : ETH_TYPE_IPV6;
	if (version == 4 || version == 6) {
		nic_tap(nic, p, false);
		return true;
	}
	packet_free(p);
	return false;
}

void nic_input(struct nic *nic, struct packet *p)
{
	struct nics *nics = nic->nics;

	p->nic = nic;
	p->tstamp = nics->env->now;
	nic->rx_packets += packet_segs(p);
	nic->rx_bytes += packet_wire_len(p);
	if (!nic->up || !nics->input) {
		nic->rx_drops++;
		packet_free(p);
		return;
	}
	if (nic->loopback)
		nic_tap(nic, p, false);
	else if (!(nic->l3 ? l3_input(nic, p) : ethernet_input(nic, p))) {
		nic->rx_drops++;
		return;
	}
	p->network = (uint16_t)(p->data - p->base);
	nics->input(nics->input_arg, nic, p);
}

void nic_receive(struct nic *nic)
{
	struct packet *batch[LINK_BATCH];

	if (nic->received.head)		/* they were first; the link is asked again */
		return;
	for (int round = 0; round < RECEIVE_BATCHES; round++) {
		int n = nic->link.ops->receive(&nic->link, batch, LINK_BATCH), left = n;

		if (nic->gro)
			left = gro_merge(batch, n, nic_header_len(nic), nic->nics->gro_udp,
					 nic->nics->gro_udp_arg, &nic->gro_stats);
		for (int i = 0; i < left; i++)
			packet_queue_push(&nic->received, batch[i]);
		input_received(nic);
		if (n < LINK_BATCH || nic->received.head)
			return;
	}
}
