/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mld.c - the messages of Multicast Listener Discovery: version 2 (RFC 3810), and version 1 (RFC
 * 2710) for old routers. When which is sent is group_report.c's to know.
 *
 * Theory of operation
 *
 *	0      1      2          4          6     8       24           26      28
 *	| type | code | checksum | max resp | 0   | group | S,QRV,QQIC | nsrc  | sources ...	a query; v1: 24
 *	| 143  | 0    | checksum | 0 (2), records (2) | records ...			a report
 *	| 131  | 0    | checksum | 0        | 0   | group |				of version 1
 *
 * Messages have a hop-by-hop header with the router alert option (RFC 2711) and hop limit 1. They
 * come from the NIC's link-local address; while that is tentative, from ::, which routers ignore
 * and switches learn from (RFC 3590), and all is told again when it has become ours.
 *
 * A query has to be from a link-local address, with hop limit 1 and the option (RFC 3810 section
 * 6.2): no stranger can ask from afar. ff02::1 and groups within this host are never reported
 * (section 6).
 */
#include <string.h>

#include "base/bytes.h"
#include "ip/ip6_link.h"
#include "ip/ipv6.h"
#include "ip/mld.h"
#include "ip/output.h"
#include "packet/checksum.h"

#define REPORT_HEADER	8u
#define V1_LEN		24u
#define V2_QUERY_LEN	28u
#define OPTIONS_LEN	8u		/* the hop-by-hop header */
#define OPT_PAD1	0u
#define OPT_ROUTER_ALERT 5u
#define MS_NS		1000000ull

static const struct ip_addr all_routers = { .b = { 0xff, 2, [15] = 2 } };
static const struct ip_addr all_v2_routers = { .b = { 0xff, 2, [15] = 0x16 } };

/* ---- out ---- */

static const struct ip_addr all_nodes = { .b = { 0xff, 2, [15] = 1 } };

/* A NIC whose IPv6 was not started says nothing. */
static bool mld_reported(const struct group_host *h, const struct ip_addr *group)
{
	return h->nic->ip6 && h->nic->ip6->config.enabled && h->nic->mtu >= IPV6_MTU_MIN &&
	       ip_addr_scope(group) >= IP_SCOPE_LINK && !ip_addr_eq(group, &all_nodes);
}

static uint32_t mld_room(const struct group_host *h)
{
	return h->nic->mtu - IPV6_HEADER_LEN - OPTIONS_LEN - REPORT_HEADER;
}

static struct ip_addr source(const struct group_host *h)
{
	list_for_each(pos, &h->nic->addrs) {
		const struct ifaddr *ia = list_entry(pos, struct ifaddr, node);

		if (ip_addr_is_linklocal(&ia->addr) && ifaddr_usable(ia))
			return ia->addr;
	}
	return ip_addr_any(AF_INET6);
}

static void push_options(struct packet *p)
{
	static const uint8_t options[OPTIONS_LEN] = {
		IPPROTO_ICMPV6, 0, OPT_ROUTER_ALERT, 2, 0, 0, 1, 0
	};

	memcpy(packet_push(p, sizeof(options)), options, sizeof(options));
}

/* A whole message, its checksum still to be written. */
static void mld_send(struct group_host *h, const struct ip_addr *to, const uint8_t *msg,
		     uint32_t len, const uint8_t *more, uint32_t more_len)
{
	struct packet *p = packet_alloc(h->ip->env->pool, PACKET_HEADROOM);
	struct dst d = { .nic = h->nic, .nexthop = *to, .mtu = h->nic->mtu, .multicast = true };
	uint16_t sum;

	if (!p)
		return;
	d.src = source(h);
	memcpy(packet_put(p, len), msg, len);
	if (more_len && packet_copy_in(p, more, more_len) < 0) {
		packet_free(p);
		return;
	}
	sum = checksum_fold(checksum_packet(p, 0, p->len,
					    ip_pseudo(&d.src, to, IPPROTO_ICMPV6, p->len)));
	memcpy(p->data + 2, &sum, sizeof(sum));
	push_options(p);
	ipv6_push(p, &d.src, to, IPPROTO_HOPOPTS, 0, 1, 0);
	h->ip->icmp6_stats.out_msgs++;
	h->ip->stats6.out_requests++;
	ip_send(h->ip, p, &d);
}

static void mld_send_records(struct group_host *h, const uint8_t *records, uint32_t len,
			     uint16_t n)
{
	uint8_t msg[REPORT_HEADER] = { MLD_V2_REPORT };

	put_be16(msg + 6, n);
	mld_send(h, &all_v2_routers, msg, sizeof(msg), records, len);
}

static void send_v1(struct group_host *h, uint8_t type, const struct ip_addr *to,
		    const struct ip_addr *group)
{
	uint8_t msg[V1_LEN] = { type };

	memcpy(msg + 8, group->b, sizeof(group->b));
	mld_send(h, to, msg, sizeof(msg), NULL, 0);
}

static void mld_send_report(struct group_host *h, uint8_t version, const struct ip_addr *group)
{
	(void)version;
	send_v1(h, MLD_V1_REPORT, group, group);
}

static void mld_send_leave(struct group_host *h, const struct ip_addr *group)
{
	send_v1(h, MLD_V1_DONE, &all_routers, group);
}

const struct group_protocol mld_protocol = {
	.version = 2,
	.alen = 16,
	.unsolicited_ns = 10000000000ull,	/* RFC 2710 section 7.10 */
	.reported = mld_reported,
	.room = mld_room,
	.send_records = mld_send_records,
	.send_report = mld_send_report,
	.send_leave = mld_send_leave,
};

/* ---- in ---- */

/* RFC 3810 section 5.1.3: 1 bit of form, 3 of exponent, 12 of mantissa. */
static uint32_t decode_delay(uint16_t code)
{
	return code < 0x8000 ? code : ((code & 0x0fffu) | 0x1000u) << ((code >> 12 & 7u) + 3);
}

/* Section 5.1.9, as IGMP's: seconds. */
static uint32_t decode_interval(uint8_t code)
{
	return code < 128 ? code : ((code & 0x0fu) | 0x10u) << ((code >> 4 & 7u) + 3);
}

/* The hop-by-hop header, whose options ip/ has walked, says "MLD" to routers. */
static bool has_router_alert(const struct packet *p)
{
	const uint8_t *at = p->base + p->network + IPV6_HEADER_LEN, *end = p->base + p->transport;
	const uint8_t *stop;

	if (ipv6_header(p)->next != IPPROTO_HOPOPTS || end - at < (long)OPTIONS_LEN)
		return false;
	stop = at + (at[1] + 1u) * 8;
	if (stop < end)
		end = stop;
	at += 2;
	while (at < end) {
		if (*at == OPT_PAD1) {
			at++;
			continue;
		}
		if (end - at < 2)
			return false;
		if (at[0] == OPT_ROUTER_ALERT && at[1] == 2)
			return end - at >= 4 && get_be16(at + 2) == 0;
		at += at[1] + 2u;
	}
	return false;
}

static bool parse_query(const struct packet *p, struct group_query *q)
{
	const uint8_t *b = p->data;

	*q = (struct group_query){ .group = ip_addr_read(b + 8), .version = 1 };
	if (!ip_addr_is_any(&q->group) && !ip_addr_is_multicast(&q->group))
		return false;
	q->max_delay = get_be16(b + 4) * MS_NS;
	if (p->len == V1_LEN)
		return true;
	if (p->len < V2_QUERY_LEN)
		return false;
	q->version = 2;
	q->max_delay = decode_delay(get_be16(b + 4)) * MS_NS;
	q->robustness = b[24] & 7;
	q->interval = decode_interval(b[25]) * 1000 * MS_NS;
	q->n = get_be16(b + 26);
	q->src = b + V2_QUERY_LEN;
	return p->len >= V2_QUERY_LEN + q->n * 16u;
}

static bool query_input(struct group_host *h, const struct packet *p, const struct ip_meta *m)
{
	struct group_query q;

	if (m->ttl != 1 || !ip_addr_is_linklocal(&m->src) || !has_router_alert(p) ||
	    !parse_query(p, &q))
		return false;
	if (ip_addr_is_any(&q.group) && !ip_addr_eq(&m->dst, &all_nodes))
		return false;
	if (h)
		group_query(h, &q);
	return true;
}

bool mld_input(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	struct group_host *h = group_host_find(ip->groups, m->nic, false);
	struct ip_addr group;

	if (m->nic->loopback)
		return true;
	if (p->len < V1_LEN || !packet_need(p, p->len))
		return false;
	switch (p->data[0]) {
	case MLD_QUERY:
		return query_input(h, p, m);
	case MLD_V1_REPORT:
		group = ip_addr_read(p->data + 8);
		if (m->ttl != 1 || !ip_addr_eq(&group, &m->dst))
			return false;
		if (h)
			group_heard(h, &group);
		return true;
	default:
		return true;
	}
}
