/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rack.c - loss detection by time (RFC 8985, RACK; the tail loss probe is in tlp.c).
 *
 * Theory of operation. What was sent before something that has been delivered should have been
 * delivered before, too. It is lost when it is still missing a reordering window later:
 *
 *	lost  <=>  sent before (rack.xmit_ts, rack.end_seq)
 *	           and  now >= sent + rack.rtt + reo_wnd
 *
 * xmit_ts and rtt are of the segment that was sent last among those delivered. by_time holds what
 * is awaited in the order of its last transmission, so the search ends at the first that was sent
 * later, and retransmissions that are lost again are found like originals. What is too young to be
 * lost is waited for with a timer.
 *
 * reo_wnd is 0 while nothing was ever seen out of order and there is plain evidence of loss: three
 * segments SACKed, or a recovery going on. Otherwise it is a quarter of the smallest round
 * trip, times reo_wnd_mult, at most srtt. The multiple grows by one with each round trip in which a
 * D-SACK reports a needless retransmission, and is 1 again after 16 recoveries without (step 4).
 */
#include "tcp/sock.h"

#define REO_PERSIST 16u

static bool sent_after(uint64_t t1, uint32_t end1, uint64_t t2, uint32_t end2)
{
	return t1 > t2 || (t1 == t2 && seq_lt(end2, end1));
}

/*
 * Steps 1 and 2. Of what was sent again nobody knows which transmission arrived: it counts only
 * when it can have been the last one. The timestamp that comes back tells for what is acknowledged.
 * Beyond a hole it does not: until that is filled the peer echoes what came before it (RFC 7323
 * 4.3).
 */
void tcp_rack_delivered(struct tcp_sock *tp, const struct tcp_seg *seg,
			const struct tcp_segment *s)
{
	uint64_t rtt = tcp_now(tp) - seg->sent;

	if (seg->rexmits) {
		uint32_t ts = (uint32_t)(seg->sent / NSEC_PER_MSEC) + tp->ts_offset;

		if (rtt < tp->min_rtt)
			return;
		if (tp->ts_ok && s->has_ts && s->tsecr && seq_lt(seg->seq, s->ack) &&
		    seq_lt(s->tsecr, ts))
			return;
	}
	tp->rack.advanced = true;
	tp->rack.rtt = rtt;
	if (sent_after(seg->sent, seg->end, tp->rack.xmit_ts, tp->rack.end_seq)) {
		tp->rack.xmit_ts = seg->sent;
		tp->rack.end_seq = seg->end;
	}
}

/* A retransmission was needless: wait longer next time. Once a round trip. */
void tcp_rack_dsack(struct tcp_sock *tp)
{
	if (tp->rack.dsack_round_valid && seq_lt(tp->snd_una, tp->rack.dsack_round))
		return;
	tp->rack.dsack_round = tp->snd_nxt;
	tp->rack.dsack_round_valid = true;
	tp->rack.reo_wnd_persist = REO_PERSIST;
	if (tp->rack.reo_wnd_mult < UINT8_MAX)
		tp->rack.reo_wnd_mult++;
}

/* A recovery is over. */
void tcp_rack_recovered(struct tcp_sock *tp)
{
	if (tp->rack.reo_wnd_persist && !--tp->rack.reo_wnd_persist)
		tp->rack.reo_wnd_mult = 1;
	if (tp->rack.dsack_round_valid && seq_le(tp->rack.dsack_round, tp->snd_una))
		tp->rack.dsack_round_valid = false;	/* or it would lie ahead after 2 GiB */
}

static uint64_t reo_wnd(const struct tcp_sock *tp)
{
	uint64_t wnd = tp->min_rtt / 4 * tp->rack.reo_wnd_mult;

	if (!tp->reord_seen && (tp->ca_state >= CONGESTION_RECOVERY ||
				tp->sacked_out >= tp->reordering * tp->mss))
		return 0;
	return wnd < tp->srtt ? wnd : tp->srtt;
}

/* ns until seg is lost; not positive: it is. */
static int64_t remaining(const struct tcp_sock *tp, const struct tcp_seg *seg, uint64_t wnd)
{
	return (int64_t)(seg->sent + tp->rack.rtt + wnd - tcp_now(tp));
}

bool tcp_rack_expired(const struct tcp_sock *tp, const struct tcp_seg *seg)
{
	return remaining(tp, seg, 0) <= 0;
}

/* Step 5. How long until the last of those that are too young is lost, too; 0: there is none. */
static uint64_t detect(struct tcp_sock *tp)
{
	uint64_t wnd = reo_wnd(tp), wait = 0;

	list_for_each_safe(pos, &tp->by_time) {
		struct tcp_seg *seg = list_entry(pos, struct tcp_seg, by_time);
		int64_t left;

		if (!sent_after(tp->rack.xmit_ts, tp->rack.end_seq, seg->sent, seg->end))
			break;
		left = remaining(tp, seg, wnd);
		if (left <= 0) {
			if (seg->retrans)
				tp->tcp->stats.lost_retransmit++;
			sendq_mark_lost(tp, seg_packet(seg));
		} else if ((uint64_t)left > wait) {
			wait = (uint64_t)left;
		}
	}
	return wait;
}

/* After an ACK. True: something is waited for, the timer is armed. */
bool tcp_rack_mark_lost(struct tcp_sock *tp)
{
	uint64_t wait;

	if (!tp->rack.advanced)
		return false;
	tp->rack.advanced = false;
	wait = detect(tp);
	if (wait)
		tcp_arm_reo(tp, wait);
	return wait;
}

void tcp_rack_timeout(struct tcp_sock *tp)
{
	uint32_t due = tp->rexmit_due;
	uint64_t wait = detect(tp), lost = tp->lost;

	if (tp->rexmit_due != due) {
		if (tp->ca_state != CONGESTION_RECOVERY)
			tcp_enter_recovery(tp, false);
		if (!tcp_cc_controls(tp))
			tcp_prr_ack(tp, 1, tp->lost - lost, false);
	}
	if (wait)
		tcp_arm_reo(tp, wait);
	else
		tcp_rearm_rto(tp);
	tcp_output(tp);
}
