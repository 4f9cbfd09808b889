/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gso.c - super-segments: their length on the wire, and cutting them in software.
 *
 * Theory of operation
 *
 * A super-segment is one set of headers in front of more payload than one
 * packet may carry. Cut, the headers are copied in front of every gso_size bytes of payload, which
 * stays where it is and is referred to, and then made true for their segment:
 *	IPv4	total length; identification counts up by one (RFC 6864 wants it unique for
 *		what may be fragmented); header checksum
 *	IPv6	payload length
 *	TCP	sequence number; FIN and PSH belong to the last segment, CWR to the first (RFC 3168 6.1.2: one
 *		reduction of the window is told once); checksum
 *	UDP	length; checksum, unless there is none (IPv4)
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/gso.h"
#include "packet/pool.h"

#define IP4_LEN		20u
#define IP6_LEN		40u
#define UDP_LEN		8u
#define TCP_LEN		20u

#define IP4_TOTAL_LEN	2
#define IP4_ID		4
#define IP4_CSUM	10
#define IP4_SRC		12
#define IP4_DST		16
#define IP6_PAYLOAD_LEN	4
#define IP6_SRC		8
#define IP6_DST		24
#define TCP_SEQ		4
#define TCP_FLAGS	13
#define TCP_CSUM	16
#define UDP_LENGTH	4
#define UDP_CSUM	6

#define TCP_FIN		0x01u
#define TCP_PSH		0x08u
#define TCP_CWR		0x80u

/* The IP header at h->ip; sets h->ip6. */
static bool ip_header(const struct packet *p, struct gso_headers *h)
{
	const uint8_t *ip = p->data + h->ip;
	uint32_t len = h->transport - h->ip;	/* of IP and its options or extension headers */

	if (len < IP4_LEN || h->transport > p->linear)
		return false;
	h->ip6 = ip[0] >> 4 == 6;
	if (h->ip6)
		return len >= IP6_LEN && p->gso_type != PACKET_GSO_TCP4;
	return ip[0] >> 4 == 4 && (ip[0] & 15u) * 4 == len && p->gso_type != PACKET_GSO_TCP6;
}

static bool transport_header(const struct packet *p, struct gso_headers *h)
{
	uint32_t room = p->linear - h->transport, len = UDP_LEN;

	h->tcp = p->gso_type != PACKET_GSO_UDP;
	if (h->tcp) {
		if (room < TCP_LEN)
			return false;
		len = (p->data[h->transport + 12] >> 4) * 4u;
		if (len < TCP_LEN)
			return false;
	}
	h->payload = h->transport + len;
	return len <= room;
}

bool gso_headers(const struct packet *p, struct gso_headers *h)
{
	uint32_t data = (uint32_t)(p->data - p->base);

	if (p->gso_type == PACKET_GSO_NONE || p->network < data || p->transport < p->network)
		return false;
	h->ip = p->network - data;
	h->transport = p->transport - data;
	return ip_header(p, h) && transport_header(p, h);
}

static uint32_t segments(uint32_t payload, uint32_t gso_size)
{
	return payload > gso_size ? (payload + gso_size - 1) / gso_size : 1;
}

uint32_t packet_wire_len(const struct packet *p)
{
	struct gso_headers h;

	if (!p->gso_size || !gso_headers(p, &h))
		return p->len;
	return p->len + (segments(p->len - h.payload, p->gso_size) - 1) * h.payload;
}

/* ---- cutting ---- */

struct cut {
	const struct packet *p;
	struct gso_headers h;
	uint32_t count;
	bool no_csum;		/* UDP that does without */
};

static void fix_ip(const struct cut *c, struct packet *s, uint32_t i)
{
	uint8_t *ip = s->data + c->h.ip;
	uint32_t header = c->h.transport - c->h.ip;
	uint16_t csum;

	if (c->h.ip6) {
		put_be16(ip + IP6_PAYLOAD_LEN, (uint16_t)(s->len - c->h.ip - IP6_LEN));
		return;
	}
	put_be16(ip + IP4_TOTAL_LEN, (uint16_t)(s->len - c->h.ip));
	put_be16(ip + IP4_ID, (uint16_t)(get_be16(ip + IP4_ID) + i));
	put_be16(ip + IP4_CSUM, 0);
	csum = checksum_fold(checksum_partial(ip, header, 0));
	memcpy(ip + IP4_CSUM, &csum, sizeof(csum));
}

static void fix_transport(const struct cut *c, struct packet *s, uint32_t i)
{
	uint8_t *th = s->data + c->h.transport;

	if (!c->h.tcp) {
		put_be16(th + UDP_LENGTH, (uint16_t)(s->len - c->h.transport));
		return;
	}
	put_be32(th + TCP_SEQ, get_be32(th + TCP_SEQ) + i * c->p->gso_size);
	if (i > 0)
		th[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (i + 1 < c->count)
		th[TCP_FLAGS] &= (uint8_t)~(TCP_FIN | TCP_PSH);
}

static void fill_csum(const struct cut *c, struct packet *s)
{
	const uint8_t *ip = s->data + c->h.ip;
	uint32_t len = s->len - c->h.transport, sum;
	uint8_t *field = s->data + c->h.transport + (c->h.tcp ? TCP_CSUM : UDP_CSUM);
	uint8_t proto = c->h.tcp ? IPPROTO_TCP : IPPROTO_UDP;
	uint16_t csum;

	if (c->no_csum)
		return;
	sum = c->h.ip6 ? checksum_pseudo(ip + IP6_SRC, ip + IP6_DST, 16, proto, len) :
			 checksum_pseudo(ip + IP4_SRC, ip + IP4_DST, 4, proto, len);
	put_be16(field, 0);
	csum = checksum_fold(checksum_packet(s, c->h.transport, len, sum));
	if (!csum)
		csum = 0xffff;
	memcpy(field, &csum, sizeof(csum));
}

/* A packet with a copy of the headers and of all that is said about p. */
static struct packet *copy_headers(const struct cut *c)
{
	const struct packet *p = c->p;
	uint32_t most = PACKET_HEAD_SIZE - c->h.payload;
	uint32_t room = (uint32_t)(p->data - p->base);
	struct packet *s = packet_alloc_for(p->pool, POOL_PASSING, room < most ? room : most);

	if (!s)
		return NULL;
	memcpy(packet_put(s, c->h.payload), p->data, c->h.payload);
	memcpy(s->cb, p->cb, sizeof(s->cb));
	s->network = (uint16_t)(s->data - s->base + c->h.ip);
	s->transport = (uint16_t)(s->data - s->base + c->h.transport);
	s->nic = p->nic;
	s->protocol = p->protocol;
	s->type = p->type;
	s->tstamp = p->tstamp;
	s->priority = p->priority;
	s->mark = p->mark;
	return s;
}

static struct packet *cut_segment(const struct cut *c, uint32_t i)
{
	uint32_t off = c->h.payload + i * c->p->gso_size;
	uint32_t left = c->p->len - off;
	struct packet *s = copy_headers(c);

	if (!s)
		return NULL;
	if (packet_append_from(s, c->p, off, left < c->p->gso_size ? left : c->p->gso_size) < 0) {
		packet_free(s);
		return NULL;
	}
	fix_ip(c, s, i);
	fix_transport(c, s, i);
	fill_csum(c, s);
	s->wire_len = s->len;
	return s;
}

static void queue_join(struct packet_queue *to, struct packet_queue *from)
{
	if (!from->head)
		return;
	if (to->tail)
		to->tail->next = from->head;
	else
		to->head = from->head;
	to->tail = from->tail;
	to->len += from->len;
	to->bytes += from->bytes;
}

static void move_charge(struct packet *from, struct packet *to)
{
	to->destructor = from->destructor;
	to->owner = from->owner;
	to->charged = from->charged;
	from->destructor = NULL;
}

/* A packet that is one segment already. */
static void pass_whole(struct packet *p, struct packet_queue *out)
{
	p->gso_type = PACKET_GSO_NONE;
	p->gso_size = p->gso_segs = 0;
	packet_checksum_finish(p);
	p->wire_len = p->len;
	packet_queue_push(out, p);
}

int packet_segment(struct packet *p, struct packet_queue *out)
{
	struct packet_queue done = { 0 };
	struct cut c = { .p = p };
	int ret = -EINVAL;

	if (!p->gso_size) {
		pass_whole(p, out);
		return 0;
	}
	if (!gso_headers(p, &c.h) || c.h.payload > PACKET_HEAD_SIZE)
		goto fail;
	c.count = segments(p->len - c.h.payload, p->gso_size);
	if (c.count == 1) {
		pass_whole(p, out);
		return 0;
	}
	c.no_csum = !c.h.tcp && !c.h.ip6 && p->csum != PACKET_CSUM_PARTIAL &&
		    !get_be16(p->data + c.h.transport + UDP_CSUM);
	ret = -ENOMEM;
	for (uint32_t i = 0; i < c.count; i++) {
		struct packet *s = cut_segment(&c, i);

		if (!s)
			goto fail;
		packet_queue_push(&done, s);
	}
	move_charge(p, done.tail);
	queue_join(out, &done);
	packet_free(p);
	return 0;

fail:
	packet_queue_purge(&done);
	packet_free(p);
	return ret;
}
