/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c - changing packets.
 *
 * Theory of operation
 *
 * Payload is shared: with the send queue, which would send a turned bit again and again, and with
 * copies of the packet. So all of a packet's bytes are first made its own. Its checksum, where that
 * is left to the device, is completed before, or the device would make it fit the damage.
 *
 * A mark changes one field of the IPv4 header; its checksum follows by RFC 1624: HC' = ~(~HC + ~m +
 * m').
 */
#include <string.h>

#include "wire.h"

#define ETHERTYPE_IPV4	0x0800
#define ETHERTYPE_IPV6	0x86dd
#define IPV4_HEADER	20u
#define IPV4_CHECKSUM	10u
#define IPV6_HEADER	40u
#define ECN_MASK	3u		/* of the traffic class; all ones: CE */

static void move_charge(struct packet *from, struct packet *to)
{
	to->destructor = from->destructor;
	to->owner = from->owner;
	to->charged = from->charged;
	from->destructor = NULL;
}

/* All bytes linear, in memory that nothing else refers to. */
static bool own_bytes(struct packet **p)
{
	struct packet *own;

	if (!packet_need(*p, (*p)->len))
		return false;
	if (!(*p)->linear_buf || (*p)->linear_buf->refs == 1)
		return true;
	own = packet_clone(*p);
	if (!own)
		return false;
	move_charge(*p, own);
	packet_free(*p);
	*p = own;
	return true;
}

bool wire_corrupt(struct packet **p, struct rng *r)
{
	uint64_t bit;

	if (!own_bytes(p))
		return false;
	packet_checksum_finish(*p);
	bit = rng_below(r, 8ull * (*p)->len);
	(*p)->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	return true;
}

static uint16_t add_ones(uint32_t a, uint32_t b)
{
	uint32_t sum = a + b;

	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void mark_ipv4(uint8_t *ip)
{
	uint16_t was, is, sum;

	memcpy(&was, ip, sizeof(was));
	ip[1] |= ECN_MASK;
	memcpy(&is, ip, sizeof(is));
	memcpy(&sum, ip + IPV4_CHECKSUM, sizeof(sum));
	sum = (uint16_t)~add_ones(add_ones((uint16_t)~sum, (uint16_t)~was), is);
	memcpy(ip + IPV4_CHECKSUM, &sum, sizeof(sum));
}

bool wire_mark(struct packet *p)
{
	uint8_t *ip = p->base + p->network;
	uint32_t shift, len;

	if (p->protocol != ETHERTYPE_IPV4 && p->protocol != ETHERTYPE_IPV6)
		return false;
	shift = p->protocol == ETHERTYPE_IPV4 ? 0 : 4;
	len = p->protocol == ETHERTYPE_IPV4 ? IPV4_HEADER : IPV6_HEADER;
	if (ip < p->data || ip + len > p->data + p->linear || !(ip[1] >> shift & ECN_MASK))
		return false;
	if (shift)
		ip[1] |= ECN_MASK << 4;
	else
		mark_ipv4(ip);
	return true;
}
