/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plpmtud.c - the path MTU found out by sending (RFC 4821, RFC 8899), where ICMP does not tell it.
 *
 * Theory of operation. A path that drops large packets in silence lets a handshake pass and then
 * nothing. mtu_probing (as Linux's tcp_mtu_probing) is 0, off; 1, off until a black hole is
 * suspected; 2, always on. Suspicion: four time-outs in a row. Then the segment size goes down to
 * MTU_BASE_MSS, and by halves at each further time-out. From there it is searched upwards:
 *
 *	low	a size that is known to pass; segments are made for it
 *	high	the smallest one that does not, or what ICMP, the link and the peer allow
 *
 * A probe is one segment of new data, of a size in the middle. Its ACK raises low. When it is lost
 * while what was sent after it arrives, it was too large: high comes down, and the loss is none of
 * congestion: the window stays and the data goes again (RFC 4821 7.6.2). A time-out tells nothing
 * about it. Probing needs enough data behind the probe to see its loss by duplicate ACKs, and
 * ends when low and high are close; after ten minutes it begins again, for paths change.
 */
#include "tcp/sock.h"

#define MTU_BASE_MSS	1024u		/* Linux's tcp_base_mss */
#define MTU_FLOOR_MSS	48u		/* tcp_mtu_probe_floor, tcp_min_snd_mss */
#define MTU_CLOSE	8u		/* tcp_probe_threshold */
#define MTU_AGAIN	(600 * NSEC_PER_SEC)	/* tcp_probe_interval */
#define MTU_SUSPECT	3u		/* tcp_retries1 */
#define MTU_CWND	11u		/* segments */

/* IP and TCP header, options included; sizes here are those of IP packets. */
static uint32_t headers(const struct tcp_sock *tp)
{
	return ip_header_len(&tp->end.remote) + TCP_HEADER_LEN;
}

static uint32_t options(const struct tcp_sock *tp)
{
	return tp->ts_ok ? TCP_TS_LEN : 0;
}

static void search_from(struct tcp_sock *tp, uint32_t low)
{
	struct tcp_mtu *m = &tp->mtu;

	m->high = tp->peer_mss + headers(tp);
	if (m->high > tp->sk.dst.mtu && tp->sk.dst.mtu)
		m->high = tp->sk.dst.mtu;
	m->low = low < m->high ? low : m->high;
	m->probe = 0;
	m->since = tcp_now(tp);
}

void plpmtud_init(struct tcp_sock *tp)
{
	tp->mtu.enabled = tp->tcp->mtu_probing > 1;
	search_from(tp, MTU_BASE_MSS + headers(tp));
}

uint32_t plpmtud_limit(struct tcp_sock *tp, uint32_t mss)
{
	struct tcp_mtu *m = &tp->mtu;
	uint32_t limit = m->low > headers(tp) ? m->low - headers(tp) : MTU_FLOOR_MSS;

	if (m->high > tp->pmtu && tp->pmtu)
		m->high = tp->pmtu;
	return m->enabled && mss > limit ? limit : mss;
}

uint32_t plpmtud_probe(struct tcp_sock *tp, bool *wait)
{
	struct tcp_mtu *m = &tp->mtu;
	uint32_t size = (m->low + m->high) / 2, mss, unsent = tp->write_seq - tp->snd_nxt;

	*wait = false;
	if (!m->enabled || m->probe || tp->ca_state != CONGESTION_OPEN || tp->snd_urgent)
		return 0;
	if (m->high < m->low + MTU_CLOSE) {
		if (tcp_now(tp) - m->since >= MTU_AGAIN)
			search_from(tp, m->low);
		return 0;
	}
	mss = size - headers(tp) - options(tp);
	if (tp->cc.cwnd < (uint64_t)MTU_CWND * tp->mss || mss <= tp->mss ||
	    unsent < mss + (TCP_DUPTHRESH + 1) * tp->mss ||
	    seq_lt(tp->snd_una + tp->snd_wnd, tp->snd_nxt + mss + (TCP_DUPTHRESH + 1) * tp->mss))
		return 0;
	*wait = tcp_pipe(tp) && tcp_pipe(tp) + mss > tp->cc.cwnd;
	return *wait ? 0 : mss;
}

void plpmtud_sent(struct tcp_sock *tp, uint32_t seq, uint32_t len)
{
	struct tcp_mtu *m = &tp->mtu;

	m->probe = len + options(tp) + headers(tp);
	m->start = seq;
	m->end = seq + len;
	tp->tcp->stats.mtup_probes++;
}

bool plpmtud_is_probe(const struct tcp_sock *tp, uint32_t seq, uint32_t len)
{
	return tp->mtu.probe && seq == tp->mtu.start && len == tp->mtu.end - tp->mtu.start;
}

void plpmtud_acked(struct tcp_sock *tp)
{
	struct tcp_mtu *m = &tp->mtu;

	if (!m->probe || seq_lt(tp->snd_una, m->end))
		return;
	m->low = m->probe;
	m->probe = 0;
	m->since = tcp_now(tp);
	tp->tcp->stats.mtup_success++;
	tcp_sync_mss(tp);
}

bool plpmtud_lost(struct tcp_sock *tp)
{
	struct tcp_mtu *m = &tp->mtu;

	if (!m->probe || tp->snd_una != m->start)
		return false;
	m->high = m->probe - 1;
	m->probe = 0;
	m->since = tcp_now(tp);
	tp->tcp->stats.mtup_fail++;
	return true;
}

void plpmtud_timeout(struct tcp_sock *tp)
{
	struct tcp_mtu *m = &tp->mtu;
	uint32_t mss;

	m->probe = 0;
	if (!tp->tcp->mtu_probing || tp->retries <= MTU_SUSPECT)
		return;
	if (!m->enabled) {
		m->enabled = true;
		m->since = tcp_now(tp);
	} else {
		mss = (m->low - headers(tp)) / 2;
		if (mss > MTU_BASE_MSS)
			mss = MTU_BASE_MSS;
		if (mss < MTU_FLOOR_MSS)
			mss = MTU_FLOOR_MSS;
		m->low = mss + headers(tp);
	}
	tcp_sync_mss(tp);
}
