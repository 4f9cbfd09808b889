/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - the way down: the door for transports, and what both families do below their headers.
 *
 * Theory of operation
 *
 * ip_output() makes sure that the route is fresh and leaves the header to ipv4_output.c or
 * ipv6_output.c. Those come back here with a complete packet: a super-segment goes down whole when
 * the NIC's link cuts it, and is cut here when not; likewise the checksum that the transport left
 * open. Then it goes to loopback, to a group's link address, or to the neighbour.
 *
 * Whoever sends a broadcast to a link is one of those on it, and so is who sends to a group that
 * this host is in: a second packet on the same bytes comes in at the end of the turn, by the NIC
 * that the first leaves by. It is lost where memory is short, or when a turn makes more of them
 * than loopback would hold.
 */
#include <errno.h>

#include "ip/group.h"
#include "ip/output.h"
#include "nic/ethernet.h"
#include "packet/gso.h"

/* ---- down to the NIC ---- */

void ip_group_lladdr(const struct ip_addr *a, uint8_t ll[LINK_ADDR_LEN])
{
	const uint8_t v4[LINK_ADDR_LEN] = {	/* RFC 1112 section 6.4 */
		0x01, 0x00, 0x5e, a->b[13] & 0x7f, a->b[14], a->b[15]
	};
	const uint8_t v6[LINK_ADDR_LEN] = {	/* RFC 2464 section 7 */
		0x33, 0x33, a->b[12], a->b[13], a->b[14], a->b[15]
	};

	memcpy(ll, ip_addr_is_v4(a) ? v4 : v6, LINK_ADDR_LEN);
}

void ip_send(struct ip *ip, struct packet *p, const struct dst *d)
{
	bool v4 = ip_addr_is_v4(&d->nexthop);
	uint8_t ll[LINK_ADDR_LEN];

	p->protocol = v4 ? ETH_TYPE_IPV4 : ETH_TYPE_IPV6;
	if (p->csum == PACKET_CSUM_PARTIAL && !(d->nic->caps & LINK_CSUM))
		packet_checksum_finish(p);
	if (d->nic->l3) {
		nic_output(d->nic, p);
	} else if (d->broadcast) {
		ethernet_output(d->nic, p, eth_broadcast);
	} else if (d->multicast) {
		ip_group_lladdr(&d->nexthop, ll);
		ethernet_output(d->nic, p, ll);
	} else {
		neighbour_output(ip_neighbours(ip, &d->nexthop), d->nic, d->nexthop.b, p);
	}
}

/* Is this host one of those that the packet goes to? */
static bool comes_back(struct ip *ip, const struct flow *f, const struct dst *d)
{
	if (d->local || d->nic->loopback)
		return false;
	if (d->broadcast)
		return true;
	return d->multicast && f->mc_loop &&
	       group_accepts(ip, d->nic, &d->nexthop, &d->src, f->proto);
}

static void echo(struct ip *ip, const struct packet *p, const struct dst *d)
{
	struct packet *copy = ip->echoes.len < NIC_LOOPBACK_QUEUE ? packet_clone(p) : NULL;

	if (!copy)
		return;
	copy->nic = d->nic;
	copy->type = d->broadcast ? PACKET_BROADCAST : PACKET_MULTICAST;
	packet_queue_push(&ip->echoes, copy);
	work_defer(ip->env, &ip->echo_work);
}

bool ip_echo(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d)
{
	if (comes_back(ip, f, d))
		echo(ip, p, d);
	if (!d->multicast || !f->host_only || d->nic->loopback)
		return false;
	packet_free(p);
	return true;
}

bool ip_nic_takes(const struct nic *nic, const struct packet *p)
{
	return (nic->caps & packet_gso_cap(p)) && (nic->caps & LINK_CSUM) && p->len <= nic->gso_max;
}

int ip_send_segments(struct ip *ip, struct packet *p, const struct dst *d)
{
	struct packet_queue out = { 0 };

	if (packet_segment(p, &out) < 0) {
		ip_stats_of(ip, &d->nexthop)->out_discards++;
		return -ENOBUFS;
	}
	while ((p = packet_queue_pop(&out)))
		ip_send(ip, p, d);
	return 0;
}

uint32_t ip_largest(const struct packet *p)
{
	struct gso_headers h;
	uint32_t one;

	if (!p->gso_size || !gso_headers(p, &h))
		return p->len;
	one = h.payload + p->gso_size;
	return one < p->len ? one : p->len;
}

int ip_send_fragments(struct ip *ip, struct packet *p, uint32_t payload, uint32_t chunk,
		      ip_fragment_make *make, const void *arg, const struct dst *d)
{
	struct ip_stats *stats = ip_stats_of(ip, &d->nexthop);
	struct packet_queue out = { 0 };
	struct packet *f;
	uint32_t n;

	if (p->csum == PACKET_CSUM_PARTIAL)
		packet_checksum_finish(p);
	for (uint32_t off = 0; off < payload; off += n) {
		n = payload - off < chunk ? payload - off : chunk;
		f = make(p, arg, off, n, off + n < payload);
		if (!f)
			goto err;
		packet_queue_push(&out, f);
	}
	f = out.tail;				/* the last one carries the sender's charge */
	f->destructor = p->destructor;
	f->owner = p->owner;
	f->charged = p->charged;
	p->destructor = NULL;
	packet_free(p);
	stats->frag_oks++;
	stats->frag_creates += out.len;
	while ((f = packet_queue_pop(&out)))
		ip_send(ip, f, d);
	return 0;
err:
	packet_queue_purge(&out);
	packet_free(p);
	stats->frag_fails++;
	stats->out_discards++;
	return -ENOBUFS;
}

int ip_drop(struct ip_stats *stats, struct packet *p, int err)
{
	stats->out_discards++;
	packet_free(p);
	return err;
}

/* ---- the door ---- */

/* An answer to route_lookup that is out of date may name a NIC that is gone: ask again. */
static int refresh(struct ip *ip, const struct flow *f, const struct dst **d, struct dst *fresh)
{
	int err;

	if (dst_valid(ip, *d))
		return 0;
	err = route_lookup(ip, f, fresh);
	if (err)
		ip_stats_of(ip, &f->dst)->out_no_routes++;
	*d = fresh;
	return err;
}

int ip_output(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d)
{
	struct ip_stats *stats = ip_stats_of(ip, &f->dst);
	struct dst fresh;
	int err = refresh(ip, f, &d, &fresh);

	stats->out_requests++;
	if (err)
		return ip_drop(stats, p, err);
	if (stats == &ip->stats)
		return ipv4_output(ip, p, f, d);
	return ipv6_output(ip, p, f, d);
}

int ip_output_raw(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d)
{
	struct ip_stats *stats = ip_stats_of(ip, &f->dst);
	struct dst fresh;
	int err = refresh(ip, f, &d, &fresh);

	stats->out_requests++;
	if (err)
		return ip_drop(stats, p, err);
	if (stats == &ip->stats)
		return ipv4_output_raw(ip, p, f, d);
	return ipv6_output_raw(ip, p, f, d);
}
