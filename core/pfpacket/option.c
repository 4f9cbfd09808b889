/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option.c - options of the level SOL_PACKET (packet(7)).
 *
 * PACKET_ADD_MEMBERSHIP is taken and changes nothing: a tap sees all that the link delivers, and
 * what the link delivers is not a program's to choose. There is no fan-out, no transmit ring and no
 * virtio_net_hdr; TPACKET_V3 is refused so that libpcap takes V2.
 */
#include <errno.h>
#include <string.h>

#include "pfpacket/sock.h"

#define RESERVE_MAX 4096u

static int get_u32(const void *v, socklen_t len, uint32_t *n)
{
	if (len < sizeof(*n))
		return -EINVAL;
	memcpy(n, v, sizeof(*n));
	return 0;
}

static int check_membership(struct sock *sk, const void *v, socklen_t len)
{
	struct packet_mreq m;

	if (len < sizeof(m))
		return -EINVAL;
	memcpy(&m, v, sizeof(m));
	if (!nic_find_index(sk->ip->nics, (uint32_t)m.mr_ifindex))
		return -ENODEV;
	switch (m.mr_type) {
	case PACKET_MR_MULTICAST: case PACKET_MR_UNICAST:
		return m.mr_alen == LINK_ADDR_LEN ? 0 : -EINVAL;
	case PACKET_MR_PROMISC: case PACKET_MR_ALLMULTI:
		return 0;
	default:
		return -EINVAL;
	}
}

static int set_ring(struct pfpacket_sock *ps, const void *v, socklen_t len)
{
	struct tpacket_req req;

	if (len < sizeof(req))
		return -EINVAL;
	memcpy(&req, v, sizeof(req));
	return pfpacket_ring_set(ps, &req);
}

/* What a ring is laid out by cannot change under it. */
static int set_layout(struct pfpacket_sock *ps, int name, uint32_t n)
{
	if (ps->ring.mem)
		return -EBUSY;
	if (name == PACKET_VERSION) {
		if (!pfpacket_ring_header((uint8_t)(n < TPACKET_V3 ? n : TPACKET_V3)))
			return -EINVAL;
		ps->version = (uint8_t)n;
		return 0;
	}
	if (n > RESERVE_MAX)
		return -EINVAL;
	ps->reserve = n;
	return 0;
}

int pfpacket_setsockopt(struct sock *sk, int level, int name, const void *v, socklen_t len)
{
	struct pfpacket_sock *ps = pfpacket_sk(sk);
	uint32_t n;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	if (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP)
		return check_membership(sk, v, len);
	if (name == PACKET_RX_RING)
		return set_ring(ps, v, len);
	if (get_u32(v, len, &n) < 0)
		return -EINVAL;
	switch (name) {
	case PACKET_AUXDATA:
		ps->auxdata = n;
		return 0;
	case PACKET_ORIGDEV:
		ps->origdev = n;
		return 0;
	case PACKET_IGNORE_OUTGOING:
		if (n > 1)
			return -EINVAL;
		ps->ignore_outgoing = n;
		return 0;
	case PACKET_TIMESTAMP:
		ps->tstamp_source = n;
		return 0;
	case PACKET_VERSION:
	case PACKET_RESERVE:
		return set_layout(ps, name, n);
	default:
		return -ENOPROTOOPT;
	}
}

static int give(const void *from, size_t n, void *v, socklen_t *len)
{
	if (*len > n)
		*len = (socklen_t)n;
	memcpy(v, from, *len);
	return 0;
}

static int get_statistics(struct pfpacket_sock *ps, void *v, socklen_t *len)
{
	struct tpacket_stats s = {
		.tp_packets = ps->packets + ps->dropped, .tp_drops = ps->dropped,
	};

	ps->packets = ps->dropped = 0;
	return give(&s, sizeof(s), v, len);
}

/* In: the version that is asked about. */
static int get_header(void *v, socklen_t *len)
{
	int n;

	if (*len < sizeof(n))
		return -EINVAL;
	memcpy(&n, v, sizeof(n));
	n = n >= 0 && n < TPACKET_V3 ? (int)pfpacket_ring_header((uint8_t)n) : 0;
	return n ? give(&n, sizeof(n), v, len) : -EINVAL;
}

int pfpacket_getsockopt(struct sock *sk, int level, int name, void *v, socklen_t *len)
{
	struct pfpacket_sock *ps = pfpacket_sk(sk);
	int n;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	switch (name) {
	case PACKET_STATISTICS:	return get_statistics(ps, v, len);
	case PACKET_HDRLEN:	return get_header(v, len);
	case PACKET_AUXDATA:	n = ps->auxdata; break;
	case PACKET_ORIGDEV:	n = ps->origdev; break;
	case PACKET_IGNORE_OUTGOING: n = ps->ignore_outgoing; break;
	case PACKET_TIMESTAMP:	n = (int)ps->tstamp_source; break;
	case PACKET_VERSION:	n = ps->version; break;
	case PACKET_RESERVE:	n = (int)ps->reserve; break;
	default:		return -ENOPROTOOPT;
	}
	return give(&n, sizeof(n), v, len);
}
