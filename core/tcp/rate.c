/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate.c - how fast data arrives (draft-cheng-iccrg-delivery-rate-estimation-02, Linux's
 * tcp_rate.c).
 *
 * Theory of operation. The connection counts the bytes that it knows to have arrived (delivered),
 * and when it last learned of some (delivered_at). Each transmission takes a copy of both along.
 * An acknowledgement of it then tells how much arrived between the two, and in which time:
 *
 *	         first_sent     sent                          two measures of the same bytes:
 *	sender ------|===========|------------------------->  send phase: sent - first_sent
 *	               \          \         /         /
 *	receiver        \          \       / ACKs    /        ACK phase:  now - delivered_at, as
 *	                                                      copied with the transmission
 *	rate = (delivered now - delivered then) / max(send phase, ACK phase)
 *
 * The longer phase counts: ACKs can come bunched, faster than data ever left. first_sent is the
 * departure of the last segment that was acknowledged before this one left, so that the send
 * phase spans the same bytes as the ACK phase. The sample is that of the segment which was sent
 * last among those that an ACK covers: it is of the most recent flight. A sample shorter than the
 * smallest round trip is of a retransmission whose original was acknowledged: it is none.
 *
 * A sender with too little to send sees its own rate, not the path's. While there is nothing to
 * send and cwnd would allow more, there is a bubble in the pipe: app_limited is the count of
 * delivered at which its end will have passed, and segments that are sent until then are marked. A
 * writer that was refused for want of room in the send buffer has more to send, also while it has
 * been told of room and not written yet: as with the peer's window, what the buffer lets through is
 * then all that this connection can have. (Otherwise BBR, in whose STARTUP losses fill the buffer
 * with what is SACKed, would find each further sample limited, stay in STARTUP and lose a third of
 * the queue again in every second round.)
 *
 * A window that a hole keeps shut is another matter, and a bubble: the peer has room again when the
 * hole is filled, and until then no sample is of the path. Linux does not see it so; its BBR takes
 * three such rounds of STARTUP, early on a lossy path, for a full pipe, and crawls from then on.
 *
 * A round trip ends when a segment is acknowledged that was sent after the round began: its copy of
 * delivered is not less than delivered was then. (In sequence numbers, retransmissions of old data
 * would stretch it.)
 */
#include "tcp/sock.h"

void rate_begin(struct tcp_sock *tp, struct rate_sample *rs)
{
	rate_check_app_limited(tp);
	*rs = (struct rate_sample){
		.delivered_before = tp->delivered, .lost_before = tp->lost,
		.in_flight_before = tcp_pipe(tp),
	};
}

/* The peer keeps what came behind a hole, and has no room for more until that is filled. */
static bool held_by_hole(const struct tcp_sock *tp)
{
	return tp->sacked_out && tp->ca_state >= CONGESTION_RECOVERY &&
	       (int32_t)(tp->snd_una + tp->snd_wnd - tp->snd_nxt) < (int32_t)tp->mss;
}

static bool nothing_to_send(const struct tcp_sock *tp)
{
	return tp->write_seq - tp->snd_nxt < tp->mss && !tp->writer_waits;
}

/* Nothing that could be sent, though it might: the bubble ends with what is in flight now. */
void rate_check_app_limited(struct tcp_sock *tp)
{
	uint64_t end = tp->delivered + tcp_pipe(tp);

	if ((nothing_to_send(tp) || held_by_hole(tp)) &&
	    tp->charge->handed == tp->charge->left &&		/* no queue of this host has any */
	    tcp_pipe(tp) < tp->cc.cwnd && !tp->rexmit_due)
		tp->app_limited = end ? end : 1;
}

/* p of the send queue has left at seg->sent. SND.NXT does not count it yet, if it is new. */
void rate_sent(struct tcp_sock *tp, struct packet *p)
{
	struct tcp_seg *seg = seg_of(p);

	if (tp->snd_nxt == tp->snd_una)		/* nothing in flight: both phases begin here */
		tp->first_sent = tp->delivered_at = seg->sent;
	seg->first_sent = tp->first_sent;
	seg->delivered = tp->delivered;
	seg->delivered_at = tp->delivered_at;
	seg->app_limited = tp->app_limited != 0;
}

static bool sent_after(const struct tcp_seg *seg, const struct rate_sample *rs)
{
	return seg->sent > rs->sent || (seg->sent == rs->sent && seq_lt(rs->end, seg->end));
}

/* The peer has n bytes of p that it was not known to have. */
void rate_delivered(struct tcp_sock *tp, struct packet *p, uint32_t n, struct rate_sample *rs)
{
	const struct tcp_seg *seg = seg_of(p);

	tp->delivered += n;
	if (rs->sent && !sent_after(seg, rs))
		return;
	rs->sent = seg->sent;
	rs->end = seg->end;
	rs->prior_delivered = seg->delivered;
	rs->prior_at = seg->delivered_at;
	rs->send_phase = seg->sent - seg->first_sent;
	rs->app_limited = seg->app_limited;
	tp->first_sent = seg->sent;
}

/* The best of late, for the size of bursts, and what TCP_INFO shows. */
static void note_rate(struct tcp_sock *tp, const struct congestion_ack *a)
{
	if (!a->app_limited || a->rate >= tp->delivery_rate) {
		tp->delivery_rate = a->rate;
		tp->delivery_app_limited = a->app_limited;
	}
	if (a->rate > tp->rate)
		tp->rate = a->rate;
	else if (!a->app_limited)
		tp->rate -= (tp->rate - a->rate) / 8;
}

/* All that the ACK covers is counted, and its round-trip time: what does it tell? */
void rate_sample(struct tcp_sock *tp, const struct rate_sample *rs, struct congestion_ack *a)
{
	uint64_t ack_phase = tcp_now(tp) - rs->prior_at;

	a->acked = tp->delivered - rs->delivered_before;
	a->lost = tp->lost - rs->lost_before;
	a->prior_in_flight = rs->in_flight_before;
	if (a->acked)
		tp->delivered_at = tcp_now(tp);
	if (tp->app_limited && tp->delivered > tp->app_limited)
		tp->app_limited = 0;
	if (!rs->sent)
		return;
	a->delivered = tp->delivered - rs->prior_delivered;
	a->prior_delivered = rs->prior_delivered;
	a->app_limited = rs->app_limited;
	if (rs->prior_delivered >= tp->round_delivered) {
		a->round_start = true;
		tp->round_delivered = tp->delivered;
	}
	a->interval = rs->send_phase > ack_phase ? rs->send_phase : ack_phase;
	if (!a->interval || a->interval < tp->min_rtt) {
		a->interval = 0;
		return;
	}
	a->rate = (uint64_t)((unsigned __int128)a->delivered * NSEC_PER_SEC / a->interval);
	note_rate(tp, a);
}
