/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vnet.c - virtio_net_hdr, the offload metadata of TAP and AF_PACKET, both ways.
 *
 * Theory of operation
 *
 * The header (virtio 1.2, section 5.1.6) says where a checksum is to be
 * completed and into segments of what size a packet is to be cut. Received, it is a claim by
 * whoever sent the frame (a guest, a peer on this host). Nothing of it is used before it agrees
 * with the packet's own bytes: the checksum field lies in the linear part; a super-segment has the
 * IP and transport headers of its type, its checksum is the transport's, and gso_segs is counted
 * from the payload, never taken from the header.
 */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include "base/bytes.h"
#include "packet/gso.h"

#define GSO_UDP_L4	5u		/* VIRTIO_NET_HDR_GSO_UDP_L4, since the headers of Linux 6.2 */
#define UDP_SEGMENTS_MAX 128u		/* Linux's UDP_MAX_SEGMENTS */
#define VLAN_LEN	4u
#define IP6_LEN		40u
#define IP6_EXTENSIONS	8		/* more of them before a transport header is no traffic */

/* ---- sending ---- */

static uint8_t type_to_vnet(const struct packet *p)
{
	switch (p->gso_type) {
	case PACKET_GSO_TCP4:
		return VIRTIO_NET_HDR_GSO_TCPV4;
	case PACKET_GSO_TCP6:
		return VIRTIO_NET_HDR_GSO_TCPV6;
	case PACKET_GSO_UDP:
		return GSO_UDP_L4;
	default:
		return VIRTIO_NET_HDR_GSO_NONE;
	}
}

void packet_to_vnet(const struct packet *p, struct virtio_net_hdr *h)
{
	uint32_t data = (uint32_t)(p->data - p->base);
	struct gso_headers at;

	*h = (struct virtio_net_hdr){ .gso_type = VIRTIO_NET_HDR_GSO_NONE };
	if (p->csum == PACKET_CSUM_PARTIAL) {
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = htole16((uint16_t)(p->csum_start - data));
		h->csum_offset = htole16(p->csum_offset);
	}
	if (!p->gso_size || !gso_headers(p, &at))
		return;
	h->gso_type = type_to_vnet(p);
	if (p->ecn && at.tcp)
		h->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	h->gso_size = htole16(p->gso_size);
	h->hdr_len = htole16((uint16_t)at.payload);
}

/* ---- receiving ---- */

static int type_from_vnet(uint8_t type)
{
	switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return PACKET_GSO_NONE;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return PACKET_GSO_TCP4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return PACKET_GSO_TCP6;
	case GSO_UDP_L4:
		return PACKET_GSO_UDP;
	default:
		return -EINVAL;		/* also UFO, which would be one datagram cut by IP */
	}
}

/* The offset of the IP header behind Ethernet and at most two VLAN tags, or, with l3, behind
 * nothing; its EtherType. */
static bool find_ip(const struct packet *p, bool l3, uint32_t *ip, uint16_t *type)
{
	uint32_t at = 2 * ETH_ALEN;

	if (l3) {
		*ip = 0;
		*type = p->linear && p->data[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
		return p->linear;
	}
	for (int tags = 0; tags < 3; tags++, at += VLAN_LEN) {
		if (p->linear < at + 2)
			return false;
		*type = get_be16(p->data + at);
		*ip = at + 2;
		if (*type != ETHERTYPE_VLAN && *type != 0x88a8)
			return true;
	}
	return false;
}

static bool find_transport4(const struct packet *p, uint32_t ip, uint8_t proto, uint32_t *at)
{
	if (p->linear < ip + 20)
		return false;
	*at = ip + (p->data[ip] & 15u) * 4;
	/* A fragment has no transport header, or not the whole payload. */
	return p->data[ip + 9] == proto && !(get_be16(p->data + ip + 6) & 0x3fff);
}

static bool find_transport6(const struct packet *p, uint32_t ip, uint8_t proto, uint32_t *at)
{
	uint8_t next;

	if (p->linear < ip + IP6_LEN)
		return false;
	next = p->data[ip + 6];
	*at = ip + IP6_LEN;
	for (int i = 0; i < IP6_EXTENSIONS && next != proto; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			return false;
		if (p->linear < *at + 8)
			return false;
		next = p->data[*at];
		*at += (p->data[*at + 1] + 1u) * 8;
	}
	return next == proto;
}

/* Find the headers that a super-segment must have, and set p's offsets. */
static bool find_headers(struct packet *p, bool l3, struct gso_headers *h)
{
	uint32_t data = (uint32_t)(p->data - p->base);
	uint8_t proto = p->gso_type == PACKET_GSO_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	uint32_t ip, transport;
	uint16_t type;
	bool ok;

	if (!find_ip(p, l3, &ip, &type))
		return false;
	if (type == ETHERTYPE_IP)
		ok = find_transport4(p, ip, proto, &transport);
	else if (type == ETHERTYPE_IPV6)
		ok = find_transport6(p, ip, proto, &transport);
	else
		return false;
	if (!ok || transport > p->linear)
		return false;
	p->network = (uint16_t)(data + ip);
	p->transport = (uint16_t)(data + transport);
	return gso_headers(p, h) && h->ip6 == (type == ETHERTYPE_IPV6);
}

/* Where the IP packet ends, by its own header; beyond that, the frame is padding. */
static uint32_t ip_end(const struct packet *p, const struct gso_headers *h)
{
	const uint8_t *ip = p->data + h->ip;

	return h->ip + (h->ip6 ? IP6_LEN + get_be16(ip + 4) : get_be16(ip + 2));
}

static int take_csum(struct packet *p, bool l3, const struct virtio_net_hdr *h)
{
	uint32_t start = le16toh(h->csum_start), offset = le16toh(h->csum_offset);

	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if (start < (l3 ? 0 : ETH_HLEN) || start + offset + 2 > p->linear)
			return -EINVAL;
		p->csum = PACKET_CSUM_PARTIAL;
		p->csum_start = (uint16_t)((uint32_t)(p->data - p->base) + start);
		p->csum_offset = (uint16_t)offset;
	} else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		p->csum = PACKET_CSUM_VERIFIED;
	}
	return 0;
}

static int take_gso(struct packet *p, bool l3, const struct virtio_net_hdr *vh)
{
	uint32_t size = le16toh(vh->gso_size), end, segs;
	struct gso_headers h;

	if (!size || !find_headers(p, l3, &h))
		return -EINVAL;
	if (p->csum == PACKET_CSUM_PARTIAL &&
	    (p->csum_start != p->transport || p->csum_offset != (h.tcp ? 16 : 6)))
		return -EINVAL;
	end = ip_end(p, &h);
	if (end < h.payload || end > p->len)
		return -EINVAL;
	segs = (end - h.payload + size - 1) / size;
	if (!h.tcp && segs > UDP_SEGMENTS_MAX)
		return -EINVAL;		/* each becomes a packet: one frame would cost megabytes */
	if (segs <= 1) {	/* fits into one: no super-segment */
		p->gso_type = PACKET_GSO_NONE;
		return 0;
	}
	p->gso_size = (uint16_t)size;
	p->gso_segs = (uint16_t)segs;
	p->ecn = h.tcp && vh->gso_type & VIRTIO_NET_HDR_GSO_ECN;
	return 0;
}

static int take_vnet(struct packet *p, bool l3, const struct virtio_net_hdr *h)
{
	const uint8_t known = VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID;
	int type = type_from_vnet(h->gso_type), ret;

	if (type < 0 || h->flags & ~known || le16toh(h->hdr_len) > p->len)
		return -EINVAL;
	if (type == PACKET_GSO_NONE && h->gso_type)
		return -EINVAL;		/* ECN of nothing */
	ret = take_csum(p, l3, h);
	if (ret < 0 || type == PACKET_GSO_NONE)
		return ret;
	p->gso_type = (uint8_t)type;
	return take_gso(p, l3, h);
}

static int from_vnet(struct packet *p, bool l3, const struct virtio_net_hdr *h)
{
	int ret;

	p->csum = PACKET_CSUM_NONE;
	p->gso_type = PACKET_GSO_NONE;
	p->gso_size = p->gso_segs = 0;
	p->ecn = 0;
	ret = take_vnet(p, l3, h);
	if (ret < 0) {		/* nothing half taken over */
		p->csum = PACKET_CSUM_NONE;
		p->gso_type = PACKET_GSO_NONE;
	}
	return ret;
}

int packet_from_vnet(struct packet *p, const struct virtio_net_hdr *h)
{
	return from_vnet(p, false, h);
}

int packet_from_vnet_l3(struct packet *p, const struct virtio_net_hdr *h)
{
	return from_vnet(p, true, h);
}
