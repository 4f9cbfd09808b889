/* SPDX-License-Identifier: Apache-2.0 */
/*
 * icmp.c - the Internet Control Message Protocol (RFC 792, RFC 1122 section 3.2.2).
 *
 * Theory of operation
 *
 * In: echo requests to us (not to a group) are answered. Errors quote a packet; when that is one
 * we can have sent - whole IP header, eight bytes of transport, from the address that the error
 * came to - they go to its transport, which knows whether it has such a connection (RFC 5927).
 * "Fragmentation needed" also lowers the path's MTU, if the quoted packet had DF and was larger
 * than what the message says would pass; TCP does that itself, once it has found the quoted
 * segment to be in flight. Redirects are ip4_link.c's. Source quenches are not followed (RFC 6633).
 *
 * Out: no error is sent about an error, a fragment other than the first, or a packet from or to a
 * group, seen by the link or the network address (RFC 1122 section 3.2.2). Two token buckets limit
 * them, as in Linux: one for all (1,000 a second, never more than 50 at once), and one for each
 * destination (1 a second, 6 at once), of which there are 4,096, shared by a keyed hash. Both families share
 * them. Loopback is not limited.
 *
 * A limit that strangers share tells one of them what happened to another: who sends packets in another's
 * name, and then counts the errors that are left for himself, learns whether the others' were answered, and
 * so which ports are open (CVE-2020-25705). So an error costs one to three tokens, at random: how many of 50
 * are left tells nothing exact. And a destination's bucket is shared with different strangers each minute,
 * so that who has found one of another's has no time to use it.
 */
#include <errno.h>
#include <linux/icmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ip/icmp.h"
#include "ip/ip4_link.h"
#include "ip/ipv4.h"
#include "ip/pmtu.h"
#include "packet/pool.h"

#define ALL_RATE	2000u	/* tokens, of which an error takes two on average */
#define ALL_BURST	50u
#define ALL_COST_MAX	3u
#define PEER_RATE	1u
#define PEER_BURST	6u
#define PEERS		4096u	/* a power of two */
#define PEERS_TIME	(60 * NSEC)
#define NSEC		1000000000ull
#define IPV4_MTU_MIN	68u

struct bucket {
	uint64_t full_at;	/* ns: when it will be full again */
};

struct icmp {
	struct ip *ip;
	struct bucket all, peers[PEERS];
	struct siphash_key key;		/* which peer has which, ... */
	uint64_t keyed_until;		/* ... until then */
};

/* ---- rate limits ---- */

/* Each token takes NSEC / rate of time; a full bucket holds burst of them. */
static bool bucket_has(const struct bucket *b, uint64_t now, uint32_t rate, uint32_t burst)
{
	return b->full_at <= now || b->full_at - now <= (uint64_t)(burst - 1) * (NSEC / rate);
}

static void bucket_take(struct bucket *b, uint64_t now, uint32_t rate, uint32_t n)
{
	b->full_at = (b->full_at > now ? b->full_at : now) + n * (NSEC / rate);
}

static struct bucket *peer_bucket(struct icmp *icmp, const struct ip_addr *to, uint64_t now)
{
	if (now >= icmp->keyed_until) {
		random_bytes(&icmp->ip->env->random, &icmp->key, sizeof(icmp->key));
		memset(icmp->peers, 0, sizeof(icmp->peers));
		icmp->keyed_until = now + PEERS_TIME;
	}
	return &icmp->peers[siphash(&icmp->key, to, sizeof(*to)) & (PEERS - 1)];
}

bool icmp_allowed(struct icmp *icmp, const struct ip_addr *to)
{
	uint64_t now = icmp->ip->env->now;
	struct bucket *peer = peer_bucket(icmp, to, now);

	if (!bucket_has(&icmp->all, now, ALL_RATE, ALL_BURST) ||
	    !bucket_has(peer, now, PEER_RATE, PEER_BURST))
		return false;
	bucket_take(&icmp->all, now, ALL_RATE, 1 + random_below(&icmp->ip->env->random, ALL_COST_MAX));
	bucket_take(peer, now, PEER_RATE, 1);
	return true;
}

/* ---- out ---- */

static bool is_error(uint8_t type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static struct packet *icmp_alloc(struct ip *ip, uint8_t type, uint8_t code, uint32_t info)
{
	struct packet *p = packet_alloc_for(ip->env->pool, POOL_PASSING, PACKET_HEADROOM);
	uint8_t *h;

	if (!p)
		return NULL;
	h = packet_put(p, ICMP_HEADER_LEN);
	h[0] = type;
	h[1] = code;
	put_be16(h + 2, 0);
	put_be32(h + 4, info);
	return p;
}

static void icmp_output(struct ip *ip, struct packet *p, const struct flow *f, const struct dst *d)
{
	uint16_t sum = checksum_fold(checksum_packet(p, 0, p->len, 0));

	memcpy(p->data + 2, &sum, sizeof(sum));
	ip->icmp_stats.out_msgs++;
	if (ip_output(ip, p, f, d) < 0)
		ip->icmp_stats.out_errors++;
}

/* May an error be sent about the packet whose first n bytes are quote? */
static bool may_complain(const struct packet *p, const struct ip_meta *m, const uint8_t *quote,
			 uint32_t n)
{
	const struct ipv4_header *h = (const struct ipv4_header *)quote;

	if (p->type != PACKET_HOST || m->broadcast || m->multicast)
		return false;
	if (ip_addr_is_any(&m->src) || ip_addr_is_multicast(&m->src) || m->src.b[12] >= 240)
		return false;
	if (h->frag_off & htons(IPV4_OFFSET))
		return false;
	if (m->proto != IPPROTO_ICMP)
		return true;
	return n > m->header_len && !is_error(quote[m->header_len]) &&
	       quote[m->header_len] <= ICMP_ADDRESSREPLY;
}

/* The packet from its IP header on, wherever data is by now. */
static uint32_t quote_packet(const struct packet *p, uint8_t quote[ICMP_QUOTE_MAX])
{
	const uint8_t *start = p->base + p->network;
	uint32_t head = (uint32_t)(p->data - start), rest;

	if (head > ICMP_QUOTE_MAX)
		head = ICMP_QUOTE_MAX;
	rest = p->len < ICMP_QUOTE_MAX - head ? p->len : ICMP_QUOTE_MAX - head;
	memcpy(quote, start, head);
	packet_copy_out(p, 0, quote + head, rest);
	return head + rest;
}

void icmp_send_error(struct ip *ip, const struct packet *p, const struct ip_meta *m,
		     uint8_t type, uint8_t code, uint32_t info)
{
	struct flow f = {
		.src = m->dst,
		.dst = m->src,
		.proto = IPPROTO_ICMP,
		.tos = (m->tos & 0x1c) | 0xc0,	/* RFC 1812 section 4.3.2.5 */
	};
	uint8_t quote[ICMP_QUOTE_MAX];
	uint32_t n = quote_packet(p, quote);
	struct packet *r;
	struct dst d;

	if (n < IPV4_HEADER_LEN || !may_complain(p, m, quote, n) || route_lookup(ip, &f, &d) < 0)
		return;
	if (!d.local && !icmp_allowed(ip->icmp, &m->src)) {
		ip->icmp_stats.out_rate_limited++;
		return;
	}
	r = icmp_alloc(ip, type, code, info);
	if (!r || packet_copy_in(r, quote, n) < 0) {
		packet_free(r);
		ip->icmp_stats.out_errors++;
		return;
	}
	icmp_output(ip, r, &f, &d);
}

/* ---- in: errors ---- */

static const struct { uint8_t err; bool hard; } unreachable[] = {	/* as in Linux */
	[ICMP_NET_UNREACH] = { ENETUNREACH, false },
	[ICMP_HOST_UNREACH] = { EHOSTUNREACH, false },
	[ICMP_PROT_UNREACH] = { ENOPROTOOPT, true },
	[ICMP_PORT_UNREACH] = { ECONNREFUSED, true },
	[ICMP_FRAG_NEEDED] = { EMSGSIZE, false },
	[ICMP_SR_FAILED] = { EOPNOTSUPP, false },
	[ICMP_NET_UNKNOWN] = { ENETUNREACH, true },
	[ICMP_HOST_UNKNOWN] = { EHOSTDOWN, true },
	[ICMP_HOST_ISOLATED] = { ENONET, true },
	[ICMP_NET_ANO] = { ENETUNREACH, true },
	[ICMP_HOST_ANO] = { EHOSTUNREACH, true },
	[ICMP_NET_UNR_TOS] = { ENETUNREACH, false },
	[ICMP_HOST_UNR_TOS] = { EHOSTUNREACH, false },
	[ICMP_PKT_FILTERED] = { EHOSTUNREACH, true },
	[ICMP_PREC_VIOLATION] = { EHOSTUNREACH, true },
	[ICMP_PREC_CUTOFF] = { EHOSTUNREACH, true },
};

static bool error_meaning(uint8_t type, uint8_t code, struct ip_error *e)
{
	e->type = type;
	e->code = code;
	switch (type) {
	case ICMP_DEST_UNREACH:
		if (code > ICMP_PREC_CUTOFF)
			return false;
		e->err = unreachable[code].err;
		e->hard = unreachable[code].hard;
		return true;
	case ICMP_TIME_EXCEEDED:
		e->err = EHOSTUNREACH;
		e->hard = false;
		return true;
	case ICMP_PARAMETERPROB:
		e->err = EPROTO;
		e->hard = true;
		return true;
	default:
		return false;
	}
}

/* The packet in question, of n bytes of which the first are here: one that we can have sent? */
static bool quote_check(struct ip *ip, const uint8_t *quote, uint32_t n, struct ip_meta *m)
{
	const struct ipv4_header *h = (const struct ipv4_header *)quote;

	if (n < IPV4_HEADER_LEN || h->version_ihl >> 4 != 4)
		return false;
	ipv4_meta(h, m);
	return m->header_len >= IPV4_HEADER_LEN && n >= m->header_len + 8u &&
	       !(h->frag_off & htons(IPV4_OFFSET)) && ip_addr_find(ip, &m->src);
}

void icmp_error_deliver(struct ip *ip, const struct ip_meta *m, const uint8_t *quote, uint32_t n,
			const struct ip_error *e)
{
	const struct ip_protocol *proto = ip->protocols[m->proto];

	if (ip->icmp_error_tap)
		ip->icmp_error_tap(ip->icmp_tap_arg, m, quote + m->header_len, n - m->header_len, e);
	if (proto && proto->error)
		proto->error(ip->protocol_args[m->proto], m, quote + m->header_len,
			     n - m->header_len, e);
}

/* RFC 1191 section 7.1: routers that name no MTU mean the next common one below the packet's
 * length. */
static uint32_t plateau(uint32_t len)
{
	static const uint16_t table[] = {
		32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, IPV4_MTU_MIN
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i] < len)
			return table[i];
	return IPV4_MTU_MIN;
}

/* False: the message cannot be about a packet of ours that was too large. */
static bool frag_needed(struct ip *ip, const struct ipv4_header *h, const struct ip_meta *m,
			uint32_t mtu, struct ip_error *e)
{
	uint32_t len = ntohs(h->total_len);
	struct flow f = { .src = m->src, .dst = m->dst, .proto = m->proto, .broadcast_ok = true };
	struct dst d;

	if (!(h->frag_off & htons(IPV4_DF)))
		return false;
	if (mtu == 0)
		mtu = plateau(len);
	if (mtu < IPV4_MTU_MIN || mtu >= len || route_lookup(ip, &f, &d) < 0 || d.local)
		return false;
	if (mtu < PMTU_MIN)
		mtu = PMTU_MIN;
	e->mtu = mtu < d.mtu ? mtu : d.mtu;
	if (mtu < d.mtu && m->proto != IPPROTO_TCP)
		ip_pmtu_update(ip, &m->dst, mtu);
	return true;
}

/* The packet that p is about, which has to be one of ours: the bytes of it that are here; 0:
 * none. */
static uint32_t quoted_packet(struct ip *ip, const struct packet *p, const struct ip_meta *m,
			      uint8_t quote[ICMP_QUOTE_MAX], struct ip_meta *quoted)
{
	uint32_t n = p->len - ICMP_HEADER_LEN;

	if (n > ICMP_QUOTE_MAX)
		n = ICMP_QUOTE_MAX;
	packet_copy_out(p, ICMP_HEADER_LEN, quote, n);
	if (!quote_check(ip, quote, n, quoted) || !ip_addr_eq(&quoted->src, &m->dst))
		return 0;
	quoted->nic = m->nic;
	return n;
}

static void icmp_error_input(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	uint8_t quote[ICMP_QUOTE_MAX];
	uint16_t mtu = get_be16(p->data + 6);
	struct ip_error e = { .offender = m->src };
	struct ip_meta quoted;
	uint32_t n = quoted_packet(ip, p, m, quote, &quoted);

	if (!n || !error_meaning(p->data[0], p->data[1], &e)) {
		ip->icmp_stats.in_errors++;
		return;
	}
	if (e.err == EMSGSIZE &&
	    !frag_needed(ip, (const struct ipv4_header *)quote, &quoted, mtu, &e)) {
		ip->icmp_stats.in_errors++;
		return;
	}
	icmp_error_deliver(ip, &quoted, quote, n, &e);
}

static void redirect_input(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	uint8_t quote[ICMP_QUOTE_MAX];
	struct ip_meta quoted;
	struct ip_addr gateway;
	uint32_t be;

	if (p->data[1] > ICMP_REDIR_HOSTTOS || !quoted_packet(ip, p, m, quote, &quoted)) {
		ip->icmp_stats.in_errors++;
		return;
	}
	memcpy(&be, p->data + 4, sizeof(be));
	gateway = ip_addr_v4(be);
	ip4_redirect_input(ip, m, &gateway, &quoted);
}

void icmp_local_error(struct ip *ip, const struct packet *p, uint8_t type, uint8_t code,
		      uint32_t mtu)
{
	uint8_t quote[ICMP_QUOTE_MAX];
	struct ip_error e = { .mtu = mtu };
	uint32_t n = quote_packet(p, quote);
	struct ip_meta m;

	if (!quote_check(ip, quote, n, &m) || !error_meaning(type, code, &e))
		return;
	m.nic = p->nic;
	e.offender = m.src;
	icmp_error_deliver(ip, &m, quote, n, &e);
}

/* ---- in ---- */

static void echo_reply(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	struct flow f = {
		.src = m->dst, .dst = m->src, .proto = IPPROTO_ICMP, .tos = m->tos & 0xfc,
	};
	struct packet *r;
	struct dst d;

	if (m->broadcast || m->multicast || route_lookup(ip, &f, &d) < 0)
		return;
	r = icmp_alloc(ip, ICMP_ECHOREPLY, 0, get_be32(p->data + 4));
	if (!r)
		return;
	if (packet_append_from(r, p, ICMP_HEADER_LEN, p->len - ICMP_HEADER_LEN) < 0) {
		packet_free(r);
		return;
	}
	ip->icmp_stats.out_echo_reps++;
	icmp_output(ip, r, &f, &d);
}

static void icmp_dispatch(struct ip *ip, struct packet *p, const struct ip_meta *m)
{
	struct icmp_stats *s = &ip->icmp_stats;

	switch (p->data[0]) {
	case ICMP_ECHO:
		s->in_echos++;
		echo_reply(ip, p, m);
		break;
	case ICMP_DEST_UNREACH:
		s->in_dest_unreachs++;
		icmp_error_input(ip, p, m);
		break;
	case ICMP_TIME_EXCEEDED:
		s->in_time_excds++;
		icmp_error_input(ip, p, m);
		break;
	case ICMP_PARAMETERPROB:
		icmp_error_input(ip, p, m);
		break;
	case ICMP_REDIRECT:
		s->in_redirects++;
		redirect_input(ip, p, m);
		break;
	}
}

static bool icmp_input(void *arg, struct packet *p, const struct ip_meta *m)
{
	struct ip *ip = arg;

	if (!ip_addr_is_v4(&m->dst))
		return false;
	ip->icmp_stats.in_msgs++;
	if (!packet_need(p, ICMP_HEADER_LEN)) {
		ip->icmp_stats.in_errors++;
	} else if (p->csum == PACKET_CSUM_NONE &&
		   checksum_fold(checksum_packet(p, 0, p->len, 0)) != 0) {
		ip->icmp_stats.in_csum_errors++;
	} else {
		if (ip->icmp_tap)
			ip->icmp_tap(ip->icmp_tap_arg, p, m);
		icmp_dispatch(ip, p, m);
	}
	packet_free(p);
	return true;
}

static const struct ip_protocol icmp_protocol = { .input = icmp_input };

struct icmp *icmp_create(struct ip *ip)
{
	struct icmp *icmp = calloc(1, sizeof(*icmp));

	if (!icmp)
		return NULL;
	icmp->ip = ip;
	ip_register(ip, IPPROTO_ICMP, &icmp_protocol, ip);
	return icmp;
}

void icmp_destroy(struct icmp *icmp)
{
	ip_register(icmp->ip, IPPROTO_ICMP, NULL, NULL);
	free(icmp);
}
