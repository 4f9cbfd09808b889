/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syncookie.c - half-open connections that cost no memory (RFC 4987 3.6).
 *
 * Theory of operation. When a listener has more half-open connections than it may, a SYN is
 * still answered, but nothing is kept of it: all that is needed later lies in the SYN-ACK's
 * sequence number, and comes back in the ACK. As in Linux,
 *
 *	cookie = H(names) + SEG.SEQ + minute << 24 + H(names, SEG.SEQ, minute, index) mod 2^24
 *
 * with a keyed H (SipHash), minute a counter and the index one into a table of usual MSS. An
 * ACK is believed when the minute is this or the last one and the rest is right for an index: a
 * forger who guesses is right once in some millions of tries, and only while cookies are being sent
 * (tcp->syn_overflow), since at other times none can come back. Linux adds the index to the hash;
 * then a sequence number that is wrong by up to three is believed with another index, and where the
 * client's first bytes were lost the stream would begin behind them.
 *
 * A cookie can be read in the client's first segment only. One behind it that comes earlier, for
 * the first was lost, is ignored: the client sends the first one again.
 *
 * A window scale, SACK and ECN need more bits. They are in the low six bits of the timestamp
 * of the SYN-ACK, where the client uses timestamps, which it echoes. Without timestamps
 * a connection by cookie goes without these three.
 */
#include "base/siphash.h"
#include "tcp/sock.h"

#define COOKIE_BITS	24u
#define COOKIE_MASK	((1u << COOKIE_BITS) - 1)
#define COOKIE_MINUTES	2u		/* for so long a cookie is good */
#define MINUTE_NS	(60 * NSEC_PER_SEC)

#define TS_BITS		6u
#define TS_WSCALE	0x0fu		/* all ones: none */
#define TS_SACK		0x10u
#define TS_ECN		0x20u

static const uint16_t mss_v4[] = { 536, 1300, 1440, 1460 };
static const uint16_t mss_v6[] = { 1220, 1420, 1440, 8940 };
#define MSS_COUNT 4u

static const uint16_t *mss_table(const struct ip_meta *m)
{
	return ip_addr_is_v4(&m->dst) ? mss_v4 : mss_v6;
}

static uint32_t cookie_hash(const struct tcp *tcp, const struct ip_meta *m,
			    const struct tcp_segment *s, uint32_t isn, uint32_t minute,
			    uint32_t which)
{
	struct {
		struct ip_addr src, dst;
		uint16_t sport, dport;
		uint32_t isn, minute, which;
	} in = { m->src, m->dst, s->sport, s->dport, isn, minute, which };

	return (uint32_t)siphash(&tcp->cookie_key, &in, sizeof(in));
}

static uint32_t minute_now(const struct tcp *tcp)
{
	return (uint32_t)(tcp->env->now / MINUTE_NS);
}

/* The first number of the SYN-ACK that answers s. Its MSS becomes the table's. */
static uint32_t cookie_make(const struct tcp *tcp, const struct ip_meta *m, struct tcp_segment *s)
{
	const uint16_t *table = mss_table(m);
	uint32_t index = MSS_COUNT - 1, minute = minute_now(tcp);

	while (index && s->mss < table[index])
		index--;
	s->mss = table[index];
	return cookie_hash(tcp, m, s, 0, 0, 0) + s->seq + (minute << COOKIE_BITS) +
	       (cookie_hash(tcp, m, s, s->seq, minute, index + 1) & COOKIE_MASK);
}

/* The MSS that the cookie acknowledged by s stands for; 0: it is none of ours, or too old. */
static uint16_t cookie_check(const struct tcp *tcp, const struct ip_meta *m,
			     const struct tcp_segment *s)
{
	uint32_t minute = minute_now(tcp), isn = s->seq - 1, cookie, age;

	cookie = s->ack - 1 - cookie_hash(tcp, m, s, 0, 0, 0) - isn;
	age = (minute - (cookie >> COOKIE_BITS)) & (UINT32_MAX >> COOKIE_BITS);
	if (age >= COOKIE_MINUTES)
		return 0;
	for (uint32_t index = 0; index < MSS_COUNT; index++)
		if (!((cookie ^ cookie_hash(tcp, m, s, isn, minute - age, index + 1)) &
		      COOKIE_MASK))
			return mss_table(m)[index];
	return 0;
}

/* The clock, with what the client's SYN offers in its low bits; never ahead of the clock. */
static uint32_t timestamp_make(uint32_t now, const struct tcp_segment *syn)
{
	uint32_t bits = syn->has_wscale ? syn->wscale : TS_WSCALE, ts;

	if (syn->sack_ok)
		bits |= TS_SACK;
	if ((syn->flags & (TCPH_ECE | TCPH_CWR)) == (TCPH_ECE | TCPH_CWR))
		bits |= TS_ECN;
	ts = (now >> TS_BITS << TS_BITS) | bits;
	return ts > now ? ts - (1u << TS_BITS) : ts;
}

static void timestamp_read(uint32_t ts, struct tcp_segment *syn)
{
	uint32_t wscale = ts & TS_WSCALE;

	syn->sack_ok = ts & TS_SACK;
	if (ts & TS_ECN)
		syn->flags |= TCPH_ECE | TCPH_CWR;
	syn->has_wscale = wscale != TS_WSCALE;
	syn->wscale = syn->has_wscale ? (uint8_t)wscale : 0;
}

static void names(struct tcp_end *e, const struct ip_meta *m, const struct tcp_segment *s)
{
	*e = (struct tcp_end){ .local = m->dst, .remote = m->src, .lport = s->dport,
			       .rport = s->sport };
}

uint32_t syncookie_window(const struct tcp_sock *l)
{
	uint32_t wnd = recvq_full_window(l);

	return wnd < 65535 ? wnd : 65535;
}

void syncookie_send(struct tcp_sock *l, const struct ip_meta *m, struct tcp_segment *s)
{
	struct tcp *tcp = l->tcp;
	struct tcp_segment r = { .sport = s->dport, .dport = s->sport,
				 .flags = TCPH_SYN | TCPH_ACK, .ack = s->seq + 1,
				 .has_ts = s->has_ts };
	struct tcp_end e;

	if (!s->has_ts) {
		s->has_wscale = s->sack_ok = false;
		s->flags &= (uint8_t)~(TCPH_ECE | TCPH_CWR);
	}
	if (!s->mss)
		s->mss = TCP_MSS_ASSUMED;
	if (l->user_mss && s->mss > l->user_mss)
		s->mss = (uint16_t)l->user_mss;
	r.seq = cookie_make(tcp, m, s);
	if (s->has_ts) {
		names(&e, m, s);
		r.tsval = timestamp_make((uint32_t)(tcp->env->now / NSEC_PER_MSEC), s) +
			  tcp_ts_offset(tcp, &e);
		r.tsecr = s->tsval;
	}
	r.has_wscale = s->has_wscale;
	r.wscale = tcp_choose_wscale(l);
	r.sack_ok = s->sack_ok;
	r.wnd = syncookie_window(l);
	tcp->stats.syncookies_sent++;
	tcp_reply_synack(l, &r, m);
}

bool syncookie_expected(const struct tcp_sock *l)
{
	const struct tcp *tcp = l->tcp;

	return tcp->syn_cookies && tcp->syn_overflow &&
	       tcp->env->now - tcp->syn_overflow <= COOKIE_MINUTES * MINUTE_NS;
}

bool syncookie_read(struct tcp_sock *l, const struct ip_meta *m, const struct tcp_segment *s,
		    struct tcp_segment *syn)
{
	struct tcp *tcp = l->tcp;
	struct tcp_end e;

	if (!syncookie_expected(l))
		return false;
	*syn = (struct tcp_segment){ .sport = s->sport, .dport = s->dport, .flags = TCPH_SYN,
				     .seq = s->seq - 1, .end = s->seq, .wnd = s->wnd, .segs = 1,
				     .has_ts = s->has_ts && tcp->timestamps, .tsval = s->tsval };
	names(&e, m, s);
	syn->mss = cookie_check(tcp, m, s);
	if (!syn->mss) {
		tcp->stats.syncookies_failed++;
		return false;
	}
	if (syn->has_ts)
		timestamp_read(s->tsecr - tcp_ts_offset(tcp, &e), syn);
	tcp->stats.syncookies_recv++;
	return true;
}
