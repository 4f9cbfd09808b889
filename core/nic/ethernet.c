/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ethernet.c - Ethernet II framing (RFC 894): destination, source, EtherType.
 *
 * Frames of IEEE 802.3 (a length below 1536 in place of the type) and tagged ones are none of ours.
 */
#include <string.h>

#include "nic/ethernet.h"

#define ETH_TYPE_MIN 0x0600u

const uint8_t eth_broadcast[LINK_ADDR_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void ethernet_output(struct nic *nic, struct packet *p, const uint8_t dst[LINK_ADDR_LEN])
{
	uint8_t *h = packet_push(p, ETH_HEADER_LEN);

	memcpy(h, dst, LINK_ADDR_LEN);
	memcpy(h + LINK_ADDR_LEN, nic->addr, LINK_ADDR_LEN);
	h[12] = (uint8_t)(p->protocol >> 8);
	h[13] = (uint8_t)p->protocol;
	nic_output(nic, p);
}

static uint8_t eth_type_of(const struct nic *nic, const uint8_t *dst)
{
	if (!memcmp(dst, nic->addr, LINK_ADDR_LEN))
		return PACKET_HOST;
	if (!memcmp(dst, eth_broadcast, LINK_ADDR_LEN))
		return PACKET_BROADCAST;
	return dst[0] & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

bool ethernet_input(struct nic *nic, struct packet *p)
{
	if (!packet_need(p, ETH_HEADER_LEN))
		goto drop;
	p->type = eth_type_of(nic, p->data);
	p->protocol = (uint16_t)(p->data[12] << 8 | p->data[13]);
	nic_tap(nic, p, false);
	if (p->protocol < ETH_TYPE_MIN || p->type == PACKET_OTHERHOST)
		goto drop;
	/* A frame from ourselves or from a group is an echo or a forgery. */
	if (p->data[6] & 1 || !memcmp(p->data + 6, nic->addr, LINK_ADDR_LEN))
		goto drop;
	packet_pull(p, ETH_HEADER_LEN);
	return true;
drop:
	packet_free(p);
	return false;
}
