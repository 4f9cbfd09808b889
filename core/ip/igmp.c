/* SPDX-License-Identifier: Apache-2.0 */
/*
 * igmp.c - the messages of the Internet Group Management Protocol: version 3 (RFC 3376), and
 * versions 2 (RFC 2236) and 1 (RFC 1112 appendix I) for old routers. When which is sent is
 * group_report.c's to know.
 *
 * Theory of operation
 *
 *	0       1          2         4        8            10      12
 *	| type  | max resp | checksum| group  | S, QRV,QQIC| nsrc  | sources ...	a query; v1, v2: 8 bytes
 *	| 0x22  | 0        | checksum| 0 (2), records (2) | records ...		a report of version 3
 *	| 0x16  | 0        | checksum| group  |					of version 2 (0x12: 1)
 *
 * A query's version is its length and its code: eight bytes with code 0 is 1, with another code 2,
 * twelve or more is 3. Messages carry the router alert option (RFC 2113) and leave with TTL 1, from
 * the NIC's address or, without one, from 0.0.0.0. The option is not asked of what comes, as in
 * Linux, since not every querier sends it; a general query is taken only when it was sent to all
 * hosts, so that no stranger can ask from afar (RFC 3376 section 9.1).
 */
#include <string.h>

#include "base/bytes.h"
#include "ip/igmp.h"
#include "ip/ipv4.h"

#define IGMP_QUERY	0x11u
#define IGMP_V1_REPORT	0x12u
#define IGMP_V2_REPORT	0x16u
#define IGMP_V2_LEAVE	0x17u
#define IGMP_V3_REPORT	0x22u

#define IGMP_LEN	8u		/* and the header of a report of version 3 */
#define IGMP_QUERY_LEN	12u		/* of version 3 */
#define HEADER_LEN	(IPV4_HEADER_LEN + 4)	/* with router alert */
#define ALL_ROUTERS	0xe0000002u
#define ALL_V3_ROUTERS	0xe0000016u
#define TENTH_NS	100000000ull
#define V1_RESPONSE	100u		/* tenths: RFC 1112's ten seconds */
#define TOS_CONTROL	0xc0u		/* internetwork control, as Linux */

/* ---- out ---- */

static bool igmp_reported(const struct group_host *h, const struct ip_addr *group)
{
	(void)h;
	return ip_addr_to_v4(group) != htonl(INADDR_ALLHOSTS_GROUP);
}

static uint32_t igmp_room(const struct group_host *h)
{
	return h->nic->mtu - HEADER_LEN - IGMP_LEN;
}

static void push_header(struct packet *p, const struct ip_addr *src, const struct ip_addr *dst)
{
	static const uint8_t router_alert[] = { 0x94, 4, 0, 0 };
	struct ipv4_header *h = (struct ipv4_header *)packet_push(p, HEADER_LEN);

	*h = (struct ipv4_header) {
		.version_ihl = 4 << 4 | HEADER_LEN / 4,
		.tos = TOS_CONTROL,
		.frag_off = htons(IPV4_DF),
		.ttl = 1,
		.proto = IPPROTO_IGMP,
		.src = ip_addr_to_v4(src),
		.dst = ip_addr_to_v4(dst),
	};
	memcpy((uint8_t *)h + IPV4_HEADER_LEN, router_alert, sizeof(router_alert));
}

/* msg: a whole message, its checksum still to be written. */
static void igmp_send(struct group_host *h, uint32_t to, const uint8_t msg[IGMP_LEN],
		      const uint8_t *more, uint32_t len)
{
	struct packet *p = packet_alloc(h->ip->env->pool, PACKET_HEADROOM);
	struct flow f = { .proto = IPPROTO_IGMP, .bound = h->nic, .dst = ip_addr_v4(htonl(to)) };
	struct dst d = {
		.nic = h->nic, .nexthop = f.dst, .mtu = h->nic->mtu,
		.generation = h->ip->generation, .multicast = true,
	};
	uint16_t sum;

	if (!p)
		return;
	d.src = f.src = ip_addr_select(h->nic, &f.dst);
	memcpy(packet_put(p, IGMP_LEN), msg, IGMP_LEN);
	if (len && packet_copy_in(p, more, len) < 0) {
		packet_free(p);
		return;
	}
	sum = checksum_fold(checksum_packet(p, 0, p->len, 0));
	memcpy(p->data + 2, &sum, sizeof(sum));
	push_header(p, &d.src, &f.dst);
	h->ip->igmp_stats.out_msgs++;
	ip_output_raw(h->ip, p, &f, &d);
}

static void igmp_send_records(struct group_host *h, const uint8_t *records, uint32_t len,
			      uint16_t n)
{
	uint8_t msg[IGMP_LEN] = { IGMP_V3_REPORT };

	put_be16(msg + 6, n);
	igmp_send(h, ALL_V3_ROUTERS, msg, records, len);
}

static void send_old(struct group_host *h, uint8_t type, uint32_t to, const struct ip_addr *group)
{
	uint8_t msg[IGMP_LEN] = { type };

	memcpy(msg + 4, &group->w[3], 4);
	igmp_send(h, to, msg, NULL, 0);
}

static void igmp_send_report(struct group_host *h, uint8_t version, const struct ip_addr *group)
{
	send_old(h, version == 1 ? IGMP_V1_REPORT : IGMP_V2_REPORT, ntohl(ip_addr_to_v4(group)),
		 group);
}

static void igmp_send_leave(struct group_host *h, const struct ip_addr *group)
{
	send_old(h, IGMP_V2_LEAVE, ALL_ROUTERS, group);
}

const struct group_protocol igmp_protocol = {
	.version = 3,
	.alen = 4,
	.unsolicited_ns = 10000000000ull,	/* RFC 2236 section 8.10 */
	.reported = igmp_reported,
	.room = igmp_room,
	.send_records = igmp_send_records,
	.send_report = igmp_send_report,
	.send_leave = igmp_send_leave,
};

/* ---- in ---- */

/* RFC 3376 sections 4.1.1 and 4.1.7: 1 bit of form, 3 of exponent, 4 of mantissa. */
static uint32_t decode(uint8_t code)
{
	return code < 128 ? code : ((code & 0x0fu) | 0x10u) << ((code >> 4 & 7u) + 3);
}

static struct ip_addr read_group(const uint8_t *at)
{
	uint32_t be;

	memcpy(&be, at, sizeof(be));
	return ip_addr_v4(be);
}

static bool parse_v3(struct packet *p, struct group_query *q)
{
	const uint8_t *b;

	if (!packet_need(p, IGMP_QUERY_LEN))
		return false;
	q->n = get_be16(p->data + 10);
	if (!packet_need(p, IGMP_QUERY_LEN + q->n * 4u))
		return false;
	b = p->data;
	q->version = 3;
	q->max_delay = decode(b[1]) * TENTH_NS;
	q->robustness = b[8] & 7;
	q->interval = decode(b[9]) * 10 * TENTH_NS;
	q->src = b + IGMP_QUERY_LEN;
	return true;
}

static bool parse_query(struct packet *p, struct group_query *q)
{
	uint8_t code = p->data[1];

	*q = (struct group_query){ .group = read_group(p->data + 4) };
	if (!ip_addr_is_any(&q->group) && !ip_addr_is_multicast(&q->group))
		return false;
	if (p->len > IGMP_LEN)
		return parse_v3(p, q);
	q->version = code ? 2 : 1;
	q->max_delay = (code ? code : V1_RESPONSE) * TENTH_NS;
	return true;
}

static void query_input(struct ip *ip, struct group_host *h, struct packet *p,
			const struct ip_meta *m)
{
	struct group_query q;

	if (!parse_query(p, &q)) {
		ip->igmp_stats.in_errors++;
		return;
	}
	ip->igmp_stats.in_queries++;
	/* A group without members on this NIC needs no host: there is nothing to say. */
	if (h && (!ip_addr_is_any(&q.group) ||
		  ip_addr_to_v4(&m->dst) == htonl(INADDR_ALLHOSTS_GROUP)))
		group_query(h, &q);
}

static void igmp_dispatch(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	struct group_host *h = group_host_find(ip->groups, m->nic, true);
	struct ip_addr group = read_group(p->data + 4);

	switch (p->data[0]) {
	case IGMP_QUERY:
		query_input(ip, h, p, m);
		break;
	case IGMP_V1_REPORT:
	case IGMP_V2_REPORT:
		ip->igmp_stats.in_reports++;
		if (h && ip_addr_eq(&group, &m->dst))
			group_heard(h, &group);
		break;
	}
}

static bool igmp_input(void *arg, struct packet *p, const struct ip_meta *m)
{
	struct ip *ip = arg;

	ip->igmp_stats.in_msgs++;
	if (!packet_need(p, IGMP_LEN))
		ip->igmp_stats.in_errors++;
	else if (p->csum == PACKET_CSUM_NONE &&
		 checksum_fold(checksum_packet(p, 0, p->len, 0)) != 0)
		ip->igmp_stats.in_csum_errors++;
	else
		igmp_dispatch(ip, p, m);
	packet_free(p);
	return true;
}

const struct ip_protocol igmp_ip_protocol = { .input = igmp_input };
