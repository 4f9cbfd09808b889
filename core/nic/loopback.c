/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loopback.c - the interface lo.
 *
 * Theory of operation
 *
 * A packet for an address of our own turns round here, at the network header: no link, no qdisc,
 * so it is never shaped. It waits in a bounded queue and comes in at the end of the turn, so that
 * no transport is entered from its own output. Super-segments stay whole and checksums stay
 * uncomputed (PACKET_CSUM_PARTIAL): both ends are on this host, and payload is passed by
 * reference. On its way in a packet belongs to the receiver, so the sender's charge is given back
 * first.
 */
#include "nic/nic.h"

static void loopback_turn(struct work *w)
{
	struct nic *nic = container_of(w, struct nic, work);
	struct env *env = nic->nics->env;
	uint64_t began = env_begin(env);
	struct packet *p;

	for (unsigned int n = 0; n < NIC_LOOPBACK_TURN && (p = packet_queue_pop(&nic->ring)); n++) {
		if (p->destructor)
			p->destructor(p);
		p->destructor = NULL;
		p->type = PACKET_HOST;
		nic_input(nic, p);
		if (env_spent(env, began))
			break;
	}
	if (nic->ring.head)
		work_defer(env, &nic->work);
}

struct nic *nic_create_loopback(struct nics *nics, struct weir_error *e)
{
	struct nic *nic = nic_add(nics, "lo", e);

	if (!nic)
		return NULL;
	nic->loopback = nic->l3 = true;
	nic->mtu = NIC_MTU_LOOPBACK;
	nic->caps = LINK_CSUM | LINK_GSO_TCP4 | LINK_GSO_TCP6 | LINK_GSO_UDP;
	nic->gso_max = UINT16_MAX;
	work_init(&nic->work, loopback_turn);
	return nic;
}

void loopback_output(struct nic *nic, struct packet *p)
{
	if (nic->ring.len >= NIC_LOOPBACK_QUEUE) {
		nic->tx_drops++;
		packet_free(p);
		return;
	}
	p->wire_len = p->len;
	nic->tx_packets += p->gso_size && p->gso_segs ? p->gso_segs : 1;
	nic->tx_bytes += p->len;
	nic_tap(nic, p, true);
	packet_queue_push(&nic->ring, p);
	work_defer(nic->nics->env, &nic->work);
}
