/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtt.c - round-trip time and retransmission timeout (RFC 6298, RFC 7323 section 4).
 *
 * A segment that was sent once gives an exact sample; one that was sent again gives none, as nobody
 * knows which transmission was acknowledged (Karn), unless an echoed timestamp tells. RTO is
 * srtt + max(4 * rttvar, 200 ms): Linux bounds the variance from below, not the sum.
 */
#include "tcp/sock.h"

void tcp_rtt_sample(struct tcp_sock *tp, uint64_t rtt)
{
	uint64_t var;

	if (!rtt)
		rtt = 1;
	if (!tp->min_rtt || rtt < tp->min_rtt)
		tp->min_rtt = rtt;
	if (!tp->srtt) {
		tp->srtt = rtt;
		tp->rttvar = rtt / 2;
	} else {
		uint64_t diff = tp->srtt > rtt ? tp->srtt - rtt : rtt - tp->srtt;

		tp->rttvar = (3 * tp->rttvar + diff) / 4;
		tp->srtt = (7 * tp->srtt + rtt) / 8;
	}
	var = 4 * tp->rttvar;
	if (var < TCP_RTO_MIN)
		var = TCP_RTO_MIN;
	tp->rto = tp->srtt + var;
	if (tp->rto > TCP_RTO_MAX)
		tp->rto = TCP_RTO_MAX;
}

uint64_t tcp_timestamp_rtt(const struct tcp_sock *tp, const struct tcp_segment *s)
{
	uint32_t ms;

	if (!tp->ts_ok || !s->has_ts || !s->tsecr)
		return 0;
	ms = tcp_ts(tp) - s->tsecr;
	if (ms > TCP_RTO_MAX / NSEC_PER_MSEC)
		return 0;
	return (ms ? ms : 1) * NSEC_PER_MSEC;
}
